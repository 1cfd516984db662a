//! `import` as a user meets it: transcripts become sessions, and what they only claim is marked so. No Nix needed.

mod support;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use agent_capture::journal::{Journal, Known, Outcome};
use support::{Project, Said};

fn fixture(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name);
    let files = fs::read_dir(folder).expect("a fixture").flatten().map(|entry| entry.path());
    files.into_iter().find(|path| path.file_stem().is_some_and(|stem| stem == "transcript")).expect("a transcript")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path")
}

#[test]
fn a_transcript_becomes_a_session() {
    let project = Project::demo();
    let path = fixture("claude-code-outcomes");
    let said = project.run(&["import", "--no-verify", "--no-commit", "--name", "one", text(&path)]);
    let said =
        said.success().says("commands   15: 11 ran, 4 of them failed, 1 refused, 2 cancelled, 1 without a result");
    assert!(said.stderr.contains("claimed"), "{}", said.stderr);
    let written = project.read(".agent-capture/one/journal.json");
    let journal = Journal::parse(written.as_bytes()).expect("a journal");
    assert_eq!(
        (journal.session.recorder.name.as_str(), journal.session.agent.as_deref()),
        ("transcript", Some("claude-code"))
    );
    assert!(journal.programs.iter().all(|program| program.known == Known::Claimed));
    assert!(!written.contains("ghp_") && !written.contains("/home/u"), "{written}");
    let flake = project.read("flake.nix");
    assert!(flake.contains("pkgs.jq # 1 run\n") && !flake.contains("terraform") && !flake.contains("numpy"), "{flake}");
    project.run(&["import", "--no-verify", "--no-commit", "--name", "one", text(&path)]).code(3).says("--name NAME");
    project.run(&["import", "--no-verify", "--yes", text(&path)]).success().says("committed");
    assert!(project.exists(".agent-capture/20261120-100001/journal.json"));
}

#[test]
fn a_dry_run_writes_nothing() {
    let project = Project::bare_folder();
    let path = fixture("codex-calls");
    let said = project.run(&["import", "--dry-run", text(&path)]).success();
    assert!(said.stdout.contains("agent      codex, 0.142.4, gpt-5.4\n"), "{}", said.stdout);
    let said = project.run(&["import", "--dry-run", "--json", text(&path)]).success();
    let told: serde_json::Value = serde_json::from_str(&said.stdout).expect("JSON");
    assert_eq!((&told["agent"], &told["told"]["calls"]), (&"codex".into(), &7.into()));
    assert_eq!(told["told"]["outcomes"], serde_json::json!({"ran": 6, "refused": 1}));
    assert_eq!(fs::read_dir(project.root()).expect("a folder").count(), 0);
}

#[test]
fn standard_input_folders_and_what_is_no_transcript() {
    let project = Project::demo();
    let mut child = project.command(env!("CARGO_BIN_EXE_agent-capture"));
    let child =
        child.args(["import", "--dry-run", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = child.spawn().expect("the program runs");
    let bytes = fs::read(fixture("pi-session")).expect("a transcript");
    child.stdin.take().expect("a pipe").write_all(&bytes).expect("it reads");
    let said = Said::from(child.wait_with_output().expect("it ends")).success();
    assert!(said.stdout.contains("agent      pi"), "{}", said.stdout);

    // One file for each event, and the parts of a long session: equal calls are one.
    let events = fs::read_to_string(fixture("openhands-sdk")).expect("a transcript");
    for (number, event) in events.lines().enumerate() {
        project.write(&format!("events/{number:05}.json"), event);
    }
    project.write("events/99999.json", events.lines().nth(1).expect("an event"));
    let said = project.run(&["import", "--dry-run", "events"]).success();
    assert!(said.stdout.contains("commands   5: 3 ran, 1 of them failed, 1 refused, 1 blocked\n"), "{}", said.stdout);

    project.write("notes.json", "{\"a\": [1, 2]}");
    project.run(&["import", "notes.json"]).code(3).says("names the agents");
    project.run(&["import", "nowhere"]).code(3).says("failed to read");
    project.run(&["import"]).code(2);
    project.run(&["import", "--latest"]).code(3).says("no agent has a session of this project");
}

#[test]
fn the_latest_session_of_this_project() {
    let project = Project::demo();
    let folder = project.home().join(".codex/sessions/2026/11/20");
    fs::create_dir_all(&folder).expect("a folder");
    let root = project.root().canonicalize().expect("a path");
    let rollout =
        fs::read_to_string(fixture("codex-events")).expect("a transcript").replace("/home/u/app", text(&root));
    fs::write(folder.join("rollout-1.jsonl"), rollout).expect("a file");
    project
        .run(&["import", "--latest", "--no-verify", "--no-commit", "--name", "one"])
        .success()
        .says("rollout-1.jsonl");
    let journal = Journal::parse(project.read(".agent-capture/one/journal.json").as_bytes()).expect("a journal");
    assert!(journal.commands.iter().all(|command| command.cwd.as_slice().is_empty()), "relative to the project");
    assert_eq!(journal.commands[3].outcome, Outcome::Refused);
}

#[test]
fn the_policy_can_demand_what_was_traced() {
    let project = Project::demo();
    project.write(
        ".agent-capture/policy.toml",
        "traced-only = true\n\n[[keep]]\nattr = \"hello\"\nreason = \"to have a flake\"\n",
    );
    let path = fixture("claude-code-outcomes");
    project.run(&["import", "--no-verify", "--no-commit", "--name", "one", text(&path)]).success();
    let written: serde_json::Value =
        serde_json::from_str(&project.read(".agent-capture/requirements.json")).expect("JSON");
    let requirements = &written["requirements"];
    let attrs: Vec<_> = requirements["packages"].as_array().expect("a list").iter().map(|it| &it["attr"]).collect();
    assert_eq!(attrs, ["hello"]);
    assert_eq!(requirements["checks"], serde_json::json!([]));
    let reasons = requirements["ignored"].as_array().expect("a list").iter().map(|it| it["reason"].as_str());
    let claimed = reasons.filter(|reason| *reason == Some("only a hook or a transcript claims it")).count();
    assert!(claimed >= 10, "{requirements}");
}
