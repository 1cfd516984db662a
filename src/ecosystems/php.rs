//! PHP: what tests and lints.

use super::{Ecosystem, Near, Need, call, listed};

/// The ecosystem.
pub(super) struct Php;

impl Ecosystem for Php {
    fn name(&self) -> &'static str {
        "php"
    }

    fn verifies(&self, argv: &[&str]) -> Option<String> {
        let (program, rest) = call(argv)?;
        match program {
            "phpunit" | "phpstan" | "psalm" | "phpcs" | "pest" => Some(program.to_owned()),
            "php" if rest.first() == Some(&"-l") && rest.len() > 1 => Some("php-syntax".to_owned()),
            _ => None,
        }
    }

    fn need(&self, program: &str, near: &Near) -> Option<Need> {
        const WHY: &str = "the packages of its composer.lock have no hashes that Nix reads";
        listed("composer php", program).then(|| near.keeps("composer.lock"))?.map(|_| Need::Online(WHY))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks() {
        for (line, name) in [("phpunit", Some("phpunit")), ("php -l x.php", Some("php-syntax")), ("php x.php", None)] {
            let words: Vec<&str> = line.split(' ').collect();
            assert_eq!(Php.verifies(&words).as_deref(), name, "{line}");
        }
    }
}
