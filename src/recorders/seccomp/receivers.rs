//! Who receives from the filter: the worker's thread, which is woken where the process runs that waits, and where opens are
//! recorded more of them, one for each processor but one, up to four: they help while more calls wait, and read by themselves
//! what those open; everything else is one at a time. Ends of processes are taken in by a thread of their own, many at a time.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};
use std::time::Duration;

use anyhow::Result;
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::io::Errno;

use super::waits::{Ready, call_waits, ready};
use super::worker::{Worker, is_open};
use crate::recorders::Depth;
use crate::recorders::exec::WorkerArgs;
use crate::recorders::exec::opens::Opening;
use crate::recorders::exec::slots::HANDS;
use crate::sys::{self, Listener};

/// The most threads that receive; who deals with all that has happened already is one more.
pub(super) const MOST: usize = 4;
const _: () = assert!(MOST < HANDS);
/// How late an end may be taken in that comes soon after another: to be woken for each costs the session more than all else.
const LATE: Duration = Duration::from_millis(10);

/// Records until the last recorded process is gone.
pub(super) fn record(worker: Worker<'_>, listener: &Listener, args: &WorkerArgs) -> Result<()> {
    // With as many as processors a process that waits is woken from another one, which costs more than waiting in turn.
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let receivers = args.task.receivers.unwrap_or(processors - 1).clamp(1, MOST);
    let more = if args.task.depth >= Depth::Full { receivers - 1 } else { 0 };
    let alone = more == 0 && !worker.reaps_ends();
    let others = worker.epoll.as_fd().try_clone_to_owned()?;
    let end = eventfd(0, EventfdFlags::CLOEXEC)?;
    let (worker, over) = (Mutex::new(worker), AtomicBool::new(false));
    thread::scope(|scope| {
        let mut helpers: Vec<Thread> = Vec::new();
        for hand in 1..=more {
            let (worker, over, next) = (&worker, &over, helpers.last().cloned());
            let helper = move || Receiver { worker, listener, hand, alone, next }.help(over);
            helpers.push(scope.spawn(move || or_end(helper)).thread().clone());
        }
        scope.spawn(|| or_end(|| ends(&worker, listener, end.as_fd())));
        let own = Receiver { worker: &worker, listener, hand: 0, alone, next: helpers.last().cloned() };
        let result = own.receive_all(others.as_fd(), args.task.depth < Depth::Full);
        over.store(true, Ordering::Release);
        helpers.iter().for_each(Thread::unpark);
        rustix::io::write(&end, &1_u64.to_ne_bytes())?;
        result
    })?;
    lock(&worker).finish(listener)
}

/// Runs a thread. An error or a panic ends this process, as those of its main thread would: the front then starts another.
fn or_end(thread: impl FnOnce() -> Result<()>) {
    let end_of_worker = EndsWorker;
    if thread().is_ok() {
        std::mem::forget(end_of_worker);
    }
}

/// When dropped, ends this process.
struct EndsWorker;

impl Drop for EndsWorker {
    fn drop(&mut self) {
        std::process::exit(1);
    }
}

/// A thread that receives.
struct Receiver<'w, 'a> {
    worker: &'w Mutex<Worker<'a>>,
    listener: &'w Listener,
    /// Which of them it is.
    hand: usize,
    /// Whether no other thread receives.
    alone: bool,
    /// Who helps when more calls wait.
    next: Option<Thread>,
}

impl Receiver<'_, '_> {
    /// What the worker's own thread does: it also deals with all else that happens. `goes_first`: whether it goes on when it has
    /// answered, before who was answered: so a program that begins finds the processor to itself. Who opens gains nothing by that.
    fn receive_all(&self, others: BorrowedFd<'_>, goes_first: bool) -> Result<()> {
        if goes_first {
            drop(sys::go_first());
        }
        let mut here = None;
        loop {
            let state = lock(self.worker);
            if !state.goes_on() {
                return Ok(());
            }
            let hears = state.hears(self.listener);
            drop(state);
            let ready = self.wait(hears, others, &mut here)?;
            if ready.call {
                self.receive()?;
            }
            if ready.ended {
                lock(self.worker).hears_no_more();
            }
            if ready.other {
                lock(self.worker).others(self.listener)?;
            }
        }
    }

    /// Waits for what there is to deal with. `here`: whether who is answered is woken on our processor, if that was said. That is
    /// its own when it has woken us; when we were at work as it asked, its own is another, which may have nothing else to do.
    fn wait(&self, hears: Option<&Listener>, others: BorrowedFd<'_>, here: &mut Option<bool>) -> Result<Ready> {
        let at_once = ready(hears, others, Some(Duration::ZERO))?;
        let sleeps = !at_once.is_any();
        if *here != Some(sleeps) && (sleeps || at_once.call) {
            drop(self.listener.wake_here(sleeps));
            *here = Some(sleeps);
        }
        Ok(if sleeps { ready(hears, others, None)? } else { at_once })
    }

    /// What each further thread does, until it is over: it sleeps while one is enough.
    fn help(&self, over: &AtomicBool) -> Result<()> {
        loop {
            thread::park();
            if over.load(Ordering::Acquire) {
                return Ok(());
            }
            while call_waits(self.listener)? {
                self.receive()?;
            }
        }
    }

    /// Receives one call, unless another thread took it, lets it go on, and records it.
    fn receive(&self) -> Result<()> {
        let mut state = lock(self.worker);
        // Receiving blocks.
        if !self.alone && !call_waits(self.listener)? {
            return Ok(());
        }
        let Some(stopped) = state.receive(self.hand, self.listener)? else { return Ok(()) };
        if is_open(&stopped) {
            drop(state);
            if let Some(next) = &self.next
                && call_waits(self.listener)?
            {
                next.unpark();
            }
            let opening = Opening::read(&stopped);
            lock(self.worker).open(stopped, opening);
        } else {
            state.record(stopped);
        }
        Ok(())
    }
}

/// What the thread does that takes in ends.
fn ends(worker: &Mutex<Worker<'_>>, listener: &Listener, end: BorrowedFd<'_>) -> Result<()> {
    let ends = lock(worker).ends().try_clone_to_owned()?;
    let mut late = None;
    loop {
        let mut waits = [PollFd::from_borrowed_fd(end, PollFlags::IN), PollFd::new(&ends, PollFlags::IN)];
        let waited_for = if late.is_some() { 1 } else { 2 };
        match poll(&mut waits[..waited_for], late.as_ref()) {
            Err(Errno::INTR) => continue,
            result => result?,
        };
        if !waits[0].revents().is_empty() {
            return Ok(());
        }
        late = lock(worker).take_ends(listener)?.then_some(Timespec { tv_sec: 0, tv_nsec: LATE.subsec_nanos().into() });
    }
}

/// A thread that panicked ends the worker, so nobody sees what it left.
fn lock<'m, 'a>(worker: &'m Mutex<Worker<'a>>) -> MutexGuard<'m, Worker<'a>> {
    worker.lock().unwrap_or_else(PoisonError::into_inner)
}
