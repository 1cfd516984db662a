//! What the user chose for this repository in git's own configuration, which no clone brings along.

use anyhow::{Context, Result};
use git2::ErrorCode;

use super::{Repository, said};

impl Repository {
    /// Returns a choice, `agent-capture.NAME`, from the repository's, the user's or the machine's configuration; one that was
    /// not made is no.
    pub fn choice(&self, name: &str) -> bool {
        let key = format!("agent-capture.{name}");
        self.git.config().and_then(|mut config| config.snapshot()?.get_bool(&key)).unwrap_or(false)
    }

    /// Makes a choice for this repository, or takes it back. Returns whether that changes it.
    pub fn choose(&self, name: &str, yes: bool) -> Result<bool> {
        let key = format!("agent-capture.{name}");
        let doing = || format!("failed to set `{key}` in the configuration of the repository");
        let path = self.git.commondir().join("config");
        let mut config = git2::Config::open(&path).map_err(said).with_context(doing)?;
        let known = config.get_bool(&key).unwrap_or(false);
        if known == yes {
            return Ok(false);
        }
        let done = if yes { config.set_bool(&key, true) } else { config.remove(&key) };
        match done {
            Err(error) if error.code() == ErrorCode::NotFound => Ok(false),
            other => other.map(|()| true).map_err(said).with_context(doing),
        }
    }
}
