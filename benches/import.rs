//! What reading a long transcript costs: `cargo bench --bench import`. A gigabyte of each kind, made here.

#![expect(clippy::print_stdout, reason = "it prints what it measures")]

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Instant;

use agent_capture::agents::Import;
use agent_capture::ecosystems;
use agent_capture::journal::Claims;
use serde_json::json;

/// How many bytes a transcript has.
const SIZE: u64 = 1_000_000_000;

/// Commands as agents write them.
const LINES: [&str; 6] = [
    "cd /home/u/app && git status --short && git diff --stat | tail -5",
    "rg -n \"fn main|TODO\" src tests | head -40",
    "sed -n '1,200p' src/lib.rs; wc -l src/*.rs",
    "cargo test --workspace 2>&1 | tail -20",
    "git commit -q -m \"$(cat <<'EOF'\nsrc: a change\n\nAnd why.\nEOF\n)\"",
    "python3 -m pip install requests && python3 -m pytest -q",
];

/// Returns the most memory that this process had, in MB (proc(5), VmHWM).
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0");
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0) / 1000
}

/// Source text as a file holds it: quotes and line ends that JSON escapes.
fn output(length: usize) -> String {
    "    let value = map.get(\"name\").copied();\n".repeat(length / 42 + 1)
}

/// Writes records until the file is as long as it should be.
fn write(path: &Path, before: &str, between: &str, after: &str, record: impl Fn(u64) -> String) {
    let mut file = BufWriter::new(File::create(path).expect("a file"));
    file.write_all(before.as_bytes()).expect("room");
    let (mut length, mut number) = (0, 0);
    while length < SIZE {
        let record = record(number);
        if number > 0 {
            file.write_all(between.as_bytes()).expect("room");
        }
        file.write_all(record.as_bytes()).expect("room");
        length += record.len() as u64;
        number += 1;
    }
    file.write_all(after.as_bytes()).expect("room");
    file.flush().expect("room");
}

fn measure(name: &str, path: &Path) {
    // Once for the page cache.
    let length = std::io::copy(&mut File::open(path).expect("a file"), &mut std::io::sink()).expect("readable");
    let start = Instant::now();
    let mut claims = Claims::new(ecosystems::READS);
    let mut import = Import::default();
    import.read(File::open(path).expect("a file"), &mut |call| claims.call(call)).expect("readable");
    let transcript = import.finish(&mut |call| claims.call(call)).expect("an agent's");
    let took = start.elapsed().as_secs_f64();
    let calls = claims.summary().calls;
    let speed = length as f64 / 1e6 / took;
    println!(
        "{name:12} {} {} MB, {calls} commands: {took:.1} s, {speed:.0} MB/s, at most {} MB",
        transcript.agent,
        length / 1_000_000,
        peak()
    );
    std::fs::remove_file(path).expect("it is ours");
}

fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("transcript");
    let (short, long) = (output(1500), output(24_000));
    let line = |number: u64| LINES[(number % LINES.len() as u64) as usize];

    write(&path, "", "", "", |number| {
        let head = |kind: &str| {
            json!({"type": kind, "sessionId": "s", "version": "2.1.210", "cwd": "/home/u/app",
            "isSidechain": false, "timestamp": "2026-11-20T10:00:00.000Z", "uuid": number})
        };
        let with = |kind: &str, message: serde_json::Value, result: serde_json::Value| {
            let mut record = head(kind);
            record["message"] = message;
            record["toolUseResult"] = result;
            record.to_string() + "\n"
        };
        let use_of = |id: String, name: &str, input: serde_json::Value| json!({"role": "assistant", "model": "m", "content": [{"type": "tool_use", "id": id, "name": name, "input": input}]});
        let result = |id: String, text: &str| json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": id, "content": text, "is_error": false}]});
        [
            with("assistant", use_of(format!("b{number}"), "Bash", json!({"command": line(number)})), json!(null)),
            with(
                "user",
                result(format!("b{number}"), &short),
                json!({"stdout": short, "stderr": "", "interrupted": false}),
            ),
            with("assistant", use_of(format!("r{number}"), "Read", json!({"file_path": "/home/u/app/x"})), json!(null)),
            with("user", result(format!("r{number}"), &long), json!({"file": {"content": long}})),
        ]
        .concat()
    });
    measure("claude-code", &path);

    write(
        &path,
        "{\"timestamp\":\"2026-11-20T10:00:00Z\",\"type\":\"session_meta\",\"payload\":{\"cwd\":\"/home/u/app\"}}\n",
        "",
        "",
        |number| {
            let record = |payload| {
                json!({"timestamp": "2026-11-20T10:00:00Z", "type": "response_item", "payload": payload}).to_string()
            };
            let arguments = json!({"cmd": line(number), "workdir": "/home/u/app"}).to_string();
            let call = json!({"type": "function_call", "name": "exec_command", "arguments": arguments, "call_id": format!("c{number}")});
            let text = format!(
                "Chunk ID: 1\nWall time: 0.1 seconds\nProcess exited with code 0\nOutput:\n{}",
                &long[..12_000]
            );
            let output = json!({"type": "function_call_output", "call_id": format!("c{number}"), "output": text});
            format!("{}\n{}\n", record(call), record(output))
        },
    );
    measure("codex", &path);

    let before = "{\n  \"info\": {\"projectID\": \"p\", \"directory\": \"/home/u/app\", \"version\": \"1.2.21\"},\n  \"messages\": [\n";
    write(&path, before, ",\n", "\n  ]\n}\n", |number| {
        let state = json!({"status": "completed", "input": {"command": line(number)}, "output": short,
            "metadata": {"exit": 0, "output": short}, "time": {"start": 1795168800000_u64 + number, "end": 1795168800001_u64 + number}});
        let read = json!({"type": "tool", "tool": "read", "callID": format!("r{number}"), "state": {"status": "completed", "output": long}});
        let shell = json!({"type": "tool", "tool": "bash", "callID": format!("c{number}"), "state": state});
        json!({"info": {"role": "assistant"}, "parts": [read, shell]}).to_string()
    });
    measure("opencode", &path);
}
