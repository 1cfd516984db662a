//! Packages of Python: by the name of a module that is imported, or of the distribution that has it.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::{Index, PYTHON};
use crate::nix::AttrPath;

/// Python packages of many distributions: that one of them has `backports` says nothing of `backports.zoneinfo`.
const NAMESPACES: [&str; 15] = [
    "backports",
    "collective",
    "databricks",
    "flaskext",
    "flufl",
    "google",
    "google.cloud",
    "jaraco",
    "lazr",
    "luma",
    "plone",
    "repoze",
    "sphinxcontrib",
    "zc",
    "zope",
];

/// Points under which a package of Python is less likely meant than one that is called like the module.
const UNSURE: i32 = -20;

impl Index {
    /// Returns the package of a Python distribution, else of a module of this name.
    pub fn python(&self, name: &str) -> Option<AttrPath> {
        self.distribution(name).or_else(|| self.module(name))
    }

    /// Returns the package of a Python module (`yaml`, `json.tool`, `google.cloud.storage`), else of a distribution of the
    /// name of its first part.
    pub fn python_module(&self, name: &str) -> Option<AttrPath> {
        let ends = name.match_indices('.').map(|(at, _)| at).chain([name.len()]).take(4).collect::<Vec<_>>();
        let whole = || name.contains('.').then(|| self.distribution(name)).flatten();
        let module = self.module(name).or_else(whole);
        let whole = |start: &&str| *start == name || !NAMESPACES.contains(start);
        let mut starts = ends.iter().rev().map(|end| &name[..*end]).filter(whole);
        let module = module.or_else(|| starts.find_map(|start| self.module(start)));
        let first = Some(name.split('.').next().unwrap_or(name)).filter(whole);
        module.or_else(|| self.distribution(first?)).or_else(|| self.joined(first?))
    }

    /// Returns the package of a Python distribution whose name has the same letters: `selenium-wire` for `seleniumwire`.
    fn joined(&self, name: &str) -> Option<AttrPath> {
        static NAMES: OnceLock<HashMap<String, Option<&str>>> = OnceLock::new();
        let join = |name: &str| normalized(name).replace('-', "");
        let names = NAMES.get_or_init(|| {
            let mut names = HashMap::new();
            for attr in self.python.keys() {
                names.entry(join(attr)).and_modify(|other| *other = None).or_insert(Some(attr));
            }
            names
        });
        let attr = names.get(&join(name)).copied().flatten().filter(|_| name.len() > 4)?;
        self.known(&format!("{PYTHON}.{attr}"))
    }

    pub(super) fn module(&self, name: &str) -> Option<AttrPath> {
        if let Some(attr) = self.by_hand("py", name) {
            return Some(attr);
        }
        match self.modules(name).next()? {
            // Packages that are made of others bring none of their files.
            (attr, points) if points < UNSURE => self.distribution(name).or(Some(attr)),
            (attr, _) => Some(attr),
        }
    }

    /// Returns the packages of a Python module, where that is not of the module's name.
    pub(super) fn modules<'a>(&'a self, name: &str) -> impl Iterator<Item = (AttrPath, i32)> + use<'a> {
        let row = self.pymodules.get(name).unwrap_or_default();
        row.split(',').filter_map(|item| {
            let (attr, points) = item.rsplit_once(':')?;
            Some((self.known(&format!("{PYTHON}.{attr}"))?, points.parse().ok()?))
        })
    }

    pub(super) fn distribution(&self, name: &str) -> Option<AttrPath> {
        let name = normalized(name);
        let listed =
            |name: &str| self.python.get(name).or_else(|| self.more.get(&format!("{PYTHON}.{name}"))).is_some();
        let attr = if listed(&name) { &name } else { self.pynames.get(&name)? };
        self.known(&format!("{PYTHON}.{attr}"))
    }
}

/// Returns the name of a Python distribution in the one form that is compared (PEP 503).
pub fn normalized(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for part in name.split(['-', '_', '.']).filter(|part| !part.is_empty()) {
        if !out.is_empty() {
            out.push('-');
        }
        out.push_str(&part.to_ascii_lowercase());
    }
    out
}
