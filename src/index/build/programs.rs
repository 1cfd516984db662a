//! Programs → packages, best first.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::super::UNSAID;
use super::names::{Names, with_output};
use super::package::{self, Package};

/// How many packages of a program are kept.
pub(super) const KEPT: usize = 3;

/// Beginnings of attrs that are no programs.
const NO_PROGRAMS: [&str; 8] = ["lib", "font", "uboot", "xf86-", "ttf-", "OVMF", "cups-", "fcitx5-"];

/// Returns whether a package of this attr may have a program of its name: it is in no set, of no version, no library.
fn may_be_program(attr: &str) -> bool {
    let is_library = NO_PROGRAMS.iter().any(|start| attr.starts_with(start)) && !attr.starts_with("libre");
    !attr.contains(['.', '_']) && !is_library
}

/// Packages for each name, with their points.
#[derive(Default)]
pub(super) struct Ranking {
    found: BTreeMap<String, BTreeMap<String, f64>>,
}

impl Ranking {
    /// Adds a package for a name; the better one stays where it is there already.
    pub(super) fn add(&mut self, name: &str, attr: &str, points: f64) {
        let attrs = match self.found.get_mut(name) {
            Some(attrs) => attrs,
            None => self.found.entry(name.to_owned()).or_default(),
        };
        let best = attrs.entry(attr.to_owned()).or_insert(points);
        *best = best.max(points);
    }

    /// Returns whether a name has a package.
    pub(super) fn has(&self, name: &str) -> bool {
        self.found.contains_key(name)
    }

    /// Returns the names with the best of their packages, best first.
    pub(super) fn best(&self) -> impl Iterator<Item = (&str, Vec<(&str, f64)>)> {
        self.found.iter().map(|(name, attrs)| {
            let mut all: Vec<(&str, f64)> = attrs.iter().map(|(attr, points)| (attr.as_str(), *points)).collect();
            // Of versions with equal points the highest: `bolt_22` before `bolt_19`.
            let version =
                |attr: &str| attr.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse().ok()).collect();
            all.sort_by(|a, b| {
                let versions: [Vec<u64>; 2] = [version(a.0), version(b.0)];
                b.1.total_cmp(&a.1).then_with(|| versions[1].cmp(&versions[0])).then_with(|| a.0.cmp(b.0))
            });
            all.truncate(KEPT);
            (name.as_str(), all)
        })
    }
}

/// Writes a row: `name TAB attr:points,…`.
pub(super) fn row(name: &str, attrs: &[(&str, f64)]) -> String {
    let attrs: Vec<String> = attrs.iter().map(|(attr, points)| format!("{attr}:{points:.0}")).collect();
    format!("{name}\t{}\n", attrs.join(","))
}

/// Returns the table of programs.
pub(super) fn table(found: &[(String, &Package)], names: &Names, links: &HashMap<String, u32>) -> String {
    let mut ranking = Ranking::default();
    let mut linked: BTreeMap<&str, u32> = BTreeMap::new();
    let mut plain: BTreeSet<(&str, &str)> = BTreeSet::new();
    for (attr, package) in found {
        *linked.entry(attr).or_default() += links.get(&package.hash).copied().unwrap_or_default();
        if package.output.is_none() {
            plain.extend(package.programs.iter().map(|(program, _)| (attr.as_str(), program.as_str())));
        }
    }
    for (attr, package) in found {
        let count = package.programs.len();
        let links = linked.get(attr.as_str()).copied().unwrap_or_default();
        let full = with_output(attr, package);
        for (program, away) in &package.programs {
            if package.output.is_some() && plain.contains(&(attr.as_str(), program.as_str())) {
                continue;
            }
            let having = names.having(attr, package, count, links, *away);
            ranking.add(program, &full, having.program(program));
        }
    }
    for (attr, package) in names.absent(found) {
        let program = names.attrs.get(&attr).map_or("", |fields| fields.main_program.as_str());
        if package::is_program(program) {
            // What was built is surer, most of all when this one is called otherwise.
            let unsure = if attr == program { 3.0 } else { 15.0 };
            ranking.add(program, &attr, names.having(&attr, &package, 1, 0, false).program(program) - unsure);
        } else if may_be_program(&attr) && package::is_program(&attr) && !ranking.has(&attr) {
            // Nothing says its programs: most have one of their own name.
            ranking.add(&attr, &attr, f64::from(UNSAID));
        }
    }
    ranking.best().map(|(name, attrs)| row(name, &attrs)).collect()
}
