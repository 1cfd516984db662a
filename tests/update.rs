//! `update`: the pin moves, the flake is proved again, and what changes is told. And what a hand-written flake lacks.

mod support;

use std::fs;

use support::{Project, Said, VERSIONS, bed, pin};

/// Another revision of nixpkgs that the index knows.
const OTHER: &str = "61b7c44c4073f0b827768aff0049561b5110ea5a";

/// Puts the package set with another version of jq into the store, and returns its pin.
fn newer(project: &Project) -> String {
    let set = project.root().with_file_name("source");
    let copied = project.command("cp").arg("-rL").arg(bed().join("packages/flake")).arg(&set).status().expect("cp");
    assert!(copied.success());
    let debs = set.join("debs.json");
    let text = fs::read_to_string(&debs).expect("its versions");
    let at = text.find("\"jq\": { \"version\": \"").expect("jq") + "\"jq\": { \"version\": \"".len();
    let end = at + text[at..].find('"').expect("an end");
    fs::write(&debs, format!("{}99.1{}", &text[..at], &text[end..])).expect("written");
    let features = ["--extra-experimental-features", "nix-command"];
    let nix = |arguments: &[&str]| {
        let output = project.command("nix").args(features).args(arguments).arg(&set).output().expect("nix");
        Said::from(output).success().stdout.trim().to_owned()
    };
    nix(&["store", "add-path", "--name", "source"]);
    let hash = nix(&["hash", "path", "--sri"]);
    format!(
        "github:NixOS/nixpkgs/{OTHER}?lastModified=1784011430&narHash={}",
        hash.replace('+', "%2B").replace('=', "%3D")
    )
}

#[test]
#[ignore = "needs real Nix"]
fn the_versions_that_change_are_shown_and_proved() {
    for version in VERSIONS {
        let project = Project::demo().with_nix(version);
        let script = "jq . data/cities.json >/dev/null\nrg -q people data\nmake check";
        project.session(&["--yes", "--name", "one"], script).success();
        let before = project.read("flake.nix");
        let newer = newer(&project);
        let said = project.run(&["update", "--no-commit", &newer]).success();
        let said = said.says("versions that change\n").says("-> 99.1\n").says("verified: ");
        assert!(!said.stderr.contains("ripgrep  "), "what stays is not listed: {}", said.stderr);
        assert_eq!(project.read("flake.nix"), before.replace(&pin()[21..61], OTHER), "nothing but the pin changes");
        assert!(project.read("flake.lock").contains(OTHER));
        project.run(&["commit", "--yes"]).success();
        project.run(&["verify", "--commit", "HEAD"]).success();
        // Back again, committed at once.
        project.run(&["update", "--yes", &pin()]).success().says("99.1 -> ").says("committed ");
        assert_eq!(project.read("flake.nix"), before);
        let subject = project.git(&["log", "-1", "--format=%s"]);
        assert_eq!(subject.trim(), format!("agent-capture: update nixpkgs to {}", &pin()[21..33]));
        assert_eq!(project.git(&["status", "--porcelain"]), "");
    }
}

#[test]
#[ignore = "needs real Nix"]
fn a_hand_written_flake_hears_what_it_lacks() {
    for version in VERSIONS {
        let project = Project::demo().with_nix(version);
        let flake = |packages: &str| {
            let text = format!(
                "{{\n  inputs.nixpkgs.url = \"github:NixOS/nixpkgs/{}\";\n  outputs = {{ self, nixpkgs }}: {{\n    \
                 devShells = builtins.mapAttrs (_: pkgs: {{ default = pkgs.mkShell {{ packages = [ {packages} ]; }}; }}) nixpkgs.legacyPackages;\n  }};\n}}\n",
                &pin()[21..61]
            );
            project.write("flake.nix", &text);
        };
        flake("pkgs.jq");
        // Its lock is that of our own render for this pin.
        let other = Project::demo().with_nix(version);
        other.session(&["--no-verify", "--no-commit", "--name", "one"], "jq -n 1 >/dev/null").success();
        project.write("flake.lock", &other.read("flake.lock"));
        project.git(&["add", "-A"]);
        project.git(&["commit", "-qm", "A flake"]);
        let script = "jq . data/cities.json >/dev/null\nrg -q people data\nmake check";
        let said = project.session(&["--yes", "--name", "one"], script).success();
        said.says("flake.nix is hand-written").says("the devShell of your flake.nix lacks: ripgrep\n");
        flake("pkgs.jq pkgs.ripgrep");
        project.git(&["commit", "-qam", "ripgrep"]);
        let newer = newer(&project);
        project.run(&["update", "--yes", &newer]).success().says("has what the sessions used").says("-> 99.1\n");
        assert!(project.read("flake.nix").contains(&pin()[21..61]), "theirs is not touched");
        assert!(project.read(".agent-capture/flake/flake.nix").contains(OTHER));
        // One that has no shell, and one that is no flake.
        for bad in ["{ outputs = { self }: { }; }\n", "{\n"] {
            project.write("flake.nix", bad);
            project.git(&["commit", "-qam", "Bad"]);
            let name = format!("s{}", bad.len());
            let said = project.session(&["--yes", "--name", &name], "jq -n 2 >/dev/null").success();
            said.says("the devShell of your flake.nix was not compared: failed to evaluate it").says("committed ");
        }
    }
}

#[test]
fn a_branch_is_looked_up_anew_and_a_revision_is_not() {
    let project = Project::demo();
    project.session(&["--no-verify", "--yes", "--name", "one"], "jq -n 1 >/dev/null").success();
    let head = project.git(&["rev-parse", "HEAD"]);
    let said = |arguments: &[&str], metadata: &str| {
        let script = format!(
            "#!/bin/sh\necho \"$@\" >> ../calls\ncase \"$*\" in\n--version) echo 'nix (Nix) 2.34.8';;\n*metadata*) {metadata};;\n*) exit 1;;\nesac\n"
        );
        project.write("../bin/nix", &script);
        drop(fs::remove_file(project.root().join("../calls")));
        let mut command = project.command(env!("CARGO_BIN_EXE_agent-capture"));
        command.env("PATH", format!("{}:{}", project.root().join("../bin").display(), support::PATH));
        let said = Said::from(command.arg("update").args(arguments).output().expect("runs"));
        (said, project.read("../calls"))
    };
    let good = format!(
        "echo '{{\"locked\":{{\"rev\":\"{OTHER}\",\"lastModified\":1,\"narHash\":\"sha256-lDebytrYdd47IBLwvNOD+6AGeoqZ78CIKlp70hzW280=\"}}}}'"
    );
    for (arguments, named, refreshed) in [
        (&["--yes"][..], "nixos-26.05", true),
        (&["--yes", "nixos-unstable"], "nixos-unstable", true),
        (&["--yes", OTHER], OTHER, false),
    ] {
        let (said, calls) = said(arguments, &good);
        said.code(1).says("the pin stays as it was");
        let call = calls.lines().find(|call| call.starts_with("flake metadata --json ")).expect("a look-up");
        assert!(call.ends_with(&format!(" github:NixOS/nixpkgs/{named}")), "{call}");
        assert_eq!(call.contains(" --refresh "), refreshed, "{call}");
    }
    let (error, _) = said(&["--yes"], "echo 'error: unable to download' >&2; exit 1");
    let error = error.code(3).says("failed to look up `github:NixOS/nixpkgs/nixos-26.05`: error: unable to download");
    error.says("hint: without a network name a pin");
    assert_eq!(project.git(&["rev-parse", "HEAD"]), head);
    assert_eq!(project.git(&["status", "--porcelain"]), "");
}
