//! What a store path of the database brings: programs, libraries, headers, modules.

use std::collections::BTreeSet;

use super::database::{Entry, StorePath};

/// Outputs that a shell gets when it has the package.
const BY_ITSELF: [&str; 3] = ["out", "bin", "dev"];

/// A store path that is the value of an attr, with what tables are made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Package {
    /// One of its attrs, as the database has it.
    pub(super) attr: String,
    /// Its output, when that is not one which a shell gets by itself.
    pub(super) output: Option<String>,
    /// The hash of its store path.
    pub(super) hash: String,
    /// Its name without the version.
    pub(super) name: String,
    /// Its programs; true for one that is a link to another store path.
    pub(super) programs: Vec<(String, bool)>,
    /// Its libraries: `libz.so`, `libz.so.1`.
    pub(super) libraries: BTreeSet<String>,
    /// What is in its folder of headers (`zlib.h`, `openssl`), and a level below that (`libxml2/libxml`).
    pub(super) headers: BTreeSet<String>,
    /// Modules of pkg-config.
    pub(super) pkgconfig: BTreeSet<String>,
    /// Packages of CMake.
    pub(super) cmake: BTreeSet<String>,
    /// Modules of Python.
    pub(super) modules: BTreeSet<String>,
}

/// Reads the entries of a package, one after the other.
#[derive(Default)]
pub(super) struct Reader {
    found: Package,
    /// Where the folder of programs is, when `bin` is a link.
    bin: Option<Vec<u8>>,
    /// Programs in other folders of that name: entries come in no order.
    inner: Vec<(Vec<u8>, String)>,
    /// Store paths to which something links.
    links: BTreeSet<String>,
    python: Python,
    /// Bytes of names that are kept.
    kept: usize,
}

/// Folders and files of Python's modules, dotted, at most three names.
#[derive(Default)]
struct Python {
    folders: BTreeSet<String>,
    packages: BTreeSet<String>,
    files: BTreeSet<String>,
}

impl Reader {
    /// Reads an entry.
    pub(super) fn entry(&mut self, entry: Entry, path: &[u8]) {
        if let Entry::Link(target) = entry {
            if path == b"/bin" && !target.starts_with(b"/") {
                self.bin = Some([b"/", target].concat());
            }
            if let Some(hash) = target.strip_prefix(b"/nix/store/").and_then(|rest| text(rest.get(..32)?)) {
                self.links.insert(hash.to_owned());
            }
        }
        let Some((folder, rest)) = split(path) else { return };
        let away = matches!(entry, Entry::Link(target) if target.starts_with(b"/nix/store/"));
        match folder {
            b"bin" | b"sbin" => self.program(entry, rest),
            // What is only linked is another package's.
            _ if away => {}
            b"lib" => self.library(entry, rest),
            b"include" => self.header(entry, rest),
            b"share" => self.share(rest),
            _ => {}
        }
        self.inner(entry, path);
    }

    /// Returns how many bytes of names are kept so far.
    pub(super) fn kept(&self) -> usize {
        self.kept
    }

    /// Ends the package. Returns the store paths to which it links too; the package only when an attr has this value.
    pub(super) fn end(self, store: StorePath) -> (Option<Package>, BTreeSet<String>) {
        let Self { mut found, mut links, python, bin, inner, .. } = self;
        links.remove(&store.hash);
        let programs = inner.into_iter().filter(|(folder, _)| Some(folder) == bin.as_ref());
        found.programs.extend(programs.map(|(_, name)| (name, false)));
        let elsewhere = store.origin.system.as_deref().is_some_and(|system| !system.starts_with("x86_64-linux"));
        if !store.origin.toplevel || elsewhere {
            return (None, links);
        }
        found.modules = python.modules();
        found.output = Some(store.origin.output).filter(|output| !BY_ITSELF.contains(&output.as_str()));
        let full = match &found.output {
            Some(output) => store.name.strip_suffix(&format!("-{output}")).unwrap_or(&store.name),
            None => ["-bin", "-dev"].iter().find_map(|end| store.name.strip_suffix(end)).unwrap_or(&store.name),
        };
        found.name = unversioned(full).to_owned();
        (found.attr, found.hash) = (store.origin.attr, store.hash);
        (Some(found), links)
    }

    fn program(&mut self, entry: Entry, name: &[u8]) {
        let away = match entry {
            Entry::File { executable: true } => false,
            Entry::Link(target) => target.starts_with(b"/nix/store/"),
            _ => return,
        };
        if let Some(name) = program_name(name) {
            self.kept += name.len();
            self.found.programs.push((name.to_owned(), away));
        }
    }

    fn inner(&mut self, entry: Entry, path: &[u8]) {
        let Some(at) = path.iter().rposition(|b| *b == b'/').filter(|at| path[..*at].ends_with(b"/bin") && *at > 4)
        else {
            return;
        };
        let runs = matches!(entry, Entry::File { executable: true } | Entry::Link(_));
        if let Some(name) = word(&path[at + 1..]).filter(|_| runs) {
            self.kept += path.len();
            self.inner.push((path[..at].to_vec(), name.to_owned()));
        }
    }

    fn library(&mut self, entry: Entry, path: &[u8]) {
        let Some((folder, rest)) = split_inside(path) else {
            if let Some((short, major)) = word(path).and_then(soname) {
                self.kept += 2 * short.len();
                self.found.libraries.insert(short.to_owned());
                self.found.libraries.extend(major.map(str::to_owned));
            }
            return;
        };
        match folder {
            b"pkgconfig" => self.pkgconfig(rest),
            b"cmake" => self.cmake(rest),
            _ if folder.starts_with(b"python3.") => {
                if let Some(rest) = rest.strip_prefix(b"site-packages/") {
                    self.kept += self.python.entry(entry, rest);
                }
            }
            _ => {
                if let Some(rest) = rest.strip_prefix(b"cmake/") {
                    self.cmake(rest);
                }
            }
        }
    }

    fn share(&mut self, path: &[u8]) {
        let Some((folder, rest)) = split_inside(path) else { return };
        match folder {
            b"pkgconfig" => self.pkgconfig(rest),
            b"cmake" => self.cmake(rest),
            _ => {
                if let Some(rest) = rest.strip_prefix(b"cmake/") {
                    self.cmake(rest);
                }
            }
        }
    }

    fn pkgconfig(&mut self, file: &[u8]) {
        if let Some(module) = file.strip_suffix(b".pc").and_then(word) {
            self.kept += module.len();
            self.found.pkgconfig.insert(module.to_owned());
        }
    }

    /// Reads `FmtConfig.cmake`, `fmt-config.cmake`, in a folder or not.
    fn cmake(&mut self, path: &[u8]) {
        let file = path.rsplit(|b| *b == b'/').next().unwrap_or(path);
        let name = [b"Config.cmake".as_slice(), b"-config.cmake"].iter().find_map(|end| file.strip_suffix(*end));
        if let Some(name) = name.and_then(word).filter(|_| path.iter().filter(|b| **b == b'/').count() <= 1) {
            self.kept += name.len();
            self.found.cmake.insert(name.to_owned());
        }
    }

    fn header(&mut self, entry: Entry, path: &[u8]) {
        let depth = path.iter().filter(|b| **b == b'/').count();
        let is_header = match entry {
            Entry::Folder(_) => true,
            _ => !path.ends_with(b".md") && !path.ends_with(b".txt") && !path.ends_with(b".in"),
        };
        if depth <= 1
            && is_header
            && let Some(path) = text(path).filter(|path| path.split('/').all(is_word))
        {
            self.kept += path.len();
            self.found.headers.insert(path.to_owned());
        }
    }
}

impl Python {
    /// Reads an entry below `site-packages`; returns how much of it is kept.
    fn entry(&mut self, entry: Entry, path: &[u8]) -> usize {
        let Some(path) = text(path) else { return 0 };
        let names: Vec<&str> = path.split('/').collect();
        let (Some((last, parents)), true) = (names.split_last(), names.len() <= 4) else { return 0 };
        if !parents.iter().all(|name| is_identifier(name)) {
            return 0;
        }
        let is_folder = matches!(entry, Entry::Folder(_));
        let stem = last.split('.').next().unwrap_or(last);
        let is_module = [".py", ".so"].iter().any(|end| last.ends_with(end)) && is_identifier(stem);
        let into = match is_folder {
            _ if *last == "__init__.py" => {
                self.packages.insert(parents.join("."));
                return path.len();
            }
            true if is_identifier(last) && names.len() <= 3 => &mut self.folders,
            false if is_module && names.len() <= 3 => &mut self.files,
            _ => return 0,
        };
        into.insert([parents, &[stem]].concat().join("."));
        path.len()
    }

    /// Returns the modules: packages and files at the top, and in folders that are no packages what is in those.
    fn modules(self) -> BTreeSet<String> {
        let is_namespace = |name: &str| self.folders.contains(name) && !self.packages.contains(name);
        let counts = |name: &&String| match name.rsplit_once('.') {
            None => true,
            Some((parent, _)) => {
                is_namespace(parent) && parent.rsplit_once('.').is_none_or(|(parent, _)| is_namespace(parent))
            }
        };
        self.folders.iter().chain(&self.files).filter(counts).cloned().collect()
    }
}

/// Returns the first name of an absolute path and what follows it, when something does.
fn split(path: &[u8]) -> Option<(&[u8], &[u8])> {
    split_inside(path.strip_prefix(b"/")?)
}

fn split_inside(path: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = path.iter().position(|b| *b == b'/')?;
    Some((&path[..at], &path[at + 1..]))
}

/// Returns text that a row of a table can hold.
fn text(bytes: &[u8]) -> Option<&str> {
    let printable = (1..=200).contains(&bytes.len()) && bytes.iter().all(|b| (0x21..=0x7e).contains(b) && *b != b',');
    std::str::from_utf8(bytes).ok().filter(|_| printable)
}

/// Returns the name of a program, when a row of a table can begin with it.
fn program_name(bytes: &[u8]) -> Option<&str> {
    let printable = (1..=128).contains(&bytes.len()) && bytes.iter().all(|b| (0x20..=0x7e).contains(b) && *b != b'/');
    std::str::from_utf8(bytes).ok().filter(|name| printable && !name.starts_with('.'))
}

/// Returns whether a program can have this name.
pub(super) fn is_program(name: &str) -> bool {
    program_name(name.as_bytes()).is_some()
}

/// Returns the name of a file or folder, when it is one and a row of a table can hold it.
fn word(bytes: &[u8]) -> Option<&str> {
    text(bytes).filter(|text| is_word(text))
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && !text.contains(['/', ':'])
}

/// Returns whether `import` takes it.
fn is_identifier(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && !(text.starts_with("__") && text.ends_with("__"))
}

/// Returns `libz.so`, and `libz.so.1` when there is a version, of the file of a library.
pub(super) fn soname(file: &str) -> Option<(&str, Option<&str>)> {
    let at = file.find(".so").filter(|_| file.starts_with("lib"))?;
    let short = &file[..at + 3];
    match file[at + 3..].strip_prefix('.') {
        None if file.len() == short.len() => Some((short, None)),
        None => None,
        Some(version) => {
            let is_version = !version.is_empty() && version.bytes().all(|b| b.is_ascii_digit() || b == b'.');
            let major = version.split('.').next().unwrap_or(version);
            is_version.then(|| (short, Some(&file[..short.len() + 1 + major.len()])))
        }
    }
}

/// Returns the name of a store path without its version: what is before the first `-` that no letter follows (Nix's
/// `parseDrvName`).
fn unversioned(name: &str) -> &str {
    let is_version = |(at, _): &(usize, &str)| !name[at + 1..].starts_with(|c: char| c.is_ascii_alphabetic());
    name.match_indices('-').find(is_version).map_or(name, |(at, _)| &name[..at])
}
