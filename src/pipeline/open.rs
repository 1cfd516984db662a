//! A session begins: its name, and what is written of it.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use anyhow::{Context, anyhow};
use chrono::SecondsFormat;

use super::World;
use super::plan::{FOLDER, journal_path};
use crate::commit::Repository;
use crate::console::Hint;
use crate::host;
use crate::journal::{Place, SessionId};
use crate::session::{Active, Open, Sessions};

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

/// Opens a session for a command.
pub(super) fn open(
    world: &World,
    repository: &Repository,
    argv: &[OsString],
    name: Option<&str>,
) -> anyhow::Result<Open> {
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
    let open = Sessions::new(repository.git_dir()).open(active)?;
    // Without it nothing is told of what is gone when the session closes.
    let before = host::Before::look(Path::new("/"), world.home.as_deref(), repository.root());
    drop(fs::write(open.before(), before.to_bytes()));
    Ok(open)
}

pub(super) fn place(world: &World, repository: &Repository) -> Place {
    Place { root: repository.root().to_path_buf(), home: world.home.clone() }
}
