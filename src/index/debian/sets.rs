//! Families of Debian's packages that are a set in nixpkgs, or are named by a habit of their own: dictionaries, fonts, modules of
//! OCaml, KDE, QML, Apache and Octave, what has descriptions for GObject, collections of TeX, parts of X11, what is built for
//! other machines.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::super::{Index, is_unsaid, unversioned};
use crate::nix::AttrPath;

/// What comes before a language, and the set of dictionaries.
const DICTIONARIES: [(&str, &str); 4] = [
    ("aspell-", "aspellDicts"),
    ("hunspell-", "hunspellDicts"),
    ("myspell-", "hunspellDicts"),
    ("hyphen-", "hyphenDicts"),
];

/// What comes before the name of a font.
const FONTS: [&str; 4] = ["fonts-", "xfonts-", "ttf-", "otf-"];

/// Collections of TeX Live that its medium scheme has, as Debian calls them.
const TEX_MEDIUM: &str = "binaries context extra-utils font-utils fonts-recommended lang-czechslovak lang-english lang-european \
    lang-french lang-german lang-italian lang-polish lang-portuguese lang-spanish latex-recommended luatex metapost \
    plain-generic science xetex";

/// Ends of packages that build for another machine, and what nixpkgs calls that machine.
const MACHINES: [(&str, &str); 27] = [
    ("aarch64-linux-gnu", "aarch64-multiplatform"),
    ("-arm64", "aarch64-multiplatform"),
    ("aarch64-linux-musl", "aarch64-multiplatform-musl"),
    ("x86_64-linux-musl", "musl64"),
    ("arm-linux-gnueabihf", "armv7l-hf-multiplatform"),
    ("-armhf", "armv7l-hf-multiplatform"),
    ("arm-linux-gnueabi", "armv5tel-multiplatform"),
    ("-armel", "armv5tel-multiplatform"),
    ("riscv64-linux-gnu", "riscv64"),
    ("-riscv64", "riscv64"),
    ("riscv64-unknown-elf", "riscv64-embedded"),
    ("powerpc64le-linux-gnu", "powernv"),
    ("-ppc64el", "powernv"),
    ("s390x-linux-gnu", "s390x"),
    ("-s390x", "s390x"),
    ("mips-linux-gnu", "mips-linux-gnu"),
    ("mipsel-linux-gnu", "mipsel-linux-gnu"),
    ("-mipsel", "mipsel-linux-gnu"),
    ("mips64el-linux-gnuabi64", "mips64el-linux-gnuabi64"),
    ("powerpc64-linux-gnu", "ppc64"),
    ("i686-linux-gnu", "gnu32"),
    ("i686-w64-mingw32", "mingw32"),
    ("x86_64-w64-mingw32", "mingwW64"),
    ("mingw-w64-i686", "mingw32"),
    ("mingw-w64-x86-64", "mingwW64"),
    ("mingw-w64", "mingwW64"),
    ("-avr", "avr"),
];

/// Programs of a compiler for another machine, without the machine.
const COMPILER: &str = "c++ cc cpp g++ gcc gcov gfortran";

/// Programs of what links for another machine, without the machine.
const BINUTILS: &str = "addr2line ar as c++filt dlltool dllwrap dwp elfedit gold gprof ld ld.bfd ld.gold nm objcopy objdump \
    ranlib readelf size strings strip windmc windres";

/// Parts of X11 that nixpkgs calls otherwise, with what it puts there.
const X11: [(&str, &str); 2] = [("xserver-xorg-video-", "xf86-video-"), ("xserver-xorg-input-", "xf86-input-")];

impl Index {
    /// Returns the package of a family's member.
    pub(super) fn of_family(&self, package: &str) -> Option<AttrPath> {
        self.dictionary(package)
            .or_else(|| self.font(package))
            .or_else(|| self.ocaml(package))
            .or_else(|| self.kde(package))
            .or_else(|| self.qml(package))
            .or_else(|| self.icons(package))
            .or_else(|| self.apache(package))
            .or_else(|| self.octave(package))
            .or_else(|| self.network_manager(package))
            .or_else(|| self.described(package))
            .or_else(|| self.tex(package))
            .or_else(|| self.x11(package))
            .or_else(|| self.of_32_bits(package))
            // It reads all languages.
            .or_else(|| package.strip_prefix("tesseract-ocr-").and_then(|_| self.known("tesseract")))
    }

    /// Finds `tclPackages.tcltls` for `tcl-tls`.
    pub(super) fn tcl(&self, package: &str) -> Option<AttrPath> {
        let names = [package.to_owned(), package.replace('-', "")];
        names.iter().find_map(|name| self.known(&format!("tclPackages.{name}")))
    }

    /// Finds `zabbix.server-mysql` for `zabbix-server-mysql`, `lxqt.lxqt-session` for `lxqt-session`.
    pub(super) fn in_set_of_name(&self, package: &str) -> Option<AttrPath> {
        // What a package has inside are its outputs.
        let (set, name) = package.split_once('-').filter(|(set, _)| self.plain(set).is_none())?;
        self.known(&format!("{set}.{name}")).or_else(|| self.known(&format!("{set}.{package}")))
    }

    /// Finds `apacheHttpdPackages.mod_wsgi3` for `libapache2-mod-wsgi-py3`.
    fn apache(&self, package: &str) -> Option<AttrPath> {
        let module = package.strip_prefix("libapache2-mod-")?.replace("-py3", "3").replace('-', "_");
        let names = [module.as_str(), module.trim_end_matches(|c: char| c.is_ascii_digit())];
        names.iter().find_map(|name| self.known(&format!("apacheHttpdPackages.mod_{name}")))
    }

    /// Finds `networkmanager-openvpn` for `network-manager-openvpn-gnome`.
    fn network_manager(&self, package: &str) -> Option<AttrPath> {
        let name = package.strip_prefix("network-manager-")?;
        self.known(&format!("networkmanager-{}", name.strip_suffix("-gnome").unwrap_or(name)))
    }

    fn octave(&self, package: &str) -> Option<AttrPath> {
        self.known(&format!("octavePackages.{}", package.strip_prefix("octave-")?))
    }

    /// Finds `pango` for `gir1.2-pango-1.0`: what it describes is a library, by its name or that of its module.
    fn described(&self, package: &str) -> Option<AttrPath> {
        let name = package.strip_prefix("gir1.2-")?;
        let short = name.trim_end_matches(|c: char| c.is_ascii_digit() || ".-".contains(c));
        let module = || [name, short].iter().find_map(|name| self.module_file(name));
        let names = || [format!("lib{short}"), short.to_owned()].into_iter().find_map(|name| self.plain(&name));
        module().or_else(names).or_else(|| self.known(&format!("gst_all_1.{short}")))
    }

    /// Finds the scheme of TeX Live that has a collection.
    fn tex(&self, package: &str) -> Option<AttrPath> {
        let collection = package.strip_prefix("texlive-")?;
        let medium = TEX_MEDIUM.split_ascii_whitespace().any(|name| name == collection);
        self.known(if medium { "texliveMedium" } else { "texliveFull" })
    }

    fn x11(&self, package: &str) -> Option<AttrPath> {
        if package.starts_with("x11proto-") {
            return self.known("xorgproto");
        }
        let driver = X11.iter().find_map(|(before, attr)| Some(format!("{attr}{}", package.strip_prefix(before)?)))?;
        self.known(&driver)
    }

    /// Finds the compiler, or what links for it, that builds for another machine: `gcc-12-aarch64-linux-gnu`.
    pub(super) fn cross(&self, package: &str) -> Option<AttrPath> {
        // Languages that the compilers for other machines are not built with.
        if ["gccgo-", "gdc-", "gm2-", "gnat-"].iter().any(|start| package.starts_with(start)) {
            return None;
        }
        let (_, machine) = MACHINES.iter().find(|(end, _)| package.ends_with(end))?;
        let tool = if package.starts_with("binutils") { "binutils" } else { "gcc" };
        self.known(&format!("pkgsCross.{machine}.buildPackages.{tool}"))
    }

    /// Finds the compiler, or what links for it, that has a program like `aarch64-linux-gnu-gcc-12`.
    pub(in super::super) fn cross_tool(&self, program: &str) -> Option<AttrPath> {
        // As others than Debian write a machine.
        let program = program.replace("-unknown-linux-", "-linux-").replace("armv7l-", "arm-");
        let (machine, tool) = unversioned(&program).unwrap_or(&program).rsplit_once('-')?;
        if let Some(machine) = machine.strip_suffix("-gcc").or_else(|| machine.strip_suffix("-gcov")) {
            return self.cross(&format!("gcc-{machine}"));
        }
        let among = |tools: &str| tools.split_ascii_whitespace().any(|name| name == tool);
        let packages = [("gcc", COMPILER), ("binutils", BINUTILS)];
        let (package, _) = packages.iter().find(|(_, tools)| among(tools))?;
        self.cross(&format!("{package}-{machine}"))
    }

    /// Finds `zlib` for `lib32z1`: the same library, built for the older machine.
    fn of_32_bits(&self, package: &str) -> Option<AttrPath> {
        let name = package.strip_prefix("lib32").map(|name| format!("lib{name}"));
        let name = name.or_else(|| package.strip_suffix("-i386").map(str::to_owned))?;
        self.debian(&name).or_else(|| self.debian(name.strip_prefix("lib")?))
    }

    /// Finds `hunspellDicts.de-de` for `hunspell-de-de`, `hunspellDicts.it_IT` for `hunspell-it`.
    fn dictionary(&self, package: &str) -> Option<AttrPath> {
        let (set, language) =
            DICTIONARIES.iter().find_map(|(before, set)| Some((set, package.strip_prefix(before)?.to_lowercase())))?;
        let (short, country) = language.split_once(['-', '_']).unwrap_or((&language, &language));
        let names = [
            language.clone(),
            format!("{short}_{}", country.to_uppercase()),
            format!("{short}-{country}"),
            format!("{short}-any"),
            format!("{short}_ANY"),
        ];
        names.iter().find_map(|name| self.known(&format!("{set}.{name}")))
    }

    /// Finds `eb-garamond` for `fonts-ebgaramond`, `carlito` for `fonts-crosextra-carlito`.
    fn font(&self, package: &str) -> Option<AttrPath> {
        let name = FONTS.iter().find_map(|before| package.strip_prefix(before))?;
        let name =
            ["-ttf", "-otf", "-core", "-extra", "-vf"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
        let called = |name: &str| {
            let ends = ["-fonts", "_fonts", "", "-font", "_font", "_ttf", "-ttf", "-otf"];
            let mut plain = ends.iter().filter_map(|end| self.known(&format!("{name}{end}")));
            let squashed = || self.squashed(name).filter(|attr| !self.has_own_program(attr));
            plain
                .find(|attr| !self.has_own_program(attr))
                .or_else(squashed)
                .or_else(|| self.squashed(&format!("{name}-font")))
        };
        // After its foundry; `fonts-sil-doulos` is `doulos-sil`.
        let turned = || name.split_once('-').and_then(|(foundry, name)| self.known(&format!("{name}-{foundry}")));
        called(name)
            .or_else(turned)
            .or_else(|| called(name.split_once('-')?.1))
            .or_else(|| called(&format!("{name}-mono")))
            .or_else(|| name.rmatch_indices('-').filter(|(at, _)| *at > 3).find_map(|(at, _)| called(&name[..at])))
    }

    /// Returns whether a package has a program that is called like it: `go` and `junction` are no fonts.
    fn has_own_program(&self, attr: &AttrPath) -> bool {
        let is_main = self.attr(attr).is_some_and(|fields| fields.main_program.is_some());
        let name = attr.as_str();
        is_main || self.ranked_programs(name).any(|(other, points)| other == *attr && !is_unsaid(attr, name, points))
    }

    fn ocaml(&self, package: &str) -> Option<AttrPath> {
        let name = package.strip_prefix("lib")?.trim_end_matches("-dev").strip_suffix("-ocaml")?;
        [name.to_owned(), name.replace('-', "_")].iter().find_map(|name| self.known(&format!("ocamlPackages.{name}")))
    }

    /// Finds `libsForQt5.kio` for `libkf5kio-dev`, `kdePackages.kio` for `libkf6kio6` and `kf6-kio-dev`.
    fn kde(&self, package: &str) -> Option<AttrPath> {
        let name = package.strip_suffix("-dev").unwrap_or(package);
        // `libquazip5-dev` is built with Qt 5.
        let built = || Some(("libsForQt5", name.strip_prefix("lib")?.strip_suffix('5')?.trim_end_matches("-qt")));
        let (set, name) = [("libkf5", "libsForQt5"), ("libkf6", "kdePackages"), ("kf6-", "kdePackages")]
            .iter()
            .find_map(|(before, set)| Some((*set, name.strip_prefix(before)?)))
            .or_else(built)?;
        let short = name.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches("-bin");
        let names = [short.to_owned(), format!("k{short}")];
        names.iter().find_map(|name| self.known(&format!("{set}.{name}")))
    }

    /// Finds `kdePackages.breeze-icons` for `breeze-icon-theme`.
    fn icons(&self, package: &str) -> Option<AttrPath> {
        let name = package.strip_suffix("-icon-theme")?;
        let names = [package.to_owned(), format!("{name}-icons"), format!("kdePackages.{name}-icons")];
        names.iter().find_map(|name| self.known(name))
    }

    /// Finds the part of Qt that has a module of QML: `qml6-module-qtquick`.
    fn qml(&self, package: &str) -> Option<AttrPath> {
        let set = |before: &str, set: &'static str| Some((package.strip_prefix(before)?, set));
        let (module, set) = set("qml6-module-", "qt6").or_else(|| set("qml-module-", "libsForQt5.qt5"))?;
        let joined = || self.known(&format!("{set}.{}", module.split('-').take(2).collect::<String>()));
        if let Some(attr) = joined() {
            return Some(attr);
        }
        let module = module.split('-').next().filter(|first| first.starts_with("qt"))?;
        let module = module.trim_end_matches(|c: char| c.is_ascii_digit());
        let part = match module {
            "qt" | "qtcore" | "qtqml" | "qtquick" | "qttest" => "qtdeclarative",
            "qtbluetooth" | "qtnfc" => "qtconnectivity",
            "qttexttospeech" => "qtspeech",
            other => other,
        };
        self.known(&format!("{set}.{part}"))
    }

    /// Returns the attr of a name in which case, `-` and `_` do not count, when it is the only one: `eb-garamond` of
    /// `ebgaramond`.
    pub(super) fn squashed(&self, name: &str) -> Option<AttrPath> {
        static ATTRS: OnceLock<HashMap<String, Option<&str>>> = OnceLock::new();
        let squash = |name: &str| name.replace(['-', '_'], "").replace('+', "plus").to_ascii_lowercase();
        let attrs = ATTRS.get_or_init(|| {
            let mut attrs = HashMap::new();
            for attr in self.attrs.keys() {
                attrs.entry(squash(attr)).and_modify(|other| *other = None).or_insert(Some(attr));
            }
            attrs
        });
        attrs.get(&squash(name)).copied().flatten().filter(|_| name.len() > 4).and_then(|attr| self.known(attr))
    }
}
