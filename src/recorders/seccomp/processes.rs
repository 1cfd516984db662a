//! The processes that are recorded: which exec is whose, who is whose parent, what was tried in vain, and how each ended.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::mem;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, epoll, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::again::Latest;
use super::forks::{self, Ended};
use super::waits::happened;
use crate::event::{Bytes, EndKnown, Event, Exec, Exit, Status};
use crate::recorders::exec::arguments::Arguments;
use crate::recorders::exec::out::now;
use crate::recorders::exec::program::Program;
use crate::recorders::exec::slots::{Kept, Slots};
use crate::recorders::exec::status_field;
use crate::recorders::exec::tried::Tried;
use crate::sys::{self, Info, session_leader};

/// How many threads and processes without a program are remembered, a descriptor each.
const OTHERS: usize = 256;

/// A process that ran a program, or tried to.
#[derive(Debug)]
struct Process {
    pidfd: OwnedFd,
    slot: u64,
    info: Option<Info>,
    /// Whether it led a session when it was last asked about.
    leads: bool,
    /// Its first exec; 0 before.
    number: u64,
    /// Its latest exec; 0 before.
    exec: u64,
    /// Its parent's exec when it was first seen.
    parent: Option<u64>,
    /// That in short.
    latest: Latest,
    /// What it tried in vain since then.
    tried: Tried,
    /// Its status, and how that is known; perhaps before its end.
    word: Option<(i32, EndKnown)>,
}

/// All of them.
#[derive(Debug)]
pub(super) struct Processes {
    table: HashMap<i32, Process>,
    /// The latest exec of each process that led a session (setsid(2)), also after its end: as long as others are in the
    /// session nobody gets its number.
    leaders: HashMap<i32, u64>,
    /// Threads, and processes that ran no program: the exec that is theirs.
    others: HashMap<i32, (OwnedFd, u64)>,
    /// What ran in those that ended.
    ended: Ended,
    /// Tells of ends, a process for each event.
    ends: OwnedFd,
    /// Ends that were taken in and are to be written.
    done: Vec<Done>,
    slots: Slots,
    next: u64,
    own: i32,
    tells_status: bool,
}

/// The end of a process.
#[derive(Debug)]
pub(super) struct Done {
    /// When that was seen.
    pub(super) at: i64,
    /// Its latest exec.
    pub(super) exec: Option<u64>,
    /// What is to be written.
    pub(super) events: Vec<Event>,
}

impl Processes {
    /// Returns an empty table. `tells_status`: whether the kernel's pidfds tell how a process ended.
    pub(super) fn new(slots: Slots, tells_status: bool) -> Result<Self, Errno> {
        let own = rustix::process::getpid().as_raw_pid();
        Ok(Self {
            table: HashMap::new(),
            leaders: HashMap::new(),
            others: HashMap::new(),
            ended: Ended::default(),
            ends: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            done: Vec::new(),
            slots,
            next: 1,
            own,
            tells_status,
        })
    }

    /// Returns what is readable when processes have ended: then [`Processes::take_ends`].
    pub(super) fn ends(&self) -> BorrowedFd<'_> {
        self.ends.as_fd()
    }

    /// Takes in the processes that have ended.
    pub(super) fn take_ends(&mut self) {
        let mut taken = usize::MAX;
        while taken != self.done.len() {
            taken = self.done.len();
            let ends = happened(self.ends.as_fd(), Some(Duration::ZERO)).unwrap_or_default();
            ends.into_iter().for_each(|pid| self.ended(pid as i32, now(), None));
        }
    }

    /// Returns the ends that are to be written.
    pub(super) fn done(&mut self) -> Vec<Done> {
        mem::take(&mut self.done)
    }

    /// Returns what outlives this worker.
    pub(super) fn slots(&self) -> &Slots {
        &self.slots
    }

    /// Takes over the processes that another worker left; returns the ends of those that are gone.
    pub(super) fn take_over(&mut self, at: i64) -> Vec<Event> {
        // The worker before may have given out the noted number, but no other: it notes one with each notification.
        self.next = self.slots.noted().1 + 1;
        let mut gone = Vec::new();
        for kept in self.slots.left() {
            let entered = self.enter(kept.pid).ok();
            match entered.and_then(|pid| self.table.get_mut(&pid)) {
                Some(process) => {
                    process.number = kept.number;
                    process.exec = kept.exec;
                    process.parent = Some(kept.parent).filter(|exec| *exec > 0);
                    self.slots.put(process.slot, kept);
                }
                None => gone.push(Event::Exit(Exit { at, process: kept.number, ..Exit::default() })),
            }
        }
        gone
    }

    /// Notes which notification a thread has in hand, for whoever has to take over.
    pub(super) fn note(&self, hand: usize, notification: u64) {
        self.slots.note(hand, notification, self.next);
    }

    /// Returns how many recorded processes live.
    pub(super) fn count(&self) -> u32 {
        self.table.values().filter(|process| process.number > 0).count() as u32
    }

    /// Returns whether none is left to wait for.
    pub(super) fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// Returns the process of a thread that is about to run a program; from now on its end will be seen.
    pub(super) fn enter(&mut self, thread: i32) -> Result<i32, Errno> {
        if self.is_known(thread) {
            return Ok(thread);
        }
        let open = |id: i32| pidfd_open(Pid::from_raw(id).ok_or(Errno::SRCH)?, PidfdFlags::empty());
        let (pid, pidfd) = match open(thread) {
            Ok(pidfd) => (thread, pidfd),
            Err(Errno::INVAL | Errno::NOENT) => {
                let pid = status_field(thread, "Tgid:").ok_or(Errno::SRCH)?;
                if self.is_known(pid) {
                    return Ok(pid);
                }
                (pid, open(pid)?)
            }
            Err(error) => return Err(error),
        };
        // A pidfd is readable when its process is a zombie, and hangs up when that was reaped and its status is told.
        let wanted = if self.tells_status { epoll::EventFlags::empty() } else { epoll::EventFlags::IN };
        epoll::add(&self.ends, &pidfd, epoll::EventData::new_u64(pid as u64), wanted)?;
        let info = sys::process_info(pidfd.as_fd()).ok();
        let parent = self.parent(pid, info);
        let slot = self.slots.take();
        let process = Process {
            pidfd,
            slot,
            info,
            leads: leads(pid),
            number: 0,
            exec: 0,
            parent,
            latest: Latest::default(),
            tried: Tried::default(),
            word: None,
        };
        self.table.insert(pid, process);
        Ok(pid)
    }

    /// Returns whether a process is in the table. One that ended, and whose number another has, is taken out.
    fn is_known(&mut self, pid: i32) -> bool {
        let Some(process) = self.table.get_mut(&pid) else { return false };
        process.info = sys::process_info(process.pidfd.as_fd()).ok();
        process.leads = leads(pid);
        if process.info.is_none() {
            self.ended(pid, now(), None);
        }
        self.table.contains_key(&pid)
    }

    /// Returns what the kernel said of a process when it was last asked.
    pub(super) fn info(&self, pid: i32) -> Option<Info> {
        self.table.get(&pid)?.info
    }

    /// Returns the latest exec of a process that ran one.
    pub(super) fn latest(&self, pid: i32) -> Option<u64> {
        self.table.get(&pid).map(|process| process.exec).filter(|exec| *exec > 0)
    }

    /// Returns the latest exec of the process of a thread, else of the nearest one above it.
    pub(super) fn exec_of(&mut self, thread: i32) -> Option<u64> {
        let living = |pid: i32| self.table.get(&pid).filter(|process| !ended(process.pidfd.as_fd()));
        if let Some(process) = living(thread) {
            return process.by();
        }
        if let Some((_, exec)) = self.others.get(&thread).filter(|(pidfd, _)| !ended(pidfd.as_fd())) {
            return Some(*exec);
        }
        let pid = status_field(thread, "Tgid:")?;
        let exec = match living(pid) {
            Some(process) => process.by(),
            None => self.parent(pid, None),
        }?;
        // Since Linux 6.9 a pidfd can be of a thread; before, it is found out each time.
        let flags = PidfdFlags::from_bits_retain(libc::PIDFD_THREAD);
        if let Some(pidfd) = Pid::from_raw(thread).and_then(|thread| pidfd_open(thread, flags).ok()) {
            if self.others.len() >= OTHERS {
                self.others.clear();
            }
            self.others.insert(thread, (pidfd, exec));
        }
        Some(exec)
    }

    /// Returns the exec of the nearest process above that ran one.
    fn parent(&mut self, pid: i32, info: Option<Info>) -> Option<u64> {
        let mut above = info.map(|info| info.parent).or_else(|| status_field(pid, "PPid:"))?;
        for _ in 0..256 {
            if above <= 1 || above == self.own {
                return self.above_orphan(pid);
            }
            if let Some(process) = self.table.get(&above).filter(|process| !ended(process.pidfd.as_fd())) {
                return process.by();
            }
            above = status_field(above, "PPid:")?;
        }
        None
    }

    /// Returns the exec above a process whose parent ended before.
    fn above_orphan(&mut self, pid: i32) -> Option<u64> {
        self.take_ends();
        // The first of them: those that run a program just now were copies until then.
        let alike = || {
            let living = self.table.iter().filter(|(other, process)| **other != pid && process.exec > 0);
            living.filter(|(other, _)| forks::same_image(**other, pid)).map(|(_, process)| process.exec).min()
        };
        // Who made its session is above it for certain, though perhaps not next.
        let by_session = || self.leaders.get(&session_leader(pid)?).copied();
        alike().or_else(|| self.ended.of(pid)).or_else(by_session)
    }

    /// Returns whether a process asks once more for its latest exec, which did not begin.
    pub(super) fn asks_again(&self, pid: i32, asked: &Arguments, program: &Program) -> bool {
        self.table.get(&pid).is_some_and(|process| process.latest.is_asked_again(pid, asked, program))
    }

    /// Takes in an exec; returns what is to be written.
    pub(super) fn exec(&mut self, pid: i32, at: i64, asked: Arguments, cwd: &Path, program: Program) -> Vec<Event> {
        let Some(process) = self.table.get_mut(&pid) else { return Vec::new() };
        if !program.starts {
            let by = process.by();
            return process.tried.refused(by, at, asked, program.path).into_iter().map(Event::Missing).collect();
        }
        let (probes, missing) = process.tried.ran(process.by(), &asked, &program.path);
        let mut events: Vec<_> = missing.into_iter().map(Event::Missing).collect();
        let id = self.next;
        self.next += 1;
        process.exec = id;
        process.latest = Latest::of(&asked);
        if process.number == 0 {
            process.number = id;
        }
        if process.leads {
            self.leaders.insert(pid, id);
        } else {
            self.leaders.remove(&pid);
        }
        let kept = Kept { pid, number: process.number, exec: id, parent: process.parent.unwrap_or(0) };
        self.slots.put(process.slot, kept);
        events.push(Event::Exec(Exec {
            id,
            at,
            process: process.number,
            parent: process.parent,
            program: bytes(&program.path),
            resolved: program.resolved.as_deref().map(bytes),
            interpreters: program.interpreters,
            loader: program.loader,
            argv: asked.argv,
            shortened: asked.shortened,
            redacted: false,
            cwd: bytes(cwd),
            probes,
        }));
        events
    }

    /// Notes the status with which a process says that it will end.
    pub(super) fn will_end(&mut self, thread: i32, code: u64) {
        let pid = if self.table.contains_key(&thread) { Some(thread) } else { status_field(thread, "Tgid:") };
        if let Some(process) = pid.and_then(|pid| self.table.get_mut(&pid)) {
            process.word = Some(((code as i32 & 0xff) << 8, EndKnown::ExitGroup));
        }
    }

    /// Takes in that a process of this number may have ended. `word`: its status by wait(2).
    pub(super) fn ended(&mut self, pid: i32, at: i64, word: Option<i32>) {
        let Some(process) = self.table.get_mut(&pid) else { return };
        let told = if self.tells_status { sys::wait_status(process.pidfd.as_fd()).ok().flatten() } else { None };
        if told.is_none() && (self.tells_status || !ended(process.pidfd.as_fd())) {
            return;
        }
        let told = told.map(|word| (word, EndKnown::Pidfd));
        process.word = told.or(word.map(|word| (word, EndKnown::Wait))).or(process.word);
        if let Some(process) = self.table.remove(&pid) {
            let exec = Some(process.exec).filter(|exec| *exec > 0);
            let events = self.end(process, at);
            self.done.push(Done { at, exec, events });
        }
    }

    /// Gives up all that are left: nothing recorded lives any more. Returns what is to be written.
    pub(super) fn give_up(&mut self, at: i64) -> Vec<Event> {
        let mut left: Vec<_> = self.table.drain().map(|(_, process)| process).collect();
        left.sort_by_key(|process| process.number);
        left.into_iter().flat_map(|process| self.end(process, at)).collect()
    }

    fn end(&mut self, mut process: Process, at: i64) -> Vec<Event> {
        let by = process.by();
        let missing = process.tried.ended(by).map(Event::Missing);
        let (word, known) = process.word.map_or((None, EndKnown::Gone), |(word, known)| (Some(word), known));
        let exit = Exit { at, process: process.number, status: word.map(Status::from_wait), known };
        let exit = (process.number > 0).then_some(Event::Exit(exit));
        self.slots.give_back(process.slot);
        self.ended.add(process.latest.words, process.exec);
        missing.into_iter().chain(exit).collect()
    }
}

impl Process {
    /// Returns its latest exec, or else the nearest one above.
    fn by(&self) -> Option<u64> {
        Some(self.exec).filter(|exec| *exec > 0).or(self.parent)
    }
}

fn bytes(path: &Path) -> Bytes {
    Bytes::from(OsStr::as_bytes(path.as_os_str()))
}

/// Returns whether a process leads a session.
fn leads(pid: i32) -> bool {
    session_leader(pid) == Some(pid)
}

/// Returns whether a process is dead, be it a zombie or reaped.
fn ended(pidfd: BorrowedFd<'_>) -> bool {
    let mut fds = [PollFd::from_borrowed_fd(pidfd, PollFlags::IN)];
    poll(&mut fds, Some(&Timespec::default())).is_ok_and(|ready| ready > 0)
}
