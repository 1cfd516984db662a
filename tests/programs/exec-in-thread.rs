//! Runs another program from a thread that is not the first, while others wait.
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::thread;

fn main() {
    for _ in 0..3 {
        thread::spawn(|| {
            loop {
                thread::park();
            }
        });
    }
    let error = thread::spawn(|| Command::new("sh").args(["-c", "exit 5"]).exec()).join();
    assert!(error.is_err(), "exec came back");
}
