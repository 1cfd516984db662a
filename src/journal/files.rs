//! Files of the project that say which tools and packages it has.

use serde::{Deserialize, Serialize};

use super::is_default;
use crate::nix::NarHash;

/// A well-known file of the project.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProjectFile {
    /// Its path, relative to the project's root.
    pub path: String,
    /// What it says, two words each: a tool and its version, or `bin` and the name of a program that a build makes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub says: Vec<String>,
    /// What it keeps, when it is a lock file that was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keeps: Option<Locked>,
    /// Hash of all that it requires, as Nix fetches that: found by building it when the session closed, where no file says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<NarHash>,
}

/// What a lock file keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Locked {
    /// How many packages it keeps that come from elsewhere.
    pub packages: u64,
    /// How many of those it names without a hash by which Nix could fetch them: packages of git, of other registries.
    #[serde(default, skip_serializing_if = "is_default")]
    pub unhashed: u64,
}
