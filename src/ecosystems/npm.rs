//! JavaScript and TypeScript: what npm, pnpm, yarn, bun and npx install and run, and what tests, builds and lints.

use super::install::{self, Kind, Line};
use super::{
    Asked, Context, Ecosystem, Near, Need, Reading, Want, call, check_name, families, listed, paths, project, verb,
    verifies, wants,
};
use crate::journal::{Invocation, Known, Program};
use crate::requirements::LockKind;
use crate::shell::{Inner, Started};

mod ask;
mod names;

use ask::{MANAGERS, Request, VALUES, behind, initializer, request, runner, split};
use names::{find, tool};

/// Reason for what makes a project: what that needs is in its own files.
const MAKES: &str = "it makes a project, once";

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
            let found = tool(context.index, name).filter(|_| !is_runtime(name));
            let wanted = found.map(|attr| wants(context.index, attr, name, None));
            return Reading::Wants(wanted.or_else(|| Some(vec![Want::of(node()?, None)])).unwrap_or_default());
        }
        if let Some(through) = program.through.as_deref().filter(|through| listed(MANAGERS, through)) {
            let is_of_others = is_runtime(name) || listed(MANAGERS, name) || context.index.stdenv(name).is_some();
            let runs_it = || {
                if through.starts_with("bun") {
                    Some(Want::new(context.index.known("bun")?))
                } else {
                    Some(Want::of(node()?, None))
                }
            };
            // The lock file of a project keeps what it starts by name.
            let is_locked = project::keeps(context.journal, "node");
            return match tool(context.index, name).filter(|_| !is_locked) {
                _ if is_of_others => Reading::Unrecognized,
                Some(attr) => Reading::Wants(wants(context.index, attr, name, None)),
                None => Reading::Wants(runs_it().into_iter().collect()),
            };
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
            Request::Makes(_) => drop(asked.ignored.insert(MAKES)),
            Request::Runs(words) => {
                // A version that is named is one that is fetched.
                let is_own = |word: &str| {
                    invocation.known == Known::Claimed
                        && project::keeps(context.journal, "node")
                        && split(word).1.is_none()
                };
                words.into_iter().for_each(|word| read_run(word, is_own(word), context, &mut asked));
            }
        }
        Some(asked)
    }

    fn installs(&self, argv: &[&str]) -> bool {
        matches!(request(argv), Some(Request::Global(_) | Request::Node(_)))
    }

    fn starts(&self, argv: &[&str]) -> Option<Started> {
        let (program, words) = call(argv).filter(|(program, _)| listed(MANAGERS, program))?;
        if let Some(Request::Makes(name)) = request(argv) {
            let at = argv.iter().position(|word| *word == name)?;
            return Some(Started { inner: Inner::Named(initializer(name)?, at + 1), own: true });
        }
        let rest = runner(program, words)?;
        let before = words.len() - behind(program, words).unwrap_or_default().len();
        let line = Line::read(&words[..before], VALUES);
        let at = 1 + before;
        let of_scope = || line.values("-p --package").any(|package| package.contains(['/', ':']));
        let inner = match line.values("-c --call").next() {
            Some(script) if !rest.is_empty() => Inner::Script(script.to_owned()),
            _ if argv.get(at)?.starts_with('.') => Inner::Words(at),
            // Of a scope a program may have any name.
            _ if argv[at].contains(['/', ':']) || of_scope() => return None,
            _ if line.has("-p --package") => Inner::Words(at),
            _ => Inner::Named(split(argv[at]).0.to_owned(), at + 1),
        };
        Some(Started { inner, own: true })
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
        const UNREAD: &str = "Nix reads no lock file of pnpm, yarn or bun without a hash that only a network finds";
        if !listed("bun node nodejs npm npx pnpm yarn", program) {
            return None;
        }
        let others = ["bun.lock", "bun.lockb", "pnpm-lock.yaml", "yarn.lock"];
        let other = || others.iter().any(|name| near.find(name).is_some()).then_some(Need::Online(UNREAD));
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

/// Reads a package of which a program is run: the project's own, or another.
fn read_run(word: &str, of_project: bool, context: &Context, asked: &mut Asked) {
    let name = split(word).0;
    let is_own = context.ran_in(paths::name(name), |path| paths::is_project(path) && path.contains("node_modules/"));
    let is_known =
        name.contains('/') || is_runtime(name) || listed(MANAGERS, name) || tool(context.index, name).is_some();
    match find(context.index, word).filter(|_| is_known) {
        _ if name.starts_with('.') => drop(asked.ignored.insert("the project itself")),
        _ if is_own || of_project => drop(asked.ignored.insert(install::LOCKED)),
        Some(want) => asked.wants.push(want),
        None => drop(asked.unrecognized.insert(format!("npx {word}"))),
    }
}

/// Returns whether a script of `package.json` of this name tests, builds or lints: the first word of its name says so.
fn is_check(script: &str) -> bool {
    let first = script.split([':', '-', '.']).next().unwrap_or(script);
    listed("build check ci compile lint test tests tsc typecheck types unit validate verify", first)
        && !script.split([':', '-']).any(|word| listed("fix watch dev update write", word))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{alone, ask, journal, owned, program, read, starts_of, with_lines};
    use super::*;
    use crate::journal::ProjectFile;

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
            ("npx next dev", "unrecognized npx next"),
            ("npx vue create x", "unrecognized npx vue"),
            ("npx vite build", "unrecognized npx vite"),
            ("npx sv create app", "unrecognized npx sv"),
            ("npx just build", "unrecognized npx just"),
            ("npx task x", "unrecognized npx task"),
            ("npx @acme/task x", "unrecognized npx @acme/task"),
            ("npx -p @acme/tools rg x", "unrecognized npx @acme/tools"),
            ("bunx markdownlint-cli2 x.md", "wants markdownlint-cli2"),
            ("npx tsc --noEmit", "wants typescript"),
            ("npx @modelcontextprotocol/inspector", "unrecognized npx @modelcontextprotocol/inspector"),
            ("npm i -g @google/gemini-cli @openai/codex sass", "tools gemini-cli codex dart-sass"),
            ("npm create vite@latest app", "ignored it makes a project, once"),
            ("npm init @eslint/config", "ignored it makes a project, once"),
            ("npx create-react-app app", "ignored it makes a project, once"),
            ("pnpm create vite", "ignored it makes a project, once"),
            ("pnpm dlx create-turbo@latest", "ignored it makes a project, once"),
            ("yarn create react-app app", "ignored it makes a project, once"),
            ("bun create hono@latest app", "ignored it makes a project, once"),
            ("npm i --location=global npm@10 eslint", "tools eslint | ignored a part of Node"),
            ("pnpm env use --global 22", "tools nodejs_22=22"),
            ("pnpm -g add typescript@5", "tools typescript=5"),
            ("bunx @biomejs/biome check", "wants biome"),
        ] {
            assert_eq!(ask(&Npm, line).as_deref(), Some(reading), "{line}");
        }
        for line in ["npm ci", "npm install", "npm test", "npm run build", "npm init", "npm init -y", "npx"] {
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

    #[test]
    fn what_it_starts() {
        for (line, command) in [
            ("npx eslint .", "own eslint ."),
            ("npx --yes prettier@3 --check .", "own prettier --check ."),
            ("npx -p typescript tsc -v", "own tsc -v"),
            ("npx -p @acme/tools rg x", ""),
            ("npm exec --package=cowsay -c 'cowsay a | cat'", "own script cowsay a | cat"),
            ("pnpm --filter web exec tsc", "own tsc"),
            ("bunx --bun vite build", "own vite build"),
            ("npm create vite@latest app", "own create-vite app"),
            ("npm init @usr", "own create"),
            ("npm init @usr/foo@2 x", "own create-foo x"),
            ("yarn create react-app app", "own create-react-app app"),
            ("bun create user/repository x", ""),
            ("npm init -y", ""),
            ("npx @angular/cli new x", ""),
            ("npx github:a/b", ""),
            ("npm test", ""),
            ("npx", ""),
        ] {
            assert_eq!(starts_of(&Npm, line), command, "{line}");
        }
    }

    #[test]
    fn what_is_started_is_of_javascript() {
        let through = |by: &str, name: &str| {
            let program = program(&format!("/bin/{name}"));
            Program { through: Some(by.to_owned()), known: Known::Claimed, ..program }
        };
        for (by, name, reading) in [
            ("npx", "tsc", "typescript [tsc] 1"),
            ("npx", "sass", "dart-sass [sass] 1"),
            ("npx", "next", "nodejs [] 1"),
            ("npx", "vite", "nodejs [] 1"),
            ("npx", "alex", "nodejs [] 1"),
            ("pnpm", "just", "nodejs [] 1"),
            ("yarn", "server", "nodejs [] 1"),
            ("npm", "rg", "nodejs [] 1"),
            ("npx", "pkg", "nodejs [] 1"),
            ("npx", "open", "nodejs [] 1"),
            ("npx", "lighthouse", "nodejs [] 1"),
            ("pnpm", "create-vite", "nodejs [] 1"),
            ("bunx", "zz-own", "bun [] 1"),
            ("npm", "node", "nodejs [node] 1"),
            ("npm", "sh", "p1 ignored: the standard environment has it"),
        ] {
            assert_eq!(alone(through(by, name)), reading, "{by} {name}");
        }
    }

    #[test]
    fn a_bare_name_is_of_a_project_that_keeps_packages() {
        let eslint = Program { through: Some("npx".to_owned()), ..program("/bin/eslint") };
        let lines = ["npx jest", "npx jest@29", "npx eslint .", "npx prettier@3 ."];
        let mut journal = with_lines(journal("s", vec![eslint]), &lines);
        journal.files = vec![ProjectFile { path: "package.json".to_owned(), ..ProjectFile::default() }];
        journal.invocations.iter_mut().for_each(|it| it.known = Known::Claimed);
        let locked = |id: &str| format!("{id} ignored: the project's lock file keeps it");
        let all = ["nodejs [] 1", "prettier 3 [] 1", &locked("i1"), &locked("i3"), "i2 unrecognized: npx jest@29"];
        assert_eq!(read(&journal), all);
    }
}
