//! What a check needs that a lock file keeps, and what its line promises to make.

use std::collections::BTreeSet;

use super::Case;
use super::place::{join, words, works_in};
use crate::ecosystems::{Near, Need, makes, need, paths};
use crate::journal::Journal;
use crate::requirements::{CheckLine, Lock};
use crate::shell::Simple;

/// Checks that look at sources alone: they need nothing that a lock file keeps.
const ALONE: &[&str] = &[
    "bash-syntax",
    "cargo-fmt",
    "composer-validate",
    "deno-fmt",
    "go-vet-syntax",
    "mix-format",
    "php-syntax",
    "prettier-check",
    "ruby-syntax",
    "rustfmt-check",
    "shfmt",
    "terraform-fmt",
    "tofu-fmt",
    "zig-fmt",
];

/// Returns the names of the programs that ran in a command.
pub(super) fn ran<'a>(case: &'a Case) -> impl Iterator<Item = &'a str> {
    let in_it = case.journal.programs.iter().filter(|program| program.commands.contains(&case.command.id));
    in_it.filter_map(|program| Some(paths::name(program.path.as_str()?)))
}

/// Returns the lock files whose packages commands need, of which each has the name of the check that it is, if it is one; an
/// error when they need what none keeps.
pub(super) fn locks<'a>(
    journal: &Journal,
    placed: &[(String, &Simple)],
    names: &[Option<String>],
    ran: impl Iterator<Item = &'a str>,
) -> Result<BTreeSet<Lock>, &'static str> {
    let mut verifying = names.iter().flatten().peekable();
    if verifying.peek().is_some() && verifying.all(|name| ALONE.contains(&name.as_str())) {
        return Ok(BTreeSet::new());
    }
    let verifying = placed.iter().zip(names).filter(|(_, name)| name.is_some());
    let verifying: Vec<(String, Vec<&str>)> = verifying
        .map(|((folder, simple), _)| {
            let words = words(simple);
            (works_in(folder, &words), words)
        })
        .collect();
    let named = verifying.iter().filter_map(|(folder, words)| Some((folder.as_str(), *words.first()?)));
    let folder = verifying.first().map_or("", |(folder, _)| folder.as_str());
    let mut locks = BTreeSet::new();
    for (folder, program) in named.chain(ran.map(|program| (folder, program))) {
        match need(program, &Near { journal, folder }) {
            Some(Need::Locked(lock)) => drop(locks.insert(lock)),
            Some(Need::Online(why)) => return Err(why),
            None => {}
        }
    }
    Ok(locks)
}

/// Returns what a command promises to make, from the root.
fn made(journal: &Journal, folder: &str, simple: &Simple) -> Vec<String> {
    if !simple.words.iter().all(|word| word.literal) {
        return Vec::new();
    }
    let paths = makes(&words(simple), &Near { journal, folder });
    paths
        .iter()
        .filter_map(|path| join(folder, path))
        .filter(|path| !path.is_empty() && !path.starts_with('-'))
        .collect()
}

/// Returns what the commands of a line promise to make, from the root.
pub(super) fn promised(journal: &Journal, line: &str, placed: &[(String, &Simple)]) -> Vec<CheckLine> {
    // What follows a comment would be one.
    if line.contains('#') {
        return Vec::new();
    }
    let all: BTreeSet<String> = placed.iter().flat_map(|(folder, simple)| made(journal, folder, simple)).collect();
    all.iter().filter_map(|path| CheckLine::parse(path)).collect()
}

/// Returns whether a command runs what another of its line promises to make: `gcc -o t t.c && ./t`.
pub(super) fn is_made(journal: &Journal, folder: &str, simple: &Simple, placed: &[(String, &Simple)]) -> bool {
    let program = simple.words.first().filter(|word| word.literal && word.text.contains('/'));
    let path = program.and_then(|word| join(folder, &word.text));
    path.is_some_and(|path| placed.iter().any(|(folder, simple)| made(journal, folder, simple).contains(&path)))
}
