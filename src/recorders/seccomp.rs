//! Records with seccomp user notification: Linux stops each execve and asks us before it goes on.
//!
//! | what runs | seen |
//! |---|---|
//! | static programs, Go, musl; `vfork`, `posix_spawn`, exec from any thread; 32-bit programs | yes |
//! | programs in namespaces, containers without a daemon, chroot | yes, with paths as they are inside |
//! | daemons that outlive the command | yes |
//! | debuggers, sanitizers, setuid programs (with CAP_SYS_ADMIN) | work, and are seen |
//! | a program that listens with seccomp itself, a recorder in a recorder | no: Linux allows one (EBUSY) |
//! | a server that was running before | no |
//!
//! Three processes: the [front](front) is the user's own, the [worker](worker) records and outlives the command when
//! others do, the [launcher](launch) becomes the command. Should the worker be killed, the front lets go on what it had in
//! hand and starts another.

mod arguments;
mod channel;
mod front;
mod glimpse;
mod launch;
mod out;
mod processes;
mod program;
mod reach;
mod slots;
mod worker;

use std::fs;
use std::process::{Command, Stdio};

use anyhow::Result;

pub use self::launch::{LaunchArgs, launch};
pub use self::worker::{WorkerArgs, worker};
use super::{Depth, Finished, Launch, Recorder};

const NAME: &str = "seccomp";

/// The recorder.
#[derive(Debug)]
pub(super) struct Seccomp;

impl Recorder for Seccomp {
    fn name(&self) -> &'static str {
        NAME
    }

    fn available(&self) -> Result<(), String> {
        let whole = || -> Result<Option<String>> {
            let folder = tempfile::tempdir()?;
            let segment = folder.path().join("segment");
            let mut command = Command::new(std::env::current_exe()?);
            command.arg("__front").arg("--segment").arg(&segment).args(["--", "/bin/sh", "-c", ":"]);
            let output = command.stdin(Stdio::null()).output()?;
            let stderr = String::from_utf8_lossy(&output.stderr);
            let seen = fs::read_to_string(&segment).is_ok_and(|text| text.contains(r#""event":"exit""#));
            Ok(match (output.status.success(), seen) {
                (true, true) => None,
                (true, false) => Some("it ran a program and did not see it".to_owned()),
                (false, _) => Some(stderr.lines().last().unwrap_or("it could not run a program").to_owned()),
            })
        };
        match whole() {
            Ok(None) => Ok(()),
            Ok(Some(why)) => Err(why.trim_start_matches("error: ").trim_start_matches("cannot record: ").to_owned()),
            Err(error) => Err(format!("{error:#}")),
        }
    }

    fn blind(&self) -> Vec<String> {
        worker::blind(false, Depth::default())
    }

    fn run(&self, launch: &Launch) -> Result<Finished> {
        front::run(launch)
    }
}
