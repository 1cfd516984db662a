//! What processes open: read while they wait, kept as a set for each program run, written when that ends.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use crate::event::{Bytes, Event, Files, Kind, Part};
use crate::recorders::exec::arguments;
use crate::sys::{self, Call, Stopped};

/// The most parts and folders that are kept of one run.
const MOST: usize = 4096;
/// The most runs of which something is kept at a time.
const RUNS: usize = 4096;
/// Where what is written stays nowhere.
const NOWHERE: [&[u8]; 3] = [b"/dev/", b"/proc/", b"/sys/"];

/// An open that says something.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::recorders) struct Opening {
    path: PathBuf,
    writes: bool,
    /// Whether it is known to be there.
    done: bool,
}

impl Opening {
    /// Reads what a call wants to open; none when it says nothing.
    pub(in crate::recorders) fn read(stopped: &Stopped<'_>) -> Option<Self> {
        let [first, second, third, ..] = stopped.args;
        let (folder, at, flags) = match stopped.call? {
            Call::Open => (None, first, second),
            Call::Creat => (None, first, libc::O_WRONLY as u64),
            Call::Openat => (Some(first as i32), second, third),
            Call::Openat2 => (Some(first as i32), second, how(stopped.thread, third)?),
            _ => return None,
        };
        let path = arguments::path(stopped, at)?;
        let place = |name: String| fs::read_link(format!("/proc/{}/{name}", stopped.thread)).ok();
        Self::of(&path, flags, || match folder.filter(|folder| *folder != libc::AT_FDCWD) {
            Some(folder) => place(format!("fd/{folder}")),
            None => place("cwd".to_owned()),
        })
    }

    /// Returns what it is to open a path; none when it says nothing. `folder`: where a relative path starts from.
    pub(in crate::recorders) fn of(path: &[u8], flags: u64, folder: impl FnOnce() -> Option<PathBuf>) -> Option<Self> {
        let writing = (libc::O_WRONLY | libc::O_RDWR | libc::O_CREAT | libc::O_TRUNC) as u64;
        let writes = flags & writing != 0 && !NOWHERE.iter().any(|start| path.starts_with(start));
        // What `x.pc` is, its folder tells.
        if !writes && Part::of(path).is_none() && !path.ends_with(b".pc") {
            return None;
        }
        let path = Path::new(OsStr::from_bytes(path));
        let folder = if path.is_absolute() { PathBuf::new() } else { folder()? };
        Some(Self { path: plain(&folder.join(path)), writes, done: false })
    }

    /// Says that it was opened, so that it is there.
    #[cfg(feature = "ebpf")]
    pub(in crate::recorders) fn done(self) -> Self {
        Self { done: true, ..self }
    }

    /// Returns whether it opens what may be in the memory of a process that ends.
    #[cfg(feature = "ebpf")]
    pub(in crate::recorders) fn is_mapped(&self) -> bool {
        let part = Part::of(self.path.as_os_str().as_bytes());
        !self.writes && part.is_some_and(|part| part.kind != Kind::Header)
    }

    /// Returns whether the file is there, as the process sees it. `elsewhere`: whether its root is another, if that is known.
    fn is_there(&self, thread: i32, elsewhere: Option<bool>) -> bool {
        if elsewhere == Some(false) {
            return fs::metadata(&self.path).is_ok();
        }
        let root = Path::new("/proc").join(thread.to_string()).join("root");
        let inside = self.path.strip_prefix("/").unwrap_or(&self.path);
        fs::metadata(root.join(inside)).or_else(|_gone| fs::metadata(&self.path)).is_ok()
    }
}

/// Reads the flags of openat2(2).
fn how(thread: i32, at: u64) -> Option<u64> {
    let mut flags = [0; 8];
    let read = sys::read_memory(thread, &[(at, 8)], &mut flags).ok()?;
    (read == 8).then(|| u64::from_le_bytes(flags))
}

/// Returns a path without `.` and `..`, as far as its text tells.
fn plain(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(out.pop()),
            Component::CurDir => {}
            part => out.push(part),
        }
    }
    out
}

/// What was opened and not written down yet.
#[derive(Debug, Default)]
pub(in crate::recorders) struct Opens {
    runs: HashMap<u64, Run>,
    /// Opens that were interrupted while they were looked at.
    interrupted: u64,
    /// The first and the last number of a notification, and how many were received. Linux counts them up by one, so those
    /// between that never came were interrupted before.
    numbers: Option<(u64, u64)>,
    received: u64,
}

#[derive(Debug, Default)]
struct Run {
    parts: BTreeSet<Vec<u8>>,
    folders: BTreeMap<Vec<u8>, u64>,
    more: u64,
    /// Whether it has another root than we have, if that is known.
    elsewhere: Option<bool>,
}

impl Opens {
    /// Takes in that a program begins to run.
    pub(in crate::recorders) fn begin(&mut self, exec: u64, elsewhere: bool) {
        self.runs.entry(exec).or_default().elsewhere = Some(elsewhere);
    }

    /// Takes in that a notification was received.
    pub(in crate::recorders) fn received(&mut self, number: u64) {
        let (first, last) = self.numbers.unwrap_or((number, number));
        self.numbers = Some((first.min(number), last.max(number)));
        self.received += 1;
    }

    /// Takes in that an open was interrupted while it was looked at. A signal that kills does not count.
    pub(in crate::recorders) fn interrupted(&mut self, thread: i32) {
        self.interrupted += u64::from(lives(thread));
    }

    /// Returns how many opens were interrupted.
    pub(in crate::recorders) fn disturbed(&self) -> u64 {
        let missed = self.numbers.map_or(0, |(first, last)| (last - first + 1).saturating_sub(self.received));
        missed + self.interrupted
    }

    /// Takes in an open of a thread.
    pub(in crate::recorders) fn opened(&mut self, exec: u64, thread: i32, opening: &Opening) {
        let run = self.runs.entry(exec).or_default();
        if opening.writes {
            let folder = opening.path.parent().unwrap_or(Path::new("/")).as_os_str().as_bytes();
            let room = run.folders.len() < MOST;
            match run.folders.get_mut(folder) {
                Some(count) => *count += 1,
                None if room => _ = run.folders.insert(folder.to_vec(), 1),
                None => run.more += 1,
            }
        } else if let Some(part) = Part::of(opening.path.as_os_str().as_bytes())
            && !run.parts.contains(&part.path())
            && (opening.done || opening.is_there(thread, run.elsewhere))
        {
            run.part(&part);
        }
    }

    /// Takes in what a thread's memory maps.
    pub(in crate::recorders) fn mapped(&mut self, exec: u64, thread: i32) {
        let maps = fs::read(format!("/proc/{thread}/maps")).unwrap_or_default();
        let run = self.runs.entry(exec).or_default();
        for line in maps.split(|byte| *byte == b'\n') {
            let path = line.iter().position(|byte| *byte == b'/').map(|at| &line[at..]);
            let part = path.and_then(Part::of).filter(|part| part.kind != Kind::Header);
            part.into_iter().for_each(|part| run.part(&part));
        }
    }

    /// Returns what is to be written of a run that ends.
    pub(in crate::recorders) fn end(&mut self, exec: u64, at: i64) -> Option<Event> {
        self.runs.remove(&exec).and_then(|run| run.event(exec, at))
    }

    /// Returns what is to be written of all runs: when nothing is recorded any more, and when there are too many.
    pub(in crate::recorders) fn flush(&mut self, at: i64, all: bool) -> Vec<Event> {
        if !all && self.runs.len() < RUNS {
            return Vec::new();
        }
        let runs: BTreeMap<u64, Run> = self.runs.drain().collect();
        runs.into_iter().filter_map(|(exec, run)| run.event(exec, at)).collect()
    }
}

impl Run {
    fn part(&mut self, part: &Part<'_>) {
        let path = part.path();
        if self.parts.contains(&path) {
            return;
        }
        if self.parts.len() < MOST {
            self.parts.insert(path);
        } else {
            self.more += 1;
        }
    }

    fn event(self, exec: u64, at: i64) -> Option<Event> {
        let opened: Vec<Bytes> = self.parts.into_iter().map(Bytes::from).collect();
        let written: Vec<(Bytes, u64)> =
            self.folders.into_iter().map(|(folder, count)| (Bytes::from(folder), count)).collect();
        let nothing = opened.is_empty() && written.is_empty();
        (!nothing).then_some(Event::Files(Files { at, exec, opened, written, more: self.more }))
    }
}

/// Returns whether a thread lives on: what interrupted it was no signal that kills.
fn lives(thread: i32) -> bool {
    let status = fs::read_to_string(format!("/proc/{thread}/status")).unwrap_or_default();
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let killed = |name: &str| {
        let pending = field(name).and_then(|text| u64::from_str_radix(text, 16).ok()).unwrap_or(0);
        pending & 1 << (libc::SIGKILL - 1) != 0
    };
    field("State:").is_some_and(|state| !state.starts_with(['Z', 'X'])) && !killed("SigPnd:") && !killed("ShdPnd:")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_paths() {
        for (path, expected) in
            [("/usr/lib/gcc/x/12/../../../libm.so", "/usr/lib/libm.so"), ("/../a/./b//c/", "/a/b/c"), ("/", "/")]
        {
            assert_eq!(plain(Path::new(path)), Path::new(expected), "{path}");
        }
    }

    #[test]
    fn a_run_is_bounded() {
        let mut opens = Opens::default();
        for number in 0..MOST + 5 {
            let path = format!("/tmp/{number}/file").into();
            opens.opened(1, 0, &Opening { path, writes: true, done: false });
        }
        let Some(Event::Files(files)) = opens.end(1, 0) else { panic!("nothing") };
        assert_eq!((files.written.len(), files.more, files.opened.len()), (MOST, 5, 0));
        assert_eq!(opens.end(1, 0), None);
        opens.mapped(2, std::process::id() as i32);
        let Some(Event::Files(files)) = opens.flush(0, true).pop() else { panic!("nothing") };
        assert_eq!(files.exec, 2);
    }

    #[test]
    fn who_lives() {
        assert!(lives(std::process::id() as i32));
        let mut child = std::process::Command::new("sleep").arg("60").spawn().expect("sleep");
        child.kill().expect("killed");
        while lives(child.id() as i32) {
            std::thread::yield_now();
        }
        child.wait().expect("its end");
        assert!(!lives(child.id() as i32));
    }
}
