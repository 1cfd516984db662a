//! How long it takes until a recorded command begins: `cargo bench --bench start`.

#![expect(clippy::print_stdout, reason = "it prints what it measures")]

use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const BINARY: &str = env!("CARGO_BIN_EXE_agent-capture");

/// How often each way is measured; the median is printed.
const TIMES: usize = 25;

/// Runs a command, which prints when it began, and returns how long after its start that was.
fn once(command: &mut Command) -> Duration {
    let before = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970");
    let output = command.stdin(Stdio::null()).output().expect("the command runs");
    let text = String::from_utf8(output.stdout).expect("text");
    let at = text.lines().find_map(|line| line.trim().parse().ok());
    let at = at.unwrap_or_else(|| panic!("it did not begin: {}", String::from_utf8_lossy(&output.stderr)));
    Duration::from_nanos(at).saturating_sub(before)
}

fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let git = |arguments: &[&str]| {
        let mut git = Command::new("git");
        let ran = git.args(arguments).current_dir(folder.path()).env("GIT_CONFIG_GLOBAL", "/dev/null");
        assert!(ran.args(["-q"]).status().expect("git").success());
    };
    git(&["init"]);
    let script = ["sh", "-c", "date +%s%N"];
    let command = |arguments: &[&str]| {
        let mut command = Command::new(arguments[0]);
        command.args(&arguments[1..]).current_dir(folder.path());
        for name in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{name}_NAME"), "Bench").env(format!("GIT_{name}_EMAIL"), "bench@example.org");
        }
        command
    };
    let ways: [(&str, &[&str]); 4] = [
        ("unrecorded", &[]),
        ("run", &[BINARY, "run", "--no-verify", "--no-commit", "--"]),
        ("run --recorder seccomp", &[BINARY, "run", "--recorder", "seccomp", "--no-verify", "--no-commit", "--"]),
        ("run --recorder ptrace", &[BINARY, "run", "--recorder", "ptrace", "--no-verify", "--no-commit", "--"]),
    ];
    let mut times = ways.map(|_| Vec::new());
    for _ in 0..TIMES {
        for ((_, before), times) in ways.iter().zip(&mut times) {
            // A session's name has a second in it.
            drop(std::fs::remove_dir_all(folder.path().join(".git/agent-capture")));
            times.push(once(&mut command(&[before, &script[..]].concat())));
        }
    }
    for ((name, _), times) in ways.iter().zip(&mut times) {
        times.sort();
        println!("{name}: the command begins after {:.1?}", times[TIMES / 2]);
    }
}
