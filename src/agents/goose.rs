//! Goose: what `goose run --output-format stream-json` prints, the sessions of older versions (JSON Lines), and `goose session
//! export --format json`.

use serde_json::Value;

use super::{Agent, Call, Calls, Reader, Record, look, text};
use crate::journal::Outcome;

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
                    let is_shell = ["developer__shell", "shell"].contains(&name);
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
    let parsed =
        text::after_last(&text, &["exited with status ", "exit code: ", "exit code ", "exit status: ", "exit status "]);
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
