//! A worker that sees nothing of what the command does: it passes on how that stops, goes on and ends.

use anyhow::{Context, Result, bail};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{WaitOptions, wait};

use super::channel::{Channel, Message};
use super::command::Command;
use super::out::Out;
use super::slots::Slots;
use super::{WorkerArgs, kill_bound, let_go};
use crate::event::Sink;
use crate::sys::Signals;

/// Runs one session for the recorder of this name. An error was told to the front already.
pub(in crate::recorders) fn worker(
    args: &WorkerArgs,
    name: &str,
    blind: Vec<String>,
    sink: &mut dyn Sink,
) -> Result<()> {
    let front = Channel::inherited(args.socket).context("failed to take the socket to the front")?;
    front.told(work(&front, args, name, blind, sink))?;
    drop(front.send(&Message::Done));
    Ok(())
}

/// Runs the command until its end.
fn work(front: &Channel, args: &WorkerArgs, name: &str, blind: Vec<String>, sink: &mut dyn Sink) -> Result<()> {
    if args.resume {
        bail!("there is nothing to go on with");
    }
    let signals = Signals::take(&[libc::SIGCHLD])?;
    let mut command = Command::start(front, args)?;
    command.introduce(&Slots::new().context("failed to make shared memory")?)?;
    Out::new(sink, &args.task.closed).start(name, blind).context("failed to write to the session's events")?;
    let_go().context("failed to let go of the session's terminal and files")?;
    command.begin()?;
    let options = WaitOptions::NOHANG | WaitOptions::UNTRACED | WaitOptions::CONTINUED;
    let mut front_lives = true;
    while command.pid().is_some() {
        let mut fds = vec![PollFd::new(&signals, PollFlags::IN)];
        fds.extend(front_lives.then(|| PollFd::new(front, PollFlags::IN)));
        let _ = poll(&mut fds, None);
        if fds.get(1).is_some_and(|fd| !fd.revents().is_empty()) {
            front_lives = false;
            kill_bound(command.pid().filter(|_| args.bound));
        }
        let _ = signals.next();
        while let Ok(Some((_, status))) = wait(options) {
            match status.as_raw() {
                word if status.stopped() => command.stopped(word, 0),
                _ if status.continued() => command.wake_front(),
                word => command.ended(word, 0),
            }
        }
    }
    Ok(())
}
