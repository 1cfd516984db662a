//! Names of store paths → attrs, and the attrs of all tables that no evaluation lists.

use std::collections::{BTreeMap, BTreeSet};

use super::super::{Index, PYTHON, SETS, normalized};
use super::Tables;
use super::names::Names;
use super::package::Package;
use super::programs::Ranking;
use crate::nix::AttrPath;

/// Sets of which the names of store paths are not kept: nothing of them is a program.
const NO_PROGRAMS: [&str; 12] = [
    "gnomeExtensions",
    "sbclPackages",
    "rPackages",
    "vimPlugins",
    "vscode-extensions",
    "home-assistant-component-tests",
    "home-assistant-custom-components",
    "home-assistant-custom-lovelace-modules",
    "tree-sitter-grammars",
    "terraform-providers",
    "nltk-data",
    "aspellDicts",
];

/// Sets that a database has in part or not at all: what the table has of them stays.
const ELSEWHERE: [&str; 5] = ["cudaPackages", "emacsPackages", "octavePackages", "pkgsCross", "rPackages"];

/// The names of store paths.
pub(super) struct Stores<'a> {
    names: &'a Names<'a>,
    index: &'a Index,
    ranking: Ranking,
}

impl<'a> Stores<'a> {
    pub(super) fn new(found: &[(String, &Package)], names: &'a Names<'a>, index: &'a Index) -> Self {
        let mut ranking = Ranking::default();
        for (attr, package) in found {
            let having = names.having(attr, package, 1, 0, false);
            if AttrPath::parse(&package.name).is_ok() {
                ranking.add(&package.name, attr, having.file(&package.name));
            }
        }
        Self { names, index, ranking }
    }

    /// Returns the attrs that tables name and no evaluation lists, a row each.
    pub(super) fn more(&self, tables: &Tables) -> String {
        let mut attrs: BTreeSet<&str> = BTreeSet::new();
        for (_, text) in tables.iter().filter(|(name, _)| **name != "pymodules.tsv") {
            let values = text.lines().filter_map(|line| line.split_once('\t'));
            let each = values.flat_map(|(_, attrs)| attrs.split(','));
            attrs.extend(each.filter_map(|attr| attr.rsplit_once(':')).map(|(attr, _)| attr));
        }
        attrs.extend(self.ranking.best().flat_map(|(_, attrs)| attrs).map(|(attr, _)| attr));
        // Sets that no database has whole, and no evaluation lists.
        let is_elsewhere = |attr: &&str| attr.split_once('.').is_some_and(|(set, _)| ELSEWHERE.contains(&set));
        for attr in self.index.more.keys().filter(is_elsewhere) {
            attrs.insert(attr);
        }
        // Unfree packages of a set are in no database and no evaluation: only a person names them.
        let by_hand = self.index.overrides.0.lines().filter_map(|line| line.split_once('\t'));
        attrs.extend(by_hand.map(|(_, attr)| attr).filter(|attr| attr.contains('.')));
        attrs.retain(|attr| !self.names.attrs.contains_key(*attr) && AttrPath::parse(attr).is_ok());
        attrs.into_iter().map(|attr| format!("{attr}\n")).collect()
    }

    /// Returns the table: names that are neither their attr nor follow from a rule.
    pub(super) fn table(&self) -> String {
        let listed: BTreeMap<&str, Vec<(&str, f64)>> = self.ranking.best().collect();
        let attrs: BTreeSet<&str> = listed.values().flatten().map(|(attr, _)| *attr).collect();
        let mut out = String::new();
        for (name, all) in &listed {
            let best = all[0].0;
            let set = best.split('.').next().unwrap_or(best);
            let implied = self.implied(name, &attrs);
            let follows = implied.is_some_and(|implied| all.iter().any(|(attr, _)| *attr == implied));
            if !follows && !NO_PROGRAMS.contains(&set) {
                out.extend([name, "\t", best, "\n"]);
            }
        }
        out
    }

    /// Returns the attr that [`Index::store_name`] takes for a name that is not in the table.
    fn implied(&self, name: &str, attrs: &BTreeSet<&str>) -> Option<String> {
        let of = |language: &str| {
            name.strip_prefix(language)?.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.').strip_prefix('-')
        };
        if let Some(distribution) = of("python3.") {
            let name = normalized(distribution);
            let full = format!("{PYTHON}.{name}");
            return match self.names.attrs.contains_key(&full) {
                true => Some(full),
                false => self.index.pynames.get(&name).map(|attr| format!("{PYTHON}.{attr}")),
            };
        }
        if let Some(module) = of("perl5.") {
            return Some(format!("perlPackages.{}", module.replace('-', "")));
        }
        if self.names.attrs.contains_key(name) || attrs.contains(name) {
            return Some(name.to_owned());
        }
        SETS.iter().map(|set| format!("{set}.{name}")).find(|attr| attrs.contains(attr.as_str()))
    }
}
