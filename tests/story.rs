//! The story that started it: an agent works with Nix on a host without a toolchain, and the same work is done on a host that
//! it changes. Both leave the same flake; the second leaves more behind.

mod support;

use std::fs;
use std::path::PathBuf;

use support::{Project, bed};

/// Returns the flake's packages without the reasons.
fn packages(project: &Project) -> Vec<String> {
    let flake = project.read("flake.nix");
    let lines = flake.lines().filter_map(|line| line.trim().strip_prefix("pkgs.")?.split_once(" #"));
    lines.map(|(attr, _)| attr.to_owned()).collect()
}

/// Makes `nixpkgs#…` on a command line the package set of the test bed.
fn register(project: &Project) {
    let set = bed().join("packages/flake");
    let registry = project.home().join(".config/nix/registry.json");
    fs::create_dir_all(registry.parent().expect("a folder")).expect("folders");
    let text = format!(
        r#"{{"flakes":[{{"exact":true,"from":{{"id":"nixpkgs","type":"indirect"}},"to":{{"path":"{}","type":"path"}}}}],"version":2}}"#,
        set.display()
    );
    fs::write(registry, text).expect("a registry");
}

/// A folder with a toolchain, as rustup keeps it: the one that builds these tests.
fn toolchain() -> PathBuf {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = std::process::Command::new(rustc).args(["--print", "sysroot"]).output().expect("rustc");
    PathBuf::from(String::from_utf8(output.stdout).expect("a path").trim())
}

#[test]
#[ignore = "needs real Nix"]
fn with_nix_nothing_is_left_behind() {
    let project = Project::of("story").with_nix("new");
    register(&project);
    let agent = "timeout 10 cargo build\n\
        nix shell nixpkgs#cargo nixpkgs#rustc -c cargo build\n\
        nix shell nixpkgs#cargo nixpkgs#rustc -c cargo test --offline\n\
        nix run nixpkgs#jq -- -e '.lines == 2' data.json\n\
        test -x target/debug/tally";
    let said = project.session(&["--yes", "--name", "story"], agent).success();
    assert_eq!(packages(&project), ["cargo", "jq", "rustc"], "{said:?}");
    let flake = project.read("flake.nix");
    assert!(flake.contains(r#"cargo-test = "cargo test --offline";"#), "{flake}");
    assert!(flake.contains("mkShell {"), "rustc needs a linker: {flake}");
    let report = project.run(&["report"]).success().stdout;
    assert!(report.contains("left behind on this machine: nothing"), "{report}");
    if !PathBuf::from("/usr/bin/cargo").exists() {
        assert!(report.contains("cargo: looked for and not found"), "{report}");
    }
}

#[test]
#[ignore = "needs real Nix"]
fn on_a_host_that_it_changes_the_flake_is_the_same_and_the_report_says_what_is_left() {
    let project = Project::of("story").with_nix("new");
    // What an installer of rustup does: a toolchain in ~/.rustup, its programs in ~/.cargo/bin.
    let agent = format!(
        "mkdir -p ~/.rustup/toolchains ~/.cargo/bin && cp -rs {}/. ~/.rustup/toolchains/stable-x86_64-unknown-linux-gnu\n\
        export PATH=~/.rustup/toolchains/stable-x86_64-unknown-linux-gnu/bin:$PATH\n\
        cp ~/.profile ~/.bashrc; echo 'export PATH=$HOME/.cargo/bin:$PATH' >> ~/.bashrc\n\
        printf '#!/bin/sh\\n' > ~/.cargo/bin/just\n\
        cargo build\n\
        cargo test --offline\n\
        jq -e '.lines == 2' data.json",
        toolchain().display()
    );
    fs::write(project.home().join(".profile"), "").expect("a profile");
    let said = project.session(&["--yes", "--name", "story"], &agent).success();
    assert_eq!(packages(&project), ["cargo", "jq", "rustc"], "{said:?}");
    assert!(project.read("flake.nix").contains(r#"cargo-test = "cargo test --offline";"#));
    let report = project.run(&["report"]).success().stdout;
    for left in ["~/.bashrc: 1 file", "~/.cargo/bin: 1 file", "~/.rustup/toolchains: "] {
        assert!(report.contains(left), "no `{left}` in\n{report}");
    }
}
