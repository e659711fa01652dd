//! Encrypted tokens: every combination opens; every damage and every refused algorithm looks the same.

use aws_lc_rs::aead::{self, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{self, EncryptionContext, PaddedBlockEncryptingKey, UnboundCipherKey};
use aws_lc_rs::hmac;
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::key_wrap::{self, AesKek, KeyWrap};
use aws_lc_rs::rsa::{
    OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, PrivateDecryptingKey,
};

use super::signer::{encode, rsa_pkcs8};
use crate::jose::{DecryptionKey, JoseError, Jwe};

const ENCRYPTIONS: [(&str, usize); 6] = [
    ("A128CBC-HS256", 32),
    ("A192CBC-HS384", 48),
    ("A256CBC-HS512", 64),
    ("A128GCM", 16),
    ("A192GCM", 24),
    ("A256GCM", 32),
];

/// The five parts of a token.
fn seal(alg: &str, enc: &str, size: usize, wrapping_key: &[u8], extra: &str) -> [String; 5] {
    let content_key = if alg == "dir" { wrapping_key.to_vec() } else { vec![9; size] };
    let header = encode(format!(r#"{{"alg":"{alg}","enc":"{enc}"{extra}}}"#));
    let wrapped = match alg {
        "dir" => Vec::new(),
        "A128KW" | "A256KW" => {
            let cipher = if alg == "A128KW" { &key_wrap::AES_128 } else { &key_wrap::AES_256 };
            let mut output = vec![0; size + 8];
            AesKek::new(cipher, wrapping_key)
                .unwrap()
                .wrap(&content_key, &mut output)
                .unwrap()
                .to_vec()
        }
        _ => {
            let algorithm =
                if alg == "RSA-OAEP-256" { &OAEP_SHA256_MGF1SHA256 } else { &OAEP_SHA1_MGF1SHA1 };
            let key = PrivateDecryptingKey::from_pkcs8(&rsa_pkcs8()).unwrap().public_key();
            let key = OaepPublicEncryptingKey::new(key).unwrap();
            let mut output = vec![0; key.ciphertext_size()];
            key.encrypt(algorithm, &content_key, &mut output, None).unwrap().to_vec()
        }
    };
    let mut content = b"inner".to_vec();
    let (iv, tag) = if enc.ends_with("GCM") {
        let algorithm = match size {
            16 => &aead::AES_128_GCM,
            24 => &aead::AES_192_GCM,
            _ => &aead::AES_256_GCM,
        };
        let key = LessSafeKey::new(UnboundKey::new(algorithm, &content_key).unwrap());
        let nonce = Nonce::assume_unique_for_key([1; 12]);
        let tag = key.seal_in_place_separate_tag(nonce, Aad::from(&header), &mut content).unwrap();
        (vec![1; 12], tag.as_ref().to_vec())
    } else {
        let (algorithm, mac) = match size {
            32 => (&cipher::AES_128, hmac::HMAC_SHA256),
            48 => (&cipher::AES_192, hmac::HMAC_SHA384),
            _ => (&cipher::AES_256, hmac::HMAC_SHA512),
        };
        let (mac_key, cipher_key) = content_key.split_at(size / 2);
        let key = PaddedBlockEncryptingKey::cbc_pkcs7(
            UnboundCipherKey::new(algorithm, cipher_key).unwrap(),
        )
        .unwrap();
        key.less_safe_encrypt(&mut content, EncryptionContext::Iv128(FixedLength::from([1; 16])))
            .unwrap();
        let bits = (header.len() as u64 * 8).to_be_bytes();
        let signed = [header.as_bytes(), &[1; 16], &content, &bits].concat();
        let tag = hmac::sign(&hmac::Key::new(mac, mac_key), &signed);
        (vec![1; 16], tag.as_ref()[..size / 2].to_vec())
    };
    [header, encode(wrapped), encode(iv), encode(content), encode(tag)]
}

fn open(parts: &[String; 5], keys: &[DecryptionKey]) -> Result<Vec<u8>, JoseError> {
    Jwe::parse(&parts.join("."))?.decrypt(keys)
}

fn symmetric(size: usize) -> DecryptionKey {
    DecryptionKey::from_symmetric(None, &vec![5; size]).unwrap()
}

#[test]
fn every_combination_opens_and_every_damage_looks_the_same() {
    for (enc, size) in ENCRYPTIONS {
        for alg in ["dir", "A128KW", "A256KW", "RSA-OAEP", "RSA-OAEP-256"] {
            let key_size = match alg {
                "dir" => size,
                "A128KW" => 16,
                _ => 32,
            };
            let parts = seal(alg, enc, size, &vec![5; key_size], "");
            let keys = if alg.starts_with("RSA") {
                [DecryptionKey::from_pkcs8(None, &rsa_pkcs8()).unwrap()]
            } else {
                [symmetric(key_size)]
            };
            assert!(Jwe::looks_like(&parts.join(".")));
            assert_eq!(open(&parts, &keys), Ok(b"inner".to_vec()), "{alg} {enc}");
            for part in 1..5 {
                let mut damaged = parts.clone();
                let flipped = if damaged[part].starts_with('B') { "C" } else { "B" };
                let range = if damaged[part].is_empty() { 0..0 } else { 0..1 };
                damaged[part].replace_range(range, flipped);
                // A lone Base64 letter is malformed; that says nothing about the key.
                let error = open(&damaged, &keys).unwrap_err();
                let lone = alg == "dir" && part == 1;
                assert_eq!(
                    error == JoseError::Decryption,
                    !lone,
                    "{alg} {enc} part {part}: {error}"
                );
            }
            let other = [
                DecryptionKey::from_symmetric(None, &vec![6; key_size]).unwrap(),
                symmetric(if key_size == 64 { 48 } else { 64 }),
            ];
            assert_eq!(open(&parts, &other), Err(JoseError::Decryption), "{alg} {enc}");
        }
    }
}

#[test]
fn refused_algorithms_and_members() {
    let key = [symmetric(32)];
    let mut parts = seal("A256KW", "A128GCM", 16, &[5; 32], "");
    for header in [
        r#"{"alg":"RSA1_5","enc":"A128GCM"}"#,
        r#"{"alg":"PBES2-HS256+A128KW","enc":"A128GCM","p2c":1000000}"#,
        r#"{"alg":"ECDH-ES","enc":"A128GCM"}"#,
        r#"{"alg":"A256GCMKW","enc":"A128GCM"}"#,
        r#"{"alg":"none","enc":"A128GCM"}"#,
        r#"{"alg":"A256KW","enc":"none"}"#,
        r#"{"alg":"A256KW"}"#,
    ] {
        parts[0] = encode(header);
        assert_eq!(open(&parts, &key), Err(JoseError::Algorithm), "{header}");
    }
    for (extra, member) in [(r#","zip":"DEF""#, "zip"), (r#","crit":["exp"]"#, "crit")] {
        let parts = seal("A256KW", "A128GCM", 16, &[5; 32], extra);
        assert_eq!(open(&parts, &key), Err(JoseError::HeaderMember(member)));
    }
    // `dir` has no encrypted key, and the key has exactly the length the content asks for.
    let mut direct = seal("dir", "A128GCM", 16, &[5; 16], "");
    direct[1] = encode([0; 24]);
    assert_eq!(open(&direct, &[symmetric(16)]), Err(JoseError::Decryption));
    let direct = seal("dir", "A128GCM", 16, &[5; 16], "");
    assert_eq!(open(&direct, &[symmetric(32)]), Err(JoseError::Decryption));
    assert_eq!(open(&direct, &[]), Err(JoseError::Decryption));
}

#[test]
fn the_named_key_comes_first_and_others_are_tried() {
    let parts = seal("A256KW", "A128GCM", 16, &[5; 32], r#","kid":"mine""#);
    let named =
        |id: &str, byte| DecryptionKey::from_symmetric(Some(id.to_owned()), &[byte; 32]).unwrap();
    let mut keys: Vec<_> = (0..9).map(|n| named(&format!("other-{n}"), 6)).collect();
    keys.push(named("mine", 5));
    assert!(open(&parts, &keys).is_ok());
    // Past the bound on attempts a key is found by its identifier only.
    keys.pop();
    keys.push(named("last", 5));
    assert_eq!(open(&parts, &keys), Err(JoseError::Decryption));
    assert!(open(&parts, &keys[8..]).is_ok());
}

#[test]
fn keys_of_wrong_size_or_form_are_refused() {
    for size in [0, 15, 17, 33, 128] {
        assert!(DecryptionKey::from_symmetric(None, &vec![0; size]).is_err(), "{size}");
    }
    assert!(DecryptionKey::from_pkcs8(None, b"not a key").is_err());
    assert!(!format!("{:?}", symmetric(32)).contains('5'));
}
