//! Lock files: what they keep, which of them a command needs, and whether Nix can fetch that without asking anyone.

use serde_json::Value;

use super::paths;
use crate::journal::{Journal, Locked, ProjectFile};
use crate::requirements::{CheckLine, Lock, LockKind};

/// The registry of crates that `rustPlatform.importCargoLock` fetches from.
const CRATES: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// What a command needs besides packages, because a program ran in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Need {
    /// What a lock file keeps.
    Locked(Lock),
    /// What only the network has: why, a clause of fixed words.
    Online(&'static str),
}

/// The files of the project as a command sees them.
#[derive(Clone, Copy)]
pub struct Near<'a> {
    pub(super) journal: &'a Journal,
    /// Where it runs, from the project's root.
    pub(super) folder: &'a str,
}

impl<'a> Near<'a> {
    /// Returns the file of this name that is nearest to the command: in its folder or above; else the only one there is.
    pub(super) fn find(&self, name: &str) -> Option<&'a ProjectFile> {
        let all = || self.journal.files.iter().filter(|file| is_called(&file.path, name));
        let holds = |file: &&ProjectFile| {
            let folder = folder(&file.path, name);
            folder.is_empty()
                || self.folder == folder
                || self.folder.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
        };
        let nearest = all().filter(holds).max_by_key(|file| file.path.len());
        nearest.or_else(|| all().next().filter(|_| all().count() == 1))
    }

    /// Returns the file of this name in the folder itself.
    pub(super) fn beside(&self, name: &str) -> Option<&'a ProjectFile> {
        self.journal.files.iter().find(|file| is_called(&file.path, name) && folder(&file.path, name) == self.folder)
    }

    /// Returns what a lock file keeps that is near; none when there is none, or nothing in it.
    pub(super) fn keeps(&self, name: &str) -> Option<Locked> {
        self.find(name)?.keeps.filter(|keeps| keeps.packages > 0)
    }

    /// Returns the need of what a lock file near keeps; `why` it cannot be fetched when its hash is not known.
    pub(super) fn need(&self, kind: LockKind, why: &'static str) -> Option<Need> {
        let name = kind.file();
        let file = self.find(name)?;
        let keeps = file.keeps.filter(|keeps| keeps.packages > 0)?;
        let known = keeps.unhashed == 0 && (kind != LockKind::Go || file.found.is_some());
        let folder = CheckLine::parse(folder(&file.path, name)).filter(|_| known);
        let locked = |folder| Need::Locked(Lock { kind, folder, hash: file.found.clone() });
        Some(folder.map_or(Need::Online(why), locked))
    }
}

/// Returns whether a path ends in a name, which may be a path itself: `vendor/modules.txt`.
fn is_called(path: &str, name: &str) -> bool {
    path.strip_suffix(name).is_some_and(|folder| folder.is_empty() || folder.ends_with('/'))
}

fn folder<'a>(path: &'a str, name: &str) -> &'a str {
    path.strip_suffix(name).unwrap_or(path).trim_end_matches('/')
}

/// Returns what a lock file keeps; none when it is no such file, or cannot be read.
pub(super) fn read(path: &str, text: &str) -> Option<Locked> {
    match paths::name(path) {
        "Cargo.lock" => cargo(text),
        "package-lock.json" => npm(text),
        "go.mod" => Some(Locked { packages: go(text), unhashed: 0 }),
        "composer.lock" => {
            let lock: Value = serde_json::from_str(text).ok()?;
            let count = |field: &str| lock.get(field).and_then(Value::as_array).map_or(0, Vec::len) as u64;
            Some(Locked { packages: count("packages") + count("packages-dev"), unhashed: 0 })
        }
        "mix.lock" => {
            let entries = text.lines().filter(|line| line.trim_start().starts_with('"'));
            Some(Locked { packages: entries.count() as u64, unhashed: 0 })
        }
        "Gemfile.lock" => {
            // Gems stand four blanks deep, what they depend on six.
            let gems = text.lines().filter(|line| line.starts_with("    ") && !line.starts_with("     "));
            Some(Locked { packages: gems.count() as u64, unhashed: 0 })
        }
        _ => None,
    }
}

/// Reads a `Cargo.lock`: versions 2 to 4 keep each checksum with its package, version 1 in a table of its own.
fn cargo(text: &str) -> Option<Locked> {
    let lock: toml::Table = toml::from_str(text).ok()?;
    let field = |package: &toml::Value, name: &str| package.get(name).and_then(|it| it.as_str().map(str::to_owned));
    let mut keeps = Locked::default();
    for package in lock.get("package").and_then(|it| it.as_array()).into_iter().flatten() {
        let Some(source) = field(package, "source") else { continue };
        let key = || {
            let (name, version) = (field(package, "name")?, field(package, "version")?);
            lock.get("metadata")?.get(format!("checksum {name} {version} ({source})"))
        };
        let hashed = package.get("checksum").is_some() || key().is_some();
        keeps.packages += 1;
        keeps.unhashed += u64::from(!hashed || source != CRATES);
    }
    Some(keeps)
}

/// Reads a `package-lock.json`; version 1 does not have what `importNpmLock` reads.
fn npm(text: &str) -> Option<Locked> {
    let lock: Value = serde_json::from_str(text).ok()?;
    let mut keeps = Locked::default();
    let Some(packages) = lock.get("packages").and_then(Value::as_object) else {
        let packages = lock.get("dependencies").and_then(Value::as_object).map_or(0, serde_json::Map::len) as u64;
        return Some(Locked { packages, unhashed: packages });
    };
    for package in packages.values() {
        // A resolved path is one of the project: a workspace.
        let Some(url) = package.get("resolved").and_then(Value::as_str).filter(|url| url.contains(':')) else {
            continue;
        };
        let fetched = url.starts_with("https://") || url.starts_with("http://");
        keeps.packages += 1;
        keeps.unhashed += u64::from(!fetched || package.get("integrity").is_none());
    }
    Some(keeps)
}

/// Counts the modules that a `go.mod` requires.
fn go(text: &str) -> u64 {
    let mut inside = false;
    let mut count = 0;
    for line in text.lines().map(|line| line.split("//").next().unwrap_or_default().trim()) {
        match line {
            "require (" => inside = true,
            ")" => inside = false,
            _ => count += u64::from(!line.is_empty() && (inside || line.starts_with("require "))),
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::super::tests::journal;
    use super::*;

    #[test]
    fn what_lock_files_keep() {
        let crates = format!(
            "[[package]]\nname=\"a\"\nversion=\"1\"\n[[package]]\nname=\"b\"\nversion=\"1\"\nsource=\"{CRATES}\"\nchecksum=\"00\"\n"
        );
        let git = "[[package]]\nname=\"c\"\nversion=\"1\"\nsource=\"git+https://example.org/c#0\"\n";
        let old = format!(
            "[[package]]\nname=\"b\"\nversion=\"1\"\nsource=\"{CRATES}\"\n[metadata]\n\"checksum b 1 ({CRATES})\"=\"00\"\n"
        );
        let npm = r#"{"packages":{"":{},"node_modules/a":{"resolved":"https://example.org/a.tgz","integrity":"sha512-0"},
            "node_modules/w":{"resolved":"w","link":true},"node_modules/g":{"resolved":"git+ssh://git@example.org/g.git#0"}}}"#;
        for (path, text, packages, unhashed) in [
            ("Cargo.lock", crates.as_str(), 1, 0),
            ("sub/Cargo.lock", &(crates.clone() + git), 2, 1),
            ("Cargo.lock", &old, 1, 0),
            ("package-lock.json", npm, 2, 1),
            ("package-lock.json", r#"{"lockfileVersion":1,"dependencies":{"a":{}}}"#, 1, 1),
            ("go.mod", "module x\n\ngo 1.22\n\nrequire a.org/b v1 // indirect\nrequire (\n\tc.org/d v2\n\n)\n", 2, 0),
            ("go.mod", "module x\n", 0, 0),
            ("composer.lock", r#"{"packages":[{}],"packages-dev":[{},{}]}"#, 3, 0),
            ("mix.lock", "%{\n  \"jason\": {:hex, :jason},\n}\n", 1, 0),
            (
                "Gemfile.lock",
                "GEM\n  remote: x\n  specs:\n    rake (13.0)\n      a (>= 1)\n\nDEPENDENCIES\n  rake\n",
                1,
                0,
            ),
        ] {
            assert_eq!(read(path, text), Some(Locked { packages, unhashed }), "{path}: {text}");
        }
        assert_eq!(read("Cargo.lock", "{"), None);
        assert_eq!(read("uv.lock", "version = 1\n"), None);
    }

    #[test]
    fn the_nearest_lock_file_counts() {
        let mut journal = journal("s", Vec::new());
        let file = |path: &str| ProjectFile {
            path: path.to_owned(),
            keeps: Some(Locked { packages: 1, unhashed: 0 }),
            ..ProjectFile::default()
        };
        journal.files = vec![file("Cargo.lock"), file("a/Cargo.lock"), file("js/package-lock.json")];
        let find = |folder, name| Near { journal: &journal, folder }.find(name).map(|file| file.path.as_str());
        assert_eq!(find("a/b", "Cargo.lock"), Some("a/Cargo.lock"));
        assert_eq!(find("ab", "Cargo.lock"), Some("Cargo.lock"));
        assert_eq!(find("", "package-lock.json"), Some("js/package-lock.json"), "the only one there is");
        assert_eq!(find("", "go.mod"), None);
        let need = Near { journal: &journal, folder: "a" }.need(LockKind::Cargo, "why");
        let lock = Lock { kind: LockKind::Cargo, folder: CheckLine::parse("a").expect("printable"), hash: None };
        assert_eq!(need, Some(Need::Locked(lock)));
    }
}
