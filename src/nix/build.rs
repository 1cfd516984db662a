//! Building derivations, and what is built.

use std::collections::BTreeSet;
use std::io::BufReader;
use std::process::Stdio;

use anyhow::{Context, anyhow};

use super::log::{Heard, listen, plain};
use super::{Finished, NarHash, Nix, System, Tree};

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

    /// Builds a check of a tree that fetches something by [`NarHash::none`], and returns the hash that this really has. An error
    /// says why it could not be fetched: the first line of what Nix says.
    pub fn found_hash(&self, tree: &Tree, system: &System, name: &str) -> anyhow::Result<NarHash> {
        let mut command = self.command(&["build", "--no-link", "--no-write-lock-file", "--no-update-lock-file"]);
        command.arg(format!("{}#checks.{system}.{name}", tree.flakeref()));
        let lines = plain(&self.output(command)?.stderr);
        let error = || lines.iter().find(|line| line.starts_with("error: ")).or_else(|| lines.last()).cloned();
        mismatch(&lines).ok_or_else(|| anyhow!(error().unwrap_or_else(|| "Nix says nothing".to_owned())))
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

/// Returns the hash that Nix got where [`NarHash::none`] was specified (`hash mismatch in fixed-output derivation`).
fn mismatch(lines: &[String]) -> Option<NarHash> {
    let hash = |line: &str, what: &str| NarHash::parse(line.trim().strip_prefix(what)?.trim()).ok();
    lines.windows(2).find_map(|pair| {
        hash(&pair[0], "specified:").filter(|it| *it == NarHash::none())?;
        hash(&pair[1], "got:")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_that_nix_got() {
        let (none, got) = (NarHash::none(), "sha256-lDebytrYdd47IBLwvNOD+6AGeoqZ78CIKlp70hzW280=");
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        let drv = "/nix/store/0123456789abcdfghijklmnpqrsvwxyz-go-go-modules.drv";
        // Of 2.8 and of 2.34.
        let error = format!("error: hash mismatch in fixed-output derivation '{drv}':");
        for (specified, got_is) in
            [("         specified: ", "            got:    "), ("  specified: ", "  got:       ")]
        {
            let said = lines(&format!("warning: x\n{error}\n{specified}{none}\n{got_is}{got}\nerror: 1 dependency"));
            assert_eq!(mismatch(&said).as_ref().map(NarHash::as_str), Some(got));
        }
        for said in [
            // What a build says is no word of Nix.
            format!("x> specified: {none}\nx> got: {got}"),
            format!("specified: {got}\ngot: {none}"),
            format!("specified: {none}\ngot: sha256-x"),
            format!("specified: {none}"),
        ] {
            assert_eq!(mismatch(&lines(&said)), None, "{said}");
        }
    }
}
