//! A command joins the open session: it and all that it starts are recorded in a segment of their own.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::anyhow;

use super::World;
use crate::console::escape;
use crate::event::{Bytes, Call, Event, Lost, Sink, StatusKnown, Told, What};
use crate::journal::line;
use crate::recorders::{self, Depth, Finished, Launch};
use crate::session::{Log, Open, Sessions};

/// Names the open session in the environment: the absolute path of the folder of its raw events.
pub const SESSION: &str = "AGENT_CAPTURE_SESSION";

/// Set to the same in what has joined the session, so that it joins once.
pub const INSIDE: &str = "AGENT_CAPTURE_INSIDE";

/// A command that wants to join.
#[derive(Clone, Debug, Default)]
pub struct Join {
    /// The command.
    pub argv: Vec<OsString>,
    /// Its file, when that is not what its first argument names.
    pub program: Option<OsString>,
    /// The session that the environment names.
    pub session: Option<PathBuf>,
    /// The session that the environment says was joined.
    pub inside: Option<PathBuf>,
}

/// `__join -- CMD…`: runs a command as a part of the open session and returns its status. Becomes the command, unrecorded,
/// when no session is open, when it is recorded already, and when it cannot be recorded, which the session is told.
pub fn join(world: &World, join: &Join) -> u8 {
    // Set whatever comes of it: a shell that enters by itself would do so again and again.
    let environment: Vec<_> = join.session.iter().map(|session| (INSIDE, session.clone().into_os_string())).collect();
    let joined = join.inside.is_some() && join.inside == join.session;
    let open = join.session.as_deref().filter(|_| !joined).and_then(Sessions::of);
    let Some(open) = open.filter(|open| !recorders::is_inside(&open.closed())) else {
        return become_it(world, join, &environment);
    };
    let Ok(segment) = open.claim() else { return become_it(world, join, &environment) };
    let recording = open.active.recording.clone();
    let launch = Launch {
        argv: join.argv.clone(),
        program: join.program.clone(),
        environment: environment.clone(),
        bound: true,
        segment: segment.clone(),
        closed: open.closed(),
        recorder: recording.recorder,
        keep_sudo: recording.keep_sudo,
        depth: recording.depth.and_then(|name| Depth::parse(&name)).unwrap_or_default(),
        ..Launch::default()
    };
    let by_name = matches!(launch.recorder.as_deref(), Some("shell" | "hook"));
    let recorded = if by_name { Err(anyhow!("nothing is to be seen")) } else { recorders::run(&launch) };
    let recorded = recorded.or_else(|_| told(world, &open, &launch));
    match recorded {
        Ok(finished) => {
            if let Some(why) = finished.failure {
                cannot_run(world, join, &why);
            }
            finished.status.shell()
        }
        Err(_) => {
            lost(world, &segment, "a command could not be recorded");
            become_it(world, join, &environment)
        }
    }
}

/// Runs a command where nothing sees what it does, and tells the session its line and how it ended.
pub(super) fn told(world: &World, open: &Open, launch: &Launch) -> anyhow::Result<Finished> {
    let began = (world.now)().timestamp_millis();
    let finished = recorders::run(&Launch { recorder: Some("shell".to_owned()), ..launch.clone() })?;
    let program = launch.program.as_ref().or(launch.argv.first()).cloned().unwrap_or_default();
    let argv: Vec<Bytes> = launch.argv.iter().map(|word| Bytes::from(word.as_bytes())).collect();
    let at = (world.now)().timestamp_millis();
    let mut call = Call {
        line: line(program.as_bytes(), &argv),
        cwd: world.cwd.to_str().map(str::to_owned),
        at: Some(began),
        took: Some((at - began).max(0)),
        ..Call::default()
    };
    call.end(finished.status, StatusKnown::Exact);
    let (agent, session) = (String::new(), format!("{}", std::process::id()));
    let told = Told { at, agent, session, version: None, model: None, transcript: None, what: What::After(call) };
    if open.tell(told).is_err() {
        lost(world, &launch.segment, "a line could not be written down");
    }
    Ok(finished)
}

/// Notes in a segment that something is not recorded.
pub(super) fn lost(world: &World, segment: &Path, why: &str) {
    let at = (world.now)().timestamp_millis();
    let event = Event::Lost(Lost { at, count: 1, why: why.to_owned() });
    drop(Log::append(segment).and_then(|mut log| log.event(&event)));
}

/// Becomes the command; returns only when that failed.
fn become_it(world: &World, join: &Join, environment: &[(&'static str, OsString)]) -> u8 {
    let Some(program) = join.program.as_ref().or(join.argv.first()) else { return 127 };
    let (error, status) = recorders::replace(program, &join.argv, environment);
    cannot_run(world, join, &error.to_string());
    status
}

fn cannot_run(world: &World, join: &Join, why: &str) {
    let program = join.argv.first().map(|program| escape(&program.to_string_lossy())).unwrap_or_default();
    world.console.error(&anyhow!("cannot run `{program}`: {why}"));
}
