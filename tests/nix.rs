//! End to end with real Nix, in its sandbox, without network. `tests/all.sh` sets up what they need.

mod support;

use agent_capture::flake::nix_string;
use support::{Project, Said, VERSIONS, bed, pin};

/// What `tests/demo.sh` shows.
const AGENT: &str = include_str!("demo-agent.sh");

/// A line of a check in the flake, between the quotes.
fn checks(flake: &str) -> Vec<String> {
    let commands = flake.split_once("commands = {\n").map_or("", |(_, rest)| rest);
    let lines = commands.lines().take_while(|line| *line != "      };");
    lines.filter_map(|line| line.trim().split_once(" = ").map(|(name, _)| name.to_owned())).collect()
}

#[test]
#[ignore = "needs real Nix"]
fn doctor_tries_the_sandbox() {
    for version in VERSIONS {
        let project = Project::demo().with_nix(version);
        let said = project.run(&["doctor"]).success().stdout;
        assert!(said.contains("ok  nix sandbox       builds are sandboxed\n") && !said.contains("NO"), "{said}");
    }
}

#[test]
#[ignore = "needs real Nix"]
fn a_session_becomes_a_proved_commit() {
    for version in VERSIONS {
        let project = Project::demo().with_nix(version);
        project
            .session(&["--yes", "--name", "demo"], AGENT)
            .success()
            .says("verified: 5 checks built")
            .says("committed ");
        let flake = project.read("flake.nix");
        let packages = [
            "pkgs.jq # 3 runs\n",
            "(pkgs.python3.withPackages (ps: [\n          ps.pytest # 1 run\n",
            "pkgs.ripgrep # 1 run\n",
        ];
        for package in packages {
            assert!(flake.contains(package), "{package} is wanted:\n{flake}");
        }
        assert_eq!(
            flake.matches(" run").count() + flake.matches("runs\n").count(),
            5 + 2,
            "nothing else is in it:\n{flake}"
        );
        for gone in ["perl", "dasel", "gnumake", "coreutils"] {
            assert!(!flake.contains(gone), "{gone} is not wanted:\n{flake}");
        }
        assert_eq!(checks(&flake), ["tools", "make", "make-check", "pytest"]);
        let changed = project.git(&["show", "--format=", "--name-only"]);
        let ours = [
            ".agent-capture/.gitattributes",
            ".agent-capture/demo/journal.json",
            ".agent-capture/requirements.json",
            "flake.lock",
            "flake.nix",
        ];
        assert_eq!(changed.lines().collect::<Vec<_>>(), ours);
        assert_eq!(project.git(&["status", "--porcelain"]), "");
        let message = project.git(&["log", "-1", "--format=%B"]);
        let trailers = project.git(&["log", "-1", "--format=%(trailers:key=Agent-Capture-Session,valueonly)"]);
        assert_eq!(trailers.trim(), "demo", "{message}");
        assert!(message.contains("Agent-Capture-Journal: sha256:"), "{message}");
        // Anyone's own Nix says the same of the commit.
        let own = project
            .command("nix")
            .args(["flake", "check", "--extra-experimental-features", "nix-command flakes"])
            .output();
        Said::from(own.expect("nix")).success();
        project.run(&["verify"]).success().says("verified: 5 checks built");
        assert_eq!(project.git(&["status", "--porcelain"]), "");
    }
}

#[test]
#[ignore = "needs real Nix"]
fn the_escaper_agrees_with_nix() {
    let alphabet: Vec<char> = (' '..='~').collect();
    let mut seed = 7_u64;
    let mut next = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % below
    };
    let nasty = ["${", "$${", "''", "'''", "\\", "\\\"", "\"", "''${", "$", "{", "}", "*/", "#", "\\${"];
    let mut texts: Vec<String> = nasty.iter().map(|text| (*text).to_owned()).collect();
    for _ in 0..2000 {
        let length = 1 + next(24);
        texts.push(
            (0..length)
                .map(|_| {
                    if next(3) == 0 {
                        nasty[next(nasty.len())].to_owned()
                    } else {
                        alphabet[next(alphabet.len())].to_string()
                    }
                })
                .collect(),
        );
    }
    let list: Vec<String> = texts.iter().map(|text| nix_string(text).expect("printable")).collect();
    for version in VERSIONS {
        let project = Project::bare_folder().with_nix(version);
        project.write("x.nix", &format!("[\n{}\n]\n", list.join("\n")));
        let said = Said::from(
            project.command("nix-instantiate").args(["--eval", "--strict", "--json", "x.nix"]).output().expect("nix"),
        )
        .success();
        let back: Vec<String> = serde_json::from_str(&said.stdout).expect("a list of strings");
        assert_eq!(back, texts);
    }
}

#[test]
#[ignore = "needs real Nix"]
fn what_fails_is_shown_and_nothing_is_committed() {
    for version in VERSIONS {
        let project = Project::demo().with_nix(version);
        // It passes on this machine and cannot in the sandbox.
        project.write("Makefile", "check:\n\ttest -e /etc/hostname || exit 7\n\tjq -e . data/cities.json >/dev/null\n");
        project.git(&["commit", "-qam", "A check that looks at the machine"]);
        let head = project.git(&["rev-parse", "HEAD"]);
        let said = project.session(&["--name", "demo"], "make check");
        let said = said
            .code(1)
            .says("check `make-check`: it failed in the sandbox")
            .says("[[check]]")
            .says("go on with `agent-capture verify`");
        assert!(
            said.stderr.contains("Error 7") || said.stderr.contains("error 7"),
            "the log is shown: {}",
            said.stderr
        );
        assert_eq!(project.git(&["rev-parse", "HEAD"]), head, "nothing is committed");
        assert!(project.exists("flake.nix") && project.exists(".agent-capture/demo/journal.json"));
        project.run(&["commit", "--yes"]).code(3).says("this flake is not verified");
        project.run(&["verify"]).code(1);
        project.write(
            ".agent-capture/policy.toml",
            "[[check]]\ndrop = \"make-check\"\nreason = \"it needs the machine\"\n",
        );
        project.run(&["render"]).success();
        project.run(&["verify"]).success();
        project.run(&["commit", "--yes"]).success().says("committed ");
        assert_eq!(project.git(&["status", "--porcelain"]), "");
    }
}

#[test]
#[ignore = "needs real Nix"]
fn a_missing_attr_and_a_missing_program_are_named() {
    for version in VERSIONS {
        let project = Project::demo().with_nix(version);
        // zoxide is in nixpkgs and not in the package set of the tests.
        project.write(".agent-capture/policy.toml", "[[keep]]\nattr = \"zoxide\"\nreason = \"test\"\n");
        let said = project.session(&["--name", "demo"], "jq . data/cities.json");
        said.code(1).says("the package set has no attribute `zoxide`").says("policy.toml");
        let project = Project::demo().with_nix(version);
        project.write("Makefile", "check:\n\trg -q people data/cities.json\n");
        project.git(&["commit", "-qam", "A check"]);
        project.write(".agent-capture/policy.toml", "[[drop]]\nattr = \"ripgrep\"\nreason = \"test\"\n");
        let said = project.session(&["--name", "demo"], "make check\njq . data/cities.json");
        said.code(1).says("check `make-check`: `rg` is in none of its packages");
    }
}

#[test]
#[ignore = "needs real Nix"]
fn a_hand_written_flake_stays() {
    for version in VERSIONS {
        let project = Project::demo().with_nix(version);
        let theirs = "{\n  outputs = { self }: { };\n}\n";
        project.write("flake.nix", theirs);
        project.git(&["add", "-A"]);
        project.git(&["commit", "-qm", "A flake"]);
        project
            .session(&["--yes", "--name", "demo"], "make check")
            .success()
            .says("flake.nix is hand-written")
            .says("committed ");
        assert_eq!(project.read("flake.nix"), theirs);
        // `make check` reads src/ and data/: its check saw the repository's root.
        assert_eq!(checks(&project.read(".agent-capture/flake/flake.nix")), ["tools", "make-check"]);
        let flakeref = ".?dir=.agent-capture/flake";
        let own = project
            .command("nix")
            .args(["flake", "check", "--extra-experimental-features", "nix-command flakes", flakeref])
            .output();
        Said::from(own.expect("nix")).success();
        project.run(&["verify"]).success();
        // The next session goes to the same place.
        project.session(&["--yes", "--name", "again"], "rg -q people data").success();
        assert!(project.read(".agent-capture/flake/flake.nix").contains("pkgs.ripgrep"));
        assert_eq!(project.read("flake.nix"), theirs);
    }
}

#[test]
#[ignore = "needs real Nix"]
fn without_nix_it_says_how_to_get_it_and_verify_goes_on_later() {
    let project = Project::demo();
    let said = project.session(&["--yes", "--name", "demo", "--nixpkgs", &pin()], "make check");
    let said = said.code(3).says("there is no `nix` on PATH").says("hint: install it");
    assert_eq!(said.stderr.matches("error:").count(), 1, "{}", said.stderr);
    assert!(project.exists("flake.nix") && project.exists(".agent-capture/demo/journal.json"));
    let project = project.with_nix("new");
    project.run(&["verify"]).success();
    project.run(&["commit", "--yes"]).success().says("committed ");
    assert_eq!(project.git(&["status", "--porcelain"]), "");
}

#[test]
#[ignore = "needs real Nix"]
fn a_check_that_needs_uncommitted_work_is_left_out_or_the_work_goes_in() {
    let agent = "sed -i 's/Hello/Hi/' src/greet.c Makefile\nprintf 'new\\n' > notes.txt\nmake check\ntest -e notes.txt && rg -q new notes.txt\npython3 -m pytest -q";
    let project = Project::demo().with_nix("new");
    project
        .write("Makefile", &project.read("Makefile").replace("check: greet\n", "check: greet\n\ttest -e notes.txt\n"));
    project.git(&["commit", "-qam", "A check that needs a file which is not there yet"]);
    let said = project.session(&["--yes", "--name", "demo"], agent).success();
    let said =
        said.says("check `make-check` is left out: it needs uncommitted work; `--include-work`").says("committed ");
    assert!(said.stderr.contains("it needs uncommitted work"), "{}", said.stderr);
    assert_eq!(checks(&project.read("flake.nix")), ["tools", "pytest"]);
    assert_eq!(project.git(&["status", "--porcelain"]), " M Makefile\n M src/greet.c\n?? notes.txt\n");

    let project = Project::demo().with_nix("new");
    project
        .write("Makefile", &project.read("Makefile").replace("check: greet\n", "check: greet\n\ttest -e notes.txt\n"));
    project.session(&["--yes", "--name", "demo", "--include-work"], agent).success().says("committed ");
    assert_eq!(checks(&project.read("flake.nix")), ["tools", "make-check", "pytest"]);
    assert_eq!(project.git(&["status", "--porcelain"]), "");
}

#[test]
#[ignore = "needs real Nix"]
fn a_flake_that_was_changed_is_not_evaluated() {
    let project = Project::demo().with_nix("new");
    project.session(&["--yes", "--name", "demo"], "make check").success();
    let lock = project.read("flake.lock");
    project.write("flake.lock", &lock.replace("1784011430", "1784011431"));
    project.run(&["verify"]).code(1).says("[lock-poisoned]");
    project.write("flake.lock", &lock);
    project.run(&["verify"]).success();
    assert!(bed().exists());
}

#[test]
#[ignore = "needs real Nix"]
fn minimize_proves_packages_necessary_or_not() {
    let project = Project::demo().with_nix("new");
    let agent = "rg -q people data\nmake check\npython3 -m pytest -q";
    project.session(&["--yes", "--name", "demo"], agent).success();
    let said = project.run(&["minimize"]).code(1);
    let line = |attr: &str| {
        said.stdout.lines().find(|line| line.starts_with(&format!("{attr} "))).unwrap_or_default().to_owned()
    };
    assert!(line("jq").contains("necessary: without it make-check failed"), "{}", said.stdout);
    assert!(line("python3Packages.pytest").contains("necessary: without it pytest failed"), "{}", said.stdout);
    assert!(line("ripgrep").contains("no check needs it  (1 run)  rg -q people data"), "{}", said.stdout);
    assert_eq!(project.git(&["status", "--porcelain"]), "", "nothing is written");
    project.run(&["minimize", "--write"]).success();
    assert!(project.read(".agent-capture/policy.toml").contains("attr = \"ripgrep\""));
    assert!(!project.read("flake.nix").contains("ripgrep"));
    project.run(&["verify"]).success();
    project.run(&["minimize"]).success();
}

#[test]
#[ignore = "needs real Nix"]
fn minimize_leaves_one_of_two_that_stand_in_for_each_other() {
    let project = Project::demo().with_nix("new");
    project.write("Makefile", "check:\n\trg -q people data || jq -e . data/*.json\n");
    project.git(&["commit", "-qam", "One of the two will do"]);
    let agent = "rg -q people data\njq -n 1\nfdfind x || true\nmake check";
    project.session(&["--yes", "--name", "demo"], agent).success();
    let said = project.run(&["minimize", "--write"]).success();
    let unneeded = said.stdout.lines().filter(|line| line.contains("no check needs it")).count();
    assert!(unneeded >= 2, "{}", said.stdout);
    let said = said.says("`ripgrep` stays: when the others are gone, make-check needs it");
    let flake = project.read("flake.nix");
    assert!(flake.contains("pkgs.ripgrep") && !flake.contains("pkgs.jq"), "{said:?}\n{flake}");
    project.run(&["verify"]).success();
}

#[test]
#[ignore = "needs real Nix"]
fn update_moves_the_pin_and_rollback_takes_a_capture_back() {
    let project = Project::demo().with_nix("new");
    project.session(&["--yes", "--name", "demo"], "make check").success();
    let capture = project.git(&["rev-parse", "HEAD"]);
    let flake = project.read("flake.nix");
    // The same package set under the name of another revision.
    let other = pin().replace("8eeec934ae0dbeca3d7868c059568a65c08b2fc3", "61b7c44c4073f0b827768aff0049561b5110ea5a");
    project.run(&["update", &pin()]).success().says("already");
    project.run(&["update", "--yes", &other]).success().says("no version changes").says("committed ");
    assert!(project.read("flake.nix").contains("61b7c44c"));
    assert!(project.read("flake.lock").contains("61b7c44c"));
    project.run(&["verify"]).success();
    // A pin that cannot be had changes nothing.
    let hash = other.split_once("narHash=sha256-").map_or("", |(_, rest)| &rest[..4]);
    let bad = other.replace(&format!("sha256-{hash}"), if hash == "AAAA" { "sha256-BBBB" } else { "sha256-AAAA" });
    let before = project.read("flake.nix");
    assert_ne!(project.run(&["update", "--yes", &bad]).status, 0);
    assert_eq!((project.read("flake.nix"), project.git(&["status", "--porcelain"])), (before, String::new()));
    // The update follows the capture and changed its files: it is undone first.
    project.run(&["rollback", "--yes"]).code(3).says("was changed by a later commit");
    project.git(&["revert", "--no-edit", "HEAD"]);
    assert_eq!(project.read("flake.nix"), flake);
    project.write("README.md", "A later commit.\n");
    project.git(&["commit", "-qam", "Later"]);
    project.write("README.md", "Work in progress.\n");
    project.run(&["rollback", "--yes"]).success().says("committed ");
    assert!(!project.exists("flake.nix") && !project.exists(".agent-capture"));
    assert_eq!(project.git(&["status", "--porcelain"]), " M README.md\n");
    assert!(project.git(&["log", "-1", "--format=%B"]).contains(&format!("This reverts commit {}.", capture.trim())));
    project.run(&["rollback", "--yes"]).code(3).says("no commit of this branch is a capture");
}
