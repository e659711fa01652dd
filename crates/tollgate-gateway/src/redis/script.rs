//! Lua that the server runs.

use std::fmt::Write as _;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

/// A script, called by its digest once the server knows it.
#[derive(Debug)]
pub struct Script {
    code: &'static str,
    hash: String,
}

impl Script {
    /// A script from its text.
    pub fn new(code: &'static str) -> Self {
        // What the server calls it; nothing is trusted because of it.
        let mut hash = String::with_capacity(40);
        for byte in digest(&SHA1_FOR_LEGACY_USE_ONLY, code.as_bytes()).as_ref() {
            // Writing to a string does not fail.
            write!(hash, "{byte:02x}").ok();
        }
        Self { code, hash }
    }

    /// The text.
    pub(super) fn code(&self) -> &'static str {
        self.code
    }

    /// The digest, in hexadecimal.
    pub(super) fn hash(&self) -> &str {
        &self.hash
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_are_called_as_the_server_calls_them() {
        // From the documentation of `SCRIPT LOAD`.
        assert_eq!(Script::new("return 1").hash(), "e0e1f9fabfc9d4800c877a703b823ac0578ff8db");
    }
}
