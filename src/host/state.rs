//! What a session left behind on the machine, outside the project.
//!
//! Files whose inode changed since the session began (st_ctime of inode(7): no program can set it back) in the places where
//! installers write. One walk when the session closes: nothing is looked at before it, and no file is opened.

use std::collections::BTreeMap;
use std::fs;
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

/// The most entries that are looked at.
const LIMIT: usize = 400_000;

/// A folder, or a file at the top of the home folder, in which files were made or changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// Its path, absolute.
    pub path: PathBuf,
    /// How many files.
    pub files: u64,
    /// Their sizes together, in bytes.
    pub bytes: u64,
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

/// Looks for what changed since a time below `root` (`/`) and in the home folder, `skip` left out (the project).
pub fn left_behind(root: &Path, home: Option<&Path>, skip: &Path, since: SystemTime) -> Found {
    let since = since.checked_sub(TICK).unwrap_or(UNIX_EPOCH);
    let mut walk = Walk { since, skip, seen: 0, found: BTreeMap::new() };
    for place in PLACES {
        let place = root.join(place);
        if home.is_none_or(|home| !place.starts_with(home)) {
            walk.below(&place, &place);
        }
    }
    if let Some(home) = home.filter(|home| home.parent().is_some()) {
        walk.home(home);
    }
    let partial = walk.seen >= LIMIT;
    let changed = walk.found.into_iter().map(|(path, (files, bytes))| Changed { path, files, bytes }).collect();
    Found { changed, packages: packages(root, since), partial }
}

struct Walk<'a> {
    since: SystemTime,
    skip: &'a Path,
    seen: usize,
    found: BTreeMap<PathBuf, (u64, u64)>,
}

impl Walk<'_> {
    /// Looks at a home folder: hidden files and folders, where programs keep theirs, and `go` and `bin`.
    fn home(&mut self, home: &Path) {
        for entry in fs::read_dir(home).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let name = name.as_bytes();
            let theirs = name.starts_with(b".") || [&b"bin"[..], b"go", b"node_modules"].contains(&name);
            if theirs && !RESTLESS.contains(&name) {
                self.below(&entry.path(), home);
            }
        }
    }

    /// Looks at a path and all below it; what changed counts for its folder. Files deep in a folder whose own list of files
    /// did not change are passed over: what is installed is new, and there are too many of them to look at each.
    fn below(&mut self, path: &Path, top: &Path) {
        let mut paths = vec![(path.to_path_buf(), 0)];
        while let Some((path, depth)) = paths.pop() {
            self.seen += 1;
            if self.seen >= LIMIT || path == self.skip || NOTES.iter().any(|own| path == top.join(own)) {
                continue;
            }
            let Ok(meta) = fs::symlink_metadata(&path) else { continue };
            let is_new = changed(&meta) >= self.since;
            if meta.is_dir() {
                // On most file systems a folder without folders has two links: its name and its `.`.
                let looks = is_new || depth < DEEP || meta.nlink() != 2;
                let entries = looks.then(|| fs::read_dir(&path)).into_iter().flatten().flatten().flatten();
                let wanted =
                    |entry: &fs::DirEntry| is_new || depth < DEEP || entry.file_type().is_ok_and(|kind| kind.is_dir());
                paths.extend(entries.filter(wanted).map(|entry| (entry.path(), depth + 1)));
            } else if is_new {
                let (files, bytes) = self.found.entry(group(&path, top)).or_default();
                *files += 1;
                *bytes += meta.len();
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

/// Returns packages of dpkg whose list of files was written since a time.
fn packages(root: &Path, since: SystemTime) -> Vec<String> {
    let lists = fs::read_dir(root.join("var/lib/dpkg/info")).into_iter().flatten().flatten();
    let lists = lists.filter(|entry| entry.metadata().is_ok_and(|meta| changed(&meta) >= since));
    let names = lists.filter_map(|entry| entry.file_name().to_str()?.strip_suffix(".list").map(str::to_owned));
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
        std::thread::sleep(Duration::from_millis(50));
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
        let found = left_behind(root.path(), Some(&home), &home.join("app"), since);
        let shown: Vec<_> = found
            .changed
            .iter()
            .map(|state| {
                let path = state.path.display().to_string().replace(root.path().to_str().expect("text"), "");
                (path, state.files, state.bytes)
            })
            .collect();
        let expected = [
            ("/home/u/.bashrc", 1, 3),
            ("/home/u/.cargo/bin", 1, 5),
            ("/home/u/.cargo/registry", 1, 1),
            ("/usr/local/bin", 1, 4),
        ];
        assert_eq!(shown, expected.map(|(path, files, bytes)| (path.to_owned(), files, bytes)));
        assert_eq!((found.packages, found.partial), (vec!["libc6".to_owned()], false));
    }
}
