//! The guardian of a process that was attached to: what the [front](crate::recorders::exec::front) is to a command.

use std::os::fd::RawFd;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, WaitOptions, waitpid};

use super::NAME;
use crate::recorders::exec::channel::{Channel, Message};
use crate::recorders::exec::front::{WORKERS, spawn_worker};
use crate::recorders::exec::let_go;
use crate::recorders::exec::slots::Slots;
use crate::recorders::{Depth, Launch};
use crate::sys::Listener;

/// What the hidden subcommand `__guard` was given.
#[derive(Debug)]
pub struct GuardArgs {
    /// The file for the events. Absolute.
    pub segment: PathBuf,
    /// A path that, once it exists, means: record no more. Absolute.
    pub closed: PathBuf,
    /// Number of the socket to the process that attaches.
    pub socket: RawFd,
    /// Whether ends of processes are reported by the filter.
    pub exit_group: bool,
    /// How much is recorded.
    pub depth: Depth,
}

/// Holds the listener of a process until it and all that it started is gone, and starts a worker when there is none.
pub fn guard(args: GuardArgs) -> Result<()> {
    let caller = Channel::inherited(args.socket).context("failed to take the socket to the one that attaches")?;
    let GuardArgs { segment, closed, exit_group, depth, .. } = args;
    let launch = Launch { segment, closed, exit_group, depth, ..Launch::default() };
    let begun = let_go().map_err(anyhow::Error::from).and_then(|()| begin(&launch, &caller));
    let Some((mut worker, listener, message)) = caller.told(begun)? else { return Ok(()) };
    drop(caller);
    let Message::Recording { slots, .. } = &message else { bail!("it was not said what to record") };
    let slots = Slots::of(slots.try_clone()?)?;
    for _ in 1..WORKERS {
        let ended = Pid::from_raw(worker).map(|pid| waitpid(Some(pid), WaitOptions::empty()));
        if let Some(Ok(Some((_, status)))) = ended
            && status.exit_status() == Some(0)
        {
            return Ok(());
        }
        slots.in_hand().for_each(|id| drop(listener.let_continue(id)));
        let Ok((next, channel)) = spawn_worker(&launch, NAME, Some("--resume")) else { break };
        drop(channel.send(&message));
        worker = next;
    }
    let_all_go_on(&listener);
    Ok(())
}

/// Starts the first worker, says that it is there, and hands to it what to record; none when that never comes.
fn begin(launch: &Launch, caller: &Channel) -> Result<Option<(i32, Listener, Message)>> {
    let (worker, channel) = spawn_worker(launch, NAME, Some("--attached"))?;
    caller.send(&Message::Go)?;
    let Some(message @ Message::Recording { listener: Some(_), .. }) = caller.receive()? else { return Ok(None) };
    let Message::Recording { listener: Some(listener), .. } = &message else { return Ok(None) };
    let listener = Listener(listener.try_clone()?);
    let told = channel.send(&message).map_err(anyhow::Error::from).and_then(|()| match channel.receive()? {
        Some(Message::Go) => Ok(()),
        Some(Message::Failed(why)) => bail!("{why}"),
        _ => bail!("the recorder ended early"),
    });
    if caller.told(told).is_err() {
        let_all_go_on(&listener);
        return Ok(None);
    }
    drop(caller.send(&Message::Go));
    Ok(Some((worker, listener, message)))
}

/// Lets all calls go on that a filter reports, until the last process in it is gone.
pub(super) fn let_all_go_on(listener: &Listener) {
    loop {
        let mut fds = [PollFd::new(&listener.0, PollFlags::IN)];
        let _ = poll(&mut fds, None);
        if fds[0].revents().contains(PollFlags::HUP) || listener.receive().is_err() {
            return;
        }
    }
}
