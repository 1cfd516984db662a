//! Whether this process is one of a session's recorded ones already.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::process::Pid;

use super::{children, status_field};

/// The recorders that see nothing of what runs.
const BLIND: [&[u8]; 2] = [b"shell", b"hook"];

/// Returns whether a recorder of the session that ends when `closed` exists is above this process. What is above a pid
/// namespace is not found.
pub fn is_inside(closed: &Path) -> bool {
    let mut above = rustix::process::getppid().map_or(0, Pid::as_raw_pid);
    for _ in 0..256 {
        // Since a worker died, its orphans are the front's, and the next worker is among them.
        if above <= 1
            || is_worker(above, closed)
            || is_own(above) && children(above).into_iter().any(|it| is_worker(it, closed))
        {
            return above > 1;
        }
        above = status_field(above, "PPid:").unwrap_or(0);
    }
    false
}

/// Returns whether a process is a worker that sees what this session runs.
fn is_worker(pid: i32, closed: &Path) -> bool {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let words: Vec<&[u8]> = line.split(|byte| *byte == 0).take_while(|word| *word != b"--").collect();
    let of_session = |pair: &[&[u8]]| *pair == [b"--closed", OsStr::as_bytes(closed.as_os_str())];
    let sees = |pair: &[&[u8]]| pair[0] == b"--recorder" && !BLIND.contains(&pair[1]);
    words.get(1) == Some(&&b"__worker"[..]) && words.windows(2).any(of_session) && words.windows(2).any(sees)
}

/// Returns whether a process runs this very program.
pub(in crate::recorders) fn is_own(pid: i32) -> bool {
    let file = |path: &str| fs::metadata(path).ok().map(|file| (file.dev(), file.ino()));
    file("/proc/self/exe").is_some_and(|own| file(&format!("/proc/{pid}/exe")) == Some(own))
}
