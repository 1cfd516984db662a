//! Words with their neighbours, and command lines as words.

use std::ops::Range;

use super::{names, shapes};

/// How deep scripts in scripts are read.
const DEEPEST: usize = 6;

/// Programs whose arguments are patterns: a name in them is searched for.
const SEARCHES: [&[u8]; 9] = [
    b"grep",
    b"egrep",
    b"fgrep",
    b"rg",
    b"ag",
    b"ack",
    b"zgrep",
    b"ripgrep",
    b"git-grep",
];

/// Options of known programs: the programs, the option, and what of its value is secret.
const OPTIONS: [(&[&str], &[&str], Part); 11] = [
    (
        &[
            "mysql",
            "mysqldump",
            "mysqladmin",
            "mysqlimport",
            "mysqlshow",
            "mariadb",
            "mariadb-dump",
            "7z",
            "7za",
            "7zz",
        ],
        &["-p"],
        Part::Attached,
    ),
    (
        &[
            "sshpass",
            "mongo",
            "mongosh",
            "mongodump",
            "mongorestore",
            "twine",
            "sqlplus",
        ],
        &["-p"],
        Part::Whole,
    ),
    (&["zip", "unzip", "sqlcmd", "bcp"], &["-P"], Part::Whole),
    (&["redis-cli"], &["-a"], Part::Whole),
    (
        &[
            "ldapsearch",
            "ldapadd",
            "ldapmodify",
            "ldapdelete",
            "ldapwhoami",
        ],
        &["-w"],
        Part::Whole,
    ),
    (
        &["curl"],
        &["-u", "--user", "-U", "--proxy-user", "--proxy-tlsuser"],
        Part::After(b':'),
    ),
    (&["curl"], &["-b", "--cookie"], Part::After(b'=')),
    (
        &["curl"],
        &["--oauth2-bearer", "--pass", "--proxy-pass"],
        Part::Whole,
    ),
    (
        &["http", "https", "xh", "xhs"],
        &["-a", "--auth"],
        Part::After(b':'),
    ),
    (
        &["skopeo", "podman", "buildah", "crane", "oras"],
        &["--creds", "--src-creds", "--dest-creds"],
        Part::After(b':'),
    ),
    (&["smbclient"], &["-U", "--user"], Part::After(b'%')),
];

/// Programs that log in somewhere, with the secret after `-p`.
const LOGINS: [&[u8]; 9] = [
    b"docker", b"podman", b"nerdctl", b"buildah", b"helm", b"oras", b"az", b"oc", b"skopeo",
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    /// The value, attached or the next word.
    Whole,
    /// The value, when it is attached.
    Attached,
    /// What follows this byte in the value.
    After(u8),
}

/// In which quotes a byte of a word stood: what a shell would expand, and what it takes as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quote {
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

/// Returns the secrets of one command: the number of the word and where in it. The places are those of a command line; what
/// has none is taken as it is.
pub(super) fn in_command(
    words: &[&[u8]],
    places: &[&[Place]],
    depth: usize,
) -> Vec<(usize, Range<usize>)> {
    let mut found = Vec::new();
    let mut add = |number: usize, range: Range<usize>| {
        if !range.is_empty() {
            found.push((number, range));
        }
    };
    let is_literal = |number: usize, at: usize| {
        places
            .get(number)
            .and_then(|places| places.get(at))
            .is_none_or(|place| {
                place.escaped || !matches!(place.quote, Quote::None | Quote::Double)
            })
    };
    let mut programs: Vec<&[u8]> = Vec::new();
    for (number, word) in words.iter().enumerate() {
        let before = number
            .checked_sub(1)
            .map_or(&b""[..], |before| words[before]);
        if depth < DEEPEST && is_script(before, &programs, word) {
            in_line(word, depth + 1)
                .into_iter()
                .for_each(|(range, _)| add(number, range));
            continue;
        }
        let searching = programs.iter().any(|program| SEARCHES.contains(program));
        shapes::in_text(word, searching)
            .into_iter()
            .for_each(|range| add(number, range));
        if !searching {
            assignments(word, &|at| is_literal(number, at))
                .into_iter()
                .for_each(|range| add(number, range));
        }
        if let Some(next) = words.get(number + 1)
            && !searching
            && takes_secret(word, before, words)
            && !next.starts_with(b"-")
            && !names::is_harmless(next, is_literal(number + 1, 0))
        {
            add(number + 1, 0..next.len());
        }
        if let Some((number, range)) = header(words, number).filter(|(number, _)| {
            !searching && !names::is_harmless(words[*number], is_literal(*number, 0))
        }) {
            add(number, range);
        }
        for program in &programs {
            if let Some((number, range)) =
                option(program, words, number).filter(|(number, range)| {
                    !names::is_reference(
                        &words[*number][range.start..],
                        is_literal(*number, range.start),
                    )
                })
            {
                add(number, range);
            }
        }
        // The value of an option is no program: `--name mysql`.
        if !word.starts_with(b"-") && !before.starts_with(b"--") {
            programs.push(word.rsplit(|&byte| byte == b'/').next().unwrap_or(word));
        }
    }
    found
}

/// Returns whether a word is a command line: after `-c` and the like, or for a program that takes one.
fn is_script(before: &[u8], programs: &[&[u8]], word: &[u8]) -> bool {
    const SHELLS: [&[u8]; 12] = [
        b"sh",
        b"bash",
        b"dash",
        b"zsh",
        b"ksh",
        b"fish",
        b"ash",
        b"busybox",
        b"su",
        b"runuser",
        b"script",
        b"nix-shell",
    ];
    const RUNNERS: [&[u8]; 3] = [b"eval", b"ssh", b"watch"];
    if !word.iter().any(u8::is_ascii_whitespace) {
        return false;
    }
    let short = before.len() < 6
        && before.starts_with(b"-")
        && !before.starts_with(b"--")
        && before.ends_with(b"c");
    let asked = short || [&b"--command"[..], b"--run"].contains(&before);
    asked && programs.iter().any(|program| SHELLS.contains(program))
        || programs.iter().any(|program| RUNNERS.contains(program))
}

/// Returns whether a word is an option, or a setting's name, whose value is the next word and secret.
fn takes_secret(word: &[u8], before: &[u8], words: &[&[u8]]) -> bool {
    let name_like = |name: &[u8]| {
        name.iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-.:/@".contains(byte))
    };
    let last = word.rsplit(|&byte| byte == b':').next().unwrap_or(word);
    if word.len() > 2 && word.starts_with(b"-") {
        return name_like(word) && names::is_secret(word) && !names::is_switch(word);
    }
    before == b"set" && name_like(word) && names::is_secret(last)
        || before.ends_with(b"cargo") && word == b"login" && words.len() < 8
}

/// Returns what follows a header that is a word of its own: `Authorization: Bearer X` without quotes.
fn header(words: &[&[u8]], number: usize) -> Option<(usize, Range<usize>)> {
    const HEADERS: [&str; 5] = [
        "authorization",
        "proxy-authorization",
        "x-api-key",
        "private-token",
        "cookie",
    ];
    const SCHEMES: [&str; 4] = ["bearer", "basic", "token", "digest"];
    let is = |word: &[u8], of: &[&str]| {
        of.iter()
            .any(|name| word.eq_ignore_ascii_case(name.as_bytes()))
    };
    let name = words[number].strip_suffix(b":")?;
    if !is(name, &HEADERS) {
        return None;
    }
    let scheme = words.get(number + 1).is_some_and(|word| is(word, &SCHEMES));
    let number = number + 1 + usize::from(scheme);
    let value = words.get(number)?;
    Some((number, 0..value.len()))
}

/// Returns the secret in the value of an option of a known program.
fn option(program: &[u8], words: &[&[u8]], number: usize) -> Option<(usize, Range<usize>)> {
    let word = words[number];
    let login = LOGINS.contains(&program) && words[..number].contains(&&b"login"[..]);
    let of_login = login.then_some((&["-p"][..], Part::Whole));
    let known = OPTIONS
        .iter()
        .filter(|(programs, ..)| programs.iter().any(|name| name.as_bytes() == program));
    for (options, part) in known
        .map(|(_, options, part)| (*options, *part))
        .chain(of_login)
    {
        for option in options {
            let Some(rest) = word.strip_prefix(option.as_bytes()) else {
                continue;
            };
            // A program behind it may have an option of that name: `sshpass -p X ssh -p 22`.
            if words[..number]
                .iter()
                .any(|word| word.starts_with(option.as_bytes()))
            {
                continue;
            }
            let long = option.starts_with("--");
            let (number, start) = match rest.first() {
                None if part != Part::Attached => (number + 1, 0),
                Some(b'=') if long => (number, option.len() + 1),
                Some(_) if !long => (number, option.len()),
                _ => continue,
            };
            let value = words.get(number)?.get(start..)?;
            let start = match part {
                Part::After(mark) => start + value.iter().position(|&byte| byte == mark)? + 1,
                Part::Whole | Part::Attached => start,
            };
            return Some((number, start..words[number].len()));
        }
    }
    None
}

/// Returns the values of what is set in a word, `NAME=value` in all its places, when the name says secret.
fn assignments(word: &[u8], is_literal: &dyn Fn(usize) -> bool) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for (at, _) in word.iter().enumerate().filter(|(_, byte)| **byte == b'=') {
        let in_name = |byte: &&u8| byte.is_ascii_alphanumeric() || b"_.-".contains(byte);
        let start = at - word[..at].iter().rev().take_while(in_name).count();
        let (name, rest) = (&word[start..at], &word[at + 1..]);
        if name.is_empty() || rest.is_empty() || b"=~".contains(&rest[0]) || !names::is_secret(name)
        {
            continue;
        }
        let shouted = !name.iter().any(u8::is_ascii_lowercase);
        let one_line = !rest.contains(&b'\n');
        let until: &[u8] = match start.checked_sub(1).map(|before| word[before]) {
            None | Some(b'=') if one_line && (shouted || name.starts_with(b"-")) => b"",
            None | Some(b'=') if !rest.iter().any(|byte| b"()[]{}".contains(byte)) => b" \t\r\n",
            Some(b'?' | b'&' | b';') => b"&;#\"' \t\r\n",
            Some(b',') => b",\"' \t\r\n",
            Some(b':') => b"\"' \t\r\n",
            Some(b'/') if shouted => b"/\"' \t\r\n",
            Some(b'|') if shouted => b"|\"' \t\r\n",
            Some(b' ' | b'\t' | b'\n' | b'\'' | b'"' | b'`') if shouted => b"\"'`;&|) \t\r\n",
            Some(b' ')
                if word
                    .windows(5)
                    .any(|part| part == b"host=" || part == b"user=") =>
            {
                b" \"'\t\r\n"
            }
            _ => continue,
        };
        let quote = rest[0];
        let (skip, until) = match quote {
            b'"' | b'\'' if !until.is_empty() => (
                1,
                if quote == b'"' {
                    &b"\"\n"[..]
                } else {
                    &b"'\n"[..]
                },
            ),
            _ => (0, until),
        };
        let value = &rest[skip..];
        let length = value
            .iter()
            .position(|byte| until.contains(byte))
            .unwrap_or(value.len());
        let start = at + 1 + skip;
        if !names::is_harmless(&value[..length], is_literal(start)) {
            found.push(start..start + length);
        }
    }
    found
}

/// Returns the secrets of a command line: where, and the quotes to put behind the mark so that the rest reads as before.
pub(super) fn in_line(line: &[u8], depth: usize) -> Vec<(Range<usize>, String)> {
    let mut reader = Reader {
        line,
        at: 0,
        depth,
        found: Vec::new(),
    };
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
                        documents
                            .drain(..)
                            .for_each(|end: Vec<u8>| self.document(&end));
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
                Quote::Double
                    if byte == b'\\' && next.is_some_and(|next| b"\"\\$`\n".contains(next)) =>
                {
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
                rest.iter()
                    .position(|&byte| byte == b'`')
                    .map_or(self.line.len(), |end| begin + 1 + end)
            }
            _ => return self.take(word, quote, false),
        };
        // What stands in `${…}` is no command.
        let skip = if self.line[begin] == b'`' { 1 } else { 2 };
        if !self.line[begin..].starts_with(b"${") && self.depth < DEEPEST && begin + skip < end {
            let inner = in_line(&self.line[begin + skip..end], self.depth + 1);
            let shift = |(range, after): (Range<usize>, String)| {
                (range.start + begin + skip..range.end + begin + skip, after)
            };
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
            word.places.push(Place {
                at: self.at,
                quote,
                escaped,
            });
        }
        self.at += 1;
    }

    /// Judges the words of a command.
    fn finish(&mut self, words: &mut Vec<Word>) {
        let texts: Vec<&[u8]> = words.iter().map(|word| word.text.as_slice()).collect();
        let places: Vec<&[Place]> = words.iter().map(|word| word.places.as_slice()).collect();
        for (number, range) in in_command(&texts, &places, self.depth) {
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
            let after = if same {
                String::new()
            } else {
                [close, open].concat()
            };
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
        while self
            .line
            .get(self.at)
            .is_some_and(|byte| !byte.is_ascii_whitespace() && !b";|&<>()".contains(byte))
        {
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
        let found = shapes::in_text(text, false)
            .into_iter()
            .chain(assignments(text, &|_| false));
        self.found.extend(found.map(|found| {
            (
                found.start + range.start..found.end + range.start,
                String::new(),
            )
        }));
    }

    fn find(&self, byte: u8) -> Option<usize> {
        self.line[self.at..]
            .iter()
            .position(|&found| found == byte)
            .map(|offset| self.at + offset)
    }
}
