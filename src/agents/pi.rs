//! Pi: sessions, JSON Lines. Of a failing command the text of the result tells the status.

use serde_json::Value;

use super::{Agent, Call, Calls, Reader, Record, look, text};
use crate::journal::Outcome;

/// The agent.
pub(super) struct Pi;

impl Agent for Pi {
    fn name(&self) -> &'static str {
        "pi"
    }

    fn reads(&self, record: Record) -> bool {
        let value = record.value;
        let begins = look::is(value, "type", "session") && value.get("version").is_some() && value.get("cwd").is_some();
        let message = look::is(value, "type", "message") && look::at(value, "message.role").is_some();
        begins || (message && value.get("id").is_some() && look::at(value, "message.timestamp").is_some())
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::new(Session)
    }

    fn folders(&self) -> &'static [&'static str] {
        &[".pi/agent/sessions"]
    }
}

struct Session;

impl Reader for Session {
    fn record(&mut self, record: Record, calls: &mut Calls) {
        let (value, at) = (record.value, look::time(record.value, &["timestamp", "message.timestamp"]));
        calls.head.cwd(look::text(value, &["cwd"]));
        calls.head.model(look::text(value, &["message.model", "modelId"]));
        let Some(message) = value.get("message") else { return };
        match look::text(message, &["role"]).unwrap_or_default() {
            "assistant" => {
                let tools = look::list(message, "content").iter().filter(|part| look::is(part, "type", "toolCall"));
                for tool in tools.filter(|tool| look::is(tool, "name", "bash")) {
                    let arguments = look::arguments(tool, "arguments");
                    let line = look::text(&arguments, &["command"]).unwrap_or_default().to_owned();
                    let id = look::text(tool, &["id"]).unwrap_or_default().to_owned();
                    calls.begin(Call { id, line, at, ..Call::default() });
                }
            }
            "toolResult" => calls.end(look::text(message, &["toolCallId"]).unwrap_or_default(), |call| {
                call.took = at.zip(call.at).map(|(end, start)| end - start);
                result(message, call);
            }),
            // What the user runs with `!`.
            "bashExecution" => {
                let line = look::text(message, &["command"]).unwrap_or_default().to_owned();
                calls.whole(Call { line, at, ..Call::default() }, |call| {
                    call.not_found = text::not_found(look::text(message, &["output"]).unwrap_or_default());
                    match message.get("cancelled") {
                        Some(Value::Bool(true)) => call.fell(Outcome::Cancelled),
                        _ => call.exact(look::number(message, &["exitCode"])),
                    }
                });
            }
            _ => {}
        }
    }
}

fn result(message: &Value, call: &mut Call) {
    let text = message.get("content").map(look::content).unwrap_or_default();
    call.not_found = text::not_found(&text);
    let last = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    match message.get("isError").and_then(Value::as_bool) {
        Some(false) => call.succeeded(),
        _ if last.starts_with("Command exited with code ") => call.parsed(text::after(last, "code ")),
        _ => match text::fell(last).or_else(|| text::fell(&text)) {
            Some(outcome) => call.fell(outcome),
            None => call.open_end(),
        },
    }
}
