//! Libraries that a session's programs are built against, with real Nix: they are the shell's `buildInputs`.

mod support;

use std::path::Path;

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
