//! Windsurf: transcripts of its agent, JSON Lines of steps.

use serde_json::Value;

use super::{Agent, Call, Calls, Reader, Record, look, text};
use crate::journal::{CwdKnown, Outcome};

/// Kinds of steps that no other agent has.
const KINDS: &[&str] = &["planner_response", "run_command", "code_action", "user_input", "view_file", "grep_search"];

/// The agent.
pub(super) struct Windsurf;

impl Agent for Windsurf {
    fn name(&self) -> &'static str {
        "windsurf"
    }

    fn reads(&self, record: Record) -> bool {
        let kind = look::text(record.value, &["type"]).unwrap_or_default();
        KINDS.contains(&kind) && record.value.get("status").is_some() && record.value.get(kind).is_some()
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::new(Steps)
    }

    fn folders(&self) -> &'static [&'static str] {
        &[".windsurf/transcripts"]
    }
}

struct Steps;

impl Reader for Steps {
    fn record(&mut self, record: Record, calls: &mut Calls) {
        let value = record.value;
        let Some(run) = value.get("run_command") else { return };
        let cwd =
            look::text(run, &["cwd"]).map(|cwd| cwd.trim_start_matches("file://")).filter(|cwd| cwd.starts_with('/'));
        calls.head.cwd(cwd);
        let call = Call {
            line: look::text(run, &["command", "command_line"]).unwrap_or_default().to_owned(),
            cwd: cwd.map(str::to_owned),
            cwd_known: CwdKnown::Command,
            at: look::time(value, &["timestamp"]),
            ..Call::default()
        };
        calls.whole(call, |call| {
            call.not_found = text::not_found(look::text(run, &["output"]).unwrap_or_default());
            let status = look::number(run, &["exit_code", "exitCode"]);
            let rejected =
                ["user_rejected", "userRejected"].iter().any(|name| run.get(name) == Some(&Value::Bool(true)));
            match (look::text(value, &["status"]).unwrap_or_default(), status) {
                _ if rejected => call.fell(Outcome::Refused),
                ("canceled" | "cancelled", _) => call.fell(Outcome::Cancelled),
                ("done", status) => call.exact(status),
                (_, Some(status)) => call.exact(Some(status)),
                _ => call.fell(Outcome::Unknown),
            }
        });
    }
}
