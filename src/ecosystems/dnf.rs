//! Fedora, Red Hat and openSUSE: what was installed with dnf, yum, zypper or rpm.

use super::install::{self, Kind, Line};
use super::{Asked, Context, Ecosystem, Want, call, families, listed, paths};
use crate::index::Index;
use crate::journal::Invocation;

/// Programs that install packages.
const MANAGERS: &str = "dnf dnf5 microdnf tdnf yum zypper";

/// Options that take a value.
const VALUES: &str = "-c --config -x --exclude -p --plus-content --repo --repoid --enablerepo --disablerepo --setopt \
    --releasever --installroot --forcearch --comment --from -r --root -t --type --arch --downloaddir --advisory";

/// Names that differ from those of Debian and of nixpkgs.
const NAMES: &str = "@c-development= @development-tools= ImageMagick=imagemagick ShellCheck=shellcheck bind-utils=bind \
    fd-find=fd gcc-c++= gcc-gfortran=gfortran glibc-devel= golang-bin=go iproute=iproute2 iputils=iputils kernel-headers= \
    java-latest-openjdk-devel=jdk libpq-devel=libpq libstdc++-devel= libstdc++-static= mariadb-server=mariadb \
    devel_basis= ncurses-devel=ncurses nmap-ncat=nmap npm=nodejs openssl-devel=openssl patterns-devel-base-devel_basis= perl-interpreter=perl \
    postgresql-devel=libpq procps-ng=procps python3-devel=python3 readline-devel=readline redhat-rpm-config= rpm-build=rpm \
    rubygems=ruby sqlite-devel=sqlite the_silver_searcher=silver-searcher vim-enhanced=vim vim-minimal=vim zlib-devel=zlib \
    zlib-ng-compat-devel=zlib libffi-devel=libffi libxml2-devel=libxml2 libcurl-devel=curl bzip2-devel=bzip2 xz-devel=xz";

/// Packages that install others, and none of which a project needs.
const HOUSE: &str = "dnf-plugins-core dnf-utils epel-release fedora-workstation-repositories python3-pip python3-setuptools \
    python3-wheel python3-virtualenv sudo systemd yum-utils pipx";

/// The ecosystem.
pub(super) struct Dnf;

impl Ecosystem for Dnf {
    fn name(&self) -> &'static str {
        "dnf"
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
        call(argv).is_some_and(|(program, _)| listed(MANAGERS, program) || program == "rpm")
    }
}

/// Returns the packages that a command line installs.
fn request<'a>(argv: &[&'a str]) -> Option<Vec<&'a str>> {
    let is_one = |program: &str| program == "rpm" || listed(MANAGERS, program);
    let (program, words) = call(argv).filter(|(program, _)| is_one(program))?;
    let line = Line::read(words, VALUES);
    match program {
        "rpm" => {
            let installs = |(option, _): &(&str, &str)| {
                let short = option.strip_prefix('-').filter(|flags| !flags.starts_with('-'));
                listed("--install --upgrade --freshen", option)
                    || short.is_some_and(|flags| flags.starts_with(['i', 'U', 'F']))
            };
            line.options.iter().any(installs).then_some(line.words)
        }
        _ => match line.words.as_slice() {
            ["module", "install" | "enable", streams @ ..] => Some(streams.to_vec()),
            ["group", "install", groups @ ..] => Some(groups.to_vec()),
            _ => line.after("install in groupinstall localinstall reinstall builddep").map(<[&str]>::to_vec),
        },
    }
}

/// Reads `package`, `package.arch`, `package-1.2-3.fc40.x86_64`, `@group`, or the file of a package.
fn read(word: &str, index: &Index, asked: &mut Asked) {
    let group = format!("@{}", word.to_ascii_lowercase().replace(' ', "-"));
    if install::by_hand(NAMES, &group) == Some("") {
        asked.ignored.insert(install::STANDARD);
        return;
    }
    let stream = word.split_once(':').filter(|(_, stream)| stream.starts_with(|c: char| c.is_ascii_digit()));
    if let Some((module, stream)) = stream {
        // A stream of a module: `nodejs:20`, `postgresql:15/server`.
        let version = stream.split('/').next();
        return install::put(word, install::tool(index, module, version), Kind::Tool, asked);
    }
    let file = word.ends_with(".rpm").then(|| paths::name(word));
    let name = file.unwrap_or(word);
    let name = [".x86_64", ".aarch64", ".noarch"].iter().find_map(|arch| name.strip_suffix(arch)).unwrap_or(name);
    let version = name.match_indices('-').find(|(at, _)| name[at + 1..].starts_with(|c: char| c.is_ascii_digit()));
    let name = version
        .filter(|_| name.matches('-').count() > 1 && !name.contains("openjdk") && !name.contains("-toolset-"))
        .map_or(name, |(at, _)| &name[..at]);
    let repository = name.ends_with("-release") || name.ends_with("-repo") || name.contains("-release-");
    if listed(HOUSE, name) || repository || name.starts_with("dnf-command(") {
        asked.ignored.insert(install::INSTALLER);
        return;
    }
    let is_library =
        name.ends_with("-devel") || name.ends_with("-libs") || (name.starts_with("lib") && name != "libreoffice");
    let is_module = name.strip_prefix("python3-").and_then(|module| index.python(module));
    match is_module {
        Some(attr) => asked.wants.extend([Some(attr), index.known("python3")].into_iter().flatten().map(Want::new)),
        None => {
            let is_jdk = name.starts_with("java-");
            let kind = if is_library && !is_jdk { Kind::Library } else { Kind::Tool };
            install::put(word, find(index, name), kind, asked);
        }
    }
}

fn find(index: &Index, name: &str) -> Option<Want> {
    if install::by_hand(NAMES, name).is_some() {
        return install::named(index, NAMES, name, None);
    }
    if let Some(rest) = name.strip_prefix("java-") {
        return install::tool(index, "jdk", rest.split('-').next());
    }
    // `gcc-toolset-12`.
    let toolset = name.strip_prefix("gcc-toolset-").map(|rest| ("gcc", rest.split('-').next().unwrap_or(rest)));
    if let Some((tool, version)) = toolset {
        return install::tool(index, tool, Some(version));
    }
    let Some(base) = name.strip_suffix("-devel").or_else(|| name.strip_suffix("-libs")) else {
        // `postgresql15-server`, `nodejs20`, `python3.11`, `llvm18`.
        let first = name.split("-server").next().unwrap_or(name);
        let choice = families::of_package(index, first).map(|choice| Want::of(choice, None));
        return choice.or_else(|| install::tool(index, first, None));
    };
    let names = [format!("lib{base}-dev"), format!("{base}-dev"), format!("lib{base}")];
    let debian = names.iter().find_map(|name| index.debian(name));
    let choice = families::of_package(index, base).map(|choice| Want::of(choice, None));
    choice.or_else(|| debian.or_else(|| index.known(base)).or_else(|| index.debian(base)).map(Want::new))
}

#[cfg(test)]
mod tests {
    use super::super::tests::ask;
    use super::*;

    #[test]
    fn command_lines() {
        for (line, reading) in [
            ("dnf install -y ripgrep fd-find", "tools ripgrep fd"),
            ("yum -y --enablerepo=epel install jq java-17-openjdk-devel", "tools jq jdk17=17"),
            ("dnf install -y gcc-c++ make @development-tools", "ignored the standard environment has it"),
            ("dnf install openssl-devel.x86_64 zlib-devel libffi-devel", "wants openssl zlib libffi"),
            ("microdnf install nodejs-20.11.1-1.fc40.x86_64 postgresql15-server", "tools nodejs postgresql_15"),
            ("zypper in -y python3-requests", "wants python3Packages.requests python3"),
            ("rpm -Uvh https://x.org/y/jq-1.7-1.fc40.x86_64.rpm", "tools jq"),
            ("dnf -y groupinstall 'Development Tools'", "ignored the standard environment has it"),
            ("dnf module install -y nodejs:22 postgresql:15/server", "tools nodejs_22=22 postgresql_15=15"),
            ("zypper -n install -t pattern devel_basis", "ignored the standard environment has it"),
            ("zypper -n in python311 gcc12", "tools python311 gcc13"),
            ("dnf install -y gcc-toolset-13 python3.11", "tools gcc13=13 python311"),
            (
                "dnf -y install 'dnf-command(config-manager)' https://x.org/nodesource-release-nodistro-1.noarch.rpm",
                "ignored it installs packages, and those are wanted",
            ),
            ("dnf install epel-release", "ignored it installs packages, and those are wanted"),
            ("dnf install no-such-thing-zz", "unrecognized no-such-thing-zz"),
        ] {
            assert_eq!(ask(&Dnf, line).as_deref(), Some(reading), "{line}");
        }
        for line in ["dnf update -y", "rpm -qa", "yum list install", "dnf"] {
            assert_eq!(ask(&Dnf, line), None, "{line}");
        }
        assert!(Dnf.installs(&["dnf", "update"]));
    }
}
