//! Where a claimed program is, as far as its line tells.

use std::path::{Component, Path, PathBuf};

use super::Call;
use crate::event::Bytes;
use crate::journal::Place;
use crate::shell::{Folder, Run};

/// Returns the folder in which a program ran, when it is known.
pub(super) fn folder(call: &Call, run: &Run) -> Option<PathBuf> {
    let cwd = call.cwd.as_deref().map(Path::new);
    match &run.folder {
        Folder::Same => cwd.map(Path::to_path_buf),
        Folder::At(to) if to.starts_with(['/', '~']) => Some(plain(Path::new(to))),
        Folder::At(to) => cwd.map(|cwd| plain(&cwd.join(to))),
        Folder::Unknown => None,
    }
}

/// Returns the path of a program: a name stays one, for no transcript says where PATH found it.
pub(super) fn path(name: &str, folder: Option<&Path>) -> PathBuf {
    match (name.contains('/'), folder) {
        (false, _) => PathBuf::from(name),
        (true, _) if name.starts_with(['/', '~']) => plain(Path::new(name)),
        (true, Some(folder)) => plain(&folder.join(name)),
        (true, None) => Path::new(".").join(plain(Path::new(name))),
    }
}

/// Returns a path without `.` and `..`, as far as its text tells.
fn plain(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir if matches!(out.components().next_back(), Some(Component::Normal(_))) => {
                out.pop();
            }
            Component::CurDir => {}
            other => out.push(other),
        }
    }
    out
}

/// Returns a path as the journal writes it. One without a slash is a name, so a file in the project's root has `./` before it.
pub(super) fn written(path: &Path, place: &Place) -> Bytes {
    let text = place.path(path);
    let is_name = path.components().count() == 1 && !path.is_absolute();
    match text.as_slice().contains(&b'/') || is_name {
        true => text,
        false => Bytes::from([b"./", text.as_slice()].concat()),
    }
}
