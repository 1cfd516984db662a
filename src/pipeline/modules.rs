//! The hash of what a `go.mod` requires: no file of the project says it, so it is found once, by building it, when a session
//! closes. The journal keeps it, and whoever renders the journal later needs no network.

use anyhow::anyhow;

use super::plan::Plan;
use super::prove::Export;
use super::{Options, World};
use crate::commit::Repository;
use crate::console::escape;
use crate::ecosystems;
use crate::journal::{Journal, SessionId};
use crate::nix::{NarHash, Nix, System};
use crate::requirements::Check;

/// Returns the plan with the hashes that checks of a session lack, as far as they can be found here.
pub(super) fn found(
    world: &World,
    repository: &Repository,
    plan: Plan,
    session: &SessionId,
    options: &Options,
) -> anyhow::Result<Plan> {
    let unchecked = &plan.document.requirements.unchecked;
    let lacks = unchecked.iter().any(|it| it.evidence.session == *session && it.reason == ecosystems::UNFOUND);
    let Some(nix) = Nix::find(world.path.as_deref()).filter(|_| lacks) else { return Ok(plan) };
    let mut journals = plan.journals.clone();
    let of_session = journals.iter().find(|journal| journal.session.id == *session);
    let paths: Vec<String> = of_session.into_iter().flat_map(ecosystems::unfound).map(str::to_owned).collect();
    let replan = |journals: &[Journal]| Plan::new(world, repository, journals.to_vec(), options.nixpkgs.as_deref());
    for path in paths {
        let progress = world.console.progress(&format!("building what `{}` requires, to find its hash", escape(&path)));
        note(&mut journals, session, &path, Some(NarHash::none()));
        let hash = build(&nix, repository, &replan(&journals)?, options);
        drop(progress);
        match &hash {
            Ok(None) => {}
            Ok(Some(hash)) => {
                world.console.say(format_args!("found by building what `{}` requires: {hash}", escape(&path)));
            }
            Err(error) => world.console.warn(format_args!(
                "the hash of what `{}` requires is not found, and its commands are no checks: {}",
                escape(&path),
                escape(&error.to_string())
            )),
        }
        note(&mut journals, session, &path, hash.ok().flatten());
    }
    replan(&journals)
}

/// Notes in the journal of a session the hash of what a file requires.
fn note(journals: &mut [Journal], session: &SessionId, path: &str, hash: Option<NarHash>) {
    let of_session = journals.iter_mut().find(|journal| journal.session.id == *session);
    let file = of_session.and_then(|journal| journal.files.iter_mut().find(|file| file.path == path));
    if let Some(file) = file {
        file.found = hash;
    }
}

/// Builds a check that fetches by [`NarHash::none`], on the tree that would be committed; none when there is no such check.
fn build(nix: &Nix, repository: &Repository, plan: &Plan, options: &Options) -> anyhow::Result<Option<NarHash>> {
    let none = Some(NarHash::none());
    let is = |check: &&Check| check.locks.iter().any(|lock| lock.hash == none);
    let Some(check) = plan.document.requirements.checks.iter().find(is) else { return Ok(None) };
    let proposal = plan.propose(repository, options.include_work)?;
    if let Some(lock) = check.locks.iter().find(|lock| !proposal.has(&lock.path())) {
        return Err(anyhow!("`{}` is not committed", lock.path()));
    }
    let export = Export::new(plan.folder, plan.is_aside(), &|into| proposal.export(into))?;
    nix.found_hash(&export.tree, &System::current(), check.name.as_str()).map(Some)
}
