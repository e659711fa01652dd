//! `tollgate.toml`: read, checked, resolved.

mod authorities;
mod breakers;
mod egress;
mod entities;
mod key_type;
pub mod keys;
mod limits;
mod llm_logs;
mod loggers;
mod named_values;
mod otlp;
mod pools;
mod secrets;
mod shared;
mod substitute;
mod toml_file;
mod versions;

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use ipnet::IpNet;
use tollgate_diagnostics::{Code, Diagnostic, FileId, Span, closest};
use tollgate_engine::ports::HttpVersion;
use tollgate_engine::{Deployment, Secret, TokenLimits, Url, User, Workspace};

use crate::breaker::Rule;
use crate::counters::CounterSettings;
use crate::fetch::EgressProxy;
use crate::llm_log::LlmLogSettings;
use crate::loggers::LoggerSettings;
use crate::redis::RedisSettings;
use crate::semantic_cache::SemanticCacheConfig;
use crate::settings::ClientCertificates;
use crate::telemetry::{OtlpSettings, check_log_level};
use crate::{Limits, ListenSettings, Timeouts};
pub use authorities::{AuthoritiesConfig, SchemaConfig};
pub use entities::{ProductConfig, SubscriptionConfig, SubscriptionScope};
pub use named_values::{NamedValueConfig, NamedValueText, SecretReference};
pub use pools::{PoolConfig, PoolMember};
use secrets::ApiNames;
pub(crate) use secrets::SHORTEST_SECRET;
use toml_file::{Item, Table};
pub use versions::{VersionScheme, VersionSet};

/// Where configuration reads the environment.
pub trait Environment: Send + Sync {
    /// The value of a variable.
    fn var(&self, name: &str) -> Option<String>;
}

/// What `tollgate.toml` says. Names that refer to other parts are checked.
pub struct Config {
    /// Listeners.
    pub listen: ListenSettings,
    /// Certificates of the HTTPS listener.
    pub listen_certificates: Vec<String>,
    /// Whether `%2F` and `%5C` may stand in paths.
    pub encoded_slashes: bool,
    /// Key of the admin listener.
    pub admin_key: Option<Secret<String>>,
    /// Logs.
    pub log: LogSettings,
    /// The collector of metrics and traces.
    pub otlp: Option<OtlpSettings>,
    /// `context.Deployment`.
    pub deployment: Deployment,
    /// Limits on messages.
    pub limits: Limits,
    /// Limits on expressions.
    pub expression_limits: tollgate_engine::ExpressionLimits,
    /// Time-outs.
    pub timeouts: Timeouts,
    /// The gateway's own identity.
    pub identity: IdentityConfig,
    /// Signing keys of issuers.
    pub keys: KeysConfig,
    /// The gateway's own calls.
    pub egress: EgressConfig,
    /// Bytes of the cache in memory.
    pub cache_size: usize,
    /// Answers of language models that are kept.
    pub semantic_cache: SemanticCacheConfig,
    /// The server that gateways share.
    pub redis: Option<RedisSettings>,
    /// How limits of tokens are kept.
    pub token_limits: TokenLimits,
    /// Counters of limits.
    pub counters: CounterSettings,
    /// Certificate authorities.
    pub authorities: AuthoritiesConfig,
    /// Named values.
    pub named_values: BTreeMap<String, NamedValueConfig>,
    /// What named values need of Key Vault.
    pub vault_secrets: Vec<SecretReference>,
    /// How often Key Vault is asked for newer secrets.
    pub vault_refresh: Duration,
    /// Schemas.
    pub schemas: Vec<SchemaConfig>,
    /// Certificates.
    pub certificates: Vec<CertificateConfig>,
    /// Backends.
    pub backends: Vec<BackendConfig>,
    /// Pools of them.
    pub pools: Vec<PoolConfig>,
    /// Connections of the credential manager.
    pub connections: Vec<ConnectionConfig>,
    /// Where events of policies go.
    pub loggers: Vec<LoggerSettings>,
    /// APIs.
    pub apis: Vec<ApiConfig>,
    /// Workspaces.
    pub workspaces: Vec<Workspace>,
    /// Products.
    pub products: Vec<ProductConfig>,
    /// Users.
    pub users: Vec<User>,
    /// Subscriptions.
    pub subscriptions: Vec<SubscriptionConfig>,
    /// Every secret of the file, to be masked wherever text is shown.
    pub secrets: Vec<Secret<String>>,
    /// Files that were read besides: secrets, certificates, roots.
    pub files: Vec<PathBuf>,
    /// Where values stand in the file itself in places meant for secrets.
    pub secret_spans: Vec<Span>,
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config").field("listen", &self.listen).finish_non_exhaustive()
    }
}

/// Logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSettings {
    /// Level or filter.
    pub level: String,
    /// Whether lines are JSON.
    pub json: bool,
}

/// The gateway's own identity.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IdentityConfig {
    /// Where tokens come from: `auto`, `environment`, `workload`, `managed` or `cli`.
    pub kind: String,
    /// Client id of a user-assigned managed identity.
    pub client_id: Option<String>,
    /// Whether Azure CLI may be asked.
    pub development: bool,
    /// Instance metadata service other than Azure's.
    pub imds_endpoint: Option<String>,
    /// Token authority.
    pub authority: Option<String>,
}

/// Bytes of the cache in memory when the configuration does not say.
pub(crate) const CACHE_SIZE: usize = 64 << 20;

/// Signing keys of issuers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeysConfig {
    /// Least time between two fetches because of an unknown `kid` or a failure.
    pub cool_down: Duration,
    /// How long keys are fresh.
    pub lifetime: Duration,
    /// How long keys are used while the issuer is away.
    pub stale: Duration,
    /// Whether plain HTTP is allowed beyond loopback.
    pub allow_http: bool,
}

/// The gateway's own calls.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EgressConfig {
    /// PEM file of more roots, and where it was written.
    pub ca_file: Option<(PathBuf, Span)>,
    /// HTTP proxy, and what is called without it.
    pub proxy: Option<EgressProxy>,
    /// Hosts whose link-local address may be reached.
    pub allow_link_local: Vec<String>,
}

/// A certificate.
#[derive(Debug, Clone)]
pub struct CertificateConfig {
    /// Name.
    pub name: String,
    /// PEM text with chain and key.
    pub pem: Secret<String>,
    /// Where it was written.
    pub span: Span,
}

/// A backend.
#[derive(Debug, Clone)]
pub struct BackendConfig {
    /// Identifier.
    pub id: String,
    /// Base URL.
    pub url: Url,
    /// Resource and client id of the gateway's own token.
    pub managed_identity: Option<(String, Option<String>)>,
    /// Headers.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Query parameters.
    pub query: Vec<(String, Secret<String>)>,
    /// `Authorization`.
    pub authorization: Option<HeaderValue>,
    /// Client certificate by name.
    pub certificate: Option<String>,
    /// Verify the chain.
    pub verify_chain: bool,
    /// Verify the name.
    pub verify_name: bool,
    /// Roots, and where they were written.
    pub ca_file: Option<(PathBuf, Span)>,
    /// Server name.
    pub server_name: Option<String>,
    /// HTTP version.
    pub http_version: Option<HttpVersion>,
    /// Connecting.
    pub connect_timeout: Option<Duration>,
    /// Status and headers.
    pub first_byte_timeout: Option<Duration>,
    /// Deployments: as callers name them, and as it does.
    pub deployments: Vec<(String, String)>,
    /// When it is left alone.
    pub breaker: Vec<Rule>,
    /// Where it was written.
    pub span: Span,
}

/// A connection of the credential manager.
#[derive(Debug, Clone)]
pub struct ConnectionConfig {
    /// Whose tokens they are.
    pub provider: String,
    /// Identifier, unique for its provider.
    pub id: String,
    /// How its tokens are asked for.
    pub grant: ClientCredentials,
}

/// The client credentials grant of OAuth 2.0 (RFC 6749 §4.4).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ClientCredentials {
    /// The token endpoint.
    pub token_url: String,
    /// Client id.
    pub client_id: String,
    /// Client secret.
    pub client_secret: Secret<String>,
    /// Scopes, separated by blanks.
    pub scope: String,
    /// What the token is for, where the endpoint asks for it.
    pub audience: Option<String>,
    /// Whether the client proves itself in the body of the request instead of its header.
    pub secret_in_body: bool,
}

/// An API.
#[derive(Debug, Clone)]
pub struct ApiConfig {
    /// Identifier.
    pub id: String,
    /// Display name.
    pub name: String,
    /// URL suffix without slashes at its ends.
    pub path: String,
    /// Backend by identifier.
    pub backend: Option<String>,
    /// Base URL.
    pub service_url: Option<Url>,
    /// Workspace by identifier.
    pub workspace: Option<String>,
    /// Whether a key is needed.
    pub subscription_required: bool,
    /// Headers that may carry the key.
    pub key_headers: Vec<HeaderName>,
    /// Query parameters that may carry the key.
    pub key_queries: Vec<String>,
    /// Whether the key may also be the token of `Authorization: Bearer …`.
    pub key_bearer: bool,
    /// OpenAPI file.
    pub openapi: Option<String>,
    /// Version.
    pub version: String,
    /// Versions of one API, and where requests name theirs.
    pub version_set: Option<VersionSet>,
    /// Revision.
    pub revision: String,
    /// Whether requests that name no revision are for this one.
    pub current: bool,
    /// What is logged of the calls of models.
    pub llm_logs: Option<LlmLogSettings>,
    /// Operations listed in the file.
    pub operations: Vec<OperationConfig>,
    /// Where it was written.
    pub span: Span,
}

/// An operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperationConfig {
    /// Identifier.
    pub id: String,
    /// Display name.
    pub name: String,
    /// Method, upper case.
    pub method: String,
    /// Template.
    pub url_template: String,
    /// Where it was written.
    pub span: Span,
}

/// Splits an absolute `http` or `https` URL; `None` when it is not one or has user information or a fragment.
pub fn parse_url(text: &str) -> Option<Url> {
    let (scheme, rest) = text.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    // A WebSocket backend is an HTTP backend that is asked to upgrade.
    let (scheme, default_port) = match scheme.as_str() {
        "http" | "ws" => ("http", 80),
        "https" | "wss" => ("https", 443),
        _ => return None,
    };
    if rest.contains('#') || rest.bytes().any(|b| b <= b' ' || b == 0x7f || b == b'\\') {
        return None;
    }
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at_checked(end)?;
    let (path, query) = tail.split_once('?').unwrap_or((tail, ""));
    if authority.contains('@') {
        return None;
    }
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port.parse().ok()?),
        _ => (authority, default_port),
    };
    if host.is_empty() || port == 0 {
        return None;
    }
    let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    match bracketed {
        Some(ip) => drop(ip.parse::<std::net::Ipv6Addr>().ok()?),
        None if host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b)) => {}
        None => return None,
    }
    Some(Url {
        scheme: scheme.to_owned(),
        host: host.to_ascii_lowercase(),
        port,
        path: path.to_owned(),
        query: query.to_owned(),
    })
}

/// Reads the file. When an error was reported, the result must not be used.
pub fn read(
    file: FileId,
    text: &str,
    root: &Path,
    env: &dyn Environment,
    diagnostics: &mut Vec<Diagnostic>,
) -> Config {
    let (mut document, errors) = toml::de::DeTable::parse_recoverable(text);
    for error in errors {
        let span = error.span().map_or_else(|| file.span(0..0), |range| file.span(range));
        let message = error.message().lines().next().unwrap_or("invalid TOML").to_owned();
        diagnostics
            .push(Diagnostic::new(Code::CONFIG_SYNTAX, message, span).label("not valid here"));
    }
    substitute::substitute(file, &mut document, env, diagnostics);
    let table = Table::root(file, &document);
    toml_file::check(table, diagnostics);
    let mut reader = Reader { root, env, diagnostics, secrets: Vec::new(), files: Vec::new() };
    let mut config = reader.config(table);
    config.secrets = reader.secrets;
    config.files = reader.files;
    toml_file::secret_spans(table, &mut config.secret_spans);
    config
}

struct Reader<'a> {
    root: &'a Path,
    env: &'a dyn Environment,
    diagnostics: &'a mut Vec<Diagnostic>,
    secrets: Vec<Secret<String>>,
    files: Vec<PathBuf>,
}

fn text(table: Option<Table<'_>>, key: &str) -> Option<String> {
    table?.get(key)?.text().map(str::to_owned)
}

fn flag(table: Option<Table<'_>>, key: &str, default: bool) -> bool {
    table.and_then(|table| table.get(key)).and_then(Item::flag).unwrap_or(default)
}

fn count<T: TryFrom<u64>>(table: Option<Table<'_>>, key: &str, default: T) -> T {
    table
        .and_then(|table| table.get(key))
        .and_then(Item::size)
        .and_then(|number| T::try_from(number).ok())
        .unwrap_or(default)
}

fn duration(table: Option<Table<'_>>, key: &str, default: Duration) -> Duration {
    // That a bound which must exist is not `unlimited` has been checked with its type.
    let written = table.and_then(|table| table.get(key)).and_then(Item::duration);
    written.flatten().unwrap_or(default)
}

/// A part of a whole.
fn ratio(table: Option<Table<'_>>, key: &str, default: f64) -> f64 {
    table.and_then(|table| table.get(key)).and_then(Item::ratio).unwrap_or(default)
}

fn optional_duration(table: Option<Table<'_>>, key: &str) -> Option<Duration> {
    table?.get(key)?.duration()?
}

fn list(table: Option<Table<'_>>, key: &str) -> Option<Vec<(String, Span)>> {
    let items = table?.get(key)?.items()?;
    Some(
        items
            .into_iter()
            .filter_map(|item| item.text().map(|text| (text.to_owned(), item.span())))
            .collect(),
    )
}

fn names(list: Option<Vec<(String, Span)>>) -> Vec<String> {
    list.unwrap_or_default().into_iter().map(|(text, _)| text).collect()
}

impl Reader<'_> {
    fn report(&mut self, code: Code, message: String, span: Span, label: &str) {
        self.diagnostics.push(Diagnostic::new(code, message, span).label(label));
    }

    fn config(&mut self, table: Table<'_>) -> Config {
        let certificates = self.certificates(table.table("certificates"));
        let known: Vec<&str> =
            certificates.iter().map(|certificate| certificate.name.as_str()).collect();
        let backends = self.backends(table.table("backends"), &known);
        let pools = self.pools(table.table("pools"), &backends);
        let ids = backends.iter().map(|backend| backend.id.as_str());
        let ids: Vec<&str> = ids.chain(pools.iter().map(|pool| pool.id.as_str())).collect();
        let workspaces = self.workspaces(table.table("workspaces"));
        let workspace_ids: Vec<&str> = workspaces.iter().map(|it| it.id.as_str()).collect();
        let version_sets = self.version_sets(table.table("version-sets"));
        let loggers = self.loggers(table.table("loggers"));
        let logger_ids: Vec<&str> = loggers.iter().map(|logger| logger.name.as_str()).collect();
        let names_of_apis = ApiNames {
            backends: &ids,
            workspaces: &workspace_ids,
            version_sets: &version_sets,
            loggers: &logger_ids,
            llm_logs: table.table("llm-logs"),
        };
        let apis = self.apis(table.table("apis"), &names_of_apis);
        let api_ids: Vec<&str> = apis.iter().map(|api| api.id.as_str()).collect();
        let groups = entities::groups(table.table("groups"));
        let users = self.users(table.table("users"), &groups);
        let user_ids: Vec<&str> = users.iter().map(|user| user.id.as_str()).collect();
        let products = self.products(table.table("products"), &api_ids, &groups);
        let product_ids: Vec<&str> = products.iter().map(|it| it.id.as_str()).collect();
        let subscriptions = table.table("subscriptions");
        let subscriptions = self.subscriptions(subscriptions, &api_ids, &product_ids, &user_ids);
        let listen = table.table("listen");
        let listen_certificates = list(listen, "certificates").unwrap_or_default();
        for (name, span) in &listen_certificates {
            self.reference("certificate", name, *span, &known);
        }
        let admin_key = table.table("admin").and_then(|admin| admin.get("key"));
        let admin_key = admin_key.and_then(|item| self.secret(item, Shown::Never));
        let settings = self.listen(listen, admin_key.is_some(), !listen_certificates.is_empty());
        let named_values = self.named_values(table.table("named-values"));
        let log = self.log(table.table("log"));
        let otlp = self.otlp(table.table("otlp"));
        let keys = table.table("keys");
        Config {
            listen: settings,
            encoded_slashes: flag(listen, "encoded-slashes", false),
            listen_certificates: names(Some(listen_certificates)),
            admin_key,
            log,
            otlp,
            deployment: deployment(table.table("gateway")),
            limits: limits::limits(table.table("limits")),
            expression_limits: limits::expression_limits(table.table("limits")),
            timeouts: limits::timeouts(table.table("timeouts")),
            identity: identity(table.table("identity")),
            keys: KeysConfig {
                cool_down: duration(keys, "cool-down", Duration::from_secs(30)),
                lifetime: duration(keys, "lifetime", Duration::from_hours(1)),
                stale: duration(keys, "stale", Duration::from_hours(24)),
                allow_http: flag(keys, "allow-http", false),
            },
            egress: self.egress(table.table("egress")),
            cache_size: count(table.table("cache"), "size", CACHE_SIZE),
            semantic_cache: shared::semantic_cache(table.table("semantic-cache")),
            redis: self.redis(table.table("redis")),
            token_limits: shared::token_limits(table.table("token-limits")),
            counters: shared::counters(table.table("counters"), table.table("limits")),
            authorities: self.authorities(table.table("ca-certificates")),
            vault_secrets: named_values::vault_secrets(&named_values),
            named_values,
            vault_refresh: named_values::refresh(table.table("key-vault")),
            schemas: self.schemas(table.table("schemas")),
            certificates,
            backends,
            pools,
            connections: self.connections(table.table("connections")),
            loggers,
            apis,
            workspaces,
            products,
            users,
            subscriptions,
            secrets: Vec::new(),
            files: Vec::new(),
            secret_spans: Vec::new(),
        }
    }

    /// A file the configuration names, relative to the directory, and where it does.
    fn path(&mut self, table: Option<Table<'_>>, key: &str) -> Option<(PathBuf, Span)> {
        let item = table?.get(key)?;
        let path = self.root.join(item.text()?);
        self.files.push(path.clone());
        Some((path, item.span()))
    }

    /// Says that a name cannot be that of a file or folder of the directory, if it cannot.
    fn file_name(&mut self, what: &str, name: &str, span: Span) {
        let fits = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
        if name.is_empty() || name.starts_with('.') || !name.bytes().all(fits) {
            let message = format!("`{name}` cannot name {what}");
            self.report(Code::CONFIG_VALUE, message, span, "use letters, digits, `-`, `_` and `.`");
        }
    }

    /// Says that a name does not exist, if it does not.
    fn reference(&mut self, what: &str, name: &str, span: Span, known: &[&str]) {
        if !known.contains(&name) {
            self.diagnostics.push(
                Diagnostic::new(
                    Code::CONFIG_REFERENCE,
                    format!("there is no {what} `{name}`"),
                    span,
                )
                .label("not in the configuration")
                .suggest(closest(name, known.iter().copied())),
            );
        }
    }

    /// `[log]`.
    fn log(&mut self, table: Option<Table<'_>>) -> LogSettings {
        let level = table.and_then(|table| table.get("level"));
        if let Some((level, Err(why))) =
            level.and_then(|item| Some((item, check_log_level(item.text()?))))
        {
            let expected = "expected `error`, `warn`, `info`, `debug`, `trace` or a filter such as `info,tollgate_gateway=debug`";
            self.report(Code::CONFIG_VALUE, why, level.span(), expected);
        }
        LogSettings {
            level: level.and_then(Item::text).unwrap_or("info").to_owned(),
            json: text(table, "format").is_none_or(|format| format == "json"),
        }
    }

    fn listen(
        &mut self,
        table: Option<Table<'_>>,
        admin_key: bool,
        certificates: bool,
    ) -> ListenSettings {
        let address = |key: &str| {
            table.and_then(|t| t.get(key)).and_then(Item::text).and_then(|a| a.parse().ok())
        };
        let https = address("https");
        let http =
            address("http").or_else(|| https.is_none().then(|| ([127, 0, 0, 1], 8080).into()));
        let admin: std::net::SocketAddr =
            address("admin").unwrap_or_else(|| ([127, 0, 0, 1], 8081).into());
        if let Some(table) = table {
            if https.is_some() && !certificates {
                let message = "`listen.https` needs `listen.certificates`".to_owned();
                self.report(
                    Code::CONFIG_MISSING,
                    message,
                    table.span(),
                    "`certificates` is missing",
                );
            }
            if !admin.ip().is_loopback() && !admin_key {
                let message =
                    "an admin listener that is not on loopback needs `admin.key`".to_owned();
                self.report(
                    Code::CONFIG_MISSING,
                    message,
                    table.span(),
                    "reachable from other machines",
                );
            }
        }
        let identity_headers = list(table, "identity-headers").unwrap_or_default();
        ListenSettings {
            identity_headers: self.header_names(&identity_headers),
            http,
            https,
            admin: Some(admin),
            client_certificates: match text(table, "client-certificates").as_deref() {
                Some("optional") => ClientCertificates::Optional,
                Some("required") => ClientCertificates::Required,
                _ => ClientCertificates::Off,
            },
            h2c: flag(table, "h2c", false),
            trusted_proxies: self.networks(table, "trusted-proxies"),
            proxy_protocol: flag(table, "proxy-protocol", false),
        }
    }

    /// Networks, and single addresses as such.
    fn networks(&mut self, table: Option<Table<'_>>, key: &str) -> Vec<IpNet> {
        let mut networks = Vec::new();
        for (text, span) in list(table, key).unwrap_or_default() {
            let net = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
            if let Ok(net) = net {
                networks.push(net);
            } else {
                let message = format!("`{text}` is not an address or network");
                let expected = "expected `10.0.0.0/8` or an address";
                self.report(Code::CONFIG_VALUE, message, span, expected);
            }
        }
        networks
    }
}

/// Whether a value may be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    Never,
    Freely,
}

fn deployment(table: Option<Table<'_>>) -> Deployment {
    let id = text(table, "id").unwrap_or_else(|| "managed".to_owned());
    Deployment {
        is_managed: id == "managed",
        instance_id: id.clone(),
        gateway_id: id,
        region: text(table, "region").unwrap_or_default(),
        service_id: text(table, "service-id").unwrap_or_default(),
        service_name: text(table, "service-name").unwrap_or_default(),
    }
}

fn identity(table: Option<Table<'_>>) -> IdentityConfig {
    IdentityConfig {
        kind: text(table, "kind").unwrap_or_else(|| "auto".to_owned()),
        client_id: text(table, "client-id"),
        development: flag(table, "development", false),
        imds_endpoint: text(table, "imds-endpoint"),
        authority: text(table, "authority"),
    }
}

#[cfg(test)]
mod tests;
