//! Continue: sessions of its CLI and of its editors, a document with a history.

use serde_json::Value;

use super::{Agent, Call, Calls, Reader, Record, look, text};
use crate::journal::Outcome;

/// Tools that run a command.
const TOOLS: &[&str] = &["Bash", "builtin_run_terminal_command", "run_terminal_command", "runTerminalCommand"];

/// The agent.
pub(super) struct Continue;

impl Agent for Continue {
    fn name(&self) -> &'static str {
        "continue"
    }

    fn reads(&self, record: Record) -> bool {
        let value = record.value;
        let head = value.get("workspaceDirectory").is_some() && value.get("sessionId").is_some();
        head || (record.list == "history" && value.get("message").is_some() && value.get("contextItems").is_some())
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::new(History)
    }

    fn folders(&self) -> &'static [&'static str] {
        &[".continue/sessions"]
    }
}

struct History;

impl Reader for History {
    fn record(&mut self, record: Record, calls: &mut Calls) {
        let value = record.value;
        let folder = look::text(value, &["workspaceDirectory"]).map(|folder| folder.trim_start_matches("file://"));
        calls.head.cwd(folder);
        calls.head.model(look::text(value, &["chatModelTitle", "message.model"]));
        for tool in look::list(value, "message.toolCalls") {
            asked(tool, calls);
        }
        for state in look::list(value, "toolCallStates") {
            state.get("toolCall").into_iter().for_each(|tool| asked(tool, calls));
            let id = look::text(state, &["toolCallId", "toolCall.id"]).unwrap_or_default();
            calls.end(id, |call| result(state, call));
        }
    }
}

fn asked(tool: &Value, calls: &mut Calls) {
    let arguments = look::arguments(tool, "function.arguments");
    let name = look::text(tool, &["function.name"]).unwrap_or_default();
    if let Some(line) = look::text(&arguments, &["command"]).filter(|_| TOOLS.contains(&name)) {
        let id = look::text(tool, &["id"]).unwrap_or_default().to_owned();
        calls.begin(Call { id, line: line.to_owned(), ..Call::default() });
    }
}

fn result(state: &Value, call: &mut Call) {
    let output = state.get("output").map(look::content).unwrap_or_default();
    call.not_found = text::not_found(&output);
    let status = output.starts_with("Error").then(|| text::after(text::head(&output, 200), "exit code ")).flatten();
    match (look::text(state, &["status"]).unwrap_or_default(), status, text::fell(&output)) {
        ("canceled" | "cancelled", ..) => call.fell(Outcome::Refused),
        (_, Some(status), _) => call.parsed(Some(status)),
        (_, None, Some(outcome)) => call.fell(outcome),
        ("done", None, None) => call.succeeded(),
        ("errored", None, None) => call.open_end(),
        _ => call.fell(Outcome::Unknown),
    }
}
