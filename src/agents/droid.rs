//! Factory Droid: JSON Lines, one file for a session. A status is told in the text of a result, if at all.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{Agent, Call, Calls, Edit, Heard, Hooks, Places, Reader, Record, hooks, look, text};

/// The agent.
pub(super) struct Droid;

impl Agent for Droid {
    fn name(&self) -> &'static str {
        "droid"
    }

    fn reads(&self, record: Record) -> bool {
        let value = record.value;
        let begins = look::is(value, "type", "session_start") && value.get("id").is_some();
        let message = look::is(value, "type", "message") && look::at(value, "message.content").is_some();
        // Pi writes messages, too, with a time within them.
        begins || (message && value.get("id").is_some() && look::at(value, "message.timestamp").is_none())
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::new(Lines)
    }

    fn folders(&self) -> &'static [&'static str] {
        &[".factory/sessions"]
    }

    fn programs(&self) -> &'static [&'static str] {
        &["droid"]
    }

    fn hooks(&self) -> Option<&dyn Hooks> {
        Some(self)
    }
}

impl Hooks for Droid {
    fn settings(&self, places: &Places, shared: bool) -> PathBuf {
        let folder = places.either(shared, ".factory");
        // Where there is a file for hooks, those in the settings are not read.
        let own = folder.join("hooks.json");
        if own.exists() { own } else { folder.join("settings.json") }
    }

    fn edits(&self, file: &Path, line: &str) -> Vec<Edit> {
        let events = [
            ("SessionStart", None),
            ("PreToolUse", Some("Execute")),
            ("PostToolUse", Some("Execute")),
            ("SessionEnd", None),
        ];
        let rules = hooks::rules(&events, line, 5).into_iter();
        let top = file.ends_with("hooks.json");
        let rules = rules.map(|edit| match edit {
            // The file for hooks has the events at its top.
            Edit::Entry(path, entry) if top => Edit::Entry(path.into_iter().skip(1).collect(), entry),
            other => other,
        });
        rules.collect()
    }

    fn project(&self) -> &'static [&'static str] {
        &["FACTORY_PROJECT_DIR"]
    }

    fn hear(&self, event: &Value) -> Option<Heard> {
        hooks::hear(event, &["Execute", "Bash"], |end, call| {
            match look::number(&end.response, &["exitCode", "exit_code"]) {
                Some(status) => {
                    call.not_found = text::not_found(&end.text());
                    call.exact(Some(status));
                }
                None => result(&json!({ "content": end.text(), "is_error": end.failed }), call),
            }
        })
    }
}

struct Lines;

impl Reader for Lines {
    fn record(&mut self, record: Record, calls: &mut Calls) {
        let (value, at) = (record.value, look::time(record.value, &["timestamp"]));
        calls.head.cwd(look::text(value, &["cwd"]));
        calls.head.model(look::text(value, &["message.model", "model"]));
        for part in look::list(value, "message.content") {
            let name = look::text(part, &["name"]).unwrap_or_default();
            match look::text(part, &["type"]) {
                Some("tool_use") if ["Execute", "Bash"].contains(&name) => {
                    let line = look::text(part, &["input.command"]).unwrap_or_default().to_owned();
                    let id = look::text(part, &["id"]).unwrap_or_default().to_owned();
                    calls.begin(Call { id, line, at, ..Call::default() });
                }
                Some("tool_result") => {
                    calls.end(look::text(part, &["tool_use_id"]).unwrap_or_default(), |call| {
                        call.took = at.zip(call.at).map(|(end, start)| end - start);
                        result(part, call);
                    });
                }
                _ => {}
            }
        }
    }
}

fn result(part: &Value, call: &mut Call) {
    let text = part.get("content").map(look::content).unwrap_or_default();
    call.not_found = text::not_found(&text);
    let at_end = text::after_last(&text, &["exited with code ", "exit code: ", "exit code ", "Exit code: "]);
    let marked = text.trim_end().ends_with(']') || text.trim_start().starts_with("Error");
    match (at_end.filter(|_| marked), text::fell(&text)) {
        (Some(status), _) => call.parsed(Some(status)),
        (None, Some(outcome)) => call.fell(outcome),
        (None, None) if look::at(part, "is_error") == Some(&Value::Bool(false)) => call.succeeded(),
        (None, None) => call.open_end(),
    }
}
