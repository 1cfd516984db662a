//! The front: the user's own process. Starts the worker, passes signals, stops and the end on, and is the guardian: when
//! the worker dies, what it had in hand goes on and another worker is started.

use std::os::fd::AsFd;

use anyhow::{Context, Result, bail};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus};

use super::channel::Message;
use super::guard::{Session, WORKERS, Worker};
use super::status_field;
use super::task::Task;
use crate::event::Status;
use crate::recorders::{Finished, Launch};
use crate::sys::{Arrived, Signals};

/// Runs a command recorded by the recorder of this name; returns when it has ended. Waits for children of this process, so
/// it should have no others.
pub(in crate::recorders) fn run(launch: &Launch, recorder: &'static str) -> Result<Finished> {
    let signals = Signals::take(&(1..32).collect::<Vec<_>>()).context("failed to take over signals")?;
    let own = rustix::process::getpid();
    rustix::process::set_child_subreaper(Some(own)).context("failed to become the parent of orphans")?;
    let front = Front {
        launch,
        recorder,
        task: Task::of(launch, recorder),
        signals,
        own,
        worker: None,
        workers: 0,
        ended: None,
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
    task: Task,
    signals: Signals,
    own: Pid,
    /// The worker that lives.
    worker: Option<Worker>,
    workers: u32,
    /// How the command ended, which was our own child then.
    ended: Option<i32>,
    session: Option<Session>,
    /// Whether the command was given the word to begin.
    begun: bool,
    /// Signals that came before the command.
    waiting: Vec<Signal>,
}

/// What the rest of the story is.
enum Turn {
    Finished(Finished),
    Failed(String),
    Stopped,
    Nothing,
}

impl Front<'_> {
    fn record(mut self) -> Result<Finished> {
        self.start_worker()?;
        let mut failure = None;
        loop {
            let mut turn = if self.wait()? { self.listen(&mut failure)? } else { Turn::Nothing };
            while let Some(arrived) = self.signals.next() {
                if arrived.signal != libc::SIGCHLD {
                    self.pass_on(arrived);
                } else if self.workers > 1
                    && let Some(status) = self.reap()
                {
                    turn = self.command_changed(status.as_raw(), &mut failure);
                }
            }
            match turn {
                Turn::Finished(finished) => {
                    if finished.left == 0 {
                        // It has nothing left to wait for; its end gives us the time that the command's processes took.
                        self.keep();
                    }
                    return Ok(finished);
                }
                Turn::Failed(why) => {
                    self.worker.iter().for_each(Worker::wait);
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

    /// Waits for something to happen; returns whether that is something that the worker says, or a call that waits.
    fn wait(&self) -> Result<bool> {
        let mut fds = vec![PollFd::new(&self.signals, PollFlags::IN)];
        let listener = || self.session.as_ref()?.listener.as_ref();
        let worker = self.worker.as_ref().map(|worker| worker.channel.as_fd());
        let watched = worker.or_else(|| Some(listener()?.0.as_fd()));
        fds.extend(watched.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)));
        if let Err(error) = poll(&mut fds, None)
            && error != rustix::io::Errno::INTR
        {
            bail!("failed to wait for the recorder: {error}");
        }
        Ok(fds.get(1).is_some_and(|fd| !fd.revents().is_empty()))
    }

    /// Deals with what [`Front::wait`] has seen.
    fn listen(&mut self, failure: &mut Option<String>) -> Result<Turn> {
        match &mut self.worker {
            Some(worker) => match worker.says() {
                Some(message) => Ok(self.heard(message, failure)),
                None => self.worker_ended(failure),
            },
            None => {
                self.let_one_go_on();
                Ok(Turn::Nothing)
            }
        }
    }

    fn start_worker(&mut self) -> Result<()> {
        self.worker = Some(Worker::start(&self.task, self.launch)?);
        self.workers = 1;
        Ok(())
    }

    /// Waits until a worker has written all.
    fn keep(&mut self) {
        if let Some((worker, session)) = self.worker.take().zip(self.session.as_ref()) {
            session.keep(&self.task, worker, self.workers);
        }
    }

    /// Takes in what the worker says.
    fn heard(&mut self, message: Message, failure: &mut Option<String>) -> Turn {
        match message {
            message @ Message::Recording { .. } => {
                let Some(session) = Session::of(message) else { return Turn::Nothing };
                for signal in self.waiting.drain(..) {
                    let _ = rustix::process::pidfd_send_signal(&session.command, signal);
                }
                self.session = Some(session);
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
                self.launch.meanwhile.wait();
                self.worker.iter().for_each(|worker| drop(worker.channel.send(&Message::Go)));
                Turn::Nothing
            }
            Message::Failed(_) | Message::Filter { .. } | Message::Done => Turn::Nothing,
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

    /// Takes over from a worker that ended. Unless it has written all, what it had in hand goes on, and another worker records.
    fn worker_ended(&mut self, failure: &mut Option<String>) -> Result<Turn> {
        let ended = self.worker.take();
        ended.iter().for_each(Worker::wait);
        let begun = self.session.as_ref().filter(|_| self.begun);
        let Some(session) = begun else { bail!("cannot record: the recorder ended before the command began") };
        let died = ended.is_none_or(|worker| !worker.done);
        if died && self.workers < WORKERS {
            self.workers += 1;
            self.worker = session.resume(&self.task).ok();
        } else if died {
            session.let_in_hand_go_on()?;
        }
        let status = session.status();
        let reaped = self.reap();
        let status = status.or(self.ended).or(reaped.map(WaitStatus::as_raw));
        Ok(status.map_or(Turn::Nothing, |word| self.command_changed(word, failure)))
    }

    /// Returns the pid of the worker that lives; 0 for none.
    fn worker_pid(&self) -> i32 {
        self.worker.as_ref().and_then(|worker| worker.pid).map_or(0, Pid::as_raw_pid)
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

    /// Takes in a status of the command that is our own child now; when it ended the worker first writes what it knows. One
    /// that dies of that is replaced, too.
    fn command_changed(&mut self, word: i32, failure: &mut Option<String>) -> Turn {
        if !libc::WIFEXITED(word) && !libc::WIFSIGNALED(word) {
            return self.changed(word, 0, failure);
        }
        self.ended = Some(word);
        let Some(worker) = &mut self.worker else { return self.changed(word, 0, failure) };
        drop(worker.channel.send(&Message::Go));
        loop {
            match worker.says() {
                Some(Message::Status { left, .. }) => return self.changed(word, left, failure),
                Some(Message::Done) => return self.changed(word, 0, failure),
                Some(_) => {}
                None => return Turn::Nothing,
            }
        }
    }

    /// Passes a signal that was meant for the command on to it.
    fn pass_on(&mut self, arrived: Arrived) {
        let by_terminal = [libc::SIGINT, libc::SIGQUIT, libc::SIGTSTP, libc::SIGTTIN, libc::SIGTTOU, libc::SIGWINCH];
        let had_it = match arrived.sender {
            // The terminal gives these to the command itself, which is in our process group.
            None => by_terminal.contains(&arrived.signal),
            // A process of the session signals its process group, in which we are only by chance; the worker wakes us.
            Some(sender) => sender == self.worker_pid() || self.is_inside(sender),
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
        let (own, worker) = (self.own.as_raw_pid(), self.worker_pid());
        for _ in 0..256 {
            if pid == session.pid {
                return true;
            }
            match status_field(pid, "PPid:") {
                // Below the worker, or below ourselves since a worker died.
                Some(parent) if parent == worker || parent == own => return pid != worker,
                Some(parent) if parent > 1 => pid = parent,
                _ => return false,
            }
        }
        false
    }
}
