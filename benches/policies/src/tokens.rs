//! Tokens of an issuer of our own.

use anyhow::{Result, anyhow};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;

/// Signs with one RSA key of 2,048 bits.
pub struct Issuer(KeyPair);

impl Issuer {
    /// Identifier of the key.
    pub const KEY: &str = "bench-key-1";
    /// Whom its tokens are for.
    pub const AUDIENCE: &str = "api://ai-gateway";
    /// What it is called.
    pub const NAME: &str = "https://login.example.test/tenant/v2.0";

    /// With a new key.
    pub fn new() -> Result<Self> {
        Ok(Self(KeyPair::generate(KeySize::Rsa2048).map_err(|_| anyhow!("no key"))?))
    }

    /// Modulus and exponent, as a JWK has them.
    pub fn components(&self) -> (String, String) {
        let key = self.0.public_key();
        let text = |bytes: &[u8]| BASE64.encode(bytes);
        (
            text(key.modulus().big_endian_without_leading_zero()),
            text(key.exponent().big_endian_without_leading_zero()),
        )
    }

    /// The `n`th token, as large as one of Microsoft Entra, that ends after so many seconds since 1970.
    pub fn token(&self, n: usize, expires: i64) -> Result<String> {
        let header = format!(r#"{{"typ":"JWT","alg":"RS256","kid":"{}"}}"#, Self::KEY);
        let claims = format!(
            r#"{{"aud":"{}","iss":"{}","iat":1760000000,"nbf":1760000000,"exp":{expires},"aio":"AVQAq/8XAAAAk5x0k3Jm2WQbZl9b1o5y7pT6mQ0v8e3Vw1fKq2uLx4rYc","azp":"7d0f3a54-1c67-4f0a-9a34-2f3f7e6a9b10","azpacr":"1","name":"User Number {n}","oid":"00000000-0000-0000-0000-{n:012}","preferred_username":"user{n}@example.test","roles":["Chat.Invoke","Embeddings.Invoke"],"scp":"access_as_user","sub":"{n:043}","tid":"3f2b1c0d-9e8f-4a7b-8c6d-5e4f3a2b1c0d","ver":"2.0"}}"#,
            Self::AUDIENCE,
            Self::NAME
        );
        let signed = format!("{}.{}", BASE64.encode(header), BASE64.encode(claims));
        let mut signature = vec![0; self.0.public_modulus_len()];
        self.0
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
            .map_err(|_| anyhow!("no signature"))?;
        Ok(format!("{signed}.{}", BASE64.encode(signature)))
    }
}
