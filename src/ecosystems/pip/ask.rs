//! Command lines of Python that name modules and distributions.

use super::super::install::{INSTALLER, Line};
use super::super::{Asked, Want, call, listed, python};
use super::is_python;
use crate::index::Index;

/// Names that projects give their own modules; what the index has of these names is something else.
const OWN: &str = "__main__ api app apps backend bench benchmarks bin cli client config core demo docs example examples \
    experiments lib main manage migrations my mypackage project run script scripts server service setup src test tests \
    tool tools util utils";

/// Options of `pip install` that take a value.
const VALUES: &str = "-c --constraint -t --target --platform --python-version --implementation --abi --root --prefix --src \
    --upgrade-strategy --config-settings -C --global-option --no-binary --only-binary --progress-bar --report -i --index-url \
    --extra-index-url -f --find-links --cert --client-cert --trusted-host --proxy --retries --timeout --exists-action --log \
    --cache-dir --python -p --group --default-index --index --keyring-provider --resolution --prerelease --link-mode \
    --exclude-newer --override --build-constraint";

/// What a command line asks for.
#[derive(Debug)]
pub(super) enum Request<'a> {
    /// Distributions, files and folders to install.
    Install(Vec<&'a str>),
    /// Requirement files of which all is to be there, and nothing else.
    Sync(Vec<&'a str>),
    /// A module to run.
    Module(&'a str),
}

/// Returns what a command line asks for; none when it names neither distributions nor a module.
pub(super) fn request<'a>(argv: &[&'a str]) -> Option<Request<'a>> {
    let (program, rest) = call(argv)?;
    if is_python(program) {
        let (module, rest) = module(rest)?;
        let install = (module == "pip").then(|| install(rest)).flatten();
        return Some(install.unwrap_or(Request::Module(module)));
    }
    match rest.split_first() {
        _ if program.strip_prefix("pip").is_some_and(is_version) => install(rest),
        _ if program == "uv" => {
            let options = rest.iter().take_while(|word| word.starts_with('-')).count();
            install(rest[options..].strip_prefix(&["pip"])?)
        }
        _ => None,
    }
}

/// Returns whether this may follow `pip` or `python` in a name: nothing, `3`, `3.11`.
pub(super) fn is_version(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit() || b == b'.')
}

/// Returns the module of `python -m MODULE`, and what follows it.
pub(super) fn module<'a, 'b>(words: &'b [&'a str]) -> Option<(&'a str, &'b [&'a str])> {
    let mut rest = words;
    loop {
        let (word, after) = rest.split_first()?;
        match *word {
            // The long form is only uv's, which runs Python with it.
            "-m" | "--module" => return after.split_first().map(|(module, rest)| (*module, rest)),
            "-W" | "-X" => rest = after.get(1..)?,
            "-c" | "-" | "--" => return None,
            _ if word.starts_with("--") => rest = after,
            _ => {
                let flags = word.strip_prefix('-')?;
                match flags.split_once('m') {
                    Some((before, "")) if !before.contains(['c', 'W', 'X']) => {
                        return after.split_first().map(|(module, rest)| (*module, rest));
                    }
                    Some((before, module)) if !before.contains(['c', 'W', 'X']) => {
                        return Some((module, after));
                    }
                    _ if flags.contains('c') => return None,
                    _ => rest = after,
                }
            }
        }
    }
}

fn install<'a>(words: &[&'a str]) -> Option<Request<'a>> {
    let mut start = 0;
    while words.get(start)?.starts_with('-') {
        start += 1 + usize::from(listed(VALUES, words[start]));
    }
    let only_tells = words.iter().any(|word| ["--dry-run", "--help", "-h"].contains(word));
    let rest = words[start + 1..].to_vec();
    match words[start] {
        _ if only_tells => None,
        "install" => Some(Request::Install(rest)),
        "sync" => Some(Request::Sync(rest)),
        _ => None,
    }
}

impl<'a> Request<'a> {
    /// Returns the extras of the project itself that are installed with it: `dev` of `.[dev]`; none when it is not installed.
    pub(super) fn extras(&self) -> Option<Vec<&'a str>> {
        let Self::Install(words) = self else { return None };
        let words = words.iter().map(|word| word.strip_prefix("--editable=").unwrap_or(word));
        let own =
            words.map(|word| word.split_once('[').unwrap_or((word, ""))).filter(|(path, _)| [".", "./"].contains(path));
        let mut own = own.map(|(_, extras)| extras.trim_end_matches(']').split(',').map(str::trim)).peekable();
        own.peek()?;
        Some(own.flatten().filter(|extra| !extra.is_empty()).collect())
    }

    /// Returns the requirement files that are named, and the one in which the project says what it needs.
    pub(super) fn files(&self) -> Vec<String> {
        let mut files = Vec::new();
        let words = match self {
            Self::Install(words) => words,
            Self::Sync(words) => {
                return Line::read(words, VALUES).words.iter().map(|file| (*file).to_owned()).collect();
            }
            Self::Module(_) => return files,
        };
        files.extend(self.extras().map(|_| "pyproject.toml".to_owned()));
        let mut rest = words.iter().copied();
        while let Some(word) = rest.next() {
            match word.split_once('=') {
                Some(("--requirement" | "--requirements", file)) => files.push(file.to_owned()),
                _ if listed("-r --requirement --requirements", word) => files.extend(rest.next().map(str::to_owned)),
                _ if listed(VALUES, word) => drop(rest.next()),
                _ if is_cluster(word, 'r') => files.extend(rest.next().map(str::to_owned)),
                _ => files.extend(word.strip_prefix("-r").filter(|file| !file.is_empty()).map(str::to_owned)),
            }
        }
        files
    }

    /// Reads each of its words; `said` is what the requirement files among them say.
    pub(super) fn read(&self, index: &Index, said: &[String]) -> Asked {
        let mut asked = Asked::default();
        match self {
            Self::Module(module) => read_module(module, index, &mut asked),
            Self::Sync(words) => {
                Line::read(words, VALUES).words.iter().for_each(|file| read_file(file, said, &mut asked));
                said.iter().for_each(|word| python::distribution(word, index, &mut asked));
            }
            Self::Install(words) => {
                let mut rest = words.iter().copied();
                while let Some(word) = rest.next() {
                    let option = word.split('=').next().unwrap_or(word);
                    match option {
                        "-r" | "--requirement" | "--requirements" => {
                            let file = word.split_once('=').map(|(_, file)| file).or_else(|| rest.next());
                            read_file(file.unwrap_or_default(), said, &mut asked);
                        }
                        "-e" | "--editable" => {
                            let what = word.split_once('=').map(|(_, what)| what).or_else(|| rest.next());
                            python::distribution(what.unwrap_or("."), index, &mut asked);
                        }
                        "-p" | "--python" => {
                            let version = word.split_once('=').map(|(_, version)| version).or_else(|| rest.next());
                            asked.tools.extend(python::interpreter(index, version.unwrap_or_default()));
                        }
                        _ if listed(VALUES, word) => drop(rest.next()),
                        _ if is_cluster(word, 'r') => read_file(rest.next().unwrap_or_default(), said, &mut asked),
                        _ if is_cluster(word, 'e') => {
                            python::distribution(rest.next().unwrap_or("."), index, &mut asked);
                        }
                        _ if word.starts_with("-r") => read_file(&word[2..], said, &mut asked),
                        _ if word.starts_with('-') => {}
                        _ => python::distribution(word, index, &mut asked),
                    }
                }
                said.iter().for_each(|word| python::distribution(word, index, &mut asked));
            }
        }
        asked
    }
}

/// Returns whether a word is several short options, of which the last takes a value: `-Ur`, `-qe`.
fn is_cluster(word: &str, last: char) -> bool {
    let flags = word.strip_prefix('-').and_then(|flags| flags.strip_suffix(last));
    flags.is_some_and(|flags| !flags.is_empty() && flags.chars().all(|flag| "qvUI".contains(flag)))
}

/// Notes a requirement file; what it says is read by itself.
fn read_file(file: &str, said: &[String], asked: &mut Asked) {
    if said.is_empty() {
        asked.unrecognized.insert(format!("-r {file}"));
    }
}

fn read_module(module: &str, index: &Index, asked: &mut Asked) {
    let top = module.split('.').next().unwrap_or(module);
    if listed(python::STANDARD, top) {
        asked.ignored.insert("a module of Python itself");
    } else if top == "pip" {
        asked.ignored.insert(INSTALLER);
    } else if listed(OWN, top) {
        asked.ignored.insert("the project's own module");
    } else if let Some(attr) = index.python_module(module) {
        asked.wants.extend([Some(attr), index.known("python3")].into_iter().flatten().map(Want::new));
    } else {
        asked.unrecognized.insert(format!("-m {module}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(line: &str) -> Option<String> {
        let argv = shlex::split(line).expect("words");
        let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
        let asked = request(&argv)?.read(&Index::new(), &[]);
        let wants = asked
            .wants
            .iter()
            .chain(&asked.installs)
            .chain(&asked.tools)
            .filter(|want| want.attr.as_str() != "python3");
        let shown = |want: &Want| {
            let name = want.attr.within("python3Packages").unwrap_or(want.attr.as_str());
            want.seen.as_ref().map_or(name.to_owned(), |seen| format!("{name}={seen}"))
        };
        let unknown: Vec<&str> = asked.unrecognized.iter().map(String::as_str).collect();
        let wants: Vec<String> = wants.map(shown).collect();
        Some([wants.join(" "), unknown.join(" "), asked.ignored.into_iter().collect()].join("|"))
    }

    #[test]
    fn command_lines() {
        for (line, reading) in [
            ("pip install requests PyYAML==6.0.1 -U", "requests pyyaml=6.0.1||"),
            (
                "pip3 --no-cache-dir install 'numpy>=1.2,<2' 'uvicorn[standard]' 'httpx [http2] == 0.27'",
                "numpy uvicorn httpx=0.27||",
            ),
            ("python3 -m pip install -q -i https://x/y flask", "flask||"),
            ("uv pip install --system ruff", "ruff||"),
            ("pip install -e .", "||the project itself"),
            ("pip install '.[dev]' --editable=.", "||the project itself"),
            ("pip install -r requirements.txt -rdev.txt", "|-r dev.txt -r requirements.txt|"),
            (
                "pip install git+https://x/y ./other no-such-thing-zz x-1.0-py3-none-any.whl",
                "|./other git+https://x/y no-such-thing-zz x-1.0-py3-none-any.whl|",
            ),
            ("pip install -Ur requirements.txt -qe .", "|-r requirements.txt|the project itself"),
            ("pip install awscli pre-commit", "awscli2 pre-commit||"),
            ("pip install argparse", "||a module of Python itself"),
            ("pip install --upgrade pip setuptools wheel", "||it installs packages, and those are wanted"),
            ("python -m pytest -q", "pytest||"),
            ("python --module pytest -q", "pytest||"),
            ("python3.11 -Im http.server", "||a module of Python itself"),
            ("python -W ignore -m tests.run", "||the project's own module"),
            ("python -m zz_unknown.cli", "|-m zz_unknown.cli|"),
            ("/x/.venv/bin/python -mblack .", "black||"),
            ("pip --proxy http://x.org install flask", "flask||"),
            ("uv --quiet pip install --python 3.11 flask", "flask python311=3.11||"),
            ("uv pip sync requirements.txt", "|-r requirements.txt|"),
            (
                "pip install 'requests @ https://x.org/r.whl' 'git+https://x.org/y.git@main#egg=flask'",
                "requests flask||",
            ),
            ("pip install git+https://x.org/flask.git", "|git+https://x.org/flask.git|"),
            ("python -m pip list", "||it installs packages, and those are wanted"),
        ] {
            assert_eq!(ask(line).as_deref(), Some(reading), "{line}");
        }
        for line in [
            "pip list",
            "pip3 install --dry-run flask",
            "python x.py -m y",
            "python -c 'import x' -m y",
            "python",
            "uv run x",
            "pipx install x",
            "",
            "pythonw -m x",
        ] {
            assert_eq!(ask(line), None, "{line}");
        }
    }
}
