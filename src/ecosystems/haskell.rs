//! Haskell: what tests, builds and lints.

use super::{Ecosystem, call, verb};

/// The ecosystem.
pub(super) struct Haskell;

impl Ecosystem for Haskell {
    fn name(&self) -> &'static str {
        "haskell"
    }

    fn verifies(&self, argv: &[&str]) -> Option<String> {
        let (program, rest) = call(argv)?;
        match program {
            "cabal" | "stack" => verb(program, rest, &["build", "check", "test"]),
            "hlint" => Some("hlint".to_owned()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks() {
        for (line, name) in
            [("cabal test all", Some("cabal-test")), ("stack build", Some("stack-build")), ("stack exec x", None)]
        {
            let words: Vec<&str> = line.split(' ').collect();
            assert_eq!(Haskell.verifies(&words).as_deref(), name, "{line}");
        }
    }
}
