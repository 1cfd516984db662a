//! Java, Kotlin and Scala: JDKs of the host, and what tests and builds.

use super::{Context, Ecosystem, Near, Need, Reading, call, check_name, install, listed, paths};
use crate::journal::Program;

/// Folders below which a component has the version of a JDK.
const FOLDERS: [&str; 7] = [
    "/lib/jvm/",
    "/.jdks/",
    "/.jenv/versions/",
    "/JavaVirtualMachines/",
    "/hostedtoolcache/Java_Temurin-Hotspot_jdk/",
    "/hostedtoolcache/Java_Zulu_jdk/",
    "/opt/jdk-",
];

/// The ecosystem.
pub(super) struct Jvm;

impl Ecosystem for Jvm {
    fn name(&self) -> &'static str {
        "jvm"
    }

    fn program(&self, program: &Program, context: &Context) -> Reading {
        let Some(path) = program.path.as_str() else {
            return Reading::Unrecognized;
        };
        let below = |path| FOLDERS.iter().find_map(|folder| Some(paths::below(path, folder)?.0));
        let jdk = paths::of(program).find_map(|path| Some((path, below(path)?)));
        // `openjdk-17-jre-headless` owns what it brings, whatever the link is called.
        let owner = program.owner.as_ref().map(|owner| owner.package.as_str());
        let owner = owner.filter(|package| package.starts_with("openjdk-") || package.starts_with("temurin-"));
        match (jdk, owner) {
            (Some((path, _)), _) if !paths::is_bin(path) => Reading::Ignored(install::PART),
            (Some((_, folder)), _) if folder.bytes().any(|b| b.is_ascii_digit()) => {
                install::managed(context, "jdk", version(folder), paths::name(path))
            }
            (_, Some(package)) if paths::is_bin(path) => {
                install::managed(context, "jdk", version(package), paths::name(path))
            }
            _ => Reading::Unrecognized,
        }
    }

    fn verifies(&self, argv: &[&str]) -> Option<String> {
        let (program, rest) = call(argv)?;
        let words = |verbs: &[&str]| {
            let goals = rest.iter().filter(|word| !word.starts_with('-'));
            goals.rev().find(|goal| verbs.contains(goal)).map(|goal| check_name(&[program, goal]))
        };
        match program {
            "mvn" | "mvnw" => words(&["compile", "package", "test", "verify"]),
            "gradle" | "gradlew" => words(&["assemble", "build", "check", "test"]),
            "sbt" => words(&["compile", "test"]),
            "ant" => words(&["compile", "test"]),
            _ => None,
        }
    }

    fn need(&self, program: &str, _near: &Near) -> Option<Need> {
        const WHY: &str = "the plugins and libraries of Maven, Gradle and sbt are kept by no lock file with hashes";
        listed("gradle gradlew mvn mvnw sbt", program).then_some(Need::Online(WHY))
    }
}

/// Returns the version in `java-17-openjdk-amd64`, `java-1.8.0-openjdk`, `openjdk-17-jre`.
fn version(name: &str) -> &str {
    let name = name.trim_end_matches(".jdk");
    let part = name.split('-').find(|part| part.starts_with(|c: char| c.is_ascii_digit()));
    part.unwrap_or_else(|| name.trim_start_matches(|c: char| !c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{alone, owned, program, resolved};
    use super::*;

    #[test]
    fn programs() {
        for (program, reading) in [
            (resolved("/usr/bin/java", "/usr/lib/jvm/java-17-openjdk-amd64/bin/java"), "jdk17 17 [java] 1"),
            (program("/opt/jdk-17.0.2/bin/java"), "jdk17 17.0.2 [java] 1"),
            (program("~/.jdks/temurin-21.0.1/bin/javac"), "jdk21 21.0.1 [javac] 1"),
            (program("~/.jenv/versions/17.0/bin/java"), "jdk17 17.0 [java] 1"),
            (program("/opt/hostedtoolcache/Java_Temurin-Hotspot_jdk/17.0.9-9/x64/bin/java"), "jdk17 17.0.9 [java] 1"),
            (program("/Library/Java/JavaVirtualMachines/temurin-17.jdk/Contents/Home/bin/java"), "jdk17 17 [java] 1"),
            (program("/usr/lib/jvm/java-1.8.0-openjdk/bin/javac"), "jdk8 1.8.0 [javac] 1"),
            (program("/usr/lib/jvm/java-17-openjdk-amd64/lib/jspawnhelper"), "p1 ignored: a part of another program"),
            (owned("/usr/bin/java", "openjdk-21-jre-headless", "21.0.1+12-2"), "jdk21 21 [java] 1"),
            (program("/usr/bin/java"), "jdk [java] 1"),
        ] {
            let path = program.path.to_text().into_owned();
            assert_eq!(alone(program), reading, "{path}");
        }
    }

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
