//! The journals of a report, by entry.

use std::collections::{BTreeMap, BTreeSet};

use super::At;
use crate::console::escape;
use crate::event::Bytes;
use crate::journal::{Command, Journal, Part, Ref, SessionId};
use crate::requirements::Evidence;

/// Returns bytes as text for people.
pub(super) fn text(bytes: &Bytes) -> String {
    escape(&bytes.to_text())
}

/// Returns the entry of a session that is evidence.
pub(super) fn at(evidence: &Evidence) -> At {
    At { session: evidence.session.clone(), command: evidence.entry.clone() }
}

/// The journals, by entry.
#[derive(Default)]
pub(in crate::report) struct Book<'a> {
    commands: BTreeMap<(&'a SessionId, &'a Ref), &'a Command>,
    /// The commands in which programs and invocations ran.
    ran: BTreeMap<(&'a SessionId, &'a Ref), &'a BTreeSet<Ref>>,
    names: BTreeMap<(&'a SessionId, &'a Ref), Bytes>,
    journals: BTreeMap<&'a SessionId, &'a Journal>,
}

impl<'a> Book<'a> {
    pub(in crate::report) fn new(journals: &'a [Journal]) -> Self {
        let mut book = Self::default();
        for journal in journals {
            let session = &journal.session.id;
            book.commands.extend(journal.commands.iter().map(|command| ((session, &command.id), command)));
            for program in &journal.programs {
                book.ran.insert((session, &program.id), &program.commands);
                book.names.insert((session, &program.id), program.name());
            }
            for call in &journal.invocations {
                book.ran.insert((session, &call.id), &call.commands);
                let name = book.names.get(&(session, &call.program)).cloned();
                book.names.extend(name.map(|name| ((session, &call.id), name)));
            }
            book.journals.insert(session, journal);
        }
        book
    }

    pub(in crate::report) fn command(&self, at: &At) -> Option<&'a Command> {
        self.commands.get(&(&at.session, &at.command)).copied()
    }

    /// Returns the name of an entry: of its program, or of a library, header or module.
    pub(super) fn name(&self, evidence: &Evidence) -> String {
        let name = self.names.get(&(&evidence.session, &evidence.entry)).map(|name| name.to_text().into_owned());
        name.or_else(|| Some(self.part(evidence)?.name.into_owned())).unwrap_or_else(|| evidence.entry.to_string())
    }

    fn part(&self, evidence: &Evidence) -> Option<Part<'a>> {
        self.journals.get(&evidence.session)?.part(&evidence.entry)
    }

    /// Returns the commands behind evidence, in the order in which they ran.
    pub(in crate::report) fn commands(&self, evidence: &BTreeSet<Evidence>) -> Vec<At> {
        let mut all = BTreeSet::new();
        for it in evidence {
            let part = self.part(it);
            let entries = part.map_or_else(|| vec![&it.entry], |part| part.programs.iter().collect());
            for entry in entries {
                match self.ran.get(&(&it.session, entry)) {
                    Some(commands) => {
                        all.extend(commands.iter().map(|id| At { session: it.session.clone(), command: id.clone() }));
                    }
                    None if self.commands.contains_key(&(&it.session, entry)) => drop(all.insert(at(it))),
                    None => {}
                }
            }
        }
        all.into_iter().collect()
    }
}
