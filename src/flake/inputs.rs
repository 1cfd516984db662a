//! Further inputs, as the flake has them.

use minijinja::context;
use minijinja::value::Value;

use super::{counted, source};
use crate::requirements::{Input, InputPackage};

/// Returns each input's name and URL, and whether its nixpkgs is ours.
pub(super) fn urls(inputs: &[Input]) -> Vec<Value> {
    let url = |input: &Input| {
        context! { name => source(input.name.as_str()), url => input.source.url(), follows => input.source.nixpkgs }
    };
    inputs.iter().map(url).collect()
}

/// Returns the arguments of the outputs, more than two on a line each as nixfmt has them.
pub(super) fn arguments(inputs: &[Input]) -> String {
    if inputs.is_empty() {
        return "{ self, nixpkgs }".to_owned();
    }
    let more: String = inputs.iter().map(|input| format!("      {},\n", input.name)).collect();
    format!("{{\n      self,\n      nixpkgs,\n{more}    }}")
}

/// Returns the packages of all inputs, as the list of packages has them.
pub(super) fn packages(inputs: &[Input]) -> Vec<Value> {
    let package = |input: &Input, package: &InputPackage| {
        let (name, attr) = (input.name.as_str(), package.attr.nix());
        let why = if package.runs == 0 { "asked for".to_owned() } else { counted(package.runs) };
        context! {
            attr => source(format!("{name}.packages.${{pkgs.stdenv.hostPlatform.system}}.{attr}")),
            why => source(why),
        }
    };
    inputs.iter().flat_map(|input| input.packages.iter().map(move |it| package(input, it))).collect()
}
