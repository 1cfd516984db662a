//! The processes that are recorded: who made whom, what each runs, and how it ended.

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::arguments::Arguments;
use super::program::Program;
use super::slots::{Kept, Slots};
use super::status_field;
use super::tried::Tried;
use crate::event::{Bytes, EndKnown, Event, Exec, Exit, Status};

/// A process.
#[derive(Debug)]
struct Process {
    slot: u64,
    /// Its first exec; 0 before.
    number: u64,
    /// Its latest exec; 0 before.
    exec: u64,
    /// The exec that its parent ran when it was made.
    parent: Option<u64>,
    /// What it tried in vain since then.
    tried: Tried,
    /// How its end is seen when it is not traced.
    pidfd: Option<OwnedFd>,
}

impl Process {
    /// Returns its latest exec, or else the nearest one above.
    fn by(&self) -> Option<u64> {
        Some(self.exec).filter(|exec| *exec > 0).or(self.parent)
    }
}

/// All of them.
#[derive(Debug)]
pub(in crate::recorders) struct Tree {
    table: HashMap<i32, Process>,
    slots: Slots,
    next: u64,
}

impl Tree {
    /// Returns an empty one.
    pub(in crate::recorders) fn new(slots: Slots) -> Self {
        Self { table: HashMap::new(), slots, next: 1 }
    }

    /// Returns what outlives this worker.
    pub(in crate::recorders) fn slots(&self) -> &Slots {
        &self.slots
    }

    /// Takes over the processes that another worker left: those that are gone are ends to be written, for the others
    /// `take` says whether they could be had.
    pub(in crate::recorders) fn take_over(&mut self, at: i64, mut take: impl FnMut(i32) -> bool) -> Vec<Event> {
        self.next = self.slots.noted().1 + 1;
        let mut gone = Vec::new();
        for kept in self.slots.left() {
            if take(kept.pid) {
                self.enter(kept.pid, Some(kept.parent).filter(|exec| *exec > 0), kept.number, kept.exec);
            } else if kept.number > 0 {
                gone.push(Event::Exit(Exit { at, process: kept.number, ..Exit::default() }));
            }
        }
        gone
    }

    /// Returns how many processes live that ran a program; 1 when there are only others.
    pub(in crate::recorders) fn left(&self) -> u32 {
        let count = self.table.values().filter(|process| process.number > 0).count() as u32;
        if self.table.is_empty() { 0 } else { count.max(1) }
    }

    /// Returns whether a process is one of them.
    pub(in crate::recorders) fn has(&self, pid: i32) -> bool {
        self.table.contains_key(&pid)
    }

    /// Returns the processes.
    pub(in crate::recorders) fn pids(&self) -> Vec<i32> {
        self.table.keys().copied().collect()
    }

    fn enter(&mut self, pid: i32, parent: Option<u64>, number: u64, exec: u64) {
        let slot = self.slots.take();
        self.slots.put(slot, Kept { pid, number, exec, parent: parent.unwrap_or(0) });
        self.table.insert(pid, Process { slot, number, exec, parent, tried: Tried::default(), pidfd: None });
    }

    /// Takes in that a thread made a process or a thread.
    pub(in crate::recorders) fn made(&mut self, by: i32, made: i32) {
        let maker = if self.has(by) { Some(by) } else { status_field(by, "Tgid:") };
        let Some(maker) = maker.filter(|maker| !Path::new(&format!("/proc/{maker}/task/{made}")).exists()) else {
            return;
        };
        self.born(maker, made);
    }

    /// Takes in that a process made another.
    pub(in crate::recorders) fn born(&mut self, maker: i32, child: i32) {
        self.enter(child, self.exec_of(maker), 0, 0);
    }

    /// Returns the latest exec of a process, or else the nearest one above.
    pub(in crate::recorders) fn exec_of(&self, pid: i32) -> Option<u64> {
        self.table.get(&pid).and_then(Process::by)
    }

    /// Takes in a process or thread whose maker was killed before it could be told.
    pub(in crate::recorders) fn found(&mut self, id: i32) {
        if let Some(parent) = status_field(id, "PPid:")
            && status_field(id, "Tgid:") == Some(id)
            && !self.has(id)
        {
            self.made(parent, id);
        }
    }

    /// Takes in an exec; returns what is to be written.
    pub(in crate::recorders) fn exec(
        &mut self,
        pid: i32,
        at: i64,
        asked: Arguments,
        cwd: &Path,
        program: Program,
    ) -> Vec<Event> {
        if !self.has(pid) {
            self.enter(pid, None, 0, 0);
        }
        let tried = self.table.get_mut(&pid).map(|process| process.tried.ran(process.by(), &asked, &program.path));
        let (probes, missing) = tried.unwrap_or_default();
        let id = self.next;
        self.next += 1;
        self.slots.note(0, 0, id);
        let mut exec = Exec {
            id,
            at,
            process: id,
            program: Bytes::from(program.path.as_os_str().as_bytes()),
            resolved: program.resolved.map(|path| Bytes::from(path.as_os_str().as_bytes())),
            interpreters: program.interpreters,
            loader: program.loader,
            argv: asked.argv,
            shortened: asked.shortened,
            cwd: Bytes::from(cwd.as_os_str().as_bytes()),
            probes,
            ..Exec::default()
        };
        if let Some(process) = self.table.get_mut(&pid) {
            process.exec = id;
            if process.number == 0 {
                process.number = id;
            }
            (exec.process, exec.parent) = (process.number, process.parent);
            let kept = Kept { pid, number: process.number, exec: id, parent: process.parent.unwrap_or(0) };
            self.slots.put(process.slot, kept);
        }
        missing.map(Event::Missing).into_iter().chain([Event::Exec(exec)]).collect()
    }

    /// Notes how the end of a process is seen from now on.
    pub(in crate::recorders) fn watch(&mut self, pid: i32, pidfd: OwnedFd) {
        if let Some(process) = self.table.get_mut(&pid) {
            process.pidfd = Some(pidfd);
        }
    }

    /// Returns how the end of a process is seen that is not traced.
    pub(in crate::recorders) fn pidfd(&self, pid: i32) -> Option<&OwnedFd> {
        self.table.get(&pid)?.pidfd.as_ref()
    }

    /// Returns whether there are processes whose ends are not told by wait(2).
    pub(in crate::recorders) fn watches(&self) -> bool {
        self.table.values().any(|process| process.pidfd.is_some())
    }

    /// Takes in the end of a process or thread, with its status by wait(2) and how that is known; returns what is to be written.
    pub(in crate::recorders) fn ended(&mut self, id: i32, at: i64, told: Option<(i32, EndKnown)>) -> Vec<Event> {
        let Some(mut process) = self.table.remove(&id) else { return Vec::new() };
        self.slots.give_back(process.slot);
        let missing = process.tried.ended(process.by()).map(Event::Missing);
        let (status, known) =
            told.map_or((None, EndKnown::Gone), |(word, known)| (Some(Status::from_wait(word)), known));
        let exit = Exit { at, process: process.number, status, known };
        let exit = (process.number > 0).then_some(Event::Exit(exit));
        missing.into_iter().chain(exit).collect()
    }
}

/// What is known of processes that do not wait.
#[cfg(feature = "ebpf")]
impl Tree {
    /// Takes in an exec that the kernel refused; returns what is to be written.
    pub(in crate::recorders) fn refused(
        &mut self,
        pid: i32,
        at: i64,
        asked: Arguments,
        path: PathBuf,
    ) -> Option<Event> {
        let process = self.table.get_mut(&pid)?;
        let by = process.by();
        process.tried.refused(by, at, asked, path).map(Event::Missing)
    }

    /// Returns the latest exec of a process that ran one.
    pub(in crate::recorders) fn latest(&self, pid: i32) -> Option<u64> {
        self.table.get(&pid).map(|process| process.exec).filter(|exec| *exec > 0)
    }
}

/// Makes of what the kernel handed to a program what was asked for: takes out the interpreters of a script, and finds the
/// file of a program that was named by a descriptor. `runs` tells the file that runs.
pub(in crate::recorders) fn as_asked(
    runs: impl FnOnce() -> Option<PathBuf>,
    asked: &mut Arguments,
    program: &mut Program,
) {
    if program.interpreters.is_empty() {
        if asked.path.starts_with(b"/dev/fd/") || !program.starts {
            match runs() {
                Some(path) if asked.path.starts_with(b"/dev/fd/") => (program.path, program.resolved) = (path, None),
                shown => program.resolved = shown.filter(|path: &PathBuf| *path != program.path),
            }
        }
        return;
    }
    let most = 1 + 2 * program.interpreters.len();
    let script = asked.argv.iter().take(most).position(|word| word.as_slice() == asked.path);
    if let Some(script) = script {
        asked.argv.drain(..script);
    }
}
