//! What this repository gives to CI: the action, the templates, the hook of pre-commit.

#[path = "support/workflows.rs"]
mod workflows;

mod support;

use std::fs;
use std::path::Path;

use saphyr::YamlOwned;
use support::{PATH, Project, Said};
use workflows::{all, at, is_safe, read, script};

#[test]
fn workflows_and_actions_are_safe() {
    for path in [".github/workflows/ci.yml", ".github/actions/verify/action.yml", "templates/ci/github.yml"] {
        is_safe(path);
    }
    let known = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".github/workflows")).expect("workflows");
    assert_eq!(known.count(), 1, "each workflow is in the list above");
}

#[test]
fn nothing_is_evaluated_in_a_job_that_may_anything() {
    let workflow = read("templates/ci/github.yml");
    let job = |name: &str| at(&workflow, &["jobs", name]).expect(name);
    let level =
        |name: &str| all(job(name), "level").iter().map(|it| it.as_str().expect("text").to_owned()).collect::<Vec<_>>();
    assert_eq!((level("files"), level("build")), (vec!["static".to_owned()], vec!["build".to_owned()]));
    let may = |yaml: &YamlOwned| at(yaml, &["permissions"]).and_then(YamlOwned::as_mapping).expect("permissions").len();
    assert_eq!((may(&workflow), may(job("files")), may(job("build"))), (0, 1, 0));
    assert_eq!(at(job("build"), &["needs"]).and_then(YamlOwned::as_str), Some("files"));
    let uses = all(job("build"), "uses");
    assert!(
        !uses.iter().any(|it| it.as_str().expect("text").starts_with("actions/checkout@")),
        "it is handed the commit"
    );
    // The two jobs are all.
    assert_eq!(at(&workflow, &["jobs"]).and_then(YamlOwned::as_mapping).expect("jobs").len(), 2);
}

#[test]
fn the_commit_is_handed_over_whole() {
    let project = Project::demo();
    project
        .session(&["--no-verify", "--yes", "--name", "one"], "jq . data/cities.json >/dev/null\nmake check")
        .success();
    project.git(&["checkout", "-q", "--detach"]);
    let workflow = read("templates/ci/github.yml");
    let scripts: Vec<&str> = all(&workflow, "run").iter().map(|it| it.as_str().expect("text")).collect();
    let [hand, take] = scripts[..] else { panic!("{scripts:?}") };
    let temporary = project.root().with_file_name("temporary");
    let taken = project.root().with_file_name("taken");
    fs::create_dir(&temporary).expect("a folder");
    fs::create_dir(&taken).expect("a folder");
    for (script, folder) in [(hand, project.root()), (take, taken.clone())] {
        let mut command = project.command("bash");
        command.current_dir(folder).env("RUNNER_TEMP", &temporary).args(["-euc", script]);
        Said::from(command.output().expect("bash")).success();
    }
    let mut command = project.command(env!("CARGO_BIN_EXE_agent-capture"));
    command.current_dir(&taken).args(["verify", "--level", "static", "--commit"]);
    let said = Said::from(command.arg(project.git(&["rev-parse", "HEAD"]).trim()).output().expect("runs"));
    said.success();
}

#[test]
fn the_action_hands_on_words_and_no_shell() {
    let action = read(".github/actions/verify/action.yml");
    let project = Project::demo();
    project
        .session(&["--no-verify", "--yes", "--name", "one"], "jq . data/cities.json >/dev/null\nmake check")
        .success();
    project.write(
        "../bin/agent-capture",
        &format!("#!/bin/sh\necho \"$@\" >> ../calls\nexec {} \"$@\"\n", env!("CARGO_BIN_EXE_agent-capture")),
    );
    let verify = |level: &str, commit: &str, base: &str| {
        let mut command = project.command("bash");
        command.args(["-c", &script(&action, "Verify")]);
        command.env("LEVEL", level).env("COMMIT", commit).env("BASE", base).env("RUNNER_TEMP", project.home());
        command.env("PATH", format!("{}:{PATH}", project.root().join("../bin").display()));
        Said::from(command.output().expect("bash"))
    };
    let said = verify("static", "HEAD", "").success();
    assert!(!said.stdout.contains("::error"), "{said:?}");
    verify("static", "HEAD", "HEAD~1").success();
    assert_eq!(
        project.read("../calls"),
        "verify --level=static --commit=HEAD --format github\nverify --level=static --commit=HEAD --base=HEAD~1 --format github\n"
    );
    for hostile in ["$(touch ../ran)", "`touch ../ran`", "x; touch ../ran", "--help", "\ntouch ../ran"] {
        assert_ne!(verify("static", hostile, "").status, 0, "{hostile}");
        assert_ne!(verify("static", "HEAD", hostile).status, 0, "{hostile}");
        verify(hostile, "HEAD", "").code(2);
    }
    verify("replay", "HEAD", "").code(2);
    assert!(!project.exists("../ran"));
    // What it needs is said when it is not there.
    let mut command = project.command("/bin/bash");
    command.args(["-c", &script(&action, "Build agent-capture")]).env("ACTION", ".").env("PATH", project.home());
    let said = Said::from(command.output().expect("bash"));
    said.code(3).says("this action needs agent-capture, cargo or nix on PATH");
}

#[test]
fn the_template_of_gitlab_gives_nothing_of_the_job_away() {
    let template = read("templates/ci/gitlab.yml");
    let steps = at(&template, &["agent-capture", "script"]).and_then(YamlOwned::as_sequence).expect("a script");
    assert_eq!(steps.len(), 1);
    let script = steps[0].as_str().expect("text");
    let project = Project::demo();
    project
        .session(&["--no-verify", "--yes", "--name", "one"], "jq . data/cities.json >/dev/null\nmake check")
        .success();
    // Nix builds the pinned program: here it is a folder with one that tells its environment.
    let program = project.root().join("../program");
    let tells = format!(
        "#!/bin/sh\nenv > {}/../environment\nexec {} \"$@\" --level static\n",
        project.root().display(),
        env!("CARGO_BIN_EXE_agent-capture")
    );
    project.write("../program/bin/agent-capture", &tells);
    project.write("../bin/nix", &format!("#!/bin/sh\necho \"$@\" >> ../calls\necho {}\n", program.display()));
    let run = |commit: &str, base: &str| {
        let mut command = project.command("sh");
        command.args(["-c", script]).env("PATH", format!("{}:{PATH}", project.root().join("../bin").display()));
        command.env("AGENT_CAPTURE_REPOSITORY", "o/agent-capture").env("AGENT_CAPTURE_COMMIT", "0".repeat(40));
        command.env("CI_COMMIT_SHA", commit).env("CI_MERGE_REQUEST_DIFF_BASE_SHA", base).env("CI_JOB_TOKEN", "hunter2");
        command.env("CI_PIPELINE_SOURCE", "merge_request_event").env("CI_REPOSITORY_URL", "https://x:hunter2@host/");
        Said::from(command.output().expect("sh"))
    };
    let head = project.git(&["rev-parse", "HEAD"]);
    run(head.trim(), "").success();
    let report: serde_json::Value = serde_json::from_str(&project.read("gl-code-quality-report.json")).expect("JSON");
    assert_eq!(report, serde_json::json!([]));
    assert!(!project.read("../environment").contains("hunter2"), "{}", project.read("../environment"));
    assert!(
        project.read("../environment").contains("CI_PIPELINE_SOURCE=merge_request_event\n"),
        "it is from elsewhere"
    );
    assert!(project.read("../calls").contains(&format!("github:o/agent-capture/{}\n", "0".repeat(40))));
    run(head.trim(), project.git(&["rev-parse", "HEAD~1"]).trim()).success();
    for hostile in ["$(touch ../ran)", "x; touch ../ran", "`touch ../ran`"] {
        assert_ne!(run(hostile, "").status, 0);
        assert_ne!(run("HEAD", hostile).status, 0);
    }
    assert!(!project.exists("../ran"));
}

#[test]
fn the_hook_of_pre_commit() {
    let hooks = read(".pre-commit-hooks.yaml");
    let hooks = hooks.as_sequence().expect("a list");
    assert_eq!(hooks.len(), 1);
    let text = |name: &str| at(&hooks[0], &[name]).and_then(YamlOwned::as_str).expect(name);
    assert_eq!((text("id"), text("language")), ("agent-capture-verify", "rust"));
    let files = regex::Regex::new(text("files")).expect("a pattern");
    for ours in ["flake.nix", "flake.lock", ".agent-capture/one/journal.json", ".agent-capture/policy.toml"] {
        assert!(files.is_match(ours), "{ours}");
    }
    assert!(!files.is_match("src/flake.nix") && !files.is_match("README.md"));
    let entry: Vec<&str> = text("entry").split(' ').collect();
    assert_eq!(entry[0], "agent-capture");
    let project = Project::demo();
    project
        .session(&["--no-verify", "--yes", "--name", "one"], "jq . data/cities.json >/dev/null\nmake check")
        .success();
    project.run(&entry[1..]).success();
    project.write("flake.nix", &project.read("flake.nix").replace("pkgs.jq", "pkgs.evil"));
    project.run(&entry[1..]).code(1).says("[flake-differs]");
}
