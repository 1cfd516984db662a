//! Bash command lines, parsed by a Bash parser and never by a regular expression.

use std::io::Cursor;

use brush_parser::ast::{
    AndOr, Command, CommandPrefixOrSuffixItem, CompoundListItem, IoFileRedirectKind, IoFileRedirectTarget, IoRedirect,
    Pipeline, Program, SeparatorOperator, SimpleCommand,
};
use brush_parser::word::{WordPiece, WordPieceWithSource};
use brush_parser::{Parser, ParserOptions};

mod programs;
mod starts;
mod walk;
mod words;

pub use programs::{Folder, Inner, Run, Says, Started, Starts, programs, programs_with};

/// The longest line that is parsed, in bytes: the parser recurses. Lines that write a file from a here-document are long.
const LIMIT: usize = 128 * 1024;

/// The longest line whose commands are told apart, in bytes: no command that a person reads is longer.
const READABLE: usize = 16 * 1024;

const TOO_LONG: &str = "its line is too long or too deep";

/// The deepest nesting of brackets in a line that is parsed.
const DEPTH: usize = 64;

/// A word of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// What the command gets, when `literal`; else the word as it is written.
    pub text: String,
    /// Whether the shell expands nothing in it.
    pub literal: bool,
}

/// A simple command: words without assignments and redirections.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Simple {
    /// Its words, the program first; empty for a bare assignment.
    pub words: Vec<Word>,
    /// Values of the assignments before it and files of its redirections.
    pub others: Vec<Word>,
}

impl Simple {
    /// Returns the texts of the words.
    pub fn texts(&self) -> Vec<&str> {
        self.words.iter().map(|word| word.text.as_str()).collect()
    }
}

/// A line that was parsed, once for all that is asked of it.
#[derive(Debug)]
pub struct Line {
    program: Result<Program, &'static str>,
    readable: bool,
}

impl Line {
    /// Parses a line; what is wrong with it is told when something is asked of it.
    pub fn new(line: &str) -> Self {
        Self { program: parse(line), readable: line.len() <= READABLE }
    }

    /// Returns the commands of a line that fails as soon as one of them does: simple commands joined by `&&`. Otherwise the
    /// reason why its status says less, a clause of fixed words.
    pub fn strict(&self) -> Result<Vec<Simple>, &'static str> {
        strict_of(self.readable()?)
    }

    /// Returns all commands of a line, however they are joined; an error when one is no simple command.
    pub fn all(&self) -> Result<Vec<Simple>, &'static str> {
        all_of(self.readable()?)
    }

    /// Returns the programs that a line runs, as [`programs`] does.
    pub fn programs(&self) -> Result<Vec<Run>, &'static str> {
        self.program.as_ref().map(|program| programs::of(program, None)).map_err(|reason| *reason)
    }

    fn readable(&self) -> Result<&Program, &'static str> {
        if self.readable { self.program.as_ref().map_err(|reason| *reason) } else { Err(TOO_LONG) }
    }
}

/// Returns what [`Line::strict`] does.
pub fn strict(line: &str) -> Result<Vec<Simple>, &'static str> {
    Line::new(line).strict()
}

fn strict_of(program: &Program) -> Result<Vec<Simple>, &'static str> {
    let mut items = program.complete_commands.iter().flat_map(|list| &list.0);
    let (Some(CompoundListItem(list, separator)), None) = (items.next(), items.next()) else {
        return Err("its line is several commands, of which only the last decides");
    };
    if matches!(separator, SeparatorOperator::Async) {
        return Err("it ran in the background");
    }
    let rest = list.additional.iter().map(|next| match next {
        AndOr::And(pipeline) => Ok(pipeline),
        AndOr::Or(_) => Err("it cannot fail: `||` takes another way"),
    });
    std::iter::once(Ok(&list.first)).chain(rest).map(|pipeline| simple(pipeline?)).collect()
}

fn all_of(program: &Program) -> Result<Vec<Simple>, &'static str> {
    let items = program.complete_commands.iter().flat_map(|list| &list.0);
    let pipelines = items.flat_map(|CompoundListItem(list, _)| {
        let rest = list.additional.iter().map(|next| match next {
            AndOr::And(pipeline) | AndOr::Or(pipeline) => pipeline,
        });
        std::iter::once(&list.first).chain(rest)
    });
    let commands = pipelines.flat_map(|pipeline| &pipeline.seq).map(|command| match command {
        Command::Simple(command) => read(command),
        _ => Err("it is a compound command"),
    });
    commands.collect()
}

/// Parses a line, or a script within one.
fn parse(line: &str) -> Result<Program, &'static str> {
    if line.len() > LIMIT || nesting(line) > DEPTH {
        return Err(TOO_LONG);
    }
    Parser::new(Cursor::new(line), &ParserOptions::default())
        .parse_program()
        .map_err(|_unreadable| "its line is no Bash that can be parsed")
}

fn simple(pipeline: &Pipeline) -> Result<Simple, &'static str> {
    if pipeline.bang {
        return Err("it is negated with `!`");
    }
    match pipeline.seq.as_slice() {
        [Command::Simple(command)] => read(command),
        [_] => Err("it is a compound command"),
        _ => Err("a pipe takes its status"),
    }
}

fn read(command: &SimpleCommand) -> Result<Simple, &'static str> {
    let prefix = command.prefix.iter().flat_map(|prefix| &prefix.0);
    let suffix = command.suffix.iter().flat_map(|suffix| &suffix.0);
    let mut simple = Simple::default();
    for item in prefix {
        match item {
            CommandPrefixOrSuffixItem::IoRedirect(redirect) => simple.others.extend(target(redirect)?),
            CommandPrefixOrSuffixItem::AssignmentWord(assignment, _) => {
                simple.others.push(word(&assignment.value.to_string()));
            }
            CommandPrefixOrSuffixItem::Word(_) | CommandPrefixOrSuffixItem::ProcessSubstitution(..) => {
                return Err("it uses a process substitution");
            }
        }
    }
    simple.words.extend(command.word_or_name.iter().map(|name| word(&name.value)));
    for item in suffix {
        match item {
            CommandPrefixOrSuffixItem::IoRedirect(redirect) => simple.others.extend(target(redirect)?),
            CommandPrefixOrSuffixItem::AssignmentWord(_, text) => simple.words.push(word(&text.value)),
            CommandPrefixOrSuffixItem::Word(text) => {
                simple.words.extend(words::braces(&text.value).iter().map(|text| word(text)));
            }
            CommandPrefixOrSuffixItem::ProcessSubstitution(..) => return Err("it uses a process substitution"),
        }
    }
    Ok(simple)
}

/// Returns the file of a redirection, none for a descriptor.
fn target(redirect: &IoRedirect) -> Result<Option<Word>, &'static str> {
    match redirect {
        IoRedirect::File(_, kind, IoFileRedirectTarget::Filename(file)) => {
            let written =
                matches!(kind, IoFileRedirectKind::Write | IoFileRedirectKind::Append | IoFileRedirectKind::Clobber);
            Ok((!(written && file.value == "/dev/null")).then(|| word(&file.value)))
        }
        IoRedirect::OutputAndError(file, _) => Ok((file.value != "/dev/null").then(|| word(&file.value))),
        IoRedirect::File(_, _, IoFileRedirectTarget::Fd(_) | IoFileRedirectTarget::Duplicate(_)) => Ok(None),
        IoRedirect::File(_, _, IoFileRedirectTarget::ProcessSubstitution(..)) => Err("it uses a process substitution"),
        IoRedirect::HereString(_, text) => Ok(Some(word(&text.value))),
        IoRedirect::HereDocument(..) => Err("it reads a here-document"),
    }
}

fn word(source: &str) -> Word {
    let literal = brush_parser::word::parse(source, &ParserOptions::default())
        .ok()
        .and_then(|pieces| pieces.iter().map(piece).collect::<Option<String>>());
    match literal {
        Some(text) => Word { text, literal: true },
        None => Word { text: source.to_owned(), literal: false },
    }
}

/// Returns what a piece of a word stands for, when nothing is expanded in it.
fn piece(piece: &WordPieceWithSource) -> Option<String> {
    match &piece.piece {
        WordPiece::Text(text) => (!text.contains(['*', '?', '[', '{'])).then(|| text.clone()),
        WordPiece::SingleQuotedText(text) => Some(text.clone()),
        WordPiece::DoubleQuotedSequence(pieces) => pieces.iter().map(quoted).collect(),
        WordPiece::EscapeSequence(text) => Some(text.strip_prefix('\\').unwrap_or(text).to_owned()),
        _ => None,
    }
}

/// Returns the same within double quotes, where `*` and `[` are letters.
fn quoted(source: &WordPieceWithSource) -> Option<String> {
    match &source.piece {
        WordPiece::Text(text) => Some(text.clone()),
        _ => piece(source),
    }
}

/// Returns at most how deep brackets are nested, quotes disregarded. Within backquotes others are written with a backslash before
/// them, twice as many in each: they nest no deeper than few bytes allow.
fn nesting(line: &str) -> usize {
    let (mut depth, mut quoted) = (0_usize, false);
    line.bytes().fold(0, |deepest, byte| {
        match byte {
            b'(' | b'{' | b'[' => depth += 1,
            b')' | b'}' | b']' => depth = depth.saturating_sub(1),
            b'`' => quoted = !quoted,
            _ => {}
        }
        deepest.max(depth + usize::from(quoted))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn texts(line: &str) -> Vec<Vec<String>> {
        let commands = strict(line).expect("a strict line");
        commands.iter().map(|command| command.texts().into_iter().map(str::to_owned).collect()).collect()
    }

    #[test]
    fn strict_lines() {
        assert_eq!(texts("make check"), [["make", "check"]]);
        assert_eq!(
            texts("cd 'a b' && CI=1 pytest -q \"x*\" >/dev/null 2>&1"),
            [vec!["cd", "a b"], vec!["pytest", "-q", "x*"]]
        );
        assert_eq!(texts("nix shell nixpkgs#{a,b} -c c"), [["nix", "shell", "nixpkgs#a", "nixpkgs#b", "-c", "c"]]);
        assert_eq!(texts(r"jq -e \'a 'b'\''c'"), [["jq", "-e", "'a", "b'c"]]);
        let command = &strict("pytest $ARGS tests/*.py < in.txt").expect("strict")[0];
        assert_eq!(command.words.iter().map(|word| word.literal).collect::<Vec<_>>(), [true, false, false]);
        assert_eq!(command.others, [Word { text: "in.txt".into(), literal: true }]);
    }

    #[test]
    fn all_commands_of_a_line() {
        let texts = |line: &str| {
            Line::new(line)
                .all()
                .map(|commands| commands.iter().map(|command| command.texts().join(" ")).collect::<Vec<_>>().join("|"))
        };
        assert_eq!(texts("a x && b 2>&1 | tail -3; c || true &").as_deref(), Ok("a x|b|tail -3|c|true"));
        assert!(texts("(a)").is_err() && texts("a 'b").is_err());
    }

    #[test]
    fn lines_whose_status_says_less() {
        for (line, reason) in [
            ("make check || true", "||"),
            ("make check | tail -5", "pipe"),
            ("make check; echo done", "last decides"),
            ("make check &", "background"),
            ("! make check", "negated"),
            ("if true; then make check; fi", "compound"),
            ("(make check)", "compound"),
            ("cat <<E\nmake check\nE", "here-document"),
            ("diff <(a) <(b)", "substitution"),
            ("make 'check", "parsed"),
        ] {
            let got = strict(line).expect_err(line);
            assert!(got.contains(reason), "{line}: {got}");
        }
        assert!(strict(&"(".repeat(100_000)).is_err());
        assert!(strict(&"$(".repeat(63)).is_err());
    }
}
