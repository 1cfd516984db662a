//! Waiting: for calls, and for what an epoll instance tells of.

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, epoll, poll};
use rustix::io::Errno;

use crate::sys::Listener;

/// What there is to deal with.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ready {
    /// A call waits to be received.
    pub call: bool,
    /// No call will ever come again.
    pub ended: bool,
    /// Something else happened.
    pub other: bool,
}

impl Ready {
    /// Returns whether there is anything.
    pub(super) fn is_any(self) -> bool {
        self.call || self.ended || self.other
    }
}

/// Waits for a call, where there is a listener, or for another descriptor to be readable; this long at most.
///
/// The listener is polled by itself: who waits for it through an epoll instance is woken on an idle processor (`ep_poll_callback`
/// in fs/eventpoll.c forgets on which one to wake), which takes ten times as long.
pub(super) fn ready(
    listener: Option<&Listener>,
    other: BorrowedFd<'_>,
    wait: Option<Duration>,
) -> Result<Ready, Errno> {
    let wait = wait.map(timespec);
    let call = listener.map_or(other, |listener| listener.0.as_fd());
    let mut fds = [PollFd::from_borrowed_fd(other, PollFlags::IN), PollFd::from_borrowed_fd(call, PollFlags::IN)];
    let asked = if listener.is_some() { 2 } else { 1 };
    match poll(&mut fds[..asked], wait.as_ref()) {
        Err(Errno::INTR) => return Ok(Ready::default()),
        result => result?,
    };
    let [other, call] = [fds[0].revents(), if listener.is_some() { fds[1].revents() } else { PollFlags::empty() }];
    let input = call.contains(PollFlags::IN);
    Ok(Ready { call: input, ended: !input && !call.is_empty(), other: !other.is_empty() })
}

/// Returns whether a call waits to be received.
pub(super) fn call_waits(listener: &Listener) -> Result<bool, Errno> {
    let mut fds = [PollFd::new(&listener.0, PollFlags::IN)];
    poll(&mut fds, Some(&Timespec::default()))?;
    Ok(fds[0].revents().contains(PollFlags::IN))
}

/// Returns to what something happened; waits for it this long at most.
pub(super) fn happened(epoll: BorrowedFd<'_>, wait: Option<Duration>) -> Result<Vec<u64>, Errno> {
    let mut room = [const { MaybeUninit::uninit() }; 64];
    match epoll::wait(epoll, &mut room, wait.map(timespec).as_ref()) {
        Err(Errno::INTR) => Ok(Vec::new()),
        result => Ok(result?.0.iter().map(|event| event.data.u64()).collect()),
    }
}

fn timespec(wait: Duration) -> Timespec {
    Timespec { tv_sec: wait.as_secs() as i64, tv_nsec: wait.subsec_nanos().into() }
}
