//! HTTP/1.1 that two parties could read in two ways.
//!
//! Each input comes from a client address of its own, and every request that a policy approves is marked with that address and
//! the request's id, so each request that the backend has seen belongs to one input. INVARIANT: it is one of those that RFC
//! 9112 finds in that input, with the same body, and its answer went to the client that sent it and to nobody else.

mod corpus;

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::time::Instant;

use futures::StreamExt as _;

use self::corpus::{CODINGS, LENGTHS, NAMED, NEXT, SPICES};
use super::{Random, connect_from, source, talk, tell};
use crate::harness::{Directory, Gateway};
use crate::strict::{Reading, Strict, parse, target, values};

/// Most inputs that a failure shows.
const SHOWN: usize = 12;

/// Most connections at once.
const AT_ONCE: usize = 96;

const CONFIG: &str = "[timeouts]\nkeep-alive = \"200ms\"\nrequest-header = \"200ms\"\nrequest-body = \"200ms\"\n\
    backend-first-byte = \"2s\"\n";

/// `open` needs no key, `guarded` does, `closed` lets nobody in, `read` reads bodies.
async fn start() -> (Strict, Gateway) {
    let (backend, address) = Strict::start().await;
    let mut config = format!("{CONFIG}[backends.strict]\nurl = \"http://{address}/base\"\n");
    for api in ["open", "closed", "read"] {
        writeln!(
            config,
            "[apis.{api}]\npath = \"{api}\"\nbackend = \"strict\"\nsubscription = \"optional\""
        )
        .expect("text");
    }
    config += "[apis.guarded]\npath = \"guarded\"\nbackend = \"strict\"\n";
    let policy = |inbound: &str| {
        format!(
            "<policies><inbound><base/>{inbound}<set-header name=\"x-marker\" exists-action=\"override\">\
             <value>@(context.Request.IpAddress + \" \" + context.RequestId)</value></set-header></inbound>\
             <backend><base/></backend><outbound><base/><set-header name=\"x-served\" exists-action=\"override\">\
             <value>@(context.Request.IpAddress + \" \" + context.RequestId)</value></set-header></outbound>\
             <on-error><base/></on-error></policies>"
        )
    };
    let closed = "<policies><inbound><return-response><set-status code=\"403\" reason=\"Forbidden\"/>\
         </return-response></inbound><backend><base/></backend></policies>";
    let read = "<set-variable name=\"length\" value=\"@(context.Request.Body == null ? 0 : context.Request.Body.As<string>(preserveContent: true).Length)\"/>";
    let directory = Directory::new(&config)
        .api("open", &policy(""))
        .api("guarded", &policy(""))
        .api("closed", closed)
        .api("read", &policy(read));
    (backend, directory.start())
}

fn bytes_of(template: &str) -> Vec<u8> {
    template.replace('§', NEXT).replace('¶', "\r\n").into_bytes()
}

/// Bodies whose end differs with the reading: in chunks, with a length, and without either.
fn product() -> Vec<Vec<u8>> {
    let mut inputs = Vec::new();
    for version in ["1.1", "1.0"] {
        for coding in CODINGS {
            for length in LENGTHS {
                for body in ["0\r\n\r\n§", "24\r\n§\r\n0\r\n\r\n", "§"] {
                    for is_first in [true, false] {
                        if version == "1.0" && !is_first {
                            continue;
                        }
                        let (one, two) = if is_first { (coding, length) } else { (length, coding) };
                        let text = format!(
                            "POST /open/1 HTTP/{version}\r\nHost: a\r\n{one}{two}\r\n{body}§"
                        );
                        inputs.push(bytes_of(&text));
                    }
                }
            }
        }
    }
    inputs
}

fn mutate(random: &mut Random, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = random.of(seeds).clone();
    for _ in 0..=random.below(3) {
        let at = random.below(bytes.len().max(1));
        let spice = random.of(SPICES);
        match random.below(8) {
            0 | 1 => drop(bytes.splice(at..at, spice.iter().copied())),
            2 => drop(bytes.splice(at..(at + spice.len()).min(bytes.len()), spice.iter().copied())),
            3 => drop(bytes.drain(at..(at + 1 + random.below(4)).min(bytes.len()))),
            4 => {
                let line = line_around(&bytes, at);
                let again = bytes[line.clone()].to_vec();
                bytes.splice(line.start..line.start, again);
            }
            5 => drop(bytes.drain(line_around(&bytes, at))),
            6 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 0x20;
                }
            }
            _ => {
                let other = random.of(seeds);
                let from = random.below(other.len());
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
        }
    }
    bytes
}

fn line_around(bytes: &[u8], at: usize) -> std::ops::Range<usize> {
    let start = bytes[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |it| it + 1);
    let end =
        bytes[at..].iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |it| at + it + 1);
    start..end
}

/// What RFC 9112 finds in the bytes of a client, up to the first thing that is wrong: method, target and body.
fn meant(mut bytes: &[u8]) -> Vec<(String, String, String)> {
    let mut all = Vec::new();
    while let Ok(Some((head, body, length))) = parse(bytes, Reading::Client) {
        let method = head.split(' ').next().unwrap_or_default().to_owned();
        all.push((method, target(&head).to_owned(), body));
        bytes = &bytes[length..];
    }
    all
}

/// Whether a target is, or may be, what becomes of another one on the way. Only letters and digits are compared: what else
/// stands in a target may be written in other ways.
fn becomes(sent: &str, arrived: &str) -> bool {
    if sent.contains(|c: char| !c.is_ascii_graphic() || "\"<>#{}|%".contains(c)) {
        return true;
    }
    let sent = sent
        .split_once("://")
        .map_or(sent, |(_, rest)| rest.split_once('/').map_or("", |(_, path)| path));
    let plain = |text: &str| -> String {
        text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
    };
    let sent = plain(sent);
    ["open", "read"].iter().any(|api| {
        sent.strip_prefix(api).is_some_and(|rest| plain(arrived) == format!("base{rest}"))
    })
}

/// What came of an input.
#[derive(Debug)]
struct Outcome {
    /// Requests at the backend, in order.
    arrived: Vec<(String, String)>,
    /// What the client got.
    answers: String,
}

/// Sends all inputs and looks at what came of them.
async fn drive(inputs: &[Vec<u8>]) -> Vec<Outcome> {
    let (backend, gateway) = start().await;
    let http = gateway.http;
    let sending = inputs.iter().enumerate().map(async |(n, bytes)| {
        let mut stream = connect_from(n, http).await;
        String::from_utf8_lossy(&talk(&mut stream, bytes).await).into_owned()
    });
    let answers: Vec<_> = futures::stream::iter(sending).buffered(AT_ONCE).collect().await;
    let seen = backend.take();
    assert!(seen.violations.is_empty(), "{:?}", seen.violations);
    let mut arrived: HashMap<String, Vec<(String, String)>> = HashMap::new();
    let mut marks = HashSet::new();
    for (head, body) in seen.requests {
        let mark = values(&head, "x-marker").join("");
        assert!(!body.contains("x-marker: "), "a request became a body: {head}\n{body}");
        assert!(marks.insert(mark.clone()), "one approval, two requests: {head}");
        let from = mark.split(' ').next().unwrap_or_default().to_owned();
        arrived.entry(from).or_default().push((head, body));
    }
    let mut wrong = Vec::new();
    let outcomes: Vec<Outcome> = answers
        .into_iter()
        .enumerate()
        .map(|(n, answers)| {
            let arrived = arrived.remove(&source(n).to_string()).unwrap_or_default();
            let outcome = Outcome { arrived, answers };
            if let Err(why) = check(&inputs[n], &outcome, n) {
                wrong.push(format!(
                    "{why}: {:?}\n{outcome:#?}",
                    String::from_utf8_lossy(&inputs[n])
                ));
            }
            outcome
        })
        .collect();
    assert!(
        wrong.is_empty(),
        "{} inputs:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(SHOWN)].join("\n")
    );
    assert!(arrived.is_empty(), "requests of nobody: {arrived:?}");
    outcomes
}

fn check(input: &[u8], outcome: &Outcome, n: usize) -> Result<(), String> {
    let mut meant = meant(input);
    let n_meant = meant.len();
    for (head, body) in &outcome.arrived {
        let method = head.split(' ').next().unwrap_or_default();
        let found = meant.iter().position(|(known, sent, sent_body)| {
            known == method && sent_body == body && becomes(sent, target(head))
        });
        meant.remove(found.ok_or_else(|| format!("nobody sent {:?}", target(head)))?);
    }
    // Answers to this client are to its own requests, and none is another's.
    let heads = outcome.answers.split("HTTP/1.1 ").skip(1);
    let finals: Vec<&str> = heads.filter(|head| !head.starts_with("100")).collect();
    if finals.len() > n_meant + 1 {
        return Err("more answers than requests".to_owned());
    }
    let own = format!("{} ", source(n));
    for head in finals {
        let [served, echoed] = ["x-served", "x-echo"].map(|name| values(head, name).join(""));
        if !(served.is_empty() || served.starts_with(&own))
            || !(echoed.is_empty() || echoed == served)
        {
            return Err("the answer to another request".to_owned());
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_framing_has_one_meaning_or_is_refused() {
    let began = Instant::now();
    let inputs: Vec<Vec<u8>> = NAMED.iter().map(|(_, template, _)| bytes_of(template)).collect();
    let outcomes = drive(&inputs).await;
    let mut wrong = Vec::new();
    for ((name, template, expected), outcome) in NAMED.iter().zip(&outcomes) {
        let targets: Vec<&str> = outcome.arrived.iter().map(|(head, _)| target(head)).collect();
        if targets != *expected {
            wrong.push(format!(
                "{name}: {template:?}\n    {targets:?}, not {expected:?}\n    {}",
                outcome.answers
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let product = product();
    let n_arrived: usize = drive(&product).await.iter().map(|it| it.arrived.len()).sum();
    assert!(n_arrived > 100, "only {n_arrived} requests were understood");
    let n_named: usize = outcomes.iter().map(|it| it.arrived.len()).sum();
    let more = format!("{} requests with one meaning arrived as they were", n_arrived + n_named);
    tell("HTTP/1.1 framings", inputs.len() + product.len(), began, &more);
}

#[tokio::test(flavor = "multi_thread")]
async fn mutated_requests_are_what_they_say_or_nothing() {
    const N_MUTATIONS: usize = 4_000;
    let began = Instant::now();
    let seeds: Vec<Vec<u8>> = NAMED.iter().map(|(_, template, _)| bytes_of(template)).collect();
    let mut random = Random(0x7011_9a7e);
    let inputs: Vec<Vec<u8>> = (0..N_MUTATIONS).map(|_| mutate(&mut random, &seeds)).collect();
    let n_arrived: usize = drive(&inputs).await.iter().map(|it| it.arrived.len()).sum();
    assert!(n_arrived > 500, "only {n_arrived} requests were understood");
    let more = format!("{n_arrived} requests with one meaning arrived as they were");
    tell("HTTP/1.1 mutations", inputs.len(), began, &more);
}
