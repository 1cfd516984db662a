//! What only `unsafe` can ask of Linux, as a small safe interface; the only place that may hold `unsafe`.
//!
//! One system call per function, no policy. What rustix offers safely is not here.
#![expect(
    unsafe_code,
    reason = "seccomp, process_vm_readv, PIDFD_GET_INFO, signals before main: no safe crate has them"
)]

use std::io;
use std::mem::{self, MaybeUninit};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::ptr;
use std::sync::OnceLock;

mod filter;
mod priority;
pub mod ptrace;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
pub mod remote;
mod words;

pub use filter::Call;
use filter::{TABLE, filter};
pub use priority::go_first;
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

// ---- the filter ------------------------------------------------------------------------------------------------

/// Installs a filter that reports these calls on this thread and all that it will start; needs CAP_SYS_ADMIN or no_new_privs.
/// Who waits may be let wait so that, once received, only a signal that kills interrupts it (Linux 5.19).
pub fn install_filter(calls: &[Call], wait_killable: bool) -> io::Result<Listener> {
    let mut steps = filter(calls);
    let program = libc::sock_fprog { len: steps.len() as u16, filter: steps.as_mut_ptr() };
    let mut flags = libc::SECCOMP_FILTER_FLAG_NEW_LISTENER | libc::SECCOMP_FILTER_FLAG_SPEC_ALLOW;
    if wait_killable {
        flags |= libc::SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
    }
    // SAFETY: `program` points to `steps`, which outlives the call; the kernel copies it.
    let result = unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &program) };
    let number = checked(result)? as RawFd;
    // SAFETY: the kernel has just made this descriptor for us.
    Ok(Listener(unsafe { OwnedFd::from_raw_fd(number) }))
}

// ---- the listener ----------------------------------------------------------------------------------------------

/// The end of the filter at which its calls arrive.
#[derive(Debug)]
pub struct Listener(pub OwnedFd);

/// Room for a structure that a newer kernel may have made longer; the kernel wants it zeroed.
#[repr(C)]
struct Room<T> {
    head: T,
    spare: [u64; 64],
}

impl Listener {
    /// Says whether the kernel is to wake us on the caller's CPU, and the caller on ours (Linux 6.6); older kernels refuse,
    /// which costs time only.
    pub fn wake_here(&self, here: bool) -> io::Result<()> {
        const SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP: u64 = 1; // linux/seccomp.h
        let flags = if here { SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP } else { 0 };
        // SAFETY: this ioctl takes its flags by value.
        checked(unsafe { libc::ioctl(self.0.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_SET_FLAGS, flags) }).map(drop)
    }

    /// Tries whether its requests get through, which some containers and sandboxes block. Waits for nothing and answers
    /// nothing: the requests are malformed in ways that Linux 5.5 and newer refuse first.
    pub fn works(&self) -> io::Result<()> {
        let data = libc::seccomp_data { nr: 0, arch: 0, instruction_pointer: 0, args: [0; 6] };
        let mut room = Room { head: libc::seccomp_notif { id: 1, pid: 0, flags: 0, data }, spare: [0; 64] };
        // SAFETY: `room` is at least as long as what the kernel reads and writes.
        let received = unsafe { libc::ioctl(self.0.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_RECV, &raw mut room) };
        let received = checked(received).map(drop);
        for (result, refusal) in [(received, libc::EINVAL), (self.let_continue(0), libc::ENOENT)] {
            match result {
                Err(error) if error.raw_os_error() != Some(refusal) => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// Receives one call; none when its process was killed or interrupted meanwhile. Blocks, so poll first.
    pub fn receive(&self) -> io::Result<Option<Stopped<'_>>> {
        let data = libc::seccomp_data { nr: 0, arch: 0, instruction_pointer: 0, args: [0; 6] };
        let mut room = Room { head: libc::seccomp_notif { id: 0, pid: 0, flags: 0, data }, spare: [0; 64] };
        // SAFETY: `room` is zeroed and at least as long as what the kernel writes.
        let result = unsafe { libc::ioctl(self.0.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_RECV, &raw mut room) };
        if let Err(error) = checked(result) {
            let gone = [Some(libc::ENOENT), Some(libc::EINTR)].contains(&error.raw_os_error());
            return if gone { Ok(None) } else { Err(error) };
        }
        let libc::seccomp_notif { id, pid, data, .. } = room.head;
        let row = TABLE.iter().find(|row| row.0 == data.arch && row.1 == data.nr as u32);
        Ok(Some(Stopped {
            listener: self,
            answered: false,
            id,
            thread: pid as i32,
            call: row.map(|row| row.2),
            pointer: row.map_or(8, |row| row.3),
            args: data.args,
            instruction: data.instruction_pointer,
        }))
    }

    /// Lets the call with this number continue. An error when there is none, or when nobody has received it yet.
    pub fn let_continue(&self, id: u64) -> io::Result<()> {
        let flags = libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32;
        let mut room = Room { head: libc::seccomp_notif_resp { id, val: 0, error: 0, flags }, spare: [0; 64] };
        // SAFETY: `room` is at least as long as what the kernel reads.
        let result = unsafe { libc::ioctl(self.0.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_SEND, &raw mut room) };
        checked(result).map(drop)
    }
}

/// A thread that waits in a system call until it is let go on, by [`Stopped::go_on`] or by dropping this.
#[derive(Debug)]
#[must_use = "the process goes on when this is dropped"]
pub struct Stopped<'l> {
    listener: &'l Listener,
    answered: bool,
    /// Number of the notification.
    pub id: u64,
    /// The thread; 0 when it is in no pid namespace of ours.
    pub thread: i32,
    /// The call.
    pub call: Option<Call>,
    /// Bytes in a pointer of the caller: 8 or 4.
    pub pointer: usize,
    /// Its arguments.
    pub args: [u64; 6],
    /// The address of the instruction after the call.
    pub instruction: u64,
}

impl Stopped<'_> {
    /// Returns whether the thread still waits, so that what was read under its number was its own.
    pub fn still_waits(&self) -> bool {
        // SAFETY: the ioctl reads 8 bytes from a live u64.
        let result =
            unsafe { libc::ioctl(self.listener.0.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_ID_VALID, &raw const self.id) };
        result == 0
    }

    /// Lets the call continue; an error means that it was interrupted or killed before.
    pub fn go_on(mut self) -> io::Result<()> {
        self.answered = true;
        self.listener.let_continue(self.id)
    }
}

impl Drop for Stopped<'_> {
    fn drop(&mut self) {
        if !self.answered {
            drop(self.listener.let_continue(self.id));
        }
    }
}

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

// ---- signals and descriptors, as we were given them --------------------------------------------------------------

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

/// Sets the blocked signals (bit n-1 for signal n) and returns those of before.
fn set_mask(mask: Option<u64>) -> io::Result<u64> {
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

impl std::os::fd::AsFd for Signals {
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
