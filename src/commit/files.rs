//! Our files: their names, and how they get into the work tree.

use std::collections::BTreeSet;
use std::fs::File as Handle;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, fsync, mkdirat, openat, renameat, statat, unlinkat};
use rustix::io::Errno;

const LONGEST_NAME: usize = 200;

/// A file of ours that is to be committed, or to be gone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct File {
    /// Where, from the root of the work tree: names of ASCII letters, digits, `.`, `_` and `-` between slashes.
    pub path: String,
    /// The whole content; none when the file is to be removed.
    pub bytes: Option<Vec<u8>>,
}

impl File {
    /// Returns a file with this content.
    pub fn new(path: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self { path: path.into(), bytes: Some(bytes.into()) }
    }

    /// Returns the wish that there be no such file.
    pub fn removed(path: impl Into<String>) -> Self {
        Self { path: path.into(), bytes: None }
    }
}

/// Fails when a path is not one of ours: relative, plain ASCII, never into a `.git`.
pub(super) fn check_path(path: &str) -> Result<()> {
    for name in path.split('/') {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        ensure!(
            !name.is_empty() && name.len() <= LONGEST_NAME && name.bytes().all(plain),
            "`{}` is not a path of plain names",
            path.escape_debug()
        );
        // A file system may drop trailing dots and the case of letters.
        let bare = name.trim_end_matches('.');
        ensure!(
            !bare.is_empty() && !bare.eq_ignore_ascii_case(".git"),
            "`{path}` leads out of the work tree or into git's own folder"
        );
    }
    Ok(())
}

/// Fails when a path is not one of ours, is named twice, or is a folder of another.
pub(super) fn check_paths(files: &[File]) -> Result<()> {
    let mut seen = BTreeSet::new();
    for file in files {
        check_path(&file.path)?;
        ensure!(seen.insert(file.path.as_str()), "`{}` is named twice", file.path);
    }
    for file in files {
        if let Some(folder) = parents(&file.path).find(|folder| seen.contains(folder)) {
            bail!("`{folder}` cannot be a file and the folder of `{}`", file.path);
        }
    }
    Ok(())
}

/// Returns the folders that lead to a path, outermost first.
pub(super) fn parents(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(end, _)| &path[..end])
}

/// Puts our files into the work tree: each appears whole or not at all, and is on the disk when this returns. Follows no
/// symlink below `root`. A file that is as it should be is not touched.
pub fn write_files(root: &Path, files: &[File]) -> Result<()> {
    check_paths(files)?;
    for file in files {
        place(root, file).with_context(|| format!("failed to write `{}` in `{}`", file.path, root.display()))?;
    }
    Ok(())
}

fn place(root: &Path, file: &File) -> Result<()> {
    let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
    let mut folders = vec![(openat(CWD, root, flags, Mode::empty())?, "")];
    let (names, leaf) = file.path.rsplit_once('/').unwrap_or(("", &file.path));
    for name in names.split('/').filter(|name| !name.is_empty()) {
        let above = &folders.last().expect("it starts with the root").0;
        if file.bytes.is_some() {
            match mkdirat(above, name, Mode::from_raw_mode(0o777)) {
                Ok(()) => fsync(above)?,
                Err(Errno::EXIST) => {}
                Err(error) => {
                    return Err(error).with_context(|| format!("failed to make the folder `{name}`"));
                }
            }
        }
        match openat(above, name, flags | OFlags::NOFOLLOW, Mode::empty()) {
            Ok(folder) => folders.push((folder, name)),
            Err(Errno::NOENT) if file.bytes.is_none() => return Ok(()),
            Err(Errno::NOTDIR | Errno::LOOP) => {
                bail!("`{name}` is a symlink or a file where a folder must be; move it away")
            }
            Err(error) => {
                return Err(error).with_context(|| format!("failed to open the folder `{name}`"));
            }
        }
    }
    let folder = &folders.last().expect("it starts with the root").0;
    let there = match statat(folder, leaf, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => true,
            FileType::Symlink => bail!("`{leaf}` is a symlink where a file must be; move it away"),
            FileType::Directory => bail!("`{leaf}` is a folder where a file must be; move it away"),
            _ => bail!("`{leaf}` is no regular file; move it away"),
        },
        Err(Errno::NOENT) => false,
        Err(error) => return Err(error.into()),
    };
    match &file.bytes {
        Some(bytes) if there && holds(folder, leaf, bytes) => Ok(()),
        Some(bytes) => Ok(replace(folder, leaf, bytes)?),
        None if there => {
            unlinkat(folder, leaf, AtFlags::empty())?;
            fsync(folder)?;
            prune(&folders);
            Ok(())
        }
        None => Ok(()),
    }
}

fn holds(folder: &OwnedFd, leaf: &str, bytes: &[u8]) -> bool {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let Ok(fd) = openat(folder, leaf, flags, Mode::empty()) else {
        return false;
    };
    let mut found = Vec::new();
    let most = bytes.len() as u64 + 1;
    Handle::from(fd).take(most).read_to_end(&mut found).is_ok() && found == bytes
}

fn replace(folder: &OwnedFd, leaf: &str, bytes: &[u8]) -> io::Result<()> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    sweep(folder, leaf);
    let beside = format!(".{leaf}.{}.tmp", std::process::id());
    let fd = openat(folder, &beside, flags, Mode::from_raw_mode(0o666))?;
    let written = (|| {
        let mut handle = Handle::from(fd);
        handle.write_all(bytes)?;
        handle.sync_all()?;
        renameat(folder, &beside, folder, leaf)?;
        fsync(folder)?;
        Ok(())
    })();
    if written.is_err() {
        // Already renamed or not: what counts is the first error.
        unlinkat(folder, &beside, AtFlags::empty()).ok();
    }
    written
}

/// Removes what processes that are gone, killed ones, left beside a file; and what one of our own number left.
fn sweep(folder: &OwnedFd, leaf: &str) {
    let Ok(entries) = Dir::read_from(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy();
        let rest = name.strip_prefix('.').and_then(|rest| rest.strip_prefix(leaf)?.strip_prefix('.'));
        let Some(process) = rest.and_then(|rest| rest.strip_suffix(".tmp")?.parse::<u32>().ok()) else { continue };
        if process == std::process::id() || !Path::new(&format!("/proc/{process}")).exists() {
            unlinkat(folder, entry.file_name(), AtFlags::empty()).ok();
        }
    }
}

/// Removes folders that have become empty, as git does, the root excepted.
fn prune(folders: &[(OwnedFd, &str)]) {
    for pair in folders.windows(2).rev() {
        let [(above, _), (_, name)] = pair else {
            return;
        };
        if unlinkat(above, *name, AtFlags::REMOVEDIR).is_err() || fsync(above).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_ours() {
        for good in ["flake.nix", ".agent-capture/01J_x/journal.json", ".gitattributes", "a/.gitx/b", "...a"] {
            check_path(good).expect(good);
        }
        let long = "a".repeat(LONGEST_NAME + 1);
        for bad in [
            "",
            "/",
            "/a",
            "a/",
            "a//b",
            ".",
            "..",
            "a/../b",
            ".git",
            ".GIT/config",
            "a/.Git/x",
            ".git./x",
            "git~1",
            "a b",
            "a\\b",
            "a\nb",
            "é",
            ".gi\u{200c}t",
            "a:b",
            "...",
            "a*",
            &long,
        ] {
            assert!(check_path(bad).is_err(), "{bad:?}");
        }
        let both = [File::new("a", "x"), File::removed("a")];
        assert!(check_paths(&both).is_err());
        let nested = [File::new("a/b", "x"), File::new("a", "y")];
        assert!(check_paths(&nested).is_err());
    }
}
