//! `forget`: takes sessions out, with what only they needed.

use std::collections::BTreeSet;

use anyhow::anyhow;

use super::plan::{Plan, journal_path, journals, policy};
use super::prove::{prove, remember};
use super::{Answer, Options, World, record};
use crate::commit::Repository;
use crate::console::{Hint, escape};
use crate::ecosystems;
use crate::index::Index;
use crate::journal::Journal;
use crate::nix::Installable;
use crate::report::failures;
use crate::requirements::Requirements;

/// `forget`: takes sessions out, resolves and renders the others anew, proves that, and commits. When the proof fails the work
/// tree is as before.
pub fn forget(world: &World, names: &[String], options: &Options) -> anyhow::Result<Answer> {
    let console = world.console;
    let repository = Repository::discover(&world.cwd)?;
    let (gone, kept) = parted(journals(&repository)?, names)?;
    let before = ecosystems::resolve(&[gone.as_slice(), &kept].concat(), &Index::new(), &policy(&repository)?.0);
    let plan = Plan::new(world, &repository, kept, None)?;
    say(world, &plan, &before);
    if options.commit {
        plan.propose(&repository, false)?.ready()?;
    }
    if !options.yes && !console.confirm("Take this out?")? {
        console.say("nothing is changed");
        return Ok(Answer::No);
    }
    let is_last = plan.journals.is_empty();
    let proved = if options.verify && !is_last { Some(prove(world, &repository, &plan, false)?) } else { None };
    if let Some(proved) = proved.as_ref().filter(|proved| !proved.is_passed()) {
        console.say(failures(proved).trim_end());
        console.say("nothing is changed: the flake without them is not proved");
        return Ok(Answer::No);
    }
    let ids = gone.iter().map(|journal| journal_path(&journal.session.id));
    let was_committed = ids.map(|path| repository.committed(&path)).collect::<anyhow::Result<Vec<_>>>()?;
    plan.write(&repository)?;
    if let Some(proved) = &proved {
        remember(&repository, &plan.propose(&repository, false)?, proved)?;
    }
    if !options.commit {
        console.say("not committed: they are out of the work tree");
        return Ok(Answer::Yes);
    }
    let names: Vec<&str> = gone.iter().map(|journal| journal.session.id.as_str()).collect();
    let subject = Some(format!("agent-capture: forget {}", names.join(", ")));
    let answer =
        record(world, &repository, &plan, proved.as_ref(), &Options { yes: true, subject, ..options.clone() })?;
    if was_committed.iter().any(Option::is_some) {
        console.say("the commits before still have their journals");
    }
    Ok(answer)
}

/// Says what goes with the sessions.
fn say(world: &World, plan: &Plan, before: &Requirements) {
    let after = &plan.document.requirements;
    let packages: BTreeSet<Installable> = after.installables().map(|(name, _)| name).collect();
    let checks: BTreeSet<&str> = after.checks.iter().map(|check| check.name.as_str()).collect();
    let gone = |names: Vec<&str>| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    let names: Vec<Installable> = before.installables().map(|(name, _)| name).collect();
    let names = names.iter().filter(|name| !packages.contains(*name)).map(Installable::as_str);
    world.console.say(format_args!("packages that go: {}", gone(names.collect())));
    let names = before.checks.iter().map(|check| check.name.as_str());
    world.console.say(format_args!("checks that go: {}", gone(names.filter(|it| !checks.contains(it)).collect())));
}

/// Parts the journals that are named from the others.
fn parted(journals: Vec<Journal>, names: &[String]) -> anyhow::Result<(Vec<Journal>, Vec<Journal>)> {
    let has = |name: &String| journals.iter().any(|journal| journal.session.id.as_str() == name);
    if let Some(missing) = names.iter().find(|name| !has(name)) {
        return Err(anyhow!("no journal is of a session `{}`", escape(missing))).hint("`agent-capture list` shows all");
    }
    Ok(journals.into_iter().partition(|journal| names.iter().any(|name| journal.session.id.as_str() == name)))
}
