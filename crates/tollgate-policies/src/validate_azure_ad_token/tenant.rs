//! Tenants and sign-in endpoints of Microsoft Entra.

use std::sync::Arc;

use tollgate_engine::{PolicyError, Typed};
use tollgate_expr::{EvalState, Target};

use crate::base_url::BaseUrl;
use crate::token::guid;

/// The tenant of personal Microsoft accounts.
const CONSUMERS: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";

/// Whose tokens a policy accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tenant {
    pub(super) name: Name,
    /// The host of the URL it was given as.
    host: Option<Arc<str>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Name {
    /// One tenant, by its GUID.
    Id(Arc<str>),
    /// One tenant, by a domain of its own.
    Domain(Arc<str>),
    /// Any organisation's tenant, and personal accounts.
    Common,
    /// Any organisation's tenant.
    Organizations,
    /// Personal accounts.
    Consumers,
}

impl Typed for Tenant {
    const TARGET: Target = Target::Text;

    /// INVARIANT: what a tenant puts into an address is a GUID, a domain name or a known word, so that a tenant from a
    /// request cannot choose another document.
    fn parse(text: &str) -> Result<Self, String> {
        let wrong = || {
            "expected a GUID, a domain, `common`, `organizations`, `consumers`, or a URL with one of them".to_owned()
        };
        let text = text.trim();
        let (host, name) = match text.split_once("://") {
            None => (None, text),
            Some(("https", _)) => {
                let BaseUrl { url, query } = BaseUrl::parse(text).map_err(|_| wrong())?;
                let rest = text.splitn(4, '/').nth(3).unwrap_or("");
                let name = rest.strip_suffix("/v2.0").unwrap_or(rest).trim_end_matches('/');
                if !query.is_empty() || url.port != 443 {
                    return Err(wrong());
                }
                (Some(Arc::from(url.host.as_str())), name)
            }
            Some(_) => return Err(wrong()),
        };
        let name = match name.to_ascii_lowercase().as_str() {
            "common" => Name::Common,
            "organizations" => Name::Organizations,
            "consumers" => Name::Consumers,
            lower if guid(lower) => Name::Id(lower.into()),
            lower if is_domain(lower) => Name::Domain(lower.into()),
            _ => return Err(wrong()),
        };
        Ok(Self { name, host })
    }

    fn from_value(value: &tollgate_expr::Value, state: &EvalState) -> Result<Self, PolicyError> {
        let text = <Arc<str>>::from_value(value, state)?;
        Self::parse(&text).map_err(|why| PolicyError::unfit_value(format!("tenant-id: {why}.")))
    }
}

fn is_domain(text: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    text.len() <= 253 && text.contains('.') && text.split('.').all(label)
}

impl Tenant {
    /// The OpenID configurations of its v1 and v2 tokens.
    pub(super) fn configurations(&self, endpoint: &Endpoint) -> [String; 2] {
        let name = match &self.name {
            Name::Id(id) => id,
            Name::Domain(domain) => domain,
            Name::Common => "common",
            Name::Organizations => "organizations",
            Name::Consumers => "consumers",
        };
        let base = &endpoint.0;
        [
            format!("{base}/{name}/.well-known/openid-configuration"),
            format!("{base}/{name}/v2.0/.well-known/openid-configuration"),
        ]
    }

    /// Whether tokens of a tenant are accepted. What a domain stands for only the metadata's issuer knows.
    pub(super) fn accepts(&self, tenant: &str) -> bool {
        match &self.name {
            Name::Id(id) => id.eq_ignore_ascii_case(tenant),
            Name::Domain(_) | Name::Common => true,
            Name::Organizations => !tenant.eq_ignore_ascii_case(CONSUMERS),
            Name::Consumers => tenant.eq_ignore_ascii_case(CONSUMERS),
        }
    }

    /// Whether it is one tenant, so that its metadata names an issuer and not a template for any.
    pub(super) fn is_single(&self) -> bool {
        matches!(self.name, Name::Id(_) | Name::Domain(_))
    }

    /// Whether the URL it was given as, if any, is one of the endpoint.
    pub(super) fn check_endpoint(&self, endpoint: &Endpoint) -> Result<(), String> {
        match &self.host {
            Some(host) if !endpoint.is_host(host) => {
                Err(format!("set `authentication-endpoint` to `{host}` if this is meant"))
            }
            _ => Ok(()),
        }
    }
}

/// A sign-in endpoint, without a slash at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Endpoint(Arc<str>);

impl Endpoint {
    fn is_host(&self, host: &str) -> bool {
        let own = self.0.split_once("://").map_or("", |(_, rest)| rest);
        own.split([':', '/']).next() == Some(host)
    }
}

impl Typed for Endpoint {
    const TARGET: Target = Target::Text;

    fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim().trim_end_matches('/');
        let with_scheme =
            if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
        let BaseUrl { query, .. } = BaseUrl::parse(&with_scheme)?;
        let plain =
            with_scheme.starts_with("http") && !with_scheme.contains("..") && query.is_empty();
        if plain {
            Ok(Self(with_scheme.into()))
        } else {
            Err("expected a host or an `https://` URL".to_owned())
        }
    }

    fn from_value(value: &tollgate_expr::Value, state: &EvalState) -> Result<Self, PolicyError> {
        let text = <Arc<str>>::from_value(value, state)?;
        Self::parse(&text).map_err(|why| {
            PolicyError::unfit_value(format_args!("authentication-endpoint: {why}."))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0";

    fn check(text: &str, expected: Option<&str>) {
        let endpoint = Endpoint::parse("login.microsoftonline.com").unwrap();
        let parsed =
            Tenant::parse(text).ok().filter(|tenant| tenant.check_endpoint(&endpoint).is_ok());
        let url = parsed.map(|tenant| tenant.configurations(&endpoint)[1].clone());
        let expected = expected.map(|name| {
            format!(
                "https://login.microsoftonline.com/{name}/v2.0/.well-known/openid-configuration"
            )
        });
        assert_eq!(url, expected, "{text}");
    }

    #[test]
    fn forms_of_tenants() {
        check(ID, Some(ID));
        check(&ID.to_uppercase(), Some(ID));
        check(&format!(" {ID} "), Some(ID));
        check("Contoso.OnMicrosoft.com", Some("contoso.onmicrosoft.com"));
        check("common", Some("common"));
        check("organizations", Some("organizations"));
        check("consumers", Some("consumers"));
        check(&format!("https://login.microsoftonline.com/{ID}"), Some(ID));
        check(&format!("https://login.microsoftonline.com/{ID}/v2.0"), Some(ID));
        check("https://login.microsoftonline.com/common/", Some("common"));
    }

    #[test]
    fn nothing_else_reaches_an_address() {
        for text in [
            "",
            "..",
            "contoso",
            "a.b/../common",
            "a.b?x=1",
            "a.b#x",
            "a.b%2f",
            "a.b\\c",
            "a..b",
            "-a.b",
            "a.b@evil.example",
            "evil.example:443/a.b",
            "https://evil.example/common",
            "https://login.microsoftonline.com.evil.example/common",
            "https://login.microsoftonline.com@evil.example/common",
            "https://login.microsoftonline.com:444/common",
            "https://login.microsoftonline.com/common?x=1",
            "https://login.microsoftonline.com/a/b",
            "https://login.microsoftonline.com/",
            "http://login.microsoftonline.com/common",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn endpoints() {
        for (text, expected) in [
            ("login.microsoftonline.us", Some("https://login.microsoftonline.us")),
            ("https://login.microsoftonline.com/", Some("https://login.microsoftonline.com")),
            ("http://127.0.0.1:8080/entra", Some("http://127.0.0.1:8080/entra")),
            ("", None),
            ("https://a b", None),
            ("https://h/../x", None),
            ("https://h?x", None),
        ] {
            assert_eq!(
                Endpoint::parse(text).ok().as_ref().map(|endpoint| &*endpoint.0),
                expected,
                "{text}"
            );
        }
    }
}
