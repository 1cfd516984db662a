//! Managers of Node versions: nvm, fnm, volta, nodenv and n.

use super::install::{self, Kind, Line};
use super::{Asked, Context, Ecosystem, Reading, behind, call, families, line, listed, options, paths};
use crate::index::Index;
use crate::journal::{Invocation, Program, UsedFlake};
use crate::shell::{Inner, Started};

/// Folders below which a component is the version of a Node.
const FOLDERS: [&str; 10] = [
    "/.nvm/versions/node/",
    "/nvm/versions/node/",
    "/fnm/node-versions/",
    "/n/versions/node/",
    "/.volta/tools/image/node/",
    "/hostedtoolcache/node/",
    "/.nodenv/versions/",
    "/node-v",
    "/share/nvm/v",
    "/share/pnpm/nodejs/",
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
            Some((tool, version)) => {
                // `node-v20.11.1-linux-x64`, as it is unpacked.
                let version = version.trim_start_matches('v').split('-').next().unwrap_or_default();
                install::managed(context, tool, version, name)
            }
            None => Reading::Unrecognized,
        }
    }

    fn invocation(&self, invocation: &Invocation, context: &Context) -> Option<Asked> {
        let mut asked = Asked::default();
        let words = invocation.words()?;
        for (tool, version) in request(&words)? {
            install::put(tool, install::tool(context.index, tool, version), Kind::Tool, &mut asked);
        }
        Some(if runs(&words) { asked.run() } else { asked })
    }

    fn installs(&self, argv: &[&str]) -> bool {
        request(argv).is_some() && !runs(argv)
    }

    fn starts(&self, argv: &[&str]) -> Option<Started> {
        let (program, words) = call(argv)?;
        let inner = match (program, words) {
            ("fnm" | "nodenv", _) => {
                Inner::Words(behind(argv, "exec", "--using --node-dist-mirror --fnm-dir --arch --log-level")?)
            }
            ("volta", _) => Inner::Words(behind(argv, "run", "--node --npm --pnpm --yarn --env")?),
            ("nvm" | "n", [verb @ ("exec" | "run"), rest @ ..]) => {
                let mut at = 2 + options(rest, "");
                at += usize::from(argv.get(at).is_some_and(|word| is_version(word)));
                at += options(argv.get(at..)?, "");
                if *verb == "exec" { Inner::Words(at) } else { Inner::Named("node".to_owned(), at) }
            }
            _ => return None,
        };
        Some(Started { inner, own: false })
    }

    fn inner(&self, argv: &[&str], _index: &Index, _flakes: &[UsedFlake]) -> Option<String> {
        line(argv, self.starts(argv)?)
    }
}

/// Returns whether a word stands for a version of Node: a number, or a name of nvm's.
fn is_version(word: &str) -> bool {
    word.trim_start_matches('v').starts_with(|c: char| c.is_ascii_digit())
        || word.starts_with("lts")
        || listed("current default iojs latest node stable system", word)
}

/// Returns whether a command line runs something with a version.
fn runs(argv: &[&str]) -> bool {
    argv.get(1).is_some_and(|verb| listed("exec run", verb))
}

/// Returns the tools and versions that a command line installs or chooses.
fn request<'a>(argv: &[&'a str]) -> Option<Vec<(&'a str, Option<&'a str>)>> {
    let (program, words) = call(argv).filter(|(program, _)| listed("fnm n nodenv nvm volta", program))?;
    let line = Line::read(words, "--reinstall-packages-from --node-dist-mirror --arch -a --using --node");
    let node = |version: &&'a str| {
        let version = families::release(version).unwrap_or(version.trim_start_matches('v'));
        ("node", Some(version).filter(|version| version.starts_with(|c: char| c.is_ascii_digit())))
    };
    match program {
        "nodenv" => Some(line.after("install global local shell")?.iter().take(1).map(node).collect()),
        // What is run with a version is behind it.
        "nvm" | "fnm" | "volta" if listed("exec run", line.words.first()?) => {
            let named = line.values("--using --node").next();
            let first = line.words.get(1).copied().filter(|_| program == "nvm");
            let version = node(&named.or(first)?);
            Some(vec![version]).filter(|_| version.1.is_some())
        }
        "nvm" | "fnm" => {
            let named = line.after("alias default install use")?;
            // `nvm alias default 20`.
            let named = named.strip_prefix(&["default"]).filter(|rest| !rest.is_empty()).unwrap_or(named);
            let release = line.values("--lts").find(|release| !release.is_empty());
            let latest = named.is_empty() && line.has("--lts --latest --latest-npm");
            Some(match release {
                Some(release) => vec![node(&release)],
                None if latest => vec![("node", None)],
                None => named.iter().take(1).map(node).collect(),
            })
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
    use super::super::tests::{alone, ask, program, resolved, starts_of};
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
            ("nvm install --lts=jod", "tools nodejs_22=22"),
            ("nvm install lts/iron", "tools nodejs_22=20"),
            ("nvm alias default 22", "tools nodejs_22=22"),
            ("nvm install 24 --reinstall-packages-from=20", "tools nodejs_24=24"),
            ("nvm exec 22 node x.js", "wants nodejs_22=22"),
            ("fnm exec --using=24 -- node x.js", "wants nodejs_24=24"),
            ("fnm use --install-if-missing 20", "tools nodejs_22=20"),
            ("volta run --node 22 npm test", "wants nodejs_22=22"),
            ("nodenv global 22.11.0", "tools nodejs_22=22.11.0"),
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
            ("/opt/node-v22.4.0-linux-x64/bin/node", "nodejs_22 22.4.0 [node] 1"),
            ("~/.local/share/pnpm/nodejs/22.4.0/bin/node", "nodejs_22 22.4.0 [node] 1"),
            ("~/.nodenv/versions/24.1.0/bin/npm", "nodejs_24 24.1.0 [npm] 1"),
            ("~/.volta/bin/node", "nodejs [node] 1"),
        ] {
            assert_eq!(alone(program(path)), reading, "{path}");
        }
        let linked = resolved("/usr/local/bin/node", "~/.nvm/versions/node/v22.4.0/bin/node");
        assert_eq!(alone(linked), "nodejs_22 22.4.0 [node] 1");
    }

    #[test]
    fn what_it_starts() {
        for (line, command) in [
            ("nvm exec 20 node x.js", "node x.js"),
            ("nvm exec --silent lts/iron npm test", "npm test"),
            ("nvm exec npm test", "npm test"),
            ("nvm run 20 x.js", "node x.js"),
            ("fnm exec --using=20 -- node x.js", "node x.js"),
            ("fnm exec --using 20 npm ci", "npm ci"),
            ("volta run --node 20 --npm 9 npx tsc", "npx tsc"),
            ("nodenv exec node x.js", "node x.js"),
            ("n exec 20 node x.js", "node x.js"),
            ("nvm use 20", ""),
            ("nvm exec", ""),
        ] {
            assert_eq!(starts_of(&Nvm, line), command, "{line}");
        }
    }
}
