//! What a kill or an I/O error at any write, sync or rename leaves of the events: the old or the new state, never a torn one.
#![cfg(target_os = "linux")]

mod support;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use agent_capture::event::{Event, Exit};
use agent_capture::session::Sessions;
use support::faults::{self, Strace};
use support::recording::*;

/// Returns the processes whose ends are in a segment; a line that is cut off at its end does not count.
fn processes_in(segment: &Path) -> Vec<u64> {
    let text = fs::read(segment).unwrap_or_default();
    let whole = text.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n"));
    let event = |line| match serde_json::from_slice(line).expect("a whole event") {
        Event::Exit(Exit { process, .. }) => process,
        other => panic!("{other:?}"),
    };
    whole.map(event).collect()
}

#[test]
fn the_event_log() {
    if !faults::possible() {
        return;
    }
    let program = example("keeps-log");
    let run = |strace: &Strace| {
        let folder = tempfile::tempdir().expect("a folder");
        let words = strace.words(&[]);
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).arg(&program).arg(folder.path()).stdin(Stdio::null());
        let output = command.output().expect("strace");
        (folder, output)
    };
    let mut states = std::collections::BTreeSet::new();
    faults::each(run, |fault, folder, output| {
        let fault = fault.map_or("nothing".to_owned(), ToString::to_string);
        let said = String::from_utf8_lossy(&output.stdout);
        let says = |line: &str| said.lines().any(|own| own == line);
        let numbers = |word: &str| -> Vec<u64> {
            said.lines().filter_map(|line| line.strip_prefix(word)?.parse().ok()).collect()
        };
        let open = Sessions::new(folder.path()).active().unwrap_or_else(|error| panic!("{fault}: {error:#}"));
        let ended = output.status.success();
        assert!(open.is_some() || says("finished") || !says("open") || !ended, "{fault}: {said}");
        let segment = folder.path().join("agent-capture/one/events-1.jsonl");
        let (there, written, unwritten) = (processes_in(&segment), numbers("written "), numbers("unwritten "));
        assert!(there.is_sorted_by(|a, b| a < b), "{fault}: {there:?}");
        // What it said is there is there; the one that it could not speak of may be.
        let more: Vec<_> = there.iter().filter(|process| !written.contains(process)).collect();
        assert!(written.iter().all(|process| there.contains(process)), "{fault}: {there:?} {said}");
        assert!(
            more.len() <= 1 && more.iter().all(|process| !unwritten.contains(process)),
            "{fault}: {there:?} {said}"
        );
        if let Some(open) = open {
            let mut read = 0;
            let digest = open.read(&mut |event| read += usize::from(event.is_some()));
            let digest = digest.unwrap_or_else(|error| panic!("{fault}: {error:#}"));
            assert_eq!((read, digest.unwritten), (there.len(), unwritten.len() as u64), "{fault}: {said}");
        }
        states.insert((there.len(), says("finished")));
    });
    assert!(states.contains(&(10, true)) && states.contains(&(0, false)) && states.len() > 10, "{states:?}");
}

/// Faults of the recorder at its own files, while it records: the session does not notice.
#[test]
fn a_recorder_at_its_files() {
    if !faults::possible() {
        return;
    }
    let run = |strace: &Strace| {
        let session = Session::new();
        let (segment, count) = (session.path("segment"), session.path("segment.unwritten"));
        let words = strace.words(&[&segment, &count]);
        let recording = session.recording(["/bin/sh", "-c", "/bin/true && /bin/echo said; /bin/true; exit 5"]);
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).arg(recording.get_program()).args(recording.get_args());
        let output = command.current_dir(session.folder.path()).stdin(Stdio::null()).output().expect("strace");
        (session, output)
    };
    let mut whole = 0;
    faults::each(run, |fault, session, output| {
        let recorded = session.finish(output.clone());
        let what = fault.map_or("nothing".to_owned(), ToString::to_string);
        let seen = recorded.events.iter().filter(|event| !matches!(event, Event::Lost(_))).count() as u64;
        match fault {
            None => whole = seen,
            // It could not begin, so nothing was run.
            Some(_) if recorded.code() == Some(3) => {
                assert_eq!((recorded.stdout(), seen), ("", 0), "{what}: {output:?}");
                return;
            }
            Some(fault) if fault.kills() => {
                let told = recorded.events.iter().any(|event| matches!(event, Event::Lost(_)));
                assert!(told || seen == whole, "{what}: {:#?}", recorded.events);
            }
            Some(_) => {
                let count = fs::read_to_string(session.path("segment.unwritten")).expect("a count");
                let unwritten: u64 = count.trim().parse().expect("a number");
                assert_eq!(seen + recorded.lost() + unwritten, whole, "{what}: {:#?}", recorded.events);
            }
        }
        assert_eq!((recorded.code(), recorded.stdout()), (Some(5), "said\n"), "{what}: {output:?}");
    });
}
