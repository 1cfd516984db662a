//! Running command lines in the shell of a flake.

use std::fs;
use std::io::BufReader;
use std::process::Stdio;

use anyhow::{Context, ensure};

use super::log::plain;
use super::run::{Nix, Tree, each_line};

/// A command line, and where it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The line, for Bash; no NUL in it.
    pub line: String,
    /// The folder, relative to the root of the tree.
    pub folder: String,
}

/// Runs what the first file holds, and notes each status in the second. Lines come as data, never as source.
const DRIVER: &str = r#"export HOME=$4 LC_ALL=C.UTF-8 TZ=UTC
while IFS= read -r -d '' folder && IFS= read -r -d '' line; do
  (cd "./$folder" && exec bash -c "$line") < /dev/null >&2
  printf '%s\n' "$?" >> "$2"
done < "$1"
"#;

impl Nix {
    /// Runs lines one after the other in the shell of a tree's flake, in the tree itself, with nothing of the environment but
    /// TERM, and an empty home. Returns their statuses as a shell says them; fewer when the shell ended before. `hear` gets
    /// what they and Nix say.
    pub fn develop(&self, tree: &Tree, lines: &[Line], hear: &mut dyn FnMut(&str)) -> anyhow::Result<Vec<u8>> {
        let folder = tempfile::Builder::new().prefix("agent-capture-").tempdir();
        let folder = folder.context("failed to make a temporary folder")?;
        let place = |name: &str| folder.path().join(name);
        let all: String = lines.iter().map(|Line { line, folder }| format!("{folder}\0{line}\0")).collect();
        fs::write(place("lines"), all)?;
        fs::write(place("statuses"), "")?;
        fs::write(place("driver"), DRIVER)?;
        fs::create_dir(place("home"))?;
        let mut command = self.command(&["develop", "--no-write-lock-file", "--no-update-lock-file"]);
        command.args(["--ignore-environment", "--keep", "TERM"]).arg(tree.flakeref()).args(["--command", "bash"]);
        command.arg(place("driver")).arg(place("lines")).arg(place("statuses")).arg(&tree.root).arg(place("home"));
        command.current_dir(&tree.root).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("failed to run `{}`", self.program().display()))?;
        let mut last = Vec::new();
        let stderr = BufReader::new(child.stderr.take().context("nix has no standard error")?);
        each_line(stderr, &mut |bytes| {
            for line in plain(bytes) {
                hear(&line);
                last = vec![line];
            }
        })?;
        child.wait()?;
        let statuses = fs::read_to_string(place("statuses")).context("failed to read how the commands ended")?;
        let statuses: Vec<u8> = statuses.lines().filter_map(|line| line.parse().ok()).collect();
        ensure!(
            !statuses.is_empty() || lines.is_empty(),
            "the shell of the flake does not start: {}",
            last.first().map_or("nix said nothing", String::as_str)
        );
        Ok(statuses)
    }
}
