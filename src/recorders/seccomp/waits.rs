//! Waiting for what an epoll instance tells of.

use std::mem::MaybeUninit;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use rustix::event::{Timespec, epoll};
use rustix::io::Errno;

/// Returns to what something happened, and whether there is something to receive; waits for it this long at most.
pub(super) fn happened(epoll: BorrowedFd<'_>, wait: Option<Duration>) -> Result<Vec<(u64, bool)>, Errno> {
    let wait = wait.map(|wait| Timespec { tv_sec: 0, tv_nsec: wait.subsec_nanos().into() });
    let mut room = [const { MaybeUninit::uninit() }; 64];
    match epoll::wait(epoll, &mut room, wait.as_ref()) {
        Err(Errno::INTR) => Ok(Vec::new()),
        result => {
            let events = result?.0.iter().map(|event| (event.data.u64(), event.flags));
            Ok(events.map(|(what, flags)| (what, flags.contains(epoll::EventFlags::IN))).collect())
        }
    }
}
