//! Command lines of Nix that name packages.

use std::sync::OnceLock;

use regex::Regex;

use super::super::{Asked, Want, call, families, libraries, listed, paths};
use super::line::Line;
use super::others::{BUILDS, place};
use crate::index::Index;
use crate::journal::UsedFlake;
use crate::nix::AttrPath;

/// What a command line asks for.
#[derive(Debug)]
pub(super) enum Request<'a> {
    /// Installables of flakes; `develops` when the shell for building them is meant.
    Flake { develops: bool, installables: Vec<&'a str> },
    /// Nix expressions within nixpkgs.
    Packages(Vec<&'a str>),
    /// Attributes of nixpkgs, of which the shell for building them is meant.
    Builds(Vec<&'a str>),
    /// A program, by its name: comma.
    Program(&'a str),
    /// A script that says in its first lines what it needs, or a file of Nix.
    Script(&'a str),
}

/// Returns what a command line asks for; none when it names no packages.
pub(super) fn request<'a>(argv: &[&'a str]) -> Option<Request<'a>> {
    let is_one = |program: &str| listed(", comma nix nix-build nix-env nix-shell", program);
    let (program, rest) = call(argv).filter(|(program, _)| is_one(program))?;
    let line = Line::read(program, rest);
    let is_nixpkgs = line.words.first() == Some(&"<nixpkgs>");
    match program {
        "nix" => flake(&line),
        "nix-shell" | "nix-build" if line.has(&["-E", "--expr"]) => Some(Request::Packages(vec!["--expr"])),
        "nix-shell" | "nix-build" if line.has(&["-p", "--packages"]) => Some(Request::Packages(line.words)),
        "nix-build" | "nix-shell" if is_nixpkgs && line.has(&["-A", "--attr"]) => {
            let attrs = line.attrs().collect();
            Some(if program == "nix-shell" { Request::Builds(attrs) } else { Request::Packages(attrs) })
        }
        "nix-build" => Some(Request::Flake { develops: false, installables: vec!["."] }),
        "nix-shell" => line.words.first().filter(|word| !word.starts_with('<')).map(|word| Request::Script(word)),
        "nix-env" if line.options.iter().any(|(option, _)| is_install(option)) => {
            Some(Request::Packages(line.attrs().chain(line.words.iter().copied()).collect()))
        }
        "," | "comma" => line.words.first().map(|word| Request::Program(word)),
        _ => None,
    }
}

/// Returns the command line that Nix runs with what it provides, when all of that is known.
pub(super) fn inner(argv: &[&str], index: &Index, flakes: &[UsedFlake]) -> Option<String> {
    let (program, rest) = call(argv)?;
    let line = Line::read(program, rest);
    let command = line.command.clone();
    let words = |words: &[&str]| shlex::try_join(words.iter().copied()).ok();
    let is_known = |request: Option<&Request>| {
        let read = |request: &Request| {
            let mut asked = request.read(index, &[]);
            place(&mut asked, argv, flakes);
            asked.unrecognized.is_empty()
        };
        request.is_none_or(read)
    };
    let request = request(argv);
    match (program, &request) {
        ("nix-shell", Some(Request::Script(file))) if !file.ends_with(".nix") => None,
        ("nix-shell", _) => command
            .first()
            .map(|text| (*text).to_owned())
            .filter(|_| is_known(request.as_ref().filter(|it| !matches!(it, Request::Script(_))))),
        ("nix", Some(Request::Flake { installables, .. })) if line.words.first() == Some(&"run") => {
            let [installable] = installables.as_slice() else { return None };
            let attr = request.as_ref()?.read(index, &[]).wants.into_iter().next()?.attr;
            let main = index.attr(&attr).and_then(|attr| attr.main_program);
            let program = main.or(installable.rsplit(['#', '.']).next())?;
            words(&[&[program], command.as_slice()].concat())
        }
        ("nix", Some(_)) if !command.is_empty() && is_known(request.as_ref()) => words(&command),
        (",", Some(_)) => words(&line.words),
        _ => None,
    }
}

/// Returns the script that a command line starts, when it is no file of Nix.
pub(super) fn script<'a>(argv: &[&'a str]) -> Option<&'a str> {
    match request(argv)? {
        Request::Script(file) if !file.ends_with(".nix") => Some(file),
        _ => None,
    }
}

/// Returns what the first lines of a script name: packages of `#! nix-shell -i bash -p jq`, installables of `#! nix shell
/// nixpkgs#jq --command bash`.
pub(super) fn shebang(text: &str) -> Vec<String> {
    // All lines together are the arguments.
    let words = |program: &str| -> Vec<String> {
        let lines = text.lines().take_while(|line| line.starts_with("#!"));
        let rest = lines.filter_map(|line| line.trim_start_matches("#!").trim_start().strip_prefix(program));
        rest.filter_map(shlex::split).flatten().collect()
    };
    let (shell, flakes) = (words("nix-shell "), words("nix "));
    let shell = Line::read("nix-shell", &shell.iter().map(String::as_str).collect::<Vec<_>>());
    let packages = if shell.has(&["-p", "--packages"]) { shell.words } else { Vec::new() };
    let flakes = Line::read("nix", &flakes.iter().map(String::as_str).collect::<Vec<_>>());
    let installables = match flake(&flakes) {
        Some(Request::Flake { develops: false, installables }) => installables,
        _ => Vec::new(),
    };
    packages.into_iter().chain(installables).map(str::to_owned).collect()
}

/// Returns whether an option of nix-env installs: `-i`, `-iA`, `--install`.
fn is_install(option: &str) -> bool {
    option == "--install"
        || option.strip_prefix('-').is_some_and(|flags| !flags.starts_with('-') && flags.contains('i'))
}

/// Reads a command line of `nix` itself.
fn flake<'a>(line: &Line<'a>) -> Option<Request<'a>> {
    let (verb, words) = match line.words.as_slice() {
        ["profile", "install" | "add", words @ ..] | ["env", "shell", words @ ..] => ("shell", words),
        [verb @ ("shell" | "run" | "build" | "develop"), words @ ..] => (*verb, words),
        // As the kernel starts a script of `#!/usr/bin/env nix`.
        [file, ..] if file.contains('/') => return Some(Request::Script(file)),
        _ => return None,
    };
    let file = line.options.iter().find(|(option, _)| ["-f", "--file"].contains(option));
    match file {
        Some((_, Some("<nixpkgs>"))) if verb == "develop" => return Some(Request::Builds(words.to_vec())),
        Some((_, Some("<nixpkgs>"))) => return Some(Request::Packages(words.to_vec())),
        Some(_) => {
            return Some(Request::Flake { develops: false, installables: vec!["."] });
        }
        None => {}
    }
    if line.has(&["--expr", "-E"]) {
        return Some(Request::Packages(vec!["--expr"]));
    }
    let words = if verb == "run" { &words[..words.len().min(1)] } else { words };
    let installables = if words.is_empty() { vec!["."] } else { words.to_vec() };
    Some(Request::Flake { develops: verb == "develop", installables })
}

impl Request<'_> {
    /// Reads each of its words; `said` is what a script says.
    pub(super) fn read(&self, index: &Index, said: &[String]) -> Asked {
        let mut asked = Asked::default();
        match self {
            Self::Flake { develops, installables } => {
                installables.iter().for_each(|word| read_installable(word, *develops, index, &mut asked));
            }
            Self::Script(file) if file.ends_with(".nix") => drop(asked.ignored.insert("the project's own shell")),
            Self::Script(file) if said.is_empty() => drop(asked.unrecognized.insert(format!("nix-shell {file}"))),
            Self::Script(_) => said.iter().for_each(|term| match term.contains('#') {
                true => read_installable(term, false, index, &mut asked),
                false => read_term(term, index, &mut asked),
            }),
            Self::Program(name) => match index.program(name) {
                Some(found) => asked.wants.push(Want::new(found.attr)),
                None => drop(asked.unrecognized.insert(format!(", {name}"))),
            },
            Self::Packages(terms) => terms.iter().for_each(|term| read_term(term, index, &mut asked)),
            Self::Builds(attrs) => attrs.iter().for_each(|attr| match package(attr, index) {
                Some(want) => asked.wants.push(built(want)),
                None => drop(asked.unrecognized.insert(format!("{BUILDS}{attr}"))),
            }),
        }
        asked
    }
}

/// Reads `flakeref#attr^outputs`.
fn read_installable(installable: &str, develops: bool, index: &Index, asked: &mut Asked) {
    let (flake, attr) = installable.split_once('#').unwrap_or((installable, ""));
    if is_own(flake) {
        asked.ignored.insert("the project's own flake");
        return;
    }
    // A path of the store: its name says the package.
    if let Some(store) = paths::Store::of(flake) {
        match index.store_name(store.name) {
            Some(attr) => asked.wants.push(Want { seen: super::version(&store), ..Want::new(attr) }),
            None => drop(asked.unrecognized.insert(installable.to_owned())),
        }
        return;
    }
    let attr = attr.split('^').next().unwrap_or_default();
    let attr = ["x86_64-linux", "aarch64-linux", "x86_64-darwin", "aarch64-darwin"]
        .iter()
        .find_map(|system| {
            ["legacyPackages", "packages"].iter().find_map(|set| attr.strip_prefix(&format!("{set}.{system}.")))
        })
        .unwrap_or(attr);
    match package(attr, index).filter(|_| is_nixpkgs(flake)) {
        Some(want) => asked.wants.push(if develops { built(want) } else { want }),
        None => {
            let name = if develops { format!("{BUILDS}{installable}") } else { installable.to_owned() };
            asked.unrecognized.insert(name);
        }
    }
}

/// Returns the wish for what a package is built with.
fn built(want: Want) -> Want {
    Want { builds: true, library: false, seen: None, ..want }
}

/// Returns the wish for an attr, with an output or not: `openssl.dev` is what one builds against.
fn package(attr: &str, index: &Index) -> Option<Want> {
    let of_output = || {
        let (attr, output) = attr.rsplit_once('.').filter(|(_, output)| listed("bin dev lib out", output))?;
        let attr = index.known(attr)?;
        Some(if listed("dev lib", output) { libraries::wanted(attr) } else { Want::new(attr) })
    };
    // A version that is gone, or that nixpkgs refuses, and packages of Node that have moved.
    let of_family = || families::of_attr(index, attr).map(|choice| Want::of(choice, None));
    let moved = || {
        let name = ["nodePackages.", "nodePackages_latest."].iter().find_map(|set| attr.strip_prefix(set))?;
        index.known(name).filter(|attr| index.attr(attr).is_some_and(|it| it.main_program.is_some())).map(Want::new)
    };
    of_family().or_else(|| index.known(attr).map(Want::new)).or_else(of_output).or_else(moved)
}

/// Returns whether a flakeref is of the project: a path that does not lead out.
pub(super) fn is_own(flake: &str) -> bool {
    let path = flake.strip_prefix("path:").or_else(|| flake.strip_prefix("git+file:")).unwrap_or(flake);
    let path = path.split('?').next().unwrap_or_default();
    path.is_empty() || (path.starts_with('.') && path.split('/').all(|part| part != ".."))
}

/// Returns whether a flakeref is nixpkgs, of any revision.
pub(in super::super) fn is_nixpkgs(flake: &str) -> bool {
    let flake = flake.split('?').next().unwrap_or_default().to_ascii_lowercase();
    let flake = flake.strip_prefix("flake:").unwrap_or(&flake);
    let of = |name: &str| flake.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    of("nixpkgs") || of("github:nixos/nixpkgs")
}

/// Reads a term of `nix-shell -p` or `nix-env -iA`: `jq`, `nixpkgs.jq`, `python3.withPackages(ps: [ps.requests])`.
fn read_term(term: &str, index: &Index, asked: &mut Asked) {
    let name = term.trim();
    let name = ["nixpkgs.", "nixos.", "pkgs."].iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(name);
    // `nix-env -i hello-2.12`.
    let plain = name.match_indices('-').find(|(at, _)| name[at + 1..].starts_with(|c: char| c.is_ascii_digit()));
    let plain = || index.store_name(plain.map_or(name, |(at, _)| &name[..at])).map(Want::new);
    let found = package(name, index).or_else(plain).map(|want| vec![want]);
    match found.or_else(|| Some(python(name, index)?.into_iter().map(Want::new).collect())) {
        Some(wants) => asked.wants.extend(wants),
        None => {
            asked.unrecognized.insert(term.to_owned());
        }
    }
}

/// Reads Python with a plain list of modules; none when it is anything else.
fn python(term: &str, index: &Index) -> Option<Vec<AttrPath>> {
    static FORM: OnceLock<Option<Regex>> = OnceLock::new();
    let form = r"^\(?\s*(?:pkgs\.)?(python3\d*)\.withPackages\s*\(\s*(\w+)\s*:\s*(?:with\s+(\w+)\s*;)?\s*\[([^\[\](){}]*)\]\s*\)\s*\)?$";
    let groups = FORM.get_or_init(|| Regex::new(form).ok()).as_ref()?.captures(term)?;
    let interpreter = groups.get(1)?.as_str();
    let set = groups.get(2)?.as_str();
    let opened = groups.get(3).map(|opened| opened.as_str());
    if opened.is_some_and(|opened| opened != set) {
        return None;
    }
    let module = |word: &str| {
        let name = word.strip_prefix(set).and_then(|rest| rest.strip_prefix('.')).or(opened.map(|_| word))?;
        index.known(&format!("{interpreter}Packages.{name}"))
    };
    let modules: Option<Vec<AttrPath>> = groups.get(4)?.as_str().split_ascii_whitespace().map(module).collect();
    Some(modules?.into_iter().chain(index.known(interpreter)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(line: &str) -> Option<String> {
        let argv = shlex::split(line).expect("words");
        let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
        let asked = request(&argv)?.read(&Index::new(), &[]);
        let shown = |want: &Want| format!("{}{}", want.attr, if want.builds { " (built)" } else { "" });
        let wants: Vec<String> = asked.wants.iter().map(shown).collect();
        let unknown: Vec<String> = asked.unrecognized.iter().map(|name| format!("?{name}")).collect();
        Some([wants.join(" "), unknown.join(" "), asked.ignored.into_iter().collect()].join("|"))
    }

    #[test]
    fn command_lines() {
        let rev = "0123456789012345678901234567890123456789";
        for (line, reading) in [
            ("nix shell nixpkgs#jq nixpkgs#ripgrep -c rg x", "jq ripgrep||"),
            ("nix --extra-experimental-features 'nix-command flakes' run nixpkgs#jq -- . x", "jq||"),
            ("nix run nixpkgs#jq nixpkgs#ripgrep", "jq||"),
            (
                &format!("nix build github:NixOS/nixpkgs/{rev}#python3Packages.requests^out"),
                "python3Packages.requests||",
            ),
            ("nix build .#x", "||the project's own flake"),
            (
                "nix shell /nix/store/0123456789abcdfghijklmnpqrsvwxyz-jq-1.7.1-bin /nix/store/0123456789abcdfghijklmnpqrsvwxyz-own-1",
                "jq|?/nix/store/0123456789abcdfghijklmnpqrsvwxyz-own-1|",
            ),
            ("nix develop", "||the project's own flake"),
            ("nix develop nixpkgs#jq", "jq (built)||"),
            ("nix develop nixpkgs#no-such-thing", "|?what builds nixpkgs#no-such-thing|"),
            ("nix-shell '<nixpkgs>' -A jq --run make", "jq (built)||"),
            ("nix develop -f '<nixpkgs>' jq -c make", "jq (built)||"),
            (
                "nix shell ../other#x github:a/b nixpkgs#no-such-thing",
                "|?../other#x ?github:a/b ?nixpkgs#no-such-thing|",
            ),
            ("nix shell nixpkgs#legacyPackages.x86_64-linux.jq", "jq||"),
            ("nix-shell -p jq python3Packages.yaml --run 'jq . x'", "jq|?python3Packages.yaml|"),
            (
                "nix-shell -p 'python3.withPackages (ps: with ps; [ requests numpy ])'",
                "python3Packages.requests python3Packages.numpy python3||",
            ),
            (
                "nix-shell -p 'python3.withPackages(p: [p.requests x.y])'",
                "|?python3.withPackages(p: [p.requests x.y])|",
            ),
            ("nix-shell -p openssl.dev jq.bin zz.dev", "openssl jq|?zz.dev|"),
            ("nix-shell -p 'python311.withPackages (ps: [ ps.requests ])'", "python311Packages.requests python311||"),
            ("nix-env -iA nixpkgs.jq", "jq||"),
            ("nix-env -i ripgrep", "ripgrep||"),
            ("nix-env --install --attr nixpkgs.jq", "jq||"),
            ("nix-env -i hello-2.12", "hello||"),
            ("nix-shell -E 'with import <nixpkgs> {}; mkShell { }' --run make", "|?--expr|"),
            ("nix run nixpkgs#nodePackages.prettier -- --check .", "prettier||"),
            ("nix shell nixpkgs#gcc12 nixpkgs#nodejs_20 nixpkgs#jdk17", "gcc13 nodejs_22 jdk17||"),
            ("nix profile install nixpkgs#jq", "jq||"),
            ("nix shell --impure --expr 'import ./x'", "|?--expr|"),
            ("nix build -f '<nixpkgs>' jq", "jq||"),
            ("nix-build '<nixpkgs>' -A jq -A ripgrep", "jq ripgrep||"),
            ("nix-build -A x", "||the project's own flake"),
            (", cowsay moo", "cowsay||"),
            (", zz-no-such-thing", "|?, zz-no-such-thing|"),
            ("nix-shell shell.nix --run make", "||the project's own shell"),
            ("nix-shell ./run.sh", "|?nix-shell ./run.sh|"),
        ] {
            assert_eq!(ask(line).as_deref(), Some(reading), "{line}");
        }
        for line in
            ["nix flake check", "nix-shell", "nix-shell --pure", "nix-env -q", "nix eval nixpkgs#jq.name", "rg nix", ""]
        {
            assert_eq!(ask(line), None, "{line}");
        }
    }

    #[test]
    fn scripts() {
        let text = "#!/usr/bin/env nix-shell\n#! nix-shell -i bash\n#! nix-shell -p jq 'python3.withPackages (ps: [ ps.flask ])'\nset -e\n";
        let said = shebang(text);
        assert_eq!(said, ["jq", "python3.withPackages (ps: [ ps.flask ])"]);
        let text = "#!/usr/bin/env nix\n#! nix shell nixpkgs#jq nixpkgs#ripgrep\n#! nix --command bash\nset -e\n";
        assert_eq!(shebang(text), ["nixpkgs#jq", "nixpkgs#ripgrep"]);
        let asked = request(&["nix", "./x.sh", "a"]).expect("a script").read(&Index::new(), &shebang(text));
        assert_eq!((asked.wants.len(), asked.unrecognized.len()), (2, 0));
        let asked = request(&["nix-shell", "./x.sh"]).expect("a script").read(&Index::new(), &said);
        assert_eq!((asked.wants.len(), asked.unrecognized.len()), (3, 0));
    }

    #[test]
    fn commands_inside() {
        for (line, command) in [
            ("nix shell nixpkgs#cargo nixpkgs#rustc -c cargo test -- 'a b'", Some("cargo test -- 'a b'")),
            ("nix develop --command make check", Some("make check")),
            ("nix develop .#ci -c make", Some("make")),
            ("nix run nixpkgs#ripgrep -- -q x .", Some("rg -q x .")),
            ("nix run nixpkgs#ruff -- check .", Some("ruff check .")),
            ("nix-shell -p jq --run 'jq -e . x && make'", Some("jq -e . x && make")),
            ("nix-shell --run 'make check'", Some("make check")),
            ("nix develop nixpkgs#jq -c make check", Some("make check")),
            ("nix-shell '<nixpkgs>' -A jq --run 'make check'", Some("make check")),
            (", shellcheck x.sh", Some("shellcheck x.sh")),
            ("nix shell github:a/b -c make", None),
            ("nix run .#x", None),
            ("nix shell nixpkgs#jq", None),
            ("nix flake check", None),
            ("make check", None),
        ] {
            let argv = shlex::split(line).expect("words");
            let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
            assert_eq!(inner(&argv, &Index::new(), &[]).as_deref(), command, "{line}");
        }
    }
}
