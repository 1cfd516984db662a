//! Packages of Debian and Ubuntu: a table by hand, then what their names say, then what their sources are called. Debian names
//! libraries after their files (Debian Policy 8.1), modules after the language, and the parts of a package after the package.

use super::{Index, LONGEST, NOTHING, Source, rule, unversioned};
use crate::nix::AttrPath;

mod languages;
mod libraries;
mod sets;

use languages::is_module;

/// Ends of the names of parts: what comes before is the package.
const PARTS: [&str; 66] = [
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
    "-gnome",
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

/// Points of a package that a program of its name may mean.
const LIKELY: i32 = -18;

/// Beginnings of the names of programs that are written in Python.
const PYTHONIC: [&str; 5] = ["django", "jupyter", "mkdocs", "py", "sphinx"];

/// Points of a package that is called like its program.
const CALLED: i32 = 25;

/// Ends of what only documents a package or helps to debug it.
pub(super) const BESIDE: [&str; 4] = ["-doc", "-dbg", "-dbgsym", "-examples"];

/// The same, where nothing stands between: `ldnsutils`, `zfsutils-linux`.
const JOINED: [&str; 2] = ["utils", "tools"];

/// Everyday words: what `time-daemon` is a part of is no package of that name.
const EVERYDAY: &str = "code data desktop file font linux mail server sound system test time user web";

/// Names that packages of others begin with, which are no parts of it.
const EXTENDED: &str = "ansible apt aspell asterisk bash bazel binutils cairo caja calamares check compass cron crystal cvs debian \
    design dh dict docbook docker dpkg eclipse ejabberd elpa emacs eog erlang fcitx fcitx5 fonts forensics \
    fortunes freeradius frozen ftp fuse gajim gap gcc geany gedit gimp git gkrellm gnome go golang gradle haskell \
    hunspell hyphen ibus icingaweb2 ignition init input java jenkins kde kodi lib lua manpages matchbox mate maven \
    med mercurial moon mpd mythes nagios nautilus nim node obs ocaml octave openarena orthanc pan perl php phpunit \
    pidgin pkg plasma pluma postgresql prometheus puppet python python2 python3 qt r rime ros ruby rust sass slang \
    soapysdr sphinx spring ssh storm sword task tcl texlive tmux tree tryton ubuntu vagrant vala vdr vim weechat \
    xfce4 xmms2 xserver yorick zsh";

impl Index {
    /// Returns the attr of a package of Debian or Ubuntu.
    pub fn debian(&self, package: &str) -> Option<AttrPath> {
        if package.len() > LONGEST {
            return None;
        }
        let package = package.split(':').next().unwrap_or(package);
        // Built again for another interface.
        let rebuilt = ["t64", "v5"]
            .iter()
            .find_map(|end| package.strip_suffix(end))
            .filter(|rest| rest.ends_with(|c: char| c.is_ascii_digit()));
        let package = rebuilt.unwrap_or(package);
        match self.debian.get(package) {
            Some(NOTHING) => return None,
            None if is_cross(package) => return self.cross(package),
            _ => {}
        }
        let package = package.strip_prefix("coinor-").unwrap_or(package);
        let said = self.said(package);
        if said.is_none() && self.sources.get(source_key(package)) == Some(NOTHING) {
            return None;
        }
        said.or_else(|| self.of_source(package)).or_else(|| self.perhaps(package))
    }

    /// Returns what a package may be, when neither its name nor its source say it.
    pub(super) fn perhaps(&self, package: &str) -> Option<AttrPath> {
        if is_module(package) {
            return None;
        }
        let is_python = PYTHONIC.iter().any(|start| package.starts_with(start));
        self.with_program(package, LIKELY)
            .or_else(|| self.distribution(package).filter(|_| is_python))
            .or_else(|| self.squashed(package))
            .or_else(|| Some(self.whole(package)?.1))
    }

    /// Returns what a package's name says.
    pub(super) fn said(&self, package: &str) -> Option<AttrPath> {
        if let Some(attr) = self.debian.get(package) {
            return self.known(attr);
        }
        let ruled = rule(package);
        let ruled = ruled.as_deref();
        ruled
            .and_then(|attr| self.known(attr))
            .or_else(|| self.beside(package))
            .or_else(|| self.of_language(package))
            .or_else(|| self.of_family(package))
            .or_else(|| unversioned(package).and_then(|short| self.listed(short)))
            .or_else(|| ruled.and_then(|attr| self.other_version(attr)))
            .or_else(|| self.of_name(package))
    }

    /// Reads the name of a package that is of no family.
    fn of_name(&self, package: &str) -> Option<AttrPath> {
        if is_module(package) {
            return self.plain(package);
        }
        self.library(package)
            // `vlc-bin` is a part of vlc; in nixpkgs it is what others have built.
            .or_else(|| self.part(package).filter(|_| package.ends_with("-bin")))
            .or_else(|| self.tool(package))
            .or_else(|| self.with_program(package, CALLED))
            .or_else(|| self.in_set_of_name(package))
            .or_else(|| self.part(package))
            .or_else(|| self.with_program(package, 0))
            .or_else(|| self.known(&format!("kdePackages.{package}")))
            .or_else(|| self.tcl(package))
    }

    /// Returns the package of the program of this name, when it has more points than these or was chosen otherwise.
    fn with_program(&self, package: &str, points: i32) -> Option<AttrPath> {
        let found = self.program(package)?;
        // Many modules of Haskell bring a program with a short name.
        if found.attr.within("haskellPackages").is_some_and(|last| !last.eq_ignore_ascii_case(package)) {
            return None;
        }
        let best = self.ranked_programs(package).next().filter(|_| found.source == Source::Table);
        Some(found.attr).filter(|_| best.is_none_or(|(_, has)| has >= points))
    }

    /// Returns the package that is built from the same source, where the name does not say it: `uidmap`, built from `shadow`.
    fn of_source(&self, package: &str) -> Option<AttrPath> {
        self.source(package, self.sources.get(source_key(package))?)
    }

    /// Returns the package of a source: one of its name, without a version. A module is only what is called exactly so.
    pub(super) fn source(&self, package: &str, source: &str) -> Option<AttrPath> {
        let name = source.strip_suffix("-defaults").unwrap_or(source);
        if is_module(package) {
            return self.plain(name).filter(|_| !is_module(name));
        }
        let set = |set: &str, end: &str| self.known(&format!("{set}.{}", name.strip_suffix(end)?));
        let names = [Some(name), unversioned(name), name.strip_prefix("lib")].into_iter().flatten();
        self.listed(name)
            .or_else(|| set("libsForQt5.qt5", "-opensource-src"))
            .or_else(|| set("gst_all_1", "1.0"))
            .or_else(|| self.of_family(name))
            .or_else(|| set("kdePackages", ""))
            .or_else(|| names.filter(|name| name.len() > 2).find_map(|name| self.spelled(name)))
    }

    /// Returns what a package's name begins with, when that is a package, and what nixpkgs calls it: Debian names the parts of
    /// a package after it. `squid-openssl`, `tzdata-legacy`; not what others add to it: `git-buildpackage`,
    /// `plymouth-theme-hamara`.
    pub(super) fn whole<'a>(&self, package: &'a str) -> Option<(&'a str, AttrPath)> {
        let mut others = EVERYDAY.split_ascii_whitespace().chain(EXTENDED.split_ascii_whitespace());
        let mut words = package.split('-');
        let first = words.next();
        if others.any(|name| first == Some(name)) || words.any(|word| word.starts_with("theme")) {
            return None;
        }
        let wholes = package.rmatch_indices('-').map(|(at, _)| &package[..at]).filter(|whole| whole.len() > 2);
        let attr = |whole| self.debian.get(whole).map_or_else(|| self.plain(whole), |attr| self.known(attr));
        wholes.filter_map(|whole| Some((whole, attr(whole)?))).next()
    }

    /// Returns the package of what only documents it or helps to debug it: `libusb-1.0-doc` is of the same as `libusb-1.0-dev`.
    fn beside(&self, package: &str) -> Option<AttrPath> {
        let of = BESIDE.iter().find_map(|end| package.strip_suffix(end))?;
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
    fn other_version(&self, attr: &str) -> Option<AttrPath> {
        let (first, rest) = attr.split_once('.').map_or((attr, ""), |(first, _)| (first, &attr[first.len()..]));
        let short = first.trim_end_matches(|c: char| c.is_ascii_digit() || c == '_' || c == '-');
        self.known(&format!("{short}{rest}"))
    }

    /// Returns the attr of exactly this name, when it is one without a set.
    fn plain(&self, name: &str) -> Option<AttrPath> {
        self.known(name).filter(|_| !name.contains('.'))
    }

    /// Finds a tool: the attr of this name, else a package with this program, else the same without a version.
    fn tool(&self, package: &str) -> Option<AttrPath> {
        let short = unversioned(package);
        let versioned = |short| self.candidates(package).next().or_else(|| self.spelled(short));
        self.spelled(package).or_else(|| short.and_then(versioned))
    }

    /// Returns the attr of this name, however its words are joined.
    fn spelled(&self, name: &str) -> Option<AttrPath> {
        if name.len() < 2 {
            return None;
        }
        let others = [name.replace('-', "_"), name.replace('-', ""), name.replace('+', "plus"), format!("_{name}")];
        self.plain(name).or_else(|| others.iter().find_map(|name| self.plain(name)))
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

/// Returns the key of a package in the table of sources: its name without the version of a library.
pub(super) fn source_key(package: &str) -> &str {
    unversioned(package).filter(|_| package.starts_with("lib")).unwrap_or(package)
}

/// Returns whether a package builds for another machine: `gcc-12-aarch64-linux-gnu`, `g++-mingw-w64`, `libc6-dev-armhf-cross`.
pub(super) fn is_cross(package: &str) -> bool {
    let builds = [
        "gcc-",
        "g++-",
        "cpp-",
        "gfortran-",
        "gobjc-",
        "gobjc++-",
        "binutils-",
        "crossbuild-",
        "mingw-w64",
        "gccgo-",
        "gdc-",
        "gm2-",
        "gnat-",
    ];
    let machines = ["-linux-gnu", "mingw", "-avr", "-unknown-elf", "crossbuild-"];
    (builds.iter().any(|tool| package.starts_with(tool)) && machines.iter().any(|machine| package.contains(machine)))
        || package.ends_with("-cross")
}
