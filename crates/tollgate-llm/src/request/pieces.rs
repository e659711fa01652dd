//! What a prompt consists of, in the order of the body, for every protocol.

use std::borrow::Cow;

use crate::api::Api;
use crate::json::Value;

use super::prompt::Role;

/// A piece of a prompt.
#[derive(Debug)]
pub(super) enum Piece<'a> {
    /// A message begins; the name of its role is as it is written.
    Message(Role, Cow<'a, str>),
    /// The name of a message's author.
    Name(Cow<'a, str>),
    /// Text of the message that began last.
    Text(Cow<'a, str>),
    /// Data of the message that began last, which a model reads as text: arguments of calls, results of tools.
    Data(Cow<'a, str>),
    /// A picture.
    Image {
        /// Whether it is to be seen at low detail.
        low: bool,
    },
    /// Something else that is not text: audio, files.
    Other,
    /// Text that comes as tokens, so many of them.
    Tokens(u64),
    /// The list of the tools that the model may use.
    Tools(Value<'a>),
    /// A schema that the answer is to follow.
    Schema(Value<'a>),
}

type Each<'f, 'a> = &'f mut dyn FnMut(Piece<'a>);

/// Gives every piece of the prompt of a request.
pub(super) fn walk<'a>(api: Api, body: Value<'a>, each: Each<'_, 'a>) {
    match api {
        Api::ChatCompletions => chat(body, each),
        Api::Responses => responses(body, each),
        Api::Messages => anthropic(body, each),
        Api::GenerateContent => google(body, each),
        Api::Completions | Api::Images => plain(body.get("prompt"), each),
        Api::Embeddings | Api::Audio => plain(body.get("input"), each),
        Api::Realtime => {}
    }
}

fn chat<'a>(body: Value<'a>, each: Each<'_, 'a>) {
    for message in body.get("messages").into_iter().flat_map(Value::items) {
        chat_message(message, each);
    }
    for name in ["tools", "functions"] {
        if let Some(tools) = body.get(name) {
            each(Piece::Tools(tools));
        }
    }
    let format = body.get("response_format").and_then(|format| format.get("json_schema"));
    if let Some(schema) = format {
        each(Piece::Schema(schema));
    }
}

fn begin<'a>(role: Option<Cow<'a, str>>, each: Each<'_, 'a>) {
    let role = role.unwrap_or(Cow::Borrowed("user"));
    each(Piece::Message(Role::of_name(&role), role));
}

fn chat_message<'a>(message: Value<'a>, each: Each<'_, 'a>) {
    begin(message.text_of("role"), each);
    for member in message.members() {
        match &*member.name() {
            b"content" | b"refusal" | b"reasoning_content" => content(member.value, each),
            b"name" => {
                if let Some(name) = member.value.string() {
                    each(Piece::Name(name));
                }
            }
            b"tool_calls" => {
                for call in member.value.items() {
                    // Custom tools have `custom` in place of `function`.
                    let function = call.get("function").or_else(|| call.get("custom"));
                    if let Some(function) = function {
                        called(function, each);
                    }
                }
            }
            b"function_call" => called(member.value, each),
            _ => {}
        }
    }
}

/// A call of a function: its name and arguments.
fn called<'a>(call: Value<'a>, each: Each<'_, 'a>) {
    for name in ["name", "arguments", "input"] {
        if let Some(value) = call.get(name) {
            each(Piece::Data(text_or_json(value)));
        }
    }
}

/// What a string says, or the text of any other value.
fn text_or_json(value: Value<'_>) -> Cow<'_, str> {
    value.string().unwrap_or_else(|| String::from_utf8_lossy(value.raw()))
}

/// The content of a message: a string, a list of parts, or one part.
fn content<'a>(value: Value<'a>, each: Each<'_, 'a>) {
    if let Some(text) = value.string() {
        each(Piece::Text(text));
    } else if value.is_object() {
        part(value, each);
    } else {
        for item in value.items() {
            match item.string() {
                Some(text) => each(Piece::Text(text)),
                None => part(item, each),
            }
        }
    }
}

fn part<'a>(part: Value<'a>, each: Each<'_, 'a>) {
    let kind = part.text_of("type").unwrap_or_default();
    let text = |name: &str| part.text_of(name).map(Piece::Text);
    let piece = match &*kind {
        "refusal" => text("refusal"),
        "thinking" => text("thinking"),
        "image_url" | "input_image" | "image" => Some(image(part)),
        "tool_use" | "server_tool_use" => return called(part, each),
        "tool_result" => {
            return part.get("content").into_iter().for_each(|result| results(result, each));
        }
        "document" => part
            .get("source")
            .filter(|source| source.text_of("type").is_some_and(|t| t == "text"))
            .and_then(|source| source.text_of("data"))
            .map(Piece::Text),
        _ => text("text"),
    };
    match piece {
        Some(piece) => each(piece),
        None => google_part(part, each),
    }
}

/// What a tool answered: text and pictures like a message's, one level deep.
fn results<'a>(result: Value<'a>, each: Each<'_, 'a>) {
    if let Some(text) = result.string() {
        return each(Piece::Data(text));
    }
    for item in result.items() {
        match item.text_of("text") {
            Some(text) => each(Piece::Data(text)),
            None if item.text_of("type").is_some_and(|t| t == "image" || t == "input_image") => {
                each(image(item));
            }
            None => each(Piece::Other),
        }
    }
}

fn image(part: Value<'_>) -> Piece<'_> {
    let nested = part.get("image_url").and_then(|url| url.text_of("detail"));
    let detail = part.text_of("detail").or(nested);
    Piece::Image { low: detail.is_some_and(|detail| detail == "low") }
}

fn google_part<'a>(part: Value<'a>, each: Each<'_, 'a>) {
    for member in part.members() {
        match &*member.name() {
            b"functionCall"
            | b"function_call"
            | b"functionResponse"
            | b"function_response"
            | b"executableCode"
            | b"codeExecutionResult" => {
                each(Piece::Data(String::from_utf8_lossy(member.value.raw())));
            }
            b"inlineData" | b"inline_data" | b"fileData" | b"file_data" => {
                let named = |name| member.value.text_of(name);
                let kind = named("mimeType").or_else(|| named("mime_type")).unwrap_or_default();
                let is_image = kind.starts_with("image/");
                each(if is_image { Piece::Image { low: false } } else { Piece::Other });
            }
            b"input_audio" | b"file" | b"file_id" | b"source" => each(Piece::Other),
            _ => {}
        }
    }
}

fn responses<'a>(body: Value<'a>, each: Each<'_, 'a>) {
    if let Some(instructions) = body.get("instructions").filter(|value| !value.is_null()) {
        system(instructions, each);
    }
    match body.get("input") {
        Some(input) if input.is_string() => {
            begin(None, each);
            content(input, each);
        }
        Some(input) => input.items().for_each(|item| response_item(item, each)),
        None => {}
    }
    if let Some(variables) = body.get("prompt").and_then(|prompt| prompt.get("variables")) {
        each(Piece::Data(String::from_utf8_lossy(variables.raw())));
    }
    if let Some(tools) = body.get("tools") {
        each(Piece::Tools(tools));
    }
    let schema = body.get("text").and_then(|text| text.get("format")?.get("schema"));
    if let Some(schema) = schema {
        each(Piece::Schema(schema));
    }
}

fn system<'a>(text: Value<'a>, each: Each<'_, 'a>) {
    begin(Some(Cow::Borrowed("system")), each);
    content(text, each);
}

fn response_item<'a>(item: Value<'a>, each: Each<'_, 'a>) {
    let role = item.text_of("role");
    if role.is_some() {
        begin(role, each);
        return item.get("content").into_iter().for_each(|value| content(value, each));
    }
    let kind = item.text_of("type").unwrap_or_default();
    match &*kind {
        // The backend has it; how long it is only the backend knows.
        "item_reference" => {}
        "reasoning" => {
            begin(Some(Cow::Borrowed("assistant")), each);
            for name in ["summary", "content"] {
                item.get(name).into_iter().for_each(|value| content(value, each));
            }
        }
        kind if kind.ends_with("_output") => {
            begin(Some(Cow::Borrowed("tool")), each);
            match item.get("output") {
                Some(output) if output.is_object() => match output.text_of("type") {
                    Some(kind) if kind.contains("screenshot") => each(Piece::Image { low: false }),
                    _ => each(Piece::Data(text_or_json(output))),
                },
                Some(output) => results(output, each),
                None => {}
            }
        }
        kind if kind.ends_with("_call") => {
            begin(Some(Cow::Borrowed("assistant")), each);
            called(item, each);
            if let Some(action) = item.get("action") {
                each(Piece::Data(text_or_json(action)));
            }
        }
        _ => {
            begin(None, each);
            each(Piece::Data(text_or_json(item)));
        }
    }
}

fn anthropic<'a>(body: Value<'a>, each: Each<'_, 'a>) {
    if let Some(text) = body.get("system") {
        system(text, each);
    }
    for message in body.get("messages").into_iter().flat_map(Value::items) {
        chat_message(message, each);
    }
    if let Some(tools) = body.get("tools") {
        each(Piece::Tools(tools));
    }
}

fn google<'a>(body: Value<'a>, each: Each<'_, 'a>) {
    let instruction = body.get("systemInstruction").or_else(|| body.get("system_instruction"));
    let instruction = instruction.and_then(|instruction| instruction.get("parts"));
    if let Some(parts) = instruction {
        system(parts, each);
    }
    if let Some(contents) = body.get("contents") {
        let one = contents.is_object().then_some(contents);
        for message in one.into_iter().chain(contents.items()) {
            begin(message.text_of("role"), each);
            message.get("parts").into_iter().for_each(|parts| content(parts, each));
        }
    }
    for tools in body.get("tools").into_iter().flat_map(Value::items) {
        let named = |name| tools.get(name);
        if let Some(functions) =
            named("functionDeclarations").or_else(|| named("function_declarations"))
        {
            each(Piece::Tools(functions));
        }
    }
    let schema = body.get("generationConfig").and_then(|config| config.get("responseSchema"));
    if let Some(schema) = schema {
        each(Piece::Schema(schema));
    }
}

/// Text without messages: a string, a list of strings, a list of tokens, or a list of such lists.
fn plain<'a>(input: Option<Value<'a>>, each: Each<'_, 'a>) {
    let Some(input) = input else { return };
    if let Some(text) = input.string() {
        return each(Piece::Text(text));
    }
    let mut tokens = 0;
    for item in input.items() {
        if let Some(text) = item.string() {
            each(Piece::Text(text));
        } else if item.is_array() {
            tokens += item.items().count() as u64;
        } else if item.is_object() {
            part(item, each);
        } else {
            tokens += 1;
        }
    }
    if tokens > 0 {
        each(Piece::Tokens(tokens));
    }
}
