//! Small inputs that become large, deep or long: XML, JSON, compressed bodies, tokens, patterns and expressions.
//!
//! INVARIANT: each is answered soon, memory stays bounded, nothing outside the message is read, and others are served meanwhile.

use std::fmt::Write as _;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use futures::StreamExt as _;
use tokio::io::AsyncReadExt as _;

use super::{bystander, memory_below, tell};
use crate::harness::{Answer, Call, Connection, Directory, Gateway};
use crate::strict::Strict;

/// Nothing may take longer, on a busy machine without optimisation.
const LATEST: Duration = Duration::from_secs(28);

/// What policies make of a body: `B` is the body.
const READERS: &[(&str, &str)] = &[
    ("text", r#"<set-variable name="v" value="@(B.As<string>(preserveContent: true).Length)" />"#),
    (
        "token",
        r#"<set-variable name="v" value="@(B.As<JToken>(preserveContent: true).ToString())" />"#,
    ),
    (
        "object",
        r#"<set-variable name="v" value="@((string)B.As<JObject>(preserveContent: true).SelectToken("$..a..b"))" />"#,
    ),
    (
        "element",
        r#"<set-variable name="v" value="@(B.As<XElement>(preserveContent: true).ToString())" />"#,
    ),
    (
        "document",
        r#"<set-variable name="v" value="@(B.As<XDocument>(preserveContent: true).ToString())" />"#,
    ),
    (
        "xml-to-json",
        r#"<xml-to-json kind="direct" apply="always" consider-accept-header="false" />"#,
    ),
    ("json-to-xml", r#"<json-to-xml apply="always" consider-accept-header="false" />"#),
    (
        "xsl",
        r#"<xsl-transform><xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform"><xsl:template match="/"><xsl:copy-of select="." /></xsl:template></xsl:stylesheet></xsl-transform>"#,
    ),
    (
        "liquid",
        r#"<set-body template="liquid">{% for x in body %}{% for y in body %}{{ x }}{{ y }}{% endfor %}{% endfor %}</set-body>"#,
    ),
    ("replace", r#"<find-and-replace from="a" to="@(new string('b', 10000))" />"#),
    (
        "pattern",
        r#"<set-variable name="v" value="@(Regex.IsMatch(B.As<string>(preserveContent: true), "^(([a-z])+.)+[A-Z]([a-z])+$"))" />"#,
    ),
    (
        "patterns",
        r#"<set-variable name="v" value="@(Regex.Replace(B.As<string>(preserveContent: true), "(a|aa|a?)*b", "$0$0$0$0").Length)" />"#,
    ),
    (
        "own-pattern",
        r#"<set-variable name="v" value="@(Regex.Matches(B.As<string>(preserveContent: true), B.As<string>(preserveContent: true)).Count)" />"#,
    ),
];

/// Policies that need no help.
const ALONE: &[(&str, &str)] = &[
    ("for-ever", "@{ while (true) { } return 1; }"),
    ("doubling", "@{ var s = \"x\"; for (var i = 0; i < 60; i++) { s += s; } return s.Length; }"),
    ("range", "@(Enumerable.Range(0, int.MaxValue).Select(x => (long)x * 2).Sum())"),
    ("listed", "@(Enumerable.Range(0, int.MaxValue).ToList().Count)"),
    (
        "crossed",
        "@(Enumerable.Range(0, 100000).SelectMany(x => Enumerable.Range(0, 100000)).Count())",
    ),
    ("padded", "@(\"x\".PadLeft(int.MaxValue).Length)"),
    ("repeated", "@(new string('x', int.MaxValue).Length)"),
    (
        "formatted",
        "@(string.Format(context.Request.Headers.GetValueOrDefault(\"x\", \"{0,2000000000}\"), 1).Length)",
    ),
    ("sized", "@(new byte[int.MaxValue].Length)"),
    ("recursive", "@{ int f(int n) { return f(n + 1) + 1; } return f(0); }"),
    ("joined", "@(string.Join(new string('x', 1000000), Enumerable.Range(0, 1000000)).Length)"),
    ("pattern-alone", "@(Regex.IsMatch(new string('a', 100) + \"!\", \"^(a+)+$\"))"),
    ("pattern-made", "@(Regex.IsMatch(\"x\", \"(x{1000}){1000}\"))"),
    (
        "replaced",
        "@{ var s = \"a\"; for (var i = 0; i < 40; i++) { s = s.Replace(\"a\", \"aaaa\"); } return s.Length; }",
    ),
];

async fn start() -> (Strict, u16, Gateway) {
    let (backend, address) = Strict::start().await;
    let mut config = "[limits]\nbuffered-body = \"2 MiB\"\ninflated-body = \"1 MiB\"\nbuffers-total = \"64 MiB\"\n".to_owned();
    let mut directory = Directory::new("");
    let alone = ALONE.iter().map(|(name, value)| {
        (*name, format!(r#"<set-variable name="v" value="{}" />"#, value.replace('"', "&quot;")))
    });
    let readers = READERS.iter().map(|(name, policy)| {
        (
            *name,
            policy
                .replace("(B.", "(context.Request.Body.")
                .replace(", B.", ", context.Request.Body.")
                .replace("(string)B.", "(string)context.Request.Body."),
        )
    });
    let jwt = [
        ("plain", String::new()),
        ("as-jwt", r#"<set-variable name="v" value="@(context.Request.Headers.GetValueOrDefault("Authorization", "").AsJwt()?.Claims.Count)" />"#.to_owned()),
        ("jwt", r#"<validate-jwt header-name="Authorization"><issuer-signing-keys><key>c2VjcmV0LW9mLXRoaXJ0eS10d28tYnl0ZXMtb3ItbW9yZQ==</key></issuer-signing-keys></validate-jwt>"#.to_owned()),
    ];
    for (name, inbound) in readers.chain(alone).chain(jwt) {
        write!(config, "[apis.{name}]\npath = \"{name}\"\nsubscription = \"optional\"\n")
            .expect("text");
        let policy = format!(
            "<policies><inbound>{inbound}<return-response><set-body>@(context.Variables.GetValueOrDefault&lt;object&gt;(\"v\", \"\").ToString())</set-body></return-response></inbound>\
             <backend><forward-request /></backend></policies>"
        );
        directory = directory.api(name, &policy);
    }
    directory.configure(&config);
    (backend, address.port(), directory.start())
}

fn xml(port: u16) -> Vec<String> {
    let laughs = |levels: u32| {
        let mut text = "<?xml version=\"1.0\"?><!DOCTYPE l [<!ENTITY l0 \"lol\">".to_owned();
        for n in 1..levels {
            write!(text, "<!ENTITY l{n} \"{}\">", format!("&l{};", n - 1).repeat(10))
                .expect("text");
        }
        write!(text, "]><l>&l{};</l>", levels - 1).expect("text");
        text
    };
    let mut all = vec![
        laughs(10),
        laughs(3),
        format!(
            "<!DOCTYPE q [<!ENTITY a \"{}\">]><q>{}</q>",
            "a".repeat(50_000),
            "&a;".repeat(2_000)
        ),
        "<!DOCTYPE r [<!ENTITY a \"&b;\"><!ENTITY b \"&a;\">]><r>&a;</r>".to_owned(),
        "<!DOCTYPE r [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><r>&x;</r>".to_owned(),
        format!("<!DOCTYPE r [<!ENTITY x SYSTEM \"http://127.0.0.1:{port}/xxe\">]><r>&x;</r>"),
        format!("<!DOCTYPE r [<!ENTITY % x SYSTEM \"http://127.0.0.1:{port}/xxe\"> %x;]><r/>"),
        format!("<!DOCTYPE r SYSTEM \"http://127.0.0.1:{port}/xxe\"><r/>"),
        format!("<!DOCTYPE r PUBLIC \"-//x\" \"http://127.0.0.1:{port}/xxe\"><r/>"),
        format!(
            "<?xml-stylesheet href=\"http://127.0.0.1:{port}/xxe\"?><r xmlns:xi=\"http://www.w3.org/2001/XInclude\"><xi:include href=\"file:///etc/passwd\" parse=\"text\"/></r>"
        ),
        format!(
            "<r xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:schemaLocation=\"x http://127.0.0.1:{port}/xxe\"/>"
        ),
        "<a>".repeat(100_000),
        format!("{}{}", "<a>".repeat(100_000), "</a>".repeat(100_000)),
        format!("{}{}", "<a b='c'>".repeat(2_000), "</a>".repeat(2_000)),
        format!("<r {}/>", (0..10_000).fold(String::new(), |text, n| text + &format!("a{n}='' "))),
        format!(
            "<r {}/>",
            (0..20_000).fold(String::new(), |text, n| text + &format!("xmlns:a{n}='u{n}' "))
        ),
        format!("<r {}='x'/>", "a".repeat(200_000)),
        format!("<!--{}--><r/>", "-x".repeat(100_000)),
        format!("<r><![CDATA[{}]]></r>", "]] >".repeat(50_000)),
        format!("<r>{}</r>", "&#65;".repeat(50_000)),
        "<r>&#0;&#xFFFFFFFF;&#99999999999999;</r>".to_owned(),
        "<?xml version=\"1.0\" encoding=\"UTF-7\"?>+ADw-r/+AD4-".to_owned(),
        "<?xml version=\"1.0\" encoding=\"utf-16\"?><r/>".to_owned(),
        format!("<r>{}</r>", "<a/>".repeat(60_000)),
    ];
    all.push(format!("<{}", "a:".repeat(100_000)));
    all
}

fn json() -> Vec<String> {
    let members = |n: usize| (0..n).fold(String::new(), |text, n| text + &format!("\"k{n}\":{n},"));
    vec![
        "[".repeat(1_000_000),
        format!("{}{}", "[".repeat(200_000), "]".repeat(200_000)),
        "{\"a\":".repeat(200_000),
        format!("{}1{}", "{\"a\":".repeat(500), "}".repeat(500)),
        format!("{{{}\"a\":1}}", members(20_000)),
        format!("{{{}\"a\":1}}", "\"a\":1,".repeat(50_000)),
        format!("[{}]", "1,".repeat(150_000) + "1"),
        "1e999999999".to_owned(),
        "-1e-999999999".to_owned(),
        "9".repeat(300_000),
        format!("0.{}", "9".repeat(300_000)),
        format!("\"{}\"", "\\ud800".repeat(50_000)),
        format!("\"{}\"", "x".repeat(400_000)),
        format!("{}1", " ".repeat(400_000)),
        format!("{}1", "/*".repeat(100_000)),
        format!("[{}", "\"".repeat(200_000)),
        "\u{feff}{}".to_owned(),
        "NaN".to_owned(),
        "new Date(1)".to_owned(),
        "a".repeat(200_000),
        format!("{}!", "aaaaaaaaaa".repeat(50_000)),
        "(a+)+$(a+)+$(a+)+$".to_owned(),
        "(".repeat(100_000),
        "(x{1000}){1000}".to_owned(),
        "[\\s\\S]*?".repeat(1_000),
    ]
}

async fn packed(coding: &str, n: u64) -> Bytes {
    use async_compression::tokio::bufread::{
        BrotliEncoder, DeflateEncoder, GzipEncoder, ZlibEncoder, ZstdEncoder,
    };
    let mut body: Vec<u8> = Vec::new();
    let blanks = tokio::io::BufReader::with_capacity(1 << 16, tokio::io::repeat(b' ').take(n));
    let fast = async_compression::Level::Fastest;
    match coding {
        "br" => BrotliEncoder::with_quality(blanks, fast).read_to_end(&mut body).await,
        "deflate" => ZlibEncoder::with_quality(blanks, fast).read_to_end(&mut body).await,
        "raw" => DeflateEncoder::with_quality(blanks, fast).read_to_end(&mut body).await,
        "zstd" => ZstdEncoder::with_quality(blanks, fast).read_to_end(&mut body).await,
        _ => GzipEncoder::with_quality(blanks, fast).read_to_end(&mut body).await,
    }
    .expect("a packed body");
    body.into()
}

async fn packed_again(body: &Bytes) -> Bytes {
    let mut again = Vec::new();
    let mut encoder = async_compression::tokio::bufread::GzipEncoder::new(&body[..]);
    encoder.read_to_end(&mut again).await.expect("a packed body");
    again.into()
}

async fn zips() -> Vec<(String, Bytes)> {
    // More than `inflated-body`, and little enough to be made without optimisation.
    const MUCH: u64 = 3 << 20;
    let mut all = Vec::new();
    for (coding, name) in [
        ("gzip", "gzip"),
        ("deflate", "deflate"),
        ("raw", "deflate"),
        ("br", "br"),
        ("zstd", "zstd"),
    ] {
        let body = packed(coding, MUCH).await;
        let twice = packed_again(&body).await;
        all.push((name.to_owned(), body.clone()));
        // What is cut off, and what is another coding than it says.
        all.push((name.to_owned(), body.slice(..body.len() / 2)));
        all.push((if name == "br" { "gzip" } else { "br" }.to_owned(), body.clone()));
        all.push((format!("{name}, gzip"), twice.clone()));
        all.push((format!("{name}, gzip, gzip"), packed_again(&twice).await));
        all.push((["gzip"; 20].join(", "), body));
    }
    let members = packed("gzip", 100).await;
    all.push(("gzip".to_owned(), members.repeat(12_000).into()));
    all.push(("gzip".to_owned(), Bytes::from(vec![0x1f; 1_000_000])));
    all
}

fn tokens() -> Vec<String> {
    let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let header = "{\"alg\":\"HS256\",\"typ\":\"JWT\"}";
    let token = |header: &str, claims: &str| {
        format!("Bearer {}.{}.{}", encode(header), encode(claims), encode("signature"))
    };
    vec![
        token(header, &"[".repeat(20_000)),
        token(header, &format!("{}1{}", "{\"a\":".repeat(4_000), "}".repeat(4_000))),
        token(header, &format!("{{{}\"a\":1}}", "\"a\":1,".repeat(5_000))),
        token(header, &format!("{{\"exp\":{}}}", "9".repeat(30_000))),
        token(header, "{\"exp\":1e999999,\"nbf\":-1e999999}"),
        token(&"{\"alg\":".repeat(5_000), "{}"),
        token(&format!("{{\"alg\":\"HS256\",\"kid\":\"{}\"}}", "k".repeat(40_000)), "{}"),
        token(&format!("{{\"alg\":\"HS256\",\"crit\":[{}\"a\"]}}", "\"a\",".repeat(8_000)), "{}"),
        token(
            &format!("{{\"alg\":\"PBES2-HS512+A256KW\",\"enc\":\"A256GCM\",\"p2c\":{}}}", i64::MAX),
            "{}",
        ),
        format!(
            "{}.{}.{}",
            token(
                "{\"alg\":\"PBES2-HS256+A128KW\",\"enc\":\"A128CBC-HS256\",\"p2c\":2147483647,\"p2s\":\"AAAA\",\"zip\":\"DEF\"}",
                "{}"
            ),
            encode("x"),
            encode("y")
        ),
        format!("Bearer {}", ".".repeat(50_000)),
        format!("Bearer {}", "a.".repeat(25_000)),
        format!("Bearer {}", "A".repeat(55_000)),
        format!("Bearer {}.{}.", encode(header), "=".repeat(50_000)),
    ]
}

/// Sends one, and says what came in time.
async fn send(gateway: std::net::SocketAddr, what: String, call: Call) -> (String, Option<Answer>) {
    let sending = async {
        let mut connection = Connection::to(gateway).await;
        connection.send(call).await.ok()
    };
    let begun = Instant::now();
    let answer = tokio::time::timeout(LATEST, sending).await;
    assert!(answer.is_ok(), "no answer after {:?}: {what}", begun.elapsed());
    (what, answer.ok().flatten())
}

#[tokio::test(flavor = "multi_thread")]
async fn small_inputs_stay_small() {
    let began = Instant::now();
    let (backend, port, gateway) = start().await;
    let mut calls: Vec<(String, Call)> = Vec::new();
    let (xml, json) = (xml(port), json());
    for (reader, _) in READERS {
        // Each reads what it is for, and a little of what it is not for.
        let (n_xml, n_json, from) = match *reader {
            "text" | "liquid" => (4, 4, 0),
            "element" | "document" | "xml-to-json" | "xsl" => (xml.len(), 4, 0),
            "token" | "object" | "json-to-xml" => (4, json.len(), 0),
            _ => (0, json.len(), json.len() - 7),
        };
        let texts = xml[..n_xml].iter().map(|text| (text, "application/xml"));
        let texts = texts.chain(json[from..n_json].iter().map(|text| (text, "application/json")));
        for (n, (text, kind)) in texts.enumerate() {
            let call =
                Call::post(&format!("/{reader}/x"), text.clone()).header("content-type", kind);
            calls.push((format!("{reader}, text {n}"), call));
        }
    }
    for (n, (coding, body)) in zips().await.into_iter().enumerate() {
        for reader in ["text", "element"] {
            let call = Call::post(&format!("/{reader}/x"), body.clone())
                .header("content-encoding", &coding)
                .header("content-type", "application/json");
            calls.push((format!("{reader}, zip {n} {coding}"), call));
        }
    }
    calls.extend(
        ALONE.iter().map(|(name, _)| ((*name).to_owned(), Call::get(&format!("/{name}/x")))),
    );
    for (n, token) in tokens().into_iter().enumerate() {
        calls.extend(["jwt", "as-jwt"].map(|api| {
            (
                format!("{api}, token {n}"),
                Call::get(&format!("/{api}/x")).header("authorization", &token),
            )
        }));
    }
    let n_calls = calls.len();
    let (done, served, task) = bystander(gateway.http, "/plain/x");
    let http = gateway.http;
    let sending = calls.into_iter().map(|(what, call)| tokio::spawn(send(http, what, call)));
    let answers: Vec<_> = futures::stream::iter(sending).buffered(4).collect().await;
    done.store(true, Ordering::Relaxed);
    let (mut wrong, mut n_refused) = (Vec::new(), 0);
    for answer in answers {
        let (what, answer) = answer.expect("an answer in time");
        let Some(answer) = answer else {
            wrong.push(format!("no answer to {what}"));
            continue;
        };
        n_refused += usize::from(answer.status.as_u16() >= 400);
        let is_bomb = ALONE.iter().any(|(name, _)| *name == what && *name != "pattern-made")
            || what.contains(", zip")
            || what.contains(", token") && what.starts_with("jwt");
        if is_bomb && answer.status == 200
            || answer.body.len() > 40 << 20
            || answer.text().contains("root:")
        {
            wrong.push(format!("{what}: {} {} bytes", answer.status, answer.body.len()));
        }
    }
    let slowest = task.await.expect("others are served");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let seen = backend.take();
    assert!(
        seen.requests.is_empty() && seen.violations.is_empty(),
        "something was fetched: {:?}",
        seen.violations
    );
    let memory = memory_below(&gateway, 512);
    let more = format!(
        "{n_refused} refused, {} others served, the slowest in {slowest:.1?}; {memory}",
        served.load(Ordering::Relaxed)
    );
    tell("bombs", n_calls, began, &more);
}

/// The same in the files of a directory: they are the author's, and yet what they came from may not be.
#[tokio::test(flavor = "multi_thread")]
async fn policy_files_do_not_explode() {
    let began = Instant::now();
    let (backend, address) = Strict::start().await;
    let files: Vec<String> = xml(address.port())
        .into_iter()
        .take(16)
        .chain([
            format!("<policies><inbound>{}</inbound></policies>", "<choose><when condition=\"@(true)\">".repeat(20_000)),
            format!("<policies><inbound><set-variable name=\"v\" value=\"@({}1{})\" /></inbound></policies>", "(".repeat(30_000), ")".repeat(30_000)),
            format!("<policies><inbound><set-variable name=\"v\" value=\"@({}1)\" /></inbound></policies>", "1+".repeat(30_000)),
            format!("<policies><inbound><set-variable name=\"v\" value=\"@({}true)\" /></inbound></policies>", "!".repeat(60_000)),
            format!("<policies><inbound><set-variable name=\"v\" value=\"@{{{}\" /></inbound></policies>", "if(true){".repeat(5_000)),
            "<policies><inbound><set-variable name=\"v\" value=\"@(Regex.IsMatch(&quot;&quot;, &quot;((x{999}){999}){999}&quot;))\" /></inbound></policies>".to_owned(),
        ])
        .collect();
    let n_files = files.len();
    for (n, file) in files.into_iter().enumerate() {
        let begun = Instant::now();
        let directory = Directory::new("[apis.a]\npath = \"a\"\n").api("a", &file);
        let checked =
            tokio::task::spawn_blocking(move || directory.check()).await.expect("a check");
        let printed = String::from_utf8_lossy(&checked.stderr);
        assert!(
            checked.status.code().is_some(),
            "file {n} ended the process: {:?} {printed}",
            checked.status
        );
        assert!(begun.elapsed() < LATEST, "file {n} took {:?}", begun.elapsed());
        assert!(!printed.contains("root:") && !printed.contains("panicked"), "file {n}: {printed}");
    }
    let seen = backend.take();
    assert!(
        seen.requests.is_empty() && seen.violations.is_empty(),
        "something was fetched: {:?}",
        seen.violations
    );
    tell("bombs in policy files", n_files, began, "each was checked in time");
}
