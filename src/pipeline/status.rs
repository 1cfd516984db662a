//! `status`: the open session, and what it brings so far.

use std::fmt::Write;

use anyhow::Context;
use chrono::{DateTime, Utc};
use serde::Serialize;

use super::World;
use super::close::close;
use super::plan::policy;
use crate::commit::Repository;
use crate::console::{escape, span};
use crate::ecosystems;
use crate::event::Bytes;
use crate::index::Index;
use crate::journal::{Journal, Recorder, SessionId};
use crate::session::{Active, Open, Sessions};

/// An open session, and how much is recorded of it.
#[derive(Debug, Serialize)]
pub struct Progress {
    /// Its name.
    pub session: SessionId,
    /// When it was opened, RFC 3339, UTC.
    pub start: String,
    /// How long ago that was, in whole seconds.
    pub elapsed: i64,
    /// Whether it is closed, and not yet captured.
    pub closed: bool,
    /// The command line that is recorded.
    pub command: Bytes,
    /// The recorder, and what it cannot see.
    pub recorder: Recorder,
    /// How many commands it has.
    pub commands: usize,
    /// How many programs ran.
    pub programs: usize,
    /// How many execs are recorded.
    pub execs: u64,
    /// How many events are known to be lost.
    pub lost: u64,
    /// The attrs that would be in the flake.
    pub packages: Vec<String>,
    /// The names of the checks that would be.
    pub checks: Vec<String>,
}

/// `status`: the open session, and what it brings so far.
pub fn status(world: &World) -> anyhow::Result<Option<Progress>> {
    let repository = Repository::discover(&world.cwd)?;
    let Some(open) = Sessions::new(repository.git_dir()).active()? else { return Ok(None) };
    let journal = so_far(world, &repository, &open)?;
    let (policy, _) = policy(&repository)?;
    let requirements = ecosystems::resolve(std::slice::from_ref(&journal), &Index::new(), &policy);
    let Active { id, start, line, .. } = open.active.clone();
    Ok(Some(Progress {
        elapsed: elapsed(&start, (world.now)()),
        closed: open.closed().exists(),
        commands: journal.commands.len(),
        programs: journal.programs.len(),
        execs: journal.events.execs,
        lost: journal.events.lost,
        recorder: journal.session.recorder,
        packages: requirements.installables().map(|(name, _)| name.to_string()).collect(),
        checks: requirements.checks.iter().map(|check| check.name.as_str().to_owned()).collect(),
        session: id,
        start,
        command: line,
    }))
}

/// Returns what is recorded of an open session, as a journal.
pub(super) fn so_far(world: &World, repository: &Repository, open: &Open) -> anyhow::Result<Journal> {
    let _progress = world.console.progress("reading what is recorded");
    let journal = close(world, repository, open, None);
    journal.with_context(|| format!("failed to read session `{}`", open.active.id))
}

/// Returns the seconds since a time; 0 when that is none.
fn elapsed(start: &str, now: DateTime<Utc>) -> i64 {
    DateTime::parse_from_rfc3339(start).map_or(0, |start| (now - start.to_utc()).num_seconds().max(0))
}

impl Progress {
    /// Returns it for a terminal.
    pub fn terminal(&self) -> String {
        let mut out = String::new();
        let mut line = |name: &str, text: String| writeln!(out, "{name:9} {text}").expect("a String takes all");
        line("session", self.session.to_string());
        line("since", format!("{}, {} ago", self.start, span(self.elapsed * 1000)));
        line("command", escape(&self.command.to_text()));
        line("recorder", escape(&self.recorder.name));
        self.recorder.blind.iter().for_each(|what| line("", format!("does not see: {}", escape(what))));
        line("ran", format!("commands: {}, programs: {}, execs: {}", self.commands, self.programs, self.execs));
        if self.lost > 0 {
            line("lost", format!("events: {}", self.lost));
        }
        let listed = |names: &[String]| if names.is_empty() { "none yet".to_owned() } else { names.join(", ") };
        line("packages", listed(&self.packages));
        line("checks", listed(&self.checks));
        if self.closed {
            line("closed", "and not captured: `agent-capture stop` goes on".to_owned());
        }
        out
    }

    /// Returns it as JSON, LF at the end; `null` when no session is open.
    pub fn json(progress: Option<&Self>) -> anyhow::Result<String> {
        Ok(serde_json::to_string(&progress)? + "\n")
    }
}
