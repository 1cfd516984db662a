//! A journal has a size that a person and a server can bear.

use std::collections::BTreeSet;

use super::{Journal, LIMIT, Ref};
use crate::event::Bytes;

/// Makes a journal fit [`LIMIT`]: first overlong lines are cut, then the oldest commands are left out and counted.
pub(super) fn shorten(mut journal: Journal) -> Journal {
    let fits = |journal: &Journal| journal.to_bytes().is_ok_and(|bytes| bytes.len() <= LIMIT);
    for longest in [16 * 1024, 2048, 256, 80] {
        if fits(&journal) {
            return journal;
        }
        for command in journal.commands.iter_mut().filter(|command| command.line.as_slice().len() > longest) {
            command.line = Bytes::from(&command.line.as_slice()[..longest]);
            command.incomplete = true;
        }
    }
    while !fits(&journal) && !journal.commands.is_empty() {
        let some = journal.commands.len().div_ceil(4);
        let out: BTreeSet<Ref> = journal.commands.drain(..some).map(|command| command.id).collect();
        journal.events.omitted += out.len() as u64;
        journal.programs.iter_mut().for_each(|program| program.commands.retain(|id| !out.contains(id)));
        journal.invocations.iter_mut().for_each(|invocation| invocation.commands.retain(|id| !out.contains(id)));
        journal.missing.iter_mut().for_each(|missing| missing.commands.retain(|id| !out.contains(id)));
        journal.delegated.iter_mut().for_each(|it| it.commands.retain(|id| !out.contains(id)));
    }
    journal
}
