//! What hooks told of the commands of a session: of those that a recorder saw it is the line, of the others all that is known.

use std::path::PathBuf;

use super::Closing;
use crate::event::{Call, Exec, Outcome, Start};
use crate::journal::claims::Claims;
use crate::journal::roles::script;
use crate::journal::told::Teller;
use crate::journal::{Digest, Journal, Recorder, Session};

/// The recorder that sees nothing by itself.
pub(super) const HOOK: &str = "hook";
/// The recorder that shells tell their lines.
pub(super) const SHELL: &str = "shell";

/// What is not known of a session in parts.
const PARTS: &str = "Of commands for which the recorder was not started it is known only what the agent's hooks told.";

impl Closing<'_> {
    /// Says that recorders saw only the commands that hooks had them start.
    #[must_use]
    pub fn in_parts(mut self, in_parts: bool) -> Self {
        self.in_parts = in_parts;
        self
    }

    /// Returns the recorder that wrote the events, hooks only when no other did; none when there are no events.
    pub fn recorder(&self) -> Option<Recorder> {
        let Some(mut recorder) = self.recorder.clone() else {
            let Start { recorder, blind, .. } = self.told_by.clone()?;
            return Some(Recorder { name: recorder, blind });
        };
        if self.in_parts && recorder.name != SHELL {
            recorder.blind.push(PARTS.to_owned());
        }
        Some(recorder)
    }

    /// Returns whose session it is, as hooks told it.
    pub fn teller(&self) -> Teller {
        self.hooks.teller()
    }

    /// Returns transcripts that may tell how commands ended of which no hook told it. Ask when all events are taken.
    pub fn transcripts(&self) -> Vec<PathBuf> {
        self.hooks.transcripts()
    }

    /// Takes what a transcript tells of a command.
    pub fn complete(&mut self, told: &Call) {
        self.hooks.complete(told);
    }

    /// Returns the command that a hook told of and this exec is the shell of. Within such a command there is no other.
    pub(super) fn asked(&mut self, exec: &Exec, inherited: Option<usize>) -> Option<Call> {
        if inherited.is_some_and(|command| self.segment.asked.contains(&command)) {
            return None;
        }
        self.hooks.take(exec, script(exec)?.as_slice())
    }

    /// Returns the journal of what only hooks know; none when that is nothing.
    pub(super) fn claimed(&mut self, session: &Session) -> Option<Journal> {
        let hooks = std::mem::take(&mut self.hooks);
        let mut claims = Claims::new(self.reads);
        claims.began(self.start);
        for (call, ended) in hooks.unseen() {
            if self.in_parts {
                claims.call(call);
            } else if !self.is_seen(&call, ended) {
                // A recorder saw all that ran: this was no program, or did not run.
                claims.only_line(call);
            }
        }
        if claims.summary().calls == 0 {
            return None;
        }
        Some(claims.finish(session.clone(), self.place, &Digest::default()))
    }

    /// Returns whether a recorder saw a command begin while this one ran: the agent does not start a shell for each line, and
    /// what the line ran was seen by itself.
    fn is_seen(&self, call: &Call, ended: Option<i64>) -> bool {
        let Some(began) = call.at.map(|at| at - self.start) else { return true };
        let ended = ended.map_or(i64::MAX, |ended| ended - self.start);
        matches!(call.outcome, Outcome::Ran | Outcome::Unknown)
            && self.commands.iter().any(|command| (began..=ended).contains(&command.at))
    }
}
