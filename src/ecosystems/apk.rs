//! Alpine: what was installed with apk.

use super::install::{self, Kind, Line};
use super::{Asked, Context, Ecosystem, Want, call, families, listed};
use crate::index::Index;
use crate::journal::Invocation;

/// Options that take a value.
const VALUES: &str = "-p --root -X --repository -t --virtual --keys-dir --repositories-file --wait --arch --cache-dir \
    --progress-fd --cache-max-age";

/// Names that differ from those of Debian and of nixpkgs.
const NAMES: &str = "alpine-sdk= bind-tools=bind build-base= ca-certificates=cacert docker-cli=docker-client fd=fd g++= \
    gcompat= iputils-ping=iputils libc-dev= libpq-dev=libpq libstdc++= linux-headers= mariadb-client=mariadb musl-dev= \
    nodejs-current=nodejs npm=nodejs openssh-client=openssh openssl-dev=openssl postgresql-client=postgresql \
    postgresql-dev=libpq procps-ng=procps python3-dev=python3 sqlite-dev=sqlite the_silver_searcher=silver-searcher \
    util-linux=util-linux yaml-dev=libyaml zlib-dev=zlib";

/// Packages that install others, and none of which a project needs.
const HOUSE: &str = "py3-pip py3-setuptools py3-wheel py3-virtualenv pipx sudo shadow openrc tzdata";

/// The ecosystem.
pub(super) struct Apk;

impl Ecosystem for Apk {
    fn name(&self) -> &'static str {
        "apk"
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
        call(argv).is_some_and(|(program, _)| program == "apk")
    }
}

/// Returns the packages that a command line adds.
fn request<'a>(argv: &[&'a str]) -> Option<Vec<&'a str>> {
    let (_, words) = call(argv).filter(|(program, _)| *program == "apk")?;
    let line = Line::read(words, VALUES);
    line.after("add").map(<[&str]>::to_vec)
}

/// Reads `package`, `package=1.2-r0`, `package~1.2`, `package@edge`, `!package`.
fn read(word: &str, index: &Index, asked: &mut Asked) {
    if word.starts_with('!') {
        asked.ignored.insert("taken out, not installed");
        return;
    }
    let end = word.find(|c| "=<>~@".contains(c)).unwrap_or(word.len());
    let (name, version) = (&word[..end], word[end..].trim_start_matches(|c| "=<>~".contains(c)));
    let version = Some(version).filter(|version| version.starts_with(|c: char| c.is_ascii_digit()));
    if listed(HOUSE, name) {
        asked.ignored.insert(install::INSTALLER);
        return;
    }
    if let Some(attr) = name.strip_prefix("py3-").and_then(|module| index.python(module)) {
        asked.wants.extend([Some(attr), index.known("python3")].into_iter().flatten().map(Want::new));
        return;
    }
    let is_library = name.starts_with("pc:")
        || name.starts_with("so:")
        || name.ends_with("-dev")
        || name.ends_with("-static")
        || (name.starts_with("lib") && name != "libreoffice");
    let kind = if is_library { Kind::Library } else { Kind::Tool };
    install::put(word, find(index, name, version), kind, asked);
}

fn find(index: &Index, name: &str, version: Option<&str>) -> Option<Want> {
    // What provides a program, a module of pkg-config, or a library.
    match name.split_once(':') {
        Some(("cmd", program)) => return index.program(program).map(|found| Want::new(found.attr)),
        Some(("pc", module)) => return index.pkg_config(module).map(Want::new),
        Some(("so", soname)) => return index.soname(soname).map(Want::new),
        _ => {}
    }
    if install::by_hand(NAMES, name).is_some() {
        return install::named(index, NAMES, name, version);
    }
    if let Some(base) = name.strip_suffix("-dev").or_else(|| name.strip_suffix("-static")) {
        let base = base.strip_prefix("lib").unwrap_or(base);
        let names = [format!("lib{base}-dev"), format!("{base}-dev"), format!("lib{base}")];
        let debian = names.iter().find_map(|name| index.debian(name)).or_else(|| index.known(base)).map(Want::new);
        return families::of_package(index, base).map(|choice| Want::of(choice, None)).or(debian);
    }
    // `openjdk17-jdk`, `postgresql15-client`, `php82-cli`, `llvm18`, `lua5.4`; `python3~3.11` says it apart.
    let first = name.split('-').next().unwrap_or(name);
    let choice = families::of_package(index, first).map(|choice| Want::of(choice, None));
    choice.or_else(|| install::tool(index, name, version))
}

#[cfg(test)]
mod tests {
    use super::super::tests::ask;
    use super::*;

    #[test]
    fn command_lines() {
        for (line, reading) in [
            ("apk add --no-cache jq ripgrep=14.1.0-r0", "tools jq ripgrep=14.1.0"),
            (
                "apk add -U --virtual .build-deps build-base musl-dev linux-headers",
                "ignored the standard environment has it",
            ),
            ("apk add openssl-dev zlib-dev libffi-dev", "wants openssl zlib libffi"),
            ("apk --no-cache add nodejs npm", "tools nodejs nodejs"),
            ("apk add openjdk17-jdk php82-cli postgresql15-client", "tools jdk17 php82 postgresql_15"),
            ("apk add py3-requests", "wants python3Packages.requests python3"),
            (
                "apk add --repository https://x.org/edge zig@testing !vim",
                "tools zig | ignored taken out, not installed",
            ),
            (
                "apk add -t build-deps gcc python3~3.11 postgresql15-dev",
                "wants postgresql_15 | tools python311=3.11 | ignored the standard environment has it",
            ),
            (
                "apk add so:libz.so.1 cmd:rg pc:openssl pc:zz-none",
                "wants zlib openssl | tools ripgrep | unrecognized pc:zz-none",
            ),
            ("apk add py3-pip", "ignored it installs packages, and those are wanted"),
        ] {
            assert_eq!(ask(&Apk, line).as_deref(), Some(reading), "{line}");
        }
        for line in ["apk update", "apk del jq", "apk"] {
            assert_eq!(ask(&Apk, line), None, "{line}");
        }
    }
}
