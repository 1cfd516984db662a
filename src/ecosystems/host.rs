//! Programs of the host, by their names and by the packages that own them. It knows every program, if only as one that is
//! not known: the last of the ecosystems.

use super::aside::ADMINISTERS;
use super::install;
use super::{Context, Ecosystem, Reading, Want, families, listed, paths, versions, wants};
use crate::index::{Index, Source};
use crate::journal::Program;
use crate::nix::AttrPath;

mod names;

/// The ecosystem.
pub(super) struct Host;

impl Ecosystem for Host {
    fn name(&self) -> &'static str {
        "host"
    }

    fn program(&self, program: &Program, context: &Context) -> Reading {
        let Some(path) = place(program) else {
            return Reading::Unrecognized;
        };
        if paths::is_project(path) {
            return project(program, context.index);
        }
        if paths::Store::of(path).is_some() {
            return Reading::Unrecognized;
        }
        let name = paths::name(path);
        if let Some(reason) = aside(path, name, context) {
            return Reading::Ignored(reason);
        }
        if !paths::is_bin(path) {
            return part(program, context);
        }
        if program.owner.as_ref().is_some_and(|owner| listed(names::HOUSE, &owner.package)) {
            return Reading::Ignored(ADMINISTERS);
        }
        if let Some(wants) = paths::of(program).find_map(|path| beside(path, name, context.index)) {
            return Reading::Wants(wants);
        }
        let resolved = program.resolved.as_ref().and_then(|path| path.as_str()).map(paths::name);
        let owner = program.owner.as_ref();
        let called = Called { name, resolved, owner: owner.map(|owner| owner.package.as_str()) };
        let seen = owner.and_then(|owner| versions::upstream(&owner.version));
        called.read(context.index, seen)
    }
}

/// Reads a program in a folder of which there is one for each version: `/usr/lib/postgresql/15/bin`, `/usr/lib/llvm-18/bin`.
fn beside(path: &str, name: &str, index: &Index) -> Option<Vec<Want>> {
    let (tool, version) = names::BESIDE.iter().find_map(|(folder, tool)| {
        let (version, _) = paths::below(path, folder)?;
        version.starts_with(|c: char| c.is_ascii_digit()).then_some((*tool, version))
    })?;
    let choice = match tool {
        "gcc" if index.stdenv(name) != Some("gcc") => return None,
        // Its programs are of several packages.
        "llvm" => families::of_attr(index, &index.versioned(&format!("{name}-{version}"))?)?,
        _ => families::of_tool(index, tool, Some(version))?,
    };
    let seen = versions::upstream(version).filter(|_| tool != "llvm");
    Some(vec![Want { programs: vec![name.to_owned()], ..Want::of(choice, seen) }])
}

/// Returns the path that says what a program is: the one it was reached by, unless that only leads out of the project or is
/// one of a process.
fn place(program: &Program) -> Option<&str> {
    let path = program.path.as_str()?;
    let resolved = program.resolved.as_ref().and_then(|path| path.as_str()).filter(|path| !paths::is_project(path));
    let leads_on = paths::is_project(path) || path.starts_with("/proc/") || path.starts_with("/dev/");
    Some(resolved.filter(|_| leads_on).unwrap_or(path))
}

/// Reads a program of the project: it may need an interpreter.
fn project(program: &Program, index: &Index) -> Reading {
    let interpreter =
        program.interpreter.as_ref().and_then(|path| path.as_str()).filter(|path| !paths::is_project(path));
    let called = interpreter.map(|path| Called { name: paths::name(path), resolved: None, owner: None });
    match called.map(|called| called.read(index, None)) {
        Some(Reading::Wants(wants)) => Reading::Wants(wants),
        _ => Reading::Ignored("the project's own program"),
    }
}

/// Returns why a program needs no package, when its path or name says so.
fn aside(path: &str, name: &str, context: &Context) -> Option<&'static str> {
    let is_in = |folders: &str| folders.split_ascii_whitespace().any(|folder| path.contains(folder));
    let is_temporary = ["/tmp/", "/var/tmp/", "/dev/shm/", "/memfd:"].iter().any(|folder| path.starts_with(folder));
    if is_temporary && !paths::is_bin(path) {
        return Some("a temporary program");
    }
    if listed(names::MANAGERS, name) {
        return Some(install::MANAGER);
    }
    if is_in(names::MANAGED) && !is_in("/versions/ /installs/ /toolchains/") {
        let real = |place: &str| ["/versions/", "/installs/", "/toolchains/"].iter().any(|part| place.contains(part));
        if !paths::is_bin(path) || context.ran_in(name, real) {
            return Some("a version manager's shim");
        }
    }
    if is_in(names::BUNDLES) || (listed(names::COMPILER, name) && is_in("/lib/gcc /libexec/")) {
        return Some("a part of another program");
    }
    None
}

/// Reads a program that is where nobody starts it by name.
fn part(program: &Program, context: &Context) -> Reading {
    let owner = program.owner.as_ref().map(|owner| owner.package.as_str());
    if owner.is_some_and(|owner| context.ran(owner)) {
        return Reading::Ignored("a part of another program");
    }
    let in_git = paths::of(program).any(|path| path.contains("/git-core/"));
    if owner.is_none() && in_git && context.ran_in("git", |_| true) {
        return Reading::Ignored("a part of another program");
    }
    let in_git = || in_git.then_some("git");
    match owner.or_else(in_git).and_then(|package| context.index.debian(package)) {
        Some(attr) => found(context.index, attr, &[], None),
        None => Reading::Unrecognized,
    }
}

/// Returns the reading for a package: the standard environment when it is one of that.
fn found(index: &Index, attr: AttrPath, names: &[&str], seen: Option<String>) -> Reading {
    if listed(names::COMPILERS, attr.as_str()) {
        return Reading::Stdenv { compiler: true };
    }
    if listed(names::STANDARD, attr.as_str()) {
        return Reading::Stdenv { compiler: false };
    }
    let name = names.iter().find(|name| index.called(&attr, name).is_some()).copied().unwrap_or_default();
    Reading::Wants(wants(index, attr, name, seen))
}

/// The names of a program.
struct Called<'a> {
    /// The one it was called by.
    name: &'a str,
    /// The one it has, links followed.
    resolved: Option<&'a str>,
    /// The host's package that owns it.
    owner: Option<&'a str>,
}

impl Called<'_> {
    fn read(&self, index: &Index, seen: Option<String>) -> Reading {
        let bare = |name| names::TRIPLES.iter().find_map(|triple| str::strip_prefix(name, triple)).unwrap_or(name);
        let mut names: Vec<&str> = [Some(self.name), self.resolved].into_iter().flatten().map(bare).collect();
        if listed(names::ALTERNATIVES, self.name) {
            names.reverse();
        }
        if let Some(package) = names.iter().find_map(|name| index.stdenv(name)) {
            return Reading::Stdenv { compiler: package == "gcc" };
        }
        if let Some(choice) = names.iter().find_map(|name| families::of_attr(index, &index.versioned(name)?)) {
            let programs = names.iter().find_map(|name| index.called(&choice.attr, name)).map(str::to_owned);
            let want = Want { programs: programs.into_iter().collect(), ..Want::of(choice, seen) };
            return Reading::Wants(vec![want]);
        }
        let unknown = names.iter().filter(|name| index.program(name).is_none());
        if let Some(choice) = unknown.filter_map(|name| families::of_package(index, name)).next() {
            let tool = names[0].trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
            let programs = index.called(&choice.attr, tool).map(str::to_owned).into_iter().collect();
            return Reading::Wants(vec![Want { programs, ..Want::of(choice, seen) }]);
        }
        let owner = self.owner.and_then(|package| index.debian(package));
        let Some(attr) = choose(index, &names, owner.as_ref()) else {
            return Reading::Unrecognized;
        };
        let others = if self.owner.is_none() { others(index, &names, &attr) } else { Vec::new() };
        match found(index, attr, &names, seen) {
            Reading::Wants(mut wants) => {
                wants.iter_mut().take(1).for_each(|want| want.alternatives.clone_from(&others));
                Reading::Wants(wants)
            }
            reading => reading,
        }
    }
}

/// Returns the other packages that have a program of this name, when nothing but the order of the index speaks for this one.
fn others(index: &Index, names: &[&str], attr: &AttrPath) -> Vec<AttrPath> {
    let by_name = names.iter().find_map(|name| index.program(name).map(|found| (*name, found)));
    match by_name {
        Some((name, found))
            if found.source == Source::Table && found.attr == *attr && attr.names().last() != Some(name) =>
        {
            let is_main = index.attr(attr).and_then(|attr| attr.main_program) == Some(name);
            // Another version or another build of it is no other package.
            let pname = |attr: &AttrPath| {
                let pname = index.attr(attr).and_then(|attr| attr.pname);
                pname.or(attr.names().last()).unwrap_or_default().to_owned()
            };
            let first = |attr: &AttrPath| pname(attr).split('-').next().unwrap_or_default().to_owned();
            let is_other = |other: &AttrPath| {
                let set = other.names().next().unwrap_or_default();
                first(other) != first(attr) && !listed(names::SINKS, &first(other)) && !listed(names::SINKS, set)
            };
            index.candidates(name).filter(|other| is_other(other) && !is_main).take(2).collect()
        }
        _ => Vec::new(),
    }
}

/// Returns the package of a program with these names, of which the host's package is this attr: for the first name that has
/// one, the owner's when it has such a program, else the package of that very name; then what the name alone says, unless
/// the owner is known and not like it.
fn choose(index: &Index, names: &[&str], owner: Option<&AttrPath>) -> Option<AttrPath> {
    let is_owner = |attr: &AttrPath| {
        // An output of it, too: `ncurses.dev`.
        let rest = owner.and_then(|owner| attr.as_str().strip_prefix(owner.as_str()));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let sure = names.iter().find_map(|name| {
        let same = || index.program(name).filter(|found| found.attr.as_str() == *name).map(|found| found.attr);
        index.candidates(name).find(is_owner).or_else(same)
    });
    let pname = |attr: &AttrPath| index.attr(attr).and_then(|attr| attr.pname);
    let by_name = || {
        let found = names.iter().find_map(|name| index.program(name))?;
        let alike = |owner: &AttrPath| pname(owner).is_some() && pname(owner) == pname(&found.attr);
        let by_hand = matches!(found.source, Source::Rule | Source::Override);
        (by_hand || owner.is_none_or(alike)).then_some(found.attr)
    };
    sure.or_else(by_name).or_else(|| owner.cloned())
}

#[cfg(test)]
mod tests;
