//! The command line: types only. The comments are the help.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

/// Watch what an agent session really runs, and leave behind a small pinned flake.nix that Nix has proved
///
/// Exit status: 0 done; 1 done, and the answer is no; 2 usage; 3 could not do the job. `run` passes on the status of the
/// session when that is not 0 (128+n for a signal).
#[derive(Debug, Parser)]
#[command(
    name = "agent-capture",
    version,
    propagate_version = true,
    max_term_width = 100,
    disable_help_subcommand = true
)]
pub struct Cli {
    /// What to do
    #[command(subcommand)]
    pub command: Command,

    /// Say errors only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,

    /// Show what Nix says, line by line
    #[arg(short, long, global = true)]
    pub verbose: bool,
}

/// What to do
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Record a command and all that it starts, then capture the session
    #[command(after_help = "Example: agent-capture run -- claude -p 'make the tests pass'")]
    Run(Run),
    /// Open a recorded shell; leave it with `exit`, or close the session in it with `stop`
    #[command(after_help = "Example: agent-capture start --name parser-fix")]
    Start(Start),
    /// Close the session, then resolve, render, verify and commit
    #[command(after_help = "Example: agent-capture stop --dry-run")]
    Stop(Stop),
    /// Make a session of an agent's transcript: what it says ran and ended well
    ///
    /// Reads the transcripts of Aider, Amp, Claude Code, Codex, Continue, Copilot CLI, Cursor, Droid, Entire, Gemini CLI, Goose,
    /// mini-swe-agent, opencode (`opencode export`), OpenHands, Pi, SWE-agent and Windsurf; whose it is, its content tells.
    /// What only a transcript says is marked `claimed`; `traced-only = true` in .agent-capture/policy.toml keeps it out.
    #[command(after_help = "Example: agent-capture import --latest --dry-run")]
    Import(Import),
    /// Say what is being recorded
    #[command(after_help = "Example: agent-capture status --json")]
    Status(Status),
    /// Write requirements.json, flake.nix and flake.lock anew from the journals
    #[command(after_help = "Example: agent-capture render && git diff flake.nix")]
    Render(Render),
    /// Prove the flake with Nix: exactly the expected checks, each one built
    ///
    /// Proves the tree that `commit` would commit: HEAD with our files as they are in the work tree.
    #[command(after_help = "Example: agent-capture verify")]
    Verify(Verify),
    /// Commit journals and flake as they are in the work tree, when they are verified
    #[command(after_help = "Example: agent-capture commit --yes")]
    Commit(Commit),
    /// Prove each package necessary, or say which is not
    ///
    /// Takes each package away in turn and has Nix build the checks. Exit status 1 when a package is not proved necessary.
    #[command(after_help = "Example: agent-capture minimize --write && agent-capture verify")]
    Minimize(Minimize),
    /// Say what the sessions used, and why each package is in the flake
    #[command(after_help = "Example: agent-capture report --format markdown > report.md")]
    Report(Report),
    /// Print completions for a shell
    #[command(
        after_help = "Example: agent-capture completions bash > ~/.local/share/bash-completion/completions/agent-capture"
    )]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write the manual pages into a folder
    #[command(after_help = "Example: agent-capture man /usr/local/share/man/man1")]
    Man {
        /// The folder
        folder: PathBuf,
    },
    /// Record into a segment, nothing more
    #[command(name = "__front", hide = true)]
    Front(Front),
    /// The recorder's own process
    #[command(name = "__worker", hide = true)]
    Worker(Worker),
    /// Becomes the recorded command
    #[command(name = "__launch", hide = true)]
    Launch(Launch),
}

/// What is done with a session when it is closed
#[derive(Args, Clone, Debug, Default)]
pub struct Capture {
    /// Commit without a proof by Nix
    #[arg(long)]
    pub no_verify: bool,

    /// Leave journal and flake in the work tree
    #[arg(long)]
    pub no_commit: bool,

    /// Show what would be committed, and write nothing
    #[arg(long, conflicts_with_all = ["no_commit", "no_verify"])]
    pub dry_run: bool,

    /// Commit all uncommitted work too
    #[arg(long)]
    pub include_work: bool,

    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,

    /// Pin of nixpkgs: a revision, a branch (nixos-26.05), or github:NixOS/nixpkgs/REV?lastModified=N&narHash=HASH
    #[arg(long, value_name = "PIN")]
    pub nixpkgs: Option<String>,

    /// Name of the session: lower-case letters, digits and `-` [default: its date and time]
    #[arg(long)]
    pub name: Option<String>,
}

/// Record a command
#[derive(Args, Debug)]
pub struct Run {
    /// How the session is captured
    #[command(flatten)]
    pub capture: Capture,

    /// The command
    #[arg(required = true, last = true, value_name = "CMD", value_hint = clap::ValueHint::CommandWithArguments)]
    pub argv: Vec<OsString>,
}

/// Open a recorded shell
#[derive(Args, Debug)]
pub struct Start {
    /// How the session is captured when the shell is left
    #[command(flatten)]
    pub capture: Capture,
}

/// Close the session
#[derive(Args, Debug)]
pub struct Stop {
    /// How the session is captured
    #[command(flatten)]
    pub capture: Capture,
}

/// Make a session of a transcript
#[derive(Args, Debug)]
pub struct Import {
    /// How the session is captured
    #[command(flatten)]
    pub capture: Capture,

    /// The transcript; `-` is standard input, a folder is all its transcripts as one session
    #[arg(required_unless_present = "latest", conflicts_with = "latest", value_name = "FILE|DIR|-")]
    pub path: Option<PathBuf>,

    /// The newest session of this project, among the folders in which agents keep theirs
    #[arg(long)]
    pub latest: bool,

    /// Print what the transcript tells as JSON
    #[arg(long)]
    pub json: bool,
}

/// Say what is being recorded
#[derive(Args, Debug)]
pub struct Status {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Render anew
#[derive(Args, Debug)]
pub struct Render {
    /// Pin of nixpkgs, as in `run`
    #[arg(long, value_name = "PIN")]
    pub nixpkgs: Option<String>,
}

/// Prove the flake
#[derive(Args, Debug)]
pub struct Verify {
    /// Prove it of a tree with all uncommitted work
    #[arg(long)]
    pub include_work: bool,

    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Prove each package necessary
#[derive(Args, Debug)]
pub struct Minimize {
    /// Drop the packages that no check needs in .agent-capture/policy.toml, and render anew
    #[arg(long)]
    pub write: bool,

    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Commit
#[derive(Args, Debug)]
pub struct Commit {
    /// Commit what is not verified
    #[arg(long)]
    pub no_verify: bool,

    /// Commit all uncommitted work too
    #[arg(long)]
    pub include_work: bool,

    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
}

/// How a report is written
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For a terminal
    #[default]
    Terminal,
    /// For a pull request
    Markdown,
    /// For a program: requirements.json
    Json,
}

/// Report
#[derive(Args, Debug)]
pub struct Report {
    /// How it is written
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// Record into a segment
#[derive(Args, Debug)]
pub struct Front {
    /// The segment
    #[arg(long)]
    pub segment: PathBuf,
    /// The file that says that the session is closed
    #[arg(long)]
    pub closed: Option<PathBuf>,
    /// See ends of processes the way older kernels need
    #[arg(long)]
    pub exit_group: bool,
    /// The command
    #[arg(required = true, last = true)]
    pub argv: Vec<OsString>,
}

/// The recorder's own process
#[derive(Args, Debug)]
pub struct Worker {
    /// The segment
    #[arg(long)]
    pub segment: PathBuf,
    /// The file that says that the session is closed
    #[arg(long)]
    pub closed: PathBuf,
    /// Number of the inherited socket
    #[arg(long)]
    pub socket: i32,
    /// See ends of processes the way older kernels need
    #[arg(long)]
    pub exit_group: bool,
    /// Go on with the session of a worker that died
    #[arg(long)]
    pub resume: bool,
    /// The command
    #[arg(last = true)]
    pub argv: Vec<OsString>,
}

/// Becomes the recorded command
#[derive(Args, Debug)]
pub struct Launch {
    /// Number of the inherited socket
    #[arg(long)]
    pub socket: i32,
    /// See ends of processes the way older kernels need
    #[arg(long)]
    pub exit_group: bool,
    /// The command
    #[arg(required = true, last = true)]
    pub argv: Vec<OsString>,
}

/// Returns the completions for a shell.
pub fn completions(shell: clap_complete::Shell) -> Vec<u8> {
    let mut out = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "agent-capture", &mut out);
    out
}

/// Writes the manual pages of all commands into a folder.
pub fn man(folder: &std::path::Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    clap_mangen::generate_to(Cli::command(), folder)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_command_line_is_consistent() {
        <super::Cli as clap::CommandFactory>::command().debug_assert();
    }
}
