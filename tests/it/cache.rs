//! The cache in memory, with backends that break off and directories that change.

use crate::harness::{Call, Directory, azure, until};

const POLICY: &str = r#"<policies>
    <inbound><cache-lookup vary-by-developer="false" vary-by-developer-groups="false" /></inbound>
    <backend><forward-request /></backend>
    <outbound><cache-store duration="300" /></outbound>
</policies>"#;

fn directory(echo: &str, more: &str) -> Directory {
    let config = format!(
        "{more}[backends.echo]\nurl = \"{echo}\"\n\
         [apis.it]\npath = \"it\"\nbackend = \"echo\"\nsubscription = \"optional\"\n"
    );
    Directory::new(&config).api("it", POLICY)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_kept_as_it_passes() {
    let azure = azure().await;
    let echo = azure.echo.server();
    let gateway = directory(echo.url(), "").start();
    let same = async |path: &str| {
        let before = echo.received().len();
        let body = gateway.send(Call::get(path)).await.expect(200).body;
        (body, echo.received().len() == before)
    };
    // Without an announced length, and with one.
    for path in ["/it/stream?n=20&ms=1&size=1000", "/it/bytes/100000"] {
        let (first, _) = same(path).await;
        // Its client may see the end of the body a moment before the cache does.
        until("the response is kept", async || {
            let (body, is_kept) = same(path).await;
            assert_eq!(body, first, "{path}");
            is_kept.then_some(())
        })
        .await;
    }
    // One that is longer than the cache takes.
    for _ in 0..3 {
        assert!(!same("/it/bytes/8500000").await.1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_breaks_off_is_not_kept() {
    let azure = azure().await;
    let echo = azure.echo.server();
    let gateway = directory(echo.url(), "").start();
    for calls in 1..=2 {
        let mut connection = gateway.connect().await;
        assert!(connection.send(Call::get("/it/cut?n=3")).await.is_err());
        assert_eq!(echo.received().len(), calls);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_keeps_what_is_there() {
    let azure = azure().await;
    let echo = azure.echo.server();
    let gateway = directory(echo.url(), "").start();
    gateway.send(Call::get("/it/echo")).await.expect(200);
    gateway.directory.write("apis/it/policy.xml", &POLICY.replace("300", "301"));
    gateway.reload().await;
    gateway.send(Call::get("/it/echo")).await.expect(200);
    assert_eq!(echo.received().len(), 1);
}
