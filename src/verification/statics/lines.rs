//! Where in the flake something is, so that a finding stands at its line.

use super::super::{Finding, finding::Code};
use crate::nix::{AttrPath, InputName, nix_name};

/// The flake as it is rendered, to find lines in.
#[derive(Clone, Debug, Default)]
pub struct Lines {
    /// Its path from the root of the repository.
    pub path: String,
    text: String,
}

impl Lines {
    /// Returns the lines of a flake that was rendered.
    pub fn of(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }

    fn find(&self, is: impl Fn(&str) -> bool) -> Option<u32> {
        let at = self.text.lines().position(|line| is(line.trim_start()))?;
        u32::try_from(at + 1).ok()
    }

    /// Returns the line of the pin.
    pub fn pin(&self) -> Option<u32> {
        self.find(|line| line.starts_with("inputs.nixpkgs.url = "))
    }

    /// Returns the line of a further input.
    pub fn input(&self, name: &InputName) -> Option<u32> {
        let start = format!("inputs.{name}.url = ");
        self.find(|line| line.starts_with(&start))
    }

    /// Returns the line of a package.
    pub fn package(&self, attr: &AttrPath) -> Option<u32> {
        let bare = attr.nix();
        let module = attr.names().last().map(nix_name).unwrap_or_default();
        let starts = [format!("pkgs.{bare} #"), format!("(pkgs.{bare}.withPackages"), format!("ps.{module} #")];
        starts.iter().find_map(|start| self.find(|line| line.starts_with(start)))
    }

    /// Returns the line of a check.
    pub fn check(&self, name: &str) -> Option<u32> {
        let start = format!("{} = \"", nix_name(name));
        self.find(|line| line.starts_with(&start))
    }

    /// Returns the line of the systems.
    pub fn systems(&self) -> Option<u32> {
        self.find(|line| line.starts_with("systems = ["))
    }
}

/// Says where a flake differs from what it should be.
pub(super) fn difference(path: &str, found: &[u8], wanted: &str) -> Finding {
    let lines = |bytes: &[u8]| bytes.split(|b| *b == b'\n').map(<[u8]>::to_vec).collect::<Vec<_>>();
    let (ours, theirs) = (lines(wanted.as_bytes()), lines(found));
    let at = ours.iter().zip(&theirs).take_while(|(ours, theirs)| ours == theirs).count();
    let line = u32::try_from(at + 1).ok();
    let odd = found.iter().position(|b| *b != b'\n' && !(0x20..=0x7e).contains(b));
    let what = match odd {
        Some(at) => format!(
            "it is not what requirements.json renders to: byte {at} is 0x{:02x}, and a flake of ours is printable ASCII",
            found[at]
        ),
        None => "it is not what requirements.json renders to".to_owned(),
    };
    let help = "`agent-capture render` writes it anew; what should differ goes into .agent-capture/policy.toml";
    Finding::error(Code::FlakeDiffers, what).at(path, line).help(help)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_readmes_flake() {
        let lines = Lines::of("flake.nix", include_str!("../../../fixtures/host-demo/flake.nix"));
        let attr = |text: &str| AttrPath::parse(text).expect("an attr");
        let line = |at: Option<u32>| lines.text.lines().nth(at.expect("found") as usize - 1).expect("a line").trim();
        assert_eq!(line(lines.package(&attr("jq"))), "pkgs.jq # 3 runs");
        assert_eq!(line(lines.package(&attr("python3"))), "(pkgs.python3.withPackages (ps: [");
        assert_eq!(line(lines.package(&attr("python3Packages.pytest"))), "ps.pytest # 1 run");
        assert_eq!(line(lines.check("make-check")), "make-check = \"make check\";");
        assert_eq!(line(lines.systems()), "systems = [");
        assert!(line(lines.pin()).starts_with("inputs.nixpkgs.url"));
        assert_eq!(lines.package(&attr("perl")), None);
    }

    #[test]
    fn a_difference_has_a_line() {
        let finding = difference("flake.nix", b"a\nx\n", "a\nb\n");
        assert_eq!((finding.line, finding.code), (Some(2), Code::FlakeDiffers));
        assert!(difference("flake.nix", b"a\rb", "ab").message.contains("byte 1 is 0x0d"));
        assert_eq!(difference("flake.nix", b"a\n", "a\nb\n").line, Some(2));
    }
}
