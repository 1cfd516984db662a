//! Libraries by the names with which they are built against: modules of pkg-config, packages of CMake, headers, files.

use super::table::Table;
use super::{Index, SURE, unversioned};
use crate::nix::AttrPath;

/// Words that modules of others begin with, which are no parts of the package that is called so.
const NO_WHOLES: &str = "blas64 camera cmake dbus dune eigen fence history ignition input lapack64 libosmo lunar opencv osmo python st vala";

/// Points of a package that is called like a library, or is known for it.
const ALIKE: i32 = 12;

impl Index {
    /// Returns the package of a module of pkg-config: `openssl`, `glib-2.0`. Where nixpkgs has no such module, or only as a copy
    /// in a package of others, that of the library of its name.
    pub fn pkg_config(&self, module: &str) -> Option<AttrPath> {
        self.sure_module(module).or_else(|| self.like_module(module)).or_else(|| self.module_file(module))
    }

    /// Returns the package that has the file of a module of pkg-config, when it is more than a copy there.
    pub(super) fn sure_module(&self, module: &str) -> Option<AttrPath> {
        let best = self.ranked(self.pkgconfig, module).next();
        self.module_file(module).filter(|_| best.is_none_or(|(_, points)| points > SURE))
    }

    /// Returns the package that has the file of a module of pkg-config.
    pub(super) fn module_file(&self, module: &str) -> Option<AttrPath> {
        self.file("pc", self.pkgconfig, module)
    }

    /// Returns the package that is called like a module of pkg-config, or has a library that is, or whose part it is:
    /// `UMFPACK` has libumfpack.so, `harfbuzz-cairo` is a part of `harfbuzz`, `SDL2_test` one of `SDL2`.
    pub(super) fn like_module(&self, module: &str) -> Option<AttrPath> {
        let lua = module.strip_prefix("lua5.").and_then(|rest| rest.split_once('-'));
        if let Some((version, name)) = lua.filter(|(_, name)| *name != "c++") {
            let sets = [format!("lua5{version}Packages"), "luaPackages".to_owned()];
            return sets.iter().find_map(|set| self.lua(set, name));
        }
        let lower = module.to_ascii_lowercase();
        let names = [Some(module), unversioned(module), Some(lower.as_str())].into_iter().flatten();
        let plain = |name: &str| self.known(name).filter(|attr| name.len() > 2 && attr.names().count() == 1);
        let library = |name: &str| {
            let name = name.strip_prefix("lib").unwrap_or(name);
            let (file, attr) = (format!("lib{name}.so"), format!("lib{name}"));
            self.own_soname(&file).or_else(|| plain(&attr)).or_else(|| self.soname(&file)).or_else(|| plain(name))
        };
        // `gmime-2.6` is `gmime2`.
        let major = || {
            let (name, version) = module.rsplit_once('-')?;
            plain(&format!("{name}{}", version.split('.').next().filter(|major| major.parse::<u8>().is_ok())?))
        };
        let wholes = module.rmatch_indices(['-', '_']).map(|(at, _)| &module[..at]);
        let is_whole = |name: &&str| name.len() > 3 && !NO_WHOLES.split_ascii_whitespace().any(|word| word == *name);
        let part = || {
            let mut wholes = wholes.filter(|_| !module.contains("-sharp")).filter(is_whole);
            wholes.find_map(|name| self.module_file(name).or_else(|| library(name)))
        };
        let like = major().or_else(|| self.cuda_module(module));
        let like = like.or_else(|| names.filter(|name| name.len() > 2).find_map(library));
        like.or_else(|| self.otherwise_written(module)).or_else(part)
    }

    /// Returns the package of a module whose name is written a little otherwise: `level_zero` is `level-zero`, `cpp-httplib`
    /// `httplib`, `msgpack` `msgpack-c`, `ladspa` `ladspa-sdk`, `gst-rtsp-server-1.0` `gst_all_1.gst-rtsp-server`.
    fn otherwise_written(&self, module: &str) -> Option<AttrPath> {
        let short = unversioned(module).unwrap_or(module);
        if short.starts_with("gst-") {
            return self.known(&format!("gst_all_1.{short}"));
        }
        let in_set = || ["kdePackages", "libsForQt5"].iter().find_map(|set| self.known(&format!("{set}.{module}")));
        let dashes = short.replace('_', "-");
        let bare = ["cpp-", "c-"].iter().find_map(|before| dashes.strip_prefix(before)).unwrap_or(&dashes);
        let ends = ["", "-c", "-cpp", "-sdk"].map(|end| format!("{bare}{end}"));
        let found = ends.iter().filter(|name| name.len() > 3).find_map(|name| self.known(name));
        found.filter(|attr| attr.names().count() == 1).or_else(in_set)
    }

    /// Returns the part of CUDA that has a module: `cudart-12.4`, `cublas`, `nvidia-ml-12.4`.
    fn cuda_module(&self, module: &str) -> Option<AttrPath> {
        let part = match unversioned(module).unwrap_or(module) {
            "cuda" | "cudart" => "cuda_cudart",
            "nvidia-ml" => "cuda_nvml_dev",
            "nvrtc" => "cuda_nvrtc",
            "cublas" | "cufft" | "curand" | "cusolver" | "cusparse" | "npp" | "nvjpeg" => {
                return self.known(&format!("cudaPackages.lib{}", unversioned(module).unwrap_or(module)));
            }
            _ => return None,
        };
        self.known(&format!("cudaPackages.{part}"))
    }

    /// Returns the package of a package of CMake: `fmt`, `Qt6Core`. Case counts as little as in `find_package`.
    pub fn cmake(&self, name: &str) -> Option<AttrPath> {
        let lower = || name.to_ascii_lowercase();
        self.file("cmake", self.cmake, name).or_else(|| self.file("cmake", self.cmake, &lower()))
    }

    /// Returns the package of a library: `libz.so`, `libssl.so.3`, or the path of one. The version counts where packages of
    /// different versions exist.
    pub fn soname(&self, name: &str) -> Option<AttrPath> {
        sonames(name).iter().find_map(|name| self.file("lib", self.sonames, name))
    }

    /// Returns the package of a library that is called like it, or is known for it.
    pub(super) fn own_soname(&self, name: &str) -> Option<AttrPath> {
        let alike = |name: &&str| {
            let best = self.ranked(self.sonames, name).next();
            self.by_hand("lib", name).or_else(|| best.filter(|(_, points)| *points >= ALIKE).map(|(attr, _)| attr))
        };
        sonames(name).iter().find_map(alike)
    }

    /// Returns the package of a header or of a folder of headers, as it is included (`openssl/ssl.h`, `zlib.h`) or found
    /// (`/usr/include/libxml2`).
    pub fn header(&self, path: &str) -> Option<AttrPath> {
        headers(path).iter().find_map(|name| self.file("header", self.headers, name))
    }

    fn file(&self, kind: &str, table: Table, name: &str) -> Option<AttrPath> {
        self.by_hand(kind, name).or_else(|| self.ranked(table, name).next().map(|(attr, _)| self.full(attr)))
    }

    /// Returns the package of which this is a smaller build, `gnuradio` of `gnuradioMinimal`, or the same.
    pub(super) fn full(&self, attr: AttrPath) -> AttrPath {
        let full = ["Minimal", "-minimal"].iter().find_map(|end| attr.as_str().strip_suffix(end));
        full.and_then(|full| self.known(full)).unwrap_or(attr)
    }
}

/// Returns the keys of a library, the most exact first.
pub(super) fn sonames(name: &str) -> Vec<&str> {
    let file = name.rsplit('/').next().unwrap_or(name);
    let Some(at) = file.find(".so") else { return Vec::new() };
    let short = &file[..at + 3];
    let major = file[at + 3..].strip_prefix('.').map(|version| version.split('.').next().unwrap_or(version));
    let with_major = major.map(|major| &file[..short.len() + 1 + major.len()]);
    [with_major, Some(short)].into_iter().flatten().collect()
}

/// Returns the keys of a header, the most exact first.
pub(super) fn headers(path: &str) -> Vec<&str> {
    let included = match path.split_once("/include/") {
        Some((_, rest)) => rest,
        None => path.trim_start_matches('/'),
    };
    // Debian's folder for one machine.
    let first = included.split('/').next().unwrap_or(included);
    let triple = ["x86_64-linux-gnu", "aarch64-linux-gnu"].contains(&first);
    let included = if triple { included[first.len()..].trim_start_matches('/') } else { included };
    let mut ends = included.match_indices('/').map(|(at, _)| at).chain([included.len()]);
    let (first, second) = (ends.next().unwrap_or_default(), ends.next());
    [second, Some(first)].into_iter().flatten().map(|end| &included[..end]).filter(|key| !key.is_empty()).collect()
}
