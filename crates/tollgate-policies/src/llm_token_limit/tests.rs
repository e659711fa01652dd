use http::header::{ACCEPT_ENCODING, CONTENT_TYPE};
use http::{HeaderValue, Method, StatusCode};
use tollgate_engine::ports::BodyEnd;
use tollgate_engine::{Body, Response};

use crate::testing::{Case, NOW, Run, World};

const PATH: &str = "/openai/deployments/gpt-4o/chat/completions";
/// 8 tokens.
const HELLO: &str = r#"{"messages":[{"role":"user","content":"hello"}]}"#;
const HELLO_STREAM: &str = r#"{"stream":true,"messages":[{"role":"user","content":"hello"}]}"#;
const USED_11: &str = r#"{"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}}"#;

const HI: &str =
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi there\"}}],\"usage\":null}\n\n";
const HI_SEEN: &str =
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi there\"}}]}\n\n";
const STREAM_USAGE: &str = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":40,\"total_tokens\":49}}\n\n";
const STREAM_USAGE_12: &str = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":8,\"completion_tokens\":4,\"total_tokens\":12}}\n\n";
const DONE: &str = "data: [DONE]\n\n";

fn policy(more: &str) -> String {
    format!(r#"<llm-token-limit counter-key="k" {more} />"#)
}

fn rate(more: &str) -> String {
    policy(&format!(r#"tokens-per-minute="100" {more}"#))
}

fn call(world: &World, policies: &str, body: &str) -> Case {
    Case::backend("<forward-request />")
        .inbound_too(policies)
        .method(Method::POST)
        .url(PATH)
        .body(body)
        .within(world)
}

fn whole(body: &'static str) -> Response {
    let mut response = Response::new(StatusCode::OK);
    response.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.body = Body::Replaced(body.into());
    response
}

fn stream() -> Response {
    let mut response = Response::new(StatusCode::OK);
    let kind = HeaderValue::from_static("text/event-stream; charset=utf-8");
    response.headers.insert(CONTENT_TYPE, kind);
    response.body = Body::Stream;
    response
}

/// A request whose response says that it used 11 tokens.
fn use_11(world: &World, policies: &str) -> Run {
    let mut run = call(world, policies, HELLO).answer(Ok(whole(USED_11))).run();
    run.sent(0, 0);
    run
}

fn start_stream(world: &World, policies: &str, body: &str) -> Run {
    call(world, policies, body).answer(Ok(stream())).run()
}

/// Tokens that are left of the minute, and of the quota if there is one.
fn left(world: &World, policies: &str) -> String {
    let told = policies.replace(
        "/>",
        r#"remaining-tokens-header-name="left" remaining-quota-tokens-header-name="quota" />"#,
    );
    let run = Case::inbound(&told).within(world).run();
    format!("{} {}", run.header("left"), run.header("quota")).trim().to_owned()
}

#[test]
fn tokens_are_charged_as_the_response_says() {
    let world = World::new();
    let told = rate(
        r#"remaining-tokens-header-name="x-left" remaining-tokens-variable-name="left"
        tokens-consumed-header-name="x-used" tokens-consumed-variable-name="used""#,
    );
    let run = use_11(&world, &told);
    assert_eq!((run.header("x-left"), run.header("x-used")), ("100", "11"));
    assert_eq!((run.variable("left"), run.variable("used")), ("100".into(), "11".into()));
    let run = use_11(&world, &told);
    assert_eq!((run.header("x-left"), run.variable("left")), ("89", "89".into()));
    assert_eq!(left(&world, &rate("")), "78");
    assert_eq!(left(world.at(60_000), &rate("")), "100");
}

#[test]
fn a_request_passes_while_a_token_is_left_and_is_then_refused() {
    let world = World::new();
    let policy = policy(
        r#"tokens-per-minute="12" retry-after-variable-name="wait" remaining-tokens-header-name="left""#,
    );
    assert_eq!([use_11(&world, &policy).status(), use_11(&world, &policy).status()], [200, 200]);
    let refused = use_11(world.at(19_000), &policy);
    assert_eq!((refused.status(), refused.reason()), (429, "TokenLimitExceeded"));
    assert_eq!(
        (refused.source(), refused.message()),
        ("llm-token-limit", "Token limit is exceeded")
    );
    assert_eq!((refused.header("retry-after"), refused.variable("wait")), ("41", "41".into()));
    assert_eq!(refused.header("left"), "0");
    assert_eq!(
        refused.body(),
        r#"{ "statusCode": 429, "message": "Token limit is exceeded. Try again in 41 seconds." }"#
    );
    assert!(refused.forwarded().is_empty());
}

#[test]
fn a_quota_is_for_its_period() {
    // 2027-01-15T08:00:00Z is what the clock says.
    assert_eq!(NOW, 1_800_000_000);
    let world = World::new();
    let quota = policy(
        r#"token-quota="@(10 + 1)" token-quota-period="@("Hour" + "ly")" retry-after-header-name="x-wait"
            remaining-quota-tokens-header-name="quota" remaining-quota-tokens-variable-name="left""#,
    );
    let first = use_11(world.at(1_000), &quota);
    assert_eq!((first.header("quota"), first.variable("left")), ("11", "11".into()));
    let refused = use_11(world.at(2_307_000), &quota);
    assert_eq!((refused.status(), refused.reason()), (403, "TokenQuotaExceeded"));
    assert_eq!((refused.header("x-wait"), refused.header("quota")), ("1293", "0"));
    assert_eq!(
        refused.body(),
        r#"{ "statusCode": 403, "message": "Token quota is exceeded. Try again in 21 minutes and 33 seconds." }"#
    );
    assert_eq!(use_11(world.at(3_600_000), &quota).status(), 200);
    let both = policy(r#"tokens-per-minute="50" token-quota="1000" token-quota-period="Yearly""#);
    use_11(&world, &both);
    assert_eq!(left(&world, &both), "39 989");
}

#[test]
fn with_an_estimate_there_must_be_room_for_the_prompt() {
    let world = World::new();
    let estimating = policy(
        r#"tokens-per-minute="15" estimate-prompt-tokens="true" tokens-consumed-variable-name="used""#,
    );
    let backend = r#"<set-header name="x-used" exists-action="override"><value>@(((int)context.Variables["used"]).ToString())</value></set-header>"#;
    let run =
        call(&world, &format!("{estimating}{backend}"), HELLO).answer(Ok(whole(USED_11))).run();
    assert_eq!(run.forwarded()[0].request.headers["x-used"], "8");
    assert_eq!(run.variable("used"), "11");
    assert_eq!(left(&world, &estimating), "4");
    let refused = use_11(&world, &estimating);
    assert_eq!((refused.status(), refused.header("retry-after")), (429, "60"));
    let mut unanswered =
        call(world.at(60_000), &format!("{estimating}<return-response />"), HELLO).run();
    assert_eq!(left(&world, &estimating), "7", "the prompt is charged at once");
    unanswered.sent(0, 0);
    assert_eq!(left(&world, &estimating), "15", "and given back when no backend was called");
}

#[test]
fn errors_use_nothing_and_answers_without_usage_are_counted() {
    let world = World::new();
    let estimating = rate(r#"estimate-prompt-tokens="true" tokens-consumed-header-name="used""#);
    let mut error = Response::new(StatusCode::TOO_MANY_REQUESTS);
    error.body = Body::Replaced("{}".into());
    let mut run = call(&world, &estimating, HELLO).answer(Ok(error)).run();
    run.sent(0, 0);
    assert_eq!((run.header("used"), left(&world, &estimating)), ("0", "100".into()));
    let answer =
        r#"{"choices":[{"index":0,"message":{"content":"Hi there"},"finish_reason":"stop"}]}"#;
    let run = call(&world, &estimating, HELLO).answer(Ok(whole(answer))).run();
    assert_eq!((run.header("used"), left(&world, &estimating)), ("10", "90".into()));
}

#[test]
fn a_body_that_is_not_read_is_looked_at_as_it_passes() {
    let world = World::new();
    let mut answer = whole("");
    answer.body = Body::Stream;
    let mut run = call(&world, &rate(""), HELLO).answer(Ok(answer)).run();
    let (first, second) = USED_11.split_at(30);
    assert_eq!(run.pass(&[first, second], BodyEnd::Whole), USED_11);
    run.sent(0, 0);
    assert_eq!(left(&world, &rate("")), "89");
}

#[test]
fn streams_are_charged_their_usage_which_only_the_gateway_asked_for() {
    let world = World::new();
    let mut run = start_stream(&world, &rate(""), HELLO_STREAM);
    let sent = &run.forwarded()[0].request;
    assert_eq!(sent.headers[ACCEPT_ENCODING], "identity");
    let body = String::from_utf8_lossy(sent.body.bytes().unwrap()).into_owned();
    assert!(
        body.starts_with(r#"{"stream_options":{"include_usage":true},"stream":true"#),
        "{body}"
    );
    assert_eq!(run.cx.request.body.bytes().unwrap(), HELLO_STREAM, "policies see their own");
    let seen = run.pass(&[HI, STREAM_USAGE, DONE], BodyEnd::Whole);
    assert_eq!(seen, format!("{HI_SEEN}{DONE}"));
    run.sent(0, 0);
    assert_eq!(left(&world, &rate("")), "51");
}

#[test]
fn a_client_that_asked_gets_the_usage() {
    let world = World::new();
    let body = r#"{"stream":true,"stream_options":{"include_usage":true},"messages":[]}"#;
    let twice = format!("{0}{0}", rate(""));
    let run = start_stream(&world, &twice, body);
    assert_eq!(run.forwarded()[0].request.body.bytes().unwrap(), body);
    let all = format!("{HI}{STREAM_USAGE}{DONE}");
    let (first, second) = all.split_at(50);
    assert_eq!(run.pass(&[first, second], BodyEnd::Whole), all);
    assert_eq!(left(&world, &rate("")), "51", "one request counts once");
}

#[test]
fn a_stream_that_ends_too_early_is_charged_what_passed() {
    for how in [BodyEnd::Abandoned, BodyEnd::Broken, BodyEnd::Whole] {
        let world = World::new();
        let mut run = start_stream(&world, &rate(""), HELLO_STREAM);
        assert_eq!(run.pass(&[HI, HI], how), format!("{HI_SEEN}{HI_SEEN}"));
        run.sent(0, 0);
        // 8 for the prompt, 4 for what passed.
        assert_eq!(left(&world, &rate("")), "88", "{how:?}");
    }
}

#[test]
fn a_stream_is_charged_while_it_passes() {
    charged_while_it_passes(&World::new());
    charged_while_it_passes(&World::waiting());
}

fn charged_while_it_passes(world: &World) {
    let limit = policy(r#"tokens-per-minute="1000""#);
    let run = start_stream(world, &limit, HELLO_STREAM);
    let long = HI.replace("Hi there", &"word ".repeat(400));
    let many = [long.as_str(), &long];
    // The end is not told while the pieces pass, so what is charged by then is what passed.
    let during = std::cell::RefCell::new(String::new());
    run.pass_and(&many, || during.replace(left(world, &limit)).clear());
    assert_eq!(during.into_inner(), "199", "the completion, without the prompt");
    assert_eq!(left(world, &limit), "191");
}

#[test]
fn counters_that_are_waited_for_are_told_at_the_end() {
    let world = World::waiting();
    let limit = rate(r#"tokens-consumed-header-name="used""#);
    assert_eq!(use_11(&world, &limit).header("used"), "11");
    let mut run = start_stream(&world, &limit, HELLO_STREAM);
    run.pass(&[HI, STREAM_USAGE, DONE], BodyEnd::Whole);
    run.sent(0, 0);
    assert_eq!(left(&world, &rate("")), "40");
    let refused = use_11(&World::unreachable(), &limit);
    assert_eq!((refused.status(), refused.reason()), (503, "CountersUnavailable"));
}

#[test]
fn attributes_are_checked_at_load() {
    for (attributes, why) in [
        (r#"estimate-prompt-tokens="true""#, "needs the attribute `tokens-per-minute`"),
        (r#"token-quota="5""#, "also needs the attribute `token-quota-period`"),
        (r#"token-quota-period="Daily""#, "also needs the attribute `token-quota`"),
        (r#"token-quota="5" token-quota-period="Day""#, "Hourly"),
        (r#"tokens-per-minute="0""#, "tokens-per-minute"),
        (
            r#"tokens-per-minute="5" remaining-tokens-header-name="a b""#,
            "remaining-tokens-header-name",
        ),
    ] {
        Case::inbound(&policy(attributes)).refused(why);
    }
    let toolkit = policy(r#"tokens-per-minute="5" estimate-prompt-token="true""#);
    Case::inbound(&toolkit).warned("`estimate-prompt-token` is how the policy toolkit writes");
    let world = World::new();
    assert_eq!(use_11(&world, &toolkit).status(), 429, "the prompt alone is 8");
}

#[test]
fn the_older_name_counts_by_the_same_counters() {
    let world = World::new();
    let older = rate("").replace("llm-", "azure-openai-");
    use_11(&world, &older);
    assert_eq!((left(&world, &rate("")), left(&world, &older)), ("89".into(), "89".into()));
}

#[test]
fn what_is_no_call_of_a_model_is_left_alone() {
    let world = World::new();
    let run = Case::backend("<forward-request />")
        .inbound_too(&rate(""))
        .url("/openai/models")
        .answer(Ok(whole(USED_11)))
        .within(&world)
        .run();
    assert!(!run.forwarded()[0].request.headers.contains_key(ACCEPT_ENCODING));
    assert_eq!(left(&world, &rate("")), "100");
}

/// A request that may use 8 tokens for the prompt and so many for the completion.
fn bounded(world: &World, limit: &str, completion: u64) -> Run {
    let body = HELLO_STREAM.replacen('{', &format!(r#"{{"max_tokens":{completion},"#), 1);
    call(world, limit, &body).strict_tokens(50).answer(Ok(stream())).run()
}

#[test]
fn strict_limits_reserve_what_a_request_may_use() {
    let world = World::new();
    let limit = rate("");
    let mut first = bounded(&world, &limit, 42);
    assert_eq!((first.status(), left(&world, &limit)), (200, "50".into()));
    let second = bounded(&world, &limit, 43);
    assert_eq!((second.status(), second.reason()), (429, "TokenLimitExceeded"));
    assert_eq!(left(&world, &limit), "50", "what is refused reserves nothing");
    let third = bounded(&world, &limit, 42);
    assert_eq!((third.status(), left(&world, &limit)), (200, "0".into()));
    first.pass(&[HI, STREAM_USAGE, DONE], BodyEnd::Whole);
    first.sent(0, 0);
    assert_eq!(left(&world, &limit), "1", "the usage says 49");
}

#[test]
fn strict_limits_bound_completions_that_state_none_or_too_much() {
    let much = HELLO.replacen('{', r#"{"max_tokens":5000,"#, 1);
    for (body, expected, still) in
        [(HELLO, r#"{"max_tokens":50,"#, "42"), (&much, r#"{"max_tokens":92,"#, "0")]
    {
        let world = World::new();
        let run = call(&world, &rate(""), body).strict_tokens(50).answer(Ok(stream())).run();
        let sent = run.forwarded()[0].request.body.bytes().cloned().unwrap();
        assert!(sent.starts_with(expected.as_bytes()), "{sent:?}");
        assert_eq!(left(&world, &rate("")), still);
    }
}

#[test]
fn a_strict_stream_that_goes_past_its_bound_is_ended() {
    let world = World::new();
    let run = bounded(&world, &rate(""), 3);
    let seen = run.pass(&[HI, HI, HI, STREAM_USAGE, DONE], BodyEnd::Whole);
    assert!(seen.starts_with(HI_SEEN) && seen.ends_with(DONE), "{seen}");
    assert_eq!(seen.matches("Hi there").count(), 1, "{seen}");
    assert!(seen.contains(r#""finish_reason":"length""#), "{seen}");
    assert_eq!(left(&world, &rate("")), "90", "8 for the prompt, 2 that passed");
}

#[test]
fn strict_limits_hold_however_requests_mix() {
    let world = World::new();
    let limit = policy(r#"tokens-per-minute="1000""#);
    let mut delivered = 0;
    let mut open = Vec::new();
    for n in 0..200_u64 {
        let run = bounded(&world, &limit, 20 + n % 60);
        if run.status() == 200 {
            open.push(run);
        }
        // Every third is left, the others end with what they used.
        if n % 2 == 1
            && let Some(mut run) = open.pop()
        {
            if n % 3 == 0 {
                run.pass(&[HI], BodyEnd::Abandoned);
                delivered += 8 + 2;
            } else {
                run.pass(&[HI, HI, STREAM_USAGE_12, DONE], BodyEnd::Whole);
                delivered += 12;
            }
            run.sent(0, 0);
        }
        let used = 1000 - left(&world, &limit).parse::<u64>().unwrap();
        assert!(delivered <= used && used <= 1000, "{n}: {delivered} of {used}");
    }
    for mut run in open {
        run.pass(&[HI, HI, STREAM_USAGE_12, DONE], BodyEnd::Whole);
        run.sent(0, 0);
        delivered += 12;
    }
    assert_eq!(left(&world, &limit), (1000 - delivered).to_string());
}

#[test]
fn what_is_reserved_stays_in_the_minute_for_as_long_as_the_request_lasts() {
    for world in [World::new(), World::waiting()] {
        let limit = rate("");
        let mut long = bounded(&world, &limit, 60);
        assert_eq!(left(&world, &limit), "32");
        // The prompt was used a minute ago, the completion is to come; the backend may think as long as it likes.
        assert_eq!(left(world.at(60_000), &limit), "40");
        assert_eq!(left(world.at(600_000), &limit), "40");
        assert_eq!(bounded(&world, &limit, 33).status(), 429);
        long.piece(HI);
        world.at(700_000);
        assert_eq!(left(&world, &limit), "40");
        long.pass(&[HI, STREAM_USAGE_12, DONE], BodyEnd::Whole);
        long.sent(0, 0);
        assert_eq!(left(&world, &limit), "96", "what it delivered just now");
        assert_eq!(left(world.at(760_000), &limit), "100");
    }
}

#[test]
fn what_has_left_the_minute_is_not_given_back_out_of_what_others_used() {
    let world = World::new();
    let estimating = rate(r#"estimate-prompt-tokens="true""#);
    // An image is estimated at far more than this one costs.
    let image = r#"{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://x.example/"}}]}]}"#;
    let wide = estimating.replace("100", "5000");
    let mut long = start_stream(&world, &wide, image);
    world.at(60_000);
    use_11(&world, &wide);
    long.pass(&[HI, STREAM_USAGE_12, DONE], BodyEnd::Whole);
    long.sent(0, 0);
    assert_eq!(left(&world, &wide), "4989");
}

#[test]
fn what_goes_beyond_the_minute_is_paid_with_time() {
    let world = World::new();
    let limit = policy(r#"tokens-per-minute="4""#);
    assert_eq!(use_11(&world, &limit).header("retry-after"), "");
    let refused = use_11(&world, &limit);
    assert_eq!((refused.status(), refused.header("retry-after")), (429, "120"));
    assert_eq!(use_11(world.at(119_999), &limit).status(), 429);
    assert_eq!(use_11(world.at(120_000), &limit).status(), 200);
}

#[test]
fn a_request_whose_client_has_gone_before_an_answer_gives_back_what_it_reserved() {
    for world in [World::new(), World::waiting()] {
        let mut run = bounded(&world, &rate(""), 20);
        assert_eq!(left(&world, &rate("")), "72");
        run.pass(&[HI], BodyEnd::Abandoned);
        drop(std::mem::take(&mut run.cx.finally));
        assert_eq!(left(&world, &rate("")), "90");
        let unanswered = call(&world, &rate(""), HELLO).strict_tokens(20).run();
        assert_eq!(left(&world, &rate("")), "62");
        drop(unanswered);
        assert_eq!(left(&world, &rate("")), "90");
    }
}

#[test]
fn the_backends_own_path_may_name_the_deployment() {
    for (address, expected) in [
        ("https://a.example/openai/deployments/gpt-4", "cl100k"),
        ("https://a.example/openai/deployments/gpt-4o/", "o200k"),
    ] {
        let world = World::new();
        // 2 tokens in o200k_base, 3 in cl100k_base, and 7 around them.
        let body =
            r#"{"messages":[{"role":"user","content":"\u0939\u093f\u0928\u094d\u0926\u0940"}]}"#;
        let to = format!(r#"<set-backend-service base-url="{address}" />"#);
        let policies = format!("{to}{}", rate(r#"estimate-prompt-tokens="true""#));
        let _open = Case::backend("<return-response />")
            .inbound_too(&policies)
            .method(Method::POST)
            .url("/chat/completions")
            .body(body)
            .within(&world)
            .run();
        let tokens = 100 - left(&world, &rate("")).parse::<u64>().unwrap();
        let is_newer = tokens < 11;
        assert_eq!(if is_newer { "o200k" } else { "cl100k" }, expected, "{tokens}");
    }
}

#[test]
fn what_a_stream_delivers_counts_from_then_on() {
    let world = World::new();
    let limit = policy(r#"tokens-per-minute="1000""#);
    let long = HI.replace("Hi there", &"word ".repeat(100));
    let mut run = bounded(&world, &limit, 900);
    assert_eq!(left(&world, &limit), "92");
    world.at(50_000);
    let pieces = [long.as_str(), &long];
    run.pass_and(&pieces, || {
        assert_eq!(left(&world, &limit), "92", "what passed is taken off what was reserved");
    });
    run.sent(0, 0);
    // 8 for the prompt at the beginning, 201 later.
    assert_eq!(left(&world, &limit), "791");
    assert_eq!(left(world.at(60_000), &limit), "799");
    assert_eq!(left(world.at(110_000), &limit), "1000");
}

/// How 200 clients on one key use a model for three minutes.
mod clients;
