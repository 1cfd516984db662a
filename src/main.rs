//! The program: parses the command line, calls one function of the pipeline, turns its answer into an exit status.

use std::process::ExitCode;

use agent_capture::cli::{self, Capture, Cli, Command, Files, Format, Recording, VerifyFormat, VerifyLevel, Worker};
use agent_capture::console::{Console, Level};
use agent_capture::event::{Sink, Status};
use agent_capture::pipeline::{self, Answer, Brought, Found, Options, Progress, Source, Verify, World};
use agent_capture::recorders::{self, Depth, Launch, LaunchArgs, WorkerArgs};
use agent_capture::verification;
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
        Command::Run(run) => {
            Ok(session(console, pipeline::run(&world, &run.argv, &recorded(run.recording, run.capture))?))
        }
        Command::Start(start) => {
            let shell = std::env::var_os("SHELL").unwrap_or_else(|| "/bin/sh".into());
            Ok(session(console, pipeline::start(&world, shell, &recorded(start.recording, start.capture))?))
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
        Command::Export(cli::Export { write, nixpkgs, argv }) => {
            pipeline::export(&world, &argv, nixpkgs.as_deref(), write).map(code)
        }
        Command::Status(status) => show_status(&world, status.json),
        Command::List(list) => {
            let all = pipeline::list(&world)?;
            let none = all.is_empty() && !list.json;
            console.print(if list.json { Brought::json(&all)? } else { Brought::terminal(&all) })?;
            if none {
                console.say("there is no session here; `agent-capture run -- CMD` records one");
            }
            Ok(0)
        }
        Command::Show(show) => {
            let shown = pipeline::show(&world, show.session.as_deref())?;
            console.print(if show.json { shown.json()? } else { shown.terminal() })?;
            Ok(0)
        }
        Command::Forget(cli::Forget { sessions, no_verify, no_commit, yes }) => {
            let options = Options { verify: !no_verify, commit: !no_commit, yes, ..Options::default() };
            pipeline::forget(&world, &sessions, &options).map(code)
        }
        Command::Render(render) => pipeline::render(&world, render.nixpkgs.as_deref()).map(code),
        Command::Verify(verify) => show_verified(&world, verify),
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
        Command::Update(update) => {
            let options = Options { verify: true, commit: !update.no_commit, yes: update.yes, ..Options::default() };
            pipeline::update(&world, update.pin.as_deref(), &options).map(code)
        }
        Command::Rollback { yes } => pipeline::rollback(&world, yes).map(code),
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
        Command::Index(cli::Index::Build(cli::Build { database, attrs, output, force, dry_run })) => {
            let build = pipeline::Build { database, attrs, output, force, dry_run };
            pipeline::index_build(&world, &build).map(code)
        }
        Command::Index(cli::Index::Which(which)) => {
            let found = pipeline::index_which(which.names);
            console.print(if which.json { Found::json(&found)? } else { Found::terminal(&found) })?;
            Ok(code(Found::answer(&found)))
        }
        #[cfg(feature = "mcp")]
        Command::Mcp => pipeline::mcp(&world).map(code),
        Command::Doctor(doctor) => {
            let found = pipeline::doctor(&world);
            console.print(if doctor.json { found.json()? } else { found.terminal() })?;
            Ok(code(found.answer()))
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
            let (argv, recorder, exit_group) = (front.argv, front.recorder, front.exit_group);
            let launch = Launch {
                argv,
                segment,
                closed,
                recorder,
                exit_group,
                depth: depth(&front.depth)?,
                ..Launch::default()
            };
            let finished = recorders::run(&launch)?;
            if let Some(why) = finished.failure {
                console.error(&anyhow!("cannot run `{program}`: {why}"));
            }
            Ok(finished.status.shell())
        }
        Command::Worker(Worker { recorder, segment, closed, socket, exit_group, depth: name, resume, argv }) => {
            let args = WorkerArgs { recorder, closed, socket, exit_group, depth: depth(&name)?, resume, argv };
            // Its error was told to the front, which says it.
            let work = |sink: &mut dyn Sink| recorders::worker(&args, sink);
            Ok(pipeline::worker(&segment, work).is_err().into())
        }
        Command::Launch(cli::Launch { socket, exit_group, no_filter, depth: name, argv }) => {
            Ok(recorders::launch(&LaunchArgs { socket, exit_group, no_filter, depth: depth(&name)?, argv }))
        }
    }
}

fn options(capture: Capture) -> Options {
    let Capture { no_verify, no_commit, dry_run, include_work, yes, nixpkgs, name } = capture;
    Options { verify: !no_verify, commit: !no_commit, dry_run, include_work, yes, nixpkgs, name, ..Options::default() }
}

/// Returns the options of a command that records.
fn recorded(recording: Recording, capture: Capture) -> Options {
    let Recording { recorder, keep_sudo, exec_only, files } = recording;
    let depth = match files {
        _ if exec_only => Depth::Execs,
        Files::Off => Depth::Network,
        Files::Maps => Depth::Maps,
        Files::Full => Depth::Full,
    };
    Options { recorder, keep_sudo, depth, ..options(capture) }
}

/// Parses what one process of a recorder told another.
fn depth(name: &str) -> anyhow::Result<Depth> {
    Depth::parse(name).with_context(|| format!("`{}` is no depth", name.escape_default()))
}

/// Verifies, and says what was found in the form that is asked for.
fn show_verified(world: &World, verify: cli::Verify) -> anyhow::Result<u8> {
    let asked = Verify {
        level: match verify.level {
            VerifyLevel::Static => verification::Level::Static,
            VerifyLevel::Eval => verification::Level::Eval,
            VerifyLevel::Build => verification::Level::Build,
            VerifyLevel::Replay => verification::Level::Replay,
        },
        commit: verify.commit,
        base: verify.base,
        untrusted: verify.untrusted || pipeline::is_from_elsewhere(&|name| std::env::var(name).ok()),
        include_work: verify.include_work,
    };
    let verified = pipeline::verify(world, &asked)?;
    let format = if verify.json { VerifyFormat::Json } else { verify.format };
    let text = match format {
        VerifyFormat::Terminal => {
            world.console.say(verified.terminal().trim_end());
            String::new()
        }
        VerifyFormat::Json => verified.json()?,
        VerifyFormat::Gitlab => verified.gitlab(),
        VerifyFormat::Sarif => verified.sarif(),
        VerifyFormat::Markdown => verified.markdown(),
        VerifyFormat::Github => {
            if let Some(summary) = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty()) {
                pipeline::summarize(summary.as_ref(), &verified)?;
            }
            verified.github(&pipeline::token()?)
        }
    };
    world.console.print(text)?;
    Ok(code(verified.answer()))
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
        (_, true) => Progress::json(progress.as_ref())?,
        (Some(progress), false) => progress.terminal(),
        (None, false) => "no session is open here\n".to_owned(),
    };
    world.console.print(text)?;
    Ok(0)
}
