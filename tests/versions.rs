//! One evaluation, and what it says: the versions at the pin, wherever versions are shown.

mod support;

use std::fs;

use support::{PATH, Project, Said, VERSIONS, bed, pin};

/// Runs the program with a Nix that notes each call; returns the calls, two words of each.
fn counted(project: &Project, version: &str, arguments: &[&str]) -> (Said, Vec<String>) {
    let folder = project.home().join("counting");
    let (program, notes) = (folder.join("nix"), folder.join("notes"));
    let real = bed().join(format!("nix-{version}/bin/nix"));
    let script = format!("#!/bin/sh\necho \"$1 $2\" >> '{}'\nexec '{}' \"$@\"\n", notes.display(), real.display());
    support::program(&program, script);
    let mut command = project.command(env!("CARGO_BIN_EXE_agent-capture"));
    command.args(arguments).env("PATH", format!("{}:{PATH}", folder.display()));
    let said = command.output().expect("the program runs").into();
    let calls = fs::read_to_string(&notes).unwrap_or_default().lines().map(str::to_owned).collect();
    fs::remove_file(notes).expect("notes");
    (said, calls)
}

#[test]
#[ignore = "needs real Nix"]
fn nothing_is_evaluated_twice() {
    for version in VERSIONS {
        let project = Project::demo().with_nix(version);
        project.write(".agent-capture/policy.toml", "[outputs]\nimage = true\nvm = true\n");
        let script = "jq -n 1; make check";
        project.write("agent.sh", &format!("#!/bin/sh\n{script}\n"));
        project.git(&["add", "-A"]);
        project.git(&["commit", "-qm", "An agent"]);
        let (pin, ours) =
            (pin(), ["--version ", "eval --json", "build --no-link", "path-info --extra-experimental-features"]);
        let capture = ["run", "--yes", "--name", "fix", "--nixpkgs", &pin, "--", "./agent.sh"];
        let (said, calls) = counted(&project, version, &capture);
        said.success().says("verified: 3 checks built").says("committed ");
        // One evaluation for checks, shell, images, machines, versions; the others evaluate nothing. Nix is found twice: the
        // journal has its version, too.
        let of = |calls: &[String], what: &str| calls.iter().filter(|call| call.as_str() == what).count();
        assert!(calls.iter().all(|call| ours.contains(&call.as_str())), "{calls:?}");
        assert_eq!(ours.map(|what| of(&calls, what))[1..], [1, 1, 1], "{calls:?}");
        for level in ["eval", "build"] {
            let (said, calls) = counted(&project, version, &["verify", "--level", level]);
            said.success();
            let built = usize::from(level == "build");
            assert_eq!(ours.map(|what| of(&calls, what)), [1, 1, built, built], "{level}: {calls:?}");
        }
    }
}

#[test]
#[ignore = "needs real Nix"]
fn versions_are_those_of_the_pin_wherever_they_are_shown() {
    for version in VERSIONS {
        let project = Project::demo().with_nix(version);
        project.session(&["--no-verify", "--yes", "--name", "one"], "jq -n 1").success();
        // Before Nix was asked, the index's are shown as such.
        let guess = project.run(&["report"]).success().stdout;
        assert!(guess.contains("  jq  ~1.") && guess.contains("~ of the index of "), "{guess}");
        let guess = project.run(&["diff"]).code(1).stdout;
        assert!(guess.contains("+ jq  ~1.") && guess.contains("~ of the index"), "{guess}");
        let message = project.git(&["log", "-1", "--format=%B"]);
        assert!(message.contains("| jq      | ~1."), "{message}");
        project.run(&["verify"]).success();
        // The set of the tests has another version than the index.
        let has = |arguments: &[&str], text: &str| {
            let said = project.run(arguments);
            assert!(said.stdout.contains(text) && !said.stdout.contains('~'), "no `{text}` in\n{}", said.stdout);
        };
        has(&["report"], "  jq  1.7.1  ");
        has(&["report", "--format", "markdown"], "| `jq` | `1.7.1` | ");
        has(&["report", "--format", "html"], "<td><code>1.7.1</code></td>");
        has(&["report", "--format", "json"], "\"version\": \"1.7.1\",\n      \"version_of\": \"pin\",");
        has(&["diff"], "+ jq  1.7.1 ");
        has(&["diff", "--format", "markdown"], "| `jq` | in `1.7.1` | ");
        has(&["diff", "--json"], "\"version\": \"1.7.1\",\n          \"indexed\": null,");
        has(&["verify", "--format", "json"], "\"versions\": {\n      \"jq\": \"1.7.1\"");
        // A capture that is verified before it is committed.
        project.session(&["--yes", "--name", "two"], "rg -q people data").success();
        let message = project.git(&["log", "-1", "--format=%B"]);
        assert!(message.contains("| jq      | 1.7.1   |") && !message.contains('~'), "{message}");
    }
}
