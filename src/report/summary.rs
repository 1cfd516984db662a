//! What a report says, before it has a form: terminal, Markdown, HTML and JSON all show this.
//!
//! Its JSON form is published as `schemas/report.schema.json`. All texts are for people: control, bidirectional and
//! invisible characters stand as escapes in them, so that no form of it needs to think of those again. Whoever needs the
//! very bytes reads the journals.

use std::collections::BTreeSet;

use serde::Serialize;

use super::text::{plural, size};
use crate::journal::{Known, Ref, SessionId};
use crate::nix::{Pin, System};

mod book;
mod build;
mod flakes;

pub(super) use book::Book;

/// The version of the JSON form.
const VERSION: u32 = 1;

/// What stands before a version that is not that of the pin.
pub(super) const ABOUT: &str = "~";

/// What no verification can show.
pub(super) const CLAIM: &str = "A journal is its contributor's claim: no verification shows that the session happened.";

/// What a report says.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// 1.
    pub version: u32,
    /// The sessions, by name.
    pub sessions: Vec<Session>,
    /// The package set.
    pub pin: Pin,
    /// Systems that the flake has outputs for.
    pub systems: BTreeSet<System>,
    /// Date of the index.
    pub index: String,
    /// The packages, by attr.
    pub packages: Vec<Package>,
    /// The checks: of commands, by name, then the flake's own two.
    pub checks: Vec<CheckRow>,
    /// What a reviewer should look at.
    pub attention: Vec<Remark>,
    /// What the sessions wanted or did that is not in the flake.
    pub not_captured: Vec<Missed>,
    /// Folders outside the project in which files were made or changed.
    pub left_behind: Vec<LeftBehind>,
    /// Packages of the host that were installed.
    pub installed: Vec<String>,
    /// All execs, each counted once.
    pub execs: Execs,
    /// What ran and brings no package, most runs first.
    pub ignored: Vec<Aside>,
    /// Commands that are no check.
    pub unchecked: Vec<Unchecked>,
    /// What Nix said; none when it was not asked of these very files.
    pub verification: Option<Proof>,
    /// What was proved, one sentence.
    pub proved: String,
    /// What no verification can show.
    pub claim: &'static str,
}

/// A session.
#[derive(Clone, Debug, Serialize)]
pub struct Session {
    /// Its name.
    pub id: SessionId,
    /// Start, RFC 3339, UTC.
    pub start: String,
    /// End, RFC 3339, UTC.
    pub end: String,
    /// The command line that was recorded.
    pub line: String,
    /// The agent, with its version and model when they are known.
    pub agent: Option<String>,
    /// The recorder, or the reader of the transcript.
    pub recorder: String,
    /// What the recorder cannot see.
    pub blind: Vec<String>,
    /// Where it ran: system, operating system, Nix.
    pub host: Vec<String>,
    /// How the recorded command ended: `exit 0`, `signal 9`.
    pub status: Option<String>,
    /// How many commands it has.
    pub commands: usize,
    /// How many execs were recorded.
    pub execs: u64,
    /// How many events were lost.
    pub lost: u64,
    /// How many of the oldest commands are left out of the journal.
    pub omitted: u64,
}

/// A package.
#[derive(Clone, Debug, Serialize)]
pub struct Package {
    /// Its attr.
    pub attr: String,
    /// Its version.
    pub version: Option<String>,
    /// Of what that is the version.
    pub version_of: Option<VersionOf>,
    /// The version on the host.
    pub seen: Option<String>,
    /// What it is in the flake for.
    pub role: Role,
    /// How many runs need it.
    pub runs: u64,
    /// Whether the kernel saw that; none of what the policy keeps.
    pub known: Option<Known>,
    /// Its programs that ran.
    pub programs: Vec<String>,
    /// The commands that needed it, first the first.
    pub commands: Vec<At>,
    /// The line of the first.
    pub first_command: Option<String>,
    /// The reason that the policy gives.
    pub policy: Option<String>,
}

/// Of what a version is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum VersionOf {
    /// The pin, as Nix evaluated it.
    Pin,
    /// The index; the pin may have another.
    Index,
}

impl Package {
    /// Returns the version for people: with `~` before it when the pin may have another. Empty when there is none.
    pub fn shown_version(&self) -> String {
        let about = if self.version_of == Some(VersionOf::Index) { ABOUT } else { "" };
        self.version.as_ref().map_or_else(String::new, |version| format!("{about}{version}"))
    }
}

/// What a package is in the flake for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// A program of it ran.
    Program,
    /// A library that the project is built against.
    Library,
    /// What it is built with is in the shell.
    Builds,
    /// A module of a language, which a program loads.
    Module,
    /// A command asked for it: an install, a flakeref.
    Asked,
    /// The policy keeps it.
    Policy,
}

impl Role {
    /// Returns the word for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Program => "program",
            Self::Library => "library",
            Self::Builds => "built",
            Self::Module => "module",
            Self::Asked => "asked for",
            Self::Policy => "policy",
        }
    }
}

/// A command of a session.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct At {
    /// The session.
    pub session: SessionId,
    /// The command in its journal.
    pub command: Ref,
}

/// A check.
#[derive(Clone, Debug, Serialize)]
pub struct CheckRow {
    /// Its name.
    pub name: String,
    /// The whole command, for Bash at the repository's root; of the flake's own checks what they do.
    pub line: String,
    /// The lock files whose packages it needs.
    pub locks: Vec<String>,
    /// Whether it is one of the flake's own, of which no session knows.
    pub own: bool,
    /// How it ended.
    pub result: Outcome,
    /// Why it failed.
    pub why: Option<String>,
    /// How long Nix took to build it, in milliseconds; none when it was built before.
    pub took: Option<u64>,
    /// The commands that it comes from.
    pub commands: Vec<At>,
}

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Nix built it.
    Passed,
    /// Nix could not build it.
    Failed,
    /// Nix was not asked.
    NotVerified,
}

impl Outcome {
    /// Returns the words for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::NotVerified => "not verified",
        }
    }
}

/// Something that a reviewer should look at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Remark {
    /// What kind it is.
    pub kind: &'static str,
    /// What it is about: an attr, a file.
    pub of: String,
    /// What there is to know.
    pub text: String,
}

/// Something that is not in the flake.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Missed {
    /// A program, a package, a command.
    pub what: String,
    /// Why it is not.
    pub why: String,
    /// What one can do.
    pub help: Option<String>,
}

/// A folder with files that were made or changed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct LeftBehind {
    /// The folder.
    pub path: String,
    /// How many files.
    pub files: u64,
    /// Their sizes together, in bytes.
    pub bytes: u64,
    /// How many files and folders that were there before are gone.
    pub removed: u64,
    /// The session.
    pub session: SessionId,
}

impl LeftBehind {
    /// Returns how much it is: `3 files, 12 kB, 1 removed`.
    pub fn amount(&self) -> String {
        let written = (self.files > 0).then(|| plural(self.files, "file") + ", " + &size(self.bytes));
        let removed = (self.removed > 0).then(|| format!("{} removed", self.removed));
        written.into_iter().chain(removed).collect::<Vec<_>>().join(", ")
    }
}

/// All execs: each is one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Execs {
    /// They need a package of the flake.
    pub wanted: u64,
    /// They need none, for a reason.
    pub ignored: u64,
    /// Nobody knows of what they are.
    pub unrecognized: u64,
}

impl Execs {
    /// Returns the three counts as a sentence without a period.
    pub fn sentence(self) -> String {
        let Self { wanted, ignored, unrecognized } = self;
        format!("{} wanted, {ignored} ignored with a reason, {unrecognized} unrecognized", plural(wanted, "exec"))
    }
}

/// Programs that bring no package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Aside {
    /// The program.
    pub name: String,
    /// How many execs.
    pub runs: u64,
    /// Why.
    pub reason: String,
}

/// A command that is no check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unchecked {
    /// Its line.
    pub line: String,
    /// Why it is none.
    pub reason: String,
    /// Where it is.
    pub at: At,
}

/// What Nix said.
#[derive(Clone, Debug, Serialize)]
pub struct Proof {
    /// Whether all is proved.
    pub passed: bool,
    /// Version of Nix.
    pub nix: String,
    /// The system on which it was asked.
    pub system: System,
    /// What failed.
    pub failures: Vec<FailureRow>,
}

/// Something that failed.
#[derive(Clone, Debug, Serialize)]
pub struct FailureRow {
    /// The check, none for the flake itself.
    pub check: Option<String>,
    /// Why.
    pub why: String,
    /// The last lines of its log.
    pub log: Vec<String>,
    /// What one can do.
    pub help: Vec<String>,
}

impl Summary {
    /// Returns what `~` before a version means; none when no version has it.
    pub fn about(&self) -> Option<String> {
        let is = |package: &Package| package.version_of == Some(VersionOf::Index);
        let text = || format!("{ABOUT} of the index of {}, the pin may have another", self.index);
        self.packages.iter().any(is).then(text)
    }

    /// Returns it as JSON, LF at the end.
    pub fn json(&self) -> anyhow::Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }
}
