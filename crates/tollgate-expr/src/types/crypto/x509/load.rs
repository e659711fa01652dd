//! Certificates out of bytes: DER, PEM or PKCS#12.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use super::super::{argument, cryptographic};
use crate::cryptography::pkcs12::{self, Pkcs12Fault as Fault};
use crate::cryptography::{Certificate, der};
use crate::eval::Cx;
use crate::{Exception, Value};

/// `X509ContentType` by number.
pub(super) const CERT: i32 = 1;
pub(super) const SERIALIZED: i32 = 2;
pub(super) const PFX: i32 = 3;

/// What .NET says when it has no reason.
pub(super) fn fault() -> Exception {
    cryptographic("Error occurred during a cryptographic operation.")
}

/// Refuses flags that are none, or that exclude each other.
pub(super) fn check_flags(flags: i32) -> Result<(), Exception> {
    const ALL: i32 = 0x3F;
    const KEPT_AND_NOT: i32 = 0x30;
    if flags & !ALL != 0 {
        return Err(argument("Value of flags is invalid. (Parameter 'keyStorageFlags')"));
    }
    if flags & KEPT_AND_NOT == KEPT_AND_NOT {
        return Err(argument(
            "The flags 'PersistKeySet, EphemeralKeySet' may not be specified together. (Parameter 'keyStorageFlags')",
        ));
    }
    Ok(())
}

/// What Windows says about bytes that are none of these.
fn unreadable() -> Exception {
    cryptographic("Cannot find the requested object.")
}

/// DER of the first certificate in PEM.
fn from_pem(data: &[u8]) -> Option<Bytes> {
    let text = std::str::from_utf8(data).ok()?;
    ["CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"].iter().find_map(|label| {
        let (_, rest) = text.split_once(&format!("-----BEGIN {label}-----"))?;
        let (body, _) = rest.split_once(&format!("-----END {label}-----"))?;
        let body: String = body.chars().filter(|c| !c.is_ascii_whitespace()).collect();
        STANDARD.decode(body).ok().map(Bytes::from)
    })
}

/// The certificate that bytes hold.
pub(super) fn load(cx: &mut Cx<'_>, data: &[u8], password: &str) -> Result<Certificate, Exception> {
    cx.charge(data.len())?;
    cx.step(data.len() as u64 / 16 + 100)?;
    if let Some(der) = from_pem(data) {
        return Certificate::given(&der, None).ok_or_else(unreadable);
    }
    if !pkcs12::is_pkcs12(data) {
        return Certificate::given(&Bytes::copy_from_slice(data), None).ok_or_else(unreadable);
    }
    let mut refused = None;
    let opened = pkcs12::open(data, password, &mut |rounds| {
        // A round is two hashes.
        refused = cx.step(u64::from(rounds) / 4 + 1).err();
        refused.is_none()
    });
    if let Some(exception) = refused {
        return Err(exception);
    }
    let content = opened.map_err(|fault| match fault {
        Fault::Format => unreadable(),
        Fault::Password => cryptographic("The specified network password is not correct."),
        Fault::Unsupported => {
            cryptographic("The file is protected in a way that is not supported.")
        }
        Fault::Work => cryptographic("The file asks for too many rounds of key derivation."),
    })?;
    Certificate::given(&content.certificate, content.private_key).ok_or_else(unreadable)
}

/// `GetCertContentType`.
pub(super) fn content_type(data: &[u8]) -> Result<i32, Exception> {
    if data.is_empty() {
        return Err(argument("Array may not be empty or null. (Parameter 'rawData')"));
    }
    let der = from_pem(data).unwrap_or_else(|| Bytes::copy_from_slice(data));
    if pkcs12::is_pkcs12(&der) && der::Reader::new(&der).raw().is_some() {
        return Ok(PFX);
    }
    if Certificate::given(&der, None).is_some() {
        return Ok(CERT);
    }
    Err(fault())
}

/// A password among the arguments: none is an empty one.
pub(super) fn password(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
