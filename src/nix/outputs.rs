//! What a flake gives, in one evaluation.

use std::collections::{BTreeMap, BTreeSet};
use std::iter;

use serde::Deserialize;

use super::run::said_or_read;
use super::{AttrPath, Finished, InputName, Nix, SHELLS, System, Tree};

/// The function that is evaluated.
const OUTPUTS: &str = include_str!("outputs.nix");

/// The longest version, in bytes.
const LONGEST: usize = 64;

/// What is asked of a flake besides its outputs: versions.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// Packages of the input `nixpkgs`.
    pub attrs: Vec<AttrPath>,
    /// Packages and shells of other inputs, by the name of each.
    pub borrowed: Vec<(InputName, AttrPath)>,
}

/// What a flake gives.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outputs {
    /// The names of all outputs.
    pub names: BTreeSet<String>,
    /// The checks for the system.
    pub checks: BTreeMap<String, Check>,
    /// The derivations of the shells for the system.
    pub shells: BTreeMap<String, String>,
    /// The derivations of the packages for the system.
    pub packages: BTreeMap<String, String>,
    /// The derivations that run the machines; empty for one of another system that refuses to evaluate.
    pub machines: BTreeMap<String, String>,
    /// Other systems for which something of it refuses to evaluate.
    pub refused: BTreeSet<String>,
    /// The versions of what was asked for, in that order; empty where there is none.
    pub versions: Vec<String>,
}

/// A check.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// Path of its derivation.
    pub drv: String,
    /// Path of its output.
    pub out: String,
}

impl Asked {
    /// Returns the attribute paths below a flake's inputs, as Nix source.
    fn nix(&self, system: &System) -> String {
        let attrs = self.attrs.iter().map(|attr| ("nixpkgs", "legacyPackages", attr));
        let borrowed = self
            .borrowed
            .iter()
            .map(|(input, attr)| (input.as_str(), if attr.shell().is_some() { SHELLS } else { "packages" }, attr));
        let path = |(input, set, attr): (&str, &str, &AttrPath)| {
            // All of these are words that need no escape.
            let own = attr.names().skip(usize::from(set == SHELLS));
            let names = [input, set, system.as_str()].into_iter().chain(own);
            format!("[{}]", names.map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(" "))
        };
        attrs.chain(borrowed).map(path).collect::<Vec<_>>().join(" ")
    }
}

impl Nix {
    /// Evaluates a tree's flake for a system, purely and without building: none with what Nix said when it cannot.
    pub fn outputs(&self, tree: &Tree, system: &System, asked: &Asked) -> anyhow::Result<Result<Outputs, Finished>> {
        let outputs = self.evaluate(tree, system, asked, "")?;
        Ok(outputs
            .map(|outputs: Outputs| Outputs { versions: outputs.versions.into_iter().map(plain).collect(), ..outputs }))
    }

    /// Evaluates versions alone, in the order in which they are asked for; empty where there is none.
    pub fn versions(
        &self,
        tree: &Tree,
        system: &System,
        asked: &Asked,
    ) -> anyhow::Result<Result<Vec<String>, Finished>> {
        let versions: Result<Vec<String>, Finished> = self.evaluate(tree, system, asked, ".versions")?;
        Ok(versions.map(|versions| versions.into_iter().map(plain).collect()))
    }

    fn evaluate<T: serde::de::DeserializeOwned>(
        &self,
        tree: &Tree,
        system: &System,
        asked: &Asked,
        part: &str,
    ) -> anyhow::Result<Result<T, Finished>> {
        let (flakeref, versions) = (tree.locked()?, asked.nix(system));
        let call = format!(
            "(({OUTPUTS}) {{ flakeref = \"{flakeref}\"; system = \"{system}\"; versions = [ {versions} ]; }}){part}"
        );
        let mut command = self.command(&["eval", "--json", "--no-write-lock-file", "--no-update-lock-file"]);
        command.args(iter::once("--expr").chain([call.as_str()]));
        said_or_read(&self.output(command)?, "the flake")
    }
}

/// Returns a version; none of what is not short and printable.
fn plain(version: String) -> String {
    let is_plain = version.len() <= LONGEST && version.bytes().all(|b| b.is_ascii_graphic());
    if is_plain { version } else { String::new() }
}
