//! Members that are evaluated without the detour through values: what they come down to.
//!
//! The table says what a member does in words that a lowered expression can be rewritten in; the member's own code stays
//! the definition, and both must agree.

use std::borrow::Cow;

use super::TypeId;
use super::decl::Native;
use super::string::equal;
use crate::text::{Comparison, ends, starts};
use crate::value::HostRef;
use crate::{Host, MessageKind, Url, UrlKind};

/// How `StartsWith` and `EndsWith` compare when nothing is said.
const BY_CULTURE: Comparison = Comparison::Culture { any_case: false };

/// The code of a member, and what it comes down to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    pub(crate) code: Native,
    pub(crate) shortcut: Option<Shortcut>,
}

impl Run {
    /// Code without a shortcut.
    pub(crate) fn of(code: Native) -> Self {
        Self { code, shortcut: None }
    }
}

/// Text of a part of `context`; none when there is no such part.
pub(crate) type TextOf = fn(&dyn Host, HostRef) -> Option<Cow<'_, str>>;
/// A test of a string and another.
pub(crate) type TextTest = fn(Option<&str>, &str, Comparison) -> bool;

/// What a member comes down to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shortcut {
    /// A part of the receiver.
    Part(fn(HostRef) -> Option<HostRef>),
    /// Text of the receiver.
    Text(TextOf),
    /// `Response.StatusCode`.
    Status,
    /// What a key holds.
    Item,
    /// Whether a key is there.
    ContainsKey,
    /// `GetValueOrDefault` of lists of strings: all of them joined.
    Joined,
    /// `GetValueOrDefault` that casts to the first type argument.
    Typed,
    /// `GetValueOrDefault` of any dictionary.
    ItemOr,
    /// A test of a string that may be null: by itself, or with another string and a comparison.
    Test(TextTest),
    /// The same; the string must not be null.
    TestOf(TextTest),
    /// What a key of a JSON token holds.
    JsonItem,
    /// The text of a JSON token: a cast.
    JsonText,
    /// The same: `ToString()`.
    JsonString,
    /// JSON of a token, in a formatting.
    JsonFormatted,
    /// What a key of a JSON token holds, as the first type argument.
    JsonValue,
    /// A new JSON object of its properties.
    JsonObject,
    /// A new JSON array of its items.
    JsonArray,
    /// A new property of a name and a value.
    JsonProperty,
    /// The claims of a token.
    Claims,
}

fn only(from: HostRef, wanted: HostRef, to: HostRef) -> Option<HostRef> {
    (from == wanted).then_some(to)
}

macro_rules! part {
    ($from:ident => $to:expr) => {
        Shortcut::Part(|from| only(from, HostRef::$from, $to))
    };
}

macro_rules! entity {
    ($part:ident, $field:ident) => {
        Shortcut::Text(|host, _| host.$part().map(|it| Cow::Borrowed(it.$field.as_str())))
    };
}

macro_rules! url {
    ($field:ident) => {
        Shortcut::Text(|host, part| {
            Some(match url(host, part)? {
                Cow::Borrowed(url) => Cow::Borrowed(url.$field.as_str()),
                Cow::Owned(url) => Cow::Owned(url.$field),
            })
        })
    };
}

fn url(host: &dyn Host, part: HostRef) -> Option<Cow<'_, Url>> {
    match part {
        HostRef::Url(kind) => Some(host.url(kind)),
        _ => None,
    }
}

fn same(left: Option<&str>, right: &str, how: Comparison) -> bool {
    equal(left, Some(right), how)
}

/// What a member comes down to, by its type and signature.
pub(super) fn shortcut(owner: TypeId, signature: &str) -> Option<Shortcut> {
    SHORTCUTS
        .iter()
        .find(|(of, known, _)| *of == owner && *known == signature)
        .map(|(_, _, shortcut)| *shortcut)
}

use MessageKind::{Request, Response};
use TypeId as T;

const SHORTCUTS: &[(TypeId, &str, Shortcut)] = &[
    (T::IContext, "IRequest Request", part!(Context => HostRef::Request)),
    (T::IContext, "IResponse Response", part!(Context => HostRef::Response)),
    (
        T::IContext,
        "IReadOnlyDictionary<string, object> Variables",
        part!(Context => HostRef::Variables),
    ),
    (T::IContext, "IApi Api", part!(Context => HostRef::Api)),
    (T::IContext, "IDeployment Deployment", part!(Context => HostRef::Deployment)),
    (T::IContext, "ILastError LastError", part!(Context => HostRef::LastError)),
    (T::IContext, "IOperation Operation", part!(Context => HostRef::Operation)),
    (T::IContext, "IProduct Product", part!(Context => HostRef::Product)),
    (T::IContext, "ISubscription Subscription", part!(Context => HostRef::Subscription)),
    (T::IContext, "IUser User", part!(Context => HostRef::User)),
    (
        T::IRequest,
        "IReadOnlyDictionary<string, string[]> Headers",
        part!(Request => HostRef::Headers(Request)),
    ),
    (
        T::IRequest,
        "IReadOnlyDictionary<string, string> MatchedParameters",
        part!(Request => HostRef::Matched),
    ),
    (T::IRequest, "IUrl Url", part!(Request => HostRef::Url(UrlKind::Current))),
    (T::IRequest, "IUrl OriginalUrl", part!(Request => HostRef::Url(UrlKind::Original))),
    (T::IRequest, "IMessageBody Body", part!(Request => HostRef::Body(Request))),
    (T::IRequest, "string Method", Shortcut::Text(|host, _| Some(host.method()))),
    (T::IRequest, "string IpAddress", Shortcut::Text(|host, _| Some(host.ip_address()))),
    (
        T::IResponse,
        "IReadOnlyDictionary<string, string[]> Headers",
        part!(Response => HostRef::Headers(Response)),
    ),
    (T::IResponse, "IMessageBody Body", part!(Response => HostRef::Body(Response))),
    (T::IResponse, "int StatusCode", Shortcut::Status),
    (T::IResponse, "string StatusReason", Shortcut::Text(|host, _| Some(host.status_reason()))),
    (
        T::IUrl,
        "IReadOnlyDictionary<string, string[]> Query",
        Shortcut::Part(|from| match from {
            HostRef::Url(kind) => Some(HostRef::Query(kind)),
            _ => None,
        }),
    ),
    (T::IUrl, "string Scheme", url!(scheme)),
    (T::IUrl, "string Host", url!(host)),
    (T::IUrl, "string Path", url!(path)),
    (T::IApi, "string Id", entity!(api, id)),
    (T::IApi, "string Name", entity!(api, name)),
    (T::IApi, "string Path", entity!(api, path)),
    (T::IApi, "string Revision", entity!(api, revision)),
    (T::IApi, "string Version", entity!(api, version)),
    (T::IOperation, "string Id", entity!(operation, id)),
    (T::IOperation, "string Method", entity!(operation, method)),
    (T::IOperation, "string Name", entity!(operation, name)),
    (T::IOperation, "string UrlTemplate", entity!(operation, url_template)),
    (T::IProduct, "string Id", entity!(product, id)),
    (T::IProduct, "string Name", entity!(product, name)),
    (T::ISubscription, "string Id", entity!(subscription, id)),
    (T::ISubscription, "string Name", entity!(subscription, name)),
    (T::ISubscription, "string Key", entity!(subscription, key)),
    (T::IUser, "string Id", entity!(user, id)),
    (T::IUser, "string Email", entity!(user, email)),
    (T::IUser, "string FirstName", entity!(user, first_name)),
    (T::IUser, "string LastName", entity!(user, last_name)),
    (
        T::IDeployment,
        "string Region",
        Shortcut::Text(|host, _| Some(Cow::Borrowed(&host.deployment().region))),
    ),
    (
        T::IDeployment,
        "string ServiceName",
        Shortcut::Text(|host, _| Some(Cow::Borrowed(&host.deployment().service_name))),
    ),
    (T::ILastError, "string Source", entity!(last_error, source)),
    (T::ILastError, "string Reason", entity!(last_error, reason)),
    (T::ILastError, "string Message", entity!(last_error, message)),
    (T::IReadOnlyDictionary, "TValue this[TKey key]", Shortcut::Item),
    (T::IReadOnlyDictionary, "bool ContainsKey(TKey key)", Shortcut::ContainsKey),
    (
        T::ContextExtensions,
        "static string GetValueOrDefault(this IReadOnlyDictionary<string, string[]> dictionary, string key)",
        Shortcut::Joined,
    ),
    (
        T::ContextExtensions,
        "static string GetValueOrDefault(this IReadOnlyDictionary<string, string[]> dictionary, string key, string defaultValue)",
        Shortcut::Joined,
    ),
    (
        T::ContextExtensions,
        "static T GetValueOrDefault<T>(this IReadOnlyDictionary<string, object> dictionary, string key)",
        Shortcut::Typed,
    ),
    (
        T::ContextExtensions,
        "static object GetValueOrDefault(this IReadOnlyDictionary<string, object> dictionary, string key)",
        Shortcut::Typed,
    ),
    (
        T::ContextExtensions,
        "static T GetValueOrDefault<T>(this IReadOnlyDictionary<string, object> dictionary, string key, T defaultValue)",
        Shortcut::Typed,
    ),
    (
        T::ContextExtensions,
        "static V GetValueOrDefault<K, V>(this IReadOnlyDictionary<K, V> dictionary, K key)",
        Shortcut::ItemOr,
    ),
    (
        T::ContextExtensions,
        "static V GetValueOrDefault<K, V>(this IReadOnlyDictionary<K, V> dictionary, K key, V defaultValue)",
        Shortcut::ItemOr,
    ),
    (T::JToken, "JToken this[object key]", Shortcut::JsonItem),
    (T::JObject, "JToken this[string propertyName]", Shortcut::JsonItem),
    (T::JObject, "JToken this[object key]", Shortcut::JsonItem),
    (T::JArray, "JToken this[int index]", Shortcut::JsonItem),
    (T::JArray, "JToken this[object key]", Shortcut::JsonItem),
    (T::JToken, "T Value<T>(object key)", Shortcut::JsonValue),
    (T::JToken, "string ToString()", Shortcut::JsonString),
    (T::JToken, "string ToString(Formatting formatting)", Shortcut::JsonFormatted),
    (T::JToken, "explicit string(JToken value)", Shortcut::JsonText),
    (T::JObject, "new(params object[] content)", Shortcut::JsonObject),
    (T::JObject, "new(object content)", Shortcut::JsonObject),
    (T::JArray, "new(params object[] content)", Shortcut::JsonArray),
    (T::JProperty, "new(string name, object content)", Shortcut::JsonProperty),
    (T::Jwt, "IReadOnlyDictionary<string, string[]> Claims", Shortcut::Claims),
    (
        T::String,
        "static bool IsNullOrEmpty(string value)",
        Shortcut::Test(|text, _, _| text.is_none_or(str::is_empty)),
    ),
    (
        T::String,
        "static bool IsNullOrWhiteSpace(string value)",
        Shortcut::Test(|text, _, _| text.is_none_or(|text| text.chars().all(char::is_whitespace))),
    ),
    (T::String, "static bool Equals(string a, string b)", Shortcut::Test(same)),
    (
        T::String,
        "static bool Equals(string a, string b, StringComparison comparisonType)",
        Shortcut::Test(same),
    ),
    (T::String, "bool Equals(string value)", Shortcut::TestOf(same)),
    (
        T::String,
        "bool Equals(string value, StringComparison comparisonType)",
        Shortcut::TestOf(same),
    ),
    (
        T::String,
        "bool Contains(string value)",
        Shortcut::TestOf(|text, other, _| text.is_some_and(|text| text.contains(other))),
    ),
    (
        T::String,
        "bool StartsWith(string value)",
        Shortcut::TestOf(|text, other, _| text.is_some_and(|text| starts(text, other, BY_CULTURE))),
    ),
    (
        T::String,
        "bool EndsWith(string value)",
        Shortcut::TestOf(|text, other, _| text.is_some_and(|text| ends(text, other, BY_CULTURE))),
    ),
];

#[cfg(test)]
mod tests {
    use super::super::{ALL, info};
    use super::*;

    #[test]
    fn every_shortcut_belongs_to_a_declared_member() {
        for (owner, signature, _) in SHORTCUTS {
            let decl = ALL.iter().find(|(id, _)| id == owner).map(|(_, decl)| *decl);
            let known = decl.unwrap().members.iter().any(|member| member.signature == *signature);
            assert!(known, "{}: `{signature}`", info(*owner).full);
        }
    }
}
