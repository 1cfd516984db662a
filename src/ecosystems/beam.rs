//! Elixir and Erlang: what tests and checks.

use super::{Ecosystem, Near, Need, call, verb};

/// The ecosystem.
pub(super) struct Beam;

impl Ecosystem for Beam {
    fn name(&self) -> &'static str {
        "beam"
    }

    fn verifies(&self, argv: &[&str]) -> Option<String> {
        let (program, rest) = call(argv)?;
        match program {
            "mix" => match rest {
                ["format", "--check-formatted", ..] => Some("mix-format".to_owned()),
                _ => verb(program, rest, &["test", "compile", "credo", "dialyzer"]),
            },
            "rebar3" => verb(program, rest, &["ct", "eunit", "compile", "dialyzer", "xref"]),
            _ => None,
        }
    }

    fn need(&self, program: &str, near: &Near) -> Option<Need> {
        const WHY: &str = "the packages of its mix.lock have no hashes that Nix reads";
        (program == "mix").then(|| near.keeps("mix.lock"))?.map(|_| Need::Online(WHY))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks() {
        for (line, name) in [
            ("mix test", Some("mix-test")),
            ("mix format", None),
            ("mix format --check-formatted", Some("mix-format")),
            ("rebar3 eunit", Some("rebar3-eunit")),
        ] {
            let words: Vec<&str> = line.split(' ').collect();
            assert_eq!(Beam.verifies(&words).as_deref(), name, "{line}");
        }
    }
}
