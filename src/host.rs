//! What this machine knows of a path: the package that owns it, and its version. Read once, when a session closes.

use serde::{Deserialize, Serialize};

/// A package of the host.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Owner {
    /// The package manager: `dpkg`.
    pub manager: String,
    /// The package's name, without an architecture.
    pub package: String,
    /// Its version, as the package manager writes it.
    pub version: String,
}
