//! From bytes to a value.

use std::sync::Arc;

use bytes::Bytes;
use rust_decimal::Decimal;

use super::{ITEM_TYPES, MAX_DEPTH, SMALL_TYPES, tag};
use crate::collections::{Comparer, Dictionary, Key};
use crate::json::{JsonId, Scalar};
use crate::state::Object;
use crate::time::{DateTime, DateTimeOffset, Kind, TimeSpan};
use crate::types::Ty;
use crate::xml::{Dtd, ReadOptions, XmlKind};
use crate::{EvalState, Exception, Jwt, Response, Value};

/// What is read; nothing when the bytes are not what they should be.
type Read<T> = Result<Option<T>, Exception>;

/// Goes on with a value, or ends with nothing.
macro_rules! some {
    ($value:expr) => {
        match $value {
            Some(value) => value,
            None => return Ok(None),
        }
    };
}

pub(super) struct Reader<'b> {
    pub(super) rest: &'b [u8],
}

/// A container whose children are still to come.
struct Open {
    id: JsonId,
    left: usize,
}

impl<'b> Reader<'b> {
    pub(super) fn value(&mut self, state: &mut EvalState, depth: usize) -> Read<Value> {
        state.budget.step(1)?;
        Ok(Some(match some!(self.byte()) {
            tag::NULL => Value::Null,
            tag::FALSE => Value::Bool(false),
            tag::TRUE => Value::Bool(true),
            tag::CHAR => Value::Char(u16::from_le_bytes(some!(self.array()))),
            tag::SBYTE => Value::SByte(i8::from_le_bytes(some!(self.array()))),
            tag::BYTE => Value::Byte(some!(self.byte())),
            tag::SHORT => Value::Short(i16::from_le_bytes(some!(self.array()))),
            tag::USHORT => Value::UShort(u16::from_le_bytes(some!(self.array()))),
            tag::INT => Value::Int(i32::from_le_bytes(some!(self.array()))),
            tag::UINT => Value::UInt(u32::from_le_bytes(some!(self.array()))),
            tag::LONG => Value::Long(i64::from_le_bytes(some!(self.array()))),
            tag::ULONG => Value::ULong(u64::from_le_bytes(some!(self.array()))),
            tag::FLOAT => Value::Float(f32::from_le_bytes(some!(self.array()))),
            tag::DOUBLE => Value::Double(f64::from_le_bytes(some!(self.array()))),
            tag::DECIMAL => Value::Decimal(Decimal::deserialize(some!(self.array()))),
            tag::STRING => Value::Str(some!(self.text(state)?)),
            tag::BYTES => {
                let bytes = some!(self.run());
                state.budget.memory(bytes.len())?;
                Value::Bytes(bytes.into())
            }
            tag::DATE_TIME => Value::DateTime(some!(self.time())),
            tag::DATE_TIME_OFFSET => Value::DateTimeOffset(some!(self.offset())),
            tag::TIME_SPAN => Value::TimeSpan(some!(self.span())),
            tag::GUID => Value::Guid(some!(self.array())),
            tag::JSON => Value::Json(some!(self.json(state)?)),
            tag::XML_DOCUMENT => some!(self.xml(state, false)?),
            tag::XML_ELEMENT => some!(self.xml(state, true)?),
            tag::JWT => {
                let text = some!(self.text(state)?);
                Value::jwt(some!(Jwt::parse(&text)))
            }
            tag::RESPONSE => Value::response(some!(self.response(state)?)),
            kind @ (tag::ARRAY | tag::LIST) => some!(self.items(state, kind, depth)?),
            tag::DICTIONARY => some!(self.dictionary(state, depth)?),
            _ => return Ok(None),
        }))
    }

    fn byte(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.rest.split_first_chunk::<N>()?;
        self.rest = rest;
        Some(*bytes)
    }

    /// A number of things that follow: at least a byte for each.
    fn count(&mut self) -> Option<usize> {
        let count = u32::from_le_bytes(self.array()?) as usize;
        (count <= self.rest.len()).then_some(count)
    }

    fn run(&mut self) -> Option<&'b [u8]> {
        let length = self.count()?;
        let (bytes, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(bytes)
    }

    fn text(&mut self, state: &mut EvalState) -> Read<Arc<str>> {
        let text = some!(self.run().and_then(|bytes| std::str::from_utf8(bytes).ok()));
        state.budget.memory(text.len())?;
        Ok(Some(text.into()))
    }

    fn time(&mut self) -> Option<DateTime> {
        let kind = match self.byte()? {
            0 => Kind::Unspecified,
            1 => Kind::Utc,
            2 => Kind::Local,
            _ => return None,
        };
        DateTime::from_ticks(i64::from_le_bytes(self.array()?), kind).ok()
    }

    fn offset(&mut self) -> Option<DateTimeOffset> {
        let clock = i64::from_le_bytes(self.array()?);
        let clock = DateTime::from_ticks(clock, Kind::Unspecified).ok()?;
        DateTimeOffset::with_offset(clock, self.span()?).ok()
    }

    fn span(&mut self) -> Option<TimeSpan> {
        self.array().map(|bytes| TimeSpan::from_ticks(i64::from_le_bytes(bytes)))
    }

    fn json(&mut self, state: &mut EvalState) -> Read<JsonId> {
        let (root, left) = some!(self.token(state)?);
        let mut open = vec![Open { id: root, left }];
        while let Some(parent) = open.last_mut() {
            if parent.left == 0 {
                let done = open.pop();
                // A container is put into its parent when it is whole.
                if let (Some(done), Some(parent)) = (done, open.last()) {
                    put(state, parent.id, done.id)?;
                }
                continue;
            }
            parent.left -= 1;
            let parent = parent.id;
            match some!(self.token(state)?) {
                (child, 0) => put(state, parent, child)?,
                (id, left) => open.push(Open { id, left }),
            }
        }
        Ok(Some(root))
    }

    /// A token and how many children follow it.
    fn token(&mut self, state: &mut EvalState) -> Read<(JsonId, usize)> {
        use tag::json as is;
        state.budget.step(1)?;
        let scalar = match some!(self.byte()) {
            is::OBJECT => {
                let count = some!(self.count());
                return Ok(Some((state.json.object(&mut state.budget)?, count)));
            }
            is::ARRAY => {
                let count = some!(self.count());
                return Ok(Some((state.json.array(&mut state.budget)?, count)));
            }
            is::PROPERTY => {
                let name = some!(self.text(state)?);
                return Ok(Some((state.json.property(name, None, &mut state.budget)?, 1)));
            }
            is::NULL => Scalar::Null,
            is::UNDEFINED => Scalar::Undefined,
            is::FALSE => Scalar::Bool(false),
            is::TRUE => Scalar::Bool(true),
            is::INT => Scalar::Int(i64::from_le_bytes(some!(self.array()))),
            is::SMALL => {
                let ty = some!(self.byte().and_then(|at| SMALL_TYPES.get(usize::from(at))));
                some!(self.byte());
                Scalar::Small(*ty, i64::from_le_bytes(some!(self.array())))
            }
            is::UINT => Scalar::UInt(u64::from_le_bytes(some!(self.array()))),
            is::BIG => Scalar::BigInt(some!(self.text(state)?.filter(|text| is_number(text)))),
            is::DOUBLE => Scalar::Double(f64::from_le_bytes(some!(self.array()))),
            is::SINGLE => Scalar::Single(f32::from_le_bytes(some!(self.array()))),
            is::DECIMAL => Scalar::Decimal(Decimal::deserialize(some!(self.array()))),
            is::STRING => Scalar::Str(some!(self.text(state)?)),
            is::NULL_STRING => Scalar::NullStr,
            is::CHAR => Scalar::Char(some!(self.text(state)?)),
            is::DATE => Scalar::Date(some!(self.time())),
            is::DATE_OFFSET => Scalar::DateOffset(some!(self.offset())),
            is::BYTES => Scalar::Bytes(some!(self.run()).into()),
            is::GUID => Scalar::Guid(some!(self.array())),
            is::URI => Scalar::Uri((*some!(self.text(state)?)).into()),
            is::TIME_SPAN => Scalar::TimeSpan(some!(self.span())),
            is::COMMENT => Scalar::Comment(some!(self.text(state)?)),
            is::RAW => Scalar::Raw(some!(self.text(state)?)),
            _ => return Ok(None),
        };
        Ok(Some((state.json.value(scalar, &mut state.budget)?, 0)))
    }

    fn xml(&mut self, state: &mut EvalState, element: bool) -> Read<Value> {
        let text = some!(self.run().and_then(|bytes| std::str::from_utf8(bytes).ok()));
        let options = ReadOptions { preserve_whitespace: true, dtd: Dtd::Prohibit };
        let parsed = some!(state.xml.parse(text, options, &mut state.budget).ok());
        if !element {
            return Ok(Some(Value::Xml(parsed.document)));
        }
        let root =
            some!(state.xml.first_of(parsed.document, XmlKind::Element, &mut state.budget)?);
        // What was kept is the element alone.
        state.xml.remove(root)?;
        Ok(Some(Value::Xml(root)))
    }

    fn response(&mut self, state: &mut EvalState) -> Read<Response> {
        let status = i32::from_le_bytes(some!(self.array()));
        let reason = some!(self.labelled(state)?).to_string();
        let mut headers = Vec::new();
        some!(self.byte());
        for _ in 0..some!(self.count()) {
            let name = some!(self.labelled(state)?).to_string();
            let mut values = Vec::new();
            some!(self.byte());
            for _ in 0..some!(self.count()) {
                values.push(some!(self.labelled(state)?).to_string());
            }
            headers.push((name, values));
        }
        let has_body = some!(self.byte()) == 1;
        let body = some!(self.run());
        state.budget.memory(body.len())?;
        let body = has_body.then(|| Bytes::copy_from_slice(body));
        Ok(Some(Response { status, reason, headers, body }))
    }

    /// A text behind a byte that says nothing.
    fn labelled(&mut self, state: &mut EvalState) -> Read<Arc<str>> {
        some!(self.byte());
        self.text(state)
    }

    fn item_type(&mut self) -> Option<Ty> {
        ITEM_TYPES.get(usize::from(self.byte()?)).cloned()
    }

    fn items(&mut self, state: &mut EvalState, kind: u8, depth: usize) -> Read<Value> {
        if depth >= MAX_DEPTH {
            return Ok(None);
        }
        let ty = some!(self.item_type());
        some!(self.byte());
        let count = some!(self.count());
        let mut items = Vec::new();
        for _ in 0..count {
            items.push(some!(self.value(state, depth + 1)?));
        }
        let made = if kind == tag::ARRAY { state.array(ty, items) } else { state.list(ty, items) };
        made.map(Some)
    }

    fn dictionary(&mut self, state: &mut EvalState, depth: usize) -> Read<Value> {
        if depth >= MAX_DEPTH {
            return Ok(None);
        }
        let (key, item) = (some!(self.item_type()), some!(self.item_type()));
        let comparer = if some!(self.byte()) == 0 { Comparer::Exact } else { Comparer::AnyCase };
        let mut dictionary = Dictionary::new(key, item, comparer);
        some!(self.byte());
        for _ in 0..some!(self.count()) {
            let key = some!(self.value(state, depth + 1)?);
            let item = some!(self.value(state, depth + 1)?);
            state.budget.memory(2 * size_of::<Value>())?;
            dictionary.set(Key::of(&key, comparer), key, item);
        }
        state.add(Object::Dictionary(Box::new(dictionary))).map(Some)
    }
}

/// Puts a token that is whole into the one around it.
fn put(state: &mut EvalState, parent: JsonId, child: JsonId) -> Result<(), Exception> {
    if state.json.token_type(parent) == crate::json::JsonType::Property {
        return state.json.set_property_value(parent, Some(child), &mut state.budget);
    }
    state.json.add(parent, Some(child), &mut state.budget)
}

/// Whether a text is a whole number as one is kept.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}
