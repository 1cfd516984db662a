//! Terraform and OpenTofu: what checks.

use super::{Ecosystem, Near, Need, call, check_name, listed, verb};

/// The ecosystem.
pub(super) struct Terraform;

impl Ecosystem for Terraform {
    fn name(&self) -> &'static str {
        "terraform"
    }

    fn verifies(&self, argv: &[&str]) -> Option<String> {
        let (program, rest) = call(argv)?;
        match program {
            "terraform" | "tofu" if rest.first() == Some(&"fmt") => rest
                .iter()
                .any(|word| listed("-check --check -check=true", word))
                .then(|| check_name(&[program, "fmt"])),
            "terraform" | "tofu" => verb(program, rest, &["validate"]),
            "tflint" => Some("tflint".to_owned()),
            _ => None,
        }
    }

    fn need(&self, program: &str, near: &Near) -> Option<Need> {
        const WHY: &str = "`init` fetches its providers";
        listed("terraform tofu", program).then(|| near.find(".terraform.lock.hcl"))?.map(|_| Need::Online(WHY))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks() {
        for (line, name) in [
            ("terraform validate", Some("terraform-validate")),
            ("terraform fmt", None),
            ("terraform fmt -check", Some("terraform-fmt")),
            ("tofu apply", None),
        ] {
            let words: Vec<&str> = line.split(' ').collect();
            assert_eq!(Terraform.verifies(&words).as_deref(), name, "{line}");
        }
    }
}
