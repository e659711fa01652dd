//! Objects and arrays of JSON as dictionaries, sequences, pairs and tuples.

use std::sync::Arc;

use super::leaf::enumeration_name;
use super::{Contract, Deserializer, Run, takes_null};
use crate::collections::Comparer;
use crate::eval::default_value;
use crate::json::{JsonId, Scalar, Token};
use crate::state::SLOT_COST;
use crate::types::collections::{dictionary, hash_set, line};
use crate::types::{Ty, TypeId};
use crate::{Exception, Value};

impl Deserializer<'_, '_, '_> {
    /// An array, whose start was read.
    pub(super) fn list(&mut self, ty: Option<&Ty>, contract: &Contract) -> Run {
        let (Some(ty), Contract::Items(item)) = (ty, contract) else {
            if *contract == Contract::Any {
                return self.copy(true).map(Value::Json);
            }
            return Err(self.bad_array(ty, contract));
        };
        let item_contract = Contract::of(Some(item));
        let mut items = Vec::new();
        while self.advance_for(Some(item), &item_contract)? {
            match self.source.token() {
                Token::EndArray => return self.collection(ty, item.clone(), items),
                Token::Comment => {}
                _ => {
                    self.cx.charge(SLOT_COST)?;
                    items.push(self.item(item, &item_contract)?);
                }
            }
        }
        Err(self.fault("Unexpected end when deserializing array."))
    }

    fn collection(&mut self, ty: &Ty, item: Ty, items: Vec<Value>) -> Run {
        let cx = &mut *self.cx;
        match ty {
            Ty::Array(_) => cx.state.array(item, items),
            Ty::Generic(TypeId::HashSet | TypeId::ISet, _) => {
                hash_set::new_set(cx, &item, items, Comparer::Exact)
            }
            Ty::Generic(id @ (TypeId::Queue | TypeId::Stack), _) => {
                line::new_line(cx, *id, &item, items)
            }
            _ => cx.state.list(item, items),
        }
    }

    /// An object, whose start was read.
    pub(super) fn object(&mut self, ty: Option<&Ty>, contract: &Contract) -> Run {
        self.must_advance()?;
        if let Some(value) = self.metadata(ty, contract)? {
            return Ok(value);
        }
        match (contract, ty) {
            (Contract::Any, _) => self.any_object().map(Value::Json),
            (Contract::Map, Some(ty)) => self.map(ty),
            (Contract::Tuple, Some(ty)) => self.tuple(ty),
            (Contract::Leaf(_) | Contract::Enum, Some(_))
                if self.source.token() == Token::PropertyName
                    && &*self.source.text() == "$value" =>
            {
                self.must_advance()?;
                if self.source.token() == Token::StartObject {
                    let message =
                        "Unexpected token when deserializing primitive value: StartObject";
                    return Err(self.fault(message));
                }
                let value = self.value(ty, contract)?;
                self.must_advance()?;
                Ok(value)
            }
            _ => Err(self.bad_object(ty, contract)),
        }
    }

    /// The names that begin with `$` at the start of an object are the serializer's own; a value when they give one.
    fn metadata(
        &mut self,
        ty: Option<&Ty>,
        contract: &Contract,
    ) -> Result<Option<Value>, Exception> {
        while self.source.token() == Token::PropertyName {
            match &*self.source.text() {
                name @ ("$type" | "$id") => {
                    let is_type = name == "$type";
                    self.must_advance()?;
                    if is_type && (self.source.token().is_start() || self.source.value().is_null())
                    {
                        return Err(Exception::null_reference());
                    }
                    self.must_advance()?;
                }
                "$ref" => {
                    self.must_advance()?;
                    let token = self.source.token();
                    if !matches!(token, Token::String | Token::Null) {
                        let message =
                            "JSON reference $ref property must have a string or null value.";
                        return Err(self.fault(message));
                    }
                    let is_reference = !self.source.value().is_null();
                    self.must_advance()?;
                    if is_reference {
                        if self.source.token() == Token::PropertyName {
                            let message = "Additional content found in JSON reference object. A JSON reference object should only have a $ref property.";
                            return Err(self.fault(message));
                        }
                        return Ok(Some(Value::Null));
                    }
                }
                "$values" => {
                    self.must_advance()?;
                    let list = self.list(ty, contract)?;
                    self.must_advance()?;
                    return Ok(Some(list));
                }
                _ => break,
            }
        }
        Ok(None)
    }

    /// An object as a tree, whose first name or end was read.
    fn any_object(&mut self) -> Result<JsonId, Exception> {
        let state = &mut *self.cx.state;
        let object = state.json.object(&mut state.budget)?;
        loop {
            match self.source.token() {
                Token::PropertyName => {
                    let name = self.source.text();
                    if !self.advance_to_content()? {
                        break;
                    }
                    let value = self.copy(false)?;
                    let state = &mut *self.cx.state;
                    state.json.remove_name(object, Some(&name), &mut state.budget)?;
                    state.json.add_property(object, Some(name), Some(value), &mut state.budget)?;
                }
                Token::Comment => {}
                _ => return Ok(object),
            }
            if !self.advance()? {
                break;
            }
        }
        Err(self.fault("Unexpected end when deserializing object."))
    }

    /// A dictionary, the first name or the end of whose object was read.
    fn map(&mut self, ty: &Ty) -> Run {
        let (key, value) = (ty.args().first().cloned(), ty.args().get(1).cloned());
        let (key, value) = (key.unwrap_or(Ty::STRING), value.unwrap_or(Ty::OBJECT));
        let contract = Contract::of(Some(&value));
        let made = dictionary::empty(self.cx, &key, &value, Comparer::Exact)?;
        loop {
            match self.source.token() {
                Token::PropertyName => {
                    let name = self.source.text();
                    let own = self.map_key(name, &key)?;
                    if !self.advance_for(Some(&value), &contract)? {
                        return Err(self.fault("Unexpected end when deserializing object."));
                    }
                    let item = self.item(&value, &contract)?;
                    dictionary::put(self.cx, &made, own, item)?;
                }
                Token::Comment => {}
                Token::EndObject => return Ok(made),
                other => return Err(self.unexpected(other)),
            }
            if !self.advance()? {
                return Err(self.fault("Unexpected end when deserializing object."));
            }
        }
    }

    /// The name of a property as a key of a type.
    fn map_key(&mut self, name: Arc<str>, key: &Ty) -> Run {
        if matches!(*key, Ty::STRING | Ty::OBJECT) {
            return Ok(Value::Str(name));
        }
        let contract = Contract::of(Some(key));
        let made = if contract == Contract::Enum {
            enumeration_name(key.strip_nullable(), &name)
        } else {
            self.ensure(&Scalar::Str(Arc::clone(&name)), Some(key), &contract)
        };
        made.map_err(|cause| {
            if cause.is_bound() {
                return cause;
            }
            let ty = key.full_name();
            let message = format!(
                "Could not convert string '{name}' to dictionary key type '{ty}'. Create a TypeConverter to convert from the string to the key type object."
            );
            self.fault(&message).with_inner(cause)
        })
    }

    #[cold]
    fn unexpected(&mut self, token: Token) -> Exception {
        let name = token.name();
        self.fault(&format!("Unexpected token when deserializing object: {name}"))
    }

    /// A tuple, the first name or the end of whose object was read.
    fn tuple(&mut self, ty: &Ty) -> Run {
        let parts = ty.args();
        let mut values: Vec<Value> = parts.iter().map(default_value).collect();
        loop {
            match self.source.token() {
                Token::PropertyName => {
                    let name = self.source.text();
                    let place = part_named(&name);
                    let part = place.and_then(|place| parts.get(place));
                    let contract = Contract::of(part);
                    let read = match part {
                        Some(_) => self.advance_for(part, &contract)?,
                        None => self.advance()?,
                    };
                    if !read {
                        let message = format!("Unexpected end when setting {name}'s value.");
                        return Err(self.fault(&message));
                    }
                    match (part, place.and_then(|place| values.get_mut(place))) {
                        (Some(part), Some(value)) => *value = self.item(part, &contract)?,
                        _ => self.pass_over()?,
                    }
                }
                Token::Comment => {}
                Token::EndObject => break,
                other => return Err(self.unexpected(other)),
            }
            if !self.advance()? {
                return Err(self.fault("Unexpected end when deserializing object."));
            }
        }
        self.cx.charge(values.len().saturating_mul(SLOT_COST))?;
        Ok(Value::record(ty.clone(), values))
    }

    fn pass_over(&mut self) -> Result<(), Exception> {
        self.source.skip(&self.cx.state.json, &mut self.cx.state.budget)
    }

    /// A `KeyValuePair`, as its converter reads it.
    pub(super) fn pair(&mut self, ty: Option<&Ty>) -> Run {
        if self.source.token() == Token::Null {
            if takes_null(ty) {
                return Ok(Value::Null);
            }
            return Err(self.fault("Cannot convert null value to KeyValuePair."));
        }
        self.must_advance()?;
        let pair = ty.map(Ty::strip_nullable).cloned().unwrap_or(Ty::OBJECT);
        let mut values: Vec<Value> = pair.args().iter().map(default_value).collect();
        while self.source.token() == Token::PropertyName {
            let name = self.source.text();
            let place = ["key", "value"].iter().position(|own| name.eq_ignore_ascii_case(own));
            let part = place.and_then(|place| pair.args().get(place));
            match (part, place.and_then(|place| values.get_mut(place))) {
                (Some(part), Some(value)) => {
                    let contract = Contract::of(Some(part));
                    if !self.advance_for(Some(part), &contract)? {
                        return Err(self.fault("Unexpected end when reading JSON."));
                    }
                    *value = self.item(part, &contract)?;
                }
                _ => self.pass_over()?,
            }
            self.must_advance()?;
        }
        self.cx.charge(values.len().saturating_mul(SLOT_COST))?;
        Ok(Value::record(pair, values))
    }

    #[cold]
    fn bad_object(&mut self, ty: Option<&Ty>, contract: &Contract) -> Exception {
        let (ty, wanted) = (ty.map(Ty::full_name).unwrap_or_default(), contract.expected());
        let message = format!(
            "Cannot deserialize the current JSON object (e.g. {{\"name\":\"value\"}}) into type '{ty}' because the type requires a {wanted} to deserialize correctly.\nTo fix this error either change the JSON to a {wanted} or change the deserialized type so that it is a normal .NET type (e.g. not a primitive type like integer, not a collection type like an array or List<T>) that can be deserialized from a JSON object. JsonObjectAttribute can also be added to the type to force it to deserialize from a JSON object.\n"
        );
        self.fault(&message)
    }

    #[cold]
    fn bad_array(&mut self, ty: Option<&Ty>, contract: &Contract) -> Exception {
        let (ty, wanted) = (ty.map(Ty::full_name).unwrap_or_default(), contract.expected());
        let message = format!(
            "Cannot deserialize the current JSON array (e.g. [1,2,3]) into type '{ty}' because the type requires a {wanted} to deserialize correctly.\nTo fix this error either change the JSON to a {wanted} or change the deserialized type to an array or a type that implements a collection interface (e.g. ICollection, IList) like List<T> that can be deserialized from a JSON array. JsonArrayAttribute can also be added to the type to force it to deserialize from a JSON array.\n"
        );
        self.fault(&message)
    }
}

/// Which part of a tuple a name is of.
fn part_named(name: &str) -> Option<usize> {
    let digits = name
        .get(4..)
        .filter(|_| name.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("item")))?;
    digits.parse::<usize>().ok()?.checked_sub(1)
}
