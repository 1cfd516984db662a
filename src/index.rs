//! What nixpkgs calls a program, a Python distribution, a package of Debian or a store path: sorted tables, compiled in.
//!
//! A table is text, one row a line, `key TAB value …`, sorted by the bytes of the key; a look-up bisects it and unpacks
//! nothing. Where they come from is in `NOTICE`; what each holds:
//!
//! | table | row |
//! |---|---|
//! | `programs` | program → up to 3 attrs with points, best first |
//! | `sonames` | library (`libz.so`; with its version where that is another package) → the same |
//! | `headers` | first name of a header's path, two names where one is not enough → the same |
//! | `pkgconfig` | module of pkg-config → the same |
//! | `cmake` | package of CMake → the same |
//! | `pymodules` | Python module → the same, below `python3Packages`, where it is not of that name |
//! | `overrides` | program, or `pc:…`, `py:…`, `cmake:…`, `header:…`, `lib:…` → attr, by hand, where the ranking is wrong or the package is not in the database; `-` where nixpkgs has not what people mean |
//! | `rules` | expression for versioned names → attr; in this order |
//! | `stdenv_programs` | program that every `mkShell` has → its package |
//! | `attrs` | attr without a dot → pname, version, mainProgram |
//! | `attrs-python3Packages` | the same below `python3Packages` |
//! | `attrs-more` | further attrs that other tables need or nix-index lists |
//! | `canon` | odd attr → the one that people write; `*` for a whole set |
//! | `renamed` | attr that nixpkgs has no more → what it is called now; `?` before what one takes instead; `*` for a whole set |
//! | `pnames` | store name without its version → attr, where that is neither the same nor follows from a rule |
//! | `pynames` | Python distribution → attr, where it is not the same |
//! | `debian` | package of Debian → attr, where it is not the same |
//! | `debian-sources` | package of Debian → source that it is built from, where only that says which it is; `-` where what others add to a package is called like a part of it |
//! | `pins` | revision of nixpkgs → whether a channel had it: see [`pins`] |

use std::sync::OnceLock;

use regex::{Regex, RegexBuilder};

use crate::nix::AttrPath;

mod attrs;
pub mod build;
mod debian;
mod libraries;
mod near;
pub mod pins;
mod python;
mod table;
mod which;

pub use python::normalized;
use table::Table;
pub use which::Scored;

/// Sets in which a package has the name of its store path.
const SETS: [&str; 4] = ["haskellPackages", "texlive.pkgs", "ocamlPackages", "kdePackages"];

/// Expressions for versioned names.
const RULES: &str = include_str!("index/rules.tsv");

/// The set of Python modules.
const PYTHON: &str = "python3Packages";

/// What stands for no attr in the table of overrides: nixpkgs has not what people mean by a program, only others of its name.
const NOTHING: &str = "-";

/// Points of a package whose programs nothing says, for the program of its own name. What is known to have a program of its
/// name has far more.
const UNSAID: i32 = 0;

/// Points under which a package only happens to have a file, or has a copy of another's.
const SURE: i32 = -30;

/// What Debian puts before tools that build for the machine itself.
const MACHINE: &str = "x86_64-linux-gnu-";

/// The longest name that is looked for; no file has a longer one.
const LONGEST: usize = 255;

/// All tables.
#[derive(Debug)]
pub struct Index {
    programs: Table,
    sonames: Table,
    headers: Table,
    pkgconfig: Table,
    cmake: Table,
    overrides: Table,
    stdenv: Table,
    attrs: Table,
    python: Table,
    more: Table,
    canon: Table,
    renamed: Table,
    pnames: Table,
    pynames: Table,
    pymodules: Table,
    debian: Table,
    sources: Table,
}

/// What is known of an attr.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attr {
    /// Name of the package, without its version.
    pub pname: Option<&'static str>,
    /// Version at the date of the index.
    pub version: Option<&'static str>,
    /// The program that `nix run` starts.
    pub main_program: Option<&'static str>,
}

/// A package that has a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its attr, with the output when that is not one which a shell gets by itself: `bind.dnsutils`.
    pub attr: AttrPath,
    /// That output.
    pub output: Option<String>,
    /// Why this one.
    pub source: Source,
}

/// Where a candidate comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A rule for versioned names.
    Rule,
    /// The table of overrides.
    Override,
    /// The table of programs.
    Table,
    /// The package of this name, whose main program is called otherwise: in other case, or another name.
    Name,
    /// The package of this name in Debian.
    Debian,
    /// The package with whose name it begins; nothing says its programs.
    Whole,
    /// The name without its version; the index has no package of that version.
    Unversioned,
}

impl Default for Index {
    fn default() -> Self {
        Self::new()
    }
}

impl Index {
    /// Returns the index that is compiled in. Never inlined: each place would bring its own copy of the tables.
    #[inline(never)]
    pub fn new() -> Self {
        Self {
            programs: Table(include_str!("index/programs.tsv")),
            sonames: Table(include_str!("index/sonames.tsv")),
            headers: Table(include_str!("index/headers.tsv")),
            pkgconfig: Table(include_str!("index/pkgconfig.tsv")),
            cmake: Table(include_str!("index/cmake.tsv")),
            overrides: Table(include_str!("index/overrides.tsv")),
            stdenv: Table(include_str!("index/stdenv_programs.tsv")),
            attrs: Table(include_str!("index/attrs.tsv")),
            python: Table(include_str!("index/attrs-python3Packages.tsv")),
            more: Table(include_str!("index/attrs-more.tsv")),
            canon: Table(include_str!("index/canon.tsv")),
            renamed: Table(include_str!("index/renamed.tsv")),
            pnames: Table(include_str!("index/pnames.tsv")),
            pynames: Table(include_str!("index/pynames.tsv")),
            pymodules: Table(include_str!("index/pymodules.tsv")),
            debian: Table(include_str!("index/debian.tsv")),
            sources: Table(include_str!("index/debian-sources.tsv")),
        }
    }

    /// Returns the date of the index: nixpkgs of July 2026, and the nix-index database of 2026-03-29 for the programs.
    pub fn date(&self) -> &'static str {
        "2026-07"
    }

    /// Returns the best package for a program of this name.
    pub fn program(&self, name: &str) -> Option<Candidate> {
        if name.len() > LONGEST {
            return None;
        }
        let ruled = rule(name);
        if let Some(attr) = ruled.as_deref().and_then(|attr| self.known(attr)) {
            return Some(self.candidate(attr, Source::Rule));
        }
        match self.overrides.get(name) {
            Some(NOTHING) => return None,
            Some(attr) => {
                if let Some(attr) = self.known(attr) {
                    return Some(self.candidate(attr, Source::Override));
                }
            }
            None => {}
        }
        let unsure = match self.ranked_programs(name).next() {
            // Of a version that nixpkgs has no more, only others have a copy.
            Some((attr, points)) if points > SURE && ruled.is_none() => {
                return Some(self.candidate(attr, Source::Table));
            }
            found => found,
        };
        // Many packages of Debian are called like their program.
        let debian = || Some((self.debian.get(name).and_then(|attr| self.known(attr))?, Source::Debian));
        let other = || Some((self.other_case(name).or_else(|| self.with_other_main(name))?, Source::Name));
        let shorter = || Some((self.plainer(name, ruled.is_some())?.attr, Source::Unversioned));
        let command = || Some((self.command_line(name)?, Source::Name));
        let unsure = || unsure.map(|(attr, _)| (attr, Source::Table));
        let whole = || Some((self.unsaid_whole(name)?, Source::Whole));
        let found = debian().or_else(other).or_else(shorter).or_else(command).or_else(unsure).or_else(whole);
        found.map(|(attr, source)| self.candidate(attr, source))
    }

    /// Returns the package of a program by its name without what only tells builds of it apart: a version, the machine,
    /// `-static`.
    fn plainer(&self, name: &str, ruled: bool) -> Option<Candidate> {
        let own = |short: &&str| short.len() > 3 && self.is_own(short);
        let short = || unversioned(name).filter(|short| ruled || name.contains('-') || own(short));
        let emulator = |short: &str| short.starts_with("qemu-");
        let fits = |short: &&str| name.starts_with(MACHINE) || emulator(short) || self.is_own(short);
        let built = || any_build(name).filter(fits);
        self.program(name.strip_suffix(".py").or_else(built).or_else(short)?)
    }

    /// Returns whether a package is called like its program of this name: `stunnel`, for which Debian has `stunnel4`.
    fn is_own(&self, name: &str) -> bool {
        self.program(name).is_some_and(|found| found.attr.as_str() == name)
    }

    /// Returns the package whose programs nothing says, when this one's name begins with it: `elasticsearch-keystore`.
    fn unsaid_whole(&self, name: &str) -> Option<AttrPath> {
        name.match_indices('-').map(|(at, _)| &name[..at]).find_map(|whole| {
            let (attr, points) = self.ranked_programs(whole).next()?;
            is_unsaid(&attr, whole, points).then_some(attr)
        })
    }

    /// Returns the package of this name, when its main program is called otherwise: `coursier` of `cs`.
    fn with_other_main(&self, name: &str) -> Option<AttrPath> {
        self.known(name).filter(|attr| self.attr(attr).is_some_and(|fields| fields.main_program.is_some()))
    }

    /// Returns the package of this name on a command line: `jfrog-cli` for `jfrog`.
    fn command_line(&self, name: &str) -> Option<AttrPath> {
        self.attrs.get(&format!("{name}-cli")).and_then(|_| self.known(&format!("{name}-cli")))
    }

    /// Returns another attr of the same package, when that is called so: `espeak-ng` for `espeak`. `gnupatch` stays: it tells
    /// which of many it is.
    fn named(&self, attr: AttrPath, name: &str) -> AttrPath {
        let stays = attr.as_str() == name || attr.as_str().strip_prefix("gnu") == Some(name);
        if stays || self.attrs.get(name).is_none() {
            return attr;
        }
        let same = |other: &AttrPath| {
            let fields = self.attr(other).filter(|fields| fields.pname.is_some());
            fields.is_some() && fields == self.attr(&attr)
        };
        self.known(name).filter(same).unwrap_or(attr)
    }

    /// Returns the package of this name, when its main program is called so in other case: `mailhog` of `MailHog`.
    fn other_case(&self, name: &str) -> Option<AttrPath> {
        let attr = self.known(name)?;
        let main = self.attr(&attr)?.main_program?;
        (main != name && main.eq_ignore_ascii_case(name)).then_some(attr)
    }

    /// Returns the attr of the version that a program's name says, whether or not the index has it: `gcc12` of `gcc-12`.
    pub fn versioned(&self, name: &str) -> Option<String> {
        rule(name)
    }

    /// Returns the packages that have a program of exactly this name, best first; at most three are known.
    pub fn candidates<'a>(&'a self, name: &'a str) -> impl Iterator<Item = AttrPath> + use<'a> {
        self.ranked_programs(name).map(|(attr, _)| attr)
    }

    /// Returns the packages that have a program with points, best first.
    fn ranked_programs<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (AttrPath, i32)> + use<'a> {
        self.ranked(self.programs, name).map(|(attr, points)| (self.named(attr, name), points))
    }

    /// Returns the packages in a row of a table with points, best first.
    fn ranked<'a>(&'a self, table: Table, key: &'a str) -> impl Iterator<Item = (AttrPath, i32)> + use<'a> {
        let row = table.get(key).unwrap_or_default();
        let item = |item: &str| {
            let (attr, points) = item.rsplit_once(':')?;
            Some((self.known(attr)?, points.parse().ok()?))
        };
        row.split(',').filter_map(item)
    }

    /// Returns a name by which a shell finds this program when it has this package, as far as the index knows: the name
    /// itself, or without (the end of) its version, or what else tells builds of it apart.
    pub fn called<'a>(&self, attr: &AttrPath, name: &'a str) -> Option<&'a str> {
        let main = self.attr(attr).and_then(|attr| attr.main_program);
        let is_main = |main: &str, name: &str| {
            // `python3.12` is `python3`, too.
            main.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let has = |name: &&str| {
            let mut ranked = self.ranked_programs(name);
            main.is_some_and(|main| is_main(main, name))
                || ranked.any(|(candidate, points)| candidate == *attr && !is_unsaid(attr, name, points))
        };
        let shorter = name.rsplit_once('.').map(|(short, end)| (short, end == "py" || unversioned(name).is_some()));
        let shorter = shorter.filter(|(_, may)| *may).map(|(short, _)| short);
        let found = [Some(name), shorter, unversioned(name)].into_iter().flatten().find(has);
        found.or_else(|| self.called(attr, any_build(name)?))
    }

    fn candidate(&self, attr: AttrPath, source: Source) -> Candidate {
        let parent = attr.as_str().rsplit_once('.').filter(|(parent, _)| self.attrs.get(parent).is_some());
        let output = parent.map(|(_, output)| output.to_owned());
        Candidate { attr, output, source }
    }

    /// Returns the package of the standard environment that has this program. `gcc` stands for the compiler and binutils,
    /// which a shell without a compiler lacks.
    pub fn stdenv(&self, name: &str) -> Option<&'static str> {
        self.stdenv.get(name)
    }

    /// Returns what the table of overrides says of a name of this kind.
    fn by_hand(&self, kind: &str, name: &str) -> Option<AttrPath> {
        self.overrides.get(&format!("{kind}:{name}")).and_then(|attr| self.known(attr))
    }

    /// Returns the package whose store path has this name without a version: `ripgrep`, `python3.13-requests`.
    pub fn store_name(&self, name: &str) -> Option<AttrPath> {
        if let Some(attr) = self.pnames.get(name) {
            return self.known(attr);
        }
        let of = |language: &str| {
            name.strip_prefix(language)?.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.').strip_prefix('-')
        };
        if let Some(distribution) = of("python3.") {
            return self.distribution(distribution);
        }
        if let Some(module) = of("perl5.") {
            return self.known(&format!("perlPackages.{}", module.replace('-', "")));
        }
        let in_set = || SETS.iter().map(|set| format!("{set}.{name}")).find(|attr| self.more.get(attr).is_some());
        self.known(name).or_else(|| self.known(&in_set()?))
    }
}

/// Returns whether nothing says that a package in the table of programs has this one.
fn is_unsaid(attr: &AttrPath, name: &str, points: i32) -> bool {
    points == UNSAID && attr.as_str() == name
}

/// Returns the name of which this is the tool for this machine, or a build with nothing of others: `tini` of `tini-static`.
fn any_build(name: &str) -> Option<&str> {
    name.strip_prefix(MACHINE).or_else(|| name.strip_suffix("-static"))
}

/// Returns a name without the version at its end: `clang` of `clang-18`, `php` of `php8.2`.
pub fn unversioned(name: &str) -> Option<&str> {
    let short = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    Some(short.strip_suffix('-').unwrap_or(short))
        .filter(|short| !short.is_empty() && *short != name && !name.ends_with('.'))
}

/// Returns the attr that a rule gives for a versioned name, whether or not it exists.
fn rule(name: &str) -> Option<String> {
    static COMPILED: OnceLock<Vec<(Regex, &str)>> = OnceLock::new();
    if !name.bytes().any(|b| b.is_ascii_digit()) {
        return None;
    }
    let rows = || RULES.lines().filter_map(|line| line.split_once('\t'));
    // Digits of all scripts would take most of the time.
    let ascii = |expression| RegexBuilder::new(expression).unicode(false).build().ok();
    let compile = |(expression, attr)| Some((ascii(expression)?, attr));
    let rules = COMPILED.get_or_init(|| rows().filter_map(compile).collect());
    rules.iter().find_map(|(expression, attr)| {
        let groups = expression.captures(name)?;
        let fill = |text: String, (at, group): (usize, Option<regex::Match>)| {
            text.replace(&format!("{{{at}}}"), group.map_or("", |group| group.as_str()))
        };
        Some(groups.iter().skip(1).enumerate().fold((*attr).to_owned(), fill))
    })
}

#[cfg(test)]
mod tests;
