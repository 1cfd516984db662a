//! `status`: the open session, and what it brings so far.

use super::close::close;
use super::{World, resolve};
use crate::commit::Repository;
use crate::console::escape;
use crate::session::{Active, Sessions};

/// An open session, and how much is recorded of it.
pub struct Progress {
    /// The session.
    pub active: Active,
    /// How many execs are recorded.
    pub execs: usize,
    /// The attrs that would be in the flake.
    pub packages: Vec<String>,
}

/// `status`: the open session, and what it brings so far.
pub fn status(world: &World) -> anyhow::Result<Option<Progress>> {
    let repository = Repository::discover(&world.cwd)?;
    let Some(open) = Sessions::new(repository.git_dir()).active()? else { return Ok(None) };
    let journal = close(world, &repository, &open, None)?;
    let requirements = resolve(std::slice::from_ref(&journal));
    let packages = requirements.packages.iter().map(|package| package.attr.to_string()).collect();
    Ok(Some(Progress { active: open.active, execs: journal.events.execs as usize, packages }))
}

impl Progress {
    /// Returns it for a terminal.
    pub fn terminal(&self) -> String {
        let Active { id, start, line, .. } = &self.active;
        let packages = if self.packages.is_empty() { "none yet".to_owned() } else { self.packages.join(", ") };
        format!(
            "session   {id}\nsince     {start}\ncommand   {}\nexecs     {}\npackages  {packages}\n",
            escape(&line.to_text()),
            self.execs
        )
    }

    /// Returns it as JSON; `null` when no session is open.
    pub fn json(progress: Option<&Self>) -> String {
        let value = progress.map(|it| {
            serde_json::json!({ "session": it.active.id, "start": it.active.start, "command": it.active.line, "execs": it.execs, "packages": it.packages })
        });
        format!("{}\n", serde_json::Value::from(value))
    }
}
