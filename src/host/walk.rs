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
use std::thread;
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
const LIMIT: usize = 400_000;

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

/// What changed, by folder.
#[derive(Debug, Default)]
pub(super) struct Changes(BTreeMap<PathBuf, Changed>);

impl Changes {
    /// Returns the entry of the folder that a path counts for. `top`: the place that it is in.
    pub(super) fn at(&mut self, path: &Path, top: &Path) -> &mut Changed {
        let path = group(path, top);
        self.0.entry(path).or_insert_with_key(|path| Changed { path: path.clone(), files: 0, bytes: 0, removed: 0 })
    }

    /// Returns them, sorted.
    pub(super) fn into_vec(self) -> Vec<Changed> {
        self.0.into_values().collect()
    }
}

/// Walks through what is below these paths, each with the place that it is in, `skip` left out; returns what changed since a time,
/// and whether there was too much to look at all of it. Two share the work: each waits for the disk, or for what the kernel
/// knows of it.
pub(super) fn walk<'a>(starts: &'a [(PathBuf, PathBuf)], since: SystemTime, skip: &'a OsStr) -> (Changes, bool) {
    let first = |(path, top): &'a (PathBuf, PathBuf)| Entry {
        path: path.clone(),
        top,
        depth: 0,
        meta: fs::symlink_metadata(path),
    };
    let waiting = starts.iter().map(first).rev().collect();
    let walk = Walk { since, skip, seen: AtomicUsize::new(0), waiting: Mutex::new(waiting), found: Mutex::default() };
    thread::scope(|scope| {
        scope.spawn(|| walk.go());
        walk.go();
    });
    let partial = walk.seen.into_inner() >= LIMIT;
    (walk.found.into_inner().unwrap_or_else(PoisonError::into_inner), partial)
}

/// What is to be looked at.
struct Entry<'a> {
    path: PathBuf,
    /// The place that it is in.
    top: &'a Path,
    depth: u32,
    meta: io::Result<fs::Metadata>,
}

struct Walk<'a> {
    since: SystemTime,
    skip: &'a OsStr,
    /// How many entries were looked at.
    seen: AtomicUsize,
    /// What nobody has taken yet.
    waiting: Mutex<Vec<Entry<'a>>>,
    found: Mutex<Changes>,
}

impl<'a> Walk<'a> {
    /// Goes through all that no other takes, and what is below.
    fn go(&self) {
        let next = || lock(&self.waiting).pop();
        while let Some(entry) = next() {
            let mut below = self.look(entry);
            // Of a place, what is in it is shared.
            if below.first().is_some_and(|entry| entry.depth == 1) {
                lock(&self.waiting).append(&mut below);
            }
            while let Some(entry) = below.pop() {
                below.extend(self.look(entry));
            }
        }
    }

    /// Looks at an entry, which counts for its folder when it changed; returns those in it that are looked at as well. Files deep
    /// in a folder whose own list of files did not change are passed over, and so is what is still deeper: what is installed is
    /// new, and there are too many of them to look at each.
    fn look(&self, Entry { path, top, depth, meta }: Entry<'a>) -> Vec<Entry<'a>> {
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
            let mut found = lock(&self.found);
            let changed = found.at(&path, top);
            changed.files += 1;
            changed.bytes += meta.len();
        }
        Vec::new()
    }
}

/// A thread that panicked is told of when the scope ends.
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
