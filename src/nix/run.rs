//! Running `nix`.

use std::ffi::OsStr;
use std::io::{BufRead, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyhow::{Context, anyhow, bail, ensure};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::advisories::{Advisory, advisories};
use super::log::plain;
use super::{NarHash, Pin, Rev, System};

/// Options of every call. Whatever the user's settings or the flake say: builds are sandboxed or fail, a flake cannot
/// change settings or build while it is evaluated, and nothing is written into the tree.
const OPTIONS: &[&str] = &[
    "--extra-experimental-features",
    "nix-command flakes",
    "--option",
    "sandbox",
    "true",
    "--option",
    "sandbox-fallback",
    "false",
    "--option",
    "accept-flake-config",
    "false",
    "--option",
    "allow-import-from-derivation",
    "false",
    "--option",
    "warn-dirty",
    "false",
];

/// The longest piece that is taken for a line, in bytes.
const LONGEST: u64 = 1 << 20;

/// The user's `nix` program.
#[derive(Clone, Debug)]
pub struct Nix {
    program: PathBuf,
    version: String,
    /// Whether it is Nix itself, not one of its forks, which number otherwise.
    upstream: bool,
}

/// A folder with a flake in it, or in a folder below it; then the whole is a git repository with all its files in a commit.
#[derive(Clone, Debug)]
pub struct Tree {
    /// The root, absolute: what checks copy.
    pub root: PathBuf,
    /// Where the flake is when it is not in the root, relative to it (letters, digits, `._-/`), and the commit.
    below: Option<(String, Rev)>,
}

/// A call that ended, with what it said on standard error, free of colours.
#[derive(Clone, Debug)]
pub struct Finished {
    /// Whether its status was 0.
    pub success: bool,
    /// The lines, in order.
    pub lines: Vec<String>,
}

impl Tree {
    /// Returns the tree at `root`, whose flake is there.
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_path_buf(), below: None }
    }

    /// Returns the tree at `root` whose flake is in `folder`, relative to it; `commit` has all that is in the tree.
    pub fn below(root: &Path, folder: &str, commit: Rev) -> Self {
        Self { root: root.to_path_buf(), below: Some((folder.to_owned(), commit)) }
    }

    /// Returns the flakeref. `path:` takes the folder as it is, without a git program; checks then copy a store path that
    /// depends on the content alone, so that it is the same as that of a clone. In Nix 2.8 it has no `dir`, so a flake in a
    /// folder is named as git has it.
    pub(super) fn flakeref(&self) -> String {
        let root = self.root.to_string_lossy();
        let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
        let root: String = root.chars().map(|c| if plain(c) { c.to_string() } else { encoded(c) }).collect();
        match &self.below {
            None => format!("path:{root}"),
            Some((folder, commit)) => format!("git+file://{root}?dir={folder}&rev={commit}"),
        }
    }

    /// Returns the flakeref with what makes it say every byte: pure evaluation takes no other.
    pub(super) fn locked(&self) -> anyhow::Result<String> {
        let flakeref = self.flakeref();
        if self.below.is_some() {
            return Ok(flakeref);
        }
        let hash: String = NarHash::of(&self.root)?
            .as_str()
            .chars()
            .map(|c| match c {
                '+' | '/' | '=' => encoded(c),
                c => c.to_string(),
            })
            .collect();
        Ok(format!("{flakeref}?narHash={hash}"))
    }
}

/// Returns a character as it stands in a URL where it may mean something else.
fn encoded(c: char) -> String {
    c.encode_utf8(&mut [0; 4]).bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// Reads what `nix eval --json` says of something, or why it does not.
pub(super) fn said_or_read<T: DeserializeOwned>(output: &Output, what: &str) -> anyhow::Result<Result<T, Finished>> {
    if !output.status.success() {
        return Ok(Err(Finished { success: false, lines: plain(&output.stderr) }));
    }
    let read = serde_json::from_slice(&output.stdout);
    Ok(Ok(read.with_context(|| format!("failed to read what `nix eval` said of {what}"))?))
}

impl Nix {
    /// Returns the `nix` of a PATH; none when there is none or it does not say its version.
    pub fn find(path: Option<&OsStr>) -> Option<Self> {
        let mut candidates =
            std::env::split_paths(path?).filter(|folder| folder.is_absolute()).map(|folder| folder.join("nix"));
        let executable =
            |path: &PathBuf| path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0);
        let program = candidates.find(executable)?;
        let output = Command::new(&program).arg("--version").stdin(Stdio::null()).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        let version = text.trim().rsplit(' ').next()?.to_owned();
        let plausible = version.starts_with(|c: char| c.is_ascii_digit()) && version.len() < 64;
        let upstream = text.starts_with("nix (Nix) ");
        plausible.then_some(Self { program, version, upstream })
    }

    /// Returns where it is.
    pub(super) fn program(&self) -> &Path {
        &self.program
    }

    /// Returns the known holes of its sandbox; those of forks of Nix are not known.
    pub fn advisories(&self) -> Vec<&'static Advisory> {
        if self.upstream { advisories(&self.version, cfg!(target_os = "macos")) } else { Vec::new() }
    }

    /// Returns the version, `2.34.8`.
    pub fn version(&self) -> &str {
        &self.version
    }

    pub(super) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(words).args(OPTIONS).stdin(Stdio::null());
        command
    }

    pub(super) fn output(&self, mut command: Command) -> anyhow::Result<Output> {
        command.output().with_context(|| format!("failed to run `{}`", self.program.display()))
    }

    /// Evaluates a function of an attribute of a tree's flake; what Nix said when it cannot.
    fn eval<T: DeserializeOwned>(&self, tree: &Tree, attr: &str, apply: &str) -> anyhow::Result<Result<T, Finished>> {
        let mut command = self.command(&["eval", "--json", "--no-write-lock-file", "--no-update-lock-file"]);
        command.args(["--apply", apply]).arg(format!("{}#{attr}", tree.flakeref()));
        said_or_read(&self.output(command)?, &format!("`{attr}`"))
    }

    /// Returns the names, with versions, of the packages that a tree's shell has: those of its inputs, and what is in an
    /// environment among them (`python3.withPackages`).
    pub fn shell_packages(&self, tree: &Tree, system: &System) -> anyhow::Result<Vec<String>> {
        #[derive(Deserialize)]
        struct Input {
            name: String,
            /// What nixpkgs' `buildEnv` is made of, as it hands it to its builder.
            env: Option<String>,
        }
        let apply = "shell: map (it: { inherit (it) name; env = if builtins.isString (it.pkgs or null) then \
                     builtins.unsafeDiscardStringContext it.pkgs else null; }) \
                     (builtins.filter (it: it ? name) ((shell.nativeBuildInputs or [ ]) ++ (shell.buildInputs or [ ])))";
        let evaluated: Result<Vec<Input>, Finished> = self.eval(tree, &format!("devShells.{system}.default"), apply)?;
        let inputs = evaluated.map_err(|said| anyhow!("nix says: {}", said.lines.join("; ")))?;
        let inside = |input: &Input| input.env.as_deref().map(store_names).unwrap_or_default();
        Ok(inputs.iter().flat_map(|input| [vec![input.name.clone()], inside(input)].concat()).collect())
    }

    /// Returns the pin that a flakeref of nixpkgs (`nixpkgs`, `github:NixOS/nixpkgs/nixos-26.05`) stands for on this
    /// machine, when Nix knows it without network and it is a revision of `github:NixOS/nixpkgs`.
    pub fn known_pin(&self, flakeref: &str) -> Option<Pin> {
        let plain = flakeref.bytes().all(|b| b.is_ascii_alphanumeric() || b":/._-".contains(&b));
        if !plain || flakeref.starts_with('-') {
            return None;
        }
        let mut command = self.command(&["flake", "metadata", "--json", "--offline"]);
        command.arg(flakeref);
        let output = self.output(command).ok().filter(|output| output.status.success())?;
        let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
        Pin::of_locked(metadata.get("locked")?)
    }

    /// Returns the pin of a revision or of the newest of a branch of nixpkgs (`nixos-26.05`). Reaches the network.
    pub fn pin(&self, reference: &str) -> anyhow::Result<Pin> {
        #[derive(Deserialize)]
        struct Metadata {
            locked: Locked,
        }
        let plain =
            !reference.is_empty() && reference.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        ensure!(
            plain && !reference.starts_with('-'),
            "`{}` is no revision or branch of nixpkgs",
            reference.escape_default()
        );
        let url = format!("github:NixOS/nixpkgs/{reference}");
        let mut command = self.command(&["flake", "metadata", "--json"]);
        if Rev::parse(reference).is_err() {
            // What Nix remembers of a branch may be an hour old.
            command.arg("--refresh");
        }
        command.arg(&url);
        let output = self.output(command)?;
        if !output.status.success() {
            bail!("failed to look up `{url}`: {}", super::log::plain(&output.stderr).join("; "));
        }
        let Metadata { locked } = serde_json::from_slice(&output.stdout)
            .with_context(|| format!("failed to read what nix said of `{url}`"))?;
        Ok(Pin { rev: locked.rev, last_modified: locked.last_modified, nar_hash: locked.nar_hash })
    }
}

/// The locked part of a flake input.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Locked {
    rev: Rev,
    last_modified: u64,
    nar_hash: NarHash,
}

impl Pin {
    /// Reads the pin of the input `nixpkgs` of a lock file; none when it has no such input from `github:NixOS/nixpkgs`.
    pub fn from_lock(bytes: &[u8]) -> Option<Self> {
        let lock: serde_json::Value = serde_json::from_slice(bytes).ok()?;
        let node = lock.pointer("/nodes/root/inputs/nixpkgs")?.as_str()?;
        Self::of_locked(lock.get("nodes")?.get(node)?.get("locked")?)
    }

    /// Reads the locked part of an input; none when it is no revision of `github:NixOS/nixpkgs`.
    pub(super) fn of_locked(locked: &serde_json::Value) -> Option<Self> {
        let is = |field: &str, value: &str| {
            locked.get(field).and_then(serde_json::Value::as_str).is_some_and(|is| is.eq_ignore_ascii_case(value))
        };
        if !(is("owner", "nixos") && is("repo", "nixpkgs") && is("type", "github")) {
            return None;
        }
        let Locked { rev, last_modified, nar_hash } = Locked::deserialize(locked).ok()?;
        Some(Self { rev, last_modified, nar_hash })
    }

    /// Parses a flakeref that says everything: `github:NixOS/nixpkgs/REV?lastModified=N&narHash=sha256-…`, the hash
    /// percent-encoded or not. None for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        let (rev, query) = text.strip_prefix("github:NixOS/nixpkgs/")?.split_once('?')?;
        let field = |name: &str| query.split('&').find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
        let hash = field("narHash")?.replace("%2B", "+").replace("%2F", "/").replace("%3D", "=");
        Some(Self {
            rev: Rev::parse(rev).ok()?,
            last_modified: field("lastModified")?.parse().ok()?,
            nar_hash: NarHash::parse(&hash).ok()?,
        })
    }
}

/// Returns the names of all store paths in a text.
fn store_names(text: &str) -> Vec<String> {
    let names = text.split("/nix/store/").skip(1).filter_map(|rest| {
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "+-._?=".contains(c))).unwrap_or(rest.len());
        rest.get(33..end)
    });
    names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// Hands on each line of what a program writes, cut to [`LONGEST`] bytes.
pub(super) fn each_line(mut from: impl BufRead, line: &mut dyn FnMut(&[u8])) -> anyhow::Result<()> {
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        let read = from.by_ref().take(LONGEST).read_until(b'\n', &mut bytes).context("failed to read what nix says")?;
        if read == 0 {
            return Ok(());
        }
        line(bytes.strip_suffix(b"\n").unwrap_or(&bytes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flakerefs() {
        assert_eq!(Tree::new(Path::new("/tmp/a b#é")).flakeref(), "path:/tmp/a%20b%23%C3%A9");
        let commit = Rev::parse("8eeec934ae0dbeca3d7868c059568a65c08b2fc3").expect("a revision");
        let flakeref = format!("git+file:///x?dir=.agent-capture/flake&rev={commit}");
        assert_eq!(Tree::below(Path::new("/x"), ".agent-capture/flake", commit).flakeref(), flakeref);
    }

    #[test]
    fn names_in_the_store() {
        let text = r#"[{"paths":["/nix/store/0123456789abcdfghijklmnpqrsvwxyz-python3.13-requests-2.32.4"],"priority":5},"/nix/store/x"]"#;
        assert_eq!(store_names(text), ["python3.13-requests-2.32.4"]);
    }

    #[test]
    fn pins() {
        let (rev, hash) =
            ("8eeec934ae0dbeca3d7868c059568a65c08b2fc3", "sha256-lDebytrYdd47IBLwvNOD+6AGeoqZ78CIKlp70hzW280=");
        let pin = Pin::parse(&format!(
            "github:NixOS/nixpkgs/{rev}?narHash={}&lastModified=7",
            hash.replace('+', "%2B").replace('=', "%3D")
        ));
        let pin = pin.expect("a pin");
        assert_eq!((pin.rev.as_str(), pin.last_modified, pin.nar_hash.as_str()), (rev, 7, hash));
        assert_eq!(Pin::parse(&format!("github:evil/nixpkgs/{rev}?narHash={hash}&lastModified=7")), None);
        let lock = |owner: &str| {
            let text = r#"{"nodes":{"n":{"locked":{"lastModified":7,"narHash":"HASH","owner":"OWNER","repo":"nixpkgs","rev":"REV","type":"github"}},"root":{"inputs":{"nixpkgs":"n"}}},"root":"root","version":7}"#;
            Pin::from_lock(text.replace("HASH", hash).replace("OWNER", owner).replace("REV", rev).as_bytes())
        };
        assert_eq!(lock("NixOS"), Some(pin));
        assert_eq!(lock("someone"), None);
    }
}
