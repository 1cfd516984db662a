//! Undoing the last capture with a commit that reverts it.

use anyhow::{Context, anyhow};

use super::plan::is_ours;
use super::{Answer, World};
use crate::commit::{File, PastChange, Repository, write_files};
use crate::console::{Hint, escape};
use crate::verification::statics::{ENVRC, is_envrc};

/// `rollback`: reverts the last capture, also when commits that do not touch its files follow. Work that was committed with it
/// (`--include-work`) stays.
pub fn rollback(world: &World, yes: bool) -> anyhow::Result<Answer> {
    let console = world.console;
    let repository = Repository::discover(&world.cwd)?;
    let past = repository.last_capture()?.ok_or_else(|| anyhow!("no commit of this branch is a capture"));
    let past = past.hint("`agent-capture run -- CMD` makes one")?;
    let ours: Vec<&PastChange> = past.changes.iter().filter(|change| is_captures(change)).collect();
    for change in &ours {
        unchanged(&repository, change)?;
    }
    let file = |change: &&PastChange| match &change.before {
        Some(bytes) => File::new(change.path.clone(), bytes.clone()),
        None => File::removed(change.path.clone()),
    };
    let files: Vec<File> = ours.iter().map(file).collect();
    let id = past.id.get(..12).unwrap_or(&past.id);
    console.say(format_args!("reverting {id} {}", escape(&past.subject)));
    for change in &ours {
        let what = if change.before.is_some() { "as before" } else { "removed  " };
        console.say(format_args!("  {what}  {}", escape(&change.path)));
    }
    if ours.len() < past.changes.len() {
        console.say(format_args!("{} other files that it committed stay", past.changes.len() - ours.len()));
    }
    if !yes && !console.confirm("Commit this?")? {
        console.say("nothing is changed");
        return Ok(Answer::No);
    }
    let proposal = repository.propose(&files, false)?;
    proposal.ready()?;
    write_files(repository.root(), &files).context("failed to bring back what was before the capture")?;
    let message = format!("Revert \"{}\"\n\nThis reverts commit {}.\n", past.subject, past.id);
    let commit = repository.propose(&files, false)?.commit(&message).context("failed to commit")?;
    console.say(format_args!("committed {}", commit.id.get(..12).unwrap_or(&commit.id)));
    Ok(Answer::Yes)
}

/// Returns whether a file that a capture changed is of our making.
fn is_captures(PastChange { path, after, .. }: &PastChange) -> bool {
    is_ours(path) || (path == ENVRC && after.as_deref().is_some_and(is_envrc))
}

/// Fails when a file is no longer as the capture left it, at HEAD or in the work tree.
fn unchanged(repository: &Repository, change: &PastChange) -> anyhow::Result<()> {
    let path = &change.path;
    if repository.committed(path)? != change.after {
        return Err(anyhow!("`{}` was changed by a later commit", escape(path)))
            .hint("revert that one first, or `git revert` by hand");
    }
    let here = std::fs::read(repository.root().join(path)).ok();
    if here != change.after {
        return Err(anyhow!("`{}` is changed in the work tree", escape(path)))
            .hint(format!("`git restore -- {path}`, or commit it"));
    }
    Ok(())
}
