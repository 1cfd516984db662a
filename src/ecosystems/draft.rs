//! Requirements in the making: what is known of each package, and of what brings none.

use std::collections::{BTreeMap, BTreeSet};

use super::inputs::Inputs;
use super::{Want, families, python, refused, versions};
use crate::event::Bytes;
use crate::index::Index;
use crate::journal::Known;
use crate::nix::AttrPath;
use crate::policy::Policy;
use crate::requirements::{
    Builds, Evidence, Ignored, Instead, ProgramName, Refusal, Refused, Requirement, Requirements, Unrecognized,
};

/// Reason for a program whose package nixpkgs refuses.
const REFUSED: &str = "nixpkgs refuses its package";

/// An entry of a journal, and what of it counts.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) evidence: Evidence,
    pub(super) runs: u64,
    pub(super) known: Known,
    /// Whether it is a program; else it is a command line.
    pub(super) is_program: bool,
}

/// A requirement in the making.
#[derive(Clone, Default)]
pub(super) struct Package {
    pub(super) programs: BTreeSet<ProgramName>,
    pub(super) seen: Option<String>,
    pub(super) evidence: BTreeMap<Evidence, Entry>,
    pub(super) policy: Option<String>,
    pub(super) instead: Option<Instead>,
    /// Other packages that it could be as well, as long as only a name speaks for this one.
    pub(super) alternatives: Option<Vec<AttrPath>>,
    /// Whether the project is built against it.
    pub(super) library: bool,
    /// Whether what it is built with is needed, and whether it itself is.
    pub(super) builds: bool,
    pub(super) itself: bool,
}

pub(super) struct Draft<'a> {
    pub(super) index: &'a Index,
    /// The Python of the journal that is read, when it is another than the default one.
    pub(super) python: Option<families::Choice>,
    pub(super) refused: BTreeMap<AttrPath, Refused>,
    /// Programs of packages that are refused.
    pub(super) without: BTreeSet<ProgramName>,
    /// Programs of the project's own packages, which its lock file keeps.
    pub(super) locked: BTreeSet<ProgramName>,
    pub(super) unfree: BTreeSet<String>,
    pub(super) packages: BTreeMap<AttrPath, Package>,
    pub(super) inputs: Inputs,
    pub(super) compiler: BTreeSet<Evidence>,
    pub(super) ignored: BTreeMap<(Evidence, String), u64>,
    pub(super) unrecognized: BTreeMap<(Evidence, Bytes), u64>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(index: &'a Index) -> Self {
        let (packages, ignored, unrecognized, refused) = Default::default();
        let (compiler, unfree, without, locked, inputs) = Default::default();
        Self {
            index,
            python: None,
            packages,
            inputs,
            compiler,
            ignored,
            unrecognized,
            refused,
            without,
            locked,
            unfree,
        }
    }

    /// Applies what the user chose to replace, to drop and to keep.
    pub(super) fn policy(&mut self, policy: &Policy) {
        for choice in &policy.replace {
            if !self.has_silently(choice.with()) {
                continue;
            }
            let Some(old) = self.packages.remove(choice.attr()) else {
                continue;
            };
            let package = self.packages.entry(choice.with().clone()).or_default();
            package.merge(old);
            package.alternatives = Some(Vec::new());
            package.policy = Some(choice.reason().to_owned());
        }
        let dropped: Vec<Package> =
            policy.drop.iter().filter_map(|choice| self.packages.remove(choice.attr())).collect();
        for entry in dropped.iter().flat_map(|package| package.evidence.values()) {
            if !self.packages.values().any(|package| package.evidence.contains_key(&entry.evidence)) {
                self.ignore(entry, "the policy drops its package");
            }
        }
        for entry in self.inputs.drop(policy) {
            self.ignore(&entry, "the policy drops its flake");
        }
        for choice in policy.keep.iter().filter(|choice| self.has_silently(choice.attr())).collect::<Vec<_>>() {
            let package = self.packages.entry(choice.attr().clone()).or_default();
            package.itself = true;
            if package.evidence.is_empty() {
                package.policy = Some(choice.reason().to_owned());
            }
        }
    }

    /// Returns whether the index has an attr that an ecosystem gave: nothing else may be required.
    pub(super) fn has(&self, attr: &AttrPath) -> bool {
        let has = self.has_silently(attr);
        debug_assert!(has, "`{attr}` is not in the index");
        has
    }

    pub(super) fn has_silently(&self, attr: &AttrPath) -> bool {
        self.index.attr(attr).is_some()
    }

    /// Takes one package where a family is there with a version and without: `nodejs` beside `nodejs_22`.
    pub(super) fn one_version(&mut self) {
        let unseen: Vec<&AttrPath> = self.packages.keys().collect();
        for (plain, versioned) in families::pairs(&unseen) {
            let is_other = |package: &Package| package.seen.is_some();
            let Some(old) = self.packages.get(&plain).filter(|package| !is_other(package)).cloned() else { continue };
            self.packages.remove(&plain);
            self.packages.entry(versioned.clone()).or_default().merge(old);
            let set: Vec<AttrPath> = self
                .packages
                .keys()
                .filter(|attr| families::in_set(self.index, attr, &versioned).is_some())
                .cloned()
                .collect();
            for attr in set {
                let Some(to) = families::in_set(self.index, &attr, &versioned) else { continue };
                let old = self.packages.remove(&attr).unwrap_or_default();
                self.packages.entry(to).or_default().merge(old);
            }
        }
    }

    /// Adds pkg-config where the project is built against libraries: a build that found them in the folders of the host finds
    /// them by it in the flake.
    pub(super) fn beside_libraries(&mut self) {
        let of_libraries = self.packages.values().filter(|package| package.library);
        let entries: Vec<Entry> = of_libraries.flat_map(|package| package.evidence.values()).cloned().collect();
        let is_built = !self.compiler.is_empty() || entries.iter().any(|entry| entry.evidence.entry.is_part());
        let Some(attr) = self.index.known("pkg-config") else { return };
        if is_built && !self.packages.contains_key(&attr) {
            for entry in entries {
                self.want(&Entry { runs: 0, is_program: false, ..entry }, Want::new(attr.clone()));
            }
        }
    }

    /// Leaves out what nixpkgs refuses and the policy does not allow.
    pub(super) fn refuse(&mut self, policy: &Policy) {
        let chosen: BTreeSet<&AttrPath> = policy
            .keep
            .iter()
            .map(super::super::policy::Choice::attr)
            .chain(policy.replace.iter().map(super::super::policy::Replacement::with))
            .collect();
        let is_refused = |attr: &AttrPath| match refused::of(attr)? {
            Refusal::Unfree if policy.unfree.contains(attr) => None,
            // The pin that the user knows of may differ from the index.
            Refusal::Insecure | Refusal::Broken if chosen.contains(attr) => None,
            why => Some((attr.clone(), why)),
        };
        let gone: Vec<(AttrPath, Refusal)> = self.packages.keys().filter_map(is_refused).collect();
        for (attr, why) in gone {
            let package = self.packages.remove(&attr).unwrap_or_default();
            for entry in package.evidence.values() {
                if !self.packages.values().any(|package| package.evidence.contains_key(&entry.evidence)) {
                    self.ignore(entry, REFUSED);
                }
            }
            self.without.extend(package.programs);
            let evidence = package.evidence.into_keys().collect();
            self.refused.insert(attr.clone(), Refused { attr, why, evidence });
        }
        // What the index takes for free, the pin may not.
        if self.packages.keys().any(|attr| policy.unfree.contains(attr)) {
            self.unfree = policy.unfree.iter().map(|attr| refused::name(self.index, attr)).collect();
        }
    }

    /// Adds evidence for a package. Python and its modules are those of the journal's Python.
    pub(super) fn want(&mut self, entry: &Entry, want: Want) -> AttrPath {
        let want = python::of_journal(self.python.as_ref(), want);
        let package = self.packages.entry(want.attr.clone()).or_default();
        package.instead = package.instead.take().or(want.instead);
        package.library |= want.library;
        package.builds |= want.builds;
        package.itself |= !want.builds;
        if entry.is_program {
            let few =
                |known: Vec<AttrPath>| known.into_iter().filter(|attr| want.alternatives.contains(attr)).collect();
            let known = package.alternatives.take();
            package.alternatives = Some(known.map_or_else(|| want.alternatives.clone(), few));
        } else {
            package.alternatives = Some(Vec::new());
        }
        package.programs.extend(want.programs.iter().filter_map(|name| ProgramName::parse(name)));
        package.seen = versions::highest(package.seen.take(), want.seen);
        package.evidence.insert(entry.evidence.clone(), entry.clone());
        want.attr
    }

    pub(super) fn ignore(&mut self, entry: &Entry, reason: &str) {
        self.ignored.insert((entry.evidence.clone(), reason.to_owned()), entry.runs);
    }

    pub(super) fn unrecognized(&mut self, entry: &Entry, name: Bytes) {
        self.unrecognized.insert((entry.evidence.clone(), name), entry.runs);
    }

    pub(super) fn finish(self) -> Requirements {
        let ignored = self.ignored.into_iter().map(|((evidence, reason), runs)| Ignored { evidence, runs, reason });
        let unrecognized =
            self.unrecognized.into_iter().map(|((evidence, name), runs)| Unrecognized { evidence, runs, name });
        Requirements {
            compiler: self.compiler,
            packages: self.packages.into_iter().map(|(attr, package)| package.finish(attr)).collect(),
            ignored: ignored.collect(),
            unrecognized: unrecognized.collect(),
            inputs: self.inputs.finish(),
            refused: self.refused.into_values().collect(),
            unfree: self.unfree,
            ..Requirements::default()
        }
    }
}

impl Package {
    /// Adds what is known of another that this one stands for.
    fn merge(&mut self, old: Self) {
        self.programs.extend(old.programs);
        self.seen = versions::highest(self.seen.take(), old.seen);
        self.evidence.extend(old.evidence);
        self.instead = self.instead.take().or(old.instead);
        self.library |= old.library;
        self.builds |= old.builds;
        self.itself |= old.itself;
    }

    /// Returns whether a program of it ran.
    pub(super) fn has_program(&self) -> bool {
        self.evidence.values().any(|entry| entry.is_program)
    }

    /// Counts the runs of programs; where none ran, those of the command lines that ask for it.
    pub(super) fn finish(self, attr: AttrPath) -> Requirement {
        let runs = |is_program| -> u64 {
            self.evidence.values().filter(|entry| entry.is_program == is_program).map(|entry| entry.runs).sum()
        };
        Requirement {
            attr,
            runs: if runs(true) > 0 { runs(true) } else { runs(false) },
            known: self.evidence.values().map(|entry| entry.known).min().unwrap_or(Known::Claimed),
            programs: self.programs,
            seen: self.seen,
            policy: self.policy,
            instead: self.instead,
            alternatives: self.alternatives.unwrap_or_default(),
            library: self.library,
            builds: self.builds.then_some(if self.itself { Builds::Too } else { Builds::Only }),
            evidence: self.evidence.into_keys().collect(),
        }
    }
}
