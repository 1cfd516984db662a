//! Sessions that are recorded and nothing more, and what was seen.
#![cfg(target_os = "linux")]
#![allow(dead_code, clippy::allow_attributes, reason = "each test binary uses a part of it")]

use std::cell::Cell;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::Duration;

use agent_capture::event::{Event, Exec, Exit, Missing, Status};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_agent-capture");

thread_local! {
    /// The recorder that this test is about; empty for the best that works.
    pub(crate) static RECORDER: Cell<&'static str> = const { Cell::new("seccomp") };
}

/// A folder to record in.
pub(crate) struct Session {
    pub(crate) folder: TempDir,
    pub(crate) flags: Vec<&'static str>,
}

impl Session {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("temporary folder"), flags: Vec::new() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a program.
    pub(crate) fn program(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        super::program(&path, bytes);
        path
    }

    /// Returns the command that records another.
    pub(crate) fn recording(&self, argv: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
        self.recording_by(BINARY, argv)
    }

    pub(crate) fn recording_by(
        &self,
        binary: impl AsRef<OsStr>,
        argv: impl IntoIterator<Item = impl AsRef<OsStr>>,
    ) -> Command {
        let mut command = Command::new(binary);
        command.arg("__front").arg("--segment").arg(self.path("segment")).arg("--closed").arg(self.path("closed"));
        command.args(&self.flags);
        if !RECORDER.get().is_empty() {
            command.args(["--recorder", RECORDER.get()]);
        }
        command.arg("--").args(argv).current_dir(self.folder.path()).env("XDG_CACHE_HOME", self.path("cache"));
        command
    }

    /// Runs a command recorded.
    pub(crate) fn run(&self, argv: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Recorded {
        self.finish(self.recording(argv).stdin(Stdio::null()).output().expect("run"))
    }

    pub(crate) fn sh(&self, script: &str) -> Recorded {
        self.run(["/bin/sh", "-c", script])
    }

    pub(crate) fn finish(&self, output: Output) -> Recorded {
        Recorded { output, events: self.events() }
    }

    /// Returns what was recorded until now.
    pub(crate) fn events(&self) -> Vec<Event> {
        let text = fs::read(self.path("segment")).unwrap_or_default();
        let whole = text.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n"));
        whole.map(|line| serde_json::from_slice(line).expect("an event")).collect()
    }

    /// Waits until something was recorded.
    pub(crate) fn wait_for(&self, what: impl Fn(&Recorded) -> bool) -> Recorded {
        wait_for("an event", || {
            let output = Output { status: ExitStatusExt::from_raw(0), stdout: Vec::new(), stderr: Vec::new() };
            Some(self.finish(output)).filter(&what)
        })
    }

    /// Returns the pid of the worker that records here.
    pub(crate) fn worker(&self) -> i32 {
        let segment = self.path("segment");
        wait_for("a worker", || {
            processes()
                .find(|(_, line)| {
                    line.get(1).is_some_and(|word| word == b"__worker")
                        && line.contains(&segment.as_os_str().as_bytes().to_vec())
                })
                .map(|(pid, _)| pid)
        })
    }
}

/// Returns the processes and their command lines.
pub(crate) fn processes() -> impl Iterator<Item = (i32, Vec<Vec<u8>>)> {
    fs::read_dir("/proc").expect("/proc").filter_map(|entry| {
        let pid = entry.ok()?.file_name().to_str()?.parse().ok()?;
        let line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        Some((pid, line.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect()))
    })
}

pub(crate) fn wait_for<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    for _ in 0..3000 {
        if let Some(found) = found() {
            return found;
        }
        sleep(Duration::from_millis(10));
    }
    panic!("waited in vain for {what}");
}

pub(crate) fn signal(pid: i32, signal: Signal) {
    kill_process(Pid::from_raw(pid).expect("a pid"), signal).expect("signal");
}

/// Returns the state letter of a process.
pub(crate) fn state(pid: i32) -> Option<char> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    text.rsplit(") ").next()?.chars().next()
}

/// Returns one of the smallest programs, which has no library: an ELF file with this code, which is at 0x0804_8000 and the headers.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
pub(crate) fn tiny(machine: u16, wide: bool, code: &[u8]) -> Vec<u8> {
    let mut elf = vec![0x7f, b'E', b'L', b'F', if wide { 2 } else { 1 }, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let base = 0x0804_8000_u64;
    let number = |elf: &mut Vec<u8>, value: u64| elf.extend(&value.to_le_bytes()[..if wide { 8 } else { 4 }]);
    elf.extend([2_u16, machine, 1, 0].into_iter().flat_map(u16::to_le_bytes));
    let headers = if wide { 64 + 56 } else { 52 + 32 };
    number(&mut elf, base + headers);
    number(&mut elf, if wide { 64 } else { 52 });
    number(&mut elf, 0);
    elf.extend(0_u32.to_le_bytes());
    let sizes = if wide { [64, 56, 1, 0, 0, 0] } else { [52, 32, 1, 0, 0, 0] };
    elf.extend(sizes.into_iter().flat_map(u16::to_le_bytes));
    let length = headers + code.len() as u64;
    elf.extend(1_u32.to_le_bytes());
    if wide {
        elf.extend(5_u32.to_le_bytes());
    }
    [0, base, base, length, length].iter().for_each(|value| number(&mut elf, *value));
    if !wide {
        elf.extend(5_u32.to_le_bytes());
    }
    number(&mut elf, 0x1000);
    elf.extend(code);
    elf
}

/// Returns a program of `tests/programs`.
pub(crate) fn example(name: &str) -> PathBuf {
    let path = Path::new(BINARY).with_file_name("examples").join(name);
    assert!(path.exists(), "{} is not there: run `cargo build --examples`", path.display());
    path
}

#[derive(Debug)]
pub(crate) struct Recorded {
    pub(crate) output: Output,
    pub(crate) events: Vec<Event>,
}

impl Recorded {
    pub(crate) fn code(&self) -> Option<i32> {
        self.output.status.code()
    }

    pub(crate) fn stdout(&self) -> &str {
        std::str::from_utf8(&self.output.stdout).expect("text")
    }

    pub(crate) fn execs(&self) -> impl Iterator<Item = &Exec> {
        self.events.iter().filter_map(|event| if let Event::Exec(exec) = event { Some(exec) } else { None })
    }

    /// Returns the execs of a program of this name.
    pub(crate) fn named(&self, name: &str) -> Vec<&Exec> {
        self.execs().filter(|exec| exec.program.as_path().file_name() == Some(OsStr::new(name))).collect()
    }

    pub(crate) fn one(&self, name: &str) -> &Exec {
        let execs = self.named(name);
        assert_eq!(execs.len(), 1, "{name} in {:#?}", self.events);
        execs[0]
    }

    pub(crate) fn missing(&self) -> Vec<&Missing> {
        self.events
            .iter()
            .filter_map(|event| if let Event::Missing(missing) = event { Some(missing) } else { None })
            .collect()
    }

    pub(crate) fn lost(&self) -> u64 {
        self.events.iter().map(|event| if let Event::Lost(lost) = event { lost.count } else { 0 }).sum()
    }

    pub(crate) fn exits(&self) -> impl Iterator<Item = &Exit> {
        self.events.iter().filter_map(|event| if let Event::Exit(exit) = event { Some(exit) } else { None })
    }

    /// Asserts that a process that may not be read was seen, or, as it may be over before one can look, told as lost.
    pub(crate) fn is_there_or_lost(&self, name: &str, words: &[&str]) {
        match self.named(name).first() {
            Some(exec) => assert_eq!((argv(exec).as_slice(), self.lost()), (words, 0)),
            None => assert_eq!(self.lost(), 1),
        }
    }

    /// Returns how the process of an exec ended.
    pub(crate) fn end(&self, exec: &Exec) -> Option<Status> {
        self.exits().find(|exit| exit.process == exec.process).expect("an end").status
    }
}

/// Returns arguments as text.
pub(crate) fn argv(exec: &Exec) -> Vec<&str> {
    exec.argv.iter().map(|argument| argument.as_str().expect("text")).collect()
}
