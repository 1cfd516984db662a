//! Memory that several processes see at once.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

/// The first words of a file, in memory: a store is seen at once by all that have the file, and outlives us.
#[derive(Debug)]
pub struct Words<const N: usize>(NonNull<[AtomicU64; N]>);

// SAFETY: it is nothing but atomic words, and the mapping is gone only when this is.
unsafe impl<const N: usize> Send for Words<N> {}
// SAFETY: as above.
unsafe impl<const N: usize> Sync for Words<N> {}

impl<const N: usize> Words<N> {
    /// Maps them. The file must never become shorter than that; when it is now, that is an error.
    pub fn map(file: &File) -> io::Result<Self> {
        let length = size_of::<[AtomicU64; N]>();
        if file.metadata()?.len() < length as u64 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let (protection, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED);
        // SAFETY: the kernel chooses a new place, which nothing else uses.
        let place = unsafe { mmap(ptr::null_mut(), length, protection, flags, file.as_fd(), 0) }?;
        NonNull::new(place.cast()).map(Self).ok_or_else(|| io::ErrorKind::Other.into())
    }

    fn words(&self) -> &[AtomicU64; N] {
        // SAFETY: it is mapped as long as this lives, page-aligned, and each bit pattern is a number.
        unsafe { self.0.as_ref() }
    }

    /// Returns a word.
    pub fn load(&self, number: usize) -> u64 {
        self.words()[number].load(Ordering::Acquire)
    }

    /// Changes a word.
    pub fn store(&self, number: usize, value: u64) {
        self.words()[number].store(value, Ordering::Release);
    }
}

impl<const N: usize> Drop for Words<N> {
    fn drop(&mut self) {
        // SAFETY: `map` made this mapping of this length, and no reference to it outlives `self`.
        let _ = unsafe { munmap(self.0.as_ptr().cast(), size_of::<[AtomicU64; N]>()) };
    }
}
