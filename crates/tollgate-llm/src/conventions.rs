//! What OpenTelemetry's conventions for generative AI call things.

use crate::api::Api;

impl Api {
    /// `gen_ai.operation.name`.
    pub fn operation(self) -> &'static str {
        match self {
            Self::ChatCompletions | Self::Responses | Self::Messages | Self::Realtime => "chat",
            Self::Completions => "text_completion",
            Self::Embeddings => "embeddings",
            Self::Images | Self::Audio | Self::GenerateContent => "generate_content",
        }
    }

    /// `gen_ai.provider.name`, by the path of the request. A protocol that others speak as well is its maker's.
    ///
    /// ```
    /// use tollgate_llm::Api;
    ///
    /// let path = "/openai/deployments/gpt-4o/chat/completions";
    /// assert_eq!(Api::ChatCompletions.provider(path), "azure.ai.openai");
    /// ```
    pub fn provider(self, path: &str) -> &'static str {
        match self {
            _ if path.contains("/publishers/") => "gcp.vertex_ai",
            Self::Messages => "anthropic",
            Self::GenerateContent => "gcp.gemini",
            _ if path.starts_with("/openai/") || path.contains("/deployments/") => {
                "azure.ai.openai"
            }
            _ if path.starts_with("/models/") => "azure.ai.inference",
            _ => "openai",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn providers_are_told_by_the_path() {
        for (api, path, provider) in [
            (Api::ChatCompletions, "/openai/v1/chat/completions", "azure.ai.openai"),
            (Api::ChatCompletions, "/models/chat/completions", "azure.ai.inference"),
            (Api::Responses, "/v1/responses", "openai"),
            (Api::Messages, "/anthropic/v1/messages", "anthropic"),
            (Api::Messages, "/v1/publishers/anthropic/models/c:rawPredict", "gcp.vertex_ai"),
            (Api::GenerateContent, "/v1beta/models/g:generateContent", "gcp.gemini"),
            (
                Api::GenerateContent,
                "/v1/publishers/google/models/g:generateContent",
                "gcp.vertex_ai",
            ),
        ] {
            assert_eq!(api.provider(path), provider, "{path}");
        }
    }
}
