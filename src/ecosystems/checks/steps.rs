//! What the sessions ran to make a folder ready for a check: `cmake -B build`, and `cmake --build build` before `ctest`.

use std::collections::{BTreeMap, BTreeSet};

use super::place::{join, leaves, words};
use crate::ecosystems::stage;
use crate::event::Status;
use crate::journal::{Command, Outcome};
use crate::requirements::{CheckLine, Evidence, Step};
use crate::shell::{Folder, Line, Run, Says, Simple, Word};

/// The most steps before a check.
const MOST: usize = 12;

/// What a command of a builder does to a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// The folder, relative to where it runs; empty for that.
    pub folder: String,
    /// The state in which it must be before.
    pub needs: Option<State>,
    /// Whether it cannot be in that state from the beginning: build folders are not committed.
    pub must: bool,
    /// The state in which it is afterwards.
    pub gives: Option<State>,
}

/// How far a folder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// The builder knows what to build.
    Configured,
    /// It is built.
    Built,
}

/// A command of a line that brings a folder into a state.
pub(super) struct Prepares {
    /// Its number among all commands of all sessions.
    at: usize,
    stage: Stage,
    /// Where it runs.
    folder: String,
    step: Step,
    /// Why the sandbox cannot have it.
    not: Option<&'static str>,
}

/// All that brought folders into a state, of all sessions in order.
pub(super) struct Preparations {
    all: Vec<Prepares>,
    /// Their numbers, by the state and the folder from the root.
    by_place: BTreeMap<(State, String), Vec<usize>>,
}

/// A command of a line as a step has it.
struct Spelled {
    line: CheckLine,
    /// Below the root.
    folder: String,
    words: Vec<String>,
    /// Whether all that is assigned for it is in the line.
    whole: bool,
}

/// Returns what a command does to folders, however its line joins it: a step is only a way to a check, which decides.
pub(super) fn of(at: usize, command: &Command, line: &Line, evidence: &Evidence) -> Vec<Prepares> {
    let ended_well = command.status.is_some_and(Status::is_success) && command.outcome == Outcome::Ran;
    if !ended_well || command.incomplete {
        return Vec::new();
    }
    let prepares = |Spelled { line, folder, words, whole }: Spelled| {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let stage = stage(&words)?;
        let place = CheckLine::parse(&folder)?;
        let step = Step { line, folder: place, evidence: BTreeSet::from([evidence.clone()]) };
        let not = match (command.network, whole) {
            (true, _) => Some("what made its build folder ready reached the network"),
            (false, false) => Some("what made its build folder ready was given variables that only its shell knew"),
            (false, true) => None,
        };
        Some(Prepares { at, stage, folder, step, not })
    };
    let gives = |words: &[&str]| stage(words).is_some_and(|stage| stage.gives.is_some());
    spelled(command, line, &gives).into_iter().filter_map(prepares).collect()
}

/// Returns those commands of a line whose words are wanted as they are written into a step, with what is assigned for them.
/// What names the machine, or what only the shell knows, is left out.
fn spelled(command: &Command, line: &Line, wanted: &dyn Fn(&[&str]) -> bool) -> Vec<Spelled> {
    let Some(cwd) = command.cwd.as_str() else { return Vec::new() };
    let spell = |run: Run| {
        let folder = match &run.folder {
            Folder::Same => join(cwd, "")?,
            Folder::At(folder) => join(cwd, folder)?,
            Folder::Unknown => return None,
        };
        let simple = Simple { words: run.words, others: Vec::new() };
        let plain = run.says > Says::Maybe && simple.words.iter().all(|word| word.literal);
        if !plain || leaves(&folder, &simple) {
            return None;
        }
        let words = words(&simple);
        // What a wrapper runs comes by itself, with what the wrapper assigns.
        if words.len() < simple.words.len() || !wanted(&words) {
            return None;
        }
        let assigned: Vec<&Word> = run.assigned.iter().filter(|word| !word.text.starts_with("PATH=")).collect();
        let written: Option<Vec<String>> = assigned.iter().map(|word| assignment(word, &folder)).collect();
        let whole = written.is_some();
        let command = shlex::try_join(words.iter().copied()).ok()?;
        let line = written.into_iter().flatten().chain([command]).collect::<Vec<_>>().join(" ");
        let words = words.into_iter().map(str::to_owned).collect();
        Some(Spelled { line: CheckLine::parse(&line)?, folder, words, whole })
    };
    line.programs().unwrap_or_default().into_iter().filter_map(spell).collect()
}

/// Returns an assignment as it is written before a command; none when only the shell knew it or it names the machine.
fn assignment(word: &Word, folder: &str) -> Option<String> {
    let (name, value) = word.text.split_once('=').filter(|_| word.literal)?;
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let simple = Simple { words: Vec::new(), others: vec![word.clone()] };
    let value = CheckLine::parse(value).and_then(|_| Some(shlex::try_quote(value).ok()?.into_owned()));
    (is_name && !leaves(folder, &simple)).then(|| value.map(|value| format!("{name}={value}"))).flatten()
}

/// Returns whether a command ran this step.
pub fn shows(command: &Command, step: &Step) -> bool {
    let line = command.line.as_str().map(Line::new);
    line.is_some_and(|line| {
        spelled(command, &line, &|_| true)
            .iter()
            .any(|it| it.whole && it.line == step.line && it.folder == step.folder.as_str())
    })
}

impl Preparations {
    pub(super) fn new(all: Vec<Prepares>) -> Self {
        let mut by_place: BTreeMap<(State, String), Vec<usize>> = BTreeMap::new();
        for (number, Prepares { stage, folder, .. }) in all.iter().enumerate() {
            if let Some(place) = stage.gives.zip(join(folder, &stage.folder)) {
                by_place.entry(place).or_default().push(number);
            }
        }
        Self { all, by_place }
    }

    /// Returns the numbers of what brings a folder into a state.
    fn giving(&self, state: State, place: &str) -> &[usize] {
        self.by_place.get(&(state, place.to_owned())).map_or(&[], Vec::as_slice)
    }
}

/// Returns the steps before a check that is the command number `at`, whose commands are these; an error when its folder was
/// not made ready in any session.
pub(super) fn before(
    at: usize,
    commands: &[(String, &Simple)],
    known: &Preparations,
) -> Result<Vec<Step>, &'static str> {
    let (mut steps, mut ready) = (Vec::new(), BTreeSet::new());
    for (folder, simple) in commands {
        let Some(stage) = stage(&words(simple)) else { continue };
        let place = join(folder, &stage.folder).ok_or("it names a path outside the project")?;
        if !ready.contains(&(place.clone(), stage.needs)) {
            need(&stage, &place, at, known, &mut steps)?;
        }
        ready.extend([Some(State::Configured), stage.gives].map(|state| (place.clone(), state)));
    }
    let mut before: Vec<Step> = Vec::new();
    for at in steps {
        let step: &Step = &known.all[at].step;
        match before.iter_mut().find(|other| other.line == step.line && other.folder == step.folder) {
            Some(other) => other.evidence.extend(step.evidence.iter().cloned()),
            None => before.push(step.clone()),
        }
    }
    if before.len() > MOST { Err("too much was done before it") } else { Ok(before) }
}

/// Collects the numbers of what brought a folder into the state that a stage needs.
fn need(
    stage: &Stage,
    place: &str,
    at: usize,
    known: &Preparations,
    steps: &mut Vec<usize>,
) -> Result<(), &'static str> {
    let Some(state) = stage.needs else { return Ok(()) };
    let mut giving = known.giving(state, place).iter().copied().filter(|number| known.all[*number].at < at);
    let found: Vec<usize> = match state {
        State::Configured => giving.collect(),
        State::Built => giving.next_back().into_iter().collect(),
    };
    if found.is_empty() && stage.must {
        return Err("no session made its build folder ready");
    }
    for number in found {
        let prepares = &known.all[number];
        if let Some(reason) = prepares.not {
            return Err(reason);
        }
        need(&prepares.stage, place, prepares.at, known, steps)?;
        if !steps.contains(&number) {
            steps.push(number);
        }
    }
    Ok(())
}
