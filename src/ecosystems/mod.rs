//! What ran, read as what it needs: journals → [`Requirements`].
//!
//! An ecosystem is one file: it says which command lines must be kept, and what programs and command lines need. Nothing
//! here fails or looks at the machine.

use crate::index::Index;
use crate::journal::{Invocation, Journal, Program};
use crate::nix::AttrPath;
use crate::policy::Policy;
use crate::requirements::Requirements;

/// What an ecosystem makes of something that ran.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// It needs these packages.
    Wants(Vec<Want>),
    /// The standard environment has it; `compiler` when only the one with a compiler does.
    Stdenv {
        /// Whether it is part of the compiler.
        compiler: bool,
    },
    /// It needs no package, for this reason (fixed words, a clause that follows "ignored: ").
    Ignored(&'static str),
    /// This ecosystem does not know it.
    Unrecognized,
}

/// A package that something needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Want {
    /// The package.
    pub attr: AttrPath,
    /// The programs by which it shows, when it is a program that ran.
    pub programs: Vec<String>,
    /// Version that was seen, when known.
    pub seen: Option<String>,
}

/// What an ecosystem may look at.
pub struct Context<'a> {
    /// The index.
    pub index: &'a Index,
    /// The journal that is read.
    pub journal: &'a Journal,
}

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

    /// Reads a command line of which at least one run ended well.
    fn invocation(&self, _invocation: &Invocation, _context: &Context) -> Reading {
        Reading::Unrecognized
    }

    /// Returns the name of a check (`make-check`) when a command with these words tests, builds or lints.
    fn verifies(&self, _argv: &[&str]) -> Option<String> {
        None
    }
}

/// stub
pub fn keeps(_argv: &[&str]) -> bool { false }
/// stub
pub fn resolve(_: &[Journal], _: &Index, _: &Policy) -> Requirements { Requirements::default() }
