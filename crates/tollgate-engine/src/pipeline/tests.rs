use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use tollgate_diagnostics::{Sources, has_errors, render};
use tollgate_expr::{Deployment, EvalState, Limits, Url};
use uuid::Uuid;

use super::*;
use crate::jose::{Certificate, KeySet};
use crate::ports::{
    AccessToken, Answer, Authorizations, BodyError, Cache, CacheKey, CachePlace, Call, CallError,
    Calls, Distance, Embedding, ForwardCall, ForwardError, Identities, IdentityError, KeyError,
    KeySets, KeySource, Lease, Names, Near, NoEvents, NoTasks, Scores, SemanticCache,
    SemanticCacheSettings, SemanticCacheUnavailable, SemanticLookup, TokenSource, Via,
};
use crate::read::{self, Element, NoNamedValues, ReadOptions};
use crate::{
    AttributeDef, Body, BoxFuture, BufferedBody, ClientInfo, Clock, CompileCx, CompileEnv,
    Completion, Content, Detached, DocumentInfo, Facts, Flow, Fragments, Limit, PolicyDef, Ports,
    Randomness, Request, Response, Resumed, Route, RouteInfo, Step, TraceSink, Until, Uri, Value,
    Variables, Wire, compile_document, compile_fragment,
};

/// What the policies of these tests have done, in order.
type Log = Arc<Mutex<Vec<String>>>;

thread_local! {
    static LOG: Log = Log::default();
}

fn log(text: impl Into<String>) {
    LOG.with(|log| log.lock().unwrap().push(text.into()));
}

const ALL_SCOPES: &[Scope] = &Scope::ALL;

const fn def(
    name: &'static str,
    content: Content,
    compile: fn(&Element, &mut CompileCx<'_>) -> Option<Box<dyn Step>>,
) -> PolicyDef {
    const NAME: AttributeDef =
        AttributeDef { name: "name", required: true, ..AttributeDef::DEFAULT };
    PolicyDef {
        name,
        sections: &Section::ALL,
        toolkit_sections: &[],
        scopes: ALL_SCOPES,
        limit: Limit::Any,
        attributes: &[NAME],
        content,
        docs: "",
        compile,
    }
}

/// `mark` logs its name, `late` does so after waiting, `fail` fails, `read` needs the body, `stop` returns, `hold` runs
/// what is inside, `rescue` runs it and goes on when it fails, `all` and `any` run it concurrently; `apart` is under way
/// for as many polls as its name has characters, and fails when the name ends with `!`.
static POLICIES: &[PolicyDef] = &[
    def("mark", Content::Empty, |el, cx| compile(el, cx, Act::Mark)),
    def("late", Content::Empty, |el, cx| compile(el, cx, Act::Late)),
    def("fail", Content::Empty, |el, cx| compile(el, cx, Act::Fail)),
    def("read", Content::Empty, |el, cx| compile(el, cx, Act::Read)),
    def("stop", Content::Empty, |el, cx| compile(el, cx, Act::Stop)),
    def("answer", Content::Empty, |el, cx| compile(el, cx, Act::Answer)),
    def("hold", Content::Policies, |el, cx| compile(el, cx, Act::Hold)),
    def("rescue", Content::Policies, |el, cx| compile(el, cx, Act::Rescue)),
    def("all", Content::Policies, |el, cx| compile(el, cx, Act::All)),
    def("any", Content::Policies, |el, cx| compile(el, cx, Act::Any)),
    def("apart", Content::Empty, |el, cx| compile(el, cx, Act::Apart)),
    PolicyDef {
        limit: Limit::OncePerSection,
        ..def("in-section", Content::Empty, |el, cx| compile(el, cx, Act::Mark))
    },
    PolicyDef {
        limit: Limit::OncePerDocument,
        ..def("in-document", Content::Empty, |el, cx| compile(el, cx, Act::Mark))
    },
];

#[derive(Debug, Clone, Copy, PartialEq)]
enum Act {
    Mark,
    Late,
    Fail,
    Read,
    Stop,
    Answer,
    Hold,
    Rescue,
    All,
    Any,
    Apart,
}

#[derive(Debug)]
struct Test {
    act: Act,
    name: String,
    blocks: Vec<Block>,
}

fn compile(el: &Element, cx: &mut CompileCx<'_>, act: Act) -> Option<Box<dyn Step>> {
    let name: Arc<str> = cx.literal(el, "name")?;
    let blocks = match act {
        Act::Hold | Act::Rescue | Act::All | Act::Any => vec![cx.block(el, "inner[1]")],
        _ => Vec::new(),
    };
    Some(Box::new(Test { act, name: name.to_string(), blocks }))
}

impl Step for Test {
    fn run(&self, _: &mut RequestCx) -> Result<Flow, PolicyError> {
        match self.act {
            Act::Late => return Ok(Flow::Wait),
            Act::Fail => {
                return Err(PolicyError::refused(
                    "Why",
                    format!("{} failed", self.name),
                    StatusCode::IM_A_TEAPOT,
                ));
            }
            Act::Hold | Act::Rescue => return Ok(Flow::Enter { block: 0, state: 7 }),
            Act::All => return Ok(Flow::Concurrent { block: 0, until: Until::All }),
            Act::Any => return Ok(Flow::Concurrent { block: 0, until: Until::Any }),
            Act::Apart => log(format!("{} in place", self.name)),
            Act::Answer => return Ok(Flow::Answered),
            Act::Mark | Act::Read | Act::Stop => log(self.name.clone()),
        }
        Ok(if self.act == Act::Stop { Flow::Return } else { Flow::Continue })
    }

    fn unmatched(&self, cx: &mut RequestCx) -> Result<Flow, PolicyError> {
        if !matches!(self.act, Act::Answer | Act::Stop | Act::Fail) {
            return Ok(Flow::Continue);
        }
        log(format!("{} unmatched", self.name));
        if self.act == Act::Answer {
            cx.response_mut(crate::Message::Response);
            return Ok(Flow::Continue);
        }
        self.run(cx)
    }

    fn wait<'a>(
        &'a self,
        _: &'a mut RequestCx,
        _: Option<Resumed>,
    ) -> BoxFuture<'a, Result<Flow, PolicyError>> {
        Box::pin(async {
            log(format!("{} waited", self.name));
            Ok(Flow::Continue)
        })
    }

    fn detach(&self, _: &mut RequestCx) -> Result<Option<Detached>, PolicyError> {
        if self.act != Act::Apart {
            return Ok(None);
        }
        let mut polls = self.name.len();
        let name = self.name.clone();
        log(format!("{name} begins"));
        let dropped = Dropped(name.clone());
        let future = Box::pin(async move {
            let mut dropped = dropped;
            std::future::poll_fn(|_| {
                if polls == 0 {
                    return Poll::Ready(());
                }
                polls -= 1;
                Poll::Pending
            })
            .await;
            dropped.0.clear();
            Box::new(move |_: &mut RequestCx| {
                log(format!("{name} ends"));
                match name.strip_suffix('!') {
                    Some(_) => Err(PolicyError::internal("Why", name)),
                    None if name.starts_with("return") => Ok(Flow::Return),
                    None => Ok(Flow::Continue),
                }
            }) as Completion
        });
        Ok(Some(Detached { future }))
    }

    fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    fn resume(
        &self,
        _: &mut RequestCx,
        resumed: Resumed,
        outcome: Result<(), PolicyError>,
    ) -> Result<Flow, PolicyError> {
        log(format!("{} resumed {} {}", self.name, resumed.state, outcome.is_ok()));
        match (self.act, outcome) {
            (Act::Rescue, Err(_)) => Ok(Flow::Continue),
            (_, Err(error)) => Err(error),
            _ => Ok(Flow::Continue),
        }
    }

    fn facts(&self) -> Facts {
        Facts { reads_request_body: self.act == Act::Read, reads_response_body: false }
    }
}

/// Says when it is dropped before its name was cleared.
struct Dropped(String);

impl Drop for Dropped {
    fn drop(&mut self) {
        if !self.0.is_empty() {
            log(format!("{} dropped", self.0));
        }
    }
}

/// Nothing outside.
struct Nothing;

impl KeySets for Nothing {
    fn source(&self, _: &str) -> Result<Arc<dyn KeySource>, KeyError> {
        Ok(Arc::new(Nothing))
    }
}

impl KeySource for Nothing {
    fn current(&self) -> Option<Arc<KeySet>> {
        None
    }

    fn refresh<'a>(
        &'a self,
        _: crate::ports::Refresh<'a>,
    ) -> BoxFuture<'a, Result<Arc<KeySet>, KeyError>> {
        Box::pin(async { Err(KeyError::Unavailable(String::new())) })
    }
}

impl Cache for Nothing {
    fn get(&self, _: CachePlace, _: &CacheKey) -> Answer<'static, Option<Bytes>> {
        Answer::Ready(None)
    }

    fn set(&self, _: CachePlace, _: &CacheKey, _: Bytes, _: Duration) -> Answer<'static, ()> {
        Answer::Ready(())
    }

    fn remove(&self, _: CachePlace, _: &CacheKey) -> Answer<'static, ()> {
        Answer::Ready(())
    }

    fn lease(&self, _: &CacheKey) -> Answer<'static, Lease> {
        Answer::Ready(Lease::new(()))
    }

    fn is_local(&self, _: CachePlace) -> bool {
        true
    }

    fn largest(&self) -> usize {
        0
    }

    fn has_external(&self) -> bool {
        false
    }
}

impl Identities for Nothing {
    fn source(&self, _: Option<&str>, _: &str) -> Result<Arc<dyn TokenSource>, IdentityError> {
        Err(IdentityError::Unavailable(String::new()))
    }
}

impl TokenSource for Nothing {
    fn current(&self) -> Option<AccessToken> {
        None
    }

    fn fetch(&self) -> BoxFuture<'_, Result<AccessToken, IdentityError>> {
        Box::pin(async { Err(IdentityError::Unavailable(String::new())) })
    }
}

impl Clock for Nothing {
    fn ticks(&self) -> i64 {
        0
    }
}

impl Randomness for Nothing {
    fn next(&self) -> u64 {
        0
    }
}

impl TraceSink for Nothing {
    fn enabled(&self) -> bool {
        false
    }

    fn message(&self, _: Uuid, _: &str, _: &str) {}
}

impl Names for Nothing {
    fn backend(&self, _: &str) -> Option<Url> {
        None
    }

    fn backend_ids(&self) -> Vec<&str> {
        Vec::new()
    }

    fn certificate(&self, _: &str) -> Option<Arc<Certificate>> {
        None
    }

    fn certificate_ids(&self) -> Vec<&str> {
        Vec::new()
    }

    fn redact<'a>(&self, text: &'a str) -> std::borrow::Cow<'a, str> {
        text.replace("canary", "***").into()
    }
}

impl Wire for Nothing {
    fn read_request_body<'a>(
        &'a mut self,
        _: &'a HeaderMap,
    ) -> BoxFuture<'a, Result<BufferedBody, BodyError>> {
        Box::pin(async {
            log("body read");
            Ok(BufferedBody::from(Bytes::from_static(b"body")))
        })
    }

    fn read_response_body<'a>(
        &'a mut self,
        _: &'a HeaderMap,
    ) -> BoxFuture<'a, Result<BufferedBody, BodyError>> {
        Box::pin(async { Err(BodyError::ClientGone) })
    }

    fn forward<'a>(
        &'a mut self,
        _: ForwardCall<'a>,
    ) -> BoxFuture<'a, Result<Response, ForwardError>> {
        Box::pin(async { Err(ForwardError::NoTarget) })
    }

    fn headers_for_others(&self, headers: &HeaderMap) -> HeaderMap {
        headers.clone()
    }

    fn sleep(&mut self, _: Duration) -> BoxFuture<'_, Result<(), BodyError>> {
        Box::pin(async { Ok(()) })
    }
}

impl SemanticCache for Nothing {
    fn nearest(
        &self,
        _: &CacheKey,
        _: &Embedding,
        _: Distance,
    ) -> BoxFuture<'static, Result<Option<Near>, SemanticCacheUnavailable>> {
        Box::pin(async { Err(SemanticCacheUnavailable) })
    }

    fn keep(&self, _: &CacheKey, _: &Embedding, _: Bytes, _: Duration) -> Answer<'static, ()> {
        Answer::Ready(())
    }

    fn largest(&self) -> usize {
        0
    }

    fn settings(&self) -> SemanticCacheSettings {
        SemanticCacheSettings { scores: Scores::Distance, timeout: Duration::ZERO }
    }

    fn looked_up(&self, _: SemanticLookup) {}
}

impl Authorizations for Nothing {
    fn connection(&self, _: &str, _: &str) -> Option<Arc<dyn TokenSource>> {
        None
    }

    fn connections(&self) -> Vec<(&str, &str)> {
        Vec::new()
    }
}

impl Calls for Nothing {
    fn send(&self, _: Call) -> BoxFuture<'static, Result<Response, CallError>> {
        Box::pin(async { Err(CallError::Refused("nothing is called here".to_owned())) })
    }

    fn send_detached(&self, _: Call) -> Result<(), CallError> {
        Err(CallError::TooMany(0))
    }
}

fn ports() -> Ports {
    Ports {
        keys: Arc::new(Nothing),
        identities: Arc::new(Nothing),
        cache: Arc::new(Nothing),
        semantic_cache: Arc::new(Nothing),
        calls: Arc::new(Nothing),
        authorizations: Arc::new(Nothing),
        counters: Arc::new(crate::counters::MemoryCounters::new(Arc::new(Nothing), 10)),
        clock: Arc::new(Nothing),
        randomness: Arc::new(Nothing),
        trace: Arc::new(Nothing),
        events: Arc::new(NoEvents),
        tasks: Arc::new(NoTasks),
    }
}

fn root(text: &str) -> Element {
    let file = Sources::default().add("a.xml", text);
    let (document, diagnostics) = read::read(file, text, &ReadOptions::new(&NoNamedValues));
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    document.unwrap().root
}

fn env(ports: &Ports) -> CompileEnv<'_> {
    let fragment = root("<fragment><mark name=\"in fragment\"/><fail name=\"canary\"/></fragment>");
    CompileEnv {
        policies: POLICIES,
        unsupported: &[("xsl-transform", "transform elsewhere")],
        names: &Nothing,
        ports,
        fragments: Fragments::new(HashMap::from([("shared".to_owned(), fragment)])),
        standalone: false,
        token_limits: crate::TokenLimits::default(),
    }
}

fn request_cx() -> RequestCx {
    RequestCx {
        request: Request {
            method: Method::GET,
            original_method: Method::GET,
            original_url: Arc::new(Url::default()),
            uri: Uri::default(),
            target: None,
            pool_member: None,
            backend_chosen_by: None,
            via: Via::default(),
            headers: HeaderMap::new(),
            body: Body::Stream,
            consumed: false,
        },
        response: None,
        reply: None,
        call: None,
        calls_left: 0,
        variables: Variables::default(),
        last_error: None,
        client: ClientInfo {
            request_id: Uuid::nil(),
            timestamp: 0,
            ip: None,
            certificate: None,
            tracing: false,
        },
        route: Route {
            info: RouteInfo::default(),
            matched_parameters: Vec::new(),
            names: Arc::new(Nothing),
            deployment: Arc::new(Deployment::default()),
        },
        ports: ports(),
        wire: Box::new(Nothing),
        eval: EvalState::new(Limits::default()),
        counted: crate::counters::Counted::default(),
        forwardings: crate::Forwardings::default(),
        finally: crate::Finally::default(),
        extensions: http::Extensions::default(),
    }
}

/// Runs documents from narrow to wide, each given as its scope and its sections, and says what happened.
fn chain_of(documents: &[(Scope, &str)]) -> Chain {
    let ports = ports();
    let env = env(&ports);
    let mut diagnostics = Vec::new();
    let chain = Chain::new(documents.iter().map(|(scope, text)| {
        let root = root(&format!("<policies>{text}</policies>"));
        let info = DocumentInfo { scope: *scope, template_parameters: None };
        Arc::new(compile_document(&root, info, &env, &mut diagnostics))
    }));
    assert!(!has_errors(&diagnostics), "{diagnostics:?}");
    LOG.with(|log| log.lock().unwrap().clear());
    chain
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut running = Box::pin(future);
    let mut task = Context::from_waker(Waker::noop());
    let ready = (0..100).find_map(|_| match running.as_mut().poll(&mut task) {
        Poll::Ready(outcome) => Some(outcome),
        Poll::Pending => None,
    });
    ready.expect("the pipeline ends")
}

fn run(documents: &[(Scope, &str)]) -> (Outcome, Vec<String>, RequestCx) {
    let (chain, mut cx) = (chain_of(documents), request_cx());
    let outcome = block_on(process(&mut cx, &chain));
    (outcome, LOG.with(|log| log.lock().unwrap().clone()), cx)
}

#[test]
fn base_continues_with_the_next_wider_scope_in_every_section() {
    let (outcome, log, cx) = run(&[
        (
            Scope::Operation,
            "<inbound><base/><mark name=\"op\"/></inbound><outbound><mark name=\"op out\"/><base/></outbound>",
        ),
        (Scope::Api, "<inbound><mark name=\"api\"/><base/></inbound><outbound><base/></outbound>"),
        (
            Scope::Global,
            "<inbound><late name=\"global\"/></inbound><outbound><mark name=\"global out\"/></outbound>",
        ),
    ]);
    assert_eq!(outcome, Outcome::Completed);
    assert_eq!(log, ["api", "global waited", "op", "op out", "global out"]);
    assert_eq!(cx.response.unwrap().status, StatusCode::OK);
}

#[test]
fn a_missing_section_or_base_cuts_the_wider_scopes() {
    let global = "<inbound><mark name=\"global\"/></inbound>";
    assert_eq!(
        run(&[(Scope::Api, "<outbound/>"), (Scope::Global, global)]).1,
        Vec::<String>::new()
    );
    assert_eq!(
        run(&[(Scope::Api, "<inbound><mark name=\"a\"/></inbound>"), (Scope::Global, global)]).1,
        ["a"]
    );
}

#[test]
fn blocks_run_inside_and_the_rest_after_them() {
    let text = "<inbound><hold name=\"h\"><mark name=\"1\"/><hold name=\"i\"><mark name=\"2\"/></hold></hold><mark name=\"3\"/></inbound>";
    let (_, log, _) = run(&[(Scope::Global, text)]);
    assert_eq!(log, ["1", "2", "i resumed 7 true", "h resumed 7 true", "3"]);
}

#[test]
fn a_return_ends_the_pipeline_from_any_depth() {
    let text = "<inbound><hold name=\"h\"><stop name=\"s\"/><mark name=\"1\"/></hold><mark name=\"2\"/></inbound>\
                <outbound><mark name=\"out\"/></outbound><on-error><mark name=\"error\"/></on-error>";
    let (outcome, log, _) = run(&[(Scope::Global, text)]);
    assert_eq!((outcome, log), (Outcome::Returned, vec!["s".to_owned()]));
}

#[test]
fn an_answer_in_place_of_the_backends_goes_through_outbound() {
    let (outcome, log, _) = run(&[(
        Scope::Api,
        r#"<inbound><hold name="h"><answer name="a"/></hold><mark name="after"/></inbound><backend><mark name="backend"/></backend><outbound><mark name="out"/></outbound>"#,
    )]);
    assert_eq!((outcome, log), (Outcome::Completed, vec!["out".to_owned()]));
}

/// Asks the steps of these documents, from narrow to wide, to answer in place of an operation.
fn unmatched(documents: &[(Scope, &str)]) -> (Option<Outcome>, Vec<String>, u16) {
    let (chain, mut cx) = (chain_of(documents), request_cx());
    let outcome = block_on(process_unmatched(&mut cx, &chain));
    let log = LOG.with(|log| log.lock().unwrap().clone());
    (outcome, log, cx.response.map_or(0, |response| response.status.as_u16()))
}

#[test]
fn what_no_operation_is_for_may_be_answered() {
    let said = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let nobody =
        r#"<inbound><mark name="m"/><hold name="h"><answer name="inner"/></hold><base/></inbound>"#;
    assert_eq!(unmatched(&[(Scope::Api, nobody)]).0, None);
    let wide = r#"<inbound><answer name="wide"/></inbound><outbound><mark name="out"/></outbound>"#;
    let (outcome, log, status) = unmatched(&[
        (Scope::Api, r#"<inbound><mark name="m"/><base/></inbound>"#),
        (Scope::Global, wide),
    ]);
    assert_eq!((outcome, log, status), (Some(Outcome::Returned), said(&["wide unmatched"]), 200));
    let narrow =
        r#"<inbound><answer name="first"/><stop name="second"/><answer name="third"/></inbound>"#;
    let (_, log, _) = unmatched(&[(Scope::Api, narrow)]);
    assert_eq!(log, said(&["first unmatched", "second unmatched", "second"]));
    let fails = r#"<inbound><fail name="f"/></inbound><on-error><mark name="error"/></on-error>"#;
    let (outcome, log, status) = unmatched(&[(Scope::Api, fails)]);
    assert_eq!(
        (outcome, log, status),
        (Some(Outcome::Failed), said(&["f unmatched", "error"]), 418)
    );
}

#[test]
fn a_step_may_handle_what_fails_inside_it() {
    let text = "<inbound><rescue name=\"r\"><hold name=\"h\"><fail name=\"f\"/></hold></rescue><mark name=\"on\"/></inbound>";
    let (outcome, log, cx) = run(&[(Scope::Global, text)]);
    assert_eq!(outcome, Outcome::Completed);
    assert_eq!(log, ["h resumed 7 false", "r resumed 7 false", "on"]);
    assert!(cx.last_error.is_none());
}

#[test]
fn steps_run_beside_one_another() {
    let check = |inside: &str, expected: &[&str]| {
        let (_, log, cx) = run(&[(Scope::Global, &format!("<inbound>{inside}</inbound>"))]);
        assert_eq!(log, expected, "{inside}");
        cx.last_error.map(|error| format!("{} {}", error.path, error.message))
    };
    // The one that cannot be detached runs while the others wait.
    let all = r#"<all name="a"><apart name="slow"/><apart name="f"/><late name="l"/>
        <hold name="h"><mark name="m"/><apart name="in"/></hold></all><mark name="after"/>"#;
    let logged = [
        "slow begins",
        "f begins",
        "l waited",
        "m",
        "in begins",
        "f ends",
        "in ends",
        "h resumed 7 true",
        "slow ends",
        "a resumed 0 true",
        "after",
    ];
    assert_eq!(check(all, &logged), None);
    let any = r#"<any name="a"><apart name="slow"/><apart name="!"/><apart name="ok"/></any>"#;
    let logged = [
        "slow begins",
        "! begins",
        "ok begins",
        "! ends",
        "ok ends",
        "slow dropped",
        "a resumed 0 true",
    ];
    assert_eq!(check(any, &logged), None);
    let first = r#"<any name="a"><mark name="m"/><apart name="never"/></any>"#;
    assert_eq!(check(first, &["m", "a resumed 0 true"]), None);
    let failed = r#"<any name="a"><apart name="two!"/><apart name="1!"/></any>"#;
    let logged = ["two! begins", "1! begins", "1! ends", "two! ends", "a resumed 0 false"];
    assert_eq!(check(failed, &logged), Some(r"any[1]\apart[2] 1!".to_owned()));
    let failed = r#"<hold name="h"><all name="a"><apart name="slow"/><hold name="i"><apart name="!"/></hold></all></hold>"#;
    let logged = [
        "slow begins",
        "! begins",
        "! ends",
        "i resumed 7 false",
        "slow dropped",
        "a resumed 0 false",
        "h resumed 7 false",
    ];
    let path = r"hold[1]\inner[1]\all[1]\hold[1]\inner[1]\apart[1] !";
    assert_eq!(check(failed, &logged), Some(path.to_owned()));
}

#[test]
fn a_return_beside_others_ends_them_and_the_pipeline() {
    let text = r#"<inbound><all name="a"><apart name="slow and slow"/><apart name="return"/></all><mark name="m"/></inbound>"#;
    let (outcome, log, _) = run(&[(Scope::Global, text)]);
    assert_eq!(outcome, Outcome::Returned);
    let logged = ["slow and slow begins", "return begins", "return ends", "slow and slow dropped"];
    assert_eq!(log, logged);
}

#[test]
fn what_is_beside_goes_with_the_request() {
    let ports = ports();
    let env = env(&ports);
    let text =
        r#"<policies><inbound><all name="a"><apart name="slow"/></all></inbound></policies>"#;
    let info = DocumentInfo { scope: Scope::Global, template_parameters: None };
    let chain = Chain::new([Arc::new(compile_document(&root(text), info, &env, &mut Vec::new()))]);
    LOG.with(|log| log.lock().unwrap().clear());
    let mut cx = request_cx();
    let mut running = Box::pin(process(&mut cx, &chain));
    assert!(running.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    drop(running);
    assert_eq!(LOG.with(|log| log.lock().unwrap().clone()), ["slow begins", "slow dropped"]);
}

#[test]
fn detachable_steps_run_in_place_elsewhere() {
    let (_, log, _) = run(&[(Scope::Global, "<inbound><apart name=\"x\"/></inbound>")]);
    assert_eq!(log, ["x in place"]);
}

#[test]
fn last_error_says_where_and_why() {
    let text = "<inbound><mark name=\"a\"/><hold name=\"h\"><mark name=\"b\"/><fail name=\"x\"/></hold></inbound>";
    let failing = text.replace("<fail name", "<mark name=\"c\"/><fail id=\"p-1\" name");
    let (outcome, log, cx) = run(&[
        (
            Scope::Operation,
            "<inbound><base/></inbound><on-error><mark name=\"narrow\"/><base/></on-error>",
        ),
        (Scope::Api, &format!("{failing}<on-error><mark name=\"wide\"/></on-error>")),
    ]);
    assert_eq!(outcome, Outcome::Failed);
    assert_eq!(log, ["a", "b", "c", "h resumed 7 false", "narrow", "wide"]);
    let error = cx.last_error.unwrap();
    assert_eq!(
        (
            error.source,
            error.reason,
            error.message,
            error.scope,
            error.section,
            error.path,
            error.policy_id
        ),
        (
            "fail".to_owned(),
            "Why".to_owned(),
            "x failed".to_owned(),
            "api".to_owned(),
            "inbound".to_owned(),
            "hold[1]\\inner[1]\\fail[1]".to_owned(),
            "p-1".to_owned()
        )
    );
    let response = cx.response.unwrap();
    assert_eq!(response.status, StatusCode::IM_A_TEAPOT);
    assert_eq!(
        response.body.bytes().unwrap(),
        "{ \"statusCode\": 418, \"message\": \"x failed\" }"
    );
}

#[test]
fn fragments_run_in_place_and_secrets_are_masked() {
    let (_, log, cx) =
        run(&[(Scope::Global, "<inbound><include-fragment fragment-id=\"shared\"/></inbound>")]);
    assert_eq!(log, ["in fragment"]);
    let error = cx.last_error.unwrap();
    assert_eq!(
        (error.path.as_str(), error.message.as_str()),
        ("include-fragment[1]\\fail[1]", "*** failed")
    );
}

#[test]
fn a_failing_on_error_that_changed_nothing_leaves_the_first_error() {
    let text = "<inbound><fail name=\"x\"/></inbound><on-error><fail name=\"y\"/></on-error>";
    let (outcome, _, cx) = run(&[(Scope::Global, text)]);
    assert_eq!(outcome, Outcome::Failed);
    let response = cx.response.unwrap();
    assert_eq!(response.status, StatusCode::IM_A_TEAPOT);
    let body = r#"{ "statusCode": 418, "message": "x failed" }"#;
    assert_eq!(response.body.bytes().unwrap(), body);
    assert_eq!(cx.last_error.unwrap().section, "on-error");
}

#[test]
fn a_body_is_read_just_before_the_first_step_that_needs_it() {
    let (_, log, cx) = run(&[(
        Scope::Global,
        "<inbound><mark name=\"a\"/><read name=\"r\"/><read name=\"s\"/></inbound>",
    )]);
    assert_eq!(log, ["a", "body read", "r", "s"]);
    assert_eq!(cx.request.body.bytes().unwrap(), "body");
    let (_, log, _) =
        run(&[(Scope::Global, "<inbound><fail name=\"a\"/><read name=\"r\"/></inbound>")]);
    assert_eq!(log, Vec::<String>::new());
}

#[test]
fn what_documents_may_not_hold_is_reported() {
    let text = "<policies><inbound><base/><base/><mark/><mrak name=\"a\"/><xsl-transform/><hold name=\"h\"><base/></hold>\
                <include-fragment fragment-id=\"sharde\"/><mark name=\"a\" nmae=\"b\">x</mark><inbound/></inbound><inbond/></policies>";
    let mut sources = Sources::default();
    let file = sources.add("a.xml", text);
    let (document, mut diagnostics) = read::read(file, text, &ReadOptions::new(&NoNamedValues));
    let ports = ports();
    let info = DocumentInfo { scope: Scope::Api, template_parameters: None };
    compile_document(&document.unwrap().root, info, &env(&ports), &mut diagnostics);
    let shown: Vec<String> = diagnostics
        .iter()
        .map(|found| {
            let text = render::human(found, &sources);
            let help = text
                .lines()
                .filter_map(|line| line.split_once("help: "))
                .map(|(_, help)| format!(" ({help})"));
            format!("{} {}{}", found.code.as_str(), found.message, help.collect::<String>())
        })
        .collect();
    expect_test::expect![[r#"
        E0207 `base` appears twice in a section
        E0204 `mark` needs the attribute `name`
        E0201 unknown policy `mrak` (did you mean `mark`?)
        E0202 policy `xsl-transform` is not supported (transform elsewhere)
        E0208 `base` must stand directly in a section
        E0212 there is no fragment `sharde` (did you mean `shared`?)
        E0203 unknown attribute `nmae` (did you mean `name`?)
        E0209 text is not allowed in `mark`
        E0201 section `inbound` is not allowed here
        E0201 unknown section `inbond` (did you mean `inbound`?)"#]]
    .assert_eq(&shown.join("\n"));
}

#[test]
fn policies_may_appear_only_so_often() {
    let found = |text: &str| {
        let ports = ports();
        let fragment = root(r#"<fragment><in-section name="f"/></fragment>"#);
        let fragments = Fragments::new(HashMap::from([("one".to_owned(), fragment)]));
        let env = CompileEnv { fragments, ..env(&ports) };
        let mut diagnostics = Vec::new();
        let info = DocumentInfo { scope: Scope::Api, template_parameters: None };
        compile_document(
            &root(&format!("<policies>{text}</policies>")),
            info,
            &env,
            &mut diagnostics,
        );
        diagnostics.iter().map(|found| found.code.as_str()).collect::<Vec<_>>().join(" ")
    };
    let once = r#"<in-section name="x"/>"#;
    let held = format!(r#"<hold name="h">{once}</hold>"#);
    let included = r#"<include-fragment fragment-id="one"/>"#;
    assert_eq!(found(&format!("<inbound>{once}</inbound><outbound>{once}</outbound>")), "");
    assert_eq!(found(&format!("<inbound>{once}{once}</inbound>")), "E0207");
    assert_eq!(found(&format!("<inbound>{once}{held}</inbound>")), "E0207");
    assert_eq!(found(&format!("<inbound>{held}{held}</inbound>")), "W0217");
    assert_eq!(found(&format!("<inbound>{included}{once}</inbound>")), "E0207");
    assert_eq!(found(&format!("<inbound>{included}</inbound><outbound>{included}</outbound>")), "");
    let nested = format!(r#"<hold name="h">{included}</hold>"#);
    assert_eq!(found(&format!("<inbound>{nested}{held}</inbound>")), "W0217");
    let once = r#"<in-document name="x"/>"#;
    assert_eq!(found(&format!("<inbound>{once}</inbound><outbound>{once}</outbound>")), "E0207");
}

#[test]
fn fragments_hold_something_but_not_too_much() {
    let found = |content: &str| {
        let ports = ports();
        let fragment = root(&format!("<fragment>{content}</fragment>"));
        let mut diagnostics = Vec::new();
        compile_fragment(&fragment, Section::Inbound, Scope::Api, &env(&ports), &mut diagnostics);
        diagnostics.iter().map(|found| found.code.as_str()).collect::<Vec<_>>().join(" ")
    };
    let mark = r#"<mark name="m"/>"#;
    assert_eq!(found(mark), "");
    assert_eq!(found(""), "W0217");
    assert_eq!(found(&format!("{mark}<!-- {} -->", "x".repeat(512 * 1024))), "E0002");
    assert_eq!(found("<base/>"), "E0213");
    assert_eq!(found(r#"<include-fragment fragment-id="shared"/>"#), "E0213");
    assert_eq!(found("<inbound/>"), "E0213");
    assert_eq!(found(r#"<hold name="h"><base/></hold>"#), "E0213");
}

#[test]
fn constants_are_settled_at_load() {
    let literal: Value<i64> = Value::Literal(3);
    assert_eq!(literal.literal(), Some(&3));
    assert_eq!(literal.eval(&mut request_cx()).unwrap(), 3);
}
