//! Whether each requirement follows from the journals.
//!
//! The journals are resolved again. What comes out the same is proved. What this program reads otherwise, while evidence
//! and attr still have to do with each other, is drift: another index or another version of the program wrote the document.
//! What no evidence explains is an error.

use std::collections::{BTreeMap, BTreeSet};

use super::super::{Finding, finding::Code};
use super::{FOLDER, Lines, inputs};
use crate::ecosystems;
use crate::event::Bytes;
use crate::event::Status;
use crate::index::{Index, normalized, unversioned};
use crate::journal::{Command, Invocation, Journal, Part, Program, ProjectFile, SessionId};
use crate::nix::AttrPath;
use crate::policy::Policy;
use crate::requirements::{
    Check, CheckLine, Document, Evidence, Lock, NEEDS_WORK, Outputs, Requirement, Requirements, Step,
};

/// The most findings of one kind that are told one by one.
const MOST: usize = 50;

/// What the findings are about.
struct Matter<'a> {
    index: &'a Index,
    /// Entries of the journals.
    programs: BTreeMap<Evidence, &'a Program>,
    invocations: BTreeMap<Evidence, &'a Invocation>,
    commands: BTreeMap<Evidence, &'a Command>,
    journals: &'a [Journal],
    /// What the journals require, as this program reads them.
    fresh: Requirements,
    /// Where each of their checks is among them, by folder and line.
    places: BTreeMap<(CheckLine, CheckLine), usize>,
    /// The packages that it gives each evidence.
    wanted: BTreeMap<Evidence, Vec<AttrPath>>,
    lines: &'a Lines,
}

/// Judges what is required.
pub(super) fn judge(
    document: &Document,
    journals: &[Journal],
    policy: &Policy,
    index: &Index,
    lines: &Lines,
) -> Vec<Finding> {
    let matter = Matter::new(journals, policy, index, lines);
    let requirements = &document.requirements;
    let mut findings = Vec::new();
    requirements.packages.iter().for_each(|package| findings.extend(matter.package(package)));
    findings.extend(inputs::judge(requirements, &matter.fresh, lines));
    findings.extend(matter.compiler(requirements));
    requirements.checks.iter().for_each(|check| findings.extend(matter.check(check)));
    findings.extend(matter.systems(requirements));
    findings.extend(matter.unfree(requirements));
    findings.extend(matter.outputs(requirements));
    findings.extend(matter.missing(requirements));
    let path = format!("{FOLDER}/requirements.json");
    for finding in findings.iter_mut().filter(|finding| finding.path.is_none()) {
        finding.path = Some(path.clone());
    }
    findings.truncate(MOST * 4);
    findings
}

/// Says which attrs have names near to one.
pub(super) fn near(finding: Finding, index: &Index, attr: &AttrPath) -> Finding {
    let near = index.near(attr.as_str());
    if near.is_empty() { finding } else { finding.help(format!("near to it are: {}", near.join(", "))) }
}

/// Returns what makes a check the same.
fn key(check: &Check) -> (CheckLine, CheckLine) {
    (check.folder.clone(), check.line.clone())
}

fn entry(session: &SessionId, id: &crate::journal::Ref) -> Evidence {
    Evidence { session: session.clone(), entry: id.clone() }
}

impl<'a> Matter<'a> {
    fn new(journals: &'a [Journal], policy: &Policy, index: &'a Index, lines: &'a Lines) -> Self {
        let (mut programs, mut invocations, mut commands) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        for journal in journals {
            let id = &journal.session.id;
            programs.extend(journal.programs.iter().map(|it| (entry(id, &it.id), it)));
            invocations.extend(journal.invocations.iter().map(|it| (entry(id, &it.id), it)));
            commands.extend(journal.commands.iter().map(|it| (entry(id, &it.id), it)));
        }
        let fresh = ecosystems::resolve(journals, index, policy);
        let mut wanted: BTreeMap<Evidence, Vec<AttrPath>> = BTreeMap::new();
        for package in &fresh.packages {
            for evidence in &package.evidence {
                wanted.entry(evidence.clone()).or_default().push(package.attr.clone());
            }
        }
        let places = fresh.checks.iter().enumerate().map(|(at, check)| (key(check), at)).collect();
        Self { index, programs, invocations, commands, journals, fresh, places, wanted, lines }
    }

    fn at(&self, finding: Finding, line: Option<u32>) -> Finding {
        match line {
            Some(line) => finding.at(&self.lines.path, Some(line)),
            None => finding,
        }
    }

    /// Judges a package: its attr, each evidence, and what is said of it.
    fn package(&self, package: &Requirement) -> Vec<Finding> {
        let attr = &package.attr;
        let at = |finding: Finding| self.at(finding, self.lines.package(attr));
        let mut findings = Vec::new();
        if self.index.attr(attr).is_none() {
            let finding = Finding::error(Code::AttrUnknown, format!("the index has no `{attr}`"));
            findings.push(at(near(finding, self.index, attr)));
        }
        let fresh = self.fresh.packages.iter().find(|fresh| fresh.attr == *attr);
        if package.evidence.is_empty() {
            if !fresh.is_some_and(|fresh| fresh.evidence.is_empty() && fresh.policy == package.policy) {
                let what = format!("`{attr}` has no evidence, and the policy that counts does not keep it");
                findings.push(at(Finding::error(Code::RequirementWithoutEvidence, what)));
            }
            return findings;
        }
        let mut drifts = BTreeSet::new();
        for evidence in &package.evidence {
            if fresh.is_some_and(|fresh| fresh.evidence.contains(evidence)) {
                continue;
            }
            match self.explain(attr, evidence) {
                Ok(chosen) => drifts.extend(chosen),
                Err(why) => {
                    let what = format!("nothing shows that `{attr}` is needed: {why}");
                    findings.push(at(Finding::error(Code::RequirementWithoutEvidence, what)));
                }
            }
        }
        if !findings.is_empty() {
            return findings;
        }
        if !drifts.is_empty() {
            let chosen = drifts.into_iter().collect::<Vec<_>>().join(", ");
            let what = format!("for what needs `{attr}` this program chooses {chosen}");
            findings.push(at(Finding::note(Code::Drift, what).help("`agent-capture render` chooses anew")));
        } else if let Some(fresh) = fresh {
            findings.extend(self.compare(package, fresh).map(at));
        }
        findings
    }

    /// Compares what is said of a package with what its evidence says.
    fn compare(&self, package: &Requirement, fresh: &Requirement) -> Option<Finding> {
        let attr = &package.attr;
        if package.evidence == fresh.evidence {
            if (package.runs, package.known) != (fresh.runs, fresh.known) {
                let what = format!(
                    "of `{attr}` it says {} runs, {:?}; the journals say {}, {:?}",
                    package.runs, package.known, fresh.runs, fresh.known
                );
                return Some(Finding::error(Code::EvidenceDiffers, what));
            }
            if (package.builds, package.library) != (fresh.builds, fresh.library) {
                let what =
                    format!("of `{attr}` it says another use than the journals: what it is built with, or a library");
                return Some(Finding::error(Code::EvidenceDiffers, what));
            }
            let same =
                package.programs == fresh.programs && package.policy == fresh.policy && package.seen == fresh.seen;
            let what = format!("of `{attr}` this program says other programs, another version or another choice");
            return (!same).then(|| Finding::note(Code::Drift, what));
        }
        let what = format!("the journals have more evidence for `{attr}` than the requirements name");
        Some(Finding::note(Code::Drift, what).help("`agent-capture render` counts it"))
    }

    /// Returns what this program chooses for an evidence that may stand for an attr; an error when it cannot.
    fn explain(&self, attr: &AttrPath, evidence: &Evidence) -> Result<BTreeSet<String>, String> {
        let Evidence { session, entry } = evidence;
        let names = match (self.programs.get(evidence), self.invocations.get(evidence)) {
            (Some(program), _) if program.is_used() => self.names(program),
            (_, Some(call)) if call.is_used() => self.words(session, call),
            (Some(_), _) | (_, Some(_)) => return Err(format!("no run of entry {entry} of `{session}` ended well")),
            _ => match self.part(evidence) {
                Some(part) => [Some(part.name.into_owned()), part.owner.map(|owner| owner.package.clone())]
                    .into_iter()
                    .flatten()
                    .collect(),
                None => return Err(format!("no journal has the entry {entry} of `{session}`")),
            },
        };
        if !self.is_plausible(attr, &names) {
            let names: Vec<String> = names.into_iter().take(3).collect();
            return Err(format!("entry {entry} of `{session}` is of {}", names.join(", ")));
        }
        let chosen = self.wanted.get(evidence).into_iter().flatten().map(|attr| format!("`{attr}`"));
        let chosen: BTreeSet<String> = chosen.collect();
        Ok(if chosen.is_empty() { BTreeSet::from(["no package".to_owned()]) } else { chosen })
    }

    /// Returns the library, header or module that an evidence is.
    fn part(&self, evidence: &Evidence) -> Option<Part<'a>> {
        let journal = self.journals.iter().find(|journal| journal.session.id == evidence.session)?;
        journal.part(&evidence.entry)
    }

    /// Returns the names under which a program and what it is of are known.
    fn names(&self, program: &Program) -> BTreeSet<String> {
        let paths = [Some(&program.path), program.resolved.as_ref(), program.interpreter.as_ref()];
        let text = |path: &Bytes| path.to_text().into_owned();
        let mut names: BTreeSet<String> = BTreeSet::new();
        for path in paths.into_iter().flatten().map(text) {
            let name = path.rsplit('/').next().unwrap_or_default().to_owned();
            names.extend(unversioned(&name).map(str::to_owned));
            names.insert(name);
            // `/nix/store/<hash>-<name>-<version>/bin/x`
            let store = path.strip_prefix("/nix/store/").and_then(|rest| rest.split('/').next()?.split_once('-'));
            names.extend(store.map(|(_, name)| name.trim_end_matches(|c: char| "0123456789.-".contains(c)).to_owned()));
        }
        names.extend(program.owner.as_ref().map(|owner| owner.package.clone()));
        names
    }

    /// Returns the words of a command line that may name a package.
    fn words(&self, session: &SessionId, call: &Invocation) -> BTreeSet<String> {
        let program = self.programs.get(&entry(session, &call.program));
        let mut names = program.map(|program| self.names(program)).unwrap_or_default();
        for word in call.argv.iter().map(|word| word.to_text().into_owned()) {
            let parts = word.split(|c: char| !(c.is_ascii_alphanumeric() || "._-+".contains(c)));
            names.extend(parts.filter(|part| !part.is_empty()).map(str::to_owned));
            names.insert(word);
        }
        names
    }

    /// Returns whether an attr has to do with one of these names.
    fn is_plausible(&self, attr: &AttrPath, names: &BTreeSet<String>) -> bool {
        let pname = self.index.attr(attr).and_then(|attr| attr.pname);
        let own = [attr.names().last(), attr.names().next(), pname].into_iter().flatten();
        let own: BTreeSet<String> =
            own.flat_map(|name| [Some(name), unversioned(name)]).flatten().map(normalized).collect();
        names.iter().any(|name| {
            own.contains(&normalized(name))
                || self.index.called(attr, name).is_some()
                || self.index.candidates(name).any(|candidate| candidate == *attr)
                || self.index.debian(name).as_ref() == Some(attr)
                || self.index.python_module(name).as_ref() == Some(attr)
                || self.index.soname(name).as_ref() == Some(attr)
                || self.index.header(name).as_ref() == Some(attr)
        })
    }

    fn compiler(&self, requirements: &Requirements) -> Vec<Finding> {
        let is_compiler = |evidence: &Evidence| {
            let names = self.programs.get(evidence).filter(|program| program.is_used()).map(|it| self.names(it));
            names.is_some_and(|names| names.iter().any(|name| self.index.stdenv(name).is_some()))
        };
        let wrong = requirements
            .compiler
            .iter()
            .filter(|evidence| !self.fresh.compiler.contains(evidence) && !is_compiler(evidence));
        let tell = |Evidence { session, entry }: &Evidence| {
            let what = format!("entry {entry} of `{session}` is no compiler that ran");
            Finding::error(Code::RequirementWithoutEvidence, what)
        };
        wrong.take(MOST).map(tell).collect()
    }

    /// Judges a check: the very command ended well, or the policy adds it.
    fn check(&self, check: &Check) -> Vec<Finding> {
        let name = check.name.as_str();
        let at = |finding: Finding| self.at(finding, self.lines.check(name));
        let fresh = self.places.get(&key(check)).and_then(|at| self.fresh.checks.get(*at));
        if let Some(finding) = self.besides(check) {
            return vec![at(finding)];
        }
        if fresh.is_some_and(|fresh| {
            (&fresh.before, &fresh.locks, &fresh.makes) != (&check.before, &check.locks, &check.makes)
        }) {
            let what = format!("this program does something else before or after the check `{name}`");
            return vec![at(Finding::note(Code::Drift, what).help("`agent-capture render` chooses anew"))];
        }
        if fresh.is_some_and(|fresh| check.evidence == fresh.evidence) {
            let renamed = fresh.filter(|fresh| fresh.name != check.name);
            let drift = |fresh: &Check| {
                at(Finding::note(Code::Drift, format!("this program calls `{name}` `{}`", fresh.name.as_str())))
            };
            return renamed.map(drift).into_iter().collect();
        }
        let is = |bytes: &Bytes, text: &str| bytes.as_str() == Some(text);
        let ran = |command: &&Command| {
            is(&command.line, check.line.as_str())
                && is(&command.cwd, check.folder.as_str())
                && command.status.is_some_and(Status::is_success)
                && !command.incomplete
        };
        let proved = |evidence: &Evidence| self.commands.get(evidence).copied().filter(ran).is_some();
        if check.evidence.is_empty() || !check.evidence.iter().all(proved) {
            let what = format!("no command of the journals and no policy that counts is the check `{name}`");
            return vec![at(Finding::error(Code::CheckWithoutEvidence, what))];
        }
        let what = match fresh {
            Some(_) => format!("the journals have more evidence for the check `{name}` than the requirements name"),
            None => format!("this program would not make `{name}` a check"),
        };
        vec![at(Finding::note(Code::Drift, what).help("`agent-capture render` chooses anew"))]
    }

    /// Judges what runs before a check, and the lock files that it is given.
    fn besides(&self, check: &Check) -> Option<Finding> {
        let name = check.name.as_str();
        let shows = |step: &Step, evidence: &Evidence| {
            self.commands.get(evidence).is_some_and(|command| ecosystems::shows(command, step))
        };
        let unseen =
            |step: &&Step| step.evidence.is_empty() || !step.evidence.iter().all(|evidence| shows(step, evidence));
        if let Some(step) = check.before.iter().find(unseen) {
            let what = format!("no command of the journals is `{}`, before the check `{name}`", step.line.as_str());
            return Some(Finding::error(Code::CheckWithoutEvidence, what));
        }
        let files = || self.journals.iter().flat_map(|journal| &journal.files);
        let has = |lock: &&Lock| {
            let path = lock.path();
            let is = |file: &ProjectFile| file.path == path && file.found == lock.hash;
            files().any(|file| is(file) && file.keeps.is_some_and(|keeps| keeps.unhashed == 0))
        };
        let lock = check.locks.iter().find(|lock| !has(lock))?;
        let hash = lock.hash.as_ref().map(|hash| format!(" with the hash {hash}")).unwrap_or_default();
        let what = format!("no journal has the lock file `{}`{hash}, which the check `{name}` is given", lock.path());
        Some(Finding::error(Code::CheckWithoutEvidence, what))
    }

    fn systems(&self, requirements: &Requirements) -> Vec<Finding> {
        let more = requirements.systems.difference(&self.fresh.systems);
        let tell = |system| {
            let what = format!("no session ran on {system}, and the policy that counts does not add it");
            self.at(Finding::error(Code::SystemWithoutEvidence, what), self.lines.systems())
        };
        more.map(tell).collect()
    }

    /// Says which unfree packages the flake allows and the policy does not.
    fn unfree(&self, requirements: &Requirements) -> Option<Finding> {
        let more: Vec<&str> = requirements.unfree.difference(&self.fresh.unfree).map(String::as_str).collect();
        let what = || format!("the policy that counts does not allow what is not free: {}", more.join(", "));
        (!more.is_empty()).then(|| Finding::error(Code::UnfreePackage, what()))
    }

    /// Says which images, machines and other files the policy does not ask for.
    fn outputs(&self, requirements: &Requirements) -> Option<Finding> {
        let Outputs { image, machines, envrc } = &requirements.outputs;
        let fresh = &self.fresh.outputs;
        let more = (*image && !fresh.image)
            || (*envrc && !fresh.envrc)
            || machines.iter().any(|(session, system)| fresh.machines.get(session) != Some(system));
        if more {
            let what = "the policy that counts does not ask for all images, machines and .envrc that are required";
            return Some(Finding::error(Code::OutputWithoutPolicy, what));
        }
        let drift = || Finding::note(Code::Drift, "the policy asks for more outputs than are required");
        (requirements.outputs != *fresh).then(|| drift().help("`agent-capture render` adds them"))
    }

    /// Says what the journals need and the document lacks.
    fn missing(&self, requirements: &Requirements) -> Vec<Finding> {
        let has: BTreeSet<&AttrPath> = requirements.packages.iter().map(|package| &package.attr).collect();
        let used: BTreeSet<&Evidence> = requirements.packages.iter().flat_map(|package| &package.evidence).collect();
        let lacks = |fresh: &&Requirement| {
            !has.contains(&fresh.attr) && !fresh.evidence.iter().any(|evidence| used.contains(evidence))
        };
        let package = |fresh: &Requirement| {
            let what = format!("the journals need `{}`, which is not required", fresh.attr);
            Finding::warning(Code::RequirementMissing, what).help("`agent-capture render` adds it")
        };
        let left_out: BTreeSet<&Evidence> = requirements
            .unchecked
            .iter()
            .filter(|unchecked| unchecked.reason == NEEDS_WORK)
            .map(|unchecked| &unchecked.evidence)
            .collect();
        let there: BTreeSet<(CheckLine, CheckLine)> = requirements.checks.iter().map(key).collect();
        let lacks_check = |fresh: &&Check| {
            !there.contains(&key(fresh)) && !fresh.evidence.iter().any(|evidence| left_out.contains(evidence))
        };
        let check = |fresh: &Check| {
            let what = format!("the command of the check `{}` is not checked", fresh.name.as_str());
            Finding::warning(Code::CheckMissing, what).help("`agent-capture render` adds it; a policy may drop it")
        };
        let packages = self.fresh.packages.iter().filter(lacks).take(MOST).map(package);
        packages.chain(self.fresh.checks.iter().filter(lacks_check).take(MOST).map(check)).collect()
    }
}
