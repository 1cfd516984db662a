//! What people write for an attr of the database. nix-env lists each value once, under the first of its attrs, and nix-index
//! keeps one of those: `nodejs` is `elmPackages.nodejs` there, `openssl` is `azure-sdk-for-cpp.openssl`.

use std::collections::{BTreeMap, BTreeSet};

use super::super::{Attr, PYTHON, normalized};
use super::package::Package;
use super::rank::Having;
use crate::nix::AttrPath;

/// Sets that no table lists: tests, the bootstrap, modules of one kernel, versions of Python that are not the default one.
const LEFT_OUT: [&str; 5] = ["tests", "minimal-bootstrap", "linuxKernel", "python314Packages", "typstPackages"];

/// The attrs of nixpkgs, as an evaluation lists them.
pub(super) type Attrs = BTreeMap<String, Fields>;

/// What an evaluation says of an attr.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Fields {
    /// Name of the package.
    pub(super) pname: String,
    /// Its version.
    pub(super) version: String,
    /// The program that `nix run` starts.
    pub(super) main_program: String,
}

impl From<Attr> for Fields {
    fn from(attr: Attr) -> Self {
        let text = |field: Option<&str>| field.unwrap_or_default().to_owned();
        Self { pname: text(attr.pname), version: text(attr.version), main_program: text(attr.main_program) }
    }
}

/// Finds what people write.
pub(super) struct Names<'a> {
    /// The attrs of nixpkgs.
    pub(super) attrs: &'a Attrs,
    /// Odd attr → the one that people write, by hand.
    canon: &'a dyn Fn(&str) -> Option<String>,
    /// Attrs that the database has.
    seen: BTreeSet<&'a str>,
}

impl<'a> Names<'a> {
    pub(super) fn new(attrs: &'a Attrs, canon: &'a dyn Fn(&str) -> Option<String>, packages: &'a [Package]) -> Self {
        Self { attrs, canon, seen: packages.iter().map(|package| package.attr.as_str()).collect() }
    }

    /// Returns the attr that people write for a package, without its output; none for one that no table lists.
    pub(super) fn of(&self, package: &Package) -> Option<String> {
        let attr = (self.canon)(&package.attr).or_else(|| self.hidden(package)).unwrap_or_else(|| package.attr.clone());
        let set = attr.split_once('.').map_or("", |(set, _)| set);
        let full = with_output(&attr, package);
        (AttrPath::parse(&full).is_ok() && !LEFT_OUT.contains(&set)).then_some(attr)
    }

    /// Returns the attr of the package's own name, when nixpkgs has it with a package of this name and the database lacks
    /// it: then this value is listed under another attr only.
    fn hidden(&self, package: &Package) -> Option<String> {
        let last = package.attr.rsplit('.').next().unwrap_or_default();
        if let Some(listed) = self.attrs.get(&package.attr) {
            let base = Some(without_version(last)).filter(|base| !self.seen.contains(*base))?;
            return (self.attrs.get(base) == Some(listed)).then(|| base.to_owned());
        }
        let is_hidden = |name: &&str| {
            self.attrs.get(*name).is_some_and(|fields| fields.pname == package.name) && !self.seen.contains(*name)
        };
        [last, package.name.as_str()].into_iter().find(is_hidden).map(str::to_owned)
    }

    /// Returns the packages of an evaluation that a database lacks, because they are not free or could not be built: attrs
    /// whose name and version no package of the database has.
    pub(super) fn absent(&self, found: &[(String, &Package)]) -> Vec<(String, Package)> {
        let there: BTreeSet<&str> = found.iter().map(|(attr, _)| attr.as_str()).collect();
        let fields = |attr: &str| self.attrs.get(attr).map(|it| (it.pname.as_str(), it.version.as_str()));
        let same: BTreeSet<(&str, &str)> = there.iter().filter_map(|attr| fields(attr)).collect();
        let lacks = |(attr, it): &(&String, &Fields)| {
            !there.contains(attr.as_str()) && !same.contains(&(it.pname.as_str(), it.version.as_str()))
        };
        let package = |(attr, it): (&String, &Fields)| {
            (attr.clone(), Package { attr: attr.clone(), name: it.pname.clone(), ..Package::default() })
        };
        self.attrs.iter().filter(lacks).map(package).collect()
    }

    /// Returns the name of a package in Python's set, which the database may list outside of it.
    pub(super) fn python<'b>(&'b self, attr: &'b str, package: &'b Package) -> Option<&'b str> {
        let inside = package.name.strip_prefix("python3.").and_then(|rest| rest.split_once('-')).map(|(_, name)| name);
        let listed = |name: &str| {
            self.attrs.get_key_value(&format!("{PYTHON}.{}", normalized(name))).and_then(|(attr, _)| python(attr))
        };
        // Some were renamed since: `xlib` is `python-xlib`.
        let renamed = |name: &str| listed(&format!("python-{name}")).filter(|_| !self.attrs.contains_key(attr));
        if let Some(name) = python(attr) {
            return Some(renamed(name).unwrap_or(name));
        }
        listed(inside.unwrap_or(attr)).filter(|_| !attr.contains('.'))
    }

    /// Returns what a package is ranked by.
    pub(super) fn having<'b>(
        &'b self,
        attr: &'b str,
        package: &'b Package,
        count: usize,
        links: u32,
        away: bool,
    ) -> Having<'b> {
        let fields = self.attrs.get(attr);
        let gone = fields.is_none() && (!attr.contains('.') || python(attr).is_some());
        let is_own = |(program, _): &(String, bool)| *program == package.name;
        let alone = away && package.programs.len() == 1 && !package.programs.iter().any(is_own);
        let (versioned, variant) = (self.is_versioned(attr), self.is_variant(attr));
        Having { attr, name: &package.name, fields, count, links, away, alone, versioned, variant, gone }
    }

    /// Returns whether an attr is that of another package in other clothes: in a set, where the same name is outside of it, or
    /// that name with something after it.
    fn is_variant(&self, attr: &str) -> bool {
        let has = |name: &str| self.attrs.contains_key(name) || self.seen.contains(name);
        match attr.rsplit_once('.') {
            Some((_, last)) => has(last),
            None => attr.match_indices(['-', '_']).any(|(at, _)| at > 1 && has(&attr[..at])),
        }
    }

    /// Returns whether an attr names a version, and one without it exists: `postgresql_15`, `jdk17`, `ffmpeg_4-full`.
    fn is_versioned(&self, attr: &str) -> bool {
        let has = |short: &str| {
            short.len() > 1 && (self.attrs.contains_key(short) || self.seen.contains(short) || attr.contains('.'))
        };
        let short = without_version(attr);
        let inside =
            |(at, _): (usize, &str)| attr[at + 1..].starts_with(|c: char| c.is_ascii_digit()) && has(&attr[..at]);
        (short.len() < attr.len() && has(short)) || attr.match_indices('_').any(inside)
    }
}

/// Returns the attr of a package's output, when a shell does not get that by itself: `bind.dnsutils`.
pub(super) fn with_output(attr: &str, package: &Package) -> String {
    package.output.as_ref().map_or_else(|| attr.to_owned(), |output| format!("{attr}.{output}"))
}

/// Returns an attr without the version at its end: `postgresql` of `postgresql_15`.
fn without_version(attr: &str) -> &str {
    attr.trim_end_matches(|c: char| c.is_ascii_digit() || c == '_').trim_end_matches('-')
}

/// Returns the last name of a module of Python's set.
pub(super) fn python(attr: &str) -> Option<&str> {
    attr.strip_prefix(PYTHON)?.strip_prefix('.').filter(|rest| !rest.contains('.'))
}
