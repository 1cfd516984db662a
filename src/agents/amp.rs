//! Amp: threads, a document with messages. What a tool's run says of its end differs from version to version.

use serde_json::Value;

use super::{Agent, Call, Calls, Reader, Record, look, text};
use crate::journal::{CwdKnown, Outcome};

/// The agent.
pub(super) struct Amp;

impl Agent for Amp {
    fn name(&self) -> &'static str {
        "amp"
    }

    fn reads(&self, record: Record) -> bool {
        let value = record.value;
        let thread =
            look::text(value, &["id"]).is_some_and(|id| id.starts_with("T-")) && value.get("created").is_some();
        let message = record.list == "messages" && value.get("messageId").is_some_and(Value::is_number);
        thread || (message && value.get("role").is_some())
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::new(Thread::default())
    }

    fn folders(&self) -> &'static [&'static str] {
        &[".local/share/amp/threads"]
    }
}

#[derive(Default)]
struct Thread {
    at: Option<i64>,
}

impl Reader for Thread {
    fn record(&mut self, record: Record, calls: &mut Calls) {
        let value = record.value;
        self.at = look::time(value, &["usage.timestamp", "meta.sentAt", "created"]).or(self.at);
        calls.head.model(look::text(value, &["usage.model"]));
        calls.head.version(look::text(value, &["env.initial.platform.clientVersion"]));
        let tree = look::list(value, "env.initial.trees").first().and_then(|tree| look::text(tree, &["uri"]));
        calls.head.cwd(tree.and_then(|uri| uri.strip_prefix("file://")));
        for part in look::list(value, "content") {
            match look::text(part, &["type"]) {
                Some("tool_use") => asked(part, self.at, calls),
                Some("tool_result") => {
                    let id = look::text(part, &["toolUseID", "tool_use_id"]).unwrap_or_default();
                    calls.end(id, |call| result(part.get("run").unwrap_or(&Value::Null), call));
                }
                _ => {}
            }
        }
    }
}

fn asked(part: &Value, at: Option<i64>, calls: &mut Calls) {
    let name = look::text(part, &["name"]).unwrap_or_default();
    let line = look::text(part, &["input.cmd", "input.command"]);
    let Some(line) = line.filter(|_| ["Bash", "shell_command", "run_terminal_command"].contains(&name)) else { return };
    let folder = look::text(part, &["input.cwd", "input.workdir"]).filter(|cwd| cwd.starts_with('/'));
    calls.begin(Call {
        id: look::text(part, &["id"]).unwrap_or_default().to_owned(),
        line: line.to_owned(),
        cwd: folder.map(str::to_owned),
        cwd_known: CwdKnown::Command,
        at,
        ..Call::default()
    });
}

fn result(run: &Value, call: &mut Call) {
    let told = look::at(run, "result.output").or_else(|| look::at(run, "result")).or_else(|| look::at(run, "error"));
    let output = told.map(look::content).unwrap_or_default();
    call.not_found = text::not_found(&output);
    let status = look::number(run, &["result.exitCode", "result.exit_code", "exitCode"]);
    match (look::text(run, &["status"]).unwrap_or_default(), status) {
        (_, Some(status)) => call.exact(Some(status)),
        ("cancelled" | "canceled", None) => call.fell(Outcome::Cancelled),
        (status, None) if status.contains("reject") => call.fell(Outcome::Refused),
        (status, None) if status.contains("block") => call.fell(Outcome::Blocked),
        ("done", None) => call.open_end(),
        _ => call.fell(text::fell(&output).unwrap_or(Outcome::Unknown)),
    }
}
