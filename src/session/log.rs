//! The event log: segments of JSON Lines, how they are written and read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, ErrorKind, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::Context;
use sha2::{Digest as _, Sha256};

use super::hooks;
use crate::event::{Bytes, Event, Exec, Missing, Sink, hex};
use crate::journal::{Digest, malformed};
use crate::redact;

/// A segment that is written: one `write` for what is recorded at a time, a newline last in each record.
///
/// Beside it a file of fixed size counts what could not be written, so that a full disk is not silent.
#[derive(Debug)]
pub struct Log {
    file: File,
    length: u64,
    /// Whether a part of a record may be behind that length.
    torn: bool,
    count: File,
    unwritten: u64,
}

impl Log {
    /// Opens a segment for appending; it is made, readable by the user only, when it does not exist.
    pub fn append(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
        let count = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(count_of(path))?;
        let length = file.metadata()?.len();
        let mut log = Self { file, length, torn: false, count, unwritten: unwritten(path) };
        log.note(0)?;
        Ok(log)
    }

    /// Opens a segment whose writer is gone, for appending. A record that a kill has torn is cut off: were another one written
    /// behind it, that would be damage.
    pub fn go_on(path: &Path) -> io::Result<Self> {
        let mut log = Self::append(path)?;
        let whole = length_of_records(&File::open(path)?, log.length)?;
        (log.torn, log.length) = (whole < log.length, whole);
        log.mend()?;
        Ok(log)
    }

    /// Changes the count by a number of events, in place: no room is needed for that.
    fn note(&mut self, more: i64) -> io::Result<()> {
        self.unwritten = self.unwritten.saturating_add_signed(more);
        self.count.write_all_at(format!("{:020}\n", self.unwritten).as_bytes(), 0)
    }

    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        self.mend()?;
        loop {
            match self.file.write(line) {
                Ok(written) if written == line.len() => {
                    self.length += written as u64;
                    return Ok(());
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                torn => {
                    self.torn = true;
                    self.mend()?;
                    return Err(torn.err().unwrap_or_else(|| ErrorKind::StorageFull.into()));
                }
            }
        }
    }

    /// Cuts off what was written of a record that found no room: it would be damage before the next one.
    fn mend(&mut self) -> io::Result<()> {
        if self.torn {
            self.file.set_len(self.length)?;
            self.torn = false;
        }
        Ok(())
    }
}

impl Sink for Log {
    /// Writes events, free of secrets.
    fn events(&mut self, events: &[Event]) -> io::Result<()> {
        let mut lines = Vec::new();
        for event in events {
            serde_json::to_writer(&mut lines, redacted(event).as_ref().unwrap_or(event))?;
            lines.push(b'\n');
        }
        let lost = |event: &Event| if let Event::Lost(lost) = event { Some(lost.count) } else { None };
        let told: u64 = events.iter().filter_map(lost).sum();
        let others = events.iter().filter(|event| lost(event).is_none()).count();
        match self.write(&lines) {
            Ok(()) if told > 0 && self.unwritten > 0 => self.note(-i64::try_from(told).unwrap_or(i64::MAX)),
            Err(error) if others > 0 => self.note(others as i64).and(Err(error)),
            result => result,
        }
    }
}

/// Returns the length of the records that are whole, of a file of some length.
fn length_of_records(file: &File, length: u64) -> io::Result<u64> {
    let mut block = [0; 1 << 16];
    let mut end = length;
    while end > 0 {
        let start = end.saturating_sub(block.len() as u64);
        let block = &mut block[..(end - start) as usize];
        file.read_exact_at(block, start)?;
        if let Some(at) = memchr::memrchr(b'\n', block) {
            return Ok(start + at as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

/// Returns the file that counts what could not be written into a segment: 20 digits and a newline.
fn count_of(segment: &Path) -> PathBuf {
    segment.with_extension("unwritten")
}

/// Returns how many events could not be written into a segment.
fn unwritten(segment: &Path) -> u64 {
    fs::read_to_string(count_of(segment)).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}

/// Takes the secrets out of an event's arguments or command line; none when there are none.
fn redacted(event: &Event) -> Option<Event> {
    if let Event::Told(told) = event {
        return hooks::redacted(told).map(Event::Told);
    }
    let (Event::Exec(Exec { argv, .. }) | Event::Missing(Missing { argv, .. })) = event else { return None };
    let mut lines = Vec::new();
    argv.iter().for_each(|word| lines.extend(word.as_slice().iter().chain(b"\n")));
    if !redact::may_hold(&lines) {
        return None;
    }
    let words: Vec<Vec<u8>> = argv.iter().map(|word| word.as_slice().to_vec()).collect();
    let (words, true) = redact::argv(&words) else { return None };
    let argv = words.into_iter().map(Bytes::from).collect();
    Some(match event.clone() {
        Event::Exec(exec) => Event::Exec(Exec { argv, redacted: true, ..exec }),
        Event::Missing(missing) => Event::Missing(Missing { argv, ..missing }),
        other => other,
    })
}

pub(super) fn segments(folder: &Path) -> io::Result<Vec<(u32, PathBuf)>> {
    let mut segments = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let number = entry.file_name().to_str().and_then(segment_number);
        segments.extend(number.map(|number| (number, entry.path())));
    }
    segments.sort_unstable();
    Ok(segments)
}

/// Returns the number of a segment by its file's name.
fn segment_number(name: &str) -> Option<u32> {
    let digits = name.strip_prefix("events-")?.strip_suffix(".jsonl")?;
    digits.parse().ok().filter(|number: &u32| number.to_string() == digits)
}

pub(super) fn read_segments(
    segments: Vec<(u32, PathBuf)>,
    each: &mut dyn FnMut(Option<Event>),
) -> anyhow::Result<Digest> {
    let mut hash = Sha256::new();
    let mut digest = Digest::default();
    for (_, path) in segments {
        each(None);
        digest.length += read_segment(&path, &mut hash, each)?;
        digest.unwritten += unwritten(&path);
    }
    digest.sha256 = hex(&hash.finalize());
    Ok(digest)
}

/// Reads one segment and returns the length of its valid part.
fn read_segment(path: &Path, hash: &mut Sha256, each: &mut dyn FnMut(Option<Event>)) -> anyhow::Result<u64> {
    let context = || format!("failed to read events from `{}`", path.display());
    let mut reader = BufReader::with_capacity(1 << 16, File::open(path).with_context(context)?);
    let (mut length, mut records) = (0, 0_u64);
    let mut line = Vec::new();
    let mut damage: Option<anyhow::Error> = None;
    while reader.read_until(b'\n', &mut line).with_context(context)? > 0 {
        if line.last() != Some(&b'\n') {
            break;
        }
        match serde_json::from_slice::<Event>(&line) {
            Ok(event) => {
                if let Some(damage) = damage {
                    return Err(damage).with_context(context);
                }
                each(Some(event));
                hash.update(&line);
                length += line.len() as u64;
                records += 1;
            }
            Err(error) => damage = damage.or(Some(malformed(&format!("record {} is damaged", records + 1), &error))),
        }
        line.clear();
    }
    Ok(length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Exit, Lost};

    /// Returns what is read of a segment.
    fn read(path: &Path) -> anyhow::Result<(Digest, Vec<Event>)> {
        let mut events = Vec::new();
        let digest = read_segments(vec![(1, path.to_path_buf())], &mut |event| events.extend(event))?;
        Ok((digest, events))
    }

    fn lost(count: u64) -> Event {
        Event::Lost(Lost { at: 1, count, why: "test".into() })
    }

    #[test]
    fn what_cannot_be_written_is_counted() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("events-1.jsonl");
        let exit = |at| Event::Exit(Exit { at, process: 1, ..Exit::default() });
        let mut log = Log::append(&path).expect("a segment");
        log.file = File::open(&path).expect("it cannot be written");
        log.event(&exit(1)).expect_err("not written");
        log.event(&exit(2)).expect_err("not written");
        assert_eq!(read(&path).expect("readable").0.unwritten, 2);
        let mut log = Log::append(&path).expect("there is room again");
        log.event(&lost(2)).expect("written");
        log.event(&exit(3)).expect("written");
        let (digest, events) = read(&path).expect("readable");
        assert_eq!((digest.unwritten, events), (0, vec![lost(2), exit(3)]));
    }

    #[test]
    fn a_torn_tail_is_cut_and_damage_is_reported() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("events-1.jsonl");
        let mut log = Log::append(&path).expect("a segment");
        (1..=2).for_each(|count| log.event(&lost(count)).expect("written"));
        let whole = fs::read(&path).expect("events");
        fs::write(&path, [&whole[..], b"{\"event\":\"lost\",\"at\""].concat()).expect("torn");
        let (digest, events) = read(&path).expect("the valid prefix");
        assert_eq!(events, [lost(1), lost(2)]);
        assert_eq!((digest.length, digest.sha256), (whole.len() as u64, hex(&Sha256::digest(&whole))));
        Log::append(&path).expect("a segment, of which another may be the writer");
        assert!(fs::read(&path).expect("events").len() > whole.len());
        let torn = [&whole[..], &[b' '; 100_000]].concat();
        for (left, cut) in [(torn.as_slice(), whole.len()), (&torn[..whole.len()], whole.len()), (&torn[..20], 0)] {
            fs::write(&path, left).expect("torn");
            Log::go_on(&path).expect("the writer is gone").event(&lost(3)).expect("written");
            let (_, events) = read(&path).expect("no damage");
            assert_eq!((events.len(), events.last()), (if cut > 0 { 3 } else { 1 }, Some(&lost(3))));
        }
        let damaged = [&whole[..20], b"\x00\n", &whole[20..]].concat();
        fs::write(&path, &damaged).expect("damaged");
        let error = format!("{:#}", read(&path).expect_err("damage"));
        assert!(error.contains("record 1 is damaged: line 1"), "{error}");
        assert_eq!(fs::read(&path).expect("events"), damaged, "nothing is touched");
    }
}
