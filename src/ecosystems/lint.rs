//! Linters of no ecosystem: shells, containers, workflows, text.

use super::{Ecosystem, call, check_name, listed};

/// Programs that read and judge, and change nothing.
const LINTERS: &str = "actionlint bats buf checkmake codespell deadnix dockerfilelint editorconfig-checker gitleaks hadolint ktlint \
    kubeconform luacheck markdownlint markdownlint-cli2 mdl selene shellcheck statix tidy typos vale vint xmllint yamllint";

/// The ecosystem.
pub(super) struct Lint;

impl Ecosystem for Lint {
    fn name(&self) -> &'static str {
        "lint"
    }

    fn verifies(&self, argv: &[&str]) -> Option<String> {
        let (program, rest) = call(argv)?;
        let has = |words: &str| rest.iter().any(|word| listed(words, word));
        match program {
            "bash" | "dash" | "sh" | "zsh" if rest.first() == Some(&"-n") && rest.len() > 1 => {
                Some(check_name(&[program, "syntax"]))
            }
            "shfmt" if has("-d --diff") && !has("-w --write") => Some("shfmt".to_owned()),
            _ if has("--fix -w --write") => None,
            _ if listed(LINTERS, program) => Some(check_name(&[program])),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks() {
        for (line, name) in [
            ("shellcheck x.sh", Some("shellcheck")),
            ("bash -n x.sh", Some("bash-syntax")),
            ("bash -nc x", None),
            ("bash x.sh", None),
            ("shfmt -d .", Some("shfmt")),
            ("markdownlint --fix .", None),
            ("yamllint .", Some("yamllint")),
        ] {
            let words: Vec<&str> = line.split(' ').collect();
            assert_eq!(Lint.verifies(&words).as_deref(), name, "{line}");
        }
    }
}
