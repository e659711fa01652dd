//! The dictionaries of `context`: variables, headers, query, claims, matched parameters.

use std::borrow::Cow;

use super::super::collections::dictionary;
use super::super::decl::{Kind, TypeDecl, m};
use super::super::object::required;
use super::super::{Ty, TypeId, certificate, info};
use super::Run;
use super::messages::{decode, url};
use crate::eval::{Args, Cx, default_value, null_argument};
use crate::state::{SLOT_COST, confusion};
use crate::uri::escape_data;
use crate::value::{HostRef, ResponsePart};
use crate::{Exception, Value};

/// What a key of a dictionary of `context` holds.
#[derive(Debug)]
pub(in crate::types) enum Lookup {
    Found(Value),
    /// Missing, and asking for it is no mistake.
    Null,
    Missing,
}

/// The parameters of a query in order, names without regard to case.
fn query(text: &str) -> Vec<(String, Vec<String>)> {
    let mut all: Vec<(String, Vec<String>)> = Vec::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (decode(name), decode(value));
        match all.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(&name)) {
            Some((_, values)) => values.push(value),
            None => all.push((name, vec![value])),
        }
    }
    all
}

/// All values of a parameter of a query, joined.
pub(crate) fn query_text<'c>(cx: &'c Cx<'_>, part: HostRef, name: &str) -> Option<Cow<'c, str>> {
    match url(cx, part)? {
        Cow::Borrowed(url) => joined_query(&url.query, name),
        Cow::Owned(url) => joined_query(&url.query, name).map(|text| Cow::Owned(text.into_owned())),
    }
}

fn joined_query<'q>(text: &'q str, name: &str) -> Option<Cow<'q, str>> {
    let mut all: Option<Cow<'q, str>> = None;
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (known, value) = pair.split_once('=').unwrap_or((pair, ""));
        if !decoded(known).eq_ignore_ascii_case(name) {
            continue;
        }
        match &mut all {
            None => all = Some(decoded(value)),
            Some(all) => {
                let all = all.to_mut();
                all.push(',');
                all.push_str(&decoded(value));
            }
        }
    }
    all
}

/// A name or value of a query, decoded.
fn decoded(text: &str) -> Cow<'_, str> {
    if text.bytes().any(|byte| matches!(byte, b'%' | b'+')) {
        Cow::Owned(decode(text))
    } else {
        Cow::Borrowed(text)
    }
}

/// The values of a name in a dictionary of `context` that holds several.
fn strings(cx: &Cx<'_>, map: &Value, name: &str) -> Option<Vec<String>> {
    let owned = |values: &[String]| values.to_vec();
    match map {
        Value::Host(HostRef::Headers(kind)) => {
            let values = cx.host.header_values(*kind, name);
            (!values.is_empty()).then(|| values.into_iter().map(Cow::into_owned).collect())
        }
        Value::Host(part @ (HostRef::Query(_) | HostRef::ServiceQuery)) => {
            let found = query(&url(cx, *part)?.query);
            found
                .into_iter()
                .find(|(known, _)| known.eq_ignore_ascii_case(name))
                .map(|(_, values)| values)
        }
        Value::Claims(jwt) => jwt.claim(name).map(owned),
        Value::ResponsePart(response, ResponsePart::Headers) => response.header(name).map(owned),
        _ => None,
    }
}

/// What a key of a dictionary of `context` holds.
pub(in crate::types) fn look_up(
    cx: &mut Cx<'_>,
    map: &Value,
    name: &str,
) -> Result<Lookup, Exception> {
    match map {
        Value::Host(HostRef::Variables) => {
            Ok(cx.host.variable(name).map_or(Lookup::Null, |value| Lookup::Found(value.clone())))
        }
        Value::Host(HostRef::Certificates) => match cx.host.certificate(name) {
            Some(found) => certificate(cx, found).map(Lookup::Found),
            None => Ok(Lookup::Missing),
        },
        Value::Host(HostRef::Matched) => {
            let found = cx.host.matched_parameters().iter().find(|(known, _)| known == name);
            Ok(found
                .map_or(Lookup::Missing, |(_, value)| Lookup::Found(Value::from(value.as_str()))))
        }
        _ => match strings(cx, map, name) {
            Some(values) => {
                cx.charge(values.iter().map(String::len).sum())?;
                let items = values.into_iter().map(Value::from).collect();
                cx.state.array(Ty::STRING, items).map(Lookup::Found)
            }
            None => Ok(Lookup::Missing),
        },
    }
}

/// The pairs of a dictionary of `context`.
pub(crate) fn entries(cx: &mut Cx<'_>, map: &Value) -> Result<Vec<Value>, Exception> {
    if let Value::Record(record) = map
        && matches!(record.ty, Ty::Generic(TypeId::IGrouping, _))
    {
        let items = record.values.get(1).cloned().unwrap_or_default();
        return cx.collect(&items);
    }
    let names: Vec<String> = match map {
        Value::Host(HostRef::Variables) => {
            cx.host.variable_names().into_iter().map(str::to_owned).collect()
        }
        Value::Host(HostRef::Certificates) => {
            cx.host.certificate_names().into_iter().map(str::to_owned).collect()
        }
        Value::Host(HostRef::Matched) => {
            cx.host.matched_parameters().iter().map(|(name, _)| name.clone()).collect()
        }
        Value::Host(HostRef::Headers(kind)) => {
            cx.host.header_names(*kind).into_iter().map(Cow::into_owned).collect()
        }
        Value::Host(part @ (HostRef::Query(_) | HostRef::ServiceQuery)) => {
            let found = url(cx, *part).map(|url| query(&url.query)).unwrap_or_default();
            found.into_iter().map(|(name, _)| name).collect()
        }
        Value::Claims(jwt) => jwt.claims().iter().map(|(name, _)| name.clone()).collect(),
        Value::ResponsePart(response, ResponsePart::Headers) => {
            response.headers.iter().map(|(name, _)| name.clone()).collect()
        }
        _ => return Err(confusion()),
    };
    let value_ty = match map {
        Value::Host(HostRef::Variables) => Ty::OBJECT,
        Value::Host(HostRef::Matched) => Ty::STRING,
        Value::Host(HostRef::Certificates) => Ty::Named(TypeId::X509Certificate2),
        _ => Ty::array(Ty::STRING),
    };
    let ty = Ty::generic(TypeId::KeyValuePair, [Ty::STRING, value_ty]);
    let mut pairs = Vec::new();
    for name in names {
        cx.charge(2 * SLOT_COST + name.len())?;
        let value = match look_up(cx, map, &name)? {
            Lookup::Found(value) => value,
            Lookup::Null | Lookup::Missing => Value::Null,
        };
        pairs.push(Value::pair(ty.clone(), Value::from(name), value));
    }
    Ok(pairs)
}

/// The members of a part of `context` as JSON shows them; none for what is a sequence.
pub(in crate::types) fn members(
    cx: &mut Cx<'_>,
    value: &Value,
) -> Result<Option<Vec<(String, Value)>>, Exception> {
    let single = !matches!(value, Value::Object(_) | Value::Bytes(_) | Value::Str(_));
    if !single {
        return Ok(None);
    }
    let ty = cx.state.type_of(value);
    let Some(id) = ty.id() else { return Ok(None) };
    let mut members = Vec::new();
    for member in info(id).decl.members {
        let Some((_, name)) = member.signature.rsplit_once(' ') else { continue };
        if member.signature.contains('(') || member.signature.starts_with("static") {
            continue;
        }
        let mut values = [value.clone()];
        let read = (member.run)(cx, &mut Args::new(&mut values, &[]))?;
        members.push((name.to_owned(), read));
    }
    Ok(Some(members))
}

/// `GetValueOrDefault` of headers, query and claims: all values joined.
fn joined(cx: &mut Cx<'_>, a: &Args<'_>, default: Value) -> Run {
    required(a, 0, "dictionary")?;
    let name = a.opt_str(1).ok_or_else(|| null_argument("key"))?;
    match a.get(0) {
        Value::Host(HostRef::Headers(kind)) => {
            let text = cx.host.header(*kind, name);
            match text.map(|text| (Value::from(&*text), text.len())) {
                Some((value, size)) => cx.charge(size).map(|()| value),
                None => Ok(default),
            }
        }
        map @ Value::Object(_) => {
            let map = map.clone();
            match cx.object_of(&map) {
                Some(crate::state::Object::Dictionary(_)) => {
                    let Some(values) = dictionary::find(cx, &map, a.get(1))? else {
                        return Ok(default);
                    };
                    if values.is_null() {
                        return Err(null_argument("value"));
                    }
                    let items = cx.collect(&values)?;
                    let texts: Vec<&str> =
                        items.iter().map(|item| item.as_str().unwrap_or_default()).collect();
                    let text = texts.join(",");
                    cx.string(text)
                }
                _ => Err(confusion()),
            }
        }
        map => {
            let text = match map {
                Value::Claims(jwt) => jwt.claim(name).map(joined_values),
                Value::ResponsePart(response, ResponsePart::Headers) => {
                    response.header(name).map(joined_values)
                }
                Value::Host(part @ (HostRef::Query(_) | HostRef::ServiceQuery)) => {
                    query_text(cx, *part, name)
                }
                _ => None,
            };
            match text.map(|text| (Value::from(&*text), text.len())) {
                Some((value, size)) => cx.charge(size).map(|()| value),
                None => Ok(default),
            }
        }
    }
}

/// All values of a name in one text.
pub(crate) fn joined_values(values: &[String]) -> Cow<'_, str> {
    match values {
        [only] => Cow::Borrowed(only),
        many => Cow::Owned(many.join(",")),
    }
}

fn variable(cx: &mut Cx<'_>, a: &Args<'_>, default: Value) -> Run {
    required(a, 0, "dictionary")?;
    let name = a.str(1, "key")?;
    match a.get(0) {
        Value::Host(HostRef::Variables) => match cx.host.variable(&name).cloned() {
            Some(value) => cx.cast(value, a.ty(0)),
            None => Ok(default),
        },
        map => {
            let map = map.clone();
            match look_up_any(cx, &map, &name)? {
                Some(value) => cx.cast(value, a.ty(0)),
                None => Ok(default),
            }
        }
    }
}

fn look_up_any(cx: &mut Cx<'_>, map: &Value, name: &str) -> Result<Option<Value>, Exception> {
    if let Some(crate::state::Object::Dictionary(_)) = cx.object_of(map) {
        return dictionary::find(cx, map, &Value::from(name));
    }
    Ok(match look_up(cx, map, name)? {
        Lookup::Found(value) => Some(value),
        Lookup::Null | Lookup::Missing => None,
    })
}

pub(in crate::types) const EXTENSIONS: TypeDecl = TypeDecl {
    name: "ContextExtensions",
    kind: Kind::Static,
    bases: &[],
    docs: "What can be done with the dictionaries of `context`.",
    members: &[
        m(
            "static string GetValueOrDefault(this IReadOnlyDictionary<string, string[]> dictionary, string key)",
            "All values of a name joined with commas, or null.",
            |cx, a| joined(cx, a, Value::Null),
        ),
        m(
            "static string GetValueOrDefault(this IReadOnlyDictionary<string, string[]> dictionary, string key, string defaultValue)",
            "All values of a name joined with commas, or another text.",
            |cx, a| {
                let default = a.value(2);
                joined(cx, a, default)
            },
        ),
        m(
            "static T GetValueOrDefault<T>(this IReadOnlyDictionary<string, object> dictionary, string key)",
            "A variable, or the default of its type.",
            |cx, a| {
                let default = default_value(a.ty(0));
                variable(cx, a, default)
            },
        ),
        m(
            "static object GetValueOrDefault(this IReadOnlyDictionary<string, object> dictionary, string key)",
            "A variable, or null.",
            |cx, a| variable(cx, a, Value::Null),
        ),
        m(
            "static T GetValueOrDefault<T>(this IReadOnlyDictionary<string, object> dictionary, string key, T defaultValue)",
            "A variable, or another value.",
            |cx, a| {
                let default = a.value(2);
                variable(cx, a, default)
            },
        ),
        m(
            "static V GetValueOrDefault<K, V>(this IReadOnlyDictionary<K, V> dictionary, K key)",
            "What a key holds, or the default.",
            |cx, a| {
                let default = default_value(a.ty(1));
                value_or(cx, a, default)
            },
        ),
        m(
            "static V GetValueOrDefault<K, V>(this IReadOnlyDictionary<K, V> dictionary, K key, V defaultValue)",
            "What a key holds, or another value.",
            |cx, a| {
                let default = a.value(2);
                value_or(cx, a, default)
            },
        ),
        m(
            "static IList<string> GetValueOrDefault(this IDictionary<string, IList<string>> dictionary, string key, IList<string> defaultValue)",
            "The values of a field of a form, or others.",
            |cx, a| {
                let default = a.value(2);
                value_or(cx, a, default)
            },
        ),
        m(
            "static V GetValueOrDefault<K, V>(this Dictionary<K, V> dictionary, K key, V defaultValue)",
            "What a key holds, or another value.",
            |cx, a| {
                let default = a.value(2);
                value_or(cx, a, default)
            },
        ),
        m(
            "static string ToQueryString(this IDictionary<string, IList<string>> values)",
            "As a query with its question mark; null when there is nothing.",
            |cx, a| {
                let text = encoded(cx, a)?;
                if text.is_empty() { Ok(Value::Null) } else { cx.string(format!("?{text}")) }
            },
        ),
        m(
            "static string ToFormUrlEncodedContent(this IDictionary<string, IList<string>> values)",
            "As the body of a form.",
            |cx, a| {
                let text = encoded(cx, a)?;
                cx.string(text)
            },
        ),
    ],
    refused: &[],
};

fn value_or(cx: &mut Cx<'_>, a: &Args<'_>, default: Value) -> Run {
    let map = required(a, 0, "dictionary")?;
    Ok(match dictionary::look_up(cx, &map, a.get(1))? {
        Lookup::Found(value) => value,
        Lookup::Null | Lookup::Missing => default,
    })
}

fn encoded(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<String, Exception> {
    let mut parts = Vec::new();
    for pair in cx.collect(&a.value(0))? {
        let Value::Record(record) = pair else { continue };
        let [name, values] = &*record.values else { continue };
        let name = escape_data(name.as_str().unwrap_or_default());
        for value in cx.collect(values)? {
            let value = value.as_str().ok_or_else(|| null_argument("stringToEscape"))?;
            parts.push(format!("{name}={}", escape_data(value)));
        }
    }
    Ok(parts.join("&"))
}
