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
    let head = gateway.send(Call::new("HEAD", "/crossdomain.xml?any=1")).await.expect(200);
    assert_eq!(head.headers["content-length"], file.body.len().to_string().as_str());
    assert!(head.body.is_empty());
    gateway.send(Call::post("/crossdomain.xml", "")).await.expect(404);
    gateway.send(Call::get("/CrossDomain.xml")).await.expect(404);
    gateway.send(Call::get("/other.xml")).await.expect(404);
    gateway.send(Call::get("/orders/crossdomain.xml")).await.expect(401);
}

#[test]
fn it_holds_one_file() {
    for (policy, expected) in [
        (r#"<cross-domain id="file"><cross-domain-policy /></cross-domain>"#, ""),
        ("<cross-domain />", "`cross-domain` holds one `cross-domain-policy` element"),
        ("<cross-domain>text</cross-domain>", "holds one `cross-domain-policy` element"),
        ("<cross-domain><policy /></cross-domain>", "expected `cross-domain-policy`"),
        (
            "<cross-domain><cross-domain-policy /><cross-domain-policy /></cross-domain>",
            "holds one `cross-domain-policy` element",
        ),
        (
            r#"<cross-domain file="a"><cross-domain-policy /></cross-domain>"#,
            "not an attribute of `cross-domain`",
        ),
    ] {
        let global = format!("<policies><inbound>{policy}</inbound></policies>");
        let output = Directory::new("").file("global.xml", &global).check();
        let printed = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.success(), expected.is_empty(), "{policy}: {printed}");
        assert!(printed.contains(expected), "{policy}: no `{expected}` in\n{printed}");
    }
}
