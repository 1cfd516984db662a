//! Sees nothing itself: the shells that the command starts tell which lines they are given, and how those end.
//!
//! For where no other recorder works, or none that lets `sudo` work. What bash and zsh run non-interactively enters the session
//! by itself, as after `start`; as it cannot be recorded there either, its line is written down as a claim.

use anyhow::Result;

use super::exec::{WorkerArgs, front, unseen};
use super::{Finished, Launch, Recorder};
use crate::event::Sink;

const NAME: &str = "shell";

/// The recorder.
#[derive(Debug)]
pub(super) struct Shell;

impl Recorder for Shell {
    fn name(&self) -> &'static str {
        NAME
    }

    fn available(&self) -> Result<(), String> {
        Err("it is told only which lines bash and zsh are given".to_owned())
    }

    fn cure(&self) -> &'static str {
        "it is used where no other works, and `--recorder shell` asks for it"
    }

    fn restricts(&self) -> bool {
        false
    }

    fn blind(&self) -> Vec<String> {
        vec![
            "What programs start, and what other shells than bash and zsh run.".to_owned(),
            "What lines ran at a terminal, and what scripts did that a line names.".to_owned(),
        ]
    }

    fn run(&self, launch: &Launch) -> Result<Finished> {
        front::run(launch, NAME)
    }

    fn worker(&self, args: &WorkerArgs, sink: &mut dyn Sink) -> Result<()> {
        unseen::worker(args, NAME, self.blind(), sink)
    }
}
