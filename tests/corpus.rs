//! What the fuzz targets of `fuzz/` were given and what they found, replayed: a file of `fuzz/corpus/<target>/` each.

#[path = "support/fuzzed.rs"]
mod fuzzed;

use std::collections::BTreeSet;
use std::fs;

use fuzzed::{TARGETS, corpus};

#[test]
fn every_target_has_a_corpus_and_every_corpus_a_target() {
    let folders = fs::read_dir(corpus()).expect("a corpus").flatten();
    let folders: BTreeSet<String> = folders.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    assert_eq!(folders, TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect());
    let targets = fs::read_dir(corpus().join("../fuzz_targets")).expect("targets").flatten();
    let targets: BTreeSet<String> =
        targets.filter_map(|entry| Some(entry.path().file_stem()?.to_string_lossy().into_owned())).collect();
    assert_eq!(folders, targets);
}

#[test]
fn the_corpus_is_replayed() {
    for (name, target) in TARGETS {
        let files: Vec<_> = fs::read_dir(corpus().join(name)).expect("a folder").flatten().collect();
        assert!(files.len() >= 2, "{name}: {} files", files.len());
        for file in files {
            let bytes = fs::read(file.path()).expect("a file");
            let path = file.path();
            if std::panic::catch_unwind(|| target(&bytes)).is_err() {
                panic!("{} fails on {}", name, path.display());
            }
        }
    }
}

/// The targets reach what they are for: their corpus is read, not only refused.
#[test]
fn the_corpus_is_more_than_noise() {
    let read = |name: &str| {
        let files = fs::read_dir(corpus().join(name)).expect("a folder").flatten();
        files.map(|file| fs::read(file.path()).expect("a file")).collect::<Vec<_>>()
    };
    assert!(read("journal").iter().any(|bytes| agent_capture::journal::Journal::parse(bytes).is_ok()));
    assert!(read("requirements").iter().any(|bytes| agent_capture::requirements::Document::parse(bytes).is_ok()));
    assert!(read("lock").iter().any(|bytes| agent_capture::nix::Pin::from_lock(bytes).is_some()));
    let flakes: Vec<String> = read("render").iter().filter_map(|bytes| fuzzed::rendered(bytes)).collect();
    assert!(
        flakes.iter().any(|flake| flake.contains("withPackages"))
            && flakes.iter().any(|flake| flake.contains("allowed"))
    );
    let facts = |bytes: &Vec<u8>| agent_capture::index::build::Facts::read(&fuzzed::database(bytes)[..], &mut |_| ());
    assert!(read("nix_index").iter().any(|bytes| facts(bytes).is_ok_and(|facts| facts.store_paths > 0)));
}
