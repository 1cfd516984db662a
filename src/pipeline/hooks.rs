//! `hooks`: agents' settings, changed so that agents tell what they do, and changed back.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail, ensure};
use serde::Serialize;
use similar::TextDiff;

use super::hook::{COMMIT, RECORD};
use super::{Answer, World};
use crate::agents::{self, Agent, Edit, Hooks, Places};
use crate::commit::Repository;
use crate::console::{Hint, escape, escape_lines};

/// What is done instead for agents without hooks.
const IMPORT: &str = "it calls no hooks: `agent-capture import --latest` reads what it wrote down";

/// A change of hooks.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// The agents; empty for those that are found.
    pub agents: Vec<String>,
    /// In the project's settings.
    pub shared: bool,
    /// Have sessions of this repository committed.
    pub commit: bool,
    /// Write nothing.
    pub dry_run: bool,
}

/// An agent, and what is known of its hooks.
#[derive(Debug, Serialize)]
pub struct Listed {
    /// The agent.
    pub agent: &'static str,
    /// Whether it calls hooks.
    pub hooks: bool,
    /// Whether it was found on this machine.
    pub found: bool,
    /// The files in which hooks of ours are.
    pub installed: Vec<String>,
}

/// Which agents have hooks, where they are installed, and what happens in this repository.
#[derive(Debug, Serialize)]
pub struct List {
    /// Whether this repository is recorded; none outside of one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub records: Option<bool>,
    /// Whether its sessions are committed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commits: Option<bool>,
    /// All agents.
    pub agents: Vec<Listed>,
}

/// Returns where settings are: below the home folder, and below the repository's root or this folder.
fn places(world: &World, root: &Path) -> Result<Places> {
    let home = world.home.clone().ok_or_else(|| anyhow!("HOME is not set"))?;
    Ok(Places { home, root: root.to_path_buf(), moved: super::hook::moved() })
}

/// `hooks`: says which agents have hooks, and where.
pub fn hooks(world: &World) -> Result<List> {
    let repository = Repository::discover(&world.cwd).ok();
    let root = repository.as_ref().map_or(world.cwd.as_path(), Repository::root);
    let places = places(world, root)?;
    let listed = agents::ALL.iter().map(|agent| Listed {
        agent: agent.name(),
        hooks: agent.hooks().is_some(),
        found: is_found(world, *agent, &places),
        installed: installed(*agent, &places).into_iter().map(|path| shown(&path, &places)).collect(),
    });
    Ok(List {
        agents: listed.collect(),
        records: repository.as_ref().map(|it| it.choice(RECORD)),
        commits: repository.as_ref().map(|it| it.choice(RECORD) && it.choice(COMMIT)),
    })
}

/// `hooks install`: writes hooks into settings of agents, and has this repository recorded.
pub fn hooks_install(world: &World, change: &Change) -> Result<Answer> {
    let repository = Repository::discover(&world.cwd)?;
    let places = places(world, repository.root())?;
    let found = |agent: &dyn Agent| is_found(world, agent, &places);
    let agents = chosen(&change.agents, &found)?;
    let line = program(world, change.shared);
    for (agent, hooks) in agents {
        let line = format!("{line} hook {}{}", agent.name(), if change.shared { " || true" } else { "" });
        let settings = hooks.settings(&places, change.shared);
        let mut files = vec![(settings.clone(), hooks.edits(&settings, &line))];
        files.extend(hooks.beside(&settings).into_iter().map(|(path, text)| (path, vec![Edit::Whole(text)])));
        let mut changed = false;
        for (path, edits) in files {
            let before = read(&path)?;
            let after = agents::install(before.as_deref(), &edits, agent.name())
                .with_context(|| format!("failed to change `{}`", shown(&path, &places)))
                .hint("nothing was written; make the file whole, or add what `--dry-run` shows by hand")?;
            changed |= put(world, &places, &path, before.as_deref(), Some(&after), change.dry_run)?;
        }
        if !changed {
            world.console.say(format_args!("{}: installed already in {}", agent.name(), shown(&settings, &places)));
        }
        if let Some(note) = hooks.note() {
            world.console.say(format_args!("{}: {note}", agent.name()));
        }
    }
    if !change.dry_run {
        repository.choose(RECORD, true)?;
        if change.commit {
            repository.choose(COMMIT, true)?;
        }
        let does = if repository.choice(COMMIT) { "proved by Nix and committed" } else { "written into the work tree" };
        world
            .console
            .say(format_args!("sessions of hooked agents in this repository are recorded, and {does} when they end"));
    }
    Ok(Answer::Yes)
}

/// `hooks remove`: takes hooks out of settings of agents. When none is left, this repository is recorded no more.
pub fn hooks_remove(world: &World, change: &Change) -> Result<Answer> {
    ensure!(!change.commit, "`--commit` is for `hooks install`");
    let repository = Repository::discover(&world.cwd).ok();
    let root = repository.as_ref().map_or(world.cwd.as_path(), Repository::root);
    let places = places(world, root)?;
    let is_there = |agent: &dyn Agent| !installed(agent, &places).is_empty();
    let agents = if change.agents.is_empty() {
        agents::ALL
            .iter()
            .filter(|agent| is_there(**agent))
            .filter_map(|agent| Some((*agent, agent.hooks()?)))
            .collect()
    } else {
        chosen(&change.agents, &is_there)?
    };
    let mut removed = false;
    for (agent, hooks) in agents {
        let settings = hooks.settings(&places, change.shared);
        let Some(before) = read(&settings)?.filter(|text| agents::has(text, agent.name())) else { continue };
        let after = agents::remove(&before, &hooks.edits(&settings, ""), agent.name())
            .with_context(|| format!("failed to change `{}`", shown(&settings, &places)))?;
        removed |= put(world, &places, &settings, Some(&before), after.as_deref(), change.dry_run)?;
        for (path, _) in hooks.beside(&settings) {
            put(world, &places, &path, read(&path)?.as_deref(), None, change.dry_run)?;
        }
    }
    if !removed {
        let other = if change.shared { "without `--shared`" } else { "with `--shared`" };
        world.console.say(format_args!("there is nothing to remove; {other} it is the other settings"));
    }
    let left = agents::ALL.iter().any(|agent| is_there(*agent));
    if let Some(repository) = repository.filter(|_| !left && !change.dry_run) {
        let was = repository.choose(RECORD, false)?;
        repository.choose(COMMIT, false)?;
        if was {
            world.console.say("this repository is recorded no more");
        }
    }
    Ok(Answer::Yes)
}

/// Returns the named agents that have hooks, else those that `wanted` says yes of.
fn chosen(
    names: &[String],
    wanted: &dyn Fn(&dyn Agent) -> bool,
) -> Result<Vec<(&'static dyn Agent, &'static dyn Hooks)>> {
    let mut chosen = Vec::new();
    for name in names {
        let agent = agents::ALL.iter().find(|agent| agent.name() == name || agent.programs().contains(&name.as_str()));
        let Some(agent) = agent else {
            let names: Vec<&str> = agents::ALL.iter().map(|agent| agent.name()).collect();
            return Err(anyhow!("there is no agent `{}`", name.escape_default()))
                .hint(format_args!("there is: {}", names.join(", ")));
        };
        let hooks = agent.hooks().ok_or_else(|| anyhow!("{}: {IMPORT}", agent.name()))?;
        chosen.push((*agent, hooks));
    }
    if names.is_empty() {
        let all = agents::ALL.iter().filter(|agent| wanted(**agent));
        chosen.extend(all.filter_map(|agent| Some((*agent, agent.hooks()?))));
        if chosen.is_empty() {
            return Err(anyhow!("no agent with hooks is found here"))
                .hint("name one: `agent-capture hooks install claude-code`; `agent-capture hooks` lists them");
        }
    }
    Ok(chosen)
}

/// Returns whether an agent is on this machine: its program, or a folder of its settings.
fn is_found(world: &World, agent: &dyn Agent, places: &Places) -> bool {
    let on_path = |program: &&str| find(world, program).is_some();
    let folder = || {
        let settings = agent.hooks()?.settings(places, false);
        let top = settings.strip_prefix(&places.home).ok()?.iter().next()?;
        // `.config` and `.agents` are of many programs.
        let own = !matches!(top.to_str(), Some(".config" | ".agents"));
        Some(own && places.home.join(top).is_dir())
    };
    agent.programs().iter().any(on_path) || folder().unwrap_or_default()
}

fn find(world: &World, program: &str) -> Option<PathBuf> {
    let path = world.path.as_ref()?;
    std::env::split_paths(path).map(|folder| folder.join(program)).find(|path| path.is_file())
}

/// Returns the settings that have hooks of ours.
fn installed(agent: &dyn Agent, places: &Places) -> Vec<PathBuf> {
    let Some(hooks) = agent.hooks() else { return Vec::new() };
    let files = [false, true].map(|shared| hooks.settings(places, shared));
    let has = |path: &PathBuf| fs::read_to_string(path).is_ok_and(|text| agents::has(&text, agent.name()));
    files.into_iter().filter(has).collect()
}

/// Returns how an agent calls this program: by its name when that leads here or others must find it, too; else by its path.
fn program(world: &World, shared: bool) -> String {
    const NAME: &str = "agent-capture";
    let this = std::env::current_exe().and_then(fs::canonicalize).ok();
    let named = find(world, NAME).and_then(|path| fs::canonicalize(path).ok());
    match this {
        Some(this) if !shared && Some(&this) != named.as_ref() => {
            let text = this.to_string_lossy().into_owned();
            shlex::try_quote(&text).map_or(NAME.to_owned(), Cow::into_owned)
        }
        _ => NAME.to_owned(),
    }
}

fn shown(path: &Path, places: &Places) -> String {
    let text = match (path.strip_prefix(&places.root), path.strip_prefix(&places.home)) {
        (Ok(inside), _) => inside.to_string_lossy().into_owned(),
        (_, Ok(inside)) => format!("~/{}", inside.to_string_lossy()),
        _ => path.to_string_lossy().into_owned(),
    };
    escape(&text)
}

/// Reads settings; none when there are none. What is no plain file of text is refused.
fn read(path: &Path) -> Result<Option<String>> {
    let shown = || escape(&path.to_string_lossy());
    let meta = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        other => other.with_context(|| format!("failed to read `{}`", shown()))?,
    };
    if meta.is_symlink() {
        let to = fs::read_link(path).map(|to| escape(&to.to_string_lossy())).unwrap_or_default();
        return Err(anyhow!("`{}` is a symlink to `{to}`, which something else manages", shown())).hint(
            "add there what `hooks install` writes into a file of its own: see `agent-capture hooks install --help`",
        );
    }
    ensure!(meta.is_file(), "`{}` is no regular file", shown());
    match fs::read(path).map(String::from_utf8) {
        Ok(Ok(text)) => Ok(Some(text)),
        Ok(Err(_no_text)) => bail!("`{}` is no UTF-8 text", shown()),
        Err(error) => Err(error).with_context(|| format!("failed to read `{}`", shown())),
    }
}

/// Shows a change of a file and makes it: the file is there whole, or as it was. Returns whether something changes.
fn put(
    world: &World,
    places: &Places,
    path: &Path,
    before: Option<&str>,
    after: Option<&str>,
    dry_run: bool,
) -> Result<bool> {
    if before == after {
        return Ok(false);
    }
    let name = shown(path, places);
    let diff = TextDiff::from_lines(before.unwrap_or_default(), after.unwrap_or_default());
    let (old, new) = (before.map_or("/dev/null", |_| &name), after.map_or("/dev/null", |_| &name));
    world.console.print(escape_lines(&diff.unified_diff().context_radius(3).header(old, new).to_string()))?;
    if dry_run {
        return Ok(true);
    }
    let failed = || format!("failed to write `{name}`");
    let folder = path.parent().with_context(failed)?;
    let Some(after) = after else {
        fs::remove_file(path).with_context(failed)?;
        // Folders that were made for it go with it; one that has something else in it stays.
        let ours = ["hooks", "agent-capture", "plugins", ".agents", ".github", ".cursor", ".openhands", ".codex"];
        let empty =
            folder.ancestors().take_while(|it| it.file_name().is_some_and(|name| ours.iter().any(|our| name == *our)));
        let _ = empty.map(fs::remove_dir).take_while(Result::is_ok).count();
        return Ok(true);
    };
    fs::create_dir_all(folder).with_context(failed)?;
    let mut file = tempfile::NamedTempFile::new_in(folder).with_context(failed)?;
    file.write_all(after.as_bytes()).with_context(failed)?;
    if before.is_some() {
        let mode = fs::metadata(path).with_context(failed)?.permissions();
        file.as_file().set_permissions(mode).with_context(failed)?;
    } else {
        use std::os::unix::fs::PermissionsExt;
        file.as_file().set_permissions(fs::Permissions::from_mode(0o644)).with_context(failed)?;
    }
    file.as_file().sync_all().with_context(failed)?;
    file.persist(path).with_context(failed)?;
    Ok(true)
}

impl List {
    /// Returns it for a terminal.
    pub fn terminal(&self) -> String {
        let mut out = String::new();
        let (with, without): (Vec<&Listed>, Vec<&Listed>) = self.agents.iter().partition(|agent| agent.hooks);
        for Listed { agent, found, installed, .. } in with {
            let state = match (installed.as_slice(), found) {
                ([], true) => "found, not installed".to_owned(),
                ([], false) => "-".to_owned(),
                (files, _) => format!("installed in {}", files.join(", ")),
            };
            let _ = writeln!(out, "{agent:12} {state}");
        }
        let names: Vec<&str> = without.iter().map(|listed| listed.agent).collect();
        let _ = writeln!(out, "{}: no hooks; use `agent-capture import --latest`", names.join(", "));
        let here = match (self.records, self.commits) {
            (Some(true), Some(true)) => "this repository is recorded, and what its sessions bring is committed\n",
            (Some(true), _) => "this repository is recorded\n",
            (Some(false), _) => "this repository is not recorded: `agent-capture hooks install` chooses it\n",
            (None, _) => "",
        };
        out + here
    }

    /// Returns it as JSON.
    pub fn json(&self) -> Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }
}
