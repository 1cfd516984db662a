//! JavaScript and TypeScript: what tests, builds and lints.

use super::{Ecosystem, call, check_name, listed, verb};

/// The ecosystem.
pub(super) struct Npm;

impl Ecosystem for Npm {
    fn name(&self) -> &'static str {
        "npm"
    }

    fn verifies(&self, argv: &[&str]) -> Option<String> {
        let (program, rest) = call(argv)?;
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
}

/// Returns whether a script of `package.json` of this name tests, builds or lints: the first word of its name says so.
fn is_check(script: &str) -> bool {
    let first = script.split([':', '-', '.']).next().unwrap_or(script);
    listed("build check ci compile lint test tests tsc typecheck types unit validate verify", first)
        && !script.split([':', '-']).any(|word| listed("fix watch dev update write", word))
}

#[cfg(test)]
mod tests {
    use super::*;

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
            ("node --test", Some("node-test")),
            ("node x.js", None),
        ] {
            let words: Vec<&str> = line.split(' ').collect();
            assert_eq!(Npm.verifies(&words).as_deref(), name, "{line}");
        }
    }
}
