//! Packages of Debian that are modules of a language: Debian names them after it, nixpkgs has a set for each.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::super::{Index, unversioned};
use super::PARTS;
use crate::nix::AttrPath;

/// Sets in whose names case does not count.
const SQUASHED: [&str; 3] = ["haskellPackages.", "perlPackages.", "rPackages."];

/// Extensions that the default build of PHP has.
const PHP: &str = "bcmath bz2 calendar cgi cli common ctype curl dev dom enchant exif ext fpm ftp gd gettext gmp iconv intl json \
    ldap mbstring mysql mysqli opcache pdo pgsql phar phpdbg posix readline simplexml soap sockets sqlite3 sysvsem tokenizer xml \
    xmlreader xmlwriter zip";

impl Index {
    /// Reads a module of a language: `python3-yaml`, `libjson-xs-perl`, `ruby-json`, `php8.2-redis`.
    pub(super) fn of_language(&self, package: &str) -> Option<AttrPath> {
        if let Some(module) = package.strip_prefix("python3-").or_else(|| package.strip_prefix("python-")) {
            // `python3-python-flask-jwt-extended`.
            let again = || self.python_package(module.strip_prefix("python-")?);
            return self.python_package(module).or_else(again);
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
            return self.postgresql(version, name);
        }
        if let Some(name) = package.strip_prefix("r-cran-").or_else(|| package.strip_prefix("r-bioc-")) {
            return self.in_set("rPackages", &name.replace('.', "_"));
        }
        let sets = [
            ("elpa-", "emacsPackages"),
            ("ibus-", "ibus-engines"),
            ("ruby-", "rubyPackages"),
            ("gstreamer1.0-plugins-", "gst_all_1.gst-plugins"),
        ];
        for (prefix, set) in sets {
            if let Some(name) = package.strip_prefix(prefix) {
                let between = if set.ends_with("plugins") { '-' } else { '.' };
                return self.known(&format!("{set}{between}{name}"));
            }
        }
        if let Some(name) = package.strip_prefix("lua-") {
            return self.lua("luaPackages", name);
        }
        let haskell = package.strip_prefix("libghc-").and_then(|rest| rest.strip_suffix("-dev"));
        let names = |name| [Some(name), unversioned(name)].into_iter().flatten();
        haskell.and_then(|name| names(name).find_map(|name| self.in_set("haskellPackages", name)))
    }

    /// Finds `postgresqlPackages.pg_cron` for `cron`.
    fn postgresql(&self, version: &str, name: &str) -> Option<AttrPath> {
        let name = name.trim_end_matches("-scripts").trim_end_matches(|c: char| c.is_ascii_digit() || ".-".contains(c));
        let joined = name.replace('-', "_");
        let names = [name, joined.as_str(), &format!("pg_{joined}")];
        let sets = [format!("postgresql{version}Packages"), "postgresqlPackages".to_owned()];
        sets.iter().find_map(|set| names.iter().find_map(|name| self.known(&format!("{set}.{name}"))))
    }

    /// Finds `luaPackages.luasocket` for `socket`.
    pub(in super::super) fn lua(&self, set: &str, name: &str) -> Option<AttrPath> {
        ["", "lua", "lua-"].iter().find_map(|lua| self.known(&format!("{set}.{lua}{name}")))
    }

    fn python_package(&self, module: &str) -> Option<AttrPath> {
        if let Some((first, rest)) = module.split_once('.') {
            let found = self.python_part(first, rest);
            if found.is_some() || !rest.starts_with(|c: char| c.is_ascii_digit()) {
                return found;
            }
        }
        let same = |name: &str| self.python_module(name).or_else(|| self.python(name));
        let names = [
            module.to_owned(),
            format!("python-{module}"),
            format!("py{module}"),
            module.replace('-', "_"),
            format!("{module}-python"),
        ];
        let short = || PARTS.iter().chain(&["-lib"]).find_map(|part| module.strip_suffix(part)).and_then(&same);
        let of_version = || same(&format!("{}-python", unversioned(module)?)).or_else(|| same(unversioned(module)?));
        names.iter().find_map(|name| same(name)).or_else(short).or_else(of_version)
    }

    /// Finds `pyqt6-webengine` for `pyqt6.qtwebengine`, `flask-wtf` for `flaskext.wtf`, `pyside2` for `pyside2.qtgui`; of a
    /// package that only has a part of a namespace, no other is a part.
    fn python_part(&self, first: &str, rest: &str) -> Option<AttrPath> {
        let part = rest.strip_prefix("qt").unwrap_or(rest);
        let names = [
            format!("{first}.{rest}"),
            format!("{first}-{part}"),
            format!("{}-{rest}", first.strip_suffix("ext").unwrap_or(first)),
            format!("{}-qt{}", rest.replace("qsci", "qscintilla"), first.strip_prefix("pyqt").unwrap_or("")),
            format!("pyqt{part}"),
        ];
        let tried = if first.starts_with("pyqt") { &names[..] } else { &names[..3] };
        let whole = || self.python_module(first).filter(|attr| attr.names().last() == Some(first));
        tried.iter().find_map(|name| self.distribution(name)).or_else(whole)
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
}

/// Returns whether a package is a module of a language: when its set has none of its name, no other package is it.
pub(super) fn is_module(package: &str) -> bool {
    let before = [
        "elpa-", "golang-", "libghc-", "libjs-", "librust-", "lua-", "node-", "octave-", "php-", "python-", "python3-",
        "r-bioc-", "r-cran-", "ruby-",
    ];
    let after = ["-cil", "-cil-dev", "-java", "-ocaml", "-ocaml-dev", "-perl"];
    // `php8.2-redis`.
    let of_php = package.strip_prefix("php").and_then(|rest| rest.split_once('-'));
    let of_version = |version: &str| version.contains('.') && version.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    before.iter().any(|start| package.starts_with(start))
        || of_php.is_some_and(|(version, _)| of_version(version))
        || (package.starts_with("lib") && after.iter().any(|end| package.ends_with(end)))
}
