//! `index`: what it says of a name, and how its tables are made anew. No Nix needed.

mod support;

use std::fs;

use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use serde_json::Value;
use support::Project;

#[test]
fn every_kind_of_name_is_answered_as_json() {
    let names = [
        ("rg", "ripgrep"),
        ("/usr/bin/rg", "ripgrep"),
        ("deb:libssl-dev", "openssl"),
        ("pc:openssl", "openssl"),
        ("cmake:fmt", "fmt"),
        ("py:yaml", "python3Packages.pyyaml"),
        ("libz.so.1", "zlib"),
        ("openssl/ssl.h", "openssl"),
    ];
    let project = Project::demo();
    let mut args = vec!["index", "which", "--json"];
    args.extend(names.iter().map(|(name, _)| *name));
    let said = project.run(&args).success();
    let found: Value = serde_json::from_str(&said.stdout).expect("JSON");
    let found = found.as_array().expect("an array");
    assert_eq!(found.len(), names.len());
    for ((name, attr), found) in names.iter().zip(found) {
        assert_eq!(found["name"], *name);
        let candidates = found["candidates"].as_array().expect("an array");
        assert_eq!(candidates[0]["attr"], *attr, "{found}");
        let scores: Vec<i64> = candidates.iter().map(|it| it["score"].as_i64().expect("a number")).collect();
        assert!(scores.is_sorted_by(|a, b| a >= b), "{name}: the best is first: {scores:?}");
        assert!(candidates.iter().all(|it| it["reason"].as_str().is_some_and(|reason| !reason.is_empty())), "{found}");
    }
}

#[test]
fn a_name_without_a_package_is_a_no() {
    let project = Project::demo();
    let said = project.run(&["index", "which", "--json", "jq", "no-such-program-at-all"]).code(1);
    let found: Value = serde_json::from_str(&said.stdout).expect("JSON");
    assert_eq!(found[1], serde_json::json!({"name": "no-such-program-at-all", "candidates": []}));
    let said = project.run(&["index", "which", "rg", "no-such-program-at-all"]).code(1);
    assert!(said.stdout.starts_with("rg\n  ripgrep"), "{}", said.stdout);
    assert!(said.stdout.ends_with("no-such-program-at-all\n  no package\n"), "{}", said.stdout);
    // What people mean by it is of Node, and not in nixpkgs.
    let said = project.run(&["index", "which", "rollup"]).code(1);
    let other = "no package of what people mean by it; `libcaption` has a program of this name";
    assert!(said.stdout.contains(other), "{}", said.stdout);
}

/// Returns a database of nix-index with one package.
fn database() -> Vec<u8> {
    let package = r#"{"store_dir":"/nix/store","hash":"00000000000000000000000000000000","name":"ripgrep-15.0","origin":{"attr":"ripgrep","output":"out","toplevel":true,"system":"x86_64-linux"}}"#;
    let entries = format!("2d\0\0/bin\n9x\0\0/bin/rg\n9x\0\0/bin/rg-new\np\0\0{package}\n");
    [b"NIXI".as_slice(), &1_u64.to_le_bytes(), &compress_to_vec(entries.as_bytes(), CompressionLevel::Fastest)].concat()
}

#[test]
fn a_database_that_is_not_whole_is_refused_and_what_would_change_is_said() {
    let project = Project::demo();
    let folder = project.root().join("tables");
    fs::create_dir(&folder).expect("a folder");
    let table = folder.join("programs.tsv");
    fs::write(&table, "fd\tfd:30\nrg\tripgrep-all:9\n").expect("written");
    fs::write(project.root().join("files"), database()).expect("written");
    let attrs: String = (0..101).map(|at| format!("package-{at}\tpackage-{at}\t1\t\n")).collect();
    fs::write(project.root().join("attrs.tsv"), format!("bun\tbun\t1\tbun\n{attrs}")).expect("written");
    let build = ["index", "build", "files", "--attrs", "attrs.tsv", "--output", "tables"];
    let said = project.run(&build).code(1);
    for part in [
        "1 store paths, 3 files",
        "  + bun ",
        "  - fd",
        "  ~ rg: ripgrep-all → ripgrep",
        "the database lacks the programs bun cargo",
        "programs.tsv would lack cargo",
        "sonames.tsv would lack libcurl.so",
        "nothing is written",
    ] {
        assert!(said.stderr.contains(part), "{part:?} is missing:\n{}", said.stderr);
    }
    assert_eq!(fs::read_to_string(&table).expect("a table"), "fd\tfd:30\nrg\tripgrep-all:9\n");
    project.run(&[&build[..], &["--force", "--dry-run"]].concat()).success();
    assert!(fs::read_to_string(&table).expect("a table").starts_with("fd\t"), "a dry run writes nothing");
    project.run(&[&build[..], &["--force"]].concat()).success();
    let text = fs::read_to_string(&table).expect("a table");
    assert!(text.contains("\nrg\tripgrep:"), "{text}");
}

#[test]
fn a_file_that_is_no_database_is_an_error_with_a_cure() {
    let project = Project::demo();
    fs::write(project.root().join("files"), "NIXI").expect("written");
    let said = project.run(&["index", "build", "files", "--output", "."]).code(3);
    assert!(said.stderr.contains("failed to read the database `files`"), "{}", said.stderr);
    let said = project.run(&["index", "build", "missing", "--output", "."]).code(3);
    assert!(said.stderr.contains("nix-index-database publishes them"), "{}", said.stderr);
}

#[test]
fn sources_of_packages_of_debian_become_a_table() {
    let project = Project::demo();
    let others: String = (0..100).map(|at| format!("\n\nPackage: of-no-use-{at}")).collect();
    let added = "Package: mecab\n\nPackage: mecab-jumandic";
    let packages = format!("Package: uidmap\nSource: shadow (1:4.13)\nVersion: 1:4.13+dfsg1\n\n{added}{others}\n");
    fs::write(project.root().join("Packages"), packages).expect("written");
    fs::create_dir(project.root().join("tables")).expect("a folder");
    project.run(&["index", "build", "--debian", "Packages", "--output", "tables"]).success();
    assert_eq!(project.read("tables/debian-sources.tsv"), "mecab-jumandic\t-\nuidmap\tshadow\n");
}
