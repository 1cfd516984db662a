//! Packages of Debian and Ubuntu: a table by hand, then what their names say. Debian names libraries after their files
//! (Debian Policy 8.1), modules after the language, and the parts of a package after the package.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::{Index, rule, unversioned};
use crate::nix::AttrPath;

mod sets;

/// Ends of the names of parts: what comes before is the package.
const PARTS: [&str; 65] = [
    "-dev",
    "-dbg",
    "-dbgsym",
    "-doc",
    "-common",
    "-data",
    "-bin",
    "-utils",
    "-util",
    "-tools",
    "-core",
    "-base",
    "-client",
    "-clients",
    "-compiler",
    "-user",
    "-server",
    "-switch",
    "-minimal",
    "-full",
    "-nox",
    "-cli",
    "-runtime",
    "-all",
    "-extra",
    "-plugins",
    "-modules",
    "-gui",
    "-qt",
    "-headless",
    "-wm",
    "-host",
    "-gtk",
    "-gtk3",
    "-gtk4",
    "-x11",
    "-sdl",
    "-curses",
    "-ncurses",
    "-tiny",
    "-light",
    "-daemon",
    "-agent",
    "-contrib",
    "-extras",
    "-examples",
    "-tests",
    "-scripts",
    "-frontend",
    "-backend",
    "-mysql",
    "-pgsql",
    "-sqlite3",
    "-ldap",
    "-qt5",
    "-qt6",
    "-themes",
    "-locales",
    "-imapd",
    "-pop3d",
    "-linux",
    "-openbsd",
    "-term",
    "-icons",
    "-locale",
];

/// Ends of libraries that are built several times.
const BUILDS: [&str; 10] =
    ["-openssl", "-gnutls", "-nss", "-pthread", "-openmp", "-serial", "-openmpi", "-mpich", "-mpi", "-cxx"];

/// The same, where nothing stands between: `ldnsutils`, `zfsutils-linux`.
const JOINED: [&str; 2] = ["utils", "tools"];

/// Everyday words: what `time-daemon` is a part of is no package of that name.
const EVERYDAY: &str = "code data desktop file font linux mail server sound system test time user web";

/// Names that packages of others begin with, which are no parts of it.
const EXTENDED: &str = "ansible apt asterisk bash debian dh docker dpkg eclipse elpa emacs fcitx fcitx5 fonts forensics freeradius gap gcc \
    gimp git gnome go golang haskell ibus init java jenkins kde kodi lib lua mate mpd nagios nautilus node obs octave perl php pkg plasma \
    postgresql puppet python python2 python3 qt r ros ruby rust sphinx task tcl texlive tmux ubuntu vagrant vim weechat xfce4 xmms2 \
    xserver yorick zsh";

/// Sets in whose names case does not count.
const SQUASHED: [&str; 2] = ["haskellPackages.", "perlPackages."];

/// Extensions that the default build of PHP has.
const PHP: &str = "bcmath bz2 calendar cgi cli common ctype curl dev dom enchant exif ext fpm ftp gd gettext gmp iconv intl json \
    ldap mbstring mysql mysqli opcache pdo pgsql phar posix readline simplexml soap sockets sqlite3 sysvsem tokenizer xml \
    xmlreader xmlwriter zip";

impl Index {
    /// Returns the attr of a package of Debian or Ubuntu.
    pub fn debian(&self, package: &str) -> Option<AttrPath> {
        let package = package.split(':').next().unwrap_or(package);
        // Built again for another interface.
        let rebuilt = ["t64", "v5"]
            .iter()
            .find_map(|end| package.strip_suffix(end))
            .filter(|rest| rest.ends_with(|c: char| c.is_ascii_digit()));
        let package = rebuilt.unwrap_or(package);
        if self.debian.get(package).is_none() && is_cross(package) {
            return None;
        }
        let package = package.strip_prefix("coinor-").unwrap_or(package);
        self.listed(package)
            .or_else(|| self.beside(package))
            .or_else(|| self.of_language(package))
            .or_else(|| self.of_family(package))
            .or_else(|| unversioned(package).and_then(|short| self.listed(short)))
            .or_else(|| self.library(package))
            // `vlc-bin` is a part of vlc; in nixpkgs it is what others have built.
            .or_else(|| self.part(package).filter(|_| package.ends_with("-bin")))
            .or_else(|| self.tool(package))
            .or_else(|| self.part(package))
            .or_else(|| self.program(package).map(|found| found.attr))
            .or_else(|| self.squashed(package))
            .or_else(|| self.known(&format!("kdePackages.{package}")))
            .or_else(|| self.other_version(package))
            .or_else(|| self.whole(package))
    }

    /// Returns what a package's name begins with, when that is a package: Debian names the parts of a package after it.
    /// `squid-openssl`, `tzdata-legacy`; not what others add to it: `git-buildpackage`.
    fn whole(&self, package: &str) -> Option<AttrPath> {
        let mut others = EVERYDAY.split_ascii_whitespace().chain(EXTENDED.split_ascii_whitespace());
        let extended = others.any(|name| package.split('-').next() == Some(name));
        let wholes = package.rmatch_indices('-').map(|(at, _)| &package[..at]).filter(|whole| whole.len() > 2);
        wholes
            .filter(|_| !extended)
            .find_map(|whole| self.debian.get(whole).map_or_else(|| self.plain(whole), |attr| self.known(attr)))
    }

    /// Returns the package of what only documents it or helps to debug it: `libusb-1.0-doc` is of the same as `libusb-1.0-dev`.
    fn beside(&self, package: &str) -> Option<AttrPath> {
        let of = ["-doc", "-dbg", "-dbgsym", "-examples"].iter().find_map(|end| package.strip_suffix(end))?;
        self.listed(of).or_else(|| self.debian(&format!("{of}-dev"))).or_else(|| self.debian(of))
    }

    /// Returns what the table or a rule for versions says.
    fn listed(&self, package: &str) -> Option<AttrPath> {
        match self.debian.get(package) {
            Some(attr) => self.known(attr),
            None => rule(package).and_then(|attr| self.known(&attr)),
        }
    }

    /// Returns the attr of a rule without the version that is gone: `go` of `golang-1.21-go`.
    fn other_version(&self, package: &str) -> Option<AttrPath> {
        let attr = rule(package)?;
        let (first, rest) =
            attr.split_once('.').map_or((attr.as_str(), ""), |(first, _)| (first, &attr[first.len()..]));
        let short = first.trim_end_matches(|c: char| c.is_ascii_digit() || c == '_' || c == '-');
        self.known(&format!("{short}{rest}"))
    }

    /// Reads a module of a language: `python3-yaml`, `libjson-xs-perl`, `ruby-json`, `php8.2-redis`.
    fn of_language(&self, package: &str) -> Option<AttrPath> {
        if let Some(module) = package.strip_prefix("python3-") {
            return self.python_package(module);
        }
        if let Some((version, _)) = package.strip_prefix("python3.").and_then(|rest| rest.split_once('-')) {
            return self.known(&format!("python3{version}")).or_else(|| self.known("python3"));
        }
        if let Some(module) = package.strip_prefix("lib").and_then(|rest| rest.strip_suffix("-perl")) {
            let short = module.strip_suffix("-pm").unwrap_or(module);
            return self.in_set("perlPackages", module).or_else(|| self.in_set("perlPackages", short));
        }
        if let Some(rest) = package.strip_prefix("php") {
            return self.php(rest);
        }
        if let Some((version, name)) = package.strip_prefix("postgresql-").and_then(|rest| rest.split_once('-')) {
            let name = name.trim_end_matches(|c: char| c.is_ascii_digit() || ".-".contains(c));
            let sets = [format!("postgresql{version}Packages"), "postgresqlPackages".to_owned()];
            return sets.iter().find_map(|set| self.known(&format!("{set}.{name}")));
        }
        let sets =
            [("ruby-", "rubyPackages"), ("r-cran-", "rPackages"), ("gstreamer1.0-plugins-", "gst_all_1.gst-plugins")];
        for (prefix, set) in sets {
            if let Some(name) = package.strip_prefix(prefix) {
                let between = if set.ends_with("plugins") { '-' } else { '.' };
                return self.known(&format!("{set}{between}{name}"));
            }
        }
        if let Some(name) = package.strip_prefix("lua-") {
            return ["", "lua"].iter().find_map(|lua| self.known(&format!("luaPackages.{lua}{name}")));
        }
        let haskell = package.strip_prefix("libghc-").and_then(|rest| rest.strip_suffix("-dev"));
        let names = |name| [Some(name), unversioned(name)].into_iter().flatten();
        haskell.and_then(|name| names(name).find_map(|name| self.in_set("haskellPackages", name)))
    }

    fn python_package(&self, module: &str) -> Option<AttrPath> {
        let same = |name: &str| self.python_module(name).or_else(|| self.python(name));
        let names = [module.to_owned(), format!("python-{module}"), format!("py{module}"), module.replace('-', "_")];
        let short = || PARTS.iter().find_map(|part| module.strip_suffix(part)).and_then(&same);
        let of_version = || same(&format!("{}-python", unversioned(module)?));
        names.iter().find_map(|name| same(name)).or_else(short).or_else(of_version)
    }

    /// Finds `perlPackages.JSONXS` for `json-xs`: Debian writes names in small letters, and some without `-`.
    fn in_set(&self, set: &str, name: &str) -> Option<AttrPath> {
        static NAMES: OnceLock<HashMap<String, &str>> = OnceLock::new();
        let squashed = |name: &str| name.replace(['-', '_'], "").to_ascii_lowercase();
        let names = NAMES.get_or_init(|| {
            let is_in = |attr: &&str| SQUASHED.iter().any(|set| attr.starts_with(set));
            self.more.keys().filter(is_in).map(|attr| (squashed(attr), attr)).collect()
        });
        names.get(&squashed(&format!("{set}.{name}"))).and_then(|attr| self.known(attr))
    }

    /// Reads what follows `php`: a version, an extension, or both.
    fn php(&self, rest: &str) -> Option<AttrPath> {
        let (version, extension) = rest.split_once('-').unwrap_or((rest, "cli"));
        let version = version.replace('.', "");
        if !version.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        if PHP.split_ascii_whitespace().any(|built_in| built_in == extension) {
            return self.known(&format!("php{version}")).or_else(|| self.known("php"));
        }
        let sets = [format!("php{version}Extensions"), "phpExtensions".to_owned()];
        sets.iter().find_map(|set| self.known(&format!("{set}.{extension}")))
    }

    /// Reads a library: `libssl3` has `libssl.so.3`, `libssl-dev` is what is built against.
    fn library(&self, package: &str) -> Option<AttrPath> {
        let bare = package.strip_suffix("-dev").or_else(|| package.strip_suffix("-dbg")).unwrap_or(package);
        if let Some(qt) = self.qt(bare) {
            return Some(qt);
        }
        if bare != package {
            return self.development(bare);
        }
        if !package.starts_with("lib") {
            return None;
        }
        // What tells builds apart: `libharfbuzz0b`, `libgmpxx4ldbl`.
        let package =
            package.strip_suffix("ldbl").unwrap_or_else(|| package.trim_end_matches(|c: char| "abcdefg".contains(c)));
        let package = if package.ends_with(|c: char| c.is_ascii_digit()) { package } else { bare };
        // `libgtk-3-0` has libgtk-3.so.0, `libssl3` libssl.so.3, `libglib2.0-0` libglib-2.0.so.0.
        let at = package.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.').len();
        let (name, major) = (package[..at].trim_end_matches('-'), &package[at..]);
        let digits = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.').len();
        let split = format!("{}-{}", &name[..digits], &name[digits..]);
        let files = [
            format!("{name}.so.{major}"),
            format!("{split}.so.{major}"),
            format!("{}.so", name.replace('-', "_")),
            format!("{package}.so"),
            format!("libX{}.so.{major}", name.strip_prefix("libx").unwrap_or(name)),
        ];
        // `libicu72`, `libldap-2.5-0`: what has libraries of other names is known by what is built against.
        let short = name.trim_end_matches(|c: char| c.is_ascii_digit() || ".-".contains(c));
        let listed = || [name, short].iter().find_map(|name| self.listed(&format!("{name}-dev")));
        let developed = || {
            listed().or_else(|| self.development(BUILDS.iter().find_map(|end| bare.strip_suffix(end)).unwrap_or(bare)))
        };
        files.iter().find_map(|file| self.soname(file)).or_else(developed)
    }

    /// Finds what is built against: by its name, as a module of pkg-config, as a file.
    fn development(&self, bare: &str) -> Option<AttrPath> {
        let short = bare.trim_end_matches(|c: char| c.is_ascii_digit() || ".-".contains(c));
        let without = |name: &'_ str| name.strip_prefix("lib").map(str::to_owned);
        let names: Vec<String> = [Some(bare.to_owned()), without(bare), Some(short.to_owned()), without(short)]
            .into_iter()
            .flatten()
            .filter(|name| name.len() > 1)
            .collect();
        let is_version = |text: &str| text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        let numbered =
            |name: &str| name.rsplit_once('-').filter(|(_, end)| is_version(end)).map(|(name, _)| name.to_owned());
        let names: Vec<String> = names.iter().flat_map(|name| [Some(name.clone()), numbered(name)]).flatten().collect();
        let exact = names.iter().take(2).find_map(|name| self.module_file(name).or_else(|| self.plain(name)));
        let file = || self.soname(&format!("{bare}.so")).or_else(|| self.soname(&format!("{short}.so")));
        let by_name = || names.iter().skip(2).find_map(|name| self.plain(name).or_else(|| self.module_file(name)));
        // `libsrt-openssl-dev`: one of several builds.
        let build = || BUILDS.iter().find_map(|end| self.development(bare.strip_suffix(end)?));
        let spelled =
            || names.iter().find_map(|name| self.plain(&name.replace('+', "x")).or_else(|| self.squashed(name)));
        exact.or_else(file).or_else(by_name).or_else(|| self.tool(bare)).or_else(build).or_else(spelled)
    }

    /// Returns the attr of exactly this name, when it is one without a set.
    fn plain(&self, name: &str) -> Option<AttrPath> {
        self.known(name).filter(|_| !name.contains('.'))
    }

    /// Reads a part of Qt: `libqt5svg5`, `libqt6svg6`, `qt6-svg`, `qtbase5`.
    fn qt(&self, bare: &str) -> Option<AttrPath> {
        let old = |module: &str| self.known(&format!("libsForQt5.qt5.qt{module}"));
        let new = |module: &str| self.known(&format!("qt6.qt{module}"));
        let inside = |prefix: &str, end: &str| bare.strip_prefix(prefix).map(|rest| rest.trim_end_matches(end));
        if let Some(module) = inside("libqt5", "5") {
            return old(module).or_else(|| self.soname(&format!("libQt5{module}.so"))).or_else(|| old("base"));
        }
        if let Some(module) = inside("libqt6", "6").or_else(|| inside("qt6-", "")) {
            return new(module).or_else(|| new(module.split('-').next().unwrap_or(module))).or_else(|| new("base"));
        }
        let module = bare.strip_prefix("qt").and_then(|rest| rest.split_once('5')).map(|(module, _)| module)?;
        old(module.trim_end_matches('-')).filter(|_| !module.is_empty())
    }

    /// Finds a tool: the attr of this name, else a package with this program, else the same without a version.
    fn tool(&self, package: &str) -> Option<AttrPath> {
        let spelled = |name: &str| {
            let names = [name.replace('-', "_"), name.replace('-', ""), name.replace('+', "plus")];
            names.iter().find_map(|name| self.plain(name))
        };
        let called = |name: &str| {
            Some(name).filter(|name| name.len() > 1).and_then(|name| self.plain(name).or_else(|| spelled(name)))
        };
        let short = unversioned(package);
        called(package).or_else(|| short.and_then(|short| self.candidates(package).next().or_else(|| called(short))))
    }

    /// Reads a part of a package: `graphviz-doc`, `nginx-core`.
    fn part(&self, package: &str) -> Option<AttrPath> {
        let joined =
            || JOINED.iter().find_map(|part| package.strip_suffix(part)).filter(|whole| self.plain(whole).is_some());
        let whole = PARTS.iter().find_map(|part| package.strip_suffix(part)).or_else(joined)?;
        if EVERYDAY.split_ascii_whitespace().any(|word| word == whole) {
            return None;
        }
        let whole = Some(whole).filter(|whole| whole.len() > 1)?;
        self.listed(whole).or_else(|| self.tool(whole)).or_else(|| self.library(whole)).or_else(|| self.part(whole))
    }
}

/// Returns whether a package builds for another system: `gcc-12-aarch64-linux-gnu`, `g++-mingw-w64`.
fn is_cross(package: &str) -> bool {
    let builds = ["gcc-", "g++-", "cpp-", "gfortran-", "binutils-", "crossbuild-"];
    builds.iter().any(|tool| package.starts_with(tool)) && (package.contains("-linux-gnu") || package.contains("mingw"))
}
