//! How a session is named, and how what is in its journal.

use std::fmt;

use anyhow::{bail, ensure};
use serde::{Deserialize, Serialize};

/// Names a session and its folder: 1 to 64 lower-case letters, digits and `-`, first no `-`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SessionId(String);

impl SessionId {
    /// Parses a session's name.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let valid = (1..=64).contains(&text.len())
            && !text.starts_with('-')
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        ensure!(
            valid,
            "`{}` cannot name a session: use 1 to 64 lower-case letters, digits and `-`",
            text.escape_default()
        );
        Ok(Self(text.to_owned()))
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for SessionId {
    type Error = anyhow::Error;
    fn try_from(text: String) -> anyhow::Result<Self> {
        Self::parse(&text)
    }
}

impl From<SessionId> for String {
    fn from(id: SessionId) -> Self {
        id.0
    }
}

/// The id of an entry: a letter and a number from 1. Libraries (`l`), headers (`h`) and modules (`m`) are numbered as they
/// are listed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Ref {
    kind: char,
    number: u32,
}

impl Ref {
    /// Returns the id with this letter and number.
    pub fn new(kind: char, number: usize) -> Self {
        Self { kind, number: u32::try_from(number).unwrap_or(u32::MAX) }
    }
}

impl Ref {
    /// Returns whether it is the id of a [`Program`].
    pub fn is_program(&self) -> bool {
        self.kind == 'p'
    }

    /// Returns whether it is the id of a library, header or module.
    pub fn is_part(&self) -> bool {
        "hlm".contains(self.kind)
    }

    /// Returns its letter and its place, from 0.
    pub(super) fn place(&self) -> (char, usize) {
        (self.kind, (self.number as usize).wrapping_sub(1))
    }
}

impl PartialOrd for Ref {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ref {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.kind, self.number).cmp(&(other.kind, other.number))
    }
}

impl fmt::Display for Ref {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.kind, self.number)
    }
}

impl TryFrom<String> for Ref {
    type Error = anyhow::Error;
    fn try_from(text: String) -> anyhow::Result<Self> {
        let kind = text.chars().next().filter(|kind| "chilmp".contains(*kind));
        let number =
            text.get(1..).filter(|digits| !digits.starts_with(['0', '+'])).and_then(|digits| digits.parse().ok());
        match (kind, number) {
            (Some(kind), Some(number)) => Ok(Self { kind, number }),
            _ => bail!("`{}` is no entry's id (c1, p1, i1, l1, …)", text.escape_default()),
        }
    }
}

impl From<Ref> for String {
    fn from(id: Ref) -> Self {
        id.to_string()
    }
}
