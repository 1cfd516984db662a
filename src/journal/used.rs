//! What programs used besides programs: shared libraries, and servers of the machine.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::roles::base;
use super::{Journal, Place, Ref};
use crate::event::{self, Bytes, Exec, Files, Kind, Server};
use crate::host::{Links, Owner, soname};

/// The most files of the project that are looked into.
const FILES: usize = 64;
/// The most outputs of linkers that are remembered, the latest: many are gone when the session closes.
const OUTPUTS: usize = 1024;

/// The most libraries, headers and modules that are listed.
const PARTS: usize = 1000;

/// A shared library that programs need.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Library {
    /// The name by which programs need it, `libz.so.1`.
    pub soname: String,
    /// The host's package that it is of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
    /// Programs that ran and need it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub programs: BTreeSet<Ref>,
    /// Files of the project that were linked with it and did not run, relative to the project.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub files: BTreeSet<Bytes>,
}

/// A header of C or C++, or a folder of headers, that programs opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// Where it is: the first step below the folder for headers.
    pub path: Bytes,
    /// The host's package that it is of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
    /// Programs that opened it.
    pub programs: BTreeSet<Ref>,
}

/// A module that programs opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Module {
    /// What it is a module for: [`Kind::Python`], [`Kind::Node`], [`Kind::PkgConfig`].
    pub of: Kind,
    /// The name by which it is asked for.
    pub name: Bytes,
    /// The folder in which it is.
    pub folder: Bytes,
    /// The host's package that it is of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
    /// Whether another module of the folder was opened whose distribution requires its distribution.
    #[serde(default, skip_serializing_if = "super::is_default")]
    pub brought: bool,
    /// Programs that opened it.
    pub programs: BTreeSet<Ref>,
}

/// What a library, header or module says, whatever it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part<'a> {
    /// A library's soname, the path of a header, the name of a module.
    pub name: std::borrow::Cow<'a, str>,
    /// The host's package that it is of.
    pub owner: Option<&'a Owner>,
    /// Programs that needed or opened it.
    pub programs: &'a BTreeSet<Ref>,
}

impl Journal {
    /// Returns the library, header or module of this id.
    pub fn part(&self, id: &Ref) -> Option<Part<'_>> {
        let (kind, at) = id.place();
        match kind {
            'l' => {
                let Library { soname, owner, programs, .. } = self.libraries.get(at)?;
                Some(Part { name: soname.into(), owner: owner.as_ref(), programs })
            }
            'h' => {
                let Header { path, owner, programs } = self.headers.get(at)?;
                Some(Part { name: path.to_text(), owner: owner.as_ref(), programs })
            }
            'm' => {
                let Module { name, owner, programs, .. } = self.modules.get(at)?;
                Some(Part { name: name.to_text(), owner: owner.as_ref(), programs })
            }
            _ => None,
        }
    }
}

/// A server that did work for the session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delegated {
    /// The server.
    pub server: Server,
    /// Commands that asked it.
    pub commands: BTreeSet<Ref>,
}

/// What is known of libraries while a session closes.
#[derive(Default)]
pub(super) struct Used {
    /// What linkers wrote, the latest last.
    outputs: VecDeque<PathBuf>,
    libraries: BTreeMap<String, Found>,
    /// Headers and modules, by their paths.
    parts: BTreeMap<Bytes, BTreeSet<Ref>>,
    unlisted: u64,
}

/// What the journal holds of it.
pub(super) struct Listed {
    pub libraries: Vec<Library>,
    pub headers: Vec<Header>,
    pub modules: Vec<Module>,
    pub unlisted: u64,
}

#[derive(Default)]
struct Found {
    path: Option<PathBuf>,
    programs: BTreeSet<Ref>,
    files: BTreeSet<Bytes>,
}

impl Used {
    /// Takes in that a program runs: a linker says what it writes.
    pub(super) fn exec(&mut self, exec: &Exec, root: &Path) {
        let Some(output) = output(exec).map(|output| exec.cwd.as_path().join(output.as_path())) else { return };
        let output: PathBuf = output.components().collect();
        if !output.starts_with(root) || self.outputs.contains(&output) {
            return;
        }
        if self.outputs.len() >= OUTPUTS {
            self.outputs.pop_front();
        }
        self.outputs.push_back(output);
    }

    /// Finds out what the project's own programs, those that ran and those that were linked, need: `links` tells it of a
    /// file, `find` where the host has a library. `ran`: programs that ran, where they are.
    pub(super) fn link<'a>(
        &mut self,
        place: &Place,
        ran: impl Iterator<Item = (&'a Ref, &'a Path)>,
        links: &dyn Fn(&Path) -> Option<Links>,
        find: &dyn Fn(&str) -> Option<PathBuf>,
    ) {
        let ran =
            ran.filter(|(_, path)| path.starts_with(&place.root)).map(|(id, path)| (Some(id), path.to_path_buf()));
        let mut seen = BTreeSet::new();
        let outputs: Vec<PathBuf> = self.outputs.iter().rev().cloned().collect();
        let all = ran.chain(outputs.iter().cloned().map(|path| (None, path)));
        let files: Vec<_> = all.filter(|(_, path)| path.exists() && seen.insert(path.clone())).take(FILES).collect();
        let own = |soname: &String| files.iter().any(|(_, path)| path.ends_with(soname));
        for (program, path) in &files {
            for soname in links(path).unwrap_or_default().needed.into_iter().filter(|soname| !own(soname)) {
                let found = self
                    .libraries
                    .entry(soname)
                    .or_insert_with_key(|soname| Found { path: find(soname), ..Found::default() });
                match program {
                    Some(program) => _ = found.programs.insert((*program).clone()),
                    None => _ = found.files.insert(place.path(path)),
                }
            }
        }
    }

    /// Takes in what a program opened; what is the project's own is of no interest.
    pub(super) fn files(&mut self, files: &Files, root: &Path, program: Option<&Ref>) {
        self.unlisted += files.more;
        for path in files.opened.iter().filter(|path| !path.as_path().starts_with(root)) {
            let Some(part) = event::Part::of(path.as_slice()) else { continue };
            let soname = soname(part.name).filter(|_| part.kind == Kind::Library);
            let programs = match soname {
                _ if self.libraries.len() + self.parts.len() >= PARTS && !self.has(path, soname.as_ref()) => {
                    self.unlisted += 1;
                    continue;
                }
                Some(soname) => {
                    let found = self.libraries.entry(soname).or_default();
                    found.path.get_or_insert_with(|| path.as_path().to_path_buf());
                    &mut found.programs
                }
                None => self.parts.entry(path.clone()).or_default(),
            };
            programs.extend(program.cloned());
        }
    }

    fn has(&self, path: &Bytes, soname: Option<&String>) -> bool {
        soname.map_or_else(|| self.parts.contains_key(path), |soname| self.libraries.contains_key(soname))
    }

    /// Returns the host's files of which an owner is to be known.
    pub(super) fn paths(&self) -> Vec<PathBuf> {
        let libraries = self.libraries.values().filter_map(|found| found.path.clone());
        libraries.chain(self.parts.keys().flat_map(places)).collect()
    }

    /// Returns what the journal holds.
    pub(super) fn finish(self, place: &Place, owners: &BTreeMap<PathBuf, Owner>) -> Listed {
        let library = |(soname, Found { path, programs, files })| {
            let owner = path.and_then(|path| owners.get(&path).cloned());
            Library { soname, owner, programs, files }
        };
        let libraries = self.libraries.into_iter().map(library).collect();
        let (mut headers, mut modules) = (Vec::new(), Vec::new());
        for (path, programs) in self.parts {
            let Some(part) = event::Part::of(path.as_slice()) else { continue };
            let owner = places(&path).find_map(|place| owners.get(&place).cloned());
            let private = |path: &[u8]| place.path(Bytes::from(path).as_path());
            if part.kind == Kind::Header {
                headers.push(Header { path: private(path.as_slice()), owner, programs });
            } else {
                let name = part.name.strip_suffix(b".pc").unwrap_or(part.name);
                let folder = private(part.folder.strip_suffix(b"/").unwrap_or(part.folder));
                let name = Bytes::from(name);
                modules.push(Module { of: part.kind, name, folder, owner, brought: false, programs });
            }
        }
        Listed { libraries, headers, modules, unlisted: self.unlisted }
    }
}

/// Returns the paths by which a package may own a part: a module of Python may be one file.
fn places(path: &Bytes) -> impl Iterator<Item = PathBuf> {
    let own = path.as_path().to_path_buf();
    let python = event::Part::of(path.as_slice()).is_some_and(|part| part.kind == Kind::Python);
    let file = python.then(|| PathBuf::from(Bytes::from([path.as_slice(), b".py"].concat())));
    std::iter::once(own).chain(file)
}

/// Returns what a linker writes: `-o FILE`, as ld(1), gold, lld, mold and Go's `link` have it.
fn output(exec: &Exec) -> Option<Bytes> {
    let name = base(exec.program.as_slice());
    let linker = name == b"ld"
        || name.ends_with(b"-ld")
        || name.ends_with(b"lld")
        || [&b"ld."[..], b"mold", b"link"].iter().any(|start| name.starts_with(start))
        || [&b"-ld.bfd"[..], b"-ld.gold"].iter().any(|end| name.ends_with(end));
    if !linker {
        return None;
    }
    let mut words = exec.argv.iter().skip(1).map(Bytes::as_slice);
    let found = words.find_map(|word| match word {
        b"-o" | b"--output" => Some(None),
        _ => word.strip_prefix(b"--output=").or_else(|| word.strip_prefix(b"-o")).map(Some),
    })?;
    found.or_else(|| words.next()).map(Bytes::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exec(line: &str) -> Exec {
        let argv: Vec<Bytes> = line.split(' ').map(Bytes::from).collect();
        Exec {
            id: 1,
            process: 1,
            program: Bytes::from(format!("/usr/bin/{}", argv[0].to_text())),
            argv,
            cwd: Bytes::from("/project/sub"),
            ..Exec::default()
        }
    }

    #[test]
    fn what_linkers_write() {
        for (line, expected) in [
            ("ld -m elf_x86_64 -o prog crt1.o", Some("prog")),
            ("x86_64-linux-gnu-ld.bfd x.o --output=prog", Some("prog")),
            ("ld.lld --output prog x.o", Some("prog")),
            ("mold -oprog x.o", Some("prog")),
            ("link -o $WORK/exe -buildmode=exe", Some("$WORK/exe")),
            ("ld -o", None),
            ("ld x.o", None),
            ("gcc -o prog x.c", None),
            ("ldd -o x", None),
        ] {
            assert_eq!(output(&exec(line)).as_ref().and_then(Bytes::as_str), expected, "{line}");
        }
    }

    #[test]
    fn only_what_the_host_has_to_give() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().to_path_buf();
        let place = Place { root: root.clone(), home: None };
        for name in ["ran", "linked", "libown.so"] {
            std::fs::write(root.join(name), "").expect("a file");
        }
        let mut used = Used::default();
        for name in ["linked", "gone", "libown.so", "linked", "../elsewhere/x"] {
            used.exec(
                &Exec { cwd: Bytes::from(root.as_os_str().as_encoded_bytes()), ..exec(&format!("ld -o {name}")) },
                &root,
            );
        }
        let links = |path: &Path| {
            let names = match path.file_name()?.to_str()? {
                "ran" => vec!["libz.so.1", "libown.so"],
                "linked" => vec!["libz.so.1", "libown.so", "libfoo.so.2"],
                "libown.so" => vec!["libc.so.6"],
                name => panic!("{name} is looked into"),
            };
            Some(Links { soname: None, needed: names.into_iter().map(str::to_owned).collect() })
        };
        let find = |soname: &str| (soname == "libz.so.1").then(|| PathBuf::from("/lib/libz.so.1"));
        let id = Ref::new('p', 1);
        let ran = [(root.join("ran"), &id), (PathBuf::from("/bin/sh"), &id)];
        used.link(&place, ran.iter().map(|(path, id)| (*id, path.as_path())), &links, &find);
        let owner = Owner { manager: "dpkg".into(), package: "zlib1g".into(), version: "1".into() };
        let owners = BTreeMap::from([(PathBuf::from("/lib/libz.so.1"), owner.clone())]);
        assert_eq!(used.paths(), [Path::new("/lib/libz.so.1")]);
        let library = |soname: &str, owner, programs: &[&Ref], files: &[&str]| Library {
            soname: soname.into(),
            owner,
            programs: programs.iter().map(|id| (*id).clone()).collect(),
            files: files.iter().map(Bytes::from).collect(),
        };
        let expected = [
            library("libc.so.6", None, &[], &["libown.so"]),
            library("libfoo.so.2", None, &[], &["linked"]),
            library("libz.so.1", Some(owner), &[&id], &["linked"]),
        ];
        assert_eq!(used.finish(&place, &owners).libraries, expected);
    }
}
