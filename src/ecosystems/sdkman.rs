//! SDKMAN: versions of Java and its tools.

use super::install::{self, Kind, Line};
use super::{Asked, Context, Ecosystem, Reading, call, paths};
use crate::journal::{Invocation, Program};

/// Candidates whose names differ.
const NAMES: &str = "java=jdk mvnd=mvnd springboot=spring-boot-cli scalacli=scala-cli kotlin=kotlin quarkus=quarkus \
    visualvm=visualvm jbang=jbang leiningen=leiningen";

/// The ecosystem.
pub(super) struct Sdkman;

impl Ecosystem for Sdkman {
    fn name(&self) -> &'static str {
        "sdkman"
    }

    fn keeps(&self, argv: &[&str]) -> bool {
        request(argv).is_some()
    }

    fn program(&self, program: &Program, context: &Context) -> Reading {
        let kept = |path| {
            let (candidate, rest) =
                paths::below(path, "/.sdkman/candidates/").or_else(|| paths::below(path, "/sdkman/candidates/"))?;
            let (version, _) = rest.split_once('/')?;
            Some((install::by_hand(NAMES, candidate).unwrap_or(candidate), version))
        };
        // `current` is a link: the path behind it has the version.
        let all: Vec<(&str, &str)> = paths::of(program).filter_map(kept).collect();
        let found = all.iter().find(|(_, version)| *version != "current").or_else(|| all.first());
        match (found, program.path.as_str()) {
            (Some((candidate, version)), Some(path)) => {
                install::managed(context, candidate, version, paths::name(path))
            }
            _ => Reading::Unrecognized,
        }
    }

    fn invocation(&self, invocation: &Invocation, context: &Context) -> Option<Asked> {
        let (candidate, version) = request(&invocation.words()?)?;
        let mut asked = Asked::default();
        install::put(candidate, install::named(context.index, NAMES, candidate, version), Kind::Tool, &mut asked);
        Some(asked)
    }

    fn installs(&self, argv: &[&str]) -> bool {
        request(argv).is_some()
    }
}

/// Returns the candidate and the version that a command line installs or chooses.
fn request<'a>(argv: &[&'a str]) -> Option<(&'a str, Option<&'a str>)> {
    let (_, words) = call(argv).filter(|(program, _)| *program == "sdk")?;
    match Line::read(words, "").after("i install u use d default")? {
        [candidate, rest @ ..] => Some((candidate, rest.first().copied())),
        [] => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{alone, ask, program, resolved};
    use super::*;

    #[test]
    fn command_lines() {
        for (line, reading) in [
            ("sdk install java 17.0.9-tem", "tools jdk17=17.0.9"),
            ("sdk install gradle 8.5", "tools gradle_8=8.5"),
            ("sdk use maven", "tools maven"),
        ] {
            assert_eq!(ask(&Sdkman, line).as_deref(), Some(reading), "{line}");
        }
        assert_eq!(ask(&Sdkman, "sdk list java"), None);
    }

    #[test]
    fn programs() {
        for (path, reading) in [
            ("~/.sdkman/candidates/java/17.0.9-tem/bin/java", "jdk17 17.0.9 [java] 1"),
            ("~/.sdkman/candidates/maven/3.9.6/bin/mvn", "maven 3.9.6 [mvn] 1"),
            ("~/.sdkman/candidates/gradle/8.5/bin/gradle", "gradle_8 8.5 [gradle] 1"),
        ] {
            assert_eq!(alone(program(path)), reading, "{path}");
        }
        let current =
            resolved("~/.sdkman/candidates/java/current/bin/javac", "~/.sdkman/candidates/java/21.0.1-open/bin/javac");
        assert_eq!(alone(current), "jdk21 21.0.1 [javac] 1");
    }
}
