//! Which identity the gateway has, and how its tokens are got.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use azure_core::cloud::CustomConfiguration;
use azure_core::credentials::{Secret as AzureSecret, TokenCredential};
use azure_core::http::{
    ClientOptions, ExponentialRetryOptions, RetryOptions, Transport as AzureTransport,
};
use azure_identity::{
    AzureCliCredential, AzureCliCredentialOptions, ClientAssertionCredential,
    ClientAssertionCredentialOptions, ClientSecretCredential, ClientSecretCredentialOptions,
    ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId,
    WorkloadIdentityCredential, WorkloadIdentityCredentialOptions,
};
use parking_lot::Mutex;
use tollgate_engine::ports::{Clock, IdentityError};
use tollgate_engine::{BoxFuture, Secret};
use url::{Host, Url};

use super::assertion::CertificateAssertion;
use super::resource::Resource;
use super::source::{Acquire, Acquired};
use super::transport::{Endpoint, IMDS_HOST, STAND_IN_AUTHORITY, Transport};
use super::{Environment, IdentityKind, IdentitySettings};
use crate::certificates::read_certificate;
use crate::fetch::Fetcher;

/// How long the metadata service may take to accept a connection before it counts as absent. Off Azure its address leads
/// nowhere, and `azure_identity` would try for 72 seconds.
const PROBE: Duration = Duration::from_secs(1);

/// Longest text of an identity endpoint that is shown.
const MAX_MESSAGE: usize = 400;

const PUBLIC_AUTHORITY: &str = "https://login.microsoftonline.com";

/// A way to prove an identity, with all it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Way {
    ClientSecret { tenant: String, client: String, secret: Secret<String> },
    ClientCertificate { tenant: String, client: String, path: PathBuf, sends_chain: bool },
    Workload { tenant: String, client: String, file: PathBuf },
    AppService { endpoint: String, secret: Secret<String>, client: Option<String> },
    Imds { client: Option<String> },
    Cli,
}

/// What kind of way: once one has worked, the gateway keeps to it, so that its identity does not change under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WayKind {
    Environment,
    Workload,
    AppService,
    Imds,
    Cli,
}

/// Gets tokens of one identity.
pub(super) struct Chain {
    settings: Arc<IdentitySettings>,
    client_id: Option<String>,
    environment: Environment,
    fetcher: Arc<Fetcher>,
    clock: Arc<dyn Clock>,
    chosen: Mutex<Option<WayKind>>,
}

/// How an attempt ended without a token.
enum Miss {
    /// This way does not exist here; another may.
    Unavailable(String),
    /// The endpoint was there and gave none. Another way would be another identity.
    Failed(String),
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chain").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}

/// A token of an identity for a resource.
#[derive(Debug)]
pub(super) struct ForResource {
    pub(super) chain: Arc<Chain>,
    pub(super) resource: Resource,
}

impl Acquire for ForResource {
    fn acquire(&self) -> BoxFuture<'_, Result<Acquired, IdentityError>> {
        Box::pin(self.chain.acquire(&self.resource))
    }
}

impl Chain {
    async fn acquire(&self, resource: &Resource) -> Result<Acquired, IdentityError> {
        let ways = self.ways().map_err(IdentityError::Unavailable)?;
        let chosen = *self.chosen.lock();
        let mut why_not = Vec::new();
        for way in ways {
            if chosen.is_some_and(|chosen| chosen != way.kind()) {
                continue;
            }
            match self.try_way(&way, resource, chosen.is_some()).await {
                Ok(token) => {
                    if chosen.is_none() {
                        tracing::info!(
                            way = way.describe(),
                            client_id = self.client_id,
                            "an identity was found"
                        );
                        *self.chosen.lock() = Some(way.kind());
                    }
                    return Ok(token);
                }
                Err(Miss::Failed(why)) => return Err(IdentityError::Failed(why)),
                Err(Miss::Unavailable(why)) => {
                    why_not.push(format!("{}: {why}", way.describe()));
                }
            }
        }
        if why_not.is_empty() {
            why_not.push("the environment that held it has changed".to_owned());
        }
        Err(IdentityError::Unavailable(why_not.join("; ")))
    }

    pub(super) fn new(
        settings: Arc<IdentitySettings>,
        client_id: Option<String>,
        environment: Environment,
        fetcher: Arc<Fetcher>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { settings, client_id, environment, fetcher, clock, chosen: Mutex::default() }
    }

    /// Ways to try, in order.
    fn ways(&self) -> Result<Vec<Way>, String> {
        let kind = self.kind()?;
        let named = self.client_id.as_deref();
        let environment = || self.environment_way();
        let workload = || self.workload_way(kind == IdentityKind::Workload);
        let ways: Vec<Way> = match kind {
            IdentityKind::Auto => {
                let managed = Some(self.managed_way());
                // The development login of a person is nobody's managed identity.
                let cli = (self.settings.allow_development && named.is_none()).then_some(Way::Cli);
                [environment(), workload(), managed, cli].into_iter().flatten().collect()
            }
            IdentityKind::Environment => environment().into_iter().collect(),
            IdentityKind::Workload => workload().into_iter().collect(),
            IdentityKind::Managed => vec![self.managed_way()],
            IdentityKind::Cli if !self.settings.allow_development => {
                return Err("Azure CLI is for development, which the configuration does not allow"
                    .to_owned());
            }
            IdentityKind::Cli if named.is_some() => {
                return Err("Azure CLI has no identity of that client id".to_owned());
            }
            IdentityKind::Cli => vec![Way::Cli],
        };
        if ways.is_empty() {
            return Err(match (kind, named) {
                (IdentityKind::Workload, _) => {
                    "AZURE_FEDERATED_TOKEN_FILE, AZURE_TENANT_ID and AZURE_CLIENT_ID are not all set".to_owned()
                }
                (_, Some(named)) => format!("the environment does not hold the identity `{named}`"),
                (_, None) => "AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET or \
                              AZURE_CLIENT_CERTIFICATE_PATH are not all set"
                    .to_owned(),
            });
        }
        Ok(ways)
    }

    /// The kind of the settings, narrowed by the variable that Azure's own libraries heed.
    fn kind(&self) -> Result<IdentityKind, String> {
        let named = self.environment.get("AZURE_TOKEN_CREDENTIALS");
        match (self.settings.kind, named.map(|named| named.to_ascii_lowercase()).as_deref()) {
            (IdentityKind::Auto, Some("environmentcredential")) => Ok(IdentityKind::Environment),
            (IdentityKind::Auto, Some("workloadidentitycredential")) => Ok(IdentityKind::Workload),
            (IdentityKind::Auto, Some("managedidentitycredential")) => Ok(IdentityKind::Managed),
            (IdentityKind::Auto, Some("azureclicredential" | "dev")) => Ok(IdentityKind::Cli),
            (IdentityKind::Auto, Some(other)) if other != "prod" => Err(format!(
                "AZURE_TOKEN_CREDENTIALS is `{}`, which is not known here",
                other.escape_default()
            )),
            (kind, _) => Ok(kind),
        }
    }

    /// INVARIANT: a named identity is got only where that very identity is; see `is_asked`.
    fn environment_way(&self) -> Option<Way> {
        let tenant = self.environment.get("AZURE_TENANT_ID")?;
        let client =
            self.environment.get("AZURE_CLIENT_ID").filter(|client| self.is_asked(client))?;
        if let Some(secret) = self.environment.get("AZURE_CLIENT_SECRET") {
            return Some(Way::ClientSecret { tenant, client, secret: Secret::new(secret) });
        }
        let path = self.environment.get("AZURE_CLIENT_CERTIFICATE_PATH")?.into();
        let sends_chain = self.environment.get("AZURE_CLIENT_SEND_CERTIFICATE_CHAIN");
        let sends_chain =
            sends_chain.is_some_and(|text| text == "1" || text.eq_ignore_ascii_case("true"));
        Some(Way::ClientCertificate { tenant, client, path, sends_chain })
    }

    /// A federated token can stand for any identity that trusts it, so the one that is asked for can be tried when the
    /// configuration says so; otherwise only the one the environment names.
    fn workload_way(&self, takes_any: bool) -> Option<Way> {
        let file = self.environment.get("AZURE_FEDERATED_TOKEN_FILE")?.into();
        let tenant = self.environment.get("AZURE_TENANT_ID")?;
        let client = match (&self.client_id, takes_any) {
            (Some(named), true) => named.clone(),
            _ => self.environment.get("AZURE_CLIENT_ID").filter(|client| self.is_asked(client))?,
        };
        Some(Way::Workload { tenant, client, file })
    }

    fn managed_way(&self) -> Way {
        // As in Azure's own libraries, the environment's client id names the user-assigned identity of a machine.
        let client = self.client_id.clone().or_else(|| self.environment.get("AZURE_CLIENT_ID"));
        match (self.environment.get("IDENTITY_ENDPOINT"), self.environment.get("IDENTITY_HEADER")) {
            (Some(endpoint), Some(secret)) => {
                Way::AppService { endpoint, secret: Secret::new(secret), client }
            }
            _ => Way::Imds { client },
        }
    }

    fn is_asked(&self, client: &str) -> bool {
        self.client_id.as_deref().is_none_or(|named| named.eq_ignore_ascii_case(client))
    }

    async fn try_way(
        &self,
        way: &Way,
        resource: &Resource,
        was_chosen: bool,
    ) -> Result<Acquired, Miss> {
        let endpoint = self.endpoint(way).map_err(Miss::Unavailable)?;
        if let Some(Endpoint::Imds(url)) = &endpoint
            && !was_chosen
        {
            let (host, port) =
                (url.host_str().unwrap_or(IMDS_HOST), url.port_or_known_default().unwrap_or(80));
            let host = host.trim_matches(['[', ']']);
            if !self.fetcher.is_reachable(host, port, PROBE).await {
                return Err(Miss::Unavailable(
                    "nothing answers at the metadata service's address".to_owned(),
                ));
            }
        }
        let last_failure = Arc::new(Mutex::new(None));
        let credential =
            self.credential(way, endpoint, &last_failure).await.map_err(Miss::Unavailable)?;
        // azure_identity's cache renews a token only when it has five minutes left, so each call gets a credential of its
        // own. It also retries beyond any patience; that is cut here, while what it last met can still be told.
        let patience = self.settings.timeout.saturating_sub(Duration::from_millis(200));
        let asked =
            tokio::time::timeout(patience, credential.get_token(&[resource.scope()], None)).await;
        match asked {
            Ok(Ok(token)) => Ok(Acquired {
                token: Secret::new(token.token.secret().to_owned()),
                expires_at: token.expires_on.unix_timestamp(),
                claims: serde_json::Map::default(),
            }),
            Ok(Err(error)) if *way == Way::Cli => {
                Err(Miss::Unavailable(way.scrub(&error.to_string())))
            }
            Ok(Err(error)) => Err(Miss::Failed(way.scrub(&error.to_string()))),
            Err(_) => {
                let last = last_failure.lock().take().unwrap_or_else(|| "no answer".to_owned());
                let last = way.scrub(&last);
                Err(Miss::Failed(format!(
                    "{}: given up after {} ms: {last}",
                    way.describe(),
                    patience.as_millis()
                )))
            }
        }
    }

    fn endpoint(&self, way: &Way) -> Result<Option<Endpoint>, String> {
        match way {
            Way::ClientSecret { .. } | Way::ClientCertificate { .. } | Way::Workload { .. } => {
                self.authority().map(Endpoint::Authority).map(Some)
            }
            Way::AppService { endpoint, secret, .. } => {
                let url = Url::parse(endpoint)
                    .map_err(|error| format!("IDENTITY_ENDPOINT cannot be read: {error}"))?;
                Ok(Some(Endpoint::AppService { url, secret: secret.clone() }))
            }
            Way::Imds { .. } => {
                let set = self.settings.imds_endpoint.clone();
                let set = set.or_else(|| self.environment.get("AZURE_POD_IDENTITY_AUTHORITY_HOST"));
                let url = set.unwrap_or_else(|| format!("http://{IMDS_HOST}"));
                let url = Url::parse(&url)
                    .map_err(|error| format!("the metadata endpoint cannot be read: {error}"))?;
                Ok(Some(Endpoint::Imds(url)))
            }
            Way::Cli => Ok(None),
        }
    }

    fn authority(&self) -> Result<Url, String> {
        let set = self
            .settings
            .authority
            .clone()
            .or_else(|| self.environment.get("AZURE_AUTHORITY_HOST"));
        let text = set.unwrap_or_else(|| PUBLIC_AUTHORITY.to_owned());
        // Azure's own documents give the host alone as well.
        let text = if text.contains("://") { text } else { format!("https://{text}") };
        let url =
            Url::parse(&text).map_err(|error| format!("the authority cannot be read: {error}"))?;
        let is_loopback = match url.host() {
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            None => false,
        };
        match url.scheme() {
            "https" => Ok(url),
            "http" if is_loopback => Ok(url),
            _ => Err("the authority is not an `https` URL".to_owned()),
        }
    }

    async fn credential(
        &self,
        way: &Way,
        endpoint: Option<Endpoint>,
        last_failure: &Arc<Mutex<Option<String>>>,
    ) -> Result<Arc<dyn TokenCredential>, String> {
        // Where the assertion says it is for, which an emulator without TLS checks as well.
        let audience = match &endpoint {
            Some(Endpoint::Authority(url)) => url.as_str().trim_end_matches('/').to_owned(),
            _ => String::new(),
        };
        let authority = if audience.starts_with("https") {
            audience.clone()
        } else {
            STAND_IN_AUTHORITY.to_owned()
        };
        let client_options = match endpoint {
            Some(endpoint) => self.client_options(endpoint, authority, last_failure),
            None => ClientOptions::default(),
        };
        let failed = |error: azure_core::Error| way.scrub(&error.to_string());
        Ok(match way {
            Way::ClientSecret { tenant, client, secret } => {
                let secret = AzureSecret::new(secret.expose().clone());
                let options = ClientSecretCredentialOptions { client_options };
                ClientSecretCredential::new(tenant, client.clone(), secret, Some(options))
                    .map_err(failed)?
            }
            Way::ClientCertificate { tenant, client, path, sends_chain } => {
                let audience = format!("{audience}/{tenant}/oauth2/v2.0/token");
                let assertion =
                    self.assertion(path.clone(), client.clone(), audience, *sends_chain).await?;
                let options = ClientAssertionCredentialOptions { client_options };
                ClientAssertionCredential::new(
                    tenant.clone(),
                    client.clone(),
                    assertion,
                    Some(options),
                )
                .map_err(failed)?
            }
            Way::Workload { tenant, client, file } => {
                let options = WorkloadIdentityCredentialOptions {
                    credential_options: ClientAssertionCredentialOptions { client_options },
                    client_id: Some(client.clone()),
                    tenant_id: Some(tenant.clone()),
                    token_file_path: Some(file.clone()),
                };
                // It reads the file at once; the file is small, and on a memory file system.
                WorkloadIdentityCredential::new(Some(options)).map_err(failed)?
            }
            Way::AppService { client, .. } | Way::Imds { client } => {
                let options = ManagedIdentityCredentialOptions {
                    user_assigned_id: client.clone().map(UserAssignedId::ClientId),
                    client_options,
                };
                ManagedIdentityCredential::new(Some(options)).map_err(failed)?
            }
            Way::Cli => AzureCliCredential::new(Some(AzureCliCredentialOptions::default()))
                .map_err(failed)?,
        })
    }

    fn client_options(
        &self,
        endpoint: Endpoint,
        authority: String,
        last_failure: &Arc<Mutex<Option<String>>>,
    ) -> ClientOptions {
        let fetcher = Arc::clone(&self.fetcher);
        let transport =
            Transport::new(fetcher, endpoint, self.settings.timeout, Arc::clone(last_failure));
        let mut cloud = CustomConfiguration::default();
        cloud.authority_host = authority;
        ClientOptions {
            transport: Some(AzureTransport::new(Arc::new(transport))),
            cloud: Some(Arc::new(cloud.into())),
            retry: RetryOptions::exponential(ExponentialRetryOptions {
                max_retries: 2,
                ..Default::default()
            }),
            ..ClientOptions::default()
        }
    }

    async fn assertion(
        &self,
        path: PathBuf,
        client: String,
        audience: String,
        sends_chain: bool,
    ) -> Result<CertificateAssertion, String> {
        let clock = Arc::clone(&self.clock);
        let make = move || {
            let shown = path.display().to_string();
            let pem = std::fs::read(path).map(Secret::new);
            let pem = pem.map_err(|error| format!("`{shown}` cannot be read: {error}"))?;
            let certificate = read_certificate(pem.expose(), None)
                .map_err(|error| format!("`{shown}`: {error}"))?;
            CertificateAssertion::new(&certificate, client, audience, sends_chain, clock)
        };
        tokio::task::spawn_blocking(make).await.map_err(|error| error.to_string())?
    }
}

impl Way {
    fn kind(&self) -> WayKind {
        match self {
            Self::ClientSecret { .. } | Self::ClientCertificate { .. } => WayKind::Environment,
            Self::Workload { .. } => WayKind::Workload,
            Self::AppService { .. } => WayKind::AppService,
            Self::Imds { .. } => WayKind::Imds,
            Self::Cli => WayKind::Cli,
        }
    }

    fn describe(&self) -> &'static str {
        match self {
            Self::ClientSecret { .. } => "client secret of the environment",
            Self::ClientCertificate { .. } => "client certificate of the environment",
            Self::Workload { .. } => "workload identity",
            Self::AppService { .. } => "managed identity of App Service",
            Self::Imds { .. } => "managed identity",
            Self::Cli => "Azure CLI",
        }
    }

    /// Text of an endpoint or of `azure_identity` on one line, bounded, without our secret should it be echoed, and without
    /// the pointer to Microsoft's page for programmers.
    fn scrub(&self, text: &str) -> String {
        let text = text.split("\nTo troubleshoot, visit").next().unwrap_or_default();
        let mut text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if let Self::ClientSecret { secret, .. } | Self::AppService { secret, .. } = self {
            text = text.replace(secret.expose().as_str(), "***");
        }
        let end = text.floor_char_boundary(MAX_MESSAGE);
        text.truncate(end);
        text
    }
}

#[cfg(test)]
mod tests;
