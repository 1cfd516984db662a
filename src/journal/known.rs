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
