//! The repository's own hooks, for those who ask for them: libgit2 runs none, so the git program does, by its rules (githooks(5),
//! git-hook(1)).

use std::fmt;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, anyhow, ensure};
use git2::Index;

use super::{Proposal, Repository, said};

/// The first git that has `git hook run`.
const SINCE: (u32, u32) = (2, 36);

/// A hook said no: nothing was committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Its name.
    pub hook: &'static str,
    /// Why, in words.
    pub why: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the hook `{}` {}", self.hook, self.why)
    }
}

impl std::error::Error for Refused {}

impl Proposal<'_> {
    /// Runs the hooks that come before a commit: pre-commit with an index that holds exactly the commit's tree, then
    /// prepare-commit-msg and commit-msg. Returns the message as they leave it. An error is [`Refused`] when one says no, or
    /// changes what is to be committed, which is then no longer what was verified.
    pub fn hooks(&self, message: &str) -> Result<String> {
        let repository = self.repository;
        let index = tempfile::Builder::new().prefix("agent-capture-hooks-").tempfile_in(repository.git_dir())?;
        let index = index.into_temp_path();
        fs::remove_file(&index)?;
        let write = || {
            let mut index = Index::open(&index)?;
            index.read_tree(&repository.git.find_tree(self.tree)?)?;
            index.write()
        };
        write().map_err(said).context("failed to write an index for the hooks")?;
        repository.hook("pre-commit", &[], Some(&index))?;
        let tree = Index::open(&index).and_then(|mut index| index.write_tree_to(&repository.git)).map_err(said)?;
        if tree != self.tree {
            let why = "changed what is to be committed, which is then not what was verified".to_owned();
            return Err(Refused { hook: "pre-commit", why }.into());
        }
        let path = repository.git_dir().join("COMMIT_EDITMSG");
        fs::write(&path, message).with_context(|| format!("failed to write `{}`", path.display()))?;
        let file = path.to_str().context("git's folder has no name in UTF-8")?;
        repository.hook("prepare-commit-msg", &[file, "message"], Some(&index))?;
        repository.hook("commit-msg", &[file], Some(&index))?;
        fs::read_to_string(&path).with_context(|| format!("failed to read `{}`", path.display()))
    }
}

impl Repository {
    /// Fails when the git program is not there or is too old to run hooks.
    pub fn can_run_hooks(&self) -> Result<()> {
        let output = Command::new("git").arg("version").output();
        let output = output.context("failed to run `git`, which runs the hooks")?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut numbers = text.split(' ').nth(2).unwrap_or_default().split('.').map(|part| part.trim().parse::<u32>());
        let version = (numbers.next().and_then(Result::ok), numbers.next().and_then(Result::ok));
        let recent = matches!(version, (Some(major), Some(minor)) if (major, minor) >= SINCE);
        ensure!(recent, "hooks need git {}.{} or newer; this is {}", SINCE.0, SINCE.1, text.trim());
        Ok(())
    }

    /// Runs the hook that comes after a commit; as with git, its status does not matter.
    pub fn post_commit(&self) {
        drop(self.hook("post-commit", &[], None));
    }

    /// Runs a hook, if there is one. What it prints goes to standard error.
    fn hook(&self, name: &'static str, arguments: &[&str], index: Option<&Path>) -> Result<()> {
        let mut command = Command::new("git");
        command.args(["hook", "run", "--ignore-missing", name, "--"]).args(arguments).current_dir(self.root());
        command.stdin(Stdio::null()).stdout(Stdio::null()).env("GIT_EDITOR", ":");
        if let Some(index) = index {
            command.env("GIT_INDEX_FILE", index);
        }
        let status = command.status().with_context(|| format!("failed to run the hook `{name}`"))?;
        if status.success() {
            return Ok(());
        }
        Err(anyhow!(Refused { hook: name, why: format!("refused it ({status})") }))
    }
}
