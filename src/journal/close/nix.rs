//! What Nix runs itself, to fetch and to build: it is Nix's work. What the session asked Nix to run takes Nix's place in its
//! process, and is the session's.

use std::collections::HashSet;

use crate::event::{Bytes, Exec};
use crate::journal::roles::base;

/// Why execs of Nix's are set aside.
pub(super) const NIX: &str = "Nix ran it to fetch or build";

/// Programs of Nix that start others.
const PROGRAMS: [&[u8]; 7] =
    [b"nix", b"nix-build", b"nix-env", b"nix-instantiate", b"nix-prefetch-url", b"nix-shell", b"nix-store"];

/// The execs of a segment that are Nix, or Nix's.
#[derive(Default)]
pub(super) struct Builds {
    nix: HashSet<u64>,
    own: HashSet<u64>,
}

impl Builds {
    /// Takes in an exec; returns whether it is Nix's own.
    pub(super) fn take(&mut self, exec: &Exec) -> bool {
        // A script may be called `nix` and start the real one.
        let is_nix = PROGRAMS.contains(&base(exec.program.as_slice())) && exec.interpreters.is_empty();
        let is_hook = exec.argv.get(1).is_some_and(|word: &Bytes| word.as_slice().starts_with(b"__"));
        let of = |execs: &HashSet<u64>| exec.parent.is_some_and(|parent| execs.contains(&parent));
        let is_own = of(&self.own) || (of(&self.nix) && (!is_nix || is_hook));
        if is_own {
            self.own.insert(exec.id);
        } else if is_nix {
            self.nix.insert(exec.id);
        }
        is_own
    }

    /// Returns whether an exec is Nix's own.
    pub(super) fn has(&self, exec: u64) -> bool {
        self.own.contains(&exec)
    }

    /// Returns whether it is that, or Nix.
    pub(super) fn is_part(&self, exec: u64) -> bool {
        self.has(exec) || self.nix.contains(&exec)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_the_place_of_nix_is_the_sessions_own() {
        let mut builds = Builds::default();
        let mut take = |id: u64, parent: u64, line: &str, interpreters: &[&str]| {
            let argv: Vec<Bytes> = line.split(' ').map(Bytes::from).collect();
            let program = Bytes::from(format!("/bin/{}", argv[0].to_text()));
            let interpreters = interpreters.iter().map(Bytes::from).collect();
            builds.take(&Exec { id, parent: Some(parent), program, argv, interpreters, ..Exec::default() })
        };
        // A wrapper that starts Nix, Nix, what it fetches with, what it builds with, and what it was asked to run.
        assert!(!take(2, 1, "nix shell nixpkgs#jq -c jq", &["/bin/sh"]));
        assert!(!take(3, 2, "nix shell nixpkgs#jq -c jq", &[]));
        assert!(take(4, 3, "git fetch", &[]) && take(5, 3, "nix __build-remote 0", &[]));
        assert!(take(6, 5, "bash -e builder.sh", &[]) && take(7, 6, "nix-store --add x", &[]));
        assert!(!take(8, 2, "jq . x", &[]) && !take(9, 8, "cat x", &[]));
        assert!(builds.has(4) && !builds.has(3) && builds.is_part(3) && !builds.is_part(9));
    }
}
