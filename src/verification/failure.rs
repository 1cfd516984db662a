//! Why Nix says no, read from its log.

use serde::{Deserialize, Serialize};

use super::{Finding, finding::Code, statics::Lines};
use crate::nix::{AttrPath, Check, Finished, drv_name};
use crate::requirements::ProgramName;

/// How many lines of a log are kept for a failure.
const TAIL: usize = 20;

/// Something that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The check, none when the flake itself could not be evaluated.
    pub check: Option<String>,
    /// What kind of failure it is.
    pub why: Why,
    /// The last lines of what Nix or the check said.
    pub log: Vec<String>,
    /// What one can do; empty when nothing is known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub help: Vec<String>,
    /// Where the whole log is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<String>,
    /// The whole log.
    #[serde(skip)]
    pub all: Vec<String>,
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
    /// The flake has other outputs besides its checks than expected: these are missing, these too many.
    Outputs {
        /// Expected and not there.
        missing: Vec<String>,
        /// There and not expected.
        extra: Vec<String>,
    },
    /// The package set has no such attribute.
    MissingAttr(String),
    /// Nixpkgs refuses this package: its licence is not free.
    Unfree(String),
    /// Nixpkgs refuses this package: it is marked as insecure.
    Insecure(String),
    /// The flake cannot be evaluated.
    Evaluation,
    /// The check looked for a program that no package of the flake has.
    MissingProgram(String),
    /// The check wanted this from the network.
    Network(String),
    /// The check's command ended with a status that is not 0.
    Failed,
    /// The check was not built because something that it needs was not.
    NotBuilt,
    /// A cache has it, and building it here failed or made something else.
    OnlyCached,
    /// The sandbox does not work on this machine.
    Sandbox,
}

impl Failure {
    /// Returns a failure with this log.
    pub fn new(check: Option<String>, why: Why, all: Vec<String>) -> Self {
        let log = all[all.len().saturating_sub(TAIL)..].to_vec();
        Self { check, why, log, help: Vec::new(), kept: None, all }
    }

    /// Returns it as a finding, at its line of the flake.
    pub fn finding(&self, lines: &Lines) -> Finding {
        let what = self.check.as_deref().map_or("the flake".to_owned(), |name| format!("check `{name}`"));
        let line = self.check.as_deref().and_then(|name| lines.check(name));
        let mut finding = Finding::error(self.why.code(), format!("{what}: {}", self.why.cause()));
        let mut help = self.help.clone();
        help.extend(self.kept.as_ref().map(|path| format!("the whole log is in {path}")));
        finding.help = (!help.is_empty()).then(|| help.join("; "));
        finding.log = self.log.clone();
        finding.at(&lines.path, line)
    }
}

fn different(what: &str, missing: &[String], extra: &[String]) -> String {
    let list = |names: &[String]| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    format!("it has other {what} than expected (missing: {}; too many: {})", list(missing), list(extra))
}

impl Why {
    /// Returns the code.
    pub fn code(&self) -> Code {
        match self {
            Self::Checks { .. } => Code::ChecksDiffer,
            Self::Outputs { .. } => Code::OutputsDiffer,
            Self::MissingAttr(_) => Code::AttrMissing,
            Self::Unfree(_) => Code::UnfreePackage,
            Self::Insecure(_) => Code::InsecurePackage,
            Self::Evaluation => Code::EvaluationFailed,
            Self::MissingProgram(_) => Code::ProgramMissing,
            Self::Network(_) => Code::NetworkWanted,
            Self::Failed => Code::CheckFailed,
            Self::NotBuilt | Self::OnlyCached => Code::NotBuilt,
            Self::Sandbox => Code::SandboxBroken,
        }
    }

    /// Returns what happened, a clause. Names in it are as Nix says them: escape it where it is shown.
    pub fn cause(&self) -> String {
        match self {
            Self::Checks { missing, extra } => different("checks", missing, extra),
            Self::Outputs { missing, extra } => different("outputs", missing, extra),
            Self::MissingAttr(attr) => format!("the package set has no attribute `{attr}`"),
            Self::Unfree(name) => format!("nixpkgs refuses `{name}`: its licence is not free"),
            Self::Insecure(name) => format!("nixpkgs refuses `{name}`: it is marked as insecure"),
            Self::Evaluation => "Nix cannot evaluate it".to_owned(),
            Self::MissingProgram(name) => format!("`{name}` is in none of its packages"),
            Self::Network(what) => format!("it wants the network, which the sandbox does not have, for {what}"),
            Self::Failed => "it failed in the sandbox".to_owned(),
            Self::NotBuilt => "it was not built, because something that it needs was not".to_owned(),
            Self::OnlyCached => {
                "a cache has it, and building it here failed or made something else than the cache has".to_owned()
            }
            Self::Sandbox => {
                "the sandbox of Nix does not work here: user namespaces are missing (kernel.unprivileged_userns_clone, \
                 containers)"
                    .to_owned()
            }
        }
    }
}

/// Reads why a flake could not be evaluated.
pub(super) fn evaluation(said: &Finished) -> Failure {
    let missing = said.lines.iter().find_map(|line| {
        let name = line.split_once("attribute '")?.1.split_once('\'')?;
        name.1.starts_with(" missing").then(|| Why::MissingAttr(name.0.to_owned()))
    });
    let gone = || said.lines.iter().find_map(|line| gone(line));
    let refused = || said.lines.iter().find_map(|line| refused(line));
    let sandbox = || said.lines.iter().any(|line| is_sandbox(line)).then_some(Why::Sandbox);
    let why = missing.or_else(refused).or_else(gone).or_else(sandbox).unwrap_or(Why::Evaluation);
    Failure::new(None, why, said.lines.clone())
}

/// Returns the attr that nixpkgs has no more: it throws what became of it (`pkgs/top-level/aliases.nix`).
fn gone(line: &str) -> Option<Why> {
    let (name, rest) = line.split_once("error: ")?.1.split_once(' ')?;
    let name = name.trim_matches(['\'', '"', '`', '‘', '’']);
    let said = ["has been removed", "has been renamed", "has been replaced", "has been deprecated", "was removed"];
    (said.iter().any(|said| rest.starts_with(said)) && AttrPath::parse(name).is_ok())
        .then(|| Why::MissingAttr(name.to_owned()))
}

/// Returns the package that nixpkgs refuses (`pkgs/stdenv/generic/check-meta.nix`).
fn refused(line: &str) -> Option<Why> {
    let rest = line.split_once("Package ‘").or_else(|| line.split_once("Package '"))?.1;
    let name = rest.split(['’', '\'']).next()?.to_owned();
    if rest.contains("has an unfree license") {
        return Some(Why::Unfree(name));
    }
    rest.contains("is marked as insecure").then_some(Why::Insecure(name))
}

/// Reads why a check is not there.
pub(super) fn of(name: &str, check: &Check, said: &Finished) -> Failure {
    let prefix = format!("{}> ", drv_name(&check.drv));
    let log: Vec<String> = said.lines.iter().filter_map(|line| line.strip_prefix(&prefix)).map(str::to_owned).collect();
    let drv = check.drv.rsplit('/').next().unwrap_or_default();
    let failed = said
        .lines
        .iter()
        .any(|line| line.contains(drv) && (line.contains("failed with exit code") || line.contains("failed to build")));
    let missing = || log.iter().rev().find_map(|line| missing_program(line));
    let why = if said.lines.iter().any(|line| is_sandbox(line)) {
        Why::Sandbox
    } else if let Some(program) = missing() {
        Why::MissingProgram(program.as_str().to_owned())
    } else if let Some(what) = wanted_from_network(&log) {
        Why::Network(what)
    } else if said.success {
        // Nix was content with what a cache has.
        Why::OnlyCached
    } else if failed || !log.is_empty() {
        Why::Failed
    } else {
        Why::NotBuilt
    };
    Failure::new(Some(name.to_owned()), why, if log.is_empty() { said.lines.clone() } else { log })
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

/// What resolvers and clients say without a network: libc, curl, git, Python, Node, Go, Rust.
const NO_NETWORK: [&str; 12] = [
    "curl: (6)",
    "curl: (7)",
    "Could not resolve host",
    "Couldn't resolve host",
    "Temporary failure in name resolution",
    "Name or service not known",
    "nodename nor servname provided",
    "getaddrinfo EAI_AGAIN",
    "getaddrinfo ENOTFOUND",
    "dial tcp: lookup",
    "failed to lookup address information",
    "Network is unreachable",
];

/// Words before the name of what a package manager was about to get.
const BEFORE_NAME: [&str; 9] = [
    "Collecting ",
    "satisfies the requirement ",
    "No matching distribution found for ",
    "failed to download `",
    "failed to get `",
    "failed to download from `",
    "Downloading ",
    "go: ",
    "Could not find gem '",
];

/// Returns what a check wanted from the network, when its log says that there is none: a dependency, else a host.
fn wanted_from_network(log: &[String]) -> Option<String> {
    let at = log.iter().position(|line| NO_NETWORK.iter().any(|words| line.contains(words)))?;
    let around = &log[at.saturating_sub(12)..(at + 12).min(log.len())];
    let word = |rest: &str| {
        let end = |c: char| c.is_whitespace() || "`'\"(),;".contains(c);
        let word = rest.split(end).next().unwrap_or_default().trim_end_matches([':', '.']);
        (word.len() > 1).then(|| word.chars().take(100).collect::<String>())
    };
    let named = |line: &String| {
        let after = BEFORE_NAME.iter().find_map(|words| line.split_once(words));
        after.and_then(|(_, rest)| word(rest)).map(|name| format!("`{name}`"))
    };
    let host = |line: &String| {
        let markers =
            ["resolve host: ", "resolve host '", "EAI_AGAIN ", "ENOTFOUND ", "lookup ", "https://", "http://"];
        let after = markers.iter().find_map(|words| line.split_once(words));
        let name = after.and_then(|(_, rest)| word(rest.split('/').next().unwrap_or(rest)));
        name.map(|name| format!("the host `{name}`"))
    };
    let found = around.iter().find_map(named).or_else(|| around.iter().find_map(host));
    Some(found.unwrap_or_else(|| "something that its log does not name".to_owned()))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn said(lines: &[&str]) -> Finished {
        Finished { success: false, lines: lines.iter().map(|line| (*line).to_owned()).collect() }
    }

    fn why(lines: &[&str]) -> Why {
        let check = Check { drv: "/nix/store/abc-pytest.drv".into(), out: "/nix/store/def-pytest".into() };
        of("pytest", &check, &said(lines)).why
    }

    #[test]
    fn reasons() {
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
    }

    #[test]
    fn what_cannot_be_evaluated() {
        let failure = evaluation(&said(&["error: attribute 'nosuch' missing", "       at flake.nix:12:9:"]));
        assert_eq!((failure.why, failure.log.len()), (Why::MissingAttr("nosuch".into()), 2));
        let unfree = "error: Package ‘unrar-7.1.10’ in /nix/store/x/pkgs/default.nix:59 has an unfree license (‘unfree’), refusing to evaluate.";
        assert_eq!(evaluation(&said(&[unfree])).why, Why::Unfree("unrar-7.1.10".into()));
        let insecure = "       error: Package 'nodejs-20.20.0' in x.nix:1 is marked as insecure, refusing to evaluate.";
        assert_eq!(evaluation(&said(&[insecure])).why, Why::Insecure("nodejs-20.20.0".into()));
        let gone = "       error: 'silver-searcher' has been removed as it has seen no development since 2020";
        assert_eq!(evaluation(&said(&[gone])).why, Why::MissingAttr("silver-searcher".into()));
        assert_eq!(evaluation(&said(&["error: unable to start build process"])).why, Why::Sandbox);
        assert_eq!(evaluation(&said(&["error: infinite recursion"])).why, Why::Evaluation);
    }

    #[test]
    fn what_wants_the_network() {
        for (line, wanted) in [
            ("curl: (6) Could not resolve host: example.org", "the host `example.org`"),
            (
                "fatal: unable to access 'https://example.org/x.git/': Could not resolve host: example.org",
                "the host `example.org`",
            ),
            (
                "npm error request to https://example.org/left-pad failed, reason: getaddrinfo EAI_AGAIN example.org",
                "the host `example.org`",
            ),
            (
                "go: github.com/x/y@v1.2.3: Get \"https://example.org/x\": dial tcp: lookup example.org: no such host",
                "`github.com/x/y@v1.2.3`",
            ),
            ("Temporary failure in name resolution", "something that its log does not name"),
        ] {
            assert_eq!(why(&[&format!("pytest> {line}")]), Why::Network(wanted.to_owned()), "{line}");
        }
        let pip = [
            "pytest> Collecting requests==2.31",
            "pytest> WARNING: Retrying: [Errno -3] Temporary failure in name resolution",
        ];
        assert_eq!(why(&pip), Why::Network("`requests==2.31`".into()));
        let cargo = [
            "pytest> warning: spurious network error: [6] Could not resolve hostname",
            "pytest>   failed to download from `https://example.org/serde`",
        ];
        assert_eq!(why(&cargo), Why::Network("`https://example.org/serde`".into()));
    }
}
