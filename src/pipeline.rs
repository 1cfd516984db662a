//! The whole story, one function for each subcommand: record → close → resolve → render → verify → commit.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use chrono::{DateTime, Utc};

use crate::commit::Repository;
use crate::console::{Console, Hint, escape};
use crate::ecosystems;
use crate::event::{Sink, Status};
use crate::index::Index;
use crate::journal::Journal;
use crate::policy::Policy;
use crate::recorders::{self, Depth, Finished, Launch};
use crate::report::Report;
use crate::requirements::Requirements;
use crate::session::{Log, Sessions};

mod capture;
mod close;
mod doctor;
mod export;
mod files;
mod forget;
mod import;
#[cfg(feature = "mcp")]
mod mcp;
mod merge;
mod minimize;
mod open;
mod plan;
mod prove;
mod rollback;
mod sessions;
mod status;
mod tables;
mod update;
mod verify;

use capture::{capture, record_commit};
pub use doctor::{Doctor, doctor};
pub use export::export;
pub use forget::forget;
pub use import::{Source, import, imported};
#[cfg(feature = "mcp")]
pub use mcp::mcp;
pub use minimize::{Minimal, minimize};
use plan::{FOLDER, Plan, journals, say_mismatches};
use prove::remembered;
pub use rollback::rollback;
pub use sessions::{Brought, Shown, Stage, list, show};
pub use status::{Progress, status};
pub use tables::{Build, Found, index_build, index_which};
pub use update::update;
pub use verify::{Verify, is_from_elsewhere, summarize, token, verify};

/// How a session is captured.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Prove the flake before it is committed.
    pub verify: bool,
    /// Commit.
    pub commit: bool,
    /// Write nothing, show what would be committed.
    pub dry_run: bool,
    /// Commit uncommitted work too.
    pub include_work: bool,
    /// Do not ask.
    pub yes: bool,
    /// The pin, as the user names it.
    pub nixpkgs: Option<String>,
    /// The session's name.
    pub name: Option<String>,
    /// How much is recorded.
    pub depth: Depth,
    /// The recorder; none for the best that works.
    pub recorder: Option<String>,
    /// Record only in ways that let `sudo` work.
    pub keep_sudo: bool,
}

/// What a subcommand found: whether the answer is yes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Done.
    Yes,
    /// Done, and the answer is no.
    No,
}

/// Where the program runs.
pub struct World<'a> {
    /// The person.
    pub console: &'a Console,
    /// The current folder.
    pub cwd: PathBuf,
    /// The home folder.
    pub home: Option<PathBuf>,
    /// PATH.
    pub path: Option<OsString>,
    /// The time.
    pub now: fn() -> DateTime<Utc>,
}

/// `run -- CMD…`: records a command and captures the session. Returns the command's status and the answer.
pub fn run(world: &World, argv: &[OsString], options: &Options) -> anyhow::Result<(Status, anyhow::Result<Answer>)> {
    let repository = Repository::discover(&world.cwd)?;
    if options.commit {
        repository.propose(&[], false)?.ready()?;
    }
    let (recorder, keep_sudo) = (options.recorder.clone(), options.keep_sudo);
    let depth = options.depth;
    let mut launch = Launch { argv: argv.to_vec(), recorder, keep_sudo, depth, ..Launch::default() };
    for warning in recorders::warnings(&launch) {
        world.console.warn(warning);
    }
    let open = open::open(world, &repository, argv, options.name.as_deref())?;
    (launch.segment, launch.closed) = (open.segment(1), open.closed());
    world.console.say(format_args!("recording session {}", open.active.id));
    let program = escape(&argv[0].to_string_lossy());
    let finished = recorders::run(&launch).with_context(|| format!("failed to record `{program}`"));
    let finished = match finished {
        Ok(Finished { failure: Some(why), status, .. }) => {
            open.abandon()?;
            return Ok((status, Err(anyhow!("failed to run `{program}`: {why}"))));
        }
        Ok(finished) => finished,
        Err(error) => {
            open.abandon()?;
            return Err(error);
        }
    };
    // The recorded shell may have closed the session itself, with `stop`.
    let still = Sessions::new(repository.git_dir()).active()?.is_some_and(|still| still.active == open.active);
    let answer = if still {
        capture(world, &repository, &open, Some(finished.status), &Options { name: None, ..options.clone() })
    } else {
        Ok(Answer::Yes)
    };
    Ok((finished.status, answer))
}

/// `start`: a recorded shell.
pub fn start(world: &World, shell: OsString, options: &Options) -> anyhow::Result<(Status, anyhow::Result<Answer>)> {
    world.console.say("this shell is recorded: leave it with `exit`, or close the session with `agent-capture stop`");
    run(world, &[shell], options)
}

/// `stop`: closes the open session and captures it.
pub fn stop(world: &World, options: &Options) -> anyhow::Result<Answer> {
    let repository = Repository::discover(&world.cwd)?;
    let open = Sessions::new(repository.git_dir()).active()?.ok_or_else(|| anyhow!("no session is open here"));
    let open = open.hint("`agent-capture run -- CMD` or `agent-capture start` opens one")?;
    capture(world, &repository, &open, None, options)
}

/// `render`: journals → requirements → flake, into the work tree.
pub fn render(world: &World, nixpkgs: Option<&str>) -> anyhow::Result<Answer> {
    let repository = Repository::discover(&world.cwd)?;
    let journals = journals(&repository)?;
    if journals.is_empty() {
        return Err(anyhow!("there is no journal in `{FOLDER}`")).hint("`agent-capture run -- CMD` records a session");
    }
    let plan = Plan::new(world, &repository, journals, nixpkgs)?;
    plan.write(&repository)?;
    world.console.say(format_args!("wrote {}", plan.place("flake.nix")));
    plan.told.iter().for_each(|line| world.console.say(line));
    Ok(Answer::Yes)
}

/// `commit`: commits journals and flake as they are in the work tree.
pub fn commit(world: &World, options: &Options) -> anyhow::Result<Answer> {
    let repository = Repository::discover(&world.cwd)?;
    let plan = Plan::as_written(&repository)?;
    let mismatches = plan.mismatches(&repository)?;
    if !mismatches.is_empty() {
        say_mismatches(world, &mismatches);
        return Ok(Answer::No);
    }
    let proposal = plan.propose(&repository, options.include_work)?;
    if proposal.is_empty() {
        world.console.say("nothing to commit: HEAD has it all");
        return Ok(Answer::Yes);
    }
    let verification = remembered(&repository, &proposal);
    if options.verify && verification.is_none() {
        return Err(anyhow!("this flake is not verified"))
            .hint("`agent-capture verify` proves it; `--no-verify` commits it all the same");
    }
    record_commit(world, &repository, &plan, &proposal, verification.as_ref(), options)
}

/// `report`: what the sessions used.
pub fn report(world: &World, format: impl Fn(&Report) -> String) -> anyhow::Result<String> {
    let repository = Repository::discover(&world.cwd)?;
    let plan = Plan::as_written(&repository)?;
    let verification = remembered(&repository, &plan.propose(&repository, false)?);
    Ok(format(&plan.report(verification.as_ref())))
}

/// The recorder's own process: records into a segment until the last recorded process is gone.
pub fn worker(segment: &Path, work: impl FnOnce(&mut dyn Sink) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let mut log = Log::append(segment).with_context(|| format!("failed to open `{}`", segment.display()))?;
    work(&mut log)
}

/// Returns what is required by journals, for tests and tools: the stage between two files.
pub fn resolve(journals: &[Journal]) -> Requirements {
    ecosystems::resolve(journals, &Index::new(), &Policy::default())
}
