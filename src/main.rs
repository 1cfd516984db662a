//! The program: parses the command line, calls one function of the pipeline, turns its answer into an exit status.

use std::path::Path;
use std::process::ExitCode;

use agent_capture::cli::{self, Capture, Cli, Command, Format};
use agent_capture::console::{Console, Level};
use agent_capture::event::Status;
use agent_capture::pipeline::{self, Answer, Options, World};
use agent_capture::recorders;
use agent_capture::report::Report;
use anyhow::Context;
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
        Command::Run(run) => Ok(session(console, pipeline::run(&world, &run.argv, run.name.as_deref(), &options(run.capture))?)),
        Command::Start(start) => {
            let shell = std::env::var_os("SHELL").unwrap_or_else(|| "/bin/sh".into());
            Ok(session(console, pipeline::start(&world, shell, start.name.as_deref(), &options(start.capture))?))
        }
        Command::Stop(stop) => pipeline::stop(&world, &options(stop.capture)).map(code),
        Command::Status(status) => show_status(&world, status.json),
        Command::Render(render) => pipeline::render(&world, render.nixpkgs.as_deref()).map(code),
        Command::Verify(verify) => {
            let (answer, verification) = pipeline::verify(&world, verify.include_work)?;
            Ok(code(answer))
        }
        Command::Commit(commit) => {
            let options = Options { verify: !commit.no_verify, commit: true, include_work: commit.include_work, yes: commit.yes, ..Options::default() };
            pipeline::commit(&world, &options).map(code)
        }
        Command::Report(report) => {
            let text = pipeline::report(&world, match report.format {
                Format::Terminal => Report::terminal,
                Format::Markdown => Report::markdown,
                Format::Json => Report::json,
            })?;
            console.print(text)?;
            Ok(0)
        }
        Command::Completions { shell } => Ok(console.print(String::from_utf8_lossy(&cli::completions(shell))).map(|()| 0)?),
        Command::Man { folder } => cli::man(&folder).map(|()| 0).with_context(|| format!("failed to write into `{}`", folder.display())),
        Command::Front(_) | Command::Worker(_) | Command::Launch(_) => Ok(0),
    }
}
