//! Where events go while the session is open, and how many could not be written.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::slice;
use std::sync::OnceLock;
use std::time::SystemTime;

use rustix::fs::{Access, AtFlags, Mode, OFlags, accessat, open};
use rustix::time::{ClockId, clock_gettime};

use crate::event::{Disturbed, Event, Lost, Sink, Start};

/// Where events go, and what could not be written.
pub(in crate::recorders) struct Out<'a> {
    sink: &'a mut dyn Sink,
    folder: Option<OwnedFd>,
    closed: PathBuf,
    open: bool,
    lost: u64,
}

impl<'a> Out<'a> {
    /// Returns one for an open session, which ends when `closed` exists.
    pub(in crate::recorders) fn new(sink: &'a mut dyn Sink, closed: &Path) -> Self {
        // The way to the folder is long, and it is asked for with each event.
        let folder =
            closed.parent().and_then(|folder| open(folder, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).ok());
        let name = closed.file_name().filter(|_| folder.is_some()).map_or(closed, Path::new);
        Self { sink, closed: name.to_path_buf(), folder, open: true, lost: 0 }
    }

    /// Writes the first event, without which there is no recording.
    pub(in crate::recorders) fn start(&mut self, recorder: &str, blind: Vec<String>) -> io::Result<()> {
        let start = Start { format: 1, at: now(), recorder: recorder.to_owned(), blind };
        self.sink.events(&[Event::Start(start)])
    }

    /// Counts an event that could not be seen whole.
    pub(in crate::recorders) fn lost(&mut self, why: &str) {
        self.lost_some(1, why);
    }

    /// Counts events that could not be seen whole, if there are any.
    pub(in crate::recorders) fn lost_some(&mut self, count: u64, why: &str) {
        if count > 0 {
            self.write_all(&[Event::Lost(Lost { at: now(), count, why: why.to_owned() })]);
        }
    }

    /// Tells how many opens were interrupted, when there are any.
    pub(in crate::recorders) fn disturbed(&mut self, count: u64) {
        if count > 0 {
            self.write_all(&[Event::Disturbed(Disturbed { at: now(), count })]);
        }
    }

    /// Returns whether the session was open at the last look.
    pub(in crate::recorders) fn was_open(&self) -> bool {
        self.open
    }

    fn is_open(&mut self) -> bool {
        let folder = self.folder.as_ref().map_or(rustix::fs::CWD, AsFd::as_fd);
        self.open = self.open && accessat(folder, &self.closed, Access::EXISTS, AtFlags::empty()).is_err();
        self.open
    }

    /// Writes events.
    pub(in crate::recorders) fn write_all(&mut self, events: &[Event]) {
        if events.is_empty() || !self.is_open() {
            return;
        }
        if self.lost > 0 {
            let why = "they could not be written".to_owned();
            let lost = Event::Lost(Lost { at: now(), count: self.lost, why });
            if self.sink.events(slice::from_ref(&lost)).is_ok() {
                self.lost = 0;
            }
        }
        if self.sink.events(events).is_err() {
            self.lost += events.len() as u64;
        }
    }
}

/// Returns the time in milliseconds since 1970. In one process it never goes back and never jumps, whatever is done to the
/// wall clock: that is looked at once.
pub(in crate::recorders) fn now() -> i64 {
    at(up())
}

/// Returns the same of a time in milliseconds since the system was started.
pub(in crate::recorders) fn at(up_then: i64) -> i64 {
    static BOOT: OnceLock<i64> = OnceLock::new();
    let since = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    BOOT.get_or_init(|| since().as_millis() as i64 - up()) + up_then
}

fn up() -> i64 {
    let up = clock_gettime(ClockId::Boottime);
    up.tv_sec * 1000 + up.tv_nsec / 1_000_000
}
