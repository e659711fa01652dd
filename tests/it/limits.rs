//! Limits under requests that come at the same time.

use futures::future::join_all;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::harness::{Call, Directory, Gateway, azure, until};

fn gateway(echo: &str, policy: &str) -> Gateway {
    let config = format!(
        "[apis.it]\npath = \"it\"\nservice-url = \"{echo}\"\nsubscription = \"optional\"\n"
    );
    Directory::new(&config).api("it", policy).start()
}

async fn statuses(gateway: &Gateway, path: &str, n: usize) -> (usize, usize) {
    let answers = join_all((0..n).map(|_| gateway.send(Call::get(path)))).await;
    let of = |status: u16| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!(of(200) + of(429), n, "{answers:?}");
    (of(200), of(429))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_admits_exactly_as_many_as_it_says() {
    const POLICY: &str = r#"<policies>
        <inbound><rate-limit-by-key calls="10" renewal-period="300" counter-key="@(context.Request.Url.Path)" /></inbound>
        <backend><forward-request /></backend>
    </policies>"#;
    let azure = azure().await;
    let gateway = gateway(azure.echo.server().url(), POLICY);
    for path in ["/it/echo/a", "/it/echo/b"] {
        assert_eq!(statuses(&gateway, path, 40).await, (10, 30));
    }
    assert_eq!(azure.echo.server().received().len(), 20);
}

const CONCURRENT: &str = r#"<policies>
    <inbound />
    <backend>
        <limit-concurrency key="@(context.Request.Url.Path)" max-count="3"><forward-request /></limit-concurrency>
    </backend>
</policies>"#;

#[tokio::test(flavor = "multi_thread")]
async fn so_many_requests_are_inside_at_a_time() {
    let azure = azure().await;
    let gateway = gateway(azure.echo.server().url(), CONCURRENT);
    // The first three take long enough for the others to come meanwhile.
    assert_eq!(statuses(&gateway, "/it/slow?ms=3000", 12).await, (3, 9));
    assert_eq!(statuses(&gateway, "/it/slow?ms=1", 3).await, (3, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_leaves() {
    let azure = azure().await;
    let gateway = gateway(azure.echo.server().url(), CONCURRENT);
    let mut clients = Vec::new();
    for _ in 0..3 {
        let mut stream = TcpStream::connect(gateway.http).await.expect("a connection");
        let request = b"GET /it/slow?ms=60000 HTTP/1.1\r\nhost: a\r\n\r\n";
        stream.write_all(request).await.expect("a request");
        clients.push(stream);
    }
    until("all three are inside", async || {
        (azure.echo.server().received().len() == 3).then_some(())
    })
    .await;
    gateway.send(Call::get("/it/slow?ms=1")).await.expect(429);
    drop(clients);
    until("there is room again", async || {
        let answer = gateway.send(Call::get("/it/slow?ms=1")).await;
        (answer.status == 200).then_some(())
    })
    .await;
}
