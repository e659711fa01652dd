//! Proof of a service principal by its certificate.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PSS_SHA256, RsaKeyPair};
use azure_core::error::{Error, ErrorKind};
use azure_core::http::ClientMethodOptions;
use azure_identity::ClientAssertion;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::json;
use tollgate_engine::jose::Certificate;
use tollgate_engine::ports::Clock;
use uuid::Uuid;

/// How long an assertion is good; Entra wants at most ten minutes or so.
const LIFE: i64 = 600;

/// Signs assertions in the form Entra documents: PS256, the certificate named by its SHA-256
/// (<https://learn.microsoft.com/entra/identity-platform/certificate-credentials>).
///
/// `azure_identity` has a credential for this, on OpenSSL; its assertion credential and our own signature avoid that.
pub(super) struct CertificateAssertion {
    key: RsaKeyPair,
    header: String,
    client_id: String,
    audience: String,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for CertificateAssertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CertificateAssertion")
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

impl CertificateAssertion {
    /// For a principal at a token endpoint. `sends_chain` puts the certificates into the assertion, for principals that are
    /// known by subject name and issuer.
    pub(super) fn new(
        certificate: &Certificate,
        client_id: String,
        audience: String,
        sends_chain: bool,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, String> {
        let key = certificate.private_key().ok_or("the certificate has no private key")?;
        let key = RsaKeyPair::from_pkcs8(key.expose())
            .map_err(|_| "the certificate's key is not RSA of at least 2048 bits")?;
        let thumbprint = digest::digest(&digest::SHA256, certificate.der());
        let mut header = json!({
            "alg": "PS256",
            "typ": "JWT",
            "x5t#S256": URL_SAFE_NO_PAD.encode(thumbprint),
        });
        if sends_chain && let Some(header) = header.as_object_mut() {
            let chain = std::iter::once(certificate.der()).chain(certificate.chain());
            header.insert("x5c".to_owned(), chain.map(|der| STANDARD.encode(der)).collect());
        }
        Ok(Self { key, header: header.to_string(), client_id, audience, clock })
    }

    fn sign(&self) -> Result<String, String> {
        let now = self.clock.unix_seconds();
        let claims = json!({
            "aud": self.audience,
            "iss": self.client_id,
            "sub": self.client_id,
            "jti": Uuid::new_v4().to_string(),
            "iat": now,
            "nbf": now,
            "exp": now + LIFE,
        });
        let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let signed = format!("{}.{}", encode(&self.header), encode(&claims.to_string()));
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key
            .sign(&RSA_PSS_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
            .map_err(|_| "the assertion could not be signed")?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

#[async_trait::async_trait]
impl ClientAssertion for CertificateAssertion {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        self.sign().map_err(|why| Error::with_message(ErrorKind::Credential, why))
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{RSA_PSS_2048_8192_SHA256, UnparsedPublicKey};
    use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256};
    use x509_parser::prelude::{FromDer as _, X509Certificate};

    use super::*;
    use crate::certificates::read_certificate;

    struct Stopped;

    impl Clock for Stopped {
        fn ticks(&self) -> i64 {
            621_355_968_000_000_000 + 1_700_000_000 * 10_000_000
        }
    }

    fn assertion(
        algorithm: &'static rcgen::SignatureAlgorithm,
        sends_chain: bool,
    ) -> (Certificate, Result<CertificateAssertion, String>) {
        let key = KeyPair::generate_for(algorithm).unwrap();
        let certificate = rcgen::CertificateParams::new(vec!["app".to_owned()])
            .unwrap()
            .self_signed(&key)
            .unwrap();
        let pem = format!("{}{}", certificate.pem(), key.serialize_pem());
        let certificate = read_certificate(pem.as_bytes(), None).unwrap();
        let (client, audience) =
            ("client".to_owned(), "https://login.test/t/oauth2/v2.0/token".to_owned());
        let made = CertificateAssertion::new(
            &certificate,
            client,
            audience,
            sends_chain,
            Arc::new(Stopped),
        );
        (certificate, made)
    }

    #[test]
    fn an_assertion_is_what_entra_expects() {
        for sends_chain in [false, true] {
            let (certificate, made) = assertion(&PKCS_RSA_SHA256, sends_chain);
            let text = made.unwrap().sign().unwrap();
            let (signed, signature) = text.rsplit_once('.').unwrap();
            let (_, x509) = X509Certificate::from_der(certificate.der()).unwrap();
            let key = x509.public_key().subject_public_key.data.as_ref();
            UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, key)
                .verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap())
                .unwrap();
            let part = |text: &str| -> serde_json::Value {
                serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
            };
            let (header, claims) = signed.split_once('.').unwrap();
            let (header, claims) = (part(header), part(claims));
            assert_eq!(header["alg"], "PS256");
            let thumbprint = digest::digest(&digest::SHA256, certificate.der());
            assert_eq!(header["x5t#S256"], URL_SAFE_NO_PAD.encode(thumbprint));
            assert_eq!(header.get("x5c").is_some(), sends_chain);
            assert_eq!(claims["aud"], "https://login.test/t/oauth2/v2.0/token");
            assert_eq!((&claims["iss"], &claims["sub"]), (&json!("client"), &json!("client")));
            assert_eq!(claims["nbf"], 1_700_000_000);
            assert_eq!(claims["exp"], 1_700_000_600);
        }
    }

    #[test]
    fn only_rsa_will_do() {
        let (_, made) = assertion(&PKCS_ECDSA_P256_SHA256, false);
        assert_eq!(made.unwrap_err(), "the certificate's key is not RSA of at least 2048 bits");
    }
}
