//! The recorded command, the worker's child: how it is started, and what the front hears of it.

use std::os::fd::AsFd;
use std::process;

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open};

use super::channel::{Channel, Message};
use super::slots::Slots;
use super::{WorkerArgs, number};
use crate::sys;

/// The command.
pub(in crate::recorders) struct Command<'a> {
    front: &'a Channel,
    front_pid: Option<Pid>,
    launcher: Option<Channel>,
    /// Its pid while it is our child and lives.
    pid: Option<i32>,
    was_stopped: bool,
}

/// Lets a launcher run its command, when the front is ready. That hears of it first: were we killed before, nothing has run.
pub(in crate::recorders) fn begin(front: &Channel, launcher: &Channel) -> Result<()> {
    front.send(&Message::Go).context("the front ended early")?;
    let Some(Message::Go) = front.receive()? else { bail!("the front ended early") };
    launcher.send(&Message::Go).context("the launcher ended early")
}

impl<'a> Command<'a> {
    /// Starts the launcher, which needs no filter and waits for [`Command::begin`].
    pub(in crate::recorders) fn start(front: &'a Channel, args: &WorkerArgs) -> Result<Self> {
        let (launcher, theirs) = Channel::pair()?;
        let mut command = process::Command::new(std::env::current_exe().context("failed to find this program")?);
        command.args(["__launch", "--no-filter", "--socket"]).arg(number(&theirs)).arg("--").args(&args.argv);
        sys::hand_on(&mut command, Some(theirs.as_fd()));
        let child = command.spawn().context("failed to start the launcher")?;
        let (front_pid, pid) = (rustix::process::getppid(), Some(child.id() as i32));
        Ok(Self { front, front_pid, launcher: Some(launcher), pid, was_stopped: false })
    }

    /// Takes from the front what another worker left: the command, which is not our child, and what was known.
    pub(in crate::recorders) fn taken_over(front: &'a Channel) -> Result<(Self, Slots)> {
        let Some(Message::Recording { slots, .. }) = front.receive()? else {
            bail!("the front did not say what to go on with");
        };
        let front_pid = rustix::process::getppid();
        Ok((Self { front, front_pid, launcher: None, pid: None, was_stopped: false }, Slots::of(slots)?))
    }

    /// Tells the front what it needs to pass signals on, and to start another worker.
    pub(in crate::recorders) fn introduce(&self, slots: &Slots) -> Result<()> {
        let pid = Pid::from_raw(self.pid.unwrap_or(0)).context("the launcher ended early")?;
        let command = pidfd_open(pid, PidfdFlags::empty())?;
        let slots = slots.as_fd().try_clone_to_owned()?;
        Ok(self.front.send(&Message::Recording { slots, command, pid: pid.as_raw_pid(), listener: None })?)
    }

    /// Lets the launcher run the command.
    pub(in crate::recorders) fn begin(&self) -> Result<()> {
        match &self.launcher {
            Some(launcher) => begin(self.front, launcher),
            None => Ok(()),
        }
    }

    /// Returns its pid while it is our child and lives.
    pub(in crate::recorders) fn pid(&self) -> Option<i32> {
        self.pid
    }

    /// Returns whether this is its pid.
    pub(in crate::recorders) fn is(&self, pid: i32) -> bool {
        self.pid == Some(pid)
    }

    /// Returns whether it was ever stopped.
    pub(in crate::recorders) fn was_stopped(&self) -> bool {
        self.was_stopped
    }

    /// Takes in that it stopped.
    pub(in crate::recorders) fn stopped(&mut self, word: i32, left: u32) {
        self.was_stopped = true;
        self.tell(word, left);
    }

    /// Takes in that it ended; all that happened before must have been dealt with.
    pub(in crate::recorders) fn ended(&mut self, word: i32, left: u32) {
        self.pid = None;
        if let Some(message @ Message::NotRun(_)) = self.launcher.take().and_then(|launcher| launcher.received()) {
            drop(self.front.send(&message));
        }
        self.tell(word, left);
        // Had the command gone on while the front was about to stop, it would stay stopped.
        if self.was_stopped {
            self.wake_front();
        }
    }

    /// Tells the front a status, and how many other processes go on.
    pub(in crate::recorders) fn tell(&self, word: i32, left: u32) {
        drop(self.front.send(&Message::Status { word, left }));
    }

    /// Lets the front go on, if it lives.
    pub(in crate::recorders) fn wake_front(&self) {
        if let Some(front) = self.front_pid.filter(|_| rustix::process::getppid() == self.front_pid) {
            let _ = rustix::process::kill_process(front, Signal::CONT);
        }
    }
}
