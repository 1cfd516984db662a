//! What `verify` found, level by level.

use serde::{Deserialize, Serialize};

use super::{Finding, Verification, replay::Replay};

/// The version of the JSON form of [`Verified`].
pub const VERSION: u32 = 1;

/// How far a verification goes. Each level holds only when those before it hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// What can be known without Nix.
    Static,
    /// The flake evaluates to the expected checks.
    Eval,
    /// Each check is built.
    #[default]
    Build,
    /// The sessions' commands end as they did.
    Replay,
}

impl Level {
    /// Returns its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Static => "static",
            Self::Eval => "eval",
            Self::Build => "build",
            Self::Replay => "replay",
        }
    }
}

/// A level that was tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reached {
    /// The level.
    pub level: Level,
    /// Whether it holds.
    pub holds: bool,
    /// What that proves, or where it ended; a clause without a period.
    pub proves: String,
}

/// What was found.
#[derive(Debug, Serialize)]
pub struct Verified {
    /// [`VERSION`].
    pub version: u32,
    /// The commit that was verified; none for HEAD with our files as they are in the work tree.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Whether the content was taken as from elsewhere.
    pub untrusted: bool,
    /// The level that was asked for.
    pub asked: Level,
    /// The levels that were tried, in order.
    pub levels: Vec<Reached>,
    /// What was found, errors first.
    pub findings: Vec<Finding>,
    /// What Nix said, when it was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nix: Option<Verification>,
    /// How the sessions' commands ended, when they were run again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replay: Option<Replay>,
}

impl Verified {
    /// Returns whether the level that was asked for holds.
    pub fn is_passed(&self) -> bool {
        self.levels.last().is_some_and(|last| last.level == self.asked && last.holds)
    }

    /// Notes a level.
    pub fn reach(&mut self, level: Level, holds: bool, proves: impl Into<String>) {
        self.levels.push(Reached { level, holds, proves: proves.into() });
    }

    /// Returns it as JSON, LF at the end.
    pub fn json(&self) -> anyhow::Result<String> {
        // A runner of GitHub takes `##[` for a command, wherever it stands in a line.
        Ok(serde_json::to_string_pretty(self)?.replace("##[", "#\\u0023[") + "\n")
    }
}
