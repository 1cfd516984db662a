//! What lock files keep, as the flake fetches it.

use std::collections::{BTreeMap, BTreeSet};

use minijinja::context;
use minijinja::value::Value;

use super::{nix_string, source};
use crate::nix::{NarHash, nix_name};
use crate::requirements::{Check, Lock, LockKind};

/// The lock files that checks need, each with a name: `cargo`, `cargo2`, `npm`.
pub(super) struct Fetched<'a> {
    locks: BTreeMap<&'a Lock, String>,
}

impl<'a> Fetched<'a> {
    pub(super) fn of(checks: &'a [Check]) -> Self {
        let all: BTreeSet<&Lock> = checks.iter().flat_map(|check| &check.locks).collect();
        let mut count: BTreeMap<&str, u32> = BTreeMap::new();
        let mut name = |lock: &Lock| {
            let kind = match lock.kind {
                LockKind::Cargo => "cargo",
                LockKind::Npm => "npm",
                LockKind::Go => "go",
            };
            let number = count.entry(kind).or_default();
            *number += 1;
            if *number == 1 { kind.to_owned() } else { format!("{kind}{number}") }
        };
        Self { locks: all.into_iter().map(|lock| (lock, name(lock))).collect() }
    }

    /// Returns each lock file, for the template.
    pub(super) fn locks(&self) -> Vec<Value> {
        let lock = |(lock, name): (&&Lock, &String)| {
            let folder = lock.folder.as_str();
            let below = |path: &str| nix_string(&format!("/{path}")).map(|path| format!("self.sourceInfo + {path}"));
            let path = match lock.kind {
                LockKind::Go => Some("self.sourceInfo.outPath".to_owned()),
                LockKind::Npm if folder.is_empty() => Some("self.sourceInfo.outPath".to_owned()),
                LockKind::Npm => below(folder),
                LockKind::Cargo => below(&lock.path()),
            };
            context! {
                name => source(name),
                file => source(lock.kind.file()),
                path => path.map_or_else(Value::default, source),
                folder => folder,
                cargo => lock.kind == LockKind::Cargo,
                go => lock.kind == LockKind::Go,
                hash => lock.hash.as_ref().map_or_else(NarHash::none, NarHash::clone).as_str(),
                vendors => vendors(folder),
            }
        };
        self.locks.iter().map(lock).collect()
    }

    /// Returns the checks that need a lock file, each with what it gets.
    pub(super) fn checks(&self, checks: &[Check]) -> Vec<Value> {
        let check = |check: &Check| {
            let names = check.locks.iter().filter_map(|lock| self.locks.get(lock));
            let names: Vec<String> = names.map(|name| format!("{name}For pkgs")).collect();
            context! { attr => source(nix_name(check.name.as_str())), fetched => source(names.join(" // ")) }
        };
        checks.iter().filter(|check| !check.locks.is_empty()).map(check).collect()
    }

    /// Returns the lists of hooks that unpack what is fetched, as they follow a list of packages.
    pub(super) fn hooks(&self) -> String {
        let kinds: BTreeSet<LockKind> = self.locks.keys().map(|lock| lock.kind).collect();
        let list = |kind| match kind {
            LockKind::Cargo => " ++ fetched.cargoHooks or [ ]",
            LockKind::Npm => " ++ fetched.npmHooks or [ ]",
            LockKind::Go => "",
        };
        kinds.into_iter().map(list).collect()
    }
}

/// Returns what gives Go the modules of a folder: it looks for them nowhere else.
fn vendors(folder: &str) -> String {
    let to = if folder.is_empty() { "vendor".to_owned() } else { super::quote(&format!("{folder}/vendor")) };
    format!("cp -r \"$goModules\" {to}; export GOFLAGS=-mod=vendor GOPROXY=off GOTOOLCHAIN=local")
}
