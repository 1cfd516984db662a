//! Libraries that the project was built against: what its programs are linked with, and the headers that a compiler opened.
//!
//! A program of a package brings its own libraries; only those of what was compiled in the project count.

use std::collections::BTreeSet;

use super::{Context, Reading, Want, install, listed, paths};
use crate::host::Owner;
use crate::index::{Index, unversioned};
use crate::journal::{Header, Journal, Library, Program, Ref};
use crate::nix::AttrPath;

/// Programs that open headers to compile: what stands before a version.
const COMPILERS: &str = "c++ cc cc1 cc1obj cc1plus clang clang++ cpp f951 g++ gcc moc swig tcc zig";

/// Programs that link: where none ran, no program of the project was made in the session.
const LINKERS: &str =
    "as c++ cc clang clang++ collect2 g++ gcc gfortran gold ld ld.bfd ld.gold ld.lld lld link mold rustc tcc zig";

/// Packages of the compiler and of the C library.
const STANDARD: &str = "gcc gcc-unwrapped gfortran glibc libcxx linuxHeaders stdenv";

/// Packages of Debian with headers of the standard environment: what their names begin with.
const HEADERS: [&str; 5] = ["libc6-dev", "libgcc-", "libstdc++-", "linux-libc-dev", "libc-dev-bin"];

/// Interpreters, which a program may be built against: they are packages as when they run.
const INTERPRETERS: &str = "guile jdk jdk_headless lua luajit nodejs perl php python ruby tcl";

/// Sets whose packages are of no interpreter.
const NATIVE: &str = "kdePackages llvmPackages rocmPackages";

/// Packages whose headers and modules bring those of others: a package, and what comes with it.
const BRINGS: &[(&str, &str)] = &[
    ("cairo", "expat fontconfig freetype glib libpng libx11 libxcb libxext libxrender pixman zlib"),
    ("fontconfig", "expat freetype"),
    ("freetype", "brotli bzip2 libpng zlib"),
    ("gdk-pixbuf", "glib libjpeg libpng libtiff"),
    ("glib", "libffi libselinux pcre2 sysprof util-linux zlib"),
    ("gst_all_1.gst-plugins-base", "glib gst_all_1.gstreamer orc"),
    ("gst_all_1.gstreamer", "glib"),
    ("gtk3", "at-spi2-core cairo fribidi gdk-pixbuf glib harfbuzz libepoxy libx11 libxkbcommon pango wayland"),
    ("gtk4", "cairo fribidi gdk-pixbuf glib graphene harfbuzz libepoxy pango vulkan-headers vulkan-loader wayland"),
    ("harfbuzz", "freetype glib graphite2 icu"),
    ("libadwaita", "gtk4"),
    ("libglvnd libGL", "libx11 xorgproto"),
    ("libpng", "zlib"),
    ("librsvg", "cairo gdk-pixbuf glib"),
    ("libtiff", "libdeflate libjpeg xz zlib zstd"),
    ("libx11", "libxcb xorgproto"),
    ("libxext libxi libxrandr libxrender libxtst", "libx11 xorgproto"),
    ("libxml2", "zlib"),
    ("libxslt", "libxml2"),
    ("pango", "cairo fontconfig freetype fribidi glib harfbuzz libxft"),
    ("vte", "gtk3 gtk4"),
    ("webkitgtk_4_1", "gtk3 libsoup_3"),
    ("webkitgtk_6_0", "gtk4 libsoup_3"),
];

/// What one entry says.
pub(super) struct Read {
    /// The entry.
    pub(super) id: Ref,
    /// Its name, for what is not known.
    pub(super) name: String,
    /// What it needs.
    pub(super) reading: Reading,
}

/// Reads the libraries and headers of a journal; those that say nothing of the project are left out.
pub(super) fn read(journal: &Journal, context: &Context) -> Vec<Read> {
    let made = journal.programs.iter().any(|program| program.is_used() && is_one(LINKERS, program));
    let (own, compilers) = (those(journal, is_own), those(journal, |program| is_one(COMPILERS, program)));
    let is_linked = |library: &Library| {
        made && (!library.files.is_empty() || library.programs.iter().any(|program| own.contains(program)))
    };
    let is_included = |header: &Header| header.programs.iter().any(|program| compilers.contains(program));
    let mut all: Vec<Read> = Vec::new();
    for (at, library) in journal.libraries.iter().enumerate().filter(|(_, library)| is_linked(library)) {
        let reading = linked(library, context.index);
        all.push(Read { id: Ref::new('l', at + 1), name: library.soname.clone(), reading });
    }
    for (at, header) in journal.headers.iter().enumerate().filter(|(_, header)| is_included(header)) {
        let name = header.path.to_text().into_owned();
        let reading = included(&name, header.owner.as_ref(), context.index);
        all.push(Read { id: Ref::new('h', at + 1), name, reading });
    }
    comes_along(&mut all, context);
    all
}

/// Returns the programs of a journal of which something is true.
pub(super) fn those(journal: &Journal, is: impl Fn(&Program) -> bool) -> BTreeSet<&Ref> {
    journal.programs.iter().filter(|program| is(program)).map(|program| &program.id).collect()
}

/// Returns whether a program has one of these names, what stands before and after them for a machine and a version left out.
fn is_one(names: &str, program: &Program) -> bool {
    paths::of(program).map(paths::name).any(|name| listed(names, name) || listed(names, bare(name)))
}

/// Returns the name of a compiler or linker: `g++` of `x86_64-linux-gnu-g++-12`.
pub(super) fn bare(name: &str) -> &str {
    let name = name.split_once("-linux-gnu-").map_or(name, |(_, name)| name);
    unversioned(name).unwrap_or(name)
}

/// Returns whether a program was made in the project, and not installed there.
fn is_own(program: &Program) -> bool {
    let installed = ["node_modules/", "site-packages/", ".venv/", "venv/", "vendor/bundle/"];
    paths::of(program).all(|path| paths::is_project(path) && !installed.iter().any(|folder| path.contains(folder)))
}

fn linked(library: &Library, index: &Index) -> Reading {
    let soname = library.soname.as_str();
    let is_standard = ["ld-linux", "libstd-", "libasan.", "libubsan.", "libtsan.", "liblsan.", "libgo.", "librustc_"];
    if is_standard.iter().any(|start| soname.starts_with(start)) {
        return Reading::Ignored(install::STANDARD);
    }
    let of_owner = || library.owner.as_ref().and_then(|owner| index.debian(&owner.package));
    // What is built again is built against the version that nixpkgs has.
    let short = soname.find(".so").map_or(soname, |at| &soname[..at + 3]);
    found(index.soname(short).or_else(|| index.soname(soname)).or_else(of_owner))
}

fn included(path: &str, owner: Option<&Owner>, index: &Index) -> Reading {
    if let Some(store) = paths::Store::of(path) {
        return found(index.store_name(store.name));
    }
    if !path.starts_with('/') || ["/tmp/", "/var/tmp/"].iter().any(|folder| path.starts_with(folder)) {
        return Reading::Ignored(install::LOCKED);
    }
    if owner.is_some_and(|owner| HEADERS.iter().any(|start| owner.package.starts_with(start))) {
        return Reading::Ignored(install::STANDARD);
    }
    let of_owner = owner.filter(|owner| owner.package.ends_with("-dev")).and_then(|owner| index.debian(&owner.package));
    found(of_owner.or_else(|| index.header(path)))
}

/// Returns the reading for the package of a library.
fn found(attr: Option<AttrPath>) -> Reading {
    match attr {
        None => Reading::Unrecognized,
        Some(attr) if listed(STANDARD, attr.as_str()) => Reading::Ignored(install::STANDARD),
        Some(attr) => Reading::Wants(vec![wanted(attr)]),
    }
}

/// Returns the wish for a package that something is built against.
pub(super) fn wanted(attr: AttrPath) -> Want {
    if is_library(&attr) { Want::library(attr) } else { Want::new(attr) }
}

/// Returns whether a package that was asked for as a library is one: not an interpreter, nor a module of a language.
pub(super) fn is_library(attr: &AttrPath) -> bool {
    let (set, name) = attr.as_str().split_once('.').unwrap_or(("", attr.as_str()));
    let of_language = (set.ends_with("Packages") && !listed(NATIVE, set)) || set.ends_with("Extensions");
    let plain = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '_');
    !of_language && !listed(INTERPRETERS, plain)
}

/// Ignores what comes along with another package: its headers include those of that.
fn comes_along(all: &mut [Read], context: &Context) {
    let attrs = |all: &[Read]| -> Vec<AttrPath> {
        let wants = all.iter().filter_map(|read| match &read.reading {
            Reading::Wants(wants) => Some(wants),
            _ => None,
        });
        wants.flatten().map(|want| want.attr.clone()).collect()
    };
    let there: Vec<AttrPath> = attrs(all).into_iter().chain(context.asked.iter().cloned()).collect();
    let brought = |attr: &AttrPath| {
        let by = |(names, brings): &&(&str, &str)| {
            listed(brings, attr.as_str()) && there.iter().any(|other| listed(names, other.as_str()))
        };
        !context.asked.contains(attr) && BRINGS.iter().any(|row| by(&row))
    };
    for read in all {
        if matches!(&read.reading, Reading::Wants(wants) if wants.iter().all(|want| brought(&want.attr))) {
            read.reading = Reading::Ignored("it comes along with another library");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{journal, program, read, with_lines};
    use super::*;
    use crate::event::Bytes;

    fn owner(package: &str) -> Option<Owner> {
        Some(Owner { manager: "dpkg".into(), package: package.into(), version: "1-1".into() })
    }

    fn header(path: &str, package: &str) -> Header {
        Header { path: path.into(), owner: owner(package), programs: BTreeSet::from([Ref::new('p', 1)]) }
    }

    fn library(soname: &str, programs: &[usize], files: &[&str]) -> Library {
        let programs = programs.iter().map(|id| Ref::new('p', *id)).collect();
        Library { soname: soname.into(), owner: None, programs, files: files.iter().map(Bytes::from).collect() }
    }

    /// Returns the packages and what is not known.
    fn needs(headers: Vec<Header>, libraries: Vec<Library>, programs: &[&str], lines: &[&str]) -> String {
        let programs = programs.iter().map(|path| program(path)).collect();
        let journal = with_lines(Journal { headers, libraries, ..journal("s", programs) }, lines);
        let brief = |line: &String| match line.split_once(" ignored") {
            None => Some(
                line.split([' ', '[']).next().unwrap_or_default().to_owned()
                    + line.split_once("unrecognized").map_or("", |_| "?"),
            ),
            Some(_) => None,
        };
        read(&journal).iter().filter_map(brief).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_was_built_is_built_against() {
        let cc1 = "/usr/lib/gcc/x86_64-linux-gnu/12/cc1";
        let ssl = || header("/usr/include/openssl", "libssl-dev");
        assert_eq!(needs(vec![ssl()], vec![], &[cc1], &[]), "openssl pkg-config");
        let store = "/nix/store/0123456789abcdfghijklmnpqrsvwxyz-zlib-1.3.1-dev/include/zlib.h";
        assert_eq!(needs(vec![header(store, "x")], vec![], &[cc1], &[]), "pkg-config zlib");
        let python = header("/usr/include/python3.11", "libpython3.11-dev");
        assert_eq!(needs(vec![python], vec![], &[cc1], &[]), "python311");
        // A search reads headers, too; those of the system are there anyway.
        assert_eq!(needs(vec![ssl()], vec![], &["/usr/bin/grep"], &[]), "");
        assert_eq!(needs(vec![header("/usr/include/linux", "linux-libc-dev")], vec![], &[cc1], &[]), "");
        let vendored = "~/.cargo/registry/src/x/zlib.h";
        assert_eq!(needs(vec![header(vendored, "x")], vec![], &[cc1], &[]), "");
    }

    #[test]
    fn what_is_linked_is_needed() {
        let libraries = || vec![library("libpq.so.5", &[2], &[]), library("libc.so.6", &[2], &["b"])];
        assert_eq!(needs(vec![], libraries(), &["/usr/bin/ld", "target/debug/app"], &[]), "libpq pkg-config compiler");
        // Nothing was linked in the session, or the program is of a package.
        assert_eq!(needs(vec![], libraries(), &["/usr/bin/make", "bin/app"], &[]), "");
        assert_eq!(needs(vec![], libraries(), &["/usr/bin/ld", "/usr/bin/psql"], &[]), "postgresql compiler");
        assert_eq!(needs(vec![], libraries(), &["/usr/bin/ld", "node_modules/x/bin/y"], &[]), "compiler");
        let old = vec![library("libxml2.so.2", &[], &["app"]), library("libicuuc.so.72", &[], &["app"])];
        assert_eq!(needs(vec![], old, &["/usr/bin/ld"], &[]), "icu libxml2 pkg-config compiler");
        let file = vec![library("libz.so.1", &[], &["app"]), library("libzz.so.1", &[], &["app"])];
        assert_eq!(needs(vec![], file, &["/usr/bin/x86_64-linux-gnu-ld.bfd"], &[]), "pkg-config zlib compiler l2?");
    }

    #[test]
    fn what_another_library_brings_is_not_needed_by_itself() {
        let linked = || vec![library("libcairo.so.2", &[], &["app"]), library("libgtk-3.so.0", &[], &["app"])];
        assert_eq!(needs(vec![], linked(), &["/usr/bin/ld"], &[]), "gtk3 pkg-config compiler");
        let asked = ["pkg-config --libs cairo"];
        assert_eq!(needs(vec![], linked(), &["/usr/bin/ld"], &asked), "cairo gtk3 pkg-config compiler");
    }

    #[test]
    fn languages_are_no_libraries() {
        for (attr, expected) in [
            ("openssl", true),
            ("gst_all_1.gstreamer", true),
            ("llvmPackages_18.llvm", true),
            ("qt6.qtbase", true),
            ("python311", false),
            ("nodejs_22", false),
            ("perlPackages.DBI", false),
            ("phpExtensions.redis", false),
            ("jdk17", false),
        ] {
            assert_eq!(is_library(&AttrPath::parse(attr).expect("an attr")), expected, "{attr}");
        }
    }
}
