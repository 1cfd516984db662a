//! How a summary is made of a report.

use std::collections::{BTreeMap, BTreeSet};

use super::book::{Book, at, text};
use super::flakes;
use super::{
    Aside, CLAIM, CheckRow, Execs, FailureRow, LeftBehind, Missed, Outcome, Package, Proof, Remark, Role, Session,
    Summary, Unchecked, VERSION,
};
use crate::console::escape;
use crate::ecosystems::cross;
use crate::event::Server;
use crate::journal::{Journal, Known, State};
use crate::report::Report;
use crate::report::text::plural;
use crate::requirements::{
    self, Builds, Check, Document, FAILED, Instead, Lock, NEEDS_WORK, Refusal, Refused, Requirement, Requirements,
};
use crate::verification::{Failure, Verification};

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
            index: escape(index),
            packages: self.packages(&book),
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

    fn packages(&self, book: &Book) -> Vec<Package> {
        let Requirements { packages, inputs, .. } = &self.document.requirements;
        let own = packages.iter().map(|package| self.package(package, book));
        own.chain(inputs.iter().flat_map(|input| flakes::packages(self, input, book))).collect()
    }

    fn package(&self, package: &Requirement, book: &Book) -> Package {
        let Requirement { attr, programs, runs, seen, known, evidence, policy, .. } = package;
        let role = match () {
            () if evidence.is_empty() => Role::Policy,
            () if package.library => Role::Library,
            () if package.builds == Some(Builds::Only) => Role::Builds,
            () if attr.as_str().contains("Packages.") => Role::Module,
            () if programs.is_empty() => Role::Asked,
            () => Role::Program,
        };
        let commands = book.commands(evidence);
        let first_command = commands.first().and_then(|at| book.command(at)).map(|command| text(&command.line));
        let version = self.version(attr);
        Package {
            attr: attr.to_string(),
            version: version.map(|(text, _)| escape(text)),
            version_of: version.map(|(_, of)| of),
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
            line: check.command(),
            locks: check.locks.iter().map(Lock::path).collect(),
            commands: book.commands(&check.evidence),
            ..self.check(check.name.as_str())
        };
        let own = |name: &str, line: &str| CheckRow { line: line.to_owned(), own: true, ..self.check(name) };
        let tools = (!requirements.programs().is_empty()).then(|| own("tools", "finds each captured program"));
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
            locks: Vec::new(),
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
        let warnings = self.verification.map(Verification::warnings).unwrap_or_default();
        for finding in self.findings.iter().chain(&warnings) {
            let place = finding.path.clone().unwrap_or_default();
            remark(finding.code.as_str(), place, finding.message.clone());
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
        let mut unknown: Vec<_> = requirements.unrecognized.iter().collect();
        unknown.retain(|it| match flakes::not_captured(self.journals, it) {
            Some(missed) => {
                all.push(missed);
                false
            }
            None => true,
        });
        for it in unknown {
            // A library does not run.
            let runs = if it.runs == 0 { String::new() } else { format!(" ({})", plural(it.runs, "run")) };
            let (what, why) = (escape(&it.name.to_text()), format!("not recognized{runs}"));
            all.push(Missed { what, why, help: cross::cure(&it.name.to_text()) });
        }
        let mut add = |what: String, why: String| {
            all.push(Missed { what: escape(&what), why: escape(&why), help: None });
        };
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
        let mut told = BTreeSet::new();
        all.retain(|missed| told.insert(missed.clone()));
        all
    }

    fn left_behind(&self) -> Vec<LeftBehind> {
        let of = |journal: &Journal| {
            let session = journal.session.id.clone();
            let row = |state: &State| LeftBehind {
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
        let row = |unchecked: &requirements::Unchecked| {
            let at = at(&unchecked.evidence);
            let line = text(&book.command(&at)?.line);
            Some(Unchecked { line, reason: unchecked.reason.clone(), at })
        };
        self.document.requirements.unchecked.iter().filter_map(row).collect()
    }

    /// Returns what the verification proved, one sentence.
    pub(in crate::report) fn proof(&self) -> String {
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
