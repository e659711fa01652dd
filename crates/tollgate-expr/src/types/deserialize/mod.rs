//! JSON as values of C# types, as Json.NET's serializer reads it: token by token, from text or from a tree, so that a
//! fault is met where Json.NET meets it and is told with its place.

mod collect;
mod leaf;

pub(super) use self::leaf::enumeration;
use self::leaf::leaf_want;
use super::{Ty, TypeId, is_assignable};
use crate::eval::{Cx, primitive_type};
use crate::json::{
    DateParse, JsonId, PrimitiveType, Reader, Scalar, Token, TokenSource, TreeReader, Want,
};
use crate::{Exception, ExceptionKind, Value};

type Run = Result<Value, Exception>;

/// `JsonConvert.DeserializeObject`: of no type, trees and plain values.
pub(super) fn from_text(cx: &mut Cx<'_>, text: &str, ty: Option<&Ty>) -> Run {
    let open: &[u8] = match ty {
        Some(ty) if ty.is(TypeId::JObject) => b"{",
        Some(ty) if ty.is(TypeId::JArray) => b"[",
        Some(ty) if *ty == Ty::OBJECT || ty.is(TypeId::JToken) => b"{[",
        None => b"{[",
        _ => b"",
    };
    if !open.is_empty()
        && let Some(id) = cx.state.json.plain(text, open, &mut cx.state.budget)?
        && (ty.is_some_and(|ty| *ty != Ty::OBJECT) || !has_metadata(cx, id))
    {
        return Ok(Value::Json(id));
    }
    let source = TokenSource::Text(Reader::new(text, DateParse::DateTime));
    let mut deserializer = Deserializer { cx, source };
    let value = deserializer.document(ty)?;
    while deserializer.advance()? {
        if deserializer.source.token() != Token::Comment {
            let message =
                "Additional text found in JSON string after finishing deserializing object.";
            return Err(deserializer.fault(message));
        }
    }
    deserializer.cast(value, ty)
}

/// `ToObject` of a token.
pub(super) fn from_tree(cx: &mut Cx<'_>, id: JsonId, ty: &Ty) -> Run {
    let source = TokenSource::Tree(TreeReader::new(id));
    let mut deserializer = Deserializer { cx, source };
    let value = deserializer.document(Some(ty))?;
    deserializer.cast(value, Some(ty))
}

/// Whether an object begins with a name that the serializer reads as its own.
fn has_metadata(cx: &Cx<'_>, id: JsonId) -> bool {
    let first = cx.state.json.child(id, 0);
    first.and_then(|first| cx.state.json.name(first)).is_some_and(|name| name.starts_with('$'))
}

/// How a type is read.
#[derive(Debug, Clone, PartialEq)]
enum Contract {
    /// Anything: trees and plain values.
    Any,
    /// `JToken` and its kin.
    Tree,
    /// By way of an XML document.
    Xml(TypeId),
    Leaf(PrimitiveType),
    Enum,
    Map,
    /// A sequence of items of a type.
    Items(Ty),
    Pair,
    /// Made of its parts at once.
    Tuple,
    /// Nothing of JSON becomes it.
    Other,
}

impl Contract {
    fn of(ty: Option<&Ty>) -> Self {
        let Some(ty) = ty.filter(|ty| **ty != Ty::OBJECT) else { return Self::Any };
        if let Some((primitive, _)) = primitive_type(ty) {
            return Self::Leaf(primitive);
        }
        let plain = ty.strip_nullable();
        if plain.is_enum() {
            return Self::Enum;
        }
        if is_assignable(ty, &Ty::JTOKEN) {
            return Self::Tree;
        }
        match plain {
            Ty::Named(tree) if super::xml::is_tree(*tree) => Self::Xml(*tree),
            Ty::Generic(
                TypeId::Dictionary | TypeId::IDictionary | TypeId::IReadOnlyDictionary,
                _,
            ) => Self::Map,
            Ty::Generic(TypeId::KeyValuePair, _) => Self::Pair,
            Ty::Generic(
                TypeId::Tuple1
                | TypeId::Tuple2
                | TypeId::Tuple3
                | TypeId::Tuple4
                | TypeId::Tuple5
                | TypeId::Tuple6
                | TypeId::Tuple7,
                _,
            ) => Self::Tuple,
            other => other.item().map_or(Self::Other, Self::Items),
        }
    }

    /// What messages say that a type wants.
    fn expected(&self) -> &'static str {
        match self {
            Self::Leaf(_) | Self::Enum => {
                "JSON primitive value (e.g. string, number, boolean, null)"
            }
            Self::Items(_) => "JSON array (e.g. [1,2,3])",
            _ => "JSON object (e.g. {\"name\":\"value\"})",
        }
    }
}

fn takes_null(ty: Option<&Ty>) -> bool {
    ty.is_none_or(Ty::takes_null)
}

struct Deserializer<'d, 'c, 't> {
    cx: &'d mut Cx<'c>,
    source: TokenSource<'t>,
}

impl Deserializer<'_, '_, '_> {
    /// Reads the next token; `false` at the end.
    fn advance(&mut self) -> Result<bool, Exception> {
        self.source.read(&self.cx.state.json, &mut self.cx.state.budget)
    }

    /// Reads the next token, which must be there.
    fn must_advance(&mut self) -> Result<(), Exception> {
        if self.advance()? { Ok(()) } else { Err(self.fault("Unexpected end when reading JSON.")) }
    }

    /// Reads the next token that is no comment.
    fn advance_to_content(&mut self) -> Result<bool, Exception> {
        while self.advance()? {
            if !matches!(self.source.token(), Token::None | Token::Comment) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// A `JsonSerializationException` about the token just read.
    #[cold]
    fn fault(&mut self, message: &str) -> Exception {
        let state = &mut *self.cx.state;
        let kind = ExceptionKind::JsonSerialization;
        self.source.fail(kind, message, &state.json, &mut state.budget)
    }

    /// Reads the next value as a type wants it; `false` at the end.
    fn advance_for(&mut self, ty: Option<&Ty>, contract: &Contract) -> Result<bool, Exception> {
        let want = match contract {
            Contract::Xml(_) | Contract::Pair => return self.advance(),
            Contract::Leaf(PrimitiveType::Int64) => {
                let read = self.advance_to_content()?;
                if self.source.token() == Token::Undefined {
                    let ty = ty.map(Ty::full_name).unwrap_or_default();
                    let message = format!("An undefined token is not a valid {ty}.");
                    return Err(self.reader_fault(&message));
                }
                return Ok(read);
            }
            Contract::Leaf(primitive) => leaf_want(*primitive),
            _ => None,
        };
        match want {
            None => self.advance_to_content(),
            Some(want) => {
                self.advance_as(want)?;
                Ok(self.source.token() != Token::None)
            }
        }
    }

    fn advance_as(&mut self, want: Want) -> Result<(), Exception> {
        self.source.read_as(want, &self.cx.state.json, &mut self.cx.state.budget)
    }

    #[cold]
    fn reader_fault(&mut self, message: &str) -> Exception {
        let state = &mut *self.cx.state;
        self.source.fail(ExceptionKind::JsonReader, message, &state.json, &mut state.budget)
    }

    /// The whole document.
    fn document(&mut self, ty: Option<&Ty>) -> Run {
        let contract = Contract::of(ty);
        if self.advance_for(ty, &contract)? {
            return self.value(ty, &contract);
        }
        match ty.filter(|ty| !ty.takes_null()) {
            None => Ok(Value::Null),
            Some(ty) => {
                let ty = ty.full_name();
                let message = format!("No JSON content found and type '{ty}' is not nullable.");
                Err(self.fault(&message))
            }
        }
    }

    /// The value whose first token was read.
    fn value(&mut self, ty: Option<&Ty>, contract: &Contract) -> Run {
        self.cx.step(1)?;
        match contract {
            Contract::Tree => return self.tree(ty),
            Contract::Xml(tree) => return self.xml(*tree),
            Contract::Pair => return self.nested(ty, contract),
            _ => {}
        }
        loop {
            match self.source.token() {
                Token::StartObject | Token::StartArray => return self.nested(ty, contract),
                Token::Integer
                | Token::Float
                | Token::Boolean
                | Token::Date
                | Token::Bytes
                | Token::String
                | Token::Null
                | Token::Undefined
                | Token::StartConstructor => {
                    let value = self.source.value();
                    return self.ensure(&value, ty, contract);
                }
                Token::Raw => return self.copy(true).map(Value::Json),
                Token::Comment => {}
                other => {
                    let name = other.name();
                    let message = format!("Unexpected token while deserializing object: {name}");
                    return Err(self.fault(&message));
                }
            }
            if !self.advance()? {
                return Err(self.fault("Unexpected end when deserializing object."));
            }
        }
    }

    fn nested(&mut self, ty: Option<&Ty>, contract: &Contract) -> Run {
        self.cx.state.budget.enter()?;
        let made = match (contract, self.source.token()) {
            (Contract::Pair, _) => self.pair(ty),
            (_, Token::StartObject) => self.object(ty, contract),
            _ => self.list(ty, contract),
        };
        self.cx.state.budget.leave();
        made
    }

    /// An item of a collection, whose first token was read.
    fn item(&mut self, ty: &Ty, contract: &Contract) -> Run {
        let value = self.value(Some(ty), contract)?;
        self.cast(value, Some(ty))
    }

    /// A tree may be of another kind than the type says.
    fn cast(&self, value: Value, ty: Option<&Ty>) -> Run {
        match (&value, ty) {
            (Value::Json(_), Some(ty)) => self.cx.cast(value, ty),
            _ => Ok(value),
        }
    }

    fn copy(&mut self, comments: bool) -> Result<JsonId, Exception> {
        let state = &mut *self.cx.state;
        self.source.copy(comments, &mut state.json, &mut state.budget)
    }

    /// A token as it is.
    fn tree(&mut self, ty: Option<&Ty>) -> Run {
        let named = |id| ty.is_some_and(|ty| ty.is(id));
        if named(TypeId::JRaw) {
            let id = self.copy(true)?;
            let state = &mut *self.cx.state;
            let text = state.json.to_json(id, crate::json::Formatting::None, &mut state.budget)?;
            return state.json.value(Scalar::Raw(text.into()), &mut state.budget).map(Value::Json);
        }
        if self.source.token() == Token::Null && !named(TypeId::JValue) && !named(TypeId::JToken) {
            return Ok(Value::Null);
        }
        self.copy(true).map(Value::Json)
    }

    /// By way of a document.
    fn xml(&mut self, tree: TypeId) -> Run {
        match self.source.token() {
            Token::Null => return Ok(Value::Null),
            Token::StartObject => {}
            _ => {
                let message = "XmlNodeConverter can only convert JSON that begins with an object.";
                return Err(self.fault(message));
            }
        }
        let id = self.copy(true)?;
        super::xml::from_json(self.cx, id, tree)
    }
}
