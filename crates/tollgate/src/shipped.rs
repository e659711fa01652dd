//! The policies that come with the binary.

use std::path::Path;

/// Every file of `policies/`, relative to it. A test sees to it that none is missing.
const FILES: &[(&str, &str)] = &[
    ("tollgate.toml", include_str!("../../../policies/tollgate.toml")),
    ("global.xml", include_str!("../../../policies/global.xml")),
    ("apis/openai/policy.xml", include_str!("../../../policies/apis/openai/policy.xml")),
    (
        "fragments/azure-openai-identity.xml",
        include_str!("../../../policies/fragments/azure-openai-identity.xml"),
    ),
    (
        "fragments/explain-failure.xml",
        include_str!("../../../policies/fragments/explain-failure.xml"),
    ),
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

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;

    fn files_below(root: &Path) -> Vec<String> {
        let mut folders = vec![root.to_owned()];
        let mut files: Vec<PathBuf> = Vec::new();
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() { folders.push(path) } else { files.push(path) }
            }
        }
        let relative =
            |file: &PathBuf| file.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        let mut names: Vec<String> = files.iter().map(relative).collect();
        names.sort();
        names
    }

    #[test]
    fn every_shipped_file_is_built_in() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies");
        let mut built_in: Vec<&str> = FILES.iter().map(|(name, _)| *name).collect();
        built_in.sort_unstable();
        assert_eq!(files_below(&root), built_in);
    }
}
