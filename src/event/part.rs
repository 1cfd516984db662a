//! What a file is to the program that opens it, told from its path alone.

use serde::{Deserialize, Serialize};

/// A kind of files that say which package is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A shared library.
    Library,
    /// A header of C or C++.
    Header,
    /// A module of pkg-config: its `.pc` file.
    PkgConfig,
    /// A module of Python that was installed.
    Python,
    /// A package of Node.js that was installed.
    Node,
}

/// What a file is a part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part<'a> {
    /// Of what kind.
    pub kind: Kind,
    /// The folder in which it is, a slash last.
    pub folder: &'a [u8],
    /// Its name there: a library's file, the file or folder of a header or module.
    pub name: &'a [u8],
}

impl<'a> Part<'a> {
    /// Returns what the file at a path is a part of; none when that is nothing that says which package is needed. The path of
    /// a part leads to the same part.
    pub fn of(path: &'a [u8]) -> Option<Self> {
        Self::python(path).or_else(|| Self::node(path)).or_else(|| {
            let start = path.iter().rposition(|byte| *byte == b'/').map_or(0, |at| at + 1);
            let (folder, name) = path.split_at(start);
            let has = |part: &[u8]| find(name, part).is_some();
            let kind = match () {
                () if name.starts_with(b"lib") && (name.ends_with(b".so") || has(b".so.")) => Kind::Library,
                () if name.ends_with(b".pc") && folder.ends_with(b"pkgconfig/") => Kind::PkgConfig,
                () => return Self::header(path, folder, name),
            };
            Some(Self { kind, folder, name })
        })
    }

    /// Returns the path of the whole: a module's folder, without what is in it.
    pub fn path(&self) -> Vec<u8> {
        [self.folder, self.name].concat()
    }

    fn python(path: &'a [u8]) -> Option<Self> {
        let installed = [&b"/site-packages/"[..], b"/dist-packages/"];
        let start = installed.iter().find_map(|folder| find(path, folder).map(|at| at + folder.len()))?;
        let (folder, rest) = path.split_at(start);
        let file = rest.strip_prefix(b"__pycache__/").unwrap_or(rest);
        // `six.py`, `__pycache__/six.cpython-311.pyc` and `six` are one module; `six-1.16.dist-info` is none.
        let name = file.split(|byte| *byte == b'/' || *byte == b'.').next().filter(|name| !name.is_empty())?;
        let after = &file[name.len()..];
        let metadata =
            [&b".pth"[..], b".dist-info", b".egg-info", b".egg-link"].iter().any(|end| after.starts_with(end));
        let module = name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_') && name != b"__pycache__";
        (module && !metadata).then_some(Self { kind: Kind::Python, folder, name })
    }

    fn node(path: &'a [u8]) -> Option<Self> {
        let folder = b"/node_modules/";
        let start = memchr::memmem::rfind(path, folder)? + folder.len();
        let (folder, rest) = path.split_at(start);
        let mut slashes = rest.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
        let end = if rest.starts_with(b"@") { slashes.nth(1) } else { slashes.next() };
        let name = &rest[..end.unwrap_or(rest.len())];
        (!name.is_empty() && !name.starts_with(b".")).then_some(Self { kind: Kind::Node, folder, name })
    }

    /// Headers below an `include` folder are named by their first step there.
    fn header(path: &'a [u8], folder: &'a [u8], name: &'a [u8]) -> Option<Self> {
        // The compiler's own.
        if find(path, b"/lib/gcc/").is_some() || find(path, b"/lib/clang/").is_some() {
            return None;
        }
        let kind = Kind::Header;
        let Some(mut start) = find(path, b"/include/").map(|at| at + b"/include/".len()) else {
            let ends = [&b".h"[..], b".hh", b".hpp", b".hxx"];
            return ends.iter().any(|end| name.ends_with(end)).then_some(Self { kind, folder, name });
        };
        let mut first = step(&path[start..]);
        // Debian has a folder for each architecture between.
        if find(first, b"-linux-gnu").is_some() && path.len() > start + first.len() + 1 {
            start += first.len() + 1;
            first = step(&path[start..]);
        }
        (!first.is_empty()).then_some(Self { kind, folder: &path[..start], name: first })
    }
}

/// Returns a path up to its first slash.
fn step(path: &[u8]) -> &[u8] {
    path.split(|byte| *byte == b'/').next().unwrap_or_default()
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    memchr::memmem::find(text, part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts() {
        for (path, expected) in [
            ("/usr/lib/x86_64-linux-gnu/libz.so.1.2.13", Some((Kind::Library, "libz.so.1.2.13"))),
            ("libfoo.so", Some((Kind::Library, "libfoo.so"))),
            ("/usr/lib/x86_64-linux-gnu/gconv/UTF-16.so", None),
            ("/etc/ld.so.cache", None),
            ("/usr/include/zlib.h", Some((Kind::Header, "zlib.h"))),
            ("/usr/include/openssl/ssl.h", Some((Kind::Header, "openssl"))),
            ("/usr/include/x86_64-linux-gnu/sys/types.h", Some((Kind::Header, "sys"))),
            ("/usr/include/x86_64-linux-gnu", Some((Kind::Header, "x86_64-linux-gnu"))),
            ("/usr/include/c++/12/iostream", Some((Kind::Header, "c++"))),
            ("/usr/lib/gcc/x86_64-linux-gnu/12/include/stddef.h", None),
            ("src/own.hpp", Some((Kind::Header, "own.hpp"))),
            ("/usr/include/", None),
            ("/usr/lib/x86_64-linux-gnu/pkgconfig/zlib.pc", Some((Kind::PkgConfig, "zlib.pc"))),
            ("/tmp/x.pc", None),
            ("/usr/lib/python3/dist-packages/yaml/__init__.py", Some((Kind::Python, "yaml"))),
            ("/usr/lib/python3/dist-packages/__pycache__/six.cpython-311.pyc", Some((Kind::Python, "six"))),
            ("/usr/lib/python3/dist-packages/_cffi.cpython-311-x86_64-linux-gnu.so", Some((Kind::Python, "_cffi"))),
            ("/usr/lib/python3/dist-packages/PyYAML-6.0.dist-info/METADATA", None),
            ("/usr/lib/python3/dist-packages/distutils-precedence.pth", None),
            ("/usr/lib/python3/dist-packages/x.pth", None),
            ("/usr/lib/python3/dist-packages/__pycache__", None),
            ("/usr/lib/python3.11/json/decoder.py", None),
            ("/usr/lib/node_modules/npm/lib/cli.js", Some((Kind::Node, "npm"))),
            ("/usr/lib/node_modules/npm/node_modules/@npmcli/arborist/x.js", Some((Kind::Node, "@npmcli/arborist"))),
            ("/p/node_modules/.bin/tsc", None),
            ("", None),
            ("/", None),
        ] {
            let part = Part::of(path.as_bytes());
            let shown = part.map(|part| (part.kind, std::str::from_utf8(part.name).expect("text")));
            assert_eq!(shown, expected, "{path}");
            let again = part.map(|part| part.path());
            assert_eq!(again.as_deref().and_then(Part::of), part, "{path} as a whole");
        }
    }
}
