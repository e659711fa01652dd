use expect_test::{Expect, expect};

use super::*;
use crate::tokens::Encoding;
use crate::tokens::tests::Numbers;

const LIMIT: usize = 1 << 20;

fn parse(api: Api, body: &str) -> LlmRequest<'_> {
    LlmRequest::parse(Some(api), body.as_bytes(), LIMIT).unwrap()
}

fn estimate(api: Api, body: &str) -> u64 {
    let request = parse(api, body);
    request.estimate_prompt_tokens(&request.model().unwrap_or_default())
}

#[test]
fn bodies_that_are_no_requests_are_refused() {
    let check = |body: &str, expected: &Expect| {
        expected.assert_eq(&LlmRequest::parse(None, body.as_bytes(), 40).unwrap_err().to_string());
    };
    check("", &expect!["the body is not a JSON object"]);
    check("[]", &expect!["the body is not a JSON object"]);
    check(r#"{"messages":[]"#, &expect!["the body is not a JSON object"]);
    check(r#"{"messages":[] "n":1}"#, &expect!["the body is not a JSON object"]);
    check(r#"{"a":1}"#, &expect!["the body is of no known protocol"]);
    check(&" ".repeat(41), &expect!["the body has 41 bytes, more than 40"]);
}

#[test]
fn what_is_asked_for_is_read() {
    let body = r#"{"model":"gpt-\u0034o","stream":true,"stream_options":{"x":1,"include_usage":true},"messages":[]}"#;
    let request = LlmRequest::parse(None, body.as_bytes(), LIMIT).unwrap();
    assert_eq!(request.api(), Api::ChatCompletions);
    assert_eq!(request.model().unwrap(), "gpt-4o");
    assert!(request.stream() && request.include_usage());
    let request = parse(
        Api::Responses,
        r#"{"previous_response_id":"resp_1","stream":"true","stream_options":null}"#,
    );
    assert_eq!(request.previous_response_id().unwrap(), "resp_1");
    assert!(!request.stream() && !request.include_usage());
    assert_eq!(request.model(), None);
}

#[test]
fn bounds_are_read() {
    let check = |api, body: &str, expected: Option<(u64, u64)>| {
        let bound =
            parse(api, body).completion_bound().map(|bound| (bound.per_choice, bound.choices));
        assert_eq!(bound, expected, "{body}");
    };
    check(Api::ChatCompletions, r#"{"max_tokens":10,"n":3}"#, Some((10, 3)));
    check(Api::ChatCompletions, r#"{"max_tokens":10,"max_completion_tokens":20}"#, Some((20, 1)));
    check(Api::ChatCompletions, r#"{"max_tokens":null,"n":0}"#, None);
    check(Api::ChatCompletions, r#"{"max_tokens":-5}"#, None);
    check(Api::ChatCompletions, r#"{"max_output_tokens":5}"#, None);
    check(Api::Completions, r#"{"max_tokens":7,"n":2,"best_of":5}"#, Some((7, 5)));
    check(Api::Responses, r#"{"max_output_tokens":16,"n":2}"#, Some((16, 1)));
    check(Api::Messages, r#"{"max_tokens":16}"#, Some((16, 1)));
    check(
        Api::GenerateContent,
        r#"{"generationConfig":{"maxOutputTokens":9,"candidateCount":2}}"#,
        Some((9, 2)),
    );
    check(Api::GenerateContent, r#"{"generation_config":{"max_output_tokens":9}}"#, Some((9, 1)));
    check(
        Api::GenerateContent,
        r#"{"generationConfig":{"maxOutputTokens":9},"generation_config":{"candidate_count":3}}"#,
        Some((9, 3)),
    );
    check(Api::Embeddings, r#"{"max_tokens":16}"#, None);
    let huge = CompletionBound { per_choice: u64::MAX, choices: 2 };
    assert_eq!(huge.total(), u64::MAX);
}

#[test]
fn chat_counts_as_documented() {
    let one = r#"{"messages":[{"role":"user","content":"hello"}]}"#;
    assert_eq!(estimate(Api::ChatCompletions, one), 8);
    let named = r#"{"messages":[{"role":"user","name":"bob","content":"hello"}]}"#;
    assert_eq!(estimate(Api::ChatCompletions, named), 10);
    // The six messages of OpenAI's example; the backend counted 124 for gpt-4o and 129 for gpt-4.
    let example = r#"{"messages":[
        {"role":"system","content":"You are a helpful, pattern-following assistant that translates corporate jargon into plain English."},
        {"role":"system","name":"example_user","content":"New synergies will help drive top-line growth."},
        {"role":"system","name":"example_assistant","content":"Things working well together will increase revenue."},
        {"role":"system","name":"example_user","content":"Let's circle back when we have more bandwidth to touch base on opportunities for increased leverage."},
        {"role":"system","name":"example_assistant","content":"Let's talk later when we're less busy about how to do better."},
        {"role":"user","content":"This late pivot means we don't have time to boil the ocean for the client deliverable."}]}"#;
    let request = parse(Api::ChatCompletions, example);
    assert_eq!(request.estimate_prompt_tokens("gpt-4o"), 124);
    assert_eq!(request.estimate_prompt_tokens("gpt-4"), 129);
}

#[test]
fn tools_count_as_documented() {
    // OpenAI's example; the backend counted 101 for gpt-4o and 105 for gpt-4.
    let example = r#"{"messages":[{"role":"system","content":"You are a helpful assistant that can answer to questions about the weather."},
        {"role":"user","content":"What's the weather like in San Francisco?"}],
        "tools":[{"type":"function","function":{"name":"get_current_weather","description":"Get the current weather in a given location",
        "parameters":{"type":"object","properties":{"location":{"type":"string","description":"The city and state, e.g. San Francisco, CA"},
        "unit":{"type":"string","description":"The unit of temperature to return","enum":["celsius","fahrenheit"]}},"required":["location"]}}}]}"#;
    let request = parse(Api::ChatCompletions, example);
    assert_eq!(request.estimate_prompt_tokens("gpt-4o"), 101);
    assert_eq!(request.estimate_prompt_tokens("gpt-4"), 105);
}

#[test]
fn tools_of_every_protocol_are_counted() {
    let schema = r#"{"properties":{"a":{"type":"object","properties":{"b":{"type":"array","items":{"properties":{"c":{}}}}}}}}"#;
    let tool = |name: &str| format!(r#"{{"name":"f","description":"d.","{name}":{schema}}}"#);
    let counts = [
        (
            Api::ChatCompletions,
            format!(r#"{{"tools":[{{"type":"function","function":{}}}]}}"#, tool("parameters")),
        ),
        (Api::ChatCompletions, format!(r#"{{"functions":[{}]}}"#, tool("parameters"))),
        (Api::Responses, format!(r#"{{"tools":[{}]}}"#, tool("parameters"))),
        (Api::Messages, format!(r#"{{"tools":[{}]}}"#, tool("input_schema"))),
        (
            Api::GenerateContent,
            format!(r#"{{"tools":[{{"functionDeclarations":[{}]}}]}}"#, tool("parameters")),
        ),
    ];
    // 7 and 12 for the function, 3 for `f:d`, and for each of three levels 3, 3 and its line of 3, 3 and 2 tokens.
    let expected = 7
        + 12
        + Encoding::O200k.count("f:d")
        + 3 * 6
        + 2 * Encoding::O200k.count("a:object:")
        + Encoding::O200k.count("c::");
    for (api, body) in counts {
        assert_eq!(estimate(api, &body), expected, "{body}");
    }
    assert_eq!(
        estimate(Api::Responses, r#"{"tools":[{"type":"web_search"}]}"#),
        12 + Encoding::O200k.count(r#"{"type":"web_search"}"#)
    );
    assert_eq!(estimate(Api::Responses, r#"{"tools":[]}"#), 0);
}

#[test]
fn images_count_at_most_what_azure_takes() {
    let chat = |model: &str, image: &str| {
        let body =
            format!(r#"{{"model":"{model}","messages":[{{"role":"user","content":[{image}]}}]}}"#);
        estimate(Api::ChatCompletions, &body) - 7
    };
    let high =
        r#"{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA","detail":"high"}}"#;
    let low = r#"{"type":"image_url","image_url":{"url":"https://x","detail":"low"}}"#;
    assert_eq!(chat("gpt-4o", high), 1200);
    assert_eq!(chat("gpt-4o", low), 85);
    assert_eq!(chat("gpt-4o-mini", low), 1200);
    assert_eq!(chat("team-gpt-5.1-mini", low), 70);
    assert_eq!(chat("O3", low), 75);
    assert_eq!(chat("foo3", low), 85);
    let input = r#"{"input":[{"role":"user","content":[{"type":"input_image","detail":"low","image_url":"https://x"}]}]}"#;
    assert_eq!(estimate(Api::Responses, input), 7 + 85);
    let source =
        r#"{"messages":[{"role":"user","content":[{"type":"image","source":{"data":"AAAA"}}]}]}"#;
    assert_eq!(estimate(Api::Messages, source), 7 + 1200);
    let inline = r#"{"contents":[{"role":"user","parts":[{"inlineData":{"mimeType":"image/png","data":"AA"}}]}]}"#;
    assert_eq!(estimate(Api::GenerateContent, inline), 7 + 1200);
}

#[test]
fn inputs_of_embeddings_and_completions_are_their_text() {
    for (body, expected) in [
        (r#"{"input":"hello world"}"#, 2),
        (r#"{"input":["hello world","hello"]}"#, 3),
        (r#"{"input":[1,2,3]}"#, 3),
        (r#"{"input":[[1,2],[3]]}"#, 3),
        (r#"{"input":[]}"#, 0),
        (r#"{"input":7}"#, 0),
    ] {
        assert_eq!(estimate(Api::Embeddings, body), expected, "{body}");
    }
    assert_eq!(estimate(Api::Completions, r#"{"prompt":["hello","hello"]}"#), 2);
    assert_eq!(estimate(Api::Images, r#"{"prompt":"hello"}"#), 1);
    assert_eq!(estimate(Api::Audio, r#"{"input":"hello","voice":"alloy"}"#), 1);
}

#[test]
fn deep_and_wide_bodies_are_read_in_time() {
    let mut schema = "{}".to_owned();
    for _ in 0..200 {
        schema = format!(r#"{{"properties":{{"a":{schema},"b":{{}}}}}}"#);
    }
    let body = format!(r#"{{"tools":[{{"name":"f","parameters":{schema}}}]}}"#);
    assert!(estimate(Api::Responses, &body) > 500);
    let deep = format!(r#"{{"messages":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(estimate(Api::ChatCompletions, &deep), 3 + 4);
}

fn show(prompt: &Prompt<'_>) -> String {
    let lines =
        prompt.messages.iter().map(|message| format!("{:?}: {:?}\n", message.role, message.text));
    let mut text: String = lines.collect();
    for (flag, name) in
        [(prompt.has_other_content, "other content\n"), (prompt.has_tools, "tools\n")]
    {
        text.push_str(if flag { name } else { "" });
    }
    text
}

fn check_prompt(api: Api, body: &str, expected: &Expect) {
    expected.assert_eq(&show(&parse(api, body).prompt()));
}

#[test]
fn prompts_of_chat() {
    check_prompt(
        Api::ChatCompletions,
        r#"{"messages":[{"role":"developer","content":"be brief"},
        {"content":[{"type":"text","text":"what is"},{"type":"text","text":"this?"},{"type":"image_url","image_url":{}}],"role":"user"},
        {"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}}]},
        {"role":"tool","tool_call_id":"c","content":"42"},{"role":"assistant","refusal":"no"},
        {"role":"user","content":[{"type":"input_audio","input_audio":{"data":"AA"}}]}],"tools":[]}"#,
        &expect![[r#"
            System: "be brief"
            User: "what is\nthis?"
            Assistant: "f\n{\"a\":1}"
            Tool: "42"
            Assistant: "no"
            User: ""
            other content
            tools
        "#]],
    );
}

#[test]
fn prompts_of_responses() {
    check_prompt(
        Api::Responses,
        r#"{"instructions":"be brief","input":"hi"}"#,
        &expect![[r#"
        System: "be brief"
        User: "hi"
    "#]],
    );
    check_prompt(
        Api::Responses,
        r#"{"instructions":null,"input":[{"role":"user","content":"hi"},
        {"type":"message","role":"assistant","content":[{"type":"output_text","text":"yes"}]},
        {"type":"function_call","call_id":"c","name":"f","arguments":"{}"},
        {"type":"function_call_output","call_id":"c","output":"42"},
        {"type":"function_call_output","call_id":"c","output":[{"type":"input_text","text":"43"},{"type":"input_file"}]},
        {"type":"computer_call_output","output":{"type":"computer_screenshot"}},
        {"type":"reasoning","summary":[{"type":"summary_text","text":"hm"}]},{"type":"item_reference","id":"i"},
        {"type":"strange","x":1}],"text":{"format":{"type":"json_schema","schema":{}}}}"#,
        &expect![[r#"
            User: "hi"
            Assistant: "yes"
            Assistant: "f\n{}"
            Tool: "42"
            Tool: "43"
            Tool: ""
            Assistant: "hm"
            User: "{\"type\":\"strange\",\"x\":1}"
            other content
            tools
        "#]],
    );
}

#[test]
fn prompts_of_anthropic() {
    check_prompt(
        Api::Messages,
        r#"{"system":[{"type":"text","text":"be"},{"type":"text","text":"brief"}],"messages":[{"role":"user","content":"hi"},
        {"role":"assistant","content":[{"type":"thinking","thinking":"hm"},{"type":"tool_use","name":"f","input":{"a":1}}]},
        {"role":"user","content":[{"type":"tool_result","content":[{"type":"text","text":"42"}]},{"type":"tool_result","content":"43"},
        {"type":"document","source":{"type":"text","data":"page"}},{"type":"document","source":{"type":"base64","data":"AA"}}]}]}"#,
        &expect![[r#"
            System: "be\nbrief"
            User: "hi"
            Assistant: "hm\nf\n{\"a\":1}"
            User: "42\n43\npage"
            other content
        "#]],
    );
}

#[test]
fn prompts_of_google() {
    check_prompt(
        Api::GenerateContent,
        r#"{"systemInstruction":{"parts":[{"text":"be brief"}]},"contents":[{"role":"user","parts":[{"text":"hi"}]},
        {"role":"model","parts":[{"functionCall":{"name":"f","args":{}}}]},
        {"role":"user","parts":[{"functionResponse":{"name":"f","response":{}}},{"fileData":{"mimeType":"video/mp4"}}]}]}"#,
        &expect![[r#"
            System: "be brief"
            User: "hi"
            Assistant: "{\"name\":\"f\",\"args\":{}}"
            User: "{\"name\":\"f\",\"response\":{}}"
            other content
        "#]],
    );
    check_prompt(
        Api::GenerateContent,
        r#"{"contents":{"parts":{"text":"hi"}}}"#,
        &expect![[r#"
        User: "hi"
    "#]],
    );
}

#[test]
fn the_text_of_a_prompt_can_leave_out_system_messages() {
    let body = r#"{"messages":[{"role":"system","content":"s"},{"role":"user","content":"a"},{"role":"user","content":""},{"role":"assistant","content":"b"}]}"#;
    let prompt = parse(Api::ChatCompletions, body).prompt();
    assert_eq!(prompt.n_dialog_messages(), 3);
    assert_eq!(prompt.text(SystemMessages::Include), "s\na\nb");
    assert_eq!(prompt.text(SystemMessages::Ignore), "a\nb");
}

fn edited(api: Api, body: &str, edit: impl FnOnce(&mut Edits<'_, '_>)) -> String {
    let request = parse(api, body);
    let mut edits = Edits::new(&request);
    edit(&mut edits);
    let is_empty = edits.is_empty();
    let changed = String::from_utf8(edits.apply()).unwrap();
    assert_eq!(is_empty, changed == body);
    // What comes out can be read by a strict parser.
    serde_json::from_str::<serde_json::Value>(&changed).unwrap();
    changed
}

#[test]
fn usage_is_asked_for_in_place() {
    let check = |body: &str, expected: &str| {
        assert_eq!(
            edited(Api::ChatCompletions, body, |edits| {
                edits.ask_for_usage();
            }),
            expected
        );
    };
    check(
        r#" {"stream":true , "x":[ 1,2 ]} "#,
        r#" {"stream_options":{"include_usage":true},"stream":true , "x":[ 1,2 ]} "#,
    );
    check(
        r#"{"stream":true,"stream_options":{"include_usage":false,"y":1}}"#,
        r#"{"stream":true,"stream_options":{"include_usage":true,"y":1}}"#,
    );
    check(
        r#"{"stream":true,"stream_options":{"y":1}}"#,
        r#"{"stream":true,"stream_options":{"include_usage":true,"y":1}}"#,
    );
    check(
        r#"{"stream":true,"stream_options":{}}"#,
        r#"{"stream":true,"stream_options":{"include_usage":true}}"#,
    );
    check(
        r#"{"stream":true,"stream_options":null}"#,
        r#"{"stream":true,"stream_options":{"include_usage":true}}"#,
    );
    check(
        r#"{"stream":true,"stream_options":{"include_usage":true}}"#,
        r#"{"stream":true,"stream_options":{"include_usage":true}}"#,
    );
    check(r#"{"stream":false}"#, r#"{"stream":false}"#);
    assert_eq!(
        edited(Api::Responses, r#"{"stream":true}"#, |edits| {
            edits.ask_for_usage();
        }),
        r#"{"stream":true}"#
    );
}

#[test]
fn completions_are_bounded_in_place() {
    let check = |api, body: &str, expected: &str| {
        assert_eq!(edited(api, body, |edits| edits.bound_completion(100, "gpt-4o")), expected);
    };
    check(Api::ChatCompletions, r#"{"max_tokens":  500 ,"n":1}"#, r#"{"max_tokens":  100 ,"n":1}"#);
    check(Api::ChatCompletions, r#"{"max_tokens":50}"#, r#"{"max_tokens":50}"#);
    check(Api::ChatCompletions, r#"{"max_tokens":50,"n":4}"#, r#"{"max_tokens":25,"n":4}"#);
    check(Api::ChatCompletions, r#"{"max_tokens":1e99}"#, r#"{"max_tokens":100}"#);
    check(Api::ChatCompletions, r#"{"max_tokens":null}"#, r#"{"max_tokens":100}"#);
    check(
        Api::ChatCompletions,
        r#"{"max_tokens":null,"max_completion_tokens":200}"#,
        r#"{"max_tokens":null,"max_completion_tokens":100}"#,
    );
    check(
        Api::ChatCompletions,
        r#"{"max_tokens":200,"max_tokens":300}"#,
        r#"{"max_tokens":100,"max_tokens":100}"#,
    );
    check(Api::ChatCompletions, r#"{"n":400}"#, r#"{"max_tokens":1,"n":400}"#);
    check(Api::ChatCompletions, "{}", r#"{"max_tokens":100}"#);
    check(Api::Responses, "{ }", r#"{"max_output_tokens":100 }"#);
    check(
        Api::GenerateContent,
        r#"{"contents":[]}"#,
        r#"{"generationConfig":{"maxOutputTokens":100},"contents":[]}"#,
    );
    check(
        Api::GenerateContent,
        r#"{"generationConfig":{"topK":1}}"#,
        r#"{"generationConfig":{"maxOutputTokens":100,"topK":1}}"#,
    );
    check(
        Api::GenerateContent,
        r#"{"generationConfig":null}"#,
        r#"{"generationConfig":{"maxOutputTokens":100}}"#,
    );
    check(
        Api::GenerateContent,
        r#"{"generationConfig":{"maxOutputTokens":900},"generationConfig":{"maxOutputTokens":200}}"#,
        r#"{"generationConfig":{"maxOutputTokens":100},"generationConfig":{"maxOutputTokens":100}}"#,
    );
    check(Api::Embeddings, r#"{"input":"x"}"#, r#"{"input":"x"}"#);
    for (model, name) in [
        ("o3-mini", "max_completion_tokens"),
        ("my-gpt-5", "max_completion_tokens"),
        ("pro1", "max_tokens"),
    ] {
        let body = edited(Api::ChatCompletions, "{}", |edits| edits.bound_completion(7, model));
        assert_eq!(body, format!(r#"{{"{name}":7}}"#));
    }
}

#[test]
fn the_model_is_replaced_in_place() {
    let check = |body: &str, expected: &str| {
        assert_eq!(
            edited(Api::ChatCompletions, body, |edits| edits.replace_model("a\"b")),
            expected
        );
    };
    check(r#"{"x":1,"model" : "gpt-4o"}"#, r#"{"x":1,"model" : "a\"b"}"#);
    check(r#"{"x":1}"#, r#"{"model":"a\"b","x":1}"#);
    check(r#"{"model":"a\u0022b"}"#, r#"{"model":"a\u0022b"}"#);
}

#[test]
fn several_edits_go_together() {
    let body =
        edited(Api::ChatCompletions, r#"{"model":"m","stream":true,"max_tokens":9}"#, |edits| {
            edits.bound_completion(5, "m");
            edits.replace_model("n");
            edits.ask_for_usage();
        });
    assert_eq!(
        body,
        r#"{"stream_options":{"include_usage":true},"model":"n","stream":true,"max_tokens":5}"#
    );
    let body = edited(Api::ChatCompletions, r#"{"stream":true}"#, |edits| {
        edits.replace_model("n");
        edits.bound_completion(5, "n");
    });
    assert_eq!(body, r#"{"model":"n","max_tokens":5,"stream":true}"#);
}

#[test]
fn mutated_bodies_are_read_or_refused() {
    let body = br#"{"model":"m","stream":true,"messages":[{"role":"user","content":[{"type":"text","text":"a\"b"},{"type":"image_url","image_url":{"detail":"low"}}]}],"tools":[{"type":"function","function":{"name":"f","parameters":{"properties":{"a":{"enum":[1]}}}}}],"max_tokens":5,"n":2,"generationConfig":{"maxOutputTokens":1}}"#;
    let mut numbers = Numbers(3);
    for _ in 0..500 {
        let mut bytes = body.to_vec();
        for _ in 0..2 {
            let at = numbers.place(bytes.len());
            bytes[at] = b"{}[]\",:\\\xff0n"[numbers.place(11)];
        }
        for api in [Api::ChatCompletions, Api::Responses, Api::Messages, Api::GenerateContent] {
            let Ok(request) = LlmRequest::parse(Some(api), &bytes, LIMIT) else { continue };
            request.prompt();
            request.estimate_prompt_tokens("gpt-4o");
            let mut edits = Edits::new(&request);
            edits.ask_for_usage();
            edits.bound_completion(3, "m");
            edits.replace_model("n");
            let changed = edits.apply();
            // What a strict parser reads stays readable.
            if serde_json::from_slice::<&serde_json::value::RawValue>(&bytes).is_ok() {
                serde_json::from_slice::<&serde_json::value::RawValue>(&changed).unwrap();
            }
        }
    }
}

#[test]
fn parameters_are_what_shapes_an_answer() {
    let names = |api: Api, body: &str| {
        let request = LlmRequest::parse(Some(api), body.as_bytes(), 1 << 20).unwrap();
        let shown = |it: Parameter<'_>| {
            format!("{}={}", String::from_utf8_lossy(&it.name), String::from_utf8_lossy(it.value))
        };
        request.parameters().into_iter().map(shown).collect::<Vec<_>>().join(" ")
    };
    let same = r#"{"tools":[ 1 ],"temperature":0.0,"stream":true,"user":"u","t\u0065st":{},"#;
    for (api, prompt) in [
        (Api::ChatCompletions, r#""messages":[]}"#),
        (Api::Completions, r#""prompt":"x"}"#),
        (Api::Responses, r#""input":"x","instructions":"y","metadata":{}}"#),
        (Api::Messages, r#""messages":[],"system":"x"}"#),
        (Api::GenerateContent, r#""contents":[],"systemInstruction":{},"system_instruction":{}}"#),
    ] {
        let body = format!("{same}{prompt}");
        assert_eq!(names(api, &body), "temperature=0.0 test={} tools=[ 1 ]", "{body}");
    }
    let twice = r#"{"n":2,"messages":[],"n":1}"#;
    assert_eq!(names(Api::ChatCompletions, twice), "n=2 n=1");
}

#[test]
fn the_rest_of_a_prompt_is_what_is_no_text() {
    let rest = |api: Api, body: &str, system: SystemMessages| {
        let request = LlmRequest::parse(Some(api), body.as_bytes(), 1 << 20).unwrap();
        String::from_utf8(request.rest(system)).unwrap()
    };
    let check = |api, body: &str, expected: &str| {
        assert_eq!(rest(api, body, SystemMessages::Include), expected, "{body}");
    };
    check(
        Api::ChatCompletions,
        r#"{"n":1,"messages":[{"role":"user","content":"a \\ \"b\" \u0063"}, {"role":"assistant","content":[{"type":"text","text":"d"}]}]}"#,
        r#"messages,{"role":"user","content":""},{"role":"assistant","content":[{"type":"text","text":""}]}"#,
    );
    // What nobody knows is not lost.
    check(
        Api::ChatCompletions,
        r#"{"messages":[{"role":"user","name":"x","content":[{"type":"video","video":{"url":"u"}}]}]}"#,
        r#"messages,{"role":"user","name":"x","content":[{"type":"video","video":{"url":"u"}}]}"#,
    );
    check(Api::Completions, r#"{"prompt":"a"}"#, r#"prompt"""#);
    check(Api::Completions, r#"{"prompt":["a","b"]}"#, r#"prompt,"","""#);
    check(
        Api::Responses,
        r#"{"instructions":"x","input":[{"type":"item_reference","id":"i"},{"role":"user","content":"a"}]}"#,
        r#"instructions""input,{"type":"item_reference","id":"i"},{"role":"user","content":""}"#,
    );
    let ignored = |api, body: &str, expected: &str| {
        assert_eq!(rest(api, body, SystemMessages::Ignore), expected, "{body}");
    };
    ignored(
        Api::ChatCompletions,
        r#"{"messages":[{"role":"system","name":"s","content":"x"},{"role":"user","content":"a"}]}"#,
        r#"messages,{"role":"user","content":""}"#,
    );
    ignored(Api::Responses, r#"{"instructions":"x","input":"a"}"#, r#"input"""#);
    ignored(Api::Messages, r#"{"system":[{"type":"text","text":"x"}],"messages":[]}"#, "messages");
    // Strings that do not end are no trouble.
    let mut out = Vec::new();
    for text in ["\"a", "\"a\\", "\"", "\\\""] {
        super::parameters::bare(text.as_bytes(), &std::collections::HashSet::new(), &mut out);
    }
}
