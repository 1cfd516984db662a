//! Command lines of npm and its like.

use super::super::install::Line;
use super::super::{call, listed, paths};

/// Options that take a value.
pub(super) const VALUES: &str = "--prefix -C --dir --filter -F --workspace -w --registry --tag --cwd -p --package -c --call --userconfig \
    --cache --loglevel --omit --include --save-prefix --depth";

/// Programs that install packages of JavaScript.
pub(super) const MANAGERS: &str = "bun bunx npm npx pnpm pnpx yarn yarnpkg";

/// What a command line asks for.
pub(super) enum Request<'a> {
    /// Packages for the machine.
    Global(Vec<&'a str>),
    /// Packages for the project.
    Project(Vec<&'a str>),
    /// Packages to run a program of.
    Runs(Vec<&'a str>),
    /// A package that makes a project.
    Makes(&'a str),
    /// A version of Node.
    Node(&'a str),
}

impl<'a> Request<'a> {
    pub(super) fn words(&self) -> Vec<&'a str> {
        match self {
            Self::Global(words) | Self::Project(words) | Self::Runs(words) => words.clone(),
            Self::Node(word) | Self::Makes(word) => vec![word],
        }
    }
}

pub(super) fn request<'a>(argv: &[&'a str]) -> Option<Request<'a>> {
    let (program, words) = call(argv).filter(|(program, _)| listed(MANAGERS, program))?;
    if let Some(rest) = runner(program, words) {
        let inner = behind(program, words).unwrap_or_default();
        let packages: Vec<&str> =
            Line::read(&words[..words.len() - inner.len()], VALUES).values("-p --package").collect();
        let named = || inner.first().map(|word| vec![*word]).unwrap_or_default();
        let packages = if packages.is_empty() && !rest.is_empty() { named() } else { packages };
        let makes = packages.first().filter(|word| makes(word)).copied();
        return Some(makes.map_or(Request::Runs(packages), Request::Makes));
    }
    let line = Line::read(words, VALUES);
    let global = line.has("-g --global") || line.options.contains(&("--location", "global"));
    match line.words.as_slice() {
        ["global", "add", words @ ..] if program == "yarn" => Some(Request::Global(words.to_vec())),
        ["install" | "i" | "add" | "isntall", words @ ..] if global => Some(Request::Global(words.to_vec())),
        ["install" | "i" | "add", words @ ..] => Some(Request::Project(words.to_vec())),
        ["env", "use" | "add", version, ..] if program == "pnpm" => Some(Request::Node(version)),
        ["create", name, ..] => Some(Request::Makes(name)),
        ["c", name, ..] if program == "bun" => Some(Request::Makes(name)),
        ["init" | "innit", name, ..] if program == "npm" => Some(Request::Makes(name)),
        _ => None,
    }
}

/// Returns whether a package is one that makes projects: `create-vite`, `@scope/create-app`, `@scope/create`.
pub(super) fn makes(word: &str) -> bool {
    let name = paths::name(split(word).0);
    name.starts_with("create-") || (name == "create" && word.starts_with('@'))
}

/// Returns the program of what `npm create NAME` runs (npm-init(1)): `create-vite` of `vite@latest`, `create` of `@scope`; none
/// of an address. A name of that form stands for itself.
pub(super) fn initializer(word: &str) -> Option<String> {
    let name = split(word).0;
    let plain = name.trim_start_matches('@').bytes().all(|b| b.is_ascii_alphanumeric() || b"._-/".contains(&b));
    let is_scope = name.starts_with('@') && !name.contains('/');
    let is_address = name.contains('/') && !name.starts_with('@') || name.starts_with('.');
    match paths::name(name) {
        _ if is_address || !plain => None,
        _ if is_scope => Some("create".to_owned()),
        own if makes(word) => Some(own.to_owned()),
        short => Some(format!("create-{short}")),
    }
}

/// Returns what follows `npx` and its like; options may stand before the verb.
pub(super) fn runner<'a, 'b>(program: &str, words: &'b [&'a str]) -> Option<&'b [&'a str]> {
    let verbs = match program {
        "npx" | "bunx" | "pnpx" => return Some(words),
        "npm" | "pnpm" => "exec x dlx",
        "yarn" => "dlx exec",
        "bun" => "x",
        _ => return None,
    };
    let mut at = 0;
    while words.get(at)?.starts_with('-') {
        at += 1 + usize::from(listed(VALUES, words[at]));
    }
    listed(verbs, words[at]).then(|| &words[at + 1..])
}

/// Returns the command that npx and its like run.
pub(super) fn behind<'a, 'b>(program: &str, words: &'b [&'a str]) -> Option<&'b [&'a str]> {
    let rest = runner(program, words)?;
    let mut at = 0;
    while let Some(word) = rest.get(at).filter(|word| word.starts_with('-')) {
        at += 1 + usize::from(listed("-p --package -c --call -w --workspace", word));
        if *word == "--" {
            break;
        }
    }
    rest.get(at..).filter(|inner| !inner.is_empty())
}

/// Splits `@scope/name@1.2` into its name and version.
pub(super) fn split(word: &str) -> (&str, Option<&str>) {
    match word.char_indices().skip(1).find(|(_, c)| *c == '@') {
        Some((at, _)) => (&word[..at], Some(&word[at + 1..])),
        None => (word, None),
    }
}
