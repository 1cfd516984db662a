//! rustup: toolchains, and what was added to them.

use super::install::{self, Kind, Line};
use super::{Asked, Context, Ecosystem, Reading, Want, call, line, listed, paths};
use crate::index::Index;
use crate::journal::{Invocation, Program, UsedFlake};
use crate::shell::{Inner, Started};

/// Options that take a value.
const VALUES: &str = "--toolchain --profile -c --component -t --target --default-toolchain --default-host -y_";

/// Components and their packages. Those with none are a part of the compiler's package.
const COMPONENTS: &str = "cargo=cargo clippy=clippy clippy-preview=clippy rust-analyzer=rust-analyzer rust-docs= rust-std= rustc=rustc \
    rustfmt=rustfmt rustfmt-preview=rustfmt";

/// Programs of rustup itself.
const ITSELF: &str = "rustup rustup-init rustup-init.sh";

/// The ecosystem.
pub(super) struct Rustup;

impl Ecosystem for Rustup {
    fn name(&self) -> &'static str {
        "rustup"
    }

    fn keeps(&self, argv: &[&str]) -> bool {
        request(argv).is_some_and(|words| !words.is_empty())
    }

    fn program(&self, program: &Program, context: &Context) -> Reading {
        let Some(name) = program.path.as_str().map(paths::name) else {
            return Reading::Unrecognized;
        };
        if listed(ITSELF, name) {
            return Reading::Ignored(install::MANAGER);
        }
        let kept = |path| Some(paths::below(path, "/toolchains/").filter(|(_, rest)| rest.starts_with("bin/"))?.0);
        let Some(toolchain) = paths::of(program).filter(|path| path.contains("rustup/")).find_map(kept) else {
            return Reading::Unrecognized;
        };
        match context.index.program(name) {
            Some(found) => Reading::Wants(super::wants(context.index, found.attr, name, version(toolchain))),
            None => Reading::Unrecognized,
        }
    }

    fn invocation(&self, invocation: &Invocation, context: &Context) -> Option<Asked> {
        let words = invocation.words()?;
        let mut asked = Asked::default();
        for (kind, word) in request(&words)? {
            match (kind, install::by_hand(COMPONENTS, word)) {
                (What::Component, Some("")) => drop(asked.ignored.insert("a part of the compiler's package")),
                (What::Component, Some(attr)) => {
                    install::put(word, context.index.known(attr).map(Want::new), Kind::Tool, &mut asked);
                }
                (What::Component, None) => drop(asked.unrecognized.insert(format!("rustup component {word}"))),
                (What::Target, _) if word.ends_with("-unknown-linux-gnu") => {
                    asked.ignored.insert("a part of the compiler's package");
                }
                (What::Target, _) => drop(asked.unrecognized.insert(format!("rustup target {word}"))),
                (What::Toolchain, _) => {
                    let seen = version(word);
                    let tools = ["cargo", "rustc"].into_iter().filter_map(|attr| context.index.known(attr));
                    asked.tools.extend(tools.map(|attr| Want { seen: seen.clone(), ..Want::new(attr) }));
                }
            }
        }
        Some(asked)
    }

    fn starts(&self, argv: &[&str]) -> Option<Started> {
        let (_, rest) = call(argv).filter(|(program, rest)| *program == "rustup" && rest.first() == Some(&"run"))?;
        let at = 3 + usize::from(rest.get(1) == Some(&"--install"));
        Some(Started { inner: Inner::Words(at), own: false })
    }

    fn inner(&self, argv: &[&str], _index: &Index, _flakes: &[UsedFlake]) -> Option<String> {
        line(argv, self.starts(argv)?)
    }

    fn installs(&self, argv: &[&str]) -> bool {
        call(argv).is_some_and(|(program, rest)| listed(ITSELF, program) && rest.first() != Some(&"run"))
    }
}

/// What is added.
#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Toolchain,
    Component,
    Target,
}

/// Returns what a command line adds.
fn request<'a>(argv: &[&'a str]) -> Option<Vec<(What, &'a str)>> {
    let (program, words) = call(argv)?;
    // What is fetched and piped into a shell: `sh -s -- -y --default-toolchain 1.78.0`.
    let is_piped = listed("bash sh", program) && words.first() == Some(&"-s") && words.contains(&"--default-toolchain");
    if !listed(ITSELF, program) && !is_piped {
        return None;
    }
    let words: Vec<&str> = words.iter().copied().filter(|word| !word.starts_with('+') && *word != "--").collect();
    let line = Line::read(&words, VALUES);
    let all = |what: What, words: &[&'a str]| words.iter().map(|word| (what, *word)).collect::<Vec<_>>();
    let mut asked = match line.words.as_slice() {
        ["toolchain", "install" | "add", words @ ..] | ["install" | "default", words @ ..] => {
            // `--component` takes several words.
            let what = |word: &str| {
                if install::by_hand(COMPONENTS, word).is_some() { What::Component } else { What::Toolchain }
            };
            words.iter().map(|word| (what(word), *word)).collect()
        }
        ["override", "set", words @ ..] => all(What::Toolchain, words),
        ["component", "add", words @ ..] => all(What::Component, words),
        ["target", "add", words @ ..] => all(What::Target, words),
        [] if program != "rustup" => {
            all(What::Toolchain, &line.values("--default-toolchain").filter(|it| *it != "none").collect::<Vec<_>>())
        }
        _ => return None,
    };
    asked.extend(line.values("-c --component").flat_map(|list| list.split(',')).map(|word| (What::Component, word)));
    asked.extend(line.values("-t --target").flat_map(|list| list.split(',')).map(|word| (What::Target, word)));
    Some(asked)
}

/// Returns the version of a toolchain: `1.75.0` of `1.75.0-x86_64-unknown-linux-gnu`, `nightly-2024-01-01`; none of `stable`.
fn version(toolchain: &str) -> Option<String> {
    let name = toolchain.split("-x86_64").next()?.split("-aarch64").next()?;
    let plain = name.len() <= 40 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    (name != "stable" && plain).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{alone, ask, program, starts_of};
    use super::*;

    #[test]
    fn command_lines() {
        for (line, reading) in [
            ("rustup toolchain install 1.75.0 --profile minimal -c clippy", "tools cargo=1.75.0 rustc=1.75.0 clippy"),
            (
                "rustup toolchain install 1.75.0 --component clippy rustfmt",
                "tools cargo=1.75.0 rustc=1.75.0 rustfmt clippy",
            ),
            ("rustup default stable", "tools cargo rustc"),
            ("rustup component add clippy rustfmt", "tools clippy rustfmt"),
            ("rustup target add wasm32-unknown-unknown", "unrecognized rustup target wasm32-unknown-unknown"),
            ("rustup -q +nightly component add clippy", "tools clippy"),
            ("rustup override set 1.75", "tools cargo=1.75 rustc=1.75"),
            (
                "sh -s -- -y --default-toolchain 1.78.0 --profile minimal --component clippy",
                "tools cargo=1.78.0 rustc=1.78.0 clippy",
            ),
            ("rustup-init -y --default-toolchain nightly", "tools cargo=nightly rustc=nightly"),
        ] {
            assert_eq!(ask(&Rustup, line).as_deref(), Some(reading), "{line}");
        }
        for line in ["sh -s -- -y", "rustup update", "rustup show", "rustup run stable cargo test"] {
            assert_eq!(ask(&Rustup, line), None, "{line}");
        }
    }

    #[test]
    fn programs() {
        for (path, reading) in [
            ("~/.rustup/toolchains/stable-x86_64-unknown-linux-gnu/bin/cargo", "cargo [cargo] 1"),
            ("~/.rustup/toolchains/1.75.0-x86_64-unknown-linux-gnu/bin/rustc", "rustc 1.75.0 [rustc] 1"),
            (
                "/usr/local/rustup/toolchains/nightly-2024-01-01-x86_64-unknown-linux-gnu/bin/cargo-clippy",
                "clippy nightly-2024-01-01 [cargo-clippy] 1",
            ),
            ("~/.cargo/bin/rustup", "p1 ignored: a version manager"),
            (
                "~/.rustup/toolchains/stable-x86_64-unknown-linux-gnu/lib/rustlib/x86_64-unknown-linux-gnu/bin/rust-lld",
                "p1 ignored: a part of another program",
            ),
        ] {
            assert_eq!(alone(program(path)), reading, "{path}");
        }
    }

    #[test]
    fn what_it_starts() {
        for (line, command) in [
            ("rustup run nightly cargo build", "cargo build"),
            ("rustup run --install 1.75 rustc x.rs", "rustc x.rs"),
            ("rustup run", ""),
            ("rustup default stable", ""),
        ] {
            assert_eq!(starts_of(&Rustup, line), command, "{line}");
        }
    }
}
