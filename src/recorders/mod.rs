//! Recorders: each runs a command and writes what its processes run, one [`Event`](crate::event::Event) at a time.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::event::Status;

#[cfg(target_os = "linux")]
mod seccomp;
#[cfg(target_os = "linux")]
pub use self::seccomp::{LaunchArgs, WorkerArgs, launch, worker};

/// A way to see what processes run.
pub trait Recorder: Sync {
    /// Returns its name, as in the events.
    fn name(&self) -> &'static str;
    /// Tries it out on a harmless program; the error is one sentence that says why it cannot work here.
    fn available(&self) -> Result<(), String>;
    /// Returns what it cannot see, one sentence each.
    fn blind(&self) -> Vec<String>;
    /// Runs a command recorded; returns when the command has ended.
    fn run(&self, launch: &Launch) -> Result<Finished>;
}

/// All recorders, the best first.
pub static ALL: &[&dyn Recorder] = &[
    #[cfg(target_os = "linux")]
    &seccomp::Seccomp,
];

/// A command to record.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The command.
    pub argv: Vec<OsString>,
    /// The file for the events. Absolute.
    pub segment: PathBuf,
    /// A path that, once it exists, means: record no more, only let everything go on. Absolute.
    pub closed: PathBuf,
    /// The recorder to use; none for the best.
    pub recorder: Option<String>,
    /// Whether to see ends of processes the way older kernels need.
    pub exit_group: bool,
    /// How much is recorded.
    pub depth: Depth,
}

/// How much is recorded: each step has what those before it have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// What runs, and how it ends.
    Execs,
    /// Also what is connected to.
    #[default]
    Network,
}

impl Depth {
    /// All of them.
    const ALL: [Self; 2] = [Self::Execs, Self::Network];

    /// Returns its name, by which one process of a recorder tells another.
    pub fn name(self) -> &'static str {
        match self {
            Self::Execs => "execs",
            Self::Network => "network",
        }
    }

    /// Returns the one of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|depth| depth.name() == name)
    }
}

/// How a recorded command ended.
#[derive(Clone, Debug)]
pub struct Finished {
    /// Its status; 127 when it was not found, 126 when it could not be run.
    pub status: Status,
    /// The recorder that was used.
    pub recorder: &'static str,
    /// Why it could not be run.
    pub failure: Option<String>,
    /// How many processes go on at least; they are recorded until they end.
    pub left: u32,
}

/// Runs a command recorded; returns when the command has ended. An error means that it was not started.
pub fn run(launch: &Launch) -> Result<Finished> {
    let wanted = |recorder: &&&dyn Recorder| launch.recorder.as_ref().is_none_or(|name| recorder.name() == name);
    match ALL.iter().find(wanted) {
        Some(recorder) => recorder.run(launch),
        None => bail!("cannot record: no such recorder works on this system"),
    }
}
