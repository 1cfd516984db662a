//! Journal → requirements → flake → proof → commit, as `run`, `stop` and `import` do it.

use anyhow::Context;

use super::close::close;
use super::lacks::say_lacks;
use super::modules;
use super::open::free_name;
use super::plan::{Plan, journal_path, journals};
use super::prove::{is_no_check, prove_or_leave_out, remember};
use super::{Answer, Options, World, record};
use crate::commit::{File, Repository, write_files};
use crate::console::{Hint, escape_lines};
use crate::event::Status;
use crate::journal::Journal;
use crate::nix::Nix;
use crate::report::failures;
use crate::session::{Open, Sessions};
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
    if journal.events.lost > 0 {
        world.console.warn(format_args!(
            "{} events were lost (a full disk, a killed recorder): what ran then is not captured",
            journal.events.lost
        ));
    }
    if options.no_render {
        return keep(world, repository, &journal, open);
    }
    if open.active.hooks && journal.commands.is_empty() && journal.programs.is_empty() {
        // An agent was there and ran nothing.
        if !options.dry_run {
            open.finish()?;
        }
        world.console.say(format_args!("session {} ran nothing: nothing to capture", open.active.id));
        return Ok(Answer::Yes);
    }
    take(world, repository, journal, Some(open), options)
}

/// Writes a journal and forgets that its session is open.
fn keep(world: &World, repository: &Repository, journal: &Journal, open: &Open) -> anyhow::Result<Answer> {
    let path = journal_path(&journal.session.id);
    let written = write_files(repository.root(), &[File::new(path.clone(), journal.to_bytes()?)]);
    let written = written.with_context(|| format!("failed to write `{path}`"));
    written.hint("make it possible, then `agent-capture stop`: the session is kept")?;
    open.finish()?;
    world.console.say(format_args!("wrote {path}; `agent-capture render` makes the flake"));
    Ok(Answer::Yes)
}

/// Proves a plan; none when it cannot be, and says why.
fn proved(
    world: &World,
    repository: &Repository,
    plan: &mut Plan,
    options: &Options,
) -> anyhow::Result<Option<Verification>> {
    loop {
        let proved = prove_or_leave_out(world, repository, plan, options)?;
        if proved.is_passed() {
            return Ok(Some(proved));
        }
        world.console.say(failures(&proved).trim_end());
        if !is_no_check(world, repository, plan, &proved)? {
            world.console.say(match repository.checkout() {
                Some(_) => {
                    "nothing is committed: journal and flake are in the work tree; go on with `agent-capture verify`"
                }
                None => "nothing is committed; the session stays open: `agent-capture stop` tries again",
            });
            return Ok(None);
        }
    }
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
    let waits = || console.say("another session of this repository is being captured: waiting for that");
    let sessions = Sessions::new(repository.git_dir());
    let _alone = if options.dry_run { None } else { Some(sessions.alone(waits)?) };
    let finish = || open.map_or(Ok(()), Open::finish);
    if let Some(name) = &options.name {
        journal.session.id = free_name(repository, name)?;
    }
    let mut journals = journals(repository)?;
    // Its own, of a `stop` that was killed, is made anew.
    journals.retain(|other| other.session.id != journal.session.id);
    let before = journals.len();
    let session = journal.session.id.clone();
    journals.push(journal);
    let mut plan = Plan::new(world, repository, journals, options.nixpkgs.as_deref())?;
    if options.verify && !options.dry_run {
        plan = modules::found(world, repository, plan, &session, options)?;
    }
    if before == 0 && plan.document.requirements.is_nothing() {
        if !options.dry_run {
            finish()?;
        }
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
    if repository.checkout().is_some() {
        let written = plan.write(repository);
        match open {
            Some(_) => written.hint("make it possible, then `agent-capture stop`: the session is kept")?,
            None => written?,
        }
        finish()?;
    }
    console.say(plan.report(None).terminal().trim_end());
    if plan.is_aside() {
        console.say(format_args!("flake.nix is hand-written and stays as it is: ours is {}", plan.place("flake.nix")));
        if let Some(nix) = Nix::find(world.path.as_deref()).filter(|_| options.verify) {
            say_lacks(world, &nix, repository, &plan);
        }
    }
    plan.told.iter().for_each(|line| console.say(line));
    let mut verification = None;
    if options.verify {
        let Some(proved) = proved(world, repository, &mut plan, options)? else { return Ok(Answer::No) };
        verification = Some(proved);
    }
    if let Some(verification) = &verification {
        remember(repository, &plan.propose(repository, options.include_work)?, verification)?;
    }
    if !options.commit {
        console.say(format_args!("not committed: {} is in the work tree", plan.place("flake.nix")));
        return Ok(Answer::Yes);
    }
    let answer = record(world, repository, &plan, verification.as_ref(), options)?;
    if repository.checkout().is_none() && answer == Answer::Yes {
        finish()?;
    }
    Ok(answer)
}
