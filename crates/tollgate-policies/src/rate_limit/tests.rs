use std::sync::Arc;

use tollgate_engine::{Api, Operation, Product, Scope, Subscription};

use crate::testing::{Case, Run, World};

const POLICY: &str = r#"<rate-limit calls="2" renewal-period="60" />"#;

fn world(subscription: &str, api: &str, operation: &str) -> World {
    let mut world = World::new();
    enter(&mut world, subscription, api, operation);
    world
}

fn enter(world: &mut World, subscription: &str, api: &str, operation: &str) {
    let named = |id: &str| (id.to_owned(), format!("{id} name"));
    let (id, name) = named(subscription);
    world.info.subscription = Some(Arc::new(Subscription { id, name, ..Subscription::default() }));
    let (id, name) = named(api);
    world.info.api = Some(Arc::new(Api { id, name, ..Api::default() }));
    let (id, name) = named(operation);
    world.info.operation = Some(Arc::new(Operation { id, name, ..Operation::default() }));
    let (id, name) = named("product");
    world.info.product = Some(Arc::new(Product { id, name, ..Product::default() }));
}

fn run(world: &World, policy: &str) -> Run {
    Case::inbound(policy).scope(Scope::Product).within(world).run()
}

fn statuses(world: &World, policy: &str, n: usize) -> Vec<u16> {
    (0..n).map(|_| run(world, policy).status()).collect()
}

#[test]
fn one_call_more_is_refused_until_the_first_has_left_the_window() {
    let world = world("s", "a", "o");
    assert_eq!(statuses(world.at(0), POLICY, 1), [200]);
    assert_eq!(statuses(world.at(10_000), POLICY, 1), [200]);
    let refused = run(world.at(20_001), POLICY);
    assert_eq!((refused.status(), refused.reason()), (429, "RateLimitExceeded"));
    assert_eq!((refused.source(), refused.message()), ("rate-limit", "Rate limit is exceeded"));
    assert_eq!(refused.header("retry-after"), "40");
    assert_eq!(
        refused.body(),
        r#"{ "statusCode": 429, "message": "Rate limit is exceeded. Try again in 40 seconds." }"#
    );
    assert_eq!(statuses(world.at(59_999), POLICY, 1), [429]);
    assert_eq!(statuses(world.at(60_000), POLICY, 2), [200, 429]);
}

#[test]
fn subscriptions_count_apart_and_without_one_nothing_counts() {
    let mut world = world("s", "a", "o");
    assert_eq!(statuses(&world, POLICY, 3), [200, 200, 429]);
    enter(&mut world, "t", "a", "o");
    assert_eq!(statuses(&world, POLICY, 3), [200, 200, 429]);
    world.info.subscription = None;
    assert_eq!(statuses(&world, POLICY, 5), [200; 5]);
}

#[test]
fn scopes_count_apart() {
    let world = world("s", "a", "o");
    for scope in [Scope::Product, Scope::Api, Scope::Operation] {
        let one = r#"<rate-limit calls="1" renewal-period="60" />"#;
        let status = || Case::inbound(one).scope(scope).within(&world).run().status();
        assert_eq!([status(), status()], [200, 429], "{scope}");
    }
}

#[test]
fn apis_and_operations_have_limits_of_their_own() {
    const NESTED: &str = r#"
        <rate-limit calls="5" renewal-period="60" remaining-calls-header-name="left" total-calls-header-name="total">
            <api id="a" name="b name" calls="3" renewal-period="60">
                <operation name="o name" calls="1" renewal-period="30" />
            </api>
            <api name="b name" calls="1" renewal-period="60" />
        </rate-limit>"#;
    let mut world = world("s", "a", "o");
    let left = |world: &World| {
        let run = run(world, NESTED);
        (run.status(), run.header("left").to_owned(), run.header("total").to_owned())
    };
    let expect = |status, left: &str| (status, left.to_owned(), "5".to_owned());
    assert_eq!(left(&world), expect(200, "0"), "the operation");
    assert_eq!(left(&world), expect(429, "0"), "what is refused counts nowhere");
    enter(&mut world, "s", "a", "p");
    assert_eq!(left(&world), expect(200, "1"), "the API has one left, the product three");
    enter(&mut world, "s", "b", "o");
    assert_eq!(left(&world), expect(200, "0"), "by name");
    assert_eq!(left(&world), expect(429, "0"));
    enter(&mut world, "s", "c", "o");
    assert_eq!(left(&world), expect(200, "1"), "the product alone");
    assert_eq!(left(&world), expect(200, "0"));
    assert_eq!(left(&world), expect(429, "0"));
    world.at(30_000);
    enter(&mut world, "s", "a", "o");
    assert_eq!(left(&world).0, 429, "the product is exceeded still");
}

#[test]
fn the_longest_wait_is_said() {
    const NESTED: &str = r#"
        <rate-limit calls="1" renewal-period="60" retry-after-header-name="X-Wait" retry-after-variable-name="wait">
            <api id="a" calls="1" renewal-period="100" />
        </rate-limit>"#;
    let world = world("s", "a", "o");
    assert_eq!(run(&world, NESTED).status(), 200);
    let refused = run(world.at(1_000), NESTED);
    assert_eq!((refused.header("x-wait"), refused.header("retry-after")), ("99", ""));
    assert_eq!(refused.cx.variables.get("wait").unwrap().as_int(), Some(99));
}

#[test]
fn headers_are_on_the_response_whoever_makes_it() {
    const TOLD: &str = r#"<rate-limit calls="2" renewal-period="60" remaining-calls-header-name="left"
        remaining-calls-variable-name="left" total-calls-header-name="total" />"#;
    let world = world("s", "a", "o");
    let returned = format!("{TOLD}<return-response><set-status code=\"202\" /></return-response>");
    let run = run(&world, &returned);
    assert_eq!((run.status(), run.header("left"), run.header("total")), (202, "1", "2"));
    assert_eq!(run.cx.variables.get("left").unwrap().as_int(), Some(1));
    let failed = format!(
        "{TOLD}<set-variable name=\"x\" value=\"@((string)null + 1 / int.Parse(&quot;0&quot;))\" />"
    );
    let run = Case::inbound(&failed)
        .scope(Scope::Product)
        .within(&world)
        .on_error("<on-error><set-header name=\"left\" exists-action=\"override\"><value>x</value></set-header></on-error>")
        .run();
    assert_eq!((run.status(), run.header("left")), (500, "0"));
}

#[test]
fn waiting_for_the_counters_changes_nothing_and_without_them_requests_are_refused() {
    let mut waiting = World::waiting();
    enter(&mut waiting, "s", "a", "o");
    assert_eq!(statuses(&waiting, POLICY, 3), [200, 200, 429]);
    assert!(run(&waiting, POLICY).waits > 0);
    assert_eq!(run(&world("s", "a", "o"), POLICY).waits, 0);
    let mut gone = World::unreachable();
    enter(&mut gone, "s", "a", "o");
    let refused = run(&gone, POLICY);
    assert_eq!((refused.status(), refused.reason()), (503, "CountersUnavailable"));
    assert_eq!(refused.body(), r#"{ "statusCode": 503, "message": "Service Unavailable" }"#);
}

#[test]
fn mistakes_are_found_at_load() {
    for (policy, why) in [
        (r#"<rate-limit renewal-period="60" />"#, "needs the attribute `calls`"),
        (r#"<rate-limit calls="1" />"#, "needs the attribute `renewal-period`"),
        (r#"<rate-limit calls="0" renewal-period="60" />"#, "expected 1 or more"),
        (r#"<rate-limit calls="1" renewal-period="301" />"#, "expected 1 to 300 seconds"),
        (r#"<rate-limit calls="1" renewal-period="PT6M" />"#, "expected 1 to 300 seconds"),
        (r#"<rate-limit calls="@(1)" renewal-period="60" />"#, "takes no policy expression"),
        (r#"<rate-limit calls="1" renewal-period="@(60)" />"#, "takes no policy expression"),
        (
            r#"<rate-limit calls="1" renewal-period="60" total-calls-header-name="a b" />"#,
            "expected the name of a header",
        ),
        (
            r#"<rate-limit calls="1" renewal-period="60" counter-key="x" />"#,
            "unknown attribute `counter-key`",
        ),
        (
            r#"<rate-limit calls="1" renewal-period="60"><api calls="1" renewal-period="60" /></rate-limit>"#,
            "needs the attribute `id` or `name`",
        ),
        (
            r#"<rate-limit calls="1" renewal-period="60"><api id="a" renewal-period="60" /></rate-limit>"#,
            "needs the attribute `calls`",
        ),
        (
            r#"<rate-limit calls="1" renewal-period="60"><operation id="a" /></rate-limit>"#,
            "unknown element `operation`",
        ),
    ] {
        Case::inbound(policy).refused(why);
    }
    Case::inbound(POLICY).scope(Scope::Global).refused("global");
    Case::outbound(POLICY).refused("outbound");
    Case::inbound(r#"<rate-limit calls="1" renewal-period="PT5M" />"#).run();
}
