//! What the sessions used, for people: the terminal, a pull request, a page, the message of the commit; and for programs.
//!
//! [`Report::summary`] says what there is to say, the forms show it. Text from sessions is shown escaped: control,
//! bidirectional and invisible characters as escapes, in Markdown as code that cannot end early, in HTML as text.

use std::collections::BTreeSet;

use crate::console::escape;
use crate::index::Index;
use crate::journal::Journal;
use crate::nix::AttrPath;
use crate::requirements::{Document, Evidence, Input, InputPackage};
use crate::verification::{Failure, Finding, Verification, Versions};

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
    Summary, Unchecked, VersionOf,
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
    /// Versions come from here, where those at the pin are not known.
    pub index: &'a Index,
    /// Versions at the pin, as far as they are known; those of the verification come first.
    pub versions: &'a Versions,
    /// What Nix said, when it was asked.
    pub verification: Option<&'a Verification>,
    /// What can be said of the files without Nix.
    pub findings: &'a [Finding],
}

impl Report<'_> {
    /// Returns the version of a package, and of what it is the version.
    fn version(&self, attr: &AttrPath) -> Option<(&str, VersionOf)> {
        let verified = self.verification.and_then(|it| it.versions.of(attr));
        let at_pin = verified.or_else(|| self.versions.of(attr)).map(|version| (version, VersionOf::Pin));
        let of_index = || self.index.attr(attr).and_then(|attr| attr.version).map(|it| (it, VersionOf::Index));
        at_pin.or_else(of_index)
    }

    /// Returns the version of a package of another flake.
    fn version_of_input(&self, input: &Input, package: &InputPackage) -> Option<(&str, VersionOf)> {
        let verified = self.verification.and_then(|it| it.versions.of_input(input, package));
        verified.or_else(|| self.versions.of_input(input, package)).map(|version| (version, VersionOf::Pin))
    }

    /// Returns the line of the first command that is evidence, or has some.
    pub fn first_line(&self, evidence: &BTreeSet<Evidence>) -> Option<String> {
        let book = Book::new(self.journals);
        let first = book.commands(evidence).into_iter().next()?;
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
