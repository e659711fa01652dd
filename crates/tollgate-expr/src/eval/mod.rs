//! Evaluation.

mod args;
mod call;
mod cast;
mod compare;
mod cursor;
mod each;
mod format;
mod fuse;
mod grouping;
mod node;
mod number;
mod read;
mod sequence;
mod sort;
mod statement;
mod token;
mod tree;

pub(crate) use args::{Args, null_argument};
pub(crate) use call::{Closure, Cx};
pub(crate) use cast::{default_value, primitive_type, primitive_value, scalar_of};
pub(crate) use compare::distance;
pub(crate) use cursor::Cursor;
pub(crate) use format::{composite, enum_format, format_value, formatted};
pub(crate) use fuse::fuse;
pub(crate) use grouping::{Group, Join};
pub(crate) use node::{
    Arith, Call, CatchCode, Code, Equality, Function, FunctionBody, Node, Place, Section, TextTest,
};
pub(crate) use number::{
    arith, compare, complement, convert_number, equal_values, negate, order, same,
};
use read::Found;
pub(crate) use sequence::{Key as SortKey, Sequence, Source};
pub(crate) use sort::{Order, uncomparable};
use token::TokenText;

use std::sync::Arc;

use smallvec::SmallVec;

use crate::number::Number;
use crate::types::{Ty, TypeId};
use crate::{Exception, ExceptionKind, Value};

/// How much of a text is looked at in one step.
const BYTES_A_STEP: usize = 64;
/// The largest buffer that is kept for joining texts.
const SCRATCH: usize = 64 << 10;

type Result<T> = std::result::Result<T, Exception>;

impl Cx<'_> {
    /// The value of a node.
    pub(crate) fn eval(&mut self, node: &Node) -> Result<Value> {
        match node {
            Node::Const(value) => Ok(value.clone()),
            Node::Local(slot) => Ok(self.local(*slot).clone()),
            Node::SetLocal(slot, value) => {
                let value = self.eval(value)?;
                self.set_local(*slot, value.clone());
                Ok(value)
            }
            Node::Cell(slot) => Ok(self.cell(*slot)),
            Node::SetCell(slot, value) => {
                let value = self.eval(value)?;
                self.set_cell(*slot, value.clone());
                Ok(value)
            }
            Node::Read(read) => self.read(read),
            Node::TextIs { .. } | Node::TextTest(_) => Ok(Value::Bool(self.truth(node)?)),
            Node::Call(call) => self.eval_call(call),
            Node::TokenText(text) => self.token_text(text),
            Node::NewTree(tree) => self.new_tree(tree),
            Node::TreeText(text) => self.tree_text(text),
            Node::Not(value) => Ok(Value::Bool(!self.truth(value)?)),
            Node::And(left, right) => Ok(Value::Bool(self.truth(left)? && self.truth(right)?)),
            Node::Or(left, right) => Ok(Value::Bool(self.truth(left)? || self.truth(right)?)),
            Node::If(condition, yes, no) => {
                if self.truth(condition)? {
                    self.eval(yes)
                } else {
                    self.eval(no)
                }
            }
            Node::Coalesce(left, right) => match self.eval(left)? {
                Value::Null => self.eval(right),
                value => Ok(value),
            },
            Node::Equal { negate, mode, left, right } => {
                let equal = self.eval_equal(*mode, left, right)?;
                Ok(Value::Bool(equal != *negate))
            }
            Node::Concat(parts) => self.concat(parts),
            Node::Cast { ty, value, at } => {
                let value = self.eval(value)?;
                self.cast(value, ty).map_err(|exception| exception.at(*at as usize))
            }
            _ => self.eval_rare(node),
        }
    }

    fn eval_rare(&mut self, node: &Node) -> Result<Value> {
        match node {
            Node::Arith(arith) => {
                let (left, right) = (self.eval(&arith.left)?, self.eval(&arith.right)?);
                let result = number::arith(arith.op, arith.checked, &left, &right);
                result.map_err(|exception| exception.at(arith.at as usize))
            }
            Node::Compare(op, left, right) => {
                let (left, right) = (self.eval(left)?, self.eval(right)?);
                Ok(Value::Bool(number::compare(*op, &left, &right)))
            }
            Node::Convert { to, checked, value, at } => match self.eval(value)? {
                Value::Null => Ok(Value::Null),
                value => number::convert_number(&value, *to, *checked)
                    .map_err(|exception| exception.at(*at as usize)),
            },
            Node::Negate(value, checked, at) => {
                let value = self.eval(value)?;
                number::negate(&value, *checked).map_err(|exception| exception.at(*at as usize))
            }
            Node::NewCell(slot) => {
                self.new_cell(*slot, Value::Null)?;
                Ok(Value::Null)
            }
            Node::Complement(value) => Ok(number::complement(&self.eval(value)?)),
            Node::ToEnum(id, value) => match self.eval(value)? {
                Value::Null => Ok(Value::Null),
                value => {
                    let number = value.as_int().unwrap_or_default();
                    Ok(Value::Enum(*id, i32::try_from(number).unwrap_or_default()))
                }
            },
            Node::FromEnum(value) => Ok(match self.eval(value)? {
                Value::Enum(_, number) => Value::Int(number),
                other => other,
            }),
            Node::As(ty, value) => {
                let value = self.eval(value)?;
                Ok(if self.is_instance(&value, ty) { value } else { Value::Null })
            }
            Node::Is(ty, value) => {
                let value = self.eval(value)?;
                Ok(Value::Bool(self.is_instance(&value, ty)))
            }
            Node::NullConditional { slot, target, rest } => match self.eval(target)? {
                Value::Null => Ok(Value::Null),
                value => {
                    self.set_local(*slot, value);
                    self.eval(rest)
                }
            },
            Node::Seq(effects, value) => {
                for effect in effects {
                    self.eval(effect)?;
                }
                self.eval(value)
            }
            Node::Format { value, align, format } => {
                let value = self.eval(value)?;
                let text = format_value(self, &value, format.as_deref(), *align)?;
                self.string(text)
            }
            Node::Record { ty, values } => {
                let values = self.eval_all(values)?;
                self.charge(values.len() * crate::state::SLOT_COST)?;
                Ok(Value::record(ty.clone(), values.into_vec()))
            }
            Node::Member { target, index, at } => match self.eval(target)? {
                Value::Record(record) => Ok(record.values.get(*index).cloned().unwrap_or_default()),
                _ => Err(Exception::null_reference().at(*at as usize)),
            },
            Node::Throw(value, at) => {
                let value = self.eval(value)?;
                Err(thrown(value).at(*at as usize))
            }
            _ => self.eval_object(node),
        }
    }

    fn eval_object(&mut self, node: &Node) -> Result<Value> {
        match node {
            Node::Array { item, items } => {
                let items = self.eval_all(items)?;
                self.state.array(item.clone(), items.into_vec())
            }
            Node::NewArray { item, size, at } => {
                let size = self.eval(size)?.as_int().unwrap_or_default();
                self.new_array(item, size).map_err(|exception| exception.at(*at as usize))
            }
            Node::ArrayGet { array, index, at } => {
                let (array, index) = (self.eval(array)?, self.eval(index)?);
                let index = index.as_int().unwrap_or(-1);
                self.array_get(&array, index).map_err(|exception| exception.at(*at as usize))
            }
            Node::ArraySet { array, index, value, at } => {
                let (array, index) = (self.eval(array)?, self.eval(index)?);
                let index = index.as_int().unwrap_or(-1);
                let value = self.eval(value)?;
                let set = self.array_set(&array, index, value.clone());
                set.map_err(|exception| exception.at(*at as usize))?;
                Ok(value)
            }
            Node::Lambda { function, captures, ty } => self.closure(*function, captures, ty),
            Node::Invoke { target, args, at } => {
                let target = self.eval(target)?;
                let args = self.eval_all(args)?;
                self.invoke(&target, &args).map_err(|exception| exception.at(*at as usize))
            }
            Node::CallFunction { function, captures, args, at } => {
                let args = self.eval_all(args)?;
                let cells: SmallVec<[Value; 4]> =
                    captures.iter().map(|slot| self.local(*slot).clone()).collect();
                self.call_function(self.functions, *function, &cells, &args)
                    .map_err(|exception| exception.at(*at as usize))
            }
            _ => Err(crate::state::confusion()),
        }
    }

    fn new_array(&mut self, item: &crate::types::Ty, size: i64) -> Result<Value> {
        let Ok(size) = usize::try_from(size) else {
            return Err(Exception::new(
                ExceptionKind::Overflow,
                "Arithmetic operation resulted in an overflow.",
            ));
        };
        self.charge(size.saturating_mul(crate::state::SLOT_COST))?;
        if *item == crate::types::Ty::BYTE {
            return Ok(Value::Bytes(std::iter::repeat_n(0, size).collect()));
        }
        self.state.array(item.clone(), vec![default_value(item); size])
    }

    pub(crate) fn eval_all(&mut self, nodes: &[Node]) -> Result<SmallVec<[Value; 4]>> {
        let mut values = SmallVec::with_capacity(nodes.len());
        for node in nodes {
            values.push(self.eval(node)?);
        }
        Ok(values)
    }

    /// The value of a condition.
    pub(crate) fn truth(&mut self, node: &Node) -> Result<bool> {
        match node {
            Node::TextIs { text, is, negate } => {
                self.step(u64::from(text.steps))?;
                let found = self.peek(text)?;
                Ok((found.as_str() == Some(&**is)) != *negate)
            }
            Node::TextTest(test) => self.text_test(test),
            Node::Equal { negate, mode, left, right } => {
                Ok(self.eval_equal(*mode, left, right)? != *negate)
            }
            Node::And(left, right) => Ok(self.truth(left)? && self.truth(right)?),
            Node::Or(left, right) => Ok(self.truth(left)? || self.truth(right)?),
            Node::Not(value) => Ok(!self.truth(value)?),
            node => match self.eval(node)? {
                Value::Bool(value) => Ok(value),
                _ => Ok(false),
            },
        }
    }

    fn text_test(&mut self, test: &TextTest) -> Result<bool> {
        self.step(u64::from(test.text.steps))?;
        let found = self.peek(&test.text)?;
        let text = found.as_str();
        if let Some(at) = test.never_null
            && text.is_none()
        {
            return Err(Exception::null_reference().at(at as usize));
        }
        let holds = (test.test)(text, &test.other, test.how);
        let length = text.map_or(0, |text| text.len() / BYTES_A_STEP);
        self.step(length as u64)?;
        Ok(holds)
    }

    fn eval_equal(&mut self, mode: Equality, left: &Node, right: &Node) -> Result<bool> {
        let left = self.eval(left)?;
        if let Node::Const(right) = right {
            return Ok(equal(mode, &left, right));
        }
        let right = self.eval(right)?;
        if let (Value::Str(_), Value::Str(_)) = (&left, &right) {
            self.step(long_text(&left).min(long_text(&right)) as u64)?;
        }
        Ok(equal(mode, &left, &right))
    }

    fn concat(&mut self, parts: &[Node]) -> Result<Value> {
        // Kept for the next text that is joined; one that is joined meanwhile finds none and makes its own.
        let mut out = std::mem::take(&mut self.state.scratch);
        out.clear();
        let joined = parts.iter().try_for_each(|part| {
            let before = out.len();
            self.append(part, &mut out)?;
            self.charge(out.len() - before)
        });
        let text = joined.map(|()| Value::from(out.as_str()));
        if out.capacity() <= SCRATCH {
            self.state.scratch = out;
        }
        text
    }

    /// Appends the text of a part of a text.
    fn append(&mut self, part: &Node, out: &mut String) -> Result<()> {
        let read = match part {
            Node::Const(Value::Str(text)) => {
                out.push_str(text);
                return Ok(());
            }
            Node::Read(read) => read,
            part => {
                let value = self.eval(part)?;
                return self.write_text(&value, out);
            }
        };
        self.step(u64::from(read.steps))?;
        let other = match self.peek(read)? {
            Found::Text(text) => {
                out.push_str(&text);
                return Ok(());
            }
            Found::Ref(Value::Str(text)) => {
                out.push_str(text);
                return Ok(());
            }
            Found::Ref(other) => other.clone(),
            Found::Own(other) => other,
        };
        self.write_text(&other, out)
    }

    fn eval_call(&mut self, call: &Call) -> Result<Value> {
        // Most calls have few arguments: an array costs less than a vector that could grow.
        if !call.outs.is_empty() {
            let mut values = self.eval_all(&call.args)?;
            return self.call_with(call, &mut values);
        }
        match &*call.args {
            [] => self.call_with(call, &mut []),
            [a] => {
                let mut values = [self.eval(a)?];
                self.call_with(call, &mut values)
            }
            [a, b] => {
                let mut values = [self.eval(a)?, self.eval(b)?];
                self.call_with(call, &mut values)
            }
            [a, b, c] => {
                let mut values = [self.eval(a)?, self.eval(b)?, self.eval(c)?];
                self.call_with(call, &mut values)
            }
            all => {
                let mut values = self.eval_all(all)?;
                self.call_with(call, &mut values)
            }
        }
    }

    fn call_with(&mut self, call: &Call, values: &mut [Value]) -> Result<Value> {
        if call.receiver && matches!(values.first(), None | Some(Value::Null)) {
            return Err(Exception::null_reference().at(call.at as usize));
        }
        let length: usize = values.iter().map(long_text).sum();
        self.step(1 + length as u64)?;
        let result = (call.run.code)(self, &mut Args::new(values, &call.types));
        if !call.outs.is_empty() && result.is_ok() {
            for (index, place) in &call.outs {
                let out = values.get(*index).cloned().unwrap_or_default();
                self.set_place(*place, out);
            }
        }
        result.map_err(|exception| exception.at(call.at as usize))
    }

    /// Appends what `ToString()` gives; nothing for null.
    pub(crate) fn write_text(&mut self, value: &Value, out: &mut String) -> Result<()> {
        match value {
            Value::Null => {}
            Value::Str(text) => out.push_str(text),
            Value::Int(number) => Number::Int32(*number).write(out),
            Value::Long(number) => Number::Int64(*number).write(out),
            other => {
                if let Some(text) = self.text(other)? {
                    out.push_str(&text);
                }
            }
        }
        Ok(())
    }

    /// The same, charged for.
    pub(crate) fn append_text(&mut self, value: &Value, out: &mut String) -> Result<()> {
        let before = out.len();
        self.write_text(value, out)?;
        self.charge(out.len() - before)
    }

    /// `ToString()`; none for null.
    pub(crate) fn text(&mut self, value: &Value) -> Result<Option<Arc<str>>> {
        if let Value::Host(part) = value
            && let Some(text) = crate::types::context::url_text(self, *part)
        {
            return Ok(Some(text.into()));
        }
        if let Value::Str(text) = value {
            return Ok(Some(text.clone()));
        }
        let shown = self.with_urls(value)?;
        let value = shown.as_ref().unwrap_or(value);
        let mut budget = self.state.budget.clone();
        let text = crate::state::text_of(value, self.state, &mut budget);
        self.state.budget = budget;
        text
    }
}

impl Cx<'_> {
    /// A record with the texts of the URLs in it, which only the host knows; none for what holds no URL.
    fn with_urls(&mut self, value: &Value) -> Result<Option<Value>> {
        match value {
            Value::Host(part) => Ok(crate::types::context::url_text(self, *part).map(Value::from)),
            Value::Record(record) => {
                let mut shown = None;
                for (index, value) in record.values.iter().enumerate() {
                    self.state.budget.enter()?;
                    let found = self.with_urls(value);
                    self.state.budget.leave();
                    if let Some(found) = found? {
                        let values = shown.get_or_insert_with(|| record.values.to_vec());
                        if let Some(place) = values.get_mut(index) {
                            *place = found;
                        }
                    }
                }
                Ok(shown.map(|values| Value::record(record.ty.clone(), values)))
            }
            _ => Ok(None),
        }
    }
}

/// The steps of looking at a text or at bytes once: none when they are short.
fn long_text(value: &Value) -> usize {
    match value {
        Value::Str(text) => text.len() / BYTES_A_STEP,
        Value::Bytes(bytes) => bytes.len() / BYTES_A_STEP,
        _ => 0,
    }
}

/// Whether a type is a tuple, whose values are compared one by one.
fn is_tuple(ty: &Ty) -> bool {
    match ty {
        Ty::Record(shape) => shape.tuple,
        Ty::Generic(id, _) => matches!(
            id,
            TypeId::Tuple1
                | TypeId::Tuple2
                | TypeId::Tuple3
                | TypeId::Tuple4
                | TypeId::Tuple5
                | TypeId::Tuple6
                | TypeId::Tuple7
                | TypeId::Tuple8
        ),
        _ => false,
    }
}

fn equal(mode: Equality, left: &Value, right: &Value) -> bool {
    match mode {
        Equality::Value => number::equal_values(left, right),
        Equality::Reference => number::same(left, right),
    }
}

/// The exception that `throw value` throws.
fn thrown(value: Value) -> Exception {
    match value {
        Value::Exception(exception) => exception,
        _ => Exception::null_reference(),
    }
}
