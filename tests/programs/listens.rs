//! Wants a listener of seccomp for itself, as some sandboxes do. Prints what Linux says.
#![expect(unsafe_code, reason = "no safe interface installs a filter")]
#![expect(clippy::print_stdout, reason = "its answer")]
use std::io::Error;

fn main() {
    let mut allow =
        libc::sock_filter { code: (libc::BPF_RET | libc::BPF_K) as u16, jt: 0, jf: 0, k: libc::SECCOMP_RET_ALLOW };
    let program = libc::sock_fprog { len: 1, filter: &raw mut allow };
    let flags = libc::SECCOMP_FILTER_FLAG_NEW_LISTENER;
    // SAFETY: takes numbers only.
    unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
    // SAFETY: `program` points to a filter that outlives the call.
    let listener =
        unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &raw const program) };
    let said = if listener >= 0 { "it listens".to_owned() } else { Error::last_os_error().to_string() };
    print!("{said}");
}
