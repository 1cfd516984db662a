//! Checks whose packages lock files keep, and those that earlier commands make ready: with real Nix, in its sandbox, without
//! network. `tests/all.sh` sets up what they need.

mod support;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;

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

#[test]
fn what_runs_before_a_check_and_what_it_is_given_need_evidence() {
    let commands = [("cmake -B build", false), ("cmake --build build", false), ("cargo test", true)];
    let programs: [(&str, &[usize]); 2] = [("/usr/bin/cmake", &[0, 1]), ("/usr/bin/cargo", &[2])];
    let known = json!([{ "path": "Cargo.lock", "keeps": { "packages": 1 } }]);
    let project = Project::bare_folder();
    project.git(&["init", "-qb", "main"]);
    project.write(".agent-capture/demo/journal.json", &journal(&commands, &programs, &known));
    project.run(&["render"]).success();
    let verify = || project.run(&["verify", "--level", "static", "--format", "json"]);
    verify().success();
    let path = ".agent-capture/requirements.json";
    let honest = project.read(path);
    for (from, to, says) in [
        ("\"line\": \"cmake -B build\"", "\"line\": \"touch build\"", "no command of the journals is `touch build`"),
        (
            "\"kind\": \"cargo\",\n            \"folder\": \"\"",
            "\"kind\": \"cargo\",\n            \"folder\": \"..\"",
            "no journal has the lock file `../Cargo.lock`",
        ),
    ] {
        assert!(honest.contains(from), "{honest}");
        project.write(path, &honest.replacen(from, to, 1));
        let said = verify().code(1).stdout;
        assert!(said.contains("check-without-evidence") && said.contains(says), "{said}");
    }
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
        assert!(flake.contains("(cd sub && cargo build) && ls -d sub/target/debug/greet"), "{flake}");
        project.run(&["verify"]).success().says("verified: 4 checks built");
        // The lock file must be part of what is committed.
        project.git(&["rm", "-q", "--cached", "sub/Cargo.lock"]);
        project.git(&["commit", "-qm", "Without its lock file"]);
        project.run(&["verify"]).code(1);
    }
}

/// Makes an archive of a package of npm; returns it and its hash as a lock file has it.
fn packed(project: &Project, name: &str, main: &str) -> (PathBuf, String) {
    let folder = project.home().join("packed").join("package");
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join("package.json"), json!({ "name": name, "version": "1.0.0" }).to_string()).expect("written");
    fs::write(folder.join("index.js"), main).expect("written");
    let archive = project.home().join("packed.tgz");
    let mut tar = project.command("tar");
    tar.args(["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "-czf"]).arg(&archive);
    Said::from(tar.arg("-C").arg(project.home().join("packed")).arg("package").output().expect("tar")).success();
    let script = "import base64, hashlib, sys; print(base64.b64encode(hashlib.sha512(open(sys.argv[1], 'rb').read()).digest()).decode())";
    let hash = project.command("python3").args(["-c", script]).arg(&archive).output().expect("python3");
    (archive, format!("sha512-{}", Said::from(hash).success().stdout.trim()))
}

#[test]
#[ignore = "needs real Nix"]
fn a_node_test_has_the_packages_of_its_lock_file() {
    let maker = Project::bare_folder();
    let (archive, hash) = packed(&maker, "odd", "exports.isOdd = (n) => n % 2 === 1;\n");
    let lock = json!({
        "name": "site", "version": "1.0.0", "lockfileVersion": 3,
        "packages": {
            "": { "name": "site", "version": "1.0.0", "dependencies": { "odd": "^1.0.0" } },
            "node_modules/odd": { "version": "1.0.0", "resolved": "https://example.org/odd-1.0.0.tgz", "integrity": hash },
        },
    });
    let test = "const { isOdd } = require('odd');\nrequire('node:test')('odd', () => { if (!isOdd(3)) throw 3; });\n";
    let manifest = json!({ "name": "site", "version": "1.0.0", "dependencies": { "odd": "^1.0.0" } }).to_string();
    let files = [
        ("package-lock.json", lock.to_string()),
        ("package.json", manifest),
        ("odd.test.js", test.to_owned()),
        (".gitignore", "node_modules/\n".to_owned()),
    ];
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    let known = json!([{ "path": "package-lock.json", "keeps": { "packages": 1 } }]);
    let journal = journal(&[("npm ci", true), ("node --test", false)], &[("/usr/bin/node", &[1])], &known);
    for nix in VERSIONS {
        let project = captured(nix, &files, &journal);
        let named = project.home().join("odd-1.0.0.tgz");
        fs::copy(&archive, &named).expect("copied");
        let added = project.command("nix-store").args(["--add-fixed", "sha512"]).arg(&named).output();
        Said::from(added.expect("nix-store")).success();
        assert!(project.read("flake.nix").contains("node-test = npmFor pkgs;"), "{}", project.read("flake.nix"));
        project.run(&["verify"]).success().says("verified: 3 checks built");
    }
}

#[test]
#[ignore = "needs real Nix"]
fn a_build_folder_is_made_ready_first() {
    let files = [
        (
            "CMakeLists.txt",
            "cmake_minimum_required(VERSION 3.20)\nproject(x C)\nadd_executable(x x.c)\nenable_testing()\nadd_test(NAME runs COMMAND x)\n",
        ),
        ("x.c", "int main(void) { return 0; }\n"),
        ("auto/configure", "#!/bin/sh\necho 'check: ; test -e config.status' > Makefile\ntouch config.status\n"),
        ("Makefile", "build/y: ; test -n '$(Y)' || true\n"),
        (".gitignore", "build/\n"),
    ];
    let commands = [
        ("cmake -S . -B build 2>&1 | tail -3", false),
        ("cmake --build build | tail -1", false),
        ("ctest --test-dir build", false),
        ("cd auto && ./configure --quiet", false),
        ("make -C auto check", false),
        ("gcc -o x x.c && ./x", false),
        ("make -s build/y", false),
    ];
    let programs: [(&str, &[usize]); 5] = [
        ("/usr/bin/cmake", &[0, 1]),
        ("/usr/bin/ctest", &[2]),
        ("/usr/bin/make", &[1, 4]),
        ("/usr/bin/cc", &[1]),
        ("/usr/bin/gcc", &[5]),
    ];
    let journal = journal(&commands, &programs, &json!([]));
    for nix in VERSIONS {
        let project = captured(nix, &files, &journal);
        let said = project.run(&["verify"]).code(1);
        let flake = project.read("flake.nix");
        assert!(flake.contains("\"cmake -S . -B build && cmake --build build && ctest --test-dir build\""), "{flake}");
        assert!(
            flake.contains("\"(mkdir -p auto && cd auto && ./configure --quiet) && make -C auto check\""),
            "{flake}"
        );
        assert!(flake.contains("\"gcc -o x x.c && ./x && ls -d x\""), "{flake}");
        // The line of this one promises a file that it does not make.
        said.says("5 of 6 checks")
            .says("check `make-build-y`: it failed in the sandbox")
            .says("cannot access 'build/y'");
    }
}

/// A demo that is captured and whose verification says no.
fn refused(version: &str, policy: &str, makefile: &str, agent: &str) -> (Project, Said) {
    let project = Project::demo().with_nix(version);
    project.write("Makefile", makefile);
    project.git(&["commit", "-qam", "Another Makefile"]);
    project.write(".agent-capture/policy.toml", policy);
    let said = project.session(&["--yes", "--name", "demo"], agent).code(1);
    (project, said)
}

#[test]
#[ignore = "needs real Nix"]
fn what_to_do_is_said_and_helps() {
    let keep = |attr: &str| format!("[[keep]]\nattr = \"{attr}\"\nreason = \"test\"\n");
    let goes_on = |project: &Project, policy: &str| {
        project.write(".agent-capture/policy.toml", policy);
        project.run(&["render"]).success();
        project.run(&["verify"]).success();
    };
    for nix in VERSIONS {
        // The attr is gone at this pin: names near to it.
        let (project, said) = refused(nix, &keep("nodejs_24"), "check: ; true\n", "jq . data/cities.json");
        said.says("the package set has no attribute `nodejs_24`").says("near to it are: nodejs_2");
        goes_on(&project, &keep("nodejs"));
        // It is unfree at this pin: the line of the policy, which works as it is said.
        let (project, said) = refused(nix, &keep("bat"), "check: ; true\n", "jq . data/cities.json");
        said.says("nixpkgs refuses `bat-1.0`: its licence is not free")
            .says("`unfree = [\"bat\"]` in .agent-capture/policy.toml");
        goes_on(&project, &format!("unfree = [\"bat\"]\n{}", keep("bat")));
        // It is insecure at this pin.
        let (_, said) = refused(nix, &keep("fzf"), "check: ; true\n", "jq . data/cities.json");
        said.says("nixpkgs refuses `fzf-1.0`: it is marked as insecure").says("replace `fzf` under [[replace]]");
        // A program is missing: the package that has it, and what the sessions say of it.
        let drop = "[[drop]]\nattr = \"ripgrep\"\nreason = \"test\"\n";
        let (project, said) = refused(nix, drop, "check:\n\trg -q people data/cities.json\n", "make check");
        said.says("`rg` is in none of its packages")
            .says("`attr = \"ripgrep\"`")
            .says("was left out: the policy drops it");
        goes_on(&project, "");
        // The network is missing: who wants it.
        let fetch = "import urllib.request\ntry:\n    urllib.request.urlopen('https://example.org/data.json')\nexcept OSError as error:\n    raise SystemExit(f'{error}: https://example.org/data.json')\n";
        let project = Project::demo().with_nix(nix);
        project.write("fetch.py", fetch);
        project.write("Makefile", "check:\n\ttest -n '$(OFFLINE)' || test -e /etc/hostname || python3 fetch.py\n");
        project.git(&["add", "-A"]);
        project.git(&["commit", "-qm", "A check that fetches"]);
        let agent = "make check\npython3 -m pytest -q";
        let said = project.session(&["--yes", "--name", "demo"], agent).code(1);
        said.says("it wants the network, which the sandbox does not have, for the host `example.org`")
            .says("[[check]]");
    }
}

#[test]
#[ignore = "needs real Nix"]
fn a_check_that_passes_only_here_is_offered_as_none() {
    let makefile = "check:\n\tfor i in $$(seq 60); do echo line $$i; done\n\ttest -e /etc/hostname\n";
    let (project, said) = refused("new", "", makefile, "make check\njq . data/cities.json");
    let said = said.says("check `make-check`: it failed in the sandbox").says("`drop = \"make-check\"`");
    let kept = said.stderr.lines().find_map(|line| line.trim().strip_prefix("the whole log is in ")).expect("a log");
    assert!(project.read(kept).contains("line 1\n"), "the whole log is kept");
    // The line of the policy that was offered; then the report says why it is none.
    project.write(
        ".agent-capture/policy.toml",
        "[[check]]\ndrop = \"make-check\"\nreason = \"it fails in the sandbox\"\n",
    );
    project.run(&["render"]).success();
    project.run(&["verify"]).success();
    let report = project.run(&["report", "--format", "markdown"]).success().stdout;
    assert!(report.contains("| `make check` | the policy drops it |"), "{report}");
}

#[test]
#[ignore = "needs real Nix"]
fn at_a_terminal_a_check_that_fails_is_no_check_when_one_says_so() {
    for (answer, status) in [("y\ny\n", 0), ("n\n", 1)] {
        let project = Project::demo().with_nix("new");
        project.write("Makefile", "check:\n\ttest -e /etc/hostname\n");
        project.git(&["commit", "-qam", "A check that looks at the machine"]);
        project.write("../agent.sh", "make check\njq . data/cities.json\n");
        let program = env!("CARGO_BIN_EXE_agent-capture");
        let line = format!("{program} run --name demo --nixpkgs '{}' -- bash ../agent.sh", pin());
        let mut command = project.command("script");
        command.args(["-qec", &line, "/dev/null"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("script");
        child.stdin.take().expect("stdin").write_all(answer.as_bytes()).expect("typed");
        let said = Said::from(child.wait_with_output().expect("ends")).code(status);
        assert!(said.stdout.contains("`make-check` is no check, and go on? [y/N]"), "{}", said.stdout);
        assert_eq!(project.exists(".agent-capture/policy.toml"), status == 0);
        if status == 0 {
            assert!(project.read(".agent-capture/policy.toml").contains("drop = \"make-check\""));
            assert_eq!(project.git(&["status", "--porcelain"]), "", "the policy is committed, too");
        }
    }
}

#[test]
#[ignore = "needs real Nix"]
fn a_check_whose_lock_file_is_not_committed_needs_uncommitted_work() {
    let (version, checksum, _) = kept_crate("shlex");
    let lock = format!(
        "version = 3\n\n[[package]]\nname = \"shlex\"\nversion = \"{version}\"\nsource = \
         \"registry+https://github.com/rust-lang/crates.io-index\"\nchecksum = \"{checksum}\"\n"
    );
    let project = Project::demo().with_nix("new");
    project.write("Cargo.lock", &lock);
    project.write("../home/bin/cargo", "#!/bin/sh\nexit 0\n");
    let agent = "export PATH=\"$HOME/bin:$PATH\"\ncargo test\nmake check\n";
    let said = project.session(&["--yes", "--name", "demo"], agent).success();
    said.says("check `cargo-test` is left out: it needs uncommitted work; `--include-work`").says("committed ");
    let flake = project.read("flake.nix");
    assert!(
        flake.contains("make-check = ") && !flake.contains("cargo-test") && !flake.contains("Cargo.lock"),
        "{flake}"
    );
    assert_eq!(project.git(&["status", "--porcelain"]), "?? Cargo.lock\n");
    let report = project.run(&["report", "--format", "markdown"]).success().stdout;
    assert!(report.contains("| `cargo test` | it needs uncommitted work |"), "{report}");
    project.run(&["verify"]).success();
}

/// A project whose `go.mod` requires this, and an agent's shell that has a `go` which tests it.
fn go_project(version: &str, requires: &str) -> Project {
    let project = Project::bare_folder().with_nix(version);
    project.write("sub/go.mod", &format!("module example.org/x\n\ngo 1.22\n\nrequire {requires} v1.0.0\n"));
    project.write("sub/go.sum", &format!("{requires} v1.0.0 h1:x=\n"));
    project.write("../home/bin/go", "#!/bin/sh\nexit 0\n");
    project.git(&["init", "-qb", "main"]);
    project.git(&["add", "-A"]);
    project.git(&["commit", "-qm", "A project"]);
    project
}

const GO_AGENT: &str = "export PATH=\"$HOME/bin:$PATH\"\ncd sub && go test ./...\n";

#[test]
#[ignore = "needs real Nix"]
fn the_hash_of_what_go_mod_requires_is_found_by_building() {
    for nix in VERSIONS {
        let project = go_project(nix, "example.org/y");
        let said = project.session(&["--yes", "--name", "demo"], GO_AGENT).success();
        said.says("found by building what `sub/go.mod` requires: sha256-")
            .says("verified: 3 checks")
            .says("committed ");
        let flake = project.read("flake.nix");
        let (_, hash) = flake.split_once("vendorHash = \"").expect("a hash");
        let hash = hash.split('"').next().expect("a hash");
        assert!(hash.starts_with("sha256-") && !hash.contains("AAAA"), "{flake}");
        assert!(flake.contains("modRoot = \"sub\";") && flake.contains("go-test = goFor pkgs;"), "{flake}");
        let journal = project.read(".agent-capture/demo/journal.json");
        assert!(journal.contains(&format!("\"found\": \"{hash}\"")), "{journal}");
        // From the journal alone, without Nix, the same bytes come.
        let without = Project::bare_folder();
        let there = format!("{}/.", project.root().display());
        Said::from(without.command("cp").args(["-r", &there, "."]).output().expect("cp")).success();
        without.run(&["render"]).success();
        assert_eq!(without.git(&["status", "--porcelain"]), "");
        without.run(&["verify", "--level", "static"]).success();
        // A hash that no session found is none.
        let path = ".agent-capture/requirements.json";
        let other = hash.replacen(&hash[7..11], "BBBB", 1);
        without.write(path, &without.read(path).replace(hash, &other));
        without.write("flake.nix", &flake.replace(hash, &other));
        let said = without.run(&["verify", "--level", "static"]).code(1);
        said.says(&format!("no journal has the lock file `sub/go.mod` with the hash {other}"));
    }
}

#[test]
#[ignore = "needs real Nix"]
fn what_go_mod_requires_and_cannot_be_had_is_said() {
    for nix in VERSIONS {
        let project = go_project(nix, "unreachable.example/y");
        let said = project.session(&["--yes", "--name", "demo"], GO_AGENT).success();
        said.says("the hash of what `sub/go.mod` requires is not found, and its commands are no checks")
            .says("committed ");
        assert!(!project.read("flake.nix").contains("buildGoModule"));
        let document = project.read(".agent-capture/requirements.json");
        assert!(document.contains("their hash is found only by building with a network"), "{document}");
        assert!(!project.read(".agent-capture/demo/journal.json").contains("\"found\""));
    }
}
