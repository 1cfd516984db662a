//! The journal of a session: what is committed of what was recorded.
//!
//! One JSON document, `"version": 1`, read strictly and written in one way only. Everything that a requirement says is
//! traceable to an entry here. Paths below the home folder are written `~/…`, paths in the project relative to it, and
//! neither the user's nor the machine's name is in it.

use std::collections::BTreeSet;

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};

use crate::event::{Bytes, Status};
use crate::host::Owner;
use crate::nix::{Pin, System};

mod both;
mod claims;
mod close;
mod files;
mod flakes;
mod known;
mod names;
mod order;
mod place;
mod reads;
mod roles;
mod shorten;
mod told;
mod used;

pub use crate::event::{Call, CwdKnown, Outcome, StatusKnown};
pub use claims::{Claims, Summary};
pub use close::{Closing, Digest};
pub use files::{Locked, ProjectFile};
pub use flakes::UsedFlake;
pub use known::Known;
pub use names::{Ref, SessionId};
pub use place::Place;
pub use reads::Reads;
pub use roles::line;
pub use told::Teller;
pub use used::{Delegated, Header, Library, Module, Part};

/// The version of the journal that this program writes.
pub const VERSION: u32 = 1;

/// The most bytes that a journal may have.
pub const LIMIT: usize = 1_000_000;

/// A whole journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Journal {
    /// [`VERSION`].
    pub version: u32,
    /// The session.
    pub session: Session,
    /// What the agent asked for, in order.
    pub commands: Vec<Command>,
    /// What ran, one entry for each path it was reached by.
    pub programs: Vec<Program>,
    /// Command lines of programs whose arguments say what is needed (installs, modules, flakerefs), equal ones once.
    pub invocations: Vec<Invocation>,
    /// Files of the project that say which tools and packages it has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<ProjectFile>,
    /// Other flakes than nixpkgs and the project's own that its `nix` commands used.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flakes: Vec<UsedFlake>,
    /// What was looked for and not found.
    pub missing: Vec<Missing>,
    /// Shared libraries that the project's own programs need; with `--files`, all that programs opened.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub libraries: Vec<Library>,
    /// Headers of the host that programs opened.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<Header>,
    /// Modules of the host that programs opened.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub modules: Vec<Module>,
    /// Work that was handed to servers of the machine, which no recorder follows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub delegated: Vec<Delegated>,
    /// Folders outside the project in which files were made, changed or removed while the session ran.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub state: Vec<State>,
    /// Packages of the host that were installed or upgraded while the session ran.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub installed: Vec<String>,
    /// Execs that are set aside when a session closes, with the reason.
    pub ignored: Vec<Ignored>,
    /// The raw events behind all this.
    pub events: Events,
}

/// When, where and by whom.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Session {
    /// Its name.
    pub id: SessionId,
    /// Start, RFC 3339, UTC.
    pub start: String,
    /// End, RFC 3339, UTC.
    pub end: String,
    /// The command line that was recorded.
    pub line: Bytes,
    /// Name of the agent, when it is a known one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// The agent's version, when it was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_version: Option<String>,
    /// The model, when it was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The recorder, and what it cannot see.
    pub recorder: Recorder,
    /// System on which it ran.
    pub system: System,
    /// Operating system and release, `debian 12`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub os: Option<String>,
    /// Version of Nix, when there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nix: Option<String>,
    /// The revision of nixpkgs that the session's own `nix` commands used, when known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nixpkgs: Option<Pin>,
    /// The commit that was checked out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// How the recorded command ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
}

/// A recorder as the journal names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recorder {
    /// Its name.
    pub name: String,
    /// What it cannot see, a sentence each.
    pub blind: Vec<String>,
}

/// One unit of the session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Command {
    /// `c1`, `c2`, …
    pub id: Ref,
    /// What was asked for, as one would type it.
    pub line: Bytes,
    /// Where: relative to the project (empty for its root), `~/…`, or absolute.
    pub cwd: Bytes,
    /// How it ended, when known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// Start, in milliseconds after the session's.
    pub at: i64,
    /// How long, in milliseconds, when its end is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took: Option<i64>,
    /// How this is known.
    #[serde(default, skip_serializing_if = "is_default")]
    pub known: Known,
    /// Whether it ran at all.
    #[serde(default, skip_serializing_if = "is_default")]
    pub outcome: Outcome,
    /// How its status is known.
    #[serde(default, skip_serializing_if = "is_default")]
    pub status_known: StatusKnown,
    /// How its cwd is known.
    #[serde(default, skip_serializing_if = "is_default")]
    pub cwd_known: CwdKnown,
    /// Set when something secret or overlong is missing from the line: it cannot be run again.
    #[serde(default, skip_serializing_if = "is_default")]
    pub incomplete: bool,
    /// Set when a process of it reached out of the machine. [`Recorder::blind`] says so when that was not watched.
    #[serde(default, skip_serializing_if = "is_default")]
    pub network: bool,
    /// With `--files full`, how often its processes opened files to write outside the project, the folders for temporary
    /// files and the caches of builders.
    #[serde(default, skip_serializing_if = "is_default")]
    pub writes: u64,
}

/// A program that ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// `p1`, `p2`, …
    pub id: Ref,
    /// Path it was reached by, in the same form as [`Command::cwd`].
    pub path: Bytes,
    /// The same, links followed, when that is another path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved: Option<Bytes>,
    /// The interpreter of its `#!` line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interpreter: Option<Bytes>,
    /// The host's package that it is of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
    /// Of a claimed one, what started it and looks for it among packages of its own first: `uv` of `uv run`, `npx`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub through: Option<String>,
    /// How often it ran.
    pub runs: u64,
    /// How many of the runs did not end well: see [`Program::is_used`].
    #[serde(default, skip_serializing_if = "is_default")]
    pub failed: u64,
    /// How many of the runs have no known end.
    #[serde(default, skip_serializing_if = "is_default")]
    pub unknown: u64,
    /// Commands in which it ran.
    pub commands: BTreeSet<Ref>,
    /// How this is known.
    #[serde(default, skip_serializing_if = "is_default")]
    pub known: Known,
}

impl Program {
    /// Returns the last component of the path it was reached by.
    pub fn name(&self) -> Bytes {
        Bytes::from(self.path.as_slice().rsplit(|b| *b == b'/').next().unwrap_or_default())
    }

    /// Returns whether at least one run ended well, or none is known to have ended badly.
    pub fn is_used(&self) -> bool {
        self.failed < self.runs
    }
}

/// A command line that says what is needed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Invocation {
    /// `i1`, `i2`, …
    pub id: Ref,
    /// The program that ran.
    pub program: Ref,
    /// Its arguments, from `argv[0]`.
    pub argv: Vec<Bytes>,
    /// Where, in the form of [`Command::cwd`].
    pub cwd: Bytes,
    /// How often.
    pub runs: u64,
    /// How many of the runs did not end well.
    #[serde(default, skip_serializing_if = "is_default")]
    pub failed: u64,
    /// Commands in which it ran.
    pub commands: BTreeSet<Ref>,
    /// How this is known.
    #[serde(default, skip_serializing_if = "is_default")]
    pub known: Known,
    /// What the files say that its arguments name: packages of a requirement file, a word each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub says: Vec<String>,
}

impl Invocation {
    /// Returns its arguments as text; none when one is no UTF-8.
    pub fn words(&self) -> Option<Vec<&str>> {
        self.argv.iter().map(Bytes::as_str).collect()
    }

    /// Returns whether at least one run ended well, or none is known to have ended badly.
    pub fn is_used(&self) -> bool {
        self.failed < self.runs
    }
}

/// A program that was looked for in vain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Missing {
    /// Its name, or the path that was tried.
    pub program: Bytes,
    /// How often.
    pub runs: u64,
    /// Commands that looked for it.
    pub commands: BTreeSet<Ref>,
}

/// A folder outside the project, or a file at the top of the home folder, in which files were made, changed or removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// Its path, `~/…` below the home folder.
    pub path: Bytes,
    /// How many files.
    pub files: u64,
    /// Their sizes together, in bytes.
    pub bytes: u64,
    /// How many files and folders that were there before are gone.
    #[serde(default, skip_serializing_if = "is_default")]
    pub removed: u64,
}

/// Execs that were set aside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ignored {
    /// Why, in fixed words.
    pub reason: String,
    /// How many execs.
    pub runs: u64,
}

/// The raw events: checkable while they are kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Events {
    /// How many events.
    pub count: u64,
    /// How many of them are execs.
    pub execs: u64,
    /// How many are known to be lost.
    pub lost: u64,
    /// Bytes of all segments.
    pub length: u64,
    /// SHA-256 of the segments, one after the other, hexadecimal.
    pub sha256: String,
    /// How many of the oldest commands are left out because the journal would be too long.
    #[serde(default, skip_serializing_if = "is_default")]
    pub omitted: u64,
    /// How many opens at most were interrupted because they were watched.
    #[serde(default, skip_serializing_if = "is_default")]
    pub disturbed: u64,
    /// How many libraries, headers and modules are left out because there were too many.
    #[serde(default, skip_serializing_if = "is_default")]
    pub unlisted: u64,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Journal {
    /// Reads a journal. What is larger than [`LIMIT`], of another version or not exactly of this form is an error.
    pub fn parse(bytes: &[u8]) -> anyhow::Result<Self> {
        ensure!(bytes.len() <= LIMIT, "it has {} bytes, more than {LIMIT}", bytes.len());
        /// The one field that every version has.
        #[derive(Deserialize)]
        struct Version {
            version: u32,
        }
        let Version { version } =
            serde_json::from_slice(bytes).map_err(|error| malformed("it is no journal", &error))?;
        ensure!(
            version <= VERSION,
            "it is of version {version}; this program knows up to {VERSION}: upgrade agent-capture"
        );
        ensure!(version == VERSION, "there is no version {version} of the journal");
        serde_json::from_slice(bytes).map_err(|error| malformed("it is no journal", &error))
    }

    /// Returns whether these bytes are a journal that only a newer program can read.
    pub fn is_newer(bytes: &[u8]) -> bool {
        #[derive(Deserialize)]
        struct Head {
            version: u32,
        }
        bytes.len() <= LIMIT && serde_json::from_slice::<Head>(bytes).is_ok_and(|head| head.version > VERSION)
    }

    /// Returns the bytes of the file: two spaces of indent, fields in a fixed order, LF at the end.
    pub fn to_bytes(&self) -> anyhow::Result<Vec<u8>> {
        let mut bytes = serde_json::to_vec_pretty(self).context("failed to write the journal as JSON")?;
        bytes.push(b'\n');
        Ok(bytes)
    }
}

/// Says where JSON went wrong without repeating text from the file: it may hold escapes for a terminal or a CI log.
pub fn malformed(what: &str, error: &serde_json::Error) -> anyhow::Error {
    let why = match error.classify() {
        serde_json::error::Category::Io => "it could not be read",
        serde_json::error::Category::Syntax => "it is not JSON",
        serde_json::error::Category::Data => "a field is unknown, missing, or not of its form",
        serde_json::error::Category::Eof => "it ends too early",
    };
    anyhow::anyhow!("{what}: line {}, column {}: {why}", error.line(), error.column())
}
