//! Secrets, taken out of arguments and command lines before these reach a disk.
//!
//! A secret is known by its place (`--password X`, `NAME_TOKEN=X`, `scheme://user:X@`, `Authorization: X`, `mysql -pX`) or
//! by its shape (`ghp_…`, `AKIA…`, a JWT, a private key). Nothing is guessed from randomness, so hashes, ids and store paths
//! stay. What only names a secret stays too: `$TOKEN`, `<token>`, a path.
//!
//! Words are judged with their neighbours, a command line is split into words as a shell does it, and a script inside of a
//! word (`sh -c '…'`) is a command line again: the same is taken out of each.

mod lines;
mod names;
mod programs;
mod shapes;
mod words;

use std::borrow::Cow;
use std::ops::Range;
use std::sync::LazyLock;

use regex::bytes::Regex;

/// What stands in the place of a secret.
pub const MARK: &str = "[redacted]";

/// How often what was redacted is looked at again.
const ROUNDS: usize = 8;

/// Something of this is in whatever any rule takes out; most command lines hold none of it.
static HINT: LazyLock<Regex> = LazyLock::new(|| {
    let places = "pass|pwd|token|secret|key|credential|auth|cookie|://|mysql|mariadb|curl|redis|mongo|\
                  login|ldap|7z|zip|sqlcmd|smbclient|twine|http|xh|creds|rclone";
    Regex::new(&format!("(?-u)(?i:{places})|{}", shapes::HINT)).expect("a fixed pattern")
});

/// Returns whether arguments, one a line, may hold a secret: mostly they cannot, which costs less to find out than [`argv`].
pub fn may_hold(arguments: &[u8]) -> bool {
    HINT.is_match(arguments)
}

/// Returns arguments without secrets, and whether something was taken out. What does not come to rest is taken out whole.
pub fn argv(argv: &[Vec<u8>]) -> (Vec<Vec<u8>>, bool) {
    if !may_hold(&argv.join(&b'\n')) {
        return (argv.to_vec(), false);
    }
    settled(argv, ROUNDS)
}

fn settled(argv: &[Vec<u8>], rounds: usize) -> (Vec<Vec<u8>>, bool) {
    let mut words = argv.to_vec();
    for round in 0..rounds {
        let views: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        let found = words::in_command(&views, &[], 0);
        if found.is_empty() {
            return (words, round > 0);
        }
        let mut of_words = vec![Vec::new(); words.len()];
        for (number, range) in found {
            of_words[number].push((range, String::new()));
        }
        for (word, ranges) in words.iter_mut().zip(of_words) {
            if !ranges.is_empty() {
                *word = replaced(word, ranges);
            }
        }
    }
    (vec![MARK.as_bytes().to_vec(); words.len()], true)
}

/// Returns a shell command line without secrets, and whether something was taken out. What does not come to rest is taken out
/// whole.
pub fn line(text: &str) -> (Cow<'_, str>, bool) {
    if !HINT.is_match(text.as_bytes()) {
        return (Cow::Borrowed(text), false);
    }
    settled_line(text, ROUNDS)
}

fn settled_line(text: &str, rounds: usize) -> (Cow<'_, str>, bool) {
    let mut bytes = Cow::Borrowed(text.as_bytes());
    for _ in 0..rounds {
        let found = lines::in_line(&bytes, 0);
        if found.is_empty() {
            return match bytes {
                Cow::Borrowed(_) => (Cow::Borrowed(text), false),
                Cow::Owned(bytes) => (Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()), true),
            };
        }
        bytes = Cow::Owned(replaced(&bytes, found));
    }
    (Cow::Borrowed(MARK), true)
}

/// Puts [`MARK`], and what must follow it there, in the place of each range; ranges that overlap become one.
fn replaced(bytes: &[u8], mut ranges: Vec<(Range<usize>, String)>) -> Vec<u8> {
    ranges.sort_by_key(|(range, _)| (range.start, range.end));
    let mut out = Vec::with_capacity(bytes.len() + ranges.len() * MARK.len());
    let mut at = 0;
    let mut ranges = ranges.into_iter().peekable();
    while let Some((range, mut after)) = ranges.next() {
        let mut end = range.end;
        while let Some((next, _)) = ranges.peek() {
            if next.start >= end {
                break;
            }
            if next.end > end {
                end = next.end;
                after = ranges.next().expect("it was peeked at").1;
            } else {
                ranges.next();
            }
        }
        out.extend_from_slice(&bytes[at..range.start]);
        out.extend_from_slice(MARK.as_bytes());
        out.extend_from_slice(after.as_bytes());
        at = end;
    }
    out.extend_from_slice(&bytes[at..]);
    out
}

#[cfg(test)]
mod tests;
