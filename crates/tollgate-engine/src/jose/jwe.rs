//! Encrypted tokens.

use std::fmt;

use aws_lc_rs::aead::{self, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{self, DecryptionContext, PaddedBlockDecryptingKey, UnboundCipherKey};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::key_wrap::{self, AesKek, KeyWrap};
use aws_lc_rs::rsa::{
    OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepAlgorithm, OaepPrivateDecryptingKey,
    PrivateDecryptingKey,
};
use aws_lc_rs::{hmac, rand};

use super::encoding::base64url;
use super::{Header, JoseError, MAX_TOKEN};
use crate::Secret;

/// Most keys tried for one token; one RSA operation costs about a millisecond.
const MAX_CANDIDATES: usize = 8;

/// An encrypted token in compact form.
#[derive(Debug)]
pub struct Jwe<'t> {
    header: Header,
    /// The header as it stands in the token: it is authenticated with the content.
    associated: &'t str,
    management: KeyManagement,
    encryption: ContentEncryption,
    encrypted_key: Vec<u8>,
    iv: Vec<u8>,
    ciphertext: Vec<u8>,
    tag: Vec<u8>,
}

/// How the content key travels. `RSA1_5`, PBES2, ECDH-ES and the AES-GCM key wraps are not here on purpose.
#[derive(Debug, Clone, Copy)]
enum KeyManagement {
    Direct,
    Wrapped(&'static key_wrap::AesBlockCipher, usize),
    Oaep(&'static OaepAlgorithm),
}

impl KeyManagement {
    fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "dir" => Self::Direct,
            "A128KW" => Self::Wrapped(&key_wrap::AES_128, 16),
            "A256KW" => Self::Wrapped(&key_wrap::AES_256, 32),
            "RSA-OAEP" => Self::Oaep(&OAEP_SHA1_MGF1SHA1),
            "RSA-OAEP-256" => Self::Oaep(&OAEP_SHA256_MGF1SHA256),
            _ => return None,
        })
    }
}

/// How the content is encrypted.
#[derive(Debug, Clone, Copy)]
enum ContentEncryption {
    /// AES-CBC and HMAC: cipher, HMAC, and the length of each half of the key and of the tag.
    CbcHmac(&'static cipher::Algorithm, hmac::Algorithm, usize),
    Gcm(&'static aead::Algorithm),
}

impl ContentEncryption {
    fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "A128CBC-HS256" => Self::CbcHmac(&cipher::AES_128, hmac::HMAC_SHA256, 16),
            "A192CBC-HS384" => Self::CbcHmac(&cipher::AES_192, hmac::HMAC_SHA384, 24),
            "A256CBC-HS512" => Self::CbcHmac(&cipher::AES_256, hmac::HMAC_SHA512, 32),
            "A128GCM" => Self::Gcm(&aead::AES_128_GCM),
            "A192GCM" => Self::Gcm(&aead::AES_192_GCM),
            "A256GCM" => Self::Gcm(&aead::AES_256_GCM),
            _ => return None,
        })
    }

    fn key_len(self) -> usize {
        match self {
            Self::CbcHmac(_, _, half) => half * 2,
            Self::Gcm(algorithm) => algorithm.key_len(),
        }
    }
}

impl<'t> Jwe<'t> {
    /// Whether a token has the five parts of an encrypted one.
    pub fn looks_like(token: &str) -> bool {
        memchr::memchr_iter(b'.', token.as_bytes()).count() == 4
    }

    /// Reads `header.key.iv.ciphertext.tag`.
    pub fn parse(token: &'t str) -> Result<Self, JoseError> {
        if token.len() > MAX_TOKEN {
            return Err(JoseError::TooLong);
        }
        let mut parts = token.split('.');
        let mut part =
            || parts.next().ok_or(JoseError::Malformed("the token does not have five parts"));
        let (associated, encrypted_key, iv, ciphertext, tag) =
            (part()?, part()?, part()?, part()?, part()?);
        if parts.next().is_some() {
            return Err(JoseError::Malformed("the token does not have five parts"));
        }
        let header = Header::parse(associated)?;
        // Inflating what a stranger sent costs memory before anything is known about them, and no issuer needs it.
        if header.members().contains_key("zip") {
            return Err(JoseError::HeaderMember("zip"));
        }
        let management = KeyManagement::from_name(header.alg()).ok_or(JoseError::Algorithm)?;
        let encryption = header
            .text("enc")
            .and_then(ContentEncryption::from_name)
            .ok_or(JoseError::Algorithm)?;
        let bytes = |text| {
            base64url(text).ok_or(JoseError::Malformed("a part of the token is not Base64url"))
        };
        Ok(Self {
            header,
            associated,
            management,
            encryption,
            encrypted_key: bytes(encrypted_key)?,
            iv: bytes(iv)?,
            ciphertext: bytes(ciphertext)?,
            tag: bytes(tag)?,
        })
    }

    /// The header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The content, with the first key that opens it; keys that bear the token's `kid` come first.
    pub fn decrypt<'k>(
        &self,
        keys: impl IntoIterator<Item = &'k DecryptionKey>,
    ) -> Result<Vec<u8>, JoseError> {
        let (named, others): (Vec<_>, Vec<_>) = keys
            .into_iter()
            .partition(|key| key.id.is_some() && key.id.as_deref() == self.header.kid());
        let mut candidates = named.into_iter().chain(others).take(MAX_CANDIDATES);
        candidates.find_map(|key| self.open(key)).ok_or(JoseError::Decryption)
    }

    fn open(&self, key: &DecryptionKey) -> Option<Vec<u8>> {
        let expected = self.encryption.key_len();
        if let KeyManagement::Direct = self.management {
            let DecryptionMaterial::Symmetric(key) = &key.material else { return None };
            let fits = self.encrypted_key.is_empty() && key.expose().len() == expected;
            return if fits { self.open_content(key.expose()) } else { None };
        }
        // RFC 7516 §11.5: going on with a random key makes a bad key and a bad tag look and take the same.
        let mut substitute = vec![0; expected];
        rand::fill(&mut substitute).ok()?;
        let unwrapped = self.unwrap_key(key).filter(|key| key.len() == expected);
        self.open_content(unwrapped.as_deref().unwrap_or(&substitute))
    }

    fn unwrap_key(&self, key: &DecryptionKey) -> Option<Vec<u8>> {
        match (self.management, &key.material) {
            (KeyManagement::Wrapped(cipher, size), DecryptionMaterial::Symmetric(key))
                if key.expose().len() == size =>
            {
                let mut output = vec![0; self.encrypted_key.len().checked_sub(8)?];
                let kek = AesKek::new(cipher, key.expose()).ok()?;
                Some(kek.unwrap(&self.encrypted_key, &mut output).ok()?.to_vec())
            }
            (KeyManagement::Oaep(algorithm), DecryptionMaterial::Rsa(key)) => {
                let mut output = vec![0; key.min_output_size()];
                Some(key.decrypt(algorithm, &self.encrypted_key, &mut output, None).ok()?.to_vec())
            }
            _ => None,
        }
    }

    fn open_content(&self, key: &[u8]) -> Option<Vec<u8>> {
        match self.encryption {
            ContentEncryption::Gcm(algorithm) => {
                if self.tag.len() != algorithm.tag_len() {
                    return None;
                }
                let key = LessSafeKey::new(UnboundKey::new(algorithm, key).ok()?);
                let nonce = Nonce::try_assume_unique_for_key(&self.iv).ok()?;
                let mut sealed = [&self.ciphertext[..], &self.tag].concat();
                Some(
                    key.open_in_place(nonce, Aad::from(self.associated), &mut sealed)
                        .ok()?
                        .to_vec(),
                )
            }
            ContentEncryption::CbcHmac(cipher, hmac_algorithm, half) => {
                let (mac_key, cipher_key) = key.split_at_checked(half)?;
                let mut mac = hmac::Context::with_key(&hmac::Key::new(hmac_algorithm, mac_key));
                mac.update(self.associated.as_bytes());
                mac.update(&self.iv);
                mac.update(&self.ciphertext);
                mac.update(&(u64::try_from(self.associated.len()).ok()? * 8).to_be_bytes());
                verify_slices_are_equal(mac.sign().as_ref().get(..half)?, &self.tag).ok()?;
                let iv: [u8; 16] = self.iv.as_slice().try_into().ok()?;
                let key = PaddedBlockDecryptingKey::cbc_pkcs7(
                    UnboundCipherKey::new(cipher, cipher_key).ok()?,
                )
                .ok()?;
                let mut content = self.ciphertext.clone();
                Some(
                    key.decrypt(&mut content, DecryptionContext::Iv128(FixedLength::from(iv)))
                        .ok()?
                        .to_vec(),
                )
            }
        }
    }
}

/// A key that decrypts tokens.
#[derive(Debug)]
pub struct DecryptionKey {
    id: Option<String>,
    material: DecryptionMaterial,
}

enum DecryptionMaterial {
    Symmetric(Secret<Vec<u8>>),
    Rsa(OaepPrivateDecryptingKey),
}

impl fmt::Debug for DecryptionMaterial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl DecryptionKey {
    /// A symmetric key: the content key itself for `dir`, or the key that wraps it.
    pub fn from_symmetric(id: Option<String>, key: &[u8]) -> Result<Self, String> {
        if ![16, 24, 32, 48, 64].contains(&key.len()) {
            return Err(format!(
                "a decryption key must have 16, 24, 32, 48 or 64 bytes, this one has {}",
                key.len()
            ));
        }
        Ok(Self { id, material: DecryptionMaterial::Symmetric(Secret::new(key.to_vec())) })
    }

    /// An RSA private key in PKCS#8 DER.
    pub fn from_pkcs8(id: Option<String>, der: &[u8]) -> Result<Self, String> {
        let wrong = "the private key is not an RSA key of 2048 to 8192 bits in PKCS#8";
        let key = PrivateDecryptingKey::from_pkcs8(der).map_err(|_| wrong)?;
        let key = OaepPrivateDecryptingKey::new(key).map_err(|_| wrong)?;
        Ok(Self { id, material: DecryptionMaterial::Rsa(key) })
    }
}
