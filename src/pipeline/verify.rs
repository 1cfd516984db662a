//! `verify`: level by level, and nothing is evaluated before the files themselves hold.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;

use anyhow::{Context, anyhow, bail};

use super::plan::{FOLDER, Plan};
use super::prove::{Export, keep_logs, nix, remember, show};
use super::{Answer, World, versions};
use crate::commit::{Repository, Revision};
use crate::console::{Hint, escape};
use crate::event::hex;
use crate::index::Index;
use crate::journal::Journal;
use crate::nix::{Advisory, Nix};
use crate::requirements::Document;
use crate::verification::statics::{self, Base, ENVRC, Files, Found, Judged, Rules};
use crate::verification::{Code, Evaluated, Finding, Level, Replay, VERSION, Verification, Verified};

/// How deep folders are in ours, at most: what is deeper is only named.
const DEPTH: usize = 4;

/// What is verified, and how far.
#[derive(Clone, Debug, Default)]
pub struct Verify {
    /// The level.
    pub level: Level,
    /// The revision; none for HEAD with our files as they are in the work tree.
    pub commit: Option<String>,
    /// The revision from which what loosens the verification is read.
    pub base: Option<String>,
    /// Whether the content comes from elsewhere.
    pub untrusted: bool,
    /// Whether uncommitted work is part of what is verified.
    pub include_work: bool,
}

/// `verify`: proves the flake of a revision, or the one that `commit` would commit.
pub fn verify(world: &World, asked: &Verify) -> anyhow::Result<Verified> {
    if asked.untrusted && asked.level == Level::Replay {
        return Err(anyhow!("the commands of sessions from elsewhere are not run again on this machine"))
            .hint("`--level build` proves the flake in the sandbox");
    }
    let repository = Repository::discover(&world.cwd)?;
    let revision = asked.commit.as_deref().map(|name| repository.revision(name)).transpose()?;
    let files = match &revision {
        Some(revision) => committed(revision)?,
        None => in_work_tree(&repository)?,
    };
    there(&files)?;
    let base = asked.base.as_deref().map(|name| base(&repository, name)).transpose()?;
    let index = Index::new();
    let judged = statics::judge(&files, &Rules { index: &index, base: base.as_ref(), untrusted: asked.untrusted });
    if !judged.holds() {
        readable(&files)?;
    }
    let mut verified = Verified {
        version: VERSION,
        commit: revision.as_ref().map(Revision::id),
        untrusted: asked.untrusted,
        asked: asked.level,
        levels: Vec::new(),
        findings: Vec::new(),
        nix: None,
        replay: None,
    };
    let (holds, proves) = static_level(&judged);
    verified.reach(Level::Static, holds, proves);
    if holds && asked.level > Level::Static {
        let nix = nix(world)?;
        let holes = holes(&nix, asked.untrusted);
        let refused = holes.iter().any(Finding::is_error);
        verified.findings.extend(holes);
        if refused {
            verified.reach(Level::Eval, false, "Nix was not asked: its sandbox has known holes");
        } else {
            let (repository, revision) = (&repository, revision.as_ref());
            let subject = Subject { world, repository, nix: &nix, asked, revision, judged: &judged, index: &index };
            subject.prove(&mut verified)?;
        }
    }
    verified.findings.extend(judged.findings);
    verified.findings.sort_by_key(|finding| finding.severity);
    Ok(verified)
}

impl Verified {
    /// Returns whether the level that was asked for holds.
    pub fn answer(&self) -> Answer {
        if self.is_passed() { Answer::Yes } else { Answer::No }
    }
}

fn static_level(judged: &Judged) -> (bool, String) {
    match (judged.holds(), &judged.document) {
        (true, Some(document)) => {
            let Document { requirements, .. } = document;
            let count = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
            let what = format!(
                "{} and {} follow from {}, and flake.nix and flake.lock are what they render to; nothing was run",
                count(requirements.packages.len(), "package"),
                count(requirements.checks.len(), "check"),
                count(judged.journals.len(), "journal")
            );
            (true, what)
        }
        _ => (false, "the files do not agree; Nix was not asked".to_owned()),
    }
}

/// What Nix is asked about.
struct Subject<'a> {
    world: &'a World<'a>,
    repository: &'a Repository,
    nix: &'a Nix,
    asked: &'a Verify,
    revision: Option<&'a Revision<'a>>,
    judged: &'a Judged,
    index: &'a Index,
}

impl Subject<'_> {
    /// Goes on with Nix, on a clean export of the very tree.
    fn prove(&self, verified: &mut Verified) -> anyhow::Result<()> {
        let Self { repository, asked, revision, judged, .. } = self;
        let plan = if revision.is_none() { Some(Plan::as_written(repository)?) } else { None };
        let proposal = plan.as_ref().map(|plan| plan.propose(repository, asked.include_work)).transpose()?;
        let write = |into: &Path| match (revision, &proposal) {
            (Some(revision), _) => revision.export(into),
            (None, Some(proposal)) => proposal.export(into),
            (None, None) => bail!("there is nothing to export"),
        };
        let export = Export::new(judged.folder, !judged.folder.is_empty(), &write)?;
        let verification = self.build(&export, verified)?;
        verified.findings.extend(verification.warnings());
        verified.findings.extend(verification.failures.iter().map(|failure| failure.finding(&judged.lines)));
        if verification.is_passed() && asked.level >= Level::Build {
            if let Some(proposal) = &proposal {
                remember(repository, proposal, &verification)?;
            }
            if asked.level == Level::Replay {
                self.replay(&write, verified)?;
            }
        }
        verified.nix = Some(verification);
        Ok(())
    }

    /// Evaluates, and builds when that is asked for.
    fn build(&self, export: &Export, verified: &mut Verified) -> anyhow::Result<Verification> {
        let Self { world, nix, judged, .. } = self;
        let document = judged.document.as_ref().context("the static level holds without requirements")?;
        let mut board = world.console.board(&format!("verifying with Nix {}", nix.version()));
        let (mut verification, evaluated) = Verification::evaluate(&export.tree, &document.requirements, nix)?;
        let count = evaluated.as_ref().map_or(0, Evaluated::count);
        let proves = match &evaluated {
            Some(_) => format!(
                "exactly the {count} expected checks evaluate for {}, purely and without building; none is built",
                verification.system
            ),
            None => "the flake does not evaluate to the expected checks".to_owned(),
        };
        verified.reach(Level::Eval, evaluated.is_some(), proves);
        if let Some(evaluated) = evaluated.filter(|_| self.asked.level >= Level::Build) {
            verification.build(&evaluated, nix, &mut |step| show(&mut board, step))?;
            let built = verification.passed.len();
            let proves = match verification.is_passed() {
                true => format!(
                    "verified: {built} checks built by Nix {} from this very tree in the sandbox, the shell among them",
                    nix.version()
                ),
                false => format!("{built} of {count} checks are built"),
            };
            verified.reach(Level::Build, verification.is_passed(), proves);
        }
        drop(board);
        verification.advise(document, &judged.journals, self.index);
        keep_logs(self.repository, &mut verification)?;
        versions::keep(self.repository, &document.pin, &verification.versions)?;
        Ok(verification)
    }

    /// Runs the sessions' commands again.
    fn replay(&self, write: &dyn Fn(&Path) -> anyhow::Result<()>, verified: &mut Verified) -> anyhow::Result<()> {
        // Commands look at the repository, too.
        let export = Export::new(self.judged.folder, true, write)?;
        let progress = self.world.console.progress("running the sessions' commands again");
        let replay = Replay::run(&export.tree, &self.judged.journals, self.nix, &mut |line| progress.line(line));
        drop(progress);
        let replay = replay.context("failed to run the sessions' commands again")?;
        verified.reach(Level::Replay, replay.different.is_empty(), replay.proves());
        verified.findings.extend(replay.findings());
        verified.replay = Some(replay);
        Ok(())
    }
}

/// Returns whether a CI run is about content from elsewhere: a pull request on GitHub, a merge request on GitLab.
pub fn is_from_elsewhere(variable: &dyn Fn(&str) -> Option<String>) -> bool {
    let is = |name: &str, values: &[&str]| variable(name).is_some_and(|value| values.contains(&value.as_str()));
    let github = ["pull_request", "pull_request_target", "pull_request_review", "merge_group", "workflow_run"];
    is("CI", &["true", "1"])
        && (is("GITHUB_EVENT_NAME", &github)
            || is("CI_PIPELINE_SOURCE", &["merge_request_event", "external_pull_request_event"]))
}

/// Appends a page about a verification to the summary of a step.
pub fn summarize(path: &Path, verified: &Verified) -> anyhow::Result<()> {
    let opened = fs::OpenOptions::new().append(true).create(true).open(path);
    let written = opened.and_then(|mut file| file.write_all(verified.markdown().as_bytes()));
    written.with_context(|| format!("failed to write the summary `{}`", path.display()))
}

/// Returns a word that nobody can guess: 32 hexadecimal digits.
pub fn token() -> anyhow::Result<String> {
    let mut bytes = [0; 16];
    let read = fs::File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes));
    read.context("failed to read `/dev/urandom`")?;
    Ok(hex(&bytes))
}

/// Says which known holes the sandbox of this Nix has.
fn holes(nix: &Nix, untrusted: bool) -> Vec<Finding> {
    let tell = |advisory: &&Advisory| {
        let what = format!("Nix {} has {}: {}", nix.version(), advisory.name, advisory.what);
        let finding = match untrusted {
            true => Finding::error(Code::NixVulnerable, what),
            false => Finding::warning(Code::NixVulnerable, what),
        };
        finding.help("upgrade Nix; a distribution may have mended it under the old number, which its name does not say")
    };
    nix.advisories().iter().map(tell).collect()
}

/// Fails when there is nothing to verify.
fn there(files: &Files) -> anyhow::Result<()> {
    let path = format!("{FOLDER}/requirements.json");
    if files.found.contains_key(&path) {
        return Ok(());
    }
    Err(anyhow!("there is no `{path}`")).hint("`agent-capture run -- CMD` records a session and renders its flake")
}

/// Fails when only a newer program can read a file.
fn readable(files: &Files) -> anyhow::Result<()> {
    for (path, found) in &files.found {
        let Found::File(bytes) = found else { continue };
        let newer = match path.rsplit('/').next() {
            Some("requirements.json") => Document::is_newer(bytes),
            Some("journal.json") => Journal::is_newer(bytes),
            _ => false,
        };
        if newer {
            return Err(anyhow!("`{}` was written by a newer agent-capture", escape(path)))
                .hint("upgrade agent-capture");
        }
    }
    Ok(())
}

/// Returns our files of a revision.
pub(super) fn committed(revision: &Revision) -> anyhow::Result<Files> {
    let mut files = Files::default();
    let mut entries = revision.entries(FOLDER)?;
    for name in ["flake.nix", "flake.lock", ENVRC] {
        entries.extend(revision.entry(name)?);
    }
    for entry in entries {
        let found = match (entry.other, statics::limit(&entry.path)) {
            (Some(other), _) => Found::Other(other),
            (None, None) => Found::Unread(0),
            (None, Some(most)) => match revision.length(&entry)? {
                length if length > most => Found::Unread(length),
                _ => Found::File(revision.read(&entry)?),
            },
        };
        files.found.insert(entry.path, found);
    }
    Ok(files)
}

/// Returns our files as they are in the work tree, else at HEAD.
pub(super) fn in_work_tree(repository: &Repository) -> anyhow::Result<Files> {
    let mut files = match repository.head()? {
        Some(head) => committed(&repository.revision(&head)?)?,
        None => Files::default(),
    };
    let mut paths = vec!["flake.nix".to_owned(), "flake.lock".to_owned(), ENVRC.to_owned()];
    list(repository.root(), FOLDER, DEPTH, &mut paths);
    let journals: Vec<String> = files.found.keys().filter(|path| path.ends_with("/journal.json")).cloned().collect();
    for path in repository.gone(journals.iter().map(String::as_str))? {
        files.found.remove(path);
    }
    for path in paths {
        let full = repository.root().join(&path);
        let Ok(meta) = fs::symlink_metadata(&full) else { continue };
        let found = match statics::limit(&path) {
            _ if meta.is_symlink() => Found::Other("a symlink"),
            _ if !meta.is_file() => Found::Other("no regular file"),
            None => Found::Unread(meta.len()),
            Some(most) if meta.len() > most => Found::Unread(meta.len()),
            Some(_) => Found::File(fs::read(&full).with_context(|| format!("failed to read `{}`", escape(&path)))?),
        };
        if !files.found.contains_key(&path) {
            files.uncommitted.insert(path.clone());
        }
        files.found.insert(path, found);
    }
    Ok(files)
}

/// Lists what is below a folder of the work tree and is no folder.
fn list(root: &Path, folder: &str, depth: usize, paths: &mut Vec<String>) {
    let full = root.join(folder);
    if depth == 0 || fs::symlink_metadata(&full).is_ok_and(|meta| !meta.is_dir()) {
        paths.push(folder.to_owned());
        return;
    }
    for entry in fs::read_dir(full).into_iter().flatten().flatten() {
        list(root, &format!("{folder}/{}", entry.file_name().to_string_lossy()), depth - 1, paths);
    }
}

/// Reads what loosens a verification from a base revision.
fn base(repository: &Repository, name: &str) -> anyhow::Result<Base> {
    let revision = repository.revision(name)?;
    let read = |path: &str| -> anyhow::Result<Option<Vec<u8>>> {
        let entry = revision.entry(path)?.filter(|entry| entry.other.is_none());
        let most = statics::limit(path).unwrap_or_default();
        entry
            .map(|entry| match revision.length(&entry)? {
                length if length > most => bail!("`{path}` of `{}` is too large", escape(name)),
                _ => revision.read(&entry),
            })
            .transpose()
    };
    let document = read(&format!("{FOLDER}/requirements.json"))?;
    let pin = document.and_then(|bytes| Document::parse(&bytes).ok()).map(|document| document.pin);
    Ok(Base { policy: read(&format!("{FOLDER}/policy.toml"))?, pin })
}
