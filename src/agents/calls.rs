//! Commands whose results are still to come.

use std::collections::{HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

use super::Call;
use crate::journal::{CwdKnown, Outcome, StatusKnown};

/// The most commands that wait for a result: an agent runs a few at a time, and some results never come.
const WAITING: usize = 1024;

/// What a transcript says of the session as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The agent, when the transcript is another program's.
    pub agent: Option<String>,
    /// The agent's version.
    pub version: Option<String>,
    /// The model.
    pub model: Option<String>,
    /// The folder in which the session is, as last told.
    pub cwd: Option<String>,
    /// The project's root: where the session began, unless the transcript tells more.
    pub root: Option<String>,
}

impl Head {
    /// Takes the agent's version.
    pub(super) fn version(&mut self, version: Option<&str>) {
        set(&mut self.version, version);
    }

    /// Takes the model; the last one that is told stays.
    pub(super) fn model(&mut self, model: Option<&str>) {
        set(&mut self.model, model.filter(|model| !model.starts_with('<')));
    }

    /// Takes the folder in which the session is.
    pub(super) fn cwd(&mut self, cwd: Option<&str>) {
        let Some(cwd) = cwd.filter(|cwd| cwd.starts_with('/')) else { return };
        set(&mut self.cwd, Some(cwd));
        if self.root.is_none() {
            set(&mut self.root, Some(cwd));
        }
    }
}

fn set(field: &mut Option<String>, value: Option<&str>) {
    if let Some(value) = value.filter(|value| !value.is_empty() && field.as_deref() != Some(value)) {
        *field = Some(value.chars().take(256).collect());
    }
}

/// The commands of a session: each is told once, in the order in which they began.
#[derive(Default)]
pub struct Calls {
    /// The session.
    pub head: Head,
    waiting: VecDeque<(Call, bool)>,
    seen: HashSet<u64>,
}

fn hash(id: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    hasher.finish()
}

impl Calls {
    /// Takes a command that begins. One whose id was there before is the same command and is left out: transcripts repeat
    /// what they took over from others.
    pub(super) fn begin(&mut self, mut call: Call) {
        if call.line.trim().is_empty() || (!call.id.is_empty() && !self.seen.insert(hash(&call.id))) {
            return;
        }
        if call.cwd.is_none() && self.head.cwd.is_some() {
            (call.cwd, call.cwd_known) = (self.head.cwd.clone(), CwdKnown::Session);
        }
        call.fell(Outcome::Unknown);
        self.waiting.push_back((call, false));
    }

    /// Takes a command with its result.
    pub(super) fn whole(&mut self, call: Call, end: impl FnOnce(&mut Call)) {
        let (before, id) = (self.waiting.len(), call.id.clone());
        self.begin(call);
        if self.waiting.len() > before {
            self.last(&id, end);
        }
    }

    fn last(&mut self, id: &str, end: impl FnOnce(&mut Call)) {
        if let Some((call, ended)) = self.waiting.back_mut().filter(|(call, _)| call.id == id) {
            end(call);
            *ended = true;
        }
    }

    /// Takes the result of a command.
    pub(super) fn end(&mut self, id: &str, end: impl FnOnce(&mut Call)) {
        if let Some((call, ended)) = self.waiting.iter_mut().rfind(|(call, ended)| !ended && call.id == id) {
            end(call);
            *ended = true;
        }
    }

    /// Takes what is told of a command that has no result yet.
    pub(super) fn meanwhile(&mut self, id: &str, told: impl FnOnce(&mut Call)) {
        if let Some((call, _)) = self.waiting.iter_mut().rfind(|(call, ended)| !ended && call.id == id) {
            told(call);
        }
    }

    /// Takes the result of the latest command, for transcripts without ids.
    pub(super) fn end_latest(&mut self, end: impl FnOnce(&mut Call)) {
        if let Some((call, ended)) = self.waiting.back_mut().filter(|(_, ended)| !ended) {
            end(call);
            *ended = true;
        }
    }

    /// Returns whether a line holds the id of a command that waits for its result.
    pub(super) fn is_named(&self, line: &[u8]) -> bool {
        let mut ids = self.waiting.iter().filter(|(_, ended)| !ended).map(|(call, _)| call.id.as_bytes());
        ids.any(|id| !id.is_empty() && memchr::memmem::find(line, id).is_some())
    }

    /// Hands over the commands that have their result, and with `all` the others, too.
    pub(super) fn drain(&mut self, all: bool, each: &mut dyn FnMut(Call)) {
        while self.waiting.front().is_some_and(|(_, ended)| *ended || all) || self.waiting.len() > WAITING {
            let Some((call, _)) = self.waiting.pop_front() else { return };
            each(call);
        }
    }
}

impl Call {
    /// Takes a status from text that tells it.
    pub(super) fn parsed(&mut self, status: Option<u8>) {
        match status {
            Some(status) => self.end(crate::event::Status::Code(status), StatusKnown::Parsed),
            None => self.open_end(),
        }
    }

    /// Takes a status that is told as a number.
    pub(super) fn exact(&mut self, status: Option<i64>) {
        match status.and_then(|status| u8::try_from(status).ok()) {
            Some(status) => self.end(crate::event::Status::Code(status), StatusKnown::Exact),
            None => self.open_end(),
        }
    }

    /// Takes a mark of success.
    pub(super) fn succeeded(&mut self) {
        self.end(crate::event::Status::Code(0), StatusKnown::Inferred);
    }
}
