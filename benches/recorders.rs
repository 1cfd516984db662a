//! What recording costs, ours and the installed peers side by side.
//!
//! ```text
//! cargo bench --bench recorders -- --quick     ours alone, some five minutes
//! cargo bench --bench recorders -- --peers     also those that Debian, PyPI and crates.io have, some ten minutes
//!     --write          put the table into README.md
//!     --seconds N      how long each workload is repeated
//!     --only NAME      one workload
//! ```
//!
//! Every round runs each workload bare and under each recorder, in random order; a figure is the median over the rounds of
//! the ratio to the bare run of the same round: of the time on the wall, and in brackets of the processors' time. Ours is what
//! a user types, `run --no-render`, its start and the closing of the session included. A recorder that makes the workload
//! more than three times slower runs once. The floors are what Linux itself costs that asks before each call, on this machine
//! and at that time: `workloads/floor.c` looks at nothing.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it prints what it measures")]

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How many rounds there are at least, and at most.
const ROUNDS: (usize, usize) = (3, 41);
/// From which ratio on a recorder runs once.
const SLOW: f64 = 3.0;
/// What ours may cost, a row for each [`OURS`] and a column for each workload.
const LIMITS: [[Option<f64>; 4]; 4] = [
    [Some(1.08), Some(1.06), Some(1.03), Some(1.02)],
    [None; 4],
    [None; 4],
    [Some(1.35), Some(1.25), Some(1.20), Some(1.10)],
];
/// The recorder of [`OURS`], which is the best one in a build without eBPF.
const WITHOUT: &str = if cfg!(feature = "ebpf") { "--recorder seccomp" } else { "" };
/// Our way to record by eBPF, what it sees, and what it may cost.
const EBPF: (&str, &str, [Option<f64>; 4]) =
    ("--recorder ebpf --files full", "exec, end, network, opens", [Some(1.05), Some(1.05), Some(1.03), Some(1.02)]);
/// Our ways to record, and what they see.
const OURS: [(&str, &str); 4] = [
    ("--exec-only", "exec, end"),
    ("", "exec, end, network"),
    ("--files maps", "exec, end, network, libraries"),
    ("--files full", "exec, end, network, opens"),
];

/// A recorder, and the words before a command that is recorded.
struct Recorder {
    name: String,
    sees: &'static str,
    words: Vec<String>,
    limits: [Option<f64>; 4],
}

struct Workload {
    name: &'static str,
    /// Run before each measurement.
    before: &'static str,
    command: String,
}

/// Seconds of one run: on the wall, and of the processors.
#[derive(Clone, Copy)]
struct Run {
    wall: f64,
    cpu: f64,
}

struct Asked {
    peers: bool,
    write: bool,
    seconds: u64,
    only: Option<String>,
}

impl Asked {
    fn parse() -> Self {
        let words: Vec<String> = std::env::args().skip(1).collect();
        let has = |word: &str| words.iter().any(|own| own == word);
        let after = |word: &str| words.iter().skip_while(|own| *own != word).nth(1).cloned();
        let usual = if has("--quick") { 75 } else { 120 };
        let seconds = after("--seconds").map_or(usual, |text| text.parse().expect("a number of seconds"));
        Self { peers: has("--peers"), write: has("--write"), seconds, only: after("--only") }
    }
}

fn main() {
    let asked = Asked::parse();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = root.join("target/bench");
    let mut prepare = Command::new("bash");
    prepare.arg(root.join("benches/workloads/prepare.sh")).arg(&folder).args(asked.peers.then_some("--peers"));
    assert!(prepare.status().is_ok_and(|status| status.success()), "the workloads are prepared");
    let (workloads, recorders) = (workloads(), recorders(&folder, asked.peers));
    let columns: Vec<Vec<String>> = workloads
        .iter()
        .enumerate()
        .map(|(number, workload)| {
            let wanted = asked.only.as_ref().is_none_or(|only| workload.name.contains(only.as_str()));
            let budget = Duration::from_secs(if wanted { asked.seconds } else { 0 });
            measure(&folder, workload, &recorders, budget, number)
        })
        .collect();
    let table = table(&workloads, &recorders, &columns);
    println!("\n{table}");
    if asked.write {
        write_readme(&root.join("README.md"), &table);
    }
}

fn table(workloads: &[Workload], recorders: &[Recorder], columns: &[Vec<String>]) -> String {
    let mut table = String::from("| recorder | sees |");
    workloads.iter().for_each(|workload| write!(table, " {} |", workload.name).expect("a String"));
    writeln!(table, "\n|---|---|{}", "---|".repeat(workloads.len())).expect("a String");
    for (number, recorder) in recorders.iter().enumerate().skip(1) {
        write!(table, "| {} | {} |", recorder.name, recorder.sees).expect("a String");
        columns.iter().for_each(|column| write!(table, " {} |", column[number]).expect("a String"));
        table.push('\n');
    }
    table
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

fn workloads() -> [Workload; 4] {
    // Where its source is: one that is configured already refuses to be so from elsewhere.
    let configure = "cd sed && ./configure -q".to_owned();
    let make = "make -s -C sed -j2".to_owned();
    let python = "sh open-heavy.sh".to_owned();
    [
        Workload { name: "exec-heavy", before: "true", command: "sh exec-heavy.sh".to_owned() },
        Workload { name: "`./configure`", before: "true", command: configure },
        Workload { name: "`make -j2`", before: "make -s -C sed clean", command: make },
        Workload { name: "open-heavy", before: "true", command: python },
    ]
}

fn recorders(folder: &Path, peers: bool) -> Vec<Recorder> {
    let recorder = |name: String, sees, text: &str, limits| Recorder { name, sees, words: words(text), limits };
    let mut found = vec![recorder("none".to_owned(), "", "", [None; 4])];
    let ours = OURS.into_iter().zip(LIMITS).map(|((flags, sees), limits)| (flags, sees, limits, WITHOUT));
    let ebpf = cfg!(feature = "ebpf").then_some((EBPF.0, EBPF.1, EBPF.2, ""));
    for (flags, sees, limits, more) in ours.chain(ebpf) {
        let name = format!("`agent-capture run {flags}").trim_end().to_owned() + "`";
        let text = format!("{} -q run {flags} {more} --no-render --", env!("CARGO_BIN_EXE_agent-capture"));
        found.push(recorder(name, sees, &text, limits));
    }
    let floor = folder.join("floor");
    for (name, calls) in [("floor: each exec asked for", "execs"), ("floor: each exec and open", "opens")] {
        if floor.exists() {
            found.push(recorder(name.to_owned(), "nothing", &format!("{} {calls}", floor.display()), [None; 4]));
        }
    }
    let (out, prefix) = (folder.join("out"), folder.join("peers/bin"));
    let (out, prefix) = (out.display(), prefix.display());
    let strace = format!("strace -f -qq --seccomp-bpf -o {out}.strace -e trace=execve,execveat");
    let all = [
        ("strace `--seccomp-bpf`", "exec", strace.clone()),
        ("strace `--seccomp-bpf`", "exec, open", format!("{strace},open,openat,openat2")),
        ("tracexec", "exec", format!("{prefix}/tracexec collect --format=json-stream -o {out}.tracexec --")),
        ("Bear", "exec", format!("bear --output {out}.bear --")),
        ("fsatrace", "open", format!("fsatrace rwmdq {out}.fsatrace --")),
        (
            "ReproZip",
            "exec, end, open",
            format!("{prefix}/reprozip trace --overwrite --dont-identify-packages -d {out}.reprozip"),
        ),
    ];
    for (name, sees, text) in all.iter().filter(|_| peers) {
        let mut try_it = Command::new(&words(text)[0]);
        match try_it.arg("--help").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status() {
            Ok(_) => found.push(recorder((*name).to_owned(), sees, text, [None; 4])),
            Err(_absent) => eprintln!("{name} is not installed: left out"),
        }
    }
    found
}

/// Returns the cells of a column.
fn measure(folder: &Path, workload: &Workload, recorders: &[Recorder], budget: Duration, number: usize) -> Vec<String> {
    if budget.is_zero() {
        return vec!["".to_owned(); recorders.len()];
    }
    let end = Instant::now() + budget;
    once(folder, workload, &recorders[0]); // Warms the caches.
    let mut seen: Vec<Vec<Run>> = vec![Vec::new(); recorders.len()];
    let mut bare = Vec::new();
    let mut random = 1_u64;
    for round in 0..ROUNDS.1 {
        if round >= ROUNDS.0 && Instant::now() > end {
            break;
        }
        let mut order: Vec<usize> = (0..recorders.len()).collect();
        for last in (1..order.len()).rev() {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            order.swap(last, (random >> 33) as usize % (last + 1));
        }
        let slow = |recorder: usize| {
            let first = seen[recorder].first().zip(bare.first());
            first.is_some_and(|(run, bare): (&Run, &Run)| run.wall > SLOW * bare.wall)
        };
        order.retain(|recorder| !slow(*recorder));
        let mut runs: Vec<(usize, Run)> =
            order.into_iter().map(|number| (number, once(folder, workload, &recorders[number]))).collect();
        runs.sort_by_key(|run| run.0);
        bare.push(runs[0].1);
        runs.iter().for_each(|(number, run)| seen[*number].push(*run));
    }
    let ratios = |runs: &[Run], what: fn(&Run) -> f64| median(runs.iter().zip(&bare).map(|(a, b)| what(a) / what(b)));
    let cell = |(recorder, runs): (&Recorder, &Vec<Run>)| {
        let (wall, cpu) = (ratios(runs, |run| run.wall), ratios(runs, |run| run.cpu));
        let over = recorder.limits[number].filter(|limit| wall > *limit + 0.005);
        if let Some(limit) = over {
            println!("OVER: {} on {}: {wall:.3}, the limit is {limit}", recorder.name, workload.name);
        }
        format!("{wall:.2} ({cpu:.2})")
    };
    let cells: Vec<String> = recorders.iter().zip(&seen).map(cell).collect();
    let (rounds, took) = (bare.len(), median(bare.iter().map(|run| run.wall)));
    println!("{}: {rounds} rounds, bare {took:.2} s: {}", workload.name, cells[1..].join(" "));
    cells
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { (values[middle - 1] + values[middle]) / 2.0 }
}

/// Measures one run.
fn once(folder: &Path, workload: &Workload, recorder: &Recorder) -> Run {
    let work = folder.join("work");
    let command = |words: &[String], line: &str| {
        let shell = ["sh", "-c", line].map(str::to_owned);
        let all = [words, &shell].concat();
        let mut command = Command::new(&all[0]);
        command.args(&all[1..]).current_dir(&work);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    assert!(command(&[], workload.before).status().is_ok_and(|it| it.success()), "{} is prepared", workload.name);
    let mut command = command(&recorder.words, &workload.command);
    let (cpu, start) = (children(), Instant::now());
    let status = command.status().expect("it runs");
    let run = Run { wall: start.elapsed().as_secs_f64(), cpu: children() - cpu };
    assert!(status.success(), "{} under {}: {status}", workload.name, recorder.name);
    for left in [".agent-capture", ".git/agent-capture"].map(|name| folder.join(name)) {
        drop(fs::remove_dir_all(left));
    }
    run
}

/// Returns the CPU seconds of all children that were waited for (proc(5), stat: cutime and cstime, in ticks of 10 ms).
fn children() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").expect("proc");
    let fields: Vec<&str> = stat.rsplit(')').next().expect("fields").split_whitespace().collect();
    let ticks = |number: usize| fields[number].parse::<f64>().expect("ticks");
    (ticks(13) + ticks(14)) / 100.0
}

/// Replaces the table between the two marks.
fn write_readme(path: &PathBuf, table: &str) {
    let text = fs::read_to_string(path).expect("a README");
    let (start, end) = ("<!-- benches/recorders -->\n", "<!-- end -->");
    let (head, rest) = text.split_once(start).expect("the first mark");
    let (_, tail) = rest.split_once(end).expect("the second mark");
    fs::write(path, format!("{head}{start}{table}{end}{tail}")).expect("written");
}
