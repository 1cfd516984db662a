//! Conda, Mamba, Micromamba and Pixi: what their environments hold.

use super::install::{self, Kind, Line};
use super::{Asked, Context, Ecosystem, call, line, listed, python};
use crate::index::Index;
use crate::journal::{Invocation, UsedFlake};
use crate::shell::{Inner, Started};

/// Their programs, but for Pixi, whose command lines are others.
const MANAGERS: &str = "conda mamba micromamba";

/// Options that take a value.
const VALUES: &str = "-n --name -p --prefix -c --channel -f --file --solver --repodata-fn --subdir --platform --clone --revision \
    --download-threads -r --root-prefix --rc-file --cwd";

/// Options of Pixi that do.
const PIXI: &str = "-p --platform -f --feature --manifest-path -m -e --environment -c --channel -w --workspace --with --expose \
    --git --rev --tag --branch --subdir --pinning-strategy --pypi-keyring-provider --tls-no-verify";

/// Packages whose names differ, or that one starts by name while Python has one of that name, too.
const NAMES: &str = "nodejs=nodejs openjdk=jdk gcc= gxx= gcc_linux-64= gxx_linux-64= compilers= c-compiler= cxx-compiler= \
    make= cmake=cmake ninja=ninja git=git ffmpeg=ffmpeg r-base=R go=go rust=rustc pkg-config=pkg-config postgresql=postgresql \
    graphviz=graphviz pandoc=pandoc jq=jq openssl=openssl sqlite=sqlite zlib=zlib curl=curl";

/// Packages of Python whose distributions have other names.
const PYTHON: &str = "matplotlib-base=matplotlib opencv=opencv-python py-opencv=opencv-python pytorch=torch pytorch-cpu=torch \
    pytorch-gpu=torch tensorflow-gpu=tensorflow py-xgboost=xgboost pyyaml=pyyaml";

/// The ecosystem.
pub(super) struct Conda;

impl Ecosystem for Conda {
    fn name(&self) -> &'static str {
        "conda"
    }

    fn keeps(&self, argv: &[&str]) -> bool {
        request(argv).is_some_and(|words| !words.is_empty()) || !self.files(argv).is_empty()
    }

    fn invocation(&self, invocation: &Invocation, context: &Context) -> Option<Asked> {
        let words = invocation.words()?;
        let asked_for = request(&words)?;
        let mut asked = Asked::default();
        let said = invocation.says.iter().map(String::as_str);
        asked_for.into_iter().chain(said).for_each(|word| read(word, context.index, &mut asked));
        Some(asked)
    }

    fn installs(&self, argv: &[&str]) -> bool {
        let verbs = "add global init install remove update upgrade";
        call(argv).is_some_and(|(program, rest)| match program {
            "pixi" => rest.first().is_some_and(|verb| listed(verbs, verb)),
            _ => listed(MANAGERS, program) && rest.first() != Some(&"run"),
        })
    }

    fn starts(&self, argv: &[&str]) -> Option<Started> {
        Some(Started { inner: Inner::Words(argv.len() - inner(argv)?.len()), own: false })
    }

    fn inner(&self, argv: &[&str], _index: &Index, _flakes: &[UsedFlake]) -> Option<String> {
        line(argv, self.starts(argv)?)
    }

    fn files(&self, argv: &[&str]) -> Vec<String> {
        let Some((_, words)) = call(argv).filter(|(program, _)| listed(MANAGERS, program)) else {
            return Vec::new();
        };
        let line = Line::read(words, VALUES);
        let named: Vec<String> = line.values("-f --file").map(str::to_owned).collect();
        match line.words.as_slice() {
            ["env", "create" | "update", ..] if named.is_empty() => vec!["environment.yml".to_owned()],
            ["env", "create" | "update", ..] | ["install" | "create", ..] => named,
            _ => Vec::new(),
        }
    }

    fn says(&self, _argv: &[&str], text: &str) -> Vec<String> {
        let entry = |line: &str| {
            let word = line.trim().strip_prefix("- ").unwrap_or(line.trim()).trim_matches(['"', '\'']);
            let word = word.split(['#', ' ']).next().unwrap_or_default();
            let plain = |c: char| c.is_ascii_alphanumeric() || "._-=<>!~*[],".contains(c);
            (word.starts_with(|c: char| c.is_ascii_alphanumeric()) && word.chars().all(plain)).then(|| word.to_owned())
        };
        let channels = text.lines().position(|line| line.trim() == "dependencies:").map_or(0, |at| at + 1);
        text.lines().skip(channels).filter_map(entry).collect()
    }
}

/// Returns the command of `conda run -n x command`.
fn inner<'a, 'b>(argv: &'b [&'a str]) -> Option<&'b [&'a str]> {
    let (_, rest) = call(argv).filter(|(program, _)| listed(MANAGERS, program))?;
    let words = rest.strip_prefix(&["run"])?;
    let mut at = 0;
    while let Some(word) = words.get(at).filter(|word| word.starts_with('-')) {
        at += 1 + usize::from(listed(VALUES, word));
    }
    words.get(at..).filter(|words| !words.is_empty())
}

/// Returns the packages that a command line installs; empty when only a file says them.
fn request<'a>(argv: &[&'a str]) -> Option<Vec<&'a str>> {
    let (program, words) = call(argv)?;
    if program == "pixi" {
        return match Line::read(words, PIXI).words.as_slice() {
            ["add", words @ ..] | ["global", "install" | "add", words @ ..] => Some(words.to_vec()),
            _ => None,
        };
    }
    if !listed(MANAGERS, program) {
        return None;
    }
    let line = Line::read(words, VALUES);
    match line.words.as_slice() {
        ["install" | "create", words @ ..] => Some(words.to_vec()),
        ["env", "create" | "update", ..] => Some(Vec::new()),
        _ => None,
    }
}

/// Reads `package`, `package=1.2`, `package>=1.2`, `channel::package`.
fn read(word: &str, index: &Index, asked: &mut Asked) {
    let word = word.rsplit("::").next().unwrap_or(word);
    let end = word.find(|c| "=<>!~[ ".contains(c)).unwrap_or(word.len());
    let (name, version) = (&word[..end], word[end..].trim_start_matches(['=', '<', '>', '~', '!']));
    let version = Some(version.split(['=', ',']).next().unwrap_or(version)).filter(|version| !version.is_empty());
    if name == "python" {
        let want = install::tool(index, "python", version);
        install::put(word, want, if version.is_some() { Kind::Tool } else { Kind::Library }, asked);
    } else if listed("conda conda-build mamba micromamba pip setuptools wheel", name) {
        asked.ignored.insert(install::INSTALLER);
    } else if let Some(of_python) = install::by_hand(PYTHON, name) {
        python::distribution(of_python, index, asked);
    } else if install::by_hand(NAMES, name).is_some() || index.python(name).is_none() {
        install::put(word, install::named(index, NAMES, name, version), Kind::Tool, asked);
    } else {
        // `>=1.2` is no version that was seen.
        let exact = version.filter(|_| word[end..].starts_with('='));
        let pinned = exact.map_or_else(|| name.to_owned(), |version| format!("{name}=={version}"));
        python::distribution(&pinned, index, asked);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{alone, ask, program, starts_of};
    use super::*;

    #[test]
    fn command_lines() {
        for (line, reading) in [
            (
                "conda create -y -n x -c conda-forge python=3.11 numpy=1.26",
                "installs python3Packages.numpy=1.26 python3 | tools python311=3.11",
            ),
            (
                "mamba install -y conda-forge::nodejs=22 gcc",
                "tools nodejs_22=22 | ignored the standard environment has it",
            ),
            ("conda create --yes -n x 'numpy>=1.26' gcc=12", "installs python3Packages.numpy python3 | tools gcc13=12"),
            ("conda install pytorch", "installs python3Packages.torch python3"),
            ("conda install -n base -c conda-forge mamba", "ignored it installs packages, and those are wanted"),
            ("pixi add python=3.11 'numpy>=1.26'", "installs python3Packages.numpy python3 | tools python311=3.11"),
            ("pixi global install --environment tools ripgrep nodejs=22", "tools ripgrep nodejs_22=22"),
            ("conda install pip", "ignored it installs packages, and those are wanted"),
        ] {
            assert_eq!(ask(&Conda, line).as_deref(), Some(reading), "{line}");
        }
        assert_eq!(ask(&Conda, "conda activate x"), None);
        assert_eq!(ask(&Conda, "pixi run test"), None);
        assert_eq!(Conda.files(&["conda", "env", "create"]), ["environment.yml"]);
        let text =
            "name: x\nchannels:\n  - conda-forge\ndependencies:\n  - python=3.11\n  - pip:\n    - flask==3.0 # x\n";
        assert_eq!(Conda.says(&[], text), ["python=3.11", "flask==3.0"]);
        let line = Conda.inner(&["conda", "run", "-n", "x", "pytest", "-k", "a b"], &Index::new(), &[]);
        assert_eq!(line.as_deref(), Some("pytest -k 'a b'"));
    }

    #[test]
    fn programs() {
        assert_eq!(alone(program("/opt/conda/bin/conda")), "p1 ignored: a version manager");
        assert_eq!(alone(program("/opt/conda/envs/x/bin/python")), "python3 [python] 1");
    }

    #[test]
    fn what_it_starts() {
        for (line, command) in [
            ("conda run --no-capture-output -n x python x.py", "python x.py"),
            ("micromamba run -n base pytest -q", "pytest -q"),
            ("conda run -n x", ""),
            ("conda activate x", ""),
        ] {
            assert_eq!(starts_of(&Conda, line), command, "{line}");
        }
    }
}
