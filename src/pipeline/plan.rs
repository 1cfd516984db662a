//! What is to be committed, before anything is written: journals, document, flake, and where each file goes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use anyhow::{Context, anyhow, bail};

use super::merge::{self, Previous};
use super::{World, versions};
use crate::commit::{File, Proposal, Repository, write_files};
use crate::console::{Hint, escape};
use crate::ecosystems::{self, Unknown};
use crate::flake::{Flake, default_pin};
use crate::index::Index;
use crate::journal::{Journal, SessionId};
use crate::nix::{Nix, Pin};
use crate::policy::Policy;
use crate::report::Report;
use crate::requirements::{Document, FORMAT, VERSION};
use crate::verification::statics::{ASIDE, ATTRIBUTES, ENVRC, envrc, is_envrc, place};
use crate::verification::{Verification, Versions};

pub(super) use crate::verification::statics::FOLDER;

pub(super) fn journal_path(id: &SessionId) -> String {
    format!("{FOLDER}/{id}/journal.json")
}

/// Returns whether a path of a repository is that of a file of ours.
pub(super) fn is_ours(path: &str) -> bool {
    ["flake.nix", "flake.lock"].contains(&path) || path.strip_prefix(FOLDER).is_some_and(|rest| rest.starts_with('/'))
}

/// Reads a file of ours: from the work tree, else from HEAD; from a branch that is not checked out as it is there.
pub(super) fn read(repository: &Repository, path: &str) -> anyhow::Result<Option<Vec<u8>>> {
    let Some(root) = repository.checkout() else { return repository.committed(path) };
    let full = root.join(path);
    match fs::symlink_metadata(&full) {
        Ok(meta) if meta.is_file() => Ok(Some(fs::read(&full).with_context(|| format!("failed to read `{path}`"))?)),
        Ok(_) => bail!("`{path}` is no regular file"),
        Err(_absent) => repository.committed(path),
    }
}

/// Returns the paths of all journals: those at HEAD, and those in the work tree.
fn journal_paths(repository: &Repository) -> anyhow::Result<BTreeSet<String>> {
    let committed = repository.committed_under(FOLDER)?.into_iter().map(|(path, _)| path);
    let mut paths: BTreeSet<String> = committed.filter(|path| path.ends_with("/journal.json")).collect();
    let here = repository.checkout().map(|root| fs::read_dir(root.join(FOLDER)));
    for entry in here.into_iter().flatten().flatten().flatten() {
        paths.extend(
            entry
                .file_name()
                .to_str()
                .map(|name| format!("{FOLDER}/{name}/journal.json"))
                .filter(|path| repository.root().join(path).exists()),
        );
    }
    Ok(paths)
}

/// Reads all journals by session: those of the work tree, and those at HEAD that a sparse checkout hides.
pub(super) fn journals(repository: &Repository) -> anyhow::Result<Vec<Journal>> {
    let (paths, merged) = (journal_paths(repository)?, merge::journals(repository)?);
    let gone = repository.gone(paths.iter().map(String::as_str))?;
    let mut journals = Vec::new();
    for path in paths.iter().filter(|path| !gone.contains(&path.as_str())) {
        let versions = match merged.get(path) {
            Some(sides) => sides.clone(),
            None => read(repository, path)?.into_iter().collect(),
        };
        for bytes in versions {
            let journal =
                Journal::parse(&bytes).with_context(|| format!("failed to read journal `{}`", escape(path)))?;
            if journal_path(&journal.session.id) != *path {
                bail!(
                    "journal `{}` is of session `{}`: move it to `{}`",
                    escape(path),
                    journal.session.id,
                    journal_path(&journal.session.id)
                );
            }
            journals.push(journal);
        }
    }
    merge::apart(journals)
}

/// What is to be committed, before anything is written.
pub(super) struct Plan {
    pub(super) document: Document,
    pub(super) journals: Vec<Journal>,
    pub(super) index: Index,
    pub(super) policy: Option<Vec<u8>>,
    /// Where the flake is: empty, or [`ASIDE`].
    pub(super) folder: &'static str,
    /// Files of ours that are there and are to go: journals, an `.envrc` that nobody asks for.
    gone: Vec<String>,
    /// Whether the last session is taken out: all of ours is to go then, except the policy, which is the user's.
    emptied: bool,
    /// Whether an `.envrc` is written: asked for, and there is none of the user's.
    envrc: bool,
    /// What was decided where two sides of a merge differ.
    pub(super) told: Vec<String>,
    /// Versions at the pin, as far as they are known.
    versions: Versions,
}

impl Plan {
    /// Resolves and renders all journals anew.
    pub(super) fn new(
        world: &World,
        repository: &Repository,
        mut journals: Vec<Journal>,
        nixpkgs: Option<&str>,
    ) -> anyhow::Result<Self> {
        journals.sort_by(|a, b| a.session.id.cmp(&b.session.id));
        let index = Index::new();
        let (policy, text) = policy(repository)?;
        if let Some(Unknown { attr, near }) = ecosystems::unknown(&policy, &index).into_iter().next() {
            let near = if near.is_empty() {
                "`agent-capture` knows no name near to it".to_owned()
            } else {
                format!("near to it are: {}", near.join(", "))
            };
            return Err(anyhow!("the policy names `{attr}`, which is not in the index")).hint(near);
        }
        let previous = Previous::read(repository)?;
        let pin = pin(world, repository, nixpkgs, previous.pin.as_ref(), &journals)?;
        let requirements = ecosystems::resolve(&journals, &index, &policy);
        let document = Document { version: VERSION, format: FORMAT, index: index.date().to_owned(), pin, requirements };
        let folder = if is_hand_written(repository, &previous, &document)? { ASIDE } else { "" };
        let flake = ["flake.nix", "flake.lock"].map(|name| place(folder, name));
        let (gone, told) = (gone(repository, &journals)?, previous.told(&document.pin, &flake));
        let emptied = journals.is_empty();
        let (policy, versions, envrc) = (text, versions::known(repository, &document.pin), false);
        let plan = Self { document, journals, index, policy, folder, gone, told, emptied, envrc, versions };
        plan.with_envrc(repository)
    }

    /// Reads what was rendered before.
    pub(super) fn as_written(repository: &Repository) -> anyhow::Result<Self> {
        let path = format!("{FOLDER}/requirements.json");
        merge::resolved(repository, &path)?;
        let bytes = read(repository, &path)?;
        let document = bytes.map(|bytes| Document::parse(&bytes)).transpose();
        let document = document.with_context(|| format!("failed to read `{path}`"))?;
        let document = document.ok_or_else(|| anyhow!("there is no `{FOLDER}/requirements.json`"));
        let document = document.hint("`agent-capture run -- CMD` records a session and renders its flake")?;
        let (_, policy) = policy(repository)?;
        let folder = if read(repository, &format!("{ASIDE}/flake.nix"))?.is_some() { ASIDE } else { "" };
        let journals = journals(repository)?;
        let gone = gone(repository, &journals)?;
        let (index, told, versions) = (Index::new(), Vec::new(), versions::known(repository, &document.pin));
        let (emptied, envrc) = (false, false);
        let plan = Self { journals, index, document, policy, folder, gone, told, emptied, envrc, versions };
        plan.with_envrc(repository)
    }

    /// Decides about the `.envrc`. One that is the user's stays as it is.
    fn with_envrc(mut self, repository: &Repository) -> anyhow::Result<Self> {
        // A symlink is there, and is not ours.
        let found = read(repository, ENVRC);
        let is_ours = found.as_ref().is_ok_and(|it| it.as_ref().is_some_and(|bytes| is_envrc(bytes)));
        let is_there = !matches!(found, Ok(None));
        let is_asked = self.document.requirements.outputs.envrc;
        self.envrc = is_asked && (is_ours || !is_there);
        match (is_asked, is_ours) {
            (false, true) => self.gone.push(ENVRC.to_owned()),
            (true, false) if is_there => {
                self.told.push(format!("`{ENVRC}` is not ours and stays as it is; `use flake` in it enters the shell"));
            }
            _ => {}
        }
        Ok(self)
    }

    /// Returns the files of the flake that are not what the document renders to.
    pub(super) fn mismatches(&self, repository: &Repository) -> anyhow::Result<Vec<String>> {
        let files = self
            .flake_files()?
            .into_iter()
            .map(|(path, bytes)| Ok((read(repository, &path)? != Some(bytes)).then_some(path)));
        Ok(files.collect::<anyhow::Result<Vec<_>>>()?.into_iter().flatten().collect())
    }

    /// Fails when a journal that is committed elsewhere is not among those of the plan.
    pub(super) fn has_all(&self, there: &[Journal]) -> anyhow::Result<()> {
        let has = |id: &SessionId| self.journals.iter().any(|journal| journal.session.id == *id);
        match there.iter().map(|journal| &journal.session.id).find(|id| !has(id)) {
            Some(id) => Err(anyhow!("the branch has session `{id}`, which is not in the work tree"))
                .hint("check the branch out, or capture into it: `agent-capture stop --branch NAME`"),
            None => Ok(()),
        }
    }

    pub(super) fn is_aside(&self) -> bool {
        !self.folder.is_empty()
    }

    /// Returns the path of a file of the flake.
    pub(super) fn place(&self, name: &str) -> String {
        place(self.folder, name)
    }

    pub(super) fn flake_files(&self) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
        let flake = Flake::of(&self.document);
        Ok(vec![
            (self.place("flake.nix"), flake.render()?.into_bytes()),
            (self.place("flake.lock"), flake.lock().into_bytes()),
        ])
    }

    /// Returns all our files.
    pub(super) fn files(&self) -> anyhow::Result<Vec<File>> {
        let gone = self.gone.iter().cloned();
        if self.emptied {
            let ours = ["requirements.json", ".gitattributes"].map(|name| format!("{FOLDER}/{name}"));
            let flake = ["flake.nix", "flake.lock"].map(|name| self.place(name));
            let envrc = self.envrc.then(|| ENVRC.to_owned());
            return Ok(ours.into_iter().chain(flake).chain(envrc).chain(gone).map(File::removed).collect());
        }
        let mut files: BTreeMap<String, Vec<u8>> = self.flake_files()?.into_iter().collect();
        for journal in &self.journals {
            files.insert(journal_path(&journal.session.id), journal.to_bytes()?);
        }
        files.insert(format!("{FOLDER}/requirements.json"), self.document.to_bytes()?);
        files.insert(format!("{FOLDER}/.gitattributes"), ATTRIBUTES.as_bytes().to_vec());
        if self.envrc {
            files.insert(ENVRC.to_owned(), envrc(self.folder).into_bytes());
        }
        if let Some(policy) = &self.policy {
            files.insert(format!("{FOLDER}/policy.toml"), policy.clone());
        }
        let files = files.into_iter().map(|(path, bytes)| File::new(path, bytes));
        Ok(files.chain(gone.map(File::removed)).collect())
    }

    pub(super) fn paths(&self) -> Vec<String> {
        self.files().into_iter().flatten().map(|file| file.path).collect()
    }

    /// Writes our files into the work tree.
    pub(super) fn write(&self, repository: &Repository) -> anyhow::Result<()> {
        write_files(repository.root(), &self.files()?).context("failed to write journal and flake into the work tree")
    }

    /// Adds entries to the policy in the work tree; returns its path. It counts when the plan is made anew.
    pub(super) fn extend_policy(&self, repository: &Repository, entries: &[String]) -> anyhow::Result<String> {
        let mut text = self.policy.clone().unwrap_or_default();
        for entry in entries {
            if !text.is_empty() {
                text.extend_from_slice(if text.ends_with(b"\n") { b"\n" } else { b"\n\n" });
            }
            text.extend_from_slice(entry.as_bytes());
        }
        let path = format!("{FOLDER}/policy.toml");
        write_files(repository.root(), &[File::new(path.clone(), text)])
            .with_context(|| format!("failed to write `{path}`"))?;
        Ok(path)
    }

    pub(super) fn propose<'a>(&self, repository: &'a Repository, include_work: bool) -> anyhow::Result<Proposal<'a>> {
        repository.propose(&self.files()?, include_work)
    }

    pub(super) fn report<'a>(&'a self, verification: Option<&'a Verification>) -> Report<'a> {
        let Self { document, journals, index, versions, .. } = self;
        Report { document, journals, index, versions, verification, findings: &[] }
    }
}

pub(super) fn policy(repository: &Repository) -> anyhow::Result<(Policy, Option<Vec<u8>>)> {
    let path = format!("{FOLDER}/policy.toml");
    merge::resolved(repository, &path)?;
    let Some(bytes) = read(repository, &path)? else { return Ok((Policy::default(), None)) };
    let text = std::str::from_utf8(&bytes).with_context(|| format!("failed to read `{path}`"))?;
    Ok((Policy::parse(text).with_context(|| format!("failed to read `{path}`"))?, Some(bytes)))
}

/// Returns the journals that are there and are none of these.
fn gone(repository: &Repository, journals: &[Journal]) -> anyhow::Result<Vec<String>> {
    let kept: BTreeSet<String> = journals.iter().map(|journal| journal_path(&journal.session.id)).collect();
    Ok(journal_paths(repository)?.difference(&kept).cloned().collect())
}

/// Returns the pin: the one asked for, the last one, the one of an existing lock, the one that the latest session's own
/// `nix` commands used, the built-in one.
fn pin(
    world: &World,
    repository: &Repository,
    nixpkgs: Option<&str>,
    previous: Option<&Pin>,
    journals: &[Journal],
) -> anyhow::Result<Pin> {
    if let Some(text) = nixpkgs {
        if let Some(pin) = Pin::parse(text) {
            return Ok(pin);
        }
        let nix = Nix::find(world.path.as_deref())
            .ok_or_else(|| anyhow!("failed to look up `{}`: there is no `nix` on PATH", escape(text)));
        let nix = nix.hint("name the pin whole: github:NixOS/nixpkgs/REV?lastModified=N&narHash=HASH")?;
        return nix.pin(text);
    }
    if let Some(previous) = previous {
        return Ok(previous.clone());
    }
    if let Some(pin) = read(repository, "flake.lock")?.and_then(|lock| Pin::from_lock(&lock)) {
        return Ok(pin);
    }
    let used = journals.iter().rev().find_map(|journal| journal.session.nixpkgs.clone());
    Ok(used.unwrap_or_else(default_pin))
}

/// Returns whether the repository's flake is not of our making.
fn is_hand_written(repository: &Repository, previous: &Previous, document: &Document) -> anyhow::Result<bool> {
    for path in ["flake.nix", "flake.lock"] {
        let here = repository.checkout().and_then(|root| fs::symlink_metadata(root.join(path)).ok());
        if here.is_some_and(|meta| !meta.is_file()) {
            return Ok(true);
        }
        if read(repository, path)?.is_some() {
            return Ok(!previous.made(repository, path, document)?);
        }
    }
    Ok(false)
}

/// Says which files are not what they should be.
pub(super) fn say_mismatches(world: &World, paths: &[String]) {
    for path in paths {
        world.console.say(format_args!(
            "`{path}` is not what `{FOLDER}/requirements.json` renders to; `agent-capture render` writes it anew"
        ));
    }
}
