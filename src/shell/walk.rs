//! A walk through a parsed line.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::rc::Rc;

use brush_parser::ast::{
    AndOr, AndOrList, AssignmentValue, Command, CommandPrefixOrSuffixItem, CompoundCommand, CompoundList,
    CompoundListItem, FunctionDefinition, Pipeline, Program, SeparatorOperator, SimpleCommand, SourceLocation,
};

use super::programs::{Run, Says, Starts};
use super::words::{Text, braces, text};
use super::{LIMIT, Word, parse};
use cost::Cost;
use files::{Output, Place, Written};

mod command;
mod cost;
mod files;

/// How deep scripts in scripts and calls of functions are followed.
const LEVELS: usize = 8;

#[derive(Default)]
pub(super) struct Walk<'a> {
    /// What is known of programs that start others.
    starts: Option<Starts<'a>>,
    runs: Vec<Run>,
    place: Place,
    /// How many folders there were.
    places: usize,
    /// What is assigned for the command, and what is exported.
    assigned: Vec<Word>,
    /// What is assigned for the shell alone.
    variables: Vec<Word>,
    /// Names that are exported, whether or not anything is assigned to them.
    exported: BTreeSet<String>,
    functions: BTreeMap<String, Rc<CompoundCommand>>,
    /// Names that the line made aliases. Whether Bash expands them is told nowhere: they are programs that only the shell knew.
    aliases: BTreeSet<String>,
    /// The text that the command reads as its standard input, where its output goes, and what it hands to the next.
    input: Option<String>,
    output: Output,
    piped: Option<String>,
    /// Files that the line itself writes from here-documents.
    files: Vec<Written>,
    /// What started the command and looks for it among packages of its own.
    through: Option<String>,
    /// `set -e`, `set -o pipefail`.
    exits: bool,
    pipefail: bool,
    level: usize,
    /// How many programs have started one another.
    depth: usize,
    cost: Cost,
    /// Whether something was too deep to be followed.
    too_deep: bool,
}

impl<'a> Walk<'a> {
    pub(super) fn new(starts: Option<Starts<'a>>) -> Self {
        Self { starts, ..Self::default() }
    }

    /// Returns the runs, and whether they are all of the line.
    pub(super) fn into_runs(self) -> (Vec<Run>, bool) {
        (self.runs, !self.cost.is_cut() && !self.too_deep)
    }

    fn text(&mut self, source: &str) -> Text {
        if self.cost.spend(source.len()) { text(source) } else { Text::default() }
    }

    pub(super) fn program(&mut self, program: &Program, says: Says) {
        let items: Vec<&CompoundListItem> = program.complete_commands.iter().flat_map(|list| &list.0).collect();
        self.items(&items, says);
    }

    fn list(&mut self, list: &CompoundList, says: Says) {
        self.items(&list.0.iter().collect::<Vec<_>>(), says);
    }

    fn items(&mut self, items: &[&CompoundListItem], says: Says) {
        for (at, CompoundListItem(list, separator)) in items.iter().enumerate() {
            let says = match separator {
                SeparatorOperator::Async => Says::Maybe,
                SeparatorOperator::Sequence if at + 1 == items.len() || self.exits => says,
                SeparatorOperator::Sequence => says.min(Says::Ran),
            };
            self.and_or(list, says);
        }
    }

    /// Walks `a && b || c`, which Bash reads from the left: what stands before `||` may have failed, unless what follows it
    /// cannot end well either.
    fn and_or(&mut self, list: &AndOrList, says: Says) {
        let first = self.runs.len();
        self.pipeline(&list.first, says);
        for next in &list.additional {
            match next {
                AndOr::And(pipeline) => self.pipeline(pipeline, says),
                AndOr::Or(pipeline) => {
                    if !fails(pipeline) {
                        self.runs[first..].iter_mut().for_each(|run| run.says = Says::Maybe);
                    }
                    let place = self.place.clone();
                    self.pipeline(pipeline, Says::Maybe);
                    self.place = place;
                }
            }
        }
    }

    fn pipeline(&mut self, pipeline: &Pipeline, says: Says) {
        let says = if pipeline.bang { Says::Maybe } else { says };
        let place = (pipeline.seq.len() > 1).then(|| self.place.clone());
        for (at, command) in pipeline.seq.iter().enumerate() {
            let last = at + 1 == pipeline.seq.len();
            self.input = self.piped.take();
            self.command(command, if last || self.pipefail { says } else { says.min(Says::Ran) });
            // Each part of a pipe is a process of its own.
            if let Some(place) = &place {
                self.place.clone_from(place);
            }
        }
        self.piped = None;
    }

    fn command(&mut self, command: &Command, says: Says) {
        if !self.cost.step() {
            return;
        }
        match command {
            Command::Simple(simple) => self.simple(simple, says),
            Command::Compound(compound, redirects) => {
                redirects.iter().flat_map(|list| &list.0).for_each(|redirect| self.redirect(redirect, says));
                self.input = None;
                self.compound(compound, says);
            }
            Command::Function(function) => self.function(function),
            Command::ExtendedTest(..) => {}
        }
    }

    fn function(&mut self, function: &FunctionDefinition) {
        let span = function.body.0.location();
        let bytes = span.map_or(LIMIT, |span| span.end.index.saturating_sub(span.start.index));
        if self.cost.spend(bytes) {
            self.functions.insert(function.fname.value.clone(), Rc::new(function.body.0.clone()));
        }
    }

    fn compound(&mut self, compound: &CompoundCommand, says: Says) {
        match compound {
            CompoundCommand::BraceGroup(group) => self.list(&group.list, says),
            CompoundCommand::Subshell(subshell) => {
                let pipefail = self.pipefail;
                self.aside(|walk| walk.list(&subshell.list, says));
                self.pipefail = pipefail;
            }
            CompoundCommand::ForClause(clause) => {
                let words = clause.values.iter().flatten();
                let texts: Vec<Text> = words.map(|word| self.text(&word.value)).collect();
                let sure = texts.iter().any(|text| text.scripts.is_empty() && !text.shown.starts_with('$'));
                texts.iter().for_each(|text| self.scripts(&text.scripts, says.min(Says::Ran)));
                self.list(&clause.body.list, if sure { says.min(Says::Ran) } else { Says::Maybe });
            }
            CompoundCommand::CaseClause(clause) => {
                let text = self.text(&clause.value.value);
                self.scripts(&text.scripts, says.min(Says::Ran));
                clause.cases.iter().filter_map(|case| case.cmd.as_ref()).for_each(|list| self.list(list, Says::Maybe));
            }
            CompoundCommand::IfClause(clause) => {
                self.list(&clause.condition, Says::Maybe);
                self.list(&clause.then, Says::Maybe);
                for branch in clause.elses.iter().flatten() {
                    branch.condition.iter().for_each(|list| self.list(list, Says::Maybe));
                    self.list(&branch.body, Says::Maybe);
                }
            }
            CompoundCommand::WhileClause(clause) | CompoundCommand::UntilClause(clause) => {
                self.list(&clause.0, Says::Maybe);
                self.list(&clause.1.list, Says::Maybe);
            }
            CompoundCommand::ArithmeticForClause(clause) => self.list(&clause.body.list, Says::Maybe),
            CompoundCommand::Coprocess(coprocess) => self.command(&coprocess.body, Says::Maybe),
            CompoundCommand::Arithmetic(_) => {}
        }
    }

    fn simple(&mut self, command: &SimpleCommand, says: Says) {
        let before = command.prefix.iter().flat_map(|prefix| &prefix.0).map(|item| (true, item));
        let after = command.suffix.iter().flat_map(|suffix| &suffix.0).map(|item| (false, item));
        self.output = Output::Next;
        let mut words: Vec<Text> = command.word_or_name.iter().map(|name| self.text(&name.value)).collect();
        let bare = words.is_empty();
        let mut assigned = Vec::new();
        for (is_before, item) in before.chain(after) {
            match item {
                CommandPrefixOrSuffixItem::IoRedirect(redirect) => self.redirect(redirect, says),
                CommandPrefixOrSuffixItem::AssignmentWord(assignment, word) => {
                    let values = match &assignment.value {
                        AssignmentValue::Scalar(value) => vec![value],
                        AssignmentValue::Array(values) => values.iter().map(|(_, value)| value).collect(),
                    };
                    // The status of a bare assignment is that of its substitution.
                    let says = if bare { says } else { says.min(Says::Ran) };
                    for value in values {
                        let text = self.text(&value.value);
                        self.scripts(&text.scripts, says);
                    }
                    let text = Text { scripts: Vec::new(), ..self.text(&word.value) };
                    let literal = text.literal && matches!(assignment.value, AssignmentValue::Scalar(_));
                    match is_before {
                        true => assigned.push(Word { literal, ..text.word() }),
                        false => words.push(text),
                    }
                }
                CommandPrefixOrSuffixItem::Word(word) => {
                    words.extend(braces(&word.value).iter().map(|word| self.text(word)));
                }
                CommandPrefixOrSuffixItem::ProcessSubstitution(_, subshell) => {
                    self.aside(|walk| walk.list(&subshell.list, says.min(Says::Ran)));
                    words.push(Text::default());
                }
            }
        }
        if bare {
            return self.variables(assigned);
        }
        words.iter().for_each(|word| self.scripts(&word.scripts, says.min(Says::Ran)));
        let exported = self.assigned.len();
        self.assigned.extend(assigned);
        let own = self.assigned.len();
        self.words(&words, says);
        self.copied(&words, says);
        // What `export` and `env` added: of the first the rest of the line hears.
        let added = self.assigned.split_off(own.min(self.assigned.len()));
        self.assigned.truncate(exported);
        self.assigned.extend(added.into_iter().filter(|_| words.first().is_some_and(|word| word.shown == "export")));
    }

    /// Notes assignments that stand alone: programs hear of those whose names are exported.
    fn variables(&mut self, assigned: Vec<Word>) {
        let is_heard = |word: &&Word| self.exported.contains(name(word));
        let heard: Vec<Word> = assigned.iter().filter(is_heard).cloned().collect();
        self.assigned.extend(heard);
        self.variables.extend(assigned);
    }

    /// Follows `export`: `NAME=VALUE`, or a name to which something is assigned before or afterwards.
    fn export(&mut self, words: &[Text]) {
        for word in words.iter().filter(|word| !word.shown.starts_with('-')).map(Text::word) {
            if !self.cost.spend(self.variables.len()) {
                return;
            }
            let held = self.variables.iter().rev().find(|held| name(held) == word.text).cloned();
            self.exported.insert(name(&word).to_owned());
            self.assigned.extend(if word.text.contains('=') { Some(word) } else { held });
        }
    }

    /// Walks scripts that run in a shell of their own.
    fn scripts(&mut self, scripts: &[String], says: Says) {
        for script in scripts {
            self.aside(|walk| walk.script(script, says));
        }
    }

    fn aside(&mut self, walk: impl FnOnce(&mut Self)) {
        if !self.cost.spend(self.assigned.len() + self.variables.len() + self.exported.len()) {
            return;
        }
        let (place, assigned, exits) = (self.place.clone(), self.assigned.clone(), self.exits);
        let (input, output) = (self.input.take(), mem::take(&mut self.output));
        let (variables, exported) = (self.variables.clone(), self.exported.clone());
        walk(self);
        (self.place, self.assigned, self.exits) = (place, assigned, exits);
        (self.variables, self.exported) = (variables, exported);
        (self.input, self.output) = (input, output);
    }

    fn script(&mut self, script: &str, says: Says) {
        if self.level >= LEVELS {
            self.too_deep = true;
        } else if self.cost.spend(script.len()) {
            self.level += 1;
            if let Ok(program) = parse(script) {
                self.program(&program, says);
            }
            self.level -= 1;
        }
    }
}

/// Returns the name of `NAME=VALUE`.
fn name(word: &Word) -> &str {
    word.text.split('=').next().unwrap_or_default()
}

/// Returns whether a pipeline never ends well: `exit 1`, `false`, `{ echo …; exit 1; }`.
fn fails(pipeline: &Pipeline) -> bool {
    let [command] = pipeline.seq.as_slice() else { return false };
    match command {
        Command::Simple(simple) if !pipeline.bang => {
            let name = simple.word_or_name.as_ref().map(|word| word.value.as_str());
            let suffix = simple.suffix.iter().flat_map(|suffix| &suffix.0).find_map(|item| match item {
                CommandPrefixOrSuffixItem::Word(word) => Some(word.value.as_str()),
                _ => None,
            });
            match name {
                Some("false") => true,
                Some("exit" | "return") => {
                    suffix.is_some_and(|status| status.parse::<u8>().is_ok_and(|status| status != 0))
                }
                _ => false,
            }
        }
        Command::Compound(CompoundCommand::BraceGroup(group), _) => group
            .list
            .0
            .last()
            .is_some_and(|CompoundListItem(list, _)| list.additional.is_empty() && fails(&list.first)),
        _ => false,
    }
}
