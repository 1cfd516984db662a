//! The program: parses the command line, calls one function of the pipeline, turns its answer into an exit status.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use agent_capture::agents;
use agent_capture::cli::{
    self, Capture, Cli, Command, DiffFormat, Files, Format, Recording, Shell, VerifyFormat, VerifyLevel, Worker,
};
use agent_capture::console::{Console, Level};
use agent_capture::event::{Sink, Status};
use agent_capture::pipeline::{
    self, Answer, Brought, Change, Form, Found, Options, Place, Progress, Source, Syntax, Verify, World,
};
use agent_capture::recorders::{self, Depth, GuardArgs, Launch, LaunchArgs, Task, WorkerArgs};
use agent_capture::verification;
use anyhow::{Context, anyhow};
use clap::Parser;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        // An agent takes status 2 for: do not run this.
        Err(error) if error.use_stderr() && is_unheard_hook() => return ExitCode::SUCCESS,
        Err(error) => error.exit(),
    };
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

/// Returns whether this is a call of the hook that need not say what is wrong with it.
fn is_unheard_hook() -> bool {
    let mut arguments = std::env::args_os().skip(1);
    arguments.next().is_some_and(|name| name == "hook") && !arguments.any(|argument| argument == "--strict")
}

/// Does what is asked and returns the exit status.
fn act(console: &Console, command: Command) -> anyhow::Result<u8> {
    let world = World {
        console,
        cwd: cwd(&command)?,
        home: std::env::var_os("HOME").map(Into::into),
        path: std::env::var_os("PATH"),
        now: chrono::Utc::now,
    };
    match command {
        Command::Run(run) => {
            Ok(session(console, pipeline::run(&world, &run.argv, &recorded(run.recording, run.capture))?))
        }
        Command::Start(start) => {
            if let Some(pid) = start.attach {
                return pipeline::attach(&world, pid, &recorded(start.recording, start.capture)).map(code);
            }
            let place = place(start.shell);
            Ok(session(console, pipeline::start(&world, &place, &recorded(start.recording, start.capture))?))
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
        Command::Hooks(hooks) => change_hooks(&world, hooks),
        Command::Hook(hook) => heard(&world, &hook),
        Command::Finish => pipeline::finish(&world).map(|()| 0),
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
                branch: commit.branch,
                run_hooks: commit.run_hooks,
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
        Command::Report(report) => show_report(&world, &report),
        Command::Diff(diff) => show_diff(&world, &diff),
        Command::Index(cli::Index::Build(cli::Build { database, attrs, debian, output, force, dry_run })) => {
            let build = pipeline::Build { database, attrs, debian, output, force, dry_run };
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
                receivers: front.receivers,
                depth: depth(&front.depth)?,
                ..Launch::default()
            };
            let finished = recorders::run(&launch)?;
            if let Some(why) = finished.failure {
                console.error(&anyhow!("cannot run `{program}`: {why}"));
            }
            Ok(finished.status.shell())
        }
        Command::Join(cli::Join { program, argv }) => {
            let folder = |name| std::env::var_os(name).map(Into::into);
            let (session, inside) = (folder(pipeline::SESSION), folder(pipeline::INSIDE));
            Ok(pipeline::join(&world, &pipeline::Join { argv, program, session, inside }))
        }
        Command::Worker(Worker { task: what, socket, resume, attached, bound, argv }) => {
            let args = WorkerArgs { task: task(what)?, socket, resume, attached, bound, argv };
            // Its error was told to the front, which says it.
            let work = |sink: &mut dyn Sink| recorders::worker(&args, sink);
            Ok(pipeline::worker(&args.task.segment, resume, work).is_err().into())
        }
        Command::Guard(cli::Guard { task: what, socket, attach }) => {
            // Its error was told to the one that attaches, which says it.
            Ok(recorders::guard(&GuardArgs { task: task(what)?, socket, attach }).is_err().into())
        }
        Command::Launch(cli::Launch { socket, exit_group, wait_killable, no_filter, depth: name, argv }) => {
            let depth = depth(&name)?;
            Ok(recorders::launch(&LaunchArgs { socket, exit_group, depth, wait_killable, no_filter, argv }))
        }
    }
}

fn task(task: cli::Task) -> anyhow::Result<Task> {
    let cli::Task { recorder, segment, closed, exit_group, depth: name, receivers } = task;
    Ok(Task { recorder, segment, closed, exit_group, depth: depth(&name)?, receivers })
}

fn show_report(world: &World, report: &cli::Report) -> anyhow::Result<u8> {
    let form = match report.format() {
        Format::Terminal => Form::Terminal,
        Format::Markdown => Form::Markdown,
        Format::Html => Form::Html,
        Format::Json => Form::Json,
    };
    let text = pipeline::report(world, form, report.session.as_deref())?;
    match &report.output {
        Some(path) => pipeline::write_report(path, &text)?,
        None => world.console.print(text)?,
    }
    Ok(0)
}

fn show_diff(world: &World, diff: &cli::Diff) -> anyhow::Result<u8> {
    let difference = match &diff.read {
        Some(path) => pipeline::read_diff(path)?,
        None => pipeline::diff(world, diff.revisions.as_deref())?,
    };
    world.console.print(match diff.format {
        DiffFormat::Terminal if !diff.json => difference.terminal(),
        DiffFormat::Markdown => difference.markdown(),
        DiffFormat::Terminal | DiffFormat::Json => difference.json()?,
    })?;
    Ok(code(difference.answer()))
}

/// Returns where `start` is called.
fn place(shell: Option<Shell>) -> Place<'static> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let shown = std::io::stdout().is_terminal();
    Place {
        terminal: shown.then(|| variable("SHELL").unwrap_or_else(|| "/bin/sh".into())),
        syntax: shell.map(|shell| if shell == Shell::Fish { Syntax::Fish } else { Syntax::Posix }),
        github_env: variable("GITHUB_ACTIONS").and_then(|_| variable("GITHUB_ENV")).map(PathBuf::from),
        environment: &|name| std::env::var_os(name),
    }
}

/// Returns the current folder, which parts of a recording can do without: it may be gone.
fn cwd(command: &Command) -> anyhow::Result<PathBuf> {
    match std::env::current_dir() {
        Err(_)
            if matches!(
                command,
                Command::Join(_) | Command::Guard(_) | Command::Worker(_) | Command::Launch(_) | Command::Hook(_)
            ) =>
        {
            Ok(PathBuf::new())
        }
        cwd => cwd.context("failed to find the current folder"),
    }
}

fn options(capture: Capture) -> Options {
    let Capture { no_verify, no_commit, dry_run, include_work, branch, run_hooks, yes, nixpkgs, name } = capture;
    let (verify, commit) = (!no_verify, !no_commit);
    Options { verify, commit, dry_run, include_work, branch, run_hooks, yes, nixpkgs, name, ..Options::default() }
}

/// Returns the options of a command that records.
fn recorded(recording: Recording, capture: Capture) -> Options {
    let Recording { recorder, keep_sudo, exec_only, files, no_render } = recording;
    let depth = match files {
        _ if exec_only => Depth::Execs,
        Files::Off => Depth::Network,
        Files::Maps => Depth::Maps,
        Files::Full => Depth::Full,
    };
    let under = agents::under(&|name| std::env::var(name).ok());
    let options = options(capture);
    let commit = options.commit && !no_render;
    Options { recorder, keep_sudo, depth, under, no_render, commit, ..options }
}

/// Shows or changes the hooks of agents.
fn change_hooks(world: &World, hooks: cli::Hooks) -> anyhow::Result<u8> {
    let change = |change: cli::HooksChange| {
        let cli::HooksChange { agents, shared, commit, dry_run } = change;
        Change { agents, shared, commit, dry_run }
    };
    match hooks.what {
        Some(cli::HooksDo::Install(it)) => pipeline::hooks_install(world, &change(it)).map(code),
        Some(cli::HooksDo::Remove(it)) => pipeline::hooks_remove(world, &change(it)).map(code),
        None => {
            let list = pipeline::hooks(world)?;
            world.console.print(if hooks.json { list.json()? } else { list.terminal() })?;
            Ok(0)
        }
    }
}

/// Takes an event of an agent. Whatever happens is no concern of the agent's, unless it wants to know.
fn heard(world: &World, hook: &cli::Hook) -> anyhow::Result<u8> {
    let variable = |name: &str| std::env::var(name).ok();
    let take = || {
        let input = pipeline::read_event(Duration::from_secs(3))?;
        pipeline::hook(world, &hook.agent, hook.event.as_deref(), &input, &variable)
    };
    match take() {
        Ok(answer) => {
            answer.iter().for_each(|text| pipeline::tell_agent(text));
            Ok(0)
        }
        Err(error) if hook.strict => Err(error),
        Err(_nobody_asked) => Ok(0),
    }
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
