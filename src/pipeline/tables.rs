//! `index`: the tables that are compiled in, asked and made anew from a database.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufReader, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, ensure};
use serde::Serialize;

use super::{Answer, World};
use crate::console::{Hint, escape, escape_lines};
use crate::index::build::{self, Change, Facts, Missing, Tables};
use crate::index::{Index, Scored};

/// Where the tables are in a checkout of this program.
const PLACE: &str = "src/index";

/// What the index has for a name.
#[derive(Debug, Serialize)]
pub struct Found {
    /// The name.
    pub name: String,
    /// The packages, best first.
    pub candidates: Vec<Scored>,
}

/// `index which`: the packages for each name.
pub fn index_which(names: Vec<String>) -> Vec<Found> {
    let index = Index::new();
    names.into_iter().map(|name| Found { candidates: index.which(&name), name }).collect()
}

impl Found {
    /// Returns whether each name has a package.
    pub fn answer(all: &[Self]) -> Answer {
        if all.iter().all(|found| !found.candidates.is_empty()) { Answer::Yes } else { Answer::No }
    }

    /// Returns all as JSON, LF at the end.
    pub fn json(all: &[Self]) -> anyhow::Result<String> {
        Ok(serde_json::to_string_pretty(all)? + "\n")
    }

    /// Returns all for a terminal.
    pub fn terminal(all: &[Self]) -> String {
        let wide = all.iter().flat_map(|found| &found.candidates).map(|it| it.attr.as_str().len()).max().unwrap_or(0);
        let (index, mut text) = (Index::new(), String::new());
        for found in all {
            text.push_str(&escape(&found.name));
            text.push('\n');
            if found.candidates.is_empty() {
                text.push_str("  no package");
                if let Some(other) = index.candidates(&found.name).next() {
                    _ = write!(text, " of what people mean by it; `{other}` has a program of this name");
                }
                text.push('\n');
            }
            for Scored { attr, score, reason } in &found.candidates {
                let attr = attr.as_str();
                _ = writeln!(text, "  {attr:wide$}  {score:4}  {}", escape(reason));
            }
        }
        text
    }
}

/// How tables are made.
#[derive(Clone, Debug, Default)]
pub struct Build {
    /// The database; none when only other tables are made.
    pub database: Option<PathBuf>,
    /// Attrs with their versions; else those that are compiled in stay.
    pub attrs: Option<PathBuf>,
    /// Packages of a Debian archive; else the table of their sources stays.
    pub debian: Option<PathBuf>,
    /// The folder to write to.
    pub output: Option<PathBuf>,
    /// Write them though something is missing.
    pub force: bool,
    /// Write nothing.
    pub dry_run: bool,
}

/// `index build`: database → tables. The answer is no when the database is not whole.
pub fn index_build(world: &World, build: &Build) -> anyhow::Result<Answer> {
    let folder = folder(world, build)?;
    let (tables, mut missing) = tables(world, build)?;
    let old = |table: &str| fs::read_to_string(folder.join(table)).unwrap_or_default();
    let changes: Vec<Change> = tables.iter().map(|(table, text)| Change::between(table, &old(table), text)).collect();
    changes.iter().for_each(|change| world.console.say(escape_lines(change.text().trim_end())));
    missing.extend(build::missing(&tables, &changes));
    for what in &missing {
        world.console.warn(escape(what));
    }
    if !missing.is_empty() && !build.force {
        world.console.say("this database is not whole: nothing is written; `--force` writes the tables all the same");
        return Ok(Answer::No);
    }
    if build.dry_run {
        return Ok(Answer::Yes);
    }
    write(&folder, &tables)?;
    world.console.say(format_args!("wrote {} tables to {}", tables.len(), escape(&folder.display().to_string())));
    Ok(Answer::Yes)
}

/// Makes the tables that are asked for. Returns what a database lacks, too.
fn tables(world: &World, build: &Build) -> anyhow::Result<(Tables, Missing)> {
    let (index, mut tables, mut missing) = (Index::new(), Tables::new(), Missing::new());
    if let Some(database) = &build.database {
        let facts = read(world, database)?;
        world.console.say(format_args!("{} store paths, {} files", facts.store_paths, facts.entries));
        let attrs = build.attrs.as_ref().map(|path| {
            fs::read_to_string(path).with_context(|| format!("failed to read attrs from `{}`", path.display()))
        });
        tables = build::tables(&facts, &index, attrs.transpose()?.as_deref())
            .with_context(|| format!("failed to read attrs from `{}`", shown(build.attrs.as_deref())))?;
        missing = build::lost(&facts);
    }
    if let Some(packages) = &build.debian {
        let doing = || format!("failed to read packages of Debian from `{}`", packages.display());
        let text = fs::read_to_string(packages).with_context(doing)?;
        tables.insert("debian-sources.tsv", build::sources(&text, &index).with_context(doing)?);
    }
    Ok((tables, missing))
}

fn shown(path: Option<&Path>) -> String {
    path.map(|path| path.display().to_string()).unwrap_or_default()
}

/// Returns the folder of the tables: the one that was named, else that of the checkout in which we are.
fn folder(world: &World, build: &Build) -> anyhow::Result<PathBuf> {
    if let Some(folder) = &build.output {
        ensure!(folder.is_dir(), "`{}` is no folder", folder.display());
        return Ok(folder.clone());
    }
    let mut places = world.cwd.ancestors().map(|folder| folder.join(PLACE));
    places
        .find(|place| place.join("programs.tsv").is_file())
        .ok_or_else(|| anyhow!("this is no checkout of agent-capture: there is no `{PLACE}`"))
        .hint("name the folder for the tables: `--output DIR`")
}

fn read(world: &World, path: &Path) -> anyhow::Result<Facts> {
    let doing = || format!("failed to read the database `{}`", path.display());
    let progress = world.console.progress("reading the database");
    let file = File::open(path)
        .with_context(doing)
        .hint("a Nix machine with nix-index has one in ~/.cache/nix-index/files; nix-index-database publishes them")?;
    let mut at = |count: u64| progress.line(&format!("{count} store paths"));
    Facts::read(BufReader::with_capacity(1 << 20, file), &mut at).with_context(doing)
}

/// Writes the tables: all beside their places first, then each into its place.
fn write(folder: &Path, tables: &Tables) -> anyhow::Result<()> {
    let doing = || format!("failed to write into `{}`", folder.display());
    let mut written = Vec::new();
    for (table, text) in tables {
        let mut file = tempfile::NamedTempFile::new_in(folder).with_context(doing)?;
        file.write_all(text.as_bytes()).with_context(doing)?;
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        file.as_file().set_permissions(mode).with_context(doing)?;
        written.push((file, folder.join(table)));
    }
    for (file, place) in written {
        file.persist(place).map_err(|error| error.error).with_context(doing)?;
    }
    Ok(())
}
