//! Merges: what each side has of a file, while git cannot decide and after it did.

use std::path::Path;

use anyhow::{Context, Result};
use git2::{IndexEntry, RepositoryState};

use super::index::{is_hidden, to_path};
use super::{Repository, Revision, said};

/// What other operations than a merge call the commit that comes to HEAD.
const COMING: [&str; 4] = ["MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "REBASE_HEAD"];

/// A file that git could not merge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// Its path; for people (U+FFFD stands for what is not UTF-8).
    pub path: String,
    /// What both sides began with.
    pub base: Option<Vec<u8>>,
    /// What the sides have, ours first; a side that removed it has none.
    pub sides: Vec<Vec<u8>>,
}

impl Repository {
    /// Returns the files of these paths that git could not merge, as the index has them.
    pub fn conflicts(&self, of: &dyn Fn(&str) -> bool) -> Result<Vec<Conflict>> {
        if self.checkout().is_none() {
            return Ok(Vec::new());
        }
        let index = self.index()?;
        let conflicts = index.conflicts().map_err(said).context("failed to read the conflicts in the index")?;
        let mut all = Vec::new();
        for conflict in conflicts {
            let conflict = conflict.map_err(said).context("failed to read the conflicts in the index")?;
            let entries = [&conflict.ancestor, &conflict.our, &conflict.their];
            let path = entries.iter().find_map(|entry| entry.as_ref()).map(|entry| entry.path.clone());
            let path = String::from_utf8_lossy(&path.unwrap_or_default()).into_owned();
            if !of(&path) {
                continue;
            }
            let read = |entry: &Option<IndexEntry>| {
                entry.as_ref().map(|entry| self.content(&path, entry.id, entry.mode.cast_signed())).transpose()
            };
            let [base, ours, theirs] = entries.map(read);
            let sides = [ours?, theirs?].into_iter().flatten().collect();
            all.push(Conflict { base: base?, sides, path });
        }
        Ok(all)
    }

    /// Returns the commits that are being merged, or, when HEAD is a merge, those that were. None otherwise.
    pub fn sides(&self) -> Result<Vec<Revision<'_>>> {
        if self.is_merging() {
            let coming = COMING.iter().find_map(|name| self.revision(name).ok());
            let head = self.head()?.map(|head| self.revision(&head)).transpose()?;
            return Ok(coming.map_or_else(Vec::new, |coming| head.into_iter().chain([coming]).collect()));
        }
        let Some(tip) = self.tip()? else { return Ok(Vec::new()) };
        let commit = self.git.find_commit(tip).map_err(said)?;
        let parents: Vec<String> = commit.parent_ids().map(|id| id.to_string()).collect();
        if parents.len() < 2 {
            return Ok(Vec::new());
        }
        // A shallow clone lacks the parents.
        Ok(parents.iter().filter_map(|id| self.revision(id).ok()).collect())
    }

    /// Returns whether a merge, a rebase or the like is in progress.
    pub fn is_merging(&self) -> bool {
        self.checkout().is_some() && self.git.state() != RepositoryState::Clean
    }

    /// Returns a file as it is in the index, none when it is not in it, or in conflict.
    pub fn staged(&self, path: &str) -> Result<Option<Vec<u8>>> {
        let entry = self.index()?.get_path(to_path(path.as_bytes()), 0);
        entry.map(|entry| self.content(path, entry.id, entry.mode.cast_signed())).transpose()
    }

    /// Returns those of some paths that were taken out of the work tree; what a sparse checkout hides was not.
    pub fn gone<'a>(&self, paths: impl Iterator<Item = &'a str>) -> Result<Vec<&'a str>> {
        let Some(root) = self.checkout() else { return Ok(Vec::new()) };
        let absent: Vec<&str> = paths.filter(|path| root.join(path).symlink_metadata().is_err()).collect();
        if absent.is_empty() {
            return Ok(absent);
        }
        let index = self.index()?;
        let hidden = |path: &str| index.get_path(to_path(path.as_bytes()), 0).as_ref().is_some_and(is_hidden);
        Ok(absent.into_iter().filter(|path| !hidden(path)).collect())
    }
}

impl Revision<'_> {
    /// Returns a file's content; none when there is no such file.
    pub fn bytes(&self, path: &str) -> Result<Option<Vec<u8>>> {
        let entry = self.entry(path)?.filter(|entry| entry.other.is_none());
        let context = || format!("failed to read `{}` of {}", Path::new(path).display(), self.id());
        entry.map(|entry| self.read(&entry)).transpose().with_context(context)
    }
}
