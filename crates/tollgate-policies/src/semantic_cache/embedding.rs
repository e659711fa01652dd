//! What a text means, asked of a model for embeddings.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method};
use serde_json::{Value, json};
use tollgate_engine::ports::{Call, CallError, CallToken, Embedding, Via};
use tollgate_engine::{RequestCx, Response};

/// What the gateway's own identity proves itself for.
const RESOURCE: &str = "https://cognitiveservices.azure.com/";

/// The version of Azure OpenAI's interface that is asked, unless the backend's `query` names one.
const API_VERSION: &str = "2024-10-21";
/// That of Azure AI's model inference.
const INFERENCE_VERSION: &str = "2024-05-01-preview";

/// Bytes of an answer that is read; the longest embedding takes a fifth of it.
const LONGEST_ANSWER: usize = 1 << 20;

/// Asks a backend for embeddings.
#[derive(Debug, Clone)]
pub(crate) struct Embedder {
    /// The gateway's own identity, for a backend without credentials of its own.
    token: Option<CallToken>,
}

/// Why a text has no embedding.
#[derive(Debug, Clone)]
pub(crate) enum Unembedded {
    /// The request's policies may make no more calls.
    Budget,
    /// The backend could not be asked.
    Call(CallError),
    /// It refused.
    Status(u16),
    /// It answered with something else than an embedding.
    Answer,
}

impl fmt::Display for Unembedded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Budget => f.write_str("the policies of this request may make no more requests"),
            Self::Call(error) => write!(f, "{error}"),
            Self::Status(status) => write!(f, "the backend for embeddings answered {status}"),
            Self::Answer => f.write_str("the backend for embeddings answered with no embedding"),
        }
    }
}

impl Embedder {
    /// As the gateway itself.
    pub(crate) fn new(ports: &tollgate_engine::Ports) -> Self {
        let source = ports.identities.source(None, RESOURCE);
        let token = |source| CallToken { source, is_optional: false };
        Self { token: source.ok().map(token) }
    }

    /// The embedding of a text. Dropping the future ends the call.
    pub(crate) async fn embed(
        &self,
        cx: &mut RequestCx,
        backend: &str,
        text: &str,
    ) -> Result<Embedding, Unembedded> {
        cx.calls_left = cx.calls_left.checked_sub(1).ok_or(Unembedded::Budget)?;
        let names = Arc::clone(&cx.route.names);
        let path = names.backend(backend).map(|url| url.path).unwrap_or_default();
        let mut headers = HeaderMap::new();
        for name in [ACCEPT, CONTENT_TYPE] {
            headers.insert(name, HeaderValue::from_static("application/json"));
        }
        let call = Call {
            method: Method::POST,
            url: default_query(&path).into(),
            headers,
            body: Bytes::from(json!({"input": text}).to_string()),
            timeout: Some(cx.ports.semantic_cache.settings().timeout),
            token: self.token.clone(),
            via: Via::default(),
            request_id: cx.client.request_id,
        };
        let response = names.call_backend(backend, call).await.map_err(Unembedded::Call)?;
        read(&response)
    }
}

/// What follows the URL of a backend for embeddings. Addresses of other services have no versions, and Azure's newest ones need
/// none.
fn default_query(path: &str) -> String {
    let version = if path.contains("/openai/deployments/") {
        API_VERSION
    } else if path.ends_with("/models/embeddings") {
        INFERENCE_VERSION
    } else {
        return String::new();
    };
    format!("?api-version={version}")
}

fn read(response: &Response) -> Result<Embedding, Unembedded> {
    if !response.status.is_success() {
        return Err(Unembedded::Status(response.status.as_u16()));
    }
    let body = response.body.bytes().filter(|body| body.len() <= LONGEST_ANSWER);
    let body = body.ok_or(Unembedded::Answer)?;
    let answer: Value = serde_json::from_slice(body).map_err(|_| Unembedded::Answer)?;
    let numbers = answer.pointer("/data/0/embedding").and_then(Value::as_array);
    let numbers = numbers.filter(|numbers| numbers.len() <= Embedding::MOST_DIMENSIONS);
    #[expect(clippy::cast_possible_truncation, reason = "models count in single precision")]
    let number = |number: &Value| Some(number.as_f64()? as f32);
    let numbers: Option<Vec<f32>> =
        numbers.and_then(|numbers| numbers.iter().map(number).collect());
    numbers.and_then(|numbers| Embedding::new(&numbers)).ok_or(Unembedded::Answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_named_where_they_are_needed() {
        for (path, expected) in [
            ("/openai/deployments/emb/embeddings", "?api-version=2024-10-21"),
            ("/models/embeddings", "?api-version=2024-05-01-preview"),
            ("/openai/v1/embeddings", ""),
            ("/v1/embeddings", ""),
            ("", ""),
        ] {
            assert_eq!(default_query(path), expected, "{path}");
        }
    }
}
