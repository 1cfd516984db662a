//! Whether processes that wait for the recorder may wait so that only a signal that kills interrupts them
//! (SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, Linux 5.19): fewer of the calls that are recorded then fail with EINTR. Some
//! kernels of virtual machines kill what waits so, so it is tried out first. What was found is kept for this kernel.

use std::env;
use std::fs;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use crate::recorders::Depth;
use crate::recorders::exec::channel::{Channel, Message};
use crate::recorders::exec::number;
use crate::sys::{self, Listener};

/// Runs programs, from a shell that has children and handles their ends.
const TRIAL: &str = "i=0; while [ $i -lt 40 ]; do /bin/true || exit 1; i=$((i+1)); done";
/// The longest that nothing may happen in the trial.
const PATIENCE: Timespec = Timespec { tv_sec: 2, tv_nsec: 0 };

/// Returns whether a session of this depth waits so. Where only programs and connections are seen it is not tried out for that:
/// a session would begin late, and few signals come in an exec.
pub(super) fn is_used(depth: Depth) -> bool {
    kept().unwrap_or_else(|| depth >= Depth::Full && find())
}

/// Tries it out, and keeps what was found where there is a folder for it.
fn find() -> bool {
    let survives = trial().is_ok();
    if let Some(path) = path() {
        let text = format!("{} {}\n", release(), if survives { "survives" } else { "kills" });
        drop(path.parent().map(fs::create_dir_all));
        drop(fs::write(path, text));
    }
    survives
}

/// Returns what was found before with this kernel.
fn kept() -> Option<bool> {
    let text = fs::read_to_string(path()?).ok()?;
    match text.strip_suffix('\n')?.strip_prefix(&release())? {
        " survives" => Some(true),
        " kills" => Some(false),
        _ => None,
    }
}

fn release() -> String {
    rustix::system::uname().release().to_string_lossy().into_owned()
}

/// Returns where it is kept: in the user's cache (XDG Base Directory Specification 0.8).
fn path() -> Option<PathBuf> {
    let folder = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = folder("XDG_CACHE_HOME").or_else(|| Some(folder("HOME")?.join(".cache")))?;
    Some(cache.join("agent-capture/wait-killable"))
}

/// Runs harmless programs, each of which waits so; an error where one of them did not survive.
fn trial() -> Result<()> {
    let (launcher, theirs) = Channel::pair()?;
    let mut command = Command::new(env::current_exe()?);
    command.arg("__launch").arg("--socket").arg(number(&theirs)).args(["--wait-killable", "--depth"]);
    command.args([Depth::Execs.name(), "--", "/bin/sh", "/bin/sh", "-c", TRIAL]);
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    sys::hand_on(&mut command, Some(theirs.as_fd()));
    let mut child = command.spawn()?;
    drop(theirs);
    let answered = answer(&launcher, &child);
    if answered.is_err() {
        drop(child.kill());
    }
    let status = child.wait();
    answered?;
    match status?.code() {
        Some(0) => Ok(()),
        code => bail!("the trial ended with {code:?}"),
    }
}

/// Lets everything go on until the child has ended.
fn answer(launcher: &Channel, child: &Child) -> Result<()> {
    let Some(Message::Filter { listener, .. }) = launcher.receive()? else { bail!("there is no such filter") };
    let (listener, end) = (Listener(listener), pidfd_open(Pid::from_child(child), PidfdFlags::empty())?);
    launcher.send(&Message::Go)?;
    while !has_ended(&listener.0, end.as_fd()).context("failed to wait for the trial")? {
        if let Some(stopped) = listener.receive()? {
            stopped.go_on()?;
        }
    }
    Ok(())
}

/// Waits until something waits for us; returns whether the process has ended instead.
fn has_ended(listener: &OwnedFd, end: BorrowedFd<'_>) -> Result<bool> {
    let mut fds = [PollFd::new(listener, PollFlags::IN), PollFd::from_borrowed_fd(end, PollFlags::IN)];
    if poll(&mut fds, Some(&PATIENCE))? == 0 {
        bail!("nothing happens");
    }
    Ok(!fds[0].revents().contains(PollFlags::IN))
}
