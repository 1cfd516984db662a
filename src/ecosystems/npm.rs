//! JavaScript and TypeScript: what npm, pnpm, yarn, bun and npx install and run, and what tests, builds and lints.

use super::install::{self, Kind, Line};
use super::{
    Asked, Context, Ecosystem, Near, Need, Reading, Want, call, check_name, families, listed, paths, project, verb,
    verifies,
};
use crate::index::{Index, Source};
use crate::journal::{Invocation, Program};
use crate::requirements::LockKind;

/// Options that take a value.
const VALUES: &str = "--prefix -C --dir --filter -F --workspace -w --registry --tag --cwd -p --package -c --call --userconfig \
    --cache --loglevel --omit --include --save-prefix --depth";

/// Packages whose names differ.
const NAMES: &str = "@biomejs/biome=biome @vue/cli=vue-cli @nestjs/cli=nest-cli aws-cdk=aws-cdk-cli \
    neovim=neovim-node-client vscode-langservers-extracted=vscode-langservers-extracted yarn=yarn pnpm=pnpm \
    @openapitools/openapi-generator-cli=openapi-generator-cli @bazel/bazelisk=bazelisk bun=bun @mermaid-js/mermaid-cli=mermaid-cli \
    @commitlint/cli=commitlint @stoplight/spectral-cli=spectral-cli vercel=vercel wrangler=wrangler corepack=corepack";

/// Programs that install packages of JavaScript.
const MANAGERS: &str = "bun bunx npm npx pnpm pnpx yarn yarnpkg";

/// The ecosystem.
pub(super) struct Npm;

impl Ecosystem for Npm {
    fn name(&self) -> &'static str {
        "npm"
    }

    fn keeps(&self, argv: &[&str]) -> bool {
        request(argv).is_some_and(|request| !request.words().is_empty())
    }

    fn program(&self, program: &Program, context: &Context) -> Reading {
        let Some(path) = program.path.as_str() else {
            return Reading::Unrecognized;
        };
        let name = paths::name(path);
        let node = || families::of_tool(context.index, "node", project::version(context.journal, "node"));
        if path.contains("/_npx/") || path.contains("/dlx-") {
            let found = context.index.program(name).filter(|_| !is_runtime(name));
            let wanted = found.map(|found| super::wants(context.index, found.attr, name, None));
            return Reading::Wants(wanted.or_else(|| Some(vec![Want::of(node()?, None)])).unwrap_or_default());
        }
        if paths::is_project(path) && path.contains("node_modules/") {
            return match node().filter(|_| path.contains("node_modules/.bin/")) {
                Some(choice) => Reading::Wants(vec![Want::of(choice, None)]),
                None => Reading::Ignored(install::LOCKED),
            };
        }
        // nodesource's package has the version that was chosen; the distribution's has the one it happens to have.
        let chosen =
            program.owner.as_ref().filter(|owner| owner.package == "nodejs" && owner.version.contains("nodesource"));
        match chosen.and_then(|owner| super::versions::upstream(&owner.version)) {
            Some(version) if is_runtime(name) => install::managed(context, "node", &version, name),
            _ => Reading::Unrecognized,
        }
    }

    fn invocation(&self, invocation: &Invocation, context: &Context) -> Option<Asked> {
        let words = invocation.words()?;
        let mut asked = Asked::default();
        match request(&words)? {
            Request::Global(words) => words.into_iter().for_each(|word| match split(word).0 {
                "npm" => drop(asked.ignored.insert("a part of Node")),
                _ => install::put(word, find(context.index, word), Kind::Tool, &mut asked),
            }),
            Request::Node(version) => {
                asked.tools.extend(install::tool(context.index, "node", families::release(version).or(Some(version))));
            }
            Request::Project(_) => drop(asked.ignored.insert(install::LOCKED)),
            Request::Runs(words) => words.into_iter().for_each(|word| read_run(word, context, &mut asked)),
        }
        Some(asked)
    }

    fn installs(&self, argv: &[&str]) -> bool {
        matches!(request(argv), Some(Request::Global(_) | Request::Node(_)))
    }

    fn verifies(&self, argv: &[&str]) -> Option<String> {
        let (program, rest) = call(argv)?;
        if let Some(inner) = behind(program, rest) {
            return verifies(inner);
        }
        let has = |words: &str| rest.iter().any(|word| listed(words, word));
        match program {
            "npm" | "pnpm" | "yarn" | "bun" => match rest {
                ["test" | "t", ..] => Some(check_name(&[program, "test"])),
                ["run", script, ..] if is_check(script) => Some(check_name(&[program, script])),
                [script, ..] if program != "npm" && program != "bun" && is_check(script) => {
                    Some(check_name(&[program, script]))
                }
                _ => None,
            },
            "node" => rest.first().filter(|word| **word == "--test").map(|_| "node-test".to_owned()),
            "deno" if rest.first() == Some(&"fmt") => has("--check").then(|| "deno-fmt".to_owned()),
            "deno" => verb(program, rest, &["check", "lint", "test"]),
            "tsc" => (!has("-w --init")).then(|| "tsc".to_owned()),
            "prettier" => (has("--check -c") && !has("-w --write")).then(|| "prettier-check".to_owned()),
            "eslint" | "stylelint" | "oxlint" => (!has("--fix")).then(|| program.to_owned()),
            "jest" | "mocha" => Some(program.to_owned()),
            "vitest" => verb(program, rest, &["run"]).map(|_| program.to_owned()),
            "biome" if has("--write --fix") => None,
            "biome" => verb(program, rest, &["check", "ci", "lint"]),
            _ => None,
        }
    }

    fn need(&self, program: &str, near: &Near) -> Option<Need> {
        const WHY: &str = "its package-lock.json keeps packages of git or without a hash";
        const OTHERS: &str = "Nix reads no lock file of pnpm, yarn or bun without a hash that only a network finds";
        if !listed("bun node nodejs npm npx pnpm yarn", program) {
            return None;
        }
        let others = ["bun.lock", "bun.lockb", "pnpm-lock.yaml", "yarn.lock"];
        let other = || others.iter().any(|name| near.find(name).is_some()).then_some(Need::Online(OTHERS));
        if near.find("package-lock.json").is_some() { near.need(LockKind::Npm, WHY) } else { other() }
    }

    fn makes(&self, argv: &[&str], _near: &Near) -> Vec<String> {
        match call(argv) {
            Some(("tsc", rest)) => Line::read(rest, "--outDir --outFile -p --project")
                .values("--outDir --outFile")
                .map(str::to_owned)
                .collect(),
            _ => Vec::new(),
        }
    }
}

/// Returns whether a program is Node's own.
fn is_runtime(name: &str) -> bool {
    listed("corepack node nodejs npm npx", name)
}

/// What a command line asks for.
enum Request<'a> {
    /// Packages for the machine.
    Global(Vec<&'a str>),
    /// Packages for the project.
    Project(Vec<&'a str>),
    /// Packages to run a program of.
    Runs(Vec<&'a str>),
    /// A version of Node.
    Node(&'a str),
}

impl<'a> Request<'a> {
    fn words(&self) -> Vec<&'a str> {
        match self {
            Self::Global(words) | Self::Project(words) | Self::Runs(words) => words.clone(),
            Self::Node(version) => vec![version],
        }
    }
}

fn request<'a>(argv: &[&'a str]) -> Option<Request<'a>> {
    let (program, words) = call(argv).filter(|(program, _)| listed(MANAGERS, program))?;
    if let Some(rest) = runner(program, words) {
        let inner = behind(program, words).unwrap_or_default();
        let packages: Vec<&str> =
            Line::read(&words[..words.len() - inner.len()], VALUES).values("-p --package").collect();
        let named = || inner.first().map(|word| vec![*word]).unwrap_or_default();
        let packages = if packages.is_empty() && !rest.is_empty() { named() } else { packages };
        return Some(Request::Runs(packages));
    }
    let line = Line::read(words, VALUES);
    let global = line.has("-g --global") || line.options.contains(&("--location", "global"));
    match line.words.as_slice() {
        ["global", "add", words @ ..] if program == "yarn" => Some(Request::Global(words.to_vec())),
        ["install" | "i" | "add" | "isntall", words @ ..] if global => Some(Request::Global(words.to_vec())),
        ["install" | "i" | "add", words @ ..] => Some(Request::Project(words.to_vec())),
        ["env", "use" | "add", version, ..] if program == "pnpm" => Some(Request::Node(version)),
        _ => None,
    }
}

/// Returns what follows `npx` and its like; options may stand before the verb.
fn runner<'a, 'b>(program: &str, words: &'b [&'a str]) -> Option<&'b [&'a str]> {
    let verbs = match program {
        "npx" | "bunx" | "pnpx" => return Some(words),
        "npm" | "pnpm" => "exec x dlx",
        "yarn" => "dlx exec",
        "bun" => "x",
        _ => return None,
    };
    let mut at = 0;
    while words.get(at)?.starts_with('-') {
        at += 1 + usize::from(listed(VALUES, words[at]));
    }
    listed(verbs, words[at]).then(|| &words[at + 1..])
}

/// Returns the command that npx and its like run.
fn behind<'a, 'b>(program: &str, words: &'b [&'a str]) -> Option<&'b [&'a str]> {
    let rest = runner(program, words)?;
    let mut at = 0;
    while let Some(word) = rest.get(at).filter(|word| word.starts_with('-')) {
        at += 1 + usize::from(listed("-p --package -c --call -w --workspace", word));
        if *word == "--" {
            break;
        }
    }
    rest.get(at..).filter(|inner| !inner.is_empty())
}

/// Reads a package of which a program is run: the project's own, or another.
fn read_run(word: &str, context: &Context, asked: &mut Asked) {
    let name = split(word).0;
    let is_own = context.ran_in(paths::name(name), |path| paths::is_project(path) && path.contains("node_modules/"));
    match find(context.index, word).filter(|_| !is_own) {
        _ if is_own => drop(asked.ignored.insert(install::LOCKED)),
        _ if name.starts_with('.') => drop(asked.ignored.insert("the project itself")),
        Some(want) => asked.wants.push(want),
        None => drop(asked.unrecognized.insert(format!("npx {word}"))),
    }
}

/// Splits `@scope/name@1.2` into its name and version.
fn split(word: &str) -> (&str, Option<&str>) {
    match word.char_indices().skip(1).find(|(_, c)| *c == '@') {
        Some((at, _)) => (&word[..at], Some(&word[at + 1..])),
        None => (word, None),
    }
}

/// Returns the package of nixpkgs for one of npm.
fn find(index: &Index, word: &str) -> Option<Want> {
    let (name, version) = split(word);
    if install::by_hand(NAMES, name).is_none() && name.contains('/') {
        // Of a scope only what has a program of the very name: anyone may call a package `cli`.
        let short = paths::name(name);
        let found =
            index.program(short).filter(|found| found.source == Source::Override || found.attr.as_str() == short)?;
        return (!short.ends_with("cli") || short.len() > 4).then(|| Want::new(found.attr));
    }
    install::named(index, NAMES, name, version)
}

/// Returns whether a script of `package.json` of this name tests, builds or lints: the first word of its name says so.
fn is_check(script: &str) -> bool {
    let first = script.split([':', '-', '.']).next().unwrap_or(script);
    listed("build check ci compile lint test tests tsc typecheck types unit validate verify", first)
        && !script.split([':', '-']).any(|word| listed("fix watch dev update write", word))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{alone, ask, journal, owned, program, read, with_lines};
    use super::*;

    #[test]
    fn command_lines() {
        for (line, reading) in [
            ("npm install -g typescript prettier@3.1.0", "tools typescript prettier=3.1.0"),
            ("yarn global add serve", "tools serve"),
            ("pnpm add -g @bazel/bazelisk", "tools bazelisk"),
            ("npm i express", "ignored the project's lock file keeps it"),
            ("bun add -d @types/node", "ignored the project's lock file keeps it"),
            ("npx -y prettier --check .", "wants prettier"),
            ("npx zz-no-such-thing", "unrecognized npx zz-no-such-thing"),
            ("npx -y -p typescript@5 -p prettier -c 'tsc -v'", "wants typescript=5 prettier"),
            ("npx --package=typescript tsc --noEmit", "wants typescript"),
            ("npm exec --yes --package typescript -- tsc", "wants typescript"),
            ("pnpm --package=typescript dlx tsc", "wants typescript"),
            ("yarn dlx -p typescript tsc", "wants typescript"),
            ("npx ./tool", "ignored the project itself"),
            ("npm i --location=global npm@10 eslint", "tools eslint | ignored a part of Node"),
            ("pnpm env use --global 22", "tools nodejs_22=22"),
            ("pnpm -g add typescript@5", "tools typescript=5"),
            ("bunx @biomejs/biome check", "wants biome"),
        ] {
            assert_eq!(ask(&Npm, line).as_deref(), Some(reading), "{line}");
        }
        for line in ["npm ci", "npm install", "npm test", "npm run build", "npx"] {
            assert!(!Npm.keeps(&line.split(' ').collect::<Vec<_>>()), "{line}");
        }
    }

    #[test]
    fn programs() {
        assert_eq!(alone(program("node_modules/.bin/eslint")), "nodejs [] 1");
        assert_eq!(
            alone(program("node_modules/@esbuild/linux-x64/bin/esbuild")),
            "p1 ignored: the project's lock file keeps it"
        );
        assert_eq!(alone(program("~/.npm/_npx/0a1b/node_modules/.bin/prettier")), "prettier [prettier] 1");
        assert_eq!(alone(owned("/usr/bin/node", "nodejs", "22.11.0-1nodesource1")), "nodejs_22 22.11.0 [node] 1");
        assert_eq!(alone(owned("/usr/bin/node", "nodejs", "18.20.4+dfsg-1~deb12u1")), "nodejs 18.20.4 [node] 1");
        let own = with_lines(journal("s", vec![program("node_modules/.bin/eslint")]), &["npx eslint ."]);
        assert_eq!(read(&own), ["nodejs [] 1", "i1 ignored: the project's lock file keeps it"]);
    }

    #[test]
    fn checks() {
        for (line, name) in [
            ("npm test", Some("npm-test")),
            ("npm run lint:js", Some("npm-lint-js")),
            ("pnpm build", Some("pnpm-build")),
            ("npm run dev", None),
            ("npm ci", None),
            ("bun test", Some("bun-test")),
            ("bun build x.ts", None),
            ("tsc --noEmit", Some("tsc")),
            ("eslint --fix .", None),
            ("prettier --check .", Some("prettier-check")),
            ("npx eslint src", Some("eslint")),
            ("pnpm exec tsc --noEmit", Some("tsc")),
            ("npx --yes prettier --check .", Some("prettier-check")),
            ("node --test", Some("node-test")),
            ("node x.js", None),
        ] {
            let words: Vec<&str> = line.split(' ').collect();
            assert_eq!(Npm.verifies(&words).as_deref(), name, "{line}");
        }
    }
}
