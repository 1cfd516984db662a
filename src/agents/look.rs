//! Fields of records. Agents write the same field in different ways, so each is looked for under all its names.

use std::borrow::Cow;

use chrono::{DateTime, NaiveDateTime};
use serde_json::Value;

/// Returns the field at a path of names, `message.content`.
pub(super) fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(value, |value, name| value.get(name)).filter(|value| !value.is_null())
}

/// Returns the text at the first of some paths that has one.
pub(super) fn text<'a>(value: &'a Value, paths: &[&str]) -> Option<&'a str> {
    paths.iter().find_map(|path| at(value, path)?.as_str())
}

/// Returns whether the text at a path is this one.
pub(super) fn is(value: &Value, path: &str, text: &str) -> bool {
    at(value, path).and_then(Value::as_str) == Some(text)
}

/// Returns the elements of the list at a path.
pub(super) fn list<'a>(value: &'a Value, path: &str) -> &'a [Value] {
    at(value, path).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Returns the whole number at the first of some paths that has one, written as a number or as text.
pub(super) fn number(value: &Value, paths: &[&str]) -> Option<i64> {
    let read = |value: &Value| {
        value.as_i64().or_else(|| value.as_f64().map(|number| number as i64)).or_else(|| value.as_str()?.parse().ok())
    };
    paths.iter().find_map(|path| read(at(value, path)?))
}

/// Returns the time at the first of some paths that has one, in milliseconds: a number of those or of seconds, or RFC 3339,
/// which without a zone is UTC.
pub(super) fn time(value: &Value, paths: &[&str]) -> Option<i64> {
    paths.iter().find_map(|path| match at(value, path)? {
        Value::String(text) => DateTime::parse_from_rfc3339(text)
            .map(|time| time.timestamp_millis())
            .or_else(|_| {
                NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f")
                    .map(|time| time.and_utc().timestamp_millis())
            })
            .ok(),
        number => number.as_f64().map(|time| if time < 1e11 { (time * 1000.0) as i64 } else { time as i64 }),
    })
}

/// Returns arguments, which some agents write as an object and some as the text of one.
pub(super) fn arguments<'a>(value: &'a Value, path: &str) -> Cow<'a, Value> {
    match at(value, path) {
        Some(Value::String(text)) => Cow::Owned(serde_json::from_str(text).unwrap_or_default()),
        Some(other) => Cow::Borrowed(other),
        None => Cow::Owned(Value::Null),
    }
}

/// Returns a command line: text, or the words of one. The agent's own `bash -lc` around it is left out.
pub(super) fn line(value: &Value) -> Option<String> {
    let words = match value {
        Value::String(text) => return Some(text.clone()),
        Value::Array(words) => words.iter().map(Value::as_str).collect::<Option<Vec<&str>>>()?,
        _ => return None,
    };
    Some(unwrapped(&words).map_or_else(|| shlex::try_join(words.iter().copied()).unwrap_or_default(), str::to_owned))
}

/// Returns the script of `bash -lc SCRIPT`.
pub(super) fn unwrapped<'a>(words: &[&'a str]) -> Option<&'a str> {
    let [shell, flags, script] = words else { return None };
    let name = shell.rsplit('/').next().unwrap_or(shell);
    (["bash", "sh", "zsh", "dash"].contains(&name) && ["-c", "-lc", "-ic", "-lic"].contains(flags)).then_some(*script)
}

/// Returns all text in a result: a text, or a list of parts with one.
pub(super) fn content(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        Value::Array(parts) => {
            let texts = parts.iter().filter_map(|part| text(part, &["text", "content", "output"]).or(part.as_str()));
            Cow::Owned(texts.collect::<Vec<_>>().join("\n"))
        }
        Value::Object(_) => Cow::Borrowed(text(value, &["text", "output", "content"]).unwrap_or_default()),
        _ => Cow::Borrowed(""),
    }
}
