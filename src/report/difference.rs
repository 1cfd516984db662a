//! What changed between two captures.
//!
//! A [`Difference`] is made of two captures, or read from its JSON form, which is published as `schemas/diff.schema.json`: a
//! job that may write to a pull request reads what a job that may not has found. All that is read passes the types of its
//! fields; texts are escaped where they are shown.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::ensure;
use serde::{Deserialize, Serialize};

use super::summary::{ABOUT, Summary};
use super::{Package, Report, VersionOf};
use crate::console::escape;
use crate::index::Index;
use crate::journal::{Journal, Known, SessionId, malformed};
use crate::nix::{Installable, Pin, Source, System};
use crate::requirements::{CheckName, Document};
use crate::verification::Versions;

mod markdown;
mod terminal;

pub use markdown::MARKER;

/// The version of the JSON form.
const VERSION: u32 = 1;

/// The most bytes of the JSON form that are read.
pub const LARGEST: usize = 4_000_000;

/// A capture, as a revision or the work tree has it.
#[derive(Clone, Debug, Default)]
pub struct Capture {
    /// What is required; none when nothing is captured.
    pub document: Option<Document>,
    /// The journals.
    pub journals: Vec<Journal>,
    /// The bytes of the policy.
    pub policy: Option<Vec<u8>>,
    /// Versions at the pin, as far as they are known.
    pub versions: Versions,
}

/// What changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Difference {
    /// 1.
    pub version: u32,
    /// What is compared.
    pub from: Side,
    /// With what.
    pub to: Side,
    /// Packages that came, went, or are of another version, by attr.
    pub packages: Vec<PackageChange>,
    /// Checks that came, went, or run something else, by name.
    pub checks: Vec<CheckChange>,
    /// The pin, when it moved.
    pub pin: Option<Change<Pin>>,
    /// Other flakes that came, went, or are of another revision, by owner and repository.
    #[serde(default)]
    pub inputs: Vec<Change<Source>>,
    /// Sessions that came and went.
    pub sessions: Vec<Change<SessionId>>,
    /// Folders outside the project whose content sessions changed.
    pub left_behind: Vec<Change<Folder>>,
    /// Systems that came and went.
    pub systems: Vec<Change<System>>,
    /// Unfree packages whose use is allowed, or no longer is.
    pub unfree: Vec<Change<String>>,
    /// Whether the policy came, went or is another.
    pub policy: Option<Kind>,
    /// Whether it was read, so that it is somebody's claim.
    #[serde(skip)]
    read: bool,
}

/// One of the two captures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Side {
    /// As it was asked for: a revision, `the work tree`.
    pub name: String,
    /// The commit, when it is one.
    pub commit: Option<String>,
}

/// What happened to a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// It is new.
    In,
    /// It is gone.
    Out,
    /// It is another.
    Changed,
}

/// A thing before and after: one of the two at least.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change<T> {
    /// Before.
    pub before: Option<T>,
    /// After.
    pub after: Option<T>,
}

impl<T> Change<T> {
    /// Returns what happened.
    pub fn kind(&self) -> Kind {
        match (&self.before, &self.after) {
            (None, _) => Kind::In,
            (_, None) => Kind::Out,
            _ => Kind::Changed,
        }
    }
}

/// A package that changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackageChange {
    /// Its attr; of another flake its flakeref and name.
    pub attr: Installable,
    /// What is said of it.
    pub change: Change<PackageSide>,
}

/// What one capture says of a package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackageSide {
    /// Its version, when that of the pin is known.
    pub version: Option<String>,
    /// The version of the index, when that of the pin is not known.
    #[serde(default)]
    pub indexed: Option<String>,
    /// The version on the host.
    pub seen: Option<String>,
    /// How many runs need it.
    pub runs: u64,
    /// Whether the kernel saw that; none of what the policy keeps.
    pub known: Option<Known>,
    /// The first command that needed it, or the reason of the policy.
    pub why: Option<String>,
}

/// A check that changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckChange {
    /// Its name.
    pub name: CheckName,
    /// The whole command, for Bash at the repository's root.
    pub change: Change<String>,
}

/// A folder, and how much in it was made or changed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Folder {
    /// The folder, or `packages of the host`.
    pub path: String,
    /// How much: `3 files, 12 kB`, or their names.
    pub what: String,
}

impl Difference {
    /// Compares two captures.
    pub fn between((from, before): (Side, &Capture), (to, after): (Side, &Capture), index: &Index) -> Self {
        let (old, new) = (before.summary(index), after.summary(index));
        let pins = (before.document.as_ref().map(|it| &it.pin), after.document.as_ref().map(|it| &it.pin));
        let systems = |capture: &Capture| {
            let systems = capture.document.as_ref().map(|it| it.requirements.systems.clone());
            systems.unwrap_or_default()
        };
        let unfree = |capture: &Capture| -> BTreeSet<String> {
            let names = capture.document.iter().flat_map(|it| &it.requirements.unfree);
            names.map(|name| escape(name)).collect()
        };
        let sessions = |capture: &Capture| capture.journals.iter().map(|it| it.session.id.clone()).collect();
        Self {
            version: VERSION,
            from,
            to,
            packages: changes(packages(&old), packages(&new), is_same)
                .into_iter()
                .map(|(attr, change)| PackageChange { attr, change })
                .collect(),
            checks: changes(checks(before, &old), checks(after, &new), PartialEq::eq)
                .into_iter()
                .map(|(name, change)| CheckChange { name, change })
                .collect(),
            pin: (pins.0 != pins.1).then(|| Change { before: pins.0.cloned(), after: pins.1.cloned() }),
            inputs: changes(inputs(before), inputs(after), PartialEq::eq).into_values().collect(),
            sessions: members(sessions(before), sessions(after)),
            left_behind: changes(folders(&old), folders(&new), PartialEq::eq).into_values().collect(),
            systems: members(systems(before), systems(after)),
            unfree: members(unfree(before), unfree(after)),
            policy: match (&before.policy, &after.policy) {
                (None, Some(_)) => Some(Kind::In),
                (Some(_), None) => Some(Kind::Out),
                (old, new) => (old != new).then_some(Kind::Changed),
            },
            read: false,
        }
    }

    /// Reads the JSON form. What is too long, of another version or not exactly of this form is an error.
    pub fn parse(bytes: &[u8]) -> anyhow::Result<Self> {
        ensure!(bytes.len() <= LARGEST, "it has {} bytes, more than {LARGEST}", bytes.len());
        let read: Self = serde_json::from_slice(bytes).map_err(|error| malformed("it is no diff", &error))?;
        ensure!(read.version == VERSION, "it is of version {}; this program knows {VERSION}", read.version);
        Ok(Self { read: true, ..read })
    }

    /// Returns it as JSON, LF at the end.
    pub fn json(&self) -> anyhow::Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    /// Returns what `~` before a version means; none when no version that is shown has it.
    fn about(&self) -> Option<String> {
        let sides = self.packages.iter().map(|it| &it.change).filter(|change| change.kind() != Kind::Changed);
        let mut sides = sides.flat_map(|change| change.before.iter().chain(&change.after));
        let is_shown = sides.any(|side| side.version.is_none() && side.indexed.is_some());
        is_shown.then(|| format!("{ABOUT} of the index, the pin may have another"))
    }

    /// Returns whether nothing changed. That other runs need the same packages is no change.
    pub fn is_empty(&self) -> bool {
        let Self { packages, checks, pin, inputs, sessions, left_behind, systems, unfree, policy, .. } = self;
        let lists = packages.is_empty() && checks.is_empty() && sessions.is_empty() && left_behind.is_empty();
        let sets = inputs.is_empty() && systems.is_empty() && unfree.is_empty();
        lists && sets && pin.is_none() && policy.is_none()
    }
}

impl Capture {
    /// Returns what a report says of it; none when nothing is captured.
    fn summary(&self, index: &Index) -> Option<Summary> {
        let document = self.document.as_ref()?;
        let (journals, versions) = (&self.journals, &self.versions);
        Some(Report { document, journals, index, versions, verification: None, findings: &[] }.summary())
    }
}

/// Returns the packages as the report names them: by attr, and those of other flakes by flakeref and name.
fn packages(summary: &Option<Summary>) -> BTreeMap<Installable, PackageSide> {
    let side = |package: &Package| {
        let version = |of| package.version.clone().filter(|_| package.version_of == Some(of));
        let side = PackageSide {
            version: version(VersionOf::Pin),
            indexed: version(VersionOf::Index),
            seen: package.seen.clone(),
            runs: package.runs,
            known: package.known,
            why: package.first_command.clone().or_else(|| package.policy.clone()),
        };
        Installable::parse(&package.attr).ok().map(|name| (name, side))
    };
    summary.iter().flat_map(|summary| &summary.packages).filter_map(side).collect()
}

/// Returns whether two captures say the same of a package. A version that is not known says nothing.
fn is_same(before: &PackageSide, after: &PackageSide) -> bool {
    let versions = before.version.as_ref().zip(after.version.as_ref());
    versions.is_none_or(|(before, after)| before == after) && (&before.seen, before.known) == (&after.seen, after.known)
}

/// Returns the other flakes, by owner and repository.
fn inputs(capture: &Capture) -> BTreeMap<String, Source> {
    let sources = capture.document.iter().flat_map(|document| &document.requirements.inputs).map(|it| &it.source);
    sources.map(|source| (format!("{}/{}", source.owner, source.repo).to_lowercase(), source.clone())).collect()
}

fn checks(capture: &Capture, summary: &Option<Summary>) -> BTreeMap<CheckName, String> {
    let names = capture.document.iter().flat_map(|document| &document.requirements.checks).map(|check| &check.name);
    let rows = summary.iter().flat_map(|summary| &summary.checks).map(|check| check.line.clone());
    names.cloned().zip(rows).collect()
}

/// Returns the folders that sessions left something in, with the largest of what they left.
fn folders(summary: &Option<Summary>) -> BTreeMap<String, Folder> {
    let mut folders: BTreeMap<String, (u64, Folder)> = BTreeMap::new();
    for left in summary.iter().flat_map(|summary| &summary.left_behind) {
        let folder = Folder { path: left.path.clone(), what: left.amount() };
        let entry = folders.entry(left.path.clone()).or_insert_with(|| (left.bytes, folder.clone()));
        if left.bytes > entry.0 {
            *entry = (left.bytes, folder);
        }
    }
    let mut folders: BTreeMap<String, Folder> = folders.into_iter().map(|(path, (_, folder))| (path, folder)).collect();
    for name in summary.iter().flat_map(|summary| &summary.installed) {
        let folder = Folder { path: "packages of the host".to_owned(), what: name.clone() };
        folders.insert(format!("installed {name}"), folder);
    }
    folders
}

/// Returns what differs between two maps.
fn changes<K: Ord + Clone, V>(
    before: BTreeMap<K, V>,
    mut after: BTreeMap<K, V>,
    same: impl Fn(&V, &V) -> bool,
) -> BTreeMap<K, Change<V>> {
    let mut all: BTreeMap<K, Change<V>> = BTreeMap::new();
    for (key, old) in before {
        match after.remove(&key) {
            Some(new) if same(&old, &new) => {}
            new => drop(all.insert(key, Change { before: Some(old), after: new })),
        }
    }
    all.extend(after.into_iter().map(|(key, new)| (key, Change { before: None, after: Some(new) })));
    all
}

/// Returns what differs between two sets.
fn members<T: Ord + Clone>(before: BTreeSet<T>, after: BTreeSet<T>) -> Vec<Change<T>> {
    let map = |set: BTreeSet<T>| set.into_iter().map(|it| (it.clone(), it)).collect();
    changes(map(before), map(after), |_, _| true).into_values().collect()
}

/// Returns `2 in, 1 out, 3 changed`.
fn counts(kinds: &[Kind]) -> String {
    let count = |kind: Kind, word: &str| {
        let count = kinds.iter().filter(|it| **it == kind).count();
        (count > 0).then(|| format!("{count} {word}"))
    };
    let all = [count(Kind::In, "in"), count(Kind::Out, "out"), count(Kind::Changed, "changed")];
    let all: Vec<String> = all.into_iter().flatten().collect();
    if all.is_empty() { "none changed".to_owned() } else { all.join(", ") }
}

/// Returns the first twelve digits of a revision.
fn short(rev: &str) -> &str {
    rev.get(..12).unwrap_or(rev)
}
