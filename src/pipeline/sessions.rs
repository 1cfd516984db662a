//! `list` and `show`: the sessions of a repository, and what each brought.

use std::collections::BTreeMap;
use std::fmt::{Display, Write};

use anyhow::anyhow;
use serde::Serialize;

use super::World;
use super::plan::{journal_path, journals, policy};
use super::status::so_far;
use crate::commit::Repository;
use crate::console::{Hint, escape, span};
use crate::ecosystems;
use crate::event::Bytes;
use crate::index::Index;
use crate::journal::{Command, Journal, Known, Outcome, Program, SessionId};
use crate::nix::Installable;
use crate::requirements::{Check, Evidence, Requirements};
use crate::session::Sessions;

/// How far a session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// It is being recorded.
    Open,
    /// It is closed, and not captured yet: `stop` goes on.
    Closed,
    /// Its journal is in the work tree, and not as it is there at HEAD.
    Uncommitted,
    /// Its journal is at HEAD.
    Committed,
    /// No journal has it, its raw events are kept: it brought nothing, or it was undone or forgotten.
    EventsOnly,
}

impl Stage {
    fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
            Self::Uncommitted => "uncommitted",
            Self::Committed => "committed",
            Self::EventsOnly => "events only",
        }
    }
}

/// A session, and what it brought.
#[derive(Debug, Serialize)]
pub struct Brought {
    /// Its name.
    pub session: SessionId,
    /// How far it is.
    pub stage: Stage,
    /// When it began, RFC 3339, UTC; none when only raw events are kept.
    pub start: Option<String>,
    /// The command line that was recorded.
    pub command: Option<Bytes>,
    /// Name of the agent, when it is a known one.
    pub agent: Option<String>,
    /// How many commands it has.
    pub commands: usize,
    /// Packages that only it needs.
    pub brings: Vec<Installable>,
    /// Packages that it and other sessions need.
    pub shares: Vec<Installable>,
    /// Names of checks that only it asks for.
    pub checks: Vec<String>,
}

/// A session with its journal.
#[derive(Debug, Serialize)]
pub struct Shown {
    /// What it brought.
    #[serde(flatten)]
    pub brought: Brought,
    /// What was recorded; none when only raw events are kept.
    pub journal: Option<Journal>,
}

/// `list`: all sessions that are known here, in the order in which they began.
pub fn list(world: &World) -> anyhow::Result<Vec<Brought>> {
    Ok(all(world)?.into_iter().map(|shown| shown.brought).collect())
}

/// `show`: one session; the latest when none is named.
pub fn show(world: &World, name: Option<&str>) -> anyhow::Result<Shown> {
    let mut all = all(world)?;
    let found = match name {
        Some(name) => all.iter().position(|shown| shown.brought.session.as_str() == name),
        None => all.len().checked_sub(1),
    };
    let missing = || match name {
        Some(name) => anyhow!("there is no session `{}` here", escape(name)),
        None => anyhow!("there is no session here"),
    };
    let hint = match name {
        Some(_) => "`agent-capture list` shows all",
        None => "`agent-capture run -- CMD` records one",
    };
    Ok(all.swap_remove(found.ok_or_else(missing).hint(hint)?))
}

/// Returns all sessions: those with a journal, the open one, and those of which only raw events are kept.
fn all(world: &World) -> anyhow::Result<Vec<Shown>> {
    let repository = Repository::discover(&world.cwd)?;
    let mut stages: BTreeMap<SessionId, Stage> = BTreeMap::new();
    let mut journals = journals(&repository)?;
    for journal in &journals {
        let id = &journal.session.id;
        let is_committed = repository
            .committed(&journal_path(id))?
            .is_some_and(|bytes| journal.to_bytes().is_ok_and(|it| it == bytes));
        stages.insert(id.clone(), if is_committed { Stage::Committed } else { Stage::Uncommitted });
    }
    let sessions = Sessions::new(repository.git_dir());
    let active =
        sessions.active()?.map(|open| (if open.closed().exists() { Stage::Closed } else { Stage::Open }, open));
    let ended = sessions.ended()?.into_iter().map(|open| (Stage::Closed, open));
    for (stage, open) in active.into_iter().chain(ended) {
        stages.insert(open.active.id.clone(), stage);
        journals.push(so_far(world, &repository, &open)?);
    }
    for id in sessions.names() {
        stages.entry(id).or_insert(Stage::EventsOnly);
    }
    let (policy, _) = policy(&repository)?;
    let requirements = ecosystems::resolve(&journals, &Index::new(), &policy);
    let mut journals: BTreeMap<SessionId, Journal> =
        journals.into_iter().map(|journal| (journal.session.id.clone(), journal)).collect();
    let mut all: Vec<Shown> =
        stages.into_iter().map(|(id, stage)| Shown::new(journals.remove(&id), id, stage, &requirements)).collect();
    all.sort_by(|a, b| (&a.brought.start, &a.brought.session).cmp(&(&b.brought.start, &b.brought.session)));
    Ok(all)
}

/// Returns the packages that only this session needs, and those that others need, too.
fn needed(requirements: &Requirements, session: &SessionId) -> (Vec<Installable>, Vec<Installable>) {
    let is_of = |evidence: &Evidence| evidence.session == *session;
    let of = requirements.installables().filter(|(_, evidence)| evidence.iter().any(is_of));
    let (only, too): (Vec<_>, Vec<_>) = of.partition(|(_, evidence)| evidence.iter().all(is_of));
    let names = |packages: Vec<(Installable, _)>| packages.into_iter().map(|(name, _)| name).collect();
    (names(only), names(too))
}

impl Shown {
    fn new(journal: Option<Journal>, id: SessionId, stage: Stage, requirements: &Requirements) -> Self {
        let (brings, shares) = needed(requirements, &id);
        let is_own =
            |check: &&Check| !check.evidence.is_empty() && check.evidence.iter().all(|evidence| evidence.session == id);
        let checks = requirements.checks.iter().filter(is_own).map(|check| check.name.as_str().to_owned()).collect();
        let session = journal.as_ref().map(|journal| &journal.session);
        let brought = Brought {
            stage,
            start: session.map(|session| session.start.clone()),
            command: session.map(|session| session.line.clone()),
            agent: session.and_then(|session| session.agent.clone()),
            commands: journal.as_ref().map_or(0, |journal| journal.commands.len()),
            brings,
            shares,
            checks,
            session: id,
        };
        Self { brought, journal }
    }

    /// Returns it as JSON, LF at the end.
    pub fn json(&self) -> anyhow::Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    /// Returns it for a terminal.
    pub fn terminal(&self) -> String {
        let Brought { session, stage, brings, shares, checks, .. } = &self.brought;
        let mut out = String::new();
        row(&mut out, "session", format_args!("{session} ({})", stage.as_str()));
        if let Some(journal) = &self.journal {
            self.head(&mut out, journal);
        }
        row(&mut out, "brings", listed(brings));
        row(&mut out, "shares", listed(shares));
        row(&mut out, "checks", if checks.is_empty() { "none".to_owned() } else { checks.join(", ") });
        let Some(journal) = &self.journal else { return out };
        row(&mut out, "commands", "");
        journal.commands.iter().for_each(|it| put(&mut out, command(it)));
        row(&mut out, "programs", "");
        journal.programs.iter().for_each(|it| put(&mut out, program(it)));
        if !journal.missing.is_empty() {
            row(&mut out, "not found", "");
            journal.missing.iter().for_each(|it| put(&mut out, format_args!("  {}", escape(&it.program.to_text()))));
        }
        if !journal.state.is_empty() || !journal.installed.is_empty() {
            row(&mut out, "left behind", "");
            for state in &journal.state {
                put(&mut out, format_args!("  {}  files: {}", escape(&state.path.to_text()), state.files));
            }
            journal.installed.iter().for_each(|it| put(&mut out, format_args!("  installed: {}", escape(it))));
        }
        out
    }

    fn head(&self, out: &mut String, journal: &Journal) {
        let session = &journal.session;
        row(out, "command", escape(&session.line.to_text()));
        if let Some(agent) = &session.agent {
            let parts = [Some(agent), session.agent_version.as_ref(), session.model.as_ref()];
            row(out, "agent", escape(&parts.into_iter().flatten().cloned().collect::<Vec<_>>().join(" ")));
        }
        row(out, "from", escape(&session.start));
        row(out, "to", escape(&session.end));
        row(out, "ended", session.status.map_or_else(|| "unknown".to_owned(), |status| status.to_string()));
        let os = session.os.as_deref().map(|os| format!(", {}", escape(os))).unwrap_or_default();
        row(out, "system", format_args!("{}{os}", session.system));
        row(out, "recorder", escape(&session.recorder.name));
        session.recorder.blind.iter().for_each(|what| row(out, "", format_args!("does not see: {}", escape(what))));
    }
}

impl Brought {
    /// Returns all as JSON, LF at the end.
    pub fn json(all: &[Self]) -> anyhow::Result<String> {
        Ok(serde_json::to_string_pretty(all)? + "\n")
    }

    /// Returns all for a terminal: a line each.
    pub fn terminal(all: &[Self]) -> String {
        let mut out = String::new();
        let wide = all.iter().map(|it| it.session.as_str().len()).max().unwrap_or(0);
        for Self { session, stage, start, commands, brings, shares, .. } in all {
            let start = start.as_deref().and_then(|start| start.get(..16)).unwrap_or_default().replace('T', " ");
            let what = match (brings.as_slice(), shares.as_slice()) {
                ([], []) => String::new(),
                (brings, []) => listed(brings),
                (brings, shares) => format!("{} (and of others, too: {})", listed(brings), listed(shares)),
            };
            let line = format!(
                "{:wide$}  {:11}  {:16}  commands: {commands:<5}  {what}",
                session.as_str(),
                stage.as_str(),
                escape(&start)
            );
            put(&mut out, line.trim_end());
        }
        out
    }
}

fn put(out: &mut String, text: impl Display) {
    writeln!(out, "{text}").expect("a String takes all");
}

fn row(out: &mut String, name: &str, text: impl Display) {
    put(out, format!("{name:11} {text}").trim_end());
}

fn listed(attrs: &[Installable]) -> String {
    let names: Vec<&str> = attrs.iter().map(Installable::as_str).collect();
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}

/// Returns a command's line: when it began, how long it took, how it ended, what was asked for.
fn command(command: &Command) -> String {
    let Command { line, cwd, status, at, took, known, outcome, network, .. } = command;
    let ended = match (outcome, status) {
        (Outcome::Ran, Some(status)) => status.to_string(),
        (Outcome::Ran | Outcome::Unknown, _) => "unknown".to_owned(),
        (Outcome::Refused, _) => "refused".to_owned(),
        (Outcome::Blocked, _) => "blocked".to_owned(),
        (Outcome::Cancelled, _) => "cancelled".to_owned(),
    };
    let took = took.map(span).unwrap_or_default();
    let cwd = cwd.to_text();
    let folder = if cwd.is_empty() { String::new() } else { format!("  (in {})", escape(&cwd)) };
    let marks = [(*network, "  network"), (*known == Known::Claimed, "  claimed")];
    let marks: String = marks.iter().filter(|(is, _)| *is).map(|(_, mark)| *mark).collect();
    format!("  +{:11} {took:>11}  {ended:9}  {}{folder}{marks}", span(*at), escape(&line.to_text()))
}

fn program(program: &Program) -> String {
    let Program { path, owner, runs, failed, .. } = program;
    let failed = if *failed > 0 { format!(", failed: {failed}") } else { String::new() };
    let owner = owner.as_ref().map(|it| format!("  {} {}", escape(&it.package), escape(&it.version)));
    format!("  {}  runs: {runs}{failed}{}", escape(&path.to_text()), owner.unwrap_or_default())
}
