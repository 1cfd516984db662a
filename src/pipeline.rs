//! The whole story, one function for each subcommand: record → close → resolve → render → verify → commit.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use chrono::{DateTime, SecondsFormat, Utc};
use sha2::{Digest, Sha256};

use crate::commit::{Head, Kind, Proposal, Repository};
use crate::console::{Console, Hint, escape, escape_lines};
use crate::ecosystems;
use crate::event::{Sink, Status, hex};
use crate::host::{self, Changed};
use crate::index::Index;
use crate::journal::{Closing, Journal, Place, Session, SessionId, State};
use crate::nix::{Nix, System};
use crate::policy::Policy;
use crate::recorders::{self, Depth, Finished, Launch};
use crate::report::failures;
use crate::requirements::Requirements;
use crate::session::{Active, Log, Open, Sessions};
use crate::verification::Verification;

mod diff;
mod doctor;
mod files;
mod import;
mod minimize;
mod plan;
mod prove;
mod report;
mod rollback;
mod tables;
mod update;
mod verify;

pub use diff::{diff, read_diff};
pub use doctor::{Doctor, doctor};
pub use import::{Source, import, imported};
pub use minimize::{Minimal, minimize};
use plan::{FOLDER, Plan, journal_path, journals, say_mismatches};
use prove::{prove_or_leave_out, remember, remembered};
pub use report::{Form, report, write_report};
pub use rollback::rollback;
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
    let open = open(world, &repository, argv, options.name.as_deref())?;
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

/// An open session, and how much is recorded of it.
pub struct Progress {
    /// The session.
    pub active: Active,
    /// How many execs are recorded.
    pub execs: usize,
    /// The attrs that would be in the flake.
    pub packages: Vec<String>,
}

/// `status`: the open session, and what it brings so far.
pub fn status(world: &World) -> anyhow::Result<Option<Progress>> {
    let repository = Repository::discover(&world.cwd)?;
    let Some(open) = Sessions::new(repository.git_dir()).active()? else { return Ok(None) };
    let journal = close(world, &repository, &open, None)?;
    let requirements = resolve(std::slice::from_ref(&journal));
    let packages = requirements.packages.iter().map(|package| package.attr.to_string()).collect();
    Ok(Some(Progress { active: open.active, execs: journal.events.execs as usize, packages }))
}

impl Progress {
    /// Returns it for a terminal.
    pub fn terminal(&self) -> String {
        let Active { id, start, line, .. } = &self.active;
        let packages = if self.packages.is_empty() { "none yet".to_owned() } else { self.packages.join(", ") };
        format!(
            "session   {id}\nsince     {start}\ncommand   {}\nexecs     {}\npackages  {packages}\n",
            escape(&line.to_text()),
            self.execs
        )
    }

    /// Returns it as JSON; `null` when no session is open.
    pub fn json(progress: Option<&Self>) -> String {
        let value = progress.map(|it| {
            serde_json::json!({ "session": it.active.id, "start": it.active.start, "command": it.active.line, "execs": it.execs, "packages": it.packages })
        });
        format!("{}\n", serde_json::Value::from(value))
    }
}

/// The recorder's own process: records into a segment until the last recorded process is gone.
pub fn worker(segment: &Path, work: impl FnOnce(&mut dyn Sink) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let mut log = Log::append(segment).with_context(|| format!("failed to open `{}`", segment.display()))?;
    work(&mut log)
}

/// Parses a session's name; one that a journal has already is an error.
fn free_name(repository: &Repository, name: &str) -> anyhow::Result<SessionId> {
    let id = SessionId::parse(name)?;
    let taken = repository.root().join(FOLDER).join(id.as_str()).exists()
        || repository.committed(&journal_path(&id))?.is_some();
    if taken {
        return Err(anyhow!("there is a session `{id}` already")).hint("choose another name: `--name NAME`");
    }
    Ok(id)
}

/// Opens a session for a command.
fn open(world: &World, repository: &Repository, argv: &[OsString], name: Option<&str>) -> anyhow::Result<Open> {
    use std::os::unix::ffi::OsStrExt;
    let now = (world.now)();
    let dated = now.format("%Y%m%d-%H%M%S").to_string();
    let sessions = Sessions::new(repository.git_dir());
    let id = match name {
        Some(name) => free_name(repository, name)?,
        // Several sessions may begin in one second.
        None => (1..)
            .map(|number| if number == 1 { dated.clone() } else { format!("{dated}-{number}") })
            .find_map(|name| free_name(repository, &name).ok().filter(|id| !sessions.is_known(id)))
            .context("no name is free")?,
    };
    let bytes: Vec<Vec<u8>> = argv.iter().map(|argument| argument.as_bytes().to_vec()).collect();
    let (bytes, _) = crate::redact::argv(&bytes);
    let words: Vec<String> = bytes.iter().map(|argument| String::from_utf8_lossy(argument).into_owned()).collect();
    let line = shlex::try_join(words.iter().map(String::as_str)).unwrap_or_else(|_| words.join(" "));
    let active = Active {
        version: 1,
        id,
        start: now.to_rfc3339_opts(SecondsFormat::Millis, true),
        base: repository.head()?,
        line: place(world, repository).text(line.as_bytes(), &world.cwd),
        agent: None,
    };
    Sessions::new(repository.git_dir()).open(active)
}

fn place(world: &World, repository: &Repository) -> Place {
    Place { root: repository.root().to_path_buf(), home: world.home.clone() }
}

/// Raw events → journal, as it will be committed.
fn close(world: &World, repository: &Repository, open: &Open, status: Option<Status>) -> anyhow::Result<Journal> {
    let Active { id, start, base, line, agent, .. } = open.active.clone();
    let began = DateTime::parse_from_rfc3339(&start).context("the session's start is no time")?;
    let place = place(world, repository);
    let mut closing = Closing::new(&place, began.timestamp_millis(), agent.is_some(), &ecosystems::keeps);
    let digest = open.read(&mut |event| match event {
        None => closing.segment(),
        Some(event) => closing.event(event),
    })?;
    closing.link(&host::links, &|soname| host::find(Path::new("/"), soname));
    let nix = Nix::find(world.path.as_deref());
    let session = Session {
        id,
        start,
        end: (world.now)().to_rfc3339_opts(SecondsFormat::Millis, true),
        line,
        agent,
        agent_version: None,
        model: None,
        recorder: closing.recorder().context("the recorder wrote nothing")?.clone(),
        system: System::current(),
        os: host::os(Path::new("/")),
        nix: nix.as_ref().map(|nix| nix.version().to_owned()),
        nixpkgs: None,
        base,
        status,
    };
    let mut journal = closing.finish(session, digest, &|paths| host::owners(Path::new("/"), paths));
    let found = host::left_behind(Path::new("/"), world.home.as_deref(), repository.root(), began.into());
    let private = |Changed { path, files, bytes }| State { path: place.path(&path), files, bytes };
    journal.state = found.changed.into_iter().map(private).collect();
    journal.installed = found.packages;
    files::keep(&mut journal, repository.root());
    journal.session.nixpkgs = nixpkgs_ref(&journal).and_then(|flakeref| nix?.known_pin(&flakeref));
    Ok(journal)
}

/// Returns the flakeref of nixpkgs that the session's first such `nix` command names: `nixpkgs` of `nix shell nixpkgs#jq`.
fn nixpkgs_ref(journal: &Journal) -> Option<String> {
    let words = journal.invocations.iter().filter(|call| call.is_used()).flat_map(|call| &call.argv);
    words.filter_map(|word| Some(word.as_str()?.split_once('#')?.0)).find_map(|flakeref| {
        let lower = flakeref.to_ascii_lowercase();
        let is = ["nixpkgs", "github:nixos/nixpkgs"]
            .iter()
            .any(|name| lower == *name || lower.starts_with(&format!("{name}/")));
        is.then(|| flakeref.to_owned())
    })
}

/// Closes a session and takes it through the stages.
fn capture(
    world: &World,
    repository: &Repository,
    open: &Open,
    status: Option<Status>,
    options: &Options,
) -> anyhow::Result<Answer> {
    if status.is_none() {
        open.settle();
    }
    if !options.dry_run {
        open.close()?;
    }
    let journal = close(world, repository, open, status)
        .with_context(|| format!("failed to close session `{}`", open.active.id))?;
    take(world, repository, journal, Some(open), options)
}

/// Takes a journal through the stages; `open` is its session while that is open.
fn take(
    world: &World,
    repository: &Repository,
    mut journal: Journal,
    open: Option<&Open>,
    options: &Options,
) -> anyhow::Result<Answer> {
    let console = world.console;
    let finish = || open.map_or(Ok(()), Open::finish);
    if let Some(name) = &options.name {
        journal.session.id = free_name(repository, name)?;
    }
    if open.is_some() && journal.events.lost > 0 {
        console.warn(format_args!(
            "{} events were lost (a full disk, a killed recorder): what ran then is not captured",
            journal.events.lost
        ));
    }
    let mut journals = journals(repository)?;
    let before = journals.len();
    journals.push(journal);
    let mut plan = Plan::new(world, repository, journals, options.nixpkgs.as_deref())?;
    if before == 0 && plan.document.requirements.packages.is_empty() && plan.document.requirements.checks.is_empty() {
        finish()?;
        console.say("the session used nothing that a flake could provide: nothing to capture");
        return Ok(Answer::Yes);
    }
    if options.dry_run {
        let proposal = plan.propose(repository, options.include_work)?;
        console.print(escape_lines(&proposal.patch()?))?;
        if let Some(open) = open {
            console.say(format_args!("nothing is written; `agent-capture stop` captures session {}", open.active.id));
        }
        return Ok(Answer::Yes);
    }
    let written = plan.write(repository);
    match open {
        Some(_) => written.hint("make it possible, then `agent-capture stop`: the session is kept")?,
        None => written?,
    }
    finish()?;
    console.say(plan.report(None).terminal().trim_end());
    if plan.is_aside() {
        console.say(format_args!("flake.nix is hand-written and stays as it is: ours is {}", plan.place("flake.nix")));
    }
    let mut verification = None;
    if options.verify {
        let proved = prove_or_leave_out(world, repository, &mut plan, options)?;
        if !proved.is_passed() {
            console.say(failures(&proved).trim_end());
            console
                .say("nothing is committed: journal and flake are in the work tree; go on with `agent-capture verify`");
            return Ok(Answer::No);
        }
        verification = Some(proved);
    }
    let proposal = plan.propose(repository, options.include_work)?;
    if let Some(verification) = &verification {
        remember(repository, &proposal, verification)?;
    }
    if !options.commit {
        console.say(format_args!("not committed: {} is in the work tree", plan.place("flake.nix")));
        return Ok(Answer::Yes);
    }
    record_commit(world, repository, &plan, &proposal, verification.as_ref(), options)
}

/// Shows what is committed, asks, and commits.
fn record_commit(
    world: &World,
    repository: &Repository,
    plan: &Plan,
    proposal: &Proposal,
    verification: Option<&Verification>,
    options: &Options,
) -> anyhow::Result<Answer> {
    let console = world.console;
    if proposal.is_empty() {
        console.say("nothing to commit: HEAD has it all");
        return Ok(Answer::Yes);
    }
    let changes = proposal.changes()?;
    for change in &changes {
        let kind = match change.kind {
            Kind::Added => "new     ",
            Kind::Deleted => "deleted ",
            Kind::Modified | Kind::Retyped => "modified",
        };
        console.say(format_args!("  {kind}  {}  +{} -{}", escape(&change.path), change.insertions, change.deletions));
    }
    if !options.yes && !console.confirm("Commit this?")? {
        console.say("not committed; `agent-capture commit` does it later");
        return Ok(Answer::No);
    }
    let changed: BTreeSet<&str> = changes.iter().map(|change| change.path.as_str()).collect();
    let new = |journal: &&Journal| changed.contains(journal_path(&journal.session.id).as_str());
    let sessions = plan
        .journals
        .iter()
        .filter(new)
        .map(|journal| Ok((journal.session.id.clone(), hex(&Sha256::digest(journal.to_bytes()?)))));
    let sessions = sessions.collect::<anyhow::Result<Vec<_>>>()?;
    let message = plan.report(verification).message(&sessions);
    let commit = proposal.commit(&message).context("failed to commit")?;
    let on = match &commit.on {
        Head::Branch(name) | Head::Unborn(name) => format!("on {}", escape(name)),
        Head::Detached(_) => "on a detached HEAD: no branch has it".to_owned(),
    };
    console.say(format_args!("committed {} {on}", commit.id.get(..12).unwrap_or(&commit.id)));
    let hooks = repository.hooks();
    if !hooks.is_empty() {
        console.say(format_args!("the hooks of this repository were not run: {}", hooks.join(", ")));
    }
    Ok(Answer::Yes)
}

/// Returns what is required by journals, for tests and tools: the stage between two files.
pub fn resolve(journals: &[Journal]) -> Requirements {
    ecosystems::resolve(journals, &Index::new(), &Policy::default())
}
