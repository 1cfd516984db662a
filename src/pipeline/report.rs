//! `report`: what the sessions used, in the form that is asked for.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, anyhow};

use super::World;
use super::close::leads;
use super::open::place;
use super::plan::Plan;
use super::prove::remembered;
use super::verify::in_work_tree;
use crate::commit::Repository;
use crate::console::{Hint, escape};
use crate::event::Event;
use crate::journal::{Closing, Journal, Reads, SessionId};
use crate::report::{Processes, Report};
use crate::requirements::Requirements;
use crate::session::Sessions;
use crate::verification::statics::{self, Rules};

/// The form of a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// Text for a terminal.
    #[default]
    Terminal,
    /// Markdown for a pull request.
    Markdown,
    /// A page, whole in one file.
    Html,
    /// JSON of a published schema.
    Json,
}

/// `report`: what all sessions used, or one of them.
pub fn report(world: &World, form: Form, session: Option<&str>) -> anyhow::Result<String> {
    let repository = Repository::discover(&world.cwd)?;
    let mut plan = Plan::as_written(&repository)?;
    let verification = remembered(&repository, &plan.propose(&repository, false)?);
    let rules = Rules { index: &plan.index, base: None, untrusted: false };
    let findings = statics::judge(&in_work_tree(&repository)?, &rules).findings;
    if let Some(name) = session {
        let id = SessionId::parse(name)?;
        let known: Vec<String> = plan.journals.iter().map(|journal| journal.session.id.to_string()).collect();
        plan.journals.retain(|journal| journal.session.id == id);
        let Some(journal) = plan.journals.first() else {
            let known = if known.is_empty() { "no session is captured".to_owned() } else { known.join(", ") };
            return Err(anyhow!("there is no session `{id}` here")).hint(format!("captured are: {known}"));
        };
        only(&mut plan.document.requirements, journal);
    }
    let report = Report { findings: &findings, ..plan.report(verification.as_ref()) };
    match form {
        Form::Terminal => Ok(report.terminal()),
        Form::Markdown => Ok(report.markdown()),
        Form::Html => report.html(&processes(world, &repository, &plan.journals)?),
        Form::Json => report.summary().json(),
    }
}

/// Returns the processes of the sessions whose raw events are still here, and are those that the journal was made of.
fn processes(
    world: &World,
    repository: &Repository,
    journals: &[Journal],
) -> anyhow::Result<BTreeMap<SessionId, Processes>> {
    let place = place(world, repository);
    let sessions = Sessions::new(repository.git_dir());
    let mut all = BTreeMap::new();
    for journal in journals {
        let id = &journal.session.id;
        let mut closing = Closing::new(&place, 0, leads(&journal.session.line), Reads::NOTHING);
        let mut processes = Processes::default();
        let digest = sessions.read(id, &mut |event| match event {
            None => {
                closing.segment();
                processes.segment();
            }
            Some(event) => {
                closing.event(event.clone());
                match &event {
                    Event::Exec(exec) => {
                        let command = closing.command_of(exec.id);
                        command.iter().for_each(|command| processes.exec(exec, command, &place));
                    }
                    Event::Exit(exit) => processes.exit(exit.process, exit.at, exit.status),
                    _ => {}
                }
            }
        });
        match digest {
            Ok(Some(digest)) if digest.sha256 == journal.events.sha256 => {
                processes.settle(journal);
                all.insert(id.clone(), processes);
            }
            Ok(_) => {}
            Err(error) => world.console.warn(format_args!(
                "{}; its programs are shown as the journal has them",
                escape(&format!("{error:#}"))
            )),
        }
    }
    Ok(all)
}

/// Writes a report to a file.
pub fn write_report(path: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(path, text).with_context(|| format!("failed to write `{}`", escape(&path.display().to_string())))
}

/// Leaves of what is required what one session needs, with the numbers of that session.
fn only(requirements: &mut Requirements, journal: &Journal) {
    let id = &journal.session.id;
    let alone = super::resolve(std::slice::from_ref(journal));
    requirements.packages.retain_mut(|package| {
        if let Some(own) = alone.packages.iter().find(|own| own.attr == package.attr) {
            (package.runs, package.known) = (own.runs, own.known);
            package.seen.clone_from(&own.seen);
            package.programs.clone_from(&own.programs);
        }
        package.evidence.retain(|evidence| evidence.session == *id);
        !package.evidence.is_empty()
    });
    for input in &mut requirements.inputs {
        let own = alone.inputs.iter().find(|own| own.source == input.source);
        input.packages.retain_mut(|package| {
            if let Some(own) = own.and_then(|own| own.packages.iter().find(|own| own.attr == package.attr)) {
                *package = own.clone();
            }
            package.evidence.retain(|evidence| evidence.session == *id);
            !package.evidence.is_empty()
        });
    }
    requirements.inputs.retain(|input| !input.packages.is_empty());
    requirements.checks.retain_mut(|check| {
        check.evidence.retain(|evidence| evidence.session == *id);
        !check.evidence.is_empty()
    });
    requirements.refused.retain(|refused| refused.evidence.iter().any(|evidence| evidence.session == *id));
    requirements.unchecked.retain(|it| it.evidence.session == *id);
    requirements.ignored.retain(|it| it.evidence.session == *id);
    requirements.unrecognized.retain(|it| it.evidence.session == *id);
}
