//! Libraries, headers, modules of pkg-config, packages of CMake and modules of Python → packages, best first.

use std::collections::{BTreeMap, BTreeSet};

use super::super::{PYTHON, normalized};
use super::Tables;
use super::names::Names;
use super::package::Package;
use super::programs::{Ranking, row};

/// Folders that are put beside modules of Python and are none.
const NO_MODULES: &str = "bench benchmark benchmarks bin build data dist doc docs etc example examples include lib samples script \
    scripts share src test testing tests tool tools";

/// The most headers of a folder that are found without its name.
const FEW: usize = 150;

/// Returns the tables.
pub(super) fn tables(found: &[(String, &Package)], names: &Names) -> Tables {
    let kind = |of: fn(&Package) -> &BTreeSet<String>, stem: fn(&str) -> &str| {
        let mut ranking = Ranking::default();
        for (attr, package) in found {
            let all = of(package);
            for name in all {
                let having = names.having(attr, package, all.len(), 0, false);
                ranking.add(name, attr, having.library(stem(name)));
            }
        }
        ranking
    };
    let plain = |ranking: &Ranking| ranking.best().map(|(name, attrs)| row(name, &attrs)).collect::<String>();
    Tables::from([
        ("pkgconfig.tsv", plain(&kind(|package| &package.pkgconfig, |name| name))),
        ("cmake.tsv", plain(&kind(|package| &package.cmake, |name| name))),
        ("sonames.tsv", sonames(&kind(|package| &package.libraries, library))),
        ("headers.tsv", headers(found, names)),
        ("pymodules.tsv", modules(found, names)),
    ])
}

/// Returns the name of a library: `z` of `libz.so.1`.
fn library(soname: &str) -> &str {
    let name = soname.split(".so").next().unwrap_or(soname);
    name.strip_prefix("lib").unwrap_or(name)
}

/// Writes libraries; those with a version only where that makes another package the best.
fn sonames(ranking: &Ranking) -> String {
    let best: BTreeMap<&str, Vec<(&str, f64)>> = ranking.best().collect();
    let first = |name: &str| best.get(name).and_then(|attrs| attrs.first()).map(|(attr, _)| *attr);
    let short = |name: &str| name.find(".so.").map(|at| name[..at + 3].to_owned());
    let says = |name: &str| short(name).is_none_or(|short| first(&short) != first(name));
    best.iter().filter(|(name, _)| says(name)).map(|(name, attrs)| row(name, attrs)).collect()
}

/// Writes headers by the first name of what is included, and by two where the second is like a package that the first alone
/// does not name (`google/protobuf`). What is in a folder with a version is included without it too (`libxml2/libxml`,
/// `glib-2.0/glib.h`).
fn headers(found: &[(String, &Package)], names: &Names) -> String {
    let (mut first, mut inner, mut second) = (Ranking::default(), Ranking::default(), Ranking::default());
    for (attr, package) in found {
        let count = package.headers.iter().filter(|path| !path.contains('/')).count();
        let having = names.having(attr, package, count, 0, false);
        for path in &package.headers {
            let Some((folder, rest)) = path.split_once('/') else {
                first.add(path, attr, having.library(stem(path)));
                continue;
            };
            let (points, own) = (having.library(stem(folder)), having.library(stem(rest)));
            if having.is_like(stem(rest)) {
                second.add(path, attr, points.max(own));
            }
            if is_root(folder, rest, package) {
                inner.add(rest, attr, points.max(own) - 6.0);
            }
        }
    }
    let tops: BTreeMap<&str, Vec<(&str, f64)>> = first.best().collect();
    let mut rows: BTreeMap<&str, Vec<(&str, f64)>> =
        inner.best().filter(|(name, _)| !tops.contains_key(name)).collect();
    rows.extend(second.best().filter(|(path, attrs)| {
        let top = path.split('/').next().and_then(|top| tops.get(top));
        top.is_some_and(|top| top.len() > 1 && top[0].0 != attrs[0].0)
    }));
    rows.extend(tops);
    rows.iter().map(|(name, attrs)| row(name, attrs)).collect()
}

/// Returns whether a folder of headers is searched itself, so that what is in it is included without its name: a folder
/// with a version and few headers, or the one header in it that is called like the package.
fn is_root(folder: &str, rest: &str, package: &Package) -> bool {
    let prefix = format!("{folder}/");
    let few = || package.headers.range(prefix.clone()..).take_while(|path| path.starts_with(&prefix)).count() <= FEW;
    let alike = normalized(stem(rest)) == normalized(&package.name) || stem(rest) == folder;
    alike || (folder.ends_with(|c: char| c.is_ascii_digit()) && few())
}

/// Returns the name of a header without its end.
fn stem(name: &str) -> &str {
    name.split('.').next().filter(|stem| !stem.is_empty()).unwrap_or(name)
}

/// Writes modules of Python, those left out that are in the package of the same name, or in that of the module around them.
fn modules(found: &[(String, &Package)], names: &Names) -> String {
    let mut ranking = Ranking::default();
    for (attr, package) in found {
        let Some(last) = names.python(attr, package) else { continue };
        let is_module = |name: &&String| {
            let top = name.split('.').next().unwrap_or(name);
            !NO_MODULES.split_ascii_whitespace().any(|no| no == top)
        };
        let modules: Vec<&String> = package.modules.iter().filter(is_module).collect();
        let full = format!("{PYTHON}.{last}");
        let having = names.having(&full, package, modules.len(), 0, false);
        for name in &modules {
            let holds = |other: &&&String| other.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with('.'));
            let same = match normalized(name) {
                name if name == normalized(last) => 20.0,
                // `python-x`, `pyx`: what Python itself has another of, or other languages.
                name if [format!("python-{name}"), format!("py{name}")].contains(&normalized(last)) => 12.0,
                _ => 0.0,
            };
            let folder = if modules.iter().any(|other| holds(&other)) { -30.0 } else { 0.0 };
            ranking.add(name, last, having.file(name) + same + folder);
        }
    }
    let absent = names.absent(found);
    for (attr, package) in &absent {
        let Some(last) = super::names::python(attr) else { continue };
        let module = last.replace('-', "_");
        // Only where other packages have the module: else its name says it.
        if ranking.has(&module) {
            ranking.add(&module, last, names.having(attr, package, 1, 0, false).file(&module) + 17.0);
        }
    }
    let best: BTreeMap<&str, Vec<(&str, f64)>> = ranking.best().collect();
    let first = |name: &str| best.get(name).map(|attrs| attrs[0].0);
    let says = |name: &str| match name.rsplit_once('.') {
        None => first(name) != Some(&normalized(name)),
        Some((parent, _)) => first(name) != first(parent),
    };
    best.iter().filter(|(name, _)| says(name)).map(|(name, attrs)| row(name, attrs)).collect()
}
