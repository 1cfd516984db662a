//! How a session is recorded and captured.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

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

    /// Commit to a branch that is not checked out, and leave work tree and index alone
    #[arg(long, value_name = "NAME", conflicts_with_all = ["include_work", "no_commit"])]
    pub branch: Option<String>,

    /// Run the repository's hooks: pre-commit, prepare-commit-msg, commit-msg, post-commit
    #[arg(long)]
    pub run_hooks: bool,

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

/// How a session is recorded
#[derive(Args, Clone, Debug, Default)]
pub struct Recording {
    /// Recorder to use, as `doctor` names them [default: the best that works]
    #[arg(long, value_name = "RECORDER")]
    pub recorder: Option<String>,

    /// Record only in ways that let sudo work: what it runs is not seen then
    #[arg(long)]
    pub keep_sudo: bool,

    /// Record what programs open: off; maps, the libraries that are in them when they end; full, also headers and modules,
    /// which can make opens fail in programs whose signal handlers do not restart them
    #[arg(
        long,
        value_enum,
        value_name = "WHAT",
        default_value_t,
        hide_possible_values = true,
        conflicts_with = "exec_only"
    )]
    pub files: Files,

    /// Record what runs and nothing else: neither files nor the network
    #[arg(long)]
    pub exec_only: bool,

    /// Record, write the journal, and nothing more
    #[arg(long, conflicts_with = "dry_run")]
    pub no_render: bool,
}

/// Which files are recorded
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Files {
    /// None
    #[default]
    Off,
    /// Shared libraries that are in processes when they end
    Maps,
    /// All libraries, headers and modules that are opened
    Full,
}

/// Record a command
#[derive(Args, Debug)]
pub struct Run {
    /// How it is recorded
    #[command(flatten)]
    pub recording: Recording,

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
    /// How it is recorded
    #[command(flatten)]
    pub recording: Recording,

    /// How the session is captured when the shell is left
    #[command(flatten)]
    pub capture: Capture,

    /// Record a process that runs already, and those below it, until `stop`; where that takes no privilege from them
    #[arg(long, value_name = "PID", conflicts_with = "shell")]
    pub attach: Option<i32>,

    /// Shell that reads what is printed where there is no terminal [default: the one that calls]
    #[arg(long, value_enum, value_name = "SHELL", hide_possible_values = true)]
    pub shell: Option<Shell>,
}

/// A shell that reads variables
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// bash
    Bash,
    /// fish
    Fish,
    /// Any other of its kind
    Sh,
    /// zsh
    Zsh,
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
