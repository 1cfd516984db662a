//! Further inputs, as the flake has them.

use minijinja::context;
use minijinja::value::Value;

use super::{counted, source, why};
use crate::nix::{AttrPath, SHELLS, nix_name};
use crate::requirements::{Builds, Input, InputPackage, Requirement, Requirements};

/// Returns each input's name and URL, and whether its nixpkgs is ours.
pub(super) fn urls(inputs: &[Input]) -> Vec<Value> {
    let url = |input: &Input| {
        context! { name => source(input.name.as_str()), url => input.source.url(), follows => input.source.nixpkgs }
    };
    inputs.iter().map(url).collect()
}

/// Returns the arguments of the outputs, more than two on a line each as nixfmt has them.
pub(super) fn arguments(inputs: &[Input]) -> String {
    if inputs.is_empty() {
        return "{ self, nixpkgs }".to_owned();
    }
    let more: String = inputs.iter().map(|input| format!("      {},\n", input.name)).collect();
    format!("{{\n      self,\n      nixpkgs,\n{more}    }}")
}

/// Returns the packages of all inputs, as the list of packages has them.
pub(super) fn packages(inputs: &[Input]) -> Vec<Value> {
    listed(inputs, |attr| (attr.shell().is_none()).then(|| ("packages", attr.nix())))
}

/// Returns the packages of nixpkgs whose building is the work.
pub(super) fn builds(requirements: &Requirements) -> impl Iterator<Item = &Requirement> {
    requirements.packages.iter().filter(|package| package.builds.is_some())
}

/// Returns what the shell is made from: packages that are built, and the shells of all inputs.
pub(super) fn shells(requirements: &Requirements) -> Vec<Value> {
    let own = builds(requirements).map(
        |package| context! { attr => source(format!("pkgs.{}", package.attr.nix())), why => source(why(package)) },
    );
    own.chain(listed(&requirements.inputs, |attr| Some((SHELLS, nix_name(attr.shell()?))))).collect()
}

/// Returns the list of packages that a check finds, as Nix source.
pub(super) fn native(requirements: &Requirements) -> &'static str {
    if has_shell(requirements) { "nativeFor pkgs" } else { "packagesFor pkgs" }
}

/// Returns the list of what a check is built against, as Nix source; empty for none.
pub(super) fn built(requirements: &Requirements) -> String {
    let is_library = |package: &Requirement| package.library && package.builds != Some(Builds::Only);
    let libraries = requirements.packages.iter().any(is_library).then_some("librariesFor pkgs");
    let of_shells = has_shell(requirements).then_some("inputsOf \"buildInputs\" pkgs");
    libraries.into_iter().chain(of_shells).collect::<Vec<_>>().join(" ++ ")
}

fn has_shell(requirements: &Requirements) -> bool {
    builds(requirements).next().is_some() || requirements.borrowed().any(|(_, package)| package.attr.shell().is_some())
}

/// Returns those of what is needed of the inputs that have an output by `part`, and a name in it as Nix source.
fn listed(inputs: &[Input], part: impl Fn(&AttrPath) -> Option<(&'static str, String)>) -> Vec<Value> {
    let value = |(input, package): (&Input, &InputPackage)| {
        let (set, name) = part(&package.attr)?;
        let why = if package.runs == 0 { "asked for".to_owned() } else { counted(package.runs) };
        Some(context! {
            attr => source(format!("{}.{set}.${{pkgs.stdenv.hostPlatform.system}}.{name}", input.name)),
            why => source(why),
        })
    };
    let all = inputs.iter().flat_map(|input| input.packages.iter().map(move |package| (input, package)));
    all.filter_map(value).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::tests::{render, requirement, requirements};
    use super::super::{Flake, default_pin};
    use super::*;
    use crate::journal::Known;
    use crate::nix::{GithubName, InputName, Source};
    use crate::requirements::ProgramName;

    fn input(name: &str, nixpkgs: bool) -> Input {
        Input {
            name: InputName::parse(name).expect("a name"),
            source: Source {
                owner: GithubName::parse("numtide").expect("a name"),
                repo: GithubName::parse(name).expect("a name"),
                rev: default_pin().rev,
                last_modified: 7,
                nar_hash: default_pin().nar_hash,
                nixpkgs,
            },
            packages: vec![InputPackage {
                attr: AttrPath::parse("default").expect("an attr"),
                programs: BTreeSet::from([ProgramName::parse(name).expect("a name")]),
                runs: 2,
                known: Known::Traced,
                evidence: BTreeSet::new(),
            }],
        }
    }

    #[test]
    fn further_inputs() {
        for count in 1..8 {
            let mut some = requirements(&["x86_64-linux"]);
            some.inputs = (0..count).map(|number| input(&format!("tool-{number}"), number % 2 == 0)).collect();
            let text = render(&some);
            assert!(
                text.contains("        tool-0.packages.${pkgs.stdenv.hostPlatform.system}.default # 2 runs\n"),
                "{text}"
            );
            assert!(text.contains("  inputs.tool-0.inputs.nixpkgs.follows = \"nixpkgs\";\n"), "{text}");
            assert!(text.contains("for program in tool-0") && !text.contains("tool-1.inputs"), "{text}");
        }
    }

    #[test]
    fn packages_that_are_built() {
        let mut some = requirements(&["x86_64-linux"]);
        let built = |attr, builds| Requirement { builds: Some(builds), ..requirement(attr, &[], 2) };
        some.packages = vec![built("hello", Builds::Only), built("python3Packages.requests", Builds::Only)];
        let text = render(&some);
        for line in [
            "      packagesFor = pkgs: [ ];\n",
            "      shellsFor = pkgs: [\n        pkgs.hello # 2 runs\n        pkgs.python3Packages.requests # 2 runs\n      ];\n",
            "        pkgs.mkShell {\n          packages = packagesFor pkgs;\n          inputsFrom = shellsFor pkgs;\n",
            "        pkgs.runCommandCC name\n",
            "            nativeBuildInputs = nativeFor pkgs;\n            buildInputs = inputsOf \"buildInputs\" pkgs;\n",
        ] {
            assert!(text.contains(line), "no {line} in\n{text}");
        }
        some.packages[0].builds = Some(Builds::Too);
        some.packages[1].builds = None;
        let text = render(&some);
        assert!(
            text.contains("        pkgs.hello # 2 runs\n      ];\n") && text.matches("pkgs.hello").count() == 2,
            "{text}"
        );
    }

    #[test]
    fn shells_of_further_inputs() {
        let shell = InputPackage {
            attr: AttrPath::parse("devShells.default").expect("an attr"),
            programs: BTreeSet::new(),
            runs: 1,
            known: Known::Traced,
            evidence: BTreeSet::new(),
        };
        let mut some = requirements(&["x86_64-linux"]);
        some.inputs = vec![input("tool", true)];
        some.inputs[0].packages.push(shell);
        let text = render(&some);
        for line in [
            "        tool.devShells.${pkgs.stdenv.hostPlatform.system}.default # 1 run\n",
            "          inputsFrom = shellsFor pkgs;\n",
            "            nativeBuildInputs = nativeFor pkgs;\n            buildInputs = inputsOf \"buildInputs\" pkgs;\n",
        ] {
            assert!(text.contains(line), "{text}");
        }
        assert!(!text.contains("tool.packages.${pkgs.stdenv.hostPlatform.system}.devShells"), "{text}");
        some.outputs.image = true;
        some.packages = vec![Requirement { library: true, ..requirement("openssl", &[], 0) }];
        let built = "            buildInputs = librariesFor pkgs ++ inputsOf \"buildInputs\" pkgs;\n";
        assert!(render(&some).contains(built), "{}", render(&some));
        some.outputs.image = false;
        let text = Flake::exported(&some, &default_pin(), true).render().expect("rendered");
        assert!(text.contains("inputsFrom") && !text.contains("nativeFor"), "{text}");
        assert_eq!(nixfmt_rs::format(&text).expect("formatted"), text);
    }
}
