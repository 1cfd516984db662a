//! The flake: what is rendered from requirements and a pin, and nothing else.
//!
//! The same document gives the same bytes on every machine. What is rendered is printable ASCII and LF only; text from a
//! session enters it as check commands alone, through the one escaper below.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Value, ValueKind};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior, context};
use serde::Serialize;

use crate::nix::{NarHash, Pin, Rev, nix_name};
use crate::requirements::{Document, ProgramName, Requirement, Requirements};

mod fetched;

use fetched::Fetched;

/// The most bytes that a flake may have; Nix itself has no limit, a reviewer has.
const LIMIT: usize = 1_000_000;

/// A flake that is to be rendered.
#[derive(Clone, Debug)]
pub struct Flake<'a> {
    requirements: &'a Requirements,
    pin: &'a Pin,
}

/// The pin that is used when nothing else says one: nixos-26.05 of 14 July 2026.
pub fn default_pin() -> Pin {
    Pin {
        rev: Rev::parse("8eeec934ae0dbeca3d7868c059568a65c08b2fc3").expect("a revision"),
        last_modified: 1_784_011_430,
        nar_hash: NarHash::parse("sha256-lDebytrYdd47IBLwvNOD+6AGeoqZ78CIKlp70hzW280=").expect("a hash"),
    }
}

impl<'a> Flake<'a> {
    /// Returns the flake for what is required, with packages of the pin.
    pub fn new(requirements: &'a Requirements, pin: &'a Pin) -> Self {
        Self { requirements, pin }
    }

    /// Returns the flake that a document asks for.
    pub fn of(document: &'a Document) -> Self {
        Self::new(&document.requirements, &document.pin)
    }

    /// Returns the bytes of `flake.nix`. Errors only when the template is wrong.
    pub fn render(&self) -> anyhow::Result<String> {
        let mut environment = environment();
        environment.add_template("flake.nix.j2", include_str!("../templates/flake.nix.j2"))?;
        let text =
            environment.get_template("flake.nix.j2")?.render(self.context()).context("failed to render flake.nix")?;
        let printable = text.bytes().all(|b| b == b'\n' || (0x20..=0x7e).contains(&b));
        ensure!(printable && text.len() <= LIMIT, "failed to render flake.nix: it would not be short printable ASCII");
        Ok(text)
    }

    /// Returns the bytes of `flake.lock`, version 7, as Nix itself writes them (2.8 to 2.34).
    pub fn lock(&self) -> String {
        let original = Source {
            last_modified: None,
            nar_hash: None,
            owner: "NixOS",
            repo: "nixpkgs",
            rev: self.pin.rev.as_str(),
            kind: "github",
        };
        let locked = Source {
            last_modified: Some(self.pin.last_modified),
            nar_hash: Some(self.pin.nar_hash.as_str()),
            ..original
        };
        let nodes = BTreeMap::from([
            ("nixpkgs", Node { inputs: None, locked: Some(locked), original: Some(original) }),
            ("root", Node { inputs: Some(BTreeMap::from([("nixpkgs", "nixpkgs")])), locked: None, original: None }),
        ]);
        let mut text =
            serde_json::to_string_pretty(&Lock { nodes, root: "root", version: 7 }).expect("maps of text are JSON");
        text.push('\n');
        text
    }

    fn context(&self) -> Value {
        let Requirements { systems, compiler, checks, .. } = self.requirements;
        let (shell, run) =
            if compiler.is_empty() { ("mkShellNoCC", "runCommand") } else { ("mkShell", "runCommandCC") };
        let tools = self.tools().map(|command| check("tools", &command));
        let fetched = Fetched::of(checks);
        let commands = checks.iter().map(|item| check(item.name.as_str(), &item.command()));
        context! {
            url => format!("github:NixOS/nixpkgs/{}", self.pin.rev),
            systems => systems.iter().map(|system| Value::from(system.as_str())).collect::<Vec<_>>(),
            unfree => self.requirements.unfree.iter().map(Value::from).collect::<Vec<_>>(),
            packages => packages(self.requirements.packages.iter().filter(|package| !package.library)),
            libraries => packages(self.requirements.packages.iter().filter(|package| package.library)),
            shell => source(shell),
            run => source(run),
            checks => tools.into_iter().chain(commands).collect::<Vec<_>>(),
            locks => fetched.locks(),
            locked => fetched.checks(checks),
            hooks => source(fetched.hooks()),
        }
    }

    /// Returns the command that finds each captured program.
    fn tools(&self) -> Option<String> {
        let names = self.requirements.packages.iter().flat_map(|package| &package.programs);
        let mut names: Vec<&str> = names.map(ProgramName::as_str).collect();
        names.sort_unstable();
        names.dedup();
        (!names.is_empty()).then(|| {
            let names: Vec<String> = names.into_iter().map(quote).collect();
            format!("for program in {}; do type -P \"$program\" || exit 127; done", names.join(" "))
        })
    }
}

fn check(name: &str, command: &str) -> Value {
    context! { attr => source(nix_name(name)), command => command }
}

fn quote(word: &str) -> String {
    shlex::try_quote(word).expect("printable text has no NUL").into_owned()
}

/// Returns the packages as the template lists them: Python's modules with their interpreter.
fn packages<'a>(requirements: impl Iterator<Item = &'a Requirement>) -> Vec<Value> {
    let mut modules: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    let mut plain: BTreeMap<String, Option<&Requirement>> = BTreeMap::new();
    for package in requirements {
        match python_module(package) {
            Some((interpreter, name)) => {
                let value = context! { attr => source(nix_name(name)), why => source(why(package)) };
                modules.entry(interpreter.clone()).or_default().push(value);
                plain.entry(interpreter).or_insert(None);
            }
            None => drop(plain.insert(package.attr.nix(), Some(package))),
        }
    }
    let line = |(attr, package): (String, Option<&Requirement>)| {
        let why = package.map_or_else(|| "for its modules".to_owned(), why);
        let modules = modules.remove(&attr).unwrap_or_default();
        context! { attr => source(attr), why => source(why), modules => modules }
    };
    plain.into_iter().map(line).collect()
}

/// Returns the interpreter and the name within its package set: `python3`, `requests` of `python3Packages.requests`.
pub fn python_module(package: &Requirement) -> Option<(String, &str)> {
    let set = package.attr.names().next().filter(|set| set.starts_with("python"))?;
    let name = package.attr.within(set)?;
    Some((set.strip_suffix("Packages")?.to_owned(), name))
}

/// Returns why a package is here: numbers and fixed words.
fn why(package: &Requirement) -> String {
    let built = || package.evidence.iter().any(|evidence| evidence.entry.is_part());
    match (package.policy.is_some(), package.runs) {
        (true, 0) => "policy".to_owned(),
        (false, 0) if package.library => "built against".to_owned(),
        (false, 0) if python_module(package).is_some() && built() => "imported".to_owned(),
        (false, 0) if built() => "for the libraries".to_owned(),
        (false, 0) => "asked for".to_owned(),
        (_, 1) => "1 run".to_owned(),
        (_, runs) => format!("{runs} runs"),
    }
}

/// Marks text as Nix source. Only what is built from parsed types and fixed words may pass here.
fn source(text: impl Into<String>) -> Value {
    Value::from_safe_string(text.into())
}

/// Returns the template environment: names that are missing are errors, strings become Nix strings, numbers stay, and
/// nothing else can be printed.
fn environment() -> Environment<'static> {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::Custom("nix".into()));
    environment.set_formatter(format);
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build();
    environment.set_syntax(syntax.expect("the default delimiters"));
    environment
}

fn format(out: &mut Output, _state: &mut State, value: &Value) -> Result<(), Error> {
    let written = match (value.kind(), value.as_str()) {
        (ValueKind::String, Some(text)) if value.is_safe() => out.write_str(text),
        (ValueKind::String, Some(text)) => match nix_string(text) {
            Some(literal) => out.write_str(&literal),
            None => return Err(Error::new(ErrorKind::BadEscape, "text with control characters cannot enter a flake")),
        },
        (ValueKind::Number, _) if value.is_integer() => out.write_str(&value.to_string()),
        (kind, _) => return Err(Error::new(ErrorKind::BadEscape, format!("a {kind} cannot be written as Nix"))),
    };
    written.map_err(Error::from)
}

/// Returns text as a Nix string literal (Nix manual, "String"; equal in 2.8, 2.26 and 2.34); none when it is not printable
/// ASCII.
pub fn nix_string(text: &str) -> Option<String> {
    if !text.bytes().all(|b| (0x20..=0x7e).contains(&b)) {
        return None;
    }
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace("${", "\\${");
    Some(format!("\"{escaped}\""))
}

/// A lock file; the fields stand in the order in which Nix writes them.
#[derive(Serialize)]
struct Lock<'a> {
    nodes: BTreeMap<&'a str, Node<'a>>,
    root: &'a str,
    version: u32,
}

#[derive(Serialize)]
struct Node<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    inputs: Option<BTreeMap<&'a str, &'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    locked: Option<Source<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    original: Option<Source<'a>>,
}

#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
struct Source<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    last_modified: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nar_hash: Option<&'a str>,
    owner: &'a str,
    repo: &'a str,
    rev: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::journal::Known;
    use crate::nix::{AttrPath, System};
    use crate::requirements::{Check, CheckLine, CheckName, Evidence};

    fn requirement(attr: &str, programs: &[&str], runs: u64) -> Requirement {
        Requirement {
            attr: AttrPath::parse(attr).expect("an attr"),
            programs: programs.iter().map(|name| ProgramName::parse(name).expect("a name")).collect(),
            runs,
            seen: None,
            known: Known::Traced,
            evidence: BTreeSet::new(),
            policy: None,
            instead: None,
            alternatives: Vec::new(),
            library: false,
        }
    }

    fn requirements(systems: &[&str]) -> Requirements {
        Requirements {
            systems: systems.iter().map(|text| System::parse(text).expect("a system")).collect(),
            ..Requirements::default()
        }
    }

    #[track_caller]
    fn render(requirements: &Requirements) -> String {
        let text = Flake::new(requirements, &default_pin()).render().expect("rendered");
        assert_eq!(nixfmt_rs::format(&text).expect("formatted"), text, "nixfmt leaves it as it is");
        assert!(rnix::Root::parse(&text).errors().is_empty());
        text
    }

    #[test]
    fn every_shape_is_formatted() {
        render(&requirements(&["x86_64-linux"]));
        let mut some = requirements(&["aarch64-linux", "x86_64-linux"]);
        some.packages = vec![requirement("jq", &["jq"], 3)];
        let text = render(&some);
        assert!(text.contains("        pkgs.jq # 3 runs\n"), "{text}");
        some.packages.push(requirement("python3Packages.pytest", &["pytest"], 1));
        some.packages.push(requirement("python3Packages.requests", &[], 0));
        let text = render(&some);
        assert!(
            text.contains(
                "          ps.pytest # 1 run\n          ps.requests # asked for\n        ])) # for its modules\n"
            ),
            "{text}"
        );
        some.packages.push(requirement("python3", &["python3"], 2));
        let session = crate::journal::SessionId::parse("s").expect("an id");
        some.compiler.insert(Evidence { session, entry: crate::journal::Ref::new('p', 1) });
        let hostile = r#"pytest -k 'a"; } ${builtins.exec ["rm"]} $${x} \' '' # *"#;
        some.checks.push(Check {
            name: CheckName::parse("pytest").expect("a name"),
            line: CheckLine::parse(hostile).expect("printable"),
            folder: CheckLine::parse("a b").expect("printable"),
            evidence: BTreeSet::new(),
            before: Vec::new(),
            locks: BTreeSet::new(),
            makes: Vec::new(),
        });
        let text = render(&some);
        assert!(
            text.contains("])) # 2 runs")
                && text.contains("pkgs.mkShell {")
                && text.contains("for program in jq pytest python3;"),
            "{text}"
        );
        assert!(text.contains(r#"pytest = "cd 'a b' && pytest -k 'a\"; } \${builtins"#), "{text}");
    }

    #[test]
    fn strings_that_are_no_text_are_refused() {
        assert_eq!(nix_string("a\rb"), None);
        assert_eq!(nix_string("é"), None);
        assert_eq!(nix_string(r"$${a}\").as_deref(), Some(r#""$\${a}\\""#));
    }

    #[test]
    fn a_template_cannot_forget() {
        let render = |template: &str| {
            let mut environment = environment();
            environment.add_template("x", template).expect("parses");
            let values = context! { text => "a\"${b}", yes => true, nothing => Value::from(()), list => vec![1] };
            environment.get_template("x").expect("added").render(values)
        };
        assert_eq!(render("{{ text }}").expect("a string"), r#""a\"\${b}""#);
        for wrong in ["{{ missing }}", "{{ yes }}", "{{ nothing }}", "{{ list }}", "{{ text.x }}"] {
            assert!(render(wrong).is_err(), "{wrong}");
        }
    }
}
