//! Python: its interpreter, modules that it runs, scripts of modules, and pip.

use super::{
    Asked, Context, Ecosystem, Reading, Want, call, check_name, families, install, listed, paths, poetry, project,
    versions, wants,
};
use crate::index::Index;
use crate::journal::{Invocation, Known, Program};
use crate::nix::AttrPath;

mod ask;

/// What stands before a distribution that the project itself says that it needs.
const DECLARED: &str = "project ";

/// Programs that install distributions.
const INSTALLERS: &str = "pip pip3 pipx easy_install virtualenv";

/// Programs that are called from there and are elsewhere, besides those that always are.
const OUTSIDE: &str = "just node pnpm pre-commit yarn";

/// Programs that test and check, and have no way to change what they read.
const CHECKERS: &str = "flake8 mypy py.test pylint pytest pyright pycodestyle pyflakes bandit vulture";

/// Modules that `python -m` tests and checks with.
const MODULES: &str = "flake8 mypy pylint pytest pyright unittest compileall doctest pycodestyle pyflakes";

/// The ecosystem.
pub(super) struct Pip;

impl Ecosystem for Pip {
    fn name(&self) -> &'static str {
        "pip"
    }

    fn keeps(&self, argv: &[&str]) -> bool {
        ask::request(argv).is_some()
    }

    fn program(&self, program: &Program, context: &Context) -> Reading {
        let Some(path) = program.path.as_str() else {
            return Reading::Unrecognized;
        };
        let name = paths::name(path);
        if path.contains("/shims/") {
            return Reading::Unrecognized;
        }
        let seen = program.owner.as_ref().and_then(|owner| versions::upstream(&owner.version));
        if is_python(name) {
            return python(context.index, name, seen).map_or(Reading::Unrecognized, |want| Reading::Wants(vec![want]));
        }
        if listed(INSTALLERS, name) || name.strip_prefix("pip").is_some_and(ask::is_version) {
            return Reading::Ignored("it installs packages, and those are wanted");
        }
        let interpreter = program.interpreter.as_ref().and_then(|path| path.as_str()).map(paths::name);
        if program.through.as_deref().is_some_and(|through| through == "uv" || poetry::MANAGERS.contains(&through)) {
            return of_environment(name, context);
        }
        let of_project =
            paths::is_project(path) || path.contains("/pypoetry/virtualenvs/") || path.contains("/share/virtualenvs/");
        // Of a compiled one, or of one that was only told of, the environment it is in says whose it is.
        let in_environment = || interpreter.is_none() && paths::is_bin(path) && is_environment(paths::folder(path));
        if !of_project || !(interpreter.is_some_and(is_python) || in_environment()) {
            return Reading::Unrecognized;
        }
        // The project's lock file keeps what its environment holds: then only the interpreter is wanted.
        let is_locked = project::keeps(context.journal, "python") && paths::is_bin(path);
        // A script of the project: of a virtual environment when it is in a folder for programs.
        let module = context.index.program(name).filter(|_| paths::is_bin(path) && !is_locked);
        let own = || python(context.index, interpreter.unwrap_or("python3"), None).into_iter().map(unseen).collect();
        Reading::Wants(module.map_or_else(own, |found| wants(context.index, found.attr, name, None)))
    }

    fn invocation(&self, invocation: &Invocation, context: &Context) -> Option<Asked> {
        let argv: Option<Vec<&str>> = invocation.argv.iter().map(|word| word.as_str()).collect();
        // What ran shows what it imports; where nothing was seen to run, the project's word is all there is.
        let counts = invocation.known == Known::Claimed && !project::keeps(context.journal, "python");
        let said = invocation.says.iter().filter_map(|word| match word.strip_prefix(DECLARED) {
            Some(declared) => counts.then(|| declared.to_owned()),
            None => Some(word.clone()),
        });
        Some(ask::request(&argv?)?.read(context.index, &said.collect::<Vec<_>>()))
    }

    fn installs(&self, argv: &[&str]) -> bool {
        let is_pip = |request: &ask::Request| {
            matches!(
                request,
                ask::Request::Install(_)
                    | ask::Request::Sync(_)
                    | ask::Request::Module("pip" | "venv" | "virtualenv" | "ensurepip")
            )
        };
        ask::request(argv).as_ref().is_some_and(is_pip)
            || call(argv).is_some_and(|(program, _)| listed("virtualenv easy_install", program))
    }

    fn files(&self, argv: &[&str]) -> Vec<String> {
        ask::request(argv).map(|request| request.files()).unwrap_or_default()
    }

    fn says(&self, argv: &[&str], text: &str) -> Vec<String> {
        let extras = ask::request(argv).and_then(|request| request.extras());
        let mark = if extras.is_some() { DECLARED } else { "" };
        let declared = super::python::declared(text, &extras.unwrap_or_default());
        let declared = declared.map(|said| said.into_iter().map(|word| format!("{mark}{word}")).collect());
        declared.unwrap_or_else(|| super::python::requirements(text))
    }

    fn verifies(&self, argv: &[&str]) -> Option<String> {
        let (program, rest) = call(argv)?;
        let has = |words: &str| rest.iter().any(|word| listed(words, word));
        match program {
            _ if is_python(program) => match ask::module(rest) {
                Some((module, _)) if listed(MODULES, module) => Some(check_name(&[module])),
                Some((module, rest)) => {
                    let inner: Vec<&str> = std::iter::once(module).chain(rest.iter().copied()).collect();
                    (listed("black coverage isort ruff", module)).then(|| self.verifies(&inner)).flatten()
                }
                None => match rest {
                    ["manage.py", verb @ ("test" | "check"), ..] => Some(check_name(&["manage", verb])),
                    _ => None,
                },
            },
            "black" | "isort" if has("--check --check-only --diff -c") => Some(check_name(&[program, "check"])),
            // They change files, or pass whatever is found.
            "ruff" if has("--fix --fix-only --add-noqa -e --exit-zero") => None,
            "ruff" => match rest {
                ["check", ..] => Some("ruff-check".to_owned()),
                ["format", ..] if has("--check") => Some("ruff-format".to_owned()),
                _ => None,
            },
            "coverage" => match rest {
                ["run", "-m", module, ..] if listed(MODULES, module) => Some(check_name(&["coverage", module])),
                _ => None,
            },
            "py.test" => Some("pytest".to_owned()),
            _ if listed(CHECKERS, program) => Some(check_name(&[program])),
            _ => None,
        }
    }
}

/// Reads a program that is looked for in the project's environment first. It may be a script that the project defines: what
/// has its name counts only when it is one of Python's, or certain to be there anyway.
fn of_environment(name: &str, context: &Context) -> Reading {
    let index = context.index;
    let found = install::sure(index, name);
    let of_python = |attr: &AttrPath| {
        attr.within("python3Packages").is_some() || attr.as_str() == name && index.python(name).is_some()
    };
    match found {
        _ if install::is_elsewhere(index, name) || listed(OUTSIDE, name) => Reading::Unrecognized,
        Some(attr) if of_python(&attr) && !project::keeps(context.journal, "python") => {
            Reading::Wants(wants(index, attr, name, None))
        }
        _ => python(index, "python3", None).map_or(Reading::Unrecognized, |want| Reading::Wants(vec![unseen(want)])),
    }
}

/// Returns whether a folder for programs is of a virtual environment, by the names that those have.
fn is_environment(folder: &str) -> bool {
    let own = paths::folder(folder);
    let above = paths::name(paths::folder(own));
    listed(".venv venv .virtualenv virtualenv", paths::name(own)) || listed(".nox .tox .venvs virtualenvs", above)
}

/// Returns whether a program is the interpreter: `python`, `python3`, `python3.11`.
fn is_python(name: &str) -> bool {
    name.strip_prefix("python").is_some_and(ask::is_version)
}

/// Returns the interpreter that was called by this name: of that version when the index has it, else the default one.
fn python(index: &Index, name: &str, seen: Option<String>) -> Option<Want> {
    let versioned = index.versioned(name).and_then(|attr| families::of_attr(index, &attr));
    let choice = versioned.or_else(|| families::of_tool(index, "python", None))?;
    // `python3.9`, of a version that is gone, is `python3` of the nearest.
    let program = index.called(&choice.attr, name).unwrap_or("python3").to_owned();
    Some(Want { programs: vec![program], ..Want::of(choice, seen) })
}

/// Takes the programs out: it was run for a script and need not be found by a name.
fn unseen(want: Want) -> Want {
    Want { programs: Vec::new(), ..want }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{alone, journal, program, read, with_lines};
    use super::*;
    use crate::journal::ProjectFile;

    #[test]
    fn interpreters() {
        let index = Index::new();
        for (name, attr, program) in [
            ("python", "python3", "python"),
            ("python3", "python3", "python3"),
            ("python3.11", "python311", "python3.11"),
            ("python3.9", "python311", "python3"),
        ] {
            let want = python(&index, name, None).expect("known");
            assert_eq!((want.attr.as_str(), want.programs), (attr, vec![program.to_owned()]), "{name}");
        }
        assert!(is_python("python3.12") && !is_python("python3-config") && !is_python("pythonw"));
    }

    #[test]
    fn what_a_project_declares_counts_where_nothing_was_seen_to_run() {
        let text =
            "[project]\ndependencies = [\"requests>=2\"]\n[project.optional-dependencies]\ndev = [\"pytest==8.0\"]\n";
        for (argv, said) in [
            (&["pip", "install", "-e", ".[dev]"][..], &["project requests>=2", "project pytest==8.0"][..]),
            (&["uv", "pip", "install", "--editable=."], &["project requests>=2"]),
            (&["uv", "pip", "install", "-r", "pyproject.toml"], &["requests>=2"]),
        ] {
            assert_eq!(Pip.files(argv), ["pyproject.toml"]);
            assert_eq!(Pip.says(argv, text), said);
        }
        let mut journal = with_lines(journal("s", Vec::new()), &["pip install -e '.[dev]'"]);
        journal.invocations[0].says = vec!["project requests>=2".to_owned()];
        assert_eq!(read(&journal), ["i1 ignored: the project itself"]);
        journal.invocations[0].known = Known::Claimed;
        let all = ["python3 [] 1", "python3Packages.requests [] 1", "i1 ignored: the project itself"];
        assert_eq!(read(&journal), all);
    }

    #[test]
    fn what_is_started_is_of_python_unless_it_is_certain_to_be_another() {
        for (by, name, reading) in [
            ("uv", "pytest", "python3 [] 1, python3Packages.pytest [pytest] 1"),
            ("poetry", "ruff", "ruff [ruff] 1"),
            ("uv", "server", "python3 [] 1"),
            ("rye", "migrate", "python3 [] 1"),
            ("uv", "ffprobe", "ffmpeg [ffprobe] 1"),
            ("hatch", "tofu", "opentofu [tofu] 1"),
            ("pdm", "ls", "p1 ignored: the standard environment has it"),
        ] {
            let path = format!("/bin/{name}");
            assert_eq!(alone(Program { through: Some(by.to_owned()), ..program(&path) }), reading, "{by} {name}");
        }
    }

    #[test]
    fn what_is_in_an_environment_is_of_python() {
        for (path, reading) in [
            (".venv/bin/pytest", "python3 [] 1, python3Packages.pytest [pytest] 1"),
            ("api/venv/bin/ruff", "ruff [ruff] 1"),
            (".tox/py311/bin/our-own", "python3 [] 1"),
            ("tools/bin/ruff", "p1 ignored: the project's own program"),
        ] {
            assert_eq!(alone(program(path)), reading, "{path}");
        }
    }

    #[test]
    fn what_is_started_in_an_environment() {
        let through =
            |by: &str, name: &str| Program { through: Some(by.to_owned()), ..program(&format!("/bin/{name}")) };
        for (name, reading) in [
            ("python", "python3 [python] 1"),
            ("pytest", "python3 [] 1, python3Packages.pytest [pytest] 1"),
            ("ruff", "ruff [ruff] 1"),
            ("pre-commit", "pre-commit [pre-commit] 1"),
            ("node", "nodejs [node] 1"),
            ("make", "p1 ignored: the standard environment has it"),
            // Scripts of the project may have any name.
            ("serve", "python3 [] 1"),
            ("our-own", "python3 [] 1"),
        ] {
            assert_eq!(alone(through("uv", name)), reading, "{name}");
        }
        let mut locked = journal("s", vec![through("poetry", "pytest"), through("poetry", "python")]);
        locked.files = vec![ProjectFile { path: "poetry.lock".to_owned(), ..ProjectFile::default() }];
        assert_eq!(read(&locked), ["python3 [python] 2"]);
    }

    #[test]
    fn checks() {
        for (line, name) in [
            ("pytest -q", Some("pytest")),
            ("python3 -m pytest", Some("pytest")),
            ("python -m unittest discover", Some("unittest")),
            ("python -m json.tool", None),
            ("ruff check .", Some("ruff-check")),
            ("ruff check --fix .", None),
            ("ruff check --fix-only", None),
            ("ruff check --exit-zero .", None),
            ("python -m ruff check", Some("ruff-check")),
            ("ruff format .", None),
            ("black --check .", Some("black-check")),
            ("black .", None),
            ("coverage run -m pytest", Some("coverage-pytest")),
            ("python manage.py test", Some("manage-test")),
            ("python setup.py test", None),
            ("tox", None),
        ] {
            let words: Vec<&str> = line.split(' ').collect();
            assert_eq!(Pip.verifies(&words).as_deref(), name, "{line}");
        }
    }
}
