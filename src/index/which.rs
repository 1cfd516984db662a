//! What the index knows of a name, with points and reasons.

use serde::Serialize;

use super::libraries::{headers, sonames};
use super::table::Table;
use super::{Index, NOTHING, PYTHON, Source, is_unsaid, unversioned};
use crate::nix::AttrPath;

/// Points of what was chosen by hand.
const BY_HAND: i32 = 100;

/// Points of what a rule says.
const BY_RULE: i32 = 90;

/// Points of what follows from a name.
const BY_NAME: i32 = 40;

/// A package for a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Scored {
    /// Its attr.
    pub attr: AttrPath,
    /// Its points: about 0 when it only has the file, 30 when it is called like it, 100 when a person chose it.
    pub score: i32,
    /// Why, a clause.
    pub reason: String,
}

impl Index {
    /// Returns the packages for a name, best first: of a program, an absolute path, `deb:package`, `pc:module`,
    /// `cmake:package`, `py:module`, a library (`libz.so.1`) or a header (`openssl/ssl.h`).
    pub fn which(&self, name: &str) -> Vec<Scored> {
        let single = |attr: Option<AttrPath>, reason: &str| {
            attr.map(|attr| Scored { attr, score: BY_NAME, reason: reason.to_owned() }).into_iter().collect()
        };
        let mut found = match name.split_once(':') {
            Some(("deb", package)) => single(self.debian(package), "that package of Debian is this one"),
            Some(("pc", module)) => {
                let like = self.sure_module(module).is_none().then(|| self.like_module(module)).flatten();
                let mut found: Vec<Scored> =
                    single(like, "no package of its own has this module; the library of its name is");
                found.extend(self.files("pc", self.pkgconfig, &[module], "module of pkg-config"));
                found
            }
            Some(("cmake", package)) => self.files("cmake", self.cmake, &[package], "package of CMake"),
            Some(("py", module)) => self.py(module),
            _ if name.contains(".so") && !sonames(name).is_empty() => {
                self.files("lib", self.sonames, &sonames(name), "library")
            }
            _ if is_header(name) => self.files("header", self.headers, &headers(name), "header"),
            _ => self.programs(name.rsplit('/').next().unwrap_or(name)),
        };
        let mut seen = std::collections::BTreeSet::new();
        found.retain(|scored| seen.insert(scored.attr.clone()));
        found
    }

    /// Returns the packages for a program: the one that is taken first, then the others of the table.
    fn programs(&self, name: &str) -> Vec<Scored> {
        let ranked: Vec<(AttrPath, i32)> = self.ranked_programs(name).collect();
        let others = ranked.len();
        let table = ranked.into_iter().map(|(attr, score)| {
            let reason = if is_unsaid(&attr, name, score) {
                "the attr is called like it; nothing says what programs it has".to_owned()
            } else {
                self.reason(&attr, name, others)
            };
            Scored { attr, score, reason }
        });
        let Some(taken) = self.program(name) else {
            let cross = self.cross_tool(name).into_iter().map(|attr| {
                let reason = "it builds for another system; there its programs have another prefix".to_owned();
                Scored { attr, score: BY_NAME, reason }
            });
            // Others of its name are not what people mean.
            return if self.overrides.get(name) == Some(NOTHING) { Vec::new() } else { table.chain(cross).collect() };
        };
        let (score, reason) = match taken.source {
            Source::Table => return table.collect(),
            Source::Rule => (BY_RULE, "a rule for versioned names".to_owned()),
            Source::Override => (BY_HAND, "chosen by hand".to_owned()),
            Source::Name => (BY_NAME, "the attr is called like it; its program is written otherwise".to_owned()),
            Source::Whole => (0, "its name begins with the attr; nothing says what programs that has".to_owned()),
            Source::Debian => (BY_NAME, "the package of this name in Debian is this one".to_owned()),
            Source::Unversioned => {
                (BY_NAME, format!("no package of this version; it has `{}`", unversioned(name).unwrap_or(name)))
            }
        };
        std::iter::once(Scored { attr: taken.attr, score, reason }).chain(table).collect()
    }

    /// Returns why a package of the table has its place.
    fn reason(&self, attr: &AttrPath, name: &str, others: usize) -> String {
        let fields = self.attr(attr).unwrap_or_default();
        let what = if attr.names().last() == Some(name) {
            "the attr is called like it"
        } else if fields.main_program == Some(name) {
            "its main program"
        } else if fields.pname == Some(name) {
            "the package is called like it"
        } else {
            "one of its programs"
        };
        if others == 1 { format!("{what}; no other package has it") } else { what.to_owned() }
    }

    fn files(&self, kind: &str, table: Table, keys: &[&str], what: &str) -> Vec<Scored> {
        let by_hand = keys.iter().find_map(|key| self.by_hand(kind, key));
        let by_hand = by_hand.map(|attr| Scored { attr, score: BY_HAND, reason: "chosen by hand".to_owned() });
        let key = keys.iter().find(|key| table.get(key).is_some());
        let ranked = key.into_iter().flat_map(|key| self.ranked(table, key).map(move |found| (key, found)));
        let scored = ranked.map(|(key, (attr, score))| Scored {
            attr: self.full(attr),
            score,
            reason: format!("it has the {what} `{key}`"),
        });
        by_hand.into_iter().chain(scored).collect()
    }

    fn py(&self, module: &str) -> Vec<Scored> {
        let taken = self.python_module(module);
        let by_hand = self.by_hand("py", module);
        let score = |attr: &AttrPath| if by_hand.as_ref() == Some(attr) { BY_HAND } else { BY_NAME };
        let named = |attr: &AttrPath| match () {
            () if by_hand.as_ref() == Some(attr) => "chosen by hand",
            () if attr
                .within(PYTHON)
                .is_some_and(|last| super::normalized(module).starts_with(&super::normalized(last))) =>
            {
                "the distribution is called like it"
            }
            () => "it has the module",
        };
        let table: Vec<Scored> = self
            .modules(module)
            .map(|(attr, score)| Scored { attr, score, reason: "it has the module".to_owned() })
            .collect();
        let first = taken.filter(|taken| table.first().is_none_or(|scored| scored.attr != *taken));
        let first = first.map(|attr| Scored { score: score(&attr), reason: named(&attr).to_owned(), attr });
        first.into_iter().chain(table).collect()
    }
}

/// Returns whether a name is that of a header: it ends like one, or is a path that is no absolute one of a program.
fn is_header(name: &str) -> bool {
    [".h", ".hh", ".hpp", ".hxx", ".h++"].iter().any(|end| name.ends_with(end))
        || name.contains("/include/")
        || (name.contains('/') && !name.starts_with(['/', '.', '~']))
}
