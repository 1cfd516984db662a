//! A session ends: raw events → journal.

use std::fs;
use std::path::Path;
use std::{panic, thread};

use anyhow::Context;
use chrono::{DateTime, SecondsFormat};

use super::import::calls;
use super::open::place;
use super::start::LINE;
use super::{World, files, flakes};
use crate::agents;
use crate::commit::Repository;
use crate::ecosystems;
use crate::event::{Bytes, Status};
use crate::host::{self, Before, Changed};
use crate::journal::{Closing, Journal, Recorder, Session, State};
use crate::nix::{Nix, System};
use crate::session::{Active, Open};

/// Raw events → journal, as it will be committed.
pub(super) fn close(
    world: &World,
    repository: &Repository,
    open: &Open,
    status: Option<Status>,
) -> anyhow::Result<Journal> {
    let Active { id, start, base, line, agent, agent_version, hooks, .. } = open.active.clone();
    let began = DateTime::parse_from_rfc3339(&start).context("the session's start is no time")?;
    let place = place(world, repository);
    let closing = Closing::new(&place, began.timestamp_millis(), leads(&line), ecosystems::READS);
    let mut closing = closing.in_parts(hooks || line.as_str() == Some(LINE));
    let before = Before::parse(&fs::read(open.before()).unwrap_or_default());
    let (root, home) = (repository.root().to_path_buf(), world.home.clone());
    // It waits for the disk, while the log is read here.
    let left = thread::spawn(move || host::left_behind(Path::new("/"), home.as_deref(), &root, began.into(), &before));
    let digest = open.read(&mut |event| match event {
        None => closing.segment(),
        Some(event) => closing.event(event),
    })?;
    for path in closing.transcripts() {
        // One that is gone, or that is none, tells nothing.
        drop(calls(&path, &mut |call| closing.complete(&call)));
    }
    let teller = closing.teller();
    closing.link(&host::links, &|soname| host::find(Path::new("/"), soname));
    let nix = Nix::find(world.path.as_deref());
    let session = Session {
        id,
        start,
        end: (world.now)().to_rfc3339_opts(SecondsFormat::Millis, true),
        line,
        agent: agent.or(teller.agent),
        agent_version: agent_version.or(teller.version),
        model: teller.model,
        recorder: closing.recorder().unwrap_or_else(nothing),
        system: System::current(),
        os: host::os(Path::new("/")),
        nix: nix.as_ref().map(|nix| nix.version().to_owned()),
        nixpkgs: None,
        base,
        status,
    };
    let mut journal = closing.finish(session, digest, &|paths| host::owners(Path::new("/"), paths));
    let found = left.join().unwrap_or_else(|panic| panic::resume_unwind(panic));
    let private = |Changed { path, files, bytes, removed }| State { path: place.path(&path), files, bytes, removed };
    journal.state = found.changed.into_iter().map(private).collect();
    journal.installed = found.packages;
    files::keep(&mut journal, repository.root());
    files::brought(&mut journal, world.home.as_deref());
    flakes::used(&mut journal, nix.as_ref());
    Ok(journal)
}

/// Returns whether what the recorded command starts are the session's commands: it is an agent.
pub(super) fn leads(line: &Bytes) -> bool {
    let program = line.as_str().and_then(|line| line.split(' ').next()?.rsplit('/').next());
    program.and_then(agents::by_program).is_some()
}

/// Returns what recorded a session that nothing joined.
fn nothing() -> Recorder {
    Recorder { name: "none".to_owned(), blind: vec!["Everything: no recorder was started.".to_owned()] }
}
