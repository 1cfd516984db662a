//! Agents' own transcripts, read as the commands that they tell: transcript → [`Call`]s.
//!
//! An agent is one file: it says which records are of its transcripts, by what is in them and never by a file's name, and
//! reads those of all known versions. What it does not know it passes over: agents add kinds of records with each version.

use serde_json::Value;

use crate::journal::Call;

mod calls;
mod document;
mod environment;
mod hooks;
mod import;
mod javascript;
mod latest;
mod look;
mod settings;
mod text;

mod aider;
mod amp;
mod claude_code;
mod codex;
mod continue_cli;
mod copilot;
mod cursor;
mod droid;
mod entire;
mod gemini;
mod goose;
mod mini_swe_agent;
mod opencode;
mod openhands;
mod pi;
mod swe_agent;
mod windsurf;

pub use calls::{Calls, Head};
pub use environment::{Under, by_program, under};
pub use hooks::{Door, Heard, Hooks, MOVED, Places};
pub use import::{Import, Transcript};
pub use latest::{below, latest};
pub use settings::{Edit, has, install, remove};

/// All agents, those with the clearest marks first.
pub static ALL: &[&dyn Agent] = &[
    &claude_code::ClaudeCode,
    &codex::Codex,
    &copilot::Copilot,
    &entire::Entire,
    &openhands::OpenHands,
    &opencode::OpenCode,
    &windsurf::Windsurf,
    &gemini::Gemini,
    &pi::Pi,
    &goose::Goose,
    &droid::Droid,
    &continue_cli::Continue,
    &amp::Amp,
    &mini_swe_agent::MiniSweAgent,
    &swe_agent::SweAgent,
    &aider::Aider,
    &cursor::Cursor,
];

/// A record of a transcript: a line of JSON Lines or of text, an element of a list in a document, or what a document
/// has besides its lists.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// The list that it is of, `messages`; empty for lines, for elements of a document that is a list, and for what a
    /// document has besides.
    pub list: &'a str,
    /// The record; a string for a line that is no JSON.
    pub value: &'a Value,
}

/// An agent's dialect.
pub trait Agent: Sync {
    /// Lower-case name; also the prefix of its fixtures.
    fn name(&self) -> &'static str;

    /// Returns whether a record is of this agent's transcripts.
    fn reads(&self, record: Record) -> bool;

    /// Returns a reader for one session.
    fn reader(&self) -> Box<dyn Reader>;

    /// Returns the folders below the home folder in which the agent keeps its transcripts.
    fn folders(&self) -> &'static [&'static str] {
        &[]
    }

    /// Returns the names of the agent's programs.
    fn programs(&self) -> &'static [&'static str] {
        &[]
    }

    /// Returns environment variables that the agent sets for what it starts, and nobody else does.
    fn variables(&self) -> &'static [&'static str] {
        &[]
    }

    /// Returns how the agent calls hooks; none when it calls none, or only from code that is compiled into it.
    fn hooks(&self) -> Option<&dyn Hooks> {
        None
    }
}

/// Reads the records of one session, in order.
pub trait Reader {
    /// Returns whether a line may tell something: it costs less to look for a word than to parse a line.
    fn wants(&self, _line: &[u8], _calls: &Calls) -> bool {
        true
    }

    /// Takes the next record.
    fn record(&mut self, record: Record, calls: &mut Calls);

    /// Takes the end of the session.
    fn end(&mut self, _calls: &mut Calls) {}
}

#[cfg(test)]
mod tests;
