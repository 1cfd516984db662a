//! Who starts another worker when one dies: the front, and where that is gone a guardian, a process that does nothing else.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use rustix::event::{PollFd, PollFlags, epoll, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, WaitOptions, getpid, pidfd_open, waitpid};

use super::channel::{Channel, Message};
use super::slots::Slots;
use super::task::Task;
use super::{let_go, state};
use crate::recorders::Launch;
use crate::sys::{self, Listener};

/// How many workers may die before no more are started, and how many guardians.
pub(in crate::recorders) const WORKERS: u32 = 16;

/// What the hidden subcommand `__guard` was given.
#[derive(Debug)]
pub struct GuardArgs {
    /// What is recorded.
    pub task: Task,
    /// Number of the socket to the process that attaches, or to the worker that there is.
    pub socket: RawFd,
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
        matches!(state(self.pid), Some('T' | 't'))
    }

    /// Returns the wait(2) status of the command, if it has ended and that is known.
    pub(in crate::recorders) fn status(&self) -> Option<i32> {
        let noted = || Slots::of(self.slots.try_clone().ok()?).ok()?.status();
        sys::wait_status(self.command.as_fd()).ok().flatten().or_else(noted)
    }

    /// Starts a worker in place of one that died. What that one had in hand goes on.
    pub(in crate::recorders) fn resume(&self, task: &Task) -> Result<Worker> {
        self.let_in_hand_go_on()?;
        let tell = |channel: &Channel| Ok(channel.send(&self.message()?)?);
        Ok(Worker::of(task.start("__worker", tell, |command| _ = command.arg("--resume"))?))
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
    pub(in crate::recorders) fn keep(&self, task: &Task, mut worker: Worker, workers: u32) {
        for _ in workers..WORKERS {
            if worker.is_done() {
                return;
            }
            let Ok(next) = self.resume(task) else { break };
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
    /// Starts the first one of a command.
    pub(in crate::recorders) fn start(task: &Task, launch: &Launch) -> Result<Self> {
        let started = task.start(
            "__worker",
            |_| Ok(()),
            |command| {
                command.args(launch.bound.then_some("--bound")).arg("--");
                command.args(launch.program.as_ref().or(launch.argv.first())).args(&launch.argv);
                command.envs(launch.environment.iter().map(|(name, value)| (name, value)));
            },
        );
        started.map(Self::of)
    }

    fn of((pid, channel): (Pid, Channel)) -> Self {
        Self { pid: Some(pid), channel, done: false }
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
    guardian: Option<(Pid, Channel)>,
    guardians: u32,
    task: &'a Task,
}

impl<'a> Guarded<'a> {
    pub(in crate::recorders) fn new(front: &'a Channel, task: &'a Task) -> Self {
        Self { front, guardian: None, guardians: 0, task }
    }

    /// Has what is said by it wake who waits, with this number.
    pub(in crate::recorders) fn watch(&self, epoll: &OwnedFd, number: u64) -> Result<(), Errno> {
        epoll::add(epoll, self, epoll::EventData::new_u64(number), epoll::EventFlags::IN)
    }

    /// Starts a guardian, since the front or the guardian before is gone, and watches it instead; returns whether it is there.
    pub(in crate::recorders) fn renew(
        &mut self,
        (epoll, number): (&OwnedFd, u64),
        slots: &Slots,
        listener: Option<&Listener>,
    ) -> Result<bool> {
        epoll::delete(epoll, &*self)?;
        let start = || {
            let session = Session {
                slots: slots.as_fd().try_clone_to_owned()?,
                command: pidfd_open(getpid(), PidfdFlags::empty())?,
                pid: getpid().as_raw_pid(),
                listener: listener.map(|listener| listener.0.try_clone().map(Listener)).transpose()?,
            };
            start(self.task, Some(&session))
        };
        self.guardians += 1;
        let Some(guardian) = (self.guardians <= WORKERS).then(start).and_then(Result::ok) else { return Ok(false) };
        self.guardian = Some(guardian);
        self.watch(epoll, number)?;
        Ok(true)
    }

    fn channel(&self) -> &Channel {
        self.guardian.as_ref().map_or(self.front, |(_, channel)| channel)
    }

    /// Returns the guardian, which is our child; none while the front lives.
    pub(in crate::recorders) fn guardian(&self) -> Option<Pid> {
        self.guardian.as_ref().map(|(pid, _)| *pid)
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
pub(in crate::recorders) fn start(task: &Task, session: Option<&Session>) -> Result<(Pid, Channel)> {
    let tell = |channel: &Channel| session.map_or(Ok(()), |session| Ok(channel.send(&session.message()?)?));
    task.start("__guard", tell, |command| {
        command.args(session.is_none().then_some("--attach"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    })
}

/// Guards what is recorded until it and all that it started is gone.
pub fn guard(GuardArgs { task, socket, attach }: &GuardArgs) -> Result<()> {
    let other = Channel::inherited(*socket).context("failed to take the socket")?;
    let begun = let_go().map_err(anyhow::Error::from);
    let guarded = if *attach {
        other.told(begun.and_then(|()| begin(task, &other)))?
    } else {
        begun?;
        let session = other.receive()?.and_then(Session::of);
        session.map(|session| (Worker { pid: None, channel: other, done: false }, session))
    };
    if let Some((worker, session)) = guarded {
        session.keep(task, worker, 0);
    }
    Ok(())
}

/// Starts the first worker of what is attached to, says that it is there, and hands to it what to record; none when that never
/// comes.
fn begin(task: &Task, caller: &Channel) -> Result<Option<(Worker, Session)>> {
    let worker = Worker::of(task.start("__worker", |_| Ok(()), |command| _ = command.arg("--attached"))?);
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
