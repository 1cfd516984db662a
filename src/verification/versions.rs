//! Versions of packages at a pin, as Nix evaluates them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::nix::{Asked, AttrPath, Nix, System, Tree};
use crate::requirements::{Input, InputPackage, Requirements};

/// Versions by attr; those of other flakes by flakeref and name, `github:OWNER/REPO/REV#NAME`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Versions(BTreeMap<String, String>);

/// Which versions are asked for, each with the name under which it is kept.
pub(super) struct Wanted {
    pub(super) asked: Asked,
    names: Vec<String>,
}

impl Wanted {
    /// Those of all that is required.
    pub(super) fn of(requirements: &Requirements) -> Self {
        let packages = &requirements.packages;
        let names = packages.iter().map(|package| package.attr.to_string());
        Self {
            names: names.chain(requirements.borrowed().map(|(input, package)| name(input, package))).collect(),
            asked: Asked {
                attrs: packages.iter().map(|package| package.attr.clone()).collect(),
                borrowed: requirements.borrowed().map(|(input, it)| (input.name.clone(), it.attr.clone())).collect(),
            },
        }
    }

    /// Gives each version its name.
    pub(super) fn named(self, versions: Vec<String>) -> Versions {
        Versions(self.names.into_iter().zip(versions).filter(|(_, version)| !version.is_empty()).collect())
    }
}

/// Returns the name of a package of another flake that says which bytes it is of.
fn name(input: &Input, package: &InputPackage) -> String {
    format!("{}#{}", input.source.url(), package.attr)
}

impl Versions {
    /// Evaluates them alone. None when Nix cannot.
    pub fn evaluate(tree: &Tree, requirements: &Requirements, nix: &Nix) -> anyhow::Result<Option<Self>> {
        let wanted = Wanted::of(requirements);
        let versions = nix.versions(tree, &System::current(), &wanted.asked)?;
        Ok(versions.ok().map(|versions| wanted.named(versions)))
    }

    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the version of a package of nixpkgs.
    pub fn of(&self, attr: &AttrPath) -> Option<&str> {
        self.0.get(attr.as_str()).map(String::as_str)
    }

    /// Returns the version of a package of another flake.
    pub fn of_input(&self, input: &Input, package: &InputPackage) -> Option<&str> {
        self.0.get(&name(input, package)).map(String::as_str)
    }

    /// Adds others of the same pin.
    pub fn add(&mut self, others: &Self) {
        self.0.extend(others.0.clone());
    }

    /// Returns all, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, version)| (name.as_str(), version.as_str()))
    }
}
