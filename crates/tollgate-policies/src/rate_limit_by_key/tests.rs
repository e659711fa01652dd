use crate::testing::{Case, Run, World};

fn policy(more: &str) -> String {
    format!(r#"<rate-limit-by-key calls="2" renewal-period="60" counter-key="k" {more} />"#)
}

fn run(world: &World, policies: &str) -> Run {
    Case::inbound(policies).within(world).run()
}

fn statuses(world: &World, policies: &str, n: usize) -> Vec<u16> {
    (0..n).map(|_| run(world, policies).status()).collect()
}

#[test]
fn one_call_more_is_refused() {
    let world = World::new();
    let told = policy(r#"remaining-calls-header-name="left" total-calls-header-name="total""#);
    let left: Vec<String> = (0..2).map(|_| run(&world, &told).header("left").to_owned()).collect();
    assert_eq!(left, ["1", "0"]);
    let refused = run(&world, &told);
    assert_eq!((refused.status(), refused.reason()), (429, "RateLimitExceeded"));
    assert_eq!((refused.source(), refused.header("retry-after")), ("rate-limit-by-key", "60"));
    assert_eq!((refused.header("left"), refused.header("total")), ("0", "2"));
    assert_eq!(
        refused.body(),
        r#"{ "statusCode": 429, "message": "Rate limit is exceeded. Try again in 60 seconds." }"#
    );
    assert_eq!(statuses(world.at(60_000), &told, 3), [200, 200, 429]);
}

#[test]
fn everything_may_be_an_expression() {
    let world = World::new();
    let policy = r#"<rate-limit-by-key calls="@(1 + 1)" renewal-period="@(30 * 2)" increment-count="@(2)"
        counter-key="@(context.Request.OriginalUrl.Path)" />"#;
    let at = |path: &str| Case::inbound(policy).url(path).within(&world).run().status();
    assert_eq!([at("/a"), at("/a"), at("/b"), at("/b")], [200, 429, 200, 429]);
    let period = r#"<rate-limit-by-key calls="1" renewal-period="@(301)" counter-key="k" />"#;
    assert_eq!(run(&world, period).reason(), "ExpressionValueEvaluationFailure");
    let negative = r#"<rate-limit-by-key calls="1" renewal-period="60" counter-key="k" increment-count="@(-1)" />"#;
    assert_eq!(run(&world, negative).reason(), "ExpressionValueEvaluationFailure");
    let none = r#"<rate-limit-by-key calls="@(0)" renewal-period="60" counter-key="none" />"#;
    let refused = run(&world, none);
    assert_eq!((refused.status(), refused.header("retry-after")), (429, "60"));
}

#[test]
fn a_counter_is_shared_by_its_key_and_counts_a_request_once() {
    let world = World::new();
    let twice = format!("{0}{0}", policy(""));
    assert_eq!(statuses(&world, &twice, 3), [200, 200, 429]);
    let stricter = policy("").replace("calls=\"2\"", "calls=\"3\"");
    assert_eq!(statuses(&world, &stricter, 2), [200, 429]);
    let apart = policy("").replace("\"60\"", "\"30\"");
    assert_eq!(statuses(&world, &apart, 3), [200, 200, 429]);
}

#[test]
fn a_condition_without_the_response_is_decided_at_once() {
    let world = World::new();
    let policy = policy(
        r#"increment-condition="@(context.Request.OriginalUrl.Path == &quot;/counts&quot;)""#,
    );
    let at = |path: &str| Case::inbound(&policy).url(path).within(&world).run().status();
    assert_eq!([at("/free"), at("/free"), at("/free")], [200; 3]);
    assert_eq!([at("/counts"), at("/counts"), at("/counts")], [200, 200, 429]);
    assert_eq!(at("/free"), 429, "what does not count is refused as well");
}

#[test]
fn a_condition_on_the_response_is_decided_when_it_is_known() {
    let counts = policy(r#"increment-condition="@(context.Response.StatusCode == 201)""#);
    for world in [World::new(), World::waiting()] {
        let with = |status: &str| {
            let response = format!(
                "{counts}<return-response><set-status code=\"{status}\" /></return-response>"
            );
            run(&world, &response).status()
        };
        assert_eq!([with("202"), with("202"), with("202")], [202; 3]);
        assert_eq!([with("201"), with("201"), with("201")], [201, 201, 429]);
        // A refusal that another policy makes counts as well if its response does.
        assert_eq!(with("202"), 429);
    }
}

#[test]
fn a_count_from_the_response_is_added_when_it_is_known() {
    let world = World::new();
    let counts = r#"<rate-limit-by-key calls="100" renewal-period="60" counter-key="k"
        increment-count="@(int.Parse(context.Response.Headers.GetValueOrDefault("used", "0")))" remaining-calls-header-name="left" />
        <return-response><set-header name="used"><value>70</value></set-header></return-response>"#;
    let first = run(&world, counts);
    assert_eq!((first.status(), first.header("left")), (200, "100"));
    assert_eq!(run(&world, counts).header("left"), "30");
    assert_eq!(run(&world, counts).status(), 429, "140 of 100");
}

#[test]
fn counting_after_the_response_leaves_room_until_then() {
    let world = World::new();
    let policy = policy(r#"increment-after-response="true" remaining-calls-header-name="left""#);
    assert_eq!(run(&world, &policy).header("left"), "2");
    assert_eq!(run(&world, &policy).header("left"), "1");
    assert_eq!(run(&world, &policy).status(), 429);
}

#[test]
fn a_condition_that_fails_at_the_end_counts_and_is_traced() {
    let world = World::new();
    let fails = policy(r#"increment-condition="@(int.Parse(context.Response.StatusReason) == 1)""#);
    let first = run(&world, &fails);
    assert_eq!((first.status(), first.reason()), (200, ""));
    assert!(first.trace().contains("rate-limit-by-key: the request counts"), "{}", first.trace());
    assert_eq!(statuses(&world, &fails, 2), [200, 429]);
    let early = policy(r#"increment-condition="@(1 / int.Parse("0") == 1)""#);
    assert_eq!(run(&World::new(), &early).reason(), "ExpressionValueEvaluationFailure");
}

#[test]
fn variables_and_the_header_for_retrying_are_named_by_the_author() {
    let world = World::new();
    let policy = policy(
        r#"retry-after-header-name="X-Wait" retry-after-variable-name="wait" remaining-calls-variable-name="left""#,
    );
    let run = || run(&world, &policy);
    assert_eq!(run().cx.variables.get("left").unwrap().as_int(), Some(1));
    assert_eq!(run().cx.variables.get("left").unwrap().as_int(), Some(0));
    let refused = run();
    assert_eq!(refused.cx.variables.get("wait").unwrap().as_int(), Some(60));
    assert_eq!((refused.header("x-wait"), refused.header("retry-after")), ("60", ""));
}

#[test]
fn mistakes_are_found_at_load() {
    for (attributes, why) in [
        (r#"renewal-period="60" counter-key="k""#, "needs the attribute `calls`"),
        (r#"calls="1" counter-key="k""#, "needs the attribute `renewal-period`"),
        (r#"calls="1" renewal-period="60""#, "needs the attribute `counter-key`"),
        (r#"calls="0" renewal-period="60" counter-key="k""#, "expected 1 or more"),
        (r#"calls="1" renewal-period="0" counter-key="k""#, "expected 1 to 300 seconds"),
        (
            r#"calls="1" renewal-period="60" counter-key="k" increment-count="0""#,
            "expected 1 or more",
        ),
        (
            r#"calls="1" renewal-period="60" counter-key="k" increment-condition="maybe""#,
            "expected `true` or `false`",
        ),
        (
            r#"calls="1" renewal-period="60" counter-key="k" increment-after-response="@(true)""#,
            "takes no policy expression",
        ),
        (
            r#"calls="1" renewal-period="60" counter-key="k" remaining-calls-header-name="a b""#,
            "expected the name of a header",
        ),
    ] {
        Case::inbound(&format!("<rate-limit-by-key {attributes} />")).refused(why);
    }
    Case::inbound(&policy(r#"flexible-retry-window="true""#)).warned("flexible-retry-window");
    let api = policy("")
        .replace(" />", "><api id=\"a\" calls=\"1\" renewal-period=\"60\" /></rate-limit-by-key>");
    Case::inbound(&api).refused("unknown element `api`");
}
