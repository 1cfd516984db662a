//! Checks whose packages lock files keep, and those that earlier commands make ready: with real Nix, in its sandbox, without
//! network. `tests/all.sh` sets up what they need.

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use support::{Project, Said, VERSIONS, pin};

/// A session that a recorder could have written: its commands, its programs with the commands they ran in, its files.
fn journal(commands: &[(&str, bool)], programs: &[(&str, &[usize])], files: &Value) -> String {
    let id = |kind: char, at: usize| format!("{kind}{}", at + 1);
    let commands = commands.iter().enumerate().map(|(at, (line, network))| {
        let mut command = json!({ "id": id('c', at), "line": line, "cwd": "", "status": { "code": 0 }, "at": 1000 });
        if *network {
            command["network"] = json!(true);
        }
        command
    });
    let programs = programs.iter().enumerate().map(|(at, (path, ran))| {
        let ran: Vec<String> = ran.iter().map(|at| id('c', *at)).collect();
        json!({ "id": id('p', at), "path": path, "runs": ran.len(), "commands": ran })
    });
    let text = include_str!("../fixtures/cargo-test/journal.json");
    let mut journal: Value = serde_json::from_str(text).expect("a journal");
    journal["session"]["id"] = json!("demo");
    journal["commands"] = commands.collect();
    journal["programs"] = programs.collect();
    journal["files"] = files.clone();
    let journal: agent_capture::journal::Journal = serde_json::from_value(journal).expect("a journal");
    String::from_utf8(journal.to_bytes().expect("written")).expect("text")
}

/// A repository with these files and the session, rendered with the pin of the test bed.
fn captured(version: &str, files: &[(&str, &str)], journal: &str) -> Project {
    let project = Project::bare_folder().with_nix(version);
    files.iter().for_each(|(path, text)| project.write(path, text));
    project.git(&["init", "-qb", "main"]);
    project.git(&["add", "-A"]);
    project.git(&["commit", "-qm", "A project"]);
    project.write(".agent-capture/demo/journal.json", journal);
    project.run(&["render", "--nixpkgs", &pin()]).success();
    project
}

/// A crate that cargo keeps on this machine, for what builds the tests needs it: its version, checksum and archive.
fn kept_crate(name: &str) -> (String, String, PathBuf) {
    let lock = include_str!("../Cargo.lock");
    let entry =
        lock.split("[[package]]").find(|entry| entry.contains(&format!("name = \"{name}\"\n"))).expect("a crate");
    let field = |field: &str| {
        let value = entry.lines().find_map(|line| line.strip_prefix(&format!("{field} = ")));
        value.expect("a field").trim_matches('"').to_owned()
    };
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.unwrap_or_else(|| Path::new(&std::env::var_os("HOME").expect("a home")).join(".cargo"));
    let file = format!("{name}-{}.crate", field("version"));
    let caches = fs::read_dir(home.join("registry/cache")).expect("a cache").flatten();
    let archive = caches.map(|cache| cache.path().join(&file)).find(|path| path.exists()).expect("the crate");
    (field("version"), field("checksum"), archive)
}

/// Puts a file into the store, known by its hash alone, as if it had been fetched.
fn seed(project: &Project, name: &str, file: &Path) {
    let named = project.home().join(name);
    fs::copy(file, &named).expect("copied");
    let added = project.command("nix-store").args(["--add-fixed", "sha256"]).arg(&named).output();
    Said::from(added.expect("nix-store")).success();
}

#[test]
#[ignore = "needs real Nix"]
fn a_cargo_test_that_fetched_crates_is_a_check() {
    let (version, checksum, archive) = kept_crate("shlex");
    let lock = format!(
        "version = 3\n\n[[package]]\nname = \"greet\"\nversion = \"0.1.0\"\ndependencies = [\n \"shlex\",\n]\n\n[[package]]\n\
         name = \"shlex\"\nversion = \"{version}\"\nsource = \"registry+https://github.com/rust-lang/crates.io-index\"\n\
         checksum = \"{checksum}\"\n"
    );
    let manifest = format!(
        "[package]\nname = \"greet\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[dependencies]\nshlex = \"{version}\"\n"
    );
    let main = "fn main() {\n    println!(\"{:?}\", shlex::split(\"a 'b c'\"));\n}\n\n#[test]\nfn splits() {\n    \
                assert_eq!(shlex::split(\"a 'b c'\").unwrap().len(), 2);\n}\n";
    let files = [
        ("sub/Cargo.lock", lock.as_str()),
        ("sub/Cargo.toml", &manifest),
        ("sub/src/main.rs", main),
        (".gitignore", "target/\n"),
    ];
    let known = json!([
        { "path": "sub/Cargo.lock", "keeps": { "packages": 1 } },
        { "path": "sub/Cargo.toml", "says": ["bin greet"] },
    ]);
    let commands = [("cd sub && cargo test", true), ("cd sub && cargo build", false)];
    let programs: [(&str, &[usize]); 3] =
        [("/usr/bin/cargo", &[0, 1]), ("/usr/bin/rustc", &[0, 1]), ("/usr/bin/cc", &[0, 1])];
    let journal = journal(&commands, &programs, &known);
    for nix in VERSIONS {
        let project = captured(nix, &files, &journal);
        seed(&project, &format!("crate-shlex-{version}.tar.gz"), &archive);
        let flake = project.read("flake.nix");
        assert!(flake.contains("lockFile = self.sourceInfo + \"/sub/Cargo.lock\""), "{flake}");
        assert!(flake.contains("(cd sub && cargo build) && test -e sub/target/debug/greet"), "{flake}");
        project.run(&["verify"]).success().says("verified: 4 checks built");
        // The lock file must be part of what is committed.
        project.git(&["rm", "-q", "--cached", "sub/Cargo.lock"]);
        project.git(&["commit", "-qm", "Without its lock file"]);
        project.run(&["verify"]).code(1);
    }
}
