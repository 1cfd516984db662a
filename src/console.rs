//! Everything that a person sees: lines, progress, errors with a cure, and the escaping of text from elsewhere.
//!
//! Our own lines go to standard error, so that a recorded command's standard output stays its own; results that were
//! asked for (a report, JSON) go to standard output.

use std::fmt;
use std::io::{self, BufRead, IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

mod board;

pub use board::Board;

/// How much is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Errors only.
    Quiet,
    /// What was done.
    #[default]
    Normal,
    /// Also what Nix says.
    Verbose,
}

/// The person's side of the program.
#[derive(Clone, Copy, Debug, Default)]
pub struct Console {
    level: Level,
}

/// A step that is under way. Its line goes away when it is dropped.
pub struct Progress {
    bar: ProgressBar,
    verbose: bool,
}

impl Console {
    /// Returns a console that says as much as `level`.
    pub fn new(level: Level) -> Self {
        Self { level }
    }

    /// Says a line. Text from elsewhere in it must have passed [`escape`].
    pub fn say(&self, line: impl fmt::Display) {
        if self.level >= Level::Normal {
            // A terminal that went away is no reason to stop.
            drop(writeln!(anstream::stderr(), "{}", defused(&line.to_string())));
        }
    }

    /// Warns.
    pub fn warn(&self, line: impl fmt::Display) {
        self.say(format_args!("{}warning:{} {line}", style("33;1"), style("0")));
    }

    /// Writes a result to standard output. A reader that went away is no error.
    pub fn print(&self, text: impl fmt::Display) -> io::Result<()> {
        match write!(anstream::stdout(), "{text}") {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    }

    /// Shows that a step is under way: a line that moves at a terminal, the plain line elsewhere.
    pub fn progress(&self, what: &str) -> Progress {
        let shown = self.level == Level::Normal && io::stderr().is_terminal();
        let bar = if shown { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        if shown {
            let template = ProgressStyle::with_template("{spinner} {prefix} {elapsed:.dim}  {wide_msg:.dim}");
            bar.set_style(template.unwrap_or_else(|_| ProgressStyle::default_spinner()));
            bar.set_prefix(what.to_owned());
            bar.enable_steady_tick(Duration::from_millis(120));
        } else {
            self.say(what);
        }
        Progress { bar, verbose: self.level == Level::Verbose }
    }

    /// Asks a question that is answered with yes (the default) or no. Without a terminal on both sides the answer is yes.
    pub fn confirm(&self, question: &str) -> io::Result<bool> {
        if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
            return Ok(true);
        }
        write!(anstream::stderr(), "{question} [Y/n] ")?;
        let mut answer = String::new();
        let read = io::stdin().lock().read_line(&mut answer)?;
        Ok(read > 0 && matches!(answer.trim().to_ascii_lowercase().as_str(), "" | "y" | "yes"))
    }

    /// Offers to do something that is not done by default. Without a terminal on both sides the answer is no.
    pub fn offer(&self, question: &str) -> io::Result<bool> {
        if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
            return Ok(false);
        }
        write!(anstream::stderr(), "{question} [y/N] ")?;
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer)?;
        Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
    }

    /// Prints an error: what was being done and why it failed on one line, then its cures.
    pub fn error(&self, error: &anyhow::Error) {
        let mut out = anstream::stderr();
        let chain: Vec<String> = error.chain().map(|cause| escape(&cause.to_string())).collect();
        drop(writeln!(out, "{}error:{} {}", style("31;1"), style("0"), defused(&chain.join(": "))));
        for hint in hints(error) {
            drop(writeln!(out, "{}hint:{} {}", style("36;1"), style("0"), defused(&escape(hint))));
        }
    }
}

/// Returns the cures of an error, not yet passed through [`escape`].
pub fn hints(error: &anyhow::Error) -> impl Iterator<Item = &str> {
    error.chain().filter_map(|cause| cause.downcast_ref::<Hinted>()).map(|hinted| hinted.hint.as_str())
}

/// Returns the escape sequence of a style; it is stripped where there are no colours.
pub fn style(code: &str) -> String {
    format!("\x1b[{code}m")
}

impl Progress {
    /// Shows the newest line of what runs.
    pub fn line(&self, text: &str) {
        let text = escape(text);
        if self.verbose {
            drop(writeln!(anstream::stderr(), "  {}", defused(&text)));
        }
        self.bar.set_message(text);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// Returns text from elsewhere so that a terminal shows it and does nothing else: control characters, bidirectional and
/// invisible ones become escapes. LF is one too.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let invisible = matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}');
        if c.is_control() || invisible {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

/// Returns text of any number of lines in which a CI runner finds no commands: GitHub's `::…::` at the beginning of a line,
/// blanks before it disregarded, and its older `##[…]` anywhere in one (actions/runner, ActionCommand.cs). The text still
/// reads the same to a person.
pub fn defused(text: &str) -> String {
    let text = text.replace("##[", "# #[");
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive(['\n', '\r']) {
        let rest = line.trim_start();
        if rest.starts_with("::") {
            out.push_str(&line[..line.len() - rest.len()]);
            out.push('\\');
            out.push_str(rest);
        } else {
            out.push_str(line);
        }
    }
    out
}

/// Returns text of several lines, each passed through [`escape`].
pub fn escape_lines(text: &str) -> String {
    text.split_inclusive('\n')
        .map(|line| line.strip_suffix('\n').map_or_else(|| escape(line), |line| escape(line) + "\n"))
        .collect()
}

/// Returns a time span in milliseconds as a person reads it: `0.3 s`, `42 s`, `3 min 5 s`, `2 h 10 min`.
pub fn span(milliseconds: i64) -> String {
    match milliseconds / 1000 {
        0..10 => format!("{}.{} s", milliseconds / 1000, milliseconds % 1000 / 100),
        seconds @ 10..60 => format!("{seconds} s"),
        seconds @ 60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        seconds => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// An error with its cure.
#[derive(Debug)]
struct Hinted {
    error: anyhow::Error,
    hint: String,
}

impl fmt::Display for Hinted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for Hinted {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error.source()
    }
}

/// Adds a cure to an error.
pub trait Hint<T> {
    /// Adds what the user can do, a sentence without a period.
    fn hint(self, hint: impl fmt::Display) -> anyhow::Result<T>;
}

impl<T, E: Into<anyhow::Error>> Hint<T> for Result<T, E> {
    fn hint(self, hint: impl fmt::Display) -> anyhow::Result<T> {
        self.map_err(|error| Hinted { error: error.into(), hint: hint.to_string() }.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_elsewhere_moves_the_cursor() {
        assert_eq!(escape("a\x1b[2J\r\n\u{9b}b\u{202e}c\u{200b}é"), r"a\u{1b}[2J\r\n\u{9b}b\u{202e}c\u{200b}é");
    }

    #[test]
    fn a_runner_finds_no_commands() {
        for (text, is) in [
            (" ::add-mask::a", " \\::add-mask::a"),
            ("x ##[add-matcher]f", "x # #[add-matcher]f"),
            ("###[group]", "## #[group]"),
            ("a\r::error::b\n\t::debug::c", "a\r\\::error::b\n\t\\::debug::c"),
            ("std::fs and a::b", "std::fs and a::b"),
            ("\u{a0}::stop-commands::x", "\u{a0}\\::stop-commands::x"),
        ] {
            assert_eq!(defused(text), is);
        }
    }

    #[test]
    fn spans() {
        let all = [(0, "0.0 s"), (1999, "1.9 s"), (59_999, "59 s"), (185_000, "3 min 5 s"), (7_800_000, "2 h 10 min")];
        all.iter().for_each(|(milliseconds, text)| assert_eq!(span(*milliseconds), *text));
    }

    #[test]
    fn hints_keep_the_chain() {
        let error = Err::<(), _>(anyhow::anyhow!("inner").context("outer")).hint("do this").expect_err("an error");
        assert_eq!(format!("{error:#}"), "outer: inner");
        assert!(error.chain().any(<dyn std::error::Error>::is::<Hinted>));
    }
}
