//! The words of a command: a function, a builtin, or a program, and what that starts.

use brush_parser::ast::CompoundCommand;

use super::super::programs::{Folder, Inner, Run, Says};
use super::super::starts::{self, BUILTINS, SHELLS};
use super::super::words::Text;
use super::files::Place;
use super::{LEVELS, Walk, Word};

/// How many programs that start one another are followed.
const DEPTH: usize = 16;

impl Walk<'_> {
    /// Reads the words of a command.
    pub(super) fn words(&mut self, words: &[Text], says: Says) {
        let Some((first, rest)) = words.split_first() else { return };
        if !self.cost.step() {
            return;
        }
        let name = first.shown.as_str();
        if let Some(body) = self.functions.get(name).cloned() {
            return self.call(&body, says);
        }
        if self.aliases.contains(name) {
            self.input = None;
            return self.run(&[Text::default()], says);
        }
        if BUILTINS.contains(&name) {
            return self.builtin(name, rest, says);
        }
        let at = (!["builtin", "command", "exec"].contains(&name)).then_some(self.runs.len());
        if at.is_some() {
            self.run(words, says);
        }
        self.depth += 1;
        self.too_deep |= self.depth > DEPTH;
        let passes_on = self.depth <= DEPTH && self.started(words, says);
        self.depth -= 1;
        if !passes_on {
            self.named(base(first), words);
        } else if let Some(run) = at.and_then(|at| self.runs.get_mut(at)) {
            run.passes_on = true;
        }
    }

    /// Follows a function.
    fn call(&mut self, body: &CompoundCommand, says: Says) {
        self.input = None;
        if self.level >= LEVELS {
            self.too_deep = true;
            return;
        }
        self.level += 1;
        self.compound(body, says);
        self.level -= 1;
    }

    /// Follows what a program starts. Returns whether its status is that of what it starts.
    fn started(&mut self, words: &[Text], says: Says) -> bool {
        let Some((first, rest)) = words.split_first() else { return false };
        let base = base(first);
        if let Some((script, most)) = self.written(&first.shown).filter(|_| first.shown.contains('/')) {
            self.aside(|walk| walk.script(&script, says.min(most)));
            self.named(base, rest);
            return true;
        }
        if let Some(script) = starts::script(base, rest) {
            self.aside(|walk| walk.script(&script.shown, says));
            return true;
        }
        if let Some(own) = starts::own(base, rest) {
            let says = if starts::MANY.contains(&base) { says.min(Says::Ran) } else { says };
            self.assigned.extend(assignments(&rest[..own]));
            if starts::DEAF.contains(&base) {
                self.input = None;
            }
            let inner = &rest[own..starts::end(base, rest).max(own)];
            match inner {
                [script] if starts::JOIN.contains(&base) => self.aside(|walk| walk.script(&script.shown, says)),
                inner => self.words(inner, says),
            }
            return true;
        }
        if SHELLS.contains(&base) {
            self.shell(rest, says);
            return true;
        }
        if ["find", "fd", "fdfind"].contains(&base) {
            self.found(base, rest, says.min(Says::Ran));
            return false;
        }
        self.known(base, words, says)
    }

    /// Follows what only those know who know the program.
    fn known(&mut self, base: &str, words: &[Text], says: Says) -> bool {
        let argv: Vec<&str> = words.iter().map(|word| word.shown.as_str()).collect();
        let Some(started) = self.starts.and_then(|starts| starts(&argv)) else { return false };
        let (through, place) = (self.through.clone(), self.place.clone());
        if started.own {
            self.through = Some(base.to_owned());
        }
        match started.inner {
            Inner::Words(at) => self.words(words.get(at..).unwrap_or_default(), says),
            Inner::Named(name, at) => {
                let rest = words.get(at..).unwrap_or_default().iter().cloned();
                self.words(&std::iter::once(Text::literal(name)).chain(rest).collect::<Vec<_>>(), says);
            }
            Inner::Script(script) => self.aside(|walk| walk.script(&script, says)),
        }
        (self.through, self.place) = (through, place);
        true
    }

    /// Follows `find … -exec COMMAND {} ;`: each word is in one command at most.
    fn found(&mut self, base: &str, rest: &[Text], says: Says) {
        self.input = None;
        let mut from = 0;
        while let Some(inner) = starts::found(base, rest, from) {
            from = inner.end;
            self.words(&rest[inner], says);
        }
    }

    fn run(&mut self, words: &[Text], says: Says) {
        let assigned: usize = self.assigned.iter().map(|word| word.text.len() + 1).sum();
        let folder = if let Folder::At(folder) = &self.place.folder { folder.len() } else { 0 };
        if !self.cost.spend(assigned + folder) {
            return;
        }
        let words = words.iter().map(Text::word).collect();
        self.runs.push(Run {
            words,
            assigned: self.assigned.clone(),
            folder: self.place.folder.clone(),
            says,
            decides: false,
            passes_on: false,
            through: self.through.clone(),
        });
    }

    fn builtin(&mut self, name: &str, rest: &[Text], says: Says) {
        match name {
            "cd" | "pushd" => self.change(rest),
            "popd" => self.enter(Folder::Unknown),
            "eval" => {
                let script: Vec<&str> = rest.iter().map(|word| word.shown.as_str()).collect();
                self.script(&script.join(" "), says);
            }
            "." | "source" => {
                if let Some((script, most)) = rest.first().and_then(|file| self.written(&file.shown)) {
                    self.script(&script, says.min(most));
                }
            }
            "export" => self.export(rest),
            "alias" => {
                let pairs = rest.iter().filter_map(|word| word.shown.split_once('='));
                self.aliases.extend(pairs.map(|(name, _)| name.to_owned()));
            }
            "unalias" => self.aliases.retain(|name| rest.iter().all(|word| word.shown != *name)),
            "set" => {
                for (at, word) in rest.iter().enumerate().filter(|(_, word)| word.shown.starts_with('-')) {
                    self.exits |= word.shown.contains('e');
                    let option = rest.get(at + 1).map(|word| word.shown.as_str());
                    self.pipefail |= word.shown.ends_with('o') && option == Some("pipefail");
                    self.exits |= word.shown.ends_with('o') && option == Some("errexit");
                }
            }
            _ => {}
        }
    }

    /// Follows `cd`.
    fn change(&mut self, rest: &[Text]) {
        let to = rest.iter().find(|word| !word.shown.starts_with('-') || word.shown == "-");
        let to = to.map_or("~", |word| word.shown.as_str());
        let plain = to != "-" && !to.contains(['$', '`', '*', '?', '\n']);
        self.enter(match (&self.place.folder, plain) {
            (_, false) => Folder::Unknown,
            (_, true) if to.starts_with(['/', '~']) => Folder::At(to.to_owned()),
            (Folder::Same, true) => Folder::At(to.to_owned()),
            (Folder::At(before), true) => Folder::At(format!("{}/{to}", before.trim_end_matches('/'))),
            (Folder::Unknown, true) => Folder::Unknown,
        });
    }

    fn enter(&mut self, folder: Folder) {
        self.places += 1;
        self.place = Place { folder, number: self.places };
    }

    /// Follows `bash -c SCRIPT`, and a shell that reads its script from a here-document.
    fn shell(&mut self, rest: &[Text], says: Says) {
        let (mut found, input) = (false, self.input.take());
        let mut words = rest.iter();
        while let Some(word) = words.next() {
            match word.shown.as_str() {
                "-o" | "+o" | "-O" | "+O" | "--rcfile" | "--init-file" => drop(words.next()),
                long if long.starts_with("--") => {}
                flags if flags.starts_with('-') => {
                    found |= flags.contains('c');
                    if flags.contains('s') && !found {
                        break;
                    }
                }
                script if found => {
                    self.aside(|walk| walk.script(script, says));
                    return self.named("", words.as_slice());
                }
                file => {
                    if let Some((script, most)) = self.written(file) {
                        self.aside(|walk| walk.script(&script, says.min(most)));
                    }
                    return self.named("", words.as_slice());
                }
            }
        }
        if let Some(script) = input.filter(|_| !found) {
            self.aside(|walk| walk.script(&script, says));
        }
    }
}

/// Returns the name of a program without its folder.
fn base(program: &Text) -> &str {
    program.shown.rsplit('/').next().unwrap_or_default()
}

/// Returns the assignments among words.
fn assignments(words: &[Text]) -> impl Iterator<Item = Word> {
    let is_one = |word: &&Text| word.shown.contains('=') && !word.shown.starts_with('-');
    words.iter().filter(is_one).map(Text::word)
}
