//! `context` and its parts.

macro_rules! text_of {
    ($signature:literal, $doc:literal, $with:ident, $field:ident) => {
        m(concat!("string ", $signature), $doc, |cx, a| {
            $with(cx, a, |it| Value::from(it.$field.as_str()))
        })
    };
}

mod azure;
mod maps;
mod messages;

pub(super) use azure::{
    BACKEND, BACKEND_TYPE, CARBON_INTENSITY, FOUNDRY, GRAPHQL, PRIVATE_ENDPOINT, SUSTAINABILITY,
    VNET,
};
pub(super) use maps::{EXTENSIONS, Lookup, look_up, members};
pub(crate) use maps::{entries, joined_values, query_text};
pub(super) use messages::{BODY, REQUEST, RESPONSE, URL};
pub(crate) use messages::{charset, url_text};

use super::decl::{Kind, TypeDecl, m};
use super::{Ty, TypeId};
use crate::eval::{Args, Cx, Source};
use crate::value::HostRef;
use crate::{Exception, Value};

type Run = Result<Value, Exception>;

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
    TypeDecl { name, kind: Kind::Interface, bases: &[], docs, members, refused: &[] }
}

pub(super) const CONTEXT: TypeDecl = entity(
    "IContext",
    "The request, the response and everything around them.",
    &[
        m("IApi Api", "The API.", |cx, _| present(HostRef::Api, cx.host.api().is_some())),
        m(
            "IBackend Backend",
            "The named backend that the request will go to, or null.",
            |cx, _| present(HostRef::Backend, cx.host.backend().is_some()),
        ),
        m("IGraphQL GraphQL", "Null: there are no resolvers of GraphQL here.", |_, _| {
            Ok(Value::Null)
        }),
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
            cx.host.product().and_then(|product| product.apis.get(*n as usize)).map(|api| &**api)
        }
        _ => cx.host.api(),
    };
    found.map(take).ok_or_else(Exception::null_reference)
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
    refused: &[],
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
        m(
            "IReadOnlyDictionary<string, X509Certificate2> Certificates",
            "The configured certificates, by name or thumbprint.",
            |_, _| Ok(part(HostRef::Certificates)),
        ),
        m("ISustainabilityInfo SustainabilityInfo", "How the region's power is made.", |_, _| {
            Ok(part(HostRef::Sustainability))
        }),
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

/// Text that is null where nothing is set.
macro_rules! set_text_of {
    ($signature:literal, $doc:literal, $with:ident, $field:ident) => {
        m(concat!("string ", $signature), $doc, |cx, a| {
            $with(cx, a, |it| match it.$field.as_str() {
                "" => Value::Null,
                text => Value::from(text),
            })
        })
    };
}

pub(super) const LAST_ERROR: TypeDecl = entity(
    "ILastError",
    "An error of a policy.",
    &[
        text_of!("Source", "What failed.", last_error, source),
        text_of!("Reason", "Why, for machines.", last_error, reason),
        text_of!("Message", "Why, for people.", last_error, message),
        set_text_of!("Scope", "The scope; null of a built-in step.", last_error, scope),
        set_text_of!("Section", "The section.", last_error, section),
        set_text_of!("Path", "Where in the section; null of a built-in step.", last_error, path),
        set_text_of!("PolicyId", "The `id` of the policy, or null.", last_error, policy_id),
        m(
            "int HttpErrorCode",
            "The status that answers the error; 500 when none is set.",
            |cx, a| last_error(cx, a, |it| Value::Int(it.http_error_code)),
        ),
    ],
);
