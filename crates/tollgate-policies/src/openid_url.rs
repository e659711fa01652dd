//! Addresses of OpenID configurations.

use std::sync::Arc;

use tollgate_engine::{PolicyError, Typed};
use tollgate_expr::{EvalState, Target};

use crate::base_url::BaseUrl;

/// The address of an OpenID configuration, as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OpenIdUrl(pub(crate) Arc<str>);

impl Typed for OpenIdUrl {
    const TARGET: Target = Target::Text;

    fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        BaseUrl::parse(text)?;
        // Dot segments would let a tenant from a request choose another document of the host.
        let path = text.split('?').next().unwrap_or(text);
        let lower = path.to_ascii_lowercase().replace("%2e", ".").replace("%2f", "/");
        if !text.starts_with("http")
            || lower.split('/').any(|segment| segment == "." || segment == "..")
        {
            return Err("expected an `https://` or `http://` URL without dot segments".to_owned());
        }
        Ok(Self(text.into()))
    }

    fn from_value(value: &tollgate_expr::Value, state: &EvalState) -> Result<Self, PolicyError> {
        let text = <Arc<str>>::from_value(value, state)?;
        Self::parse(&text).map_err(|why| PolicyError::unfit_value(format!("url: {why}.")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_urls() {
        assert!(
            OpenIdUrl::parse("https://host/t/.well-known/openid-configuration?appid=1").is_ok()
        );
        for text in [
            "",
            "host",
            "wss://h/",
            "https://h/../x",
            "https://h/a/%2e%2E/x",
            "https://u@h/",
            "https://h/a b",
        ] {
            assert!(OpenIdUrl::parse(text).is_err(), "{text}");
        }
    }
}
