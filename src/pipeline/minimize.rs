//! Which packages the checks prove necessary: each is taken away in turn, and Nix builds what it must.

use std::collections::BTreeSet;
use std::fmt::Write;

use anyhow::Context;
use serde::Serialize;

use super::plan::{Plan, say_mismatches};
use super::prove::{nix, prove_by, show};
use super::{Answer, World};
use crate::commit::Repository;
use crate::console::escape;
use crate::flake::python_module;
use crate::nix::Installable;
use crate::requirements::{Evidence, Requirement, Requirements};
use crate::verification::Failure;

/// What `minimize` found.
#[derive(Debug, Serialize)]
pub struct Minimal {
    /// The packages, in the order of the flake.
    pub packages: Vec<Judged>,
}

/// A package, taken away.
#[derive(Debug, Serialize)]
pub struct Judged {
    /// The package.
    pub attr: Installable,
    /// Checks that fail without it: it is proved necessary when there is one.
    pub fails: Vec<String>,
    /// How many runs of the sessions needed it.
    pub runs: u64,
    /// The first command that did.
    pub command: Option<String>,
}

impl Judged {
    /// Returns whether a check proves it necessary.
    pub fn is_necessary(&self) -> bool {
        !self.fails.is_empty()
    }
}

impl Minimal {
    /// Returns it for a terminal.
    pub fn terminal(&self) -> String {
        let mut out = String::new();
        let width = self.packages.iter().map(|package| package.attr.as_str().len()).max().unwrap_or(0);
        for package in &self.packages {
            let Judged { attr, fails, runs, command } = package;
            let verdict = match fails.as_slice() {
                [] => "no check needs it".to_owned(),
                fails => format!("necessary: without it {} failed", escape(&fails.join(", "))),
            };
            let runs = if *runs == 1 { "1 run".to_owned() } else { format!("{runs} runs") };
            let command = command.as_deref().map(|line| format!("  {}", escape(line))).unwrap_or_default();
            writeln!(out, "{:width$}  {verdict}  ({runs}){command}", attr.as_str()).expect("a String takes all");
        }
        out
    }

    /// Returns it as JSON, LF at the end.
    pub fn json(&self) -> anyhow::Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    /// Returns whether every package is proved necessary.
    pub fn answer(&self) -> Answer {
        if self.packages.iter().all(Judged::is_necessary) { Answer::Yes } else { Answer::No }
    }
}

/// `minimize`: takes each package away in turn. With `write` the unneeded ones go into the policy as dropped.
pub fn minimize(world: &World, write: bool) -> anyhow::Result<Option<Minimal>> {
    let repository = Repository::discover(&world.cwd)?;
    let mut plan = Plan::as_written(&repository)?;
    let mismatches = plan.mismatches(&repository)?;
    if !mismatches.is_empty() {
        say_mismatches(world, &mismatches);
        return Ok(None);
    }
    let all = plan.document.requirements.clone();
    let mut packages = Vec::new();
    for (attr, runs, evidence) in candidates(&all) {
        plan.document.requirements = without(&all, &attr);
        let fails = fails(world, &repository, &plan, attr.as_str())?;
        let command = plan.report(None).first_line(&evidence);
        packages.push(Judged { attr, fails, runs, command });
    }
    plan.document.requirements = all;
    let minimal = Minimal { packages };
    if write {
        let gone = together(world, &repository, &mut plan, &minimal)?;
        drop_unneeded(world, &repository, &plan, &gone)?;
    }
    Ok(Some(minimal))
}

/// Returns all packages in the order of the flake, each with its runs and its evidence.
fn candidates(all: &Requirements) -> Vec<(Installable, u64, BTreeSet<Evidence>)> {
    let own = all.packages.iter().map(|it| (it.attr.clone().into(), it.runs, it.evidence.clone()));
    own.chain(all.borrowed().map(|(input, it)| (it.installable(input), it.runs, it.evidence.clone()))).collect()
}

/// Returns what is required without a package; modules of an interpreter go with it.
fn without(all: &Requirements, gone: &Installable) -> Requirements {
    let mut rest = all.clone();
    let is_module = |other: &Requirement| python_module(other).is_some_and(|(of, _)| of == gone.as_str());
    rest.packages.retain(|other| Installable::from(other.attr.clone()) != *gone && !is_module(other));
    for input in &mut rest.inputs {
        let source = input.clone();
        input.packages.retain(|package| package.installable(&source) != *gone);
    }
    rest.inputs.retain(|input| !input.packages.is_empty());
    rest
}

/// Returns what fails of a plan that lacks something.
fn fails(world: &World, repository: &Repository, plan: &Plan, lacks: &str) -> anyhow::Result<Vec<String>> {
    let nix = nix(world)?;
    let mut board = world.console.board(&format!("without {lacks}"));
    let verification = prove_by(&nix, repository, plan, false, &mut |step| show(&mut board, step));
    let verification = verification.with_context(|| format!("failed to try it without `{lacks}`"))?;
    let name = |failure: &Failure| failure.check.clone().unwrap_or_else(|| "the flake".to_owned());
    Ok(verification.failures.iter().map(name).collect())
}

/// Returns those of the unneeded packages that can go together: of two that stand in for each other one is needed.
fn together(
    world: &World,
    repository: &Repository,
    plan: &mut Plan,
    minimal: &Minimal,
) -> anyhow::Result<BTreeSet<Installable>> {
    let all = plan.document.requirements.clone();
    let unneeded: Vec<&Installable> =
        minimal.packages.iter().filter(|it| !it.is_necessary()).map(|it| &it.attr).collect();
    let mut gone: BTreeSet<Installable> = unneeded.iter().copied().cloned().collect();
    plan.document.requirements = gone.iter().fold(all.clone(), |rest, attr| without(&rest, attr));
    if gone.len() > 1 && !fails(world, repository, plan, "all of these")?.is_empty() {
        gone.clear();
        let mut rest = all.clone();
        for attr in unneeded {
            plan.document.requirements = without(&rest, attr);
            let fails = fails(world, repository, plan, attr.as_str())?;
            if fails.is_empty() {
                rest = plan.document.requirements.clone();
                gone.insert(attr.clone());
            } else {
                let fails = escape(&fails.join(", "));
                world.console.say(format_args!("`{attr}` stays: when the others are gone, {fails} needs it"));
            }
        }
    }
    plan.document.requirements = all;
    Ok(gone)
}

/// Adds what no check needs to the policy, as dropped, and renders anew. A flake is dropped when none of its packages is needed.
fn drop_unneeded(
    world: &World,
    repository: &Repository,
    plan: &Plan,
    gone: &BTreeSet<Installable>,
) -> anyhow::Result<()> {
    const REASON: &str = "reason = \"minimize: no check needs it\"\n";
    let requirements = &plan.document.requirements;
    let own = requirements.packages.iter().filter(|package| gone.contains(&package.attr.clone().into()));
    let inputs = requirements.inputs.iter();
    let inputs = inputs.filter(|input| input.packages.iter().all(|package| gone.contains(&package.installable(input))));
    let own = own.map(|package| format!("[[drop]]\nattr = \"{}\"\n{REASON}", package.attr));
    let entries: Vec<String> =
        own.chain(inputs.map(|input| format!("[[input]]\ndrop = \"{}\"\n{REASON}", input.name))).collect();
    if entries.is_empty() {
        return Ok(());
    }
    let path = plan.extend_policy(repository, &entries)?;
    super::render(world, None)?;
    world.console.say(format_args!("{path} drops {}; go on with `agent-capture verify`", entries.len()));
    Ok(())
}
