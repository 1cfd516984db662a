//! SWE-agent: `.traj`, a document with the steps in `trajectory` and the messages in `history`. Statuses are not told.

use serde_json::Value;

use super::{Agent, Call, Calls, Reader, Record, look, text};
use crate::journal::CwdKnown;

/// Commands of the agent's own interface, in any of its versions: nothing that a shell runs.
const OWN: &[&str] = &[
    "create",
    "edit",
    "end_of_edit",
    "exit_context",
    "exit_cost",
    "exit_error",
    "exit_format",
    "exit_forfeit",
    "filemap",
    "find_file",
    "forfeit",
    "goto",
    "image",
    "insert",
    "open",
    "scroll_down",
    "scroll_up",
    "search_dir",
    "search_file",
    "set_cursors",
    "str_replace_editor",
    "submit",
    "think",
    "undo_edit",
    "view_image",
];

/// The agent.
pub(super) struct SweAgent;

impl Agent for SweAgent {
    fn name(&self) -> &'static str {
        "swe-agent"
    }

    fn reads(&self, record: Record) -> bool {
        let value = record.value;
        match record.list {
            "trajectory" => value.get("action").is_some() && value.get("observation").is_some(),
            "history" => {
                value.get("role").is_some() && (value.get("message_type").is_some() || value.get("agent").is_some())
            }
            _ => value.get("replay_config").is_some() && value.get("environment").is_some(),
        }
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::new(Trajectory::default())
    }
}

#[derive(Default)]
struct Trajectory {
    steps: bool,
    /// What the messages tell, for files without steps.
    history: Vec<Call>,
}

impl Reader for Trajectory {
    fn record(&mut self, record: Record, calls: &mut Calls) {
        let value = record.value;
        let shown = value.get("observation").or_else(|| value.get("content")).map(look::content).unwrap_or_default();
        match record.list {
            "trajectory" => {
                self.steps = true;
                self.history.clear();
                if let Some(mut call) = step(value) {
                    call.not_found = text::not_found(&shown);
                    calls.whole(call, Call::open_end);
                }
            }
            "history" if !self.steps => {
                let demonstration = value.get("is_demo") == Some(&Value::Bool(true));
                if look::is(value, "message_type", "observation") || look::is(value, "role", "tool") {
                    let folder = shown.rsplit_once("(Current directory: ").and_then(|(_, rest)| rest.split(')').next());
                    calls.head.cwd(folder);
                    if let Some(call) = self.history.last_mut() {
                        call.not_found = text::not_found(&shown);
                    }
                } else if let Some(call) = step(value).filter(|_| !demonstration && self.history.len() < 10_000) {
                    let cwd = calls.head.cwd.clone();
                    self.history.push(Call { cwd_known: CwdKnown::Session, cwd, ..call });
                }
            }
            _ => calls.head.model(look::text(value, &["replay_config.agent.model.name", "info.model"])),
        }
    }

    fn end(&mut self, calls: &mut Calls) {
        for call in std::mem::take(&mut self.history) {
            calls.whole(call, Call::open_end);
        }
    }
}

/// Returns the command of a step; none when it is one of the agent's own.
fn step(value: &Value) -> Option<Call> {
    let line = look::text(value, &["action"])?.trim();
    let first = line.split_ascii_whitespace().next()?;
    // The state is an object, in older versions the text of one.
    let state = look::arguments(value, "state");
    let cwd = look::text(&state, &["working_dir"]).filter(|cwd| cwd.starts_with('/'));
    let took = look::at(value, "execution_time").and_then(Value::as_f64).map(|secs| (secs * 1000.0) as i64);
    (!OWN.contains(&first)).then(|| Call {
        line: line.to_owned(),
        cwd: cwd.map(str::to_owned),
        cwd_known: CwdKnown::Session,
        took,
        ..Call::default()
    })
}
