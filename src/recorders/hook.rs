//! Sees nothing: runs the command, and leaves it to an agent's hooks to tell what it does.
//!
//! For where no other recorder works. It is used only when it is asked for by name: a session that nothing was seen of
//! should not look like one that did nothing.

use anyhow::{Context, Result, bail};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{WaitOptions, wait};

use super::exec::channel::{Channel, Message};
use super::exec::command::Command;
use super::exec::out::Out;
use super::exec::slots::Slots;
use super::exec::{WorkerArgs, front, let_go};
use super::{Finished, Launch, Recorder};
use crate::event::Sink;
use crate::sys::Signals;

const NAME: &str = "hook";

/// The recorder.
#[derive(Debug)]
pub(super) struct Hook;

impl Recorder for Hook {
    fn name(&self) -> &'static str {
        NAME
    }

    fn available(&self) -> Result<(), String> {
        Err("it sees nothing by itself".to_owned())
    }

    fn cure(&self) -> &'static str {
        "`--recorder hook` runs it unseen, and what the agent's hooks tell is all that is known"
    }

    fn restricts(&self) -> bool {
        false
    }

    fn blind(&self) -> Vec<String> {
        vec!["Everything but what an agent's hooks tell.".to_owned()]
    }

    fn run(&self, launch: &Launch) -> Result<Finished> {
        front::run(launch, NAME)
    }

    fn worker(&self, args: &WorkerArgs, sink: &mut dyn Sink) -> Result<()> {
        let front = Channel::inherited(args.socket).context("failed to take the socket to the front")?;
        let worked = work(&front, args, self.blind(), sink);
        if let Err(error) = &worked {
            drop(front.send(&Message::Failed(format!("{error:#}"))));
        }
        worked
    }
}

/// Runs the command until its end.
fn work(front: &Channel, args: &WorkerArgs, blind: Vec<String>, sink: &mut dyn Sink) -> Result<()> {
    if args.resume {
        bail!("there is nothing to go on with");
    }
    let signals = Signals::take(&[libc::SIGCHLD])?;
    let mut command = Command::start(front, args)?;
    command.introduce(&Slots::new().context("failed to make shared memory")?)?;
    Out::new(sink, &args.closed).start(NAME, blind).context("failed to write to the session's events")?;
    let_go().context("failed to let go of the session's terminal and files")?;
    command.begin()?;
    let options = WaitOptions::NOHANG | WaitOptions::UNTRACED | WaitOptions::CONTINUED;
    while command.pid().is_some() {
        let _ = poll(&mut [PollFd::new(&signals, PollFlags::IN)], None);
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
