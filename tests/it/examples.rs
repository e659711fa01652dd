//! What is shipped loads, starts and serves.

use serde_json::json;
use tollgate_emulator::{CONTOSO, Running, TokenSpec, TokenVersion};

use crate::harness::{Answer, Call, Directory, Gateway, azure, repository};

const CLIENT: &str = "6d1c5a37-6f0e-4d68-9f5a-3b8f1c1de001";
const AUDIENCE: &str = "api://orders";
const KEY: &str = "a-key-of-team-a";
const CHAT: &str = "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21";

/// A folder of the repository with every variable that its README names.
fn directory(folder: &str, azure: &Running) -> Directory {
    let (entra, openai) = (&azure.entra, &azure.openai);
    Directory::copy_of(&repository().join(folder))
        .env("TOLLGATE_HTTP", "127.0.0.1:0")
        .env("TOLLGATE_ADMIN", "127.0.0.1:0")
        .env("AZURE_OPENAI_ENDPOINT", openai.server().url())
        .env("AZURE_OPENAI_API_KEY", openai.key())
        .env("AZURE_POD_IDENTITY_AUTHORITY_HOST", azure.imds.server().url())
        .env("TENANT_ID", CONTOSO)
        .env("CLIENT_APP_ID", CLIENT)
        .env("API_AUDIENCE", AUDIENCE)
        .env("ENTRA_ENDPOINT", entra.server().url())
        .env("OPENID_CONFIGURATION_URL", entra.metadata_url(CONTOSO, TokenVersion::V2))
        .env("ISSUER_URL", entra.issuer(CONTOSO, TokenVersion::V2))
        .env("TEAM_A_KEY", KEY)
        .env("TEAM_A_OTHER_KEY", "another-key-of-team-a")
}

/// Starts a folder that must be free of findings.
fn start(folder: &str, azure: &Running) -> Gateway {
    let directory = directory(folder, azure);
    let checked = directory.check();
    let found = String::from_utf8_lossy(&checked.stderr).into_owned();
    assert_eq!(found.trim(), "0 errors, 0 warnings", "{folder}");
    directory.start()
}

fn chat() -> Call {
    Call::json(CHAT, &json!({"messages": [{"role": "user", "content": "Hello."}]}))
}

fn token(azure: &Running) -> String {
    let spec = TokenSpec::v2(AUDIENCE).app(CLIENT).roles(["Chat.Invoke", "Embeddings.Invoke"]);
    azure.entra.mint(&spec.claim("scope", "openid chat")).expect("a token")
}

/// One good call, and one without what the good one had.
async fn check(gateway: &Gateway, good: Call) -> Answer {
    let answer = gateway.send(good).await.expect(200);
    let content = answer.json()["choices"][0]["message"]["content"].to_string();
    assert!(content.contains("Hello."), "{content}");
    let refused = gateway.send(chat()).await.expect(401);
    assert!(refused.text().contains("\"statusCode\": 401"), "{}", refused.text());
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn policies() {
    let azure = azure().await;
    let gateway = start("policies", &azure);
    let token = token(&azure);
    check(&gateway, chat().bearer(&token)).await;
    let received = azure.openai.server().received();
    assert!(
        received
            .iter()
            .all(|call| call.header("authorization") != Some(&format!("Bearer {token}")))
    );
    // A failure on our side says nothing of the inside.
    azure.openai.server().go_offline();
    let failed = gateway.send(chat().bearer(&token)).await.expect(502);
    assert_eq!(failed.json()["error"]["type"], "gateway_error", "{}", failed.text());
    assert!(!failed.text().contains("127.0.0.1"), "{}", failed.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn api_key() {
    let azure = azure().await;
    let gateway = start("examples/api-key", &azure);
    check(&gateway, chat().header("api-key", KEY)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn backend_credentials() {
    let azure = azure().await;
    let gateway = start("examples/backend-credentials", &azure);
    check(&gateway, chat().header("Ocp-Apim-Subscription-Key", KEY)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn openid_provider() {
    let azure = azure().await;
    let gateway = start("examples/openid-provider", &azure);
    check(&gateway, chat().bearer(&token(&azure))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn per_operation() {
    let azure = azure().await;
    let gateway = start("examples/per-operation", &azure);
    let token = token(&azure);
    check(&gateway, chat().bearer(&token)).await;
    let path = "/openai/deployments/text-embedding-3-small/embeddings?api-version=2024-10-21";
    let embeddings = Call::json(path, &json!({"input": "Hello."})).bearer(&token);
    assert!(gateway.send(embeddings).await.expect(200).json()["data"][0]["embedding"].is_array());
    let unknown = gateway.send(Call::get("/openai/files").bearer(&token)).await.expect(404);
    assert_eq!(unknown.text(), "{ \"statusCode\": 404, \"message\": \"Resource not found\" }");
}
