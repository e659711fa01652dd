mod alike;

use expect_test::{Expect, expect};

use super::delta::Part;
use super::*;
use crate::answer::Answer;
use crate::tokens::tests::Numbers;

fn options(api: Api) -> MeterOptions {
    MeterOptions { assemble: 1 << 20, ..MeterOptions::new(api, Encoding::O200k) }
}

/// What a stream comes to: what the client gets, and what the meter says at the end.
#[derive(Debug, PartialEq, Eq)]
struct Passed {
    forwarded: String,
    tokens: u64,
    usage: Option<Usage>,
    answer: Answer,
    ended: bool,
}

fn pass<'c>(options: &MeterOptions, chunks: impl IntoIterator<Item = &'c [u8]>) -> Passed {
    let mut meter = StreamMeter::new(options.clone());
    let mut forwarded = Vec::new();
    for chunk in chunks {
        forwarded.extend_from_slice(&meter.push(Bytes::copy_from_slice(chunk)));
    }
    forwarded.extend_from_slice(&meter.finish());
    Passed {
        forwarded: String::from_utf8_lossy(&forwarded).into_owned(),
        tokens: meter.completion_tokens(),
        usage: meter.usage(),
        answer: meter.answer().clone(),
        ended: meter.is_ended(),
    }
}

/// Passes a stream whole, byte by byte, and cut at every place: it must come to the same.
fn passed(options: &MeterOptions, stream: &str) -> Passed {
    let bytes = stream.as_bytes();
    let whole = pass(options, [bytes]);
    assert_eq!(pass(options, bytes.chunks(1)), whole);
    for cut in 0..=bytes.len() {
        assert_eq!(pass(options, [&bytes[..cut], &bytes[cut..]]), whole, "cut at {cut}");
    }
    whole
}

/// A stream of events with these data.
fn stream(events: &[&str]) -> String {
    let events: Vec<String> = events.iter().map(|data| format!("data: {data}\n\n")).collect();
    events.concat()
}

fn chat(content: &str) -> String {
    let content = serde_json::Value::from(content);
    format!(
        r#"{{"id":"c1","object":"chat.completion.chunk","created":7,"model":"gpt-4o","choices":[{{"index":0,"delta":{{"content":{content}}},"finish_reason":null}}],"usage":null}}"#
    )
}

const STOP: &str =
    r#"{"id":"c1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}"#;
const USAGE: &str = r#"{"id":"c1","choices":[],"usage":{"prompt_tokens":5,"completion_tokens":2,"total_tokens":7}}"#;

#[test]
fn streams_pass_byte_for_byte() {
    for text in [
        stream(&[&chat("Hi"), &chat(" there"), STOP, USAGE, "[DONE]"]),
        "data: {\"choices\":[]}\r\n\r\n: comment\r\n\r\nevent: x\rdata: y\r\rdata:[DONE]\n\n"
            .to_owned(),
        "\u{feff}data: 1\n\n\n\n\nid: 4\nretry: 5\n\ndata: [1,\ndata: 2]\n\n".to_owned(),
        "data: {\"choices\":[{\"delta\":{\"content\":\"cut o".to_owned(),
        "no events at all".to_owned(),
        String::new(),
    ] {
        for api in [Api::ChatCompletions, Api::Responses, Api::Messages, Api::GenerateContent] {
            assert_eq!(passed(&options(api), &text).forwarded, text);
        }
    }
}

#[test]
fn whole_events_are_passed_without_a_copy() {
    let text = Bytes::from(stream(&[&chat("Hi"), &chat(" there"), STOP, "[DONE]"]));
    let mut meter = StreamMeter::new(options(Api::ChatCompletions));
    let out = meter.push(text.clone());
    assert_eq!((out.as_ptr(), out.len()), (text.as_ptr(), text.len()));
}

#[test]
fn tokens_are_those_of_the_whole_text() {
    let texts: Vec<String> = crate::tokens::tests::texts(40).collect();
    let whole = texts.concat();
    // As models send them: a few characters at a time.
    let chars: Vec<char> = whole.chars().collect();
    let pieces = chars.chunks(4).map(|piece| chat(&piece.iter().collect::<String>()));
    let events: Vec<String> = pieces.collect();
    let events: Vec<&str> = events.iter().map(String::as_str).collect();
    let result = pass(&options(Api::ChatCompletions), [stream(&events).as_bytes()]);
    assert_eq!(result.tokens, Encoding::O200k.count(&whole));
    assert_eq!(result.answer.choices[0].text, whole);
}

#[test]
fn usage_of_chat_is_taken_and_stripped() {
    let asked = stream(&[
        r#"{"choices":[],"prompt_filter_results":[],"usage":null}"#,
        &chat("Hi"),
        STOP,
        USAGE,
        "[DONE]",
    ]);
    let strip = MeterOptions { usage: UsageForClient::Strip, ..options(Api::ChatCompletions) };
    let result = passed(&strip, &asked);
    assert_eq!(result.usage.unwrap().total, 7);
    let plain = asked.replace(r#","usage":null"#, "").replace(&format!("data: {USAGE}\n\n"), "");
    assert_eq!(result.forwarded, plain);
    let keep = MeterOptions { usage: UsageForClient::Asked, ..options(Api::ChatCompletions) };
    assert_eq!(passed(&keep, &asked).forwarded, asked);
}

#[test]
fn usage_is_cut_wherever_it_stands() {
    let strip = MeterOptions { usage: UsageForClient::Strip, ..options(Api::ChatCompletions) };
    for (data, expected) in [
        (r#"{"usage":null,"choices":[{}]}"#, r#"{"choices":[{}]}"#),
        (r#"{"choices":[{}], "usage" : {"total_tokens":1} }"#, r#"{"choices":[{}] }"#),
        (r#"{"id":1 ,"usage":null, "choices":[{}]}"#, r#"{"id":1 ,"choices":[{}]}"#),
        (r#"{"choices":[{"usage":1}]}"#, r#"{"choices":[{"usage":1}]}"#),
        (r#"{"usage":{"total_tokens":1}}"#, r#"{"usage":{"total_tokens":1}}"#),
    ] {
        let result = passed(&strip, &stream(&[data]));
        assert_eq!(result.forwarded, stream(&[expected]), "{data}");
    }
}

fn check(api: Api, text: &str, expected: &Expect) {
    let result = passed(&options(api), text);
    assert_eq!(result.forwarded, text);
    let usage = result.usage.map(|usage| (usage.prompt, usage.completion, usage.total));
    let shown = format!(
        "{} tokens, usage {usage:?}, complete {}\n{:#?}",
        result.tokens,
        result.answer.is_complete(),
        result.answer.choices
    );
    expected.assert_eq(&shown);
}

#[test]
fn chat_with_refusals_reasoning_and_calls() {
    check(
        Api::ChatCompletions,
        &stream(&[
            r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":""}},{"index":1,"delta":{"refusal":"I can"}}]}"#,
            r#"{"choices":[{"index":0,"delta":{"reasoning_content":"hm"}},{"index":1,"delta":{"refusal":"not"},"finish_reason":"stop"}]}"#,
            r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"f","arguments":""}}]}}]}"#,
            r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"a\":"}}]}}]}"#,
            r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"1}"}},{"index":1,"id":"call_2","function":{"name":"g"}}]}}]}"#,
            r#"{"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}"#,
            "[DONE]",
        ]),
        &expect![[r#"
            10 tokens, usage None, complete true
            [
                AnswerChoice {
                    index: 1,
                    text: "",
                    refusal: "I cannot",
                    reasoning: "",
                    calls: [],
                    finish: Some(
                        "stop",
                    ),
                },
                AnswerChoice {
                    index: 0,
                    text: "",
                    refusal: "",
                    reasoning: "hm",
                    calls: [
                        ToolCall {
                            id: "call_1",
                            name: "f",
                            arguments: "{\"a\":1}",
                            place: 0,
                        },
                        ToolCall {
                            id: "call_2",
                            name: "g",
                            arguments: "",
                            place: 1,
                        },
                    ],
                    finish: Some(
                        "tool_calls",
                    ),
                },
            ]"#]],
    );
}

#[test]
fn completions() {
    check(
        Api::Completions,
        &stream(&[
            r#"{"choices":[{"index":0,"text":"Hello"}]}"#,
            r#"{"choices":[{"index":0,"text":" world","finish_reason":"length"}]}"#,
            "[DONE]",
        ]),
        &expect![[r#"
            2 tokens, usage None, complete true
            [
                AnswerChoice {
                    index: 0,
                    text: "Hello world",
                    refusal: "",
                    reasoning: "",
                    calls: [],
                    finish: Some(
                        "length",
                    ),
                },
            ]"#]],
    );
}

#[test]
fn responses() {
    check(
        Api::Responses,
        &stream(&[
            r#"{"type":"response.created","sequence_number":0,"response":{"id":"resp_1","model":"gpt-4o","usage":null}}"#,
            r#"{"type":"response.reasoning_summary_text.delta","output_index":0,"delta":"hm"}"#,
            r#"{"type":"response.output_text.delta","output_index":1,"delta":"Hello"}"#,
            r#"{"type":"response.output_text.delta","output_index":1,"delta":" world"}"#,
            r#"{"type":"response.output_text.done","output_index":1,"text":"Hello world"}"#,
            r#"{"type":"response.output_item.added","output_index":2,"item":{"type":"function_call","id":"fc","call_id":"call_1","name":"f"}}"#,
            r#"{"type":"response.function_call_arguments.delta","output_index":2,"delta":"{}"}"#,
            r#"{"type":"response.completed","response":{"status":"completed","usage":{"input_tokens":3,"output_tokens":9,"total_tokens":12}}}"#,
        ]),
        &expect![[r#"
            5 tokens, usage Some((3, 9, 12)), complete true
            [
                AnswerChoice {
                    index: 0,
                    text: "Hello world",
                    refusal: "",
                    reasoning: "hm",
                    calls: [
                        ToolCall {
                            id: "call_1",
                            name: "f",
                            arguments: "{}",
                            place: 2,
                        },
                    ],
                    finish: Some(
                        "completed",
                    ),
                },
            ]"#]],
    );
}

#[test]
fn anthropic() {
    check(
        Api::Messages,
        &stream(&[
            r#"{"type":"message_start","message":{"id":"msg_1","model":"claude","usage":{"input_tokens":10,"cache_read_input_tokens":5,"output_tokens":1}}}"#,
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
            r#"{"type":"ping"}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello world"}}"#,
            r#"{"type":"content_block_stop","index":0}"#,
            r#"{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"toolu_1","name":"f","input":{}}}"#,
            r#"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\"a\":1}"}}"#,
            r#"{"type":"content_block_stop","index":1}"#,
            r#"{"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":20}}"#,
            r#"{"type":"message_stop"}"#,
        ]),
        &expect![[r#"
            8 tokens, usage Some((15, 20, 35)), complete true
            [
                AnswerChoice {
                    index: 0,
                    text: "Hello world",
                    refusal: "",
                    reasoning: "",
                    calls: [
                        ToolCall {
                            id: "toolu_1",
                            name: "f",
                            arguments: "{\"a\":1}",
                            place: 1,
                        },
                    ],
                    finish: Some(
                        "tool_use",
                    ),
                },
            ]"#]],
    );
}

#[test]
fn google() {
    check(
        Api::GenerateContent,
        &stream(&[
            r#"{"candidates":[{"content":{"parts":[{"text":"hm","thought":true},{"text":"Hello"}],"role":"model"},"index":0}],"usageMetadata":{"promptTokenCount":4}}"#,
            r#"{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":{"a":1}}},{"functionCall":{"name":"g","args":{}}}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":4,"candidatesTokenCount":6,"totalTokenCount":10}}"#,
        ]),
        &expect![[r#"
            9 tokens, usage Some((4, 6, 10)), complete true
            [
                AnswerChoice {
                    index: 0,
                    text: "Hello",
                    refusal: "",
                    reasoning: "hm",
                    calls: [
                        ToolCall {
                            id: "",
                            name: "f",
                            arguments: "{\"a\":1}",
                            place: 0,
                        },
                        ToolCall {
                            id: "",
                            name: "g",
                            arguments: "{}",
                            place: 1,
                        },
                    ],
                    finish: Some(
                        "STOP",
                    ),
                },
            ]"#]],
    );
}

#[test]
fn what_is_no_text_makes_an_answer_incomplete() {
    for data in [
        r#"{"choices":[{"delta":{"audio":{"data":"AA"}},"finish_reason":"stop"}]}"#,
        "{broken",
        r#"{"type":"response.image_generation_call.partial_image","partial_image_b64":"AA"}"#,
    ] {
        let text = stream(&[&chat("Hi"), data, STOP, "[DONE]"]);
        assert!(!passed(&options(Api::ChatCompletions), &text).answer.is_complete(), "{data}");
    }
    let truncated = passed(&options(Api::ChatCompletions), &stream(&[&chat("Hi")]));
    assert!(!truncated.answer.is_complete());
    assert!(
        passed(&options(Api::ChatCompletions), &stream(&[&chat("Hi"), STOP])).answer.is_complete()
    );
}

#[test]
fn transcriptions_and_images() {
    let text = stream(&[
        r#"{"type":"transcript.text.delta","delta":"hello"}"#,
        r#"{"type":"transcript.text.delta","delta":" world"}"#,
        r#"{"type":"transcript.text.done","text":"hello world","usage":{"input_tokens":9,"output_tokens":2,"total_tokens":11}}"#,
    ]);
    let result = passed(&options(Api::Audio), &text);
    assert!(result.answer.is_complete());
    assert_eq!((result.tokens, result.usage.unwrap().total), (2, 11));
    assert_eq!(result.forwarded, text);
    let text = stream(&[
        r#"{"type":"image_generation.partial_image","b64_json":"AAAA"}"#,
        r#"{"type":"image_generation.completed","b64_json":"AAAA","usage":{"input_tokens":9,"output_tokens":200,"total_tokens":209}}"#,
    ]);
    let result = passed(&options(Api::Images), &text);
    assert_eq!((result.tokens, result.usage.unwrap().completion), (0, 200));
    assert_eq!(result.forwarded, text);
}

/// Streams end before the first event beyond the limit, with an ending of the protocol.
fn check_end(api: Api, usage: UsageForClient, events: &[&str], expected: &Expect) {
    let limited = MeterOptions { limit: Some(3), usage, prompt_tokens: 10, ..options(api) };
    // What comes after the end of the meter's goes nowhere.
    let text = stream(events) + &stream(&["{}", events[0]]);
    let result = passed(&limited, &text);
    assert!(result.ended && result.tokens <= 3, "{result:?}");
    let n_kept = events.iter().take_while(|data| result.forwarded.contains(**data)).count();
    expected.assert_eq(result.forwarded.strip_prefix(&stream(&events[..n_kept])).unwrap());
}

#[test]
fn chat_ends_at_its_limit() {
    let events = [chat("one two three"), chat(" four")];
    let events: Vec<&str> = events.iter().map(String::as_str).collect();
    check_end(
        Api::ChatCompletions,
        UsageForClient::AsSent,
        &events,
        &expect![[r#"
        data: {"id":"c1","object":"chat.completion.chunk","created":7,"model":"gpt-4o","choices":[{"index":0,"delta":{},"finish_reason":"length"}]}

        data: [DONE]

    "#]],
    );
    check_end(
        Api::ChatCompletions,
        UsageForClient::Asked,
        &events,
        &expect![[r#"
        data: {"id":"c1","object":"chat.completion.chunk","created":7,"model":"gpt-4o","choices":[{"index":0,"delta":{},"finish_reason":"length"}]}

        data: {"id":"c1","object":"chat.completion.chunk","created":7,"model":"gpt-4o","choices":[],"usage":{"prompt_tokens":10,"completion_tokens":3,"total_tokens":13,"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}}

        data: [DONE]

    "#]],
    );
}

#[test]
fn completions_end_at_their_limit() {
    let events = [
        r#"{"id":"x","object":"text_completion","created":7,"model":"m","choices":[{"index":0,"text":"one"},{"index":1,"text":"two"}]}"#,
        r#"{"choices":[{"index":1,"text":"","finish_reason":"stop"}]}"#,
        r#"{"choices":[{"index":0,"text":" two three four"}]}"#,
    ];
    check_end(
        Api::Completions,
        UsageForClient::Strip,
        &events,
        &expect![[r#"
        data: {"id":"x","object":"text_completion","created":7,"model":"m","choices":[{"index":0,"text":"","logprobs":null,"finish_reason":"length"}]}

        data: [DONE]

    "#]],
    );
}

#[test]
fn responses_end_at_their_limit() {
    let events = [
        r#"{"type":"response.created","sequence_number":0,"response":{"id":"resp_1","object":"response","status":"in_progress","model":"m","output":[]}}"#,
        r#"{"type":"response.output_text.delta","sequence_number":4,"output_index":0,"delta":"one two"}"#,
        r#"{"type":"response.output_text.delta","sequence_number":5,"output_index":0,"delta":" three four"}"#,
    ];
    check_end(
        Api::Responses,
        UsageForClient::AsSent,
        &events,
        &expect![[r#"
        event: response.incomplete
        data: {"type":"response.incomplete","sequence_number":5,"response":{"id":"resp_1","object":"response","status":"incomplete","model":"m","output":[{"id":"msg_0","type":"message","role":"assistant","status":"incomplete","content":[{"type":"output_text","text":"one two","annotations":[]}]}],"incomplete_details":{"reason":"max_output_tokens"},"usage":{"input_tokens":10,"input_tokens_details":{"cached_tokens":0},"output_tokens":2,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":12}}}

    "#]],
    );
}

#[test]
fn anthropic_ends_at_its_limit() {
    let events = [
        r#"{"type":"message_start","message":{"id":"msg_1","usage":{"input_tokens":10}}}"#,
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"text":"one two"}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"text":" three four"}}"#,
    ];
    check_end(
        Api::Messages,
        UsageForClient::AsSent,
        &events,
        &expect![[r#"
        event: content_block_stop
        data: {"type":"content_block_stop","index":0}

        event: message_delta
        data: {"type":"message_delta","delta":{"stop_reason":"max_tokens","stop_sequence":null},"usage":{"input_tokens":10,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":2}}

        event: message_stop
        data: {"type":"message_stop"}

    "#]],
    );
}

#[test]
fn google_ends_at_its_limit() {
    let events = [
        r#"{"candidates":[{"content":{"parts":[{"text":"one two"}]}}],"modelVersion":"gemini","responseId":"r"}"#,
        r#"{"candidates":[{"content":{"parts":[{"text":" three four"}]}}]}"#,
    ];
    check_end(
        Api::GenerateContent,
        UsageForClient::AsSent,
        &events,
        &expect![[r#"
        data: {"candidates":[{"content":{"parts":[{"text":""}],"role":"model"},"finishReason":"MAX_TOKENS","index":0}],"usageMetadata":{"promptTokenCount":10,"candidatesTokenCount":2,"thoughtsTokenCount":0,"cachedContentTokenCount":0,"totalTokenCount":12},"modelVersion":"gemini","responseId":"r"}

    "#]],
    );
}

#[test]
fn a_limit_is_met_to_the_token() {
    for limit in [0, 1, 5, 100, 700, 701, 2000] {
        let options = MeterOptions {
            limit: Some(limit),
            ..MeterOptions::new(Api::ChatCompletions, Encoding::O200k)
        };
        let mut meter = StreamMeter::new(options);
        let mut n_sent = 0;
        while !meter.is_ended() && n_sent < 1000 {
            n_sent += 1;
            meter.push(Bytes::from(stream(&[&chat(" word")])));
        }
        assert_eq!(meter.completion_tokens(), limit.min(1000));
    }
}

#[test]
fn an_ended_stream_stays_ended() {
    let mut meter = StreamMeter::new(options(Api::ChatCompletions));
    meter.push(Bytes::from(stream(&[&chat("Hi")]) + "data: {\"cho"));
    let ending = meter.end();
    assert!(ending.starts_with(b"data: {\"id\":\"c1\",") && ending.ends_with(b"data: [DONE]\n\n"));
    assert!(meter.is_ended() && meter.end().is_empty() && meter.finish().is_empty());
    assert!(meter.push(Bytes::from_static(b"ices\":[]}\n\n")).is_empty());
    for last in [
        "[DONE]",
        r#"{"type":"message_stop"}"#,
        r#"{"type":"response.failed"}"#,
        r#"{"type":"error"}"#,
    ] {
        let mut done = StreamMeter::new(options(Api::ChatCompletions));
        done.push(Bytes::from(stream(&[last])));
        assert!(done.is_done() && done.end().is_empty(), "{last}");
    }
}

#[test]
fn what_has_finished_is_not_finished_again() {
    let end_after = |api, events: &[&str]| {
        let mut meter =
            StreamMeter::new(MeterOptions { usage: UsageForClient::Asked, ..options(api) });
        meter.push(Bytes::from(stream(events)));
        String::from_utf8(meter.end().to_vec()).unwrap()
    };
    let chat = end_after(Api::ChatCompletions, &[&chat("Hi"), STOP]);
    assert!(!chat.contains("finish_reason") && chat.contains("usage") && chat.contains("[DONE]"));
    let stopped = r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"}}"#;
    let expected = "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
    assert_eq!(end_after(Api::Messages, &[stopped]), expected);
    let google = r#"{"candidates":[{"content":{"parts":[{"text":"Hi"}]},"finishReason":"STOP"}]}"#;
    assert_eq!(end_after(Api::GenerateContent, &[google]), "");
}

#[test]
fn events_that_are_too_large_pass_unread() {
    let large = chat(&"x".repeat(100));
    let text = stream(&[&chat("Hi"), &large, &chat(" there"), STOP]);
    let small = MeterOptions { max_event: 180, ..options(Api::ChatCompletions) };
    for size in [1, 7, 50, 150] {
        let result = pass(&small, text.as_bytes().chunks(size));
        assert_eq!((result.forwarded.as_str(), result.tokens), (text.as_str(), 2));
        assert!(!result.answer.is_complete());
    }
    let mut meter = StreamMeter::new(small);
    let (first, _) = text.split_at(400);
    meter.push(Bytes::copy_from_slice(first.as_bytes()));
    assert!(meter.end().starts_with(b"\n\ndata: {"));
}

#[test]
fn settling_changes_no_count() {
    let words = ["Hi", " there", ", it's", " 1234", "5\n\n", "中文", " \u{1f600}", "!?"];
    let events = words.iter().cycle().take(200).map(|word| stream(&[&chat(word)]));
    let new = || StreamMeter::new(MeterOptions::new(Api::ChatCompletions, Encoding::O200k));
    let (mut settled, mut plain) = (new(), new());
    for event in events {
        settled.push(Bytes::from(event.clone()));
        plain.push(Bytes::from(event));
        settled.settle();
        assert_eq!(settled.completion_tokens(), plain.completion_tokens());
        assert!(settled.completion_tokens_at_most() <= plain.completion_tokens_at_most());
    }
}

#[test]
fn the_model_is_known_without_an_answer() {
    let mut meter = StreamMeter::new(MeterOptions::new(Api::ChatCompletions, Encoding::O200k));
    assert_eq!(meter.model(), "");
    for event in
        [r#"{"model":"","choices":[]}"#, r#"{"model":"gpt-4o-2024-11-20"}"#, r#"{"model":"x"}"#]
    {
        meter.push(Bytes::from(stream(&[event])));
    }
    assert_eq!(meter.model(), "gpt-4o-2024-11-20");
    assert_eq!(meter.answer().choices, []);
    let long = format!(r#"{{"model":"{}"}}"#, "é".repeat(200));
    let mut meter = StreamMeter::new(MeterOptions::new(Api::ChatCompletions, Encoding::O200k));
    meter.push(Bytes::from(stream(&[&long])));
    assert_eq!(meter.model(), "é".repeat(128), "what no model is called is cut");
}

#[test]
fn hostile_streams_are_survived() {
    let deep = format!(r#"{{"choices":{}{}}}"#, "[".repeat(10_000), "]".repeat(10_000));
    let many: Vec<String> =
        (0..5000).map(|n| format!(r#"{{"index":{n},"delta":{{"content":"a"}}}}"#)).collect();
    let many = format!(r#"{{"choices":[{}]}}"#, many.join(","));
    let calls: Vec<String> =
        (0..5000).map(|n| format!(r#"{{"index":{n},"function":{{"name":"a"}}}}"#)).collect();
    let calls = format!(r#"{{"choices":[{{"delta":{{"tool_calls":[{}]}}}}]}}"#, calls.join(","));
    let strange = [
        deep.as_str(),
        many.as_str(),
        calls.as_str(),
        r#"{"choices":[{"index":-1,"delta":{"content":5}},{"index":1e99,"delta":[]},7,null,"x"]}"#,
        r#"{"choices":{"0":{}},"usage":[1],"candidates":7}"#,
        r#"{"type":"content_block_delta","index":99999999999999999999,"delta":"x"}"#,
        r#"{"type":7,"delta":{},"item":[],"response":"x","message":null}"#,
        r#"{"choices":[{"delta":{"content":"\ud800\u0000"}}]}"#,
        "{\"choices\":[{\"delta\":{\"content\":\"\u{fffd}\"}}]",
        "null",
        "",
    ];
    for api in [
        Api::ChatCompletions,
        Api::Completions,
        Api::Responses,
        Api::Messages,
        Api::GenerateContent,
        Api::Realtime,
    ] {
        let mut meter = StreamMeter::new(options(api));
        for data in strange {
            let event = Bytes::from(stream(&[data]));
            assert_eq!(meter.push(event.clone()), event);
        }
        let mut invalid = stream(&[r#"{"choices":[{"delta":{"content":"?"}}]}"#]).into_bytes();
        let at = invalid.iter().position(|byte| *byte == b'?').unwrap();
        invalid[at] = 0xff;
        let invalid = Bytes::from(invalid);
        assert_eq!(meter.push(invalid.clone()), invalid);
        assert!(!meter.answer().is_complete() && meter.completion_tokens() > 0);
        meter.end();
    }
}

#[test]
fn mutated_streams_pass_whatever_they_say() {
    let chat = stream(&[&chat("Hi \\u00e9"), &chat(" there"), STOP, USAGE, "[DONE]"]).into_bytes();
    let mut numbers = Numbers(7);
    for _ in 0..400 {
        let mut bytes = chat.clone();
        for _ in 0..3 {
            let at = numbers.place(bytes.len());
            let replacement = *b"{}[]\",:\\\n\r\xff0n".get(numbers.place(13)).unwrap();
            bytes[at] = replacement;
        }
        let cut = numbers.place(bytes.len());
        let plain = options(Api::ChatCompletions);
        let whole = pass(&plain, [&bytes[..]]);
        assert_eq!(whole.forwarded, String::from_utf8_lossy(&bytes));
        let strip = MeterOptions { usage: UsageForClient::Strip, limit: Some(2), ..plain };
        assert_eq!(pass(&strip, [&bytes[..cut], &bytes[cut..]]), pass(&strip, [&bytes[..]]));
    }
}
