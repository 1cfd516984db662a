//! Names, kinds, sizes and forms of the files.

use super::super::{Finding, Severity, finding::Code};
use super::{ASIDE, ATTRIBUTES, ENVRC, FOLDER, Files, Found};
use crate::journal::{Journal, LIMIT, SessionId};
use crate::requirements::Document;

/// The most journals that are read.
const JOURNALS: usize = 1000;

/// The most bytes of all journals together.
const TOGETHER: usize = 100_000_000;

/// Returns whether a file of this path may be there.
pub fn is_ours(path: &str) -> bool {
    limit(path).is_some()
}

/// Returns the most bytes that a file of this path may have; none when it is no file of ours.
pub fn limit(path: &str) -> Option<u64> {
    match path {
        "flake.nix" => return Some(1_000_000),
        "flake.lock" => return Some(64_000),
        ENVRC => return Some(4096),
        _ => {}
    }
    if let Some(name) = path.strip_prefix(ASIDE).and_then(|rest| rest.strip_prefix('/'))
        && ["flake.nix", "flake.lock"].contains(&name)
    {
        return limit(name);
    }
    let name = path.strip_prefix(FOLDER)?.strip_prefix('/')?;
    match name {
        ".gitattributes" => Some(4096),
        "policy.toml" => Some(256_000),
        "requirements.json" => Some(16_000_000),
        _ => {
            let session = name.strip_suffix("/journal.json")?;
            SessionId::parse(session).is_ok().then_some(LIMIT as u64)
        }
    }
}

/// Judges the names and kinds of all files.
pub(super) fn names(files: &Files) -> Vec<Finding> {
    let aside = files.found.contains_key(&format!("{ASIDE}/flake.nix"));
    let mut findings = Vec::new();
    for (path, found) in &files.found {
        if path == ENVRC || aside && (path == "flake.nix" || path == "flake.lock") {
            continue;
        }
        let severity = if files.uncommitted.contains(path) { Severity::Warning } else { Severity::Error };
        let most = limit(path);
        let finding = match found {
            _ if most.is_none() => {
                Finding::new(Code::ExtraFile, severity, format!("agent-capture writes no `{path}`: take it out"))
            }
            Found::Other(what) => Finding::error(Code::NotAFile, format!("`{path}` is {what} where a file must be")),
            Found::Unread(bytes) => Finding::error(
                Code::TooLarge,
                format!("`{path}` has {bytes} bytes, more than the {} that it may have", most.unwrap_or_default()),
            ),
            Found::File(bytes) if path.ends_with("/.gitattributes") && bytes != ATTRIBUTES.as_bytes() => {
                let what = "it can change what git checks out: it is not the one that agent-capture writes";
                Finding::error(Code::AttributesDiffer, what).help("`agent-capture render` writes it anew")
            }
            Found::File(_) => continue,
        };
        findings.push(finding.at(path, None));
    }
    findings
}

/// Reads all journals.
pub(super) fn journals(files: &Files) -> (Vec<Journal>, Vec<Finding>) {
    let (mut journals, mut findings) = (Vec::new(), Vec::new());
    let paths = files.found.iter().filter(|(path, _)| path.ends_with("/journal.json") && is_ours(path));
    let mut left = TOGETHER;
    for (number, (path, found)) in paths.enumerate() {
        let Found::File(bytes) = found else { continue };
        if number >= JOURNALS || bytes.len() > left {
            let what = format!("there are more than {JOURNALS} journals, or more than {TOGETHER} bytes of them");
            findings.push(Finding::error(Code::TooLarge, what).at(path, None));
            break;
        }
        left -= bytes.len();
        let journal = match Journal::parse(bytes) {
            Ok(journal) => journal,
            Err(error) => {
                findings.push(Finding::error(Code::JournalMalformed, format!("{error:#}")).at(path, None));
                continue;
            }
        };
        let folder = format!("{FOLDER}/{}/journal.json", journal.session.id);
        if folder != *path {
            let what = format!("it is of session `{}`: it belongs to `{folder}`", journal.session.id);
            findings.push(Finding::error(Code::JournalMisplaced, what).at(path, None));
            continue;
        }
        findings.extend(canonical(path, bytes, journal.to_bytes()));
        journals.push(journal);
    }
    (journals, findings)
}

/// Reads the document.
pub(super) fn document(files: &Files) -> (Option<Document>, Vec<Finding>) {
    let path = format!("{FOLDER}/requirements.json");
    let Some(bytes) = files.bytes(&path) else { return (None, Vec::new()) };
    match Document::parse(bytes) {
        Ok(document) => {
            let findings = canonical(&path, bytes, document.to_bytes());
            (Some(document), findings.into_iter().collect())
        }
        Err(error) => (None, vec![Finding::error(Code::DocumentMalformed, format!("{error:#}")).at(path, None)]),
    }
}

/// Says that a file reads otherwise than it looks: other order, other spaces, escapes that need not be.
fn canonical(path: &str, found: &[u8], written: anyhow::Result<Vec<u8>>) -> Option<Finding> {
    let same = written.is_ok_and(|written| written == found);
    let what = "it is not written as agent-capture writes it: read it with `agent-capture report`";
    (!same).then(|| Finding::warning(Code::NotCanonical, what).at(path, None))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_may_be() {
        for good in [
            "flake.nix",
            "flake.lock",
            ".agent-capture/requirements.json",
            ".agent-capture/policy.toml",
            ".agent-capture/.gitattributes",
            ".agent-capture/a-1/journal.json",
            ".agent-capture/flake/flake.nix",
            ".agent-capture/flake/flake.lock",
        ] {
            assert!(is_ours(good), "{good}");
        }
        for bad in [
            "x.nix",
            ".agent-capture/evil.nix",
            ".agent-capture/a/b/journal.json",
            ".agent-capture/A/journal.json",
            ".agent-capture/../journal.json",
            ".agent-capture/a/journal.json~",
            ".agent-capture/flake/default.nix",
            ".agent-capture/a/.gitattributes",
            ".agent-captures/a/journal.json",
        ] {
            assert!(!is_ours(bad), "{bad}");
        }
    }
}
