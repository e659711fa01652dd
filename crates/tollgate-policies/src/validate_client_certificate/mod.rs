//! `validate-client-certificate`: refuses requests without an acceptable certificate on the client's connection.

mod docs;
mod identity;

use http::StatusCode;
use tollgate_diagnostics::{Code, Diagnostic};
use tollgate_engine::read::{Attribute, Element};
use tollgate_engine::{
    AttributeDef, AttributeType, ChildDef, ClientCertificate, CompileCx, Content, Flow, Limit,
    PolicyDef, PolicyError, RequestCx, Scope, Section, Step,
};
use tollgate_expr::{Certificate, Revocation, TrustStore, Untrusted};

use identity::{IDENTITY, Identity};

const RULE: AttributeDef =
    AttributeDef { ty: AttributeType::Bool, default: Some("true"), ..AttributeDef::DEFAULT };

pub(crate) const POLICY: PolicyDef = PolicyDef {
    name: "validate-client-certificate",
    sections: &[Section::Inbound],
    toolkit_sections: &[],
    scopes: &Scope::ALL,
    limit: Limit::Any,
    attributes: &[
        AttributeDef {
            name: "validate-revocation",
            doc: "Whether each certificate on the way to the root must be on a list of `ca-certificates.revocation-lists`, as not revoked.",
            ..RULE
        },
        AttributeDef {
            name: "validate-trust",
            doc: "Whether it must lead to a root of the system or of `[ca-certificates]`.",
            ..RULE
        },
        AttributeDef {
            name: "validate-not-before",
            doc: "Whether its time must have begun.",
            ..RULE
        },
        AttributeDef {
            name: "validate-not-after",
            doc: "Whether its time must not have ended.",
            ..RULE
        },
        AttributeDef {
            name: "ignore-error",
            default: Some("false"),
            doc: "Whether the request goes on all the same.",
            ..RULE
        },
    ],
    content: Content::Children(&[ChildDef {
        name: "identities",
        content: Content::Children(&[IDENTITY]),
        max: 1,
        doc: "Whose certificates are accepted; anybody's when absent.",
        ..ChildDef::DEFAULT
    }]),
    docs: docs::DOCS,
    compile,
};

#[derive(Debug)]
struct ValidateClientCertificate {
    revocation: Revocation,
    trust: Trust,
    not_before: Moment,
    not_after: Moment,
    errors: Errors,
    identities: Option<Vec<Identity>>,
}

/// `validate-trust`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trust {
    Needed,
    NotNeeded,
}

/// `validate-not-before` and `validate-not-after`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    Checked,
    Unchecked,
}

/// `ignore-error`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Errors {
    Refuse,
    Ignored,
}

/// Why a certificate is refused. Reasons and texts are Azure's where they are known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Rejection {
    #[error("Client certificate is missing.")]
    NotFound,
    #[error("Client certificate cannot be read.")]
    Unreadable,
    #[error("Certificate is not valid yet.")]
    NotYetValid,
    #[error("Certificate has expired.")]
    Expired,
    #[error("Certificate chain is not trusted. {0}.")]
    NotTrusted(String),
    #[error("Certificate, or one on the way to its root, was revoked.")]
    Revoked,
    #[error("Certificate revocation status is unknown. {0}.")]
    RevocationUnknown(String),
    #[error("Certificate does not match any of allowed identities.")]
    NoIdentity,
}

impl Rejection {
    fn reason(&self) -> &'static str {
        match self {
            Self::NotFound => "ClientCertificateNotFound",
            Self::NotYetValid => "ClientCertificateNotYetValid",
            Self::Expired => "ClientCertificateExpired",
            Self::Unreadable | Self::NotTrusted(_) => "ClientCertificateNotTrusted",
            Self::Revoked => "ClientCertificateRevoked",
            Self::RevocationUnknown(_) => "ClientCertificateRevocationUnknown",
            Self::NoIdentity => "ClientCertificateIdentityNotMatched",
        }
    }
}

fn compile(element: &Element, cx: &mut CompileCx<'_>) -> Option<Box<dyn Step>> {
    let mut rule = |name: &str| cx.literal::<bool>(element, name);
    let moment = |checked| if checked { Moment::Checked } else { Moment::Unchecked };
    let revocation = rule("validate-revocation");
    let trust = rule("validate-trust");
    let not_before = rule("validate-not-before").map(moment);
    let not_after = rule("validate-not-after").map(moment);
    let ignored = rule("ignore-error");
    let identities = match element.elements_named("identities").next() {
        None => Some(None),
        Some(all) => {
            let all: Vec<_> = all.elements().map(|it| Identity::compile(it, cx)).collect();
            all.into_iter().collect::<Option<Vec<_>>>().map(Some)
        }
    };
    let (revocation, trust) = (revocation?, trust?);
    warn(element, cx, revocation, trust);
    Some(Box::new(ValidateClientCertificate {
        revocation: if revocation { Revocation::Checked } else { Revocation::Unchecked },
        trust: if trust { Trust::Needed } else { Trust::NotNeeded },
        not_before: not_before?,
        not_after: not_after?,
        errors: if ignored? { Errors::Ignored } else { Errors::Refuse },
        identities: identities?,
    }))
}

/// Says what loads and refuses everybody, or believes anybody.
fn warn(element: &Element, cx: &mut CompileCx<'_>, revocation: bool, trust: bool) {
    let span = |name: &str| element.attribute(name).map_or(element.name_span, Attribute::span);
    let has_lists = cx.names().trust().is_some_and(TrustStore::has_revocation_lists);
    if revocation && !has_lists && !cx.standalone() {
        let message = "`validate-revocation` needs lists of what was revoked";
        let at = span("validate-revocation");
        cx.report(
            Diagnostic::new(Code::INVALID_VALUE, message, at)
                .label("`true` refuses every certificate without them")
                .help("set `ca-certificates.revocation-lists`: nothing is asked online; or write `validate-revocation=\"false\"` to accept revoked certificates"),
        );
    }
    if revocation && !trust {
        let message = "`validate-revocation` needs trust, so the root is looked for all the same";
        let at = span("validate-trust");
        cx.report(
            Diagnostic::new(Code::SUSPICIOUS, message, at)
                .label("only a trusted authority can say what was revoked")
                .help("write `validate-revocation=\"false\"` too, if any certificate is to pass"),
        );
    }
    if trust || revocation {
        return;
    }
    for identity in element.elements_named("identities").flat_map(Element::elements) {
        if !Identity::proves_something(identity) {
            cx.report(
                Diagnostic::new(
                    Code::INSECURE,
                    "anybody can make a certificate of this identity",
                    identity.name_span,
                )
                .label("nothing in it can only be written by an authority")
                .help("remove `validate-trust=\"false\"`, or add `thumbprint`, `issuer-thumbprint` or `issuer-certificate-id`"),
            );
        }
    }
}

impl ValidateClientCertificate {
    fn verdict(&self, cx: &RequestCx) -> Result<(), Rejection> {
        let presented = cx.client.certificate.as_ref().ok_or(Rejection::NotFound)?;
        let certificate = Certificate::new(&presented.der, None).ok_or(Rejection::Unreadable)?;
        let now = cx.ports.clock.unix_seconds();
        let (begin, end) = certificate.validity();
        if self.not_before == Moment::Checked && now < begin {
            return Err(Rejection::NotYetValid);
        }
        if self.not_after == Moment::Checked && now > end {
            return Err(Rejection::Expired);
        }
        // What was not to be looked at has passed by now; it must not fail on the way to the root.
        self.trust(cx, &certificate, presented, now.clamp(begin.min(end), end))?;
        match &self.identities {
            Some(all) if !all.iter().any(|it| it.is(cx, &certificate, presented)) => {
                Err(Rejection::NoIdentity)
            }
            _ => Ok(()),
        }
    }

    fn trust(
        &self,
        cx: &RequestCx,
        certificate: &Certificate,
        presented: &ClientCertificate,
        at: i64,
    ) -> Result<(), Rejection> {
        if self.trust == Trust::NotNeeded && self.revocation == Revocation::Unchecked {
            return Ok(());
        }
        let Some(store) = cx.route.names.trust() else {
            return Err(Rejection::NotTrusted("There are no trusted roots".to_owned()));
        };
        let verdict = store.verify(certificate, &presented.chain, at, self.revocation);
        verdict.map_err(|why| match why {
            Untrusted::NoRoot(why) => Rejection::NotTrusted(why),
            Untrusted::Revoked => Rejection::Revoked,
            Untrusted::Unknown(why) => Rejection::RevocationUnknown(why),
        })
    }
}

impl Step for ValidateClientCertificate {
    fn run(&self, cx: &mut RequestCx) -> Result<Flow, PolicyError> {
        let Err(rejection) = self.verdict(cx) else { return Ok(Flow::Continue) };
        if self.errors == Errors::Ignored {
            if cx.ports.trace.enabled() {
                let message = format!("ignored: {rejection}");
                let source = POLICY.name;
                cx.ports.trace.message(cx.client.request_id, source, &message);
            }
            return Ok(Flow::Continue);
        }
        let (reason, message) = (rejection.reason(), rejection.to_string());
        Err(PolicyError::refused(reason, message, StatusCode::UNAUTHORIZED)
            .client_message("Invalid client certificate"))
    }
}
