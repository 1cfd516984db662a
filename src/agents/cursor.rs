//! Cursor: the transcripts of its agent, JSON Lines without times, ids and results. How a command ended is never told.

use super::{Agent, Call, Calls, Reader, Record, look};
use crate::journal::CwdKnown;

/// The agent.
pub(super) struct Cursor;

impl Agent for Cursor {
    fn name(&self) -> &'static str {
        "cursor"
    }

    fn reads(&self, record: Record) -> bool {
        let value = record.value;
        // Exactly these two fields: every other agent writes more.
        let fields = value.as_object().is_some_and(|fields| fields.len() == 2);
        fields
            && value.get("role").is_some()
            && look::at(value, "message.content").is_some_and(serde_json::Value::is_array)
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::new(Lines)
    }

    fn folders(&self) -> &'static [&'static str] {
        &[".cursor/projects"]
    }
}

struct Lines;

impl Reader for Lines {
    fn record(&mut self, record: Record, calls: &mut Calls) {
        for part in look::list(record.value, "message.content") {
            let name = look::text(part, &["name", "toolName"]).unwrap_or_default();
            let is_shell = ["Shell", "Bash", "run_terminal_cmd", "run_terminal_command"].contains(&name);
            let Some(line) = look::text(part, &["input.command", "args.command"]).filter(|_| is_shell) else {
                continue;
            };
            let folder = look::text(part, &["input.working_directory", "input.cwd"]).filter(|cwd| cwd.starts_with('/'));
            calls.begin(Call {
                line: line.to_owned(),
                cwd: folder.map(str::to_owned),
                cwd_known: CwdKnown::Command,
                ..Call::default()
            });
        }
    }
}
