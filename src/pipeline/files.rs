//! What small files of the project say: read once, when a session closes, so that later stages look at nothing but journals.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::ecosystems::{self, project};
use crate::event::{Bytes, Kind};
use crate::host;
use crate::journal::{Command, Journal, ProjectFile};
use crate::shell::{self, Folder, Run};

/// The longest file that is read, in bytes: a requirement file, not a lock file.
const LONGEST: u64 = 256 * 1024;

/// The longest lock file that is read, in bytes.
const LONGEST_LOCK: u64 = 16 << 20;

/// The most folders that are looked at for well-known files.
const FOLDERS: usize = 64;

/// The most bytes of what files say that a journal keeps.
const MOST: usize = 64 * 1024;

/// Writes into a journal what the files say that its command lines name, and which well-known files the project has. What
/// cannot be read, or is outside the project, is left out.
pub(super) fn keep(journal: &mut Journal, root: &Path) {
    let Ok(root) = root.canonicalize() else { return };
    let mut bytes = 0;
    for invocation in &mut journal.invocations {
        let Some(words) = invocation.argv.iter().map(Bytes::as_str).collect::<Option<Vec<&str>>>() else { continue };
        let texts = ecosystems::files(&words).into_iter().filter_map(|file| {
            let path = inside(&invocation.cwd)?.join(relative(&file)?);
            text(&root, &path, LONGEST)
        });
        let said: Vec<String> = texts.flat_map(|text| ecosystems::says(&words, &text)).collect();
        bytes += said.iter().map(String::len).sum::<usize>();
        if bytes <= MOST {
            invocation.says = said;
        }
    }
    journal.files = well_known(journal, &root);
}

/// Marks modules of Python that come along with others, as their distributions say now.
pub(super) fn brought(journal: &mut Journal, home: Option<&Path>) {
    let mut folders: BTreeMap<Bytes, BTreeSet<String>> = BTreeMap::new();
    for module in journal.modules.iter().filter(|module| module.of == Kind::Python) {
        folders.entry(module.folder.clone()).or_default().extend(module.name.as_str().map(str::to_owned));
    }
    for (folder, modules) in folders {
        let real = match folder.as_path().strip_prefix("~") {
            Ok(rest) => home.map(|home| home.join(rest)),
            Err(_absolute) => Some(folder.as_path().to_path_buf()),
        };
        let brought = real.map(|real| host::brought(&real, &modules.iter().map(String::as_str).collect()));
        let brought = brought.unwrap_or_default();
        for module in journal.modules.iter_mut().filter(|module| module.folder == folder) {
            module.brought = module.name.as_str().is_some_and(|name| brought.contains(name));
        }
    }
}

/// Returns the well-known files in the folders in which commands ran, and above those up to the root.
fn well_known(journal: &Journal, root: &Path) -> Vec<ProjectFile> {
    let ran =
        journal.commands.iter().map(|command| &command.cwd).chain(journal.invocations.iter().map(|call| &call.cwd));
    let mut folders: BTreeSet<PathBuf> = BTreeSet::from([PathBuf::new()]);
    let folder_of = |command: &Command| {
        // What moves is `cd` or `pushd`.
        let line = command.line.as_str().filter(|line| ["cd", "pushd"].iter().any(|word| line.contains(word)))?;
        let runs = shell::programs(line).ok()?;
        let at = |run: Run| match run.folder {
            Folder::At(folder) => Some(inside(&command.cwd)?.join(relative(&folder)?)),
            Folder::Same | Folder::Unknown => None,
        };
        Some(runs.into_iter().filter_map(at).collect::<Vec<_>>())
    };
    let moved = journal.commands.iter().filter_map(folder_of).flatten();
    for folder in ran.filter_map(inside).chain(moved) {
        folders.extend(folder.ancestors().map(Path::to_path_buf));
    }
    let mut files = Vec::new();
    for folder in folders.iter().take(FOLDERS) {
        for name in project::well_known() {
            let path = folder.join(name);
            let is_file = fs::symlink_metadata(root.join(&path)).is_ok_and(|meta| meta.is_file());
            let Some(shown) = path.to_str().filter(|_| is_file) else { continue };
            let longest = if project::is_lock(name) { LONGEST_LOCK } else { LONGEST };
            let text = text(root, &path, longest).unwrap_or_default();
            let has = |beside: &str| root.join(folder).join(beside).is_file();
            let says = [project::tools(name, &text), project::programs(name, &text, &has)].concat();
            files.push(ProjectFile { path: shown.to_owned(), says, keeps: project::locked(name, &text), found: None });
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

/// Returns a working folder that is in the project, relative to its root.
fn inside(cwd: &Bytes) -> Option<PathBuf> {
    cwd.as_str().filter(|cwd| !cwd.starts_with('~')).and_then(relative)
}

/// Returns a path that is relative and does not lead up.
fn relative(path: &str) -> Option<PathBuf> {
    let plain = |part: Component| matches!(part, Component::Normal(_) | Component::CurDir);
    Path::new(path).components().all(plain).then(|| path.into())
}

/// Returns the text of a regular file of the project of at most so many bytes, wherever links lead.
fn text(root: &Path, path: &Path, longest: u64) -> Option<String> {
    let full = root.join(path).canonicalize().ok().filter(|full| full.starts_with(root))?;
    let is_short = fs::metadata(&full).is_ok_and(|meta| meta.is_file() && meta.len() <= longest);
    is_short.then(|| fs::read_to_string(full).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_the_project_and_no_others() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().join("project");
        fs::create_dir_all(root.join("sub")).expect("made");
        for (name, text) in [
            ("project/sub/requirements.txt", "requests==2.31\n--index-url https://u:p@x.org\n"),
            ("project/.python-version", "3.12\n"),
            ("project/sub/Cargo.lock", "version = 4\n"),
            ("secret.txt", "hunter2\n"),
        ] {
            fs::write(folder.path().join(name), text).expect("written");
        }
        std::os::unix::fs::symlink("../../secret.txt", root.join("sub/link.txt")).expect("linked");
        let text = include_str!("../../fixtures/nix-shell/journal.json");
        let mut journal = Journal::parse(text.as_bytes()).expect("a journal");
        let mut call = journal.invocations[0].clone();
        call.cwd = Bytes::from("sub");
        call.argv = ["pip", "install", "-r", "requirements.txt", "-rlink.txt", "-r", "../../secret.txt"]
            .map(Bytes::from)
            .to_vec();
        journal.invocations = vec![call];
        keep(&mut journal, &root);
        assert_eq!(journal.invocations[0].says, ["requests==2.31"]);
        let files: Vec<_> = journal.files.iter().map(|file| (file.path.as_str(), file.says.join(","))).collect();
        assert_eq!(files, [(".python-version", "python 3.12".to_owned()), ("sub/Cargo.lock", String::new())]);
        let written = journal.to_bytes().expect("written");
        assert_eq!(Journal::parse(&written).expect("read"), journal);
    }
}
