//! A report for a terminal.

use super::text::{duration, line, plural, shorten};
use super::{CheckRow, Missed, Outcome, Package, ROWS, Remark, Report};
use crate::console::{defused, style};
use crate::journal::Known;

impl Report<'_> {
    /// Returns the report for a terminal.
    pub fn terminal(&self) -> String {
        let summary = self.summary();
        let mut out = String::new();
        packages(&mut out, &summary.packages);
        summary.about().iter().for_each(|about| line(&mut out, format_args!("  {about}")));
        checks(&mut out, &summary.checks);
        if !summary.attention.is_empty() {
            heading(&mut out, "look at");
            for Remark { of, text, .. } in rows(&summary.attention) {
                line(&mut out, format_args!("  {of}: {text}"));
            }
        }
        if !summary.not_captured.is_empty() {
            heading(&mut out, "not captured");
            for Missed { what, why, help } in rows(&summary.not_captured) {
                let help = help.as_ref().map_or_else(String::new, |help| format!("; {help}"));
                line(&mut out, format_args!("  {}: {why}{help}", shorten(what, 80)));
            }
        }
        let nothing = summary.left_behind.is_empty() && summary.installed.is_empty();
        heading(&mut out, if nothing { "left behind on this machine: nothing" } else { "left behind on this machine" });
        for row in rows(&summary.left_behind) {
            line(&mut out, format_args!("  {}: {}", shorten(&row.path, 120), row.amount()));
        }
        if !summary.installed.is_empty() {
            let all = format!("installed on the host: {}", summary.installed.join(", "));
            line(&mut out, format_args!("  {}", shorten(&all, 160)));
        }
        line(&mut out, summary.execs.sentence());
        line(&mut out, &summary.proved);
        defused(&out)
    }
}

fn heading(out: &mut String, text: &str) {
    line(out, format_args!("{}{text}{}", style("1"), style("0")));
}

/// Returns what is shown of a list. What is more, a reader of a terminal finds in another form.
fn rows<T>(all: &[T]) -> impl Iterator<Item = &T> {
    all.iter().take(ROWS)
}

fn packages(out: &mut String, packages: &[Package]) {
    heading(out, if packages.is_empty() { "packages  none" } else { "packages" });
    let width = packages.iter().map(|row| row.attr.len()).max().unwrap_or(0);
    let wide = packages.iter().map(|row| row.shown_version().len()).max().unwrap_or(0);
    for row in rows(packages) {
        let (attr, version, runs) = (&row.attr, row.shown_version(), plural(row.runs, "run"));
        let known = match row.known {
            Some(Known::Traced) => "traced ",
            Some(Known::Claimed) => "claimed",
            None => "policy ",
        };
        let why = row.first_command.as_deref().or(row.policy.as_deref()).unwrap_or_default();
        let why = shorten(why, 60);
        let text = format!("  {attr:width$}  {version:wide$}  {runs:>8}  {known}  {why}");
        line(out, text.trim_end());
    }
    more(out, packages.len());
}

fn checks(out: &mut String, checks: &[CheckRow]) {
    let none = checks.iter().all(|check| check.own);
    heading(out, if none { "checks    none but the shell" } else { "checks" });
    let of_commands: Vec<&CheckRow> =
        checks.iter().filter(|check| !check.own || check.result == Outcome::Failed).collect();
    let width = of_commands.iter().map(|check| check.name.len()).max().unwrap_or(0);
    for check in of_commands.iter().take(ROWS) {
        let (mark, colour) = match check.result {
            Outcome::Passed => ("passed  ", "32"),
            Outcome::Failed => ("failed  ", "31;1"),
            Outcome::NotVerified => ("", "0"),
        };
        let took = check.took.map_or_else(String::new, |took| format!("  {}", duration(took)));
        let (name, command) = (&check.name, shorten(&check.line, 80));
        line(out, format_args!("  {name:width$}  {}{mark}{}{command}{took}", style(colour), style("0")));
    }
    more(out, of_commands.len());
}

fn more(out: &mut String, all: usize) {
    if all > ROWS {
        line(out, format_args!("  and {} more", all - ROWS));
    }
}
