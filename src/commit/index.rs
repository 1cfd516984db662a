//! The index, changed as git changes it: lock, read, write beside, rename.
//!
//! libgit2 locks the index only while it writes it, so what somebody staged between its reading and its writing would be
//! lost. Here the lock is held from before the reading.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::{Context, Result, bail};
use git2::{Index, IndexEntry, IndexTime, ObjectType, Oid};
use tempfile::TempPath;

use super::lock::{COPY, Lock};
use super::said;

const INTENT_TO_ADD: u16 = 1 << 13;
const SKIP_WORKTREE: u16 = 1 << 14;
const ASSUME_UNCHANGED: u16 = 1 << 15;

/// What the index or a tree holds at a path: the object and the mode.
pub(super) type Version = (Oid, u32);

/// One path of the index that is to follow the commit.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) path: Vec<u8>,
    /// What was there when the commit was proposed.
    pub(super) seen: Option<Version>,
    /// What the commit holds.
    pub(super) wanted: Option<Version>,
    /// What to do when somebody staged something else meanwhile.
    pub(super) otherwise: Otherwise,
}

/// What to do with a path that holds neither what was seen nor what is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Otherwise {
    Refuse,
    Keep,
    Replace,
}

impl Change {
    /// Returns whether the index is to be changed here; an error when something staged would be lost.
    pub(super) fn is_due(&self, index: &Index) -> Result<bool> {
        let entry = index.get_path(to_path(&self.path), 0);
        let intended = entry.as_ref().is_some_and(is_intent_to_add);
        let now = entry.map(|entry| (entry.id, entry.mode));
        if now == self.wanted && !intended {
            return Ok(false);
        }
        if self.wanted.is_some()
            && let Some(other) = collision(index, &self.path)
        {
            if self.otherwise == Otherwise::Keep {
                return Ok(false);
            }
            bail!("`{other}` is staged where `{}` must be; unstage it", String::from_utf8_lossy(&self.path));
        }
        if now == self.seen || intended || self.otherwise == Otherwise::Replace {
            return Ok(true);
        }
        if self.otherwise == Otherwise::Refuse {
            let path = String::from_utf8_lossy(&self.path);
            bail!(
                "`{path}` has staged changes that would be lost; commit them, or run `git restore --staged -- {path}`"
            );
        }
        Ok(false)
    }
}

/// Returns what is staged as a file where a folder of `path` must be, or below `path`.
fn collision(index: &Index, path: &[u8]) -> Option<String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let folders = (0..path.len()).filter(|&at| path[at] == b'/').map(|end| &path[..end]);
    let above = folders.into_iter().find(|folder| index.get_path(to_path(folder), 0).is_some()).map(text);
    let below =
        || index.find_prefix([path, b"/"].concat()).ok().and_then(|at| index.get(at)).map(|entry| text(&entry.path));
    above.or_else(below)
}

/// Returns the path that these bytes are.
pub(super) fn to_path(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}

/// Returns whether `git add --intent-to-add` made the entry: it holds no content yet.
pub(super) fn is_intent_to_add(entry: &IndexEntry) -> bool {
    entry.flags_extended & INTENT_TO_ADD != 0
}

/// Returns whether the user told git not to look into the work tree for it (sparse checkouts do so).
pub(super) fn is_hidden(entry: &IndexEntry) -> bool {
    entry.flags_extended & SKIP_WORKTREE != 0 || entry.flags & ASSUME_UNCHANGED != 0
}

impl Lock {
    /// Writes the index as it shall be, on the disk but not in its place yet. Returns what puts it there.
    pub(super) fn prepare(self, root: &Path, changes: &[Change]) -> Result<Prepared> {
        let folder = self.index.parent().context("the index is in no folder")?;
        let copy = tempfile::Builder::new().prefix(COPY).tempfile_in(folder)?.into_temp_path();
        let before = match fs::read(&self.index) {
            Ok(bytes) => {
                fs::write(&copy, bytes)?;
                Some(fs::metadata(&self.index)?)
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                fs::remove_file(&copy)?;
                None
            }
            Err(error) => return Err(error.into()),
        };
        let mut index = Index::open(&copy).map_err(said)?;
        if let Some(before) = &before {
            distrust(&mut index, before)?;
        }
        let (gone, there): (Vec<_>, Vec<_>) = changes.iter().partition(|change| change.wanted.is_none());
        for change in gone.into_iter().chain(there) {
            if !change.is_due(&index)? {
                continue;
            }
            match change.wanted {
                Some(version) => index.add(&entry(root, &change.path, version)).map_err(said)?,
                None => index.remove(to_path(&change.path), 0).map_err(said)?,
            }
        }
        index.write().map_err(said)?;
        let written = File::open(&copy)?;
        if let Some(before) = before {
            written.set_permissions(before.permissions())?;
        }
        written.sync_all()?;
        Ok(Prepared { lock: self, copy })
    }
}

/// A new index beside the old one, which is still locked.
#[derive(Debug)]
pub(super) struct Prepared {
    lock: Lock,
    copy: TempPath,
}

impl Prepared {
    /// Puts the new index in the place of the old one and gives the lock back.
    pub(super) fn publish(self) -> Result<()> {
        let Self { lock, copy } = self;
        copy.persist(&lock.index)?;
        if let Some(folder) = lock.index.parent() {
            File::open(folder)?.sync_all()?;
        }
        Ok(())
    }
}

/// Makes git look into each file that may have changed after it was read, as git does when it writes an index: one that is
/// not older than the index. By the new index's time it would seem to be.
fn distrust(index: &mut Index, before: &fs::Metadata) -> Result<()> {
    // In whole seconds: most builds of git compare no finer.
    let young = |time: IndexTime| time.seconds() >= before.mtime() as i32;
    let racy =
        |entry: &IndexEntry| entry.mode & 0o170_000 == 0o100_000 && entry.flags >> 12 & 3 == 0 && young(entry.mtime);
    let entries: Vec<_> = index.iter().filter(racy).collect();
    for mut entry in entries {
        entry.file_size = 0;
        index.add(&entry).map_err(said)?;
    }
    Ok(())
}

/// Returns an entry for a file of the commit, with the times and numbers of the one in the work tree when that is the same,
/// else with a size that makes git look.
fn entry(root: &Path, path: &[u8], (id, mode): Version) -> IndexEntry {
    let there = root.join(to_path(path));
    let stat = fs::symlink_metadata(&there).ok().filter(|stat| {
        let executable = stat.mode() & 0o100 != 0;
        stat.is_file()
            && executable == (mode & 0o100 != 0)
            && Oid::hash_file(ObjectType::Blob, &there).is_ok_and(|found| found == id)
    });
    let number = |read: fn(&fs::Metadata) -> u64| stat.as_ref().map_or(0, |stat| read(stat) as u32);
    let time = |seconds: fn(&fs::Metadata) -> i64, nanoseconds: fn(&fs::Metadata) -> i64| {
        let (seconds, nanoseconds) = stat.as_ref().map_or((0, 0), |stat| (seconds(stat), nanoseconds(stat)));
        IndexTime::new(seconds as i32, nanoseconds as u32)
    };
    IndexEntry {
        ctime: time(MetadataExt::ctime, MetadataExt::ctime_nsec),
        mtime: time(MetadataExt::mtime, MetadataExt::mtime_nsec),
        dev: number(MetadataExt::dev),
        ino: number(MetadataExt::ino),
        mode,
        uid: stat.as_ref().map_or(0, MetadataExt::uid),
        gid: stat.as_ref().map_or(0, MetadataExt::gid),
        file_size: number(MetadataExt::size),
        id,
        flags: 0,
        flags_extended: 0,
        path: path.to_vec(),
    }
}
