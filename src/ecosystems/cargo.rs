//! Rust: what tests, builds and lints.

use super::{Ecosystem, call, verb};

/// The ecosystem.
pub(super) struct Cargo;

impl Ecosystem for Cargo {
    fn name(&self) -> &'static str {
        "cargo"
    }

    fn verifies(&self, argv: &[&str]) -> Option<String> {
        let (program, rest) = call(argv)?;
        match program {
            "cargo" if rest.contains(&"--fix") => None,
            "cargo" => {
                match verb(program, rest, &["bench", "build", "check", "clippy", "doc", "fmt", "nextest", "test"]) {
                    Some(name) if name == "cargo-fmt" => rest.contains(&"--check").then_some(name),
                    name => name,
                }
            }
            "rustfmt" if rest.contains(&"--check") => Some("rustfmt-check".to_owned()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks() {
        for (line, name) in [
            ("cargo test --workspace", Some("cargo-test")),
            ("cargo +nightly clippy -- -D warnings", Some("cargo-clippy")),
            ("cargo fmt", None),
            ("cargo fmt --check", Some("cargo-fmt")),
            ("cargo clippy --fix", None),
            ("cargo run", None),
            ("rustfmt --check x.rs", Some("rustfmt-check")),
        ] {
            let words: Vec<&str> = line.split(' ').collect();
            assert_eq!(Cargo.verifies(&words).as_deref(), name, "{line}");
        }
    }
}
