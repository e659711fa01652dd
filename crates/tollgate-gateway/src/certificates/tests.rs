use std::fmt::Write as _;

use rcgen::{
    CertificateParams, CertifiedKey, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ED25519, PKCS_RSA_SHA256,
};

use super::*;

fn made(algorithm: &'static rcgen::SignatureAlgorithm) -> (String, String) {
    let key = KeyPair::generate_for(algorithm).unwrap();
    let certificate =
        CertificateParams::new(vec!["host.test".to_owned()]).unwrap().self_signed(&key).unwrap();
    (certificate.pem(), key.serialize_pem())
}

fn pem(kind: &str, der: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let mut pem = format!("-----BEGIN {kind}-----\n");
    for line in text.as_bytes().chunks(64) {
        writeln!(pem, "{}", std::str::from_utf8(line).unwrap()).unwrap();
    }
    writeln!(pem, "-----END {kind}-----").unwrap();
    pem
}

fn check(certificate: &str, key: Option<&str>, expected: Result<bool, &CertificateError>) {
    let read = read_certificate(certificate.as_bytes(), key.map(str::as_bytes));
    let read = read.as_ref().map(|certificate| certificate.private_key().is_some());
    assert_eq!(read, expected);
}

#[test]
fn keys_of_all_kinds_beside_the_certificate_or_apart() {
    for algorithm in [&PKCS_ECDSA_P256_SHA256, &PKCS_ED25519, &PKCS_RSA_SHA256] {
        let (certificate, key) = made(algorithm);
        check(&certificate, None, Ok(false));
        check(&certificate, Some(&key), Ok(true));
        check(&format!("{key}{certificate}"), None, Ok(true));
        let (_, other) = made(algorithm);
        check(&certificate, Some(&other), Err(&CertificateError::OtherKey));
        check(&format!("{key}{certificate}"), Some(&other), Err(&CertificateError::TwoKeys));
    }
}

#[test]
fn older_key_formats_become_pkcs8() {
    let (certificate, key) = made(&PKCS_RSA_SHA256);
    let (_, pkcs8) =
        <(SectionKind, Vec<u8>)>::pem_slice_iter(key.as_bytes()).next().unwrap().unwrap();
    // PKCS#8 wraps PKCS#1 at a fixed place for RSA: after the version and the algorithm.
    let at = pkcs8.windows(4).skip(1).position(|window| window[..2] == [0x30, 0x82]).unwrap() + 1;
    check(&certificate, Some(&pem("RSA PRIVATE KEY", &pkcs8[at..])), Ok(true));

    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    let certificate =
        CertificateParams::new(vec!["host.test".to_owned()]).unwrap().self_signed(&key).unwrap();
    let pkcs8 = key.serialize_der();
    let at = pkcs8.windows(5).position(|window| window[2..] == [2, 1, 1]).unwrap();
    check(&certificate.pem(), Some(&pem("EC PRIVATE KEY", &pkcs8[at..])), Ok(true));
}

#[test]
fn what_cannot_be_used_is_told_without_the_key() {
    let (certificate, key) = made(&PKCS_ECDSA_P256_SHA256);
    check("", None, Err(&CertificateError::NoCertificate));
    check(&key, None, Err(&CertificateError::NoCertificate));
    check(&certificate, Some(&certificate), Err(&CertificateError::NoKey));
    check(&certificate, Some(&pem("PRIVATE KEY", b"nonsense")), Err(&CertificateError::Key));
    check(&pem("CERTIFICATE", b"nonsense"), None, Err(&CertificateError::Certificate(1)));
    check(
        &certificate,
        Some(&pem("ENCRYPTED PRIVATE KEY", b"x")),
        Err(&CertificateError::EncryptedKey),
    );
    let cut: String = key.chars().take(key.len() / 2).collect();
    check(&certificate, Some(&cut), Err(&CertificateError::Pem));
    let source = CertificateSource::Text {
        certificate: Secret::new(certificate),
        key: Some(Secret::new("-----BEGIN PRIVATE KEY-----\nc2VjcmV0IQ\n".to_owned())),
    };
    let error = source.read().unwrap_err();
    assert!(!format!("{error} {error:?} {source:?}").contains("c2Vj"));
}

#[test]
fn certificates_are_found_by_name_and_thumbprint() {
    let (certificate, key) = made(&PKCS_ECDSA_P256_SHA256);
    let source = CertificateSource::Text {
        certificate: Secret::new(certificate.clone()),
        key: Some(Secret::new(key)),
    };
    let loaded = Certificates::load(&BTreeMap::from([("front".to_owned(), source)])).unwrap();
    let der = Arc::clone(loaded.find("front").unwrap());
    let thumbprint = thumbprint(der.der());
    assert_eq!(thumbprint.len(), 40);
    assert!(loaded.find(&thumbprint.to_lowercase()).is_some());
    assert!(loaded.find("Front").is_none());
    assert_eq!(loaded.names().collect::<Vec<_>>(), ["front"]);
    assert_eq!(read_bundle(format!("{certificate}{certificate}").as_bytes()).unwrap().len(), 2);
    assert_eq!(read_bundle(b"none"), Err(CertificateError::NoCertificate));
    // SHA-1 of nothing, as the standard prints it.
    assert_eq!(super::thumbprint(b""), "DA39A3EE5E6B4B0D3255BFEF95601890AFD80709");
}

#[test]
fn a_store_follows_its_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tls.pem");
    let write = |key: &CertifiedKey<KeyPair>| {
        std::fs::write(&path, format!("{}{}", key.cert.pem(), key.signing_key.serialize_pem()))
            .unwrap();
    };
    let make = || rcgen::generate_simple_self_signed(vec!["host.test".to_owned()]).unwrap();
    let (first, second) = (make(), make());
    write(&first);
    let source = CertificateSource::Files { certificate: path.clone(), key: None };
    let store =
        CertificateStore::new(BTreeMap::from([("tls".to_owned(), source.clone())])).unwrap();
    let der = || store.current().find("tls").unwrap().der().clone();
    assert_eq!(store.refresh(), Refreshed::Unchanged);

    write(&second);
    assert_eq!(store.refresh(), Refreshed::Changed);
    assert_eq!(der(), second.cert.der().as_ref());

    std::fs::write(&path, "half a file").unwrap();
    assert_eq!(
        store.refresh(),
        Refreshed::Failed(vec![("tls".to_owned(), CertificateError::NoCertificate)])
    );
    assert_eq!(store.refresh(), Refreshed::Unchanged);
    assert_eq!(der(), second.cert.der().as_ref());

    std::fs::remove_file(&path).unwrap();
    assert!(
        matches!(store.refresh(), Refreshed::Failed(errors) if errors[0].1.to_string().contains("tls.pem"))
    );
    write(&first);
    assert_eq!(store.refresh(), Refreshed::Changed);
    assert_eq!(der(), first.cert.der().as_ref());
    assert_eq!(source.files().collect::<Vec<_>>(), [path.as_path()]);
}
