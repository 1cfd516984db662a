//! How often the index names the right package: `tests/data/gold.tsv` lists programs with the attrs that are right, the most
//! idiomatic first, chosen by hand before the programs were ranked. And how fast: `cargo test --release -- --ignored`.

use std::time::Instant;

use agent_capture::index::Index;

/// Right answers of all, as reached; a change of tables or rules must not fall below.
const RIGHT: usize = 342;
const IDIOMATIC: usize = 328;

fn gold() -> impl Iterator<Item = (&'static str, Vec<&'static str>)> {
    include_str!("data/gold.tsv").lines().filter_map(|line| {
        let mut fields = line.split('\t');
        Some((fields.next()?, fields.next()?.split(',').collect()))
    })
}

#[test]
fn programs_are_resolved_to_the_right_package() {
    let index = Index::new();
    let (mut right, mut idiomatic, mut misses) = (0, 0, Vec::new());
    for (program, attrs) in gold() {
        let found = index.program(program).map(|candidate| candidate.attr.to_string());
        let place = found.as_ref().and_then(|found| attrs.iter().position(|attr| attr == found));
        right += usize::from(place.is_some());
        idiomatic += usize::from(place == Some(0));
        if place.is_none() {
            misses.push((program, found));
        }
    }
    let all = gold().count();
    let report = format!("right {right}, idiomatic {idiomatic} of {all}; missed {misses:?}");
    assert!(right >= RIGHT && idiomatic >= IDIOMATIC, "{report}");
    assert!(right * 100 >= all * 97, "{report}");
}

#[test]
#[ignore = "measures time"]
fn what_a_look_up_costs() {
    let index = Index::new();
    let names: Vec<&str> = gold().map(|(program, _)| program).chain(["no-such-program", "x-9"]).collect();
    type LookUp<'a> = (&'a str, &'a dyn Fn(&str) -> bool);
    let look_ups: [LookUp; 5] = [
        ("program", &|name| index.program(name).is_some()),
        ("stdenv", &|name| index.stdenv(name).is_some()),
        ("python", &|name| index.python(name).is_some()),
        ("store_name", &|name| index.store_name(name).is_some()),
        ("debian", &|name| index.debian(name).is_some()),
    ];
    let mut report = Vec::new();
    for (what, look_up) in look_ups {
        names.iter().for_each(|name| assert!(look_up(name) || !look_up(name)));
        let round = || {
            let start = Instant::now();
            let found = (0..20).flat_map(|_| &names).filter(|name| look_up(name)).count();
            (start.elapsed().as_secs_f64() * 1e6 / (20 * names.len()) as f64, found)
        };
        let (each, found) = (0..20).map(|_| round()).min_by(|a, b| a.0.total_cmp(&b.0)).expect("rounds");
        report.push(format!("{what} {each:.2} µs, {found} found"));
    }
    let report = report.join("; ");
    // Shown with --nocapture or when it fails.
    std::io::Write::write_all(&mut std::io::stderr(), (report + "\n").as_bytes()).expect("a place to write to");
}
