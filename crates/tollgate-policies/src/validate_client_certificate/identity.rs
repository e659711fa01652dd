//! Whose certificates are accepted.

use std::sync::Arc;

use tollgate_diagnostics::{Code, Diagnostic};
use tollgate_engine::jose;
use tollgate_engine::read::Element;
use tollgate_engine::{AttributeDef, ChildDef, ClientCertificate, CompileCx, RequestCx};
use tollgate_expr::{Certificate, TrustStore};

pub(super) const IDENTITY: ChildDef = ChildDef {
    name: "identity",
    min: 1,
    attributes: &[
        AttributeDef {
            name: "thumbprint",
            doc: "SHA-1 of the certificate in hexadecimal.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "serial-number",
            doc: "Serial number in hexadecimal.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "common-name",
            doc: "Common name of the subject.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "subject",
            doc: "The whole name of the subject, such as `CN=client, O=Contoso`; text with a comma stands in quotation marks.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "dns-name",
            doc: "One of the DNS names of the subject.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "issuer-subject",
            doc: "The whole name of the issuer.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "issuer-thumbprint",
            doc: "SHA-1 of the issuer's certificate in hexadecimal; it must have come with the client's, or be one of `[ca-certificates]`.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "issuer-certificate-id",
            doc: "The issuer's certificate, by its name in `[certificates]`; excludes the other two of the issuer.",
            ..AttributeDef::DEFAULT
        },
    ],
    doc: "One identity: a certificate is of it when everything that is given matches.",
    ..ChildDef::DEFAULT
};

/// Hexadecimal digits of a thumbprint.
const SHA_1: usize = 40;

/// One `identity`.
#[derive(Debug)]
pub(super) struct Identity {
    thumbprint: Option<String>,
    serial_number: Option<String>,
    common_name: Option<String>,
    subject: Option<Name>,
    dns_name: Option<String>,
    issuer_subject: Option<Name>,
    issuer_thumbprint: Option<String>,
    issuer: Option<Arc<jose::Certificate>>,
}

/// The parts of a distinguished name: kind in upper case, value in lower case.
#[derive(Debug, PartialEq, Eq)]
struct Name(Vec<(String, String)>);

impl Identity {
    pub(super) fn compile(element: &Element, cx: &mut CompileCx<'_>) -> Option<Self> {
        warn(element, cx);
        let mut text = |name: &str| cx.literal::<Arc<str>>(element, name);
        let thumbprint = text("thumbprint").map(|it| hexadecimal(&it));
        let serial_number = text("serial-number").map(|it| serial(&it));
        let common_name = text("common-name").map(|it| it.trim().to_lowercase());
        let subject = text("subject").map(|it| Name::parse(&it));
        let dns_name = text("dns-name").map(|it| it.trim().to_lowercase());
        let issuer_subject = text("issuer-subject").map(|it| Name::parse(&it));
        let issuer_thumbprint = text("issuer-thumbprint").map(|it| hexadecimal(&it));
        let issuer = match element.attribute("issuer-certificate-id") {
            None => None,
            Some(attribute) => {
                if issuer_subject.is_some() || issuer_thumbprint.is_some() {
                    let message =
                        "`issuer-certificate-id` excludes `issuer-subject` and `issuer-thumbprint`";
                    let code = Code::CONFLICTING_ATTRIBUTES;
                    cx.report(
                        Diagnostic::new(code, message, attribute.span()).label("both are given"),
                    );
                    return None;
                }
                let id = cx.literal::<Arc<str>>(element, "issuer-certificate-id")?;
                if !cx.check_certificate(&id, attribute.value.span()) {
                    return None;
                }
                cx.names().certificate(&id)
            }
        };
        if element.attributes.is_empty() {
            let message = "`identity` says nothing, so every certificate is of it";
            cx.report(
                Diagnostic::new(Code::MISSING_ATTRIBUTE, message, element.name_span)
                    .label("no attribute is given"),
            );
            return None;
        }
        Some(Self {
            thumbprint,
            serial_number,
            common_name,
            subject,
            dns_name,
            issuer_subject,
            issuer_thumbprint,
            issuer,
        })
    }

    /// Whether an identity has something that not everybody can write into a certificate of their own.
    pub(super) fn proves_something(element: &Element) -> bool {
        ["thumbprint", "issuer-thumbprint", "issuer-certificate-id"]
            .iter()
            .any(|name| element.attribute(name).is_some())
    }

    /// Whether a certificate is of this identity.
    pub(super) fn is(
        &self,
        cx: &RequestCx,
        certificate: &Certificate,
        presented: &ClientCertificate,
    ) -> bool {
        // What is written and says nothing is no certificate's: one without a name must not match an empty one.
        let same = |wanted: &Option<String>, found: &dyn Fn() -> String| {
            wanted.as_ref().is_none_or(|wanted| !wanted.is_empty() && *wanted == found())
        };
        let named = |wanted: &Option<Name>, found: &dyn Fn() -> String| {
            wanted.as_ref().is_none_or(|wanted| wanted.is_one() && *wanted == Name::parse(&found()))
        };
        same(&self.thumbprint, &|| certificate.thumbprint())
            && same(&self.serial_number, &|| serial(&certificate.serial_number()))
            && same(&self.common_name, &|| {
                certificate.common_name().unwrap_or_default().to_lowercase()
            })
            && named(&self.subject, &|| certificate.subject())
            && self.dns_name.as_ref().is_none_or(|wanted| {
                certificate.dns_names().iter().any(|name| name.to_lowercase() == *wanted)
            })
            && named(&self.issuer_subject, &|| certificate.issuer())
            && self.is_issued(cx, certificate, presented)
    }

    /// Whether the issuer is the one that is wanted, by its signature.
    fn is_issued(
        &self,
        cx: &RequestCx,
        certificate: &Certificate,
        presented: &ClientCertificate,
    ) -> bool {
        if let Some(issuer) = &self.issuer
            && !TrustStore::signed(issuer.der(), certificate)
        {
            return false;
        }
        let Some(wanted) = &self.issuer_thumbprint else { return true };
        // Who made a certificate for themselves is their own issuer.
        if *wanted == certificate.thumbprint() && certificate.subject() == certificate.issuer() {
            return true;
        }
        let known = cx.route.names.trust().into_iter().flat_map(TrustStore::certificates);
        let candidates = presented.chain.iter().map(AsRef::as_ref).chain(known);
        let mut candidates = candidates.filter(|der| thumbprint(der) == *wanted);
        candidates
            .any(|issuer| TrustStore::signed(&bytes::Bytes::copy_from_slice(issuer), certificate))
    }
}

fn thumbprint(der: &[u8]) -> String {
    jose::Certificate::new(bytes::Bytes::copy_from_slice(der), Vec::new(), None).thumbprint()
}

/// Hexadecimal without what people put between or before its digits, in upper case.
fn hexadecimal(text: &str) -> String {
    // Copied from the dialogs of Windows, it begins with a mark that cannot be seen.
    text.chars().filter(char::is_ascii_hexdigit).collect::<String>().to_ascii_uppercase()
}

fn serial(text: &str) -> String {
    let digits = hexadecimal(text);
    match digits.trim_start_matches('0') {
        "" if !digits.is_empty() => "0".to_owned(),
        number => number.to_owned(),
    }
}

/// Says what no certificate can have.
fn warn(element: &Element, cx: &mut CompileCx<'_>) {
    for attribute in element.attributes.iter().filter(|attribute| !attribute.value.is_opaque) {
        let text = attribute.value.as_str();
        let expected = match attribute.name.as_str() {
            "thumbprint" | "issuer-thumbprint" if hexadecimal(text).len() != SHA_1 => {
                "expected 40 hexadecimal digits"
            }
            "serial-number" if serial(text).is_empty() => "expected hexadecimal digits",
            "subject" | "issuer-subject" if !Name::parse(text).is_one() => {
                "expected a whole name such as `CN=client, O=Contoso`"
            }
            "common-name" | "dns-name" if text.trim().is_empty() => "it is empty",
            _ => continue,
        };
        let message = format!("no certificate has this `{}`", attribute.name);
        cx.report(
            Diagnostic::new(Code::SUSPICIOUS, message, attribute.value.span()).label(expected),
        );
    }
}

impl Name {
    /// Reads a name as .NET writes it: `CN=client, O="Contoso, Inc."`.
    fn parse(text: &str) -> Self {
        let parts = split(text).into_iter().filter(|part| !part.trim().is_empty()).map(|part| {
            let (kind, value) = part.split_once('=').unwrap_or(("", part));
            let value = value.trim();
            let inner = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
            let value = inner.map_or_else(|| value.to_owned(), |inner| inner.replace("\"\"", "\""));
            (kind.trim().to_ascii_uppercase(), value.to_lowercase())
        });
        Self(parts.collect())
    }

    /// Whether it is the name of anybody: it has parts, and each of them says of what kind it is.
    fn is_one(&self) -> bool {
        !self.0.is_empty() && self.0.iter().all(|(kind, _)| !kind.is_empty())
    }
}

/// Splits at commas that are not inside quotation marks.
fn split(text: &str) -> Vec<&str> {
    let mut quoted = false;
    text.split(|c| {
        quoted ^= c == '"';
        c == ',' && !quoted
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_compare_by_their_parts() {
        let same = |left: &str, right: &str| Name::parse(left) == Name::parse(right);
        assert!(same(r#"CN=client, O="Contoso, Inc.""#, r#"cn = Client,o="contoso, inc.""#));
        assert!(same(r#"CN="a""b""#, r#"CN="A""B""#));
        assert!(!same("CN=client, O=Contoso", "O=Contoso, CN=client"));
        assert!(!same("CN=client", "CN=client, O=Contoso"));
        assert!(!same(r#"CN="a, O=b""#, "CN=a, O=b"));
        assert!(!same("CN=client, Contoso", "CN=client"));
        for (text, is_one) in
            [("CN=client,", true), ("", false), ("client", false), ("CN=a, b", false)]
        {
            assert_eq!(Name::parse(text).is_one(), is_one, "{text}");
        }
    }

    #[test]
    fn hexadecimal_is_read_as_people_copy_it() {
        assert_eq!(hexadecimal("\u{200e}ca 06:F5"), "CA06F5");
        assert_eq!(serial("00 a1"), serial("A1"));
        assert_eq!((serial("00"), serial("none")), ("0".to_owned(), "E".to_owned()));
        assert_eq!(serial("?"), "");
    }
}
