//! Stands in for the command line until that is there: `run`, and the hidden subcommands of a recording.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use agent_capture::event::{Event, Sink};
use agent_capture::recorders::{self, Launch, LaunchArgs, WorkerArgs};
use anyhow::{Context, Result, bail};

struct Segment(File);

impl Sink for Segment {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        let mut line = serde_json::to_vec(event)?;
        line.push(b'\n');
        self.0.write_all(&line)
    }
}

#[derive(Default)]
struct Options {
    segment: PathBuf,
    closed: Option<PathBuf>,
    socket: i32,
    exit_group: bool,
    resume: bool,
    argv: Vec<OsString>,
}

fn options(mut words: impl Iterator<Item = OsString>) -> Result<Options> {
    let mut options = Options::default();
    while let Some(word) = words.next() {
        let mut value = || words.next().context("an option lacks its value");
        match word.to_str() {
            Some("--segment") => options.segment = std::path::absolute(value()?)?,
            Some("--closed") => options.closed = Some(std::path::absolute(value()?)?),
            Some("--socket") => options.socket = value()?.to_str().unwrap_or("").parse()?,
            Some("--exit-group") => options.exit_group = true,
            Some("--resume") => options.resume = true,
            Some("--") => options.argv = words.by_ref().collect(),
            _ => bail!("unknown option {}", word.display()),
        }
    }
    Ok(options)
}

fn front(options: Options) -> Result<u8> {
    let closed = options.closed.unwrap_or_else(|| options.segment.with_extension("closed"));
    let Options { argv, segment, exit_group, .. } = options;
    let name = argv.first().context("no command")?.clone();
    let finished = recorders::run(&Launch { argv, segment, closed, recorder: None, exit_group })?;
    if let Some(why) = finished.failure {
        writeln!(io::stderr(), "error: cannot run `{}`: {why}", name.display())?;
    }
    Ok(finished.status.shell())
}

fn dispatch() -> Result<u8> {
    let mut words = std::env::args_os().skip(1);
    let name = words.next().unwrap_or_default();
    let mut options = options(words)?;
    match name.to_str() {
        Some("run") => {
            options.segment = std::path::absolute("events.jsonl")?;
            front(options)
        }
        Some("__front") => front(options),
        Some("doctor") => {
            for recorder in recorders::ALL {
                writeln!(io::stdout(), "{}: {:?}", recorder.name(), recorder.available())?;
            }
            Ok(0)
        }
        Some("__worker") => {
            let mut sink = Segment(File::options().create(true).append(true).open(&options.segment)?);
            let Options { closed, socket, exit_group, resume, argv, .. } = options;
            let closed = closed.context("no --closed")?;
            // Its error was told to the front, which says it.
            let told = recorders::worker(&WorkerArgs { closed, socket, exit_group, resume, argv }, &mut sink);
            Ok(told.is_err().into())
        }
        Some("__launch") => {
            let Options { socket, exit_group, argv, .. } = options;
            Ok(recorders::launch(&LaunchArgs { socket, exit_group, argv }))
        }
        _ => bail!("usage: agent-capture run -- COMMAND ({})", OsStr::display(&name)),
    }
}

fn main() -> ExitCode {
    match dispatch() {
        Ok(status) => status.into(),
        Err(error) => {
            drop(writeln!(io::stderr(), "error: {error:#}"));
            3.into()
        }
    }
}
