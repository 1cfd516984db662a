//! Poetry, PDM, Pipenv and Hatch: projects that keep their own packages.

use super::install::{self, Line};
use super::{Asked, Context, Ecosystem, Near, Need, call, listed, project, python, verifies};
use crate::journal::Invocation;

/// Options that take a value.
const VALUES: &str =
    "-C --directory -P --project -G --group -E --extras --optional --source --python --platform -e --env -d";

/// Their programs.
const MANAGERS: [&str; 4] = ["hatch", "pdm", "pipenv", "poetry"];

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
        let packages = request(&words)?;
        let mut asked = Asked::default();
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

    fn need(&self, program: &str, _near: &Near) -> Option<Need> {
        const WHY: &str = "the packages of its lock file are not those of nixpkgs: it is not offline";
        listed("hatch pdm pipenv poetry", program).then_some(Need::Online(WHY))
    }
}

/// Returns the packages that a command line adds to a project.
fn request<'a>(argv: &[&'a str]) -> Option<Vec<&'a str>> {
    let (program, words) = call(argv).filter(|(program, _)| MANAGERS.contains(program))?;
    let line = Line::read(words, VALUES);
    let verb = if program == "pipenv" { "install" } else { "add" };
    line.after(verb).map(<[&str]>::to_vec).filter(|words| !words.is_empty())
}

#[cfg(test)]
mod tests {
    use super::super::tests::ask;
    use super::*;

    #[test]
    fn command_lines() {
        assert_eq!(ask(&Poetry, "poetry add requests").as_deref(), Some("ignored the project's lock file keeps it"));
        assert_eq!(ask(&Poetry, "pipenv install flask").as_deref(), Some("ignored the project's lock file keeps it"));
        assert_eq!(ask(&Poetry, "poetry install"), None);
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
}
