//! Libraries that a session's programs are built against, and modules that they import.

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use support::{Project, VERSIONS, skipped};

/// Uses zlib by the flags of pkg-config, and OpenSSL by those of everyone.
const MAKEFILE: &str = "check: packed digest\n\t./packed && ./digest\n\
    packed: packed.c\n\t$(CC) -o $@ packed.c $$(pkg-config --cflags --libs zlib)\n\
    digest: digest.c\n\t$(CC) -o $@ digest.c -lcrypto\n";

/// Returns the lines of a list in the flake.
fn list(flake: &str, name: &str) -> Vec<String> {
    let rest = flake.split_once(&format!("{name} = pkgs: [\n")).map_or("", |(_, rest)| rest);
    rest.lines().take_while(|line| *line != "      ];").map(|line| line.trim().to_owned()).collect()
}

#[test]
#[ignore = "needs real Nix"]
fn what_was_compiled_and_linked_is_built_against_in_the_sandbox() {
    for needed in ["/usr/include/zlib.h", "/usr/include/openssl/sha.h", "/usr/bin/pkg-config", "/usr/bin/gcc"] {
        if !Path::new(needed).exists() {
            return skipped(&format!("this machine has no {needed}"));
        }
    }
    for (version, depth) in VERSIONS.into_iter().zip(["full", "none"]) {
        let project = Project::bare_folder().with_nix(version);
        project.write("Makefile", MAKEFILE);
        project.write("packed.c", "#include <zlib.h>\nint main(void) { return zlibVersion()[0] != '1'; }\n");
        project.write(
            "digest.c",
            "#include <openssl/sha.h>\nint main(void) { unsigned char d[20]; return SHA1(0, 0, d) == 0; }\n",
        );
        project.write(".gitignore", "packed\ndigest\n");
        project.git(&["init", "-q", "-b", "main"]);
        project.git(&["add", "."]);
        project.git(&["commit", "-qm", "Two programs"]);
        let options = ["--yes", "--name", "built", "--files", depth];
        let options = if depth == "none" { &options[..3] } else { &options[..] };
        let said = project.session(options, "make check").success();
        let flake = project.read("flake.nix");
        let libraries = list(&flake, "librariesFor");
        let attrs: Vec<&str> = libraries.iter().filter_map(|line| line.split(' ').next()).collect();
        assert_eq!(attrs, ["pkgs.openssl", "pkgs.zlib"], "{flake}{said:?}");
        assert_eq!(list(&flake, "packagesFor"), ["pkgs.pkg-config # 1 run"], "{flake}");
        assert!(
            flake.contains("pkgs.mkShell {\n          packages = packagesFor pkgs;\n          buildInputs ="),
            "{flake}"
        );
        assert!(flake.contains(r#"make-check = "make check";"#), "it is proved in the sandbox: {flake}");
        project.run(&["verify"]).success();
        // Without one of them the check fails: each is necessary.
        let said = project.run(&["minimize"]).success().stdout;
        for package in ["openssl", "pkg-config", "zlib"] {
            let necessary =
                |line: &str| line.starts_with(package) && line.contains("necessary: without it make-check failed");
            assert!(said.lines().any(necessary), "{said}");
        }
    }
}

/// A module of Python in the home folder, as pip puts it there for one user.
fn install(project: &Project, version: &str, name: &str, text: &str, metadata: &str) {
    let folder = project.home().join(format!(".local/lib/python{version}/site-packages"));
    let described = folder.join(format!("{name}-1.0.dist-info"));
    fs::create_dir_all(folder.join(name)).expect("folders");
    fs::create_dir_all(&described).expect("folders");
    fs::write(folder.join(name).join("__init__.py"), text).expect("a module");
    fs::write(described.join("METADATA"), metadata).expect("metadata");
}

#[test]
fn what_python_imported_is_in_the_flake_and_not_what_that_brings() {
    let python =
        Command::new("/usr/bin/python3").args(["-c", "import sys; print('%d.%d' % sys.version_info[:2])"]).output();
    let Some(version) = python.ok().and_then(|output| String::from_utf8(output.stdout).ok()) else {
        return skipped("this machine has no python3");
    };
    let project = Project::of("demo");
    install(&project, version.trim(), "requests", "import urllib3\n", "Name: requests\nRequires-Dist: urllib3 (<3)\n");
    install(&project, version.trim(), "urllib3", "", "Name: urllib3\n");
    install(&project, version.trim(), "yaml", "", "Name: PyYAML\n");
    project.write("app.py", "import json, requests\n");
    let options = ["--no-commit", "--no-verify", "--name", "imports", "--files", "full"];
    project.session(&options, "python3 app.py").success();
    let flake = project.read("flake.nix");
    assert!(flake.contains("(ps: [\n          ps.requests # imported\n        ])) # 1 run"), "{flake}");
    let journal = project.read(".agent-capture/imports/journal.json");
    assert!(journal.contains("\"brought\": true") && !journal.contains("\"name\": \"yaml\""), "{journal}");
}
