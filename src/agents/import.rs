//! Reads transcripts: finds the agent, hands each record to its reader, and each command on.

use std::io::{BufRead, BufReader, Chain, Cursor, ErrorKind, Read};
use std::sync::{Arc, Mutex};

use anyhow::Context;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{ALL, Agent, Call, Calls, Head, Reader, Record, document};
use crate::event::hex;
use crate::journal::Digest;

/// The longest line that is read, in bytes: images and whole files are in lines.
const LINE: usize = 32 << 20;

/// How much of a transcript is kept until its agent is known: records, and bytes of them.
const UNKNOWN: (usize, usize) = (4096, 16 << 20);

/// What was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transcript {
    /// The agent whose transcript it is.
    pub agent: &'static str,
    /// What it says of the session.
    pub head: Head,
    /// Its bytes; lines that cannot be read are its `unwritten`.
    pub digest: Digest,
}

/// Reads the transcripts of one session.
#[derive(Default)]
pub struct Import {
    readers: Vec<(&'static dyn Agent, Box<dyn Reader>)>,
    /// Whose the file that is read is.
    current: Option<usize>,
    calls: Calls,
    /// Records before the first one that an agent knows.
    before: Vec<(String, Value)>,
    before_bytes: usize,
    sum: Arc<Mutex<Sum>>,
    unread: u64,
}

/// What has passed through.
#[derive(Default)]
struct Sum {
    hash: Sha256,
    length: u64,
}

/// Hashes what is read.
struct Hashing<R> {
    source: R,
    sum: Arc<Mutex<Sum>>,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.source.read(buffer)?;
        let mut sum = self.sum.lock().map_err(|_poisoned| ErrorKind::Other)?;
        sum.hash.update(&buffer[..read]);
        sum.length += read as u64;
        Ok(read)
    }
}

/// A line, or the begin of one that is too long.
enum Line {
    Whole,
    TooLong,
    End,
}

/// Reads a line without its end into `line`; of one that is too long only the begin.
fn next_line(source: &mut impl BufRead, line: &mut Vec<u8>) -> std::io::Result<Line> {
    line.clear();
    if source.take(LINE as u64).read_until(b'\n', line)? == 0 {
        return Ok(Line::End);
    }
    let whole = line.last() == Some(&b'\n') || line.len() < LINE;
    Ok(if whole { Line::Whole } else { Line::TooLong })
}

/// Passes over the rest of a line.
fn skip_line(source: &mut impl BufRead) -> std::io::Result<()> {
    loop {
        let buffer = source.fill_buf()?;
        let (length, end) = match memchr::memchr(b'\n', buffer) {
            Some(at) => (at + 1, true),
            None => (buffer.len(), buffer.is_empty()),
        };
        source.consume(length);
        if end {
            return Ok(());
        }
    }
}

impl Import {
    /// Reads a file of the session: several are the parts of a long one, or those of subagents. `each` gets the commands, in
    /// the order in which they began. Returns whether an agent is known by it.
    pub fn read(&mut self, source: impl Read, each: &mut dyn FnMut(Call)) -> anyhow::Result<bool> {
        self.current = None;
        self.begin(source, each)?;
        let before = std::mem::take(&mut self.before);
        self.before_bytes = 0;
        if self.current.is_none() && !self.readers.is_empty() {
            // A part that begins in the middle of a session tells no more whose it is.
            before.into_iter().for_each(|(list, value)| self.pass(0, &list, &value, each));
        }
        Ok(self.current.is_some())
    }

    fn begin(&mut self, source: impl Read, each: &mut dyn FnMut(Call)) -> anyhow::Result<()> {
        let mut source = BufReader::with_capacity(1 << 18, Hashing { source, sum: Arc::clone(&self.sum) });
        let mut line = Vec::new();
        loop {
            let read = next_line(&mut source, &mut line).context("failed to read a line")?;
            let blank = line.trim_ascii().is_empty();
            match read {
                Line::End => return Ok(()),
                Line::Whole if blank => {}
                _ => break self.first(source, line, matches!(read, Line::TooLong), each),
            }
        }
    }

    /// Goes on after the first line: a document when that is only the begin of one.
    fn first(
        &mut self,
        mut source: impl BufRead,
        line: Vec<u8>,
        too_long: bool,
        each: &mut dyn FnMut(Call),
    ) -> anyhow::Result<()> {
        let begin = line.trim_ascii_start().first().copied();
        let opens = matches!(begin, Some(b'{' | b'['));
        match serde_json::from_slice::<Value>(&line) {
            Ok(value) => document::whole(value, &mut |list, value| self.record(list, value, each)),
            Err(error) if opens && (error.is_eof() || too_long) => {
                let rest: Chain<_, _> = Cursor::new(line).chain(source);
                let read = document::read(rest, &mut |list, value| self.record(list, value, each));
                self.unread += u64::from(read.is_err());
                return Ok(());
            }
            Err(_other) if too_long => {
                self.unread += 1;
                skip_line(&mut source).context("failed to read a line")?;
            }
            Err(_no_json) => self.text(&line, each),
        }
        self.lines(source, each)
    }

    fn lines(&mut self, mut source: impl BufRead, each: &mut dyn FnMut(Call)) -> anyhow::Result<()> {
        let mut line = Vec::new();
        loop {
            match next_line(&mut source, &mut line).context("failed to read a line")? {
                Line::End => return Ok(()),
                Line::Whole => {}
                Line::TooLong => {
                    self.unread += 1;
                    skip_line(&mut source).context("failed to read a line")?;
                    continue;
                }
            }
            let reader = self.current.map(|current| &self.readers[current].1);
            let wanted = reader.is_none_or(|reader| reader.wants(&line, &self.calls));
            if !wanted || line.trim_ascii().is_empty() {
                continue;
            }
            match serde_json::from_slice::<Value>(&line) {
                Ok(value) => self.record("", value, each),
                Err(_no_json) => self.text(&line, each),
            }
        }
    }

    /// Takes a line that is no JSON: of a text, or damaged.
    fn text(&mut self, line: &[u8], each: &mut dyn FnMut(Call)) {
        let damaged = matches!(line.trim_ascii_start().first(), Some(b'{' | b'['));
        self.unread += u64::from(damaged);
        let text = String::from_utf8_lossy(line).trim_end_matches(['\n', '\r']).to_owned();
        self.record("", Value::String(text), each);
    }

    fn record(&mut self, list: &str, value: Value, each: &mut dyn FnMut(Call)) {
        if let Some(current) = self.current {
            return self.pass(current, list, &value, each);
        }
        let Some(agent) = ALL.iter().find(|agent| agent.reads(Record { list, value: &value })) else {
            if self.before.len() < UNKNOWN.0 && self.before_bytes < UNKNOWN.1 {
                self.before_bytes += weight(&value);
                self.before.push((list.to_owned(), value));
            }
            return;
        };
        let known = self.readers.iter().position(|(known, _)| known.name() == agent.name());
        let current = known.unwrap_or(self.readers.len());
        if known.is_none() {
            self.readers.push((*agent, agent.reader()));
        }
        self.current = Some(current);
        for (list, value) in std::mem::take(&mut self.before) {
            self.pass(current, &list, &value, each);
        }
        self.pass(current, list, &value, each);
    }

    fn pass(&mut self, reader: usize, list: &str, value: &Value, each: &mut dyn FnMut(Call)) {
        self.readers[reader].1.record(Record { list, value }, &mut self.calls);
        self.calls.drain(false, each);
    }

    /// Hands over the commands whose results never came, and returns what was read; none when no agent is known by it.
    pub fn finish(mut self, each: &mut dyn FnMut(Call)) -> Option<Transcript> {
        let agent = self.readers.first()?.0.name();
        self.readers.iter_mut().for_each(|(_, reader)| reader.end(&mut self.calls));
        self.calls.drain(true, each);
        let sum = std::mem::take(&mut *self.sum.lock().ok()?);
        let digest = Digest { length: sum.length, sha256: hex(&sum.hash.finalize()), unwritten: self.unread };
        Some(Transcript { agent, head: self.calls.head, digest })
    }
}

/// Returns about how much memory a record takes.
fn weight(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len() + 32,
        Value::Array(values) => values.iter().map(weight).sum::<usize>() + 32,
        Value::Object(fields) => fields.iter().map(|(name, value)| name.len() + weight(value)).sum::<usize>() + 32,
        _ => 32,
    }
}
