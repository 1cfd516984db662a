//! How often the index names the right package. Each list of `tests/data` has names and the attrs that are right for them, the
//! most idiomatic first, chosen by hand from what Nix users write, not from what the index says; `--nocapture` prints the
//! figures and what is missed. How fast it does so: `cargo bench --bench index`.
//!
//! The rounds were written before the index was asked, each of names that are in no list before it, and are rarer from round
//! to round up to the fifth. What was right, and right and the most idiomatic, in percent, before any rule or table was changed
//! for them (names that are no program's, or of packages that nixpkgs has not, left out):
//!
//! | round | programs | Debian packages | modules of pkg-config | modules of Python |
//! |---|---|---|---|---|
//! | second | 96.6, 92.4 | 94.5, 93.5 | 99.2, 95.7 | 98.8, 97.9 |
//! | third | 97.2, 95.6 | 95.7, 93.7 | 98.7, 93.3 | 99.6, 99.6 |
//! | fourth | 97.0, 90.2 | 88.3, 82.8 | | |
//! | fifth | 98.8, 92.4 | 91.0, 89.8 | | |
//! | sixth | 96.9, 93.9 | 88.9, 84.3 | 96.8, 96.1 | 98.5, 98.1 |
//! | seventh | 97.0, 89.9 | 96.6, 92.9 | | |
//! | eighth | 94.4, 92.8 | 98.9, 97.3 | | |
//! | ninth | 95.7, 92.0 | | 96.2, 90.7 | |
//! | tenth | 94.8, 91.5 | | 95.3, 91.5 | |
//! | eleventh | 96.6, 87.2 | 98.0, 88.0 | 97.3, 85.7 | |
//! | twelfth | 97.7, 96.5 | 94.0, 91.0 | 94.9, 94.1 | |
//! | thirteenth | 98.0, 96.4 | 96.8, 93.3 | 93.2, 87.9 | 97.1, 94.2 |
//!
//! The sixth and those after it are of what Dockerfiles and scripts install and run most. From then on, names of packages that
//! nixpkgs has not, or that nobody needs there, are in the lists: nothing is the right answer to those. As each is of what those
//! before it left over, none says how often the index is right on what people run: of the 502 programs for which they install
//! packages most (`everyday.txt`, the most installed first), 421 were in lists before the tenth. Of these 99.5 percent were
//! right, of the 81 that were new to the tenth or the eleventh 95.1: of all 98.8, 96.0 and the most idiomatic.
//!
//! Before the twelfth, all that Debian 12 has of these kinds was gone through, and the programs of the pages of tldr and of the
//! formulae of Homebrew. It is what was in no list of some 4,000 programs, packages and modules that came to mind first, so
//! rarer than they, and the right answers were read again where nixpkgs has not what they named; five of the six modules that
//! were missed are of one package.
//!
//! The thirteenth is of what developers and agents run and install, no rarer than was needed. Of its 35 misses, 21 were answers
//! that were right where the list was wrong: with those, 99.2 percent of the programs were right, 97.9 of the packages of Debian,
//! 98.6 of the modules of pkg-config and 99.3 of those of Python.
//!
//! Those called ordinary were written and labelled by a reader who knew neither the index nor the lists before them, and labels
//! were changed by nobody else: programs 99.6 percent, the most idiomatic 97.2; packages of Debian 98.0, 94.8; modules of
//! pkg-config 99.3, 98.6; modules of Python 99.3, 99.3. Of these 800 names 782 are in a list before them.

use std::fmt::Write as _;
use std::io::Write;

use agent_capture::index::Index;

/// A list, and the figures that were reached: a change of tables or rules must not fall below.
struct List {
    name: &'static str,
    text: &'static str,
    /// What stands before a name.
    kind: &'static str,
    /// How many of a thousand are right; among the first three; right and the most idiomatic.
    reached: [usize; 3],
}

const LISTS: &[List] = &[
    list("programs", "", include_str!("data/gold.tsv"), [997, 997, 976]),
    list("more programs", "", include_str!("data/programs.tsv"), [1000, 1000, 980]),
    list("Debian packages", "deb:", include_str!("data/debian.tsv"), [1000, 1000, 982]),
    list("modules of pkg-config", "pc:", include_str!("data/pkg-config.tsv"), [1000, 1000, 985]),
    list("modules of Python", "py:", include_str!("data/python-modules.tsv"), [1000, 1000, 996]),
    list("programs, second round", "", include_str!("data/second/programs.tsv"), [997, 1000, 972]),
    list("Debian packages, second round", "deb:", include_str!("data/second/debian.tsv"), [1000, 1000, 993]),
    list("modules of pkg-config, second round", "pc:", include_str!("data/second/pkg-config.tsv"), [997, 997, 982]),
    list("modules of Python, second round", "py:", include_str!("data/second/python-modules.tsv"), [1000, 1000, 990]),
    list("programs, third round", "", include_str!("data/third/programs.tsv"), [997, 1000, 987]),
    list("Debian packages, third round", "deb:", include_str!("data/third/debian.tsv"), [1000, 1000, 983]),
    list("modules of pkg-config, third round", "pc:", include_str!("data/third/pkg-config.tsv"), [1000, 1000, 945]),
    list("modules of Python, third round", "py:", include_str!("data/third/python-modules.tsv"), [1000, 1000, 1000]),
    list("programs, fourth round", "", include_str!("data/fourth/programs.tsv"), [1000, 1000, 943]),
    list("Debian packages, fourth round", "deb:", include_str!("data/fourth/debian.tsv"), [1000, 1000, 949]),
    list("programs, fifth round", "", include_str!("data/fifth/programs.tsv"), [988, 988, 953]),
    list("Debian packages, fifth round", "deb:", include_str!("data/fifth/debian.tsv"), [1000, 1000, 987]),
    list("programs, sixth round", "", include_str!("data/sixth/programs.tsv"), [1000, 1000, 978]),
    list("Debian packages, sixth round", "deb:", include_str!("data/sixth/debian.tsv"), [997, 997, 964]),
    list("modules of pkg-config, sixth round", "pc:", include_str!("data/sixth/pkg-config.tsv"), [996, 996, 992]),
    list("modules of Python, sixth round", "py:", include_str!("data/sixth/python-modules.tsv"), [996, 996, 992]),
    list("programs, seventh round", "", include_str!("data/seventh/programs.tsv"), [1000, 1000, 952]),
    list("Debian packages, seventh round", "deb:", include_str!("data/seventh/debian.tsv"), [1000, 1000, 983]),
    list("programs, eighth round", "", include_str!("data/eighth/programs.tsv"), [1000, 1000, 976]),
    list("Debian packages, eighth round", "deb:", include_str!("data/eighth/debian.tsv"), [1000, 1000, 989]),
    list("programs, ninth round", "", include_str!("data/ninth/programs.tsv"), [994, 994, 968]),
    list("modules of pkg-config, ninth round", "pc:", include_str!("data/ninth/pkg-config.tsv"), [962, 962, 907]),
    list("programs, tenth round", "", include_str!("data/tenth/programs.tsv"), [1000, 1000, 969]),
    list("modules of pkg-config, tenth round", "pc:", include_str!("data/tenth/pkg-config.tsv"), [995, 995, 957]),
    list("programs, eleventh round", "", include_str!("data/eleventh/programs.tsv"), [995, 1000, 896]),
    list("Debian packages, eleventh round", "deb:", include_str!("data/eleventh/debian.tsv"), [1000, 1000, 900]),
    list("modules of pkg-config, eleventh round", "pc:", include_str!("data/eleventh/pkg-config.tsv"), [982, 982, 857]),
    list("programs, twelfth round", "", include_str!("data/twelfth/programs.tsv"), [1000, 1000, 988]),
    list("Debian packages, twelfth round", "deb:", include_str!("data/twelfth/debian.tsv"), [1000, 1000, 970]),
    list("modules of pkg-config, twelfth round", "pc:", include_str!("data/twelfth/pkg-config.tsv"), [991, 991, 983]),
    list("programs, thirteenth round", "", include_str!("data/thirteenth/programs.tsv"), [1000, 1000, 987]),
    list("Debian packages, thirteenth round", "deb:", include_str!("data/thirteenth/debian.tsv"), [1000, 1000, 978]),
    list(
        "modules of pkg-config, thirteenth round",
        "pc:",
        include_str!("data/thirteenth/pkg-config.tsv"),
        [995, 995, 966],
    ),
    list(
        "modules of Python, thirteenth round",
        "py:",
        include_str!("data/thirteenth/python-modules.tsv"),
        [1000, 1000, 1000],
    ),
    list("ordinary programs", "", include_str!("data/ordinary/programs.tsv"), [996, 996, 972]),
    list("ordinary packages of Debian", "deb:", include_str!("data/ordinary/debian.tsv"), [980, 980, 948]),
    list("ordinary modules of pkg-config", "pc:", include_str!("data/ordinary/pkg-config.tsv"), [993, 993, 986]),
    list("ordinary modules of Python", "py:", include_str!("data/ordinary/python-modules.tsv"), [993, 993, 993]),
];

/// Programs for which people install packages most, the most installed first.
const EVERYDAY: &str = include_str!("data/everyday.txt");

const fn list(name: &'static str, kind: &'static str, text: &'static str, reached: [usize; 3]) -> List {
    List { name, text, kind, reached }
}

/// What the index says of a list.
#[derive(Default)]
struct Figures {
    all: usize,
    right: usize,
    near: usize,
    idiomatic: usize,
    misses: Vec<String>,
    lesser: Vec<String>,
}

/// What stands for no attr: nixpkgs has no such package, or none is needed.
const NOTHING: &str = "-";

impl Figures {
    fn of(list: &List, index: &Index) -> Self {
        Self::of_lines(&list.text.lines().collect::<Vec<_>>(), list.kind, index)
    }

    fn of_lines(lines: &[&str], kind: &str, index: &Index) -> Self {
        let mut figures = Self::default();
        for line in lines {
            let mut fields = line.split('\t');
            let (Some(name), Some(attrs)) = (fields.next(), fields.next()) else { continue };
            let attrs: Vec<&str> = attrs.split(',').collect();
            let found = index.which(&format!("{kind}{name}"));
            let place = |attr: &str| attrs.iter().position(|right| *right == attr);
            let first = found.first().map_or(NOTHING, |scored| scored.attr.as_str());
            let near = found.iter().take(3).any(|scored| place(scored.attr.as_str()).is_some());
            figures.all += 1;
            figures.right += usize::from(place(first).is_some());
            figures.idiomatic += usize::from(place(first) == Some(0));
            figures.near += usize::from(near || place(first).is_some());
            match place(first) {
                None => figures.misses.push(format!("{name}: {first}")),
                Some(0) => {}
                Some(_) => figures.lesser.push(format!("{name}: {first} for {}", attrs[0])),
            }
        }
        figures
    }

    /// Returns right, near and idiomatic ones of a thousand.
    fn of_thousand(&self) -> [usize; 3] {
        [self.right, self.near, self.idiomatic].map(|count| count * 1000 / self.all)
    }
}

fn named(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

#[test]
fn names_are_resolved_to_the_right_package() {
    let (index, mut report, mut reached) = (Index::new(), String::new(), true);
    for list in LISTS {
        let figures = Figures::of(list, &index);
        let [right, near, idiomatic] = figures.of_thousand();
        let percent = |count: usize| format!("{}.{} %", count / 10, count % 10);
        writeln!(
            report,
            "{}: {} names, top-1 {}, top-3 {}, most idiomatic {}; missed {}; less idiomatic {}",
            list.name,
            figures.all,
            percent(right),
            percent(near),
            percent(idiomatic),
            named(&figures.misses),
            named(&figures.lesser)
        )
        .expect("a String takes it");
        reached &= figures.of_thousand().iter().zip(list.reached).all(|(now, then)| *now >= then);
    }
    std::io::stderr().write_all(report.as_bytes()).expect("a place to write to");
    assert!(reached, "a figure is below the one that was reached:\n{report}");
}

#[test]
fn what_people_run_most_is_right() {
    let index = Index::new();
    let lists = LISTS.iter().filter(|list| list.kind.is_empty()).flat_map(|list| list.text.lines());
    let rows = lists.filter_map(|line| Some((line.split('\t').next()?, line)));
    let right: std::collections::HashMap<&str, &str> = rows.collect();
    let text: Vec<&str> = EVERYDAY.lines().map(|name| *right.get(name).expect(name)).collect();
    let figures = Figures::of_lines(&text, "", &index);
    let [right, _, idiomatic] = figures.of_thousand();
    let said = format!(
        "programs of every day, all of them in the lists, so not blind: {} names, top-1 {}.{} %, most idiomatic {}.{} %; missed {}\n",
        figures.all,
        right / 10,
        right % 10,
        idiomatic / 10,
        idiomatic % 10,
        named(&figures.misses)
    );
    std::io::stderr().write_all(said.as_bytes()).expect("a place to write to");
    assert!(right >= 990 && idiomatic >= 960, "{said}");
}

#[test]
fn what_is_named_is_in_the_index() {
    let index = Index::new();
    for list in LISTS {
        for name in list.text.lines().filter_map(|line| line.split('\t').next()) {
            for scored in index.which(&format!("{}{name}", list.kind)) {
                assert!(index.attr(&scored.attr).is_some(), "{name}: {}", scored.attr);
            }
        }
    }
}

#[test]
fn the_tables_are_small() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/index");
    let files = std::fs::read_dir(folder).expect("a folder").flatten();
    let tables = files.filter(|file| file.path().extension().is_some_and(|end| end == "tsv"));
    let bytes: u64 = tables.map(|file| file.metadata().map_or(0, |meta| meta.len())).sum();
    assert!(bytes < 6_000_000, "they are compiled in as they are: {bytes} bytes");
}
