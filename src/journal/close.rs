//! Raw events → [`Journal`]: what happens once, when a session closes.
//!
//! Events are taken one at a time and folded at once, so that a session of any length closes in little memory: what is kept
//! is what the journal holds, and two numbers for each exec.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::path::{Path, PathBuf};

use super::both::both;
use super::order;
use super::roles::{ended_well, is_own, is_prefix, is_shell, leads};
use super::shorten::shorten;
use super::told::Hooks;
use super::used::Used;
use super::{
    Command, Delegated, Events, Ignored, Invocation, Journal, Known, Missing, Place, Program, Reads, Recorder, Ref,
    Session, StatusKnown, VERSION,
};
use crate::event::{Bytes, Event, Exec, Exit, Server, Start, Status};
use crate::host::{Links, Owner};

/// The most commands that are kept, the latest: more do not fit [`LIMIT`], an entry has some 150 bytes.
pub(super) const COMMANDS: usize = 8000;

/// Why execs of our own are set aside.
const OWN: &str = "it is a hook that told what the agent did";

/// The raw events as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Digest {
    /// Bytes of all segments.
    pub length: u64,
    /// SHA-256 of all segments, one after the other, hexadecimal.
    pub sha256: String,
    /// How many events could not be written.
    pub unwritten: u64,
}

/// A journal in the making.
pub struct Closing<'a> {
    place: &'a Place,
    reads: Reads<'a>,
    /// The session's start, in milliseconds.
    start: i64,
    /// Whether the session's program is a known agent.
    agent: bool,
    recorder: Option<Recorder>,
    /// What hooks told, and the head of the segment in which they did.
    hooks: Hooks,
    told_by: Option<Start>,
    /// Whether recorders saw only parts of the session: those commands that hooks had them start.
    in_parts: bool,
    own_execs: u64,
    nix_execs: u64,
    segment: Segment,
    segments: u64,
    commands: VecDeque<Command>,
    /// How many commands were left out.
    omitted: usize,
    programs: Vec<Program>,
    /// Where each program is: as executed, and with links followed.
    paths: Vec<(PathBuf, Option<PathBuf>)>,
    program_of: HashMap<Bytes, usize>,
    invocations: Vec<Invocation>,
    invocation_of: HashMap<(usize, Vec<Bytes>, Bytes), usize>,
    missing: BTreeMap<Bytes, Missing>,
    delegated: BTreeMap<Server, BTreeSet<Ref>>,
    /// Servers that the session itself runs.
    own: BTreeSet<Server>,
    used: Used,
    disturbed: u64,
    count: u64,
    execs: u64,
    lost: u64,
}

/// What is known of the segment that is being read.
#[derive(Default)]
struct Segment {
    /// The process of the segment's first exec.
    root: Option<u64>,
    /// The first exec of that process that is more than a prefix, and whether what it starts are the commands.
    driver: Option<Driver>,
    /// The process of each exec, and the command that it belongs to.
    execs: HashMap<u64, (u64, Option<usize>)>,
    /// What runs.
    running: HashMap<u64, Run>,
    /// Commands that a hook told of, too.
    asked: BTreeSet<usize>,
    builds: Builds,
}

mod commands;
mod hooks;
mod nix;
mod reached;

use hooks::{HOOK, SHELL};
use nix::{Builds, NIX};

#[derive(Clone, Copy)]
struct Driver {
    exec: u64,
    leads: bool,
    shell: bool,
}

/// A process that has not ended.
struct Run {
    program: usize,
    invocation: Option<usize>,
    /// The command that began in this process, and when.
    command: Option<(usize, i64)>,
}

impl<'a> Closing<'a> {
    /// Returns a journal without entries. `start` is the session's in milliseconds, `agent` whether its program is a known
    /// agent.
    pub fn new(place: &'a Place, start: i64, agent: bool, reads: Reads<'a>) -> Self {
        Self {
            place,
            reads,
            start,
            agent,
            recorder: None,
            hooks: Hooks::default(),
            told_by: None,
            in_parts: false,
            own_execs: 0,
            nix_execs: 0,
            segment: Segment::default(),
            segments: 0,
            commands: VecDeque::new(),
            omitted: 0,
            programs: Vec::new(),
            paths: Vec::new(),
            program_of: HashMap::new(),
            invocations: Vec::new(),
            invocation_of: HashMap::new(),
            missing: BTreeMap::new(),
            delegated: BTreeMap::new(),
            own: BTreeSet::new(),
            used: Used::default(),
            disturbed: 0,
            count: 0,
            execs: 0,
            lost: 0,
        }
    }

    /// Begins a segment.
    pub fn segment(&mut self) {
        self.segments += 1;
        for run in std::mem::take(&mut self.segment).running.into_values() {
            self.end(&run, None);
        }
    }

    /// Takes the next event of the segment.
    pub fn event(&mut self, event: Event) {
        self.count += 1;
        match event {
            Event::Start(start) if start.recorder == HOOK => self.told_by = Some(start),
            Event::Start(start) => {
                // What a shell tells of itself, nothing else saw.
                self.in_parts |= start.recorder == SHELL;
                order::merge(&mut self.recorder, start);
            }
            Event::Exec(exec) => self.exec(&exec),
            Event::Exit(exit) => self.exit(&exit),
            Event::Missing(missing) => self.missing(&missing),
            Event::Connect(connect) => self.connect(&connect),
            Event::Files(files) => self.files(&files),
            Event::Disturbed(disturbed) => self.disturbed += disturbed.count,
            Event::Told(told) => self.hooks.told(told),
            Event::Lost(lost) => self.lost += lost.count,
        }
    }

    /// Returns the command to which an exec of the segment that is being read belongs, numbered as commands began; none when
    /// it belongs to none.
    pub fn command_of(&self, exec: u64) -> Option<Ref> {
        let (_, command) = self.segment.execs.get(&exec)?;
        command.map(|number| Ref::new('c', number + 1))
    }

    fn exec(&mut self, exec: &Exec) {
        self.execs += 1;
        let inherited = |segment: &Segment| exec.parent.and_then(|parent| segment.execs.get(&parent)?.1);
        let (is_own, is_nix) = (is_own(exec), self.segment.builds.take(exec));
        if is_own || is_nix {
            self.own_execs += u64::from(is_own);
            self.nix_execs += u64::from(is_nix && !is_own);
            let command = inherited(&self.segment);
            self.segment.execs.insert(exec.id, (exec.process, command));
            return;
        }
        if Server::Gradle.is_run_by(exec.argv.iter().map(Bytes::as_slice)) {
            self.own.insert(Server::Gradle);
        }
        self.used.exec(exec, &self.place.root);
        let root = *self.segment.root.get_or_insert(exec.process);
        if exec.process == root && self.segment.driver.is_none() && !is_prefix(exec) {
            let leads = self.agent || leads(exec, &self.place.root);
            self.segment.driver = Some(Driver { exec: exec.id, leads, shell: is_shell(exec) });
        }
        let before = self.segment.running.remove(&exec.process);
        let mut begun = before.and_then(|run| run.command);
        let inherited = inherited(&self.segment);
        let asked = if begun.is_none() { self.asked(exec, inherited) } else { None };
        if asked.is_some() && exec.process == root {
            // The shell is the command, and what it starts is in it.
            self.segment.driver = Some(Driver { exec: exec.id, leads: false, shell: true });
        }
        if begun.is_none() && (asked.is_some() || self.begins(exec, root)) {
            self.forget(COMMANDS * 2);
            let number = self.omitted + self.commands.len();
            begun = Some((number, exec.at));
            self.commands.push_back(self.command(exec, asked.as_ref()));
            self.segment.asked.extend(asked.map(|_| number));
        }
        let command = begun.map(|(command, _)| command).or(inherited);
        self.segment.execs.insert(exec.id, (exec.process, command));
        let id = command.and_then(|command| self.kept(command)).map(|command| command.id.clone());
        let program = self.program(exec);
        self.programs[program].runs += 1;
        self.programs[program].commands.extend(id.clone());
        let invocation = self.invocation(exec, program, id);
        self.segment.running.insert(exec.process, Run { program, invocation, command: begun });
    }

    /// Returns the number of the program that an exec runs.
    fn program(&mut self, exec: &Exec) -> usize {
        if let Some(number) = self.program_of.get(&exec.program) {
            return *number;
        }
        let path = |bytes: &Bytes| self.place.path(bytes.as_path());
        self.programs.push(Program {
            id: Ref::new('p', self.programs.len() + 1),
            path: path(&exec.program),
            resolved: exec.resolved.as_ref().map(path),
            interpreter: exec.interpreters.last().map(path),
            owner: None,
            runs: 0,
            failed: 0,
            unknown: 0,
            commands: BTreeSet::new(),
            known: Known::Traced,
            through: None,
        });
        self.paths.push((exec.program.clone().into(), exec.resolved.clone().map(Into::into)));
        self.program_of.insert(exec.program.clone(), self.programs.len() - 1);
        self.programs.len() - 1
    }

    /// Returns the number of an exec's command line, when it is kept.
    fn invocation(&mut self, exec: &Exec, program: usize, command: Option<Ref>) -> Option<usize> {
        let argv: Option<Vec<&str>> = exec.argv.iter().map(Bytes::as_str).collect();
        if exec.shortened || exec.redacted || !argv.as_deref().is_some_and(self.reads.keeps) {
            return None;
        }
        let cwd = exec.cwd.as_path();
        let argv: Vec<Bytes> = exec.argv.iter().map(|word| self.place.text(word.as_slice(), cwd)).collect();
        let key = (program, argv, self.place.path(cwd));
        let number = *self.invocation_of.entry(key).or_insert_with_key(|(_, argv, cwd)| {
            self.invocations.push(Invocation {
                id: Ref::new('i', self.invocations.len() + 1),
                program: self.programs[program].id.clone(),
                argv: argv.clone(),
                cwd: cwd.clone(),
                runs: 0,
                failed: 0,
                commands: BTreeSet::new(),
                known: Known::Traced,
                says: Vec::new(),
            });
            self.invocations.len() - 1
        });
        self.invocations[number].runs += 1;
        self.invocations[number].commands.extend(command);
        Some(number)
    }

    fn exit(&mut self, exit: &Exit) {
        let Some(run) = self.segment.running.remove(&exit.process) else { return };
        if let Some((number, start)) = run.command
            && let Some(command) = self.kept(number)
        {
            command.status = exit.status;
            command.status_known = if exit.status.is_some() { StatusKnown::Exact } else { StatusKnown::Unknown };
            command.took = Some((exit.at - start).max(0));
        }
        self.end(&run, exit.status);
    }

    /// Counts how a run ended.
    fn end(&mut self, run: &Run, status: Option<Status>) {
        let program = &mut self.programs[run.program];
        let Some(status) = status else {
            program.unknown += 1;
            return;
        };
        if !ended_well(program.path.as_slice(), status) {
            program.failed += 1;
            if let Some(invocation) = run.invocation {
                self.invocations[invocation].failed += 1;
            }
        }
    }

    fn missing(&mut self, missing: &crate::event::Missing) {
        if missing.parent.is_some_and(|parent| self.segment.builds.is_part(parent)) {
            return;
        }
        let program = self.place.path(missing.program.as_path());
        let command = missing.parent.and_then(|parent| self.segment.execs.get(&parent)?.1);
        let id = command.and_then(|command| self.kept(command)).map(|command| command.id.clone());
        let entry = self.missing.entry(program.clone());
        let entry = entry.or_insert_with(|| Missing { program, runs: 0, commands: BTreeSet::new() });
        entry.runs += 1;
        entry.commands.extend(id);
    }

    /// Finds out which libraries the project's own programs need, and what opened libraries are called, as their files are
    /// now: `links` tells it of a file, `find` where the host has a library.
    pub fn link(&mut self, links: &dyn Fn(&Path) -> Option<Links>, find: &dyn Fn(&str) -> Option<PathBuf>) {
        let places = self.paths.iter().map(|(path, resolved)| resolved.as_ref().unwrap_or(path).as_path());
        let ran = self.programs.iter().map(|program| &program.id).zip(places);
        self.used.link(self.place, ran, links, find);
    }

    /// Returns the journal. `owners` tells the host's packages of all these paths at once.
    pub fn finish(
        mut self,
        session: Session,
        digest: Digest,
        owners: &dyn Fn(BTreeSet<&Path>) -> BTreeMap<PathBuf, Owner>,
    ) -> Journal {
        let segments = self.segments;
        self.segment();
        if segments > 1 {
            self.order();
        }
        self.forget(COMMANDS + 1);
        let claimed = self.claimed(&session);
        let all = self.paths.iter().flat_map(|(path, resolved)| [Some(path), resolved.as_ref()]).flatten();
        let paths = self.used.paths();
        let owners = owners(all.map(PathBuf::as_path).chain(paths.iter().map(PathBuf::as_path)).collect());
        for (program, (path, resolved)) in self.programs.iter_mut().zip(&self.paths) {
            program.owner = owners.get(path).or_else(|| owners.get(resolved.as_ref()?)).cloned();
        }
        let used = self.used.finish(self.place, &owners);
        let own = self.own;
        let delegated = self.delegated.into_iter().filter(|(server, _)| !own.contains(server));
        let ignored = [(OWN, self.own_execs), (NIX, self.nix_execs)].into_iter().filter(|(_, runs)| *runs > 0);
        let traced = Journal {
            version: VERSION,
            session,
            commands: self.commands.into(),
            programs: self.programs,
            invocations: self.invocations,
            files: Vec::new(),
            flakes: Vec::new(),
            missing: self.missing.into_values().collect(),
            libraries: used.libraries,
            headers: used.headers,
            modules: used.modules,
            delegated: delegated.map(|(server, commands)| Delegated { server, commands }).collect(),
            state: Vec::new(),
            installed: Vec::new(),
            ignored: ignored.map(|(reason, runs)| Ignored { reason: reason.to_owned(), runs }).collect(),
            events: Events {
                count: self.count,
                execs: self.execs,
                lost: self.lost + digest.unwritten,
                length: digest.length,
                sha256: digest.sha256,
                omitted: self.omitted as u64,
                disturbed: self.disturbed,
                unlisted: used.unlisted,
            },
        };
        match claimed {
            Some(claimed) => both(traced, claimed),
            None => shorten(traced),
        }
    }
}
