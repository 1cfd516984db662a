use super::*;
use crate::event::Bytes;
use crate::journal::{Recorder, SessionId};
use crate::nix::System;
use crate::shell::{Inner, Started};

fn session() -> Session {
    Session {
        id: SessionId::parse("one").expect("a name"),
        start: "2026-11-22T10:00:00Z".into(),
        end: "2026-11-22T10:00:00Z".into(),
        line: Bytes::from("agent"),
        agent: None,
        agent_version: None,
        model: None,
        recorder: Recorder { name: "transcript".into(), blind: Vec::new() },
        system: System::current(),
        os: None,
        nix: None,
        nixpkgs: None,
        base: None,
        status: None,
    }
}

fn call(line: &str, status: Option<u8>) -> Call {
    let mut call = Call { line: line.into(), cwd: Some("/home/u/app".into()), ..Call::default() };
    match status {
        Some(status) => call.end(Status::Code(status), StatusKnown::Exact),
        None => call.open_end(),
    }
    call
}

fn journal(calls: impl IntoIterator<Item = Call>) -> Journal {
    let keeps = |argv: &[&str]| argv.contains(&"install");
    let mut claims = Claims::new(Reads { keeps: &keeps, ..Reads::NOTHING });
    calls.into_iter().for_each(|call| claims.call(call));
    let place = Place { root: "/home/u/app".into(), home: Some("/home/u".into()) };
    claims.finish(session(), &place, &Digest::default())
}

/// Returns the programs of a journal: path, runs, failed runs.
fn programs(journal: &Journal) -> Vec<(String, u64, u64)> {
    journal.programs.iter().map(|it| (it.path.to_text().into_owned(), it.runs, it.failed)).collect()
}

#[test]
fn only_what_ran_and_ended_well_counts() {
    let fell = |line: &str, outcome| {
        let mut call = call(line, None);
        call.fell(outcome);
        call
    };
    let journal = journal([
        call("jq . x | head", Some(0)),
        call("cd sub && pytest", Some(1)),
        call("grep -r x . | rg y", Some(1)),
        call("curl x || wget x", Some(0)),
        call("tree", None),
        call("a && b", Some(2)),
        fell("rm -rf /", Outcome::Refused),
        fell("dd", Outcome::Cancelled),
    ]);
    let want = [("jq", 1, 0), ("head", 1, 0), ("pytest", 1, 1), ("grep", 1, 0), ("rg", 1, 0)];
    assert_eq!(programs(&journal), want.map(|(name, runs, failed)| (name.to_owned(), runs, failed)));
    let aside: Vec<_> = journal.ignored.iter().map(|it| (it.reason.as_str(), it.runs)).collect();
    assert_eq!(
        aside,
        [
            ("how its command ended is not told", 1),
            ("its command ends well without it, too", 2),
            ("its command failed, and which part of it is not told", 2),
            ("its command was refused, blocked or cancelled", 2),
        ]
    );
    assert!(journal.programs.iter().all(|it| it.known == Known::Claimed));
    assert_eq!(journal.commands.len(), 8);
    assert_eq!(journal.commands[6].outcome, Outcome::Refused);
    assert_eq!(Journal::parse(&journal.to_bytes().expect("bytes")).expect("a journal"), journal);
}

#[test]
fn what_is_not_found_is_missing() {
    let named = Call { not_found: vec!["tree".into()], ..call("tree | head -3", Some(0)) };
    let starter = Call { not_found: vec!["strace".into()], ..call("strace ./a", Some(127)) };
    let journal = journal([call("ruff check", Some(127)), named, starter]);
    let missing: Vec<_> = journal.missing.iter().map(|it| it.program.to_text().into_owned()).collect();
    assert_eq!(missing, ["ruff", "strace", "tree"]);
    assert_eq!(programs(&journal), [("head".to_owned(), 1, 0)]);
}

#[test]
fn what_a_program_starts_is_claimed_too() {
    let starts = |argv: &[&str]| (argv[0] == "uv").then_some(Started { inner: Inner::Words(2), own: true });
    let mut claims = Claims::new(Reads { starts: &starts, ..Reads::NOTHING });
    let lines = [("uv run pytest -q", 1), ("uv run pytest -q", 0), ("pytest", 0), ("uv run ./x.sh", 0)];
    lines.iter().for_each(|(line, status)| claims.call(call(line, Some(*status))));
    let place = Place { root: "/home/u/app".into(), home: None };
    let journal = claims.finish(session(), &place, &Digest::default());
    let through: Vec<_> = journal.programs.iter().map(|it| it.through.as_deref().unwrap_or_default()).collect();
    assert_eq!(through, ["uv", "", "", ""]);
    let want = [("pytest", 2, 1), ("uv", 2, 0), ("pytest", 1, 0), ("./x.sh", 1, 0)];
    assert_eq!(programs(&journal), want.map(|(name, runs, failed)| (name.to_owned(), runs, failed)));
    assert_eq!(Journal::parse(&journal.to_bytes().expect("bytes")).expect("a journal"), journal);
}

#[test]
fn names_and_paths() {
    let journal = journal([
        call("make", Some(0)),
        call("cd sub && ../gradlew test", Some(0)),
        call("./sub/run.sh; /home/u/bin/x; /usr/bin/jq", Some(0)),
        call("cd $X && ./y", Some(0)),
    ]);
    let names: Vec<_> = programs(&journal).into_iter().map(|(name, ..)| name).collect();
    assert_eq!(names, ["make", "./gradlew", "sub/run.sh", "~/bin/x", "/usr/bin/jq", "./y"]);
}

#[test]
fn secrets_and_installs() {
    let journal = journal([
        call("pip install requests && pip install --password hunter2 x", Some(0)),
        call("pip install broken", Some(1)),
        call("export GITHUB_TOKEN=ghp_0123456789abcdefghijklmnopqrstuvwxyzAB; make", Some(0)),
    ]);
    let text = String::from_utf8(journal.to_bytes().expect("bytes")).expect("text");
    assert!(!text.contains("ghp_") && !text.contains("hunter2"), "{text}");
    let kept: Vec<_> = journal.invocations.iter().map(|it| (it.argv.len(), it.runs, it.failed)).collect();
    assert_eq!(kept, [(3, 1, 0), (3, 1, 1)]);
    assert!(journal.commands[0].incomplete && !journal.commands[1].incomplete && journal.commands[2].incomplete);
}

#[test]
fn a_long_session_fits() {
    let journal = journal((0..20_000).map(|n| call(&format!("make t{n} # {}", "x".repeat(500)), Some(0))));
    assert_eq!(journal.programs[0].runs, 20_000);
    assert_eq!(journal.events.omitted as usize + journal.commands.len(), 20_000);
    assert!(journal.to_bytes().expect("bytes").len() <= crate::journal::LIMIT);
    assert!(journal.programs[0].commands.first() >= journal.commands.first().map(|it| &it.id));
}
