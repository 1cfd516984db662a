//! The proof of a plan's flake: on a clean export of the very tree that would be committed.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, anyhow};
use serde::{Deserialize, Serialize};

use super::plan::Plan;
use super::{Options, World};
use crate::commit::{Proposal, Repository, track};
use crate::console::{Hint, escape};
use crate::nix::{Nix, Tree};
use crate::requirements::NEEDS_WORK;
use crate::verification::{Failure, Verification, Why};

/// Proves a plan's flake. Checks that pass only with uncommitted work are left out, and the rest is proved again.
pub(super) fn prove_or_leave_out(
    world: &World,
    repository: &Repository,
    plan: &mut Plan,
    options: &Options,
) -> anyhow::Result<Verification> {
    let first = prove(world, repository, plan, options.include_work)?;
    let failed: BTreeSet<String> = first.failures.iter().filter_map(failed_check).collect();
    if failed.is_empty() || failed.len() < first.failures.len() || options.include_work || is_clean(repository, plan)? {
        return Ok(first);
    }
    world.console.say("checks failed on what is committed; trying them with the uncommitted work");
    let second = prove(world, repository, plan, true)?;
    if !second.is_passed() {
        return Ok(first);
    }
    for name in &failed {
        world.console.warn(format_args!(
            "check `{}` is left out: {NEEDS_WORK}; `--include-work` commits that too",
            escape(name)
        ));
    }
    plan.document.requirements.leave_out(&failed, NEEDS_WORK);
    plan.write(repository)?;
    prove(world, repository, plan, false)
}

/// Returns whether all work but our files is committed.
fn is_clean(repository: &Repository, plan: &Plan) -> anyhow::Result<bool> {
    let paths = plan.paths();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    Ok(repository.work(&paths)?.is_empty())
}

/// Returns the name of a command's check that failed by itself.
fn failed_check(failure: &Failure) -> Option<String> {
    let own = matches!(failure.why, Why::Failed | Why::MissingProgram(_));
    failure.check.clone().filter(|name| own && !["tools", "devshell"].contains(&name.as_str()))
}

/// Proves a plan's flake on a clean export of the tree that would be committed.
pub(super) fn prove(
    world: &World,
    repository: &Repository,
    plan: &Plan,
    include_work: bool,
) -> anyhow::Result<Verification> {
    let nix = nix(world)?;
    let progress = world.console.progress(&format!("verifying with Nix {}", nix.version()));
    let verification = prove_by(&nix, repository, plan, include_work, &mut |line| progress.line(line))?;
    drop(progress);
    if verification.is_passed() {
        let count = verification.passed.len();
        world.console.say(format_args!("verified: {count} checks built by Nix {}", nix.version()));
    }
    Ok(verification)
}

/// Returns the Nix of the user's PATH.
pub(super) fn nix(world: &World) -> anyhow::Result<Nix> {
    let nix = Nix::find(world.path.as_deref()).ok_or_else(|| anyhow!("there is no `nix` on PATH"));
    nix.hint("install it from https://nixos.org/download (or `apt install nix-bin`), then `agent-capture verify`")
}

/// Exports the tree that would be committed and has Nix prove its flake.
pub(super) fn prove_by(
    nix: &Nix,
    repository: &Repository,
    plan: &Plan,
    include_work: bool,
    line: &mut dyn FnMut(&str),
) -> anyhow::Result<Verification> {
    let export = tempfile::Builder::new().prefix("agent-capture-").tempdir();
    let export = export.context("failed to make a temporary folder")?;
    let tree = export.path().canonicalize()?.join("source");
    fs::create_dir(&tree)?;
    let proposal = plan.propose(repository, include_work)?;
    proposal.export(&tree).context("failed to export the tree that would be committed")?;
    if plan.is_aside() {
        track(&tree)?;
    }
    Verification::run(&Tree::new(&tree, plan.folder), &plan.document.requirements, nix, line)
}

/// What was proved last, and of which tree.
#[derive(Serialize, Deserialize)]
struct Proved {
    tree: String,
    verification: Verification,
}

fn note(repository: &Repository) -> PathBuf {
    repository.git_dir().join("agent-capture").join("verified")
}

/// Notes that a tree is proved.
pub(super) fn remember(
    repository: &Repository,
    proposal: &Proposal,
    verification: &Verification,
) -> anyhow::Result<()> {
    let path = note(repository);
    fs::create_dir_all(path.parent().context("the note has no folder")?)?;
    let proved = Proved { tree: proposal.tree(), verification: verification.clone() };
    fs::write(&path, serde_json::to_vec(&proved)?).with_context(|| format!("failed to write `{}`", path.display()))
}

/// Returns what Nix said of a tree, when it was the last that was proved.
pub(super) fn remembered(repository: &Repository, proposal: &Proposal) -> Option<Verification> {
    let proved: Proved = serde_json::from_slice(&fs::read(note(repository)).ok()?).ok()?;
    (proved.tree == proposal.tree()).then_some(proved.verification)
}
