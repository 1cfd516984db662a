//! Shared libraries: which ones a file needs, and where this machine has them.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use object::elf::{DT_NEEDED, FileHeader32, FileHeader64};
use object::read::elf::{Dyn, FileHeader, SectionHeader};
use object::{Endianness, FileKind, ReadCache, ReadRef};

/// The most bytes of a file that is read.
const LARGEST: u64 = 256 << 20;
/// The most libraries that are taken from one file.
const MOST: usize = 256;
/// The most bytes of a library's name.
const LONGEST: usize = 128;

/// Returns the sonames of the shared libraries that a file is linked with (DT_NEEDED); none when it is no program or library
/// of ELF, or longer than 256 MiB. Only its tables are read.
pub fn needed(path: &Path) -> Option<BTreeSet<String>> {
    let meta = fs::metadata(path).ok()?;
    if !meta.is_file() || meta.len() > LARGEST {
        return None;
    }
    let cache = ReadCache::new(File::open(path).ok()?);
    match FileKind::parse(&cache).ok()? {
        FileKind::Elf64 => read::<FileHeader64<Endianness>, _>(&cache),
        FileKind::Elf32 => read::<FileHeader32<Endianness>, _>(&cache),
        _ => None,
    }
}

fn read<'a, Elf: FileHeader<Endian = Endianness>, R: ReadRef<'a>>(data: R) -> Option<BTreeSet<String>> {
    let header = Elf::parse(data).ok()?;
    let endian = header.endian().ok()?;
    let sections = header.sections(endian, data).ok()?;
    let Some((entries, link)) = sections.dynamic(endian, data).ok()? else { return Some(BTreeSet::new()) };
    let (start, length) = sections.section(link).ok()?.file_range(endian)?;
    // No table of strings is read as a whole: a file may lie about where its texts end.
    let text = |entry: &Elf::Dyn| {
        let at = entry.val(endian);
        let most = length.checked_sub(at)?.min(LONGEST as u64 + 1);
        data.read_bytes_at(start.checked_add(at)?, most).ok()?.split(|byte| *byte == 0).next()
    };
    let needed = entries.iter().filter(|entry| entry.tag(endian) == DT_NEEDED).take(MOST);
    Some(needed.filter_map(text).filter_map(soname).collect())
}

/// Parses the name of a shared library, a path's last part: printable ASCII without blanks, at most [`LONGEST`] bytes.
pub fn soname(bytes: &[u8]) -> Option<String> {
    let name = bytes.rsplit(|byte| *byte == b'/').next()?;
    let valid = (1..=LONGEST).contains(&name.len()) && name.iter().all(u8::is_ascii_graphic);
    String::from_utf8(name.to_vec()).ok().filter(|_| valid)
}

/// Returns where programs of this machine find a library of this name below `root`.
pub fn find(root: &Path, soname: &str) -> Option<PathBuf> {
    let own = format!("{}-linux-gnu", std::env::consts::ARCH);
    let folders = ["lib", "usr/lib", "usr/local/lib", "lib64", "usr/lib64"].map(|folder| root.join(folder));
    let all = folders.iter().flat_map(|folder| [folder.join(&own).join(soname), folder.join(soname)]);
    all.into_iter().find(|path| path.exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_test_needs_the_c_library() {
        let own = std::env::current_exe().expect("this test");
        let needed = needed(&own).expect("ELF");
        if cfg!(target_env = "gnu") {
            assert!(needed.contains("libc.so.6"), "{needed:?}");
            assert!(find(Path::new("/"), "libc.so.6").is_none_or(|path| path.ends_with("libc.so.6")));
        }
    }

    #[test]
    fn what_is_no_program() {
        let folder = tempfile::tempdir().expect("a folder");
        let whole = fs::read(std::env::current_exe().expect("this test")).expect("its bytes");
        let path = folder.path().join("file");
        for length in [0, 1, 16, 64, 4096, whole.len() / 2] {
            fs::write(&path, &whole[..length]).expect("a file");
            assert!(needed(&path).is_none_or(|names| names.len() < 64), "{length}");
        }
        // Every table's place and size, out of bounds.
        for at in 0x10..0x40 {
            let mut broken = whole[..whole.len().min(1 << 20)].to_vec();
            broken[at] = 0xff;
            fs::write(&path, &broken).expect("a file");
            drop(needed(&path));
        }
        assert_eq!((needed(folder.path()), soname(b"/a/lib x.so"), soname(b"")), (None, None, None));
    }
}
