//! OCaml: what was installed with opam, and programs of its switches.

use super::install::{self, Line};
use super::{Asked, Context, Ecosystem, Reading, Want, behind, call, line, paths, verb, verifies};
use crate::index::Index;
use crate::journal::{Invocation, Program, UsedFlake};
use crate::shell::{Inner, Started};

/// Options that take a value.
const VALUES: &str = "-j --jobs --switch --root --color --repositories --packages -b --with-version";

/// The ecosystem.
pub(super) struct Opam;

impl Ecosystem for Opam {
    fn name(&self) -> &'static str {
        "opam"
    }

    fn keeps(&self, argv: &[&str]) -> bool {
        request(argv).is_some()
    }

    fn program(&self, program: &Program, context: &Context) -> Reading {
        let Some(path) = program.path.as_str() else {
            return Reading::Unrecognized;
        };
        let name = paths::name(path);
        if name == "opam" {
            return Reading::Ignored(install::MANAGER);
        }
        if !path.contains("/.opam/") && !path.contains("_opam/bin/") {
            return Reading::Unrecognized;
        }
        // `ocamlfind` is `ocamlPackages.findlib`: by the program's name.
        let attr = context.index.program(name).map(|found| found.attr);
        let attr = attr.or_else(|| context.index.known(&format!("ocamlPackages.{name}")));
        match attr {
            Some(attr) => Reading::Wants(super::wants(context.index, attr, name, None)),
            None => Reading::Unrecognized,
        }
    }

    fn invocation(&self, invocation: &Invocation, context: &Context) -> Option<Asked> {
        let mut asked = Asked::default();
        request(&invocation.words()?)?.into_iter().for_each(|word| read(word, context.index, &mut asked));
        Some(asked)
    }

    fn installs(&self, argv: &[&str]) -> bool {
        let runs = |rest: &[&str]| rest.first().is_some_and(|verb| ["exec", "env"].contains(verb));
        call(argv).is_some_and(|(program, rest)| program == "opam" && !runs(rest))
    }

    fn verifies(&self, argv: &[&str]) -> Option<String> {
        let (program, rest) = call(argv)?;
        match program {
            "dune" => verb(program, rest, &["build", "runtest", "test"]),
            "opam" if rest.first() == Some(&"exec") => {
                verifies(rest.iter().position(|word| *word == "--").and_then(|at| rest.get(at + 1..))?)
            }
            _ => None,
        }
    }

    fn starts(&self, argv: &[&str]) -> Option<Started> {
        call(argv).filter(|(program, _)| *program == "opam")?;
        Some(Started { inner: Inner::Words(behind(argv, "exec", VALUES)?), own: false })
    }

    fn inner(&self, argv: &[&str], _index: &Index, _flakes: &[UsedFlake]) -> Option<String> {
        line(argv, self.starts(argv)?)
    }
}

/// Returns the packages that a command line installs.
fn request<'a>(argv: &[&'a str]) -> Option<Vec<&'a str>> {
    let (_, words) = call(argv).filter(|(program, _)| *program == "opam")?;
    let line = Line::read(words, VALUES);
    // `opam switch create . ocaml-base-compiler.5.1.0`, `opam switch create 5.1.0`.
    let compiler =
        |word: &&&'a str| word.starts_with("ocaml-base-compiler.") || word.starts_with(|c: char| c.is_ascii_digit());
    match line.words.as_slice() {
        ["switch", "create", rest @ ..] => rest.iter().rev().find(compiler).map(|word| vec![*word]),
        _ => line.after("install reinstall").map(<[&str]>::to_vec),
    }
}

/// Reads `package`, `package.1.2`, `package>=1.2`, or a folder.
fn read(word: &str, index: &Index, asked: &mut Asked) {
    let end = word.find(|c| "=<>.~!".contains(c)).unwrap_or(word.len());
    let (name, version) = (&word[..end], word[end..].strip_prefix('.').or_else(|| word[end..].strip_prefix('=')));
    let seen = version.and_then(super::versions::upstream);
    let compiler = word.strip_prefix("ocaml-base-compiler.").unwrap_or(word);
    if compiler.starts_with(|c: char| c.is_ascii_digit()) {
        let want = |attr| Want { seen: super::versions::upstream(compiler), ..Want::new(attr) };
        asked.tools.extend(index.known("ocaml").map(want));
        return;
    }
    if name.is_empty() {
        asked.ignored.insert("the project itself");
        return;
    }
    let library = index.known(&format!("ocamlPackages.{name}"));
    match library.or_else(|| index.known(name)) {
        // One that is a set's and a program's own, too, is wanted for the program.
        Some(attr) if index.program(name).is_some() => {
            let attr = index.program(name).map_or(attr, |found| found.attr);
            asked.tools.push(Want { seen, ..Want::new(attr) });
        }
        Some(attr) => {
            asked.wants.push(Want { seen, ..Want::new(attr) });
            asked.wants.extend(index.known("ocaml").map(Want::new));
        }
        None => install::put(word, None, install::Kind::Tool, asked),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{alone, ask, program, starts_of};
    use super::*;

    #[test]
    fn command_lines() {
        for (line, reading) in [
            ("opam install -y yojson.2.1.0", "wants ocamlPackages.yojson=2.1.0 ocaml"),
            ("opam install ocamlformat.0.26.1 dune", "tools ocamlformat=0.26.1 dune"),
            ("opam switch create . ocaml-base-compiler.5.1.0 -y", "tools ocaml=5.1.0"),
            ("opam switch create 4.14.1", "tools ocaml=4.14.1"),
            ("opam install ocamlformat", "tools ocamlformat"),
            ("opam install . --deps-only", "ignored the project itself"),
            ("opam install no-such-thing-zz", "unrecognized no-such-thing-zz"),
        ] {
            assert_eq!(ask(&Opam, line).as_deref(), Some(reading), "{line}");
        }
        assert_eq!(ask(&Opam, "opam switch create . --empty"), None);
    }

    #[test]
    fn programs() {
        assert_eq!(alone(program("~/.opam/default/bin/ocamlformat")), "ocamlformat [ocamlformat] 1");
        assert_eq!(alone(program("~/.opam/5.1.0/bin/ocaml")), "ocaml [ocaml] 1");
        assert_eq!(alone(program("/usr/bin/opam")), "p1 ignored: a version manager");
    }

    #[test]
    fn checks() {
        assert_eq!(Opam.verifies(&["dune", "runtest"]).as_deref(), Some("dune-runtest"));
        assert_eq!(Opam.verifies(&["opam", "exec", "--", "dune", "build"]).as_deref(), Some("dune-build"));
    }

    #[test]
    fn what_it_starts() {
        for (line, command) in [
            ("opam exec -- dune build", "dune build"),
            ("opam exec --switch 5.1.0 dune test", "dune test"),
            ("opam install dune", ""),
        ] {
            assert_eq!(starts_of(&Opam, line), command, "{line}");
        }
    }
}
