//! Signals that are blocked, and those that arrive as data: sigprocmask(2), signalfd(2).

use std::io;
use std::mem;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;

use super::checked;

/// Sets the blocked signals (bit n-1 for signal n) and returns those of before.
pub(super) fn set_mask(mask: Option<u64>) -> io::Result<u64> {
    let mut old = 0_u64;
    let new = mask.as_ref().map_or(ptr::null(), ptr::from_ref);
    let how = libc::SIG_SETMASK;
    // SAFETY: both point to 8 bytes or to nothing, as the last argument says.
    checked(unsafe { libc::syscall(libc::SYS_rt_sigprocmask, how, new, &raw mut old, 8) })?;
    Ok(old)
}

/// Blocks all signals in this thread while it makes something: a thread, which then never gets one that is for the process.
pub fn without_signals<T>(make: impl FnOnce() -> T) -> io::Result<T> {
    let before = set_mask(Some(!0))?;
    let made = make();
    set_mask(Some(before))?;
    Ok(made)
}

/// Signals that arrive as data, and are blocked while this lives.
#[derive(Debug)]
pub struct Signals {
    fd: OwnedFd,
    before: u64,
}

/// A signal that arrived.
#[derive(Clone, Copy, Debug)]
pub struct Arrived {
    /// Its number.
    pub signal: i32,
    /// The process that sent it by kill(2); none when the kernel did, as for a key at the terminal.
    pub sender: Option<i32>,
}

impl Signals {
    /// Blocks all signals and takes `wanted` as data. Children that end become zombies to wait for, whatever we inherited.
    pub fn take(wanted: &[i32]) -> io::Result<Self> {
        // SAFETY: sets no function of ours as handler.
        unsafe { libc::signal(libc::SIGCHLD, libc::SIG_DFL) };
        let mask = wanted.iter().fold(0_u64, |mask, signal| mask | 1 << (signal - 1));
        let flags = libc::SFD_CLOEXEC | libc::SFD_NONBLOCK;
        // SAFETY: `mask` is 8 bytes, as the third argument says.
        let number = checked(unsafe { libc::syscall(libc::SYS_signalfd4, -1, &raw const mask, 8, flags) })?;
        // SAFETY: the kernel has just made this descriptor for us.
        let fd = unsafe { OwnedFd::from_raw_fd(number as RawFd) };
        let before = set_mask(Some(!0))?;
        Ok(Self { fd, before })
    }

    /// Returns the next signal that arrived, if any.
    pub fn next(&self) -> Option<Arrived> {
        let mut info = [0_u8; size_of::<libc::signalfd_siginfo>()];
        let length = rustix::io::read(&self.fd, &mut info).ok()?;
        let field = |offset: usize| {
            let bytes = info.get(offset..offset + 4).filter(|_| length == info.len())?;
            bytes.try_into().ok().map(i32::from_ne_bytes)
        };
        let sender = field(mem::offset_of!(libc::signalfd_siginfo, ssi_pid))?;
        let by_kill = field(mem::offset_of!(libc::signalfd_siginfo, ssi_code))? <= 0;
        let signal = field(mem::offset_of!(libc::signalfd_siginfo, ssi_signo))?;
        Some(Arrived { signal, sender: by_kill.then_some(sender) })
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        while self.next().is_some() {}
        drop(set_mask(Some(self.before)));
    }
}
