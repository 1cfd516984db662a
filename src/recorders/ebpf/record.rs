//! What the program in the kernel hands over: `struct record` in `trace.bpf.c`.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// Bytes before the data.
const HEAD: usize = 72;
/// The most bytes of arguments that are handed over.
pub(super) const MOST_WORDS: u64 = 2 << 20;

/// One record.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Record {
    /// The process, as its number is here.
    pub pid: i32,
    /// When, in milliseconds since the system was started.
    pub up: i64,
    pub what: What,
}

/// What a process did.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum What {
    /// It was made by this one.
    Made { by: i32 },
    /// It runs a program.
    Ran(Ran),
    /// More of the arguments of the program that it runs, from this byte on.
    Words { from: usize, bytes: Vec<u8> },
    /// It ended, with a status as wait(2) gives it.
    Ended { word: i32 },
    /// It wanted to run a program.
    Refused { asked: Vec<u8>, folder: Option<PathBuf>, words: Vec<u8> },
    /// It connected, or tried to; what the call returned.
    Connected { address: Vec<u8>, returned: i64 },
    /// It opened a file; the folder is that of a relative path.
    Opened { path: Vec<u8>, folder: Option<PathBuf>, flags: u64 },
}

/// A program that began.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Ran {
    /// The path as given, `/dev/fd/…` for a descriptor.
    pub asked: Vec<u8>,
    /// The last interpreter of a script.
    pub interpreter: Option<Vec<u8>>,
    /// Where it began; none when that is too long.
    pub folder: Option<PathBuf>,
    /// The file that runs; none when its path is too long.
    pub file: Option<PathBuf>,
    /// The mount and the inode of its root.
    pub root: (u64, u64),
    /// Bytes of all arguments, of which these are the first.
    pub length: u64,
    pub words: Vec<u8>,
    /// Whether the arguments could not be read.
    pub unread: bool,
}

impl Record {
    /// Reads one; none when it is not as expected, which the program does not write.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let (head, mut data) = bytes.split_at_checked(HEAD)?;
        let short = |at: usize| Some(u32::from_ne_bytes(head.get(at..at + 4)?.try_into().ok()?));
        let long = |at: usize| Some(u64::from_ne_bytes(head.get(at..at + 8)?.try_into().ok()?));
        let (kind, number, more, flags) = (short(0)?, long(16)?, long(24)?, short(44)?);
        let mut parts = [&data[..0]; 5];
        for (index, part) in parts.iter_mut().enumerate() {
            (*part, data) = data.split_at_checked(short(48 + 4 * index)? as usize)?;
        }
        let [asked, interpreter, folder, file, words] = parts;
        let has = |flag: u32| flags & flag != 0;
        let folder = || (!has(2)).then(|| shown(path(folder), has(8)));
        let text = |part: &[u8]| part.strip_suffix(b"\0").unwrap_or(part).to_vec();
        let what = match kind {
            1 => What::Made { by: number as i32 },
            2 => What::Ran(Ran {
                asked: text(asked),
                interpreter: has(1).then(|| text(interpreter)),
                folder: folder(),
                file: (!has(4)).then(|| shown(path(file), has(16))),
                root: (short(40)?.into(), long(32)?),
                length: more,
                words: words.to_vec(),
                unread: has(32),
            }),
            3 => What::Words { from: number as usize, bytes: words.to_vec() },
            4 => What::Ended { word: number as i32 },
            5 => What::Refused { asked: text(asked), folder: folder(), words: words.to_vec() },
            6 => What::Connected { address: asked.to_vec(), returned: number as i64 },
            7 => What::Opened { path: text(asked), folder: folder(), flags: more },
            _ => return None,
        };
        Some(Self { pid: short(4)? as i32, up: (long(8)? / 1_000_000) as i64, what })
    }
}

/// Returns the path that names make, each ended by a null, of which the last comes first.
fn path(names: &[u8]) -> PathBuf {
    let names = names.split(|byte| *byte == 0).rev().filter(|name| !name.is_empty());
    names.fold(PathBuf::from("/"), |path, name| path.join(OsStr::from_bytes(name)))
}

/// Returns a path as `/proc` shows it.
fn shown(mut path: PathBuf, deleted: bool) -> PathBuf {
    if deleted {
        path.as_mut_os_string().push(" (deleted)");
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: u32, flags: u32, parts: [&[u8]; 5]) -> Vec<u8> {
        let mut bytes = [kind, 7].map(u32::to_ne_bytes).concat();
        bytes.extend([5_000_000_u64, 9, 3, 11].map(u64::to_ne_bytes).concat());
        bytes.extend([13, flags].map(u32::to_ne_bytes).concat());
        bytes.extend(parts.map(|part| (part.len() as u32).to_ne_bytes()).concat());
        bytes.extend([0; 4]);
        bytes.extend(parts.concat());
        bytes
    }

    #[test]
    fn records() {
        let read = |kind, flags, parts| Record::read(&record(kind, flags, parts));
        let of = |what| Some(Record { pid: 7, up: 5, what });
        assert_eq!(read(1, 0, [b""; 5]), of(What::Made { by: 9 }));
        assert_eq!(read(4, 0, [b""; 5]), of(What::Ended { word: 9 }));
        let whole: [&[u8]; 5] = [b"./x\0", b"/bin/sh\0", b"b\0a\0", b"sh\0bin\0usr\0", b"sh\0./x\0"];
        let ran = Ran {
            asked: b"./x".to_vec(),
            interpreter: Some(b"/bin/sh".to_vec()),
            folder: Some("/a/b (deleted)".into()),
            file: Some("/usr/bin/sh".into()),
            root: (13, 11),
            length: 3,
            words: b"sh\0./x\0".to_vec(),
            unread: false,
        };
        assert_eq!(read(2, 1 | 8, whole), of(What::Ran(ran)));
        let ran = read(2, 2 | 4 | 32, [b"/x\0", b"", b"b\0", b"x\0", b""]);
        let expected = Ran { asked: b"/x".to_vec(), root: (13, 11), length: 3, unread: true, ..Ran::default() };
        assert_eq!(ran, of(What::Ran(expected)));
        let at_root = read(2, 0, [b"x\0", b"", b"", b"", b""]);
        assert!(matches!(at_root, Some(Record { what: What::Ran(ran), .. }) if ran.folder == Some("/".into())));
    }

    #[test]
    fn what_is_no_record() {
        let good = record(5, 0, [b"x\0", b"", b"a\0", b"", b"x\0"]);
        assert!(Record::read(&good).is_some());
        for length in [0, 1, HEAD - 1, HEAD, good.len() - 1] {
            assert_eq!(Record::read(&good[..length]), None, "{length}");
        }
        assert_eq!(Record::read(&record(0, 0, [b""; 5])), None);
        assert_eq!(Record::read(&record(8, 0, [b""; 5])), None);
    }
}
