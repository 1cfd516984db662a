//! What the text of a result tells.

use crate::journal::Outcome;

/// The most text of a result that is looked at, at its begin and at its end.
const MOST: usize = 16 * 1024;

/// Returns the number that follows a mark.
pub(super) fn after(text: &str, mark: &str) -> Option<u8> {
    let rest = text.split_once(mark)?.1.trim_start();
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest[..end].parse().ok()
}

/// Returns the number that follows the last of some marks, which stands near the end of a text.
pub(super) fn after_last(text: &str, marks: &[&str]) -> Option<u8> {
    let text = tail(text, 600);
    let at = marks.iter().filter_map(|mark| text.rfind(mark)).max()?;
    let mark = marks.iter().filter(|mark| text[at..].starts_with(**mark)).max_by_key(|mark| mark.len())?;
    after(&text[at..], mark)
}

/// Returns the last bytes of a text.
pub(super) fn tail(text: &str, most: usize) -> &str {
    let mut from = text.len().saturating_sub(most);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    &text[from..]
}

/// Returns the first bytes of a text.
pub(super) fn head(text: &str, most: usize) -> &str {
    let mut to = text.len().min(most);
    while !text.is_char_boundary(to) {
        to -= 1;
    }
    &text[..to]
}

/// Sentences by which agents say at the begin of a result that a command did not run, or not to its end. All lower-case.
const FELL: &[(&str, Outcome)] = &[
    ("the user doesn't want to", Outcome::Refused),
    ("the user does not want to", Outcome::Refused),
    ("[request interrupted by user for tool use", Outcome::Refused),
    ("user rejected", Outcome::Refused),
    ("user denied", Outcome::Refused),
    ("user declined", Outcome::Refused),
    ("the user has declined", Outcome::Refused),
    ("the user declined", Outcome::Refused),
    ("the user rejected", Outcome::Refused),
    ("the user denied", Outcome::Refused),
    ("rejected by user", Outcome::Refused),
    ("denied by user", Outcome::Refused),
    ("exec command rejected", Outcome::Refused),
    ("command not executed", Outcome::Refused),
    ("permission denied by user", Outcome::Refused),
    ("claude requested permissions to", Outcome::Refused),
    ("this command requires approval", Outcome::Refused),
    ("permission to use", Outcome::Refused),
    ("tool execution was denied", Outcome::Refused),
    ("tool call rejected", Outcome::Refused),
    ("tool call denied", Outcome::Refused),
    ("tool call cancelled", Outcome::Cancelled),
    ("the user has specified a rule", Outcome::Blocked),
    ("denied by pretooluse hook", Outcome::Blocked),
    ("hook pretooluse", Outcome::Blocked),
    ("pretooluse:", Outcome::Blocked),
    ("operation blocked", Outcome::Blocked),
    ("operation stopped by hook", Outcome::Blocked),
    ("blocked by", Outcome::Blocked),
    ("command blocked", Outcome::Blocked),
    ("inputvalidationerror", Outcome::Blocked),
    ("cannot execute multiple commands at once", Outcome::Blocked),
    ("failed to parse function arguments", Outcome::Blocked),
    ("sibling tool call errored", Outcome::Cancelled),
    ("cancelled: parallel tool call", Outcome::Cancelled),
    ("[request interrupted by user", Outcome::Cancelled),
    ("operation cancelled", Outcome::Cancelled),
    ("tool execution cancelled", Outcome::Cancelled),
    ("tool execution aborted", Outcome::Cancelled),
    ("tool execution was interrupted", Outcome::Cancelled),
    ("command was cancelled", Outcome::Cancelled),
    ("command aborted", Outcome::Cancelled),
    ("aborted by user", Outcome::Cancelled),
    ("interrupted by user", Outcome::Cancelled),
    ("user aborted", Outcome::Cancelled),
    ("user cancelled", Outcome::Cancelled),
];

/// Returns what the begin of a result says of a command that did not run, or not to its end.
pub(super) fn fell(text: &str) -> Option<Outcome> {
    let begin = head(text.trim_start(), 120).to_ascii_lowercase();
    let begin = begin.strip_prefix("<tool_use_error>").unwrap_or(&begin);
    let begin = begin.strip_prefix("error:").unwrap_or(begin).trim_start();
    FELL.iter().find(|(sentence, _)| begin.starts_with(sentence)).map(|(_, outcome)| *outcome)
}

/// Returns the programs that a shell, `env`, `xargs` or `sudo` calls not found in a command's output.
pub(super) fn not_found(text: &str) -> Vec<String> {
    let (first, last) = (head(text, MOST), tail(text, text.len().saturating_sub(MOST).min(MOST)));
    let mut names: Vec<String> =
        [first, last].into_iter().flat_map(str::lines).filter_map(name).map(str::to_owned).collect();
    names.sort();
    names.dedup();
    names.truncate(32);
    names
}

fn name(line: &str) -> Option<&str> {
    let line = line.trim();
    let name = match line.split_once("command not found: ") {
        Some((_, name)) => name,
        None => {
            let before = line.strip_suffix(": command not found").or_else(|| line.strip_suffix(": not found"))?;
            // Who says it comes first: `bash: line 1: jq`, `sh: 1: jq`.
            before.rsplit_once(": ")?.1
        }
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || "._+-/~".contains(c);
    (!name.is_empty() && name.len() <= 128 && name.chars().all(plain)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_that_are_not_found() {
        let text = "ok\n/bin/bash: line 1: ruff: command not found\nsh: 1: yq: not found\nzsh: command not found: rg\n\
            (eval):3: command not found: fd\nsudo: x: command not found\nfile.txt: not found\nerror: package not found\n";
        assert_eq!(not_found(text), ["fd", "rg", "ruff", "x", "yq"]);
        assert_eq!(not_found(&format!("{}\nbash: jq: command not found", "é".repeat(40_000))), ["jq"]);
    }

    #[test]
    fn sentences() {
        assert_eq!(fell("The user doesn't want to proceed with this tool use."), Some(Outcome::Refused));
        assert_eq!(fell("<tool_use_error>Sibling tool call errored</tool_use_error>"), Some(Outcome::Cancelled));
        assert_eq!(fell("Error: PreToolUse:Bash hook error"), Some(Outcome::Blocked));
        assert_eq!(fell("ok: the user rejected nothing"), None);
        assert_eq!(after_last("exit code 3\n[Process exited with code 1]", &["exited with code ", "code "]), Some(1));
        assert_eq!(after("Process exited with code 300\n", "code "), None);
    }
}
