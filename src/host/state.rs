//! What a session left behind on the machine, outside the project.
//!
//! Files whose inode changed since the session began (st_ctime of inode(7): no program can set it back) in the places where
//! installers write, and names that were in their upper folders before and are gone. One walk when the session closes, a
//! look at those folders' names when it begins; no file is opened.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::dpkg;
use super::walk::{Changed, DEEP, is_note, walk};

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

/// The clock of a file system stands still between ticks: 10 ms at 100 Hz.
const TICK: Duration = Duration::from_millis(10);

/// The most names that are kept of before a session: a few milliseconds.
const NAMES: usize = 20_000;

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
    let (mut changes, partial) = walk(&starts(root, home), since, skip);
    for (path, top) in before.gone(root, home) {
        changes.at(&path, &top).removed += 1;
    }
    Found { changed: changes.into_vec(), packages: dpkg::changed_since(root, since), partial }
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

#[cfg(test)]
mod tests {
    use std::thread;

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
        thread::sleep(Duration::from_millis(50));
        let app = home.join("app");
        let before = Before::look(root.path(), Some(&home), &app);
        assert_eq!(Before::parse(&before.to_bytes()), before);
        let since = SystemTime::now();
        thread::sleep(Duration::from_millis(50));
        for (new, text) in [
            (".cargo/bin/just", "12345"),
            (".cargo/registry/a/b", "1"),
            (".bashrc", "new"),
            (".cache/agent-capture/kernel-types", "1"),
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
