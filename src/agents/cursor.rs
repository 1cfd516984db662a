//! Cursor: the transcripts of its agent, JSON Lines without times, ids and results. How a command ended is never told.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{Agent, Call, Calls, Edit, Heard, Hooks, Places, Reader, Record, hooks, look, text};
use crate::journal::{CwdKnown, Outcome};

/// Tools that run a command.
const SHELLS: &[&str] = &["Shell", "Bash", "run_terminal_cmd", "run_terminal_command"];

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
        fields && value.get("role").is_some() && look::at(value, "message.content").is_some_and(Value::is_array)
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::new(Lines)
    }

    fn folders(&self) -> &'static [&'static str] {
        &[".cursor/projects"]
    }

    fn programs(&self) -> &'static [&'static str] {
        &["cursor-agent"]
    }

    fn variables(&self) -> &'static [&'static str] {
        &["CURSOR_AGENT", "CURSOR_TRACE_ID"]
    }

    fn hooks(&self) -> Option<&dyn Hooks> {
        Some(self)
    }
}

impl Hooks for Cursor {
    fn settings(&self, places: &Places, shared: bool) -> PathBuf {
        places.either(shared, ".cursor/hooks.json")
    }

    fn edits(&self, _file: &Path, line: &str) -> Vec<Edit> {
        // Of a tool's events only those of its end tell how it ended; older versions have those of the shell alone.
        let tools = ["preToolUse", "postToolUse", "postToolUseFailure"];
        let tools = tools.map(|event| (event, json!({ "command": line, "timeout": 5, "matcher": "Shell" })));
        let others = ["sessionStart", "afterShellExecution", "sessionEnd"];
        let others = others.map(|event| (event, json!({ "command": line, "timeout": 5 })));
        let entries = others.into_iter().chain(tools).map(|(event, entry)| Edit::Entry(vec!["hooks", event], entry));
        std::iter::once(Edit::Field("version", json!(1))).chain(entries).collect()
    }

    fn project(&self) -> &'static [&'static str] {
        &["CURSOR_PROJECT_DIR"]
    }

    fn hear(&self, event: &Value) -> Option<Heard> {
        hooks::hear(event, SHELLS, |end, call| {
            let text = end.text();
            call.not_found = text::not_found(&text);
            let status = look::number(&end.response, &["exitCode", "exit_code"]);
            let failure = hooks::text(end.event, &["failure_type"]).unwrap_or_default();
            match (status, text::fell(&text)) {
                (Some(status), _) => call.exact(Some(status)),
                (None, Some(outcome)) => call.fell(outcome),
                (None, None) if failure == "permission_denied" => call.fell(Outcome::Refused),
                (None, None) if hooks::key(end.event, "is_interrupt") == Some(&Value::Bool(true)) => {
                    call.fell(Outcome::Cancelled);
                }
                (None, None) if end.failed => call.parsed(text::after_last(&text, &["exit code ", "exit code: "])),
                (None, None) if hooks::text(end.event, &["tool_name"]).is_some() => call.succeeded(),
                // The event of the shell alone does not tell how it ended.
                (None, None) => call.open_end(),
            }
        })
    }
}

struct Lines;

impl Reader for Lines {
    fn record(&mut self, record: Record, calls: &mut Calls) {
        for part in look::list(record.value, "message.content") {
            let name = look::text(part, &["name", "toolName"]).unwrap_or_default();
            let is_shell = SHELLS.contains(&name);
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
