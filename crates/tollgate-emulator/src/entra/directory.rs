//! What a tenant's administrator has set up: tenants, applications, resources.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::server::ParsedCertificate;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::EmulatorError;
use crate::entra::token::TokenVersion;
use crate::ids::guid;

/// Resources of Microsoft that every tenant knows.
pub(crate) const MICROSOFT_RESOURCES: &[&str] = &[
    "https://cognitiveservices.azure.com",
    "https://ai.azure.com",
    "https://management.azure.com",
    "https://management.core.windows.net",
    "https://vault.azure.net",
    "https://storage.azure.com",
    "https://graph.microsoft.com",
    "https://servicebus.azure.net",
    "https://search.azure.com",
];

/// One tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    /// GUID.
    pub id: String,
    /// Domain names, which may stand for the GUID in every path.
    pub domains: Vec<String>,
}

impl Tenant {
    /// A tenant with one domain name.
    pub fn new(id: impl Into<String>, domain: impl Into<String>) -> Self {
        Self { id: id.into(), domains: vec![domain.into()] }
    }

    pub(crate) fn is_called(&self, name: &str) -> bool {
        self.id.eq_ignore_ascii_case(name)
            || self.domains.iter().any(|domain| domain.eq_ignore_ascii_case(name))
    }
}

/// A registered application: a client, an API, or both.
#[derive(Clone, Debug)]
#[must_use]
pub struct Application {
    pub(crate) client_id: String,
    pub(crate) object_id: String,
    /// GUID of the home tenant; `None` is the first one.
    pub(crate) tenant: Option<String>,
    pub(crate) uris: Vec<String>,
    pub(crate) version: TokenVersion,
    pub(crate) secrets: Vec<(String, SecretState)>,
    pub(crate) certificates: Vec<RegisteredCertificate>,
    pub(crate) federated: Vec<FederatedCredential>,
    /// Resource and role.
    pub(crate) roles: Vec<(String, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SecretState {
    Good,
    Expired,
}

#[derive(Clone, Debug)]
pub(crate) struct RegisteredCertificate {
    pub(crate) x5t: String,
    pub(crate) x5t_s256: String,
    pub(crate) spki: Vec<u8>,
}

#[derive(Clone, Debug)]
pub(crate) struct FederatedCredential {
    /// `None`: the emulated cluster's issuer.
    pub(crate) issuer: Option<String>,
    pub(crate) subject: String,
    pub(crate) audience: String,
}

impl Application {
    /// An application without credentials.
    pub fn new(client_id: impl Into<String>) -> Self {
        Self {
            client_id: client_id.into(),
            object_id: guid(),
            tenant: None,
            uris: Vec::new(),
            version: TokenVersion::V2,
            secrets: Vec::new(),
            certificates: Vec::new(),
            federated: Vec::new(),
            roles: Vec::new(),
        }
    }

    /// At home in this tenant instead of the first one.
    pub fn tenant(mut self, id: impl Into<String>) -> Self {
        self.tenant = Some(id.into());
        self
    }

    /// Its service principal's object id, which is `oid` and `sub` of its tokens.
    pub fn object_id(mut self, id: impl Into<String>) -> Self {
        self.object_id = id.into();
        self
    }

    /// With this client secret.
    pub fn secret(mut self, secret: impl Into<String>) -> Self {
        self.secrets.push((secret.into(), SecretState::Good));
        self
    }

    /// With a client secret that has expired.
    pub fn expired_secret(mut self, secret: impl Into<String>) -> Self {
        self.secrets.push((secret.into(), SecretState::Expired));
        self
    }

    /// With a certificate (PEM) whose key may sign client assertions.
    pub fn certificate(mut self, pem: &str) -> Result<Self, EmulatorError> {
        let der = CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|_| EmulatorError::Pem)?;
        let parsed = ParsedCertificate::try_from(&der).map_err(EmulatorError::Tls)?;
        let thumbprint = |algorithm| URL_SAFE_NO_PAD.encode(digest(algorithm, &der));
        self.certificates.push(RegisteredCertificate {
            x5t: thumbprint(&SHA1_FOR_LEGACY_USE_ONLY),
            x5t_s256: thumbprint(&SHA256),
            spki: parsed.subject_public_key_info().to_vec(),
        });
        Ok(self)
    }

    /// Trusts tokens that the emulated cluster gives to this service account (`system:serviceaccount:<namespace>:<name>`).
    pub fn workload(mut self, subject: impl Into<String>) -> Self {
        let audience = "api://AzureADTokenExchange".to_owned();
        self.federated.push(FederatedCredential {
            issuer: None,
            subject: subject.into(),
            audience,
        });
        self
    }

    /// An API with this application id URI.
    pub fn uri(mut self, uri: impl Into<String>) -> Self {
        self.uris.push(uri.into());
        self
    }

    /// An API that takes tokens of this version (`accessTokenAcceptedVersion`).
    pub fn accepts(mut self, version: TokenVersion) -> Self {
        self.version = version;
        self
    }

    /// Was granted an app role of the API with this client id or URI.
    pub fn granted(mut self, resource: impl Into<String>, role: impl Into<String>) -> Self {
        self.roles.push((resource.into(), role.into()));
        self
    }

    /// Client id.
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// Whether `resource` names this application as an API.
    pub(crate) fn is_resource(&self, resource: &str) -> bool {
        let bare = bare(resource);
        self.client_id == bare
            || bare.strip_prefix("api://") == Some(&self.client_id)
            || self.uris.iter().any(|uri| uri.trim_end_matches('/') == bare)
    }
}

/// What a token can be asked for.
#[derive(Clone, Debug)]
pub(crate) enum Resource {
    /// One of Microsoft's, or one named in the options: version 1.0 tokens, audience as asked.
    External { audience: String },
    /// A registered application.
    Api { application: Application, asked: String },
}

/// `resource` without `/.default` and slashes at the end: what it is looked up by.
pub(crate) fn bare(resource: &str) -> &str {
    without_default(resource).trim_end_matches('/')
}

/// `resource` without `/.default`, which a scope has and a resource has not; a slash before it stays, as Entra keeps it.
pub(crate) fn without_default(resource: &str) -> &str {
    resource.strip_suffix("/.default").unwrap_or(resource)
}
