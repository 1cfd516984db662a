//! The message of a commit that is a capture.

use std::collections::BTreeSet;

use super::text::{line, shorten};
use super::{ROWS, Report};
use crate::journal::Session;

impl Report<'_> {
    /// Returns the message of a commit that adds these sessions, each with the SHA-256 of its journal in hexadecimal. Without
    /// a subject it is about the packages. Trailers are those of git-interpret-trailers(1); `Assisted-by: AGENT:MODEL` is the
    /// kernel's.
    pub fn message(&self, sessions: &[(&Session, String)], subject: Option<&str>) -> String {
        let requirements = &self.document.requirements;
        let rows: Vec<(String, String, u64)> = self
            .summary()
            .packages
            .into_iter()
            .map(|package| (package.shown_version(), package))
            .map(|(version, package)| (package.attr, version, package.runs))
            .collect();
        let names: Vec<&str> = rows.iter().map(|row| row.0.as_str()).collect();
        let mut out = String::new();
        let subject = match (subject, names.len()) {
            (Some(subject), _) => shorten(subject, 68),
            (None, 0) => "agent-capture: no packages".to_owned(),
            _ => shorten(&format!("agent-capture: {}", names.join(", ")), 68),
        };
        line(&mut out, format_args!("{subject}\n"));
        let cell = |width: usize, text: &str| format!("{text:width$}");
        let width = rows.iter().map(|row| row.0.len()).max().unwrap_or(0).max(7);
        let wide = rows.iter().map(|row| row.1.len()).max().unwrap_or(0).max(7);
        line(&mut out, format_args!("| {} | {} | runs |", cell(width, "package"), cell(wide, "version")));
        line(&mut out, format_args!("|-{}-|-{}-|-----:|", "-".repeat(width), "-".repeat(wide)));
        for (package, version, runs) in rows.iter().take(ROWS) {
            line(&mut out, format_args!("| {} | {} | {runs:4} |", cell(width, package), cell(wide, version)));
        }
        if !requirements.checks.is_empty() {
            line(&mut out, "\nChecks:\n");
            requirements
                .checks
                .iter()
                .take(ROWS)
                .for_each(|check| line(&mut out, format_args!("- {}: {}", check.name.as_str(), check.command())));
        }
        line(&mut out, format_args!("\n{}", self.proof()));
        out.push('\n');
        for (session, sha256) in sessions {
            line(&mut out, format_args!("Agent-Capture-Session: {}", session.id));
            line(&mut out, format_args!("Agent-Capture-Journal: sha256:{sha256}"));
        }
        let assisted: BTreeSet<String> = sessions.iter().filter_map(|(session, _)| assisted_by(session)).collect();
        assisted.iter().for_each(|by| line(&mut out, format_args!("Assisted-by: {by}")));
        out
    }
}

/// Returns the agent of a session and its model, as far as they are known; only plain names enter a trailer.
fn assisted_by(session: &Session) -> Option<String> {
    let plain = |name: &&String| {
        (1..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-+/@".contains(&b))
    };
    let agent = session.agent.as_ref().filter(plain)?;
    let model = session.model.as_ref().filter(plain);
    Some(model.map_or_else(|| agent.clone(), |model| format!("{agent}:{model}")))
}
