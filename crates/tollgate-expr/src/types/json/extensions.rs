//! `Newtonsoft.Json.Linq.Extensions`: what can be done with sequences of tokens.

use super::super::decl::{Kind, TypeDecl, m};
use super::super::object::required;
use super::super::{Ty, TypeId};
use super::{Run, convert, index_by, rows};
use crate::eval::{Args, Cx, Source, null_argument};
use crate::json::{JsonHeap, JsonId};
use crate::state::SLOT_COST;
use crate::{Budget, Exception, ExceptionKind, Value};

/// The tokens of a sequence; null items are left out.
fn source(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<Vec<JsonId>, Exception> {
    let items = required(a, 0, "source")?;
    let items = cx.collect(&items)?;
    let id = |item: Value| if let Value::Json(id) = item { Some(id) } else { None };
    Ok(items.into_iter().filter_map(id).collect())
}

/// What an operation gives for each token of a sequence, one after the other.
fn each(
    cx: &mut Cx<'_>,
    a: &Args<'_>,
    with_self: bool,
    walk: fn(&JsonHeap, JsonId, &mut Budget) -> Result<Vec<JsonId>, Exception>,
) -> Run {
    let mut all = Vec::new();
    for id in source(cx, a)? {
        if with_self {
            all.push(Value::Json(id));
        }
        let found = walk(&cx.state.json, id, &mut cx.state.budget)?;
        cx.charge(found.len().saturating_mul(SLOT_COST))?;
        all.extend(found.into_iter().map(Value::Json));
    }
    rows(cx, Ty::JTOKEN, all)
}

/// A token as a value of a type.
pub(crate) fn token_as(cx: &mut Cx<'_>, token: &Value, ty: &Ty) -> Run {
    let Value::Json(id) = token else { return Err(Exception::null_reference()) };
    cx.charge(SLOT_COST)?;
    convert(cx, Some(*id), ty, false)
}

/// What a token holds of a key.
pub(crate) fn token_at(
    cx: &mut Cx<'_>,
    token: &Value,
    key: &Value,
) -> Result<Option<Value>, Exception> {
    let Value::Json(id) = token else { return Err(Exception::null_reference()) };
    let found = index_by(cx, *id, key)?;
    Ok((!found.is_null()).then_some(found))
}

/// `Values(source[, key])` as values of a type.
fn values(a: &Args<'_>, keyed: bool, ty: Ty) -> Source {
    Source::Tokens(Box::new((a.value(0), keyed.then(|| a.value(1)), ty)))
}

fn value(cx: &mut Cx<'_>, a: &Args<'_>, ty: &Ty) -> Run {
    match a.get(0) {
        Value::Null => Err(null_argument("value")),
        Value::Json(id) => convert(cx, Some(*id), ty, false),
        _ => Err(Exception::new(ExceptionKind::Argument, "Source value must be a JToken.")),
    }
}

pub(in crate::types) const EXTENSIONS: TypeDecl = TypeDecl {
    name: "Newtonsoft.Json.Linq.Extensions",
    kind: Kind::Static,
    bases: &[],
    docs: "What can be done with sequences of tokens.",
    members: &[
        m("static U Value<U>(this IEnumerable<JToken> value)", "A token as a value.", |cx, a| {
            let ty = a.ty(0).clone();
            value(cx, a, &ty)
        }),
        m(
            "static U Value<T, U>(this IEnumerable<T> value) where T : JToken",
            "A token as a value.",
            |cx, a| {
                let ty = a.ty(1).clone();
                value(cx, a, &ty)
            },
        ),
        m(
            "static IJEnumerable<JToken> Values(this IEnumerable<JToken> source)",
            "What the tokens hold.",
            |cx, a| {
                let held = values(a, false, Ty::JTOKEN);
                cx.sequence(Ty::generic(TypeId::JEnumerable, [Ty::JTOKEN]), held)
            },
        ),
        m(
            "static IJEnumerable<JToken> Values(this IEnumerable<JToken> source, object key)",
            "What the tokens hold of a key.",
            |cx, a| {
                let held = values(a, true, Ty::JTOKEN);
                cx.sequence(Ty::generic(TypeId::JEnumerable, [Ty::JTOKEN]), held)
            },
        ),
        m(
            "static IEnumerable<U> Values<U>(this IEnumerable<JToken> source)",
            "What the tokens hold as values of a type.",
            |cx, a| {
                let ty = a.ty(0).clone();
                let held = values(a, false, ty.clone());
                cx.lazy(ty, held)
            },
        ),
        m(
            "static IEnumerable<U> Values<U>(this IEnumerable<JToken> source, object key)",
            "What the tokens hold of a key as values of a type.",
            |cx, a| {
                let ty = a.ty(0).clone();
                let held = values(a, true, ty.clone());
                cx.lazy(ty, held)
            },
        ),
        m(
            "static IJEnumerable<JToken> Children<T>(this IEnumerable<T> source) where T : JToken",
            "The tokens that tokens hold.",
            |cx, a| each(cx, a, false, JsonHeap::children),
        ),
        m(
            "static IEnumerable<U> Children<T, U>(this IEnumerable<T> source) where T : JToken",
            "The tokens that tokens hold as values of a type.",
            |cx, a| {
                let ty = a.ty(1).clone();
                let children = each(cx, a, false, JsonHeap::children)?;
                cx.lazy(ty.clone(), Source::Converted(children, ty))
            },
        ),
        m(
            "static IJEnumerable<JToken> Ancestors<T>(this IEnumerable<T> source) where T : JToken",
            "What the tokens stand in.",
            |cx, a| each(cx, a, false, JsonHeap::ancestors),
        ),
        m(
            "static IJEnumerable<JToken> AncestorsAndSelf<T>(this IEnumerable<T> source) where T : JToken",
            "The tokens and what they stand in.",
            |cx, a| each(cx, a, true, JsonHeap::ancestors),
        ),
        m(
            "static IJEnumerable<JToken> Descendants<T>(this IEnumerable<T> source) where T : JContainer",
            "All tokens below the tokens.",
            |cx, a| each(cx, a, false, JsonHeap::descendants),
        ),
        m(
            "static IJEnumerable<JToken> DescendantsAndSelf<T>(this IEnumerable<T> source) where T : JContainer",
            "The tokens and all below them.",
            |cx, a| each(cx, a, true, JsonHeap::descendants),
        ),
        m(
            "static IJEnumerable<JProperty> Properties(this IEnumerable<JObject> source)",
            "The properties of objects.",
            |cx, a| {
                let mut all = Vec::new();
                for id in source(cx, a)? {
                    let found = cx.state.json.children(id, &mut cx.state.budget)?;
                    cx.charge(found.len().saturating_mul(SLOT_COST))?;
                    all.extend(found.into_iter().map(Value::Json));
                }
                rows(cx, Ty::Named(crate::types::TypeId::JProperty), all)
            },
        ),
        m(
            "static IJEnumerable<JToken> AsJEnumerable(this IEnumerable<JToken> source)",
            "The tokens in a row.",
            |cx, a| as_rows(cx, a, Ty::JTOKEN),
        ),
        m(
            "static IJEnumerable<T> AsJEnumerable<T>(this IEnumerable<T> source) where T : JToken",
            "The tokens in a row.",
            |cx, a| {
                let ty = a.ty(0).clone();
                as_rows(cx, a, ty)
            },
        ),
    ],
    refused: &[],
};

fn as_rows(cx: &mut Cx<'_>, a: &Args<'_>, ty: Ty) -> Run {
    let source = a.value(0);
    let own = cx.state.type_of(&source);
    if source.is_null() || own.as_instance_of(TypeId::IJEnumerable).is_some() {
        return Ok(source);
    }
    let ty = Ty::generic(TypeId::JEnumerable, [ty]);
    cx.sequence(ty, Source::View(source))
}
