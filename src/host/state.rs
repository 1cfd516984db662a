//! What a session left behind on the machine, outside the project.
//!
//! Files whose inode changed since the session began (st_ctime of inode(7): no program can set it back) in the places where
//! installers write, and names that were in their upper folders before and are gone. One walk when the session closes, a
//! look at those folders' names when it begins; no file is opened.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Places below the root that installers write to, besides the package database.
const PLACES: [&str; 4] = ["etc", "opt", "usr/local", "root/.cache"];

/// Folders of the home folder that change in any session, or that agents keep their own records in.
const RESTLESS: [&[u8]; 12] = [
    b".aider",
    b".amp",
    b".bash_history",
    b".claude",
    b".claude.json",
    b".codex",
    b".copilot",
    b".cursor",
    b".gemini",
    b".lesshst",
    b".viminfo",
    b".zsh_history",
];

/// What programs note for themselves below the home folder: it installs nothing and changes no program.
const NOTES: [&str; 6] = [
    ".cache/nix",
    ".cargo/.global-cache",
    ".cargo/.package-cache",
    ".cargo/.package-cache-mutate",
    ".local/share/nix",
    ".local/state/nix",
];

/// The clock of a file system stands still between ticks: 10 ms at 100 Hz.
const TICK: Duration = Duration::from_millis(10);

/// How far down each file is looked at.
const DEEP: u32 = 2;

/// How far down folders are looked at whose own list of files did not change: where installers put what is new,
/// `~/.local/lib/python3.13/site-packages` or `~/.npm/_cacache/content-v2/sha512/00/11`.
const DEEPEST: u32 = 5;

/// The most entries that are looked at.
const LIMIT: usize = 400_000;

/// The most names that are kept of before a session: a few milliseconds.
const NAMES: usize = 20_000;

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

/// The names in the upper folders of the usual places, before a session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Before(BTreeMap<PathBuf, BTreeSet<OsString>>);

impl Before {
    /// Looks at the places below `root` (`/`) and at the home folder, `skip` left out (the project).
    pub fn look(root: &Path, home: Option<&Path>, skip: &Path) -> Self {
        let skip = skip.components().as_path().as_os_str();
        let mut folders = BTreeMap::new();
        let mut seen = 0;
        for (path, top) in starts(root, home) {
            let mut paths = vec![(path, 0)];
            while let Some((path, depth)) = paths.pop() {
                let all = fs::read_dir(&path).into_iter().flatten().flatten();
                let mut names = BTreeSet::new();
                for entry in all {
                    let path = entry.path();
                    if path.as_os_str() == skip || is_note(&path, &top) {
                        continue;
                    }
                    names.insert(entry.file_name());
                    if depth + 1 < DEEP && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                        paths.push((path, depth + 1));
                    }
                }
                seen += names.len();
                if seen > NAMES {
                    return Self(folders);
                }
                folders.insert(path, names);
            }
        }
        folders.extend(home.map(|home| (home.to_path_buf(), theirs(home).into_iter().collect())));
        Self(folders)
    }

    /// Returns it for a file: of each folder its path and its names, a null after each, and one more.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (folder, names) in &self.0 {
            for text in [folder.as_os_str()].into_iter().chain(names.iter().map(OsString::as_os_str)) {
                bytes.extend_from_slice(text.as_bytes());
                bytes.push(0);
            }
            bytes.push(0);
        }
        bytes
    }

    /// Reads what [`Before::to_bytes`] returned. Of what was cut off the rest is not known.
    pub fn parse(bytes: &[u8]) -> Self {
        let mut words = bytes.split(|byte| *byte == 0).map(OsStr::from_bytes);
        let mut folders = BTreeMap::new();
        while let Some(folder) = words.next().filter(|folder| !folder.is_empty()) {
            let names = words.by_ref().take_while(|name| !name.is_empty()).map(OsStr::to_owned).collect();
            folders.insert(PathBuf::from(folder), names);
        }
        Self(folders)
    }

    /// Returns the paths that are gone, each with the place that it was in.
    fn gone(&self, root: &Path, home: Option<&Path>) -> Vec<(PathBuf, PathBuf)> {
        let tops: Vec<PathBuf> =
            PLACES.iter().map(|place| root.join(place)).chain(home.map(Path::to_path_buf)).collect();
        let mut gone = Vec::new();
        for (folder, names) in &self.0 {
            // When the folder itself is gone, that is told of the one above it.
            let (Some(top), Ok(entries)) =
                (tops.iter().rev().find(|top| folder.starts_with(top)), fs::read_dir(folder))
            else {
                continue;
            };
            let now: HashSet<OsString> = entries.flatten().map(|entry| entry.file_name()).collect();
            let missing = names.iter().filter(|name| !now.contains(*name));
            gone.extend(missing.map(|name| (folder.join(name), top.clone())));
        }
        gone
    }
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The folders, sorted.
    pub changed: Vec<Changed>,
    /// Packages of the host that were installed or upgraded, by name.
    pub packages: Vec<String>,
    /// Whether there was too much to look at all of it.
    pub partial: bool,
}

/// Looks for what changed since a time below `root` (`/`) and in the home folder, `skip` left out (the project), and what is
/// gone that was there before.
pub fn left_behind(root: &Path, home: Option<&Path>, skip: &Path, since: SystemTime, before: &Before) -> Found {
    let since = since.checked_sub(TICK).unwrap_or(UNIX_EPOCH);
    let skip = skip.components().as_path().as_os_str();
    let mut walk = Walk { since, skip, seen: 0, found: BTreeMap::new() };
    for (path, top) in starts(root, home) {
        walk.below(&path, &top);
    }
    for (path, top) in before.gone(root, home) {
        walk.found(&path, &top).removed += 1;
    }
    let partial = walk.seen >= LIMIT;
    Found { changed: walk.found.into_values().collect(), packages: packages(root, since), partial }
}

/// Returns where the walks start, each with the place that it is in: the places, and in the home folder hidden files and
/// folders, where programs keep theirs, and `go` and `bin`.
fn starts(root: &Path, home: Option<&Path>) -> Vec<(PathBuf, PathBuf)> {
    let places = PLACES.iter().map(|place| root.join(place));
    let places = places.filter(|place| home.is_none_or(|home| !place.starts_with(home)));
    let mut starts: Vec<_> = places.map(|place| (place.clone(), place)).collect();
    if let Some(home) = home {
        starts.extend(theirs(home).into_iter().map(|name| (home.join(name), home.to_path_buf())));
    }
    starts
}

/// Returns the names in a home folder that programs keep their own files in.
fn theirs(home: &Path) -> Vec<OsString> {
    let is_home = home.parent().is_some();
    let entries = is_home.then(|| fs::read_dir(home)).into_iter().flatten().flatten().flatten();
    let wanted = |name: &OsString| {
        let name = name.as_bytes();
        let theirs = name.starts_with(b".") || [&b"bin"[..], b"go", b"node_modules"].contains(&name);
        theirs && !RESTLESS.contains(&name)
    };
    entries.map(|entry| entry.file_name()).filter(wanted).collect()
}

/// Returns whether a path is what a program notes for itself.
fn is_note(path: &Path, top: &Path) -> bool {
    let below = path.as_os_str().as_bytes().strip_prefix(top.as_os_str().as_bytes());
    let below = below.and_then(|below| below.strip_prefix(b"/"));
    below.is_some_and(|below| NOTES.iter().any(|note| note.as_bytes() == below))
}

struct Walk<'a> {
    since: SystemTime,
    skip: &'a OsStr,
    seen: usize,
    found: BTreeMap<PathBuf, Changed>,
}

impl Walk<'_> {
    /// Returns the entry of the folder that a file counts for.
    fn found(&mut self, path: &Path, top: &Path) -> &mut Changed {
        let path = group(path, top);
        let new = Changed { path: path.clone(), files: 0, bytes: 0, removed: 0 };
        self.found.entry(path).or_insert(new)
    }

    /// Looks at a path and what is below it; what changed counts for its folder. Files deep in a folder whose own list of
    /// files did not change are passed over, and so is what is still deeper: what is installed is new, and there are too many
    /// of them to look at each.
    fn below(&mut self, path: &Path, top: &Path) {
        let mut paths = vec![(path.to_path_buf(), 0, fs::symlink_metadata(path))];
        while let Some((path, depth, meta)) = paths.pop() {
            self.seen += 1;
            if self.seen >= LIMIT || path.as_os_str() == self.skip || is_note(&path, top) {
                continue;
            }
            let Ok(meta) = meta else { continue };
            let is_new = changed(&meta) >= self.since;
            if meta.is_dir() {
                // On most file systems a folder without folders has two links: its name and its `.`.
                let looks = is_new || depth < DEEP || depth < DEEPEST && meta.nlink() != 2;
                let entries = looks.then(|| fs::read_dir(&path)).into_iter().flatten().flatten().flatten();
                let wanted =
                    |entry: &fs::DirEntry| is_new || depth < DEEP || entry.file_type().is_ok_and(|kind| kind.is_dir());
                // Asked of its folder, each is found without a walk from the root.
                paths.extend(entries.filter(wanted).map(|entry| (entry.path(), depth + 1, entry.metadata())));
            } else if is_new {
                let changed = self.found(&path, top);
                changed.files += 1;
                changed.bytes += meta.len();
            }
        }
    }
}

fn changed(meta: &fs::Metadata) -> SystemTime {
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

/// Returns packages of dpkg whose list of files was written since a time: dpkg makes it anew, which changes its folder too.
fn packages(root: &Path, since: SystemTime) -> Vec<String> {
    let info = root.join("var/lib/dpkg/info");
    let is_new = |meta: io::Result<fs::Metadata>| meta.is_ok_and(|meta| changed(&meta) >= since);
    let entries = is_new(fs::metadata(&info)).then(|| fs::read_dir(&info)).into_iter().flatten().flatten().flatten();
    let lists =
        entries.filter_map(|entry| Some((entry.file_name().to_str()?.strip_suffix(".list")?.to_owned(), entry)));
    let names = lists.filter(|(_, entry)| is_new(entry.metadata())).map(|(name, _)| name);
    let mut names: Vec<String> = names.map(|name| name.split(':').next().unwrap_or_default().to_owned()).collect();
    names.sort();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: &Path, text: &str) {
        fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
        fs::write(path, text).expect("a file");
    }

    #[test]
    fn what_changed_since() {
        let root = tempfile::tempdir().expect("a folder");
        let home = root.path().join("home/u");
        for old in [".cargo/bin/old", ".bashrc", "Documents/x"] {
            write(&home.join(old), "old");
        }
        write(&root.path().join("etc/hosts"), "old");
        for old in [".cargo/bin/gone", ".rustup/toolchains/a/b", ".profile", ".cache/nix/gone", "app/.venv/gone"] {
            write(&home.join(old), "old");
        }
        std::thread::sleep(Duration::from_millis(50));
        let app = home.join("app");
        let before = Before::look(root.path(), Some(&home), &app);
        assert_eq!(Before::parse(&before.to_bytes()), before);
        let since = SystemTime::now();
        std::thread::sleep(Duration::from_millis(50));
        for (new, text) in [
            (".cargo/bin/just", "12345"),
            (".cargo/registry/a/b", "1"),
            (".bashrc", "new"),
            (".claude/x", "1"),
            ("Documents/y", "1"),
            ("app/.venv/x", "1"),
        ] {
            write(&home.join(new), text);
        }
        write(&root.path().join("usr/local/bin/tool"), "1234");
        write(&root.path().join("var/lib/dpkg/info/libc6:amd64.list"), "");
        // A file that says it is old is new all the same.
        let tool = fs::File::options().write(true).open(root.path().join("usr/local/bin/tool")).expect("a file");
        tool.set_modified(UNIX_EPOCH).expect("a time");
        fs::remove_dir_all(home.join(".rustup")).expect("removed");
        for gone in [".cargo/bin/gone", ".profile", ".cache/nix/gone", "app/.venv/gone"] {
            fs::remove_file(home.join(gone)).expect("removed");
        }
        let found = left_behind(root.path(), Some(&home), &app, since, &before);
        let shown: Vec<_> = found
            .changed
            .iter()
            .map(|state| {
                let path = state.path.display().to_string().replace(root.path().to_str().expect("text"), "");
                (path, state.files, state.bytes, state.removed)
            })
            .collect();
        let expected = [
            ("/home/u/.bashrc", 1, 3, 0),
            ("/home/u/.cargo/bin", 1, 5, 1),
            ("/home/u/.cargo/registry", 1, 1, 0),
            ("/home/u/.profile", 0, 0, 1),
            ("/home/u/.rustup", 0, 0, 1),
            ("/usr/local/bin", 1, 4, 0),
        ];
        assert_eq!(shown, expected.map(|(path, files, bytes, gone)| (path.to_owned(), files, bytes, gone)));
        assert_eq!((found.packages, found.partial), (vec!["libc6".to_owned()], false));
    }
}
