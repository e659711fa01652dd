//! What an expression sees of the world: `context` and its entities.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;

/// `context.Api`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Api {
    /// Identifier.
    pub id: String,
    /// Display name.
    pub name: String,
    /// URL suffix of the API, without slashes at its ends.
    pub path: String,
    /// Revision, such as `1`.
    pub revision: String,
    /// Version, such as `v1`; empty when there is none.
    pub version: String,
    /// Whether the revision is the current one.
    pub is_current_revision: bool,
    /// Default backend URL, when there is one.
    pub service_url: Option<Url>,
    /// `http`, `https`, `ws`, `wss`.
    pub protocols: Vec<String>,
    /// Header that carries the subscription key.
    pub key_header: String,
    /// Query parameter that carries the subscription key.
    pub key_query: String,
}

/// `context.Operation`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Operation {
    /// Identifier.
    pub id: String,
    /// HTTP method.
    pub method: String,
    /// Display name.
    pub name: String,
    /// Template such as `/deployments/{id}/chat/completions`.
    pub url_template: String,
}

/// `context.Product`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Product {
    /// Identifier.
    pub id: String,
    /// Display name.
    pub name: String,
    /// Whether subscriptions need approval.
    pub approval_required: bool,
    /// Whether a subscription is required.
    pub subscription_required: bool,
    /// How many subscriptions a user may have.
    pub subscriptions_limit: Option<i32>,
    /// Published or not.
    pub state: ProductState,
    /// Groups that see the product.
    pub groups: Vec<Group>,
    /// APIs of the product.
    pub apis: Vec<Arc<Api>>,
}

/// `ProductState`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ProductState {
    /// Not visible to developers.
    NotPublished,
    /// Visible.
    #[default]
    Published,
}

/// `IGroup`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Group {
    /// Identifier.
    pub id: String,
    /// Display name.
    pub name: String,
}

/// `context.Subscription`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Subscription {
    /// Identifier.
    pub id: String,
    /// Display name.
    pub name: String,
    /// The key that was presented.
    pub key: String,
    /// First key.
    pub primary_key: String,
    /// Second key.
    pub secondary_key: String,
    /// Ticks (100 ns since 0001-01-01) of its creation, UTC.
    pub created: i64,
    /// Ticks of its start.
    pub start: Option<i64>,
    /// Ticks of its end.
    pub end: Option<i64>,
}

impl std::fmt::Debug for Subscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Keys are secrets.
        f.debug_struct("Subscription")
            .field("id", &self.id)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// `context.User`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct User {
    /// Identifier.
    pub id: String,
    /// E-mail address.
    pub email: String,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// Note of an administrator.
    pub note: String,
    /// Groups of the user.
    pub groups: Vec<Group>,
    /// Identities of the user.
    pub identities: Vec<UserIdentity>,
    /// Ticks of the registration, UTC.
    pub registration_date: i64,
}

/// `IUserIdentity`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserIdentity {
    /// Identifier at the provider.
    pub id: String,
    /// Provider, such as `Azure`.
    pub provider: String,
}

/// `context.Workspace`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Workspace {
    /// Identifier.
    pub id: String,
    /// Display name.
    pub name: String,
}

/// `context.Deployment`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    /// `managed`, or the identifier of a self-hosted gateway.
    pub gateway_id: String,
    /// Identifier of this instance.
    pub instance_id: String,
    /// Whether the gateway is Azure's.
    pub is_managed: bool,
    /// Azure region.
    pub region: String,
    /// Identifier of the service.
    pub service_id: String,
    /// Name of the service.
    pub service_name: String,
}

impl Default for Deployment {
    fn default() -> Self {
        Self {
            gateway_id: "managed".to_owned(),
            instance_id: "managed".to_owned(),
            is_managed: true,
            region: String::new(),
            service_id: String::new(),
            service_name: String::new(),
        }
    }
}

/// `context.Backend`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Backend {
    /// Identifier.
    pub id: String,
    /// Azure region, when one is set.
    pub azure_region: String,
    /// Whether it is several backends behind one name.
    pub is_pool: bool,
}

/// `context.LastError`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LastError {
    /// Name of the failing policy, or of a built-in step.
    pub source: String,
    /// Machine-readable cause.
    pub reason: String,
    /// For people.
    pub message: String,
    /// `global`, `product`, `api`, `operation`, `workspace`; empty, and null in expressions, of a built-in step.
    pub scope: String,
    /// `inbound`, `backend`, `outbound`, `on-error`; null in expressions when empty.
    pub section: String,
    /// Nested position, such as `choose[3]\when[2]`; null in expressions when empty.
    pub path: String,
    /// The `id` of the failing policy; null in expressions when empty.
    pub policy_id: String,
    /// The status that answers the error when no policy sets another.
    pub http_error_code: i32,
    /// For the operator; expressions do not see it: type and place of the exception of an expression.
    pub detail: Option<String>,
}

/// A URL as `IUrl` shows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Url {
    /// `http` or `https`.
    pub scheme: String,
    /// Host without port.
    pub host: String,
    /// Port, the scheme's default when none is written.
    pub port: u16,
    /// Path with its leading slash, as on the wire.
    pub path: String,
    /// Query as on the wire, without the question mark; empty when there is none.
    pub query: String,
}

/// Which message of the exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MessageKind {
    /// `context.Request`.
    Request,
    /// `context.Response`.
    Response,
}

/// Which URL of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UrlKind {
    /// `context.Request.OriginalUrl`: as the client sent it.
    Original,
    /// `context.Request.Url`: as it will go to the backend.
    Current,
}

/// One request's world, read by expressions. The engine implements it for live requests; `FixedHost` is plain
/// data for `tollgate eval` and for tests.
///
/// Header names compare without regard to case. The body of a message is present (`Some`) only when the message has
/// one that was made available; the engine does that before an expression that reads it runs.
pub trait Host: Send {
    /// Now, in ticks (100 ns since 0001-01-01), UTC.
    fn utc_now(&self) -> i64;
    /// When the request arrived, in ticks, UTC.
    fn timestamp(&self) -> i64;
    /// 64 random bits; not for keys.
    fn random(&mut self) -> u64;
    /// Fills bytes with randomness that is fit for keys; false when there is none to be had.
    fn fill_random(&mut self, target: &mut [u8]) -> bool;
    /// `context.RequestId`.
    fn request_id(&self) -> u128;
    /// `context.Tracing`.
    fn tracing(&self) -> bool;
    /// `context.Trace(message)`.
    fn trace(&mut self, message: &str);

    /// `context.Api`.
    fn api(&self) -> Option<&Api>;
    /// `context.Operation`.
    fn operation(&self) -> Option<&Operation>;
    /// `context.Product`.
    fn product(&self) -> Option<&Product>;
    /// `context.Subscription`.
    fn subscription(&self) -> Option<&Subscription>;
    /// `context.User`.
    fn user(&self) -> Option<&User>;
    /// `context.Workspace`.
    fn workspace(&self) -> Option<&Workspace>;
    /// `context.Backend`: the named backend that the request will go to.
    fn backend(&self) -> Option<Backend>;
    /// `context.Deployment`.
    fn deployment(&self) -> &Deployment;
    /// `context.LastError`.
    fn last_error(&self) -> Option<&LastError>;
    /// A certificate in `context.Deployment.Certificates`, by id or thumbprint.
    fn certificate(&self, name: &str) -> Option<crate::Certificate>;
    /// The ids of the certificates in `context.Deployment.Certificates`.
    fn certificate_names(&self) -> Vec<&str>;
    /// Whom certificates are trusted to come from; without it none is trusted.
    fn trust(&self) -> Option<&crate::TrustStore>;

    /// `context.Request.Method`.
    fn method(&self) -> Cow<'_, str>;
    /// A URL of the request.
    fn url(&self, kind: UrlKind) -> Cow<'_, Url>;
    /// `context.Request.IpAddress`.
    fn ip_address(&self) -> Cow<'_, str>;
    /// `context.Request.Certificate`.
    fn client_certificate(&self) -> Option<crate::Certificate>;
    /// `context.Request.MatchedParameters`, in template order.
    fn matched_parameters(&self) -> &[(String, String)];

    /// Whether there is a response.
    fn has_response(&self) -> bool;
    /// `context.Response.StatusCode`; 0 when there is no response.
    fn status(&self) -> i32;
    /// `context.Response.StatusReason`.
    fn status_reason(&self) -> Cow<'_, str>;

    /// All values of a header, joined with `,`; none when it is absent.
    fn header(&self, message: MessageKind, name: &str) -> Option<Cow<'_, str>>;
    /// The values of a header; empty when it is absent.
    fn header_values(&self, message: MessageKind, name: &str) -> Vec<Cow<'_, str>>;
    /// The names of the headers, each once, in order.
    fn header_names(&self, message: MessageKind) -> Vec<Cow<'_, str>>;
    /// The body's bytes (decoded, if the message was compressed); none when the message has no body or it was consumed
    /// and `Body` is null.
    fn body(&self, message: MessageKind) -> Option<Bytes>;
    /// Whether the body was consumed by an earlier read without `preserveContent`.
    fn body_consumed(&self, message: MessageKind) -> bool;
    /// Marks the body as consumed.
    fn consume_body(&mut self, message: MessageKind);

    /// A context variable; none when it was never set.
    fn variable(&self, name: &str) -> Option<&crate::Value>;
    /// The names of the variables that are set.
    fn variable_names(&self) -> Vec<&str>;
}
