//! What records mean: they become events.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::mem;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::record::{MOST_WORDS, Ran, Record, What};
use crate::event::{EndKnown, Event, Lost, Peer, Server};
use crate::recorders::Depth;
use crate::recorders::exec::arguments::Arguments;
use crate::recorders::exec::opens::{Opening, Opens};
use crate::recorders::exec::out::{self, now};
use crate::recorders::exec::program::{Program, Programs, root_of, whole};
use crate::recorders::exec::reach::{self, Reach, Told};
use crate::recorders::exec::slots::Slots;
use crate::recorders::exec::tree::{Tree, as_asked};

/// What connect(2) returns when nobody listens at a socket's path.
const NOBODY: [i64; 3] = [-(libc::ENOENT as i64), -(libc::ENOTDIR as i64), -(libc::ECONNREFUSED as i64)];

/// What is known of the processes, and the events that come of it.
pub(super) struct Account {
    pub(super) tree: Tree,
    /// Programs whose arguments are not all there yet.
    begun: HashMap<i32, (i64, Ran)>,
    programs: Programs,
    told: Told,
    opens: Opens,
    /// The mount and the inode of our root.
    root: Option<(u64, u64)>,
    depth: Depth,
    events: Vec<Event>,
}

impl Account {
    /// Returns one that knows of no process.
    pub(super) fn new(slots: Slots, depth: Depth) -> Self {
        Self {
            tree: Tree::new(slots),
            begun: HashMap::new(),
            programs: Programs::new(),
            told: Told::default(),
            opens: Opens::default(),
            root: root_of("/"),
            depth,
            events: Vec::new(),
        }
    }

    /// Returns the events since it was asked last; `last`: all of them, since nothing more will come.
    pub(super) fn events(&mut self, last: bool) -> Vec<Event> {
        self.events.extend(self.opens.flush(now(), last));
        mem::take(&mut self.events)
    }

    /// Takes in what the kernel told.
    pub(super) fn happened(&mut self, Record { pid, up, what }: Record) {
        let at = out::at(up);
        if let What::Words { from, bytes } = what {
            if let Some((_, ran)) = self.begun.get_mut(&pid).filter(|(_, ran)| ran.words.len() == from) {
                ran.words.extend(bytes);
            }
            return self.exec(pid, true);
        }
        // What comes next, comes after all arguments.
        self.exec(pid, false);
        match what {
            What::Made { by } => {
                self.gone(pid, at, None);
                self.tree.born(by, pid);
            }
            What::Ran(ran) => {
                self.begun.insert(pid, (at, ran));
                self.exec(pid, true);
            }
            What::Words { .. } => {}
            What::Ended { word } => self.gone(pid, at, Some((word, EndKnown::Tracepoint))),
            What::Refused { asked, folder, words } => self.refused(pid, at, asked, folder.as_deref(), &words),
            What::Connected { address, returned } => self.connected(pid, at, &address, returned),
            What::Opened { path, folder, flags } => self.opened(pid, &path, folder, flags),
        }
    }

    /// Writes the end of a process, if it was there.
    pub(super) fn gone(&mut self, pid: i32, at: i64, told: Option<(i32, EndKnown)>) {
        if let Some(exec) = self.tree.latest(pid) {
            self.events.extend(self.opens.end(exec, at));
        }
        self.events.extend(self.tree.ended(pid, at, told));
    }

    /// Records a program that began, if there is one and its arguments are all there, or no more will come.
    fn exec(&mut self, pid: i32, more: bool) {
        let Some((_, ran)) = self.begun.get(&pid) else { return };
        if more && !ran.unread && (ran.words.len() as u64) < ran.length.min(MOST_WORDS) {
            return;
        }
        let Some((at, ran)) = self.begun.remove(&pid) else { return };
        let Some(cwd) = ran.folder.clone().or_else(|| fs::read_link(format!("/proc/{pid}/cwd")).ok()) else {
            return self.lost("a program ran in a folder whose path is too long");
        };
        if ran.unread {
            self.lost("the arguments of a program could not be read");
        }
        let mut asked = Arguments::of_bytes(ran.asked.clone(), &ran.words, ran.words.len() as u64 >= ran.length);
        let mut program = self.find(pid, &ran, &asked, &cwd);
        as_asked(|| ran.file, &mut asked, &mut program);
        if let Some(before) = self.tree.latest(pid) {
            self.events.extend(self.opens.end(before, at));
        }
        let events = self.tree.exec(pid, at, asked, &cwd, program);
        self.told.ran(&events);
        self.events.extend(events);
    }

    /// Finds out what a program is, where it can be found still.
    fn find(&mut self, pid: i32, ran: &Ran, asked: &Arguments, cwd: &Path) -> Program {
        let is_ours = self.root == Some(ran.root);
        let reached = is_ours || root_of(format!("/proc/{pid}/root/")) == Some(ran.root);
        let mut program = if reached {
            self.programs.find(pid, pid, asked, &|| cwd.to_path_buf(), None, is_ours.then_some(false))
        } else {
            Program { path: joined(cwd, &asked.path), ..Program::default() }
        };
        if !program.starts && program.interpreters.is_empty() {
            program.interpreters.extend(ran.interpreter.as_ref().map(Into::into));
        }
        program
    }

    /// Takes in that the kernel refused to run a program.
    fn refused(&mut self, pid: i32, at: i64, asked: Vec<u8>, folder: Option<&Path>, words: &[u8]) {
        let Some(folder) = folder else {
            return self.lost("a program was looked for in a folder whose path is too long");
        };
        let path = if asked.is_empty() { folder.to_path_buf() } else { joined(folder, &asked) };
        self.events.extend(self.tree.refused(pid, at, Arguments::of_bytes(asked, words, true), path));
    }

    /// Takes in that a process connected, or tried to.
    fn connected(&mut self, pid: i32, at: i64, address: &[u8], returned: i64) {
        let Some((reach, exec)) = reach::reach(address).zip(self.tree.exec_of(pid)) else { return };
        let peer = match reach {
            Reach::Peer(peer) => Some(peer),
            Reach::Socket(path) => Server::at(&path).filter(|_| !NOBODY.contains(&returned)).map(Peer::Server),
            Reach::Loopback => self.told.asks(exec),
        };
        self.events.extend(peer.and_then(|peer| self.told.tell(exec, at, peer)));
    }

    /// Takes in that a process opened a file.
    fn opened(&mut self, pid: i32, path: &[u8], folder: Option<PathBuf>, flags: u64) {
        let Some(exec) = self.tree.exec_of(pid) else { return };
        if let Some(opening) = Opening::of(path, flags, || folder).map(Opening::done)
            && (self.depth >= Depth::Full || opening.is_mapped())
        {
            self.opens.opened(exec, pid, &opening);
        }
    }

    fn lost(&mut self, why: &str) {
        self.events.push(Event::Lost(Lost { at: now(), count: 1, why: why.to_owned() }));
    }
}

/// Returns an absolute path.
fn joined(folder: &Path, path: &[u8]) -> PathBuf {
    whole(folder, Path::new(OsStr::from_bytes(path))).0
}
