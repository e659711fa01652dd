use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::VARY;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use tollgate_engine::{Body, Response};

use super::{Entry, StoredResponse};
use crate::testing::{Case, FakeCache, NOW, Run};

const NOW_TICKS: i64 = 621_355_968_000_000_000;

fn headers(lines: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        headers.append(name, HeaderValue::from_str(value).unwrap());
    }
    headers
}

fn response(lines: &[(&str, &str)]) -> Response {
    let mut response = Response::new(StatusCode::OK);
    response.headers = headers(lines);
    response.body = Body::Replaced("body".into());
    response
}

fn entry(response: &Response, request: &HeaderMap) -> Bytes {
    let entry = Entry { ticks: NOW_TICKS, lifetime: Duration::from_secs(10) };
    let mut bytes = entry.head(response, request);
    bytes.extend_from_slice(b"body");
    bytes.into()
}

#[test]
fn a_response_comes_back_without_what_is_about_its_transport() {
    let mut kept = response(&[
        ("content-type", "text/plain"),
        ("x-a", "1"),
        ("x-a", "2"),
        ("set-cookie", "id=1"),
        ("connection", "close"),
        ("content-length", "4"),
        ("date", "now"),
        ("cache-control", "private"),
        ("age", "7"),
    ]);
    kept.status = StatusCode::NOT_FOUND;
    kept.reason = Some("Not Here".into());
    let bytes = entry(&kept, &HeaderMap::new());
    let read = StoredResponse::read(&bytes, NOW_TICKS + 30_000_000).unwrap();
    assert_eq!((read.age, read.lifetime), (Duration::from_secs(3), Duration::from_secs(10)));
    assert_eq!((read.response.status.as_u16(), read.response.phrase()), (404, "Not Here"));
    assert_eq!(
        read.response.headers,
        headers(&[("content-type", "text/plain"), ("x-a", "1"), ("x-a", "2")])
    );
    assert_eq!(read.response.body.bytes().map(|body| &body[..]), Some(&b"body"[..]));
    assert!(StoredResponse::read(&bytes, NOW_TICKS + 100_000_000).is_none());
    assert!(StoredResponse::read(&bytes, NOW_TICKS - 100_000_000).is_some());
}

#[test]
fn what_the_response_varies_by_must_agree() {
    let kept = response(&[("vary", "Accept-Language, accept-encoding"), ("vary", "X-A")]);
    let request = headers(&[("accept-language", "de"), ("x-a", "1"), ("x-a", "2")]);
    let bytes = entry(&kept, &request);
    let answers = |lines: &[(&str, &str)]| {
        StoredResponse::read(&bytes, NOW_TICKS).unwrap().answers(&headers(lines))
    };
    assert!(answers(&[("x-a", "1"), ("x-a", "2"), ("accept-language", "de"), ("x-b", "3")]));
    assert!(answers(&[
        ("x-a", "1"),
        ("x-a", "2"),
        ("accept-language", "de"),
        ("accept-encoding", "br")
    ]));
    assert!(!answers(&[("x-a", "12"), ("accept-language", "de")]));
    assert!(!answers(&[("x-a", "1"), ("x-a", "2")]));
    assert!(!answers(&[]));
    assert!(super::varies_by_everything(&headers(&[(VARY.as_str(), "accept, *")])));
}

#[test]
fn strange_bytes_are_no_response() {
    let bytes = entry(&response(&[("x-a", "1"), ("vary", "x-b")]), &HeaderMap::new());
    // Where the body begins nothing says how long it is.
    for length in 0..bytes.len() - 4 {
        assert!(StoredResponse::read(&bytes.slice(..length), NOW_TICKS).is_none(), "{length}");
    }
    for at in 0..bytes.len() - 4 {
        let mut changed = bytes.to_vec();
        changed[at] = 0xff;
        drop(StoredResponse::read(&changed.into(), NOW_TICKS));
    }
}

/// One request with a cache, to a backend that says what it is told.
struct Request {
    lookup: String,
    store: String,
    url: String,
    headers: Vec<(&'static str, &'static str)>,
    method: Method,
    body: Option<&'static str>,
    answer: Response,
    streaming: bool,
    at: i64,
}

impl Request {
    fn new(url: &str) -> Self {
        Self {
            lookup: String::new(),
            store: r#"duration="60""#.to_owned(),
            url: url.to_owned(),
            headers: Vec::new(),
            method: Method::GET,
            body: None,
            answer: response(&[("content-type", "text/plain")]),
            streaming: false,
            at: 0,
        }
    }

    fn lookup(mut self, attributes: &str) -> Self {
        attributes.clone_into(&mut self.lookup);
        self
    }

    fn store(mut self, attributes: &str) -> Self {
        attributes.clone_into(&mut self.store);
        self
    }

    fn header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }

    fn method(mut self, method: Method) -> Self {
        self.method = method;
        self
    }

    fn answer(mut self, answer: Response) -> Self {
        self.answer = answer;
        self
    }

    fn at(mut self, seconds: i64) -> Self {
        self.at = seconds;
        self
    }

    fn run(self, cache: &Arc<FakeCache>) -> Run {
        let (attributes, children) = self.lookup.split_once('|').unwrap_or((&self.lookup, ""));
        let lookup = format!(
            r#"<cache-lookup vary-by-developer="false" vary-by-developer-groups="false" {attributes}>{children}</cache-lookup>"#
        );
        let mut case = Case::backend("<forward-request />")
            .inbound_too(&lookup)
            .outbound_too(&format!("<cache-store {} />", self.store))
            .url(&self.url)
            .method(self.method)
            .cache(cache)
            .at(NOW + self.at)
            .answer(Ok(self.answer));
        for (name, value) in self.headers {
            case = case.header(name, HeaderValue::from_static(value));
        }
        if let Some(body) = self.body {
            case = case.body(body);
        }
        if self.streaming {
            case = case.streaming_answer();
        }
        let run = case.run();
        assert_eq!(run.reason(), "");
        run
    }

    /// Whether the backend was asked.
    fn asks(self, cache: &Arc<FakeCache>) -> bool {
        !self.run(cache).forwarded().is_empty()
    }
}

/// Whether the second request is answered by what was kept of the first.
fn shared(first: Request, second: Request) -> bool {
    let cache = Arc::new(FakeCache::new(false));
    assert!(first.asks(&cache), "the first request finds something");
    !second.asks(&cache)
}

#[test]
fn the_second_request_is_answered_by_the_cache() {
    for external in [false, true] {
        let cache = Arc::new(FakeCache::new(external));
        assert!(Request::new("/a?x=1").asks(&cache));
        let hit = Request::new("/a?x=1").at(20).run(&cache);
        assert!(hit.forwarded().is_empty());
        assert_eq!((hit.status(), hit.body().as_str()), (200, "body"));
        let said = &hit.cx.response.as_ref().unwrap().headers;
        assert_eq!(said["cache-control"], "no-store, must-revalidate, no-cache");
        assert_eq!(said["pragma"], "no-cache");
        assert_eq!(said["content-type"], "text/plain");
        assert!(Request::new("/a?x=1").at(60).asks(&cache));
    }
}

#[test]
fn what_requests_differ_in_tells_them_apart() {
    let same = || Request::new("/a?x=1&y=2");
    assert!(shared(same(), same()));
    for other in ["/a?x=1", "/a?x=1&y=3", "/a?y=2&x=1", "/b?x=1&y=2", "/a"] {
        assert!(!shared(same(), Request::new(other)), "{other}");
    }
    assert!(shared(same(), same().header("accept", "text/html")));
    for (name, value) in [
        ("x-original-url", "/admin"),
        ("x-rewrite-url", "/admin"),
        ("x-http-method-override", "POST"),
        ("x-forwarded-host", "evil.example"),
        ("forwarded", "host=evil.example"),
        ("x-forwarded-scheme", "http"),
    ] {
        assert!(!shared(same().header(name, value), same()), "{name}");
    }
}

#[test]
fn dimensions_are_those_that_are_named() {
    let by_query = |url: &str| {
        Request::new(url).lookup("|<vary-by-query-parameter>x; z</vary-by-query-parameter>")
    };
    assert!(shared(by_query("/?x=1&y=1"), by_query("/?y=2&x=1")));
    for other in ["/?x=2&y=1", "/?y=1", "/?x=1&x=1", "/?x=1&z=", "/?X=1"] {
        assert!(!shared(by_query("/?x=1&y=1"), by_query(other)), "{other}");
    }
    for other in ["/?X=1", "/?%78=1", "/?X=1&y=2", "/?y=1;x=1", "/?y=1%26;x=1"] {
        assert!(!shared(by_query(other), by_query("/?y=1")), "{other}");
    }
    let by_header = || Request::new("/").lookup("|<vary-by-header>Accept</vary-by-header>");
    assert!(shared(by_header().header("accept", "a"), by_header().header("accept", "a")));
    assert!(!shared(by_header().header("accept", "a"), by_header().header("accept", "b")));
    assert!(!shared(by_header().header("accept", ""), by_header()));
}

#[test]
fn only_plain_gets_are_cached() {
    let posts = || Request::new("/").method(Method::POST);
    assert!(!shared(posts(), posts()));
    assert!(!shared(Request::new("/"), Request::new("/").method(Method::HEAD)));
    let fat = || Request { body: Some("x=1"), ..Request::new("/") };
    assert!(!shared(fat(), fat()));
    assert!(!shared(fat(), Request::new("/")));
    assert!(!shared(Request::new("/"), fat()));
    let upgrade = || Request::new("/").header("upgrade", "websocket");
    assert!(!shared(upgrade(), upgrade()));
    let private = || Request::new("/").header("authorization", "Bearer x");
    assert!(!shared(private(), private()));
    assert!(!shared(private(), Request::new("/")));
    assert!(!shared(Request::new("/"), private()));
    let allowed = || private().lookup(r#"allow-private-response-caching="@(true)""#);
    assert!(shared(allowed(), allowed()));
}

#[test]
fn only_good_responses_are_kept() {
    let status = |code: u16, store: &str| {
        let mut answer = response(&[]);
        answer.status = StatusCode::from_u16(code).unwrap();
        let request = || Request::new("/").store(store).answer(answer.clone());
        shared(request(), request())
    };
    let only = r#"duration="60""#;
    assert!(status(200, only));
    for code in [201, 404, 500] {
        assert!(!status(code, only), "{code}");
        assert!(status(code, r#"duration="60" cache-response="true""#), "{code}");
    }
    for code in [206, 304] {
        assert!(!status(code, r#"duration="60" cache-response="@(true)""#), "{code}");
    }
    assert!(!status(200, r#"duration="60" cache-response="false""#));
    assert!(!status(200, r#"duration="0""#));
    assert!(!status(200, r#"duration="@(-1)""#));
    let varies = || Request::new("/").answer(response(&[("vary", "*")]));
    assert!(!shared(varies(), varies()));
    let mut large = response(&[]);
    large.body = Body::Replaced(vec![b'a'; 70 << 10].into());
    let large = || Request::new("/").answer(large.clone());
    assert!(!shared(large(), large()));
}

#[test]
fn downstream_caches_are_told() {
    for (attributes, miss, hit) in [
        ("", "no-store, must-revalidate, no-cache", "no-store, must-revalidate, no-cache"),
        (
            r#"downstream-caching-type="private""#,
            "private, must-revalidate, max-age=60",
            "private, must-revalidate, max-age=35",
        ),
        (
            r#"downstream-caching-type="@("public")" must-revalidate="@(false)""#,
            "public, max-age=60",
            "public, max-age=35",
        ),
    ] {
        let cache = Arc::new(FakeCache::new(false));
        let request = |at| {
            let answer =
                response(&[("cache-control", "max-age=1"), ("expires", "0"), ("age", "9")]);
            let run = Request::new("/").lookup(attributes).answer(answer).at(at).run(&cache);
            let headers = &run.cx.response.as_ref().unwrap().headers;
            assert!(!headers.contains_key("expires") && !headers.contains_key("age"));
            headers["cache-control"].to_str().unwrap().to_owned()
        };
        assert_eq!((request(0).as_str(), request(25).as_str()), (miss, hit));
    }
}

#[test]
fn streams_are_kept_as_they_pass() {
    for external in [false, true] {
        let cache = Arc::new(FakeCache::new(external));
        let run = Request { streaming: true, ..Request::new("/") }.run(&cache);
        assert!(matches!(run.cx.response.as_ref().unwrap().body, Body::Stream));
        run.pass_stream();
        let hit = Request::new("/").run(&cache);
        assert_eq!((hit.forwarded().len(), hit.body().as_str()), (0, "body"));
    }
    let cache = Arc::new(FakeCache::new(false));
    let run = Request { streaming: true, ..Request::new("/") }.run(&cache);
    drop(run);
    assert!(Request::new("/").asks(&cache), "a stream that broke off was kept");
}

#[test]
fn what_is_wrong_is_said_at_load() {
    let lookup = |attributes: &str| {
        Case::inbound(&format!(
            r#"<cache-lookup vary-by-developer="false" vary-by-developer-groups="false" {attributes}</cache-lookup>"#
        ))
    };
    Case::inbound("<cache-lookup />").refused("`vary-by-developer` is missing");
    lookup(r#"downstream-caching-type="shared">"#).refused("expected one of `none`");
    lookup("><vary-by-header>a b</vary-by-header>").refused("expected the name of a header");
    lookup(r#"allow-private-response-caching="true">"#).warned("responses to one caller");
    let apart =
        r#"allow-private-response-caching="true"><vary-by-header>authorization</vary-by-header>"#;
    assert_eq!(lookup(apart).findings(), "");
    Case::outbound("<cache-store />").refused("`duration` is missing");
    Case::inbound(r#"<cache-store duration="1" />"#).refused("not allowed in `inbound`");
}
