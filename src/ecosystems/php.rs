//! PHP: interpreters beside each other, and what tests and lints.

use super::{Context, Ecosystem, Near, Need, Reading, call, install, listed, paths};
use crate::journal::Program;

/// Folders below which a component is the version of a PHP.
const FOLDERS: [&str; 2] = ["/.phpenv/versions/", "/opt/remi/"];

/// The ecosystem.
pub(super) struct Php;

impl Ecosystem for Php {
    fn name(&self) -> &'static str {
        "php"
    }

    fn program(&self, program: &Program, context: &Context) -> Reading {
        let below = |path| FOLDERS.iter().find_map(|folder| Some(paths::below(path, folder)?.0));
        let version = paths::of(program).filter(|path| paths::is_bin(path)).find_map(below);
        // `php82`, without the dot.
        let dotted = |version: &str| match version.strip_prefix("php").filter(|digits| digits.len() == 2) {
            Some(digits) => format!("{}.{}", &digits[..1], &digits[1..]),
            None => version.to_owned(),
        };
        match (version, program.path.as_str()) {
            (Some(version), Some(path)) => install::managed(context, "php", &dotted(version), paths::name(path)),
            _ => Reading::Unrecognized,
        }
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
    use super::super::tests::{alone, program};
    use super::*;

    #[test]
    fn programs() {
        for (path, reading) in [
            ("/opt/remi/php82/root/usr/bin/php", "php82 8.2 [php] 1"),
            ("~/.phpenv/versions/8.2.1/bin/php", "php82 8.2.1 [php] 1"),
            ("/usr/bin/php82", "php82 [php] 1"),
            ("/usr/bin/php8.2", "php82 [php] 1"),
        ] {
            assert_eq!(alone(program(path)), reading, "{path}");
        }
    }

    #[test]
    fn checks() {
        for (line, name) in [("phpunit", Some("phpunit")), ("php -l x.php", Some("php-syntax")), ("php x.php", None)] {
            let words: Vec<&str> = line.split(' ').collect();
            assert_eq!(Php.verifies(&words).as_deref(), name, "{line}");
        }
    }
}
