//! Packages of Debian → the sources that they are built from, where only that says which package of nixpkgs they are.

use std::collections::BTreeMap;

use anyhow::ensure;

use super::super::{
    Index,
    debian::{BESIDE, source_key},
};

/// Sources of what no shell has: the kernel.
const NO_PACKAGES: [&str; 1] = ["linux"];

/// Makes the table from the text of a file `Packages` of a Debian archive: paragraphs of `Field: value`, of which `Package` and
/// `Source` are read. Errors when it is none.
pub fn sources(packages: &str, index: &Index) -> anyhow::Result<String> {
    let mut sources: BTreeMap<&str, &str> = BTreeMap::new();
    let mut count = 0;
    for paragraph in packages.split("\n\n") {
        let field = |name: &str| paragraph.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        let Some(package) = field("Package") else { continue };
        count += 1;
        // `Source: glibc (2.36-9)` when their versions differ.
        let source = field("Source").and_then(|source| source.split(' ').next()).unwrap_or(package);
        let is_beside = BESIDE.iter().any(|end| package.ends_with(end));
        let is_useful = is_name(package) && is_name(source) && !is_beside && !NO_PACKAGES.contains(&source);
        if !is_useful || index.said(package).is_some() {
            continue;
        }
        if index.source(package, source).is_some_and(|attr| index.perhaps(package) != Some(attr)) {
            sources.entry(source_key(package)).or_insert(source);
        }
    }
    ensure!(count > 100, "it has only {count} packages");
    Ok(sources.iter().map(|(package, source)| format!("{package}\t{source}\n")).collect())
}

/// Returns whether text is the name of a package or of a source (Debian Policy 5.6.7).
fn is_name(text: &str) -> bool {
    let is_letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+-.".contains(&b);
    (2..=100).contains(&text.len()) && text.bytes().all(is_letter)
}
