//! Programs that a process looked for in vain: the places of one name together.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::arguments::Arguments;
use crate::event::{Bytes, Missing};

/// What a process has tried since it last ran a program.
#[derive(Debug, Default)]
pub(in crate::recorders) struct Tried(Option<Attempts>);

/// Attempts for one name.
#[derive(Debug)]
struct Attempts {
    at: i64,
    first: PathBuf,
    asked: Vec<u8>,
    argv: Vec<Bytes>,
    folders: bool,
    count: u32,
}

impl Tried {
    /// Takes in an exec that the kernel refuses; returns the name that was tried before, when this is another. `by`: the exec
    /// that runs in the process, or the nearest one above it.
    pub(in crate::recorders) fn refused(
        &mut self,
        by: Option<u64>,
        at: i64,
        asked: Arguments,
        path: PathBuf,
    ) -> Option<Missing> {
        if let Some(tried) = &mut self.0
            && tried.first.file_name() == path.file_name()
        {
            tried.count += 1;
            tried.folders |= tried.first != path;
            tried.asked = asked.path;
            return None;
        }
        let new = Attempts { at, first: path, asked: asked.path, argv: asked.argv, folders: false, count: 1 };
        self.0.replace(new).map(|tried| tried.missing(by))
    }

    /// Takes in a program that runs; returns how many places were tried for it in vain, or else the name that was.
    pub(in crate::recorders) fn ran(
        &mut self,
        by: Option<u64>,
        asked: &Arguments,
        path: &Path,
    ) -> (u32, Option<Missing>) {
        let Some(tried) = self.0.take() else { return (0, None) };
        // A name found in a later folder; or a file without `#!`, which execvp(3) then gives to a shell.
        let to_shell = asked.argv.iter().any(|argument| argument.as_slice() == tried.asked);
        if to_shell || tried.first.file_name() == path.file_name() {
            (tried.count, None)
        } else {
            (0, Some(tried.missing(by)))
        }
    }

    /// Takes in the end of the process; returns the name that it tried last.
    pub(in crate::recorders) fn ended(&mut self, by: Option<u64>) -> Option<Missing> {
        self.0.take().map(|tried| tried.missing(by))
    }
}

impl Attempts {
    fn missing(self, parent: Option<u64>) -> Missing {
        let name = self.first.file_name().filter(|_| self.folders);
        let program = Bytes::from(name.unwrap_or(self.first.as_os_str()).as_bytes());
        Missing { at: self.at, parent, program, argv: self.argv, probes: self.count }
    }
}
