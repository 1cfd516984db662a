//! `start --attach PID`: opens a session and records what runs already.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;

use anyhow::{Context, anyhow};

use super::join::lost;
use super::{Answer, Options, World, open};
use crate::console::{Hint, escape};
use crate::recorders::{self, Launch};

/// `start --attach PID`: records a process and those below it until `stop`.
pub fn attach(world: &World, pid: i32, options: &Options) -> anyhow::Result<Answer> {
    let repository = super::repository(world, options)?;
    repository.propose(&[], false)?.ready()?;
    if options.recorder.as_deref().is_some_and(|name| name != "seccomp") {
        return Err(anyhow!("only the recorder `seccomp` attaches to what runs")).hint("leave out `--recorder`");
    }
    let line = fs::read(format!("/proc/{pid}/cmdline")).with_context(|| format!("there is no process {pid}"))?;
    let line = line.split_inclusive(|byte| *byte == 0).map(|word| word.strip_suffix(b"\0").unwrap_or(word).to_vec());
    let argv: Vec<OsString> = line.map(OsString::from_vec).collect();
    let open = open::open(world, &repository, &super::begin(&argv, options), options)?;
    let launch = Launch { closed: open.closed(), depth: options.depth, ..Launch::default() };
    let attached = recorders::attach(pid, &launch, &mut || open.claim());
    if attached.is_err() {
        open.abandon()?;
    }
    let attached = attached?;
    for missed in &attached.missed {
        world.console.warn(format_args!("not recorded: {}", escape(missed)));
        lost(world, &open.claim()?, "a process that ran already could not be recorded");
    }
    let below = match attached.processes {
        1 => String::new(),
        more => format!(" and {} below it", more - 1),
    };
    world
        .console
        .say(format_args!("session {} records process {pid}{below}; `agent-capture stop` closes it", open.active.id));
    Ok(Answer::Yes)
}
