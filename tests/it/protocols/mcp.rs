//! Model Context Protocol over streamable HTTP, with the policies that validate tokens in front.

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde_json::{Value, json};
use tollgate_emulator::{CONTOSO, Running, TokenSpec, TokenVersion};

use super::need;
use super::stand_in::{Received, Reply, StandIn};
use crate::harness::{Call, DEADLINE, Directory, Gateway, azure};

const AUDIENCE: &str = "api://tools";
const SESSION: &str = "9f2c1d52-session";
/// Where a client reads who gives tokens (RFC 9728).
const METADATA: &str = "https://gateway.test/.well-known/oauth-protected-resource";
const VERSION: &str = "2025-06-18";

/// A server of tools, as strict as the protocol: a session begins with `initialize`, and everything after it names it.
fn server(request: &Received) -> Result<Reply, String> {
    need(request.uri.path() == "/mcp", "no such endpoint")?;
    need(request.header("authorization").is_empty(), "the client's token is none of ours")?;
    let body = request.json();
    let method = body["method"].as_str().unwrap_or_default();
    let events = |more: &str| {
        let progress = r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":1}}"#;
        Reply::events(&[progress, more])
    };
    let is_session = request.header("mcp-session-id") == SESSION
        && request.header("mcp-protocol-version") == VERSION;
    if request.method == "POST" {
        let accept = request.header("accept");
        need(
            accept.contains("application/json") && accept.contains("text/event-stream"),
            "Not Acceptable",
        )?;
        need(request.header("content-type") == "application/json", "Unsupported Media Type")?;
        need(body["jsonrpc"] == "2.0", "Parse error")?;
    }
    match (request.method.as_str(), method) {
        ("POST", "initialize") => {
            need(request.header("mcp-session-id").is_empty(), "a session already")?;
            let result = json!({"jsonrpc": "2.0", "id": body["id"], "result": {
                "protocolVersion": VERSION, "capabilities": {"tools": {}}, "serverInfo": {"name": "tools", "version": "1"},
            }});
            Ok(Reply::json(&result.to_string()).header("mcp-session-id", SESSION))
        }
        _ if !is_session => Err("Bad Request: no session".to_owned()),
        ("POST", "notifications/initialized") => {
            need(body.get("id").is_none(), "a notification has no id")?;
            Ok(Reply::new(202, "application/json", ""))
        }
        ("POST", "tools/call") => {
            let result = json!({"jsonrpc": "2.0", "id": body["id"], "result": {
                "content": [{"type": "text", "text": "sunny"}], "isError": false,
            }});
            Ok(events(&result.to_string()))
        }
        ("GET", _) => {
            need(request.header("accept") == "text/event-stream", "Not Acceptable")?;
            Ok(events(r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#).open())
        }
        ("DELETE", _) => Ok(Reply::new(204, "application/json", "")),
        _ => Err(format!("Method not found: {method}")),
    }
}

/// Two gates before the same server: `validate-jwt` and `validate-azure-ad-token`, each of which tells who has no token where
/// to get one.
fn gateway(azure: &Running, backend: &StandIn) -> Gateway {
    let audiences = format!("<audiences><audience>{AUDIENCE}</audience></audiences>");
    let metadata = azure.entra.metadata_url(CONTOSO, TokenVersion::V2);
    let jwt = format!(
        "<validate-jwt header-name=\"Authorization\" require-scheme=\"Bearer\"><openid-config url=\"{metadata}\" />{audiences}</validate-jwt>"
    );
    let endpoint = azure.entra.server().url();
    let entra = format!(
        "<validate-azure-ad-token tenant-id=\"{CONTOSO}\" authentication-endpoint=\"{endpoint}\">{audiences}</validate-azure-ad-token>"
    );
    let policy = |guard: &str| {
        format!(
            "<policies><inbound><base />{guard}
                <set-header name=\"Authorization\" exists-action=\"delete\" /></inbound>
            <backend><forward-request timeout=\"60\" buffer-response=\"false\" /></backend><outbound><base /></outbound>
            <on-error><base />
                <set-header name=\"WWW-Authenticate\" exists-action=\"override\">
                    <value>Bearer error=\"invalid_token\", resource_metadata=\"{METADATA}\"</value></set-header>
            </on-error></policies>"
        )
    };
    let api = |name: &str| {
        format!(
            "[apis.{name}]\npath = \"{name}\"\nservice-url = \"{}\"\nsubscription = \"optional\"\n",
            backend.url
        )
    };
    let directory = Directory::new(&format!("{}{}", api("jwt"), api("entra")));
    directory.api("jwt", &policy(&jwt)).api("entra", &policy(&entra)).start()
}

/// A message of the client, with what the protocol wants beside it.
fn message(gate: &str, token: &str, body: &Value) -> Call {
    Call::json(&format!("/{gate}/mcp"), body)
        .header("accept", "application/json, text/event-stream")
        .bearer(token)
}

fn within(call: Call) -> Call {
    call.header("mcp-session-id", SESSION).header("mcp-protocol-version", VERSION)
}

async fn piece(body: &mut Incoming) -> Bytes {
    let frame = tokio::time::timeout(DEADLINE, body.frame()).await.expect("a piece in time");
    frame.expect("a piece").expect("an unbroken body").into_data().expect("no trailers")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_passes_with_a_token() {
    let azure = azure().await;
    let backend = StandIn::start(server).await;
    let gateway = gateway(&azure, &backend);
    let token = azure.entra.mint(&TokenSpec::v2(AUDIENCE)).expect("a token");
    for gate in ["jwt", "entra"] {
        let initialize = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
            "protocolVersion": VERSION, "capabilities": {}, "clientInfo": {"name": "test", "version": "1"},
        }});
        let begun = gateway.send(message(gate, &token, &initialize)).await.expect(200);
        assert_eq!(begun.header("mcp-session-id"), SESSION);
        assert_eq!(begun.json()["result"]["protocolVersion"], VERSION);
        let notice = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        gateway.send(within(message(gate, &token, &notice))).await.expect(202);
        let tool = json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "weather", "arguments": {}}});
        let called = gateway.send(within(message(gate, &token, &tool))).await.expect(200);
        assert_eq!(called.header("content-type"), "text/event-stream");
        let text = called.text();
        assert!(text.find("notifications/progress") < text.find("sunny"), "{text}");
        // The stream of the server's own messages comes piece by piece and has no end.
        let listen =
            Call::get(&format!("/{gate}/mcp")).header("accept", "text/event-stream").bearer(&token);
        let mut connection = gateway.connect().await;
        let listening = connection.open(within(listen)).await.expect("an answer");
        assert_eq!(listening.status(), 200);
        let mut body = listening.into_body();
        let mut seen = String::new();
        while !seen.contains("list_changed") {
            seen.push_str(&String::from_utf8_lossy(&piece(&mut body).await));
        }
        drop((body, connection));
        let delete = Call::new("DELETE", &format!("/{gate}/mcp")).bearer(&token);
        gateway.send(within(delete)).await.expect(204);
        assert_eq!(backend.last().header("mcp-session-id"), SESSION);
        // What the server refuses is the server's answer.
        let lost = gateway.send(message(gate, &token, &tool)).await.expect(400);
        assert_eq!(
            (lost.text().as_str(), lost.header("www-authenticate")),
            ("Bad Request: no session", "")
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_no_token_is_told_where_to_get_one() {
    let azure = azure().await;
    let backend = StandIn::start(server).await;
    let gateway = gateway(&azure, &backend);
    let other = azure.entra.mint(&TokenSpec::v2("api://others")).expect("a token");
    for gate in ["jwt", "entra"] {
        let path = format!("/{gate}/mcp");
        for method in ["POST", "GET", "DELETE"] {
            let bare =
                Call::new(method, &path).header("accept", "text/event-stream, application/json");
            for call in [bare.clone(), bare.clone().bearer(&other), within(bare).bearer("nonsense")]
            {
                let refused = gateway.send(call).await.expect(401);
                let challenge =
                    format!("Bearer error=\"invalid_token\", resource_metadata=\"{METADATA}\"");
                assert_eq!(refused.header("www-authenticate"), challenge, "{gate} {method}");
                assert_eq!(refused.headers.get_all("www-authenticate").iter().count(), 1);
                assert_eq!(refused.json()["statusCode"], 401);
            }
        }
    }
    assert_eq!(backend.count(), 0, "nothing gets past without a token");
}
