//! Where a capture goes, and how it comes back: dry runs, other branches, hooks, trailers, rollback. No Nix needed.

mod support;

use std::fs;

use agent_capture::journal::Journal;
use support::Project;

const SCRIPT: &str = "jq . data/cities.json >/dev/null\nmake check";

fn capture(project: &Project, name: &str, script: &str) {
    project.session(&["--no-verify", "--yes", "--name", name], script).success().says("committed ");
}

/// All that a user has in the work tree and the index, and where HEAD is.
fn seen(project: &Project) -> [String; 4] {
    [
        project.git(&["status", "--porcelain", "--untracked-files=all"]),
        project.git(&["diff", "HEAD"]),
        project.git(&["diff", "--cached"]),
        project.git(&["rev-parse", "HEAD"]),
    ]
}

#[test]
fn stop_shows_the_diff_before_anything_is_written() {
    let project = Project::demo();
    project.write("README.md", "changed\n");
    project.session(&["--dry-run", "--name", "one"], SCRIPT).success();
    let before = seen(&project);
    let shown = project.run(&["stop", "--dry-run"]).success().says("nothing is written");
    assert_eq!(seen(&project), before);
    assert!(shown.stdout.contains("+++ b/flake.nix\n") && shown.stdout.contains("+        pkgs.jq # 2 runs\n"));
    assert!(shown.stdout.contains("+++ b/.agent-capture/requirements.json\n"));
    project.run(&["stop", "--no-verify", "--yes"]).success().says("committed ");
    // It is what was committed, byte for byte, but for the time at which the session ended.
    let without_end = |text: &str| {
        let lines = text.lines().filter(|line| !line.contains("\"end\": ") && !line.starts_with("index "));
        lines.map(|line| format!("{line}\n")).collect::<String>()
    };
    let committed = project.git(&["diff", "HEAD~1", "HEAD"]);
    assert_eq!(without_end(&shown.stdout), without_end(&committed));
    assert_eq!(project.git(&["status", "--porcelain"]), " M README.md\n");
}

#[test]
fn a_capture_goes_to_another_branch_and_touches_no_checkout() {
    let project = Project::demo();
    project.write("README.md", "staged\n");
    project.git(&["add", "README.md"]);
    project.write("README.md", "changed\n");
    let before = seen(&project);
    let said = project.session(&["--no-verify", "--yes", "--name", "one", "--branch", "captures"], SCRIPT).success();
    said.says("on captures");
    assert_eq!(seen(&project), before);
    assert!(!project.exists("flake.nix") && !project.exists(".agent-capture"));
    assert_eq!(project.git(&["rev-parse", "captures~1"]), before[3]);
    // The next one goes on top, with what is there already.
    project.session(&["--no-verify", "--yes", "--name", "two", "--branch", "captures"], "rg -q people data").success();
    assert_eq!(seen(&project), before);
    let flake = project.git(&["show", "captures:flake.nix"]);
    assert!(flake.contains("pkgs.jq") && flake.contains("pkgs.ripgrep"), "{flake}");
    project.run(&["verify", "--level", "static", "--commit", "captures"]).success();
    assert_eq!(project.git(&["rev-list", "--count", "HEAD..captures"]).trim(), "2");
    // Not to one that is checked out, nor with work of the checkout.
    project.run(&["run", "--branch", "main", "--", "true"]).code(3).says("is checked out");
    project.run(&["run", "--branch", "a..b", "--", "true"]).code(3).says("cannot name a branch");
    project.run(&["run", "--branch", "x", "--include-work", "--", "true"]).code(2);
    project.run(&["run", "--branch", "x", "--no-commit", "--", "true"]).code(2);
    // The work tree's files, when they are those of a session that was not committed.
    project.session(&["--no-verify", "--no-commit", "--name", "three"], SCRIPT).success();
    project.run(&["commit", "--no-verify", "--yes", "--branch", "captures"]).code(3).says("has session `one`");
    project.run(&["commit", "--no-verify", "--yes", "--branch", "other"]).success().says("on other");
    for path in ["flake.nix", "flake.lock", ".agent-capture/requirements.json", ".agent-capture/three/journal.json"] {
        assert_eq!(project.git(&["show", &format!("other:{path}")]), project.read(path));
    }
    assert_eq!(project.git(&["rev-parse", "HEAD"]), before[3]);
}

#[test]
fn a_capture_of_another_branch_that_fails_keeps_the_session() {
    let project = Project::demo();
    // Without Nix there is no proof.
    project.session(&["--yes", "--name", "one", "--branch", "captures"], SCRIPT).code(3).says("there is no `nix`");
    assert_eq!(project.git(&["status", "--porcelain"]), "");
    assert!(project.run(&["status"]).success().stdout.starts_with("session   one\n"));
    project.run(&["stop", "--no-verify", "--yes", "--branch", "captures"]).success().says("on captures");
    project.run(&["status"]).success();
    assert!(project.git(&["show", "captures:flake.nix"]).contains("pkgs.jq"));
}

#[test]
fn hooks_are_run_when_asked_for_and_their_no_is_heard() {
    let project = Project::demo();
    if project.command("git").args(["hook", "run", "--ignore-missing", "x"]).status().is_ok_and(|it| !it.success()) {
        return support::skipped("this git has no `git hook run`");
    }
    project.write(".git/hooks/pre-commit", "#!/bin/sh\ngit diff --cached --name-only >> ../ran\n");
    project.write(".git/hooks/commit-msg", "#!/bin/sh\nexit 1\n");
    let ran = || fs::read_to_string(project.root().join("../ran")).unwrap_or_default();
    project.session(&["--no-verify", "--yes", "--name", "one"], SCRIPT).success().says("`--run-hooks` runs them");
    assert_eq!(ran(), "");
    let head = project.git(&["rev-parse", "HEAD"]);
    let said = project.session(&["--no-verify", "--yes", "--run-hooks", "--name", "two"], "rg -q people data");
    said.code(1).says("the hook `commit-msg` refused it").says("nothing is committed");
    assert_eq!(project.git(&["rev-parse", "HEAD"]), head);
    assert!(ran().contains("flake.nix\n"), "{}", ran());
    // What they refused is kept, and goes on.
    project.write(".git/hooks/commit-msg", "#!/bin/sh\necho 'Reviewed-by: Hook <hook@example.org>' >> \"$1\"\n");
    project.run(&["commit", "--no-verify", "--yes", "--run-hooks"]).success().says("committed ");
    let trailers = project.git(&["log", "-1", "--format=%(trailers:only)"]);
    assert!(
        trailers.starts_with("Agent-Capture-Session: two\n") && trailers.contains("Reviewed-by: Hook"),
        "{trailers}"
    );
    assert_eq!(project.git(&["status", "--porcelain"]), "");
}

#[test]
fn others_who_commit_meanwhile_are_no_hindrance() {
    let project = Project::demo();
    if project.command("git").args(["hook", "run", "--ignore-missing", "x"]).status().is_ok_and(|it| !it.success()) {
        return support::skipped("this git has no `git hook run`");
    }
    // A hook is a place in time: HEAD moves after the commit was prepared.
    let move_head = "new=$(git commit-tree -p HEAD -m theirs 'HEAD^{tree}') && git update-ref HEAD $new";
    project.write(
        ".git/hooks/commit-msg",
        &format!("#!/bin/sh\ntest -e ../moved || {{ {move_head}; touch ../moved; }}\n"),
    );
    let said = project.session(&["--no-verify", "--yes", "--run-hooks", "--name", "one"], SCRIPT).success();
    said.says("others committed meanwhile").says("committed ");
    assert_eq!(project.git(&["log", "-3", "--format=%s"]), "agent-capture: jq\ntheirs\nA small project\n");
    assert_eq!(project.git(&["status", "--porcelain"]), "");
    // They do not stop: it gives up, and nothing is lost.
    project.write(".git/hooks/commit-msg", &format!("#!/bin/sh\n{move_head}\n"));
    let said = project.session(&["--no-verify", "--yes", "--run-hooks", "--name", "two"], "rg -q people data");
    said.code(3).says("HEAD moved since the commit was prepared");
    fs::remove_file(project.root().join(".git/hooks/commit-msg")).expect("removed");
    project.run(&["commit", "--no-verify", "--yes"]).success();
    project.run(&["verify", "--level", "static", "--commit", "HEAD"]).success();
}

#[test]
fn trailers_are_git_s_and_the_kernel_s() {
    let project = Project::demo();
    let transcript =
        fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/claude-code-stream/transcript.jsonl"));
    project.write("transcript.jsonl", &transcript.expect("a transcript"));
    project.run(&["import", "--no-verify", "--yes", "--name", "told", "transcript.jsonl"]).success();
    let journal = Journal::parse(project.read(".agent-capture/told/journal.json").as_bytes()).expect("a journal");
    let (agent, model) = (journal.session.agent.expect("an agent"), journal.session.model.expect("a model"));
    let trailers = project.git(&["log", "-1", "--format=%(trailers:only,unfold)"]);
    let lines: Vec<&str> = trailers.lines().filter(|line| !line.is_empty()).collect();
    let hash = project.command("sha256sum").arg(".agent-capture/told/journal.json").output().expect("sha256sum");
    let hash = String::from_utf8_lossy(&hash.stdout).split(' ').next().unwrap_or_default().to_owned();
    let expected = [
        "Agent-Capture-Session: told".to_owned(),
        format!("Agent-Capture-Journal: sha256:{hash}"),
        format!("Assisted-by: {agent}:{model}"),
    ];
    assert_eq!(lines, expected);
    assert!(project.git(&["log", "-1", "--format=%s"]).len() <= 73, "a subject line");
    // An agent that is not known is not named.
    capture(&project, "two", "jq -n 1 >/dev/null");
    assert!(!project.git(&["log", "-1", "--format=%B"]).contains("Assisted-by"));
    // A hostile one writes no trailer.
    let hostile = project.read("transcript.jsonl").replace(&model, "x\\nSigned-off-by: evil <e@v.il>");
    project.write("transcript.jsonl", &hostile);
    project.run(&["import", "--no-verify", "--yes", "--name", "hostile", "transcript.jsonl"]).success();
    let message = project.git(&["log", "-1", "--format=%B"]);
    assert!(message.ends_with(&format!("\nAssisted-by: {agent}\n\n")) && !message.contains("evil"), "{message}");
}

#[test]
fn rollback_reverts_the_last_capture_also_under_later_commits() {
    let project = Project::demo();
    let tree =
        |revision: &str| project.git(&["ls-tree", "-r", revision, "--", "flake.nix", "flake.lock", ".agent-capture"]);
    capture(&project, "one", SCRIPT);
    let first = (project.git(&["rev-parse", "HEAD"]), tree("HEAD"));
    capture(&project, "two", "rg -q people data");
    let second = project.git(&["rev-parse", "HEAD"]);
    project.write("README.md", "Later.\n");
    project.git(&["commit", "-qam", "Later"]);
    project.write("README.md", "Work in progress.\n");
    project.write("data/new", "untracked\n");
    project.run(&["rollback", "--yes"]).success().says("committed ");
    assert_eq!(tree("HEAD"), first.1, "as before the last capture");
    assert_eq!(project.git(&["status", "--porcelain"]), " M README.md\n?? data/new\n");
    assert_eq!(project.git(&["show", "HEAD:README.md"]), "Later.\n");
    assert!(project.git(&["log", "-1", "--format=%B"]).contains(&format!("This reverts commit {}.", second.trim())));
    project.run(&["verify", "--level", "static", "--commit", "HEAD"]).success();
    // Once more: the one before it.
    project.run(&["rollback", "--yes"]).success().says(&first.0[..12]);
    assert_eq!(tree("HEAD"), "");
    project.run(&["rollback", "--yes"]).code(3).says("no commit of this branch is a capture");
    // What a later commit, or the user, changed is not undone in silence.
    capture(&project, "three", SCRIPT);
    project.write("flake.nix", &format!("{}# by hand\n", project.read("flake.nix")));
    project.run(&["rollback", "--yes"]).code(3).says("is changed in the work tree").says("git restore");
    project.git(&["commit", "-qam", "By hand"]);
    project.run(&["rollback", "--yes"]).code(3).says("was changed by a later commit");
}
