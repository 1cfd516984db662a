//! Journals for tests, and what they come to in words.

use std::collections::BTreeSet;

use super::*;
use crate::event::Bytes;
use crate::host::Owner;
use crate::journal::{Command, Events, Journal, Known, ProjectFile, Recorder, Ref, Session, SessionId, VERSION};
use crate::nix::System;
use crate::policy::Policy;
use crate::requirements::{ProgramName, Requirements};
use crate::shell::Inner;

mod any;
mod examples;

pub(super) fn program(path: &str) -> Program {
    Program {
        id: Ref::new('p', 1),
        path: Bytes::from(path),
        resolved: None,
        interpreter: None,
        owner: None,
        through: None,
        runs: 1,
        failed: 0,
        unknown: 0,
        commands: BTreeSet::from([Ref::new('c', 1)]),
        known: Known::Traced,
    }
}

fn invocation(line: &str) -> Invocation {
    let argv = shlex::split(line).expect("words").into_iter().map(Bytes::from).collect();
    let (id, program) = (Ref::new('i', 1), Ref::new('p', 1));
    Invocation {
        id,
        program,
        argv,
        cwd: Bytes::default(),
        runs: 1,
        failed: 0,
        commands: BTreeSet::new(),
        known: Known::Traced,
        says: Vec::new(),
    }
}

pub(super) fn journal(id: &str, programs: Vec<Program>) -> Journal {
    let numbered = |(at, program)| Program { id: Ref::new('p', at + 1), ..program };
    Journal {
        version: VERSION,
        session: Session {
            id: SessionId::parse(id).expect("a name"),
            start: String::new(),
            end: String::new(),
            line: Bytes::default(),
            agent: Some("claude-code".to_owned()),
            agent_version: None,
            model: None,
            recorder: Recorder { name: "test".to_owned(), blind: Vec::new() },
            system: System::parse("x86_64-linux").expect("a system"),
            os: None,
            nix: None,
            nixpkgs: None,
            base: None,
            status: None,
        },
        commands: Vec::new(),
        programs: programs.into_iter().enumerate().map(numbered).collect(),
        invocations: Vec::new(),
        files: Vec::new(),
        flakes: Vec::new(),
        missing: Vec::new(),
        libraries: Vec::new(),
        headers: Vec::new(),
        modules: Vec::new(),
        delegated: Vec::new(),
        state: Vec::new(),
        installed: Vec::new(),
        ignored: Vec::new(),
        events: serde_json::from_str::<Events>(r#"{"count":0,"execs":0,"lost":0,"length":0,"sha256":""}"#)
            .expect("events"),
    }
}

pub(super) fn with_lines(mut journal: Journal, lines: &[&str]) -> Journal {
    let numbered = |(at, line): (usize, &&str)| Invocation { id: Ref::new('i', at + 1), ..invocation(line) };
    journal.invocations = lines.iter().enumerate().map(numbered).collect();
    journal
}

pub(super) fn owned(path: &str, package: &str, version: &str) -> Program {
    let owner = Owner { manager: "dpkg".to_owned(), package: package.to_owned(), version: version.to_owned() };
    Program { owner: Some(owner), ..program(path) }
}

pub(super) fn resolved(path: &str, to: &str) -> Program {
    Program { resolved: Some(Bytes::from(to)), ..program(path) }
}

fn script(path: &str, interpreter: &str) -> Program {
    Program { interpreter: Some(Bytes::from(interpreter)), ..program(path) }
}

/// Returns all that a journal comes to, an item a line.
fn shown(requirements: &Requirements) -> Vec<String> {
    let packages = requirements.packages.iter().map(|package| {
        let programs: Vec<&str> = package.programs.iter().map(ProgramName::as_str).collect();
        let seen = package.seen.as_ref().map(|seen| format!(" {seen}")).unwrap_or_default();
        let instead = package.instead.as_ref().map(|instead| format!(" for {}", instead.of)).unwrap_or_default();
        let others: Vec<&str> = package.alternatives.iter().map(AttrPath::as_str).collect();
        let others = if others.is_empty() { String::new() } else { format!(" or {}", others.join(" or ")) };
        format!("{}{instead}{others}{seen} [{}] {}", package.attr, programs.join(" "), package.runs)
    });
    let compiler = requirements.compiler.iter().map(|evidence| format!("compiler {}", evidence.entry));
    let ignored =
        requirements.ignored.iter().map(|ignored| format!("{} ignored: {}", ignored.evidence.entry, ignored.reason));
    let unknown = requirements
        .unrecognized
        .iter()
        .map(|unknown| format!("{} unrecognized: {}", unknown.evidence.entry, unknown.name.to_text()));
    packages.chain(compiler).chain(ignored).chain(unknown).collect()
}

pub(super) fn read(journal: &Journal) -> Vec<String> {
    shown(&resolve(std::slice::from_ref(journal), &Index::new(), &Policy::default()))
}

/// Returns what an ecosystem reads in a command line, when nothing ran: none when it keeps nothing of it.
pub(super) fn ask(ecosystem: &dyn Ecosystem, line: &str) -> Option<String> {
    let journal = with_lines(journal("s", Vec::new()), &[line]);
    let index = Index::new();
    let words = journal.invocations[0].words().expect("text");
    let asked = ecosystem.invocation(&journal.invocations[0], &Context::new(&index, &journal));
    assert!(asked.is_some() || !ecosystem.keeps(&words), "`{line}` is kept and not read");
    let wants = |name: &str, wants: &[Want]| {
        let shown = |want: &Want| {
            format!(" {}{}", want.attr, want.seen.as_ref().map_or(String::new(), |seen| format!("={seen}")))
        };
        (!wants.is_empty()).then(|| name.to_owned() + &wants.iter().map(shown).collect::<String>())
    };
    let asked = asked?;
    let unknown: Vec<&str> = asked.unrecognized.iter().map(String::as_str).collect();
    let unknown = (!unknown.is_empty()).then(|| format!("unrecognized {}", unknown.join(" ")));
    let reasons: Vec<&str> = asked.ignored.iter().copied().collect();
    let reasons = (!reasons.is_empty()).then(|| format!("ignored {}", reasons.join(", ")));
    let parts = [
        wants("wants", &asked.wants),
        wants("installs", &asked.installs),
        wants("tools", &asked.tools),
        unknown,
        reasons,
    ];
    Some(parts.into_iter().flatten().collect::<Vec<_>>().join(" | "))
}

/// Returns what a command line starts: words, or a script; empty for nothing. `own ` is before what is looked for among packages
/// of its own.
pub(super) fn starts_of(ecosystem: &dyn Ecosystem, line: &str) -> String {
    let argv = shlex::split(line).expect("words");
    let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
    let from = |at: usize| argv.get(at..).unwrap_or_default().join(" ");
    let Some(Started { inner, own }) = ecosystem.starts(&argv) else { return String::new() };
    let command = match inner {
        Inner::Words(at) => from(at),
        Inner::Named(name, at) => format!("{name} {}", from(at)).trim_end().to_owned(),
        Inner::Script(script) => format!("script {script}"),
    };
    if own { format!("own {command}") } else { command }
}

/// Returns what one program comes to, when nothing else ran.
pub(super) fn alone(program: Program) -> String {
    read(&journal("s", vec![program])).join(", ")
}
