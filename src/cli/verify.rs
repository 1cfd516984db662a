//! How a flake is proved.

use clap::{Args, ValueEnum};

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
