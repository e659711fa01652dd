//! Text inside JSON trees that are at hand: `(string)((JObject)context.Variables["a"])["b"]` without values between.
//!
//! INVARIANT: looking changes nothing. Whatever is not a string where one is expected is left to the plain tree, with
//! its conversions and exceptions.

use std::sync::Arc;

use super::read::From;
use super::{Call, Cx, Node, Result};
use crate::Value;
use crate::json::{JsonId, JsonType, Scalar};
use crate::types::{Shortcut, Ty, TypeId};

/// Text of a token.
#[derive(Debug, Clone)]
pub(crate) struct TokenText {
    token: Token,
    /// The steps of the members on the way.
    steps: u32,
    /// What it was made of.
    pub(crate) plain: Node,
}

/// A token that is found by looking.
#[derive(Debug, Clone)]
enum Token {
    Local(u16),
    Variable(Arc<str>),
    /// A token that must be an object, an array, or either.
    Only(Box<Token>, Option<JsonType>),
    /// The value of a property.
    Named(Box<Token>, Arc<str>),
    /// An item of an array.
    Item(Box<Token>, Index),
}

#[derive(Debug, Clone)]
enum Index {
    Const(i32),
    Local(u16),
    Variable(Arc<str>),
}

impl TokenText {
    /// What a call that makes text of a token comes down to.
    pub(super) fn of(call: &Call) -> Option<Self> {
        let (token, steps) = match (call.run.shortcut?, &*call.args) {
            (Shortcut::JsonText | Shortcut::JsonString, [token]) => Token::of(token)?,
            (Shortcut::JsonValue, [token, key]) if *call.types == [Ty::STRING] => {
                Token::child(token, key)?
            }
            _ => return None,
        };
        // A token that is just at hand costs nothing to get.
        if steps == 0 {
            return None;
        }
        Some(Self { token, steps: steps + 1, plain: Node::Call(Box::new(call.clone())) })
    }
}

impl Token {
    /// The token of a node, with the steps to it.
    fn of(node: &Node) -> Option<(Self, u32)> {
        match node {
            Node::Local(slot) => Some((Self::Local(*slot), 0)),
            Node::Read(read) if read.need.is_none() => {
                let From::Variable(variable) = &read.from else { return None };
                let token = Self::Variable(variable.name.clone());
                Some((token.only(variable.cast.as_ref().map(|(ty, _)| ty))?, read.steps))
            }
            Node::Cast { ty, value, .. } => {
                let (token, steps) = Self::of(value)?;
                Some((token.only(Some(ty))?, steps))
            }
            Node::Call(call) => match (call.run.shortcut?, &*call.args) {
                (Shortcut::JsonItem, [token, key]) => Self::child(token, key),
                (Shortcut::JsonValue, [token, key]) => {
                    let ty = call.types.first()?;
                    let (token, steps) = Self::child(token, key)?;
                    Some((token.only(Some(ty))?, steps))
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// The token of a key of a token.
    fn child(token: &Node, key: &Node) -> Option<(Self, u32)> {
        let (token, steps) = Self::of(token)?;
        let token = Box::new(token);
        Some(match key {
            Node::Const(Value::Str(name)) => (Self::Named(token, name.clone()), steps + 1),
            Node::Const(Value::Int(index)) => (Self::Item(token, Index::Const(*index)), steps + 1),
            Node::Local(slot) => (Self::Item(token, Index::Local(*slot)), steps + 1),
            Node::Read(read) if read.need.is_none() => {
                let From::Variable(variable) = &read.from else { return None };
                let (ty, _) = variable.cast.as_ref()?;
                if *ty != Ty::INT {
                    return None;
                }
                let index = Index::Variable(variable.name.clone());
                (Self::Item(token, index), steps + read.steps + 1)
            }
            _ => return None,
        })
    }

    /// The same token where it is of a type.
    fn only(self, ty: Option<&Ty>) -> Option<Self> {
        let kind = match ty.and_then(Ty::id) {
            Some(TypeId::JToken) => None,
            Some(TypeId::JObject) => Some(JsonType::Object),
            Some(TypeId::JArray) => Some(JsonType::Array),
            _ => return None,
        };
        Some(Self::Only(Box::new(self), kind))
    }
}

impl Cx<'_> {
    /// Text of a token.
    pub(super) fn token_text(&mut self, text: &TokenText) -> Result<Value> {
        if let Some(id) = self.find_token(&text.token)
            && let Some(Scalar::Str(found)) = self.state.json.scalar(id)
        {
            let found = Value::Str(found.clone());
            self.step(u64::from(text.steps))?;
            return Ok(found);
        }
        self.eval(&text.plain)
    }

    fn find_token(&self, token: &Token) -> Option<JsonId> {
        let json = &self.state.json;
        let of_value = |value: &Value| if let Value::Json(id) = value { Some(*id) } else { None };
        match token {
            Token::Local(slot) => of_value(self.local(*slot)),
            Token::Variable(name) => of_value(self.host.variable(name)?),
            Token::Only(token, kind) => {
                let id = self.find_token(token)?;
                kind.is_none_or(|kind| json.token_type(id) == kind).then_some(id)
            }
            Token::Named(token, name) => json.get(self.find_token(token)?, name),
            Token::Item(token, index) => {
                let array = self.find_token(token)?;
                let index = match index {
                    Index::Const(index) => *index,
                    Index::Local(slot) => int(self.local(*slot))?,
                    Index::Variable(name) => int(self.host.variable(name)?)?,
                };
                let is_array = json.token_type(array) == JsonType::Array;
                json.child(array, usize::try_from(index).ok().filter(|_| is_array)?)
            }
        }
    }
}

fn int(value: &Value) -> Option<i32> {
    if let Value::Int(number) = value { Some(*number) } else { None }
}
