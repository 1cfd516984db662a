//! The command line as a user meets it: exit statuses, errors with a cure, what is written where. No Nix needed.

mod support;

use std::fs;

use agent_capture::journal::Journal;
use support::{Project, Said};

#[test]
fn run_passes_everything_on() {
    let project = Project::demo();
    let said = project.run(&[
        "run",
        "--no-verify",
        "--no-commit",
        "--name",
        "one",
        "--",
        "bash",
        "-c",
        "cat; echo out; echo err >&2; exit 7",
    ]);
    let said = said.code(7);
    assert_eq!(said.stdout, "out\n");
    assert!(said.stderr.contains("err\n"), "{}", said.stderr);
    project.run(&["run", "--name", "two", "--", "bash", "-c", "kill -TERM $$"]).code(128 + 15);
    let said = project.run(&["run", "--", "no-such-program"]).code(127);
    assert!(said.stderr.contains("failed to run `no-such-program`"), "{}", said.stderr);
    project.write("plain", "x");
    project.run(&["run", "--", "./plain"]).code(126);
    assert_eq!(project.run(&["status"]).success().stdout, "no session is open here\n");
}

#[test]
fn a_captured_session_is_in_the_work_tree() {
    let project = Project::demo();
    project
        .session(
            &["--no-verify", "--no-commit", "--name", "one"],
            "jq . data/cities.json >/dev/null\nrg -q people data",
        )
        .success();
    let journal = Journal::parse(project.read(".agent-capture/one/journal.json").as_bytes()).expect("a journal");
    let lines: Vec<_> = journal.commands.iter().map(|command| command.line.to_text().into_owned()).collect();
    assert_eq!(lines, ["jq . data/cities.json", "rg -q people data"]);
    assert!(journal.events.execs >= 3 && journal.events.lost == 0, "{:?}", journal.events);
    assert_eq!(
        journal.programs.iter().map(|program| program.runs).sum::<u64>(),
        journal.events.execs,
        "every exec is accounted for"
    );
    let flake = project.read("flake.nix");
    assert!(flake.contains("pkgs.jq # 1 run\n") && flake.contains("pkgs.ripgrep # 1 run\n"), "{flake}");
    assert_eq!(project.git(&["log", "--oneline"]).lines().count(), 1, "nothing is committed");
    let events = fs::read(project.root().join(".git/agent-capture/one/events-1.jsonl")).expect("raw events");
    assert_eq!(events.len() as u64, journal.events.length);
    let home = project.root().parent().expect("a folder").join("home");
    let text = project.read(".agent-capture/one/journal.json");
    assert!(
        !text.contains(home.to_str().expect("text")) && !text.contains(project.root().to_str().expect("text")),
        "{text}"
    );
    // The same journals give the same bytes.
    project.run(&["render"]).success();
    assert_eq!(project.read("flake.nix"), flake);
    let said = project.run(&["report", "--format", "markdown"]).success();
    assert!(said.stdout.contains("| `jq` |"), "{}", said.stdout);
}

#[test]
fn staged_and_unstaged_work_stays() {
    let project = Project::demo();
    project.write("README.md", "staged\n");
    project.git(&["add", "README.md"]);
    project.write("README.md", "staged and changed\n");
    project.write("new.txt", "untracked\n");
    let before = (project.git(&["diff"]), project.git(&["diff", "--cached"]));
    project.session(&["--no-verify", "--yes", "--name", "one"], "jq . data/cities.json").success().says("committed ");
    assert_eq!((project.git(&["diff"]), project.git(&["diff", "--cached"])), before);
    assert_eq!(project.git(&["status", "--porcelain"]), "MM README.md\n?? new.txt\n");
    assert!(project.git(&["fsck", "--strict"]).is_empty());
}

#[test]
fn dry_run_writes_nothing() {
    let project = Project::demo();
    let said = project.session(&["--dry-run", "--name", "one"], "jq . data/cities.json >/dev/null").success();
    assert!(said.stdout.contains("+        pkgs.jq # 1 run\n"), "{}", said.stdout);
    assert_eq!(project.git(&["status", "--porcelain"]), "");
    project.run(&["run", "--", "true"]).code(3).says("session `one` is open").says("agent-capture stop");
    project.run(&["stop", "--no-verify", "--no-commit", "--name", "two"]).success();
    assert!(project.exists("flake.nix") && project.exists(".agent-capture/two/journal.json"));
}

#[test]
fn errors_name_the_thing_and_the_cure() {
    let nowhere = Project::bare_folder();
    nowhere.run(&["run", "--", "true"]).code(3).says("git init");
    nowhere.run(&["stop"]).code(3);
    let project = Project::demo();
    project.run(&["stop"]).code(3).says("no session is open here").says("hint: `agent-capture run -- CMD`");
    project.run(&["render"]).code(3).says("there is no journal").says("hint:");
    project.run(&["verify"]).code(3).says("requirements.json").says("hint:");
    project.run(&["run", "--name", "../x", "--", "true"]).code(3).says("cannot name a session");
    project.run(&["run"]).code(2);
    project.run(&["nonsense"]).code(2);
    project.run(&["run", "--nixpkgs", "--", "--", "true"]).code(2);
    project.session(&["--no-verify", "--no-commit", "--name", "one"], "jq . data/cities.json").success();
    project
        .run(&["run", "--name", "one", "--", "true"])
        .code(3)
        .says("there is a session `one` already")
        .says("--name");
}

#[test]
fn an_empty_session_captures_nothing() {
    let project = Project::demo();
    project.session(&["--name", "one"], "ls").success().says("nothing to capture");
    assert_eq!(project.git(&["status", "--porcelain"]), "");
}

#[test]
fn bad_journals_are_refused() {
    let project = Project::demo();
    project.session(&["--no-verify", "--no-commit", "--name", "one"], "jq . data/cities.json").success();
    let path = ".agent-capture/one/journal.json";
    let good = project.read(path);
    let big = format!("{good}{}", " ".repeat(1_100_000));
    for (bad, says) in [
        (good.replacen("\"version\": 1", "\"version\": 1, \"\\u001b[31m::error::\": 2", 1), "a field is unknown"),
        (good.replacen("\"version\": 1", "\"version\": 9", 1), "upgrade agent-capture"),
        (good.replacen("\"id\": \"one\"", "\"id\": \"../../x\"", 1), "a field is unknown, missing, or not of its form"),
        (good.replacen("\"id\": \"one\"", "\"id\": \"two\"", 1), "is of session `two`"),
        (good[..good.len() / 2].to_owned(), "it ends too early"),
        (good.replacen('{', "#\r", 1), "it is not JSON"),
        (big, "more than 1000000"),
    ] {
        project.write(path, &bad);
        let said: Said = project.run(&["render"]).code(3).says(says).says("journal.json");
        assert!(!said.stderr.contains('\u{1b}') && !said.stderr.contains("::error"), "{}", said.stderr);
    }
    project.write(path, &good);
    project.run(&["render"]).success();
}

#[test]
fn a_hostile_attr_never_reaches_the_flake() {
    let project = Project::demo();
    project.session(&["--no-verify", "--no-commit", "--name", "one"], "jq . data/cities.json").success();
    let path = ".agent-capture/requirements.json";
    let good = project.read(path);
    for hostile in ["jq; x = 1", "jq\\r{ evil = 1; }", "${builtins.exec}", "../jq", "jq\\u0000"] {
        project.write(path, &good.replace("\"attr\": \"jq\"", &format!("\"attr\": \"{hostile}\"")));
        project.run(&["commit", "--no-verify", "--yes"]).code(3).says("requirements.json");
    }
}

#[test]
fn hostile_arguments_are_kept_and_bring_no_check() {
    let project = Project::demo();
    let script = "jq -n '\"\\u001b[31m\"' >/dev/null\nmake \"check\" $'X=a\\rb'\nmake check $'X=\\xff'\nmake check X=\"$(head -c 100000 /dev/zero | tr '\\0' x)\"\nmake check X='${evil}'";
    project.session(&["--no-verify", "--no-commit", "--name", "one"], script).success();
    let flake = project.read("flake.nix");
    assert!(flake.bytes().all(|byte| byte == b'\n' || (0x20..=0x7e).contains(&byte)));
    assert!(flake.contains(r#"make-check = "make check 'X=\${evil}'";"#), "{flake}");
    assert_eq!(flake.matches("make-check").count(), 1, "{flake}");
    let journal = Journal::parse(project.read(".agent-capture/one/journal.json").as_bytes()).expect("a journal");
    assert!(journal.commands.iter().any(|command| command.line.as_str().is_none()), "bytes that are no text are kept");
}

#[test]
fn secrets_do_not_reach_a_disk() {
    let project = Project::demo();
    let secret = "hunter2hunter2";
    let script = format!(
        "jq -n --arg x --token={secret} 1\nenv PASSWORD={secret} jq -n 1\nbash -c 'curl -s -H \"Authorization: Bearer {secret}\" https://u:{secret}@127.0.0.1:9/ || true'"
    );
    project.session(&["--no-verify", "--no-commit", "--name", "one"], &script).success();
    let output = project.command("grep").args(["-rl", secret, "."]).output().expect("grep");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "", "no file holds the secret");
}

#[test]
fn start_is_a_recorded_shell() {
    let project = Project::demo();
    let program = env!("CARGO_BIN_EXE_agent-capture");
    let mut command = project.command("script");
    command.env("SHELL", "/bin/bash").args([
        "-qec",
        &format!("{program} start --name one --no-verify --no-commit"),
        "/dev/null",
    ]);
    let mut child =
        command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped()).spawn().expect("script");
    std::io::Write::write_all(&mut child.stdin.take().expect("stdin"), b"jq -n 1\nexit 5\n").expect("typed");
    let said = Said::from(child.wait_with_output().expect("ends"));
    assert_eq!(said.status, 5, "{said:?}");
    assert!(project.read("flake.nix").contains("pkgs.jq"), "{said:?}");
}

#[test]
fn sessions_do_not_nest() {
    let project = Project::demo();
    let program = env!("CARGO_BIN_EXE_agent-capture");
    let said = project.session(
        &["--no-verify", "--no-commit", "--name", "one"],
        &format!("{program} start; {program} run -- true; jq -n 1"),
    );
    let said = said.success();
    assert_eq!(said.stderr.matches("session `one` is open since").count(), 2, "{}", said.stderr);
    assert!(said.stderr.contains("close it first: `agent-capture stop`"), "{}", said.stderr);
}

#[test]
fn what_would_stop_the_commit_is_said_before_the_session() {
    let project = Project::demo();
    project.git(&["checkout", "-q", "-b", "side"]);
    project.write("README.md", "side");
    project.git(&["commit", "-qam", "side"]);
    project.git(&["checkout", "-q", "main"]);
    project.write("README.md", "main");
    project.git(&["commit", "-qam", "main"]);
    let merge = project.command("git").args(["merge", "-q", "side"]).output().expect("git");
    assert!(!merge.status.success());
    let said = project.session(&["--name", "one"], "echo ran").code(3);
    assert!(said.stdout.is_empty() && said.stderr.contains("merge"), "{said:?}");
    project.session(&["--no-verify", "--no-commit", "--name", "one"], "jq -n 1").success();
}

#[test]
fn stop_in_a_recorded_shell_closes_the_session() {
    let project = Project::demo();
    let stop = format!(
        "jq -n 1\n{} stop --no-verify --no-commit\nrg -q people data\nexit 4",
        env!("CARGO_BIN_EXE_agent-capture")
    );
    project.session(&["--name", "one"], &stop).code(4);
    let flake = project.read("flake.nix");
    assert!(flake.contains("pkgs.jq") && !flake.contains("ripgrep"), "what ran after `stop` is not in it: {flake}");
    project.run(&["stop"]).code(3).says("no session is open");
}

#[test]
fn a_full_disk_loses_nothing_of_the_users() {
    let project = Project::demo();
    let folder = project.root().join(".git/agent-capture");
    fs::create_dir(&folder).expect("a folder");
    let mounted = project.command("mount").args(["-t", "tmpfs", "-o", "size=64k", "none"]).arg(&folder).status();
    if !mounted.is_ok_and(|status| status.success()) {
        support::skipped("a full disk needs the right to mount");
        return;
    }
    let script = "for i in $(seq 400); do /bin/true \"a rather long argument, so that the disk is soon full: $i\"; done\njq -n 1";
    let said = project.session(&["--no-verify", "--no-commit", "--name", "one"], script);
    let said = said.says("warning: ").says("events were lost");
    let unmounted = project.command("umount").arg(&folder).status();
    assert!(unmounted.is_ok_and(|status| status.success()));
    assert!(said.stdout.ends_with("1\n"), "the session went on: {said:?}");
}

#[test]
fn every_help_fits_a_screen_and_ends_with_an_example() {
    let project = Project::bare_folder();
    let said = project.run(&["--help"]).success();
    let commands = said.stdout.split_once("Commands:\n").map(|(_, rest)| rest).expect("a list of commands");
    let names: Vec<&str> = commands
        .lines()
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(names.contains(&"run") && names.len() >= 10, "{names:?}");
    for name in names {
        let help = project.run(&[name, "--help"]).success().stdout;
        assert!(help.lines().count() <= 48, "{name}:\n{help}");
        assert!(
            help.trim_end().lines().last().is_some_and(|line| line.starts_with("Example: agent-capture ")),
            "{name}:\n{help}"
        );
    }
}

#[test]
fn completions_and_manual_come_from_the_same_types() {
    let project = Project::bare_folder();
    let completions = project.run(&["completions", "bash"]).success().stdout;
    assert!(completions.contains("--include-work"));
    project.run(&["man", "man1"]).success();
    for name in ["list", "show", "forget", "export", "verify", "update", "doctor"] {
        assert!(completions.contains(&format!("agent__capture__subcmd__{name}")), "{name}");
        assert!(project.exists(&format!("man1/agent-capture-{name}.1")), "{name}");
    }
    assert!(project.exists("man1/agent-capture-run.1") && !project.exists("man1/agent-capture-__worker.1"));
}
