//! Methods that are added to `X509Certificate2`.

use super::super::super::TypeId;
use super::super::super::decl::{Kind, TypeDecl, m};
use super::super::{Run, argument, cryptographic, rsa};
use super::key::rsa_key;
use super::{add, extended, held, this};
use crate::Value;
use crate::cryptography::Certificate;
use crate::cryptography::rsa_key::RsaKey;
use crate::eval::{Args, Cx, null_argument};

/// The private key; null when there is none that can be used.
pub(super) fn private_key(cx: &mut Cx<'_>, certificate: &Certificate) -> Run {
    // The library checks the key the first time.
    cx.step(100)?;
    match certificate.rsa() {
        Some(key) => rsa::with_key(cx, key),
        None => Ok(Value::Null),
    }
}

/// Whether a certificate leads to a trusted root.
///
/// Nothing is fetched here, so revocation is not looked at; `Verify` and `VerifyNoRevocation` are the same.
pub(super) fn verify(cx: &mut Cx<'_>, certificate: &Certificate) -> Run {
    const TICKS_AT_UNIX_EPOCH: i64 = 621_355_968_000_000_000;
    // A chain is a handful of signatures.
    cx.step(2000)?;
    let now = (cx.host.utc_now() - TICKS_AT_UNIX_EPOCH).div_euclid(10_000_000);
    let trusted = cx.host.trust().is_some_and(|trust| trust.accepts(certificate, now));
    Ok(Value::Bool(trusted))
}

fn with_private_key(cx: &mut Cx<'_>, a: &Args<'_>) -> Run {
    for (place, name) in [(0, "certificate"), (1, "privateKey")] {
        if a.get(place).is_null() {
            return Err(null_argument(name));
        }
    }
    let own = this(cx, a)?;
    let key = rsa::key_of(cx, a.get(1))?;
    if own.has_private_key() {
        let message = "The certificate already has an associated private key.";
        return Err(crate::Exception::new(crate::ExceptionKind::InvalidOperation, message));
    }
    let Ok((public, _)) = RsaKey::from_spki(&own.parsed().spki) else {
        let message =
            "The provided key does not match the public key algorithm for this certificate.";
        return Err(argument(message));
    };
    if !public.matches(&key) {
        let message = "The provided key does not match the public key for this certificate. (Parameter 'privateKey')";
        return Err(argument(message));
    }
    let made = own.with_rsa(key);
    let made = made.ok_or_else(|| cryptographic("Cannot find the requested object."))?;
    add(cx, TypeId::X509Certificate2, Some(made))
}

pub(in crate::types) const RSA: TypeDecl = TypeDecl {
    name: "System.Security.Cryptography.X509Certificates.RSACertificateExtensions",
    kind: Kind::Static,
    bases: &[],
    docs: "RSA keys of certificates.",
    members: &[
        m(
            "static RSA GetRSAPublicKey(this X509Certificate2 certificate)",
            "The public key; null when it is not RSA.",
            |cx, a| {
                let certificate = extended(cx, a)?;
                rsa_key(cx, &certificate)
            },
        ),
        m(
            "static RSA GetRSAPrivateKey(this X509Certificate2 certificate)",
            "The private key; null when there is none or it is not RSA.",
            |cx, a| {
                let certificate = extended(cx, a)?;
                private_key(cx, &certificate)
            },
        ),
        m(
            "static X509Certificate2 CopyWithPrivateKey(this X509Certificate2 certificate, RSA privateKey)",
            "The certificate with a private key.",
            |cx, a| with_private_key(cx, a),
        ),
    ],
    refused: &[],
};

pub(in crate::types) const CERTIFICATE: TypeDecl = TypeDecl {
    name: "CertificateExtensions",
    kind: Kind::Static,
    bases: &[],
    docs: "What Azure adds to certificates.",
    members: &[m(
        "static bool VerifyNoRevocation(this X509Certificate2 certificate)",
        "Whether it leads to a trusted root and is valid, revocation aside.",
        |cx, a| {
            let given = a.get(0);
            let held = if given.is_null() { None } else { held(cx, given)? };
            let certificate = held.ok_or_else(|| {
                argument("The chain context handle is invalid. (Parameter 'certificate')")
            })?;
            verify(cx, &certificate)
        },
    )],
    refused: &[],
};
