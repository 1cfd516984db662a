//! Programs that need more rights than their caller, such as `sudo`. Linux gives them none while a tracer without
//! CAP_SYS_PTRACE has them; so they do their exec once more, and we are gone by then.

use std::fs;
use std::os::unix::fs::MetadataExt;

use rustix::fs::getxattr;
use rustix::thread::CapabilitySet;

use crate::recorders::exec::arguments::Given;
use crate::recorders::exec::{has, may_gain_none};
use crate::sys::ptrace;

/// Returns whether such programs get no rights where we trace them, and would get them without us.
pub(super) fn are_held_back() -> bool {
    !may_gain_none() && !has(CapabilitySet::SYS_PTRACE)
}

/// Returns whether the program that a process has just begun is one of them, by its mode or its file's capabilities
/// (capabilities(7)).
pub(super) fn is(pid: i32) -> bool {
    let file = format!("/proc/{pid}/exe");
    let Ok(meta) = fs::metadata(&file) else { return false };
    let (user, group) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    let mode = meta.mode();
    let as_another = mode & libc::S_ISUID != 0 && meta.uid() != user
        || mode & (libc::S_ISGID | libc::S_IXGRP) == libc::S_ISGID | libc::S_IXGRP && meta.gid() != group;
    as_another || getxattr(&file, "security.capability", &mut [0_u8; 64]).is_ok()
}

/// Makes such a program, which stopped as it began, do its exec once more; returns whether that can be done. It must be let
/// go of then.
pub(super) fn run_again(pid: i32) -> bool {
    let Ok((stack, 8)) = ptrace::stack(pid) else { return false };
    let given = Given::find(pid, stack, 8);
    given.is_ok_and(|given| ptrace::run_again(pid, given.path, given.argv, given.environment).is_ok())
}
