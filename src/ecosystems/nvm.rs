//! Managers of Node versions: nvm, fnm, volta and n.

use super::install::{self, Kind, Line};
use super::{Asked, Context, Ecosystem, Reading, call, listed, paths};
use crate::journal::{Invocation, Program};

/// Folders below which a component is the version of a Node.
const FOLDERS: [&str; 6] = [
    "/.nvm/versions/node/",
    "/nvm/versions/node/",
    "/fnm/node-versions/",
    "/n/versions/node/",
    "/.volta/tools/image/node/",
    "/hostedtoolcache/node/",
];

/// Folders of other tools that volta keeps.
const VOLTA: [&str; 3] = ["npm", "pnpm", "yarn"];

/// The ecosystem.
pub(super) struct Nvm;

impl Ecosystem for Nvm {
    fn name(&self) -> &'static str {
        "nvm"
    }

    fn keeps(&self, argv: &[&str]) -> bool {
        request(argv).is_some()
    }

    fn program(&self, program: &Program, context: &Context) -> Reading {
        let Some(name) = program.path.as_str().map(paths::name) else {
            return Reading::Unrecognized;
        };
        let node =
            |path: &str| FOLDERS.iter().find_map(|folder| Some(("node", paths::below(path, folder)?.0.to_owned())));
        let volta = |path: &str| {
            let of = |tool: &'static str| {
                Some((tool, paths::below(path, &format!("/.volta/tools/image/{tool}/"))?.0.to_owned()))
            };
            VOLTA.into_iter().find_map(of)
        };
        match paths::of(program).find_map(|path| node(path).or_else(|| volta(path))) {
            Some((tool, version)) => install::managed(context, tool, version.trim_start_matches('v'), name),
            None => Reading::Unrecognized,
        }
    }

    fn invocation(&self, invocation: &Invocation, context: &Context) -> Option<Asked> {
        let mut asked = Asked::default();
        for (tool, version) in request(&invocation.words()?)? {
            install::put(tool, install::tool(context.index, tool, version), Kind::Tool, &mut asked);
        }
        Some(asked)
    }

    fn installs(&self, argv: &[&str]) -> bool {
        request(argv).is_some()
    }
}

/// Returns the tools and versions that a command line installs or chooses.
fn request<'a>(argv: &[&'a str]) -> Option<Vec<(&'a str, Option<&'a str>)>> {
    let (program, words) = call(argv).filter(|(program, _)| listed("fnm n nvm volta", program))?;
    let line = Line::read(words, "--reinstall-packages-from --node-dist-mirror --arch -a");
    let node = |version: &&'a str| {
        ("node", Some(version.trim_start_matches('v')).filter(|v| v.starts_with(|c: char| c.is_ascii_digit())))
    };
    match program {
        "nvm" | "fnm" => {
            let named = line.after("alias default install use")?;
            let latest = named.is_empty() && words.iter().any(|word| listed("--lts --latest", word));
            Some(if latest { vec![("node", None)] } else { named.iter().take(1).map(node).collect() })
        }
        "n" => Some(
            line.words.iter().filter(|word| !listed("install exec run rm prune", word)).take(1).map(node).collect(),
        ),
        "volta" => {
            let tool =
                |word: &&'a str| word.split_once('@').map_or((*word, None), |(tool, version)| (tool, Some(version)));
            Some(line.after("install pin fetch")?.iter().map(tool).collect())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{alone, ask, program, resolved};
    use super::*;

    #[test]
    fn command_lines() {
        for (line, reading) in [
            ("nvm install 22", "tools nodejs_22=22"),
            ("nvm install --lts", "tools nodejs"),
            ("nvm install", ""),
            ("nvm use v20.11.1", "tools nodejs_22=20.11.1"),
            ("fnm use 24", "tools nodejs_24=24"),
            ("n lts", "tools nodejs"),
            ("volta install node@22.1.0 pnpm@10", "tools nodejs_22=22.1.0 pnpm_10=10"),
        ] {
            assert_eq!(ask(&Nvm, line).as_deref(), Some(reading), "{line}");
        }
        for line in ["nvm ls", "fnm env", "volta list"] {
            assert_eq!(ask(&Nvm, line), None, "{line}");
        }
    }

    #[test]
    fn programs() {
        for (path, reading) in [
            ("~/.nvm/versions/node/v20.11.1/bin/node", "nodejs_22 for nodejs_20 20.11.1 [node] 1"),
            ("~/.nvm/versions/node/v22.4.0/bin/npx", "nodejs_22 22.4.0 [npx] 1"),
            ("~/.nvm/versions/node/v22.4.0/bin/tsc", "typescript [tsc] 1"),
            ("~/.local/share/fnm/node-versions/v24.1.0/installation/bin/node", "nodejs_24 24.1.0 [node] 1"),
            ("~/.volta/tools/image/node/18.19.0/bin/node", "nodejs_22 for nodejs_18 18.19.0 [node] 1"),
            ("~/.volta/tools/image/pnpm/10.1.0/bin/pnpm", "pnpm_10 10.1.0 [pnpm] 1"),
            ("/usr/local/n/versions/node/22.0.0/bin/node", "nodejs_22 22.0.0 [node] 1"),
            ("~/.volta/bin/node", "nodejs [node] 1"),
        ] {
            assert_eq!(alone(program(path)), reading, "{path}");
        }
        let linked = resolved("/usr/local/bin/node", "~/.nvm/versions/node/v22.4.0/bin/node");
        assert_eq!(alone(linked), "nodejs_22 22.4.0 [node] 1");
    }
}
