//! Packages of libraries, and what is built against: `libssl3`, `libssl-dev`, `qtbase5-dev`.

use super::super::Index;
use crate::nix::AttrPath;

/// Ends of libraries that are built several times.
const BUILDS: [&str; 10] =
    ["-openssl", "-gnutls", "-nss", "-pthread", "-openmp", "-serial", "-openmpi", "-mpich", "-mpi", "-cxx"];

/// Libraries of Qt's base, as Debian writes them.
const QT_BASE: &str = "base concurrent core dbus egl gtk gui network opengl printsupport sql test widgets xcb xml";

impl Index {
    /// Reads a library: `libssl3` has `libssl.so.3`, `libssl-dev` is what is built against.
    pub(super) fn library(&self, package: &str) -> Option<AttrPath> {
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
        let own = files.iter().find_map(|file| self.own_soname(file));
        own.or_else(|| self.plain(name)).or_else(|| files.iter().find_map(|file| self.soname(file))).or_else(developed)
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

    /// Reads a part of Qt: `libqt5svg5`, `libqt6svg6`, `qt6-svg`, `qtbase5`.
    fn qt(&self, bare: &str) -> Option<AttrPath> {
        let inside = |prefix: &str, end: &str| bare.strip_prefix(prefix).map(|rest| rest.trim_end_matches(end));
        if let Some(module) = inside("libqt5", "5") {
            return self.qt_module("libsForQt5.qt5", module).or_else(|| self.soname(&format!("libQt5{module}.so")));
        }
        if let Some(module) = inside("libqt6", "6").or_else(|| inside("qt6-", "")) {
            return self.qt_module("qt6", module);
        }
        let module = bare.strip_prefix("qt").and_then(|rest| rest.split_once('5')).map(|(module, _)| module)?;
        let module = module.trim_end_matches('-');
        self.known(&format!("libsForQt5.qt5.qt{module}")).filter(|_| !module.is_empty())
    }

    /// Returns the part of Qt with a library: `webengine` has `webenginecore`, `declarative` what is for QML.
    fn qt_module(&self, set: &str, module: &str) -> Option<AttrPath> {
        let part = |name: &str| self.known(&format!("{set}.qt{name}"));
        // `libqt6core5compat6` is no part of `libqt6core6`.
        let module = module.replace('-', "").replace("core5compat", "5compat");
        if let Some(attr) = part(&module) {
            return Some(attr);
        }
        let begins = |names: &str| names.split_ascii_whitespace().any(|name| module.starts_with(name));
        let within = |name: &str, libraries: &str| part(name).filter(|_| begins(libraries));
        let shorter = || (2..module.len()).rev().filter_map(|end| module.get(..end)).find_map(part);
        within("base", QT_BASE)
            .or_else(|| within("tools", "designer help linguist uitools"))
            .or_else(shorter)
            .or_else(|| within("declarative", "labs qml quick"))
    }
}
