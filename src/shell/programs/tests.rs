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
        ("gdb --args a b", "gdb a!"),
        ("gdb a", "gdb!"),
        ("doppler run -p x -- a", "doppler a!"),
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
        ("alias k='a -x'; k y", "a!"),
        ("alias a='a -x'; a", "a!"),
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
