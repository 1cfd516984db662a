//! The rules that files for CI keep: read as YAML, so that no way of writing a thing gets around them.

#![allow(dead_code, clippy::allow_attributes, reason = "each test binary uses a part of it")]

use std::fs;
use std::path::Path;

use agent_capture::nix::Rev;
use saphyr::{LoadableYamlNode, YamlOwned};

/// Reads a YAML file of this repository.
pub(crate) fn read(path: &str) -> YamlOwned {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect(path);
    let mut documents = YamlOwned::load_from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"));
    assert_eq!(documents.len(), 1, "{path}");
    documents.remove(0)
}

/// Returns the value at a path of names; none when it is not there.
pub(crate) fn at<'a>(yaml: &'a YamlOwned, names: &[&str]) -> Option<&'a YamlOwned> {
    names.iter().try_fold(yaml, |yaml, name| yaml.as_mapping_get(name))
}

/// Returns all values of a key, wherever it stands.
pub(crate) fn all<'a>(yaml: &'a YamlOwned, key: &str) -> Vec<&'a YamlOwned> {
    let mut found = Vec::new();
    if let Some(mapping) = yaml.as_mapping() {
        for (name, value) in mapping {
            if name.as_str() == Some(key) {
                found.push(value);
            }
            found.extend(all(value, key));
        }
    }
    for value in yaml.as_sequence().into_iter().flatten() {
        found.extend(all(value, key));
    }
    found
}

fn texts<'a>(yaml: &'a YamlOwned, key: &str) -> Vec<&'a str> {
    all(yaml, key).into_iter().map(|value| value.as_str().unwrap_or_else(|| panic!("{key} is no text"))).collect()
}

/// Asserts that a workflow, or an action, is safe for pull requests of strangers.
#[track_caller]
pub(crate) fn is_safe(path: &str) {
    let yaml = read(path);
    for script in texts(&yaml, "run") {
        // What a stranger chose would be read as shell: it comes as a variable.
        assert!(!script.contains("${{"), "{path}: {script}");
    }
    for action in texts(&yaml, "uses") {
        let pin = action.split_once('@').map_or("", |(_, pin)| pin);
        let placeholder = action.starts_with("OWNER/agent-capture/") && pin == "SHA";
        assert!(Rev::parse(pin).is_ok() || placeholder, "{path}: {action} is not pinned");
    }
    if at(&yaml, &["jobs"]).is_none() {
        return;
    }
    let on = at(&yaml, &["on"]).unwrap_or_else(|| panic!("{path}: no `on`"));
    for event in ["pull_request_target", "workflow_run", "issue_comment"] {
        assert!(on.as_mapping_get(event).is_none() && on.as_str() != Some(event), "{path}: {event}");
    }
    assert!(at(&yaml, &["permissions"]).is_some(), "{path}: the token has whatever the repository's settings give it");
    for permissions in all(&yaml, "permissions") {
        for (name, access) in permissions.as_mapping().unwrap_or_else(|| panic!("{path}: permissions are no list")) {
            assert_eq!((name.as_str(), access.as_str()), (Some("contents"), Some("read")), "{path}");
        }
    }
    for step in all(&yaml, "steps").into_iter().filter_map(|steps| steps.as_sequence()).flatten() {
        let uses = at(step, &["uses"]).and_then(YamlOwned::as_str).unwrap_or_default();
        let kept = at(step, &["with", "persist-credentials"]).and_then(YamlOwned::as_bool);
        assert!(
            !uses.starts_with("actions/checkout@") || kept == Some(false),
            "{path}: credentials stay in the checkout"
        );
        assert!(!uses.contains("/cache@"), "{path}: a cache outlives a pull request");
    }
    for runner in texts(&yaml, "runs-on") {
        assert!(runner.starts_with("ubuntu-"), "{path}: {runner}");
    }
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect(path);
    for bad in ["secrets.", "github.token", "GITHUB_TOKEN", "GITHUB_ENV"] {
        assert!(!text.contains(bad), "{path}: {bad}");
    }
}

/// Returns the script of a step of an action.
pub(crate) fn script(yaml: &YamlOwned, name: &str) -> String {
    let steps = at(yaml, &["runs", "steps"]).and_then(YamlOwned::as_sequence).expect("steps");
    let step = steps.iter().find(|step| at(step, &["name"]).and_then(YamlOwned::as_str) == Some(name)).expect(name);
    at(step, &["run"]).and_then(YamlOwned::as_str).expect("a script").to_owned()
}
