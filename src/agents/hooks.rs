//! What agents tell their hooks, and how they are told to: the part that their dialects share.
//!
//! A hook gets an event as JSON on standard input. Agents differ in names, in the tool that runs commands, and in what they say
//! of a command's end; keys come in snake_case and camelCase, and fields that nobody knows are passed over.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::settings::Edit;
use super::{Call, look};
use crate::event::{Outcome, What};
use crate::journal::CwdKnown;

/// An agent that calls hooks.
pub trait Hooks: Sync {
    /// Returns the agent's settings, the user's own, or with `shared` the project's.
    fn settings(&self, places: &Places, shared: bool) -> PathBuf;

    /// Returns what is in the settings so that the agent calls hooks: `line` is the command line of the hook.
    fn edits(&self, file: &Path, line: &str) -> Vec<Edit>;

    /// Returns further files that the agent needs beside the settings, all of them ours: path and text.
    fn beside(&self, _file: &Path) -> Vec<(PathBuf, String)> {
        Vec::new()
    }

    /// Returns what the user must know or do, a sentence.
    fn note(&self) -> Option<&'static str> {
        None
    }

    /// Returns environment variables that name the project's folder.
    fn project(&self) -> &'static [&'static str] {
        &[]
    }

    /// Returns what an event tells; none when it tells nothing of commands.
    fn hear(&self, event: &Value) -> Option<Heard>;

    /// Returns how the agent can be had to run its commands under the recorder.
    fn door(&self) -> Door {
        Door::None
    }
}

/// How an agent can be had to run its commands under the recorder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// It cannot.
    None,
    /// When a session begins, this environment variable names a file that the agent's shells read before each command.
    File(&'static str),
    /// It takes environment variables from the answer to the event with this name.
    Answer(&'static str),
}

/// Where settings are.
#[derive(Clone, Debug)]
pub struct Places {
    /// The home folder.
    pub home: PathBuf,
    /// The project's root.
    pub root: PathBuf,
    /// Values of environment variables that move an agent's settings.
    pub moved: Vec<(String, PathBuf)>,
}

/// Environment variables that move an agent's settings.
pub const MOVED: &[&str] = &["CLAUDE_CONFIG_DIR", "CODEX_HOME", "XDG_CONFIG_HOME"];

impl Places {
    /// Returns the folder that a variable names, else this one below the home folder.
    pub(super) fn or_home(&self, variable: &str, folder: &str) -> PathBuf {
        let moved = self.moved.iter().find(|(name, _)| name == variable).map(|(_, path)| path.clone());
        moved.unwrap_or_else(|| self.home.join(folder))
    }

    /// Returns a file of the user or of the project, which have the same name below their folders.
    pub(super) fn either(&self, shared: bool, path: &str) -> PathBuf {
        if shared { self.root.join(path) } else { self.home.join(path) }
    }
}

/// What an event tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// What the agent calls its session.
    pub session: String,
    /// What happens.
    pub what: What,
    /// The folder of the project or session.
    pub folder: Option<PathBuf>,
    /// The agent's version.
    pub version: Option<String>,
    /// The model.
    pub model: Option<String>,
    /// The transcript.
    pub transcript: Option<String>,
}

/// Returns a field by its name in snake_case, or the same in camelCase.
pub(super) fn key<'a>(value: &'a Value, snake: &str) -> Option<&'a Value> {
    let camel = || {
        let mut parts = snake.split('_');
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |mut name, part| {
            let mut letters = part.chars();
            name.extend(letters.next().map(|first| first.to_ascii_uppercase()));
            name.push_str(letters.as_str());
            name
        })
    };
    value.get(snake).or_else(|| value.get(camel())).filter(|value| !value.is_null())
}

/// Returns the text of the first of some fields that has one, in either style of names.
pub(super) fn text<'a>(value: &'a Value, names: &[&str]) -> Option<&'a str> {
    names.iter().find_map(|name| key(value, name)?.as_str()).filter(|text| !text.is_empty())
}

/// Returns a field that is an object, or the text of one.
fn object<'a>(value: &'a Value, names: &[&str]) -> Cow<'a, Value> {
    match names.iter().find_map(|name| key(value, name)) {
        Some(Value::String(text)) => {
            serde_json::from_str(text).map_or_else(|_| Cow::Owned(Value::String(text.clone())), Cow::Owned)
        }
        Some(other) => Cow::Borrowed(other),
        None => Cow::Owned(Value::Null),
    }
}

/// The end of a tool call, as its event tells it.
pub(super) struct End<'a> {
    /// The event.
    pub(super) event: &'a Value,
    /// What the tool returned.
    pub(super) response: Cow<'a, Value>,
    /// Whether the event is only for calls that failed.
    pub(super) failed: bool,
}

impl End<'_> {
    /// Returns the text of what the tool returned, or of the error.
    pub(super) fn text(&self) -> Cow<'_, str> {
        let error = text(self.event, &["error", "error_message", "message"]);
        let response = look::content(&self.response);
        match error {
            Some(error) if response.is_empty() => Cow::Borrowed(error),
            _ => response,
        }
    }
}

/// Returns entries of lists of the form that most agents took over from one another: an event has rules, a rule has hooks.
/// `matcher` is the name of the tool, for events of tools; `timeout` is in the agent's unit.
pub(super) fn rules(events: &[(&'static str, Option<&str>)], line: &str, timeout: u64) -> Vec<Edit> {
    let entry = |matcher: Option<&str>| {
        let hook = serde_json::json!({ "type": "command", "command": line, "timeout": timeout });
        match matcher {
            Some(matcher) => serde_json::json!({ "matcher": matcher, "hooks": [hook] }),
            None => serde_json::json!({ "hooks": [hook] }),
        }
    };
    events.iter().map(|(event, matcher)| Edit::Entry(vec!["hooks", event], entry(*matcher))).collect()
}

/// Returns what an event tells. `tools` are those that run commands; `end` reads how a call ended.
pub(super) fn hear(event: &Value, tools: &[&str], end: impl Fn(&End, &mut Call)) -> Option<Heard> {
    let name = text(event, &["hook_event_name", "event_type", "event", "hook_event", "hook_name"])?;
    let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    let what = match name.as_str() {
        "sessionstart" => What::Began,
        // The agent goes on with another session in the same process.
        "sessionend" if text(event, &["reason"]).is_some_and(|why| ["clear", "resume"].contains(&why)) => return None,
        "sessionend" => What::Ended,
        "pretooluse" | "beforetool" | "beforeshellexecution" => {
            let mut call = call(event, tools)?;
            call.fell(Outcome::Unknown);
            What::Before(call)
        }
        // Only those that were denied are told of: the others will end.
        "pretooluseresult" | "permissiondenied" => {
            if name == "pretooluseresult" && text(event, &["decision"]) != Some("deny") {
                return None;
            }
            let mut call = call(event, tools)?;
            call.fell(Outcome::Blocked);
            What::After(call)
        }
        "posttooluse" | "aftertool" | "aftershellexecution" | "posttoolusefailure" => {
            let mut call = call(event, tools)?;
            // Only this one is the text of an object; the text of others is what the command wrote.
            let told = ["tool_response", "tool_result", "result", "output"].iter().find_map(|name| key(event, name));
            let response = told.map_or_else(|| object(event, &["tool_output"]), Cow::Borrowed);
            call.took =
                ["duration_ms", "duration"].iter().find_map(|name| key(event, name)?.as_f64()).map(|ms| ms as i64);
            end(&End { event, response, failed: name == "posttoolusefailure" }, &mut call);
            What::After(call)
        }
        _ => return None,
    };
    let root = key(event, "workspace_roots").and_then(|roots| roots.get(0)?.as_str());
    let folder = root.or(text(event, &["cwd", "working_dir", "working_directory"]));
    Some(Heard {
        session: text(event, &["session_id", "conversation_id"]).unwrap_or_default().chars().take(128).collect(),
        what,
        folder: folder.filter(|folder| folder.starts_with('/')).map(PathBuf::from),
        version: text(event, &["version", "cursor_version", "agent_version"]).map(short),
        model: text(event, &["model"]).map(short),
        transcript: text(event, &["transcript_path"]).filter(|path| path.starts_with('/')).map(str::to_owned),
    })
}

fn short(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(128).collect()
}

/// Returns the command that an event is of; none when it is of another tool.
fn call(event: &Value, tools: &[&str]) -> Option<Call> {
    let tool = text(event, &["tool_name"]);
    if tool.is_some_and(|tool| !tools.contains(&tool)) {
        return None;
    }
    let input = object(event, &["tool_input", "tool_args", "arguments"]);
    let line = ["command", "cmd"].iter().find_map(|name| look::line(key(&input, name)?));
    let line = line.or_else(|| look::line(key(event, "command")?)).filter(|line| !line.trim().is_empty())?;
    let own = text(&input, &["workdir", "working_directory", "dir_path", "directory", "cwd"]);
    let session = text(event, &["cwd", "working_dir", "working_directory"]);
    let (cwd, cwd_known) = match (own.filter(|own| own.starts_with('/')), session) {
        (Some(own), _) => (Some(own), CwdKnown::Command),
        (None, Some(session)) if own.is_none() => (Some(session), CwdKnown::Session),
        _ => (None, CwdKnown::Unknown),
    };
    let id = text(event, &["tool_use_id", "tool_call_id", "call_id"]).unwrap_or_default();
    Some(Call {
        id: id.split_ascii_whitespace().next().unwrap_or_default().chars().take(128).collect(),
        line,
        cwd: cwd.filter(|cwd| cwd.starts_with('/')).map(str::to_owned),
        cwd_known,
        ..Call::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(event: &str) -> Option<Heard> {
        hear(&serde_json::from_str(event).expect("JSON"), &["Bash"], |_, call| call.open_end())
    }

    #[test]
    fn both_styles_of_keys_and_unknown_fields() {
        let snake = r#"{"hook_event_name":"PreToolUse","session_id":"s","cwd":"/p","tool_name":"Bash",
            "tool_input":{"command":"ls"},"tool_use_id":"t","x":{"y":[1]}}"#;
        let camel = r#"{"hookEventName":"preToolUse","sessionId":"s","cwd":"/p","toolName":"Bash",
            "toolInput":"{\"command\":\"ls\",\"z\":1}","toolUseId":"t"}"#;
        let heard_ = heard(snake).expect("a command");
        assert_eq!(heard(camel).as_ref(), Some(&heard_));
        assert_eq!((heard_.session.as_str(), heard_.folder), ("s", Some(PathBuf::from("/p"))));
        let What::Before(call) = heard_.what else { panic!("it begins") };
        assert_eq!((call.id.as_str(), call.line.as_str(), call.cwd_known), ("t", "ls", CwdKnown::Session));
    }

    #[test]
    fn what_tells_nothing_of_commands() {
        for event in [
            r#"{"hook_event_name":"PreToolUse","tool_name":"Read","tool_input":{"file_path":"/x"}}"#,
            r#"{"hook_event_name":"PreToolUse","tool_name":"Bash","tool_input":{"command":" "}}"#,
            r#"{"hook_event_name":"PreToolUse","tool_name":"Bash","tool_input":7}"#,
            r#"{"hook_event_name":"UserPromptSubmit","prompt":"x"}"#,
            r#"{"hook_event_name":"SessionEnd","reason":"clear"}"#,
            r#"{"hook_event_name":["PreToolUse"]}"#,
            "[]",
            "null",
        ] {
            assert_eq!(heard(event), None, "{event}");
        }
    }
}
