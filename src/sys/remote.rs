//! System calls in another process, by ptrace(2): a thread of it is stopped, makes them in place of its own work, and then
//! goes on as if nothing had been.
//!
//! A call that it waited in is begun again by the kernel; one that cannot be begun again (epoll_wait) ends with EINTR, as it
//! does when a process is stopped and goes on. What is written into its memory is put below its stack, and taken away again.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use rustix::process::{Pid, WaitOptions, waitpid};

use super::filter::filter;
use super::ptrace::{self, Stop, request};
use super::{Call, checked};
use cpu::WORDS;

/// Also threads: __WALL in linux/wait.h.
const ALL: u32 = 0x4000_0000;
/// How long a thread may take to stop: one that waits for a disk cannot.
const PATIENCE: Duration = Duration::from_secs(5);
/// What a program may use below its stack pointer without saying so.
const RED_ZONE: u64 = 128;

/// Registers of a thread, as NT_PRSTATUS gives them.
#[cfg(target_arch = "x86_64")]
mod cpu {
    pub(super) const WORDS: usize = 27;
    /// `syscall`.
    pub(super) const INSTRUCTION: &[u8; 2] = &[0x0f, 0x05];
    pub(super) const PC: usize = 16;
    pub(super) const SP: usize = 19;
    pub(super) const RESULT: usize = 10;

    /// Sets what a system call takes; 17 is CS, which tells programs of 32 bits.
    pub(super) fn call(words: &mut [u64; WORDS], number: u64, args: [u64; 3]) {
        const NONE: u64 = u64::MAX; // orig_rax: this is no call that could be begun again.
        (words[10], words[15]) = (number, NONE);
        (words[14], words[13], words[12]) = (args[0], args[1], args[2]);
    }

    pub(super) fn is_wide(words: &[u64; WORDS]) -> bool {
        words[17] == 0x33
    }
}

/// Registers of a thread, as NT_PRSTATUS gives them.
#[cfg(target_arch = "aarch64")]
mod cpu {
    pub(super) const WORDS: usize = 34;
    /// `svc #0`.
    pub(super) const INSTRUCTION: &[u8; 4] = &[0x01, 0x00, 0x00, 0xd4];
    pub(super) const PC: usize = 32;
    pub(super) const SP: usize = 31;
    pub(super) const RESULT: usize = 0;

    /// Sets what a system call takes.
    pub(super) fn call(words: &mut [u64; WORDS], number: u64, args: [u64; 3]) {
        words[8] = number;
        words[..3].copy_from_slice(&args);
    }

    /// Programs of 32 bits have PSR_MODE32_BIT.
    pub(super) fn is_wide(words: &[u64; WORDS]) -> bool {
        words[33] & 0x10 == 0
    }
}

/// A thread that is stopped, until this is dropped.
#[derive(Debug)]
pub struct Remote {
    thread: i32,
    memory: File,
    registers: [u64; WORDS],
    /// Its blocked signals.
    mask: u64,
    /// Where a system call instruction is.
    instruction: u64,
    /// What was in the memory that was written to.
    below: Option<(u64, Vec<u8>)>,
    called: bool,
}

/// Waits until a traced thread stops; an error when it ended, or takes too long.
fn wait(thread: i32) -> io::Result<i32> {
    let pid = Pid::from_raw(thread).ok_or(io::ErrorKind::InvalidInput)?;
    let end = Instant::now() + PATIENCE;
    loop {
        match waitpid(Some(pid), WaitOptions::from_bits_retain(ALL) | WaitOptions::NOHANG)? {
            Some((_, status)) if status.stopped() => return Ok(status.as_raw()),
            Some(_) => return Err(io::Error::from_raw_os_error(libc::ESRCH)),
            None if Instant::now() > end => return Err(io::ErrorKind::TimedOut.into()),
            None => std::thread::sleep(Duration::from_micros(50)),
        }
    }
}

/// Stops a traced thread between two instructions of its program, or in a call that the kernel can begin again.
fn interrupt(thread: i32) -> io::Result<()> {
    request(libc::PTRACE_INTERRUPT as _, thread, 0, 0)?;
    loop {
        match Stop::from_wait(wait(thread)?) {
            Some(Stop::Begin) => return Ok(()),
            Some(Stop::Signal(signal)) => ptrace::go_on(thread, signal)?,
            Some(Stop::Group(_)) => {
                drop(ptrace::let_go(thread, 0));
                return Err(io::ErrorKind::ResourceBusy.into());
            }
            _ => ptrace::go_on(thread, 0)?,
        }
    }
}

/// Moves a thread's registers: PTRACE_GETREGSET or PTRACE_SETREGSET.
fn move_registers(request: libc::c_uint, thread: i32, words: &mut [u64; WORDS]) -> io::Result<()> {
    const NT_PRSTATUS: usize = 1; // elf.h
    let mut room = libc::iovec { iov_base: words.as_mut_ptr().cast(), iov_len: size_of::<[u64; WORDS]>() };
    let number = libc::SYS_ptrace;
    // SAFETY: the kernel reads or writes at most `iov_len` bytes of `words`, all of whose bit patterns are valid.
    checked(unsafe { libc::syscall(number, request as usize, thread as isize, NT_PRSTATUS, &raw mut room) })?;
    if room.iov_len == size_of::<[u64; WORDS]>() { Ok(()) } else { Err(io::ErrorKind::Unsupported.into()) }
}

/// Moves a thread's blocked signals: PTRACE_GETSIGMASK or PTRACE_SETSIGMASK.
fn move_mask(request: libc::c_uint, thread: i32, mask: &mut u64) -> io::Result<()> {
    let number = libc::SYS_ptrace;
    // SAFETY: the kernel reads or writes 8 bytes of a live u64, as the third argument says.
    checked(unsafe { libc::syscall(number, request as usize, thread as isize, 8_usize, &raw mut *mask) }).map(drop)
}

/// Finds a system call instruction: the one that a thread waits in, else one of the kernel's own page.
fn instruction(thread: i32, memory: &File, pc: u64) -> io::Result<u64> {
    let length = cpu::INSTRUCTION.len();
    let before = pc.wrapping_sub(length as u64);
    let mut bytes = [0; cpu::INSTRUCTION.len()];
    if memory.read_exact_at(&mut bytes, before).is_ok() && bytes == *cpu::INSTRUCTION {
        return Ok(before);
    }
    let maps = std::fs::read_to_string(format!("/proc/{thread}/maps"))?;
    let range = maps.lines().find(|line| line.ends_with("[vdso]")).and_then(|line| {
        let (start, end) = line.split(' ').next()?.split_once('-')?;
        Some((u64::from_str_radix(start, 16).ok()?, u64::from_str_radix(end, 16).ok()?))
    });
    let (start, end) = range.ok_or(io::ErrorKind::Unsupported)?;
    let mut page = vec![0; (end - start) as usize];
    memory.read_exact_at(&mut page, start)?;
    let found = page.windows(length).position(|window| window == cpu::INSTRUCTION);
    found.map(|at| start + at as u64).ok_or_else(|| io::ErrorKind::Unsupported.into())
}

impl Remote {
    /// Stops a thread. Programs of 32 bits are not supported; what waits for a debugger or a disk takes too long.
    pub fn stop(thread: i32) -> io::Result<Self> {
        let memory = File::options().read(true).write(true).open(format!("/proc/{thread}/mem"))?;
        request(libc::PTRACE_SEIZE as _, thread, 0, libc::PTRACE_O_TRACESYSGOOD as usize)?;
        interrupt(thread)?;
        let stopped = Self::new(thread, memory);
        if stopped.is_err() {
            drop(ptrace::let_go(thread, 0));
        }
        stopped
    }

    /// Takes note of how a stopped thread is, and blocks its signals.
    fn new(thread: i32, memory: File) -> io::Result<Self> {
        let mut registers = [0; WORDS];
        move_registers(libc::PTRACE_GETREGSET as _, thread, &mut registers)?;
        if !cpu::is_wide(&registers) {
            return Err(io::ErrorKind::Unsupported.into());
        }
        let instruction = instruction(thread, &memory, registers[cpu::PC])?;
        let mut mask = 0;
        move_mask(libc::PTRACE_GETSIGMASK as _, thread, &mut mask)?;
        move_mask(libc::PTRACE_SETSIGMASK as _, thread, &mut { u64::MAX })?;
        Ok(Self { thread, memory, registers, mask, instruction, below: None, called: false })
    }

    /// Makes a system call in the thread.
    fn call(&mut self, number: i64, args: [u64; 3]) -> io::Result<u64> {
        self.called = true;
        let mut words = self.registers;
        words[cpu::PC] = self.instruction;
        cpu::call(&mut words, number as u64, args);
        move_registers(libc::PTRACE_SETREGSET as _, self.thread, &mut words)?;
        for _ in 0..2 {
            // It begins, and it is done.
            const SYSCALL: Option<Stop> = Some(Stop::Signal(libc::SIGTRAP | 0x80));
            loop {
                request(libc::PTRACE_SYSCALL as _, self.thread, 0, 0)?;
                if Stop::from_wait(wait(self.thread)?) == SYSCALL {
                    break;
                }
            }
        }
        move_registers(libc::PTRACE_GETREGSET as _, self.thread, &mut words)?;
        match words[cpu::RESULT] as i64 {
            error @ -4095..0 => Err(io::Error::from_raw_os_error(-error as i32)),
            result => Ok(result as u64),
        }
    }

    /// Installs a filter that reports these calls on all threads of the process and all that they will start. Returns the
    /// number of its listener there. It needs what [`install_filter`](super::install_filter) needs, there.
    pub fn install_filter(&mut self, calls: &[Call]) -> io::Result<i32> {
        let steps = filter(calls);
        let length = 16 + 8 * steps.len();
        let at = (self.registers[cpu::SP] - RED_ZONE - length as u64) & !15;
        let mut bytes = [(steps.len() as u64).to_le_bytes(), (at + 16).to_le_bytes()].concat();
        for step in &steps {
            bytes.extend(step.code.to_le_bytes());
            bytes.extend([step.jt, step.jf]);
            bytes.extend(step.k.to_le_bytes());
        }
        let mut before = vec![0; length];
        self.memory.read_exact_at(&mut before, at)?;
        self.below = Some((at, before));
        self.memory.write_all_at(&bytes, at)?;
        let flags = libc::SECCOMP_FILTER_FLAG_NEW_LISTENER
            | libc::SECCOMP_FILTER_FLAG_SPEC_ALLOW
            | libc::SECCOMP_FILTER_FLAG_TSYNC
            | libc::SECCOMP_FILTER_FLAG_TSYNC_ESRCH;
        let operation = u64::from(libc::SECCOMP_SET_MODE_FILTER);
        self.call(libc::SYS_seccomp, [operation, flags, at]).map(|number| number as i32)
    }

    /// Closes a descriptor of the process.
    pub fn close(&mut self, number: i32) -> io::Result<()> {
        self.call(libc::SYS_close, [number as u64, 0, 0]).map(drop)
    }
}

impl Drop for Remote {
    /// Puts back what it was, and lets it go on untraced.
    fn drop(&mut self) {
        if self.called {
            // Only in such a stop does the kernel look at whether a call is to be begun again.
            let again = request(libc::PTRACE_INTERRUPT as _, self.thread, 0, 0);
            drop(again.and_then(|()| ptrace::go_on(self.thread, 0)));
            while let Ok(word) = wait(self.thread)
                && Stop::from_wait(word) != Some(Stop::Begin)
            {
                drop(ptrace::go_on(self.thread, 0));
            }
        }
        if let Some((at, before)) = &self.below {
            drop(self.memory.write_all_at(before, *at));
        }
        drop(move_registers(libc::PTRACE_SETREGSET as _, self.thread, &mut self.registers));
        drop(move_mask(libc::PTRACE_SETSIGMASK as _, self.thread, &mut self.mask));
        drop(ptrace::let_go(self.thread, 0));
    }
}
