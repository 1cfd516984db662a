//! What command lines of Nix start, and which of the packages that they name has it.

use super::super::{Context, call, listed};
use super::ask::{Request, request};
use super::line::Line;
use super::others::foreign;
use crate::journal::Program;
use crate::nix::AttrPath;
use crate::shell::{Inner, Started};

/// Programs that start others with packages before what the host has.
pub(in super::super) const SHELLS: &str = "nix nix-shell";

/// Packages that have the most common programs of many others.
const BOXES: &str = "busybox toybox uutils-coreutils uutils-coreutils-noprefix";

/// Returns the package that a command line asks for and that has a program which Nix started. It may be of a name that others
/// have, too.
pub(super) fn asked_for(program: &Program, name: &str, context: &Context) -> Option<AttrPath> {
    program.through.as_deref().filter(|through| listed(SHELLS, through))?;
    let index = context.index;
    let is_called = |attr: &AttrPath| {
        attr.names().last() == Some(name) || index.attr(attr).and_then(|attr| attr.pname) == Some(name)
    };
    let has = |attr: &&AttrPath| {
        index.called(attr, name).is_some() || index.candidates(name).any(|it| it == **attr) || is_called(attr)
    };
    let may_have = |attr: &&AttrPath| listed(BOXES, attr.as_str()) && index.program(name).is_some();
    context.asked.iter().find(has).or_else(|| context.asked.iter().find(may_have)).cloned()
}

/// Returns the command that Nix runs with what it provides. Of other flakes than nixpkgs it is not known which programs they
/// have.
pub(super) fn starts(argv: &[&str]) -> Option<Started> {
    let (program, rest) = call(argv)?;
    let line = Line::read(program, rest);
    let behind = |words: &[&str]| (!words.is_empty()).then(|| Inner::Words(argv.len() - words.len()));
    let request = request(argv);
    // The shell of a package has no program of that very package.
    let own = matches!(request, Some(Request::Packages(_) | Request::Flake { develops: false, .. }));
    let inner = match program {
        "nix-shell" => Inner::Script((*line.command.first()?).to_owned()),
        "nix" if line.words.first() != Some(&"run") => match request? {
            Request::Flake { .. } if !foreign(argv).is_empty() => return None,
            Request::Flake { .. } | Request::Packages(_) | Request::Builds(_) => behind(&line.command)?,
            Request::Program(_) | Request::Script(_) => return None,
        },
        "," | "comma" => behind(&line.words)?,
        _ => return None,
    };
    Some(Started { inner, own })
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::{journal, program, read, starts_of, with_lines};
    use super::super::Nix;
    use crate::journal::Program;

    #[test]
    fn what_is_asked_for_has_what_it_starts() {
        for (line, name, reading) in [
            ("nix shell nixpkgs#yq -c yq . x", "yq", "yq [yq] 1"),
            ("nix shell nixpkgs#netcat-openbsd -c nc -h", "nc", "netcat-openbsd [nc] 1"),
            ("nix shell nixpkgs#vim-full -c vim x", "vim", "vim-full [vim] 1"),
            ("nix shell nixpkgs#busybox -c vi x", "vi", "busybox [] 1"),
            ("nix-shell -p hello --run 'jq . x'", "jq", "hello [] 1, jq [jq] 1"),
        ] {
            let by = line.split(' ').next().map(str::to_owned);
            let started = Program { through: by, ..program(&format!("/bin/{name}")) };
            assert_eq!(read(&with_lines(journal("s", vec![started]), &[line])).join(", "), reading, "{line}");
        }
    }

    #[test]
    fn command_lines() {
        for (line, command) in [
            ("nix shell nixpkgs#jq -c jq . x", "own jq . x"),
            ("nix develop github:a/b --command make check", ""),
            ("nix develop nixpkgs#jq -c make", "make"),
            ("nix develop -c bash -c 'make'", "bash -c make"),
            ("nix-shell -p jq --run 'jq . x | cat'", "own script jq . x | cat"),
            ("nix-shell --run 'jq . x'", "script jq . x"),
            (", cowsay moo", "cowsay moo"),
            ("nix shell github:a/b -c tool", ""),
            ("nix run nixpkgs#jq -- . x", ""),
            ("nix shell nixpkgs#jq", ""),
            ("nix build .#x", ""),
        ] {
            assert_eq!(starts_of(&Nix, line), command, "{line}");
        }
    }
}
