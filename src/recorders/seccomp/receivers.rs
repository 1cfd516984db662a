//! Who receives from the filter: the worker's thread, and where opens are recorded more of them, one for each processor but
//! one, up to four. Each that is free is woken where the process runs that waits, and reads by itself what that opens;
//! everything else is one at a time. Ends of processes are taken in by a thread of their own, many at a time.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::Result;
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::io::Errno;

use super::waits::happened;
use super::worker::{LISTENER, Worker, is_open};
use crate::recorders::Depth;
use crate::recorders::exec::WorkerArgs;
use crate::recorders::exec::opens::Opening;
use crate::sys::Listener;

/// The most threads that receive.
const MOST: usize = 4;
/// How late an end may be taken in that comes soon after another: to be woken for each costs the session more than all else.
const LATE: Duration = Duration::from_millis(10);
/// An event of a receiver: the session has ended.
const END: u64 = 0;

/// Lets an epoll instance tell of the listener: of those that wait, one is woken.
pub(super) fn watch(epoll: BorrowedFd<'_>, listener: &Listener) -> Result<()> {
    let flags = EventFlags::IN | EventFlags::EXCLUSIVE;
    Ok(epoll::add(epoll, &listener.0, EventData::new_u64(LISTENER), flags)?)
}

/// Records until the last recorded process is gone.
pub(super) fn record(worker: Worker<'_>, listener: &Listener, args: &WorkerArgs) -> Result<()> {
    // With as many as processors a process that waits is woken from another one, which costs more than waiting in turn.
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let receivers = args.receivers.unwrap_or(processors - 1).clamp(1, MOST);
    let more = if args.depth >= Depth::Full { receivers - 1 } else { 0 };
    let own = worker.epoll.as_fd().try_clone_to_owned()?;
    let end = eventfd(0, EventfdFlags::CLOEXEC)?;
    let worker = Mutex::new(worker);
    thread::scope(|scope| {
        for _ in 0..more {
            scope.spawn(|| or_end(|| further(&worker, listener, end.as_fd())));
        }
        scope.spawn(|| or_end(|| ends(&worker, listener, end.as_fd())));
        let result = main(&worker, listener, own.as_fd());
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

/// What the worker's own thread does: it also deals with all else that happens.
fn main(worker: &Mutex<Worker<'_>>, listener: &Listener, epoll: BorrowedFd<'_>) -> Result<()> {
    while lock(worker).goes_on() {
        for (what, input) in happened(epoll, None)? {
            if what == LISTENER && input {
                receive(worker, listener)?;
            } else {
                lock(worker).deal_with(listener, what)?;
            }
        }
    }
    Ok(())
}

/// What each further thread does.
fn further(worker: &Mutex<Worker<'_>>, listener: &Listener, end: BorrowedFd<'_>) -> Result<()> {
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    watch(epoll.as_fd(), listener)?;
    epoll::add(&epoll, end, EventData::new_u64(END), EventFlags::IN)?;
    loop {
        for (what, input) in happened(epoll.as_fd(), None)? {
            if what == END || !input {
                return Ok(());
            }
            receive(worker, listener)?;
        }
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

/// Receives one call, unless another thread took it, lets it go on, and records it.
fn receive(worker: &Mutex<Worker<'_>>, listener: &Listener) -> Result<()> {
    let mut state = lock(worker);
    let none = Timespec { tv_sec: 0, tv_nsec: 0 };
    // Receiving blocks; and who is not polled for has perhaps been interrupted.
    let mut waits = [PollFd::new(&listener.0, PollFlags::IN)];
    if poll(&mut waits, Some(&none))? == 0 || !waits[0].revents().contains(PollFlags::IN) {
        return Ok(());
    }
    let Some(stopped) = state.receive(listener)? else { return Ok(()) };
    if is_open(&stopped) {
        drop(state);
        let opening = Opening::read(&stopped);
        lock(worker).open(stopped, opening);
    } else {
        state.record(stopped);
    }
    Ok(())
}

/// A thread that panicked ends the worker, so nobody sees what it left.
fn lock<'m, 'a>(worker: &'m Mutex<Worker<'a>>) -> MutexGuard<'m, Worker<'a>> {
    worker.lock().unwrap_or_else(PoisonError::into_inner)
}
