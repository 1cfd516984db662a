//! Command lines, split into words as a shell does it.

use std::ops::Range;

use super::{shapes, words};

/// How deep scripts in scripts are read.
pub(super) const DEEPEST: usize = 6;

/// In which quotes a byte of a word stood.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Quote {
    None,
    Double,
    Single,
    /// `$'…'`
    Ansi,
}

/// A byte of a word that a command line means: where, in which quotes, and whether behind a backslash.
#[derive(Clone, Copy)]
pub(super) struct Place {
    at: usize,
    quote: Quote,
    escaped: bool,
}

impl Place {
    /// Returns whether a shell takes the byte as it is: a `$` there expands nothing.
    pub(super) fn is_literal(self) -> bool {
        self.escaped || matches!(self.quote, Quote::Single | Quote::Ansi)
    }
}

/// Returns the secrets of a command line: where, and the quotes to put behind the mark so that the rest reads as before.
pub(super) fn in_line(line: &[u8], depth: usize) -> Vec<(Range<usize>, String)> {
    let mut reader = Reader { line, at: 0, depth, found: Vec::new() };
    reader.read();
    reader.found
}

/// A word of a command line: what it means, and for each byte of that its place.
#[derive(Default)]
struct Word {
    text: Vec<u8>,
    places: Vec<Place>,
}

struct Reader<'a> {
    line: &'a [u8],
    at: usize,
    depth: usize,
    found: Vec<(Range<usize>, String)>,
}

impl Reader<'_> {
    fn read(&mut self) {
        let (mut words, mut word) = (Vec::new(), None);
        let mut documents = Vec::new();
        while let Some(&byte) = self.line.get(self.at) {
            match byte {
                b' ' | b'\t' | b'\r' => {
                    words.extend(word.take());
                    self.at += 1;
                }
                b'\n' | b';' | b'|' | b'(' | b')' => {
                    words.extend(word.take());
                    self.finish(&mut words);
                    self.at += 1;
                    if byte == b'\n' {
                        documents.drain(..).for_each(|end: Vec<u8>| self.document(&end));
                    }
                }
                b'&' if self.line.get(self.at + 1) == Some(&b'>') => self.at += 1,
                b'&' => {
                    words.extend(word.take());
                    self.finish(&mut words);
                    self.at += 1;
                }
                b'<' | b'>' => {
                    words.extend(word.take());
                    self.at += 1;
                    if self.line[self.at..].starts_with(b"<<") {
                        self.at += 2;
                    } else if byte == b'<' && self.line.get(self.at) == Some(&b'<') {
                        self.at += 1;
                        documents.push(self.document_end());
                    } else if matches!(self.line.get(self.at), Some(b'&' | b'|' | b'>')) {
                        self.at += 1;
                    }
                }
                b'#' if word.is_none() => {
                    let end = self.find(b'\n').unwrap_or(self.line.len());
                    self.text(self.at..end);
                    self.at = end;
                }
                _ => self.word(word.get_or_insert_default()),
            }
        }
        words.extend(word.take());
        self.finish(&mut words);
    }

    /// Reads the next piece of a word: a character, or what is between quotes.
    fn word(&mut self, word: &mut Word) {
        match (self.line[self.at], self.line.get(self.at + 1)) {
            (b'\\', Some(b'\n')) => self.at += 2,
            (b'\\', Some(_)) => self.escaped(word, Quote::None),
            (b'$', Some(b'\'')) => {
                self.at += 2;
                self.quoted(word, Quote::Ansi);
            }
            (b'\'', _) => {
                self.at += 1;
                self.quoted(word, Quote::Single);
            }
            (b'"', _) => {
                self.at += 1;
                self.quoted(word, Quote::Double);
            }
            _ => self.expansion(word, Quote::None),
        }
    }

    fn quoted(&mut self, word: &mut Word, quote: Quote) {
        let end = if quote == Quote::Double { b'"' } else { b'\'' };
        while let Some(&byte) = self.line.get(self.at) {
            let next = self.line.get(self.at + 1);
            if byte == end {
                self.at += 1;
                return;
            }
            match quote {
                Quote::Ansi if byte == b'\\' && next.is_some() => self.escaped(word, quote),
                Quote::Double if byte == b'\\' && next.is_some_and(|next| b"\"\\$`\n".contains(next)) => {
                    self.escaped(word, quote);
                }
                Quote::Double => self.expansion(word, quote),
                _ => self.take(word, quote, false),
            }
        }
    }

    fn escaped(&mut self, word: &mut Word, quote: Quote) {
        self.at += 1;
        self.take(word, quote, true);
    }

    /// Reads a character, or a `$(…)`, `${…}` or `` `…` `` as a whole; commands in it are searched too.
    fn expansion(&mut self, word: &mut Word, quote: Quote) {
        let begin = self.at;
        let end = match (self.line[begin], self.line.get(begin + 1)) {
            (b'$', Some(b'(')) => self.closing(begin + 1, b'(', b')'),
            (b'$', Some(b'{')) => self.closing(begin + 1, b'{', b'}'),
            (b'`', _) => {
                let rest = &self.line[begin + 1..];
                rest.iter().position(|&byte| byte == b'`').map_or(self.line.len(), |end| begin + 1 + end)
            }
            _ => return self.take(word, quote, false),
        };
        // What stands in `${…}` is no command.
        let skip = if self.line[begin] == b'`' { 1 } else { 2 };
        if !self.line[begin..].starts_with(b"${") && self.depth < DEEPEST && begin + skip < end {
            let inner = in_line(&self.line[begin + skip..end], self.depth + 1);
            let shift =
                |(range, after): (Range<usize>, String)| (range.start + begin + skip..range.end + begin + skip, after);
            self.found.extend(inner.into_iter().map(shift));
        }
        while self.at <= end && self.at < self.line.len() {
            self.take(word, quote, false);
        }
    }

    /// Returns where what opens at `begin` closes, or the end.
    fn closing(&self, begin: usize, open: u8, close: u8) -> usize {
        let (mut depth, mut quote, mut at) = (0, 0, begin);
        while let Some(&byte) = self.line.get(at) {
            match byte {
                b'\\' if quote != b'\'' => at += 1,
                b'\'' | b'"' if quote == 0 => quote = byte,
                _ if byte == quote => quote = 0,
                _ if byte == open && quote != b'\'' => depth += 1,
                _ if byte == close && quote != b'\'' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return at;
            }
            at += 1;
        }
        self.line.len()
    }

    fn take(&mut self, word: &mut Word, quote: Quote, escaped: bool) {
        if let Some(&byte) = self.line.get(self.at) {
            word.text.push(byte);
            word.places.push(Place { at: self.at, quote, escaped });
        }
        self.at += 1;
    }

    /// Judges the words of a command.
    fn finish(&mut self, words: &mut Vec<Word>) {
        let texts: Vec<&[u8]> = words.iter().map(|word| word.text.as_slice()).collect();
        let places: Vec<&[Place]> = words.iter().map(|word| word.places.as_slice()).collect();
        for (number, range) in words::in_command(&texts, &places, self.depth) {
            let (first, last) = (places[number][range.start], places[number][range.end - 1]);
            let close = match first.quote {
                Quote::None => "",
                Quote::Double => "\"",
                Quote::Single | Quote::Ansi => "'",
            };
            let open = match last.quote {
                Quote::None => "",
                Quote::Double => "\"",
                Quote::Single => "'",
                Quote::Ansi => "$'",
            };
            let same = first.quote == last.quote;
            let after = if same { String::new() } else { [close, open].concat() };
            // What is escaped goes with its backslash.
            let start = first.at - usize::from(first.escaped);
            self.found.push((start..last.at + 1, after));
        }
        words.clear();
    }

    /// Returns the word that ends a here-document, and steps behind it.
    fn document_end(&mut self) -> Vec<u8> {
        while matches!(self.line.get(self.at), Some(b'-' | b' ' | b'\t')) {
            self.at += 1;
        }
        let mut word = Word::default();
        while self.line.get(self.at).is_some_and(|byte| !byte.is_ascii_whitespace() && !b";|&<>()".contains(byte)) {
            self.word(&mut word);
        }
        word.text
    }

    /// Reads a here-document up to its end.
    fn document(&mut self, end: &[u8]) {
        let begin = self.at;
        while self.at < self.line.len() {
            let stop = self.find(b'\n').unwrap_or(self.line.len());
            let is_end = self.line[self.at..stop].trim_ascii() == end;
            if is_end {
                self.text(begin..self.at);
                self.at = stop;
                return;
            }
            self.at = (stop + 1).min(self.line.len());
        }
        self.text(begin..self.line.len());
    }

    /// Searches a text that is no command.
    fn text(&mut self, range: Range<usize>) {
        let text = &self.line[range.clone()];
        let found = shapes::in_text(text, false).into_iter().chain(words::assignments(text, &|_| false));
        self.found.extend(found.map(|found| (found.start + range.start..found.end + range.start, String::new())));
    }

    fn find(&self, byte: u8) -> Option<usize> {
        self.line[self.at..].iter().position(|&found| found == byte).map(|offset| self.at + offset)
    }
}
