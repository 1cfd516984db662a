//! PHP: what was installed with composer, and programs of its folders.

use super::install::{self, Kind, Line};
use super::{Asked, Context, Ecosystem, Reading, Want, behind, call, families, paths, project, verifies};
use crate::journal::{Invocation, Program};
use crate::shell::{Inner, Started};

/// Options that take a value.
const VALUES: &str = "-d --working-dir --prefer-install --ignore-platform-req --fixed --apcu-autoloader-prefix";

/// Packages whose programs have other names.
const NAMES: &str = "friendsofphp/php-cs-fixer=phpPackages.php-cs-fixer phpunit/phpunit=phpunit phpstan/phpstan=phpstan \
    squizlabs/php_codesniffer=phpPackages.php-codesniffer vimeo/psalm=phpPackages.psalm laravel/installer=laravel";

/// The ecosystem.
pub(super) struct Composer;

impl Ecosystem for Composer {
    fn name(&self) -> &'static str {
        "composer"
    }

    fn keeps(&self, argv: &[&str]) -> bool {
        request(argv).is_some()
    }

    fn program(&self, program: &Program, context: &Context) -> Reading {
        let Some(path) = program.path.as_str() else {
            return Reading::Unrecognized;
        };
        let is_own = path.starts_with("vendor/bin/") || path.contains("/vendor/bin/") && paths::is_project(path);
        let is_started = program.through.as_deref() == Some("composer");
        if is_started && !is_own && install::is_elsewhere(context.index, paths::name(path)) {
            return Reading::Unrecognized;
        }
        if is_own || is_started {
            let php = families::of_tool(context.index, "php", project::version(context.journal, "php"))
                .map(|choice| Want::of(choice, None));
            return php.map_or(Reading::Unrecognized, |php| Reading::Wants(vec![php]));
        }
        Reading::Unrecognized
    }

    fn invocation(&self, invocation: &Invocation, context: &Context) -> Option<Asked> {
        let (is_global, words) = request(&invocation.words()?)?;
        let mut asked = Asked::default();
        for word in words {
            let name = word.split([':', '=']).next().unwrap_or(word);
            if !is_global {
                asked.ignored.insert(install::LOCKED);
                continue;
            }
            let short = if install::by_hand(NAMES, name).is_some() { name } else { paths::name(name) };
            install::put(word, install::named(context.index, NAMES, short, None), Kind::Tool, &mut asked);
        }
        Some(asked)
    }

    fn installs(&self, argv: &[&str]) -> bool {
        request(argv).is_some_and(|(is_global, _)| is_global)
    }

    fn starts(&self, argv: &[&str]) -> Option<Started> {
        call(argv).filter(|(program, _)| *program == "composer")?;
        Some(Started { inner: Inner::Words(behind(argv, "exec", VALUES)?), own: true })
    }

    fn verifies(&self, argv: &[&str]) -> Option<String> {
        let (program, rest) = call(argv)?;
        match (program, rest) {
            ("composer", ["validate", ..]) => Some("composer-validate".to_owned()),
            ("composer", ["exec", inner @ ..]) => verifies(inner.strip_prefix(&["--"]).unwrap_or(inner)),
            ("composer", ["test", ..] | ["run" | "run-script", "test", ..]) => Some("composer-test".to_owned()),
            _ => None,
        }
    }
}

/// Returns the packages that a command line requires, and whether for the machine.
fn request<'a>(argv: &[&'a str]) -> Option<(bool, Vec<&'a str>)> {
    let (_, words) = call(argv).filter(|(program, _)| *program == "composer")?;
    let line = Line::read(words, VALUES);
    let (is_global, words) = match line.words.split_first()? {
        (&"global", rest) => (true, rest),
        _ => (false, line.words.as_slice()),
    };
    let (verb, packages) = words.split_first()?;
    let is_one = ["require", "req", "create-project"].contains(verb);
    Some((is_global, packages.to_vec())).filter(|_| is_one && !packages.is_empty())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{alone, ask, program, starts_of};
    use super::*;

    #[test]
    fn command_lines() {
        for (line, reading) in [
            ("composer global require phpstan/phpstan", "tools phpstan"),
            (
                "composer --no-interaction global require friendsofphp/php-cs-fixer:^3.0 'squizlabs/php_codesniffer=*'",
                "tools phpPackages.php-cs-fixer phpPackages.php-codesniffer",
            ),
            ("composer require --dev phpunit/phpunit:^10", "ignored the project's lock file keeps it"),
        ] {
            assert_eq!(ask(&Composer, line).as_deref(), Some(reading), "{line}");
        }
        assert_eq!(ask(&Composer, "composer install"), None);
        assert_eq!(alone(program("vendor/bin/phpunit")), "php [] 1");
        assert_eq!(Composer.verifies(&["composer", "validate"]).as_deref(), Some("composer-validate"));
    }

    #[test]
    fn what_it_starts() {
        assert_eq!(starts_of(&Composer, "composer -n exec -- phpunit --filter x"), "own phpunit --filter x");
        assert_eq!(starts_of(&Composer, "composer install"), "");
        for (name, reading) in [
            ("phpunit", "php [] 1"),
            ("server", "php [] 1"),
            ("pandoc", "pandoc [pandoc] 1"),
            ("ls", "p1 ignored: the standard environment has it"),
        ] {
            let path = format!("/bin/{name}");
            let through = Program { through: Some("composer".to_owned()), ..program(&path) };
            assert_eq!(alone(through), reading, "{name}");
        }
    }
}
