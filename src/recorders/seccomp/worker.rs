//! The worker: starts the launcher, records what the filter reports, and stays until the last recorded process is gone.

use std::fs;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::event::epoll;
use rustix::process::{Pid, Signal, WaitOptions};

use super::begin::{Begun, tells_by_filter};
use super::processes::{Done, Processes};
use super::receivers;
use super::waits::{happened, ready};
use crate::event::Sink;
use crate::recorders::Depth;
use crate::recorders::exec::arguments::Arguments;
use crate::recorders::exec::channel::{Channel, Message};
use crate::recorders::exec::command;
use crate::recorders::exec::glimpse::Glimpse;
use crate::recorders::exec::guard::Guarded;
use crate::recorders::exec::opens::{Opening, Opens};
use crate::recorders::exec::out::{Out, now};
use crate::recorders::exec::program::{Program, Programs};
use crate::recorders::exec::reach::Told;
use crate::recorders::exec::{WorkerArgs, kill_bound, let_go};
use crate::sys::{Listener, Signals, Stopped};

mod record;

pub(super) use self::record::is_open;

const SIGNALS: u64 = 0;
const FRONT: u64 = 1;

/// How long the ends of processes may come after the end of the last one.
const LINGER: Duration = Duration::from_millis(500);

/// Records one session. An error was told to the front already.
pub(super) fn worker(args: &WorkerArgs, sink: &mut dyn Sink) -> Result<()> {
    let front = Channel::inherited(args.socket).context("failed to take the socket to the front")?;
    let begun = if args.resume || args.attached { Begun::resume(&front) } else { Begun::start(&front, args) };
    let (worker, listener) = front.told(begun.and_then(|begun| Worker::new(args, &front, sink, begun)))?;
    receivers::record(worker, &listener, args)
}

/// Everything but the listener, from which a stopped process borrows.
pub(super) struct Worker<'a> {
    /// Tells of signals and of the front.
    pub(super) epoll: OwnedFd,
    signals: Signals,
    front: &'a Channel,
    guarded: Guarded<'a>,
    front_pid: Option<Pid>,
    launcher: Option<Channel>,
    /// The command while it is our child and runs.
    command: Option<i32>,
    /// Whether it was ever stopped.
    stopped: bool,
    processes: Processes,
    programs: Programs,
    told: Told,
    opens: Opens,
    depth: Depth,
    exit_group: bool,
    /// Whether the command is killed with the front.
    bound: bool,
    out: Out<'a>,
    /// Whether no call will ever come again.
    gone: bool,
}

impl<'a> Worker<'a> {
    /// Gets ready to record: from here on nothing of the session's is held open, and the command runs.
    fn new(args: &'a WorkerArgs, front: &'a Channel, sink: &'a mut dyn Sink, begun: Begun) -> Result<(Self, Listener)> {
        let Begun { listener, slots, launcher, command, attached, restricted, signals } = begun;
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let guarded = Guarded::new(front, &args.task);
        let exit_group = tells_by_filter(args.task.exit_group);
        let mut out = Out::new(sink, &args.task.closed);
        let mut processes = Processes::new(slots, !exit_group)?;
        if args.resume {
            out.lost("the recorder was killed, and another went on");
            let gone = processes.take_over(now());
            out.write_all(&gone);
        } else {
            out.start(super::NAME, blind(restricted, args.task.depth))
                .context("failed to write to the session's events")?;
        }
        epoll::add(&epoll, &signals, epoll::EventData::new_u64(SIGNALS), epoll::EventFlags::IN)?;
        guarded.watch(&epoll, FRONT)?;
        let_go().context("failed to let go of the session's terminal and files")?;
        if let Some(launcher) = &launcher {
            command::begin(front, launcher)?;
        }
        let (front_pid, programs) = (rustix::process::getppid(), Programs::new());
        let mut worker = Self {
            epoll,
            signals,
            front,
            guarded,
            front_pid,
            launcher,
            command,
            stopped: false,
            processes,
            programs,
            told: Told::default(),
            opens: Opens::default(),
            depth: args.task.depth,
            exit_group,
            bound: args.bound,
            out,
            gone: false,
        };
        if let Some(pid) = attached.filter(|_| args.attached) {
            worker.runs_already(pid);
            front.send(&Message::Go)?;
        }
        Ok((worker, listener))
    }

    /// Notes what a process runs that was there before.
    fn runs_already(&mut self, pid: i32) {
        let Glimpse { program: Some(path), argv } = Glimpse::of(pid) else { return };
        if self.processes.enter(pid).is_ok() {
            let cwd = fs::read_link(format!("/proc/{pid}/cwd")).unwrap_or_default();
            let program = Program { path, starts: true, ..Program::default() };
            let asked = Arguments { argv, ..Arguments::default() };
            let events = self.processes.exec(pid, now(), asked, &cwd, program);
            self.out.write_all(&events);
        }
    }

    /// Returns whether the session goes on.
    pub(super) fn goes_on(&self) -> bool {
        !self.gone || self.command.is_some()
    }

    /// Returns the listener as long as calls may come.
    pub(super) fn hears<'l>(&self, listener: &'l Listener) -> Option<&'l Listener> {
        (!self.gone).then_some(listener)
    }

    /// Returns whether who takes in ends may also receive calls.
    pub(super) fn reaps_ends(&self) -> bool {
        self.exit_group
    }

    /// Takes in that no call will ever come again.
    pub(super) fn hears_no_more(&mut self) {
        self.gone = true;
    }

    /// Writes what is known at the end, after the ends of processes that may still come.
    pub(super) fn finish(&mut self, listener: &Listener) -> Result<()> {
        let end = Instant::now() + LINGER;
        self.take_ends(listener)?;
        while !self.processes.is_empty() && Instant::now() < end {
            self.step(listener, Some(Duration::from_millis(2)))?;
            self.take_ends(listener)?;
        }
        let files = self.opens.flush(now(), true);
        self.out.write_all(&files);
        self.out.disturbed(self.opens.disturbed());
        let left = self.processes.give_up(now());
        self.out.write_all(&left);
        self.guarded.done();
        Ok(())
    }

    /// Waits for something to happen and deals with it; returns whether something did.
    fn step(&mut self, listener: &Listener, wait: Option<Duration>) -> Result<bool> {
        let ready = ready(self.hears(listener), self.epoll.as_fd(), wait)?;
        if ready.call {
            self.notification(listener)?;
        }
        self.gone |= ready.ended;
        if ready.other {
            self.others(listener)?;
        }
        Ok(ready.is_any())
    }

    /// Deals with what happened that is no call.
    pub(super) fn others(&mut self, listener: &Listener) -> Result<()> {
        for what in happened(self.epoll.as_fd(), Some(Duration::ZERO))? {
            match what {
                SIGNALS => {
                    while self.signals.next().is_some() {}
                    self.reap(listener)?;
                }
                _front => match self.guarded.received() {
                    Some(Message::Go) => {
                        self.settle(listener)?;
                        self.tell(0);
                    }
                    _ => self.front_is_gone(listener)?,
                },
            }
        }
        Ok(())
    }

    /// Sees to it that who is killed from now on is replaced still.
    fn front_is_gone(&mut self, listener: &Listener) -> Result<()> {
        kill_bound(self.command.filter(|_| self.bound));
        self.guarded.renew((&self.epoll, FRONT), self.processes.slots(), Some(listener)).map(drop)
    }

    /// Takes in the processes that have ended, and writes their ends; returns whether there were any.
    pub(super) fn take_ends(&mut self, listener: &Listener) -> Result<bool> {
        if self.exit_group {
            self.reap(listener)?;
        }
        self.processes.take_ends();
        Ok(self.write_ends())
    }

    fn write_ends(&mut self) -> bool {
        let ends = self.processes.done();
        let all = |Done { at, exec, events }| exec.and_then(|exec| self.opens.end(exec, at)).into_iter().chain(events);
        let (any, events) = (!ends.is_empty(), ends.into_iter().flat_map(all).collect::<Vec<_>>());
        self.out.write_all(&events);
        any
    }

    /// Returns what is readable when processes have ended.
    pub(super) fn ends(&self) -> BorrowedFd<'_> {
        self.processes.ends()
    }

    /// Waits for children: the command, and processes whose parents ended.
    fn reap(&mut self, listener: &Listener) -> Result<()> {
        let options = WaitOptions::NOHANG | WaitOptions::UNTRACED | WaitOptions::CONTINUED;
        let mut last = None;
        while let Ok(Some((pid, status))) = rustix::process::wait(options) {
            let (pid, word) = (pid.as_raw_pid(), status.as_raw());
            if status.exited() || status.signaled() {
                self.processes.ended(pid, now(), Some(word));
                if self.command == Some(pid) {
                    self.processes.slots().note_status(word);
                    self.command = None;
                    last = Some(word);
                }
            } else if self.command == Some(pid) {
                self.tell(word);
                self.stopped |= status.stopped();
                if status.continued() {
                    self.wake_front();
                }
            }
        }
        self.write_ends();
        if let Some(word) = last {
            self.settle(listener)?;
            if let Some(message @ Message::NotRun(_)) = self.launcher.take().and_then(|launcher| launcher.received()) {
                drop(self.front.send(&message));
            }
            self.tell(word);
            // Had the command gone on while the front was about to stop, it would stay stopped.
            if self.stopped {
                self.wake_front();
            }
        }
        Ok(())
    }

    /// Lets the front go on, if it lives.
    fn wake_front(&self) {
        if let Some(front) = self.front_pid.filter(|_| rustix::process::getppid() == self.front_pid) {
            let _ = rustix::process::kill_process(front, Signal::CONT);
        }
    }

    /// Tells the front a status of the command.
    fn tell(&self, word: i32) {
        let left = if self.gone && self.processes.is_empty() { 0 } else { self.processes.count().max(1) };
        drop(self.front.send(&Message::Status { word, left }));
    }

    /// Deals with all that has happened already.
    fn settle(&mut self, listener: &Listener) -> Result<()> {
        for _ in 0..10_000 {
            if !self.step(listener, Some(Duration::ZERO))? {
                break;
            }
        }
        self.processes.take_ends();
        self.write_ends();
        Ok(())
    }

    /// Receives one call, lets it go on, and records it.
    fn notification(&mut self, listener: &Listener) -> Result<()> {
        let Some(stopped) = self.receive(receivers::MOST, listener)? else { return Ok(()) };
        if is_open(&stopped) {
            let opening = Opening::read(&stopped);
            self.open(stopped, opening);
        } else {
            self.record(stopped);
        }
        Ok(())
    }

    /// Receives one call that is to be recorded; others go on. `hand`: which thread has it in hand.
    pub(super) fn receive<'l>(&mut self, hand: usize, listener: &'l Listener) -> Result<Option<Stopped<'l>>> {
        let received = listener.receive().context("failed to receive from seccomp")?;
        let Some(stopped) = received else { return Ok(None) };
        if self.depth >= Depth::Full {
            self.opens.received(stopped.id);
        }
        self.processes.note(hand, stopped.id);
        Ok(Some(stopped).filter(|stopped| stopped.thread > 0 && self.out.was_open()))
    }
}

/// Returns what this recorder cannot see.
pub(super) fn blind(restricted: bool, depth: Depth) -> Vec<String> {
    let sendmsg = "Datagrams that sendmsg(2) takes to the network without connect(2).";
    let blind: &[&str] = match depth {
        Depth::Execs => &["What was connected to: the network, servers.", "Files that were opened."],
        // To read where each sendmsg(2) goes would cost all that programs send over sockets.
        Depth::Network => &[sendmsg, "Files that were opened."],
        Depth::Maps => &[sendmsg, "Files that were opened, but for libraries of processes that ended by themselves."],
        Depth::Full => &[sendmsg, "Files that io_uring opened."],
    };
    let always = [
        "What a shell does by itself: its builtins, and names that it looked up itself and did not find.",
        "What a server that was running before does for the session: containers, systemd, build daemons.",
        "What other programs listen to with seccomp: Linux refuses them a listener of their own.",
    ];
    let mut blind: Vec<String> = always.iter().chain(blind).map(|sentence| (*sentence).to_owned()).collect();
    if restricted {
        blind
            .push("Programs that need more rights than their caller, such as sudo: they cannot gain them here.".into());
    }
    blind
}
