//! What writing and closing a long session costs: `cargo bench --bench journal`.

#![expect(clippy::print_stdout, reason = "it prints what it measures")]

use std::path::Path;
use std::time::{Duration, Instant};

use agent_capture::ecosystems;
use agent_capture::event::{Bytes, EndKnown, Event, Exec, Exit, Sink, Start, Status};
use agent_capture::index::Index;
use agent_capture::journal::{Closing, Journal, Place, SessionId};
use agent_capture::policy::Policy;
use agent_capture::session::{Active, Log, Recording, Sessions};
use rustix::time::{ClockId, clock_gettime};

/// How many processes the session has: an exec and an exit each.
const PROCESSES: u64 = 500_000;

fn exec(id: u64) -> Event {
    let program = ["/usr/bin/gcc", "/usr/bin/jq", "/usr/bin/rg", "/bin/sh", "/usr/bin/sed"][(id % 5) as usize];
    Event::Exec(Exec {
        id,
        at: 1_800_000_000_000 + id as i64,
        process: id,
        parent: (id > 1).then_some(if id.is_multiple_of(8) { 1 } else { id - id % 8 }).filter(|parent| *parent > 0),
        program: Bytes::from(program),
        loader: Some(Bytes::from("/lib64/ld-linux-x86-64.so.2")),
        argv: vec![Bytes::from(program), Bytes::from("-O2"), Bytes::from(format!("src/file-{id}.c"))],
        cwd: Bytes::from("/home/u/project"),
        ..Exec::default()
    })
}

/// Returns the most memory that this process had, in MB (proc(5), VmHWM).
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0");
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0) / 1000
}

/// Returns the time that processors worked for this process, which other programs do not lengthen as they do that on the wall.
fn busy() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let active = Active {
        version: 1,
        id: SessionId::parse("long").expect("a name"),
        start: "2027-01-15T08:00:00.000Z".to_owned(),
        base: None,
        line: Bytes::from("bash agent.sh"),
        agent: None,
        agent_version: None,
        hooks: false,
        recording: Recording::default(),
    };
    let open = Sessions::new(folder.path()).open(active).expect("a session");
    write(&open.claim().expect("a segment"));
    let place = Place { root: "/home/u/project".into(), home: Some("/home/u".into()) };
    let (start, busy) = (Instant::now(), busy());
    let mut closing = Closing::new(&place, 1_800_000_000_000, false, ecosystems::READS);
    let digest = open.read(&mut |event| match event {
        None => closing.segment(),
        Some(event) => closing.event(event),
    });
    let template = Journal::parse(include_bytes!("../fixtures/journal-v1/journal.json")).expect("a journal");
    let journal = closing.finish(template.session, digest.expect("events"), &|_| Default::default());
    let (took, events, busy) = (start.elapsed(), journal.events.count, self::busy() - busy);
    println!(
        "close: {events} events, {} MB, in {took:.2?}, {busy:.2?} of the processor; {} MB of memory at most",
        journal.events.length / 1_000_000,
        peak()
    );
    let start = Instant::now();
    let requirements = ecosystems::resolve(&[journal], &Index::new(), &Policy::default());
    println!("resolve: {} packages in {:.2?}", requirements.packages.len(), start.elapsed());
}

/// Writes the session's events as a recorder does, one `write` each.
fn write(segment: &Path) {
    let mut log = Log::append(segment).expect("a segment");
    let start = Instant::now();
    let head = Start { format: 1, at: 1_800_000_000_000, recorder: "seccomp".to_owned(), blind: Vec::new() };
    log.event(&Event::Start(head)).expect("written");
    let (at, status, known) = (1_800_000_000_005, Some(Status::Code(0)), EndKnown::Pidfd);
    let exit = |process| Event::Exit(Exit { at, process, status, known });
    log.event(&exec(1)).expect("written");
    for id in 2..=PROCESSES {
        log.event(&exec(id)).expect("written");
        log.event(&exit(id)).expect("written");
    }
    log.event(&exit(1)).expect("written");
    let took = start.elapsed();
    println!(
        "write: {} events in {took:.2?}: {:.0} a second",
        2 * PROCESSES + 1,
        2.0 * PROCESSES as f64 / took.as_secs_f64()
    );
}
