//! pyenv: which Python was chosen. Its programs are read as Python's; see `python`.

use super::install::{self, Kind, Line};
use super::{Asked, Context, Ecosystem, Reading, behind, call, line, paths};
use crate::index::Index;
use crate::journal::{Invocation, Program, UsedFlake};
use crate::shell::{Inner, Started};

/// The ecosystem.
pub(super) struct Pyenv;

impl Ecosystem for Pyenv {
    fn name(&self) -> &'static str {
        "pyenv"
    }

    fn keeps(&self, argv: &[&str]) -> bool {
        request(argv).is_some()
    }

    fn program(&self, program: &Program, _context: &Context) -> Reading {
        let is_own = |path: &str| path.contains("/.pyenv/libexec/") || path.contains("/.pyenv/plugins/");
        match paths::of(program).any(is_own) {
            true => Reading::Ignored(install::MANAGER),
            false => Reading::Unrecognized,
        }
    }

    fn invocation(&self, invocation: &Invocation, context: &Context) -> Option<Asked> {
        let mut asked = Asked::default();
        for version in request(&invocation.words()?)? {
            install::put(version, install::tool(context.index, "python", Some(version)), Kind::Tool, &mut asked);
        }
        Some(asked)
    }

    fn installs(&self, argv: &[&str]) -> bool {
        request(argv).is_some()
    }

    fn starts(&self, argv: &[&str]) -> Option<Started> {
        call(argv).filter(|(program, _)| *program == "pyenv")?;
        Some(Started { inner: Inner::Words(behind(argv, "exec", "")?), own: false })
    }

    fn inner(&self, argv: &[&str], _index: &Index, _flakes: &[UsedFlake]) -> Option<String> {
        line(argv, self.starts(argv)?)
    }
}

/// Returns the versions that a command line installs or chooses.
fn request<'a>(argv: &[&'a str]) -> Option<Vec<&'a str>> {
    let (_, words) = call(argv).filter(|(program, _)| *program == "pyenv")?;
    let line = Line::read(words, "");
    let words = line.after("install global local shell virtualenv")?;
    let versions = words.iter().copied().filter(|word| word.starts_with(|c: char| c.is_ascii_digit()));
    // Of several that are chosen the first is `python`.
    Some(versions.take(if line.words[0] == "install" { words.len() } else { 1 }).collect())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{alone, ask, journal, program, read, starts_of, with_lines};
    use super::*;

    #[test]
    fn command_lines() {
        for (line, reading) in [
            ("pyenv install -s 3.11.7", "tools python311=3.11.7"),
            ("pyenv global 3.12", "tools python312=3.12"),
            ("pyenv local system", ""),
            ("pyenv global 3.11.7 3.12.1", "tools python311=3.11.7"),
            ("pyenv virtualenv 3.11.7 3.11-app", "tools python311=3.11.7"),
            ("pyenv install --skip-existing 3.11:latest", "tools python311"),
        ] {
            assert_eq!(ask(&Pyenv, line).as_deref(), Some(reading), "{line}");
        }
        assert_eq!(ask(&Pyenv, "pyenv versions"), None);
    }

    #[test]
    fn programs() {
        assert_eq!(alone(program("~/.pyenv/versions/3.11.7/bin/python3.11")), "python311 [python3.11] 1");
        assert_eq!(alone(program("~/.pyenv/versions/3.11.7/bin/python")), "python311 [python] 1");
        assert_eq!(
            alone(program("~/.pyenv/versions/3.10.2/bin/pytest")),
            "python311 for python310 [] 1, python311Packages.pytest [pytest] 1"
        );
        assert_eq!(alone(program("~/.pyenv/libexec/pyenv-exec")), "p1 ignored: a version manager");
        let shims = with_lines(
            journal("s", vec![program("~/.pyenv/shims/python3")]),
            &["pyenv local 3.12.4", "pip install flask"],
        );
        assert_eq!(read(&shims), ["python312 3.12.4 [python3] 1", "python312Packages.flask [] 1"]);
    }

    #[test]
    fn what_it_starts() {
        for (line, command) in
            [("pyenv exec python x.py", "python x.py"), ("pyenv global 3.12", ""), ("pyenv exec", "")]
        {
            assert_eq!(starts_of(&Pyenv, line), command, "{line}");
        }
    }
}
