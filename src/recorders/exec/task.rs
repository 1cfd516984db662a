//! What is recorded and where to, as each process of a recorder tells the next.

use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use rustix::process::Pid;

use super::channel::Channel;
use super::number;
use crate::recorders::{Depth, Launch};
use crate::sys;

/// What is recorded, how, and where to.
#[derive(Clone, Debug)]
pub struct Task {
    /// The recorder.
    pub recorder: String,
    /// The file for the events. Absolute.
    pub segment: PathBuf,
    /// A path that, once it exists, means: record no more, only let everything go on. Absolute.
    pub closed: PathBuf,
    /// Whether to see ends of processes by the filter even where pidfds tell them.
    pub exit_group: bool,
    /// How much is recorded.
    pub depth: Depth,
    /// How many threads receive where opens are recorded; none for what fits this machine.
    pub receivers: Option<usize>,
}

impl Task {
    /// Returns that of a command for the recorder of this name.
    pub(in crate::recorders) fn of(launch: &Launch, recorder: &str) -> Self {
        let Launch { segment, closed, exit_group, depth, receivers, .. } = launch.clone();
        Self { recorder: recorder.to_owned(), segment, closed, exit_group, depth, receivers }
    }

    /// Starts a hidden subcommand of this program that works on it; `more` adds what else it is told. Returns its pid and the
    /// connection to it, by which `first` was said before it began.
    pub(in crate::recorders) fn start(
        &self,
        subcommand: &str,
        first: impl FnOnce(&Channel) -> Result<()>,
        more: impl FnOnce(&mut Command),
    ) -> Result<(Pid, Channel)> {
        let (ours, theirs) = Channel::pair().context("cannot record: failed to make a socket")?;
        first(&ours)?;
        let mut command = Command::new(std::env::current_exe().context("cannot record: failed to find this program")?);
        command.args([subcommand, "--recorder", &self.recorder, "--depth", self.depth.name()]);
        command.arg("--segment").arg(&self.segment).arg("--closed").arg(&self.closed);
        command.arg("--socket").arg(number(&theirs)).args(self.exit_group.then_some("--exit-group"));
        command.args(self.receivers.map(|count| format!("--receivers={count}")));
        more(&mut command);
        sys::hand_on(&mut command, Some(theirs.as_fd()));
        let child = command.spawn().context("cannot record: failed to start the recorder")?;
        Ok((Pid::from_child(&child), ours))
    }
}
