//! Flakes of GitHub besides nixpkgs: their flakerefs, and what Nix knows of them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{AttrPath, GithubName, NarHash, Nix, Pin, Rev, System, nix_name};

/// The output of a flake that has its shells.
pub const SHELLS: &str = "devShells";

/// A function in Nix: the store paths of a package.
const PATHS: &str = "package: map (output: package.${output}.outPath) (package.outputs or [ \"out\" ])";

/// A function in Nix: the packages that a shell brings.
const INPUTS: &str = "(shell: builtins.filter builtins.isAttrs (builtins.concatMap (name: shell.${name} or [ ]) \
    [ \"buildInputs\" \"nativeBuildInputs\" \"propagatedBuildInputs\" \"propagatedNativeBuildInputs\" ]))";

/// A flakeref `github:OWNER/REPO[/REV-OR-REF][?lastModified=N&narHash=HASH]`, or a name that a registry may have for one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Github {
    /// Owner and repository; none for a name of a registry.
    at: Option<(GithubName, GithubName)>,
    rev: Option<Rev>,
    nar_hash: Option<NarHash>,
}

/// Where a flake is, to the byte.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Source {
    /// The owner of its repository.
    pub owner: GithubName,
    /// The repository.
    pub repo: GithubName,
    /// Its revision.
    pub rev: Rev,
    /// Seconds since 1970-01-01 UTC, as in flake.lock.
    pub last_modified: u64,
    /// Hash of the revision's tree.
    pub nar_hash: NarHash,
    /// Whether it has an input `nixpkgs`; it has no other.
    pub nixpkgs: bool,
}

/// Why a flake cannot be an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoInput {
    /// It is not of GitHub, or its flakeref says more than a revision.
    NotGithub,
    /// It is nixpkgs under another name.
    Nixpkgs,
    /// Nix does not know its revision without network.
    Unknown,
    /// It was told of, without the revision that was used.
    Untold,
    /// It has inputs besides nixpkgs.
    Inputs,
    /// It does not have what was asked for among its `packages`, or they cannot be evaluated.
    NoPackage,
    /// Its shell was entered, which it does not have among its `devShells`, or which cannot be evaluated.
    Shell,
}

impl NoInput {
    /// Returns why, and what one can do: clauses that follow "the flake X is not captured: ".
    pub fn why(self) -> (&'static str, &'static str) {
        match self {
            Self::NotGithub => {
                ("only flakes github:OWNER/REPO[/REV] are", "push it to GitHub, or add it to a flake of your own")
            }
            Self::Nixpkgs => ("it is nixpkgs under another name", "call it `nixpkgs`"),
            Self::Unknown => {
                ("Nix does not know its revision without network", "record again where `nix flake metadata` knows it")
            }
            Self::Untold => (
                "a transcript does not tell which revision was used",
                "name one: `github:OWNER/REPO/REV`, or record the session",
            ),
            Self::Inputs => {
                ("it has inputs besides nixpkgs", "add it to a flake of your own, whose lock keeps its inputs")
            }
            Self::NoPackage => {
                ("it has no such package that evaluates without building", "name one that `nix flake show` lists")
            }
            Self::Shell => (
                "it has no such shell that evaluates without building, what ran in it is captured by itself",
                "of more name its packages: `nix shell FLAKE#NAME`",
            ),
        }
    }
}

impl Github {
    /// Parses a flakeref; none when it is of another form, or says more than which revision.
    pub fn parse(flakeref: &str) -> Option<Self> {
        let is_name = flakeref.starts_with(|c: char| c.is_ascii_alphabetic())
            && flakeref.len() <= 64
            && flakeref.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b));
        if is_name {
            return Some(Self { at: None, rev: None, nar_hash: None });
        }
        let (path, query) = flakeref.strip_prefix("github:")?.split_once('?').unwrap_or((&flakeref[7..], ""));
        let (owner, rest) = path.split_once('/')?;
        let (repo, reference) = rest.split_once('/').map_or((rest, None), |(repo, it)| (repo, Some(it)));
        let plain = |text: &str| {
            !text.is_empty()
                && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._/-".contains(&b))
                && text.split('/').all(|part| !part.is_empty() && !part.starts_with(['.', '-']))
        };
        if !reference.is_none_or(plain) {
            return None;
        }
        let mut nar_hash = None;
        for field in query.split('&').filter(|field| !field.is_empty()) {
            match field.split_once('=')? {
                ("narHash", hash) => {
                    let hash = hash.replace("%2B", "+").replace("%2F", "/").replace("%3D", "=");
                    nar_hash = Some(NarHash::parse(&hash).ok()?);
                }
                ("lastModified", number) => drop(number.parse::<u64>().ok()?),
                _ => return None,
            }
        }
        Some(Self {
            at: Some((GithubName::parse(owner).ok()?, GithubName::parse(repo).ok()?)),
            rev: reference.and_then(|text| Rev::parse(text).ok()),
            nar_hash,
        })
    }

    /// Returns whether the flakeref says the revision.
    pub fn is_locked(&self) -> bool {
        self.rev.is_some()
    }

    /// Returns whether the flakeref may stand for this source: the same repository, and the revision where it names one.
    pub fn is(&self, source: &Source) -> bool {
        let same = |a: &GithubName, b: &GithubName| a.as_str().eq_ignore_ascii_case(b.as_str());
        self.at.as_ref().is_none_or(|(owner, repo)| same(owner, &source.owner) && same(repo, &source.repo))
            && self.rev.as_ref().is_none_or(|rev| *rev == source.rev)
            && self.nar_hash.as_ref().is_none_or(|hash| *hash == source.nar_hash)
    }
}

impl Source {
    /// Returns the flakeref that names the revision, as an input's URL.
    pub fn url(&self) -> String {
        format!("github:{}/{}/{}", self.owner, self.repo, self.rev)
    }

    /// Returns whether it is nixpkgs itself, which is no further input.
    pub fn is_nixpkgs(&self) -> bool {
        self.owner.as_str().eq_ignore_ascii_case("nixos") && self.repo.as_str().eq_ignore_ascii_case("nixpkgs")
    }

    /// Reads what `nix flake metadata --json` says.
    fn of_metadata(metadata: &Value) -> Result<Self, NoInput> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Locked {
            owner: GithubName,
            repo: GithubName,
            rev: Rev,
            last_modified: u64,
            nar_hash: NarHash,
        }
        let locked = metadata.get("locked").ok_or(NoInput::Unknown)?;
        if locked.get("type").and_then(Value::as_str) != Some("github")
            || ["dir", "host"].iter().any(|field| locked.get(field).is_some())
        {
            return Err(NoInput::NotGithub);
        }
        let Locked { owner, repo, rev, last_modified, nar_hash } =
            Locked::deserialize(locked).map_err(|_malformed| NoInput::Unknown)?;
        let nixpkgs = only_nixpkgs(metadata.get("locks").ok_or(NoInput::Unknown)?)?;
        Ok(Self { owner, repo, rev, last_modified, nar_hash, nixpkgs })
    }
}

/// Returns whether the flake of a lock has the input nixpkgs; an error when it has any other, or that one has inputs.
fn only_nixpkgs(locks: &Value) -> Result<bool, NoInput> {
    let node = |name: &str| locks.get("nodes").and_then(|nodes| nodes.get(name));
    let root = locks.get("root").and_then(Value::as_str).and_then(node).ok_or(NoInput::Unknown)?;
    let inputs = match root.get("inputs").map(Value::as_object) {
        None => return Ok(false),
        Some(inputs) => inputs.ok_or(NoInput::Unknown)?,
    };
    match inputs.iter().map(|(name, to)| (name.as_str(), to)).collect::<Vec<_>>().as_slice() {
        [] => Ok(false),
        [("nixpkgs", to)] => {
            let node = to.as_str().and_then(node).ok_or(NoInput::Inputs)?;
            let has_inputs = node.get("inputs").and_then(Value::as_object).is_some_and(|inputs| !inputs.is_empty());
            let is_flake = node.get("flake") != Some(&Value::Bool(false));
            let locked = node.get("locked").and_then(Pin::of_locked);
            if is_flake && !has_inputs && locked.is_some() { Ok(true) } else { Err(NoInput::Inputs) }
        }
        _ => Err(NoInput::Inputs),
    }
}

/// Whether Nix may look something up in the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// It takes what it knows already.
    Offline,
    /// It may.
    Network,
}

impl Reach {
    fn options(self) -> &'static [&'static str] {
        match self {
            Self::Offline => &["--offline"],
            Self::Network => &[],
        }
    }
}

impl Nix {
    /// Returns what a flakeref of GitHub, or a registry's name for one, stands for on this machine, as far as Nix knows it.
    pub fn source(&self, flakeref: &str, reach: Reach) -> Result<Source, NoInput> {
        let github = Github::parse(flakeref).ok_or(NoInput::NotGithub)?;
        let mut command = self.command(&["flake", "metadata", "--json", "--no-write-lock-file"]);
        command.args(reach.options()).arg(flakeref);
        let output = self.output(command).ok().filter(|output| output.status.success()).ok_or(NoInput::Unknown)?;
        let metadata: Value = serde_json::from_slice(&output.stdout).map_err(|_malformed| NoInput::Unknown)?;
        let source = Source::of_metadata(&metadata)?;
        match (source.is_nixpkgs(), github.is(&source)) {
            (true, _) => Err(NoInput::Nixpkgs),
            (false, false) => Err(NoInput::Unknown),
            (false, true) => Ok(source),
        }
    }

    /// Returns the store paths of those of a flake's packages that have one of these names and evaluate; of its shells
    /// (`devShells.NAME`) those of the packages that they bring.
    pub fn packages(
        &self,
        flakeref: &str,
        system: &System,
        attrs: &BTreeSet<AttrPath>,
        reach: Reach,
    ) -> BTreeMap<String, BTreeSet<String>> {
        let one = |attr: &AttrPath| {
            let (set, name, function) = match attr.shell() {
                Some(name) => (SHELLS, name, format!("shell: builtins.concatMap ({PATHS}) ({INPUTS} shell)")),
                None => ("packages", attr.as_str(), PATHS.to_owned()),
            };
            let mut command = self.command(&["eval", "--json", "--no-write-lock-file"]);
            command.args(reach.options()).arg("--apply").arg(function);
            command.arg(format!("{flakeref}#{set}.{system}.{}", nix_name(name)));
            let output = self.output(command).ok().filter(|output| output.status.success())?;
            Some((attr.as_str().to_owned(), serde_json::from_slice(&output.stdout).ok()?))
        };
        let known = Github::parse(flakeref).is_some();
        attrs.iter().filter(|_| known).filter_map(one).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const REV: &str = "0123456789012345678901234567890123456789";
    const HASH: &str = "sha256-lDebytrYdd47IBLwvNOD+6AGeoqZ78CIKlp70hzW280=";

    #[test]
    fn flakerefs() {
        let escaped = HASH.replace('+', "%2B").replace('=', "%3D");
        for good in [
            "github:a/b",
            "github:a/b.nix/main",
            "github:a/b/feature/x",
            "treefmt",
            &format!("github:a/b/{REV}"),
            &format!("github:a/b/{REV}?lastModified=1&narHash={escaped}"),
        ] {
            assert!(Github::parse(good).is_some(), "{good}");
        }
        for bad in [
            "",
            "a/b",
            "-x",
            "a.b",
            "github:",
            "github:a",
            "github:a/",
            "github:/b",
            "github:a/b/",
            "github:a/../x",
            "github:-a/b",
            "github:a/b/-x",
            "github:a/b?dir=x",
            "github:a/b?host=evil.example",
            "github:a/b?narHash=x",
            "github:a/b\"; x",
            "github:a/${b}",
            "github:a/b\n",
            "github:a b/c",
            "GITHUB:a/b",
            "git+https://github.com/a/b",
            "path:/a/b",
        ] {
            assert_eq!(Github::parse(bad), None, "{bad}");
        }
    }

    fn metadata(locks: &Value) -> Value {
        let locked =
            json!({"type": "github", "owner": "a", "repo": "b", "rev": REV, "lastModified": 7, "narHash": HASH});
        json!({"locked": locked, "locks": locks})
    }

    #[test]
    fn what_nix_says_of_a_flake() {
        let nixpkgs = json!({"locked": {"type": "github", "owner": "NixOS", "repo": "nixpkgs", "rev": REV, "lastModified": 1, "narHash": HASH}});
        let lock = |inputs: Value, more: Value| json!({"root": "root", "nodes": {"root": {"inputs": inputs}, "nixpkgs": more}});
        let nixpkgs_of = |locks| Source::of_metadata(&metadata(&locks)).map(|source| source.nixpkgs);
        assert_eq!(nixpkgs_of(json!({"root": "root", "nodes": {"root": {}}})), Ok(false));
        assert_eq!(nixpkgs_of(lock(json!({"nixpkgs": "nixpkgs"}), nixpkgs.clone())), Ok(true));
        for (inputs, node) in [
            (json!({"utils": "nixpkgs"}), nixpkgs.clone()),
            (json!({"nixpkgs": "nixpkgs", "utils": "utils"}), nixpkgs.clone()),
            (json!({"nixpkgs": ["x", "nixpkgs"]}), nixpkgs.clone()),
            (json!({"nixpkgs": "nixpkgs"}), json!({"locked": {"type": "github", "owner": "evil", "repo": "nixpkgs"}})),
        ] {
            assert_eq!(nixpkgs_of(lock(inputs, node)), Err(NoInput::Inputs));
        }
        let mut other = metadata(&json!({"root": "root", "nodes": {"root": {}}}));
        other["locked"]["dir"] = "x".into();
        assert_eq!(Source::of_metadata(&other), Err(NoInput::NotGithub));
        other["locked"] = json!({"type": "path", "path": "/x"});
        assert_eq!(Source::of_metadata(&other), Err(NoInput::NotGithub));
    }

    #[test]
    fn a_flakeref_stands_for_its_own_repository_only() {
        let source = Source::of_metadata(&metadata(&json!({"root": "root", "nodes": {"root": {}}}))).expect("a source");
        let is = |text: &str| Github::parse(text).expect(text).is(&source);
        assert!(is("github:A/b") && is("github:a/b/main") && is(&format!("github:a/b/{REV}")));
        assert!(!is("github:a/c") && !is("github:c/b"));
        assert!(!is(&format!("github:a/b/{}", REV.replace('0', "1"))));
        assert!(!is(&format!("github:a/b?narHash={}", HASH.replace("lDeb", "aaaa"))));
    }
}
