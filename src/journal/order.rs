//! Several segments, one journal: commands in order of time, and what recorded them.

use std::collections::{BTreeSet, HashMap, VecDeque};

use super::{Command, Recorder, Ref};
use crate::event::Start;

/// Puts commands in order of time and numbers them anew from `omitted` + 1; `named` are the sets that name them.
pub(super) fn by_time<'a>(
    commands: &mut VecDeque<Command>,
    omitted: usize,
    named: impl Iterator<Item = &'a mut BTreeSet<Ref>>,
) {
    commands.make_contiguous().sort_by_key(|command| command.at);
    let anew = commands.iter_mut().enumerate().map(|(at, command)| {
        let id = Ref::new('c', omitted + at + 1);
        (std::mem::replace(&mut command.id, id.clone()), id)
    });
    let anew: HashMap<Ref, Ref> = anew.collect();
    for ids in named {
        *ids = ids.iter().filter_map(|id| anew.get(id).cloned()).collect();
    }
}

/// Takes in the head of a segment: several recorders are named together, with what any of them cannot see.
pub(super) fn merge(recorder: &mut Option<Recorder>, start: Start) {
    let Some(recorder) = recorder else {
        *recorder = Some(Recorder { name: start.recorder, blind: start.blind });
        return;
    };
    if !recorder.name.split(", ").any(|name| name == start.recorder) {
        recorder.name = format!("{}, {}", recorder.name, start.recorder);
    }
    for blind in start.blind {
        if !recorder.blind.contains(&blind) {
            recorder.blind.push(blind);
        }
    }
}
