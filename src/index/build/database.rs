//! A database of nix-index, read entry by entry.
//!
//! `NIXI`, the version (1) as eight bytes little endian, then zstd frames. Unpacked, an entry is `META NUL DIFF REST LF`: DIFF
//! (one signed byte, or 0x80 and two bytes big endian) is added to the number of bytes that its path shares with the path
//! before it. META is `<size>x`, `<size>r`, `<children>d` or `<target>s`; a `p` closes a package, with JSON for a path
//! (nix-index, `frcode.rs`, `files.rs` and `database.rs`). DIFF may be LF or NUL: it is read before those are looked for.

use std::io::{self, BufRead, BufReader, Read};

use anyhow::{Context, bail, ensure};
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use serde::Deserialize;

/// What the file begins with.
const MAGIC: &[u8; 4] = b"NIXI";

/// The version of the format that is read.
const VERSION: u64 = 1;

/// The most bytes of a path or of what is before it; Linux has 4096, JSON of a package a few hundred.
const LONGEST: usize = 64 * 1024;

/// The most bytes that a database may have unpacked; known ones have 1 GB.
const LARGEST: u64 = 32 << 30;

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry<'a> {
    /// A file, and whether it may be executed.
    File {
        /// Whether it may.
        executable: bool,
    },
    /// A link to this target.
    Link(&'a [u8]),
    /// A folder with that many entries.
    Folder(u64),
    /// The end of a package; the path is the JSON of its [`StorePath`].
    Package,
}

/// The store path of the entries before it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct StorePath {
    /// The 32 letters of its hash.
    pub(super) hash: String,
    /// What follows them: name and version, and the output.
    pub(super) name: String,
    /// Where nixpkgs has it.
    pub(super) origin: Origin,
}

/// Where nixpkgs has a store path.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Origin {
    /// One of its attrs, not always the one that people write.
    pub(super) attr: String,
    /// Name of the output.
    pub(super) output: String,
    /// Whether it is the value of that attr; else something of it refers to it.
    pub(super) toplevel: bool,
    /// The system.
    pub(super) system: Option<String>,
}

/// A database that is being read.
pub(super) struct Database<R: BufRead> {
    source: BufReader<Limited<Frames<R>>>,
    before: Vec<u8>,
    path: Vec<u8>,
    shared: usize,
}

impl<R: BufRead> Database<R> {
    /// Reads the head of a database.
    pub(super) fn open(mut file: R) -> anyhow::Result<Self> {
        let mut head = [0; 12];
        file.read_exact(&mut head).context("it is too short for a database of nix-index")?;
        ensure!(head.starts_with(MAGIC), "it is no database of nix-index: it does not begin with `NIXI`");
        let version = u64::from_le_bytes(head[4..].try_into().expect("eight bytes"));
        ensure!(version == VERSION, "it is of version {version}; this program reads version {VERSION}");
        let frames = Limited { source: Frames { file, decoder: FrameDecoder::new(), open: false }, left: LARGEST };
        let source = BufReader::with_capacity(256 * 1024, frames);
        Ok(Self { source, before: Vec::new(), path: Vec::new(), shared: 0 })
    }

    /// Reads the next entry and its path; none at the end.
    pub(super) fn next(&mut self) -> anyhow::Result<Option<(Entry<'_>, &[u8])>> {
        self.before.clear();
        if !until(&mut self.source, 0, &mut self.before)? {
            return Ok(None);
        }
        let shared = i64::try_from(self.shared).unwrap_or(i64::MAX) + i64::from(difference(&mut self.source)?);
        self.shared = usize::try_from(shared).ok().filter(|shared| *shared <= self.path.len()).with_context(|| {
            format!("it is damaged: a path shares {shared} bytes with one before it of {}", self.path.len())
        })?;
        self.path.truncate(self.shared);
        ensure!(until(&mut self.source, b'\n', &mut self.path)?, "it ends within an entry");
        Ok(Some((entry(&self.before)?, &self.path)))
    }
}

impl StorePath {
    /// Parses the JSON that closes a package.
    pub(super) fn parse(json: &[u8]) -> anyhow::Result<Self> {
        serde_json::from_slice(json).context("it is damaged: a package is not described as nix-index does")
    }
}

/// Reads up to a byte, which is left out. Returns false when there is nothing left at all.
fn until(source: &mut impl BufRead, end: u8, into: &mut Vec<u8>) -> anyhow::Result<bool> {
    let most = LONGEST + 1;
    let read = source.take(most as u64).read_until(end, into)?;
    match into.last() {
        _ if read == 0 => Ok(false),
        Some(last) if *last == end && read > 0 => {
            into.pop();
            ensure!(into.len() <= LONGEST, "it is damaged: a path of {} bytes", into.len());
            Ok(true)
        }
        _ if read == most => bail!("it is damaged: an entry of more than {LONGEST} bytes"),
        _ => bail!("it ends within an entry"),
    }
}

/// Reads by how much the number of shared bytes changes.
fn difference(source: &mut impl Read) -> anyhow::Result<i16> {
    let mut short = [0; 1];
    source.read_exact(&mut short).context("it ends within an entry")?;
    if short[0] != 0x80 {
        return Ok(i16::from(short[0].cast_signed()));
    }
    let mut long = [0; 2];
    source.read_exact(&mut long).context("it ends within an entry")?;
    Ok(i16::from_be_bytes(long))
}

/// Reads what is before a path.
fn entry(before: &[u8]) -> anyhow::Result<Entry<'_>> {
    let (kind, rest) = before.split_last().context("it is damaged: an entry says not what it is")?;
    let number = || std::str::from_utf8(rest).ok().and_then(|text| text.parse().ok());
    Ok(match kind {
        b'x' | b'r' => Entry::File { executable: *kind == b'x' },
        b's' => Entry::Link(rest),
        b'd' => Entry::Folder(number().context("it is damaged: a folder without a number of entries")?),
        b'p' => Entry::Package,
        _ => bail!("it is damaged: an entry of the unknown kind {}", kind.escape_ascii()),
    })
}

/// One zstd frame after the other, unpacked; the frames' checksums are compared.
struct Frames<R> {
    file: R,
    decoder: FrameDecoder,
    /// Whether a frame has begun and not ended.
    open: bool,
}

impl<R: BufRead> Frames<R> {
    /// Begins the next frame; false when there is none.
    fn begin(&mut self) -> io::Result<bool> {
        while !self.file.fill_buf()?.is_empty() {
            match self.decoder.reset(&mut self.file) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                    io::copy(&mut (&mut self.file).take(length.into()), &mut io::sink())?;
                }
                Err(error) => return Err(io::Error::other(error)),
            }
        }
        Ok(false)
    }

    /// Compares the checksum of a frame that ended.
    fn end(&self) -> io::Result<()> {
        let written = self.decoder.get_checksum_from_data();
        if written.is_some() && written != self.decoder.get_calculated_checksum() {
            return Err(damaged("a zstd frame has another checksum than it says"));
        }
        Ok(())
    }
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            if !self.open && !self.begin()? {
                return Ok(0);
            }
            self.open = true;
            while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                let one = BlockDecodingStrategy::UptoBlocks(1);
                self.decoder.decode_blocks(&mut self.file, one).map_err(io::Error::other)?;
            }
            let read = self.decoder.read(into)?;
            if read > 0 || into.is_empty() {
                return Ok(read);
            }
            self.end()?;
            self.open = false;
        }
    }
}

fn damaged(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// At most so many bytes: more is an error, not the end.
struct Limited<R> {
    source: R,
    left: u64,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(into)?;
        self.left = self.left.checked_sub(read as u64).ok_or_else(|| damaged("it unpacks to more than 32 GiB"))?;
        Ok(read)
    }
}
