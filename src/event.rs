//! What a recorder sees, one [`Event`] at a time, and how it is written down.
//!
//! A segment (one file per recorder process) is JSON Lines: one event per line, in the order in which the recorder saw
//! them. Times are milliseconds since 1970-01-01 UTC by the wall clock. Environment values are never recorded.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize, Serializer};

mod part;
mod peer;
mod read;
mod told;

pub use part::{Kind, Part};
pub use peer::{Peer, Server};
pub use told::{Call, CwdKnown, Outcome, StatusKnown, Told, What};

/// Bytes that are usually text: an argument, a path. In JSON a string when UTF-8, else `{"hex": "…"}`, so that nothing
/// is lost and nothing is guessed.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(Vec<u8>);

impl Bytes {
    /// Returns the bytes as they are.
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }

    /// Returns the text, when the bytes are UTF-8.
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    /// Returns the text with U+FFFD for what is not UTF-8; for people only.
    pub fn to_text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }

    /// Returns the bytes as a path.
    pub fn as_path(&self) -> &Path {
        Path::new(OsStr::from_bytes(&self.0))
    }
}

impl<T: AsRef<[u8]>> From<T> for Bytes {
    fn from(bytes: T) -> Self {
        Self(bytes.as_ref().to_vec())
    }
}

impl From<Bytes> for PathBuf {
    fn from(bytes: Bytes) -> Self {
        bytes.as_path().to_path_buf()
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b\"{}\"", self.0.escape_ascii())
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Hex<'a> {
    #[serde(borrow)]
    hex: Cow<'a, str>,
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.as_str() {
            Some(text) => serializer.serialize_str(text),
            None => Hex { hex: hex(&self.0).into() }.serialize(serializer),
        }
    }
}

/// Returns bytes as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|digit| char::from(b"0123456789abcdef"[digit as usize]))
        .collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect())?
}

/// How a process ended: wait(2)'s two ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// It called exit with this status, 0 to 255.
    Code(u8),
    /// This signal ended it.
    Signal(u8),
}

impl Status {
    /// Reads a status word as wait(2) gives it.
    pub fn from_wait(word: i32) -> Self {
        match word & 0x7f {
            0 => Self::Code((word >> 8 & 0xff) as u8),
            signal => Self::Signal(signal as u8),
        }
    }

    /// Returns the number a shell gives: the status, or 128 + the signal.
    pub fn shell(self) -> u8 {
        match self {
            Self::Code(code) => code,
            Self::Signal(signal) => signal.saturating_add(128),
        }
    }

    /// Returns whether it exited with status 0.
    pub fn is_success(self) -> bool {
        self == Self::Code(0)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit {code}"),
            Self::Signal(signal) => write!(f, "signal {signal}"),
        }
    }
}

/// One line of a segment. The kind, `event`, comes first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The recorder began; the first line of each segment.
    Start(Start),
    /// A process runs a program.
    Exec(Exec),
    /// A process looked for a program and found none.
    Missing(Missing),
    /// A process that had run a program ended.
    Exit(Exit),
    /// A process connected to something outside the session.
    Connect(Connect),
    /// Files that a process opened.
    Files(Files),
    /// Opens that signals may have made fail because they were watched.
    Disturbed(Disturbed),
    /// What an agent's hook told.
    Told(Told),
    /// Events that were not recorded.
    Lost(Lost),
}

/// The head of a segment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Start {
    /// Format of the segment: 1.
    pub format: u32,
    /// When, in milliseconds.
    pub at: i64,
    /// The recorder's name.
    pub recorder: String,
    /// What this recorder cannot see, one sentence each.
    pub blind: Vec<String>,
}

/// A program that began to run in a process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exec {
    /// Number of this exec, unique in its segment, from 1.
    pub id: u64,
    /// When, in milliseconds.
    pub at: i64,
    /// The process: the number of its first exec. Two execs of one process have the same.
    pub process: u64,
    /// The exec that the parent process ran when this process was made; none for the session's first, or when unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<u64>,
    /// Absolute path that was executed, links not followed.
    pub program: Bytes,
    /// The same with links followed, when that is another path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved: Option<Bytes>,
    /// The interpreters that the kernel starts for it, outermost last: `#!` lines.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub interpreters: Vec<Bytes>,
    /// The dynamic loader that the kernel starts with it (PT_INTERP), of a script that of its last interpreter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loader: Option<Bytes>,
    /// Arguments, the first is what it is called; secrets are gone from it.
    pub argv: Vec<Bytes>,
    /// Set when an argument was shortened or some are left out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shortened: bool,
    /// Set when something secret was taken out of the arguments.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub redacted: bool,
    /// Absolute path of the folder in which it began.
    pub cwd: Bytes,
    /// How many places of PATH were tried in vain before.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub probes: u32,
}

/// A program that was looked for and not found, or could not be started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Missing {
    /// When, in milliseconds.
    pub at: i64,
    /// The exec that ran in the process that looked; none when unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<u64>,
    /// What was looked for: a name without a slash when PATH was tried, else the path.
    pub program: Bytes,
    /// Its arguments, secrets gone.
    pub argv: Vec<Bytes>,
    /// How many places were tried.
    pub probes: u32,
}

/// How the end of a process is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndKnown {
    /// The kernel told its status to who held its pidfd (PIDFD_GET_INFO).
    Pidfd,
    /// By wait(2), as its parent or tracer.
    Wait,
    /// The kernel told its status to a program of the recorder that runs in it (the tracepoint sched_process_exit).
    Tracepoint,
    /// It asked for this by exit_group(2); a signal that came then is not known of.
    ExitGroup,
    /// It is gone, and how is not known.
    #[default]
    Gone,
}

/// A process's end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exit {
    /// When that was seen, in milliseconds: of many ends in a row up to 10 ms after.
    pub at: i64,
    /// The process, as in [`Exec::process`].
    pub process: u64,
    /// How it ended; none when that could not be known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// How that is known.
    #[serde(default)]
    pub known: EndKnown,
}

/// A connection out of the session, tried or made; told once for each program run and peer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Connect {
    /// When, in milliseconds.
    pub at: i64,
    /// The exec that ran in the process, or the nearest one above it.
    pub exec: u64,
    /// To what.
    pub to: Peer,
}

/// What a program opened; told when it ends, of long runs in parts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Files {
    /// When, in milliseconds.
    pub at: i64,
    /// The exec that ran in the process, or the nearest one above it.
    pub exec: u64,
    /// Paths of the [parts](Part) that it opened, each once, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub opened: Vec<Bytes>,
    /// Folders in which it opened files to write, and how often.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub written: Vec<(Bytes, u64)>,
    /// How many opens of further parts and in further folders there were.
    #[serde(default, skip_serializing_if = "is_zero_64")]
    pub more: u64,
}

/// Opens that a signal interrupted while they waited for the recorder: in a program whose handlers are set without
/// SA_RESTART they fail with EINTR, as they may on a slow disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disturbed {
    /// When, in milliseconds.
    pub at: i64,
    /// How many at most.
    pub count: u64,
}

/// Something that was not recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lost {
    /// When, in milliseconds.
    pub at: i64,
    /// How many events at least.
    pub count: u64,
    /// Why, one sentence of fixed words.
    pub why: String,
}

fn is_zero_64(number: &u64) -> bool {
    *number == 0
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// Takes events. A recorder writes to one.
pub trait Sink: Send {
    /// Writes events; an error means that they and what follows may be lost.
    fn events(&mut self, events: &[Event]) -> std::io::Result<()>;

    /// Writes one event.
    fn event(&mut self, event: &Event) -> std::io::Result<()> {
        self.events(std::slice::from_ref(event))
    }
}

impl Sink for Vec<Event> {
    fn events(&mut self, events: &[Event]) -> std::io::Result<()> {
        self.extend_from_slice(events);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_no_text_come_back() {
        for bytes in [&b"plain"[..], b"", b"\xff\x00\x1b[31m", "é".as_bytes()] {
            let json = serde_json::to_string(&Bytes::from(bytes)).expect("bytes are always JSON");
            assert_eq!(serde_json::from_str::<Bytes>(&json).expect("what was written").as_slice(), bytes);
        }
        assert_eq!(serde_json::to_string(&Bytes::from(b"\xff")).expect("json"), r#"{"hex":"ff"}"#);
        for bad in [r#"{"hex":"f"}"#, r#"{"hex":"FF"}"#, r#"{"hex":"ff","x":1}"#, "7"] {
            assert!(serde_json::from_str::<Bytes>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_kind_of_an_event_comes_first_and_once() {
        let read = |text: &str| serde_json::from_str::<Event>(text).map_err(|error| error.to_string());
        let lost = Event::Lost(Lost { at: 1, count: 2, why: "it was".to_owned() });
        assert_eq!(read(r#"{"event":"lost","at":1,"why":"it was","count":2}"#), Ok(lost));
        for (bad, why) in [
            (r#"{"at":1,"event":"lost","count":2,"why":""}"#, "expected `event`"),
            (r#"{"event":"lost","event":"lost","at":1,"count":2,"why":""}"#, "unknown field `event`"),
            (r#"{"event":"found"}"#, "unknown variant `found`"),
            ("{}", "missing field `event`"),
        ] {
            assert!(read(bad).expect_err(bad).contains(why), "{bad}: {:?}", read(bad));
        }
    }

    #[test]
    fn wait_words() {
        assert_eq!(Status::from_wait(0x0700), Status::Code(7));
        assert_eq!(Status::from_wait(9), Status::Signal(9));
        assert_eq!(Status::from_wait(0x80 | 11).shell(), 139);
    }
}
