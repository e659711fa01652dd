//! Embeddings: the same vector for the same text, and close vectors for texts that share words.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::StatusCode;
use serde_json::{Value, json};

use crate::openai::deployments::{ModelKind, Remaining};
use crate::openai::errors::ApiError;
use crate::openai::text::tokens;
use crate::openai::{Call, OpenAi};
use crate::reply::{Reply, json as json_reply};

/// Inputs of one call.
const MAX_INPUTS: usize = 2_048;
/// Words of a text that have a part in its vector.
const MAX_WORDS: usize = 512;

impl OpenAi {
    pub(super) fn embeddings(&self, call: &Call) -> Result<(Reply, Remaining), ApiError> {
        call.needs(ModelKind::Embeddings, "embeddings")?;
        let inputs = read_inputs(call.body.get("input"))?;
        let most = if call.deployment.model.contains("large") { 3_072 } else { 1_536 };
        let n_dimensions = call.number("dimensions")?.unwrap_or(most);
        if n_dimensions > most {
            let message = format!("Invalid value for 'dimensions': expected a value <= {most}.");
            return Err(ApiError::wrong_value("dimensions", &message));
        }
        let encode: fn(&[f32]) -> Value =
            match call.body.get("encoding_format").and_then(Value::as_str) {
                None | Some("float") => |vector| json!(vector),
                Some("base64") => |vector| {
                    let bytes: Vec<u8> =
                        vector.iter().flat_map(|number| number.to_le_bytes()).collect();
                    json!(STANDARD.encode(bytes))
                },
                Some(_) => {
                    let message =
                        "Invalid value for 'encoding_format': expected one of 'float', 'base64'.";
                    return Err(ApiError::wrong_value("encoding_format", message));
                }
            };
        let n_tokens = inputs.iter().map(|input| tokens(input)).sum();
        let remaining = self.take(call, n_tokens)?;
        let n_dimensions = usize::try_from(n_dimensions).unwrap_or(1);
        let data = inputs.iter().enumerate().map(|(index, input)| {
            json!({"object": "embedding", "index": index, "embedding": encode(&vector(input, n_dimensions))})
        });
        let mut body = json!({
            "object": "list",
            "data": data.collect::<Vec<_>>(),
            "model": call.deployment.model,
            "usage": {"prompt_tokens": n_tokens, "total_tokens": n_tokens},
        });
        self.strip([&mut body]);
        Ok((json_reply(StatusCode::OK, &body), remaining))
    }
}

fn read_inputs(input: Option<&Value>) -> Result<Vec<String>, ApiError> {
    let inputs = match input {
        None | Some(Value::Null) => return Err(ApiError::missing("input")),
        Some(Value::String(text)) => vec![text.clone()],
        // A list of texts, of lists of token numbers, or of token numbers.
        Some(Value::Array(items)) if items.iter().all(Value::is_number) && !items.is_empty() => {
            vec![numbers(items)]
        }
        Some(Value::Array(items)) => items
            .iter()
            .map(|item| match item {
                Value::String(text) => Ok(text.clone()),
                Value::Array(tokens) => Ok(numbers(tokens)),
                _ => Err(ApiError::wrong_type("input", "a string or an array of strings")),
            })
            .collect::<Result<_, _>>()?,
        Some(_) => return Err(ApiError::wrong_type("input", "a string or an array of strings")),
    };
    if inputs.is_empty() || inputs.len() > MAX_INPUTS || inputs.iter().any(String::is_empty) {
        return Err(ApiError::wrong_value(
            "input",
            "'$.input' is invalid. Please check the API reference.",
        ));
    }
    Ok(inputs)
}

fn numbers(tokens: &[Value]) -> String {
    tokens.iter().map(Value::to_string).collect::<Vec<_>>().join(" ")
}

/// The sum of one pseudo-random vector for each word, of length 1.
fn vector(text: &str, n_dimensions: usize) -> Vec<f32> {
    let mut sum = vec![0f32; n_dimensions];
    for word in text.split_whitespace().take(MAX_WORDS) {
        let word = word.trim_matches(|letter: char| !letter.is_alphanumeric()).to_lowercase();
        let seed = digest(&SHA256, word.as_bytes());
        let mut state =
            seed.as_ref().iter().take(8).fold(0u64, |state, byte| state << 8 | u64::from(*byte));
        for number in &mut sum {
            *number += next(&mut state);
        }
    }
    let length = sum.iter().map(|number| number * number).sum::<f32>().sqrt();
    if length > 0.0 {
        for number in &mut sum {
            *number /= length;
        }
    }
    sum
}

/// The next number of a splitmix64 sequence, between -1 and 1.
fn next(state: &mut u64) -> f32 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    let high = u16::try_from((mixed ^ mixed >> 31) >> 48).unwrap_or_default();
    f32::from(high) / 32_767.5 - 1.0
}

#[cfg(test)]
mod tests {
    use super::vector;

    fn cosine(left: &str, right: &str) -> f32 {
        vector(left, 1_536).iter().zip(vector(right, 1_536)).map(|(a, b)| a * b).sum()
    }

    #[test]
    fn texts_that_share_words_are_close() {
        assert!((cosine("What is the weather?", "what is THE weather") - 1.0).abs() < 1e-4);
        assert!(cosine("what is the weather in Paris", "what is the weather in Rome") > 0.7);
        assert!(cosine("what is the weather", "translate this sentence please").abs() < 0.2);
    }
}
