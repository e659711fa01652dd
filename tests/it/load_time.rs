//! How long a large directory takes to load, and what it needs of memory.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use crate::harness::{Call, Directory};

/// 200 APIs with four operations each, in ten workspaces and fifty products.
const N_APIS: usize = 200;
const N_OPERATIONS: usize = 4;
const N_PRODUCTS: usize = 50;
const N_WORKSPACES: usize = 10;
const N_FRAGMENTS: usize = 20;

/// What a document costs in an unoptimised build, on a machine that does other things too: far above what is expected,
/// which is for a release build to show.
const LIMIT: Duration = Duration::from_secs(30);

/// A document as people write them: a dozen policies, half of them with expressions.
fn document(scope: &str, n: usize) -> String {
    let fragment = n % N_FRAGMENTS;
    format!(
        r#"<policies>
    <inbound>
        <base />
        <include-fragment fragment-id="shared-{fragment}" />
        <set-variable name="{scope}-{n}" value="@(context.Request.Headers.GetValueOrDefault("x-{scope}-{n}", "none").ToLower())" />
        <choose>
            <when condition="@(context.Variables.GetValueOrDefault<string>("{scope}-{n}") == "some" && context.Request.Url.Query.Count > {n})">
                <set-header name="x-{scope}" exists-action="override"><value>{n}</value></set-header>
                <set-query-parameter name="{scope}" exists-action="override"><value>{{{{region}}}}</value></set-query-parameter>
            </when>
            <otherwise>
                <set-variable name="parsed" value="@{{
                    var text = context.Request.Headers.GetValueOrDefault("x-count", "{n}");
                    int count;
                    return int.TryParse(text, out count) ? count * 2 : 0;
                }}" />
            </otherwise>
        </choose>
    </inbound>
    <backend><base /></backend>
    <outbound>
        <base />
        <set-header name="x-{scope}-{n}" exists-action="override"><value>@(context.RequestId.ToString().Substring(0, 8))</value></set-header>
        <set-header name="x-powered-by" exists-action="delete" />
    </outbound>
    <on-error>
        <base />
        <set-header name="x-error" exists-action="override"><value>@(context.LastError.Reason + " {scope} {n}")</value></set-header>
    </on-error>
</policies>"#
    )
}

const FRAGMENT: &str = r#"<fragment>
    <set-header name="x-shared" exists-action="append"><value>@(context.Api.Id + "/" + context.Operation.Id)</value></set-header>
</fragment>"#;

/// The directory, and how many documents it has.
fn directory() -> (Directory, usize) {
    let mut config = String::from("[named-values]\nregion = \"swedencentral\"\n");
    let mut directory = Directory::new("").file("global.xml", GLOBAL);
    let mut n_documents = 1;
    let mut add = |directory: Directory, path: &str, text: &str| {
        n_documents += 1;
        directory.file(path, text)
    };
    for n in 0..N_FRAGMENTS {
        directory = add(directory, &format!("fragments/shared-{n}.xml"), FRAGMENT);
    }
    for n in 0..N_WORKSPACES {
        writeln!(config, "[workspaces.team-{n}]").expect("text");
        let path = format!("workspaces/team-{n}/policy.xml");
        directory = add(directory, &path, &document("workspace", n));
    }
    for n in 0..N_PRODUCTS {
        let apis: Vec<String> = (0..N_APIS)
            .filter(|api| api % N_PRODUCTS == n)
            .map(|api| format!("api-{api}"))
            .collect();
        writeln!(
            config,
            "[products.product-{n}]\napis = {apis:?}\n[subscriptions.sub-{n}]\n\
             keys = [{{ value = \"key-of-{n}\", development = true }}]\nproduct = \"product-{n}\""
        )
        .expect("text");
        let path = format!("products/product-{n}.xml");
        directory = add(directory, &path, &document("product", n));
    }
    for n in 0..N_APIS {
        let team = n % N_WORKSPACES;
        writeln!(
            config,
            "[apis.api-{n}]\npath = \"area-{team}/api-{n}\"\nworkspace = \"team-{team}\"\nservice-url = \"http://127.0.0.1:9\""
        )
        .expect("text");
        directory = add(directory, &format!("apis/api-{n}/policy.xml"), &document("api", n));
        for m in 0..N_OPERATIONS {
            writeln!(
                config,
                "[apis.api-{n}.operations.op-{m}]\nmethod = \"GET\"\nurl-template = \"/things/{{id}}/{m}\""
            )
            .expect("text");
            let path = format!("apis/api-{n}/operations/op-{m}.xml");
            directory = add(directory, &path, &document("operation", m));
        }
    }
    directory.configure(&config);
    (directory, n_documents)
}

const GLOBAL: &str = r#"<policies>
    <inbound />
    <backend><forward-request /></backend>
    <outbound />
    <on-error />
</policies>"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_documents_load_in_time() {
    let (directory, n_documents) = directory();
    assert!(n_documents >= 1_000, "{n_documents}");
    let begun = Instant::now();
    let gateway = directory.start();
    let taken = begun.elapsed();
    let memory = gateway.peak_memory();
    eprintln!("{n_documents} documents: listening after {taken:.1?}, peak memory {memory}");
    assert!(taken < LIMIT, "{taken:?}");
    let call = Call::get("/area-7/api-57/things/x/3").header("api-key", "key-of-7");
    let answer = gateway.send(call).await.expect(500);
    assert_eq!(answer.header("x-error"), "BackendConnectionFailure operation 3");
    let call = Call::get("/area-7/api-57/things/x/3").header("api-key", "key-of-8");
    gateway.send(call).await.expect(401);
}
