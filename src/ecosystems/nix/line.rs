//! The words of a command line of Nix, apart from its options.

use super::super::listed;

/// Options that take one value.
const ONE: &str = "--attr --cores --eval-store --experimental-features --expr --extra-experimental-features --file \
    --include --inputs-from --keep-env-var --log-format --max-jobs --out-link --phase --priority \
    --profile --store --system --unset --unset-env-var -A -E -I -f -j -k -o -p -u";

/// Options that take two.
const TWO: &str = "--arg --argstr --option --override-flake --override-input --redirect --set-env-var -s";

/// A command line of Nix, up to where another command begins.
#[derive(Debug, Default)]
pub(super) struct Line<'a> {
    pub(super) words: Vec<&'a str>,
    pub(super) options: Vec<(&'a str, Option<&'a str>)>,
    /// The command that it runs: words, or for nix-shell one text.
    pub(super) command: Vec<&'a str>,
}

impl<'a> Line<'a> {
    pub(super) fn read(program: &str, words: &[&'a str]) -> Self {
        let mut line = Self::default();
        let mut rest = words.iter().copied();
        while let Some(word) = rest.next() {
            match word {
                "--run" | "--command" if program == "nix-shell" => line.command.extend(rest.next()),
                "--" | "-c" | "--command" if program == "nix" => line.command.extend(rest.by_ref()),
                "-i" if program == "nix-shell" => drop(rest.next()),
                "-p" | "--packages" if program != "nix-env" => line.options.push((word, None)),
                _ if word.starts_with('-') => {
                    let count = if listed(TWO, word) { 2 } else { usize::from(listed(ONE, word)) };
                    let values: Vec<&str> = rest.by_ref().take(count).collect();
                    line.options.push((word, values.last().copied()));
                }
                // Comma's options end where its program begins.
                _ if [",", "comma"].contains(&program) => {
                    line.words.push(word);
                    line.words.extend(rest.by_ref());
                }
                _ => line.words.push(word),
            }
        }
        line
    }

    /// Returns the attrs that are named by an option.
    pub(super) fn attrs(&self) -> impl Iterator<Item = &'a str> {
        self.options.iter().filter(|(option, _)| ["-A", "--attr"].contains(option)).filter_map(|(_, attr)| *attr)
    }

    pub(super) fn has(&self, options: &[&str]) -> bool {
        self.options.iter().any(|(option, _)| options.contains(option))
    }
}
