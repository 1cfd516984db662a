//! Raw events → [`Journal`]: what happens once, when a session closes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::{Command, Events, Invocation, Journal, Known, LIMIT, Missing, Program, Ref, Session, VERSION};
use crate::event::{Bytes, Event, Exec, Status};
use crate::host::Owner;

/// Programs whose status 1 is an answer and no failure, by their manuals.
const ANSWERS: &[&[u8]] = &[
    b"[", b"cmp", b"diff", b"diff3", b"egrep", b"expr", b"fgrep", b"grep", b"pgrep", b"pidof", b"pkill", b"rg",
    b"test", b"which", b"zgrep",
];

/// Shells: what they start are commands.
const SHELLS: &[&[u8]] =
    &[b"ash", b"bash", b"busybox", b"dash", b"elvish", b"fish", b"ksh", b"mksh", b"nu", b"sh", b"xonsh", b"zsh"];

/// Interpreters: with a script as their first argument they may be an agent, and what they start are commands.
const INTERPRETERS: &[&str] = &["bun", "deno", "java", "node", "perl", "php", "python", "ruby"];

/// Programs that set something up and then become another program.
const PREFIXES: &[&[u8]] =
    &[b"chrt", b"dumb-init", b"env", b"ionice", b"nice", b"nohup", b"setsid", b"stdbuf", b"taskset"];

/// One recorder process's events, in order.
pub type Segment = Vec<Event>;

/// What was recorded, read back.
#[derive(Clone, Debug, Default)]
pub struct Recording {
    /// The segments.
    pub segments: Vec<Segment>,
    /// Bytes of all segments.
    pub length: u64,
    /// SHA-256 of all segments, hexadecimal.
    pub sha256: String,
    /// How many events could not be written.
    pub unwritten: u64,
}

/// The folders whose names stay private.
#[derive(Clone, Debug, Default)]
pub struct Place {
    /// The project's root, absolute.
    pub root: PathBuf,
    /// The user's home folder.
    pub home: Option<PathBuf>,
}

impl Place {
    /// Returns a path as the journal writes it: relative to the project, `~/…`, or as it is.
    pub fn path(&self, path: &Path) -> Bytes {
        use std::os::unix::ffi::OsStrExt;
        if let Ok(inside) = path.strip_prefix(&self.root) {
            return Bytes::from(inside.as_os_str().as_bytes());
        }
        match self.home.as_ref().and_then(|home| path.strip_prefix(home).ok()) {
            Some(inside) if inside.as_os_str().is_empty() => Bytes::from("~"),
            Some(inside) => Bytes::from([b"~/", inside.as_os_str().as_bytes()].concat()),
            None => Bytes::from(path.as_os_str().as_bytes()),
        }
    }

    /// Returns text with the two folders replaced: the project's by the way to it from `cwd`, the home folder's by `~`.
    pub fn text(&self, text: &[u8], cwd: &Path) -> Bytes {
        use std::os::unix::ffi::OsStrExt;
        let depth = cwd.strip_prefix(&self.root).map_or(0, |inside| inside.components().count());
        let up = if depth == 0 { ".".to_owned() } else { vec![".."; depth].join("/") };
        let text = replace(text, self.root.as_os_str().as_bytes(), up.as_bytes());
        match &self.home {
            Some(home) => Bytes::from(replace(&text, home.as_os_str().as_bytes(), b"~")),
            None => Bytes::from(text),
        }
    }
}

/// Replaces a folder's path where it stands as a whole: what follows it is no part of a longer name.
fn replace(text: &[u8], folder: &[u8], with: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while folder.len() > 1 && !rest.is_empty() {
        let Some(at) = rest.windows(folder.len()).position(|window| window == folder) else { break };
        let name = |b: &u8| b.is_ascii_alphanumeric() || b"._-".contains(b);
        let whole = !rest.get(at + folder.len()).is_some_and(name)
            && !(at > 0 && (name(&rest[at - 1]) || rest[at - 1] == b'/'));
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(if whole { with } else { folder });
        rest = &rest[at + folder.len()..];
    }
    out.extend_from_slice(rest);
    out
}

/// Returns the last component of a path.
fn base(path: &[u8]) -> &[u8] {
    path.rsplit(|b| *b == b'/').next().unwrap_or_default()
}

/// Returns whether a run that ended so ended well: status 0, an answer, a reader that went away, or a server that was told
/// to end.
pub(super) fn ended_well(program: &[u8], status: Status) -> bool {
    match status {
        Status::Code(0) | Status::Signal(2 | 13 | 15) => true,
        Status::Code(1) => ANSWERS.contains(&base(program)),
        Status::Code(_) | Status::Signal(_) => false,
    }
}

/// Names an exec across segments.
type Key = (usize, u64);

/// How one run of a program ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Well,
    Badly,
    Unknown,
}

/// The recording with its links resolved.
struct Traces<'a> {
    /// All execs in order.
    execs: Vec<(Key, &'a Exec)>,
    /// When and how each process ended.
    exits: BTreeMap<Key, (i64, Option<Status>)>,
    /// The process of each exec.
    process: BTreeMap<Key, Key>,
    /// The last exec of each process.
    last: BTreeMap<Key, u64>,
}

impl<'a> Traces<'a> {
    fn new(recording: &'a Recording) -> Self {
        let mut traces =
            Self { execs: Vec::new(), exits: BTreeMap::new(), process: BTreeMap::new(), last: BTreeMap::new() };
        for (segment, events) in recording.segments.iter().enumerate() {
            for event in events {
                match event {
                    Event::Exec(exec) => {
                        traces.execs.push(((segment, exec.id), exec));
                        traces.process.insert((segment, exec.id), (segment, exec.process));
                        traces.last.insert((segment, exec.process), exec.id);
                    }
                    Event::Exit(exit) => {
                        traces.exits.insert((segment, exit.process), (exit.at, exit.status));
                    }
                    Event::Start(_) | Event::Missing(_) | Event::Lost(_) => {}
                }
            }
        }
        traces
    }

    fn end(&self, key: Key, exec: &Exec) -> End {
        let process = (key.0, exec.process);
        if self.last.get(&process) != Some(&exec.id) {
            return End::Well;
        }
        match self.exits.get(&process).and_then(|(_, status)| *status) {
            None => End::Unknown,
            Some(status) if ended_well(exec.program.as_slice(), status) => End::Well,
            Some(_) => End::Badly,
        }
    }
}

impl Journal {
    /// Makes the journal of a session that ended. `owner` tells the host's package of a path, `keeps` whether an argv says
    /// what is needed.
    pub fn close(
        session: Session,
        recording: &Recording,
        place: &Place,
        owner: &dyn Fn(&Path) -> Option<Owner>,
        keeps: &dyn Fn(&[&str]) -> bool,
    ) -> Self {
        let traces = Traces::new(recording);
        let (commands, command_of) = commands(&session, &traces, place);
        let (programs, invocations) = programs(&traces, &command_of, place, owner, keeps);
        let all = || recording.segments.iter().flatten();
        let lost: u64 = all().map(|event| if let Event::Lost(lost) = event { lost.count } else { 0 }).sum();
        let events = Events {
            count: all().count() as u64,
            execs: traces.execs.len() as u64,
            lost: lost + recording.unwritten,
            length: recording.length,
            sha256: recording.sha256.clone(),
            omitted: 0,
        };
        let missing = missing(recording, &command_of, place);
        let journal = Self {
            version: VERSION,
            session,
            commands,
            programs,
            invocations,
            files: Vec::new(),
            missing,
            ignored: Vec::new(),
            events,
        };
        shorten(journal)
    }
}

/// Returns the commands, and for each exec the command that it belongs to.
fn commands(session: &Session, traces: &Traces, place: &Place) -> (Vec<Command>, BTreeMap<Key, Ref>) {
    let root = traces.execs.first().map(|(key, exec)| (key.0, exec.process));
    let driver = root.and_then(|root| {
        let mut own = traces.execs.iter().filter(|(key, exec)| (key.0, exec.process) == root);
        own.find(|(_, exec)| !PREFIXES.contains(&base(exec.program.as_slice()))).copied()
    });
    let leads = driver.is_some_and(|(_, exec)| session.agent.is_some() || leads(exec, &place.root));
    let shell = driver.is_some_and(|(_, exec)| SHELLS.contains(&base(exec.program.as_slice())));
    let mut commands: Vec<Command> = Vec::new();
    let mut command_of: BTreeMap<Key, Ref> = BTreeMap::new();
    let mut process_command: BTreeMap<Key, Ref> = BTreeMap::new();
    for (key, exec) in &traces.execs {
        let process = (key.0, exec.process);
        let parent = exec.parent.map(|parent| (key.0, parent));
        let of_root = parent.and_then(|parent| traces.process.get(&parent).copied()) == root && root.is_some();
        let is_driver = driver.is_some_and(|(driver, _)| driver == *key);
        let begins = match (Some(process) == root, leads) {
            (true, false) => is_driver,
            (true, true) => shell && driver.is_some_and(|(driver, _)| driver.0 == key.0 && driver.1 < key.1),
            (false, true) => (of_root || parent.is_none()) && !process_command.contains_key(&process),
            (false, false) => false,
        };
        if begins {
            let id = Ref::new('c', commands.len() + 1);
            commands.push(command(id.clone(), session, exec, traces.exits.get(&process), place));
            process_command.insert(process, id);
        }
        let inherited = || parent.and_then(|parent| command_of.get(&parent).cloned());
        if let Some(id) = process_command.get(&process).cloned().or_else(inherited) {
            command_of.insert(*key, id);
        }
    }
    (commands, command_of)
}

/// Returns whether what this program starts are the commands: a shell, or an interpreter that runs a script from outside
/// the project.
fn leads(exec: &Exec, root: &Path) -> bool {
    let name = base(exec.program.as_slice());
    if SHELLS.contains(&name) {
        return true;
    }
    let scripted = |path: &Bytes| SHELLS.contains(&base(path.as_slice()));
    if exec.interpreters.iter().any(scripted) {
        return true;
    }
    let name = String::from_utf8_lossy(name);
    let name = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    let script = exec.argv.get(1).filter(|argument| !argument.as_slice().starts_with(b"-"));
    INTERPRETERS.contains(&name)
        && script.is_some_and(|script| !exec.cwd.as_path().join(script.as_path()).starts_with(root))
}

fn command(id: Ref, session: &Session, exec: &Exec, exit: Option<&(i64, Option<Status>)>, place: &Place) -> Command {
    let start = chrono::DateTime::parse_from_rfc3339(&session.start).map_or(exec.at, |start| start.timestamp_millis());
    let cwd = exec.cwd.as_path();
    let line = match script(exec) {
        Some(script) => script.as_slice().trim_ascii().to_vec(),
        None => shown(&exec.argv),
    };
    Command {
        id,
        line: place.text(&line, cwd),
        cwd: place.path(cwd),
        status: exit.and_then(|(_, status)| *status),
        at: exec.at - start,
        took: exit.map(|(at, _)| at - exec.at),
        known: Known::Traced,
        incomplete: exec.shortened || exec.redacted,
    }
}

/// Returns the line that a shell was started for: `make` of `bash -euc make`.
fn script(exec: &Exec) -> Option<&Bytes> {
    if !SHELLS.contains(&base(exec.program.as_slice())) {
        return None;
    }
    let mut rest = exec.argv.iter().skip(1);
    let mut found = false;
    while let Some(argument) = rest.next() {
        match argument.as_slice() {
            b"-o" | b"+o" | b"-O" | b"+O" | b"--rcfile" | b"--init-file" => skip(&mut rest),
            [b'-', b'-', ..] => {}
            [b'-', flags @ ..] => {
                found |= flags.contains(&b'c');
                if flags.ends_with(b"o") {
                    skip(&mut rest);
                }
            }
            _ => return found.then_some(argument),
        }
    }
    None
}

/// Passes over the value of an option.
fn skip<'a>(arguments: &mut impl Iterator<Item = &'a Bytes>) {
    arguments.next();
}

/// Returns arguments as one would type them.
fn shown(argv: &[Bytes]) -> Vec<u8> {
    let quoted = argv.iter().map(|argument| match shlex::bytes::try_quote(argument.as_slice()) {
        Ok(quoted) => quoted.into_owned(),
        Err(_nul) => argument.as_slice().to_vec(),
    });
    quoted.collect::<Vec<_>>().join(&b' ')
}

fn programs(
    traces: &Traces,
    command_of: &BTreeMap<Key, Ref>,
    place: &Place,
    owner: &dyn Fn(&Path) -> Option<Owner>,
    keeps: &dyn Fn(&[&str]) -> bool,
) -> (Vec<Program>, Vec<Invocation>) {
    let mut numbers: BTreeMap<Bytes, usize> = BTreeMap::new();
    let mut programs: Vec<Program> = Vec::new();
    let mut calls: BTreeMap<(usize, Vec<Bytes>, Bytes), usize> = BTreeMap::new();
    let mut invocations: Vec<Invocation> = Vec::new();
    for (key, exec) in &traces.execs {
        let end = traces.end(*key, exec);
        let number = *numbers.entry(exec.program.clone()).or_insert_with(|| {
            programs.push(program(Ref::new('p', programs.len() + 1), exec, place, owner));
            programs.len() - 1
        });
        let program = &mut programs[number];
        program.runs += 1;
        program.failed += u64::from(end == End::Badly);
        program.unknown += u64::from(end == End::Unknown);
        program.commands.extend(command_of.get(key).cloned());
        let argv: Option<Vec<&str>> = exec.argv.iter().map(Bytes::as_str).collect();
        if exec.shortened || exec.redacted || !argv.as_deref().is_some_and(keeps) {
            continue;
        }
        let cwd = exec.cwd.as_path();
        let argv: Vec<Bytes> = exec.argv.iter().map(|argument| place.text(argument.as_slice(), cwd)).collect();
        let number = *calls.entry((number, argv.clone(), exec.cwd.clone())).or_insert_with(|| {
            let id = Ref::new('i', invocations.len() + 1);
            let (program, cwd, commands) = (program.id.clone(), place.path(cwd), BTreeSet::new());
            invocations.push(Invocation {
                id,
                program,
                argv,
                cwd,
                runs: 0,
                failed: 0,
                commands,
                known: Known::Traced,
                says: Vec::new(),
            });
            invocations.len() - 1
        });
        let invocation = &mut invocations[number];
        invocation.runs += 1;
        invocation.failed += u64::from(end == End::Badly);
        invocation.commands.extend(command_of.get(key).cloned());
    }
    (programs, invocations)
}

fn program(id: Ref, exec: &Exec, place: &Place, owner: &dyn Fn(&Path) -> Option<Owner>) -> Program {
    let owner = owner(exec.program.as_path()).or_else(|| exec.resolved.as_ref().and_then(|path| owner(path.as_path())));
    Program {
        id,
        path: place.path(exec.program.as_path()),
        resolved: exec.resolved.as_ref().map(|path| place.path(path.as_path())),
        interpreter: exec.interpreters.last().map(|path| place.path(path.as_path())),
        owner,
        runs: 0,
        failed: 0,
        unknown: 0,
        commands: BTreeSet::new(),
        known: Known::Traced,
    }
}

fn missing(recording: &Recording, command_of: &BTreeMap<Key, Ref>, place: &Place) -> Vec<Missing> {
    let mut found: BTreeMap<Bytes, Missing> = BTreeMap::new();
    for (segment, events) in recording.segments.iter().enumerate() {
        for event in events {
            let Event::Missing(missing) = event else { continue };
            let program = place.path(missing.program.as_path());
            let entry = found.entry(program.clone());
            let entry = entry.or_insert_with(|| Missing { program, runs: 0, commands: BTreeSet::new() });
            entry.runs += 1;
            entry.commands.extend(missing.parent.and_then(|parent| command_of.get(&(segment, parent)).cloned()));
        }
    }
    found.into_values().collect()
}

/// Makes a journal fit [`LIMIT`]: first overlong lines are cut, then the oldest commands are left out and counted.
fn shorten(mut journal: Journal) -> Journal {
    let fits = |journal: &Journal| journal.to_bytes().is_ok_and(|bytes| bytes.len() <= LIMIT);
    for longest in [16 * 1024, 2048, 256, 80] {
        if fits(&journal) {
            return journal;
        }
        for command in journal.commands.iter_mut().filter(|command| command.line.as_slice().len() > longest) {
            command.line = Bytes::from(&command.line.as_slice()[..longest]);
            command.incomplete = true;
        }
    }
    while !fits(&journal) && !journal.commands.is_empty() {
        let out: BTreeSet<Ref> =
            journal.commands.drain(..journal.commands.len().div_ceil(4)).map(|command| command.id).collect();
        journal.events.omitted += out.len() as u64;
        journal.programs.iter_mut().for_each(|program| program.commands.retain(|id| !out.contains(id)));
        journal.invocations.iter_mut().for_each(|invocation| invocation.commands.retain(|id| !out.contains(id)));
        journal.missing.iter_mut().for_each(|missing| missing.commands.retain(|id| !out.contains(id)));
    }
    journal
}
