//! `context` and its parts.

use std::borrow::Cow;
use std::sync::Arc;

use super::decl::{Kind, TypeDecl, m};
use super::net::new_uri;
use super::{Ty, TypeId};
use crate::eval::{Args, Cx, Source, default_value, null_argument};
use crate::json::DateParse;
use crate::state::{SLOT_COST, confusion};
use crate::value::{HostRef, ResponsePart};
use crate::{Exception, ExceptionKind, MessageKind, Response, Url, UrlKind, Value};

type Run = Result<Value, Exception>;

/// What a key of a dictionary of `context` holds.
#[derive(Debug)]
pub(super) enum Lookup {
    Found(Value),
    /// Missing, and asking for it is no mistake.
    Null,
    Missing,
}

const fn part(part: HostRef) -> Value {
    Value::Host(part)
}

#[expect(clippy::unnecessary_wraps, reason = "the result of a member")]
fn present(part: HostRef, is_there: bool) -> Run {
    Ok(if is_there { Value::Host(part) } else { Value::Null })
}

#[expect(clippy::unnecessary_wraps, reason = "the result of a member")]
fn text(text: &str) -> Run {
    Ok(Value::from(text))
}

const fn entity(
    name: &'static str,
    docs: &'static str,
    members: &'static [super::Member],
) -> TypeDecl {
    TypeDecl { name, kind: Kind::Interface, bases: &[], docs, members }
}

pub(super) const CONTEXT: TypeDecl = entity(
    "IContext",
    "The request, the response and everything around them.",
    &[
        m("IApi Api", "The API.", |cx, _| present(HostRef::Api, cx.host.api().is_some())),
        m("IDeployment Deployment", "Where the gateway runs.", |_, _| {
            Ok(part(HostRef::Deployment))
        }),
        m("TimeSpan Elapsed", "The time since the request arrived.", |cx, _| {
            let ticks = cx.host.utc_now().saturating_sub(cx.host.timestamp());
            Ok(Value::TimeSpan(crate::time::TimeSpan::from_ticks(ticks)))
        }),
        m("ILastError LastError", "The last error, or null.", |cx, _| {
            present(HostRef::LastError, cx.host.last_error().is_some())
        }),
        m("IOperation Operation", "The operation.", |cx, _| {
            present(HostRef::Operation, cx.host.operation().is_some())
        }),
        m("IProduct Product", "The product, or null.", |cx, _| {
            present(HostRef::Product, cx.host.product().is_some())
        }),
        m("IRequest Request", "The request.", |_, _| Ok(part(HostRef::Request))),
        m("Guid RequestId", "The identifier of the request.", |cx, _| {
            Ok(Value::guid(cx.host.request_id()))
        }),
        m("IResponse Response", "The response; null before there is one.", |cx, _| {
            present(HostRef::Response, cx.host.has_response())
        }),
        m("ISubscription Subscription", "The subscription, or null.", |cx, _| {
            present(HostRef::Subscription, cx.host.subscription().is_some())
        }),
        m("DateTime Timestamp", "When the request arrived, UTC.", |cx, _| {
            Ok(Value::utc(cx.host.timestamp()))
        }),
        m("bool Tracing", "Whether the request is traced.", |cx, _| {
            Ok(Value::Bool(cx.host.tracing()))
        }),
        m("IUser User", "The user, or null.", |cx, _| {
            present(HostRef::User, cx.host.user().is_some())
        }),
        m("IReadOnlyDictionary<string, object> Variables", "The context variables.", |_, _| {
            Ok(part(HostRef::Variables))
        }),
        m("IWorkspace Workspace", "The workspace, or null.", |cx, _| {
            present(HostRef::Workspace, cx.host.workspace().is_some())
        }),
        m("void Trace(string message)", "Writes to the trace.", |cx, a| {
            let message = a.opt_str(1).unwrap_or_default().to_owned();
            cx.charge(message.len())?;
            cx.host.trace(&message);
            Ok(Value::Null)
        }),
    ],
);

/// The API among the arguments.
fn api<T>(cx: &Cx<'_>, a: &Args<'_>, take: impl FnOnce(&crate::Api) -> T) -> Result<T, Exception> {
    let found = match a.get(0) {
        Value::Host(HostRef::ProductApi(n)) => {
            cx.host.product().and_then(|product| product.apis.get(*n as usize))
        }
        _ => cx.host.api(),
    };
    found.map(take).ok_or_else(Exception::null_reference)
}

macro_rules! text_of {
    ($signature:literal, $doc:literal, $with:ident, $field:ident) => {
        m(concat!("string ", $signature), $doc, |cx, a| {
            $with(cx, a, |it| Value::from(it.$field.as_str()))
        })
    };
}

pub(super) const API: TypeDecl = entity(
    "IApi",
    "An API.",
    &[
        text_of!("Id", "Its identifier.", api, id),
        text_of!("Name", "Its name.", api, name),
        text_of!("Path", "Its URL suffix.", api, path),
        text_of!("Revision", "Its revision.", api, revision),
        text_of!("Version", "Its version.", api, version),
        m("bool IsCurrentRevision", "Whether the revision is the current one.", |cx, a| {
            api(cx, a, |it| Value::Bool(it.is_current_revision))
        }),
        m("IUrl ServiceUrl", "The URL of its backend, or null.", |cx, a| {
            let known = api(cx, a, |it| it.service_url.is_some())?;
            present(HostRef::ServiceUrl, known)
        }),
        m("IEnumerable<string> Protocols", "Such as `https`.", |cx, a| {
            let items = api(cx, a, |it| {
                it.protocols.iter().map(|item| Value::from(item.as_str())).collect()
            })?;
            cx.state.array(Ty::STRING, items)
        }),
        m(
            "ISubscriptionKeyParameterNames SubscriptionKeyParameterNames",
            "Where the key stands.",
            |_, _| Ok(part(HostRef::KeyNames)),
        ),
    ],
);

pub(super) const KEY_NAMES: TypeDecl = entity(
    "ISubscriptionKeyParameterNames",
    "Where a subscription key stands.",
    &[
        text_of!("Header", "The header.", api, key_header),
        text_of!("Query", "The query parameter.", api, key_query),
    ],
);

fn operation<T>(
    cx: &Cx<'_>,
    _: &Args<'_>,
    take: impl FnOnce(&crate::Operation) -> T,
) -> Result<T, Exception> {
    cx.host.operation().map(take).ok_or_else(Exception::null_reference)
}

pub(super) const OPERATION: TypeDecl = entity(
    "IOperation",
    "An operation.",
    &[
        text_of!("Id", "Its identifier.", operation, id),
        text_of!("Method", "Its HTTP method.", operation, method),
        text_of!("Name", "Its name.", operation, name),
        text_of!("UrlTemplate", "Its URL template.", operation, url_template),
    ],
);

fn product<T>(
    cx: &Cx<'_>,
    _: &Args<'_>,
    take: impl FnOnce(&crate::Product) -> T,
) -> Result<T, Exception> {
    cx.host.product().map(take).ok_or_else(Exception::null_reference)
}

fn count_of(n: usize) -> impl Iterator<Item = u32> {
    0..u32::try_from(n).unwrap_or(u32::MAX)
}

pub(super) const PRODUCT: TypeDecl = entity(
    "IProduct",
    "A product.",
    &[
        text_of!("Id", "Its identifier.", product, id),
        text_of!("Name", "Its name.", product, name),
        m("bool ApprovalRequired", "Whether subscriptions need approval.", |cx, a| {
            product(cx, a, |it| Value::Bool(it.approval_required))
        }),
        m("bool SubscriptionRequired", "Whether a subscription is required.", |cx, a| {
            product(cx, a, |it| Value::Bool(it.subscription_required))
        }),
        m("int? SubscriptionsLimit", "How many subscriptions a user may have.", |cx, a| {
            product(cx, a, |it| it.subscriptions_limit.map_or(Value::Null, Value::Int))
        }),
        m("int? SubscriptionLimit", "How many subscriptions a user may have.", |cx, a| {
            product(cx, a, |it| it.subscriptions_limit.map_or(Value::Null, Value::Int))
        }),
        m("ProductState State", "Published or not.", |cx, a| {
            product(cx, a, |it| Value::Enum(TypeId::ProductState, it.state as i32))
        }),
        m("IEnumerable<IGroup> Groups", "The groups that see it.", |cx, a| {
            let n = product(cx, a, |it| it.groups.len())?;
            let items = count_of(n).map(|n| part(HostRef::ProductGroup(n))).collect();
            cx.lazy(Ty::Named(TypeId::IGroup), Source::Items(items))
        }),
        m("IEnumerable<IApi> Apis", "Its APIs.", |cx, a| {
            let n = product(cx, a, |it| it.apis.len())?;
            let items = count_of(n).map(|n| part(HostRef::ProductApi(n))).collect();
            cx.lazy(Ty::Named(TypeId::IApi), Source::Items(items))
        }),
    ],
);

pub(super) const PRODUCT_STATE: TypeDecl = TypeDecl {
    name: "ProductState",
    kind: Kind::Enum(&[("NotPublished", 0), ("Published", 1)]),
    bases: &[],
    docs: "Whether a product is published.",
    members: &[],
};

fn group<T>(
    cx: &Cx<'_>,
    a: &Args<'_>,
    take: impl FnOnce(&crate::Group) -> T,
) -> Result<T, Exception> {
    let found = match a.get(0) {
        Value::Host(HostRef::ProductGroup(n)) => {
            cx.host.product().and_then(|it| it.groups.get(*n as usize))
        }
        Value::Host(HostRef::UserGroup(n)) => {
            cx.host.user().and_then(|it| it.groups.get(*n as usize))
        }
        _ => None,
    };
    found.map(take).ok_or_else(Exception::null_reference)
}

pub(super) const GROUP: TypeDecl = entity(
    "IGroup",
    "A group of users.",
    &[text_of!("Id", "Its identifier.", group, id), text_of!("Name", "Its name.", group, name)],
);

fn subscription<T>(
    cx: &Cx<'_>,
    _: &Args<'_>,
    take: impl FnOnce(&crate::Subscription) -> T,
) -> Result<T, Exception> {
    cx.host.subscription().map(take).ok_or_else(Exception::null_reference)
}

pub(super) const SUBSCRIPTION: TypeDecl = entity(
    "ISubscription",
    "A subscription.",
    &[
        text_of!("Id", "Its identifier.", subscription, id),
        text_of!("Name", "Its name.", subscription, name),
        text_of!("Key", "The key that was presented.", subscription, key),
        text_of!("PrimaryKey", "Its first key.", subscription, primary_key),
        text_of!("SecondaryKey", "Its second key.", subscription, secondary_key),
        m("DateTime CreatedDate", "When it was created.", |cx, a| {
            subscription(cx, a, |it| Value::utc(it.created))
        }),
        m("DateTime CreatedTime", "When it was created.", |cx, a| {
            subscription(cx, a, |it| Value::utc(it.created))
        }),
        m("DateTime? StartDate", "When it begins.", |cx, a| {
            subscription(cx, a, |it| it.start.map_or(Value::Null, Value::utc))
        }),
        m("DateTime? EndDate", "When it ends.", |cx, a| {
            subscription(cx, a, |it| it.end.map_or(Value::Null, Value::utc))
        }),
    ],
);

fn user<T>(
    cx: &Cx<'_>,
    _: &Args<'_>,
    take: impl FnOnce(&crate::User) -> T,
) -> Result<T, Exception> {
    cx.host.user().map(take).ok_or_else(Exception::null_reference)
}

pub(super) const USER: TypeDecl = entity(
    "IUser",
    "A user.",
    &[
        text_of!("Id", "The identifier.", user, id),
        text_of!("Email", "The e-mail address.", user, email),
        text_of!("FirstName", "The first name.", user, first_name),
        text_of!("LastName", "The last name.", user, last_name),
        text_of!("Note", "A note of an administrator.", user, note),
        m("DateTime RegistrationDate", "When the user registered.", |cx, a| {
            user(cx, a, |it| Value::utc(it.registration_date))
        }),
        m("IEnumerable<IGroup> Groups", "The groups of the user.", |cx, a| {
            let n = user(cx, a, |it| it.groups.len())?;
            let items = count_of(n).map(|n| part(HostRef::UserGroup(n))).collect();
            cx.lazy(Ty::Named(TypeId::IGroup), Source::Items(items))
        }),
        m("IEnumerable<IUserIdentity> Identities", "The identities of the user.", |cx, a| {
            let n = user(cx, a, |it| it.identities.len())?;
            let items = count_of(n).map(|n| part(HostRef::UserIdentity(n))).collect();
            cx.lazy(Ty::Named(TypeId::IUserIdentity), Source::Items(items))
        }),
    ],
);

fn identity<T>(
    cx: &Cx<'_>,
    a: &Args<'_>,
    take: impl FnOnce(&crate::UserIdentity) -> T,
) -> Result<T, Exception> {
    let found = match a.get(0) {
        Value::Host(HostRef::UserIdentity(n)) => {
            cx.host.user().and_then(|it| it.identities.get(*n as usize))
        }
        _ => None,
    };
    found.map(take).ok_or_else(Exception::null_reference)
}

pub(super) const IDENTITY: TypeDecl = entity(
    "IUserIdentity",
    "An identity of a user.",
    &[
        text_of!("Id", "The identifier at the provider.", identity, id),
        text_of!("Provider", "The provider.", identity, provider),
    ],
);

fn workspace<T>(
    cx: &Cx<'_>,
    _: &Args<'_>,
    take: impl FnOnce(&crate::Workspace) -> T,
) -> Result<T, Exception> {
    cx.host.workspace().map(take).ok_or_else(Exception::null_reference)
}

pub(super) const WORKSPACE: TypeDecl = entity(
    "IWorkspace",
    "A workspace.",
    &[
        text_of!("Id", "Its identifier.", workspace, id),
        text_of!("Name", "Its name.", workspace, name),
    ],
);

#[expect(clippy::unnecessary_wraps, reason = "as the others")]
fn deployment<T>(
    cx: &Cx<'_>,
    _: &Args<'_>,
    take: impl FnOnce(&crate::Deployment) -> T,
) -> Result<T, Exception> {
    Ok(take(cx.host.deployment()))
}

pub(super) const DEPLOYMENT: TypeDecl = entity(
    "IDeployment",
    "Where the gateway runs.",
    &[
        m("IGateway Gateway", "The gateway.", |_, _| Ok(part(HostRef::Gateway))),
        text_of!(
            "GatewayId",
            "`managed`, or the identifier of a self-hosted gateway.",
            deployment,
            gateway_id
        ),
        text_of!("Region", "The region.", deployment, region),
        text_of!("ServiceId", "The identifier of the service.", deployment, service_id),
        text_of!("ServiceName", "The name of the service.", deployment, service_name),
    ],
);

pub(super) const GATEWAY: TypeDecl = entity(
    "IGateway",
    "The gateway.",
    &[
        text_of!("Id", "`managed`, or its identifier.", deployment, gateway_id),
        text_of!("InstanceId", "The identifier of this instance.", deployment, instance_id),
        m("bool IsManaged", "Whether it is Azure's.", |cx, a| {
            deployment(cx, a, |it| Value::Bool(it.is_managed))
        }),
    ],
);

fn last_error<T>(
    cx: &Cx<'_>,
    _: &Args<'_>,
    take: impl FnOnce(&crate::LastError) -> T,
) -> Result<T, Exception> {
    cx.host.last_error().map(take).ok_or_else(Exception::null_reference)
}

pub(super) const LAST_ERROR: TypeDecl = entity(
    "ILastError",
    "An error of a policy.",
    &[
        text_of!("Source", "What failed.", last_error, source),
        text_of!("Reason", "Why, for machines.", last_error, reason),
        text_of!("Message", "Why, for people.", last_error, message),
        text_of!("Scope", "The scope.", last_error, scope),
        text_of!("Section", "The section.", last_error, section),
        text_of!("Path", "Where in the section.", last_error, path),
        text_of!("PolicyId", "The `id` of the policy.", last_error, policy_id),
    ],
);

pub(super) const REQUEST: TypeDecl = entity(
    "IRequest",
    "The request.",
    &[
        m("IMessageBody Body", "The body, or null.", |cx, _| {
            present(
                HostRef::Body(MessageKind::Request),
                cx.host.body(MessageKind::Request).is_some(),
            )
        }),
        m("IReadOnlyDictionary<string, string[]> Headers", "The headers.", |_, _| {
            Ok(part(HostRef::Headers(MessageKind::Request)))
        }),
        m("string IpAddress", "The address of the client.", |cx, _| text(&cx.host.ip_address())),
        m(
            "IReadOnlyDictionary<string, string> MatchedParameters",
            "The parameters of the URL template.",
            |_, _| Ok(part(HostRef::Matched)),
        ),
        m("string Method", "The HTTP method.", |cx, _| text(&cx.host.method())),
        m("IUrl OriginalUrl", "The URL as the client sent it.", |_, _| {
            Ok(part(HostRef::Url(UrlKind::Original)))
        }),
        m("IUrl Url", "The URL as it will go to the backend.", |_, _| {
            Ok(part(HostRef::Url(UrlKind::Current)))
        }),
    ],
);

fn response<'a>(a: &'a Args<'_>) -> Option<&'a Arc<Response>> {
    match a.get(0) {
        Value::Response(response) => Some(response),
        _ => None,
    }
}

pub(super) const RESPONSE: TypeDecl = entity(
    "IResponse",
    "A response.",
    &[
        m("IMessageBody Body", "The body, or null.", |cx, a| match response(a) {
            Some(response) if response.body.is_some() => {
                Ok(Value::ResponsePart(response.clone(), ResponsePart::Body))
            }
            Some(_) => Ok(Value::Null),
            None => present(
                HostRef::Body(MessageKind::Response),
                cx.host.body(MessageKind::Response).is_some(),
            ),
        }),
        m("IReadOnlyDictionary<string, string[]> Headers", "The headers.", |_, a| {
            Ok(match response(a) {
                Some(response) => Value::ResponsePart(response.clone(), ResponsePart::Headers),
                None => part(HostRef::Headers(MessageKind::Response)),
            })
        }),
        m("int StatusCode", "The status code.", |cx, a| {
            Ok(Value::Int(response(a).map_or_else(|| cx.host.status(), |response| response.status)))
        }),
        m("string StatusReason", "The reason phrase.", |cx, a| match response(a) {
            Some(response) => text(&response.reason),
            None => text(&cx.host.status_reason()),
        }),
    ],
);

/// The body among the arguments, with the character set of its message; consumed unless it is kept.
fn read_body(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<(bytes::Bytes, Option<String>), Exception> {
    let keep = a.bool(1);
    let consumed = || {
        let message = "The message body was already consumed; read it with `preserveContent: true` the first time.";
        Exception::new(ExceptionKind::InvalidOperation, message)
    };
    match a.get(0) {
        Value::Host(HostRef::Body(kind)) => {
            let kind = *kind;
            if cx.host.body_consumed(kind) {
                return Err(consumed());
            }
            let body = cx.host.body(kind).ok_or_else(Exception::null_reference)?;
            let charset = cx.host.header(kind, "Content-Type").and_then(|header| charset(&header));
            if !keep {
                cx.host.consume_body(kind);
            }
            Ok((body, charset))
        }
        Value::ResponsePart(response, ResponsePart::Body) => {
            if cx.state.consumed.iter().any(|known| Arc::ptr_eq(known, response)) {
                return Err(consumed());
            }
            let body = response.body.clone().ok_or_else(Exception::null_reference)?;
            let header = response.header("Content-Type").and_then(|values| values.first());
            let charset = header.and_then(|header| charset(header));
            if !keep {
                cx.charge(16)?;
                cx.state.consumed.push(response.clone());
            }
            Ok((body, charset))
        }
        _ => Err(confusion()),
    }
}

fn charset(header: &str) -> Option<String> {
    header.split(';').skip(1).find_map(|part| {
        let (name, value) = part.trim().split_once('=')?;
        name.eq_ignore_ascii_case("charset").then(|| value.trim_matches('"').to_owned())
    })
}

fn as_type(cx: &mut Cx<'_>, a: &Args<'_>) -> Run {
    let (bytes, charset) = read_body(cx, a)?;
    cx.charge(bytes.len())?;
    cx.step(bytes.len() as u64 / 16)?;
    if matches!(a.ty(0), Ty::Array(_)) {
        return Ok(Value::Bytes(bytes.as_ref().into()));
    }
    let text: Cow<'_, str> = match (charset.as_deref(), std::str::from_utf8(&bytes)) {
        (None, Ok(text)) if !text.starts_with('\u{feff}') => Cow::Borrowed(text),
        (charset, _) => Cow::Owned(super::encoding::decode_as(charset, &bytes)),
    };
    let (json, budget) = (&mut cx.state.json, &mut cx.state.budget);
    let read = match a.ty(0).id() {
        Some(TypeId::JObject) => json.parse_object(&text, DateParse::DateTime, budget),
        Some(TypeId::JArray) => json.parse_array(&text, DateParse::DateTime, budget),
        Some(TypeId::JToken) => json.parse(&text, DateParse::DateTime, budget),
        _ => return Ok(Value::from(text.as_ref())),
    };
    read.map(Value::Json)
}

pub(super) const BODY: TypeDecl = entity(
    "IMessageBody",
    "The body of a message.",
    &[
        m(
            "T As<T>(bool preserveContent = false)",
            "The body as a value of a type; consumed unless it is kept.",
            |cx, a| as_type(cx, a),
        ),
        m(
            "IDictionary<string, IList<string>> AsFormUrlEncodedContent(bool preserveContent = false)",
            "The fields of a form.",
            |cx, a| {
                let (bytes, charset) = read_body(cx, a)?;
                cx.charge(bytes.len() * 2)?;
                let text = super::encoding::decode_as(charset.as_deref(), &bytes);
                form(cx, &text)
            },
        ),
    ],
);

fn form(cx: &mut Cx<'_>, text: &str) -> Run {
    let list = Ty::generic(TypeId::IList, [Ty::STRING]);
    let mut fields: Vec<(String, Vec<Value>)> = Vec::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        cx.step(1)?;
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (decode(name), Value::from(decode(value)));
        match fields.iter_mut().find(|(known, _)| *known == name) {
            Some((_, values)) => values.push(value),
            None => fields.push((name, vec![value])),
        }
    }
    let mut map =
        crate::collections::Dictionary::new(Ty::STRING, list, crate::collections::Comparer::Exact);
    for (name, values) in fields {
        let values = cx.state.list(Ty::STRING, values)?;
        map.set(Value::from(name), values);
    }
    cx.state.add(crate::state::Object::Dictionary(Box::new(map)))
}

/// Decodes a name or value of a query or form.
fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        if let [b'%', a, b, after @ ..] = rest
            && let (Some(a), Some(b)) = (char::from(*a).to_digit(16), char::from(*b).to_digit(16))
        {
            bytes.push(u8::try_from(a * 16 + b).unwrap_or_default());
            rest = after;
            continue;
        }
        bytes.push(if *first == b'+' { b' ' } else { *first });
        rest = tail;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The URL among the arguments.
fn url<'h>(cx: &'h Cx<'_>, part: HostRef) -> Option<Cow<'h, Url>> {
    match part {
        HostRef::Url(kind) | HostRef::Query(kind) => Some(cx.host.url(kind)),
        HostRef::ServiceUrl | HostRef::ServiceQuery => {
            cx.host.api().and_then(|api| api.service_url.as_ref()).map(Cow::Borrowed)
        }
        _ => None,
    }
}

fn url_of<T>(cx: &Cx<'_>, a: &Args<'_>, take: impl FnOnce(&Url) -> T) -> Result<T, Exception> {
    let Value::Host(part) = a.get(0) else { return Err(confusion()) };
    url(cx, *part).map(|url| take(&url)).ok_or_else(Exception::null_reference)
}

/// `IUrl.ToString()`: without a default port.
pub(crate) fn url_text(cx: &Cx<'_>, part: HostRef) -> Option<String> {
    if !matches!(part, HostRef::Url(_) | HostRef::ServiceUrl) {
        return None;
    }
    url(cx, part).map(|url| written(&url))
}

fn written(url: &Url) -> String {
    let default = if url.scheme.eq_ignore_ascii_case("http") { 80 } else { 443 };
    let port = if url.port == default { String::new() } else { format!(":{}", url.port) };
    let query = if url.query.is_empty() { String::new() } else { format!("?{}", url.query) };
    format!("{}://{}{port}{}{query}", url.scheme, url.host, url.path)
}

pub(super) const URL: TypeDecl = entity(
    "IUrl",
    "A URL.",
    &[
        text_of!("Scheme", "`http` or `https`.", url_of, scheme),
        text_of!("Host", "The host.", url_of, host),
        m("int Port", "The port.", |cx, a| url_of(cx, a, |url| Value::Int(i32::from(url.port)))),
        text_of!("Path", "The path.", url_of, path),
        m("string QueryString", "The query with its question mark, or nothing.", |cx, a| {
            url_of(cx, a, |url| {
                Value::from(if url.query.is_empty() {
                    String::new()
                } else {
                    format!("?{}", url.query)
                })
            })
        }),
        m("IReadOnlyDictionary<string, string[]> Query", "The query parameters.", |_, a| {
            match a.get(0) {
                Value::Host(HostRef::Url(kind)) => Ok(part(HostRef::Query(*kind))),
                _ => Ok(part(HostRef::ServiceQuery)),
            }
        }),
        m("Uri ToUri()", "As a `System.Uri`.", |cx, a| {
            let text = url_of(cx, a, written)?;
            new_uri(cx, &text)
        }),
    ],
);

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
pub(super) fn look_up(cx: &mut Cx<'_>, map: &Value, name: &str) -> Result<Lookup, Exception> {
    match map {
        Value::Host(HostRef::Variables) => {
            Ok(cx.host.variable(name).map_or(Lookup::Null, |value| Lookup::Found(value.clone())))
        }
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
pub(super) fn members(
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
    for member in super::info(id).decl.members {
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
    let name = a.str(1, "key")?;
    match a.get(0) {
        Value::Null => Err(null_argument("dictionary")),
        Value::Host(HostRef::Headers(kind)) => {
            let value = cx.host.header(*kind, &name).map(|text| Value::from(text.as_ref()));
            Ok(value.unwrap_or(default))
        }
        map @ Value::Object(_) => {
            let map = map.clone();
            match cx.object_of(&map) {
                Some(crate::state::Object::Dictionary(found)) => {
                    let Some(values) = found.get(a.get(1)).cloned() else { return Ok(default) };
                    let items = cx.collect(&values)?;
                    let texts: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
                    let text = texts.join(",");
                    cx.string(text)
                }
                _ => Err(confusion()),
            }
        }
        map => match strings(cx, map, &name) {
            Some(values) => cx.string(values.join(",")),
            None => Ok(default),
        },
    }
}

fn variable(cx: &mut Cx<'_>, a: &Args<'_>, default: Value) -> Run {
    let name = a.str(1, "key")?;
    match a.get(0) {
        Value::Null => Err(null_argument("dictionary")),
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
    if let Some(crate::state::Object::Dictionary(found)) = cx.object_of(map) {
        return Ok(found.get(&Value::from(name)).cloned());
    }
    Ok(match look_up(cx, map, name)? {
        Lookup::Found(value) => Some(value),
        Lookup::Null | Lookup::Missing => None,
    })
}

pub(super) const EXTENSIONS: TypeDecl = TypeDecl {
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
            "static V GetValueOrDefault<K, V>(this IDictionary<K, V> dictionary, K key, V defaultValue)",
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
};

fn value_or(cx: &mut Cx<'_>, a: &Args<'_>, default: Value) -> Run {
    let map = a.value(0);
    if let Some(crate::state::Object::Dictionary(found)) = cx.object_of(&map) {
        return Ok(found.get(a.get(1)).cloned().unwrap_or(default));
    }
    let name = a.str(1, "key")?;
    Ok(match look_up(cx, &map, &name)? {
        Lookup::Found(value) => value,
        Lookup::Null | Lookup::Missing => default,
    })
}

fn encoded(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<String, Exception> {
    let mut parts = Vec::new();
    for pair in cx.collect(&a.value(0))? {
        let Value::Record(record) = pair else { continue };
        let [name, values] = &*record.values else { continue };
        let name = super::net::escape_data(name.as_str().unwrap_or_default());
        for value in cx.collect(values)? {
            let value = super::net::escape_data(value.as_str().unwrap_or_default());
            parts.push(format!("{name}={value}"));
        }
    }
    Ok(parts.join("&"))
}
