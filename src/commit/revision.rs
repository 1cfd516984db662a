//! What a revision holds, read from the object database: what is verified is what is committed, whatever the work tree says.

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail, ensure};
use git2::{ErrorCode, ObjectType, Oid, TreeWalkMode};

use super::{Repository, export, said};
use crate::console::escape;

/// The most files below a folder that are listed.
const MOST: usize = 20_000;

/// A commit, and its tree.
pub struct Revision<'a> {
    repository: &'a Repository,
    commit: Oid,
    tree: Oid,
}

/// A file of a revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its path from the root; for people (U+FFFD stands for what is not UTF-8).
    pub path: String,
    /// What it is, in words, when it is no file: a symlink, a submodule.
    pub other: Option<&'static str>,
    id: Oid,
}

impl Repository {
    /// Returns the commit that a name stands for: an id, a branch, `HEAD~2`.
    pub fn revision(&self, name: &str) -> Result<Revision<'_>> {
        let plain = !name.is_empty() && name.len() <= 256 && !name.starts_with('-') && !name.contains(char::is_control);
        ensure!(plain, "`{}` names no revision", escape(name));
        let found = self.git.revparse_single(name).and_then(|object| object.peel_to_commit());
        let commit = found.map_err(|error| match error.code() {
            ErrorCode::NotFound => anyhow!(
                "there is no revision `{}` here; a shallow clone lacks it: `git fetch origin {}`",
                escape(name),
                escape(name.strip_prefix("origin/").unwrap_or(name))
            ),
            _ => said(error).context(format!("failed to find the revision `{}`", escape(name))),
        })?;
        Ok(Revision { repository: self, commit: commit.id(), tree: commit.tree_id() })
    }
}

impl Revision<'_> {
    /// Returns the commit's id.
    pub fn id(&self) -> String {
        self.commit.to_string()
    }

    /// Returns the id of the tree.
    pub fn tree(&self) -> String {
        self.tree.to_string()
    }

    /// Returns what is at a path, none when nothing is.
    pub fn entry(&self, path: &str) -> Result<Option<Entry>> {
        let tree = self.repository.git.find_tree(self.tree).map_err(said)?;
        match tree.get_path(Path::new(path)) {
            Ok(entry) => Ok(Some(Entry { path: path.to_owned(), other: other(entry.filemode()), id: entry.id() })),
            Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
            Err(error) => Err(said(error)).with_context(|| format!("failed to read `{path}` of {}", self.commit)),
        }
    }

    /// Returns all files below a folder, and the folder itself when it is none; sorted by path.
    pub fn entries(&self, folder: &str) -> Result<Vec<Entry>> {
        let Some(top) = self.entry(folder)? else { return Ok(Vec::new()) };
        let git = &self.repository.git;
        let Ok(tree) = git.find_tree(top.id) else { return Ok(vec![top]) };
        let (mut entries, mut too_many) = (Vec::new(), false);
        let walked = tree.walk(TreeWalkMode::PreOrder, |inside, entry| {
            if entry.kind() != Some(ObjectType::Tree) {
                let path = format!("{folder}/{inside}{}", String::from_utf8_lossy(entry.name_bytes()));
                entries.push(Entry { path, other: other(entry.filemode()), id: entry.id() });
            }
            too_many = entries.len() > MOST;
            if too_many { -1 } else { 0 }
        });
        if too_many {
            bail!("there are more than {MOST} files in `{folder}` of {}", self.commit);
        }
        walked.map_err(said).with_context(|| format!("failed to list `{folder}` of {}", self.commit))?;
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(entries)
    }

    /// Returns the length of a file in bytes.
    pub fn length(&self, entry: &Entry) -> Result<u64> {
        let header = self.repository.git.odb().and_then(|odb| odb.read_header(entry.id));
        let (length, _) = header.map_err(said).with_context(|| format!("failed to read `{}`", escape(&entry.path)))?;
        Ok(length as u64)
    }

    /// Returns the content of a file.
    pub fn read(&self, entry: &Entry) -> Result<Vec<u8>> {
        let blob = self.repository.git.find_blob(entry.id).map_err(said);
        let blob = blob.with_context(|| format!("failed to read `{}` of {}", escape(&entry.path), self.commit))?;
        Ok(blob.content().to_vec())
    }

    /// Writes the tree into an empty folder, as [`Proposal::export`](super::Proposal::export) does.
    pub fn export(&self, into: &Path) -> Result<()> {
        export::tree(self.repository, self.tree, into)
    }
}

/// Says what is no file.
fn other(mode: i32) -> Option<&'static str> {
    match mode {
        0o120_000 => Some("a symlink"),
        0o160_000 => Some("a submodule"),
        0o040_000 => Some("a folder"),
        _ => None,
    }
}
