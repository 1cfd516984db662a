//! `hook`: an agent tells what it does, and goes on. Nothing here may keep it waiting, break it, or speak to it unasked.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, anyhow};

use super::capture::capture;
use super::open::{Begin, open};
use super::{Options, World};
use crate::agents::{self, Door, Heard, Hooks};
use crate::commit::Repository;
use crate::console::Hint;
use crate::event::{Told, What};
use crate::host::Process;
use crate::session::{Open, Sessions, Teller};

/// The choices of a repository, as git's configuration names them.
pub(super) const RECORD: &str = "hooks";
pub(super) const COMMIT: &str = "commit";

/// The most bytes of an event that are read; an agent sends along what a command wrote.
const LARGEST: usize = 64 << 20;

/// The largest log of what is said when nobody listens, in bytes.
const LOG: u64 = 1 << 20;

/// `hook AGENT`: takes an event. `name` is the event's name where the agent does not tell it, `variable` tells a variable of
/// the environment. Returns what the agent is answered; none for nothing.
pub fn hook(
    world: &World,
    agent: &str,
    name: Option<&str>,
    input: &[u8],
    variable: &dyn Fn(&str) -> Option<String>,
) -> anyhow::Result<Option<String>> {
    let found = agents::ALL.iter().find(|known| known.name() == agent);
    let hooks = found.and_then(|agent| agent.hooks()).ok_or_else(|| anyhow!("`{agent}` is no agent with hooks"));
    let hooks = hooks.hint("`agent-capture hooks` names them")?;
    let mut event = serde_json::from_slice::<serde_json::Value>(input).context("the event is no JSON")?;
    if let (Some(name), Some(fields)) = (name, event.as_object_mut()) {
        fields.entry("hook_event_name").or_insert_with(|| name.into());
    }
    let heard = hooks.hear(&event);
    if heard.is_none() && hooks.door() != Door::Answer {
        return Ok(None);
    }
    let told = |heard: &Heard| heard.folder.clone();
    let folder = hooks.project().iter().find_map(|name| variable(name)).map(PathBuf::from);
    let folder = folder.filter(|folder| folder.is_dir()).or_else(|| heard.as_ref().and_then(told));
    let Ok(repository) = Repository::discover(&folder.unwrap_or_else(|| world.cwd.clone())) else { return Ok(None) };
    let sessions = Sessions::new(repository.git_dir());
    let Some(heard) = heard else {
        return Ok(sessions.active()?.and_then(|open| answer(hooks, &open, variable)));
    };
    let Some(open) = session(world, &repository, &sessions, agent, &heard)? else { return Ok(None) };
    let Heard { session, what, version, model, transcript, .. } = heard;
    let teller = Teller::new(agent, &session, Process::caller());
    let ends = matches!(what, What::Ended);
    let at = (world.now)().timestamp_millis();
    open.enter(&teller)?;
    open.tell(Told { at, agent: agent.to_owned(), session, version, model, transcript, what })?;
    if ends {
        open.leave(&teller);
        if open.active.hooks && !open.is_alive() {
            open.retire()?;
            finish_later(&repository, &sessions)?;
        }
        return Ok(None);
    }
    Ok(answer(hooks, &open, variable))
}

/// Returns the session that an event belongs to, which is opened when the user wants that; none when there is none.
fn session(
    world: &World,
    repository: &Repository,
    sessions: &Sessions,
    agent: &str,
    heard: &Heard,
) -> anyhow::Result<Option<Open>> {
    if let Some(open) = sessions.active()? {
        let begins = matches!(heard.what, What::Began);
        if !(begins && open.active.hooks && !open.is_alive()) {
            return Ok(Some(open));
        }
        // Its agent went away without a word.
        open.retire()?;
        finish_later(repository, sessions)?;
    }
    if matches!(heard.what, What::Ended) || !repository.choice(RECORD) {
        return Ok(None);
    }
    let begin = Begin { agent: Some(agent), hooks: true, ..Begin::default() };
    match open(world, repository, &begin, &Options::default()) {
        Ok(open) => Ok(Some(open)),
        // Another hook was faster.
        Err(error) => Ok(Some(sessions.active()?.ok_or(error)?)),
    }
}

/// Has the agent run its commands under the recorder, where it can be had to. Returns what it is answered.
fn answer(hooks: &dyn Hooks, open: &Open, variable: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let _ = (hooks.door(), open, variable);
    None
}

/// Captures sessions whose agents are gone, in a process that nobody waits for.
fn finish_later(repository: &Repository, sessions: &Sessions) -> anyhow::Result<()> {
    let path = sessions.log();
    if fs::metadata(&path).is_ok_and(|meta| meta.len() > LOG) {
        drop(fs::remove_file(&path));
    }
    let log = fs::OpenOptions::new().append(true).create(true).open(&path);
    let log = log.with_context(|| format!("failed to open `{}`", path.display()))?;
    let program = std::env::current_exe().context("failed to find this program")?;
    let mut command = Command::new(program);
    command.arg("__finish").current_dir(repository.root()).stdin(Stdio::null());
    command.stdout(log.try_clone()?).stderr(log).spawn().context("failed to start the capture")?;
    Ok(())
}

/// Captures sessions whose agents are gone: records and renders, and commits when the user chose that.
pub fn finish(world: &World) -> anyhow::Result<()> {
    // The agent's process group and terminal may go away at any time.
    let _ = rustix::process::setsid();
    let repository = Repository::discover(&world.cwd)?;
    let sessions = Sessions::new(repository.git_dir());
    let commit = repository.choice(COMMIT);
    let options = Options { verify: commit, commit, yes: true, ..Options::default() };
    let Some(_only) = sessions.only_one()? else { return Ok(()) };
    let mut tried = BTreeSet::new();
    // More may end meanwhile.
    while let Some(open) = sessions.ended()?.into_iter().find(|open| tried.insert(open.active.id.clone())) {
        world.console.say(format_args!("{} session {}", (world.now)().format("%Y-%m-%d %H:%M:%S"), open.active.id));
        if let Err(error) = capture(world, &repository, &open, None, &options) {
            world.console.error(&error);
        }
    }
    Ok(())
}

/// Returns the environment variables that an agent's settings depend on.
pub(super) fn moved() -> Vec<(String, PathBuf)> {
    let set = |name: &&str| std::env::var_os(name).filter(|value| Path::new(value).is_absolute());
    agents::MOVED.iter().filter_map(|name| Some(((*name).to_owned(), PathBuf::from(set(name)?)))).collect()
}

/// Reads an event: all that comes until the end, [`LARGEST`] bytes at most. An agent that does not close its end is not
/// waited for longer than `patience`.
pub fn read_event(patience: std::time::Duration) -> anyhow::Result<Vec<u8>> {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let input = std::io::stdin();
    let until = std::time::Instant::now() + patience;
    let mut bytes = Vec::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let left = until.saturating_duration_since(std::time::Instant::now());
        let left = Timespec::try_from(left).unwrap_or_default();
        if poll(&mut [PollFd::new(&input, PollFlags::IN)], Some(&left))? == 0 {
            break;
        }
        let read = rustix::io::read(&input, &mut buffer)?;
        if read == 0 {
            break;
        }
        if bytes.len() + read <= LARGEST {
            bytes.extend_from_slice(&buffer[..read]);
        }
    }
    Ok(bytes)
}

/// Writes to the agent; one that does not listen is no error.
pub fn tell_agent(text: &str) {
    drop(std::io::stdout().write_all(text.as_bytes()));
}
