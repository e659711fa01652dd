//! What a signature covers.

/// Something that a signature was found to cover, or that the author chose to accept unsigned.
///
/// INVARIANT: only this module makes one, from the payload of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified<T> {
    value: T,
    signed_by: SignedBy,
}

/// Who signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignedBy {
    /// A key, with what its publisher said of it.
    Key {
        /// The key's `kid`.
        id: Option<String>,
        /// The key's `issuer`, as Entra publishes it; may hold the `{tenantid}` template.
        issuer: Option<String>,
    },
    /// Nobody: the author accepts unsigned tokens.
    Nobody,
}

impl<T> Verified<T> {
    pub(super) fn new(value: T, signed_by: SignedBy) -> Self {
        Self { value, signed_by }
    }

    /// The value.
    pub fn get(&self) -> &T {
        &self.value
    }

    /// Who signed.
    pub fn signed_by(&self) -> &SignedBy {
        &self.signed_by
    }
}
