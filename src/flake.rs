//! The flake: what is rendered from requirements and a pin, and nothing else.
//!
//! The same document gives the same bytes on every machine. What is rendered is printable ASCII and LF only; text from a
//! session enters it as check commands alone, through the one escaper below.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use minijinja::context;
use minijinja::value::Value;

use crate::nix::{NarHash, Pin, Rev, System, nix_name};
use crate::requirements::{Builds, Document, Requirement, Requirements};

mod fetched;
mod inputs;
mod lock;
mod template;

use fetched::Fetched;
pub use template::nix_string;
use template::{environment, source};

/// The most bytes that a flake may have; Nix itself has no limit, a reviewer has.
const LIMIT: usize = 1_000_000;

/// A flake that is to be rendered.
#[derive(Clone, Debug)]
pub struct Flake<'a> {
    requirements: &'a Requirements,
    pin: &'a Pin,
    /// Set when it is of a command line: whether its shell has a compiler.
    exported: Option<bool>,
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
        Self { requirements, pin, exported: None }
    }

    /// Returns the flake for a command line of which no session is known: a shell, and nothing else.
    pub fn exported(requirements: &'a Requirements, pin: &'a Pin, compiler: bool) -> Self {
        Self { requirements, pin, exported: Some(compiler) }
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

    fn context(&self) -> Value {
        let Requirements { systems, compiler, checks, .. } = self.requirements;
        // What is built has a compiler.
        let builds = inputs::builds(self.requirements).next().is_some();
        let compiler = self.exported.unwrap_or(!compiler.is_empty() || builds);
        let (shell, run) = if compiler { ("mkShell", "runCommandCC") } else { ("mkShellNoCC", "runCommand") };
        let tools = self.tools().map(|command| check("tools", &command));
        let fetched = Fetched::of(checks);
        let commands = checks.iter().map(|item| check(item.name.as_str(), &item.command()));
        context! {
            url => format!("github:NixOS/nixpkgs/{}", self.pin.rev),
            systems => systems.iter().map(|system| Value::from(system.as_str())).collect::<Vec<_>>(),
            unfree => self.requirements.unfree.iter().map(Value::from).collect::<Vec<_>>(),
            inputs => inputs::urls(&self.requirements.inputs),
            arguments => source(inputs::arguments(&self.requirements.inputs)),
            packages => packages(self.own().filter(|package| !package.library)),
            borrowed => inputs::packages(&self.requirements.inputs),
            builds => builds,
            shells => inputs::shells(self.requirements),
            native => source(inputs::native(self.requirements)),
            built => source(inputs::built(self.requirements)),
            libraries => packages(self.own().filter(|package| package.library)),
            shell => source(shell),
            run => source(run),
            checks => tools.into_iter().chain(commands).collect::<Vec<_>>(),
            locks => fetched.locks(),
            locked => fetched.checks(checks),
            hooks => source(fetched.hooks()),
            cc => source(if compiler { " ++ [ pkgs.stdenv.cc ]" } else { "" }),
            exported => self.exported.is_some(),
            image => self.requirements.outputs.image && systems.iter().any(System::is_linux),
            outputs => self.outputs(),
            machines => self.machines(),
        }
    }

    /// Returns the packages that are needed themselves.
    fn own(&self) -> impl Iterator<Item = &'a Requirement> {
        self.requirements.packages.iter().filter(|package| package.builds != Some(Builds::Only))
    }

    /// Returns the source of the package set of a system.
    fn package_set(&self, system: &System) -> Value {
        match self.requirements.unfree.is_empty() {
            true => source(format!("nixpkgs.legacyPackages.{system}")),
            false => source(format!("(packageSet \"{system}\")")),
        }
    }

    /// Returns the systems that have an image or a machine.
    fn outputs(&self) -> Vec<Value> {
        let Requirements { systems, outputs, .. } = self.requirements;
        let machine = |system: &System| {
            let first = outputs.machines.iter().find(|(_, of)| *of == system);
            first.map(|(session, _)| source(nix_name(session.as_str())))
        };
        let with = systems.iter().filter(|system| !outputs.packages(system).is_empty());
        let value = |system: &System| {
            context! {
                name => source(system.as_str()),
                packages => self.package_set(system),
                machine => machine(system).unwrap_or(Value::from(())),
            }
        };
        with.map(value).collect()
    }

    /// Returns the machines: one for each session, of its system.
    fn machines(&self) -> Vec<Value> {
        let machines = self.requirements.outputs.machines.iter();
        machines
            .map(|(session, system)| {
                context! { name => source(nix_name(session.as_str())), packages => self.package_set(system) }
            })
            .collect()
    }

    /// Returns the command that finds each captured program.
    fn tools(&self) -> Option<String> {
        let names = self.requirements.programs();
        (!names.is_empty()).then(|| {
            let names: Vec<String> = names.into_iter().map(|name| quote(name.as_str())).collect();
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

/// The longest name of an interpreter; the longest of nixpkgs is `python314FreeThreading`. nixfmt puts the list of one that
/// does not fit into a line otherwise.
const INTERPRETER: usize = 24;

/// Returns the interpreter and the name within its package set: `python3`, `requests` of `python3Packages.requests`.
pub fn python_module(package: &Requirement) -> Option<(String, &str)> {
    let set = package.attr.names().next().filter(|set| set.starts_with("python"))?;
    let name = package.attr.within(set)?;
    let interpreter = set.strip_suffix("Packages").filter(|interpreter| interpreter.len() <= INTERPRETER)?;
    Some((interpreter.to_owned(), name))
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
        (_, runs) => counted(runs),
    }
}

fn counted(runs: u64) -> String {
    if runs == 1 { "1 run".to_owned() } else { format!("{runs} runs") }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::journal::Known;
    use crate::nix::AttrPath;
    use crate::requirements::{Check, CheckLine, CheckName, Evidence, ProgramName};

    pub(super) fn requirement(attr: &str, programs: &[&str], runs: u64) -> Requirement {
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
            builds: None,
        }
    }

    pub(super) fn requirements(systems: &[&str]) -> Requirements {
        Requirements {
            systems: systems.iter().map(|text| System::parse(text).expect("a system")).collect(),
            ..Requirements::default()
        }
    }

    #[track_caller]
    pub(super) fn render(requirements: &Requirements) -> String {
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
    fn a_command_line() {
        let mut some = requirements(&["x86_64-linux"]);
        some.packages = vec![requirement("jq", &[], 0), requirement("python3Packages.requests", &[], 0)];
        let pin = default_pin();
        for (compiler, shell) in [(true, "pkgs.mkShell {"), (false, "pkgs.mkShellNoCC {")] {
            let text = Flake::exported(&some, &pin, compiler).render().expect("rendered");
            assert_eq!(nixfmt_rs::format(&text).expect("formatted"), text);
            assert!(rnix::Root::parse(&text).errors().is_empty() && text.contains(shell), "{text}");
            assert!(!text.contains("check") && text.contains("pkgs.jq # asked for\n"), "{text}");
        }
    }

    #[test]
    fn images_and_machines() {
        let mut some = requirements(&["aarch64-linux", "x86_64-darwin", "x86_64-linux"]);
        some.packages = vec![requirement("jq", &["jq"], 3)];
        some.outputs.image = true;
        let text = render(&some);
        assert!(
            text.contains(
                "        aarch64-linux = {\n          image = imageFor nixpkgs.legacyPackages.aarch64-linux;\n"
            )
        );
        assert!(!text.contains("x86_64-darwin = {") && !text.contains("nixos"), "{text}");
        let mut session = |name: &str, system: &str| {
            let session = crate::journal::SessionId::parse(name).expect("an id");
            some.outputs.machines.insert(session, System::parse(system).expect("a system"));
        };
        session("20261122-100000", "x86_64-linux");
        session("fix", "x86_64-linux");
        some.outputs.image = false;
        let text = render(&some);
        assert!(text.contains("vm = self.nixosConfigurations.\"20261122-100000\".config.system.build.vm;"), "{text}");
        assert!(text.contains("        fix = machineFor nixpkgs.legacyPackages.x86_64-linux;\n"), "{text}");
        some.unfree = BTreeSet::from(["terraform".to_owned()]);
        some.outputs.image = true;
        assert!(render(&some).contains("        fix = machineFor (packageSet \"x86_64-linux\");\n"));
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
