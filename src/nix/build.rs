//! Building derivations, and what is built.

use std::collections::BTreeSet;
use std::io::BufReader;
use std::process::Stdio;

use anyhow::Context;

use super::log::{Heard, listen};
use super::{Finished, Nix};

/// The most lines of what Nix says that are kept, the latest.
const LINES: usize = 200_000;

impl Nix {
    /// Builds derivations that were evaluated, all whether or not one fails; nothing is evaluated again. What Nix says is handed
    /// to `hear` as it comes.
    pub fn build(&self, drvs: &[&str], hear: &mut dyn FnMut(Heard)) -> anyhow::Result<Finished> {
        let mut command = self.command(&["build", "--no-link", "--keep-going", "--log-format", "internal-json"]);
        command.args(self.outputs_of(drvs)).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("failed to run `{}`", self.program().display()))?;
        let mut all = Vec::new();
        let stderr = BufReader::new(child.stderr.take().context("nix has no standard error")?);
        listen(stderr, &mut |heard| {
            if let Heard::Line(line) = heard {
                all.push(line.to_owned());
            }
            hear(heard);
            if all.len() > LINES {
                all.drain(..LINES / 2);
            }
        })?;
        Ok(Finished { success: child.wait()?.success(), lines: all })
    }

    /// Builds derivations once more whose outputs are there; returns whether they are the same again.
    pub fn build_again(&self, drvs: &[&str]) -> anyhow::Result<bool> {
        let mut command = self.command(&["build", "--no-link", "--keep-going", "--rebuild"]);
        command.args(self.outputs_of(drvs));
        Ok(self.output(command)?.status.success())
    }

    /// Names all outputs of derivations, as this Nix wants it: since 2.13 the path alone is the derivation itself.
    fn outputs_of(&self, drvs: &[&str]) -> Vec<String> {
        let minor = self.version().strip_prefix("2.").and_then(|rest| rest.split('.').next()?.parse::<u32>().ok());
        let suffix = if minor.is_some_and(|minor| minor < 13) { "" } else { "^*" };
        drvs.iter().map(|drv| format!("{drv}{suffix}")).collect()
    }

    /// Returns which store paths are valid. Nix is asked once when all are, else for each.
    pub fn valid<'a>(&self, paths: &[&'a str]) -> anyhow::Result<BTreeSet<&'a str>> {
        if paths.is_empty() || self.are_valid(paths)? {
            return Ok(paths.iter().copied().collect());
        }
        let mut valid = BTreeSet::new();
        for path in paths.iter().filter(|_| paths.len() > 1) {
            if self.are_valid(&[path])? {
                valid.insert(*path);
            }
        }
        Ok(valid)
    }

    fn are_valid(&self, paths: &[&str]) -> anyhow::Result<bool> {
        let mut command = self.command(&["path-info"]);
        command.arg("--").args(paths);
        Ok(self.output(command)?.status.success())
    }
}
