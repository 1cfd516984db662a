//! Which Python a session used: of all interpreters the one whose version somebody chose.

use std::collections::BTreeSet;

use super::{Want, families, paths};
use crate::index::Index;
use crate::journal::{Journal, Program};
use crate::nix::AttrPath;

/// Folders below which a component is the version of a Python.
const MANAGED: [&str; 7] = [
    "/.pyenv/versions/",
    "/uv/python/cpython-",
    "/mise/installs/python/",
    "/.asdf/installs/python/",
    "/Cellar/python@",
    "/opt/python@",
    "/hostedtoolcache/Python/",
];

/// Returns the Python of a journal, when just one version was chosen: by the name `python3.11`, by a version manager. The
/// `python3` that a host happens to have is no choice.
pub(super) fn chosen(index: &Index, journal: &Journal) -> Option<families::Choice> {
    let used = journal.programs.iter().filter(|program| program.is_used());
    let versions: BTreeSet<String> = used.filter_map(version).collect();
    let mut versions = versions.into_iter();
    let version = versions.next().filter(|_| versions.next().is_none())?;
    families::of_tool(index, "python", Some(&version))
}

/// Returns the version of a Python that somebody chose: two numbers.
fn version(program: &Program) -> Option<String> {
    let managed = paths::of(program).find_map(|path| {
        let rest = MANAGED.iter().find_map(|folder| path.split_once(folder))?.1;
        minor(rest.split('/').next()?)
    });
    let named = || minor(paths::name(program.path.as_str()?).strip_prefix("python")?);
    managed.or_else(named)
}

/// Returns the first two numbers of a version.
fn minor(version: &str) -> Option<String> {
    let mut numbers = version.split(|c: char| !c.is_ascii_digit()).map(|number| number.parse::<u8>().ok());
    let (major, minor) = (numbers.next()??, numbers.next()??);
    Some(format!("{major}.{minor}"))
}

/// Returns a wish as one for the journal's Python.
pub(super) fn of_journal(python: Option<&families::Choice>, want: Want) -> Want {
    let Some(choice) = python else { return want };
    if want.attr.as_str() == "python3" {
        return Want { attr: choice.attr.clone(), instead: choice.instead.clone(), ..want };
    }
    let module = want.attr.within("python3Packages");
    let module = module.and_then(|name| AttrPath::parse(&format!("{}Packages.{name}", choice.attr)).ok());
    Want { attr: module.unwrap_or_else(|| want.attr.clone()), ..want }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{journal, program};
    use super::*;

    #[test]
    fn the_version_that_was_chosen() {
        let index = Index::new();
        for (paths, attr) in [
            (&["/usr/bin/python3"][..], None),
            (&["/usr/bin/python3.11"], Some("python311")),
            (&["~/.pyenv/versions/3.12.1/bin/python"], Some("python312")),
            (&["~/.local/share/uv/python/cpython-3.11.9-linux-x86_64-gnu/bin/python3.11"], Some("python311")),
            (&["~/.local/share/mise/installs/python/3.13.0/bin/python3"], Some("python313")),
            (&["/usr/bin/python3.11", "~/.pyenv/versions/3.11.4/bin/pytest"], Some("python311")),
            (&["/usr/bin/python3.11", "/usr/bin/python3.12"], None),
            (&["/usr/bin/python2", "/usr/bin/python3-config"], None),
        ] {
            let journal = journal("s", paths.iter().map(|path| program(path)).collect());
            let found = chosen(&index, &journal).map(|choice| choice.attr.as_str().to_owned());
            assert_eq!(found.as_deref(), attr, "{paths:?}");
        }
    }
}
