//! Records with seccomp user notification: Linux stops each execve and asks us before it goes on.
//!
//! | what runs | seen |
//! |---|---|
//! | static programs, Go, musl; `vfork`, `posix_spawn`, exec from any thread; 32-bit programs | yes |
//! | programs in namespaces, containers without a daemon, chroot | yes, with paths as they are inside |
//! | daemons that outlive the command | yes |
//! | debuggers, sanitizers, setuid programs (with CAP_SYS_ADMIN) | work, and are seen |
//! | a program that listens with seccomp itself, a recorder in a recorder | no: Linux allows one (EBUSY) |
//! | a server that was running before | no; that it was asked, by the socket it listens at |
//! | connections to other machines | yes, but for `sendmsg` without `connect` |
//! | files | with `--files`: libraries when a process ends (`maps`), what is opened but by io_uring (`full`) |
//!
//! Should the worker be killed, the front lets go on what it had in hand and starts another; where the front is gone, which
//! daemons outlive, a [guardian](super::exec::guard) does.

mod again;
mod attach;
mod begin;
mod forks;
mod killable;
mod processes;
mod receivers;
mod waits;
mod worker;

pub(super) use attach::attach;

use anyhow::Result;
use rustix::thread::CapabilitySet;

use super::exec::{WorkerArgs, front, has, may_gain_none, probe};
use super::{Depth, Finished, Launch, Recorder};
use crate::event::Sink;

const NAME: &str = "seccomp";

/// The recorder.
#[derive(Debug)]
pub(super) struct Seccomp;

impl Recorder for Seccomp {
    fn name(&self) -> &'static str {
        NAME
    }

    fn available(&self) -> Result<(), String> {
        probe(NAME)?;
        // Whoever asks what works here has the time to find that out, too; it is kept.
        killable::is_used(Depth::Full);
        Ok(())
    }

    fn cure(&self) -> &'static str {
        "use Linux 5.5 or newer, outside of what listens with seccomp already: another recorder, some sandboxes"
    }

    fn restricts(&self) -> bool {
        !may_gain_none() && !has(CapabilitySet::SYS_ADMIN)
    }

    fn blind(&self) -> Vec<String> {
        worker::blind(self.restricts(), Depth::default())
    }

    fn run(&self, launch: &Launch) -> Result<Finished> {
        front::run(launch, NAME)
    }

    fn worker(&self, args: &WorkerArgs, sink: &mut dyn Sink) -> Result<()> {
        worker::worker(args, sink)
    }
}
