//! What builds for another system. In nixpkgs these are packages under `pkgsCross`, which no index lists, and their programs have
//! other names, so that none can be captured: what can be done is said.

use super::paths;

/// What Debian and rustup call a system, and the set of nixpkgs that builds for it.
const SYSTEMS: [(&str, &str); 14] = [
    ("aarch64-linux-gnu", "aarch64-multiplatform"),
    ("aarch64-unknown-linux-gnu", "aarch64-multiplatform"),
    ("aarch64-unknown-linux-musl", "aarch64-multiplatform-musl"),
    ("arm-linux-gnueabihf", "armv7l-hf-multiplatform"),
    ("armv7-unknown-linux-gnueabihf", "armv7l-hf-multiplatform"),
    ("avr", "avr"),
    ("i686-w64-mingw32", "mingw32"),
    ("mingw-w64", "mingwW64"),
    ("riscv64-linux-gnu", "riscv64"),
    ("riscv64gc-unknown-linux-gnu", "riscv64"),
    ("s390x-linux-gnu", "s390x"),
    ("x86_64-pc-windows-gnu", "mingwW64"),
    ("x86_64-unknown-linux-musl", "musl64"),
    ("x86_64-w64-mingw32", "mingwW64"),
];

/// Programs and Debian's packages that build.
const TOOLS: [&str; 9] = ["binutils", "cpp", "g++", "gcc", "gfortran", "ld", "as", "ar", "strip"];

/// Returns what one can do for a program, a package of the host or a part of rustup that builds for another system, or is
/// the source of Rust's library.
pub fn cure(name: &str) -> Option<String> {
    let set = |system: &str| SYSTEMS.iter().find(|(known, _)| *known == system).map(|(_, set)| *set);
    if name == "rustup component rust-src" {
        return Some("in a flake of your own set RUST_SRC_PATH to `pkgs.rustPlatform.rustLibSrc`".to_owned());
    }
    if let Some(system) = name.strip_prefix("rustup target ") {
        let own = "use a flake of your own with fenix or rust-overlay, which have `targets`".to_owned();
        return Some(set(system).map_or(own, |set| cross(set, "rustc")));
    }
    let name = paths::name(name);
    let plain = ["gcc-", "g++-", "binutils-"].iter().find_map(|tool| set(name.strip_prefix(tool)?));
    let target = || {
        let (system, tool) = name.rsplit_once('-')?;
        set(system).filter(|_| TOOLS.contains(&tool))
    };
    plain.or_else(|| set(name)).or_else(target).map(|set| cross(set, "gcc"))
}

fn cross(set: &str, tool: &str) -> String {
    format!("use a flake of your own with `pkgsCross.{set}.buildPackages.{tool}`, whose programs have other names")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_builds_for_another_system() {
        for (name, what) in [
            ("/usr/bin/aarch64-linux-gnu-gcc", "pkgsCross.aarch64-multiplatform.buildPackages.gcc"),
            ("gcc-aarch64-linux-gnu", "pkgsCross.aarch64-multiplatform.buildPackages.gcc"),
            ("/usr/bin/x86_64-w64-mingw32-g++", "pkgsCross.mingwW64.buildPackages.gcc"),
            ("mingw-w64", "pkgsCross.mingwW64.buildPackages.gcc"),
            ("/usr/bin/avr-gcc", "pkgsCross.avr.buildPackages.gcc"),
            ("rustup target x86_64-pc-windows-gnu", "pkgsCross.mingwW64.buildPackages.rustc"),
            ("rustup target wasm32-unknown-unknown", "rust-overlay"),
            ("rustup component rust-src", "rustLibSrc"),
        ] {
            assert!(cure(name).expect(name).contains(what), "{name}");
        }
        for name in ["gcc", "/usr/bin/avr-readme", "jq", "rustup component miri", "gcc-12"] {
            assert_eq!(cure(name), None, "{name}");
        }
    }
}
