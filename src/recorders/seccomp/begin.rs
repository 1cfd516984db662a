//! A session of a worker begins: with a new command, or with what runs already.

use std::os::fd::{AsFd, OwnedFd};
use std::process::Command;

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, PidfdFlags};

use super::killable;
use crate::recorders::exec::channel::{Channel, Message};
use crate::recorders::exec::slots::Slots;
use crate::recorders::exec::{WorkerArgs, number};
use crate::sys::{self, Listener, Signals};

/// A session whose filter is installed.
pub(super) struct Begun {
    pub(super) listener: Listener,
    pub(super) slots: Slots,
    pub(super) launcher: Option<Channel>,
    pub(super) command: Option<i32>,
    /// A process that runs already.
    pub(super) attached: Option<i32>,
    pub(super) restricted: bool,
    pub(super) signals: Signals,
}

impl Begun {
    /// Starts the launcher, up to where it waits for the word to run the command.
    pub(super) fn start(front: &Channel, args: &WorkerArgs) -> Result<Self> {
        rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
        let signals = Signals::take(&[libc::SIGCHLD])?;
        let (launcher, theirs) = Channel::pair()?;
        let mut command = Command::new(std::env::current_exe().context("failed to find this program")?);
        command.arg("__launch").arg("--socket").arg(number(&theirs));
        command.args(tells_by_filter(args.task.exit_group).then_some("--exit-group"));
        command.args(killable::is_used(args.task.depth).then_some("--wait-killable"));
        command.args(["--depth", args.task.depth.name()]).arg("--").args(&args.argv);
        sys::hand_on(&mut command, Some(theirs.as_fd()));
        let child = command.spawn().context("failed to start the launcher")?;
        drop(theirs);
        let pid = Pid::from_child(&child);
        let (listener, restricted) = match launcher.receive()? {
            Some(Message::Filter { listener, restricted }) => (Listener(listener), restricted),
            Some(Message::Failed(why)) => bail!("{why}"),
            _ => bail!("the launcher ended early"),
        };
        listener.works().context("the requests of seccomp are blocked")?;
        let slots = Slots::new().context("failed to make shared memory")?;
        let copy = |fd: &OwnedFd| fd.try_clone();
        front.send(&Message::Recording {
            listener: Some(copy(&listener.0)?),
            slots: slots.as_fd().try_clone_to_owned()?,
            command: rustix::process::pidfd_open(pid, PidfdFlags::empty())?,
            pid: pid.as_raw_pid(),
        })?;
        let command = Some(pid.as_raw_pid());
        Ok(Self { listener, slots, launcher: Some(launcher), command, attached: None, restricted, signals })
    }

    /// Goes on where another worker died, or begins with a process that runs already.
    pub(super) fn resume(front: &Channel) -> Result<Self> {
        let signals = Signals::take(&[libc::SIGCHLD])?;
        let Some(Message::Recording { listener: Some(listener), slots, pid, .. }) = front.receive()? else {
            bail!("the front did not say what to go on with");
        };
        let (listener, slots) = (Listener(listener), Slots::of(slots)?);
        let attached = Some(pid);
        Ok(Self { listener, slots, launcher: None, command: None, attached, restricted: false, signals })
    }
}

/// Returns whether ends of processes are seen by the filter: before Linux 6.15 pidfds do not tell the status.
pub(super) fn tells_by_filter(forced: bool) -> bool {
    let release = rustix::system::uname();
    let release = release.release().to_string_lossy();
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(|part| part.parse::<u32>().unwrap_or(0));
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    let own = rustix::process::pidfd_open(rustix::process::getpid(), PidfdFlags::empty());
    forced || version < (6, 15) || !own.is_ok_and(|own| sys::process_info(own.as_fd()).is_ok())
}
