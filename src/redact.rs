//! Secrets, taken out of arguments and command lines before these reach a disk.
