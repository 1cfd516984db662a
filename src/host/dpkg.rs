//! Which package of Debian owns a path, by the lists of dpkg's database (dpkg-query(1): `/var/lib/dpkg/info/*.list`).
//!
//! They have a hundred thousand lines and more in a thousand files, and nothing says in which of them a path is: those that its
//! name speaks for are read first, and the others only when something is still looked for.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use std::{panic, thread};

use super::Owner;
use super::walk::changed;

/// Folders that a merged-/usr Debian has twice, `/bin` being a link to `/usr/bin`; its package database knows either.
const MERGED: [&str; 6] = ["bin/", "sbin/", "lib/", "lib32/", "lib64/", "libx32/"];

/// Folders of the root that packages install into (hier(7)).
const OWNED: [&str; 12] = ["bin", "boot", "etc", "lib", "lib32", "lib64", "libx32", "opt", "sbin", "srv", "usr", "var"];

/// Names that are of all packages: of folders, and `__init__`.
const OF_ALL: [&str; 8] = ["bin", "sbin", "lib", "include", "share", "pkgconfig", "dist-packages", "--init--"];

/// Packages with what scripts and builds run most and is called otherwise, by how their names begin.
const COMMON: [&str; 14] = [
    "binutils",
    "bsdutils",
    "coreutils",
    "cpp-",
    "diffutils",
    "findutils",
    "g++-",
    "gcc-",
    "libc-bin",
    "libc6",
    "perl-base",
    "procps",
    "util-linux",
    "zlib1g",
];

/// The most names for which it is worth looking which packages they speak for.
const MANY: usize = 64;

/// Returns the packages that own these absolute paths, as far as dpkg's database below `root` knows them.
pub fn owners<'a>(root: &Path, paths: impl IntoIterator<Item = &'a Path>) -> BTreeMap<PathBuf, Owner> {
    let mut wanted = Wanted::new(paths.into_iter().filter(|path| may_be_owned(root, path)));
    let status = fs::read(root.join("var/lib/dpkg/status")).unwrap_or_default();
    let info = root.join("var/lib/dpkg/info");
    let names = wanted.names();
    let (likely, others): (Vec<_>, Vec<_>) = packages(&status).partition(|package| package.is_likely(&names));
    for package in likely {
        if wanted.is_found() {
            break;
        }
        let found = wanted.listed(&info, &[package]);
        wanted.found(found);
    }
    if !wanted.is_found() {
        let (first, rest) = others.split_at(others.len() / 2);
        let (first, rest) = thread::scope(|scope| {
            let rest = scope.spawn(|| wanted.listed(&info, rest));
            (wanted.listed(&info, first), rest.join().unwrap_or_else(|panic| panic::resume_unwind(panic)))
        });
        wanted.found(first);
        wanted.found(rest);
    }
    let owner = |package: Package<'_>| Owner {
        manager: "dpkg".to_owned(),
        package: package.name.to_owned(),
        version: package.field("Version").unwrap_or_default().to_owned(),
    };
    wanted.found.into_iter().map(|(path, package)| (path.to_path_buf(), owner(package))).collect()
}

/// Returns packages whose list of files was written since a time: dpkg makes it anew, which changes its folder too.
pub(super) fn changed_since(root: &Path, since: SystemTime) -> Vec<String> {
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

/// Returns whether a list can have a path: none has what is not there, or a link that update-alternatives(1) made.
fn may_be_owned(root: &Path, path: &Path) -> bool {
    let Ok(below) = path.strip_prefix("/") else { return false };
    let (there, is_owned) = (root.join(below), |folder: &&str| below.starts_with(folder));
    let Ok(kind) = fs::symlink_metadata(&there).map(|meta| meta.file_type()) else { return false };
    let is_alternative = || fs::read_link(&there).is_ok_and(|target| target.starts_with("/etc/alternatives"));
    OWNED.iter().any(is_owned) && !below.starts_with("etc/alternatives") && !(kind.is_symlink() && is_alternative())
}

/// A package in dpkg's status file (deb-control(5)).
#[derive(Clone, Copy)]
struct Package<'s> {
    name: &'s str,
    /// Its paragraph after the name.
    fields: &'s [u8],
}

/// Returns the packages that a status file names.
fn packages(status: &[u8]) -> impl Iterator<Item = Package<'_>> {
    const FIRST: &[u8] = b"Package: ";
    memchr::memmem::find_iter(status, FIRST).filter(|at| *at == 0 || status[at - 1] == b'\n').filter_map(|at| {
        let (name, fields) =
            status[at + FIRST.len()..].split_at_checked(memchr::memchr(b'\n', &status[at + FIRST.len()..])?)?;
        let end = memchr::memmem::find(fields, b"\n\n").unwrap_or(fields.len());
        Some(Package { name: str::from_utf8(name).ok()?, fields: &fields[..end] })
    })
}

impl<'s> Package<'s> {
    fn field(&self, name: &str) -> Option<&'s str> {
        let head = format!("\n{name}: ");
        let rest = &self.fields[memchr::memmem::find(self.fields, head.as_bytes())? + head.len()..];
        str::from_utf8(&rest[..memchr::memchr(b'\n', rest).unwrap_or(rest.len())]).ok()
    }

    /// Returns whether it is likely to have what these names are of.
    fn is_likely(&self, names: &BTreeSet<String>) -> bool {
        let speaks = |name: &String| name.starts_with(self.name) || self.name.contains(name.as_str());
        COMMON.iter().any(|common| self.name.starts_with(common)) || names.iter().any(speaks)
    }

    /// Returns its paths, a line each; of packages that may be there for several machines each has a list.
    fn list(&self, info: &Path) -> Option<Vec<u8>> {
        let arch = || self.field("Architecture").filter(|_| self.field("Multi-Arch") == Some("same"));
        let of_one = |arch| fs::read(info.join(format!("{}:{arch}.list", self.name))).ok();
        arch().and_then(of_one).or_else(|| fs::read(info.join(format!("{}.list", self.name))).ok())
    }
}

/// The paths that are looked for.
struct Wanted<'a, 's> {
    /// Those for each line that means one.
    lines: HashMap<Vec<u8>, Vec<&'a Path>>,
    /// The lengths and last bytes of these lines: most others differ in them.
    forms: Vec<bool>,
    /// How many paths.
    count: usize,
    /// The packages of those that were found.
    found: BTreeMap<&'a Path, Package<'s>>,
}

impl<'a, 's> Wanted<'a, 's> {
    fn new(paths: impl Iterator<Item = &'a Path>) -> Self {
        let paths: BTreeSet<&Path> = paths.collect();
        let (mut lines, mut forms) = (HashMap::<_, Vec<_>>::new(), vec![false; 1 << 16]);
        for path in &paths {
            for spelling in spellings(path) {
                forms[form(&spelling)] = true;
                lines.entry(spelling).or_default().push(*path);
            }
        }
        Self { lines, forms, count: paths.len(), found: BTreeMap::new() }
    }

    /// Returns whether none is left to look for.
    fn is_found(&self) -> bool {
        self.found.len() == self.count
    }

    /// Returns what the paths say of their packages: the names of the files, whole and up to the first dot, and of their folders.
    /// Those of compilers begin with a machine. Short ones say nothing, nor do many.
    fn names(&self) -> BTreeSet<String> {
        let of_file = |path: &Path| path.file_name().and_then(OsStr::to_str).map(str::to_owned);
        let mut names = BTreeSet::new();
        for path in self.lines.values().flatten() {
            let Some(name) = of_file(path) else { continue };
            let name = name.split_once("-linux-gnu-").map_or(name.as_str(), |(_, name)| name).replace('_', "-");
            names.extend(name.split('.').next().map(str::to_owned));
            names.insert(name);
            names.extend(path.parent().and_then(of_file));
        }
        names.retain(|name| name.len() > 2 && !OF_ALL.contains(&name.as_str()) && !name.ends_with("-linux-gnu"));
        if names.len() > MANY { BTreeSet::new() } else { names }
    }

    /// Returns the paths that these packages have, each with the first of them.
    fn listed(&self, info: &Path, packages: &[Package<'s>]) -> BTreeMap<&'a Path, Package<'s>> {
        let mut found = BTreeMap::new();
        for package in packages {
            let Some(text) = package.list(info) else { continue };
            let ends = memchr::memchr_iter(b'\n', &text).chain([text.len()]);
            let lines = ends.scan(0, |start, end| Some(&text[std::mem::replace(start, end + 1)..end]));
            for path in lines.filter(|line| self.forms[form(line)]).filter_map(|line| self.lines.get(line)).flatten() {
                found.entry(*path).or_insert(*package);
            }
        }
        found
    }

    fn found(&mut self, found: BTreeMap<&'a Path, Package<'s>>) {
        found.into_iter().for_each(|(path, package)| _ = self.found.entry(path).or_insert(package));
    }
}

fn form(line: &[u8]) -> usize {
    line.len() << 8 & 0xff00 | usize::from(line.last().copied().unwrap_or(0))
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

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = "\
Package: coreutils\nStatus: install ok installed\nArchitecture: amd64\nVersion: 9.1-1\nDescription: tools\n Package: none\n
Package: libc6\nArchitecture: amd64\nMulti-Arch: same\nVersion: 2.36\n
Package: libc6\nArchitecture: i386\nMulti-Arch: same\nVersion: 2.36-2\n
Package: mawk\nArchitecture: amd64\n
Package: rename\nArchitecture: all\nMulti-Arch: foreign\nVersion: 2\n";

    /// Files that are there.
    const PATHS: [&str; 11] = [
        "/usr/bin/ls",
        "/bin/mawk",
        "/usr/lib/x86_64-linux-gnu/libc.so.6",
        "/usr/lib/i386-linux-gnu/libc.so.6",
        "/usr/local/bin/x",
        "/usr/bin/prename",
        "/opt/tool",
        "/home/x/tool",
        "/usr/bin/file-rename",
        "/usr/bin/nothing",
        "/etc/alternatives/awk",
    ];

    fn debian() -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a folder");
        let info = root.path().join("var/lib/dpkg/info");
        fs::create_dir_all(&info).expect("folders");
        let list = |package: &str, text: &str| fs::write(info.join(format!("{package}.list")), text).expect("a file");
        fs::write(root.path().join("var/lib/dpkg/status"), STATUS).expect("a file");
        for path in PATHS {
            let path = root.path().join(&path[1..]);
            fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
            fs::write(path, "").expect("a file");
        }
        list("coreutils", "/.\n/bin\n/bin/ls\n/etc/alternatives/awk\n/usr/bin/prename\n");
        list("mawk", "/usr/bin/mawk\n/usr/bin/awk\n/usr/bin/prename\n");
        list("libc6:amd64", "/lib/x86_64-linux-gnu/libc.so.6\n");
        list("libc6:i386", "/lib/i386-linux-gnu/libc.so.6");
        list("rename", "/home/x/tool\n/usr/bin/file-rename\n/opt/tool");
        root
    }

    fn owned(root: &Path, path: &str) -> Option<String> {
        owners(root, [Path::new(path)]).into_values().next().map(|owner| format!("{} {}", owner.package, owner.version))
    }

    #[test]
    fn owners_on_a_merged_usr() {
        let root = debian();
        let paths =
            ["/usr/bin/ls", "/bin/mawk", "/usr/lib/x86_64-linux-gnu/libc.so.6", "/usr/local/bin/x"].map(Path::new);
        let owners = owners(root.path(), paths);
        let shown: Vec<_> = owners.values().map(|owner| (owner.package.as_str(), owner.version.as_str())).collect();
        assert_eq!(shown, [("mawk", ""), ("coreutils", "9.1-1"), ("libc6", "2.36")]);
        assert!(owners.values().all(|owner| owner.manager == "dpkg"));
    }

    #[test]
    fn whatever_its_name_says() {
        let root = debian();
        let owned = |path| owned(root.path(), path);
        assert_eq!(owned("/usr/lib/i386-linux-gnu/libc.so.6").as_deref(), Some("libc6 2.36-2"));
        assert_eq!(owned("/opt/tool").as_deref(), Some("rename 2"));
        assert_eq!(owned("/usr/bin/file-rename").as_deref(), Some("rename 2"));
        assert_eq!(owned("/usr/bin/nothing"), None);
        // Its name speaks for neither, and `coreutils` is looked at first.
        assert_eq!(owned("/usr/bin/prename").as_deref(), Some("coreutils 9.1-1"));
    }

    #[test]
    fn what_no_package_can_own() {
        let root = debian();
        let owned = |path| owned(root.path(), path);
        assert_eq!((owned("/home/x/tool"), owned("/etc/alternatives/awk"), owned("bin/ls")), (None, None, None));
        let awk = root.path().join("usr/bin/awk");
        assert_eq!(owned("/usr/bin/awk"), None);
        std::os::unix::fs::symlink("mawk", &awk).expect("a link");
        assert_eq!(owned("/usr/bin/awk").as_deref(), Some("mawk "));
        fs::remove_file(&awk).expect("removed");
        std::os::unix::fs::symlink("/etc/alternatives/awk", &awk).expect("a link");
        assert_eq!(owned("/usr/bin/awk"), None);
    }

    #[test]
    fn a_machine_without_dpkg_owns_nothing() {
        let root = tempfile::tempdir().expect("a folder");
        assert!(owners(root.path(), [Path::new("/bin/ls")]).is_empty());
    }
}
