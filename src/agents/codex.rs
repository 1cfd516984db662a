//! Codex CLI: rollouts, which are JSON Lines, and what `codex exec --json` prints.
//!
//! How a command is written changed three times: an `exec_command_end` event with all that is known (to 0.128), a call with the
//! status in the text of its output (to 0.142), and JavaScript that calls a tool, of which no status is told (from 0.144).

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use memchr::memmem::find;
use serde_json::Value;

use super::{Agent, Call, Calls, Edit, Heard, Hooks, Places, Reader, Record, hooks, javascript, look, text};
use crate::journal::{CwdKnown, Outcome};

/// Tools that run a command.
const TOOLS: &[&str] = &["exec_command", "shell", "shell_command", "container.exec", "local_shell", "unified_exec"];

/// Kinds of lines of a rollout.
const KINDS: &[&str] = &["session_meta", "turn_context", "response_item", "event_msg", "compacted"];

/// The agent.
pub(super) struct Codex;

impl Agent for Codex {
    fn name(&self) -> &'static str {
        "codex"
    }

    fn reads(&self, record: Record) -> bool {
        let value = record.value;
        let kind = look::text(value, &["type"]).unwrap_or_default();
        let rollout = KINDS.contains(&kind) && value.get("payload").is_some();
        let printed = kind == "thread.started" || (kind.starts_with("item.") && value.get("item").is_some());
        let bare = kind.starts_with("function_call") && value.get("call_id").is_some();
        rollout || printed || bare
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::new(Rollout::default())
    }

    fn folders(&self) -> &'static [&'static str] {
        &[".codex/sessions", ".codex/archived_sessions"]
    }

    fn programs(&self) -> &'static [&'static str] {
        &["codex"]
    }

    fn variables(&self) -> &'static [&'static str] {
        &["CODEX_THREAD_ID", "CODEX_SANDBOX", "CODEX_SANDBOX_NETWORK_DISABLED", "CODEX_CI"]
    }

    fn hooks(&self) -> Option<&dyn Hooks> {
        Some(self)
    }
}

impl Hooks for Codex {
    fn settings(&self, places: &Places, shared: bool) -> PathBuf {
        match shared {
            true => places.root.join(".codex/hooks.json"),
            false => places.or_home("CODEX_HOME", ".codex").join("hooks.json"),
        }
    }

    fn edits(&self, _file: &Path, line: &str) -> Vec<Edit> {
        let events = [
            ("SessionStart", None),
            ("PreToolUse", Some("^Bash$")),
            ("PostToolUse", Some("^Bash$")),
            ("SessionEnd", None),
        ];
        // A session's end waits for a second, three at most.
        hooks::rules(&events, line, 3)
    }

    fn note(&self) -> Option<&'static str> {
        Some(
            "Codex runs a hook only when you trust it: start `codex` once and trust it there; versions before 0.130 need `[features] hooks = true`",
        )
    }

    fn hear(&self, event: &Value) -> Option<Heard> {
        let tools = ["Bash", "shell", "shell_command", "exec_command", "local_shell", "unified_exec"];
        // What a command wrote is told, and not how it ended: that may be in the rollout.
        hooks::hear(event, &tools, |end, call| {
            call.not_found = text::not_found(&end.text());
            call.open_end();
        })
    }
}

#[derive(Default)]
struct Rollout {
    /// Commands that go on in the background, by the number that the agent gives them.
    sessions: HashMap<String, String>,
    /// Calls that ask for more output of a command in the background.
    asks: HashMap<String, String>,
}

impl Reader for Rollout {
    fn wants(&self, line: &[u8], _calls: &Calls) -> bool {
        let marks: [&[u8]; 6] =
            [b"call", b"session_meta", b"turn_context", b"exec_command", b"command_execution", b"\"cwd\""];
        marks.iter().any(|mark| find(line, mark).is_some())
    }

    fn record(&mut self, record: Record, calls: &mut Calls) {
        let value = record.value;
        let at = look::time(value, &["timestamp"]);
        let item = value.get("payload").or_else(|| value.get("item")).unwrap_or(value);
        match look::text(item, &["type"]).unwrap_or_default() {
            "function_call" | "local_shell_call" => self.call(item, at, calls),
            "function_call_output" | "local_shell_call_output" => self.output(item, at, calls),
            "custom_tool_call" if look::is(item, "name", "exec") => script(item, at, calls),
            "custom_tool_call_output" => script_output(item, calls),
            "exec_command_end" => ended(item, at, calls),
            "command_execution" => printed(item, calls),
            _ => {
                calls.head.version(look::text(item, &["cli_version"]));
                calls.head.model(look::text(item, &["model"]));
                calls.head.cwd(look::text(item, &["cwd"]));
            }
        }
    }
}

/// Returns how a command is told to run: its line and its folder.
fn asked(arguments: &Value, call: &mut Call) -> Option<()> {
    call.line = ["cmd", "command", "action.command"].iter().find_map(|name| look::line(look::at(arguments, name)?))?;
    let cwd = look::text(arguments, &["workdir", "cwd", "working_directory", "action.working_directory"]);
    if let Some(cwd) = cwd.filter(|cwd| cwd.starts_with('/')) {
        (call.cwd, call.cwd_known) = (Some(cwd.to_owned()), CwdKnown::Command);
    }
    Some(())
}

fn id(item: &Value) -> String {
    look::text(item, &["call_id", "id"]).unwrap_or_default().to_owned()
}

impl Rollout {
    fn call(&mut self, item: &Value, at: Option<i64>, calls: &mut Calls) {
        let name = look::text(item, &["name"]).unwrap_or("local_shell");
        let arguments = look::arguments(item, "arguments");
        if name == "write_stdin" {
            let session = look::at(&arguments, "session_id").map(Value::to_string).unwrap_or_default();
            if let Some(call) = self.sessions.get(session.trim_matches('"')) {
                self.asks.insert(id(item), call.clone());
            }
            return;
        }
        let mut call = Call { id: id(item), at, ..Call::default() };
        let arguments = if arguments.is_null() { item } else { &*arguments };
        if TOOLS.contains(&name) && asked(arguments, &mut call).is_some() {
            calls.begin(call);
        }
    }

    fn output(&mut self, item: &Value, at: Option<i64>, calls: &mut Calls) {
        let own = id(item);
        let id = self.asks.remove(&own).unwrap_or(own);
        let output = look::at(item, "output").unwrap_or(&Value::Null);
        let text = look::content(output);
        if let Some(session) = running(&text) {
            self.sessions.insert(session.to_owned(), id.clone());
            // A later result may tell its end; without one it ran, and that is all.
            return calls.meanwhile(&id, Call::open_end);
        }
        calls.end(&id, |call| {
            call.took = at.zip(call.at).map(|(end, start)| end - start);
            finished(&text, call);
        });
    }
}

/// Returns the number of a command that goes on in the background.
fn running(text: &str) -> Option<&str> {
    let rest = preface(text).split_once("Process running with session ID ")?.1;
    rest.split_ascii_whitespace().next()
}

/// Returns what the agent wrote before a command's output.
fn preface(text: &str) -> &str {
    let head = text::head(text, 2000);
    head.split_once("\nOutput:").map_or(head, |(preface, _)| preface)
}

fn finished(output: &str, call: &mut Call) {
    // Older versions wrote an object: {"output": "…", "metadata": {"exit_code": 0, "duration_seconds": 0.1}}.
    let object = output.starts_with('{').then(|| serde_json::from_str::<Value>(output).ok()).flatten();
    if let Some(object) = object.filter(|object| look::at(object, "metadata.exit_code").is_some()) {
        call.not_found = text::not_found(look::text(&object, &["output"]).unwrap_or_default());
        return call.exact(look::number(&object, &["metadata.exit_code"]));
    }
    call.not_found = text::not_found(output);
    let preface = preface(output);
    let status = ["Process exited with code ", "Exit code: "].iter().find_map(|mark| text::after(preface, mark));
    match (status, text::fell(output)) {
        (Some(status), _) => call.parsed(Some(status)),
        (None, Some(outcome)) => call.fell(outcome),
        (None, None) if output.starts_with("aborted") => call.fell(Outcome::Cancelled),
        (None, None) if output.contains("rejected") && output.len() < 400 => call.fell(Outcome::Refused),
        (None, None) if preface.contains("failed for `") || output.starts_with("execution error") => {
            call.fell(Outcome::Blocked);
        }
        (None, None) => call.open_end(),
    }
}

/// Reads the event that has all that is known of a command.
fn ended(item: &Value, at: Option<i64>, calls: &mut Calls) {
    if look::is(item, "source", "unified_exec_interaction") {
        return;
    }
    let took = look::number(item, &["duration.secs"]).map(|secs| {
        secs.saturating_mul(1000) + look::number(item, &["duration.nanos"]).unwrap_or_default() / 1_000_000
    });
    let mut call = Call { id: id(item), at: at.zip(took).map(|(at, took)| at - took), ..Call::default() };
    let end = |call: &mut Call| {
        call.took = took;
        call.not_found = text::not_found(look::text(item, &["aggregated_output", "stderr"]).unwrap_or_default());
        match look::text(item, &["status"]) {
            Some("declined") => call.fell(Outcome::Refused),
            _ => call.exact(look::number(item, &["exit_code"])),
        }
    };
    let id = call.id.clone();
    if asked(item, &mut call).is_some() {
        calls.begin(call);
    }
    calls.end(&id, end);
}

/// Reads a line of `codex exec --json`.
fn printed(item: &Value, calls: &mut Calls) {
    let Some(line) = look::text(item, &["command"]) else { return };
    let words = shlex::split(line).unwrap_or_default();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let line = look::unwrapped(&words).unwrap_or(line).to_owned();
    calls.begin(Call { id: id(item), line, ..Call::default() });
    let end = |call: &mut Call| {
        call.not_found = text::not_found(look::text(item, &["aggregated_output"]).unwrap_or_default());
        match look::text(item, &["status"]) {
            Some("declined") => call.fell(Outcome::Refused),
            _ => call.exact(look::number(item, &["exit_code"])),
        }
    };
    if !look::is(item, "status", "in_progress") {
        calls.end(&id(item), end);
    }
}

/// Reads a script that calls tools: the commands that stand in it as they are.
fn script(item: &Value, at: Option<i64>, calls: &mut Calls) {
    let script = look::text(item, &["input"]).unwrap_or_default();
    for (number, fields) in javascript::calls(script, TOOLS).into_iter().enumerate() {
        let arguments = fields.into_iter().map(|(name, text)| (name, Value::String(text))).collect();
        let mut call = Call { id: format!("{}#{number}", id(item)), at, ..Call::default() };
        if asked(&Value::Object(arguments), &mut call).is_some() {
            calls.begin(call);
        }
    }
}

/// Reads a script's output: how its commands ended is not in it.
fn script_output(item: &Value, calls: &mut Calls) {
    let text = look::at(item, "output").map(look::content).unwrap_or_default();
    for number in 0..64 {
        calls.end(&format!("{}#{number}", id(item)), |call| match text::fell(&text) {
            Some(outcome) => call.fell(outcome),
            None => call.open_end(),
        });
    }
}
