//! Moving the pin: other versions of the same packages, proved again.

use std::collections::BTreeMap;

use super::lacks::say_lacks;
use super::plan::{Plan, say_mismatches};
use super::prove::{nix, prove, remember};
use super::{Answer, Options, World, record, versions};
use crate::commit::Repository;
use crate::console::{Hint, escape};
use crate::nix::Pin;
use crate::verification::Versions;

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
    let progress = console.progress("evaluating the versions of the pin before");
    let before = versions::evaluate(&nix, &plan)?.unwrap_or_default();
    drop(progress);
    versions::keep(&repository, &plan.document.pin, &before)?;
    plan.document.pin = next;
    let verification = prove(world, &repository, &plan, options.include_work)?;
    if !verification.is_passed() {
        console.say(crate::report::failures(&verification).trim_end());
        console.say("the pin stays as it was");
        return Ok(Answer::No);
    }
    console.say(changes(&before, &verification.versions).trim_end());
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

/// Splits the name of a derivation at its version, as Nix does: before the first `-` that a digit follows.
pub(super) fn split(name: &str) -> (&str, &str) {
    let at = name.match_indices('-').find(|(at, _)| name[at + 1..].starts_with(|c: char| c.is_ascii_digit()));
    at.map_or((name, ""), |(at, _)| (&name[..at], &name[at + 1..]))
}

fn changes(before: &Versions, after: &Versions) -> String {
    let mut old: BTreeMap<&str, &str> = before.iter().collect();
    let mut lines = Vec::new();
    for (name, version) in after.iter() {
        match old.remove(name) {
            Some(old) if old == version => {}
            old => lines.push(format!("{}  {} -> {}", escape(name), escape(old.unwrap_or("unknown")), escape(version))),
        }
    }
    lines.extend(old.keys().map(|name| format!("{}  is not known any more", escape(name))));
    match lines.as_slice() {
        [] => "no version changes".to_owned(),
        lines => format!("versions that change\n  {}", lines.join("\n  ")),
    }
}
