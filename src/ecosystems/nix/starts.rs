//! What command lines of Nix start.

use super::super::call;
use super::ask::{Request, request};
use super::line::Line;
use super::others::foreign;
use crate::shell::{Inner, Started};

/// Returns the command that Nix runs with what it provides. Of other flakes than nixpkgs only the shell is known by name: which
/// package has a program of theirs is not.
pub(super) fn starts(argv: &[&str]) -> Option<Started> {
    let (program, rest) = call(argv)?;
    let line = Line::read(program, rest);
    let behind = |words: &[&str]| (!words.is_empty()).then(|| Inner::Words(argv.len() - words.len()));
    let inner = match program {
        "nix-shell" => Inner::Script((*line.command.first()?).to_owned()),
        "nix" if line.words.first() != Some(&"run") => match request(argv)? {
            Request::Flake { develops: false, .. } if !foreign(argv).is_empty() => return None,
            Request::Flake { .. } | Request::Packages(_) | Request::Builds(_) => behind(&line.command)?,
            Request::Program(_) | Request::Script(_) => return None,
        },
        "," | "comma" => behind(&line.words)?,
        _ => return None,
    };
    Some(Started { inner, own: false })
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::starts_of;
    use super::super::Nix;

    #[test]
    fn command_lines() {
        for (line, command) in [
            ("nix shell nixpkgs#jq -c jq . x", "jq . x"),
            ("nix develop github:a/b --command make check", "make check"),
            ("nix develop nixpkgs#jq -c make", "make"),
            ("nix develop -c bash -c 'make'", "bash -c make"),
            ("nix-shell -p jq --run 'jq . x | cat'", "script jq . x | cat"),
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
