//! From a configuration and its documents to routes.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use http::Method;
use tollgate_diagnostics::{Code, Diagnostic, FileId, Span, has_errors};
use tollgate_engine::contract::Contract;
use tollgate_engine::read::{self, NoNamedValues, ReadOptions};
use tollgate_engine::{
    Api, Chain, CompileEnv, CompiledDocument, DocumentInfo, Operation, Scope, Section, Target,
    Workspace, compile_document, unpaired,
};

use super::check_fragment;
use super::files::{Files, Missing};
use crate::config::{ApiConfig, Config, OperationConfig, VersionScheme};
use crate::openapi;
use crate::operations::OperationRoute;
use crate::products::ProductRoute;
use crate::router::{ApiRoute, Router, VersionIn};
use crate::template::Template;

/// What an OpenAPI document says of an operation.
struct Described {
    contract: Arc<Contract>,
    file: FileId,
}

/// Makes routes of a configuration and its documents.
pub(super) struct Loader<'a, 'f> {
    files: &'a mut Files<'f>,
    config: &'a Config,
    env: &'a CompileEnv<'a>,
    /// What is to be said of documents that forward nothing.
    cut_off: Vec<Diagnostic>,
    /// Identifiers of the operations of each API.
    operation_ids: HashMap<String, HashSet<String>>,
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

impl<'a, 'f> Loader<'a, 'f> {
    pub(super) fn new(
        files: &'a mut Files<'f>,
        config: &'a Config,
        env: &'a CompileEnv<'a>,
    ) -> Self {
        Self { files, config, env, cut_off: Vec::new(), operation_ids: HashMap::new() }
    }

    /// All routes, and the products.
    pub(super) fn routes(&mut self, default_global: &str) -> (Router, Vec<Arc<ProductRoute>>) {
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
        self.prepare_products(&products, &apis);
        self.unpaired(&global, &apis, &products);
        (Router::new(apis, Chain::new([global]), config.encoded_slashes), products)
    }

    /// Has the policies of products see the operations they may run for, as those of the operations' own chains do.
    fn prepare_products(&mut self, products: &[Arc<ProductRoute>], apis: &[ApiRoute]) {
        for (product, config) in products.iter().zip(&self.config.products) {
            let Some(document) = &product.document else { continue };
            let chain = Chain::new([Arc::clone(document)]);
            let inside = apis.iter().filter(|route| product.contains(&route.api.id));
            for operation in inside.flat_map(|route| route.operations.iter()) {
                for why in chain.prepare(&operation.contract) {
                    self.report(Code::CONFIG_VALUE, why, config.span);
                }
            }
        }
    }

    /// Says which policies no request meets together with the one that they need; not while something else is wrong, which may be
    /// why.
    fn unpaired(
        &mut self,
        global: &Arc<CompiledDocument>,
        apis: &[ApiRoute],
        products: &[Arc<ProductRoute>],
    ) {
        if has_errors(&self.files.diagnostics) {
            return;
        }
        let mut chains = vec![Chain::new([Arc::clone(global)])];
        for route in apis {
            let inside: Vec<_> = products
                .iter()
                .filter(|product| product.contains(&route.api.id))
                .filter_map(|product| product.document.as_ref())
                .collect();
            let own = route.operations.iter().map(|operation| &operation.chain);
            for chain in own.chain([&route.chain]) {
                chains.push(chain.clone());
                chains.extend(inside.iter().map(|document| {
                    let mut chain = chain.clone();
                    chain.insert(Arc::clone(document));
                    chain
                }));
            }
        }
        self.files.diagnostics.extend(unpaired(&chains));
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
    pub(super) fn cut_off(&mut self) {
        if !has_errors(&self.files.diagnostics) {
            self.files.diagnostics.append(&mut self.cut_off);
        }
    }

    /// A fragment that nothing includes yet is checked all the same.
    pub(super) fn unused_fragments(&mut self) {
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
        let all = self.operations(config, &folder);
        let ids = all.iter().map(|(operation, _)| operation.id.clone()).collect();
        self.operation_ids.insert(config.id.clone(), ids);
        for (operation, described) in all {
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
            path: config.routing_path().into(),
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
            operations: operations.into_iter().collect(),
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
            let listed = all.iter_mut().find(|(known, _)| known.id == operation.id);
            if let Some((_, slot)) = listed {
                *slot = described;
                continue;
            }
            let imported = OperationConfig {
                id: operation.id,
                name: operation.name,
                method: operation.method,
                url_template: operation.url_template,
                span: file.span(0..0),
            };
            all.push((imported, described));
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
    pub(super) fn unused_files(&mut self) {
        let mut known = HashSet::from([PathBuf::from("global.xml")]);
        for api in &self.config.apis {
            let folder = Path::new("apis").join(&api.id);
            known.insert(folder.join("policy.xml"));
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
                if !self.operation_ids.get(&folder).is_some_and(|ids| ids.contains(&id)) {
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
}

/// The header clients are told to send the key in, spelled as it is usually written.
fn key_header(config: &ApiConfig) -> String {
    match config.key_headers.first().map(http::HeaderName::as_str) {
        Some("ocp-apim-subscription-key") => "Ocp-Apim-Subscription-Key".to_owned(),
        Some(name) => name.to_owned(),
        None => String::new(),
    }
}
