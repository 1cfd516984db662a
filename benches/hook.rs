//! How long an agent waits for a hook, as a ratio to starting `true` and `cat`: `cargo bench --bench hook`.

#![expect(clippy::print_stdout, reason = "it prints what it measures")]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const BINARY: &str = env!("CARGO_BIN_EXE_agent-capture");

/// How often each way is measured; the median is printed.
const TIMES: usize = 200;

/// Gives a program an event and returns how long that took until its end.
fn once(command: &mut Command, event: &str) -> Duration {
    let before = Instant::now();
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("it runs");
    // `true` does not read.
    drop(child.stdin.take().expect("piped").write_all(event.as_bytes()));
    assert!(child.wait().expect("an end").success());
    before.elapsed()
}

fn event(root: &Path, name: &str, id: usize, output: usize) -> String {
    let response = format!(r#"{{"stdout":"{}","stderr":"","interrupted":false}}"#, "x".repeat(output));
    format!(
        r#"{{"session_id":"s","cwd":"{}","hook_event_name":"{name}","tool_name":"Bash","tool_input":{{"command":"cargo test --workspace"}},"tool_use_id":"t{id}","tool_response":{response}}}"#,
        root.display()
    )
}

fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().canonicalize().expect("a path");
    for arguments in [&["init", "-q"][..], &["config", "agent-capture.hooks", "true"]] {
        let mut git = Command::new("git");
        let ran = git.args(arguments).current_dir(&root).env("GIT_CONFIG_GLOBAL", "/dev/null");
        assert!(ran.status().expect("git").success());
    }
    let outside = tempfile::tempdir().expect("a folder");
    let hook = [BINARY, "hook", "claude-code", "--strict"];
    let ways: [(&str, &[&str], &Path, &str, usize); 6] = [
        ("true", &["true"], &root, "PreToolUse", 0),
        ("cat", &["cat"], &root, "PreToolUse", 0),
        ("before a command", &hook, &root, "PreToolUse", 0),
        ("after a command", &hook, &root, "PostToolUse", 1000),
        ("after a command that wrote 1 MB", &hook, &root, "PostToolUse", 1 << 20),
        ("outside of a repository", &hook, outside.path(), "PreToolUse", 0),
    ];
    let mut times = ways.map(|_| Vec::new());
    for number in 0..TIMES {
        for ((_, argv, at, name, output), times) in ways.iter().zip(&mut times) {
            let mut command = Command::new(argv[0]);
            command.args(&argv[1..]).current_dir(at).env_remove("CLAUDE_PROJECT_DIR");
            times.push(once(&mut command, &event(at, name, number, *output)));
        }
    }
    let medians = times.map(|mut times| {
        times.sort();
        (times[TIMES / 2], times[TIMES * 99 / 100])
    });
    let (of_true, of_cat) = (medians[0].0.as_secs_f64(), medians[1].0.as_secs_f64());
    for ((name, ..), (median, most)) in ways.iter().zip(&medians) {
        let ratio = |to: f64| median.as_secs_f64() / to;
        println!(
            "{name}: {median:.2?}, 99 of 100 within {most:.2?}; {:.1} times `true`, {:.1} times `cat`",
            ratio(of_true),
            ratio(of_cat)
        );
    }
}
