//! ptrace(2) as a tracer uses it that attaches with PTRACE_SEIZE.

use std::io;
use std::mem::MaybeUninit;

use super::checked;
use super::filter::TABLE;

/// What is told of the traced: each exec that succeeds, and all that they make is traced from its first step on. They go
/// on untraced when the tracer is gone (no PTRACE_O_EXITKILL).
const OPTIONS: usize =
    (libc::PTRACE_O_TRACEEXEC | libc::PTRACE_O_TRACEFORK | libc::PTRACE_O_TRACEVFORK | libc::PTRACE_O_TRACECLONE)
        as usize;

/// The stop of a thread by ptrace, as wait(2) tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// It made a process or a thread.
    Made,
    /// It runs another program.
    Exec,
    /// It is traced now, or is no longer stopped as a part of its process.
    Begin,
    /// This signal stopped its whole process.
    Group(i32),
    /// This signal is about to reach it.
    Signal(i32),
}

impl Stop {
    /// Reads a status word; none when it tells of an end.
    pub fn from_wait(word: i32) -> Option<Self> {
        if word & 0xff != 0x7f {
            return None;
        }
        let signal = word >> 8 & 0xff;
        Some(match word >> 16 {
            libc::PTRACE_EVENT_FORK | libc::PTRACE_EVENT_VFORK | libc::PTRACE_EVENT_CLONE => Self::Made,
            libc::PTRACE_EVENT_EXEC => Self::Exec,
            libc::PTRACE_EVENT_STOP if signal == libc::SIGTRAP => Self::Begin,
            libc::PTRACE_EVENT_STOP => Self::Group(signal),
            _ => Self::Signal(signal),
        })
    }
}

/// Makes a request that takes its address and its data by value.
pub(super) fn request(request: libc::c_uint, thread: i32, address: usize, data: usize) -> io::Result<()> {
    // SAFETY: the requests that come here take numbers only.
    checked(unsafe { libc::syscall(libc::SYS_ptrace, request as usize, thread as isize, address, data) }).map(drop)
}

/// Traces a thread from now on, without stopping it.
pub fn seize(thread: i32) -> io::Result<()> {
    request(libc::PTRACE_SEIZE as _, thread, 0, OPTIONS)
}

/// Lets a stopped thread go on; it gets this signal, 0 for none.
pub fn go_on(thread: i32, signal: i32) -> io::Result<()> {
    request(libc::PTRACE_CONT as _, thread, 0, signal as usize)
}

/// Leaves a thread stopped as its process is; it is told when that ends.
pub fn leave_stopped(thread: i32) -> io::Result<()> {
    request(libc::PTRACE_LISTEN as _, thread, 0, 0)
}

/// Lets a stopped thread go on untraced; it gets this signal, 0 for none.
pub fn let_go(thread: i32, signal: i32) -> io::Result<()> {
    request(libc::PTRACE_DETACH as _, thread, 0, signal as usize)
}

/// Returns the thread or process that a thread made which stopped for that; for one that stopped for an exec, the number
/// that it had before.
pub fn made(thread: i32) -> io::Result<i32> {
    let mut message = MaybeUninit::<libc::c_ulong>::uninit();
    let (number, request) = (libc::SYS_ptrace, libc::PTRACE_GETEVENTMSG as usize);
    // SAFETY: the kernel writes one unsigned long to `message`.
    checked(unsafe { libc::syscall(number, request, thread as isize, 0_usize, message.as_mut_ptr()) })?;
    // SAFETY: the call succeeded, so it is written.
    Ok(unsafe { message.assume_init() } as i32)
}

/// Whether [`run_again`] can be done on this machine.
pub const RUNS_AGAIN: bool = cfg!(target_arch = "x86_64");

/// Makes a thread that stopped for an exec do that exec once more, as soon as it goes on: of the path, the arguments and the
/// environment at these places of its memory.
#[cfg(target_arch = "x86_64")]
pub fn run_again(thread: i32, path: u64, argv: u64, environment: u64) -> io::Result<()> {
    const AGAIN: [u8; 8] = [0xb8, 59, 0, 0, 0, 0x0f, 0x05, 0xf4]; // mov eax, 59 (execve); syscall; hlt
    let mut registers = MaybeUninit::<libc::user_regs_struct>::uninit();
    let (number, get) = (libc::SYS_ptrace, libc::PTRACE_GETREGS as usize);
    // SAFETY: the kernel writes one user_regs_struct to `registers`.
    checked(unsafe { libc::syscall(number, get, thread as isize, 0_usize, registers.as_mut_ptr()) })?;
    // SAFETY: the call succeeded, so it is written.
    let mut registers = unsafe { registers.assume_init() };
    // The program has not begun, so nothing that it is needs its first instructions.
    request(libc::PTRACE_POKETEXT as _, thread, registers.rip as usize, usize::from_le_bytes(AGAIN))?;
    (registers.rdi, registers.rsi, registers.rdx) = (path, argv, environment);
    let set = libc::PTRACE_SETREGS as usize;
    // SAFETY: the kernel reads one user_regs_struct.
    checked(unsafe { libc::syscall(number, set, thread as isize, 0_usize, &raw const registers) }).map(drop)
}

/// Makes a thread that stopped for an exec do that exec once more: not on this machine.
#[cfg(not(target_arch = "x86_64"))]
pub fn run_again(_thread: i32, _path: u64, _argv: u64, _environment: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// The head of struct ptrace_syscall_info in linux/ptrace.h.
#[repr(C)]
struct Registers {
    operation: u8,
    reserved: [u8; 3],
    architecture: u32,
    instruction: u64,
    stack: u64,
}

/// Returns the stack pointer of a stopped thread, and how many bytes a pointer of its program has (Linux 5.3).
pub fn stack(thread: i32) -> io::Result<(u64, usize)> {
    let mut head = Registers { operation: 0, reserved: [0; 3], architecture: 0, instruction: 0, stack: 0 };
    let (number, request) = (libc::SYS_ptrace, libc::PTRACE_GET_SYSCALL_INFO as usize);
    let size = size_of::<Registers>();
    // SAFETY: the kernel writes at most `size` bytes to `head`, all of whose bit patterns are valid.
    checked(unsafe { libc::syscall(number, request, thread as isize, size, &raw mut head) })?;
    let pointer = TABLE.iter().find(|row| row.0 == head.architecture).map_or(8, |row| row.3);
    Ok((head.stack, pointer))
}
