//! Several things under way at once: one line each at a terminal, nothing but the beginning elsewhere.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::{Console, Level, escape};

/// The most lines that are shown at once.
const MOST: usize = 12;

/// How long a name may be on the screen, in characters.
const NAME: usize = 24;

/// Lines that show what is under way. They go away when it is dropped.
pub struct Board {
    what: String,
    verbose: bool,
    all: Option<MultiProgress>,
    head: ProgressBar,
    /// What waits or is under way, by name.
    lines: BTreeMap<String, ProgressBar>,
    total: usize,
    done: usize,
}

impl Console {
    /// Shows that something of several parts is under way.
    pub fn board(&self, what: &str) -> Board {
        let shown = self.level == Level::Normal && io::stderr().is_terminal();
        let (all, head) = if shown {
            let all = MultiProgress::new();
            let head = all.add(ProgressBar::new_spinner());
            head.set_style(style("{spinner} {msg}  {elapsed:.dim}"));
            head.set_message(what.to_owned());
            head.enable_steady_tick(Duration::from_millis(120));
            (Some(all), head)
        } else {
            self.say(what);
            (None, ProgressBar::hidden())
        };
        let verbose = self.level == Level::Verbose;
        Board { what: what.to_owned(), verbose, all, head, lines: BTreeMap::new(), total: 0, done: 0 }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

impl Board {
    /// Shows parts that wait.
    pub fn wait_for(&mut self, names: &[&str]) {
        self.total = names.len();
        self.count();
        for name in names.iter().take(MOST) {
            if let Some(bar) = self.line(name) {
                bar.set_style(style("  {prefix:24} {msg:.dim}"));
                bar.set_message("waiting");
            }
        }
    }

    /// Shows that a part is under way.
    pub fn begin(&mut self, name: &str) {
        let Some(bar) = self.line(name) else { return };
        bar.set_style(style("  {prefix:24} {elapsed:>4}  {wide_msg:.dim}"));
        bar.set_message("");
        bar.reset_elapsed();
        bar.enable_steady_tick(Duration::from_millis(500));
    }

    /// Shows the newest line of a part.
    pub fn says(&mut self, name: &str, text: &str) {
        if let Some(bar) = self.lines.get(name) {
            bar.set_message(escape(text));
        }
    }

    /// Takes a part away; `counts` when it is one of those that were waited for.
    pub fn end(&mut self, name: &str, counts: bool) {
        if let Some(bar) = self.lines.remove(name) {
            bar.finish_and_clear();
        }
        if counts {
            self.done += 1;
            self.count();
        }
    }

    /// Writes a line for people, when everything is to be shown.
    pub fn detail(&self, text: &str) {
        if self.verbose {
            drop(writeln!(anstream::stderr(), "  {}", super::defused(&escape(text))));
        }
    }

    fn count(&self) {
        self.head.set_message(format!("{}: {} of {} built", self.what, self.done, self.total));
    }

    fn line(&mut self, name: &str) -> Option<&ProgressBar> {
        let all = self.all.as_ref()?;
        if !self.lines.contains_key(name) {
            if self.lines.len() >= MOST {
                return None;
            }
            let bar = all.add(ProgressBar::new_spinner());
            bar.set_prefix(escape(name).chars().take(NAME).collect::<String>());
            self.lines.insert(name.to_owned(), bar);
        }
        self.lines.get(name)
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        self.lines.values().for_each(ProgressBar::finish_and_clear);
        self.head.finish_and_clear();
    }
}
