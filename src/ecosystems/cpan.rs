//! Perl: modules that were installed with cpan or cpanm.

use super::install::{self, Line};
use super::{Asked, Context, Ecosystem, Reading, Want, call, listed, paths};
use crate::index::Index;
use crate::journal::{Invocation, Program};

/// Programs that install modules.
const INSTALLERS: &str = "cpan cpanm cpanplus cpm";

/// Options that take a value.
const VALUES: &str = "-l --local-lib -L --local-lib-contained --mirror --from -M -w --workers --with-feature --without-feature \
    --cpanfile --configure-timeout --build-timeout --test-timeout --save-dists";

/// Modules of distributions that are called otherwise.
const MODULES: &str = "Encode=Encode File::Spec=PathTools HTTP::Cookies=HTTPCookies HTTP::Request=HTTPMessage \
    HTTP::Response=HTTPMessage LWP::Protocol::https=LWPProtocolHttps LWP::Simple=LWP LWP::UserAgent=LWP Net::SSL=CryptSSLeay \
    Plack::Builder=Plack Template=TemplateToolkit Text::CSV_XS=TextCSV_XS URI::Escape=URI \
    XML::SAX::Parser=XMLSAX YAML::XS=YAMLLibYAML";

/// Modules that come with Perl (perlmodlib(1)), of those that somebody installs.
const OWN: &str = "App::Prove Archive::Tar B Carp Compress::Zlib Config Cwd Data::Dumper Digest::MD5 Digest::SHA Encode Exporter \
    ExtUtils::MakeMaker ExtUtils::ParseXS Fcntl File::Basename File::Copy File::Find File::Path File::Spec File::Temp Filter::Simple \
    FindBin Getopt::Long Getopt::Std HTTP::Tiny IO::File IO::Select IO::Socket IO::Socket::IP IO::Zlib IPC::Cmd IPC::Open3 JSON::PP \
    List::Util MIME::Base64 Math::BigInt Module::CoreList Module::Load Module::Metadata Perl::OSType Pod::Usage POSIX Safe \
    Scalar::Util Socket Storable Sys::Hostname Term::ANSIColor Test::Harness Test::More Test::Simple Text::Balanced Text::ParseWords \
    Text::Wrap Tie::File Time::HiRes Time::Local Time::Piece base constant lib parent strict threads utf8 version warnings";

/// The ecosystem.
pub(super) struct Cpan;

impl Ecosystem for Cpan {
    fn name(&self) -> &'static str {
        "cpan"
    }

    fn keeps(&self, argv: &[&str]) -> bool {
        request(argv).is_some()
    }

    fn program(&self, program: &Program, _context: &Context) -> Reading {
        let is_installer = program.path.as_str().is_some_and(|path| listed(INSTALLERS, paths::name(path)));
        if is_installer { Reading::Ignored(install::INSTALLER) } else { Reading::Unrecognized }
    }

    fn invocation(&self, invocation: &Invocation, context: &Context) -> Option<Asked> {
        let mut asked = Asked::default();
        let words = invocation.words()?;
        let said = invocation.says.iter().map(String::as_str);
        request(&words)?.into_iter().chain(said).for_each(|word| read(word, context.index, &mut asked));
        Some(asked)
    }

    fn installs(&self, argv: &[&str]) -> bool {
        request(argv).is_some() || call(argv).is_some_and(|(program, _)| listed(INSTALLERS, program))
    }

    fn files(&self, argv: &[&str]) -> Vec<String> {
        let Some((program, words)) = call(argv).filter(|(program, _)| listed(INSTALLERS, program)) else {
            return Vec::new();
        };
        let line = Line::read(words, VALUES);
        let file = line.values("--cpanfile").next().unwrap_or("cpanfile");
        let reads = line.has("--installdeps") || (program == "cpm" && line.words.len() < 2);
        if reads { vec![file.to_owned()] } else { Vec::new() }
    }

    fn says(&self, _argv: &[&str], text: &str) -> Vec<String> {
        let module = |line: &str| {
            let rest = line.trim().strip_prefix("requires").or_else(|| line.trim().strip_prefix("test_requires"))?;
            let name = rest.trim_start().split(['"', '\'']).nth(1)?;
            (name != "perl").then(|| name.to_owned())
        };
        text.lines().filter_map(module).collect()
    }
}

/// Returns the modules that a command line installs.
fn request<'a>(argv: &[&'a str]) -> Option<Vec<&'a str>> {
    let (program, words) = call(argv).filter(|(program, _)| listed("cpan cpanm cpm perl", program))?;
    let line = Line::read(words, VALUES);
    let words = match program {
        "cpm" => line.after("install")?.to_vec(),
        "perl" if words.first().is_some_and(|word| listed("-MCPAN -MCPANPLUS", word)) => of_script(words.last()?),
        "cpan" | "cpanm" => line.words.iter().copied().filter(|word| !listed("install", word)).collect(),
        _ => return None,
    };
    Some(words).filter(|words| !words.is_empty())
}

/// Returns the modules that a script for `perl -MCPAN -e` installs: `install JSON`, `CPAN::Shell->install('Moose')`.
fn of_script(script: &str) -> Vec<&str> {
    let Some((_, rest)) = script.split_once("install") else { return Vec::new() };
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    rest.split(|c| !is_part(c)).filter(|word| word.starts_with(|c: char| c.is_ascii_uppercase())).collect()
}

/// Returns why a module needs no package, when it does not.
fn aside(name: &str) -> Option<&'static str> {
    match name {
        "." => Some("the project itself"),
        _ if listed(OWN, name) => Some("a part of Perl"),
        _ if listed("App::cpanminus App::cpm CPAN Carton Bundle::CPAN", name) => Some(install::INSTALLER),
        _ => None,
    }
}

/// Reads `Module::Name`, `Module::Name@1.2`, `Module-Name`, or what cpanm takes in its place.
fn read(word: &str, index: &Index, asked: &mut Asked) {
    let (name, version) = word.split_once(['@', '~']).unwrap_or((word, ""));
    if let Some(reason) = aside(name) {
        asked.ignored.insert(reason);
        return;
    }
    let seen = Some(version).filter(|_| word.contains('@')).and_then(super::versions::upstream);
    let squashed = |name: &str| index.known(&format!("perlPackages.{}", name.replace("::", "").replace('-', "")));
    let attr = (!name.contains('/')).then(|| install::by_hand(MODULES, name).map_or_else(|| squashed(name), squashed));
    match attr.flatten() {
        Some(attr) => {
            asked.wants.push(Want { seen, ..Want::new(attr) });
            asked.wants.extend(index.known("perl").map(Want::new));
        }
        None => drop(asked.unrecognized.insert(word.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::ask;
    use super::*;

    #[test]
    fn command_lines() {
        for (line, reading) in [
            ("cpanm --notest JSON::XS", "wants perlPackages.JSONXS perl"),
            ("cpan install LWP::UserAgent", "wants perlPackages.LWP perl"),
            ("cpan Moose", "wants perlPackages.Moose perl"),
            (
                "cpanm -l local Try::Tiny@0.31 No::Such::Thing",
                "wants perlPackages.TryTiny=0.31 perl | unrecognized No::Such::Thing",
            ),
            (
                "cpanm --notest --quiet Test::More Mojolicious@9.0",
                "wants perlPackages.Mojolicious=9.0 perl | ignored a part of Perl",
            ),
            ("cpm install -g Plack", "wants perlPackages.Plack perl"),
            ("cpan App::cpanminus", "ignored it installs packages, and those are wanted"),
            ("perl -MCPAN -e 'install JSON'", "wants perlPackages.JSON perl"),
            (
                "perl -MCPAN -e \"CPAN::Shell->install('Moose', 'Try::Tiny')\"",
                "wants perlPackages.Moose perl perlPackages.TryTiny perl",
            ),
            ("cpanm --installdeps .", "ignored the project itself"),
        ] {
            assert_eq!(ask(&Cpan, line).as_deref(), Some(reading), "{line}");
        }
        assert_eq!((ask(&Cpan, "cpan"), ask(&Cpan, "perl -e 'install JSON'")), (None, None));
        assert_eq!(Cpan.files(&["cpanm", "--installdeps", "."]), ["cpanfile"]);
        assert_eq!(Cpan.says(&[], "requires 'perl', '5.10';\nrequires \"Moose\";\n"), ["Moose"]);
    }
}
