//! `X509Certificate`, and the enumerations.

use super::super::super::decl::{Kind, Member, TypeDecl, joined, m, refused};
use super::super::super::{TypeId, info};
use super::super::rsa_padding::hash_of;
use super::super::{Run, argument, bytes, cryptographic, platform};
use super::{add, data, describe, held, hex, load, local, of, same, text, this};
use crate::cryptography::digest::Algorithm;
use crate::eval::{Args, Cx};
use crate::state::confusion;
use crate::{Exception, Value};

/// `new X509Certificate(bytes[, password[, flags]])`: no bytes make an empty object.
pub(super) fn from_bytes(cx: &mut Cx<'_>, a: &Args<'_>, id: TypeId) -> Run {
    let data = if a.get(0).is_null() { Vec::new() } else { a.bytes(cx, 0, "rawData")? };
    if data.is_empty() {
        if a.len() > 1 {
            return Err(argument("Array may not be empty or null. (Parameter 'rawData')"));
        }
        return add(cx, id, None);
    }
    if a.len() > 2 {
        load::check_flags(a.int(2))?;
    }
    let certificate = load::load(cx, &data, load::password(a.get(1)))?;
    add(cx, id, Some(certificate))
}

/// `new X509Certificate(certificate)`.
pub(super) fn copy(cx: &mut Cx<'_>, a: &Args<'_>, id: TypeId) -> Run {
    let source = a.some(0, "cert")?;
    let certificate = held(cx, &source)?;
    add(cx, id, certificate)
}

fn hash(cx: &Cx<'_>, a: &Args<'_>) -> Result<Vec<u8>, Exception> {
    let certificate = this(cx, a)?;
    let algorithm = if a.len() > 1 {
        let name = hash_of(a.get(1))?;
        Algorithm::named(name)
            .ok_or_else(|| cryptographic(&format!("'{name}' is not a known hash algorithm.")))?
    } else {
        Algorithm::Sha1
    };
    Ok(algorithm.hash(certificate.der()))
}

fn export(cx: &mut Cx<'_>, a: &Args<'_>) -> Run {
    let kind = a.int(1);
    if !matches!(kind, load::CERT | load::SERIALIZED | load::PFX) {
        return Err(cryptographic("Invalid content type."));
    }
    let certificate = held(cx, a.get(0))?.ok_or_else(load::fault)?;
    match kind {
        load::CERT => bytes(cx, certificate.der()),
        load::PFX => Err(platform("PKCS #12 files are not written here.")),
        _ => Err(platform(
            "X509ContentType.SerializedCert and X509ContentType.SerializedStore are not supported on Unix.",
        )),
    }
}

fn equal(cx: &Cx<'_>, a: &Args<'_>) -> Result<bool, Exception> {
    let Some(other) = cx.state.native::<super::Cert>(a.get(1)) else { return Ok(false) };
    match held(cx, a.get(0))? {
        None => Ok(other.certificate.is_none()),
        Some(own) => Ok(same(own.parsed(), of(cx, a.get(1))?.parsed())),
    }
}

/// `ToString(verbose)`; an object without a certificate says of what type it is.
pub(super) fn to_string(cx: &mut Cx<'_>, a: &Args<'_>) -> Run {
    let cert: &super::Cert = cx.state.native(a.get(0)).ok_or_else(confusion)?;
    let text = match &cert.certificate {
        Some(certificate) if cert.id == TypeId::X509Certificate2 && a.bool(1) => {
            describe::verbose(certificate)
        }
        Some(certificate) if cert.id == TypeId::X509Certificate2 || a.bool(1) => {
            describe::short(certificate.parsed())
        }
        _ => info(cert.id).full.to_owned(),
    };
    cx.string(text)
}

fn reset(cx: &mut Cx<'_>, a: &Args<'_>) -> Run {
    let cert: &mut super::Cert = cx.state.native_mut(a.get(0)).ok_or_else(confusion)?;
    (cert.certificate, cert.public_key, cert.private_key) = (None, None, None);
    Ok(Value::Null)
}

fn immutable() -> Exception {
    platform(
        "X509Certificate is immutable on this platform. Use the equivalent constructor instead.",
    )
}

const MAKING: &[Member] = &[
    m("new()", "An empty one.", |cx, _| add(cx, TypeId::X509Certificate, None)),
    m("new(byte[] data)", "Of DER, PEM or PKCS #12.", |cx, a| {
        from_bytes(cx, a, TypeId::X509Certificate)
    }),
    m("new(byte[] rawData, string password)", "Of PKCS #12 with a password.", |cx, a| {
        from_bytes(cx, a, TypeId::X509Certificate)
    }),
    m(
        "new(byte[] rawData, string password, X509KeyStorageFlags keyStorageFlags)",
        "Of PKCS #12 with a password; keys stay in memory whatever the flags.",
        |cx, a| from_bytes(cx, a, TypeId::X509Certificate),
    ),
    m("new(X509Certificate cert)", "A copy.", |cx, a| copy(cx, a, TypeId::X509Certificate)),
    m(
        "void Import(byte[] rawData)",
        "Throws: certificates do not change.",
        |_, _| Err(immutable()),
    ),
    m(
        "void Import(byte[] rawData, string password, X509KeyStorageFlags keyStorageFlags)",
        "Throws: certificates do not change.",
        |_, _| Err(immutable()),
    ),
    m("void Reset()", "Empties it.", |cx, a| reset(cx, a)),
    m("void Dispose()", "Empties it.", |cx, a| reset(cx, a)),
    m("byte[] Export(X509ContentType contentType)", "As DER, with `Cert`.", |cx, a| export(cx, a)),
    m(
        "byte[] Export(X509ContentType contentType, string password)",
        "As DER, with `Cert`.",
        |cx, a| export(cx, a),
    ),
];

const READING: &[Member] = &[
    m("string Subject", "Whose it is.", |cx, a| text(cx, a, |it| it.subject.text())),
    m("string Issuer", "Who issued it.", |cx, a| text(cx, a, |it| it.issuer.text())),
    m("string GetName()", "Whose it is, in the certificate's order.", |cx, a| {
        text(cx, a, |it| it.subject.forwards())
    }),
    m("string GetIssuerName()", "Who issued it, in the certificate's order.", |cx, a| {
        text(cx, a, |it| it.issuer.forwards())
    }),
    m("byte[] GetCertHash()", "Its SHA-1.", |cx, a| {
        let hash = hash(cx, a)?;
        bytes(cx, &hash)
    }),
    m("byte[] GetCertHash(HashAlgorithmName hashAlgorithm)", "A hash of it.", |cx, a| {
        let hash = hash(cx, a)?;
        bytes(cx, &hash)
    }),
    m("string GetCertHashString()", "Its SHA-1 in hexadecimal.", |cx, a| {
        let hash = hash(cx, a)?;
        cx.string(hex(&hash))
    }),
    m(
        "string GetCertHashString(HashAlgorithmName hashAlgorithm)",
        "A hash of it in hexadecimal.",
        |cx, a| {
            let hash = hash(cx, a)?;
            cx.string(hex(&hash))
        },
    ),
    m("byte[] GetRawCertData()", "Its DER.", |cx, a| data(cx, a, |it| it.der.to_vec())),
    m("string GetRawCertDataString()", "Its DER in hexadecimal.", |cx, a| {
        text(cx, a, |it| hex(&it.der))
    }),
    m("byte[] GetSerialNumber()", "The serial number, least byte first.", |cx, a| {
        data(cx, a, |it| it.serial.iter().rev().copied().collect())
    }),
    m("string GetSerialNumberString()", "The serial number in hexadecimal.", |cx, a| {
        text(cx, a, |it| hex(&it.serial))
    }),
    m("string GetEffectiveDateString()", "When it begins to be valid.", |cx, a| {
        text(cx, a, |it| local(it.not_before).text())
    }),
    m("string GetExpirationDateString()", "When it ends to be valid.", |cx, a| {
        text(cx, a, |it| local(it.not_after).text())
    }),
    m("string GetKeyAlgorithm()", "The algorithm of its key, as an identifier.", |cx, a| {
        text(cx, a, |it| it.key_algorithm.clone())
    }),
    m("byte[] GetKeyAlgorithmParameters()", "The parameters of that algorithm.", |cx, a| {
        data(cx, a, |it| it.key_parameters.clone())
    }),
    m(
        "string GetKeyAlgorithmParametersString()",
        "The parameters of that algorithm in hexadecimal.",
        |cx, a| text(cx, a, |it| hex(&it.key_parameters)),
    ),
    m("byte[] GetPublicKey()", "The public key.", |cx, a| data(cx, a, |it| it.key.clone())),
    m("string GetPublicKeyString()", "The public key in hexadecimal.", |cx, a| {
        text(cx, a, |it| hex(&it.key))
    }),
    m("string GetFormat()", "`X509`.", |_, _| Ok(Value::from("X509"))),
    m("bool Equals(object obj)", "Whether issuer and serial number are the same.", |cx, a| {
        equal(cx, a).map(Value::Bool)
    }),
    m(
        "bool Equals(X509Certificate other)",
        "Whether issuer and serial number are the same.",
        |cx, a| equal(cx, a).map(Value::Bool),
    ),
    m("int GetHashCode()", "A number made of its hash.", |cx, a| {
        if held(cx, a.get(0))?.is_none() {
            return Ok(Value::Int(0));
        }
        let hash = hash(cx, a)?;
        let first = hash.first_chunk::<4>().copied().unwrap_or_default();
        Ok(Value::Int(i32::from_be_bytes(first)))
    }),
    m("string ToString(bool fVerbose)", "What it says, if that is asked for.", |cx, a| {
        to_string(cx, a)
    }),
];

const NO_FILES: &str = "policies cannot read files";
const NO_SECURE: &str = "`SecureString` is not in Azure's list";

pub(in crate::types) const DECL: TypeDecl = TypeDecl {
    name: "System.Security.Cryptography.X509Certificates.X509Certificate",
    kind: Kind::Class,
    bases: &["IDisposable"],
    docs: "A certificate, in its older form.",
    members: &joined::<{ MAKING.len() + READING.len() }>(MAKING, READING),
    refused: &[
        refused("new(string fileName)", NO_FILES),
        refused("new(string fileName, string password)", NO_FILES),
        refused("new(byte[] rawData, SecureString password)", NO_SECURE),
        refused("new(IntPtr handle)", "there are no handles"),
        refused("void Import(string fileName)", NO_FILES),
        refused(
            "new(string fileName, string password, X509KeyStorageFlags keyStorageFlags)",
            NO_FILES,
        ),
        refused(
            "void Import(string fileName, string password, X509KeyStorageFlags keyStorageFlags)",
            NO_FILES,
        ),
        refused("CreateFromCertFile", NO_FILES),
        refused("CreateFromSignedFile", NO_FILES),
        refused("TryGetCertHash", "policies have no spans"),
        refused("Handle", "there are no handles"),
    ],
};

pub(in crate::types) const CONTENT_TYPE: TypeDecl = TypeDecl {
    name: "System.Security.Cryptography.X509Certificates.X509ContentType",
    kind: Kind::Enum(&[
        ("Unknown", 0),
        ("Cert", 1),
        ("SerializedCert", 2),
        ("Pfx", 3),
        ("Pkcs12", 3),
        ("SerializedStore", 4),
        ("Pkcs7", 5),
        ("Authenticode", 6),
    ]),
    bases: &[],
    docs: "The format of a certificate.",
    members: &[],
    refused: &[],
};

pub(in crate::types) const NAME_TYPE: TypeDecl = TypeDecl {
    name: "System.Security.Cryptography.X509Certificates.X509NameType",
    kind: Kind::Enum(&[
        ("SimpleName", 0),
        ("EmailName", 1),
        ("UpnName", 2),
        ("DnsName", 3),
        ("DnsFromAlternativeName", 4),
        ("UrlName", 5),
    ]),
    bases: &[],
    docs: "A kind of name in a certificate.",
    members: &[],
    refused: &[],
};

pub(in crate::types) const KEY_STORAGE: TypeDecl = TypeDecl {
    name: "System.Security.Cryptography.X509Certificates.X509KeyStorageFlags",
    kind: Kind::Flags(&[
        ("DefaultKeySet", 0),
        ("UserKeySet", 1),
        ("MachineKeySet", 2),
        ("Exportable", 4),
        ("UserProtected", 8),
        ("PersistKeySet", 16),
        ("EphemeralKeySet", 32),
    ]),
    bases: &[],
    docs: "Where private keys are kept: here always in memory.",
    members: &[],
    refused: &[],
};
