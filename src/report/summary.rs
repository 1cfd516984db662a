//! What a report says, before it has a form: terminal, Markdown, HTML and JSON all show this.
//!
//! Its JSON form is published as `schemas/report.schema.json`. All texts are for people: control, bidirectional and
//! invisible characters stand as escapes in them, so that no form of it needs to think of those again. Whoever needs the
//! very bytes reads the journals.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::Report;
use super::text::{plural, size};
use crate::console::escape;
use crate::event::{Bytes, Server};
use crate::flake::default_pin;
use crate::journal::{Command, Journal, Known, Part, Ref, SessionId};
use crate::nix::{Pin, System};
use crate::requirements::{Check, Document, Evidence, FAILED, Instead, NEEDS_WORK, Refusal, Refused, Requirement};
use crate::verification::{Failure, Verification};

/// The version of the JSON form.
const VERSION: u32 = 1;

/// What no verification can show.
pub(super) const CLAIM: &str = "A journal is its contributor's claim: no verification shows that the session happened.";

/// What a report says.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// 1.
    pub version: u32,
    /// The sessions, by name.
    pub sessions: Vec<Session>,
    /// The package set.
    pub pin: Pin,
    /// Systems that the flake has outputs for.
    pub systems: BTreeSet<System>,
    /// Whether versions are those of the pin; else the index's, of which the pin may differ.
    pub versions_are_of_the_pin: bool,
    /// Date of the index.
    pub index: String,
    /// The packages, by attr.
    pub packages: Vec<Package>,
    /// The checks: of commands, by name, then the flake's own two.
    pub checks: Vec<CheckRow>,
    /// What a reviewer should look at.
    pub attention: Vec<Remark>,
    /// What the sessions wanted or did that is not in the flake.
    pub not_captured: Vec<Missed>,
    /// Folders outside the project in which files were made or changed.
    pub left_behind: Vec<LeftBehind>,
    /// Packages of the host that were installed.
    pub installed: Vec<String>,
    /// All execs, each counted once.
    pub execs: Execs,
    /// What ran and brings no package, most runs first.
    pub ignored: Vec<Aside>,
    /// Commands that are no check.
    pub unchecked: Vec<Unchecked>,
    /// What Nix said; none when it was not asked of these very files.
    pub verification: Option<Proof>,
    /// What was proved, one sentence.
    pub proved: String,
    /// What no verification can show.
    pub claim: &'static str,
}

/// A session.
#[derive(Clone, Debug, Serialize)]
pub struct Session {
    /// Its name.
    pub id: SessionId,
    /// Start, RFC 3339, UTC.
    pub start: String,
    /// End, RFC 3339, UTC.
    pub end: String,
    /// The command line that was recorded.
    pub line: String,
    /// The agent, with its version and model when they are known.
    pub agent: Option<String>,
    /// The recorder, or the reader of the transcript.
    pub recorder: String,
    /// What the recorder cannot see.
    pub blind: Vec<String>,
    /// Where it ran: system, operating system, Nix.
    pub host: Vec<String>,
    /// How the recorded command ended: `exit 0`, `signal 9`.
    pub status: Option<String>,
    /// How many commands it has.
    pub commands: usize,
    /// How many execs were recorded.
    pub execs: u64,
    /// How many events were lost.
    pub lost: u64,
    /// How many of the oldest commands are left out of the journal.
    pub omitted: u64,
}

/// A package.
#[derive(Clone, Debug, Serialize)]
pub struct Package {
    /// Its attr.
    pub attr: String,
    /// Its version, see [`Summary::versions_are_of_the_pin`].
    pub version: Option<String>,
    /// The version on the host.
    pub seen: Option<String>,
    /// What it is in the flake for.
    pub role: Role,
    /// How many runs need it.
    pub runs: u64,
    /// Whether the kernel saw that; none of what the policy keeps.
    pub known: Option<Known>,
    /// Its programs that ran.
    pub programs: Vec<String>,
    /// The commands that needed it, first the first.
    pub commands: Vec<At>,
    /// The line of the first.
    pub first_command: Option<String>,
    /// The reason that the policy gives.
    pub policy: Option<String>,
}

/// What a package is in the flake for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// A program of it ran.
    Program,
    /// A library that the project is built against.
    Library,
    /// A module of a language, which a program loads.
    Module,
    /// A command asked for it: an install, a flakeref.
    Asked,
    /// The policy keeps it.
    Policy,
}

impl Role {
    /// Returns the word for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Program => "program",
            Self::Library => "library",
            Self::Module => "module",
            Self::Asked => "asked for",
            Self::Policy => "policy",
        }
    }
}

/// A command of a session.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct At {
    /// The session.
    pub session: SessionId,
    /// The command in its journal.
    pub command: Ref,
}

/// A check.
#[derive(Clone, Debug, Serialize)]
pub struct CheckRow {
    /// Its name.
    pub name: String,
    /// The whole command; of the flake's own checks what they do.
    pub line: String,
    /// The folder in which it runs, empty for the root.
    pub folder: String,
    /// Whether it is one of the flake's own, of which no session knows.
    pub own: bool,
    /// How it ended.
    pub result: Outcome,
    /// Why it failed.
    pub why: Option<String>,
    /// How long Nix took to build it, in milliseconds; none when it was built before.
    pub took: Option<u64>,
    /// The commands that it comes from.
    pub commands: Vec<At>,
}

impl CheckRow {
    /// Returns the whole command, with the folder in which it runs.
    pub fn shown(&self) -> String {
        if self.folder.is_empty() { self.line.clone() } else { format!("(in {}) {}", self.folder, self.line) }
    }
}

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Nix built it.
    Passed,
    /// Nix could not build it.
    Failed,
    /// Nix was not asked.
    NotVerified,
}

impl Outcome {
    /// Returns the words for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::NotVerified => "not verified",
        }
    }
}

/// Something that a reviewer should look at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Remark {
    /// What kind it is.
    pub kind: &'static str,
    /// What it is about: an attr, a file.
    pub of: String,
    /// What there is to know.
    pub text: String,
}

/// Something that is not in the flake.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Missed {
    /// A program, a package, a command.
    pub what: String,
    /// Why it is not.
    pub why: String,
    /// What one can do.
    pub help: Option<String>,
}

/// A folder with files that were made or changed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct LeftBehind {
    /// The folder.
    pub path: String,
    /// How many files.
    pub files: u64,
    /// Their sizes together, in bytes.
    pub bytes: u64,
    /// How many files and folders that were there before are gone.
    pub removed: u64,
    /// The session.
    pub session: SessionId,
}

impl LeftBehind {
    /// Returns how much it is: `3 files, 12 kB, 1 removed`.
    pub fn amount(&self) -> String {
        let written = (self.files > 0).then(|| plural(self.files, "file") + ", " + &size(self.bytes));
        let removed = (self.removed > 0).then(|| format!("{} removed", self.removed));
        written.into_iter().chain(removed).collect::<Vec<_>>().join(", ")
    }
}

/// All execs: each is one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Execs {
    /// They need a package of the flake.
    pub wanted: u64,
    /// They need none, for a reason.
    pub ignored: u64,
    /// Nobody knows of what they are.
    pub unrecognized: u64,
}

impl Execs {
    /// Returns the three counts as a sentence without a period.
    pub fn sentence(self) -> String {
        let Self { wanted, ignored, unrecognized } = self;
        format!("{} wanted, {ignored} ignored with a reason, {unrecognized} unrecognized", plural(wanted, "exec"))
    }
}

/// Programs that bring no package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Aside {
    /// The program.
    pub name: String,
    /// How many execs.
    pub runs: u64,
    /// Why.
    pub reason: String,
}

/// A command that is no check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unchecked {
    /// Its line.
    pub line: String,
    /// Why it is none.
    pub reason: String,
    /// Where it is.
    pub at: At,
}

/// What Nix said.
#[derive(Clone, Debug, Serialize)]
pub struct Proof {
    /// Whether all is proved.
    pub passed: bool,
    /// Version of Nix.
    pub nix: String,
    /// The system on which it was asked.
    pub system: System,
    /// What failed.
    pub failures: Vec<FailureRow>,
}

/// Something that failed.
#[derive(Clone, Debug, Serialize)]
pub struct FailureRow {
    /// The check, none for the flake itself.
    pub check: Option<String>,
    /// Why.
    pub why: String,
    /// The last lines of its log.
    pub log: Vec<String>,
    /// What one can do.
    pub help: Vec<String>,
}

fn text(bytes: &Bytes) -> String {
    escape(&bytes.to_text())
}

impl Summary {
    /// Returns it as JSON, LF at the end.
    pub fn json(&self) -> anyhow::Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }
}

impl Report<'_> {
    /// Returns what the report says.
    pub fn summary(&self) -> Summary {
        let Document { requirements, pin, index, .. } = self.document;
        let book = Book::new(self.journals);
        let not_captured = self.not_captured(&book);
        Summary {
            version: VERSION,
            sessions: self.journals.iter().map(session).collect(),
            pin: pin.clone(),
            systems: requirements.systems.clone(),
            versions_are_of_the_pin: *pin == default_pin(),
            index: escape(index),
            packages: requirements.packages.iter().map(|package| self.package(package, &book)).collect(),
            checks: self.checks(&book),
            attention: self.attention(),
            not_captured,
            left_behind: self.left_behind(),
            installed: self.journals.iter().flat_map(|journal| &journal.installed).map(|name| escape(name)).collect(),
            execs: self.execs(),
            ignored: self.ignored(&book),
            unchecked: self.unchecked(&book),
            verification: self.verification.map(proof),
            proved: self.proof(),
            claim: CLAIM,
        }
    }

    fn package(&self, package: &Requirement, book: &Book) -> Package {
        let Requirement { attr, programs, runs, seen, known, evidence, policy, .. } = package;
        let role = match () {
            () if evidence.is_empty() => Role::Policy,
            () if package.library => Role::Library,
            () if attr.as_str().contains("Packages.") => Role::Module,
            () if programs.is_empty() => Role::Asked,
            () => Role::Program,
        };
        let commands = book.commands(evidence);
        let first_command = commands.first().and_then(|at| book.command(at)).map(|command| text(&command.line));
        Package {
            attr: attr.to_string(),
            version: self.index.attr(attr).and_then(|attr| attr.version).map(str::to_owned),
            seen: seen.as_deref().map(escape),
            role,
            runs: *runs,
            known: (!evidence.is_empty()).then_some(*known),
            programs: programs.iter().map(|name| name.as_str().to_owned()).collect(),
            commands,
            first_command,
            policy: policy.as_deref().map(escape),
        }
    }

    fn checks(&self, book: &Book) -> Vec<CheckRow> {
        let requirements = &self.document.requirements;
        let row = |check: &Check| CheckRow {
            line: check.line.as_str().to_owned(),
            folder: check.folder.as_str().to_owned(),
            commands: book.commands(&check.evidence),
            ..self.check(check.name.as_str())
        };
        let own = |name: &str, line: &str| CheckRow { line: line.to_owned(), own: true, ..self.check(name) };
        let tools = requirements.packages.iter().any(|package| !package.programs.is_empty());
        let tools = tools.then(|| own("tools", "finds each captured program"));
        let own = tools.into_iter().chain([own("devshell", "builds the shell")]);
        requirements.checks.iter().map(row).chain(own).collect()
    }

    /// Returns how a check ended.
    fn check(&self, name: &str) -> CheckRow {
        let failure = self.verification.and_then(|it| {
            it.failures.iter().find(|failure| failure.check.as_deref().is_none_or(|failed| failed == name))
        });
        let passed = self.verification.is_some_and(|it| it.passed.iter().any(|passed| passed == name));
        let result = match (self.verification, passed) {
            (None, _) => Outcome::NotVerified,
            (Some(_), true) => Outcome::Passed,
            (Some(_), false) => Outcome::Failed,
        };
        CheckRow {
            name: name.to_owned(),
            line: String::new(),
            folder: String::new(),
            own: false,
            result,
            why: failure.filter(|_| !passed).map(|failure| escape(&failure.why.cause())),
            took: self.verification.and_then(|it| it.took.get(name)).copied(),
            commands: Vec::new(),
        }
    }

    /// Returns what a person should look at: other versions, close calls, what is unfree or insecure, drift.
    fn attention(&self) -> Vec<Remark> {
        let requirements = &self.document.requirements;
        let mut remarks = Vec::new();
        let mut remark =
            |kind, of: String, text: String| remarks.push(Remark { kind, of: escape(&of), text: escape(&text) });
        for package in &requirements.packages {
            if let Some(Instead { of, why }) = &package.instead {
                let seen = package.seen.as_ref().map_or(String::new(), |seen| format!("seen {seen}, "));
                remark("instead", package.attr.to_string(), format!("{seen}nearest to {of}: {}", refusal(*why)));
            }
            if !package.alternatives.is_empty() {
                let others: Vec<String> = package.alternatives.iter().map(ToString::to_string).collect();
                let what = format!("chosen by a program's name, which {} has, too", others.join(" and "));
                remark("close-call", package.attr.to_string(), what);
            }
        }
        if !requirements.unfree.is_empty() {
            let names: Vec<&str> = requirements.unfree.iter().map(String::as_str).collect();
            remark("unfree", names.join(", "), "the policy allows it, its licence is not free".to_owned());
        }
        for finding in self.findings {
            let place = finding.path.clone().unwrap_or_default();
            remark(finding.code.as_str(), place, finding.message.clone());
        }
        if self.document.pin != default_pin() && !requirements.packages.is_empty() {
            let what = format!("of the index, {}; this pin may have others", self.document.index);
            remark("versions", "versions".to_owned(), what);
        }
        let is_claimed = |package: &&Requirement| package.known == Known::Claimed && !package.evidence.is_empty();
        let claimed = requirements.packages.iter().filter(is_claimed).count();
        if claimed > 0 {
            let what = format!("known only from a transcript or hook, for {}", plural(claimed as u64, "package"));
            remark("claimed", "claimed".to_owned(), what);
        }
        remarks
    }

    /// Returns what a person should know that is not in the flake.
    fn not_captured(&self, book: &Book) -> Vec<Missed> {
        let requirements = &self.document.requirements;
        let mut all: Vec<Missed> = requirements.refused.iter().map(refused).collect();
        let mut add = |what: String, why: String| {
            all.push(Missed { what: escape(&what), why: escape(&why), help: None });
        };
        for it in &requirements.unrecognized {
            // A library does not run.
            let runs = if it.runs == 0 { String::new() } else { format!(" ({})", plural(it.runs, "run")) };
            add(it.name.to_text().into_owned(), format!("not recognized{runs}"));
        }
        for ignored in requirements.ignored.iter().filter(|ignored| ignored.reason == FAILED) {
            add(book.name(&ignored.evidence), FAILED.to_owned());
        }
        let missing = self.journals.iter().flat_map(|journal| &journal.missing);
        let missing: BTreeSet<String> = missing.map(|missing| text(&missing.program)).collect();
        missing.into_iter().for_each(|name| add(name, "looked for and not found".to_owned()));
        let servers: BTreeSet<Server> =
            self.journals.iter().flat_map(|journal| &journal.delegated).map(|it| it.server).collect();
        servers.into_iter().for_each(|server| add(format!("work handed to {server}"), "not seen".to_owned()));
        for unchecked in requirements.unchecked.iter().filter(|unchecked| unchecked.reason == NEEDS_WORK) {
            let at = at(&unchecked.evidence);
            let line = book.command(&at).map_or_else(|| at.command.to_string(), |command| text(&command.line));
            add(line, format!("no check, {NEEDS_WORK}"));
        }
        let disturbed: u64 = self.journals.iter().map(|journal| journal.events.disturbed).sum();
        if disturbed > 0 {
            let why = "may have failed with EINTR because `--files full` watched them";
            add(plural(disturbed, "open"), why.to_owned());
        }
        let lost: u64 = self.journals.iter().map(|journal| journal.events.lost).sum();
        if lost > 0 {
            add(plural(lost, "event"), "lost by the recorder".to_owned());
        }
        all
    }

    fn left_behind(&self) -> Vec<LeftBehind> {
        let of = |journal: &Journal| {
            let session = journal.session.id.clone();
            let row = |state: &crate::journal::State| LeftBehind {
                path: text(&state.path),
                files: state.files,
                bytes: state.bytes,
                removed: state.removed,
                session: session.clone(),
            };
            journal.state.iter().map(row).collect::<Vec<_>>()
        };
        self.journals.iter().flat_map(of).collect()
    }

    fn execs(&self) -> Execs {
        let requirements = &self.document.requirements;
        let all: u64 = self.journals.iter().flat_map(|journal| &journal.programs).map(|program| program.runs).sum();
        let ignored =
            requirements.ignored.iter().filter(|ignored| ignored.evidence.entry.is_program()).map(|it| it.runs).sum();
        let unrecognized =
            requirements.unrecognized.iter().filter(|it| it.evidence.entry.is_program()).map(|it| it.runs).sum();
        Execs { wanted: all.saturating_sub(ignored + unrecognized), ignored, unrecognized }
    }

    fn ignored(&self, book: &Book) -> Vec<Aside> {
        let mut rows: BTreeMap<(String, String), u64> = BTreeMap::new();
        for ignored in &self.document.requirements.ignored {
            *rows.entry((escape(&book.name(&ignored.evidence)), ignored.reason.clone())).or_default() += ignored.runs;
        }
        let aside = |((name, reason), runs)| Aside { name, runs, reason };
        let mut rows: Vec<Aside> = rows.into_iter().map(aside).collect();
        rows.sort_by(|a, b| b.runs.cmp(&a.runs).then_with(|| (&a.name, &a.reason).cmp(&(&b.name, &b.reason))));
        rows
    }

    fn unchecked(&self, book: &Book) -> Vec<Unchecked> {
        let row = |unchecked: &crate::requirements::Unchecked| {
            let at = at(&unchecked.evidence);
            let line = text(&book.command(&at)?.line);
            Some(Unchecked { line, reason: unchecked.reason.clone(), at })
        };
        self.document.requirements.unchecked.iter().filter_map(row).collect()
    }

    /// Returns what the verification proved, one sentence.
    pub(super) fn proof(&self) -> String {
        match self.verification {
            None => "Not verified by Nix.".to_owned(),
            Some(it) if it.is_passed() => {
                format!("Nix {} built all {} checks on {}, the shell among them.", it.nix, it.passed.len(), it.system)
            }
            Some(it) => {
                format!("Nix {} on {}: {} failed.", it.nix, it.system, plural(it.failures.len() as u64, "thing"))
            }
        }
    }
}

fn at(evidence: &Evidence) -> At {
    At { session: evidence.session.clone(), command: evidence.entry.clone() }
}

fn session(journal: &Journal) -> Session {
    let session = &journal.session;
    let agent = session.agent.iter().chain(&session.agent_version).chain(&session.model).map(|text| escape(text));
    let agent: Vec<String> = agent.collect();
    let nix = session.nix.as_ref().map(|version| format!("Nix {version}"));
    let host = [Some(session.system.to_string()), session.os.clone(), nix];
    Session {
        id: session.id.clone(),
        start: escape(&session.start),
        end: escape(&session.end),
        line: text(&session.line),
        agent: (!agent.is_empty()).then(|| agent.join(" ")),
        recorder: escape(&session.recorder.name),
        blind: session.recorder.blind.iter().map(|text| escape(text)).collect(),
        host: host.into_iter().flatten().map(|text| escape(&text)).collect(),
        status: session.status.map(|status| status.to_string()),
        commands: journal.commands.len(),
        execs: journal.events.execs,
        lost: journal.events.lost,
        omitted: journal.events.omitted,
    }
}

fn proof(verification: &Verification) -> Proof {
    let row = |failure: &Failure| FailureRow {
        check: failure.check.as_deref().map(escape),
        why: escape(&failure.why.cause()),
        log: failure.log.iter().map(|line| escape(line)).collect(),
        help: failure.help.iter().map(|line| escape(line)).collect(),
    };
    Proof {
        passed: verification.is_passed(),
        nix: escape(&verification.nix),
        system: verification.system.clone(),
        failures: verification.failures.iter().map(row).collect(),
    }
}

/// Says why a package is left out, and what to do.
fn refused(refused: &Refused) -> Missed {
    let Refused { attr, why, .. } = refused;
    let cure = match why {
        Refusal::Unfree => format!("allow it with `unfree = [\"{attr}\"]` in .agent-capture/policy.toml"),
        Refusal::Absent | Refusal::Insecure | Refusal::Broken => {
            "[[replace]] it in .agent-capture/policy.toml, or [[keep]] it and choose a pin that has it sound".to_owned()
        }
    };
    Missed { what: attr.to_string(), why: refusal(*why).to_owned(), help: Some(cure) }
}

fn refusal(why: Refusal) -> &'static str {
    match why {
        Refusal::Absent => "nixpkgs does not have it",
        Refusal::Unfree => "its licence is not free",
        Refusal::Insecure => "nixpkgs refuses it as insecure",
        Refusal::Broken => "nixpkgs marks it as broken",
    }
}

/// The journals, by entry.
#[derive(Default)]
pub(super) struct Book<'a> {
    commands: BTreeMap<(&'a SessionId, &'a Ref), &'a Command>,
    /// The commands in which programs and invocations ran.
    ran: BTreeMap<(&'a SessionId, &'a Ref), &'a BTreeSet<Ref>>,
    names: BTreeMap<(&'a SessionId, &'a Ref), Bytes>,
    journals: BTreeMap<&'a SessionId, &'a Journal>,
}

impl<'a> Book<'a> {
    pub(super) fn new(journals: &'a [Journal]) -> Self {
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

    pub(super) fn command(&self, at: &At) -> Option<&'a Command> {
        self.commands.get(&(&at.session, &at.command)).copied()
    }

    /// Returns the name of an entry: of its program, or of a library, header or module.
    fn name(&self, evidence: &Evidence) -> String {
        let name = self.names.get(&(&evidence.session, &evidence.entry)).map(|name| name.to_text().into_owned());
        name.or_else(|| Some(self.part(evidence)?.name.into_owned())).unwrap_or_else(|| evidence.entry.to_string())
    }

    fn part(&self, evidence: &Evidence) -> Option<Part<'a>> {
        self.journals.get(&evidence.session)?.part(&evidence.entry)
    }

    /// Returns the commands behind evidence, in the order in which they ran.
    pub(super) fn commands(&self, evidence: &BTreeSet<Evidence>) -> Vec<At> {
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
