//! The worker: loads the program, starts the launcher, takes what the kernel tells, and stays until the last recorded process
//! is gone.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::event::{PollFd, PollFlags, Timespec, epoll, poll};
use rustix::process::{WaitOptions, getpid, wait};

use super::kernel::{Kernel, LOSSES};
use super::record::{MOST_WORDS, Ran, Record, What};
use super::{NAME, blind};
use crate::event::{EndKnown, Event, Peer, Server, Sink};
use crate::recorders::Depth;
use crate::recorders::exec::arguments::Arguments;
use crate::recorders::exec::channel::{Channel, Message};
use crate::recorders::exec::command::Command;
use crate::recorders::exec::guard::Guarded;
use crate::recorders::exec::opens::{Opening, Opens};
use crate::recorders::exec::out::{self, Out, now};
use crate::recorders::exec::program::{Program, Programs, root_of, whole};
use crate::recorders::exec::reach::{self, Reach, Told};
use crate::recorders::exec::slots::Slots;
use crate::recorders::exec::tree::{Tree, as_asked};
use crate::recorders::exec::{WorkerArgs, children, kill_bound, let_go};
use crate::sys::Signals;

const SIGNALS: u64 = 0;
const FRONT: u64 = 1;
const KERNEL: u64 = 2;

/// How long records may gather: to wake up for each would take the command's time.
const GATHER: Timespec = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };
/// The most that is dealt with before it is looked for anything else.
const BATCHES: u32 = 256;
/// How often it is looked whether any process is left, should the record of the last one's end be lost.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 500_000_000 };
/// How often, and how long each time, a record is waited for that another processor is about to finish.
const UNFINISHED: (u32, Duration) = (100, Duration::from_millis(1));

/// What connect(2) returns when nobody listens at a socket's path.
const NOBODY: [i64; 3] = [-(libc::ENOENT as i64), -(libc::ENOTDIR as i64), -(libc::ECONNREFUSED as i64)];

/// Records one session. An error was told to the front already.
pub(super) fn worker(args: &WorkerArgs, sink: &mut dyn Sink) -> Result<()> {
    let front = Channel::inherited(args.socket).context("failed to take the socket to the front")?;
    let recorded = Worker::new(args, &front, Out::new(sink, &args.closed)).and_then(|mut worker| {
        worker.begin(args)?;
        Ok(worker)
    });
    front.told(recorded)?.record()
}

struct Worker<'a> {
    epoll: OwnedFd,
    signals: Signals,
    guarded: Guarded<'a>,
    /// Whether the front lives, or a guardian.
    is_guarded: bool,
    command: Command<'a>,
    kernel: Kernel,
    tree: Tree,
    /// Programs whose arguments are not all there yet.
    begun: HashMap<i32, (i64, Ran)>,
    programs: Programs,
    told: Told,
    opens: Opens,
    /// The mount and the inode of our root.
    root: Option<(u64, u64)>,
    depth: Depth,
    /// Whether the command is killed with the front.
    bound: bool,
    /// What is to be written: many at a time, since nobody waits, and what is not read yet would be lost with this, too.
    events: Vec<Event>,
    /// What was told of [`Kernel::lost`].
    lost: [u64; LOSSES.len()],
    out: Out<'a>,
}

impl<'a> Worker<'a> {
    /// Starts the launcher, or takes from the front what another worker left.
    fn new(args: &'a WorkerArgs, front: &'a Channel, out: Out<'a>) -> Result<Self> {
        let signals = Signals::take(&[libc::SIGCHLD])?;
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        epoll::add(&epoll, &signals, epoll::EventData::new_u64(SIGNALS), epoll::EventFlags::IN)?;
        let (command, slots) = if args.resume {
            Command::taken_over(front)?
        } else {
            rustix::process::set_child_subreaper(Some(getpid()))?;
            let slots = Slots::new().context("failed to make shared memory")?;
            (Command::start(front, args)?, slots)
        };
        let mut tree = Tree::new(slots);
        // The launcher begins meanwhile, and waits.
        let kernel = Kernel::load(args.depth).context("eBPF does not work here")?;
        epoll::add(&epoll, &kernel, epoll::EventData::new_u64(KERNEL), epoll::EventFlags::IN)?;
        if let Some(pid) = command.pid() {
            kernel.follow(pid)?;
            tree.born(getpid().as_raw_pid(), pid);
            command.introduce(tree.slots())?;
        }
        Ok(Self {
            epoll,
            signals,
            guarded: Guarded::new(front, args),
            is_guarded: true,
            command,
            kernel,
            tree,
            begun: HashMap::new(),
            programs: Programs::new(),
            told: Told::default(),
            opens: Opens::default(),
            root: root_of("/"),
            depth: args.depth,
            bound: args.bound,
            events: Vec::new(),
            lost: [0; LOSSES.len()],
            out,
        })
    }

    /// From here on nothing of the session's is held open, and the command runs.
    fn begin(&mut self, args: &WorkerArgs) -> Result<()> {
        if args.resume {
            self.take_over();
        } else {
            self.out.start(NAME, blind(args.depth)).context("failed to write to the session's events")?;
        }
        epoll::add(&self.epoll, &self.guarded, epoll::EventData::new_u64(FRONT), epoll::EventFlags::IN)?;
        let_go().context("failed to let go of the session's terminal and files")?;
        self.command.begin()
    }

    /// Follows the processes that another worker left, and what they made since.
    fn take_over(&mut self) {
        self.out.lost("the recorder was killed, and another went on");
        let kernel = &self.kernel;
        let gone = self.tree.take_over(now(), |pid| kernel.follow(pid).is_ok());
        self.out.write_all(&gone);
        let mut left = self.tree.pids();
        while let Some(pid) = left.pop() {
            for child in children(pid) {
                if !self.tree.has(child) && self.kernel.follow(child).is_ok() {
                    self.tree.born(pid, child);
                    left.push(child);
                }
            }
        }
        // Some may have ended before, and others run programs and ended since.
        let ended: Vec<_> = self.tree.pids().into_iter().filter(|pid| !lives(*pid)).collect();
        self.take();
        for pid in ended {
            if self.tree.has(pid) {
                self.kernel.forget(pid);
                self.gone(pid, now(), None);
            }
        }
        self.write();
    }

    fn record(&mut self) -> Result<()> {
        while self.goes_on() {
            self.wait()?;
        }
        self.drain(|worker| worker.tree.pids().is_empty());
        for pid in self.tree.pids() {
            self.gone(pid, now(), None);
        }
        self.events.extend(self.opens.flush(now(), true));
        self.write();
        self.guarded.done();
        Ok(())
    }

    /// Returns whether the session goes on.
    fn goes_on(&self) -> bool {
        self.command.pid().is_some() || self.out.was_open() && self.kernel.follows_any()
    }

    /// Waits for something to happen, and deals with it.
    fn wait(&mut self) -> Result<()> {
        let longest = self.command.pid().is_none().then_some(&LOOK);
        let mut events = Vec::with_capacity(4);
        match epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut events), longest) {
            Err(rustix::io::Errno::INTR) => {}
            result => {
                result?;
            }
        }
        for event in &events {
            match event.data.u64() {
                SIGNALS => {
                    while self.signals.next().is_some() {}
                    self.reap();
                }
                FRONT => match self.guarded.received() {
                    Some(Message::Go) => {
                        self.take();
                        self.command.tell(0, self.tree.left());
                    }
                    _ => self.front_is_gone()?,
                },
                _ => {
                    let mut others = vec![PollFd::new(&self.signals, PollFlags::IN)];
                    others.extend(self.is_guarded.then(|| PollFd::new(&self.guarded, PollFlags::IN)));
                    let _ = poll(&mut others, Some(&GATHER));
                    self.take();
                }
            }
        }
        Ok(())
    }

    /// Sees to it that who is killed from now on is replaced still.
    fn front_is_gone(&mut self) -> Result<()> {
        epoll::delete(&self.epoll, &self.guarded)?;
        kill_bound(self.command.pid().filter(|_| self.bound));
        self.is_guarded = self.goes_on() && self.guarded.start(self.tree.slots().as_fd(), None).is_ok();
        if self.is_guarded {
            epoll::add(&self.epoll, &self.guarded, epoll::EventData::new_u64(FRONT), epoll::EventFlags::IN)?;
        }
        Ok(())
    }

    /// Waits for children: the command, and processes whose parents ended.
    fn reap(&mut self) {
        let options = WaitOptions::NOHANG | WaitOptions::UNTRACED | WaitOptions::CONTINUED;
        let mut last = None;
        while let Ok(Some((pid, status))) = wait(options) {
            let (pid, word) = (pid.as_raw_pid(), status.as_raw());
            match (status.exited() || status.signaled(), self.command.is(pid)) {
                (true, true) => {
                    self.tree.slots().note_status(word);
                    last = Some((pid, word));
                }
                (false, true) if status.stopped() => self.command.stopped(word, self.tree.left()),
                (false, true) => self.command.wake_front(),
                (_, false) => {}
            }
        }
        if let Some((pid, word)) = last {
            // The kernel has told its end before, unless that was lost.
            self.drain(|worker| !worker.tree.has(pid));
            self.gone(pid, now(), Some((word, EndKnown::Wait)));
            self.write();
            self.command.ended(word, self.tree.left());
        }
    }

    /// Deals with all that the kernel has told, until something is so or it is not to be.
    fn drain(&mut self, is_so: impl Fn(&Self) -> bool) {
        self.take();
        for _ in 0..UNFINISHED.0 {
            if is_so(self) {
                break;
            }
            sleep(UNFINISHED.1);
            self.take();
        }
    }

    /// Deals with all that the kernel has told.
    fn take(&mut self) {
        for _ in 0..BATCHES {
            let records = self.kernel.take();
            if records.is_empty() {
                break;
            }
            records.into_iter().for_each(|record| self.happened(record));
            self.write();
        }
        let lost = self.kernel.lost();
        for (at, why) in LOSSES.iter().enumerate() {
            self.out.lost_some(lost[at].saturating_sub(self.lost[at]), why);
        }
        self.lost = lost;
        self.events.extend(self.opens.flush(now(), false));
        self.write();
        if !self.out.was_open() {
            self.kernel.stop();
        }
    }

    /// Writes what has happened.
    fn write(&mut self) {
        self.out.write_all(&self.events);
        self.events.clear();
    }

    fn happened(&mut self, Record { pid, up, what }: Record) {
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
    fn gone(&mut self, pid: i32, at: i64, told: Option<(i32, EndKnown)>) {
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
            return self.out.lost("a program ran in a folder whose path is too long");
        };
        if ran.unread {
            self.out.lost("the arguments of a program could not be read");
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
            return self.out.lost("a program was looked for in a folder whose path is too long");
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
}

/// Returns whether a process has not ended.
fn lives(pid: i32) -> bool {
    let state = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    state.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['Z', 'X']))
}

/// Returns an absolute path.
fn joined(folder: &Path, path: &[u8]) -> PathBuf {
    whole(folder, Path::new(OsStr::from_bytes(path))).0
}
