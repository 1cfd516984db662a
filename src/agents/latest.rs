//! The newest session of a project, among the folders in which agents keep their transcripts.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::{ALL, Import};

/// The file in a project in which Aider keeps what was said.
const AIDER: &str = ".aider.chat.history.md";

/// How much of a transcript is read to see where it is from.
const HEAD: u64 = 512 * 1024;

/// How many transcripts are looked at, newest first, and how deep folders are.
const MOST: usize = 4000;
const DEPTH: usize = 6;

/// Returns whether a file's name is one that transcripts have: `x.jsonl`, `x.jsonl.001`, `x.json`, `x.traj`, `x.history.md`.
pub(super) fn is_named_like_one(name: &str) -> bool {
    let part = name
        .rsplit_once('.')
        .is_some_and(|(before, end)| before.ends_with(".jsonl") && end.bytes().all(|b| b.is_ascii_digit()));
    part || [".jsonl", ".json", ".traj", ".history.md"].iter().any(|end| name.ends_with(end))
}

/// Returns the transcripts below a folder, in the order of their names. Links are not followed.
pub fn below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    collect(folder, DEPTH, &mut files);
    files.sort();
    files
}

fn collect(folder: &Path, depth: usize, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() && depth > 0 {
            collect(&entry.path(), depth - 1, into);
        } else if kind.is_file() && entry.file_name().to_str().is_some_and(is_named_like_one) {
            into.push(entry.path());
        }
    }
}

/// Returns the newest transcript of a session in the project at `root`.
pub fn latest(home: &Path, root: &Path) -> Option<PathBuf> {
    let folders = ALL.iter().flat_map(|agent| agent.folders()).map(|folder| home.join(folder));
    let mut files: Vec<PathBuf> = folders.flat_map(|folder| below(&folder)).filter(|path| !is_part(path)).collect();
    files.push(root.join(AIDER));
    let age = |path: PathBuf| Some((fs::metadata(&path).ok()?.modified().ok()?, path));
    let mut files: Vec<(SystemTime, PathBuf)> = files.into_iter().filter_map(age).collect();
    files.sort_by(|a, b| b.cmp(a));
    files.into_iter().take(MOST).map(|(_, path)| path).find(|path| is_of(path, root))
}

/// Returns whether a file is of a subagent: its session's own file stands beside its folder.
fn is_part(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str() == "subagents")
}

/// Returns whether a session was in a project: its folder is named after it, or its head says so.
fn is_of(path: &Path, root: &Path) -> bool {
    if path.starts_with(root) {
        return true;
    }
    let encoded = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let name: String = root.to_string_lossy().chars().map(encoded).collect();
    let named =
        |part: &std::ffi::OsStr| part.to_str().is_some_and(|part| part.trim_matches('-') == name.trim_matches('-'));
    if path.iter().any(named) {
        return true;
    }
    let mut import = Import::default();
    let Ok(file) = File::open(path) else { return false };
    drop(import.read(file.take(HEAD), &mut drop));
    let Some(head) = import.finish(&mut drop).map(|transcript| transcript.head) else { return false };
    [head.root, head.cwd].into_iter().flatten().any(|folder| Path::new(&folder).starts_with(root))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_of_this_project() {
        let home = tempfile::tempdir().expect("a folder");
        let root = Path::new("/home/u/my.app");
        assert_eq!(latest(home.path(), root), None);
        let write = |path: &str, text: &str, age: u64| {
            let path = home.path().join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
            fs::write(&path, text).expect("a file");
            let time = SystemTime::now() - std::time::Duration::from_secs(age);
            File::options().write(true).open(&path).and_then(|file| file.set_modified(time)).expect("a time");
            path
        };
        let meta = |cwd: &str| format!("{{\"type\":\"session_meta\",\"payload\":{{\"cwd\":\"{cwd}\"}}}}\n");
        let claude = write(".claude/projects/-home-u-my-app/a.jsonl", "", 300);
        assert_eq!(latest(home.path(), root), Some(claude));
        write(".claude/projects/-home-u-my-app/a/subagents/agent-1.jsonl", "", 1);
        write(".claude/projects/-home-u-my-app-2/b.jsonl", "", 2);
        write(".codex/sessions/2026/11/20/rollout-1.jsonl", &meta("/home/u/other"), 3);
        let codex = write(".codex/sessions/2026/11/20/rollout-2.jsonl", &meta("/home/u/my.app/sub"), 100);
        assert_eq!(latest(home.path(), root), Some(codex));
    }
}
