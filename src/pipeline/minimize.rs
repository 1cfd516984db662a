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
    for candidate in candidates(&all) {
        plan.document.requirements = candidate.rest;
        let (attr, runs) = (candidate.attr, candidate.runs);
        let fails = fails(world, &repository, &plan, &attr)?;
        let command = plan.report(None).first_line(&candidate.evidence);
        packages.push(Judged { attr, fails, runs, command });
    }
    plan.document.requirements = all;
    let minimal = Minimal { packages };
    if write {
        drop_unneeded(world, &repository, &plan, &minimal)?;
    }
    Ok(Some(minimal))
}

/// A package, and what is required without it.
struct Candidate {
    attr: Installable,
    runs: u64,
    evidence: BTreeSet<Evidence>,
    rest: Requirements,
}

/// Returns all packages, in the order of the flake.
fn candidates(all: &Requirements) -> Vec<Candidate> {
    let own = all.packages.iter().map(|package| Candidate {
        attr: package.attr.clone().into(),
        runs: package.runs,
        evidence: package.evidence.clone(),
        rest: Requirements { packages: without(&all.packages, package), ..all.clone() },
    });
    let borrowed = all.borrowed().map(|(input, package)| {
        let mut rest = all.clone();
        rest.inputs.iter_mut().filter(|it| it.name == input.name).for_each(|it| it.packages.retain(|it| it != package));
        rest.inputs.retain(|it| !it.packages.is_empty());
        let (attr, evidence) = (package.installable(input), package.evidence.clone());
        Candidate { attr, runs: package.runs, evidence, rest }
    });
    own.chain(borrowed).collect()
}

/// Returns the packages without one; modules of an interpreter go with it.
fn without(all: &[Requirement], package: &Requirement) -> Vec<Requirement> {
    let is_module =
        |other: &Requirement| python_module(other).is_some_and(|(interpreter, _)| interpreter == package.attr.as_str());
    all.iter().filter(|other| other.attr != package.attr && !is_module(other)).cloned().collect()
}

/// Returns what fails of a plan that lacks a package.
fn fails(world: &World, repository: &Repository, plan: &Plan, attr: &Installable) -> anyhow::Result<Vec<String>> {
    let nix = nix(world)?;
    let mut board = world.console.board(&format!("without {attr}"));
    let verification = prove_by(&nix, repository, plan, false, &mut |step| show(&mut board, step));
    let verification = verification.with_context(|| format!("failed to try it without `{attr}`"))?;
    let name = |failure: &Failure| failure.check.clone().unwrap_or_else(|| "the flake".to_owned());
    Ok(verification.failures.iter().map(name).collect())
}

/// Adds what no check needs to the policy, as dropped, and renders anew. A flake is dropped when none of its packages is needed.
fn drop_unneeded(world: &World, repository: &Repository, plan: &Plan, minimal: &Minimal) -> anyhow::Result<()> {
    const REASON: &str = "reason = \"minimize: no check needs it\"\n";
    let requirements = &plan.document.requirements;
    let is_unneeded = |attr: &Installable| minimal.packages.iter().any(|it| it.attr == *attr && !it.is_necessary());
    let own = requirements.packages.iter().filter(|package| is_unneeded(&package.attr.clone().into()));
    let inputs = requirements.inputs.iter();
    let inputs = inputs.filter(|input| input.packages.iter().all(|package| is_unneeded(&package.installable(input))));
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
