//! Corepack: which pnpm or yarn a project asked for.

use super::install::{self, Kind, Line};
use super::{Asked, Context, Ecosystem, Reading, Want, call, families, listed, paths, project};
use crate::journal::{Invocation, Program};

/// The ecosystem.
pub(super) struct Corepack;

impl Ecosystem for Corepack {
    fn name(&self) -> &'static str {
        "corepack"
    }

    fn keeps(&self, argv: &[&str]) -> bool {
        request(argv).is_some()
    }

    /// The Yarn that was chosen: the second one has another package.
    fn program(&self, program: &Program, context: &Context) -> Reading {
        let is_yarn = |path: &str| listed("yarn yarnpkg", paths::name(path)) && paths::is_bin(path);
        if !program.path.as_str().is_some_and(is_yarn) {
            return Reading::Unrecognized;
        }
        let used = context.journal.invocations.iter().filter(|it| it.is_used()).filter_map(Invocation::words);
        let is_yarn = |(tool, _): &(&str, Option<&str>)| listed("yarn yarn-berry", tool);
        let chosen = used.filter_map(|words| tools(&words)?.into_iter().rfind(is_yarn)).next_back();
        let said = || project::version(context.journal, "yarn").map(|version| (yarn(Some(version)), Some(version)));
        let (tool, version) = chosen.or_else(said).unwrap_or_default();
        let choice = families::of_tool(context.index, tool, version);
        match choice {
            Some(choice) => Reading::Wants(vec![Want { programs: vec!["yarn".to_owned()], ..Want::of(choice, None) }]),
            None => Reading::Unrecognized,
        }
    }

    fn invocation(&self, invocation: &Invocation, context: &Context) -> Option<Asked> {
        let mut asked = Asked::default();
        for (tool, version) in tools(&invocation.words()?)? {
            install::put(tool, install::tool(context.index, tool, version), Kind::Tool, &mut asked);
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

/// Returns the package that is Yarn in a version, or by the name of a release: `berry`, `stable`.
fn yarn(version: Option<&str>) -> &'static str {
    if version.is_some_and(|version| !version.starts_with(['0', '1']) && version != "classic") {
        "yarn-berry"
    } else {
        "yarn"
    }
}

/// Returns the package managers that a command line sets up, each as nixpkgs calls it, with its version.
fn tools<'a>(argv: &[&'a str]) -> Option<Vec<(&'a str, Option<&'a str>)>> {
    let sets = call(argv).is_some_and(|(program, _)| program == "yarn");
    let tool = |word: &'a str| {
        let (name, version) = match word.split_once('@') {
            _ if sets => ("yarn", Some(word)),
            Some((name, version)) => (name, Some(version)),
            None => (word, None),
        };
        // The hash behind the version: `pnpm@9.1.0+sha256.…`.
        let version = version.map(|version| version.split('+').next().unwrap_or(version));
        (if name == "yarn" { yarn(version) } else { name }, version)
    };
    Some(request(argv)?.into_iter().map(tool).collect())
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
    use super::super::tests::{ask, journal, program, read, with_lines};
    use super::*;
    use crate::journal::{Journal, ProjectFile};

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

    #[test]
    fn the_second_yarn_is_another_package() {
        let alone = || journal("s", vec![program("/usr/bin/yarn")]);
        for (line, reading) in [
            ("corepack prepare yarn@4.1.0 --activate", "yarn-berry_4 4.1.0 [yarn] 1"),
            ("yarn set version stable", "yarn-berry [yarn] 1"),
            ("corepack use yarn@1.22.22", "yarn 1.22.22 [yarn] 1"),
        ] {
            assert_eq!(read(&with_lines(alone(), &[line])), [reading], "{line}");
        }
        let says = |text: &str| ProjectFile {
            path: "package.json".to_owned(),
            says: vec![text.to_owned()],
            ..ProjectFile::default()
        };
        assert_eq!(read(&Journal { files: vec![says("yarn 4.1.0")], ..alone() }), ["yarn-berry_4 [yarn] 1"]);
        assert_eq!(read(&Journal { files: vec![says("yarn 1.22.0")], ..alone() }), ["yarn [yarn] 1"]);
    }
}
