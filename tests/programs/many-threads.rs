//! Runs 200 programs from 8 threads at once.
use std::process::Command;
use std::thread;

fn main() {
    let work = || (0..25).all(|_| Command::new("true").status().is_ok_and(|status| status.success()));
    let threads: Vec<_> = (0..8).map(|_| thread::spawn(work)).collect();
    assert!(threads.into_iter().all(|thread| thread.join().is_ok_and(|all| all)), "an exec failed");
}
