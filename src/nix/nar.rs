//! The hash of a tree, as Nix computes it: of its NAR ("Nix Archive", Nix manual), which is never made.
//!
//! File names need not be UTF-8.

use std::fs::{self, File, Metadata};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use base64::Engine;
use sha2::{Digest, Sha256};

use super::NarHash;

impl NarHash {
    /// Returns the hash of a file, or of a folder and all that is in it.
    pub fn of(path: &Path) -> Result<Self> {
        let mut nar = Nar(Sha256::new());
        nar.text(b"nix-archive-1");
        nar.entry(path)?;
        let digest = base64::engine::general_purpose::STANDARD.encode(nar.0.finalize());
        Ok(Self::parse(&format!("sha256-{digest}"))?)
    }
}

/// Hashes what the archive would be.
struct Nar(Sha256);

impl Nar {
    fn entry(&mut self, path: &Path) -> Result<()> {
        let doing = || format!("failed to hash `{}`", path.display());
        let meta = fs::symlink_metadata(path).with_context(doing)?;
        self.text(b"(");
        self.text(b"type");
        if meta.is_dir() {
            self.folder(path).with_context(doing)?;
        } else if meta.is_symlink() {
            self.text(b"symlink");
            self.text(b"target");
            self.text(fs::read_link(path).with_context(doing)?.as_os_str().as_bytes());
        } else {
            ensure!(meta.is_file(), "{}: it is no file, folder or symlink", doing());
            self.file(path, &meta).with_context(doing)?;
        }
        self.text(b")");
        Ok(())
    }

    fn folder(&mut self, path: &Path) -> Result<()> {
        self.text(b"directory");
        let mut names = fs::read_dir(path)?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<Vec<_>>>()?;
        names.sort_unstable();
        for name in names {
            self.text(b"entry");
            self.text(b"(");
            self.text(b"name");
            self.text(name.as_bytes());
            self.text(b"node");
            self.entry(&path.join(&name))?;
            self.text(b")");
        }
        Ok(())
    }

    fn file(&mut self, path: &Path, meta: &Metadata) -> Result<()> {
        self.text(b"regular");
        if meta.mode() & 0o100 != 0 {
            self.text(b"executable");
            self.text(b"");
        }
        self.text(b"contents");
        self.0.update(meta.len().to_le_bytes());
        let read = io::copy(&mut File::open(path)?, self)?;
        ensure!(read == meta.len(), "it changed while it was read");
        self.pad(read);
        Ok(())
    }

    /// Writes a length, bytes, and zeros up to a multiple of eight.
    fn text(&mut self, bytes: &[u8]) {
        let length = bytes.len() as u64;
        self.0.update(length.to_le_bytes());
        self.0.update(bytes);
        self.pad(length);
    }

    fn pad(&mut self, length: u64) {
        (length..length.next_multiple_of(8)).for_each(|_| self.0.update([0]));
    }
}

impl Write for Nar {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    /// What `nix hash path` of 2.8 and 2.34 says of the same tree.
    #[test]
    fn it_is_what_nix_says() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("b/empty")).expect("folders");
        fs::write(at("b/run"), "#!/bin/sh\n").expect("a file");
        fs::set_permissions(at("b/run"), fs::Permissions::from_mode(0o755)).expect("a mode");
        fs::write(at("b.txt"), "12345678").expect("a file");
        fs::write(at("a"), "").expect("a file");
        symlink("../elsewhere", at("link")).expect("a symlink");
        let hash = NarHash::of(folder.path()).expect("a hash");
        assert_eq!(hash.as_str(), "sha256-+mLAviHPSIh3NSgHdNN4x1eYd9P3fjY/lOUoGpkVVu0=");
    }
}
