//! The launcher: puts the filter on itself and hands its end to the worker, if it is to have one; then becomes the command.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::RawFd;
use std::os::unix::process::CommandExt;
use std::process::Command;

use super::channel::{Channel, Message};
use crate::recorders::Depth;
use crate::sys::{self, Call, Listener};

/// What the hidden subcommand `__launch` was given.
#[derive(Debug)]
pub struct LaunchArgs {
    /// Number of the socket to the worker.
    pub socket: RawFd,
    /// Whether ends of processes are reported by the filter: for kernels whose pidfds do not tell the status.
    pub exit_group: bool,
    /// How much is recorded.
    pub depth: Depth,
    /// Whether who waits for the recorder is interrupted by signals that kill alone.
    pub wait_killable: bool,
    /// Whether it is recorded without a filter.
    pub no_filter: bool,
    /// The command's file and its arguments.
    pub argv: Vec<OsString>,
}

/// Runs the command, recorded. Returns only when that failed, with the status to end with; the worker was told why.
pub fn launch(args: &LaunchArgs) -> u8 {
    let Ok(worker) = Channel::inherited(args.socket) else { return 125 };
    if !args.no_filter {
        let message = match install(&calls(args.exit_group, args.depth), args.wait_killable) {
            Ok((listener, restricted)) => Message::Filter { listener: listener.0, restricted },
            Err(why) => Message::Failed(why),
        };
        if worker.send(&message).is_err() || matches!(message, Message::Failed(_)) {
            return 125;
        }
    }
    let Ok(Some(Message::Go)) = worker.receive() else { return 125 };
    let Some((program, argv)) = args.argv.split_first() else { return 125 };
    let (error, status) = replace(program, argv, &[]);
    drop(worker.send(&Message::NotRun(error.raw_os_error().unwrap_or(libc::ENOENT))));
    status
}

/// Becomes a command, with these in its environment beside ours and all else as we were started. Returns only when that
/// failed: why, and the status that a shell would give.
pub fn replace(program: &OsStr, argv: &[OsString], environment: &[(&'static str, OsString)]) -> (io::Error, u8) {
    let mut command = Command::new(program);
    command.arg0(argv.first().map_or(program, OsString::as_os_str)).args(argv.iter().skip(1));
    command.envs(environment.iter().map(|(name, value)| (name, value)));
    sys::hand_on(&mut command, None);
    let error = command.exec();
    let status = if error.raw_os_error().is_none_or(|errno| errno == libc::ENOENT) { 127 } else { 126 };
    (error, status)
}

/// Returns the system calls that the filter reports.
pub(in crate::recorders) fn calls(exits: bool, depth: Depth) -> Vec<Call> {
    let mut calls = vec![Call::Execve, Call::Execveat];
    if exits || depth == Depth::Maps {
        calls.push(Call::ExitGroup);
    }
    if depth >= Depth::Network {
        calls.extend([Call::Connect, Call::Sendto, Call::Socketcall]);
    }
    if depth >= Depth::Full {
        calls.extend([Call::Open, Call::Creat, Call::Openat, Call::Openat2]);
    }
    calls
}

/// Installs the filter; says whether that took away the right to gain privileges.
fn install(calls: &[Call], wait_killable: bool) -> Result<(Listener, bool), String> {
    let had = rustix::thread::no_new_privs().unwrap_or(false);
    let result = match sys::install_filter(calls, wait_killable) {
        Err(error) if error.raw_os_error() == Some(libc::EACCES) && !had => rustix::thread::set_no_new_privs(true)
            .map_err(io::Error::from)
            .and_then(|()| sys::install_filter(calls, wait_killable))
            .map(|listener| (listener, true)),
        result => result.map(|listener| (listener, false)),
    };
    result.map_err(|error| match error.raw_os_error() {
        Some(libc::EBUSY) => "this process is recorded already, and Linux allows one recorder with seccomp".to_owned(),
        Some(libc::ENOSYS | libc::EINVAL) => format!("this kernel has no seccomp user notification ({error})"),
        _ => format!("seccomp refused the filter ({error})"),
    })
}
