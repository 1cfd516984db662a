//! What an ecosystem is given to read, and what it reads in it.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use super::{ALL, checks, families, inner, installs, paths};
use crate::index::Index;
use crate::journal::{Command, Invocation, Journal, Program, Ref};
use crate::nix::{AttrPath, Source};
use crate::requirements::Instead;

/// What an ecosystem makes of a program that ran.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// It needs these packages.
    Wants(Vec<Want>),
    /// It is of another flake than nixpkgs.
    Borrows(Borrowed),
    /// The standard environment has it; `compiler` when only the one with a compiler does.
    Stdenv {
        /// Whether it is part of the compiler.
        compiler: bool,
    },
    /// It needs no package, for this reason (fixed words, a clause that follows "ignored: ").
    Ignored(&'static str),
    /// This ecosystem does not know it.
    Unrecognized,
}

/// A package that something needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Want {
    /// The package.
    pub attr: AttrPath,
    /// The programs by which it shows, when it is a program that ran.
    pub programs: Vec<String>,
    /// Version that was seen, when known.
    pub seen: Option<String>,
    /// The package in whose place it is.
    pub instead: Option<Instead>,
    /// Other packages that it could be as well.
    pub alternatives: Vec<AttrPath>,
    /// Whether it is a library that is built against.
    pub library: bool,
    /// Whether it is not the package that is needed, but what that is built with.
    pub builds: bool,
}

impl Want {
    /// Returns the wish for a package, no program and no version known.
    pub(super) fn new(attr: AttrPath) -> Self {
        Self {
            attr,
            programs: Vec::new(),
            seen: None,
            instead: None,
            alternatives: Vec::new(),
            library: false,
            builds: false,
        }
    }

    /// Returns the wish for a library.
    pub(super) fn library(attr: AttrPath) -> Self {
        Self { library: true, ..Self::new(attr) }
    }

    /// Returns the wish for a package of a family, of which this version was seen.
    pub(super) fn of(choice: families::Choice, seen: Option<String>) -> Self {
        Self { seen, instead: choice.instead, ..Self::new(choice.attr) }
    }
}

/// A package of another flake than nixpkgs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Borrowed {
    /// The flake.
    pub source: Source,
    /// Its name among the flake's packages; `devShells.NAME` is a shell.
    pub attr: AttrPath,
    /// The programs by which it shows.
    pub programs: Vec<String>,
}

/// What a command line asks for. Each of its words is in one of the lists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// Packages that it needs, exactly these.
    pub wants: Vec<Want>,
    /// Packages of other flakes that it needs.
    pub borrowed: Vec<Borrowed>,
    /// Packages that it puts on the machine; where a program of a package of this name ran, that package stands for it.
    pub installs: Vec<Want>,
    /// Packages that it puts on the machine for their programs: they count only where one of those ran.
    pub tools: Vec<Want>,
    /// Packages of the host of which a program ran: what that program needs has this evidence, too.
    pub packages: Vec<String>,
    /// What needs no package: the reasons.
    pub ignored: BTreeSet<&'static str>,
    /// What is not known: names.
    pub unrecognized: BTreeSet<String>,
}

impl Asked {
    /// Returns the same of a command line that runs what it names, whether that was seen to run or not.
    pub(super) fn run(mut self) -> Self {
        self.wants.append(&mut self.tools);
        self
    }
}

/// What an ecosystem may look at.
pub struct Context<'a> {
    /// The index.
    pub index: &'a Index,
    /// The journal that is read.
    pub journal: &'a Journal,
    /// Packages that command lines of the journal ask for; empty while those are read.
    pub asked: BTreeSet<AttrPath>,
    /// Packages of the host of which a program ran that ended well.
    owners: BTreeSet<&'a str>,
    /// Folders of the store of which such a program ran.
    stores: BTreeSet<&'a str>,
    /// Where such programs are, by name.
    places: BTreeMap<&'a str, Vec<&'a str>>,
    /// The commands, and whether they only put packages on the machine, once that was asked.
    commands: BTreeMap<&'a Ref, (&'a Command, OnceCell<bool>)>,
    /// The command lines of each program.
    invocations: BTreeMap<&'a Ref, Vec<&'a Invocation>>,
}

impl<'a> Context<'a> {
    /// Returns the context of a journal before its command lines are read.
    pub fn new(index: &'a Index, journal: &'a Journal) -> Self {
        let (mut owners, mut stores) = (BTreeSet::new(), BTreeSet::new());
        let mut places: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for program in journal.programs.iter().filter(|program| program.is_used()) {
            for path in paths::of(program).filter(|path| paths::is_bin(path)) {
                owners.extend(program.owner.as_ref().map(|owner| owner.package.as_str()));
                stores.extend(paths::Store::of(path).map(|store| store.folder));
                places.entry(paths::name(path)).or_default().push(path);
            }
        }
        let commands = journal.commands.iter().map(|it| (&it.id, (it, OnceCell::new()))).collect();
        let mut invocations: BTreeMap<&Ref, Vec<&Invocation>> = BTreeMap::new();
        journal.invocations.iter().for_each(|it| invocations.entry(&it.program).or_default().push(it));
        Self { index, journal, asked: BTreeSet::new(), owners, stores, places, commands, invocations }
    }

    /// Returns whether a program ran only while packages were installed: it is not the project that needs it.
    pub(super) fn only_installed(&self, program: &Program) -> bool {
        let installs = |id: &Ref| {
            let command = self.commands.get(id);
            command.is_some_and(|(it, known)| *known.get_or_init(|| checks::only_installs(it, &installs)))
        };
        !program.commands.is_empty() && program.commands.iter().all(installs)
    }

    /// Returns whether all that a program did was to install or to provide packages, each of which is known: what needs them does
    /// not need it.
    pub(super) fn only_provides(&self, program: &Program) -> bool {
        let provides = |invocation: &&Invocation| {
            let words = invocation.words().unwrap_or_default();
            let is_own = words.first().map(|word| paths::name(word)) == program.path.as_str().map(paths::name);
            let read = || ALL.iter().find_map(|ecosystem| ecosystem.invocation(invocation, self));
            is_own
                && (installs(&words) || inner(&words, self.index, self.journal).is_some())
                && read().is_some_and(|asked| asked.unrecognized.is_empty())
        };
        let of = self.invocations.get(&program.id).map(Vec::as_slice).unwrap_or_default();
        // Lines that say nothing of packages are not kept: more runs than these are runs for something else.
        of.iter().map(|it| it.runs).sum::<u64>() >= program.runs.max(1) && of.iter().all(provides)
    }

    /// Returns whether a program of this package of the host ran, in a folder for programs, and ended well.
    pub(super) fn ran(&self, package: &str) -> bool {
        self.owners.contains(package)
    }

    /// Returns whether it is known of programs which packages of the host they are of.
    pub(super) fn knows_owners(&self) -> bool {
        !self.owners.is_empty()
    }

    /// Returns whether a program of this folder of the store ran and ended well.
    pub(super) fn ran_from(&self, folder: &str) -> bool {
        self.stores.contains(folder)
    }

    /// Returns whether a program of this name ran in a folder of which `accepts` is true, and ended well.
    pub(super) fn ran_in(&self, name: &str, accepts: impl Fn(&str) -> bool) -> bool {
        self.places.get(name).is_some_and(|places| places.iter().any(|path| accepts(path)))
    }
}
