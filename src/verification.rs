//! What Nix said of a flake, and what that proves.
//!
//! `nix flake check` passes on an empty flake, skips other systems and does not build a devShell, so its status proves
//! little. A [`Verification`] passes only when exactly the expected checks exist for this system (the devShell is one), and
//! each is a valid store path afterwards.
//!
//! Nix evaluates the flake once: which outputs there are, where those of the checks will be, what its packages' versions are,
//! for which other systems it evaluates. Then the derivations of the checks are built, which evaluates nothing: what is built is
//! what was looked at. This is what `nix flake check` does and more, and half of its evaluations: after ours it would evaluate
//! all again, since it neither fills nor reads the evaluation cache (tried with Nix 2.8 and 2.34), 0.6 s with nixpkgs.
//!
//! | `nix flake check` | here |
//! |---|---|
//! | warns of outputs that it does not know | fails: the outputs are exactly the expected ones |
//! | evaluates devShells, packages and machines | the same, and has the expected names of each |
//! | evaluates other systems (2.8), skips them (later) | evaluates them, and says which refuse |
//! | builds the checks of this system | the same |
//! | passes over a check that a cache has (since 2.32) | builds it |

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::nix::{Check, Finished, Heard, Nix, Outputs, System, Tree, drv_name};
use crate::requirements::Requirements;

mod advice;
mod failure;
mod finding;
mod replay;
pub mod statics;
mod verified;
mod versions;

pub use failure::{Failure, Why};
pub use finding::{Code, Finding, Severity};
pub use replay::{Different, Replay};
pub use verified::{Level, Reached, VERSION, Verified};
pub use versions::Versions;
use versions::Wanted;

/// What Nix said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verification {
    /// Version of Nix.
    pub nix: String,
    /// System on which the checks were built.
    pub system: System,
    /// Checks that were built, by name.
    pub passed: Vec<String>,
    /// What went wrong; empty when the flake is proved.
    pub failures: Vec<Failure>,
    /// How long each check took to build, in milliseconds; those that were built before are not in it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub took: BTreeMap<String, u64>,
    /// Other systems of the flake for which a package of it refuses to evaluate.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub refused: BTreeSet<System>,
    /// The versions of the packages at the pin, as far as they are known.
    #[serde(default, skip_serializing_if = "Versions::is_empty")]
    pub versions: Versions,
}

/// How far Nix is.
#[derive(Clone, Copy, Debug)]
pub enum Step<'a> {
    /// The checks are known: their names.
    Checks(&'a [&'a str]),
    /// A check, or what one needs, is being built.
    Building(Built<'a>),
    /// It says a line.
    Says(Built<'a>, &'a str),
    /// It ended, well or not.
    Ended(Built<'a>),
    /// A line for people.
    Line(&'a str),
}

/// What is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Built<'a> {
    /// A check of this name.
    Check(&'a str),
    /// Something that checks need: the name of its derivation.
    Dependency(&'a str),
}

/// The checks of a flake, evaluated and as expected.
pub struct Evaluated {
    checks: BTreeMap<String, Check>,
}

impl Verification {
    /// Returns whether the flake is proved.
    pub fn is_passed(&self) -> bool {
        self.failures.is_empty()
    }

    /// Returns what a person should know of it though it fails nothing: the systems that packages refuse.
    pub fn warnings(&self) -> Vec<Finding> {
        let warning = |system: &System| {
            let what = format!("the flake does not evaluate for {system}: a package refuses that system");
            Finding::warning(Code::SystemRefused, what).help("`nix flake check --all-systems` says which")
        };
        self.refused.iter().map(warning).collect()
    }

    /// Proves a flake: evaluates it, builds its checks, and looks at each result. `watch` gets each step as it is made.
    /// Errors only when Nix cannot be run.
    pub fn run(
        tree: &Tree,
        requirements: &Requirements,
        nix: &Nix,
        watch: &mut dyn FnMut(Step),
    ) -> anyhow::Result<Self> {
        let (mut verification, evaluated) = Self::evaluate(tree, requirements, nix)?;
        if let Some(evaluated) = evaluated {
            verification.build(&evaluated, nix, watch)?;
        }
        Ok(verification)
    }

    /// Evaluates a flake: once, purely, and without building. Returns the checks when it has exactly what is expected.
    pub fn evaluate(tree: &Tree, requirements: &Requirements, nix: &Nix) -> anyhow::Result<(Self, Option<Evaluated>)> {
        let mut verification = Self {
            nix: nix.version().to_owned(),
            system: System::current(),
            passed: Vec::new(),
            failures: Vec::new(),
            took: BTreeMap::new(),
            refused: BTreeSet::new(),
            versions: Versions::default(),
        };
        let wanted = Wanted::of(requirements);
        let mut outputs = match nix.outputs(tree, &verification.system, &wanted.asked)? {
            Ok(outputs) => outputs,
            Err(said) => {
                verification.failures.push(failure::evaluation(&said));
                return Ok((verification, None));
            }
        };
        verification.versions = wanted.named(std::mem::take(&mut outputs.versions));
        verification.refused = outputs.refused.iter().filter_map(|system| System::parse(system).ok()).collect();
        if let Some(why) = unexpected(&outputs, requirements, &verification.system) {
            verification.failures.push(Failure::new(None, why, Vec::new()));
            return Ok((verification, None));
        }
        Ok((verification, Some(Evaluated { checks: outputs.checks })))
    }

    /// Builds the checks of a flake that was evaluated, and looks at each result.
    pub fn build(&mut self, evaluated: &Evaluated, nix: &Nix, watch: &mut dyn FnMut(Step)) -> anyhow::Result<()> {
        let mut times = Times::default();
        let (said, fetched) = evaluated.watched(nix, &mut |step| {
            times.note(step);
            watch(step);
        })?;
        self.took = times.took;
        let outs: Vec<&str> = evaluated.checks.values().map(|check| check.out.as_str()).collect();
        let valid = nix.valid(&outs)?;
        // Checks themselves are never fetched, as their derivations say; the shell may be in a cache.
        let drvs: Vec<&str> = fetched.iter().map(|name| evaluated.checks[name].drv.as_str()).collect();
        let is_same = drvs.is_empty() || nix.build_again(&drvs)?;
        for (name, check) in &evaluated.checks {
            match valid.contains(check.out.as_str()) && (is_same || !fetched.contains(name)) {
                true => self.passed.push(name.clone()),
                false => self.failures.push(failure::of(name, check, &said)),
            }
        }
        if !said.success && self.failures.is_empty() {
            self.failures.push(failure::evaluation(&said));
        }
        Ok(())
    }
}

impl Evaluated {
    /// Returns how many checks there are.
    pub fn count(&self) -> usize {
        self.checks.len()
    }

    /// Has Nix build the checks, and tells what it says by the names of the checks. Returns those that came from a cache, too.
    fn watched(&self, nix: &Nix, watch: &mut dyn FnMut(Step)) -> anyhow::Result<(Finished, BTreeSet<String>)> {
        let names: Vec<&str> = self.checks.keys().map(String::as_str).collect();
        watch(Step::Checks(&names));
        let drvs: Vec<&str> = self.checks.values().map(|check| check.drv.as_str()).collect();
        let by_drv: BTreeMap<&str, &str> = drvs.iter().copied().zip(names).collect();
        let mut fetched = BTreeSet::new();
        let said = nix.build(&drvs, &mut |heard| {
            let name =
                |drv| by_drv.get(drv).map_or_else(|| Built::Dependency(drv_name(drv)), |name| Built::Check(name));
            match heard {
                Heard::Line(line) => watch(Step::Line(line)),
                Heard::Building(drv) => watch(Step::Building(name(drv))),
                Heard::Says(drv, line) => watch(Step::Says(name(drv), line)),
                Heard::Ended(drv) => watch(Step::Ended(name(drv))),
                Heard::Substituting(path) => {
                    fetched.extend(
                        self.checks.iter().filter(|(_, check)| check.out == path).map(|(name, _)| name.clone()),
                    );
                }
            }
        })?;
        Ok((said, fetched))
    }
}

/// When checks began to be built, and how long they took.
#[derive(Default)]
struct Times {
    began: BTreeMap<String, Instant>,
    took: BTreeMap<String, u64>,
}

impl Times {
    fn note(&mut self, step: Step) {
        match step {
            Step::Building(Built::Check(name)) => _ = self.began.insert(name.to_owned(), Instant::now()),
            Step::Ended(Built::Check(name)) => {
                if let Some((name, began)) = self.began.remove_entry(name) {
                    self.took.insert(name, u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX));
                }
            }
            _ => {}
        }
    }
}

/// Returns in what a flake is another than expected: in its checks, its shells, images and machines, or its outputs' names.
fn unexpected(outputs: &Outputs, requirements: &Requirements, system: &System) -> Option<Why> {
    let names = |map: &BTreeMap<String, String>| map.keys().cloned().collect::<BTreeSet<String>>();
    let checks = outputs.checks.keys().cloned().collect();
    if let Some((missing, extra)) = differences(&expected(requirements), &checks) {
        return Some(Why::Checks { missing, extra });
    }
    let wanted = &requirements.outputs;
    let machines: BTreeSet<String> = wanted.machines.keys().map(|session| session.as_str().to_owned()).collect();
    let sets = [
        ("checks", true),
        ("devShells", true),
        ("nixosConfigurations", !machines.is_empty()),
        ("packages", requirements.systems.iter().chain([system]).any(|system| !wanted.packages(system).is_empty())),
    ];
    let sets = sets.into_iter().filter(|(_, is)| *is).map(|(name, _)| name.to_owned()).collect();
    [
        (sets, outputs.names.clone()),
        (BTreeSet::from(["default".to_owned()]), names(&outputs.shells)),
        (wanted.packages(system), names(&outputs.packages)),
        (machines, names(&outputs.machines)),
    ]
    .iter()
    .find_map(|(expected, found)| differences(expected, found))
    .map(|(missing, extra)| Why::Outputs { missing, extra })
}

/// Returns what is missing of the expected names, and what is found and not expected; none when they are the same.
fn differences(expected: &BTreeSet<String>, found: &BTreeSet<String>) -> Option<(Vec<String>, Vec<String>)> {
    let missing = expected.difference(found).cloned().collect();
    let extra = found.difference(expected).cloned().collect();
    (expected != found).then_some((missing, extra))
}

/// Returns the names of the checks that the flake must have.
fn expected(requirements: &Requirements) -> BTreeSet<String> {
    let own = ["devshell"].into_iter().chain((!requirements.programs().is_empty()).then_some("tools"));
    own.chain(requirements.checks.iter().map(|check| check.name.as_str())).map(str::to_owned).collect()
}
