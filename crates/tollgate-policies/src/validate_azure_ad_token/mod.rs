//! `validate-azure-ad-token`: refuses requests without a valid Microsoft Entra token.

mod docs;
mod tenant;

use std::fmt;
use std::sync::Arc;

use tollgate_diagnostics::{Code, Diagnostic};
use tollgate_engine::jose::{Claims, DecryptionKey};
use tollgate_engine::ports::{KeyError, KeySource};
use tollgate_engine::read::Element;
use tollgate_engine::{
    AttributeDef, AttributeType, BoxFuture, ChildDef, CompileCx, Content, Facts, Flow, Limit,
    PolicyDef, PolicyError, RequestCx, Resumed, Scope, Section, Step, TextDef, Value,
};

use self::tenant::{Endpoint, Tenant};
use crate::token::{
    Attempt, FAILED_ERROR_MESSAGE, FAILED_HTTP_CODE, Failed, Failure, HEADER_NAME, Location,
    Prepared, QUERY_PARAMETER_NAME, REQUIRED_CLAIMS, Rejection, RequiredClaim, TOKEN_VALUE,
    TimeRules, Trusted, decryption_keys, guid, is_template, names_tenant, prepare, required_claims,
    resolve, signer_matches, times, unverified_text,
};
use crate::validate_jwt::{audience, audiences};

const APPLICATION_ID: ChildDef = ChildDef {
    name: "application-id",
    min: 1,
    content: Content::Text(TextDef { ty: AttributeType::Text, required: true, expression: false }),
    doc: "An application id.",
    ..ChildDef::DEFAULT
};

pub(crate) const POLICY: PolicyDef = PolicyDef {
    name: "validate-azure-ad-token",
    sections: &[Section::Inbound],
    toolkit_sections: &[],
    scopes: &Scope::ALL,
    limit: Limit::Any,
    attributes: &[
        AttributeDef {
            name: "tenant-id",
            required: true,
            expression: true,
            doc: "Tenant: a GUID, a domain, `common`, `organizations`, `consumers`, or a URL with one of them.",
            ..AttributeDef::DEFAULT
        },
        HEADER_NAME,
        QUERY_PARAMETER_NAME,
        TOKEN_VALUE,
        AttributeDef {
            name: "authentication-endpoint",
            default: Some("https://login.microsoftonline.com"),
            doc: "Sign-in endpoint of the cloud, such as `login.microsoftonline.us`.",
            ..AttributeDef::DEFAULT
        },
        FAILED_HTTP_CODE,
        FAILED_ERROR_MESSAGE,
        AttributeDef {
            name: "output-token-variable-name",
            doc: "Context variable that gets the token as a `Jwt`.",
            ..AttributeDef::DEFAULT
        },
    ],
    content: Content::Children(&[
        ChildDef {
            name: "backend-application-ids",
            content: Content::Children(&[APPLICATION_ID]),
            max: 1,
            doc: "Applications, one of which the token must be for.",
            ..ChildDef::DEFAULT
        },
        ChildDef {
            name: "client-application-ids",
            content: Content::Children(&[APPLICATION_ID]),
            max: 1,
            doc: "Applications, one of which must have asked for the token.",
            ..ChildDef::DEFAULT
        },
        ChildDef {
            name: "audiences",
            content: Content::Children(&[ChildDef {
                name: "audience",
                min: 1,
                content: Content::Text(TextDef {
                    ty: AttributeType::Text,
                    required: true,
                    expression: true,
                }),
                doc: "An audience.",
                ..ChildDef::DEFAULT
            }]),
            max: 1,
            doc: "Audiences, one of which the token must be for.",
            ..ChildDef::DEFAULT
        },
        REQUIRED_CLAIMS,
        ChildDef {
            name: "decryption-keys",
            content: Content::Children(&[ChildDef {
                name: "key",
                min: 1,
                attributes: &[AttributeDef {
                    name: "certificate-id",
                    required: true,
                    doc: "Name of a configured certificate.",
                    ..AttributeDef::DEFAULT
                }],
                doc: "A certificate whose private key opens tokens.",
                ..ChildDef::DEFAULT
            }]),
            max: 1,
            doc: "Keys that open encrypted tokens.",
            ..ChildDef::DEFAULT
        },
    ]),
    docs: docs::DOCS,
    compile,
};

#[derive(Debug)]
struct ValidateEntraToken {
    tenant: Value<Tenant>,
    endpoint: Endpoint,
    /// The keys of a tenant known at load.
    fixed: Option<Published>,
    location: Location,
    decryption: Vec<DecryptionKey>,
    failed: Failed,
    backends: Vec<Arc<str>>,
    clients: Vec<Arc<str>>,
    audiences: Vec<Value<Arc<str>>>,
    required: Vec<RequiredClaim>,
    variable: Option<Arc<str>>,
}

/// Versions of Entra's tokens; each has its own metadata and issuer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

impl Version {
    fn from_claim(ver: Option<&str>) -> Option<Self> {
        match ver? {
            "1.0" => Some(Self::One),
            "2.0" => Some(Self::Two),
            _ => None,
        }
    }

    /// The claim that names the application that asked for the token.
    fn client_claim(self) -> &'static str {
        match self {
            Self::One => "appid",
            Self::Two => "azp",
        }
    }
}

/// The keys of a tenant.
#[derive(Clone)]
struct Published {
    one: Result<Arc<dyn KeySource>, KeyError>,
    two: Result<Arc<dyn KeySource>, KeyError>,
}

impl fmt::Debug for Published {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Published")
    }
}

impl Published {
    fn of(tenant: &Tenant, endpoint: &Endpoint, ports: &tollgate_engine::Ports) -> Self {
        let [one, two] = tenant.configurations(endpoint);
        Self { one: ports.keys.source(&one), two: ports.keys.source(&two) }
    }

    fn source(&self, version: Version) -> &Result<Arc<dyn KeySource>, KeyError> {
        match version {
            Version::One => &self.one,
            Version::Two => &self.two,
        }
    }
}

fn compile(element: &Element, cx: &mut CompileCx<'_>) -> Option<Box<dyn Step>> {
    warn(element, cx);
    let endpoint = cx.literal::<Endpoint>(element, "authentication-endpoint");
    let tenant: Option<Value<Tenant>> = cx.attribute(element, "tenant-id");
    let location = Location::compile(element, cx, Some(Location::bearer()));
    let failed = Failed::compile(element, cx);
    let backends = application_ids(element, cx, "backend-application-ids");
    let clients = application_ids(element, cx, "client-application-ids");
    let audiences: Vec<_> = element
        .elements_named("audiences")
        .flat_map(Element::elements)
        .map(|item| cx.text(item))
        .collect();
    let required = required_claims(element, cx);
    let decryption = decryption_keys(element, cx);
    let variable = cx.literal(element, "output-token-variable-name");
    let (tenant, endpoint) = (tenant?, endpoint?);
    if let Value::Literal(tenant) = &tenant
        && let Err(why) = tenant.check_endpoint(&endpoint)
        && let Some(attribute) = element.attribute("tenant-id")
    {
        cx.report(
            Diagnostic::new(
                Code::CONFLICTING_ATTRIBUTES,
                "`tenant-id` is of another endpoint",
                attribute.value.span(),
            )
            .label(why),
        );
        return None;
    }
    let fixed = tenant.literal().map(|tenant| Published::of(tenant, &endpoint, cx.ports()));
    Some(Box::new(ValidateEntraToken {
        tenant,
        endpoint,
        fixed,
        location: location?,
        decryption: decryption?,
        failed: failed?,
        backends: backends?,
        clients: clients?,
        audiences: audiences.into_iter().collect::<Option<_>>()?,
        required: required?,
        variable,
    }))
}

fn application_ids(
    element: &Element,
    cx: &mut CompileCx<'_>,
    container: &str,
) -> Option<Vec<Arc<str>>> {
    let ids = element.elements_named(container).flat_map(Element::elements);
    let ids: Vec<Option<Value<Arc<str>>>> = ids.map(|id| cx.text(id)).collect();
    ids.into_iter()
        .map(|id| match id? {
            Value::Literal(id) => Some(id),
            Value::Expression(_) => None,
        })
        .collect()
}

/// Says what loads and weakens the check.
fn warn(element: &Element, cx: &mut CompileCx<'_>) {
    let has = |name: &str| element.elements_named(name).next().is_some();
    let any_audience = !has("audiences") && !has("backend-application-ids");
    if any_audience {
        let diagnostic = Diagnostic::new(
            Code::INSECURE,
            "`validate-azure-ad-token` accepts tokens for any audience",
            element.name_span,
        )
        .label("there are no `audiences`");
        cx.report(if has("client-application-ids") {
            diagnostic.help("a token that a listed client got for another API passes, too")
        } else {
            diagnostic
                .help("any token of the tenant passes; add `audiences` or `client-application-ids`")
        });
    }
    if let Some(tenant) = element.attribute("tenant-id")
        && let Ok(Tenant { name: tenant::Name::Common | tenant::Name::Organizations, .. }) =
            <Tenant as tollgate_engine::Typed>::parse(tenant.value.as_str())
        && !has("client-application-ids")
    {
        cx.report(
            Diagnostic::new(
                Code::INSECURE,
                "`validate-azure-ad-token` accepts tokens of any tenant",
                tenant.value.span(),
            )
            .label("every organisation can have such a token")
            .help("add `client-application-ids`, or require the claim `tid`"),
        );
    }
}

/// A token on its way, with the tenant it must be of.
struct Begun {
    prepared: Prepared,
    tenant: Tenant,
    version: Version,
}

/// How far a request got without waiting.
enum Begin {
    /// A token that its keys remember.
    Known(Trusted, Tenant, Version),
    New(Begun),
}

impl ValidateEntraToken {
    fn begin(&self, cx: &mut RequestCx) -> Result<Begin, Failure> {
        let mut prepared = prepare(&self.location, &self.decryption, cx)?;
        let tenant = self.tenant.eval(cx)?;
        let published = if let Some(published) = &self.fixed {
            published.clone()
        } else if let Err(why) = tenant.check_endpoint(&self.endpoint) {
            return Err(PolicyError::unfit_value(format!("tenant-id: {why}.")).into());
        } else {
            Published::of(&tenant, &self.endpoint, &cx.ports)
        };
        for version in [Version::Two, Version::One] {
            let keys = published.source(version).as_ref().ok().and_then(|source| source.current());
            if let Some(trusted) = keys.and_then(|keys| prepared.recall(&keys))
                && Version::from_claim(trusted.claims().text("ver")) == Some(version)
            {
                return Ok(Begin::Known(trusted, tenant, version));
            }
        }
        // The version only chooses whose keys are looked at; it counts once the signature holds.
        let version = unverified_text(prepared.token(), "ver")?;
        let version = Version::from_claim(version.as_deref())
            .ok_or(Rejection::NotWellFormed("the claim `ver` is not that of an Entra token"))?;
        prepared.sources.push(published.source(version).clone());
        Ok(Begin::New(Begun { prepared, tenant, version }))
    }

    fn judge(
        &self,
        cx: &mut RequestCx,
        trusted: &Trusted,
        tenant: &Tenant,
        version: Version,
    ) -> Result<(), Failure> {
        let claims = trusted.claims();
        times(
            claims,
            TimeRules { require_expiration: true, skew: 0 },
            cx.ports.clock.unix_seconds(),
        )?;
        issuer(trusted, tenant)?;
        audience(cx, &self.audiences, trusted)?;
        self.backend(trusted)?;
        self.client(claims, version)?;
        RequiredClaim::check_all(&self.required, cx, claims)?;
        if let Some(name) = &self.variable
            && let Some(jwt) = claims.jwt()
        {
            cx.variables.set(name, tollgate_expr::Value::Jwt(jwt));
        }
        Ok(())
    }

    /// The application the token is for: by its id or as `api://` and its id.
    fn backend(&self, trusted: &Trusted) -> Result<(), Rejection> {
        if self.backends.is_empty() {
            return Ok(());
        }
        let found = audiences(trusted).unwrap_or_default();
        let is = |audience: &str, id: &str| {
            audience.strip_prefix("api://").unwrap_or(audience).eq_ignore_ascii_case(id.trim())
        };
        let allowed = found.iter().any(|audience| self.backends.iter().any(|id| is(audience, id)));
        if allowed { Ok(()) } else { Err(Rejection::Audience(found.join(", "))) }
    }

    /// The application that asked for the token.
    fn client(&self, claims: &Claims, version: Version) -> Result<(), Rejection> {
        if self.clients.is_empty() {
            return Ok(());
        }
        let name = version.client_claim();
        let Some(client) = claims.text(name) else {
            return Err(Rejection::ClaimsMissing(name.to_owned()));
        };
        if self.clients.iter().any(|id| id.trim().eq_ignore_ascii_case(client)) {
            return Ok(());
        }
        let expected = self.clients.iter().map(|id| id.trim()).collect::<Vec<_>>().join(",");
        Err(Rejection::ClaimMismatch { name: name.into(), expected })
    }

    fn refuse(&self, cx: &mut RequestCx, failure: Failure) -> PolicyError {
        self.failed.error(cx, failure, |rejection| {
            let text = match rejection {
                Rejection::NotPresent => "Azure AD JWT not present",
                _ => "Invalid Azure AD JWT",
            };
            text.to_owned()
        })
    }
}

/// The issuer must be the one of the metadata, exactly, with the token's tenant in the place of the template; the tenant
/// must be one the policy accepts, and the key one published for it.
///
/// All tenants share Entra's keys, so that a signature holds says nothing about the tenant.
fn issuer(trusted: &Trusted, tenant: &Tenant) -> Result<(), Rejection> {
    let claims = trusted.claims();
    let issuer = claims.text("iss").unwrap_or_default();
    let refused = || Rejection::Issuer(issuer.to_owned());
    let token_tenant = claims.text("tid").filter(|tenant| guid(tenant)).ok_or_else(refused)?;
    let expected = trusted
        .published_by()
        .filter(|published| !tenant.is_single() || !is_template(published))
        .and_then(|published| resolve(published, claims))
        .ok_or_else(refused)?;
    let right = *expected == *issuer
        && names_tenant(issuer, token_tenant)
        && tenant.accepts(token_tenant)
        && !trusted.is_unsigned()
        && signer_matches(trusted.token());
    if right { Ok(()) } else { Err(refused()) }
}

impl Step for ValidateEntraToken {
    fn run(&self, cx: &mut RequestCx) -> Result<Flow, PolicyError> {
        let outcome = self.begin(cx).and_then(|begin| match begin {
            Begin::Known(trusted, tenant, version) => {
                self.judge(cx, &trusted, &tenant, version).map(|()| Flow::Continue)
            }
            Begin::New(Begun { prepared, tenant, version }) => match prepared.attempt() {
                Ok(trusted) => self.judge(cx, &trusted, &tenant, version).map(|()| Flow::Continue),
                Err(Attempt::Refused(rejection)) => Err(rejection.into()),
                Err(Attempt::NeedsKeys(_)) => Ok(Flow::Wait),
            },
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
            let outcome = match self.begin(cx) {
                Err(failure) => Err(failure),
                Ok(Begin::Known(trusted, tenant, version)) => {
                    self.judge(cx, &trusted, &tenant, version)
                }
                Ok(Begin::New(Begun { prepared, tenant, version })) => {
                    match prepared.attempt_with_fresh_keys().await {
                        Ok(trusted) => self.judge(cx, &trusted, &tenant, version),
                        Err(rejection) => Err(rejection.into()),
                    }
                }
            };
            outcome.map(|()| Flow::Continue).map_err(|failure| self.refuse(cx, failure))
        })
    }

    fn facts(&self) -> Facts {
        let own = self.location.facts().or(self.failed.facts()).or(self.tenant.facts());
        let texts = self.audiences.iter().map(Value::facts);
        texts.chain(self.required.iter().map(RequiredClaim::facts)).fold(own, Facts::or)
    }
}

#[cfg(test)]
mod tests;
