//! Moving the pin: other versions of the same packages, proved again.

use std::collections::BTreeMap;
use std::fmt::Write;

use anyhow::Context;

use super::lacks::say_lacks;
use super::plan::{Plan, say_mismatches};
use super::prove::{nix, prove, remember};
use super::{Answer, Options, World, record};
use crate::commit::Repository;
use crate::console::{Hint, escape};
use crate::nix::{Nix, Pin, System, Tree};

/// The branch of nixpkgs that is looked up when none is named.
const BRANCH: &str = "nixos-26.05";

/// `update`: moves the pin to what is named, or to a channel's newest, proves the flake again, says which versions change, and
/// commits. When the proof fails the work tree is as before.
pub fn update(world: &World, pin: Option<&str>, options: &Options) -> anyhow::Result<Answer> {
    let console = world.console;
    let repository = Repository::discover(&world.cwd)?;
    let mut plan = Plan::as_written(&repository)?;
    let mismatches = plan.mismatches(&repository)?;
    if !mismatches.is_empty() {
        say_mismatches(world, &mismatches);
        return Ok(Answer::No);
    }
    let nix = nix(world)?;
    let named = pin.unwrap_or(BRANCH);
    let next = match Pin::parse(named) {
        Some(pin) => pin,
        None => nix
            .pin(named)
            .hint("without a network name a pin that Nix has: github:NixOS/nixpkgs/REV?lastModified=N&narHash=HASH")?,
    };
    if next == plan.document.pin {
        console.say(format_args!("the pin is {} already", next.rev));
        return Ok(Answer::Yes);
    }
    let before = versions(&nix, &repository, &plan)?;
    plan.document.pin = next;
    let verification = prove(world, &repository, &plan, options.include_work)?;
    if !verification.is_passed() {
        console.say(crate::report::failures(&verification).trim_end());
        console.say("the pin stays as it was");
        return Ok(Answer::No);
    }
    let changes = changes(&before, &versions(&nix, &repository, &plan)?);
    console.say(changes.trim_end());
    if plan.is_aside() {
        say_lacks(world, &nix, &repository, &plan);
    }
    plan.write(&repository)?;
    remember(&repository, &plan.propose(&repository, options.include_work)?, &verification)?;
    if !options.commit {
        return Ok(Answer::Yes);
    }
    let rev = plan.document.pin.rev.as_str();
    let subject = format!("agent-capture: update nixpkgs to {}", rev.get(..12).unwrap_or(rev));
    record(world, &repository, &plan, Some(&verification), &Options { subject: Some(subject), ..options.clone() })
}

/// Returns the versions of the shell's packages, by name.
fn versions(nix: &Nix, repository: &Repository, plan: &Plan) -> anyhow::Result<BTreeMap<String, String>> {
    let export =
        tempfile::Builder::new().prefix("agent-capture-").tempdir().context("failed to make a temporary folder")?;
    for file in plan
        .files()?
        .iter()
        .filter(|file| file.path == plan.place("flake.nix") || file.path == plan.place("flake.lock"))
    {
        let name = file.path.rsplit('/').next().unwrap_or_default();
        std::fs::write(export.path().join(name), file.bytes.as_deref().unwrap_or_default())?;
    }
    let tree = Tree::new(&export.path().canonicalize()?, "");
    let names = nix.shell_packages(&tree, &System::current());
    let names = names.with_context(|| format!("failed to look up versions for `{}`", repository.root().display()))?;
    let pair = |name: &String| {
        let (name, version) = split(name);
        (name.to_owned(), version.to_owned())
    };
    Ok(names.iter().map(pair).collect())
}

/// Splits the name of a derivation at its version, as Nix does: before the first `-` that a digit follows.
pub(super) fn split(name: &str) -> (&str, &str) {
    let at = name.match_indices('-').find(|(at, _)| name[at + 1..].starts_with(|c: char| c.is_ascii_digit()));
    at.map_or((name, ""), |(at, _)| (&name[..at], &name[at + 1..]))
}

fn changes(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> String {
    let mut out = String::new();
    for (name, version) in after {
        let old = before.get(name).map_or("", String::as_str);
        if old != version {
            let line = format!("  {}  {} -> {}", escape(name), escape(old), escape(version));
            writeln!(out, "{line}").expect("a String takes all");
        }
    }
    for name in before.keys().filter(|name| !after.contains_key(*name)) {
        writeln!(out, "  {}  is gone", escape(name)).expect("a String takes all");
    }
    if out.is_empty() { "no version changes".to_owned() } else { format!("versions that change\n{out}") }
}
