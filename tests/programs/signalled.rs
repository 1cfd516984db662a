//! Runs programs in processes that get a signal again and again until they do: `signalled HOW COUNT`, where HOW is
//! `restart` or `interrupt`. Prints how many execs failed with EINTR.
#![expect(unsafe_code, reason = "no safe interface sets a handler with these flags")]
#![expect(clippy::print_stdout, reason = "its answer")]
use std::io::Error;
use std::mem;
use std::ptr;

extern "C" fn nothing(_: libc::c_int) {}

fn main() {
    let words: Vec<_> = std::env::args().collect();
    let flags = if words[1] == "restart" { libc::SA_RESTART } else { 0 };
    let count: u32 = words[2].parse().expect("a number");
    // SAFETY: a sigaction is integers and an optional function; zero is valid.
    let mut action: libc::sigaction = unsafe { mem::zeroed() };
    action.sa_sigaction = nothing as *const () as usize;
    action.sa_flags = flags;
    // SAFETY: `action` is live, and its function does nothing.
    assert_eq!(unsafe { libc::sigaction(libc::SIGUSR1, &raw const action, ptr::null_mut()) }, 0);
    let mut interrupted = 0;
    for _ in 0..count {
        // SAFETY: this program has one thread.
        let child = unsafe { libc::fork() };
        if child == 0 {
            let argv = [c"true".as_ptr(), ptr::null()];
            // SAFETY: all pointers are live and end as execv asks.
            unsafe { libc::execv(c"/bin/true".as_ptr(), argv.as_ptr()) };
            let status = if Error::last_os_error().raw_os_error() == Some(libc::EINTR) { 44 } else { 45 };
            // SAFETY: ends this process without anything of Rust's.
            unsafe { libc::_exit(status) };
        }
        let mut status = 0;
        // The child may run its program already, which the signal then ends: it was started all the same.
        for _ in 0..20 {
            // SAFETY: sends a signal to a child that is not yet waited for.
            unsafe { libc::kill(child, libc::SIGUSR1) };
            std::thread::yield_now();
        }
        // SAFETY: `status` is live.
        assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
        match status {
            0 => {}
            _ if libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == libc::SIGUSR1 => {}
            _ if libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 44 => interrupted += 1,
            _ => panic!("an exec failed: {status:#x}"),
        }
    }
    print!("{interrupted}");
}
