//! Algorithms by name, as `CryptoConfig.CreateFromName` of .NET Core 3.1 knows them.

use super::super::{Ty, TypeId, info, is_assignable};
use super::hash_algorithm::Hasher;
use super::symmetric::Symmetric;
use super::{Run, hmac, platform, rsa};
use crate::cryptography::cipher::Family;
use crate::cryptography::digest::Algorithm;
use crate::eval::{Args, Cx};
use crate::{Exception, ExceptionKind, Value};

/// What a name stands for: the declared type, the class behind it, and the algorithm.
#[derive(Debug, Clone, Copy)]
enum Known {
    Hash(TypeId, &'static str, Algorithm),
    Hmac(TypeId, Algorithm),
    Cipher(Family, &'static str),
    Rsa,
    /// A class of another type.
    Other(&'static str),
}

impl Known {
    fn id(self) -> TypeId {
        match self {
            Known::Other(_) => TypeId::Object,
            Known::Hash(id, _, _) | Known::Hmac(id, _) => id,
            Known::Cipher(_, _) => TypeId::SymmetricAlgorithm,
            Known::Rsa => TypeId::Rsa,
        }
    }

    /// The short name of its class.
    fn class(self) -> &'static str {
        match self {
            Known::Hash(_, class, _) | Known::Cipher(_, class) | Known::Other(class) => class,
            Known::Hmac(id, _) => info(id).short,
            Known::Rsa => rsa::PROVIDER,
        }
    }
}

const MD5: Known = Known::Hash(TypeId::MD5, "MD5CryptoServiceProvider", Algorithm::Md5);
const SHA1: Known = Known::Hash(TypeId::SHA1, "SHA1CryptoServiceProvider", Algorithm::Sha1);
const SHA256: Known = Known::Hash(TypeId::SHA256Managed, "SHA256Managed", Algorithm::Sha256);
const SHA384: Known = Known::Hash(TypeId::SHA384Managed, "SHA384Managed", Algorithm::Sha384);
const SHA512: Known = Known::Hash(TypeId::SHA512Managed, "SHA512Managed", Algorithm::Sha512);
const HMAC_SHA1: Known = Known::Hmac(TypeId::HMACSHA1, Algorithm::Sha1);
const RIJNDAEL: Known = Known::Cipher(Family::Rijndael, "RijndaelManaged");
const TRIPLE_DES: Known = Known::Cipher(Family::TripleDes, "TripleDESCryptoServiceProvider");
const DES: Known = Known::Cipher(Family::Des, "DESCryptoServiceProvider");
const RC2: Known = Known::Cipher(Family::Rc2, "RC2CryptoServiceProvider");
const AES: Known = Known::Cipher(Family::Aes, "AesCryptoServiceProvider");
const AES_MANAGED: Known = Known::Cipher(Family::Aes, "AesManaged");

const RANDOM: Known = Known::Other("RNGCryptoServiceProvider");
const DSA: &str = "DSACryptoServiceProvider";

/// Names are compared without regard to case. Those of .NET Core 3.1 that make none of the types here are left out.
const NAMES: &[(&str, Known)] = &[
    ("SHA", SHA1),
    ("SHA1", SHA1),
    ("System.Security.Cryptography.SHA1", SHA1),
    ("System.Security.Cryptography.HashAlgorithm", SHA1),
    ("MD5", MD5),
    ("System.Security.Cryptography.MD5", MD5),
    ("SHA256", SHA256),
    ("SHA-256", SHA256),
    ("System.Security.Cryptography.SHA256", SHA256),
    ("System.Security.Cryptography.SHA256Managed", SHA256),
    ("SHA384", SHA384),
    ("SHA-384", SHA384),
    ("System.Security.Cryptography.SHA384", SHA384),
    ("System.Security.Cryptography.SHA384Managed", SHA384),
    ("SHA512", SHA512),
    ("SHA-512", SHA512),
    ("System.Security.Cryptography.SHA512", SHA512),
    ("System.Security.Cryptography.SHA512Managed", SHA512),
    ("System.Security.Cryptography.HMAC", HMAC_SHA1),
    ("System.Security.Cryptography.KeyedHashAlgorithm", HMAC_SHA1),
    ("HMACMD5", Known::Hmac(TypeId::HMACMD5, Algorithm::Md5)),
    ("System.Security.Cryptography.HMACMD5", Known::Hmac(TypeId::HMACMD5, Algorithm::Md5)),
    ("HMACSHA1", HMAC_SHA1),
    ("System.Security.Cryptography.HMACSHA1", HMAC_SHA1),
    ("HMACSHA256", Known::Hmac(TypeId::HMACSHA256, Algorithm::Sha256)),
    ("System.Security.Cryptography.HMACSHA256", Known::Hmac(TypeId::HMACSHA256, Algorithm::Sha256)),
    ("HMACSHA384", Known::Hmac(TypeId::HMACSHA384, Algorithm::Sha384)),
    ("System.Security.Cryptography.HMACSHA384", Known::Hmac(TypeId::HMACSHA384, Algorithm::Sha384)),
    ("HMACSHA512", Known::Hmac(TypeId::HMACSHA512, Algorithm::Sha512)),
    ("System.Security.Cryptography.HMACSHA512", Known::Hmac(TypeId::HMACSHA512, Algorithm::Sha512)),
    ("RandomNumberGenerator", RANDOM),
    ("System.Security.Cryptography.RandomNumberGenerator", RANDOM),
    ("DSA", Known::Other(DSA)),
    ("System.Security.Cryptography.DSA", Known::Other(DSA)),
    ("RSA", Known::Rsa),
    ("System.Security.Cryptography.RSA", Known::Rsa),
    ("System.Security.Cryptography.AsymmetricAlgorithm", Known::Rsa),
    ("AES", AES),
    ("AesCryptoServiceProvider", AES),
    ("System.Security.Cryptography.AesCryptoServiceProvider", AES),
    ("AesManaged", AES_MANAGED),
    ("System.Security.Cryptography.AesManaged", AES_MANAGED),
    ("Rijndael", RIJNDAEL),
    ("System.Security.Cryptography.Rijndael", RIJNDAEL),
    ("System.Security.Cryptography.SymmetricAlgorithm", RIJNDAEL),
    ("3DES", TRIPLE_DES),
    ("TripleDES", TRIPLE_DES),
    ("Triple DES", TRIPLE_DES),
    ("System.Security.Cryptography.TripleDES", TRIPLE_DES),
    ("DES", DES),
    ("System.Security.Cryptography.DES", DES),
    ("RC2", RC2),
    ("System.Security.Cryptography.RC2", RC2),
    ("http://www.w3.org/2001/04/xmlenc#sha256", SHA256),
    ("http://www.w3.org/2001/04/xmlenc#sha512", SHA512),
    ("http://www.w3.org/2001/04/xmldsig-more#sha384", SHA384),
    ("http://www.w3.org/2000/09/xmldsig#sha1", SHA1),
    ("http://www.w3.org/2001/04/xmldsig-more#md5", MD5),
    ("http://www.w3.org/2000/09/xmldsig#hmac-sha1", HMAC_SHA1),
    ("http://www.w3.org/2001/04/xmlenc#des-cbc", DES),
    ("http://www.w3.org/2001/04/xmlenc#tripledes-cbc", TRIPLE_DES),
    ("http://www.w3.org/2001/04/xmlenc#aes128-cbc", RIJNDAEL),
    ("http://www.w3.org/2001/04/xmlenc#aes192-cbc", RIJNDAEL),
    ("http://www.w3.org/2001/04/xmlenc#aes256-cbc", RIJNDAEL),
];

/// A cipher of a name; none for an unknown one.
pub(super) fn cipher(name: &str) -> Result<Option<Symmetric>, Exception> {
    Ok(match find(name, TypeId::SymmetricAlgorithm)? {
        Some(Known::Cipher(family, class)) => Some(Symmetric::new(family, class)),
        _ => None,
    })
}

/// What a name stands for; an exception when that is no `wanted`.
fn find(name: &str, wanted: TypeId) -> Result<Option<Known>, Exception> {
    let found = NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    let Some((_, found)) = found else {
        // What is no name of an algorithm may be that of a type, with its assembly, whose properties have values.
        if name.split(',').skip(2).any(|property| !property.contains('=')) {
            let message = "The given assembly name or codebase was invalid. (0x80131047)";
            return Err(Exception::new(ExceptionKind::FileLoad, message));
        }
        return Ok(None);
    };
    if found.class() == DSA && wanted == TypeId::AsymmetricAlgorithm {
        return Err(platform("DSA is not supported here."));
    }
    if is_assignable(&Ty::Named(found.id()), &Ty::Named(wanted)) {
        return Ok(Some(*found));
    }
    let message = format!(
        "Unable to cast object of type 'System.Security.Cryptography.{}' to type '{}'.",
        found.class(),
        info(wanted).full
    );
    Err(Exception::new(ExceptionKind::InvalidCast, message))
}

/// `wanted.Create(name)`: null for an unknown name, an exception for something that is not a `wanted`.
pub(super) fn create(cx: &mut Cx<'_>, a: &Args<'_>, wanted: TypeId) -> Run {
    let name = a.str(0, "name")?;
    match find(&name, wanted)? {
        None | Some(Known::Other(_)) => Ok(Value::Null),
        Some(Known::Hash(id, class, algorithm)) => {
            cx.state.add_native(Hasher::plain(id, full_name(class), algorithm))
        }
        Some(Known::Hmac(id, algorithm)) => hmac::random_key(cx, id, algorithm),
        Some(Known::Cipher(family, class)) => cx.state.add_native(Symmetric::new(family, class)),
        Some(Known::Rsa) => rsa::empty(cx, rsa::PROVIDER),
    }
}

/// The full names of the classes that only exist behind names.
fn full_name(class: &'static str) -> &'static str {
    match class {
        "MD5CryptoServiceProvider" => "System.Security.Cryptography.MD5CryptoServiceProvider",
        "SHA1CryptoServiceProvider" => "System.Security.Cryptography.SHA1CryptoServiceProvider",
        "SHA256Managed" => "System.Security.Cryptography.SHA256Managed",
        "SHA384Managed" => "System.Security.Cryptography.SHA384Managed",
        "SHA512Managed" => "System.Security.Cryptography.SHA512Managed",
        other => other,
    }
}
