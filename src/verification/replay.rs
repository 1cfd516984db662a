//! The sessions' commands, run again in the shell of the flake: do they end as they did?

use serde::Serialize;

use super::{Finding, finding::Code};
use crate::event::Status;
use crate::journal::{Command, Journal, Ref, SessionId};
use crate::nix::{Line, Nix, Tree};

/// What was run again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Replay {
    /// How many commands ended as recorded.
    pub same: usize,
    /// Those that did not.
    pub different: Vec<Different>,
    /// Why others were not run, and how many.
    pub passed_over: std::collections::BTreeMap<&'static str, usize>,
}

/// A command that ended otherwise than recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Different {
    /// The session.
    pub session: SessionId,
    /// Its entry in the journal.
    pub entry: Ref,
    /// The command's line.
    pub line: String,
    /// How it ended when it was recorded, as a shell says it.
    pub recorded: u8,
    /// How it ended now; none when it was not reached.
    pub now: Option<u8>,
}

impl Replay {
    /// Runs the commands of all journals again, oldest session first, each with Bash in its folder of one copy of the tree,
    /// in the shell of the flake and with nothing of the user's environment but a terminal's name. `line` gets what is said.
    /// Errors only when Nix cannot be run.
    pub fn run(tree: &Tree, journals: &[Journal], nix: &Nix, line: &mut dyn FnMut(&str)) -> anyhow::Result<Self> {
        let mut replay = Self::default();
        let mut journals: Vec<&Journal> = journals.iter().collect();
        journals.sort_by(|a, b| (&a.session.start, &a.session.id).cmp(&(&b.session.start, &b.session.id)));
        let mut wanted = Vec::new();
        for journal in journals {
            for command in &journal.commands {
                match readable(command) {
                    Ok(line) => wanted.push((journal.session.id.clone(), command.id.clone(), line)),
                    Err(why) => *replay.passed_over.entry(why).or_default() += 1,
                }
            }
        }
        let lines: Vec<Line> = wanted.iter().map(|(.., (line, _))| line.clone()).collect();
        let statuses = nix.develop(tree, &lines, line)?;
        for (at, (session, entry, (line, recorded))) in wanted.into_iter().enumerate() {
            let now = statuses.get(at).copied();
            if now == Some(recorded) {
                replay.same += 1;
            } else {
                replay.different.push(Different { session, entry, line: line.line, recorded, now });
            }
        }
        Ok(replay)
    }

    /// Returns what differs as findings.
    pub fn findings(&self) -> Vec<Finding> {
        let tell = |different: &Different| {
            let Different { session, entry, line, recorded, now } = different;
            let now = now.map_or_else(|| "was not reached".to_owned(), |now| format!("ends with status {now}"));
            let what = format!("command {entry} of `{session}` ended with status {recorded} and now {now}: {line}");
            Finding::error(Code::ReplayDiffers, what)
        };
        self.different.iter().take(100).map(tell).collect()
    }

    /// Returns what it proves, a clause.
    pub fn proves(&self) -> String {
        let all = self.same + self.different.len();
        let over: usize = self.passed_over.values().sum();
        format!(
            "{} of {all} commands ended as recorded, in the flake's shell on this machine; {over} were not run again",
            self.same
        )
    }
}

/// Returns a command that can be run again and its status; else the reason why not.
fn readable(command: &Command) -> Result<(Line, u8), &'static str> {
    if command.incomplete {
        return Err("their line holds a secret or is cut");
    }
    let status = command.status.map(Status::shell).ok_or("how they ended is not known")?;
    let (Some(line), Some(folder)) = (command.line.as_str(), command.cwd.as_str()) else {
        return Err("their line is no text");
    };
    let outside = folder.starts_with(['/', '~']) || folder.split('/').any(|part| part == "..");
    if outside || line.contains('\0') {
        return Err("they ran outside the project");
    }
    Ok((Line { line: line.to_owned(), folder: folder.to_owned() }, status))
}
