//! `index.lock`, git's own lock of the index, held so that one can tell when its holder is dead.
//!
//! The file's existence is the lock, so one that a killed process left behind stops everybody. Ours says that it is ours and
//! which reference was about to move, and has a flock(2) besides, which ends with the process: the next agent-capture takes
//! over what a killed one left, and never what another git holds.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use git2::{Oid, Reference};
use rustix::fs::{AtFlags, CWD, FlockOperation, Mode, OFlags, flock, linkat, openat};
use tempfile::TempPath;

pub(super) const TRIES: u32 = 20;
pub(super) const PAUSE: Duration = Duration::from_millis(100);

/// What a lock of ours begins with; git's are empty or begin with `DIRC`.
const MARK: &[u8] = b"agent-capture\n";

/// What a new index is called until it is in its place.
pub(super) const COPY: &str = "index.agent-capture-";

/// `index.lock`, held: no other git adds, commits or switches meanwhile.
#[derive(Debug)]
pub(super) struct Lock {
    pub(super) index: PathBuf,
    file: File,
    /// Removed when this is dropped.
    _lock: TempPath,
}

impl Lock {
    /// Takes the lock; waits two seconds at most. `common` is the folder that has the references.
    pub(super) fn take(index: &Path, common: &Path) -> Result<Self> {
        let index = fs::canonicalize(index).unwrap_or_else(|_| index.to_path_buf());
        let mut name = index.clone().into_os_string();
        name.push(".lock");
        let lock = PathBuf::from(name);
        let mut tried = 0;
        let file = loop {
            match make(&lock) {
                Ok(file) => break file,
                Err(error) if error.kind() == ErrorKind::AlreadyExists && take_over(&lock, common) => {}
                Err(error) if error.kind() == ErrorKind::AlreadyExists && tried < TRIES => {
                    tried += 1;
                    thread::sleep(PAUSE);
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists => bail!(
                    "another git holds `{0}`, nothing was committed; wait for it, or if none runs: `rm {0}`",
                    lock.display()
                ),
                Err(error) => {
                    return Err(error).with_context(|| format!("failed to lock the index `{}`", lock.display()));
                }
            }
        };
        let taken = Self { index, file, _lock: TempPath::try_from_path(lock)? };
        taken.tidy();
        Ok(taken)
    }

    /// Notes that a reference is about to move, so that whoever takes over after a kill knows whose its lock is.
    pub(super) fn moves(&mut self, reference: &str, id: Oid) -> io::Result<()> {
        self.file.write_all(format!("{reference}\n{id}\n").as_bytes())
    }

    /// Removes new indexes that killed processes left: only who holds the lock makes one.
    fn tidy(&self) {
        let folder = self.index.parent().map(fs::read_dir);
        for entry in folder.into_iter().flatten().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(COPY) {
                drop(fs::remove_file(entry.path()));
            }
        }
    }
}

/// Makes a lock that is marked and has its flock from the moment it has a name.
fn make(lock: &Path) -> io::Result<File> {
    let folder = lock.parent().unwrap_or(Path::new("."));
    let mode = Mode::from_raw_mode(0o666);
    if let Ok(nameless) = openat(CWD, folder, OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC, mode) {
        let file = marked(File::from(nameless))?;
        let path = format!("/proc/self/fd/{}", file.as_raw_fd());
        match linkat(CWD, path, CWD, lock, AtFlags::SYMLINK_FOLLOW) {
            Ok(()) => return Ok(file),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return Err(error.into()),
            // The file system, or a sandbox, does not have that.
            Err(_other) => {}
        }
    }
    let file = OpenOptions::new().write(true).create_new(true).open(lock)?;
    marked(file).inspect_err(|_| drop(fs::remove_file(lock)))
}

fn marked(mut file: File) -> io::Result<File> {
    // Where there is no flock nobody takes over.
    flock(&file, FlockOperation::NonBlockingLockExclusive).ok();
    file.write_all(MARK)?;
    Ok(file)
}

/// Removes a lock of ours whose holder is dead, and the lock of the reference that it was moving. Returns whether it did.
fn take_over(lock: &Path, common: &Path) -> bool {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let opened = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(lock);
    let Ok(file) = opened.and_then(|file| file.metadata().map(|stat| (file, stat))) else { return false };
    let (file, stat) = file;
    let mut note = Vec::new();
    let read = (&file).take(4096).read_to_end(&mut note).is_ok();
    if !(read && note.starts_with(MARK) && flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok()) {
        return false;
    }
    let same = fs::symlink_metadata(lock).is_ok_and(|now| (now.dev(), now.ino()) == (stat.dev(), stat.ino()));
    if !same {
        return false;
    }
    if let Some(folder) = lock.parent() {
        unlock_reference(&note[MARK.len()..], folder, common);
    }
    fs::remove_file(lock).is_ok()
}

/// Removes the lock of a reference that is to become what a killed process noted, and that nobody else can have written.
fn unlock_reference(note: &[u8], folder: &Path, common: &Path) {
    let Some((reference, id)) = std::str::from_utf8(note).ok().and_then(|note| note.split_once('\n')) else { return };
    if !Reference::is_valid_name(reference) || id.len() < 40 {
        return;
    }
    let path = if reference == "HEAD" { folder } else { common }.join(format!("{reference}.lock"));
    if fs::read(&path).is_ok_and(|found| id.as_bytes().starts_with(&found)) {
        drop(fs::remove_file(path));
    }
}
