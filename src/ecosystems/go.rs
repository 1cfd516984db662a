//! Go: what tests, builds and lints.

use super::{Ecosystem, call, verb};

/// The ecosystem.
pub(super) struct Go;

impl Ecosystem for Go {
    fn name(&self) -> &'static str {
        "go"
    }

    fn verifies(&self, argv: &[&str]) -> Option<String> {
        let (program, rest) = call(argv)?;
        match program {
            "go" => verb(program, rest, &["build", "test", "vet"]),
            "golangci-lint" if rest.contains(&"--fix") => None,
            "golangci-lint" => verb(program, rest, &["run"]).map(|_| "golangci-lint".to_owned()),
            "staticcheck" => Some("staticcheck".to_owned()),
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
            ("go test ./...", Some("go-test")),
            ("go vet ./...", Some("go-vet")),
            ("go run .", None),
            ("gofmt -l .", None),
            ("golangci-lint run", Some("golangci-lint")),
        ] {
            let words: Vec<&str> = line.split(' ').collect();
            assert_eq!(Go.verifies(&words).as_deref(), name, "{line}");
        }
    }
}
