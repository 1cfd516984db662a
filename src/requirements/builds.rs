//! Packages whose building is the work.

use serde::{Deserialize, Serialize};

/// What of a package is needed in whose development environment a session worked: `nix develop nixpkgs#hello`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Builds {
    /// What it is built with.
    Only,
    /// That, and it itself.
    Too,
}
