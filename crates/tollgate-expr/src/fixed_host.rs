//! A host of plain data, for `tollgate eval` and for tests.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value as Json;

use crate::json::DateParse;
use crate::types::Ty;
use crate::{
    Api, Backend, Certificate, Deployment, EvalState, Group, Host, Jwt, LastError, MessageKind,
    Operation, Pkcs12, Product, ProductState, Response, Subscription, TrustStore, Url, UrlKind,
    User, UserIdentity, Value,
};

/// 2026-01-02T03:04:05Z in ticks.
const DEFAULT_TIMESTAMP: i64 = 639_029_198_450_000_000;

/// A request, its response and its world as plain data.
#[derive(Debug, Clone)]
pub struct FixedHost {
    /// `context.Timestamp`, and the time it is, in ticks.
    pub timestamp: i64,
    /// `context.RequestId`.
    pub request_id: u128,
    /// `context.Api`.
    pub api: Option<Api>,
    /// `context.Operation`.
    pub operation: Option<Operation>,
    /// `context.Product`.
    pub product: Option<Product>,
    /// `context.Subscription`.
    pub subscription: Option<Subscription>,
    /// `context.User`.
    pub user: Option<User>,
    /// `context.Backend`.
    pub backend: Option<Backend>,
    /// `context.Deployment`.
    pub deployment: Deployment,
    /// `context.LastError`.
    pub last_error: Option<LastError>,
    /// `context.Request.Method`.
    pub method: String,
    /// `context.Request.Url`.
    pub url: Url,
    /// `context.Request.OriginalUrl`.
    pub original_url: Url,
    /// `context.Request.IpAddress`.
    pub ip: String,
    /// `context.Request.MatchedParameters`.
    pub matched_parameters: Vec<(String, String)>,
    /// Headers and body of the request.
    pub request: Response,
    /// `context.Response`.
    pub response: Option<Response>,
    /// Context variables.
    pub variables: BTreeMap<String, Value>,
    /// `context.Deployment.Certificates`, by name.
    pub certificates: Vec<(String, Certificate)>,
    /// `context.Request.Certificate`.
    pub client_certificate: Option<Certificate>,
    /// Whom certificates are trusted to come from.
    pub trust: Arc<TrustStore>,
    /// What `context.Trace` was called with.
    pub traced: Vec<String>,
    request_consumed: bool,
    response_consumed: bool,
    random: u64,
}

impl Default for FixedHost {
    fn default() -> Self {
        let url = parse_url("https://gateway.example/");
        Self {
            timestamp: DEFAULT_TIMESTAMP,
            request_id: 1,
            api: None,
            operation: None,
            product: None,
            subscription: None,
            user: None,
            backend: None,
            deployment: Deployment::default(),
            last_error: None,
            method: "GET".to_owned(),
            original_url: url.clone(),
            url,
            ip: String::new(),
            matched_parameters: Vec::new(),
            request: Response::default(),
            response: None,
            variables: BTreeMap::new(),
            certificates: Vec::new(),
            client_certificate: None,
            trust: Arc::default(),
            traced: Vec::new(),
            request_consumed: false,
            response_consumed: false,
            random: 0x9E37_79B9_7F4A_7C15,
        }
    }
}

impl FixedHost {
    /// Reads a context object: `request`, `response`, `variables`, `api` and so on, every key optional. Objects among the
    /// variables are made in `state`.
    pub fn from_json(json: &Json, state: &mut EvalState) -> Result<FixedHost, String> {
        let mut host = FixedHost::default();
        let object = json.as_object().ok_or("the context is not an object")?;
        for (key, value) in object {
            match key.as_str() {
                "request" => host.read_request(value)?,
                "response" => host.response = Some(response(value, 200)?),
                "variables" => {
                    for (name, value) in entries(value) {
                        let value = variable(value, state)
                            .map_err(|why| format!("variable `{name}`: {why}"))?;
                        host.variables.insert(name.clone(), value);
                    }
                }
                "api" => host.api = Some(api(value)),
                "operation" => host.operation = Some(operation(value)),
                "product" => host.product = Some(product(value)),
                "subscription" => host.subscription = Some(subscription(value)),
                "user" => host.user = Some(user(value)),
                "backend" => host.backend = Some(backend(value)),
                "deployment" => {
                    host.deployment = deployment(value);
                    host.read_certificates(value)?;
                }
                "last-error" => host.last_error = Some(last_error(value)),
                "request-id" => host.request_id = request_id(value)?,
                "timestamp" => host.timestamp = ticks(value)?,
                _ => return Err(format!("unknown key `{key}`")),
            }
        }
        Ok(host)
    }

    /// `Certificates` of the deployment, `TrustedRoots` and `Intermediates`: base64 of DER, or of PKCS#12 with its password.
    fn read_certificates(&mut self, json: &Json) -> Result<(), String> {
        for (name, value) in json.get("Certificates").into_iter().flat_map(entries) {
            let certificate =
                certificate(value).map_err(|why| format!("certificate `{name}`: {why}"))?;
            self.certificates.push((name.clone(), certificate));
        }
        let all = |key: &str| -> Result<Vec<Bytes>, String> {
            let given = json.get(key).and_then(Json::as_array).into_iter().flatten();
            given.map(|der| base64_of(der.as_str())).collect()
        };
        self.trust = Arc::new(TrustStore::new(all("TrustedRoots")?, all("Intermediates")?));
        Ok(())
    }

    fn read_request(&mut self, json: &Json) -> Result<(), String> {
        self.request = response(json, 0)?;
        if let Some(method) = json.get("method").and_then(Json::as_str) {
            method.clone_into(&mut self.method);
        }
        if let Some(url) = json.get("url").and_then(Json::as_str) {
            self.url = parse_url(url);
            self.original_url = self.url.clone();
        }
        if let Some(url) = json.get("original-url").and_then(Json::as_str) {
            self.original_url = parse_url(url);
        }
        if let Some(ip) = json.get("ip").and_then(Json::as_str) {
            ip.clone_into(&mut self.ip);
        }
        if let Some(given) = json.get("certificate") {
            self.client_certificate = Some(certificate(given)?);
        }
        if let Some(parameters) = json.get("matched-parameters") {
            let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
            self.matched_parameters =
                entries(parameters).map(|(name, value)| (name.clone(), text(value))).collect();
        }
        Ok(())
    }

    fn message(&self, message: MessageKind) -> Option<&Response> {
        match message {
            MessageKind::Request => Some(&self.request),
            MessageKind::Response => self.response.as_ref(),
        }
    }
}

impl Host for FixedHost {
    fn utc_now(&self) -> i64 {
        self.timestamp
    }

    fn timestamp(&self) -> i64 {
        self.timestamp
    }

    fn random(&mut self) -> u64 {
        // SplitMix64: well spread and the same in every run.
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn fill_random(&mut self, target: &mut [u8]) -> bool {
        for chunk in target.chunks_mut(8) {
            for (place, byte) in chunk.iter_mut().zip(self.random().to_le_bytes()) {
                *place = byte;
            }
        }
        true
    }

    fn request_id(&self) -> u128 {
        self.request_id
    }

    fn tracing(&self) -> bool {
        false
    }

    fn trace(&mut self, message: &str) {
        self.traced.push(message.to_owned());
    }

    fn api(&self) -> Option<&Api> {
        self.api.as_ref()
    }

    fn operation(&self) -> Option<&Operation> {
        self.operation.as_ref()
    }

    fn product(&self) -> Option<&Product> {
        self.product.as_ref()
    }

    fn subscription(&self) -> Option<&Subscription> {
        self.subscription.as_ref()
    }

    fn user(&self) -> Option<&User> {
        self.user.as_ref()
    }

    fn workspace(&self) -> Option<&crate::Workspace> {
        None
    }

    fn backend(&self) -> Option<Backend> {
        self.backend.clone()
    }

    fn deployment(&self) -> &Deployment {
        &self.deployment
    }

    fn last_error(&self) -> Option<&LastError> {
        self.last_error.as_ref()
    }

    fn certificate(&self, name: &str) -> Option<Certificate> {
        let by_name = self.certificates.iter().find(|(known, _)| known == name);
        let by_thumbprint = || {
            self.certificates
                .iter()
                .find(|(_, known)| known.thumbprint().eq_ignore_ascii_case(name))
        };
        by_name.or_else(by_thumbprint).map(|(_, certificate)| certificate.clone())
    }

    fn certificate_names(&self) -> Vec<&str> {
        self.certificates.iter().map(|(name, _)| name.as_str()).collect()
    }

    fn trust(&self) -> Option<&TrustStore> {
        Some(&self.trust)
    }

    fn method(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.method)
    }

    fn url(&self, kind: UrlKind) -> Cow<'_, Url> {
        Cow::Borrowed(match kind {
            UrlKind::Original => &self.original_url,
            UrlKind::Current => &self.url,
        })
    }

    fn ip_address(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.ip)
    }

    fn client_certificate(&self) -> Option<Certificate> {
        self.client_certificate.clone()
    }

    fn matched_parameters(&self) -> &[(String, String)] {
        &self.matched_parameters
    }

    fn has_response(&self) -> bool {
        self.response.is_some()
    }

    fn status(&self) -> i32 {
        self.response.as_ref().map_or(0, |response| response.status)
    }

    fn status_reason(&self) -> Cow<'_, str> {
        Cow::Borrowed(self.response.as_ref().map_or("", |response| &response.reason))
    }

    fn header(&self, message: MessageKind, name: &str) -> Option<Cow<'_, str>> {
        match self.message(message)?.header(name)? {
            [only] => Some(Cow::Borrowed(only)),
            many => Some(Cow::Owned(many.join(","))),
        }
    }

    fn header_values(&self, message: MessageKind, name: &str) -> Vec<Cow<'_, str>> {
        let values = self.message(message).and_then(|message| message.header(name));
        values.unwrap_or_default().iter().map(|value| Cow::Borrowed(value.as_str())).collect()
    }

    fn header_names(&self, message: MessageKind) -> Vec<Cow<'_, str>> {
        let headers = self.message(message).map(|message| message.headers.as_slice());
        headers.unwrap_or_default().iter().map(|(name, _)| Cow::Borrowed(name.as_str())).collect()
    }

    fn body(&self, message: MessageKind) -> Option<Bytes> {
        self.message(message)?.body.clone()
    }

    fn body_consumed(&self, message: MessageKind) -> bool {
        match message {
            MessageKind::Request => self.request_consumed,
            MessageKind::Response => self.response_consumed,
        }
    }

    fn consume_body(&mut self, message: MessageKind) {
        match message {
            MessageKind::Request => self.request_consumed = true,
            MessageKind::Response => self.response_consumed = true,
        }
    }

    fn variable(&self, name: &str) -> Option<&Value> {
        self.variables.get(name)
    }

    fn variable_names(&self) -> Vec<&str> {
        self.variables.keys().map(String::as_str).collect()
    }
}

/// Takes a URL apart as it stands, without normalising it.
pub(crate) fn parse_url(text: &str) -> Url {
    let (scheme, rest) = text.split_once("://").unwrap_or(("https", text));
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at_checked(end).unwrap_or((rest, ""));
    let rest = rest.split('#').next().unwrap_or_default();
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let authority = authority.rsplit('@').next().unwrap_or_default();
    let default = if scheme.eq_ignore_ascii_case("http") { 80 } else { 443 };
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port.parse().unwrap_or(default)),
        _ => (authority, default),
    };
    Url {
        scheme: scheme.to_owned(),
        host: host.to_owned(),
        port,
        path: if path.is_empty() { "/".to_owned() } else { path.to_owned() },
        query: query.to_owned(),
    }
}

fn entries(json: &Json) -> impl Iterator<Item = (&String, &Json)> {
    json.as_object().into_iter().flatten()
}

fn text(json: &Json, key: &str) -> String {
    json.get(key).and_then(Json::as_str).unwrap_or_default().to_owned()
}

fn flag(json: &Json, key: &str) -> bool {
    json.get(key).and_then(Json::as_bool).unwrap_or_default()
}

fn list<T>(json: &Json, key: &str, read: impl Fn(&Json) -> T) -> Vec<T> {
    json.get(key).and_then(Json::as_array).into_iter().flatten().map(read).collect()
}

fn response(json: &Json, status: i32) -> Result<Response, String> {
    let mut headers = Vec::new();
    for (name, values) in json.get("headers").into_iter().flat_map(entries) {
        let values: Option<Vec<String>> = match values {
            Json::String(one) => Some(vec![one.clone()]),
            Json::Array(many) => many.iter().map(|v| v.as_str().map(str::to_owned)).collect(),
            _ => None,
        };
        let values = values.ok_or_else(|| format!("header `{name}` is not text"))?;
        headers.push((name.clone(), values));
    }
    let given = json.get("status").and_then(Json::as_i64).and_then(|n| i32::try_from(n).ok());
    let body = json.get("body").and_then(Json::as_str);
    Ok(Response {
        status: given.unwrap_or(status),
        reason: text(json, "reason"),
        headers,
        body: body.map(|body| Bytes::copy_from_slice(body.as_bytes())),
    })
}

fn base64_of(text: Option<&str>) -> Result<Bytes, String> {
    use base64::Engine as _;
    let decoded = text.and_then(|text| base64::engine::general_purpose::STANDARD.decode(text).ok());
    decoded.map(Bytes::from).ok_or_else(|| "not base64".to_owned())
}

/// Base64 of DER, or `{"pkcs12": base64, "password": text}`.
fn certificate(json: &Json) -> Result<Certificate, String> {
    let (der, key) = match json.get("pkcs12") {
        Some(file) => {
            let file = base64_of(file.as_str())?;
            let opened = Pkcs12::open(&file, &text(json, "password"));
            let opened = opened.map_err(|fault| fault.to_string())?;
            (opened.certificate, opened.private_key)
        }
        None => (base64_of(json.as_str())?, None),
    };
    Certificate::new(&der, key).ok_or_else(|| "not a certificate".to_owned())
}

fn backend(json: &Json) -> Backend {
    Backend {
        id: text(json, "Id"),
        azure_region: text(json, "AzureRegion"),
        is_pool: text(json, "Type") == "Pool",
    }
}

fn group(json: &Json) -> Group {
    Group { id: text(json, "Id"), name: text(json, "Name") }
}

fn api(json: &Json) -> Api {
    let names = json.get("SubscriptionKeyParameterNames");
    Api {
        id: text(json, "Id"),
        name: text(json, "Name"),
        path: text(json, "Path"),
        revision: text(json, "Revision"),
        version: text(json, "Version"),
        is_current_revision: flag(json, "IsCurrentRevision"),
        service_url: json.get("ServiceUrl").and_then(Json::as_str).map(parse_url),
        protocols: list(json, "Protocols", |item| item.as_str().unwrap_or_default().to_owned()),
        key_header: names.map(|names| text(names, "Header")).unwrap_or_default(),
        key_query: names.map(|names| text(names, "Query")).unwrap_or_default(),
    }
}

fn operation(json: &Json) -> Operation {
    Operation {
        id: text(json, "Id"),
        method: text(json, "Method"),
        name: text(json, "Name"),
        url_template: text(json, "UrlTemplate"),
    }
}

fn product(json: &Json) -> Product {
    let limit = json.get("SubscriptionsLimit").and_then(Json::as_i64);
    Product {
        id: text(json, "Id"),
        name: text(json, "Name"),
        approval_required: flag(json, "ApprovalRequired"),
        subscription_required: flag(json, "SubscriptionRequired"),
        subscriptions_limit: limit.and_then(|limit| i32::try_from(limit).ok()),
        state: match text(json, "State").as_str() {
            "NotPublished" => ProductState::NotPublished,
            _ => ProductState::Published,
        },
        groups: list(json, "Groups", group),
        apis: list(json, "Apis", |json| Arc::new(api(json))),
    }
}

fn subscription(json: &Json) -> Subscription {
    let time = |key: &str| json.get(key).and_then(|value| ticks(value).ok());
    Subscription {
        id: text(json, "Id"),
        name: text(json, "Name"),
        key: text(json, "Key"),
        primary_key: text(json, "PrimaryKey"),
        secondary_key: text(json, "SecondaryKey"),
        created: time("CreatedDate").unwrap_or_default(),
        start: time("StartDate"),
        end: time("EndDate"),
    }
}

fn user(json: &Json) -> User {
    let registered = json.get("RegistrationDate").and_then(|value| ticks(value).ok());
    User {
        id: text(json, "Id"),
        email: text(json, "Email"),
        first_name: text(json, "FirstName"),
        last_name: text(json, "LastName"),
        note: text(json, "Note"),
        groups: list(json, "Groups", group),
        identities: list(json, "Identities", |item| UserIdentity {
            id: text(item, "Id"),
            provider: text(item, "Provider"),
        }),
        registration_date: registered.unwrap_or_default(),
    }
}

fn deployment(json: &Json) -> Deployment {
    let default = Deployment::default();
    let gateway = text(json, "GatewayId");
    Deployment {
        gateway_id: if gateway.is_empty() { default.gateway_id } else { gateway },
        region: text(json, "Region"),
        service_id: text(json, "ServiceId"),
        service_name: text(json, "ServiceName"),
        ..default
    }
}

fn last_error(json: &Json) -> LastError {
    LastError {
        source: text(json, "Source"),
        reason: text(json, "Reason"),
        message: text(json, "Message"),
        scope: text(json, "Scope"),
        section: text(json, "Section"),
        path: text(json, "Path"),
        policy_id: text(json, "PolicyId"),
        http_error_code: json
            .get("HttpErrorCode")
            .and_then(Json::as_i64)
            .and_then(|code| i32::try_from(code).ok())
            .unwrap_or(500),
        detail: None,
    }
}

fn request_id(json: &Json) -> Result<u128, String> {
    let digits: String = json.as_str().unwrap_or_default().chars().filter(|c| *c != '-').collect();
    u128::from_str_radix(&digits, 16).map_err(|_| "`request-id` is not a GUID".to_owned())
}

/// Ticks of `yyyy-MM-ddTHH:mm:ss[.fffffff]Z`.
fn ticks(json: &Json) -> Result<i64, String> {
    let text = json.as_str().unwrap_or_default();
    parse_ticks(text).ok_or_else(|| "a time is not of the form 2026-01-02T03:04:05Z".to_owned())
}

fn parse_ticks(text: &str) -> Option<i64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let mut date = date.split('-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let (clock, fraction) = time.split_once('.').unwrap_or((time, ""));
    let mut clock = clock.split(':').map(|part| part.parse::<i64>().ok());
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    let in_range = (1..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..60).contains(&second);
    if !in_range || fraction.len() > 7 {
        return None;
    }
    let fraction: i64 =
        if fraction.is_empty() { 0 } else { format!("{fraction:0<7}").parse().ok()? };
    // Days since 0001-01-01 in the proleptic Gregorian calendar, counting years from March.
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 307;
    Some(((days * 24 + hour) * 60 + minute) * 600_000_000 + second * 10_000_000 + fraction)
}

fn variable(json: &Json, state: &mut EvalState) -> Result<Value, String> {
    Ok(match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::String(text) => Value::from(text.as_str()),
        Json::Number(number) => match number.as_i64() {
            Some(value) => i32::try_from(value).map_or(Value::Long(value), Value::Int),
            None => Value::Double(number.as_f64().ok_or("not a number")?),
        },
        Json::Object(object) if object.contains_key("$type") => typed_variable(json, state)?,
        tree => json_tree(tree, state)?,
    })
}

/// A JSON tree as tokens: numbers, dates and everything else as they stand in the text.
fn json_tree(tree: &Json, state: &mut EvalState) -> Result<Value, String> {
    let text = tree.to_string();
    let token = state.json.parse(&text, DateParse::DateTime, &mut state.budget);
    token.map(Value::Json).map_err(|exception| exception.to_string())
}

fn typed_variable(json: &Json, state: &mut EvalState) -> Result<Value, String> {
    let value = json.get("value").unwrap_or(&Json::Null);
    let words = || value.as_str().ok_or("`value` is not text");
    Ok(match text(json, "$type").as_str() {
        "IResponse" => Value::response(response(json, 200)?),
        "Jwt" => Jwt::parse(&text(json, "token")).map_or(Value::Null, Value::jwt),
        "Authorization" => {
            let mut claims = Vec::new();
            for (name, claim) in json.get("claims").into_iter().flat_map(entries) {
                claims.push((name.clone(), variable(claim, state)?));
            }
            let value = Value::authorization(state, &text(json, "token"), claims);
            value.map_err(|exception| exception.to_string())?
        }
        "long" => Value::Long(value.as_i64().ok_or("`value` is not a whole number")?),
        "double" => Value::Double(value.as_f64().ok_or("`value` is not a number")?),
        "DateTime" => Value::utc(ticks(value)?),
        "bytes" => {
            use base64::Engine as _;
            let bytes = base64::engine::general_purpose::STANDARD.decode(words()?);
            Value::bytes(bytes.map_err(|_| "`value` is not base64")?.into())
        }
        "strings" => {
            let items: Option<Vec<Value>> = value
                .as_array()
                .ok_or("`value` is not an array")?
                .iter()
                .map(|item| item.as_str().map(Value::from))
                .collect();
            let items = items.ok_or("`value` holds something else than text")?;
            state.array(Ty::STRING, items).map_err(|exception| exception.to_string())?
        }
        other => return Err(format!("unknown `$type` `{other}`")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_urls_are_read() {
        assert_eq!(parse_ticks("2026-01-02T03:04:05Z"), Some(DEFAULT_TIMESTAMP));
        assert_eq!(parse_ticks("0001-01-01T00:00:00.1Z"), Some(1_000_000));
        assert_eq!(parse_ticks("2026-13-02T03:04:05Z"), None);
        let url = parse_url("http://h:81/a?b=1&c");
        assert_eq!((url.port, url.path.as_str(), url.query.as_str()), (81, "/a", "b=1&c"));
        assert_eq!(parse_url("https://h").path, "/");
    }
}
