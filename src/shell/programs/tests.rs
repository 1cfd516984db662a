use proptest::prelude::*;

use super::*;

/// Returns the runs of a line: `name`, with `?` when it may not have run and `~` when only its running is known.
#[track_caller]
fn shown(line: &str) -> String {
    let runs = programs(line).expect("a line");
    let shown = runs.iter().map(|run| {
        let grade = match run.says {
            Says::Maybe => "?",
            Says::Ran => "~",
            Says::Certain if run.decides => "!",
            Says::Certain => "",
        };
        format!("{}{grade}", run.program().unwrap_or("-"))
    });
    shown.collect::<Vec<_>>().join(" ")
}

#[test]
fn what_a_line_runs() {
    for (line, want) in [
        ("make check", "make!"),
        ("cd sub && make check", "make!"),
        ("git add . && git commit -m x", "git git"),
        ("a; b", "a~ b!"),
        ("a | b | c", "a~ b~ c!"),
        ("a || b", "a? b?"),
        ("a || exit 1", "a!"),
        ("a || { echo no; exit 2; }; b", "a~ b!"),
        ("a || b && c", "a? b? c!"),
        ("! a", "a?"),
        ("a & b", "a? b!"),
        ("set -euo pipefail; a | b; c", "a b c"),
        ("(cd x; a) && b", "a b"),
        ("if a; then b; else c; fi", "a? b? c?"),
        ("for f in *.c; do a $f; done", "a~"),
        ("for f in $(a); do b $f; done", "a~ b?"),
        ("while read x; do a; done < <(b)", "b~ a?"),
        ("case $x in y) a;; esac", "a?"),
        ("f() { a; b; }; f && c", "a~ b c"),
        ("f() { f; }; f", ""),
        ("X=$(a | b)", "a~ b!"),
        ("X=1 a", "a!"),
        ("echo \"$(a)\" `b`", "a~ b~"),
        ("bash -lc 'a && b'", "bash a b"),
        ("sh -c \"cd x; a $Y\"", "sh a!"),
        ("sudo -u me apt-get install jq", "sudo apt-get!"),
        ("env -i A=1 B=2 a", "env a!"),
        ("timeout -k 5 60s a -x", "timeout a!"),
        ("time a", "a!"),
        ("nice -n 5 nohup a", "nice nohup a!"),
        ("ls | xargs -n1 -I{} grep x {}", "ls~ xargs grep~"),
        ("find . -name x -exec rm {} \\; -exec wc -l {} +", "find! rm~ wc~"),
        ("command -v jq", ""),
        ("command jq .", "jq!"),
        ("eval 'a; b'", "a~ b!"),
        ("su - me -c 'a; b'", "su a~ b!"),
        ("script -qc a /dev/null", "script a!"),
        ("runuser -u me -- a -c b", "runuser a!"),
        ("runuser -l me -c 'a b'", "runuser a!"),
        ("flock -n /l a -c b", "flock a!"),
        ("flock /l -c 'a; b'", "flock a~ b!"),
        ("ls | entr -r a", "ls~ entr a!"),
        ("watch -n1 a", "watch a!"),
        ("watch 'a | b'", "watch a~ b!"),
        ("parallel -j4 a {} ::: x y", "parallel a~"),
        ("direnv exec . a", "direnv a!"),
        ("bash <<'E'\na\nb\nE", "bash a~ b!"),
        ("sudo bash -s x <<E\na\nE", "sudo bash a!"),
        ("sh <<< 'a && b'", "sh a b"),
        ("bash x.sh <<E\na\nE", "bash"),
        ("ssh h bash <<E\na\nE", "ssh!"),
        ("cat <<E | bash\na\nE", "cat~ bash a!"),
        ("cat <<E | sort | bash\na\nE", "cat~ sort~ bash"),
        ("cat > x.sh <<E\na; b\nE\nbash x.sh", "cat~ bash a~ b!"),
        ("tee ./x.sh <<E\na\nE\nchmod +x x.sh && ./x.sh && c", "tee~ chmod ./x.sh a c"),
        ("cat > x.py <<E\n#!/usr/bin/env python3\nimport b\nE\n./x.py", "cat~ ./x.py!"),
        ("cat > x <<E\ncd y\nE\n. x; a", "cat~ a!"),
        ("cat > x <<E\nbash x\nE\nbash x", "cat~ bash bash bash bash bash bash bash bash bash"),
        ("f() { bash; }; f <<E\na\nE", "bash"),
        ("alias k='a -x'; k y", "-!"),
        ("alias k='a -x'; k y && b", "- b"),
        ("alias k='a -x'; unalias k; k y", "k!"),
        ("alias cat=b; cat <<E | bash\na\nE", "-~ bash"),
        ("~/bin/a && $HOME/b && \"$X\"", "~/bin/a ~/b -"),
        ("cat <<'E'\n$(curl x | sh)\nE", "cat!"),
        ("git commit -m \"$(cat <<'E'\nfix: no more curl x | sh\nE\n)\"", "cat~ git!"),
        ("cat > x <<E\n$(date)\nE\nmake", "date~ cat~ make!"),
        ("echo 'curl x | sh'", ""),
        ("a >$(b) 2>&1", "b~ a!"),
        ("diff <(a) <(b)", "a~ b~ diff!"),
        ("[ -f x ] && a", "a!"),
        ("[[ $(a) == b ]] && c", "c!"),
        ("# only a comment", ""),
        ("", ""),
    ] {
        assert_eq!(shown(line), want, "{line}");
    }
}

#[test]
fn what_stands_behind_a_word() {
    for (line, want) in [
        ("ls | entr -s 'a && b'", "ls~ entr a b"),
        ("ls | entr -c -rs 'a; b' x", "ls~ entr a~ b!"),
        ("gdb --args a b", "gdb a!"),
        ("gdb -batch -ex run --args a b", "gdb a!"),
        ("gdb a", "gdb!"),
        ("lldb -o run -- a", "lldb a!"),
        ("lldb x -- a", "lldb!"),
        ("doppler run -p x -- a", "doppler a!"),
        ("doppler -p x run --config=y -- a -- b", "doppler a!"),
        ("doppler -- a", "doppler!"),
        ("devbox run -- a", "devbox a!"),
        ("devbox run test -- a", "devbox!"),
        ("dotenv -e .env -- a", "dotenv a!"),
        ("dotenv -f .env run -- a", "dotenv a!"),
        ("dotenv run pytest -- a", "dotenv!"),
        ("aws-vault exec -d 1h me -- a", "aws-vault a!"),
        ("aws-vault exec me b -- a", "aws-vault!"),
        ("chamber exec x y -- a", "chamber a!"),
        ("chamber list x -- a", "chamber!"),
        ("flox activate -d x -- a", "flox a!"),
        ("op run --env-file=x -- a", "op a!"),
        ("op run -- ", "op"),
        ("find . -exec sh -x {} ';'", "find! sh~"),
        ("find . -exec a", "find!"),
        ("find . -exec a {} + -ok b + \\; -exec c", "find! a~ b~"),
        ("find . -exec find . -exec a \\; -exec b \\;", "find! find~ b~"),
        ("find . -x a", "find!"),
        ("fd -e sh -x grep -x a", "fd! grep~"),
        ("fd -X a \\; -x b", "fd! a~ b~"),
    ] {
        assert_eq!(shown(line), want, "{line}");
    }
}

#[test]
fn files_that_a_line_writes() {
    for (after, want) in [
        ("bash x.sh", "bash a!"),
        ("chmod +x x.sh && sudo bash ./x.sh 2>&1 >y.log", "chmod sudo bash a"),
        ("(cd y; b); bash x.sh", "b~ bash a!"),
        ("cd y; bash x.sh", "bash"),
        ("cd $y; (cd $z; bash x.sh)", "bash"),
        ("cp y.sh x.sh; bash x.sh", "cp~ bash"),
        ("cp y/*.sh .; bash x.sh", "cp~ bash"),
        ("cp y.sh $z; bash x.sh", "cp~ bash"),
        ("bash -c 'mv y ./x.sh'; bash x.sh", "bash~ mv~ bash"),
        ("bash y.sh x.sh; bash x.sh", "bash~ bash"),
        ("sed -i s/a/b/ x.sh; ./x.sh", "sed~ ./x.sh!"),
        ("echo b >>x.sh; bash x.sh", "bash"),
        ("echo b >../y/x.sh; . x.sh", ""),
        ("b &>x.sh; bash x.sh", "b~ bash"),
        ("b 2>x.sh; bash x.sh", "b~ bash"),
    ] {
        let line = format!("cat > x.sh 2>/dev/null <<E\na\nE\n{after}");
        assert_eq!(shown(&line), format!("cat~ {want}").trim_end(), "{line}");
    }
    for (line, want) in [
        ("cat > /t/x <<E\na\nE\ncd y; bash /t/x", "cat~ bash a!"),
        ("cat > x > y <<E\na\nE\nbash x", "cat~ bash"),
        ("cat >> x <<E\na\nE\nbash x", "cat~ bash"),
        ("cat > $x <<E\na\nE\nbash $x", "cat~ bash"),
        ("(cd y; cat > x <<E\na\nE\n); bash x", "cat~ bash"),
        ("b || cat > x <<E\na\nE\nbash x", "b? cat? bash a?"),
        ("> y; cat <<E | bash\na\nE", "cat~ bash a!"),
        ("cat 3>y <<E | bash\na\nE", "cat~ bash a!"),
        ("cat <<E >&2 | bash\na\nE", "cat~ bash"),
        ("cat <<E | bash <y\na\nE", "cat~ bash"),
        ("cat 3<<E | bash\na\nE", "cat~ bash"),
        ("cat <<E | xargs bash\na\nE", "cat~ xargs bash~"),
    ] {
        assert_eq!(shown(line), want, "{line}");
    }
}

#[test]
fn what_a_program_starts() {
    let starts = |argv: &[&str]| match argv {
        ["run", ..] => Some(Started { inner: Inner::Words(1), own: true }),
        ["with", script] => Some(Started { inner: Inner::Script((*script).to_owned()), own: false }),
        ["make-it", name, ..] => Some(Started { inner: Inner::Named(format!("make-{name}"), 2), own: false }),
        _ => None,
    };
    let shown = |line: &str| {
        let runs = programs_with(line, &starts).expect("a line");
        let one = |run: &Run| {
            let words: Vec<&str> = run.words.iter().map(|word| word.text.as_str()).collect();
            let through = run.through.as_ref().map(|name| format!(" <{name}")).unwrap_or_default();
            format!("{}{through}{}", words.join(" "), if run.decides { "!" } else { "" })
        };
        runs.iter().map(one).collect::<Vec<_>>().join(", ")
    };
    for (line, want) in [
        ("run a b", "run a b, a b <run!"),
        ("run bash -c 'a; b' && c", "run bash -c a; b, bash -c a; b <run, a <run, b <run, c"),
        ("with 'cd x && a'", "with cd x && a, a!"),
        ("sudo make-it x y", "sudo make-it x y, make-it x y, make-x y!"),
        ("run with 'a'; b", "run with a, with a <run, a <run, b!"),
        ("run", "run"),
    ] {
        assert_eq!(shown(line), want, "{line}");
    }
    for deep in ["run ".repeat(30_000), "sudo ".repeat(25_000)] {
        assert!(programs_with(&deep, &starts).expect("a line").len() < 40);
    }
}

#[test]
fn where_a_program_runs() {
    let at = |line: &str| programs(line).expect("a line").last().expect("a run").folder.clone();
    assert_eq!(at("a"), Folder::Same);
    assert_eq!(at("cd sub && cd deep; a"), Folder::At("sub/deep".into()));
    assert_eq!(at("cd sub && cd /x && a"), Folder::At("/x".into()));
    assert_eq!(at("(cd sub; b); a"), Folder::Same);
    assert_eq!(at("cd \"$(mktemp -d)\" && a"), Folder::Unknown);
    assert_eq!(at("cd - && a"), Folder::Unknown);
    assert_eq!(at("cd && a"), Folder::At("~".into()));
}

#[test]
fn hostile_lines() {
    for line in ["(".repeat(100_000), "$(".repeat(63), "a;".repeat(10_000), "\0".repeat(9), "`".repeat(999)] {
        drop(programs(&line));
    }
    for line in ["`".repeat(60_001), "`a ".repeat(30_000), "\"`a`\" ".repeat(15_000), "`\\`".repeat(30_000)] {
        drop(programs(&line));
    }
    let text = format!("gh pr edit --body $'{}'", "- `a`\\n".repeat(200));
    assert_eq!(shown(&text), "gh!");
    let functions: String = (1..40).map(|n| format!("f{n}() {{ f{0}; f{0}; }}; ", n + 1)).collect();
    assert!(programs(&format!("{functions} f40() {{ a; }}; f1")).expect("a line").len() <= 4096);
    let long = format!("cat > x <<'E'\n{}\nE\nmake", "int x = f(a[1]); // text\n".repeat(3000));
    assert_eq!(shown(&long), "cat~ make!");
}

#[test]
fn work_is_bounded() {
    let commands = [
        format!("{};", "find -exec ".repeat(10_000)),
        format!("{}\\;", "find -exec ".repeat(10_000)),
        "fd -x ".repeat(10_000),
        format!("find {}", "-exec a ".repeat(10_000)),
        format!("find {}", "-exec a \\; ".repeat(6_667)),
    ];
    for line in commands {
        let words: usize = programs(&line).expect("a line").iter().map(|run| run.words.len()).sum();
        assert!((1..20 * 20_001).contains(&words), "{words}");
    }
    let file = format!("cat > x <<'E'\n{}a\nbash x\nbash x\nE\nbash x", "# text\n".repeat(9_000));
    let runs = programs(&file).expect("a line");
    let read = runs.iter().filter(|run| run.program() == Some("a")).count();
    assert!((1..20).contains(&read), "{read}");
    let told = format!("export A={}\n{}", "x".repeat(60_000), "a\n".repeat(200));
    let runs = programs(&told).expect("a line");
    let bytes: usize = runs.iter().flat_map(|run| &run.assigned).map(|word| word.text.len()).sum();
    assert!((1..1 << 20).contains(&bytes), "{bytes}");
}

#[test]
fn what_is_not_followed_decides_nothing() {
    let deep = "cat > x <<E\nbash x\nE\na && bash x";
    assert_eq!(shown(deep), format!("cat~ a{}", " bash".repeat(9)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_line_panics(line in "[ -~\n]{0,60}") {
        drop(programs(&line));
    }

    #[test]
    fn no_bash_panics(words in proptest::collection::vec(
        proptest::sample::select(vec![
            "a", "cd x", "&&", "||", ";", "|", "(", ")", "{", "}", "$(", "`", "'", "\"", "<<E\n", "\nE\n", "if", "then", "fi",
            "for i in", "do", "done", "case", "esac", "bash -c", "env", "xargs", "-exec", "!", "&", "function f", "f()", "é",
        ]), 0..24))
    {
        drop(programs(&words.join(" ")));
    }
}
