//! mini-swe-agent: `.traj.json`, a list of messages, in newer versions within a document. Each command has a shell of its own.

use serde_json::Value;

use super::{Agent, Call, Calls, Reader, Record, look, text};
use crate::journal::Outcome;

/// How a block with a command begins.
const FENCES: &[&str] = &["```mswea_bash_command\n", "```bash\n"];

/// The agent.
pub(super) struct MiniSweAgent;

impl Agent for MiniSweAgent {
    fn name(&self) -> &'static str {
        "mini-swe-agent"
    }

    fn reads(&self, record: Record) -> bool {
        let value = record.value;
        let format = look::text(value, &["trajectory_format"]).unwrap_or_default();
        let version = look::at(value, "info.mini_version").is_some();
        let message = ["", "messages"].contains(&record.list) && value.get("role").is_some();
        let content = value.get("content").map(look::content).unwrap_or_default();
        let says = content.contains("mswea_bash_command") || content.trim_start().starts_with("<returncode>");
        let told = look::at(value, "extra.returncode").is_some() || look::at(value, "extra.actions").is_some();
        format.starts_with("mini-swe-agent") || version || (message && (says || told))
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::new(Messages)
    }
}

struct Messages;

impl Reader for Messages {
    fn record(&mut self, record: Record, calls: &mut Calls) {
        let value = record.value;
        calls.head.version(look::text(value, &["info.mini_version"]));
        calls.head.model(look::text(value, &["info.config.model.model_name", "extra.response.model"]));
        calls.head.cwd(look::text(value, &["info.config.environment.cwd"]));
        let at = look::time(value, &["timestamp", "extra.timestamp"]);
        match look::text(value, &["role"]).unwrap_or_default() {
            "assistant" => asked(value, at, calls),
            "user" | "tool" => {
                let id = look::text(value, &["tool_call_id"]).unwrap_or_default();
                let end = |call: &mut Call| {
                    call.took = at.zip(call.at).map(|(end, start)| end - start);
                    result(value, call);
                };
                if id.is_empty() { calls.end_latest(end) } else { calls.end(id, end) }
            }
            _ => {}
        }
    }
}

fn asked(value: &Value, at: Option<i64>, calls: &mut Calls) {
    let mut any = false;
    for tool in look::list(value, "tool_calls").iter().filter(|tool| look::is(tool, "function.name", "bash")) {
        let arguments = look::arguments(tool, "function.arguments");
        if let Some(line) = look::text(&arguments, &["command"]) {
            let id = look::text(tool, &["id"]).unwrap_or_default().to_owned();
            calls.begin(Call { id, line: line.to_owned(), at, ..Call::default() });
            any = true;
        }
    }
    if !any {
        let content = value.get("content").map(look::content).unwrap_or_default();
        calls.begin(Call { line: block(&content).unwrap_or_default().to_owned(), at, ..Call::default() });
    }
}

/// Returns the one block with a command; with none or several the agent runs nothing.
fn block(content: &str) -> Option<&str> {
    FENCES.iter().find_map(|fence| {
        let mut blocks = content.match_indices(fence);
        let (Some((at, _)), None) = (blocks.next(), blocks.next()) else { return None };
        let inside = &content[at + fence.len()..];
        inside.split_once("\n```").map(|(line, _)| line.trim())
    })
}

fn result(value: &Value, call: &mut Call) {
    let content = value.get("content").map(look::content).unwrap_or_default();
    call.not_found = text::not_found(&content);
    let begin = text::head(&content, 400).to_ascii_lowercase();
    let parsed = || text::after(text::head(content.trim_start(), 40), "<returncode>");
    match (look::number(value, &["extra.returncode"]), parsed(), text::fell(&content)) {
        (Some(status), ..) => call.exact(Some(status)),
        (None, Some(status), _) => call.parsed(Some(status)),
        (None, None, Some(outcome)) => call.fell(outcome),
        (None, None, None) if begin.contains("exactly one action") => call.fell(Outcome::Blocked),
        (None, None, None) => call.open_end(),
    }
}
