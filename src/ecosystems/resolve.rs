//! Journals → [`Requirements`].

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::draft::{Draft, Entry, Package};
use super::{
    ALL, Asked, Context, Reading, Want, aside, checks, families, imports, inner, install, libraries, paths, python,
};
use crate::event::Bytes;
use crate::index::Index;
use crate::journal::{Journal, Known, Program, Ref};
use crate::nix::AttrPath;
use crate::policy::{OutputChoice, Policy};
use crate::requirements::{Check, Evidence, Outputs, ProgramName, Requirements};

/// Reason for what the standard environment has.
const STANDARD: &str = "the standard environment has it";

/// Returns what these journals require. The order of the journals does not matter; every program of every journal is
/// evidence of a package or of the compiler, or is ignored, or is unrecognized. Attrs of the policy that the index does not
/// have are passed over: [`unknown`] tells them.
pub fn resolve(journals: &[Journal], index: &Index, policy: &Policy) -> Requirements {
    let journals: Vec<Cow<Journal>> = journals.iter().map(placed).collect();
    let mut journals: Vec<&Journal> = journals.iter().map(AsRef::as_ref).collect();
    journals.sort_by(|a, b| a.session.id.cmp(&b.session.id));
    let mut draft = Draft::new(index);
    let asked: Vec<_> = journals.iter().flat_map(|journal| draft.journal(journal, policy)).collect();
    draft.installs(asked);
    draft.one_version();
    draft.beside_libraries();
    draft.policy(policy);
    draft.refuse(policy);
    let without = std::mem::take(&mut draft.without);
    let provided = |name: &ProgramName| draft.packages.values().any(|package| package.programs.contains(name));
    let locked: BTreeSet<ProgramName> = std::mem::take(&mut draft.locked);
    let locked: Vec<ProgramName> = locked.into_iter().filter(|name| !provided(name)).collect();
    let mut requirements = draft.finish();
    requirements.systems = journals.iter().map(|journal| journal.session.system.clone()).collect();
    requirements.systems.extend(policy.systems.iter().cloned());
    requirements.outputs = outputs(&journals, policy);
    (requirements.checks, requirements.unchecked) =
        checks::read(&journals, policy, &|journal, argv| inner(argv, index, journal));
    let reasons = [
        (Vec::from_iter(without), "nixpkgs refuses the package of its program"),
        (locked, "the project's lock file keeps its program"),
    ];
    for (programs, reason) in reasons {
        let lacks = |check: &&Check| programs.iter().any(|program| checks::runs(check.line.as_str(), program.as_str()));
        let names = requirements.checks.iter().filter(lacks).map(|check| check.name.as_str().to_owned()).collect();
        requirements.leave_out(&names, reason);
    }
    requirements
}

/// Returns what the policy asks to be made of the packages. Images and machines are those of Linux.
fn outputs(journals: &[&Journal], policy: &Policy) -> Outputs {
    let OutputChoice { image, vm, envrc } = policy.outputs;
    let sessions = journals.iter().map(|journal| &journal.session).filter(|session| vm && session.system.is_linux());
    Outputs { image, envrc, machines: sessions.map(|it| (it.id.clone(), it.system.clone())).collect() }
}

/// Returns the journal with names of claimed programs as paths: a name is one that PATH finds, in a folder for programs.
fn placed(journal: &Journal) -> Cow<'_, Journal> {
    let is_name = |program: &&mut Program| {
        program.known == Known::Claimed && program.path.as_str().is_some_and(|path| !path.contains('/'))
    };
    let mut journal = Cow::Borrowed(journal);
    if journal.programs.iter().any(|program| program.known == Known::Claimed) {
        for program in journal.to_mut().programs.iter_mut().filter(is_name) {
            program.path = Bytes::from([b"/bin/", program.path.as_slice()].concat());
        }
    }
    journal
}

/// An attr of the policy that the index does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// The attr.
    pub attr: AttrPath,
    /// Attrs with names near to it, nearest first.
    pub near: Vec<String>,
}

/// Returns the attrs of the policy that the index does not have.
pub fn unknown(policy: &Policy, index: &Index) -> Vec<Unknown> {
    let attrs = policy.attrs().into_iter().filter(|attr| index.attr(attr).is_none());
    attrs.map(|attr| Unknown { attr: attr.clone(), near: index.near(attr.as_str()) }).collect()
}

/// What a command line installs.
struct Installed {
    entry: Entry,
    installs: Vec<Want>,
    tools: Vec<Want>,
    python: Option<families::Choice>,
}

impl Draft<'_> {
    /// Reads a journal; returns what its command lines install, which is placed when all that ran is known.
    fn journal(&mut self, journal: &Journal, policy: &Policy) -> Vec<Installed> {
        let mut context = Context::new(self.index, journal);
        let entry = |id: &Ref, runs, known, is_program| {
            let evidence = Evidence { session: journal.session.id.clone(), entry: id.clone() };
            Entry { evidence, runs, known, is_program }
        };
        let mut lines = Vec::new();
        for invocation in &journal.invocations {
            let entry = entry(&invocation.id, invocation.runs, invocation.known, false);
            if let Some(reason) = passed_over(invocation.is_used(), entry.known, policy) {
                self.ignore(&entry, reason);
                continue;
            }
            let asked = ALL.iter().find_map(|ecosystem| ecosystem.invocation(invocation, &context));
            match asked {
                Some(asked) => lines.push((entry, asked)),
                None => {
                    self.unrecognized(&entry, invocation.argv.first().cloned().unwrap_or_default());
                }
            }
        }
        let all = lines
            .iter()
            .flat_map(|(_, asked): &(Entry, Asked)| asked.wants.iter().chain(&asked.installs).chain(&asked.tools));
        self.python = python::chosen(self.index, journal, &all.collect::<Vec<_>>());
        context.asked = lines
            .iter()
            .flat_map(|(_, asked)| &asked.wants)
            .filter(|want| !want.builds)
            .map(|want| want.attr.clone())
            .collect();
        let mut owners: BTreeMap<&str, BTreeSet<AttrPath>> = BTreeMap::new();
        for program in &journal.programs {
            let entry = entry(&program.id, program.runs, program.known, true);
            if let Some(reason) = passed_over(program.is_used(), entry.known, policy) {
                self.ignore(&entry, reason);
                continue;
            }
            let attrs = self.program(&entry, program, &context);
            if let Some(owner) = &program.owner {
                owners.entry(&owner.package).or_default().extend(attrs);
            }
        }
        for read in libraries::read(journal, &context).into_iter().chain(imports::read(journal, &context)) {
            let entry = entry(&read.id, 0, Known::Traced, false);
            self.place(&entry, read.reading, || Bytes::from(read.name));
        }
        lines.into_iter().map(|(entry, asked)| self.asked(entry, asked, &owners)).collect()
    }

    /// Reads a program; returns the packages that it needs.
    fn program(&mut self, entry: &Entry, program: &Program, context: &Context) -> Vec<AttrPath> {
        let read = || {
            ALL.iter()
                .map(|ecosystem| ecosystem.program(program, context))
                .find(|reading| *reading != Reading::Unrecognized)
        };
        let reading = aside::reason(program, context).map(Reading::Ignored).or_else(read);
        let reading = match reading {
            Some(Reading::Ignored(_)) => reading,
            _ if context.only_installed(program) => Some(Reading::Ignored("it ran only while packages were installed")),
            _ if context.only_provides(program) => Some(Reading::Ignored(install::INSTALLER)),
            _ => reading,
        };
        let reading = match reading.unwrap_or(Reading::Unrecognized) {
            Reading::Wants(wants) => {
                if of_project(program) && wants.iter().all(|want| want.programs.is_empty()) {
                    self.locked.extend(program.name().as_str().and_then(ProgramName::parse));
                }
                let of_project = |want| families::of_project(self.index, context.journal, want);
                Reading::Wants(wants.into_iter().map(of_project).collect())
            }
            reading => reading,
        };
        self.place(entry, reading, || program.name())
    }

    /// Puts an entry where its reading says; returns the packages that it needs.
    fn place(&mut self, entry: &Entry, reading: Reading, name: impl FnOnce() -> Bytes) -> Vec<AttrPath> {
        match reading {
            Reading::Wants(wants) => {
                let (wants, unknown): (Vec<Want>, Vec<Want>) = wants.into_iter().partition(|want| self.has(&want.attr));
                if wants.is_empty() {
                    let name = unknown.first().map_or_else(name, |want| Bytes::from(want.attr.as_str()));
                    self.unrecognized(entry, name);
                }
                return wants.into_iter().map(|want| self.want(entry, want)).collect();
            }
            Reading::Borrows(borrowed) => self.inputs.want(entry, borrowed),
            Reading::Stdenv { compiler: true } => drop(self.compiler.insert(entry.evidence.clone())),
            Reading::Stdenv { compiler: false } => self.ignore(entry, STANDARD),
            Reading::Ignored(reason) => self.ignore(entry, reason),
            Reading::Unrecognized => self.unrecognized(entry, name()),
        }
        Vec::new()
    }

    fn asked(&mut self, entry: Entry, asked: Asked, owners: &BTreeMap<&str, BTreeSet<AttrPath>>) -> Installed {
        for want in asked.wants {
            if self.has(&want.attr) {
                self.want(&entry, want);
            } else {
                self.unrecognized(&entry, Bytes::from(want.attr.as_str()));
            }
        }
        asked.borrowed.into_iter().for_each(|borrowed| self.inputs.want(&entry, borrowed));
        for package in asked.packages {
            match owners.get(package.as_str()).filter(|attrs| !attrs.is_empty()) {
                Some(attrs) => attrs.iter().for_each(|attr| drop(self.want(&entry, Want::new(attr.clone())))),
                None => self.ignore(&entry, "installed, and its programs need no package"),
            }
        }
        asked.ignored.into_iter().for_each(|reason| self.ignore(&entry, reason));
        asked.unrecognized.into_iter().for_each(|name| self.unrecognized(&entry, Bytes::from(name)));
        Installed { entry, installs: asked.installs, tools: asked.tools, python: self.python.clone() }
    }

    /// Places what was installed: with the package of the same name a program of which ran, when there is one; else as it is
    /// asked for, unless it is wanted only for its programs.
    fn installs(&mut self, asked: Vec<Installed>) {
        let pname = |attr: &AttrPath| self.index.attr(attr).and_then(|attr| attr.pname);
        let ran =
            self.packages.iter().filter(|(attr, package)| attr.names().count() == 1 && !package.programs.is_empty());
        let mut ran: BTreeMap<&str, AttrPath> =
            ran.filter_map(|(attr, _)| Some((pname(attr)?, attr.clone()))).collect();
        for Installed { entry, installs, tools, python } in asked {
            self.python = python;
            let installs = installs.into_iter().map(|want| (want, false));
            for (want, is_tool) in installs.chain(tools.into_iter().map(|want| (want, true))) {
                let want = python::of_journal(self.python.as_ref(), want);
                let name = pname(&want.attr);
                let stands =
                    name.and_then(|name| ran.get(name)).filter(|_| !self.packages.contains_key(&want.attr)).cloned();
                let chose = stands.as_ref().filter(|stands| families::chooses(self.index, stands, &want.attr));
                if let Some(stands) = chose {
                    self.packages.remove(stands).map(|package| self.packages.insert(want.attr.clone(), package));
                    name.map(|name| ran.insert(name, want.attr.clone()));
                }
                let attr = stands.clone().filter(|_| chose.is_none()).unwrap_or_else(|| want.attr.clone());
                if is_tool && stands.is_none() && !self.packages.get(&attr).is_some_and(Package::has_program) {
                    self.ignore(&entry, "installed, but nothing of it ran");
                } else if self.has(&attr) {
                    self.want(&entry, Want { attr, ..want });
                } else {
                    self.unrecognized(&entry, Bytes::from(attr.as_str()));
                }
            }
        }
    }
}

/// Returns whether a program is of the packages that the project keeps for itself: one of a folder for programs.
fn of_project(program: &Program) -> bool {
    let keeps = |path: &str| path.contains("virtualenvs/") || paths::is_project(path) && paths::is_bin(path);
    program.path.as_str().is_some_and(keeps)
}

/// Returns why an entry does not count, whatever it is.
fn passed_over(is_used: bool, known: Known, policy: &Policy) -> Option<&'static str> {
    if !is_used {
        return Some("no run of it ended well");
    }
    (policy.traced_only && known == Known::Claimed).then_some(checks::CLAIMED)
}
