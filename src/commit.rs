//! What is committed, and how: git through libgit2; the git program runs hooks only, for those who ask for that.
//!
//! A [`Proposal`] is a tree: HEAD's plus our files, and with `include_work` the user's uncommitted work. It lies in the
//! object database, where nobody sees it, until it is verified and [committed](Proposal::commit). The commit holds exactly
//! that; the index is changed for those paths only, under git's own lock, so what the user staged stays staged.

use std::fmt;

mod choice;
mod export;
mod files;
mod hooks;
mod index;
mod lock;
mod open;
mod past;
mod proposal;
mod repository;
mod revision;
mod sides;
mod sign;
mod unfinished;
mod work;

pub use export::track;
pub use files::{File, write_files};
pub use hooks::Refused;
pub use past::{Past, PastChange, TRAILER};
pub use proposal::{Change, Committed, Kind, Moved, Proposal};
pub use repository::{Head, Repository};
pub use revision::{Entry, Revision};
pub use sides::Conflict;
pub use work::Work;

/// What libgit2 says, without its class and code in the message.
#[derive(Debug)]
struct Said(git2::Error);

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.message())
    }
}

impl std::error::Error for Said {}

fn said(error: git2::Error) -> anyhow::Error {
    Said(error).into()
}
