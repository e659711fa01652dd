//! Azure OpenAI, an OpenID issuer and managed identity endpoints on loopback.
