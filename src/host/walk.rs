//! A walk through the places where installers write, for what changed since a time.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What programs note for themselves below the home folder: it installs nothing and changes no program.
const NOTES: [&str; 7] = [
    ".cache/agent-capture",
    ".cache/nix",
    ".cargo/.global-cache",
    ".cargo/.package-cache",
    ".cargo/.package-cache-mutate",
    ".local/share/nix",
    ".local/state/nix",
];

/// How far down each file is looked at.
pub(super) const DEEP: u32 = 2;

/// How far down folders are looked at whose own list of files did not change: where installers put what is new,
/// `~/.local/lib/python3.13/site-packages` or `~/.npm/_cacache/content-v2/sha512/00/11`.
const DEEPEST: u32 = 5;

/// The most entries that are looked at.
pub(super) const LIMIT: usize = 400_000;

/// A folder, or a file at the top of the home folder, in which files were made, changed or removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// Its path, absolute.
    pub path: PathBuf,
    /// How many files.
    pub files: u64,
    /// Their sizes together, in bytes.
    pub bytes: u64,
    /// How many files and folders that were there before are gone.
    pub removed: u64,
}

impl Changed {
    fn nothing(path: PathBuf) -> Self {
        Self { path, files: 0, bytes: 0, removed: 0 }
    }
}

/// What is to be looked at.
pub(super) struct Entry<'a> {
    path: PathBuf,
    /// The place that it is in.
    top: &'a Path,
    depth: u32,
    meta: io::Result<fs::Metadata>,
}

impl<'a> Entry<'a> {
    /// Returns where a walk starts.
    pub(super) fn new(path: &Path, top: &'a Path) -> Self {
        Self { path: path.to_path_buf(), top, depth: 0, meta: fs::symlink_metadata(path) }
    }
}

/// Looks at what changed since a time; several may share the work.
#[derive(Clone)]
pub(super) struct Walk<'a> {
    pub(super) since: SystemTime,
    /// What is passed over.
    pub(super) skip: &'a OsStr,
    /// How many entries were looked at, by whomever.
    pub(super) seen: &'a AtomicUsize,
    pub(super) found: BTreeMap<PathBuf, Changed>,
}

impl Walk<'_> {
    /// Returns the entry of the folder that a file counts for.
    pub(super) fn found(&mut self, path: &Path, top: &Path) -> &mut Changed {
        let path = group(path, top);
        self.found.entry(path).or_insert_with_key(|path| Changed::nothing(path.clone()))
    }

    /// Takes in what another found.
    pub(super) fn add(&mut self, other: Self) {
        for (path, more) in other.found {
            let one = self.found.entry(path).or_insert_with_key(|path| Changed::nothing(path.clone()));
            one.files += more.files;
            one.bytes += more.bytes;
            one.removed += more.removed;
        }
    }

    /// Goes through all of these that no other takes, and what is below them.
    pub(super) fn through(mut self, all: &Mutex<Vec<Entry<'_>>>) -> Self {
        let next = || lock(all).pop();
        while let Some(entry) = next() {
            let mut below = self.look(entry);
            if below.first().is_some_and(|entry| entry.depth == 1) {
                lock(all).append(&mut below);
            }
            while let Some(entry) = below.pop() {
                below.extend(self.look(entry));
            }
        }
        self
    }

    /// Looks at an entry, which counts for its folder when it changed; returns those in it that are looked at as well. Files deep
    /// in a folder whose own list of files did not change are passed over, and so is what is still deeper: what is installed is
    /// new, and there are too many of them to look at each.
    fn look<'t>(&mut self, Entry { path, top, depth, meta }: Entry<'t>) -> Vec<Entry<'t>> {
        if self.seen.fetch_add(1, Ordering::Relaxed) >= LIMIT || path.as_os_str() == self.skip || is_note(&path, top) {
            return Vec::new();
        }
        let Ok(meta) = meta else { return Vec::new() };
        let is_new = changed(&meta) >= self.since;
        if meta.is_dir() {
            // On most file systems a folder without folders has two links: its name and its `.`.
            let looks = is_new || depth < DEEP || depth < DEEPEST && meta.nlink() != 2;
            let entries = looks.then(|| fs::read_dir(&path)).into_iter().flatten().flatten().flatten();
            let wanted =
                |entry: &fs::DirEntry| is_new || depth < DEEP || entry.file_type().is_ok_and(|kind| kind.is_dir());
            // Asked of its folder, each is found without a walk from the root.
            let below =
                |entry: fs::DirEntry| Entry { path: entry.path(), top, depth: depth + 1, meta: entry.metadata() };
            return entries.filter(wanted).map(below).collect();
        }
        if is_new {
            let changed = self.found(&path, top);
            changed.files += 1;
            changed.bytes += meta.len();
        }
        Vec::new()
    }
}

/// A thread that panicked is told of when it is joined.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns whether a path is what a program notes for itself.
pub(super) fn is_note(path: &Path, top: &Path) -> bool {
    let below = path.as_os_str().as_bytes().strip_prefix(top.as_os_str().as_bytes());
    let below = below.and_then(|below| below.strip_prefix(b"/"));
    below.is_some_and(|below| NOTES.iter().any(|note| note.as_bytes() == below))
}

/// Returns when an inode changed last (st_ctime).
pub(super) fn changed(meta: &fs::Metadata) -> SystemTime {
    let (seconds, nanos) = (u64::try_from(meta.ctime()).unwrap_or(0), u32::try_from(meta.ctime_nsec()).unwrap_or(0));
    UNIX_EPOCH + Duration::new(seconds, nanos)
}

/// Returns the folder that a file counts for: two names below the home folder (`~/.cargo/bin`), one below another place.
fn group(path: &Path, top: &Path) -> PathBuf {
    let names: Vec<_> = path.strip_prefix(top).unwrap_or(path).iter().collect();
    let hidden = names.first().is_some_and(|name| name.as_bytes().starts_with(b"."));
    let depth = (1 + usize::from(hidden)).min(names.len().saturating_sub(1)).max(1);
    top.join(names.into_iter().take(depth).collect::<PathBuf>())
}
