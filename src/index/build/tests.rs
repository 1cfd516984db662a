//! Databases made here, whole and broken, and what becomes of them.

use proptest::prelude::*;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

use super::*;

/// A database in the making, as nix-index writes it.
#[derive(Default)]
struct Writer {
    bytes: Vec<u8>,
    path: Vec<u8>,
    shared: usize,
}

impl Writer {
    fn entry(&mut self, before: &str, path: &str) {
        let shared = self.path.iter().zip(path.as_bytes()).take_while(|(a, b)| a == b).count();
        let change = i16::try_from(shared as i64 - self.shared as i64).expect("short paths");
        self.bytes.extend([before.as_bytes(), &[0]].concat());
        match i8::try_from(change) {
            Ok(short) if short != i8::MIN => self.bytes.push(short.cast_unsigned()),
            _ => {
                self.bytes.push(0x80);
                self.bytes.extend(change.to_be_bytes());
            }
        }
        self.bytes.extend(&path.as_bytes()[shared..]);
        self.bytes.push(b'\n');
        (self.path, self.shared) = (path.as_bytes().to_vec(), shared);
    }

    /// Writes a package: its attr, output and name, then `kind path` for each entry.
    fn package(&mut self, attr: &str, output: &str, name: &str, entries: &[&str]) {
        for entry in entries {
            let (before, path) = entry.split_once(' ').expect("two words");
            self.entry(before, path);
        }
        let hash = format!("{:0>32}", self.bytes.len());
        self.entry(
            "p",
            &format!(
                r#"{{"store_dir":"/nix/store","hash":"{hash}","name":"{name}","origin":{{"attr":"{attr}","output":"{output}","toplevel":true,"system":"x86_64-linux"}}}}"#
            ),
        );
    }

    fn file(&self) -> Vec<u8> {
        framed(&[&self.bytes])
    }
}

/// Returns a file of these frames, one that is to be skipped after each.
fn framed(parts: &[&[u8]]) -> Vec<u8> {
    let mut file = [b"NIXI".as_slice(), &1_u64.to_le_bytes()].concat();
    for part in parts {
        file.extend(compress_to_vec(*part, CompressionLevel::Fastest));
        file.extend([&[0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0], b"xyz".as_slice()].concat());
    }
    file
}

fn read(file: &[u8]) -> anyhow::Result<Facts> {
    Facts::read(file, &mut |_| {})
}

fn small() -> Writer {
    let mut writer = Writer::default();
    let long = format!("9r /share/{}", "long/".repeat(60));
    writer.package("ripgrep", "out", "ripgrep-14.1.1", &["2d /bin", "100x /bin/rg", &long, "5r /share/doc"]);
    // Ten bytes more are shared with the path before: the byte that says so is LF.
    writer.package(
        "elmPackages.nodejs",
        "out",
        "nodejs-24.1.0",
        &["1x /bin/node", "1x /bin/node0123456789", "1x /bin/node0123456789a"],
    );
    writer.package(
        "vim",
        "xxd",
        "vim-9.1-xxd",
        &["1x /bin/vim-part", "/nix/store/00000000000000000000000000000000-x/bin/a-tools /bin/a-tool"],
    );
    writer.package(
        "azure-sdk-for-cpp.openssl",
        "dev",
        "openssl-3.6.1-dev",
        &[
            "1d /include/openssl",
            "9r /include/openssl/ssl.h",
            "9r /lib/pkgconfig/openssl.pc",
            "9x /lib/libssl.so.3",
            "9r /lib/cmake/OpenSSL/OpenSSLConfig.cmake",
        ],
    );
    writer.package(
        "python313Packages.pyyaml",
        "out",
        "python3.13-pyyaml-6.0.3",
        &["2d /lib/python3.13/site-packages/yaml", "1r /lib/python3.13/site-packages/yaml/__init__.py"],
    );
    writer.package("jdk-of-a-link", "out", "jdk-of-a-link-21", &["1x /lib/openjdk/bin/javax", "lib/openjdk/bins /bin"]);
    writer
}

#[test]
fn a_database_becomes_tables() {
    let bytes = small().bytes;
    assert!(bytes.windows(3).any(|window| window == [0, b'\n', b'a']), "a difference of ten is an LF");
    // The same in frames that end anywhere.
    for parts in [vec![&bytes[..]], vec![&bytes[..7], &bytes[7..]], bytes.chunks(50).collect()] {
        let facts = read(&framed(&parts)).expect("whole");
        assert_eq!((facts.store_paths, facts.packages.len()), (6, 6));
        let tables = tables(&facts, &Index::new(), None).expect("tables");
        let row = |table: &str, key: &str| {
            let start = format!("{key}\t");
            tables[table]
                .lines()
                .find_map(|line| line.strip_prefix(&start))
                .unwrap_or("none")
                .split(':')
                .next()
                .unwrap_or("")
        };
        for (table, key, attr) in [
            ("programs.tsv", "rg", "ripgrep"),
            ("programs.tsv", "node", "nodejs"),
            ("programs.tsv", "node0123456789a", "nodejs"),
            ("programs.tsv", "vim-part", "vim.xxd"),
            // It is not free: no database has it, an evaluation does.
            ("programs.tsv", "terraform", "terraform"),
            ("programs.tsv", "javax", "jdk-of-a-link"),
            ("headers.tsv", "openssl", "openssl"),
            ("pkgconfig.tsv", "openssl", "openssl"),
            ("sonames.tsv", "libssl.so", "openssl"),
            ("sonames.tsv", "libssl.so.3", "none"),
            ("cmake.tsv", "OpenSSL", "openssl"),
            ("pymodules.tsv", "yaml", "pyyaml"),
        ] {
            assert_eq!(row(table, key), attr, "{table} {key}");
        }
        assert!(tables["attrs-more.tsv"].contains("vim.xxd\n") && !tables.contains_key("attrs.tsv"));
        assert!(
            tables.values().all(|text| text.lines().is_sorted_by(|a, b| a.split('\t').next() < b.split('\t').next()))
        );
    }
}

#[test]
fn attrs_are_parsed_at_the_door() {
    let facts = read(&small().file()).expect("whole");
    let rows: String = (0..200).map(|n| format!("attr{n}\tname\t1.{n}\t\n")).collect();
    let head = "attr\tpname\tversion\tmainProgram\n";
    let made =
        tables(&facts, &Index::new(), Some(&format!("{head}{rows}python3Packages.x\tx\t2\tx\n"))).expect("attrs");
    assert!(made["attrs.tsv"].contains("attr7\tname\t1.7\t\n") && !made["attrs.tsv"].contains("python3Packages"));
    assert_eq!(made["attrs-python3Packages.tsv"], "x\tx\t2\tx\n");
    for wrong in ["", "a\tb\n", &format!("{rows}a b\tname\t1\t\n"), &format!("{rows}a;b\tname\t1\t\n")] {
        assert!(tables(&facts, &Index::new(), Some(wrong)).is_err(), "{wrong:.40}");
    }
}

#[test]
fn packages_of_debian_get_the_source_that_says_what_they_are() {
    let more: String = (0..100).map(|at| format!("\n\nPackage: none-of-nixpkgs-{at}\nVersion: 1")).collect();
    let packages = "Package: uidmap\nSource: shadow (1:4.13)\nVersion: 1:4.13+dfsg1\n\n\
        Package: libsasl2-modules-db\nSource: cyrus-sasl2\n\nPackage: jq\nVersion: 1.6\n\nPackage: libjq1\nSource: jq\n\n\
        Package: linux-image-amd64\nSource: linux\n\nPackage: bad\tname\nSource: shadow";
    let table = sources(&format!("{packages}{more}"), &Index::new()).expect("packages");
    assert_eq!(table, "libsasl2-modules-db\tcyrus-sasl2\nuidmap\tshadow\n");
    let error = sources("NIXI", &Index::new()).expect_err("no packages");
    assert_eq!(error.to_string(), "it has only 0 packages");
}

#[test]
fn what_is_cut_is_an_error() {
    let bytes = small().bytes;
    let whole: Vec<usize> = bytes.windows(3).enumerate().filter(|(_, w)| w == b"}}\n").map(|(at, _)| at + 3).collect();
    for end in 0..bytes.len() {
        let facts = read(&framed(&[&bytes[..end]]));
        assert_eq!(facts.is_ok(), whole.contains(&end), "cut at {end}: {facts:?}");
    }
    let file = small().file();
    for end in 0..file.len() - 11 {
        assert!(read(&file[..end]).is_err(), "the file cut at {end}");
    }
}

#[test]
fn what_is_wrong_is_an_error() {
    let json =
        r#"{"hash":"h","name":"n","origin":{"attr":"a","output":"out","toplevel":true,"system":"x86_64-linux"}}"#;
    let package = format!("p\0\0{json}\n").into_bytes();
    assert!(read(&framed(&[&package])).is_ok());
    let wrong: &[(&str, Vec<u8>)] = &[
        ("shares 5 bytes with one", b"1x\0\x05/bin/a\n".to_vec()),
        ("shares -1 bytes with one", b"1x\0\xff/bin/a\n".to_vec()),
        ("shares -32768 bytes with one", b"1x\0\x80\x80\x00/bin/a\n".to_vec()),
        ("without a number", b"d\0\0/bin\n".to_vec()),
        ("unknown kind q", b"1q\0\0/bin\n".to_vec()),
        ("says not what it is", b"\0\0/bin\n".to_vec()),
        ("is not described", b"p\0\0{}\n".to_vec()),
        ("more than", vec![b'x'; 1 << 20]),
        ("more than", [b"1x\0\0", vec![b'y'; 1 << 20].as_slice()].concat()),
        ("no package of x86_64-linux", package.iter().map(|b| if *b == b'x' { b'y' } else { *b }).collect()),
    ];
    for (says, bytes) in wrong {
        let error = format!("{:#}", read(&framed(&[bytes])).expect_err(says));
        assert!(error.contains(says), "{error}");
    }
    for (says, file) in [
        ("too short", b"NIXI".to_vec()),
        ("no database", b"SQLite format 3\0".to_vec()),
        ("version 2", [b"NIXI".as_slice(), &2_u64.to_le_bytes()].concat()),
    ] {
        let error = format!("{:#}", read(&file).expect_err(says));
        assert!(error.contains(says), "{error}");
    }
}

#[test]
fn a_changed_byte_of_a_frame_is_noticed() {
    let file = small().file();
    let whole = format!("{:?}", read(&file).expect("whole"));
    for at in 12..file.len() - 11 {
        let mut broken = file.clone();
        broken[at] ^= 0x10;
        if let Ok(facts) = read(&broken) {
            assert_eq!(format!("{facts:?}").len(), whole.len(), "byte {at}");
        }
    }
}

#[test]
fn losses_are_found() {
    let rows = |count: usize| -> String { (0..count).map(|n| format!("p{n:04}\tattr:1\n")).collect() };
    let change = Change::between("programs.tsv", &rows(1000), &rows(940));
    assert_eq!((change.rows, change.removed.len(), change.added.len()), (940, 60, 0));
    let tables = Tables::from([("programs.tsv", rows(940))]);
    let found = missing(&tables, &[change]);
    assert!(found[0].contains("940 rows instead of 1000") && found[1].contains("would lack bun cargo"), "{found:?}");
    let change = Change::between("programs.tsv", "a\tx:1,y:0\nb\tx:1\n", "a\ty:2\nc\tx:1\n");
    assert_eq!(change.changed, [("a".to_owned(), "x".to_owned(), "y".to_owned())]);
    assert_eq!(change.text(), "programs.tsv: 2 rows, 1 added, 1 removed, 1 changed\n  + c\n  - b\n  ~ a: x → y\n");
    let own = Index::new();
    let own = Tables::from([("programs.tsv", own.programs.0.to_owned()), ("sonames.tsv", own.sonames.0.to_owned())]);
    assert!(missing(&own, &[]).is_empty(), "the tables that are compiled in are whole");
}

proptest! {
    #[test]
    fn nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        drop(read(&framed(&[&bytes])));
        drop(read(&[b"NIXI\x01\0\0\0\0\0\0\0", bytes.as_slice()].concat()));
        drop(StorePath::parse(&bytes));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn names_of_hostile_packages_break_no_table(name in "[ -~\t\r]{1,40}", attr in "[ -~]{1,30}") {
        let mut writer = Writer::default();
        let json = serde_json::json!({
            "hash": "h", "name": format!("{name}-1"),
            "origin": { "attr": attr, "output": name, "toplevel": true, "system": "x86_64-linux" },
        });
        for folder in ["bin", "lib", "include", "lib/pkgconfig", "lib/python3.13/site-packages"] {
            writer.entry("1x", &format!("/{folder}/{name}"));
        }
        writer.entry("p", &json.to_string());
        let facts = read(&writer.file()).expect("whole");
        for (table, text) in tables(&facts, &Index::new(), None).expect("tables") {
            for line in text.lines().filter(|_| table != "attrs-more.tsv") {
                let (_, values) = line.split_once('\t').expect("two fields");
                for attr in values.split(',') {
                    let attr = attr.rsplit_once(':').map_or(attr, |(attr, _)| attr);
                    prop_assert!(crate::nix::AttrPath::parse(attr).is_ok(), "{table}: {line}");
                }
            }
        }
    }
}
