//! A commit that a process began and did not end, because it was killed or the disk failed: the branch moved, or was about to,
//! and the index does not follow yet. It is noted before the branch moves, and the next agent-capture brings it to its end.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Context, Result, bail};
use git2::{Oid, Reference, Tree};
use rustix::fs::{FlockOperation, flock};

use super::index::{Change, Otherwise};
use super::lock::{Lock, PAUSE, TRIES, dead, is_at};
use super::{Repository, said};

/// The note of a commit that is being made; it has a flock while its process lives.
#[derive(Debug)]
pub(super) struct Note {
    path: PathBuf,
    _file: File,
}

fn place(git_dir: &Path) -> PathBuf {
    git_dir.join("agent-capture").join("committing")
}

impl Note {
    /// Notes, on the disk, that a reference is about to move to a commit.
    pub(super) fn write(git_dir: &Path, reference: &str, id: Oid) -> Result<Self> {
        let path = place(git_dir);
        let folder = path.parent().context("the note has no folder")?;
        fs::create_dir_all(folder)?;
        let mut file = hold(&path)?;
        file.set_len(0)?;
        file.write_all(format!("{reference}\n{id}\n").as_bytes())?;
        file.sync_all()?;
        File::open(folder)?.sync_all()?;
        Ok(Self { path, _file: file })
    }

    /// Forgets it: all is done. One that cannot be removed does no harm.
    pub(super) fn clear(self) {
        drop(fs::remove_file(&self.path));
    }
}

/// Opens the note and takes its flock; waits two seconds at most for another process that commits.
fn hold(path: &Path) -> Result<File> {
    for _ in 0..TRIES {
        let opened = OpenOptions::new().write(true).create(true).truncate(false).open(path);
        let file = opened.with_context(|| format!("failed to open `{}`", path.display()))?;
        // Whoever had it may have removed it before it gave it back.
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok() && is_at(&file, path) {
            return Ok(file);
        }
        thread::sleep(PAUSE);
    }
    bail!("another agent-capture is committing here; wait for it")
}

impl Repository {
    /// Brings a commit to its end that a killed process left: takes its locks away, and has the index follow when HEAD is at
    /// it. Nothing is done while its process lives.
    pub fn finish_commit(&self) -> Result<()> {
        if self.target.is_none() {
            Lock::give_back(&self.index_path()?);
        }
        let path = place(self.git_dir());
        let Some((_held, text)) = dead(&path) else { return Ok(()) };
        let note = std::str::from_utf8(&text).ok().and_then(|text| text.split_once('\n'));
        if let Some((reference, id)) = note.filter(|(name, id)| Reference::is_valid_name(name) && id.len() == 41) {
            self.unlock(reference, id);
            let id = Oid::from_str(id.trim_end()).map_err(said)?;
            if self.target.is_none() && self.tip()? == Some(id) {
                self.follow(id).context("failed to have the index follow the last commit")?;
            }
        }
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(error).with_context(|| format!("failed to remove `{}`", path.display()))
            }
            _ => Ok(()),
        }
    }

    /// Removes the lock of a reference that was to become this commit: nobody else can have written that.
    fn unlock(&self, reference: &str, id: &str) {
        let folder = if reference == "HEAD" { self.git_dir() } else { self.git.commondir() };
        let path = folder.join(format!("{reference}.lock"));
        if fs::read(&path).is_ok_and(|found| id.as_bytes().starts_with(&found)) {
            drop(fs::remove_file(path));
        }
    }

    /// Has the index follow a commit at the paths that it changes, where they are still as before.
    fn follow(&self, id: Oid) -> Result<()> {
        let commit = self.git.find_commit(id).map_err(said)?;
        let tree = commit.tree().map_err(said)?;
        let parent = commit.parent(0).ok().map(|parent| parent.tree()).transpose().map_err(said)?;
        let diff = self.git.diff_tree_to_tree(parent.as_ref(), Some(&tree), None).map_err(said)?;
        let version = |tree: Option<&Tree>, path: &Path| {
            let entry = tree?.get_path(path).ok()?;
            Some((entry.id(), entry.filemode().cast_unsigned()))
        };
        let changes = diff.deltas().filter_map(|delta| {
            let path = delta.new_file().path().or(delta.old_file().path())?;
            let (seen, wanted) = (version(parent.as_ref(), path), version(Some(&tree), path));
            let path = delta.new_file().path_bytes().or(delta.old_file().path_bytes())?.to_vec();
            Some(Change { path, seen, wanted, otherwise: Otherwise::Keep })
        });
        let changes: Vec<Change> = changes.collect();
        Lock::take(&self.index_path()?)?.prepare(self.root(), &changes)?.publish()
    }
}
