//! What a verifier has to say: one finding, one sentence, one place.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// The answer is no.
    Error,
    /// A person should look.
    Warning,
    /// Worth knowing.
    Note,
}

/// Gives the codes their names, which never change, and a sentence each.
macro_rules! codes {
    ($($code:ident = $name:literal, $title:literal;)*) => {
        /// What kind of finding it is. The names are for programs and never change their meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Code {
            $(#[doc = $title] #[serde(rename = $name)] $code,)*
        }

        impl Code {
            /// All codes.
            pub const ALL: &'static [Self] = &[$(Self::$code),*];

            /// Returns the name, `flake-differs`.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$code => $name,)* }
            }

            /// Returns what it means, a sentence.
            pub fn title(self) -> &'static str {
                match self { $(Self::$code => $title,)* }
            }
        }
    };
}

codes! {
    AttrMissing = "attr-missing", "The package set has no such attribute at this pin.";
    AttrUnknown = "attr-unknown", "The index has no such attribute.";
    AttributesDiffer = "attributes-differ", "The .gitattributes file is not the one that agent-capture writes.";
    CheckFailed = "check-failed", "A check failed in the sandbox.";
    CheckMissing = "check-missing", "A command of the journals would be a check and is none.";
    CheckWithoutEvidence = "check-without-evidence", "No journal and no policy asks for a check.";
    ChecksDiffer = "checks-differ", "The flake has other checks than the requirements.";
    DocumentMalformed = "document-malformed", "The file requirements.json is not of its form.";
    Drift = "drift", "This program would choose otherwise for the same evidence.";
    EnvrcDiffers = "envrc-differs", "The file .envrc is not the one that agent-capture writes.";
    EvaluationFailed = "evaluation-failed", "Nix cannot evaluate the flake.";
    EvidenceDiffers = "evidence-differs", "The journals say something else of this evidence.";
    ExtraFile = "extra-file", "A file that agent-capture does not write is in its folder.";
    FlakeDiffers = "flake-differs", "The file flake.nix is not what requirements.json renders to.";
    ForeignFlake = "foreign-flake", "The flake brings code of another flake than nixpkgs.";
    InsecurePackage = "insecure-package", "Nixpkgs refuses a package that it marks as insecure.";
    JournalMalformed = "journal-malformed", "A journal is not of its form.";
    JournalMisplaced = "journal-misplaced", "A journal is not in the folder of its session.";
    LockDiffers = "lock-differs", "The file flake.lock is not written as agent-capture writes it.";
    LockPoisoned = "lock-poisoned", "The file flake.lock leads elsewhere than the pin.";
    NetworkWanted = "network-wanted", "A check wants the network, which the sandbox does not have.";
    NixVulnerable = "nix-vulnerable", "The sandbox of this version of Nix has a known hole.";
    NotAFile = "not-a-file", "A symlink, a submodule or a folder is where a file must be.";
    NotBuilt = "not-built", "A check was not built because something that it needs was not.";
    NotCanonical = "not-canonical", "A file is not written as agent-capture writes it.";
    OutputWithoutPolicy = "output-without-policy", "No policy asks for an image, a machine or an .envrc.";
    OutputsDiffer = "outputs-differ", "The flake has other outputs than the requirements.";
    PinDenied = "pin-denied", "The pin is one that is not to be used.";
    PinHashDiffers = "pin-hash-differs", "The pin's hash is not that of its revision.";
    PinUnknown = "pin-unknown", "The pin is not known to be of a channel of nixpkgs.";
    PolicyChanged = "policy-changed", "The policy is not the one of the base revision.";
    PolicyMalformed = "policy-malformed", "The policy is not of its form.";
    ProgramMissing = "program-missing", "A check runs a program that no package of the flake has.";
    ReplayDiffers = "replay-differs", "A command of a session ended otherwise than recorded.";
    RequirementMissing = "requirement-missing", "The journals need a package that is not required.";
    RequirementWithoutEvidence = "requirement-without-evidence", "No journal and no policy needs a package.";
    SandboxBroken = "sandbox-broken", "The sandbox of Nix does not work on this machine.";
    SystemRefused = "system-refused", "A package of the flake refuses another system of it.";
    SystemWithoutEvidence = "system-without-evidence", "No session ran on a system, and no policy adds it.";
    TooLarge = "too-large", "A file is larger than agent-capture writes it.";
    UnfreePackage = "unfree-package", "Nixpkgs refuses a package that is not free.";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One thing that was found. Its texts may repeat what sessions and pull requests say: escape them where they are shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What kind it is.
    pub code: Code,
    /// How much it weighs.
    pub severity: Severity,
    /// What it is, a clause without a period.
    pub message: String,
    /// The file, from the root of the repository, where one can be named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The line in it, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// What one can do, a clause without a period.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// The last lines of the log of what failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub log: Vec<String>,
}

impl Finding {
    /// Returns a finding that makes the answer no.
    pub fn error(code: Code, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Error, message)
    }

    /// Returns a finding that a person should look at.
    pub fn warning(code: Code, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Warning, message)
    }

    /// Returns a finding that is worth knowing.
    pub fn note(code: Code, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Note, message)
    }

    /// Returns a finding of this weight.
    pub fn new(code: Code, severity: Severity, message: impl Into<String>) -> Self {
        Self { code, severity, message: message.into(), path: None, line: None, help: None, log: Vec::new() }
    }

    /// Says where: a file from the root of the repository, and the line when it is known.
    #[must_use]
    pub fn at(mut self, path: impl Into<String>, line: Option<u32>) -> Self {
        (self.path, self.line) = (Some(path.into()), line);
        self
    }

    /// Says what one can do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Returns whether it makes the answer no.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_kebab_case_and_the_same_in_json() {
        for code in Code::ALL {
            let name = code.as_str();
            assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{name}");
            assert_eq!(serde_json::to_string(code).expect("text"), format!("\"{name}\""));
            assert!(code.title().ends_with('.'), "{name}");
        }
    }
}
