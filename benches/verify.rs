//! What verification costs beside Nix: `cargo bench --bench verify`. The part with Nix needs a test bed: `bash tests/testbed.sh`,
//! and `AGENT_CAPTURE_TESTBED` set to it.

#![expect(clippy::print_stdout, reason = "it prints what it measures")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use agent_capture::ecosystems;
use agent_capture::event::{Bytes, Event, Exec, Exit, Status};
use agent_capture::journal::{Closing, Digest, Journal, Place, SessionId};

const BINARY: &str = env!("CARGO_BIN_EXE_agent-capture");

/// How many execs the long session has.
const EXECS: u64 = 10_000;

/// The most that the static level may take on it.
const STATIC: Duration = Duration::from_millis(50);

/// The most that the program may take around the calls of Nix.
const AROUND: Duration = Duration::from_millis(100);

/// How often each is measured; the median is printed.
const TIMES: usize = 15;

/// Returns the journal of a session of [`EXECS`] execs: a shell that runs lines, of which each runs some programs.
fn journal() -> Journal {
    let place = Place { root: "/home/u/project".into(), home: Some("/home/u".into()) };
    let mut closing = Closing::new(&place, 0, false, ecosystems::READS);
    let programs = ["/usr/bin/make", "/usr/bin/jq", "/usr/bin/rg", "/usr/bin/gcc", "/usr/bin/python3", "/usr/bin/sed"];
    for id in 1..=EXECS {
        let program = if id == 1 { "/bin/bash" } else { programs[(id % 6) as usize] };
        let argv = [program.rsplit('/').next().unwrap_or_default(), "check", &format!("file-{id}")].map(Bytes::from);
        let leads = id == 1 || id.is_multiple_of(4);
        closing.event(Event::Exec(Exec {
            id,
            at: id as i64,
            process: id,
            parent: (id > 1).then_some(if leads { 1 } else { id - id % 4 }).filter(|parent| *parent > 0),
            program: Bytes::from(program),
            resolved: None,
            loader: None,
            interpreters: Vec::new(),
            argv: argv.to_vec(),
            shortened: false,
            redacted: false,
            cwd: Bytes::from("/home/u/project"),
            probes: 0,
        }));
    }
    for process in (1..=EXECS).rev() {
        closing.event(Event::Exit(Exit {
            at: EXECS as i64,
            process,
            status: Some(Status::Code(0)),
            known: Default::default(),
        }));
    }
    let template = Journal::parse(include_bytes!("../fixtures/journal-v1/journal.json")).expect("a journal");
    let mut session = template.session;
    session.id = SessionId::parse("long").expect("a name");
    closing.finish(session, Digest::default(), &|_| BTreeMap::new())
}

/// A repository in a folder of its own, and how the program runs in it.
struct Project {
    folder: tempfile::TempDir,
    bed: Option<PathBuf>,
}

impl Project {
    fn new(bed: Option<PathBuf>) -> Self {
        let project = Self { folder: tempfile::tempdir().expect("a folder"), bed };
        fs::create_dir(project.root()).expect("a folder");
        project.ran("git", &["init", "-q"]);
        project
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("project")
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(self.root())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.env("HOME", self.folder.path()).env("GIT_CONFIG_GLOBAL", "/dev/null");
        if let Some(bed) = &self.bed {
            let path =
                format!("{}:{}", self.folder.path().join("bin").display(), std::env::var("PATH").unwrap_or_default());
            command.env("PATH", path).env("NIX_CONF_DIR", bed.join("nix-new/etc"));
            command.env("NIX_REMOTE", format!("local?root={}", bed.join("store-new").display()));
        }
        command
    }

    fn ran(&self, program: &str, arguments: &[&str]) {
        let status = self.command(program, arguments).status().expect("it runs");
        assert!(status.success(), "{program} {arguments:?}");
    }

    fn write(&self, path: &str, bytes: &[u8]) {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, bytes).expect("written");
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// Times the static level on the long session.
fn statically() {
    let project = Project::new(None);
    let journal = journal();
    let bytes = journal.to_bytes().expect("written");
    project.write(".agent-capture/long/journal.json", &bytes);
    project.ran(BINARY, &["render"]);
    let verify = || {
        let start = Instant::now();
        project.ran(BINARY, &["verify", "--level", "static"]);
        start.elapsed()
    };
    let took = median((0..TIMES).map(|_| verify()).collect());
    let commands = journal.commands.len();
    println!(
        "static: {EXECS} execs, {commands} commands, {} kB of journal: {took:.1?} (limit {STATIC:?})",
        bytes.len() / 1000
    );
}

/// Writes a `nix` that notes how long each call of the real one takes, in nanoseconds.
fn timed_nix(project: &Project, bed: &Path) {
    let notes = project.folder.path().join("notes");
    let real = bed.join("nix-new/bin/nix");
    let script = format!(
        "#!/bin/bash\nbefore=$EPOCHREALTIME\n'{}' \"$@\"\nstatus=$?\nafter=$EPOCHREALTIME\n\
         echo \"$(( ${{after/./}} - ${{before/./}} )) $1\" >> '{}'\nexit $status\n",
        real.display(),
        notes.display()
    );
    let path = project.folder.path().join("bin/nix");
    fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    fs::write(&path, script).expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("executable");
}

/// Times what the program does around the calls of Nix, when all is built already.
fn around_nix(bed: &Path) {
    let project = Project::new(Some(bed.to_path_buf()));
    timed_nix(&project, bed);
    let pin = fs::read_to_string(bed.join("pin.flakeref")).expect("a pin");
    project.write("Makefile", b"check:\n\techo checked\n");
    project.ran("git", &["add", "Makefile"]);
    project.ran("git", &["-c", "user.name=B", "-c", "user.email=b@example.org", "commit", "-qm", "A Makefile"]);
    let journal = include_str!("../fixtures/make-network/journal.json");
    project.write(".agent-capture/make-network/journal.json", journal.as_bytes());
    let policy = "[[drop]]\nattr = \"docker\"\nreason = \"x\"\n[[drop]]\nattr = \"curl\"\nreason = \"x\"\n";
    project.write(".agent-capture/policy.toml", policy.as_bytes());
    project.ran(BINARY, &["render", "--nixpkgs", pin.trim()]);
    project.ran(BINARY, &["verify"]);
    let notes = project.folder.path().join("notes");
    let mut own = Vec::new();
    let mut calls = BTreeMap::<String, Vec<Duration>>::new();
    for _ in 0..TIMES {
        fs::write(&notes, "").expect("emptied");
        let start = Instant::now();
        project.ran(BINARY, &["verify"]);
        let mut took = start.elapsed();
        for line in fs::read_to_string(&notes).expect("notes").lines() {
            let (micros, call) = line.split_once(' ').expect("two words");
            let time = Duration::from_micros(micros.parse().expect("a number"));
            took = took.saturating_sub(time);
            calls.entry(call.to_owned()).or_default().push(time);
        }
        own.push(took);
    }
    println!("around Nix: {:.1?} of our own (limit {AROUND:?})", median(own));
    for (call, times) in calls {
        let count = times.len() as f64 / TIMES as f64;
        println!("  nix {call}: {count:.0} calls, {:.1?} each", median(times));
    }
}

fn main() {
    statically();
    match std::env::var_os("AGENT_CAPTURE_TESTBED").map(PathBuf::from) {
        Some(bed) => around_nix(&bed.canonicalize().expect("a test bed")),
        None => println!("around Nix: SKIPPED, AGENT_CAPTURE_TESTBED is not set"),
    }
}
