//! Events that differ from the one before in one text.

use super::*;

/// Events with a text, and what may stand around it.
const ALIKE: &[(Api, &str)] = &[
    (
        Api::ChatCompletions,
        r#"{"id":"c1","created":7,"model":"m","choices":[{"index":1,"delta":{"content":"TEXT"}}],"usage":null}"#,
    ),
    (
        Api::ChatCompletions,
        r#"{"usage" : null, "choices":[{"delta":{"refusal":"TEXT"},"index":0,"content":"TEXT"}]}"#,
    ),
    (Api::ChatCompletions, r#"{"choices":[{"delta":{"content":"TEXT"},"finish_reason":"stop"}]}"#),
    (
        Api::ChatCompletions,
        r#"{"choices":[{"delta":{"content":"a"}},{"delta":{"content":"TEXT"}}]}"#,
    ),
    (Api::ChatCompletions, r#"{"choices":[{"delta":{"content":"a","content":"TEXT"}}]}"#),
    (
        Api::ChatCompletions,
        r#"{"TEXT":1,"choices":[{"delta":{"content":"TEXT"}}],"usage":{"total_tokens":3}}"#,
    ),
    (
        Api::ChatCompletions,
        r#"{"usage":null,"system_fingerprint":"UNREAD","choices":[{"delta":{"content":"TEXT"},"index":1}]}"#,
    ),
    (
        Api::ChatCompletions,
        r#"{"choices":[{"index":1,"delta":{"content":"TEXT"}}],"obfuscation":"UNREAD","usage":null}"#,
    ),
    (
        Api::ChatCompletions,
        r#"{"obfuscation":"UNREAD","usage":null,"choices":[{"delta":{"content":"TEXT"}}],"obfuscation":7}"#,
    ),
    (
        Api::ChatCompletions,
        r#"{"system_fingerprint":"UNREAD","choices":[{"delta":{"content":"TEXT"}}],"usage":null,"obfuscation":"UNREAD"}"#,
    ),
    (Api::Completions, r#"{"choices":[{"text":"b","text":"TEXT","index":0}]}"#),
    (Api::Messages, r#"{"type":"content_block_delta","index":0,"delta":{"text":"TEXT"}}"#),
    (Api::Messages, r#"{"type":"content_block_start","index":3,"content_block":{"text":"TEXT"}}"#),
    (Api::Responses, r#"{"type":"response.output_text.delta","sequence_number":4,"delta":"TEXT"}"#),
    (Api::GenerateContent, r#"{"candidates":[{"content":{"parts":[{"text":"TEXT"}]}}]}"#),
];

const TEXTS: &[&str] = &[
    "Hi",
    " there",
    "",
    "Hi",
    "é",
    "\\u00e9",
    "\\\"",
    "x\",\"y\":\"z",
    "\\\\",
    "\t",
    "a\ndata: b",
    "\"",
    "TEXT",
    "0123456789012345",
];

/// What stands in one event and in the next where nobody looks.
const UNREAD: &[(&str, &str)] = &[
    ("fp_1", "fp_2"),
    ("", "longer"),
    ("longer", ""),
    ("é", "\\u00e9"),
    ("\\\"", "x\",\"usage\":{}"),
];

/// Reading an event by the one before comes to what reading it by itself comes to.
#[test]
fn events_that_are_alike_read_as_if_they_were_not() {
    const OTHER: &str = "data: {\"type\":\"ping\"}\n\n";
    for (api, event) in ALIKE {
        for usage in [UsageForClient::AsSent, UsageForClient::Strip] {
            for limit in [None, Some(2), Some(5)] {
                let options = MeterOptions { usage, limit, ..options(*api) };
                let texts = TEXTS.iter().flat_map(|a| TEXTS.iter().map(move |b| (a, b)));
                let unread = if event.contains("UNREAD") { UNREAD } else { &[("", "")] };
                for ((first, second), unread) in
                    texts.flat_map(|texts| unread.iter().map(move |unread| (texts, unread)))
                {
                    let [first, second] = [(first, unread.0), (second, unread.1)]
                        .map(|(text, unread)| event.replace("TEXT", text).replace("UNREAD", unread))
                        .map(|event| stream(&[&event]));
                    let alike = pass(&options, [first.as_bytes(), second.as_bytes()]);
                    let mut apart =
                        pass(&options, [first.as_bytes(), OTHER.as_bytes(), second.as_bytes()]);
                    apart.forwarded = apart.forwarded.replace(OTHER, "");
                    assert_eq!(alike, apart, "{first}{second}");
                }
            }
        }
    }
}

#[test]
fn most_events_are_read_by_the_one_before() {
    for (api, event) in ALIKE.iter().filter(|(_, event)| event.contains(r#""index":1"#)) {
        let mut meter = StreamMeter::new(options(*api));
        let event =
            |text, unread| stream(&[&event.replace("TEXT", text).replacen("UNREAD", unread, 1)]);
        meter.push(Bytes::from(event("a", "fp_1")));
        let next = event(" word", "something else");
        let alike = meter.model.as_ref().and_then(|model| model.read(next.as_bytes()));
        let expected = Alike { choice: 1, part: Part::Text, text: " word", cut: None };
        assert_eq!(alike, Some(expected));
    }
}
