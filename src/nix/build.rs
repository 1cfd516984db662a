//! Building checks, and which are built.

use std::collections::BTreeSet;
use std::io::BufReader;
use std::process::Stdio;

use anyhow::Context;

use super::log::{Heard, listen};
use super::{Finished, Nix, System, Tree};

/// The most lines of what Nix says that are kept, the latest.
const LINES: usize = 200_000;

impl Nix {
    /// Runs `nix flake check` on a tree, all checks whether or not one fails. What Nix says is handed to `hear` as it comes.
    pub fn flake_check(&self, tree: &Tree, hear: &mut dyn FnMut(Heard)) -> anyhow::Result<Finished> {
        let mut command = self.command(&[
            "flake",
            "check",
            "--keep-going",
            "--log-format",
            "internal-json",
            "--no-write-lock-file",
            "--no-update-lock-file",
        ]);
        command.arg(tree.flakeref()).stdout(Stdio::null()).stderr(Stdio::piped());
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

    /// Builds checks of a tree here, where a cache may have them: what they need is fetched, and they are built once more
    /// than that. Returns whether all were built, and the second time as the first.
    pub fn build_here(&self, tree: &Tree, system: &System, names: &[&str]) -> anyhow::Result<bool> {
        for how in [None, Some("--rebuild")] {
            let mut command =
                self.command(&["build", "--no-link", "--keep-going", "--no-write-lock-file", "--no-update-lock-file"]);
            command.args(how);
            command.args(names.iter().map(|name| format!("{}#checks.{system}.{name}", tree.flakeref())));
            if !self.output(command)?.status.success() {
                return Ok(false);
            }
        }
        Ok(true)
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
