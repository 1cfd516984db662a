//! GitHub Copilot CLI: `events.jsonl` of a session. The status stands at the end of a result's text; of a command that
//! outlasts the agent's patience a later event tells it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use memchr::memmem::find;
use serde_json::{Map, Value, json};

use super::{Agent, Call, Calls, Edit, Heard, Hooks, Places, Reader, Record, hooks, look, text};
use crate::journal::Outcome;

/// Tools that run a command.
const TOOLS: &[&str] = &["bash", "local_shell", "powershell", "shell"];

/// The agent.
pub(super) struct Copilot;

impl Agent for Copilot {
    fn name(&self) -> &'static str {
        "copilot"
    }

    fn reads(&self, record: Record) -> bool {
        let value = record.value;
        let kind = look::text(value, &["type"]).unwrap_or_default();
        let begins = kind == "session.start" && look::at(value, "data.sessionId").is_some();
        begins || (kind.starts_with("tool.execution_") && look::at(value, "data.toolCallId").is_some())
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::new(Events::default())
    }

    fn folders(&self) -> &'static [&'static str] {
        &[".copilot/session-state"]
    }

    fn programs(&self) -> &'static [&'static str] {
        &["copilot"]
    }

    fn variables(&self) -> &'static [&'static str] {
        &["COPILOT_CLI", "COPILOT_AGENT_SESSION_ID"]
    }

    fn hooks(&self) -> Option<&dyn Hooks> {
        Some(self)
    }
}

impl Hooks for Copilot {
    fn settings(&self, places: &Places, shared: bool) -> PathBuf {
        let folder = if shared { places.root.join(".github") } else { places.home.join(".copilot") };
        folder.join("hooks/agent-capture.json")
    }

    fn edits(&self, _file: &Path, line: &str) -> Vec<Edit> {
        let hook = |event: &str| {
            // Which event it is does not stand in what older versions tell.
            let line = line.replacen("hook copilot", &format!("hook copilot --event {event}"), 1);
            json!([{ "type": "command", "bash": line, "timeoutSec": 5 }])
        };
        let events = ["sessionStart", "preToolUse", "postToolUse", "postToolUseFailure", "sessionEnd"];
        let hooks: Map<String, Value> = events.iter().map(|event| ((*event).to_owned(), hook(event))).collect();
        let text = serde_json::to_string_pretty(&json!({ "version": 1, "hooks": hooks })).unwrap_or_default();
        vec![Edit::Whole(text + "\n")]
    }

    fn hear(&self, event: &Value) -> Option<Heard> {
        hooks::hear(event, TOOLS, |end, call| {
            let result = hooks::text(&end.response, &["result_type"]).unwrap_or_default();
            let told = hooks::text(&end.response, &["text_result_for_llm", "session_log"]).map(str::to_owned);
            let text = told.unwrap_or_else(|| end.text().into_owned());
            call.not_found = text::not_found(&text);
            let status = text::after_last(&text, &["exited with exit code ", "completed with exit code "]);
            match (status, result) {
                (Some(status), _) => call.parsed(Some(status)),
                (None, "denied" | "rejected") => call.fell(Outcome::Refused),
                (None, _) if text::fell(&text).is_some() => {
                    call.fell(text::fell(&text).unwrap_or(Outcome::Unknown));
                }
                (None, "success") => call.succeeded(),
                (None, _) => call.open_end(),
            }
        })
    }
}

#[derive(Default)]
struct Events {
    /// Commands that go on, by the number of their shell.
    shells: HashMap<String, String>,
    /// Calls that ask for more output of such a shell.
    asks: HashMap<String, String>,
}

impl Reader for Events {
    fn wants(&self, line: &[u8], _calls: &Calls) -> bool {
        let marks: [&[u8]; 4] = [b"tool.execution_", b"session.", b"permission.completed", b"shell_completed"];
        marks.iter().any(|mark| find(line, mark).is_some())
    }

    fn record(&mut self, record: Record, calls: &mut Calls) {
        let (value, at) = (record.value, look::time(record.value, &["timestamp"]));
        let data = value.get("data").unwrap_or(&Value::Null);
        match look::text(value, &["type"]).unwrap_or_default() {
            "tool.execution_start" => self.begin(data, at, calls),
            "tool.execution_complete" => self.end(data, at, calls),
            "permission.completed" => {
                let kind = look::text(data, &["result.kind"]).unwrap_or_default();
                let outcome = match kind {
                    kind if kind.contains("rule") || kind.contains("hook") => Outcome::Blocked,
                    _ => Outcome::Refused,
                };
                if kind.starts_with("denied") || kind.starts_with("reject") {
                    calls.end(look::text(data, &["toolCallId"]).unwrap_or_default(), |call| call.fell(outcome));
                }
            }
            "system.notification" => {
                let shell = look::text(data, &["kind.shellId"]).unwrap_or_default();
                if let Some(id) = self.shells.get(shell) {
                    calls.end(id, |call| call.exact(look::number(data, &["kind.exitCode"])));
                }
            }
            _ => {
                calls.head.version(look::text(data, &["copilotVersion"]));
                calls.head.model(look::text(data, &["newModel", "selectedModel"]));
                if let Some(root) = look::text(data, &["context.gitRoot"]) {
                    calls.head.root = Some(root.to_owned());
                }
                calls.head.cwd(look::text(data, &["context.cwd", "cwd"]));
            }
        }
    }
}

impl Events {
    fn begin(&mut self, data: &Value, at: Option<i64>, calls: &mut Calls) {
        calls.head.model(look::text(data, &["model"]));
        let name = look::text(data, &["toolName"]).unwrap_or_default();
        let id = look::text(data, &["toolCallId"]).unwrap_or_default().to_owned();
        let arguments = look::arguments(data, "arguments");
        if name.starts_with("read_") || name.starts_with("stop_") {
            let shell = look::text(&arguments, &["shellId"]).unwrap_or_default();
            if let Some(call) = self.shells.get(shell) {
                self.asks.insert(id, call.clone());
            }
        } else if let Some(line) = look::text(&arguments, &["command"]).filter(|_| TOOLS.contains(&name)) {
            calls.begin(Call { id, line: line.to_owned(), at, ..Call::default() });
        }
    }

    fn end(&mut self, data: &Value, at: Option<i64>, calls: &mut Calls) {
        let own = look::text(data, &["toolCallId"]).unwrap_or_default();
        let asked = self.asks.remove(own);
        let text = look::text(data, &["result.content", "result.detailedContent", "error.message"]).unwrap_or_default();
        let status = text::after_last(text, &["exited with exit code ", "completed with exit code "]);
        if let Some(id) = asked {
            if status.is_some() {
                calls.end(&id, |call| call.parsed(status));
            }
            return;
        }
        if status.is_none() && text::tail(text, 400).contains("is still running") {
            if let Some(shell) =
                text::tail(text, 400).split("shellId: ").nth(1).and_then(|rest| rest.split([' ', '>']).next())
            {
                self.shells.insert(shell.to_owned(), own.to_owned());
            }
            return calls.meanwhile(own, Call::open_end);
        }
        let failed = data.get("success") == Some(&Value::Bool(false));
        let code = look::text(data, &["error.code"]).unwrap_or_default();
        calls.end(own, |call| {
            call.took = at.zip(call.at).map(|(end, start)| end - start);
            call.not_found = text::not_found(text);
            match (status, text::fell(text)) {
                (Some(status), _) => call.parsed(Some(status)),
                (None, Some(outcome)) => call.fell(outcome),
                (None, None) if ["denied", "rejected"].contains(&code) => call.fell(Outcome::Refused),
                (None, None) if failed => call.fell(Outcome::Unknown),
                (None, None) => call.open_end(),
            }
        });
    }
}
