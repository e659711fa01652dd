//! The token endpoints: client credentials by secret, certificate or federated token.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::{Method, StatusCode};
use percent_encoding::percent_decode_str;
use serde_json::json;

use crate::entra::directory::{Application, Resource, SecretState, bare};
use crate::entra::errors::EntraError;
use crate::entra::issue::Principal;
use crate::entra::token::TokenVersion;
use crate::entra::verify::{Claims, Parsed, Refused};
use crate::entra::{Entra, PathTenant};
use crate::exchange::Exchange;
use crate::ids::unix_now;
use crate::pairs::Pairs;
use crate::reply::{Reply, json_utf8, with_header};

/// The only kind of client assertion.
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// One request, its form read.
struct Request<'a> {
    form: Pairs,
    /// Client id and secret of an `Authorization: Basic` header.
    basic: Option<(String, String)>,
    tenant_name: &'a str,
    /// GUID.
    tenant: String,
    version: TokenVersion,
}

impl Entra {
    /// Answers `POST /{tenant}/oauth2/v2.0/token` and, for version 1.0, `POST /{tenant}/oauth2/token`.
    pub(super) fn token(
        &self,
        exchange: &Exchange,
        body: &[u8],
        tenant: &str,
        version: TokenVersion,
    ) -> Reply {
        let granted = self
            .read_request(exchange, body, tenant, version)
            .and_then(|request| self.grant(&request));
        match granted {
            Ok(reply) => {
                let reply = with_header(reply, "cache-control", "no-store, no-cache");
                with_header(reply, "pragma", "no-cache")
            }
            Err(error) => error.reply(exchange.origin()),
        }
    }

    fn read_request<'a>(
        &self,
        exchange: &Exchange,
        body: &[u8],
        tenant_name: &'a str,
        version: TokenVersion,
    ) -> Result<Request<'a>, EntraError> {
        if exchange.method() != Method::POST {
            let text = format!(
                "The endpoint only accepts POST requests. Received a {} request.",
                exchange.method()
            );
            return Err(EntraError::new("invalid_request", 900_561, text));
        }
        let tenant = match self.path_tenant(tenant_name) {
            Some(PathTenant::One(id)) => id,
            Some(PathTenant::Any) => {
                let text = "No tenant-identifying information found in either the request or implied by any \
                            provided credentials.";
                return Err(EntraError::new("invalid_request", 50_059, text));
            }
            None => return Err(EntraError::no_tenant(tenant_name, "invalid_request")),
        };
        // A body of another type has no parameters, so the first required one is what is missing.
        let form = if exchange.has_content_type("application/x-www-form-urlencoded") {
            Pairs::parse(&String::from_utf8_lossy(body))
        } else {
            Pairs::default()
        };
        Ok(Request { form, basic: basic(exchange), tenant_name, tenant, version })
    }

    fn grant(&self, request: &Request<'_>) -> Result<Reply, EntraError> {
        match request.form.get("grant_type").ok_or_else(|| EntraError::missing("grant_type"))? {
            "client_credentials" => {}
            other => {
                let text = format!("The app requested an unsupported grant type '{other}'.");
                return Err(EntraError::new("unsupported_grant_type", 70_003, text));
            }
        }
        let client_id =
            request.basic.as_ref().map(|(id, _)| id.as_str()).or(request.form.get("client_id"));
        let client_id = client_id.ok_or_else(|| EntraError::missing("client_id"))?;
        let application = self.application(client_id, &request.tenant)?;
        self.authenticate(&application, request)?;
        let resource = self.asked_resource(request)?;
        let issued =
            self.issue(&request.tenant, &Principal::from(&application), &resource, None).map_err(
                |_| EntraError::new("server_error", 90_033, "A transient error has occurred."),
            )?;
        let expires_in = issued.expires_on - issued.not_before - 1;
        let body = match request.version {
            TokenVersion::V2 => json!({
                "token_type": "Bearer", "expires_in": expires_in, "ext_expires_in": expires_in,
                "access_token": issued.token,
            }),
            TokenVersion::V1 => json!({
                "token_type": "Bearer", "expires_in": expires_in.to_string(),
                "ext_expires_in": expires_in.to_string(), "expires_on": issued.expires_on.to_string(),
                "not_before": issued.not_before.to_string(),
                "resource": request.form.get("resource").unwrap_or_default(), "access_token": issued.token,
            }),
        };
        Ok(json_utf8(StatusCode::OK, &body))
    }

    fn application(&self, client_id: &str, tenant: &str) -> Result<Application, EntraError> {
        let applications = self.state.applications.read();
        let home = |known: &&Application| {
            known.tenant.as_deref().unwrap_or_else(|| self.tenant_id()) == tenant
        };
        let found = applications.iter().filter(home).find(|known| known.client_id == client_id);
        found.cloned().ok_or_else(|| {
            let text = format!(
                "Application with identifier '{client_id}' was not found in the directory '{tenant}'. This can \
                 happen if the application has not been installed by the administrator of the tenant or consented \
                 to by any user in the tenant. You may have sent your authentication request to the wrong tenant."
            );
            EntraError::new("unauthorized_client", 700_016, text)
        })
    }

    fn authenticate(
        &self,
        application: &Application,
        request: &Request<'_>,
    ) -> Result<(), EntraError> {
        let form = &request.form;
        if let Some(assertion) = form.get("client_assertion") {
            return match form.get("client_assertion_type") {
                None => Err(EntraError::missing("client_assertion_type")),
                Some(JWT_BEARER) => self.check_assertion(application, request, assertion),
                Some(other) => {
                    let text = format!("The client assertion type '{other}' is not supported.");
                    Err(EntraError::new("invalid_request", 9_002_313, text))
                }
            };
        }
        let secret =
            request.basic.as_ref().map(|(_, secret)| secret.as_str()).or(form.get("client_secret"));
        let Some(secret) = secret else {
            let text = "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' \
                        grant type.";
            return Err(EntraError::new("invalid_client", 7_000_216, text));
        };
        match application.secrets.iter().find(|(known, _)| known == secret) {
            Some((_, SecretState::Good)) => Ok(()),
            Some((_, SecretState::Expired)) => {
                let text = format!(
                    "The provided client secret keys for app '{}' are expired. Visit the Azure portal to create \
                     new keys for your app, or consider using certificate credentials for added security.",
                    application.client_id
                );
                Err(EntraError::new("invalid_client", 7_000_222, text))
            }
            None => {
                let text = format!(
                    "Invalid client secret provided. Ensure the secret being sent in the request is the client \
                     secret value, not the client secret ID, for a secret added to app '{}'.",
                    application.client_id
                );
                Err(EntraError::new("invalid_client", 7_000_215, text))
            }
        }
    }

    /// A federated token if it says that the cluster issued it, an assertion by certificate otherwise.
    fn check_assertion(
        &self,
        application: &Application,
        request: &Request<'_>,
        assertion: &str,
    ) -> Result<(), EntraError> {
        let malformed = |_| {
            let text = "JWT token is invalid or malformed.";
            EntraError::new("invalid_request", 50_027, text)
        };
        let parsed = Parsed::new(assertion).map_err(malformed)?;
        let issuer = parsed.unverified("iss").unwrap_or_default().to_owned();
        if issuer == application.client_id {
            return self.check_certificate_assertion(application, request, parsed);
        }
        let trusted: Vec<_> = application
            .federated
            .iter()
            .filter(|one| one.issuer.clone().unwrap_or_else(|| self.cluster_issuer()) == issuer)
            .collect();
        if trusted.is_empty() {
            let text = format!(
                "No matching federated identity record found for presented assertion issuer '{issuer}'. Please \
                 check your federated identity credential Subject, Audience and Issuer against the presented \
                 assertion."
            );
            return Err(EntraError::new("invalid_client", 700_211, text));
        }
        let claims = self.verify_workload(parsed).map_err(bad_assertion)?;
        claims.times(unix_now()).map_err(bad_assertion)?;
        let subject = claims.text("sub").unwrap_or_default();
        let Some(one) = trusted.iter().find(|one| one.subject == subject) else {
            let text = format!(
                "No matching federated identity record found for presented assertion subject '{subject}'. Please \
                 check your federated identity credential Subject, Audience and Issuer against the presented \
                 assertion."
            );
            return Err(EntraError::new("invalid_client", 700_213, text));
        };
        claims.audience(|audience| audience == one.audience).map_err(|_| {
            let text = "No matching federated identity record found for presented assertion audience. Please check \
                        your federated identity credential Subject, Audience and Issuer against the presented \
                        assertion.";
            EntraError::new("invalid_client", 700_212, text)
        })
    }

    fn check_certificate_assertion(
        &self,
        application: &Application,
        request: &Request<'_>,
        parsed: Parsed<'_>,
    ) -> Result<(), EntraError> {
        let (x5t, x5t_s256) = (parsed.header("x5t"), parsed.header("x5t#S256"));
        let registered = application.certificates.iter().find(|known| {
            x5t_s256 == Some(known.x5t_s256.as_str())
                || x5t_s256.is_none() && x5t == Some(known.x5t.as_str())
        });
        let Some(registered) = registered else {
            return Err(bad_assertion(Refused::UnknownKey));
        };
        let claims = parsed.verify(&registered.spki, &["RS256", "PS256"]).map_err(bad_assertion)?;
        self.check_assertion_claims(application, request, &claims)
    }

    fn check_assertion_claims(
        &self,
        application: &Application,
        request: &Request<'_>,
        claims: &Claims,
    ) -> Result<(), EntraError> {
        claims.times(unix_now()).map_err(bad_assertion)?;
        if claims.text("sub") != Some(application.client_id.as_str()) {
            let text =
                "Client assertion contains an invalid 'sub' claim: it must be the client id.";
            return Err(EntraError::new("invalid_client", 700_021, text));
        }
        let bases =
            [Some(self.server.url()), self.server.https_url(), Some(self.state.base.as_str())];
        let tenants = [request.tenant_name, request.tenant.as_str()];
        let ends = ["oauth2/v2.0/token", "oauth2/token", "v2.0", ""];
        let expected = |audience: &str| {
            bases.iter().flatten().any(|base| {
                tenants.iter().any(|tenant| {
                    ends.iter().any(|end| format!("{base}/{tenant}/{end}") == audience)
                })
            })
        };
        claims.audience(expected).map_err(|_| {
            let text = "Client assertion audience claim does not match Realm issuer. Review the documentation at \
                        https://learn.microsoft.com/entra/identity-platform/certificate-credentials .";
            EntraError::new("invalid_client", 700_023, text)
        })
    }

    fn asked_resource(&self, request: &Request<'_>) -> Result<Resource, EntraError> {
        let asked = match request.version {
            TokenVersion::V1 => {
                request.form.get("resource").ok_or_else(|| EntraError::missing("resource"))?
            }
            TokenVersion::V2 => asked_scope(&request.form)?,
        };
        self.resource(asked).ok_or_else(|| {
            let text = format!(
                "The resource principal named {} was not found in the tenant named {}. This can happen if the \
                 application has not been installed by the administrator of the tenant or consented to by any \
                 user in the tenant. You might have sent your authentication request to the wrong tenant.",
                bare(asked),
                request.tenant_name
            );
            EntraError::new("invalid_resource", 500_011, text)
        })
    }
}

/// The one scope of a client credentials request, which ends in `/.default`.
fn asked_scope(form: &Pairs) -> Result<&str, EntraError> {
    let scope = form.get("scope").ok_or_else(|| EntraError::missing("scope"))?;
    let mut scopes = scope.split_ascii_whitespace();
    let first = scopes.next().unwrap_or_default();
    let others = scopes.any(|other| bare(other) != bare(first));
    if others {
        let text = format!(
            "Provided value for the input parameter scope is not valid because it contains more than one resource. \
             Scope {scope} is not valid."
        );
        return Err(EntraError::new("invalid_scope", 28_000, text));
    }
    if !first.ends_with("/.default") {
        let text = format!(
            "The provided value for scope {scope} is not valid. Client credential flows must have a scope value \
             with /.default suffixed to the resource identifier (application ID URI)."
        );
        return Err(EntraError::new("invalid_scope", 1_002_012, text));
    }
    Ok(first)
}

/// Client id and secret, each URL-encoded inside the base64, as RFC 6749 §2.3.1 wants.
fn basic(exchange: &Exchange) -> Option<(String, String)> {
    let (scheme, encoded) = exchange.header("authorization")?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    let decoded =
        |part: &str| percent_decode_str(&part.replace('+', " ")).decode_utf8_lossy().into_owned();
    Some((decoded(id), decoded(secret)))
}

fn bad_assertion(refused: Refused) -> EntraError {
    match refused {
        Refused::Time => {
            let text = "Client assertion is not within its valid time range.";
            EntraError::new("invalid_client", 700_024, text)
        }
        Refused::UnknownKey => {
            let text =
                "Client assertion contains an invalid signature. [Reason - The key was not found.]";
            EntraError::new("invalid_client", 700_027, text)
        }
        other => {
            let text =
                format!("Client assertion contains an invalid signature. [Reason - {other}.]");
            EntraError::new("invalid_client", 700_027, text)
        }
    }
}
