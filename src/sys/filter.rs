//! The filter: which system calls, by which numbers, are reported.

use std::mem;

/// A system call that a filter can report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// execve(path, argv, envp)
    Execve,
    /// execveat(dirfd, path, argv, envp, flags)
    Execveat,
    /// exit_group(status)
    ExitGroup,
    /// connect(fd, address, length)
    Connect,
    /// sendto(fd, bytes, length, flags, address, length of it), when an address is given
    Sendto,
    /// open(path, flags, mode), of what may be a file
    Open,
    /// creat(path, mode)
    Creat,
    /// openat(dirfd, path, flags, mode), of what may be a file
    Openat,
    /// openat2(dirfd, path, how, size of it)
    Openat2,
    /// socketcall(which, arguments): the old door of i386 to all of them
    Socketcall,
}

/// One row: AUDIT_ARCH_* (linux/audit.h), number, call, bytes in a pointer of the caller.
pub(super) type Row = (u32, u32, Call, usize);

/// What is set in the numbers of x32: __X32_SYSCALL_BIT in asm/unistd.h.
pub(super) const X32: u32 = 0x4000_0000;

#[cfg(target_arch = "x86_64")]
pub(super) const TABLE: &[Row] = {
    const X86_64: u32 = 62 | 0xc000_0000; // EM_X86_64 | __AUDIT_ARCH_64BIT | __AUDIT_ARCH_LE
    const I386: u32 = 3 | 0x4000_0000; // EM_386 | __AUDIT_ARCH_LE
    &[
        (X86_64, 59, Call::Execve, 8),
        (X86_64, 322, Call::Execveat, 8),
        (X86_64, X32 | 520, Call::Execve, 4),
        (X86_64, X32 | 545, Call::Execveat, 4),
        (X86_64, 231, Call::ExitGroup, 8),
        (X86_64, X32 | 231, Call::ExitGroup, 4),
        (X86_64, 42, Call::Connect, 8),
        (X86_64, X32 | 42, Call::Connect, 4),
        (X86_64, 44, Call::Sendto, 8),
        (X86_64, X32 | 44, Call::Sendto, 4),
        (X86_64, 2, Call::Open, 8),
        (X86_64, X32 | 2, Call::Open, 4),
        (X86_64, 85, Call::Creat, 8),
        (X86_64, X32 | 85, Call::Creat, 4),
        (X86_64, 257, Call::Openat, 8),
        (X86_64, X32 | 257, Call::Openat, 4),
        (X86_64, 437, Call::Openat2, 8),
        (X86_64, X32 | 437, Call::Openat2, 4),
        (I386, 11, Call::Execve, 4),
        (I386, 358, Call::Execveat, 4),
        (I386, 252, Call::ExitGroup, 4),
        (I386, 102, Call::Socketcall, 4),
        (I386, 362, Call::Connect, 4),
        (I386, 369, Call::Sendto, 4),
        (I386, 5, Call::Open, 4),
        (I386, 8, Call::Creat, 4),
        (I386, 295, Call::Openat, 4),
        (I386, 437, Call::Openat2, 4),
    ]
};

#[cfg(target_arch = "aarch64")]
pub(super) const TABLE: &[Row] = {
    const AARCH64: u32 = 183 | 0xc000_0000; // EM_AARCH64 | __AUDIT_ARCH_64BIT | __AUDIT_ARCH_LE
    const ARM: u32 = 40 | 0x4000_0000; // EM_ARM | __AUDIT_ARCH_LE
    &[
        (AARCH64, 221, Call::Execve, 8),
        (AARCH64, 281, Call::Execveat, 8),
        (AARCH64, 94, Call::ExitGroup, 8),
        (AARCH64, 203, Call::Connect, 8),
        (AARCH64, 206, Call::Sendto, 8),
        (AARCH64, 56, Call::Openat, 8),
        (AARCH64, 437, Call::Openat2, 8),
        (ARM, 11, Call::Execve, 4),
        (ARM, 387, Call::Execveat, 4),
        (ARM, 248, Call::ExitGroup, 4),
        (ARM, 283, Call::Connect, 4),
        (ARM, 290, Call::Sendto, 4),
        (ARM, 5, Call::Open, 4),
        (ARM, 8, Call::Creat, 4),
        (ARM, 322, Call::Openat, 4),
        (ARM, 437, Call::Openat2, 4),
    ]
};

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
pub(super) const TABLE: &[Row] = &[];

const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
const IF_EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;
const ALLOW: libc::sock_filter = step(RETURN, 0, 0, libc::SECCOMP_RET_ALLOW);
const REPORT: libc::sock_filter = step(RETURN, 0, 0, libc::SECCOMP_RET_USER_NOTIF);

const fn step(code: u16, jt: u8, jf: u8, k: u32) -> libc::sock_filter {
    libc::sock_filter { code, jt, jf, k }
}

/// Returns the filter that reports these calls; for each architecture its own, all else is allowed.
pub(super) fn filter(calls: &[Call]) -> Vec<libc::sock_filter> {
    let mut program = vec![step(LOAD, 0, 0, mem::offset_of!(libc::seccomp_data, arch) as u32)];
    let rows: Vec<&Row> = TABLE.iter().filter(|row| calls.contains(&row.2)).collect();
    for group in rows.chunk_by(|a, b| a.0 == b.0) {
        let (judged, plain): (Vec<&Row>, Vec<&Row>) = group.iter().copied().partition(|row| condition(row.2).is_some());
        let mut body = vec![step(LOAD, 0, 0, mem::offset_of!(libc::seccomp_data, nr) as u32)];
        for row in judged {
            let condition = condition(row.2).unwrap_or_default();
            body.push(step(IF_EQUAL, 0, condition.len() as u8, row.1));
            body.extend(condition);
        }
        for (left, row) in (1..=plain.len() as u8).rev().zip(plain) {
            body.push(step(IF_EQUAL, left, 0, row.1));
        }
        body.extend([ALLOW, REPORT]);
        program.push(step(IF_EQUAL, 0, body.len() as u8, group[0].0));
        program.extend(body);
    }
    program.push(ALLOW);
    program
}

/// Returns what decides from a call's arguments whether it is reported; none when it always is.
fn condition(call: Call) -> Option<Vec<libc::sock_filter>> {
    // Both processors are little-endian: the low half of an argument comes first.
    let argument = |number: u32| mem::offset_of!(libc::seccomp_data, args) as u32 + 8 * number;
    match call {
        // send(2) is sendto(2) without an address: the bulk of what a program sends.
        Call::Sendto => Some(vec![
            step(LOAD, 0, 0, argument(4)),
            step(IF_EQUAL, 0, 3, 0),
            step(LOAD, 0, 0, argument(4) + 4),
            step(IF_EQUAL, 0, 1, 0),
            ALLOW,
            REPORT,
        ]),
        Call::Open => Some(no_folder(argument(1))),
        Call::Openat => Some(no_folder(argument(2))),
        _ => None,
    }
}

/// Returns what lets opens of folders pass: the flag has the same value for all programs of a machine.
fn no_folder(flags: u32) -> Vec<libc::sock_filter> {
    const IF_SET: u16 = (libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K) as u16;
    vec![step(LOAD, 0, 0, flags), step(IF_SET, 0, 1, libc::O_DIRECTORY as u32), ALLOW, REPORT]
}
