//! What reviewers read: reports and differences, of a session that was recorded.

mod support;

use std::fs;
use std::path::Path;

use serde_json::Value;
use support::{Project, validate};

/// A repository with two captures, each committed: the second has another package, and lacks a check by the user's policy.
fn two_captures() -> Project {
    let project = Project::demo();
    let script = "jq . data/cities.json >/dev/null\nmake check\nperl -e 'exit 1'\nmake nothing";
    project.session(&["--no-verify", "--yes", "--name", "one"], script).code(2);
    let policy = "[[check]]\ndrop = \"make-check\"\n\n[[keep]]\nattr = \"shellcheck\"\nreason = \"the hooks run it\"\n";
    project.write(".agent-capture/policy.toml", policy);
    project.session(&["--no-verify", "--yes", "--name", "two"], "rg -n def stats\njq -n 1").success();
    project
}

#[test]
fn the_json_forms_are_of_their_schemas() {
    let project = two_captures();
    let report = validate("report.schema.json", &project.run(&["report", "--format", "json"]).success().stdout);
    assert_eq!(report["packages"][0]["attr"], "jq");
    assert_eq!(report["packages"][0]["runs"], 3);
    assert_eq!(report["verification"], Value::Null);
    assert_eq!(report["checks"][0]["result"], "not-verified");
    let diff = validate("diff.schema.json", &project.run(&["diff", "--json"]).code(1).stdout);
    assert_eq!(diff["policy"], "in");
    // A schema that takes anything proves nothing.
    let mut other = diff;
    other["more"] = 1.into();
    let schema = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/diff.schema.json")).expect("a schema");
    let schema: Value = serde_json::from_slice(&schema).expect("JSON");
    assert!(!jsonschema::is_valid(&schema, &other));
}

#[test]
fn fixtures_of_all_kinds_are_of_the_schema() {
    use agent_capture::verification::Versions;
    use agent_capture::{index::Index, journal::Journal, report::Report, requirements::Document};
    let folders = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")).expect("fixtures");
    let mut count = 0;
    for folder in folders.flatten().map(|entry| entry.path()) {
        let (Ok(journal), Ok(document)) =
            (fs::read(folder.join("journal.json")), fs::read(folder.join("requirements.json")))
        else {
            continue;
        };
        let journals = [Journal::parse(&journal).expect("a journal")];
        let document = Document::parse(&document).expect("a document");
        let (index, versions, verification, findings) = (Index::new(), Versions::default(), None, &[][..]);
        let report = Report {
            document: &document,
            journals: &journals,
            index: &index,
            versions: &versions,
            verification,
            findings,
        };
        validate("report.schema.json", &report.summary().json().expect("JSON"));
        count += 1;
    }
    assert!(count > 50, "the fixtures are found");
}

#[test]
fn a_report_of_one_session_and_into_a_file() {
    let project = two_captures();
    let all = project.run(&["report"]).success().stdout;
    assert!(all.contains("ripgrep") && all.contains("shellcheck") && all.contains("3 runs"), "{all}");
    let one = project.run(&["report", "one"]).success().stdout;
    assert!(one.contains("jq ") && !one.contains("ripgrep") && !one.contains("shellcheck"), "{one}");
    assert!(one.contains("2 runs") && !one.contains("3 runs") && one.contains("perl: no run of it"), "{one}");
    project.run(&["report", "three"]).code(3).says("there is no session `three`").says("captured are: one, two");
    let said = project.run(&["report", "--output", "report.md"]).success();
    assert!(said.stdout.is_empty() && project.read("report.md").starts_with("## Captured environment\n"), "{said:?}");
    project.run(&["report", "-o", "r.json"]).success();
    validate("report.schema.json", &project.read("r.json"));
    project.run(&["report", "-o", "no/such/folder.md"]).code(3).says("no/such/folder.md");
}

#[test]
fn a_difference_says_what_came_and_went() {
    let project = two_captures();
    let said = project.run(&["diff"]).code(1).stdout;
    for line in ["  + ripgrep ", "  + shellcheck ", "  - make-check ", "  + two", "  + .agent-capture/policy.toml"] {
        assert!(said.contains(line), "no `{line}` in\n{said}");
    }
    assert!(!said.contains("jq"), "other runs are no change:\n{said}");
    // The other way round, between commits.
    let back = project.run(&["diff", "HEAD..HEAD~1"]).code(1).stdout;
    assert!(back.contains("  - ripgrep ") && back.contains("  + make-check ") && back.contains("  - two"), "{back}");
    // With nothing at all, and with itself.
    let first = project.run(&["diff", "HEAD~2..HEAD~1"]).code(1).stdout;
    assert!(first.contains("  + jq ") && first.contains("  + make-check "), "{first}");
    let same = project.run(&["diff", "HEAD"]).code(0).stdout;
    assert!(same.starts_with("no difference between HEAD"), "{same}");
    project.run(&["diff", "HEAD~2"]).code(1);
    project.run(&["diff", "HEAD~9"]).code(3).says("HEAD~9");
    project.run(&["diff", "--format", "nonsense"]).code(2);
    let markdown = project.run(&["diff", "--format", "markdown"]).code(1).stdout;
    assert!(markdown.contains("| `make-check` | **out** | `make check` |"), "{markdown}");
    assert!(markdown.contains("| **policy** | in | `.agent-capture/policy.toml` |"), "{markdown}");
    assert!(markdown.contains("| `ripgrep` | in `~15.1.0` | 1 | `rg -n def stats` | traced |"), "{markdown}");
}

#[test]
fn a_pull_request_is_compared_with_where_it_began() {
    let project = Project::demo();
    project.git(&["checkout", "-q", "-b", "side"]);
    project.session(&["--no-verify", "--yes", "--name", "one"], "jq -n 1").success();
    project.git(&["checkout", "-q", "main"]);
    project.session(&["--no-verify", "--yes", "--name", "other"], "rg -n def stats").success();
    let two = project.run(&["diff", "main..side"]).code(1).stdout;
    assert!(two.contains("- ripgrep") && two.contains("+ jq"), "{two}");
    let three = project.run(&["diff", "main...side"]).code(1).stdout;
    assert!(!three.contains("ripgrep") && three.contains("+ jq"), "{three}");
    let work = project.run(&["diff", "side"]).code(1).stdout;
    assert!(work.contains("+ ripgrep") && work.contains("the work tree"), "{work}");
}

#[test]
fn a_hostile_capture_is_refused_and_a_hostile_difference_is_text() {
    let project = two_captures();
    let json = project.run(&["diff", "--json"]).code(1).stdout;
    project.write("d.json", &json);
    let (read, made) = (project.run(&["diff", "--read", "d.json"]).code(1), project.run(&["diff"]).code(1));
    assert_eq!(read.stdout, made.stdout);
    for (from, to) in [
        ("\"version\": 1", "\"version\": 2"),
        ("\"attr\": \"ripgrep\"", "\"attr\": \"</td>\""),
        ("\"from\"", "\"::add-mask::x\": 1, \"from\""),
    ] {
        assert!(json.contains(from));
        project.write("bad.json", &json.replacen(from, to, 1));
        let said = project.run(&["diff", "--read", "bad.json"]).code(3);
        assert!(!said.stderr.contains("::add-mask") && !said.stderr.contains("</td>"), "{said:?}");
    }
    // What is text stays text.
    let hostile = "</details><img src=x>\\n::error::x\\r##[group] @team [x](https://evil) ` ``` | \\u001b[2J\\u202e";
    project.write("d.json", &json.replace("rg -n def stats", hostile).replace("the work tree", hostile));
    for format in ["terminal", "markdown"] {
        let text = project.run(&["diff", "--read", "d.json", "--format", format]).code(1).stdout;
        assert!(!text.contains(['\u{1b}', '\u{202e}', '\r']) && !text.contains("##["), "{text}");
        assert!(!text.lines().any(|line| line.trim_start().starts_with("::")), "{text}");
    }
    project.write("big.json", &" ".repeat(4_000_001));
    project.run(&["diff", "--read", "big.json"]).code(3).says("more than");
    let path = ".agent-capture/requirements.json";
    project.write(path, &project.read(path).replace("\"jq\"", "\"jq; x = 1\""));
    project.git(&["commit", "-qam", "Hostile"]);
    project.run(&["diff", "HEAD~1..HEAD"]).code(3).says("requirements.json");
    project.run(&["diff", "HEAD~2..HEAD~1"]).code(1);
}
