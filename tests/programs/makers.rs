//! Makes processes in each way that Linux has: `makers WAY`. Each runs `/bin/true` in the one it made.
#![expect(unsafe_code, reason = "no safe interface makes processes these ways")]
#![expect(clippy::exit, reason = "its answer")]
use std::io::Error;
use std::ptr;

fn run_true() -> ! {
    let argv = [c"true".as_ptr(), c"argument".as_ptr(), ptr::null()];
    // SAFETY: all pointers are live and end as execv asks.
    unsafe { libc::execv(c"/bin/true".as_ptr(), argv.as_ptr()) };
    // SAFETY: ends this process without anything of Rust's.
    unsafe { libc::_exit(127) }
}

/// Waits for a child, also for one that tells no signal; ends with its status.
fn wait(child: i64) -> ! {
    assert!(child > 0, "{}", Error::last_os_error());
    let mut status = -1;
    // SAFETY: `status` is live.
    let waited = unsafe { libc::waitpid(child as i32, &raw mut status, libc::__WALL) };
    std::process::exit(if waited == child as i32 { status >> 8 } else { 99 })
}

/// Makes a process as fork(2) does, with these flags of clone(2).
fn clone(flags: i32) -> i64 {
    // SAFETY: without a stack of its own and without CLONE_VM it is a fork.
    unsafe { libc::syscall(libc::SYS_clone, flags as libc::c_long, 0, 0, 0, 0) }
}

fn main() {
    let way = std::env::args().nth(1).unwrap_or_default();
    match way.as_str() {
        "fork" => match clone(libc::SIGCHLD) {
            0 => run_true(),
            child => wait(child),
        },
        // SAFETY: the child touches nothing of its parent's and ends by an exec.
        #[expect(deprecated, reason = "programs still use it")]
        "vfork" => match unsafe { libc::vfork() } {
            0 => run_true(),
            child => wait(child.into()),
        },
        "posix-spawn" => {
            let mut child = 0;
            let argv = [c"true".as_ptr().cast_mut(), c"argument".as_ptr().cast_mut(), ptr::null_mut()];
            let (none, nothing) = (ptr::null(), [ptr::null_mut()]);
            // SAFETY: all pointers are live and end as posix_spawn asks.
            let failed = unsafe {
                let (argv, environment) = (argv.as_ptr(), nothing.as_ptr());
                libc::posix_spawn(&raw mut child, c"/bin/true".as_ptr(), ptr::null(), none, argv, environment)
            };
            assert_eq!(failed, 0);
            wait(child.into());
        }
        "no-signal" => match clone(0) {
            0 => run_true(),
            child => wait(child),
        },
        // The child of its parent's parent, which waits for it; so here nobody does.
        "sibling" => match clone(libc::CLONE_PARENT | libc::SIGCHLD) {
            0 => run_true(),
            child => assert!(child > 0),
        },
        "twice" => match clone(libc::SIGCHLD) {
            0 => match clone(libc::SIGCHLD) {
                0 => run_true(),
                child => wait(child),
            },
            child => wait(child),
        },
        _ => panic!("no such way"),
    }
}
