//! Images, machines, `.envrc`, and flakes of command lines that were typed.

mod support;

use std::fs;

use support::{Project, Said, VERSIONS, pin};

const PIN: &str = "github:NixOS/nixpkgs/61b7c44c4073f0b827768aff0049561b5110ea5a?lastModified=1784356753&narHash=sha256-12KrbMiWLcf8m7pCvAtZh1ZrgF85ZXDXvfR/fWTKy84=";

const ALL: &str = "[outputs]\nimage = true\nvm = true\nenvrc = true\n";

/// A project with a captured session, and a policy.
fn captured(policy: &str) -> Project {
    let project = Project::demo();
    project.write(".agent-capture/policy.toml", policy);
    project.session(&["--no-verify", "--yes", "--name", "fix"], "jq -n 1").success();
    project
}

#[test]
fn outputs_are_there_on_request_only() {
    let project = captured("");
    let flake = project.read("flake.nix");
    assert!(!flake.contains("image") && !flake.contains("nixos") && !project.exists(".envrc"), "{flake}");
    project.write(".agent-capture/policy.toml", ALL);
    project.run(&["verify", "--level", "static"]).success().says("asks for more outputs");
    project.run(&["render"]).success();
    let flake = project.read("flake.nix");
    assert!(flake.contains("image = imageFor") && flake.contains("        fix = machineFor "), "{flake}");
    assert_eq!(project.read(".envrc").lines().last(), Some("use flake"));
    project.run(&["verify", "--level", "static"]).success();
    project.run(&["commit", "--no-verify", "--yes"]).success();
    assert_eq!(project.git(&["status", "--porcelain"]), "");
    // A flake with more than the policy that counts asks for is not proved.
    project.run(&["verify", "--level", "static", "--base", "HEAD~"]).code(1).says("does not ask for all images");
    project.write(".agent-capture/policy.toml", "");
    project.run(&["verify", "--level", "static"]).code(1).says("does not ask for all images");
    project.run(&["render"]).success();
    assert!(!project.exists(".envrc"), "it was ours");
    project.run(&["commit", "--no-verify", "--yes"]).success();
    assert_eq!(project.git(&["status", "--porcelain"]), "");
    project.run(&["rollback", "--yes"]).success();
}

#[test]
fn an_envrc_of_the_users_stays() {
    let project = Project::demo();
    project.write(".envrc", "export MINE=1\n");
    project.write(".agent-capture/policy.toml", "[outputs]\nenvrc = true\n");
    let said = project.session(&["--no-verify", "--yes", "--name", "fix"], "jq -n 1").success();
    let said = said.says("`.envrc` is not ours and stays as it is");
    assert!(!said.stderr.contains("new       .envrc"), "{said:?}");
    assert_eq!(project.read(".envrc"), "export MINE=1\n");
    project.run(&["verify", "--level", "static"]).success().says("direnv runs what it says");
    // With a hand-written flake ours is elsewhere, and so the way in.
    fs::remove_file(project.root().join(".envrc")).expect("ours");
    project.git(&["rm", "-q", "flake.nix", "flake.lock"]);
    project.write("flake.nix", "{ outputs = { self }: { }; }\n");
    project.git(&["add", "flake.nix"]);
    project.git(&["commit", "-qm", "A flake by hand"]);
    project.run(&["render"]).success();
    assert_eq!(project.read(".envrc").lines().last(), Some("use flake ./.agent-capture/flake"));
    project.run(&["verify", "--level", "static"]).success();
}

#[test]
#[ignore = "needs real Nix"]
fn nix_evaluates_exactly_the_expected_outputs() {
    for version in VERSIONS {
        let project = Project::demo().with_nix(version);
        project.write(".agent-capture/policy.toml", ALL);
        project.session(&["--yes", "--name", "fix"], "jq -n 1").success().says("committed ");
        project.run(&["verify"]).success().says("verified: 2 checks built");
        let nix = |arguments: &[&str]| -> Said {
            let options = ["--extra-experimental-features", "nix-command flakes", "--offline"];
            project.command("nix").args(arguments).args(options).output().expect("nix").into()
        };
        let image = nix(&["build", "--no-link", "--json", ".#image"]).success();
        assert!(image.stdout.contains("stream-captured"), "{image:?}");
        let said = nix(&["run", ".#vm"]).success();
        assert!(said.stdout.contains("-jq"), "the machine has what was captured: {said:?}");
    }
}

#[test]
fn a_command_line_becomes_a_flake_and_nothing_is_run() {
    let project = Project::bare_folder();
    let export = |line: &[&str]| project.run(&[&["export", "--nixpkgs", PIN, "--"], line].concat());
    let said = export(&["nix", "shell", "nixpkgs#jq", "nixpkgs#ripgrep", "-c", "touch", "ran here"]).success();
    let said = said.says("after `nix develop` run: touch 'ran here'");
    assert!(said.stdout.contains("        pkgs.jq # asked for\n        pkgs.ripgrep # asked for\n"), "{}", said.stdout);
    assert!(said.stdout.contains("/61b7c44c4073f0b827768aff0049561b5110ea5a") && said.stdout.contains("mkShellNoCC"));
    assert!(!project.exists("flake.nix") && !project.exists("ran here"));
    let said = export(&["nix", "develop", "nixpkgs#jq", "-c", "make"]).success().says("run: make");
    assert!(
        said.stdout.contains("inputsFrom = shellsFor pkgs;") && said.stdout.contains("mkShell {"),
        "{}",
        said.stdout
    );
    let said = export(&["nix-shell", "-p", "jq", "python3Packages.requests"]).success();
    assert!(said.stdout.contains("mkShell {") && said.stdout.contains("ps.requests # asked for"), "{}", said.stdout);
    for (line, why) in [
        (&["nix", "shell", "nixpkgs#ripgerp", "nixpkgs#jq"][..], "near to it are: ripgrep"),
        (&["nix", "shell", "github:a/b#x"], "Nix could not look it up"),
        (&["nix", "develop", "nixpkgs#ripgerp"], "near to it are: ripgrep"),
        (&["nix", "shell", "nixpkgs#terraform"], "its licence is not free"),
        (&["nix", "develop"], "the project's own flake is a flake already"),
    ] {
        let said = export(line).code(1).says(why).says("nothing is exported");
        assert_eq!(said.stdout, "", "{line:?}");
    }
    export(&["make"]).code(3).says("`make` names no packages").says("hint: ");
    let two = ["export", "--", "nix", "shell", "nixpkgs/nixos-25.11#jq", "nixpkgs/nixos-26.05#jq"];
    project.run(&two).code(3).says("one nixpkgs").says("--nixpkgs PIN");
    // Without Nix a plain `nixpkgs` is the built-in pin, and a revision that was a channel's is known.
    let known = "github:NixOS/nixpkgs/8eeec934ae0dbeca3d7868c059568a65c08b2fc3";
    for flake in ["nixpkgs", known] {
        let said = project.run(&["export", "--", "nix", "run", &format!("{flake}#jq")]).success();
        assert!(said.stdout.contains(known), "{flake}: {}", said.stdout);
    }
}

#[test]
fn an_exported_flake_overwrites_nothing() {
    let project = Project::bare_folder();
    let line = ["export", "--write", "--nixpkgs", PIN, "--", "nix", "shell", "nixpkgs#jq"];
    project.run(&line).success().says("wrote flake.nix and flake.lock");
    assert!(project.read("flake.lock").contains("61b7c44c"));
    project.run(&line).success();
    project.write("flake.nix", "{ }\n");
    project.run(&line).code(3).says("there is a `flake.nix` already").says("hint: ");
    assert_eq!(project.read("flake.nix"), "{ }\n");
}

#[test]
#[ignore = "needs real Nix"]
fn nix_enters_an_exported_flake() {
    for version in VERSIONS {
        let project = Project::bare_folder().with_nix(version);
        let pin = pin();
        let line = ["export", "--write", "--nixpkgs", &pin, "--", "nix-shell", "-p", "jq"];
        project.run(&line).success();
        let nix = |arguments: &[&str]| -> Said {
            let options = ["--extra-experimental-features", "nix-command flakes", "--offline"];
            project.command("nix").args(options).args(arguments).output().expect("nix").into()
        };
        let lock = project.read("flake.lock");
        nix(&["flake", "check", "path:."]).success();
        let said = nix(&["develop", "path:.", "-c", "jq", "-n", "1 + 1"]).success();
        assert_eq!((said.stdout.trim(), project.read("flake.lock")), ("2", lock));
    }
}
