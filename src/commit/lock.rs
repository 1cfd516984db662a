//! `index.lock`, git's own lock of the index, held so that one can tell when its holder is dead.
//!
//! The file's existence is the lock, so one that a killed process left behind stops everybody. Ours says that it is ours and
//! has a flock(2) besides, which ends with the process: the next agent-capture takes over what a killed one left, and never
//! what another git holds.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
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
    _file: File,
    /// Removed when this is dropped.
    _lock: TempPath,
}

impl Lock {
    /// Takes the lock; waits two seconds at most.
    pub(super) fn take(index: &Path) -> Result<Self> {
        let index = fs::canonicalize(index).unwrap_or_else(|_| index.to_path_buf());
        let mut name = index.clone().into_os_string();
        name.push(".lock");
        let lock = PathBuf::from(name);
        let mut tried = 0;
        let file = loop {
            match make(&lock) {
                Ok(file) => break file,
                Err(error) if error.kind() == ErrorKind::AlreadyExists && take_over(&lock) => {}
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
        let taken = Self { index, _file: file, _lock: TempPath::try_from_path(lock)? };
        taken.tidy();
        Ok(taken)
    }

    /// Gives a lock back that a dead process of ours holds.
    pub(super) fn give_back(index: &Path) {
        let mut name = index.as_os_str().to_owned();
        name.push(".lock");
        take_over(Path::new(&name));
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

/// Removes a lock of ours whose holder is dead. Returns whether it did.
fn take_over(lock: &Path) -> bool {
    let Some((file, text)) = dead(lock) else { return false };
    text.starts_with(MARK) && is_at(&file, lock) && fs::remove_file(lock).is_ok()
}

/// Returns whether a file that is open is still the one at a path.
pub(super) fn is_at(file: &File, path: &Path) -> bool {
    let (Ok(is), Ok(was)) = (fs::symlink_metadata(path), file.metadata()) else { return false };
    (is.dev(), is.ino()) == (was.dev(), was.ino())
}

/// Opens a file whose holder is dead: nobody has its flock, which is ours then. Returns it with what it says.
pub(super) fn dead(path: &Path) -> Option<(File, Vec<u8>)> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path).ok()?;
    flock(&file, FlockOperation::NonBlockingLockExclusive).ok()?;
    let mut text = Vec::new();
    (&file).take(4096).read_to_end(&mut text).ok()?;
    Some((file, text))
}
