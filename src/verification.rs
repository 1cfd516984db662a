//! What Nix said of a flake, and what that proves.
//!
//! `nix flake check` passes on an empty flake, skips other systems and does not build a devShell, so its status proves
//! little. A [`Verification`] passes only when exactly the expected checks exist for this system (the devShell is one), and
//! each is a valid store path afterwards.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::nix::{Check, Finished, Nix, System, Tree};
use crate::requirements::{ProgramName, Requirements};

mod finding;
pub mod statics;

pub use finding::{Code, Finding, Severity};

/// How many lines of a log are kept for a failure.
const TAIL: usize = 20;

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
}

/// Something that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The check, none when the flake itself could not be evaluated.
    pub check: Option<String>,
    /// What kind of failure it is.
    pub why: Why,
    /// The last lines of what Nix or the check said.
    pub log: Vec<String>,
}

/// Why something failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// The flake has other checks than expected: these are missing, these too many.
    Checks {
        /// Expected and not there.
        missing: Vec<String>,
        /// There and not expected.
        extra: Vec<String>,
    },
    /// The package set has no such attribute.
    MissingAttr(String),
    /// The flake cannot be evaluated.
    Evaluation,
    /// The check looked for a program that no package of the flake has.
    MissingProgram(String),
    /// The check's command ended with a status that is not 0.
    Failed,
    /// The check was not built because something that it needs was not.
    NotBuilt,
    /// The sandbox does not work on this machine.
    Sandbox,
}

impl Verification {
    /// Returns whether the flake is proved.
    pub fn is_passed(&self) -> bool {
        self.failures.is_empty()
    }

    /// Proves a flake: evaluates it, builds its checks, and looks at each result. `line` gets what Nix says as it says it.
    /// Errors only when Nix cannot be run.
    pub fn run(
        tree: &Tree,
        requirements: &Requirements,
        nix: &Nix,
        line: &mut dyn FnMut(&str),
    ) -> anyhow::Result<Self> {
        let mut verification =
            Self { nix: nix.version().to_owned(), system: System::current(), passed: Vec::new(), failures: Vec::new() };
        let checks = match nix.checks(tree, &verification.system)? {
            Ok(checks) => checks,
            Err(said) => {
                verification.failures.push(evaluation(&said));
                return Ok(verification);
            }
        };
        let expected = expected(requirements);
        let found: BTreeSet<String> = checks.keys().cloned().collect();
        if expected != found {
            let missing = expected.difference(&found).cloned().collect();
            let extra = found.difference(&expected).cloned().collect();
            verification.failures.push(Failure { check: None, why: Why::Checks { missing, extra }, log: Vec::new() });
            return Ok(verification);
        }
        let said = nix.flake_check(tree, line)?;
        for (name, check) in checks {
            match nix.is_valid(&check.out)? {
                true => verification.passed.push(name),
                false => verification.failures.push(failure(name, &check, &said)),
            }
        }
        if !said.success && verification.failures.is_empty() {
            verification.failures.push(evaluation(&said));
        }
        Ok(verification)
    }
}

/// Returns the names of the checks that the flake must have.
fn expected(requirements: &Requirements) -> BTreeSet<String> {
    let programs = requirements.packages.iter().any(|package| !package.programs.is_empty());
    let own = ["devshell"].into_iter().chain(programs.then_some("tools"));
    own.chain(requirements.checks.iter().map(|check| check.name.as_str())).map(str::to_owned).collect()
}

/// Reads why a flake could not be evaluated.
fn evaluation(said: &Finished) -> Failure {
    let missing = said.lines.iter().find_map(|line| {
        let name = line.split_once("error: attribute '")?.1.split_once('\'')?;
        name.1.starts_with(" missing").then(|| name.0.to_owned())
    });
    let why = match missing {
        Some(attr) => Why::MissingAttr(attr),
        None if said.lines.iter().any(|line| is_sandbox(line)) => Why::Sandbox,
        None => Why::Evaluation,
    };
    Failure { check: None, why, log: tail(said.lines.iter().map(String::as_str)) }
}

/// Reads why a check is not there.
fn failure(name: String, check: &Check, said: &Finished) -> Failure {
    let prefix = format!("{name}> ");
    let log: Vec<&str> = said.lines.iter().filter_map(|line| line.strip_prefix(&prefix)).collect();
    let drv = check.drv.rsplit('/').next().unwrap_or_default();
    let failed = said
        .lines
        .iter()
        .any(|line| line.contains(drv) && (line.contains("failed with exit code") || line.contains("failed to build")));
    let missing = log.iter().rev().find_map(|line| missing_program(line));
    let why = match missing {
        _ if said.lines.iter().any(|line| is_sandbox(line)) => Why::Sandbox,
        Some(program) => Why::MissingProgram(program.as_str().to_owned()),
        None if failed || !log.is_empty() => Why::Failed,
        None => Why::NotBuilt,
    };
    let log = if log.is_empty() { tail(said.lines.iter().map(String::as_str)) } else { tail(log.into_iter()) };
    Failure { check: Some(name), why, log }
}

/// Returns the program that a line of a log says is not there, as Bash, dash, make, env and Python say it.
fn missing_program(line: &str) -> Option<ProgramName> {
    let shell = line.strip_suffix(": command not found").or_else(|| line.strip_suffix(": not found"));
    let make = || line.strip_prefix("make: ")?.strip_suffix(": No such file or directory");
    let env = || line.strip_prefix("env: ")?.strip_suffix(": No such file or directory");
    let python = || line.split_once("FileNotFoundError: [Errno 2] No such file or directory: ").map(|(_, name)| name);
    let name = shell.or_else(make).or_else(env).or_else(python)?.rsplit(": ").next()?;
    ProgramName::parse(name.trim_matches(['\'', '‘', '’', '"']))
}

/// Returns whether a line says that the sandbox cannot be set up (the messages of Nix 2.8 to 2.34).
fn is_sandbox(line: &str) -> bool {
    [
        "setgroups failed",
        "unable to start build process",
        "cloning builder process",
        "does not support namespaces",
        "user namespaces",
    ]
    .iter()
    .any(|message| line.contains(message))
}

fn tail<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<String> {
    let lines: Vec<&str> = lines.collect();
    lines[lines.len().saturating_sub(TAIL)..].iter().map(|line| (*line).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(lines: &[&str]) -> Finished {
        Finished { success: false, lines: lines.iter().map(|line| (*line).to_owned()).collect() }
    }

    #[test]
    fn reasons() {
        let check = Check { drv: "/nix/store/abc-pytest.drv".into(), out: "/nix/store/def-pytest".into() };
        let why = |lines: &[&str]| failure("pytest".into(), &check, &said(lines)).why;
        assert_eq!(why(&["pytest> /build/.attr: line 7: rg: command not found"]), Why::MissingProgram("rg".into()));
        assert_eq!(
            why(&["pytest> 1 failed", "error: builder for '/nix/store/abc-pytest.drv' failed with exit code 1;"]),
            Why::Failed
        );
        assert_eq!(
            why(&["error: 1 dependencies of derivation '/nix/store/abc-pytest.drv' failed to build"]),
            Why::Failed
        );
        assert_eq!(why(&["make> x"]), Why::NotBuilt);
        let failure = evaluation(&said(&["error: attribute 'nosuch' missing", "       at flake.nix:12:9:"]));
        assert_eq!((failure.why, failure.log.len()), (Why::MissingAttr("nosuch".into()), 2));
    }
}
