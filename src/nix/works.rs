//! What `nix` can do here, found out by trying.

use std::process::{Command, Stdio};

use super::{Nix, System};

impl Nix {
    /// Tries a build that must be sandboxed; the error is one sentence that says why it was not. Nothing stays in the store
    /// but a derivation: the builder tells by how it fails.
    pub fn try_sandbox(&self) -> Result<(), String> {
        const FREE: &str = "failed with exit code 8";
        const ENDED: &str = "failed with exit code";
        let system = System::current();
        let script = "if [ -e /usr/share ]; then exit 8; fi; exit 7";
        let expression = format!(
            r#"derivation {{ name = "sandbox"; system = "{system}"; builder = "/bin/sh"; args = [ "-c" "{script}" ]; }}"#
        );
        let command = self.command(&["build", "--no-link", "--expr", &expression]);
        let output = self.output(command).map_err(|error| format!("{error:#}"))?;
        let lines = super::log::plain(&output.stderr);
        let says = |text: &str| lines.iter().any(|line| line.contains(text));
        match () {
            () if says(FREE) => Err("builds are not sandboxed".to_owned()),
            // Also where the sandbox holds no shell.
            () if says(ENDED) => Ok(()),
            () => {
                let error = lines.iter().rev().find(|line| line.contains("error:")).or(lines.last());
                let error = error.map(|line| line.trim().trim_start_matches("error:").trim());
                Err(error.unwrap_or("a build failed, and nix did not say why").to_owned())
            }
        }
    }

    /// Returns whether the user's settings enable flakes. Our own calls do not need that.
    pub fn has_flakes(&self) -> bool {
        let mut command = Command::new(self.program());
        command.args(["--extra-experimental-features", "nix-command", "eval", "--expr", "builtins ? getFlake"]);
        command.stdin(Stdio::null()).output().is_ok_and(|output| output.stdout.trim_ascii() == b"true")
    }
}
