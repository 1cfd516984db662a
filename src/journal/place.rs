//! Private forms: the home folder and the project are not named.

use std::path::{Path, PathBuf};

use crate::event::Bytes;

/// The folders whose names stay private.
#[derive(Clone, Debug, Default)]
pub struct Place {
    /// The project's root, absolute.
    pub root: PathBuf,
    /// The user's home folder.
    pub home: Option<PathBuf>,
}

impl Place {
    /// Returns a path as the journal writes it: relative to the project, `~/…`, or as it is.
    pub fn path(&self, path: &Path) -> Bytes {
        use std::os::unix::ffi::OsStrExt;
        if let Ok(inside) = path.strip_prefix(&self.root) {
            return Bytes::from(inside.as_os_str().as_bytes());
        }
        match self.home.as_ref().and_then(|home| path.strip_prefix(home).ok()) {
            Some(inside) if inside.as_os_str().is_empty() => Bytes::from("~"),
            Some(inside) => Bytes::from([b"~/", inside.as_os_str().as_bytes()].concat()),
            None => Bytes::from(path.as_os_str().as_bytes()),
        }
    }

    /// Returns text with the two folders replaced: the project's by the way to it from `cwd`, the home folder's by `~`.
    pub fn text(&self, text: &[u8], cwd: &Path) -> Bytes {
        use std::os::unix::ffi::OsStrExt;
        let depth = cwd.strip_prefix(&self.root).map_or(0, |inside| inside.components().count());
        let up = if depth == 0 { ".".to_owned() } else { vec![".."; depth].join("/") };
        let text = replace(text, self.root.as_os_str().as_bytes(), up.as_bytes());
        match &self.home {
            Some(home) => Bytes::from(replace(&text, home.as_os_str().as_bytes(), b"~")),
            None => Bytes::from(text),
        }
    }
}

/// Replaces a folder's path where it stands as a whole: what follows it is no part of a longer name.
fn replace(text: &[u8], folder: &[u8], with: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while folder.len() > 1
        && let Some(at) = memchr::memmem::find(rest, folder)
    {
        let name = |b: &u8| b.is_ascii_alphanumeric() || b"._-".contains(b);
        let whole = !rest.get(at + folder.len()).is_some_and(name)
            && !(at > 0 && (name(&rest[at - 1]) || rest[at - 1] == b'/'));
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(if whole { with } else { folder });
        rest = &rest[at + folder.len()..];
    }
    out.extend_from_slice(rest);
    out
}
