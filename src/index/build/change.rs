//! New tables beside those that are there: what is different, and whether so much is missing that a database is not whole.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::{Facts, Tables};

/// Rows that every database has: a table and a key of it. Some of these were missing from databases that had lost a part.
const CANARIES: &[(&str, &str)] = &[
    (
        "programs.tsv",
        "bun cargo cmake curl deno direnv fd ffmpeg gcc gh git go java jq make node npm pg_dump php psql python3 \
      rg rsync ruby rustc sqlite3 ssh tmux uv vim wget",
    ),
    ("sonames.tsv", "libcurl.so libglib-2.0.so libpq.so libsqlite3.so libssl.so libxml2.so libz.so"),
    ("headers.tsv", "curl openssl sqlite3.h zlib.h"),
    ("pkgconfig.tsv", "glib-2.0 libcurl libpq libxml-2.0 openssl sqlite3 zlib"),
    ("cmake.tsv", "fmt GTest nlohmann_json"),
    ("pymodules.tsv", "PIL bs4 cv2 sklearn yaml"),
];

/// How many rows a table may lose, in percent.
const MAY_LOSE: usize = 5;

/// How many rows are named.
const NAMED: usize = 8;

/// What is different in one table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Name of its file.
    pub table: &'static str,
    /// How many rows it has now.
    pub rows: usize,
    /// Keys that were not there.
    pub added: Vec<String>,
    /// Keys that are not there any more.
    pub removed: Vec<String>,
    /// Keys whose first attr is another one: key, old, new.
    pub changed: Vec<(String, String, String)>,
}

/// What is missing so that a database cannot be whole, a clause each.
pub type Missing = Vec<String>;

impl Change {
    /// Compares a table with the one that was there.
    pub fn between(table: &'static str, old: &str, new: &str) -> Self {
        let (old, new) = (rows(old), rows(new));
        let mut change = Self { table, rows: new.len(), ..Self::default() };
        for (key, attr) in &new {
            match old.get(key) {
                None => change.added.push((*key).to_owned()),
                Some(before) if before != attr => {
                    change.changed.push(((*key).to_owned(), (*before).to_owned(), (*attr).to_owned()));
                }
                Some(_) => {}
            }
        }
        change.removed = old.keys().filter(|key| !new.contains_key(*key)).map(|key| (*key).to_owned()).collect();
        change
    }

    /// Returns what is different, for people: a line with the numbers, and the first few rows of each kind. The text is from
    /// the database; what is shown must be escaped.
    pub fn text(&self) -> String {
        let Self { table, rows, added, removed, changed } = self;
        let mut text = format!(
            "{table}: {rows} rows, {} added, {} removed, {} changed\n",
            added.len(),
            removed.len(),
            changed.len()
        );
        for (sign, keys) in [("+", added), ("-", removed)] {
            if !keys.is_empty() {
                let more = if keys.len() > NAMED { " …" } else { "" };
                let named: Vec<&str> = keys.iter().take(NAMED).map(String::as_str).collect();
                _ = writeln!(text, "  {sign} {}{more}", named.join(" "));
            }
        }
        for (key, old, new) in changed.iter().take(NAMED) {
            _ = writeln!(text, "  ~ {key}: {old} → {new}");
        }
        if changed.len() > NAMED {
            text.push_str("  ~ …\n");
        }
        text
    }
}

/// Returns the programs that a database lacks and every whole one has. Tables do not tell: they have what an evaluation says of
/// the packages that a database lacks.
pub fn lost(facts: &Facts) -> Missing {
    let has =
        |name: &&str| facts.packages.iter().any(|package| package.programs.iter().any(|(program, _)| program == name));
    let programs = CANARIES.iter().filter(|(table, _)| *table == "programs.tsv");
    let lost: Vec<&str> =
        programs.flat_map(|(_, names)| names.split_ascii_whitespace()).filter(|name| !has(name)).collect();
    if lost.is_empty() { Missing::new() } else { vec![format!("the database lacks the programs {}", lost.join(" "))] }
}

/// Returns what is missing from new tables: canaries, and tables that lost many rows.
pub fn missing(tables: &Tables, changes: &[Change]) -> Missing {
    let mut missing = Missing::new();
    for change in changes {
        let before = change.rows + change.removed.len() - change.added.len();
        if change.removed.len().saturating_sub(change.added.len()) * 100 > before * MAY_LOSE {
            let named: Vec<&str> = change.removed.iter().take(NAMED).map(String::as_str).collect();
            missing.push(format!(
                "{} would have {} rows instead of {before}, without {} …",
                change.table,
                change.rows,
                named.join(" ")
            ));
        }
    }
    for (table, keys) in CANARIES {
        let Some(text) = tables.get(table) else { continue };
        let rows = rows(text);
        let lost: Vec<&str> = keys.split_ascii_whitespace().filter(|key| !rows.contains_key(key)).collect();
        if !lost.is_empty() {
            missing.push(format!("{table} would lack {}", lost.join(" ")));
        }
    }
    missing
}

/// Returns the rows of a table: key → first attr, or all fields of a table that has no points.
fn rows(text: &str) -> BTreeMap<&str, &str> {
    let first = |values| {
        let first = str::split(values, ',').next().unwrap_or_default();
        first.rsplit_once(':').map_or(first, |(attr, _)| attr)
    };
    text.lines().map(|line| line.split_once('\t').map_or((line, ""), |(key, values)| (key, first(values)))).collect()
}
