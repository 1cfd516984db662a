//! The kernel's own types, as far as the program asks for them. The kernel describes all of them in BTF, a hundred thousand
//! or more, which libbpf would go through for each type of the program: that takes it longer than all else at the start.
//!
//! The form of BTF: <https://docs.kernel.org/bpf/btf.html>.

use std::collections::HashMap;

/// The structures that `kernel.h` declares, sorted.
pub(super) const ASKED: &[&str] = &[
    "dentry",
    "fdtable",
    "file",
    "files_struct",
    "fs_struct",
    "hlist_bl_node",
    "inode",
    "linux_binprm",
    "mm_struct",
    "mount",
    "ns_common",
    "path",
    "pid",
    "pid_namespace",
    "pt_regs",
    "qstr",
    "signal_struct",
    "task_struct",
    "thread_info",
    "upid",
    "vfsmount",
];

/// Bytes of the header, and its magic number.
const HEADER: usize = 24;
const MAGIC: u16 = 0xeb9f;
/// The deepest that structures are in one another.
const DEPTH: u32 = 32;

/// Kinds of types, as linux/btf.h numbers them.
const INT: u32 = 1;
const PTR: u32 = 2;
const ARRAY: u32 = 3;
const STRUCT: u32 = 4;
const UNION: u32 = 5;
const ENUM: u32 = 6;
const FORWARD: u32 = 7;
const TYPEDEF: u32 = 8;
const VOLATILE: u32 = 9;
const CONST: u32 = 10;
const RESTRICT: u32 = 11;
const FUNCTION: u32 = 12;
const PROTOTYPE: u32 = 13;
const VARIABLE: u32 = 14;
const SECTION: u32 = 15;
const FLOAT: u32 = 16;
const TAG: u32 = 17;
const TYPE_TAG: u32 = 18;
const ENUM64: u32 = 19;

/// Returns BTF with these structures alone, and what is in them: pointers point to nothing there, and enumerations are
/// integers. `asked` is sorted. None when this is no BTF of this machine's byte order, or it lacks one of them.
pub(super) fn reduced(btf: &[u8], asked: &[&str]) -> Option<Vec<u8>> {
    let mut found = HashMap::new();
    let whole = Whole::parse(btf, |name, id| {
        if let Ok(place) = asked.binary_search_by(|asked| asked.as_bytes().cmp(name)) {
            found.entry(asked[place]).or_insert(id);
        }
    })?;
    let mut reduced = Reduced { whole: &whole, ids: HashMap::new(), types: Vec::new(), count: 0, names: vec![0] };
    for name in asked {
        reduced.take(*found.get(name)?, 0)?;
    }
    Some(reduced.bytes())
}

fn kind(info: u32) -> u32 {
    info >> 24 & 31
}

/// How many members, or parameters, or values a type has.
fn count(info: u32) -> usize {
    (info & 0xffff) as usize
}

/// BTF, and where in it each type is; the first is `void`, which is nowhere.
struct Whole<'a> {
    types: &'a [u8],
    names: &'a [u8],
    places: Vec<u32>,
}

impl<'a> Whole<'a> {
    /// Parses BTF; `see` is told the name and the number of each structure.
    fn parse(btf: &'a [u8], mut see: impl FnMut(&[u8], u32)) -> Option<Self> {
        let word = |at: usize| Some(u32::from_ne_bytes(btf.get(at..at + 4)?.try_into().ok()?) as usize);
        let magic = u16::from_ne_bytes(btf.get(..2)?.try_into().ok()?);
        let section = |offset: usize, length: usize| {
            let start = word(4)?.checked_add(word(offset)?)?;
            btf.get(start..start.checked_add(word(length)?)?)
        };
        let (types, names) = (section(8, 12)?, section(16, 20)?);
        if magic != MAGIC || btf.len() < HEADER {
            return None;
        }
        // A type has some twenty bytes or more.
        let mut whole = Self { types, names, places: Vec::with_capacity(types.len() / 20) };
        whole.places.push(u32::MAX);
        let mut at = 0;
        while at < types.len() {
            let [name, info, _] = whole.head(at)?;
            if kind(info) == STRUCT {
                see(whole.name(name), whole.places.len() as u32);
            }
            whole.places.push(at as u32);
            at += 12 + extra(info)?;
        }
        Some(whole)
    }

    /// Returns the three words that each type begins with: its name, its kind, its size or the type that it refers to.
    fn head(&self, at: usize) -> Option<[u32; 3]> {
        Some([self.word(at)?, self.word(at + 4)?, self.word(at + 8)?])
    }

    fn word(&self, at: usize) -> Option<u32> {
        Some(u32::from_ne_bytes(self.types.get(at..at.checked_add(4)?)?.try_into().ok()?))
    }

    /// Returns the name at this place; types without one have the empty name.
    fn name(&self, at: u32) -> &'a [u8] {
        let names = self.names.get(at as usize..).unwrap_or_default();
        &names[..memchr::memchr(0, names).unwrap_or(names.len())]
    }
}

/// Returns how many bytes follow the first three words of a type.
fn extra(info: u32) -> Option<usize> {
    Some(match kind(info) {
        PTR | FORWARD | TYPEDEF | VOLATILE | CONST | RESTRICT | FUNCTION | FLOAT | TYPE_TAG => 0,
        INT | VARIABLE | TAG => 4,
        ARRAY => 12,
        STRUCT | UNION | SECTION | ENUM64 => 12 * count(info),
        ENUM | PROTOTYPE => 8 * count(info),
        _ => return None,
    })
}

/// What is taken of it.
struct Reduced<'a> {
    whole: &'a Whole<'a>,
    /// The number that a type has here.
    ids: HashMap<u32, u32>,
    types: Vec<u8>,
    count: u32,
    names: Vec<u8>,
}

impl Reduced<'_> {
    /// Takes a type, and what it has by value; returns its number here.
    fn take(&mut self, id: u32, depth: u32) -> Option<u32> {
        if id == 0 || depth > DEPTH {
            return Some(0);
        }
        if let Some(id) = self.ids.get(&id) {
            return Some(*id);
        }
        // What has itself by value, which no type of C has, has nothing there.
        self.ids.insert(id, 0);
        let at = *self.whole.places.get(id as usize)? as usize;
        let [name, info, size] = self.whole.head(at)?;
        let new = match kind(info) {
            TYPEDEF | VOLATILE | CONST | RESTRICT | TYPE_TAG => self.take(size, depth + 1)?,
            PTR => self.add(&[0, PTR << 24, 0]),
            ENUM | ENUM64 | FLOAT => self.add(&[0, INT << 24, size, size * 8]),
            INT => self.add(&[0, info, size, self.whole.word(at + 12)?]),
            ARRAY => {
                let (element, length) = (self.whole.word(at + 12)?, self.whole.word(at + 20)?);
                let element = self.take(element, depth + 1)?;
                let index = self.add(&[0, INT << 24, 4, 32]);
                self.add(&[0, ARRAY << 24, 0, element, index, length])
            }
            STRUCT | UNION => {
                let mut words = vec![self.name(name), info, size];
                for member in (0..count(info)).map(|member| at + 12 + 12 * member) {
                    let of = self.take(self.whole.word(member + 4)?, depth + 1)?;
                    words.extend([self.name(self.whole.word(member)?), of, self.whole.word(member + 8)?]);
                }
                self.add(&words)
            }
            _ => 0,
        };
        self.ids.insert(id, new);
        Some(new)
    }

    fn add(&mut self, words: &[u32]) -> u32 {
        self.types.extend(words.iter().flat_map(|word| word.to_ne_bytes()));
        self.count += 1;
        self.count
    }

    /// Takes a name; returns its place here.
    fn name(&mut self, at: u32) -> u32 {
        let name = self.whole.name(at);
        if name.is_empty() {
            return 0;
        }
        let place = self.names.len() as u32;
        self.names.extend(name);
        self.names.push(0);
        place
    }

    fn bytes(&self) -> Vec<u8> {
        let (types, names) = (self.types.len() as u32, self.names.len() as u32);
        let mut bytes = [&MAGIC.to_ne_bytes()[..], &[1, 0]].concat();
        bytes.extend([HEADER as u32, 0, types, types, names].into_iter().flat_map(u32::to_ne_bytes));
        [&bytes[..], &self.types, &self.names].concat()
    }
}

#[cfg(test)]
#[expect(clippy::print_stderr, reason = "what is skipped is said")]
mod tests {
    use super::*;

    /// Returns BTF of types, as words, and names.
    fn btf(types: &[u32], names: &[u8]) -> Vec<u8> {
        let length = 4 * types.len() as u32;
        let mut bytes = [&MAGIC.to_ne_bytes()[..], &[1, 0]].concat();
        bytes.extend([24, 0, length, length, names.len() as u32].into_iter().flat_map(u32::to_ne_bytes));
        bytes.extend(types.iter().flat_map(|word| word.to_ne_bytes()));
        [&bytes, names].concat()
    }

    /// `struct a { const b *to; struct { enum c kind; } in; int of[2]; }`, after what nobody asks for.
    #[rustfmt::skip]
    const TYPES: &[u32] = &[
        1, INT << 24, 4, 32, // 1: int
        5, PROTOTYPE << 24 | 1, 1, 7, 1, // 2: a function's type, with a parameter
        7, ENUM << 24 | 1, 4, 5, 0, // 3: an enumeration, with a value
        0, CONST << 24, 1, // 4
        0, PTR << 24, 4, // 5
        0, STRUCT << 24 | 1, 4, 5, 3, 0, // 6: without a name
        0, ARRAY << 24, 0, 1, 1, 2, // 7
        9, STRUCT << 24 | 3, 24, 5, 5, 0, 7, 6, 64, 9, 7, 96, // 8
    ];
    const NAMES: &[u8] = b"\0int\0f\0c\0a\0";

    #[test]
    fn what_is_asked_for_and_what_is_in_it() {
        let reduced = reduced(&btf(TYPES, NAMES), &["a"]).expect("it is there");
        let mut seen = Vec::new();
        let whole = Whole::parse(&reduced, |name, id| seen.push((name.to_vec(), id))).expect("BTF");
        assert_eq!(seen, [(b"".to_vec(), 3), (b"a".to_vec(), 7)]);
        let infos = whole.places[1..].iter().map(|at| whole.head(*at as usize).expect("a type")[1]);
        let infos: Vec<_> = infos.map(|info| (kind(info), count(info))).collect();
        assert_eq!(infos, [(PTR, 0), (INT, 0), (STRUCT, 1), (INT, 0), (INT, 0), (ARRAY, 0), (STRUCT, 3)]);
        assert!(reduced.len() < btf(TYPES, NAMES).len() + 64);
    }

    #[test]
    fn what_is_not_there_or_no_btf() {
        let good = btf(TYPES, NAMES);
        assert_eq!(reduced(&good, &["b"]), None);
        for length in 0..good.len() - NAMES.len() {
            assert_eq!(reduced(&good[..length], &["a"]), None, "{length}");
        }
        assert_eq!(reduced(&btf(&[0, 31 << 24, 0], NAMES), &["a"]), None);
        // A structure that is in itself, and more than once.
        let inside = &[9, STRUCT << 24 | 3, 8, 9, 1, 0, 9, 1, 0, 9, 1, 0];
        assert!(reduced(&btf(inside, NAMES), &["a"]).is_some());
    }

    #[test]
    fn all_that_are_declared_are_asked_for() {
        let (kernels, _) = include_str!("kernel.h").split_once("#pragma clang attribute pop").expect("an end");
        let structures = kernels.lines().filter_map(|line| line.strip_prefix("struct ")?.split_once(" {"));
        let mut declared: Vec<&str> = structures.map(|(name, _)| name).collect();
        declared.sort_unstable();
        assert_eq!(declared, ASKED);
    }

    #[test]
    fn of_this_kernel() {
        let Ok(whole) = std::fs::read("/sys/kernel/btf/vmlinux") else {
            return eprintln!("skipped: this kernel does not describe its types");
        };
        let reduced = reduced(&whole, ASKED).expect("it has all");
        assert!(reduced.len() < whole.len() / 20, "{}", reduced.len());
    }
}
