//! What the kernel would make of a path that a process wants to run, found out before it goes on.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{Access, AtFlags, CWD, StatxFlags};

use super::arguments::Arguments;
use crate::event::Bytes;
use crate::sys::{Info, MACHINES};

/// Bytes that the kernel looks at: BINPRM_BUF_SIZE in linux/binfmts.h.
const HEAD: usize = 256;
/// How often a `#!` line may lead to another: exec_binprm in fs/exec.c.
const DEEPEST: usize = 5;

/// What would run.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::recorders) struct Program {
    /// Absolute path, links not followed.
    pub path: PathBuf,
    /// The same with links followed, when that is another.
    pub resolved: Option<PathBuf>,
    /// The interpreters of `#!` lines, outermost last.
    pub interpreters: Vec<Bytes>,
    /// The dynamic loader (PT_INTERP) of the program, or of the last interpreter.
    pub loader: Option<Bytes>,
    /// Whether the kernel will start it.
    pub starts: bool,
    /// Whether the process has another root than we have.
    pub elsewhere: bool,
}

/// What is in an executable file.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    /// A program, and its loader if it names one.
    Elf(Option<Bytes>),
    /// A script, and the path in its first line.
    Script(Vec<u8>),
    /// Nothing that the kernel itself starts.
    Other,
}

/// A file that was looked at: device, inode, changes of it; then what was found.
#[derive(Clone, Debug)]
struct Seen {
    file: (u64, u64, i64, i64),
    kind: Kind,
    resolved: Option<PathBuf>,
}

/// Looks at programs, and remembers them while they do not change.
#[derive(Debug)]
pub(in crate::recorders) struct Programs {
    seen: HashMap<PathBuf, Seen>,
    root: Option<(u64, u64)>,
    euid: u32,
    other_formats: bool,
}

impl Programs {
    /// Returns one that has seen nothing.
    pub(in crate::recorders) fn new() -> Self {
        let formats = fs::read_dir("/proc/sys/fs/binfmt_misc").into_iter().flatten().flatten();
        let other_formats = formats.map(|entry| entry.file_name()).any(|name| name != "register" && name != "status");
        let euid = rustix::process::geteuid().as_raw();
        Self { seen: HashMap::new(), root: root_of("/"), euid, other_formats }
    }

    /// Finds out what an exec of thread `thread` in process `pid` would run, and whether it will. `elsewhere`: whether the process
    /// has another root than we have, if that is known.
    pub(in crate::recorders) fn find(
        &mut self,
        pid: i32,
        thread: i32,
        asked: &Arguments,
        cwd: &dyn Fn() -> PathBuf,
        info: Option<Info>,
        elsewhere: Option<bool>,
    ) -> Program {
        let fd = |number: i32| fs::read_link(format!("/proc/{pid}/fd/{number}")).unwrap_or_default();
        let given = Path::new(OsStr::from_bytes(&asked.path));
        let (path, place) = match asked.folder {
            Some(number) if given.as_os_str().is_empty() => (fd(number), format!("/proc/{pid}/fd/{number}").into()),
            Some(number) => whole(&fd(number), given),
            None if given.as_os_str().is_empty() => return Program::default(),
            None if given.is_absolute() => whole(Path::new("/"), given),
            None => whole(&cwd(), given),
        };
        let place = of_process(&place, pid, thread);
        let elsewhere = elsewhere.unwrap_or_else(|| self.is_elsewhere(pid));
        let inside = |place: PathBuf| match elsewhere {
            true => follow(&PathBuf::from(format!("/proc/{pid}/root")), &place).ok_or(place),
            false => Ok(place),
        };
        let place = inside(place).unwrap_or_else(|place| place);
        let mut program = Program { path, elsewhere, ..Program::default() };
        let Some(seen) = self.look(&place, info) else { return program };
        let resolved = match elsewhere {
            true => place.strip_prefix(format!("/proc/{pid}/root")).ok().map(|inside| Path::new("/").join(inside)),
            false => seen.resolved,
        };
        program.resolved = resolved.filter(|resolved| *resolved != program.path);
        let mut kind = seen.kind;
        while let Kind::Script(interpreter) = kind {
            program.interpreters.push(Bytes::from(&interpreter));
            let given = Path::new(OsStr::from_bytes(&interpreter));
            let folder = if given.is_absolute() { PathBuf::new() } else { cwd() };
            let place = inside(of_process(&whole(&folder, given).1, pid, thread));
            if program.interpreters.len() > DEEPEST {
                return program;
            }
            let Some(seen) = place.ok().and_then(|place| self.look(&place, info)) else { return program };
            kind = seen.kind;
        }
        program.starts = matches!(kind, Kind::Elf(_)) || self.other_formats;
        if let Kind::Elf(loader) = kind {
            program.loader = loader;
        }
        program
    }

    /// Returns whether a process has another root than we have.
    pub(in crate::recorders) fn is_elsewhere(&self, pid: i32) -> bool {
        root_of(format!("/proc/{pid}/root/")).is_some_and(|root| self.root.is_some_and(|own| own != root))
    }

    /// Looks at one file; none when this process may not run it.
    fn look(&mut self, place: &Path, info: Option<Info>) -> Option<Seen> {
        let metadata = fs::metadata(place).ok()?;
        let own = info.is_none_or(|info| info.euid == self.euid);
        if !metadata.is_file() || !own && !info.is_some_and(|info| may_run(&metadata, info)) {
            return None;
        }
        let file = (metadata.dev(), metadata.ino(), metadata.ctime(), metadata.ctime_nsec());
        if let Some(seen) = self.seen.get(place).filter(|seen| seen.file == file) {
            return Some(seen.clone());
        }
        if rustix::fs::accessat(CWD, place, Access::EXEC_OK, AtFlags::EACCESS).is_err() {
            return None;
        }
        let seen = Seen { file, kind: kind(place), resolved: fs::canonicalize(place).ok() };
        if self.seen.len() >= 4096 {
            self.seen.clear();
        }
        if !place.starts_with("/proc") {
            self.seen.insert(place.to_path_buf(), seen.clone());
        }
        Some(seen)
    }
}

/// Returns whether the mode lets a user run a file. Its further groups are not known, so any of them may be the file's.
fn may_run(metadata: &Metadata, info: Info) -> bool {
    let bits = match () {
        () if info.euid == 0 => 0o111,
        () if metadata.uid() == info.euid => 0o100,
        () if metadata.gid() == info.egid => 0o010,
        () => 0o011,
    };
    metadata.mode() & bits != 0
}

/// Returns a path made absolute, without `.` and double slashes, twice: to show, and to look at.
pub(in crate::recorders) fn whole(folder: &Path, path: &Path) -> (PathBuf, PathBuf) {
    let path: PathBuf = folder.join(path).components().collect();
    (path.clone(), path)
}

/// Returns where we find what a process finds at a path: `/proc/self` and what leads there is another place for us.
fn of_process(path: &Path, pid: i32, thread: i32) -> PathBuf {
    if !path.starts_with("/proc") && !path.starts_with("/dev") {
        return path.to_path_buf();
    }
    let places = [
        ("/proc/self", format!("/proc/{pid}")),
        ("/proc/thread-self", format!("/proc/{pid}/task/{thread}")),
        ("/dev/fd", format!("/proc/{pid}/fd")),
    ];
    let inside = places.iter().find_map(|(from, to)| Some(Path::new(to).join(path.strip_prefix(from).ok()?)));
    inside.unwrap_or_else(|| path.to_path_buf())
}

/// Returns what tells roots apart: the mount and the inode.
pub(in crate::recorders) fn root_of(path: impl AsRef<Path>) -> Option<(u64, u64)> {
    let flags = StatxFlags::INO | StatxFlags::MNT_ID;
    let status = rustix::fs::statx(CWD, path.as_ref(), AtFlags::empty(), flags).ok()?;
    Some((status.stx_mnt_id, status.stx_ino))
}

/// Follows the links of an absolute path below another root; returns the path from our root.
fn follow(root: &Path, path: &Path) -> Option<PathBuf> {
    let mut left: Vec<PathBuf> = path.components().rev().map(|part| PathBuf::from(part.as_os_str())).collect();
    let mut inside = PathBuf::from("/");
    let mut links = 0;
    while let Some(part) = left.pop() {
        match part.components().next()? {
            Component::RootDir => inside = PathBuf::from("/"),
            Component::ParentDir => drop(inside.pop()),
            Component::Normal(name) => {
                let next = inside.join(name);
                let real = root.join(next.strip_prefix("/").ok()?);
                match fs::read_link(&real) {
                    Ok(target) if links < 40 => {
                        links += 1;
                        left.extend(target.components().rev().map(|part| PathBuf::from(part.as_os_str())));
                    }
                    Ok(_) => return None,
                    Err(_) => inside = next,
                }
            }
            Component::CurDir | Component::Prefix(_) => {}
        }
    }
    Some(root.join(inside.strip_prefix("/").ok()?))
}

/// Returns what is in a file. One that we may not read is taken for a program: the kernel needs no permission to read.
fn kind(place: &Path) -> Kind {
    let flags = (libc::O_NONBLOCK | libc::O_NOCTTY).unsigned_abs();
    let Ok(file) = fs::OpenOptions::new().read(true).custom_flags(flags as i32).open(place) else {
        return Kind::Elf(None);
    };
    let mut bytes = [0; 4096];
    let length = file.read_at(&mut bytes, 0).unwrap_or(0);
    let bytes = &bytes[..length];
    if let Some(rest) = bytes.strip_prefix(b"#!") {
        return interpreter(&rest[..rest.len().min(HEAD - 2)]).map_or(Kind::Other, |path| Kind::Script(path.to_vec()));
    }
    match elf(bytes) {
        Some(None) => Kind::Elf(None),
        Some(Some(loader)) if Path::new(OsStr::from_bytes(loader)).exists() => Kind::Elf(Some(Bytes::from(loader))),
        _ => Kind::Other,
    }
}

/// Returns the interpreter of a `#!` line, given what follows these two: load_script in fs/binfmt_script.c.
fn interpreter(rest: &[u8]) -> Option<&[u8]> {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let line = rest.split(|byte| *byte == b'\n').next()?;
    let start = line.iter().position(|byte| !blank(byte))?;
    let name = &line[start..];
    let end = name.iter().position(|byte| blank(byte) || *byte == 0);
    let cut_off = line.len() == rest.len() && rest.len() == HEAD - 2;
    let end = if cut_off { end? } else { end.unwrap_or(name.len()) };
    (end > 0).then(|| &name[..end])
}

/// Reads the beginning of an ELF file for this machine: its loader, if it names one there.
fn elf(bytes: &[u8]) -> Option<Option<&[u8]>> {
    let number = |at: usize, length: usize| {
        let bytes = bytes.get(at..at + length)?;
        Some(bytes.iter().rev().fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte)))
    };
    let wide = match bytes.strip_prefix(b"\x7fELF")?.first()? {
        2 => true,
        1 => false,
        _ => return None,
    };
    if !MACHINES.contains(&(number(18, 2)? as u16)) {
        return None;
    }
    let (table, size, count) = if wide {
        (number(32, 8)?, number(54, 2)?, number(56, 2)?)
    } else {
        (number(28, 4)?, number(42, 2)?, number(44, 2)?)
    };
    for header in (0..count).filter_map(|index| table.checked_add(index * size)) {
        let Some(kind) = number(header, 4) else { break };
        if kind == libc::PT_INTERP as usize {
            let (start, length) = if wide {
                (number(header + 8, 8), number(header + 32, 8))
            } else {
                (number(header + 4, 4), number(header + 16, 4))
            };
            let text = start.zip(length).and_then(|(start, length)| bytes.get(start..start.checked_add(length)?));
            return Some(text.and_then(|text| text.split(|byte| *byte == 0).next()));
        }
    }
    Some(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_lines() {
        let long = [b'x'; 300];
        let cut = [b"/bin/sh ".as_slice(), &long].concat();
        for (rest, expected) in [
            (b"/bin/sh\necho".as_slice(), Some(b"/bin/sh".as_slice())),
            (b" \t/usr/bin/env -S python3 -u\n", Some(b"/usr/bin/env")),
            (b"/bin/sh", Some(b"/bin/sh")),
            (b"\n/bin/sh", None),
            (b"  \n", None),
            (b"/bin/sh\r\n", Some(b"/bin/sh\r")),
            (&cut[..254], Some(b"/bin/sh")),
            (&long[..254], None),
        ] {
            assert_eq!(interpreter(rest), expected, "{}", rest.escape_ascii());
        }
    }

    #[test]
    fn own_loader() {
        let bytes = fs::read("/proc/self/exe").expect("this test");
        let loader = elf(&bytes[..4096]).expect("ELF").map(|loader| Path::new(OsStr::from_bytes(loader)).exists());
        assert_ne!(loader, Some(false));
        for bad in [&b""[..], b"\x7fELF", b"\x7fELF\x02\x01\x01", &[0x7f; 64]] {
            assert_eq!(elf(bad), None);
        }
    }

    #[test]
    fn links_stay_below_another_root() {
        let root = tempfile::tempdir().expect("temporary folder");
        fs::create_dir_all(root.path().join("usr/bin")).expect("folder");
        std::os::unix::fs::symlink("/usr/bin", root.path().join("bin")).expect("link");
        std::os::unix::fs::symlink("../../../real", root.path().join("usr/bin/tool")).expect("link");
        assert_eq!(follow(root.path(), Path::new("/bin/./tool")), Some(root.path().join("real")));
    }
}
