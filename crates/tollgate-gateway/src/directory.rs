//! From a policy directory to a [`Snapshot`].

mod files;
mod names;
mod routes;

use std::borrow::Cow;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use tollgate_diagnostics::{Code, Diagnostic, FileId, Sources, has_errors};
use tollgate_engine::read::{self, NoNamedValues, ReadOptions, UnknownNames};
use tollgate_engine::{
    CompileEnv, DocumentInfo, Fragments, PolicyDef, Ports, Scope, Secret, Section, TokenLimits,
    compile_document, compile_fragment,
};

use crate::adapters::{address_guard, call_settings, check_egress};
use crate::breaker::Breakers;
use crate::calls::CallPool;
use crate::config::{self, Config, Environment, NamedValueText, SecretReference};
use crate::fetch::OwnListeners;
use crate::products::ProductRoute;
use crate::router::Router;
use crate::snapshot::{Snapshot, SnapshotNames};
use crate::subscriptions::Subscriptions;
use crate::telemetry::Redactor;

use files::{Files, Missing};
use names::{names, schemas};
use routes::Loader;

/// Name of the configuration file.
pub const CONFIG_FILE: &str = "tollgate.toml";

/// Policies that exist.
#[derive(Debug, Clone, Copy)]
pub struct Registry {
    /// Those that run.
    pub policies: &'static [PolicyDef],
    /// Those that only Azure has, each with what to use instead.
    pub unsupported: &'static [(&'static str, &'static str)],
    /// What a directory without `global.xml` has at global scope.
    pub default_global: &'static str,
}

/// What loading needs from outside.
pub struct LoadCx<'a> {
    /// Policies that exist.
    pub registry: Registry,
    /// The environment.
    pub env: &'a dyn Environment,
    /// The ports for a configuration.
    pub ports: &'a dyn Fn(&Config) -> Ports,
    /// The secrets of Key Vault.
    pub vault: &'a dyn VaultSecrets,
    /// What calls backends for policies; nothing when the load is only checked.
    pub calls: Option<&'a Arc<CallPool>>,
    /// The circuit breakers that are in use.
    pub breakers: &'a Breakers,
    /// Where the gateway listens, which no policy may call.
    pub own_listeners: &'a OwnListeners,
}

/// Secrets of Key Vault as they are at hand: a load opens no connection.
pub trait VaultSecrets: Send + Sync {
    /// The secret of a named value.
    fn secret(&self, reference: &SecretReference) -> VaultSecret;
}

/// What is known of a secret.
#[derive(Debug, Clone)]
pub enum VaultSecret {
    /// Its text.
    Known(Secret<String>),
    /// Nothing, because nobody is to ask: what is written with it is not judged.
    Unasked,
    /// Nothing, and why.
    Failed(String),
}

/// Asks no vault: for a load that is only checked.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoVault;

impl VaultSecrets for NoVault {
    fn secret(&self, _: &SecretReference) -> VaultSecret {
        VaultSecret::Unasked
    }
}

impl fmt::Debug for LoadCx<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoadCx").finish_non_exhaustive()
    }
}

/// What loading gave.
#[derive(Debug)]
pub struct Loaded {
    /// The snapshot; none when there is an error among the findings.
    pub snapshot: Option<Snapshot>,
    /// The configuration, as far as it could be read.
    pub config: Option<Config>,
    /// All findings.
    pub diagnostics: Vec<Diagnostic>,
    /// The files the findings are about.
    pub sources: Sources,
}

/// Puts the secrets of Key Vault into the configuration. Those that nobody is to ask for stay unknown.
fn take_vault_secrets(
    config: &mut Config,
    vault: &dyn VaultSecrets,
    diagnostics: &mut Vec<Diagnostic>,
) {
    for (name, value) in &mut config.named_values {
        let NamedValueText::Vault(reference, span) = &value.text else { continue };
        match vault.secret(reference) {
            VaultSecret::Known(text) => {
                if value.secret && text.expose().len() >= config::SHORTEST_SECRET {
                    config.secrets.push(text.clone());
                }
                value.text = NamedValueText::Known(text);
            }
            VaultSecret::Unasked => {}
            VaultSecret::Failed(why) => {
                let message = format!("named value `{name}` cannot be read from Key Vault: {why}");
                diagnostics.push(
                    Diagnostic::new(Code::NAMED_VALUE_VALUE, message, *span).label("no value"),
                );
            }
        }
    }
}

/// Loads a directory. Opens no connection; reports everything it finds.
pub fn load(root: &Path, cx: &LoadCx<'_>) -> Loaded {
    let mut files = Files { root, sources: Sources::default(), diagnostics: Vec::new() };
    let Some((file, text)) = files.read(Path::new(CONFIG_FILE), Missing::IsError) else {
        return Loaded {
            snapshot: None,
            config: None,
            diagnostics: files.diagnostics,
            sources: files.sources,
        };
    };
    let mut config = config::read(file, &text, root, cx.env, &mut files.diagnostics);
    take_vault_secrets(&mut config, cx.vault, &mut files.diagnostics);
    for span in &config.secret_spans {
        files.sources.mask(*span);
    }
    check_egress(&config, &mut files.diagnostics);
    let ports = (cx.ports)(&config);
    let mut names = names(&config, &ports, cx.breakers, &mut files.diagnostics);
    names.calls = cx.calls.map(|calls| calls.with(call_settings(&config)));
    names.schemas = schemas(&mut files, &config);
    let names = Arc::new(names);
    let (router, products) = routes(&mut files, &config, &names, &ports, cx.registry);
    let subscriptions = subscriptions(&config, &products, &mut files.diagnostics);
    let listen_certificates = config
        .listen_certificates
        .iter()
        .filter_map(|name| names.certificates.get(name).cloned())
        .collect();
    mask_secrets(&mut files.diagnostics, &names.redactor);
    names.sources.get_or_init(|| files.sources.clone());
    let snapshot = Snapshot {
        limits: config.limits.clone(),
        timeouts: config.timeouts.clone(),
        expression_limits: config.expression_limits,
        deployment: Arc::new(config.deployment.clone()),
        names,
        ports,
        addresses: address_guard(&config, cx.own_listeners),
        listen_certificates,
        router,
        subscriptions,
    };
    let mut diagnostics = files.diagnostics;
    sort(&mut diagnostics);
    let snapshot = (!has_errors(&diagnostics)).then_some(snapshot);
    Loaded { snapshot, config: Some(config), diagnostics, sources: files.sources }
}

/// What the documents of a directory make of a configuration.
fn routes(
    files: &mut Files<'_>,
    config: &Config,
    names: &SnapshotNames,
    ports: &Ports,
    registry: Registry,
) -> (Router, Vec<Arc<ProductRoute>>) {
    let fragments = files.fragments(config);
    let env = CompileEnv {
        policies: registry.policies,
        unsupported: registry.unsupported,
        names,
        ports,
        fragments,
        standalone: false,
        token_limits: config.token_limits,
    };
    let mut loader = Loader::new(files, config, &env);
    let routes = loader.routes(registry.default_global);
    loader.unused_fragments();
    loader.unused_files();
    loader.cut_off();
    routes
}

/// The subscriptions of a configuration; a key that is there twice is reported.
fn subscriptions(
    config: &Config,
    products: &[Arc<ProductRoute>],
    diagnostics: &mut Vec<Diagnostic>,
) -> Subscriptions {
    let (subscriptions, repeated) =
        Subscriptions::new(&config.subscriptions, products, &config.users);
    for place in repeated {
        let message = "two subscriptions have the same key, or one has it twice";
        let found = Diagnostic::new(Code::CONFIG_CONFLICT, message, place);
        diagnostics.push(found.label("a key of this one is another key already"));
    }
    subscriptions
}

/// Checks one document alone: names that only a directory defines are warnings.
pub fn check_document(path: &Path, cx: &LoadCx<'_>) -> Loaded {
    let mut files =
        Files { root: Path::new(""), sources: Sources::default(), diagnostics: Vec::new() };
    if let Some((file, text)) = files.read(path, Missing::IsError) {
        let mut unused = Vec::new();
        let no_config = config::read(file, "", Path::new(""), cx.env, &mut unused);
        let ports = (cx.ports)(&no_config);
        check_text(file, &text, cx, &ports, &mut files.diagnostics);
    }
    let mut diagnostics = files.diagnostics;
    sort(&mut diagnostics);
    Loaded { snapshot: None, config: None, diagnostics, sources: files.sources }
}

fn check_text(
    file: FileId,
    text: &str,
    cx: &LoadCx<'_>,
    ports: &Ports,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let options =
        ReadOptions { unknown_names: UnknownNames::Tolerate, ..ReadOptions::new(&NoNamedValues) };
    let (document, found) = read::read(file, text, &options);
    diagnostics.extend(found);
    let Some(document) = document else { return };
    let names = SnapshotNames::default();
    let env = CompileEnv {
        policies: cx.registry.policies,
        unsupported: cx.registry.unsupported,
        names: &names,
        ports,
        fragments: Fragments::default(),
        standalone: true,
        token_limits: TokenLimits::default(),
    };
    if document.root.name == "policies" {
        // The narrowest scope allows most; which one the document is meant for is not known.
        let info = DocumentInfo { scope: Scope::Operation, template_parameters: None };
        compile_document(&document.root, info, &env, diagnostics);
    } else if document.root.name == "fragment" || document.is_snippet() {
        check_fragment(&document.root, &env, diagnostics);
    } else {
        let info = DocumentInfo { scope: Scope::Operation, template_parameters: None };
        compile_document(&document.root, info, &env, diagnostics);
    }
}

/// A fragment alone could be meant for any section: the one with the fewest findings counts.
fn check_fragment(root: &read::Element, env: &CompileEnv<'_>, diagnostics: &mut Vec<Diagnostic>) {
    let attempts = Section::ALL.map(|section| {
        let mut found = Vec::new();
        compile_fragment(root, section, Scope::Operation, env, &mut found);
        found
    });
    let fewest = attempts
        .into_iter()
        .min_by_key(|found| found.iter().filter(|found| found.is_error()).count());
    diagnostics.extend(fewest.into_iter().flatten());
}

fn sort(diagnostics: &mut Vec<Diagnostic>) {
    diagnostics.sort_by_key(|found| (found.primary.span, found.code));
    // A fragment is compiled for each section it is included in and says the same each time.
    diagnostics.dedup_by(|a, b| {
        a.code == b.code && a.primary.span == b.primary.span && a.message == b.message
    });
}

/// Masks the secrets that findings quote: a named value stands in the text when its document is read.
fn mask_secrets(diagnostics: &mut [Diagnostic], redactor: &Redactor) {
    for found in diagnostics {
        let labels = found.secondary.iter_mut().map(|label| &mut label.text);
        let texts = [&mut found.message, &mut found.primary.text].into_iter();
        for text in texts.chain(labels).chain(&mut found.help) {
            if let Cow::Owned(masked) = redactor.redact(text) {
                *text = masked;
            }
        }
    }
}
