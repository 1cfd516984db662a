//! Secrets, taken out of arguments and command lines before these reach a disk.

/// stub
pub fn argv(a: &[Vec<u8>]) -> (Vec<Vec<u8>>, bool) { (a.to_vec(), false) }
