//! OpenID configuration and instance discovery documents as Entra writes them.

use serde_json::{Value, json};

use crate::entra::token::TokenVersion;

/// What a discovery document depends on.
#[derive(Debug)]
pub(crate) struct Metadata<'a> {
    /// The listener that was asked; every endpoint in the document is there.
    pub(crate) origin: &'a str,
    /// The tenant as the endpoints name it: a GUID, `common` or `organizations`.
    pub(crate) tenant: &'a str,
    /// The issuer, a template for `common` and `organizations`.
    pub(crate) issuer: &'a str,
    pub(crate) version: TokenVersion,
    /// `?appid=` of an application with keys of its own.
    pub(crate) app: Option<&'a str>,
}

/// The OpenID configuration.
pub(crate) fn openid_configuration(metadata: &Metadata<'_>) -> Value {
    let Metadata { origin, tenant, issuer, version, app } = *metadata;
    let base = format!("{origin}/{tenant}");
    let (oauth, keys) = match version {
        TokenVersion::V1 => ("oauth2", "discovery/keys"),
        TokenVersion::V2 => ("oauth2/v2.0", "discovery/v2.0/keys"),
    };
    let app = app.map(|app| format!("?appid={app}")).unwrap_or_default();
    let mut document = json!({
        "token_endpoint": format!("{base}/{oauth}/token"),
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
        "jwks_uri": format!("{base}/{keys}{app}"),
        "response_modes_supported": ["query", "fragment", "form_post"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "issuer": issuer,
        "request_uri_parameter_supported": false,
        "userinfo_endpoint": format!("{origin}/oidc/userinfo"),
        "authorization_endpoint": format!("{base}/{oauth}/authorize"),
        "device_authorization_endpoint": format!("{base}/{oauth}/devicecode"),
        "http_logout_supported": true,
        "frontchannel_logout_supported": true,
        "end_session_endpoint": format!("{base}/{oauth}/logout"),
        "claims_supported": [
            "sub", "iss", "cloud_instance_name", "cloud_instance_host_name", "cloud_graph_host_name",
            "msgraph_host", "aud", "exp", "iat", "auth_time", "acr", "nonce", "preferred_username", "name",
            "tid", "ver", "at_hash", "c_hash", "email"
        ],
        "kerberos_endpoint": format!("{base}/kerberos"),
        "tenant_region_scope": "EU",
        "cloud_instance_name": "microsoftonline.com",
        "cloud_graph_host_name": "graph.windows.net",
        "msgraph_host": "graph.microsoft.com",
        "rbac_url": "https://pas.windows.net",
    });
    if let (TokenVersion::V1, Some(object)) = (version, document.as_object_mut()) {
        object.insert(
            "check_session_iframe".to_owned(),
            json!(format!("{base}/oauth2/checksession")),
        );
        object.insert("microsoft_multi_refresh_token".to_owned(), json!(true));
    }
    document
}

/// The answer of `/common/discovery/instance` for a tenant of this very instance.
pub(crate) fn instance(origin: &str, tenant: &str) -> Value {
    let host = origin.split_once("://").map_or(origin, |(_, host)| host);
    json!({
        "tenant_discovery_endpoint": format!("{origin}/{tenant}/.well-known/openid-configuration"),
        "api-version": "1.1",
        "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}],
    })
}
