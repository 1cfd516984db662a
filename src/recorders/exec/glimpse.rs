//! Processes whose memory we may not read: what anyone may see of them, once an exec has happened.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::event::Bytes;

/// How long to look; others wait meanwhile.
const LONGEST: Duration = Duration::from_millis(4);

/// What `/proc` shows of a process.
#[derive(PartialEq, Eq)]
pub(in crate::recorders) struct Glimpse {
    /// The program.
    pub program: Option<PathBuf>,
    /// Its arguments.
    pub argv: Vec<Bytes>,
}

impl Glimpse {
    /// Returns what it shows now.
    pub(in crate::recorders) fn of(pid: i32) -> Self {
        let program = fs::read_link(format!("/proc/{pid}/exe")).ok();
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let words = line.split_inclusive(|byte| *byte == 0);
        Self { program, argv: words.map(|word| Bytes::from(word.strip_suffix(b"\0").unwrap_or(word))).collect() }
    }

    /// Waits until the process shows another program; none when it does not, or was gone too soon.
    pub(in crate::recorders) fn next(&self, pid: i32) -> Option<Self> {
        let end = Instant::now() + LONGEST;
        let mut last = Self::of(pid);
        while Instant::now() < end {
            // Twice the same: one look alone may see the new program and the old arguments.
            let now = Self::of(pid);
            if now == last && now != *self && now.program.is_some() && !now.argv.is_empty() {
                return Some(now);
            }
            last = now;
            std::thread::yield_now();
        }
        None
    }
}
