//! The user's own uncommitted work.

use anyhow::{Context, Result, bail, ensure};
use git2::{AttrCheckFlags, AttrValue, Index, Oid, Status, StatusOptions};

use super::index::{Change, Otherwise, is_hidden, is_intent_to_add, to_path};
use super::{Repository, said};

/// Paths with uncommitted work, sorted; for people (U+FFFD stands for what is not UTF-8).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// In the index other than at HEAD.
    pub staged: Vec<String>,
    /// In the work tree other than in the index, or gone from it.
    pub modified: Vec<String>,
    /// Neither in the index nor ignored.
    pub untracked: Vec<String>,
    /// Folders that are repositories of their own and no submodules; no commit can hold them.
    pub nested: Vec<String>,
}

impl Work {
    /// Returns whether there is nothing that a commit could hold.
    pub fn is_empty(&self) -> bool {
        self.staged.is_empty() && self.modified.is_empty() && self.untracked.is_empty()
    }
}

/// One path with uncommitted work.
struct Touched {
    path: Vec<u8>,
    staged: bool,
    work: Option<InTree>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum InTree {
    Modified,
    Deleted,
    Untracked,
    Nested,
}

impl Repository {
    /// Returns what is uncommitted, except at `ours` (files, or folders with all below).
    pub fn work(&self, ours: &[&str]) -> Result<Work> {
        let index = self.index()?;
        let mut work = Work::default();
        for touched in self.touched(&index)? {
            let path = String::from_utf8_lossy(&touched.path).into_owned();
            let below = |of: &&str| path.strip_prefix(of).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
            if ours.iter().any(|of| below(&of.trim_end_matches('/'))) {
                continue;
            }
            if touched.staged {
                work.staged.push(path.clone());
            }
            match touched.work {
                Some(InTree::Modified | InTree::Deleted) => work.modified.push(path),
                Some(InTree::Untracked) => work.untracked.push(path),
                Some(InTree::Nested) => work.nested.push(path),
                None => {}
            }
        }
        Ok(work)
    }

    /// Writes a tree of all uncommitted work, as `git add --all` and a commit would make it. Returns it with what it
    /// changes in the index, which stays as it is.
    pub(super) fn work_tree(&self) -> Result<(Oid, Vec<Change>)> {
        let mut index = self.index()?;
        let mut touched = self.touched(&index)?;
        // A file that became a folder goes before what is in the folder comes.
        touched.sort_by_key(|touched| touched.work != Some(InTree::Deleted));
        let mut changes = Vec::new();
        for Touched { path, work, .. } in touched {
            let doing = || format!("failed to add `{}`", String::from_utf8_lossy(&path));
            let version = |index: &Index| index.get_path(to_path(&path), 0).map(|entry| (entry.id, entry.mode));
            let seen = version(&index);
            match work {
                Some(InTree::Modified | InTree::Untracked) => {
                    self.check_filters(&path)?;
                    index.add_path(to_path(&path)).map_err(said).with_context(doing)?;
                }
                Some(InTree::Deleted) => index.remove(to_path(&path), 0).map_err(said).with_context(doing)?,
                Some(InTree::Nested) | None => continue,
            }
            let wanted = version(&index);
            changes.push(Change { path, seen, wanted, otherwise: Otherwise::Keep });
        }
        let tree =
            index.write_tree_to(&self.git).map_err(said).context("failed to write a tree of the uncommitted work")?;
        Ok((tree, changes))
    }

    fn touched(&self, index: &Index) -> Result<Vec<Touched>> {
        let mut options = StatusOptions::new();
        options.include_untracked(true).recurse_untracked_dirs(true);
        let statuses = self.git.statuses(Some(&mut options)).map_err(said).with_context(|| {
            format!("failed to compare the work tree `{}` with the index and HEAD", self.root().display())
        })?;
        let mut all = Vec::new();
        for status in statuses.iter() {
            let (path, is) = (status.path_bytes().to_vec(), status.status());
            if let Some(path) = path.strip_suffix(b"/") {
                all.push(Touched { path: path.to_vec(), staged: false, work: Some(InTree::Nested) });
                continue;
            }
            let entry = index.get_path(to_path(&path), 0);
            let intended = entry.as_ref().is_some_and(is_intent_to_add);
            let work = if is.contains(Status::WT_DELETED) {
                // libgit2 takes a file outside a sparse checkout for a deleted one.
                (!entry.as_ref().is_some_and(is_hidden)).then_some(InTree::Deleted)
            } else if is.contains(Status::WT_NEW) {
                Some(InTree::Untracked)
            } else if intended || is.intersects(Status::WT_MODIFIED | Status::WT_TYPECHANGE) {
                Some(InTree::Modified)
            } else {
                None
            };
            let staged = !intended
                && is.intersects(
                    Status::INDEX_NEW | Status::INDEX_MODIFIED | Status::INDEX_DELETED | Status::INDEX_TYPECHANGE,
                );
            if staged || work.is_some() {
                all.push(Touched { path, staged, work });
            }
        }
        all.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(all)
    }

    /// Returns which setting makes git change the content of a file when it checks it out, none when it stays as it is
    /// committed.
    pub fn conversion(&self, path: &str) -> Result<Option<String>> {
        if let Some(filter) = self.filter(path.as_bytes())? {
            return Ok(Some(format!("filter={filter}")));
        }
        let attribute = |name| self.attribute(path.as_bytes(), name);
        for name in ["working-tree-encoding", "ident"] {
            if attribute(name)?.is_some() {
                return Ok(Some(name.to_owned()));
            }
        }
        let config = self.git.config().map_err(said)?;
        let set = |name: &str, value: &str| config.get_string(name).is_ok_and(|is| is.eq_ignore_ascii_case(value));
        Ok(match (attribute("text")?.as_deref(), attribute("eol")?.as_deref()) {
            (Some("false"), _) | (_, Some("lf")) => None,
            (_, Some("crlf")) => Some("eol=crlf".to_owned()),
            _ if config.get_bool("core.autocrlf").unwrap_or(false) => Some("core.autocrlf".to_owned()),
            (Some(_), _) if set("core.eol", "crlf") => Some("core.eol".to_owned()),
            _ => None,
        })
    }

    /// Returns the value of an attribute of a path: `true` and `false` when it is set or unset, none when nothing is said.
    fn attribute(&self, path: &[u8], name: &str) -> Result<Option<String>> {
        let value = self.git.get_attr_bytes(to_path(path), name, AttrCheckFlags::default()).map_err(said)?;
        Ok(match AttrValue::from_bytes(value) {
            AttrValue::True => Some("true".to_owned()),
            AttrValue::False => Some("false".to_owned()),
            AttrValue::String(value) => Some(value.to_owned()),
            AttrValue::Bytes(value) => Some(String::from_utf8_lossy(value).into_owned()),
            AttrValue::Unspecified => None,
        })
    }

    /// Returns the filter that git would run on the content of a file.
    fn filter(&self, path: &[u8]) -> Result<Option<String>> {
        let Some(filter) = self.attribute(path, "filter")? else { return Ok(None) };
        let config = self.git.config().map_err(said)?;
        let set = |what| config.get_string(&format!("filter.{filter}.{what}")).is_ok_and(|command| !command.is_empty());
        Ok(["clean", "smudge", "process"].into_iter().any(set).then_some(filter))
    }

    /// Fails when git would run a program on the content of a file, or convert its encoding: libgit2 does neither.
    fn check_filters(&self, path: &[u8]) -> Result<()> {
        let shown = String::from_utf8_lossy(path);
        if let Some(filter) = self.filter(path)? {
            bail!("`{shown}` needs the filter `{filter}`, which only git itself runs; commit it with git first");
        }
        ensure!(
            self.attribute(path, "working-tree-encoding")?.is_none(),
            "`{shown}` has a working-tree-encoding, which only git itself converts; commit it with git first"
        );
        Ok(())
    }
}
