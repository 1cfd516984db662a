//! Which commands are checks.

use std::collections::BTreeSet;

use super::super::tests::{journal, program};
use super::*;
use crate::event::Status;
use crate::journal::{CwdKnown, Locked, Program, ProjectFile, Ref, StatusKnown};

/// A command that ended well: `folder: line`, `folder` empty for the root.
fn command(at: usize, line: &str) -> Command {
    let (cwd, line) = line.split_once(": ").unwrap_or(("", line));
    Command {
        id: Ref::new('c', at + 1),
        line: Bytes::from(line),
        cwd: Bytes::from(cwd),
        status: Some(Status::Code(0)),
        at: 0,
        took: None,
        known: Known::Traced,
        outcome: Outcome::Ran,
        status_known: StatusKnown::Exact,
        cwd_known: CwdKnown::Command,
        incomplete: false,
        network: false,
        writes: 0,
    }
}

fn session(lines: &[&str]) -> Journal {
    let mut journal = journal("s", Vec::new());
    journal.commands = lines.iter().enumerate().map(|(at, line)| command(at, line)).collect();
    journal
}

fn with_files(mut journal: Journal, files: &[(&str, u64, u64)]) -> Journal {
    let file = |(path, packages, unhashed): &(&str, u64, u64)| ProjectFile {
        path: (*path).to_owned(),
        says: Vec::new(),
        keeps: Some(Locked { packages: *packages, unhashed: *unhashed }),
        found: None,
    };
    journal.files = files.iter().map(file).collect();
    journal
}

/// Returns each check, and each command that is none.
fn judged(journals: &[&Journal]) -> Vec<String> {
    let (checks, unchecked) = read(journals, &Policy::default(), &|_, _| None);
    let check = |check: Check| {
        let locks: String = check.locks.iter().map(|lock| format!(" < {}", lock.path())).collect();
        format!("{}: {}{locks}", check.name.as_str(), check.command())
    };
    let none = |it: Unchecked| format!("{} no: {}", it.evidence.entry, it.reason);
    checks.into_iter().map(check).chain(unchecked.into_iter().map(none)).collect()
}

fn alone(line: &str) -> String {
    judged(&[&session(&[line])]).join(" | ")
}

#[test]
fn lines() {
    for (line, judgement) in [
        ("make check", "make-check: make check"),
        ("sub: make check", "make-check: cd sub && make check"),
        ("make check || true", "c1 no: it cannot fail: `||` takes another way"),
        ("make check 2>&1 | tail -5", "c1 no: a pipe takes its status"),
        ("make check; echo done", "c1 no: its line is several commands, of which only the last decides"),
        ("ls -la", "c1 no: it tests, builds and lints nothing"),
        ("./gradlew test", "c1 no: its program is a file of the project or the machine, not of a package"),
        (".venv/bin/pytest -q", "c1 no: its program is a file of the project or the machine, not of a package"),
        ("make PREFIX=/usr check", "c1 no: it names a path outside the project"),
        ("cd .. && make check", "c1 no: it names a path outside the project"),
        ("cd sub && cd .. && make check", "make-check: cd sub && cd .. && make check"),
        ("make check && git commit -m x", "c1 no: its line does other things besides"),
        ("./configure && make && make install", "c1 no: its line does other things besides"),
        (
            "mvn -q test",
            "c1 no: the plugins and libraries of Maven, Gradle and sbt are kept by no lock file with hashes",
        ),
        ("uv run pytest", "c1 no: uv fetches what it runs, and nixpkgs has other versions than its lock file"),
    ] {
        assert_eq!(alone(line), judgement, "{line}");
    }
}

#[test]
fn what_a_command_did() {
    let judge = |change: &dyn Fn(&mut Command)| {
        let mut session = session(&["make check"]);
        change(&mut session.commands[0]);
        judged(&[&session]).join(" | ")
    };
    assert_eq!(judge(&|it| it.writes = 1), "c1 no: it wrote outside the project");
    assert_eq!(judge(&|it| it.network = true), format!("c1 no: {NETWORK}"));
    assert_eq!(judge(&|it| it.status = Some(Status::Code(2))), "c1 no: it failed");
    assert_eq!(judge(&|it| it.status = None), "c1 no: how it ended is not known");
    assert_eq!(judge(&|it| it.incomplete = true), "c1 no: its line holds a secret or is cut");
    assert_eq!(judge(&|it| it.line = Bytes::from("make ch\u{e9}ck")), "c1 no: its line is not printable ASCII");
    let mut again = session(&["make check", "make check"]);
    again.commands[1].status = Some(Status::Code(2));
    assert_eq!(judged(&[&again]), ["c1 no: its last run failed", "c2 no: it failed"]);
}

#[test]
fn lock_files() {
    let none = "c1 no: ";
    for (line, files, judgement) in [
        ("cargo test", &[("Cargo.lock", 3, 0)][..], "cargo-test: cargo test < Cargo.lock"),
        ("cargo test", &[("Cargo.lock", 0, 0)], "cargo-test: cargo test"),
        (
            "a/b: cargo test",
            &[("Cargo.lock", 3, 0), ("a/Cargo.lock", 1, 0)],
            "cargo-test: cd a/b && cargo test < a/Cargo.lock",
        ),
        ("cd a && cargo test", &[("a/Cargo.lock", 1, 0)], "cargo-test: cd a && cargo test < a/Cargo.lock"),
        (
            "cargo test",
            &[("Cargo.lock", 3, 1)],
            &(none.to_owned()
                + "its Cargo.lock keeps crates of git or of other registries, whose hashes are not in it"),
        ),
        ("cargo fmt --check", &[("Cargo.lock", 3, 1)], "cargo-fmt: cargo fmt --check"),
        ("npm test", &[("package-lock.json", 9, 0)], "npm-test: npm test < package-lock.json"),
        (
            "npx eslint .",
            &[("package-lock.json", 9, 2)],
            &(none.to_owned() + "its package-lock.json keeps packages of git or without a hash"),
        ),
        (
            "npm test",
            &[("yarn.lock", 1, 0)],
            &(none.to_owned() + "Nix reads no lock file of pnpm, yarn or bun without a hash that only a network finds"),
        ),
        ("go test ./...", &[("go.mod", 0, 0)], "go-test: go test ./..."),
        ("go test ./...", &[("go.mod", 2, 0), ("vendor/modules.txt", 0, 0)], "go-test: go test ./..."),
        (
            "bundle exec rspec",
            &[("Gemfile.lock", 2, 0)],
            &(none.to_owned() + "the gems of its Gemfile.lock have no hashes that Nix reads"),
        ),
        ("rake test", &[], "rake-test: rake test"),
        (
            "mix test",
            &[("mix.lock", 1, 0)],
            &(none.to_owned() + "the packages of its mix.lock have no hashes that Nix reads"),
        ),
    ] {
        let mut session = with_files(session(&[line]), files);
        assert_eq!(judged(&[&session]), [judgement], "{line}");
        // What a lock file keeps may come from the network when it is recorded; nothing else may.
        session.commands[0].network = true;
        let offline = judgement.contains(" < ") || judgement.starts_with(none);
        let expected = if offline { judgement.to_owned() } else { format!("{none}{NETWORK}") };
        assert_eq!(judged(&[&session]), [expected], "{line}");
    }
    // What a builder runs needs it as well.
    let mut session = with_files(session(&["make test"]), &[("Cargo.lock", 1, 0), ("web/package-lock.json", 2, 0)]);
    let ran = |path| Program { commands: BTreeSet::from([Ref::new('c', 1)]), ..program(path) };
    session.programs = vec![ran("/usr/bin/cargo"), ran("/usr/bin/node")];
    assert_eq!(judged(&[&session]), ["make-test: make test < Cargo.lock < web/package-lock.json"]);
}

#[test]
fn the_hash_that_the_latest_session_found_counts() {
    let hash = |letter: &str| crate::nix::NarHash::parse(&format!("sha256-{}=", letter.repeat(43))).expect("a hash");
    let of = |id: &str, line: &str, start: u8, found| {
        let mut journal = with_files(session(&[line]), &[("go.mod", 2, 0)]);
        journal.session.id = crate::journal::SessionId::parse(id).expect("a name");
        journal.session.start = format!("2026-11-22T10:00:0{start}.000Z");
        journal.files[0].found = found;
        journal
    };
    let (first, second) = (of("b", "go test ./...", 0, Some(hash("B"))), of("a", "go vet ./...", 1, Some(hash("C"))));
    let third = of("c", "go build ./...", 2, None);
    let (checks, unchecked) = read(&[&second, &first, &third], &Policy::default(), &|_, _| None);
    let hashes: Vec<_> = checks.iter().flat_map(|check| &check.locks).map(|lock| lock.hash.clone()).collect();
    assert_eq!(hashes, [Some(hash("C")), Some(hash("C"))]);
    assert_eq!(unchecked[0].reason, crate::ecosystems::UNFOUND);
}

#[test]
fn steps_before() {
    for (lines, judgement) in [
        (
            &["cmake -S . -B build", "cmake --build build"][..],
            "cmake-build: cmake -S . -B build && cmake --build build",
        ),
        (
            &["mkdir build", "build: cmake .. -DX=1", "build: make", "build: ctest"],
            "ctest: (mkdir -p build && cd build && cmake .. '-DX=1') && (mkdir -p build && cd build && make) && cd build && ctest",
        ),
        (
            &[
                "rm -rf build; cmake -B build 2>&1 | tail -3",
                "cmake --build build -j4 | tail",
                "ctest --test-dir build",
            ],
            "ctest: cmake -B build && cmake --build build -j4 && ctest --test-dir build",
        ),
        (
            &["cmake -B build && cmake --build build && ctest --test-dir build"],
            "cmake-build: cmake -B build && cmake --build build && ctest --test-dir build",
        ),
        (&["meson setup out", "meson test -C out"], "meson-test: meson setup out && meson test -C out"),
        (&["meson setup out", "ninja -C out"], "ninja: meson setup out && ninja -C out"),
        (
            &["autoreconf -i", "./configure --enable-x", "make check"],
            "make-check: autoreconf -i && ./configure --enable-x && make check",
        ),
        (&["other: ./configure", "make check"], "make-check: make check"),
        // What is assigned goes with it; where programs are found is the flake's.
        (
            &["CC=clang CFLAGS='-O2 -g' cmake -B build", "cmake --build build"],
            "cmake-build: CC=clang CFLAGS='-O2 -g' cmake -B build && cmake --build build",
        ),
        (
            &["env CC=clang timeout 9 cmake -B build", "cmake --build build"],
            "cmake-build: CC=clang cmake -B build && cmake --build build",
        ),
        (
            &["(export X=1; true); export CC=clang PATH=/opt/bin:$PATH && cmake -B build; true", "cmake --build build"],
            "cmake-build: CC=clang cmake -B build && cmake --build build",
        ),
        (
            &["CC=gcc; CC=clang; Y=2; export CC Z; X=1; Z=3; cmake -B build", "cmake --build build"],
            "cmake-build: CC=clang Z=3 cmake -B build && cmake --build build",
        ),
        (
            &["(CC=gcc; export X); export CC; X=1; cmake -B build", "cmake --build build"],
            "cmake-build: cmake -B build && cmake --build build",
        ),
        (
            &["CC=clang true && X=1; cmake -B build", "cmake --build build"],
            "cmake-build: cmake -B build && cmake --build build",
        ),
        (
            &["auto: CC=clang ./configure", "make -C auto check"],
            "make-check: (mkdir -p auto && cd auto && CC=clang ./configure) && make -C auto check",
        ),
        (&["make -C sub check"], "make-check: make -C sub check"),
    ] {
        let all = judged(&[&session(lines)]);
        assert_eq!(
            all.iter()
                .find(|line| line.starts_with(judgement.split(':').next().unwrap_or_default()))
                .map(String::as_str),
            Some(judgement),
            "{lines:?}: {all:?}"
        );
    }
    assert_eq!(alone("ctest --test-dir build"), "c1 no: no session made its build folder ready");
    // An earlier session counts as well, a later one does not.
    let mut first = session(&["cmake -B build"]);
    first.session.id = crate::journal::SessionId::parse("r").expect("a name");
    let second = session(&["cmake --build build"]);
    assert_eq!(judged(&[&first, &second])[0], "cmake-build: cmake -B build && cmake --build build");
    assert!(judged(&[&second, &first])[0].starts_with("c1 no"));
    for lost in ["CC=$(which clang)", "CC=/opt/clang", "A=(1 2)", "env CC=$X", "export CC=$X;", "CC=$X; export CC;"] {
        let all = judged(&[&session(&[&format!("{lost} cmake -B build"), "cmake --build build"])]);
        let reason = "what made its build folder ready was given variables that only its shell knew";
        assert_eq!(all[1], format!("c2 no: {reason}"), "{lost}: {all:?}");
    }
    let mut fetched = session(&["cmake -B build", "cmake --build build"]);
    fetched.commands[0].network = true;
    assert_eq!(judged(&[&fetched])[1], "c2 no: what made its build folder ready reached the network");
}

#[test]
fn what_lines_promise() {
    for (line, command) in [
        ("gcc -O2 -o out/x x.c", "gcc -O2 -o out/x x.c && ls -d out/x"),
        ("sub: gcc -o x x.c && ./x", "(cd sub && gcc -o x x.c && ./x) && ls -d sub/x"),
        ("cargo build", "cargo build && ls -d target/debug/greet"),
        ("cargo build --release --bin other", "cargo build --release --bin other && ls -d target/release/other"),
        ("cargo build -p x", "cargo build -p x"),
        ("go build -o bin/x ./cmd/x", "go build -o bin/x ./cmd/x && ls -d bin/x"),
        ("make build/app.o", "make build/app.o && ls -d build/app.o"),
        ("make -C sub check", "make -C sub check"),
        ("tsc --outDir dist", "tsc --outDir dist && ls -d dist"),
        ("gcc -o x x.c # y", "gcc -o x x.c # y"),
        ("gcc -o ../x x.c", ""),
    ] {
        let mut session = session(&[line]);
        let says = vec!["bin greet".to_owned()];
        session.files = vec![ProjectFile { path: "Cargo.toml".to_owned(), says, ..ProjectFile::default() }];
        let all = judged(&[&session]);
        let shown = all[0].split_once(": ").map_or("", |(name, command)| if name == "c1 no" { "" } else { command });
        assert_eq!(shown, command, "{line}: {all:?}");
    }
}
