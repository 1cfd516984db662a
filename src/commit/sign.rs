//! Signing a commit as the user's git does (git-config(1): commit.gpgSign, gpg.format, gpg.program, user.signingKey).
//!
//! The programs that git would run are run; no key is read by us.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, bail, ensure};
use git2::Config;

/// How commits are signed here.
pub(super) struct Signer {
    format: Format,
    program: String,
    key: String,
}

enum Format {
    /// `gpg`, or `gpgsm` for X.509: the same options.
    Gpg,
    /// `ssh-keygen`.
    Ssh,
}

impl Signer {
    /// Returns how commits are signed here; none when they are not. `committer` is `Name <email>`, by which gpg finds a key
    /// when none is named.
    pub(super) fn of(config: &Config, committer: &str) -> Result<Option<Self>> {
        if !config.get_bool("commit.gpgSign").unwrap_or(false) {
            return Ok(None);
        }
        let value = |name: &str| config.get_string(name).ok();
        let name = value("gpg.format").unwrap_or_else(|| "openpgp".to_owned());
        let (format, default) = match name.as_str() {
            "openpgp" => (Format::Gpg, "gpg"),
            "x509" => (Format::Gpg, "gpgsm"),
            "ssh" => (Format::Ssh, "ssh-keygen"),
            _ => bail!("gpg.format is `{}`: git knows openpgp, x509 and ssh", name.escape_default()),
        };
        let program =
            value(&format!("gpg.{name}.program")).or_else(|| value("gpg.program").filter(|_| name == "openpgp"));
        let key = match (value("user.signingKey"), &format) {
            (Some(key), _) => key,
            (None, Format::Gpg) => committer.to_owned(),
            (None, Format::Ssh) => {
                bail!("commits must be signed with an SSH key and none is named; run `git config user.signingKey FILE`")
            }
        };
        Ok(Some(Self { format, program: program.unwrap_or_else(|| default.to_owned()), key }))
    }

    /// Returns the armored signature of a commit's text.
    pub(super) fn sign(&self, commit: &[u8]) -> Result<String> {
        let signed = match self.format {
            Format::Gpg => self.gpg(commit),
            Format::Ssh => self.ssh(commit),
        };
        signed.with_context(|| format!("failed to sign the commit with `{}`", self.program.escape_debug()))
    }

    fn gpg(&self, commit: &[u8]) -> Result<String> {
        let mut command = Command::new(&self.program);
        command.args(["--status-fd=2", "-bsau", &self.key]);
        let output = run(command, commit)?;
        let made =
            String::from_utf8_lossy(&output.stderr).lines().any(|line| line.starts_with("[GNUPG:] SIG_CREATED "));
        ensure!(output.status.success() && made, "it says: {}", said(&output));
        String::from_utf8(output.stdout).context("the signature is no text")
    }

    fn ssh(&self, commit: &[u8]) -> Result<String> {
        let folder = tempfile::tempdir().context("failed to make a temporary folder")?;
        let buffer = folder.path().join("commit");
        fs::write(&buffer, commit)?;
        let mut command = Command::new(&self.program);
        command.args(["-Y", "sign", "-n", "git", "-f"]);
        match self.key.strip_prefix("key::").or(Some(self.key.as_str()).filter(|key| key.starts_with("ssh-"))) {
            // A public key as such: its private one is in an agent.
            Some(literal) => {
                let path = folder.path().join("key.pub");
                fs::write(&path, literal)?;
                command.arg(path).arg("-U");
            }
            None => drop(command.arg(home(&self.key))),
        }
        command.arg("--").arg(&buffer);
        let output = run(command, b"")?;
        ensure!(output.status.success(), "it says: {}", said(&output));
        fs::read_to_string(buffer.with_extension("sig")).context("it wrote no signature")
    }
}

/// Returns a path as git reads it: `~/` is the home folder.
fn home(path: &str) -> PathBuf {
    match (path.strip_prefix("~/"), std::env::var_os("HOME")) {
        (Some(rest), Some(home)) => Path::new(&home).join(rest),
        _ => PathBuf::from(path),
    }
}

fn run(mut command: Command, input: &[u8]) -> Result<Output> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().context("failed to run it")?;
    let mut stdin = child.stdin.take().context("it has no standard input")?;
    // A program that does not want its input is judged by its status.
    drop(stdin.write_all(input));
    drop(stdin);
    Ok(child.wait_with_output()?)
}

fn said(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("[GNUPG:]") && !line.is_empty()).collect();
    lines.join("; ")
}
