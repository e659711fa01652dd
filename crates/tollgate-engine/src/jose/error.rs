//! Why a token is refused.

/// Why a token is refused, before any claim is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JoseError {
    /// Longer than [`MAX_TOKEN`](super::MAX_TOKEN).
    #[error("the token is too long")]
    TooLong,
    /// Not a compact serialization; says which part is wrong.
    #[error("the token is not well formed: {0}")]
    Malformed(&'static str),
    /// The header has a member that must be understood or must not be there.
    #[error("the header member `{0}` is not accepted")]
    HeaderMember(&'static str),
    /// The header names an algorithm that is unknown or refused.
    #[error("the algorithm is not supported")]
    Algorithm,
    /// No key of those given may be used with the token's `kid` and `alg`.
    #[error("no key fits the `kid` and `alg` of the token")]
    NoKey,
    /// None of the keys that fit made the signature.
    #[error("the signature does not hold")]
    Signature,
    /// The token is not signed.
    #[error("the token is not signed")]
    Unsigned,
    /// No key decrypts the token. Deliberately says no more (RFC 7516 §11.5).
    #[error("the token cannot be decrypted")]
    Decryption,
}
