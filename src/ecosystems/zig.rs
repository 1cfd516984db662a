//! Zig: what tests and builds.

use super::{Ecosystem, call, verb};

/// The ecosystem.
pub(super) struct Zig;

impl Ecosystem for Zig {
    fn name(&self) -> &'static str {
        "zig"
    }

    fn verifies(&self, argv: &[&str]) -> Option<String> {
        let (program, rest) = call(argv)?;
        match (program, rest) {
            ("zig", ["build", "test", ..]) => Some("zig-build-test".to_owned()),
            ("zig", ["fmt", rest @ ..]) => rest.contains(&"--check").then(|| "zig-fmt".to_owned()),
            ("zig", ["build" | "test" | "ast-check", ..]) => verb(program, rest, &["ast-check", "build", "test"]),
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
            [("zig build test", Some("zig-build-test")), ("zig test x.zig", Some("zig-test")), ("zig run x.zig", None)]
        {
            let words: Vec<&str> = line.split(' ').collect();
            assert_eq!(Zig.verifies(&words).as_deref(), name, "{line}");
        }
    }
}
