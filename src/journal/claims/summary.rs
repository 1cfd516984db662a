//! What a transcript tells, in numbers.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Call;
use crate::journal::{CwdKnown, Outcome, StatusKnown};

/// What a transcript tells, in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// When the first command began, in milliseconds since 1970-01-01 UTC.
    pub start: Option<i64>,
    /// When the last one began or ended.
    pub end: Option<i64>,
    /// Commands.
    pub calls: u64,
    /// Commands by [`Outcome`], in its order.
    pub outcomes: BTreeMap<Outcome, u64>,
    /// Commands that ran, by how their status is known.
    pub statuses: BTreeMap<StatusKnown, u64>,
    /// Commands with a status that is not 0.
    pub failed: u64,
    /// Commands by how their cwd is known.
    pub cwds: BTreeMap<CwdKnown, u64>,
    /// Runs of programs that count.
    pub runs: u64,
    /// Runs of programs that are known to have failed.
    pub failed_runs: u64,
    /// Runs of programs that are set aside.
    pub aside: u64,
    /// Programs that were called and not found.
    pub missing: u64,
    /// Command lines of programs that say what is needed: installs, modules.
    pub kept: u64,
    /// Runs that count, by the program's name.
    pub programs: BTreeMap<String, u64>,
}

impl Summary {
    pub(super) fn call(&mut self, call: &Call) {
        self.calls += 1;
        *self.outcomes.entry(call.outcome).or_default() += 1;
        if call.outcome == Outcome::Ran {
            let known = if call.status.is_some() { call.status_known } else { StatusKnown::Unknown };
            *self.statuses.entry(known).or_default() += 1;
            self.failed += u64::from(call.status.is_some_and(|status| !status.is_success()));
        }
        let known = if call.cwd.is_some() { call.cwd_known } else { CwdKnown::Unknown };
        *self.cwds.entry(known).or_default() += 1;
        if let Some(at) = call.at {
            self.start = Some(self.start.map_or(at, |start| start.min(at)));
            let end = at.saturating_add(call.took.unwrap_or_default());
            self.end = Some(self.end.map_or(end, |before| before.max(end)));
        }
    }

    pub(super) fn run(&mut self, name: &str, failed: bool) {
        if failed {
            self.failed_runs += 1;
            return;
        }
        self.runs += 1;
        let name = name.rsplit('/').next().unwrap_or(name);
        if self.programs.len() < super::ENTRIES || self.programs.contains_key(name) {
            *self.programs.entry(name.to_owned()).or_default() += 1;
        }
    }
}
