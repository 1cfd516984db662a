//! The repository around a folder: what is at HEAD, and whether one can commit on top of it.

use std::env;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail, ensure};
use git2::{ErrorCode, ObjectType, Oid, RepositoryState, Signature, Tree, TreeWalkMode};
use tempfile::NamedTempFile;

use super::said;
use super::sign::Signer;

/// The largest file that is read from a commit; a journal has 1 MB at most.
const LARGEST: usize = 16 << 20;

const HOOKS: [&str; 4] = ["pre-commit", "prepare-commit-msg", "commit-msg", "post-commit"];

/// A git repository with a work tree.
pub struct Repository {
    pub(super) git: git2::Repository,
    pub(super) root: PathBuf,
    pub(super) git_dir: PathBuf,
    /// The full name of the branch that commits go to, when that is not HEAD.
    pub(super) target: Option<String>,
    /// Settings on top of the user's, for this process only; libgit2 reads them from a file.
    pub(super) _settings: NamedTempFile,
}

/// Where a commit goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Head {
    /// On this branch.
    Branch(String),
    /// On no branch; HEAD is this commit.
    Detached(String),
    /// On this branch, which has no commit yet.
    Unborn(String),
    /// On this branch, which the commit makes, on top of HEAD.
    New(String),
}

impl Repository {
    /// Returns the root of the work tree, links followed.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns git's folder of this work tree, links followed; a linked worktree has its own.
    pub fn git_dir(&self) -> &Path {
        &self.git_dir
    }

    /// Turns to a branch that is not checked out: commits go there and leave work tree and index alone, and what is at HEAD is
    /// from now on what is there. One that does not exist yet begins at HEAD.
    pub fn on_branch(mut self, name: &str) -> Result<Self> {
        let full = format!("refs/heads/{name}");
        let valid = git2::Branch::name_is_valid(name).unwrap_or(false) && !name.starts_with('-') && name != "HEAD";
        ensure!(valid, "`{}` cannot name a branch", name.escape_debug());
        let checked_out = self.heads().iter().any(|head| head.trim_end() == format!("ref: {full}"));
        ensure!(!checked_out, "`{name}` is checked out: without `--branch` the commit goes there");
        self.target = Some(full);
        Ok(self)
    }

    /// Returns what each HEAD of the repository says: that of the main work tree, and those of linked ones.
    fn heads(&self) -> Vec<String> {
        let common = self.git.commondir();
        let linked = fs::read_dir(common.join("worktrees")).into_iter().flatten().flatten();
        let folders = linked.map(|entry| entry.path()).chain([common.to_path_buf()]);
        folders.filter_map(|folder| fs::read_to_string(folder.join("HEAD")).ok()).collect()
    }

    /// Returns the root of the work tree when our files are in it; none when commits go to another branch.
    pub fn checkout(&self) -> Option<&Path> {
        self.target.is_none().then_some(&self.root)
    }

    /// Returns the id of the commit at HEAD, none when there is no commit yet.
    pub fn head(&self) -> Result<Option<String>> {
        Ok(self.tip()?.map(|id| id.to_string()))
    }

    /// Returns where a commit would go.
    pub fn branch(&self) -> Result<Head> {
        if let Some(target) = &self.target {
            let name = target.trim_start_matches("refs/heads/").to_owned();
            return Ok(if self.reference(target)?.is_some() { Head::Branch(name) } else { Head::New(name) });
        }
        let head = self.git.find_reference("HEAD").map_err(said).context("failed to read HEAD")?;
        let Some(target) = head.symbolic_target_bytes() else {
            return Ok(Head::Detached(head.target().context("HEAD leads nowhere")?.to_string()));
        };
        let target = String::from_utf8_lossy(target).into_owned();
        let name = target.strip_prefix("refs/heads/").unwrap_or(&target).to_owned();
        Ok(if self.tip()?.is_some() { Head::Branch(name) } else { Head::Unborn(name) })
    }

    /// Fails when the repository is not ready for a commit, and says what to do: a merge, rebase or the like is in progress,
    /// there are conflicts, or libgit2 cannot read the index. A branch that is not checked out is always ready.
    pub fn state(&self) -> Result<()> {
        if self.target.is_some() {
            return Ok(());
        }
        let (what, cure) = match self.git.state() {
            RepositoryState::Clean => ("", ""),
            RepositoryState::Merge => ("a merge", "git merge --continue` or `git merge --abort"),
            RepositoryState::Revert | RepositoryState::RevertSequence => {
                ("a revert", "git revert --continue` or `git revert --abort")
            }
            RepositoryState::CherryPick | RepositoryState::CherryPickSequence => {
                ("a cherry-pick", "git cherry-pick --continue` or `git cherry-pick --abort")
            }
            RepositoryState::Bisect => ("a bisection", "git bisect reset"),
            RepositoryState::Rebase | RepositoryState::RebaseInteractive | RepositoryState::RebaseMerge => {
                ("a rebase", "git rebase --continue` or `git rebase --abort")
            }
            RepositoryState::ApplyMailbox | RepositoryState::ApplyMailboxOrRebase => {
                ("`git am`", "git am --continue` or `git am --abort")
            }
        };
        ensure!(what.is_empty(), "{what} is in progress in `{}`; run `{cure}` first", self.root.display());
        let index = self.index()?;
        if let Some(conflict) = index.iter().find(|entry| entry.flags >> 12 & 3 != 0) {
            let path = String::from_utf8_lossy(&conflict.path).into_owned();
            bail!("`{path}` has conflicts; resolve them and run `git add -- {path}` first");
        }
        Ok(())
    }

    /// Returns a file as it is at HEAD, none when there is none.
    pub fn committed(&self, path: &str) -> Result<Option<Vec<u8>>> {
        let Some(tree) = self.head_tree()? else {
            return Ok(None);
        };
        match tree.get_path(Path::new(path)) {
            Ok(entry) => self.content(path, entry.id(), entry.filemode()).map(Some),
            Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
            Err(error) => Err(said(error)).with_context(|| format!("failed to read `{path}` at HEAD")),
        }
    }

    /// Returns the files below a folder as they are at HEAD, with their paths from the root, sorted by these.
    pub fn committed_under(&self, dir: &str) -> Result<Vec<(String, Vec<u8>)>> {
        let dir = dir.trim_end_matches('/');
        let doing = || format!("failed to read the files in `{dir}` at HEAD");
        let Some(tree) = self.head_tree()? else {
            return Ok(Vec::new());
        };
        let below = match tree.get_path(Path::new(dir)) {
            Ok(entry) if entry.kind() == Some(ObjectType::Tree) => self.git.find_tree(entry.id()).map_err(said)?,
            Ok(_) => bail!("`{dir}` is no folder at HEAD"),
            Err(error) if error.code() == ErrorCode::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(said(error)).with_context(doing),
        };
        let mut found = Vec::new();
        below
            .walk(TreeWalkMode::PreOrder, |folder, entry| {
                if entry.kind() != Some(ObjectType::Tree) {
                    let path = format!("{dir}/{folder}{}", String::from_utf8_lossy(entry.name_bytes()));
                    found.push((path, entry.id(), entry.filemode()));
                }
                0
            })
            .map_err(said)
            .with_context(doing)?;
        found.sort();
        let read = |(path, id, mode): (String, Oid, i32)| {
            let bytes = self.content(&path, id, mode)?;
            Ok((path, bytes))
        };
        found.into_iter().map(read).collect()
    }

    /// Returns the names of the hooks that git would run for a commit; we run none.
    pub fn hooks(&self) -> Vec<String> {
        let set = self.git.config().and_then(|config| config.get_path("core.hooksPath"));
        let folder = set.map_or_else(|_| self.git.commondir().join("hooks"), |path| self.root.join(path));
        let runs = |name: &str| {
            fs::metadata(folder.join(name)).is_ok_and(|stat| stat.is_file() && stat.permissions().mode() & 0o111 != 0)
        };
        HOOKS.into_iter().filter(|name| runs(name)).map(str::to_owned).collect()
    }

    /// Returns the commit at HEAD.
    pub(super) fn tip(&self) -> Result<Option<Oid>> {
        if let Some(target) = &self.target
            && let Some(reference) = self.reference(target)?
        {
            let commit = reference.peel_to_commit().map_err(said);
            return commit.map(|commit| Some(commit.id())).with_context(|| format!("failed to read `{target}`"));
        }
        match self.git.head().and_then(|head| head.peel_to_commit()) {
            Ok(commit) => Ok(Some(commit.id())),
            Err(error) if error.code() == ErrorCode::UnbornBranch => Ok(None),
            Err(error) => Err(said(error)).context("failed to read the commit at HEAD"),
        }
    }

    fn reference(&self, name: &str) -> Result<Option<git2::Reference<'_>>> {
        match self.git.find_reference(name) {
            Ok(reference) => Ok(Some(reference)),
            Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
            Err(error) => Err(said(error)).with_context(|| format!("failed to read `{name}`")),
        }
    }

    pub(super) fn head_tree(&self) -> Result<Option<Tree<'_>>> {
        self.tip()?.map(|tip| self.tree_of(tip)).transpose()
    }

    pub(super) fn tree_of(&self, commit: Oid) -> Result<Tree<'_>> {
        let tree = self.git.find_commit(commit).and_then(|commit| commit.tree());
        tree.map_err(said).with_context(|| format!("failed to read the tree of commit {commit}"))
    }

    /// Returns the index as it is on the disk now. Changes to it are never written from here.
    pub(super) fn index(&self) -> Result<git2::Index> {
        let read = self.git.index().and_then(|mut index| index.read(true).map(|()| index));
        read.map_err(|error| {
            let message = error.message();
            let (kind, cure) = if message.contains("'link'") {
                ("a split index", "git config core.splitIndex false && git update-index --no-split-index")
            } else if message.contains("'sdir'") {
                ("a sparse index", "git sparse-checkout reapply --no-sparse-index")
            } else {
                return anyhow!("failed to read the index of `{}`: {message}", self.root.display());
            };
            anyhow!(
                "`{}` has {kind}, which libgit2 cannot read; nothing was written; run `{cure}`",
                self.root.display()
            )
        })
    }

    /// Returns the file that the index is in.
    pub(super) fn index_path(&self) -> Result<PathBuf> {
        Ok(self.index()?.path().context("the index is in no file")?.to_path_buf())
    }

    /// Returns the full name of the reference that a commit moves.
    pub(super) fn moving(&self) -> Result<String> {
        if let Some(target) = &self.target {
            return Ok(target.clone());
        }
        let head = self.git.find_reference("HEAD").map_err(said).context("failed to read HEAD")?;
        let symbolic = head.symbolic_target_bytes().map(|target| String::from_utf8_lossy(target).into_owned());
        Ok(symbolic.unwrap_or_else(|| "HEAD".to_owned()))
    }

    /// Returns how commits are signed here, none when they are not.
    pub(super) fn signer(&self, committer: &Signature<'_>) -> Result<Option<Signer>> {
        let config = self.git.config().map_err(said)?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Signer::of(&config, &format!("{} <{}>", text(committer.name_bytes()), text(committer.email_bytes())))
    }

    /// Returns author and committer, from the environment and the configuration. Fails when nobody is known.
    pub(super) fn people(&self) -> Result<[Signature<'static>; 2]> {
        Ok([
            self.person("author", self.git.author_from_env())?,
            self.person("committer", self.git.committer_from_env())?,
        ])
    }

    /// Puts `author.name` and the like, which libgit2 does not know, over what it found.
    fn person(&self, role: &str, found: Result<Signature<'static>, git2::Error>) -> Result<Signature<'static>> {
        let found = found.map_err(|error| {
            anyhow!(
                "git does not know the {role} of the commit ({}); run `git config user.name \"Your Name\"` and \
                 `git config user.email you@example.com`",
                error.message()
            )
        })?;
        let config = self.git.config().map_err(said)?;
        let special = |what: &str| match env::var_os(format!("GIT_{role}_{what}").to_uppercase()) {
            Some(_) => None,
            None => config.get_string(&format!("{role}.{what}")).ok(),
        };
        let name = special("name").unwrap_or_else(|| String::from_utf8_lossy(found.name_bytes()).into_owned());
        let email = special("email").unwrap_or_else(|| String::from_utf8_lossy(found.email_bytes()).into_owned());
        Signature::new(&name, &email, &found.when()).map_err(said).with_context(|| format!("failed to name the {role}"))
    }

    /// Puts the folder of loose objects on the disk; libgit2 does so with the files and the folders in it.
    pub(super) fn sync_objects(&self) -> Result<()> {
        let folder = self.git.commondir().join("objects");
        let synced = File::open(&folder).and_then(|folder| folder.sync_all());
        synced.with_context(|| format!("failed to sync `{}`", folder.display()))
    }

    pub(super) fn content(&self, path: &str, id: Oid, mode: i32) -> Result<Vec<u8>> {
        let what = match mode {
            0o120_000 => "a symlink",
            0o160_000 => "a submodule",
            0o040_000 => "a folder",
            _ => "",
        };
        ensure!(what.is_empty(), "`{path}` is {what} at HEAD where a file must be");
        let doing = || format!("failed to read `{path}` at HEAD");
        let (length, _) = self.git.odb().and_then(|odb| odb.read_header(id)).map_err(said).with_context(doing)?;
        ensure!(length <= LARGEST, "`{path}` has {length} bytes at HEAD, more than the {LARGEST} that are read");
        Ok(self.git.find_blob(id).map_err(said).with_context(doing)?.content().to_vec())
    }
}
