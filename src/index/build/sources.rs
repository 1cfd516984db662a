//! Packages of Debian → the sources that they are built from, where only that says which package of nixpkgs they are.

use std::collections::BTreeMap;

use anyhow::ensure;

use super::super::{
    Index, NOTHING,
    debian::{BESIDE, is_cross, source_key},
};

/// Sources of what no shell has: the kernel.
const NO_PACKAGES: [&str; 1] = ["linux"];

/// Makes the table from the text of a file `Packages` of a Debian archive: paragraphs of `Field: value`, of which `Package` and
/// `Source` are read; `-` stands for a source of which nixpkgs has nothing, though its name begins like a package. Errors when it is none.
pub fn sources(packages: &str, index: &Index) -> anyhow::Result<String> {
    let mut all: BTreeMap<&str, &str> = BTreeMap::new();
    for paragraph in packages.split("\n\n") {
        let field = |name: &str| paragraph.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        let Some(package) = field("Package") else { continue };
        // `Source: glibc (2.36-9)` when their versions differ.
        all.insert(package, field("Source").and_then(|source| source.split(' ').next()).unwrap_or(package));
    }
    let mut sources: BTreeMap<&str, &str> = BTreeMap::new();
    for (package, source) in &all {
        let is_beside = BESIDE.iter().any(|end| package.ends_with(end));
        let is_useful = is_name(package) && is_name(source) && !is_beside && !NO_PACKAGES.contains(source);
        if !is_useful || is_cross(package) || index.said(package).is_some() {
            continue;
        }
        let guess = index.perhaps(package);
        // What others add to a package is built from a source of its own: `mecab-ipadic` is no part of `mecab`.
        let whole = index.whole(package).filter(|(_, attr)| guess.as_ref() == Some(attr));
        let is_added = || whole.is_some_and(|(whole, _)| all.get(whole).is_some_and(|of_whole| of_whole != source));
        if index.source(package, source).is_some_and(|attr| guess.as_ref() != Some(&attr)) {
            sources.entry(source_key(package)).or_insert(source);
        } else if is_added() && source_key(package) == *package {
            sources.insert(package, NOTHING);
        }
    }
    let count = all.len();
    ensure!(count > 100, "it has only {count} packages");
    Ok(sources.iter().map(|(package, source)| format!("{package}\t{source}\n")).collect())
}

/// Returns whether text is the name of a package or of a source (Debian Policy 5.6.7).
fn is_name(text: &str) -> bool {
    let is_letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+-.".contains(&b);
    (2..=100).contains(&text.len()) && text.bytes().all(is_letter)
}
