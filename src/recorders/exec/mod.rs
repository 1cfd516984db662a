//! What recorders share that see each exec: the processes of a recording, and what an exec is made of.
//!
//! The [front] is the user's own process, the worker (each recorder has its own) records and outlives the command when
//! others do, the [launcher](launch) becomes the command.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::process::{Command, Stdio};

use anyhow::Result;
use rustix::process::{Pid, Signal};
use rustix::thread::CapabilitySet;

use self::task::Task;

pub(super) mod arguments;
pub(super) mod channel;
pub(super) mod command;
pub(super) mod front;
pub(super) mod glimpse;
pub(super) mod guard;
pub(super) mod inside;
pub(super) mod kept;
pub(super) mod launch;
pub(super) mod opens;
pub(super) mod out;
pub(super) mod program;
pub(super) mod reach;
pub(super) mod slots;
pub(super) mod task;
pub(super) mod tree;
pub(super) mod tried;
pub(super) mod unseen;

/// What the hidden subcommand `__worker` was given.
#[derive(Debug)]
pub struct WorkerArgs {
    /// What it records.
    pub task: Task,
    /// Number of the socket to the front.
    pub socket: RawFd,
    /// Whether to go on with the session of a worker that died.
    pub resume: bool,
    /// Whether to record a process that runs already, of which the front tells.
    pub attached: bool,
    /// Whether the command is killed with the front.
    pub bound: bool,
    /// The command's file and its arguments; unused when going on.
    pub argv: Vec<OsString>,
}

/// Tries a recorder out on a harmless program; the error is one sentence that says why it does not work here.
pub(super) fn probe(recorder: &str) -> Result<(), String> {
    let whole = || -> Result<Option<String>> {
        let folder = tempfile::tempdir()?;
        let segment = folder.path().join("segment");
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["__front", "--recorder", recorder, "--segment"]).arg(&segment);
        let output = command.args(["--", "/bin/sh", "-c", ":"]).stdin(Stdio::null()).output()?;
        let stderr = String::from_utf8_lossy(&output.stderr);
        let seen = fs::read_to_string(&segment).is_ok_and(|text| text.contains(r#""event":"exit""#));
        Ok(match (output.status.success(), seen) {
            (true, true) => None,
            (true, false) => Some("it ran a program and did not see it".to_owned()),
            (false, _) => Some(stderr.lines().next().unwrap_or("it could not run a program").to_owned()),
        })
    };
    match whole() {
        Ok(None) => Ok(()),
        Ok(Some(why)) => Err(why.trim_start_matches("error: ").trim_start_matches("cannot record: ").to_owned()),
        Err(error) => Err(format!("{error:#}")),
    }
}

/// Returns whether this process has a capability, in its user namespace.
pub(super) fn has(capability: CapabilitySet) -> bool {
    rustix::thread::capabilities(None).is_ok_and(|sets| sets.effective.contains(capability))
}

/// Returns whether no program that this process starts can gain privileges, whoever records it.
pub(super) fn may_gain_none() -> bool {
    rustix::thread::no_new_privs().unwrap_or(false)
}

/// Lets go of everything of the session's, so that nothing waits for this process: its process group, its standard
/// descriptors, what else it left open, its folder. Takes as many descriptors as may be had.
pub(super) fn let_go() -> io::Result<()> {
    rustix::process::setpgid(None, None)?;
    let null = File::options().read(true).write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdin(&null)?;
    rustix::stdio::dup2_stdout(&null)?;
    rustix::stdio::dup2_stderr(&null)?;
    crate::sys::close_inherited()?;
    std::env::set_current_dir("/")?;
    let mut files = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    files.current = files.maximum;
    let _ = rustix::process::setrlimit(rustix::process::Resource::Nofile, files);
    Ok(())
}

/// Kills the command, if it is to end with the front: what killed that one was meant for the command.
pub(super) fn kill_bound(command: Option<i32>) {
    if let Some(pid) = command.and_then(Pid::from_raw) {
        let _ = rustix::process::kill_process(pid, Signal::KILL);
    }
}

/// Returns the number of a descriptor, as an argument for a child.
pub(super) fn number(fd: impl AsFd) -> String {
    fd.as_fd().as_raw_fd().to_string()
}

/// Returns a number out of `/proc/<id>/status`.
pub(super) fn status_field(id: i32, name: &str) -> Option<i32> {
    let status = fs::read(format!("/proc/{id}/status")).ok()?;
    let line = status.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(name.as_bytes()))?;
    std::str::from_utf8(line).ok()?.trim().parse().ok()
}

/// Returns the letter of `/proc/<pid>/stat` for what a process does; none when it is gone.
pub(super) fn state(pid: i32) -> Option<char> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    text.rsplit(") ").next()?.chars().next()
}

/// Returns the threads of a process.
pub(in crate::recorders) fn threads(pid: i32) -> Vec<i32> {
    let entries = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// Returns the children of a process.
pub(in crate::recorders) fn children(pid: i32) -> Vec<i32> {
    let of = |thread| fs::read_to_string(format!("/proc/{pid}/task/{thread}/children")).unwrap_or_default();
    let text: Vec<_> = threads(pid).into_iter().map(of).collect();
    text.iter().flat_map(|text| text.split_whitespace()).filter_map(|pid| pid.parse().ok()).collect()
}
