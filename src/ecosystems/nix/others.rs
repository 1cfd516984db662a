//! Other flakes than nixpkgs and the project's own.

use super::super::{Asked, Borrowed};
use super::ask::{Request, is_nixpkgs, is_own, request};
use crate::journal::{Journal, UsedFlake};
use crate::nix::{AttrPath, Github, NoInput, SHELLS};

/// What stands before an installable that is the shell in which something is built.
pub const BUILDS: &str = "what builds ";

/// An installable of another flake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Foreign {
    /// The flakeref, without attribute.
    pub flakeref: String,
    /// The name among its packages, `devShells.NAME` for a shell, or why it is none.
    pub package: Result<AttrPath, NoInput>,
    /// As a command line names it.
    pub(in super::super) installable: String,
}

/// Returns what a command line of Nix names of other flakes.
pub fn foreign(argv: &[&str]) -> Vec<Foreign> {
    match request(argv) {
        Some(Request::Flake { develops, installables }) => {
            installables.iter().filter_map(|word| Foreign::of(word, develops)).collect()
        }
        _ => Vec::new(),
    }
}

impl Foreign {
    fn of(installable: &str, develops: bool) -> Option<Self> {
        let (flake, attr) = installable.split_once('#').unwrap_or((installable, ""));
        if is_own(flake) || is_nixpkgs(flake) || flake.starts_with("/nix/store/") {
            return None;
        }
        let attr = attr.split('^').next().unwrap_or_default();
        let (set, none) = if develops { (SHELLS, NoInput::Shell) } else { ("packages", NoInput::NoPackage) };
        let name = match attr.strip_prefix(set).and_then(|rest| rest.strip_prefix('.')?.split_once('.')) {
            Some((_, name)) => name,
            None if attr.is_empty() => "default",
            None => attr,
        };
        let package = match AttrPath::parse(name) {
            _ if Github::parse(flake).is_none() => Err(NoInput::NotGithub),
            Ok(path) if path.names().count() == 1 && develops => {
                AttrPath::parse(&format!("{SHELLS}.{path}")).or(Err(none))
            }
            Ok(path) if path.names().count() == 1 => Ok(path),
            _ => Err(none),
        };
        Some(Self { flakeref: flake.to_owned(), package, installable: installable.to_owned() })
    }

    /// Returns the package, when it is known what the flakeref stood for and that it has one of this name.
    fn borrowed(&self, flakes: &[UsedFlake]) -> Option<Borrowed> {
        let attr = self.package.clone().ok()?;
        let used = flakes.iter().find(|used| used.flakeref == self.flakeref)?;
        used.packages.get(attr.as_str())?;
        borrowed(used, attr, None)
    }
}

fn borrowed(used: &UsedFlake, attr: AttrPath, program: Option<&str>) -> Option<Borrowed> {
    let source = used.source.clone().filter(|source| !source.is_nixpkgs())?;
    let programs = program.map(str::to_owned).into_iter().collect();
    Github::parse(&used.flakeref)?.is(&source).then_some(Borrowed { source, attr, programs })
}

/// Moves what is of other flakes from what is not recognized to what is borrowed from them, where enough is known of these.
pub(in super::super) fn place(asked: &mut Asked, argv: &[&str], flakes: &[UsedFlake]) {
    for foreign in foreign(argv) {
        if let Some(borrowed) = foreign.borrowed(flakes) {
            asked.unrecognized.remove(&foreign.installable);
            asked.unrecognized.remove(&format!("{BUILDS}{}", foreign.installable));
            asked.borrowed.push(borrowed);
        }
    }
}

/// Returns the package of another flake that has this folder of the store, for a program in it.
pub(super) fn of_store(journal: &Journal, folder: &str, program: &str) -> Option<Borrowed> {
    packages_with(journal, folder).find_map(|(used, name)| {
        let is_one = |path: &AttrPath| path.names().count() == 1 || path.shell().is_some();
        borrowed(used, AttrPath::parse(name).ok().filter(is_one)?, Some(program))
    })
}

/// Returns whether a folder of the store is a package of another flake. What a shell brings is so only where that is an input.
pub(super) fn is_of_other(journal: &Journal, folder: &str) -> bool {
    packages_with(journal, folder).any(|(_, name)| !name.starts_with(SHELLS))
}

/// Returns the flakes with a package that has this folder of the store, and the package's name.
fn packages_with<'a>(journal: &'a Journal, folder: &str) -> impl Iterator<Item = (&'a UsedFlake, &'a str)> {
    let has = move |path: &String| path.strip_prefix("/nix/store/") == Some(folder);
    journal.flakes.iter().filter_map(move |used| {
        let (name, _) = used.packages.iter().find(|(_, paths)| paths.iter().any(has))?;
        Some((used, name.as_str()))
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::{journal, program};
    use super::super::super::{Context, Ecosystem, Reading};
    use super::*;
    use crate::index::Index;

    #[test]
    fn a_program_of_a_flake_that_can_be_no_input_is_not_that_of_nixpkgs() {
        let folder = "/nix/store/0123456789abcdfghijklmnpqrsvwxyz-devenv-1.0";
        let index = Index::new();
        let mut journal = journal("s", vec![program(&format!("{folder}/bin/devenv"))]);
        let read = |journal: &Journal| super::super::Nix.program(&journal.programs[0], &Context::new(&index, journal));
        assert!(matches!(read(&journal), Reading::Wants(_)));
        journal.flakes.push(UsedFlake {
            flakeref: "github:cachix/devenv".to_owned(),
            source: None,
            packages: [("default".to_owned(), [folder.to_owned()].into())].into(),
            why: Some(NoInput::Inputs),
        });
        assert!(matches!(read(&journal), Reading::Unrecognized));
    }

    #[test]
    fn installables() {
        let named = |line: &str| {
            let argv = shlex::split(line).expect("words");
            let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
            let one = |it: Foreign| match it.package {
                Ok(attr) => format!("{} {attr}", it.flakeref),
                Err(why) => format!("{} {why:?}", it.flakeref),
            };
            foreign(&argv).into_iter().map(one).collect::<Vec<_>>().join(", ")
        };
        for (line, reading) in [
            ("nix run github:a/b", "github:a/b default"),
            ("nix run github:a/b -- github:c/d", "github:a/b default"),
            ("nix shell github:a/b/main#x nixpkgs#jq .#y github:a/c#z^out", "github:a/b/main x, github:a/c z"),
            ("nix build github:a/b#packages.x86_64-linux.x", "github:a/b x"),
            ("nix shell github:a/b#legacyPackages.x86_64-linux.x", "github:a/b NoPackage"),
            ("nix shell 'github:a/b#${x}'", "github:a/b NoPackage"),
            ("nix shell 'github:a/b?dir=x#y' ../o#z", "github:a/b?dir=x NotGithub, ../o NotGithub"),
            ("nix develop github:a/b -c make", "github:a/b devShells.default"),
            ("nix develop github:a/b#ci", "github:a/b devShells.ci"),
            ("nix develop github:a/b#devShells.x86_64-linux.ci", "github:a/b devShells.ci"),
            ("nix develop github:a/b#packages.x86_64-linux.x", "github:a/b Shell"),
            ("nix shell github:a/b#devShells.x86_64-linux.ci", "github:a/b NoPackage"),
            ("nix run github:NixOS/nixpkgs#jq", ""),
            ("nix-shell -p jq", ""),
        ] {
            assert_eq!(named(line), reading, "{line}");
        }
    }
}
