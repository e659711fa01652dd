use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::client::{Answer, Call, post_json, start};
use crate::{FABRIKAM, Fault, Running, TokenSpec};

const ANALYZE: &str = "/contentsafety/text:analyze?api-version=2024-09-01";
const SHIELD: &str = "/contentsafety/text:shieldPrompt?api-version=2024-09-01";

fn call(running: &Running, path: &str, body: &Value) -> Call {
    post_json(format!("{}{path}", running.content_safety.server().url()), body)
}

async fn ask(running: &Running, path: &str, body: &Value, status: u16) -> Answer {
    let key = running.content_safety.key();
    call(running, path, body).header("ocp-apim-subscription-key", &key).expect(status).await
}

#[tokio::test]
async fn words_give_severities() {
    let running = start().await;
    for (body, expected) in [
        (json!({"text": "hello"}), json!([0, 0, 0, 0])),
        (json!({"text": "hate-4 HATE-2 violence-7 sexual-8"}), json!([4, 0, 0, 6])),
        (
            json!({"text": "hate-3 selfharm-5 x", "outputType": "EightSeverityLevels"}),
            json!([3, 5, 0, 0]),
        ),
        (json!({"text": "hate-3", "outputType": "FourSeverityLevels"}), json!([2, 0, 0, 0])),
        (
            json!({"text": "sexual-1 violence-2", "categories": ["Violence", "Sexual"]}),
            json!([0, 2]),
        ),
    ] {
        let answer = ask(&running, ANALYZE, &body, 200).await.json();
        let judged = answer["categoriesAnalysis"].as_array().unwrap().iter();
        let severities: Vec<&Value> = judged.map(|it| &it["severity"]).collect();
        assert_eq!(json!(severities), expected, "{body}");
        assert_eq!(answer["blocklistsMatch"], json!([]));
    }
}

#[tokio::test]
async fn blocklists_find_their_terms() {
    let running = start().await;
    running.content_safety.set_blocklist("a", ["Secret", "other"]);
    running.content_safety.set_blocklist("b", []);
    let text = "a SECRET plan, hate-4";
    let body = json!({"text": text, "blocklistNames": ["a", "b"]});
    let answer = ask(&running, ANALYZE, &body, 200).await;
    assert_eq!(answer.at("/blocklistsMatch/0/blocklistName"), json!("a"));
    assert_eq!(answer.at("/blocklistsMatch/0/blocklistItemText"), json!("Secret"));
    assert_eq!(answer.at("/categoriesAnalysis/0/severity"), json!(4));
    let body = json!({"text": text, "blocklistNames": ["a"], "haltOnBlocklistHit": true});
    let answer = ask(&running, ANALYZE, &body, 200).await;
    assert_eq!(answer.at("/categoriesAnalysis"), json!([]));
    running.content_safety.remove_blocklist("a");
    let answer = ask(&running, ANALYZE, &body, 404).await;
    assert_eq!(answer.at("/error/code"), json!("ResourceNotFound"));
}

#[tokio::test]
async fn prompts_are_shielded() {
    let running = start().await;
    let body = json!({"userPrompt": "a jailbreak", "documents": ["x", "jailbreak"]});
    let answer = ask(&running, SHIELD, &body, 200).await.json();
    let expected = json!({
        "userPromptAnalysis": {"attackDetected": true},
        "documentsAnalysis": [{"attackDetected": false}, {"attackDetected": true}],
    });
    assert_eq!(answer, expected);
    let body = json!({"userPrompt": "hello", "documents": []});
    let answer = ask(&running, SHIELD, &body, 200).await;
    assert_eq!(answer.at("/userPromptAnalysis/attackDetected"), json!(false));
}

#[tokio::test]
async fn bodies_are_judged_as_the_service_does() {
    let running = start().await;
    // Characters count, not bytes.
    for n in [9_999, 10_000] {
        ask(&running, ANALYZE, &json!({"text": "😀".repeat(n)}), 200).await;
        ask(&running, SHIELD, &json!({"userPrompt": "ä".repeat(n), "documents": []}), 200).await;
    }
    let long = "ä".repeat(10_001);
    for (path, body) in [
        (ANALYZE, json!({"text": long})),
        (ANALYZE, json!({"text": ""})),
        (ANALYZE, json!({})),
        (ANALYZE, json!({"text": 1})),
        (ANALYZE, json!(["text"])),
        (ANALYZE, json!({"text": "x", "more": 1})),
        (ANALYZE, json!({"text": "x", "categories": ["Hates"]})),
        (ANALYZE, json!({"text": "x", "categories": "Hate"})),
        (ANALYZE, json!({"text": "x", "outputType": "Eight"})),
        (ANALYZE, json!({"text": "x", "haltOnBlocklistHit": 1})),
        (ANALYZE, json!({"text": "x", "blocklistNames": [1]})),
        (SHIELD, json!({"userPrompt": "x"})),
        (SHIELD, json!({"documents": []})),
        (SHIELD, json!({"userPrompt": long, "documents": []})),
        (SHIELD, json!({"userPrompt": "x", "documents": ["1", "2", "3", "4", "5", "6"]})),
        (SHIELD, json!({"userPrompt": "x", "documents": [long]})),
        (SHIELD, json!({"userPrompt": "x", "documents": [], "text": "x"})),
    ] {
        let answer = ask(&running, path, &body, 400).await;
        assert_eq!(answer.at("/error/code"), json!("InvalidRequestBody"));
    }
    for path in [
        "/contentsafety/text:analyze",
        "/contentsafety/text:Analyze?api-version=2024-09-01",
        "/text:analyze?api-version=2024-09-01",
    ] {
        ask(&running, path, &json!({"text": "x"}), 404).await;
    }
    for path in [
        "/contentsafety/text:analyze?api-version=2022-01-01",
        "/contentsafety/text:shieldPrompt?api-version=2023-10-01",
    ] {
        ask(&running, path, &json!({"text": "x"}), 400).await;
    }
    let key = running.content_safety.key();
    let url = format!("{}{ANALYZE}", running.content_safety.server().url());
    let plain = super::client::post_form(url, "text=x").header("ocp-apim-subscription-key", &key);
    plain.expect(415).await;
}

#[tokio::test]
async fn callers_are_judged_as_the_service_does() {
    let running = start().await;
    let body = json!({"text": "x"});
    let bare = || call(&running, ANALYZE, &body);
    let mint = |spec: &TokenSpec| running.entra.mint(spec).unwrap();
    let good = TokenSpec::v1("https://cognitiveservices.azure.com");
    let refused = [
        bare(),
        bare().header("ocp-apim-subscription-key", "x"),
        // Unlike Azure OpenAI's.
        bare().header("api-key", &running.content_safety.key()),
        bare().bearer(&running.content_safety.key()),
        bare().bearer(&mint(&TokenSpec::v1("https://management.azure.com"))),
    ];
    for call in refused {
        call.expect(401).await;
    }
    bare().bearer(&mint(&good.clone().tenant(FABRIKAM))).expect(400).await;
    bare().bearer(&mint(&good)).expect(200).await;
    bare().bearer(&mint(&TokenSpec::v1("https://cognitiveservices.azure.com/"))).expect(200).await;
    running.content_safety.permit(Some(BTreeSet::from(["somebody".to_owned()])));
    let answer = bare().bearer(&mint(&good)).expect(401).await;
    assert_eq!(answer.at("/error/code"), json!("PermissionDenied"));
    running.content_safety.set_keys(["one", "two"]);
    bare().header("ocp-apim-subscription-key", "two").expect(200).await;
    running.content_safety.server().fail_next("*", 1, Fault::Throttle(Duration::from_secs(2)));
    let answer = bare().header("ocp-apim-subscription-key", "two").expect(429).await;
    assert_eq!(
        (answer.at("/error/code"), answer.header("retry-after")),
        (json!("TooManyRequests"), "2")
    );
    assert_eq!(running.content_safety.server().count("*/text:analyze"), 11);
}
