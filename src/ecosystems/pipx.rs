//! pipx: programs of Python packages.

use super::install::{self, Kind, Line};
use super::{Asked, Context, Ecosystem, Reading, Want, behind, call, paths};
use crate::index::Index;
use crate::journal::{Invocation, Program, UsedFlake};
use crate::shell::{Inner, Started};

/// Options that take a value.
const VALUES: &str = "--python --spec --pip-args --suffix --index-url -i --backend --fetch-missing-python";

/// The ecosystem.
pub(super) struct Pipx;

impl Ecosystem for Pipx {
    fn name(&self) -> &'static str {
        "pipx"
    }

    fn keeps(&self, argv: &[&str]) -> bool {
        request(argv).is_some()
    }

    fn program(&self, program: &Program, context: &Context) -> Reading {
        let Some(name) = program.path.as_str().map(paths::name) else {
            return Reading::Unrecognized;
        };
        let kept = paths::of(program).any(|path| paths::is_bin(path) && path.contains("/pipx/venvs/"));
        match context.index.program(name).filter(|_| kept && !name.starts_with("python")) {
            Some(found) => Reading::Wants(super::wants(context.index, found.attr, name, None)),
            None => Reading::Unrecognized,
        }
    }

    fn invocation(&self, invocation: &Invocation, context: &Context) -> Option<Asked> {
        let mut asked = Asked::default();
        let words = invocation.words()?;
        request(&words)?.into_iter().for_each(|word| read(word, context.index, &mut asked));
        Some(if words.get(1) == Some(&"run") { asked.run() } else { asked })
    }

    fn starts(&self, argv: &[&str]) -> Option<Started> {
        call(argv).filter(|(program, _)| *program == "pipx")?;
        let at = behind(argv, "run", VALUES)?;
        // What programs an address brings is not known, nor whose the program of another package is.
        let is_other = Line::read(&argv[1..at], VALUES).has("--spec --from");
        if is_other || argv[at].contains([':', '/']) {
            return None;
        }
        let name = argv[at].split(['@', '=', '[', '>', '<', '~']).next()?;
        Some(Started { inner: Inner::Named(name.to_owned(), at + 1), own: false })
    }

    fn inner(&self, argv: &[&str], _index: &Index, _flakes: &[UsedFlake]) -> Option<String> {
        let rest = call(argv).filter(|(program, _)| *program == "pipx")?.1.strip_prefix(&["run"])?;
        let options = rest.iter().take_while(|word| word.starts_with('-')).count();
        // An option may have a value: only without any is the program sure to be first.
        rest.first().filter(|_| options == 0)?;
        shlex::try_join(rest.iter().copied()).ok()
    }

    fn installs(&self, argv: &[&str]) -> bool {
        call(argv).is_some_and(|(program, rest)| program == "pipx" && rest.first() != Some(&"run"))
    }
}

/// Returns the packages that a command line installs or runs.
fn request<'a>(argv: &[&'a str]) -> Option<Vec<&'a str>> {
    let (_, words) = call(argv).filter(|(program, _)| *program == "pipx")?;
    let line = Line::read(words, VALUES);
    let words = line.after("install run inject")?;
    let most = if line.words.first() == Some(&"run") { 1 } else { words.len() };
    Some(line.values("--spec").chain(words.iter().copied().take(most)).collect())
}

/// Reads `package`, `package==1.2`, `package[extra]`.
fn read(word: &str, index: &Index, asked: &mut Asked) {
    let end = word.find(|c: char| !c.is_ascii_alphanumeric() && !"._-".contains(c)).unwrap_or(word.len());
    let (name, version) = (&word[..end], word[end..].strip_prefix("=="));
    let attr = index.program(name).map(|found| found.attr).or_else(|| index.python(name)).or_else(|| index.known(name));
    let is_name = !word[end..].starts_with([':', '/', '+']);
    let seen = version.and_then(super::versions::upstream);
    install::put(word, attr.filter(|_| is_name).map(|attr| Want { seen, ..Want::new(attr) }), Kind::Tool, asked);
}

#[cfg(test)]
mod tests {
    use super::super::tests::{alone, ask, program, starts_of};
    use super::*;

    #[test]
    fn command_lines() {
        for (line, reading) in [
            ("pipx install --python python3.11 black==24.1", "tools black=24.1"),
            ("pipx run cowsay moo", "wants cowsay"),
            ("pipx install git+https://x.org/y", "unrecognized git+https://x.org/y"),
        ] {
            assert_eq!(ask(&Pipx, line).as_deref(), Some(reading), "{line}");
        }
        assert_eq!(ask(&Pipx, "pipx list"), None);
        assert_eq!(Pipx.inner(&["pipx", "run", "black", "."], &Index::new(), &[]).as_deref(), Some("black ."));
        assert_eq!(alone(program("~/.local/share/pipx/venvs/black/bin/black")), "black [black] 1");
    }

    #[test]
    fn what_it_starts() {
        for (line, command) in [
            ("pipx run black==24.1 --check .", "black --check ."),
            ("pipx run --spec git+https://x.org/y just build", ""),
            ("pipx run --spec=acme-tools just build", ""),
            ("pipx run git+https://x.org/a/jq x", ""),
            ("pipx install black", ""),
        ] {
            assert_eq!(starts_of(&Pipx, line), command, "{line}");
        }
    }
}
