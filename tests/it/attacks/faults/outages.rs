//! Issuers and identity endpoints that are away, slow or talk nonsense: at the start, and when it is time to ask again.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use futures::future::join_all;
use tollgate_emulator::{Fault, Running};

use super::super::tell;
use crate::harness::{Call, Connection, Gateway, azure, until};
use crate::{identity, jwt};

fn saying(body: impl Into<Bytes>) -> Fault {
    let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    Fault::Answer { status: 200, headers, body: body.into() }
}

/// What goes wrong, by name.
fn faults() -> Vec<(&'static str, Fault)> {
    vec![
        ("closes", Fault::Close),
        ("hangs", Fault::Hang),
        ("500", Fault::Status(500)),
        ("503", Fault::Status(503)),
        ("throttles", Fault::Throttle(Duration::from_secs(1))),
        ("no JSON", saying("<html>down for maintenance</html>")),
        ("nothing", saying("")),
        ("an empty object", saying("{}")),
        ("no keys", saying(r#"{"keys":[],"issuer":"x","jwks_uri":"http://127.0.0.1:9/"}"#)),
        ("a half", saying(r#"{"keys":[{"kty":"RSA","kid":"a","n":"#)),
        ("too much", saying(vec![b' '; 8 << 20])),
    ]
}

/// Statuses of so many requests at once, each over a connection of its own.
async fn at_once(gateway: &Gateway, call: &Call, n: usize) -> BTreeMap<u16, usize> {
    let sent = join_all((0..n).map(async |_| {
        let mut connection = Connection::to(gateway.http).await;
        connection.send(call.clone()).await.expect("an answer").status.as_u16()
    }));
    let mut counts = BTreeMap::new();
    for status in sent.await {
        *counts.entry(status).or_default() += 1;
    }
    counts
}

/// Calls that a pause of a second between them allows, with some to spare for a slow machine.
fn allowed(since: Instant, per_try: u64) -> u64 {
    (since.elapsed().as_secs() + 2) * per_try
}

async fn issuer_away(what: &str, fault: Fault) -> usize {
    const AT_ONCE: usize = 50;
    let azure = azure().await;
    let server = azure.entra.server();
    server.fail("*", fault.clone());
    let gateway = jwt::gateway(&azure, "cool-down = \"10ms\"\nlifetime = \"1s\"\nstale = \"1h\"");
    let with = |token: &str| Call::get("/jwt/x").bearer(token);
    let old = jwt::minted(&azure, &jwt::good());
    // At the start: nobody gets in, and few questions are asked.
    let begun = Instant::now();
    for _ in 0..4 {
        let counts = at_once(&gateway, &with(&old), AT_ONCE).await;
        assert_eq!(counts, BTreeMap::from([(401, AT_ONCE)]), "{what}");
    }
    let asked = server.count("*");
    assert!(asked <= allowed(begun, 2), "{what}: {asked} calls in {:?}", begun.elapsed());
    assert_eq!(azure.echo.server().count("*"), 0, "{what}");
    server.clear_faults();
    until("it is there", async || (gateway.send(with(&old)).await.status == 200).then_some(()))
        .await;
    // When the keys are to be fetched again: those at hand go on, and no other.
    server.fail("*", fault);
    let failures = || gateway.count_log(|line| line.contains("keys could not be fetched"));
    let before = failures();
    until("a refresh fails", async || (failures() > before).then_some(())).await;
    azure.entra.roll_keys().expect("a key");
    let new = jwt::minted(&azure, &jwt::good());
    let begun = Instant::now();
    let asked = server.count("*");
    assert_eq!(
        at_once(&gateway, &with(&old), AT_ONCE).await,
        BTreeMap::from([(200, AT_ONCE)]),
        "{what}"
    );
    assert_eq!(
        at_once(&gateway, &with(&new), AT_ONCE).await,
        BTreeMap::from([(401, AT_ONCE)]),
        "{what}"
    );
    // An unknown key may be asked for after each cool-down, of 10 ms here.
    let most = allowed(begun, 2) * 100;
    assert!(server.count("*") - asked <= most, "{what}: {} calls", server.count("*") - asked);
    server.clear_faults();
    until("the new key is known", async || {
        (gateway.send(with(&new)).await.status == 200).then_some(())
    })
    .await;
    6 * AT_ONCE
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_that_is_away_lets_nobody_in_and_nobody_out() {
    let began = Instant::now();
    let all = faults();
    let n_faults = all.len();
    let tried =
        join_all(all.into_iter().map(async |(what, fault)| issuer_away(what, fault).await)).await;
    let more = format!("{n_faults} ways to be away, at the start and at a refresh");
    tell("issuers that are away", tried.iter().sum(), began, &more);
}

/// When the token ends that the backend got last, in seconds since 1970.
fn end_of_token(azure: &Running) -> u64 {
    let all = identity::authorizations(azure);
    let last = all.last().and_then(|values| values.first()).expect("a token");
    identity::claims(last)["exp"].as_u64().expect("a time")
}

fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a time").as_secs()
}

async fn identity_away(what: &str, fault: Fault) -> usize {
    const AT_ONCE: usize = 50;
    let azure = azure().await;
    let (server, path) = (azure.imds.server(), azure.imds.token_path());
    azure.imds.set_token_lifetime(Duration::from_secs(8));
    server.fail(path, fault.clone());
    let gateway = identity::machine(&azure, "").api("a", &identity::policy(identity::OWN)).start();
    let call = Call::get("/a/x");
    let begun = Instant::now();
    for _ in 0..3 {
        let counts = at_once(&gateway, &call, AT_ONCE).await;
        assert_eq!(counts, BTreeMap::from([(500, AT_ONCE)]), "{what}");
    }
    // An attempt asks again within itself, as Azure wants it: not for each request.
    let asked = identity::token_calls(&azure);
    assert!(asked <= allowed(begun, 6), "{what}: {asked} calls in {:?}", begun.elapsed());
    assert_eq!(azure.echo.server().count("*"), 0, "{what}: a request without its token was sent");
    gateway.logged(|line| line.contains("ManagedIdentityTokenFailed")).await;
    server.clear_faults();
    until("it is there", async || (gateway.send(call.clone()).await.status == 200).then_some(()))
        .await;
    // The token is used up to its end and not a second longer, and then the truth is told.
    server.fail(path, fault);
    let mut n = 4 * AT_ONCE;
    let (begun, asked) = (Instant::now(), identity::token_calls(&azure));
    let mut last = unix_seconds();
    let refused_at = until("the token ends", async || {
        let sent_at = unix_seconds();
        let status = gateway.send(call.clone()).await.status.as_u16();
        n += 1;
        match status {
            200 => last = sent_at,
            500 => return Some(unix_seconds()),
            other => panic!("{what}: {other}"),
        }
        None
    })
    .await;
    let end = end_of_token(&azure);
    assert!(last <= end && refused_at + 1 >= end, "{what}: {last} {end} {refused_at}");
    let counts = at_once(&gateway, &call, AT_ONCE).await;
    assert_eq!(counts, BTreeMap::from([(500, AT_ONCE)]), "{what}");
    let asked = identity::token_calls(&azure) - asked;
    assert!(asked <= allowed(begun, 6), "{what}: {asked} calls in {:?}", begun.elapsed());
    server.clear_faults();
    until("it is back", async || (gateway.send(call.clone()).await.status == 200).then_some(()))
        .await;
    n
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identity_endpoint_that_is_away_is_a_truthful_error_and_no_storm() {
    let began = Instant::now();
    let mut all = faults();
    // A token endpoint has no keys to leave out.
    all.retain(|(what, _)| *what != "no keys");
    let n_faults = all.len();
    let tried =
        join_all(all.into_iter().map(async |(what, fault)| identity_away(what, fault).await)).await;
    let more = format!("{n_faults} ways to be away, at the start and at a renewal");
    tell("identity endpoints that are away", tried.iter().sum(), began, &more);
}
