//! Compiled pipelines against a backend that answers at once. What a request is made of is not in the time.

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use http::HeaderValue;
use http::header::{AUTHORIZATION, HeaderName};
use tollgate_bench_policies::{Issuer, World, fifteen, jwt, token_limit};
use tollgate_engine::{Chain, Clock as _, Scope};
use tollgate_gateway::SystemClock;

/// More tokens than signatures are remembered of.
const DISTINCT: usize = 10_000;

const PASS: &str = "<policies><inbound /><backend><forward-request /></backend><outbound /><on-error /></policies>";
const TEAM: HeaderName = HeaderName::from_static("x-team");

fn pipelines(criterion: &mut Criterion) {
    let world = World::default();
    let global = |text| [(Scope::Api, text), (Scope::Global, PASS)];
    let blue = || vec![(TEAM, HeaderValue::from_static("blue"))];

    let pass = world.compile(&[(Scope::Global, PASS)]).expect("it compiles");
    run(criterion, &world, "pass-through", &pass, blue);

    let documents = ["operation", "api", "product", "global"].map(|scope| fifteen(scope, 1));
    let scopes = [Scope::Operation, Scope::Api, Scope::Product, Scope::Global];
    let documents: Vec<_> = scopes.into_iter().zip(documents.iter().map(String::as_str)).collect();
    let sixty = world.compile(&documents).expect("they compile");
    run(criterion, &world, "sixty policies", &sixty, blue);

    let issuer = Issuer::new().expect("a key");
    let expires = SystemClock.unix_seconds() + 86_400;
    let bearer = |n| {
        let token = issuer.token(n, expires).expect("a token");
        let value = HeaderValue::try_from(format!("Bearer {token}")).expect("a header");
        vec![(AUTHORIZATION, value)]
    };
    let validating = jwt(&issuer);
    let validated = world.compile(&global(&validating)).expect("it compiles");
    let hot = bearer(0);
    run(criterion, &world, "validate-jwt, hot token", &validated, || hot.clone());
    let distinct: Vec<_> = (0..DISTINCT).map(bearer).collect();
    let mut tokens = distinct.iter().cycle();
    run(criterion, &world, "validate-jwt, distinct tokens", &validated, || {
        tokens.next().expect("tokens without end").clone()
    });

    let limited = world.compile(&global(token_limit())).expect("it compiles");
    run(criterion, &world, "llm-token-limit", &limited, blue);
}

fn run(
    criterion: &mut Criterion,
    world: &World,
    name: &str,
    chain: &Chain,
    mut headers: impl FnMut() -> Vec<(HeaderName, HeaderValue)>,
) {
    let (cx, _) = world.run(chain, world.request(&headers()));
    let status = cx.response.map_or(0, |response| response.status.as_u16());
    assert_eq!(status, 200, "{name}");
    criterion.bench_function(&format!("pipeline/{name}"), |bencher| {
        bencher.iter_batched(
            || world.request(&headers()),
            |cx| world.run(chain, cx),
            BatchSize::SmallInput,
        );
    });
}

criterion_group!(benches, pipelines);
criterion_main!(benches);
