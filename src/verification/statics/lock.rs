//! The lock: exactly one node, and that is the pin. Nix itself accepts a lock whose `locked` leads elsewhere than `original`.

use serde_json::{Map, Value};

use super::super::{Finding, finding::Code};
use crate::nix::Pin;

/// Compares a lock with the only one that there can be for a pin.
pub(super) fn judge(path: &str, found: &[u8], pin: &Pin, wanted: &str) -> Vec<Finding> {
    if found == wanted.as_bytes() {
        return Vec::new();
    }
    let help = "`agent-capture render` writes it anew";
    let poisoned = |what: String| Finding::error(Code::LockPoisoned, what).at(path, None).help(help);
    let Ok(Value::Object(lock)) = serde_json::from_slice::<Value>(found) else {
        return vec![Finding::error(Code::LockDiffers, "it is no JSON object").at(path, None).help(help)];
    };
    let wrong = differences(&lock, pin);
    if wrong.is_empty() {
        // Readers differ on keys that are there twice, so equal values are not enough.
        let what = "it says what the pin says, but is not written as Nix and agent-capture write it";
        return vec![Finding::error(Code::LockDiffers, what).at(path, None).help(help)];
    }
    wrong.into_iter().map(poisoned).collect()
}

/// Returns what in a lock is not as it must be.
fn differences(lock: &Map<String, Value>, pin: &Pin) -> Vec<String> {
    let mut wrong = Vec::new();
    extra(&mut wrong, "the lock", lock, &["nodes", "root", "version"]);
    if lock.get("version") != Some(&Value::from(7)) {
        wrong.push("its version is not 7".to_owned());
    }
    if lock.get("root").and_then(Value::as_str) != Some("root") {
        wrong.push("its root is not `root`".to_owned());
    }
    let empty = Map::new();
    let object = |value: Option<&Value>| value.and_then(Value::as_object).cloned().unwrap_or_default();
    let nodes = lock.get("nodes").and_then(Value::as_object).unwrap_or(&empty);
    extra(&mut wrong, "nodes", nodes, &["nixpkgs", "root"]);
    let root = object(nodes.get("root"));
    extra(&mut wrong, "the node `root`", &root, &["inputs"]);
    let inputs = object(root.get("inputs"));
    extra(&mut wrong, "the inputs", &inputs, &["nixpkgs"]);
    if inputs.get("nixpkgs").and_then(Value::as_str) != Some("nixpkgs") {
        wrong.push("its input `nixpkgs` is not the node `nixpkgs`".to_owned());
    }
    let node = object(nodes.get("nixpkgs"));
    extra(&mut wrong, "the node `nixpkgs`", &node, &["locked", "original"]);
    let common = [("owner", "NixOS"), ("repo", "nixpkgs"), ("rev", pin.rev.as_str()), ("type", "github")];
    for part in ["original", "locked"] {
        let source = object(node.get(part));
        let date = Value::from(pin.last_modified);
        let mut fields: Vec<(&str, Value)> = common.iter().map(|(name, value)| (*name, Value::from(*value))).collect();
        if part == "locked" {
            fields.extend([("lastModified", date), ("narHash", Value::from(pin.nar_hash.as_str()))]);
        }
        let names: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
        extra(&mut wrong, &format!("`{part}`"), &source, &names);
        for (name, value) in fields {
            if source.get(name) != Some(&value) {
                wrong.push(format!("`{part}.{name}` is {}, not {value}", shown(source.get(name))));
            }
        }
    }
    wrong
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
        let pin = default_pin();
        let requirements = Requirements::default();
        let good = Flake::new(&requirements, &pin).lock();
        let wrong = |from: &str, to: &str| {
            assert!(good.contains(from), "{from}");
            let bad = good.replace(from, to);
            let found = judge("flake.lock", bad.as_bytes(), &pin, &good);
            found.into_iter().map(|finding| format!("{}: {}", finding.code, finding.message)).collect::<Vec<_>>()
        };
        assert!(judge("flake.lock", good.as_bytes(), &pin, &good).is_empty());
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
        assert!(judge("flake.lock", b"[]", &pin, &good)[0].message.contains("no JSON object"));
    }
}
