//! The versions that Nix evaluated, kept by pin in git's folder: an evaluation costs a second, and they never change.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use tempfile::NamedTempFile;

use super::plan::Plan;
use crate::commit::Repository;
use crate::nix::{Nix, Pin, Rev, Tree};
use crate::verification::Versions;

/// The most pins whose versions are kept.
const PINS: usize = 8;

fn place(repository: &Repository) -> PathBuf {
    repository.git_dir().join("agent-capture").join("versions.json")
}

fn all(repository: &Repository) -> BTreeMap<Rev, Versions> {
    // What cannot be read is evaluated anew one day.
    fs::read(place(repository)).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}

/// Returns the versions that are known of a pin.
pub(super) fn known(repository: &Repository, pin: &Pin) -> Versions {
    all(repository).remove(&pin.rev).unwrap_or_default()
}

/// Keeps versions of a pin.
pub(super) fn keep(repository: &Repository, pin: &Pin, versions: &Versions) -> anyhow::Result<()> {
    let mut pins = all(repository);
    let mut known = pins.remove(&pin.rev).unwrap_or_default();
    known.add(versions);
    while pins.len() >= PINS {
        pins.pop_first();
    }
    pins.insert(pin.rev.clone(), known);
    let path = place(repository);
    let write = || -> anyhow::Result<()> {
        let folder = path.parent().context("it is in no folder")?;
        fs::create_dir_all(folder)?;
        let file = NamedTempFile::new_in(folder)?;
        serde_json::to_writer(&file, &pins)?;
        file.persist(&path)?;
        Ok(())
    };
    write().with_context(|| format!("failed to write `{}`", path.display()))
}

/// Evaluates the versions of a plan's packages, and nothing else.
pub(super) fn evaluate(nix: &Nix, plan: &Plan) -> anyhow::Result<Option<Versions>> {
    let export =
        tempfile::Builder::new().prefix("agent-capture-").tempdir().context("failed to make a temporary folder")?;
    for (name, bytes) in plan.flake_files()? {
        let name = name.rsplit('/').next().unwrap_or_default();
        fs::write(export.path().join(name), bytes)?;
    }
    Versions::evaluate(&Tree::new(&export.path().canonicalize()?), &plan.document.requirements, nix)
}
