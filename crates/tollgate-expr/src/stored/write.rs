//! From a value to bytes.

use rust_decimal::Decimal;

use super::{ITEM_TYPES, MAX_DEPTH, SMALL_TYPES, Unstorable, tag};
use crate::collections::Comparer;
use crate::json::{JsonId, JsonType, Scalar};
use crate::state::Object;
use crate::time::{DateTime, DateTimeOffset, Kind};
use crate::types::{Ty, TypeId, xml_type};
use crate::xml::{SaveOptions, XmlId};
use crate::{EvalState, Response, Value};

type Done = Result<(), Unstorable>;

/// `SaveOptions.DisableFormatting`: no white space that was not there.
const DISABLE_FORMATTING: i32 = 1;

pub(super) struct Writer<'s> {
    pub(super) state: &'s EvalState,
    pub(super) out: Vec<u8>,
    pub(super) limit: usize,
}

impl Writer<'_> {
    pub(super) fn value(&mut self, value: &Value, depth: usize) -> Done {
        match value {
            Value::Null => self.put(tag::NULL, &[]),
            Value::Bool(false) => self.put(tag::FALSE, &[]),
            Value::Bool(true) => self.put(tag::TRUE, &[]),
            Value::Char(unit) => self.put(tag::CHAR, &unit.to_le_bytes()),
            Value::SByte(number) => self.put(tag::SBYTE, &number.to_le_bytes()),
            Value::Byte(number) => self.put(tag::BYTE, &[*number]),
            Value::Short(number) => self.put(tag::SHORT, &number.to_le_bytes()),
            Value::UShort(number) => self.put(tag::USHORT, &number.to_le_bytes()),
            Value::Int(number) => self.put(tag::INT, &number.to_le_bytes()),
            Value::UInt(number) => self.put(tag::UINT, &number.to_le_bytes()),
            Value::Long(number) => self.put(tag::LONG, &number.to_le_bytes()),
            Value::ULong(number) => self.put(tag::ULONG, &number.to_le_bytes()),
            Value::Float(number) => self.put(tag::FLOAT, &number.to_le_bytes()),
            Value::Double(number) => self.put(tag::DOUBLE, &number.to_le_bytes()),
            Value::Decimal(number) => self.put(tag::DECIMAL, &Decimal::serialize(number)),
            Value::Str(text) => self.text(tag::STRING, text),
            Value::Bytes(bytes) => {
                let state = self.state;
                self.run(tag::BYTES, state.promoted(bytes).unwrap_or(bytes))
            }
            Value::DateTime(time) => self.time(tag::DATE_TIME, *time),
            Value::DateTimeOffset(time) => self.offset(tag::DATE_TIME_OFFSET, *time),
            Value::TimeSpan(span) => self.put(tag::TIME_SPAN, &span.ticks().to_le_bytes()),
            Value::Guid(guid) => self.put(tag::GUID, guid),
            Value::Json(id) => {
                self.put(tag::JSON, &[])?;
                self.json(*id)
            }
            Value::Xml(id) => self.xml(value, *id),
            Value::Jwt(jwt) if !jwt.token().is_empty() => self.text(tag::JWT, jwt.token()),
            Value::Response(response) => self.response(response),
            Value::Object(id) => self.object(value, self.state.object(*id), depth),
            _ => Err(self.unstorable(value)),
        }
    }

    fn unstorable(&self, value: &Value) -> Unstorable {
        Unstorable::Type(value.type_name(self.state).unwrap_or_default())
    }

    fn put(&mut self, tag: u8, bytes: &[u8]) -> Done {
        if self.out.len() + 1 + bytes.len() > self.limit {
            return Err(Unstorable::Length(self.limit));
        }
        self.out.push(tag);
        self.out.extend_from_slice(bytes);
        Ok(())
    }

    /// A number of things that follow.
    fn count(&mut self, tag: u8, count: usize) -> Done {
        let count = u32::try_from(count).map_err(|_| Unstorable::Length(self.limit))?;
        self.put(tag, &count.to_le_bytes())
    }

    fn run(&mut self, tag: u8, bytes: &[u8]) -> Done {
        if self.out.len() + 5 + bytes.len() > self.limit {
            return Err(Unstorable::Length(self.limit));
        }
        self.count(tag, bytes.len())?;
        self.out.extend_from_slice(bytes);
        Ok(())
    }

    fn text(&mut self, tag: u8, text: &str) -> Done {
        self.run(tag, text.as_bytes())
    }

    fn time(&mut self, tag: u8, time: DateTime) -> Done {
        let kind = match time.kind() {
            Kind::Unspecified => 0,
            Kind::Utc => 1,
            Kind::Local => 2,
        };
        let mut bytes = [kind; 9];
        for (slot, byte) in bytes.iter_mut().skip(1).zip(time.ticks().to_le_bytes()) {
            *slot = byte;
        }
        self.put(tag, &bytes)
    }

    fn offset(&mut self, tag: u8, time: DateTimeOffset) -> Done {
        let (clock, offset) = (time.clock().ticks(), time.offset().ticks());
        self.put(tag, &[clock.to_le_bytes(), offset.to_le_bytes()].concat())
    }

    /// A tree, parents before their children.
    fn json(&mut self, root: JsonId) -> Done {
        let heap = &self.state.json;
        let mut open = vec![root];
        while let Some(id) = open.pop() {
            match heap.token_type(id) {
                kind @ (JsonType::Object | JsonType::Array) => {
                    let tag =
                        if kind == JsonType::Object { tag::json::OBJECT } else { tag::json::ARRAY };
                    let count = heap.count(id);
                    self.count(tag, count)?;
                    open.extend((0..count).rev().filter_map(|index| heap.child(id, index)));
                }
                JsonType::Property => {
                    let name = heap.name(id).map_or("", |name| name);
                    self.text(tag::json::PROPERTY, name)?;
                    match heap.property_value(id) {
                        Some(value) => open.push(value),
                        None => self.scalar(&Scalar::Null)?,
                    }
                }
                JsonType::Constructor => return Err(self.unstorable(&Value::Json(id))),
                _ => match heap.scalar(id) {
                    Some(scalar) => self.scalar(scalar)?,
                    None => return Err(self.unstorable(&Value::Json(id))),
                },
            }
        }
        Ok(())
    }

    fn scalar(&mut self, scalar: &Scalar) -> Done {
        use tag::json as is;
        match scalar {
            Scalar::Null => self.put(is::NULL, &[]),
            Scalar::Undefined => self.put(is::UNDEFINED, &[]),
            Scalar::Bool(false) => self.put(is::FALSE, &[]),
            Scalar::Bool(true) => self.put(is::TRUE, &[]),
            Scalar::Int(number) => self.put(is::INT, &number.to_le_bytes()),
            Scalar::Small(ty, number) => {
                match SMALL_TYPES.iter().position(|known| known == ty).map(u8::try_from) {
                    Some(Ok(at)) => {
                        self.put(is::SMALL, &[at])?;
                        self.put(is::INT, &number.to_le_bytes())
                    }
                    // A constant of an enumeration is its number.
                    _ => self.put(is::INT, &number.to_le_bytes()),
                }
            }
            Scalar::UInt(number) => self.put(is::UINT, &number.to_le_bytes()),
            Scalar::BigInt(digits) => self.text(is::BIG, digits),
            Scalar::Double(number) => self.put(is::DOUBLE, &number.to_le_bytes()),
            Scalar::Single(number) => self.put(is::SINGLE, &number.to_le_bytes()),
            Scalar::Decimal(number) => self.put(is::DECIMAL, &Decimal::serialize(number)),
            Scalar::Str(text) => self.text(is::STRING, text),
            Scalar::NullStr => self.put(is::NULL_STRING, &[]),
            Scalar::Char(text) => self.text(is::CHAR, text),
            Scalar::Date(time) => self.time(is::DATE, *time),
            Scalar::DateOffset(time) => self.offset(is::DATE_OFFSET, *time),
            Scalar::Bytes(bytes) => self.run(is::BYTES, bytes),
            Scalar::Guid(guid) => self.put(is::GUID, guid),
            Scalar::Uri(uri) => self.text(is::URI, uri.original()),
            Scalar::TimeSpan(span) => self.put(is::TIME_SPAN, &span.ticks().to_le_bytes()),
            Scalar::Comment(text) => self.text(is::COMMENT, text),
            Scalar::Raw(text) => self.text(is::RAW, text),
        }
    }

    fn xml(&mut self, value: &Value, id: XmlId) -> Done {
        let tag = match xml_type(self.state.xml.kind(id)) {
            TypeId::XDocument => tag::XML_DOCUMENT,
            TypeId::XElement => tag::XML_ELEMENT,
            _ => return Err(self.unstorable(value)),
        };
        let options = SaveOptions::of(DISABLE_FORMATTING);
        let text = self.state.xml.to_text(id, options, &mut self.state.budget.clone());
        match text {
            Ok(text) => self.text(tag, &text),
            Err(_) => Err(self.unstorable(value)),
        }
    }

    fn response(&mut self, response: &Response) -> Done {
        self.put(tag::RESPONSE, &response.status.to_le_bytes())?;
        self.text(0, &response.reason)?;
        self.count(0, response.headers.len())?;
        for (name, values) in &response.headers {
            self.text(0, name)?;
            self.count(0, values.len())?;
            for value in values {
                self.text(0, value)?;
            }
        }
        match &response.body {
            Some(body) => self.run(1, body),
            None => self.run(0, &[]),
        }
    }

    fn object(&mut self, value: &Value, object: &Object, depth: usize) -> Done {
        if depth >= MAX_DEPTH {
            return Err(Unstorable::Depth);
        }
        match object {
            Object::Array { item, items } => self.items(tag::ARRAY, value, (item, items), depth),
            Object::List { item, items, .. } => self.items(tag::LIST, value, (item, items), depth),
            Object::Dictionary(dictionary) if dictionary.comparer != Comparer::Deep => {
                let (key, item) = (
                    self.item_type(value, &dictionary.key)?,
                    self.item_type(value, &dictionary.value)?,
                );
                let any_case = u8::from(dictionary.comparer == Comparer::AnyCase);
                self.put(tag::DICTIONARY, &[key, item, any_case])?;
                self.count(0, dictionary.len())?;
                for (key, item) in dictionary.iter() {
                    self.value(key, depth + 1)?;
                    self.value(item, depth + 1)?;
                }
                Ok(())
            }
            _ => Err(self.unstorable(value)),
        }
    }

    fn items(
        &mut self,
        tag: u8,
        value: &Value,
        (ty, items): (&Ty, &[Value]),
        depth: usize,
    ) -> Done {
        let ty = self.item_type(value, ty)?;
        self.put(tag, &[ty])?;
        self.count(0, items.len())?;
        items.iter().try_for_each(|item| self.value(item, depth + 1))
    }

    /// The number of an item's type.
    fn item_type(&self, value: &Value, ty: &Ty) -> Result<u8, Unstorable> {
        let found = ITEM_TYPES.iter().position(|known| known == ty);
        found.and_then(|at| u8::try_from(at).ok()).ok_or_else(|| self.unstorable(value))
    }
}
