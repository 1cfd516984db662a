//! What the session's Nix used of other flakes, asked when the session closes.

use std::collections::{BTreeMap, BTreeSet};

use crate::ecosystems;
use crate::index::pins;
use crate::journal::{Invocation, Journal, UsedFlake};
use crate::nix::{AttrPath, Github, Nix, NoInput, Reach, Rev, System};

/// The most flakes that are asked for.
const MOST: usize = 50;

/// Adds to a journal that was recorded here what Nix knows of the flakes that it names: nixpkgs, and others.
pub(super) fn used(journal: &mut Journal, nix: Option<&Nix>) {
    journal.session.nixpkgs = nixpkgs_ref(journal).and_then(|flakeref| nix?.known_pin(&flakeref));
    journal.flakes = flakes(journal, nix);
}

/// Adds to a journal that was told what Nix knows of those flakes of which its command lines say the revision: what another
/// stood for then, nobody knows now.
pub(super) fn told(journal: &mut Journal, nix: Option<&Nix>) {
    let rev = |flakeref: &String| Rev::parse(flakeref.rsplit('/').next()?).ok();
    let known = |flakeref: String| pins::pin(&rev(&flakeref)?).or_else(|| nix?.known_pin(&flakeref));
    journal.session.nixpkgs = nixpkgs_ref(journal).and_then(known);
    journal.flakes = flakes(journal, nix);
    let may_differ = |used: &&mut UsedFlake| Github::parse(&used.flakeref).is_some_and(|it| !it.is_locked());
    for used in journal.flakes.iter_mut().filter(may_differ) {
        *used = not(std::mem::take(&mut used.flakeref), NoInput::Untold);
    }
}

/// Returns the other flakes that command lines named which ended well, each with what Nix knows of it without network.
fn flakes(journal: &Journal, nix: Option<&Nix>) -> Vec<UsedFlake> {
    let lines = journal.invocations.iter().filter(|call| call.is_used()).filter_map(Invocation::words);
    named(lines, nix, Reach::Offline)
}

/// Returns the other flakes that command lines name, each with what Nix knows of it.
pub(super) fn named<'a>(lines: impl Iterator<Item = Vec<&'a str>>, nix: Option<&Nix>, reach: Reach) -> Vec<UsedFlake> {
    let mut names: BTreeMap<String, BTreeSet<AttrPath>> = BTreeMap::new();
    let mut refused = BTreeMap::new();
    for words in lines {
        for foreign in ecosystems::foreign(&words) {
            match foreign.package {
                Ok(attr) => drop(names.entry(foreign.flakeref).or_default().insert(attr)),
                Err(why) => drop(refused.insert(foreign.flakeref, why)),
            }
        }
    }
    let mut all: BTreeMap<String, UsedFlake> =
        refused.into_iter().map(|(flakeref, why)| (flakeref.clone(), not(flakeref, why))).collect();
    let asked =
        names.into_iter().take(MOST).map(|(flakeref, names)| (flakeref.clone(), ask(flakeref, &names, nix, reach)));
    all.extend(asked);
    all.into_values().take(MOST).collect()
}

fn not(flakeref: String, why: NoInput) -> UsedFlake {
    UsedFlake { flakeref, source: None, packages: BTreeMap::new(), why: Some(why) }
}

fn ask(flakeref: String, names: &BTreeSet<AttrPath>, nix: Option<&Nix>, reach: Reach) -> UsedFlake {
    let source = nix.ok_or(NoInput::Unknown).and_then(|nix| nix.source(&flakeref, reach));
    let packages = |names: &BTreeSet<AttrPath>| {
        nix.map(|nix| nix.packages(&flakeref, &System::current(), names, reach)).unwrap_or_default()
    };
    let lacks = |packages: &BTreeMap<String, _>| names.iter().find(|name| !packages.contains_key(name.as_str()));
    match source {
        Ok(source) => {
            let packages = packages(names);
            let why = lacks(&packages).map(|name| name.shell().map_or(NoInput::NoPackage, |_| NoInput::Shell));
            UsedFlake { flakeref, source: Some(source), packages, why }
        }
        // It can be no input; what its programs are is known all the same, so that none is taken for that of nixpkgs.
        Err(why @ NoInput::Inputs) => {
            let own = names.iter().filter(|name| name.shell().is_none()).cloned().collect();
            UsedFlake { packages: packages(&own), ..not(flakeref, why) }
        }
        Err(why) => not(flakeref, why),
    }
}

/// Returns the flakeref of nixpkgs that the session's first such `nix` command names: `nixpkgs` of `nix shell nixpkgs#jq`.
fn nixpkgs_ref(journal: &Journal) -> Option<String> {
    let words = journal.invocations.iter().filter(|call| call.is_used()).flat_map(|call| &call.argv);
    words.filter_map(|word| Some(word.as_str()?.split_once('#')?.0)).find_map(|flakeref| {
        let lower = flakeref.to_ascii_lowercase();
        let is = ["nixpkgs", "github:nixos/nixpkgs"]
            .iter()
            .any(|name| lower == *name || lower.starts_with(&format!("{name}/")));
        is.then(|| flakeref.to_owned())
    })
}
