//! The command line: types only. The comments are the help.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

mod review;

pub use review::{Diff, DiffFormat, Format, Report};

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
    #[command(after_help = "Example: agent-capture import --latest --dry-run")]
    Import(Import),
    /// Say what is being recorded
    #[command(after_help = "Example: agent-capture status --json")]
    Status(Status),
    /// Write requirements.json, flake.nix and flake.lock anew from the journals
    #[command(after_help = "Example: agent-capture render && git diff flake.nix")]
    Render(Render),
    /// Prove the flake with Nix: exactly the expected checks, each one built
    #[command(after_help = "Example: agent-capture verify --commit HEAD --base origin/main --format github")]
    Verify(Verify),
    /// Commit journals and flake as they are in the work tree, when they are verified
    #[command(after_help = "Example: agent-capture commit --yes")]
    Commit(Commit),
    /// Move the pin of nixpkgs, prove the flake again, and say which versions change
    #[command(after_help = "Example: agent-capture update nixos-26.05")]
    Update(Update),
    /// Undo the last capture with a commit that reverts it
    #[command(after_help = "Example: agent-capture rollback")]
    Rollback {
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
    /// Prove each package necessary, or say which is not
    ///
    /// Takes each package away in turn and has Nix build the checks. Exit status 1 when a package is not proved necessary.
    #[command(after_help = "Example: agent-capture minimize --write && agent-capture verify")]
    Minimize(Minimize),
    /// Say what the sessions used, and why each package is in the flake
    #[command(after_help = "Example: agent-capture report --output report.html")]
    Report(Report),
    /// Say what changed between two captures: packages, versions, checks, pin, policy, state left behind
    ///
    /// Exit status 0 when nothing did, 1 when something did.
    #[command(after_help = "Example: agent-capture diff origin/main...HEAD --format markdown")]
    Diff(Diff),
    /// Ask the index which package has a program, or make it anew
    #[command(
        subcommand,
        after_help = "Example: agent-capture index which rg deb:libssl-dev pc:openssl libz.so.1 openssl/ssl.h py:yaml"
    )]
    Index(Index),
    /// Say what works here, and the cure for what does not
    ///
    /// Tries each recorder and a sandboxed build, and whether a commit would work. Exit status 1 when something does not
    /// work that is needed.
    #[command(after_help = "Example: agent-capture doctor --json")]
    Doctor(Doctor),
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

/// How a session is recorded
#[derive(Args, Clone, Debug, Default)]
pub struct Recording {
    /// Recorder to use, as `doctor` names them [default: the best that works]
    #[arg(long, value_name = "RECORDER")]
    pub recorder: Option<String>,

    /// Record only in ways that let sudo work
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

/// Say what works here
#[derive(Args, Debug)]
pub struct Doctor {
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
    /// How far: static (no Nix), eval, build, or replay, which runs the sessions\' commands on this machine
    #[arg(long, hide_possible_values = true, value_enum, default_value_t)]
    pub level: VerifyLevel,

    /// Verify exactly what a revision holds [default: HEAD with our files as they are in the work tree]
    #[arg(long, value_name = "REV", conflicts_with = "include_work")]
    pub commit: Option<String>,

    /// Read what loosens the verification (the policy) from a revision, the base of a pull request
    #[arg(long, value_name = "REV")]
    pub base: Option<String>,

    /// Take the content as from elsewhere: doubts are errors [default: for pull and merge requests in CI]
    #[arg(long)]
    pub untrusted: bool,

    /// Prove it of a tree with all uncommitted work
    #[arg(long)]
    pub include_work: bool,

    /// How it is said: terminal, json, github, gitlab, sarif or markdown
    #[arg(long, hide_possible_values = true, value_enum, default_value_t)]
    pub format: VerifyFormat,

    /// The same as --format json
    #[arg(long, conflicts_with = "format")]
    pub json: bool,
}

/// How far a verification goes
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum VerifyLevel {
    /// The files agree, without Nix
    Static,
    /// The flake evaluates to the expected checks
    Eval,
    /// The shell and each check are built in the sandbox
    #[default]
    Build,
    /// The sessions' commands end as recorded; runs them on this machine
    Replay,
}

/// How a verification is said
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum VerifyFormat {
    /// For a terminal
    #[default]
    Terminal,
    /// For a program
    Json,
    /// Annotations, and a summary of the step
    Github,
    /// A report of code quality
    Gitlab,
    /// For code scanning
    Sarif,
    /// For a pull request
    Markdown,
}

/// Move the pin
#[derive(Args, Debug)]
pub struct Update {
    /// A revision, a branch, or a whole pin as in `run` [default: nixos-26.05]
    pub pin: Option<String>,

    /// Leave the flake in the work tree
    #[arg(long)]
    pub no_commit: bool,

    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
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

/// The index
#[derive(Debug, Subcommand)]
pub enum Index {
    /// Show the packages for a name, best first, with points and reasons; status 1 when one has none
    ///
    /// A name is that of a program, an absolute path, a package of Debian (deb:libssl-dev), a module of pkg-config
    /// (pc:openssl), a package of CMake (cmake:fmt), a library (libz.so.1), a header (openssl/ssl.h) or a module of Python
    /// (py:yaml).
    #[command(after_help = "Example: agent-capture index which --json rg deb:libssl-dev")]
    Which(Which),
    /// Make the tables anew from a database of nix-index
    ///
    /// Says what changes. A database that lacks well-known packages or many rows is refused with status 1.
    #[command(after_help = "Example: agent-capture index build ~/.cache/nix-index/files --dry-run")]
    Build(Build),
}

/// Ask the index
#[derive(Args, Debug)]
pub struct Which {
    /// Print JSON
    #[arg(long)]
    pub json: bool,

    /// Programs, paths, deb:…, pc:…, cmake:…, py:…, libraries, headers
    #[arg(required = true, value_name = "NAME")]
    pub names: Vec<String>,
}

/// Make the index
#[derive(Args, Debug)]
pub struct Build {
    /// The database: ~/.cache/nix-index/files, or one of nix-index-database
    #[arg(value_name = "DATABASE", value_hint = clap::ValueHint::FilePath)]
    pub database: PathBuf,

    /// Versions: rows of attr, pname, version and mainProgram with tabs between [default: those there are]
    #[arg(long, value_name = "FILE.tsv")]
    pub attrs: Option<PathBuf>,

    /// Folder to write the tables to [default: src/index of this checkout]
    #[arg(long, value_name = "DIR")]
    pub output: Option<PathBuf>,

    /// Write the tables of a database that is not whole
    #[arg(long)]
    pub force: bool,

    /// Say what would change, and write nothing
    #[arg(long)]
    pub dry_run: bool,
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
    /// How much is recorded
    #[arg(long, default_value = "network")]
    pub depth: String,
    /// The recorder
    #[arg(long)]
    pub recorder: Option<String>,
    /// The command
    #[arg(required = true, last = true)]
    pub argv: Vec<OsString>,
}

/// The recorder's own process
#[derive(Args, Debug)]
pub struct Worker {
    /// The recorder
    #[arg(long)]
    pub recorder: String,
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
    /// How much is recorded
    #[arg(long, default_value = "network")]
    pub depth: String,
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
    /// How much is recorded
    #[arg(long, default_value = "network")]
    pub depth: String,
    /// Install no filter
    #[arg(long)]
    pub no_filter: bool,
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
