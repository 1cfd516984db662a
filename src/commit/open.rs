//! Finding the repository, or saying why there is none to work with.

use std::env;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use git2::{ConfigLevel, ErrorCode, RepositoryOpenFlags};
use tempfile::NamedTempFile;

use super::{Repository, said};

impl Repository {
    /// Opens the repository around `start`, as the git program finds it. Nothing is written.
    pub fn discover(start: &Path) -> Result<Self> {
        let opened = if env::var_os("GIT_DIR").is_some() {
            git2::Repository::open_from_env()
        } else {
            git2::Repository::open_ext(start, RepositoryOpenFlags::FROM_ENV, &[] as &[&Path])
        };
        let git = opened.map_err(|error| unopened(&error, start))?;
        let found = git.path().display().to_string();
        let Some(root) = git.workdir() else {
            bail!("the repository `{found}` is bare: it has no work tree to record in; clone it and work in the clone");
        };
        let root = root.canonicalize().with_context(|| format!("failed to find the work tree of `{found}`"))?;
        let git_dir = git.path().canonicalize().with_context(|| format!("failed to find `{found}`"))?;
        let settings = settings().context("failed to write settings for libgit2")?;
        git.config()
            .and_then(|mut config| config.add_file(settings.path(), ConfigLevel::App, true))
            .map_err(said)
            .with_context(|| format!("failed to read the configuration of `{found}`"))?;
        Ok(Self { git, root, git_dir, target: None, _settings: settings })
    }
}

/// Returns our settings: objects and refs are synced, and what `git -c` and `GIT_CONFIG_COUNT` set, which libgit2 does not
/// read.
fn settings() -> Result<NamedTempFile> {
    let file = tempfile::Builder::new().prefix("agent-capture-git-").tempfile()?;
    let mut config = git2::Config::open(file.path()).map_err(said)?;
    config.set_bool("core.fsyncObjectFiles", true).map_err(said)?;
    let count = env::var("GIT_CONFIG_COUNT").ok().and_then(|count| count.parse().ok()).unwrap_or(0);
    for number in 0..count {
        let (Ok(key), Ok(value)) =
            (env::var(format!("GIT_CONFIG_KEY_{number}")), env::var(format!("GIT_CONFIG_VALUE_{number}")))
        else {
            bail!("GIT_CONFIG_COUNT is {count}, but GIT_CONFIG_KEY_{number} or GIT_CONFIG_VALUE_{number} is not set");
        };
        config
            .set_str(&key, &value)
            .map_err(said)
            .with_context(|| format!("failed to read GIT_CONFIG_KEY_{number}"))?;
    }
    Ok(file)
}

/// Says why a repository cannot be opened, and what to do.
fn unopened(error: &git2::Error, start: &Path) -> anyhow::Error {
    let start = start.canonicalize().unwrap_or_else(|_| start.to_path_buf());
    let message = error.message();
    let doing = format!("failed to open the git repository around `{}`", start.display());
    let cannot = |what: &str, cure: &str| anyhow!("{doing}: it has {what}, which libgit2 cannot read; {cure}");
    match error.code() {
        ErrorCode::NotFound if message.contains("could not find repository") => {
            anyhow!("`{}` is in no git repository; run `git init` at the root of the project", start.display())
        }
        ErrorCode::Owner => {
            let quoted = message.split('\'').nth(1).unwrap_or_default();
            let folder = quoted.trim_end_matches('/').trim_end_matches("/.git");
            anyhow!(
                "{doing}: `{folder}` belongs to another user; if you trust it, run \
                 `git config --global --add safe.directory {folder}`"
            )
        }
        _ if message.contains("objectformat") || message.contains("object format") => {
            cannot("SHA-256 object names", "it needs a repository with SHA-1 names, git's default")
        }
        _ if message.contains("refstorage") => {
            cannot("the reftable ref storage", "run `git refs migrate --ref-format=files` (git 2.46 or newer)")
        }
        _ if message.contains("partialclone") => cannot(
            "extensions.partialClone",
            "run `git config --unset extensions.partialClone`: git itself goes by remote.NAME.promisor",
        ),
        _ if message.contains("extension") => cannot("an extension", "`git config --get-regexp ^extensions` names it"),
        _ => anyhow!("{doing}: {message}"),
    }
}
