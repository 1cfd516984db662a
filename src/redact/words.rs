//! Words with their neighbours.

use std::cell::LazyCell;
use std::ops::Range;

use super::lines::{DEEPEST, Place, in_line};
use super::programs::Programs;
use super::{names, shapes};

/// Returns the secrets of one command: the number of the word and where in it. The places are those of a command line; what
/// has none is taken as it is.
pub(super) fn in_command(words: &[&[u8]], places: &[&[Place]], depth: usize) -> Vec<(usize, Range<usize>)> {
    let mut found = Vec::new();
    let add = |found: &mut Vec<(usize, Range<usize>)>, number: usize, range: Range<usize>| {
        if !range.is_empty() {
            found.push((number, range));
        }
    };
    let is_literal = |number: usize, at: usize| {
        let place = places.get(number).and_then(|places| places.get(at));
        place.is_none_or(|place| place.is_literal())
    };
    let mut programs = Programs::default();
    for (number, word) in words.iter().enumerate() {
        let before = number.checked_sub(1).map_or(&b""[..], |before| words[before]);
        if depth < DEEPEST && programs.take_script(before, word) {
            for (range, _) in in_line(word, depth + 1) {
                add(&mut found, number, range);
            }
            continue;
        }
        let searching = programs.search();
        for range in shapes::in_text(word, searching) {
            add(&mut found, number, range);
        }
        if !searching {
            for range in assignments(word, &|at| is_literal(number, at)) {
                add(&mut found, number, range);
            }
            let named = takes_secret(word, before, words).then_some(number + 1);
            let next = named.filter(|&next| words.get(next).is_some_and(|next| !next.starts_with(b"-")));
            for next in next.into_iter().chain(header(words, number)) {
                if !names::is_harmless(words[next], is_literal(next, 0)) {
                    add(&mut found, next, 0..words[next].len());
                }
            }
        }
        if let Some((of, range)) = programs.option(words, number)
            && !names::is_reference(&words[of][range.start..], is_literal(of, range.start))
        {
            add(&mut found, of, range);
        }
        programs.note(word, before);
    }
    if let Some(last) = programs.last(words).filter(|&last| !names::is_reference(words[last], is_literal(last, 0))) {
        found.push((last, 0..words[last].len()));
    }
    found
}

/// Returns whether a word is an option, or a setting's name, whose value is the next word and secret.
fn takes_secret(word: &[u8], before: &[u8], words: &[&[u8]]) -> bool {
    let name_like = |name: &[u8]| name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_-.:/@".contains(byte));
    let last = word.rsplit(|&byte| byte == b':').next().unwrap_or(word);
    if word.len() > 2 && word.starts_with(b"-") {
        return name_like(word) && names::is_secret(word) && !names::is_switch(word);
    }
    before == b"set" && name_like(word) && names::is_secret(last)
        || before.ends_with(b"cargo") && word == b"login" && words.len() < 8
}

/// Returns the number of the word that follows a header which is a word of its own: `Authorization: Bearer X` without quotes.
fn header(words: &[&[u8]], number: usize) -> Option<usize> {
    const HEADERS: [&str; 5] = ["authorization", "proxy-authorization", "x-api-key", "private-token", "cookie"];
    const SCHEMES: [&str; 4] = ["bearer", "basic", "token", "digest"];
    let is = |word: &[u8], of: &[&str]| of.iter().any(|name| word.eq_ignore_ascii_case(name.as_bytes()));
    let name = words[number].strip_suffix(b":")?;
    if !is(name, &HEADERS) {
        return None;
    }
    let scheme = words.get(number + 1).is_some_and(|word| is(word, &SCHEMES));
    let number = number + 1 + usize::from(scheme);
    (number < words.len()).then_some(number)
}

/// Returns the values of what is set in a word, `NAME=value` in all its places, when the name says secret.
pub(super) fn assignments(word: &[u8], is_literal: &dyn Fn(usize) -> bool) -> Vec<Range<usize>> {
    let last = |of: &[u8]| word.iter().rposition(|byte| of.contains(byte)).unwrap_or(0);
    let holds = |part: &[u8]| word.windows(part.len()).any(|found| found == part);
    let newline = LazyCell::new(|| last(b"\n"));
    let bracket = LazyCell::new(|| last(b"()[]{}"));
    let connection = LazyCell::new(|| holds(b"host=") || holds(b"user="));
    let mut found: Vec<Range<usize>> = Vec::new();
    // Where the last value ended, and at which bytes; many names in a long word may have the same.
    let mut ended: (usize, &[u8]) = (0, b"");
    for (at, _) in word.iter().enumerate().filter(|(_, byte)| **byte == b'=') {
        let in_name = |byte: &&u8| byte.is_ascii_alphanumeric() || b"_.-".contains(byte);
        let begin = at - word[..at].iter().rev().take_while(in_name).count();
        let (name, rest) = (&word[begin..at], &word[at + 1..]);
        let comparison = rest.first().is_none_or(|byte| b"=~".contains(byte));
        let inside = found.last().is_some_and(|found| at < found.end);
        if comparison || inside || !names::is_secret(name) {
            continue;
        }
        let shouted = !name.iter().any(u8::is_ascii_lowercase);
        let until: &[u8] = match begin.checked_sub(1).map(|before| word[before]) {
            None | Some(b'=') if at > *newline && (shouted || name.starts_with(b"-")) => b"",
            None | Some(b'=') if at > *bracket => b" \t\r\n",
            Some(b'?' | b'&' | b';') => b"&;#\"' \t\r\n",
            Some(b',') => b",\"' \t\r\n",
            Some(b':') => b"\"' \t\r\n",
            Some(b'/') if shouted => b"/\"' \t\r\n",
            Some(b'|') if shouted => b"|\"' \t\r\n",
            Some(b' ' | b'\t' | b'\n' | b'\'' | b'"' | b'`') if shouted => b"\"'`;&|) \t\r\n",
            Some(b' ') if *connection => b" \"'\t\r\n",
            _ => continue,
        };
        let (start, until) = match rest[0] {
            b'"' if !until.is_empty() => (at + 2, &b"\"\n"[..]),
            b'\'' if !until.is_empty() => (at + 2, &b"'\n"[..]),
            _ => (at + 1, until),
        };
        let end = if ended.1 == until && start < ended.0 {
            ended.0
        } else {
            let length = word[start..].iter().position(|byte| until.contains(byte));
            length.map_or(word.len(), |length| start + length)
        };
        ended = (end, until);
        if !names::is_harmless(&word[start..end], is_literal(start)) {
            found.push(start..end);
        }
    }
    found
}
