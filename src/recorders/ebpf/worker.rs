//! The worker: loads the program, starts the launcher, takes what the kernel tells, and stays until the last recorded process
//! is gone.

use std::os::fd::OwnedFd;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::event::{PollFd, PollFlags, Timespec, epoll, poll};
use rustix::process::{WaitOptions, getpid, wait};

use super::account::Account;
use super::kernel::{Kernel, LOSSES};
use super::{NAME, blind};
use crate::event::{EndKnown, Sink};
use crate::recorders::exec::channel::{Channel, Message};
use crate::recorders::exec::command::Command;
use crate::recorders::exec::guard::Guarded;
use crate::recorders::exec::out::{Out, now};
use crate::recorders::exec::slots::Slots;
use crate::recorders::exec::{WorkerArgs, children, kill_bound, let_go, state};
use crate::sys::Signals;

const SIGNALS: u64 = 0;
const FRONT: u64 = 1;
const KERNEL: u64 = 2;

/// How long records may gather: to wake up for each would take the command's time.
const GATHER: Timespec = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };
/// The most that is dealt with before it is looked for anything else.
const BATCHES: u32 = 256;
/// How often it is looked whether any process is left, should the record of the last one's end be lost.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 500_000_000 };
/// How often, and how long each time, a record is waited for that another processor is about to finish.
const UNFINISHED: (u32, Duration) = (100, Duration::from_millis(1));

/// Records one session. An error was told to the front already.
pub(super) fn worker(args: &WorkerArgs, sink: &mut dyn Sink) -> Result<()> {
    let front = Channel::inherited(args.socket).context("failed to take the socket to the front")?;
    let recorded = Worker::new(args, &front, Out::new(sink, &args.task.closed)).and_then(|mut worker| {
        worker.begin(args)?;
        Ok(worker)
    });
    front.told(recorded)?.record()
}

struct Worker<'a> {
    epoll: OwnedFd,
    signals: Signals,
    guarded: Guarded<'a>,
    /// Whether the front lives, or a guardian.
    is_guarded: bool,
    command: Command<'a>,
    kernel: Kernel,
    /// What is to be written gathers here: nobody waits for it, and what is not read yet would be lost with this, too.
    account: Account,
    /// Whether the command is killed with the front.
    bound: bool,
    /// What was told of [`Kernel::lost`].
    lost: [u64; LOSSES.len()],
    out: Out<'a>,
}

impl<'a> Worker<'a> {
    /// Starts the launcher, or takes from the front what another worker left.
    fn new(args: &'a WorkerArgs, front: &'a Channel, out: Out<'a>) -> Result<Self> {
        let signals = Signals::take(&[libc::SIGCHLD])?;
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        epoll::add(&epoll, &signals, epoll::EventData::new_u64(SIGNALS), epoll::EventFlags::IN)?;
        let (command, slots) = if args.resume {
            Command::taken_over(front)?
        } else {
            rustix::process::set_child_subreaper(Some(getpid()))?;
            let slots = Slots::new().context("failed to make shared memory")?;
            (Command::start(front, args)?, slots)
        };
        let mut account = Account::new(slots, args.task.depth);
        // The launcher begins meanwhile, and waits.
        let kernel = Kernel::load(args.task.depth).context("eBPF does not work here")?;
        epoll::add(&epoll, &kernel, epoll::EventData::new_u64(KERNEL), epoll::EventFlags::IN)?;
        if let Some(pid) = command.pid() {
            kernel.follow(pid)?;
            account.tree.born(getpid().as_raw_pid(), pid);
            command.introduce(account.tree.slots())?;
        }
        Ok(Self {
            epoll,
            signals,
            guarded: Guarded::new(front, &args.task),
            is_guarded: true,
            command,
            kernel,
            account,
            bound: args.bound,
            lost: [0; LOSSES.len()],
            out,
        })
    }

    /// From here on nothing of the session's is held open, and the command runs.
    fn begin(&mut self, args: &WorkerArgs) -> Result<()> {
        if args.resume {
            self.take_over();
        } else {
            self.out.start(NAME, blind(args.task.depth)).context("failed to write to the session's events")?;
        }
        self.guarded.watch(&self.epoll, FRONT)?;
        let_go().context("failed to let go of the session's terminal and files")?;
        self.command.begin()
    }

    /// Follows the processes that another worker left, and what they made since.
    fn take_over(&mut self) {
        self.out.lost("the recorder was killed, and another went on");
        let kernel = &self.kernel;
        let gone = self.account.tree.take_over(now(), |pid| kernel.follow(pid).is_ok());
        self.out.write_all(&gone);
        let mut left = self.account.tree.pids();
        while let Some(pid) = left.pop() {
            for child in children(pid) {
                if !self.account.tree.has(child) && self.kernel.follow(child).is_ok() {
                    self.account.tree.born(pid, child);
                    left.push(child);
                }
            }
        }
        // Some may have ended before, and others run programs and ended since.
        let ended: Vec<_> =
            self.account.tree.pids().into_iter().filter(|pid| matches!(state(*pid), None | Some('Z' | 'X'))).collect();
        self.take();
        for pid in ended {
            if self.account.tree.has(pid) {
                self.kernel.forget(pid);
                self.account.gone(pid, now(), None);
            }
        }
        self.write();
    }

    fn record(&mut self) -> Result<()> {
        while self.goes_on() {
            self.wait()?;
        }
        self.drain(|worker| worker.account.tree.pids().is_empty());
        for pid in self.account.tree.pids() {
            self.account.gone(pid, now(), None);
        }
        self.out.write_all(&self.account.events(true));
        self.guarded.done();
        Ok(())
    }

    /// Returns whether the session goes on.
    fn goes_on(&self) -> bool {
        self.command.pid().is_some() || self.out.was_open() && self.kernel.follows_any()
    }

    /// Waits for something to happen, and deals with it.
    fn wait(&mut self) -> Result<()> {
        let longest = self.command.pid().is_none().then_some(&LOOK);
        let mut events = Vec::with_capacity(4);
        match epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut events), longest) {
            Err(rustix::io::Errno::INTR) => {}
            result => {
                result?;
            }
        }
        for event in &events {
            match event.data.u64() {
                SIGNALS => {
                    while self.signals.next().is_some() {}
                    self.reap();
                }
                FRONT => match self.guarded.received() {
                    Some(Message::Go) => {
                        self.take();
                        self.command.tell(0, self.account.tree.left());
                    }
                    _ => self.front_is_gone()?,
                },
                _ => {
                    let mut others = vec![PollFd::new(&self.signals, PollFlags::IN)];
                    others.extend(self.is_guarded.then(|| PollFd::new(&self.guarded, PollFlags::IN)));
                    let _ = poll(&mut others, Some(&GATHER));
                    self.take();
                }
            }
        }
        Ok(())
    }

    /// Sees to it that who is killed from now on is replaced still.
    fn front_is_gone(&mut self) -> Result<()> {
        kill_bound(self.command.pid().filter(|_| self.bound));
        self.is_guarded = self.guarded.renew((&self.epoll, FRONT), self.account.tree.slots(), None)?;
        Ok(())
    }

    /// Waits for children: the command, and processes whose parents ended.
    fn reap(&mut self) {
        let options = WaitOptions::NOHANG | WaitOptions::UNTRACED | WaitOptions::CONTINUED;
        let mut last = None;
        while let Ok(Some((pid, status))) = wait(options) {
            let (pid, word) = (pid.as_raw_pid(), status.as_raw());
            match (status.exited() || status.signaled(), self.command.is(pid)) {
                (true, true) => {
                    self.account.tree.slots().note_status(word);
                    last = Some((pid, word));
                }
                (false, true) if status.stopped() => self.command.stopped(word, self.account.tree.left()),
                (false, true) => self.command.wake_front(),
                (_, false) => {}
            }
        }
        if let Some((pid, word)) = last {
            // The kernel has told its end before, unless that was lost.
            self.drain(|worker| !worker.account.tree.has(pid));
            self.account.gone(pid, now(), Some((word, EndKnown::Wait)));
            self.write();
            self.command.ended(word, self.account.tree.left());
        }
    }

    /// Deals with all that the kernel has told, until something is so or it is not to be.
    fn drain(&mut self, is_so: impl Fn(&Self) -> bool) {
        self.take();
        for _ in 0..UNFINISHED.0 {
            if is_so(self) {
                break;
            }
            sleep(UNFINISHED.1);
            self.take();
        }
    }

    /// Deals with all that the kernel has told.
    fn take(&mut self) {
        for _ in 0..BATCHES {
            let records = self.kernel.take();
            if records.is_empty() {
                break;
            }
            records.into_iter().for_each(|record| self.account.happened(record));
            self.write();
        }
        let lost = self.kernel.lost();
        for (at, why) in LOSSES.iter().enumerate() {
            self.out.lost_some(lost[at].saturating_sub(self.lost[at]), why);
        }
        self.lost = lost;
        if !self.out.was_open() {
            self.kernel.stop();
        }
    }

    /// Writes what has happened.
    fn write(&mut self) {
        self.out.write_all(&self.account.events(false));
    }
}
