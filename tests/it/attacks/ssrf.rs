//! Where policies may be led to call: addresses in every spelling, names and redirects that lead there, and paths that climb.
//!
//! INVARIANT: what `AddressGuard` promises. Calls that a policy makes, and backends that it makes up, reach neither link-local
//! and metadata addresses nor the gateway's own listeners, however they are spelled and by whatever redirect.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use tokio::net::TcpStream;

use super::{percent, talk, tell};
use crate::harness::{Directory, Gateway};
use crate::strict::{Strict, target, values};

/// How a client's text becomes a URL that is called. `U` is the text, as it stands in the query.
const WAYS: &[(&str, &str)] = &[
    (
        "send",
        r#"<send-request mode="new" response-variable-name="r" ignore-error="false" timeout="3"><set-url>@(U)</set-url><set-method>GET</set-method>
            <set-header name="x-marker"><value>1</value></set-header></send-request>
        <return-response response-variable-name="r" />"#,
    ),
    (
        "copy",
        r#"<send-request mode="copy" response-variable-name="r" ignore-error="false" timeout="3"><set-url>@(U)</set-url>
            <set-header name="x-marker"><value>1</value></set-header></send-request>
        <return-response response-variable-name="r" />"#,
    ),
    (
        "one-way",
        r#"<send-one-way-request mode="new" timeout="3"><set-url>@(U)</set-url><set-method>GET</set-method></send-one-way-request>
        <return-response><set-status code="502" /></return-response>"#,
    ),
    ("base", r#"<set-backend-service base-url="@(U)" />"#),
    (
        "followed",
        r#"<set-backend-service base-url="@(U)" /><set-variable name="follow" value="yes" />"#,
    ),
    ("proxy", r#"<set-backend-service base-url="http://127.0.0.1:9" /><proxy url="@(U)" />"#),
    (
        "openid",
        r#"<validate-jwt header-name="Authorization"><openid-config url="@(U)" /></validate-jwt>"#,
    ),
];

/// Spellings of this machine, `PORT` being the port of one of the gateway's own listeners.
const LOOPBACK: &[&str] = &[
    "127.0.0.1:PORT",
    "localhost:PORT",
    "LOCALHOST:PORT",
    "localhost.:PORT",
    "127.0.0.1.:PORT",
    "127.1:PORT",
    "127.0.1:PORT",
    "127.1.2.3:PORT",
    "2130706433:PORT",
    "0x7f000001:PORT",
    "0x7F.0.0.1:PORT",
    "0x7f.1:PORT",
    "017700000001:PORT",
    "0177.0.0.1:PORT",
    "0177.0.0.01:PORT",
    "0:PORT",
    "0.0.0.0:PORT",
    "0x0:PORT",
    "[::]:PORT",
    "[::ffff:127.0.0.1]:PORT",
    "[::ffff:7f00:1]:PORT",
    "[::127.0.0.1]:PORT",
    "[0:0:0:0:0:ffff:127.0.0.1]:PORT",
    "[::ffff:0:127.0.0.1]:PORT",
    "[64:ff9b::7f00:1]:PORT",
    "[2002:7f00:1::]:PORT",
    "127。0。0。1:PORT",
    "127．0．0．1:PORT",
    "①②⑦.⓪.⓪.①:PORT",
    "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ:PORT",
    "%31%32%37.0.0.1:PORT",
    "127.0.0.1%2e:PORT",
    "127%2E0%2E0%2E1:PORT",
    "user@127.0.0.1:PORT",
    "user:pass@127.0.0.1:PORT",
    "allowed.test@127.0.0.1:PORT",
    "allowed.test:80@127.0.0.1:PORT",
    "127.0.0.1:PORT#@allowed.test",
    "127.0.0.1:PORT?@allowed.test",
    "allowed.test\\@127.0.0.1:PORT",
    "127.0.0.1\\.allowed.test:PORT",
    "127.0.0.1:0PORT",
    "127.0.0.1:PORT\t",
    "127.0.0\t.1:PORT",
    "127.0.0.1\n:PORT",
];

/// Spellings of addresses under which clouds hand out tokens, and of names for them.
const METADATA: &[&str] = &[
    "169.254.169.254",
    "169.254.169.254.",
    "169.254.169.254:80",
    "2852039166",
    "0xa9fea9fe",
    "0xA9.0xFE.0xA9.0xFE",
    "0251.0376.0251.0376",
    "025177524776",
    "169.254.43518",
    "169.16689662",
    "0xa9.254.0251.254",
    "[::ffff:169.254.169.254]",
    "[::ffff:a9fe:a9fe]",
    "[::169.254.169.254]",
    "[64:ff9b::a9fe:a9fe]",
    "[2002:a9fe:a9fe::1]",
    "[::ffff:0:a9fe:a9fe]",
    "[fe80::1]",
    "[fe80::a9fe:a9fe]",
    "[fd00:ec2::254]",
    "169。254。169。254",
    "169．254．169．254",
    "①⑥⑨.②⑤④.①⑥⑨.②⑤④",
    "%31%36%39.254.169.254",
    "169.254.169.254%2e",
    "user@169.254.169.254",
    "allowed.test@169.254.169.254",
    "168.63.129.16",
    "0xa83f8110",
    "100.100.100.200",
    "192.0.0.192",
    "metadata.google.internal",
    "METADATA.google.internal.",
    "metadata",
    "metadata.goog",
    "instance-data",
    "ｍetadata.google.internal",
    "metadata。google。internal",
    "0.0.0.0",
    "0",
    "255.255.255.255",
    "224.0.0.1",
    "[ff02::1]",
    "169.254.0.1",
    "allowed.test#@169.254.169.254",
    "169.254.169.254\\@allowed.test",
    "169.254.169.254/\\allowed.test",
];

const SCHEMES: &[&str] = &[
    "file:///etc/passwd",
    "ftp://127.0.0.1:PORT/",
    "gopher://127.0.0.1:PORT/",
    "data:text/plain,x",
    "//127.0.0.1:PORT/",
    "/etc/passwd",
    "127.0.0.1:PORT",
    "http:///127.0.0.1:PORT/",
    "http:/127.0.0.1:PORT/",
    "http:127.0.0.1:PORT/",
    "http:\\\\127.0.0.1:PORT\\",
    "hTTp://127.0.0.1:PORT/",
    " http://127.0.0.1:PORT/",
    "\thttp://127.0.0.1:PORT/",
    "ht\ntp://127.0.0.1:PORT/",
    "http://",
    "http://?",
    "http://#",
    "http://:PORT/",
    "http://[::1",
    "https://127.0.0.1:PORT/",
    "unix:/var/run/docker.sock",
    "javascript:alert(1)",
    "dict://127.0.0.1:PORT/",
    "",
];

/// A backend on loopback, which is allowed, whose every answer is a redirect to what its query says.
async fn redirecting() -> std::net::SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a listener");
    let address = listener.local_addr().expect("its address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let head = crate::harness::read_until(&mut stream, "\r\n\r\n").await;
                let to = target(&head)
                    .rsplit("to=")
                    .next()
                    .unwrap_or_default()
                    .replace("%3A", ":")
                    .replace("%2F", "/");
                let code = if head.contains("code=307") { 307 } else { 302 };
                let answer = format!(
                    "HTTP/1.1 {code} Found\r\nLocation: {to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                );
                tokio::io::AsyncWriteExt::write_all(&mut stream, answer.as_bytes()).await.ok();
            });
        }
    });
    address
}

async fn start() -> (Strict, std::net::SocketAddr, Gateway) {
    let (backend, address) = Strict::start().await;
    let mut config = format!(
        "[log]\nlevel = \"debug\"\n[timeouts]\nbackend-connect = \"500ms\"\npolicy-request = \"2s\"\nbackend-first-byte = \"2s\"\n\
         [keys]\ncool-down = \"1s\"\n[backends.strict]\nurl = \"http://{address}/base\"\n\
         [apis.own]\npath = \"own\"\nsubscription = \"optional\"\n\
         [apis.template]\npath = \"template\"\nbackend = \"strict\"\nsubscription = \"optional\"\n\
         [apis.template.operations.one]\nmethod = \"GET\"\nurl-template = \"/{{a}}/{{b}}\"\n\
         [apis.template.operations.rest]\nmethod = \"GET\"\nurl-template = \"/rest/*\"\n\
         [apis.bare]\npath = \"bare\"\nservice-url = \"http://{address}\"\nsubscription = \"optional\"\n\
         [apis.bare.operations.to]\nmethod = \"GET\"\nurl-template = \"/to/{{a}}\"\n\
         [apis.bare.operations.goes]\nmethod = \"GET\"\nurl-template = \"/goes/{{a}}\"\n\
         [apis.bare.operations.rest]\nmethod = \"GET\"\nurl-template = \"/rest/*\"\n"
    );
    // Whoever gets here through the gateway itself has been led round.
    let own = "<policies><inbound><return-response><set-status code=\"299\" reason=\"Own\" /></return-response></inbound></policies>";
    let template = "<policies><inbound><base /><set-header name=\"x-marker\"><value>1</value></set-header>\
        <choose><when condition=\"@(context.Request.MatchedParameters.ContainsKey(&quot;a&quot;))\"><rewrite-uri template=\"/in/{a}/{b}\" /></when></choose>\
        </inbound><backend><forward-request /></backend></policies>";
    let bare = "<policies><inbound><base /><set-header name=\"x-marker\"><value>1</value></set-header><choose>\
        <when condition=\"@(context.Operation.Id == &quot;to&quot;)\"><rewrite-uri template=\"/{a}\" /></when>\
        <when condition=\"@(context.Operation.Id == &quot;goes&quot;)\"><return-response><set-status code=\"302\" />\
        <set-header name=\"Location\"><value>@(&quot;/&quot; + context.Request.MatchedParameters[&quot;a&quot;])</value></set-header></return-response></when>\
        </choose></inbound><backend><forward-request /></backend></policies>";
    let mut directory =
        Directory::new("").api("own", own).api("template", template).api("bare", bare);
    for (name, inbound) in WAYS {
        write!(config, "[apis.{name}]\npath = \"{name}\"\nsubscription = \"optional\"\nservice-url = \"http://127.0.0.1:9\"\n").expect("text");
        let inbound = inbound
            .replace("(U)", "(context.Request.OriginalUrl.Query.GetValueOrDefault(\"u\", \"\"))");
        let follow = if *name == "followed" { " follow-redirects=\"true\"" } else { "" };
        let policy = format!(
            "<policies><inbound>{inbound}<set-header name=\"x-marker\" exists-action=\"override\"><value>1</value></set-header></inbound>\
             <backend><forward-request timeout=\"3\"{follow} /></backend><outbound />\
             <on-error><set-header name=\"x-why\"><value>@(context.LastError.Reason + \": \" + context.LastError.Message)</value></set-header></on-error></policies>"
        );
        directory = directory.api(name, &policy);
    }
    directory.configure(&config);
    (backend, address, directory.start())
}

/// Every way, with every spelling of where it must not lead.
fn inputs(gateway: &Gateway, redirecting: std::net::SocketAddr) -> Vec<(&'static str, String)> {
    let mut urls: Vec<String> = Vec::new();
    for port in [gateway.http.port(), gateway.admin.port()] {
        let port = port.to_string();
        urls.extend(
            LOOPBACK
                .iter()
                .map(|host| format!("http://{}/own/metrics", host.replace("PORT", &port))),
        );
        urls.extend(SCHEMES.iter().map(|url| url.replace("PORT", &port)));
    }
    urls.extend(METADATA.iter().map(|host| {
        format!("http://{host}/metadata/identity/oauth2/token?api-version=2018-02-01")
    }));
    let direct: Vec<String> = urls.clone();
    let mut inputs: Vec<(&'static str, String)> =
        WAYS.iter().flat_map(|(way, _)| direct.iter().map(|url| (*way, url.clone()))).collect();
    for url in direct.iter().filter(|url| url.is_ascii() && !url.contains(char::is_whitespace)) {
        for code in [302, 307] {
            let to = format!("http://{redirecting}/?code={code}&to={url}");
            inputs.extend(["send", "followed", "openid"].map(|way| (way, to.clone())));
        }
    }
    inputs
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_are_not_led_where_they_may_not_go() {
    let began = Instant::now();
    let (backend, address, gateway) = start().await;
    let redirecting = redirecting().await;
    let inputs = inputs(&gateway, redirecting);
    let sending = inputs.iter().map(async |(way, url)| {
        let began = Instant::now();
        let request = format!(
            "GET /{way}/x?u={} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer a.b.c\r\nConnection: close\r\n\r\n",
            percent(url.as_bytes())
        );
        let mut stream = TcpStream::connect(gateway.http).await.expect("a connection");
        let answer = String::from_utf8_lossy(&talk(&mut stream, request.as_bytes()).await).into_owned();
        (answer, began.elapsed())
    });
    let answers: Vec<(String, Duration)> =
        futures::stream::iter(sending).buffered(48).collect().await;
    let mut wrong = Vec::new();
    for ((way, url), (answer, taken)) in inputs.iter().zip(&answers) {
        // What is followed by nobody may be told to the client: nothing was called.
        let is_passed_on = answer.starts_with("HTTP/1.1 30") && url.contains("&to=");
        let is_led = answer.contains("HTTP/1.1 2")
            || answer.contains("x-own")
            || answer.contains("tollgate_");
        if is_led
            || !(is_passed_on || answer.contains("HTTP/1.1 4") || answer.contains("HTTP/1.1 5"))
        {
            wrong.push(format!("{way} {url:?} after {taken:?}: {answer}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} times:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(20)].join("\n")
    );
    // Nobody came round: the gateway's own API has not been asked but by nobody.
    let round = gateway
        .log()
        .into_iter()
        .filter(|line| line.contains("\"/own/") && line.contains("\"status\""))
        .count();
    assert_eq!(round, 0, "the gateway called itself");
    assert!(backend.take().requests.is_empty());
    // The same ways lead to where they may.
    for way in ["send", "base", "followed"] {
        let request = format!(
            "GET /{way}/x?u={} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
            percent(format!("http://{address}/base/y").as_bytes())
        );
        let mut stream = TcpStream::connect(gateway.http).await.expect("a connection");
        let answer =
            String::from_utf8_lossy(&talk(&mut stream, request.as_bytes()).await).into_owned();
        assert!(answer.starts_with("HTTP/1.1 200"), "{way}: {answer}");
    }
    let n_refused = answers
        .iter()
        .filter(|(answer, _)| answer.contains("may not") || answer.contains("own listener"))
        .count();
    tell("SSRF", inputs.len(), began, &format!("{n_refused} of them refused by their address"));
}

/// The answer to each path, asked for over a connection of its own.
async fn get_all(gateway: &Gateway, paths: &[String]) -> Vec<String> {
    let sending = paths.iter().map(async |path| {
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        let mut stream = TcpStream::connect(gateway.http).await.expect("a connection");
        String::from_utf8_lossy(&talk(&mut stream, request.as_bytes()).await).into_owned()
    });
    futures::stream::iter(sending).buffered(48).collect().await
}

/// Segments that mean another path to somebody, in parameters of URL templates and behind wildcards.
#[tokio::test(flavor = "multi_thread")]
async fn parameters_of_templates_do_not_climb() {
    let began = Instant::now();
    let (backend, _, gateway) = start().await;
    let mut parts = Vec::new();
    for dots in [
        "..",
        ".",
        "%2e%2e",
        "%2E.",
        ".%2e",
        "%252e%252e",
        "%25252e%25252e",
        "..%00",
        "..%20",
        "..;",
        "..;x=y",
        "%c0%ae%c0%ae",
        "%uff0e%uff0e",
        "．．",
        "%ef%bc%8e%ef%bc%8e",
        "...",
        "..%09",
        "%2e%2e%3b",
    ] {
        parts.push(dots.to_owned());
        for slash in [
            "%2f",
            "%2F",
            "%5c",
            "\\",
            "%252f",
            "%c0%af",
            "%u2215",
            "%ef%bc%8f",
            "%e2%88%95",
            ";/",
            "//",
            "/./",
            "%2f%2f",
        ] {
            parts.push(format!("{dots}{slash}{dots}{slash}secret"));
            parts.push(format!("{slash}{dots}{slash}secret"));
        }
    }
    let mut paths: Vec<String> = Vec::new();
    for part in &parts {
        paths.push(format!("/template/{part}/x"));
        paths.push(format!("/template/x/{part}"));
        paths.push(format!("/template/rest/{part}"));
        paths.push(format!("/template/rest/a/{part}/b"));
    }
    let answers = get_all(&gateway, &paths).await;
    let seen = backend.take();
    assert!(seen.violations.is_empty(), "{:?}", seen.violations);
    for (head, _) in &seen.requests {
        let path = target(head);
        assert!(values(head, "x-marker") == ["1"] && path.starts_with("/base/"), "{path}");
        // However often a backend decodes, no segment below the base climbs at the first time or by its own slashes.
        let once = decoded(path);
        let climbs = once
            .split(['/', '\\'])
            .any(|segment| matches!(segment.split(';').next(), Some(".." | ".")));
        assert!(!climbs, "{path}");
    }
    assert!(
        answers.iter().all(|answer| answer.starts_with("HTTP/1.1 ")),
        "an answer to everything"
    );
    tell(
        "path traversal",
        paths.len(),
        began,
        &format!("{} requests arrived below the base", seen.requests.len()),
    );
}

/// Other hosts, in parameters of URL templates and behind wildcards. A path that begins with two slashes is another host to the
/// browser that is sent there, and to a backend that redirects to the path that it was asked for.
#[tokio::test(flavor = "multi_thread")]
async fn parameters_of_templates_lead_to_no_other_host() {
    const SLASHES: [&str; 13] = [
        "",
        "/",
        "//",
        "\\",
        "/\\",
        "/./",
        "%2f",
        "%2F",
        "%5c",
        "%252f",
        "%09",
        "%e2%88%95",
        "%ef%bc%8f",
    ];
    const HOSTS: [&str; 5] =
        ["other.test", "@other.test", "a@other.test", ".other.test", "other.test%23"];
    let began = Instant::now();
    let (backend, address, gateway) = start().await;
    let mut paths = Vec::new();
    for first in SLASHES {
        for second in SLASHES {
            for host in HOSTS {
                let other = format!("{first}{second}{host}");
                paths.extend(["to", "goes", "rest"].map(|way| format!("/bare/{way}/{other}")));
                paths.extend([":", "%3a"].map(|colon| format!("/bare/goes/https{colon}{other}")));
                paths.push(format!("/{other}/bare/rest/x"));
                paths.push(format!("/bare/{other}/../rest/x"));
            }
        }
    }
    let answers = get_all(&gateway, &paths).await;
    let seen = backend.take();
    assert!(seen.violations.is_empty(), "{:?}", seen.violations);
    for (head, _) in &seen.requests {
        assert!(stays(target(head)), "{head}");
        assert_eq!(values(head, "host"), [address.to_string()], "{head}");
    }
    let mut sent_on = 0;
    for (path, answer) in paths.iter().zip(&answers) {
        assert!(answer.starts_with("HTTP/1.1 "), "{path}: {answer}");
        let locations = values(answer, "location");
        assert!(locations.iter().all(|to| stays(to)), "{path}: {answer}");
        sent_on += locations.len();
    }
    assert!(sent_on > 0 && !seen.requests.is_empty(), "some have a meaning");
    tell(
        "open redirects",
        paths.len(),
        began,
        &format!(
            "{} requests arrived and {sent_on} clients were sent on, all of them to where they may",
            seen.requests.len()
        ),
    );
}

/// Whether a reference is a path of the host that it was asked of, to a reader who leaves control characters out and takes a
/// backslash for a slash, as browsers do.
fn stays(reference: &str) -> bool {
    let read = reference.replace(|it: char| it.is_ascii_control(), "").replace('\\', "/");
    read.starts_with('/') && !read.starts_with("//")
}

/// Escapes read once, as bytes of ISO 8859-1.
fn decoded(path: &str) -> String {
    let mut bytes = path.bytes();
    let mut text = String::new();
    while let Some(byte) = bytes.next() {
        let mut rest = bytes.clone();
        let hex: Option<u8> = (byte == b'%')
            .then(|| {
                let digits = [rest.next()?, rest.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()
            })
            .flatten();
        if hex.is_some() {
            bytes = rest;
        }
        text.push(char::from(hex.unwrap_or(byte)));
    }
    text
}
