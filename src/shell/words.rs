//! What a word stands for, as far as it can be read without running anything.

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
    pub(super) fn word(&self) -> Word {
        Word { text: self.shown.clone(), literal: self.literal }
    }
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
