//! An open session on disk, in the git folder of its worktree.
//!
//! `agent-capture/active` names the open session; `agent-capture/<session>/events-<n>.jsonl` are its raw events, one
//! append-only segment for each recorder process, number 0 what an agent's hooks tell; `agent-capture/<session>/closed` tells
//! recorders that still live to write no more. A session whose agent is gone waits as `agent-capture/<session>/ended` until
//! it is captured. Raw events are kept for 30 days. `agent-capture/shell.d` has the files by which later shells
//! [enter](entry).

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};

use crate::event::{Bytes, Event};
use crate::journal::{Digest, SessionId, malformed};

mod entry;
mod hooks;
mod log;

pub use entry::{is_entry, quoted};
pub use hooks::Teller;
pub use log::Log;
use log::{read_segments, segments};

/// How long raw events are kept.
const KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// The sessions of one worktree.
#[derive(Clone, Debug)]
pub struct Sessions {
    dir: PathBuf,
}

/// What `active` says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Active {
    /// 1.
    pub version: u32,
    /// The session.
    pub id: SessionId,
    /// When it was opened, RFC 3339, UTC.
    pub start: String,
    /// The commit that was checked out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// The command line that is recorded.
    pub line: Bytes,
    /// Name of the agent, when it is a known one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// The agent's version, when it is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_version: Option<String>,
    /// Whether hooks of an agent opened it: nothing records it as a whole.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hooks: bool,
    /// How what joins the session is recorded.
    #[serde(default, skip_serializing_if = "Recording::is_default")]
    pub recording: Recording,
}

/// How a session is recorded, as the user wants it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recording {
    /// The recorder; none for the best that works.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorder: Option<String>,
    /// Only in ways that let `sudo` work.
    #[serde(default)]
    pub keep_sudo: bool,
    /// How much is recorded, as the recorders name it; none for what is usual.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depth: Option<String>,
}

impl Recording {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// A session that is open, or closed and not yet captured.
#[derive(Clone, Debug)]
pub struct Open {
    /// What `active` says.
    pub active: Active,
    sessions: PathBuf,
    /// The file that says that it is not captured yet: `active`, or its own `ended`.
    marker: PathBuf,
}

impl Sessions {
    /// Returns the sessions of the worktree with this git folder.
    pub fn new(git_dir: &Path) -> Self {
        Self { dir: git_dir.join("agent-capture") }
    }

    /// Returns the open session.
    pub fn active(&self) -> anyhow::Result<Option<Open>> {
        self.marked(self.dir.join("active"))
    }

    fn marked(&self, marker: PathBuf) -> anyhow::Result<Option<Open>> {
        let text = match fs::read(&marker) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("failed to read `{}`", marker.display())),
        };
        let active = serde_json::from_slice(&text).map_err(|error| malformed("it is no open session", &error));
        let active = active.with_context(|| format!("failed to read `{}`", marker.display()))?;
        Ok(Some(Open { active, sessions: self.dir.clone(), marker }))
    }

    /// Returns the session whose raw events are in this folder, if it is open.
    pub fn of(folder: &Path) -> Option<Open> {
        let sessions = Self { dir: folder.parent().filter(|_| folder.is_absolute())?.to_path_buf() };
        let open = sessions.active().ok().flatten().filter(|open| open.folder() == folder)?;
        (!open.closed().exists()).then_some(open)
    }

    /// Returns whether there are raw events of a session of this name.
    pub fn is_known(&self, id: &SessionId) -> bool {
        self.dir.join(id.as_str()).exists()
    }

    /// Reads the raw events of a session, open or closed, as [`Open::read`] does; none when they are gone.
    pub fn read(&self, id: &SessionId, each: &mut dyn FnMut(Option<Event>)) -> anyhow::Result<Option<Digest>> {
        let folder = self.dir.join(id.as_str());
        let segments = match segments(&folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            other => other.with_context(|| format!("failed to read `{}`", folder.display()))?,
        };
        if segments.is_empty() { Ok(None) } else { read_segments(segments, each).map(Some) }
    }

    /// Returns the names of all sessions with raw events, the open one included.
    pub fn names(&self) -> BTreeSet<SessionId> {
        let entries = fs::read_dir(&self.dir).into_iter().flatten().flatten();
        let name = |entry: fs::DirEntry| SessionId::parse(entry.file_name().to_str()?).ok();
        let segments =
            |id: &SessionId| ["events-0.jsonl", "events-1.jsonl"].map(|it| self.dir.join(id.as_str()).join(it));
        entries.filter_map(name).filter(|id| segments(id).iter().any(|it| it.is_file())).collect()
    }

    /// Opens a session. Errors when one is open, when its name was used before, or when the disk is full.
    pub fn open(&self, active: Active) -> anyhow::Result<Open> {
        if let Some(open) = self.active()? {
            let Active { id, start, .. } = open.active;
            bail!("session `{id}` is open since {start}; close it first: `agent-capture stop`");
        }
        self.prune();
        let folder = self.dir.join(active.id.as_str());
        if folder.exists() {
            bail!("there is a session `{}` already; choose another name: `--name NAME`", active.id);
        }
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&folder);
        made.with_context(|| format!("failed to make `{}`", folder.display()))?;
        let path = self.dir.join("active");
        let written = write_new(&path, &serde_json::to_vec(&active)?);
        if written.is_err() {
            drop(fs::remove_dir(&folder));
        }
        written.with_context(|| format!("failed to open the session in `{}`", path.display()))?;
        Ok(Open { active, sessions: self.dir.clone(), marker: path })
    }

    /// Removes raw events of closed sessions that are older than 30 days. What cannot be removed stays.
    fn prune(&self) {
        let old = |path: &Path| {
            let age = fs::metadata(path.join("closed")).and_then(|closed| closed.modified());
            age.is_ok_and(|at| SystemTime::now().duration_since(at).is_ok_and(|age| age > KEPT))
        };
        for entry in fs::read_dir(&self.dir).into_iter().flatten().flatten().filter(|entry| old(&entry.path())) {
            drop(fs::remove_dir_all(entry.path()));
        }
    }
}

/// Writes a file that is there whole or not at all, and errors when it exists.
fn write_new(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let folder = path.parent().context("it has no folder")?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist_noclobber(path)?;
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    if synced.is_err() {
        drop(fs::remove_file(path));
    }
    Ok(synced?)
}

impl Open {
    /// Returns the folder of its raw events, by which processes know the session.
    pub fn folder(&self) -> PathBuf {
        self.sessions.join(self.active.id.as_str())
    }

    /// Makes a segment that no other recorder writes to, and returns its path.
    pub fn claim(&self) -> io::Result<PathBuf> {
        let last = self.segments()?.last().map_or(0, |(number, _)| *number);
        for number in last + 1.. {
            let path = self.folder().join(format!("events-{number}.jsonl"));
            match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                made => return made.map(|_| path),
            }
        }
        Err(ErrorKind::StorageFull.into())
    }

    /// Returns the segments by their numbers, which are in the order in which they were begun.
    fn segments(&self) -> io::Result<Vec<(u32, PathBuf)>> {
        segments(&self.folder())
    }

    /// Returns the file whose existence tells recorders to write no more.
    pub fn closed(&self) -> PathBuf {
        self.folder().join("closed")
    }

    /// Returns the file that says which names were in the usual places before the session.
    pub fn before(&self) -> PathBuf {
        self.folder().join("before")
    }

    /// Tells recorders to write no more. Closing again changes nothing.
    pub fn close(&self) -> anyhow::Result<()> {
        let path = self.closed();
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
            Ok(file) => file.sync_all().with_context(|| format!("failed to write `{}`", path.display())),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error).with_context(|| format!("failed to write `{}`", path.display())),
        }
    }

    /// Forgets that the session is open: its journal is written. The raw events stay.
    pub fn finish(&self) -> anyhow::Result<()> {
        fs::remove_file(&self.marker).with_context(|| format!("failed to remove `{}`", self.marker.display()))
    }

    /// Forgets the session and what was recorded: its command could not be started.
    pub fn abandon(&self) -> anyhow::Result<()> {
        self.close()?;
        self.finish()?;
        fs::remove_dir_all(self.folder()).with_context(|| format!("failed to remove `{}`", self.folder().display()))
    }

    /// Waits until recorders that still live have written what they saw, a second at most: they write after they answer.
    pub fn settle(&self) {
        let size = |(_, path): &(u32, PathBuf)| fs::metadata(path).map_or(0, |meta| meta.len());
        let length = || self.segments().unwrap_or_default().iter().map(size).sum::<u64>();
        let mut before = length();
        for _ in 0..20 {
            std::thread::sleep(Duration::from_millis(50));
            let now = length();
            if now == before {
                break;
            }
            before = now;
        }
    }

    /// Reads all segments: `each` gets none at the start of a segment, then its events. A record that a crash cut off at the
    /// end of a segment is left out; damage before a whole record is an error, and nothing is changed.
    pub fn read(&self, each: &mut dyn FnMut(Option<Event>)) -> anyhow::Result<Digest> {
        let segments = self.segments();
        let segments = segments.with_context(|| format!("failed to read `{}`", self.folder().display()))?;
        read_segments(segments, each)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Lost, Sink};

    fn active(name: &str) -> Active {
        let id = SessionId::parse(name).expect("a name");
        Active {
            version: 1,
            id,
            start: "2026-11-22T10:00:00Z".into(),
            base: None,
            line: Bytes::from("sh"),
            agent: None,
            agent_version: None,
            hooks: false,
            recording: Recording::default(),
        }
    }

    /// Returns what is read, a list for each segment.
    fn read(open: &Open) -> anyhow::Result<(Digest, Vec<Vec<Event>>)> {
        let mut segments = Vec::new();
        let digest = open.read(&mut |event| match event {
            None => segments.push(Vec::new()),
            Some(event) => segments.last_mut().expect("a segment").push(event),
        })?;
        Ok((digest, segments))
    }

    fn lost(count: u64) -> Event {
        Event::Lost(Lost { at: 1, count, why: "test".into() })
    }

    #[test]
    fn a_session_is_open_once() {
        let dir = tempfile::tempdir().expect("a folder");
        let sessions = Sessions::new(dir.path());
        assert!(sessions.active().expect("readable").is_none());
        let open = sessions.open(active("one")).expect("opened");
        let error = sessions.open(active("two")).expect_err("one is open");
        assert!(error.to_string().contains("`one` is open since 2026-11-22T10:00:00Z"), "{error}");
        assert_eq!(sessions.active().expect("readable").expect("open").active, open.active);
        open.close().expect("closed");
        open.close().expect("closed again");
        open.finish().expect("finished");
        let error = sessions.open(active("one")).expect_err("the name is used");
        assert!(error.to_string().contains("--name"), "{error}");
        sessions.open(active("two")).expect("opened");
    }

    #[test]
    fn every_segment_is_of_one_recorder_and_is_read() {
        let dir = tempfile::tempdir().expect("a folder");
        let open = Sessions::new(dir.path()).open(active("one")).expect("opened");
        let claim = || (0..25).map(|_| open.claim().expect("a segment")).collect::<Vec<_>>();
        let claims: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(claim)).collect();
            threads.into_iter().flat_map(|thread| thread.join().expect("claims")).collect()
        });
        let different: BTreeSet<_> = claims.iter().collect();
        assert_eq!((different.len(), open.segments().expect("a folder").last().expect("one").0), (100, 100));
        for (number, path) in open.segments().expect("a folder") {
            if [10, 100].contains(&number) {
                Log::append(&path).expect("a segment").event(&lost(u64::from(number))).expect("written");
            } else {
                fs::remove_file(path).expect("removed");
            }
        }
        fs::write(open.folder().join("events-007.jsonl"), "x\n").expect("no segment");
        assert_eq!(read(&open).expect("readable").1, [[lost(10)], [lost(100)]]);
        assert!(Sessions::of(&open.folder()).is_some() && Sessions::of(Path::new("one")).is_none());
        open.close().expect("closed");
        assert!(Sessions::of(&open.folder()).is_none());
    }
}
