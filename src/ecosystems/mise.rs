//! mise and asdf: versions of any tool.

use super::install::{self, Kind, Line};
use super::{Asked, Context, Ecosystem, Reading, call, line, listed, paths, verifies};
use crate::index::Index;
use crate::journal::{Invocation, Program, UsedFlake};
use crate::shell::{Inner, Started};

/// Folders below which the first component is a tool and the second its version.
const FOLDERS: [&str; 3] = ["/mise/installs/", "/.asdf/installs/", "/rtx/installs/"];

/// Options that take a value.
const VALUES: &str = "-C --cd -E --env -j --jobs -t --tool --path -p --minimum-release-age --before";

/// Those of `mise exec` that do.
const SCRIPT: &str = "-C --cd -E --env -j --jobs -c --command";

/// Tools whose names differ.
const NAMES: &str = "awscli=awscli2 golang=go rust=rustc java=jdk dotnet-core=dotnet-sdk kubectl=kubectl gcloud=google-cloud-sdk \
    github-cli=gh yq=yq-go protoc=protobuf R=R direnv=direnv helm=kubernetes-helm";

/// The ecosystem.
pub(super) struct Mise;

impl Ecosystem for Mise {
    fn name(&self) -> &'static str {
        "mise"
    }

    fn keeps(&self, argv: &[&str]) -> bool {
        request(argv).is_some_and(|tools| !tools.is_empty())
    }

    fn program(&self, program: &Program, context: &Context) -> Reading {
        let kept = |path: &str| {
            let (tool, rest) = FOLDERS.iter().find_map(|folder| paths::below(path, folder))?;
            let (version, _) = rest.split_once('/')?;
            let name = paths::name(program.path.as_str()?);
            let tool = tool.rsplit(['/', ':']).next().unwrap_or(tool);
            // `npm-prettier`, `pipx-black`, `cargo-just`: the name after what installed it.
            let own = ["npm-", "pipx-", "cargo-", "ubi-", "aqua-", "go-", "github-"]
                .iter()
                .find_map(|kind| tool.strip_prefix(kind));
            let tool = own.map_or(tool, |_| name);
            let tool = install::by_hand(NAMES, tool).unwrap_or(tool);
            Some(install::managed(context, tool, version, name))
        };
        // Python's own are read as Python.
        let reads = |path: &&str| paths::is_bin(path) && !path.contains("/installs/python/");
        paths::of(program).filter(reads).find_map(kept).unwrap_or(Reading::Unrecognized)
    }

    fn invocation(&self, invocation: &Invocation, context: &Context) -> Option<Asked> {
        let mut asked = Asked::default();
        for (tool, version) in request(&invocation.words()?)? {
            read(tool, version, context.index, &mut asked);
        }
        let runs = invocation.argv.get(1).and_then(|verb| verb.as_str()).is_some_and(|verb| listed("exec x", verb));
        Some(if runs { asked.run() } else { asked })
    }

    fn installs(&self, argv: &[&str]) -> bool {
        let verbs = "use install i set global local shell plugin plugins add update upgrade up reshim trust settings prune where current";
        let is_one = |(program, rest): (&str, &[&str])| {
            listed("mise asdf rtx", program)
                && rest.iter().find(|word| !word.starts_with('-')).is_some_and(|verb| listed(verbs, verb))
        };
        call(argv).is_some_and(is_one)
    }

    fn verifies(&self, argv: &[&str]) -> Option<String> {
        verifies(inner(argv)?)
    }

    fn starts(&self, argv: &[&str]) -> Option<Started> {
        let (program, rest) = call(argv)?;
        let line = Line::read(&rest[..rest.iter().position(|word| *word == "--").unwrap_or(rest.len())], SCRIPT);
        let script = || line.values("-c --command").next().map(|script| Inner::Script(script.to_owned()));
        let inner = match (program, rest) {
            ("asdf", ["exec", _, ..]) => Inner::Words(2),
            _ => match inner(argv) {
                Some(inner) => Inner::Words(argv.len() - inner.len()),
                None => script().filter(|_| listed("mise rtx", program) && listed("exec x", rest[0]))?,
            },
        };
        Some(Started { inner, own: false })
    }

    fn inner(&self, argv: &[&str], _index: &Index, _flakes: &[UsedFlake]) -> Option<String> {
        line(argv, self.starts(argv)?)
    }
}

/// Returns the command of `mise exec … -- command`.
fn inner<'a, 'b>(argv: &'b [&'a str]) -> Option<&'b [&'a str]> {
    let (program, rest) = call(argv)?;
    let is_exec = listed("mise asdf rtx", program) && rest.first().is_some_and(|verb| listed("exec x", verb));
    let at = rest.iter().position(|word| *word == "--").filter(|_| is_exec)?;
    Some(&rest[at + 1..])
}

/// Returns the tools and versions that a command line installs or chooses.
fn request<'a>(argv: &[&'a str]) -> Option<Vec<(&'a str, Option<&'a str>)>> {
    let (program, words) = call(argv).filter(|(program, _)| listed("asdf mise rtx", program))?;
    let end = words.iter().position(|word| *word == "--").unwrap_or(words.len());
    let line = Line::read(&words[..end], VALUES);
    // The first `@` of a scope is part of the name: `npm:@scope/name@1`.
    let split = |word: &&'a str| match word
        .rsplit_once('@')
        .filter(|(tool, _)| !tool.is_empty() && !tool.ends_with([':', '/']))
    {
        Some((tool, version)) => (tool, Some(version)),
        None => (*word, None),
    };
    match program {
        "mise" | "rtx" => Some(line.after("use u install i exec x global local shell")?.iter().map(split).collect()),
        "asdf" => match line.after("install global local shell set")? {
            [tool, version, ..] => Some(vec![(*tool, Some(*version))]),
            words => Some(words.iter().map(|tool| (*tool, None)).collect()),
        },
        _ => None,
    }
}

fn read(tool: &str, version: Option<&str>, index: &Index, asked: &mut Asked) {
    let (backend, name) = tool.split_once(':').unwrap_or(("", tool));
    // `ubi:owner/repository[exe=rg]`.
    let name = name.split('[').next().unwrap_or(name);
    let name = if backend == "npm" { name } else { name.rsplit('/').next().unwrap_or(name) };
    let version = version.map(|version| version.strip_prefix("latest:").unwrap_or(version));
    let version = version.filter(|version| version.starts_with(|c: char| c.is_ascii_digit()) || version.contains('-'));
    install::put(tool, install::named(index, NAMES, name, version), Kind::Tool, asked);
}

#[cfg(test)]
mod tests {
    use super::super::tests::{alone, ask, program, starts_of};
    use super::*;

    #[test]
    fn command_lines() {
        for (line, reading) in [
            ("mise use -g node@22 python@3.11", "tools nodejs_22=22 python311=3.11"),
            ("mise install go@1.25.1 jq", "tools go_1_25=1.25.1 jq"),
            ("mise exec ripgrep@14 -- rg x", "wants ripgrep=14"),
            ("mise use npm:prettier cargo:just aqua:BurntSushi/ripgrep@latest", "tools prettier just ripgrep"),
            ("asdf install nodejs 22.11.0", "tools nodejs_22=22.11.0"),
            ("asdf install java temurin-17.0.9+9", "tools jdk17"),
            ("asdf install python latest:3.11", "tools python311=3.11"),
            ("asdf set -u ruby 3.3.0", "tools ruby_3_3=3.3.0"),
            ("mise use 'ubi:BurntSushi/ripgrep[exe=rg]@14'", "tools ripgrep=14"),
            ("rtx use node@lts-jod", "tools nodejs_22"),
            ("mise use postgres@15 php@8.2", "tools postgresql_15=15 php82=8.2"),
            ("mise use zz-no-such", "unrecognized zz-no-such"),
        ] {
            assert_eq!(ask(&Mise, line).as_deref(), Some(reading), "{line}");
        }
        for line in ["mise run test", "mise ls", "mise install", "asdf plugin add nodejs"] {
            assert_eq!(ask(&Mise, line).filter(|reading| !reading.is_empty()), None, "{line}");
        }
    }

    #[test]
    fn programs() {
        for (path, reading) in [
            ("~/.local/share/mise/installs/node/22.11/bin/node", "nodejs_22 22.11 [node] 1"),
            ("~/.asdf/installs/golang/1.25.3/go/bin/go", "go_1_25 1.25.3 [go] 1"),
            ("~/.local/share/mise/installs/java/temurin-17.0.9+9/bin/java", "jdk17 [java] 1"),
            ("~/.local/share/mise/installs/npm-prettier/3.1.0/bin/prettier", "prettier 3.1.0 [prettier] 1"),
            ("~/.local/share/mise/installs/python/3.12.1/bin/python3", "python312 [python3] 1"),
            ("~/.local/share/mise/shims/node", "nodejs [node] 1"),
        ] {
            assert_eq!(alone(program(path)), reading, "{path}");
        }
    }

    #[test]
    fn checks() {
        assert_eq!(Mise.verifies(&["mise", "exec", "node@22", "--", "npm", "test"]).as_deref(), Some("npm-test"));
        assert_eq!(Mise.verifies(&["mise", "ls"]), None);
    }

    #[test]
    fn what_it_starts() {
        for (line, command) in [
            ("mise exec node@20 -- node x.js", "node x.js"),
            ("mise x -- make check", "make check"),
            ("mise x node@20 -c 'npm ci && npm test'", "script npm ci && npm test"),
            ("asdf exec ruby x.rb", "ruby x.rb"),
            ("mise exec npm test", ""),
            ("mise", ""),
            ("mise run test", ""),
        ] {
            assert_eq!(starts_of(&Mise, line), command, "{line}");
        }
    }
}
