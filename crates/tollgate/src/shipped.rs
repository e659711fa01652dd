//! The policies that come with the binary.

use std::path::Path;

/// Every file of `policies/`, relative to it. A test sees to it that none is missing.
const FILES: &[(&str, &str)] = &[
    ("tollgate.toml", include_str!("../../../policies/tollgate.toml")),
    ("apis/openai/policy.xml", include_str!("../../../policies/apis/openai/policy.xml")),
];

/// Writes them into a folder.
pub(crate) fn write(folder: &Path) -> std::io::Result<()> {
    for (name, text) in FILES {
        let file = folder.join(name);
        if let Some(parent) = file.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(file, text)?;
    }
    Ok(())
}
