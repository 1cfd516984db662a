//! The static level: what can be known of captured files without Nix, from the files alone.
//!
//! Nothing here evaluates or runs anything; what a pull request brings is read as bytes, parsed strictly, and compared with
//! what this program derives from the journals and renders. When it holds, the flake that Nix will see is our own render:
//! attrs of the index, a pin, systems of a list, and check commands behind one escaper.

use std::collections::BTreeMap;

use super::{Finding, finding::Code};
use crate::flake::Flake;
use crate::index::Index;
use crate::index::pins::{Standing, standing};
use crate::journal::Journal;
use crate::nix::Pin;
use crate::policy::Policy;
use crate::requirements::{Document, FORMAT};

mod evidence;
mod files;
mod inputs;
mod lines;
mod lock;

pub use files::{is_ours, limit};
pub use lines::Lines;

/// The folder of our files in a repository.
pub const FOLDER: &str = ".agent-capture";

/// The folder of the flake in a repository that has a hand-written one.
pub const ASIDE: &str = ".agent-capture/flake";

/// What GitHub and git need to know of our files.
pub const ATTRIBUTES: &str = "journal.json -text linguist-generated\nrequirements.json -text linguist-generated\n";

/// The file by which direnv enters the shell; written only when the policy asks for it.
pub const ENVRC: &str = ".envrc";

/// Returns what is in an [`ENVRC`] of ours, for a flake at the root or in [`ASIDE`].
pub fn envrc(folder: &str) -> String {
    let flake = if folder.is_empty() { String::new() } else { format!(" ./{folder}") };
    format!("# Written by agent-capture: direnv enters the shell of the captured flake.\nuse flake{flake}\n")
}

/// Returns whether these are the bytes of an [`ENVRC`] of ours.
pub fn is_envrc(bytes: &[u8]) -> bool {
    ["", ASIDE].iter().any(|folder| envrc(folder).as_bytes() == bytes)
}

/// What is at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A file with this content.
    File(Vec<u8>),
    /// A file of this many bytes, which are more than are read, or of which none are wanted.
    Unread(u64),
    /// A symlink, a submodule, or what else is no file; in words.
    Other(&'static str),
}

/// What a tree holds of ours: everything below [`FOLDER`], and the flake and its lock.
#[derive(Clone, Debug, Default)]
pub struct Files {
    /// Paths from the root of the repository.
    pub found: BTreeMap<String, Found>,
    /// Those of them that are in no commit; what is odd about these is no error.
    pub uncommitted: std::collections::BTreeSet<String>,
}

impl Files {
    /// Returns the content of a file; none when there is no such file.
    pub fn bytes(&self, path: &str) -> Option<&[u8]> {
        match self.found.get(path)? {
            Found::File(bytes) => Some(bytes),
            Found::Unread(_) | Found::Other(_) => None,
        }
    }
}

/// What loosens a verification, as the base of a pull request has it.
#[derive(Clone, Debug, Default)]
pub struct Base {
    /// The bytes of its policy.
    pub policy: Option<Vec<u8>>,
    /// The pin of its requirements.
    pub pin: Option<Pin>,
}

/// How files are judged.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    /// The index.
    pub index: &'a Index,
    /// The base revision, when the user names one.
    pub base: Option<&'a Base>,
    /// Whether the files come from elsewhere: what is doubtful is an error then.
    pub untrusted: bool,
}

/// What the static level found.
#[derive(Debug)]
pub struct Judged {
    /// The findings, errors first.
    pub findings: Vec<Finding>,
    /// What is required, when it could be read.
    pub document: Option<Document>,
    /// The journals that could be read.
    pub journals: Vec<Journal>,
    /// Where the flake is: empty, or [`ASIDE`].
    pub folder: &'static str,
    /// Places in the flake.
    pub lines: Lines,
}

impl Judged {
    /// Returns whether the level holds: only then may anything be evaluated.
    pub fn holds(&self) -> bool {
        self.document.is_some() && !self.findings.iter().any(Finding::is_error)
    }
}

/// Judges files.
pub fn judge(files: &Files, rules: &Rules) -> Judged {
    let folder = if files.found.contains_key(&format!("{ASIDE}/flake.nix")) { ASIDE } else { "" };
    let mut findings = files::names(files);
    let (journals, more) = files::journals(files);
    findings.extend(more);
    let (policy, more) = policy(files, rules);
    findings.extend(more);
    let (document, more) = files::document(files);
    findings.extend(more);
    let mut lines = Lines::default();
    if let Some(document) = &document {
        let flake = place(folder, "flake.nix");
        let wanted = Flake::of(document).render();
        lines = Lines::of(&flake, wanted.as_deref().unwrap_or_default());
        findings.extend(rendered(files, document, folder, &wanted));
        findings.extend(entered(files, document, folder));
        findings.extend(pin(document, &policy, rules, &lines));
        findings.extend(inputs::foreign(document, rules.untrusted, &lines));
        if let Some(policy) = &policy {
            findings.extend(evidence::judge(document, &journals, policy, rules.index, &lines));
        }
    }
    findings.sort_by_key(|finding| finding.severity);
    Judged { findings, document, journals, folder, lines }
}

/// Returns the path of a file of the flake.
pub fn place(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// Reads the policy that counts: that of the base when there is one. None when it cannot be read.
fn policy(files: &Files, rules: &Rules) -> (Option<Policy>, Vec<Finding>) {
    let path = format!("{FOLDER}/policy.toml");
    let ours = files.bytes(&path);
    let mut findings = Vec::new();
    let counts = rules.base.map_or(ours, |base| base.policy.as_deref());
    if rules.base.is_some_and(|base| base.policy.as_deref() != ours) {
        let what = match (counts, ours) {
            (None, _) => "the policy is new: the base revision has none, and none counts",
            (_, None) => "the policy is gone: that of the base revision counts",
            _ => "the policy is changed: that of the base revision counts",
        };
        let help = "change the policy in a commit of its own and have that reviewed first";
        findings.push(Finding::warning(Code::PolicyChanged, what).at(&path, None).help(help));
    }
    let text = counts.map(|bytes| std::str::from_utf8(bytes).map_err(|_invalid| "it is not UTF-8".to_owned()));
    let parsed = match text.transpose() {
        Ok(text) => text.map_or(Ok(Policy::default()), |text| Policy::parse(text).map_err(|error| error.to_string())),
        Err(error) => Err(error),
    };
    let policy = match parsed {
        Ok(policy) => policy,
        Err(error) => {
            findings.push(
                Finding::error(Code::PolicyMalformed, format!("the policy cannot be read: {error}")).at(path, None),
            );
            return (None, findings);
        }
    };
    for attr in policy.attrs().into_iter().filter(|attr| rules.index.attr(attr).is_none()) {
        let finding = Finding::error(Code::AttrUnknown, format!("the policy names `{attr}`, which the index lacks"));
        findings.push(evidence::near(finding, rules.index, attr).at(&path, None));
    }
    (Some(policy), findings)
}

/// Compares the flake and its lock with what the document renders to.
fn rendered(files: &Files, document: &Document, folder: &str, wanted: &anyhow::Result<String>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let (path, lock) = (place(folder, "flake.nix"), place(folder, "flake.lock"));
    let wanted = match wanted {
        Ok(text) => text,
        Err(error) => return vec![Finding::error(Code::FlakeDiffers, error.to_string()).at(path, None)],
    };
    match files.bytes(&path) {
        Some(found) if found == wanted.as_bytes() => {}
        Some(found) => findings.push(lines::difference(&path, found, wanted)),
        None => findings.push(missing(Code::FlakeDiffers, &path)),
    }
    match files.bytes(&lock) {
        Some(found) => findings.extend(lock::judge(&lock, found, document, &Flake::of(document).lock())),
        None => findings.push(missing(Code::LockDiffers, &lock)),
    }
    if document.format < FORMAT {
        let what = format!("it is of render format {}; this program writes {FORMAT}", document.format);
        findings.push(Finding::note(Code::Drift, what).at(path, None));
    }
    findings
}

/// Says when direnv does something else than enter the shell. Its file may be the user's own.
fn entered(files: &Files, document: &Document, folder: &str) -> Option<Finding> {
    let is_ours = files.bytes(ENVRC) == Some(envrc(folder).as_bytes());
    let what = "it is not the one that agent-capture writes; direnv runs what it says";
    (document.requirements.outputs.envrc && !is_ours)
        .then(|| Finding::warning(Code::EnvrcDiffers, what).at(ENVRC, None).help("`use flake` in it enters the shell"))
}

fn missing(code: Code, path: &str) -> Finding {
    Finding::error(code, format!("there is no `{path}`")).at(path, None).help("`agent-capture render` writes it")
}

/// Says what is known of the pin.
fn pin(document: &Document, policy: &Option<Policy>, rules: &Rules, lines: &Lines) -> Vec<Finding> {
    let pin = &document.pin;
    let rev = &pin.rev;
    let doubtful = |code, message: String| match rules.untrusted {
        true => Finding::error(code, message),
        false => Finding::warning(code, message),
    };
    let choice = policy.as_ref().and_then(|policy| policy.pin(pin));
    let finding = match (choice, standing(pin)) {
        (Some(choice), _) if !choice.allow => {
            Finding::error(Code::PinDenied, format!("the policy denies nixpkgs {rev}: {}", choice.reason))
        }
        (_, Standing::Denied(why)) => Finding::error(Code::PinDenied, format!("nixpkgs {rev} is denied: {why}")),
        (_, Standing::Known(_)) => return Vec::new(),
        (Some(choice), Standing::Unknown) if choice.allow => return Vec::new(),
        (Some(choice), Standing::Differs(_)) if choice.nar_hash.is_some() => return Vec::new(),
        (_, Standing::Differs(channel)) => {
            let what = format!("nixpkgs {rev} was {channel}, but hash or date are not of that revision");
            doubtful(Code::PinHashDiffers, what).help(
                "`nix flake metadata github:NixOS/nixpkgs/REV` says them; a [[pin]] with nar-hash in the policy allows these",
            )
        }
        (_, Standing::Unknown) if rules.base.is_some_and(|base| base.pin.as_ref() == Some(pin)) => Finding::note(
            Code::PinUnknown,
            format!("no channel is known to have had nixpkgs {rev}; the base has it, too"),
        ),
        (_, Standing::Unknown) => {
            let what = format!("no channel is known to have had nixpkgs {rev}: it may be a fork's");
            doubtful(Code::PinUnknown, what).help(format!(
                "`gh api repos/NixOS/nixpkgs/compare/nixos-unstable...{rev} --jq .status` says `behind` or `identical` when \
                 the channel has it; then allow it under [[pin]] in the policy"
            ))
        }
    };
    vec![finding.at(&lines.path, lines.pin())]
}
