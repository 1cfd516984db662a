//! What the index costs: `cargo bench --bench index`. Prints a look-up of each kind, the tables' size, and how long a journal
//! of 100,000 execs takes to be resolved.

#![expect(clippy::print_stdout, reason = "it prints what it measures")]

use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use agent_capture::ecosystems;
use agent_capture::event::{Bytes, Event, Exec, Exit, Start, Status};
use agent_capture::index::Index;
use agent_capture::journal::{Closing, Digest, Journal, Place};
use agent_capture::policy::Policy;

/// How many execs the journal has.
const EXECS: u64 = 100_000;

/// How often all names of a list are looked up; the fastest round counts.
const ROUNDS: usize = 20;

/// Returns the names of a list, those of the tests for accuracy.
fn names(text: &'static str) -> Vec<&'static str> {
    text.lines().filter_map(|line| line.split('\t').next()).chain(["no-such-name", "x-9"]).collect()
}

type LookUp<'a> = (&'a str, &'static str, &'a dyn Fn(&str) -> bool);

fn main() {
    let index = Index::new();
    let (programs, debian) = (include_str!("../tests/data/programs.tsv"), include_str!("../tests/data/debian.tsv"));
    let pkg_config = include_str!("../tests/data/pkg-config.tsv");
    let python = include_str!("../tests/data/python-modules.tsv");
    let look_ups: [LookUp; 7] = [
        ("program", programs, &|name| index.program(name).is_some()),
        ("attr", programs, &|name| index.known(name).is_some()),
        ("Debian package", debian, &|name| index.debian(name).is_some()),
        ("module of pkg-config", pkg_config, &|name| index.pkg_config(name).is_some()),
        ("module of Python", python, &|name| index.python_module(name).is_some()),
        ("library", "libssl.so.3\nlibpq.so.5\nlibz.so\nlibgtk-3.so.0\nlibcurl.so.4", &|name| {
            index.soname(name).is_some()
        }),
        ("header", "openssl/ssl.h\nzlib.h\ncurl/curl.h\nglib.h\nboost/asio.hpp", &|name| index.header(name).is_some()),
    ];
    for (what, list, look_up) in look_ups {
        let names = names(list);
        let round = || {
            let start = Instant::now();
            let found = names.iter().filter(|name| look_up(black_box(name))).count();
            (start.elapsed().as_secs_f64() * 1e6 / names.len() as f64, found)
        };
        let (each, found) = (0..ROUNDS).map(|_| round()).min_by(|a, b| a.0.total_cmp(&b.0)).expect("rounds");
        println!("look up a {what}: {each:.2} µs, {found} of {} found", names.len());
    }
    println!("tables: {:.2} MB", tables() as f64 / 1e6);
    let journal = journal(&names(programs));
    let kinds = journal.programs.len();
    let start = Instant::now();
    let requirements = ecosystems::resolve(&[journal], &index, &Policy::default());
    let (took, packages) = (start.elapsed(), requirements.packages.len());
    println!("resolve: {EXECS} execs of {kinds} programs → {packages} packages in {took:.2?}");
}

/// Returns how many bytes the tables have, which are compiled in as they are.
fn tables() -> u64 {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let sizes = ["index", "ecosystems"].map(|name| {
        let files = std::fs::read_dir(folder.join(name)).expect("a folder").flatten();
        let tables = files.filter(|file| file.path().extension().is_some_and(|end| end == "tsv"));
        tables.map(|file| file.metadata().map_or(0, |meta| meta.len())).sum::<u64>()
    });
    sizes.iter().sum()
}

/// Returns a journal in which each program runs as often as the others, and every tenth exec is an install.
fn journal(names: &[&str]) -> Journal {
    let place = Place { root: "/home/u/project".into(), home: Some("/home/u".into()) };
    let mut closing = Closing::new(&place, 0, false, ecosystems::READS);
    closing.segment();
    closing.event(Event::Start(Start { format: 1, at: 0, recorder: "seccomp".to_owned(), blind: Vec::new() }));
    for id in 1..=EXECS {
        let name = names[(id as usize) % names.len()];
        let program = Bytes::from(format!("/usr/bin/{name}"));
        let install = || format!("pip install {name}");
        let line = if id % 10 == 0 { install() } else { format!("{name} --flag file-{}", id % 100) };
        let argv = line.split(' ').map(Bytes::from).collect();
        closing.event(Event::Exec(Exec {
            id,
            at: id as i64,
            process: id,
            parent: (id > 1).then_some(1),
            program,
            resolved: None,
            interpreters: Vec::new(),
            loader: None,
            argv,
            shortened: false,
            redacted: false,
            cwd: Bytes::from("/home/u/project"),
            probes: 0,
        }));
        if id > 1 {
            closing.event(Event::Exit(Exit {
                at: id as i64,
                process: id,
                status: Some(Status::Code(0)),
                ..Exit::default()
            }));
        }
    }
    let session = Journal::parse(include_bytes!("../fixtures/journal-v1/journal.json")).expect("a journal").session;
    closing.finish(session, Digest::default(), &|_| Default::default())
}
