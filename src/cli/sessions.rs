//! `status`, `list`, `show`, `forget`: the sessions of a repository.

use clap::Args;

/// Say what is being recorded
#[derive(Args, Debug)]
pub struct Status {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Say which sessions there are
#[derive(Args, Debug)]
pub struct List {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Show a session
#[derive(Args, Debug)]
pub struct Show {
    /// Name of the session [default: the latest]
    pub session: Option<String>,

    /// Print JSON, the journal with it
    #[arg(long)]
    pub json: bool,
}

/// Take sessions out
#[derive(Args, Debug)]
pub struct Forget {
    /// Names of the sessions
    #[arg(required = true, value_name = "SESSION")]
    pub sessions: Vec<String>,

    /// Commit without a proof by Nix
    #[arg(long)]
    pub no_verify: bool,

    /// Leave it so in the work tree
    #[arg(long)]
    pub no_commit: bool,

    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
}
