//! Hooks of agents.

use clap::{Args, Subcommand};

/// Hooks
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Hooks {
    /// What to do
    #[command(subcommand)]
    pub what: Option<HooksDo>,

    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// What to do with hooks
#[derive(Debug, Subcommand)]
pub enum HooksDo {
    /// Write hooks into an agent's settings, and have this repository recorded
    ///
    /// Writes your own settings, in your home folder; all else in them stays as it is. A hook does nothing in repositories
    /// where this was not run: it sets `agent-capture.hooks` in the repository\'s git configuration. When a session ends,
    /// journal and flake are in the work tree; with --commit Nix proves them, and they are committed.
    #[command(after_help = "Example: agent-capture hooks install claude-code --commit")]
    Install(HooksChange),
    /// Take hooks out of an agent's settings, and leave these as they were before
    #[command(after_help = "Example: agent-capture hooks remove --dry-run")]
    Remove(HooksChange),
}

/// A change of hooks
#[derive(Args, Debug)]
pub struct HooksChange {
    /// The agents [default: those found on this machine; to remove: those installed]
    #[arg(value_name = "AGENT")]
    pub agents: Vec<String>,

    /// In the project's settings, which are committed, instead of your own
    #[arg(long)]
    pub shared: bool,

    /// With `install`: commit what the sessions of this repository bring, once Nix has proved it
    #[arg(long)]
    pub commit: bool,

    /// Show what would change, and write nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Take an event
#[derive(Args, Debug)]
pub struct Hook {
    /// The agent
    pub agent: String,

    /// Say errors, and end with status 3
    #[arg(long)]
    pub strict: bool,

    /// Name of the event, for agents that do not tell it
    #[arg(long, value_name = "NAME", hide = true)]
    pub event: Option<String>,
}
