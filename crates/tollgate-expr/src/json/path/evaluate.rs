//! Steps over tokens.

use std::cmp::Ordering;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use smallvec::SmallVec;

use super::{Filter, NoMatch, Operator, Query, Side, fault};
use crate::json::access::{Walk, index_out_of_range};
use crate::json::compare::{char_as_text, compare_as, compare_scalars, values_equal};
use crate::json::write::{iso_date, iso_offset};
use crate::json::{JsonHeap, JsonId, JsonType, Scalar, format_guid};
use crate::{Budget, Exception, ExceptionKind};

/// One run of a path.
pub(super) struct Evaluation<'a> {
    pub(super) heap: &'a JsonHeap,
    /// What `$` is.
    pub(super) root: JsonId,
    pub(super) no_match: NoMatch,
}

/// An operand's value: a token of the tree, or one that stands in the path.
#[derive(Clone, Copy)]
enum Operand<'a> {
    Token(JsonId),
    Value(&'a Scalar),
}

/// What a step found and is not followed yet, and how the step ended.
type Step = (std::vec::IntoIter<JsonId>, Result<(), Exception>);

/// Tokens found so far; each costs.
struct Found<'b> {
    tokens: Vec<JsonId>,
    budget: &'b mut Budget,
}

impl Found<'_> {
    fn push(&mut self, token: JsonId) -> Result<(), Exception> {
        self.budget.step(1)?;
        self.budget.memory(size_of::<JsonId>())?;
        self.tokens.push(token);
        Ok(())
    }
}

impl Evaluation<'_> {
    /// The tokens of a path as they are found: each is followed to the end before the next, so that a fault comes behind
    /// all that was found before it.
    pub(super) fn run(
        &self,
        filters: &[Filter],
        start: JsonId,
        budget: &mut Budget,
    ) -> (Vec<JsonId>, Option<Exception>) {
        let mut out = Vec::new();
        let fault = self.follow(filters, start, &mut out, budget).err();
        (out, fault)
    }

    fn follow(
        &self,
        filters: &[Filter],
        start: JsonId,
        out: &mut Vec<JsonId>,
        budget: &mut Budget,
    ) -> Result<(), Exception> {
        let mut open: SmallVec<[Step; 4]> = SmallVec::new();
        let mut next = Some(start);
        loop {
            if let Some(token) = next {
                budget.step(1)?;
                match filters.get(open.len()) {
                    None => {
                        budget.memory(size_of::<JsonId>())?;
                        out.push(token);
                    }
                    Some(filter) => {
                        let mut found = Found { tokens: Vec::new(), budget };
                        let ended = self.apply(filter, token, &mut found);
                        let tokens = found.tokens;
                        open.push((tokens.into_iter(), ended));
                    }
                }
            }
            let Some((tokens, _)) = open.last_mut() else { return Ok(()) };
            next = tokens.next();
            if next.is_none()
                && let Some((_, ended)) = open.pop()
            {
                ended?;
                if open.is_empty() {
                    return Ok(());
                }
            }
        }
    }

    /// The fault of a step that leads nowhere, when it is one.
    fn missing(&self, message: impl FnOnce() -> String) -> Result<(), Exception> {
        match self.no_match {
            NoMatch::Null => Ok(()),
            NoMatch::Error => Err(fault(message())),
        }
    }

    fn apply(
        &self,
        filter: &Filter,
        token: JsonId,
        found: &mut Found<'_>,
    ) -> Result<(), Exception> {
        let heap = self.heap;
        let class = || heap.short_class_name(token);
        match filter {
            Filter::Root => found.push(self.root),
            Filter::Field(name) => self.field(name.as_deref(), token, found),
            Filter::Fields(names) => {
                if !heap.is_object(token) {
                    return self.missing(|| {
                        let names: Vec<String> =
                            names.iter().map(|name| format!("'{name}'")).collect();
                        format!("Properties {} not valid on {}.", names.join(", "), class())
                    });
                }
                for name in names {
                    if let Some(value) = heap.get(token, name) {
                        found.push(value)?;
                    }
                    // Json.NET 12 says so of properties that are there too.
                    self.missing(|| format!("Property '{name}' does not exist on JObject."))?;
                }
                Ok(())
            }
            Filter::Scan(name) => self.scan(token, name.as_deref().as_slice(), found),
            Filter::ScanFields(names) => {
                let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
                self.scan(token, &names, found)
            }
            Filter::Index(Some(index)) => self.index(token, *index, found),
            Filter::Index(None) => {
                if !self.has_items(token) {
                    return self.missing(|| format!("Index * not valid on {}.", class()));
                }
                self.each_child(token, found, |_, _| Ok(true))
            }
            Filter::Indexes(indexes) => {
                indexes.iter().try_for_each(|&index| self.index(token, index, found))
            }
            Filter::Slice { start, end, step } => self.slice(token, *start, *end, *step, found),
            Filter::Query(query) => {
                self.each_child(token, found, |child, budget| self.matches(query, child, budget))
            }
            Filter::QueryScan(query) => {
                let mut walk = Walk::new(token);
                let mut next = Some(token);
                while let Some(token) = next {
                    found.budget.step(1)?;
                    if self.matches(query, token, found.budget)? {
                        found.push(token)?;
                    }
                    next = walk.next(heap);
                }
                Ok(())
            }
        }
    }

    fn each_child(
        &self,
        token: JsonId,
        found: &mut Found<'_>,
        keep: impl Fn(JsonId, &mut Budget) -> Result<bool, Exception>,
    ) -> Result<(), Exception> {
        for index in 0..self.heap.count(token) {
            found.budget.step(1)?;
            let Some(child) = self.heap.child(token, index) else { break };
            if keep(child, found.budget)? {
                found.push(child)?;
            }
        }
        Ok(())
    }

    fn has_items(&self, token: JsonId) -> bool {
        matches!(self.heap.token_type(token), JsonType::Array | JsonType::Constructor)
    }

    fn field(
        &self,
        name: Option<&str>,
        token: JsonId,
        found: &mut Found<'_>,
    ) -> Result<(), Exception> {
        let heap = self.heap;
        if !heap.is_object(token) {
            return self.missing(|| {
                let class = heap.short_class_name(token);
                format!("Property '{}' not valid on {class}.", name.unwrap_or("*"))
            });
        }
        if let Some(name) = name {
            return match heap.get(token, name) {
                Some(value) => found.push(value),
                None => self.missing(|| format!("Property '{name}' does not exist on JObject.")),
            };
        }
        for index in 0..heap.count(token) {
            let property = heap.child(token, index);
            if let Some(value) = property.and_then(|id| heap.property_value(id)) {
                found.push(value)?;
            }
        }
        Ok(())
    }

    /// Values of properties with one of the names at any depth; without names every token that is no property.
    fn scan(&self, token: JsonId, names: &[&str], found: &mut Found<'_>) -> Result<(), Exception> {
        let heap = self.heap;
        if names.is_empty() {
            found.push(token)?;
        }
        let mut walk = Walk::new(token);
        while let Some(token) = walk.next(heap) {
            found.budget.step(1 + names.len() as u64)?;
            match heap.property_value(token) {
                Some(value) => {
                    let name = heap.name(token);
                    for wanted in names {
                        if name.is_some_and(|name| **name == **wanted) {
                            found.push(value)?;
                        }
                    }
                }
                None if names.is_empty() => found.push(token)?,
                None => {}
            }
        }
        Ok(())
    }

    fn index(&self, token: JsonId, index: i32, found: &mut Found<'_>) -> Result<(), Exception> {
        let class = || self.heap.short_class_name(token);
        if !self.has_items(token) {
            return self.missing(|| format!("Index {index} not valid on {}.", class()));
        }
        let place = usize::try_from(index).map_err(|_| index_out_of_range())?;
        match self.heap.child(token, place) {
            Some(item) => found.push(item),
            None => self.missing(|| format!("Index {index} outside the bounds of {}.", class())),
        }
    }

    fn slice(
        &self,
        token: JsonId,
        start: Option<i32>,
        end: Option<i32>,
        step: Option<i32>,
        found: &mut Found<'_>,
    ) -> Result<(), Exception> {
        if step == Some(0) {
            return Err(fault("Step cannot be zero."));
        }
        if self.heap.token_type(token) != JsonType::Array {
            return self.missing(|| {
                format!("Array slice is not valid on {}.", self.heap.short_class_name(token))
            });
        }
        let count = i64::try_from(self.heap.count(token)).unwrap_or(i64::MAX);
        let stride = i64::from(step.unwrap_or(1));
        let from_end = |bound: Option<i32>| {
            bound.map(i64::from).map(|bound| if bound < 0 { bound + count } else { bound })
        };
        let forward = stride > 0;
        let first = from_end(start).unwrap_or(if forward { 0 } else { count - 1 });
        let stop = from_end(end).unwrap_or(if forward { count } else { -1 });
        let first = if forward { first.clamp(0, count) } else { first.min(count - 1) };
        let stop = stop.clamp(-1, count);
        let goes_on = |index: i64| if forward { index < stop } else { index > stop };
        if !goes_on(first) {
            return self.missing(|| {
                let bound =
                    |bound: Option<i32>| bound.map_or("*".to_owned(), |bound| bound.to_string());
                format!("Array slice of {} to {} returned no results.", bound(start), bound(end))
            });
        }
        let mut index = first;
        while goes_on(index) {
            let place = usize::try_from(index).map_err(|_| index_out_of_range())?;
            let item = self.heap.child(token, place).ok_or_else(index_out_of_range)?;
            found.push(item)?;
            index += stride;
        }
        Ok(())
    }

    fn matches(
        &self,
        query: &Query,
        token: JsonId,
        budget: &mut Budget,
    ) -> Result<bool, Exception> {
        budget.step(1)?;
        match query {
            Query::And(operands) => {
                for operand in operands {
                    if !self.matches(operand, token, budget)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Query::Or(operands) => {
                for operand in operands {
                    if self.matches(operand, token, budget)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Query::Compare { left, operator, right } => {
                let left = self.operands(left, token, budget)?;
                let Some(right) = right else { return Ok(!left.is_empty()) };
                if left.is_empty() {
                    return Ok(false);
                }
                let right = self.operands(right, token, budget)?;
                for &left in &left {
                    for &right in &right {
                        budget.step(1)?;
                        if self.holds(left, *operator, right, budget)? {
                            return Ok(true);
                        }
                    }
                }
                Ok(false)
            }
        }
    }

    fn operands<'q>(
        &self,
        side: &'q Side,
        token: JsonId,
        budget: &mut Budget,
    ) -> Result<Vec<Operand<'q>>, Exception> {
        match side {
            Side::Value(value) => Ok(vec![Operand::Value(value)]),
            Side::Path(filters) => {
                let inner = Evaluation { no_match: NoMatch::Null, ..*self };
                let (found, ended) = inner.run(filters, token, budget);
                match ended {
                    Some(ended) => Err(ended),
                    None => Ok(found.into_iter().map(Operand::Token).collect()),
                }
            }
        }
    }

    fn holds(
        &self,
        left: Operand<'_>,
        operator: Operator,
        right: Operand<'_>,
        budget: &mut Budget,
    ) -> Result<bool, Exception> {
        let (Some(left), Some(right)) = (self.scalar(left), self.scalar(right)) else {
            // Only values compare, so whatever is none differs.
            return Ok(matches!(operator, Operator::NotEquals | Operator::Exists));
        };
        let compare = || compare_scalars(left, right);
        Ok(match operator {
            Operator::Exists => true,
            Operator::Equals => loosely_equal(left, right)?,
            Operator::NotEquals => !loosely_equal(left, right)?,
            Operator::StrictEquals => strictly_equal(left, right)?,
            Operator::StrictNotEquals => !strictly_equal(left, right)?,
            Operator::Less => compare()? == Ordering::Less,
            Operator::LessOrEquals => compare()? != Ordering::Greater,
            Operator::Greater => compare()? == Ordering::Greater,
            Operator::GreaterOrEquals => compare()? != Ordering::Less,
            Operator::Matches => self.regex(left, right, budget)?,
        })
    }

    fn scalar<'s>(&'s self, operand: Operand<'s>) -> Option<&'s Scalar> {
        match operand {
            Operand::Token(token) => self.heap.scalar(token),
            Operand::Value(value) => Some(value),
        }
    }

    fn regex(
        &self,
        input: &Scalar,
        pattern: &Scalar,
        budget: &mut Budget,
    ) -> Result<bool, Exception> {
        let (text, pattern) = match (input, pattern) {
            (Scalar::Str(input), Scalar::Str(pattern)) => (Some(input), pattern),
            (Scalar::NullStr | Scalar::Char(_), Scalar::Str(pattern)) => (None, pattern),
            (Scalar::Str(_) | Scalar::NullStr | Scalar::Char(_), Scalar::Char(_)) => {
                return Err(char_as_text());
            }
            (Scalar::Str(_) | Scalar::NullStr | Scalar::Char(_), Scalar::NullStr) => {
                return Err(Exception::null_reference());
            }
            _ => return Ok(false),
        };
        let parts =
            pattern.rsplit_once('/').and_then(|(body, options)| Some((body.get(1..)?, options)));
        let Some((body, options)) = parts else {
            return Err(Exception::new(
                ExceptionKind::ArgumentOutOfRange,
                "Length cannot be less than zero. (Parameter 'length')",
            ));
        };
        if let Scalar::Char(_) = input {
            return Err(char_as_text());
        }
        match self.heap.regex {
            // A wrong pattern is found before there is no text.
            Some(matches) => {
                let found = matches(text.map_or("", AsRef::as_ref), body, options, budget)?;
                if text.is_none() {
                    return Err(null_input());
                }
                Ok(found)
            }
            None => Err(Exception::new(
                ExceptionKind::NotSupported,
                "Regular expressions are not available in this path.",
            )),
        }
    }
}

#[cold]
fn null_input() -> Exception {
    Exception::new(ExceptionKind::ArgumentNull, "Value cannot be null. (Parameter 'input')")
}

/// Whether one is an integer and the other a float.
fn is_mixed(left: &Scalar, right: &Scalar) -> bool {
    matches!(
        (left.token_type(), right.token_type()),
        (JsonType::Integer, JsonType::Float) | (JsonType::Float, JsonType::Integer)
    )
}

/// `==`: text also equals a date, span, guid, uri or bytes written that way.
fn loosely_equal(value: &Scalar, query: &Scalar) -> Result<bool, Exception> {
    if values_equal(value, query)? {
        return Ok(true);
    }
    if is_mixed(value, query) {
        return Ok(compare_as(value.token_type(), value, query)? == Ordering::Equal);
    }
    let query = match query {
        Scalar::Str(query) => query,
        Scalar::Char(_) => return Err(char_as_text()),
        _ => return Ok(false),
    };
    let text = match value {
        Scalar::Date(date) => iso_date(*date),
        Scalar::DateOffset(date) => iso_offset(*date),
        Scalar::Bytes(bytes) => STANDARD.encode(bytes),
        Scalar::Guid(guid) => format_guid(u128::from_be_bytes(*guid), None)?,
        Scalar::TimeSpan(span) => span.text(),
        Scalar::Uri(uri) => uri.original().to_owned(),
        _ => return Ok(false),
    };
    Ok(*text == **query)
}

/// `===`.
fn strictly_equal(value: &Scalar, query: &Scalar) -> Result<bool, Exception> {
    if is_mixed(value, query) {
        return Ok(compare_as(value.token_type(), value, query)? == Ordering::Equal);
    }
    values_equal(value, query)
}
