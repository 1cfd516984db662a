//! A difference for a terminal.

use super::{Change, Difference, Kind, PackageSide, Side, short};
use crate::console::{defused, escape, style};
use crate::journal::Known;
use crate::nix::{Pin, Source, System};
use crate::report::text::{line, plural, shorten};

/// The longest text that is shown of a command.
const WIDE: usize = 80;

impl Difference {
    /// Returns it for a terminal: one line for each thing, with `+`, `-` or `~` before it.
    pub fn terminal(&self) -> String {
        if self.is_empty() {
            return format!("no difference between {} and {}\n", shown(&self.from), shown(&self.to));
        }
        let mut out = format!("{} → {}\n", shown(&self.from), shown(&self.to));
        let wide = self.packages.iter().map(|it| it.attr.as_str().len());
        let wide = wide.chain(self.checks.iter().map(|it| it.name.as_str().len())).max().unwrap_or(0);
        section(
            &mut out,
            "packages",
            self.packages
                .iter()
                .map(|it| (it.change.kind(), format!("{:wide$}  {}", it.attr.as_str(), package(&it.change)))),
        );
        self.about().iter().for_each(|about| line(&mut out, format_args!("  {about}")));
        section(
            &mut out,
            "checks",
            self.checks.iter().map(|it| {
                (
                    it.change.kind(),
                    format!("{:wide$}  {}", it.name.as_str(), arrow(&it.change, |text| shorten(&escape(text), WIDE))),
                )
            }),
        );
        let pin = |pin: &Pin| short(pin.rev.as_str()).to_owned();
        section(&mut out, "pin", self.pin.iter().map(|it| (it.kind(), arrow(it, pin))));
        section(&mut out, "inputs", self.inputs.iter().map(|it| (it.kind(), arrow(it, Source::url))));
        section(&mut out, "sessions", self.sessions.iter().map(|it| (it.kind(), arrow(it, ToString::to_string))));
        section(
            &mut out,
            "left behind",
            self.left_behind.iter().map(|it| {
                (it.kind(), arrow(it, |folder| shorten(&escape(&format!("{}: {}", folder.path, folder.what)), WIDE)))
            }),
        );
        section(&mut out, "systems", self.systems.iter().map(|it| (it.kind(), arrow(it, System::to_string))));
        section(&mut out, "unfree", self.unfree.iter().map(|it| (it.kind(), arrow(it, |name| escape(name)))));
        section(&mut out, "policy", self.policy.iter().map(|kind| (*kind, ".agent-capture/policy.toml".to_owned())));
        defused(&out)
    }
}

fn shown(side: &Side) -> String {
    if let Some(commit) = side.commit.as_deref().filter(|commit| commit.starts_with(&side.name)) {
        return escape(short(commit));
    }
    let commit = side.commit.as_deref().map(|id| format!(" ({})", escape(short(id)))).unwrap_or_default();
    format!("{}{commit}", escape(&side.name))
}

fn section(out: &mut String, name: &str, rows: impl Iterator<Item = (Kind, String)>) {
    let mut rows = rows.peekable();
    if rows.peek().is_some() {
        line(out, format_args!("{}{name}{}", style("1"), style("0")));
    }
    for (kind, text) in rows {
        let (mark, colour) = match kind {
            Kind::In => ("+", "32"),
            Kind::Out => ("-", "31"),
            Kind::Changed => ("~", "33"),
        };
        line(out, format_args!("  {}{mark}{} {}", style(colour), style("0"), text.trim_end()));
    }
}

fn arrow<T>(change: &Change<T>, show: impl Fn(&T) -> String) -> String {
    change.before.iter().chain(&change.after).map(show).collect::<Vec<_>>().join(" → ")
}

fn package(change: &Change<PackageSide>) -> String {
    let (before, after) = (&change.before, &change.after);
    let version = super::markdown::version(change, &|text| escape(text));
    match (before, after) {
        (_, Some(after)) if before.is_none() => {
            let known = if after.known == Some(Known::Claimed) { "claimed  " } else { "" };
            let why = shorten(&escape(after.why.as_deref().unwrap_or_default()), 60);
            format!("{version:12}  {:>8}  {known}{why}", plural(after.runs, "run"))
        }
        _ => version,
    }
}
