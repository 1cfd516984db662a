//! A repository of its own, a home of its own, and the program in it.

#![allow(dead_code, clippy::allow_attributes, reason = "each test binary uses a part of it")]

use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

pub(crate) mod browser;
pub(crate) mod faults;
pub(crate) mod recording;

/// The programs of the host, without what a developer has beside them.
pub(crate) const PATH: &str = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin";

/// The Nix versions of the test bed: their folders.
pub(crate) const VERSIONS: [&str; 2] = ["new", "old"];

/// A project to capture sessions in.
pub(crate) struct Project {
    folder: TempDir,
    nix: Option<String>,
}

/// What a program said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Said {
    #[track_caller]
    pub(crate) fn success(self) -> Self {
        self.code(0)
    }

    #[track_caller]
    pub(crate) fn code(self, status: i32) -> Self {
        assert_eq!(self.status, status, "\n--- stdout\n{}\n--- stderr\n{}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "no `{text}` in\n{}", self.stderr);
        self
    }
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        use std::os::unix::process::ExitStatusExt;
        Self {
            status: output.status.code().unwrap_or_else(|| 128 + output.status.signal().unwrap_or(0)),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// Writes a program, and its folder. A child writes it: were it open for that here while another test starts a process, that one
/// would hold it open for a moment, and nobody could run it (ETXTBSY).
pub(crate) fn program(path: &Path, bytes: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
    let mut install = Command::new("install");
    let mut child = install.args(["-m755", "/dev/stdin"]).arg(path).stdin(Stdio::piped()).spawn().expect("install");
    child.stdin.take().expect("piped").write_all(bytes.as_ref()).expect("it reads");
    assert!(child.wait().expect("it ends").success(), "{} is not written", path.display());
}

/// Says that a test, or a part of it, cannot run here.
#[expect(clippy::print_stderr, reason = "whoever runs the tests must know")]
pub(crate) fn skipped(why: &str) {
    eprintln!("SKIPPED: {why}");
}

/// Returns the folder of the test bed; `tests/all.sh` sets it up.
pub(crate) fn bed() -> PathBuf {
    let bed = std::env::var_os("AGENT_CAPTURE_TESTBED").map(PathBuf::from);
    let bed = bed.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target/testbed"));
    assert!(bed.join("pin.flakeref").exists(), "tests with real Nix need a test bed: run `bash tests/all.sh`");
    // A store has no symlink above it.
    bed.canonicalize().expect("a folder")
}

/// Returns the pin of the test bed's package set, as `--nixpkgs` takes it.
pub(crate) fn pin() -> String {
    fs::read_to_string(bed().join("pin.flakeref")).expect("a pin").trim().to_owned()
}

/// Reads JSON that must be of one of the published schemas.
#[track_caller]
pub(crate) fn validate(schema: &str, json: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas").join(schema);
    let schema: Value = serde_json::from_slice(&fs::read(path).expect("a schema")).expect("JSON");
    let validator = jsonschema::draft202012::new(&schema).expect("a schema of 2020-12");
    let value: Value = serde_json::from_str(json).expect("JSON");
    let errors: Vec<String> =
        validator.iter_errors(&value).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    value
}

impl Project {
    /// An empty folder: no repository.
    pub(crate) fn bare_folder() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir_all(folder.path().join("home")).expect("a home");
        fs::create_dir_all(folder.path().join("project")).expect("a project");
        Self { folder, nix: None }
    }

    /// A repository with the files of `fixtures/demo`, committed.
    pub(crate) fn demo() -> Self {
        Self::of("demo")
    }

    /// A repository with the files of a folder of `fixtures`, committed.
    pub(crate) fn of(fixture: &str) -> Self {
        let project = Self::bare_folder();
        let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(fixture);
        project.command("cp").args(["-r", "--"]).arg(demo.join(".")).arg(project.root()).status().expect("cp");
        project.git(&["init", "-qb", "main"]);
        project.git(&["add", "-A"]);
        project.git(&["commit", "-qm", "A small project"]);
        project
    }

    /// The same, with a Nix of the test bed on PATH.
    pub(crate) fn with_nix(mut self, version: &str) -> Self {
        self.nix = Some(version.to_owned());
        self
    }

    /// The home folder.
    pub(crate) fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("project")
    }

    /// A command in the project, with nothing of the user's environment.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let home = self.folder.path().join("home");
        let mut path = PATH.to_owned();
        let mut command = Command::new(program);
        command.env_clear().current_dir(self.root()).stdin(Stdio::null());
        if let Some(version) = &self.nix {
            let bed = bed();
            path = format!("{}:{path}", bed.join(format!("nix-{version}/bin")).display());
            command.env("NIX_REMOTE", format!("local?root={}", bed.join(format!("store-{version}")).display()));
            command.env("NIX_CONF_DIR", bed.join(format!("nix-{version}/etc")));
        }
        command.env("PATH", path).env("HOME", &home).env("TERM", "dumb").env("LC_ALL", "C.UTF-8");
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
        command.env("GIT_AUTHOR_NAME", "Test").env("GIT_AUTHOR_EMAIL", "test@example.org");
        command.env("GIT_COMMITTER_NAME", "Test").env("GIT_COMMITTER_EMAIL", "test@example.org");
        command.env("GIT_AUTHOR_DATE", "2026-11-22T10:00:00Z").env("GIT_COMMITTER_DATE", "2026-11-22T10:00:00Z");
        command
    }

    /// Runs the program.
    #[must_use]
    pub(crate) fn run(&self, arguments: &[&str]) -> Said {
        self.command(env!("CARGO_BIN_EXE_agent-capture")).args(arguments).output().expect("the program runs").into()
    }

    /// Runs a script recorded, as an agent's session.
    #[must_use]
    pub(crate) fn session(&self, options: &[&str], script: &str) -> Said {
        let agent = self.folder.path().join("agent.sh");
        fs::write(&agent, script).expect("a script");
        let pin = if self.nix.is_some() { vec!["--nixpkgs".to_owned(), pin()] } else { Vec::new() };
        let mut command = self.command(env!("CARGO_BIN_EXE_agent-capture"));
        command.arg("run").args(options).args(pin).args(["--", "bash"]).arg(agent);
        command.output().expect("the program runs").into()
    }

    /// Runs git and returns what it prints; it must succeed.
    #[track_caller]
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        Said::from(self.command("git").args(arguments).output().expect("git")).success().stdout
    }

    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.root().join(path);
        if text.starts_with("#!") {
            return program(&path, text);
        }
        fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
        fs::write(&path, text).expect("a file");
    }

    pub(crate) fn exists(&self, path: &str) -> bool {
        self.root().join(path).exists()
    }
}
