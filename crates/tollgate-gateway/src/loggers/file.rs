//! A file of bounded size.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Appends whole lines. Before a file would grow past `max_bytes` it becomes `<path>.1`, an older one `<path>.2` and so
/// on; of all of them `max_files` are kept.
///
/// The file is opened for each batch, so that it may be moved away meanwhile.
pub(super) fn append(path: &Path, max_bytes: u64, max_files: u32, lines: &[u8]) -> io::Result<()> {
    let length = fs::metadata(path).map_or(0, |metadata| metadata.len());
    if length > 0 && length.saturating_add(lines.len() as u64) > max_bytes {
        put_aside(path, max_files)?;
    }
    let mut file = OpenOptions::new().append(true).create(true).open(path)?;
    file.write_all(lines)
}

fn put_aside(path: &Path, max_files: u32) -> io::Result<()> {
    let Some(oldest) = max_files.checked_sub(1).filter(|oldest| *oldest > 0) else {
        return fs::remove_file(path);
    };
    for n in (1..oldest).rev() {
        match fs::rename(numbered(path, n), numbered(path, n + 1)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    fs::rename(path, numbered(path, 1))
}

fn numbered(path: &Path, n: u32) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{n}"));
    name.into()
}
