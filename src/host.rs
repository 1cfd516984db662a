//! What this machine knows of a path: the package that owns it, and its version. Read once, when a session closes.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

mod dpkg;
mod libraries;
mod process;
mod python;
mod state;
mod walk;

pub use dpkg::owners;
pub use libraries::{Links, find, links, soname};
pub use process::Process;
pub use python::brought;
pub use state::{Before, Found, left_behind};
pub use walk::Changed;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_system() {
        let root = tempfile::tempdir().expect("a folder");
        assert_eq!(os(root.path()), None);
        fs::create_dir(root.path().join("etc")).expect("folder");
        fs::write(root.path().join("etc/os-release"), "ID=debian\nVERSION_ID=\"12\"\n").expect("a file");
        assert_eq!(os(root.path()).as_deref(), Some("debian 12"));
    }
}
