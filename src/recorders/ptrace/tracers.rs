//! Programs that trace others or themselves. Linux allows one tracer, so they fail where we are it: we let go of them.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::LazyLock;

use regex::bytes::Regex;

use crate::recorders::exec::program::Program;

/// Programs that trace others.
const NAMES: &[&str] = &["gdb", "gdbserver", "lldb", "lldb-server", "ltrace", "perf", "rr", "strace", "uftrace"];

/// How much of a file is searched. The linkers put what it imports and exports at its beginning.
const HEAD: u64 = 1 << 18;

/// What programs with a leak checker import or export: it stops all threads of its own process by ptrace.
static CHECKER: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"__(asan|lsan)_init|lib(asan|lsan)\.so").expect("a regex that a test compiles"));

/// What was found out about files.
#[derive(Debug, Default)]
pub(super) struct Tracers {
    /// Device, inode and change of a file; then whether it has a leak checker.
    seen: HashMap<(u64, u64, i64, i64), bool>,
}

impl Tracers {
    /// Returns whether this process became one of them by an exec of this program.
    pub(super) fn have(&mut self, pid: i32, program: &Program) -> bool {
        let name = program.resolved.as_ref().unwrap_or(&program.path).file_name().and_then(|name| name.to_str());
        if name.is_some_and(|name| NAMES.contains(&name) || name.starts_with("gdb-")) {
            return true;
        }
        let file = PathBuf::from(format!("/proc/{pid}/exe"));
        let Ok(meta) = fs::metadata(&file) else { return false };
        let key = (meta.dev(), meta.ino(), meta.ctime(), meta.ctime_nsec());
        if self.seen.len() >= 4096 {
            self.seen.clear();
        }
        *self.seen.entry(key).or_insert_with(|| {
            let mut head = Vec::new();
            let read = File::open(&file).and_then(|file| file.take(HEAD).read_to_end(&mut head));
            read.is_ok() && CHECKER.is_match(&head)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leak_checkers() {
        assert!(CHECKER.is_match(b"\0libc.so.6\0__asan_init\0"));
        assert!(CHECKER.is_match(b"\xff\0liblsan.so.0\0"));
        assert!(!CHECKER.is_match(b"libtsan.so asan_init"));
    }
}
