//! Arch: what was installed with pacman, yay or paru.

use super::install::{self, Line};
use super::{Asked, Context, Ecosystem, Want, call, families, listed, paths};
use crate::index::Index;
use crate::journal::Invocation;

/// Programs that install packages.
const MANAGERS: &str = "pacman paru pikaur yay";

/// Options that take a value.
const VALUES: &str = "-b --dbpath -r --root --arch --cachedir --config --gpgdir --hookdir --logfile --sysroot --ignore \
    --ignoregroup --assume-installed --overwrite --print-format --color";

/// Names that differ from those of Debian and of nixpkgs.
const NAMES: &str = "base-devel= bind=bind fd=fd github-cli=gh go-yq=yq-go gnu-netcat=netcat-gnu inetutils=inetutils \
    linux-headers= npm=nodejs pacman-contrib= postgresql-libs=libpq python-pip= \
    rust=rustc rustup= the_silver_searcher=silver-searcher";

/// The ecosystem.
pub(super) struct Pacman;

impl Ecosystem for Pacman {
    fn name(&self) -> &'static str {
        "pacman"
    }

    fn keeps(&self, argv: &[&str]) -> bool {
        request(argv).is_some()
    }

    fn invocation(&self, invocation: &Invocation, context: &Context) -> Option<Asked> {
        let mut asked = Asked::default();
        request(&invocation.words()?)?.into_iter().for_each(|word| read(word, context.index, &mut asked));
        Some(asked)
    }

    fn installs(&self, argv: &[&str]) -> bool {
        call(argv).is_some_and(|(program, _)| listed(MANAGERS, program) || program == "makepkg")
    }
}

/// Returns the packages that a command line installs: `-S`, `-Syu`, `-U`, but not `-Ss`, which searches.
fn request<'a>(argv: &[&'a str]) -> Option<Vec<&'a str>> {
    let (_, words) = call(argv).filter(|(program, _)| listed(MANAGERS, program))?;
    let line = Line::read(words, VALUES);
    let installs = |(option, _): &(&str, &str)| {
        let syncs = option.strip_prefix("-S").is_some_and(|flags| !flags.contains(['s', 'i', 'l', 'g', 'c', 'p']));
        syncs || option.starts_with("-U") || listed("--sync --upgrade", option)
    };
    let is_one = line.options.iter().any(installs);
    Some(line.words).filter(|words| is_one && !words.is_empty())
}

/// Reads `package`, `repository/package`, `package>=1.2`, or the file of a package.
fn read(word: &str, index: &Index, asked: &mut Asked) {
    let name = paths::name(word).split(['=', '<', '>']).next().unwrap_or_default();
    let name = match name.split_once(".pkg.tar") {
        Some((file, _)) => {
            let end = file.match_indices('-').find(|(at, _)| file[at + 1..].starts_with(|c: char| c.is_ascii_digit()));
            end.map_or(file, |(at, _)| &file[..at])
        }
        None => name,
    };
    let module = name.strip_prefix("python-").filter(|module| !["pip", "setuptools", "pipx"].contains(module));
    if let Some(attr) = module.and_then(|module| index.python(module)) {
        asked.wants.extend([Some(attr), index.known("python3")].into_iter().flatten().map(Want::new));
        return;
    }
    install::put(word, find(index, name), install::kind(name), asked);
}

fn find(index: &Index, name: &str) -> Option<Want> {
    if install::by_hand(NAMES, name).is_some() {
        return install::named(index, NAMES, name, None);
    }
    // `jdk17-openjdk`, `jre-openjdk-headless`, `nodejs-lts-iron`, `gcc12`, `python311`.
    let java = name.strip_prefix("jdk").or_else(|| name.strip_prefix("jre"));
    let release = name.strip_prefix("nodejs-").filter(|rest| rest.starts_with("lts-"));
    if let Some(release) = release {
        return install::tool(index, "nodejs", families::release(release));
    }
    let choice = match java.and_then(|rest| rest.split('-').next()) {
        Some(version) => families::of_tool(index, "jdk", Some(version)),
        None => families::of_package(index, name),
    };
    choice.map(|choice| Want::of(choice, None)).or_else(|| install::tool(index, name, None))
}

#[cfg(test)]
mod tests {
    use super::super::tests::ask;
    use super::*;

    #[test]
    fn command_lines() {
        for (line, reading) in [
            ("pacman -S --noconfirm ripgrep extra/jq", "tools ripgrep jq"),
            ("pacman -Syu --noconfirm --needed base-devel git", "tools git | ignored the standard environment has it"),
            ("pacman -S jdk17-openjdk nodejs-lts-jod npm", "tools jdk17 nodejs_22=22 nodejs"),
            ("pacman --sync --noconfirm gcc12 python311 jre17-openjdk-headless", "tools gcc13 python311 jdk17"),
            ("pacman -S 'go>=1.20' jdk-openjdk", "tools go jdk"),
            ("yay -S python-requests", "wants python3Packages.requests python3"),
            ("pacman -U /tmp/jq-1.7.1-2-x86_64.pkg.tar.zst", "tools jq"),
            ("paru -S no-such-thing-zz", "unrecognized no-such-thing-zz"),
        ] {
            assert_eq!(ask(&Pacman, line).as_deref(), Some(reading), "{line}");
        }
        for line in ["pacman -Ss jq", "pacman -Syu", "pacman -Q jq", "pacman -Rns jq"] {
            assert_eq!(ask(&Pacman, line), None, "{line}");
        }
    }
}
