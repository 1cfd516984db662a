//! Which commands of the sessions are run again as checks, and why the others are not.

use std::collections::{BTreeMap, BTreeSet};

use crate::event::Bytes;
use crate::journal::{Command, Journal, Known, Outcome, Ref};
use crate::policy::Policy;
use crate::requirements::{Check, CheckLine, CheckName, Evidence, Unchecked};
use crate::shell::{self, Simple};

/// Reason for what only a hook or a transcript tells, where the policy demands more.
pub(super) const CLAIMED: &str = "only a hook or a transcript claims it";

/// Programs that may stand beside a verifying command in one line: they need no package and reach no network.
const HARMLESS: &[&str] = &[
    "[", "cat", "cd", "chmod", "cp", "echo", "export", "ls", "mkdir", "mv", "printf", "pwd", "rm", "set", "test",
    "touch", "true",
];

/// Programs that run another: what follows their own arguments is judged.
const WRAPPERS: &[&str] = &["command", "env", "exec", "nice", "time", "timeout"];

/// Programs that may stand beside an installing command in one line, besides the harmless ones.
const BESIDE: &[&str] = &["date", "false", "grep", "head", "sleep", "source", ".", "tail", "tee", "wc", "which", "yes"];

/// Reads all commands of the journals: those that verify become checks, one for each line and folder; the others are
/// returned with the reason.
pub(super) fn read(
    journals: &[&Journal],
    policy: &Policy,
    verifies: &dyn Fn(&[&str]) -> Option<String>,
    inner: &dyn Fn(&[&str]) -> Option<String>,
) -> (Vec<Check>, Vec<Unchecked>) {
    let mut wanted: BTreeMap<(CheckLine, CheckLine), (String, BTreeSet<Evidence>)> = BTreeMap::new();
    let mut unchecked = Vec::new();
    for journal in journals {
        let last = last_runs(journal);
        for command in &journal.commands {
            let evidence = Evidence { session: journal.session.id.clone(), entry: command.id.clone() };
            match judge(command, &last, policy, verifies, inner) {
                Ok((name, line, folder)) => {
                    wanted.entry((folder, line)).or_insert_with(|| (name, BTreeSet::new())).1.insert(evidence);
                }
                Err(reason) => unchecked.push(Unchecked { evidence, reason: reason.to_owned() }),
            }
        }
    }
    for check in policy.added_checks() {
        let (Some(line), Some(folder)) = (CheckLine::parse(&check.add), CheckLine::parse(&check.folder)) else {
            continue;
        };
        let name = shell::strict(line.as_str()).ok().and_then(|commands| named(&commands, verifies));
        let name = name.unwrap_or_else(|| "check".to_owned());
        wanted.entry((folder, line)).or_insert_with(|| (name, BTreeSet::new()));
    }
    let mut taken = BTreeSet::new();
    let mut checks = Vec::new();
    for ((folder, line), (name, evidence)) in wanted {
        let name = unique(&name, &mut taken);
        if policy.drops_check(name.as_str(), line.as_str()) {
            let reason = "the policy drops it".to_owned();
            unchecked.extend(evidence.into_iter().map(|evidence| Unchecked { evidence, reason: reason.clone() }));
        } else {
            checks.push(Check { name, line, folder, evidence });
        }
    }
    checks.sort_by(|a, b| a.name.cmp(&b.name));
    unchecked.sort_by(|a, b| a.evidence.cmp(&b.evidence));
    (checks, unchecked)
}

type Runs<'a> = BTreeMap<(&'a Bytes, &'a Bytes), &'a Command>;

/// Returns the last run of each line in each folder.
fn last_runs(journal: &Journal) -> Runs<'_> {
    journal.commands.iter().map(|command| ((&command.line, &command.cwd), command)).collect()
}

fn judge(
    command: &Command,
    last: &Runs,
    policy: &Policy,
    verifies: &dyn Fn(&[&str]) -> Option<String>,
    inner: &dyn Fn(&[&str]) -> Option<String>,
) -> Result<(String, CheckLine, CheckLine), &'static str> {
    if policy.traced_only && command.known == Known::Claimed {
        return Err(CLAIMED);
    }
    if command.outcome != Outcome::Ran {
        return Err("it was refused, blocked or cancelled, or its result is missing");
    }
    match command.status {
        None => return Err("how it ended is not known"),
        Some(status) if !status.is_success() => return Err("it failed"),
        Some(_) => {}
    }
    let latest = last.get(&(&command.line, &command.cwd)).and_then(|command| command.status);
    if latest.is_some_and(|status| !status.is_success()) {
        return Err("its last run failed");
    }
    if command.incomplete {
        return Err("its line holds a secret or is cut");
    }
    let printable = |bytes: &Bytes| bytes.as_str().and_then(CheckLine::parse).ok_or("its line is not printable ASCII");
    let (line, folder) = (printable(&command.line)?, printable(&command.cwd)?);
    let line = unwrapped(line, inner);
    let commands = shell::strict(line.as_str())?;
    let name = named(&commands, verifies).ok_or("it tests, builds and lints nothing")?;
    if command.network {
        return Err("it reached the network");
    }
    if folder.as_str().starts_with(['/', '~']) || commands.iter().any(names_the_machine) {
        return Err("it names a path outside the project");
    }
    if !commands.iter().all(|simple| is_harmless(simple) || verifies(bare(&simple.texts())).is_some()) {
        return Err("its line does other things besides");
    }
    Ok((name, line, folder))
}

/// Returns the commands of a journal that only install packages: all that their lines run puts packages on the machine.
pub(super) fn installing<'a>(journal: &'a Journal, installs: &dyn Fn(&[&str]) -> bool) -> BTreeSet<&'a Ref> {
    let beside = |simple: &Simple| {
        is_harmless(simple) || simple.words.first().is_some_and(|word| BESIDE.contains(&word.text.as_str()))
    };
    let only = |command: &&Command| {
        let commands = command.line.as_str().and_then(|line| shell::all(line).ok()).unwrap_or_default();
        let is_one = |simple: &Simple| installs(unprivileged(&simple.texts()));
        commands.iter().any(is_one) && commands.iter().all(|simple| is_one(simple) || beside(simple))
    };
    journal.commands.iter().filter(only).map(|command| &command.id).collect()
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

/// Returns the line without what only provides the packages: those of the flake take its place.
fn unwrapped(line: CheckLine, inner: &dyn Fn(&[&str]) -> Option<String>) -> CheckLine {
    let commands = shell::strict(line.as_str()).unwrap_or_default();
    let is_plain = |simple: &Simple| simple.others.is_empty() && simple.words.iter().all(|word| word.literal);
    if !commands.iter().all(is_plain) || !commands.iter().any(|simple| inner(bare(&simple.texts())).is_some()) {
        return line;
    }
    let part = |simple: &Simple| {
        let texts = simple.texts();
        inner(bare(&texts)).or_else(|| shlex::try_join(texts.iter().copied()).ok())
    };
    let parts: Option<Vec<String>> = commands.iter().map(part).collect();
    parts.and_then(|parts| CheckLine::parse(&parts.join(" && "))).unwrap_or(line)
}

/// Returns the name of the check that these commands are: of the first that verifies.
fn named(commands: &[Simple], verifies: &dyn Fn(&[&str]) -> Option<String>) -> Option<String> {
    commands.iter().find_map(|simple| verifies(bare(&simple.texts())))
}

/// Returns whether a command names a path that is not in the project.
fn names_the_machine(simple: &Simple) -> bool {
    let outside = |text: &str| {
        let path = text.split_once('=').map_or(text, |(_, value)| value);
        (path.starts_with('/') && path != "/dev/null")
            || path.starts_with('~')
            || path.split('/').any(|part| part == "..")
    };
    simple.words.iter().chain(&simple.others).any(|word| outside(&word.text))
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

/// Returns the name, with a number behind it when it is taken.
fn unique(name: &str, taken: &mut BTreeSet<CheckName>) -> CheckName {
    let base: String = name
        .bytes()
        .map(|b| if b.is_ascii_lowercase() || b.is_ascii_digit() { char::from(b) } else { '-' })
        .take(48)
        .collect();
    let base = if base.starts_with(|c: char| c.is_ascii_lowercase()) { base } else { format!("check-{base}") };
    (1_u32..)
        .map(|number| if number == 1 { base.clone() } else { format!("{base}-{number}") })
        .filter_map(|name| CheckName::parse(&name))
        .find(|name| taken.insert(name.clone()))
        .expect("some number is free")
}
