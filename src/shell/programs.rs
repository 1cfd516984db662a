//! The programs that a command line runs, and what the line's end says of each.
//!
//! # What a line's end says
//!
//! All that a transcript or a hook knows is how a *line* ended. Of its programs:
//!
//! - [`Says::Certain`]: a line that ended well says that this program ran and ended well: the only command, each command of
//!   an `&&` list, the last of a `;` list and of a pipe, what follows `env`, `sudo` or `timeout`, the script of `bash -c`, each
//!   statement after `set -e`, each part of a pipe after `set -o pipefail`, and `a` of `a || exit 1`.
//! - [`Says::Ran`]: it ran, and the line's status is another's: what stands before `;`, `|` or a new line, substitutions, the
//!   body of a `for` over words, what `xargs` and `find -exec` start. Such a run is claimed with the line's success.
//! - [`Says::Maybe`]: it may not have run, or its failing shows nowhere: both sides of `||`, conditions and branches, bodies of
//!   `while`, what follows `!`, and what runs in the background.
//!
//! Of a line that failed only [`Run::decides`] says something: the status is this program's, for nothing else of the line
//! is a program that could have given it.

use brush_parser::ast::Program;

use super::walk::Walk;
use super::{Line, Word};

/// What the end of a line says of a program in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Says {
    /// Nothing.
    Maybe,
    /// It ran.
    Ran,
    /// It ran and ended as the line did.
    Certain,
}

/// Where a program of a line runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Folder {
    /// Where the line began.
    #[default]
    Same,
    /// In this folder: absolute, `~/…`, or relative to where the line began.
    At(String),
    /// A `cd` to what only the shell knew.
    Unknown,
}

/// A program that a line runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Its words, the program first.
    pub words: Vec<Word>,
    /// What is assigned for it, `NAME=VALUE`: before it, by `env`, or by an `export` before.
    pub assigned: Vec<Word>,
    /// Where.
    pub folder: Folder,
    /// What the line's end says of it.
    pub says: Says,
    /// Whether a failing line's status is this program's.
    pub decides: bool,
    /// Whether all that it does is to start the next one: its status is that one's.
    pub passes_on: bool,
    /// The program that started it and looks for it among packages of its own first.
    pub through: Option<String>,
}

/// What a program starts that its arguments name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Started {
    /// The command.
    pub inner: Inner,
    /// Whether it is looked for first among the packages that the project, or the program that starts it, installed for itself.
    pub own: bool,
}

/// A command in the arguments of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inner {
    /// The words from this one on; the first is number 0.
    Words(usize),
    /// A program of this name, and the words from this one on.
    Named(String, usize),
    /// A script of a shell.
    Script(String),
}

/// Tells what a command with these words starts; none when it starts nothing that they name.
pub type Starts<'a> = &'a dyn Fn(&[&str]) -> Option<Started>;

impl Run {
    /// Returns the program as it was called: a name, or a path (`~/…` for the home folder); none when only the shell knew it.
    pub fn program(&self) -> Option<&str> {
        let word = self.words.first()?;
        let path = word.text.trim_start_matches("~/");
        let plain = |c: char| !c.is_control() && !c.is_whitespace() && !"$`*?[]{}()<>|&;\"'\\".contains(c);
        (!path.is_empty() && path.chars().all(plain)).then_some(word.text.as_str())
    }
}

/// Returns the programs that a line runs, in the order in which they stand there; builtins and functions of the line are
/// none, and which program an alias of the line is, only the shell knew. Text of here-documents is data, unless the line
/// hands it to a shell. An error is the reason why the line cannot be read, a clause of fixed words.
pub fn programs(line: &str) -> Result<Vec<Run>, &'static str> {
    Line::new(line).programs()
}

/// Returns the same, and with each program the one that it starts by what `starts` knows of it.
pub fn programs_with(line: &str, starts: Starts) -> Result<Vec<Run>, &'static str> {
    Line::new(line).program.map(|program| of(&program, Some(starts)))
}

/// Returns the programs that a parsed line runs.
pub(super) fn of(program: &Program, starts: Option<Starts>) -> Vec<Run> {
    let mut walk = Walk::new(starts);
    walk.program(program, Says::Certain);
    match walk.into_runs() {
        (runs, true) => decided(runs),
        (runs, false) => runs,
    }
}

/// Says which run a failing line's status is of: the last certain one, when no other run could have ended the line.
fn decided(mut runs: Vec<Run>) -> Vec<Run> {
    let certain: Vec<usize> =
        (0..runs.len()).filter(|at| runs[*at].says == Says::Certain && !runs[*at].passes_on).collect();
    if let [only] = certain[..] {
        runs[only].decides = true;
    }
    runs
}

#[cfg(test)]
mod tests;
