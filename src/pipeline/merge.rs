//! Two branches that each captured become one: journals of both sides, and what both rendered before.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, anyhow, bail};

use super::plan::{FOLDER, read};
use crate::commit::{Conflict, Repository};
use crate::console::{Hint, escape};
use crate::flake::Flake;
use crate::journal::{Journal, SessionId};
use crate::nix::Pin;
use crate::requirements::Document;
use crate::verification::statics;

/// What was rendered before, on each side of a merge that is in progress or at HEAD.
#[derive(Default)]
pub(super) struct Previous {
    /// The documents; one when nothing was merged.
    documents: Vec<Document>,
    /// The pin that stays: of two sides that have different ones, that of the one that moved it; the newer one when both
    /// did.
    pub(super) pin: Option<Pin>,
    /// What the sides have of each of our files, by path.
    versions: BTreeMap<String, Vec<Vec<u8>>>,
    /// Our files that git could not merge.
    conflicts: BTreeSet<String>,
    is_merging: bool,
}

fn requirements() -> String {
    format!("{FOLDER}/requirements.json")
}

fn parse(bytes: &[u8]) -> anyhow::Result<Document> {
    Document::parse(bytes).with_context(|| format!("failed to read `{}`", requirements()))
}

impl Previous {
    pub(super) fn read(repository: &Repository) -> anyhow::Result<Self> {
        let mut previous = Self { is_merging: repository.is_merging(), ..Self::default() };
        for conflict in repository.conflicts(&statics::is_ours)? {
            if conflict.path == requirements() {
                previous.pin = pin_of(&conflict)?;
            }
            previous.conflicts.insert(conflict.path.clone());
            previous.versions.insert(conflict.path, conflict.sides);
        }
        for side in repository.sides()? {
            for path in ["flake.nix", "flake.lock", &requirements()] {
                previous.versions.entry(path.to_owned()).or_default().extend(side.bytes(path)?);
            }
        }
        let sides = previous.versions.get(&requirements()).into_iter().flatten();
        // A side that is no longer read says nothing; what is conflicted was read above.
        previous.documents = sides.filter_map(|bytes| parse(bytes).ok()).collect();
        if previous.conflicts.contains(&requirements()) {
            return Ok(previous);
        }
        match read(repository, &requirements())?.map(|bytes| parse(&bytes)).transpose() {
            Ok(document) => {
                previous.pin = document.as_ref().map(|document| document.pin.clone());
                previous.documents.extend(document);
            }
            // Git merges lines, not JSON.
            Err(_) if !previous.documents.is_empty() => {
                previous.pin = newest(previous.documents.iter().map(|document| &document.pin)).cloned();
            }
            Err(error) => return Err(error),
        }
        Ok(previous)
    }

    /// Returns whether a file of the flake, if it is there, is of our making: what was rendered before or is rendered now, or
    /// what git made of two such files.
    pub(super) fn made(&self, repository: &Repository, path: &str, document: &Document) -> anyhow::Result<bool> {
        let render = |document: &Document| {
            let flake = Flake::of(document);
            if path == "flake.nix" { flake.render() } else { Ok(flake.lock()) }
        };
        let ours = self.documents.iter().chain([document]).map(render).collect::<anyhow::Result<Vec<String>>>()?;
        let is_ours = |bytes: &Vec<u8>| ours.iter().any(|text| text.as_bytes() == bytes);
        let Some(bytes) = read(repository, path)? else { return Ok(true) };
        if is_ours(&bytes) {
            return Ok(true);
        }
        let versions = self.versions.get(path).map_or(&[][..], Vec::as_slice);
        let is_gits = self.conflicts.contains(path)
            || (self.is_merging && repository.staged(path)?.as_ref() == Some(&bytes))
            || repository.committed(path)?.as_ref() == Some(&bytes);
        Ok(is_gits && !versions.is_empty() && versions.iter().all(is_ours))
    }

    /// Says what was decided where the sides differ, and how to go on.
    pub(super) fn told(&self, pin: &Pin, flake: &[String]) -> Vec<String> {
        let mut lines = Vec::new();
        for path in self.conflicts.iter().filter(|path| path.ends_with("/journal.json")) {
            lines.push(format!("two sessions have the name of `{}`: the one that began first keeps it", escape(path)));
        }
        let is_now = self.is_merging || !self.conflicts.is_empty();
        if is_now && self.documents.windows(2).any(|pair| pair[0].pin != pair[1].pin) {
            lines.push(format!("the sides have different pins: nixpkgs {} is in the flake", pin.rev));
        }
        if !self.conflicts.is_empty() {
            lines.push(format!("go on with `git add -A -- {FOLDER} {}`, then commit", flake.join(" ")));
        }
        lines
    }
}

/// Returns the pin of a document that git could not merge.
fn pin_of(conflict: &Conflict) -> anyhow::Result<Option<Pin>> {
    let base = conflict.base.as_deref().map(parse).transpose()?.map(|document| document.pin);
    let pins = conflict.sides.iter().map(|bytes| Ok(parse(bytes)?.pin)).collect::<anyhow::Result<Vec<Pin>>>()?;
    let moved: Vec<&Pin> = pins.iter().filter(|pin| Some(*pin) != base.as_ref()).collect();
    Ok(newest(if moved.is_empty() { pins.iter().collect() } else { moved }).cloned())
}

fn newest<'a>(pins: impl IntoIterator<Item = &'a Pin>) -> Option<&'a Pin> {
    pins.into_iter().max_by_key(|pin| (pin.last_modified, &pin.rev))
}

/// Returns what the sides have of the journals that git could not merge, by path: two sessions of one name.
pub(super) fn journals(repository: &Repository) -> anyhow::Result<BTreeMap<String, Vec<Vec<u8>>>> {
    let of = |path: &str| path.ends_with("/journal.json") && statics::is_ours(path);
    Ok(repository.conflicts(&of)?.into_iter().map(|conflict| (conflict.path, conflict.sides)).collect())
}

/// Fails when git could not merge a file that only the user can.
pub(super) fn resolved(repository: &Repository, path: &str) -> anyhow::Result<()> {
    match repository.conflicts(&|of| of == path)?.is_empty() {
        true => Ok(()),
        false => Err(anyhow!("`{path}` has conflicts"))
            .hint(format!("resolve them and run `git add -- {path}`, then `agent-capture render`")),
    }
}

/// Gives sessions of one name names of their own: the one that began first keeps it, the next is `NAME-2`. Equal ones are one.
pub(super) fn apart(journals: Vec<Journal>) -> anyhow::Result<Vec<Journal>> {
    let mut taken: BTreeSet<SessionId> = journals.iter().map(|journal| journal.session.id.clone()).collect();
    let mut by_name: BTreeMap<SessionId, BTreeMap<(String, Vec<u8>), Journal>> = BTreeMap::new();
    for journal in journals {
        let key = (journal.session.start.clone(), journal.to_bytes()?);
        by_name.entry(journal.session.id.clone()).or_default().insert(key, journal);
    }
    let mut all = Vec::new();
    for (name, same) in by_name {
        for (number, mut journal) in same.into_values().enumerate() {
            if number > 0 {
                journal.session.id = another(&name, &taken)?;
                taken.insert(journal.session.id.clone());
            }
            all.push(journal);
        }
    }
    Ok(all)
}

fn another(name: &SessionId, taken: &BTreeSet<SessionId>) -> anyhow::Result<SessionId> {
    for number in 2..1000 {
        let end = format!("-{number}");
        let begin: String = name.as_str().chars().take(64 - end.len()).collect();
        let id = SessionId::parse(&format!("{begin}{end}"))?;
        if !taken.contains(&id) {
            return Ok(id);
        }
    }
    bail!("no name near to `{name}` is free")
}
