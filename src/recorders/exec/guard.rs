//! Who starts another worker when one dies: the front, and where that is gone a guardian, a process that does nothing else.

use std::fs;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, WaitOptions, getpid, pidfd_open, waitpid};

use super::channel::{Channel, Message};
use super::slots::Slots;
use super::{WorkerArgs, let_go, number};
use crate::recorders::{Depth, Launch};
use crate::sys::{self, Listener};

/// How many workers may die before no more are started.
pub(in crate::recorders) const WORKERS: u32 = 16;

/// What the hidden subcommand `__guard` was given.
#[derive(Debug)]
pub struct GuardArgs {
    /// The recorder.
    pub recorder: String,
    /// The file for the events. Absolute.
    pub segment: PathBuf,
    /// A path that, once it exists, means: record no more. Absolute.
    pub closed: PathBuf,
    /// Number of the socket to the process that attaches, or to the worker that there is.
    pub socket: RawFd,
    /// Whether ends of processes are reported by the filter.
    pub exit_group: bool,
    /// How much is recorded.
    pub depth: Depth,
    /// Whether there is no worker yet, since a process is being attached to.
    pub attach: bool,
}

/// What another worker needs to go on.
pub(in crate::recorders) struct Session {
    pub(in crate::recorders) listener: Option<Listener>,
    pub(in crate::recorders) slots: OwnedFd,
    pub(in crate::recorders) command: OwnedFd,
    pub(in crate::recorders) pid: i32,
}

impl Session {
    /// Takes it from what was said; none when that was something else.
    pub(in crate::recorders) fn of(message: Message) -> Option<Self> {
        let Message::Recording { listener, slots, command, pid } = message else { return None };
        Some(Self { listener: listener.map(Listener), slots, command, pid })
    }

    fn message(&self) -> Result<Message> {
        Ok(Message::Recording {
            slots: self.slots.try_clone()?,
            command: self.command.try_clone()?,
            pid: self.pid,
            listener: self.listener.as_ref().map(|listener| listener.0.try_clone()).transpose()?,
        })
    }

    /// Returns whether the command is stopped now, by job control or, where it is traced, by anything.
    pub(in crate::recorders) fn is_stopped(&self) -> bool {
        let text = fs::read_to_string(format!("/proc/{}/stat", self.pid)).unwrap_or_default();
        text.rsplit(") ").next().is_some_and(|rest| rest.starts_with(['T', 't']))
    }

    /// Returns the wait(2) status of the command, if it has ended and that is known.
    pub(in crate::recorders) fn status(&self) -> Option<i32> {
        let noted = || Slots::of(self.slots.try_clone().ok()?).ok()?.status();
        sys::wait_status(self.command.as_fd()).ok().flatten().or_else(noted)
    }

    /// Starts a worker in place of one that died. What that one had in hand goes on.
    pub(in crate::recorders) fn resume(&self, launch: &Launch, recorder: &str) -> Result<Worker> {
        self.let_in_hand_go_on()?;
        let worker = Worker::start(launch, recorder, Some("--resume"))?;
        worker.channel.send(&self.message()?)?;
        Ok(worker)
    }

    /// Lets go on what a dead worker had in hand.
    pub(in crate::recorders) fn let_in_hand_go_on(&self) -> Result<()> {
        if let Some(listener) = &self.listener {
            let slots = Slots::of(self.slots.try_clone()?)?;
            slots.in_hand().for_each(|id| drop(listener.let_continue(id)));
        }
        Ok(())
    }

    /// Stays until a worker has written all, and starts another one in place of one that dies.
    pub(in crate::recorders) fn keep(&self, launch: &Launch, recorder: &str, mut worker: Worker, workers: u32) {
        for _ in workers..WORKERS {
            if worker.is_done() {
                return;
            }
            let Ok(next) = self.resume(launch, recorder) else { break };
            worker = next;
        }
        if !worker.is_done()
            && let Some(listener) = &self.listener
        {
            drop(self.let_in_hand_go_on());
            let_all_go_on(listener);
        }
    }
}

/// A worker and the connection to it.
pub(in crate::recorders) struct Worker {
    /// Its pid where it is our child.
    pub(in crate::recorders) pid: Option<Pid>,
    pub(in crate::recorders) channel: Channel,
    /// Whether it said that it has written all.
    pub(in crate::recorders) done: bool,
}

impl Worker {
    /// Starts one.
    pub(in crate::recorders) fn start(launch: &Launch, recorder: &str, how: Option<&'static str>) -> Result<Self> {
        let (channel, theirs) = Channel::pair().context("cannot record: failed to make a socket")?;
        let mut command = Command::new(std::env::current_exe().context("cannot record: failed to find this program")?);
        command.args(["__worker", "--recorder", recorder, "--depth", launch.depth.name()]);
        command.arg("--segment").arg(&launch.segment).arg("--closed").arg(&launch.closed);
        command.arg("--socket").arg(number(&theirs)).args(launch.exit_group.then_some("--exit-group"));
        command.args(launch.receivers.map(|count| format!("--receivers={count}")));
        command.args(launch.bound.then_some("--bound")).args(how).arg("--");
        command.args(launch.program.as_ref().or(launch.argv.first())).args(&launch.argv);
        command.envs(launch.environment.iter().map(|(name, value)| (name, value)));
        sys::hand_on(&mut command, Some(theirs.as_fd()));
        let child = command.spawn().context("cannot record: failed to start the recorder")?;
        Ok(Self { pid: Some(Pid::from_child(&child)), channel, done: false })
    }

    /// Waits for its end.
    pub(in crate::recorders) fn wait(&self) {
        let _ = self.pid.map(|pid| waitpid(Some(pid), WaitOptions::empty()));
    }

    /// Waits for what it says; none when it says no more.
    pub(in crate::recorders) fn says(&mut self) -> Option<Message> {
        let message = self.channel.receive().ok().flatten();
        self.done |= matches!(message, Some(Message::Done));
        message
    }

    /// Waits for its end; returns whether it has written all.
    fn is_done(&mut self) -> bool {
        while self.says().is_some() {}
        self.wait();
        self.done
    }
}

/// A worker's connection to its front, and to a guardian when that is gone.
pub(in crate::recorders) struct Guarded<'a> {
    front: &'a Channel,
    guardian: Option<(Channel, Pid)>,
    args: &'a WorkerArgs,
}

impl<'a> Guarded<'a> {
    pub(in crate::recorders) fn new(front: &'a Channel, args: &'a WorkerArgs) -> Self {
        Self { front, guardian: None, args }
    }

    /// Starts a guardian, since the front or the guardian before is gone.
    pub(in crate::recorders) fn start(&mut self, slots: BorrowedFd<'_>, listener: Option<&Listener>) -> Result<()> {
        let WorkerArgs { recorder, segment, closed, exit_group, depth, .. } = self.args;
        let launch = Launch {
            segment: segment.clone(),
            closed: closed.clone(),
            exit_group: *exit_group,
            depth: *depth,
            ..Launch::default()
        };
        let session = Session {
            slots: slots.try_clone_to_owned()?,
            command: pidfd_open(getpid(), PidfdFlags::empty())?,
            pid: getpid().as_raw_pid(),
            listener: listener.map(|listener| listener.0.try_clone().map(Listener)).transpose()?,
        };
        self.guardian = Some(start(&launch, recorder, Some(&session))?);
        Ok(())
    }

    fn channel(&self) -> &Channel {
        self.guardian.as_ref().map_or(self.front, |(channel, _)| channel)
    }

    /// Returns the guardian, which is our child; none while the front lives.
    pub(in crate::recorders) fn guardian(&self) -> Option<Pid> {
        self.guardian.as_ref().map(|(_, pid)| *pid)
    }

    /// Returns what was said already; none when that is nothing, and when nobody guards any more.
    pub(in crate::recorders) fn received(&self) -> Option<Message> {
        self.channel().received()
    }

    /// Says that all is written.
    pub(in crate::recorders) fn done(&self) {
        drop(self.channel().send(&Message::Done));
    }
}

impl AsFd for Guarded<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.channel().as_fd()
    }
}

/// Starts a guardian of what this process records, or of what is being attached to, of which it will be told. What there is to
/// say is said first: were we killed when it is there, it would know enough.
pub(in crate::recorders) fn start(
    launch: &Launch,
    recorder: &str,
    session: Option<&Session>,
) -> Result<(Channel, Pid)> {
    let (ours, theirs) = Channel::pair()?;
    if let Some(session) = session {
        ours.send(&session.message()?)?;
    }
    let how = session.is_none().then_some("--attach");
    let mut command = Command::new(std::env::current_exe().context("failed to find this program")?);
    command.args(["__guard", "--recorder", recorder, "--depth", launch.depth.name()]);
    command.arg("--segment").arg(&launch.segment).arg("--closed").arg(&launch.closed);
    command.arg("--socket").arg(number(&theirs)).args(launch.exit_group.then_some("--exit-group")).args(how);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    sys::hand_on(&mut command, Some(theirs.as_fd()));
    let child = command.spawn()?;
    Ok((ours, Pid::from_child(&child)))
}

/// Guards what is recorded until it and all that it started is gone.
pub fn guard(args: GuardArgs) -> Result<()> {
    let other = Channel::inherited(args.socket).context("failed to take the socket")?;
    let GuardArgs { recorder, segment, closed, exit_group, depth, attach, .. } = args;
    let launch = Launch { segment, closed, exit_group, depth, ..Launch::default() };
    let begun = let_go().map_err(anyhow::Error::from);
    let guarded = if attach {
        other.told(begun.and_then(|()| begin(&launch, &recorder, &other)))?
    } else {
        begun?;
        let session = other.receive()?.and_then(Session::of);
        session.map(|session| (Worker { pid: None, channel: other, done: false }, session))
    };
    if let Some((worker, session)) = guarded {
        session.keep(&launch, &recorder, worker, 0);
    }
    Ok(())
}

/// Starts the first worker of what is attached to, says that it is there, and hands to it what to record; none when that never
/// comes.
fn begin(launch: &Launch, recorder: &str, caller: &Channel) -> Result<Option<(Worker, Session)>> {
    let worker = Worker::start(launch, recorder, Some("--attached"))?;
    caller.send(&Message::Go)?;
    let Some(session) = caller.receive()?.and_then(Session::of) else { return Ok(None) };
    let told = session.message().and_then(|message| Ok(worker.channel.send(&message)?)).and_then(|()| {
        match worker.channel.receive()? {
            Some(Message::Go) => Ok(()),
            Some(Message::Failed(why)) => bail!("{why}"),
            _ => bail!("the recorder ended early"),
        }
    });
    if caller.told(told).is_err() {
        session.listener.iter().for_each(let_all_go_on);
        return Ok(None);
    }
    drop(caller.send(&Message::Go));
    Ok(Some((worker, session)))
}

/// Lets all calls go on that a filter reports, until the last process in it is gone.
pub(in crate::recorders) fn let_all_go_on(listener: &Listener) {
    loop {
        let mut fds = [PollFd::new(&listener.0, PollFlags::IN)];
        let _ = poll(&mut fds, None);
        if fds[0].revents().contains(PollFlags::HUP) || listener.receive().is_err() {
            return;
        }
    }
}
