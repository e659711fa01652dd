//! `PublicKey` and `X500DistinguishedName`.

use std::sync::Arc;

use super::super::super::TypeId;
use super::super::super::decl::{Kind, TypeDecl, m, not_allowed, refused};
use super::super::{Run, oid, rsa};
use super::of;
use crate::cryptography::Certificate;
use crate::cryptography::rsa_key::RsaKey;
use crate::eval::{Args, Cx};
use crate::native::Native;
use crate::state::confusion;
use crate::{Exception, ExceptionKind, Value};

/// The public key of a certificate.
#[derive(Debug)]
struct PublicKey(Certificate);

impl Native for PublicKey {
    fn id(&self) -> TypeId {
        TypeId::PublicKey
    }
}

pub(super) fn public_key(cx: &mut Cx<'_>, certificate: Certificate) -> Run {
    cx.state.add_native(PublicKey(certificate))
}

fn this(cx: &Cx<'_>, a: &Args<'_>) -> Result<Certificate, Exception> {
    let key: &PublicKey = cx.state.native(a.get(0)).ok_or_else(confusion)?;
    Ok(key.0.clone())
}

/// The public key as RSA; null when it is something else.
pub(super) fn rsa_key(cx: &mut Cx<'_>, certificate: &Certificate) -> Run {
    match RsaKey::from_spki(&certificate.parsed().spki) {
        Ok((key, _)) => rsa::with_key(cx, Arc::new(key)),
        Err(_) => Ok(Value::Null),
    }
}

pub(in crate::types) const PUBLIC_KEY: TypeDecl = TypeDecl {
    name: "System.Security.Cryptography.X509Certificates.PublicKey",
    kind: Kind::Class,
    bases: &[],
    docs: "The public key of a certificate.",
    members: &[
        m("Oid Oid", "Its algorithm.", |cx, a| {
            let certificate = this(cx, a)?;
            oid::of(cx, &certificate.parsed().key_algorithm)
        }),
        m("AsnEncodedData EncodedKeyValue", "The key.", |cx, a| {
            let certificate = this(cx, a)?;
            let parsed = certificate.parsed();
            oid::encoded(cx, &parsed.key_algorithm, &parsed.key)
        }),
        m("AsnEncodedData EncodedParameters", "The parameters of the algorithm.", |cx, a| {
            let certificate = this(cx, a)?;
            let parsed = certificate.parsed();
            oid::encoded(cx, &parsed.key_algorithm, &parsed.key_parameters)
        }),
        m("AsymmetricAlgorithm Key", "The key, to verify and encrypt with.", |cx, a| {
            let certificate = this(cx, a)?;
            match rsa_key(cx, &certificate)? {
                Value::Null => Err(Exception::new(
                    ExceptionKind::NotSupported,
                    "The certificate key algorithm is not supported.",
                )),
                key => Ok(key),
            }
        }),
    ],
    refused: &[refused("new", "keys come with certificates")],
};

/// The subject or the issuer of a certificate.
#[derive(Debug)]
struct DistinguishedName(String);

impl Native for DistinguishedName {
    fn id(&self) -> TypeId {
        TypeId::X500DistinguishedName
    }
}

pub(super) fn name(cx: &mut Cx<'_>, a: &Args<'_>, issuer: bool) -> Run {
    let certificate = of(cx, a.get(0))?;
    let parsed = certificate.parsed();
    let text = if issuer { parsed.issuer.text() } else { parsed.subject.text() };
    cx.charge(text.len())?;
    Ok(Value::native(DistinguishedName(text)))
}

pub(in crate::types) const DISTINGUISHED_NAME: TypeDecl = TypeDecl {
    name: "System.Security.Cryptography.X509Certificates.X500DistinguishedName",
    kind: Kind::Class,
    bases: &[],
    docs: "A name of X.500.",
    members: &[m("string Name", "Its text, the last part first.", |cx, a| {
        let name = a.get(0).as_native::<DistinguishedName>().ok_or_else(confusion)?;
        cx.string(name.0.clone())
    })],
    refused: &[
        not_allowed("new", "Azure lists only `Name`"),
        not_allowed("CopyFrom", "Azure lists only `Name`"),
        not_allowed("Decode", "Azure lists only `Name`"),
        not_allowed("Format", "Azure lists only `Name`"),
        not_allowed("RawData", "Azure lists only `Name`"),
        not_allowed("Oid", "Azure lists only `Name`"),
    ],
};
