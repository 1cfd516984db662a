//! What is recorded of a call that the filter reports: all that must be known is read while its process waits, then that goes
//! on, then it is written.

use std::fs;
use std::path::PathBuf;

use super::Worker;
use crate::recorders::Depth;
use crate::recorders::exec::arguments::{Arguments, Unread};
use crate::recorders::exec::glimpse::Glimpse;
use crate::recorders::exec::opens::Opening;
use crate::recorders::exec::out::now;
use crate::recorders::exec::program::Program;
use crate::recorders::exec::reach::{self, Reach};
use crate::sys::{Call, Stopped};

/// An exec: what was asked for, in which folder, and what it is.
type Seen = (Arguments, PathBuf, Program);

/// Returns whether a process waits to open something.
pub(in super::super) fn is_open(stopped: &Stopped<'_>) -> bool {
    matches!(stopped.call, Some(Call::Open | Call::Creat | Call::Openat | Call::Openat2))
}

impl Worker<'_> {
    /// Records a call that opens nothing, and lets it go on.
    pub(in super::super) fn record(&mut self, stopped: Stopped<'_>) {
        match stopped.call {
            Some(Call::ExitGroup) => {
                self.processes.will_end(stopped.thread, stopped.args[0]);
                self.mapped(stopped.thread);
            }
            Some(Call::Execve | Call::Execveat) => self.exec(stopped),
            Some(Call::Connect | Call::Sendto | Call::Socketcall) => self.connect(stopped),
            _ => {}
        }
    }

    fn exec(&mut self, stopped: Stopped<'_>) {
        let at = now();
        let Ok(pid) = self.processes.enter(stopped.thread) else {
            if stopped.still_waits() && stopped.go_on().is_ok() {
                self.out.lost("a process ran, or looked for, a program and could not be watched");
            }
            return;
        };
        let looked = self.look(&stopped, pid);
        // Whether it ran is seen only after.
        let before = (stopped.is_x32 || matches!(looked, Err(Unread::Denied))).then(|| Glimpse::of(pid));
        if looked.as_ref().is_ok_and(|seen| seen.as_ref().is_some_and(|(_, _, program)| program.starts)) {
            self.mapped(pid);
        }
        if stopped.go_on().is_err() {
            return; // It was interrupted or killed; if it still wants to, it asks again.
        }
        let seen = match (looked, before) {
            (Ok(seen), None) => seen,
            (Ok(seen), Some(before)) => seen.filter(|_| self.is_another(pid, &before)),
            (Err(Unread::Denied), Some(before)) => self.glimpsed(pid, &before),
            (Err(_), _) => None,
        };
        if let Some((asked, cwd, program)) = seen {
            if let Some(exec) = self.processes.latest(pid).filter(|_| program.starts) {
                self.out.write_all(self.opens.end(exec, at).as_slice());
            }
            let (starts, elsewhere) = (program.starts, program.elsewhere);
            let events = self.processes.exec(pid, at, asked, &cwd, program);
            if let Some(exec) = self.processes.latest(pid).filter(|_| starts && self.depth >= Depth::Full) {
                self.opens.begin(exec, elsewhere);
            }
            self.write_ends();
            self.told.ran(&events);
            self.out.write_all(&events);
        }
    }

    /// Lets a process connect, and records to what. A signal may interrupt it while it waits for us, which connect(2) and
    /// sendto(2) must expect anyway: those who set handlers without SA_RESTART try again.
    fn connect(&mut self, stopped: Stopped<'_>) {
        let (thread, at) = (stopped.thread, now());
        let Some(reach) = reach::read(&stopped) else { return };
        // All is found out before it goes on: a thread may be gone after.
        let Some(exec) = self.processes.exec_of(thread) else { return };
        let peer = match reach {
            Reach::Peer(peer) => Some(peer),
            Reach::Socket(path) => reach::server(thread, &path),
            Reach::Loopback => self.told.asks(exec),
        };
        if stopped.go_on().is_err() {
            return; // It was interrupted or killed, so what was read may be another's.
        }
        let event = peer.and_then(|peer| self.told.tell(exec, at, peer));
        self.out.write_all(event.as_slice());
    }

    /// Finds out all that must be known before the process goes on. None: it only asks whether it could,
    /// or what it asks for is recorded.
    fn look(&mut self, stopped: &Stopped<'_>, pid: i32) -> Result<Option<Seen>, Unread> {
        const AT_EXECVE_CHECK: u64 = 0x10000; // linux/fcntl.h
        let asked = Arguments::read(stopped)?;
        if asked.flags & AT_EXECVE_CHECK != 0 {
            return Ok(None);
        }
        let cwd = || fs::read_link(format!("/proc/{}/cwd", stopped.thread)).unwrap_or_default();
        let mut program = self.programs.find(pid, stopped.thread, &asked, &cwd, self.processes.info(pid), None);
        program.starts &= !asked.too_long;
        if self.processes.asks_again(pid, &asked, &program) {
            return Ok(None);
        }
        // A name that is tried along PATH needs none.
        let cwd = if program.starts { cwd() } else { PathBuf::new() };
        Ok(Some((asked, cwd, program)))
    }

    /// Returns whether a process has become another program, which the kernel may have refused.
    fn is_another(&mut self, pid: i32, before: &Glimpse) -> bool {
        let became = before.next(pid).is_some();
        if !became && Glimpse::of(pid) != *before {
            self.out.lost("a process that asked in the way of x32 ran, or looked for, a program");
        }
        became
    }

    /// Finds out what a process has become whose memory we may not read.
    fn glimpsed(&mut self, pid: i32, before: &Glimpse) -> Option<Seen> {
        let Some(Glimpse { program: Some(path), argv }) = before.next(pid) else {
            self.out.lost("a process that may not be read ran, or looked for, a program");
            return None;
        };
        let cwd = fs::read_link(format!("/proc/{pid}/cwd")).unwrap_or_default();
        let program = Program { path, starts: true, ..Program::default() };
        Some((Arguments { argv, ..Arguments::default() }, cwd, program))
    }

    /// Lets a process open a file, and keeps what that says, which was read before.
    pub(in super::super) fn open(&mut self, stopped: Stopped<'_>, opening: Option<Opening>) {
        let thread = stopped.thread;
        let opening = opening.and_then(|opening| Some((self.processes.exec_of(thread)?, opening)));
        if stopped.go_on().is_err() {
            // Interrupted: what was read may be another's, and a program that does not expect it takes this for an error.
            self.opens.interrupted(thread);
            return;
        }
        if let Some((exec, opening)) = opening {
            self.opens.opened(exec, thread, &opening);
            let many = self.opens.flush(now(), false);
            self.out.write_all(&many);
        }
    }

    /// Takes in which libraries are in a process that is about to end or to become another program.
    fn mapped(&mut self, thread: i32) {
        if self.depth == Depth::Maps
            && let Some(exec) = self.processes.latest(thread)
        {
            self.opens.mapped(exec, thread);
        }
    }
}
