use std::sync::Arc;

use tollgate_engine::{Api, Operation, Product, Scope, Subscription};

use crate::testing::{Case, NOW, Run, World};

const TICKS_AT_UNIX_EPOCH: i64 = 621_355_968_000_000_000;

/// A subscription that began a hundred seconds ago.
fn world() -> World {
    let mut world = World::new();
    let start = TICKS_AT_UNIX_EPOCH + (NOW - 100) * 10_000_000;
    let subscription =
        Subscription { id: "s".to_owned(), start: Some(start), ..Subscription::default() };
    world.info.subscription = Some(Arc::new(subscription));
    world.info.api = Some(Arc::new(Api { id: "a".to_owned(), ..Api::default() }));
    world.info.operation = Some(Arc::new(Operation { id: "o".to_owned(), ..Operation::default() }));
    world.info.product = Some(Arc::new(Product { id: "p".to_owned(), ..Product::default() }));
    world
}

fn run(world: &World, policy: &str) -> Run {
    Case::inbound(policy).scope(Scope::Product).within(world).run()
}

fn statuses(world: &World, policy: &str, n: usize) -> Vec<u16> {
    (0..n).map(|_| run(world, policy).status()).collect()
}

#[test]
fn calls_are_counted_in_periods_from_the_start_of_the_subscription() {
    const POLICY: &str = r#"<quota calls="2" renewal-period="3600" />"#;
    let world = world();
    assert_eq!(statuses(&world, POLICY, 2), [200, 200]);
    let refused = run(&world, POLICY);
    assert_eq!((refused.status(), refused.reason()), (403, "QuotaExceeded"));
    assert_eq!((refused.source(), refused.header("retry-after")), ("quota", "3500"));
    let message = "Out of call volume quota. Quota will be replenished in 00:58:20.";
    assert_eq!(refused.message(), message);
    assert_eq!(refused.body(), format!(r#"{{ "statusCode": 403, "message": "{message}" }}"#));
    assert_eq!(statuses(world.at(3_499_999), POLICY, 1), [403]);
    assert_eq!(statuses(world.at(3_500_000), POLICY, 3), [200, 200, 403]);
}

#[test]
fn a_quota_that_never_ends_says_nothing_of_replenishing() {
    const POLICY: &str = r#"<quota calls="1" renewal-period="0" />"#;
    let world = world();
    assert_eq!(run(&world, POLICY).status(), 200);
    let refused = run(world.at(1 << 40), POLICY);
    assert_eq!((refused.status(), refused.header("retry-after")), (403, ""));
    assert_eq!(refused.message(), "Out of call volume quota.");
}

#[test]
fn days_are_said_as_dotnet_does() {
    const POLICY: &str = r#"<quota calls="1" renewal-period="P7D" />"#;
    let world = world();
    assert_eq!(run(&world, POLICY).status(), 200);
    let message = "Out of call volume quota. Quota will be replenished in 6.23:58:20.";
    assert_eq!(run(&world, POLICY).message(), message);
}

#[test]
fn bandwidth_is_counted_when_the_response_was_sent() {
    const POLICY: &str = r#"<quota bandwidth="2" renewal-period="3600" />"#;
    for waiting in [false, true] {
        let mut world = if waiting { World::waiting() } else { World::new() };
        world.info = self::world().info;
        let mut first = run(&world, POLICY);
        first.sent(1_000, 1_000);
        let mut second = run(&world, POLICY);
        assert_eq!(second.status(), 200, "48 bytes are left");
        second.sent(0, 48);
        let refused = run(&world, POLICY);
        assert_eq!((refused.status(), refused.header("retry-after")), (403, "3500"));
        let message = "Out of bandwidth quota. Quota will be replenished in 00:58:20.";
        assert_eq!(refused.message(), message);
        assert_eq!(run(world.at(3_500_000), POLICY).status(), 200);
    }
}

#[test]
fn calls_and_bandwidth_hold_together() {
    const POLICY: &str = r#"<quota calls="2" bandwidth="1" renewal-period="3600" />"#;
    let world = world();
    run(&world, POLICY).sent(500, 524);
    let refused = run(&world, POLICY);
    assert!(refused.message().starts_with("Out of bandwidth quota."), "{}", refused.message());
    let other = world;
    assert_eq!(statuses(other.at(3_500_000), POLICY, 3), [200, 200, 403]);
    assert!(run(&other, POLICY).message().starts_with("Out of call volume quota."));
}

#[test]
fn apis_and_operations_have_quotas_of_their_own_and_inherit_the_period() {
    const POLICY: &str = r#"
        <quota calls="100" renewal-period="3600">
            <api id="a" calls="3">
                <operation id="o" calls="1" renewal-period="60" />
                <operation id="p" calls="2" />
            </api>
            <api name="other" bandwidth="1" />
        </quota>"#;
    let mut world = world();
    assert_eq!(run(&world, POLICY).status(), 200);
    assert_eq!(run(&world, POLICY).header("retry-after"), "20", "a period of its own");
    let operation = |world: &mut World, id: &str| {
        let operation = Operation { id: id.to_owned(), ..Operation::default() };
        world.info.operation = Some(Arc::new(operation));
    };
    operation(&mut world, "p");
    assert_eq!(statuses(&world, POLICY, 2), [200, 200]);
    assert_eq!(run(&world, POLICY).header("retry-after"), "3500", "the inherited one");
    operation(&mut world, "q");
    assert_eq!(statuses(&world, POLICY, 1), [403], "three calls of the API");
    let api = Api { id: "x".to_owned(), name: "other".to_owned(), ..Api::default() };
    world.info.api = Some(Arc::new(api));
    run(&world, POLICY).sent(0, 1_024);
    assert!(run(&world, POLICY).message().starts_with("Out of bandwidth"), "of the other API");
}

#[test]
fn without_a_subscription_nothing_counts() {
    const POLICY: &str = r#"<quota calls="1" renewal-period="3600" />"#;
    let mut world = world();
    world.info.subscription = None;
    assert_eq!(statuses(&world, POLICY, 3), [200; 3]);
    let created = Subscription { created: 0, ..Subscription::default() };
    world.info.subscription = Some(Arc::new(created));
    assert_eq!(statuses(&world, POLICY, 2), [200, 403]);
}

#[test]
fn mistakes_are_found_at_load() {
    for (policy, why) in [
        (r#"<quota renewal-period="3600" />"#, "needs the attribute `calls` or `bandwidth`"),
        (r#"<quota calls="1" />"#, "needs the attribute `renewal-period`"),
        (r#"<quota calls="0" renewal-period="3600" />"#, "expected 1 or more"),
        (r#"<quota bandwidth="0" renewal-period="3600" />"#, "expected 1 or more"),
        (r#"<quota calls="1" renewal-period="-1" />"#, "expected seconds, or a duration"),
        (r#"<quota calls="@(1)" renewal-period="3600" />"#, "takes no policy expression"),
        (
            r#"<quota calls="1" renewal-period="60"><api id="a" /></quota>"#,
            "needs the attribute `calls` or `bandwidth`",
        ),
        (
            r#"<quota calls="1" renewal-period="60"><api calls="1" /></quota>"#,
            "needs the attribute `id` or `name`",
        ),
        (
            r#"<quota calls="1" renewal-period="60"><operation id="a" calls="1" /></quota>"#,
            "unknown element `operation`",
        ),
    ] {
        Case::inbound(policy).scope(Scope::Product).refused(why);
    }
    Case::inbound(r#"<quota calls="1" renewal-period="60" />"#).scope(Scope::Api).refused("api");
}
