//! Flakes that the session's `nix` commands used.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::nix::{NoInput, Source};

/// A flake, and what Nix said of it when the session closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UsedFlake {
    /// The flakeref as a command line names it.
    pub flakeref: String,
    /// What it stood for, when it can be an input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// The store paths of those of its packages that were asked for, by name: one for each output. Those of a shell,
    /// `devShells.NAME`, are of the packages that it brings.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub packages: BTreeMap<String, BTreeSet<String>>,
    /// Why it can be no input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<NoInput>,
}
