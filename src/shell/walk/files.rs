//! Files that a line writes from here-documents and then runs.

use std::mem;
use std::rc::Rc;

use brush_parser::ast::{IoFileRedirectKind, IoFileRedirectTarget, IoRedirect};

use super::super::programs::{Folder, Says};
use super::super::starts::SHELLS;
use super::super::words::{Text, document};
use super::Walk;

/// The most files of a line that are kept.
const MOST: usize = 16;

/// Programs that write none of the files that they name.
const READERS: &[&str] =
    &["cat", "chmod", "file", "grep", "head", "ls", "mkdir", "rg", "shellcheck", "sleep", "stat", "tail", "wc"];

/// Where a command runs.
#[derive(Clone, Debug, Default)]
pub(super) struct Place {
    pub(super) folder: Folder,
    /// Another one after each `cd`: two folders that only the shell knew are not the same.
    pub(super) number: usize,
}

/// Where a command's standard output goes.
#[derive(Debug, Default)]
pub(super) enum Output {
    /// To the next command of the pipe.
    #[default]
    Next,
    /// To a file, which it begins anew.
    File(String),
    Elsewhere,
}

/// A file that the line wrote.
#[derive(Debug)]
pub(super) struct Written {
    name: String,
    /// The number of the folder in which it has this name; none when that is the same in all.
    place: Option<usize>,
    text: Rc<str>,
    /// At most what the line says of programs in it: it may not have been written.
    most: Says,
}

impl Walk<'_> {
    /// Follows a redirection.
    pub(super) fn redirect(&mut self, redirect: &IoRedirect, says: Says) {
        let says = says.min(Says::Ran);
        match redirect {
            IoRedirect::File(number, kind, to) => {
                let text = match to {
                    IoFileRedirectTarget::Filename(word) | IoFileRedirectTarget::Duplicate(word) => {
                        self.text(&word.value)
                    }
                    IoFileRedirectTarget::ProcessSubstitution(_, subshell) => {
                        self.aside(|walk| walk.list(&subshell.list, says));
                        Text::default()
                    }
                    IoFileRedirectTarget::Fd(_) => Text::default(),
                };
                self.scripts(&text.scripts, says);
                self.directed(*number, kind, to, &text.shown);
            }
            IoRedirect::OutputAndError(word, _) => {
                let text = self.text(&word.value);
                self.scripts(&text.scripts, says);
                self.begun(&text.shown);
                self.output = Output::Elsewhere;
            }
            IoRedirect::HereString(number, word) => {
                let text = self.text(&word.value);
                self.scripts(&text.scripts, says);
                self.read(*number, text.shown);
            }
            IoRedirect::HereDocument(number, here) => {
                let source = &here.doc.value;
                if self.cost.spend(source.len()) {
                    let scripts = if here.requires_expansion { document(source) } else { Vec::new() };
                    self.scripts(&scripts, says);
                    self.read(*number, source.clone());
                }
            }
        }
    }

    fn read(&mut self, number: Option<i32>, text: String) {
        if number.unwrap_or(0) == 0 {
            self.input = Some(text);
        }
    }

    /// Notes where `cat` and `tee` put the text of a here-document.
    pub(super) fn copied(&mut self, words: &[Text], says: Says) {
        let (input, output) = (self.input.take(), mem::take(&mut self.output));
        let Some(text) = input else { return };
        let words: Vec<&str> = words.iter().map(|word| word.shown.as_str()).collect();
        match (words.as_slice(), output) {
            (["cat"], Output::Next) => self.piped = Some(text),
            (["cat"], Output::File(file)) => self.keep(&file, &text, says),
            (["tee", file], _) => self.keep(file, &text, says),
            _ => {}
        }
    }

    fn keep(&mut self, file: &str, text: &str, says: Says) {
        let name = plain(file);
        if self.files.len() < MOST && !is_open(name) {
            let place = (!name.starts_with(['/', '~'])).then_some(self.place.number);
            let most = if says == Says::Maybe { says } else { Says::Certain };
            self.files.push(Written { name: name.to_owned(), place, text: text.into(), most });
        }
    }

    /// Returns the text of a file that the line itself wrote, when that is a script of a shell, and at most what the
    /// line says of programs in it.
    pub(super) fn written(&self, file: &str) -> Option<(Rc<str>, Says)> {
        let name = plain(file);
        let is_it = |file: &&Written| file.name == name && file.place.is_none_or(|place| place == self.place.number);
        let file = self.files.iter().find(is_it)?;
        let first = file.text.lines().next().unwrap_or_default();
        let is_script = !first.starts_with("#!") || SHELLS.iter().any(|shell| first.trim_end().ends_with(shell));
        is_script.then(|| (file.text.clone(), file.most))
    }

    /// Forgets files that a program may write: those that its words name, and all when a word is a name that only the
    /// shell knew.
    pub(super) fn named(&mut self, base: &str, words: &[Text]) {
        if !self.files.is_empty() && !READERS.contains(&base) {
            for word in words {
                let all = is_open(last(&word.shown));
                self.files.retain(|file| !all && !word.shown.contains(last(&file.name)));
            }
        }
    }

    /// Notes a redirection to or from a file or another descriptor.
    fn directed(&mut self, number: Option<i32>, kind: &IoFileRedirectKind, to: &IoFileRedirectTarget, name: &str) {
        let is_input = matches!(kind, IoFileRedirectKind::Read | IoFileRedirectKind::DuplicateInput);
        if !is_input {
            self.begun(name);
        }
        let reads = is_input || matches!(kind, IoFileRedirectKind::ReadAndWrite);
        match (number.unwrap_or(if reads { 0 } else { 1 }), kind, to) {
            (0, ..) => self.input = None,
            (1, IoFileRedirectKind::Write | IoFileRedirectKind::Clobber, IoFileRedirectTarget::Filename(_)) => {
                self.output = Output::File(name.to_owned());
            }
            (1, ..) => self.output = Output::Elsewhere,
            _ => {}
        }
    }

    /// Forgets a file to which the shell writes.
    fn begun(&mut self, name: &str) {
        let all = is_open(last(name));
        self.files.retain(|file| !all && last(name) != last(&file.name));
    }
}

fn plain(file: &str) -> &str {
    file.trim_start_matches("./")
}

/// Returns the last part of a path.
fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

/// Returns whether a name is one that only the shell knew.
fn is_open(name: &str) -> bool {
    name.contains(['$', '`', '*', '?', '[', '{'])
}
