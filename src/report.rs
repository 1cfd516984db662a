//! What the sessions used, for people: the terminal, a pull request, a page, the message of the commit; and for programs.
//!
//! [`Report::summary`] says what there is to say, the forms show it. Text from sessions is shown escaped: control,
//! bidirectional and invisible characters as escapes, in Markdown as code that cannot end early, in HTML as text.

use crate::console::escape;
use crate::index::Index;
use crate::journal::{Journal, SessionId};
use crate::requirements::{Check, Document, Requirement};
use crate::verification::{Failure, Finding, Verification};

mod ci;
mod difference;
mod html;
mod markdown;
mod processes;
mod summary;
mod terminal;
mod text;
mod verified;

pub use difference::{
    Capture, Change, CheckChange, Difference, Folder, Kind, LARGEST, MARKER, PackageChange, PackageSide, Side,
};
pub use processes::Processes;
use summary::Book;
pub use summary::{
    Aside, At, CheckRow, Execs, FailureRow, LeftBehind, Missed, Outcome, Package, Proof, Remark, Role, Session,
    Summary, Unchecked,
};
use text::{line, shorten};

/// The most rows of a table; what is more is counted.
const ROWS: usize = 100;

/// What a report is made of.
pub struct Report<'a> {
    /// What is required.
    pub document: &'a Document,
    /// The journals, by session.
    pub journals: &'a [Journal],
    /// Versions come from here.
    pub index: &'a Index,
    /// What Nix said, when it was asked.
    pub verification: Option<&'a Verification>,
    /// What can be said of the files without Nix.
    pub findings: &'a [Finding],
}

impl Report<'_> {
    /// Returns the line of the first command that needed a package.
    pub fn first_line(&self, package: &Requirement) -> Option<String> {
        let book = Book::new(self.journals);
        let first = book.commands(&package.evidence).into_iter().next()?;
        book.command(&first).map(|command| command.line.to_text().into_owned())
    }

    /// Returns the message of a commit that adds these sessions, each with the SHA-256 of its journal in hexadecimal.
    pub fn message(&self, sessions: &[(SessionId, String)]) -> String {
        let requirements = &self.document.requirements;
        let mut out = String::new();
        let names: Vec<&str> = requirements.packages.iter().map(|package| package.attr.as_str()).collect();
        let subject = match names.len() {
            0 => "agent-capture: no packages".to_owned(),
            _ => shorten(&format!("agent-capture: {}", names.join(", ")), 68),
        };
        line(&mut out, format_args!("{subject}\n"));
        let version =
            |package: &Requirement| self.index.attr(&package.attr).and_then(|attr| attr.version).unwrap_or_default();
        let rows: Vec<(&str, &str, u64)> = requirements
            .packages
            .iter()
            .map(|package| (package.attr.as_str(), version(package), package.runs))
            .collect();
        let cell = |width: usize, text: &str| format!("{text:width$}");
        let width = rows.iter().map(|row| row.0.len()).max().unwrap_or(0).max(7);
        let wide = rows.iter().map(|row| row.1.len()).max().unwrap_or(0).max(7);
        line(&mut out, format_args!("| {} | {} | runs |", cell(width, "package"), cell(wide, "version")));
        line(&mut out, format_args!("|-{}-|-{}-|-----:|", "-".repeat(width), "-".repeat(wide)));
        for (package, version, runs) in rows.iter().take(ROWS) {
            line(&mut out, format_args!("| {} | {} | {runs:4} |", cell(width, package), cell(wide, version)));
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
            line(&mut out, format_args!("Agent-Capture-Session: {session}"));
            line(&mut out, format_args!("Agent-Capture-Journal: sha256:{sha256}"));
        }
        out
    }
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

fn shown(check: &Check) -> String {
    match check.folder.as_str() {
        "" => check.line.as_str().to_owned(),
        folder => format!("(in {folder}) {}", check.line.as_str()),
    }
}
