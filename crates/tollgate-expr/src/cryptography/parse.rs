//! What is read of a certificate.

use bytes::Bytes;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::der::{self, BIT_STRING, CONTEXT_0, OID, Reader, SEQUENCE};
use super::name::{Name, text};
use super::oid;

/// A certificate's content.
#[derive(Debug)]
pub(crate) struct Parsed {
    pub(crate) der: Bytes,
    pub(crate) version: i32,
    /// Big-endian, as it stands.
    pub(crate) serial: Vec<u8>,
    pub(crate) subject: Name,
    pub(crate) issuer: Name,
    /// Seconds since 1970.
    pub(crate) not_before: i64,
    pub(crate) not_after: i64,
    pub(crate) key_algorithm: String,
    /// DER of the parameters; empty when there are none.
    pub(crate) key_parameters: Vec<u8>,
    pub(crate) key: Vec<u8>,
    pub(crate) spki: Vec<u8>,
    pub(crate) signature_algorithm: String,
    pub(crate) extensions: Vec<Extension>,
}

/// An extension.
#[derive(Debug)]
pub(crate) struct Extension {
    pub(crate) oid: String,
    pub(crate) value: Vec<u8>,
}

/// What an alternative name is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Alternative {
    Email,
    Dns,
    Url,
    Upn,
}

impl Parsed {
    /// Reads DER; what stands after the certificate is left out.
    pub(crate) fn read(der: &Bytes) -> Option<Parsed> {
        let (rest, certificate) = X509Certificate::from_der(der).ok()?;
        let n = der.len() - rest.len();
        let tbs = &certificate.tbs_certificate;
        let mut spki = Reader::new(tbs.subject_pki.raw).inside(SEQUENCE)?;
        let mut algorithm = spki.inside(SEQUENCE)?;
        let key_algorithm = der::oid_text(algorithm.expect(OID)?);
        let key_parameters = algorithm.rest().to_vec();
        let (_, key) = spki.expect(BIT_STRING)?.split_first()?;
        Some(Parsed {
            version: i32::try_from(tbs.version.0).ok()?.saturating_add(1),
            serial: certificate.raw_serial().to_vec(),
            subject: Name::read(tbs.subject.as_raw())?,
            issuer: Name::read(tbs.issuer.as_raw())?,
            not_before: tbs.validity.not_before.timestamp(),
            not_after: tbs.validity.not_after.timestamp(),
            key_algorithm,
            key_parameters,
            key: key.to_vec(),
            spki: tbs.subject_pki.raw.to_vec(),
            signature_algorithm: certificate.signature_algorithm.algorithm.to_id_string(),
            extensions: tbs
                .extensions()
                .iter()
                .map(|extension| Extension {
                    oid: extension.oid.to_id_string(),
                    value: extension.value.to_vec(),
                })
                .collect(),
            der: der.slice(..n),
        })
    }

    /// The first alternative name of a kind, of the subject or of the issuer.
    pub(crate) fn alternative(&self, issuer: bool, kind: Alternative) -> Option<String> {
        let wanted = if issuer { oid::ISSUER_ALTERNATIVE } else { oid::SUBJECT_ALTERNATIVE };
        self.alternatives(wanted, kind).into_iter().next()
    }

    /// The alternative names of a kind in an extension, as far as it can be read.
    pub(crate) fn alternatives(&self, wanted: &str, kind: Alternative) -> Vec<String> {
        let mut all = Vec::new();
        let extension = self.extensions.iter().find(|extension| extension.oid == wanted);
        let names = extension.and_then(|it| Reader::new(&it.value).inside(SEQUENCE));
        let Some(mut names) = names else { return all };
        while !names.is_empty() {
            let Some((tag, content)) = names.any() else { break };
            let found = match (kind, tag) {
                (Alternative::Email, 0x81)
                | (Alternative::Dns, 0x82)
                | (Alternative::Url, 0x86) => Some(String::from_utf8_lossy(content).into_owned()),
                (Alternative::Upn, CONTEXT_0) => principal(content),
                _ => None,
            };
            all.extend(found);
        }
        all
    }
}

/// The name in an `otherName` of a user principal.
fn principal(content: &[u8]) -> Option<String> {
    let mut other = Reader::new(content);
    let kind = der::oid_text(other.expect(OID)?);
    let (tag, content) = other.inside(CONTEXT_0)?.any()?;
    (kind == oid::UPN).then(|| text(tag, content))
}
