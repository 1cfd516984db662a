//! What a verification found, for people: a terminal, a page of Markdown.

use super::text::{block, code, line, plural, shorten};
use crate::console::{defused, escape, style};
use crate::verification::{Finding, Severity, Verified};

/// The most findings that are shown.
const MOST: usize = 200;

/// The longest line of a log that is shown, in characters.
const WIDE: usize = 400;

/// The most bytes of a page; GitHub takes 1 MiB for the summary of a step.
const PAGE: usize = 900_000;

impl Verified {
    /// Returns it for a terminal.
    pub fn terminal(&self) -> String {
        let mut out = String::new();
        for level in &self.levels {
            let (mark, colour) = if level.holds { ("holds", "32") } else { ("no", "31;1") };
            let (name, proves) = (level.level.as_str(), escape(&level.proves));
            line(&mut out, format_args!("{name:7} {}{mark:5}{}  {proves}", style(colour), style("0")));
        }
        for finding in self.findings.iter().take(MOST) {
            let (word, colour) = match finding.severity {
                Severity::Error => ("error", "31;1"),
                Severity::Warning => ("warning", "33;1"),
                Severity::Note => ("note", "36;1"),
            };
            let place = escape(&place(finding).map_or_else(String::new, |place| format!("{place}: ")));
            let message = escape(&shorten(&finding.message, 1000));
            line(&mut out, format_args!("{}{word}:{} {place}{message} [{}]", style(colour), style("0"), finding.code));
            finding.log.iter().for_each(|text| line(&mut out, format_args!("    {}", escape(&shorten(text, WIDE)))));
            finding.help.iter().for_each(|help| line(&mut out, format_args!("  {}", escape(help))));
        }
        if self.findings.len() > MOST {
            line(&mut out, format_args!("and {} more", self.findings.len() - MOST));
        }
        out
    }

    /// Returns it as Markdown, for a pull request or the summary of a step: at most 900 kB, and nothing in it is a link, a
    /// mention or a tag.
    pub fn markdown(&self) -> String {
        let mut out = String::new();
        let verdict = if self.is_passed() { "verified" } else { "**not verified**" };
        line(&mut out, format_args!("## agent-capture: {verdict}\n"));
        let of = self.commit.as_deref().map_or_else(|| "HEAD and the work tree".to_owned(), code);
        let trust = if self.untrusted { ", taken as from elsewhere" } else { "" };
        line(
            &mut out,
            format_args!(
                "Level `{}` of {of}{trust}.\n\n| level | | what that says |\n|---|---|---|",
                self.asked.as_str()
            ),
        );
        for level in &self.levels {
            let mark = if level.holds { "holds" } else { "**no**" };
            line(&mut out, format_args!("| {} | {mark} | {} |", level.level.as_str(), code(&level.proves)));
        }
        if !self.findings.is_empty() {
            line(&mut out, "\n| | finding | where | what |\n|---|---|---|---|");
        }
        for finding in self.findings.iter().take(MOST) {
            let word = match finding.severity {
                Severity::Error => "**error**",
                Severity::Warning => "warning",
                Severity::Note => "note",
            };
            let (place, help) = (place(finding).unwrap_or_default(), finding.help.as_deref().unwrap_or_default());
            let what = format!("{} {}", code(&shorten(&finding.message, 1000)), code(help));
            line(&mut out, format_args!("| {word} | `{}` | {} | {} |", finding.code, code(&place), what.trim_end()));
        }
        if self.findings.len() > MOST {
            line(&mut out, format_args!("\nAnd {} more.", self.findings.len() - MOST));
        }
        for finding in self.findings.iter().filter(|finding| !finding.log.is_empty()).take(MOST) {
            let block = block(&finding.log, WIDE);
            if out.len() + block.len() > PAGE {
                line(&mut out, "\nFurther logs are left out.");
                break;
            }
            let summary = plural(finding.log.len() as u64, "line");
            line(
                &mut out,
                format_args!(
                    "\n<details><summary>{}: the last {summary}</summary>\n\n{block}\n</details>",
                    finding.code
                ),
            );
        }
        line(&mut out, "\nA journal is its contributor's claim: no verification shows that the session happened.");
        defused(&out)
    }
}

/// Returns `file:line` of a finding.
pub(super) fn place(finding: &Finding) -> Option<String> {
    let path = finding.path.as_deref()?;
    Some(finding.line.map_or_else(|| path.to_owned(), |line| format!("{path}:{line}")))
}
