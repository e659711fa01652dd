//! Values that come from the environment, from files or from the configuration itself; and the parts that use them.

use std::collections::HashMap;

use base64::Engine as _;
use http::{HeaderName, HeaderValue};
use tollgate_diagnostics::{Code, Diagnostic, Span};
use tollgate_engine::ports::HttpVersion;
use tollgate_engine::{Pkcs12, Secret, Url};

use super::toml_file::{Item, Table};
use super::{
    ApiConfig, BackendConfig, CertificateConfig, ClientCredentials, ConnectionConfig,
    OperationConfig, Reader, Shown, VersionSet, flag, list, names, optional_duration, parse_url,
    text,
};

/// Values shorter than this are not masked in output: masking them would shred ordinary text.
pub(crate) const SHORTEST_SECRET: usize = 4;

/// What the tables of APIs may refer to.
pub(super) struct ApiNames<'a> {
    pub(super) backends: &'a [&'a str],
    pub(super) workspaces: &'a [&'a str],
    pub(super) version_sets: &'a [VersionSet],
    pub(super) loggers: &'a [&'a str],
    /// What is logged of the models' calls of all APIs.
    pub(super) llm_logs: Option<Table<'a>>,
}

impl Reader<'_> {
    /// The value of a secret; problems are reported by name, never by content.
    pub(super) fn secret(&mut self, item: Item<'_>, shown: Shown) -> Option<Secret<String>> {
        let value = match item.table() {
            None => item.text()?.to_owned(),
            Some(table) => self.sourced(table, item.span())?,
        };
        let value = Secret::new(value);
        if shown == Shown::Never {
            self.mask(&value);
        }
        Some(value)
    }

    /// From now on a value is masked wherever text is shown.
    pub(super) fn mask(&mut self, value: &Secret<String>) {
        if value.expose().len() >= SHORTEST_SECRET {
            self.secrets.push(value.clone());
        }
    }

    fn sourced(&mut self, table: Table<'_>, span: Span) -> Option<String> {
        if let Some(name) = text(Some(table), "env") {
            let value = self.env.var(&name).or_else(|| text(Some(table), "default"));
            if value.is_none() {
                self.diagnostics.push(
                    Diagnostic::new(
                        Code::NAMED_VALUE_VALUE,
                        format!("the environment variable `{name}` is not set"),
                        span,
                    )
                    .label("no value"),
                );
            }
            return value;
        }
        if let Some(file) = text(Some(table), "file") {
            self.files.push(self.root.join(&file));
            return match std::fs::read_to_string(self.root.join(&file)) {
                // Editors and secret mounts end files with a line break that is not part of the secret.
                Ok(value) => Some(value.trim_end_matches(['\r', '\n']).to_owned()),
                Err(error) => {
                    let message = format!("the file `{file}` cannot be read: {}", error.kind());
                    self.diagnostics
                        .push(Diagnostic::new(Code::IO, message, span).label("no value"));
                    None
                }
            };
        }
        text(Some(table), "value")
    }

    /// A URL that requests are built on: it has no query of its own.
    fn base_url(&mut self, table: Option<Table<'_>>, key: &str) -> Option<(Url, Span)> {
        let item = table?.get(key)?;
        let (url, span) = (item.text().and_then(parse_url)?, item.span());
        if !url.query.is_empty() {
            let message = format!("`{key}` has a query");
            self.report(
                Code::CONFIG_VALUE,
                message,
                span,
                "requests bring their own; put fixed parameters into `query`",
            );
        }
        Some((url, span))
    }

    /// Names of headers; what is none is reported.
    pub(super) fn header_names(&mut self, names: &[(String, Span)]) -> Vec<HeaderName> {
        let mut headers = Vec::new();
        for (name, span) in names {
            if let Ok(header) = HeaderName::from_bytes(name.as_bytes()) {
                headers.push(header);
            } else {
                let message = format!("`{name}` is not the name of a header");
                self.report(Code::CONFIG_VALUE, message, *span, "not a token");
            }
        }
        headers
    }

    fn header_value(&mut self, value: &Secret<String>, span: Span) -> Option<HeaderValue> {
        let Ok(mut header) = HeaderValue::from_str(value.expose()) else {
            let message = "the value cannot stand in a header".to_owned();
            self.report(
                Code::CONFIG_VALUE,
                message,
                span,
                "holds a line break or control character",
            );
            return None;
        };
        header.set_sensitive(true);
        Some(header)
    }

    pub(super) fn connections(&mut self, table: Option<Table<'_>>) -> Vec<ConnectionConfig> {
        let mut all = Vec::new();
        for (provider, _, item) in table.map(Table::entries).unwrap_or_default() {
            for (id, span, item) in item.table().map(Table::entries).unwrap_or_default() {
                let grant = item.table().and_then(|table| self.grant(table, (provider, id), span));
                all.extend(grant.map(|grant| ConnectionConfig {
                    provider: provider.to_owned(),
                    id: id.to_owned(),
                    grant,
                }));
            }
        }
        all
    }

    fn grant(
        &mut self,
        table: Table<'_>,
        (provider, id): (&str, &str),
        span: Span,
    ) -> Option<ClientCredentials> {
        let this = Some(table);
        let client_secret =
            table.get("client-secret").and_then(|item| self.secret(item, Shown::Never));
        let (Some(token_url), Some(client_id), Some(client_secret)) =
            (text(this, "token-url"), text(this, "client-id"), client_secret)
        else {
            let message = format!(
                "connection `{provider}.{id}` needs `token-url`, `client-id` and `client-secret`"
            );
            self.report(Code::CONFIG_MISSING, message, span, "incomplete");
            return None;
        };
        let url = parse_url(&token_url);
        let is_safe = |url: &Url| {
            url.scheme == "https"
                || matches!(&*url.host, "localhost" | "127.0.0.1" | "[::1]" | "::1")
        };
        if url.as_ref().is_some_and(|url| !is_safe(url)) {
            let message = format!("connection `{provider}.{id}` sends its secret over plain HTTP");
            self.report(Code::INSECURE, message, span, "`token-url` is not `https`");
        }
        Some(ClientCredentials {
            token_url,
            client_id,
            client_secret,
            scope: names(list(this, "scopes")).join(" "),
            audience: text(this, "audience"),
            secret_in_body: text(this, "authentication").is_some_and(|word| word == "body"),
        })
    }

    pub(super) fn certificates(&mut self, table: Option<Table<'_>>) -> Vec<CertificateConfig> {
        let mut all = Vec::new();
        for (name, span, item) in table.map(Table::entries).unwrap_or_default() {
            let table = item.table();
            let pem = match table.and_then(|table| table.get("pem")) {
                Some(item) => self.secret(item, Shown::Freely),
                None => self.pem_files(table, name, span),
            };
            all.extend(pem.map(|pem| CertificateConfig { name: name.to_owned(), pem, span }));
        }
        all
    }

    fn pem_files(
        &mut self,
        table: Option<Table<'_>>,
        name: &str,
        span: Span,
    ) -> Option<Secret<String>> {
        let Some(file) = text(table, "file") else {
            let message = format!("certificate `{name}` needs `file` or `pem`");
            self.report(Code::CONFIG_MISSING, message, span, "no certificate");
            return None;
        };
        let password = table.and_then(|table| table.get("password"));
        let password = password.and_then(|item| self.secret(item, Shown::Never));
        let mut pem = String::new();
        for file in std::iter::once(file).chain(text(table, "key-file")) {
            self.files.push(self.root.join(&file));
            let read =
                std::fs::read(self.root.join(&file)).map_err(|error| error.kind().to_string());
            let password = password.as_ref().map_or("", |password| password.expose());
            match read.and_then(|data| pem_of(data, password)) {
                Ok(text) => {
                    pem.push_str(&text);
                    pem.push('\n');
                }
                Err(why) => {
                    let message = format!("the file `{file}` cannot be read: {why}");
                    self.report(Code::IO, message, span, "no certificate");
                    return None;
                }
            }
        }
        Some(Secret::new(pem))
    }

    pub(super) fn backends(
        &mut self,
        table: Option<Table<'_>>,
        certificates: &[&str],
    ) -> Vec<BackendConfig> {
        let mut all = Vec::new();
        for (id, span, item) in table.map(Table::entries).unwrap_or_default() {
            all.extend(item.table().and_then(|table| self.backend(id, span, table, certificates)));
        }
        all
    }

    fn backend(
        &mut self,
        id: &str,
        span: Span,
        table: Table<'_>,
        certificates: &[&str],
    ) -> Option<BackendConfig> {
        if table.get("url").is_none() {
            let message = format!("backend `{id}` needs a `url`");
            self.report(Code::CONFIG_MISSING, message, span, "`url` is missing");
        }
        let (mut url, url_span) = self.base_url(Some(table), "url")?;
        if let Some(path) = text(Some(table), "path") {
            url.path = format!("{}/{}", url.path.trim_end_matches('/'), path.trim_matches('/'));
        }
        self.check_domain(&url, url_span);
        let tls = table.table("tls");
        if let Some(item) = table.get("certificate") {
            self.reference("certificate", item.text()?, item.span(), certificates);
        }
        self.check_tls(id, tls);
        let headers = table.table("headers").map(Table::entries).unwrap_or_default();
        let headers = self.header_table(headers);
        let mut query = Vec::new();
        for (name, _, item) in table.table("query").map(Table::entries).unwrap_or_default() {
            query.extend(self.secret(item, Shown::Never).map(|value| (name.to_owned(), value)));
        }
        let identity = table.table("managed-identity");
        let resource = text(identity, "resource");
        if let (Some(identity), None) = (identity, &resource) {
            let message = format!("the managed identity of backend `{id}` needs a `resource`");
            self.report(Code::CONFIG_MISSING, message, identity.span(), "`resource` is missing");
        }
        let deployments = table.table("deployments").map(Table::entries).unwrap_or_default();
        let authorization =
            table.table("authorization").and_then(|table| self.authorization(table));
        Some(BackendConfig {
            id: id.to_owned(),
            url,
            managed_identity: resource.map(|resource| (resource, text(identity, "client-id"))),
            headers,
            query,
            authorization,
            certificate: text(Some(table), "certificate"),
            verify_chain: flag(tls, "verify-chain", true),
            verify_name: flag(tls, "verify-name", true),
            ca_file: self.path(tls, "ca-file"),
            server_name: text(tls, "server-name"),
            http_version: text(Some(table), "http-version").map(|version| match version.as_str() {
                "2" => HttpVersion::Two,
                "2or1" => HttpVersion::TwoOrOne,
                _ => HttpVersion::One,
            }),
            connect_timeout: optional_duration(Some(table), "connect-timeout"),
            first_byte_timeout: optional_duration(Some(table), "timeout"),
            deployments: deployments
                .into_iter()
                .filter_map(|(name, _, item)| Some((name.to_owned(), item.text()?.to_owned())))
                .collect(),
            breaker: self.breaker_rules(table.table("circuit-breaker")),
            span,
        })
    }

    /// Says that a backend could be anybody, if it could.
    fn check_tls(&mut self, id: &str, tls: Option<Table<'_>>) {
        let Some(tls) = tls else { return };
        for (key, what) in
            [("verify-chain", "any certificate"), ("verify-name", "a certificate for any name")]
        {
            if !flag(Some(tls), key, true) {
                let message = format!("backend `{id}` accepts {what}");
                let label = "anybody can pose as the backend";
                self.report(Code::INSECURE, message, tls.span(), label);
            }
        }
    }

    /// Headers whose values are secrets.
    pub(super) fn header_table(
        &mut self,
        entries: Vec<(&str, Span, Item<'_>)>,
    ) -> Vec<(HeaderName, HeaderValue)> {
        let mut headers = Vec::new();
        for (name, span, item) in entries {
            let Ok(header) = HeaderName::from_bytes(name.as_bytes()) else {
                self.report(
                    Code::CONFIG_VALUE,
                    format!("`{name}` is not the name of a header"),
                    span,
                    "not a token",
                );
                continue;
            };
            let value = self.secret(item, Shown::Never);
            headers.extend(
                value
                    .and_then(|value| self.header_value(&value, span))
                    .map(|value| (header, value)),
            );
        }
        headers
    }

    fn authorization(&mut self, table: Table<'_>) -> Option<HeaderValue> {
        let scheme = text(Some(table), "scheme").unwrap_or_else(|| "Bearer".to_owned());
        let Some(item) = table.get("parameter") else {
            let message = "`authorization` needs a `parameter`".to_owned();
            self.report(Code::CONFIG_MISSING, message, table.span(), "`parameter` is missing");
            return None;
        };
        let value = self.secret(item, Shown::Never)?;
        self.header_value(&Secret::new(format!("{scheme} {}", value.expose())), item.span())
    }

    /// Foundry projects live on `services.ai.azure.com`; on the Cognitive Services domain they answer 404 whatever the
    /// token, and the cause is hard to see from there.
    fn check_domain(&mut self, url: &Url, span: Span) {
        let project = url.path.starts_with("/api/projects");
        if project && url.host.ends_with(".cognitiveservices.azure.com") {
            let right = url.host.replace(".cognitiveservices.azure.com", ".services.ai.azure.com");
            self.diagnostics.push(
                Diagnostic::new(
                    Code::CONFIG_DOMAIN,
                    "a Foundry project is not served on `cognitiveservices.azure.com`",
                    span,
                )
                .label("wrong domain for `/api/projects`")
                .help(format!("write `https://{right}{}`", url.path)),
            );
        }
    }

    pub(super) fn apis(
        &mut self,
        table: Option<Table<'_>>,
        names: &ApiNames<'_>,
    ) -> Vec<ApiConfig> {
        let mut all: Vec<ApiConfig> = Vec::new();
        let mut by_path: HashMap<String, Vec<usize>> = HashMap::new();
        for (id, span, item) in table.map(Table::entries).unwrap_or_default() {
            let Some(api) = item.table().and_then(|table| self.api(id, span, table, names)) else {
                continue;
            };
            let same_path = by_path.entry(api.routing_path().to_ascii_lowercase()).or_default();
            let others: Vec<&ApiConfig> = same_path.iter().filter_map(|n| all.get(*n)).collect();
            self.check_path(&api, span, &others);
            same_path.push(all.len());
            all.push(api);
        }
        all
    }

    fn api(
        &mut self,
        id: &str,
        span: Span,
        table: Table<'_>,
        names: &ApiNames<'_>,
    ) -> Option<ApiConfig> {
        let this = Some(table);
        self.file_name("an API", id, span);
        let Some(path) = text(this, "path") else {
            self.report(
                Code::CONFIG_MISSING,
                format!("API `{id}` needs a `path`"),
                span,
                "`path` is missing",
            );
            return None;
        };
        if let Some(item) = table.get("backend") {
            self.reference("backend", item.text()?, item.span(), names.backends);
            if table.get("service-url").is_some() {
                let message = format!("API `{id}` has both `backend` and `service-url`");
                self.report(Code::CONFIG_CONFLICT, message, span, "keep one of them");
            }
        }
        if let Some(item) = table.get("workspace") {
            self.reference("workspace", item.text()?, item.span(), names.workspaces);
        }
        let version_set = self.version_set(table, names.version_sets);
        let headers = list(this, "subscription-headers");
        let mut key_headers = self.header_names(headers.as_deref().unwrap_or_default());
        if headers.is_none() {
            key_headers.push(HeaderName::from_static("ocp-apim-subscription-key"));
            key_headers.push(HeaderName::from_static("api-key"));
        }
        let queries = list(this, "subscription-queries");
        let key_queries = queries.map_or_else(
            || vec!["subscription-key".to_owned(), "api-key".to_owned()],
            |list| list.into_iter().map(|(name, _)| name).collect(),
        );
        Some(ApiConfig {
            id: id.to_owned(),
            name: text(this, "name").unwrap_or_else(|| id.to_owned()),
            path: path.trim_matches('/').to_owned(),
            backend: text(this, "backend"),
            service_url: self.base_url(this, "service-url").map(|(url, _)| url),
            workspace: text(this, "workspace"),
            subscription_required: text(this, "subscription").is_none_or(|word| word == "required"),
            key_headers,
            key_queries,
            key_bearer: flag(this, "subscription-bearer", false),
            openapi: text(this, "openapi"),
            version: text(this, "version").unwrap_or_default(),
            version_set,
            revision: text(this, "revision").unwrap_or_else(|| "1".to_owned()),
            current: flag(this, "current", true),
            llm_logs: self.llm_logs(names.llm_logs, table.table("llm-logs"), names.loggers),
            operations: self.operations(table.table("operations")),
            span,
        })
    }

    fn operations(&mut self, table: Option<Table<'_>>) -> Vec<OperationConfig> {
        let mut all = Vec::new();
        for (id, span, item) in table.map(Table::entries).unwrap_or_default() {
            let table = item.table();
            let (Some(method), Some(template)) =
                (text(table, "method"), text(table, "url-template"))
            else {
                let message = format!("operation `{id}` needs `method` and `url-template`");
                self.report(Code::CONFIG_MISSING, message, span, "incomplete");
                continue;
            };
            all.push(OperationConfig {
                id: id.to_owned(),
                name: text(table, "name").unwrap_or_else(|| id.to_owned()),
                method: method.to_ascii_uppercase(),
                url_template: template,
                span,
            });
        }
        all
    }
}

/// The text of a PEM file, or what a PKCS#12 file holds as such.
fn pem_of(data: Vec<u8>, password: &str) -> Result<String, String> {
    if !Pkcs12::is_one(&data) {
        return String::from_utf8(data).map_err(|_| "it is neither PEM nor PKCS#12".to_owned());
    }
    let opened = Pkcs12::open(&data, password).map_err(|fault| fault.to_string())?;
    let mut pem = String::new();
    let mut add = |kind: &str, der: &[u8]| {
        let body = base64::engine::general_purpose::STANDARD.encode(der);
        for part in ["-----BEGIN ", kind, "-----\n", &body, "\n-----END ", kind, "-----\n"] {
            pem.push_str(part);
        }
    };
    for certificate in std::iter::once(&opened.certificate).chain(&opened.chain) {
        add("CERTIFICATE", certificate);
    }
    if let Some(key) = &opened.private_key {
        add("PRIVATE KEY", key);
    }
    Ok(pem)
}
