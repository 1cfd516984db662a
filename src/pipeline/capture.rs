//! Journal → requirements → flake → proof → commit, as `run`, `stop` and `import` do it.

use std::collections::BTreeSet;

use anyhow::Context;
use sha2::{Digest, Sha256};

use super::close::close;
use super::open::free_name;
use super::plan::{Plan, journal_path, journals};
use super::prove::{prove_or_leave_out, remember};
use super::{Answer, Options, World};
use crate::commit::{Change, Head, Kind, Proposal, Repository};
use crate::console::{Hint, escape, escape_lines};
use crate::event::{Status, hex};
use crate::journal::Journal;
use crate::report::failures;
use crate::session::Open;
use crate::verification::Verification;

/// Closes a session and takes it through the stages.
pub(super) fn capture(
    world: &World,
    repository: &Repository,
    open: &Open,
    status: Option<Status>,
    options: &Options,
) -> anyhow::Result<Answer> {
    if status.is_none() {
        open.settle();
    }
    if !options.dry_run {
        open.close()?;
    }
    let journal = close(world, repository, open, status)
        .with_context(|| format!("failed to close session `{}`", open.active.id))?;
    take(world, repository, journal, Some(open), options)
}

/// Takes a journal through the stages; `open` is its session while that is open.
pub(super) fn take(
    world: &World,
    repository: &Repository,
    mut journal: Journal,
    open: Option<&Open>,
    options: &Options,
) -> anyhow::Result<Answer> {
    let console = world.console;
    let finish = || open.map_or(Ok(()), Open::finish);
    if let Some(name) = &options.name {
        journal.session.id = free_name(repository, name)?;
    }
    if open.is_some() && journal.events.lost > 0 {
        console.warn(format_args!(
            "{} events were lost (a full disk, a killed recorder): what ran then is not captured",
            journal.events.lost
        ));
    }
    let mut journals = journals(repository)?;
    let before = journals.len();
    journals.push(journal);
    let mut plan = Plan::new(world, repository, journals, options.nixpkgs.as_deref())?;
    if before == 0 && plan.document.requirements.packages.is_empty() && plan.document.requirements.checks.is_empty() {
        finish()?;
        console.say("the session used nothing that a flake could provide: nothing to capture");
        return Ok(Answer::Yes);
    }
    if options.dry_run {
        let proposal = plan.propose(repository, options.include_work)?;
        console.print(escape_lines(&proposal.patch()?))?;
        if let Some(open) = open {
            console.say(format_args!("nothing is written; `agent-capture stop` captures session {}", open.active.id));
        }
        return Ok(Answer::Yes);
    }
    let written = plan.write(repository);
    match open {
        Some(_) => written.hint("make it possible, then `agent-capture stop`: the session is kept")?,
        None => written?,
    }
    finish()?;
    console.say(plan.report(None).terminal().trim_end());
    if plan.is_aside() {
        console.say(format_args!("flake.nix is hand-written and stays as it is: ours is {}", plan.place("flake.nix")));
    }
    plan.told.iter().for_each(|line| console.say(line));
    let mut verification = None;
    if options.verify {
        let proved = prove_or_leave_out(world, repository, &mut plan, options)?;
        if !proved.is_passed() {
            console.say(failures(&proved).trim_end());
            console
                .say("nothing is committed: journal and flake are in the work tree; go on with `agent-capture verify`");
            return Ok(Answer::No);
        }
        verification = Some(proved);
    }
    let proposal = plan.propose(repository, options.include_work)?;
    if let Some(verification) = &verification {
        remember(repository, &proposal, verification)?;
    }
    if !options.commit {
        console.say(format_args!("not committed: {} is in the work tree", plan.place("flake.nix")));
        return Ok(Answer::Yes);
    }
    record_commit(world, repository, &plan, &proposal, verification.as_ref(), options)
}

/// Shows what is committed, asks, and commits.
pub(super) fn record_commit(
    world: &World,
    repository: &Repository,
    plan: &Plan,
    proposal: &Proposal,
    verification: Option<&Verification>,
    options: &Options,
) -> anyhow::Result<Answer> {
    let console = world.console;
    if proposal.is_empty() {
        console.say("nothing to commit: HEAD has it all");
        return Ok(Answer::Yes);
    }
    let changes = proposal.changes()?;
    say_changes(world, &changes);
    if !options.yes && !console.confirm("Commit this?")? {
        console.say("not committed; `agent-capture commit` does it later");
        return Ok(Answer::No);
    }
    let changed: BTreeSet<&str> = changes.iter().map(|change| change.path.as_str()).collect();
    let new = |journal: &&Journal| changed.contains(journal_path(&journal.session.id).as_str());
    let sessions = plan
        .journals
        .iter()
        .filter(new)
        .map(|journal| Ok((journal.session.id.clone(), hex(&Sha256::digest(journal.to_bytes()?)))));
    let sessions = sessions.collect::<anyhow::Result<Vec<_>>>()?;
    let message = plan.report(verification).message(&sessions);
    make(world, repository, proposal, &message)
}

/// Says what a commit changes.
pub(super) fn say_changes(world: &World, changes: &[Change]) {
    for Change { path, kind, insertions, deletions } in changes {
        let kind = match kind {
            Kind::Added => "new     ",
            Kind::Deleted => "deleted ",
            Kind::Modified | Kind::Retyped => "modified",
        };
        world.console.say(format_args!("  {kind}  {}  +{insertions} -{deletions}", escape(path)));
    }
}

/// Commits, and says what was committed.
pub(super) fn make(
    world: &World,
    repository: &Repository,
    proposal: &Proposal,
    message: &str,
) -> anyhow::Result<Answer> {
    let console = world.console;
    let commit = proposal.commit(message).context("failed to commit")?;
    let on = match &commit.on {
        Head::Branch(name) | Head::Unborn(name) => format!("on {}", escape(name)),
        Head::Detached(_) => "on a detached HEAD: no branch has it".to_owned(),
    };
    console.say(format_args!("committed {} {on}", commit.id.get(..12).unwrap_or(&commit.id)));
    let hooks = repository.hooks();
    if !hooks.is_empty() {
        console.say(format_args!("the hooks of this repository were not run: {}", hooks.join(", ")));
    }
    Ok(Answer::Yes)
}
