//! The files of the repository.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

/// The repository this program was built from.
#[derive(Debug)]
pub(crate) struct Repository {
    root: PathBuf,
}

impl Repository {
    pub(crate) fn of_this_crate() -> Self {
        Self { root: Path::new(env!("CARGO_MANIFEST_DIR")).join("../..") }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn read(&self, file: &str) -> anyhow::Result<String> {
        std::fs::read_to_string(self.root.join(file))
            .with_context(|| format!("cannot read `{file}`"))
    }

    pub(crate) fn write(&self, file: &str, text: &str) -> anyhow::Result<()> {
        std::fs::write(self.root.join(file), text).with_context(|| format!("cannot write `{file}`"))
    }

    /// Every file that is or will be committed, sorted; what git ignores is not there.
    pub(crate) fn files(&self) -> anyhow::Result<Vec<String>> {
        let listed = Command::new("git")
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .current_dir(&self.root)
            .output()
            .context("git does not run")?;
        if !listed.status.success() {
            bail!("git does not list the files: {}", String::from_utf8_lossy(&listed.stderr));
        }
        let listed = String::from_utf8(listed.stdout).context("a file name is not UTF-8")?;
        let mut files: Vec<String> = listed
            .split_terminator('\0')
            // A file that was deleted and not yet staged is still listed.
            .filter(|file| self.root.join(file).is_file())
            .map(str::to_owned)
            .collect();
        files.sort();
        files.dedup();
        Ok(files)
    }

    /// Those of them that are Rust.
    pub(crate) fn rust_files(&self) -> anyhow::Result<Vec<String>> {
        let mut files = self.files()?;
        files.retain(|file| Path::new(file).extension().is_some_and(|extension| extension == "rs"));
        Ok(files)
    }
}
