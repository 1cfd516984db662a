//! Starts 500 threads, lets each wait, and runs a program from the last one.
use std::process::Command;
use std::sync::{Arc, Barrier};
use std::thread;

fn main() {
    let all = Arc::new(Barrier::new(501));
    let (first, rest): (Vec<_>, Vec<_>) = (0..500)
        .map(|number| {
            let all = Arc::clone(&all);
            let work = move || {
                all.wait();
                number == 499 && Command::new("/bin/true").status().is_ok_and(|status| status.success())
            };
            thread::Builder::new().stack_size(64 << 10).spawn(work).expect("a thread")
        })
        .enumerate()
        .partition(|(number, _)| *number < 499);
    all.wait();
    assert!(first.into_iter().all(|(_, thread)| matches!(thread.join(), Ok(false))));
    assert!(rest.into_iter().all(|(_, thread)| matches!(thread.join(), Ok(true))));
}
