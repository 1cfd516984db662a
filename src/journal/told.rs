//! What hooks told in a session, folded: each command once, with its end.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::event::{Call, Exec, Outcome, Told, What};
use crate::redact;

/// How far apart, in milliseconds, two equal lines without ids may begin and still be one command that two hooks tell of.
const TWICE: i64 = 2000;

/// A command that hooks told of.
struct Entry {
    session: String,
    call: Call,
    /// When it ended, in milliseconds.
    ended: Option<i64>,
    /// Whether a recorder saw it, too.
    seen: bool,
}

/// What hooks told.
#[derive(Default)]
pub(super) struct Hooks {
    entries: Vec<Entry>,
    agent: Option<String>,
    version: Option<String>,
    model: Option<String>,
    transcripts: BTreeSet<PathBuf>,
}

/// Whose session it is, as hooks told it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Teller {
    /// The agent.
    pub agent: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// Its model.
    pub model: Option<String>,
}

impl Hooks {
    pub(super) fn told(&mut self, told: Told) {
        let Told { at, agent, session, version, model, transcript, what } = told;
        if !agent.is_empty() {
            self.agent.get_or_insert(agent);
        }
        self.version = version.or(self.version.take());
        self.model = model.or(self.model.take());
        self.transcripts.extend(transcript.map(PathBuf::from));
        match what {
            What::Before(call) => self.before(at, session, call),
            What::After(call) => self.after(at, session, call),
            What::Began | What::Ended => {}
        }
    }

    fn before(&mut self, at: i64, session: String, mut call: Call) {
        if self.find(&session, &call, at).is_some() {
            return;
        }
        call.at = Some(at);
        call.fell(Outcome::Unknown);
        self.entries.push(Entry { session, call, ended: None, seen: false });
    }

    fn after(&mut self, at: i64, session: String, mut call: Call) {
        let Some(number) = self.find(&session, &call, at) else {
            let took = call.took.unwrap_or_default().max(0);
            call.at = Some(at - took);
            self.entries.push(Entry { session, call, ended: Some(at), seen: false });
            return;
        };
        let Entry { call: known, ended, .. } = &mut self.entries[number];
        // Of two hooks for one end, the one that tells more stands.
        if ended.is_none() || (known.status.is_none() && call.status.is_some()) {
            (known.outcome, known.status, known.status_known) = (call.outcome, call.status, call.status_known);
            known.not_found = call.not_found;
            known.took = call.took.or(known.at.map(|began| at - began));
            if call.cwd.is_some() {
                (known.cwd, known.cwd_known) = (call.cwd, call.cwd_known);
            }
        }
        ended.get_or_insert(at);
    }

    /// Returns the entry of a command that is told of again: by its id, else by its line, when that has no end yet or is only
    /// just over.
    fn find(&self, session: &str, call: &Call, at: i64) -> Option<usize> {
        let same = |entry: &Entry| match (entry.call.id.as_str(), call.id.as_str()) {
            _ if entry.session != session => false,
            ("", _) | (_, "") => {
                let recent = |time: i64| at - time <= TWICE;
                entry.call.line == call.line
                    && match (call.outcome, entry.ended) {
                        // Of a command that begins.
                        (Outcome::Unknown, _) => entry.call.at.is_some_and(recent) && entry.ended.is_none(),
                        (_, ended) => ended.is_none_or(recent),
                    }
            }
            (known, id) => known == id,
        };
        self.entries.iter().rposition(same)
    }

    /// Takes what a transcript says of commands whose end no hook told, by their ids.
    pub(super) fn complete(&mut self, told: &Call) {
        let open = |entry: &&mut Entry| {
            entry.call.status.is_none()
                && matches!(entry.call.outcome, Outcome::Unknown | Outcome::Ran)
                && !told.id.is_empty()
                && entry.call.id == told.id
        };
        if let Some(Entry { call, .. }) = self.entries.iter_mut().find(open) {
            (call.outcome, call.status, call.status_known) = (told.outcome, told.status, told.status_known);
            call.not_found.clone_from(&told.not_found);
        }
    }

    /// Returns the transcripts that are told of, when a command's end is not known.
    pub(super) fn transcripts(&self) -> Vec<PathBuf> {
        let open = |entry: &Entry| {
            entry.call.status.is_none() && matches!(entry.call.outcome, Outcome::Unknown | Outcome::Ran) && !entry.seen
        };
        if self.entries.iter().any(open) { self.transcripts.iter().cloned().collect() } else { Vec::new() }
    }

    pub(super) fn teller(&self) -> Teller {
        Teller { agent: self.agent.clone(), version: self.version.clone(), model: self.model.clone() }
    }

    /// Finds the command for which a shell was started with this script, marks it as seen and returns it. Agents wrap the line:
    /// `eval 'LINE' < /dev/null && pwd`.
    pub(super) fn take(&mut self, exec: &Exec, script: &[u8]) -> Option<Call> {
        if self.entries.is_empty() {
            return None;
        }
        let script = String::from_utf8_lossy(script);
        let during = |entry: &Entry| {
            !entry.seen
                && entry.call.at.is_some_and(|at| at <= exec.at + 1)
                && entry.ended.is_none_or(|ended| exec.at <= ended)
        };
        let running: Vec<usize> = (0..self.entries.len()).filter(|at| during(&self.entries[*at])).collect();
        let line = |number: &usize| self.entries[*number].call.line.trim();
        let words = shlex::split(&script).unwrap_or_default();
        let is_word =
            |number: &&usize| script.trim() == line(number) || words.iter().any(|word| word.trim() == line(number));
        let holds = |number: &&usize| line(number).len() > 3 && script.contains(line(number));
        let found = running.iter().find(is_word).or_else(|| running.iter().find(holds)).copied();
        // Where something secret was taken out, the lines may differ.
        let masked =
            script.contains(redact::MARK).then(|| running.iter().find(|at| self.entries[**at].call.incomplete));
        let number = found.or(masked.flatten().copied())?;
        let entry = &mut self.entries[number];
        entry.seen = true;
        Some(entry.call.clone())
    }

    /// Returns the commands that no recorder saw, each with its end in milliseconds.
    pub(super) fn unseen(self) -> impl Iterator<Item = (Call, Option<i64>)> {
        self.entries.into_iter().filter(|entry| !entry.seen).map(|entry| (entry.call, entry.ended))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Status, StatusKnown};

    fn told(at: i64, what: What) -> Told {
        let agent = "claude-code".to_owned();
        Told { at, agent, session: "s".into(), version: None, model: None, transcript: None, what }
    }

    fn call(id: &str, line: &str) -> Call {
        let mut call = Call { id: id.into(), line: line.into(), ..Call::default() };
        call.fell(Outcome::Unknown);
        call
    }

    fn ended(id: &str, line: &str, status: Option<u8>) -> Call {
        let mut call = call(id, line);
        match status {
            Some(status) => call.end(Status::Code(status), StatusKnown::Exact),
            None => call.open_end(),
        }
        call
    }

    fn folded(events: Vec<(i64, What)>) -> Vec<(String, Option<Status>, Outcome)> {
        let mut hooks = Hooks::default();
        events.into_iter().for_each(|(at, what)| hooks.told(told(at, what)));
        hooks.unseen().map(|(call, _)| (call.line, call.status, call.outcome)).collect()
    }

    #[test]
    fn each_command_is_one_however_often_it_is_told() {
        let (zero, ran) = (Some(Status::Code(0)), Outcome::Ran);
        let twice = vec![
            (10, What::Before(call("a", "make"))),
            (11, What::Before(call("a", "make"))),
            (20, What::After(ended("a", "make", None))),
            (21, What::After(ended("a", "make", Some(0)))),
        ];
        assert_eq!(folded(twice), [("make".to_owned(), zero, ran)]);
        // One hook tells no ids.
        let mixed = vec![
            (10, What::Before(call("a", "make"))),
            (20, What::After(ended("", "make", None))),
            (21, What::After(ended("a", "make", Some(0)))),
            (9000, What::Before(call("b", "make"))),
        ];
        let again = ("make".to_owned(), None, Outcome::Unknown);
        assert_eq!(folded(mixed), [("make".to_owned(), zero, ran), again]);
        // No ids at all: the same line runs twice.
        let lines = vec![
            (10, What::Before(call("", "make"))),
            (20, What::After(ended("", "make", Some(2)))),
            (5000, What::Before(call("", "make"))),
            (5020, What::After(ended("", "make", Some(0)))),
        ];
        let failed = ("make".to_owned(), Some(Status::Code(2)), ran);
        assert_eq!(folded(lines), [failed, ("make".to_owned(), zero, ran)]);
        // Only ends are told.
        assert_eq!(folded(vec![(10, What::After(ended("a", "ls", Some(0))))]), [("ls".to_owned(), zero, ran)]);
    }

    #[test]
    fn the_script_of_a_shell_finds_its_command() {
        let exec = |at| Exec {
            id: 1,
            at,
            process: 1,
            parent: None,
            program: "/bin/bash".into(),
            resolved: None,
            interpreters: Vec::new(),
            loader: None,
            argv: Vec::new(),
            shortened: false,
            redacted: false,
            cwd: "/".into(),
            probes: 0,
        };
        let mut hooks = Hooks::default();
        hooks.told(told(10, What::Before(call("a", "grep 'it' x"))));
        hooks.told(told(20, What::After(ended("a", "grep 'it' x", Some(0)))));
        let wrapped = br#"source /s.sh && eval 'grep '"'"'it'"'"' x' \< /dev/null && pwd -P >| /tmp/cwd"#;
        assert!(hooks.take(&exec(5), wrapped).is_none(), "it began before");
        assert!(hooks.take(&exec(25), wrapped).is_none(), "it began after");
        assert!(hooks.take(&exec(12), b"echo").is_none(), "it is another");
        assert_eq!(hooks.take(&exec(12), wrapped).map(|call| call.id).as_deref(), Some("a"));
        assert!(hooks.take(&exec(12), wrapped).is_none(), "it is taken");
        assert_eq!(hooks.unseen().count(), 0);
    }
}
