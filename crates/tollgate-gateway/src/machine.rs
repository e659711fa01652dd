//! What there is of the machine.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Limits;

/// What one request is taken to hold: its buffers on both sides and its own state, as measured of streams, with room to spare.
const OF_A_REQUEST: u64 = 64 << 10;

impl Limits {
    /// The defaults. Bodies may hold a quarter of the memory, and all requests together another one.
    pub(crate) fn of_machine() -> Self {
        let default = Self::default();
        let Some(quarter) = memory(Path::new("/")).map(|bytes| bytes / 4) else { return default };
        Self {
            buffers_total: usize::try_from(quarter).unwrap_or(usize::MAX),
            requests: usize::try_from(quarter / OF_A_REQUEST).unwrap_or(usize::MAX),
            ..default
        }
    }
}

/// Bytes of memory that the process may use: the machine's, or less where its control groups say so. Below `root` are `proc` and
/// `sys`.
fn memory(root: &Path) -> Option<u64> {
    let all = total(&fs::read_to_string(root.join("proc/meminfo")).ok()?)?;
    let groups = fs::read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
    let limits = limit_files(root, &groups);
    let limits =
        limits.iter().filter_map(|file| fs::read_to_string(file).ok()?.trim().parse().ok());
    Some(limits.fold(all, u64::min))
}

/// Bytes of the machine, by `/proc/meminfo`.
fn total(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

/// Where the limits of the groups stand that `/proc/self/cgroup` names, those of the groups around them included: version 2, and
/// the memory controller of version 1. `max` is no number, and the number that stands for none in version 1 is larger than any
/// machine.
fn limit_files(root: &Path, groups: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else { continue };
        let (below, file) = if controllers.is_empty() {
            ("sys/fs/cgroup", "memory.max")
        } else if controllers.split(',').any(|it| it == "memory") {
            ("sys/fs/cgroup/memory", "memory.limit_in_bytes")
        } else {
            continue;
        };
        let around = Path::new(path.trim_start_matches('/')).ancestors();
        files.extend(around.map(|group| root.join(below).join(group).join(file)));
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEMINFO: &str = "MemTotal:        8000000 kB\nMemFree:         1000000 kB\n";

    fn check(groups: &str, files: &[(&str, &str)], expected: Option<u64>) {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("proc/self/cgroup", groups);
        for (path, text) in files {
            write(path, text);
        }
        assert_eq!(memory(root.path()), expected, "{groups} {files:?}");
    }

    #[test]
    fn memory_is_the_machine_s_or_the_group_s() {
        let meminfo = ("proc/meminfo", MEMINFO);
        let all = Some(8_192_000_000);
        check("", &[], None);
        check("", &[meminfo], all);
        check("0::/\n", &[meminfo, ("sys/fs/cgroup/memory.max", "max\n")], all);
        check("0::/\n", &[meminfo, ("sys/fs/cgroup/memory.max", "1000000\n")], Some(1_000_000));
        let inner = ("sys/fs/cgroup/a/b/memory.max", "max\n");
        let outer = ("sys/fs/cgroup/a/memory.max", "3000000\n");
        check("0::/a/b\n", &[meminfo, inner, outer], Some(3_000_000));
        let one = ("sys/fs/cgroup/memory/a/memory.limit_in_bytes", "2000000\n");
        check("5:cpu:/x\n4:memory:/a\n0::/y\n", &[meminfo, one], Some(2_000_000));
        let none = ("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
        check("4:memory:/a\n", &[meminfo, none], all);
    }
}
