//! The front: the user's own process. Starts the worker, passes signals, stops and the end on, and is the guardian: when
//! the worker dies, what it had in hand goes on and another worker is started.

use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::process::Command;

use anyhow::{Context, Result, bail};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus};

use super::channel::{Channel, Message};
use super::slots::Slots;
use super::{number, status_field};
use crate::event::Status;
use crate::recorders::{Finished, Launch};
use crate::sys::{self, Arrived, Listener, Signals};

/// How many workers may die before no more are started.
pub(in crate::recorders) const WORKERS: u32 = 16;
/// Runs a command recorded by the recorder of this name; returns when it has ended. Waits for children of this process, so
/// it should have no others.
pub(in crate::recorders) fn run(launch: &Launch, recorder: &'static str) -> Result<Finished> {
    let signals = Signals::take(&(1..32).collect::<Vec<_>>()).context("failed to take over signals")?;
    let own = rustix::process::getpid();
    rustix::process::set_child_subreaper(Some(own)).context("failed to become the parent of orphans")?;
    let front = Front {
        launch,
        recorder,
        signals,
        own,
        worker: 0,
        workers: 0,
        session: None,
        begun: false,
        waiting: Vec::new(),
    };
    let finished = front.record();
    let _ = rustix::process::set_child_subreaper(None);
    finished
}

struct Front<'a> {
    launch: &'a Launch,
    recorder: &'static str,
    signals: Signals,
    own: Pid,
    /// The worker that lives.
    worker: i32,
    workers: u32,
    session: Option<Session>,
    /// Whether the command was given the word to begin.
    begun: bool,
    /// Signals that came before the command.
    waiting: Vec<Signal>,
}

struct Session {
    listener: Option<Listener>,
    slots: OwnedFd,
    command: OwnedFd,
    pid: i32,
}

impl Session {
    /// Returns whether the command is stopped now, by job control or, where it is traced, by anything.
    fn is_stopped(&self) -> bool {
        let text = fs::read_to_string(format!("/proc/{}/stat", self.pid)).unwrap_or_default();
        text.rsplit(") ").next().is_some_and(|rest| rest.starts_with(['T', 't']))
    }
}

/// What the rest of the story is.
enum Turn {
    Finished(Finished),
    Failed(String),
    Stopped,
    Nothing,
}

/// Starts a worker, and returns its pid and the connection to it.
pub(in crate::recorders) fn spawn_worker(
    launch: &Launch,
    recorder: &str,
    how: Option<&'static str>,
) -> Result<(i32, Channel)> {
    let (ours, theirs) = Channel::pair().context("cannot record: failed to make a socket")?;
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
    Ok((Pid::from_child(&child).as_raw_pid(), ours))
}

impl Front<'_> {
    fn record(mut self) -> Result<Finished> {
        let mut channel = Some(self.start_worker(false)?);
        let mut failure = None;
        loop {
            let mut fds = vec![PollFd::new(&self.signals, PollFlags::IN)];
            let watched =
                channel.as_ref().map(AsFd::as_fd).or_else(|| Some(self.session.as_ref()?.listener.as_ref()?.0.as_fd()));
            fds.extend(watched.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)));
            if let Err(error) = poll(&mut fds, None)
                && error != rustix::io::Errno::INTR
            {
                bail!("failed to wait for the recorder: {error}");
            }
            let told = fds.get(1).is_some_and(|fd| !fd.revents().is_empty());
            let mut turn = Turn::Nothing;
            if told {
                match &channel {
                    Some(open) => match open.receive() {
                        Ok(Some(message)) => turn = self.heard(message, &mut failure),
                        _ => (channel, turn) = self.worker_died()?,
                    },
                    None => self.let_one_go_on(),
                }
            }
            while let Some(arrived) = self.signals.next() {
                if arrived.signal != libc::SIGCHLD {
                    self.pass_on(arrived);
                } else if self.workers > 1
                    && let Some(status) = self.reap()
                {
                    turn = self.command_changed(status, channel.as_ref(), &mut failure);
                }
            }
            match turn {
                Turn::Finished(finished) => {
                    if finished.left == 0 {
                        // It has nothing left to wait for; its end gives us the time that the command's processes took.
                        let _ = rustix::process::waitpid(Pid::from_raw(self.worker), WaitOptions::empty());
                    }
                    return Ok(finished);
                }
                Turn::Failed(why) => {
                    let _ = rustix::process::waitpid(Pid::from_raw(self.worker), WaitOptions::empty());
                    bail!("cannot record: {why}");
                }
                // What we hear may be old: while we were stopped it was let go on, and perhaps stopped again.
                Turn::Stopped if self.session.as_ref().is_some_and(Session::is_stopped) => {
                    rustix::process::kill_process(self.own, Signal::STOP)?;
                }
                Turn::Stopped => {}
                Turn::Nothing => {}
            }
        }
    }

    fn start_worker(&mut self, resume: bool) -> Result<Channel> {
        let (pid, channel) = spawn_worker(self.launch, self.recorder, resume.then_some("--resume"))?;
        self.worker = pid;
        self.workers += 1;
        Ok(channel)
    }

    /// Takes in what the worker says.
    fn heard(&mut self, message: Message, failure: &mut Option<String>) -> Turn {
        match message {
            Message::Recording { slots, command, pid, listener } => {
                for signal in self.waiting.drain(..) {
                    let _ = rustix::process::pidfd_send_signal(&command, signal);
                }
                self.session = Some(Session { listener: listener.map(Listener), slots, command, pid });
                Turn::Nothing
            }
            Message::NotRun(libc::ENOSYS) if self.is_filtered() => {
                Turn::Failed("nothing received what seccomp reported".into())
            }
            Message::NotRun(errno) => {
                *failure = Some(std::io::Error::from_raw_os_error(errno).to_string());
                Turn::Nothing
            }
            Message::Failed(why) if self.workers == 1 => Turn::Failed(why),
            Message::Status { word, left } => self.changed(word, left, failure),
            Message::Go => {
                self.begun = true;
                Turn::Nothing
            }
            Message::Failed(_) | Message::Filter { .. } => Turn::Nothing,
        }
    }

    /// Takes in a status of the command.
    fn changed(&self, word: i32, left: u32, failure: &mut Option<String>) -> Turn {
        const CONTINUED: i32 = 0xffff; // W_CONTINUED in bits/waitstatus.h
        match word & 0xff {
            _ if word == CONTINUED => Turn::Nothing,
            0x7f => Turn::Stopped,
            _ => {
                let status = Status::from_wait(word);
                Turn::Finished(Finished { status, recorder: self.recorder, failure: failure.take(), left })
            }
        }
    }

    /// Takes over from a worker that died: what it had in hand goes on, and another worker records.
    fn worker_died(&mut self) -> Result<(Option<Channel>, Turn)> {
        let _ = rustix::process::waitpid(Pid::from_raw(self.worker), WaitOptions::empty());
        let begun = self.session.as_ref().filter(|_| self.begun);
        let Some(session) = begun else { bail!("cannot record: the recorder ended before the command began") };
        if let Some(listener) = &session.listener {
            let slots = Slots::of(session.slots.try_clone()?)?;
            slots.in_hand().for_each(|id| drop(listener.let_continue(id)));
        }
        if let Ok(Some(word)) = sys::wait_status(session.command.as_fd()) {
            return Ok((None, self.changed(word, 0, &mut None)));
        }
        if self.workers >= WORKERS {
            return Ok((None, Turn::Nothing));
        }
        let message = Message::Recording {
            slots: session.slots.try_clone()?,
            command: session.command.try_clone()?,
            pid: session.pid,
            listener: session.listener.as_ref().map(|listener| listener.0.try_clone()).transpose()?,
        };
        let channel = self.start_worker(true).ok().filter(|channel| channel.send(&message).is_ok());
        let status = self.reap();
        let turn = status.map(|status| self.command_changed(status, channel.as_ref(), &mut None));
        Ok((channel, turn.unwrap_or(Turn::Nothing)))
    }

    fn is_filtered(&self) -> bool {
        self.session.as_ref().is_some_and(|session| session.listener.is_some())
    }

    /// Lets one call go on that no worker is there to see. A listener that cannot be read is left alone.
    fn let_one_go_on(&mut self) {
        if let Some(session) = &mut self.session
            && session.listener.as_ref().is_some_and(|listener| listener.receive().is_err())
        {
            session.listener = None;
        }
    }

    /// Waits for the orphans that a dead worker left us; returns the last status of the command among them.
    fn reap(&mut self) -> Option<WaitStatus> {
        let options = WaitOptions::NOHANG | WaitOptions::UNTRACED | WaitOptions::CONTINUED;
        let command = self.session.as_ref().map(|session| session.pid);
        let mut last = None;
        while let Ok(Some((pid, status))) = rustix::process::wait(options) {
            if Some(pid.as_raw_pid()) == command {
                last = Some(status);
            }
        }
        last
    }

    /// Takes in a status of the command that is our own child now; when it ended the worker first writes what it knows.
    fn command_changed(&self, status: WaitStatus, channel: Option<&Channel>, failure: &mut Option<String>) -> Turn {
        let mut others = 0;
        if (status.exited() || status.signaled())
            && let Some(channel) = channel
            && channel.send(&Message::Go).is_ok()
        {
            while let Ok(Some(message)) = channel.receive() {
                if let Message::Status { left, .. } = message {
                    others = left;
                    break;
                }
            }
        }
        self.changed(status.as_raw(), others, failure)
    }

    /// Passes a signal that was meant for the command on to it.
    fn pass_on(&mut self, arrived: Arrived) {
        let by_terminal = [libc::SIGINT, libc::SIGQUIT, libc::SIGTSTP, libc::SIGTTIN, libc::SIGTTOU, libc::SIGWINCH];
        let had_it = match arrived.sender {
            // The terminal gives these to the command itself, which is in our process group.
            None => by_terminal.contains(&arrived.signal),
            // A process of the session signals its process group, in which we are only by chance; the worker wakes us.
            Some(sender) => sender == self.worker || self.is_inside(sender),
        };
        let Some(signal) = Signal::from_named_raw(arrived.signal).filter(|_| !had_it) else { return };
        match &self.session {
            // A shell that lets its job go on told the whole process group.
            Some(session) if signal == Signal::CONT && !session.is_stopped() => {}
            Some(session) => _ = rustix::process::pidfd_send_signal(&session.command, signal),
            None => self.waiting.push(signal),
        }
    }

    /// Returns whether a process is one of the recorded.
    fn is_inside(&self, mut pid: i32) -> bool {
        let Some(session) = &self.session else { return false };
        let own = self.own.as_raw_pid();
        for _ in 0..256 {
            if pid == session.pid {
                return true;
            }
            match status_field(pid, "PPid:") {
                // Below the worker, or below ourselves since a worker died.
                Some(parent) if parent == self.worker || parent == own => return pid != self.worker,
                Some(parent) if parent > 1 => pid = parent,
                _ => return false,
            }
        }
        false
    }
}
