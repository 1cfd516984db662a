//! What sessions used that the shell of a hand-written flake lacks.

use std::collections::BTreeSet;

use anyhow::Context;

use super::World;
use super::plan::Plan;
use super::prove::Export;
use crate::commit::Repository;
use crate::console::escape;
use crate::nix::{Nix, System, Tree};

/// Says what a hand-written flake's devShell lacks of what ours has. Both are evaluated, none is built.
pub(super) fn say_lacks(world: &World, nix: &Nix, repository: &Repository, plan: &Plan) {
    let console = world.console;
    match lacks(nix, repository, plan) {
        Ok(names) if names.is_empty() => {
            console.say("the devShell of your flake.nix has what the sessions used, as far as names tell");
        }
        Ok(names) => {
            console.say(format_args!("the devShell of your flake.nix lacks: {}", escape(&names.join(", "))));
        }
        Err(error) => {
            console.say(format_args!(
                "the devShell of your flake.nix was not compared: {}",
                escape(&format!("{error:#}"))
            ));
        }
    }
}

/// Returns the names of the packages that our shell has and theirs has not.
fn lacks(nix: &Nix, repository: &Repository, plan: &Plan) -> anyhow::Result<Vec<String>> {
    let proposal = plan.propose(repository, false)?;
    let export = Export::new(plan.folder, true, &|into| proposal.export(into))?;
    let system = System::current();
    let names = |tree: &Tree| {
        Ok::<BTreeSet<String>, anyhow::Error>(
            nix.shell_packages(tree, &system)?.iter().map(|name| plain(name).to_owned()).collect(),
        )
    };
    let theirs = names(&Tree::new(&export.tree.root)).context("failed to evaluate it")?;
    let ours = names(&export.tree).context("failed to evaluate ours")?;
    Ok(ours.difference(&theirs).cloned().collect())
}

/// Returns the name of a package without version and interpreter: `requests` of `python3.13-requests-2.32`, `jq` of `jq-1.8.1`.
fn plain(name: &str) -> &str {
    let name = name.strip_prefix("python3").map_or(name, |rest| {
        let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        rest.strip_prefix('-').filter(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic())).unwrap_or(name)
    });
    super::update::split(name).0
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn names_without_versions() {
        for (name, expected) in [
            ("jq-1.8.1", "jq"),
            ("python3.13-requests-2.32.4", "requests"),
            ("python3-3.13.5", "python3"),
            ("python3-3.13.5-env", "python3"),
            ("gcc-wrapper-14.2", "gcc-wrapper"),
            ("hook", "hook"),
        ] {
            assert_eq!(plain(name), expected);
        }
    }
}
