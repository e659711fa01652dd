//! What recorded cases cannot show: certificates of the host, chains, bounds, and that nothing secret is printed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value as Json, json};

use super::hash_algorithm::Hasher;
use super::symmetric::Symmetric;
use crate::cases;
use crate::cryptography::cipher::{Cipher, Direction, Family, Mode};
use crate::cryptography::digest::Algorithm;
use crate::cryptography::pkcs12::Pkcs12;
use crate::cryptography::rsa_key::RsaKey;
use crate::types::TypeId;
use crate::{Certificate, Pkcs12Fault};

const ROOT: &[u8] = include_bytes!("root.der");
const INTERMEDIATE: &[u8] = include_bytes!("intermediate.der");
const LEAF: &[u8] = include_bytes!("leaf.der");
const SIGNING: &[u8] = include_bytes!("signing.pfx");
/// The same under RC2 and Triple DES, as older systems write it.
const LEGACY: &[u8] = include_bytes!("legacy.pfx");

fn context(timestamp: &str) -> Json {
    let encode = |der: &[u8]| STANDARD.encode(der);
    json!({
        "timestamp": timestamp,
        "request": { "certificate": encode(LEAF) },
        "backend": { "Id": "b1" },
        "deployment": {
            "Certificates": {
                "signing": { "pkcs12": encode(SIGNING), "password": "secret" },
                "other": encode(INTERMEDIATE),
                "root": encode(ROOT)
            },
            "TrustedRoots": [encode(ROOT)],
            "Intermediates": [encode(INTERMEDIATE)]
        }
    })
}

fn answer_at(timestamp: &str, expression: &str) -> String {
    let result = cases::run(expression, &context(timestamp)).unwrap();
    let text = |key: &str| result.get(key).and_then(Json::as_str).map(str::to_owned);
    match (text("compile"), text("error")) {
        (Some(refused), _) => format!("refused: {refused}"),
        (_, Some(error)) => {
            let short = error.rsplit('.').next().unwrap_or_default();
            format!("{short}: {}", text("message").unwrap_or_default())
        }
        _ => text("value").unwrap_or_else(|| "null".to_owned()),
    }
}

/// Checks expressions against their answers, in 2027.
fn check(cases: &[(&str, &str)]) {
    for (expression, expected) in cases {
        assert_eq!(answer_at("2027-01-01T00:00:00Z", expression), *expected, "{expression}");
    }
}

#[test]
fn certificates_of_the_host() {
    let thumbprint = Certificate::new(&Pkcs12::open(SIGNING, "secret").unwrap().certificate, None)
        .unwrap()
        .thumbprint();
    let by_thumbprint =
        format!("@(context.Deployment.Certificates[\"{thumbprint}\"].HasPrivateKey)");
    check(&[
        (
            "@{ var rsa = context.Deployment.Certificates[\"signing\"].GetRSAPrivateKey(); var data = Encoding.UTF8.GetBytes(\"a.b\"); var signature = rsa.SignData(data, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1); return context.Deployment.Certificates[\"signing\"].GetRSAPublicKey().VerifyData(data, signature, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1); }",
            "True",
        ),
        (&by_thumbprint, "True"),
        ("@(string.Join(\" \", context.Deployment.Certificates.Keys))", "signing other root"),
        ("@(context.Deployment.Certificates.Count)", "3"),
        ("@(context.Deployment.Certificates.ContainsKey(\"no\"))", "False"),
        (
            "@(context.Deployment.Certificates[\"no\"])",
            "KeyNotFoundException: The given key 'no' was not present in the dictionary.",
        ),
        ("@(context.Deployment.Certificates.GetValueOrDefault(\"no\") == null)", "True"),
        ("@(context.Deployment.Certificates[\"other\"].HasPrivateKey)", "False"),
        ("@(context.Deployment.Certificates[\"other\"].GetRSAPublicKey())", "null"),
        (
            "@{ var key = context.Deployment.Certificates[\"signing\"].GetRSAPrivateKey(); var own = new X509Certificate2(context.Deployment.Certificates[\"signing\"].RawData).CopyWithPrivateKey(key); return own.HasPrivateKey + \" \" + own.GetRSAPrivateKey().SignData(new byte[1], HashAlgorithmName.SHA512, RSASignaturePadding.Pss).Length; }",
            "True 256",
        ),
        ("@(context.Request.Certificate.Subject)", "CN=client, O=\"Test, Inc.\""),
        ("@(context.Backend.Id + context.Backend.Type)", "b1Single"),
        ("@(context.Deployment.SustainabilityInfo.CurrentCarbonIntensity)", "NotAvailable"),
        ("@(context.GraphQL == null && context.Request.PrivateEndpointConnection == null)", "True"),
        (
            "@(context.GraphQL.Arguments[\"id\"])",
            "NullReferenceException: Object reference not set to an instance of an object.",
        ),
    ]);
}

#[test]
fn keys_of_the_host_stay_where_they_are() {
    const STAYS: &str = "CryptographicException: Key not valid for use in specified state.";
    check(&[
        (
            "@(context.Deployment.Certificates[\"signing\"].GetRSAPrivateKey().ToXmlString(true))",
            STAYS,
        ),
        (
            "@(context.Deployment.Certificates[\"signing\"].GetRSAPrivateKey().ExportPkcs8PrivateKey())",
            STAYS,
        ),
        (
            "@(context.Deployment.Certificates[\"signing\"].GetRSAPrivateKey().ExportRSAPrivateKey())",
            STAYS,
        ),
        ("@(context.Deployment.Certificates[\"signing\"].PrivateKey.ToXmlString(true))", STAYS),
        (
            "@(context.Deployment.Certificates[\"signing\"].GetRSAPrivateKey().ToXmlString(false).Length)",
            "415",
        ),
        (
            "@(context.Deployment.Certificates[\"signing\"].Export(X509ContentType.Pfx, \"x\"))",
            "PlatformNotSupportedException: PKCS #12 files are not written here.",
        ),
    ]);
}

#[test]
fn chains_lead_to_trusted_roots_while_they_are_valid() {
    let verify = "@(context.Request.Certificate.VerifyNoRevocation())";
    check(&[
        (verify, "True"),
        ("@(context.Request.Certificate.Verify())", "True"),
        // An authority that is no root itself is not accepted, though .NET would.
        ("@(context.Deployment.Certificates[\"other\"].Verify())", "False"),
        ("@(context.Deployment.Certificates[\"root\"].Verify())", "True"),
        ("@(context.Deployment.Certificates[\"signing\"].VerifyNoRevocation())", "False"),
        (
            "@(((X509Certificate2)null).VerifyNoRevocation())",
            "ArgumentException: The chain context handle is invalid. (Parameter 'certificate')",
        ),
    ]);
    assert_eq!(answer_at("2020-01-01T00:00:00Z", verify), "False");
    assert_eq!(answer_at("2060-01-01T00:00:00Z", verify), "False");
}

#[test]
fn work_is_bounded() {
    let steps = "OutOfMemoryException: the expression takes too many steps";
    check(&[
        (
            "@{ var s = SHA256.Create(); var d = new byte[1000000]; for (int i = 0; i < 1000; i++) { s.ComputeHash(d); } return 1; }",
            "OutOfMemoryException: the expression takes too many steps",
        ),
        (
            "@{ var s = SHA256.Create(); var d = new byte[300000]; for (int i = 0; i < 1000; i++) { s.TransformBlock(d, 0, 300000, null, 0); } return 1; }",
            steps,
        ),
        (
            "@{ var k = context.Deployment.Certificates[\"signing\"].GetRSAPrivateKey(); for (int i = 0; i < 100000; i++) { k.SignData(new byte[0], HashAlgorithmName.SHA256, RSASignaturePadding.Pss); } return 1; }",
            steps,
        ),
    ]);
}

#[test]
fn files_that_ask_for_too_much_work_are_refused() {
    // The number of rounds is a 32-bit integer of the file.
    let at = SIGNING.windows(4).rposition(|part| part == [0x02, 0x02, 0x08, 0x00]).unwrap();
    let mut greedy = SIGNING.to_vec();
    greedy[at..at + 4].copy_from_slice(&[0x02, 0x02, 0x7F, 0xFF]);
    assert_eq!(Pkcs12::open(&greedy, "secret").unwrap_err(), Pkcs12Fault::Password);
    let mut asked = Vec::new();
    let refused = crate::cryptography::pkcs12::open(SIGNING, "secret", &mut |rounds| {
        asked.push(rounds);
        asked.len() < 2
    });
    assert_eq!(refused.unwrap_err(), Pkcs12Fault::Work);
    assert_eq!(asked, [2048, 2048]);
}

#[test]
fn damaged_files_and_certificates_are_refused() {
    for file in [SIGNING, LEGACY] {
        assert!(Pkcs12::open(file, "secret").unwrap().private_key.is_some());
        assert_eq!(Pkcs12::open(file, "wrong").unwrap_err(), Pkcs12Fault::Password);
        for n in (0..file.len()).step_by(7) {
            assert!(Pkcs12::open(&file[..n], "secret").is_err(), "{n}");
        }
        // A bit of any byte: what is not covered by the password's check is the file's form.
        for n in (0..file.len()).step_by(97) {
            let mut damaged = file.to_vec();
            damaged[n] ^= 0x10;
            assert!(Pkcs12::open(&damaged, "secret").is_err(), "{n}");
        }
    }
    for n in 0..LEAF.len() {
        assert!(Certificate::new(&LEAF[..n].to_vec().into(), None).is_none(), "{n}");
    }
}

#[test]
fn keys_are_not_printed() {
    let opened = Pkcs12::open(SIGNING, "secret").unwrap();
    let key = opened.private_key.clone().unwrap();
    let (rsa, _) = RsaKey::from_pkcs8(&key, true).unwrap();
    let secret = [7u8; 32];
    let shown = [
        format!("{opened:?}"),
        format!("{rsa:?}"),
        format!("{:?}", Certificate::new(&opened.certificate, opened.private_key)),
        format!("{:?}", Hasher::keyed(TypeId::HMACSHA256, Algorithm::Sha256, &secret)),
        format!("{:?}", Symmetric::new(Family::Aes, "AesManaged")),
        format!("{:?}", Cipher::new(Family::Aes, Mode::Cbc, &secret, &[0; 16])),
    ];
    for text in shown {
        assert!(text.len() < 120 && !text.contains("7, 7"), "{text}");
    }
}

#[test]
fn ciphers_do_what_their_standards_say() {
    let hex = |text: &str| -> Vec<u8> {
        (0..text.len())
            .step_by(2)
            .map(|n| u8::from_str_radix(text.get(n..n + 2).unwrap(), 16).unwrap())
            .collect()
    };
    // FIPS 197, NIST SP 800-67, RFC 2268.
    let cases = [
        (
            Family::Aes,
            "000102030405060708090a0b0c0d0e0f",
            "00112233445566778899aabbccddeeff",
            "69c4e0d86a7b0430d8cdb78070b4c55a",
        ),
        (
            Family::TripleDes,
            "0123456789abcdef23456789abcdef01456789abcdef0123",
            "5468652071756663",
            "a826fd8ce53b855f",
        ),
        (Family::Rc2, "88bca90e90875a7f0f79c384627bafb2", "0000000000000000", "2269552ab0f85ca6"),
    ];
    for (family, key, plain, secret) in cases {
        let mut data = hex(plain);
        let mut cipher = Cipher::new(family, Mode::Ecb, &hex(key), &[]);
        cipher.run(Direction::Encrypt, &mut data).unwrap();
        assert_eq!(data, hex(secret), "{family:?}");
        cipher.run(Direction::Decrypt, &mut data).unwrap();
        assert_eq!(data, hex(plain), "{family:?}");
    }
}

#[test]
fn azures_encryption_of_arrays() {
    check(&[
        (
            "@(Convert.ToBase64String(new byte[] { 1, 2, 3 }.Encrypt(\"Aes\", new byte[16], new byte[16])))",
            "wbOSfGdRLDLi2UfnjNPSKQ==",
        ),
        (
            "@(Convert.ToBase64String(new byte[] { 1, 2, 3 }.Encrypt(\"Aes\", new byte[16], new byte[16]).Decrypt(\"Aes\", new byte[16], new byte[16])))",
            "AQID",
        ),
        (
            "@{ var alg = SymmetricAlgorithm.Create(\"TripleDES\"); var secret = new byte[] { 4, 5 }.Encrypt(alg); return Convert.ToBase64String(secret.Decrypt(alg)); }",
            "BAU=",
        ),
        (
            "@{ var alg = SymmetricAlgorithm.Create(\"Aes\"); return Convert.ToBase64String(new byte[] { 9 }.Encrypt(alg, new byte[32], new byte[16]).Decrypt(alg, new byte[32], new byte[16])); }",
            "CQ==",
        ),
        (
            "@(new byte[] { 1 }.Encrypt(\"Nope\", new byte[16], new byte[16]))",
            "ArgumentException: Unknown algorithm. (Parameter 'alg')",
        ),
        (
            "@(new byte[] { 1 }.Decrypt(\"Aes\", new byte[16], new byte[16]))",
            "CryptographicException: The input data is not a complete block.",
        ),
        (
            "@(new byte[16].Decrypt(\"Aes\", new byte[16], new byte[16]))",
            "CryptographicException: Padding is invalid and cannot be removed.",
        ),
        (
            "@{ var data = new byte[64]; new RNGCryptoServiceProvider().GetNonZeroBytes(data); return data.All(b => b != 0); }",
            "True",
        ),
        (
            "@{ var data = new byte[64]; new RNGCryptoServiceProvider().GetBytes(data, 8, 8); return data.Skip(8).Take(8).Any(b => b != 0) && data.Skip(16).All(b => b == 0); }",
            "True",
        ),
    ]);
}
