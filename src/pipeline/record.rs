//! The commit: shown, asked for, made, and made again when HEAD moved meanwhile.

use std::collections::BTreeSet;

use anyhow::Context;
use sha2::{Digest, Sha256};

use super::plan::{Plan, is_ours, journal_path};
use super::prove::{prove, remember};
use super::{Answer, Options, World};
use crate::commit::{Head, Kind, Moved, Proposal, Refused, Repository};
use crate::console::escape;
use crate::event::hex;
use crate::journal::Journal;
use crate::report::failures;
use crate::verification::Verification;

/// How often a commit is tried when others commit meanwhile.
const TRIES: u32 = 3;

/// Commits a plan on top of HEAD. When HEAD moves before that is done, the plan is verified again on top of the new one.
pub(super) fn record(
    world: &World,
    repository: &Repository,
    plan: &Plan,
    verification: Option<&Verification>,
    options: &Options,
) -> anyhow::Result<Answer> {
    let (mut verification, mut options) = (verification.cloned(), options.clone());
    for tried in 1.. {
        let proposal = plan.propose(repository, options.include_work)?;
        let done = record_commit(world, repository, plan, &proposal, verification.as_ref(), &options);
        match done {
            Err(error) if error.is::<Moved>() && tried < TRIES => {}
            done => return done,
        }
        world.console.say("others committed meanwhile: again, on top of that");
        // It was said yes to the same files.
        options.yes = true;
        if verification.is_some() {
            let again = prove(world, repository, plan, options.include_work)?;
            if !again.is_passed() {
                world.console.say(failures(&again).trim_end());
                world.console.say("nothing is committed: it does not hold on top of what others committed");
                return Ok(Answer::No);
            }
            remember(repository, &plan.propose(repository, options.include_work)?, &again)?;
            verification = Some(again);
        }
    }
    unreachable!("the last try returns")
}

/// Shows what is committed, asks, and commits.
fn record_commit(
    world: &World,
    repository: &Repository,
    plan: &Plan,
    proposal: &Proposal,
    verification: Option<&Verification>,
    options: &Options,
) -> anyhow::Result<Answer> {
    let console = world.console;
    if proposal.is_empty() {
        repository.finish_commit()?;
        console.say("nothing to commit: HEAD has it all");
        return Ok(Answer::Yes);
    }
    let changes = proposal.changes()?;
    for change in &changes {
        let kind = match change.kind {
            Kind::Added => "new     ",
            Kind::Deleted => "deleted ",
            Kind::Modified | Kind::Retyped => "modified",
        };
        console.say(format_args!("  {kind}  {}  +{} -{}", escape(&change.path), change.insertions, change.deletions));
    }
    for change in changes.iter().filter(|change| change.kind != Kind::Deleted) {
        if let Some(setting) = repository.conversion(&change.path)?.filter(|_| is_ours(&change.path)) {
            let path = escape(&change.path);
            console.warn(format_args!(
                "git changes `{path}` when it checks it out ({}), so that it is no longer what was verified; \
                 `{path} -text -filter -ident !working-tree-encoding` in .gitattributes keeps it",
                escape(&setting)
            ));
        }
    }
    if !options.yes && !console.confirm("Commit this?")? {
        console.say(match repository.checkout() {
            Some(_) => "not committed; `agent-capture commit` does it later",
            None => "not committed; what is open stays open: `agent-capture stop` asks again",
        });
        return Ok(Answer::No);
    }
    let changed: BTreeSet<&str> = changes.iter().map(|change| change.path.as_str()).collect();
    let mut message = message(plan, &changed, verification, options)?;
    if options.run_hooks {
        repository.can_run_hooks()?;
        message = match proposal.hooks(&message) {
            Err(error) if error.is::<Refused>() => {
                console.say(format_args!("{}: nothing is committed", escape(&error.to_string())));
                return Ok(Answer::No);
            }
            message => message?,
        };
    }
    let commit = proposal.commit(&message).context("failed to commit")?;
    let on = match &commit.on {
        Head::Branch(name) | Head::Unborn(name) | Head::New(name) => format!("on {}", escape(name)),
        Head::Detached(_) => "on a detached HEAD: no branch has it".to_owned(),
    };
    let first = if commit.first { ", its first commit" } else { "" };
    console.say(format_args!("committed {} {on}{first}", commit.id.get(..12).unwrap_or(&commit.id)));
    let hooks = repository.hooks();
    if options.run_hooks {
        repository.post_commit();
    } else if !hooks.is_empty() {
        let names = hooks.join(", ");
        console.say(format_args!("the hooks of this repository were not run: {names}; `--run-hooks` runs them"));
    }
    Ok(Answer::Yes)
}

/// Returns the message: with the sessions whose journals are new.
fn message(
    plan: &Plan,
    changed: &BTreeSet<&str>,
    verification: Option<&Verification>,
    options: &Options,
) -> anyhow::Result<String> {
    let new = |journal: &&Journal| changed.contains(journal_path(&journal.session.id).as_str());
    let sessions = plan.journals.iter().filter(new);
    let sessions = sessions.map(|journal| Ok((&journal.session, hex(&Sha256::digest(journal.to_bytes()?)))));
    let sessions = sessions.collect::<anyhow::Result<Vec<_>>>()?;
    Ok(plan.report(verification).message(&sessions, options.subject.as_deref()))
}
