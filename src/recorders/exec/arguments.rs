//! The path and the arguments of an exec, out of the memory of the process that asks for it.

use std::fs;

use crate::event::Bytes;
use crate::sys::{self, Call, Stopped};

/// Bytes kept of one argument, bytes kept in all, and number of arguments kept.
const MOST: (usize, usize, usize) = (64 << 10, 1 << 20, 10_000);
/// Bytes of one argument with its end that Linux takes: MAX_ARG_STRLEN in linux/binfmts.h.
const LONGEST: usize = 128 << 10;
/// Pages are at least this long; a read that stays inside one is there as a whole or not at all.
const PAGE: u64 = 4096;

/// What a process asks execve(2) or execveat(2) for.
#[derive(Debug, Default)]
pub(in crate::recorders) struct Arguments {
    /// The folder's descriptor that a relative path starts from; none for the cwd.
    pub folder: Option<i32>,
    /// The path as given.
    pub path: Vec<u8>,
    /// Flags of execveat.
    pub flags: u64,
    /// The arguments, cut to what is kept.
    pub argv: Vec<Bytes>,
    /// Whether something was cut.
    pub shortened: bool,
    /// Whether the kernel will refuse them as too long.
    pub too_long: bool,
    /// Where in its program the process asks, and with which addresses; nothing where that is not told.
    pub site: Option<(u64, [u64; 6])>,
}

/// Why they could not be read.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::recorders) enum Unread {
    /// An address leads nowhere, so the kernel will refuse the exec too; or the process is gone.
    Nowhere,
    /// We may not read this process.
    Denied,
}

impl Arguments {
    /// Reads them.
    pub(in crate::recorders) fn read(stopped: &Stopped<'_>) -> Result<Self, Unread> {
        let at_cwd = i64::from(libc::AT_FDCWD) as u32;
        let [a, b, c, d, e, _] = stopped.args;
        let (folder, path, argv, envp, flags) = match stopped.call {
            Some(Call::Execveat) => ((a as u32 != at_cwd).then_some(a as i32), b, c, d, e),
            _ => (None, a, b, c, 0),
        };
        let memory = Memory { pid: stopped.thread, pointer: stopped.pointer };
        let (path, pointers) = match memory.both(path, argv)? {
            Some(both) => both,
            None => (memory.text(path, PAGE as usize)?.0, memory.pointers(argv)?),
        };
        let site = Some((stopped.instruction, stopped.args));
        let mut read = Self { folder, flags, path, site, ..Self::default() };
        let kept = read.keep(&memory, &pointers)?;
        if read.shortened || kept > LONGEST {
            let sizes = [memory.size(&pointers)?, memory.size(&memory.pointers(envp)?)?];
            read.too_long =
                sizes.into_iter().map(|size| size.unwrap_or(usize::MAX / 4)).sum::<usize>() > room(stopped.thread);
        }
        Ok(read)
    }

    /// Reads what a program was given that has just begun. Scripts are called by their path, and their interpreters stand
    /// before it.
    pub(in crate::recorders) fn at_start(pid: i32, stack: u64, pointer: usize) -> Result<Self, Unread> {
        let memory = Memory { pid, pointer };
        let given = Given::find(pid, stack, pointer)?;
        let path = memory.text(given.path, PAGE as usize)?.0;
        let mut read = Self { path, ..Self::default() };
        read.keep(&memory, &memory.pointers(given.argv)?)?;
        Ok(read)
    }

    /// Returns those of these bytes, each ended by a null. `whole`: whether that is all of them.
    #[cfg(feature = "ebpf")]
    pub(in crate::recorders) fn of_bytes(path: Vec<u8>, bytes: &[u8], whole: bool) -> Self {
        let mut read = Self { path, shortened: !whole, ..Self::default() };
        let mut left = MOST.1;
        for text in bytes.split_inclusive(|byte| *byte == 0) {
            if read.argv.len() >= MOST.2 || left == 0 {
                read.shortened = true;
                break;
            }
            let text = text.strip_suffix(b"\0").unwrap_or(text);
            let kept = text.len().min(MOST.0).min(left);
            read.shortened |= kept < text.len();
            left -= kept;
            read.argv.push(Bytes::from(&text[..kept]));
        }
        read
    }

    /// Reads the arguments, as much of them as is kept; returns how many bytes that is.
    fn keep(&mut self, memory: &Memory, pointers: &[u64]) -> Result<usize, Unread> {
        let mut kept = 0;
        for batch in pointers[..pointers.len().min(MOST.2)].chunks(256) {
            if kept >= MOST.1 {
                self.shortened = true;
                break;
            }
            for (text, whole) in memory.texts(batch)? {
                let fits = text.len().min(MOST.1.saturating_sub(kept));
                self.shortened |= !whole || fits < text.len();
                kept += fits;
                self.argv.push(Bytes::from(&text[..fits]));
            }
        }
        self.shortened |= pointers.len() > self.argv.len();
        Ok(kept)
    }
}

/// Where a program that has just begun finds what it was given, in its memory.
#[derive(Clone, Copy, Debug)]
pub(in crate::recorders) struct Given {
    /// The path that it was called by.
    pub path: u64,
    /// Its arguments.
    pub argv: u64,
    /// Its environment.
    pub environment: u64,
}

impl Given {
    /// Finds it: the kernel has put it at the top of the stack, which `stack` points to.
    pub(in crate::recorders) fn find(pid: i32, stack: u64, pointer: usize) -> Result<Self, Unread> {
        const AT_EXECFN: u64 = 31; // linux/auxvec.h
        let memory = Memory { pid, pointer };
        let after = |at: u64, pointers: &[u64]| at + (pointers.len() as u64 + 1) * pointer as u64;
        let argv = stack + pointer as u64;
        let environment = after(argv, &memory.pointers(argv)?);
        let auxiliary = after(environment, &memory.pointers(environment)?);
        let pairs = memory.numbers(auxiliary, 128)?;
        let path = pairs.chunks_exact(2).take_while(|pair| pair[0] != 0).find(|pair| pair[0] == AT_EXECFN);
        Ok(Self { path: path.ok_or(Unread::Nowhere)?[1], argv, environment })
    }
}

/// Reads the path at an address in the memory of a process that waits; none when it is not there or too long.
pub(in crate::recorders) fn path(stopped: &Stopped<'_>, at: u64) -> Option<Vec<u8>> {
    let memory = Memory { pid: stopped.thread, pointer: stopped.pointer };
    memory.text(at, PAGE as usize).ok().filter(|(_, whole)| *whole).map(|(path, _)| path)
}

/// Returns how many bytes of arguments and environment the kernel takes from a thread: bprm_stack_limits in fs/exec.c.
fn room(thread: i32) -> usize {
    let limits = fs::read_to_string(format!("/proc/{thread}/limits")).unwrap_or_default();
    let stack = limits.lines().find_map(|line| line.strip_prefix("Max stack size")?.split_whitespace().next());
    // `unlimited` is no number.
    stack.and_then(|bytes| bytes.parse().ok()).map_or(usize::MAX, |bytes: usize| bytes / 4).clamp(LONGEST, 6 << 20)
}

type PathAndPointers = (Vec<u8>, Vec<u64>);

/// Another process's memory.
struct Memory {
    pid: i32,
    pointer: usize,
}

impl Memory {
    fn read(&self, ranges: &[(u64, usize)], into: &mut [u8]) -> Result<usize, Unread> {
        sys::read_memory(self.pid, ranges, into).map_err(|error| match error.raw_os_error() {
            Some(libc::EPERM | libc::ENOSYS) => Unread::Denied,
            _ => Unread::Nowhere,
        })
    }

    /// Reads a text and a vector of pointers at once; none when one of them is too long for that.
    fn both(&self, text: u64, vector: u64) -> Result<Option<PathAndPointers>, Unread> {
        if vector == 0 {
            return Ok(None);
        }
        let ranges = [(text, to_page_end(text, 256)), (vector, to_page_end(vector, 512))];
        let mut bytes = [0; 256 + 512];
        let bytes = &mut bytes[..ranges[0].1 + ranges[1].1];
        if self.read(&ranges, bytes)? < bytes.len() {
            return Ok(None);
        }
        let (head, rest) = bytes.split_at(ranges[0].1);
        let mut found = Vec::new();
        let ended = self.collect(rest, &mut found);
        Ok(head.iter().position(|byte| *byte == 0).filter(|_| ended).map(|end| (head[..end].to_vec(), found)))
    }

    /// Takes pointers out of bytes; returns whether it met the null that ends them.
    fn collect(&self, bytes: &[u8], found: &mut Vec<u64>) -> bool {
        for bytes in bytes.chunks_exact(self.pointer) {
            let mut whole = [0; 8];
            whole[..self.pointer].copy_from_slice(bytes);
            match u64::from_le_bytes(whole) {
                0 => return true,
                pointer => found.push(pointer),
            }
        }
        false
    }

    /// Reads a vector of pointers up to its null.
    fn pointers(&self, mut at: u64) -> Result<Vec<u64>, Unread> {
        let mut found = Vec::new();
        while at != 0 {
            let range = (at, to_page_end(at, PAGE).next_multiple_of(self.pointer));
            let mut bytes = vec![0; range.1];
            let length = self.read(&[range], &mut bytes)?;
            if self.collect(&bytes[..length], &mut found) {
                break;
            }
            if length < range.1 {
                return Err(Unread::Nowhere);
            }
            at += range.1 as u64;
        }
        Ok(found)
    }

    /// Reads numbers as long as a pointer: `count` of them, or what is there before the end of the memory.
    fn numbers(&self, at: u64, count: usize) -> Result<Vec<u64>, Unread> {
        let total = count * self.pointer;
        let first = to_page_end(at, total as u64);
        let mut bytes = vec![0; total];
        let length = self.read(&[(at, first), (at + first as u64, total - first)], &mut bytes)?;
        let number = |bytes: &[u8]| bytes.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        Ok(bytes[..length].chunks_exact(self.pointer).map(number).collect())
    }

    /// Reads the beginnings of many texts at once, and the rest of those that are longer.
    fn texts(&self, pointers: &[u64]) -> Result<Vec<(Vec<u8>, bool)>, Unread> {
        let ranges: Vec<_> = pointers.iter().map(|at| (*at, to_page_end(*at, 256))).collect();
        let mut bytes = vec![0; ranges.iter().map(|range| range.1).sum()];
        if !ranges.is_empty() && self.read(&ranges, &mut bytes)? < bytes.len() {
            return Err(Unread::Nowhere);
        }
        let mut rest = &bytes[..];
        let mut texts = Vec::with_capacity(pointers.len());
        for (at, length) in ranges {
            let (head, tail) = rest.split_at(length);
            rest = tail;
            texts.push(match head.iter().position(|byte| *byte == 0) {
                Some(end) => (head[..end].to_vec(), true),
                None => self.text(at, MOST.0)?,
            });
        }
        Ok(texts)
    }

    /// Reads one text of at most `most` bytes; says whether that is all of it.
    fn text(&self, at: u64, most: usize) -> Result<(Vec<u8>, bool), Unread> {
        let mut text = Vec::new();
        let mut window = 256;
        while text.len() <= most {
            let at = at + text.len() as u64;
            let old = text.len();
            let range = (at, to_page_end(at, window));
            text.resize(old + range.1, 0);
            if self.read(&[range], &mut text[old..])? < range.1 {
                return Err(Unread::Nowhere);
            }
            if let Some(end) = text[old..].iter().position(|byte| *byte == 0) {
                text.truncate(old + end);
                let whole = text.len() <= most;
                text.truncate(most);
                return Ok((text, whole));
            }
            window = PAGE;
        }
        text.truncate(most);
        Ok((text, false))
    }

    /// Counts the bytes that texts take in a new process; none when one of them is longer than Linux takes.
    fn size(&self, pointers: &[u64]) -> Result<Option<usize>, Unread> {
        let mut sum = pointers.len() * self.pointer;
        for at in pointers {
            let (text, whole) = self.text(*at, LONGEST - 1)?;
            sum += text.len() + 1;
            if !whole || sum > 16 << 20 {
                return Ok(None);
            }
        }
        Ok(Some(sum))
    }
}

/// Returns how many of `most` bytes from this address lie in its page.
fn to_page_end(at: u64, most: u64) -> usize {
    (PAGE - at % PAGE).min(most) as usize
}
