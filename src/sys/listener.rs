//! The filter of a thread, and the end of it at which its calls arrive: seccomp_unotify(2).

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use super::checked;
use super::filter::{Call, TABLE, X32, filter};

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
            is_x32: data.nr as u32 & X32 != 0,
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
    /// Whether it is one of x32, which the kernel may not know: most have it switched off.
    pub is_x32: bool,
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
