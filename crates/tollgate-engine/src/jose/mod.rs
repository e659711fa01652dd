//! JSON Object Signing and Encryption: keys, signatures, decryption. No policy and no claim rules here.

mod certificate;
mod key_set;

pub use certificate::Certificate;
pub use key_set::KeySet;
