//! Captures that were committed before.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result};
use git2::{Commit, ObjectType, Oid, Tree};

use super::{Repository, Revision, said};
use crate::console::escape;

/// The trailer by which a capture is known.
pub const TRAILER: &str = "Agent-Capture-Session";

/// How far back a capture is looked for.
const FARTHEST: usize = 10_000;

/// A commit that is a capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Past {
    /// Its id.
    pub id: String,
    /// The first line of its message.
    pub subject: String,
    /// What it changed, by path.
    pub changes: Vec<PastChange>,
}

/// A file that a capture changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastChange {
    /// Its path.
    pub path: String,
    /// The content before, none when it was not there.
    pub before: Option<Vec<u8>>,
    /// The content after, none when it was removed.
    pub after: Option<Vec<u8>>,
}

impl Repository {
    /// Returns the last capture on the way of first parents from HEAD that no later commit reverts.
    pub fn last_capture(&self) -> Result<Option<Past>> {
        let mut reverted = BTreeSet::new();
        let mut next = self.tip()?;
        for _ in 0..FARTHEST {
            let Some(id) = next else { break };
            let commit = self.git.find_commit(id).map_err(said)?;
            let message = String::from_utf8_lossy(commit.message_bytes()).into_owned();
            let undone = message.lines().filter_map(|line| line.strip_prefix("This reverts commit "));
            let undone: Vec<String> = undone.map(|id| id.trim_end_matches('.').to_owned()).collect();
            let is_capture =
                message.lines().any(|line| line.strip_prefix(TRAILER).is_some_and(|rest| rest.starts_with(':')));
            if is_capture && undone.is_empty() && !reverted.contains(&id.to_string()) {
                return self.past(&commit).map(Some).with_context(|| format!("failed to read the capture {id}"));
            }
            reverted.extend(undone);
            next = commit.parent_id(0).ok();
        }
        Ok(None)
    }

    /// Returns the last commit, on the way of first parents from HEAD, in which a file has other content than this (none: in
    /// which it is there at all). None when it was never other.
    pub fn last_other(&self, path: &str, content: Option<&[u8]>) -> Result<Option<Revision<'_>>> {
        let blob = content.map(|bytes| Oid::hash_object(ObjectType::Blob, bytes)).transpose().map_err(said)?;
        let mut next = self.tip()?;
        for _ in 0..FARTHEST {
            let Some(id) = next else { break };
            let commit = self.git.find_commit(id).map_err(said)?;
            let tree = commit.tree().map_err(said)?;
            if tree.get_path(Path::new(path)).ok().map(|entry| entry.id()) != blob {
                return self.revision(&id.to_string()).map(Some);
            }
            next = commit.parent_id(0).ok();
        }
        Ok(None)
    }

    /// Returns the last commit that two revisions have in common.
    pub fn fork_point(&self, one: &str, other: &str) -> Result<Revision<'_>> {
        let id = |name: &str| Oid::from_str(&self.revision(name)?.id()).map_err(said);
        let base = self.git.merge_base(id(one)?, id(other)?).map_err(said);
        let base = base.with_context(|| {
            let (one, other) = (escape(one), escape(other));
            format!("failed to find a commit that `{one}` and `{other}` have in common; a shallow clone may lack it")
        });
        self.revision(&base?.to_string())
    }

    fn past(&self, commit: &Commit<'_>) -> Result<Past> {
        let tree = commit.tree().map_err(said)?;
        let parent = commit.parent(0).ok().map(|parent| parent.tree()).transpose().map_err(said)?;
        let diff = self.git.diff_tree_to_tree(parent.as_ref(), Some(&tree), None).map_err(said)?;
        let mut changes = Vec::new();
        for delta in diff.deltas() {
            let path = delta.new_file().path_bytes().or(delta.old_file().path_bytes()).unwrap_or_default();
            let path = String::from_utf8_lossy(path).into_owned();
            let before = parent.as_ref().map(|parent| self.version(parent, &path)).transpose()?.flatten();
            changes.push(PastChange { before, after: self.version(&tree, &path)?, path });
        }
        let subject = String::from_utf8_lossy(commit.summary_bytes().unwrap_or_default()).into_owned();
        Ok(Past { id: commit.id().to_string(), subject, changes })
    }

    /// Returns a file of a tree.
    fn version(&self, tree: &Tree<'_>, path: &str) -> Result<Option<Vec<u8>>> {
        let Ok(entry) = tree.get_path(Path::new(path)) else { return Ok(None) };
        Ok(self.git.find_blob(entry.id()).ok().map(|blob| blob.content().to_vec()))
    }
}
