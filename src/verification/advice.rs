//! What one can do about a failure.

use super::{Failure, Verification, Why};
use crate::index::Index;
use crate::journal::Journal;
use crate::nix::AttrPath;
use crate::requirements::{Document, Requirements};

impl Verification {
    /// Adds to each failure what one can do: the line of the policy, the names that may be meant, the package that is
    /// missing and why it was not captured.
    pub fn advise(&mut self, document: &Document, journals: &[Journal], index: &Index) {
        for failure in &mut self.failures {
            failure.help = advice(failure, &document.requirements, journals, index);
        }
    }
}

fn advice(failure: &Failure, requirements: &Requirements, journals: &[Journal], index: &Index) -> Vec<String> {
    let policy = "in .agent-capture/policy.toml";
    match &failure.why {
        Why::Checks { .. } | Why::Outputs { .. } => vec!["`agent-capture render` writes the flake anew".to_owned()],
        Why::MissingAttr(name) => {
            let required = requirements.packages.iter().map(|package| &package.attr);
            let attr = required.into_iter().find(|attr| attr.names().any(|part| part == name));
            let attr = attr.map_or(name.as_str(), AttrPath::as_str);
            let near: Vec<String> = index.near(attr).into_iter().filter(|near| near != attr).collect();
            let mut help = vec![format!("drop or replace `{attr}` {policy}, or choose another pin with --nixpkgs")];
            if !near.is_empty() {
                help.push(format!("near to it are: {}", near.join(", ")));
            }
            help
        }
        Why::Unfree(name) => {
            let attr = attr_of(name, requirements, index);
            vec![format!("`unfree = [\"{attr}\"]` {policy} allows it")]
        }
        Why::Insecure(name) => {
            let attr = attr_of(name, requirements, index);
            vec![format!("replace `{attr}` under [[replace]] {policy}, or choose another pin with --nixpkgs")]
        }
        Why::MissingProgram(name) => program(name, requirements, journals, index),
        Why::Network(_) => vec![
            "fetch it in the project (a lock file, a vendored folder), or keep the package that has it".to_owned(),
            left_out(failure, "it needs the network"),
        ],
        Why::Failed => vec![left_out(failure, "it fails in the sandbox")],
        Why::OnlyCached => vec![
            "`nix build --rebuild` of it says what differs; a cache that serves something else is not to be trusted"
                .to_owned(),
        ],
        Why::Evaluation | Why::NotBuilt | Why::Sandbox => Vec::new(),
    }
}

/// Returns the lines of the policy that make a command no check.
fn left_out(failure: &Failure, reason: &str) -> String {
    let name = failure.check.as_deref().unwrap_or_default();
    let own = ["tools", "devshell"].contains(&name);
    if own {
        return "a package of the flake does not have what its programs showed: replace it in the policy".to_owned();
    }
    format!(
        "mend it, or make it no check: `[[check]]` with `drop = \"{name}\"` and `reason = \"{reason}\"` in \
         .agent-capture/policy.toml"
    )
}

/// Returns the attr of a package that Nix names with its version.
fn attr_of(name: &str, requirements: &Requirements, index: &Index) -> String {
    let bare = name.rsplit_once('-').filter(|(_, version)| version.starts_with(|c: char| c.is_ascii_digit()));
    let bare = bare.map_or(name, |(bare, _)| bare);
    let is = |attr: &&AttrPath| {
        let pname = index.attr(attr).and_then(|attr| attr.pname);
        pname == Some(bare) || attr.names().last() == Some(bare)
    };
    let required = requirements.packages.iter().map(|package| &package.attr).find(is);
    required.map_or_else(|| bare.to_owned(), ToString::to_string)
}

/// Says which package has a program, and why it is not in the flake.
fn program(name: &str, requirements: &Requirements, journals: &[Journal], index: &Index) -> Vec<String> {
    let mut help = Vec::new();
    match index.program(name) {
        Some(candidate) => help.push(format!(
            "`[[keep]]` with `attr = \"{}\"` and a reason in .agent-capture/policy.toml brings it",
            candidate.attr
        )),
        None => help.push("the index knows no package that has it: `keep` the one that does".to_owned()),
    }
    let seen = journals.iter().flat_map(|journal| {
        let programs = journal.programs.iter().filter(|program| program.name().as_str() == Some(name));
        programs.map(|program| (journal.session.id.clone(), program.id.clone()))
    });
    let seen: Vec<_> = seen.collect();
    let ignored = requirements
        .ignored
        .iter()
        .find(|ignored| seen.contains(&(ignored.evidence.session.clone(), ignored.evidence.entry.clone())));
    let looked_for = journals
        .iter()
        .flat_map(|journal| &journal.missing)
        .any(|missing| missing.program.as_str().is_some_and(|path| path.rsplit('/').next() == Some(name)));
    help.push(match (ignored, seen.is_empty(), looked_for) {
        (Some(ignored), ..) => format!("it ran in the sessions, and was left out: {}", ignored.reason),
        (None, false, _) => "it ran in the sessions, and nothing was made of it".to_owned(),
        (None, true, true) => "the sessions looked for it in vain".to_owned(),
        (None, true, false) => "no session ran it where the recorder saw it".to_owned(),
    });
    help
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::Journal;

    #[test]
    fn cures() {
        let journal = Journal::parse(include_bytes!("../../fixtures/host-demo/journal.json")).expect("a journal");
        let document = include_bytes!("../../fixtures/host-demo/requirements.json");
        let document = Document::parse(document).expect("requirements");
        let index = Index::new();
        let help = |why: Why| {
            let failure = Failure::new(Some("make-check".to_owned()), why, Vec::new());
            advice(&failure, &document.requirements, std::slice::from_ref(&journal), &index).join("; ")
        };
        assert!(help(Why::MissingAttr("ripgrepp".into())).contains("near to it are: ripgrep"));
        assert!(help(Why::Unfree("terraform-1.9.0".into())).starts_with("`unfree = [\"terraform\"]`"));
        assert!(help(Why::MissingProgram("shellcheck".into())).contains("attr = \"shellcheck\""));
        assert!(help(Why::MissingProgram("shellcheck".into())).contains("no session ran it"));
        assert!(help(Why::MissingProgram("perl".into())).contains("was left out: no run of it ended well"));
        assert!(help(Why::MissingProgram("dasel".into())).contains("attr = \"dasel\""));
        assert!(help(Why::Failed).contains("drop = \"make-check\""));
    }
}
