//! The worker: starts the launcher, traces it and all that it makes, and stays until the last of them is gone.

use std::collections::HashSet;
use std::fs;
use std::os::fd::{AsFd, OwnedFd};

use anyhow::{Context, Result};
use rustix::event::{Timespec, epoll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, WaitOptions, getpid, pidfd_open};

use super::privileged;
use super::tracers::Tracers;
use crate::event::{EndKnown, Sink};
use crate::recorders::exec::arguments::Arguments;
use crate::recorders::exec::channel::{Channel, Message};
use crate::recorders::exec::command::Command;
use crate::recorders::exec::glimpse::Glimpse;
use crate::recorders::exec::guard::Guarded;
use crate::recorders::exec::out::{Out, now};
use crate::recorders::exec::program::{Program, Programs};
use crate::recorders::exec::slots::Slots;
use crate::recorders::exec::tree::{Tree, as_asked};
use crate::recorders::exec::{WorkerArgs, children, kill_bound, let_go, threads};
use crate::sys::ptrace::{self, Stop};
use crate::sys::{self, Signals};

const SIGNALS: u64 = u64::MAX;
const FRONT: u64 = u64::MAX - 1;

/// Also children that tell no signal, and threads: __WALL in linux/wait.h.
const ALL: u32 = 0x4000_0000;

/// How long a process waits that was seen before the stop of the one that made it: only when that was killed.
const HELD: Timespec = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };

/// Records one session. An error was told to the front already.
pub(super) fn worker(args: &WorkerArgs, blind: Vec<String>, sink: &mut dyn Sink) -> Result<()> {
    let front = Channel::inherited(args.socket).context("failed to take the socket to the front")?;
    let recorded = Worker::new(args, &front, Out::new(sink, &args.task.closed)).and_then(|mut worker| {
        worker.begin(args, blind)?;
        Ok(worker)
    });
    front.told(recorded)?.record()
}

struct Worker<'a> {
    epoll: OwnedFd,
    signals: Signals,
    guarded: Guarded<'a>,
    command: Command<'a>,
    tree: Tree,
    /// The threads that are traced, or will be as soon as they begin.
    traced: HashSet<i32>,
    /// Those that were seen to begin before what made them was seen to.
    held: HashSet<i32>,
    programs: Programs,
    tracers: Tracers,
    /// Whether programs that need more rights than their caller get none while they are traced.
    held_back: bool,
    /// Whether the command is killed with the front.
    bound: bool,
    out: Out<'a>,
}

impl<'a> Worker<'a> {
    /// Starts the launcher and traces it, or takes from the front what another worker left.
    fn new(args: &'a WorkerArgs, front: &'a Channel, out: Out<'a>) -> Result<Self> {
        let signals = Signals::take(&[libc::SIGCHLD])?;
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        epoll::add(&epoll, &signals, epoll::EventData::new_u64(SIGNALS), epoll::EventFlags::IN)?;
        let (command, slots) = if args.resume {
            Command::taken_over(front)?
        } else {
            rustix::process::set_child_subreaper(Some(getpid()))?;
            let command = Command::start(front, args)?;
            ptrace::seize(command.pid().context("the launcher ended early")?).context("ptrace is refused")?;
            let slots = Slots::new().context("failed to make shared memory")?;
            command.introduce(&slots)?;
            (command, slots)
        };
        let traced = command.pid().into_iter().collect();
        let (tree, programs, tracers) = (Tree::new(slots), Programs::new(), Tracers::default());
        let (held, bound, held_back) = (HashSet::new(), args.bound, privileged::are_held_back());
        let guarded = Guarded::new(front, &args.task);
        Ok(Self { epoll, signals, guarded, command, tree, traced, held, programs, tracers, held_back, bound, out })
    }

    /// From here on nothing of the session's is held open, and the command runs.
    fn begin(&mut self, args: &WorkerArgs, blind: Vec<String>) -> Result<()> {
        if args.resume {
            self.take_over();
        } else {
            self.out.start(super::NAME, blind).context("failed to write to the session's events")?;
        }
        self.guarded.watch(&self.epoll, FRONT)?;
        let_go().context("failed to let go of the session's terminal and files")?;
        self.command.begin()
    }

    /// Traces the processes that another worker left, and what they made since.
    fn take_over(&mut self) {
        self.out.lost("the recorder was killed, and another went on");
        let traced = &mut self.traced;
        let gone = self.tree.take_over(now(), |pid| seize(pid, traced));
        self.out.write_all(&gone);
        let mut left = self.tree.pids();
        while let Some(pid) = left.pop() {
            for child in children(pid) {
                if !self.tree.has(child) && seize(child, &mut self.traced) {
                    self.tree.made(pid, child);
                    left.push(child);
                }
            }
        }
    }

    fn record(&mut self) -> Result<()> {
        while !self.look()? || self.tree.watches() {
            self.wait()?;
        }
        self.guarded.done();
        Ok(())
    }

    /// Waits for something to happen.
    fn wait(&mut self) -> Result<()> {
        let longest = (!self.held.is_empty()).then_some(HELD);
        let mut events = Vec::with_capacity(16);
        match epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut events), longest.as_ref()) {
            Err(Errno::INTR) => {}
            result => {
                result?;
            }
        }
        if events.is_empty() {
            for thread in std::mem::take(&mut self.held) {
                self.tree.found(thread);
                self.traced.insert(thread);
                self.go_on(thread, 0);
            }
        }
        for event in &events {
            match event.data.u64() {
                // One is pending at most: the kernel keeps no count.
                SIGNALS => _ = self.signals.next(),
                FRONT => match self.guarded.received() {
                    Some(Message::Go) => {
                        self.look()?;
                        self.command.tell(0, self.tree.left());
                    }
                    _ => self.front_is_gone()?,
                },
                pid => self.watched(pid as i32),
            }
        }
        Ok(())
    }

    /// Sees to it that who is killed from now on is replaced still.
    fn front_is_gone(&mut self) -> Result<()> {
        kill_bound(self.command.pid().filter(|_| self.bound));
        self.guarded.renew((&self.epoll, FRONT), self.tree.slots(), None).map(drop)
    }

    /// Returns whether the guardian is all that is left to wait for.
    fn is_alone(&self) -> bool {
        let others =
            |guardian: Pid| children(getpid().as_raw_pid()).into_iter().any(|child| child != guardian.as_raw_pid());
        self.traced.is_empty() && self.guarded.guardian().is_some_and(|guardian| !others(guardian))
    }

    /// Deals with all that has happened already; returns whether there is nothing left to wait for.
    fn look(&mut self) -> Result<bool> {
        let options =
            WaitOptions::NOHANG | WaitOptions::UNTRACED | WaitOptions::CONTINUED | WaitOptions::from_bits_retain(ALL);
        let mut last = None;
        let over = loop {
            match rustix::process::wait(options) {
                Ok(Some((thread, status))) => {
                    let thread = thread.as_raw_pid();
                    if let Some(word) = self.happened(thread, status.as_raw()) {
                        last = Some(word);
                    }
                }
                Ok(None) => break self.is_alone(),
                Err(Errno::CHILD) => break true,
                Err(Errno::INTR) => {}
                Err(error) => return Err(error).context("failed to wait for the traced"),
            }
        };
        if let Some(word) = last {
            self.command.ended(word, self.tree.left());
        }
        Ok(over)
    }

    /// Deals with what wait(2) says of a thread; returns the status with which the command ended.
    fn happened(&mut self, thread: i32, word: i32) -> Option<i32> {
        const CONTINUED: i32 = 0xffff; // W_CONTINUED in bits/waitstatus.h
        let is_command = self.command.is(thread);
        if is_command && self.command.was_stopped() && !matches!(Stop::from_wait(word), Some(Stop::Group(_))) {
            // The front cannot tell a stop of the whole process from one for us, and may have stopped for the latter.
            self.command.wake_front();
        }
        match Stop::from_wait(word) {
            _ if word == CONTINUED => self.command.wake_front(),
            None => {
                self.traced.remove(&thread);
                let events = self.tree.ended(thread, now(), Some((word, EndKnown::Wait)));
                self.out.write_all(&events);
                if is_command {
                    self.tree.slots().note_status(word);
                }
                return is_command.then_some(word);
            }
            Some(Stop::Signal(_)) if is_command && !self.traced.contains(&thread) => {
                self.command.stopped(word, self.tree.left());
            }
            Some(Stop::Signal(signal)) => self.go_on(thread, signal),
            Some(Stop::Begin) if self.traced.contains(&thread) => self.go_on(thread, 0),
            Some(Stop::Begin) => drop(self.held.insert(thread)),
            Some(Stop::Group(signal)) => {
                if ptrace::leave_stopped(thread).is_ok() && is_command {
                    self.command.stopped(signal << 8 | 0x7f, self.tree.left());
                }
            }
            Some(Stop::Made) => {
                if let Ok(made) = ptrace::made(thread) {
                    self.tree.made(thread, made);
                    self.traced.insert(made);
                    if self.held.remove(&made) {
                        self.go_on(made, 0);
                    }
                }
                self.go_on(thread, 0);
            }
            Some(Stop::Exec) => self.exec(thread),
        }
        None
    }

    /// Lets a stopped thread go on; for good when the session is closed.
    fn go_on(&mut self, thread: i32, signal: i32) {
        // An error means that it was killed: wait(2) will tell.
        if self.out.was_open() || self.command.is(thread) {
            drop(ptrace::go_on(thread, signal));
        } else if ptrace::let_go(thread, signal).is_ok() {
            self.traced.remove(&thread);
        }
    }

    /// Records a program that has just begun.
    fn exec(&mut self, pid: i32) {
        // A thread that was not the first has become it.
        if let Ok(before) = ptrace::made(pid)
            && before != pid
        {
            self.traced.remove(&before);
        }
        self.traced.insert(pid);
        if !self.out.was_open() {
            return self.go_on(pid, 0);
        }
        let at = now();
        let cwd = fs::read_link(format!("/proc/{pid}/cwd")).unwrap_or_default();
        let asked = ptrace::stack(pid).ok().and_then(|(stack, pointer)| Arguments::at_start(pid, stack, pointer).ok());
        let seen = asked.map(|mut asked| {
            let mut program = self.programs.find(pid, pid, &asked, &|| cwd.clone(), None, None);
            as_asked(|| fs::read_link(format!("/proc/{pid}/exe")).ok(), &mut asked, &mut program);
            (asked, program)
        });
        let seen = seen.or_else(|| {
            let Glimpse { program, argv } = Glimpse::of(pid);
            let program = Program { path: program?, starts: true, ..Program::default() };
            Some((Arguments { argv, ..Arguments::default() }, program))
        });
        let Some((asked, program)) = seen else {
            self.out.lost("a process that may not be read ran a program");
            return self.go_on(pid, 0);
        };
        let is_script = !program.interpreters.is_empty() || asked.path.starts_with(b"/dev/fd/");
        let again = self.held_back && !is_script && privileged::is(pid);
        let leave = self.tracers.have(pid, &program) || again;
        let events = self.tree.exec(pid, at, asked, &cwd, program);
        if leave && self.watch(pid).is_ok() && (!again || privileged::run_again(pid)) {
            self.traced.remove(&pid);
            drop(ptrace::let_go(pid, 0));
        } else {
            self.go_on(pid, 0);
        }
        self.out.write_all(&events);
    }

    /// Sees to it that the end of a process is seen that will not be traced.
    fn watch(&mut self, pid: i32) -> Result<()> {
        if self.command.is(pid) {
            return Ok(()); // It is our child.
        }
        let pidfd = pidfd_open(Pid::from_raw(pid).context("no pid")?, PidfdFlags::empty())?;
        let tells_status = sys::process_info(pidfd.as_fd()).is_ok();
        // It is readable when the process is a zombie, and hangs up when that was reaped and its status is told.
        let wanted = if tells_status { epoll::EventFlags::empty() } else { epoll::EventFlags::IN };
        epoll::add(&self.epoll, &pidfd, epoll::EventData::new_u64(pid as u64), wanted)?;
        self.tree.watch(pid, pidfd);
        Ok(())
    }

    /// Takes in the end of a process that is not traced.
    fn watched(&mut self, pid: i32) {
        let word = self.tree.pidfd(pid).and_then(|pidfd| sys::wait_status(pidfd.as_fd()).ok().flatten());
        let events = self.tree.ended(pid, now(), word.map(|word| (word, EndKnown::Pidfd)));
        self.out.write_all(&events);
    }
}

/// Traces all threads of a process from now on; returns whether it could be done.
fn seize(pid: i32, traced: &mut HashSet<i32>) -> bool {
    let mut any = false;
    // Twice: a thread may make another before it is traced itself.
    for thread in [threads(pid), threads(pid)].concat() {
        if !traced.contains(&thread) && ptrace::seize(thread).is_ok() {
            traced.insert(thread);
            any = true;
        }
    }
    any
}
