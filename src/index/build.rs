//! Makes the tables anew from a database of nix-index: what its packages bring, under the attrs that people write, ranked.

use std::collections::{BTreeMap, HashMap};
use std::io::BufRead;

use anyhow::{Context, ensure};

mod change;
mod database;
mod files;
mod names;
mod package;
mod programs;
mod rank;
mod sources;
mod stores;
#[cfg(test)]
mod tests;

pub use change::{Change, Missing, lost, missing};
use database::{Database, Entry, StorePath};
use names::{Attrs, Fields, Names};
use package::{Package, Reader};
pub use sources::sources;

use super::{Index, PYTHON};

/// The most bytes of names that are kept; the known databases need 60 MB.
const MOST: usize = 1 << 30;

/// What a database says.
#[derive(Debug, Default)]
pub struct Facts {
    packages: Vec<Package>,
    /// From how many store paths something links to one, by its hash.
    links: HashMap<String, u32>,
    /// How many store paths it has.
    pub store_paths: u64,
    /// How many files, links and folders.
    pub entries: u64,
}

impl Facts {
    /// Reads a database. `at` is told the number of store paths now and then. Errors when it is none, is damaged or ends too
    /// early; needs about 200 MB of memory, and never more than 2 GB.
    pub fn read(file: impl BufRead, at: &mut dyn FnMut(u64)) -> anyhow::Result<Self> {
        let mut database = Database::open(file)?;
        let (mut facts, mut reader, mut kept) = (Self::default(), Reader::default(), 0);
        let mut open = 0_u64;
        while let Some((entry, path)) = database.next()? {
            if entry != Entry::Package {
                reader.entry(entry, path);
                open += 1;
                ensure!(kept + reader.kept() <= MOST, "it is damaged: it names far more than nixpkgs has");
                continue;
            }
            let store = StorePath::parse(path)?;
            let done = std::mem::take(&mut reader);
            kept += done.kept() + 64;
            let (package, links) = done.end(store);
            facts.packages.extend(package);
            for hash in links {
                kept += 32;
                *facts.links.entry(hash).or_default() += 1;
            }
            facts.entries += std::mem::take(&mut open);
            facts.store_paths += 1;
            if facts.store_paths.is_multiple_of(1000) {
                at(facts.store_paths);
            }
        }
        ensure!(open == 0, "it ends within a package");
        ensure!(!facts.packages.is_empty(), "it has no package of x86_64-linux");
        Ok(facts)
    }
}

/// Parses attrs: rows `attr TAB pname TAB version TAB mainProgram`, those of Python's modules with their set. A first row
/// that begins with `attr` is left out.
fn attrs(text: &str) -> anyhow::Result<Attrs> {
    let mut attrs = Attrs::new();
    for (at, line) in text.lines().enumerate().filter(|(at, line)| *at > 0 || !line.starts_with("attr\t")) {
        let fields: Vec<&str> = line.split('\t').collect();
        let [attr, pname, version, main_program] = fields[..] else {
            anyhow::bail!("line {} has not four fields", at + 1);
        };
        crate::nix::AttrPath::parse(attr).with_context(|| format!("line {}", at + 1))?;
        let [pname, version, main_program] = [pname, version, main_program].map(str::to_owned);
        attrs.insert(attr.to_owned(), Fields { pname, version, main_program });
    }
    ensure!(attrs.len() > 100, "it has only {} attrs", attrs.len());
    Ok(attrs)
}

/// Tables by the names of their files.
pub type Tables = BTreeMap<&'static str, String>;

/// Makes the tables. `evaluated` are attrs with their versions, when there are new ones; else those that are compiled in
/// stay.
pub fn tables(facts: &Facts, index: &Index, evaluated: Option<&str>) -> anyhow::Result<Tables> {
    let attrs = match evaluated {
        Some(text) => attrs(text)?,
        None => index.rows().collect(),
    };
    let canon = |attr: &str| index.canonical(attr);
    let names = Names::new(&attrs, &canon, &facts.packages);
    let found: Vec<(String, &Package)> =
        facts.packages.iter().filter_map(|package| Some((names.of(package)?, package))).collect();
    let mut tables = Tables::new();
    tables.insert("programs.tsv", programs::table(&found, &names, &facts.links));
    tables.extend(files::tables(&found, &names));
    let stores = stores::Stores::new(&found, &names, index);
    tables.insert("attrs-more.tsv", stores.more(&tables));
    tables.insert("pnames.tsv", stores.table());
    if evaluated.is_some() {
        tables.insert("attrs.tsv", evaluated_table(&attrs, |attr| (!attr.contains('.')).then_some(attr)));
        tables.insert("attrs-python3Packages.tsv", evaluated_table(&attrs, names::python));
    }
    Ok(tables)
}

/// Writes the attrs of one set.
fn evaluated_table<'a>(attrs: &'a Attrs, key: impl Fn(&'a str) -> Option<&'a str>) -> String {
    let row = |(key, fields): (&str, &Fields)| {
        let Fields { pname, version, main_program } = fields;
        format!("{key}\t{pname}\t{version}\t{main_program}\n")
    };
    let keyed: BTreeMap<&str, &Fields> = attrs.iter().filter_map(|(attr, fields)| Some((key(attr)?, fields))).collect();
    keyed.into_iter().map(row).collect()
}

impl Index {
    /// Returns all attrs with what an evaluation said of them.
    fn rows(&self) -> impl Iterator<Item = (String, Fields)> {
        let fields = |row: &str| {
            let mut fields = row.split('\t').map(str::to_owned);
            let mut field = || fields.next().unwrap_or_default();
            Fields { pname: field(), version: field(), main_program: field() }
        };
        let row = |row: &'static str| row.split_once('\t');
        let top = self.attrs.0.lines().filter_map(row).map(move |(attr, rest)| (attr.to_owned(), fields(rest)));
        let python = self.python.0.lines().filter_map(row);
        top.chain(python.map(move |(attr, rest)| (format!("{PYTHON}.{attr}"), fields(rest))))
    }
}
