//! The whole story, one function for each subcommand: record → close → resolve → render → verify → commit.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use chrono::{DateTime, Utc};

use crate::agents::{self, Agent, Under};
use crate::commit::Repository;
use crate::console::{Console, Hint, escape};
use crate::ecosystems;
use crate::event::{Sink, Status};
use crate::index::Index;
use crate::journal::Journal;
use crate::policy::Policy;
use crate::recorders::{self, Depth, Finished, Launch};
use crate::report::failures;
use crate::requirements::Requirements;
use crate::session::{Log, Sessions};

mod attach;
mod capture;
mod close;
mod diff;
mod doctor;
mod export;
mod files;
mod flakes;
mod forget;
mod hook;
mod hooks;
mod import;
mod join;
mod lacks;
#[cfg(feature = "mcp")]
mod mcp;
mod merge;
mod minimize;
mod modules;
mod open;
mod plan;
mod prove;
mod record;
mod report;
mod rollback;
mod sessions;
mod shells;
mod start;
mod status;
mod tables;
mod update;
mod verify;
mod versions;

pub use attach::attach;
use capture::capture;
pub use diff::{diff, read_diff};
pub use doctor::{Doctor, doctor};
pub use export::export;
pub use forget::forget;
pub use hook::{finish, hook, read_event, tell_agent};
pub use hooks::{Change, List, hooks, hooks_install, hooks_remove};
pub use import::{Source, import, imported};
pub use join::{INSIDE, Join, SESSION, join};
#[cfg(feature = "mcp")]
pub use mcp::mcp;
pub use minimize::{Minimal, minimize};
use open::Begin;
use plan::{FOLDER, Plan, journals, say_mismatches};
use prove::{prove, remembered};
use record::record;
pub use report::{Form, report, write_report};
pub use rollback::rollback;
pub use sessions::{Brought, Shown, Stage, list, show};
pub use start::{Place, Syntax, start};
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
    /// The branch that the commit goes to, when that is not the one that is checked out.
    pub branch: Option<String>,
    /// Run the repository's hooks around the commit.
    pub run_hooks: bool,
    /// The first line of the commit's message; none for the packages.
    pub subject: Option<String>,
    /// How much is recorded.
    pub depth: Depth,
    /// The recorder; none for the best that works.
    pub recorder: Option<String>,
    /// Record only in ways that let `sudo` work.
    pub keep_sudo: bool,
    /// The agent that this program runs under.
    pub under: Option<Under>,
    /// Record, and write the journal, no more.
    pub no_render: bool,
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

/// Returns the repository around the current folder, turned to the branch that the commit goes to.
fn repository(world: &World, options: &Options) -> anyhow::Result<Repository> {
    let repository = Repository::discover(&world.cwd)?;
    match &options.branch {
        Some(name) => repository.on_branch(name),
        None => Ok(repository),
    }
}

/// `run -- CMD…`: records a command and captures the session. Returns the command's status and the answer.
pub fn run(world: &World, argv: &[OsString], options: &Options) -> anyhow::Result<(Status, anyhow::Result<Answer>)> {
    let repository = repository(world, options)?;
    if options.commit {
        repository.propose(&[], false)?.ready()?;
    }
    let (recorder, keep_sudo) = (options.recorder.clone(), options.keep_sudo);
    let depth = options.depth;
    let mut launch = Launch { argv: argv.to_vec(), recorder, keep_sudo, depth, ..Launch::default() };
    for warning in recorders::warnings(&launch) {
        world.console.warn(warning);
    }
    let begin = begin(argv, options);
    let (open, looked) = open::open_meanwhile(world, &repository, &begin, options)?;
    launch.meanwhile = looked.clone();
    (launch.segment, launch.closed) = (open.claim().context("failed to make a segment of events")?, open.closed());
    world.console.say(format_args!("recording session {}", open.active.id));
    let program = escape(&argv[0].to_string_lossy());
    let finished = shells::run(world, &Sessions::new(repository.git_dir()), &open, &launch);
    looked.wait();
    let finished = finished.with_context(|| format!("failed to record `{program}`"));
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

/// Returns how a session of a command begins. Its agent is the command, else the one around it.
fn begin<'a>(argv: &'a [OsString], options: &'a Options) -> Begin<'a> {
    let program = argv.first().and_then(|program| Path::new(program).file_name()?.to_str());
    let agent = program.and_then(agents::by_program).map(Agent::name);
    let under = options.under.as_ref().filter(|under| agent.is_none_or(|agent| agent == under.name));
    Begin {
        argv,
        agent: agent.or(under.map(|under| under.name.as_str())),
        agent_version: under.and_then(|under| under.version.as_deref()),
        hooks: false,
    }
}

/// `stop`: closes the open session and captures it.
pub fn stop(world: &World, options: &Options) -> anyhow::Result<Answer> {
    let repository = repository(world, options)?;
    let sessions = Sessions::new(repository.git_dir());
    // Another process may be about to capture those whose agents are gone.
    let only = sessions.only_one()?;
    let mut opens = if only.is_some() { sessions.ended()? } else { Vec::new() };
    opens.extend(sessions.active()?);
    if opens.is_empty() {
        return Err(anyhow!("no session is open here"))
            .hint("`agent-capture run -- CMD` or `agent-capture start` opens one");
    }
    let mut answer = Answer::Yes;
    for (number, open) in opens.iter().enumerate() {
        // A name is that of the session that is open now.
        let name = options.name.clone().filter(|_| number + 1 == opens.len());
        match capture(world, &repository, open, None, &Options { name, ..options.clone() }) {
            Ok(Answer::Yes) => {}
            Ok(Answer::No) => answer = Answer::No,
            Err(error) if number + 1 == opens.len() => return Err(error),
            Err(error) => {
                world.console.error(&error);
                answer = Answer::No;
            }
        }
        if !options.dry_run && start::is_set(open) {
            world.console.say("what `start` set in this shell does nothing any more");
        }
    }
    Ok(answer)
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
    let here = Repository::discover(&world.cwd)?;
    let plan = Plan::as_written(&here)?;
    let mismatches = plan.mismatches(&here)?;
    if !mismatches.is_empty() {
        say_mismatches(world, &mismatches);
        return Ok(Answer::No);
    }
    let there = repository(world, options)?;
    plan.has_all(&journals(&there)?)?;
    let proposal = plan.propose(&there, options.include_work)?;
    if proposal.is_empty() {
        return record(world, &there, &plan, None, options);
    }
    let mut verification = remembered(&there, &proposal);
    if options.verify && verification.is_none() && options.branch.is_some() {
        let proved = prove(world, &there, &plan, false)?;
        if !proved.is_passed() {
            world.console.say(failures(&proved).trim_end());
            return Ok(Answer::No);
        }
        verification = Some(proved);
    }
    if options.verify && verification.is_none() {
        return Err(anyhow!("this flake is not verified"))
            .hint("`agent-capture verify` proves it; `--no-verify` commits it all the same");
    }
    record(world, &there, &plan, verification.as_ref(), options)
}

/// The recorder's own process: records into a segment until the last recorded process is gone.
pub fn worker(
    segment: &Path,
    goes_on: bool,
    work: impl FnOnce(&mut dyn Sink) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let log = if goes_on { Log::go_on(segment) } else { Log::append(segment) };
    let mut log = log.with_context(|| format!("failed to open `{}`", segment.display()))?;
    work(&mut log)
}

/// Returns what is required by journals, for tests and tools: the stage between two files.
pub fn resolve(journals: &[Journal]) -> Requirements {
    ecosystems::resolve(journals, &Index::new(), &Policy::default())
}
