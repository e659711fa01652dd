//! Every key of `tollgate.toml`. Unknown-key errors, type errors and the reference page come from this one table.

/// A key.
#[derive(Debug)]
pub struct KeyDef {
    /// Dotted path; `*` stands for a name the author chooses.
    pub path: &'static str,
    /// What its value must be.
    pub ty: KeyType,
    /// The value when it is absent, as an author would write it; empty when there is none.
    pub default: &'static str,
    /// One line for the reference page.
    pub doc: &'static str,
}

/// What a value must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyType {
    /// Text.
    Text,
    /// `true` or `false`.
    Bool,
    /// A whole number, 0 to 2147483647.
    Count,
    /// Bytes: a whole number, or text such as `"8 MiB"`.
    Size,
    /// A duration of at most 366 days: whole seconds, or text such as `"500ms"`, `"15s"`, `"5m"`, `"1h"`; `"unlimited"`
    /// where the default is.
    Duration,
    /// A date, with or without a time; UTC when it says no other.
    Date,
    /// `host:port`.
    Address,
    /// An absolute `http` or `https` URL.
    Url,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A list of text.
    List,
    /// A secret: `{ env = "NAME" }`, `{ file = "path" }`, or `{ value = "…", development = true }`.
    Secret,
    /// A list of secrets.
    Secrets,
    /// Secrets by name.
    SecretTable,
    /// Text, or a secret with `secret = true`.
    NamedValue,
    /// A URL; a secret when it holds a password.
    ServerUrl,
}

impl KeyType {
    /// Whether `{ env = "NAME", default = "…" }` may stand for it.
    pub(crate) fn may_be_variable(self) -> bool {
        match self {
            Self::Text
            | Self::Bool
            | Self::Size
            | Self::Duration
            | Self::Address
            | Self::Url
            | Self::Word(_) => true,
            Self::Count
            | Self::Date
            | Self::List
            | Self::Secret
            | Self::Secrets
            | Self::SecretTable
            | Self::NamedValue
            | Self::ServerUrl => false,
        }
    }

    /// As the reference page prints it.
    pub fn describe(self) -> String {
        match self {
            Self::Text => "text".to_owned(),
            Self::Bool => "`true` or `false`".to_owned(),
            Self::Count => "whole number".to_owned(),
            Self::Size => "bytes".to_owned(),
            Self::Duration => "duration".to_owned(),
            Self::Date => "date".to_owned(),
            Self::Address => "`host:port`".to_owned(),
            Self::Url => "URL".to_owned(),
            Self::Word(words) => {
                words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
            }
            Self::List => "list of text".to_owned(),
            Self::Secret => "secret".to_owned(),
            Self::Secrets => "list of secrets".to_owned(),
            Self::SecretTable => "secrets by name".to_owned(),
            Self::NamedValue => {
                "text, or `{ env }`, `{ file }`, `{ value }` or `{ key-vault }`, each with `secret`"
                    .to_owned()
            }
            Self::ServerUrl => "URL, or as a secret".to_owned(),
        }
    }
}

const fn key(path: &'static str, ty: KeyType, default: &'static str, doc: &'static str) -> KeyDef {
    KeyDef { path, ty, default, doc }
}

use KeyType::{
    Address, Bool, Count, Date, Duration, List, NamedValue, Secret, SecretTable, Secrets,
    ServerUrl, Size, Text, Url, Word,
};

/// Every key, by section.
pub const KEYS: &[KeyDef] = &[
    key("listen.http", Address, "127.0.0.1:8080", "Plain HTTP listener. A change needs a restart."),
    key("listen.https", Address, "", "HTTPS listener, HTTP/2 included. A change needs a restart."),
    key(
        "listen.admin",
        Address,
        "127.0.0.1:8081",
        "Health, metrics and status; loopback unless changed.",
    ),
    key(
        "listen.certificates",
        List,
        "",
        "Certificates of the HTTPS listener, chosen by server name; the first serves names that match none.",
    ),
    key(
        "listen.client-certificates",
        Word(&["off", "optional", "required"]),
        "off",
        "Whether the HTTPS listener asks clients for a certificate. Any certificate whose key the client holds completes the handshake: policies decide whom to believe. A change needs a restart.",
    ),
    key(
        "listen.h2c",
        Bool,
        "false",
        "Whether the plain listener also speaks HTTP/2 with prior knowledge.",
    ),
    key(
        "listen.encoded-slashes",
        Bool,
        "false",
        "Whether `%2F` and `%5C` may stand in paths; backends differ in what they make of them, so policies could be led past.",
    ),
    key(
        "listen.trusted-proxies",
        List,
        "",
        "Addresses or networks whose `X-Forwarded-For` and PROXY protocol are believed.",
    ),
    key(
        "listen.identity-headers",
        List,
        "",
        "Headers in which trusted proxies say who the client is, such as `X-Forwarded-Client-Cert` or `X-MS-CLIENT-PRINCIPAL`: removed from the requests of everybody else, as `X-Forwarded-*` always is.",
    ),
    key(
        "listen.proxy-protocol",
        Bool,
        "false",
        "Whether trusted proxies begin each connection with the PROXY protocol.",
    ),
    key(
        "admin.key",
        Secret,
        "",
        "Key for status and tracing; needed when the admin listener is not on loopback.",
    ),
    key("log.level", Text, "info", "Level, or a filter such as `info,tollgate_gateway=debug`."),
    key("log.format", Word(&["json", "text"]), "json", "Form of log lines."),
    key("gateway.id", Text, "managed", "`context.Deployment.GatewayId`."),
    key("gateway.region", Text, "", "`context.Deployment.Region`."),
    key("gateway.service-name", Text, "", "`context.Deployment.ServiceName`."),
    key("gateway.service-id", Text, "", "`context.Deployment.ServiceId`."),
    key("limits.header-bytes", Size, "64 KiB", "Bytes of a request's header."),
    key("limits.header-count", Count, "200", "Header lines of a request."),
    key("limits.uri-bytes", Size, "16 KiB", "Bytes of the request target."),
    key(
        "limits.buffered-body",
        Size,
        "8 MiB",
        "Bytes of a body that a policy reads: 413 for a request, 502 for a response.",
    ),
    key("limits.inflated-body", Size, "32 MiB", "Bytes of such a body after decoding."),
    key(
        "limits.buffers-total",
        Size,
        "a quarter of the machine's memory",
        "Bytes that all buffered bodies of the process may hold together.",
    ),
    key("limits.connections", Count, "10000", "Connections per listener."),
    key("limits.requests-per-connection", Count, "1000", "Requests per client connection."),
    key(
        "limits.policy-requests",
        Count,
        "32",
        "Requests that the policies of one request may make.",
    ),
    key(
        "limits.one-way-requests",
        Count,
        "256",
        "Requests under way in the whole process that no policy waits for; further ones are dropped.",
    ),
    key(
        "limits.counters",
        Count,
        "100000",
        "Counters of rates and quotas in memory; of more, those go first that would be over first.",
    ),
    key("limits.expression-steps", Count, "1000000", "Steps of all expressions of one request."),
    key("limits.expression-memory", Size, "32 MiB", "Memory of all expressions of one request."),
    key("timeouts.tls-handshake", Duration, "10s", "TLS handshake with a client."),
    key("timeouts.request-header", Duration, "15s", "The whole header of a request."),
    key("timeouts.request-body", Duration, "60s", "Between two reads of a request's body."),
    key("timeouts.client-write", Duration, "60s", "One write to a client."),
    key("timeouts.keep-alive", Duration, "75s", "An idle client connection."),
    key("timeouts.backend-connect", Duration, "5s", "Connecting to a backend, TLS included."),
    key(
        "timeouts.backend-first-byte",
        Duration,
        "300s",
        "A backend's status and headers; `forward-request timeout` overrides it.",
    ),
    key(
        "timeouts.backend-body",
        Duration,
        "unlimited",
        "Between two reads of a response's body; event streams and WebSocket are never limited.",
    ),
    key("timeouts.backend-write", Duration, "60s", "One write to a backend."),
    key("timeouts.backend-idle", Duration, "90s", "An idle backend connection."),
    key(
        "timeouts.policy-request",
        Duration,
        "60s",
        "A request that a policy makes, from beginning to end; its `timeout` overrides it.",
    ),
    key("timeouts.graceful-stop", Duration, "30s", "Requests in flight when the gateway stops."),
    key(
        "identity.kind",
        Word(&["auto", "environment", "workload", "managed", "cli"]),
        "auto",
        "Where the gateway's own tokens come from. `auto`: environment, then workload identity, then managed identity, then (development only) Azure CLI.",
    ),
    key(
        "identity.client-id",
        Text,
        "",
        "Client id of a user-assigned managed identity, for policies and backends that name none.",
    ),
    key("identity.development", Bool, "false", "Whether Azure CLI may be asked for tokens."),
    key(
        "identity.imds-endpoint",
        Url,
        "",
        "Base URL of an instance metadata service other than Azure's.",
    ),
    key("identity.authority", Url, "", "Token authority other than `AZURE_AUTHORITY_HOST`."),
    key(
        "keys.cool-down",
        Duration,
        "30s",
        "Least time between two fetches of a key set because of an unknown `kid`. Anybody can make one up, so this is also how long a new key of the issuer may stay unseen.",
    ),
    key("keys.lifetime", Duration, "1h", "How long fetched keys are fresh."),
    key(
        "keys.stale",
        Duration,
        "24h",
        "How long keys are used after they were last fetched while the issuer is away.",
    ),
    key(
        "keys.allow-http",
        Bool,
        "false",
        "Whether OpenID configurations may be fetched over plain HTTP from other hosts than loopback.",
    ),
    key(
        "egress.ca-file",
        Text,
        "",
        "PEM file of roots to trust besides the system's, for the gateway's own calls and for backends.",
    ),
    key(
        "egress.proxy",
        ServerUrl,
        "",
        "HTTP proxy for the gateway's own calls: `http://host:port`. A URL with a user and a password in it is a secret.",
    ),
    key("egress.no-proxy", List, "", "Hosts that are called without the proxy."),
    key(
        "egress.allow-link-local",
        List,
        "",
        "Hosts that policy-made requests may reach although their address is link-local.",
    ),
    key(
        "cache.size",
        Size,
        "64 MiB",
        "Bytes of the cache in memory; one value may take an eighth of them, in the cache on the Redis server as well. A change empties the cache.",
    ),
    key(
        "redis.url",
        ServerUrl,
        "",
        "Redis or Valkey server that gateways share: `redis://host:port/database`, with TLS `rediss://`. A URL with a password in it is a secret. One server, or an address that always leads to the primary; not a cluster that sends clients on to other nodes.",
    ),
    key("redis.username", Text, "", "User to be; the server's default one when absent."),
    key("redis.password", Secret, "", "Password of the user."),
    key("redis.connect-timeout", Duration, "1s", "Connecting, TLS and authentication included."),
    key(
        "redis.response-timeout",
        Duration,
        "250ms",
        "Longest that a request waits for the server; one that takes longer counts as away.",
    ),
    key("redis.key-prefix", Text, "tollgate:", "What all keys begin with."),
    key(
        "counters.when-unavailable",
        Word(&["fail-open", "fail-closed", "local"]),
        "local",
        "Requests with a rate or quota while the Redis server is away: they pass uncounted, are refused with 503, or each gateway counts for itself.",
    ),
    key(
        "token-limits.mode",
        Word(&["standard", "strict"]),
        "standard",
        "How policies that limit tokens keep their limits. `standard` is Azure's way: requests pass while a token is left, and what they used is charged when that is known. `strict` reserves the prompt and the completion's bound before a request passes, so that requests beside one another cannot go past a limit together.",
    ),
    key(
        "token-limits.completion",
        Count,
        "4096",
        "Tokens that `strict` reserves for a completion, and bounds it to, when the request states no bound.",
    ),
    key(
        "named-values.*",
        NamedValue,
        "",
        "Text that stands for `{{name}}` in policies. From `env` (with an optional `default`), `file` and `key-vault` it is a secret unless `secret = false`. `{ key-vault = \"https://<vault>.vault.azure.net/secrets/<name>\" }` is read as the gateway's own identity, or as the user-assigned one of `client-id`, and needs the role Key Vault Secrets User; a gateway does not start without it, and later keeps the last one it could read.",
    ),
    key(
        "key-vault.refresh",
        Duration,
        "15m",
        "How often named values are read from Key Vault again; a new secret takes force without a restart. At least `1s`.",
    ),
    key(
        "connections.*.*.token-url",
        Url,
        "",
        "Token endpoint of a connection (`connections.<provider>.<connection>`) that `get-authorization-context` takes tokens from.",
    ),
    key("connections.*.*.client-id", Text, "", "Client id at the token endpoint."),
    key("connections.*.*.client-secret", Secret, "", "Client secret at the token endpoint."),
    key("connections.*.*.scopes", List, "", "Scopes to ask for."),
    key("connections.*.*.audience", Text, "", "Audience to ask for, where the endpoint wants it."),
    key(
        "connections.*.*.authentication",
        Word(&["basic", "body"]),
        "basic",
        "Where the client id and secret go: into the header or into the body.",
    ),
    key(
        "ca-certificates.roots",
        Text,
        "",
        "PEM file of roots that `Verify` and `VerifyNoRevocation` in expressions trust besides the system's.",
    ),
    key(
        "ca-certificates.intermediates",
        Text,
        "",
        "PEM file of certificates that may stand between a certificate and its root.",
    ),
    key(
        "ca-certificates.revocation-lists",
        List,
        "",
        "PEM or DER files of revocation lists, one for each authority whose client certificates are checked with `validate-revocation`. A list that has ended counts as none.",
    ),
    key(
        "schemas.*.file",
        Text,
        "",
        "JSON Schema or OpenAPI document, in JSON or YAML, that `validate-content` may refer to by `schema-id`. Required.",
    ),
    key(
        "certificates.*.file",
        Text,
        "",
        "PEM file with the certificate chain and, unless `key-file` is set, the private key; or a PKCS#12 file (`.pfx`).",
    ),
    key("certificates.*.password", Secret, "", "Password of the PKCS#12 file."),
    key("certificates.*.key-file", Text, "", "PEM file with the private key."),
    key("certificates.*.pem", Secret, "", "The PEM text itself, instead of files."),
    key("backends.*.url", Url, "", "Base URL. Required."),
    key(
        "backends.*.path",
        Text,
        "",
        "Path appended to the URL, for one that comes from the environment without it.",
    ),
    key(
        "backends.*.managed-identity.resource",
        Text,
        "",
        "Resource whose token replaces `Authorization`, such as `https://cognitiveservices.azure.com`.",
    ),
    key(
        "backends.*.managed-identity.client-id",
        Text,
        "",
        "Client id of a user-assigned managed identity.",
    ),
    key("backends.*.headers", SecretTable, "", "Headers added to each request."),
    key("backends.*.query", SecretTable, "", "Query parameters added to each request."),
    key("backends.*.authorization.scheme", Text, "Bearer", "Scheme of the `Authorization` header."),
    key("backends.*.authorization.parameter", Secret, "", "What follows the scheme."),
    key("backends.*.certificate", Text, "", "Client certificate, by its name in `[certificates]`."),
    key(
        "backends.*.tls.verify-chain",
        Bool,
        "true",
        "Whether the server's certificate must lead to a trusted root.",
    ),
    key(
        "backends.*.tls.verify-name",
        Bool,
        "true",
        "Whether the server's certificate must be for the host.",
    ),
    key(
        "backends.*.tls.ca-file",
        Text,
        "",
        "PEM file of the roots to trust instead of the system's.",
    ),
    key("backends.*.tls.server-name", Text, "", "Server name to ask for instead of the host."),
    key(
        "backends.*.http-version",
        Word(&["1", "2or1", "2"]),
        "",
        "HTTP version; `forward-request` decides when it is absent.",
    ),
    key("backends.*.connect-timeout", Duration, "", "Overrides `timeouts.backend-connect`."),
    key("backends.*.timeout", Duration, "", "Overrides `timeouts.backend-first-byte`."),
    key(
        "loggers.*.kind",
        Word(&["file", "http", "otlp"]),
        "",
        "Where events of `log-to-eventhub` go: lines of JSON in a file, the same lines in POST requests, or log records of OTLP/HTTP in JSON. Required.",
    ),
    key(
        "loggers.*.path",
        Text,
        "",
        "File that lines are appended to; relative to the policy directory, but not in it.",
    ),
    key(
        "loggers.*.max-bytes",
        Size,
        "64 MiB",
        "Bytes of the file; before it would grow past them it becomes `<path>.1`.",
    ),
    key("loggers.*.max-files", Count, "5", "Files that are kept, the one being written included."),
    key(
        "loggers.*.url",
        Url,
        "",
        "URL that events are posted to; for `otlp` without a path, `/v1/logs` is added.",
    ),
    key("loggers.*.headers", SecretTable, "", "Headers of each POST request."),
    key("apis.*.path", Text, "", "URL suffix of the API; may be empty. Required."),
    key("apis.*.name", Text, "the identifier", "Display name, `context.Api.Name`."),
    key("apis.*.backend", Text, "", "Backend that serves the API unless a policy chooses another."),
    key("apis.*.service-url", Url, "", "Base URL that serves the API, instead of a backend."),
    key(
        "apis.*.subscription",
        Word(&["required", "optional"]),
        "required",
        "Whether a subscription key is needed.",
    ),
    key(
        "apis.*.subscription-headers",
        List,
        "Ocp-Apim-Subscription-Key, api-key",
        "Headers that may carry the subscription key; the first is told to clients.",
    ),
    key(
        "apis.*.subscription-queries",
        List,
        "subscription-key, api-key",
        "Query parameters that may carry it, looked at only when no header does.",
    ),
    key(
        "apis.*.subscription-bearer",
        Bool,
        "false",
        "Whether the key may also come as `Authorization: Bearer …`, as clients of OpenAI send theirs; looked at when none of the headers is there, and taken off before the backend.",
    ),
    key(
        "apis.*.openapi",
        Text,
        "",
        "OpenAPI file (JSON or YAML) in the API's folder whose operations the API has.",
    ),
    key(
        "apis.*.version",
        Text,
        "",
        "`context.Api.Version`. In a version set requests name it; an API of the set without one serves those that name none of the others.",
    ),
    key("apis.*.version-set", Text, "", "Versions of one API, which share a path."),
    key(
        "apis.*.revision",
        Text,
        "1",
        "`context.Api.Revision`. Requests name it behind the API's path, as in `orders;rev=2`.",
    ),
    key(
        "apis.*.current",
        Bool,
        "true",
        "Whether requests that name no revision are for this one, `context.Api.IsCurrentRevision`.",
    ),
    key(
        "version-sets.*.scheme",
        Word(&["segment", "query", "header"]),
        "segment",
        "Where requests name the version: in the segment behind the API's path, in a query parameter or in a header.",
    ),
    key(
        "version-sets.*.name",
        Text,
        "",
        "Name of the query parameter or header. Required for them.",
    ),
    key("apis.*.operations.*.method", Text, "", "HTTP method. Required."),
    key(
        "apis.*.operations.*.url-template",
        Text,
        "",
        "Template below the API's path, such as `/deployments/{id}/chat/completions`. Required.",
    ),
    key(
        "apis.*.operations.*.name",
        Text,
        "the identifier",
        "Display name, `context.Operation.Name`.",
    ),
    key(
        "apis.*.workspace",
        Text,
        "",
        "Workspace the API belongs to, whose `workspaces/<id>/policy.xml` stands between the API's and the global document.",
    ),
    key("workspaces.*.name", Text, "the identifier", "Display name, `context.Workspace.Name`."),
    key("products.*.name", Text, "the identifier", "Display name, `context.Product.Name`."),
    key("products.*.apis", List, "", "APIs of the product. Its document is `products/<id>.xml`."),
    key(
        "products.*.subscription",
        Word(&["required", "optional"]),
        "required",
        "Whether a subscription key is needed. With `optional` the product is open: requests without a key run in its context; an API may be in one such product.",
    ),
    key(
        "products.*.state",
        Word(&["published", "not-published"]),
        "published",
        "`context.Product.State`; the gateway serves the product either way.",
    ),
    key("products.*.approval-required", Bool, "false", "`context.Product.ApprovalRequired`."),
    key("products.*.subscriptions-limit", Count, "", "`context.Product.SubscriptionsLimit`."),
    key("products.*.groups", List, "", "Groups that see the product, `context.Product.Groups`."),
    key(
        "groups.*.name",
        Text,
        "the identifier",
        "Display name. `administrators`, `developers` and `guests` exist without being written.",
    ),
    key("users.*.email", Text, "", "`context.User.Email`."),
    key("users.*.first-name", Text, "", "`context.User.FirstName`."),
    key("users.*.last-name", Text, "", "`context.User.LastName`."),
    key("users.*.note", Text, "", "`context.User.Note`."),
    key("users.*.registration-date", Date, "0001-01-01", "`context.User.RegistrationDate`."),
    key("users.*.groups", List, "", "Groups of the user, `context.User.Groups`."),
    key(
        "users.*.identities.*",
        List,
        "",
        "Identifiers of the user at a provider, such as `identities.Azure = [\"…\"]`, `context.User.Identities`.",
    ),
    key(
        "subscriptions.*.keys",
        Secrets,
        "",
        "Keys of the subscription, the primary and the secondary one first; any one grants access. Required.",
    ),
    key(
        "subscriptions.*.product",
        Text,
        "",
        "Product the subscription is for: its APIs may be called, in its context. One of `product`, `apis` and `all-apis` is required.",
    ),
    key("subscriptions.*.apis", List, "", "APIs the subscription is for, outside any product."),
    key(
        "subscriptions.*.all-apis",
        Bool,
        "false",
        "Whether the subscription is for every API, outside any product.",
    ),
    key(
        "subscriptions.*.name",
        Text,
        "the identifier",
        "Display name, `context.Subscription.Name`.",
    ),
    key("subscriptions.*.user", Text, "", "Owner, `context.User`."),
    key(
        "subscriptions.*.state",
        Word(&["active", "suspended", "submitted", "rejected", "cancelled", "expired"]),
        "active",
        "Only an active subscription grants access.",
    ),
    key("subscriptions.*.created-date", Date, "0001-01-01", "`context.Subscription.CreatedDate`."),
    key(
        "subscriptions.*.start-date",
        Date,
        "",
        "`context.Subscription.StartDate`. As in Azure it is for the record: `state` decides.",
    ),
    key(
        "subscriptions.*.end-date",
        Date,
        "",
        "`context.Subscription.EndDate`. As in Azure it is for the record: `state` decides.",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_unique_and_documented() {
        for (index, def) in KEYS.iter().enumerate() {
            assert!(def.doc.ends_with('.'), "{}", def.path);
            assert!(
                !KEYS.iter().skip(index + 1).any(|other| other.path == def.path),
                "{}",
                def.path
            );
        }
    }
}
