//! Nix: its words as types, and the only place that runs it.
//!
//! A value of one of these types is safe to write into a flake and to hand to `nix` as an argument.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

mod advisories;
mod build;
mod develop;
mod flakes;
mod log;
mod nar;
mod outputs;
mod run;
mod works;

pub use advisories::{Advisory, advisories};
pub use develop::Line;
pub use flakes::{Github, NoInput, Reach, SHELLS, Source};
pub use log::{Heard, drv_name, listen};
pub use outputs::{Asked, Check, Outputs};
pub use run::{Finished, Nix, Tree};

/// Text that is not what it should be: a value of the named kind.
#[derive(Debug, PartialEq, Eq)]
pub struct Malformed {
    what: &'static str,
    text: String,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: String = self.text.chars().take(80).flat_map(char::escape_default).collect();
        write!(f, "`{shown}` is not {}", self.what)
    }
}

impl std::error::Error for Malformed {}

/// Gives a newtype over `String` its door (`parse`), its exit (`as_str`, `Display`) and serde through the same door.
macro_rules! word {
    ($(#[$doc:meta])* $name:ident, $what:literal, $accepts:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            #[doc = concat!("Parses ", $what, "; anything else is an error.")]
            pub fn parse(text: &str) -> Result<Self, Malformed> {
                let accepts: fn(&str) -> bool = $accepts;
                match accepts(text) {
                    true => Ok(Self(text.to_owned())),
                    false => Err(Malformed { what: $what, text: text.to_owned() }),
                }
            }

            /// Returns the text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::parse(&Cow::<str>::deserialize(deserializer)?).map_err(serde::de::Error::custom)
            }
        }
    };
}

word!(
    /// An attribute path below the package set, `python3Packages.requests`: 1 to 6 names of ASCII letters, digits, `_`, `-`,
    /// `'` and `+`, each at most 128 bytes. Names that Nix cannot write bare are quoted by [`AttrPath::nix`].
    AttrPath,
    "an attribute path",
    |text| {
        let name = |name: &str| {
            (1..=128).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-'+".contains(&b))
        };
        text.split('.').count() <= 6 && text.split('.').all(name)
    }
);

impl AttrPath {
    /// Returns the names of the path.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.split('.')
    }

    /// Returns the path as Nix source: names that are keywords or no identifiers are quoted.
    pub fn nix(&self) -> String {
        self.names().map(nix_name).collect::<Vec<_>>().join(".")
    }

    /// Returns the name of a flake's shell: `default` of `devShells.default`.
    pub fn shell(&self) -> Option<&str> {
        self.within(SHELLS)
    }

    /// Returns the last name when all before it is `set`: `requests` of `python3Packages.requests`.
    pub fn within(&self, set: &str) -> Option<&str> {
        self.0.strip_prefix(set)?.strip_prefix('.').filter(|rest| !rest.contains('.'))
    }
}

/// Returns an attribute name as Nix source, quoted when it must be (Nix manual, "Identifiers"; `or` reads differently in
/// places, so it is quoted too). The name must be free of `"`, `\` and `$`, as the words of this module are.
pub fn nix_name(name: &str) -> String {
    const KEYWORDS: [&str; 10] = ["if", "then", "else", "assert", "with", "let", "in", "rec", "inherit", "or"];
    let bare = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-'".contains(&b))
        && !KEYWORDS.contains(&name);
    if bare { name.to_owned() } else { format!("\"{name}\"") }
}

word!(
    /// An owner or a repository of GitHub: 1 to 100 ASCII letters, digits and `._-`, first a letter, a digit or `_`.
    GithubName,
    "a name of GitHub",
    |text| {
        (1..=100).contains(&text.len())
            && !text.starts_with(['.', '-'])
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
    }
);

word!(
    /// The name of a flake's input besides nixpkgs: 2 to 64 lower-case letters, digits and `-`, first a letter; none that
    /// means something else in a flake of ours, where all other names have an upper-case letter.
    InputName,
    "a name of an input",
    |text| {
        const TAKEN: [&str; 30] = [
            "abort", "allowed", "assert", "builtins", "command", "commands", "else", "false", "fetched", "if", "import",
            "in", "inherit", "let", "map", "name", "nixpkgs", "null", "or", "pkg", "pkgs", "ps", "rec", "root", "self",
            "system", "systems", "then", "true", "with",
        ];
        (2..=64).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !TAKEN.contains(&text)
    }
);

word!(
    /// A package as one names it: an attribute path of nixpkgs, `ripgrep`, or a package of another flake,
    /// `github:OWNER/REPO#NAME`, or a shell of one, `github:OWNER/REPO#devShells.NAME`.
    Installable,
    "a package (`ripgrep`, `github:OWNER/REPO#NAME`)",
    |text| match text.strip_prefix("github:").and_then(|rest| rest.split_once('#')) {
        None => AttrPath::parse(text).is_ok(),
        Some((at, attr)) => {
            let is_name = |name: &str| GithubName::parse(name).is_ok();
            at.split_once('/').is_some_and(|(owner, repo)| is_name(owner) && is_name(repo))
                && AttrPath::parse(attr).is_ok()
        }
    }
);

impl Installable {
    /// Returns the name of a package of another flake.
    pub fn of(owner: &GithubName, repo: &GithubName, name: &AttrPath) -> Self {
        Self(format!("github:{owner}/{repo}#{name}"))
    }
}

impl From<AttrPath> for Installable {
    fn from(attr: AttrPath) -> Self {
        Self(attr.0)
    }
}

word!(
    /// A revision of a flake: 40 lower-case hexadecimal digits.
    Rev,
    "a revision (40 lower-case hexadecimal digits)",
    |text| text.len() == 40 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
);

word!(
    /// The SHA-256 of a tree's NAR in SRI form: `sha256-` and 44 characters of base64.
    NarHash,
    "a NAR hash (`sha256-…=`)",
    |text| {
        text.strip_prefix("sha256-").and_then(|rest| rest.strip_suffix('=')).is_some_and(|digits| {
            digits.len() == 43 && digits.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/".contains(&b))
        })
    }
);

impl NarHash {
    /// Returns the hash of nothing that there is (nixpkgs' `lib.fakeHash`): what is fetched by it tells its own.
    pub fn none() -> Self {
        Self(format!("sha256-{}=", "A".repeat(43)))
    }
}

word!(
    /// A system that Nix builds for, `x86_64-linux`.
    System,
    "a system (x86_64-linux, aarch64-linux, x86_64-darwin, aarch64-darwin)",
    |text| ["x86_64-linux", "aarch64-linux", "x86_64-darwin", "aarch64-darwin"].contains(&text)
);

impl System {
    /// Returns the system that this program was built for.
    pub fn current() -> Self {
        let os = if cfg!(target_os = "macos") { "darwin" } else { "linux" };
        Self(format!("{}-{os}", std::env::consts::ARCH))
    }

    /// Returns whether it is one of Linux.
    pub fn is_linux(&self) -> bool {
        self.0.ends_with("-linux")
    }
}

/// Where the package set is, to the byte.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Pin {
    /// Revision of `github:NixOS/nixpkgs`.
    pub rev: Rev,
    /// Seconds since 1970-01-01 UTC, as in flake.lock.
    pub last_modified: u64,
    /// Hash of the revision's tree.
    pub nar_hash: NarHash,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attribute_paths() {
        for good in ["jq", "python3Packages.requests", "nodePackages.a.b", "_7zz", "7zz", "gtk+3"] {
            assert!(AttrPath::parse(good).is_ok(), "{good}");
        }
        for bad in
            ["", "a..b", "a b", "a\r", "${x}", "a\"", "a;b", ".a", "a.", "ä", "a/b", &"x".repeat(129), "a.b.c.d.e.f.g"]
        {
            assert!(AttrPath::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(AttrPath::parse("nodePackages.7zz.or").expect("valid").nix(), "nodePackages.\"7zz\".\"or\"");
        assert_eq!(AttrPath::parse("python3Packages.x").expect("valid").within("python3Packages"), Some("x"));
        assert_eq!(AttrPath::parse("python3Packages.x.y").expect("valid").within("python3Packages"), None);
    }

    #[test]
    fn a_malformed_word_is_shown_without_its_escapes() {
        let error = AttrPath::parse("\u{1b}[31m\r::add-mask::x").expect_err("not an attribute path");
        assert_eq!(error.to_string(), r"`\u{1b}[31m\r::add-mask::x` is not an attribute path");
        assert!(serde_json::from_str::<Rev>("\"main\"").is_err());
    }
}
