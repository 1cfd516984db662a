//! What a verification found, for the machines that run it: GitHub's workflow commands, GitLab's code quality, SARIF.
//!
//! Texts come from pull requests. They pass [`escape`], so that they are one line and show what they are, and then the
//! escaping of the format.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::text::shorten;
use crate::console::{defused, escape};
use crate::event::hex;
use crate::verification::{Code, Finding, Severity, Verified};

/// How many annotations of a kind GitHub shows for a step.
const ANNOTATIONS: usize = 10;

/// The longest message, in characters.
const MESSAGE: usize = 2000;

/// The file to which findings without one are put: services drop what has no place.
const SOMEWHERE: &str = ".agent-capture/requirements.json";

impl Verified {
    /// Returns GitHub's workflow commands, and the logs of what failed between them. While the logs are shown commands are
    /// switched off until `token` comes, which nobody must be able to guess: letters and digits.
    pub fn github(&self, token: &str) -> String {
        let mut out = String::new();
        for finding in self.findings.iter().filter(|finding| !finding.log.is_empty()) {
            let text = format!("::group::log of {}\n::stop-commands::{token}\n", finding.code);
            out.push_str(&text);
            for text in &finding.log {
                out.push_str(&defused(&escape(&shorten(text, MESSAGE))));
                out.push('\n');
            }
            let text = format!("::{token}::\n::endgroup::\n");
            out.push_str(&text);
        }
        for severity in [Severity::Error, Severity::Warning, Severity::Note] {
            let kind = match severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Note => "notice",
            };
            let all: Vec<&Finding> = self.findings.iter().filter(|finding| finding.severity == severity).collect();
            let shown = if all.len() > ANNOTATIONS { ANNOTATIONS - 1 } else { all.len() };
            all.iter().take(shown).for_each(|finding| out.push_str(&annotation(kind, finding)));
            if all.len() > shown {
                let more = all.len() - shown;
                let text = format!("::{kind} title=agent-capture::{more} more: see the summary of this step\n");
                out.push_str(&text);
            }
        }
        for level in &self.levels {
            let mark = if level.holds { "holds" } else { "no" };
            out.push_str(&defused(&format!("{} {mark}: {}\n", level.level.as_str(), escape(&level.proves))));
        }
        out
    }

    /// Returns GitLab's report of code quality, JSON.
    pub fn gitlab(&self) -> String {
        let issue = |finding: &Finding| {
            let path = finding.path.as_deref().unwrap_or(SOMEWHERE);
            json!({
                "description": text(finding),
                "check_name": finding.code.as_str(),
                "fingerprint": fingerprint(finding),
                "severity": match finding.severity {
                    Severity::Error => "blocker",
                    Severity::Warning => "major",
                    Severity::Note => "info",
                },
                "location": { "path": escape(path), "lines": { "begin": finding.line.unwrap_or(1) } },
            })
        };
        pretty(&self.findings.iter().map(issue).collect())
    }

    /// Returns SARIF 2.1.0 (OASIS), JSON.
    pub fn sarif(&self) -> String {
        let rule = |code: &Code| json!({ "id": code.as_str(), "shortDescription": { "text": code.title() } });
        let result = |finding: &Finding| {
            let path = finding.path.as_deref().unwrap_or(SOMEWHERE);
            let index = Code::ALL.iter().position(|code| *code == finding.code);
            json!({
                "ruleId": finding.code.as_str(),
                "ruleIndex": index,
                "level": match finding.severity {
                    Severity::Error => "error",
                    Severity::Warning => "warning",
                    Severity::Note => "note",
                },
                // `[text](target)` would be a link (section 3.11.6).
                "message": { "text": text(finding).replace('\\', "\\\\").replace('[', "\\[").replace(']', "\\]") },
                "locations": [{ "physicalLocation": {
                    "artifactLocation": { "uri": uri(path), "uriBaseId": "%SRCROOT%" },
                    "region": { "startLine": finding.line.unwrap_or(1) },
                } }],
                "partialFingerprints": { "agentCapture/v1": fingerprint(finding) },
            })
        };
        pretty(&json!({
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [{
                "tool": { "driver": {
                    "name": "agent-capture",
                    "semanticVersion": env!("CARGO_PKG_VERSION"),
                    "rules": Code::ALL.iter().map(rule).collect::<Vec<_>>(),
                } },
                "columnKind": "unicodeCodePoints",
                "results": self.findings.iter().map(result).collect::<Vec<_>>(),
            }],
        }))
    }
}

/// Returns a workflow command that shows a finding.
fn annotation(kind: &str, finding: &Finding) -> String {
    let property = |text: &str| message(text).replace(':', "%3A").replace(',', "%2C");
    let mut properties = vec![format!("title={}", property(&format!("agent-capture {}", finding.code)))];
    if let Some(path) = &finding.path {
        properties.push(format!("file={}", property(path)));
    }
    if let Some(line) = finding.line {
        properties.push(format!("line={line}"));
    }
    let text = std::iter::once(&finding.message).chain(&finding.help).map(|text| message(text));
    format!("::{kind} {}::{}\n", properties.join(","), text.collect::<Vec<_>>().join("%0A"))
}

/// Returns text for a workflow command (actions/toolkit, command.ts).
fn message(text: &str) -> String {
    escape(&shorten(text, MESSAGE)).replace('%', "%25").replace("##[", "# #[")
}

fn text(finding: &Finding) -> String {
    let message = escape(&shorten(&finding.message, MESSAGE));
    finding.help.as_ref().map_or_else(|| message.clone(), |help| format!("{message}. {}", escape(help)))
}

/// Returns what tells a finding from others, the same in later runs.
fn fingerprint(finding: &Finding) -> String {
    let path = finding.path.as_deref().unwrap_or_default();
    hex(&Sha256::digest(format!("{}\0{path}\0{}", finding.code, finding.message)))
}

/// Returns a path as a relative URI.
fn uri(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-~".contains(&byte);
    path.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verification::{Level, VERSION};

    /// Returns what was found, with a hostile text in each place.
    fn verified() -> Verified {
        let hostile = "a\r::error::b\n##[add-matcher]f ::set-output name=x::y \u{1b}[2J [x](https://evil) </details> @team ``` 100%";
        let mut finding = Finding::error(Code::CheckFailed, hostile).at("a:b,c\n.nix", Some(3)).help(hostile);
        finding.log = vec![hostile.to_owned(), "  ::add-mask::x".to_owned()];
        let mut verified = Verified {
            version: VERSION,
            commit: None,
            untrusted: true,
            asked: Level::Build,
            levels: Vec::new(),
            findings: vec![finding; 30],
            nix: None,
            replay: None,
        };
        verified.reach(Level::Static, false, hostile);
        verified
    }

    #[test]
    fn workflow_commands_are_ours_alone() {
        let text = verified().github("0123abcd");
        assert!(!text.contains(['\r', '\u{1b}']) && !text.contains("##["), "{text}");
        let mut stopped = false;
        let mut annotations = 0;
        for line in text.lines() {
            if line == "::0123abcd::" {
                stopped = false;
            }
            if stopped {
                assert!(!line.trim_start().starts_with("::"), "{line}");
                continue;
            }
            stopped = line == "::stop-commands::0123abcd";
            annotations += usize::from(line.starts_with("::error "));
            let commands =
                ["::group::log of check-failed", "::endgroup::", "::stop-commands::0123abcd", "::0123abcd::"];
            let ours = line.starts_with("::error title=agent-capture")
                || commands.contains(&line)
                || line.starts_with("static no: ");
            assert!(ours, "{line}");
        }
        assert_eq!(annotations, ANNOTATIONS, "no more than are shown");
        assert!(text.contains("file=a%3Ab%2Cc\\n.nix,line=3::"), "{text}");
        assert!(text.contains("100%25"), "{text}");
        assert!(text.contains("::error title=agent-capture::21 more"), "{text}");
    }

    #[test]
    fn markdown_is_text_alone() {
        let text = verified().markdown();
        assert!(!text.contains(['\r', '\u{1b}']) && !text.contains("##["), "{text}");
        assert!(text.len() < 1 << 20);
        // Outside of code there is no text of others.
        let outside: String = text.split('`').step_by(2).collect();
        assert!(text.contains("````text\n"), "the fence is longer than any run of backticks in the log");
        assert!(!outside.contains("https://evil") || text.contains("```` "), "{text}");
    }

    #[test]
    fn gitlab_has_what_it_needs() {
        let issues: Vec<Value> = serde_json::from_str(&verified().gitlab()).expect("JSON");
        let issue = &issues[0];
        assert_eq!(issue["check_name"], "check-failed");
        assert_eq!(issue["severity"], "blocker");
        assert_eq!(issue["location"]["lines"]["begin"], 3);
        assert_eq!(issue["fingerprint"].as_str().map(str::len), Some(64));
        assert!(!issue["description"].as_str().expect("text").contains('\n'));
    }

    #[test]
    fn sarif_has_the_shape() {
        let sarif: Value = serde_json::from_str(&verified().sarif()).expect("JSON");
        assert_eq!(sarif["version"], "2.1.0");
        let run = &sarif["runs"][0];
        let rules = run["tool"]["driver"]["rules"].as_array().expect("rules");
        assert_eq!(rules.len(), Code::ALL.len());
        for result in run["results"].as_array().expect("results") {
            let rule = &rules[result["ruleIndex"].as_u64().expect("a number") as usize];
            assert_eq!(rule["id"], result["ruleId"]);
            assert!(["error", "warning", "note", "none"].contains(&result["level"].as_str().expect("a level")));
            let place = &result["locations"][0]["physicalLocation"];
            assert_eq!(place["artifactLocation"]["uri"], "a%3Ab%2Cc%0A.nix");
            assert!(place["region"]["startLine"].as_u64().expect("a line") >= 1);
            assert!(result["message"]["text"].as_str().expect("text").contains("\\[x\\](https"));
        }
    }
}
