//! `verify --level replay` with real Nix: the sessions' commands again, in the flake's shell.

mod support;

use serde_json::Value;
use support::{Project, VERSIONS};

#[test]
#[ignore = "needs real Nix"]
fn commands_end_as_recorded_or_it_is_said_which_do_not() {
    for version in VERSIONS {
        let project = Project::demo().with_nix(version);
        project.write("notes.txt", "kept\n");
        project.git(&["add", "-A"]);
        project.git(&["commit", "-qm", "Notes"]);
        let agent = "jq -e 'length == 3' data/cities.json\ncat notes.txt\ncd data\ngrep -q nobody cities.json\nls /\n";
        project.session(&["--yes", "--name", "one"], agent).success();
        let verified = |code| {
            let said = project.run(&["verify", "--level", "replay", "--format", "json"]).code(code);
            serde_json::from_str::<Value>(&said.stdout).expect("JSON")
        };
        // What was recorded is also that a command ended with 1.
        let replay = verified(0)["replay"].take();
        assert_eq!(
            (replay["same"].as_u64(), replay["different"].as_array().map(Vec::len)),
            (Some(4), Some(0)),
            "{replay}"
        );
        // Nothing was done to the work tree, and nothing of a failed check hides it: no check reads the notes.
        assert_eq!(project.git(&["status", "--porcelain"]), "");
        project.git(&["rm", "-q", "notes.txt"]);
        project.git(&["commit", "-qm", "No notes"]);
        let document = verified(1);
        let different = &document["replay"]["different"];
        let first = &different[0];
        assert_eq!(different.as_array().map(Vec::len), Some(1), "{document}");
        assert_eq!(
            (first["line"].as_str(), first["recorded"].as_u64(), first["now"].as_u64()),
            (Some("cat notes.txt"), Some(0), Some(1))
        );
        let findings = document["findings"].to_string();
        assert!(
            findings.contains("replay-differs") && findings.contains("ended with status 0 and now ends with status 1"),
            "{findings}"
        );
    }
}
