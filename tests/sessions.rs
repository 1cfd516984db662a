//! Several sessions in one repository: what each brought, what goes with one, and branches that each captured. No Nix needed;
//! git is the real one.

mod support;

use std::fs;

use agent_capture::requirements::Document;
use serde_json::Value;
use support::{Project, Said};

const OLD: &str = "github:NixOS/nixpkgs/8eeec934ae0dbeca3d7868c059568a65c08b2fc3?lastModified=1784011430&narHash=sha256-lDebytrYdd47IBLwvNOD+6AGeoqZ78CIKlp70hzW280=";
const NEW: &str = "github:NixOS/nixpkgs/61b7c44c4073f0b827768aff0049561b5110ea5a?lastModified=1784356753&narHash=sha256-12KrbMiWLcf8m7pCvAtZh1ZrgF85ZXDXvfR/fWTKy84=";
const NEWER: &str = "github:NixOS/nixpkgs/18b9261cb3294b6d2a06d03f96872827b8fe2698?lastModified=1784400000&narHash=sha256-djcLt/JJphyNt4eDY9XTly+/WbCK5lqWq9lSgCmJkkQ=";

/// Captures a session and commits it.
fn capture(project: &Project, name: &str, pin: &str, script: &str) {
    let options = ["--no-verify", "--yes", "--name", name, "--nixpkgs", pin];
    project.session(&options, script).success().says("committed ");
}

/// A repository in which `main` captured jq, and `other` captured rg, from one commit.
fn branched(name: &str, others: &str, pin: &str, others_pin: &str) -> Project {
    let project = Project::demo();
    project.git(&["branch", "other"]);
    capture(&project, name, pin, "jq -n 1");
    project.git(&["checkout", "-q", "other"]);
    // As in another clone.
    fs::remove_dir_all(project.root().join(".git/agent-capture")).expect("ours");
    capture(&project, others, others_pin, "rg -q people data\nrg -q people data");
    project.git(&["checkout", "-q", "main"]);
    project
}

fn git(project: &Project, arguments: &[&str]) -> Said {
    project.command("git").args(arguments).output().expect("git").into()
}

fn flake_is_its_render(project: &Project) -> Document {
    project.run(&["verify", "--level", "static"]).success();
    assert_eq!(project.git(&["status", "--porcelain"]), "", "all is committed");
    Document::parse(project.read(".agent-capture/requirements.json").as_bytes()).expect("a document")
}

fn json(said: Said) -> Value {
    serde_json::from_str(&said.success().stdout).expect("JSON")
}

fn packages(project: &Project) -> Vec<String> {
    let flake = project.read("flake.nix");
    flake
        .lines()
        .filter_map(|line| line.trim().strip_prefix("pkgs.").filter(|rest| rest.contains(" # ")).map(str::to_owned))
        .collect()
}

#[test]
fn two_branches_that_captured_become_one() {
    let project = branched("one", "two", OLD, OLD);
    git(&project, &["merge", "--no-edit", "other"]).code(1);
    assert!(project.read("flake.nix").contains("<<<<<<<"), "git could not merge it");
    project.run(&["commit", "--no-verify", "--yes"]).code(3).says("`agent-capture render`");
    let said = project.run(&["render"]).success();
    assert!(said.stderr.contains("go on with `git add -A -- .agent-capture flake.nix flake.lock`"), "{said:?}");
    project.git(&["add", "-A", "--", ".agent-capture", "flake.nix", "flake.lock"]);
    project.git(&["commit", "-q", "--no-edit"]);
    flake_is_its_render(&project);
    assert_eq!(packages(&project), ["jq # 1 run", "ripgrep # 2 runs"]);
    assert!(!project.exists(".agent-capture/flake"));
}

#[test]
fn the_result_is_the_same_from_both_sides() {
    let mut flakes = Vec::new();
    for (on, from) in [("main", "other"), ("other", "main")] {
        let project = branched("one", "two", OLD, NEW);
        project.git(&["checkout", "-q", on]);
        git(&project, &["merge", "--no-edit", from]).code(1);
        project.run(&["render"]).success().says("the sides have different pins: nixpkgs 61b7c44c");
        project.git(&["add", "-A", "--", ".agent-capture", "flake.nix", "flake.lock"]);
        project.git(&["commit", "-q", "--no-edit"]);
        assert_eq!(flake_is_its_render(&project).pin.rev.as_str(), "61b7c44c4073f0b827768aff0049561b5110ea5a");
        flakes.push((project.read("flake.nix"), project.read("flake.lock")));
    }
    assert_eq!(flakes[0], flakes[1]);
}

#[test]
fn a_pin_that_one_side_moved_stays_moved() {
    // Both sides began with the newer pin; one of them went back.
    let project = Project::demo();
    capture(&project, "zero", NEWER, "python3 -c 1");
    project.git(&["branch", "other"]);
    capture(&project, "one", OLD, "jq -n 1");
    project.git(&["checkout", "-q", "other"]);
    capture(&project, "two", NEWER, "rg -q people data");
    git(&project, &["merge", "--no-edit", "main"]).code(1);
    project.run(&["render"]).success();
    project.git(&["add", "-A", "--", ".agent-capture", "flake.nix", "flake.lock"]);
    project.git(&["commit", "-q", "--no-edit"]);
    assert_eq!(flake_is_its_render(&project).pin.rev.as_str(), "8eeec934ae0dbeca3d7868c059568a65c08b2fc3");
    let all = json(project.run(&["list", "--json"]));
    let names: Vec<&str> = all.as_array().expect("a list").iter().filter_map(|it| it["session"].as_str()).collect();
    assert_eq!(names, ["zero", "one", "two"]);
}

#[test]
fn sessions_of_one_name_get_names_of_their_own() {
    for (on, from) in [("main", "other"), ("other", "main")] {
        let project = branched("fix", "fix", OLD, OLD);
        project.git(&["checkout", "-q", on]);
        git(&project, &["merge", "--no-edit", from]).code(1);
        assert!(project.read(".agent-capture/fix/journal.json").contains("<<<<<<<"));
        project.run(&["render"]).success().says("two sessions have the name of `.agent-capture/fix/journal.json`");
        project.git(&["add", "-A", "--", ".agent-capture", "flake.nix", "flake.lock"]);
        project.git(&["commit", "-q", "--no-edit"]);
        flake_is_its_render(&project);
        assert_eq!(packages(&project), ["jq # 1 run", "ripgrep # 2 runs"]);
        let first = json(project.run(&["show", "fix", "--json"]));
        let second = json(project.run(&["show", "fix-2", "--json"]));
        assert_eq!((&first["brings"][0], &second["brings"][0]), (&"jq".into(), &"ripgrep".into()));
    }
}

#[test]
fn a_rebase_is_solved_commit_by_commit() {
    let project = branched("one", "two", OLD, NEW);
    git(&project, &["rebase", "other"]).code(1);
    project.run(&["render"]).success();
    project.git(&["add", "-A", "--", ".agent-capture", "flake.nix", "flake.lock"]);
    git(&project, &["-c", "core.editor=true", "rebase", "--continue"]).success();
    flake_is_its_render(&project);
    assert_eq!(packages(&project), ["jq # 1 run", "ripgrep # 2 runs"]);
}

#[test]
fn what_git_merged_by_itself_is_ours_unless_it_was_edited() {
    // One side changed the pin, the other a package far from it: git merges lines and finds no conflict in the flake.
    let project = branched("one", "two", OLD, OLD);
    git(&project, &["merge", "--no-edit", "other"]).code(1);
    project.run(&["render"]).success();
    project.git(&["add", "-A"]);
    project.git(&["commit", "-q", "--no-edit"]);
    let ours = project.read("flake.nix");
    // As git would have left it: a text that no document renders to, committed in the merge.
    project.write("flake.nix", &ours.replace("        pkgs.jq # 1 run\n", ""));
    project.git(&["commit", "-qa", "--amend", "--no-edit"]);
    project.run(&["render"]).success();
    assert_eq!(project.read("flake.nix"), ours);
    project.write("flake.nix", &format!("# mine\n{ours}"));
    project.run(&["render"]).success();
    assert!(project.read("flake.nix").starts_with("# mine\n") && project.exists(".agent-capture/flake/flake.nix"));
}

#[test]
fn what_is_written_by_hand_stays_in_a_merge() {
    let project = Project::demo();
    project.git(&["branch", "other"]);
    capture(&project, "one", OLD, "jq -n 1");
    project.git(&["checkout", "-q", "other"]);
    project.write("flake.nix", "{ outputs = { self }: { }; }\n");
    project.git(&["add", "flake.nix"]);
    project.git(&["commit", "-qm", "A flake by hand"]);
    git(&project, &["merge", "--no-edit", "main"]).code(1);
    let conflict = project.read("flake.nix");
    project.run(&["render"]).success();
    assert_eq!(project.read("flake.nix"), conflict, "that is for its author to resolve");
    assert!(project.read(".agent-capture/flake/flake.nix").contains("pkgs.jq"));
    // A policy is the user's, too.
    project.git(&["checkout", "-qf", "main"]);
    let policy = |reason: &str| format!("[[keep]]\nattr = \"ripgrep\"\nreason = \"{reason}\"\n");
    project.write(".agent-capture/policy.toml", &policy("here"));
    project.git(&["add", "-A", "--", ".agent-capture/policy.toml"]);
    project.git(&["commit", "-qm", "A policy"]);
    project.git(&["checkout", "-qb", "third", "HEAD~"]);
    project.write(".agent-capture/policy.toml", &policy("there"));
    project.git(&["add", "-A", "--", ".agent-capture/policy.toml"]);
    project.git(&["commit", "-qm", "Another policy"]);
    git(&project, &["merge", "main"]).code(1);
    project.run(&["render"]).code(3).says("`.agent-capture/policy.toml` has conflicts").says("hint: resolve them");
}

#[test]
fn list_and_show_say_what_each_brought() {
    let project = Project::demo();
    assert_eq!(json(project.run(&["list", "--json"])), Value::Array(Vec::new()));
    project.run(&["list"]).success().says("`agent-capture run -- CMD` records one");
    project.run(&["show"]).code(3).says("there is no session here");
    capture(&project, "one", OLD, "jq -n 1; rg -q people data");
    let script = "rg -q people data\nrg -q $'no\\x1b[31m' data\nfalse";
    project.session(&["--no-verify", "--no-commit", "--name", "two"], script).code(1);
    project.run(&["run", "--name", "three", "--no-verify", "--no-commit", "--", "true"]).success();
    let all = json(project.run(&["list", "--json"]));
    let rows: Vec<_> = all.as_array().expect("a list").iter().collect();
    let said = |row: &Value| {
        ["session", "stage", "brings", "shares"].map(|field| row[field].to_string().replace('"', "")).join(" ")
    };
    assert_eq!(said(rows[0]), "one committed [jq] [ripgrep]");
    assert_eq!(said(rows[1]), "two uncommitted [] [ripgrep]");
    assert_eq!(said(rows[2]), "three uncommitted [] []");
    let table = project.run(&["list"]).success().stdout;
    assert!(table.contains("one    committed") && table.contains("jq (and of others, too: ripgrep)\n"), "{table}");
    let shown = project.run(&["show", "two"]).success().stdout;
    assert!(shown.contains("exit 2     rg -q ") && !shown.contains('\u{1b}'), "{shown}");
    assert!(shown.contains("ended       exit 1\n") && shown.contains("/rg  runs: 2, failed: "), "{shown}");
    assert!(project.run(&["show"]).success().stdout.starts_with("session     three (uncommitted)\n"));
    project.run(&["show", "four"]).code(3).says("there is no session `four` here").says("`agent-capture list`");
    let journal = &json(project.run(&["show", "one", "--json"]))["journal"];
    assert_eq!(journal["session"]["id"], "one");
}

#[test]
fn status_tells_what_is_recorded_so_far() {
    let project = Project::demo();
    let me = env!("CARGO_BIN_EXE_agent-capture");
    let script = format!(
        "jq -n 1 >/dev/null\nmake check >/dev/null\nsleep 1.2\n{me} status\n{me} status --json\n{me} list --json\n{me} show --json"
    );
    let said = project.session(&["--no-verify", "--no-commit", "--name", "one"], &script).success();
    let (text, rest) = said.stdout.split_once('{').expect("JSON after the text");
    for line in ["session   one\n", "recorder  ", "          does not see: ", "packages  jq", "checks    make-check"] {
        assert!(text.contains(line), "no `{line}` in\n{text}");
    }
    let rest = format!("{{{rest}");
    let mut values = serde_json::Deserializer::from_str(&rest).into_iter::<Value>().map(|it| it.expect("JSON"));
    let status = values.next().expect("status");
    assert_eq!((&status["session"], &status["closed"]), (&"one".into(), &false.into()));
    assert!(status["elapsed"].as_i64() >= Some(1) && status["commands"].as_u64() >= Some(3), "{status}");
    assert!(status["recorder"]["blind"].as_array().is_some_and(|blind| !blind.is_empty()), "{status}");
    let list = values.next().expect("list");
    assert_eq!((&list[0]["stage"], &list[0]["brings"][0]), (&"open".into(), &"jq".into()));
    assert_eq!(values.next().expect("show")["stage"], "open");
}

#[test]
fn forget_takes_one_session_out_with_what_only_it_needed() {
    let project = Project::demo();
    capture(&project, "one", OLD, "jq -n 1\nrg -q people data");
    capture(&project, "two", OLD, "rg -q people data\nmake check");
    project.write("staged", "x");
    project.git(&["add", "staged"]);
    project.run(&["forget", "three"]).code(3).says("no journal is of a session `three`").says("`agent-capture list`");
    // Left in the work tree, it is so for the other commands, too.
    let said = project.run(&["forget", "one", "--no-verify", "--no-commit"]).success();
    said.says("packages that go: none").says("checks that go: none");
    assert!(
        !project.exists(".agent-capture/one") && project.read("flake.nix").contains("pkgs.jq"),
        "make check needs jq"
    );
    project.run(&["render"]).success();
    assert!(!project.exists(".agent-capture/one"));
    project.run(&["verify", "--level", "static"]).success();
    let said = project.run(&["commit", "--no-verify", "--yes"]).success();
    said.says("deleted   .agent-capture/one/journal.json");
    assert_eq!(project.git(&["status", "--porcelain"]), "A  staged\n");
    // In one go.
    capture(&project, "three", OLD, "shellcheck --version || perl -e 1");
    project.run(&["forget", "two", "three", "--no-verify", "--yes"]).success().says("packages that go: ");
    assert_eq!(project.git(&["log", "-1", "--format=%s"]), "agent-capture: forget three, two\n");
    assert_eq!(project.git(&["status", "--porcelain"]), "A  staged\n");
    assert!(!project.exists("flake.nix") && !project.exists("flake.lock") && !project.exists(".agent-capture"));
    let names = json(project.run(&["list", "--json"]));
    let stages: Vec<_> = names.as_array().expect("a list").iter().map(|it| it["stage"].clone()).collect();
    assert_eq!(stages, ["events-only", "events-only", "events-only"]);
    project.run(&["forget", "one", "--no-verify", "--yes"]).code(3);
}

#[test]
fn a_journal_that_a_sparse_checkout_hides_still_counts() {
    let project = Project::demo();
    capture(&project, "one", OLD, "jq -n 1");
    project.git(&["sparse-checkout", "set", "--no-cone", "/*", "!/.agent-capture/one/"]);
    assert!(!project.exists(".agent-capture/one/journal.json"));
    project.run(&["render"]).success();
    assert!(project.read("flake.nix").contains("pkgs.jq"));
}
