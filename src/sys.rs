//! What only `unsafe` can ask of Linux, as a small safe interface; the only place that may hold `unsafe`.
//!
//! One system call per function, no policy. What rustix offers safely is not here.
#![expect(
    unsafe_code,
    reason = "seccomp, process_vm_readv, PIDFD_GET_INFO, signals before main: no safe crate has them"
)]

use std::io;
use std::mem;
use std::os::fd::{AsRawFd, BorrowedFd};

mod filter;
mod given;
mod listener;
mod priority;
pub mod ptrace;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
pub mod remote;
mod signals;
mod words;

pub use filter::Call;
pub use given::{close_inherited, hand_on, inherited_socket};
pub use listener::{Listener, Stopped, install_filter};
pub use priority::go_first;
pub use signals::{Arrived, Signals, without_signals};
pub use words::Words;

/// Returns the result of a system call, or the error in `errno`.
fn checked(result: impl TryInto<i64>) -> io::Result<i64> {
    match result.try_into() {
        Ok(value) if value >= 0 => Ok(value),
        _ => Err(io::Error::last_os_error()),
    }
}

// ---- programs that this machine runs -------------------------------------------------------------------------------

/// ELF machines (elf.h) that this kernel runs by itself.
#[cfg(target_arch = "x86_64")]
pub const MACHINES: &[u16] = &[62, 3];
/// ELF machines (elf.h) that this kernel runs by itself.
#[cfg(target_arch = "aarch64")]
pub const MACHINES: &[u16] = &[183, 40];
/// ELF machines (elf.h) that this kernel runs by itself.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
pub const MACHINES: &[u16] = &[];

// ---- other processes -------------------------------------------------------------------------------------------

/// Reads ranges (address, length) of another process's memory, one after the other, into `into`. Returns how many bytes:
/// it ends before the first range that is not there.
pub fn read_memory(pid: i32, ranges: &[(u64, usize)], into: &mut [u8]) -> io::Result<usize> {
    let total: usize = ranges.iter().map(|range| range.1).sum();
    let local = libc::iovec { iov_base: into.as_mut_ptr().cast(), iov_len: into.len().min(total) };
    let far = |range: &(u64, usize)| libc::iovec { iov_base: range.0 as usize as *mut _, iov_len: range.1 };
    let remote: Vec<_> = ranges.iter().map(far).collect();
    // SAFETY: `local` is exactly `into` or its beginning; the remote addresses are only read, in another process.
    let result = unsafe { libc::process_vm_readv(pid, &raw const local, 1, remote.as_ptr(), remote.len() as u64, 0) };
    checked(result).map(|length| length as usize)
}

/// What the kernel says of a process.
#[derive(Clone, Copy, Debug)]
pub struct Info {
    /// Its parent, 0 when that is in no pid namespace of ours.
    pub parent: i32,
    /// Its effective user.
    pub euid: u32,
    /// Its effective group.
    pub egid: u32,
}

fn pidfd_info(pidfd: BorrowedFd<'_>, mask: u32) -> io::Result<libc::pidfd_info> {
    // SAFETY: the structure is integers only, for which zero is valid.
    let mut info: libc::pidfd_info = unsafe { mem::zeroed() };
    info.mask = u64::from(mask);
    // SAFETY: the ioctl's number says how long `info` is; the kernel writes no more.
    checked(unsafe { libc::ioctl(pidfd.as_raw_fd(), libc::PIDFD_GET_INFO, &raw mut info) })?;
    Ok(info)
}

/// Returns what the kernel says of a living process (Linux 6.13).
pub fn process_info(pidfd: BorrowedFd<'_>) -> io::Result<Info> {
    let info = pidfd_info(pidfd, libc::PIDFD_INFO_PID | libc::PIDFD_INFO_CREDS)?;
    Ok(Info { parent: info.ppid as i32, euid: info.euid, egid: info.egid })
}

/// Returns the leader of a process's session, as getsid(2) tells it; none when the process is gone, or when its leader
/// is outside of this PID namespace, where a container's processes were started from (pid_namespaces(7): it reads 0).
pub fn session_leader(pid: i32) -> Option<i32> {
    // SAFETY: takes and gives numbers.
    let leader = unsafe { libc::getsid(pid) };
    (leader > 0).then_some(leader)
}

/// Returns the wait(2) status of a process that ended and was reaped, whoever did it; none before (Linux 6.15).
pub fn wait_status(pidfd: BorrowedFd<'_>) -> io::Result<Option<i32>> {
    let info = pidfd_info(pidfd, libc::PIDFD_INFO_EXIT)?;
    Ok((info.mask & u64::from(libc::PIDFD_INFO_EXIT) != 0).then_some(info.exit_code))
}
