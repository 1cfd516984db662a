//! Entire's compact transcripts: JSON Lines that hold a session of any agent, each call with its result.

use serde_json::Value;

use super::{Agent, Call, Calls, Reader, Record, look, text};
use crate::journal::Outcome;

/// Tools that run a command, of all agents.
const TOOLS: &[&str] = &[
    "Bash",
    "Execute",
    "Shell",
    "bash",
    "exec_command",
    "run_shell_command",
    "shell",
    "shell_command",
    "run_terminal_cmd",
];

/// The format.
pub(super) struct Entire;

impl Agent for Entire {
    fn name(&self) -> &'static str {
        "entire"
    }

    fn reads(&self, record: Record) -> bool {
        let value = record.value;
        value.get("v").is_some()
            && value.get("agent").is_some()
            && value.get("ts").is_some()
            && value.get("content").is_some()
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::new(Lines)
    }
}

struct Lines;

impl Reader for Lines {
    fn record(&mut self, record: Record, calls: &mut Calls) {
        let (value, at) = (record.value, look::time(record.value, &["ts"]));
        if let Some(agent) = look::text(value, &["agent"]).filter(|_| calls.head.agent.is_none()) {
            calls.head.agent = Some(agent.chars().take(64).collect());
        }
        calls.head.model(look::text(value, &["model"]));
        calls.head.cwd(look::text(value, &["cwd"]));
        for part in look::list(value, "content").iter().filter(|part| look::is(part, "type", "tool_use")) {
            let name = look::text(part, &["name"]).unwrap_or_default();
            let line = ["input.command", "input.cmd"].iter().find_map(|path| look::line(look::at(part, path)?));
            let Some(line) = line.filter(|_| TOOLS.contains(&name)) else { continue };
            let id = look::text(part, &["id"]).unwrap_or_default().to_owned();
            calls.begin(Call { id: id.clone(), line, at, ..Call::default() });
            if let Some(told) = part.get("result") {
                calls.end(&id, |call| result(told, call));
            }
        }
    }
}

fn result(told: &Value, call: &mut Call) {
    let output = look::at(told, "output").map(look::content).unwrap_or_default();
    call.not_found = text::not_found(&output);
    let begin = text::head(&output, 2000);
    let status = match output.strip_prefix("Exit code ") {
        Some(_) => text::after(&output, "Exit code "),
        // What the agents write into their results: see their own formats.
        None => ["Process exited with code ", "Exit code: "]
            .iter()
            .find_map(|mark| text::after(begin.split("\nOutput:").next()?, mark)),
    };
    match (look::text(told, &["status"]).unwrap_or_default(), status, text::fell(&output)) {
        (_, None, Some(outcome)) => call.fell(outcome),
        (_, Some(status), _) => call.parsed(Some(status)),
        ("success", ..) if output.starts_with("Command running in background") => call.open_end(),
        ("success", ..) => call.succeeded(),
        ("error", ..) => call.open_end(),
        _ => call.fell(Outcome::Unknown),
    }
}
