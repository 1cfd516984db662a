//! Settings of agents, changed so that all that is in them stays as it is: comments, order, indentation.

use anyhow::{Result, anyhow, bail};
use jsonc_parser::ParseOptions;
use jsonc_parser::cst::{CstArray, CstInputValue, CstNode, CstObject, CstRootNode};
use serde_json::Value;

/// A change of settings.
#[derive(Clone, Debug)]
pub enum Edit {
    /// An entry of a list: the names that lead to the list, and the entry.
    Entry(Vec<&'static str>, Value),
    /// A field at the top that must be there, with its value when it is not.
    Field(&'static str, Value),
    /// The whole file, which is ours alone.
    Whole(String),
}

/// What an entry of ours says: it calls `agent-capture hook AGENT`.
fn is_ours(value: &Value, agent: &str) -> bool {
    match value {
        Value::String(text) => {
            let words: Vec<&str> = text.split_ascii_whitespace().collect();
            words.windows(3).any(|three| {
                let program = three[0].trim_matches(['"', '\'']);
                program.rsplit('/').next() == Some("agent-capture") && three[1] == "hook" && three[2] == agent
            })
        }
        Value::Array(values) => values.iter().any(|value| is_ours(value, agent)),
        Value::Object(fields) => fields.values().any(|value| is_ours(value, agent)),
        _ => false,
    }
}

/// Returns whether a file has something of ours.
pub fn has(text: &str, agent: &str) -> bool {
    // A path with spaces stands in quotes.
    text.replace(['\'', '"', '\\'], "").contains(&format!("agent-capture hook {agent}"))
}

/// Returns settings with our entries; none for `before` stands for a file that is not there.
pub fn install(before: Option<&str>, edits: &[Edit], agent: &str) -> Result<String> {
    if let [Edit::Whole(text)] = edits {
        return Ok(text.clone());
    }
    let root = parse(before.unwrap_or_default())?;
    let top = match root.value() {
        None => root.object_value_or_set(),
        Some(value) => value.as_object().ok_or_else(|| anyhow!("at its top is no object"))?,
    };
    if let Some(text) = before.and_then(|before| on_one_line(before, &top, edits)) {
        return Ok(text);
    }
    let mut wanted: Vec<(&[&str], CstArray)> = Vec::new();
    for edit in edits {
        match edit {
            Edit::Whole(_) => bail!("it is another program's file"),
            Edit::Field(name, value) => {
                if top.get(name).is_none() {
                    top.insert(0, name, input(value));
                }
            }
            Edit::Entry(path, entry) => {
                let list = list(&top, path)?;
                let ours = |node: &CstNode| node.to_serde_value().is_some_and(|value| is_ours(&value, agent));
                if !wanted.iter().any(|(known, _)| known == path) {
                    // What an older version wrote goes, what is as wanted stays in its place.
                    let of_list = |edit: &Edit, value: &Value| matches!(edit, Edit::Entry(at, entry) if at == path && entry == value);
                    let stale = |node: &CstNode| {
                        ours(node)
                            && !node
                                .to_serde_value()
                                .is_some_and(|value| edits.iter().any(|edit| of_list(edit, &value)))
                    };
                    list.elements().into_iter().filter(stale).for_each(CstNode::remove);
                    wanted.push((path, list.clone()));
                }
                if !list.elements().iter().any(|node| node.to_serde_value().as_ref() == Some(entry)) {
                    list.append(input(entry));
                }
            }
        }
    }
    let mut text = root.to_string();
    if !text.ends_with('\n') && before.is_none_or(|before| before.ends_with('\n') || before.trim().is_empty()) {
        text.push('\n');
    }
    Ok(text)
}

/// Returns settings that stand on one line with our entries on the same; none when they do not, or when there are entries of
/// others beside which ours belong.
fn on_one_line(before: &str, top: &CstObject, edits: &[Edit]) -> Option<String> {
    let line = before.trim_end();
    let mut fields = serde_json::Map::new();
    for edit in edits {
        let (mut holder, entry) = (&mut fields, edit);
        let Edit::Entry(path, entry) = entry else { return None };
        let (last, way) = path.split_last()?;
        for name in way {
            holder = holder.entry(*name).or_insert_with(|| Value::Object(serde_json::Map::new())).as_object_mut()?;
        }
        holder.entry(*last).or_insert_with(|| Value::Array(Vec::new())).as_array_mut()?.push(entry.clone());
    }
    let is_free = !top.properties().is_empty() && fields.keys().all(|name| top.get(name).is_none());
    if line.contains('\n') || !is_free {
        return None;
    }
    let ours = Value::Object(fields).to_string();
    let inside = line.strip_suffix('}')?;
    let text = inside.trim_end();
    Some(format!(
        "{text},{}{}{}",
        ours.strip_prefix('{')?.strip_suffix('}')?,
        &inside[text.len()..],
        &before[line.len() - 1..]
    ))
}

/// Returns settings without our entries; none when nothing is left but what `install` puts into a file that is not there.
pub fn remove(before: &str, edits: &[Edit], agent: &str) -> Result<Option<String>> {
    if let [Edit::Whole(_)] = edits {
        return Ok(None);
    }
    let root = parse(before)?;
    let Some(top) = root.object_value() else { return Ok(Some(before.to_owned())) };
    for edit in edits {
        let Edit::Entry(path, _) = edit else { continue };
        let Some((last, way)) = path.split_last() else { continue };
        let holder = way.iter().try_fold(top.clone(), |object, name| object.object_value(name));
        let Some(list) = holder.as_ref().and_then(|holder| holder.array_value(last)) else { continue };
        let ours = |node: &CstNode| node.to_serde_value().is_some_and(|value| is_ours(&value, agent));
        let all = list.elements();
        let own: Vec<CstNode> = all.iter().filter(|node| ours(node)).cloned().collect();
        if own.is_empty() {
            continue;
        }
        if own.len() < all.len() {
            own.into_iter().for_each(CstNode::remove);
            continue;
        }
        // An empty list, and what then is empty around it, was not there before.
        for depth in (1..=path.len()).rev() {
            let holder = path[..depth - 1].iter().try_fold(top.clone(), |object, name| object.object_value(name));
            let Some(property) = holder.and_then(|holder| holder.get(path[depth - 1])) else { continue };
            let empty = property.object_value().is_none_or(|object| object.properties().is_empty());
            if depth == path.len() || empty {
                property.remove();
            }
        }
    }
    let fields: Vec<String> =
        top.properties().iter().filter_map(jsonc_parser::cst::CstObjectProp::decoded_name).collect();
    let only_ours = |name: &String| edits.iter().any(|edit| matches!(edit, Edit::Field(field, _) if field == name));
    let has_comment = root.to_string().contains("//") || root.to_string().contains("/*");
    if fields.iter().all(only_ours) && !has_comment {
        return Ok(None);
    }
    Ok(Some(root.to_string()))
}

fn parse(text: &str) -> Result<CstRootNode> {
    let options = ParseOptions { allow_comments: true, allow_trailing_commas: true, ..strict() };
    CstRootNode::parse(text, &options)
        .map_err(|error| anyhow!("it is not JSON: line {}, column {}", error.line_display(), error.column_display()))
}

fn strict() -> ParseOptions {
    ParseOptions {
        allow_comments: false,
        allow_loose_object_property_names: false,
        allow_trailing_commas: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        ..ParseOptions::default()
    }
}

/// Returns the list at the end of some names, made when it is not there.
fn list(top: &CstObject, path: &[&str]) -> Result<CstArray> {
    let other = |name: &str| anyhow!("`{name}` in it is not what the agent reads there");
    let (last, way) = path.split_last().ok_or_else(|| anyhow!("a list has a name"))?;
    let holder = way
        .iter()
        .try_fold(top.clone(), |object, name| object.object_value_or_create(name).ok_or_else(|| other(name)))?;
    holder.array_value_or_create(last).ok_or_else(|| other(last))
}

fn input(value: &Value) -> CstInputValue {
    match value {
        Value::Null => CstInputValue::Null,
        Value::Bool(bool) => CstInputValue::Bool(*bool),
        Value::Number(number) => CstInputValue::Number(number.to_string()),
        Value::String(text) => CstInputValue::String(text.clone()),
        Value::Array(values) => CstInputValue::Array(values.iter().map(input).collect()),
        Value::Object(fields) => {
            CstInputValue::Object(fields.iter().map(|(name, value)| (name.clone(), input(value))).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_an_older_version_wrote_is_replaced() {
        let edit = |line: &str| {
            let entry = json!({ "matcher": "Bash", "hooks": [{ "type": "command", "command": line }] });
            [Edit::Entry(vec!["hooks", "PreToolUse"], entry)]
        };
        let mine = r#"{ "hooks": { "PreToolUse": [{ "matcher": "X", "hooks": [{ "command": "echo agent-capture hook" }] }] } }"#;
        let old = install(Some(mine), &edit("'/old path/agent-capture' hook codex"), "codex").expect("settings");
        let new = install(Some(&old), &edit("agent-capture hook codex"), "codex").expect("settings");
        assert!(new.contains("agent-capture hook codex") && !new.contains("old path"), "{new}");
        assert!(new.contains("echo agent-capture hook"), "{new}");
        assert!(has(&old, "codex") && has(&new, "codex") && !has(mine, "codex"));
        let other = install(Some(&new), &edit("agent-capture hook droid"), "droid").expect("settings");
        let left = remove(&other, &edit(""), "codex").expect("settings").expect("some are left");
        assert!(!has(&left, "codex") && has(&left, "droid") && left.contains("echo agent-capture hook"), "{left}");
        assert_eq!(
            remove(&install(None, &edit("agent-capture hook codex"), "codex").expect("new"), &edit(""), "codex")
                .expect("none"),
            None
        );
    }
}
