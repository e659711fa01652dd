//! PKCS#12 files: a certificate with its private key under a password (RFC 7292).

use std::num::NonZeroU32;

use aws_lc_rs::{constant_time, pbkdf2};
use bytes::Bytes;

use super::Certificate;
use super::cipher::{Cipher, Direction, Family, Mode, Padding, unpad};
use super::der::{self, CONTEXT_0, OCTETS, OID, Reader, SEQUENCE, SET};
use super::digest::{Algorithm, Running};
use super::rsa_key::RsaKey;

/// Why a PKCS#12 file cannot be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pkcs12Fault {
    /// It is no PKCS#12 file.
    Format,
    /// The password does not fit.
    Password,
    /// It is protected in a way that is not supported.
    Unsupported,
    /// It asks for more work than it may.
    Work,
}

impl std::fmt::Display for Pkcs12Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Format => "it is no PKCS#12 file",
            Self::Password => "the password does not fit",
            Self::Unsupported => "it is protected in a way that is not supported",
            Self::Work => "it asks for too many rounds of key derivation",
        })
    }
}

impl std::error::Error for Pkcs12Fault {}

/// What a PKCS#12 file holds.
#[derive(Clone)]
pub struct Pkcs12 {
    /// The certificate of the private key, or the first; DER.
    pub certificate: Bytes,
    /// The others.
    pub chain: Vec<Bytes>,
    /// PKCS#8.
    pub private_key: Option<Bytes>,
}

impl std::fmt::Debug for Pkcs12 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pkcs12").field("chain", &self.chain.len()).finish_non_exhaustive()
    }
}

impl Pkcs12 {
    /// Opens a file.
    pub fn open(der: &[u8], password: &str) -> Result<Pkcs12, Pkcs12Fault> {
        open(der, password, &mut |_| true)
    }

    /// Whether bytes look like such a file.
    pub fn is_one(der: &[u8]) -> bool {
        is_pkcs12(der)
    }
}

use Pkcs12Fault as Fault;

/// Rounds of key derivation that one file may ask for. Files in the field ask for 2,000 to 600,000.
const MAX_ROUNDS: u32 = 2_000_000;

const DATA: &str = "1.2.840.113549.1.7.1";
const ENCRYPTED_DATA: &str = "1.2.840.113549.1.7.6";
const KEY_BAG: &str = "1.2.840.113549.1.12.10.1.1";
const SHROUDED_KEY_BAG: &str = "1.2.840.113549.1.12.10.1.2";
const CERTIFICATE_BAG: &str = "1.2.840.113549.1.12.10.1.3";
const LOCAL_KEY_ID: &str = "1.2.840.113549.1.9.21";

/// Whether bytes look like such a file: a sequence that begins with the version 3.
pub(crate) fn is_pkcs12(der: &[u8]) -> bool {
    let version = || Reader::new(der).inside(SEQUENCE)?.number();
    version() == Some(3)
}

/// Opens a file. `work` is told the rounds of every key derivation before it is done, and may refuse.
pub(crate) fn open(
    der: &[u8],
    password: &str,
    work: &mut dyn FnMut(u32) -> bool,
) -> Result<Pkcs12, Fault> {
    let mut outer = Reader::new(der).inside(SEQUENCE).ok_or(Fault::Format)?;
    outer.number().filter(|version| *version == 3).ok_or(Fault::Format)?;
    let safe = content_info(&mut outer, DATA).ok_or(Fault::Format)?;
    let safe = Reader::new(safe).expect(OCTETS).ok_or(Fault::Format)?;
    let mut opener = Opener { password, work, left: MAX_ROUNDS, bags: Bags::default() };
    if let Some(mac) = outer.inside(SEQUENCE) {
        opener.check_mac(mac, safe)?;
    }
    let mut infos = Reader::new(safe).inside(SEQUENCE).ok_or(Fault::Format)?;
    while !infos.is_empty() {
        opener.safe_contents(&mut infos)?;
    }
    opener.bags.chosen()
}

/// The content of a `Pkcs12Info` of a type.
fn content_info<'a>(reader: &mut Reader<'a>, kind: &str) -> Option<&'a [u8]> {
    let mut info = reader.inside(SEQUENCE)?;
    let found = der::oid_text(info.expect(OID)?);
    let content = info.expect(CONTEXT_0)?;
    (found == kind).then_some(content)
}

#[derive(Default)]
struct Bags {
    certificates: Vec<(Bytes, Option<Vec<u8>>)>,
    key: Option<(Bytes, Option<Vec<u8>>)>,
}

impl Bags {
    /// The certificate of the key: by the identifier they share, or because the key fits.
    fn chosen(self) -> Result<Pkcs12, Fault> {
        let (private_key, id) = match self.key {
            Some((key, id)) => (Some(key), id),
            None => (None, None),
        };
        let shared = || {
            id.as_ref()?;
            self.certificates.iter().position(|(_, known)| *known == id)
        };
        let fitting = || {
            let (key, _) = RsaKey::from_pkcs8(private_key.as_deref()?, false).ok()?;
            let fits = |der: &Bytes| {
                let certificate = Certificate::new(der, None)?;
                RsaKey::from_spki(&certificate.parsed().spki).ok().map(|(own, _)| own.matches(&key))
            };
            self.certificates.iter().position(|(der, _)| fits(der) == Some(true))
        };
        let index = shared().or_else(fitting).unwrap_or(0);
        let mut all: Vec<Bytes> = self.certificates.iter().map(|(der, _)| der.clone()).collect();
        if index >= all.len() {
            return Err(Fault::Format);
        }
        let certificate = all.remove(index);
        Ok(Pkcs12 { certificate, chain: all, private_key })
    }
}

struct Opener<'a> {
    password: &'a str,
    work: &'a mut dyn FnMut(u32) -> bool,
    left: u32,
    bags: Bags,
}

impl Opener<'_> {
    fn rounds(&mut self, rounds: u32) -> Result<NonZeroU32, Fault> {
        self.left = self.left.checked_sub(rounds).ok_or(Fault::Work)?;
        if !(self.work)(rounds) {
            return Err(Fault::Work);
        }
        NonZeroU32::new(rounds).ok_or(Fault::Format)
    }

    fn check_mac(&mut self, mut mac: Reader<'_>, safe: &[u8]) -> Result<(), Fault> {
        let mut info = mac.inside(SEQUENCE).ok_or(Fault::Format)?;
        let mut algorithm = info.inside(SEQUENCE).ok_or(Fault::Format)?;
        let hash = algorithm.expect(OID).map(der::oid_text).ok_or(Fault::Format)?;
        let expected = info.expect(OCTETS).ok_or(Fault::Format)?;
        let salt = mac.expect(OCTETS).ok_or(Fault::Format)?;
        let rounds = if mac.is_empty() { 1 } else { mac.number().ok_or(Fault::Format)? };
        let hash = match hash.as_str() {
            "1.3.14.3.2.26" => Algorithm::Sha1,
            "2.16.840.1.101.3.4.2.1" => Algorithm::Sha256,
            "2.16.840.1.101.3.4.2.2" => Algorithm::Sha384,
            "2.16.840.1.101.3.4.2.3" => Algorithm::Sha512,
            _ => return Err(Fault::Unsupported),
        };
        let rounds = self.rounds(rounds)?.get();
        // An empty password is written with its end, or is nothing at all.
        let mut passwords = vec![big_endian(self.password)];
        if self.password.is_empty() {
            passwords.push(Vec::new());
        }
        let fits = passwords.iter().any(|password| {
            let key = derive(hash, Purpose::Mac, password, salt, rounds, hash.len());
            let mut running = Running::keyed(hash, &key);
            running.update(safe);
            constant_time::verify_slices_are_equal(&running.finish(), expected).is_ok()
        });
        if fits { Ok(()) } else { Err(Fault::Password) }
    }

    fn safe_contents(&mut self, infos: &mut Reader<'_>) -> Result<(), Fault> {
        let mut info = infos.inside(SEQUENCE).ok_or(Fault::Format)?;
        let kind = info.expect(OID).map(der::oid_text).ok_or(Fault::Format)?;
        let mut content = info.inside(CONTEXT_0).ok_or(Fault::Format)?;
        match kind.as_str() {
            DATA => {
                let data = content.expect(OCTETS).ok_or(Fault::Format)?;
                self.read_bags(data)
            }
            ENCRYPTED_DATA => {
                let data = self.encrypted(content)?;
                self.read_bags(&data)
            }
            _ => Err(Fault::Unsupported),
        }
    }

    fn encrypted(&mut self, mut content: Reader<'_>) -> Result<Vec<u8>, Fault> {
        let parts = || {
            let mut data = content.inside(SEQUENCE)?;
            data.number()?;
            let mut info = data.inside(SEQUENCE)?;
            info.expect(OID)?;
            let algorithm = info.inside(SEQUENCE)?;
            let secret = match info.any()? {
                (0x80, secret) => secret.to_vec(),
                // In pieces.
                (CONTEXT_0, pieces) => {
                    let mut pieces = Reader::new(pieces);
                    let mut secret = Vec::new();
                    while !pieces.is_empty() {
                        secret.extend(pieces.expect(OCTETS)?);
                    }
                    secret
                }
                _ => return None,
            };
            Some((algorithm, secret))
        };
        let mut parts = parts;
        let (algorithm, secret) = parts().ok_or(Fault::Format)?;
        self.decrypt(algorithm, secret)
    }

    fn read_bags(&mut self, contents: &[u8]) -> Result<(), Fault> {
        let mut bags = Reader::new(contents).inside(SEQUENCE).ok_or(Fault::Format)?;
        while !bags.is_empty() {
            let mut bag = bags.inside(SEQUENCE).ok_or(Fault::Format)?;
            let kind = bag.expect(OID).map(der::oid_text).ok_or(Fault::Format)?;
            let value = bag.expect(CONTEXT_0).ok_or(Fault::Format)?;
            let id = bag.inside(SET).and_then(local_key_id);
            match kind.as_str() {
                KEY_BAG if self.bags.key.is_none() => {
                    self.bags.key = Some((Bytes::copy_from_slice(value), id));
                }
                SHROUDED_KEY_BAG if self.bags.key.is_none() => {
                    let mut info = Reader::new(value).inside(SEQUENCE).ok_or(Fault::Format)?;
                    let algorithm = info.inside(SEQUENCE).ok_or(Fault::Format)?;
                    let secret = info.expect(OCTETS).ok_or(Fault::Format)?.to_vec();
                    let key = self.decrypt(algorithm, secret)?;
                    self.bags.key = Some((key.into(), id));
                }
                CERTIFICATE_BAG => {
                    let certificate = || {
                        let mut bag = Reader::new(value).inside(SEQUENCE)?;
                        let kind = der::oid_text(bag.expect(OID)?);
                        let der = bag.inside(CONTEXT_0)?.expect(OCTETS)?;
                        (kind == "1.2.840.113549.1.9.22.1").then(|| Bytes::copy_from_slice(der))
                    };
                    self.bags.certificates.push((certificate().ok_or(Fault::Format)?, id));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn decrypt(&mut self, mut algorithm: Reader<'_>, secret: Vec<u8>) -> Result<Vec<u8>, Fault> {
        let kind = algorithm.expect(OID).map(der::oid_text).ok_or(Fault::Format)?;
        let parameters = algorithm.inside(SEQUENCE).ok_or(Fault::Format)?;
        let cipher = match kind.as_str() {
            "1.2.840.113549.1.5.13" => self.pbes2(parameters)?,
            "1.2.840.113549.1.12.1.3" => self.pbe(parameters, Family::TripleDes, 24)?,
            "1.2.840.113549.1.12.1.4" => self.pbe(parameters, Family::TripleDes, 16)?,
            "1.2.840.113549.1.12.1.5" => self.pbe(parameters, Family::Rc2, 16)?,
            "1.2.840.113549.1.12.1.6" => self.pbe(parameters, Family::Rc2, 5)?,
            _ => return Err(Fault::Unsupported),
        };
        let (mut cipher, mut data) = (cipher, secret);
        let size = cipher.family.block_len();
        if data.len() % size != 0 {
            return Err(Fault::Format);
        }
        cipher.run(Direction::Decrypt, &mut data).map_err(|_| Fault::Format)?;
        unpad(&mut data, size, Padding::Pkcs7).ok_or(Fault::Password)?;
        Ok(data)
    }

    /// The ciphers of PKCS#12 itself.
    fn pbe(
        &mut self,
        mut parameters: Reader<'_>,
        family: Family,
        key_len: usize,
    ) -> Result<Cipher, Fault> {
        let salt = parameters.expect(OCTETS).ok_or(Fault::Format)?;
        let rounds = parameters.number().ok_or(Fault::Format)?;
        let rounds = self.rounds(rounds)?.get();
        let password = big_endian(self.password);
        let key = derive(Algorithm::Sha1, Purpose::Key, &password, salt, rounds, key_len);
        let iv = derive(Algorithm::Sha1, Purpose::Iv, &password, salt, rounds, 8);
        Ok(Cipher::new(family, Mode::Cbc, &key, &iv))
    }

    /// Those of PKCS#5.
    fn pbes2(&mut self, mut parameters: Reader<'_>) -> Result<Cipher, Fault> {
        let mut function = parameters.inside(SEQUENCE).ok_or(Fault::Format)?;
        let mut scheme = parameters.inside(SEQUENCE).ok_or(Fault::Format)?;
        let kind = function.expect(OID).map(der::oid_text).ok_or(Fault::Format)?;
        if kind != "1.2.840.113549.1.5.12" {
            return Err(Fault::Unsupported);
        }
        let mut function = function.inside(SEQUENCE).ok_or(Fault::Format)?;
        let salt = function.expect(OCTETS).ok_or(Fault::Format)?;
        let rounds = function.number().ok_or(Fault::Format)?;
        if function.tag() == Some(der::INTEGER) {
            function.number();
        }
        let hash = match function.inside(SEQUENCE) {
            Some(mut hash) => hash.expect(OID).map(der::oid_text).ok_or(Fault::Format)?,
            None => "1.2.840.113549.2.7".to_owned(),
        };
        let hash = match hash.as_str() {
            "1.2.840.113549.2.7" => pbkdf2::PBKDF2_HMAC_SHA1,
            "1.2.840.113549.2.9" => pbkdf2::PBKDF2_HMAC_SHA256,
            "1.2.840.113549.2.10" => pbkdf2::PBKDF2_HMAC_SHA384,
            "1.2.840.113549.2.11" => pbkdf2::PBKDF2_HMAC_SHA512,
            _ => return Err(Fault::Unsupported),
        };
        let cipher = scheme.expect(OID).map(der::oid_text).ok_or(Fault::Format)?;
        let iv = scheme.expect(OCTETS).ok_or(Fault::Format)?;
        let (family, key_len) = match cipher.as_str() {
            "2.16.840.1.101.3.4.1.2" => (Family::Aes, 16),
            "2.16.840.1.101.3.4.1.22" => (Family::Aes, 24),
            "2.16.840.1.101.3.4.1.42" => (Family::Aes, 32),
            "1.2.840.113549.3.7" => (Family::TripleDes, 24),
            _ => return Err(Fault::Unsupported),
        };
        let rounds = self.rounds(rounds)?;
        let mut key = vec![0; key_len];
        pbkdf2::derive(hash, rounds, salt, self.password.as_bytes(), &mut key);
        Ok(Cipher::new(family, Mode::Cbc, &key, iv))
    }
}

fn local_key_id(mut attributes: Reader<'_>) -> Option<Vec<u8>> {
    while !attributes.is_empty() {
        let mut attribute = attributes.inside(SEQUENCE)?;
        let kind = der::oid_text(attribute.expect(OID)?);
        let mut values = attribute.inside(SET)?;
        if kind == LOCAL_KEY_ID {
            return values.expect(OCTETS).map(<[u8]>::to_vec);
        }
    }
    None
}

/// A password as PKCS#12 takes it: UTF-16, big-endian, with an end.
fn big_endian(password: &str) -> Vec<u8> {
    password.encode_utf16().chain([0]).flat_map(u16::to_be_bytes).collect()
}

/// What a derived key is for.
#[derive(Debug, Clone, Copy)]
enum Purpose {
    Key = 1,
    Iv = 2,
    Mac = 3,
}

/// The key derivation of PKCS#12 (RFC 7292, appendix B.2).
fn derive(
    hash: Algorithm,
    purpose: Purpose,
    password: &[u8],
    salt: &[u8],
    rounds: u32,
    len: usize,
) -> Vec<u8> {
    let block = hash.block_len();
    let filled = |bytes: &[u8]| -> Vec<u8> {
        let n = bytes.len().div_ceil(block) * block;
        bytes.iter().copied().cycle().take(if bytes.is_empty() { 0 } else { n }).collect()
    };
    let mut input = filled(salt);
    input.extend(filled(password));
    let diversifier = vec![purpose as u8; block];
    let mut out = Vec::new();
    while out.len() < len {
        let mut running = Running::new(hash);
        running.update(&diversifier);
        running.update(&input);
        let mut digest = running.finish();
        for _ in 1..rounds {
            digest = hash.hash(&digest);
        }
        out.extend(&digest);
        let step: Vec<u8> = digest.iter().copied().cycle().take(block).collect();
        for part in input.chunks_exact_mut(block) {
            add_one_more(part, &step);
        }
    }
    out.truncate(len);
    out
}

/// `part + step + 1`, as big-endian numbers of one length.
fn add_one_more(part: &mut [u8], step: &[u8]) {
    let mut carry = 1u16;
    for (byte, other) in part.iter_mut().zip(step).rev() {
        let sum = u16::from(*byte) + u16::from(*other) + carry;
        let [high, low] = sum.to_be_bytes();
        *byte = low;
        carry = u16::from(high);
    }
}
