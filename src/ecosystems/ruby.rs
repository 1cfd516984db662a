//! Ruby: what tests and lints.

use super::{Ecosystem, call, listed, verb};

/// The ecosystem.
pub(super) struct Ruby;

impl Ecosystem for Ruby {
    fn name(&self) -> &'static str {
        "ruby"
    }

    fn verifies(&self, argv: &[&str]) -> Option<String> {
        let (program, rest) = call(argv)?;
        match program {
            "bundle" => match rest {
                ["exec", inner @ ..] => self.verifies(inner),
                _ => None,
            },
            "rspec" => Some("rspec".to_owned()),
            "rubocop"
                if rest.iter().any(|word| listed("-a -A --auto-correct --autocorrect --autocorrect-all", word)) =>
            {
                None
            }
            "rubocop" => Some("rubocop".to_owned()),
            "rake" => verb(program, rest, &["check", "spec", "test"]),
            "ruby" if rest.first() == Some(&"-c") && rest.len() > 1 => Some("ruby-syntax".to_owned()),
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
            ("bundle exec rspec", Some("rspec")),
            ("rake test", Some("rake-test")),
            ("bundle install", None),
            ("rubocop -a", None),
        ] {
            let words: Vec<&str> = line.split(' ').collect();
            assert_eq!(Ruby.verifies(&words).as_deref(), name, "{line}");
        }
    }
}
