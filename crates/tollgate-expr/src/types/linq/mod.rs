//! `System.Linq.Enumerable`.

mod members;

use super::Ty;
use super::array::index_int;
use super::collections::comparer;
use super::decl::{Kind, TypeDecl};
use super::object::{equals, required};
use crate::collections::{Comparer, Dictionary};
use crate::eval::{Args, Cx, SortKey, Source, arith, default_value};
use crate::state::{Object, SLOT_COST};
use crate::syntax::ast::BinaryOp;
use crate::{Exception, ExceptionKind, Value};

pub(super) const DECL: TypeDecl = TypeDecl {
    name: "System.Linq.Enumerable",
    kind: Kind::Static,
    bases: &[],
    docs: "What can be done with sequences.",
    members: members::MEMBERS,
    refused: &[],
};

#[cold]
fn no_elements() -> Exception {
    Exception::new(ExceptionKind::InvalidOperation, "Sequence contains no elements")
}

#[cold]
fn no_match() -> Exception {
    Exception::new(ExceptionKind::InvalidOperation, "Sequence contains no matching element")
}

fn source(a: &Args<'_>) -> Result<Value, Exception> {
    required(a, 0, "source")
}

/// The first item that passes the test, if there is one.
fn first(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<Option<Value>, Exception> {
    let from = source(a)?;
    let test = if a.len() > 1 { Some(required(a, 1, "predicate")?) } else { None };
    let mut found = None;
    cx.each(&from, &mut |cx, item| {
        cx.step(1)?;
        if let Some(test) = &test
            && !cx.test(test, item.clone())?
        {
            return Ok(true);
        }
        found = Some(item);
        Ok(false)
    })?;
    Ok(found)
}

fn matching(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<Vec<Value>, Exception> {
    let from = source(a)?;
    let items = cx.collect(&from)?;
    if a.len() < 2 {
        return Ok(items);
    }
    let test = required(a, 1, "predicate")?;
    let mut kept = Vec::new();
    for item in items {
        if cx.test(&test, item.clone())? {
            kept.push(item);
        }
    }
    Ok(kept)
}

fn missing(a: &Args<'_>) -> Exception {
    if a.len() > 1 { no_match() } else { no_elements() }
}

fn single(cx: &mut Cx<'_>, a: &Args<'_>, or_default: bool) -> Result<Value, Exception> {
    let items = matching(cx, a)?;
    match items.as_slice() {
        [] if or_default => Ok(default_value(a.ty(0))),
        [] => Err(missing(a)),
        [only] => Ok(only.clone()),
        _ => {
            let message = if a.len() > 1 {
                "Sequence contains more than one matching element"
            } else {
                "Sequence contains more than one element"
            };
            Err(Exception::new(ExceptionKind::InvalidOperation, message))
        }
    }
}

fn lazy(cx: &mut Cx<'_>, item: &Ty, source: Source) -> Result<Value, Exception> {
    cx.lazy(item.clone(), source)
}

/// The values to add up or compare: of a selector when there is one.
fn numbers(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<Vec<Value>, Exception> {
    let from = source(a)?;
    let items = cx.collect(&from)?;
    if a.len() < 2 {
        return Ok(items);
    }
    let select = required(a, 1, "selector")?;
    items.into_iter().map(|item| cx.invoke(&select, &[item])).collect()
}

fn sum(cx: &mut Cx<'_>, a: &Args<'_>, zero: Value) -> Result<Value, Exception> {
    let mut total = zero;
    for value in numbers(cx, a)? {
        if !value.is_null() {
            total = arith(BinaryOp::Add, true, &total, &value)?;
        }
    }
    Ok(total)
}

fn extreme(
    cx: &mut Cx<'_>,
    a: &Args<'_>,
    largest: bool,
    nullable: bool,
) -> Result<Value, Exception> {
    let mut best: Option<Value> = None;
    for value in numbers(cx, a)? {
        if value.is_null() {
            continue;
        }
        let better = match &best {
            None => true,
            Some(known) => {
                let order = cx.order_of(&value, known)?;
                if largest { order.is_gt() } else { order.is_lt() }
            }
        };
        if better {
            best = Some(value);
        }
    }
    match best {
        Some(best) => Ok(best),
        None if nullable => Ok(Value::Null),
        None => Err(no_elements()),
    }
}

fn average(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<Value, Exception> {
    let values = numbers(cx, a)?;
    if values.is_empty() {
        return Err(no_elements());
    }
    if let Some(Value::Decimal(_)) = values.first() {
        let mut total = rust_decimal::Decimal::ZERO;
        for value in &values {
            if let Value::Decimal(value) = value {
                total += value;
            }
        }
        return Ok(Value::Decimal(total / rust_decimal::Decimal::from(values.len())));
    }
    let total: f64 = values.iter().filter_map(Value::as_double).sum();
    #[expect(clippy::cast_precision_loss, reason = "sequences are short")]
    Ok(Value::Double(total / values.len() as f64))
}

fn order(cx: &mut Cx<'_>, a: &Args<'_>, descending: bool) -> Result<Value, Exception> {
    let keys = vec![SortKey { function: required(a, 1, "keySelector")?, descending }];
    ordered(cx, a, Source::Order(source(a)?, keys))
}

fn ordered(cx: &mut Cx<'_>, a: &Args<'_>, source: Source) -> Result<Value, Exception> {
    let ty = Ty::generic(super::TypeId::IOrderedEnumerable, [a.ty(0).clone()]);
    let sequence = crate::eval::Sequence { ty, source };
    cx.state.add(Object::Sequence(std::sync::Arc::new(sequence)))
}

fn then_by(cx: &mut Cx<'_>, a: &Args<'_>, descending: bool) -> Result<Value, Exception> {
    let key = SortKey { function: required(a, 1, "keySelector")?, descending };
    let from = source(a)?;
    let known = match cx.object_of(&from) {
        Some(Object::Sequence(sequence)) => match &sequence.source {
            Source::Order(from, keys) => Some((from.clone(), keys.clone())),
            _ => None,
        },
        _ => None,
    };
    let Some((from, mut keys)) = known else { return Err(crate::state::confusion()) };
    keys.push(key);
    ordered(cx, a, Source::Order(from, keys))
}

fn contains(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<Value, Exception> {
    let (from, wanted) = (source(a)?, a.value(1));
    if a.len() < 3
        && let Some(Object::Set(set)) = cx.object_of(&from)
    {
        return Ok(Value::Bool(set.contains(&wanted)));
    }
    let any_case = comparer(a.get(2)) == Comparer::AnyCase;
    let mut found = false;
    cx.each(&from, &mut |cx, item| {
        cx.step(1)?;
        found = match (&item, &wanted) {
            (Value::Str(left), Value::Str(right)) if any_case => {
                crate::text::equal_any_case(left, right)
            }
            _ => equals(cx, &item, &wanted),
        };
        Ok(!found)
    })?;
    Ok(Value::Bool(found))
}

fn group_by(cx: &mut Cx<'_>, a: &Args<'_>, key_ty: &Ty, item_ty: &Ty) -> Result<Value, Exception> {
    let key = required(a, 1, "keySelector")?;
    let select = if a.len() > 2 { Some(required(a, 2, "elementSelector")?) } else { None };
    let mut groups: Vec<(Value, Vec<Value>)> = Vec::new();
    let mut places = Dictionary::new(Ty::OBJECT, Ty::OBJECT, Comparer::Exact);
    let from = source(a)?;
    for item in cx.collect(&from)? {
        let own = cx.invoke(&key, std::slice::from_ref(&item))?;
        let item = match &select {
            Some(select) => cx.invoke(select, &[item])?,
            None => item,
        };
        cx.charge(4 * SLOT_COST)?;
        let place = if let Some(place) = places.get(&own).and_then(Value::as_int) {
            usize::try_from(place).unwrap_or_default()
        } else {
            places.set(own.clone(), Value::Int(index_int(groups.len())));
            groups.push((own, Vec::new()));
            groups.len() - 1
        };
        if let Some((_, items)) = groups.get_mut(place) {
            items.push(item);
        }
    }
    let ty = Ty::generic(super::TypeId::IGrouping, [key_ty.clone(), item_ty.clone()]);
    let mut made = Vec::new();
    for (key, items) in groups {
        let items = cx.lazy(item_ty.clone(), Source::Items(items))?;
        made.push(Value::pair(ty.clone(), key, items));
    }
    cx.lazy(ty, Source::Items(made))
}

fn to_dictionary(cx: &mut Cx<'_>, a: &Args<'_>, value_ty: &Ty) -> Result<Value, Exception> {
    let key = required(a, 1, "keySelector")?;
    let delegate =
        |cx: &Cx<'_>, value: &Value| matches!(cx.object_of(value), Some(Object::Function(_)));
    let select = if delegate(cx, a.get(2)) { Some(a.value(2)) } else { None };
    let how = comparer(a.get(a.len().saturating_sub(1)));
    let mut map = Dictionary::new(a.ty(1).clone(), value_ty.clone(), how);
    let from = source(a)?;
    for item in cx.collect(&from)? {
        let own = cx.invoke(&key, std::slice::from_ref(&item))?;
        if own.is_null() {
            return Err(crate::eval::null_argument("key"));
        }
        let value = match &select {
            Some(select) => cx.invoke(select, &[item])?,
            None => item,
        };
        cx.charge(4 * SLOT_COST)?;
        if map.get(&own).is_some() {
            let shown = cx.text(&own)?.unwrap_or_default();
            let message = format!("An item with the same key has already been added. Key: {shown}");
            return Err(Exception::new(ExceptionKind::Argument, message));
        }
        map.set(own, value);
    }
    cx.state.add(Object::Dictionary(Box::new(map)))
}

fn element_at(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<Option<Value>, Exception> {
    let from = source(a)?;
    let mut left = a.long(1);
    let mut found = None;
    if left < 0 {
        return Ok(None);
    }
    cx.each(&from, &mut |cx, item| {
        cx.step(1)?;
        if left == 0 {
            found = Some(item);
            return Ok(false);
        }
        left -= 1;
        Ok(true)
    })?;
    Ok(found)
}

fn count(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<usize, Exception> {
    let from = source(a)?;
    if a.len() < 2 {
        return match cx.known_length(&from) {
            Some(n) => Ok(n),
            None => Ok(cx.collect(&from)?.len()),
        };
    }
    Ok(matching(cx, a)?.len())
}

fn aggregate(
    cx: &mut Cx<'_>,
    a: &Args<'_>,
    seed: Option<Value>,
    function: &Value,
) -> Result<Value, Exception> {
    let from = source(a)?;
    let mut items = cx.collect(&from)?.into_iter();
    let mut total = match seed {
        Some(seed) => seed,
        None => items.next().ok_or_else(no_elements)?,
    };
    for item in items {
        total = cx.invoke(function, &[total, item])?;
    }
    Ok(total)
}
