//! Signed tokens.

use std::cell::RefCell;
use std::sync::Arc;

use super::encoding::base64url;
use super::{Algorithm, Claims, Header, JoseError, MAX_TOKEN, SignedBy, VerificationKey, Verified};

/// Most keys tried for one token; one signature check costs tens of microseconds.
const MAX_CANDIDATES: usize = 16;

/// A signed token in compact form, read but not verified.
#[derive(Debug)]
pub struct Jws<'t> {
    header: Arc<Header>,
    signing_input: &'t str,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

impl<'t> Jws<'t> {
    /// Reads `header.payload.signature`.
    pub fn parse(token: &'t str) -> Result<Self, JoseError> {
        if token.len() > MAX_TOKEN {
            return Err(JoseError::TooLong);
        }
        let (signing_input, signature) = token
            .rsplit_once('.')
            .ok_or(JoseError::Malformed("the token does not have three parts"))?;
        let (header, payload) = match signing_input.split_once('.') {
            Some((header, payload)) if !payload.contains('.') => (header, payload),
            _ => return Err(JoseError::Malformed("the token does not have three parts")),
        };
        let header = read_header(header)?;
        let payload =
            base64url(payload).ok_or(JoseError::Malformed("the payload is not Base64url"))?;
        let signature =
            base64url(signature).ok_or(JoseError::Malformed("the signature is not Base64url"))?;
        Ok(Self { header, signing_input, payload, signature })
    }

    /// The header.
    pub fn header(&self) -> &Arc<Header> {
        &self.header
    }

    /// Length of the token.
    #[expect(clippy::len_without_is_empty, reason = "a token is never empty")]
    pub fn len(&self) -> usize {
        self.signing_input.len() + self.signature.len()
    }

    /// The payload before anything is known about it: for choosing which issuer's keys to look at, never for a decision.
    pub fn unverified_payload(&self) -> &[u8] {
        &self.payload
    }

    /// Whether the token says that it is not signed. Case variants of `none` are unknown algorithms.
    pub fn is_unsigned(&self) -> bool {
        self.header.alg() == "none"
    }

    /// Checks the signature with those of the keys that fit `kid` and `alg`; one that holds is enough, because issuers
    /// roll their keys over. A key without an identifier fits every `kid`, and a token without one fits every key.
    pub fn verify<'k>(
        &self,
        keys: impl IntoIterator<Item = &'k VerificationKey>,
    ) -> Result<Verified<Claims>, JoseError> {
        let (_, key) = self.signer(keys)?;
        self.claims_signed_by(key)
    }

    /// Likewise, with the place of the key among them.
    pub(super) fn verify_with_place(
        &self,
        keys: &[VerificationKey],
    ) -> Result<(usize, Verified<Claims>), JoseError> {
        let (place, key) = self.signer(keys)?;
        Ok((place, self.claims_signed_by(key)?))
    }

    /// The claims, of which is known that this key has signed them.
    pub(super) fn claims_signed_by(
        &self,
        key: &VerificationKey,
    ) -> Result<Verified<Claims>, JoseError> {
        Ok(Verified::new(Claims::read(Arc::clone(&self.header), &self.payload)?, signed_by(key)))
    }

    /// Likewise for content that is not claims.
    pub fn verify_payload<'k>(
        &self,
        keys: impl IntoIterator<Item = &'k VerificationKey>,
    ) -> Result<Verified<Vec<u8>>, JoseError> {
        let (_, key) = self.signer(keys)?;
        Ok(Verified::new(self.payload.clone(), signed_by(key)))
    }

    fn signer<'k>(
        &self,
        keys: impl IntoIterator<Item = &'k VerificationKey>,
    ) -> Result<(usize, &'k VerificationKey), JoseError> {
        if self.is_unsigned() {
            return Err(JoseError::Unsigned);
        }
        let algorithm = Algorithm::from_name(self.header.alg()).ok_or(JoseError::Algorithm)?;
        let fits = |(_, key): &(usize, &VerificationKey)| key.fits(self.header.kid(), algorithm);
        let mut refusal = JoseError::NoKey;
        for (place, key) in keys.into_iter().enumerate().filter(fits).take(MAX_CANDIDATES) {
            if key.verify(algorithm, self.signing_input.as_bytes(), &self.signature) {
                return Ok((place, key));
            }
            refusal = JoseError::Signature;
        }
        Err(refusal)
    }

    /// Takes a token that says it is not signed as it is. Only for an author who asked for it.
    pub fn accept_unsigned(&self) -> Result<Verified<Claims>, JoseError> {
        if !self.is_unsigned() || !self.signature.is_empty() {
            return Err(JoseError::Signature);
        }
        let claims = Claims::read(Arc::clone(&self.header), &self.payload)?;
        Ok(Verified::new(claims, SignedBy::Nobody))
    }
}

/// Reads a header, unless it is that of the last token that this thread has read: those of one issuer are mostly the same.
fn read_header(encoded: &str) -> Result<Arc<Header>, JoseError> {
    thread_local! {
        static LAST: RefCell<Option<(Box<str>, Arc<Header>)>> = const { RefCell::new(None) };
    }
    LAST.with_borrow_mut(|last| match last {
        Some((known, header)) if **known == *encoded => Ok(Arc::clone(header)),
        _ => {
            let header = Arc::new(Header::parse(encoded)?);
            *last = Some((encoded.into(), Arc::clone(&header)));
            Ok(header)
        }
    })
}

fn signed_by(key: &VerificationKey) -> SignedBy {
    SignedBy::Key { id: key.id().map(str::to_owned), issuer: key.issuer().map(str::to_owned) }
}
