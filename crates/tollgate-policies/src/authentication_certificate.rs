//! `authentication-certificate`: proves itself to the backend with a client certificate.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use tollgate_diagnostics::{Code, Diagnostic};
use tollgate_engine::jose::Certificate;
use tollgate_engine::read::Element;
use tollgate_engine::{
    AttributeDef, CompileCx, Content, Facts, Flow, Limit, Message, Pkcs12, PolicyDef, PolicyError,
    RequestCx, Scope, Secret, Section, Step, Value,
};

pub(crate) const POLICY: PolicyDef = PolicyDef {
    name: "authentication-certificate",
    sections: &[Section::Inbound],
    toolkit_sections: &[],
    scopes: &Scope::ALL,
    limit: Limit::Any,
    attributes: &[
        AttributeDef {
            name: "thumbprint",
            expression: true,
            doc: "Thumbprint of a configured certificate.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "certificate-id",
            expression: true,
            doc: "Name of a configured certificate.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "body",
            expression: true,
            doc: "A PKCS#12 file: its bytes, or their Base64.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "password",
            expression: true,
            doc: "Password of the file in `body`.",
            ..AttributeDef::DEFAULT
        },
    ],
    content: Content::Empty,
    docs: DOCS,
    compile,
};

const DOCS: &str = r#"Presents a client certificate to the backend when the connection is made; inside `send-request` and
`send-one-way-request`, to the server that is called there. Connections are shared only by requests with the same certificate.

```xml
<authentication-certificate body="@(Convert.FromBase64String((string)context.Variables["pfx"]))" password="{{pfx-password}}" />
```

Differences from Azure:

- `thumbprint` and `certificate-id` name a certificate of `[certificates]`, and each finds it by either. One that does
  not exist is an error at load, and from an expression an error of the request (500, reason `CertificateNotFound`).
- A file in `body` that cannot be opened or holds no private key is an error of the request (500, reason
  `CertificateInvalid`); in a literal it is an error at load.
- It takes the place of the backend's own client certificate. Over plain HTTP it has no effect. When a redirect is followed
  to another host (`follow-redirects`), it stays behind.
"#;

struct ClientCertificate {
    message: Message,
    source: Source,
}

enum Source {
    /// Known at load.
    Fixed(Arc<Certificate>),
    /// By name or thumbprint.
    Named(Value<Arc<str>>),
    /// From a file.
    File {
        body: Value<Bytes>,
        password: Option<Value<Arc<str>>>,
        /// The last one that was opened: deriving its keys costs far more than the lock, and it seldom changes.
        opened: Mutex<Option<Opened>>,
    },
}

/// A file that was opened, and with what.
struct Opened {
    file: Secret<Bytes>,
    password: Secret<Arc<str>>,
    certificate: Arc<Certificate>,
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCertificate").field("message", &self.message).finish_non_exhaustive()
    }
}

const SOURCES: [&str; 3] = ["thumbprint", "certificate-id", "body"];

fn compile(element: &Element, cx: &mut CompileCx<'_>) -> Option<Box<dyn Step>> {
    let mut given = SOURCES.into_iter().filter(|name| element.attribute(name).is_some());
    let (Some(name), None) = (given.next(), given.next()) else {
        let message =
            "`authentication-certificate` needs one of `thumbprint`, `certificate-id` and `body`";
        let none = SOURCES.iter().all(|name| element.attribute(name).is_none());
        cx.report(
            Diagnostic::new(Code::CONFLICTING_ATTRIBUTES, message, element.name_span)
                .label(if none { "none is given" } else { "more than one is given" }),
        );
        return None;
    };
    if name != "body"
        && let Some(password) = element.attribute("password")
    {
        let message = "`password` has no effect without `body`";
        cx.report(
            Diagnostic::new(Code::NO_EFFECT, message, password.name_span)
                .label("a configured certificate needs none"),
        );
    }
    let source = if name == "body" { file(element, cx)? } else { named(element, cx, name)? };
    Some(Box::new(ClientCertificate { message: cx.message(), source }))
}

fn named(element: &Element, cx: &mut CompileCx<'_>, name: &str) -> Option<Source> {
    let written = element.attribute(name)?;
    let id: Value<Arc<str>> = cx.attribute(element, name)?;
    let Some(literal) = id.literal().map(|id| id.trim()) else { return Some(Source::Named(id)) };
    if written.value.is_opaque || !cx.check_certificate(literal, written.value.span()) {
        return None;
    }
    let certificate = cx.names().certificate(literal)?;
    if certificate.private_key().is_none() {
        cx.report(
            Diagnostic::new(
                Code::INVALID_VALUE,
                "the certificate has no private key",
                written.value.span(),
            )
            .label("cannot be presented to a backend"),
        );
        return None;
    }
    Some(Source::Fixed(certificate))
}

fn file(element: &Element, cx: &mut CompileCx<'_>) -> Option<Source> {
    let body: Option<Value<Bytes>> = cx.attribute(element, "body");
    let password: Option<Value<Arc<str>>> = cx.attribute(element, "password");
    if password.is_none() && element.attribute("password").is_some() {
        return None;
    }
    let body = body?;
    let known = password.as_ref().map_or(Some(None), |value| value.literal().map(Some));
    if let (Some(bytes), Some(password)) = (body.literal(), known) {
        return match open(bytes, password.map_or("", |text| text)) {
            Ok(certificate) => Some(Source::Fixed(Arc::new(certificate))),
            Err(why) => {
                let span = element.attribute("body")?.value.span();
                let message = format!("the certificate in `body` cannot be used: {why}");
                cx.report(
                    Diagnostic::new(Code::INVALID_VALUE, message, span)
                        .label("expected a PKCS#12 file in Base64"),
                );
                None
            }
        };
    }
    Some(Source::File { body, password, opened: Mutex::default() })
}

/// Opens a PKCS#12 file or its Base64.
fn open(file: &[u8], password: &str) -> Result<Certificate, String> {
    let decoded;
    let der = if Pkcs12::is_one(file) {
        file
    } else {
        let text: Vec<u8> = file.iter().copied().filter(|b| !b.is_ascii_whitespace()).collect();
        decoded =
            STANDARD.decode(text).map_err(|_| "it is neither PKCS#12 nor Base64".to_owned())?;
        &decoded
    };
    let opened = Pkcs12::open(der, password).map_err(|fault| fault.to_string())?;
    let key = opened.private_key.ok_or("it holds no private key")?;
    Ok(Certificate::new(opened.certificate, opened.chain, Some(Secret::new(key))))
}

impl ClientCertificate {
    fn certificate(&self, cx: &mut RequestCx) -> Result<Arc<Certificate>, PolicyError> {
        match &self.source {
            Source::Fixed(certificate) => Ok(Arc::clone(certificate)),
            Source::Named(id) => {
                let id = id.eval(cx)?;
                let found = cx.route.names.certificate(id.trim());
                found.filter(|found| found.private_key().is_some()).ok_or_else(|| {
                    let message = format!("There is no certificate {id} with a private key.");
                    PolicyError::internal("CertificateNotFound", message)
                })
            }
            Source::File { body, password, opened } => {
                let file = body.eval(cx)?;
                let password = match password {
                    Some(password) => password.eval(cx)?,
                    None => Arc::from(""),
                };
                let mut last = opened.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(last) = &*last
                    && *last.file.expose() == file
                    && *last.password.expose() == password
                {
                    return Ok(Arc::clone(&last.certificate));
                }
                let certificate = Arc::new(open(&file, &password).map_err(|why| {
                    let message = format!("The certificate cannot be used: {why}.");
                    PolicyError::internal("CertificateInvalid", message)
                })?);
                *last = Some(Opened {
                    file: Secret::new(file),
                    password: Secret::new(password),
                    certificate: Arc::clone(&certificate),
                });
                Ok(certificate)
            }
        }
    }
}

impl Step for ClientCertificate {
    fn run(&self, cx: &mut RequestCx) -> Result<Flow, PolicyError> {
        let certificate = self.certificate(cx)?;
        cx.via_mut(self.message).certificate = Some(certificate);
        Ok(Flow::Continue)
    }

    fn facts(&self) -> Facts {
        match &self.source {
            Source::Fixed(_) => Facts::default(),
            Source::Named(id) => id.facts(),
            Source::File { body, password, .. } => {
                password.as_ref().map_or_else(Facts::default, Value::facts).or(body.facts())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use bytes::Bytes;
    use tollgate_engine::jose::Certificate;
    use tollgate_engine::{Pkcs12, Secret};

    use crate::testing::Case;

    /// A file of the tests of expressions.
    const PFX: &[u8] = include_bytes!("../../tollgate-expr/src/types/crypto/tests/signing.pfx");
    const PASSWORD: &str = "secret";

    fn base64() -> String {
        STANDARD.encode(PFX)
    }

    fn certificate(key: Option<&'static [u8]>) -> Certificate {
        let key = key.map(|key| Secret::new(Bytes::from_static(key)));
        Certificate::new(Bytes::from_static(b"der"), Vec::new(), key)
    }

    fn case(attributes: &str) -> Case {
        Case::inbound(&format!("<authentication-certificate {attributes} />"))
            .certificate("client", certificate(Some(b"key")))
            .certificate("public", certificate(None))
            .variable("id", "client".into())
            .variable("pfx", base64().as_str().into())
            .variable("password", PASSWORD.into())
    }

    fn chosen(case: Case) -> String {
        let run = case.run();
        match &run.cx.request.via.certificate {
            Some(certificate) if certificate.der() == "der" => "client".to_owned(),
            Some(certificate) => certificate.thumbprint(),
            None => format!("{}: {}", run.reason(), run.message()),
        }
    }

    #[test]
    fn configured_certificates() {
        assert_eq!(chosen(case(r#"certificate-id="client""#)), "client");
        assert_eq!(chosen(case(r#"thumbprint="client""#)), "client");
        let by = |name: &str| format!(r#"{name}="@((string)context.Variables["id"])""#);
        assert_eq!(chosen(case(&by("certificate-id"))), "client");
        assert_eq!(chosen(case(&by("thumbprint"))), "client");
        let missing = case(&by("certificate-id")).variable("id", "other".into());
        assert_eq!(
            chosen(missing),
            "CertificateNotFound: There is no certificate other with a private key."
        );
        case(r#"certificate-id="clint""#).refused("did you mean `client`");
        case(r#"certificate-id="public""#).refused("has no private key");
        let run = case(&by("certificate-id")).variable("id", "public".into()).run();
        assert_eq!(
            (run.source(), run.reason()),
            ("authentication-certificate", "CertificateNotFound")
        );
    }

    #[test]
    fn files_from_bytes_and_from_base64() {
        let opened = Pkcs12::open(PFX, PASSWORD).unwrap();
        let thumbprint = Certificate::new(opened.certificate, Vec::new(), None).thumbprint();
        let dynamic = r#"body="@((string)context.Variables["pfx"])" password="@((string)context.Variables["password"])""#;
        assert_eq!(chosen(case(dynamic)), thumbprint);
        let bytes = r#"body="@(Convert.FromBase64String((string)context.Variables["pfx"]))" password="secret""#;
        assert_eq!(chosen(case(bytes)), thumbprint);
        assert_eq!(chosen(case(&format!(r#"body="{}" password="secret""#, base64()))), thumbprint);
        assert_eq!(
            chosen(case(dynamic).variable("password", "wrong".into())),
            "CertificateInvalid: The certificate cannot be used: the password does not fit."
        );
        assert_eq!(
            chosen(case(dynamic).variable("pfx", "!".into())),
            "CertificateInvalid: The certificate cannot be used: it is neither PKCS#12 nor Base64."
        );
        case(&format!(r#"body="{}" password="wrong""#, base64()))
            .refused("the password does not fit");
        case(r#"body="AAAA""#).refused("it is no PKCS#12 file");
    }

    #[test]
    fn one_source_is_needed() {
        case("").refused("none is given");
        case(r#"thumbprint="client" certificate-id="client""#).refused("more than one is given");
        case(r#"certificate-id="client" password="x""#).warned("has no effect without `body`");
    }

    #[test]
    fn nothing_secret_prints() {
        let printed = case(&format!(r#"body="{}" password="secret""#, base64())).printed();
        assert!(!printed.contains(base64().get(..40).unwrap()), "{printed}");
    }
}
