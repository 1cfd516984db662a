//! What was found out about this kernel, kept for the next session in the user's cache (XDG Base Directory Specification 0.8).

use std::env;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

/// Returns what is kept under a name, if this kernel and this user kept it.
pub(in crate::recorders) fn kept(name: &str) -> Option<Vec<u8>> {
    let mut file = File::open(path(name)?).ok()?;
    if file.metadata().ok()?.uid() != rustix::process::geteuid().as_raw() {
        return None;
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).ok()?;
    Some(bytes.strip_prefix(kernel().as_bytes())?.to_vec())
}

/// Keeps it, where there is a folder for that: without, it is found out again.
pub(in crate::recorders) fn keep(name: &str, bytes: &[u8]) {
    let write = || {
        let path = path(name)?;
        let folder = path.parent()?;
        fs::create_dir_all(folder).ok()?;
        let mut file = tempfile::NamedTempFile::new_in(folder).ok()?;
        file.write_all(&[kernel().as_bytes(), bytes].concat()).ok()?;
        file.persist(path).ok()
    };
    drop(write());
}

/// Returns the kernel's release and when it was built, on a line.
fn kernel() -> String {
    let name = rustix::system::uname();
    format!("{} {}\n", name.release().to_string_lossy(), name.version().to_string_lossy())
}

fn path(name: &str) -> Option<PathBuf> {
    let folder = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = folder("XDG_CACHE_HOME").or_else(|| Some(folder("HOME")?.join(".cache")))?;
    Some(cache.join("agent-capture").join(name))
}
