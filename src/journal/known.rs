//! How an entry is known, and how much of it.

use serde::{Deserialize, Serialize};

/// How something is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Known {
    /// The kernel saw it.
    #[default]
    Traced,
    /// A hook or a transcript says so.
    Claimed,
}

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
