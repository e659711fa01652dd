//! Runs the Markdown cases of `tests/cases/` and its folders; a `README.md` holds none.
//!
//! A case begins with an `xml policy` block: the policy of an API of its own, in front of the echo backend. What follows
//! until the next one belongs to it:
//!
//! - `xml FILE`: another document: of the API, such as `xml operations/read.xml`, or of the directory when it begins with
//!   `fragments/`, `products/` or `workspaces/`;
//! - `yaml FILE`, `json FILE`: another file of the API, such as its OpenAPI document, or of the directory;
//! - `toml`: further configuration, first of the API's own table;
//! - `http request`: a request below the API's path; `jwt({…})` in it is a token with these claims;
//! - `http backend`: what the backend then received, once for each call; `nothing` when it received none;
//! - `http response`: the answer; its reason phrase counts when it is written;
//! - `metrics`: lines that Prometheus then reads;
//! - `text`: instead of requests, what `tollgate check` prints. `UPDATE_EXPECT=1` rewrites these.
//!
//! Azure OpenAI is the backend `openai`, and Azure AI Content Safety the backend `safety`; `embeddings` is its model for embeddings, and `embeddings-of-azure` the same without
//! credentials.
//!
//! `CASE` stands for the API in all of them but `text`. `…` stands for any text, a header line that begins with `!` for one that is absent. A response without a blank line
//! may have any body.
//!
//! As many calls of the backend as are described are waited for: some come after the answer.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tollgate_emulator::{Emulator, ManagedIdentity, Options, Received, Running, Server};
use tollgate_engine::Content;

use crate::harness::{Answer, Call, Connection, Directory, Gateway, is_like, repository};

/// The global scope of all cases: it leaves a trace in each section.
const GLOBAL: &str = r#"<policies>
    <inbound><set-header name="x-trail" exists-action="append"><value>global</value></set-header></inbound>
    <backend><forward-request /></backend>
    <outbound><set-header name="x-trail" exists-action="append"><value>global</value></set-header></outbound>
    <on-error><set-header name="x-trail" exists-action="append"><value>global on-error</value></set-header></on-error>
</policies>
"#;

/// Folders of files that belong to no API.
const SHARED: [&str; 4] = ["fragments/", "products/", "schemas/", "workspaces/"];

/// Blocks that are files.
const ATTACHED: [&str; 3] = ["xml ", "yaml ", "json "];

/// How long calls that no answer waits for may take to reach the backend.
const LATE: Duration = Duration::from_secs(10);

/// A user-assigned identity of the machine, beside its own.
const USER_ASSIGNED: &str = "5e1f0c7a-3b42-4d58-9a6b-2f7e8d9c0b14";

/// One case: its blocks, the policy first.
struct Case {
    file: PathBuf,
    /// Name of the API and its path.
    api: String,
    blocks: Vec<Block>,
}

struct Block {
    kind: String,
    text: String,
    /// Line of the fence that opens it, from 1.
    line: usize,
}

#[tokio::test(flavor = "multi_thread")]
async fn cases() {
    let cases = read_all(&repository().join("tests/cases"));
    let (checked, served): (Vec<_>, Vec<_>) =
        cases.into_iter().partition(|case| case.blocks.iter().any(|block| block.kind == "text"));
    let mut failures: Vec<String> = checked.iter().filter_map(|case| check(case).err()).collect();
    let mut options = Options::default();
    options.identities.push(ManagedIdentity::user("cases", USER_ASSIGNED));
    let azure = Emulator::start(options).await.expect("the emulators start");
    azure.content_safety.set_blocklist("names", ["project tiger"]);
    azure.content_safety.set_blocklist("empty", []);
    let gateway = directory(&served, &azure).start();
    for case in &served {
        // One for each case: the gateway ends a connection after a thousand requests.
        let mut connection = gateway.connect().await;
        serve(case, &azure, &gateway, &mut connection, &mut failures).await;
    }
    let n_requests: usize = served
        .iter()
        .map(|case| case.blocks.iter().filter(|block| block.kind == "http request").count())
        .sum();
    println!(
        "{} cases with {n_requests} requests, {} documents checked",
        served.len(),
        checked.len()
    );
    assert!(!served.is_empty() && !checked.is_empty(), "no cases");
    assert!(failures.is_empty(), "{} failed:\n\n{}", failures.len(), failures.join("\n\n"));
}

#[test]
fn every_policy_has_its_cases() {
    let folder = repository().join("tests/cases");
    for policy in tollgate_policies::ALL {
        assert!(
            folder.join(format!("{}.md", policy.name)).is_file(),
            "no case of `{}`",
            policy.name
        );
    }
}

/// What the reference calls done, a case shows: each attribute of a policy and of its children is written in one.
#[test]
fn every_attribute_has_its_case() {
    let folder = repository().join("tests/cases");
    let mut without: Vec<String> = Vec::new();
    for policy in tollgate_policies::ALL {
        let text = std::fs::read_to_string(folder.join(format!("{}.md", policy.name)));
        let documents: String = blocks(&text.unwrap_or_default())
            .into_iter()
            .filter(|block| block.kind.starts_with("xml "))
            .map(|block| block.text)
            .collect();
        let mut names: Vec<&str> = policy.attributes.iter().map(|def| def.name).collect();
        child_attributes(&policy.content, &mut names);
        let missing = names.into_iter().filter(|name| !writes(&documents, name));
        without.extend(missing.map(|name| format!("{} {name}", policy.name)));
    }
    assert!(without.is_empty(), "no case writes: {without:#?}");
}

/// Whether one of the documents writes an attribute of this name.
fn writes(documents: &str, name: &str) -> bool {
    documents.match_indices(name).any(|(at, _)| {
        documents[at + name.len()..].starts_with('=')
            && documents[..at].ends_with(|before: char| before.is_whitespace())
    })
}

fn child_attributes(content: &Content, names: &mut Vec<&'static str>) {
    for child in content.children() {
        names.extend(child.attributes.iter().map(|def| def.name));
        child_attributes(&child.content, names);
    }
}

#[test]
fn patterns() {
    for (pattern, text, like) in [
        ("a", "a", true),
        ("a", "ab", false),
        ("", "", true),
        ("…", "", true),
        ("…", "anything", true),
        ("a…c", "abc", true),
        ("a…c", "ac", true),
        ("a…c", "ab", false),
        ("…b…", "abc", true),
        ("a…b…a", "ab", false),
        ("a…a", "a", false),
    ] {
        assert_eq!(is_like(pattern, text), like, "{pattern} {text}");
    }
}

fn read_all(folder: &Path) -> Vec<Case> {
    let mut files = Vec::new();
    list(folder, &mut files);
    files.sort();
    files.iter().flat_map(|file| read(folder, file)).collect()
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder of cases") {
        let path = entry.expect("a file").path();
        if path.is_dir() {
            list(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "md")
            && !path.ends_with("README.md")
        {
            files.push(path);
        }
    }
}

fn read(folder: &Path, file: &Path) -> Vec<Case> {
    let text = std::fs::read_to_string(file).expect("a file of cases");
    let below = file.strip_prefix(folder).expect("a file of the folder").with_extension("");
    let name = below.to_string_lossy().replace(std::path::MAIN_SEPARATOR, "-");
    let mut cases: Vec<Case> = Vec::new();
    for mut block in blocks(&text) {
        if block.kind == "xml policy" {
            let api = format!("{name}-{}", cases.len() + 1);
            cases.push(Case { file: file.to_owned(), api, blocks: Vec::new() });
        }
        let case = cases.last_mut();
        let case =
            case.unwrap_or_else(|| panic!("{}:{}: no policy yet", file.display(), block.line));
        if block.kind != "text" {
            block.kind = block.kind.replace("CASE", &case.api);
            block.text = block.text.replace("CASE", &case.api);
        }
        case.blocks.push(block);
    }
    assert!(!cases.is_empty(), "{} has no case", file.display());
    cases
}

/// The fenced blocks whose kind is one of ours; others are prose.
fn blocks(text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut open = false;
    for (index, line) in text.lines().enumerate() {
        match line.strip_prefix("```") {
            Some(_) if open => open = false,
            Some(kind) => {
                open = true;
                let kind = kind.trim().to_owned();
                blocks.push(Block { kind, text: String::new(), line: index + 1 });
            }
            None if open => {
                let block = blocks.last_mut().expect("an open block");
                block.text.push_str(line);
                block.text.push('\n');
            }
            None => {}
        }
    }
    blocks
}

impl Case {
    fn place(&self, block: &Block) -> String {
        let cases = repository().join("tests/cases");
        let file = self.file.strip_prefix(cases).expect("a file of cases");
        format!("{}:{}", file.display(), block.line)
    }

    /// Adds the case's documents to a directory and its configuration to `config`.
    fn add_to(&self, mut directory: Directory, config: &mut String) -> Directory {
        let id = &self.api;
        writeln!(config, "[apis.{id}]\npath = \"{id}\"").expect("text");
        let own = self.blocks.iter().filter(|block| block.kind == "toml");
        let own: String = own.map(|block| block.text.as_str()).collect();
        let begins = |key: &str| {
            own.lines().take_while(|line| !line.starts_with('[')).any(|line| line.starts_with(key))
        };
        if !begins("service-url =") && !begins("backend =") {
            config.push_str("backend = \"echo\"\n");
        }
        if !begins("subscription =") {
            config.push_str("subscription = \"optional\"\n");
        }
        config.push_str(&own);
        config.push('\n');
        for block in &self.blocks {
            let file = ATTACHED.iter().find_map(|kind| block.kind.strip_prefix(kind));
            directory = match file {
                Some("policy") => directory.api(id, &block.text),
                Some(file) if SHARED.iter().any(|folder| file.starts_with(folder)) => {
                    directory.file(file, &block.text)
                }
                Some(file) => directory.file(&format!("apis/{id}/{file}"), &block.text),
                None => directory,
            };
        }
        directory
    }
}

/// What all cases may refer to.
fn shared(echo: &str, openai: (&str, &str), safety: (&str, &str)) -> String {
    let (openai_url, openai_key) = openai;
    let (safety_url, safety_key) = safety;
    format!(
        r#"
[named-values]
greeting = "hello"
number = "7"
nested = "{{{{greeting}}}}"
expression = "@(1 + 1)"
secret = {{ value = "s3cret value", development = true, secret = true }}
echo = "{echo}"

[backends.echo]
url = "{echo}/echo"

[backends.other]
url = "{echo}/other/base/"

[backends.with-credentials]
url = "{echo}/credentials"
headers = {{ x-backend-key = {{ value = "backend key", development = true }} }}
query = {{ code = {{ value = "a&b", development = true }} }}
authorization = {{ scheme = "Bearer", parameter = {{ value = "opaque", development = true }} }}

[backends.openai]
url = "{openai_url}"
headers = {{ api-key = {{ value = "{openai_key}", development = true }} }}

[backends.safety]
url = "{safety_url}"
headers = {{ Ocp-Apim-Subscription-Key = {{ value = "{safety_key}", development = true }} }}

[backends.safety-identity]
url = "{safety_url}"
managed-identity = {{ resource = "https://cognitiveservices.azure.com" }}

[backends.safety-bare]
url = "{safety_url}"

[backends.safety-wrong-key]
url = "{safety_url}"
headers = {{ Ocp-Apim-Subscription-Key = {{ value = "no key of it", development = true }} }}

[backends.embeddings]
url = "{openai_url}/openai/deployments/text-embedding-3-small/embeddings"
headers = {{ api-key = {{ value = "{openai_key}", development = true }} }}

[backends.embeddings-of-azure]
url = "{openai_url}/openai/deployments/text-embedding-3-small/embeddings"

[backends.status]
url = "{echo}/status"

[backends.refusing]
url = "http://127.0.0.1:9"

[loggers.audit]
kind = "file"
path = "/dev/null"

"#
    )
}

fn directory(cases: &[Case], azure: &Running) -> Directory {
    let (openai, safety) = (&azure.openai, &azure.content_safety);
    let mut config = shared(
        azure.echo.server().url(),
        (openai.server().url(), &openai.key()),
        (safety.server().url(), &safety.key()),
    );
    let mut directory = Directory::new("").file("global.xml", GLOBAL);
    for case in cases {
        directory = case.add_to(directory, &mut config);
    }
    let imds = azure.imds.server().url();
    writeln!(config, "[identity]\nkind = \"managed\"\nimds-endpoint = \"{imds}\"").expect("text");
    directory.configure(&config.replace("{ECHO}", azure.echo.server().url()));
    directory
}

async fn serve(
    case: &Case,
    azure: &Running,
    gateway: &Gateway,
    connection: &mut Connection,
    failures: &mut Vec<String>,
) {
    let echo = azure.echo.server();
    let mut answer: Option<Answer> = None;
    let mut received: Vec<Received> = Vec::new();
    let mut n_requests = 0;
    let mut n_calls = 0;
    for (index, block) in case.blocks.iter().enumerate() {
        let found = match block.kind.as_str() {
            "http request" => {
                let call = call(&with_tokens(&block.text), &case.api);
                echo.forget();
                match connection.send(call).await {
                    Ok(got) => answer = Some(got),
                    Err(error) => {
                        failures.push(format!("{}: {error}", case.place(block)));
                        return;
                    }
                }
                received = answered(echo, n_expected(&case.blocks[index + 1..])).await;
                n_requests += 1;
                n_calls = 0;
                Ok(())
            }
            "http response" => {
                expect_answer(&block.text, answer.as_ref().expect("a request first"))
            }
            "http backend" => {
                n_calls += 1;
                let wanted = n_calls + n_expected(&case.blocks[index + 1..]);
                expect_received(&block.text, &received, (n_calls, wanted))
            }
            "metrics" => expect_metrics(&block.text, gateway).await,
            "toml" => Ok(()),
            kind if ATTACHED.iter().any(|it| kind.starts_with(it)) => Ok(()),
            kind => Err(format!("unknown kind of block `{kind}`")),
        };
        if let Err(why) = found {
            failures.push(format!("{}: {why}", case.place(block)));
        }
    }
    if n_requests == 0 {
        failures.push(format!("{}: no request", case.place(&case.blocks[0])));
    }
}

/// Streams are counted when they have ended, which is later than the client's end of them.
async fn expect_metrics(text: &str, gateway: &Gateway) -> Result<(), String> {
    let begun = Instant::now();
    loop {
        let metrics = gateway.admin("/metrics").await.text();
        let missing =
            text.lines().find(|wanted| metrics.lines().all(|line| !is_like(wanted, line)));
        let Some(missing) = missing else { return Ok(()) };
        if begun.elapsed() > LATE {
            let name = missing.split('{').next().unwrap_or_default();
            let like: Vec<&str> = metrics.lines().filter(|line| line.starts_with(name)).collect();
            return Err(format!("no `{missing}` among\n{}", like.join("\n")));
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// What the backend received, once it has answered so many calls or none comes any more.
async fn answered(echo: &Server, n_calls: usize) -> Vec<Received> {
    let begun = Instant::now();
    loop {
        let received = echo.received();
        let n_answered = received.iter().filter(|call| call.status.is_some()).count();
        if n_answered >= n_calls || begun.elapsed() > LATE {
            return received;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// How many calls of the backend are described before the next request.
fn n_expected(blocks: &[Block]) -> usize {
    let until_next = blocks.iter().take_while(|block| block.kind != "http request");
    until_next.filter(|it| it.kind == "http backend" && it.text.trim() != "nothing").count()
}

/// First line, header lines, and the body when there is a blank line.
fn message(text: &str) -> (&str, Vec<&str>, Option<&str>) {
    let text = text.strip_suffix('\n').unwrap_or(text);
    let (head, body) = match text.split_once("\n\n") {
        Some((head, body)) => (head, Some(body)),
        None => match text.strip_suffix('\n') {
            Some(head) => (head, Some("")),
            None => (text, None),
        },
    };
    let mut lines = head.lines();
    (lines.next().unwrap_or_default(), lines.collect(), body)
}

/// Puts tokens in the place of `jwt(…)`: HS256 with the key of the policies, whose text is its Base64.
fn with_tokens(text: &str) -> String {
    const KEY: &[u8] = b"a secret of thirty-two bytes....";
    let mut parts = text.split("jwt(");
    let mut whole = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (claims, rest) = part.split_once(')').expect("a closing bracket");
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let signed =
            format!("{}.{}", encode(br#"{"alg":"HS256","typ":"JWT"}"#), encode(claims.as_bytes()));
        let key = hmac::Key::new(hmac::HMAC_SHA256, KEY);
        let signature = hmac::sign(&key, signed.as_bytes());
        let signature = encode(signature.as_ref());
        whole = format!("{whole}{signed}.{signature}{rest}");
    }
    whole
}

fn call(text: &str, api: &str) -> Call {
    let (first, headers, body) = message(text);
    let (method, path) = first.split_once(' ').expect("a method and a path");
    // The root of the API is written `/` and sent without its slash.
    let below = path.strip_prefix('/').filter(|rest| rest.is_empty() || rest.starts_with('?'));
    let path = format!("/{api}{}", below.unwrap_or(path));
    let mut call = Call::new(method, &path).body(body.unwrap_or_default().to_owned());
    for line in headers {
        let (name, value) = line.split_once(':').expect("a header line");
        call = call.header(name, value.trim());
    }
    call
}

fn expect_answer(text: &str, answer: &Answer) -> Result<(), String> {
    let (first, headers, body) = message(text);
    let status = first.strip_prefix("HTTP/1.1 ").unwrap_or(first);
    let headers_of = |name: &str| -> Vec<String> {
        let values = answer.headers.get_all(name).iter();
        values.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect()
    };
    let shown = || {
        let Answer { status, phrase, headers, .. } = answer;
        format!("got {} {phrase} {headers:?}\n{}", status.as_str(), answer.text())
    };
    let (code, phrase) = status.split_once(' ').unwrap_or((status, "…"));
    if answer.status.as_str() != code || !is_like(phrase, &answer.phrase) {
        return Err(format!("another status: {}", shown()));
    }
    expect_headers(&headers, headers_of).map_err(|why| format!("{why}: {}", shown()))?;
    match body {
        Some(body) if !is_like(body, &answer.text()) => Err(format!("another body: {}", shown())),
        _ => Ok(()),
    }
}

/// Compares the `nth` call of the backend, counted from 1, of which `wanted` are described.
fn expect_received(
    text: &str,
    received: &[Received],
    (nth, wanted): (usize, usize),
) -> Result<(), String> {
    if text.trim() == "nothing" {
        return match received {
            [] => Ok(()),
            some => Err(format!("the backend was called: {some:?}")),
        };
    }
    if received.len() != wanted {
        return Err(format!("the backend was called {} times", received.len()));
    }
    let received = &received[nth - 1];
    let (first, headers, body) = message(text);
    let query = if received.query.is_empty() { "" } else { "?" };
    let line = format!("{} {}{query}{}", received.method, received.path, received.query);
    if !is_like(first, &line) {
        return Err(format!("the backend received `{line}`"));
    }
    let headers_of = |name: &str| -> Vec<String> {
        let named = received.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.clone()).collect()
    };
    expect_headers(&headers, headers_of).map_err(|why| format!("{why}: {:?}", received.headers))?;
    let sent = String::from_utf8_lossy(&received.body);
    match body {
        Some(body) if !is_like(body, &sent) => {
            Err(format!("the backend received the body `{sent}`"))
        }
        _ => Ok(()),
    }
}

/// Each name's lines must be exactly the ones that are there, in order.
fn expect_headers(lines: &[&str], of: impl Fn(&str) -> Vec<String>) -> Result<(), String> {
    let mut names: Vec<&str> = Vec::new();
    for line in lines {
        if let Some(absent) = line.strip_prefix('!') {
            if !of(absent.trim()).is_empty() {
                return Err(format!("`{absent}` is there"));
            }
            continue;
        }
        let (name, _) = line.split_once(':').ok_or(format!("`{line}` is no header line"))?;
        if !names.contains(&name) {
            names.push(name);
        }
    }
    for name in names {
        let wanted = lines.iter().filter_map(|line| line.split_once(':'));
        let wanted: Vec<&str> =
            wanted.filter(|(known, _)| *known == name).map(|(_, value)| value.trim()).collect();
        let found = of(name);
        let same = wanted.len() == found.len()
            && wanted.iter().zip(&found).all(|(wanted, found)| is_like(wanted, found));
        if !same {
            return Err(format!("`{name}` is {found:?}"));
        }
    }
    Ok(())
}

/// Compares what `tollgate check` prints.
fn check(case: &Case) -> Result<(), String> {
    // What is shared comes last: what is added to it moves no line that a finding is in.
    let mut config = String::new();
    let directory = case.add_to(Directory::new("").file("global.xml", GLOBAL), &mut config);
    config.push_str(&shared(
        "http://127.0.0.1:8",
        ("http://127.0.0.1:9", "key"),
        ("http://127.0.0.1:9", "key"),
    ));
    directory.configure(&config);
    let output = directory.check();
    let printed = String::from_utf8_lossy(&output.stderr).into_owned();
    let text = case.blocks.iter().find(|block| block.kind == "text").expect("a text block");
    let failed = output.status.code() == Some(1);
    let is_right =
        printed.contains("error[") == failed && matches!(output.status.code(), Some(0 | 1));
    if !is_right {
        return Err(format!("{}: {:?} with\n{printed}", case.place(text), output.status));
    }
    let printed = printed.trim_end();
    if printed == text.text.trim_end() {
        return Ok(());
    }
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        update(&case.file, &text.text, printed);
        return Ok(());
    }
    Err(format!("{}: `check` prints\n{printed}", case.place(text)))
}

/// Replaces a block's text in its file.
fn update(file: &Path, old: &str, new: &str) {
    let document = std::fs::read_to_string(file).expect("a file of cases");
    let block = |text: &str| format!("```text\n{text}```");
    let replaced = document.replacen(&block(old), &block(&format!("{new}\n")), 1);
    std::fs::write(file, replaced).expect("the file is written");
}
