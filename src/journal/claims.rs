//! What a transcript or a hook claims → [`Journal`].
//!
//! A claim is of a command line. What counts is decided by how the line ended and by what its end says of each program in it
//! ([`Says`]):
//!
//! | the line | a certain program | one that only ran | one that may have run |
//! |---|---|---|---|
//! | ended well | a run | a run | set aside |
//! | failed | a failed run when the status is its own, else set aside | set aside | set aside |
//! | has no known end | set aside | set aside | set aside |
//! | did not run | set aside | set aside | set aside |
//!
//! A line ended well when its status is 0, or an answer of its last program (1 from grep). A program that the output calls "not
//! found" is missing, however the line ended.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::path::{Path, PathBuf};

use super::close::COMMANDS;
use super::roles::ended_well;
use super::shorten::shorten;
use super::{
    Call, Command, CwdKnown, Digest, Events, Ignored, Invocation, Journal, Known, Missing, Outcome, Place, Program,
    Reads, Ref, Session, StatusKnown, VERSION,
};
use crate::event::Status;
use crate::redact;
use crate::shell::{self, Run, Says};

mod paths;
mod summary;

use paths::{folder, path, written};
pub use summary::Summary;

/// The most bytes of a line that are kept.
const LINE: usize = 8 * 1024;

/// The most bytes of all lines that are kept, the latest: a journal has a megabyte.
const LINES: usize = 4 << 20;

/// The most programs and the most command lines that are kept apart.
const ENTRIES: usize = 4000;

/// A journal of claims in the making.
pub struct Claims<'a> {
    reads: Reads<'a>,
    commands: VecDeque<Call>,
    incomplete: VecDeque<bool>,
    bytes: usize,
    omitted: usize,
    programs: Vec<Counted>,
    program_of: HashMap<(String, Option<String>), usize>,
    invocations: Vec<(usize, Vec<String>, PathBuf, Counted)>,
    invocation_of: HashMap<(usize, Vec<String>, PathBuf), usize>,
    missing: BTreeMap<String, Counted>,
    ignored: BTreeMap<&'static str, u64>,
    summary: Summary,
    began: Option<i64>,
}

/// Something that ran, by the path as it was told.
#[derive(Clone, Default)]
struct Counted {
    path: PathBuf,
    through: Option<String>,
    runs: u64,
    failed: u64,
    commands: BTreeSet<Ref>,
}

/// What is made of a program of a line.
enum Judged {
    Runs { failed: bool },
    Missing,
    Aside(&'static str),
}

impl<'a> Claims<'a> {
    /// Returns a journal without entries.
    pub fn new(reads: Reads<'a>) -> Self {
        Self {
            reads,
            commands: VecDeque::new(),
            incomplete: VecDeque::new(),
            bytes: 0,
            omitted: 0,
            programs: Vec::new(),
            program_of: HashMap::new(),
            invocations: Vec::new(),
            invocation_of: HashMap::new(),
            missing: BTreeMap::new(),
            ignored: BTreeMap::new(),
            summary: Summary::default(),
            began: None,
        }
    }

    /// Sets when the session began, in milliseconds; else its first command does.
    pub(super) fn began(&mut self, at: i64) {
        self.began = Some(at);
    }

    /// Returns what was told so far, in numbers.
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// Takes the next command.
    pub fn call(&mut self, call: Call) {
        self.summary.call(&call);
        let id = Ref::new('c', self.omitted + self.commands.len() + 1);
        match shell::programs_with(&call.line, self.reads.starts) {
            Ok(runs) => {
                let last = runs.iter().rfind(|run| run.says == Says::Certain).and_then(Run::program);
                let well = call.told().map(|status| line_ended_well(last.unwrap_or_default(), status));
                runs.iter().for_each(|run| self.run(&call, run, well, &id));
            }
            Err(why) => *self.ignored.entry(why).or_default() += 1,
        }
        self.keep(call);
    }

    /// Takes the next command, of whose programs nothing is said.
    pub(super) fn only_line(&mut self, call: Call) {
        self.summary.call(&call);
        self.keep(call);
    }

    fn keep(&mut self, mut call: Call) {
        let (line, secret) = redact::line(&call.line);
        let mut end = line.len().min(LINE);
        while !line.is_char_boundary(end) {
            end -= 1;
        }
        let incomplete = call.incomplete || secret || end < line.len();
        call.line = line[..end].to_owned();
        self.bytes += call.line.len();
        self.commands.push_back(call);
        self.incomplete.push_back(incomplete);
        while self.commands.len() > COMMANDS || self.bytes > LINES {
            self.bytes -= self.commands.pop_front().map_or(self.bytes, |call| call.line.len());
            self.incomplete.pop_front();
            self.omitted += 1;
        }
    }

    fn run(&mut self, call: &Call, run: &Run, well: Option<bool>, id: &Ref) {
        let Some(name) = run.program().map(str::to_owned) else {
            return self.aside("which program it is, only the shell knew");
        };
        if name.split('/').any(|part| part == "REDACTED") {
            return self.aside("its name was taken out of the transcript");
        }
        let folder = folder(call, run);
        match judge(call, run, &name, well) {
            Judged::Aside(why) => self.aside(why),
            Judged::Missing => {
                self.summary.missing += 1;
                count(self.missing.entry(name).or_default(), false, id);
            }
            Judged::Runs { failed } => {
                let path = path(&name, folder.as_deref());
                let through = run.through.clone().filter(|_| !name.contains('/'));
                let key = (path.to_string_lossy().into_owned(), through.clone());
                let new = || Counted { path, through, ..Counted::default() };
                let Some(program) = number(&mut self.program_of, &mut self.programs, key, new) else {
                    return self.aside("there are too many programs");
                };
                self.summary.run(&name, failed);
                count(&mut self.programs[program], failed, id);
                self.invocation(program, run, folder.unwrap_or_default(), failed, id);
            }
        }
    }

    fn invocation(&mut self, program: usize, run: &Run, folder: PathBuf, failed: bool, id: &Ref) {
        let argv: Vec<&str> = run.words.iter().map(|word| word.text.as_str()).collect();
        let length: usize = argv.iter().map(|word| word.len()).sum();
        if length > LINE || !(self.reads.keeps)(&argv) {
            return;
        }
        let words: Vec<Vec<u8>> = argv.iter().map(|word| word.as_bytes().to_vec()).collect();
        if redact::argv(&words).1 || argv.iter().any(|word| word.contains(redact::MARK)) {
            return;
        }
        self.summary.kept += u64::from(!failed);
        let key = (program, argv.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>(), folder);
        let make = |(program, argv, folder): &(usize, Vec<String>, PathBuf)| {
            (*program, argv.clone(), folder.clone(), Counted::default())
        };
        let new = make(&key);
        if let Some(at) = number(&mut self.invocation_of, &mut self.invocations, key, || new) {
            count(&mut self.invocations[at].3, failed, id);
        }
    }

    fn aside(&mut self, why: &'static str) {
        *self.ignored.entry(why).or_default() += 1;
        self.summary.aside += 1;
    }

    /// Returns the journal: paths in the forms that `place` gives them.
    pub fn finish(self, session: Session, place: &Place, digest: &Digest) -> Journal {
        let began = self.began.or(self.summary.start).unwrap_or_default();
        let first = Ref::new('c', self.omitted + 1);
        let left = |commands: BTreeSet<Ref>| -> BTreeSet<Ref> {
            commands.into_iter().filter(|command| *command >= first).collect()
        };
        let calls = self.commands.into_iter().zip(self.incomplete).enumerate();
        let commands = calls.map(|(at, (call, incomplete))| {
            command(&call, Ref::new('c', self.omitted + at + 1), began, incomplete, place)
        });
        let commands = commands.collect();
        let programs = self.programs.into_iter().enumerate().map(|(at, program)| Program {
            id: Ref::new('p', at + 1),
            path: written(&program.path, place),
            resolved: None,
            interpreter: None,
            owner: None,
            through: program.through,
            runs: program.runs,
            failed: program.failed,
            unknown: 0,
            commands: left(program.commands),
            known: Known::Claimed,
        });
        let programs = programs.collect();
        let invocations = self.invocations.into_iter().enumerate();
        let invocations = invocations.map(|(at, (program, argv, folder, counted))| Invocation {
            id: Ref::new('i', at + 1),
            program: Ref::new('p', program + 1),
            argv: argv.iter().map(|word| place.text(word.as_bytes(), &folder)).collect(),
            cwd: place.path(&folder),
            runs: counted.runs,
            failed: counted.failed,
            commands: left(counted.commands),
            known: Known::Claimed,
            says: Vec::new(),
        });
        let invocations = invocations.collect();
        let missing = self.missing.into_iter().map(|(name, counted)| Missing {
            program: written(Path::new(&name), place),
            runs: counted.runs,
            commands: left(counted.commands),
        });
        shorten(Journal {
            version: VERSION,
            session,
            commands,
            programs,
            invocations,
            files: Vec::new(),
            flakes: Vec::new(),
            libraries: Vec::new(),
            headers: Vec::new(),
            modules: Vec::new(),
            delegated: Vec::new(),
            missing: missing.collect(),
            state: Vec::new(),
            installed: Vec::new(),
            ignored: self.ignored.into_iter().map(|(why, runs)| Ignored { reason: why.to_owned(), runs }).collect(),
            events: Events {
                count: self.summary.calls,
                execs: self.summary.runs,
                lost: digest.unwritten,
                length: digest.length,
                sha256: digest.sha256.clone(),
                omitted: self.omitted as u64,
                disturbed: 0,
                unlisted: 0,
            },
        })
    }
}

/// Returns the place of an entry in a list, which is made when it is not there; none when the list is full.
fn number<K: std::hash::Hash + Eq, T>(
    of: &mut HashMap<K, usize>,
    list: &mut Vec<T>,
    key: K,
    new: impl FnOnce() -> T,
) -> Option<usize> {
    if let Some(at) = of.get(&key) {
        return Some(*at);
    }
    if list.len() >= ENTRIES {
        return None;
    }
    list.push(new());
    of.insert(key, list.len() - 1);
    Some(list.len() - 1)
}

fn count(counted: &mut Counted, failed: bool, id: &Ref) {
    counted.runs += 1;
    counted.failed += u64::from(failed);
    // Each command is named once, and of many the latest: the journal is short.
    counted.commands.insert(id.clone());
    if counted.commands.len() > COMMANDS {
        counted.commands.pop_first();
    }
}

fn judge(call: &Call, run: &Run, name: &str, well: Option<bool>) -> Judged {
    match (call.outcome, well) {
        (Outcome::Refused | Outcome::Blocked | Outcome::Cancelled, _) => {
            Judged::Aside("its command was refused, blocked or cancelled")
        }
        (Outcome::Ran, _) if run.says > Says::Maybe && call.not_found.iter().any(|other| other == name) => {
            Judged::Missing
        }
        (Outcome::Unknown, _) | (Outcome::Ran, None) => Judged::Aside("how its command ended is not told"),
        (Outcome::Ran, Some(true)) => match run.says {
            Says::Certain | Says::Ran => Judged::Runs { failed: false },
            Says::Maybe => Judged::Aside("its command ends well without it, too"),
        },
        (Outcome::Ran, Some(false)) if run.decides => match call.status {
            Some(Status::Code(127)) if call.not_found.is_empty() => Judged::Missing,
            // What would have started it is missing.
            Some(Status::Code(127)) => Judged::Aside("its command failed, and which part of it is not told"),
            _ => Judged::Runs { failed: true },
        },
        (Outcome::Ran, Some(false)) => Judged::Aside("its command failed, and which part of it is not told"),
    }
}

/// Returns whether a line ended well whose last program is this one. A shell tells a signal as 128 + its number.
fn line_ended_well(program: &str, status: Status) -> bool {
    let status = match status {
        Status::Code(code @ (130 | 141 | 143)) => Status::Signal(code - 128),
        status => status,
    };
    ended_well(program.as_bytes(), status)
}

fn command(call: &Call, id: Ref, began: i64, incomplete: bool, place: &Place) -> Command {
    let cwd = call.cwd.as_deref().map_or(place.root.as_path(), Path::new);
    Command {
        id,
        line: place.text(call.line.trim().as_bytes(), cwd),
        cwd: place.path(cwd),
        status: call.status,
        at: call.at.map_or(0, |at| (at - began).max(0)),
        took: call.took.map(|took| took.max(0)),
        known: Known::Claimed,
        network: false,
        writes: 0,
        outcome: call.outcome,
        status_known: if call.status.is_some() { call.status_known } else { StatusKnown::Unknown },
        cwd_known: if call.cwd.is_some() { call.cwd_known } else { CwdKnown::Unknown },
        incomplete,
    }
}

#[cfg(test)]
mod tests;
