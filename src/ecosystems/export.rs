//! A command line of Nix → [`Requirements`], without a session: what is typed, not what ran.

use super::draft::{Draft, Entry};
use super::nix::{BUILDS, Foreign, Typed, foreign, place, typed};
use crate::index::Index;
use crate::journal::{Known, Ref, SessionId, UsedFlake};
use crate::nix::{AttrPath, NoInput};
use crate::policy::Policy;
use crate::requirements::{Evidence, Instead, Refusal, Requirements};

/// What a command line asks for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Exported {
    /// Its packages.
    pub requirements: Requirements,
    /// Whether its shell has a compiler.
    pub compiler: bool,
    /// The flakerefs of nixpkgs that it names.
    pub nixpkgs: Vec<String>,
    /// The command that it runs in the shell, as one would type it.
    pub command: Option<String>,
    /// What of it cannot be in the flake, and why: a clause each. May repeat what was typed.
    pub not: Vec<String>,
}

/// Reads a command line, of which only `unfree` in the policy counts; none when it is none of Nix that names packages. `flakes`
/// is what is known of the other flakes that it names.
pub fn export(argv: &[&str], flakes: &[UsedFlake], index: &Index, policy: &Policy) -> Option<Exported> {
    let Typed { mut asked, nixpkgs, command, compiler } = typed(argv, index)?;
    place(&mut asked, argv, flakes);
    let session = SessionId::parse("export").ok()?;
    let evidence = Evidence { session, entry: Ref::new('i', 1) };
    let entry = Entry { evidence, runs: 0, known: Known::Claimed, is_program: false };
    let mut draft = Draft::new(index);
    let mut not: Vec<String> = asked.ignored.iter().map(|what| format!("{what} is a flake already")).collect();
    for want in asked.wants {
        if let Some(Instead { of, why }) = &want.instead {
            not.push(format!("{}; near to it is: {}", refused(of, *why), want.attr));
        }
        draft.want(&entry, want);
    }
    asked.borrowed.into_iter().for_each(|borrowed| draft.inputs.want(&entry, borrowed));
    draft.refuse(&Policy { unfree: policy.unfree.clone(), ..Policy::default() });
    let requirements = draft.finish();
    let others = foreign(argv);
    let of_another = |name: &str| {
        let name = name.strip_prefix(BUILDS).unwrap_or(name);
        others.iter().find(|it| it.installable == name).map(|it| (name.to_owned(), why(it, flakes)))
    };
    not.extend(asked.unrecognized.iter().map(|name| match of_another(name) {
        Some((name, NoInput::Unknown)) => format!("`{name}`: Nix could not look it up"),
        Some((name, why)) => format!("`{name}`: {}; {}", why.why().0, why.why().1),
        None => unknown(name, index),
    }));
    not.extend(requirements.refused.iter().map(|it| refused(&it.attr, it.why)));
    Some(Exported { requirements, compiler, nixpkgs, command, not })
}

/// Returns why a package of another flake is not in the flake.
fn why(foreign: &Foreign, flakes: &[UsedFlake]) -> NoInput {
    let used = flakes.iter().find(|used| used.flakeref == foreign.flakeref);
    foreign.package.as_ref().err().copied().or(used.and_then(|used| used.why)).unwrap_or(NoInput::Unknown)
}

/// Says why a word is not in the flake.
fn unknown(name: &str, index: &Index) -> String {
    let name = name.strip_prefix(BUILDS).unwrap_or(name);
    if name.contains([' ', '(', '{', ';', '"']) {
        return format!("`{name}`: only names of packages are exported, no expressions");
    }
    let attr = name.split_once('#').map_or(name, |(_, attr)| attr);
    let near = index.near(attr);
    let near = if near.is_empty() { String::new() } else { format!("; near to it are: {}", near.join(", ")) };
    format!("`{name}`: the index has no such package{near}")
}

fn refused(attr: &AttrPath, why: Refusal) -> String {
    match why {
        Refusal::Unfree => {
            format!(
                "`{attr}`: its licence is not free; allow it with `unfree = [\"{attr}\"]` in .agent-capture/policy.toml"
            )
        }
        Refusal::Insecure => format!("`{attr}`: nixpkgs refuses it as insecure"),
        Refusal::Broken => format!("`{attr}`: nixpkgs marks it as broken"),
        Refusal::Absent => format!("`{attr}`: nixpkgs does not have it"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns packages, what cannot be exported, and the command.
    fn ask(line: &str) -> Option<(String, Vec<String>, Option<String>)> {
        let argv = shlex::split(line).expect("words");
        let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
        let Exported { requirements, not, command, .. } = export(&argv, &[], &Index::new(), &Policy::default())?;
        let attrs: Vec<&str> = requirements.packages.iter().map(|package| package.attr.as_str()).collect();
        Some((attrs.join(" "), not, command))
    }

    #[test]
    fn what_is_typed_is_exported_or_named() {
        for (line, attrs, not, command) in [
            ("nix shell nixpkgs#jq nixpkgs#ripgrep -c rg 'a b'", "jq ripgrep", "", Some("rg 'a b'")),
            (
                "nix-shell -p jq 'python3.withPackages (ps: [ ps.requests ])' --run 'jq . x | cat'",
                "jq python3 python3Packages.requests",
                "",
                Some("jq . x | cat"),
            ),
            ("nix run github:NixOS/nixpkgs/nixos-26.05#hello -- --greeting x", "hello", "", Some("--greeting x")),
            ("nix shell nixpkgs#no-such-thing-x", "", "the index has no such package", None),
            ("nix shell nixpkgs#ripgerp", "", "near to it are: ripgrep", None),
            ("nix shell github:a/b#x nixpkgs#jq", "jq", "`github:a/b#x`: Nix could not look it up", None),
            ("nix shell github:a/b", "", "`github:a/b`: Nix could not look it up", None),
            ("nix shell git+https://x.y/z#a", "", "only flakes github:OWNER/REPO[/REV] are", None),
            ("nix develop github:a/b", "", "Nix could not look it up", None),
            ("nix develop", "", "the project's own flake is a flake already", None),
            ("nix develop nixpkgs#jq", "jq", "", None),
            ("nix develop nixpkgs#ripgerp", "", "near to it are: ripgrep", None),
            (
                "nix shell nixpkgs#nodejs_20",
                "nodejs_22",
                "`nodejs_20`: nixpkgs refuses it as insecure; near to it is: nodejs_22",
                None,
            ),
            ("nix shell nixpkgs#terraform", "", "its licence is not free", None),
            ("nix-shell -p '(import ./x.nix)'", "", "no expressions", None),
        ] {
            let (found, why, ran) = ask(line).expect(line);
            assert_eq!((found.as_str(), ran.as_deref()), (attrs, command), "{line}");
            assert!(why.join("\n").contains(not) && why.is_empty() == not.is_empty(), "{line}: {why:?}");
        }
        for line in ["ls", "nix flake check", "nix", ""] {
            assert_eq!(ask(line), None, "{line}");
        }
    }
}
