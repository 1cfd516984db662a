//! The action that says on a pull request what changes, with a GitHub that is a script.

mod support;

use std::fs;
use std::path::Path;

use support::{Project, Said};

const MARKER: &str = "<!-- agent-capture: diff -->";

/// Writes down what is asked of GitHub, and answers as the files beside it say.
const GH: &str = r#"#!/bin/sh
echo "$*" >> "$HOME/asked"
for word; do case $word in body=@*) cp "${word#body=@}" "$HOME/body" ;; esac; done
case "$*" in
  *DELETE*) exit 9 ;;
  *'PATCH'* | *'POST'*) if [ -e "$HOME/read-only" ]; then echo 'gh: Resource not accessible by integration (HTTP 403)' >&2; exit 1; fi ;;
  *'/pulls '*) cat "$HOME/pulls" 2>/dev/null ;;
  *) [ ! -e "$HOME/broken" ] || { printf 'gh: \r::error::x (HTTP 500)\n' >&2; exit 1; }; cat "$HOME/comments" 2>/dev/null ;;
esac
exit 0
"#;

/// A project with a capture on its branch, and the GitHub.
fn project() -> Project {
    let project = Project::demo();
    project.session(&["--no-verify", "--yes", "--name", "one"], "jq -n 1").success();
    let gh = project.home().join("bin/gh");
    support::program(&gh, GH);
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_agent-capture"), gh.with_file_name("agent-capture"))
        .expect("a link");
    project
}

fn id(project: &Project, name: &str) -> String {
    project.git(&["rev-parse", name]).trim().to_owned()
}

/// Runs the action's script; returns what it said, and what it asked of GitHub.
fn comment(project: &Project, variables: &[(&str, &str)]) -> (Said, String) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(".github/actions/comment/comment.sh");
    let asked = project.home().join("asked");
    drop(fs::remove_file(&asked));
    drop(fs::remove_file(project.home().join("body")));
    drop(fs::remove_file(project.home().join("summary")));
    let mut command = project.command("bash");
    command.arg(script).env("PATH", format!("{}:{}", project.home().join("bin").display(), support::PATH));
    command.env("GITHUB_REPOSITORY", "o/r").env("GITHUB_STEP_SUMMARY", project.home().join("summary"));
    command.env("GH_TOKEN", "t").env("BASE", id(project, "HEAD~1")).env("COMMIT", id(project, "HEAD"));
    let said = command.envs(variables.iter().copied()).output().expect("bash").into();
    (said, fs::read_to_string(asked).unwrap_or_default())
}

fn body(project: &Project) -> String {
    fs::read_to_string(project.home().join("body")).unwrap_or_default()
}

#[test]
fn there_is_one_comment_and_later_runs_update_it() {
    let project = project();
    let (said, asked) = comment(&project, &[("NUMBER", "7")]);
    said.success();
    assert!(asked.contains("api --method POST repos/o/r/issues/7/comments -F body=@"), "{asked}");
    assert!(
        body(&project).starts_with(MARKER) && body(&project).contains("| `jq` | in `~1.8.1` |"),
        "{}",
        body(&project)
    );
    fs::write(project.home().join("comments"), "41\n42\n").expect("written");
    let (said, asked) = comment(&project, &[("NUMBER", "7")]);
    said.success();
    assert!(asked.contains("api --method PATCH repos/o/r/issues/comments/41 ") && !asked.contains("POST"), "{asked}");
    // Only a bot's comment is ours, whoever writes the marker.
    assert!(asked.contains(&format!(".user.type == \"Bot\") | select(.body | startswith(\"{MARKER}\")")), "{asked}");
    // What changes nothing makes no comment, and an old one says so.
    let head = id(&project, "HEAD");
    let (said, asked) = comment(&project, &[("NUMBER", "7"), ("BASE", &head)]);
    said.success();
    assert!(asked.contains("PATCH") && body(&project).contains("Nothing: "), "{asked}");
    fs::remove_file(project.home().join("comments")).expect("removed");
    let (said, asked) = comment(&project, &[("NUMBER", "7"), ("BASE", &head)]);
    said.success();
    assert!(!asked.contains("PATCH") && !asked.contains("POST"), "{asked}");
}

#[test]
fn a_token_that_may_only_read_gives_the_summary_alone() {
    let project = project();
    fs::write(project.home().join("read-only"), "").expect("written");
    let (said, asked) = comment(&project, &[("NUMBER", "7")]);
    said.success().says("the summary of the step is all");
    assert!(asked.contains("POST"));
    let summary = fs::read_to_string(project.home().join("summary")).expect("a summary");
    assert!(summary.starts_with(MARKER) && summary.contains("`jq`"), "{summary}");
    // Without a number GitHub is not asked at all.
    let (said, asked) = comment(&project, &[]);
    said.success();
    assert_eq!(asked, "");
    fs::write(project.home().join("broken"), "").expect("written");
    let (said, _) = comment(&project, &[("NUMBER", "7")]);
    let said = said.code(3);
    assert!(
        !said.stderr.contains('\r') && !said.stderr.lines().any(|line| line.trim_start().starts_with("::")),
        "{said:?}"
    );
    let (said, asked) = comment(&project, &[("NUMBER", "7/../8")]);
    said.code(2);
    assert_eq!(asked, "");
    for hostile in ["--help", "HEAD", "$(touch x)"] {
        comment(&project, &[("BASE", hostile)]).0.code(2);
    }
}

#[test]
fn from_a_fork_comes_json_that_is_read_strictly() {
    let project = project();
    let path = project.home().join("diff.json");
    let file = path.to_str().expect("text");
    let (said, asked) = comment(&project, &[("OUTPUT", file)]);
    said.success();
    assert_eq!(asked, "", "the job with the fork's content asks nothing of GitHub");
    let sha = id(&project, "HEAD");
    let trusted = [
        ("DIFF", file),
        ("BASE", ""),
        ("COMMIT", ""),
        ("HEAD_OWNER", "fork"),
        ("HEAD_BRANCH", "a&b=$(x)"),
        ("HEAD_SHA", &sha),
    ];
    fs::write(project.home().join("pulls"), "9\n").expect("written");
    let (said, asked) = comment(&project, &trusted);
    said.success();
    let find = format!(
        "api --method GET repos/o/r/pulls -f state=open -f head=fork:a&b=$(x) --jq .[] | select(.head.sha == \"{sha}\")"
    );
    assert!(asked.contains(&find) && asked.contains("POST repos/o/r/issues/9/comments"), "{asked}");
    assert!(
        body(&project).contains("| `jq` | in `~1.8.1` |") && body(&project).contains("what another run wrote"),
        "{}",
        body(&project)
    );
    // No pull request is at this commit any more: nothing is written.
    fs::write(project.home().join("pulls"), "").expect("written");
    let (said, asked) = comment(&project, &trusted);
    said.success();
    assert!(!asked.contains("POST") && !asked.contains("PATCH"), "{asked}");
    let good = fs::read_to_string(&path).expect("JSON");
    for bad in [
        good.replacen("\"jq\"", "\"jq|<img>\"", 1),
        good.replacen('{', "{\"x\":1,", 1),
        " ".repeat(5_000_000),
        String::new(),
    ] {
        fs::write(&path, bad).expect("written");
        let (said, asked) = comment(&project, &trusted);
        said.code(3);
        assert_eq!(asked, "");
    }
}

#[test]
fn the_workflows_keep_to_the_rules_for_forks() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &str| {
        let text = fs::read_to_string(root.join(path)).expect(path);
        text.lines()
            .filter(|line| !line.trim_start().starts_with('#'))
            .map(|line| format!("{line}\n"))
            .collect::<String>()
    };
    let (diff, comment) = (read("templates/ci/github-diff.yml"), read("templates/ci/github-comment.yml"));
    assert!(diff.contains("\n  pull_request:\n") && diff.contains("permissions:\n  contents: read\n"));
    assert!(!diff.contains("write") && diff.contains("persist-credentials: false"));
    // The job that may write has nothing of the pull request but the artifact.
    assert!(comment.contains("workflow_run:") && !comment.contains("checkout") && !comment.contains("run: "));
    assert!(comment.contains("workflows: [agent-capture diff]") && diff.contains("name: agent-capture diff\n"));
    for text in [&diff, &comment] {
        assert!(!text.contains("pull_request_target") && !text.contains("secrets.") && !text.contains("self-hosted"));
        for line in text.lines().filter(|line| line.contains("uses:")) {
            let pinned = line.split('@').nth(1).unwrap_or_default().split_whitespace().next().unwrap_or_default();
            assert!(pinned == "SHA" || (pinned.len() == 40 && pinned.bytes().all(|b| b.is_ascii_hexdigit())), "{line}");
        }
    }
    // No text of an event is put into a script: it comes as an environment variable.
    let mut in_script = false;
    for line in read(".github/actions/comment/action.yml").lines() {
        in_script = line.contains("run:") || (in_script && line.starts_with("        ") && !line.contains("ACTION:"));
        assert!(!(in_script && line.contains("${{")), "{line}");
        in_script &= !line.contains("env:");
    }
}
