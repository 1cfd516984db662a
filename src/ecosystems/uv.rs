//! uv: tools, interpreters and packages. `uv pip` is read as pip.

use super::install::{self, Kind, Line};
use super::{Asked, Context, Ecosystem, Near, Need, Reading, Want, call, listed, paths, project, python, verifies};
use crate::index::Index;
use crate::journal::{Invocation, Program, UsedFlake};
use crate::shell::{Inner, Started};

/// Options that take a value.
const VALUES: &str = "-p --python --from -w --with --with-editable --with-requirements --index --default-index -i --index-url \
    --extra-index-url -f --find-links --index-strategy --keyring-provider --resolution --prerelease --exclude-newer --link-mode \
    --config-setting -C --cache-dir --directory --project --config-file --color --env-file --package --group --no-group \
    --only-group --extra --no-extra -m --module -r --requirements -c --constraints --tag --rev --branch --script --optional \
    --prompt --python-platform --python-preference";

/// Options of all verbs that take a value.
const GLOBAL: &str = "--allow-insecure-host --cache-dir --color --config-file --directory --project";

/// Returns the program's name and its words from the verb on: options of all verbs may stand before it.
fn verb<'a, 'b>(argv: &'b [&'a str]) -> Option<(&'a str, &'b [&'a str])> {
    let (program, rest) = call(argv)?;
    let before = if program == "uv" { super::options(rest, GLOBAL) } else { 0 };
    Some((program, &rest[before..]))
}

/// The ecosystem.
pub(super) struct Uv;

impl Ecosystem for Uv {
    fn name(&self) -> &'static str {
        "uv"
    }

    fn keeps(&self, argv: &[&str]) -> bool {
        request(argv).is_some_and(|request| !request.is_empty()) || !self.files(argv).is_empty()
    }

    fn program(&self, program: &Program, context: &Context) -> Reading {
        let Some(path) = program.path.as_str() else {
            return Reading::Unrecognized;
        };
        // A tool that `uvx` runs is in an environment of its own, which it names by a hash.
        let name = paths::name(path);
        let kept = paths::of(program).any(|path| {
            paths::is_bin(path)
                && (path.contains("/uv/tools/")
                    || path.contains("/uv/archive-v0/")
                    || path.contains("/uv/environments-"))
        });
        match context.index.program(name).filter(|_| kept && !name.starts_with("python")) {
            Some(found) => Reading::Wants(super::wants(context.index, found.attr, name, None)),
            None => Reading::Unrecognized,
        }
    }

    fn invocation(&self, invocation: &Invocation, context: &Context) -> Option<Asked> {
        let words = invocation.words()?;
        let request = request(&words)?;
        let mut asked = Asked::default();
        for tool in request.tools {
            read_tool(tool, context.index, &mut asked);
        }
        if request.runs {
            asked = asked.run();
        }
        asked.tools.extend(request.python.iter().filter_map(|version| python::interpreter(context.index, version)));
        let is_locked = project::keeps(context.journal, "python");
        for word in request.packages.iter().copied().chain(invocation.says.iter().map(String::as_str)) {
            match is_locked {
                true => drop(asked.ignored.insert(install::LOCKED)),
                false => python::distribution(word, context.index, &mut asked),
            }
        }
        request.with.iter().for_each(|word| python::distribution(word, context.index, &mut asked));
        Some(asked)
    }

    fn installs(&self, argv: &[&str]) -> bool {
        let is_one = |rest: &[&str]| {
            let line = Line::read(rest, VALUES);
            matches!(
                line.words.as_slice(),
                ["pip" | "venv" | "python" | "cache" | "self", ..] | ["tool", "install" | "upgrade", ..]
            )
        };
        call(argv).is_some_and(|(program, rest)| program == "uv" && is_one(rest))
    }

    fn verifies(&self, argv: &[&str]) -> Option<String> {
        match verb(argv)? {
            ("uv", ["run", rest @ ..]) => verifies(&behind(rest)?),
            ("uv", ["lock", rest @ ..]) => rest.contains(&"--check").then(|| "uv-lock".to_owned()),
            _ => None,
        }
    }

    fn need(&self, program: &str, _near: &Near) -> Option<Need> {
        const WHY: &str = "uv fetches what it runs, and nixpkgs has other versions than its lock file";
        (program == "uv").then_some(Need::Online(WHY))
    }

    fn inner(&self, argv: &[&str], _index: &Index, _flakes: &[UsedFlake]) -> Option<String> {
        let (("uvx", rest) | ("uv", ["tool", "run", rest @ ..])) = verb(argv)? else { return None };
        let words = behind(rest)?;
        let (program, rest) = words.split_first()?;
        let program = program.split(['@', '=', '[']).next()?;
        shlex::try_join([&[program], rest].concat()).ok()
    }

    fn starts(&self, argv: &[&str]) -> Option<Started> {
        let (rest, own) = match verb(argv)? {
            ("uv", ["run", rest @ ..]) => (rest, true),
            ("uv", ["tool", "run", rest @ ..]) | ("uvx", rest) => (rest, false),
            _ => return None,
        };
        let at = argv.len() - rest.len() + start(rest)?;
        let word = *argv.get(at)?;
        let inner = match word {
            "-m" | "--module" => Inner::Named("python".to_owned(), at),
            _ if own && word.ends_with(".py") => Inner::Named("python".to_owned(), at),
            _ if own => Inner::Words(at),
            // What programs an address brings is not known, nor whose the program of another package is.
            _ if word.contains([':', '/']) || Line::read(options(rest), VALUES).has("--from") => return None,
            _ => Inner::Named(word.split(['@', '=', '[', '>', '<', '~']).next()?.to_owned(), at + 1),
        };
        Some(Started { inner, own })
    }

    fn files(&self, argv: &[&str]) -> Vec<String> {
        let (names, rest) = match verb(argv) {
            Some(("uv", ["add", rest @ ..])) => ("-r --requirements", rest),
            Some(("uv", ["run", rest @ ..])) => ("--with-requirements", options(rest)),
            _ => return Vec::new(),
        };
        Line::read(rest, VALUES).values(names).map(str::to_owned).collect()
    }

    fn says(&self, _argv: &[&str], text: &str) -> Vec<String> {
        python::requirements(text)
    }
}

/// Returns where the command behind the options of `uv run` begins.
fn start(words: &[&str]) -> Option<usize> {
    let mut at = 0;
    loop {
        match *words.get(at)? {
            "--" => return Some(at + 1),
            "-m" | "--module" => return Some(at),
            // Of `uv add` it takes a value.
            "-s" | "--script" => at += 1,
            word if listed(VALUES, word) => at += 2,
            word if word.starts_with('-') => at += 1,
            _ => return Some(at),
        }
    }
}

/// Returns the command behind the options of `uv run`; `-m module` is one of Python.
fn behind<'a>(words: &[&'a str]) -> Option<Vec<&'a str>> {
    let command = words.get(start(words)?..)?;
    match command.first() {
        Some(&("-m" | "--module")) => Some([&["python"], command].concat()),
        _ => Some(command.to_vec()),
    }
}

/// Returns the options before the command.
fn options<'a, 'b>(words: &'b [&'a str]) -> &'b [&'a str] {
    &words[..start(words).unwrap_or(words.len())]
}

/// What a command line asks for.
#[derive(Default)]
struct Request<'a> {
    python: Vec<&'a str>,
    tools: Vec<&'a str>,
    packages: Vec<&'a str>,
    with: Vec<&'a str>,
    /// Whether it runs the tools.
    runs: bool,
}

impl Request<'_> {
    fn is_empty(&self) -> bool {
        self.python.is_empty() && self.tools.is_empty() && self.packages.is_empty() && self.with.is_empty()
    }
}

fn request<'a>(argv: &[&'a str]) -> Option<Request<'a>> {
    let (program, words) = verb(argv).filter(|(program, _)| listed("uv uvx", program))?;
    let mut request = Request::default();
    let is_run = program == "uvx" || matches!(words, ["run", ..] | ["tool", "run", ..]);
    let skip = if program == "uvx" { 0 } else { 1 + usize::from(words.first() == Some(&"tool")) };
    let line = Line::read(if is_run { options(words.get(skip..).unwrap_or_default()) } else { words }, VALUES);
    request.python.extend(line.values("-p --python"));
    let tool =
        || line.values("--from").next().or_else(|| behind(words.get(skip..).unwrap_or_default())?.first().copied());
    match (program, words) {
        ("uvx", _) | ("uv", ["tool", "run", ..]) => {
            request.tools.extend(tool());
            request.runs = true;
            request.with.extend(line.values("-w --with").flat_map(|list| list.split(',')));
        }
        ("uv", ["run", ..]) => request.with.extend(line.values("-w --with").flat_map(|list| list.split(','))),
        ("uv", _) => match line.words.as_slice() {
            ["tool", "install", rest @ ..] => request.tools.extend(rest.iter().take(1)),
            ["python", "install" | "pin", rest @ ..] => {
                request.python.extend(rest);
            }
            ["add", rest @ ..] => {
                request.packages.extend(rest);
                if rest.is_empty() && line.has("-r --requirements") {
                    request.packages.extend(line.values("-r --requirements").map(|_| ".").take(1));
                }
            }
            ["venv" | "sync" | "init" | "lock", ..] => {}
            _ => return None,
        },
        _ => return None,
    }
    Some(request)
}

/// Reads `tool`, `tool@latest`, `tool==1.2`, `tool[extra]`.
fn read_tool(word: &str, index: &Index, asked: &mut Asked) {
    let end = word.find(|c| "@=<>[~!".contains(c)).unwrap_or(word.len());
    let (name, version) = (&word[..end], word[end..].trim_start_matches("==").trim_start_matches('@'));
    let seen = Some(version).filter(|version| version.starts_with(|c: char| c.is_ascii_digit())).map(str::to_owned);
    let attr = index.program(name).map(|found| found.attr).or_else(|| index.python(name)).or_else(|| index.known(name));
    install::put(word, attr.map(|attr| Want { seen, ..Want::new(attr) }), Kind::Tool, asked);
}

#[cfg(test)]
mod tests {
    use super::super::tests::{alone, ask, program, starts_of};
    use super::*;

    #[test]
    fn command_lines() {
        for (line, reading) in [
            ("uv tool install ruff@latest", "tools ruff"),
            ("uvx --from httpie==3.2 http x.org", "wants httpie=3.2"),
            ("uv tool install --python 3.12 'ruff>=0.4' ", "tools ruff python312=3.12"),
            ("uvx ruff@0.4.1 check .", "wants ruff=0.4.1"),
            ("uv tool install --force aider-chat@latest", "tools aider-chat"),
            ("uv run --with rich -m pytest", "installs python3Packages.rich python3"),
            ("uv sync --python=3.11", "tools python311=3.11"),
            ("uv init --python 3.12", "tools python312=3.12"),
            ("uv python pin cpython-3.11.9", "tools python311=3.11.9"),
            ("uvx --python 3.12 ruff check .", "wants ruff | tools python312=3.12"),
            ("uv python install 3.12", "tools python312=3.12"),
            ("uv venv --python 3.11", "tools python311=3.11"),
            (
                "uv run --with requests,rich x.py",
                "installs python3Packages.requests python3 python3Packages.rich python3",
            ),
            (
                "uv add --dev pytest 'httpx>=0.27'",
                "installs python3Packages.pytest python3 python3Packages.httpx python3",
            ),
        ] {
            assert_eq!(ask(&Uv, line).as_deref(), Some(reading), "{line}");
        }
        assert_eq!(Uv.files(&["uv", "run", "--with-requirements", "r.txt", "-m", "pytest"]), ["r.txt"]);
        for line in ["uv run -m pytest", "uv sync", "uv run pytest", "uv lock", "uv venv", "uv pip install x"] {
            assert!(!Uv.keeps(&line.split(' ').collect::<Vec<_>>()), "{line}");
        }
    }

    #[test]
    fn programs() {
        let pythons = "python3 [] 1, python3Packages.pytest [pytest] 1";
        assert_eq!(alone(program("~/.local/share/uv/tools/ruff/bin/ruff")), "ruff [ruff] 1");
        assert_eq!(alone(program("~/.cache/uv/archive-v0/AbC1/bin/pytest")), pythons);
    }

    #[test]
    fn checks() {
        for (line, name) in [
            ("uv run pytest -q", Some("pytest")),
            ("uv -n run -n pytest -q", Some("pytest")),
            ("uv run --frozen --python 3.11 -- ruff check .", Some("ruff-check")),
            ("uv run -m unittest", Some("unittest")),
            ("uv --quiet run --module pytest -q", Some("pytest")),
            ("uv run x.py", None),
            ("uv sync", None),
        ] {
            assert_eq!(Uv.verifies(&line.split(' ').collect::<Vec<_>>()).as_deref(), name, "{line}");
        }
        let inner = |line: &str| Uv.inner(&line.split(' ').collect::<Vec<_>>(), &Index::new(), &[]);
        assert_eq!(inner("uvx --python 3.12 ruff@0.4.1 check .").as_deref(), Some("ruff check ."));
        assert_eq!(inner("uv run ruff"), None);
    }

    #[test]
    fn what_it_starts() {
        for (line, command) in [
            ("uv run pytest -q", "own pytest -q"),
            ("uv run --python 3.12 --with rich -- x.py a", "own python x.py a"),
            ("uv run -m pytest -q", "own python -m pytest -q"),
            ("uv run --script x.py", "own python x.py"),
            ("uv run bash -c 'a; b'", "own bash -c a; b"),
            ("uvx ruff@0.4.1 check .", "ruff check ."),
            ("uv --quiet run pytest -q", "own pytest -q"),
            ("uv --directory api run --module pytest -q", "own python --module pytest -q"),
            ("uv --offline tool run ruff check", "ruff check"),
            ("uv tool run --from httpie==3.2 http x.org", ""),
            ("uvx git+https://x.org/a/jq x", ""),
            ("uvx --from git+https://x.org/y y z", ""),
            ("uv run", ""),
            ("uv sync", ""),
        ] {
            assert_eq!(starts_of(&Uv, line), command, "{line}");
        }
    }
}
