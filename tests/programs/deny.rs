//! Runs a program for which Linux refuses something, as sandboxes do: `deny WHAT… -- PROGRAM ARGUMENT…`.
#![expect(unsafe_code, reason = "no safe interface installs a filter")]
use std::env::args_os;
use std::io::Error;
use std::mem::offset_of;
use std::os::unix::process::CommandExt;
use std::process::Command;

use libc::{SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO, sock_filter};

const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
const IF_EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
const IF_SET: u16 = (libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K) as u16;
const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;

fn step(code: u16, jt: u8, jf: u8, k: u32) -> sock_filter {
    sock_filter { code, jt, jf, k }
}

/// Returns the steps that refuse a call whose second argument passes a test.
fn refuse(call: i64, test: Option<(u16, u32)>, errno: i32) -> Vec<sock_filter> {
    let number = offset_of!(libc::seccomp_data, nr) as u32;
    let second = offset_of!(libc::seccomp_data, args) as u32 + 8;
    let mut steps = vec![step(LOAD, 0, 0, number), step(IF_EQUAL, 0, if test.is_some() { 3 } else { 1 }, call as u32)];
    if let Some((test, value)) = test {
        steps.extend([step(LOAD, 0, 0, second), step(test, 0, 1, value)]);
    }
    steps.push(step(RETURN, 0, 0, SECCOMP_RET_ERRNO | errno as u32));
    steps
}

fn main() {
    let words: Vec<_> = args_os().skip(1).collect();
    let mut parts = words.splitn(2, |word| word == "--");
    let (what, command) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let mut steps = Vec::new();
    for what in what {
        steps.extend(match what.to_str() {
            // Another has a listener already.
            Some("listen") => {
                let flag = libc::SECCOMP_FILTER_FLAG_NEW_LISTENER as u32;
                refuse(libc::SYS_seccomp, Some((IF_SET, flag)), libc::EBUSY)
            }
            // AppArmor of some containers.
            Some("receive") => {
                refuse(libc::SYS_ioctl, Some((IF_EQUAL, libc::SECCOMP_IOCTL_NOTIF_RECV as u32)), libc::EPERM)
            }
            Some("answer") => {
                refuse(libc::SYS_ioctl, Some((IF_EQUAL, libc::SECCOMP_IOCTL_NOTIF_SEND as u32)), libc::EPERM)
            }
            // Sandboxes of agents.
            Some("ptrace") => refuse(libc::SYS_ptrace, None, libc::EPERM),
            Some("seccomp") => refuse(libc::SYS_seccomp, None, libc::ENOSYS),
            _ => panic!("cannot deny {}", what.display()),
        });
    }
    steps.push(step(RETURN, 0, 0, SECCOMP_RET_ALLOW));
    let program = libc::sock_fprog { len: steps.len() as u16, filter: steps.as_mut_ptr() };
    let install = || {
        // SAFETY: `program` points to `steps`, which outlives the call; prctl takes numbers else.
        (unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) }) == 0
    };
    let give_up = || {
        // SAFETY: prctl takes numbers.
        (unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) }) == 0
    };
    let installed = install() || give_up() && install();
    assert!(installed, "{}", Error::last_os_error());
    let error = Command::new(&command[0]).args(&command[1..]).exec();
    panic!("{}: {error}", command[0].display());
}
