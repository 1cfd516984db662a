//! A command that is run again, and what it needs for that.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{CheckLine, CheckName, Evidence};
use crate::nix::NarHash;

/// A command that is run again to prove the packages.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// Its name, `make-check`: an attribute name, unique, not `tools` nor `devshell`.
    pub name: CheckName,
    /// The command line: printable ASCII.
    pub line: CheckLine,
    /// The folder below the repository's root in which it runs; empty for the root.
    pub folder: CheckLine,
    /// The commands it comes from.
    pub evidence: BTreeSet<Evidence>,
    /// What the sessions ran to make its folder ready, in order: `cmake -B build` before `cmake --build build`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<Step>,
    /// The lock files whose packages it needs.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub locks: BTreeSet<Lock>,
    /// What its line promises to make, from the repository's root: `target/debug/greet`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub makes: Vec<CheckLine>,
}

/// A command that runs before a check.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// The command: words, quoted where they must be.
    pub line: CheckLine,
    /// The folder below the repository's root in which it runs; empty for the root.
    pub folder: CheckLine,
    /// The commands it is a part of.
    pub evidence: BTreeSet<Evidence>,
}

/// A lock file of the repository that names each package with its hash.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// What kind it is.
    pub kind: LockKind,
    /// Its folder below the repository's root; empty for the root.
    pub folder: CheckLine,
    /// Hash of all of its packages together, of a kind that does not say the hash of each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<NarHash>,
}

/// The kinds of lock files from which Nix fetches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LockKind {
    /// `Cargo.lock`.
    Cargo,
    /// `package-lock.json`, version 2 or 3.
    Npm,
    /// `go.mod`, and the hash of what `go mod vendor` makes of it.
    Go,
}

impl LockKind {
    /// Returns the name of the file.
    pub fn file(self) -> &'static str {
        match self {
            Self::Cargo => "Cargo.lock",
            Self::Npm => "package-lock.json",
            Self::Go => "go.mod",
        }
    }
}

impl Lock {
    /// Returns the path of the file, from the repository's root.
    pub fn path(&self) -> String {
        match self.folder.as_str() {
            "" => self.kind.file().to_owned(),
            folder => format!("{folder}/{}", self.kind.file()),
        }
    }
}

fn quote(word: &str) -> String {
    shlex::try_quote(word).expect("printable text has no NUL").into_owned()
}

/// Returns a line as it runs from the repository's root.
fn from_root(folder: &str, line: &str) -> String {
    if folder.is_empty() { line.to_owned() } else { format!("cd {} && {line}", quote(folder)) }
}

impl Step {
    /// Returns the step as a command from the repository's root. Where it runs is made: that is often its own first step.
    fn command(&self) -> String {
        match self.folder.as_str() {
            "" => self.line.as_str().to_owned(),
            folder => format!("(mkdir -p {0} && cd {0} && {1})", quote(folder), self.line.as_str()),
        }
    }
}

impl Check {
    /// Returns the whole command, for Bash at the repository's root: what makes its folder ready, its line, and a look at
    /// each thing that the line promises to make.
    pub fn command(&self) -> String {
        let line = from_root(self.folder.as_str(), self.line.as_str());
        let line = if self.makes.is_empty() || line == self.line.as_str() && !line.contains("cd ") {
            line
        } else {
            format!("({line})")
        };
        let before = self.before.iter().map(Step::command);
        let makes = self.makes.iter().map(|path| format!("ls -d {}", quote(path.as_str())));
        before.chain([line]).chain(makes).collect::<Vec<_>>().join(" && ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> CheckLine {
        CheckLine::parse(text).expect("printable")
    }

    #[test]
    fn commands() {
        let step = |text, folder| Step { line: line(text), folder: line(folder), evidence: BTreeSet::new() };
        let mut check = Check {
            name: CheckName::parse("ctest").expect("a name"),
            line: line("ctest --test-dir build"),
            folder: line(""),
            evidence: BTreeSet::new(),
            before: vec![step("cmake ..", "build"), step("cmake --build build", "")],
            locks: BTreeSet::new(),
            makes: Vec::new(),
        };
        assert_eq!(
            check.command(),
            "(mkdir -p build && cd build && cmake ..) && cmake --build build && ctest --test-dir build"
        );
        (check.before, check.folder, check.line) = (Vec::new(), line("a b"), line("gcc -o x x.c"));
        assert_eq!(check.command(), "cd 'a b' && gcc -o x x.c");
        check.makes = vec![line("a b/x")];
        assert_eq!(check.command(), "(cd 'a b' && gcc -o x x.c) && ls -d 'a b/x'");
    }
}
