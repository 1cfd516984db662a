//! What hooks do with a session: they tell of it, each in a process of its own, and know by the agents in it when it is over.
//!
//! `agent-capture/<session>/agents/<key>` stands for an agent's session that goes on, and names the agent's process.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail};
use rustix::fs::{FlockOperation, flock};
use sha2::{Digest as _, Sha256};

use super::{Log, Open, Sessions};
use crate::event::{Call, Event, Sink, Start, Told, What, hex};
use crate::host::Process;
use crate::redact;

/// The recorder that sees nothing by itself.
const NAME: &str = "hook";

/// What such a session does not know.
const BLIND: &str = "Everything but what an agent's hooks tell.";

/// The most bytes of a command line that are kept: what is longer is not parsed.
const LINE: usize = 32 * 1024;

/// How long an agent without a process that could be found is taken to be there after it told something.
const QUIET: Duration = Duration::from_secs(60 * 60);

/// How long is waited for others that write: they need well under a millisecond.
const PATIENCE: (u32, Duration) = (200, Duration::from_millis(5));

/// An agent's session that takes part in a session.
#[derive(Clone, Debug)]
pub struct Teller {
    key: String,
    process: Option<Process>,
}

impl Teller {
    /// Returns the agent's session with this name, in this process.
    pub fn new(agent: &str, session: &str, process: Option<Process>) -> Self {
        let key = hex(&Sha256::digest(format!("{agent}\n{session}")));
        Self { key: key[..16].to_owned(), process }
    }
}

impl Sessions {
    /// Returns the sessions whose agents are gone and that are not captured yet, in the order of their names.
    pub fn ended(&self) -> Result<Vec<Open>> {
        let folders = fs::read_dir(&self.dir).into_iter().flatten().flatten();
        let mut markers: Vec<PathBuf> = folders.map(|entry| entry.path().join("ended")).collect();
        markers.retain(|marker| marker.exists());
        markers.sort();
        markers.into_iter().filter_map(|marker| self.marked(marker).transpose()).collect()
    }

    /// Makes this process the one that captures sessions of agents that are gone, until the file is dropped; none when there
    /// is one already.
    pub fn only_one(&self) -> Result<Option<File>> {
        let file = self.lock("finishing")?;
        Ok(flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok().then_some(file))
    }

    /// Makes this process the only one that writes journals and flake into the work tree, until the file is dropped; `waits` is
    /// called when another one does.
    pub fn alone(&self, waits: impl FnOnce()) -> Result<File> {
        let file = self.lock("writing")?;
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            waits();
            while let Err(error) = flock(&file, FlockOperation::LockExclusive) {
                if error != rustix::io::Errno::INTR {
                    return Err(error).context("failed to wait for another capture");
                }
            }
        }
        Ok(file)
    }

    fn lock(&self, name: &str) -> Result<File> {
        let path = self.dir.join(name);
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&self.dir);
        let file =
            made.and_then(|()| OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path));
        file.with_context(|| format!("failed to open `{}`", path.display()))
    }

    /// Returns the file for what is said when nobody listens.
    pub fn log(&self) -> PathBuf {
        self.dir.join("hooks.log")
    }
}

impl Open {
    fn agents(&self) -> PathBuf {
        self.folder().join("agents")
    }

    /// Notes that an agent's session takes part.
    pub fn enter(&self, teller: &Teller) -> Result<()> {
        let path = self.agents().join(&teller.key);
        if path.exists() && teller.process.is_some() {
            return Ok(());
        }
        let text = teller.process.as_ref().map(Process::to_text).unwrap_or_default();
        let write = || OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path);
        let file = match write() {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                DirBuilder::new().recursive(true).mode(0o700).create(self.agents())?;
                write()
            }
            other => other,
        };
        let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
        written.with_context(|| format!("failed to write `{}`", path.display()))
    }

    /// Notes that an agent's session is over.
    pub fn leave(&self, teller: &Teller) {
        drop(fs::remove_file(self.agents().join(&teller.key)));
    }

    /// Returns whether an agent that takes part is still there.
    pub fn is_alive(&self) -> bool {
        let alive = |path: PathBuf| match Process::parse(&fs::read_to_string(&path).unwrap_or_default()) {
            Some(process) => process.is_there(),
            None => {
                let told = fs::metadata(&path).and_then(|meta| meta.modified());
                told.is_ok_and(|at| SystemTime::now().duration_since(at).is_ok_and(|quiet| quiet < QUIET))
            }
        };
        fs::read_dir(self.agents()).into_iter().flatten().flatten().any(|entry| alive(entry.path()))
    }

    /// Takes the place of the open session away: recorders write no more, and it waits to be captured.
    pub fn retire(&self) -> Result<()> {
        self.close()?;
        let ended = self.folder().join("ended");
        match fs::rename(&self.marker, &ended) {
            // Another hook did it.
            Err(error) if error.kind() == ErrorKind::NotFound && ended.exists() => Ok(()),
            other => other.with_context(|| format!("failed to end the session in `{}`", self.marker.display())),
        }
    }

    /// Writes down what a hook told. Hooks run at the same time: each waits for the others.
    pub fn tell(&self, told: Told) -> Result<()> {
        if self.closed().exists() {
            return Ok(());
        }
        let path = self.folder().join("hooks.lock");
        let lock = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
        let lock = lock.with_context(|| format!("failed to open `{}`", path.display()))?;
        let mut tries = 0;
        while flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            tries += 1;
            if tries > PATIENCE.0 {
                bail!("another hook holds `{}`", path.display());
            }
            std::thread::sleep(PATIENCE.1);
        }
        let segment = self.folder().join("events-0.jsonl");
        let is_new = !segment.exists();
        let mut log = Log::go_on(&segment).with_context(|| format!("failed to open `{}`", segment.display()))?;
        if is_new {
            let start = Start { format: 1, at: told.at, recorder: NAME.to_owned(), blind: vec![BLIND.to_owned()] };
            log.event(&Event::Start(start))?;
        }
        log.event(&Event::Told(told)).context("failed to write what a hook told")
    }
}

/// Takes the secrets out of a command line; none when there are none, and it is not too long.
pub(super) fn redacted(told: &Told) -> Option<Told> {
    let (What::Before(call) | What::After(call)) = &told.what else { return None };
    let (line, secret) = redact::line(&call.line);
    if !secret && line.len() <= LINE {
        return None;
    }
    let mut end = line.len().min(LINE);
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    let call = Call { line: line[..end].to_owned(), incomplete: true, ..call.clone() };
    let what = if matches!(told.what, What::Before(_)) { What::Before(call) } else { What::After(call) };
    Some(Told { what, ..told.clone() })
}
