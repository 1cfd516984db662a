//! Where nothing sees what a command does: the shells that it starts tell their lines.

use std::ffi::OsStr;
use std::path::Path;

use super::World;
use super::join::told;
use super::start::variables;
use crate::console::escape;
use crate::recorders::{self, Finished, Launch};
use crate::session::{Open, Sessions};

/// Shells that enter the session by themselves.
const ENTER: [&str; 2] = ["bash", "zsh"];

/// Runs the command of a session: recorded, else with its shells telling their lines, unless another recorder was asked for.
pub(super) fn run(world: &World, sessions: &Sessions, open: &Open, launch: &Launch) -> anyhow::Result<Finished> {
    let asked = launch.recorder.as_deref();
    if asked != Some("shell") {
        match recorders::run(launch) {
            Err(error) if asked.is_none() => world.console.warn(format_args!(
                "{}: only which lines bash and zsh are given will be known",
                escape(&error.root_cause().to_string())
            )),
            recorded => return recorded,
        }
    }
    let environment = variables(sessions, open, &|name| std::env::var_os(name))?;
    let recorder = Some("shell".to_owned());
    let launch = Launch { recorder, environment, ..launch.clone() };
    let program = launch.argv.first().and_then(|program| Path::new(program).file_name()).and_then(OsStr::to_str);
    // An agent is no command, and these shells tell their own lines.
    if open.active.agent.is_some() || program.is_some_and(|name| ENTER.contains(&name)) {
        return recorders::run(&launch);
    }
    told(world, open, &launch)
}
