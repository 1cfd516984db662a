//! A tree that may become a commit.

use std::fmt;
use std::fs;
use std::path::Path;
use std::thread;

use anyhow::{Context, Result, bail, ensure};
use git2::build::TreeUpdateBuilder;
use git2::{Delta, Diff, DiffFormat, ErrorCode, FileMode, Oid, Patch, Tree};

use super::files::{check_paths, parents};
use super::index::{self, Otherwise, Prepared};
use super::lock::{Lock, PAUSE, TRIES};
use super::unfinished::Note;
use super::{File, Head, Repository, said};

/// A tree in the object database, to be committed on top of the HEAD of when it was made.
pub struct Proposal<'a> {
    pub(super) repository: &'a Repository,
    tip: Option<Oid>,
    head: Head,
    pub(super) tree: Oid,
    empty: bool,
    changes: Vec<index::Change>,
}

/// A file that the commit changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its path; for people (U+FFFD stands for what is not UTF-8).
    pub path: String,
    /// What happens to it.
    pub kind: Kind,
    /// Lines that come; 0 for what is no text.
    pub insertions: usize,
    /// Lines that go; 0 for what is no text.
    pub deletions: usize,
}

/// What happens to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It is new.
    Added,
    /// It gets another content or mode.
    Modified,
    /// It goes.
    Deleted,
    /// It becomes another kind of thing: a symlink, a submodule.
    Retyped,
}

/// Tries until nobody else holds the lock, two seconds at most.
fn retry<T>(mut action: impl FnMut() -> Result<T, git2::Error>) -> Result<T, git2::Error> {
    for _ in 0..TRIES {
        match action() {
            Err(error) if error.code() == ErrorCode::Locked => thread::sleep(PAUSE),
            done => return done,
        }
    }
    action()
}

/// A commit that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// Its id.
    pub id: String,
    /// Where it went: a branch, or HEAD alone (with the id that HEAD was at before). Never [`Head::Unborn`].
    pub on: Head,
    /// Whether it is the first of its branch.
    pub first: bool,
}

/// HEAD is no longer what it was when the commit was proposed: nothing was committed, propose again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moved;

impl fmt::Display for Moved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HEAD moved since the commit was prepared; nothing was committed; try again")
    }
}

impl std::error::Error for Moved {}

impl Repository {
    /// Writes a tree into the object database: HEAD's with our files, and with `include_work` all that is staged, modified,
    /// deleted or untracked and not ignored. No ref, index or work tree is changed.
    pub fn propose(&self, files: &[File], include_work: bool) -> Result<Proposal<'_>> {
        check_paths(files)?;
        let (tip, head) = (self.tip()?, self.branch()?);
        let head_tree = tip.map(|tip| self.tree_of(tip)).transpose()?;
        let (base, mut changes) = if include_work {
            self.state()?;
            let (tree, changes) = self.work_tree()?;
            (Some(self.git.find_tree(tree).map_err(said)?), changes)
        } else {
            (head_tree.clone(), Vec::new())
        };
        let mut updates = TreeUpdateBuilder::new();
        for file in files {
            let path = file.path.as_str();
            self.check_place(path, base.as_ref())?;
            let version = |tree: Option<&Tree<'_>>| {
                let entry = tree?.get_path(Path::new(path)).ok()?;
                Some((entry.id(), entry.filemode() as u32))
            };
            let wanted = match &file.bytes {
                Some(bytes) => {
                    let blob = self.git.blob(bytes).map_err(said);
                    let blob = blob.with_context(|| format!("failed to write `{path}` into the object database"))?;
                    updates.upsert(path, blob, FileMode::Blob);
                    Some((blob, u32::from(FileMode::Blob)))
                }
                None => None,
            };
            if wanted.is_none() && version(base.as_ref()).is_some() {
                updates.remove(path);
            }
            changes.retain(|change| change.path != path.as_bytes());
            if self.checkout().is_none() {
                continue;
            }
            changes.push(index::Change {
                path: path.into(),
                seen: version(head_tree.as_ref()),
                wanted,
                otherwise: if include_work { Otherwise::Replace } else { Otherwise::Refuse },
            });
        }
        let base = match base {
            Some(base) => base,
            None => {
                let empty = self.git.treebuilder(None).and_then(|builder| builder.write()).map_err(said)?;
                self.git.find_tree(empty).map_err(said)?
            }
        };
        // Without a change of ours it is that tree to the byte, however odd; building one would tidy it up.
        let tree = match files {
            [] => base.id(),
            _ => {
                updates.create_updated(&self.git, &base).map_err(said).context("failed to write the tree to commit")?
            }
        };
        self.sync_objects()?;
        let empty = match head_tree {
            Some(head_tree) => head_tree.id() == tree,
            None => self.git.find_tree(tree).map_err(said)?.is_empty(),
        };
        Ok(Proposal { repository: self, tip, head, tree, empty, changes })
    }

    /// Fails when at the place of a file of ours, or of a folder of it, is something else.
    fn check_place(&self, path: &str, tree: Option<&Tree<'_>>) -> Result<()> {
        for (place, folder) in parents(path).map(|folder| (folder, true)).chain([(path, false)]) {
            let must = if folder { "folder" } else { "file" };
            let refuse = |what: &str, wher: &str| -> Result<()> {
                bail!("`{place}` is {what} {wher} where a {must} of agent-capture must be; move it away")
            };
            if let Some(entry) = tree.and_then(|tree| tree.get_path(Path::new(place)).ok()) {
                match (entry.filemode(), folder) {
                    (0o120_000, _) => refuse("a symlink", "at HEAD")?,
                    (0o160_000, _) => refuse("a submodule", "at HEAD")?,
                    (0o040_000, false) => refuse("a folder", "at HEAD")?,
                    (mode, true) if mode != 0o040_000 => refuse("a file", "at HEAD")?,
                    _ => {}
                }
            }
            if let Some(stat) = self.checkout().and_then(|root| fs::symlink_metadata(root.join(place)).ok()) {
                match stat.file_type() {
                    kind if kind.is_symlink() => refuse("a symlink", "in the work tree")?,
                    kind if kind.is_dir() && !folder => refuse("a folder", "in the work tree")?,
                    kind if kind.is_file() && folder => refuse("a file", "in the work tree")?,
                    kind if !kind.is_file() && !kind.is_dir() => {
                        refuse("no regular file", "in the work tree")?;
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }
}

impl Proposal<'_> {
    /// Returns whether a commit would change nothing.
    pub fn is_empty(&self) -> bool {
        self.empty
    }

    /// Returns whether the tree has a file at a path.
    pub fn has(&self, path: &str) -> bool {
        let tree = self.repository.git.find_tree(self.tree);
        tree.is_ok_and(|tree| tree.get_path(Path::new(path)).is_ok())
    }

    /// Returns the id of the tree.
    pub fn tree(&self) -> String {
        self.tree.to_string()
    }

    /// Returns the files that the commit changes, sorted by path.
    pub fn changes(&self) -> Result<Vec<Change>> {
        let diff = self.diff()?;
        let change = |(number, delta): (usize, git2::DiffDelta<'_>)| {
            let lines =
                Patch::from_diff(&diff, number).and_then(|patch| patch.map(|patch| patch.line_stats()).transpose());
            let (_, insertions, deletions) = lines.map_err(said)?.unwrap_or_default();
            let file = if delta.status() == Delta::Deleted { delta.old_file() } else { delta.new_file() };
            Ok(Change {
                path: String::from_utf8_lossy(file.path_bytes().unwrap_or_default()).into_owned(),
                kind: match delta.status() {
                    Delta::Added => Kind::Added,
                    Delta::Deleted => Kind::Deleted,
                    Delta::Typechange => Kind::Retyped,
                    _ => Kind::Modified,
                },
                insertions,
                deletions,
            })
        };
        diff.deltas().enumerate().map(change).collect()
    }

    /// Returns the commit's changes as a unified diff; for people (U+FFFD stands for what is not UTF-8).
    pub fn patch(&self) -> Result<String> {
        let mut text = Vec::new();
        let print = self.diff()?.print(DiffFormat::Patch, |_, _, line| {
            if matches!(line.origin(), '+' | '-' | ' ') {
                text.push(line.origin() as u8);
            }
            text.extend_from_slice(line.content());
            true
        });
        print.map_err(said).context("failed to compare the commit with HEAD")?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    /// Fails when [`Proposal::commit`] would, so that one knows before a long verification: see [`Repository::state`]; and
    /// when git knows no author, commits must be signed and no key is named, HEAD moved ([`Moved`]), or something else is staged at a path of
    /// ours.
    pub fn ready(&self) -> Result<()> {
        self.repository.state()?;
        let [_, committer] = self.repository.people()?;
        self.repository.signer(&committer)?;
        self.check_head()?;
        if self.repository.checkout().is_none() {
            return Ok(());
        }
        let index = self.repository.index()?;
        self.changes.iter().try_for_each(|change| change.is_due(&index).map(drop))
    }

    /// Commits the tree on top of HEAD, and makes the index follow at the paths it changes. Nothing is committed when HEAD
    /// moved since the proposal ([`Moved`]), or when another git is at work.
    pub fn commit(&self, message: &str) -> Result<Committed> {
        self.repository.finish_commit()?;
        self.ready()?;
        let git = &self.repository.git;
        let [author, committer] = self.repository.people()?;
        let message =
            git2::message_prettify(message, None).map_err(said).context("failed to read the commit message")?;
        ensure!(!message.is_empty(), "the commit message is empty");
        let tree = git.find_tree(self.tree).map_err(said)?;
        let parent = self.tip.map(|tip| git.find_commit(tip)).transpose().map_err(said)?;
        let parents: Vec<_> = parent.iter().collect();
        let text = git.commit_create_buffer(&author, &committer, &message, &tree, &parents).map_err(said)?;
        let text = std::str::from_utf8(&text).context("the commit is no UTF-8")?;
        // It may take a person to unlock a key: nothing is locked meanwhile.
        let signature = self.repository.signer(&committer)?.map(|signer| signer.sign(text.as_bytes())).transpose()?;

        let prepared = self.repository.checkout().map(|root| self.prepare(root)).transpose()?;
        let id = match &signature {
            Some(signature) => git.commit_signed(text, signature, None),
            None => git.commit(None, &author, &committer, &message, &tree, &parents),
        };
        let id = id.map_err(said);
        let id = id.context("failed to write the commit")?;
        self.repository.sync_objects()?;
        let reference = self.repository.moving()?;
        let note = Note::write(self.repository.git_dir(), &reference, id).context("failed to note the commit")?;
        if let Err(error) = self.move_head(&reference, id, &message) {
            // It may have moved all the same, and only the disk could not say that it has it.
            if self.repository.tip()? != Some(id) {
                note.clear();
                return Err(error);
            }
        }
        prepared.map_or(Ok(()), Prepared::publish).with_context(|| {
            let paths: Vec<_> = self.changes.iter().map(|change| String::from_utf8_lossy(&change.path)).collect();
            format!("commit {id} stands, but the index does not show it yet; run `git reset -q -- {}`", paths.join(" "))
        })?;
        note.clear();
        let on = match &self.head {
            Head::Unborn(name) | Head::New(name) => Head::Branch(name.clone()),
            other => other.clone(),
        };
        Ok(Committed { id: id.to_string(), on, first: self.tip.is_none() })
    }

    /// Locks the index, and writes beside it what it shall be.
    fn prepare(&self, root: &Path) -> Result<Prepared> {
        let lock = Lock::take(&self.repository.index_path()?)?;
        // Before the index is read: what is there then belongs to this commit.
        self.check_head()?;
        lock.prepare(root, &self.changes).context("failed to prepare the index")
    }

    fn check_head(&self) -> Result<()> {
        let same = self.repository.tip()? == self.tip && self.repository.branch()? == self.head;
        if same { Ok(()) } else { Err(Moved.into()) }
    }

    /// Moves the branch, or a detached HEAD, from the commit that was seen to the new one, if it is still there.
    fn move_head(&self, name: &str, id: Oid, message: &str) -> Result<()> {
        let git = &self.repository.git;
        let subject = message.lines().next().unwrap_or_default();
        let moved = retry(|| match self.tip {
            Some(tip) if !matches!(self.head, Head::New(_)) => {
                git.reference_matching(name, id, true, tip, &format!("commit: {subject}"))
            }
            Some(_) => git.reference(name, id, false, &format!("commit: {subject}")),
            None => git.reference(name, id, false, &format!("commit (initial): {subject}")),
        });
        match moved {
            Ok(_) => Ok(()),
            Err(error) if matches!(error.code(), ErrorCode::Modified | ErrorCode::Exists) => Err(Moved.into()),
            Err(error) => {
                Err(said(error)).with_context(|| format!("failed to move `{name}` to {id}; nothing was committed"))
            }
        }
    }

    fn diff(&self) -> Result<Diff<'_>> {
        let old = self.tip.map(|tip| self.repository.tree_of(tip)).transpose()?;
        let new = self.repository.git.find_tree(self.tree).map_err(said)?;
        let diff = self.repository.git.diff_tree_to_tree(old.as_ref(), Some(&new), None);
        diff.map_err(said).context("failed to compare the commit with HEAD")
    }
}
