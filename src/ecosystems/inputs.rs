//! Further inputs in the making: other flakes than nixpkgs, and what of them is needed.

use std::collections::{BTreeMap, BTreeSet};

use super::Borrowed;
use super::draft::{Entry, Package};
use crate::nix::{AttrPath, GithubName, InputName, Source};
use crate::policy::Policy;
use crate::requirements::{Input, InputPackage, ProgramName};

/// What is needed of other flakes.
#[derive(Default)]
pub(super) struct Inputs {
    /// By owner and repository.
    all: BTreeMap<(GithubName, GithubName), Flake>,
}

struct Flake {
    /// The newest that was used: a flake is an input once.
    source: Source,
    packages: BTreeMap<AttrPath, Package>,
}

impl Inputs {
    /// Adds evidence for a package.
    pub(super) fn want(&mut self, entry: &Entry, borrowed: Borrowed) {
        let Borrowed { source, attr, programs } = borrowed;
        let at = (source.owner.clone(), source.repo.clone());
        let flake = self.all.entry(at).or_insert_with(|| Flake { source: source.clone(), packages: BTreeMap::new() });
        let age = |source: &Source| (source.last_modified, source.rev.clone());
        if age(&source) > age(&flake.source) {
            flake.source = source;
        }
        let package = flake.packages.entry(attr).or_default();
        package.programs.extend(programs.iter().filter_map(|name| ProgramName::parse(name)));
        package.evidence.insert(entry.evidence.clone(), entry.clone());
    }

    /// Takes out what the policy drops; returns what needed it.
    pub(super) fn drop(&mut self, policy: &Policy) -> Vec<Entry> {
        let names = self.names();
        let is_dropped = |name: &InputName| policy.input.iter().any(|choice| choice.drop == *name);
        let gone = self.all.iter_mut().filter(|(at, _)| names.get(*at).is_some_and(is_dropped));
        // The flake stays, without packages: names do not move.
        let packages = gone.flat_map(|(_, flake)| std::mem::take(&mut flake.packages).into_values());
        packages.flat_map(|package| package.evidence.into_values()).collect()
    }

    /// Returns a name for each flake: its repository's, as far as that is a name, with a number where two have the same.
    fn names(&self) -> BTreeMap<(GithubName, GithubName), InputName> {
        let mut taken = BTreeSet::new();
        let mut names = BTreeMap::new();
        for at in self.all.keys() {
            let plain = plain(&at.1);
            let numbered = (2..).map(|number: u32| format!("{plain}-{number}"));
            let free = std::iter::once(plain.clone())
                .chain(numbered)
                .filter_map(|name| InputName::parse(&name).ok())
                .find(|name| !taken.contains(name));
            if let Some(name) = free {
                taken.insert(name.clone());
                names.insert(at.clone(), name);
            }
        }
        names
    }

    pub(super) fn finish(self) -> Vec<Input> {
        let mut names = self.names();
        let input = |(at, flake): ((GithubName, GithubName), Flake)| {
            let packages = flake.packages.into_iter().map(|(attr, package)| {
                let it = package.finish(attr);
                InputPackage {
                    attr: it.attr,
                    programs: it.programs,
                    runs: it.runs,
                    known: it.known,
                    evidence: it.evidence,
                }
            });
            Some(Input { name: names.remove(&at)?, source: flake.source, packages: packages.collect() })
        };
        self.all.into_iter().filter(|(_, flake)| !flake.packages.is_empty()).filter_map(input).collect()
    }
}

/// Returns a repository's name as that of an input, room left for a number.
fn plain(repo: &GithubName) -> String {
    let lower = repo.as_str().to_ascii_lowercase();
    let name: String = lower.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(48).collect();
    let name = name.trim_matches('-');
    match InputName::parse(name) {
        Ok(_) => name.to_owned(),
        Err(_) if name.starts_with(|c: char| c.is_ascii_lowercase()) => format!("{name}-flake"),
        Err(_) => format!("flake-{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_valid_and_differ() {
        let named = |repo: &str| plain(&GithubName::parse(repo).expect(repo));
        for (repo, name) in [
            ("treefmt", "treefmt"),
            ("Tree_Fmt.nix", "tree-fmt-nix"),
            ("nixpkgs", "nixpkgs-flake"),
            ("self", "self-flake"),
            ("systems", "systems-flake"),
            ("7zip", "flake-7zip"),
            ("x", "x-flake"),
            ("_", "flake-"),
        ] {
            assert_eq!(named(repo), name);
            assert!(InputName::parse(name).is_ok(), "{name}");
        }
        assert!(named(&"x".repeat(100)).len() < 60);
    }
}
