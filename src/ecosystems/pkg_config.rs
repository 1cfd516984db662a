//! pkg-config: a module that was asked for is a library that is built against.

use super::install::Line;
use super::{Asked, Context, Ecosystem, call, libraries};
use crate::journal::Invocation;

/// Options that take a value.
const VALUES: &str = "--define-variable --variable --with-path --atleast-version --exact-version --max-version \
    --atleast-pkgconfig-version --personality --maximum-traverse-depth";

/// The ecosystem.
pub(super) struct PkgConfig;

impl Ecosystem for PkgConfig {
    fn name(&self) -> &'static str {
        "pkg-config"
    }

    fn keeps(&self, argv: &[&str]) -> bool {
        modules(argv).is_some_and(|modules| !modules.is_empty())
    }

    fn invocation(&self, invocation: &Invocation, context: &Context) -> Option<Asked> {
        let mut asked = Asked::default();
        for module in modules(&invocation.words()?)? {
            match context.index.pkg_config(module) {
                Some(attr) => asked.wants.push(libraries::wanted(attr)),
                // What is asked whether it exists, and does, may be the project's own.
                None => drop(asked.unrecognized.insert(format!("pkg-config {module}"))),
            }
        }
        Some(asked)
    }
}

/// Returns the modules that a command line asks for: `gtk+-3.0` of `--libs "gtk+-3.0 >= 3.22"`.
fn modules<'a>(argv: &[&'a str]) -> Option<Vec<&'a str>> {
    let (program, words) = call(argv)?;
    if !["pkg-config", "pkgconf"].iter().any(|name| program == *name || program.ends_with(&format!("-{name}"))) {
        return None;
    }
    let line = Line::read(words, VALUES);
    let words = line.words.iter().flat_map(|word| word.split([' ', ',']));
    let mut modules = Vec::new();
    let mut is_version = false;
    for word in words.filter(|word| !word.is_empty()) {
        let end = word.find(['<', '>', '=', '!']).unwrap_or(word.len());
        if end == 0 {
            // `>= 1.1` or `>=1.1`: a version follows the comparison when nothing else does.
            is_version = word.bytes().all(|b| b"<>=!".contains(&b));
        } else if !std::mem::take(&mut is_version) && !word.ends_with(".pc") {
            modules.push(&word[..end]);
        }
    }
    modules.dedup();
    Some(modules)
}

#[cfg(test)]
mod tests {
    use super::super::tests::ask;
    use super::*;

    #[test]
    fn command_lines() {
        for (line, reading) in [
            ("pkg-config --cflags --libs openssl", "wants openssl"),
            ("pkg-config --libs 'gtk+-3.0 >= 3.22' libpq", "wants gtk3 libpq"),
            ("pkg-config --exists --print-errors openssl>=1.1.0 zlib", "wants openssl zlib"),
            ("x86_64-linux-gnu-pkg-config --variable=prefix libxml-2.0", "wants libxml2"),
            ("pkgconf --variable prefix sqlite3", "wants sqlite"),
            ("pkg-config --libs zz-own", "unrecognized pkg-config zz-own"),
        ] {
            assert_eq!(ask(&PkgConfig, line).as_deref(), Some(reading), "{line}");
        }
        for line in ["pkg-config --version", "pkg-config --list-all", "pkg-config --atleast-pkgconfig-version 0.9.0"] {
            assert!(!PkgConfig.keeps(&line.split(' ').collect::<Vec<_>>()), "{line}");
        }
    }
}
