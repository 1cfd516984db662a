//! Recorders: each runs a command and writes what its processes run, one [`Event`](crate::event::Event) at a time.

use std::ffi::OsString;
use std::path::PathBuf;
use std::{fs, io};

use anyhow::{Result, anyhow, bail};

use crate::console::Hint;
use crate::event::{Sink, Status};

#[cfg(all(target_os = "linux", feature = "ebpf"))]
mod ebpf;
#[cfg(target_os = "linux")]
mod exec;
#[cfg(target_os = "linux")]
mod hook;
mod meanwhile;
#[cfg(target_os = "linux")]
mod ptrace;
#[cfg(target_os = "linux")]
mod seccomp;
#[cfg(target_os = "linux")]
mod shell;
#[cfg(target_os = "linux")]
pub use self::exec::WorkerArgs;
#[cfg(target_os = "linux")]
pub use self::exec::guard::{GuardArgs, guard};
#[cfg(target_os = "linux")]
pub use self::exec::inside::is_inside;
#[cfg(target_os = "linux")]
pub use self::exec::launch::{LaunchArgs, launch, replace};
#[cfg(target_os = "linux")]
pub use self::exec::task::Task;
pub use self::meanwhile::Meanwhile;

/// A way to see what processes run.
pub trait Recorder: Sync {
    /// Returns its name, as in the events.
    fn name(&self) -> &'static str;
    /// Tries it out on a harmless program; the error is one sentence that says why it cannot work here.
    fn available(&self) -> Result<(), String>;
    /// Returns what can be done where it does not work.
    fn cure(&self) -> &'static str;
    /// Returns whether programs that it records lose the right to gain privileges, which `sudo` needs.
    fn restricts(&self) -> bool;
    /// Returns what it cannot see, one sentence each.
    fn blind(&self) -> Vec<String>;
    /// Runs a command recorded; returns when the command has ended. An error means that it was not started.
    fn run(&self, launch: &Launch) -> Result<Finished>;
    /// Records one session in a process of its own, which [`Recorder::run`] starts. An error was told already.
    #[cfg(target_os = "linux")]
    fn worker(&self, args: &WorkerArgs, sink: &mut dyn Sink) -> Result<()>;
}

/// All recorders, the best first.
pub static ALL: &[&dyn Recorder] = &[
    #[cfg(all(target_os = "linux", feature = "ebpf"))]
    &ebpf::Ebpf,
    #[cfg(target_os = "linux")]
    &seccomp::Seccomp,
    #[cfg(target_os = "linux")]
    &ptrace::Ptrace,
    #[cfg(target_os = "linux")]
    &shell::Shell,
    #[cfg(target_os = "linux")]
    &hook::Hook,
];

/// The recorders that see nothing by themselves, and are used only when they are asked for by name.
const BY_NAME: &[&str] = &["shell", "hook"];

/// A command to record.
#[derive(Clone, Debug, Default)]
pub struct Launch {
    /// The command.
    pub argv: Vec<OsString>,
    /// Its file, when that is not what its first argument names.
    pub program: Option<OsString>,
    /// What it finds in its environment beside ours.
    pub environment: Vec<(&'static str, OsString)>,
    /// Whether this process stands in the command's place, so that the command is killed with it.
    pub bound: bool,
    /// The file for the events, which may be there and empty. Absolute.
    pub segment: PathBuf,
    /// A path that, once it exists, means: record no more, only let everything go on. Absolute.
    pub closed: PathBuf,
    /// The recorder to use; none for the best that works.
    pub recorder: Option<String>,
    /// Whether to use only recorders that let `sudo` work.
    pub keep_sudo: bool,
    /// Whether to see ends of processes the way older kernels need.
    pub exit_group: bool,
    /// How much is recorded.
    pub depth: Depth,
    /// How many threads of the recorder receive where opens are recorded; none for what fits this machine.
    pub receivers: Option<usize>,
    /// What must be done before the command begins.
    pub meanwhile: Meanwhile,
}

/// How much is recorded: each step has what those before it have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// What runs, and how it ends.
    Execs,
    /// Also what is connected to.
    #[default]
    Network,
    /// Also the shared libraries that are in a process when it ends.
    Maps,
    /// Also what is opened, and where files are opened to write.
    Full,
}

impl Depth {
    /// All of them.
    const ALL: [Self; 4] = [Self::Execs, Self::Network, Self::Maps, Self::Full];

    /// Returns its name, by which one process of a recorder tells another.
    pub fn name(self) -> &'static str {
        match self {
            Self::Execs => "execs",
            Self::Network => "network",
            Self::Maps => "maps",
            Self::Full => "full",
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

/// What was attached to.
#[derive(Clone, Debug, Default)]
pub struct Attached {
    /// How many processes are recorded from now on.
    pub processes: usize,
    /// Those below the wanted one that are not, and why: one sentence each.
    pub missed: Vec<String>,
}

/// Records a process that runs already and those below it, as `launch` says but for its segment: `claim` makes one for each.
/// An error means that nothing was changed.
#[cfg(target_os = "linux")]
pub fn attach(pid: i32, launch: &Launch, claim: &mut dyn FnMut() -> io::Result<PathBuf>) -> Result<Attached> {
    seccomp::attach(pid, launch, claim)
}

/// Returns the recorders that may be used, the best first. Errors when there is none of the wanted name.
fn choice(name: Option<&str>) -> Result<Vec<&'static dyn Recorder>> {
    let wanted = |recorder: &&dyn Recorder| match name {
        Some(name) => recorder.name() == name,
        None => !BY_NAME.contains(&recorder.name()),
    };
    let found: Vec<_> = ALL.iter().copied().filter(wanted).collect();
    let Some(name) = name.filter(|_| found.is_empty()) else { return Ok(found) };
    let names: Vec<_> = ALL.iter().map(|recorder| recorder.name()).collect();
    Err(anyhow!("there is no recorder `{}`", name.escape_debug())).hint(format_args!("there is: {}", names.join(", ")))
}

/// Returns what must be said before [`run`] records a session, one sentence each.
pub fn warnings(launch: &Launch) -> Vec<&'static str> {
    let choice = choice(launch.recorder.as_deref()).unwrap_or_default();
    let Some(recorder) = choice.first() else { return Vec::new() };
    let restricts = !launch.keep_sudo && recorder.restricts();
    let mut warnings = Vec::new();
    if restricts {
        warnings.push("sudo and other setuid programs gain no rights in this session: recording without privileges keeps them from it (with `--keep-sudo` they work, and what they run is not seen)");
    }
    match recorder.name() {
        "shell" => warnings.push("nothing here sees what runs: only which lines bash and zsh are given will be known"),
        "hook" => warnings.push("nothing here sees what runs: only what the agent's hooks tell will be known"),
        _ => {}
    }
    warnings
}

/// Runs a command recorded, by the best recorder that works; returns when the command has ended. An error means that it
/// was not started. That a recorder works is found out by using it: where the best one does, nothing else is tried.
pub fn run(launch: &Launch) -> Result<Finished> {
    let is_new = fs::metadata(&launch.segment).map_or(true, |segment| segment.len() == 0);
    let mut failed: Vec<(&str, String)> = Vec::new();
    let mut cures = Vec::new();
    for recorder in choice(launch.recorder.as_deref())? {
        if launch.keep_sudo && recorder.restricts() {
            failed.push((recorder.name(), "without privileges it would keep sudo from gaining any".to_owned()));
            cures.push("run this as root, or without `--keep-sudo`");
            continue;
        }
        match recorder.run(launch) {
            Ok(finished) => return Ok(finished),
            Err(error) => failed.push((recorder.name(), reason(&error))),
        }
        cures.push(recorder.cure());
        if is_new {
            // What a recorder wrote that then could not begin. The file stays: its number is taken.
            drop(fs::File::options().write(true).truncate(true).open(&launch.segment));
            drop(fs::remove_file(launch.segment.with_extension("unwritten")));
        }
    }
    if launch.recorder.is_none() {
        cures.extend(ALL.last().map(|recorder| recorder.cure()));
    }
    cures.dedup();
    let mut why: Vec<_> = failed.iter().map(|(name, why)| format!("{name}: {why}")).collect();
    if let Some((_, first)) = failed.first()
        && failed.iter().all(|(_, why)| why == first)
    {
        why = vec![first.clone()];
    }
    let why = if why.is_empty() { "no recorder is for this system".to_owned() } else { why.join("; ") };
    Err(anyhow!("cannot record: {why}")).hint(cures.join("; or "))
}

fn reason(error: &anyhow::Error) -> String {
    let text = format!("{error:#}");
    text.strip_prefix("cannot record: ").unwrap_or(&text).to_owned()
}

/// The recorder's own process: records one session.
#[cfg(target_os = "linux")]
pub fn worker(args: &WorkerArgs, sink: &mut dyn Sink) -> Result<()> {
    match choice(Some(&args.task.recorder))?.first() {
        Some(recorder) => recorder.worker(args, sink),
        None => bail!("there is no recorder `{}`", args.task.recorder),
    }
}
