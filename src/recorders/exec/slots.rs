//! What a worker knows that must outlive it, in memory that the front holds too.
//!
//! 96 bytes of head, mapped: the number of the latest notification, the number of the next exec, the notification that each
//! thread had in hand last, and how the command ended. Then one slot of 32 bytes per living process, each written by one `pwrite`. So a worker that is
//! killed leaves each word and each slot old or new.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;

use rustix::fs::MemfdFlags;

use crate::sys::Words;

const SIZE: u64 = 32;
/// Bytes of the head.
const HEAD: u64 = 96;
/// Which word of it says how the command ended: its wait(2) status, and this bit.
const STATUS: (usize, u64) = (2 + HANDS, 1 << 32);
/// How many threads may have a notification in hand.
pub(in crate::recorders) const HANDS: usize = 6;
/// How far from the latest notification that a dead worker noted another may be that it had received and not noted.
const NEAR: u64 = 64;

/// The memory.
#[derive(Debug)]
pub(in crate::recorders) struct Slots {
    file: File,
    head: Words<12>,
    free: Vec<u64>,
    used: u64,
}

/// A process as a slot holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::recorders) struct Kept {
    pub pid: i32,
    pub number: u64,
    pub exec: u64,
    /// 0 for none.
    pub parent: u64,
}

impl AsFd for Slots {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl Slots {
    /// Returns new empty ones.
    pub(in crate::recorders) fn new() -> io::Result<Self> {
        let file = File::from(rustix::fs::memfd_create("agent-capture", MemfdFlags::CLOEXEC)?);
        file.set_len(HEAD)?;
        Self::of(file.into())
    }

    /// Returns those that another worker filled.
    pub(in crate::recorders) fn of(fd: OwnedFd) -> io::Result<Self> {
        let file = File::from(fd);
        Ok(Self { head: Words::map(&file)?, file, free: Vec::new(), used: 0 })
    }

    /// Notes which notification a thread has in hand and which number the next exec gets.
    pub(in crate::recorders) fn note(&self, hand: usize, notification: u64, next: u64) {
        self.head.store(2 + hand, notification);
        self.head.store(0, notification);
        self.head.store(1, next);
    }

    /// Returns the numbers of all notifications that a dead worker may have received: those that its threads noted, which may
    /// be old while others deal with very many, and those near to the latest, which it perhaps could not note.
    pub(in crate::recorders) fn in_hand(&self) -> impl Iterator<Item = u64> {
        let (latest, _) = self.noted();
        let near = (0..=2 * NEAR).map(move |more| latest.wrapping_sub(NEAR).wrapping_add(more));
        (0..HANDS).map(|hand| self.head.load(2 + hand)).chain(near)
    }

    /// Returns the latest notification, and the number of the next exec.
    pub(in crate::recorders) fn noted(&self) -> (u64, u64) {
        (self.head.load(0), self.head.load(1))
    }

    /// Notes the wait(2) status with which the command ended.
    pub(in crate::recorders) fn note_status(&self, word: i32) {
        self.head.store(STATUS.0, STATUS.1 | u64::from(word as u32));
    }

    /// Returns what was noted of it.
    pub(in crate::recorders) fn status(&self) -> Option<i32> {
        let noted = self.head.load(STATUS.0);
        (noted & STATUS.1 != 0).then_some(noted as u32 as i32)
    }

    /// Returns a slot for a new process.
    pub(in crate::recorders) fn take(&mut self) -> u64 {
        self.free.pop().unwrap_or_else(|| {
            self.used += 1;
            self.used
        })
    }

    /// Writes a process to its slot.
    pub(in crate::recorders) fn put(&self, slot: u64, kept: Kept) {
        let numbers = [kept.pid as u64, kept.number, kept.exec, kept.parent];
        drop(self.file.write_all_at(&numbers.map(u64::to_le_bytes).concat(), place(slot)));
    }

    /// Empties a slot.
    pub(in crate::recorders) fn give_back(&mut self, slot: u64) {
        drop(self.file.write_all_at(&[0; SIZE as usize], place(slot)));
        self.free.push(slot);
    }

    /// Returns the processes that a worker before us left, and empties the slots.
    pub(in crate::recorders) fn left(&mut self) -> Vec<Kept> {
        let length = self.file.metadata().map_or(0, |metadata| metadata.len());
        let mut bytes = vec![0; length as usize];
        drop(self.file.read_exact_at(&mut bytes, 0));
        let kept = bytes.chunks_exact(SIZE as usize).skip((HEAD / SIZE) as usize).map(|slot| Kept {
            pid: number(slot, 0) as i32,
            number: number(slot, 8),
            exec: number(slot, 16),
            parent: number(slot, 24),
        });
        let kept = kept.filter(|kept| kept.pid > 0).collect();
        drop(self.file.set_len(HEAD));
        self.free.clear();
        self.used = 0;
        kept
    }
}

/// Returns where a slot begins; they count from 1.
fn place(slot: u64) -> u64 {
    HEAD + (slot - 1) * SIZE
}

fn number(bytes: &[u8], at: usize) -> u64 {
    bytes[at..at + 8].try_into().map_or(0, u64::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_worker_finds_what_one_left() {
        let mut slots = Slots::new().expect("memfd");
        assert_eq!((slots.noted(), slots.status()), ((0, 0), None));
        slots.note(0, 100, 6);
        slots.note(1, u64::MAX, 7);
        let kept = |pid| Kept { pid, number: 3, exec: 5, parent: 0 };
        let places = [4, 5, 6].map(|pid| (pid, slots.take()));
        for (pid, place) in places {
            slots.put(place, kept(pid));
        }
        slots.give_back(places[1].1);
        slots.note_status(0x8b);
        let mut other = Slots::of(slots.as_fd().try_clone_to_owned().expect("dup")).expect("memory");
        assert_eq!((other.noted(), other.status()), ((u64::MAX, 7), Some(0x8b)));
        assert_eq!(other.left(), [kept(4), kept(6)]);
        assert_eq!((other.left(), other.take()), (Vec::new(), 1));
        let in_hand: Vec<u64> = other.in_hand().collect();
        assert!([100, u64::MAX, u64::MAX - NEAR, NEAR - 1].iter().all(|id| in_hand.contains(id)), "{in_hand:?}");
    }
}
