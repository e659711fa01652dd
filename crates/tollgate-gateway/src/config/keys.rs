//! Every key of `tollgate.toml`. Unknown-key errors, type errors and the reference page come from this one table.

mod entities;

pub use super::key_type::{KeyDef, KeyType};

const fn key(path: &'static str, ty: KeyType, default: &'static str, doc: &'static str) -> KeyDef {
    KeyDef { path, ty, default, doc }
}

use KeyType::{
    Address, Bool, Count, Duration, List, NamedValue, Ratio, Secret, SecretTable, ServerUrl, Size,
    Text, Url, Word,
};

/// Every key, by section.
pub fn keys() -> impl Iterator<Item = &'static KeyDef> {
    KEYS.iter().chain(entities::KEYS)
}

/// Those of the gateway itself.
const KEYS: &[KeyDef] = &[
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
        "Certificates of the HTTPS listener, chosen by server name; the first serves names that match none. A file that changes is taken over without a restart, and connections that are open stay; one that makes no sense leaves the old certificate serving.",
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
    key(
        "otlp.endpoint",
        Url,
        "",
        "Collector that metrics and traces are sent to by OTLP over HTTP, in protobuf: `/v1/traces` and `/v1/metrics` are appended. Without it nothing is sent. `{ env = \"OTEL_EXPORTER_OTLP_ENDPOINT\" }` takes the variable that is usual for it.",
    ),
    key("otlp.headers", SecretTable, "", "Headers of each request to the collector."),
    key("otlp.service-name", Text, "tollgate", "`service.name` of what is sent."),
    key(
        "otlp.attributes.*",
        Text,
        "",
        "Further attributes of the resource, such as `\"deployment.environment.name\" = \"production\"`. `service.instance.id` is chosen at each start unless it is here.",
    ),
    key(
        "otlp.traces",
        Bool,
        "true",
        "Whether traces are sent: a span for each request, for each call of a backend and for each request of a policy.",
    ),
    key("otlp.metrics", Bool, "true", "Whether metrics are sent."),
    key(
        "otlp.sampling-ratio",
        Ratio,
        "1",
        "Which part of the traces that begin at the gateway is sampled. A request with `traceparent` is sampled when its caller's span is.",
    ),
    key("otlp.interval", Duration, "60s", "How often metrics are sent; at least a second."),
    key("otlp.timeout", Duration, "10s", "How long the collector may take for an answer."),
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
    key(
        "limits.requests",
        Count,
        "4096 per GiB of the machine's memory",
        "Requests of clients that are worked on at once, streams included; further ones are refused with 503 and `Retry-After`.",
    ),
    key(
        "limits.queueing-delay",
        Duration,
        "50ms",
        "How long work may wait for a processor, not once but all the time: beyond it, and while the wait grows, such a part of new requests is refused with 503 and `Retry-After` that the wait falls to half of this.",
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
    key(
        "timeouts.graceful-stop",
        Duration,
        "30s",
        "Requests in flight when the gateway stops. What is left then is broken off, visibly, and at a second SIGTERM or SIGINT at once.",
    ),
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
        "semantic-cache.size",
        Size,
        "64 MiB",
        "Bytes of memory for answers of models that are kept by what was asked, embeddings included; with `[redis]`, for copies of embeddings. One answer may take an eighth of them.",
    ),
    key(
        "semantic-cache.entries",
        Count,
        "10000",
        "Answers that are kept for callers who share them; of more, the oldest go.",
    ),
    key(
        "semantic-cache.scores",
        Word(&["distance", "similarity"]),
        "distance",
        "What `score-threshold` is: a distance as in Azure's documents, of which smaller is stricter, or a similarity, of which larger is.",
    ),
    key(
        "semantic-cache.timeout",
        Duration,
        "5s",
        "Longest that a look-up waits for the backend for embeddings; then it counts as nothing found.",
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
    key(
        "backends.*.url",
        Url,
        "",
        "Base URL. Required. The host is looked up again 30 seconds after the last time, and at once when nobody answers there; while the look-up fails, the last answer counts for 10 minutes. A connection takes no more requests after 10 minutes.",
    ),
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
        "backends.*.deployments.*",
        Text,
        "",
        "What the backend calls the deployment that callers name so: in paths, as `model` in JSON and in forms of the v1 API, whose bodies are then held in memory, and in the query of realtime sessions. Names that are not here stay. So members of a pool may call one model differently.",
    ),
    key(
        "backends.*.circuit-breaker.*.count",
        Count,
        "",
        "How many failures within `interval` open the backend's circuit breaker: it is then not called, and `forward-request` fails with 503. This or `percentage` is required. Azure has one rule for each backend; here each has a name, and any of them opens it.",
    ),
    key(
        "backends.*.circuit-breaker.*.percentage",
        Count,
        "",
        "Which part of the requests within `interval` must fail to open it, 1 to 100.",
    ),
    key(
        "backends.*.circuit-breaker.*.minimum-requests",
        Count,
        "10",
        "How many requests within `interval` there must be for `percentage` to count.",
    ),
    key(
        "backends.*.circuit-breaker.*.interval",
        Duration,
        "1h",
        "For how long a failure counts. The interval slides, in steps of a sixteenth.",
    ),
    key(
        "backends.*.circuit-breaker.*.status-codes",
        List,
        "",
        "Statuses that are failures, such as `[\"429\", \"500-599\"]`. This or `error-reasons` is required.",
    ),
    key(
        "backends.*.circuit-breaker.*.error-reasons",
        List,
        "",
        "Failures without a response: `Timeout`, `BackendConnectionFailure`, or `Server errors` for both.",
    ),
    key(
        "backends.*.circuit-breaker.*.trip-duration",
        Duration,
        "1h",
        "How long it stays open. Then one request finds out whether the backend is well again: it closes the circuit breaker or opens it for as long again.",
    ),
    key(
        "backends.*.circuit-breaker.*.accept-retry-after",
        Bool,
        "false",
        "Whether a failure that says when to come back decides instead of `trip-duration`, up to a day: `retry-after-ms`, `Retry-After`, or `x-ratelimit-reset-tokens` and `-requests` where nothing remains.",
    ),
    key(
        "pools.*.members.*.priority",
        Count,
        "1",
        "Members of a pool are backends by their names. Those with the least number share the requests; the others get what comes while the circuit breakers of all of those are open. A pool has at most 30 members, and a name that no backend has: `backend-id` and `apis.*.backend` may be either.",
    ),
    key(
        "pools.*.members.*.weight",
        Count,
        "1",
        "Which part of the requests the member gets among those of its priority, up to 1000. With 0 it gets those alone that belong to it already, by their cookie or by the state that they are about: so a member is emptied.",
    ),
    key(
        "pools.*.session-affinity.cookie",
        Text,
        "",
        "Name of a cookie that the gateway gives to clients, and that leads their later requests to the same member while it is available.",
    ),
    key(
        "pools.*.state-affinity",
        Bool,
        "false",
        "Whether requests of the Responses and Assistants APIs go to the member that holds what they name: `previous_response_id`, a response, conversation, thread, assistant, vector store, file or batch. Members' answers are looked through for such identifiers, so they are asked for unencoded ones, and JSON bodies of these requests are held in memory. Up to 200,000 identifiers are remembered, for 30 days; gateways tell each other by the server of `[redis]`. One that is not known goes to any member. While the member is left alone, its requests fail with 503.",
    ),
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
    key(
        "llm-logs.requests",
        Word(&["none", "all"]),
        "none",
        "Whether the messages of requests to models are logged: rows with the columns of Azure's `ApiManagementGatewayLlmLog`, in JSON. Bodies in JSON of such requests are then held in memory, and their answers are asked for unencoded.",
    ),
    key(
        "llm-logs.responses",
        Word(&["none", "all"]),
        "none",
        "Whether those of their answers are.",
    ),
    key(
        "llm-logs.logger",
        Text,
        "",
        "Logger of `[loggers]` that gets the rows. Without one they are lines of the gateway's own log, at level `info` of `tollgate::llm`.",
    ),
    key(
        "llm-logs.max-bytes",
        Size,
        "32 KiB",
        "Bytes of messages of one request or answer; at most 2 MiB. A row has at most 32 KiB, further ones are numbered.",
    ),
    key(
        "llm-logs.redact",
        List,
        "",
        "Regular expressions (of Rust's `regex`, which know no look-around) whose matches are replaced in messages, before these are cut. Secrets of the configuration are always masked.",
    ),
    key("llm-logs.replacement", Text, "[redacted]", "What replaces them."),
    key("llm-logs.sampling-ratio", Ratio, "1", "Which part of the requests is logged."),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_unique_and_documented() {
        for (index, def) in keys().enumerate() {
            assert!(def.doc.ends_with('.'), "{}", def.path);
            assert!(!keys().skip(index + 1).any(|other| other.path == def.path), "{}", def.path);
        }
    }
}
