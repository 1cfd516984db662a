//! Sees nothing: runs the command, and leaves it to an agent's hooks to tell what it does.
//!
//! For where no other recorder works. It is used only when it is asked for by name: a session that nothing was seen of
//! should not look like one that did nothing.

use anyhow::Result;

use super::exec::{WorkerArgs, front, unseen};
use super::{Finished, Launch, Recorder};
use crate::event::Sink;

const NAME: &str = "hook";

/// The recorder.
#[derive(Debug)]
pub(super) struct Hook;

impl Recorder for Hook {
    fn name(&self) -> &'static str {
        NAME
    }

    fn available(&self) -> Result<(), String> {
        Err("it sees nothing by itself".to_owned())
    }

    fn cure(&self) -> &'static str {
        "`--recorder hook` runs it unseen, and what the agent's hooks tell is all that is known"
    }

    fn restricts(&self) -> bool {
        false
    }

    fn blind(&self) -> Vec<String> {
        vec!["Everything but what an agent's hooks tell.".to_owned()]
    }

    fn run(&self, launch: &Launch) -> Result<Finished> {
        front::run(launch, NAME)
    }

    fn worker(&self, args: &WorkerArgs, sink: &mut dyn Sink) -> Result<()> {
        unseen::worker(args, NAME, self.blind(), sink)
    }
}
