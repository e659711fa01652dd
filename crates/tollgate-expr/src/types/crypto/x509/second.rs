//! `X509Certificate2`.

use super::super::super::TypeId;
use super::super::super::decl::{Kind, TypeDecl, m, not_allowed, refused, rw};
use super::super::{Run, oid, platform};
use super::base::{copy, from_bytes, to_string};
use super::extensions::{private_key, verify};
use super::{Cert, add, data, describe, held, hex, key, load, local, text, this};
use crate::cryptography::Certificate;
use crate::eval::{Args, Cx};
use crate::{Exception, Value};

/// A key of a certificate: made the first time it is asked for.
fn kept(
    cx: &mut Cx<'_>,
    a: &Args<'_>,
    place: fn(&mut Cert) -> &mut Option<Value>,
    make: fn(&mut Cx<'_>, Certificate) -> Run,
) -> Run {
    let certificate = this(cx, a)?;
    if let Some(known) = cx.state.native_mut(a.get(0)).and_then(|cert| place(cert).clone()) {
        return Ok(known);
    }
    let made = make(cx, certificate)?;
    if let Some(cert) = cx.state.native_mut(a.get(0)) {
        *place(cert) = Some(made.clone());
    }
    Ok(made)
}

/// A property that can only be read; an object without a certificate has none.
fn unset(cx: &Cx<'_>, a: &Args<'_>, message: &str) -> Run {
    this(cx, a)?;
    Err(platform(message))
}

pub(in crate::types) const DECL: TypeDecl = TypeDecl {
    name: "System.Security.Cryptography.X509Certificates.X509Certificate2",
    kind: Kind::Class,
    bases: &["X509Certificate"],
    docs: "A certificate.",
    members: &[
        m("new()", "An empty one.", |cx, _| add(cx, TypeId::X509Certificate2, None)),
        m("new(byte[] rawData)", "Of DER, PEM or PKCS #12.", |cx, a| {
            from_bytes(cx, a, TypeId::X509Certificate2)
        }),
        m("new(byte[] rawData, string password)", "Of PKCS #12 with a password.", |cx, a| {
            from_bytes(cx, a, TypeId::X509Certificate2)
        }),
        m(
            "new(byte[] rawData, string password, X509KeyStorageFlags keyStorageFlags)",
            "Of PKCS #12 with a password; keys stay in memory whatever the flags.",
            |cx, a| from_bytes(cx, a, TypeId::X509Certificate2),
        ),
        m("new(X509Certificate certificate)", "A copy.", |cx, a| {
            copy(cx, a, TypeId::X509Certificate2)
        }),
        m(
            "static X509ContentType GetCertContentType(byte[] rawData)",
            "What bytes hold.",
            |cx, a| {
                let data = if a.get(0).is_null() { Vec::new() } else { a.bytes(cx, 0, "rawData")? };
                cx.step(data.len() as u64 / 16 + 10)?;
                load::content_type(&data).map(|kind| Value::Enum(TypeId::X509ContentType, kind))
            },
        ),
        m("string Thumbprint", "Its SHA-1 in hexadecimal.", |cx, a| {
            text(cx, a, describe::thumbprint)
        }),
        m("string SerialNumber", "The serial number in hexadecimal.", |cx, a| {
            text(cx, a, |it| hex(&it.serial))
        }),
        m("X500DistinguishedName SubjectName", "Whose it is.", |cx, a| key::name(cx, a, false)),
        m("X500DistinguishedName IssuerName", "Who issued it.", |cx, a| key::name(cx, a, true)),
        m("DateTime NotBefore", "When it begins to be valid, local time.", |cx, a| {
            Ok(Value::DateTime(local(this(cx, a)?.parsed().not_before)))
        }),
        m("DateTime NotAfter", "When it ends to be valid, local time.", |cx, a| {
            Ok(Value::DateTime(local(this(cx, a)?.parsed().not_after)))
        }),
        m("byte[] RawData", "Its DER.", |cx, a| data(cx, a, |it| it.der.to_vec())),
        m("int Version", "Its version, mostly 3.", |cx, a| {
            Ok(Value::Int(this(cx, a)?.parsed().version))
        }),
        rw(
            "string FriendlyName",
            "Empty; it cannot be set.",
            |cx, a| this(cx, a).map(|_| Value::from("")),
            |cx, a| unset(cx, a, "The FriendlyName value cannot be set on Unix."),
        ),
        rw(
            "bool Archived",
            "False; it cannot be set.",
            |cx, a| this(cx, a).map(|_| Value::Bool(false)),
            |cx, a| unset(cx, a, "The Archived value cannot be set on Unix."),
        ),
        m("bool HasPrivateKey", "Whether it comes with its private key.", |cx, a| {
            Ok(Value::Bool(this(cx, a)?.has_private_key()))
        }),
        m("PublicKey PublicKey", "Its public key.", |cx, a| {
            kept(cx, a, |cert| &mut cert.public_key, key::public_key)
        }),
        rw(
            "AsymmetricAlgorithm PrivateKey",
            "Its private key, or null; it cannot be set.",
            |cx, a| {
                let make = |cx: &mut Cx<'_>, certificate| private_key(cx, &certificate);
                kept(cx, a, |cert| &mut cert.private_key, make)
            },
            |_, _| Err(platform("Operation is not supported on this platform.")),
        ),
        m("Oid SignatureAlgorithm", "How it is signed.", |cx, a| {
            let certificate = this(cx, a)?;
            oid::of(cx, &certificate.parsed().signature_algorithm)
        }),
        m(
            "string GetNameInfo(X509NameType nameType, bool forIssuer)",
            "A name of the subject or of the issuer; empty when there is none.",
            |cx, a| {
                let certificate = held(cx, a.get(0))?.ok_or_else(Exception::null_reference)?;
                cx.string(describe::name_info(certificate.parsed(), a.int(1), a.bool(2)))
            },
        ),
        m("bool Verify()", "Whether it leads to a trusted root and is valid.", |cx, a| {
            let certificate = this(cx, a)?;
            verify(cx, &certificate)
        }),
        m("string ToString(bool verbose)", "What it says.", |cx, a| to_string(cx, a)),
    ],
    refused: &[
        refused("new(string fileName)", "policies cannot read files"),
        refused("new(string fileName, string password)", "policies cannot read files"),
        refused(
            "static X509ContentType GetCertContentType(string fileName)",
            "policies cannot read files",
        ),
        refused(
            "new(string fileName, string password, X509KeyStorageFlags keyStorageFlags)",
            "policies cannot read files",
        ),
        refused("void Import(string fileName)", "policies cannot read files"),
        refused(
            "void Import(string fileName, string password, X509KeyStorageFlags keyStorageFlags)",
            "policies cannot read files",
        ),
        refused(
            "void Import(byte[] rawData, string password, X509KeyStorageFlags keyStorageFlags)",
            "certificates do not change: use the constructor",
        ),
        not_allowed("Extensions", "Azure does not list the types of extensions"),
    ],
};
