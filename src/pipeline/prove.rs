//! The proof of a plan's flake: on a clean export of the very tree that would be committed.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use super::plan::Plan;
use super::{Options, World, versions};
use crate::commit::{Proposal, Repository, track};
use crate::console::{Board, Hint, escape};
use crate::nix::{Nix, Tree};
use crate::requirements::{Check, NEEDS_WORK};
use crate::verification::{Built, Failure, Step, Verification, Why};

/// Proves a plan's flake. Checks that pass only with uncommitted work are left out, and the rest is proved again.
pub(super) fn prove_or_leave_out(
    world: &World,
    repository: &Repository,
    plan: &mut Plan,
    options: &Options,
) -> anyhow::Result<Verification> {
    leave_out_unlocked(world, repository, plan, options.include_work)?;
    let first = prove(world, repository, plan, options.include_work)?;
    let failed: BTreeSet<String> = first.failures.iter().filter_map(failed_check).collect();
    let certain = failed.is_empty() || failed.len() < first.failures.len() || options.include_work;
    if certain || repository.checkout().is_none() || is_clean(repository, plan)? {
        return Ok(first);
    }
    world.console.say("checks failed on what is committed; trying them with the uncommitted work");
    let second = prove(world, repository, plan, true)?;
    if !second.is_passed() {
        return Ok(first);
    }
    leave_out(world, repository, plan, &failed)?;
    prove(world, repository, plan, false)
}

/// Leaves out the checks whose lock file would not be committed: without it the flake is none.
fn leave_out_unlocked(
    world: &World,
    repository: &Repository,
    plan: &mut Plan,
    include_work: bool,
) -> anyhow::Result<()> {
    let proposal = plan.propose(repository, include_work)?;
    let lacks = |check: &&Check| check.locks.iter().any(|lock| !proposal.has(&lock.path()));
    let checks = &plan.document.requirements.checks;
    let names: BTreeSet<String> = checks.iter().filter(lacks).map(|check| check.name.as_str().to_owned()).collect();
    drop(proposal);
    if names.is_empty() { Ok(()) } else { leave_out(world, repository, plan, &names) }
}

/// Leaves out checks that need uncommitted work.
fn leave_out(world: &World, repository: &Repository, plan: &mut Plan, names: &BTreeSet<String>) -> anyhow::Result<()> {
    for name in names {
        world.console.warn(format_args!(
            "check `{}` is left out: {NEEDS_WORK}; `--include-work` commits that too",
            escape(name)
        ));
    }
    plan.document.requirements.leave_out(names, NEEDS_WORK);
    plan.write(repository)
}

/// Offers to make no checks of those that failed by themselves: the policy says so then, for the next reader. Returns whether
/// that was taken. Never asked without a terminal.
pub(super) fn is_no_check(
    world: &World,
    repository: &Repository,
    plan: &mut Plan,
    proved: &Verification,
) -> anyhow::Result<bool> {
    let failed: Vec<String> = proved.failures.iter().filter_map(failed_check).collect();
    if failed.is_empty() || failed.len() < proved.failures.len() || repository.checkout().is_none() {
        return Ok(false);
    }
    let names = failed.iter().map(|name| format!("`{}`", escape(name))).collect::<Vec<_>>().join(", ");
    if !world.console.offer(&format!("Write into the policy that {names} is no check, and go on?"))? {
        return Ok(false);
    }
    let entry = |name: &String| format!("[[check]]\ndrop = \"{name}\"\nreason = \"it fails in the sandbox\"\n");
    plan.extend_policy(repository, &failed.iter().map(entry).collect::<Vec<_>>())?;
    *plan = Plan::new(world, repository, std::mem::take(&mut plan.journals), None)?;
    plan.write(repository)?;
    Ok(true)
}

/// Returns whether all work but our files is committed.
fn is_clean(repository: &Repository, plan: &Plan) -> anyhow::Result<bool> {
    let paths = plan.paths();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    Ok(repository.work(&paths)?.is_empty())
}

/// Returns the name of a command's check that failed by itself.
fn failed_check(failure: &Failure) -> Option<String> {
    let own = matches!(failure.why, Why::Failed | Why::MissingProgram(_) | Why::Network(_));
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
    let mut board = world.console.board(&format!("verifying with Nix {}", nix.version()));
    let mut verification = prove_by(&nix, repository, plan, include_work, &mut |step| show(&mut board, step))?;
    drop(board);
    verification.advise(&plan.document, &plan.journals, &plan.index);
    keep_logs(repository, &mut verification)?;
    versions::keep(repository, &plan.document.pin, &verification.versions)?;
    if verification.is_passed() {
        let count = verification.passed.len();
        world.console.say(format_args!("verified: {count} checks built by Nix {}", nix.version()));
    }
    Ok(verification)
}

/// Shows a step of Nix.
pub(super) fn show(board: &mut Board, step: Step) {
    let name = |built: Built| match built {
        Built::Check(name) => name.to_owned(),
        Built::Dependency(name) => format!("({name})"),
    };
    match step {
        Step::Checks(names) => board.wait_for(names),
        Step::Building(built) => board.begin(&name(built)),
        Step::Says(built, line) => board.says(&name(built), line),
        Step::Ended(built) => board.end(&name(built), matches!(built, Built::Check(_))),
        Step::Line(line) => board.detail(line),
    }
}

/// Keeps the whole logs of what failed in git's folder; those of the verification before go.
pub(super) fn keep_logs(repository: &Repository, verification: &mut Verification) -> anyhow::Result<()> {
    let folder = repository.git_dir().join("agent-capture").join("logs");
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("failed to remove `{}`", folder.display()))?;
    }
    for failure in verification.failures.iter_mut().filter(|failure| failure.all.len() > failure.log.len()) {
        fs::create_dir_all(&folder).with_context(|| format!("failed to make `{}`", folder.display()))?;
        // The names of checks that failed are those that we rendered: letters, digits and `-`.
        let path = folder.join(format!("{}.log", failure.check.as_deref().unwrap_or("flake")));
        fs::write(&path, failure.all.join("\n") + "\n")
            .with_context(|| format!("failed to write `{}`", path.display()))?;
        let shown = path.strip_prefix(repository.root()).unwrap_or(&path);
        failure.kept = Some(shown.display().to_string());
    }
    Ok(())
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
    watch: &mut dyn FnMut(Step),
) -> anyhow::Result<Verification> {
    let proposal = plan.propose(repository, include_work)?;
    let export = Export::new(plan.folder, plan.is_aside(), &|into| proposal.export(into))?;
    Verification::run(&export.tree, &plan.document.requirements, nix, watch)
}

/// A tree in a temporary folder.
pub(super) struct Export {
    pub(super) tree: Tree,
    _folder: TempDir,
}

impl Export {
    /// Exports a tree whose flake is in `folder`; with `tracked` as a git repository, which one in a folder needs.
    pub(super) fn new(
        folder: &str,
        tracked: bool,
        export: &dyn Fn(&Path) -> anyhow::Result<()>,
    ) -> anyhow::Result<Self> {
        let outer = tempfile::Builder::new().prefix("agent-capture-").tempdir();
        let outer = outer.context("failed to make a temporary folder")?;
        let root = outer.path().canonicalize()?.join("source");
        fs::create_dir(&root)?;
        export(&root).context("failed to export the tree that is to be verified")?;
        let commit = tracked.then(|| track(&root)).transpose()?;
        let tree = match commit.filter(|_| !folder.is_empty()) {
            Some(commit) => Tree::below(&root, folder, commit),
            None => Tree::new(&root),
        };
        Ok(Self { tree, _folder: outer })
    }
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
