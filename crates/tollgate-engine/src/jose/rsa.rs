//! Which RSA public keys are acceptable.

use aws_lc_rs::rsa::PublicKeyComponents;
use aws_lc_rs::signature::{
    ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384,
    RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384,
    RSA_PSS_2048_8192_SHA512, RsaParameters,
};

use super::Algorithm;

/// The algorithms of an RSA key.
const PARAMETERS: [(Algorithm, &RsaParameters); 6] = [
    (Algorithm::Rs256, &RSA_PKCS1_2048_8192_SHA256),
    (Algorithm::Rs384, &RSA_PKCS1_2048_8192_SHA384),
    (Algorithm::Rs512, &RSA_PKCS1_2048_8192_SHA512),
    (Algorithm::Ps256, &RSA_PSS_2048_8192_SHA256),
    (Algorithm::Ps384, &RSA_PSS_2048_8192_SHA384),
    (Algorithm::Ps512, &RSA_PSS_2048_8192_SHA512),
];

/// Makes a public key ready for the algorithms it may be used with: the one its publisher named, else all six.
pub(super) fn ready_keys(
    modulus: &[u8],
    exponent: &[u8],
    only: Option<Algorithm>,
) -> Result<Vec<(Algorithm, ParsedPublicKey)>, String> {
    let n = without_leading_zeros(modulus);
    let e = without_leading_zeros(exponent);
    check(n, e)?;
    let components = PublicKeyComponents { n, e };
    PARAMETERS
        .iter()
        .filter(|(algorithm, _)| only.is_none_or(|only| only == *algorithm))
        .map(|(algorithm, parameters)| {
            let key = components.to_parsed_public_key(parameters);
            key.map(|key| (*algorithm, key)).map_err(|_| "the RSA key is malformed".to_owned())
        })
        .collect()
}

fn without_leading_zeros(mut bytes: &[u8]) -> &[u8] {
    while let [0, rest @ ..] = bytes {
        bytes = rest;
    }
    bytes
}

fn check(n: &[u8], e: &[u8]) -> Result<(), String> {
    let bits = n.first().map_or(0, |first| n.len() * 8 - first.leading_zeros() as usize);
    if !(2048..=8192).contains(&bits) {
        return Err(format!("an RSA key must have 2048 to 8192 bits, this one has {bits}"));
    }
    let odd = |number: &[u8]| number.last().is_some_and(|last| last & 1 == 1);
    if !odd(n) || !odd(e) || e == [1] || e.len() > 5 {
        return Err("the exponent or modulus of the RSA key is malformed".to_owned());
    }
    if is_roca(n) {
        return Err(
            "the RSA key was made by a generator with a known weakness (CVE-2017-15361)".to_owned()
        );
    }
    Ok(())
}

/// Whether a modulus has the fingerprint of the weak generator of CVE-2017-15361: modulo each of these primes it is a
/// power of 65537. A random modulus has it with a probability below 2^-27.
fn is_roca(n: &[u8]) -> bool {
    const PRIMES: [u32; 17] =
        [11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157];
    PRIMES.iter().all(|&prime| {
        let residue = n.iter().fold(0, |rest, &byte| (rest * 256 + u32::from(byte)) % prime);
        let mut power = 1;
        (0..prime).any(|_| {
            power = power * (65537 % prime) % prime;
            power == residue
        })
    })
}
