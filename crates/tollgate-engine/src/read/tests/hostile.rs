//! Input nobody means.

use std::time::{Duration, Instant};

use tollgate_diagnostics::{Sources, Span};

use super::{Element, Node, ReadOptions, UnknownNames, options, read};

const SAMPLES: &[&str] = &[
    "<policies>\n  <inbound>\n    <base />\n    <set-variable name=\"a\" value=\"@{ // }\\n var x = $\"{f(\"}\")}\"; return x<y && z; }\" />\n  </inbound>\n</policies>",
    "<set-header name='{{weight}}' exists-action={{TENANT_ID}}><value>@(As<JObject>()[\"a\"] as string)</value><value><![CDATA[a]]></value><!-- c --></set-header>",
    "<set-body template=\"liquid\">{{ body.x }}{{weight}}<a b=\"&lt;\">&#10;é</a></set-body>",
    "<a b=\"@(&quot;{{quoted}}&quot;)\" c='@(\"x\" + 'y')'>{{expression}}{{ unknown }}</a>",
    "<?xml version=\"1.0\"?><!DOCTYPE a><a b=... c d=1><?p?>&nbsp;</a>",
];

const PARTS: &[&str] = &[
    "<",
    ">",
    "/>",
    "</",
    "</a>",
    "<a ",
    "\"",
    "'",
    "=",
    "@(",
    "@{",
    ")",
    "}",
    "{{",
    "}}",
    "{{weight}}",
    "{{markup}}",
    "{{empty}}",
    "{{nope}}",
    "&",
    "&amp;",
    "&quot;",
    "&#x41;",
    ";",
    "<!--",
    "-->",
    "--",
    "<![CDATA[",
    "]]>",
    "<?",
    "?>",
    "<!",
    "$\"",
    "@\"",
    "//",
    "/*",
    "*/",
    "\n",
    "\r\n",
    " ",
    "é",
    "😀",
    "\u{FEFF}",
    "\0",
    "x",
    "set-body",
    "...",
    "\\",
    "[",
    "]",
    "(",
    ":",
    "b=\"c\"",
];

/// A small generator (xorshift), so that a failure can be repeated from its seed.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(n.max(1)).unwrap()).unwrap()
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from.get(self.below(from.len())).copied().unwrap_or("")
    }
}

/// Reads and holds the result against what always holds: every place is in the text, and on its characters.
fn survive(source: &str) {
    let mut sources = Sources::default();
    let file = sources.add("policy.xml", source);
    let unknown_names =
        if source.len().is_multiple_of(2) { UnknownNames::Refuse } else { UnknownNames::Tolerate };
    let (document, findings) = read(file, source, &ReadOptions { unknown_names, ..options() });
    let holds = |span: Span| assert!(source.get(span.range()).is_some(), "{span:?} {source:?}");
    if let Some(document) = &document {
        places(&document.root, &holds);
    } else {
        assert!(!findings.is_empty(), "{source:?}");
    }
    for finding in &findings {
        holds(finding.primary.span);
        finding.secondary.iter().for_each(|label| holds(label.span));
        assert!(!finding.message.contains('\n'), "{finding:?}");
    }
    // The secret among the named values.
    let shown = format!("{findings:?}{document:?}");
    assert!(!shown.contains("canary"), "{source:?}");
}

fn places(element: &Element, holds: &dyn Fn(Span)) {
    holds(element.span);
    holds(element.name_span);
    for attribute in &element.attributes {
        holds(attribute.span());
        holds(attribute.value.span());
    }
    if let Some(text) = element.text() {
        holds(text.span());
    }
    holds(element.raw_content().whole());
    for child in &element.children {
        holds(child.span());
        if let Node::Element(child) = child {
            places(child, holds);
        }
    }
}

#[test]
fn mutations_of_samples_do_no_harm() {
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    for _ in 0..20_000 {
        let mut text: Vec<char> = random.pick(SAMPLES).chars().collect();
        for _ in 0..=random.below(4) {
            let at = random.below(text.len() + 1);
            match random.below(4) {
                0 => drop(text.splice(at..at, random.pick(PARTS).chars())),
                1 => text.truncate(at),
                2 => {
                    let end = (at + random.below(12)).min(text.len());
                    text.drain(at..end);
                }
                _ => {
                    let end = (at + random.below(30)).min(text.len());
                    let copy: Vec<char> = text.get(at..end).unwrap_or_default().to_vec();
                    let to = random.below(text.len() + 1);
                    text.splice(to..to, copy);
                }
            }
        }
        survive(&text.into_iter().collect::<String>());
    }
}

#[test]
fn soup_does_no_harm() {
    let mut random = Random(0xD1B5_4A32_D192_ED03);
    for _ in 0..4_000 {
        let n_parts = random.below(40);
        let soup: String = (0..n_parts).map(|_| random.pick(PARTS)).collect();
        survive(&soup);
        survive(&format!("<a>{soup}</a>"));
        survive(&format!("<a b=\"@({soup})\" {soup} />"));
    }
}

#[test]
fn large_hostile_documents_are_read_or_refused_in_time() {
    let repeated = [
        "<a>",
        "</a>",
        "<",
        "@(",
        "<a>@(",
        "<!---->x@(",
        "<a b=\"@(",
        "<a b=\"@(x\"y/>",
        "<a b=\"",
        "{{weight}}",
        "{{nope}}",
        "<!--{{nope}}-->",
        "&",
        "&amp;",
        "a=\"1\" ",
        "<a b='@(' />",
        "<a b=\"x @(y)\"z />",
        "<a>@{ \"",
        "$\"{",
        "<set-body><a>@(</a></set-body>",
        "<a/>",
        "\"",
        "'",
        "<a b={{empty}} ",
        "]]>",
        "<?",
        "\r",
    ];
    let limit = 48 * 1024;
    for part in repeated {
        for (before, after) in
            [("", ""), ("<a>", "</a>"), ("<a ", "/>"), ("<a b=\"@(", ")\"/>"), ("<a>@(", ")</a>")]
        {
            let begun = Instant::now();
            survive(&format!("{before}{}{after}", part.repeat(limit / part.len())));
            // Quadratic reading takes minutes here.
            assert!(begun.elapsed() < Duration::from_secs(20), "{before}{part}{after}");
        }
    }
}
