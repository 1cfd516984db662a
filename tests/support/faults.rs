//! Kills and I/O errors, one in each run, at each system call of a program that changes files: `strace -e inject`.
//!
//! One run counts the calls; strace counts them for each process by itself, and so does [`each`].
#![cfg(target_os = "linux")]
#![allow(dead_code, clippy::allow_attributes, reason = "each test binary uses a part of it")]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// The calls, and the errors that a disk or its file system gives for them.
const CALLS: [(&str, &[&str]); 16] = [
    ("write", &["ENOSPC", "EIO"]),
    ("writev", &["ENOSPC"]),
    ("pwrite64", &["EIO"]),
    ("fsync", &["EIO"]),
    ("fdatasync", &["EIO"]),
    ("ftruncate", &["EIO"]),
    ("rename", &["EIO"]),
    ("renameat", &["EIO"]),
    ("renameat2", &["EIO"]),
    ("link", &["ENOSPC"]),
    ("linkat", &["ENOSPC"]),
    ("symlink", &["ENOSPC"]),
    ("mkdir", &["ENOSPC"]),
    ("rmdir", &["EIO"]),
    ("unlink", &["EIO"]),
    ("unlinkat", &["EIO"]),
];

/// What goes wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    call: &'static str,
    /// The error; none when the process is killed before the call.
    error: Option<&'static str>,
    /// Which of the calls of this name of a process, from 1.
    number: usize,
}

impl Fault {
    /// Returns whether the process is killed.
    pub(crate) fn kills(&self) -> bool {
        self.error.is_none()
    }

    fn strace(&self) -> Strace {
        let Self { call, error, number } = self;
        let what = error.map_or("signal=SIGKILL".to_owned(), |error| format!("error={error}"));
        Strace::new(format!("inject={call}:{what}:when={number}"))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {} {}", self.error.unwrap_or("SIGKILL"), self.call, self.number)
    }
}

/// The strace under which a run takes place.
pub(crate) struct Strace {
    expression: String,
    log: TempDir,
}

impl Strace {
    fn new(expression: String) -> Self {
        Self { expression, log: tempfile::tempdir().expect("a folder") }
    }

    /// Returns the words to put before a command; with paths, only calls count that are about one of them.
    pub(crate) fn words(&self, paths: &[&Path]) -> Vec<OsString> {
        let mut words: Vec<OsString> = ["strace", "-f", "-qqq", "-o"].map(OsString::from).into();
        words.push(self.log.path().join("log").into());
        for path in paths {
            words.extend(["-P".into(), path.into()]);
        }
        words.extend(["-e".into(), self.expression.as_str().into(), "--".into()]);
        words
    }

    /// Returns how often each call was made by the process that made it most often.
    fn counts(&self) -> BTreeMap<&'static str, usize> {
        let log = fs::read_to_string(self.log.path().join("log")).expect("what strace wrote");
        let mut by_process: BTreeMap<(&str, &'static str), usize> = BTreeMap::new();
        for line in log.lines() {
            let Some((pid, rest)) = line.split_once(' ') else { continue };
            let name = rest.trim_start().split('(').next().unwrap_or_default();
            if let Some((call, _)) = CALLS.iter().find(|(call, _)| *call == name) {
                *by_process.entry((pid, call)).or_default() += 1;
            }
        }
        let mut counts = BTreeMap::new();
        for ((_, call), count) in by_process {
            let most = counts.entry(call).or_insert(0);
            *most = count.max(*most);
        }
        counts
    }
}

/// Returns whether strace can inject here.
pub(crate) fn possible() -> bool {
    let mut strace = Command::new("strace");
    strace.args(["-qqq", "-o", "/dev/null", "-e", "inject=write:error=EIO:when=1", "--", "sh", "-c", "echo || exit 7"]);
    let status = strace.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    let possible = status.is_ok_and(|status| status.code() == Some(7));
    if !possible {
        super::skipped("strace is not there, or may not trace");
    }
    possible
}

/// Runs something once without a fault, then once with each, as many at a time as there are processors; `run` puts the words
/// of its strace before the command, and makes what it needs anew each time. `check` is given what it made.
#[track_caller]
pub(crate) fn each<T: Send>(
    run: impl Fn(&Strace) -> (T, Output) + Sync,
    mut check: impl FnMut(Option<&Fault>, &T, &Output),
) {
    let names: Vec<_> = CALLS.iter().map(|(call, _)| format!("?{call}")).collect();
    let strace = Strace::new(format!("trace={}", names.join(",")));
    let (made, output) = run(&strace);
    check(None, &made, &output);
    let counts = strace.counts();
    assert!(!counts.is_empty(), "no file was changed: {output:?}");
    let mut faults = Vec::new();
    for (call, errors) in CALLS {
        for number in 1..=counts.get(call).copied().unwrap_or(0) {
            let errors = errors.iter().copied().map(Some).chain([None]);
            faults.extend(errors.map(|error| Fault { call, error, number }));
        }
    }
    let at_a_time = std::thread::available_parallelism().map_or(1, usize::from);
    for faults in faults.chunks(at_a_time) {
        let runs: Vec<_> = std::thread::scope(|scope| {
            let run = &run;
            let begun: Vec<_> = faults.iter().map(|fault| scope.spawn(move || run(&fault.strace()))).collect();
            begun.into_iter().map(|thread| thread.join().expect("it ran")).collect()
        });
        for (fault, (made, output)) in faults.iter().zip(&runs) {
            check(Some(fault), made, output);
        }
    }
}
