//! What journals come to.

use super::*;

#[test]
fn programs_alone() {
    let store = "/nix/store/0123456789abcdfghijklmnpqrsvwxyz";
    for (program, reading) in [
        (program("/usr/bin/rg"), "ripgrep [rg] 1"),
        (owned("/usr/bin/fdfind", "fd-find", "8.6.0-3"), "fd 8.6.0 [] 1"),
        (program("/usr/bin/ls"), "p1 ignored: the standard environment has it"),
        (resolved("/usr/bin/awk", "/usr/bin/mawk"), "p1 ignored: the standard environment has it"),
        (resolved("/usr/bin/cc", "/usr/bin/x86_64-linux-gnu-gcc-12"), "compiler p1"),
        (program("/usr/bin/gcc-12"), "gcc13 for gcc12 [gcc] 1"),
        (program("/usr/bin/gcc-13"), "gcc13 [gcc] 1"),
        (program("/usr/bin/clang-14"), "clang_18 for clang_14 [clang] 1"),
        (program("/usr/lib/gcc/x86_64-linux-gnu/12/cc1"), "p1 ignored: a part of another program"),
        (owned("/usr/lib/git-core/git-remote-https", "git", "1:2.39.5-0+deb12u2"), "git [] 1"),
        (program("tools/run"), "p1 ignored: the project's own program"),
        (script("tools/run.pl", "/usr/bin/perl"), "perl [perl] 1"),
        (script("tools/run.py", "/usr/bin/python3"), "python3 [] 1"),
        (script("tools/run.sh", "/bin/bash"), "p1 ignored: the project's own program"),
        (resolved(".venv/bin/python", "/usr/bin/python3.11"), "python3 [python] 1"),
        (script(".venv/bin/pytest", ".venv/bin/python3"), "python3 [] 1, python3Packages.pytest [pytest] 1"),
        (script("/usr/bin/pytest", "/usr/bin/python3"), "python3 [] 1, python3Packages.pytest [pytest] 1"),
        (owned("/usr/bin/python3", "python3-minimal", "3.11.2-1+b1"), "python3 3.11.2 [python3] 1"),
        (program("/usr/bin/python3.11"), "python311 [python3.11] 1"),
        (program("/usr/bin/pip3"), "p1 ignored: it installs packages, and those are wanted"),
        (program("/usr/bin/apt-get"), "p1 ignored: the host's package manager"),
        (program("/usr/bin/sudo"), "p1 ignored: it administers the host"),
        (program("/usr/bin/lesspipe"), "p1 ignored: a shell starts it by itself"),
        (program("/usr/local/bin/claude"), "p1 ignored: the agent itself"),
        (Program { commands: BTreeSet::new(), ..program("/usr/bin/node") }, "p1 ignored: it runs the agent"),
        (program("/usr/bin/node"), "nodejs [node] 1"),
        (program("/usr/local/bin/our-own-thing"), "p1 unrecognized: our-own-thing"),
        (program("/tmp/a.out"), "p1 ignored: a temporary program"),
        (program("~/.pyenv/shims/python3"), "python3 [python3] 1"),
        (program("~/.cargo/bin/cargo-nextest"), "cargo-nextest [cargo-nextest] 1"),
        (Program { failed: 1, ..program("/usr/bin/rg") }, "p1 ignored: no run of it ended well"),
        (Program { path: Bytes::from(b"/usr/bin/\xff"), ..program("") }, "p1 unrecognized: \u{fffd}"),
        (program(&format!("{store}-ripgrep-14.1.0/bin/rg")), "ripgrep 14.1.0 [rg] 1"),
        (
            program(&format!("{store}-python3.13-pytest-8.3.5/bin/pytest")),
            "python3 [] 1, python3Packages.pytest 8.3.5 [pytest] 1",
        ),
        (program(&format!("{store}-coreutils-9.5/bin/ls")), "p1 ignored: the standard environment has it"),
        (program(&format!("{store}-my-own-0.1/bin/rg")), "p1 unrecognized: rg"),
        (resolved("~/.nix-profile/bin/jq", &format!("{store}-jq-1.7.1-bin/bin/jq")), "jq 1.7.1 [jq] 1"),
        (program(&format!("{store}-python3-3.12.4-env/bin/pytest")), "python3 [] 1, python3Packages.pytest [pytest] 1"),
        (program(&format!("{store}-systemd-257/bin/systemctl")), "p1 ignored: it administers the host"),
        (Program { commands: BTreeSet::new(), ..program("/usr/bin/zsh") }, "p1 ignored: the shell that was recorded"),
        (program("/nix/var/nix/profiles/default/bin/nix"), "p1 ignored: Nix itself"),
    ] {
        let path = program.path.to_text().into_owned();
        assert_eq!(alone(program), reading, "{path}");
    }
}

#[test]
fn what_a_system_has() {
    assert_eq!(alone(Program { known: Known::Claimed, ..program("./open") }), "p1 ignored: the project's own program");
    let told = |name: &str| Program { known: Known::Claimed, ..program(&format!("/bin/{name}")) };
    assert_eq!(alone(told("open")), "p1 ignored: a part of macOS");
    assert_eq!(alone(told("defaults")), "p1 ignored: a part of macOS");
    assert_eq!(alone(program("/usr/bin/open")), "p1 unrecognized: open");
}

#[test]
fn programs_together() {
    let cargo =
        vec![program("~/.cargo/bin/cargo"), program("~/.rustup/toolchains/stable-x86_64-unknown-linux-gnu/bin/cargo")];
    assert_eq!(read(&journal("s", cargo)), ["cargo [cargo] 1", "p1 ignored: a version manager's shim"]);
    let git = vec![
        owned("/usr/bin/git", "git", "1:2.39.5-0+deb12u2"),
        owned("/usr/lib/git-core/git", "git", "1:2.39.5-0+deb12u2"),
    ];
    assert_eq!(read(&journal("s", git)), ["git 2.39.5 [git] 1", "p2 ignored: a part of another program"]);
    let rg = owned("/usr/bin/rg", "ripgrep", "13.0.0-4");
    let installed = with_lines(journal("s", vec![rg]), &["apt-get install -y ripgrep jq libssl-dev"]);
    assert_eq!(
        read(&installed),
        ["openssl [] 1", "ripgrep 13.0.0 [rg] 1", "i1 ignored: installed, but nothing of it ran"]
    );
    let store = "/nix/store/0123456789abcdfghijklmnpqrsvwxyz-python3-3.12.8/bin/python3";
    let asked = with_lines(journal("s", vec![program(store)]), &["nix shell nixpkgs#python312 -c python3 x.py"]);
    assert_eq!(read(&asked), ["python312 3.12.8 [python3] 1"]);
    let ruff = with_lines(
        journal("s", vec![script(".venv/bin/ruff", ".venv/bin/python")]),
        &["pip install ruff==0.4.1 requests"],
    );
    assert_eq!(read(&ruff), ["python3 [] 1", "python3Packages.requests [] 1", "ruff 0.4.1 [ruff] 1"]);
    let modules = with_lines(
        journal("s", vec![program("/usr/bin/python3")]),
        &["python3 -m pytest -q", "python3 -m json.tool", "zz x"],
    );
    assert_eq!(
        read(&modules),
        [
            "python3 [python3] 1",
            "python3Packages.pytest [] 1",
            "i2 ignored: a module of Python itself",
            "i3 unrecognized: zz"
        ]
    );
}

#[test]
fn who_installs_a_version_chooses_it() {
    for (path, line, reading) in [
        ("/usr/local/bin/node", "nvm install 22", "nodejs_22 22 [node] 1"),
        ("/usr/local/bin/node", "n 20.11.1", "nodejs_22 for nodejs_20 20.11.1 [node] 1"),
        ("~/.local/share/mise/shims/go", "mise use go@1.25", "go_1_25 1.25 [go] 1"),
        ("/usr/bin/java", "sdk install java 17.0.9-tem", "jdk17 17.0.9 [java] 1"),
        ("/usr/bin/python3", "conda create -n x python=3.12", "python312 3.12 [python3] 1"),
        ("/usr/bin/psql", "brew install postgresql@15", "postgresql_15 [psql] 1"),
        ("/usr/bin/psql", "asdf install postgres 15.3", "postgresql_15 15.3 [psql] 1"),
        ("/usr/bin/psql", "dnf module install -y postgresql:15/server", "postgresql_15 15 [psql] 1"),
        ("/usr/bin/psql", "conda install -y postgresql=15", "postgresql_15 15 [psql] 1"),
        ("/usr/bin/psql", "apk add postgresql15-client", "postgresql_15 [psql] 1"),
        ("/usr/bin/php", "apt-get install -y php8.2-cli", "php82 [php] 1"),
        ("/usr/bin/php", "mise use php@8.2", "php82 8.2 [php] 1"),
        ("/usr/bin/php", "dnf module install php:8.2", "php82 8.2 [php] 1"),
        ("/usr/bin/php", "brew install php@8.2", "php82 [php] 1"),
        ("/usr/bin/ruby", "rbenv install 3.3.0", "ruby_3_3 3.3.0 [ruby] 1"),
        ("/usr/bin/ruby", "apt-get install ruby3.3", "ruby_3_3 [ruby] 1"),
        ("/usr/bin/ruby", "brew install ruby@3.3", "ruby_3_3 [ruby] 1"),
        ("/usr/bin/java", "apt-get install -y openjdk-17-jdk-headless", "jdk17 [java] 1"),
        ("/usr/bin/java", "conda install openjdk=17", "jdk17 17 [java] 1"),
        ("/usr/bin/java", "pacman -S --noconfirm jdk17-openjdk", "jdk17 [java] 1"),
        ("/usr/bin/java", "dnf install -y java-17-openjdk-devel", "jdk17 17 [java] 1"),
        ("/usr/bin/node", "conda install nodejs=22", "nodejs_22 22 [node] 1"),
        ("/usr/bin/node", "apt-get install -y nodejs=22.11.0-1nodesource1", "nodejs_22 22.11.0 [node] 1"),
        ("/usr/bin/python3", "apt-get install -y python3.11", "python311 [python3] 1"),
        ("/usr/bin/python3", "uv python install 3.11", "python311 3.11 [python3] 1"),
        ("/usr/bin/python3", "dnf install -y python3.11", "python311 [python3] 1"),
        ("/usr/bin/llc", "apt-get install -y llvm-18", "llvm_18 [llc] 1"),
        ("/usr/bin/llc", "brew install llvm@18", "llvm_18 [llc] 1"),
        ("/usr/bin/clang", "apt-get install -y clang-18", "clang_18 [clang] 1"),
    ] {
        assert_eq!(read(&with_lines(journal("s", vec![program(path)]), &[line])), [reading], "{line}");
    }
}

#[test]
fn files_of_the_project_choose_versions() {
    for (path, file, said, reading) in [
        ("/usr/local/bin/node", ".nvmrc", "node 22", "nodejs_22 [node] 1"),
        ("~/.volta/bin/node", ".tool-versions", "nodejs 20.1", "nodejs_22 for nodejs_20 [node] 1"),
        (".venv/bin/python", ".python-version", "python 3.12", "python312 [python] 1"),
        ("/usr/local/go/bin/go", "go.mod", "go 1.22", "go [go] 1"),
        ("/usr/local/go/bin/go", "go.mod", "go 1.25.1", "go_1_25 [go] 1"),
        ("/usr/local/bin/node", "package.json", "node 22.1.0", "nodejs_22 [node] 1"),
        ("/usr/bin/php", ".php-version", "php 8.2", "php82 [php] 1"),
        ("vendor/bin/phpunit", ".php-version", "php 8.2", "php82 [] 1"),
        ("/usr/bin/java", ".sdkmanrc", "java 17.0.9-tem", "jdk17 [java] 1"),
        ("/usr/bin/psql", ".tool-versions", "postgres 15.3", "postgresql_15 [psql] 1"),
        ("/usr/bin/clang", "mise.toml", "clang 18", "clang_18 [clang] 1"),
        ("/usr/local/bin/ruby", ".ruby-version", "ruby 3.3.0", "ruby_3_3 [ruby] 1"),
        ("/usr/bin/pnpm", "package.json", "pnpm 10.1.0", "pnpm_10 [pnpm] 1"),
        ("/usr/bin/jq", ".nvmrc", "node 22", "jq [jq] 1"),
    ] {
        let files = vec![ProjectFile { path: file.to_owned(), says: vec![said.to_owned()], ..ProjectFile::default() }];
        assert_eq!(read(&Journal { files, ..journal("s", vec![program(path)]) }), [reading], "{file} {said}");
    }
    let owner = owned("/usr/bin/node", "nodejs", "18.20.4+dfsg-1");
    let files =
        vec![ProjectFile { path: ".nvmrc".to_owned(), says: vec!["node 22".to_owned()], ..ProjectFile::default() }];
    assert_eq!(read(&Journal { files, ..journal("s", vec![owner]) }), ["nodejs 18.20.4 [node] 1"], "what ran is seen");
}

#[test]
fn requirement_files_and_locks() {
    let mut said = with_lines(
        journal("s", vec![program("/usr/bin/python3")]),
        &["pip install -r requirements.txt", "uv add rich"],
    );
    said.invocations[0].says = vec!["requests==2.31".to_owned(), "flask".to_owned()];
    assert_eq!(
        read(&said),
        [
            "python3 [python3] 1",
            "python3Packages.flask [] 1",
            "python3Packages.requests 2.31 [] 1",
            "python3Packages.rich [] 1"
        ]
    );
    said.files = vec![ProjectFile { path: "uv.lock".to_owned(), says: Vec::new(), ..ProjectFile::default() }];
    said.invocations.remove(0);
    assert_eq!(read(&said), ["python3 [python3] 1", "i2 ignored: the project's lock file keeps it"]);
}

#[test]
fn what_ran_only_while_packages_were_installed() {
    let command = |id: usize, line: &str| Command {
        id: Ref::new('c', id),
        line: Bytes::from(line),
        cwd: Bytes::default(),
        status: None,
        at: 0,
        took: None,
        network: false,
        writes: 0,
        outcome: crate::journal::Outcome::default(),
        status_known: crate::journal::StatusKnown::default(),
        cwd_known: crate::journal::CwdKnown::default(),
        known: Known::Traced,
        incomplete: false,
    };
    for (line, reading) in [
        (
            "apt-get update && apt-get install -y perl 2>&1 | tail -3",
            "p1 ignored: it ran only while packages were installed",
        ),
        ("sudo -E apt-get install -y perl", "p1 ignored: it ran only while packages were installed"),
        ("cargo install just", "p1 ignored: it ran only while packages were installed"),
        ("apt-get install -y perl && perl x.pl", "perl [perl] 1"),
        ("perl x.pl", "perl [perl] 1"),
    ] {
        let journal = Journal { commands: vec![command(1, line)], ..journal("s", vec![program("/usr/bin/perl")]) };
        assert_eq!(read(&journal), [reading], "{line}");
    }
}

#[test]
fn what_is_behind_version_managers() {
    let (index, journal) = (Index::new(), journal("s", Vec::new()));
    for (line, command) in [
        ("nvm exec 20 npm test", Some("npm test")),
        ("fnm exec --using=22 -- npm test -- 'a b'", Some("npm test -- 'a b'")),
        ("nvm run 20 x.js", Some("node x.js")),
        ("pyenv exec pytest -q", Some("pytest -q")),
        ("rbenv exec rake test", Some("rake test")),
        ("rustup run 1.75 cargo test", Some("cargo test")),
        ("asdf exec node --test", Some("node --test")),
        ("mise x node@20 -c 'npm ci && npm test'", Some("npm ci && npm test")),
        ("conda run -n x pytest", Some("pytest")),
        ("opam exec dune test", Some("dune test")),
        // What these start is of packages that they keep.
        ("uv run pytest", None),
        ("bundle exec rspec", None),
        ("npx eslint .", None),
    ] {
        let argv = shlex::split(line).expect("words");
        let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
        assert_eq!(inner(&argv, &index, &journal).as_deref(), command, "{line}");
    }
}

#[test]
fn what_a_package_is_built_with() {
    let read = |lines: &[&str]| {
        let journal = with_lines(journal("s", vec![program("/usr/bin/nix")]), lines);
        let requirements = resolve(&[journal], &Index::new(), &Policy::default());
        requirements.packages.iter().map(|it| format!("{} {:?} {}", it.attr, it.builds, it.library)).collect::<Vec<_>>()
    };
    assert_eq!(read(&["nix develop nixpkgs#hello -c make"]), ["hello Some(Only) false"]);
    assert_eq!(read(&["nix-shell '<nixpkgs>' -A hello", "nix run nixpkgs#hello"]), ["hello Some(Too) false"]);
    assert_eq!(read(&["nix develop nixpkgs#openssl.dev"]), ["openssl Some(Only) false"]);
    assert_eq!(read(&["nix shell nixpkgs#hello"]), ["hello None false"]);
}

#[test]
fn what_only_provided_packages_is_not_needed() {
    let installs = "p1 ignored: it installs packages, and those are wanted";
    for (path, runs, line, tool, readings) in [
        ("/usr/bin/cargo", 1, "cargo install just", "~/.cargo/bin/just", &["just [just] 1", installs][..]),
        ("/usr/bin/cargo", 2, "cargo install just", "~/.cargo/bin/just", &["cargo [cargo] 2", "just [just] 1"]),
        ("/usr/bin/uvx", 1, "uvx ruff check .", "~/.cache/uv/archive-v0/x/bin/ruff", &["ruff [ruff] 1", installs]),
        ("/usr/bin/uvx", 1, "uvx zz-none", "/usr/bin/jq", &["jq [jq] 1", "uv [uvx] 1", "i1 unrecognized: zz-none"]),
        (
            "/usr/bin/gem",
            1,
            "gem install rubocop",
            "/usr/bin/jq",
            &["jq [jq] 1", "i1 ignored: installed, but nothing of it ran", installs],
        ),
    ] {
        let programs = vec![Program { runs, ..program(path) }, program(tool)];
        assert_eq!(read(&with_lines(journal("s", programs), &[line])), readings, "{line}");
    }
}

#[test]
fn the_policy() {
    let text = "traced-only = true\n[[keep]]\nattr = \"shellcheck\"\nreason = \"hook\"\n[[keep]]\nattr = \"jq\"\nreason = \"no\"\n\
        [[drop]]\nattr = \"ripgrep\"\nreason = \"x\"\n[[replace]]\nattr = \"python3\"\nwith = \"python312\"\nreason = \"deployed\"\n\
        [[keep]]\nattr = \"ripgrp\"\nreason = \"a slip\"\n";
    let policy = Policy::parse(text).expect("a policy");
    let claimed = Program { known: Known::Claimed, ..program("/usr/bin/fd") };
    let programs = vec![program("/usr/bin/rg"), program("/usr/bin/python3"), program("/usr/bin/jq"), claimed];
    let index = Index::new();
    let requirements = resolve(&[journal("s", programs)], &index, &policy);
    assert_eq!(
        shown(&requirements),
        [
            "jq [jq] 1",
            "python312 [python3] 1",
            "shellcheck [] 0",
            "p1 ignored: the policy drops its package",
            "p4 ignored: only a hook or a transcript claims it"
        ]
    );
    let reasons: Vec<_> = requirements.packages.iter().map(|package| package.policy.as_deref()).collect();
    assert_eq!(reasons, [None, Some("deployed"), Some("hook")]);
    let unknown = unknown(&policy, &index);
    assert_eq!((unknown.len(), unknown[0].near.first().map(String::as_str)), (1, Some("ripgrep")));
}

#[test]
fn verifying_needs_a_program_that_path_finds() {
    assert_eq!(verifies(&["pytest", "-q"]).as_deref(), Some("pytest"));
    for argv in [&["./pytest"][..], &["pytest", "--version"], &[], &["ls"], &["", "x"]] {
        assert_eq!(verifies(argv), None, "{argv:?}");
    }
    assert_eq!(check_name(&["npm", "run", "Test:É-x_y"]), "npm-run-test-x-y");
}

#[test]
fn members() {
    let names: BTreeSet<_> = ALL.iter().map(|ecosystem| ecosystem.name()).collect();
    assert_eq!(names.len(), ALL.len());
    assert_eq!(ALL.last().map(|ecosystem| ecosystem.name()), Some("host"));
    assert!(
        keeps(&["nix", "shell", "nixpkgs#jq"])
            && keeps(&["/usr/bin/pip3", "install", "x"])
            && !keeps(&["ls"])
            && !keeps(&[])
    );
}
