//! `validate-jwt`: refuses requests without a valid JSON Web Token.

mod docs;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tollgate_diagnostics::{Code, Diagnostic};
use tollgate_engine::jose::{DecryptionKey, KeySet};
use tollgate_engine::ports::{KeyError, KeySource};
use tollgate_engine::read::Element;
use tollgate_engine::{
    AttributeDef, AttributeType, BoxFuture, ChildDef, CompileCx, Content, Facts, Flow, Limit,
    PolicyDef, PolicyError, RequestCx, Resumed, Scope, Section, Step, TextDef, Value,
};

use crate::openid_url::OpenIdUrl;
use crate::token::{
    Attempt, FAILED_ERROR_MESSAGE, FAILED_HTTP_CODE, Failed, Failure, HEADER_NAME, Location,
    Prepared, QUERY_PARAMETER_NAME, REQUIRED_CLAIMS, Rejection, RequiredClaim, TOKEN_VALUE,
    TimeRules, Trusted, decryption_keys, prepare, required_claims, resolve, signer_matches,
    signing_keys, times,
};

const LITERAL_TEXT: TextDef =
    TextDef { ty: AttributeType::Text, required: false, expression: false };
const TEXT: TextDef = TextDef { ty: AttributeType::Text, required: true, expression: true };

const KEY: ChildDef = ChildDef {
    name: "key",
    min: 1,
    attributes: &[
        AttributeDef {
            name: "id",
            doc: "The `kid` of the tokens it is for.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "certificate-id",
            doc: "Name of a configured certificate.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "n",
            doc: "Modulus of an RSA key, in Base64url.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "e",
            doc: "Exponent of an RSA key, in Base64url.",
            ..AttributeDef::DEFAULT
        },
    ],
    content: Content::Text(LITERAL_TEXT),
    doc: "Base64 of a symmetric key, a `certificate-id`, or `n` and `e`.",
    ..ChildDef::DEFAULT
};

pub(crate) const POLICY: PolicyDef = PolicyDef {
    name: "validate-jwt",
    sections: &[Section::Inbound],
    toolkit_sections: &[],
    scopes: &Scope::ALL,
    limit: Limit::Any,
    attributes: &[
        HEADER_NAME,
        QUERY_PARAMETER_NAME,
        TOKEN_VALUE,
        FAILED_HTTP_CODE,
        FAILED_ERROR_MESSAGE,
        AttributeDef {
            name: "require-expiration-time",
            ty: AttributeType::Bool,
            expression: true,
            default: Some("true"),
            doc: "Whether the token must say when it ends.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "require-scheme",
            expression: true,
            doc: "Scheme that must stand before the token in `Authorization`.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "require-signed-tokens",
            ty: AttributeType::Bool,
            expression: true,
            default: Some("true"),
            doc: "Whether unsigned tokens (`alg` is `none`) are refused.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "clock-skew",
            ty: AttributeType::Seconds,
            expression: true,
            default: Some("0"),
            doc: "How much the clocks of issuer and gateway may differ: seconds, or `hh:mm:ss`.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "output-token-variable-name",
            doc: "Context variable that gets the token as a `Jwt`.",
            ..AttributeDef::DEFAULT
        },
    ],
    content: Content::Children(&[
        ChildDef {
            name: "openid-config",
            attributes: &[
                AttributeDef {
                    name: "url",
                    ty: AttributeType::Url,
                    required: true,
                    expression: true,
                    doc: "Address of an OpenID configuration.",
                    ..AttributeDef::DEFAULT
                },
                AttributeDef {
                    name: "validate-connectivity",
                    ty: AttributeType::Bool,
                    doc: "Whether Azure tries the address when the policy is saved; no effect here.",
                    ..AttributeDef::DEFAULT
                },
            ],
            doc: "An issuer's published keys, and its name.",
            ..ChildDef::DEFAULT
        },
        ChildDef {
            name: "issuer-signing-keys",
            content: Content::Children(&[KEY]),
            max: 1,
            doc: "Keys that may have signed the token.",
            ..ChildDef::DEFAULT
        },
        ChildDef {
            name: "decryption-keys",
            content: Content::Children(&[KEY]),
            max: 1,
            doc: "Keys that open encrypted tokens.",
            ..ChildDef::DEFAULT
        },
        ChildDef {
            name: "audiences",
            content: Content::Children(&[ChildDef {
                name: "audience",
                min: 1,
                content: Content::Text(TEXT),
                doc: "An audience.",
                ..ChildDef::DEFAULT
            }]),
            max: 1,
            doc: "Audiences, one of which the token must be for.",
            ..ChildDef::DEFAULT
        },
        ChildDef {
            name: "issuers",
            content: Content::Children(&[ChildDef {
                name: "issuer",
                min: 1,
                content: Content::Text(TEXT),
                doc: "An issuer.",
                ..ChildDef::DEFAULT
            }]),
            max: 1,
            doc: "Issuers, one of which the token must be from; besides those of the OpenID configurations.",
            ..ChildDef::DEFAULT
        },
        REQUIRED_CLAIMS,
    ]),
    docs: docs::DOCS,
    compile,
};

#[derive(Debug)]
struct ValidateJwt {
    location: Location,
    failed: Failed,
    keys: Keys,
    allow_unsigned: Unsigned,
    require_expiration: Value<bool>,
    skew: Value<Duration>,
    audiences: Vec<Value<Arc<str>>>,
    issuers: Vec<Value<Arc<str>>>,
    required: Vec<RequiredClaim>,
    variable: Option<Arc<str>>,
}

/// `require-signed-tokens`.
#[derive(Debug)]
struct Unsigned(Value<bool>);

#[derive(Debug)]
struct Keys {
    inline: Option<Arc<KeySet>>,
    published: Vec<Published>,
    decryption: Vec<DecryptionKey>,
}

/// One `openid-config`.
enum Published {
    /// Known at load.
    Fixed(Result<Arc<dyn KeySource>, KeyError>),
    /// Depends on the request.
    PerRequest(Value<OpenIdUrl>),
}

impl fmt::Debug for Published {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Published")
    }
}

fn compile(element: &Element, cx: &mut CompileCx<'_>) -> Option<Box<dyn Step>> {
    warn(element, cx);
    let location = Location::compile(element, cx, None);
    let failed = Failed::compile(element, cx);
    let keys = keys(element, cx);
    let audiences = texts(element, cx, "audiences");
    let issuers = texts(element, cx, "issuers");
    let required = required_claims(element, cx);
    let allow_unsigned = cx.attribute(element, "require-signed-tokens").map(Unsigned);
    let require_expiration = cx.attribute(element, "require-expiration-time");
    let skew = cx.attribute(element, "clock-skew");
    Some(Box::new(ValidateJwt {
        location: location?,
        failed: failed?,
        keys: keys?,
        allow_unsigned: allow_unsigned?,
        require_expiration: require_expiration?,
        skew: skew?,
        audiences: audiences?,
        issuers: issuers?,
        required: required?,
        variable: cx.literal(element, "output-token-variable-name"),
    }))
}

fn keys(element: &Element, cx: &mut CompileCx<'_>) -> Option<Keys> {
    let mut published = Vec::new();
    let mut complete = true;
    for config in element.elements_named("openid-config") {
        if config.attribute("url").is_some_and(|url| url.value.is_opaque) {
            continue;
        }
        match cx.attribute::<OpenIdUrl>(config, "url") {
            Some(Value::Literal(OpenIdUrl(url))) => {
                published.push(Published::Fixed(cx.ports().keys.source(&url)));
            }
            Some(url) => published.push(Published::PerRequest(url)),
            None => complete = false,
        }
    }
    let inline = signing_keys(element, cx);
    let decryption = decryption_keys(element, cx);
    let inline = inline?;
    let inline = (!inline.is_empty()).then(|| Arc::new(KeySet::new(inline)));
    complete.then_some(Keys { inline, published, decryption: decryption? })
}

fn texts(
    element: &Element,
    cx: &mut CompileCx<'_>,
    container: &str,
) -> Option<Vec<Value<Arc<str>>>> {
    let items = element.elements_named(container).flat_map(Element::elements);
    let items: Vec<_> = items.map(|item| cx.text(item)).collect();
    items.into_iter().collect()
}

/// Says what loads and weakens the check.
fn warn(element: &Element, cx: &mut CompileCx<'_>) {
    let has = |name: &str| element.elements_named(name).next().is_some();
    if !has("audiences") {
        cx.report(
            Diagnostic::new(
                Code::INSECURE,
                "`validate-jwt` accepts tokens for any audience",
                element.name_span,
            )
            .label("there are no `audiences`")
            .help("a token that the issuer made for another application passes, too"),
        );
    }
    if let Some(attribute) = element.attribute("require-signed-tokens")
        && attribute.value.as_str().trim().eq_ignore_ascii_case("false")
    {
        cx.report(
            Diagnostic::new(
                Code::INSECURE,
                "`validate-jwt` accepts unsigned tokens",
                attribute.span(),
            )
            .label("anybody can write such a token"),
        );
    }
    if !has("openid-config") && !has("issuer-signing-keys") {
        cx.report(
            Diagnostic::new(Code::SUSPICIOUS, "`validate-jwt` has no keys", element.name_span)
                .label("no signed token passes")
                .help("add `openid-config` or `issuer-signing-keys`"),
        );
    }
    for config in element.elements_named("openid-config") {
        let Some(url) = config.attribute("url") else { continue };
        let any_tenant = ["common", "organizations"];
        let any_tenant = url.value.as_str().split('/').any(|segment| any_tenant.contains(&segment));
        if any_tenant && !has("issuers") && !requires_tenant(element) {
            cx.report(
                Diagnostic::new(
                    Code::INSECURE,
                    "`validate-jwt` accepts tokens of any tenant",
                    url.value.span(),
                )
                .label("this configuration is shared by all tenants")
                .help("add `issuers`, or require the claim `tid`"),
            );
        }
    }
}

fn requires_tenant(element: &Element) -> bool {
    let mut claims = element.elements_named("required-claims").flat_map(Element::elements);
    claims.any(|claim| {
        let tenant =
            claim.attribute("name").is_some_and(|name| name.value.as_str().trim() == "tid");
        tenant && claim.elements().next().is_some()
    })
}

impl ValidateJwt {
    fn prepare(&self, cx: &mut RequestCx) -> Result<Prepared, Failure> {
        let mut prepared = prepare(&self.location, &self.keys.decryption, cx)?;
        prepared.inline.clone_from(&self.keys.inline);
        prepared.allow_unsigned = !self.allow_unsigned.0.eval(cx)?;
        for published in &self.keys.published {
            prepared.sources.push(match published {
                Published::Fixed(source) => source.clone(),
                Published::PerRequest(url) => {
                    let OpenIdUrl(url) = url.eval(cx)?;
                    cx.ports.keys.source(&url)
                }
            });
        }
        Ok(prepared)
    }

    fn judge(
        &self,
        cx: &mut RequestCx,
        trusted: &Trusted,
        prepared: &Prepared,
    ) -> Result<(), Failure> {
        let claims = trusted.claims();
        let rules = TimeRules {
            require_expiration: self.require_expiration.eval(cx)?,
            skew: i64::try_from(self.skew.eval(cx)?.as_secs()).unwrap_or(i64::MAX),
        };
        times(claims, rules, cx.ports.clock.unix_seconds())?;
        self.issuer(cx, trusted, prepared)?;
        audience(cx, &self.audiences, trusted)?;
        RequiredClaim::check_all(&self.required, cx, claims)?;
        if let Some(name) = &self.variable
            && let Some(jwt) = claims.jwt()
        {
            cx.variables.set(name, tollgate_expr::Value::Jwt(jwt));
        }
        Ok(())
    }

    /// The issuer must be one the author lists or the one that published the key. A key of one OpenID configuration
    /// never answers for the issuer of another.
    fn issuer(
        &self,
        cx: &mut RequestCx,
        trusted: &Trusted,
        prepared: &Prepared,
    ) -> Result<(), Failure> {
        let claims = trusted.claims();
        let issuer = match claims.get("iss") {
            None => None,
            Some(serde_json::Value::String(issuer)) => Some(issuer.as_str()),
            Some(_) => return Err(Rejection::NotWellFormed("the issuer is not text").into()),
        };
        let refused = || Failure::from(Rejection::Issuer(issuer.unwrap_or("").to_owned()));
        if !signer_matches(trusted.token()) {
            return Err(refused());
        }
        if self.issuers.is_empty() && prepared.sources.is_empty() {
            return Ok(());
        }
        let Some(issuer) = issuer else { return Err(refused()) };
        for allowed in &self.issuers {
            if *allowed.eval(cx)? == *issuer {
                return Ok(());
            }
        }
        let published =
            |issued: &str| resolve(issued, claims).is_some_and(|known| *known == *issuer);
        let allowed = if trusted.by_own_key() {
            // The author vouches for the key itself, so any configured issuer may be in the token.
            let mut sets =
                prepared.sources.iter().filter_map(|source| source.as_ref().ok()?.current());
            sets.any(|keys| keys.issuer().is_some_and(published))
        } else {
            trusted.published_by().is_some_and(published)
        };
        if allowed { Ok(()) } else { Err(refused()) }
    }

    fn refuse(&self, cx: &mut RequestCx, failure: Failure) -> PolicyError {
        self.failed.error(cx, failure, ToString::to_string)
    }
}

/// One of the audiences must be the token's; without any, none is asked for.
pub(crate) fn audience(
    cx: &mut RequestCx,
    allowed: &[Value<Arc<str>>],
    trusted: &Trusted,
) -> Result<(), Failure> {
    let wrong = Rejection::NotWellFormed("the audience is neither text nor a list of texts");
    let found = audiences(trusted).ok_or(wrong)?;
    if allowed.is_empty() {
        return Ok(());
    }
    for audience in allowed {
        let audience = audience.eval(cx)?;
        if found.iter().any(|known| **known == *audience) {
            return Ok(());
        }
    }
    Err(Rejection::Audience(found.join(", ")).into())
}

/// The audiences of a token; nothing when they are not what they must be.
pub(crate) fn audiences(trusted: &Trusted) -> Option<Vec<&str>> {
    match trusted.claims().members().get("aud") {
        None => Some(Vec::new()),
        Some(serde_json::Value::String(audience)) => Some(vec![audience]),
        Some(serde_json::Value::Array(items)) => {
            items.iter().map(serde_json::Value::as_str).collect()
        }
        Some(_) => None,
    }
}

impl Step for ValidateJwt {
    fn run(&self, cx: &mut RequestCx) -> Result<Flow, PolicyError> {
        let outcome = self.prepare(cx).and_then(|prepared| match prepared.attempt() {
            Ok(trusted) => match self.judge(cx, &trusted, &prepared) {
                Ok(()) => Ok(Flow::Continue),
                Err(Failure::Rejected(Rejection::Issuer(_)))
                    if trusted.by_own_key() && prepared.lacks_metadata() =>
                {
                    Ok(Flow::Wait)
                }
                Err(failure) => Err(failure),
            },
            Err(Attempt::Refused(rejection)) => Err(rejection.into()),
            Err(Attempt::NeedsKeys(_)) => Ok(Flow::Wait),
        });
        outcome.map_err(|failure| self.refuse(cx, failure))
    }

    /// Dropping the future abandons this request only; a fetch under way goes on for others.
    fn wait<'a>(
        &'a self,
        cx: &'a mut RequestCx,
        _resumed: Option<Resumed>,
    ) -> BoxFuture<'a, Result<Flow, PolicyError>> {
        Box::pin(async move {
            let outcome = match self.prepare(cx) {
                Err(failure) => Err(failure),
                Ok(prepared) => match prepared.attempt_with_fresh_keys().await {
                    Ok(trusted) => {
                        if trusted.by_own_key() {
                            prepared.fetch_metadata().await;
                        }
                        self.judge(cx, &trusted, &prepared)
                    }
                    Err(rejection) => Err(rejection.into()),
                },
            };
            outcome.map(|()| Flow::Continue).map_err(|failure| self.refuse(cx, failure))
        })
    }

    fn facts(&self) -> Facts {
        let own = self.location.facts().or(self.failed.facts()).or(self.allow_unsigned.0.facts());
        let own = own.or(self.require_expiration.facts()).or(self.skew.facts());
        let urls = self.keys.published.iter().filter_map(|published| match published {
            Published::Fixed(_) => None,
            Published::PerRequest(url) => Some(url.facts()),
        });
        let texts = self.audiences.iter().chain(&self.issuers).map(Value::facts);
        let claims = self.required.iter().map(RequiredClaim::facts);
        urls.chain(texts).chain(claims).fold(own, Facts::or)
    }
}

#[cfg(test)]
mod tests;
