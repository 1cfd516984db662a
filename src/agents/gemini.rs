//! Gemini CLI: chats, JSON Lines (older ones a document), and what `gemini --output-format stream-json` prints.
//!
//! The status is in the text of a result, and in newer versions only when it is not 0.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Agent, Call, Calls, Edit, Heard, Hooks, Places, Reader, Record, hooks, look, text};
use crate::journal::{CwdKnown, Outcome};

/// The tool that runs a command.
const TOOL: &str = "run_shell_command";

/// The agent.
pub(super) struct Gemini;

impl Agent for Gemini {
    fn name(&self) -> &'static str {
        "gemini"
    }

    fn reads(&self, record: Record) -> bool {
        let value = record.value;
        let message = look::is(value, "type", "gemini") && value.get("id").is_some();
        let head = value.get("sessionId").is_some() && value.get("projectHash").is_some();
        let printed = look::is(value, "type", "tool_use") && value.get("tool_name").is_some();
        message || head || printed
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::new(Chat)
    }

    fn folders(&self) -> &'static [&'static str] {
        &[".gemini/tmp"]
    }

    fn programs(&self) -> &'static [&'static str] {
        &["gemini"]
    }

    fn variables(&self) -> &'static [&'static str] {
        &["GEMINI_CLI"]
    }

    fn hooks(&self) -> Option<&dyn Hooks> {
        Some(self)
    }
}

impl Hooks for Gemini {
    fn settings(&self, places: &Places, shared: bool) -> PathBuf {
        places.either(shared, ".gemini/settings.json")
    }

    fn edits(&self, _file: &Path, line: &str) -> Vec<Edit> {
        let events =
            [("SessionStart", None), ("BeforeTool", Some(TOOL)), ("AfterTool", Some(TOOL)), ("SessionEnd", None)];
        // In milliseconds.
        hooks::rules(&events, line, 5000)
    }

    fn project(&self) -> &'static [&'static str] {
        &["GEMINI_PROJECT_DIR"]
    }

    fn hear(&self, event: &Value) -> Option<Heard> {
        hooks::hear(event, &[TOOL], |end, call| {
            let text = hooks::key(&end.response, "llm_content").map(look::content).unwrap_or_default();
            let failed = look::at(&end.response, "error").is_some();
            ended(if failed { "error" } else { "success" }, &text, call);
        })
    }
}

struct Chat;

impl Reader for Chat {
    fn record(&mut self, record: Record, calls: &mut Calls) {
        let value = record.value;
        let at = look::time(value, &["timestamp"]);
        calls.head.model(look::text(value, &["model"]));
        for call in look::list(value, "toolCalls").iter().chain(look::list(value, "$set.toolCalls")) {
            asked(call, "id", "name", "args", at, calls);
            let id = look::text(call, &["id"]).unwrap_or_default();
            let end = look::time(call, &["timestamp"]).or(at);
            let Some(status) = look::text(call, &["status"]) else { continue };
            if ["executing", "scheduled", "validating", "awaiting_approval"].contains(&status) {
                continue;
            }
            calls.end(id, |made| {
                made.took = end.zip(made.at).map(|(end, start)| end - start);
                ended(status, &output(call), made);
            });
        }
        match look::text(value, &["type"]) {
            Some("tool_use") => asked(value, "tool_id", "tool_name", "parameters", at, calls),
            Some("tool_result") => {
                let id = look::text(value, &["tool_id"]).unwrap_or_default();
                let text = look::text(value, &["output", "error.message"]).unwrap_or_default().to_owned();
                let status = look::text(value, &["status"]).unwrap_or_default();
                calls.end(id, |made| {
                    made.took = at.zip(made.at).map(|(end, start)| end - start);
                    ended(status, &text, made);
                });
            }
            _ => {}
        }
    }
}

fn asked(value: &Value, id: &str, name: &str, arguments: &str, at: Option<i64>, calls: &mut Calls) {
    let Some(line) = look::text(value, &[&format!("{arguments}.command")]).filter(|_| look::is(value, name, TOOL))
    else {
        return;
    };
    let folder = look::text(value, &[&format!("{arguments}.dir_path"), &format!("{arguments}.directory")]);
    let folder = folder.filter(|folder| folder.starts_with('/'));
    calls.begin(Call {
        id: look::text(value, &[id]).unwrap_or_default().to_owned(),
        line: line.to_owned(),
        cwd: folder.map(str::to_owned),
        cwd_known: CwdKnown::Command,
        at,
        ..Call::default()
    });
}

/// Returns what the model was told.
fn output(call: &Value) -> String {
    let parts = look::list(call, "result").iter();
    let told = parts
        .filter_map(|part| look::text(part, &["functionResponse.response.output", "functionResponse.response.error"]));
    let told: Vec<&str> = told.collect();
    match told.is_empty() {
        true => call.get("resultDisplay").map(|shown| look::content(shown).into_owned()).unwrap_or_default(),
        false => told.join("\n"),
    }
}

fn ended(status: &str, output: &str, call: &mut Call) {
    call.not_found = text::not_found(output);
    let code = text::after_last(output, &["Exit Code: "]);
    match (status, code, text::fell(output)) {
        ("cancelled" | "canceled", ..) => call.fell(Outcome::Cancelled),
        (_, Some(code), _) => call.parsed(Some(code)),
        (_, None, Some(outcome)) => call.fell(outcome),
        _ if output.contains("Background PIDs: ") && !output.contains("Background PIDs: (none)") => call.open_end(),
        ("success", ..) => call.succeeded(),
        _ => call.open_end(),
    }
}
