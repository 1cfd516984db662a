//! Java, Kotlin and Scala: what tests and builds.

use super::{Ecosystem, call, check_name};

/// The ecosystem.
pub(super) struct Jvm;

impl Ecosystem for Jvm {
    fn name(&self) -> &'static str {
        "jvm"
    }

    fn verifies(&self, argv: &[&str]) -> Option<String> {
        let (program, rest) = call(argv)?;
        let words = |verbs: &[&str]| {
            let goals = rest.iter().filter(|word| !word.starts_with('-'));
            goals.rev().find(|goal| verbs.contains(goal)).map(|goal| check_name(&[program, goal]))
        };
        match program {
            "mvn" => words(&["compile", "package", "test", "verify"]),
            "gradle" => words(&["assemble", "build", "check", "test"]),
            "sbt" => words(&["compile", "test"]),
            "ant" => words(&["compile", "test"]),
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
            ("mvn -B clean verify", Some("mvn-verify")),
            ("gradle test", Some("gradle-test")),
            ("mvn deploy", None),
            ("sbt test", Some("sbt-test")),
        ] {
            let words: Vec<&str> = line.split(' ').collect();
            assert_eq!(Jvm.verifies(&words).as_deref(), name, "{line}");
        }
    }
}
