//! What the sessions used, for people: the terminal, a pull request, the message of the commit.
//!
//! Text from sessions is shown escaped: control, bidirectional and invisible characters as escapes, and in Markdown as
//! code that cannot end early.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Display, Write};

use crate::console::escape;
use crate::event::Server;
use crate::index::Index;
use crate::journal::{Command, Journal, Known, Ref, Session, SessionId, State};
use crate::nix::AttrPath;
use crate::requirements::{Check, Document, Evidence, FAILED, Instead, NEEDS_WORK, Refusal, Refused, Requirement};
use crate::verification::{Failure, Verification};

mod ci;
mod verified;

/// The most rows of a table; what is more is counted.
const ROWS: usize = 100;

/// What a report is made of.
pub struct Report<'a> {
    /// What is required.
    pub document: &'a Document,
    /// The journals, by session.
    pub journals: &'a [Journal],
    /// Versions at the pin come from here.
    pub index: &'a Index,
    /// What Nix said, when it was asked.
    pub verification: Option<&'a Verification>,
}

/// A line of the table of packages.
struct Row {
    package: String,
    version: String,
    seen: String,
    runs: u64,
    command: String,
    known: &'static str,
}

impl Report<'_> {
    fn rows(&self) -> Vec<Row> {
        self.document.requirements.packages.iter().map(|package| self.row(package)).collect()
    }

    fn row(&self, package: &Requirement) -> Row {
        let version = self.index.attr(&package.attr).and_then(|attr| attr.version).unwrap_or_default().to_owned();
        Row {
            package: package.attr.to_string(),
            version,
            seen: package.seen.clone().unwrap_or_default(),
            runs: package.runs,
            command: self.first_line(package).unwrap_or_default(),
            known: known(package.known),
        }
    }

    /// Returns the line of the first command that needed a package.
    pub fn first_line(&self, package: &Requirement) -> Option<String> {
        let first = package.evidence.iter().find_map(|evidence| self.first_command(evidence));
        first.map(|command| command.line.to_text().into_owned())
    }

    fn journal(&self, session: &SessionId) -> Option<&Journal> {
        self.journals.iter().find(|journal| journal.session.id == *session)
    }

    /// Returns the first command in which an entry ran.
    fn first_command(&self, evidence: &Evidence) -> Option<&Command> {
        let journal = self.journal(&evidence.session)?;
        let program =
            journal.programs.iter().find(|program| program.id == evidence.entry).map(|program| &program.commands);
        let call = journal.invocations.iter().find(|call| call.id == evidence.entry).map(|call| &call.commands);
        let of_part = || {
            let programs = journal.part(&evidence.entry)?.programs;
            journal.programs.iter().find(|program| programs.contains(&program.id)).map(|program| &program.commands)
        };
        let id: &Ref = program.or(call).or_else(of_part)?.first()?;
        journal.commands.iter().find(|command| command.id == *id)
    }

    /// Returns what ran and brings no package, most runs first: its name, runs and reason.
    fn aside(&self) -> Vec<(String, u64, String)> {
        let requirements = &self.document.requirements;
        let mut rows: BTreeMap<(String, String), u64> = BTreeMap::new();
        for ignored in &requirements.ignored {
            *rows.entry((self.name(&ignored.evidence), ignored.reason.clone())).or_default() += ignored.runs;
        }
        let mut rows: Vec<_> = rows.into_iter().map(|((name, reason), runs)| (name, runs, reason)).collect();
        rows.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.cmp(b)));
        rows
    }

    fn name(&self, evidence: &Evidence) -> String {
        let program = self.journal(&evidence.session).and_then(|journal| {
            let call = journal.invocations.iter().find(|call| call.id == evidence.entry);
            let id = call.map_or(&evidence.entry, |call| &call.program);
            journal.programs.iter().find(|program| program.id == *id)
        });
        let part = || Some(self.journal(&evidence.session)?.part(&evidence.entry)?.name.into_owned());
        let name = program.map(|program| program.name().to_text().into_owned()).or_else(part);
        name.unwrap_or_else(|| evidence.entry.to_string())
    }

    /// Returns the three counts of execs: wanted, ignored, unrecognized.
    fn counts(&self) -> (u64, u64, u64) {
        let requirements = &self.document.requirements;
        let all: u64 = self.journals.iter().flat_map(|journal| &journal.programs).map(|program| program.runs).sum();
        let ignored =
            requirements.ignored.iter().filter(|ignored| ignored.evidence.entry.is_program()).map(|it| it.runs).sum();
        let unknown =
            requirements.unrecognized.iter().filter(|it| it.evidence.entry.is_program()).map(|it| it.runs).sum();
        (all.saturating_sub(ignored + unknown), ignored, unknown)
    }

    fn accounts(&self) -> String {
        let (wanted, ignored, unrecognized) = self.counts();
        format!("{wanted} execs wanted, {ignored} ignored with a reason, {unrecognized} unrecognized")
    }

    fn missing(&self) -> Vec<String> {
        let all = self.journals.iter().flat_map(|journal| &journal.missing);
        let mut names: Vec<String> = all.map(|missing| missing.program.to_text().into_owned()).collect();
        names.sort();
        names.dedup();
        names
    }

    /// Returns what the verification proved, one sentence.
    fn proof(&self) -> String {
        match self.verification {
            None => "Not verified by Nix.".to_owned(),
            Some(it) if it.is_passed() => {
                format!("Nix {} built all {} checks on {}, the shell among them.", it.nix, it.passed.len(), it.system)
            }
            Some(it) => format!("Nix {} on {}: {} failed.", it.nix, it.system, plural(it.failures.len(), "thing")),
        }
    }

    /// Returns the report for a terminal.
    pub fn terminal(&self) -> String {
        let requirements = &self.document.requirements;
        let mut out = String::new();
        let rows = self.rows();
        let width = rows.iter().map(|row| row.package.len()).max().unwrap_or(0);
        let wide = rows.iter().map(|row| row.version.len()).max().unwrap_or(0);
        line(&mut out, format_args!("packages  {}", if rows.is_empty() { "none" } else { "" }));
        for Row { package, version, runs, command, known, .. } in rows.iter().take(ROWS) {
            let runs = plural(*runs as usize, "run");
            let command = shorten(&escape(command), 60);
            line(&mut out, format_args!("  {package:width$}  {version:wide$}  {runs:>8}  {known}  {command}"));
        }
        line(
            &mut out,
            format_args!("checks    {}", if requirements.checks.is_empty() { "none but the shell" } else { "" }),
        );
        let width = requirements.checks.iter().map(|check| check.name.as_str().len()).max().unwrap_or(0);
        for check in requirements.checks.iter().take(ROWS) {
            line(&mut out, format_args!("  {:width$}  {}", check.name.as_str(), shorten(&shown(check), 80)));
        }
        let remarks = self.remarks();
        if !remarks.is_empty() {
            line(&mut out, "look at");
            remarks.iter().for_each(|remark| line(&mut out, format_args!("  {}", escape(remark))));
        }
        let notes: Vec<String> = self.notes();
        if !notes.is_empty() {
            line(&mut out, "not captured");
            notes.iter().for_each(|note| line(&mut out, format_args!("  {}", escape(note))));
        }
        let rows = self.left_behind();
        line(&mut out, format_args!("left behind on this machine{}", if rows.is_empty() { ": nothing" } else { "" }));
        rows.iter().take(ROWS).for_each(|row| line(&mut out, format_args!("  {}", escape(&shorten(row, 160)))));
        line(&mut out, self.accounts());
        out
    }

    /// Returns what the sessions left behind on the host.
    fn left_behind(&self) -> Vec<String> {
        let folders = self.journals.iter().flat_map(|journal| &journal.state);
        let folder = |state: &State| {
            let written = (state.files > 0).then(|| plural(state.files as usize, "file") + ", " + &size(state.bytes));
            let removed = (state.removed > 0).then(|| format!("{} removed", state.removed));
            let both: Vec<String> = written.into_iter().chain(removed).collect();
            format!("{}: {}", state.path.to_text(), both.join(", "))
        };
        let mut rows: Vec<String> = folders.map(folder).collect();
        let packages: Vec<&str> =
            self.journals.iter().flat_map(|journal| &journal.installed).map(String::as_str).collect();
        if !packages.is_empty() {
            rows.push(format!("installed on the host: {}", packages.join(", ")));
        }
        rows
    }

    /// Returns what a person should look at in the choice of packages: other versions, close calls, what is unfree.
    fn remarks(&self) -> Vec<String> {
        let requirements = &self.document.requirements;
        let mut remarks = Vec::new();
        for package in &requirements.packages {
            if let Some(Instead { of, why }) = &package.instead {
                let seen = package.seen.as_ref().map_or(String::new(), |seen| format!("seen {seen}, "));
                remarks.push(format!("{}: {seen}nearest to {of}: {}", package.attr, refusal(*why)));
            }
            if !package.alternatives.is_empty() {
                let others: Vec<&str> = package.alternatives.iter().map(AttrPath::as_str).collect();
                remarks.push(format!(
                    "{}: chosen by a program's name, which {} has, too",
                    package.attr,
                    others.join(" and ")
                ));
            }
        }
        if !requirements.unfree.is_empty() {
            let names: Vec<&str> = requirements.unfree.iter().map(String::as_str).collect();
            remarks.push(format!("the policy allows unfree packages: {}", names.join(", ")));
        }
        remarks
    }

    /// Returns what a person should know that is not in the flake.
    fn notes(&self) -> Vec<String> {
        let requirements = &self.document.requirements;
        let mut notes: Vec<String> = requirements.refused.iter().take(ROWS).map(refused).collect();
        for unknown in requirements.unrecognized.iter().take(ROWS) {
            let runs = plural(unknown.runs as usize, "run");
            // A library does not run.
            let runs = if unknown.runs == 0 { String::new() } else { format!(" ({runs})") };
            notes.push(format!("{}: not recognized{runs}", unknown.name.to_text()));
        }
        let failed = requirements.ignored.iter().filter(|ignored| ignored.reason == FAILED);
        notes.extend(failed.take(ROWS).map(|ignored| format!("{}: {FAILED}", self.name(&ignored.evidence))));
        notes.extend(self.missing().into_iter().take(ROWS).map(|name| format!("{name}: looked for and not found")));
        let servers: BTreeSet<Server> =
            self.journals.iter().flat_map(|journal| &journal.delegated).map(|it| it.server).collect();
        notes.extend(servers.into_iter().map(|server| format!("work handed to {server}: not seen")));
        let left_out = requirements.unchecked.iter().filter(|unchecked| unchecked.reason == NEEDS_WORK);
        notes.extend(left_out.filter_map(|unchecked| {
            let journal = self.journal(&unchecked.evidence.session)?;
            let command = journal.commands.iter().find(|command| command.id == unchecked.evidence.entry)?;
            Some(format!("{}: no check, {NEEDS_WORK}", shorten(&command.line.to_text(), 60)))
        }));
        let lost: u64 = self.journals.iter().map(|journal| journal.events.lost).sum();
        let disturbed: u64 = self.journals.iter().map(|journal| journal.events.disturbed).sum();
        if disturbed > 0 {
            let opens = plural(disturbed as usize, "open");
            notes.push(format!("{opens} may have failed with EINTR because `--files full` watched them"));
        }
        if lost > 0 {
            notes.push(format!("{} lost by the recorder", plural(lost as usize, "event")));
        }
        notes
    }

    /// Returns the report for a pull request: Markdown, at most 65,000 characters.
    pub fn markdown(&self) -> String {
        let mut out = String::from("## Captured environment\n\n");
        line(&mut out, format_args!("{} {}.\n", self.proof(), self.accounts()));
        line(&mut out, "| package | version at the pin | seen | runs | first command | known |");
        line(&mut out, "|---|---|---|---|---|---|");
        for Row { package, version, seen, runs, command, known } in self.rows().iter().take(ROWS) {
            let command = code(&shorten(command, 60));
            line(
                &mut out,
                format_args!(
                    "| {} | {} | {} | {runs} | {command} | {known} |",
                    code(package),
                    code(version),
                    code(seen)
                ),
            );
        }
        line(&mut out, "\n| check | command |\n|---|---|");
        for check in self.document.requirements.checks.iter().take(ROWS) {
            line(&mut out, format_args!("| {} | {} |", code(check.name.as_str()), code(&shown(check))));
        }
        let remarks = self.remarks();
        if !remarks.is_empty() {
            line(&mut out, "\nLook at:\n");
            remarks.iter().for_each(|remark| line(&mut out, format_args!("- {}", code(remark))));
        }
        let notes = self.notes();
        if !notes.is_empty() {
            line(&mut out, "\nNot captured:\n");
            notes.iter().for_each(|note| line(&mut out, format_args!("- {}", code(note))));
        }
        let rows = self.left_behind();
        line(
            &mut out,
            if rows.is_empty() { "\nLeft behind on the host: nothing." } else { "\nLeft behind on the host:\n" },
        );
        rows.iter().take(ROWS).for_each(|row| line(&mut out, format_args!("- {}", code(&shorten(row, 400)))));
        self.details(&mut out);
        let Document { pin, .. } = self.document;
        line(&mut out, format_args!("\nPin: `github:NixOS/nixpkgs/{}`.", pin.rev));
        line(&mut out, "A journal is its contributor's claim: no verification shows that the session happened.");
        out
    }

    fn details(&self, out: &mut String) {
        line(out, "\n<details><summary>Ignored, and why</summary>\n\n| program | runs | reason |\n|---|---|---|");
        let aside = self.aside();
        for (name, runs, reason) in aside.iter().take(ROWS) {
            line(out, format_args!("| {} | {runs} | {reason} |", code(name)));
        }
        if aside.len() > ROWS {
            line(out, format_args!("| {} more | | |", aside.len() - ROWS));
        }
        line(
            out,
            "\n</details>\n\n<details><summary>Commands that are no check, and why</summary>\n\n| command | reason |\n|---|---|",
        );
        let mut rows: Vec<(String, &str)> = Vec::new();
        for unchecked in &self.document.requirements.unchecked {
            let journal = self.journal(&unchecked.evidence.session);
            let command = journal
                .and_then(|journal| journal.commands.iter().find(|command| command.id == unchecked.evidence.entry));
            rows.extend(
                command.map(|command| (code(&shorten(&command.line.to_text(), 100)), unchecked.reason.as_str())),
            );
        }
        let all = rows.len();
        rows.dedup();
        rows.iter().take(ROWS).for_each(|(command, reason)| line(out, format_args!("| {command} | {reason} |")));
        if all > ROWS {
            line(out, format_args!("| {} more | |", all - ROWS));
        }
        line(out, "\n</details>");
    }

    /// Returns what is required, as JSON.
    pub fn json(&self) -> String {
        self.document.to_bytes().map_or_else(|_| String::new(), |bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Returns the message of a commit that adds these sessions, each with the SHA-256 of its journal in hexadecimal. Without
    /// a subject it is about the packages. Trailers are those of git-interpret-trailers(1); `Assisted-by: AGENT:MODEL` is the
    /// kernel's.
    pub fn message(&self, sessions: &[(&Session, String)], subject: Option<&str>) -> String {
        let requirements = &self.document.requirements;
        let mut out = String::new();
        let names: Vec<&str> = requirements.packages.iter().map(|package| package.attr.as_str()).collect();
        let subject = match (subject, names.len()) {
            (Some(subject), _) => shorten(subject, 68),
            (None, 0) => "agent-capture: no packages".to_owned(),
            _ => shorten(&format!("agent-capture: {}", names.join(", ")), 68),
        };
        line(&mut out, format_args!("{subject}\n"));
        let rows = self.rows();
        let cell = |width: usize, text: &str| format!("{text:width$}");
        let width = rows.iter().map(|row| row.package.len()).max().unwrap_or(0).max(7);
        let wide = rows.iter().map(|row| row.version.len()).max().unwrap_or(0).max(7);
        line(&mut out, format_args!("| {} | {} | runs |", cell(width, "package"), cell(wide, "version")));
        line(&mut out, format_args!("|-{}-|-{}-|-----:|", "-".repeat(width), "-".repeat(wide)));
        for row in rows.iter().take(ROWS) {
            line(
                &mut out,
                format_args!("| {} | {} | {:4} |", cell(width, &row.package), cell(wide, &row.version), row.runs),
            );
        }
        if !requirements.checks.is_empty() {
            line(&mut out, "\nChecks:\n");
            requirements
                .checks
                .iter()
                .take(ROWS)
                .for_each(|check| line(&mut out, format_args!("- {}: {}", check.name.as_str(), shown(check))));
        }
        line(&mut out, format_args!("\n{}", self.proof()));
        out.push('\n');
        for (session, sha256) in sessions {
            line(&mut out, format_args!("Agent-Capture-Session: {}", session.id));
            line(&mut out, format_args!("Agent-Capture-Journal: sha256:{sha256}"));
        }
        let assisted: BTreeSet<String> = sessions.iter().filter_map(|(session, _)| assisted_by(session)).collect();
        assisted.iter().for_each(|by| line(&mut out, format_args!("Assisted-by: {by}")));
        out
    }
}

/// Returns the agent of a session and its model, as far as they are known; only plain names enter a trailer.
fn assisted_by(session: &Session) -> Option<String> {
    let plain = |name: &&String| {
        (1..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-+/@".contains(&b))
    };
    let agent = session.agent.as_ref().filter(plain)?;
    let model = session.model.as_ref().filter(plain);
    Some(model.map_or_else(|| agent.clone(), |model| format!("{agent}:{model}")))
}

/// Returns what failed, for a terminal: what, why, the cure, and the last lines of the log.
pub fn failures(verification: &Verification) -> String {
    let mut out = String::new();
    for Failure { check, why, log, help, kept, .. } in &verification.failures {
        let what = check.as_deref().map_or("the flake".to_owned(), |name| format!("check `{}`", escape(name)));
        line(&mut out, format_args!("{what}: {}", escape(&why.cause())));
        log.iter().for_each(|text| line(&mut out, format_args!("    {}", escape(text))));
        help.iter().for_each(|text| line(&mut out, format_args!("  {}", escape(text))));
        kept.iter().for_each(|path| line(&mut out, format_args!("  the whole log is in {}", escape(path))));
    }
    out
}

/// Says why a package is left out, and what to do.
fn refused(refused: &Refused) -> String {
    let Refused { attr, why, .. } = refused;
    let cure = match why {
        Refusal::Unfree => format!("allow it with `unfree = [\"{attr}\"]` in .agent-capture/policy.toml"),
        Refusal::Absent | Refusal::Insecure | Refusal::Broken => {
            "[[replace]] it in .agent-capture/policy.toml, or [[keep]] it and choose a pin that has it sound".to_owned()
        }
    };
    format!("{attr}: {}; {cure}", refusal(*why))
}

fn refusal(why: Refusal) -> &'static str {
    match why {
        Refusal::Absent => "nixpkgs does not have it",
        Refusal::Unfree => "its licence is not free",
        Refusal::Insecure => "nixpkgs refuses it as insecure",
        Refusal::Broken => "nixpkgs marks it as broken",
    }
}

fn known(known: Known) -> &'static str {
    match known {
        Known::Traced => "traced",
        Known::Claimed => "claimed",
    }
}

fn shown(check: &Check) -> String {
    check.command()
}

fn line(out: &mut String, text: impl Display) {
    writeln!(out, "{text}").expect("a String takes all that is written");
}

fn plural(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// Returns a size as a person reads it, in powers of 1000.
fn size(bytes: u64) -> String {
    match bytes {
        0..1000 => format!("{bytes} B"),
        1000..1_000_000 => format!("{} kB", bytes / 1000),
        _ => format!("{} MB", bytes / 1_000_000),
    }
}

/// Returns at most `most` characters of a text, with an ellipsis when some are missing.
fn shorten(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let cut: String = text.chars().take(most.saturating_sub(1)).collect();
    format!("{}…", cut.trim_end())
}

/// Returns text as Markdown code in a table: fences longer than any run of backticks in it, no cell or tag can begin.
fn code(text: &str) -> String {
    let text = escape(text).replace('|', "\\|");
    if text.is_empty() {
        return text;
    }
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let space = if text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']) { " " } else { "" };
    format!("{fence}{space}{text}{space}{fence}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_cannot_end_early() {
        assert_eq!(code("a`b"), "``a`b``");
        assert_eq!(code("`a```|<img>\n"), "```` `a```\\|<img>\\n ````");
        assert_eq!(shorten("abcdef", 4), "abc…");
    }
}
