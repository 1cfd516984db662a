//! `flake.lock`, version 7.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Flake;
use crate::nix::{NarHash, Rev, Source as Origin};
use crate::requirements::Input;

impl Flake<'_> {
    /// Returns the bytes of `flake.lock`, version 7, as Nix itself writes them (2.8 to 2.34).
    pub fn lock(&self) -> String {
        let nixpkgs = Node::of("NixOS", "nixpkgs", &self.pin.rev, self.pin.last_modified, &self.pin.nar_hash);
        let mut nodes = BTreeMap::from([("nixpkgs", nixpkgs)]);
        let mut root = BTreeMap::from([("nixpkgs", To::Node("nixpkgs"))]);
        for Input { name, source, .. } in &self.requirements.inputs {
            let Origin { owner, repo, rev, last_modified, nar_hash, nixpkgs } = source;
            let follows = || BTreeMap::from([("nixpkgs", To::Follows(["nixpkgs"]))]);
            let node = Node::of(owner.as_str(), repo.as_str(), rev, *last_modified, nar_hash);
            nodes.insert(name.as_str(), Node { inputs: nixpkgs.then(follows), ..node });
            root.insert(name.as_str(), To::Node(name.as_str()));
        }
        nodes.insert("root", Node { inputs: Some(root), locked: None, original: None });
        let mut text =
            serde_json::to_string_pretty(&Lock { nodes, root: "root", version: 7 }).expect("maps of text are JSON");
        text.push('\n');
        text
    }
}

/// A lock file; the fields stand in the order in which Nix writes them.
#[derive(Serialize)]
struct Lock<'a> {
    nodes: BTreeMap<&'a str, Node<'a>>,
    root: &'a str,
    version: u32,
}

#[derive(Serialize)]
struct Node<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    inputs: Option<BTreeMap<&'a str, To<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    locked: Option<Source<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    original: Option<Source<'a>>,
}

/// Where an input leads.
#[derive(Serialize)]
#[serde(untagged)]
enum To<'a> {
    Node(&'a str),
    /// The input of the root that it is.
    Follows([&'a str; 1]),
}

impl<'a> Node<'a> {
    fn of(owner: &'a str, repo: &'a str, rev: &'a Rev, last_modified: u64, nar_hash: &'a NarHash) -> Self {
        let original = Source { last_modified: None, nar_hash: None, owner, repo, rev: rev.as_str(), kind: "github" };
        let locked = Source { last_modified: Some(last_modified), nar_hash: Some(nar_hash.as_str()), ..original };
        Self { inputs: None, locked: Some(locked), original: Some(original) }
    }
}

#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
struct Source<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    last_modified: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nar_hash: Option<&'a str>,
    owner: &'a str,
    repo: &'a str,
    rev: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
}
