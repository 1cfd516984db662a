//! Other flakes than nixpkgs: what of them is in the flake, and what is not.

use super::book::text;
use super::{Book, Missed, Package, Role};
use crate::console::escape;
use crate::ecosystems::BUILDS;
use crate::event::Status;
use crate::journal::{Command, Journal, Ref};
use crate::report::Report;
use crate::report::text::plural;
use crate::requirements::{Input, InputPackage, Unrecognized};

/// Returns the packages of an input, each as its installable.
pub(super) fn packages(report: &Report, input: &Input, book: &Book) -> Vec<Package> {
    let package = |it: &InputPackage| {
        let commands = book.commands(&it.evidence);
        let first_command = commands.first().and_then(|at| book.command(at)).map(|command| text(&command.line));
        let version = report.version_of_input(input, it);
        Package {
            attr: it.installable(input).to_string(),
            version: version.map(|(text, _)| escape(text)),
            version_of: version.map(|(_, of)| of),
            seen: None,
            role: if it.programs.is_empty() { Role::Asked } else { Role::Program },
            runs: it.runs,
            known: Some(it.known),
            programs: it.programs.iter().map(|name| name.as_str().to_owned()).collect(),
            commands,
            first_command,
            policy: None,
        }
    };
    input.packages.iter().map(package).collect()
}

/// Returns whether each command that a command line of Nix belongs to failed.
fn ran_in_vain(journal: &Journal, invocation: &Ref) -> bool {
    let failed = |command: &Command| command.status.is_some_and(|status| status != Status::Code(0));
    let is_of = |id: &Ref| journal.commands.iter().find(|command| command.id == *id).is_some_and(failed);
    let commands = journal.invocations.iter().find(|it| it.id == *invocation).map(|it| &it.commands);
    commands.is_some_and(|commands| !commands.is_empty() && commands.iter().all(is_of))
}

/// Returns what is not recognized when it is of another flake of which the journal says why it is no input.
pub(super) fn not_captured(journals: &[Journal], it: &Unrecognized) -> Option<Missed> {
    let journal = journals.iter().find(|journal| journal.session.id == it.evidence.session)?;
    let name = it.name.as_str()?;
    let installable = name.strip_prefix(BUILDS).unwrap_or(name);
    let flakeref = installable.split('#').next()?;
    let (why, cure) = journal.flakes.iter().find(|used| used.flakeref == flakeref)?.why?.why();
    let why = match ran_in_vain(journal, &it.evidence.entry) {
        true => format!("not captured: {} failed", if it.runs == 1 { "its run" } else { "its runs" }),
        false => format!("not captured ({}): {why}; {cure}", plural(it.runs, "run")),
    };
    Some(Missed { what: escape(&format!("the flake {installable}")), why, help: None })
}
