//! The user's choices: `.agent-capture/policy.toml`.
//!
//! ```toml
//! systems = ["aarch64-darwin"]
//! unfree = ["terraform"]
//! traced-only = true
//!
//! [outputs]
//! image = true
//! vm = true
//! envrc = true
//!
//! [[keep]]
//! attr = "shellcheck"
//! reason = "the pre-commit hook needs it"
//!
//! [[drop]]
//! attr = "firefox"
//! reason = "only for the screenshots of one session"
//!
//! [[replace]]
//! attr = "python3"
//! with = "python312"
//! reason = "what we deploy on"
//!
//! [[input]]
//! drop = "treefmt"
//! reason = "our CI formats"
//!
//! [[check]]
//! add = "make lint"
//!
//! [[check]]
//! drop = "make-integration"
//!
//! [[pin]]
//! rev = "8eeec934ae0dbeca3d7868c059568a65c08b2fc3"
//! allow = true
//! reason = "the channel had it on 14 July 2026"
//! ```

use std::collections::BTreeSet;
use std::ops::Range;

use anyhow::bail;
use serde::Deserialize;
use toml::Spanned;

use crate::nix::{AttrPath, InputName, NarHash, Pin, Rev, System};

/// The most characters that a reason may have.
const REASON: usize = 200;

/// The most bytes that a check's line may have.
const LINE: usize = 4096;

/// All choices.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Policy {
    /// Packages that are wanted whatever ran.
    pub keep: Vec<Choice>,
    /// Packages that are not wanted whatever ran.
    pub drop: Vec<Choice>,
    /// Packages in whose place another is wanted.
    pub replace: Vec<Replacement>,
    /// Other flakes that are not wanted whatever ran.
    pub input: Vec<DroppedInput>,
    /// Checks to add and to drop.
    pub check: Vec<CheckChoice>,
    /// Systems besides those that sessions ran on.
    pub systems: BTreeSet<System>,
    /// Unfree packages that are allowed.
    pub unfree: BTreeSet<AttrPath>,
    /// Revisions of nixpkgs that may or may not be used.
    pub pin: Vec<PinChoice>,
    /// Whether what only a hook or a transcript claims does not count.
    pub traced_only: bool,
    /// What is made of the packages besides shell and checks.
    pub outputs: OutputChoice,
}

/// What is made of the packages besides shell and checks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OutputChoice {
    /// A container image of them.
    pub image: bool,
    /// A virtual machine with them.
    pub vm: bool,
    /// An `.envrc`, with which direnv enters the shell.
    pub envrc: bool,
}

/// A package, and why.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    attr: Spanned<AttrPath>,
    reason: Spanned<String>,
}

impl Choice {
    /// Returns the package.
    pub fn attr(&self) -> &AttrPath {
        self.attr.get_ref()
    }

    /// Returns why: one line.
    pub fn reason(&self) -> &str {
        self.reason.get_ref()
    }
}

/// A package that stands in the place of another.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replacement {
    attr: Spanned<AttrPath>,
    with: Spanned<AttrPath>,
    reason: Spanned<String>,
}

impl Replacement {
    /// Returns the package that is not wanted.
    pub fn attr(&self) -> &AttrPath {
        self.attr.get_ref()
    }

    /// Returns the package that is wanted in its place.
    pub fn with(&self) -> &AttrPath {
        self.with.get_ref()
    }

    /// Returns why: one line.
    pub fn reason(&self) -> &str {
        self.reason.get_ref()
    }
}

/// Another flake that is not wanted.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DroppedInput {
    /// Its name among the flake's inputs.
    pub drop: InputName,
    reason: Spanned<String>,
}

/// A check to add or to drop.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum CheckChoice {
    /// A command line to check.
    Add(AddedCheck),
    /// A check to leave out.
    Drop(DroppedCheck),
}

/// A command line to check.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddedCheck {
    /// The line: printable ASCII.
    pub add: String,
    /// The folder below the repository's root in which it runs; empty for the root.
    #[serde(default)]
    pub folder: String,
    /// Why, for the next reader.
    #[serde(default)]
    pub reason: String,
}

/// A check to leave out.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DroppedCheck {
    /// Its name or its line.
    pub drop: String,
    /// Why, for the next reader.
    #[serde(default)]
    pub reason: String,
}

/// A revision of nixpkgs that may or may not be used.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PinChoice {
    /// The revision.
    pub rev: Rev,
    /// Its hash, when only this one is meant.
    #[serde(default)]
    pub nar_hash: Option<NarHash>,
    /// Whether it may be used.
    pub allow: bool,
    /// Why, for the next reader.
    #[serde(default)]
    pub reason: String,
}

impl Policy {
    /// Returns the choice that is about a pin; one that denies wins.
    pub fn pin(&self, pin: &Pin) -> Option<&PinChoice> {
        let about = |choice: &&PinChoice| {
            choice.rev == pin.rev && choice.nar_hash.as_ref().is_none_or(|hash| *hash == pin.nar_hash)
        };
        self.pin.iter().filter(about).min_by_key(|choice| (choice.allow, choice.nar_hash.is_none()))
    }

    /// Reads the file. An error names the line and says what to write there.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let policy: Self = match toml::from_str(text) {
            Ok(policy) => policy,
            Err(error) => {
                let message = error.message();
                let message = if message.contains("untagged enum CheckChoice") {
                    "a [[check]] has either `add` (and `folder`), or `drop`"
                } else {
                    message
                };
                bail!("line {}: {}", line(text, &error.span().unwrap_or_default()), printable(message))
            }
        };
        policy.judge().map_err(|(span, why)| anyhow::anyhow!("line {}: {}", line(text, &span), printable(&why)))?;
        Ok(policy)
    }

    /// Returns whether a check of this name or with this line is dropped.
    pub fn drops_check(&self, name: &str, line: &str) -> bool {
        self.check
            .iter()
            .any(|choice| matches!(choice, CheckChoice::Drop(check) if check.drop == name || check.drop == line))
    }

    /// Returns the checks to add.
    pub fn added_checks(&self) -> impl Iterator<Item = &AddedCheck> {
        self.check.iter().filter_map(|choice| match choice {
            CheckChoice::Add(check) => Some(check),
            CheckChoice::Drop(_) => None,
        })
    }

    /// Returns every package that the policy names.
    pub fn attrs(&self) -> BTreeSet<&AttrPath> {
        let choices = self.keep.iter().chain(&self.drop).map(Choice::attr);
        let replaced = self.replace.iter().flat_map(|choice| [choice.attr(), choice.with()]);
        choices.chain(replaced).chain(&self.unfree).collect()
    }

    /// Says where choices contradict each other or cannot be written into a flake.
    fn judge(&self) -> Result<(), (Range<usize>, String)> {
        let kept: BTreeSet<_> = self.keep.iter().map(Choice::attr).collect();
        let mut gone = BTreeSet::new();
        let removed = self.drop.iter().map(|choice| &choice.attr).chain(self.replace.iter().map(|choice| &choice.attr));
        for attr in removed {
            let name = attr.get_ref();
            if kept.contains(name) {
                return Err((attr.span(), format!("`{name}` is also kept: take one of the two out")));
            }
            if !gone.insert(name) {
                return Err((attr.span(), format!("`{name}` is dropped or replaced twice: take one out")));
            }
        }
        if let Some(with) = self.replace.iter().map(|choice| &choice.with).find(|with| gone.contains(with.get_ref())) {
            let why = format!(
                "`{}` is itself dropped or replaced: name the package that is wanted in the end",
                with.get_ref()
            );
            return Err((with.span(), why));
        }
        let reasons = self.keep.iter().chain(&self.drop).map(|choice| &choice.reason);
        let reasons = reasons.chain(self.input.iter().map(|choice| &choice.reason));
        for reason in reasons.chain(self.replace.iter().map(|choice| &choice.reason)) {
            let text = reason.get_ref();
            if text.trim().is_empty() || text.chars().count() > REASON || text.chars().any(char::is_control) {
                return Err((reason.span(), format!("a reason is one line of 1 to {REASON} characters")));
            }
        }
        self.judge_checks()
    }

    fn judge_checks(&self) -> Result<(), (Range<usize>, String)> {
        let is_line = |text: &str| text.len() <= LINE && text.bytes().all(|b| (0x20..=0x7e).contains(&b));
        for check in self.added_checks() {
            if check.add.trim().is_empty() || !is_line(&check.add) {
                return Err((0..0, format!("a check to add is one line of 1 to {LINE} printable ASCII characters")));
            }
            let inside = |part: &str| part != ".." && !part.starts_with('~');
            if !is_line(&check.folder) || check.folder.starts_with('/') || !check.folder.split('/').all(inside) {
                return Err((
                    0..0,
                    "the folder of a check is below the repository's root: write it relative to that".to_owned(),
                ));
            }
        }
        Ok(())
    }
}

/// Returns the number of the line in which a place of the text is.
fn line(text: &str, span: &Range<usize>) -> usize {
    text.as_bytes().iter().take(span.start).filter(|b| **b == b'\n').count() + 1
}

/// Returns a message on one line; what a terminal would not print is escaped.
fn printable(message: &str) -> String {
    message
        .trim()
        .chars()
        .flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] })
        .take(400)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        Policy::parse(text).expect_err(text).to_string()
    }

    #[test]
    fn all_choices() {
        let text = "systems = [\"aarch64-darwin\"]\nunfree = [\"terraform\"]\ntraced-only = true\n\
            [[keep]]\nattr = \"shellcheck\"\nreason = \"hook\"\n[[drop]]\nattr = \"firefox\"\nreason = \"no\"\n\
            [[replace]]\nattr = \"python3\"\nwith = \"python312\"\nreason = \"deployed\"\n\
            [[check]]\nadd = \"make lint\"\nfolder = \"sub\"\n[[check]]\ndrop = \"make-test\"\n[outputs]\nvm = true\n";
        let policy = Policy::parse(text).expect("a policy");
        assert!(policy.traced_only && policy.drops_check("make-test", "") && !policy.drops_check("x", "make lint"));
        assert_eq!(policy.outputs, OutputChoice { vm: true, ..OutputChoice::default() });
        assert_eq!(policy.keep[0].reason(), "hook");
        assert_eq!(policy.added_checks().map(|check| check.add.as_str()).collect::<Vec<_>>(), ["make lint"]);
        let attrs: Vec<&str> = policy.attrs().into_iter().map(AttrPath::as_str).collect();
        assert_eq!(attrs, ["firefox", "python3", "python312", "shellcheck", "terraform"]);
        assert_eq!(Policy::parse("").expect("nothing is a policy"), Policy::default());
    }

    #[test]
    fn an_error_names_the_line_and_the_cure() {
        for (text, line, words) in [
            ("[[keep]]\nattr = \"jq\"\n", 1, "missing field `reason`"),
            ("\n\n[[keep]]\natr = \"jq\"\nreason = \"x\"\n", 4, "unknown field `atr`, expected `attr` or `reason`"),
            ("traced_only = true\n", 1, "expected one of"),
            ("[[keep]]\nattr = \"a b\"\nreason = \"x\"\n", 2, "is not an attribute path"),
            ("systems = [\"i686-linux\"]\n", 1, "x86_64-linux, aarch64-linux"),
            ("[[keep]]\nattr = \"jq\"\nreason = \"\"\n", 3, "a reason is one line"),
            ("[[keep]]\nattr = \"jq\"\nreason = \"a\\nb\"\n", 3, "a reason is one line"),
            ("[[input]]\ndrop = \"tool\"\nreason = \"\"\n", 3, "a reason is one line"),
            ("[[input]]\ndrop = \"nixpkgs\"\nreason = \"x\"\n", 2, "is not a name of an input"),
            ("[[check]]\nadd = \"a\"\ndrop = \"b\"\n", 1, "either `add`"),
            ("[[check]]\nadd = \"é\"\n", 1, "printable ASCII"),
            ("[[check]]\nadd = \"a\"\nfolder = \"../x\"\n", 1, "below the repository's root"),
            ("[outputs]\nimages = true\n", 2, "unknown field `images`, expected one of `image`, `vm`, `envrc`"),
            ("= 1\n", 1, ""),
        ] {
            let error = error(text);
            assert!(error.starts_with(&format!("line {line}: ")) && error.contains(words), "{text:?}: {error}");
        }
    }

    #[test]
    fn pins() {
        let (rev, hash) =
            ("8eeec934ae0dbeca3d7868c059568a65c08b2fc3", "sha256-lDebytrYdd47IBLwvNOD+6AGeoqZ78CIKlp70hzW280=");
        let pin = Pin::parse(&format!("github:NixOS/nixpkgs/{rev}?lastModified=1&narHash={hash}")).expect("a pin");
        let allow = format!("[[pin]]\nrev = \"{rev}\"\nallow = true\n");
        let policy = |text: &str| Policy::parse(text).expect(text);
        assert!(policy(&allow).pin(&pin).is_some_and(|choice| choice.allow));
        let deny = format!("{allow}[[pin]]\nrev = \"{rev}\"\nallow = false\nreason = \"it is broken\"\n");
        assert!(policy(&deny).pin(&pin).is_some_and(|choice| !choice.allow), "what denies wins");
        let other = allow.replace("allow", &format!("nar-hash = \"{}\"\nallow", hash.replace("lDeb", "aaaa")));
        assert_eq!(policy(&other).pin(&pin), None);
        assert!(error("[[pin]]\nrev = \"main\"\nallow = true\n").contains("is not a revision"));
    }

    #[test]
    fn choices_that_contradict() {
        let keep = "[[keep]]\nattr = \"jq\"\nreason = \"x\"\n";
        let drop = "[[drop]]\nattr = \"jq\"\nreason = \"x\"\n";
        let replace = "[[replace]]\nattr = \"vim\"\nwith = \"jq\"\nreason = \"x\"\n";
        assert!(error(&format!("{keep}{drop}")).contains("line 5: `jq` is also kept"));
        assert!(error(&format!("{drop}{drop}")).contains("twice"));
        assert!(error(&format!("{drop}{replace}")).contains("`jq` is itself dropped"));
    }

    #[test]
    fn an_error_holds_no_escapes_of_the_file() {
        let error = error("\"\\u001b[31mx\\rz\" = 1\n");
        assert!(!error.chars().any(char::is_control), "{error:?}");
    }
}
