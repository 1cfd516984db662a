//! What a word stands for, as far as it can be read without running anything.

use std::borrow::Cow;

use brush_parser::ParserOptions;
use brush_parser::word::{Parameter, ParameterExpr, TildeExpr, WordPiece, WordPieceWithSource, parse, parse_heredoc};

use super::Word;

/// A word.
#[derive(Clone, Debug, Default)]
pub(super) struct Text {
    /// Without quotes; what the shell expands stands there as it is written, but the home folder as `~`.
    pub(super) shown: String,
    /// Whether the shell expands nothing in it.
    pub(super) literal: bool,
    /// Scripts of its command substitutions.
    pub(super) scripts: Vec<String>,
}

impl Text {
    /// Returns a word in which nothing is expanded.
    pub(super) fn literal(text: String) -> Self {
        Self { shown: text, literal: true, scripts: Vec::new() }
    }

    pub(super) fn word(&self) -> Word {
        Word { text: self.shown.clone(), literal: self.literal }
    }
}

/// The most words that braces in one make; two for each pair at least.
const MOST: usize = 64;

/// Returns the words that the braces of a word make (bash(1), Brace Expansion): `a#b` and `a#c` of `a#{b,c}`. One with quotes or
/// other expansions, or with braces in braces, stays as it is written.
pub(super) fn braces(source: &str) -> Vec<Cow<'_, str>> {
    let few = source.matches('{').count() <= MOST.ilog2() as usize;
    let plain = few && !source.contains(['\'', '"', '\\', '$', '`']);
    let all = if plain { expanded(source) } else { None };
    all.map_or_else(|| vec![Cow::Borrowed(source)], |all| all.into_iter().map(Cow::Owned).collect())
}

fn expanded(source: &str) -> Option<Vec<String>> {
    let (before, rest) = source.split_once('{')?;
    let (inner, after) = rest.split_once('}')?;
    if inner.contains('{') || !inner.contains(',') {
        return None;
    }
    let after = if after.contains('{') { expanded(after)? } else { vec![after.to_owned()] };
    let parts = inner.split(',').flat_map(|part| after.iter().map(move |after| format!("{before}{part}{after}")));
    let all: Vec<String> = parts.take(MOST + 1).collect();
    (all.len() <= MOST).then_some(all)
}

/// Reads a word.
pub(super) fn text(source: &str) -> Text {
    match parse(source, &ParserOptions::default()) {
        Ok(pieces) => {
            let mut text = Text { literal: true, ..Text::default() };
            pieces.iter().for_each(|piece| text.piece(source, piece, false));
            text
        }
        Err(_unreadable) => Text { shown: source.to_owned(), ..Text::default() },
    }
}

/// Returns the scripts of the command substitutions in a here-document.
pub(super) fn document(source: &str) -> Vec<String> {
    if !source.contains(['$', '`']) {
        return Vec::new();
    }
    let mut text = Text::default();
    if let Ok(pieces) = parse_heredoc(source, &ParserOptions::default()) {
        pieces.iter().for_each(|piece| text.piece(source, piece, true));
    }
    text.scripts
}

impl Text {
    fn piece(&mut self, source: &str, piece: &WordPieceWithSource, quoted: bool) {
        match &piece.piece {
            WordPiece::Text(text) => {
                self.literal &= quoted || !text.contains(['*', '?', '[', '{']);
                self.shown.push_str(text);
            }
            WordPiece::SingleQuotedText(text) => self.shown.push_str(text),
            WordPiece::AnsiCQuotedText(text) => {
                self.literal = false;
                self.shown.push_str(text);
            }
            WordPiece::DoubleQuotedSequence(pieces) | WordPiece::GettextDoubleQuotedSequence(pieces) => {
                pieces.iter().for_each(|piece| self.piece(source, piece, true));
            }
            WordPiece::EscapeSequence(text) => self.shown.push_str(text.strip_prefix('\\').unwrap_or(text)),
            WordPiece::TildeExpansion(TildeExpr::Home) => {
                self.literal = false;
                self.shown.push('~');
            }
            WordPiece::ParameterExpansion(ParameterExpr::Parameter {
                parameter: Parameter::Named(name),
                indirect: false,
            }) if name == "HOME" => {
                self.literal = false;
                self.shown.push('~');
            }
            WordPiece::CommandSubstitution(script) => {
                self.scripts.push(script.clone());
                self.written(source, piece);
            }
            WordPiece::BackquotedCommandSubstitution(script) => {
                self.scripts.push(script.replace("\\`", "`"));
                self.written(source, piece);
            }
            WordPiece::TildeExpansion(_) | WordPiece::ParameterExpansion(_) | WordPiece::ArithmeticExpression(_) => {
                self.written(source, piece);
            }
        }
    }

    /// Adds a piece as it is written.
    fn written(&mut self, source: &str, piece: &WordPieceWithSource) {
        self.literal = false;
        let written = source.get(piece.start_index..piece.end_index).unwrap_or("$");
        self.shown.push_str(written);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_make_words() {
        for (source, words) in [
            ("nixpkgs#{jq,ripgrep}", &["nixpkgs#jq", "nixpkgs#ripgrep"][..]),
            ("{a,b}{1,2}x", &["a1x", "a2x", "b1x", "b2x"]),
            ("lib{,64}", &["lib", "lib64"]),
            ("{a}", &["{a}"]),
            ("{1..3}", &["{1..3}"]),
            ("'{a,b}'", &["'{a,b}'"]),
            ("${a,b}", &["${a,b}"]),
            ("{a,{b,c}}", &["{a,{b,c}}"]),
            ("a}{b,c", &["a}{b,c"]),
            ("plain", &["plain"]),
        ] {
            assert_eq!(braces(source), words, "{source}");
        }
        for many in ["{a,b}".repeat(30_000), format!("{{{}}}", ",".repeat(30_000))] {
            assert_eq!(braces(&many), [many.as_str()]);
        }
    }
}
