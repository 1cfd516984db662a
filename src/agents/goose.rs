//! Goose: what `goose run --output-format stream-json` prints, the sessions of older versions (JSON Lines), and `goose session
//! export --format json`.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::{Agent, Call, Calls, Edit, Heard, Hooks, Places, Reader, Record, hooks, look, text};
use crate::journal::Outcome;

/// Tools that run a command.
const SHELLS: &[&str] = &["developer__shell", "shell"];

/// What stands before a status.
const STATUS: &[&str] = &["exited with status ", "exit code: ", "exit code ", "exit status: ", "exit status "];

/// The agent.
pub(super) struct Goose;

impl Agent for Goose {
    fn name(&self) -> &'static str {
        "goose"
    }

    fn reads(&self, record: Record) -> bool {
        let value = record.value;
        let content = look::list(value, "content").iter().chain(look::list(value, "message.content"));
        let mut kinds = content.filter_map(|part| look::text(part, &["type"]));
        let head = value.get("working_dir").is_some()
            && (value.get("message_count").is_some() || value.get("schedule_id").is_some());
        head || kinds.any(|kind| ["toolRequest", "toolResponse"].contains(&kind))
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::new(Session)
    }

    fn folders(&self) -> &'static [&'static str] {
        &[".local/share/goose/sessions"]
    }

    fn programs(&self) -> &'static [&'static str] {
        &["goose"]
    }

    fn variables(&self) -> &'static [&'static str] {
        &["GOOSE_TERMINAL"]
    }

    fn hooks(&self) -> Option<&dyn Hooks> {
        Some(self)
    }
}

impl Hooks for Goose {
    fn settings(&self, places: &Places, shared: bool) -> PathBuf {
        places.either(shared, ".agents/plugins/agent-capture/hooks/hooks.json")
    }

    fn edits(&self, _file: &Path, line: &str) -> Vec<Edit> {
        let tools = ["PreToolUse", "PreToolUseResult", "PostToolUse", "PostToolUseFailure"];
        // A regular expression: `*` would be none, and the rule would be left out.
        let rule = |matcher: Option<&str>| {
            let hook = json!({ "type": "command", "command": line, "timeout": 5 });
            match matcher {
                Some(matcher) => json!([{ "matcher": matcher, "hooks": [hook] }]),
                None => json!([{ "hooks": [hook] }]),
            }
        };
        let tools = tools.map(|event| (event, rule(Some("^(developer__)?shell$"))));
        let others = ["SessionStart", "SessionEnd"].map(|event| (event, rule(None)));
        let hooks: Map<String, Value> =
            tools.into_iter().chain(others).map(|(event, rule)| (event.to_owned(), rule)).collect();
        vec![Edit::Whole(serde_json::to_string_pretty(&json!({ "hooks": hooks })).unwrap_or_default() + "\n")]
    }

    fn beside(&self, file: &Path) -> Vec<(PathBuf, String)> {
        let manifest = json!({
            "name": "agent-capture",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Tells agent-capture which commands run",
        });
        let plugin = file.parent().and_then(Path::parent).unwrap_or(file).join("plugin.json");
        vec![(plugin, serde_json::to_string_pretty(&manifest).unwrap_or_default() + "\n")]
    }

    fn note(&self) -> Option<&'static str> {
        Some("Goose reads plugins from version 1.38 on")
    }

    fn hear(&self, event: &Value) -> Option<Heard> {
        hooks::hear(event, SHELLS, |end, call| {
            let text = end.text();
            call.not_found = text::not_found(&text);
            match text::fell(&text) {
                Some(outcome) if end.failed => call.fell(outcome),
                // One event is for those that ended well, another for the others, which may say more.
                _ if end.failed => call.parsed(text::after_last(&text, STATUS)),
                _ => call.succeeded(),
            }
        })
    }
}

struct Session;

impl Reader for Session {
    fn record(&mut self, record: Record, calls: &mut Calls) {
        let value = record.value;
        calls.head.cwd(look::text(value, &["working_dir"]));
        calls.head.model(look::text(value, &["model_config.model_name", "model"]));
        let message = value.get("message").filter(|message| message.is_object()).unwrap_or(value);
        let at = look::time(message, &["created"]);
        for part in look::list(message, "content") {
            let id = look::text(part, &["id"]).unwrap_or_default();
            match look::text(part, &["type"]) {
                Some("toolRequest") => {
                    let tool =
                        look::at(part, "toolCall.value").or_else(|| look::at(part, "toolCall")).unwrap_or(&Value::Null);
                    let name = look::text(tool, &["name"]).unwrap_or_default();
                    let is_shell = SHELLS.contains(&name);
                    let Some(line) = look::text(tool, &["arguments.command"]).filter(|_| is_shell) else { continue };
                    calls.begin(Call { id: id.to_owned(), line: line.to_owned(), at, ..Call::default() });
                }
                Some("toolResponse") => calls.end(id, |call| {
                    call.took = at.zip(call.at).map(|(end, start)| end - start);
                    result(part.get("toolResult").unwrap_or(&Value::Null), call);
                }),
                _ => {}
            }
        }
    }
}

fn result(told: &Value, call: &mut Call) {
    let content =
        look::at(told, "value.content").or_else(|| look::at(told, "value")).or_else(|| look::at(told, "error"));
    let text = content.map_or_else(|| look::content(told), look::content);
    call.not_found = text::not_found(&text);
    let exact = look::number(told, &["value.structuredContent.exit_code", "value.structuredContent.exitCode"]);
    let parsed = text::after_last(&text, STATUS);
    let is_error = look::at(told, "value.isError").and_then(Value::as_bool);
    let failed = is_error == Some(true) || look::is(told, "status", "error");
    match (exact, text::fell(&text)) {
        (Some(status), _) => call.exact(Some(status)),
        (None, Some(outcome)) => call.fell(outcome),
        (None, None) if failed => match parsed {
            Some(status) => call.parsed(Some(status)),
            None => call.fell(Outcome::Unknown),
        },
        (None, None) if is_error == Some(false) => call.succeeded(),
        (None, None) => call.open_end(),
    }
}
