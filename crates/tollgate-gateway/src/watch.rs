//! Notices that a policy directory has changed.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{RecursiveMode, Watcher};
use tokio::sync::mpsc;

/// Editors and deployments write several files one after the other: a change counts once it has been quiet this long.
const QUIET: Duration = Duration::from_millis(150);

/// … or this long after it was first noticed.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// Network mounts and container volumes do not always report changes: look for oneself this often.
const LOOK: Duration = Duration::from_secs(10);

/// A file deeper than this is not part of a policy directory.
const DEEPEST: usize = 8;

/// A watched directory. Dropping it ends the watch.
#[derive(Debug)]
pub(crate) struct Watch {
    root: PathBuf,
    /// Files elsewhere that the configuration reads: secrets, certificates.
    also: Vec<PathBuf>,
    /// What the directory and the files elsewhere looked like.
    seen: (u64, u64),
    events: mpsc::Receiver<()>,
    /// Reports changes; or why it cannot, until that has been said: a watch begins before there is a log.
    watcher: Result<notify::RecommendedWatcher, Option<notify::Error>>,
}

impl Watch {
    /// Watches a directory, beginning with what is there now: a watch that begins before the directory is read misses
    /// nothing.
    pub(crate) fn new(root: &Path) -> Self {
        let (sender, events) = mpsc::channel(1);
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // Reading files is an event as well; only what may have changed them matters. A full channel means that a look
            // is due anyway.
            if event.map_or(true, |event| !event.kind.is_access()) {
                sender.try_send(()).ok();
            }
        });
        let watcher = watcher.and_then(|mut watcher| {
            watcher.watch(root, RecursiveMode::Recursive)?;
            Ok(watcher)
        });
        let watcher = watcher.map_err(Some);
        let seen = (fingerprint(Some(root), &[]), fingerprint(None, &[]));
        Self { root: root.to_owned(), also: Vec::new(), seen, events, watcher }
    }

    /// Looks at these files elsewhere from now on.
    pub(crate) fn also_look_at(&mut self, files: &[PathBuf]) {
        if self.also != files {
            self.also = files.to_vec();
            self.seen.1 = fingerprint(None, files);
        }
    }

    /// Waits until something has changed and has been quiet for a moment. When the future is dropped, nothing is lost: the
    /// next call compares with what was seen last.
    pub(crate) async fn changed(&mut self) {
        if let Some(error) = self.watcher.as_mut().err().and_then(Option::take) {
            tracing::warn!(%error, "the policy directory cannot be watched; looking every {} s", LOOK.as_secs());
        }
        loop {
            // Without a watcher the channel is closed; the timer alone decides then.
            tokio::select! {
                Some(()) = self.events.recv() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
            settled(&mut self.events).await;
            let (root, also) = (self.root.clone(), self.also.clone());
            let look = move || (fingerprint(Some(&root), &[]), fingerprint(None, &also));
            let now = tokio::task::spawn_blocking(look).await;
            if let Ok(now) = now
                && now != self.seen
            {
                self.seen = now;
                return;
            }
        }
    }
}

/// Waits until there have been no events for a moment. A file that is written all the time must not keep the others from being
/// seen, so it does not wait for ever.
async fn settled(events: &mut mpsc::Receiver<()>) {
    let quiet =
        async { while let Ok(Some(())) = tokio::time::timeout(QUIET, events.recv()).await {} };
    tokio::time::timeout(LONGEST_WAIT, quiet).await.ok();
}

/// What the files look like from outside: names, sizes and times.
fn fingerprint(root: Option<&Path>, also: &[PathBuf]) -> u64 {
    let mut hasher = DefaultHasher::new();
    let mut folders: Vec<_> = root.map(|root| (root.to_owned(), 0)).into_iter().collect();
    let mut files = also.to_vec();
    while let Some((folder, depth)) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                if depth < DEEPEST {
                    folders.push((path, depth + 1));
                }
            } else {
                files.push(path);
            }
        }
    }
    files.sort();
    for file in files {
        file.hash(&mut hasher);
        if let Ok(meta) = std::fs::metadata(&file) {
            meta.len().hash(&mut hasher);
            meta.modified().ok().hash(&mut hasher);
        }
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn events_without_end_are_waited_for_so_long() {
        let (sender, mut events) = mpsc::channel(1);
        let began = tokio::time::Instant::now();
        sender.send(()).await.unwrap();
        settled(&mut events).await;
        assert_eq!(began.elapsed(), QUIET);
        let busy = tokio::spawn(async move {
            while sender.send(()).await.is_ok() {
                tokio::time::sleep(QUIET / 2).await;
            }
        });
        settled(&mut events).await;
        assert_eq!(began.elapsed(), QUIET + LONGEST_WAIT);
        drop(events);
        busy.await.unwrap();
    }

    #[tokio::test]
    async fn a_change_is_noticed_once() {
        let folder = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(folder.path().join("a.xml"), "a").unwrap();
        let mut watch = Watch::new(folder.path());
        watch.also_look_at(&[elsewhere.path().to_owned()]);
        std::fs::create_dir(folder.path().join("apis")).unwrap();
        std::fs::write(folder.path().join("apis/b.xml"), "b").unwrap();
        tokio::time::timeout(Duration::from_secs(20), watch.changed()).await.unwrap();
        let seen = watch.seen;
        assert_eq!(seen.0, fingerprint(Some(&watch.root), &[]));
        std::fs::write(elsewhere.path(), "longer").unwrap();
        assert_ne!(seen.1, fingerprint(None, &watch.also));
    }
}
