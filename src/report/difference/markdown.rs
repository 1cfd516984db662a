//! A difference for a pull request: Markdown in the shape of Renovate's, at most 65,000 characters.

use super::{Change, Difference, Folder, Kind, PackageSide, Side, counts, short};
use crate::console::defused;
use crate::journal::Known;
use crate::nix::Pin;
use crate::report::markdown::table;
use crate::report::summary::{ABOUT, CLAIM};
use crate::report::text::{code, line, shorten};

/// The first line of the comment on a pull request: by it the comment is found again.
pub const MARKER: &str = "<!-- agent-capture: diff -->";

/// The longest text in a cell.
const CELL: usize = 400;

impl Difference {
    /// Returns it as Markdown, at most 65,000 characters; nothing in it is a link, a mention or a tag.
    pub fn markdown(&self) -> String {
        let mut out = format!("{MARKER}\n## Captured environment: what changes\n\n");
        let between = format!("{} → {}", side(&self.from), side(&self.to));
        if self.is_empty() {
            line(&mut out, format_args!("Nothing: {between}.\n"));
            self.footer(&mut out);
            return defused(&out);
        }
        let packages = counts(&self.packages.iter().map(|it| it.change.kind()).collect::<Vec<_>>());
        let checks = counts(&self.checks.iter().map(|it| it.change.kind()).collect::<Vec<_>>());
        line(&mut out, format_args!("**Packages: {packages}. Checks: {checks}.** {between}.\n"));
        let rows = self.packages.iter().map(|it| package(it.attr.as_str(), &it.change));
        table(&mut out, &["Package", "Change", ":Runs", "First command", "Known"], 22_000, "packages", rows);
        let rows = self.checks.iter().map(|it| {
            let command = arrow(&it.change, |text| code(&shorten(text, 4200)));
            format!("| {} | {} | {command} |", code(it.name.as_str()), word(it.change.kind()))
        });
        table(&mut out, &["Check", "Change", "Command"], 22_000, "checks", rows);
        table(&mut out, &["What", "Change", "Which"], 8_000, "things", self.others());
        let rows = self.left_behind.iter().map(|it| {
            let show = |folder: &Folder| {
                format!("{}: {}", code(&shorten(&folder.path, CELL)), code(&shorten(&folder.what, CELL)))
            };
            format!("| {} | {} |", word(it.kind()), arrow(it, show))
        });
        table(&mut out, &["Change", "Left behind on the host"], 8_000, "folders", rows);
        self.footer(&mut out);
        defused(&out)
    }

    fn footer(&self, out: &mut String) {
        self.about().iter().for_each(|about| line(out, format_args!("Versions with {about}.")));
        if self.read {
            line(out, "This is what another run wrote; in a pull request, the run of its own workflow.");
        }
        line(out, "This compares what `.agent-capture/` says; `agent-capture verify` proves that the flake is that.");
        line(out, CLAIM);
    }

    /// Returns the rows of pin, policy, systems, unfree packages and sessions.
    fn others(&self) -> Vec<String> {
        let row = |what: &str, kind: Kind, which: String| format!("| {what} | {} | {which} |", word(kind));
        let pin = |pin: &Pin| format!("`{}`", short(pin.rev.as_str()));
        let mut rows: Vec<String> = self.pin.iter().map(|it| row("pin", it.kind(), arrow(it, pin))).collect();
        rows.extend(self.inputs.iter().map(|it| row("**input**", it.kind(), arrow(it, |source| code(&source.url())))));
        rows.extend(self.policy.map(|kind| row("**policy**", kind, "`.agent-capture/policy.toml`".to_owned())));
        rows.extend(
            self.unfree.iter().map(|it| row("**unfree**", it.kind(), arrow(it, |name| code(&shorten(name, CELL))))),
        );
        rows.extend(self.systems.iter().map(|it| row("system", it.kind(), arrow(it, |system| code(system.as_str())))));
        rows.extend(self.sessions.iter().map(|it| row("session", it.kind(), arrow(it, |id| code(id.as_str())))));
        rows
    }
}

fn side(side: &Side) -> String {
    let name = shorten(&side.name, 100);
    match &side.commit {
        Some(commit) if commit.starts_with(&side.name) => code(short(commit)),
        Some(commit) => format!("{} ({})", code(&name), code(short(&shorten(commit, 40)))),
        None => code(&name),
    }
}

fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::In => "in",
        Kind::Out => "**out**",
        Kind::Changed => "**changed**",
    }
}

fn arrow<T>(change: &Change<T>, show: impl Fn(&T) -> String) -> String {
    change.before.iter().chain(&change.after).map(show).collect::<Vec<_>>().join(" → ")
}

fn package(attr: &str, change: &Change<PackageSide>) -> String {
    let now = change.after.as_ref().or(change.before.as_ref());
    let runs = change.after.as_ref().map(|it| it.runs.to_string()).unwrap_or_default();
    let why = now.and_then(|it| it.why.as_deref()).unwrap_or_default();
    let known = known(now.and_then(|it| it.known));
    let version = version(change, &|text| code(&shorten(text, 60)));
    let what = match change.kind() {
        Kind::Changed => version,
        kind => [word(kind), &version].join(" ").trim_end().to_owned(),
    };
    format!("| {} | {what} | {runs} | {} | {known} |", code(attr), code(&shorten(why, 60)))
}

fn known(known: Option<Known>) -> &'static str {
    match known {
        Some(Known::Traced) => "traced",
        Some(Known::Claimed) => "**claimed**",
        None => "policy",
    }
}

/// Returns the version at the pin, before and after when both are known; where it is not, the index's, else the one that was
/// seen.
pub(super) fn version(change: &Change<PackageSide>, show: &dyn Fn(&str) -> String) -> String {
    let (before, after) = (change.before.as_ref(), change.after.as_ref());
    let at_pin = |side: Option<&PackageSide>| side.and_then(|it| it.version.as_deref()).map(show);
    let seen = |side: Option<&PackageSide>| side.and_then(|it| it.seen.as_deref()).map(show);
    match (before, after) {
        (Some(old), Some(new)) => {
            let mut parts = Vec::new();
            let unknown = || "unknown".to_owned();
            if let (Some(old), Some(new)) = (at_pin(before), at_pin(after)) {
                parts.extend((old != new).then(|| format!("{old} → {new}")));
            }
            if old.seen != new.seen {
                let (old, new) = (seen(before).unwrap_or_else(unknown), seen(after).unwrap_or_else(unknown));
                parts.push(format!("seen {old} → {new}"));
            }
            if old.known != new.known {
                parts.push(format!("{} → {}", known(old.known), known(new.known)));
            }
            parts.join(", ")
        }
        (old, new) => {
            let side = new.or(old);
            let indexed = || side?.indexed.as_ref().map(|version| show(&format!("{ABOUT}{version}")));
            let seen = || seen(side).map(|seen| format!("seen {seen}"));
            at_pin(side).or_else(indexed).or_else(seen).unwrap_or_default()
        }
    }
}
