//! The processes of each command, as a tree: from raw events while they are kept.

use std::collections::{BTreeMap, HashMap};

use chrono::DateTime;
use serde::Serialize;
use serde::ser::{SerializeTuple, Serializer};

use crate::console::escape;
use crate::event::{Bytes, Exec, Status};
use crate::journal::{Journal, Known, Place, Ref};

/// The most processes that are kept of a session, the first of each command before others.
const MOST: usize = 40_000;

/// The most processes that are kept of a command.
const EACH: usize = 400;

/// The longest command line that is kept, in characters.
const WIDE: usize = 300;

/// The processes of a session, by command.
#[derive(Debug, Default)]
pub struct Processes {
    commands: BTreeMap<Ref, Vec<Process>>,
    /// How many are left out of a command.
    omitted: BTreeMap<Ref, u64>,
    count: usize,
    /// Of the segment that is being read: where each exec is, and the last exec of each process.
    at: HashMap<u64, (Ref, usize)>,
    last: HashMap<u64, u64>,
    /// When each command began, in milliseconds since 1970.
    began: BTreeMap<Ref, i64>,
}

/// A program that ran in a process.
#[derive(Clone, Debug)]
struct Process {
    text: String,
    status: Option<Status>,
    began: i64,
    took: Option<i64>,
    /// The number of the process above it, in its command.
    parent: Option<usize>,
}

/// A process with those below it, as the page reads it: `[text, status, milliseconds, [process, …]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) text: String,
    pub(super) status: String,
    pub(super) took: Option<i64>,
    pub(super) below: Vec<Self>,
}

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tuple = serializer.serialize_tuple(4)?;
        tuple.serialize_element(&self.text)?;
        tuple.serialize_element(&self.status)?;
        tuple.serialize_element(&self.took)?;
        tuple.serialize_element(&self.below)?;
        tuple.end()
    }
}

impl Processes {
    /// Begins a segment: numbers of execs begin anew.
    pub fn segment(&mut self) {
        self.at.clear();
        self.last.clear();
    }

    /// Takes an exec of a command.
    pub fn exec(&mut self, exec: &Exec, command: &Ref, place: &Place) {
        let before = self.last.insert(exec.process, exec.id);
        self.began.entry(command.clone()).or_insert(exec.at);
        let all = self.commands.entry(command.clone()).or_default();
        if all.len() >= EACH || self.count >= MOST {
            *self.omitted.entry(command.clone()).or_default() += 1;
            return;
        }
        // What a process becomes is below what it was.
        let above = before.or(exec.parent).and_then(|above| self.at.get(&above));
        let parent = above.filter(|(of, _)| of == command).map(|(_, number)| *number);
        let words: Vec<Bytes> = exec.argv.iter().map(|word| place.text(word.as_slice(), exec.cwd.as_path())).collect();
        let words: Vec<String> = words.iter().map(|word| word.to_text().into_owned()).collect();
        let text = shlex::try_join(words.iter().map(String::as_str)).unwrap_or_else(|_| words.join(" "));
        let text = super::text::shorten(&escape(&text), WIDE);
        all.push(Process { text, status: None, began: exec.at, took: None, parent });
        self.at.insert(exec.id, (command.clone(), all.len() - 1));
        self.count += 1;
    }

    /// Takes the end of a process.
    pub fn exit(&mut self, process: u64, at: i64, status: Option<Status>) {
        let Some((command, number)) = self.last.remove(&process).and_then(|exec| self.at.get(&exec)) else { return };
        if let Some(process) = self.commands.get_mut(command).and_then(|all| all.get_mut(*number)) {
            (process.status, process.took) = (status, Some((at - process.began).max(0)));
        }
    }

    /// Gives the commands the names that they have in the journal, where they are in order of time and some may be missing.
    pub fn settle(&mut self, journal: &Journal) {
        let Ok(start) = DateTime::parse_from_rfc3339(&journal.session.start) else { return };
        let start = start.timestamp_millis();
        let mut by_time: BTreeMap<i64, Vec<Ref>> = BTreeMap::new();
        for (command, began) in std::mem::take(&mut self.began) {
            by_time.entry((began - start).max(0)).or_default().push(command);
        }
        let (mut commands, mut omitted) = (std::mem::take(&mut self.commands), std::mem::take(&mut self.omitted));
        // Those that are missing are the first.
        for command in journal.commands.iter().rev().filter(|command| command.known == Known::Traced) {
            let Some(old) = by_time.get_mut(&command.at).and_then(Vec::pop) else { continue };
            self.commands.extend(commands.remove(&old).map(|all| (command.id.clone(), all)));
            self.omitted.extend(omitted.remove(&old).map(|count| (command.id.clone(), count)));
        }
    }

    /// Returns the processes of a command, and how many are left out.
    pub(super) fn of(&self, command: &Ref) -> (Vec<Node>, u64) {
        let all = self.commands.get(command).map(Vec::as_slice).unwrap_or_default();
        let mut below: Vec<Vec<Node>> = vec![Vec::new(); all.len()];
        let mut roots = Vec::new();
        // A parent comes before what is below it.
        for (number, process) in all.iter().enumerate().rev() {
            let mut own = std::mem::take(&mut below[number]);
            own.reverse();
            let status = process.status.map(|status| status.to_string()).unwrap_or_default();
            let node = Node { text: process.text.clone(), status, took: process.took, below: own };
            match process.parent {
                Some(parent) => below[parent].push(node),
                None => roots.push(node),
            }
        }
        roots.reverse();
        (roots, self.omitted.get(command).copied().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exec(id: u64, process: u64, parent: Option<u64>, argv: &[&str]) -> Exec {
        Exec {
            id,
            at: id as i64,
            process,
            parent,
            program: Bytes::from(argv[0]),
            resolved: None,
            interpreters: Vec::new(),
            loader: None,
            argv: argv.iter().map(Bytes::from).collect(),
            shortened: false,
            redacted: false,
            cwd: Bytes::from("/p"),
            probes: 0,
        }
    }

    #[test]
    fn what_starts_and_what_becomes_is_below() {
        let (one, two, place) = (Ref::new('c', 1), Ref::new('c', 2), Place::default());
        let mut processes = Processes::default();
        processes.segment();
        processes.exec(&exec(1, 1, None, &["make"]), &one, &place);
        processes.exec(&exec(2, 2, Some(1), &["env", "a b"]), &one, &place);
        processes.exec(&exec(3, 2, Some(1), &["cc"]), &one, &place);
        processes.exec(&exec(4, 4, Some(1), &["ld"]), &one, &place);
        processes.exec(&exec(5, 5, Some(9), &["\u{1b}ls"]), &two, &place);
        processes.exit(2, 9, Some(Status::Code(1)));
        let (tree, omitted) = processes.of(&one);
        let json = serde_json::to_string(&tree).expect("JSON");
        assert_eq!(json, r#"[["make","",null,[["env 'a b'","",null,[["cc","exit 1",6,[]]]],["ld","",null,[]]]]]"#);
        assert_eq!(omitted, 0);
        assert_eq!(processes.of(&two).0[0].text, "'\\u{1b}ls'");
        for id in 10..500 {
            processes.exec(&exec(id, id, Some(5), &["x"]), &two, &place);
        }
        assert_eq!(processes.of(&two).1, 91);
    }
}
