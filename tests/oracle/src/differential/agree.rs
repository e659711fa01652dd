//! Whether an answer is what real C# said, apart from what is of one platform, of .NET's inside, or refused by design.

use serde_json::Value as Json;
use tollgate_expr::cases::same;

/// What two answers come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Agree,
    /// An evaluation ended at a bound, which real C# has elsewhere.
    Bound,
    /// Tollgate refuses it on purpose, and says so.
    ByDesign,
    Differ,
}

/// Compares two answers.
pub(super) fn verdict(expected: &Json, ours: &Json) -> Verdict {
    if is_bound(expected) || is_bound(ours) {
        Verdict::Bound
    } else if agree(expected, ours) {
        Verdict::Agree
    } else if at_load(expected, ours) || at_run_time(ours) {
        Verdict::ByDesign
    } else {
        Verdict::Differ
    }
}

fn text<'a>(answer: &'a Json, key: &str) -> &'a str {
    answer.get(key).and_then(Json::as_str).unwrap_or_default()
}

fn is_bound(answer: &Json) -> bool {
    const BOUNDS: [&str; 2] =
        ["System.OutOfMemoryException", "System.InsufficientExecutionStackException"];
    answer.get("crash").is_some() || BOUNDS.contains(&text(answer, "error"))
}

/// Refused at load, whatever C# comes to: a constant pattern, path or format that is wrong, and a body read as a type that
/// no body has. C# throws when it gets there, which it may not, or in an argument before. And what Azure does not allow, or
/// Tollgate does not support with a reason, as it says.
fn at_load(expected: &Json, ours: &Json) -> bool {
    const FAULTS: [&str; 4] = [
        "this is not a regular expression",
        "the path is not well formed",
        "the format string is not well formed",
        "a body cannot be read as",
    ];
    let refused = text(ours, "compile");
    expected.get("compile").is_none()
        && (FAULTS.iter().any(|fault| refused.starts_with(fault))
            || refused.ends_with("is not allowed in policy expressions")
            || refused.ends_with("is not supported"))
}

/// Refused when it is evaluated.
fn at_run_time(ours: &Json) -> bool {
    const REASONS: [&str; 6] = [
        // They hold chance, and no policy can send a certificate with its key anywhere.
        "PKCS #12 files are not written here.",
        // The keys of the gateway's certificates do not leave it.
        "Key not valid for use in specified state.",
        // Hashes that are broken.
        "Signatures over MD5 are not made: it is broken.",
        "Signatures over SHA1 are not made: it is broken.",
        "Signatures over MD5 are not verified so.",
        "Signatures over SHA1 are not verified so.",
    ];
    REASONS.contains(&text(ours, "message")) || REASONS.contains(&text(ours, "value"))
}

fn agree(expected: &Json, ours: &Json) -> bool {
    same(expected, ours)
        || same(&plain(expected), &plain(ours))
        || large(expected, ours)
        || finished(expected, ours)
        || openssl(expected, ours)
        || zone(expected, ours)
        || spans(expected)
}

/// An answer with one word for each thing that both call by names of their own.
fn plain(answer: &Json) -> Json {
    let mut plain = answer.clone();
    for key in ["type", "value", "message"] {
        if let Some(Json::String(text)) = plain.get_mut(key) {
            *text = plain_text(text);
        }
    }
    plain
}

fn plain_text(text: &str) -> String {
    let text = without_calls(text);
    let text = without_assemblies(&text);
    let mut out = String::new();
    let mut rest = text.as_str();
    while let Some(c) = rest.chars().next() {
        let length = name_length(rest);
        // Other text may stand right before a name.
        let token = rest.get(..length).unwrap_or_default();
        let roots = ["System.", "Newtonsoft.", "Oracle."].into_iter();
        let start = roots.filter_map(|root| token.find(root)).min().unwrap_or_default();
        let length = if start > 0 { start } else { length };
        let (name, after) = rest.split_at(length.max(c.len_utf8()));
        if let Some(word) = word_for(name) {
            out.push_str(word);
            rest = after.strip_prefix(arguments(after)).unwrap_or(after);
        } else {
            out.push_str(name);
            rest = after;
        }
    }
    out
}

/// How long the name of a type is that text begins with; ``Outer+<Method>d__5`1`` is one, too.
fn name_length(text: &str) -> usize {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '+' | '`');
    let plain = |text: &str| {
        let all = text.find(|c| !is_part(c)).unwrap_or(text.len());
        // A full stop behind it is none of its own.
        text.get(..all).map_or(all, |name| name.trim_end_matches('.').len())
    };
    let length = plain(text);
    let (name, rest) = text.split_at(length);
    if !(name.is_empty() || name.ends_with('+')) {
        return length;
    }
    let method = rest.strip_prefix('<').and_then(|rest| rest.split_once(">d__"));
    match method {
        Some((method, after)) if plain(method) == method.len() => {
            text.len() - after.len() + plain(after)
        }
        _ => length,
    }
}

/// The type arguments in brackets that text begins with.
fn arguments(text: &str) -> &str {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return if c == ']' { text.get(..=at).unwrap_or("") } else { "" };
        }
    }
    ""
}

/// One word for the names of .NET's own iterators and of the interfaces that sequences show here; another for the classes of
/// the stand-in's `context` and the interfaces that they are of.
fn word_for(name: &str) -> Option<&'static str> {
    const PARTS: [&str; 23] = [
        "IContext",
        "IApi",
        "IBackend",
        "IDeployment",
        "IGateway",
        "IGroup",
        "ILastError",
        "IMessageBody",
        "IOperation",
        "IProduct",
        "IRequest",
        "IResponse",
        "ISubscription",
        "ISubscriptionKeyParameterNames",
        "ISustainabilityInfo",
        "IUrl",
        "IUser",
        "IUserIdentity",
        "IWorkspace",
        // The stand-in keeps headers and the like in dictionaries of .NET.
        "System.Collections.Generic.IReadOnlyDictionary`2",
        "System.Collections.Generic.Dictionary`2",
        "System.Collections.ObjectModel.ReadOnlyDictionary`2",
        "Dictionary`2",
    ];
    // Of a class within another the runtime names the inner one where a cast fails.
    let iterator = ["Iterator`", ">d__", "Partition`"].iter().any(|part| name.contains(part));
    let sequence = name.starts_with("System.Linq.")
        || name.contains("+<")
        || name == "System.Collections.Generic.IEnumerable`1";
    if iterator || sequence {
        Some("a sequence")
    } else if name.starts_with("Oracle.") || PARTS.contains(&name) {
        Some("a part of context")
    } else {
        None
    }
}

/// Without the calls of stack traces, which are those of the process.
fn without_calls(text: &str) -> String {
    let mut out = String::new();
    let mut pieces = text.split("\n   at ");
    out.push_str(pieces.next().unwrap_or_default());
    for call in pieces {
        // A call ends with its parameters.
        out.push_str(call.split_once(')').map_or("", |(_, after)| after));
    }
    out
}

/// Without the assemblies of type arguments, which are those of one version of .NET:
/// `[[System.Int32, System.Private.CoreLib, …, PublicKeyToken=…],…]` as `[System.Int32,…]`.
fn without_assemblies(text: &str) -> String {
    let mut out = String::new();
    let mut opened = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let Some(after) = assembly(rest).and_then(|after| after.strip_prefix(']')) {
            // The brackets around the name go with it.
            if let Some(at) = opened.pop() {
                out.remove(at);
            }
            rest = after;
            continue;
        }
        match c {
            '[' => opened.push(out.len()),
            ']' => drop(opened.pop()),
            _ => {}
        }
        out.push(c);
        rest = rest.split_at(c.len_utf8()).1;
    }
    out
}

/// What stands behind an assembly's name, if text begins with one.
fn assembly(text: &str) -> Option<&str> {
    let (_, rest) = text.strip_prefix(", ")?.split_once(", Version=")?;
    let (version, rest) = rest.split_once(", Culture=neutral, PublicKeyToken=")?;
    let token = rest.find(|c: char| !c.is_ascii_hexdigit())?;
    let (name, _) = text.split_once(", Version=")?;
    let is_name = !name.contains(['[', ']', '\'']) && !version.contains([',', ']']);
    (is_name && token == 16).then_some(rest.split_at(token).1)
}

/// Policies may not use `BigInteger`: a number that large stays the token that it was read as, or its text.
fn large(expected: &Json, ours: &Json) -> bool {
    text(expected, "type") == "System.Numerics.BigInteger"
        && ["System.String", "Newtonsoft.Json.Linq.JValue"].contains(&text(ours, "type"))
        && text(expected, "value") == text(ours, "value")
}

/// .NET has one walk over all empty arrays of a type, which is where whoever had it last has left it.
fn finished(expected: &Json, ours: &Json) -> bool {
    text(expected, "error") == text(ours, "error")
        && text(expected, "message") == "Enumeration already finished."
        && text(ours, "message") == "Enumeration has not started. Call MoveNext."
}

/// The texts of OpenSSL are those of one platform.
fn openssl(expected: &Json, ours: &Json) -> bool {
    const HERE: [&str; 2] = [
        "Cannot find the requested object.",
        "Object contains only the public half of a key pair. A private key must also be provided.",
    ];
    let is_its = |text: &str| {
        text.strip_prefix("error:").and_then(|rest| rest.split_once(':')).is_some_and(
            |(code, _)| code.len() == 8 && code.bytes().all(|byte| byte.is_ascii_hexdigit()),
        )
    };
    let thrown = text(expected, "error") == "Interop+Crypto+OpenSslCryptographicException"
        && text(ours, "error") == "System.Security.Cryptography.CryptographicException"
        && is_its(text(expected, "message"))
        && HERE.contains(&text(ours, "message"));
    let caught = is_its(text(expected, "value")) && HERE.contains(&text(ours, "value"));
    thrown || caught
}

/// Where the zones of Linux lie: in the inner exception that only .NET there has, and in what it says of a file there that it
/// finds, but not a zone in it.
fn zone(expected: &Json, ours: &Json) -> bool {
    const FOLDER: &str = "/usr/share/zoneinfo";
    ["value", "message"].iter().any(|key| {
        let missing = text(ours, key).strip_prefix("The time zone ID '");
        let id =
            missing.and_then(|rest| rest.strip_suffix("' was not found on the local computer."));
        id.is_some_and(|id| {
            let file = text(expected, key);
            let named =
                file.strip_prefix("Could not find file '").and_then(|rest| rest.strip_suffix("'."));
            let within = |path: &str| path.starts_with(FOLDER) && path.ends_with(id);
            named.is_some_and(|path| path == id || within(path))
                || file.contains(&format!("'{FOLDER}"))
        })
    })
}

/// Overloads for spans, which make calls ambiguous, are of .NET Core: the gateway of Azure has none.
fn spans(expected: &Json) -> bool {
    let refused = text(expected, "compile");
    refused.starts_with("CS0121") && refused.contains("Span<")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(expected: &Json, ours: &Json, verdict: Verdict) {
        assert_eq!(super::verdict(expected, ours), verdict, "{expected} {ours}");
    }

    fn value(ty: &str, text: &str) -> Json {
        json!({ "type": ty, "value": text })
    }

    #[test]
    fn names_of_the_inside_are_alike_and_nothing_else_is() {
        let array = "System.Linq.Enumerable+WhereArrayIterator`1[System.Int32]";
        let here = "System.Collections.Generic.IEnumerable`1[System.Int32]";
        let text = |name: &str, rest: &str| value("System.String", &format!("<{name}>{rest}"));
        check(&text(array, "|1"), &text(here, "|1"), Verdict::Agree);
        let after = |name: &str| value("System.String", &format!("3.14{name}"));
        check(&after(array), &after(here), Verdict::Agree);
        check(&text(array, "|1"), &text(here, "|2"), Verdict::Differ);
        check(&text(array, "|1"), &text("System.Int32", "|1"), Verdict::Differ);
        check(&value("Oracle.Url", "http://h/"), &value("IUrl", "http://h/"), Verdict::Agree);
        check(&value("Oracle.Url", "http://h/"), &value("IUrl", "http://i/"), Verdict::Differ);
    }

    #[test]
    fn assemblies_and_calls_are_left_out() {
        let long = "to 'A`2[[System.Int32, System.Private.CoreLib, Version=4.0.0.0, Culture=neutral, PublicKeyToken=7cec85d7bea7798e],[B`1[[C, D, Version=1.0.0.0, Culture=neutral, PublicKeyToken=30ad4fe6b2a6aeed]], E, Version=1.0.0.0, Culture=neutral, PublicKeyToken=30ad4fe6b2a6aeed]]'.";
        assert_eq!(without_assemblies(long), "to 'A`2[System.Int32,B`1[C]]'.");
        let trace = "|System.Exception: x\n   at A.B(Int32 c)\n   at D.<>c.<F0>g__E|0_1()|y";
        assert_eq!(without_calls(trace), "|System.Exception: x|y");
    }

    #[test]
    fn what_is_refused_by_design_is_told_apart() {
        let refused = json!({ "compile": "`XElement.Load` is not supported" });
        check(&value("System.Int32", "1"), &refused, Verdict::ByDesign);
        check(&json!({ "compile": "CS0103" }), &refused, Verdict::Agree);
        let wrong = json!({ "compile": "`+` cannot be applied to `null` and `object`" });
        check(&value("System.Int32", "1"), &wrong, Verdict::Differ);
    }
}
