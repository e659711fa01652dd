//! How many tokens a prompt will be, by OpenAI's documented rules.
//!
//! Messages: <https://cookbook.openai.com/examples/how_to_count_tokens_with_tiktoken>, as are tools. Images: Azure counts
//! at most 1200 each when it estimates; OpenAI documents less for low detail. What is not documented (calls and results of
//! tools, schemas, the protocols of others) is counted as the text that it is. Files, audio and what a backend keeps
//! (`previous_response_id`) are counted as nothing: only the backend can know.

use crate::json::{Brackets, Value};
use crate::tokens::{Encoding, is_of_family};

use super::LlmRequest;
use super::pieces::{Piece, walk};

const PER_MESSAGE: u64 = 3;
const PER_NAME: u64 = 1;
/// Every answer is primed with the beginning of the assistant's message.
const PRIMING: u64 = 3;
/// What Azure takes for an image at most.
const IMAGE: u64 = 1200;
/// An image at low detail is this many tokens, by the family of the model; 85 for all others. OpenAI documents 2833 for
/// gpt-4o-mini, which Azure's maximum bounds.
const LOW_IMAGES: &[(&str, u64)] = &[("gpt-4o-mini", IMAGE), ("gpt-5", 70), ("o1", 75), ("o3", 75)];
const LOW_IMAGE: u64 = 85;

const FUNCTION_END: u64 = 12;
const PROPERTIES: u64 = 3;
const PROPERTY: u64 = 3;
/// The first item of an enumeration costs nothing besides its text.
const ENUMERATED: u64 = 3;
/// Levels of properties within properties that are counted as such; what is deeper counts as its JSON.
const MAX_LEVELS: usize = 8;

impl LlmRequest<'_> {
    /// The tokens of the prompt as the backend will count it, or close to it. Linear in the length of the body.
    ///
    /// Reading: 3 for each message and the tokens of its role, 1 for a name, 3 for the answer's priming; tools by the
    /// formula for functions; 1200 for an image, fewer at low detail. Embeddings and completions are their text alone.
    ///
    /// `model` tells the encoding and what images cost: the body's model, or what the path's deployment is of.
    pub fn estimate_prompt_tokens(&self, model: &str) -> u64 {
        let encoding = Encoding::of_model(model);
        let mut total = 0_u64;
        let mut is_dialog = false;
        // Looking up the brackets once spares looking through the messages for every name that is asked for.
        let mut brackets = Brackets::default();
        let root = Value::of_indexed(self.body, &mut brackets).unwrap_or(self.root);
        walk(self.api, root, &mut |piece| {
            is_dialog |= matches!(piece, Piece::Message(..));
            total = total.saturating_add(tokens_of(&piece, encoding, model));
        });
        if is_dialog { total.saturating_add(PRIMING) } else { total }
    }
}

fn tokens_of(piece: &Piece<'_>, encoding: Encoding, model: &str) -> u64 {
    match piece {
        Piece::Message(_, role) => PER_MESSAGE + encoding.count(role),
        Piece::Name(name) => PER_NAME + encoding.count(name),
        Piece::Text(text) | Piece::Data(text) => encoding.count(text),
        Piece::Image { low: false } => IMAGE,
        Piece::Image { low: true } => {
            let known = LOW_IMAGES.iter().find(|(family, _)| is_of_family(model, family));
            known.map_or(LOW_IMAGE, |(_, tokens)| *tokens)
        }
        Piece::Other => 0,
        Piece::Tokens(tokens) => *tokens,
        Piece::Tools(tools) => tools_tokens(*tools, encoding),
        Piece::Schema(schema) => json_tokens(*schema, encoding),
    }
}

fn json_tokens(value: Value<'_>, encoding: Encoding) -> u64 {
    encoding.count(&String::from_utf8_lossy(value.raw()))
}

fn tools_tokens(tools: Value<'_>, encoding: Encoding) -> u64 {
    let each = tools.items().map(|tool| tool_tokens(tool, encoding)).sum::<u64>();
    if each == 0 { 0 } else { each + FUNCTION_END }
}

fn tool_tokens(tool: Value<'_>, encoding: Encoding) -> u64 {
    // Chat nests what Responses, Anthropic, Google and the older `functions` have in the tool itself.
    let function = tool.get("function").unwrap_or(tool);
    let Some(name) = function.text_of("name") else { return json_tokens(tool, encoding) };
    let init = match encoding {
        Encoding::O200k => 7,
        Encoding::Cl100k => 10,
    };
    let description = description(function);
    let line = encoding.count(&format!("{name}:{description}"));
    let schema = ["parameters", "input_schema"].iter().find_map(|name| function.get(name));
    let properties = schema.map_or(0, |schema| properties_tokens(schema, encoding, MAX_LEVELS));
    init + line + properties
}

/// What a description says, without the full stop at its end, as the documented formula has it.
fn description(value: Value<'_>) -> String {
    let text = value.text_of("description").unwrap_or_default();
    text.strip_suffix('.').unwrap_or(&text).to_owned()
}

/// The properties of an object's schema. The recursion is as deep as `levels`.
fn properties_tokens(schema: Value<'_>, encoding: Encoding, levels: usize) -> u64 {
    let Some(properties) = schema.get("properties") else { return 0 };
    if levels == 0 {
        return json_tokens(properties, encoding);
    }
    let mut total = 0;
    for property in properties.members() {
        let kind = property.value.get("type").and_then(Value::string).unwrap_or_default();
        let description = description(property.value);
        let name = property.name();
        let line = format!("{}:{kind}:{description}", String::from_utf8_lossy(&name));
        total += PROPERTY + encoding.count(&line);
        let items = property.value.get("enum").into_iter().flat_map(Value::items);
        let items = items.map(|item| match item.string() {
            Some(text) => ENUMERATED + encoding.count(&text),
            None => ENUMERATED + json_tokens(item, encoding),
        });
        let items = items.sum::<u64>();
        total += items.saturating_sub(ENUMERATED);
        let inner = property.value.get("items").unwrap_or(property.value);
        total += properties_tokens(inner, encoding, levels - 1);
    }
    if total == 0 { 0 } else { PROPERTIES + total }
}
