//! The story that started it: an agent works with Nix on a host without a toolchain, and the same work is done on a host that
//! it changes. Both leave the same flake; the second leaves more behind.

mod support;

use std::fs;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::Duration;

use agent_capture::flake::Flake;
use agent_capture::nix::Pin;
use agent_capture::requirements::Requirements;
use support::{Project, Said, pin};

/// Returns the flake's packages without the reasons.
fn packages(project: &Project) -> Vec<String> {
    let flake = project.read("flake.nix");
    let lines = flake.lines().filter_map(|line| line.trim().strip_prefix("pkgs.")?.split_once(" #"));
    lines.map(|(attr, _)| attr.to_owned()).collect()
}

/// Makes `nixpkgs#…` on a command line the package set of the test bed, at its pin.
fn register(project: &Project) {
    let Pin { rev, last_modified, nar_hash } = Pin::parse(&pin()).expect("a pin");
    let registry = project.home().join(".config/nix/registry.json");
    fs::create_dir_all(registry.parent().expect("a folder")).expect("folders");
    let to = format!(
        r#"{{"__final":true,"type":"github","owner":"NixOS","repo":"nixpkgs","rev":"{rev}","lastModified":{last_modified},"narHash":"{nar_hash}"}}"#
    );
    let text =
        format!(r#"{{"version":2,"flakes":[{{"exact":true,"from":{{"type":"indirect","id":"nixpkgs"}},"to":{to}}}]}}"#);
    fs::write(registry, text).expect("a registry");
}

/// Writes a flake for building the project, and puts its nixpkgs at the test bed's pin.
fn shell_of_the_project(project: &Project) {
    let flake = r#"{
  inputs.nixpkgs.url = "github:NixOS/nixpkgs/REV";
  outputs = { self, nixpkgs }: {
    devShells = nixpkgs.lib.genAttrs [ "x86_64-linux" "aarch64-linux" ] (system: {
      default = with nixpkgs.legacyPackages.${system}; mkShell { packages = [ cargo rustc ]; };
    });
  };
}
"#;
    write_flake(project, "shell", flake);
}

/// Writes a flake into a folder of the project, its nixpkgs at the test bed's pin, and commits it.
fn write_flake(project: &Project, folder: &str, flake: &str) {
    let pin = Pin::parse(&pin()).expect("a pin");
    project.write(&format!("{folder}/flake.nix"), &flake.replace("REV", pin.rev.as_str()));
    project.write(&format!("{folder}/flake.lock"), &Flake::new(&Requirements::default(), &pin).lock());
    project.git(&["add", "-A"]);
    project.git(&["commit", "-qm", "Add a flake"]);
}

/// A folder with a toolchain, as rustup keeps it: the one that builds these tests.
fn toolchain() -> PathBuf {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = std::process::Command::new(rustc).args(["--print", "sysroot"]).output().expect("rustc");
    PathBuf::from(String::from_utf8(output.stdout).expect("a path").trim())
}

/// Puts an executable script into the home folder.
fn installer(project: &Project, path: &str, script: &str) {
    support::program(&project.home().join(path), format!("#!/bin/bash\n{script}\n"));
}

/// The work of an agent that was told to use Nix. Nobody says which nixpkgs is meant.
fn with_nix() -> (Project, Said) {
    let project = Project::of("story").with_nix("new");
    register(&project);
    shell_of_the_project(&project);
    let agent = "timeout 10 cargo build\n\
        nix shell nixpkgs#cargo nixpkgs#rustc -c cargo build\n\
        nix develop ./shell -c cargo test --offline\n\
        nix run nixpkgs#jq -- -e '.lines == 2' data.json\n\
        test -x target/debug/tally";
    let script = project.home().join("agent.sh");
    fs::write(&script, agent).expect("a script");
    let mut command = project.command(env!("CARGO_BIN_EXE_agent-capture"));
    command.args(["run", "--yes", "--name", "story", "--", "bash"]).arg(script);
    let said = Said::from(command.output().expect("the program runs")).success().says("verified: ");
    (project, said)
}

/// The same work on a host that it changes: installers that leave behind what the real ones do, without network and without
/// touching this machine.
fn on_a_host() -> (Project, Said) {
    let project = Project::of("story").with_nix("new");
    let rustup = format!(
        "to=~/.rustup/toolchains/stable-x86_64-unknown-linux-gnu; mkdir -p $to && cp -rs {0}/bin {0}/lib $to\n\
        cp ~/.profile ~/.bashrc; echo 'export PATH=$HOME/.cargo/bin:$PATH' >> ~/.bashrc\n",
        toolchain().display()
    );
    installer(&project, ".cargo/bin/rustup", &rustup);
    let pip = "mkdir -p ~/.local/lib/python3.11/site-packages/pip && echo > ~/.local/lib/python3.11/site-packages/pip/__init__.py";
    installer(&project, ".local/bin/pip", pip);
    installer(&project, ".local/bin/apt-get", "echo 'jq is already the newest version'");
    let agent = "export PATH=~/.cargo/bin:~/.local/bin:$PATH\n\
        apt-get install -y jq\n\
        rustup toolchain install stable --profile minimal\n\
        pip install --user --upgrade pip\n\
        export PATH=~/.rustup/toolchains/stable-x86_64-unknown-linux-gnu/bin:$PATH\n\
        printf '#!/bin/sh\\n' > ~/.cargo/bin/just\n\
        cargo build\n\
        cargo test --offline\n\
        jq -e '.lines == 2' data.json";
    fs::write(project.home().join(".profile"), "").expect("a profile");
    // What is as old as the last tick of the file system's clock may be of the session.
    sleep(Duration::from_millis(50));
    let said = project.session(&["--yes", "--name", "story"], agent).success().says("verified: ");
    (project, said)
}

#[test]
#[ignore = "needs real Nix"]
fn with_nix_nothing_is_left_behind() {
    let (project, said) = with_nix();
    assert_eq!(packages(&project), ["cargo", "jq", "rustc"], "{said:?}");
    let flake = project.read("flake.nix");
    assert!(flake.contains(r#"cargo-test = "cargo test --offline";"#), "{flake}");
    assert!(flake.contains("mkShell {"), "rustc needs a linker: {flake}");
    let lock = project.read("flake.lock");
    let pin = Pin::parse(&pin()).expect("a pin");
    assert_eq!(Pin::from_lock(lock.as_bytes()), Some(pin), "the pin is that of its commands");
    let report = project.run(&["report"]).success().stdout;
    assert!(report.contains("left behind on this machine: nothing"), "{report}");
    if !PathBuf::from("/usr/bin/cargo").exists() {
        assert!(report.contains("cargo: looked for and not found"), "{report}");
    }
}

#[test]
#[ignore = "needs real Nix"]
fn on_a_host_that_it_changes_the_flake_is_the_same_and_the_report_says_what_is_left() {
    let (project, said) = on_a_host();
    assert_eq!(packages(&project), ["cargo", "jq", "rustc"], "{said:?}");
    // How often each ran is another matter.
    let flake = |project: &Project| {
        let text = project.read("flake.nix");
        let lines: Vec<String> = text.lines().map(|line| line.split(" # ").next().unwrap_or(line).to_owned()).collect();
        (lines, project.read("flake.lock"))
    };
    assert_eq!(flake(&project), flake(&with_nix().0));
    let report = project.run(&["report"]).success().stdout;
    for left in ["~/.bashrc: 1 file", "~/.cargo/bin: 1 file", "~/.local/lib", "~/.rustup/toolchains: "] {
        assert!(report.contains(left), "no `{left}` in\n{report}");
    }
}

#[test]
#[ignore = "needs real Nix"]
fn what_nix_runs_to_build_is_no_program_of_the_session() {
    for version in support::VERSIONS {
        let project = Project::of("story").with_nix(version);
        register(&project);
        let flake = r#"{
  inputs.nixpkgs.url = "github:NixOS/nixpkgs/REV";
  outputs = { self, nixpkgs }: {
    packages.x86_64-linux.default = nixpkgs.legacyPackages.x86_64-linux.runCommand "greet-NUMBER" { } ''
      mkdir -p $out/bin
      printf '#!/bin/sh\necho hello\n' | sed s/hello/hallo/ > $out/bin/greet
      chmod +x $out/bin/greet
      bash -n $out/bin/greet
    '';
  };
}
"#;
        write_flake(&project, "greet", &flake.replace("NUMBER", &std::process::id().to_string()));
        let agent = "nix build ./greet\nnix run nixpkgs#jq -- -e '.lines == 2' data.json";
        let said = project.session(&["--yes", "--name", "story"], agent).says("verified: ");
        assert_eq!(packages(&project), ["jq"], "{said:?}");
        let journal = project.read(".agent-capture/story/journal.json");
        assert!(journal.contains("Nix ran it to fetch or build"), "{version}: {journal}");
    }
}
