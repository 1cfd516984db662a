//! Homebrew: what was installed with brew, and programs in its cellar.

use super::install::{self, Line};
use super::{Asked, Context, Ecosystem, Reading, Want, call, paths};
use crate::index::Index;
use crate::journal::{Invocation, Program};

/// Options that take a value.
const VALUES: &str = "--appdir --env --cc --file --language --colorpickerdir --fontdir";

/// Formulae whose names differ.
const NAMES: &str = "ag=silver-searcher awscli=awscli2 bash= cli53=cli53 coreutils= fd=fd findutils= gawk= gcc= gh=gh git-delta=delta \
    gnu-getopt=util-linux gnu-sed= gnu-tar= gnu-which=which golang=go grep= make= node=nodejs openjdk=jdk openssl@1.1=openssl \
    openssl@3=openssl openssl=openssl pkg-config=pkg-config pkgconf=pkg-config postgresql=postgresql libpq=libpq protobuf=protobuf \
    python=python3 python3=python3 rust=rustc sqlite=sqlite temurin=jdk the_silver_searcher=silver-searcher yq=yq-go \
    terraform=terraform hashicorp/tap/terraform=terraform docker=docker";

/// The ecosystem.
pub(super) struct Brew;

impl Ecosystem for Brew {
    fn name(&self) -> &'static str {
        "brew"
    }

    fn keeps(&self, argv: &[&str]) -> bool {
        request(argv).is_some()
    }

    fn program(&self, program: &Program, context: &Context) -> Reading {
        let kept = |path: &str| {
            let (formula, _) = paths::below(path, "/Cellar/").or_else(|| paths::below(path, "rew/opt/"))?;
            let (name, version) = formula.split_once('@')?;
            Some(install::managed(context, name, version, paths::name(program.path.as_str()?)))
        };
        paths::of(program).filter(|path| paths::is_bin(path)).find_map(kept).unwrap_or(Reading::Unrecognized)
    }

    fn invocation(&self, invocation: &Invocation, context: &Context) -> Option<Asked> {
        let mut asked = Asked::default();
        let words = invocation.words()?;
        let said = invocation.says.iter().map(String::as_str);
        request(&words)?.into_iter().chain(said).for_each(|word| read(word, context.index, &mut asked));
        Some(asked)
    }

    fn installs(&self, argv: &[&str]) -> bool {
        call(argv).is_some_and(|(program, _)| program == "brew")
    }

    fn files(&self, argv: &[&str]) -> Vec<String> {
        let Some(("brew", words)) = call(argv) else { return Vec::new() };
        let line = Line::read(words, VALUES);
        let file = line.values("--file").next().unwrap_or("Brewfile");
        line.after("bundle").map(|_| file.to_owned()).into_iter().collect()
    }

    fn says(&self, _argv: &[&str], text: &str) -> Vec<String> {
        let formula = |line: &str| {
            let rest = line.trim().strip_prefix("brew ").or_else(|| line.trim().strip_prefix("cask "))?;
            rest.trim().split(['"', '\'']).nth(1).map(str::to_owned)
        };
        text.lines().filter_map(formula).collect()
    }
}

/// Returns the formulae and casks that a command line installs; none of its own for a Brewfile.
fn request<'a>(argv: &[&'a str]) -> Option<Vec<&'a str>> {
    let (_, words) = call(argv).filter(|(program, _)| *program == "brew")?;
    let line = Line::read(words, VALUES);
    line.after("install reinstall").map(<[&str]>::to_vec).or_else(|| line.after("bundle").map(|_| Vec::new()))
}

/// Reads `formula`, `formula@version`, `owner/tap/formula`.
fn read(word: &str, index: &Index, asked: &mut Asked) {
    let formula = paths::name(word).trim_end_matches(".rb");
    let (name, version) = formula.split_once('@').map_or((formula, None), |(name, version)| (name, Some(version)));
    let by_hand = [word, formula, name].into_iter().find(|name| install::by_hand(NAMES, name).is_some());
    let want = install::named(index, NAMES, by_hand.unwrap_or(name), version);
    install::put(word, want.map(|want| Want { seen: None, ..want }), install::kind(name), asked);
}

#[cfg(test)]
mod tests {
    use super::super::tests::{alone, ask, program};
    use super::*;

    #[test]
    fn command_lines() {
        for (line, reading) in [
            ("brew install jq ripgrep", "tools jq ripgrep"),
            ("brew install --quiet node@22 python@3.11 openjdk@17", "tools nodejs_22 python311 jdk17"),
            (
                "brew install hashicorp/tap/terraform gnu-sed",
                "tools terraform | ignored the standard environment has it",
            ),
            ("brew install libpq openssl@3 postgresql@15", "wants libpq openssl | tools postgresql_15"),
            ("brew install php@8.2 ruby@3.3 llvm@18 gcc@12", "tools php82 ruby_3_3 llvm_18 gcc13"),
            ("brew install --cask temurin@17 ./own.rb", "tools jdk17 | unrecognized ./own.rb"),
            ("brew reinstall no-such-thing-zz", "unrecognized no-such-thing-zz"),
        ] {
            assert_eq!(ask(&Brew, line).as_deref(), Some(reading), "{line}");
        }
        for line in ["brew update", "brew list", "brew services start postgresql"] {
            assert_eq!(ask(&Brew, line), None, "{line}");
        }
    }

    #[test]
    fn brewfiles() {
        assert_eq!(Brew.files(&["brew", "bundle"]), ["Brewfile"]);
        let text = "tap \"x/y\"\nbrew \"jq\"\n  brew 'node@20', link: true\ncask \"docker\"\n# brew \"no\"\n";
        assert_eq!(Brew.says(&[], text), ["jq", "node@20", "docker"]);
    }

    #[test]
    fn programs() {
        assert_eq!(alone(program("/opt/homebrew/bin/jq")), "jq [jq] 1");
        assert_eq!(alone(program("/opt/homebrew/opt/node@22/bin/node")), "nodejs_22 22 [node] 1");
        assert_eq!(alone(program("/home/linuxbrew/.linuxbrew/bin/rg")), "ripgrep [rg] 1");
        assert_eq!(
            alone(program("/opt/homebrew/Cellar/python@3.11/3.11.9/bin/python3.11")),
            "python311 [python3.11] 1"
        );
    }
}
