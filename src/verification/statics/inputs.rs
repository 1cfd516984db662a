//! Further inputs: each is of a flake that a journal shows at just this revision, and a reviewer hears of it.

use super::super::{Finding, finding::Code};
use super::Lines;
use crate::requirements::{Document, Input, InputPackage, Requirements};

/// Says what code of others the flake brings: evaluating it is evaluating theirs.
pub(super) fn foreign(document: &Document, untrusted: bool, lines: &Lines) -> Vec<Finding> {
    let tell = |input: &Input| {
        let source = &input.source;
        let (owner, repo, rev) = (&source.owner, &source.repo, &source.rev);
        let what = format!("it brings code of another flake: {owner}/{repo} at {rev}");
        let finding = match untrusted {
            true => Finding::warning(Code::ForeignFlake, what),
            false => Finding::note(Code::ForeignFlake, what),
        };
        let help = format!(
            "read it before you use it; `[[input]]` with `drop = \"{}\"` in .agent-capture/policy.toml leaves it out",
            input.name
        );
        finding.at(&lines.path, lines.input(&input.name)).help(help)
    };
    document.requirements.inputs.iter().map(tell).collect()
}

/// Compares the inputs with those that the journals require, `fresh`.
pub(super) fn judge(requirements: &Requirements, fresh: &Requirements, lines: &Lines) -> Vec<Finding> {
    let same = |a: &Input, b: &Input| a.source == b.source;
    let mut findings = Vec::new();
    for input in &requirements.inputs {
        let at = |finding: Finding| finding.at(&lines.path, lines.input(&input.name));
        match fresh.inputs.iter().find(|fresh| same(fresh, input)) {
            Some(fresh) => findings.extend(packages(input, fresh).into_iter().map(at)),
            None => {
                let what =
                    format!("no journal that counts used the flake `{}` with this hash and date", input.source.url());
                findings.push(at(Finding::error(Code::RequirementWithoutEvidence, what)));
            }
        }
    }
    let lacks = |fresh: &&Input| !requirements.inputs.iter().any(|input| same(input, fresh));
    for fresh in fresh.inputs.iter().filter(lacks) {
        let what = format!("the journals need the flake `{}`, which is not required", fresh.source.url());
        let finding = Finding::warning(Code::RequirementMissing, what);
        findings.push(finding.help("`agent-capture render` adds it; a policy may drop it"));
    }
    findings
}

/// Compares the packages of an input.
fn packages(input: &Input, fresh: &Input) -> Vec<Finding> {
    let name = &input.name;
    let mut findings = Vec::new();
    if *name != fresh.name {
        let what = format!("this program calls the input `{name}` `{}`", fresh.name);
        findings.push(Finding::note(Code::Drift, what));
    }
    if input.packages.is_empty() {
        let what = format!("nothing of the input `{name}` is needed");
        findings.push(Finding::error(Code::RequirementWithoutEvidence, what));
    }
    for package in &input.packages {
        let of_fresh = fresh.packages.iter().find(|fresh| fresh.attr == package.attr);
        findings.extend(of_fresh.map_or_else(
            || {
                let what = format!("nothing shows that `{}` of the input `{name}` is needed", package.attr);
                Some(Finding::error(Code::RequirementWithoutEvidence, what))
            },
            |fresh| compare(name.as_str(), package, fresh),
        ));
    }
    findings
}

/// Compares what is said of a package with what its evidence says.
fn compare(name: &str, package: &InputPackage, fresh: &InputPackage) -> Option<Finding> {
    let attr = &package.attr;
    if package.evidence.is_empty() || !package.evidence.is_subset(&fresh.evidence) {
        let what = format!("nothing shows that `{attr}` of the input `{name}` is needed where it says so");
        return Some(Finding::error(Code::RequirementWithoutEvidence, what));
    }
    if package.evidence != fresh.evidence {
        let what = format!("the journals have more evidence for `{attr}` of `{name}` than the requirements name");
        return Some(Finding::note(Code::Drift, what).help("`agent-capture render` counts it"));
    }
    (package != fresh).then(|| {
        let what = format!("of `{attr}` of `{name}` it says other runs or programs than the journals");
        Finding::error(Code::EvidenceDiffers, what)
    })
}
