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

/// The public key of a certificate, and what was made of it when it was first asked for.
#[derive(Debug)]
struct PublicKey {
    certificate: Certificate,
    made: [Option<Value>; 4],
}

/// The parts of a key that are objects.
#[derive(Debug, Clone, Copy)]
enum Part {
    Oid,
    Value,
    Parameters,
    Key,
}

impl Native for PublicKey {
    fn id(&self) -> TypeId {
        TypeId::PublicKey
    }
}

pub(super) fn public_key(cx: &mut Cx<'_>, certificate: Certificate) -> Run {
    cx.state.add_native(PublicKey { certificate, made: Default::default() })
}

/// A part of a key, one object however often it is asked for.
fn part(cx: &mut Cx<'_>, a: &Args<'_>, part: Part) -> Run {
    let key: &PublicKey = cx.state.native(a.get(0)).ok_or_else(confusion)?;
    if let Some(Some(known)) = key.made.get(part as usize) {
        return Ok(known.clone());
    }
    let certificate = key.certificate.clone();
    let parsed = certificate.parsed();
    let made = match part {
        Part::Oid => oid::of(cx, &parsed.key_algorithm)?,
        Part::Value => oid::encoded(cx, &parsed.key_algorithm, &parsed.key)?,
        Part::Parameters => oid::encoded(cx, &parsed.key_algorithm, &parsed.key_parameters)?,
        Part::Key => match rsa_key(cx, &certificate)? {
            Value::Null => {
                let message = "The certificate key algorithm is not supported.";
                return Err(Exception::new(ExceptionKind::NotSupported, message));
            }
            key => key,
        },
    };
    let key: Option<&mut PublicKey> = cx.state.native_mut(a.get(0));
    if let Some(place) = key.and_then(|key| key.made.get_mut(part as usize)) {
        *place = Some(made.clone());
    }
    Ok(made)
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
        m("Oid Oid", "Its algorithm.", |cx, a| part(cx, a, Part::Oid)),
        m("AsnEncodedData EncodedKeyValue", "The key.", |cx, a| part(cx, a, Part::Value)),
        m("AsnEncodedData EncodedParameters", "The parameters of the algorithm.", |cx, a| {
            part(cx, a, Part::Parameters)
        }),
        m("AsymmetricAlgorithm Key", "The key, to verify and encrypt with.", |cx, a| {
            part(cx, a, Part::Key)
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
