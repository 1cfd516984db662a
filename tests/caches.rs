//! A binary cache that has what is to be proved: it is built here all the same. With real Nix, in its sandbox, without network.
//! `tests/all.sh` sets up what they need.

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use agent_capture::nix::System;
use sha2::{Digest, Sha256};
use support::{Project, Said, bed};

/// What Nix says when it is asked for one thing.
#[track_caller]
fn asked(project: &Project, program: &str, arguments: &[&str]) -> String {
    let mut command = project.command(program);
    command.env("NIX_CONFIG", "experimental-features = nix-command flakes").args(arguments);
    Said::from(command.output().expect("nix")).success().stdout.trim().to_owned()
}

/// A new store that has what the flake's checks are built from, and no check.
fn new_store(project: &Project, name: &str) -> PathBuf {
    let system = System::current();
    let mut inputs = Vec::new();
    for check in ["devshell", "tools"] {
        let drv = asked(project, "nix", &["eval", "--raw", &format!(".#checks.{system}.{check}.drvPath")]);
        for path in asked(project, "nix-store", &["-q", "--references", &drv]).lines() {
            let paths = if path.ends_with(".drv") {
                asked(project, "nix-store", &["-q", "--outputs", path])
            } else {
                path.to_owned()
            };
            inputs.extend(paths.lines().map(str::to_owned));
        }
    }
    let store = project.home().join(name);
    let to = format!("local?root={}", store.display());
    let mut arguments = vec!["copy", "--no-check-sigs", "--to", &to];
    arguments.extend(inputs.iter().map(String::as_str));
    asked(project, "nix", &arguments);
    // The package set, where Nix looks for a pin's.
    let mut add = project.command("nix");
    add.env("NIX_REMOTE", to).args([
        "--extra-experimental-features",
        "nix-command",
        "store",
        "add-path",
        "--name",
        "source",
    ]);
    Said::from(add.arg(bed().join("packages/flake")).output().expect("nix")).success();
    store
}

/// Verifies with a store and a cache.
fn verified(project: &Project, store: &Path, cache: &Path) -> Said {
    let mut command = project.command(env!("CARGO_BIN_EXE_agent-capture"));
    command.env("NIX_REMOTE", format!("local?root={}", store.display()));
    let config = format!("substitute = true\nsubstituters = file://{}\nrequire-sigs = false\n", cache.display());
    Said::from(command.env("NIX_CONFIG", config).args(["verify", "--format", "json"]).output().expect("it runs"))
}

/// Changes what a cache has, and its hashes with it.
fn poison(cache: &Path) {
    let is = |path: &PathBuf| path.extension().is_some_and(|end| end == "narinfo");
    let info = fs::read_dir(cache).expect("a cache").flatten().map(|entry| entry.path()).find(is).expect("a narinfo");
    let text = fs::read_to_string(&info).expect("read");
    let nar = text.lines().find_map(|line| line.strip_prefix("URL: ")).expect("a file");
    let mut bytes = fs::read(cache.join(nar)).expect("read");
    let at = bytes.windows(7).position(|window| window == b"declare").expect("a shell's environment");
    bytes[at..at + 7].copy_from_slice(b"DECLARE");
    let hash: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    fs::write(cache.join(nar), bytes).expect("written");
    let lines = text.lines().map(|line| match line.split_once(": ") {
        Some((name @ ("NarHash" | "FileHash"), _)) => format!("{name}: sha256:{hash}\n"),
        _ => format!("{line}\n"),
    });
    fs::write(&info, lines.collect::<String>()).expect("written");
}

#[test]
#[ignore = "needs real Nix"]
fn what_a_cache_has_is_built_here_all_the_same() {
    let project = Project::demo().with_nix("new");
    project.session(&["--yes", "--name", "demo"], "jq . data/cities.json").success();
    let shell = asked(&project, "nix", &["eval", "--raw", &format!(".#checks.{}.devshell.outPath", System::current())]);
    let cache = project.home().join("cache");
    let to = format!("file://{}?compression=none", cache.display());
    asked(&project, "nix", &["copy", "--no-check-sigs", "--to", &to, &shell]);
    let narinfos = || {
        fs::read_dir(&cache)
            .expect("a cache")
            .flatten()
            .filter(|it| it.file_name().to_string_lossy().ends_with(".narinfo"))
    };
    // What the shell itself needs is in the store: the cache has the shell alone.
    for other in narinfos().map(|entry| entry.path()) {
        if !shell.contains(&*other.file_stem().expect("a name").to_string_lossy()) {
            fs::remove_file(other).expect("removed");
        }
    }
    assert_eq!(narinfos().count(), 1);
    let honest = new_store(&project, "store-honest");
    let said = verified(&project, &honest, &cache).success().stdout;
    assert!(said.contains("2 checks built"), "{said}");
    assert!(honest.join(shell.trim_start_matches('/')).exists(), "the shell is in the store");
    poison(&cache);
    let poisoned = new_store(&project, "store-poisoned");
    let said = verified(&project, &poisoned, &cache).code(1).stdout;
    assert!(said.contains("check `devshell`: a cache has it, and building it here"), "{said}");
    // Files of a store are read-only.
    Said::from(project.command("chmod").args(["-R", "u+w"]).arg(project.home()).output().expect("chmod")).success();
}
