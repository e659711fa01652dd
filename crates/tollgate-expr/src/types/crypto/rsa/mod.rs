//! `AsymmetricAlgorithm` and `RSA`.

mod encrypt;
mod exchange;
mod sign;

use std::sync::Arc;

use super::super::decl::{Kind, Member, TypeDecl, joined, m, refused, rw};
use super::super::{Ty, TypeId};
use super::create::create;
use super::key_sizes::Sizes;
use super::{Run, cryptographic, hash_algorithm};
use crate::cryptography::rsa_key::RsaKey;
use crate::eval::{Args, Cx};
use crate::native::Native;
use crate::state::confusion;
use crate::{Exception, ExceptionKind, Value};

/// An RSA object: it has a key, or gets one by an import.
#[derive(Debug)]
pub(super) struct Rsa {
    key: Option<Arc<RsaKey>>,
    class: &'static str,
    /// What `KeySize` was set to before there is a key.
    bits: i32,
    disposed: bool,
}

impl Native for Rsa {
    fn id(&self) -> TypeId {
        TypeId::Rsa
    }

    fn text(&self) -> Option<String> {
        Some(format!("System.Security.Cryptography.{}", self.class))
    }
}

/// The sizes of RSA keys in .NET.
const SIZES: Sizes = Sizes { min: 512, max: 16384, skip: 8 };
const PUBLIC_ONLY: &str =
    "Object contains only the public half of a key pair. A private key must also be provided.";

/// An object with a key.
pub(super) fn with_key(cx: &mut Cx<'_>, key: Arc<RsaKey>) -> Run {
    cx.state.add_native(Rsa { key: Some(key), class: "RSAOpenSsl", bits: 2048, disposed: false })
}

/// The class of an object that is made by a name.
pub(super) const PROVIDER: &str = "RSACryptoServiceProvider";

/// An object without a key.
pub(super) fn empty(cx: &mut Cx<'_>, class: &'static str) -> Run {
    cx.state.add_native(Rsa { key: None, class, bits: 2048, disposed: false })
}

fn this<'a>(cx: &'a mut Cx<'_>, a: &Args<'_>) -> Result<&'a mut Rsa, Exception> {
    cx.state.native_mut(a.get(0)).ok_or_else(confusion)
}

/// The key of an object; it must have one.
pub(super) fn key_of(cx: &Cx<'_>, value: &Value) -> Result<Arc<RsaKey>, Exception> {
    let rsa: &Rsa = cx.state.native(value).ok_or_else(confusion)?;
    if rsa.disposed {
        let message = "Cannot access a disposed object.\nObject name: 'RSAOpenSsl'.";
        return Err(Exception::new(ExceptionKind::ObjectDisposed, message));
    }
    // .NET makes a new key here, which nobody could know; see `Create`.
    rsa.key.clone().ok_or_else(|| {
        cryptographic("The object has no key: import one, or take that of a certificate.")
    })
}

fn key(cx: &Cx<'_>, a: &Args<'_>) -> Result<Arc<RsaKey>, Exception> {
    key_of(cx, a.get(0))
}

/// What work with a key costs, in steps: a private key is some fifty times slower than a public one.
fn work(cx: &mut Cx<'_>, key: &RsaKey, private: bool) -> Result<(), Exception> {
    let size = key.bits() as u64 / 1024;
    let cost = size * size * if private { 1000 } else { 50 };
    cx.step(cost.max(50))
}

fn set_key_size(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let bits = a.int(1);
    if !SIZES.has(bits) {
        return Err(cryptographic("Specified key is not a valid size for this algorithm."));
    }
    let rsa = this(cx, a)?;
    rsa.bits = bits;
    rsa.key = None;
    Ok(a.value(1))
}

fn bits(cx: &mut Cx<'_>, a: &Args<'_>) -> Run {
    let rsa = this(cx, a)?;
    let known = rsa.key.as_ref().and_then(|key| i32::try_from(key.bits()).ok());
    Ok(Value::Int(known.unwrap_or(rsa.bits)))
}

fn dispose(cx: &mut Cx<'_>, a: &Args<'_>) -> Run {
    this(cx, a)?.disposed = true;
    Ok(Value::Null)
}

/// `Import…(source, out bytesRead)`: takes a key of some form of DER.
macro_rules! import {
    ($form:literal, $docs:literal, $read:expr) => {
        m(
            concat!("void Import", $form, "(byte[] source, out int bytesRead)"),
            concat!("Takes a ", $docs, "."),
            |cx, a| exchange::import(cx, a, $read),
        )
    };
}

/// `Export…()`: gives the key in some form of DER.
macro_rules! export {
    ($form:literal, $docs:literal, $export:ident, $write:expr) => {
        m(concat!("byte[] Export", $form, "()"), concat!("The ", $docs, "."), |cx, a| {
            exchange::$export(cx, a, $write)
        })
    };
}

const NO_SPANS: &str = "policies have no spans";
const NO_STREAMS: &str = "policies have no streams";
const NOT_LISTED: &str = "its types are not in Azure's list";

pub(in crate::types) const ASYMMETRIC: TypeDecl = TypeDecl {
    name: "System.Security.Cryptography.AsymmetricAlgorithm",
    kind: Kind::Class,
    bases: &["IDisposable"],
    docs: "The base of `RSA`.",
    members: &[
        m("static AsymmetricAlgorithm Create()", "Throws: there is no default.", |_, _| {
            Err(hash_algorithm::no_default())
        }),
        m(
            "static AsymmetricAlgorithm Create(string algName)",
            "The algorithm of a name; `RSA` is the only one.",
            |cx, a| create(cx, a, TypeId::AsymmetricAlgorithm),
        ),
        rw("int KeySize", "The size of the key in bits.", |cx, a| bits(cx, a), set_key_size),
        m("KeySizes[] LegalKeySizes", "The sizes that keys may have.", |cx, _| {
            cx.state.array(Ty::Named(TypeId::KeySizes), vec![Value::native(SIZES)])
        }),
        m("string SignatureAlgorithm", "`RSA`.", |_, _| Ok(Value::from("RSA"))),
        m("string KeyExchangeAlgorithm", "`RSA`.", |_, _| Ok(Value::from("RSA"))),
        m(
            "string ToXmlString(bool includePrivateParameters)",
            "The key as XML; private keys of the gateway's certificates are not shown.",
            |cx, a| exchange::to_xml(cx, a),
        ),
        m("void FromXmlString(string xmlString)", "Takes the key of XML.", |cx, a| {
            exchange::from_xml(cx, a)
        }),
        import!("Pkcs8PrivateKey", "private key as PKCS #8", |der| RsaKey::from_pkcs8(der, true)),
        import!("SubjectPublicKeyInfo", "public key as certificates have it", RsaKey::from_spki),
        export!("Pkcs8PrivateKey", "private key as PKCS #8", export, RsaKey::pkcs8),
        export!("SubjectPublicKeyInfo", "public key", export_public, RsaKey::spki),
        m("void Clear()", "Gives it back: it cannot be used any more.", |cx, a| dispose(cx, a)),
        m("void Dispose()", "Gives it back: it cannot be used any more.", |cx, a| dispose(cx, a)),
    ],
    refused: &[
        refused("ImportEncryptedPkcs8PrivateKey", NO_SPANS),
        refused("ExportEncryptedPkcs8PrivateKey", NOT_LISTED),
        refused("TryExportEncryptedPkcs8PrivateKey", NO_SPANS),
        refused("TryExportPkcs8PrivateKey", NO_SPANS),
        refused("TryExportSubjectPublicKeyInfo", NO_SPANS),
    ],
};

const KEYS: &[Member] = &[
    m("static RSA Create()", "An object without a key: import one.", |cx, _| {
        empty(cx, "RSAImplementation+RSAOpenSsl")
    }),
    m("static RSA Create(string algName)", "The algorithm of a name: `RSA`.", |cx, a| {
        create(cx, a, TypeId::Rsa)
    }),
    import!("RSAPrivateKey", "private key as PKCS #1", |der| RsaKey::from_pkcs1(der, true)),
    import!("RSAPublicKey", "public key as PKCS #1", RsaKey::from_public),
    export!("RSAPrivateKey", "private key as PKCS #1", export, |key| {
        key.pkcs1().map(<[u8]>::to_vec)
    }),
    export!("RSAPublicKey", "public key as PKCS #1", export_public, RsaKey::public_der),
];

/// What signs or verifies, with the hash and the padding as its last arguments.
macro_rules! signing {
    ($start:literal, $docs:literal, $run:ident) => {
        m(
            concat!($start, ", HashAlgorithmName hashAlgorithm, RSASignaturePadding padding)"),
            $docs,
            |cx, a| sign::$run(cx, a),
        )
    };
}

const USES: &[Member] = &[
    signing!("byte[] SignData(byte[] data", "Signs data.", sign_data),
    signing!(
        "byte[] SignData(byte[] data, int offset, int count",
        "Signs a part of data.",
        sign_data
    ),
    signing!("byte[] SignHash(byte[] hash", "Signs a hash of data.", sign_hash),
    signing!(
        "bool VerifyData(byte[] data, byte[] signature",
        "Whether a signature is that of data.",
        verify_data
    ),
    signing!(
        "bool VerifyData(byte[] data, int offset, int count, byte[] signature",
        "Whether a signature is that of a part of data.",
        verify_data
    ),
    signing!(
        "bool VerifyHash(byte[] hash, byte[] signature",
        "Whether a signature is that of a hash.",
        verify_hash
    ),
    m("byte[] Encrypt(byte[] data, RSAEncryptionPadding padding)", "Encrypts data.", |cx, a| {
        encrypt::encrypt(cx, a)
    }),
    m("byte[] Decrypt(byte[] data, RSAEncryptionPadding padding)", "Decrypts data.", |cx, a| {
        encrypt::decrypt(cx, a)
    }),
    m("byte[] EncryptValue(byte[] rgb)", "Throws: .NET Core does not support it.", |_, _| {
        Err(unsupported())
    }),
    m("byte[] DecryptValue(byte[] rgb)", "Throws: .NET Core does not support it.", |_, _| {
        Err(unsupported())
    }),
];

fn unsupported() -> Exception {
    Exception::new(ExceptionKind::NotSupported, "Method not supported.")
}

pub(in crate::types) const DECL: TypeDecl = TypeDecl {
    name: "System.Security.Cryptography.RSA",
    kind: Kind::Class,
    bases: &["AsymmetricAlgorithm"],
    docs: "RSA, with a key of a certificate or one that is imported. Keys have 2048 to 8192 bits.",
    members: &joined::<{ KEYS.len() + USES.len() }>(KEYS, USES),
    refused: &[
        refused(
            "static RSA Create(int keySizeInBits)",
            "a new key would take seconds of every request, and nobody could know it: import one",
        ),
        refused("static RSA Create(RSAParameters parameters)", NOT_LISTED),
        refused("ExportParameters", NOT_LISTED),
        refused("ImportParameters", NOT_LISTED),
        refused(
            "byte[] SignData(Stream data, HashAlgorithmName hashAlgorithm, RSASignaturePadding padding)",
            NO_STREAMS,
        ),
        refused(
            "bool VerifyData(Stream data, byte[] signature, HashAlgorithmName hashAlgorithm, RSASignaturePadding padding)",
            NO_STREAMS,
        ),
        refused("TryDecrypt", NO_SPANS),
        refused("TryEncrypt", NO_SPANS),
        refused("TrySignData", NO_SPANS),
        refused("TrySignHash", NO_SPANS),
        refused("TryExportRSAPrivateKey", NO_SPANS),
        refused("TryExportRSAPublicKey", NO_SPANS),
    ],
};
