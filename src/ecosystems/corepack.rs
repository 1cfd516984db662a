//! Corepack: which pnpm or yarn a project asked for.

use super::install::{self, Kind, Line};
use super::{Asked, Context, Ecosystem, call};
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
        for word in request(&invocation.words()?)? {
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
            program == "corepack" && !matches!(rest.first(), Some(&("pnpm" | "yarn" | "npm")))
        })
    }
}

/// Returns the package managers that a command line sets up.
fn request<'a>(argv: &[&'a str]) -> Option<Vec<&'a str>> {
    let (_, words) = call(argv).filter(|(program, _)| *program == "corepack")?;
    let line = Line::read(words, "--install-directory -o --output");
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
        ] {
            assert_eq!(ask(&Corepack, line).as_deref(), Some(reading), "{line}");
        }
        for line in ["corepack enable", "corepack pnpm install", "corepack"] {
            assert_eq!(ask(&Corepack, line), None, "{line}");
        }
    }
}
