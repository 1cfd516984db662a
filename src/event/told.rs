//! What is known of a command that an agent tells of, and how.

use serde::{Deserialize, Serialize};

use super::Status;

/// Whether a command ran. One that did not is no use of its programs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It ran.
    #[default]
    Ran,
    /// The user did not allow it.
    Refused,
    /// A rule, a hook or the agent itself stopped it before it ran.
    Blocked,
    /// It was called off, before it ran or while it did.
    Cancelled,
    /// Nothing is told: its result is missing.
    Unknown,
}

/// How the status of a command is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StatusKnown {
    /// As a number: from the kernel, or from a field of its own.
    #[default]
    Exact,
    /// Read from text that a person or a model was shown.
    Parsed,
    /// From a mark of success alone: success is taken for 0.
    Inferred,
    /// Not known.
    Unknown,
}

/// How the cwd of a command is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CwdKnown {
    /// Of this command.
    #[default]
    Command,
    /// Of the session: the agent may have changed folder since.
    Session,
    /// Not known: the project's root is written in its place.
    Unknown,
}

/// A command as a transcript or a hook tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// Its id, unique in the session; empty when it has none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// The command line.
    pub line: String,
    /// Where: an absolute path; none when not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
    /// How that is known.
    pub cwd_known: CwdKnown,
    /// Whether it ran.
    pub outcome: Outcome,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// How that is known.
    pub status_known: StatusKnown,
    /// When, in milliseconds since 1970-01-01 UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<i64>,
    /// How long, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took: Option<i64>,
    /// Programs that its output calls not found.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_found: Vec<String>,
    /// Whether something secret or overlong is missing from the line.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub incomplete: bool,
}

impl Call {
    /// Sets how it ended.
    pub fn end(&mut self, status: Status, known: StatusKnown) {
        (self.outcome, self.status, self.status_known) = (Outcome::Ran, Some(status), known);
    }

    /// Says that it ran, and that how it ended is not told.
    pub fn open_end(&mut self) {
        (self.outcome, self.status, self.status_known) = (Outcome::Ran, None, StatusKnown::Unknown);
    }

    /// Says that it did not run, or not to its end.
    pub fn fell(&mut self, outcome: Outcome) {
        (self.outcome, self.status, self.status_known) = (outcome, None, StatusKnown::Unknown);
    }

    /// Returns the status when it says something of the programs: the command ran.
    pub fn told(&self) -> Option<Status> {
        self.status.filter(|_| self.outcome == Outcome::Ran)
    }
}

/// What an agent's hook told, or a shell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Told {
    /// When, in milliseconds.
    pub at: i64,
    /// The agent; empty when a shell tells its own line.
    pub agent: String,
    /// What the agent calls its session; empty when it does not say.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub session: String,
    /// The agent's version, when it is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The model, when it is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Where the agent keeps its transcript, when it is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transcript: Option<String>,
    /// What happens.
    pub what: What,
}

/// A moment of an agent's session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// It began, or goes on.
    Began,
    /// A command is about to run.
    Before(Call),
    /// A command ended, or did not run.
    After(Call),
    /// It ended.
    Ended,
}
