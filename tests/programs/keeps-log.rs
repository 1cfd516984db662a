//! Opens a session, writes ten events, closes and finishes it: `keeps-log FOLDER`. Says what it believes to have done, a
//! line each; what failed it says, and goes on.
#![expect(clippy::print_stdout, reason = "its answer")]

use std::path::Path;

use agent_capture::event::{Bytes, EndKnown, Event, Exit, Sink, Status};
use agent_capture::journal::SessionId;
use agent_capture::session::{Active, Log, Recording, Sessions};

fn main() {
    let folder = std::env::args_os().nth(1).expect("a folder");
    let active = Active {
        version: 1,
        id: SessionId::parse("one").expect("a name"),
        start: "2026-11-22T10:00:00.000Z".to_owned(),
        base: None,
        line: Bytes::from("sh"),
        agent: None,
        agent_version: None,
        hooks: false,
        recording: Recording::default(),
    };
    let Ok(open) = Sessions::new(Path::new(&folder)).open(active) else { return println!("no session") };
    println!("open");
    let Ok(mut log) = Log::append(&open.claim().expect("a segment")) else { return println!("no log") };
    for process in 1..=10 {
        let exit = Event::Exit(Exit { at: 1, process, status: Some(Status::Code(0)), known: EndKnown::Wait });
        println!("{} {process}", if log.event(&exit).is_ok() { "written" } else { "unwritten" });
    }
    if open.close().is_ok() {
        println!("closed");
    }
    if open.finish().is_ok() {
        println!("finished");
    }
}
