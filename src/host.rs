//! What this machine knows of a path: the package that owns it, and its version. Read once, when a session closes.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::{panic, thread};

use serde::{Deserialize, Serialize};

mod libraries;
mod process;
mod python;
mod state;

pub use libraries::{Links, find, links, soname};
pub use process::Process;
pub use python::brought;
pub use state::{Before, Changed, Found, left_behind};

/// Folders that a merged-/usr Debian has twice, `/bin` being a link to `/usr/bin`; its package database knows either.
const MERGED: [&str; 6] = ["bin/", "sbin/", "lib/", "lib32/", "lib64/", "libx32/"];

/// A package of the host.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Owner {
    /// The package manager: `dpkg`.
    pub manager: String,
    /// The package's name, without an architecture.
    pub package: String,
    /// Its version, as the package manager writes it.
    pub version: String,
}

/// Returns the operating system and its release, `debian 12`, from `/etc/os-release` (os-release(5)) below `root`.
pub fn os(root: &Path) -> Option<String> {
    let text = fs::read_to_string(root.join("etc/os-release")).ok()?;
    let field = |name: &str| {
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='))?.trim_matches(['"', '\'']);
        value.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)).then(|| value.to_owned())
    };
    let id = field("ID")?;
    Some(field("VERSION_ID").map_or(id.clone(), |version| format!("{id} {version}")))
}

/// Returns the packages that own these absolute paths, as far as a package database below `root` knows them. One pass over
/// the database's lists, however many paths.
pub fn owners<'a>(root: &Path, paths: impl IntoIterator<Item = &'a Path>) -> BTreeMap<PathBuf, Owner> {
    let mut wanted: HashMap<Vec<u8>, Vec<&Path>> = HashMap::new();
    for path in paths {
        for spelling in spellings(path) {
            wanted.entry(spelling).or_default().push(path);
        }
    }
    // A hundred thousand lines, of which a few are wanted: most others differ in length or last byte.
    let form = |line: &[u8]| line.len() << 8 & 0xff00 | usize::from(line.last().copied().unwrap_or(0));
    let mut forms = vec![false; 1 << 16];
    wanted.keys().for_each(|line| forms[form(line)] = true);
    let wanted = |line: &[u8]| {
        Some(line).filter(|line| forms[form(line)]).and_then(|line| wanted.get(line)).into_iter().flatten().copied()
    };
    let info = fs::read_dir(root.join("var/lib/dpkg/info"));
    let mut lists: Vec<PathBuf> = info.into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    lists.retain(|list| list.extension() == Some(OsStr::new("list")));
    lists.sort();
    let (first, rest) = lists.split_at(lists.len() / 2);
    let found = thread::scope(|scope| {
        let rest = scope.spawn(|| listed(rest, &wanted));
        let mut found = listed(first, &wanted);
        let rest = rest.join().unwrap_or_else(|panic| panic::resume_unwind(panic));
        rest.into_iter().for_each(|(path, package)| _ = found.entry(path).or_insert(package));
        found
    });
    let versions = versions(root, &found.values().map(String::as_str).collect());
    let owner = |package: String| {
        let version = versions.get(&package).cloned().unwrap_or_default();
        Owner { manager: "dpkg".to_owned(), package, version }
    };
    found.into_iter().map(|(path, package)| (path, owner(package))).collect()
}

/// Returns the paths that these lists of packages have, each with the first package. `wanted`: those that a line is.
fn listed<'a, W: Iterator<Item = &'a Path>>(
    lists: &[PathBuf],
    wanted: &(impl Fn(&[u8]) -> W + Sync),
) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    for list in lists {
        let Some(package) = list.file_stem().and_then(OsStr::to_str) else { continue };
        let package = package.split(':').next().unwrap_or(package);
        let Ok(text) = fs::read(list) else { continue };
        let ends = memchr::memchr_iter(b'\n', &text).chain([text.len()]);
        let lines = ends.scan(0, |start, end| Some(&text[std::mem::replace(start, end + 1)..end]));
        for path in lines.flat_map(wanted) {
            found.entry(path.to_path_buf()).or_insert_with(|| package.to_owned());
        }
    }
    found
}

/// Returns the ways in which the package database may spell a path.
fn spellings(path: &Path) -> Vec<Vec<u8>> {
    let bytes = path.as_os_str().as_bytes();
    let merged = |rest: &[u8]| MERGED.iter().any(|folder| rest.starts_with(folder.as_bytes()));
    let mut all = vec![bytes.to_vec()];
    match (bytes.strip_prefix(b"/usr/"), bytes.strip_prefix(b"/")) {
        (Some(rest), _) if merged(rest) => all.push([b"/", rest].concat()),
        (None, Some(rest)) if merged(rest) => all.push([b"/usr/", rest].concat()),
        _ => {}
    }
    all
}

/// Returns the versions of installed packages from dpkg's status file (deb-control(5) fields, RFC 822 form).
fn versions(root: &Path, packages: &BTreeSet<&str>) -> HashMap<String, String> {
    let text = fs::read(root.join("var/lib/dpkg/status")).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let mut package = "";
    let mut versions = HashMap::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("Package: ") {
            package = name;
        } else if let Some(version) = line.strip_prefix("Version: ").filter(|_| packages.contains(package)) {
            versions.entry(package.to_owned()).or_insert_with(|| version.to_owned());
        }
    }
    versions
}

#[cfg(test)]
mod tests {
    use super::*;

    fn debian() -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a folder");
        let dpkg = root.path().join("var/lib/dpkg/info");
        fs::create_dir_all(&dpkg).expect("folders");
        fs::create_dir_all(root.path().join("etc")).expect("folder");
        let write = |path: &str, text: &str| fs::write(root.path().join(path), text).expect("a file");
        write("etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n");
        write("var/lib/dpkg/info/coreutils.list", "/.\n/bin\n/bin/ls\n");
        write("var/lib/dpkg/info/mawk.list", "/usr/bin/mawk\n");
        write("var/lib/dpkg/info/libc6:amd64.list", "/lib/x86_64-linux-gnu/libc.so.6\n");
        write(
            "var/lib/dpkg/status",
            "Package: coreutils\nStatus: install ok installed\nVersion: 9.1-1\n\nPackage: libc6\nVersion: 2.36\n",
        );
        root
    }

    #[test]
    fn owners_on_a_merged_usr() {
        let root = debian();
        let paths =
            ["/usr/bin/ls", "/bin/mawk", "/usr/lib/x86_64-linux-gnu/libc.so.6", "/usr/local/bin/x"].map(Path::new);
        let owners = owners(root.path(), paths);
        let shown: Vec<_> = owners.values().map(|owner| (owner.package.as_str(), owner.version.as_str())).collect();
        assert_eq!(shown, [("mawk", ""), ("coreutils", "9.1-1"), ("libc6", "2.36")]);
        assert_eq!(os(root.path()).as_deref(), Some("debian 12"));
    }

    #[test]
    fn a_machine_without_dpkg_owns_nothing() {
        let root = tempfile::tempdir().expect("a folder");
        assert!(owners(root.path(), [Path::new("/bin/ls")]).is_empty());
        assert_eq!(os(root.path()), None);
    }
}
