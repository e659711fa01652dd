//! From a policy directory to a [`Snapshot`].

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use http::Method;
use tollgate_diagnostics::{Code, Diagnostic, FileId, Sources, Span, has_errors};
use tollgate_engine::contract::Contract;
use tollgate_engine::json_schema::SchemaDocument;
use tollgate_engine::ports::NoEvents;
use tollgate_engine::read::{
    self, NamedValue, NamedValues, NoNamedValues, ReadOptions, UnknownNames,
};
use tollgate_engine::{
    Api, Chain, CompileEnv, CompiledDocument, DocumentInfo, Fragments, Operation, PolicyDef, Ports,
    Scope, Secret, Section, Target, Workspace, compile_document, compile_fragment,
};

use crate::adapters::{address_guard, backend_roots, check_egress};
use crate::backend::{Backend, Credentials, TlsOptions};
use crate::certificates;
use crate::config::{
    self, ApiConfig, BackendConfig, Config, Environment, NamedValueConfig, NamedValueText,
    OperationConfig, SecretReference, VersionScheme,
};
use crate::openapi;
use crate::products::ProductRoute;
use crate::router::{ApiRoute, OperationRoute, Router, VersionIn};
use crate::snapshot::{Snapshot, SnapshotNames};
use crate::subscriptions::Subscriptions;
use crate::telemetry::Redactor;
use crate::template::Template;

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

/// The named values of a configuration, as documents refer to them.
struct Values<'a>(&'a BTreeMap<String, NamedValueConfig>);

impl NamedValues for Values<'_> {
    fn lookup(&self, name: &str) -> Option<NamedValue<'_>> {
        let value = self.0.get(name)?;
        match &value.text {
            NamedValueText::Known(text) => {
                Some(NamedValue { text: text.expose(), secret: value.secret })
            }
            NamedValueText::Vault(..) => None,
        }
    }

    fn is_withheld(&self, name: &str) -> bool {
        matches!(self.0.get(name), Some(value) if matches!(value.text, NamedValueText::Vault(..)))
    }

    fn names(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }
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
    check_egress(&config, file, &mut files.diagnostics);
    let ports = (cx.ports)(&config);
    let mut names = names(&config, &ports, file, &mut files.diagnostics);
    names.schemas = files.schemas(&config);
    let names = Arc::new(names);
    let (router, products) = {
        let fragments = files.fragments(&config);
        let env = CompileEnv {
            policies: cx.registry.policies,
            unsupported: cx.registry.unsupported,
            names: &*names,
            ports: &ports,
            fragments,
            standalone: false,
        };
        let mut loader =
            Loader { files: &mut files, config: &config, env: &env, cut_off: Vec::new() };
        let routes = loader.routes(cx.registry.default_global);
        loader.unused_fragments();
        loader.unused_files();
        loader.cut_off();
        routes
    };
    let (subscriptions, repeated) =
        Subscriptions::new(&config.subscriptions, &products, &config.users);
    for place in repeated {
        let message = "two subscriptions have the same key, or one has it twice";
        let found = Diagnostic::new(Code::CONFIG_CONFLICT, message, place);
        files.diagnostics.push(found.label("a key of this one is another key already"));
    }
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
        addresses: address_guard(&config),
        listen_certificates,
        router,
        subscriptions,
    };
    let mut diagnostics = files.diagnostics;
    sort(&mut diagnostics);
    let snapshot = (!has_errors(&diagnostics)).then_some(snapshot);
    Loaded { snapshot, config: Some(config), diagnostics, sources: files.sources }
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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Missing {
    IsError,
    IsFine,
}

/// The files of the directory.
struct Files<'a> {
    root: &'a Path,
    sources: Sources,
    diagnostics: Vec<Diagnostic>,
}

/// A document larger than this is not read at all; the reader's own limit is about text after substitution.
const LARGEST_FILE: u64 = 4 << 20;

/// Azure's limit.
const LARGEST_FRAGMENT: u64 = 512 << 10;

impl Files<'_> {
    /// Reads a file relative to the root; its name is what the author would write.
    fn read(&mut self, path: &Path, missing: Missing) -> Option<(FileId, String)> {
        let full = self.root.join(path);
        let shown = path.to_string_lossy().replace('\\', "/");
        let too_large = std::fs::metadata(&full).is_ok_and(|meta| meta.len() > LARGEST_FILE);
        let failed = match std::fs::read(&full) {
            _ if too_large => {
                (Code::TOO_LARGE, format!("`{shown}` is larger than {LARGEST_FILE} bytes"))
            }
            Ok(bytes) => match String::from_utf8(bytes) {
                Ok(text) => {
                    let file = self.sources.add(shown, text.clone());
                    return Some((file, text));
                }
                Err(_) => (Code::NOT_UTF8, format!("`{shown}` is not UTF-8 text")),
            },
            Err(error)
                if error.kind() == std::io::ErrorKind::NotFound && missing == Missing::IsFine =>
            {
                return None;
            }
            Err(error) => (Code::IO, format!("`{shown}` cannot be read: {}", error.kind())),
        };
        let file = self.sources.add(shown, "");
        self.diagnostics.push(Diagnostic::new(failed.0, failed.1, file.span(0..0)));
        None
    }

    fn document(&mut self, path: &Path, config: &Config) -> Option<read::Document> {
        let (file, text) = self.read(path, Missing::IsFine)?;
        let (document, found) =
            read::read(file, &text, &ReadOptions::new(&Values(&config.named_values)));
        self.diagnostics.extend(found);
        document
    }

    /// Names in a folder that end with `.xml`, sorted; the folder may be missing.
    fn xml_files(&self, folder: &Path) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.root.join(folder)).into_iter().flatten().flatten();
        let mut files: Vec<PathBuf> = entries
            .map(|entry| folder.join(entry.file_name()))
            .filter(|path| path.extension().is_some_and(|extension| extension == "xml"))
            .collect();
        files.sort();
        files
    }

    /// Names of what is in a folder, sorted; the folder may be missing.
    fn folders(&self, folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(self.root.join(folder)).into_iter().flatten().flatten();
        let mut names: Vec<String> =
            entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// The schemas of `[schemas]`.
    fn schemas(&mut self, config: &Config) -> HashMap<String, Arc<SchemaDocument>> {
        let mut schemas = HashMap::new();
        for schema in &config.schemas {
            let Some((_, text)) = self.read(Path::new(&schema.file), Missing::IsError) else {
                continue;
            };
            match openapi::read_schemas(&text) {
                Ok(document) => {
                    schemas.insert(schema.id.clone(), document);
                }
                Err(why) => {
                    let message = format!("schema `{}` cannot be used: {why}", schema.id);
                    self.diagnostics.push(
                        Diagnostic::new(Code::CONFIG_VALUE, message, schema.span)
                            .label("not usable"),
                    );
                }
            }
        }
        schemas
    }

    fn fragments(&mut self, config: &Config) -> Fragments {
        let mut documents = HashMap::new();
        for path in self.xml_files(Path::new("fragments")) {
            let id = path
                .file_stem()
                .map(|stem| stem.to_string_lossy().into_owned())
                .unwrap_or_default();
            let too_large = |meta: std::fs::Metadata| meta.len() > LARGEST_FRAGMENT;
            let too_large = std::fs::metadata(self.root.join(&path)).is_ok_and(too_large);
            if let Some(document) = self.document(&path, config) {
                if too_large {
                    let message = format!("a fragment may have {LARGEST_FRAGMENT} bytes");
                    let place = document.root.name_span;
                    let found = Diagnostic::new(Code::TOO_LARGE, message, place);
                    self.diagnostics.push(found.label("this one is larger"));
                }
                documents.insert(id, document.root);
            }
        }
        Fragments::new(documents)
    }
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

fn names(
    config: &Config,
    ports: &Ports,
    file: FileId,
    diagnostics: &mut Vec<Diagnostic>,
) -> SnapshotNames {
    let mut names = SnapshotNames {
        redactor: Redactor::new(config.secrets.iter().map(|secret| secret.expose().as_str())),
        ..SnapshotNames::default()
    };
    for certificate in &config.certificates {
        match certificates::read_certificate(certificate.pem.expose().as_bytes(), None) {
            Ok(parsed) => {
                names.certificates.insert(certificate.name.clone(), Arc::new(parsed));
            }
            Err(why) => {
                let message = format!("certificate `{}` cannot be used: {why}", certificate.name);
                diagnostics.push(
                    Diagnostic::new(Code::CONFIG_VALUE, message, certificate.span)
                        .label("not usable"),
                );
            }
        }
    }
    for logger in &config.loggers {
        // A load that is only checked has none.
        let known = ports.events.logger(&logger.name).unwrap_or_else(|| Arc::new(NoEvents));
        names.loggers.insert(logger.name.clone(), known);
    }
    names.authorities = authorities(config, file, diagnostics);
    names.revocation_lists = revocation_lists(config, diagnostics);
    let default_roots = backend_roots(config);
    for backend_config in &config.backends {
        if let Some(backend) =
            backend(backend_config, &names, ports, default_roots.as_ref(), diagnostics)
        {
            names.backends.insert(Arc::clone(&backend.id), Arc::new(backend));
        }
    }
    names
}

/// The certificate authorities of `[ca-certificates]`: roots and what leads to them.
fn authorities(
    config: &Config,
    file: FileId,
    diagnostics: &mut Vec<Diagnostic>,
) -> (Vec<bytes::Bytes>, Vec<bytes::Bytes>) {
    let mut read = |path: &Option<PathBuf>, what: &str| {
        let Some(path) = path else { return Vec::new() };
        let pem = std::fs::read(path).map_err(|error| error.kind().to_string());
        let bundle =
            |pem: Vec<u8>| certificates::read_bundle(&pem).map_err(|error| error.to_string());
        pem.and_then(bundle).unwrap_or_else(|why| {
            let message = format!("the {what} of `ca-certificates` cannot be used: {why}");
            diagnostics.push(Diagnostic::new(Code::CONFIG_VALUE, message, file.span(0..0)));
            Vec::new()
        })
    };
    let roots = read(&config.authorities.roots, "roots");
    (roots, read(&config.authorities.intermediates, "intermediates"))
}

/// The lists of `ca-certificates.revocation-lists`.
fn revocation_lists(config: &Config, diagnostics: &mut Vec<Diagnostic>) -> Vec<bytes::Bytes> {
    let mut all = Vec::new();
    for (path, span) in &config.authorities.revocation_lists {
        let bytes = std::fs::read(path).map_err(|error| error.kind().to_string());
        match bytes.and_then(|bytes| certificates::read_revocation_lists(&bytes)) {
            Ok(lists) => all.extend(lists),
            Err(why) => {
                let message = format!("a list of `revocation-lists` cannot be used: {why}");
                diagnostics
                    .push(Diagnostic::new(Code::CONFIG_VALUE, message, *span).label("not usable"));
            }
        }
    }
    all
}

fn backend(
    config: &BackendConfig,
    names: &SnapshotNames,
    ports: &Ports,
    default_roots: Option<&Arc<Vec<bytes::Bytes>>>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Backend> {
    let mut report = |message: String| {
        diagnostics.push(
            Diagnostic::new(Code::CONFIG_VALUE, message, config.span).label("of this backend"),
        );
    };
    let managed_identity = match &config.managed_identity {
        None => None,
        Some((resource, client_id)) => {
            match ports.identities.source(client_id.as_deref(), resource) {
                Ok(source) => Some(source),
                Err(error) => {
                    report(format!(
                        "the managed identity of backend `{}` cannot be used: {error}",
                        config.id
                    ));
                    return None;
                }
            }
        }
    };
    let roots = match &config.ca_file {
        None => default_roots.cloned(),
        Some(file) => match std::fs::read(file)
            .map_err(|error| error.kind().to_string())
            .and_then(|pem| certificates::read_bundle(&pem).map_err(|error| error.to_string()))
        {
            Ok(roots) => Some(Arc::new(roots)),
            Err(why) => {
                report(format!("the roots of backend `{}` cannot be used: {why}", config.id));
                return None;
            }
        },
    };
    Some(Backend {
        id: config.id.as_str().into(),
        url: config.url.clone(),
        credentials: Credentials {
            headers: config.headers.clone(),
            query: config.query.clone(),
            authorization: config.authorization.clone(),
            managed_identity,
            certificate: config
                .certificate
                .as_ref()
                .and_then(|name| names.certificates.get(name).cloned()),
        },
        tls: TlsOptions {
            verify_chain: config.verify_chain,
            verify_name: config.verify_name,
            roots,
            server_name: config.server_name.clone(),
        },
        http_version: config.http_version,
        connect_timeout: config.connect_timeout,
        first_byte_timeout: config.first_byte_timeout,
    })
}

/// What an OpenAPI document says of an operation.
struct Described {
    contract: Arc<Contract>,
    file: FileId,
}

struct Loader<'a, 'f> {
    files: &'a mut Files<'f>,
    config: &'a Config,
    env: &'a CompileEnv<'a>,
    /// What is to be said of documents that forward nothing.
    cut_off: Vec<Diagnostic>,
}

/// Whether requests are meant to reach a backend: an API that names none may answer everything itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Forwarding {
    Meant,
    Open,
}

/// A workspace and its document.
struct WorkspaceRoute {
    workspace: Arc<Workspace>,
    document: Option<Arc<CompiledDocument>>,
}

impl<'a> Loader<'a, '_> {
    fn routes(&mut self, default_global: &str) -> (Router, Vec<Arc<ProductRoute>>) {
        let config = self.config;
        let global = self.global(default_global);
        let workspaces = self.workspaces();
        let mut apis: Vec<ApiRoute> = Vec::with_capacity(config.apis.len());
        for api in &config.apis {
            let workspace = api.workspace.as_ref().and_then(|id| workspaces.get(id.as_str()));
            apis.push(self.api(api, workspace, &global));
        }
        let by_id: HashMap<&str, Arc<Api>> =
            config.apis.iter().zip(&apis).map(|(it, route)| (&*it.id, route.api.clone())).collect();
        let products: Vec<Arc<ProductRoute>> = config
            .products
            .iter()
            .map(|product| {
                let file = Path::new("products").join(format!("{}.xml", product.id));
                let info = DocumentInfo { scope: Scope::Product, template_parameters: None };
                Arc::new(ProductRoute::new(
                    product,
                    &by_id,
                    self.compile(&file, info, Forwarding::Meant),
                ))
            })
            .collect();
        for product in products.iter().filter(|product| product.is_open()) {
            let inside = apis.iter_mut().filter(|route| product.contains(&route.api.id));
            inside.for_each(|route| route.open_product = Some(Arc::clone(product)));
        }
        (Router::new(apis, Chain::new([global]), config.encoded_slashes), products)
    }

    /// Workspaces by identifier, each with its document.
    fn workspaces(&mut self) -> HashMap<&'a str, WorkspaceRoute> {
        let config = self.config;
        let info = DocumentInfo { scope: Scope::Workspace, template_parameters: None };
        let load = |workspace: &'a Workspace| {
            let file = Path::new("workspaces").join(&workspace.id).join("policy.xml");
            let document = self.compile(&file, info, Forwarding::Meant);
            let route = WorkspaceRoute { workspace: Arc::new(workspace.clone()), document };
            (workspace.id.as_str(), route)
        };
        config.workspaces.iter().map(load).collect()
    }

    fn global(&mut self, default: &str) -> Arc<CompiledDocument> {
        let info = DocumentInfo { scope: Scope::Global, template_parameters: None };
        if let Some(document) = self.compile(Path::new("global.xml"), info, Forwarding::Meant) {
            return document;
        }
        let file = self.files.sources.add("(default global policy)", default);
        let (document, found) = read::read(file, default, &ReadOptions::new(&NoNamedValues));
        self.files.diagnostics.extend(found);
        let root = document.map(|document| document.root);
        let compiled =
            root.map(|root| compile_document(&root, info, self.env, &mut self.files.diagnostics));
        Arc::new(compiled.unwrap_or_default())
    }

    fn compile(
        &mut self,
        path: &Path,
        info: DocumentInfo<'_>,
        forwarding: Forwarding,
    ) -> Option<Arc<CompiledDocument>> {
        let document = self.files.document(path, self.config)?;
        let found = &mut self.files.diagnostics;
        let compiled = compile_document(&document.root, info, self.env, found);
        if forwarding == Forwarding::Meant && compiled.cuts_off(Section::Backend) {
            self.cut_off.push(
                Diagnostic::new(
                    Code::SUSPICIOUS,
                    "no request is forwarded: `backend` is missing or empty",
                    document.root.name_span,
                )
                .label("a section that is not there inherits nothing of wider scopes")
                .help("add `<backend><base /></backend>`"),
            );
        }
        Some(Arc::new(compiled))
    }

    /// Documents that forward nothing are spoken of when nothing is wrong: until then they may not be finished.
    fn cut_off(&mut self) {
        if !has_errors(&self.files.diagnostics) {
            self.files.diagnostics.append(&mut self.cut_off);
        }
    }

    /// A fragment that nothing includes yet is checked all the same.
    fn unused_fragments(&mut self) {
        for root in self.env.fragments.unused() {
            check_fragment(root, self.env, &mut self.files.diagnostics);
        }
    }

    fn api(
        &mut self,
        config: &ApiConfig,
        workspace: Option<&WorkspaceRoute>,
        global: &Arc<CompiledDocument>,
    ) -> ApiRoute {
        let folder = Path::new("apis").join(&config.id);
        let has_target = config.backend.is_some() || config.service_url.is_some();
        let forwarding = if has_target { Forwarding::Meant } else { Forwarding::Open };
        let info = DocumentInfo { scope: Scope::Api, template_parameters: None };
        let document = self.compile(&folder.join("policy.xml"), info, forwarding);
        let around = workspace.and_then(|workspace| workspace.document.clone());
        let wider: Vec<Arc<CompiledDocument>> =
            document.into_iter().chain(around).chain([Arc::clone(global)]).collect();
        let mut operations = Vec::new();
        for (operation, described) in self.operations(config, &folder) {
            let operation = self.operation(&operation, described, &folder, &wider, forwarding);
            operations.extend(operation);
        }
        let target = match (&config.backend, &config.service_url) {
            (Some(backend), _) => Some(Target::Backend(backend.as_str().into())),
            (None, Some(url)) => Some(Target::Url(Arc::new(url.clone()))),
            (None, None) => None,
        };
        let service_url = config.service_url.clone().or_else(|| {
            config.backend.as_ref().and_then(|backend| self.env.names.backend(backend))
        });
        let api = Api {
            id: config.id.clone(),
            name: config.name.clone(),
            path: config.path.clone(),
            revision: config.revision.clone(),
            version: config.version.clone(),
            is_current_revision: config.current,
            service_url,
            protocols: vec!["http".to_owned(), "https".to_owned()],
            key_header: key_header(config),
            key_query: config.key_queries.first().cloned().unwrap_or_default(),
        };
        ApiRoute {
            api: Arc::new(api),
            path: config.routing_path(),
            version_in: match &config.version_set {
                None => VersionIn::Path,
                Some(set) => match &set.scheme {
                    VersionScheme::Segment => VersionIn::Path,
                    VersionScheme::Query(name) => VersionIn::Query(name.clone()),
                    VersionScheme::Header(name) => VersionIn::Header(name.clone()),
                },
            },
            target,
            workspace: workspace.map(|workspace| Arc::clone(&workspace.workspace)),
            subscription_required: config.subscription_required,
            open_product: None,
            key_headers: config.key_headers.clone(),
            key_queries: config.key_queries.clone(),
            key_bearer: config.key_bearer,
            chain: Chain::new(wider),
            operations,
        }
    }

    /// The operations of an API, each with what its description says, if there is one.
    fn operations(
        &mut self,
        config: &ApiConfig,
        folder: &Path,
    ) -> Vec<(OperationConfig, Option<Described>)> {
        let mut all: Vec<_> = config.operations.iter().map(|it| (it.clone(), None)).collect();
        let Some(file) = &config.openapi else { return all };
        let Some((file, text)) = self.files.read(&folder.join(file), Missing::IsError) else {
            return all;
        };
        let imported = match openapi::import(&text) {
            Ok(imported) => imported,
            Err(why) => {
                self.report(Code::CONFIG_VALUE, why, file.span(0..0));
                return all;
            }
        };
        for operation in imported {
            let described = Some(Described { contract: operation.contract, file });
            // An operation that is listed in the configuration overrides the imported one of the same name.
            match all.iter_mut().find(|(known, _)| known.id == operation.id) {
                Some((_, slot)) => *slot = described,
                None => {
                    let imported = OperationConfig {
                        id: operation.id,
                        name: operation.name,
                        method: operation.method,
                        url_template: operation.url_template,
                        span: file.span(0..0),
                    };
                    all.push((imported, described));
                }
            }
        }
        all
    }

    fn report(&mut self, code: Code, message: String, span: Span) {
        self.files.diagnostics.push(Diagnostic::new(code, message, span));
    }

    fn operation(
        &mut self,
        config: &OperationConfig,
        described: Option<Described>,
        folder: &Path,
        wider: &[Arc<CompiledDocument>],
        forwarding: Forwarding,
    ) -> Option<OperationRoute> {
        let template = match Template::parse(&config.url_template) {
            Ok(template) => template,
            Err(error) => {
                let message =
                    format!("the template of operation `{}` cannot be used: {error}", config.id);
                self.report(Code::CONFIG_VALUE, message, config.span);
                return None;
            }
        };
        let Ok(method) = Method::from_bytes(config.method.as_bytes()) else {
            let message = format!("`{}` is not an HTTP method", config.method);
            self.report(Code::CONFIG_VALUE, message, config.span);
            return None;
        };
        let parameters: Vec<String> =
            template.parameters().into_iter().map(str::to_owned).collect();
        let info = DocumentInfo { scope: Scope::Operation, template_parameters: Some(&parameters) };
        let file = folder.join("operations").join(format!("{}.xml", config.id));
        let document = self.compile(&file, info, forwarding);
        let chain = Chain::new(document.into_iter().chain(wider.iter().cloned()));
        let contract = match described {
            Some(Described { contract, file }) => {
                for why in chain.prepare(&contract) {
                    self.report(Code::CONFIG_VALUE, why, file.span(0..0));
                }
                contract
            }
            None => Arc::new(template.contract()),
        };
        let operation = Operation {
            id: config.id.clone(),
            method: config.method.clone(),
            name: config.name.clone(),
            url_template: config.url_template.clone(),
        };
        let operation = Arc::new(operation);
        Some(OperationRoute { operation, contract, method, template, chain })
    }

    /// A policy file that nothing uses is most likely misnamed, and what it was to protect is open.
    fn unused_files(&mut self) {
        let mut known = HashSet::from([PathBuf::from("global.xml")]);
        let mut operations_of = HashMap::new();
        for api in &self.config.apis {
            let folder = Path::new("apis").join(&api.id);
            known.insert(folder.join("policy.xml"));
            operations_of.insert(api.id.clone(), self.operation_ids(api, &folder));
        }
        known.extend(
            self.config
                .products
                .iter()
                .map(|product| Path::new("products").join(format!("{}.xml", product.id))),
        );
        known.extend(
            self.config
                .workspaces
                .iter()
                .map(|workspace| Path::new("workspaces").join(&workspace.id).join("policy.xml")),
        );
        let mut found = self.files.xml_files(Path::new(""));
        found.extend(self.files.xml_files(Path::new("products")));
        for workspace in self.files.folders(Path::new("workspaces")) {
            found.extend(self.files.xml_files(&Path::new("workspaces").join(workspace)));
        }
        for folder in self.files.folders(Path::new("apis")) {
            let path = Path::new("apis").join(&folder);
            found.extend(self.files.xml_files(&path));
            for file in self.files.xml_files(&path.join("operations")) {
                let id = file
                    .file_stem()
                    .map(|stem| stem.to_string_lossy().into_owned())
                    .unwrap_or_default();
                if !operations_of.get(&folder).is_some_and(|ids| ids.contains(&id)) {
                    found.push(file);
                }
            }
        }
        for file in found.into_iter().filter(|file| !known.contains(file)) {
            let shown = file.to_string_lossy().into_owned();
            let id = self.files.sources.add(shown.clone(), "");
            self.files.diagnostics.push(
                Diagnostic::new(Code::CONFIG_FILE, format!("`{shown}` is not used"), id.span(0..0))
                    .help("name it after an API, operation, product or workspace of the configuration, or remove it"),
            );
        }
    }

    fn operation_ids(&mut self, api: &ApiConfig, folder: &Path) -> Vec<String> {
        let imported = api.openapi.as_ref().and_then(|file| {
            let text = std::fs::read_to_string(self.files.root.join(folder).join(file)).ok()?;
            openapi::import(&text).ok()
        });
        let imported = imported.into_iter().flatten().map(|operation| operation.id);
        api.operations.iter().map(|operation| operation.id.clone()).chain(imported).collect()
    }
}

/// The header clients are told to send the key in, spelled as it is usually written.
fn key_header(config: &ApiConfig) -> String {
    match config.key_headers.first().map(http::HeaderName::as_str) {
        Some("ocp-apim-subscription-key") => "Ocp-Apim-Subscription-Key".to_owned(),
        Some(name) => name.to_owned(),
        None => String::new(),
    }
}
