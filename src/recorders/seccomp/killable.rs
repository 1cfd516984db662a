//! Whether processes that wait for the recorder may wait so that only a signal that kills interrupts them
//! (SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, Linux 5.19): fewer of the calls that are recorded then fail with EINTR. Some
//! kernels of virtual machines kill what waits so, so it is tried out first. What was found is kept for this kernel.

use std::env;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use crate::recorders::Depth;
use crate::recorders::exec::channel::{Channel, Message};
use crate::recorders::exec::kept::{keep, kept};
use crate::recorders::exec::number;
use crate::sys::{self, Listener};

/// Runs programs, from a shell that has children and handles their ends.
const TRIAL: &str = "i=0; while [ $i -lt 40 ]; do /bin/true || exit 1; i=$((i+1)); done";
/// Under which name it is kept, and what was found.
const KEPT: &str = "wait-killable";
const SURVIVES: &[u8] = b"survives\n";
const KILLS: &[u8] = b"kills\n";
/// The longest that nothing may happen in the trial.
const PATIENCE: Timespec = Timespec { tv_sec: 2, tv_nsec: 0 };

/// Returns whether a session of this depth waits so. Where only programs and connections are seen it is not tried out for that:
/// a session would begin late, and few signals come in an exec.
pub(super) fn is_used(depth: Depth) -> bool {
    known().unwrap_or_else(|| depth >= Depth::Full && find())
}

/// Tries it out, and keeps what was found.
fn find() -> bool {
    let survives = trial().is_ok();
    keep(KEPT, if survives { SURVIVES } else { KILLS });
    survives
}

/// Returns what was found before with this kernel.
fn known() -> Option<bool> {
    kept(KEPT).filter(|found| found == SURVIVES || found == KILLS).map(|found| found == SURVIVES)
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
