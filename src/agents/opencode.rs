//! opencode: what `opencode export` writes, what `opencode run --format json` prints, and the parts of its older store.
//!
//! The one agent that keeps a command's status as a number.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{Agent, Call, Calls, Door, Edit, Heard, Hooks, Places, Reader, Record, hooks, look, text};
use crate::journal::{CwdKnown, Outcome};

/// The agent.
pub(super) struct OpenCode;

impl Agent for OpenCode {
    fn name(&self) -> &'static str {
        "opencode"
    }

    fn reads(&self, record: Record) -> bool {
        let value = record.value;
        let message = look::at(value, "info.role").is_some() && look::at(value, "parts").is_some_and(Value::is_array);
        let head = look::at(value, "info.projectID").is_some() && look::at(value, "info.directory").is_some();
        let part = |value: &Value| value.get("messageID").is_some() && value.get("sessionID").is_some();
        message || head || part(value) || value.get("part").is_some_and(part)
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::new(Export)
    }

    fn programs(&self) -> &'static [&'static str] {
        &["opencode"]
    }

    fn variables(&self) -> &'static [&'static str] {
        &["OPENCODE", "OPENCODE_CLIENT"]
    }

    fn hooks(&self) -> Option<&dyn Hooks> {
        Some(self)
    }
}

/// The plugin through which opencode calls the hook.
const PLUGIN: &str = include_str!("../../templates/opencode.ts");

impl Hooks for OpenCode {
    fn settings(&self, places: &Places, shared: bool) -> PathBuf {
        let folder = match shared {
            true => places.root.join(".opencode"),
            false => places.or_home("XDG_CONFIG_HOME", ".config").join("opencode"),
        };
        folder.join("plugins/agent-capture.ts")
    }

    fn edits(&self, _file: &Path, line: &str) -> Vec<Edit> {
        // A string of JSON is one of JavaScript.
        vec![Edit::Whole(PLUGIN.replace("\"agent-capture hook opencode\"", &json!(line).to_string()))]
    }

    fn hear(&self, event: &Value) -> Option<Heard> {
        hooks::hear(event, &["bash", "shell"], |end, call| {
            call.not_found = text::not_found(&end.text());
            match look::number(&end.response, &["exit"]) {
                Some(exit) => call.exact(Some(exit)),
                None => call.open_end(),
            }
        })
    }

    fn door(&self) -> Door {
        Door::Answer("ShellEnv")
    }
}

struct Export;

impl Reader for Export {
    fn record(&mut self, record: Record, calls: &mut Calls) {
        let value = record.value;
        calls.head.version(look::text(value, &["info.version", "version"]));
        calls.head.model(look::text(value, &["info.modelID", "info.model.modelID", "modelID"]));
        calls.head.cwd(look::text(value, &["info.path.cwd", "info.directory", "path.cwd", "directory"]));
        if let Some(root) = look::text(value, &["info.path.root", "path.root"]).filter(|root| root.len() > 1) {
            calls.head.root = Some(root.to_owned());
        }
        let alone = [value.get("part"), Some(value)].into_iter().flatten().filter(|part| part.get("callID").is_some());
        look::list(value, "parts").iter().chain(alone).for_each(|found| part(found, calls));
    }
}

fn part(part: &Value, calls: &mut Calls) {
    let is_shell = ["bash", "shell"].iter().any(|name| look::is(part, "tool", name));
    let Some(line) = look::text(part, &["state.input.command"]).filter(|_| is_shell) else { return };
    let at = look::time(part, &["state.time.start"]);
    let id = look::text(part, &["callID", "id"]).unwrap_or_default();
    // Ids are taken out of published transcripts; then the time and the line tell equal ones.
    let id = if id == "REDACTED" { at.map(|at| format!("{at} {line}")).unwrap_or_default() } else { id.to_owned() };
    let folder = look::text(part, &["state.input.workdir"]).filter(|folder| folder.starts_with('/'));
    let call = Call {
        id: id.clone(),
        line: line.to_owned(),
        cwd: folder.map(str::to_owned),
        cwd_known: CwdKnown::Command,
        at,
        ..Call::default()
    };
    calls.begin(call);
    let status = look::text(part, &["state.status"]).unwrap_or_default();
    if ["pending", "running"].contains(&status) {
        return;
    }
    calls.end(&id, |call| {
        call.took = look::time(part, &["state.time.end"]).zip(at).map(|(end, start)| end - start);
        let output = look::text(part, &["state.output", "state.metadata.output", "state.error"]).unwrap_or_default();
        let error = look::text(part, &["state.error"]).unwrap_or_default();
        call.not_found = text::not_found(output);
        let aborted = text::tail(output, 300).to_ascii_lowercase().contains("user aborted the command");
        match (look::number(part, &["state.metadata.exit"]), text::fell(error)) {
            (Some(exit), _) => call.exact(Some(exit)),
            (None, Some(outcome)) => call.fell(outcome),
            (None, None) if aborted => call.fell(Outcome::Cancelled),
            (None, None) if status == "error" => call.fell(Outcome::Unknown),
            (None, None) => call.open_end(),
        }
    });
}
