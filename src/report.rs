//! What the sessions used, for people: the terminal, a pull request, a page, the message of the commit; and for programs.
//!
//! [`Report::summary`] says what there is to say, the forms show it. Text from sessions is shown escaped: control,
//! bidirectional and invisible characters as escapes, in Markdown as code that cannot end early, in HTML as text.

use crate::console::escape;
use crate::index::Index;
use crate::journal::Journal;
use crate::requirements::{Document, Requirement};
use crate::verification::{Failure, Finding, Verification};

mod ci;
mod difference;
mod html;
mod markdown;
mod message;
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
use text::line;

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
