//! Haskell: what ghcup, cabal and stack install, and what tests, builds and lints.

use super::install::{self, Kind, Line};
use super::{Asked, Context, Ecosystem, Near, Need, Reading, Want, behind, call, line, listed, paths, verb, wants};
use crate::index::Index;
use crate::journal::{Invocation, Program, UsedFlake};
use crate::shell::{Inner, Started};

/// Options that take a value.
const VALUES: &str = "-u --url -i --isolate -w --with-compiler --installdir --install-method --overwrite-policy --resolver \
    --compiler --stack-yaml -j --constraint --flags -f --ghc --cabal --hls --stack";

/// Tools whose names differ.
const NAMES: &str = "cabal=cabal-install hls=haskell-language-server stack=stack hlint=hlint ormolu=ormolu pandoc=pandoc \
    shellcheck=shellcheck ShellCheck=shellcheck";

/// Programs of GHC.
const GHC: &str = "ghc ghc-pkg ghci haddock hp2ps hpc hsc2hs runghc runhaskell";

/// The ecosystem.
pub(super) struct Haskell;

impl Ecosystem for Haskell {
    fn name(&self) -> &'static str {
        "haskell"
    }

    fn keeps(&self, argv: &[&str]) -> bool {
        request(argv).is_some()
    }

    fn program(&self, program: &Program, context: &Context) -> Reading {
        let Some(name) = program.path.as_str().map(paths::name) else {
            return Reading::Unrecognized;
        };
        if name == "ghcup" {
            return Reading::Ignored(install::MANAGER);
        }
        if program.through.as_deref().is_some_and(|through| listed("cabal stack", through)) && !listed(GHC, name) {
            let by_hand = || install::by_hand(NAMES, name).and_then(|attr| context.index.known(attr));
            return match by_hand().or_else(|| install::of_language(context.index, name, "haskellPackages")) {
                None if install::is_elsewhere(context.index, name) => Reading::Unrecognized,
                Some(attr) => Reading::Wants(wants(context.index, attr, name, None)),
                None => Reading::Ignored("the project's own program"),
            };
        }
        let kept = |path| {
            let below = |folder| paths::below(path, folder).map(|(version, _)| version);
            below("/.ghcup/ghc/").or_else(|| below("/ghc-").filter(|_| path.contains("/.stack/programs/")))
        };
        let (tool, named) = name.split_once('-').filter(|(_, version)| version.starts_with('9')).unwrap_or((name, ""));
        let version = paths::of(program).find_map(kept).or(Some(named).filter(|version| !version.is_empty()));
        match version
            .filter(|_| listed(GHC, tool))
            .and_then(|version| install::tool(context.index, "ghc", Some(version)))
        {
            Some(want) => Reading::Wants(vec![Want { programs: vec![tool.to_owned()], ..want }]),
            None => Reading::Unrecognized,
        }
    }

    fn invocation(&self, invocation: &Invocation, context: &Context) -> Option<Asked> {
        let words = invocation.words()?;
        let mut asked = Asked::default();
        for (tool, version) in request(&words)? {
            install::put(tool, install::named(context.index, NAMES, tool, version), Kind::Tool, &mut asked);
        }
        Some(if words.get(1) == Some(&"run") { asked.run() } else { asked })
    }

    fn installs(&self, argv: &[&str]) -> bool {
        let (program, rest) = call(argv).unwrap_or_default();
        match program {
            "ghcup" => rest.first() != Some(&"run"),
            _ => request(argv).is_some(),
        }
    }

    fn verifies(&self, argv: &[&str]) -> Option<String> {
        let (program, rest) = call(argv)?;
        match program {
            "cabal" | "stack" => verb(program, rest, &["build", "check", "test"]),
            "hlint" => Some("hlint".to_owned()),
            _ => None,
        }
    }

    fn starts(&self, argv: &[&str]) -> Option<Started> {
        let (program, rest) = call(argv).filter(|(program, _)| listed("cabal ghcup stack", program))?;
        let inner = match program {
            "ghcup" => Inner::Words(2 + rest.iter().position(|word| *word == "--" && rest[0] == "run")?),
            _ => Inner::Words(behind(argv, "exec", VALUES)?),
        };
        Some(Started { inner, own: program != "ghcup" })
    }

    fn inner(&self, argv: &[&str], _index: &Index, _flakes: &[UsedFlake]) -> Option<String> {
        line(argv, self.starts(argv).filter(|started| !started.own)?)
    }

    fn need(&self, program: &str, _near: &Near) -> Option<Need> {
        const WHY: &str = "the packages of Hackage are kept by no lock file that Nix reads";
        listed("cabal stack", program).then_some(Need::Online(WHY))
    }
}

/// Returns the tools and versions that a command line installs.
fn request<'a>(argv: &[&'a str]) -> Option<Vec<(&'a str, Option<&'a str>)>> {
    let (program, words) = call(argv).filter(|(program, _)| listed("cabal ghcup stack", program))?;
    let line = Line::read(words, VALUES);
    match (program, line.words.as_slice()) {
        ("ghcup", ["run", ..]) => line.values("--ghc").next().map(|version| vec![("ghc", Some(version))]),
        ("ghcup", ["install" | "set", tool, rest @ ..]) => Some(vec![(*tool, rest.first().copied())]),
        ("cabal" | "stack", ["install", words @ ..]) => {
            // A target of the project has a colon or a dot.
            let tools = words.iter().map(|word| split(word)).filter(|(tool, _)| !tool.contains([':', '.', '/']));
            Some(tools.collect()).filter(|tools: &Vec<_>| !tools.is_empty())
        }
        _ => None,
    }
}

/// Splits `hlint-3.8` and `hlint==3.8` into name and version.
fn split(word: &str) -> (&str, Option<&str>) {
    let version = |version: &str| version.starts_with(|c: char| c.is_ascii_digit());
    let of = |mark: &str| word.rsplit_once(mark).filter(|(_, after)| version(after));
    of("==").or_else(|| of("-")).map_or((word, None), |(name, version)| (name, Some(version)))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{alone, ask, program, starts_of};
    use super::*;

    #[test]
    fn command_lines() {
        for (line, reading) in [
            ("ghcup install ghc 9.6.4", "tools haskell.compiler.ghc96=9.6.4"),
            ("ghcup install cabal", "tools cabal-install"),
            ("ghcup -v install ghc 8.10.7 --set", "tools ghc=8.10.7"),
            ("ghcup install ghc --set 9.4", "tools haskell.compiler.ghc94=9.4"),
            ("ghcup run --ghc 9.6 -- cabal test", "wants haskell.compiler.ghc96=9.6"),
            ("cabal install hlint", "tools hlint"),
            ("cabal install --overwrite-policy=always hlint-3.8", "tools hlint=3.8"),
            ("stack --resolver lts-21.0 install ormolu==0.7", "tools ormolu=0.7"),
        ] {
            assert_eq!(ask(&Haskell, line).as_deref(), Some(reading), "{line}");
        }
        for line in ["cabal install exe:x", "ghcup list", "stack build"] {
            assert_eq!(ask(&Haskell, line), None, "{line}");
        }
    }

    #[test]
    fn programs() {
        for (path, reading) in [
            ("~/.ghcup/bin/ghc-9.6.4", "haskell.compiler.ghc96 9.6.4 [ghc] 1"),
            ("~/.ghcup/ghc/9.8.1/bin/ghc", "haskell.compiler.ghc98 9.8.1 [ghc] 1"),
            ("~/.stack/programs/x86_64-linux/ghc-9.4.7/bin/ghc", "haskell.compiler.ghc94 9.4.7 [ghc] 1"),
            ("~/.ghcup/bin/cabal", "cabal-install [cabal] 1"),
            ("~/.cabal/bin/hlint", "hlint [hlint] 1"),
        ] {
            assert_eq!(alone(program(path)), reading, "{path}");
        }
    }

    #[test]
    fn checks() {
        for (line, name) in
            [("cabal test all", Some("cabal-test")), ("stack build", Some("stack-build")), ("stack exec x", None)]
        {
            let words: Vec<&str> = line.split(' ').collect();
            assert_eq!(Haskell.verifies(&words).as_deref(), name, "{line}");
        }
    }

    #[test]
    fn what_it_starts() {
        for (line, command) in [
            ("stack exec -- hlint .", "own hlint ."),
            ("cabal exec ghc x.hs", "own ghc x.hs"),
            ("ghcup run --ghc 9.6 -- cabal test", "cabal test"),
            ("stack build", ""),
        ] {
            assert_eq!(starts_of(&Haskell, line), command, "{line}");
        }
    }

    #[test]
    fn what_stack_starts() {
        let through = |name: &str| Program { through: Some("stack".to_owned()), ..program(&format!("/bin/{name}")) };
        let own = "p1 ignored: the project's own program";
        let readings = [
            ("hlint", "hlint [hlint] 1"),
            ("hpack", "hpack [hpack] 1"),
            ("hoogle", "haskellPackages.hoogle [hoogle] 1"),
            ("cabal", "cabal-install [cabal] 1"),
            ("ghc", "ghc [ghc] 1"),
            ("git", "git [git] 1"),
            ("our", own),
            ("server", own),
            ("migrate", own),
            ("just", own),
        ];
        for (name, reading) in readings {
            assert_eq!(alone(through(name)), reading, "{name}");
        }
    }
}
