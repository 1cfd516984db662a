//! The program in the kernel: loads it, tells it whom to follow, and takes what it hands over.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::Write;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::MetadataExt;
use std::rc::Rc;

use anyhow::{Context, Result, bail};
use libbpf_rs::{Link, MapCore, MapFlags, MapHandle, Object, ObjectBuilder, RingBuffer, RingBufferBuilder};
use rustix::fs::{MemfdFlags, memfd_create};

use super::TYPES;
use super::record::Record;
use super::types::{ASKED, reduced};
use crate::recorders::Depth;
use crate::recorders::exec::kept::{keep, kept};

/// `trace.bpf.c`, compiled.
static PROGRAM: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/trace.bpf.o"));

/// Under which name the kernel's types are kept.
const KEPT: &str = "kernel-types";

/// How many records are taken at a time.
const BATCH: usize = 256;

/// What was lost: how often, and why.
pub(super) const LOSSES: [&str; 3] = [
    "they came faster than they could be written",
    "there were too many processes",
    "the memory of a process could not be read",
];

/// The loaded program.
pub(super) struct Kernel {
    ring: RingBuffer<'static>,
    events: MapHandle,
    processes: MapHandle,
    lost: MapHandle,
    taken: Rc<RefCell<VecDeque<Record>>>,
    links: Vec<Link>,
    _object: Object,
}

impl Kernel {
    /// Loads the program, and attaches it to the kernel. It follows nobody yet.
    pub(super) fn load(depth: Depth) -> Result<Self> {
        // It would write what goes wrong to stderr, which is the command's.
        libbpf_rs::set_print(None);
        let types = types().context("failed to read the kernel's types")?;
        let object = match types.map(|types| object(depth, Some(&types))) {
            Some(Ok(object)) => object,
            // libbpf may find what we did not.
            Some(Err(_)) | None => object(depth, None)?,
        };
        let map = |name: &str| {
            let map = object.maps().find(|map| map.name() == name).context("it lacks a map")?;
            Ok::<_, anyhow::Error>(MapHandle::try_from(&map)?)
        };
        let (events, processes, lost) = (map("events")?, map("processes")?, map("lost")?);
        let taken = Rc::new(RefCell::new(VecDeque::new()));
        let into = Rc::clone(&taken);
        let mut builder = RingBufferBuilder::new();
        builder.add(&events, move |bytes| {
            into.borrow_mut().extend(Record::read(bytes));
            0
        })?;
        let ring = builder.build()?;
        let links = object.progs_mut().map(|program| program.attach()).collect::<Result<_, _>>();
        let links = links.context("Linux refuses to attach the program")?;
        Ok(Self { ring, events, processes, lost, taken, links, _object: object })
    }

    /// Follows a process and all that it makes from now on.
    pub(super) fn follow(&self, pid: i32) -> Result<()> {
        Ok(self.processes.update(&pid.to_ne_bytes(), &[0; 4], MapFlags::ANY)?)
    }

    /// Follows a process no more.
    pub(super) fn forget(&self, pid: i32) {
        drop(self.processes.delete(&pid.to_ne_bytes()));
    }

    /// Returns whether any process is followed.
    pub(super) fn follows_any(&self) -> bool {
        self.processes.keys().next().is_some()
    }

    /// Detaches the program.
    pub(super) fn stop(&mut self) {
        self.links.clear();
        self.taken.borrow_mut().clear();
    }

    /// Returns some of the records that are there; none when there is none.
    pub(super) fn take(&self) -> VecDeque<Record> {
        self.ring.consume_raw_n(BATCH);
        std::mem::take(&mut *self.taken.borrow_mut())
    }

    /// Returns how much was lost until now, as [`LOSSES`] tell it.
    pub(super) fn lost(&self) -> [u64; LOSSES.len()] {
        let count = |at: usize| {
            let bytes = self.lost.lookup(&(at as u32).to_ne_bytes(), MapFlags::ANY).ok().flatten()?;
            bytes.try_into().ok().map(u64::from_ne_bytes)
        };
        std::array::from_fn(|at| count(at).unwrap_or(0))
    }
}

/// Loads the program into the kernel. `types`: a file with the kernel's types; none to have libbpf look for them.
fn object(depth: Depth, types: Option<&File>) -> Result<Object> {
    let mut builder = ObjectBuilder::default();
    if let Some(types) = types {
        builder.btf_custom_path(format!("/proc/self/fd/{}", types.as_raw_fd()))?;
    }
    let mut open = builder.open_memory(PROGRAM)?;
    // Numbers of processes are those of our namespace.
    let namespace = fs::metadata("/proc/self/ns/pid").context("failed to look at /proc")?;
    let (device, namespace) = (namespace.dev().to_ne_bytes(), namespace.ino().to_ne_bytes());
    let depth = [(depth >= Depth::Network).into(), (depth >= Depth::Maps).into()];
    let config = [&device[..], &namespace, &depth].concat();
    let mut maps = open.maps_mut();
    let mut data = maps.find(|map| map.name().to_string_lossy().ends_with(".rodata")).context("it has no data")?;
    match data.initial_value_mut().and_then(|data| data.get_mut(..config.len())) {
        Some(place) => place.copy_from_slice(&config),
        None => bail!("it has no data"),
    }
    drop(maps);
    open.load().context("Linux refuses the program")
}

/// Returns a file with the types that the program asks for; none when libbpf has to look for them itself. To look for them takes
/// almost as long as to load the program, so they are kept.
fn types() -> Result<Option<File>> {
    let head = format!("{}\n", ASKED.join(" "));
    let known = kept(KEPT).and_then(|kept| kept.strip_prefix(head.as_bytes()).map(<[u8]>::to_vec));
    let reduced = match known {
        Some(known) => known,
        None => {
            let Some(reduced) = reduced(&fs::read(TYPES)?, ASKED) else { return Ok(None) };
            keep(KEPT, &[head.as_bytes(), &reduced].concat());
            reduced
        }
    };
    let mut file = File::from(memfd_create("types", MemfdFlags::CLOEXEC)?);
    file.write_all(&reduced)?;
    Ok(Some(file))
}

impl AsFd for Kernel {
    /// It is readable when there are records.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.events.as_fd()
    }
}

#[cfg(test)]
#[expect(clippy::print_stderr, reason = "what is skipped is said")]
mod tests {
    use super::*;

    #[test]
    fn where_it_loads_it_does_so_with_reduced_types() {
        if let Err(error) = object(Depth::Full, None) {
            return eprintln!("skipped: {error:#}");
        }
        let types = types().expect("they can be read").expect("the kernel has all");
        for depth in [Depth::Execs, Depth::Network, Depth::Full] {
            object(depth, Some(&types)).expect("it loads");
        }
    }
}
