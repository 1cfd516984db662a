//! What the sessions of a repository require, and why we think so.
//!
//! Every program of every journal is in exactly one of three places: evidence of a [`Requirement`], [`Ignored`] with a
//! reason, or [`Unrecognized`].

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};

use crate::event::Bytes;
use crate::journal::{Known, Ref, SessionId, malformed};
use crate::nix::{AttrPath, InputName, Installable, Pin, Source, System};

mod builds;
mod check;

pub use builds::Builds;
pub use check::{Check, Lock, LockKind, Step};

/// The version of `requirements.json` that this program writes.
pub const VERSION: u32 = 1;

/// The newest render format that this program knows.
pub const FORMAT: u32 = 1;

/// Why a program that ran brings nothing, when no run of it ended well.
pub const FAILED: &str = "no run of it ended well";

/// Why a verifying command is no check, when it passes only with uncommitted work.
pub const NEEDS_WORK: &str = "it needs uncommitted work";

/// The document `.agent-capture/requirements.json`: from it alone the flake is rendered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// [`VERSION`].
    pub version: u32,
    /// The render format of the flake.
    pub format: u32,
    /// Date of the index that chose the attrs, `2026-07-18`.
    pub index: String,
    /// The package set.
    pub pin: Pin,
    /// What is required.
    pub requirements: Requirements,
}

/// What all journals together require.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requirements {
    /// Systems that sessions ran on, and those the policy adds.
    pub systems: BTreeSet<System>,
    /// Where a compiler of the standard environment ran; without, the shell has none.
    pub compiler: BTreeSet<Evidence>,
    /// The packages, by attr.
    pub packages: Vec<Requirement>,
    /// Further inputs of the flake, by owner and repository.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<Input>,
    /// The checks, by name.
    pub checks: Vec<Check>,
    /// Commands that ended well and are no check, with the reason.
    pub unchecked: Vec<Unchecked>,
    /// Programs that bring no package, with the reason.
    pub ignored: Vec<Ignored>,
    /// Programs and invocations that no ecosystem knows.
    pub unrecognized: Vec<Unrecognized>,
    /// Packages that are needed and left out because nixpkgs refuses them, by attr.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<Refused>,
    /// Names of the unfree packages that the flake allows, as `lib.getName` gives them; empty unless one is in it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub unfree: BTreeSet<String>,
    /// What is made of the packages besides shell and checks, as the policy says.
    #[serde(default, skip_serializing_if = "Outputs::is_empty")]
    pub outputs: Outputs,
}

/// What is made of the packages besides shell and checks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outputs {
    /// A container image.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub image: bool,
    /// A machine for each session that ran on Linux, with its system; empty for none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub machines: BTreeMap<SessionId, System>,
    /// An `.envrc`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub envrc: bool,
}

impl Outputs {
    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Returns the names of the packages that the flake has for a system: `image`, `vm`.
    pub fn packages(&self, system: &System) -> BTreeSet<String> {
        let machine = self.machines.values().any(|of| of == system);
        let image = self.image && system.is_linux();
        [(image, "image"), (machine, "vm")].into_iter().filter(|(is, _)| *is).map(|(_, name)| name.to_owned()).collect()
    }
}

/// One package.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requirement {
    /// Its attribute path in nixpkgs.
    pub attr: AttrPath,
    /// Names of its programs that ran: the check `tools` finds each.
    pub programs: BTreeSet<ProgramName>,
    /// How many runs need it.
    pub runs: u64,
    /// Version that was seen on the host, when known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<String>,
    /// Traced when at least one evidence is.
    pub known: Known,
    /// Entries of journals that need it.
    pub evidence: BTreeSet<Evidence>,
    /// Set when the user's policy put it here or in the place of another, with the reason given there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// The package in whose place this one is: the version that was used, which nixpkgs lacks or refuses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead: Option<Instead>,
    /// Other packages that have such a program, best first, where only its name decided between them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alternatives: Vec<AttrPath>,
    /// Whether it is a library that the project is built against: it is in the shell's `buildInputs`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub library: bool,
    /// Set when what it is built with is needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub builds: Option<Builds>,
}

/// Another flake than nixpkgs, and its packages.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Its name in the flake.
    pub name: InputName,
    /// Where it is.
    pub source: Source,
    /// Its packages and shells that are needed, by name.
    pub packages: Vec<InputPackage>,
}

/// A package of another flake, or a shell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputPackage {
    /// Its name among the flake's packages; `devShells.NAME` is a shell.
    pub attr: AttrPath,
    /// Names of its programs that ran: the check `tools` finds each.
    pub programs: BTreeSet<ProgramName>,
    /// How many runs need it.
    pub runs: u64,
    /// Traced when at least one evidence is.
    pub known: Known,
    /// Entries of journals that need it.
    pub evidence: BTreeSet<Evidence>,
}

impl InputPackage {
    /// Returns the package as one names it: `github:numtide/treefmt#default`.
    pub fn installable(&self, input: &Input) -> Installable {
        Installable::of(&input.source.owner, &input.source.repo, &self.attr)
    }
}

/// A package in whose place another is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Instead {
    /// Its attribute path.
    pub of: AttrPath,
    /// Why it is not taken.
    pub why: Refusal,
}

/// A package that is needed and left out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refused {
    /// Its attribute path.
    pub attr: AttrPath,
    /// Why.
    pub why: Refusal,
    /// Entries of journals that need it.
    pub evidence: BTreeSet<Evidence>,
}

/// Why a package cannot be taken, at the index's date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// nixpkgs does not have it.
    Absent,
    /// Its licence is not free, and the policy does not allow it.
    Unfree,
    /// nixpkgs knows of its vulnerabilities.
    Insecure,
    /// It is marked as broken.
    Broken,
}

/// An entry of a journal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// The session.
    pub session: SessionId,
    /// The entry in its journal.
    pub entry: Ref,
}

/// A command that is no check.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unchecked {
    /// The command.
    pub evidence: Evidence,
    /// Why, in fixed words.
    pub reason: String,
}

/// A program that brings no package.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ignored {
    /// The program.
    pub evidence: Evidence,
    /// How many execs.
    pub runs: u64,
    /// Why, in fixed words.
    pub reason: String,
}

/// Something that no ecosystem knows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unrecognized {
    /// The program or invocation.
    pub evidence: Evidence,
    /// How many execs.
    pub runs: u64,
    /// The program's name, or what an invocation asks for.
    pub name: Bytes,
}

/// Gives a newtype over `String` that accepts only some texts, in serde too.
macro_rules! text {
    ($(#[$doc:meta])* $name:ident, $accepts:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Parses the text; none when it is not of this form.
            pub fn parse(text: &str) -> Option<Self> {
                let accepts: fn(&str) -> bool = $accepts;
                accepts(text).then(|| Self(text.to_owned()))
            }

            /// Returns the text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = &'static str;
            fn try_from(text: String) -> Result<Self, Self::Error> {
                Self::parse(&text).ok_or(concat!("not a ", stringify!($name)))
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.0
            }
        }
    };
}

text!(
    /// A program's name as `command -v` takes it: 1 to 128 ASCII letters, digits and `._+@[-`, first no `-`.
    ProgramName,
    |text| (1..=128).contains(&text.len())
        && !text.starts_with('-')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._+@[-".contains(&b))
);

text!(
    /// A check's name: 1 to 64 lower-case letters, digits and `-`, first a letter; neither `tools` nor `devshell`.
    CheckName,
    |text| (1..=64).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && text != "tools"
        && text != "devshell"
);

text!(
    /// Text from a session that may enter a flake as (part of) a check: printable ASCII, at most 4096 bytes.
    CheckLine,
    |text| text.len() <= 4096 && text.bytes().all(|b| (0x20..=0x7e).contains(&b))
);

impl Requirements {
    /// Returns whether a flake would have nothing in it.
    pub fn is_nothing(&self) -> bool {
        self.packages.is_empty() && self.inputs.is_empty() && self.checks.is_empty()
    }

    /// Returns the packages of other flakes.
    pub fn borrowed(&self) -> impl Iterator<Item = (&Input, &InputPackage)> {
        self.inputs.iter().flat_map(|input| input.packages.iter().map(move |package| (input, package)))
    }

    /// Returns all packages as one names them, with the evidence of each: those of nixpkgs, then those of other flakes.
    pub fn installables(&self) -> impl Iterator<Item = (Installable, &BTreeSet<Evidence>)> {
        let own = self.packages.iter().map(|package| (package.attr.clone().into(), &package.evidence));
        own.chain(self.borrowed().map(|(input, package)| (package.installable(input), &package.evidence)))
    }

    /// Returns the names of all captured programs: the check `tools` finds each, and is there when there are some.
    pub fn programs(&self) -> BTreeSet<&ProgramName> {
        let borrowed = self.borrowed().flat_map(|(_, package)| &package.programs);
        self.packages.iter().flat_map(|package| &package.programs).chain(borrowed).collect()
    }

    /// Makes checks of these names commands that are none, with the reason.
    pub fn leave_out(&mut self, names: &BTreeSet<String>, reason: &str) {
        let (out, kept) =
            std::mem::take(&mut self.checks).into_iter().partition(|check| names.contains(check.name.as_str()));
        self.checks = kept;
        let out: Vec<Check> = out;
        let evidence = out.into_iter().flat_map(|check| check.evidence);
        self.unchecked.extend(evidence.map(|evidence| Unchecked { evidence, reason: reason.to_owned() }));
        self.unchecked.sort_by(|a, b| a.evidence.cmp(&b.evidence));
    }
}

impl Document {
    /// Reads the document; what is not exactly of this form is an error, a newer format than [`FORMAT`] too.
    pub fn parse(bytes: &[u8]) -> anyhow::Result<Self> {
        /// The fields that every version has.
        #[derive(Deserialize)]
        struct Head {
            version: u32,
            format: u32,
        }
        let head: Head =
            serde_json::from_slice(bytes).map_err(|error| malformed("it is no requirements.json", &error))?;
        ensure!(
            (1..=VERSION).contains(&head.version) && (1..=FORMAT).contains(&head.format),
            "it is of version {}, render format {}; this program knows up to {VERSION} and {FORMAT}: upgrade agent-capture",
            head.version,
            head.format
        );
        serde_json::from_slice(bytes).map_err(|error| malformed("it is no requirements.json", &error))
    }

    /// Returns whether these bytes are a document that only a newer program can read.
    pub fn is_newer(bytes: &[u8]) -> bool {
        #[derive(Deserialize)]
        struct Head {
            version: u32,
            format: u32,
        }
        serde_json::from_slice::<Head>(bytes).is_ok_and(|head| head.version > VERSION || head.format > FORMAT)
    }

    /// Returns the bytes of the file: two spaces of indent, fields in a fixed order, LF at the end.
    pub fn to_bytes(&self) -> anyhow::Result<Vec<u8>> {
        let mut bytes = serde_json::to_vec_pretty(self).context("failed to write the requirements as JSON")?;
        bytes.push(b'\n');
        Ok(bytes)
    }
}
