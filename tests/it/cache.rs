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
async fn hits_stand_in_the_access_log_and_the_metrics() {
    let azure = azure().await;
    let gateway = directory(azure.echo.server().url(), "").start();
    gateway.send(Call::get("/it/echo/1")).await.expect(200);
    gateway.send(Call::get("/it/echo/1")).await.expect(200);
    gateway.send(Call::post("/it/echo/1", "body")).await.expect(200);
    gateway.send(Call::get("/it/echo/1").header("authorization", "x")).await.expect(200);
    let line = r#"tollgate_cache_lookups_total{api="it",operation="-",result=""#;
    let counted = until("all are counted", async || {
        let metrics = gateway.admin("/metrics").await.expect(200).text();
        let counts = metrics.lines().filter_map(|found| found.strip_prefix(line));
        let mut counts: Vec<String> = counts.map(str::to_owned).collect();
        counts.sort();
        (counts == [r#"bypass"} 2"#, r#"hit"} 1"#, r#"miss"} 1"#]).then_some(())
    });
    counted.await;
    let statuses = ["miss", "hit", "bypass"].map(|status| format!(r#""cache":"{status}""#));
    for (status, times) in statuses.iter().zip([1, 1, 2]) {
        let is_access = |line: &str| line.contains(r#""path":"/it/echo/1""#);
        gateway.logged_times(times, |line| is_access(line) && line.contains(status)).await;
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

#[tokio::test(flavor = "multi_thread")]
async fn a_value_is_made_once_for_all_who_ask_at_the_same_time() {
    const MADE: &str = r#"<policies><inbound>
        <cache-value key="k" variable-name="v">
            <value>
                <send-request response-variable-name="answer"><set-url>{{slow}}</set-url><set-method>GET</set-method></send-request>
                <set-variable name="v" value="@(((IResponse)context.Variables["answer"]).StatusCode)" />
            </value>
        </cache-value>
        <return-response><set-body>@(context.Variables["v"].ToString())</set-body></return-response>
    </inbound></policies>"#;
    let azure = azure().await;
    let echo = azure.echo.server();
    let config = format!(
        "[named-values]\nslow = \"{}/slow?ms=300\"\n\
         [apis.it]\npath = \"it\"\nsubscription = \"optional\"\n",
        echo.url()
    );
    let gateway = Directory::new(&config).api("it", MADE).start();
    let calls = (0..16).map(|_| gateway.send(Call::get("/it")));
    for answer in futures::future::join_all(calls).await {
        assert_eq!(answer.expect(200).text(), "200");
    }
    assert_eq!(echo.received().len(), 1);
}
