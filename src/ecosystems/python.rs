//! Which Python a session used: of all interpreters the one whose version somebody chose.

use std::collections::BTreeSet;

use super::install::{self, INSTALLER};
use super::{Asked, Want, families, listed, paths, project};
use crate::index::{Index, normalized};
use crate::journal::{Journal, Program};
use crate::nix::AttrPath;

/// Modules of the standard library (`sys.stdlib_module_names` of Python 3.11, which still has those that went since).
pub(super) const STANDARD: &str = "abc aifc antigravity argparse array ast asynchat asyncio asyncore atexit audioop base64 bdb \
    binascii bisect builtins bz2 cProfile calendar cgi cgitb chunk cmath cmd code codecs codeop \
    collections colorsys compileall concurrent configparser contextlib contextvars copy copyreg \
    crypt csv ctypes curses dataclasses datetime dbm decimal difflib dis distutils doctest email \
    encodings ensurepip enum errno faulthandler fcntl filecmp fileinput fnmatch fractions ftplib \
    functools gc genericpath getopt getpass gettext glob graphlib grp gzip hashlib heapq hmac \
    html http imaplib imghdr imp importlib inspect io ipaddress itertools json keyword lib2to3 \
    linecache locale logging lzma mailbox mailcap marshal math mimetypes mmap modulefinder \
    msilib msvcrt multiprocessing netrc nis nntplib nt ntpath nturl2path numbers opcode operator \
    optparse os ossaudiodev pathlib pdb pickle pickletools pipes pkgutil platform plistlib \
    poplib posix posixpath pprint profile pstats pty pwd py_compile pyclbr pydoc pydoc_data \
    pyexpat queue quopri random re readline reprlib resource rlcompleter runpy sched secrets \
    select selectors shelve shlex shutil signal site smtpd smtplib sndhdr socket socketserver \
    spwd sqlite3 sre_compile sre_constants sre_parse ssl stat statistics string stringprep \
    struct subprocess sunau symtable sys sysconfig syslog tabnanny tarfile telnetlib tempfile \
    termios textwrap this threading time timeit token tokenize tomllib trace traceback \
    tracemalloc tty types typing unicodedata unittest urllib uu uuid venv warnings wave weakref \
    webbrowser winreg winsound wsgiref xdrlib xml xmlrpc zipapp zipfile zipimport zlib zoneinfo";

/// Distributions that are installed for their programs, where nixpkgs calls those otherwise.
const TOOLS: &str = "awscli=awscli2 clang-format=clang-tools clang-tidy=clang-tools";

/// What installs, and is not needed where nothing is installed.
const INSTALLERS: &str = "pip wheel setuptools uv pipx virtualenv";

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

/// Returns the Python of a journal, when just one version was chosen: by the name `python3.11`, by a version manager, by a
/// command line, else by a file of the project. The `python3` that a host happens to have is no choice.
pub(super) fn chosen(index: &Index, journal: &Journal, asked: &[&Want]) -> Option<families::Choice> {
    let used = journal.programs.iter().filter(|program| program.is_used());
    let ran: BTreeSet<String> = used.filter_map(version).collect();
    let lines: BTreeSet<String> = asked.iter().filter_map(|want| of_want(want)).collect();
    let file = || project::version(journal, "python").and_then(minor);
    let one = |versions: BTreeSet<String>| Some(versions).filter(|versions| versions.len() == 1)?.pop_first();
    let version = match (ran.len(), lines.len()) {
        (0, 0) => file(),
        (0, _) => one(lines),
        _ => one(ran),
    };
    families::of_tool(index, "python", Some(&version?))
}

/// Returns the version of a wish for an interpreter of its own version.
fn of_want(want: &Want) -> Option<String> {
    let attr = want.instead.as_ref().map_or(&want.attr, |instead| &instead.of);
    let digits = attr.as_str().strip_prefix("python3").filter(|digits| !digits.is_empty())?;
    digits.parse::<u8>().ok().map(|minor| format!("3.{minor}"))
}

/// Returns the version of a Python that somebody chose: two numbers.
fn version(program: &Program) -> Option<String> {
    let managed = paths::of(program).find_map(|path| {
        let rest = MANAGED.iter().find_map(|folder| path.split_once(folder))?.1;
        minor(rest.split('/').next()?)
    });
    // Of the images in which wheels are built: `/opt/python/cp311-cp311`.
    let of_image = || {
        let tag = paths::of(program).find_map(|path| Some(paths::below(path, "/opt/python/cp3")?.0))?;
        minor(&format!("3.{}", tag.split('-').next()?))
    };
    let named = || minor(paths::name(program.path.as_str()?).strip_prefix("python")?);
    managed.or_else(of_image).or_else(named)
}

/// Returns the first two numbers of a version.
fn minor(version: &str) -> Option<String> {
    let mut numbers = version.split(|c: char| !c.is_ascii_digit()).map(|number| number.parse::<u8>().ok());
    let (major, minor) = (numbers.next()??, numbers.next()??);
    Some(format!("{major}.{minor}"))
}

/// Returns the wish for an interpreter of the version that is asked for: `3.11`, `python3.11`, `cpython-3.11.9`; none of a path or
/// without a number.
pub(super) fn interpreter(index: &Index, asked: &str) -> Option<Want> {
    let version =
        asked.trim_start_matches("python").trim_start_matches("cpython-").trim_start_matches(['=', '@', '^', '~']);
    let version = Some(version).filter(|version| version.starts_with(|c: char| c.is_ascii_digit()))?;
    install::tool(index, "python", Some(version))
}

/// Reads a requirement specifier (PEP 508) or what else pip takes in its place.
pub(super) fn distribution(word: &str, index: &Index, asked: &mut Asked) {
    // Of an address that says whose it is, that; the version there is another matter.
    if let Some((name, _)) = word.split_once(" @ ").filter(|(name, _)| !name.contains('/')) {
        return distribution(name.trim(), index, asked);
    }
    if let Some((_, name)) = word.rsplit_once("#egg=") {
        return distribution(name.split('&').next().unwrap_or(name), index, asked);
    }
    let end = word.find(|c: char| !c.is_ascii_alphanumeric() && !"._-".contains(c)).unwrap_or(word.len());
    let (name, rest) = word.split_at(end);
    let rest = rest.trim_start();
    let rest = rest
        .strip_prefix('[')
        .and_then(|extras| extras.split_once(']'))
        .map_or(rest, |(_extras, rest)| rest.trim_start());
    let path = word.split('[').next().unwrap_or(word);
    if path == "." || path == "./" {
        asked.ignored.insert("the project itself");
    } else if name.is_empty() || name.starts_with('.') || rest.starts_with(['/', ':', '@', '+']) || is_archive(name) {
        asked.unrecognized.insert(word.to_owned());
    } else if listed(INSTALLERS, &normalized(name)) {
        asked.ignored.insert(INSTALLER);
    } else if let Some(attr) = index.python(name).filter(|_| normalized(name) != "python") {
        let version = rest.strip_prefix("==").map(|rest| rest.trim_start_matches('=').trim());
        let is_exact =
            |version: &&str| !version.is_empty() && version.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.');
        let seen = version.filter(is_exact).map(str::to_owned);
        asked.installs.push(Want { seen, ..Want::new(attr) });
        asked.installs.extend(index.known("python3").map(Want::new));
    } else if listed(STANDARD, &normalized(name).replace('-', "_")) || normalized(name) == "python" {
        asked.ignored.insert("a module of Python itself");
    } else {
        // A program whose package is none of Python's: `awscli`, `pre-commit`.
        let attr = index.known(install::by_hand(TOOLS, name).unwrap_or(&normalized(name)));
        let tool = attr.filter(|attr| index.attr(attr).is_some_and(|attr| attr.main_program.is_some()));
        install::put(word, tool.map(Want::new), install::Kind::Tool, asked);
    }
}

fn is_archive(name: &str) -> bool {
    [".whl", ".tar.gz", ".zip"].iter().any(|suffix| name.ends_with(suffix))
}

/// Returns what a requirement file says, a specifier each, without addresses and options: those may hold secrets.
pub(super) fn requirements(text: &str) -> Vec<String> {
    let specifier = |line: &str| {
        let line = line.split(['#', ';', '@']).next().unwrap_or_default().trim();
        let plain = |c: char| c.is_ascii_alphanumeric() || " ._-[],<>=!~*+".contains(c);
        let valid = line.starts_with(|c: char| c.is_ascii_alphanumeric()) && line.chars().all(plain);
        valid.then(|| line.trim_end_matches('\\').trim().to_owned())
    };
    text.lines().filter_map(specifier).collect()
}

/// Returns what a `pyproject.toml` says that the project needs, with these extras; none of any other text.
pub(super) fn declared(text: &str, extras: &[&str]) -> Option<Vec<String>> {
    let table: toml::Table = toml::from_str(text).ok()?;
    let of = |value: Option<&toml::Value>| -> Vec<String> {
        let words = value.and_then(|value| value.as_array()).into_iter().flatten();
        words.filter_map(|word| word.as_str().map(str::to_owned)).collect()
    };
    let project = table.get("project");
    let optional = project.and_then(|project| project.get("optional-dependencies"));
    let of_extra = |extra: &&str| of(optional.and_then(|all| all.get(extra)));
    let mut said = of(project.and_then(|project| project.get("dependencies")));
    said.extend(extras.iter().flat_map(of_extra));
    let poetry = table.get("tool").and_then(|tool| tool.get("poetry")?.get("dependencies")?.as_table());
    said.extend(poetry.into_iter().flat_map(|all| all.keys().cloned()).filter(|name| name != "python"));
    (project.is_some() || poetry.is_some()).then(|| requirements(&said.join("\n")))
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
            (&["/opt/python/cp311-cp311/bin/python"], Some("python311")),
            (&["/usr/bin/python2", "/usr/bin/python3-config"], None),
        ] {
            let journal = journal("s", paths.iter().map(|path| program(path)).collect());
            let found = chosen(&index, &journal, &[]).map(|choice| choice.attr.as_str().to_owned());
            assert_eq!(found.as_deref(), attr, "{paths:?}");
        }
    }

    #[test]
    fn an_address_says_whose_it_is_once() {
        let mut asked = Asked::default();
        distribution(&format!("git+https://x.org/y{}flask", "#egg=".repeat(30_000)), &Index::new(), &mut asked);
        assert_eq!(asked.installs.first().map(|want| want.attr.as_str()), Some("python3Packages.flask"));
    }

    #[test]
    fn what_a_project_declares() {
        let text = "[project]\nname = \"x\"\ndependencies = [\"requests>=2; python_version > '3'\", \"y @ https://t@x.org/y\"]\n\
            [project.optional-dependencies]\ndev = [\"pytest\"]\ndocs = [\"sphinx\"]\n";
        assert_eq!(declared(text, &["dev"]), Some(vec!["requests>=2".to_owned(), "y".to_owned(), "pytest".to_owned()]));
        let poetry = "[tool.poetry.dependencies]\npython = \"^3.11\"\nflask = \"^3\"\n";
        assert_eq!(declared(poetry, &[]), Some(vec!["flask".to_owned()]));
        assert_eq!((declared("requests==2\n", &[]), declared("[tool.ruff]\n", &[])), (None, None));
    }

    #[test]
    fn requirement_files() {
        let text = "# x\nrequests==2.31 # why\nflask[async]>=2 ; python_version > '3.8'\n--index-url https://u:p@x.org\n-e .\n\
            mine @ git+https://token@x.org/y\n./local\n\u{1b}[31m\n";
        assert_eq!(requirements(text), ["requests==2.31", "flask[async]>=2", "mine"]);
    }
}
