//! Which packages the checks prove necessary: each is taken away in turn, and Nix builds what it must.

use std::fmt::Write;

use anyhow::Context;
use serde::Serialize;

use super::plan::{Plan, say_mismatches};
use super::prove::{nix, prove_by, show};
use super::{Answer, World};
use crate::commit::Repository;
use crate::console::escape;
use crate::flake::python_module;
use crate::nix::AttrPath;
use crate::requirements::Requirement;
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
    pub attr: AttrPath,
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
    let all = plan.document.requirements.packages.clone();
    let mut packages = Vec::new();
    for package in &all {
        plan.document.requirements.packages = without(&all, package);
        packages.push(judge(world, &repository, &plan, package)?);
    }
    plan.document.requirements.packages = all;
    let minimal = Minimal { packages };
    if write {
        drop_unneeded(world, &repository, &plan, &minimal)?;
    }
    Ok(Some(minimal))
}

/// Returns the packages without one; modules of an interpreter go with it.
fn without(all: &[Requirement], package: &Requirement) -> Vec<Requirement> {
    let is_module =
        |other: &Requirement| python_module(other).is_some_and(|(interpreter, _)| interpreter == package.attr.as_str());
    all.iter().filter(|other| other.attr != package.attr && !is_module(other)).cloned().collect()
}

/// Proves a plan that lacks a package.
fn judge(world: &World, repository: &Repository, plan: &Plan, package: &Requirement) -> anyhow::Result<Judged> {
    let nix = nix(world)?;
    let mut board = world.console.board(&format!("without {}", package.attr));
    let verification = prove_by(&nix, repository, plan, false, &mut |step| show(&mut board, step));
    let verification = verification.with_context(|| format!("failed to try it without `{}`", package.attr))?;
    let name = |failure: &Failure| failure.check.clone().unwrap_or_else(|| "the flake".to_owned());
    let command = plan.report(None).first_line(package);
    let fails = verification.failures.iter().map(name).collect();
    Ok(Judged { attr: package.attr.clone(), fails, runs: package.runs, command })
}

/// Adds what no check needs to the policy, as dropped, and renders anew.
fn drop_unneeded(world: &World, repository: &Repository, plan: &Plan, minimal: &Minimal) -> anyhow::Result<()> {
    let unneeded: Vec<&Judged> = minimal.packages.iter().filter(|package| !package.is_necessary()).collect();
    if unneeded.is_empty() {
        return Ok(());
    }
    let entry = |package: &&Judged| {
        format!("[[drop]]\nattr = \"{}\"\nreason = \"minimize: no check needs it\"\n", package.attr)
    };
    let path = plan.extend_policy(repository, &unneeded.iter().map(entry).collect::<Vec<_>>())?;
    super::render(world, None)?;
    world.console.say(format_args!("{path} drops {}; go on with `agent-capture verify`", unneeded.len()));
    Ok(())
}
