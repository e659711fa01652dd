//! Random expressions out of the declarations, evaluated here and in real C#, and disagreements made small.

mod agree;
mod collections;
mod generate;
mod language;
mod node;
mod pools;
mod program;
mod rng;
mod shown;
mod table;
mod terms;

use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};
use tollgate_expr::cases::run;
use tollgate_expr::reference::Shape;

use crate::csharp::{CSharp, Question};
use agree::{Verdict, verdict};
use generate::Generator;
use node::Node;

/// Expressions between two questions to C#.
const ROUND: usize = 4_000;
/// Disagreements that are made small; the rest are counted.
const SHRUNK: usize = 200;
/// Steps of making small.
const STEPS: usize = 14;
/// Smaller expressions tried in a step for each disagreement.
const TRIED: usize = 20;

/// An expression on which both do not agree.
#[derive(Debug, Clone)]
struct Disagreement {
    node: Node,
    context: Json,
    expected: Json,
    ours: Json,
}

/// What a run found.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) n_asked: usize,
    pub(crate) n_values: usize,
    pub(crate) n_errors: usize,
    pub(crate) n_refused: usize,
    pub(crate) n_bounds: usize,
    pub(crate) n_by_design: usize,
    pub(crate) n_disagreements: usize,
    pub(crate) seconds_here: f64,
    pub(crate) seconds_there: f64,
    /// Each cause with its count, smallest expression and both answers.
    pub(crate) causes: Vec<(usize, String)>,
    /// Expressions on which both agree, for recording.
    pub(crate) survivors: Vec<(Question, Json)>,
}

/// Compares so many random expressions.
pub(crate) fn differential(
    csharp: &CSharp,
    count: usize,
    seed: u64,
    only: Option<&str>,
) -> Result<Outcome, String> {
    let mut outcome = Outcome::default();
    let mut generator = Generator::new(seed, only);
    let mut seen = HashSet::new();
    let mut found = Vec::new();
    let contexts = contexts();
    while outcome.n_asked < count {
        let mut round = Vec::new();
        // Tries end even if the declarations should stop to give anything new.
        for _ in 0..ROUND * 20 {
            if round.len() == ROUND.min(count - outcome.n_asked) {
                break;
            }
            let Some(node) = generator.expression() else { continue };
            let text = written(&node);
            if text.len() < 2_000 && !pools::shows_insides(&text) && seen.insert(text) {
                let context = generator.rng.pick(&contexts).cloned().unwrap_or_default();
                round.push((node, context));
            }
        }
        if round.is_empty() {
            break;
        }
        outcome.n_asked += round.len();
        let questions: Vec<Question> =
            round.iter().map(|(node, context)| question(node, context)).collect();
        let began = Instant::now();
        let here: Vec<Json> = questions.iter().map(answer).collect();
        outcome.seconds_here += began.elapsed().as_secs_f64();
        let began = Instant::now();
        let there = ask(csharp, &questions, &here)?;
        outcome.seconds_there += began.elapsed().as_secs_f64();
        for ((((node, context), question), expected), ours) in
            round.into_iter().zip(questions).zip(there).zip(here)
        {
            outcome.count(question, &expected, &ours, || {
                found.push(Disagreement {
                    node,
                    context,
                    expected: expected.clone(),
                    ours: ours.clone(),
                });
            });
        }
        eprint_progress(&outcome);
    }
    outcome.n_disagreements = found.len();
    outcome.causes = causes(csharp, found)?;
    Ok(outcome)
}

#[expect(clippy::print_stderr, reason = "a long run says how far it is")]
fn eprint_progress(outcome: &Outcome) {
    eprintln!("{} asked", outcome.n_asked);
}

impl Outcome {
    fn count(&mut self, question: Question, expected: &Json, ours: &Json, disagree: impl FnOnce()) {
        match verdict(expected, ours) {
            Verdict::Bound => self.n_bounds += 1,
            Verdict::ByDesign => self.n_by_design += 1,
            Verdict::Differ => disagree(),
            Verdict::Agree if expected.get("compile").is_some() => self.n_refused += 1,
            Verdict::Agree => {
                let counter = if expected.get("error").is_some() {
                    &mut self.n_errors
                } else {
                    &mut self.n_values
                };
                *counter += 1;
                self.survivors.push((question, expected.clone()));
            }
        }
    }
}

/// Asks about what is refused here by itself: the compiler begins anew after each round of refusals.
fn ask(csharp: &CSharp, questions: &[Question], here: &[Json]) -> Result<Vec<Json>, String> {
    let is_refused = |at: &usize| here.get(*at).is_some_and(|ours| ours.get("compile").is_some());
    let (refused, rest): (Vec<usize>, Vec<usize>) = (0..questions.len()).partition(is_refused);
    let mut there = vec![Json::Null; questions.len()];
    for part in [refused, rest] {
        let asked: Vec<Question> =
            part.iter().filter_map(|at| questions.get(*at)).cloned().collect();
        for (at, answer) in part.into_iter().zip(csharp.ask(&asked)?) {
            if let Some(place) = there.get_mut(at) {
                *place = answer;
            }
        }
    }
    Ok(there)
}

fn written(node: &Node) -> String {
    let text = node.text();
    if text.starts_with("{ ") { format!("@{text}") } else { format!("@({text})") }
}

fn question(node: &Node, context: &Json) -> Question {
    Question { expression: written(node), context: context.clone() }
}

fn answer(question: &Question) -> Json {
    run(&question.expression, &question.context).unwrap_or_else(|error| json!({ "fault": error }))
}

/// In short what an answer is: refused, the type of an exception, or a value.
fn kind(answer: &Json) -> String {
    if answer.get("compile").is_some() {
        "refused".to_owned()
    } else if let Some(error) = answer.get("error").and_then(Json::as_str) {
        error.to_owned()
    } else {
        "value".to_owned()
    }
}

/// Why an expression was refused, without the names in it.
fn refusal(answer: &Json) -> Option<String> {
    let text = answer.get("compile")?.as_str()?;
    let mut quoted = false;
    let plain = text.chars().filter(|c| {
        quoted ^= matches!(c, '`' | '\'');
        !quoted
    });
    Some(plain.collect())
}

/// Shortest constants of a type, to replace larger expressions.
fn simple(ty: &Shape) -> Vec<String> {
    let all = pools::constants(ty).iter().take(6).map(|text| (*text).to_owned());
    let mut all: Vec<String> = all.collect();
    if *ty == Shape::Void {
        // A statement may go.
        all.push(String::new());
    }
    if let Shape::Array(item) = ty {
        all.push(format!("new {item}[] {{ }}"));
    }
    all
}

/// Makes disagreements small and groups them.
fn causes(csharp: &CSharp, found: Vec<Disagreement>) -> Result<Vec<(usize, String)>, String> {
    let mut first: BTreeMap<String, (usize, Disagreement)> = BTreeMap::new();
    for disagreement in found {
        let members = disagreement.node.members();
        let key = format!(
            "{:?} {} {}",
            members.first(),
            kind(&disagreement.expected),
            kind(&disagreement.ours)
        );
        first.entry(key).or_insert((0, disagreement)).0 += 1;
    }
    let mut open: Vec<(usize, Disagreement)> = first.into_values().collect();
    open.sort_by_key(|(n, disagreement)| (std::cmp::Reverse(*n), disagreement.node.text().len()));
    let n_rest: usize = open.iter().skip(SHRUNK).map(|(n, _)| n).sum();
    open.truncate(SHRUNK);
    let began = Instant::now();
    for _ in 0..STEPS {
        if began.elapsed() > Duration::from_secs(150) || !shrink(csharp, &mut open)? {
            break;
        }
    }
    let mut causes: BTreeMap<String, (usize, String)> = BTreeMap::new();
    for (n, it) in open {
        let mut members = it.node.members();
        members.dedup();
        let refused = [&it.expected, &it.ours].map(refusal);
        let key = match (refused.iter().any(Option::is_some), members.is_empty()) {
            (true, _) => format!("{refused:?}"),
            (false, true) => written(&it.node),
            (false, false) => format!("{members:?}"),
        };
        let text = format!(
            "{}\n    C#       {}\n    Tollgate {}",
            written(&it.node),
            it.expected,
            it.ours
        );
        let cause = causes
            .entry(format!("{key} {} {}", kind(&it.expected), kind(&it.ours)))
            .or_insert((0, text));
        cause.0 += n;
    }
    let mut causes: Vec<(usize, String)> = causes.into_values().collect();
    causes.sort_by_key(|(n, _)| std::cmp::Reverse(*n));
    if n_rest > 0 {
        causes.push((n_rest, "others, not made small".to_owned()));
    }
    Ok(causes)
}

/// One step for every disagreement; false when nothing became smaller.
fn shrink(csharp: &CSharp, open: &mut [(usize, Disagreement)]) -> Result<bool, String> {
    let mut questions = Vec::new();
    let mut tried = Vec::new();
    for (index, (_, it)) in open.iter().enumerate() {
        let len = it.node.text().len();
        let mut smaller = it.node.smaller(true, &simple);
        smaller.retain(|node| node.text().len() < len);
        smaller.sort_by_key(|node| node.text().len());
        let wanted = kind(&it.ours);
        let mut n = 0;
        for node in smaller {
            let question = question(&node, &it.context);
            let ours = answer(&question);
            if kind(&ours) == wanted {
                n += 1;
                questions.push(question);
                tried.push((index, node, ours));
            }
            if n == TRIED {
                break;
            }
        }
    }
    let answers = csharp.ask(&questions)?;
    let mut done = HashSet::new();
    for ((index, node, ours), expected) in tried.into_iter().zip(answers) {
        let Some((_, it)) = open.get_mut(index) else { continue };
        let alike =
            kind(&expected) == kind(&it.expected) && verdict(&expected, &ours) == Verdict::Differ;
        if alike && done.insert(index) {
            *it = Disagreement { node, context: it.context.clone(), expected, ours };
        }
    }
    Ok(!done.is_empty())
}

/// Requests and responses to evaluate in.
fn contexts() -> Vec<Json> {
    let token = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJpIiwic3ViIjoidTEiLCJhdWQiOlsiYSIsImIiXSwiZXhwIjoxNzAwMDAwMDAwLCJyb2xlcyI6WyJyIiwicyJdLCJuIjo1fQ.c2ln";
    let certificate = json!({ "pkcs12": include_str!("certificate.txt").trim(), "password": "pw" });
    let full = json!({
        "request": {
            "method": "POST", "url": "https://gateway.example:8443/a/b?x=1&y=%C3%BC+z&x=2", "original-url": "http://h/orig?q=", "ip": "203.0.113.9",
            "headers": { "Content-Type": ["application/json"], "Authorization": [format!("Bearer {token}")], "X": ["1", "2"], "n": ["12"] },
            "body": "{\"a\":1,\"b\":[true,null,2.5],\"c\":{\"d\":\"x\"}}", "certificate": certificate, "matched-parameters": { "a": "1", "id": "x y" },
        },
        "response": { "status": 404, "reason": "Not Found", "headers": { "Content-Type": ["text/plain; charset=utf-8"] }, "body": "text" },
        "variables": {
            "a": "text", "b": true, "c": 2.5, "n": 5, "x": null, "o": { "a": 1 }, "l": [1, "a"], "big": 5_000_000_000_i64,
            "r": { "$type": "IResponse", "status": 200, "headers": { "A": ["b"] }, "body": "[1,2]" },
            "auth": { "$type": "Authorization", "token": "t", "claims": { "a": 1, "b": "x" } },
            "jwt": { "$type": "Jwt", "token": token }, "d": { "$type": "DateTime", "value": "2024-05-06T07:08:09Z" },
            "by": { "$type": "bytes", "value": "AQID" }, "ss": { "$type": "strings", "value": ["a", "b"] },
        },
        "api": { "Id": "api-1", "Name": "Api", "Path": "a", "Revision": "2", "Version": "v1", "IsCurrentRevision": true, "ServiceUrl": "http://backend:81/base?k=v", "Protocols": ["https"] },
        "operation": { "Id": "op", "Method": "POST", "Name": "Op", "UrlTemplate": "/b/{id}" },
        "product": { "Id": "p", "Name": "P", "State": "NotPublished", "SubscriptionsLimit": 3, "Groups": [{ "Id": "g", "Name": "G" }] },
        "subscription": { "Id": "s", "Name": "S", "Key": "k", "PrimaryKey": "k", "SecondaryKey": "l", "CreatedDate": "2020-01-02T03:04:05Z", "EndDate": "2030-01-01T00:00:00Z" },
        "user": { "Id": "u", "Email": "a@b.c", "FirstName": "A", "LastName": "B", "Groups": [{ "Id": "g", "Name": "G" }], "Identities": [{ "Id": "i", "Provider": "Basic" }] },
        "deployment": { "Region": "West", "ServiceId": "svc", "GatewayId": "gw", "Certificates": { "A1": certificate } },
        "backend": { "Id": "b", "Type": "Pool" },
        "last-error": { "Source": "choose", "Reason": "R", "Message": "M", "Scope": "api", "Section": "inbound", "Path": "choose[1]", "PolicyId": "x" },
    });
    let form = json!({
        "request": { "url": "http://h", "headers": { "Content-Type": "application/x-www-form-urlencoded" }, "body": "a=1&b=x+y&a=2&c" },
        "variables": { "a": "1", "n": 7 },
    });
    vec![json!({}), full, form]
}
