//! Poetry, PDM, Pipenv, Hatch and Rye: projects that keep their own packages.

use super::install::{self, Line};
use super::{Asked, Context, Ecosystem, Near, Need, behind, call, listed, project, python, verifies};
use crate::journal::Invocation;
use crate::shell::{Inner, Started};

/// Options that take a value.
const VALUES: &str =
    "-C --directory -P --project -G --group -E --extras --optional --source --python --platform -e --env -d";

/// Options of their `run` that take a value.
const RUN: &str = "-C --directory -P --project -p -e --env -E --env-file";

/// Their programs.
pub(super) const MANAGERS: [&str; 5] = ["hatch", "pdm", "pipenv", "poetry", "rye"];

/// The ecosystem.
pub(super) struct Poetry;

impl Ecosystem for Poetry {
    fn name(&self) -> &'static str {
        "poetry"
    }

    fn keeps(&self, argv: &[&str]) -> bool {
        request(argv).is_some()
    }

    fn invocation(&self, invocation: &Invocation, context: &Context) -> Option<Asked> {
        let words = invocation.words()?;
        let Request { packages, python } = request(&words)?;
        let mut asked = Asked::default();
        asked.tools.extend(python.and_then(|version| python::interpreter(context.index, version)));
        if packages.is_empty() {
            return Some(asked);
        }
        // They always write a lock file; an older journal does not know of it.
        if project::keeps(context.journal, "python") || context.journal.files.is_empty() {
            asked.ignored.insert(install::LOCKED);
        } else {
            packages.into_iter().for_each(|word| python::distribution(word, context.index, &mut asked));
        }
        Some(asked)
    }

    fn verifies(&self, argv: &[&str]) -> Option<String> {
        let (program, rest) = call(argv).filter(|(program, _)| MANAGERS.contains(program))?;
        match rest {
            ["run", inner @ ..] => verifies(inner.strip_prefix(&["--"]).unwrap_or(inner)),
            ["check", ..] => Some(format!("{program}-check")),
            ["test", ..] if program == "hatch" => Some("hatch-test".to_owned()),
            _ => None,
        }
    }

    fn starts(&self, argv: &[&str]) -> Option<Started> {
        let (program, rest) = call(argv).filter(|(program, _)| MANAGERS.contains(program))?;
        let at = match (program, rest) {
            ("hatch", ["env", ..]) => 1 + behind(&argv[1..], "run", "-e --env")?,
            _ => behind(argv, "run", RUN)?,
        };
        // `hatch run ENVIRONMENT:COMMAND`.
        let named = argv[at].split_once(':').filter(|_| program == "hatch").map(|(_, command)| command.to_owned());
        let inner = match named {
            Some(command) => Inner::Named(command, at + 1),
            None if argv[at].ends_with(".py") => Inner::Named("python".to_owned(), at),
            None => Inner::Words(at),
        };
        Some(Started { inner, own: true })
    }

    fn need(&self, program: &str, _near: &Near) -> Option<Need> {
        const WHY: &str = "the packages of its lock file are not those of nixpkgs: it is not offline";
        listed("hatch pdm pipenv poetry", program).then_some(Need::Online(WHY))
    }
}

/// What a command line adds to a project.
struct Request<'a> {
    packages: Vec<&'a str>,
    /// The version of Python that it chooses.
    python: Option<&'a str>,
}

/// Returns what a command line adds to a project; none when it adds nothing.
fn request<'a>(argv: &[&'a str]) -> Option<Request<'a>> {
    let (program, words) = call(argv).filter(|(program, _)| MANAGERS.contains(program))?;
    let line = Line::read(words, VALUES);
    let verb = if program == "pipenv" { "install" } else { "add" };
    let packages = line.after(verb).map(<[&str]>::to_vec).unwrap_or_default();
    let python = match (program, line.words.as_slice()) {
        ("poetry", ["env", "use", version, ..]) | ("pdm", ["use", version, ..]) | ("rye", ["pin", version, ..]) => {
            Some(*version)
        }
        ("pipenv" | "pdm", _) => line.values("--python").next(),
        _ => None,
    };
    Some(Request { packages, python }).filter(|it| !it.packages.is_empty() || it.python.is_some())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{ask, starts_of};
    use super::*;

    #[test]
    fn command_lines() {
        assert_eq!(ask(&Poetry, "poetry add requests").as_deref(), Some("ignored the project's lock file keeps it"));
        assert_eq!(ask(&Poetry, "pipenv install flask").as_deref(), Some("ignored the project's lock file keeps it"));
        assert_eq!(ask(&Poetry, "poetry install"), None);
        assert_eq!(ask(&Poetry, "poetry env use python3.11").as_deref(), Some("tools python311=3.11"));
        assert_eq!(ask(&Poetry, "pipenv --python 3.12").as_deref(), Some("tools python312=3.12"));
        assert_eq!(ask(&Poetry, "rye add rich").as_deref(), Some("ignored the project's lock file keeps it"));
    }

    #[test]
    fn checks() {
        for (line, name) in [
            ("poetry run pytest -q", Some("pytest")),
            ("pipenv run python -m unittest", Some("unittest")),
            ("poetry check", Some("poetry-check")),
            ("pdm run x", None),
        ] {
            assert_eq!(Poetry.verifies(&line.split(' ').collect::<Vec<_>>()).as_deref(), name, "{line}");
        }
    }

    #[test]
    fn what_it_starts() {
        for (line, command) in [
            ("poetry run pytest -q", "own pytest -q"),
            ("poetry -C api run -- python -m x", "own python -m x"),
            ("pdm run -p api x.py a", "own python x.py a"),
            ("pipenv run python x.py", "own python x.py"),
            ("rye run ruff check", "own ruff check"),
            ("hatch run test:pytest -q", "own pytest -q"),
            ("hatch env run -e test pytest", "own pytest"),
            ("hatch run", ""),
            ("poetry install", ""),
        ] {
            assert_eq!(starts_of(&Poetry, line), command, "{line}");
        }
    }
}
