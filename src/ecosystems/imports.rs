//! Modules of Python that a program of the project, or Python itself, imported.

use super::libraries::{self, Read};
use super::{Context, Reading, Want, install, listed, paths, project};
use crate::event::Kind;
use crate::journal::{Journal, Module, Program, Ref};

/// Modules that Python imports by itself when it starts, and what installs others.
const START: &str = "_distutils_hack _virtualenv apport_python_hook distutils easy_install google_compat pip pkg_resources \
    setuptools sitecustomize site usercustomize virtualenv wheel";

/// Folders of environments that belong to one tool.
const TOOLS: [&str; 4] = ["/pipx/", "/uv/tools/", "/uv/archive-", "/uv/environments-"];

/// Reads the modules of a journal; those that say nothing of the project are left out.
pub(super) fn read(journal: &Journal, context: &Context) -> Vec<Read> {
    let programs = libraries::those(journal, imports);
    let imported = |module: &&Module| {
        let private = TOOLS.iter().any(|folder| module.folder.to_text().contains(folder));
        module.of == Kind::Python && !private && module.programs.iter().any(|program| programs.contains(program))
    };
    let modules = journal.modules.iter().enumerate().filter(|(_, module)| imported(module));
    let read = |(at, module): (usize, &Module)| {
        let name = module.name.to_text().into_owned();
        Read { id: Ref::new('m', at + 1), reading: reading(&name, module, context), name }
    };
    modules.map(read).collect()
}

/// Returns whether a program imports what the project does: Python, or a script in the project.
fn imports(program: &Program) -> bool {
    let is_python = |path: &str| {
        let rest = paths::name(path).strip_prefix("python");
        rest.is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit() || b == b'.'))
    };
    let interpreter = program.interpreter.as_ref().and_then(|path| path.as_str());
    program.is_used()
        && program
            .path
            .as_str()
            .is_some_and(|path| is_python(path) || (paths::is_project(path) && interpreter.is_some_and(is_python)))
}

fn reading(name: &str, module: &Module, context: &Context) -> Reading {
    if listed(START, name) {
        return Reading::Ignored("Python imports it by itself");
    }
    if module.brought {
        return Reading::Ignored("it comes along with another module");
    }
    if module.folder.to_text().contains("virtualenvs/") && project::keeps(context.journal, "python") {
        return Reading::Ignored(install::LOCKED);
    }
    let of_owner = || module.owner.as_ref().and_then(|owner| context.index.debian(&owner.package));
    match context.index.python_module(name).or_else(of_owner) {
        Some(attr) => {
            Reading::Wants([Some(attr), context.index.known("python3")].into_iter().flatten().map(Want::new).collect())
        }
        None => Reading::Unrecognized,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::tests::{journal, program, read};
    use super::*;
    use crate::event::Bytes;

    fn module(name: &str, folder: &str, brought: bool) -> Module {
        Module {
            of: Kind::Python,
            name: Bytes::from(name),
            folder: Bytes::from(folder),
            owner: None,
            brought,
            programs: BTreeSet::from([Ref::new('p', 1)]),
        }
    }

    #[test]
    fn what_is_imported_is_wanted_of_the_right_python() {
        let all = |path: &str| {
            let modules = vec![
                module("requests", "~/.local/lib/python3.11/site-packages", false),
                module("urllib3", "~/.local/lib/python3.11/site-packages", true),
                module("yaml", "/usr/lib/python3/dist-packages", false),
                module("zz_none", "/usr/lib/python3/dist-packages", false),
                module("_distutils_hack", "/usr/lib/python3/dist-packages", false),
                module("black", "~/.local/share/pipx/venvs/black/lib/python3.11/site-packages", false),
            ];
            read(&Journal { modules, ..journal("s", vec![program(path)]) })
        };
        let ignored = [
            "m2 ignored: it comes along with another module",
            "m5 ignored: Python imports it by itself",
            "m4 unrecognized: zz_none",
        ];
        let packages = ["python3 [python3] 1", "python3Packages.pyyaml [] 0", "python3Packages.requests [] 0"];
        assert_eq!(all("/usr/bin/python3"), [&packages[..], &ignored].concat());
        let packages = ["python311 [python3.11] 1", "python311Packages.pyyaml [] 0", "python311Packages.requests [] 0"];
        assert_eq!(all("/usr/bin/python3.11"), [&packages[..], &ignored].concat());
        // A program of a package brings its own.
        assert_eq!(all("/usr/bin/meson"), ["meson [meson] 1"]);
    }
}
