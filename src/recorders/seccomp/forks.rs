//! Whose copy a process is that has run no program of its own: until it does, it shows the program of who made it.

use std::collections::VecDeque;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::event::Bytes;
use crate::recorders::exec::glimpse::Glimpse;

/// How many of those that ended are remembered.
const MOST: usize = 1024;

/// Returns whether two processes are copies of one: the kernel puts the stack of each program at a place of its own.
pub(super) fn same_image(one: i32, other: i32) -> bool {
    stack(one).is_some_and(|place| stack(other) == Some(place))
}

/// Returns where the stack of a process begins (startstack in proc_pid_stat(5)); none where that may not be read.
fn stack(pid: i32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    text.rsplit(") ").next()?.split(' ').nth(25)?.parse().ok().filter(|place| *place > 1)
}

/// Returns a number that stands for arguments.
pub(super) fn short(words: &[Bytes]) -> u64 {
    let mut hasher = DefaultHasher::new();
    words.iter().for_each(|word| word.as_slice().hash(&mut hasher));
    hasher.finish()
}

/// The arguments of processes that ended, in short, and their last execs.
#[derive(Debug, Default)]
pub(super) struct Ended(VecDeque<(u64, u64)>);

impl Ended {
    /// Takes in one that ended; 0 for one without an exec.
    pub(super) fn add(&mut self, words: u64, exec: u64) {
        if exec > 0 {
            self.0.truncate(MOST - 1);
            self.0.push_front((words, exec));
        }
    }

    /// Returns the exec of the latest that ended of whom this process can be a copy: it shows the same arguments.
    pub(super) fn of(&self, pid: i32) -> Option<u64> {
        let words = short(&Glimpse::of(pid).argv);
        self.0.iter().find(|(own, _)| *own == words).map(|(_, exec)| *exec)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies() {
        let own = std::process::id() as i32;
        let mut child = std::process::Command::new("sleep").arg("60").spawn().expect("sleep");
        let other = child.id() as i32;
        while !fs::read(format!("/proc/{other}/cmdline")).is_ok_and(|line| line == b"sleep\x0060\0") {
            std::thread::yield_now();
        }
        assert!(same_image(own, own) && !same_image(own, other));
        let mut ended = Ended::default();
        assert_eq!(ended.of(other), None);
        for exec in 1..=2000 {
            ended.add(short(&["sleep", "60"].map(Bytes::from)), exec);
            ended.add(7, 0);
        }
        assert_eq!((ended.of(other), ended.of(own), ended.0.len()), (Some(2000), None, MOST));
        child.kill().expect("killed");
        child.wait().expect("its end");
    }
}
