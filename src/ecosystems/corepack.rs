//! Corepack: which pnpm or yarn a project asked for.

use super::install::{self, Kind, Line};
use super::{Asked, Context, Ecosystem, call, listed};
use crate::journal::Invocation;

/// The ecosystem.
pub(super) struct Corepack;

impl Ecosystem for Corepack {
    fn name(&self) -> &'static str {
        "corepack"
    }

    fn keeps(&self, argv: &[&str]) -> bool {
        request(argv).is_some()
    }

    fn invocation(&self, invocation: &Invocation, context: &Context) -> Option<Asked> {
        let mut asked = Asked::default();
        let words = invocation.words()?;
        let sets = call(&words).is_some_and(|(program, _)| program == "yarn");
        for word in request(&words)? {
            let word = if sets { format!("yarn@{word}") } else { word.to_owned() };
            let word = word.as_str();
            let (name, version) = word.split_once('@').map_or((word, None), |(name, version)| (name, Some(version)));
            // The hash behind the version: `pnpm@9.1.0+sha256.…`.
            let version = version.map(|version| version.split('+').next().unwrap_or(version));
            let modern = name == "yarn" && version.is_some_and(|version| !version.starts_with(['0', '1']));
            let tool = if modern { "yarn-berry" } else { name };
            install::put(word, install::tool(context.index, tool, version), Kind::Tool, &mut asked);
        }
        Some(asked)
    }

    fn installs(&self, argv: &[&str]) -> bool {
        call(argv).is_some_and(|(program, rest)| {
            let runs = |word: &&str| listed("npm pnpm yarn", word.split('@').next().unwrap_or(word));
            program == "corepack" && !rest.first().is_some_and(runs)
        })
    }
}

/// Returns the package managers that a command line sets up, or runs in a version.
fn request<'a>(argv: &[&'a str]) -> Option<Vec<&'a str>> {
    let (program, words) = call(argv).filter(|(program, _)| ["corepack", "yarn"].contains(program))?;
    let line = Line::read(words, "--install-directory -o --output");
    match (program, line.words.as_slice()) {
        ("yarn", ["set", "version", version, ..]) => return Some(vec![*version]),
        ("yarn", _) => return None,
        (_, [first, ..]) if first.contains('@') => return Some(vec![*first]),
        _ => {}
    }
    let words = line.after("enable install prepare use hydrate")?;
    Some(words.to_vec()).filter(|words| !words.is_empty())
}

#[cfg(test)]
mod tests {
    use super::super::tests::ask;
    use super::*;

    #[test]
    fn command_lines() {
        for (line, reading) in [
            ("corepack enable pnpm", "tools pnpm"),
            ("corepack prepare pnpm@10.2.1+sha256.00 --activate", "tools pnpm_10=10.2.1"),
            ("corepack use yarn@4.1.0", "tools yarn-berry_4=4.1.0"),
            ("corepack prepare yarn@1.22.22", "tools yarn=1.22.22"),
            ("corepack pnpm@10 install", "tools pnpm_10=10"),
            ("yarn set version berry", "tools yarn-berry"),
            ("yarn set version 4.1.0", "tools yarn-berry_4=4.1.0"),
        ] {
            assert_eq!(ask(&Corepack, line).as_deref(), Some(reading), "{line}");
        }
        for line in ["corepack enable", "corepack pnpm install", "corepack"] {
            assert_eq!(ask(&Corepack, line), None, "{line}");
        }
    }
}
