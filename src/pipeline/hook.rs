//! `hook`: an agent tells what it does, and goes on. Nothing here may keep it waiting, break it, or speak to it unasked.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, anyhow};

use super::capture::capture;
use super::open::{Begin, open};
use super::start::variables;
use super::{Options, World};
use crate::agents::{self, Door, Heard};
use crate::commit::Repository;
use crate::console::Hint;
use crate::event::{Told, What};
use crate::host::Process;
use crate::session::{Open, Sessions, Teller, quoted};

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
    let asks = matches!(hooks.door(), Door::Answer(name) if event["hook_event_name"] == name);
    if heard.is_none() && !asks {
        return Ok(None);
    }
    let told = |heard: &Heard| heard.folder.clone();
    let folder = hooks.project().iter().find_map(|name| variable(name)).map(PathBuf::from);
    let folder = folder.filter(|folder| folder.is_dir()).or_else(|| heard.as_ref().and_then(told));
    let Ok(repository) = Repository::discover(&folder.unwrap_or_else(|| world.cwd.clone())) else { return Ok(None) };
    let sessions = Sessions::new(repository.git_dir());
    let Some(heard) = heard else {
        let open = sessions.active()?.filter(|open| open.active.hooks);
        return open.map(|open| answer(&door(&sessions, &open)?)).transpose();
    };
    let Some(open) = session(world, &repository, &sessions, agent, &heard)? else { return Ok(None) };
    let Heard { session, what, version, model, transcript, .. } = heard;
    let teller = Teller::new(agent, &session, Process::caller());
    let (begins, ends) = (matches!(what, What::Began), matches!(what, What::Ended));
    let at = (world.now)().timestamp_millis();
    open.enter(&teller)?;
    open.tell(Told { at, agent: agent.to_owned(), session, version, model, transcript, what })?;
    if ends {
        open.leave(&teller);
        if open.active.hooks && !open.is_alive() {
            open.retire()?;
            finish_later(&repository, &sessions)?;
        }
    }
    if let Door::File(name) = hooks.door()
        && begins
        && open.active.hooks
        && let Some(path) = variable(name).filter(|path| path.starts_with('/'))
    {
        open_door(Path::new(&path), &door(&sessions, &open)?)
            .with_context(|| format!("failed to write to the file that {name} names"))?;
    }
    Ok(None)
}

/// Returns the session that an event belongs to, which is opened when the user wants that; none when there is none.
fn session(
    world: &World,
    repository: &Repository,
    sessions: &Sessions,
    agent: &str,
    heard: &Heard,
) -> anyhow::Result<Option<Open>> {
    if matches!(heard.what, What::Began) {
        sweep(repository, sessions)?;
    }
    if let Some(open) = sessions.active()? {
        return Ok(Some(open));
    }
    // An end opens nothing: what it ends was in a session that is closed.
    if matches!(heard.what, What::Ended | What::After(_)) || !repository.choice(RECORD) {
        return Ok(None);
    }
    let begin = Begin { agent: Some(agent), hooks: true, ..Begin::default() };
    match open(world, repository, &begin, &Options::default()) {
        Ok(open) => Ok(Some(open)),
        // Another hook was faster.
        Err(error) => Ok(Some(sessions.active()?.ok_or(error)?)),
    }
}

/// Makes good the end that an agent did not tell: its session is captured, and another one may begin.
pub(super) fn sweep(repository: &Repository, sessions: &Sessions) -> anyhow::Result<()> {
    if let Some(open) = sessions.active()?.filter(|open| open.active.hooks && !open.is_alive()) {
        open.retire()?;
    }
    if sessions.ended()?.is_empty() { Ok(()) } else { finish_later(repository, sessions) }
}

/// Environment variables by which shells record themselves.
type Variables = Vec<(&'static str, OsString)>;

/// Returns what has an agent's shells record themselves.
fn door(sessions: &Sessions, open: &Open) -> anyhow::Result<Variables> {
    variables(sessions, open, &|name| std::env::var_os(name))
}

/// Writes lines that have a shell record itself into the file that an agent's shells read before each command. The agent may
/// join them and the command by `&&`: they end well whatever happens, and they do nothing where no session is open any more.
fn open_door(path: &Path, variables: &Variables) -> anyhow::Result<()> {
    let mut lines = Vec::new();
    for (name, value) in variables {
        lines.extend_from_slice(&[format!("export {name}=").as_bytes(), &quoted(value.as_bytes()), b"\n"].concat());
    }
    let folder = variables.iter().find(|(name, _)| *name == "ZDOTDIR").map(|(_, folder)| Path::new(folder));
    let folder = folder.context("the folder of the files for shells is not known")?;
    let file = |name: &str| quoted(folder.join(name).as_os_str().as_bytes());
    let (bash, zsh) = (file("bash_env"), file(".zshenv"));
    let read = [
        &b"if [ -n \"${BASH_VERSION-}\" ] && [ -r "[..],
        &bash,
        b" ]; then . ",
        &bash,
        b" || :; elif [ -n \"${ZSH_VERSION-}\" ] && [ -r ",
        &zsh,
        b" ]; then . ",
        &zsh,
        b" || :; fi\n",
    ];
    lines.extend_from_slice(&read.concat());
    let before = fs::read(path).unwrap_or_default();
    if memchr::memmem::find(&before, &lines).is_some() {
        return Ok(());
    }
    let mut file = fs::OpenOptions::new().append(true).create(true).open(path)?;
    if !before.is_empty() && !before.ends_with(b"\n") {
        lines.insert(0, b'\n');
    }
    Ok(file.write_all(&lines)?)
}

/// Returns environment variables as an agent takes them from an answer.
fn answer(variables: &Variables) -> anyhow::Result<String> {
    // A value that is no text cannot be told.
    let text = variables.iter().filter_map(|(name, value)| Some(((*name).to_owned(), value.to_str()?.into())));
    let env: serde_json::Map<String, serde_json::Value> = text.collect();
    Ok(serde_json::to_string(&serde_json::json!({ "env": env }))?)
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
