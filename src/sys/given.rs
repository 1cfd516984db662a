//! What this process was started with, signals and descriptors, and how it is handed on to a program that it starts.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::ptr;
use std::sync::OnceLock;

use super::checked;
use super::signals::set_mask;

/// What this process was started with and Rust's runtime changes before main.
struct AtStart {
    blocked: u64,
    ignored: [bool; INHERITED.len()],
    closed: [bool; 3],
}

/// Signals whose disposition we change or the runtime changed.
const INHERITED: [i32; 2] = [libc::SIGPIPE, libc::SIGCHLD];

static AT_START: OnceLock<AtStart> = OnceLock::new();

// SAFETY: the dynamic loader calls the functions in this section once, before main, with arguments that C lets us ignore.
#[cfg_attr(target_os = "linux", unsafe(link_section = ".init_array"))]
#[used]
static BEFORE_MAIN: extern "C" fn() = before_main;

extern "C" fn before_main() {
    let ignored = INHERITED.map(|signal| {
        let mut old = MaybeUninit::<libc::sigaction>::zeroed();
        // SAFETY: only asks; `old` is as long as a sigaction.
        unsafe { libc::sigaction(signal, ptr::null(), old.as_mut_ptr()) };
        // SAFETY: a sigaction is integers and an optional function; zero is valid, and the kernel has filled it.
        unsafe { old.assume_init() }.sa_sigaction == libc::SIG_IGN
    });
    // SAFETY: only asks for the flags of a number that may be no descriptor.
    let closed = [0, 1, 2].map(|number| unsafe { libc::fcntl(number, libc::F_GETFD) } < 0);
    let blocked = set_mask(None).unwrap_or(0);
    drop(AT_START.set(AtStart { blocked, ignored, closed }));
}

/// Makes `command` start its program with the signals and standard descriptors that this process was started with, and
/// with `keep` open.
pub fn hand_on(command: &mut Command, keep: Option<BorrowedFd<'_>>) {
    let keep = keep.map(|fd| fd.as_raw_fd());
    let restore = move || {
        if let Some(number) = keep {
            // SAFETY: only sets the flags of a descriptor that the caller has open.
            checked(unsafe { libc::fcntl(number, libc::F_SETFD, 0) })?;
        }
        let Some(start) = AT_START.get() else { return Ok(()) };
        for (signal, ignored) in INHERITED.into_iter().zip(start.ignored) {
            // SAFETY: sets no function of ours as handler.
            unsafe { libc::signal(signal, if ignored { libc::SIG_IGN } else { libc::SIG_DFL }) };
        }
        for number in (0..3).filter(|number| start.closed[*number as usize]) {
            // SAFETY: this process is about to run another program; nothing of ours uses the number after this.
            unsafe { libc::close(number) };
        }
        set_mask(Some(start.blocked)).map(drop)
    };
    // SAFETY: between fork and exec `restore` makes system calls only: it allocates nothing and takes no lock.
    unsafe { command.pre_exec(restore) };
}

/// Takes over a descriptor that our parent left open for us under this number. It must be a socket above 2.
pub fn inherited_socket(number: RawFd) -> io::Result<OwnedFd> {
    let mut kind = 0_i32;
    let mut length = size_of::<i32>() as libc::socklen_t;
    // SAFETY: `kind` and `length` live through the call and say their own size.
    let result =
        unsafe { libc::getsockopt(number, libc::SOL_SOCKET, libc::SO_TYPE, (&raw mut kind).cast(), &raw mut length) };
    checked(result)?;
    // SAFETY: only sets the flags of a descriptor that was just seen to be open.
    checked(unsafe { libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) })?;
    if number <= 2 {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: it is open, and a hidden argument of our own says that it was left open for us alone.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// Closes every descriptor above 2 that would survive exec: none of ours does, so these are what we were started with.
pub fn close_inherited() -> io::Result<()> {
    let names = std::fs::read_dir("/proc/self/fd")?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    for number in names.filter_map(|name| name.parse::<RawFd>().ok()).collect::<Vec<_>>() {
        // SAFETY: only asks for the flags of a number that may be no descriptor.
        let flags = unsafe { libc::fcntl(number, libc::F_GETFD) };
        if number > 2 && flags >= 0 && flags & libc::FD_CLOEXEC == 0 {
            // SAFETY: Rust opens everything close-on-exec, so no object of ours owns this one.
            unsafe { libc::close(number) };
        }
    }
    Ok(())
}
