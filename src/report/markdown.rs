//! A report for a pull request: Markdown in the shape of Renovate's, at most 65,000 characters, whatever the sessions hold.
//!
//! GitHub takes 65,536 characters in a comment. Each part of the page has a share of them; what does not fit is counted.

use super::text::{Part, block, code, duration, line, plural, shorten, words};
use super::{Aside, CheckRow, Missed, Outcome, Package, Remark, Report, Session, Summary, Unchecked};
use crate::console::defused;
use crate::journal::Known;

/// The shares of the parts, in characters. Together with the headings they stay below 65,000.
mod share {
    pub(super) const PACKAGES: usize = 18_000;
    pub(super) const CHECKS: usize = 14_000;
    pub(super) const ATTENTION: usize = 5_000;
    pub(super) const NOT_CAPTURED: usize = 5_000;
    pub(super) const LEFT_BEHIND: usize = 4_000;
    pub(super) const LOGS: usize = 6_000;
    pub(super) const SESSIONS: usize = 3_000;
    pub(super) const IGNORED: usize = 3_500;
    pub(super) const UNCHECKED: usize = 4_500;
}

/// The longest command in a table of other things.
const COMMAND: usize = 60;

/// The longest text in a list.
const TEXT: usize = 400;

impl Report<'_> {
    /// Returns the report for a pull request: Markdown, at most 65,000 characters.
    pub fn markdown(&self) -> String {
        let summary = self.summary();
        let mut out = String::from("## Captured environment\n\n");
        line(&mut out, format_args!("{}\n", headline(&summary)));
        packages(&mut out, &summary.packages);
        checks(&mut out, &summary.checks);
        logs(&mut out, &summary);
        attention(&mut out, &summary.attention);
        not_captured(&mut out, &summary.not_captured);
        left_behind(&mut out, &summary);
        sessions(&mut out, &summary.sessions);
        ignored(&mut out, &summary.ignored);
        unchecked(&mut out, &summary.unchecked);
        footer(&mut out, &summary);
        defused(&out)
    }
}

/// Returns what there is, in one line.
fn headline(summary: &Summary) -> String {
    let checks = summary.checks.iter().filter(|check| !check.own).count();
    let count = |count: usize, what: &str| plural(count as u64, what);
    let verdict = match &summary.verification {
        None => "not verified",
        Some(proof) if proof.passed => "verified",
        Some(_) => "not proved",
    };
    let commands: usize = summary.sessions.iter().map(|session| session.commands).sum();
    format!(
        "**{}, {}: {verdict}.** {} with {}; {}.",
        count(summary.packages.len(), "package"),
        count(checks, "check"),
        count(summary.sessions.len(), "session"),
        count(commands, "command"),
        summary.execs.sentence(),
    )
}

/// Writes a table: its head, and rows as far as they fit. Nothing when there are no rows.
pub(super) fn table(out: &mut String, head: &[&str], share: usize, what: &str, rows: impl IntoIterator<Item = String>) {
    let mut rows = rows.into_iter().peekable();
    if rows.peek().is_none() {
        return;
    }
    // A column of numbers is marked by a colon before its name.
    let names: Vec<&str> = head.iter().map(|name| name.trim_start_matches(':')).collect();
    let rule: Vec<&str> = head.iter().map(|name| if name.starts_with(':') { "---:" } else { "---" }).collect();
    line(out, format_args!("| {} |\n|{}|", names.join(" | "), rule.join("|")));
    let mut part = Part::new(out, share);
    rows.for_each(|row| part.row(&row));
    part.end(what);
    line(out, "");
}

/// Writes something that unfolds.
fn folded(out: &mut String, summary: &str, write: impl FnOnce(&mut String)) {
    line(out, format_args!("<details><summary>{summary}</summary>\n"));
    write(out);
    line(out, "</details>\n");
}

fn packages(out: &mut String, packages: &[Package]) {
    let row = |row: &Package| {
        let known = match row.known {
            Some(Known::Traced) => "traced",
            Some(Known::Claimed) => "**claimed**",
            None => "",
        };
        let why = row.first_command.as_deref().or(row.policy.as_deref()).unwrap_or_default();
        let cell = |text: &str| code(&shorten(text, COMMAND));
        format!(
            "| {} | {} | {} | {} | {} | {} | {known} |",
            code(&row.attr),
            cell(&row.shown_version()),
            cell(row.seen.as_deref().unwrap_or_default()),
            row.role.as_str(),
            row.runs,
            code(&shorten(why, COMMAND)),
        )
    };
    let head = ["Package", "Version", "Seen", "Role", ":Runs", "First command", "Known"];
    table(out, &head, share::PACKAGES, "packages", packages.iter().map(row));
}

fn checks(out: &mut String, checks: &[CheckRow]) {
    let row = |check: &CheckRow| {
        let what = if check.own { check.line.clone() } else { code(&check.line) };
        let result = match check.result {
            Outcome::Failed => {
                let why =
                    check.why.as_deref().map_or_else(String::new, |why| format!(": {}", code(&shorten(why, TEXT))));
                format!("**failed**{why}")
            }
            other => other.as_str().to_owned(),
        };
        let took = match (check.result, check.took) {
            (_, Some(took)) => duration(took),
            (Outcome::Passed, None) => "built before".to_owned(),
            _ => String::new(),
        };
        format!("| {} | {what} | {result} | {took} |", code(&check.name))
    };
    table(out, &["Check", "Command", "Result", ":Time"], share::CHECKS, "checks", checks.iter().map(row));
}

fn logs(out: &mut String, summary: &Summary) {
    let mut left = share::LOGS;
    for failure in summary.verification.iter().flat_map(|proof| &proof.failures) {
        let (what, log) = (failure.check.as_deref().unwrap_or("the flake"), block(&failure.log, TEXT));
        // The name of a check may be anything that a flake holds.
        let what: String = what.chars().filter(|c| c.is_ascii_alphanumeric() || " -".contains(*c)).take(64).collect();
        let Some(rest) = left.checked_sub(log.chars().count() + what.len() + 100) else { continue };
        left = rest;
        folded(out, &format!("Log of {what}"), |out| line(out, format_args!("{log}\n")));
    }
}

fn attention(out: &mut String, remarks: &[Remark]) {
    if remarks.is_empty() {
        return;
    }
    line(out, "### Look at\n");
    let mut part = Part::new(out, share::ATTENTION);
    for Remark { of, text, .. } in remarks {
        let of = if of.is_empty() { String::new() } else { format!("{}: ", code(&shorten(of, 120))) };
        part.row(&format!("- {of}{}", code(&shorten(text, TEXT))));
    }
    part.end("remarks");
    line(out, "");
}

fn not_captured(out: &mut String, all: &[Missed]) {
    if all.is_empty() {
        return;
    }
    line(out, "### Not captured\n");
    let row = |Missed { what, why, help }: &Missed| {
        let help = help.as_deref().map(|help| code(&shorten(help, TEXT))).unwrap_or_default();
        format!("| {} | {} | {help} |", code(&shorten(what, COMMAND)), words(why))
    };
    let plain = |Missed { what, why, .. }: &Missed| format!("| {} | {} |", code(&shorten(what, COMMAND)), words(why));
    match all.iter().any(|missed| missed.help.is_some()) {
        true => table(out, &["What", "Why", "Cure"], share::NOT_CAPTURED, "things", all.iter().map(row)),
        false => table(out, &["What", "Why"], share::NOT_CAPTURED, "things", all.iter().map(plain)),
    }
}

fn left_behind(out: &mut String, summary: &Summary) {
    if summary.left_behind.is_empty() && summary.installed.is_empty() {
        line(out, "Left behind on the host: nothing.\n");
        return;
    }
    line(out, "### Left behind on the host\n");
    if !summary.installed.is_empty() {
        line(out, format_args!("Installed: {}\n", code(&shorten(&summary.installed.join(", "), 1000))));
    }
    let rows = summary.left_behind.iter();
    let rows = rows.map(|row| format!("| {} | {} |", code(&shorten(&row.path, TEXT)), row.amount()));
    table(out, &["Where", "What"], share::LEFT_BEHIND, "folders", rows);
}

fn sessions(out: &mut String, sessions: &[Session]) {
    let row = |session: &Session| {
        let line = code(&shorten(&session.line, COMMAND));
        let agent = session.agent.as_deref().map(|agent| code(&shorten(agent, COMMAND))).unwrap_or_default();
        let status = session.status.clone().unwrap_or_default();
        let host = code(&shorten(&session.host.join(", "), COMMAND));
        let (id, start, recorder) = (&session.id, code(&session.start), code(&shorten(&session.recorder, 40)));
        format!("| `{id}` | {start} | {agent} | {line} | {status} | {recorder} | {host} |")
    };
    folded(out, &format!("Sessions: {}", sessions.len()), |out| {
        let head = ["Session", "Start", "Agent", "Recorded command", "Ended", "Recorder", "Host"];
        table(out, &head, share::SESSIONS, "sessions", sessions.iter().map(row));
        let omitted: u64 = sessions.iter().map(|session| session.omitted).sum();
        if omitted > 0 {
            line(out, format_args!("{} left out of the journals, the oldest.\n", plural(omitted, "command")));
        }
    });
}

fn ignored(out: &mut String, ignored: &[Aside]) {
    if ignored.is_empty() {
        return;
    }
    let row = |Aside { name, runs, reason }: &Aside| {
        format!("| {} | {runs} | {} |", code(&shorten(name, COMMAND)), words(reason))
    };
    let runs = plural(ignored.iter().map(|aside| aside.runs).sum(), "run");
    folded(out, &format!("Ignored, and why: {runs}"), |out| {
        table(out, &["Program", ":Runs", "Why"], share::IGNORED, "programs", ignored.iter().map(row));
    });
}

fn unchecked(out: &mut String, unchecked: &[Unchecked]) {
    if unchecked.is_empty() {
        return;
    }
    let row =
        |Unchecked { line, reason, .. }: &Unchecked| format!("| {} | {} |", code(&shorten(line, 100)), words(reason));
    let mut rows: Vec<String> = unchecked.iter().map(row).collect();
    rows.dedup();
    folded(out, &format!("Commands that are no check, and why: {}", rows.len()), |out| {
        table(out, &["Command", "Why"], share::UNCHECKED, "commands", rows);
    });
}

fn footer(out: &mut String, summary: &Summary) {
    let about = summary.about().map_or_else(String::new, |about| format!("; versions with {about}"));
    line(out, format_args!("Pin: `github:NixOS/nixpkgs/{}`{about}.", summary.pin.rev));
    line(out, format_args!("{} {}", summary.proved, summary.claim));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Bytes;
    use crate::index::Index;
    use crate::journal::{Journal, State};
    use crate::requirements::{Check, CheckLine, CheckName, Document};
    use crate::verification::{Failure, Verification, Versions, Why};

    #[test]
    fn a_page_is_never_too_long() {
        let text = include_bytes!("../../fixtures/host-demo/journal.json");
        let mut journal = Journal::parse(text).expect("a journal");
        let hostile = "é`|<b>@x".repeat(500);
        let state =
            |number| State { path: Bytes::from(format!("~/{number}{hostile}")), files: 1, bytes: number, removed: 0 };
        journal.state = (0..500).map(state).collect();
        journal.installed = vec![hostile.clone(); 50];
        journal.session.line = Bytes::from(&hostile);
        journal.missing = vec![journal.missing[0].clone(); 200];
        let text = include_bytes!("../../fixtures/host-demo/requirements.json");
        let mut document = Document::parse(text).expect("a document");
        let requirements = &mut document.requirements;
        for number in 0..2000 {
            let name = CheckName::parse(&format!("check-{number}")).expect("a name");
            let line = CheckLine::parse(&"`|".repeat(2000)).expect("printable");
            let folder = CheckLine::parse("").expect("empty");
            requirements.checks.push(Check {
                name,
                line,
                folder,
                evidence: Default::default(),
                before: Vec::new(),
                locks: Default::default(),
                makes: Vec::new(),
            });
            requirements.packages.push(requirements.packages[0].clone());
            requirements.ignored.push(requirements.ignored[0].clone());
            requirements.unchecked.push(requirements.unchecked[number % 2].clone());
        }
        let failure = Failure::new(Some(hostile.clone()), Why::MissingAttr(hostile.clone()), vec![hostile; 30]);
        let verification = Verification {
            nix: "2.34.8".to_owned(),
            system: journal.session.system.clone(),
            passed: Vec::new(),
            failures: vec![failure; 50],
            took: Default::default(),
            refused: Default::default(),
            versions: Default::default(),
        };
        let journals: Vec<Journal> = vec![journal; 20];
        let (document, index, verification) = (&document, &Index::new(), Some(&verification));
        let versions = &Versions::default();
        let report = Report { document, journals: &journals, index, versions, verification, findings: &[] };
        let page = report.markdown();
        let length = page.chars().count();
        assert!((40_000..=65_000).contains(&length), "{length}");
        assert!(page.contains("more packages._") && page.contains("more folders._"), "what is left out is counted");
    }
}
