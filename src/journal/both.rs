//! One journal of what was seen and what was claimed in one session.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::shorten::shorten;
use super::{Command, Journal, Known, Missing, Ref};

/// Joins what hooks claim to what a recorder saw: commands in the order of their times, programs after each other.
pub(super) fn both(mut seen: Journal, mut claimed: Journal) -> Journal {
    let first = usize::try_from(seen.events.omitted + claimed.events.omitted).unwrap_or(usize::MAX);
    let mut commands: Vec<Command> = std::mem::take(&mut seen.commands);
    commands.append(&mut claimed.commands);
    commands.sort_by_key(|command| command.at);
    let mut of_seen = HashMap::new();
    let mut of_claimed = HashMap::new();
    for (at, command) in commands.iter_mut().enumerate() {
        let id = Ref::new('c', first + at + 1);
        let ids = if command.known == Known::Claimed { &mut of_claimed } else { &mut of_seen };
        ids.insert(std::mem::replace(&mut command.id, id.clone()), id);
    }
    let renamed = |ids: &HashMap<Ref, Ref>, refs: &BTreeSet<Ref>| -> BTreeSet<Ref> {
        refs.iter().filter_map(|id| ids.get(id).cloned()).collect()
    };
    seen.programs.iter_mut().for_each(|program| program.commands = renamed(&of_seen, &program.commands));
    seen.invocations.iter_mut().for_each(|it| it.commands = renamed(&of_seen, &it.commands));
    seen.delegated.iter_mut().for_each(|it| it.commands = renamed(&of_seen, &it.commands));
    let programs = seen.programs.len();
    let mut of_programs = HashMap::new();
    for (at, mut program) in claimed.programs.into_iter().enumerate() {
        program.commands = renamed(&of_claimed, &program.commands);
        let id = Ref::new('p', programs + at + 1);
        of_programs.insert(std::mem::replace(&mut program.id, id.clone()), id);
        seen.programs.push(program);
    }
    for mut invocation in claimed.invocations {
        invocation.id = Ref::new('i', seen.invocations.len() + 1);
        invocation.commands = renamed(&of_claimed, &invocation.commands);
        if let Some(program) = of_programs.get(&invocation.program) {
            invocation.program = program.clone();
            seen.invocations.push(invocation);
        }
    }
    let mut missing: BTreeMap<_, Missing> = BTreeMap::new();
    for (ids, of) in [(&of_seen, seen.missing), (&of_claimed, claimed.missing)] {
        for entry in of {
            let commands = renamed(ids, &entry.commands);
            let known = missing.entry(entry.program.clone());
            let known = known.or_insert_with(|| Missing { program: entry.program, runs: 0, commands: BTreeSet::new() });
            known.runs += entry.runs;
            known.commands.extend(commands);
        }
    }
    seen.missing = missing.into_values().collect();
    for ignored in claimed.ignored {
        match seen.ignored.iter_mut().find(|known| known.reason == ignored.reason) {
            Some(known) => known.runs += ignored.runs,
            None => seen.ignored.push(ignored),
        }
    }
    seen.commands = commands;
    seen.events.omitted += claimed.events.omitted;
    shorten(seen)
}
