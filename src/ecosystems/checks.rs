//! Which commands of the sessions are run again as checks, and why the others are not.

use std::collections::{BTreeMap, BTreeSet};

use super::{paths, stage, verifies};
use crate::event::Bytes;
use crate::journal::{Command, Journal, Known, Outcome};
use crate::policy::Policy;
use crate::requirements::{Check, CheckLine, CheckName, Evidence, Lock, Step, Unchecked};
use crate::shell::{self, Line, Simple};

mod needs;
mod place;
mod steps;

use needs::{is_made, locks, promised, ran};
use place::{leaves, places, words};
use steps::Preparations;
pub use steps::{Stage, State, shows};

/// Reason for what only a hook or a transcript tells, where the policy demands more.
pub(super) const CLAIMED: &str = "only a hook or a transcript claims it";

/// Reason for what a sandbox cannot have.
const NETWORK: &str = "it reached the network, and no lock file says for what";

/// Reason for what depends on the machine.
const OUTSIDE: &str = "it names a path outside the project";

/// Programs that may stand beside a verifying command in one line: they need no package and reach no network.
const HARMLESS: &[&str] = &[
    "[", "cat", "cd", "chmod", "cp", "echo", "export", "ls", "mkdir", "mv", "printf", "pwd", "rm", "set", "test",
    "touch", "true",
];

/// Programs that run another: what follows their own arguments is judged.
const WRAPPERS: &[&str] = &["command", "env", "exec", "nice", "time", "timeout"];

/// Programs that may stand beside an installing command in one line, besides the harmless ones.
const BESIDE: &[&str] = &["date", "false", "grep", "head", "sleep", "source", ".", "tail", "tee", "wc", "which", "yes"];

/// A command that is to be run again.
struct Wanted {
    name: String,
    evidence: BTreeSet<Evidence>,
    before: Vec<Step>,
    locks: BTreeSet<Lock>,
    makes: Vec<CheckLine>,
}

/// Tells what a command line of a journal runs that only provides packages.
type Inner<'a> = &'a dyn Fn(&Journal, &[&str]) -> Option<String>;

/// What decides whether commands are checks.
struct Judge<'a> {
    policy: &'a Policy,
    inner: Inner<'a>,
    /// What made folders ready, of all sessions in order.
    prepares: Preparations,
}

/// A command, and where it comes from.
struct Case<'a> {
    /// Its number among all commands of all sessions.
    at: usize,
    journal: &'a Journal,
    command: &'a Command,
    /// Its line; none when it is no UTF-8.
    line: Option<Line>,
    evidence: Evidence,
}

/// Reads all commands of the journals: those that verify become checks, one for each line and folder; the others are
/// returned with the reason.
pub(super) fn read(journals: &[&Journal], policy: &Policy, inner: Inner) -> (Vec<Check>, Vec<Unchecked>) {
    let commands = journals.iter().flat_map(|journal| journal.commands.iter().map(move |command| (*journal, command)));
    let cases: Vec<Case> = commands
        .enumerate()
        .map(|(at, (journal, command))| Case {
            at,
            journal,
            command,
            line: command.line.as_str().map(Line::new),
            evidence: Evidence { session: journal.session.id.clone(), entry: command.id.clone() },
        })
        .collect();
    let prepares = |case: &Case| Some(steps::of(case.at, case.command, case.line.as_ref()?, &case.evidence));
    let prepares = Preparations::new(cases.iter().filter_map(prepares).flatten().collect());
    let judge = Judge { policy, inner, prepares };
    let mut wanted: BTreeMap<(CheckLine, CheckLine), Wanted> = BTreeMap::new();
    let mut unchecked = Vec::new();
    let last: BTreeMap<&str, Runs> = journals.iter().map(|it| (it.session.id.as_str(), last_runs(it))).collect();
    for case in &cases {
        match judge.case(case, &last[case.journal.session.id.as_str()]) {
            Ok((place, mut new)) => {
                let before = wanted.remove(&place).map(|wanted| wanted.evidence);
                new.evidence.extend(before.into_iter().flatten());
                wanted.insert(place, new);
            }
            Err(reason) => {
                unchecked.push(Unchecked { evidence: case.evidence.clone(), reason: reason.to_owned() });
            }
        }
    }
    for (place, added) in policy.added_checks().filter_map(|check| judge.added(&check.add, &check.folder, journals)) {
        wanted.entry(place).or_insert(added);
    }
    wanted.values_mut().for_each(|wanted| wanted.locks = newest(std::mem::take(&mut wanted.locks), journals));
    let (checks, dropped) = named_once(wanted, policy);
    unchecked.extend(dropped);
    unchecked.sort_by(|a, b| a.evidence.cmp(&b.evidence));
    (checks, unchecked)
}

/// Returns the locks with the hashes that the latest sessions found: what an earlier one found is of an earlier file.
fn newest(locks: BTreeSet<Lock>, journals: &[&Journal]) -> BTreeSet<Lock> {
    let latest = |lock: Lock| {
        let path = lock.path();
        let found = |journal: &&Journal| journal.files.iter().find(|file| file.path == path)?.found.clone();
        let all = journals.iter().filter_map(|journal| Some((&journal.session.start, found(journal)?)));
        let hash = all.filter(|_| lock.hash.is_some()).max_by_key(|(start, _)| *start).map(|(_, hash)| hash);
        Lock { hash, ..lock }
    };
    locks.into_iter().map(latest).collect()
}

/// Gives each check a name of its own; what the policy drops is none.
fn named_once(wanted: BTreeMap<(CheckLine, CheckLine), Wanted>, policy: &Policy) -> (Vec<Check>, Vec<Unchecked>) {
    let (mut checks, mut dropped) = (Vec::new(), Vec::new());
    let mut taken = Taken::default();
    for ((folder, line), Wanted { name, evidence, before, locks, makes }) in wanted {
        let name = taken.unique(&name);
        if policy.drops_check(name.as_str(), line.as_str()) {
            let reason = "the policy drops it".to_owned();
            dropped.extend(evidence.into_iter().map(|evidence| Unchecked { evidence, reason: reason.clone() }));
        } else {
            checks.push(Check { name, line, folder, evidence, before, locks, makes });
        }
    }
    checks.sort_by(|a, b| a.name.cmp(&b.name));
    (checks, dropped)
}

type Runs<'a> = BTreeMap<(&'a Bytes, &'a Bytes), &'a Command>;

/// Returns the last run of each line in each folder.
fn last_runs(journal: &Journal) -> Runs<'_> {
    journal.commands.iter().map(|command| ((&command.line, &command.cwd), command)).collect()
}

/// Returns why a command says nothing, whatever its line is.
fn passed_over(command: &Command, last: &Runs, policy: &Policy) -> Option<&'static str> {
    if policy.traced_only && command.known == Known::Claimed {
        return Some(CLAIMED);
    }
    if command.outcome != Outcome::Ran {
        return Some("it was refused, blocked or cancelled, or its result is missing");
    }
    match command.status {
        None => return Some("how it ended is not known"),
        Some(status) if !status.is_success() => return Some("it failed"),
        Some(_) => {}
    }
    let latest = last.get(&(&command.line, &command.cwd)).and_then(|command| command.status);
    if latest.is_some_and(|status| !status.is_success()) {
        return Some("its last run failed");
    }
    command.incomplete.then_some("its line holds a secret or is cut")
}

impl Judge<'_> {
    /// Returns the check that a command is, with its folder and line.
    fn case(&self, case: &Case, last: &Runs) -> Result<((CheckLine, CheckLine), Wanted), &'static str> {
        let command = case.command;
        if let Some(reason) = passed_over(command, last, self.policy) {
            return Err(reason);
        }
        let printable =
            |bytes: &Bytes| bytes.as_str().and_then(CheckLine::parse).ok_or("its line is not printable ASCII");
        let (asked, folder) = (printable(&command.line)?, printable(&command.cwd)?);
        let written = case.line.as_ref().map_or_else(|| Ok(Vec::new()), Line::strict)?;
        let inner = unwrapped(&written, &|argv| (self.inner)(case.journal, argv)).filter(|inner| *inner != asked);
        let (line, commands, wrappers) = match inner {
            Some(inner) => (inner.clone(), shell::strict(inner.as_str())?, written),
            None => (asked, written, Vec::new()),
        };
        let names: Vec<Option<String>> = commands.iter().map(|simple| verifies(&words(simple))).collect();
        let name = names.iter().flatten().next().cloned().ok_or_else(|| nothing(&commands))?;
        if command.writes > 0 {
            return Err("it wrote outside the project");
        }
        let placed = places(folder.as_str(), &commands).ok_or(OUTSIDE)?;
        if placed.iter().any(|(folder, simple)| leaves(folder, simple)) {
            return Err(OUTSIDE);
        }
        let is_own = |name: &Option<String>, simple: &Simple| name.is_some() || stage(&words(simple)).is_some();
        if !placed.iter().zip(&names).all(|((folder, simple), name)| {
            is_harmless(simple) || is_own(name, simple) || is_made(case.journal, folder, simple, &placed)
        }) {
            return Err("its line does other things besides");
        }
        let before = steps::before(case.at, &placed, &self.prepares)?;
        let ran = ran(case).filter(|program| !wrappers.iter().any(|simple| words(simple).first() == Some(program)));
        let locks = locks(case.journal, &placed, &names, ran)?;
        if command.network && locks.is_empty() {
            return Err(NETWORK);
        }
        let makes = promised(case.journal, line.as_str(), &placed);
        let evidence = BTreeSet::from([case.evidence.clone()]);
        Ok(((folder, line), Wanted { name, evidence, before, locks, makes }))
    }

    /// Returns a check that the policy adds.
    fn added(&self, line: &str, folder: &str, journals: &[&Journal]) -> Option<((CheckLine, CheckLine), Wanted)> {
        let place = (CheckLine::parse(folder)?, CheckLine::parse(line)?);
        let commands = shell::strict(line).unwrap_or_default();
        let names: Vec<Option<String>> = commands.iter().map(|simple| verifies(&words(simple))).collect();
        let name = names.iter().flatten().next().cloned().unwrap_or_else(|| "check".to_owned());
        let placed = places(folder, &commands).unwrap_or_default();
        let before = steps::before(usize::MAX, &placed, &self.prepares).unwrap_or_default();
        let journal = journals.iter().rev().find(|journal| !journal.files.is_empty());
        let locks =
            journal.and_then(|journal| locks(journal, &placed, &names, std::iter::empty()).ok()).unwrap_or_default();
        Some((place, Wanted { name, evidence: BTreeSet::new(), before, locks, makes: Vec::new() }))
    }
}

/// Says why commands that verify nothing are no check.
fn nothing(commands: &[Simple]) -> &'static str {
    let by_name = |simple: &Simple| {
        let words = words(simple);
        let (program, rest) = words.split_first()?;
        verifies(&[&[paths::name(program)], rest].concat()).filter(|_| program.contains('/'))
    };
    match commands.iter().find_map(by_name) {
        Some(_) => "its program is a file of the project or the machine, not of a package",
        None => "it tests, builds and lints nothing",
    }
}

/// Returns whether a command only installs packages: all that its line runs puts packages on the machine.
pub(super) fn only_installs(command: &Command, installs: &dyn Fn(&[&str]) -> bool) -> bool {
    let beside = |simple: &Simple| {
        is_harmless(simple) || simple.words.first().is_some_and(|word| BESIDE.contains(&word.text.as_str()))
    };
    let commands = command.line.as_str().and_then(|line| Line::new(line).all().ok()).unwrap_or_default();
    let is_one = |simple: &Simple| installs(unprivileged(&simple.texts()));
    commands.iter().any(is_one) && commands.iter().all(|simple| is_one(simple) || beside(simple))
}

/// Returns the words behind `sudo` and other wrappers.
fn unprivileged<'a, 'b>(words: &'b [&'a str]) -> &'b [&'a str]
where
    'a: 'b,
{
    match words.split_first() {
        Some((&("sudo" | "doas"), rest)) => {
            bare(&rest[rest.iter().take_while(|word| word.starts_with('-') || word.contains('=')).count()..])
        }
        _ => bare(words),
    }
}

/// Returns whether a line runs a program of this name.
pub(super) fn runs(line: &str, program: &str) -> bool {
    let commands = shell::strict(line).unwrap_or_default();
    commands.iter().any(|simple| bare(&simple.texts()).first() == Some(&program))
}

/// Returns the line of commands without what only provides the packages: those of the flake take its place. None when nothing
/// of that is in it.
fn unwrapped(commands: &[Simple], inner: &dyn Fn(&[&str]) -> Option<String>) -> Option<CheckLine> {
    let is_plain = |simple: &Simple| simple.others.is_empty() && simple.words.iter().all(|word| word.literal);
    if !commands.iter().all(is_plain) || !commands.iter().any(|simple| inner(bare(&simple.texts())).is_some()) {
        return None;
    }
    let part = |simple: &Simple| {
        let texts = simple.texts();
        inner(bare(&texts)).or_else(|| shlex::try_join(texts.iter().copied()).ok())
    };
    let parts: Option<Vec<String>> = commands.iter().map(part).collect();
    CheckLine::parse(&parts?.join(" && "))
}

fn is_harmless(simple: &Simple) -> bool {
    simple.words.first().is_none_or(|word| word.literal && HARMLESS.contains(&word.text.as_str()))
}

/// Returns the words without the wrappers before the program: `timeout 5 pytest` is `pytest`.
fn bare<'a, 'b>(mut words: &'b [&'a str]) -> &'b [&'a str]
where
    'a: 'b,
{
    while let Some((first, rest)) = words.split_first().filter(|(first, _)| WRAPPERS.contains(first)) {
        let own = |word: &&&str| word.starts_with('-') || word.contains('=') || is_duration(word);
        let skip = rest.iter().take_while(own).count();
        words = &rest[skip..];
        if *first == "exec" && words.is_empty() {
            break;
        }
    }
    words
}

fn is_duration(word: &str) -> bool {
    let digits = word.trim_end_matches(['s', 'm', 'h', 'd']);
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit() || b == b'.')
}

/// The names that checks have.
#[derive(Default)]
struct Taken {
    names: BTreeSet<CheckName>,
    /// The last number behind each name.
    last: BTreeMap<String, u32>,
}

impl Taken {
    /// Returns the name, with a number behind it when it is taken.
    fn unique(&mut self, name: &str) -> CheckName {
        let base: String = name
            .bytes()
            .map(|b| if b.is_ascii_lowercase() || b.is_ascii_digit() { char::from(b) } else { '-' })
            .take(48)
            .collect();
        let base = if base.starts_with(|c: char| c.is_ascii_lowercase()) { base } else { format!("check-{base}") };
        let last = self.last.entry(base.clone()).or_default();
        loop {
            *last += 1;
            let name = if *last == 1 { base.clone() } else { format!("{base}-{last}") };
            if let Some(name) = CheckName::parse(&name).filter(|name| !self.names.contains(name)) {
                self.names.insert(name.clone());
                return name;
            }
        }
    }
}

#[cfg(test)]
mod tests;
