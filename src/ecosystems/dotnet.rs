//! .NET: what tests and builds.

use super::{Ecosystem, Near, Need, call, verb};

/// The ecosystem.
pub(super) struct Dotnet;

impl Ecosystem for Dotnet {
    fn name(&self) -> &'static str {
        "dotnet"
    }

    fn verifies(&self, argv: &[&str]) -> Option<String> {
        let (program, rest) = call(argv)?;
        match program {
            "dotnet" if rest.first() == Some(&"format") => {
                rest.contains(&"--verify-no-changes").then(|| "dotnet-format".to_owned())
            }
            "dotnet" => verb(program, rest, &["build", "test"]),
            _ => None,
        }
    }

    fn need(&self, program: &str, _near: &Near) -> Option<Need> {
        const WHY: &str = "the packages of NuGet are kept by no lock file that Nix reads";
        (program == "dotnet").then_some(Need::Online(WHY))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks() {
        for (line, name) in [("dotnet test", Some("dotnet-test")), ("dotnet format", None), ("dotnet run", None)] {
            let words: Vec<&str> = line.split(' ').collect();
            assert_eq!(Dotnet.verifies(&words).as_deref(), name, "{line}");
        }
    }
}
