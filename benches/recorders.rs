//! What recording costs, ours and the installed peers side by side: `cargo bench --bench recorders [-- PAIRS]`.
//!
//! Every round runs each workload bare and under each recorder, in turn; a figure is the median over the rounds of the ratio
//! to the bare run of the same round. `-- 9 --write` also writes the table into README.md.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it prints what it measures")]

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

/// A recorder, and the words before a command that is recorded.
struct Recorder {
    name: &'static str,
    sees: &'static str,
    words: Vec<String>,
}

struct Workload {
    name: &'static str,
    folder: PathBuf,
    /// Run before each measurement.
    before: &'static str,
    command: String,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let pairs = arguments.iter().find_map(|argument| argument.parse().ok()).unwrap_or(5);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = root.join("target/bench");
    let prepared = Command::new("bash").arg(root.join("benches/workloads/prepare.sh")).arg(&folder).status();
    assert!(prepared.is_ok_and(|status| status.success()), "the workloads are prepared");
    start_up(&folder);
    let (workloads, recorders) = (workloads(root, &folder), recorders(&folder));
    let mut table = String::from("| recorder | sees |");
    workloads.iter().for_each(|workload| write!(table, " {} |", workload.name).expect("a String"));
    writeln!(table, "\n|---|---|{}", "---|".repeat(workloads.len())).expect("a String");
    let columns: Vec<_> = workloads.iter().map(|workload| measure(workload, &recorders, pairs)).collect();
    for (number, recorder) in recorders.iter().enumerate() {
        write!(table, "| {} | {} |", recorder.name, recorder.sees).expect("a String");
        columns.iter().for_each(|column| write!(table, " {} |", column[number]).expect("a String"));
        table.push('\n');
    }
    println!("\n{table}");
    if arguments.iter().any(|argument| argument == "--write") {
        write_readme(&root.join("README.md"), &table);
    }
}

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

fn workloads(root: &Path, folder: &Path) -> Vec<Workload> {
    let (here, sed) = (root.join("benches/workloads"), folder.join("sed"));
    let configure = format!("cd $(mktemp -d) && {}/configure -q", sed.display());
    let python = format!("/usr/bin/python3 {}/open-heavy.py", here.display());
    vec![
        Workload { name: "exec-heavy", folder: here.clone(), before: "true", command: "sh exec-heavy.sh".to_owned() },
        Workload { name: "`./configure`", folder: folder.to_path_buf(), before: "true", command: configure },
        Workload { name: "`make -j2`", folder: sed, before: "make -s clean", command: "make -s -j2".to_owned() },
        Workload { name: "open-heavy", folder: here, before: "true", command: python },
    ]
}

fn recorders(folder: &Path) -> Vec<Recorder> {
    let ours = env!("CARGO_BIN_EXE_agent-capture");
    let out = folder.join("out");
    let out = out.display();
    let all = [
        ("agent-capture", "exec", format!("{ours} __front --segment {out}.jsonl --")),
        (
            "strace --seccomp-bpf",
            "exec",
            format!("strace -f -qq --seccomp-bpf -e trace=execve,execveat -o {out}.strace"),
        ),
        (
            "strace --seccomp-bpf",
            "exec, open",
            format!("strace -f -qq --seccomp-bpf -e trace=execve,execveat,open,openat,openat2 -o {out}.strace"),
        ),
        ("tracexec", "exec", format!("tracexec collect --format=json-stream -o {out}.tracexec --")),
        ("Bear", "exec", format!("bear --output {out}.bear --")),
        ("fsatrace", "open", format!("fsatrace rwmdq {out}.fsatrace --")),
        (
            "ReproZip",
            "exec, open",
            format!(
                "{}/peers/bin/reprozip trace --overwrite --dont-identify-packages -d {out}.reprozip",
                folder.display()
            ),
        ),
    ];
    let mut found = vec![Recorder { name: "none", sees: "", words: Vec::new() }];
    for (name, sees, text) in all {
        let words = words(&text);
        match Command::new(&words[0]).arg("--help").stdout(Stdio::null()).stderr(Stdio::null()).status() {
            Ok(_) => found.push(Recorder { name, sees, words }),
            Err(_absent) => eprintln!("{name} is not installed: left out"),
        }
    }
    found
}

/// Returns the cells of a column: the median ratios of wall and CPU time to the bare run.
fn measure(workload: &Workload, recorders: &[Recorder], pairs: usize) -> Vec<String> {
    let mut seen: BTreeMap<usize, Vec<(f64, f64)>> = BTreeMap::new();
    for round in 0..=pairs {
        let runs: Vec<(f64, f64)> = recorders.iter().map(|recorder| once(workload, recorder)).collect();
        let bare = runs[0];
        // The first round warms the caches.
        for (number, run) in runs.iter().enumerate().filter(|_| round > 0) {
            seen.entry(number).or_default().push((run.0 / bare.0, run.1 / bare.1));
        }
        eprintln!("{}: round {round} of {pairs}: bare {:.2} s", workload.name, bare.0);
    }
    let cell = |ratios: &Vec<(f64, f64)>| {
        let (wall, cpu) = (median(ratios.iter().map(|ratio| ratio.0)), median(ratios.iter().map(|ratio| ratio.1)));
        format!("{wall:.2} ({cpu:.2})")
    };
    seen.values().map(cell).collect()
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Returns the wall and CPU seconds of one run.
fn once(workload: &Workload, recorder: &Recorder) -> (f64, f64) {
    let shell = |line: &str| {
        let mut command = Command::new("sh");
        command.args(["-c", line]).current_dir(&workload.folder);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    assert!(shell(workload.before).status().is_ok_and(|status| status.success()), "{} is prepared", workload.name);
    let inner = shell(&workload.command);
    let mut command = match recorder.words.split_first() {
        None => inner,
        Some((program, words)) => {
            let mut command = Command::new(program);
            command.args(words).arg(inner.get_program()).args(inner.get_args()).current_dir(&workload.folder);
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            command
        }
    };
    let (cpu, start) = (children(), Instant::now());
    let status = command.status().expect("it runs");
    assert!(status.success(), "{} under {}: {status}", workload.name, recorder.name);
    (start.elapsed().as_secs_f64(), children() - cpu)
}

/// Returns the CPU seconds of all children that were waited for (proc(5), stat: cutime and cstime, in ticks of 10 ms).
fn children() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").expect("proc");
    let fields: Vec<&str> = stat.rsplit(')').next().expect("fields").split_whitespace().collect();
    let ticks = |number: usize| fields[number].parse::<f64>().expect("ticks");
    (ticks(13) + ticks(14)) / 100.0
}

/// Prints how long the start of a recording takes.
fn start_up(folder: &Path) {
    let ours = env!("CARGO_BIN_EXE_agent-capture");
    let out = folder.join("start.jsonl");
    let bare = || Command::new("true").status();
    let recorded = || Command::new(ours).args(["__front", "--segment"]).arg(&out).args(["--", "true"]).status();
    let time = |run: &dyn Fn() -> std::io::Result<std::process::ExitStatus>| {
        let start = Instant::now();
        assert!(run().is_ok_and(|status| status.success()), "`true` runs");
        start.elapsed().as_secs_f64() * 1e3
    };
    let added = median((0..51).map(|_| time(&recorded) - time(&bare)));
    println!("start-up of a recording: {added:.1} ms");
}

/// Replaces the table between the two marks.
fn write_readme(path: &Path, table: &str) {
    let text = fs::read_to_string(path).expect("a README");
    let (start, end) = ("<!-- benches/recorders -->\n", "<!-- end -->");
    let (head, rest) = text.split_once(start).expect("the first mark");
    let (_, tail) = rest.split_once(end).expect("the second mark");
    fs::write(path, format!("{head}{start}{table}{end}{tail}")).expect("written");
}
