//! Hooks as agents call them: through the settings that `hooks install` wrote, with the events that they send.

mod support;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use agent_capture::agents::{self, Agent};
use agent_capture::event::Status;
use agent_capture::journal::{CwdKnown, Journal, Known, Outcome, StatusKnown};
use serde_json::Value;
use support::recording::wait_for;
use support::{Project, Said, pin, skipped};

const BINARY: &str = env!("CARGO_BIN_EXE_agent-capture");

fn hooked() -> impl Iterator<Item = &'static dyn Agent> {
    agents::ALL.iter().copied().filter(|agent| agent.hooks().is_some())
}

fn fixture(agent: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(format!("{agent}-hooks"))
}

/// Returns a file of an agent's fixture, as of this project.
fn text(project: &Project, agent: &str, file: &str) -> Option<String> {
    let text = fs::read_to_string(fixture(agent).join(file)).ok()?;
    let root = project.root().canonicalize().expect("a path");
    Some(text.replace("{root}", root.to_str().expect("text")).replace("{home}", project.home().to_str().expect("text")))
}

/// A project in which the hooks of an agent are installed.
fn installed(agent: &str) -> Project {
    let project = Project::demo();
    project.run(&["hooks", "install", agent]).success();
    project
}

/// Returns the command lines that an agent's settings have for an event.
fn lines(project: &Project, agent: &str, event: &str) -> Vec<String> {
    let said = project.run(&["hooks", "--json"]).success();
    let list: Value = serde_json::from_str(&said.stdout).expect("JSON");
    let listed = list["agents"].as_array().expect("a list").iter().find(|it| it["agent"] == agent).expect("the agent");
    let file = listed["installed"][0].as_str().expect("installed").replace("~/", "");
    let settings = fs::read_to_string(project.home().join(file)).expect("settings");
    if let Some((_, line)) = settings.split_once("const HOOK = ") {
        return vec![serde_json::from_str(line.lines().next().expect("a line")).expect("a string")];
    }
    let settings: Value = serde_json::from_str(&settings).expect("JSON");
    let mut lines = Vec::new();
    let rules = settings["hooks"][event].as_array().cloned().unwrap_or_default();
    for rule in rules {
        let inner = rule["hooks"].as_array().cloned().unwrap_or_else(|| vec![rule.clone()]);
        lines.extend(
            inner.iter().filter_map(|hook| hook["command"].as_str().or(hook["bash"].as_str())).map(str::to_owned),
        );
    }
    lines
}

/// Returns a command that has an event for its standard input.
fn give(mut command: Command, event: &str) -> Said {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it runs");
    child.stdin.take().expect("piped").write_all(event.as_bytes()).expect("it reads");
    child.wait_with_output().expect("an end").into()
}

/// Runs the hook with an event.
fn hook(project: &Project, agent: &str, event: &str) -> Said {
    let mut command = project.command(BINARY);
    command.args(["hook", agent, "--strict"]);
    give(command, event)
}

/// Sends an agent's events to the hooks in its settings. Returns how many found one.
fn drive(project: &Project, agent: &str) -> usize {
    let events = text(project, agent, "events.jsonl").expect("a fixture");
    let mut known: Vec<(String, Vec<String>)> = Vec::new();
    let mut sent = 0;
    for line in events.lines() {
        let event: Value = serde_json::from_str(line).expect("JSON");
        let name = event["call"].as_str().expect("a name");
        if !known.iter().any(|(known, _)| known == name) {
            known.push((name.to_owned(), lines(project, agent, name)));
        }
        let (_, lines) = known.iter().find(|(known, _)| known == name).expect("it was put there");
        for line in lines {
            let mut shell = project.command("sh");
            shell.args(["-c", line]);
            let said = give(shell, &event["stdin"].to_string()).success();
            assert_eq!((said.stdout.as_str(), said.stderr.as_str()), ("", ""), "{event}");
            sent += 1;
        }
    }
    sent
}

/// Waits until the one journal is there.
fn journal(project: &Project) -> Journal {
    let folder = project.root().join(".agent-capture");
    let path = wait_for("a journal", || {
        let entries = fs::read_dir(&folder).ok()?.flatten();
        // The requirements are written after it.
        folder.join("requirements.json").exists().then_some(())?;
        entries.map(|entry| entry.path().join("journal.json")).find(|path| path.exists())
    });
    Journal::parse(&fs::read(path).expect("readable")).expect("a journal")
}

fn no_session_is_left(project: &Project) {
    let folder = project.root().join(".git/agent-capture");
    wait_for("the end of the session", || {
        let ended = fs::read_dir(&folder).ok()?.flatten().any(|entry| entry.path().join("ended").exists());
        (!ended && !folder.join("active").exists()).then_some(())
    });
}

/// What each agent's events say of the commands in its fixture, in their order.
fn expected(agent: &str) -> Vec<(&'static str, Outcome, Option<u8>)> {
    let (ran, not) = (Outcome::Ran, Outcome::Unknown);
    let names = "jq -r '.[].name' data/cities.json";
    let refused = match agent {
        "cursor" | "copilot" | "codex" => Outcome::Refused,
        "goose" => Outcome::Blocked,
        _ => not,
    };
    let mut all = vec![
        (names, ran, Some(0)),
        ("rg -n 'def ' stats", ran, Some(0)),
        ("make chekc", ran, Some(2)),
        ("terraform destroy -auto-approve", refused, None),
        ("python3 -m pytest -q", ran, Some(0)),
    ];
    match agent {
        "claude-code" => {
            all.insert(2, ("ruff check", ran, Some(127)));
            all.insert(5, ("sleep 60", Outcome::Cancelled, None));
            all.insert(6, ("curl -H 'Authorization: Bearer [redacted]' https://example.org/x", ran, Some(6)));
        }
        // Of a failure it is told only that it is one.
        "goose" => all[2].2 = None,
        _ => {}
    }
    all
}

#[test]
fn from_start_to_end_without_a_person() {
    for agent in hooked().map(Agent::name) {
        let project = installed(agent);
        if let Some(rollout) = text(&project, agent, "rollout.jsonl") {
            let folder = project.home().join(".codex/sessions/2026/11/20");
            fs::create_dir_all(&folder).expect("folders");
            fs::write(folder.join("rollout-2026-11-20T10-00-00-0199a213.jsonl"), rollout).expect("a file");
        }
        assert!(drive(&project, agent) >= 10, "{agent}: the settings have the events");
        no_session_is_left(&project);
        let journal = journal(&project);
        let told: Vec<_> =
            journal.commands.iter().map(|it| (it.line.as_str().expect("text"), it.outcome, it.status)).collect();
        let wanted = expected(agent);
        let wanted: Vec<_> =
            wanted.into_iter().map(|(line, outcome, status)| (line, outcome, status.map(Status::Code))).collect();
        assert_eq!(told, wanted, "{agent}");
        assert_eq!(journal.session.agent.as_deref(), Some(agent));
        assert_eq!(journal.session.recorder.name, "hook");
        assert!(journal.commands.iter().all(|command| command.known == Known::Claimed), "{agent}");
        let used: Vec<&str> =
            journal.programs.iter().filter(|it| it.is_used()).filter_map(|it| it.path.as_str()).collect();
        assert_eq!(used, ["jq", "rg", "python3"], "{agent}");
        let flake = project.read("flake.nix");
        assert!(flake.contains("pkgs.jq") && flake.contains("pkgs.ripgrep"), "{agent}: {flake}");
        assert!(!flake.contains("terraform") && !flake.contains("ruff"), "{agent}: {flake}");
        assert_eq!(project.git(&["log", "--format=%s"]), "A small project\n", "{agent}: hooks do not commit");
        assert!(!flake.contains("example.org") && !project.read("flake.nix").contains("ghp_"));
    }
}

#[test]
fn how_each_field_is_known_is_told() {
    let project = installed("opencode");
    drive(&project, "opencode");
    let journal = journal(&project);
    let make = &journal.commands[4];
    assert_eq!((make.status_known, make.cwd_known), (StatusKnown::Exact, CwdKnown::Command));
    let project = installed("claude-code");
    drive(&project, "claude-code");
    let journal = self::journal(&project);
    let known: Vec<_> = journal.commands.iter().map(|it| it.status_known).collect();
    use StatusKnown::{Inferred, Parsed, Unknown};
    assert_eq!(known, [Inferred, Inferred, Parsed, Parsed, Unknown, Unknown, Parsed, Inferred]);
    assert!(journal.commands.iter().all(|it| it.cwd_known == CwdKnown::Session && it.cwd.as_slice().is_empty()));
    assert!(journal.commands[6].incomplete, "a secret was taken out");
    assert_eq!(journal.session.model.as_deref(), Some("claude-opus-4-1"));
    assert_eq!(journal.missing.iter().map(|it| it.program.to_text()).collect::<Vec<_>>(), ["ruff"]);
    let folder = project.root().join(".git/agent-capture").join(journal.session.id.as_str());
    let raw = fs::read_to_string(folder.join("events-0.jsonl")).expect("raw events");
    assert!(raw.contains("[redacted]") && !raw.contains("ghp_") && !raw.contains("make it green"), "{raw}");
    // Personal data that some agents send along is not kept.
    let project = installed("cursor");
    drive(&project, "cursor");
    let journal = self::journal(&project);
    assert_eq!(
        (journal.session.agent_version.as_deref(), journal.session.model.as_deref()),
        (Some("3.1.0"), Some("composer-2"))
    );
    let folder = project.root().join(".git/agent-capture").join(journal.session.id.as_str());
    assert!(!fs::read_to_string(folder.join("events-0.jsonl")).expect("raw events").contains("someone@"));
}

fn claude(project: &Project, session: &str, name: &str, more: &str) -> String {
    let root = project.root().canonicalize().expect("a path");
    format!(r#"{{"hook_event_name":"{name}","session_id":"{session}","cwd":"{}"{more}}}"#, root.display())
}

fn call(id: &str, line: &str) -> String {
    format!(
        r#","tool_name":"Bash","tool_use_id":"{id}","tool_input":{{"command":"{line}"}},"tool_response":{{"stdout":""}}"#
    )
}

/// Sends the two events of a command that ended well.
fn runs(project: &Project, session: &str, id: &str, line: &str) {
    for name in ["PreToolUse", "PostToolUse"] {
        hook(project, "claude-code", &claude(project, session, name, &call(id, line))).success();
    }
}

#[test]
fn it_does_nothing_where_it_is_not_wanted() {
    let project = Project::demo();
    let event = claude(&project, "s", "PreToolUse", &call("t", "make check"));
    let said = hook(&project, "claude-code", &event).success();
    assert_eq!((said.stdout.as_str(), said.stderr.as_str()), ("", ""));
    assert!(!project.exists(".git/agent-capture"), "the repository was not chosen");
    let outside = Project::bare_folder();
    let event = claude(&outside, "s", "PreToolUse", &call("t", "make check"));
    hook(&outside, "claude-code", &event).success();
    assert_eq!(fs::read_dir(outside.root()).expect("a folder").count(), 0);
    // A file of the repository cannot choose it: only git's own configuration does.
    project.write(".agent-capture/policy.toml", "");
    project.write("agent-capture.toml", "hooks = true\n");
    let event = claude(&project, "s", "PreToolUse", &call("t", "make check"));
    hook(&project, "claude-code", &event).success();
    assert!(!project.exists(".git/agent-capture"));
}

#[test]
fn it_never_breaks_the_agent() {
    let project = installed("claude-code");
    let folder = project.root().join(".git/agent-capture");
    let give_plain = |event: &str| {
        let mut command = project.command(BINARY);
        command.args(["hook", "claude-code"]);
        let said = give(command, event);
        assert_eq!((said.status, said.stdout.as_str(), said.stderr.as_str()), (0, "", ""), "{event}");
    };
    let long = format!(
        r#"{{"hook_event_name":"PreToolUse","tool_name":"Bash","tool_input":{{"command":"{}"}}}}"#,
        "x".repeat(300_000)
    );
    for event in ["", "{", "null", "[]", "\0\u{1b}[31m", r#"{"hook_event_name":7}"#, &long] {
        give_plain(event);
    }
    // What cannot be written is no concern of the agent's.
    fs::remove_dir_all(&folder).ok();
    fs::write(&folder, "in the way").expect("a file");
    give_plain(&claude(&project, "s", "PreToolUse", &call("t", "ls")));
    hook(&project, "claude-code", &claude(&project, "s", "PreToolUse", &call("t", "ls"))).code(3).says("failed to");
    hook(&project, "no-such-agent", "{}").code(3).says("`agent-capture hooks` names them");
    hook(&project, "aider", "{}").code(3);
    // What an older program does not know would end with status 2, which blocks what the agent is about to do.
    for more in [&["--no-such-option"][..], &["a", "b"], &[]] {
        let mut command = project.command(BINARY);
        let said: Said = command.arg("hook").args(more).output().expect("it runs").into();
        assert_eq!((said.status, said.stdout.as_str(), said.stderr.as_str()), (0, "", ""), "{more:?}");
    }
    project.run(&["hook", "--strict"]).code(2);
    project.run(&["hook", "--help"]).success();
    // An agent that does not close its end is not waited for.
    fs::remove_file(&folder).expect("removed");
    let mut command = project.command(BINARY);
    command.args(["hook", "claude-code"]).stdin(Stdio::piped());
    let mut child = command.spawn().expect("it runs");
    let mut input = child.stdin.take().expect("piped");
    input.write_all(claude(&project, "s", "PreToolUse", &call("t", "ls")).as_bytes()).expect("written");
    assert!(wait_for("its end", || child.try_wait().expect("a child")).success());
    assert!(folder.join("active").exists(), "and what it said is taken");
}

#[test]
fn agents_at_the_same_time_are_one_session() {
    let project = installed("claude-code");
    hook(&project, "claude-code", &claude(&project, "a", "SessionStart", "")).success();
    hook(&project, "claude-code", &claude(&project, "b", "SessionStart", "")).success();
    std::thread::scope(|scope| {
        for number in 0..8 {
            let project = &project;
            let session = if number % 2 == 0 { "a" } else { "b" };
            scope.spawn(move || runs(project, session, &format!("t{number}"), &format!("jq -n {number}")));
        }
    });
    hook(&project, "claude-code", &claude(&project, "a", "SessionEnd", "")).success();
    assert!(project.exists(".git/agent-capture/active"), "the other goes on");
    runs(&project, "b", "t9", "rg -n def stats");
    hook(&project, "claude-code", &claude(&project, "b", "SessionEnd", "")).success();
    let journal = journal(&project);
    assert_eq!(journal.commands.len(), 9);
    assert_eq!(journal.programs.iter().map(|it| it.runs).sum::<u64>(), 9);
    assert_eq!(journal.events.lost, 0);
}

#[test]
fn worktrees_have_sessions_of_their_own() {
    let project = installed("claude-code");
    project.git(&["worktree", "add", "-q", "../other"]);
    let other = project.root().parent().expect("a folder").join("other").canonicalize().expect("a path");
    runs(&project, "a", "t1", "jq -n 1");
    let root = project.root().canonicalize().expect("a path");
    let of_other = |text: String| text.replace(root.to_str().expect("text"), other.to_str().expect("text"));
    for name in ["PreToolUse", "PostToolUse", "SessionEnd"] {
        let event = of_other(claude(&project, "b", name, &call("t2", "rg -n def stats")));
        hook(&project, "claude-code", &event).success();
    }
    let flake = wait_for("the flake of the other", || fs::read_to_string(other.join("flake.nix")).ok());
    assert!(flake.contains("ripgrep") && !flake.contains("jq"), "{flake}");
    assert!(project.exists(".git/agent-capture/active") && !project.exists("flake.nix"));
}

#[test]
fn an_end_that_never_comes_is_made_good() {
    let project = installed("claude-code");
    // An agent that is gone: what called the hook is no more.
    let gone = |event: String| {
        let mut command = project.command("timeout");
        command.args(["60", BINARY, "hook", "claude-code", "--strict"]);
        give(command, &event).success();
    };
    gone(claude(&project, "a", "PreToolUse", &call("t1", "jq -n 1")));
    gone(claude(&project, "a", "PostToolUse", &call("t1", "jq -n 1")));
    assert!(project.exists(".git/agent-capture/active"));
    hook(&project, "claude-code", &claude(&project, "b", "SessionStart", "")).success();
    let first = journal(&project);
    assert_eq!(first.commands.len(), 1);
    assert!(project.exists(".git/agent-capture/active"), "the next session is open");
    // Or by `stop`.
    runs(&project, "b", "t2", "rg -n def stats");
    project.run(&["stop", "--no-verify", "--no-commit"]).success();
    assert!(project.read("flake.nix").contains("ripgrep"));
    project.run(&["stop"]).code(3).says("no session is open here");
    // Or when a person records something there.
    gone(claude(&project, "c", "PreToolUse", &call("t3", "make check")));
    project.session(&["--no-verify", "--no-commit", "--name", "mine"], "jq -n 2").success();
    let folders = || fs::read_dir(project.root().join(".agent-capture")).expect("a folder").flatten();
    wait_for("all three", || {
        (folders().filter(|it| it.path().join("journal.json").exists()).count() >= 4).then_some(())
    });
    // What ends when its session is over opens no other.
    hook(&project, "claude-code", &claude(&project, "c", "PostToolUse", &call("t3", "agent-capture stop"))).success();
    assert!(!project.exists(".git/agent-capture/active"));
    // Nothing ran: nothing is captured.
    let empty = installed("claude-code");
    hook(&empty, "claude-code", &claude(&empty, "a", "SessionStart", "")).success();
    hook(&empty, "claude-code", &claude(&empty, "a", "SessionEnd", "")).success();
    no_session_is_left(&empty);
    assert!(!empty.exists("flake.nix") && !empty.exists(".agent-capture"));
}

#[test]
fn hook_and_trace_of_one_command_are_one() {
    let project = installed("claude-code");
    // The agent is recorded, and tells, too; it wraps what it runs.
    let agent = format!(
        r#"tell() {{ printf '%s' "$1" | sh -c '{BINARY} hook claude-code'; }}
pre='{pre}'; post='{post}'
tell '{start}'
tell "$pre"; /bin/bash -c "eval 'jq -n 1 && false || jq -n 2' < /dev/null && pwd -P >| /dev/null"; tell "$post"
tell '{cd}'; tell '{refused}'
tell '{end}'
"#,
        start = claude(&project, "s", "SessionStart", ""),
        pre = claude(&project, "s", "PreToolUse", &call("t1", "jq -n 1 && false || jq -n 2")),
        post = claude(&project, "s", "PostToolUse", &call("t1", "jq -n 1 && false || jq -n 2")),
        cd = claude(&project, "s", "PostToolUse", &call("t2", "cd stats")),
        refused = claude(&project, "s", "PreToolUse", &call("t3", "rg x")),
        end = claude(&project, "s", "SessionEnd", ""),
    );
    project.session(&["--no-verify", "--no-commit", "--name", "one"], &agent).success();
    let journal = Journal::parse(project.read(".agent-capture/one/journal.json").as_bytes()).expect("a journal");
    let lines: Vec<_> =
        journal.commands.iter().map(|it| (it.line.to_text().into_owned(), it.known, it.outcome)).collect();
    let one = |line: &str| lines.iter().filter(|(it, ..)| it.contains(line)).cloned().collect::<Vec<_>>();
    let jq = ("jq -n 1 && false || jq -n 2".to_owned(), Known::Traced, Outcome::Ran);
    assert_eq!(one("jq"), [jq], "{lines:?}");
    assert_eq!(one("cd stats"), [("cd stats".to_owned(), Known::Claimed, Outcome::Ran)]);
    assert_eq!(one("rg x"), [("rg x".to_owned(), Known::Claimed, Outcome::Unknown)]);
    assert_eq!(one("agent-capture"), [], "hooks are no commands");
    let programs: Vec<_> = journal.programs.iter().map(|it| (it.name().to_text().into_owned(), it.runs)).collect();
    assert!(programs.contains(&("jq".to_owned(), 2)), "{programs:?}");
    assert!(!programs.iter().any(|(name, _)| name == "rg" || name == "agent-capture"), "{programs:?}");
    assert!(journal.ignored.iter().any(|it| it.reason.contains("hook") && it.runs >= 6), "{:?}", journal.ignored);
    assert!(!journal.session.recorder.name.contains("hook"), "{:?}", journal.session.recorder);
}

/// Runs a command as Claude Code does, which puts the lines of the file before it.
fn in_shell(project: &Project, shell: &str, file: &Path, line: &str) -> Said {
    let lines = fs::read_to_string(file).expect("the file that the hook wrote");
    let script = format!("{} && eval '{line}' \\< /dev/null && pwd -P >| /dev/null", lines.trim());
    project.command(shell).args(["-c", &script]).output().expect("it runs").into()
}

#[test]
#[cfg(target_os = "linux")]
fn claude_code_has_its_commands_seen() {
    let project = installed("claude-code");
    let file = project.home().join("env.sh");
    let start = || {
        let mut command = project.command(BINARY);
        command.args(["hook", "claude-code", "--strict"]).env("CLAUDE_ENV_FILE", &file);
        give(command, &claude(&project, "s", "SessionStart", r#","source":"startup""#)).success();
    };
    fs::write(&file, "export MINE=1").expect("a file");
    start();
    let written = fs::read_to_string(&file).expect("a file");
    start();
    assert_eq!(fs::read_to_string(&file).expect("a file"), written, "once is enough");
    assert!(written.starts_with("export MINE=1\nexport AGENT_CAPTURE_SESSION="), "{written}");
    let mut lines = vec![
        ("jq -n $MINE", 0, "1\n"),
        ("jq -n 2; rg -q nothing stats; exit 7", 7, "2\n"),
        ("make chekc 2>/dev/null", 2, ""),
        ("no-such-program 2>/dev/null", 127, ""),
        ("cd stats", 0, ""),
    ];
    let tell = |line: &str, number: usize, names: [&str; 2]| {
        for name in names.into_iter().filter(|name| !name.is_empty()) {
            let call = serde_json::json!({ "command": line });
            let more =
                format!(r#","tool_name":"Bash","tool_use_id":"t{number}","tool_input":{call},"error":"Exit code 1""#);
            hook(&project, "claude-code", &claude(&project, "s", name, &more)).success();
        }
    };
    for (number, (line, status, out)) in lines.iter().enumerate() {
        tell(line, number, ["PreToolUse", ""]);
        let said = in_shell(&project, "bash", &file, line).code(*status);
        assert_eq!(said.stdout, *out);
        tell(line, number, [if *status == 0 { "PostToolUse" } else { "PostToolUseFailure" }, ""]);
    }
    tell("terraform apply", 90, ["PreToolUse", ""]);
    hook(&project, "claude-code", &claude(&project, "s", "SessionEnd", "")).success();
    let journal = journal(&project);
    let told: Vec<_> =
        journal.commands.iter().map(|it| (it.line.to_text().into_owned(), it.status, it.known)).collect();
    lines.push(("terraform apply", 0, ""));
    let wanted = lines.iter().map(|(line, status, _)| match *line {
        "terraform apply" => ((*line).to_owned(), None, Known::Claimed),
        _ => ((*line).to_owned(), Some(Status::Code(*status as u8)), Known::Traced),
    });
    assert_eq!(told, wanted.collect::<Vec<_>>());
    assert!(journal.commands[..5].iter().all(|it| it.status_known == StatusKnown::Exact && it.outcome == Outcome::Ran));
    let runs = |name: &str| {
        journal.programs.iter().filter(|it| it.name().as_str() == Some(name)).map(|it| it.runs).sum::<u64>()
    };
    assert_eq!((runs("jq"), runs("rg"), runs("terraform")), (2, 1, 0), "each once: {:?}", journal.programs);
    assert!(journal.programs.iter().all(|it| it.known == Known::Traced), "{:?}", journal.programs);
    assert!(
        journal.session.recorder.blind.iter().any(|it| it.contains("hooks told")),
        "{:?}",
        journal.session.recorder
    );
    // The session is over: the shells of the agent go on as if nothing had been.
    assert_eq!(in_shell(&project, "bash", &file, "jq -n 3").success().stdout, "3\n");
    fs::remove_dir_all(project.root().join(".git/agent-capture")).expect("removed");
    assert_eq!(in_shell(&project, "bash", &file, "jq -n 3").success().stdout, "3\n");
}

#[test]
#[cfg(target_os = "linux")]
fn zsh_records_itself_too() {
    let project = installed("claude-code");
    let file = project.home().join("env.sh");
    let mut command = project.command(BINARY);
    command.args(["hook", "claude-code", "--strict"]).env("CLAUDE_ENV_FILE", &file);
    give(command, &claude(&project, "s", "SessionStart", "")).success();
    if project.command("zsh").args(["-c", "true"]).output().is_err() {
        return skipped("there is no zsh");
    }
    hook(&project, "claude-code", &claude(&project, "s", "PreToolUse", &call("t1", "jq -n 1"))).success();
    assert_eq!(in_shell(&project, "zsh", &file, "jq -n 1").success().stdout, "1\n");
    hook(&project, "claude-code", &claude(&project, "s", "PostToolUse", &call("t1", "jq -n 1"))).success();
    hook(&project, "claude-code", &claude(&project, "s", "SessionEnd", "")).success();
    let journal = journal(&project);
    let told: Vec<_> = journal.commands.iter().map(|it| (it.line.to_text(), it.known)).collect();
    assert_eq!(told, [("jq -n 1".into(), Known::Traced)]);
}

#[test]
#[cfg(target_os = "linux")]
fn opencode_has_its_commands_seen() {
    let project = installed("opencode");
    let root = project.root().canonicalize().expect("a path");
    let event = |name: &str| {
        format!(
            r#"{{"hook_event_name":"{name}","cwd":"{}","session_id":"ses_1","tool_name":"bash","tool_use_id":"c1","tool_input":{{"command":"jq -n 1"}},"tool_response":{{"exit":0}}}}"#,
            root.display()
        )
    };
    assert_eq!(hook(&project, "opencode", &event("ShellEnv")).success().stdout, "", "no session is open");
    hook(&project, "opencode", &event("SessionStart")).success();
    hook(&project, "opencode", &event("PreToolUse")).success();
    let answer: Value =
        serde_json::from_str(&hook(&project, "opencode", &event("ShellEnv")).success().stdout).expect("JSON");
    let mut shell = project.command("bash");
    for (name, value) in answer["env"].as_object().expect("variables") {
        shell.env(name, value.as_str().expect("text"));
    }
    assert_eq!(Said::from(shell.args(["-c", "jq -n 1"]).output().expect("it runs")).success().stdout, "1\n");
    assert_eq!(hook(&project, "opencode", &event("PostToolUse")).success().stdout, "");
    hook(&project, "opencode", &event("SessionEnd")).success();
    let journal = journal(&project);
    assert_eq!(journal.commands.len(), 1, "{:?}", journal.commands);
    assert_eq!((journal.commands[0].known, journal.programs.len()), (Known::Traced, 2), "{:?}", journal.programs);
}

#[test]
fn the_agent_around_is_named() {
    let project = Project::demo();
    let mut command = project.command(BINARY);
    command.env("AI_AGENT", "claude-code_2.1.0_cli").env("CLAUDECODE", "1");
    command.args(["run", "--no-verify", "--yes", "--name", "one", "--", "jq", "-n", "1"]);
    Said::from(command.output().expect("it runs")).success();
    let journal = Journal::parse(project.read(".agent-capture/one/journal.json").as_bytes()).expect("a journal");
    let Journal { session, commands, .. } = journal;
    assert_eq!((session.agent.as_deref(), session.agent_version.as_deref()), (Some("claude-code"), Some("2.1.0")));
    assert_eq!(commands.len(), 1);
    let trailer = project.git(&["log", "-1", "--format=%(trailers:key=Assisted-by,valueonly)"]);
    assert_eq!(trailer.trim(), "claude-code");
}

mod settings {
    use super::*;

    #[test]
    fn what_is_there_stays_and_comes_back() {
        for agent in hooked() {
            let project = Project::demo();
            let name = agent.name();
            let before = files(&project);
            let said = project.run(&["hooks", "install", name, "--dry-run"]).success();
            assert!(said.stdout.contains("+++ ") && said.stdout.contains(&format!("hook {name}")), "{}", said.stdout);
            assert_eq!(files(&project), before, "{name}: a dry run writes nothing");
            project.run(&["hooks", "install", name]).success();
            let after = files(&project);
            assert_ne!(after, before);
            let again = project.run(&["hooks", "install", name]).success().says("installed already");
            assert_eq!((again.stdout.as_str(), files(&project)), ("", after), "{name}: it is idempotent");
            project.run(&["hooks", "remove", name]).success();
            assert_eq!(files(&project), before, "{name}: all is as it was");
            project.run(&["hooks", "install", name, "--shared"]).success();
            assert!(!project.git(&["status", "--porcelain"]).is_empty(), "{name}: in the project");
            let written = project.git(&["ls-files", "-o"]);
            for file in written.lines() {
                let text = project.read(file);
                assert!(!text.contains(BINARY) && !text.contains(project.home().to_str().expect("text")), "{text}");
            }
            project.run(&["hooks", "remove", "--shared"]).success();
            assert_eq!(project.git(&["status", "--porcelain"]), "", "{name}");
        }
    }

    /// Returns all files in the home folder.
    fn files(project: &Project) -> Vec<(PathBuf, String)> {
        fn collect(folder: &Path, into: &mut Vec<(PathBuf, String)>) {
            for entry in fs::read_dir(folder).expect("a folder").flatten() {
                match entry.path() {
                    path if path.is_dir() => collect(&path, into),
                    path => into.push((path.clone(), fs::read_to_string(path).expect("text"))),
                }
            }
        }
        let mut all = Vec::new();
        collect(&project.home(), &mut all);
        all.sort();
        all
    }

    #[test]
    fn comments_order_and_form_stay() {
        for before in [
            "{\n  // mine\n  \"model\": \"opus\",\n  \"hooks\": {\n    \"PreToolUse\": [\n      { \"matcher\": \"Edit\", \"hooks\": [{ \"type\": \"command\", \"command\": \"mine\" }] }\n    ]\n  },\n  \"env\": { \"B\": \"1\", \"A\": \"2\" }\n}\n",
            "{\n\t\"z\": 1,\n\t\"a\": [\n\t\t1,\n\t\t2\n\t]\n}\n",
            "{\n    \"permissions\": {\n        \"allow\": [\"Bash(ls:*)\"]\n    }\n}",
            "{\"a\":1,\"b\":{\"c\":[]}}\n",
            "{\r\n  \"a\": 1\r\n}\r\n",
            "{\n  \"a\": 1, // one\n  /* two */\n  \"b\": 2\n}\n",
        ] {
            let project = Project::demo();
            let path = project.home().join(".claude/settings.json");
            fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
            fs::write(&path, before).expect("settings");
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("a mode");
            project.run(&["hooks", "install", "claude-code"]).success();
            let after = fs::read_to_string(&path).expect("settings");
            for line in before.lines().filter(|line| line.contains("mine") || line.contains("//")) {
                assert!(after.contains(line.trim_end_matches([',', '\r'])), "{line} is not in\n{after}");
            }
            assert!(after.contains("PostToolUseFailure"), "{after}");
            assert_eq!(fs::metadata(&path).expect("settings").permissions().mode() & 0o777, 0o600);
            project.run(&["hooks", "install", "claude-code"]).success().says("installed already");
            project.run(&["hooks", "remove"]).success();
            assert_eq!(fs::read_to_string(&path).expect("settings"), before);
        }
    }

    #[test]
    fn what_cannot_be_changed_safely_is_refused() {
        let project = Project::demo();
        let path = project.home().join(".claude/settings.json");
        fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
        for (broken, says) in [
            ("{\"a\": 1,, }", "it is not JSON: line 1"),
            ("[1]", "no object"),
            ("{\"hooks\": 7}", "`hooks` in it is not what the agent reads"),
            ("{\"hooks\": {\"PreToolUse\": {}}}", "`PreToolUse` in it is not what"),
        ] {
            fs::write(&path, broken).expect("settings");
            project.run(&["hooks", "install", "claude-code"]).code(3).says(says);
            assert_eq!(fs::read_to_string(&path).expect("settings"), broken);
        }
        fs::write(&path, b"\xff").expect("settings");
        project.run(&["hooks", "install", "claude-code"]).code(3).says("no UTF-8");
        fs::remove_file(&path).expect("removed");
        let elsewhere = project.home().join("managed.json");
        fs::write(&elsewhere, "{}").expect("settings");
        std::os::unix::fs::symlink(&elsewhere, &path).expect("a symlink");
        project.run(&["hooks", "install", "claude-code"]).code(3).says("is a symlink to");
        assert_eq!(fs::read_to_string(&elsewhere).expect("settings"), "{}");
        project.run(&["hooks", "install", "aider"]).code(3).says("import --latest");
        project.run(&["hooks", "install", "nobody"]).code(3).says("there is:");
    }

    #[test]
    fn without_a_name_it_is_the_agents_that_are_found() {
        let project = Project::demo();
        project.run(&["hooks", "install"]).code(3).says("no agent with hooks is found");
        fs::create_dir_all(project.home().join(".gemini")).expect("a folder");
        let said = project.run(&["hooks"]).success();
        assert!(said.stdout.contains("gemini       found, not installed\n"), "{}", said.stdout);
        assert!(said.stdout.contains("aider, ") || said.stdout.contains(", aider"), "{}", said.stdout);
        let said = project.run(&["hooks", "install", "--commit"]).success();
        said.says("proved by Nix and committed");
        assert_eq!(project.git(&["config", "agent-capture.commit"]), "true\n");
        let said = project.run(&["hooks"]).success();
        assert!(said.stdout.contains("gemini       installed in ~/.gemini/settings.json\n"), "{}", said.stdout);
        assert!(said.stdout.ends_with("what its sessions bring is committed\n"), "{}", said.stdout);
        project.run(&["hooks", "remove"]).success().says("recorded no more");
        assert!(!project.read(".git/config").contains("hooks = true"));
    }
}

#[test]
#[ignore = "needs real Nix"]
fn events_become_a_commit_that_nix_proved() {
    for agent in hooked().map(Agent::name) {
        let project = Project::demo().with_nix("new");
        // The pin is what the repository has.
        project.session(&["--yes", "--name", "first"], "rg -n def stats").success();
        project.run(&["hooks", "install", agent, "--commit"]).success();
        if let Some(rollout) = text(&project, agent, "rollout.jsonl") {
            let folder = project.home().join(".codex/sessions/2026/11/20");
            fs::create_dir_all(&folder).expect("folders");
            fs::write(folder.join("rollout-2026-11-20T10-00-00-0199a213.jsonl"), rollout).expect("a file");
        }
        assert!(drive(&project, agent) >= 10);
        for _ in 0..600 {
            if project.git(&["rev-list", "--count", "HEAD"]).trim() == "3" {
                break;
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        let log = fs::read_to_string(project.root().join(".git/agent-capture/hooks.log")).unwrap_or_default();
        assert_eq!(project.git(&["rev-list", "--count", "HEAD"]).trim(), "3", "{agent}: {log}");
        assert!(log.contains("verified: "), "{agent}: {log}");
        let trailer = project.git(&["log", "-1", "--format=%(trailers:key=Assisted-by,valueonly)"]);
        assert!(trailer.starts_with(agent), "{agent}: {trailer}");
        let flake = project.read("flake.nix");
        assert!(flake.contains("pkgs.jq") && flake.contains("python3 -m pytest -q"), "{agent}: {flake}");
        project.run(&["verify"]).success().says("verified: ");
        assert!(!pin().is_empty());
    }
}

#[test]
fn the_plugin_of_opencode_calls_the_hook() {
    let project = installed("opencode");
    let plugin = project.home().join(".config/opencode/plugins/agent-capture.ts");
    let module = project.home().join("plugin.mjs");
    fs::copy(&plugin, &module).expect("a plugin");
    let root = project.root().canonicalize().expect("a path");
    let driver = format!(
        r#"import {{ AgentCapture }} from "{}"
const hooks = await AgentCapture({{ directory: "{}" }})
await hooks.event({{ event: {{ type: "session.created", properties: {{ info: {{ id: "ses_1" }} }} }} }})
const input = {{ tool: "bash", sessionID: "ses_1", callID: "call_1" }}
await hooks["tool.execute.before"](input, {{ args: {{ command: "jq -n 1" }} }})
const env = {{ env: {{}} }}
await hooks["shell.env"]({{ cwd: "{0}" }}, env)
await hooks["tool.execute.after"]({{ ...input, args: {{ command: "jq -n 1" }} }}, {{ title: "", output: "1", metadata: {{ exit: 0 }} }})
await hooks["tool.execute.before"]({{ tool: "read", sessionID: "ses_1", callID: "call_2" }}, {{ args: {{}} }})
"#,
        module.display(),
        root.display()
    );
    let path = project.home().join("driver.mjs");
    fs::write(&path, driver).expect("a driver");
    let Ok(said) = project.command("node").arg(&path).output() else {
        return skipped("there is no node to run the plugin");
    };
    Said::from(said).success();
    let journal = journal(&project);
    assert_eq!(journal.commands.len(), 1);
    assert_eq!(
        (journal.commands[0].status, journal.commands[0].status_known),
        (Some(Status::Code(0)), StatusKnown::Exact)
    );
}
