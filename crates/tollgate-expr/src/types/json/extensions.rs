//! `Newtonsoft.Json.Linq.Extensions`: what can be done with sequences of tokens.

use super::super::decl::{Kind, TypeDecl, m};
use super::super::object::required;
use super::super::{Ty, TypeId};
use super::{Run, TokenWalk, Walk, convert};
use crate::eval::{Args, Cx, Source, null_argument};
use crate::{Exception, ExceptionKind, Value};

/// What a walk gives of the tokens of a sequence, which must be there already.
fn walked(cx: &mut Cx<'_>, a: &Args<'_>, item: Ty, walk: Walk) -> Run {
    required(a, 0, "source")?;
    let source = tokens(a, walk);
    cx.sequence(Ty::generic(TypeId::JEnumerable, [item]), source)
}

fn tokens(a: &Args<'_>, walk: Walk) -> Source {
    Source::Tokens(Box::new(TokenWalk { from: a.value(0), single: false, walk }))
}

/// `Values(source[, key])`: a source that is null is found out when it is walked over.
fn values(cx: &mut Cx<'_>, a: &Args<'_>, walk: Walk) -> Run {
    let source = tokens(a, walk);
    cx.sequence(Ty::generic(TypeId::JEnumerable, [Ty::JTOKEN]), source)
}

/// The same as values of a type.
fn values_as(cx: &mut Cx<'_>, a: &Args<'_>, walk: Walk) -> Run {
    let (held, ty) = (values(cx, a, walk)?, a.ty(0).clone());
    cx.lazy(ty.clone(), Source::Converted(held, ty))
}

fn by_key(a: &Args<'_>) -> Walk {
    if a.get(1).is_null() { Walk::Held } else { Walk::Key(a.value(1)) }
}

fn value(cx: &mut Cx<'_>, a: &Args<'_>, ty: &Ty) -> Run {
    match a.get(0) {
        Value::Null => Err(null_argument("value")),
        Value::Json(id) => convert(cx, Some(*id), ty),
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
            |cx, a| values(cx, a, Walk::Held),
        ),
        m(
            "static IJEnumerable<JToken> Values(this IEnumerable<JToken> source, object key)",
            "What the tokens hold of a key.",
            |cx, a| {
                let walk = by_key(a);
                values(cx, a, walk)
            },
        ),
        m(
            "static IEnumerable<U> Values<U>(this IEnumerable<JToken> source)",
            "What the tokens hold as values of a type.",
            |cx, a| values_as(cx, a, Walk::Held),
        ),
        m(
            "static IEnumerable<U> Values<U>(this IEnumerable<JToken> source, object key)",
            "What the tokens hold of a key as values of a type.",
            |cx, a| {
                let walk = by_key(a);
                values_as(cx, a, walk)
            },
        ),
        m(
            "static IJEnumerable<JToken> Children<T>(this IEnumerable<T> source) where T : JToken",
            "The tokens that tokens hold.",
            |cx, a| walked(cx, a, Ty::JTOKEN, Walk::Children),
        ),
        m(
            "static IEnumerable<U> Children<T, U>(this IEnumerable<T> source) where T : JToken",
            "The tokens that tokens hold as values of a type.",
            |cx, a| {
                let ty = a.ty(1).clone();
                let held = walked(cx, a, Ty::JTOKEN, Walk::Children)?;
                cx.lazy(ty.clone(), Source::Converted(held, ty))
            },
        ),
        m(
            "static IJEnumerable<JToken> Ancestors<T>(this IEnumerable<T> source) where T : JToken",
            "What the tokens stand in.",
            |cx, a| walked(cx, a, Ty::JTOKEN, Walk::Ancestors),
        ),
        m(
            "static IJEnumerable<JToken> AncestorsAndSelf<T>(this IEnumerable<T> source) where T : JToken",
            "The tokens and what they stand in.",
            |cx, a| walked(cx, a, Ty::JTOKEN, Walk::AncestorsAndSelf),
        ),
        m(
            "static IJEnumerable<JToken> Descendants<T>(this IEnumerable<T> source) where T : JContainer",
            "All tokens below the tokens.",
            |cx, a| walked(cx, a, Ty::JTOKEN, Walk::Descendants),
        ),
        m(
            "static IJEnumerable<JToken> DescendantsAndSelf<T>(this IEnumerable<T> source) where T : JContainer",
            "The tokens and all below them.",
            |cx, a| walked(cx, a, Ty::JTOKEN, Walk::DescendantsAndSelf),
        ),
        m(
            "static IJEnumerable<JProperty> Properties(this IEnumerable<JObject> source)",
            "The properties of objects.",
            |cx, a| walked(cx, a, Ty::Named(TypeId::JProperty), Walk::Children),
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
