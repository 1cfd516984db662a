//! Paths of programs, as a journal writes them.

use crate::journal::Program;

/// Folders for programs that one starts by name.
const FOLDERS: [&str; 5] = ["bin", ".bin", "sbin", "games", "shims"];

/// Folders of version and package managers whose programs are in them and in no `bin`.
const FOLDERS_OF_HOME: [&str; 3] = ["/.dotnet", "/.local/share/pnpm", "/Library/pnpm"];

/// Returns the path by which a program was reached and, when that is another, the one it is at. What is not UTF-8 is left
/// out: no package has such a name.
pub(super) fn of(program: &Program) -> impl Iterator<Item = &str> {
    [Some(&program.path), program.resolved.as_ref()].into_iter().flatten().filter_map(|path| path.as_str())
}

/// Returns the last component.
pub(super) fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Returns what is before the last component, without the slash.
pub(super) fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// Returns whether a path is in the project.
pub(super) fn is_project(path: &str) -> bool {
    !path.starts_with(['/', '~'])
}

/// Returns whether a program is where one starts programs by name.
pub(super) fn is_bin(path: &str) -> bool {
    let folder = folder(path);
    FOLDERS.contains(&name(folder)) || FOLDERS_OF_HOME.iter().any(|own| folder.ends_with(own))
}

/// Returns the component below a folder, and what follows it: `20.11` and `bin/node` of `~/x/node/20.11/bin/node` below
/// `/node/`.
pub(super) fn below<'a>(path: &'a str, folder: &str) -> Option<(&'a str, &'a str)> {
    path.split_once(folder)?.1.split_once('/')
}

/// A path in the Nix store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Store<'a> {
    /// The component below the store.
    pub(super) folder: &'a str,
    /// Name of the package.
    pub(super) name: &'a str,
    /// Its version, with what may follow it; empty when there is none.
    pub(super) version: &'a str,
}

impl<'a> Store<'a> {
    /// Reads a path below `/nix/store`. Where the version begins: at the first `-` that no letter follows (Nix's
    /// `parseDrvName`).
    pub(super) fn of(path: &'a str) -> Option<Self> {
        let folder = path.strip_prefix("/nix/store/")?.split('/').next()?;
        let (hash, full) = folder.split_once('-')?;
        if hash.len() != 32 || full.is_empty() {
            return None;
        }
        let is_version = |(at, _): &(usize, &str)| full[at + 1..].starts_with(|c: char| !c.is_ascii_alphabetic());
        let at = full.match_indices('-').find(is_version).map_or(full.len(), |(at, _)| at);
        Some(Self { folder, name: &full[..at], version: full.get(at + 1..).unwrap_or_default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn store_paths() {
        let hash = "0123456789abcdfghijklmnpqrsvwxyz";
        for (full, name, version) in [
            ("ripgrep-14.1.0", "ripgrep", "14.1.0"),
            ("python3-3.13.2-env", "python3", "3.13.2-env"),
            ("python3.13-pytest-8.3.5", "python3.13-pytest", "8.3.5"),
            ("util-linux", "util-linux", ""),
        ] {
            let path = format!("/nix/store/{hash}-{full}/bin/x");
            let store = Store::of(&path).expect(full);
            assert_eq!((store.name, store.version), (name, version));
        }
        for bad in ["/nix/store/x-y/bin/z", "/nix/store", "/usr/bin/x", "/nix/store/"] {
            assert_eq!(Store::of(bad), None, "{bad}");
        }
    }

    #[test]
    fn kinds_of_paths() {
        assert!(
            is_bin("~/.local/share/pnpm/tsc")
                && is_bin("/usr/bin/x")
                && is_bin("~/.pyenv/shims/x")
                && !is_bin("/usr/lib/git-core/git-x")
                && !is_bin("x")
        );
        assert!(is_project("x") && is_project(".venv/bin/x") && !is_project("/x") && !is_project("~/x"));
    }
}
