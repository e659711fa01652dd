//! An OpenID issuer in Entra's shape: discovery, keys, the token endpoint, and tokens on demand.

mod directory;
mod discovery;
mod errors;
mod issue;
mod keys;
mod token;
mod token_endpoint;
mod verify;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::{Method, StatusCode};
use parking_lot::{Mutex, RwLock};
use serde_json::{Value, json};

use crate::EmulatorError;
use crate::exchange::Exchange;
use crate::ids::unix_now;
use crate::reply::{Closed, Reply, json as json_reply, json_utf8, with_header};
use crate::server::{Server, Service, retry_after};

pub use directory::{Application, Tenant};
pub use keys::SigningKey;
pub use token::{Signature, TokenSpec, TokenVersion};

pub(crate) use directory::{Resource, without_default};
pub(crate) use issue::{Issued, Principal};
pub(crate) use verify::{Claims, Refused};

use discovery::{Metadata, instance, openid_configuration};
use errors::EntraError;
use keys::{CurveKey, KeyRing};
use token::{Issue, Signers};
use verify::Parsed;

/// Names that stand for no single tenant.
const TENANT_INDEPENDENT: [&str; 3] = ["common", "organizations", "consumers"];
/// The tenant of personal accounts.
const CONSUMERS: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";
/// First path segment of the emulated cluster's issuer; no tenant can be called so.
const CLUSTER: &str = "cluster";

/// The issuer strings, as templates of `{base}` (the emulator's address) and `{tid}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuers {
    /// Of version 1.0 tokens.
    pub v1: String,
    /// Of version 2.0 tokens.
    pub v2: String,
}

impl Default for Issuers {
    /// Both at the emulator's own address.
    fn default() -> Self {
        Self { v1: "{base}/sts/{tid}/".to_owned(), v2: "{base}/{tid}/v2.0".to_owned() }
    }
}

impl Issuers {
    /// Version 1.0 as `https://sts.windows.net/{tid}/`, whatever the authority is; version 2.0 at the emulator's address.
    pub fn literal_v1() -> Self {
        Self { v1: "https://sts.windows.net/{tid}/".to_owned(), ..Self::default() }
    }

    /// Both as Entra's public cloud has them.
    pub fn public_cloud() -> Self {
        Self { v2: "https://login.microsoftonline.com/{tid}/v2.0".to_owned(), ..Self::literal_v1() }
    }
}

/// What the issuer starts with.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    pub(crate) tenants: Vec<Tenant>,
    pub(crate) applications: Vec<Application>,
    pub(crate) resources: Vec<String>,
    pub(crate) issuers: Issuers,
    /// `{base}`, when it is not the plain listener's address.
    pub(crate) issuer_base: Option<String>,
}

/// The issuer: mints tokens, rolls keys, and says what its server received.
#[derive(Clone, Debug)]
pub struct Entra {
    server: Server,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    tenants: Vec<Tenant>,
    issuers: Issuers,
    base: String,
    ring: KeyRing,
    curve: CurveKey,
    curve_published: AtomicBool,
    /// Made when first needed: a key that nobody publishes.
    wrong: Mutex<Option<Arc<SigningKey>>>,
    /// Made when first needed: the emulated cluster's key.
    cluster: Mutex<Option<Arc<SigningKey>>>,
    applications: RwLock<Vec<Application>>,
    resources: RwLock<Vec<String>>,
    /// `None`: random between 60 and 90 minutes, as Entra does.
    lifetime: RwLock<Option<Duration>>,
}

impl Entra {
    /// Makes the keys, which takes some tenths of a second.
    pub(crate) async fn new(server: Server, setup: Setup) -> Result<Self, EmulatorError> {
        let make = || {
            tokio::task::spawn_blocking(|| {
                SigningKey::generate("accounts.accesscontrol.windows.net")
            })
        };
        let (other, signing) = (make(), make());
        let other = other.await.map_err(|_| EmulatorError::Key)??;
        let signing = signing.await.map_err(|_| EmulatorError::Key)??;
        let state = State {
            base: setup.issuer_base.unwrap_or_else(|| server.url().to_owned()),
            tenants: setup.tenants,
            issuers: setup.issuers,
            ring: KeyRing::new(vec![other], signing),
            curve: CurveKey::generate()?,
            curve_published: AtomicBool::new(false),
            wrong: Mutex::new(None),
            cluster: Mutex::new(None),
            applications: RwLock::new(setup.applications),
            resources: RwLock::new(setup.resources),
            lifetime: RwLock::new(None),
        };
        Ok(Self { server, state: Arc::new(state) })
    }

    /// Its server: address, what it received, planted faults.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// The GUID of the first tenant.
    pub fn tenant_id(&self) -> &str {
        self.state.tenants.first().map_or("", |tenant| &tenant.id)
    }

    /// All tenants.
    pub fn tenants(&self) -> &[Tenant] {
        &self.state.tenants
    }

    /// The issuer string of a tenant (GUID).
    pub fn issuer(&self, tenant: &str, version: TokenVersion) -> String {
        let template = match version {
            TokenVersion::V1 => &self.state.issuers.v1,
            TokenVersion::V2 => &self.state.issuers.v2,
        };
        template.replace("{base}", &self.state.base).replace("{tid}", tenant)
    }

    /// Where the OpenID configuration of `tenant` (GUID, domain name, `common`, `organizations`) is, over plain HTTP.
    pub fn metadata_url(&self, tenant: &str, version: TokenVersion) -> String {
        let version = match version {
            TokenVersion::V1 => "",
            TokenVersion::V2 => "/v2.0",
        };
        format!("{}/{tenant}{version}/.well-known/openid-configuration", self.server.url())
    }

    /// A token that says what `spec` says.
    pub fn mint(&self, spec: &TokenSpec) -> Result<String, EmulatorError> {
        let tenant = spec.tenant.as_deref().unwrap_or_else(|| self.tenant_id());
        let issuer = self.issuer(tenant, spec.version);
        let idp = self.issuer(tenant, TokenVersion::V1);
        let lifetime = self.lifetime();
        let issue = Issue { tenant, issuer: &issuer, idp: &idp, now: unix_now(), lifetime };
        let claims = token::claims(spec, &issue);
        let key = spec.key.clone().unwrap_or_else(|| self.state.ring.signing());
        let kid = match spec.signature {
            Signature::Es256 => &self.state.curve.kid,
            _ => key.kid(),
        };
        let header = token::header(spec, kid);
        self.sign_by(&key, &header.to_string(), &claims.to_string(), &spec.signature)
    }

    /// A token of exactly these texts, which need not even be JSON.
    pub fn sign(
        &self,
        header: &str,
        claims: &str,
        signature: &Signature,
    ) -> Result<String, EmulatorError> {
        self.sign_by(&self.state.ring.signing(), header, claims, signature)
    }

    fn sign_by(
        &self,
        key: &SigningKey,
        header: &str,
        claims: &str,
        signature: &Signature,
    ) -> Result<String, EmulatorError> {
        let wrong = match signature {
            Signature::WrongKey => Some(made(&self.state.wrong, "nobody")?),
            _ => None,
        };
        let wrong = wrong.as_deref().unwrap_or(key);
        token::sign(
            header,
            claims,
            signature,
            &Signers { current: key, curve: &self.state.curve, wrong },
        )
    }

    /// The key that signs now.
    pub fn signing_key(&self) -> Arc<SigningKey> {
        self.state.ring.signing()
    }

    /// The published keys, in the order of the document.
    pub fn published_keys(&self) -> Vec<Arc<SigningKey>> {
        self.state.ring.published().into_iter().map(|published| published.key).collect()
    }

    /// Publishes a new key and signs with it; the others stay published. Takes some tenths of a second.
    pub fn roll_keys(&self) -> Result<Arc<SigningKey>, EmulatorError> {
        let key = self.publish_new_key()?;
        self.sign_with(&key);
        Ok(key)
    }

    /// Publishes a new key that does not sign yet.
    pub fn publish_new_key(&self) -> Result<Arc<SigningKey>, EmulatorError> {
        let key = Arc::new(SigningKey::generate("accounts.accesscontrol.windows.net")?);
        self.state.ring.publish(Arc::clone(&key), None);
        Ok(key)
    }

    /// Publishes a new key whose JWK names one issuer, as the keys of personal accounts do.
    pub fn publish_key_for_issuer(&self, issuer: &str) -> Result<Arc<SigningKey>, EmulatorError> {
        let key = Arc::new(SigningKey::generate("accounts.accesscontrol.windows.net")?);
        self.state.ring.publish(Arc::clone(&key), Some(issuer.to_owned()));
        Ok(key)
    }

    /// Signs with `key` from now on, whether it is published or not.
    pub fn sign_with(&self, key: &Arc<SigningKey>) {
        self.state.ring.sign_with(Arc::clone(key));
    }

    /// Takes the key with this id out of the document.
    pub fn withdraw_key(&self, kid: &str) {
        self.state.ring.retain(|key| key.kid() != kid);
    }

    /// Takes every key but the signing one out of the document.
    pub fn withdraw_old_keys(&self) {
        let signing = self.state.ring.signing();
        self.state.ring.retain(|key| key.kid() == signing.kid());
    }

    /// Publishes the elliptic curve key too, or no longer.
    pub fn publish_curve_key(&self, published: bool) {
        self.state.curve_published.store(published, Ordering::Relaxed);
    }

    /// The published JWKS of a tenant (GUID), or of `common`.
    pub fn jwks(&self, tenant: &str, version: TokenVersion) -> Value {
        let tid = if self.is_tenant_id(tenant) { tenant } else { "{tenantid}" };
        let issuer = (version == TokenVersion::V2).then(|| self.issuer(tid, version));
        let published = self.state.ring.published().into_iter();
        let mut keys: Vec<Value> =
            published.map(|one| one.key.jwk(one.issuer.as_deref().or(issuer.as_deref()))).collect();
        if self.state.curve_published.load(Ordering::Relaxed) {
            keys.push(self.state.curve.jwk());
        }
        json!({ "keys": keys })
    }

    /// Registers an application, or replaces the one with its client id.
    pub fn register(&self, application: Application) {
        let mut applications = self.state.applications.write();
        applications.retain(|known| known.client_id != application.client_id);
        applications.push(application);
    }

    /// Tokens can be asked for this resource URI from now on.
    pub fn add_resource(&self, uri: impl Into<String>) {
        self.state.resources.write().push(uri.into());
    }

    /// How long tokens of the token endpoint and of [`Entra::mint`] are good; `None` is Entra's own 60 to 90 minutes.
    pub fn set_token_lifetime(&self, lifetime: Option<Duration>) {
        *self.state.lifetime.write() = lifetime;
    }

    /// The projected token of a service account in the emulated cluster, as a pod finds it in `AZURE_FEDERATED_TOKEN_FILE`.
    pub fn workload_token(
        &self,
        subject: &str,
        audience: &str,
        lifetime: Duration,
    ) -> Result<String, EmulatorError> {
        let key = self.cluster_key()?;
        let now = unix_now();
        let claims = json!({
            "aud": [audience], "iss": self.cluster_issuer(), "sub": subject, "iat": now, "nbf": now,
            "exp": now + i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX / 2),
        });
        let header = json!({"alg": "RS256", "kid": key.kid()});
        self.sign_by(&key, &header.to_string(), &claims.to_string(), &Signature::Rs256)
    }

    /// The issuer of [`Entra::workload_token`].
    pub fn cluster_issuer(&self) -> String {
        format!("{}/{CLUSTER}", self.state.base)
    }

    fn cluster_key(&self) -> Result<Arc<SigningKey>, EmulatorError> {
        made(&self.state.cluster, CLUSTER)
    }

    /// What a service of Azure does with an access token: signature by a published key, issuer, audience, times.
    pub(crate) fn verify(
        &self,
        token: &str,
        audience: impl Fn(&str) -> bool,
    ) -> Result<Claims, Refused> {
        let parsed = Parsed::new(token)?;
        let kid = parsed.header("kid").ok_or(Refused::UnknownKey)?;
        let published = self.state.ring.find(kid).ok_or(Refused::UnknownKey)?;
        let claims = parsed.verify(published.key.public_der(), &["RS256"])?;
        let tid = claims.text("tid").filter(|tid| self.is_tenant_id(tid)).ok_or(Refused::Issuer)?;
        let issuer = claims.text("iss").ok_or(Refused::Issuer)?;
        let ours = [TokenVersion::V1, TokenVersion::V2]
            .iter()
            .any(|version| self.issuer(tid, *version) == issuer);
        if !ours || published.issuer.as_deref().is_some_and(|only| only != issuer) {
            return Err(Refused::Issuer);
        }
        claims.audience(audience)?;
        claims.times(unix_now())?;
        Ok(claims)
    }

    fn is_tenant_id(&self, id: &str) -> bool {
        self.state.tenants.iter().any(|tenant| tenant.id == id)
    }

    /// Seconds that a token is good, if nobody says otherwise.
    fn lifetime(&self) -> i64 {
        let chosen = *self.state.lifetime.read();
        let [high, low] = crate::ids::random::<2>();
        let random = 3_600 + i64::from(u16::from_be_bytes([high, low])) % 1_800;
        chosen.map_or(random, |lifetime| i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX / 2))
    }

    /// The tenant that a path names, by GUID, by domain name, or not at all.
    fn path_tenant(&self, name: &str) -> Option<PathTenant> {
        if TENANT_INDEPENDENT.contains(&name) {
            return Some(PathTenant::Any);
        }
        let tenant = self.state.tenants.iter().find(|tenant| tenant.is_called(name))?;
        Some(PathTenant::One(tenant.id.clone()))
    }

    fn configuration(&self, exchange: &Exchange, name: &str, version: TokenVersion) -> Reply {
        let Some(tenant) = self.path_tenant(name) else {
            return EntraError::no_tenant(name, "invalid_tenant").reply(exchange.origin());
        };
        let query = exchange.query();
        let (endpoint, tid) = match &tenant {
            // Personal accounts live in one tenant that has a name of its own.
            PathTenant::Any if name == "consumers" => (name, CONSUMERS),
            PathTenant::Any => (name, "{tenantid}"),
            PathTenant::One(id) => (id.as_str(), id.as_str()),
        };
        let metadata = Metadata {
            origin: exchange.origin(),
            tenant: endpoint,
            issuer: &self.issuer(tid, version),
            version,
            app: query.get("appid"),
        };
        published(&openid_configuration(&metadata))
    }

    fn keys(&self, exchange: &Exchange, name: &str, version: TokenVersion) -> Reply {
        match self.path_tenant(name) {
            None => EntraError::no_tenant(name, "invalid_tenant").reply(exchange.origin()),
            Some(PathTenant::Any) => published(&self.jwks("common", version)),
            Some(PathTenant::One(id)) => published(&self.jwks(&id, version)),
        }
    }

    /// `/common/discovery/instance`: which clouds there are; this emulator is one of its own.
    fn instance(&self, exchange: &Exchange) -> Reply {
        let query = exchange.query();
        if query.get("api-version").is_none() {
            let text = "The request must contain the following parameter: 'api-version'.";
            return EntraError::new("invalid_request", 900_144, text).reply(exchange.origin());
        }
        let asked = query.get("authorization_endpoint").unwrap_or_default();
        let bases =
            [Some(self.server.url()), self.server.https_url(), Some(self.state.base.as_str())];
        let known = bases
            .into_iter()
            .flatten()
            .find_map(|base| asked.strip_prefix(base)?.strip_prefix('/'));
        let Some(path) = known else {
            let text = "Unknown or invalid instance.";
            return EntraError::new("invalid_instance", 50_049, text).reply(exchange.origin());
        };
        let tenant = path.split('/').next().unwrap_or_default();
        published(&instance(exchange.origin(), tenant))
    }

    /// Discovery of the emulated cluster, where workload identity's tokens come from.
    fn cluster(&self, rest: &[&str]) -> Option<Reply> {
        let issuer = self.cluster_issuer();
        match rest {
            [".well-known", "openid-configuration"] => Some(published(&json!({
                "issuer": issuer,
                "jwks_uri": format!("{issuer}/openid/v1/jwks"),
                "response_types_supported": ["id_token"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
            }))),
            ["openid", "v1", "jwks"] => {
                let key = self.cluster_key().ok()?;
                let (n, e) = key.components();
                let jwk = json!({"kty": "RSA", "use": "sig", "alg": "RS256", "kid": key.kid(), "n": n, "e": e});
                Some(published(&json!({ "keys": [jwk] })))
            }
            _ => None,
        }
    }
}

enum PathTenant {
    Any,
    One(String),
}

/// The key in `slot`, made when it is first asked for.
fn made(
    slot: &Mutex<Option<Arc<SigningKey>>>,
    name: &str,
) -> Result<Arc<SigningKey>, EmulatorError> {
    let mut slot = slot.lock();
    if let Some(key) = slot.as_ref() {
        return Ok(Arc::clone(key));
    }
    let key = Arc::new(SigningKey::generate(name)?);
    *slot = Some(Arc::clone(&key));
    Ok(key)
}

/// A public document, cacheable for a day as Entra's are.
fn published(document: &Value) -> Reply {
    let reply = json_utf8(StatusCode::OK, document);
    with_header(
        with_header(reply, "cache-control", "max-age=86400, private"),
        "access-control-allow-origin",
        "*",
    )
}

impl Service for Entra {
    async fn answer(&self, mut exchange: Exchange) -> Result<Reply, Closed> {
        let body = exchange.body().await?;
        let segments = exchange.segments();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let get = exchange.method() == Method::GET;
        let reply = match *segments.as_slice() {
            ["common", "discovery", "instance"] if get => Some(self.instance(&exchange)),
            [CLUSTER, ref rest @ ..] if get => self.cluster(rest),
            [tenant, ".well-known", "openid-configuration"] if get => {
                Some(self.configuration(&exchange, tenant, TokenVersion::V1))
            }
            [tenant, "v2.0", ".well-known", "openid-configuration"] if get => {
                Some(self.configuration(&exchange, tenant, TokenVersion::V2))
            }
            [tenant, "discovery", "keys"] if get => {
                Some(self.keys(&exchange, tenant, TokenVersion::V1))
            }
            [tenant, "discovery", "v2.0", "keys"] if get => {
                Some(self.keys(&exchange, tenant, TokenVersion::V2))
            }
            [tenant, "oauth2", "token"] => {
                Some(self.token(&exchange, &body, tenant, TokenVersion::V1))
            }
            [tenant, "oauth2", "v2.0", "token"] => {
                Some(self.token(&exchange, &body, tenant, TokenVersion::V2))
            }
            _ => None,
        };
        Ok(reply.unwrap_or_else(|| crate::reply::bytes(StatusCode::NOT_FOUND, "", "")))
    }

    fn failure(&self, exchange: &Exchange, status: StatusCode, after: Option<Duration>) -> Reply {
        let mut reply = if status.is_server_error() {
            let error = EntraError {
                status,
                ..EntraError::new(
                    "temporarily_unavailable",
                    90_033,
                    "A transient error has occurred. Please try again.",
                )
            };
            error.reply(exchange.origin())
        } else {
            json_reply(
                status,
                &json!({"error": "invalid_request", "error_description": "AADSTS90055: Server is busy."}),
            )
        };
        if let Some(after) = after {
            retry_after(&mut reply, after);
        }
        reply
    }
}
