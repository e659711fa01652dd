//! Who may call: keys and tokens, both really checked.

use crate::entra::Refused;
use crate::exchange::Exchange;
use crate::openai::OpenAi;
use crate::openai::errors::ApiError;

/// Audience of Azure OpenAI's tokens.
pub(crate) const COGNITIVE_SERVICES: &str = "https://cognitiveservices.azure.com";
/// Audience of a Foundry project's tokens.
pub(crate) const FOUNDRY: &str = "https://ai.azure.com";

/// Where a path takes a key from, beside the `api-key` header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keys {
    /// Nowhere else.
    Header,
    /// `Authorization: Bearer` too, as OpenAI's own clients send it.
    HeaderOrBearer,
    /// The `api-key` query parameter too: browsers cannot set headers on a WebSocket handshake.
    HeaderOrQuery,
    /// Both of these.
    Anywhere,
    /// Keys are not taken at all.
    None,
}

/// Who called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    Key,
    /// Object id of a principal of Entra.
    Principal(String),
}

impl OpenAi {
    /// Lets the request in, or says why not.
    pub(crate) fn admit(
        &self,
        exchange: &Exchange,
        keys: Keys,
        audience: &str,
    ) -> Result<Caller, ApiError> {
        let query = exchange.query();
        let in_query = matches!(keys, Keys::HeaderOrQuery | Keys::Anywhere)
            .then(|| query.first("api-key"))
            .flatten();
        let key = exchange
            .header("api-key")
            .or_else(|| exchange.header("ocp-apim-subscription-key"))
            .or(in_query)
            .filter(|_| keys != Keys::None);
        if let Some(key) = key {
            return self.admit_key(key);
        }
        let mut authorizations = exchange.headers().get_all("authorization").iter();
        let (first, second) = (authorizations.next(), authorizations.next());
        let bearer = first
            .filter(|_| second.is_none())
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim())
            .ok_or_else(|| ApiError::bad_token(audience))?;
        let as_bearer = matches!(keys, Keys::HeaderOrBearer | Keys::Anywhere);
        if as_bearer && self.is_key(bearer) {
            return self.admit_key(bearer);
        }
        self.admit_token(exchange, bearer, audience)
    }

    fn admit_key(&self, key: &str) -> Result<Caller, ApiError> {
        if self.state.controls.read().keys_disabled {
            return Err(ApiError::keys_disabled());
        }
        if self.is_key(key) { Ok(Caller::Key) } else { Err(ApiError::bad_key()) }
    }

    fn is_key(&self, key: &str) -> bool {
        self.state.controls.read().keys.iter().any(|known| known == key)
    }

    fn admit_token(
        &self,
        exchange: &Exchange,
        token: &str,
        audience: &str,
    ) -> Result<Caller, ApiError> {
        // The service takes its audience with and without a slash at the end.
        let accepted = |aud: &str| aud.strip_suffix('/').unwrap_or(aud) == audience;
        let claims = self.state.entra.verify(token, accepted).map_err(|refused: Refused| {
            self.state.last_refusal.lock().replace(refused.to_string());
            ApiError::bad_token(audience)
        })?;
        let tenant = claims.text("tid").unwrap_or_default();
        if tenant != self.state.entra.tenant_id() {
            return Err(ApiError::other_tenant(tenant));
        }
        let principal = claims.text("oid").unwrap_or_default();
        let permitted = self
            .state
            .controls
            .read()
            .principals
            .as_ref()
            .is_none_or(|only| only.contains(principal));
        if permitted {
            Ok(Caller::Principal(principal.to_owned()))
        } else if audience == FOUNDRY {
            Err(ApiError::no_foundry_permission(principal, exchange.method().as_str()))
        } else {
            Err(ApiError::no_permission())
        }
    }
}
