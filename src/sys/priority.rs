//! Which thread of a processor runs first.

use std::io;

use super::checked;

/// How much nicer (getpriority(2)) others must be to us, where we may ask for that: CAP_SYS_NICE or RLIMIT_NICE.
const NICER: i32 = 10;
/// Nanoseconds: the shortest slice that Linux gives, kernel/sched/syscalls.c.
const SHORTEST: u64 = 100_000;

/// Lets this thread, but not what it starts, go on when it wakes another one on its processor: a short slice (Linux 6.12;
/// older ones ignore it) comes due first. Who was made nice stays so. An error when the thread has a policy of its own, or the
/// kernel refuses.
pub fn go_first() -> io::Result<()> {
    // SAFETY: asks with a number, of this thread.
    let policy = checked(unsafe { libc::sched_getscheduler(0) })?;
    if policy != i64::from(libc::SCHED_OTHER) {
        return Err(io::ErrorKind::Unsupported.into());
    }
    // SAFETY: asks with numbers; -1 is an answer too, so an error looks like a niceness that is harmless.
    let own = unsafe { libc::getpriority(libc::PRIO_PROCESS, 0) };
    let nicest = if own > 0 { own } else { (own - NICER).max(-20) };
    set(nicest).or_else(|_refused| set(own))
}

fn set(nice: i32) -> io::Result<()> {
    let attributes = libc::sched_attr {
        size: size_of::<libc::sched_attr>() as u32,
        sched_policy: libc::SCHED_OTHER as u32,
        sched_flags: libc::SCHED_FLAG_RESET_ON_FORK as u64,
        sched_nice: nice,
        sched_priority: 0,
        sched_runtime: SHORTEST,
        sched_deadline: 0,
        sched_period: 0,
    };
    // SAFETY: the structure says how long it is; the kernel only reads it.
    checked(unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const attributes, 0) }).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_starts_is_as_before() {
        let nice = || std::fs::read_to_string("/proc/thread-self/stat").expect("stat");
        let field = |text: &str| text.rsplit(')').next().and_then(|rest| rest.split(' ').nth(17)?.parse::<i32>().ok());
        let before = field(&nice());
        std::thread::spawn(move || {
            go_first().expect("Linux lets a thread have a short slice");
            assert!(field(&nice()) <= before);
            let inside = std::thread::spawn(move || field(&nice())).join().expect("a thread");
            assert_eq!(inside, Some(0).max(before.filter(|nice| *nice > 0)));
        })
        .join()
        .expect("a thread");
    }
}
