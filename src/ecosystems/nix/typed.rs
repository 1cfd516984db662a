//! Command lines of Nix that a person typed, to be written down as a flake.

use super::super::{Asked, call};
use super::ask::{Request, is_nixpkgs, request};
use super::line::Line;
use crate::index::Index;

/// What a command line asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Typed {
    /// Its packages, and what is none.
    pub(in super::super) asked: Asked,
    /// The flakerefs of nixpkgs that it names.
    pub(in super::super) nixpkgs: Vec<String>,
    /// The command that it runs with them, as one would type it.
    pub(in super::super) command: Option<String>,
    /// Whether its shell has a compiler.
    pub(in super::super) compiler: bool,
}

/// Reads a command line; none when it is none of Nix that names packages.
pub(in super::super) fn typed(argv: &[&str], index: &Index) -> Option<Typed> {
    let (program, rest) = call(argv)?;
    let line = Line::read(program, rest);
    let request = request(argv)?;
    let (flakes, develops) = match &request {
        Request::Flake { installables, develops } => (installables.as_slice(), *develops),
        _ => (&[][..], false),
    };
    let flakes = flakes.iter().filter_map(|word| word.split_once('#')).map(|(flake, _)| flake);
    let command = match (program, line.command.as_slice()) {
        (_, []) => None,
        ("nix-shell", [text, ..]) => Some((*text).to_owned()),
        (_, words) => shlex::try_join(words.iter().copied()).ok(),
    };
    Some(Typed {
        asked: request.read(index, &[]),
        nixpkgs: flakes.filter(|flake| is_nixpkgs(flake)).map(str::to_owned).collect(),
        command,
        compiler: program == "nix-shell" || develops,
    })
}
