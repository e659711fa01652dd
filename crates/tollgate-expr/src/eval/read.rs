//! Reading the request without objects between: `context.Request.Headers.GetValueOrDefault("a", "b")` is one look-up,
//! and its text is borrowed until somebody wants to keep it.

use std::borrow::Cow;
use std::sync::Arc;

use super::{Cx, Result};
use crate::state::confusion;
use crate::types::{TextOf, Ty, context};
use crate::value::HostRef;
use crate::{Exception, ExceptionKind, MessageKind, Value};

/// Something that is read.
#[derive(Debug, Clone)]
pub(crate) struct Read {
    pub(crate) from: From,
    /// A part that must be there, and where asking for a member of it throws when it is not.
    pub(crate) need: Option<(HostRef, u32)>,
    /// Where it throws.
    pub(crate) at: u32,
    /// The steps that the members take together.
    pub(crate) steps: u32,
}

/// From where.
#[derive(Debug, Clone)]
pub(crate) enum From {
    Const(Value),
    Local(u16),
    /// A part of `context`, or null.
    Part(HostRef),
    /// Text of a part that must be there.
    Text(TextOf, HostRef),
    /// Text of a part, or null.
    TextOrNull(TextOf, HostRef),
    Status,
    /// All values of a header joined, or something else.
    Header(MessageKind, Arc<str>, Value),
    /// A parameter of the URL template; an exception when there is none and nothing else is given.
    Matched(Arc<str>, Option<Value>),
    /// All values of a parameter of the query joined, or something else.
    Query(HostRef, Arc<str>, Value),
    Variable(Box<Variable>),
    HasVariable(Arc<str>),
    HasHeader(MessageKind, Arc<str>),
    Claim(Box<Claim>),
    /// The first; the second when it is null.
    Or(Box<Read>, Box<Read>),
}

/// A claim of a token.
#[derive(Debug, Clone)]
pub(crate) struct Claim {
    pub(crate) token: Read,
    pub(crate) name: Arc<str>,
    pub(crate) of: ClaimOf,
    /// Where it throws when there is no token.
    pub(crate) at: u32,
}

/// What is asked about a claim.
#[derive(Debug, Clone)]
pub(crate) enum ClaimOf {
    /// All its values joined, or something else.
    Text(Value),
    IsThere,
}

/// A context variable.
#[derive(Debug, Clone)]
pub(crate) struct Variable {
    pub(crate) name: Arc<str>,
    /// What it must be, and where it throws when it is not.
    pub(crate) cast: Option<(Ty, u32)>,
    /// What there is when it is not set.
    pub(crate) missing: Value,
}

/// What was read.
#[derive(Debug)]
pub(crate) enum Found<'c> {
    Text(Cow<'c, str>),
    Ref(&'c Value),
    Own(Value),
}

impl<'c> Found<'c> {
    const NULL: Found<'static> = Found::Own(Value::Null);

    fn is_null(&self) -> bool {
        matches!(self, Found::Ref(Value::Null) | Found::Own(Value::Null))
    }

    /// The text, when it is a string.
    pub(crate) fn as_str(&self) -> Option<&str> {
        match self {
            Found::Text(text) => Some(text),
            Found::Ref(value) => value.as_str(),
            Found::Own(value) => value.as_str(),
        }
    }

    fn text_or(text: Option<Cow<'c, str>>, default: &'c Value) -> Self {
        text.map_or(Found::Ref(default), Found::Text)
    }
}

impl Cx<'_> {
    /// The value of what is read.
    pub(crate) fn read(&mut self, read: &Read) -> Result<Value> {
        self.step(u64::from(read.steps))?;
        let (value, size) = match self.peek(read)? {
            Found::Ref(value) => return Ok(value.clone()),
            Found::Own(value) => return Ok(value),
            Found::Text(text) => (Value::from(&*text), text.len()),
        };
        self.charge(size)?;
        Ok(value)
    }

    /// What is read, borrowed where it can be. The caller takes the steps.
    pub(crate) fn peek<'c>(&'c self, read: &'c Read) -> Result<Found<'c>> {
        if let Some((part, at)) = read.need
            && !self.has(part)
        {
            return Err(Exception::null_reference().at(at as usize));
        }
        Ok(match &read.from {
            From::Const(value) => Found::Ref(value),
            From::Local(slot) => Found::Ref(self.local(*slot)),
            From::Part(part) if self.has(*part) => Found::Own(Value::Host(*part)),
            From::Part(_) => Found::NULL,
            From::Text(text, part) => match text(&*self.host, *part) {
                Some(text) => Found::Text(text),
                None => return Err(Exception::null_reference().at(read.at as usize)),
            },
            From::TextOrNull(text, part) => {
                text(&*self.host, *part).map_or(Found::NULL, Found::Text)
            }
            From::Status => Found::Own(Value::Int(self.host.status())),
            From::Header(kind, name, default) => {
                Found::text_or(self.host.header(*kind, name), default)
            }
            From::Matched(name, default) => self.matched(name, default.as_ref(), read.at)?,
            From::Query(part, name, default) => {
                Found::text_or(context::query_text(self, *part, name), default)
            }
            From::Variable(variable) => self.variable(variable)?,
            From::HasVariable(name) => Found::Own(Value::Bool(self.host.variable(name).is_some())),
            From::HasHeader(kind, name) => {
                Found::Own(Value::Bool(self.host.header(*kind, name).is_some()))
            }
            From::Claim(claim) => self.claim(claim, read.at)?,
            From::Or(first, second) => match self.peek(first)? {
                found if found.is_null() => self.peek(second)?,
                found => found,
            },
        })
    }

    /// Whether a part of `context` is there.
    fn has(&self, part: HostRef) -> bool {
        match part {
            HostRef::Api => self.host.api().is_some(),
            HostRef::Operation => self.host.operation().is_some(),
            HostRef::Product => self.host.product().is_some(),
            HostRef::Subscription => self.host.subscription().is_some(),
            HostRef::User => self.host.user().is_some(),
            HostRef::LastError => self.host.last_error().is_some(),
            HostRef::Response => self.host.has_response(),
            HostRef::Body(kind) => self.host.body(kind).is_some(),
            _ => true,
        }
    }

    fn matched<'c>(&'c self, name: &str, default: Option<&'c Value>, at: u32) -> Result<Found<'c>> {
        let mut all = self.host.matched_parameters().iter();
        match (all.find(|(known, _)| known == name), default) {
            (Some((_, value)), _) => Ok(Found::Text(Cow::Borrowed(value))),
            (None, Some(default)) => Ok(Found::Ref(default)),
            (None, None) => {
                let message = format!("The given key '{name}' was not present in the dictionary.");
                Err(Exception::new(ExceptionKind::KeyNotFound, message).at(at as usize))
            }
        }
    }

    fn claim<'c>(&'c self, claim: &'c Claim, at: u32) -> Result<Found<'c>> {
        let jwt = match self.peek(&claim.token)? {
            Found::Ref(Value::Jwt(jwt)) => jwt,
            found if found.is_null() => {
                return Err(Exception::null_reference().at(claim.at as usize));
            }
            _ => return Err(confusion().at(at as usize)),
        };
        let values = jwt.claim(&claim.name);
        Ok(match &claim.of {
            ClaimOf::IsThere => Found::Own(Value::Bool(values.is_some())),
            ClaimOf::Text(default) => Found::text_or(values.map(context::joined_values), default),
        })
    }

    fn variable<'c>(&'c self, variable: &'c Variable) -> Result<Found<'c>> {
        let value = self.host.variable(&variable.name).unwrap_or(&variable.missing);
        let Some((ty, at)) = &variable.cast else { return Ok(Found::Ref(value)) };
        if self.is_instance(value, ty) || (value.is_null() && ty.takes_null()) {
            return Ok(Found::Ref(value));
        }
        let cast = self.cast(value.clone(), ty);
        cast.map(Found::Own).map_err(|exception| exception.at(*at as usize))
    }
}
