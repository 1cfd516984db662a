//! Which of what ran are commands, and which of them are kept.

use std::collections::BTreeSet;

use super::super::order;
use super::super::roles::{script, shown};
use super::super::{Command, CwdKnown, Known, Outcome, Ref, StatusKnown};
use super::{COMMANDS, Closing};
use crate::event::{Call, Exec};

impl Closing<'_> {
    /// Returns a command by its number, from 0; none when it was left out.
    pub(super) fn kept(&mut self, number: usize) -> Option<&mut Command> {
        self.commands.get_mut(number.checked_sub(self.omitted)?)
    }

    /// Leaves out the oldest commands when there are as many as `most`.
    pub(super) fn forget(&mut self, most: usize) {
        if self.commands.len() < most {
            return;
        }
        let some = self.commands.len() - COMMANDS;
        self.omitted += some;
        self.commands.drain(..some);
        let first = Ref::new('c', self.omitted + 1);
        let keep = |commands: &mut BTreeSet<Ref>| *commands = commands.split_off(&first);
        self.programs.iter_mut().for_each(|program| keep(&mut program.commands));
        self.invocations.iter_mut().for_each(|invocation| keep(&mut invocation.commands));
        self.missing.values_mut().for_each(|missing| keep(&mut missing.commands));
        self.delegated.values_mut().for_each(keep);
    }

    /// Puts the commands of several segments in order of time.
    pub(super) fn order(&mut self) {
        let of_programs = self.programs.iter_mut().map(|program| &mut program.commands);
        let of_invocations = self.invocations.iter_mut().map(|invocation| &mut invocation.commands);
        let of_missing = self.missing.values_mut().map(|missing| &mut missing.commands);
        let named = of_programs.chain(of_invocations).chain(of_missing).chain(self.delegated.values_mut());
        order::by_time(&mut self.commands, self.omitted, named);
    }

    /// Returns whether an exec begins a command: the session's program itself, or what a shell or agent starts.
    pub(super) fn begins(&self, exec: &Exec, root: u64) -> bool {
        let Some(driver) = self.segment.driver else { return false };
        let of_root = exec.parent.is_none_or(|parent| {
            let parent = self.segment.execs.get(&parent);
            parent.is_some_and(|(process, _)| *process == root)
        });
        match (exec.process == root, driver.leads) {
            (true, true) => driver.shell && driver.exec < exec.id,
            (true, false) => driver.exec == exec.id,
            (false, leads) => leads && of_root,
        }
    }

    /// Returns an exec as a command; a line that a hook told is what the agent asked for.
    pub(super) fn command(&self, exec: &Exec, asked: Option<&Call>) -> Command {
        let cwd = exec.cwd.as_path();
        let line = match (asked, script(exec)) {
            (Some(call), _) => call.line.trim().as_bytes().to_vec(),
            (None, Some(script)) => script.as_slice().trim_ascii().to_vec(),
            (None, None) => shown(&exec.argv),
        };
        Command {
            id: Ref::new('c', self.omitted + self.commands.len() + 1),
            line: self.place.text(&line, cwd),
            cwd: self.place.path(cwd),
            status: None,
            at: (exec.at - self.start).max(0),
            took: None,
            known: Known::Traced,
            outcome: Outcome::Ran,
            status_known: StatusKnown::Exact,
            cwd_known: CwdKnown::Command,
            incomplete: asked.map_or(exec.shortened || exec.redacted, |call| call.incomplete),
            network: false,
            writes: 0,
        }
    }
}
