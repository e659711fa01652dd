use crate::testing::{Case, NOW, Run, World};

fn policy(more: &str) -> String {
    format!(r#"<quota-by-key counter-key="k" renewal-period="3600" {more} />"#)
}

fn run(world: &World, policies: &str) -> Run {
    Case::inbound(policies).within(world).run()
}

fn statuses(world: &World, policies: &str, n: usize) -> Vec<u16> {
    (0..n).map(|_| run(world, policies).status()).collect()
}

/// Milliseconds from now to the end of the period that began at a moment.
fn left(start: i64, period: i64) -> i64 {
    period - (NOW - start).rem_euclid(period)
}

#[test]
fn one_call_more_is_refused_until_the_period_ends() {
    let world = World::new();
    let policy = policy(r#"calls="2""#);
    assert_eq!(statuses(&world, &policy, 2), [200, 200]);
    let refused = run(&world, &policy);
    assert_eq!((refused.status(), refused.reason()), (403, "QuotaExceeded"));
    assert_eq!(refused.source(), "quota-by-key");
    let left = left(0, 3_600);
    assert_eq!(refused.header("retry-after"), left.to_string());
    assert!(refused.body().contains("Out of call volume quota. Quota will be replenished in "));
    assert_eq!(statuses(world.at(left * 1_000), &policy, 3), [200, 200, 403]);
}

#[test]
fn periods_are_aligned_to_their_first() {
    let world = World::new();
    let aligned = policy(r#"calls="1" first-period-start="2027-01-15T08:30:00Z""#);
    let later = policy(r#"calls="1" first-period-start="2999-01-01T00:10:00Z""#);
    for (policy, start) in [(aligned, 1_800_001_800), (later, 600)] {
        assert_eq!(run(&world, &policy).status(), 200);
        assert_eq!(run(&world, &policy).header("retry-after"), left(start, 3_600).to_string());
    }
}

#[test]
fn keys_are_apart_and_shared_by_policies_that_count_a_request_once() {
    let world = World::new();
    let by_path = r#"<quota-by-key counter-key="@(context.Request.OriginalUrl.Path)" calls="1" renewal-period="300" />"#;
    let at = |path: &str| Case::inbound(by_path).url(path).within(&world).run().status();
    assert_eq!([at("/a"), at("/a"), at("/b")], [200, 403, 200]);
    let policy = policy(r#"calls="2" increment-count="1""#);
    assert_eq!(statuses(&world, &format!("{policy}{policy}"), 3), [200, 200, 403]);
}

#[test]
fn a_condition_on_the_response_is_decided_when_it_is_known() {
    let counts = policy(
        r#"calls="1" bandwidth="1" increment-condition="@(context.Response.StatusCode == 201)""#,
    );
    for world in [World::new(), World::waiting()] {
        let with = |status: &str, bytes| {
            let response = format!(
                "{counts}<return-response><set-status code=\"{status}\" /></return-response>"
            );
            let mut run = run(&world, &response);
            run.sent(0, bytes);
            run.status()
        };
        assert_eq!([with("202", 10_000), with("202", 10_000)], [202; 2], "nothing of it counts");
        assert_eq!([with("201", 10_000), with("201", 10_000)], [201, 403]);
        let refused = run(&world, &counts);
        assert!(refused.message().starts_with("Out of"), "{}", refused.message());
    }
}

#[test]
fn a_condition_without_the_response_is_decided_at_once() {
    let world = World::new();
    let never = policy(r#"calls="1" bandwidth="1" increment-condition="@(false)""#);
    for _ in 0..3 {
        let mut run = run(&world, &never);
        run.sent(10_000, 10_000);
        assert_eq!(run.status(), 200);
    }
    let always = policy(r#"calls="3" increment-condition="true" increment-count="@(1 + 1)""#);
    assert_eq!(statuses(&world, &always, 2), [200, 403]);
}

#[test]
fn bandwidth_is_counted_when_the_response_was_sent() {
    let world = World::new();
    let policy = policy(r#"bandwidth="1""#);
    run(&world, &policy).sent(0, 1_023);
    run(&world, &policy).sent(1, 0);
    let refused = run(&world, &policy);
    assert!(refused.message().starts_with("Out of bandwidth quota."), "{}", refused.message());
}

#[test]
fn a_quota_may_never_end() {
    let world = World::new();
    let policy = policy(r#"calls="1""#).replace("3600", "0");
    assert_eq!(run(&world, &policy).status(), 200);
    let refused = run(world.at(1 << 40), &policy);
    assert_eq!(
        (refused.message(), refused.header("retry-after")),
        ("Out of call volume quota.", "")
    );
}

#[test]
fn mistakes_are_found_at_load() {
    for (attributes, why) in [
        (r#"counter-key="k" renewal-period="300""#, "needs the attribute `calls` or `bandwidth`"),
        (r#"calls="1" renewal-period="300""#, "needs the attribute `counter-key`"),
        (r#"calls="1" counter-key="k""#, "needs the attribute `renewal-period`"),
        (r#"calls="1" counter-key="k" renewal-period="299""#, "expected 0, or 300 seconds or more"),
        (r#"calls="@(1)" counter-key="k" renewal-period="300""#, "takes no policy expression"),
        (r#"calls="1" counter-key="k" renewal-period="@(300)""#, "takes no policy expression"),
        (
            r#"calls="1" counter-key="k" renewal-period="300" first-period-start="2026""#,
            "expected a moment",
        ),
        (
            r#"calls="1" counter-key="k" renewal-period="300" increment-count="-1""#,
            "expected 1 or more",
        ),
    ] {
        Case::inbound(&format!("<quota-by-key {attributes} />")).refused(why);
    }
}
