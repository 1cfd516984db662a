//! Debian and Ubuntu: what was installed with apt or dpkg. A package counts when something of it ran; a library cannot be
//! seen to run, so it counts when it was installed.

use super::{Asked, Context, Ecosystem, Reading, Want, call, families, libraries, listed, paths, versions, wants};
use crate::journal::{Invocation, Program};

/// Programs that install packages of the host.
const MANAGERS: &str = "add-apt-repository apt apt-cache apt-config apt-fast apt-get apt-key apt-mark aptitude dpkg dpkg-deb dpkg-divert \
    dpkg-preconfigure dpkg-query dpkg-reconfigure dpkg-split dpkg-statoverride dpkg-trigger gdebi nala";

/// Packages whose files the standard environment has.
const STANDARD: &str = "build-essential bash binutils bzip2 coreutils diffutils file findutils g++ gawk gcc grep gzip libc-dev \
    libc6-dev libc6 libgcc-s1 libgomp1 libstdc++6 linux-libc-dev make patch patchelf sed tar xz-utils";

/// Packages that install others or keep house, none of which anything needs that ran.
const HOUSE: &str = "apt-transport-https apt-utils debian-archive-keyring debian-keyring dialog dirmngr dpkg-dev locales-all \
    lsb-release pipx python3-pip python3-setuptools python3-virtualenv python3-wheel python3-apt software-properties-common \
    systemd ubuntu-keyring unattended-upgrades";

/// Libraries by name whose names do not say so.
const LIBRARIES: &str = "ca-certificates catch2 check googletest locales nlohmann-json3 rapidjson tzdata";

/// Options that take a value.
const VALUES: &str =
    "-o --option -t --target-release --default-release -c --config-file -a --host-architecture --root --admindir";

/// The ecosystem.
pub(super) struct Apt;

impl Ecosystem for Apt {
    fn name(&self) -> &'static str {
        "apt"
    }

    fn keeps(&self, argv: &[&str]) -> bool {
        request(argv).is_some()
    }

    fn program(&self, program: &Program, _context: &Context) -> Reading {
        let is_manager =
            program.path.as_str().is_some_and(|path| !paths::is_project(path) && listed(MANAGERS, paths::name(path)));
        if is_manager { Reading::Ignored("the host's package manager") } else { Reading::Unrecognized }
    }

    fn invocation(&self, invocation: &Invocation, context: &Context) -> Option<Asked> {
        let argv: Option<Vec<&str>> = invocation.argv.iter().map(|word| word.as_str()).collect();
        let mut asked = Asked::default();
        match request(&argv?)? {
            Request::Packages(words) => words.into_iter().for_each(|word| read(word, context, &mut asked)),
            Request::Sources(words) => {
                asked.unrecognized.extend(words.into_iter().map(|word| format!("build-dep {word}")));
            }
        }
        Some(asked)
    }

    fn installs(&self, argv: &[&str]) -> bool {
        call(argv).is_some_and(|(program, _)| listed(MANAGERS, program))
    }
}

/// What a command line installs.
enum Request<'a> {
    /// Packages.
    Packages(Vec<&'a str>),
    /// What these packages are built with, which no table says.
    Sources(Vec<&'a str>),
}

/// Returns what a command line installs; none when it installs nothing.
fn request<'a>(argv: &[&'a str]) -> Option<Request<'a>> {
    let is_one = |program: &str| listed("apt apt-fast apt-get aptitude dpkg gdebi nala", program);
    let (program, words) = call(argv).filter(|(program, _)| is_one(program))?;
    let mut rest = words.iter().copied();
    if words.iter().any(|word| listed("-s --simulate --just-print --dry-run --no-act --print-uris --help", word)) {
        return None;
    }
    let (mut plain, mut unpacks) = (Vec::new(), false);
    while let Some(word) = rest.next() {
        if listed(VALUES, word) {
            rest.next();
        } else if word.starts_with('-') {
            unpacks |= ["-i", "--install"].contains(&word);
        } else {
            plain.push(word);
        }
    }
    match (program, plain.split_first()) {
        ("dpkg", Some(_)) => unpacks.then_some(Request::Packages(plain)),
        ("gdebi", Some(_)) => Some(Request::Packages(plain)),
        (_, Some((&("install" | "reinstall" | "satisfy"), packages))) => Some(Request::Packages(packages.to_vec())),
        (_, Some((&"build-dep", sources))) => Some(Request::Sources(sources.to_vec())),
        _ => None,
    }
}

/// Reads `package`, `package:arch`, `package=version`, `package/suite`, `package+`, `package (>= version)`, or the file of a
/// package.
fn read(word: &str, context: &Context, asked: &mut Asked) {
    // What only the shell knew: `$PACKAGES`.
    if word.contains(['$', '`']) {
        asked.unrecognized.insert(word.to_owned());
        return;
    }
    if word.ends_with('-') {
        asked.ignored.insert("taken out, not installed");
        return;
    }
    let package = match word.strip_suffix(".deb") {
        Some(file) => paths::name(file).split('_').next().unwrap_or_default(),
        None => word.split(['=', '/', ':', ' ']).next().unwrap_or_default().trim_end_matches('+'),
    };
    // `g++` ends in what also marks a package to install.
    let package = if package == "g" { "g++" } else { package };
    let base = crate::index::unversioned(package).unwrap_or(package);
    if context.ran(package) {
        asked.packages.push(package.to_owned());
    } else if listed(STANDARD, package) || listed("gcc g++", base) || package.starts_with("libstdc++-") {
        asked.ignored.insert("the standard environment has it");
    } else if listed(HOUSE, package) {
        asked.ignored.insert("it installs packages, and those are wanted");
    } else if !is_library(package) {
        match tool(context, package, word.split_once('=').map(|(_, version)| version)) {
            Some(want) => asked.tools.push(want),
            None => drop(asked.ignored.insert("installed, but nothing of it ran")),
        }
    } else if let Some(attr) = context.index.debian(package) {
        let library = (package.starts_with("lib") || package.ends_with("-dev")) && libraries::is_library(&attr);
        let wants = wants(context.index, attr, "", None).into_iter();
        asked.wants.extend(wants.map(|want| Want { programs: Vec::new(), library, ..want }));
    } else {
        asked.unrecognized.insert(word.to_owned());
    }
}

/// Returns the package that counts when a program of it ran, of the version that was chosen. Where it is known which packages of
/// the host the programs are of, none of this one ran.
fn tool(context: &Context, package: &str, version: Option<&str>) -> Option<Want> {
    if context.knows_owners() {
        return None;
    }
    let named = |name: &str| families::of_package(context.index, name);
    let first = package.split('-').next().unwrap_or(package);
    let pinned = || families::of_tool(context.index, package, Some(version?));
    let choice = named(package).or_else(|| named(first)).or_else(pinned);
    let want = choice.map(|choice| Want::of(choice, version.and_then(versions::upstream)));
    want.or_else(|| context.index.debian(package).map(Want::new))
}

/// Returns whether a package brings nothing that one starts by name.
fn is_library(package: &str) -> bool {
    let begins = ["lib", "python3-", "fonts-", "node-", "ruby-", "golang-github-"]
        .iter()
        .any(|prefix| package.starts_with(prefix));
    (begins && package != "libreoffice") || package.ends_with("-dev") || listed(LIBRARIES, package)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{journal, program, read as read_all, with_lines};
    use super::*;
    use crate::index::Index;

    fn ask(line: &str) -> Option<String> {
        let argv: Vec<&str> = line.split(' ').collect();
        let mut ripgrep = program("/usr/bin/rg");
        ripgrep.owner =
            Some(crate::host::Owner { manager: "dpkg".into(), package: "ripgrep".into(), version: "13.0.0-4".into() });
        let (journal, index) = (journal("s", vec![ripgrep]), Index::new());
        let context = Context::new(&index, &journal);
        let mut asked = Asked::default();
        match request(&argv)? {
            Request::Packages(words) => words.into_iter().for_each(|word| read(word, &context, &mut asked)),
            Request::Sources(words) => return Some(format!("sources {}", words.join(" "))),
        }
        let wants: Vec<&str> = asked.wants.iter().map(|want| want.attr.as_str()).collect();
        let unknown: Vec<&str> = asked.unrecognized.iter().map(String::as_str).collect();
        let ignored: Vec<&str> = asked.ignored.iter().copied().collect();
        Some([asked.packages.join(" "), wants.join(" "), unknown.join(" "), ignored.join(" ")].join("|"))
    }

    #[test]
    fn versions_where_no_owner_is_known() {
        for (path, line, reading) in [
            ("/bin/java", "apt-get install -y openjdk-17-jdk-headless", "jdk17 [java] 1"),
            ("/bin/psql", "apt-get install postgresql-client-15", "postgresql_15 [psql] 1"),
            ("/bin/php", "apt install php8.2-cli php8.2-xml", "php82 [php] 1"),
            ("/bin/php", "apt install php7.4-cli", "php for php74 [php] 1"),
            ("/bin/ruby", "apt install ruby3.3", "ruby_3_3 [ruby] 1"),
            ("/bin/node", "apt-get install -y nodejs=20.11.0-1nodesource1", "nodejs_22 for nodejs_20 20.11.0 [node] 1"),
            ("/bin/rg", "apt-get install ripgrep", "ripgrep [rg] 1"),
            ("/bin/clang-18", "apt-get install clang-18", "clang_18 [clang] 1"),
        ] {
            assert_eq!(read_all(&with_lines(journal("s", vec![program(path)]), &[line])), [reading], "{line}");
        }
    }

    #[test]
    fn command_lines() {
        let nothing = "installed, but nothing of it ran";
        let standard = "the standard environment has it";
        for (line, reading) in [
            ("apt-get install -y ripgrep", "ripgrep|||".to_owned()),
            (
                "apt-get -o Dpkg::Options::=--force-confold -yq install --no-install-recommends ripgrep=13.0.0-4",
                "ripgrep|||".to_owned(),
            ),
            ("apt install ripgrep/bookworm fd-find", format!("ripgrep|||{nothing}")),
            ("apt-get install libssl-dev zlib1g-dev libnothing-dev", "|openssl zlib|libnothing-dev|".to_owned()),
            ("apt-get install python3-requests", "|python3Packages.requests python3||".to_owned()),
            ("apt-get install build-essential g++ gcc-12", format!("|||{standard}")),
            ("apt-get install python3-pip", "|||it installs packages, and those are wanted".to_owned()),
            ("dpkg -i /tmp/ripgrep_13.0.0_amd64.deb", "ripgrep|||".to_owned()),
            ("apt-get install vim-", "|||taken out, not installed".to_owned()),
            ("apt-get install ca-certificates", "|cacert||".to_owned()),
            (
                "apt-get -y install --no-install-recommends ripgrep=13.0* fd-find/bookworm-backports libssl-dev:amd64 vim-",
                format!("ripgrep|openssl||{nothing} taken out, not installed"),
            ),
            ("apt-get install -y $PACKAGES linux-headers-$(uname)", "||$PACKAGES linux-headers-$(uname)|".to_owned()),
            ("nala install -y ripgrep", "ripgrep|||".to_owned()),
            ("apt-fast -y install zlib1g-dev", "|zlib||".to_owned()),
            ("gdebi -n ./ripgrep_13.0.0_amd64.deb", "ripgrep|||".to_owned()),
            ("apt-get build-dep -y python3", "sources python3".to_owned()),
        ] {
            assert_eq!(ask(line), Some(reading), "{line}");
        }
        for line in
            ["apt-get update", "apt-get install -s jq", "apt-cache install", "dpkg -l", "apt list install", "apt-get"]
        {
            assert_eq!(ask(line), None, "{line}");
        }
    }
}
