//! A report as a page: one file that needs no other, and may load none.
//!
//! All text from outside passes the template's escaping, or is JSON in which no tag can begin; the page's policy lets nothing
//! run but the one script, known by its hash.

use std::collections::BTreeMap;

use anyhow::Context;
use base64::Engine;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value};
use minijinja::{AutoEscape, Environment, UndefinedBehavior, context};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::processes::{Node, Processes};
use super::summary::{At, Outcome, Summary};
use super::text::{duration, plural, shorten, size};
use super::{CheckRow, Report};
use crate::console::escape;
use crate::journal::{Command, Journal, Known, Outcome as Ran, Ref, SessionId};

const STYLE: &str = include_str!("../../templates/report.css");
const SCRIPT: &str = include_str!("../../templates/report.js");
const PAGE: &str = include_str!("../../templates/report.html.j2");

/// How many parts the picture of a session's time has.
const BINS: usize = 240;

/// The height of that picture.
const HIGH: f64 = 40.0;

/// The longest command line of a row; what unfolds has it whole.
const WIDE: usize = 240;

/// A command as a row of the page, and what unfolds below it.
#[derive(Serialize)]
struct Row {
    /// Names it in the page.
    id: String,
    /// The number of its session.
    part: usize,
    line: String,
    /// When, `1:23`.
    at: String,
    took: String,
    status: String,
    /// `ok`, `fail`, or `none`.
    state: &'static str,
    /// Where it is in the session's time, in thousandths: from, and how long.
    from: i64,
    length: i64,
    /// Numbers of the packages that it needed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    packages: Vec<usize>,
    /// Further words by which it is found.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<&'static str>,
    /// The whole line, when `line` has not all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    whole: Option<String>,
    /// The folder.
    #[serde(skip_serializing_if = "String::is_empty")]
    cwd: String,
    /// Names of the checks that it is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    checks: Vec<String>,
    /// What else there is to know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
    /// The processes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tree: Vec<Node>,
}

/// A session with its commands.
#[derive(Serialize)]
struct Part<'a> {
    session: &'a super::Session,
    took: String,
    picture: Picture,
    /// Whether processes are from raw events, else programs from the journal.
    raw: bool,
}

/// When a session was busy: two paths of bars.
#[derive(Serialize)]
struct Picture {
    all: String,
    failed: String,
}

/// Whose commands brought what.
struct Links<'a> {
    packages: BTreeMap<&'a At, Vec<usize>>,
    checks: BTreeMap<&'a At, Vec<&'a CheckRow>>,
    reasons: BTreeMap<&'a At, &'a str>,
}

impl<'a> Links<'a> {
    fn new(summary: &'a Summary) -> Self {
        let mut links = Self { packages: BTreeMap::new(), checks: BTreeMap::new(), reasons: BTreeMap::new() };
        for (number, package) in summary.packages.iter().enumerate() {
            package.commands.iter().for_each(|at| links.packages.entry(at).or_default().push(number));
        }
        for check in &summary.checks {
            check.commands.iter().for_each(|at| links.checks.entry(at).or_default().push(check));
        }
        links.reasons.extend(summary.unchecked.iter().map(|it| (&it.at, it.reason.as_str())));
        links
    }
}

impl Report<'_> {
    /// Returns the report as a page. `processes` are those of the sessions whose raw events are still kept.
    pub fn html(&self, processes: &BTreeMap<SessionId, Processes>) -> anyhow::Result<String> {
        let summary = self.summary();
        let links = Links::new(&summary);
        let mut rows = Vec::new();
        let parts: Vec<Part> = self
            .journals
            .iter()
            .zip(&summary.sessions)
            .enumerate()
            .map(|(number, (journal, session))| {
                let raw = processes.get(&journal.session.id);
                part(number, journal, session, &links, raw, &mut rows)
            })
            .collect();
        let mut environment = Environment::new();
        environment.set_auto_escape_callback(|_| AutoEscape::Html);
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
        environment.set_syntax(syntax.expect("the default delimiters"));
        environment.add_filter("duration", duration);
        environment.add_filter("size", size);
        environment.add_filter("many", many);
        environment.add_filter("plural", |count: u64, what: &str| plural(count, what));
        environment.add_filter("short", |text: &str, most: usize| shorten(text, most));
        environment.add_template("report.html", PAGE)?;
        let numbers: BTreeMap<&SessionId, usize> =
            self.journals.iter().enumerate().map(|(number, journal)| (&journal.session.id, number)).collect();
        let place = |at: &At| numbers.get(&at.session).map(|number| id(*number, &at.command));
        let names: Vec<&str> = summary.packages.iter().map(|package| package.attr.as_str()).collect();
        let data = json(&serde_json::json!({ "packages": names, "rows": rows }))?;
        let first = |at: Option<&At>| at.and_then(place);
        let firsts: Vec<Option<String>> =
            summary.packages.iter().map(|package| first(package.commands.first())).collect();
        let check_firsts: Vec<Option<String>> =
            summary.checks.iter().map(|check| first(check.commands.first())).collect();
        let failed = summary.checks.iter().filter(|check| check.result == Outcome::Failed).count();
        let commands: usize = summary.sessions.iter().map(|session| session.commands).sum();
        let page = environment.get_template("report.html")?.render(context! {
            style => Value::from_safe_string(STYLE.to_owned()),
            script => Value::from_safe_string(SCRIPT.to_owned()),
            data => Value::from_safe_string(data),
            style_hash => hash(STYLE),
            script_hash => hash(SCRIPT),
            summary => Serde(&summary), parts => Serde(&parts), firsts, check_firsts, failed, commands, about => summary.about(),
            version => env!("CARGO_PKG_VERSION"),
        });
        page.context("failed to render the report's page")
    }
}

/// Returns the name of a command in the page.
fn id(session: usize, command: &Ref) -> String {
    format!("s{session}-{command}")
}

fn part<'a>(
    number: usize,
    journal: &Journal,
    session: &'a super::Session,
    links: &Links,
    processes: Option<&Processes>,
    rows: &mut Vec<Row>,
) -> Part<'a> {
    let ends = journal.commands.iter().map(|command| command.at + command.took.unwrap_or(0));
    let whole = ends.max().unwrap_or(0).max(1);
    let mut names = programs(journal);
    for command in &journal.commands {
        let at = At { session: journal.session.id.clone(), command: command.id.clone() };
        let (tree, omitted) = match processes {
            Some(processes) => processes.of(&command.id),
            None => (names.remove(&command.id).unwrap_or_default(), 0),
        };
        let row = row(number, command, &at, whole, links);
        rows.push(Row { notes: notes(command, links.reasons.get(&at).copied(), omitted), tree, ..row });
    }
    let picture = picture(&journal.commands, whole);
    Part { session, took: duration(whole.unsigned_abs()), picture, raw: processes.is_some() }
}

/// Returns the programs of each command, as the journal has them: who started whom is not in it.
fn programs(journal: &Journal) -> BTreeMap<Ref, Vec<Node>> {
    let mut all: BTreeMap<Ref, Vec<Node>> = BTreeMap::new();
    for program in &journal.programs {
        let node = Node { text: escape(&program.path.to_text()), status: String::new(), took: None, below: Vec::new() };
        program.commands.iter().for_each(|id| all.entry(id.clone()).or_default().push(node.clone()));
    }
    all
}

fn row(part: usize, command: &Command, at: &At, whole: i64, links: &Links) -> Row {
    let (state, status) = match (command.outcome, command.status) {
        (Ran::Ran, Some(status)) if status.is_success() => ("ok", "ok".to_owned()),
        (Ran::Ran, Some(status)) => ("fail", status.to_string()),
        (Ran::Ran | Ran::Unknown, None) => ("none", "no end seen".to_owned()),
        (Ran::Refused, _) => ("none", "refused".to_owned()),
        (Ran::Blocked, _) => ("none", "blocked".to_owned()),
        (Ran::Cancelled, _) => ("none", "cancelled".to_owned()),
        (Ran::Unknown, Some(status)) => ("none", status.to_string()),
    };
    let mut tags = Vec::new();
    tags.extend(command.network.then_some("network"));
    tags.extend((command.known == Known::Claimed).then_some("claimed"));
    tags.extend(links.checks.contains_key(at).then_some("check"));
    let thousandth = |time: i64| time.saturating_mul(1000) / whole;
    let from = thousandth(command.at).clamp(0, 988);
    let length = thousandth(command.took.unwrap_or(0)).clamp(12, 1000 - from);
    let line = escape(&command.line.to_text());
    let checks = links.checks.get(at).into_iter().flatten();
    Row {
        id: id(part, &command.id),
        part,
        line: shorten(&line, WIDE),
        at: clock(command.at),
        took: command.took.map(|took| duration(took.unsigned_abs())).unwrap_or_default(),
        status,
        state,
        from,
        length,
        packages: links.packages.get(at).cloned().unwrap_or_default(),
        tags,
        whole: (line.chars().count() > WIDE).then_some(line),
        cwd: escape(&command.cwd.to_text()),
        checks: checks.map(|check| check.name.clone()).collect(),
        notes: Vec::new(),
        tree: Vec::new(),
    }
}

fn notes(command: &Command, reason: Option<&str>, omitted: u64) -> Vec<String> {
    let mut notes = Vec::new();
    notes.extend(reason.map(|reason| format!("no check: {}", escape(reason))));
    notes.extend(command.network.then(|| "reached out of the machine".to_owned()));
    notes.extend((command.writes > 0).then(|| format!("{} outside the project", plural(command.writes, "write"))));
    notes.extend((command.known == Known::Claimed).then(|| "claimed, not traced".to_owned()));
    notes.extend(command.incomplete.then(|| "something secret or overlong is missing from the line".to_owned()));
    notes.extend((omitted > 0).then(|| format!("{omitted} more processes are not shown")));
    notes
}

/// Returns milliseconds after the start as a clock shows them: `0:07`, `1:02:03`.
fn clock(milliseconds: i64) -> String {
    let seconds = milliseconds / 1000;
    match seconds / 3600 {
        0 => format!("{}:{:02}", seconds / 60, seconds % 60),
        hours => format!("{hours}:{:02}:{:02}", seconds / 60 % 60, seconds % 60),
    }
}

/// Draws when a session was busy, and when its commands failed.
fn picture(commands: &[Command], whole: i64) -> Picture {
    let mut bins = vec![(0_u32, 0_u32); BINS];
    for command in commands {
        let at = |time: i64| (time.saturating_mul(BINS as i64) / whole).clamp(0, BINS as i64 - 1) as usize;
        let failed = command.status.is_some_and(|status| !status.is_success());
        for bin in &mut bins[at(command.at)..=at(command.at + command.took.unwrap_or(0))] {
            bin.0 += 1;
            bin.1 += u32::from(failed);
        }
    }
    let most = bins.iter().map(|(all, _)| *all).max().unwrap_or(1).max(1);
    // Few commands are to be seen beside many.
    let high = |count: u32| (f64::from(count) / f64::from(most)).sqrt() * HIGH;
    let draw = |count: &dyn Fn(&(u32, u32)) -> u32| {
        let bars = bins.iter().enumerate().filter(|(_, bin)| count(bin) > 0);
        bars.map(|(x, bin)| format!("M{x} {HIGH}v-{0:.1}h1v{0:.1}z", high(count(bin)))).collect::<String>()
    };
    Picture { all: draw(&|bin| bin.0), failed: draw(&|bin| bin.1) }
}

/// Returns a number with commas between thousands.
fn many(number: u64) -> String {
    match number {
        0..1000 => number.to_string(),
        _ => format!("{},{:03}", many(number / 1000), number % 1000),
    }
}

/// Returns JSON for a script element: no tag can begin or end in it.
fn json(value: &impl Serialize) -> anyhow::Result<String> {
    Ok(serde_json::to_string(value)?.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026"))
}

/// Returns the hash by which a policy knows a text (CSP, section 2.3.1).
fn hash(text: &str) -> String {
    format!("sha256-{}", base64::engine::general_purpose::STANDARD.encode(Sha256::digest(text)))
}
