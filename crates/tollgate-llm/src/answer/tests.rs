use bytes::Bytes;
use expect_test::{Expect, expect};

use super::*;
use crate::api::Api;
use crate::stream::{MeterOptions, StreamMeter};
use crate::usage::Usage;

const APIS: &[Api] =
    &[Api::ChatCompletions, Api::Completions, Api::Responses, Api::Messages, Api::GenerateContent];
const USAGE: Usage = Usage {
    prompt: 30,
    completion: 20,
    total: 50,
    cached: 4,
    cache_creation: 0,
    prompt_audio: 0,
    prompt_image: 0,
    reasoning: 5,
    completion_audio: 0,
    accepted_prediction: 0,
    rejected_prediction: 0,
};

/// A whole answer, with a finish in the words of the protocol.
fn answer(api: Api, with_call: bool) -> Answer {
    let finish = match api {
        Api::Responses => "completed",
        Api::Messages => "end_turn",
        Api::GenerateContent => "STOP",
        _ => "stop",
    };
    let mut answer = Answer { id: "id-1".to_owned(), model: "m".to_owned(), ..Answer::default() };
    let has_time = matches!(api, Api::ChatCompletions | Api::Completions | Api::Responses);
    answer.created = if has_time { 7 } else { 0 };
    let mut choice = AnswerChoice {
        text: "Hello\n\"world\" 😀".to_owned(),
        finish: Some(finish.to_owned()),
        ..AnswerChoice::default()
    };
    if with_call {
        // Google's calls have no identifiers.
        let id = if api == Api::GenerateContent { "" } else { "call_1" };
        choice.calls.push(ToolCall {
            id: id.to_owned(),
            name: "f".to_owned(),
            arguments: r#"{"a":1}"#.to_owned(),
            place: 0,
        });
    }
    answer.choices.push(choice);
    answer
}

/// What can be seen of an answer.
fn seen(answer: &Answer) -> Answer {
    let mut seen = Answer { has_gaps: false, is_full: false, size: 0, ..answer.clone() };
    seen.choices.iter_mut().flat_map(|choice| &mut choice.calls).for_each(|call| call.place = 0);
    seen
}

fn of_stream(api: Api, stream: Vec<u8>) -> (Answer, Option<Usage>, bool) {
    let options = MeterOptions { assemble: 1 << 20, ..MeterOptions::new(api, Encoding::O200k) };
    let mut meter = StreamMeter::new(options);
    meter.push(Bytes::from(stream));
    (meter.answer().clone(), meter.usage(), meter.is_done())
}

#[test]
fn answers_go_through_responses_and_streams_unchanged() {
    for api in APIS {
        for with_call in [false, true] {
            if with_call && *api == Api::Completions {
                continue;
            }
            let answer = answer(*api, with_call);
            let body = answer.to_response(*api, USAGE).unwrap();
            let read = Answer::of_response(&body, 1 << 20).unwrap();
            assert!(read.is_complete());
            assert_eq!(seen(&read), answer, "{api:?}: {}", String::from_utf8_lossy(&body));
            let usage = Usage::of_response(&body).unwrap();
            assert_eq!(
                (usage.prompt, usage.completion, usage.total, usage.cached),
                (30, 20, 50, 4)
            );

            let stream = answer.to_stream(*api, USAGE, true).unwrap();
            let text = String::from_utf8_lossy(&stream).into_owned();
            let (read, usage, is_done) = of_stream(*api, stream);
            assert!(read.is_complete() && is_done, "{text}");
            assert_eq!(seen(&read), answer, "{api:?}: {text}");
            assert_eq!(
                usage.map(|usage| (usage.prompt, usage.completion)),
                Some((30, 20)),
                "{text}"
            );
        }
    }
}

#[test]
fn usage_is_streamed_when_it_is_asked_for() {
    for api in [Api::ChatCompletions, Api::Completions] {
        let stream = answer(api, false).to_stream(api, USAGE, false).unwrap();
        assert_eq!(of_stream(api, stream).1, None);
    }
}

#[test]
fn protocols_without_text_have_no_answers() {
    for api in [Api::Embeddings, Api::Images, Api::Audio, Api::Realtime] {
        assert!(answer(api, false).to_response(api, USAGE).is_none());
        assert!(answer(api, false).to_stream(api, USAGE, true).is_none());
    }
    for body in [
        "{}",
        "[]",
        "x",
        r#"{"error":{"message":"no"}}"#,
        r#"{"data":[{"embedding":[1]}],"usage":{}}"#,
    ] {
        assert!(Answer::of_response(body.as_bytes(), 100).is_none(), "{body}");
    }
}

#[test]
fn a_stream_of_chat_is_as_openai_sends_it() {
    let stream =
        answer(Api::ChatCompletions, true).to_stream(Api::ChatCompletions, USAGE, false).unwrap();
    let expected: Expect = expect![[r#"
        data: {"id":"id-1","object":"chat.completion.chunk","created":7,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"Hello\n\"world\" 😀","refusal":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"},"index":0}]},"logprobs":null,"finish_reason":null}]}

        data: {"id":"id-1","object":"chat.completion.chunk","created":7,"model":"m","choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}]}

        data: [DONE]

    "#]];
    expected.assert_eq(&String::from_utf8(stream).unwrap());
}

#[test]
fn a_stream_of_responses_has_every_event() {
    let stream = answer(Api::Responses, true).to_stream(Api::Responses, USAGE, false).unwrap();
    let text = String::from_utf8(stream).unwrap();
    let names: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("event: ")).collect();
    let expected: Expect = expect![[r#"
        response.created
        response.output_item.added
        response.content_part.added
        response.output_text.delta
        response.output_text.done
        response.content_part.done
        response.output_item.done
        response.output_item.added
        response.function_call_arguments.delta
        response.function_call_arguments.done
        response.output_item.done
        response.completed"#]];
    expected.assert_eq(&names.join("\n"));
}

#[test]
fn a_stream_of_anthropic_has_every_event() {
    let stream = answer(Api::Messages, true).to_stream(Api::Messages, USAGE, false).unwrap();
    let expected: Expect = expect![[r#"
        event: message_start
        data: {"message":{"id":"id-1","type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":26,"cache_creation_input_tokens":0,"cache_read_input_tokens":4,"output_tokens":0}},"type":"message_start"}

        event: content_block_start
        data: {"index":0,"content_block":{"type":"text","text":""},"type":"content_block_start"}

        event: content_block_delta
        data: {"index":0,"delta":{"type":"text_delta","text":"Hello\n\"world\" 😀"},"type":"content_block_delta"}

        event: content_block_stop
        data: {"index":0,"type":"content_block_stop"}

        event: content_block_start
        data: {"index":1,"content_block":{"type":"tool_use","id":"call_1","name":"f","input":{}},"type":"content_block_start"}

        event: content_block_delta
        data: {"index":1,"delta":{"type":"input_json_delta","partial_json":"{\"a\":1}"},"type":"content_block_delta"}

        event: content_block_stop
        data: {"index":1,"type":"content_block_stop"}

        event: message_delta
        data: {"delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":20},"type":"message_delta"}

        event: message_stop
        data: {"type":"message_stop"}

    "#]];
    expected.assert_eq(&String::from_utf8(stream).unwrap());
}

#[test]
fn answers_are_bounded() {
    let body =
        answer(Api::ChatCompletions, false).to_response(Api::ChatCompletions, USAGE).unwrap();
    let small = Answer::of_response(&body, 10);
    assert!(small.is_none_or(|answer| !answer.is_complete() && answer.text().is_empty()));
    let body = r#"{"choices":[{"index":0,"message":{"content":"aaaa","refusal":"bbbbbbbbbb","reasoning":"c"},"finish_reason":"stop"}]}"#;
    let cut = Answer::of_response(body.as_bytes(), 72).unwrap();
    assert_eq!((cut.text().as_str(), cut.is_complete()), ("aaaa", false));
    assert_eq!(cut.choices[0].reasoning, "");
}

#[test]
fn what_can_be_seen_is_counted() {
    let body = r#"{"choices":[{"message":{"content":"hello world","reasoning":"hello","tool_calls":[{"function":{"name":"hello","arguments":"hello world"}}]}}]}"#;
    assert_eq!(
        Answer::of_response(body.as_bytes(), 1000).unwrap().completion_tokens(Encoding::O200k),
        6
    );
}
