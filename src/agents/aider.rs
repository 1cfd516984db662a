//! Aider: `.aider.chat.history.md`, Markdown in which `####` is what the user says and `>` what the program says. Statuses are
//! not told.

use serde_json::Value;

use super::{Agent, Call, Calls, Reader, Record};
use crate::journal::Outcome;
use chrono::NaiveDateTime;

/// How a session in the file begins.
const BEGIN: &str = "# aider chat started at ";

/// The question before a command that the model proposes; the commands stand before it.
const QUESTION: &str = "Run shell command";

/// The agent.
pub(super) struct Aider;

impl Agent for Aider {
    fn name(&self) -> &'static str {
        "aider"
    }

    fn reads(&self, record: Record) -> bool {
        record.value.as_str().is_some_and(|line| line.starts_with(BEGIN))
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::new(History::default())
    }
}

#[derive(Default)]
struct History {
    at: Option<i64>,
    /// What the program said last: before a question that is what is asked about.
    said: Vec<String>,
}

impl Reader for History {
    fn record(&mut self, record: Record, calls: &mut Calls) {
        let Value::String(line) = record.value else { return };
        if let Some(time) = line.strip_prefix(BEGIN) {
            let time = NaiveDateTime::parse_from_str(time.trim(), "%Y-%m-%d %H:%M:%S");
            self.at = time.ok().map(|time| time.and_utc().timestamp_millis()).or(self.at);
        }
        if let Some(asked) = line.strip_prefix("#### ") {
            let command = ["/run ", "/test ", "!"].iter().find_map(|begin| asked.trim().strip_prefix(begin));
            self.call(command.unwrap_or_default(), Call::open_end, calls);
        }
        let Some(said) = line.strip_prefix("> ").map(str::trim) else {
            self.said.clear();
            return;
        };
        calls.head.version(said.strip_prefix("Aider v"));
        calls.head.model(said.strip_prefix("Main model: ").or_else(|| said.strip_prefix("Model: ")).map(first));
        if let Some(command) = said.strip_prefix("Running ") {
            self.call(command, Call::open_end, calls);
        } else if said.starts_with(QUESTION) {
            let answer = said.rsplit_once("]:").map_or("", |(_, answer)| answer.trim()).to_ascii_lowercase();
            if ["n", "no", "s", "skip", "d", "don't"].contains(&answer.as_str()) {
                let all = said.starts_with("Run shell commands");
                let refused = std::mem::take(&mut self.said);
                let from = if all { 0 } else { refused.len().saturating_sub(1) };
                refused[from..]
                    .iter()
                    .for_each(|command| self.call(command, |call| call.fell(Outcome::Refused), calls));
            }
            self.said.clear();
        } else {
            let other = ["Tokens: ", "Applied edit", "Commit ", "Add ", "Added ", "Running "];
            if other.iter().any(|begin| said.starts_with(begin)) || self.said.len() >= 64 {
                self.said.clear();
            } else {
                self.said.push(said.to_owned());
            }
        }
    }
}

fn first(text: &str) -> &str {
    text.split([' ', ',']).next().unwrap_or(text)
}

impl History {
    fn call(&self, line: &str, end: impl FnOnce(&mut Call), calls: &mut Calls) {
        calls.whole(Call { line: line.to_owned(), at: self.at, ..Call::default() }, end);
    }
}
