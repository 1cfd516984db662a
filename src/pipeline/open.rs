//! A session begins: its name, and what is written of it.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use anyhow::{Context, anyhow};
use chrono::SecondsFormat;

use super::hook::sweep;
use super::plan::{FOLDER, journal_path};
use super::{Options, World};
use crate::commit::Repository;
use crate::console::Hint;
use crate::host;
use crate::journal::{Place, SessionId};
use crate::recorders::{Depth, Meanwhile};
use crate::session::{Active, Open, Recording, Sessions};

/// Parses a session's name; one that a journal has already is an error.
pub(super) fn free_name(repository: &Repository, name: &str) -> anyhow::Result<SessionId> {
    let id = SessionId::parse(name)?;
    let taken = repository.root().join(FOLDER).join(id.as_str()).exists()
        || repository.committed(&journal_path(&id))?.is_some();
    if taken {
        return Err(anyhow!("there is a session `{id}` already")).hint("choose another name: `--name NAME`");
    }
    Ok(id)
}

/// How a session begins.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Begin<'a> {
    /// The command that is recorded.
    pub(super) argv: &'a [OsString],
    /// The agent, when it is known.
    pub(super) agent: Option<&'a str>,
    /// The agent's version, when it is told.
    pub(super) agent_version: Option<&'a str>,
    /// Whether an agent's hooks open it.
    pub(super) hooks: bool,
}

/// Opens a session.
pub(super) fn open(world: &World, repository: &Repository, begin: &Begin, options: &Options) -> anyhow::Result<Open> {
    let (open, looked) = open_meanwhile(world, repository, begin, options)?;
    looked.wait();
    Ok(open)
}

/// Opens a session, while it is looked at what is there before; nothing of the session may run until that is done.
pub(super) fn open_meanwhile(
    world: &World,
    repository: &Repository,
    begin: &Begin,
    options: &Options,
) -> anyhow::Result<(Open, Meanwhile)> {
    let Begin { argv, agent, agent_version, hooks } = *begin;
    let now = (world.now)();
    let dated = now.format("%Y%m%d-%H%M%S").to_string();
    let sessions = Sessions::new(repository.git_dir());
    sweep(repository, &sessions)?;
    let id = match options.name.as_deref() {
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
        line: match agent {
            Some(agent) if hooks => agent.into(),
            _ => place(world, repository).text(line.as_bytes(), &world.cwd),
        },
        agent: agent.map(str::to_owned),
        agent_version: agent_version.map(str::to_owned),
        hooks,
        recording: Recording {
            recorder: options.recorder.clone(),
            keep_sudo: options.keep_sudo,
            depth: Some(options.depth).filter(|depth| *depth != Depth::default()).map(|depth| depth.name().to_owned()),
        },
    };
    let open = Sessions::new(repository.git_dir()).open(active)?;
    let (root, home, before) = (repository.root().to_path_buf(), world.home.clone(), open.before());
    // Without it nothing is told of what is gone when the session closes.
    let looked = Meanwhile::begin(move || {
        drop(fs::write(before, host::Before::look(Path::new("/"), home.as_deref(), &root).to_bytes()));
    });
    Ok((open, looked.unwrap_or_default()))
}

pub(super) fn place(world: &World, repository: &Repository) -> Place {
    Place { root: repository.root().to_path_buf(), home: world.home.clone() }
}
