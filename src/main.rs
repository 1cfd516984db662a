//! The program: parses the command line, calls one function of the pipeline, turns its answer into an exit status.

use std::process::ExitCode;

use agent_capture::cli::{self, Capture, Cli, Command, Format, Worker};
use agent_capture::console::{Console, Level};
use agent_capture::event::{Sink, Status};
use agent_capture::pipeline::{self, Answer, Options, Progress, Source, World};
use agent_capture::recorders::{self, Launch, LaunchArgs, WorkerArgs};
use anyhow::{Context, anyhow};
use clap::Parser;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let level = match (cli.quiet, cli.verbose) {
        (true, _) => Level::Quiet,
        (_, true) => Level::Verbose,
        _ => Level::Normal,
    };
    let console = Console::new(level);
    match act(&console, cli.command) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            console.error(&error);
            ExitCode::from(3)
        }
    }
}

/// Does what is asked and returns the exit status.
fn act(console: &Console, command: Command) -> anyhow::Result<u8> {
    let world = World {
        console,
        cwd: std::env::current_dir().context("failed to find the current folder")?,
        home: std::env::var_os("HOME").map(Into::into),
        path: std::env::var_os("PATH"),
        now: chrono::Utc::now,
    };
    match command {
        Command::Run(run) => Ok(session(console, pipeline::run(&world, &run.argv, &options(run.capture))?)),
        Command::Start(start) => {
            let shell = std::env::var_os("SHELL").unwrap_or_else(|| "/bin/sh".into());
            Ok(session(console, pipeline::start(&world, shell, &options(start.capture))?))
        }
        Command::Stop(stop) => pipeline::stop(&world, &options(stop.capture)).map(code),
        Command::Import(import) => {
            let source = match import.path {
                Some(path) if path.as_os_str() == "-" => Source::Input,
                Some(path) => Source::Path(path),
                None => Source::Latest,
            };
            pipeline::import(&world, &source, import.json, &options(import.capture)).map(code)
        }
        Command::Status(status) => show_status(&world, status.json),
        Command::Render(render) => pipeline::render(&world, render.nixpkgs.as_deref()).map(code),
        Command::Verify(verify) => {
            let verified = pipeline::verify(&world, verify.include_work)?;
            if verify.json {
                console.print(verified.json()?)?;
            }
            Ok(code(verified.answer()))
        }
        Command::Commit(commit) => {
            let options = Options {
                verify: !commit.no_verify,
                commit: true,
                include_work: commit.include_work,
                yes: commit.yes,
                ..Options::default()
            };
            pipeline::commit(&world, &options).map(code)
        }
        Command::Minimize(minimize) => {
            let Some(minimal) = pipeline::minimize(&world, minimize.write)? else { return Ok(1) };
            console.print(if minimize.json { minimal.json()? } else { minimal.terminal() })?;
            Ok(if minimize.write { 0 } else { code(minimal.answer()) })
        }
        Command::Report(report) => {
            let text = pipeline::report(&world, |it| match report.format {
                Format::Terminal => it.terminal(),
                Format::Markdown => it.markdown(),
                Format::Json => it.json(),
            })?;
            console.print(text)?;
            Ok(0)
        }
        Command::Completions { shell } => {
            Ok(console.print(String::from_utf8_lossy(&cli::completions(shell))).map(|()| 0)?)
        }
        Command::Man { folder } => {
            cli::man(&folder).map(|()| 0).with_context(|| format!("failed to write into `{}`", folder.display()))
        }
        Command::Front(front) => {
            let segment = std::path::absolute(front.segment)?;
            let closed = front.closed.map_or_else(|| Ok(segment.with_extension("closed")), std::path::absolute)?;
            let program = front.argv[0].to_string_lossy().into_owned();
            let launch = Launch { argv: front.argv, segment, closed, recorder: None, exit_group: front.exit_group };
            let finished = recorders::run(&launch)?;
            if let Some(why) = finished.failure {
                console.error(&anyhow!("cannot run `{program}`: {why}"));
            }
            Ok(finished.status.shell())
        }
        Command::Worker(Worker { segment, closed, socket, exit_group, resume, argv }) => {
            // Its error was told to the front, which says it.
            let work =
                |sink: &mut dyn Sink| recorders::worker(&WorkerArgs { closed, socket, exit_group, resume, argv }, sink);
            Ok(pipeline::worker(&segment, work).is_err().into())
        }
        Command::Launch(cli::Launch { socket, exit_group, argv }) => {
            Ok(recorders::launch(&LaunchArgs { socket, exit_group, argv }))
        }
    }
}

fn options(capture: Capture) -> Options {
    let Capture { no_verify, no_commit, dry_run, include_work, yes, nixpkgs, name } = capture;
    Options { verify: !no_verify, commit: !no_commit, dry_run, include_work, yes, nixpkgs, name }
}

fn code(answer: Answer) -> u8 {
    match answer {
        Answer::Yes => 0,
        Answer::No => 1,
    }
}

/// Returns the exit status of `run`: the session's own when it is not 0, else ours.
fn session(console: &Console, (status, answer): (Status, anyhow::Result<Answer>)) -> u8 {
    let ours = answer.map_or_else(
        |error| {
            console.error(&error);
            3
        },
        code,
    );
    if status.is_success() { ours } else { status.shell() }
}

fn show_status(world: &World, json: bool) -> anyhow::Result<u8> {
    let progress = pipeline::status(world)?;
    let text = match (&progress, json) {
        (_, true) => Progress::json(progress.as_ref()),
        (Some(progress), false) => progress.terminal(),
        (None, false) => "no session is open here\n".to_owned(),
    };
    world.console.print(text)?;
    Ok(0)
}
