//! What `validate-jwt` and `validate-azure-ad-token` share: where the token is, which keys may have signed it, and what
//! its claims must say.
//!
//! INVARIANT: claims are judged only as [`Verified`](tollgate_engine::jose::Verified), and on every request: what is
//! remembered of a token is that its signature held, never that a policy accepted it.

mod failure;
mod issuer;
mod keys;
mod location;
mod rejection;
mod required;
mod times;

pub(crate) use failure::{FAILED_ERROR_MESSAGE, FAILED_HTTP_CODE, Failed, Failure};
pub(crate) use issuer::{guid, names_tenant, resolve, signer_matches};
pub(crate) use keys::{
    Attempt, Prepared, Trusted, decryption_keys, prepare, signing_keys, unverified_text,
};
pub(crate) use location::{HEADER_NAME, Location, QUERY_PARAMETER_NAME, TOKEN_VALUE};
pub(crate) use rejection::Rejection;
pub(crate) use required::{REQUIRED_CLAIMS, RequiredClaim, required_claims};
pub(crate) use times::{TimeRules, times};
