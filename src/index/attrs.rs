//! Attrs: whether the index has one, what else it is called, and what it says of it.

use std::collections::BTreeSet;

use super::near::nearest;
use super::table::Table;
use super::{Attr, Index, PYTHON};
use crate::nix::AttrPath;

/// What stands before an attr that one takes instead of a package that is gone.
const INSTEAD: char = '?';

impl Index {
    /// Returns what is known of an attr; none when the index does not have it.
    pub fn attr(&self, attr: &AttrPath) -> Option<Attr> {
        let row = match attr.within(PYTHON).or_else(|| self.of_other_python(attr)) {
            Some(name) => self.python.get(name),
            None => self.attrs.get(attr.as_str()),
        };
        let Some(row) = row else {
            return self.more.get(attr.as_str()).map(|_| Attr::default());
        };
        let mut fields = row.split('\t').map(|field| Some(field).filter(|field| !field.is_empty()));
        let mut field = || fields.next().flatten();
        Some(Attr { pname: field(), version: field(), main_program: field() })
    }

    /// Returns the name of a module in the set of another Python, `python311Packages.x`: the sets hold the same modules.
    fn of_other_python<'b>(&self, attr: &'b AttrPath) -> Option<&'b str> {
        let (set, module) = attr.as_str().split_once('.')?;
        let interpreter = set.strip_suffix("Packages").filter(|name| name.starts_with("python3"))?;
        self.attrs.get(interpreter).map(|_| module)
    }

    /// Returns the attr as people write it, when the index has it: `python3Packages.x` for `python313Packages.x`, `dust` for
    /// `du-dust`, as it was called once.
    pub fn known(&self, attr: &str) -> Option<AttrPath> {
        let valid = |text: &str| AttrPath::parse(text).ok().filter(|attr| self.attr(attr).is_some());
        let now = || {
            let now = self.now(attr).filter(|now| !now.starts_with(INSTEAD))?;
            valid(&now).or_else(|| valid(&self.now(&now)?))
        };
        self.canonical(attr).and_then(|attr| valid(&attr)).or_else(|| valid(attr)).or_else(now)
    }

    /// Returns what people write for an attr, when that is something else.
    pub(super) fn canonical(&self, attr: &str) -> Option<String> {
        of_set(self.canon, attr)
    }

    /// Returns what an attr is called now, or after `?` what one takes instead of its package.
    fn now(&self, attr: &str) -> Option<String> {
        of_set(self.renamed, attr)
    }

    /// Returns what an attr is called in a newer or an older nixpkgs, then attrs with names near to it, nearest first.
    pub fn near(&self, attr: &str) -> Vec<String> {
        let now = self.now(attr).and_then(|now| self.known(now.trim_start_matches(INSTEAD))).map(|now| now.to_string());
        let once = [self.renamed, self.canon].into_iter().flat_map(|table| table.with_value(attr)).map(str::to_owned);
        let near: Vec<String> = match attr.split_once('.') {
            Some((PYTHON, name)) => nearest(self.python, name).map(|name| format!("{PYTHON}.{name}")).collect(),
            Some(_) => nearest(self.more, attr).map(str::to_owned).collect(),
            None => nearest(self.attrs, attr).map(str::to_owned).collect(),
        };
        let mut seen = BTreeSet::new();
        now.into_iter().chain(once).chain(near).filter(|name| seen.insert(name.clone())).collect()
    }
}

/// Returns what a table says of an attr, or of the set that it is in.
fn of_set(table: Table, attr: &str) -> Option<String> {
    if let Some(row) = table.get(attr) {
        return Some(row.to_owned());
    }
    let (set, rest) = attr.split_once('.')?;
    let row = table.get(&format!("{set}.*"))?;
    Some(format!("{}{rest}", row.trim_end_matches('*')))
}
