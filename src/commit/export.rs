//! A tree, written out as files.

use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use git2::{FileMode, ObjectType, Oid, Signature, Time};

use super::index::to_path;
use super::{Proposal, Repository, said};
use crate::nix::Rev;

/// Makes an exported tree a git repository with one commit of all its files, ignored ones too; returns the commit.
pub fn track(tree: &Path) -> Result<Rev> {
    let make = || {
        let mut options = git2::RepositoryInitOptions::new();
        let repository = git2::Repository::init_opts(tree, options.external_template(false))?;
        let mut index = repository.index()?;
        index.add_all(["*"], git2::IndexAddOption::FORCE, None)?;
        index.write()?;
        let all = repository.find_tree(index.write_tree()?)?;
        let nobody = Signature::new("agent-capture", "agent-capture", &Time::new(0, 0))?;
        Ok(repository.commit(Some("HEAD"), &nobody, &nobody, "The tree that is verified", &all, &[])?.to_string())
    };
    let commit = make().map_err(said).with_context(|| format!("failed to make `{}` a repository", tree.display()))?;
    Ok(Rev::parse(&commit)?)
}

impl Proposal<'_> {
    /// Writes the tree into an empty folder: files, symlinks, and submodules as empty folders. Each is made anew, so nothing
    /// that the tree holds leads out of the folder.
    pub fn export(&self, into: &Path) -> Result<()> {
        tree(self.repository, self.tree, into)
    }
}

/// Writes a tree into an empty folder.
pub(super) fn tree(repository: &Repository, tree: Oid, into: &Path) -> Result<()> {
    let doing = || format!("failed to export the tree {tree} to `{}`", into.display());
    let mut there = fs::read_dir(into).with_context(doing)?;
    ensure!(there.next().is_none(), "{}: it is not empty", doing());
    let mut folders = vec![(tree, into.to_path_buf())];
    while let Some((id, folder)) = folders.pop() {
        let tree = repository.git.find_tree(id).map_err(said).with_context(doing)?;
        for entry in &tree {
            let name = entry.name_bytes();
            ensure!(is_safe(name), "{}: `{}` is no file name", doing(), name.escape_ascii());
            let path = folder.join(to_path(name));
            let one = || format!("{}: `{}`", doing(), path.display());
            match entry.kind() {
                Some(ObjectType::Tree) => {
                    fs::create_dir(&path).with_context(one)?;
                    folders.push((entry.id(), path));
                }
                Some(ObjectType::Commit) => fs::create_dir(&path).with_context(one)?,
                _ => blob(repository, entry.id(), entry.filemode(), &path).with_context(one)?,
            }
        }
    }
    Ok(())
}

fn blob(repository: &Repository, id: Oid, mode: i32, path: &Path) -> Result<()> {
    let blob = repository.git.find_blob(id).map_err(said)?;
    if mode == i32::from(FileMode::Link) {
        return Ok(symlink(OsStr::from_bytes(blob.content()), path)?);
    }
    let mode = if mode == i32::from(FileMode::BlobExecutable) { 0o755 } else { 0o644 };
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    Ok(file.write_all(blob.content())?)
}

/// Returns whether a name in a tree names a file in that very folder, and on no file system git's own.
fn is_safe(name: &[u8]) -> bool {
    let only_dots = name.len() < 3 && name.iter().all(|&byte| byte == b'.');
    // Some drop trailing dots, spaces, characters that do not show, and the case of letters.
    let seen: String = name.iter().filter(|byte| byte.is_ascii_graphic()).map(|&byte| char::from(byte)).collect();
    let is_git = seen.trim_end_matches('.').eq_ignore_ascii_case(".git");
    !only_dots && !is_git && !name.contains(&b'/') && !name.contains(&0)
}
