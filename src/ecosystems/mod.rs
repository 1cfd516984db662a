//! What ran, read as what it needs: journals → [`Requirements`](crate::requirements::Requirements).
//!
//! An ecosystem is one file: it says which command lines must be kept, and what programs and command lines need. Nothing
//! here fails or looks at the machine.

use crate::index::Index;
use crate::journal::{Invocation, Journal, Program, Reads, UsedFlake};
use crate::nix::AttrPath;
use crate::shell::{Inner, Started};

mod aside;
mod checks;
pub mod cross;
mod draft;
mod export;
mod families;
mod imports;
mod inputs;
mod install;
mod libraries;
mod locks;
mod paths;
pub mod project;
mod python;
mod reading;
mod refused;
mod resolve;
mod versions;

mod apk;
mod apt;
mod beam;
mod brew;
mod cargo;
mod cc;
mod composer;
mod conda;
mod corepack;
mod cpan;
mod devbox;
mod dnf;
mod dotnet;
mod go;
mod haskell;
mod host;
mod jvm;
mod lint;
mod make;
mod mise;
mod nix;
mod npm;
mod nvm;
mod opam;
mod pacman;
mod php;
mod pip;
mod pipx;
mod pkg_config;
mod poetry;
mod pyenv;
mod ruby;
mod rustup;
mod sdkman;
mod terraform;
mod uv;
mod zig;

pub use checks::{Stage, State, shows};
pub use export::{Exported, export};
pub use go::{UNFOUND, unfound};
pub use locks::{Near, Need};
pub use nix::{BUILDS, Foreign, foreign};
pub use reading::{Asked, Borrowed, Context, Reading, Want};
pub use resolve::{Unknown, resolve, unknown};

/// All ecosystems; the first that knows a program or a command line reads it. `host` knows every program: it is the last.
pub static ALL: &[&dyn Ecosystem] = &[
    &nix::Nix,
    &pip::Pip,
    &apk::Apk,
    &apt::Apt,
    &beam::Beam,
    &brew::Brew,
    &mise::Mise,
    &nvm::Nvm,
    &sdkman::Sdkman,
    &cargo::Cargo,
    &cc::Cc,
    &composer::Composer,
    &conda::Conda,
    &corepack::Corepack,
    &cpan::Cpan,
    &devbox::Devbox,
    &dnf::Dnf,
    &dotnet::Dotnet,
    &go::Go,
    &haskell::Haskell,
    &jvm::Jvm,
    &lint::Lint,
    &make::Make,
    &npm::Npm,
    &opam::Opam,
    &pacman::Pacman,
    &php::Php,
    &pipx::Pipx,
    &pkg_config::PkgConfig,
    &poetry::Poetry,
    &pyenv::Pyenv,
    &ruby::Ruby,
    &rustup::Rustup,
    &terraform::Terraform,
    &uv::Uv,
    &zig::Zig,
    &host::Host,
];

/// One way in which programs come to a machine.
pub trait Ecosystem: Sync {
    /// Lower-case name; also the prefix of its fixtures.
    fn name(&self) -> &'static str;

    /// Returns whether these arguments say what is needed, so that the journal must keep them.
    fn keeps(&self, _argv: &[&str]) -> bool {
        false
    }

    /// Reads a program of which at least one run ended well.
    fn program(&self, _program: &Program, _context: &Context) -> Reading {
        Reading::Unrecognized
    }

    /// Reads a command line of which at least one run ended well; none when this ecosystem does not know it.
    fn invocation(&self, _invocation: &Invocation, _context: &Context) -> Option<Asked> {
        None
    }

    /// Returns the files of the project that these arguments name and that say what is needed, relative to the working folder.
    fn files(&self, _argv: &[&str]) -> Vec<String> {
        Vec::new()
    }

    /// Returns what such a file says, a word each: the journal keeps these and not the file.
    fn says(&self, _argv: &[&str], _text: &str) -> Vec<String> {
        Vec::new()
    }

    /// Returns the command line that these words run, when besides that they only provide packages that are captured;
    /// `flakes` is what the journal knows of other flakes.
    fn inner(&self, _argv: &[&str], _index: &Index, _flakes: &[UsedFlake]) -> Option<String> {
        None
    }

    /// Returns the command that these words start, which nobody sees start where a command line is only told of.
    fn starts(&self, _argv: &[&str]) -> Option<Started> {
        None
    }

    /// Returns whether a command line only puts packages on the machine, or looks after those: what runs for it is not used
    /// by the project.
    fn installs(&self, _argv: &[&str]) -> bool {
        false
    }

    /// Returns the name of a check (`make-check`) when a command with these words tests, builds or lints.
    fn verifies(&self, _argv: &[&str]) -> Option<String> {
        None
    }

    /// Returns what a check needs besides packages because a program of this name runs in it.
    fn need(&self, _program: &str, _near: &Near) -> Option<Need> {
        None
    }

    /// Returns what a command with these words does to a folder of the project in which things are built.
    fn stage(&self, _argv: &[&str]) -> Option<Stage> {
        None
    }

    /// Returns the files that these words promise to make, relative to where they run.
    fn makes(&self, _argv: &[&str], _near: &Near) -> Vec<String> {
        Vec::new()
    }
}

/// Returns whether a journal must keep these arguments.
pub fn keeps(argv: &[&str]) -> bool {
    ALL.iter().any(|ecosystem| ecosystem.keeps(argv))
}

/// Returns the command that these arguments start.
pub fn starts(argv: &[&str]) -> Option<Started> {
    ALL.iter().find_map(|ecosystem| ecosystem.starts(argv))
}

/// What is known here of command lines while a journal is made.
pub const READS: Reads<'static> = Reads { keeps: &keeps, starts: &starts };

/// Returns the files of the project that these arguments name and that say what is needed, relative to the working folder.
pub fn files(argv: &[&str]) -> Vec<String> {
    ALL.iter().flat_map(|ecosystem| ecosystem.files(argv)).collect()
}

/// Returns what a file says that these arguments name: at most 500 words of printable ASCII.
pub fn says(argv: &[&str], text: &str) -> Vec<String> {
    let reads = ALL.iter().find(|ecosystem| !ecosystem.files(argv).is_empty());
    let plain = |word: &String| (1..=200).contains(&word.len()) && word.bytes().all(|b| (0x20..=0x7e).contains(&b));
    reads.map(|ecosystem| ecosystem.says(argv, text)).unwrap_or_default().into_iter().filter(plain).take(500).collect()
}

/// Returns whether a command line only puts packages on the machine.
fn installs(argv: &[&str]) -> bool {
    ALL.iter().any(|ecosystem| ecosystem.installs(argv))
}

/// Returns the command line that these words of a journal run, when besides that they only provide packages that are captured.
fn inner(argv: &[&str], index: &Index, journal: &Journal) -> Option<String> {
    ALL.iter().find_map(|ecosystem| ecosystem.inner(argv, index, &journal.flakes))
}

/// Returns the name of a check when a command with these words tests, builds or lints. Its program must be one that PATH
/// finds: a path is of this machine or of what is not committed.
pub fn verifies(argv: &[&str]) -> Option<String> {
    const ONLY_TELLS: [&str; 7] = ["--help", "--version", "-V", "--dry-run", "--collect-only", "--list", "--watch"];
    let only_tells = argv.iter().skip(1).any(|word| ONLY_TELLS.contains(word));
    if only_tells || argv.first()?.contains('/') {
        return None;
    }
    ALL.iter().find_map(|ecosystem| ecosystem.verifies(argv))
}

/// Returns what a check needs besides packages because a program of this name runs in it.
fn need(program: &str, near: &Near) -> Option<Need> {
    ALL.iter().find_map(|ecosystem| ecosystem.need(program, near))
}

/// Returns what a command with these words does to a folder in which things are built.
fn stage(argv: &[&str]) -> Option<Stage> {
    ALL.iter().find_map(|ecosystem| ecosystem.stage(argv))
}

/// Returns the files that these words promise to make, relative to where they run.
fn makes(argv: &[&str], near: &Near) -> Vec<String> {
    ALL.iter().flat_map(|ecosystem| ecosystem.makes(argv, near)).collect()
}

/// Returns the packages for a program of this name: its own, and Python when its own is a module of that.
fn wants(index: &Index, attr: AttrPath, name: &str, seen: Option<String>) -> Vec<Want> {
    let programs = index.called(&attr, name).map(str::to_owned).into_iter().collect();
    let interpreter = attr.within("python3Packages").and_then(|_| index.known("python3")).map(Want::new);
    [Some(Want { programs, seen, ..Want::new(attr) }), interpreter].into_iter().flatten().collect()
}

/// Returns whether a name is one of the words of a list.
fn listed(words: &str, name: &str) -> bool {
    words.split_ascii_whitespace().any(|word| word == name)
}

/// Returns the program's name and the other words of a command line.
fn call<'a, 'b>(argv: &'b [&'a str]) -> Option<(&'a str, &'b [&'a str])> {
    let (first, rest) = argv.split_first()?;
    Some((paths::name(first), rest))
}

/// Returns the command that these words start, as a line.
fn line(argv: &[&str], started: Started) -> Option<String> {
    match started.inner {
        Inner::Words(at) => shlex::try_join(argv.get(at..)?.iter().copied()).ok(),
        Inner::Named(name, at) => {
            shlex::try_join(std::iter::once(name.as_str()).chain(argv.get(at..)?.iter().copied())).ok()
        }
        Inner::Script(script) => Some(script),
    }
    .filter(|line| !line.is_empty())
}

/// Returns where the command begins behind a program's verb and options of both; `values` are options that take the next word.
fn behind(argv: &[&str], verb: &str, values: &str) -> Option<usize> {
    let before = 1 + options(argv.get(1..)?, values);
    let rest = argv.get(before + 1..).filter(|_| argv[before] == verb)?;
    Some(before + 1 + options(rest, values)).filter(|at| *at < argv.len())
}

/// Returns how many words stand before the first that is no option; `--` ends them.
fn options(words: &[&str], values: &str) -> usize {
    let mut at = 0;
    while let Some(word) = words.get(at).filter(|word| word.starts_with('-') && word.len() > 1) {
        at += 1 + usize::from(listed(values, word));
        if *word == "--" {
            break;
        }
    }
    at.min(words.len())
}

/// Returns `program-verb` when the first word that is no option is one of `verbs`: `go-test`.
fn verb(program: &str, words: &[&str], verbs: &[&str]) -> Option<String> {
    let word = words.iter().find(|word| !word.starts_with(['-', '+']))?;
    verbs.contains(word).then(|| check_name(&[program, word]))
}

/// Returns words as the name of a check: lower-case letters, digits and `-`.
fn check_name(words: &[&str]) -> String {
    let mut name = String::new();
    for part in
        words.iter().flat_map(|word| word.split(|c: char| !c.is_ascii_alphanumeric())).filter(|part| !part.is_empty())
    {
        if !name.is_empty() {
            name.push('-');
        }
        name.push_str(&part.to_ascii_lowercase());
    }
    name.truncate(48);
    name.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests;
