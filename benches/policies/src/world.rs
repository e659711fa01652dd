//! What compiled pipelines run in: ports of a gateway that reaches nothing, and a wire whose backend answers at once.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use tollgate_diagnostics::{Sources, has_errors, render};
use tollgate_engine::counters::{Counted, MemoryCounters};
use tollgate_engine::ports::{BodyError, BodyFilter, ForwardCall, ForwardError, Via, Wire};
use tollgate_engine::read::{self, NoNamedValues, ReadOptions};
use tollgate_engine::{
    Body, BoxFuture, BufferedBody, Chain, ClientInfo, CompileEnv, Deployment, DocumentInfo,
    EvalState, ExpressionLimits, Finally, Forwardings, Fragments, Names, Outcome, Ports, Request,
    RequestCx, Response, Route, RouteInfo, Scope, Target, TokenLimits, Uri, Url, Variables,
    compile_document, process,
};
use tollgate_gateway::breaker::Breakers;
use tollgate_gateway::config::Environment;
use tollgate_gateway::fetch::OwnListeners;
use tollgate_gateway::{
    LoadCx, Loaded, NoVault, Registry, SnapshotNames, SystemClock, offline_ports, ports_of_check,
};

use crate::FRAGMENT;

const REGISTRY: Registry = Registry {
    policies: tollgate_policies::ALL,
    unsupported: tollgate_policies::UNSUPPORTED,
    default_global: tollgate_policies::DEFAULT_GLOBAL,
};

/// Counters that are kept at once.
const COUNTERS: usize = 10_000;

/// Compiles documents and makes requests for them.
pub struct World {
    ports: Ports,
    names: Arc<dyn Names>,
    deployment: Arc<Deployment>,
    url: Arc<Url>,
}

impl Default for World {
    fn default() -> Self {
        let counters = Arc::new(MemoryCounters::new(Arc::new(SystemClock), COUNTERS));
        Self {
            ports: Ports { counters, ..offline_ports() },
            names: Arc::new(SnapshotNames::default()),
            deployment: Arc::new(Deployment::default()),
            url: Arc::new(Url {
                scheme: "https".to_owned(),
                host: "gateway.example".to_owned(),
                port: 443,
                path: "/openai/deployments/gpt-4o/chat/completions".to_owned(),
                query: "api-version=2024-10-21".to_owned(),
            }),
        }
    }
}

impl World {
    /// The chain of documents of these scopes, from narrow to wide; the fragment `shared` can be included.
    pub fn compile(&self, documents: &[(Scope, &str)]) -> Result<Chain> {
        let mut sources = Sources::default();
        let mut found = Vec::new();
        let options = ReadOptions::new(&NoNamedValues);
        let mut read = |sources: &mut Sources, name: &str, text: &str| {
            let file = sources.add(name, text);
            let (document, more) = read::read(file, text, &options);
            found.extend(more);
            document
        };
        let fragment = read(&mut sources, "shared.xml", FRAGMENT);
        let fragments = fragment.map(|fragment| ("shared".to_owned(), fragment.root));
        let fragments = Fragments::new(fragments.into_iter().collect());
        let documents: Vec<_> = documents
            .iter()
            .filter_map(|(scope, text)| Some((*scope, read(&mut sources, "policy.xml", text)?)))
            .collect();
        let env = CompileEnv {
            policies: REGISTRY.policies,
            unsupported: REGISTRY.unsupported,
            names: &*self.names,
            ports: &self.ports,
            fragments,
            standalone: false,
            token_limits: TokenLimits::default(),
        };
        let compiled: Vec<_> = documents
            .iter()
            .map(|(scope, document)| {
                let info = DocumentInfo { scope: *scope, template_parameters: None };
                Arc::new(compile_document(&document.root, info, &env, &mut found))
            })
            .collect();
        if has_errors(&found) {
            let found: String = found.iter().map(|found| render::human(found, &sources)).collect();
            bail!(found);
        }
        Ok(Chain::new(compiled))
    }

    /// A request of a language model with these headers, for a backend that answers at once.
    pub fn request(&self, headers: &[(HeaderName, HeaderValue)]) -> RequestCx {
        const ASK: &[u8] = br#"{"messages":[{"role":"system","content":"You answer in one sentence and never apologise."},{"role":"user","content":"Name three rivers of Europe that flow into the Black Sea, and say in which country each of them has its source. Then tell how long they are, in kilometres, and which large towns stand on their banks."}],"max_tokens":200}"#;
        let json = HeaderValue::from_static("application/json");
        let mut all = HeaderMap::with_capacity(8);
        all.insert(http::header::CONTENT_TYPE, json);
        all.extend(headers.iter().cloned());
        let Url { path, query, .. } = &*self.url;
        RequestCx {
            request: Request {
                method: Method::POST,
                original_method: Method::POST,
                original_url: Arc::clone(&self.url),
                uri: Uri { path: path.clone(), query: query.clone() },
                target: Some(Target::Url(Arc::clone(&self.url))),
                pool_member: None,
                backend_chosen_by: None,
                via: Via::default(),
                headers: all,
                body: Body::Buffered(Bytes::from_static(ASK).into()),
                consumed: false,
            },
            response: None,
            reply: None,
            call: None,
            calls_left: 32,
            variables: Variables::default(),
            last_error: None,
            client: ClientInfo {
                request_id: uuid::Uuid::from_u128(1),
                timestamp: 0,
                ip: None,
                certificate: None,
                tracing: false,
            },
            route: Route {
                info: RouteInfo::default(),
                matched_parameters: Vec::new(),
                names: Arc::clone(&self.names),
                deployment: Arc::clone(&self.deployment),
            },
            ports: self.ports.clone(),
            wire: Box::new(Answers::default()),
            eval: EvalState::new(ExpressionLimits::default()),
            counted: Counted::default(),
            forwardings: Forwardings::default(),
            finally: Finally::new(Arc::clone(&self.ports.tasks)),
            extensions: http::Extensions::default(),
        }
    }

    /// Runs a chain to its end; the request that is left has the response.
    pub fn run(&self, chain: &Chain, mut cx: RequestCx) -> (RequestCx, Outcome) {
        let outcome = futures::executor::block_on(process(&mut cx, chain));
        (cx, outcome)
    }
}

/// A backend that answers 200 at once; the body stays on the wire.
#[derive(Default)]
struct Answers {
    filters: Vec<Box<dyn BodyFilter>>,
}

impl Wire for Answers {
    fn read_request_body<'a>(
        &'a mut self,
        _: &'a HeaderMap,
    ) -> BoxFuture<'a, Result<BufferedBody, BodyError>> {
        Box::pin(async { Ok(Bytes::new().into()) })
    }

    fn read_response_body<'a>(
        &'a mut self,
        _: &'a HeaderMap,
    ) -> BoxFuture<'a, Result<BufferedBody, BodyError>> {
        Box::pin(async { Ok(Bytes::new().into()) })
    }

    fn forward<'a>(
        &'a mut self,
        _: ForwardCall<'a>,
    ) -> BoxFuture<'a, Result<Response, ForwardError>> {
        Box::pin(async {
            let mut response = Response::new(StatusCode::OK);
            let json = HeaderValue::from_static("application/json");
            response.headers.insert(http::header::CONTENT_TYPE, json);
            response.body = Body::Stream;
            Ok(response)
        })
    }

    fn headers_for_others(&self, headers: &HeaderMap) -> HeaderMap {
        headers.clone()
    }

    fn filter_response(&mut self, filter: Box<dyn BodyFilter>) {
        self.filters.push(filter);
    }

    fn sleep(&mut self, _: Duration) -> BoxFuture<'_, Result<(), BodyError>> {
        Box::pin(async { Ok(()) })
    }
}

/// Loads a directory as `tollgate check` does.
pub fn load(root: &Path) -> Result<Loaded> {
    let loaded = tollgate_gateway::load(
        root,
        &LoadCx {
            registry: REGISTRY,
            env: &NoEnvironment,
            ports: &ports_of_check,
            vault: &NoVault,
            calls: None,
            breakers: &Breakers::default(),
            own_listeners: &OwnListeners::default(),
        },
    );
    if loaded.snapshot.is_none() {
        let show = |found| render::human(found, &loaded.sources);
        bail!(loaded.diagnostics.iter().map(show).collect::<String>());
    }
    Ok(loaded)
}

struct NoEnvironment;

impl Environment for NoEnvironment {
    fn var(&self, _: &str) -> Option<String> {
        None
    }
}
