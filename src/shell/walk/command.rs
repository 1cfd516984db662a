//! The words of a command: a function, a builtin, or a program, and what that starts.

use super::super::programs::{Folder, Inner, Run, Says};
use super::super::starts::{self, BUILTINS, SHELLS};
use super::super::words::Text;
use super::{LEVELS, Walk, Word};

/// How many programs that start one another are followed.
const DEPTH: usize = 16;

impl Walk<'_> {
    /// Reads the words of a command.
    pub(super) fn words(&mut self, words: &[Text], says: Says) {
        let Some((first, rest)) = words.split_first() else { return };
        let name = first.shown.as_str();
        if let Some(body) = self.functions.get(name).cloned() {
            if self.level < LEVELS {
                self.level += 1;
                self.input = None;
                self.compound(&body, says);
                self.level -= 1;
            }
            return;
        }
        if let Some(value) = self.aliases.remove(name) {
            let words = shlex::split(&value).unwrap_or_default().into_iter().map(Text::literal);
            let words: Vec<Text> = words.chain(rest.iter().cloned()).collect();
            self.words(&words, says);
            self.aliases.insert(name.to_owned(), value);
            return;
        }
        if BUILTINS.contains(&name) {
            return self.builtin(name, rest, says);
        }
        let at = (!["builtin", "command", "exec"].contains(&name)).then_some(self.runs.len());
        if at.is_some() {
            self.run(words, says);
        }
        self.depth += 1;
        let passes_on = self.depth <= DEPTH && self.started(words, says);
        self.depth -= 1;
        if let Some(run) = at.filter(|_| passes_on).and_then(|at| self.runs.get_mut(at)) {
            run.passes_on = true;
        }
    }

    /// Notes where `cat` and `tee` put the text of a here-document.
    pub(super) fn copied(&mut self, words: &[Text]) {
        let (input, output) = (self.input.take(), self.output.take());
        let Some(text) = input else { return };
        let words: Vec<&str> = words.iter().map(|word| word.shown.as_str()).collect();
        let file = match words.as_slice() {
            ["cat"] => output,
            ["tee", file] => Some((*file).to_owned()),
            _ => return,
        };
        match file {
            Some(file) => drop(self.written.insert(file.trim_start_matches("./").to_owned(), text)),
            None => self.piped = Some(text),
        }
    }

    /// Returns the text of a file that the line itself wrote, when that is a script of a shell.
    fn written(&self, file: &str) -> Option<String> {
        let text = self.written.get(file.trim_start_matches("./"))?;
        let first = text.lines().next().unwrap_or_default();
        let is_script = !first.starts_with("#!") || SHELLS.iter().any(|shell| first.trim_end().ends_with(shell));
        is_script.then(|| text.clone())
    }

    /// Follows what a program starts. Returns whether its status is that of what it starts.
    fn started(&mut self, words: &[Text], says: Says) -> bool {
        let Some((first, rest)) = words.split_first() else { return false };
        let base = first.shown.rsplit('/').next().unwrap_or_default();
        if let Some(script) = self.written(&first.shown).filter(|_| first.shown.contains('/')) {
            self.aside(|walk| walk.script(&script, says));
            return true;
        }
        if let Some(script) = starts::script(base, rest) {
            self.aside(|walk| walk.script(&script.shown, says));
            return true;
        }
        if let Some(own) = starts::own(base, rest) {
            let says = if starts::MANY.contains(&base) { says.min(Says::Ran) } else { says };
            self.assigned.extend(assignments(&rest[..own]));
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
            self.found(rest, says.min(Says::Ran));
            return false;
        }
        self.known(base, words, says)
    }

    /// Follows what only those know who know the program.
    fn known(&mut self, base: &str, words: &[Text], says: Says) -> bool {
        let argv: Vec<&str> = words.iter().map(|word| word.shown.as_str()).collect();
        let Some(started) = self.starts.and_then(|starts| starts(&argv)) else { return false };
        let (through, folder) = (self.through.clone(), self.folder.clone());
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
        (self.through, self.folder) = (through, folder);
        true
    }

    /// Follows `find … -exec COMMAND {} ;`.
    fn found(&mut self, rest: &[Text], says: Says) {
        let is_start = |at: &usize| ["-exec", "-execdir", "-ok", "-x", "-X"].contains(&rest[*at].shown.as_str());
        for at in (0..rest.len()).filter(is_start) {
            let end = rest[at..].iter().position(|word| [";", "+"].contains(&word.shown.as_str()));
            self.words(&rest[at + 1..end.map_or(rest.len(), |end| at + end)], says);
        }
    }

    fn run(&mut self, words: &[Text], says: Says) {
        let words = words.iter().map(Text::word).collect();
        self.runs.push(Run {
            words,
            assigned: self.assigned.clone(),
            folder: self.folder.clone(),
            says,
            decides: false,
            passes_on: false,
            through: self.through.clone(),
        });
    }

    fn builtin(&mut self, name: &str, rest: &[Text], says: Says) {
        match name {
            "cd" | "pushd" => self.change(rest),
            "popd" => self.folder = Folder::Unknown,
            "eval" => {
                let script: Vec<&str> = rest.iter().map(|word| word.shown.as_str()).collect();
                self.script(&script.join(" "), says);
            }
            "." | "source" => {
                if let Some(script) = rest.first().and_then(|file| self.written(&file.shown)) {
                    self.script(&script, says);
                }
            }
            "export" => self.export(rest),
            "alias" => {
                let pairs = rest.iter().filter_map(|word| word.shown.split_once('='));
                self.aliases.extend(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())));
            }
            "unalias" => rest.iter().for_each(|word| drop(self.aliases.remove(&word.shown))),
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
        self.folder = match (&self.folder, plain) {
            (_, false) => Folder::Unknown,
            (_, true) if to.starts_with(['/', '~']) => Folder::At(to.to_owned()),
            (Folder::Same, true) => Folder::At(to.to_owned()),
            (Folder::At(before), true) => Folder::At(format!("{}/{to}", before.trim_end_matches('/'))),
            (Folder::Unknown, true) => Folder::Unknown,
        };
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
                script if found => return self.aside(|walk| walk.script(script, says)),
                file => {
                    if let Some(script) = self.written(file) {
                        self.aside(|walk| walk.script(&script, says));
                    }
                    return;
                }
            }
        }
        if let Some(script) = input.filter(|_| !found) {
            self.aside(|walk| walk.script(&script, says));
        }
    }
}

/// Returns the assignments among words.
fn assignments(words: &[Text]) -> impl Iterator<Item = Word> {
    let is_one = |word: &&Text| word.shown.contains('=') && !word.shown.starts_with('-');
    words.iter().filter(is_one).map(Text::word)
}
