//! The lock: exactly one node for each input, at its pin. Nix itself accepts a lock whose `locked` leads elsewhere than `original`.

use serde_json::{Map, Value, json};

use super::super::{Finding, finding::Code};
use crate::requirements::Document;

/// Compares a lock with the only one that there can be for a document.
pub(super) fn judge(path: &str, found: &[u8], document: &Document, wanted: &str) -> Vec<Finding> {
    if found == wanted.as_bytes() {
        return Vec::new();
    }
    let help = "`agent-capture render` writes it anew";
    let poisoned = |what: String| Finding::error(Code::LockPoisoned, what).at(path, None).help(help);
    let Ok(Value::Object(lock)) = serde_json::from_slice::<Value>(found) else {
        return vec![Finding::error(Code::LockDiffers, "it is no JSON object").at(path, None).help(help)];
    };
    let wrong = differences(&lock, document);
    if wrong.is_empty() {
        // Readers differ on keys that are there twice, so equal values are not enough.
        let what = "it says what the pin says, but is not written as Nix and agent-capture write it";
        return vec![Finding::error(Code::LockDiffers, what).at(path, None).help(help)];
    }
    wrong.into_iter().map(poisoned).collect()
}

/// Returns what in a lock is not as it must be.
fn differences(lock: &Map<String, Value>, document: &Document) -> Vec<String> {
    let mut wrong = Vec::new();
    extra(&mut wrong, "the lock", lock, &["nodes", "root", "version"]);
    if lock.get("version") != Some(&Value::from(7)) {
        wrong.push("its version is not 7".to_owned());
    }
    if lock.get("root").and_then(Value::as_str) != Some("root") {
        wrong.push("its root is not `root`".to_owned());
    }
    let wanted = wanted(document);
    let names: Vec<&str> = wanted.iter().map(|node| node.name).collect();
    let empty = Map::new();
    let nodes = lock.get("nodes").and_then(Value::as_object).unwrap_or(&empty);
    extra(&mut wrong, "nodes", nodes, &[names.as_slice(), &["root"]].concat());
    let root = object(nodes.get("root"));
    extra(&mut wrong, "the node `root`", &root, &["inputs"]);
    let inputs = object(root.get("inputs"));
    extra(&mut wrong, "the inputs", &inputs, &names);
    for name in names {
        if inputs.get(name).and_then(Value::as_str) != Some(name) {
            wrong.push(format!("its input `{name}` is not the node `{name}`"));
        }
    }
    wanted.iter().for_each(|node| node.differences(&object(nodes.get(node.name)), &mut wrong));
    wrong
}

/// A node as it must be.
struct Node<'a> {
    name: &'a str,
    original: [(&'static str, Value); 4],
    locked: [(&'static str, Value); 2],
    /// Whether its input `nixpkgs` is ours.
    follows: bool,
}

/// Returns the nodes that there must be besides the root.
fn wanted(document: &Document) -> Vec<Node<'_>> {
    fn node<'a>(name: &'a str, at: [&str; 3], date: u64, hash: &str, follows: bool) -> Node<'a> {
        let [owner, repo, rev] = at.map(Value::from);
        let original = [("owner", owner), ("repo", repo), ("rev", rev), ("type", "github".into())];
        Node { name, original, locked: [("lastModified", date.into()), ("narHash", hash.into())], follows }
    }
    let pin = &document.pin;
    let at = ["NixOS", "nixpkgs", pin.rev.as_str()];
    let nixpkgs = node("nixpkgs", at, pin.last_modified, pin.nar_hash.as_str(), false);
    let more = document.requirements.inputs.iter().map(|input| {
        let it = &input.source;
        let at = [it.owner.as_str(), it.repo.as_str(), it.rev.as_str()];
        node(input.name.as_str(), at, it.last_modified, it.nar_hash.as_str(), it.nixpkgs)
    });
    std::iter::once(nixpkgs).chain(more).collect()
}

impl Node<'_> {
    fn differences(&self, node: &Map<String, Value>, wrong: &mut Vec<String>) {
        let of = if self.name == "nixpkgs" { String::new() } else { format!("{}.", self.name) };
        let parts = ["locked", "original", "inputs"];
        extra(wrong, &format!("the node `{}`", self.name), node, &parts[..if self.follows { 3 } else { 2 }]);
        if self.follows && node.get("inputs") != Some(&json!({ "nixpkgs": ["nixpkgs"] })) {
            wrong.push(format!("the nixpkgs of `{}` is not ours", self.name));
        }
        for part in ["original", "locked"] {
            let source = object(node.get(part));
            let more: &[(&str, Value)] = if part == "locked" { &self.locked } else { &[] };
            let fields = || self.original.iter().chain(more);
            let names: Vec<&str> = fields().map(|(name, _)| *name).collect();
            extra(wrong, &format!("`{of}{part}`"), &source, &names);
            for (name, value) in fields().filter(|(name, value)| source.get(*name) != Some(value)) {
                wrong.push(format!("`{of}{part}.{name}` is {}, not {value}", shown(source.get(*name))));
            }
        }
    }
}

fn object(value: Option<&Value>) -> Map<String, Value> {
    value.and_then(Value::as_object).cloned().unwrap_or_default()
}

/// Notes the keys that are not among those that there may be.
fn extra(wrong: &mut Vec<String>, what: &str, object: &Map<String, Value>, names: &[&str]) {
    let more: Vec<String> = object.keys().filter(|key| !names.contains(&key.as_str())).map(|key| short(key)).collect();
    if !more.is_empty() {
        wrong.push(format!("{what} has more than it should: {}", more.join(", ")));
    }
}

fn shown(value: Option<&Value>) -> String {
    value.map_or_else(|| "missing".to_owned(), |value| short(&value.to_string()))
}

fn short(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flake::{Flake, default_pin};
    use crate::requirements::Requirements;

    #[test]
    fn what_differs_is_named() {
        let document = Document {
            version: 1,
            format: 1,
            index: String::new(),
            pin: default_pin(),
            requirements: Requirements::default(),
        };
        let good = Flake::of(&document).lock();
        let wrong = |from: &str, to: &str| {
            assert!(good.contains(from), "{from}");
            let bad = good.replace(from, to);
            let found = judge("flake.lock", bad.as_bytes(), &document, &good);
            found.into_iter().map(|finding| format!("{}: {}", finding.code, finding.message)).collect::<Vec<_>>()
        };
        assert!(judge("flake.lock", good.as_bytes(), &document, &good).is_empty());
        assert_eq!(wrong("  \"version\": 7", "  \"version\":  7").len(), 1);
        assert!(
            wrong("  \"version\": 7", "  \"version\":  7")[0].starts_with("lock-differs: it says what the pin says")
        );
        assert!(wrong("\"version\": 7", "\"version\": 6")[0].contains("version is not 7"));
        let owner = wrong("\"owner\": \"NixOS\"", "\"owner\": \"evil\"");
        assert_eq!(owner.len(), 2, "{owner:?}");
        assert!(owner[0].starts_with("lock-poisoned: `original.owner` is \"evil\", not \"NixOS\""), "{owner:?}");
        assert!(wrong("sha256-lDeb", "sha256-aaaa")[0].contains("`locked.narHash`"));
        assert!(wrong("8eeec934", "00000000").iter().any(|what| what.contains("`locked.rev`")));
        assert!(wrong("\"type\": \"github\"", "\"type\": \"github\", \"dir\": \"x\"")[0].contains("dir"));
        assert!(
            wrong("\"nodes\": {", "\"nodes\": {\n\"evil\": {},")[0].contains("nodes has more than it should: evil")
        );
        assert!(wrong("\"nixpkgs\": \"nixpkgs\"", "\"nixpkgs\": \"evil\"")[0].contains("is not the node `nixpkgs`"));
        assert!(judge("flake.lock", b"[]", &document, &good)[0].message.contains("no JSON object"));
    }
}
