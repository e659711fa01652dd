//! Azure OpenAI on loopback: the classic, v1 and model inference styles, realtime, and a little of Foundry projects.
//!
//! The model is emulated (its answers say what it received); the service around it is not lenient: keys and tokens are
//! really checked, api-versions are known ones, and errors have the shapes that Azure gives them.

mod auth;
mod behaviour;
mod chat;
mod completions;
mod deployments;
mod embeddings;
mod errors;
mod foundry;
mod realtime;
mod responses;
mod routes;
mod stream;
mod text;
mod versions;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use hyper::StatusCode;
use parking_lot::{Mutex, RwLock};
use serde_json::{Map, Value, json};
use tokio::time::sleep;

use crate::entra::Entra;
use crate::exchange::Exchange;
use crate::ids::{guid, hex, random};
use crate::reply::{Closed, Reply, json as json_reply, set_header};
use crate::server::{Server, Service};
use crate::tally::Tally;

pub use deployments::{Deployment, ModelKind};
pub use stream::{Gate, Pace, StreamPlan};

use behaviour::Behaviour;
pub(crate) use behaviour::FILTERS;
use deployments::{Meters, Remaining};
pub(crate) use errors::ApiError;
use responses::Stored;
use routes::{Place, Target};

/// Azure OpenAI: what it takes, what it received, and what shall go wrong.
#[derive(Clone, Debug)]
pub struct OpenAi {
    server: Server,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    entra: Entra,
    region: String,
    streams: Tally,
    sockets: Tally,
    controls: RwLock<Controls>,
    behaviour: RwLock<Behaviour>,
    /// Plans of the next streams, before the standing one.
    next_plans: Mutex<VecDeque<StreamPlan>>,
    meters: Meters,
    stored: Mutex<Stored>,
    last_refusal: Mutex<Option<String>>,
}

/// What a test can change while the service runs.
#[derive(Debug)]
struct Controls {
    keys: Vec<String>,
    keys_disabled: bool,
    /// Object ids that have a role; `None`: everyone has.
    principals: Option<BTreeSet<String>>,
    deployments: BTreeMap<String, Deployment>,
    throttled: BTreeMap<String, Throttle>,
    delays: BTreeMap<String, Duration>,
    plan: StreamPlan,
    greeting: bool,
}

#[derive(Clone, Copy, Debug)]
struct Throttle {
    /// `None`: until taken back.
    remaining: Option<usize>,
    after: Duration,
}

impl OpenAi {
    pub(crate) fn new(
        server: Server,
        entra: Entra,
        deployments: Vec<Deployment>,
        region: String,
    ) -> Self {
        let controls = Controls {
            keys: vec![hex(&random::<16>()), hex(&random::<16>())],
            keys_disabled: false,
            principals: None,
            deployments: deployments.into_iter().map(|one| (one.name.clone(), one)).collect(),
            throttled: BTreeMap::new(),
            delays: BTreeMap::new(),
            plan: StreamPlan::default(),
            greeting: true,
        };
        let state = State {
            entra,
            region,
            streams: Tally::default(),
            sockets: Tally::default(),
            controls: RwLock::new(controls),
            behaviour: RwLock::default(),
            next_plans: Mutex::default(),
            meters: Meters::default(),
            stored: Mutex::default(),
            last_refusal: Mutex::default(),
        };
        Self { server, state: Arc::new(state) }
    }

    /// Its server: address, what it received, planted faults.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// `{url}/openai`, the base of all its operations.
    pub fn base(&self) -> String {
        format!("{}/openai", self.server.url())
    }

    /// The resource's first key.
    pub fn key(&self) -> String {
        self.state.controls.read().keys.first().cloned().unwrap_or_default()
    }

    /// Accepts exactly these keys from now on.
    pub fn set_keys<'a>(&self, keys: impl IntoIterator<Item = &'a str>) {
        self.state.controls.write().keys = keys.into_iter().map(str::to_owned).collect();
    }

    /// Refuses every key with 403 (local authentication disabled), or no longer.
    pub fn disable_keys(&self, disabled: bool) {
        self.state.controls.write().keys_disabled = disabled;
    }

    /// Only these object ids have a role; `None`: every principal of the tenant has.
    pub fn permit(&self, principals: Option<BTreeSet<String>>) {
        self.state.controls.write().principals = principals;
    }

    /// Deploys a model, or replaces a deployment.
    pub fn deploy(&self, deployment: Deployment) {
        self.state.controls.write().deployments.insert(deployment.name.clone(), deployment);
    }

    /// Takes a deployment away.
    pub fn undeploy(&self, name: &str) {
        self.state.controls.write().deployments.remove(name);
    }

    /// Answers calls to a deployment with 429, the next `n` or all until [`OpenAi::unthrottle`].
    pub fn throttle(&self, deployment: &str, n: Option<usize>, after: Duration) {
        self.state
            .controls
            .write()
            .throttled
            .insert(deployment.to_owned(), Throttle { remaining: n, after });
    }

    /// Takes [`OpenAi::throttle`] back.
    pub fn unthrottle(&self, deployment: &str) {
        self.state.controls.write().throttled.remove(deployment);
    }

    /// Waits this long before answering calls to a deployment.
    pub fn delay(&self, deployment: &str, delay: Duration) {
        self.state.controls.write().delays.insert(deployment.to_owned(), delay);
    }

    /// How all streams go from now on.
    pub fn plan_streams(&self, plan: StreamPlan) {
        self.state.controls.write().plan = plan;
    }

    /// How the next stream goes; several are taken in turn.
    pub fn plan_next_stream(&self, plan: StreamPlan) {
        self.state.next_plans.lock().push_back(plan);
    }

    /// Whether a realtime session begins with `session.created`, as Azure's does; otherwise it is a bare echo.
    pub fn greet(&self, greeting: bool) {
        self.state.controls.write().greeting = greeting;
    }

    /// Open, completed and aborted event streams.
    pub fn streams(&self) -> &Tally {
        &self.state.streams
    }

    /// Open, completed and aborted realtime sessions.
    pub fn sockets(&self) -> &Tally {
        &self.state.sockets
    }

    /// Why the last token was refused, which the client is not told.
    pub fn last_refusal(&self) -> Option<String> {
        self.state.last_refusal.lock().clone()
    }

    /// The plan of the stream that begins now.
    fn stream_plan(&self) -> StreamPlan {
        let next = self.state.next_plans.lock().pop_front();
        next.unwrap_or_else(|| self.state.controls.read().plan.clone())
    }

    async fn respond(&self, exchange: &mut Exchange, body: &[u8]) -> Result<Reply, ApiError> {
        let segments = exchange.segments();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        if let ["api", "projects", project, rest @ ..] = segments.as_slice() {
            return self.project(exchange, body, project, rest).await;
        }
        let place = Place::find(exchange.method(), &segments).ok_or_else(ApiError::no_resource)?;
        let version = place.version(&exchange.query())?;
        self.admit(exchange, place.keys(), auth::COGNITIVE_SERVICES)?;
        self.perform(exchange, body, place, version).await
    }

    /// Does what `place` is for; the caller is let in already.
    async fn perform(
        &self,
        exchange: &mut Exchange,
        body: &[u8],
        place: Place<'_>,
        version: String,
    ) -> Result<Reply, ApiError> {
        match place.target {
            Target::Models(name) => return self.models(name),
            Target::Realtime => return self.realtime(exchange, place.style),
            Target::StoredResponse(id) => return self.stored_response(exchange.method(), id),
            Target::StoredInput(id) => return self.stored_input(id),
            Target::Chat | Target::Completions | Target::Embeddings | Target::Responses => {}
        }
        let body = read_json(body)?;
        let name = if let Some(name) = place.deployment {
            name
        } else {
            let model = body.get("model").ok_or_else(|| ApiError::missing("model"))?;
            model.as_str().ok_or_else(|| ApiError::wrong_type("model", "a string"))?
        };
        let deployment = self.deployment(name)?;
        let call = Call { operation: place.target.operation(), version, deployment, body };
        let answered = self.model_call(&call, place.target).await;
        let mut reply = answered.unwrap_or_else(|error| error.reply());
        self.add_headers(&call.deployment.name, &mut reply);
        Ok(reply)
    }

    async fn model_call(&self, call: &Call, target: Target<'_>) -> Result<Reply, ApiError> {
        self.throttled(call)?;
        let delay = self.state.controls.read().delays.get(&call.deployment.name).copied();
        if let Some(delay) = delay {
            sleep(delay).await;
        }
        let (mut reply, remaining) = match target {
            Target::Chat => self.chat(call)?,
            Target::Completions => self.completions(call)?,
            Target::Embeddings => self.embeddings(call)?,
            _ => self.create_response(call)?,
        };
        remaining.add_to(&mut reply);
        Ok(reply)
    }

    fn deployment(&self, name: &str) -> Result<Deployment, ApiError> {
        let controls = self.state.controls.read();
        controls.deployments.get(name).cloned().ok_or_else(ApiError::no_deployment)
    }

    /// Uses up a planted 429.
    fn throttled(&self, call: &Call) -> Result<(), ApiError> {
        let name = &call.deployment.name;
        let mut controls = self.state.controls.write();
        let Some(throttle) = controls.throttled.get_mut(name) else { return Ok(()) };
        let after = throttle.after;
        match &mut throttle.remaining {
            Some(0 | 1) => {
                controls.throttled.remove(name);
            }
            Some(remaining) => *remaining -= 1,
            None => {}
        }
        Err(ApiError::too_many(call.operation, &call.version, "token", after))
    }

    /// Counts `tokens` against the deployment's limits.
    fn take(&self, call: &Call, tokens: u64) -> Result<Remaining, ApiError> {
        self.state.meters.take(&call.deployment, call.operation, &call.version, tokens)
    }

    fn models(&self, name: Option<&str>) -> Result<Reply, ApiError> {
        let model = |deployment: &Deployment| {
            let chat = deployment.kind == ModelKind::Chat;
            json!({
                "id": deployment.name, "object": "model", "status": "succeeded", "created_at": 1_715_367_049,
                "updated_at": 1_715_367_049, "lifecycle_status": "generally-available",
                "capabilities": {
                    "fine_tune": false, "inference": true, "completion": chat, "chat_completion": chat,
                    "embeddings": !chat
                },
            })
        };
        let controls = self.state.controls.read();
        let body = if let Some(name) = name {
            model(controls.deployments.get(name).ok_or_else(ApiError::no_deployment)?)
        } else {
            let all: Vec<Value> = controls.deployments.values().map(model).collect();
            json!({"object": "list", "data": all})
        };
        Ok(json_reply(StatusCode::OK, &body))
    }

    /// The headers that every answer has, errors included.
    fn dress(&self, exchange: &Exchange, reply: &mut Reply) {
        set_header(reply, "apim-request-id", guid());
        set_header(reply, "x-ms-region", &self.state.region);
        set_header(reply, "x-content-type-options", "nosniff");
        set_header(
            reply,
            "strict-transport-security",
            "max-age=31536000; includeSubDomains; preload",
        );
        set_header(reply, "x-request-id", guid());
        if let Some(id) = exchange.header("x-ms-client-request-id") {
            set_header(reply, "x-ms-client-request-id", id);
        }
    }
}

/// One call of a model.
#[derive(Debug)]
struct Call {
    operation: &'static str,
    version: String,
    deployment: Deployment,
    body: Map<String, Value>,
}

impl Call {
    /// Refuses a model of the wrong kind.
    fn needs(&self, kind: ModelKind, operation: &str) -> Result<(), ApiError> {
        if self.deployment.kind == kind {
            Ok(())
        } else {
            Err(ApiError::wrong_operation(operation, &self.deployment.model))
        }
    }

    /// An optional flag.
    fn flag(&self, name: &str) -> Result<bool, ApiError> {
        match self.body.get(name) {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(_) => Err(ApiError::wrong_type(name, "a boolean")),
        }
    }

    /// An optional positive number.
    fn number(&self, name: &str) -> Result<Option<u64>, ApiError> {
        match self.body.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => match value.as_u64() {
                Some(0) => {
                    let message = format!(
                        "Invalid value for '{name}': expected a value >= 1, but got 0 instead."
                    );
                    Err(ApiError::wrong_value(name, &message))
                }
                Some(number) => Ok(Some(number)),
                None => Err(ApiError::wrong_type(name, "an integer")),
            },
        }
    }
}

fn read_json(body: &[u8]) -> Result<Map<String, Value>, ApiError> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => Ok(object),
        _ => {
            Err(ApiError::invalid("We could not parse the JSON body of your request.", None, None))
        }
    }
}

impl Service for OpenAi {
    async fn answer(&self, mut exchange: Exchange) -> Result<Reply, Closed> {
        let body = exchange.body().await?;
        let answered = self.respond(&mut exchange, &body).await;
        let mut reply = answered.unwrap_or_else(|error| error.reply());
        self.dress(&exchange, &mut reply);
        Ok(reply)
    }

    fn failure(&self, exchange: &Exchange, status: StatusCode, after: Option<Duration>) -> Reply {
        let mut reply = ApiError::planted(status, after).reply();
        self.dress(exchange, &mut reply);
        reply
    }
}
