//! The command line: types only. The comments are the help.

use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand};

mod export;
mod hooks;
mod index;
mod internal;
mod record;
mod review;
mod sessions;
mod verify;

pub use export::Export;
pub use hooks::{Hook, Hooks, HooksChange, HooksDo};
pub use index::{Build, Index, Which};
pub use internal::{Front, Guard, Join, Launch, Task, Worker};
pub use record::{Capture, Files, Import, Recording, Run, Shell, Start, Stop};
pub use review::{Diff, DiffFormat, Format, Report};
pub use sessions::{Forget, List, Show, Status};
pub use verify::{Verify, VerifyFormat, VerifyLevel};

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

/// What `start` does without a terminal.
const LATER_SHELLS: &str = r#"Where standard output is no terminal, it prints variables with which each later non-interactive bash and zsh
records itself, until `stop`: eval "$(agent-capture start)", in fish: agent-capture start | source. In GitHub
Actions it sets them for the later steps.

Example: agent-capture start --name parser-fix"#;

/// What to do
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Record a command and all that it starts, then capture the session
    #[command(after_help = "Example: agent-capture run -- claude -p 'make the tests pass'")]
    Run(Run),
    /// Open a recorded shell; leave it with `exit`, or close the session in it with `stop`
    #[command(after_help = LATER_SHELLS)]
    Start(Start),
    /// Close the session, then resolve, render, verify and commit
    #[command(after_help = "Example: agent-capture stop --dry-run")]
    Stop(Stop),
    /// Make a session of an agent's transcript: what it says ran and ended well
    #[command(after_help = "Example: agent-capture import --latest --dry-run")]
    Import(Import),
    /// Make a pinned flake of a command line of Nix that you typed; nothing is run
    ///
    /// Prints flake.nix. Exit status 1 when something of the line cannot be in it: what that is, is said, and nothing printed.
    #[command(after_help = "Example: agent-capture export -- nix shell nixpkgs#jq nixpkgs#ripgrep > flake.nix")]
    Export(Export),
    /// Have agents tell what they do: their sessions record themselves, without `run`
    ///
    /// Says which agents have hooks, and where they are installed.
    #[command(after_help = "Example: agent-capture hooks install claude-code")]
    Hooks(Hooks),
    /// Take one event of an agent on standard input: agents call it, people need not
    ///
    /// Always ends with status 0 and says nothing to the agent, unless --strict. Does nothing outside of repositories that
    /// `agent-capture hooks install` chose.
    #[command(after_help = "Example: agent-capture hook claude-code --strict < event.json")]
    Hook(Hook),
    /// Say what is being recorded
    #[command(after_help = "Example: agent-capture status --json")]
    Status(Status),
    /// Say which sessions there are, and what each brought
    #[command(after_help = "Example: agent-capture list --json")]
    List(List),
    /// Show one session: its commands, its programs, and what it brought
    #[command(after_help = "Example: agent-capture show parser-fix")]
    Show(Show),
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
    /// Take sessions out, with what only they needed
    ///
    /// Resolves and renders the others anew, proves the flake with Nix, and commits. When the proof fails nothing is changed.
    #[command(after_help = "Example: agent-capture forget parser-fix")]
    Forget(Forget),
    /// Prove each package necessary, or say which is not
    ///
    /// Takes each package away in turn and has Nix build the checks. Exit status 1 when a package is not proved necessary.
    #[command(after_help = "Example: agent-capture minimize --write && agent-capture verify")]
    Minimize(Minimize),
    /// Say what the sessions used, and why each package is in the flake
    #[command(after_help = "Example: agent-capture report --output report.html")]
    Report(Report),
    /// Say what changed between two captures
    ///
    /// Packages, versions, checks, pin, policy, state left behind. Exit status 0 when nothing changed, 1 when something did.
    #[command(after_help = "Example: agent-capture diff origin/main...HEAD --format markdown")]
    Diff(Diff),
    /// Ask the index which package has a program, or make it anew
    #[command(
        subcommand,
        after_help = "Example: agent-capture index which rg deb:libssl-dev pc:openssl libz.so.1 openssl/ssl.h py:yaml"
    )]
    Index(Index),
    /// Serve the index to an agent over the Model Context Protocol
    ///
    /// Speaks on standard input and output. Tools: find_package, check_attrs, session_status, last_verification. They answer offline and run nothing.
    #[cfg(feature = "mcp")]
    #[command(after_help = "Example: agent-capture mcp")]
    Mcp,
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
    /// Run a command as a part of the open session
    #[command(name = "__join", hide = true)]
    Join(Join),
    /// Starts another worker when one dies
    #[command(name = "__guard", hide = true)]
    Guard(Guard),
    /// The recorder's own process
    #[command(name = "__worker", hide = true)]
    Worker(Worker),
    /// Capture the sessions whose agents are gone
    #[command(name = "__finish", hide = true)]
    Finish,
    /// Becomes the recorded command
    #[command(name = "__launch", hide = true)]
    Launch(Launch),
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

    /// Commit to a branch that is not checked out
    #[arg(long, value_name = "NAME", conflicts_with = "include_work")]
    pub branch: Option<String>,

    /// Run the repository's hooks
    #[arg(long)]
    pub run_hooks: bool,

    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
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
