//! Records with ptrace: Linux stops each process that begins a program, makes another or gets a signal, and tells us.
//!
//! For where a listener of seccomp is refused or its requests are blocked: inside another recorder, in some containers and
//! sandboxes, on WSL2. It uses no filter. One that returns SECCOMP_RET_TRACE would show what was tried in vain too, but
//!
//! - once its tracer is killed every traced call fails with ENOSYS, for as long as the session lasts, and a filter cannot be
//!   taken off; without one the processes go on as if nothing were;
//! - where an outer filter has a listener for the same call, the kernel asks that one alone, and we would see nothing;
//! - it needs no-new-privs, and processes made with CLONE_UNTRACED would run into the first point at once.
//!
//! | what runs | seen |
//! |---|---|
//! | static programs; `vfork`, `posix_spawn`, exec from any thread; 32-bit programs; namespaces; daemons | yes |
//! | how each process ended, and who made it | exactly, on each kernel |
//! | names that were looked for in vain | no |
//! | what a debugger or a program with a leak checker runs: Linux allows one tracer, so we [let go of them](tracers) | no |
//! | debuggers that attach to what runs already | fail |
//! | setuid programs | with CAP_SYS_PTRACE all; else that they run and how they end, as we [let go of them](privileged) |

mod privileged;
mod tracers;
mod worker;

use anyhow::Result;

use super::exec::{WorkerArgs, front, probe};
use super::{Finished, Launch, Recorder};
use crate::event::Sink;
use crate::sys::ptrace::RUNS_AGAIN;

const NAME: &str = "ptrace";

/// The recorder.
#[derive(Debug)]
pub(super) struct Ptrace;

impl Recorder for Ptrace {
    fn name(&self) -> &'static str {
        NAME
    }

    fn available(&self) -> Result<(), String> {
        probe(NAME)
    }

    fn cure(&self) -> &'static str {
        "allow ptrace: `--cap-add SYS_PTRACE` for a container, kernel.yama.ptrace_scope below 3, no sandbox around"
    }

    fn restricts(&self) -> bool {
        privileged::are_held_back() && !RUNS_AGAIN
    }

    fn blind(&self) -> Vec<String> {
        let mut blind = vec![
            "Names that were looked for in vain, by a shell or by a program.".to_owned(),
            "What a shell does by itself: its builtins.".to_owned(),
            "What a server that was running before does for the session: containers, systemd, build daemons."
                .to_owned(),
            "Files that were opened.".to_owned(),
            "What debuggers run, and programs that look for leaks: gdb, strace, AddressSanitizer.".to_owned(),
        ];
        if self.restricts() {
            blind.push(
                "Programs that need more rights than their caller, such as sudo: they cannot gain them here.".into(),
            );
        }
        if privileged::are_held_back() && RUNS_AGAIN {
            blind.push("What programs run that need more rights than their caller, such as sudo.".into());
        }
        blind
    }

    fn run(&self, launch: &Launch) -> Result<Finished> {
        front::run(launch, NAME)
    }

    fn worker(&self, args: &WorkerArgs, sink: &mut dyn Sink) -> Result<()> {
        worker::worker(args, self.blind(), sink)
    }
}
