//! Records with eBPF: a program of ours runs in the kernel wherever a process begins, runs a program, ends or returns from a
//! system call, and hands over what those that are recorded do. Nobody waits for the recorder.
//!
//! | what runs | seen |
//! |---|---|
//! | static programs; `vfork`, `posix_spawn`, exec from any thread; 32-bit programs; daemons | yes |
//! | setuid programs, debuggers, sanitizers, programs that may not be read, listeners of seccomp | work, and are seen |
//! | how each process ended, and who made it | exactly |
//! | names that were looked for in vain | yes |
//! | programs in namespaces | yes, with paths as they are inside; loaders and inner `#!` lines of those that lived on |
//! | connections to other machines | yes, but for `sendmsg` without `connect` |
//! | files, with `--files` | what is opened but by io_uring |
//!
//! It needs CAP_BPF and CAP_PERFMON in the first user namespace, Linux 5.17 and its BTF. It is told after the fact: should
//! records come faster than they are read, those that found no room are counted. Should the worker be killed, the kernel
//! detaches the program, nothing stops, and another worker goes on; what happened between the two is lost. A session that is
//! closed while programs run in it may lack what they did in its last milliseconds.

mod account;
mod kernel;
mod record;
mod types;
mod worker;

use std::fs;
use std::path::Path;

use anyhow::{Result, bail};
use rustix::thread::CapabilitySet;

use super::exec::{WorkerArgs, front, has, probe};
use super::{Depth, Finished, Launch, Recorder};
use crate::event::Sink;

const NAME: &str = "ebpf";

/// Where the kernel describes its own types.
const TYPES: &str = "/sys/kernel/btf/vmlinux";

/// The recorder.
#[derive(Debug)]
pub(super) struct Ebpf;

impl Recorder for Ebpf {
    fn name(&self) -> &'static str {
        NAME
    }

    fn available(&self) -> Result<(), String> {
        possible().and_then(|()| probe(NAME))
    }

    fn cure(&self) -> &'static str {
        "run this as root, or with CAP_BPF and CAP_PERFMON, outside of containers, on Linux 5.17 or newer with BTF"
    }

    fn restricts(&self) -> bool {
        false
    }

    fn blind(&self) -> Vec<String> {
        blind(Depth::default())
    }

    fn run(&self, launch: &Launch) -> Result<Finished> {
        // Where it cannot work, the next recorder is not kept waiting.
        match possible() {
            Ok(()) => front::run(launch, NAME),
            Err(why) => bail!("cannot record: {why}"),
        }
    }

    fn worker(&self, args: &WorkerArgs, sink: &mut dyn Sink) -> Result<()> {
        worker::worker(args, sink)
    }
}

/// Returns why it cannot work, as far as that can be told without trying.
fn possible() -> Result<(), String> {
    if !has(CapabilitySet::SYS_ADMIN) && !has(CapabilitySet::BPF | CapabilitySet::PERFMON) {
        return Err("eBPF needs CAP_BPF and CAP_PERFMON, or root".to_owned());
    }
    // All users of the first namespace: user_namespaces(7).
    let users = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    if !users.split_whitespace().eq(["0", "0", "4294967295"]) {
        return Err("eBPF is not for user namespaces: containers and sandboxes without privileges".to_owned());
    }
    if !Path::new(TYPES).exists() {
        return Err(format!("this kernel does not describe its types ({TYPES})"));
    }
    Ok(())
}

/// Returns what this recorder cannot see.
fn blind(depth: Depth) -> Vec<String> {
    let sendmsg = "Datagrams that sendmsg(2) takes to the network without connect(2).";
    let by_depth: &[&str] = match depth {
        Depth::Execs => &["What was connected to: the network, servers.", "Files that were opened."],
        Depth::Network => &[sendmsg, "Files that were opened."],
        Depth::Maps => &[sendmsg, "Files that were opened, but for libraries."],
        Depth::Full => &[sendmsg, "Files that io_uring opened."],
    };
    let always = [
        "What a shell does by itself: its builtins, and names that it looked up itself and did not find.",
        "Arguments after the first 128, or after some 20 KiB, of programs that could not be run.",
        "What a script was called, which Linux itself replaces by its path.",
        "What a server that was running before does for the session: containers, systemd, build daemons.",
        "Loaders and inner #! lines of programs in other mount namespaces that were gone when they were looked at.",
    ];
    always.iter().chain(by_depth).map(|sentence| (*sentence).to_owned()).collect()
}
