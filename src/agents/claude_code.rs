//! Claude Code: JSON Lines, one file for a session, and what `claude -p --output-format stream-json` prints.
//!
//! A failing command's result says `Exit code N`; of one that ended well no status is told.

use std::path::{Path, PathBuf};

use memchr::memmem::find;
use serde_json::Value;

use super::{Agent, Call, Calls, Door, Edit, Heard, Hooks, Places, Reader, Record, hooks, look, text};
use crate::event::Status;
use crate::journal::{CwdKnown, Outcome, StatusKnown};

/// Kinds of records by which a transcript is known before its first message.
const KINDS: &[&str] = &["last-prompt", "mode", "permission-mode", "ai-title", "queue-operation", "summary", "system"];

/// The agent.
pub(super) struct ClaudeCode;

impl Agent for ClaudeCode {
    fn name(&self) -> &'static str {
        "claude-code"
    }

    fn reads(&self, record: Record) -> bool {
        let value = record.value;
        let kind = look::text(value, &["type"]).unwrap_or_default();
        let session = look::text(value, &["sessionId", "session_id"]).is_some();
        let message = look::at(value, "message.content").is_some() || look::at(value, "isSidechain").is_some();
        (session && (KINDS.contains(&kind) || message))
            || (kind == "file-history-snapshot" && value.get("messageId").is_some())
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::new(Lines)
    }

    fn folders(&self) -> &'static [&'static str] {
        &[".claude/projects"]
    }

    fn programs(&self) -> &'static [&'static str] {
        &["claude"]
    }

    fn variables(&self) -> &'static [&'static str] {
        &["CLAUDECODE", "CLAUDE_CODE_SESSION_ID", "CLAUDE_CODE_REMOTE"]
    }

    fn hooks(&self) -> Option<&dyn Hooks> {
        Some(self)
    }
}

impl Hooks for ClaudeCode {
    fn settings(&self, places: &Places, shared: bool) -> PathBuf {
        match shared {
            true => places.root.join(".claude/settings.json"),
            false => places.or_home("CLAUDE_CONFIG_DIR", ".claude").join("settings.json"),
        }
    }

    fn edits(&self, _file: &Path, line: &str) -> Vec<Edit> {
        // Of a command that failed only the event for failures is called.
        let tools = ["PreToolUse", "PostToolUse", "PostToolUseFailure", "PermissionDenied"];
        let events = tools.map(|event| (event, Some("Bash")));
        let events = [&[("SessionStart", None)], &events[..], &[("SessionEnd", None)]].concat();
        hooks::rules(&events, line, 5)
    }

    fn project(&self) -> &'static [&'static str] {
        &["CLAUDE_PROJECT_DIR"]
    }

    fn hear(&self, event: &Value) -> Option<Heard> {
        hooks::hear(event, &["Bash"], |end, call| {
            let failed = end.failed || hooks::text(end.event, &["error"]).is_some();
            if hooks::key(end.event, "is_interrupt") == Some(&Value::Bool(true)) {
                return call.fell(Outcome::Cancelled);
            }
            let text = if failed { end.text().into_owned() } else { output(&end.response) };
            result(&serde_json::json!({ "content": text, "is_error": failed }), &end.response, call);
        })
    }

    fn door(&self) -> Door {
        Door::File("CLAUDE_ENV_FILE")
    }
}

/// Returns what a command wrote.
fn output(response: &Value) -> String {
    let parts = ["stdout", "stderr"].map(|name| look::text(response, &[name]).unwrap_or_default());
    parts.join("\n")
}

struct Lines;

impl Reader for Lines {
    fn wants(&self, line: &[u8], calls: &Calls) -> bool {
        find(line, b"\"tool_use\"").is_some() || find(line, b"\"init\"").is_some() || calls.is_named(line)
    }

    fn record(&mut self, record: Record, calls: &mut Calls) {
        let mut value = record.value;
        if look::is(value, "data.type", "agent_progress") {
            // What a subagent does, as its parent is told.
            let Some(inner) = look::at(value, "data.message") else { return };
            let cwd = look::text(value, &["cwd"]);
            value = inner;
            return message(value, cwd, calls);
        }
        calls.head.version(look::text(value, &["version", "claude_code_version"]));
        calls.head.model(look::text(value, &["message.model", "model"]));
        calls.head.cwd(look::text(value, &["cwd"]));
        message(value, look::text(value, &["cwd"]), calls);
    }
}

fn message(value: &Value, cwd: Option<&str>, calls: &mut Calls) {
    let at = look::time(value, &["timestamp"]);
    for part in look::list(value, "message.content") {
        match look::text(part, &["type"]) {
            Some("tool_use") if look::is(part, "name", "Bash") => {
                let id = look::text(part, &["id"]).unwrap_or_default().to_owned();
                let Some(line) = look::text(part, &["input.command", "input.cmd"]) else { continue };
                calls.begin(Call {
                    id: id.clone(),
                    line: line.to_owned(),
                    cwd: cwd.map(str::to_owned),
                    cwd_known: CwdKnown::Command,
                    at,
                    ..Call::default()
                });
            }
            Some("tool_result") => {
                let id = look::text(part, &["tool_use_id"]).unwrap_or_default();
                let told = value.get("toolUseResult").or_else(|| value.get("tool_use_result"));
                calls.end(id, |call| {
                    call.took = at.zip(call.at).map(|(end, start)| end - start);
                    result(part, told.unwrap_or(&Value::Null), call);
                });
            }
            _ => {}
        }
    }
}

fn result(part: &Value, told: &Value, call: &mut Call) {
    let text = part.get("content").map(look::content).unwrap_or_default();
    let error = look::at(part, "is_error").and_then(Value::as_bool).unwrap_or_default();
    let has = |name: &str| look::at(told, name).is_some_and(|value| value != &Value::Bool(false));
    call.not_found = text::not_found(&text);
    if has("backgroundTaskId")
        || has("assistantAutoBackgrounded")
        || has("timedOutAfterMs")
        || text.starts_with("Command running in background")
    {
        // Its result says only that it began.
        return call.open_end();
    }
    if has("interrupted") {
        return call.fell(Outcome::Cancelled);
    }
    if !error {
        return match has("returnCodeInterpretation") {
            // The agent takes 1 from grep, diff, find and test for an answer.
            true => call.end(Status::Code(1), StatusKnown::Inferred),
            false => call.succeeded(),
        };
    }
    match (text::fell(&text), text.trim_start().strip_prefix("Exit code ")) {
        (_, Some(_)) => call.parsed(text::after(&text, "Exit code ")),
        (Some(outcome), None) => call.fell(outcome),
        (None, None) => call.open_end(),
    }
}
