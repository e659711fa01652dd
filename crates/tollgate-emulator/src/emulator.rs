//! Starting and stopping the emulated servers together.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::content_safety::ContentSafety;
use crate::control::{Control, Emulated};
use crate::echo::Echo;
use crate::entra::{Application, Entra, Issuers, Setup, Tenant};
use crate::identity::{AppService, Imds, ManagedIdentity};
use crate::key_vault::KeyVault;
use crate::openai::{Deployment, OpenAi};
use crate::server::Listeners;
use crate::tls;

/// The first tenant of [`Options::default`].
pub const CONTOSO: &str = "3f0c2b1e-6a55-4c0f-9d3e-8a7b6c5d4e3f";
/// The second tenant of [`Options::default`].
pub const FABRIKAM: &str = "b7d1a0c4-22ef-4e6b-a1b9-0c9d8e7f6a5b";

/// Why the emulator could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum EmulatorError {
    /// No listener on loopback.
    #[error("cannot listen on 127.0.0.1: {0}")]
    Bind(std::io::Error),
    /// A key could not be made or used.
    #[error("a key could not be made or used")]
    Key,
    /// A certificate could not be made.
    #[error("a certificate could not be made: {0}")]
    Certificate(#[from] rcgen::Error),
    /// A PEM text has no certificate.
    #[error("the PEM text has no certificate")]
    Pem,
    /// TLS does not accept what it was given.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
}

/// What to emulate.
#[derive(Clone, Debug)]
pub struct Options {
    /// Tenants; managed identities and Azure OpenAI belong to the first one.
    pub tenants: Vec<Tenant>,
    /// Registered applications.
    pub applications: Vec<Application>,
    /// Resource URIs that tokens can be asked for, beside Microsoft's and the applications'.
    pub resources: Vec<String>,
    /// Issuer strings.
    pub issuers: Issuers,
    /// What `{base}` stands for in them; `None` is the issuer's plain address.
    pub issuer_base: Option<String>,
    /// Identities assigned to the emulated machine.
    pub identities: Vec<ManagedIdentity>,
    /// Deployed models.
    pub deployments: Vec<Deployment>,
    /// What `x-ms-region` says.
    pub region: String,
    /// Whether there are https listeners too.
    pub tls: Tls,
}

/// Whether there are https listeners beside the plain ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Tls {
    /// No.
    #[default]
    Off,
    /// Yes, with a certificate for loopback and these names.
    On(Vec<String>),
}

impl Default for Options {
    /// Two tenants, the machine's own identity, two chat deployments and one for embeddings, no TLS, no applications.
    fn default() -> Self {
        Self {
            tenants: vec![
                Tenant::new(CONTOSO, "contoso.onmicrosoft.com"),
                Tenant::new(FABRIKAM, "fabrikam.onmicrosoft.com"),
            ],
            applications: Vec::new(),
            resources: Vec::new(),
            issuers: Issuers::default(),
            issuer_base: None,
            identities: vec![ManagedIdentity::system()],
            deployments: vec![
                Deployment::chat("gpt-4o", "gpt-4o-2024-11-20"),
                Deployment::chat("gpt-4o-mini", "gpt-4o-mini-2024-07-18"),
                Deployment::embeddings("text-embedding-3-small", "text-embedding-3-small"),
            ],
            region: "Sweden Central".to_owned(),
            tls: Tls::Off,
        }
    }
}

/// What stands in for Azure.
#[derive(Clone, Copy, Debug)]
pub struct Emulator;

impl Emulator {
    /// Starts every server on a free port of 127.0.0.1, on the caller's runtime.
    pub async fn start(options: Options) -> Result<Running, EmulatorError> {
        let tls = match &options.tls {
            Tls::Off => None,
            Tls::On(names) => Some(tls::make(names)?),
        };
        let bind = || Listeners::bind(tls.as_ref().map(|tls| &tls.acceptor));
        let (entra_at, imds_at, app_service_at) = (bind().await?, bind().await?, bind().await?);
        let (openai_at, vault_at, echo_at) = (bind().await?, bind().await?, bind().await?);
        let (safety_at, control_at) = (bind().await?, bind().await?);
        let setup = Setup {
            tenants: options.tenants,
            applications: options.applications,
            resources: options.resources,
            issuers: options.issuers,
            issuer_base: options.issuer_base,
        };
        let entra = Entra::new(entra_at.server().clone(), setup).await?;
        let imds = Imds::new(imds_at.server().clone(), entra.clone(), options.identities.clone());
        let app_service =
            AppService::new(app_service_at.server().clone(), entra.clone(), options.identities);
        let openai = OpenAi::new(
            openai_at.server().clone(),
            entra.clone(),
            options.deployments,
            options.region,
        );
        let key_vault = KeyVault::new(vault_at.server().clone(), entra.clone());
        let content_safety = ContentSafety::new(safety_at.server().clone(), entra.clone());
        let echo = Echo::new(echo_at.server().clone());

        let emulated = Emulated {
            entra: entra.clone(),
            imds: imds.clone(),
            app_service: app_service.clone(),
            openai: openai.clone(),
            content_safety: content_safety.clone(),
            key_vault: key_vault.clone(),
            echo: echo.clone(),
        };
        let control = Control::new(control_at.server().clone(), emulated);

        let stop = watch::Sender::new(false);
        let watching = stop.subscribe();
        let mut tasks = entra_at.serve(&Arc::new(entra.clone()), &watching);
        tasks.extend(imds_at.serve(&Arc::new(imds.clone()), &watching));
        tasks.extend(app_service_at.serve(&Arc::new(app_service.clone()), &watching));
        tasks.extend(openai_at.serve(&Arc::new(openai.clone()), &watching));
        tasks.extend(vault_at.serve(&Arc::new(key_vault.clone()), &watching));
        tasks.extend(safety_at.serve(&Arc::new(content_safety.clone()), &watching));
        tasks.extend(echo_at.serve(&Arc::new(echo.clone()), &watching));
        tasks.extend(control_at.serve(&Arc::new(control.clone()), &watching));
        let ca_pem = tls.map(|tls| tls.ca_pem);
        Ok(Running {
            entra,
            imds,
            app_service,
            openai,
            content_safety,
            key_vault,
            echo,
            control,
            ca_pem,
            stop,
            tasks,
        })
    }
}

/// The running servers; they stop when this is dropped, giving open calls a second to end.
#[derive(Debug)]
pub struct Running {
    /// The OpenID issuer.
    pub entra: Entra,
    /// Managed identity of a virtual machine.
    pub imds: Imds,
    /// Managed identity of App Service.
    pub app_service: AppService,
    /// Azure OpenAI.
    pub openai: OpenAi,
    /// Azure AI Content Safety.
    pub content_safety: ContentSafety,
    /// Key Vault, of the first tenant.
    pub key_vault: KeyVault,
    /// A plain backend.
    pub echo: Echo,
    /// Tells all of them what to do, also from other processes.
    pub control: Control,
    ca_pem: Option<String>,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Running {
    /// The certificate (PEM) of the authority that the https listeners' certificate is from, when there is TLS.
    pub fn ca_pem(&self) -> Option<&str> {
        self.ca_pem.as_deref()
    }

    /// Stops and waits until every connection has ended, which takes at most about a second.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        for task in std::mem::take(&mut self.tasks) {
            // A task fails only if its runtime is shutting down, which stops it too.
            task.await.ok();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}
