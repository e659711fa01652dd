//! Logs of prompts and completions.

use std::path::Path;

use serde_json::{Value, json};
use tollgate_emulator::{Running, StreamPlan};

use crate::harness::{Call, Directory, Gateway, azure, find, until};

const CHAT: &str = "deployments/gpt-4o/chat/completions?api-version=2024-10-21";

/// Azure OpenAI behind three APIs: as all are logged, with more of its own, and not at all.
fn start(azure: &Running, path: &Path, all: &str) -> Gateway {
    let api = |id: &str, more: &str| {
        format!(
            "[apis.{id}]\npath = \"{id}\"\nbackend = \"openai\"\nsubscription = \"optional\"\n{more}\n\
             [apis.{id}.operations.chat]\nmethod = \"POST\"\nurl-template = \"/*\"\n"
        )
    };
    let config = format!(
        "[gateway]\nregion = \"north\"\n[llm-logs]\n{all}\n\
         [named-values]\nsecret = {{ value = \"hunter22\", development = true, secret = true }}\n\
         [loggers.prompts]\nkind = \"file\"\npath = \"{}\"\n\
         [backends.openai]\nurl = \"{}\"\nheaders = {{ api-key = {{ value = \"{}\", development = true }} }}\n{}{}{}",
        path.display(),
        azure.openai.base(),
        azure.openai.key(),
        api("openai", ""),
        api("prompts", "llm-logs = { responses = \"none\", max-bytes = 4 }"),
        api("quiet", "llm-logs = { requests = \"none\", responses = \"none\" }"),
    );
    Directory::new(&config).start()
}

const ALL: &str = "requests = \"all\"\nresponses = \"all\"\nlogger = \"prompts\"\nredact = [\"\\\\d{4}\"]\nreplacement = \"#\"";

fn chat(api: &str, text: &str, stream: bool) -> Call {
    let body = json!({"messages": [{"role": "user", "content": text}], "stream": stream});
    Call::json(&format!("/{api}/{CHAT}"), &body).header("x-private", "of a header")
}

/// The rows of a file of events, once there are so many.
async fn rows(path: &Path, n_rows: usize) -> Vec<Value> {
    let read = || {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let row = |line: &str| {
            let event: Value = serde_json::from_str(line).ok()?;
            serde_json::from_str(event["body"].as_str()?).ok()
        };
        let rows: Vec<Value> = text.lines().filter_map(row).collect();
        (rows.len() >= n_rows).then_some(rows)
    };
    let rows = until("rows", async || read()).await;
    assert_eq!(rows.len(), n_rows, "{rows:#?}");
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn prompts_and_completions_are_rows() {
    let azure = azure().await;
    let folder = tempfile::tempdir().expect("a folder for events");
    let path = folder.path().join("prompts.jsonl");
    let gateway = start(&azure, &path, ALL);
    for (n, stream) in [(0, false), (1, true)] {
        gateway.send(chat("openai", "card 1234, hunter22", stream)).await.expect(200);
        let rows = rows(&path, 2 * n + 2).await;
        let [request, response] = &rows[2 * n..] else { panic!("two rows") };
        for row in [request, response] {
            assert_eq!(row["DeploymentName"], "gpt-4o");
            assert_eq!(row["ApiVersion"], "2024-10-21");
            assert_eq!(row["OperationName"], "chat");
            assert_eq!(row["Region"], "north");
            assert_eq!(row["IsStreamCompletion"], stream);
            assert_eq!(row["SequenceNumber"], 0);
            assert_eq!(row["CorrelationId"], request["CorrelationId"]);
            let tokens = |name: &str| row[name].as_u64().expect("a number");
            assert!(tokens("PromptTokens") > 0 && tokens("CompletionTokens") > 0);
            assert!(row["ModelName"].as_str().expect("a model").starts_with("gpt-4o"));
            assert!(!row["RequestId"].as_str().expect("an id").is_empty());
        }
        let said = json!([{"role": "user", "content": "card #, ***"}]);
        assert_eq!(request["RequestMessages"], said);
        let answered = &response["ResponseMessages"][0];
        assert_eq!(answered["role"], "assistant");
        assert!(!answered["content"].as_str().expect("a text").is_empty());
    }
    let text = std::fs::read_to_string(&path).expect("the file");
    assert!(!text.contains("of a header") && !text.contains("1234,"), "{text}");
    // The stream went on as the backend sent it: nobody but the log asked for anything.
    let received = azure.openai.server().received();
    assert!(!String::from_utf8_lossy(&received[1].body).contains("include_usage"));
}

#[tokio::test(flavor = "multi_thread")]
async fn apis_say_what_of_theirs_is_logged() {
    let azure = azure().await;
    let folder = tempfile::tempdir().expect("a folder for events");
    let path = folder.path().join("prompts.jsonl");
    let gateway = start(&azure, &path, ALL);
    gateway.send(chat("quiet", "never", false)).await.expect(200);
    gateway.send(chat("prompts", "a long story", false)).await.expect(200);
    let rows = rows(&path, 1).await;
    assert_eq!(rows[0]["RequestMessages"], json!([{"role": "user", "content": "a lo"}]));
    // An error is logged with what was asked, and no tokens.
    gateway
        .send(Call::json(
            "/prompts/deployments/none/chat/completions?api-version=2024-10-21",
            &json!({"messages": [{"role": "user", "content": "x"}]}),
        ))
        .await
        .expect(404);
    let rows = self::rows(&path, 2).await;
    assert_eq!((&rows[1]["TotalTokens"], &rows[1]["DeploymentName"]), (&json!(0), &json!("none")));
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_that_clients_leave_are_logged_as_far_as_they_came() {
    let azure = azure().await;
    let folder = tempfile::tempdir().expect("a folder for events");
    let path = folder.path().join("prompts.jsonl");
    let gateway = start(&azure, &path, ALL);
    azure.openai.plan_next_stream(StreamPlan { close_after: Some(4), ..StreamPlan::default() });
    let answer = gateway.open(chat("openai", "tell me", true)).await;
    assert_eq!(answer.status(), 200);
    drop(http_body_util::BodyExt::collect(answer.into_body()).await);
    let rows = rows(&path, 2).await;
    assert!(rows[1]["CompletionTokens"].as_u64().expect("a number") > 0, "{rows:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn recordings_are_not_held_for_the_log() {
    let azure = azure().await;
    let all = format!("{ALL}\n[limits]\nbuffered-body = \"1 KiB\"");
    let gateway = start(&azure, Path::new("/dev/null"), &all);
    let path = "/openai/deployments/gpt-4o/audio/transcriptions?api-version=2024-10-21";
    let recording =
        Call::new("POST", path).header("content-type", "multipart/form-data; boundary=x");
    let answer = gateway.send(recording.body(vec![b'x'; 4_096])).await;
    assert_ne!(answer.status, 413);
    let long = json!({"messages": [{"role": "user", "content": "x".repeat(4_096)}]});
    gateway.send(Call::json(&format!("/openai/{CHAT}"), &long)).await.expect(413);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_logger_rows_are_lines_of_the_log() {
    let azure = azure().await;
    let all = "requests = \"all\"";
    let gateway = start(&azure, Path::new("/dev/null"), all);
    gateway.send(chat("openai", "hunter22 and more", false)).await.expect(200);
    let line = gateway.logged(|line| line.contains("llm-log")).await;
    let line: Value = serde_json::from_str(&line).expect("a JSON log line");
    let row = find(&line, "row").and_then(Value::as_str).expect("a row");
    let row: Value = serde_json::from_str(row).expect("a row in JSON");
    assert_eq!(row["RequestMessages"][0]["content"], "*** and more");
}

#[test]
fn what_cannot_be_used_is_said() {
    let config = "[llm-logs]\nrequests = \"all\"\nlogger = \"none\"\nredact = [\"(\"]\n\
                  [apis.a]\npath = \"a\"\nsubscription = \"optional\"\nllm-logs = { sampling-ratio = 2 }\n";
    let directory = Directory::new(config)
        .api("a", "<policies><inbound><return-response /></inbound></policies>");
    let checked = directory.check();
    let found = String::from_utf8_lossy(&checked.stderr).into_owned();
    for wanted in [
        "there is no logger `none`",
        "`(` is no regular expression that can be used",
        "expected a number from 0 to 1",
    ] {
        assert!(found.contains(wanted), "{found}");
    }
}
