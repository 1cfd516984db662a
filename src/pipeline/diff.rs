//! `diff`: what changed between two captures.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, anyhow};

use super::plan::FOLDER;
use super::verify::{committed, in_work_tree};
use super::{Answer, World, versions};
use crate::commit::{Repository, Revision};
use crate::console::{Hint, escape};
use crate::index::Index;
use crate::report::{Capture, Difference, LARGEST, Side};
use crate::verification::Code;
use crate::verification::statics::{self, Files, Found, Rules};

/// `diff`: compares the work tree with the last commit that had other requirements, or with a revision, or two revisions:
/// `A..B`, or `A...B` for B with the last commit that both have.
pub fn diff(world: &World, revisions: Option<&str>) -> anyhow::Result<Difference> {
    let repository = Repository::discover(&world.cwd)?;
    let index = Index::new();
    let head = |name: &str| if name.is_empty() { "HEAD".to_owned() } else { name.to_owned() };
    let (from, to) = match revisions {
        None => (before(&repository)?, None),
        Some(text) => match (text.split_once("..."), text.split_once("..")) {
            (Some((a, b)), _) => {
                let (a, b) = (head(a), head(b));
                (Some((a.clone(), repository.fork_point(&a, &b)?)), Some((b.clone(), repository.revision(&b)?)))
            }
            (None, Some((a, b))) => {
                let (a, b) = (head(a), head(b));
                (Some((a.clone(), repository.revision(&a)?)), Some((b.clone(), repository.revision(&b)?)))
            }
            (None, None) => (Some((text.to_owned(), repository.revision(text)?)), None),
        },
    };
    let from = match from {
        Some((name, revision)) => of_revision(&repository, name, &revision, &index)?,
        None => (Side { name: "nothing".to_owned(), commit: None }, Capture::default()),
    };
    let to = match to {
        Some((name, revision)) => of_revision(&repository, name, &revision, &index)?,
        None => {
            let side = Side { name: "the work tree".to_owned(), commit: None };
            let capture =
                capture(&repository, &in_work_tree(&repository)?, &index).context("failed to read the work tree")?;
            (side, capture)
        }
    };
    if revisions.is_none() && from.1.document.is_none() && to.1.document.is_none() {
        return Err(anyhow!("there is no `{FOLDER}/requirements.json`"))
            .hint("`agent-capture run -- CMD` records a session and renders its flake");
    }
    Ok(Difference::between((from.0, &from.1), (to.0, &to.1), &index))
}

/// Reads a difference that was written as JSON; of what may come from elsewhere no more than is needed.
pub fn read_diff(path: &Path) -> anyhow::Result<Difference> {
    let doing = || format!("failed to read the diff `{}`", escape(&path.display().to_string()));
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(LARGEST as u64 + 1).read_to_end(&mut bytes)).with_context(doing)?;
    Difference::parse(&bytes).with_context(doing)
}

impl Difference {
    /// Returns whether nothing changed.
    pub fn answer(&self) -> Answer {
        if self.is_empty() { Answer::Yes } else { Answer::No }
    }
}

/// Returns the last commit whose requirements are not those of the work tree; none when there never were others.
fn before(repository: &Repository) -> anyhow::Result<Option<(String, Revision<'_>)>> {
    let path = format!("{FOLDER}/requirements.json");
    let files = in_work_tree(repository)?;
    let revision = repository.last_other(&path, files.bytes(&path))?;
    Ok(revision.map(|revision| (revision.id(), revision)))
}

fn of_revision(
    repository: &Repository,
    name: String,
    revision: &Revision,
    index: &Index,
) -> anyhow::Result<(Side, Capture)> {
    let doing = || format!("failed to read the capture of `{}`", escape(&name));
    let capture = capture(repository, &committed(revision).with_context(doing)?, index).with_context(doing)?;
    Ok((Side { commit: Some(revision.id()), name }, capture))
}

/// Reads what files say; what is not of its form is refused.
fn capture(repository: &Repository, files: &Files, index: &Index) -> anyhow::Result<Capture> {
    let judged = statics::judge(files, &Rules { index, base: None, untrusted: false });
    let unread =
        [Code::DocumentMalformed, Code::JournalMalformed, Code::JournalMisplaced, Code::NotAFile, Code::TooLarge];
    if let Some(finding) = judged.findings.iter().find(|finding| finding.is_error() && unread.contains(&finding.code)) {
        let place = finding.path.as_deref().map(|path| format!("`{}`: ", escape(path))).unwrap_or_default();
        return Err(anyhow!("{place}{}", escape(&finding.message)))
            .hint("`agent-capture verify` says all that is wrong");
    }
    let policy = match files.found.get(&format!("{FOLDER}/policy.toml")) {
        Some(Found::File(bytes)) => Some(bytes.clone()),
        _ => None,
    };
    let pin = judged.document.as_ref().map(|document| &document.pin);
    let versions = pin.map(|pin| versions::known(repository, pin)).unwrap_or_default();
    Ok(Capture { document: judged.document, journals: judged.journals, policy, versions })
}
