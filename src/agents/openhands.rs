//! OpenHands: events of the SDK (one file each, or JSON Lines), and those of older versions, lists of actions and observations.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{Agent, Call, Calls, Edit, Heard, Hooks, Places, Reader, Record, hooks, look, text};
use crate::journal::{CwdKnown, Outcome};

/// The agent.
pub(super) struct OpenHands;

impl Agent for OpenHands {
    fn name(&self) -> &'static str {
        "openhands"
    }

    fn reads(&self, record: Record) -> bool {
        let first = record.value.as_array().and_then(|pair| pair.first()).unwrap_or(record.value);
        let kind = look::text(first, &["kind"]).unwrap_or_default();
        let event = kind.ends_with("Event") && first.get("source").is_some();
        let old = first.get("source").is_some()
            && (look::text(first, &["action"]).is_some() || look::text(first, &["observation"]).is_some());
        event || (old && (first.get("args").is_some() || first.get("extras").is_some()))
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::new(Events::default())
    }

    fn folders(&self) -> &'static [&'static str] {
        &[".openhands/conversations", ".openhands/sessions"]
    }

    fn programs(&self) -> &'static [&'static str] {
        &["openhands"]
    }

    fn variables(&self) -> &'static [&'static str] {
        &["OPENHANDS_SESSION_ID", "OPENHANDS_PROJECT_DIR"]
    }

    fn hooks(&self) -> Option<&dyn Hooks> {
        Some(self)
    }
}

impl Hooks for OpenHands {
    fn settings(&self, places: &Places, shared: bool) -> PathBuf {
        places.either(shared, ".openhands/hooks.json")
    }

    fn edits(&self, _file: &Path, line: &str) -> Vec<Edit> {
        let events = [
            ("SessionStart", None),
            ("PreToolUse", Some("terminal")),
            ("PostToolUse", Some("terminal")),
            ("SessionEnd", None),
        ];
        hooks::rules(&events, line, 5)
    }

    fn note(&self) -> Option<&'static str> {
        Some(
            "OpenHands reads one file: a `.openhands/hooks.json` of the project takes the place of yours (`--shared` writes that one)",
        )
    }

    fn project(&self) -> &'static [&'static str] {
        &["OPENHANDS_PROJECT_DIR"]
    }

    fn hear(&self, event: &Value) -> Option<Heard> {
        hooks::hear(event, &["terminal", "execute_bash", "bash"], |end, call| {
            let kind = look::text(&end.response, &["kind"]).unwrap_or("TerminalObservation");
            result(&json!({ "kind": kind, "observation": *end.response }), call);
        })
    }
}

#[derive(Default)]
struct Events {
    /// Ids of tool calls, by the id of the event that made them.
    made: HashMap<String, String>,
}

impl Reader for Events {
    fn record(&mut self, record: Record, calls: &mut Calls) {
        // Some exports pair each action with its observation.
        match record.value {
            Value::Array(pair) => pair.iter().for_each(|event| self.event(event, calls)),
            event => self.event(event, calls),
        }
    }
}

fn id(value: &Value, name: &str) -> String {
    match look::at(value, name) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    }
}

impl Events {
    fn event(&mut self, event: &Value, calls: &mut Calls) {
        let at = look::time(event, &["timestamp"]);
        calls.head.model(look::text(event, &["agent.llm.model", "args.agent_config.model"]));
        calls.head.cwd(look::text(event, &["workspace.working_dir"]));
        let line = look::text(event, &["action.command"]).filter(|_| {
            let kind = look::text(event, &["action.kind"]).unwrap_or_default();
            ["TerminalAction", "ExecuteBashAction", "BashAction"].contains(&kind)
        });
        let old = look::text(event, &["args.command"]).filter(|_| look::is(event, "action", "run"));
        if let Some(line) = line.or(old) {
            let input = ["action.is_input", "args.is_input"]
                .iter()
                .any(|path| look::at(event, path) == Some(&Value::Bool(true)));
            let (own, call) = (id(event, "id"), id(event, "tool_call_id"));
            let call = if call.is_empty() { format!("event {own}") } else { call };
            self.made.insert(own, call.clone());
            if !input && !line.trim().is_empty() {
                calls.begin(Call { id: call, line: line.to_owned(), at, ..Call::default() });
            }
            return;
        }
        let cause = ["action_id", "cause"].iter().find_map(|name| self.made.get(&id(event, name)));
        let Some(call) = cause.cloned().or_else(|| look::text(event, &["tool_call_id"]).map(str::to_owned)) else {
            return;
        };
        calls.end(&call, |call| {
            call.took = at.zip(call.at).map(|(end, start)| end - start);
            result(event, call);
        });
        // Where a command ended is where the next one begins.
        calls.head.cwd(look::text(event, &["observation.metadata.working_dir", "extras.metadata.working_dir"]));
    }
}

fn result(event: &Value, call: &mut Call) {
    if let Some(cwd) = look::text(event, &["observation.metadata.working_dir"]).filter(|_| call.cwd.is_none()) {
        (call.cwd, call.cwd_known) = (Some(cwd.to_owned()), CwdKnown::Session);
    }
    let content = look::at(event, "observation.content").or_else(|| look::at(event, "content"));
    let text = content.map(look::content).unwrap_or_default();
    call.not_found = text::not_found(&text);
    let paths =
        ["observation.exit_code", "observation.metadata.exit_code", "extras.exit_code", "extras.metadata.exit_code"];
    // -1 stands for: it goes on, or never began.
    let status = look::number(event, &paths).filter(|status| *status >= 0);
    let kind = look::text(event, &["kind", "observation"]).unwrap_or_default();
    let error = look::at(event, "observation.is_error") == Some(&Value::Bool(true));
    let timeout = look::at(event, "observation.timeout") == Some(&Value::Bool(true));
    match (kind, status) {
        ("UserRejectObservation" | "user_rejected", _) => call.fell(Outcome::Refused),
        ("AgentErrorEvent" | "error", _) => call.fell(Outcome::Blocked),
        (_, _) if timeout => call.open_end(),
        (_, Some(status)) => call.exact(Some(status)),
        (_, None) if error => call.fell(text::fell(&text).unwrap_or(Outcome::Blocked)),
        (_, None) => call.open_end(),
    }
}
