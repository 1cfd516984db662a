//! What processes of a recorder tell each other; hidden.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

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
    /// How many threads receive where opens are recorded
    #[arg(long)]
    pub receivers: Option<usize>,
    /// The command
    #[arg(required = true, last = true)]
    pub argv: Vec<OsString>,
}

/// Run a command as a part of the open session
#[derive(Args, Debug)]
pub struct Join {
    /// The command's file, when its first argument does not name it
    #[arg(long)]
    pub program: Option<OsString>,
    /// The command
    #[arg(required = true, last = true)]
    pub argv: Vec<OsString>,
}

/// What is recorded
#[derive(Args, Debug)]
pub struct Task {
    /// The recorder
    #[arg(long)]
    pub recorder: String,
    /// The segment
    #[arg(long)]
    pub segment: PathBuf,
    /// The file that says that the session is closed
    #[arg(long)]
    pub closed: PathBuf,
    /// See ends of processes the way older kernels need
    #[arg(long)]
    pub exit_group: bool,
    /// How much is recorded
    #[arg(long)]
    pub depth: String,
    /// How many threads receive where opens are recorded
    #[arg(long)]
    pub receivers: Option<usize>,
}

/// The recorder's own process
#[derive(Args, Debug)]
pub struct Worker {
    /// What is recorded
    #[command(flatten)]
    pub task: Task,
    /// Number of the inherited socket
    #[arg(long)]
    pub socket: i32,
    /// Go on with the session of a worker that died
    #[arg(long)]
    pub resume: bool,
    /// Record a process that runs already
    #[arg(long)]
    pub attached: bool,
    /// Kill the command when the front is killed
    #[arg(long)]
    pub bound: bool,
    /// The command's file and its arguments
    #[arg(last = true)]
    pub argv: Vec<OsString>,
}

/// Starts another worker when one dies
#[derive(Args, Debug)]
pub struct Guard {
    /// What is recorded
    #[command(flatten)]
    pub task: Task,
    /// Number of the inherited socket
    #[arg(long)]
    pub socket: i32,
    /// Start the first worker, too, of a process that is being attached to
    #[arg(long)]
    pub attach: bool,
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
    /// Let only signals that kill interrupt who waits for the recorder
    #[arg(long)]
    pub wait_killable: bool,
    /// Install no filter
    #[arg(long)]
    pub no_filter: bool,
    /// The command's file and its arguments
    #[arg(required = true, last = true)]
    pub argv: Vec<OsString>,
}
