//! `cross-domain`, which stands at global scope and answers before anything is routed.

use crate::harness::{Call, Directory, azure};

#[tokio::test(flavor = "multi_thread")]
async fn the_file_is_served_whatever_else_is_asked_of_requests() {
    let azure = azure().await;
    let config = format!(
        "[backends.echo]\nurl = \"{}/echo\"\n[apis.orders]\npath = \"orders\"\nbackend = \"echo\"\n",
        azure.echo.server().url()
    );
    let global = r#"<policies>
        <inbound><cross-domain><cross-domain-policy><allow-access-from domain="a.example" /></cross-domain-policy></cross-domain></inbound>
        <backend><forward-request /></backend>
    </policies>"#;
    let gateway = Directory::new(&config).file("global.xml", global).start();
    let file = gateway.send(Call::get("/crossdomain.xml")).await.expect(200);
    assert_eq!(file.headers["content-type"], "text/x-cross-domain-policy");
    assert_eq!(
        file.text(),
        "<?xml version=\"1.0\"?>\n<cross-domain-policy><allow-access-from domain=\"a.example\" /></cross-domain-policy>\n"
    );
    gateway.send(Call::post("/crossdomain.xml", "")).await.expect(404);
    gateway.send(Call::get("/other.xml")).await.expect(404);
    gateway.send(Call::get("/orders/crossdomain.xml")).await.expect(401);
}
