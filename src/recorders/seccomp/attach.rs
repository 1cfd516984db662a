//! Processes that run already: the filter is put on each of them from inside, its end is taken, and nothing else of theirs is
//! changed.
//!
//! Only where that takes no privilege from them: they have CAP_SYS_ADMIN, or can gain nothing anyway. Each has a guardian and
//! a worker of its own, which are there before the filter is, and a segment.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use anyhow::{Result, anyhow, bail};
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};

use super::NAME;
use crate::console::Hint;
use crate::recorders::exec::channel::{Channel, Message};
use crate::recorders::exec::inside::is_own;
use crate::recorders::exec::launch::calls;
use crate::recorders::exec::slots::Slots;
use crate::recorders::exec::task::Task;
use crate::recorders::exec::{children, guard, probe};
use crate::recorders::{Attached, Launch};
use crate::sys::Listener;
use crate::sys::remote::Remote;

/// The most processes that are attached to.
const MOST: usize = 256;

/// Why a process is refused: one sentence, and whether it is recorded already.
struct Refused {
    why: String,
    recorded: bool,
}

impl Refused {
    fn new(why: impl Into<String>) -> Self {
        Self { why: why.into(), recorded: false }
    }
}

/// Records a process and those below it from now on; `claim` makes a segment for each. An error means that nothing was
/// changed.
pub(in crate::recorders) fn attach(
    pid: i32,
    launch: &Launch,
    claim: &mut dyn FnMut() -> io::Result<PathBuf>,
) -> Result<Attached> {
    may_be_recorded(pid).map_err(|refused| anyhow!("cannot record process {pid}: {}", refused.why))?;
    probe(NAME).map_err(|why| anyhow!("cannot record process {pid}: {why}"))?;
    let own = rustix::process::getpid().as_raw_pid();
    let mut attached = Attached::default();
    let mut below = children(pid);
    let first = claim()?;
    if let Err(refused) = one(pid, launch, first) {
        let error = anyhow!("cannot record process {pid}: {}", refused.why);
        return Err(error)
            .hint("`agent-capture run -- CMD` and `agent-capture start` record what they start themselves");
    }
    attached.processes = 1;
    let mut seen = BTreeSet::from([pid, own]);
    below.extend(children(pid));
    while let Some(pid) = below.pop() {
        if !seen.insert(pid) || is_own(pid) {
            continue;
        }
        let mut more = children(pid);
        let refused =
            if seen.len() > MOST { Err(Refused::new("there are too many")) } else { below_one(pid, launch, claim) };
        match refused {
            Ok(()) => attached.processes += 1,
            // What one that is recorded made meanwhile.
            Err(refused) if refused.recorded => {}
            Err(_) if !fs::exists(format!("/proc/{pid}")).unwrap_or(false) => {}
            Err(refused) => attached.missed.push(format!("process {pid}: {}", refused.why)),
        }
        more.extend(children(pid));
        below.extend(more);
    }
    Ok(attached)
}

fn below_one(pid: i32, launch: &Launch, claim: &mut dyn FnMut() -> io::Result<PathBuf>) -> Result<(), Refused> {
    may_be_recorded(pid)?;
    let segment = claim().map_err(|error| Refused::new(error.to_string()))?;
    let done = one(pid, launch, segment.clone());
    if done.is_err() {
        drop(fs::remove_file(segment));
    }
    done
}

/// Returns why a process may not be recorded from now on.
fn may_be_recorded(pid: i32) -> Result<(), Refused> {
    const SYS_ADMIN: u64 = 1 << 21; // linux/capability.h
    let status = fs::read_to_string(format!("/proc/{pid}/status")).map_err(|_gone| Refused::new("there is none"))?;
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.and_then(|line| line.split_whitespace().next()).unwrap_or_default()
    };
    let uid = fs::metadata(format!("/proc/{pid}")).map(|process| process.uid()).ok();
    let refused = match field("State") {
        _ if field("Tgid") != pid.to_string() => format!("it is a thread of process {}", field("Tgid")),
        "Z" | "X" => "it has ended".to_owned(),
        _ if field("VmSize").is_empty() => "it is a thread of the kernel".to_owned(),
        _ if is_own(pid) => "it is this program itself".to_owned(),
        _ if field("Uid") != rustix::process::geteuid().as_raw().to_string() || uid.is_none() => {
            "it is another user's".to_owned()
        }
        "T" | "t" => "it is stopped: let it go on first".to_owned(),
        _ if field("TracerPid") != "0" => format!("process {} traces it", field("TracerPid")),
        _ if field("NoNewPrivs") != "1"
            && u64::from_str_radix(field("CapEff"), 16).is_ok_and(|set| set & SYS_ADMIN == 0) =>
        {
            "recording it would take from it the right to gain privileges, which sudo needs, and it was not started by \
             this program"
                .to_owned()
        }
        _ => return Ok(()),
    };
    Err(Refused::new(refused))
}

/// Records one process.
fn one(pid: i32, launch: &Launch, segment: PathBuf) -> Result<(), Refused> {
    let failed = |what: &str, error: anyhow::Error| Refused::new(format!("{what}: {error:#}"));
    let guardian = start_guard(launch, segment).map_err(|error| failed("its recorder did not start", error))?;
    let (listener, pidfd) = take_listener(pid, launch)?;
    let kept = Listener(listener.try_clone().map_err(|error| failed("no descriptor is left", error.into()))?);
    let told = Slots::new().map_err(anyhow::Error::from).and_then(|slots| {
        let slots = slots.as_fd().try_clone_to_owned()?;
        guardian.send(&Message::Recording { slots, command: pidfd, pid, listener: Some(listener) })?;
        match guardian.receive()? {
            Some(Message::Go) => Ok(()),
            Some(Message::Failed(why)) => bail!("{why}"),
            _ => bail!("the recorder ended early"),
        }
    });
    told.map_err(|error| {
        // Whatever happened, the process must not wait for an answer; a guardian that lives answers too.
        guard::let_all_go_on(&kept);
        failed("its recorder failed, and it goes on unrecorded", error)
    })
}

/// Starts the guardian and its worker; they wait for what to record.
fn start_guard(launch: &Launch, segment: PathBuf) -> Result<Channel> {
    let (_, guardian) = guard::start(&Task::of(&Launch { segment, ..launch.clone() }, NAME), None)?;
    match guardian.receive()? {
        Some(Message::Go) => Ok(guardian),
        Some(Message::Failed(why)) => bail!("{why}"),
        _ => bail!("it ended early"),
    }
}

/// Puts the filter on a process and takes its end.
fn take_listener(pid: i32, launch: &Launch) -> Result<(OwnedFd, OwnedFd), Refused> {
    let open = || pidfd_open(Pid::from_raw(pid).ok_or(rustix::io::Errno::SRCH)?, PidfdFlags::empty());
    let pidfd = open().map_err(|_gone| Refused::new("it has ended"))?;
    let take = |number| pidfd_getfd(&pidfd, number, PidfdGetfdFlags::empty());
    // Were that refused when the filter is on, nobody could answer it.
    let some = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let some: Option<i32> = some.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).next();
    some.map(take).transpose().map_err(|error| Refused::new(format!("its descriptors cannot be had ({error})")))?;
    let mut remote = Remote::stop(pid).map_err(|error| match error.kind() {
        io::ErrorKind::PermissionDenied => Refused::new("ptrace is refused: it needs CAP_SYS_PTRACE here"),
        io::ErrorKind::Unsupported => Refused::new("its program is not one of 64 bits"),
        io::ErrorKind::ResourceBusy => Refused::new("it is stopped: let it go on first"),
        io::ErrorKind::TimedOut => Refused::new("it does not stop: it waits for a disk, or for a process that it made"),
        _ => Refused::new(format!("it cannot be stopped ({error})")),
    })?;
    let installed = remote.install_filter(&calls(super::begin::tells_by_filter(launch.exit_group), launch.depth));
    let number = installed.map_err(|error| match error.raw_os_error() {
        Some(libc::EBUSY) => {
            Refused { why: "it is recorded already, and Linux allows one recorder with seccomp".into(), recorded: true }
        }
        Some(libc::EACCES) => Refused::new("it may not install a filter"),
        Some(libc::ESRCH) => Refused::new("its threads have filters of their own"),
        _ => Refused::new(format!("seccomp refused the filter ({error})")),
    })?;
    let listener = take(number);
    if listener.is_ok() {
        drop(remote.close(number));
    }
    drop(remote);
    listener.map(|listener| (listener, pidfd)).map_err(|error| Refused::new(format!("its listener was lost ({error})")))
}
