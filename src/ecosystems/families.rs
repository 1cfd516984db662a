//! Packages of which nixpkgs has several versions beside each other: Python 3.11 is `python311`, Node 20 is `nodejs_20`.
//!
//! When the index has no package of a version, or nixpkgs refuses it, the nearest stands in its place: the next newer one,
//! else the newest of the older ones.

use super::{Want, listed, project, refused};
use crate::index::Index;
use crate::journal::Journal;
use crate::nix::AttrPath;
use crate::requirements::{Instead, Refusal};

/// The package without a version, and the form of those with one: `{0}` is the first number of the version, `{1}` the second.
const FAMILIES: &[(&str, &str)] = &[
    ("bazel", "bazel_{0}"),
    ("clang", "clang_{0}"),
    ("clang-tools", "llvmPackages_{0}.clang-tools"),
    ("dotnet-sdk", "dotnet-sdk_{0}"),
    ("erlang", "erlang_{0}"),
    ("gcc", "gcc{0}"),
    ("gfortran", "gfortran{0}"),
    ("ghc", "haskell.compiler.ghc{0}{1}"),
    ("go", "go_{0}_{1}"),
    ("gradle", "gradle_{0}"),
    ("jdk", "jdk{0}"),
    ("lld", "lld_{0}"),
    ("lldb", "lldb_{0}"),
    ("llvm", "llvm_{0}"),
    ("llvm", "llvmPackages_{0}.llvm"),
    ("lua", "lua{0}_{1}"),
    ("mariadb", "mariadb_{0}{1}"),
    ("nodejs", "nodejs_{0}"),
    ("php", "php{0}{1}"),
    ("pnpm", "pnpm_{0}"),
    ("postgresql", "postgresql_{0}"),
    ("python3", "python{0}{1}"),
    ("ruby", "ruby_{0}_{1}"),
    ("scala", "scala_{0}_{1}"),
    ("yarn-berry", "yarn-berry_{0}"),
    ("zig", "zig_{0}_{1}"),
];

/// Other names of the members, as version managers and package managers write them.
const NAMES: &[(&str, &str)] = &[
    ("dotnet", "dotnet-sdk"),
    ("dotnet-core", "dotnet-sdk"),
    ("golang", "go"),
    ("java", "jdk"),
    ("node", "nodejs"),
    ("openjdk", "jdk"),
    ("postgres", "postgresql"),
    ("python", "python3"),
];

/// What the releases of Node that are kept for long are called, as `lts/iron` in an `.nvmrc`.
const RELEASES: &[(&str, &str)] = &[
    ("argon", "4"),
    ("boron", "6"),
    ("carbon", "8"),
    ("dubnium", "10"),
    ("erbium", "12"),
    ("fermium", "14"),
    ("gallium", "16"),
    ("hydrogen", "18"),
    ("iron", "20"),
    ("jod", "22"),
    ("krypton", "24"),
];

/// The highest number that is tried as a version.
const MOST: u32 = 80;

/// A package, and the one in whose place it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) attr: AttrPath,
    pub(super) instead: Option<Instead>,
}

/// Returns the package of a version of this tool; without a version, or with a word in its place (`lts`), the default one.
/// None when the tool is no family.
pub(super) fn of_tool(index: &Index, tool: &str, version: Option<&str>) -> Option<Choice> {
    let tool = NAMES.iter().find(|(name, _)| *name == tool).map_or(tool, |(_, family)| family);
    // Java 8 was called 1.8 before.
    let version = version.map(|version| version.strip_prefix("1.").filter(|_| tool == "jdk").unwrap_or(version));
    let version = version.map(|version| release(version).filter(|_| tool == "nodejs").unwrap_or(version));
    let (default, form) = FAMILIES.iter().find(|(default, _)| *default == tool)?;
    let numbers = version.map(numbers).unwrap_or_default();
    let needed = 1 + usize::from(form.contains("{1}"));
    match numbers.get(..needed) {
        // `scala_3` has one number only.
        Some(numbers) => nearest(index, form, default, numbers).or_else(|| default_of(index, default)),
        None => default_of(index, default),
    }
}

/// Returns the package for an attr that a rule gave, of a version that the index may lack: `gcc12`. None when it is of no
/// family.
pub(super) fn of_attr(index: &Index, attr: &str) -> Option<Choice> {
    FAMILIES.iter().find_map(|(default, form)| nearest(index, form, default, &read(form, attr)?))
}

/// Returns the package for a name that a host's package manager gives to one version: `gcc-12`, `nodejs20`, `python3.11`,
/// `php82`. None when it is of no family, or of no version.
pub(super) fn of_package(index: &Index, name: &str) -> Option<Choice> {
    let of_name = || {
        let (tool, version) = name.split_at(name.find(|c: char| c.is_ascii_digit())?);
        let is_version = version.split('.').all(|number| number.parse::<u16>().is_ok());
        // `php82` and `python311`, without the dot.
        let dotted = || format!("{}.{}", &version[..1], &version[1..]);
        let short = listed("php python", tool) && version.len() > 1 && !version.contains('.');
        let version = if short { dotted() } else { version.to_owned() };
        let bare = listed("php python", tool) && !version.contains('.');
        // What has too few numbers is of no version.
        let is_one =
            |choice: &Choice| choice.instead.is_some() || default_of(index, tool).is_none_or(|it| it != *choice);
        of_tool(index, tool, Some(&version)).filter(|choice| is_version && !bare && is_one(choice))
    };
    of_name().or_else(|| of_attr(index, &index.versioned(name)?))
}

/// Returns the package of a version for a family's default one, when that is of another version.
pub(super) fn of_version(index: &Index, default: &AttrPath, version: &str) -> Option<Choice> {
    let (tool, form) = FAMILIES.iter().find(|(tool, _)| *tool == default.as_str())?;
    let needed = 1 + usize::from(form.contains("{1}"));
    let wanted = numbers(version);
    let own = index.attr(default)?.version.map(numbers)?;
    let differs = wanted.len() >= needed && own.get(..needed) != wanted.get(..needed);
    differs.then(|| of_tool(index, tool, Some(version))).flatten().filter(|choice| choice.attr != *default)
}

/// Returns a wish for a member without a version, of which no version was seen, as one for the version that a file of the
/// project asks for.
pub(super) fn of_project(index: &Index, journal: &Journal, want: Want) -> Want {
    let family = FAMILIES.iter().map(|(default, _)| *default).find(|default| *default == want.attr.as_str());
    let Some(family) = family.filter(|_| want.seen.is_none() && want.instead.is_none()) else { return want };
    let others = NAMES.iter().filter(|(_, of)| *of == family).map(|(name, _)| *name);
    let Some(version) = others.chain([family]).find_map(|name| project::version(journal, name)) else { return want };
    match of_tool(index, family, Some(version)) {
        // `go.mod` says the least that is needed: a newer one will do.
        Some(choice) if family == "go" && choice.instead.is_some() => want,
        Some(choice) => Want { attr: choice.attr, instead: choice.instead, ..want },
        None => want,
    }
}

/// Returns the members of a family of which no version was seen, each with the only one of a version beside it: one of the
/// two will do.
pub(super) fn pairs(attrs: &[&AttrPath]) -> Vec<(AttrPath, AttrPath)> {
    let of = |(default, form): &(&str, &str)| {
        let plain = attrs.iter().find(|attr| attr.as_str() == *default)?;
        let mut versioned = attrs.iter().filter(|attr| read(form, attr.as_str()).is_some());
        let one = versioned.next().filter(|_| versioned.next().is_none())?;
        Some(((*plain).clone(), (*one).clone()))
    };
    FAMILIES.iter().filter_map(of).collect()
}

/// Returns a package of a family's set as one for a version: `rubyPackages_3_3.rails` of `rubyPackages.rails`.
pub(super) fn in_set(index: &Index, attr: &AttrPath, versioned: &AttrPath) -> Option<AttrPath> {
    let name = attr.within("rubyPackages")?;
    let version = versioned.as_str().strip_prefix("ruby")?;
    index.known(&format!("rubyPackages{version}.{name}"))
}

/// Returns whether an attr is of a version, and the other is the same family's without one: who installs a version chooses it.
pub(super) fn chooses(index: &Index, plain: &AttrPath, versioned: &AttrPath) -> bool {
    let of = |(default, form): &&(&str, &str)| *default == plain.as_str() && read(form, versioned.as_str()).is_some();
    FAMILIES.iter().find(of).is_some_and(|_| index.attr(versioned).is_some())
}

/// Returns the version of Node of a release's name: 20 of `lts/iron`.
pub(super) fn release(name: &str) -> Option<&'static str> {
    let name = name.trim_start_matches("lts").trim_start_matches(['/', '-']);
    RELEASES.iter().find(|(release, _)| *release == name).map(|(_, version)| *version)
}

fn default_of(index: &Index, attr: &str) -> Option<Choice> {
    Some(Choice { attr: index.known(attr)?, instead: None })
}

/// Returns the numbers of a version: 3, 11 of `3.11.7`, 17, 0 of `temurin-17.0.9+9`; none of a word.
fn numbers(version: &str) -> Vec<u32> {
    let start = version.find(|c: char| c.is_ascii_digit()).unwrap_or(version.len());
    let end = version[start..].find(|c: char| c != '.' && !c.is_ascii_digit()).map_or(version.len(), |at| start + at);
    version[start..end].split('.').map_while(|number| number.parse().ok()).collect()
}

/// Returns the numbers that make this attr of the form.
fn read(form: &str, attr: &str) -> Option<Vec<u32>> {
    let (before, rest) = form.split_once("{0}")?;
    let text = attr.strip_prefix(before)?;
    let (between, after) = match rest.split_once("{1}") {
        Some((between, after)) => (Some(between), after),
        None => (None, rest),
    };
    let digits = text.strip_suffix(after)?;
    let (first, second) = match between {
        None => (digits, None),
        // `python311`: the first number has one digit; `mariadb_1011`: two.
        Some("") => {
            let at = if before == "mariadb_" { 2 } else { 1 };
            (digits.get(..at)?, Some(digits.get(at..)?))
        }
        Some(between) => digits.split_once(between).map(|(first, second)| (first, Some(second)))?,
    };
    [Some(first), second].into_iter().flatten().map(|number| number.parse().ok()).collect()
}

fn fill(form: &str, numbers: &[u32]) -> String {
    let numbers = numbers.iter().enumerate();
    numbers.fold(form.to_owned(), |text, (at, number)| text.replace(&format!("{{{at}}}"), &number.to_string()))
}

/// Returns the package of this version, else the nearest one that nixpkgs has and does not refuse.
fn nearest(index: &Index, form: &str, default: &str, wanted: &[u32]) -> Option<Choice> {
    let has = |numbers: &[u32]| {
        let attr = AttrPath::parse(&fill(form, numbers)).ok()?;
        index.attr(&attr).is_some().then_some(attr)
    };
    let exact = has(wanted);
    let why = match &exact {
        None => Refusal::Absent,
        Some(attr) => match refused::of(attr) {
            None | Some(Refusal::Unfree) => return Some(Choice { attr: attr.clone(), instead: None }),
            Some(why) => why,
        },
    };
    let (last, before) = wanted.split_last()?;
    let near = |number: u32| {
        let numbers = [before, &[number]].concat();
        has(&numbers).filter(|attr| refused::of(attr).is_none())
    };
    let newer = (last.saturating_add(1)..=MOST).find_map(near);
    let attr = newer.or_else(|| (0..*last.min(&MOST)).rev().find_map(near)).or_else(|| index.known(default))?;
    let of = exact.or_else(|| AttrPath::parse(&fill(form, wanted)).ok())?;
    Some(Choice { attr, instead: Some(Instead { of, why }) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(choice: Option<Choice>) -> String {
        choice.map_or_else(String::new, |choice| {
            let instead = choice.instead.map(|instead| format!(" for {} ({:?})", instead.of, instead.why));
            format!("{}{}", choice.attr, instead.unwrap_or_default())
        })
    }

    #[test]
    fn versions_of_tools() {
        let index = Index::new();
        for (tool, version, attr) in [
            ("python", "3.11.7", "python311"),
            ("python", "3.10", "python311 for python310 (Absent)"),
            ("python", "3.99.1", "python315 for python399 (Absent)"),
            ("node", "v22.11.0", "nodejs_22"),
            ("node", "20.11.1", "nodejs_22 for nodejs_20 (Insecure)"),
            ("node", "lts", "nodejs"),
            ("node", "lts/*", "nodejs"),
            ("node", "lts/jod", "nodejs_22"),
            ("node", "lts-hydrogen", "nodejs_22 for nodejs_18 (Absent)"),
            ("ghc", "9.6.4", "haskell.compiler.ghc96"),
            ("ghc", "8.10.7", "ghc for haskell.compiler.ghc810 (Absent)"),
            ("java", "17.0.9-tem", "jdk17"),
            ("java", "temurin-21.0.1+12", "jdk21"),
            ("java", "1.8", "jdk8"),
            ("java", "19-open", "jdk21 for jdk19 (Absent)"),
            ("go", "1.22.3", "go_1_25 for go_1_22 (Absent)"),
            ("ruby", "3.3.0", "ruby_3_3"),
            ("ruby", "2.7.8", "ruby for ruby_2_7 (Absent)"),
            ("php", "8.2", "php82"),
            ("postgres", "15", "postgresql_15"),
            ("llvm", "18.1.8", "llvm_18"),
            ("gcc", "12", "gcc13 for gcc12 (Absent)"),
            ("zig", "0.13.0", "zig_0_13"),
            ("python", "3", "python3"),
            ("jq", "1.7", ""),
        ] {
            assert_eq!(shown(of_tool(&index, tool, Some(version))), attr, "{tool} {version}");
        }
    }

    #[test]
    fn names_of_packages() {
        let index = Index::new();
        for (name, choice) in [
            ("gcc-12", "gcc13 for gcc12 (Absent)"),
            ("gcc12", "gcc13 for gcc12 (Absent)"),
            ("nodejs20", "nodejs_22 for nodejs_20 (Insecure)"),
            ("python3.11", "python311"),
            ("python311", "python311"),
            ("php82", "php82"),
            ("php8.2", "php82"),
            ("openjdk17", "jdk17"),
            ("postgresql15", "postgresql_15"),
            ("ruby3.3", "ruby_3_3"),
            ("llvm18", "llvm_18"),
            ("clang-18", "clang_18"),
            ("python3", ""),
            ("jq", ""),
            ("x11", ""),
            ("go2", ""),
            ("zig0", ""),
        ] {
            assert_eq!(shown(of_package(&index, name)), choice, "{name}");
        }
    }

    #[test]
    fn attrs_of_rules() {
        let index = Index::new();
        for (attr, choice) in [
            ("gcc12", "gcc13 for gcc12 (Absent)"),
            ("python39", "python311 for python39 (Absent)"),
            ("python311", "python311"),
            ("llvmPackages_14.clang-tools", "llvmPackages_18.clang-tools for llvmPackages_14.clang-tools (Absent)"),
            ("nodejs_18", "nodejs_22 for nodejs_18 (Absent)"),
            ("go_1_19", "go_1_25 for go_1_19 (Absent)"),
            ("mariadb_1011", "mariadb_1011"),
            ("jq", ""),
        ] {
            assert_eq!(shown(of_attr(&index, attr)), choice, "{attr}");
        }
    }
}
