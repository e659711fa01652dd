use crate::testing::{Case, World};

const ONE: &str = r#"<limit-concurrency key="k" max-count="1">INSIDE</limit-concurrency>"#;

fn around(inside: &str) -> String {
    ONE.replace("INSIDE", inside)
}

fn check(world: &World, inside: &str, status: u16, reason: &str) {
    let run = Case::inbound(&around(inside)).within(world).run();
    assert_eq!((run.status(), run.reason()), (status, reason), "{}", run.message());
}

#[test]
fn one_more_is_refused_and_keys_are_apart() {
    let world = World::new();
    let other = ONE.replace("\"k\"", "\"other\"");
    check(&world, &other.replace("INSIDE", "<set-status code=\"201\" />"), 201, "");
    let run = Case::inbound(&around(&around(""))).within(&world).run();
    assert_eq!((run.status(), run.reason()), (429, "ConcurrencyLimitExceeded"));
    assert_eq!(run.source(), "limit-concurrency");
    assert_eq!(run.body(), r#"{ "statusCode": 429, "message": "Concurrency limit is exceeded." }"#);
    let path = &run.cx.last_error.as_ref().unwrap().path;
    assert_eq!(path, r"limit-concurrency[1]\limit-concurrency[1]");
}

#[test]
fn every_way_out_leaves() {
    let world = World::new();
    check(&world, "<set-status code=\"201\" />", 201, "");
    check(
        &world,
        "<set-variable name=\"x\" value=\"@(1 / int.Parse(&quot;0&quot;))\" />",
        500,
        "ExpressionValueEvaluationFailure",
    );
    check(&world, "<return-response><set-status code=\"202\" /></return-response>", 202, "");
    check(&world, &around(""), 429, "ConcurrencyLimitExceeded");
    check(&world, "<set-status code=\"203\" />", 203, "");
}

#[test]
fn a_request_that_goes_away_leaves() {
    let world = World::new();
    let mut run = Case::inbound("").within(&world).run();
    let key = crate::limit::shared_key("concurrency", "k");
    run.cx.counted.hold(run.cx.ports.counters.enter(key, 1).unwrap());
    check(&world, "", 429, "ConcurrencyLimitExceeded");
    drop(run);
    check(&world, "", 200, "");
}

#[test]
fn the_key_is_an_expression() {
    let world = World::new();
    let policy = r#"<set-variable name="k" value="other" /><limit-concurrency key="@((string)context.Variables["k"])" max-count="1">
        <limit-concurrency key="k" max-count="1"><set-status code="201" /></limit-concurrency></limit-concurrency>"#;
    assert_eq!(Case::inbound(policy).within(&world).run().status(), 201);
}

#[test]
fn mistakes_are_found_at_load() {
    for (policy, why) in [
        (r#"<limit-concurrency max-count="1" />"#, "needs the attribute `key`"),
        (r#"<limit-concurrency key="k" />"#, "needs the attribute `max-count`"),
        (r#"<limit-concurrency key="k" max-count="0" />"#, "expected 1 or more"),
        (r#"<limit-concurrency key="k" max-count="@(1)" />"#, "takes no policy expression"),
    ] {
        Case::inbound(policy).refused(why);
    }
}
