//! Rust: what `cargo install` brings, subcommands that are programs of their own, and what tests, builds and lints.

use super::install::{self, Kind, Line};
use super::{Asked, Context, Ecosystem, Near, Need, Want, call, listed, verb, versions};
use crate::index::Index;
use crate::journal::Invocation;
use crate::requirements::LockKind;

/// Options of cargo itself that take a value.
const OPTIONS: &str = "--color --config -C -Z --explain";

/// Options of `cargo install` that take a value.
const VALUES: &str = "--version --vers --git --branch --tag --rev --path --root --registry --index -F --features --profile \
    --target --target-dir --config --color -Z -j --jobs --bin --example --message-format -C --install-path --pkg-url";

/// Crates whose packages have other names.
const NAMES: &str = "bindgen-cli=rust-bindgen bottom=bottom cbindgen=rust-cbindgen cross=cargo-cross diesel_cli=diesel-cli \
    du-dust=dust exa=eza fd-find=fd flamegraph=cargo-flamegraph git-cliff=git-cliff git-delta=delta lsd=lsd mdbook=mdbook \
    nu=nushell probe-rs-tools=probe-rs-tools rustfilt=rustfilt sqlx-cli=sqlx-cli stylua=stylua taplo-cli=taplo \
    tree-sitter-cli=tree-sitter typos-cli=typos wasm-bindgen-cli=wasm-bindgen-cli ripgrep_all=ripgrep-all procs=procs \
    cargo-llvm-cov=cargo-llvm-cov websocat=websocat xh=xh tauri-cli=cargo-tauri dioxus-cli=dioxus-cli evcxr_repl=evcxr";

/// What cargo does by itself (`cargo --list` of Cargo 1.95, with the short names).
const BUILTIN: &str = "add b bench build c check clean config d doc fetch fix generate-lockfile git-checkout help info init install \
    locate-project login logout metadata new owner package pkgid publish r read-manifest remove report rm run rustc rustdoc \
    search t test tree uninstall update vendor verify-project version yank";

/// Subcommands that install crates.
const INSTALLS: &str = "binstall install quickinstall";

/// Subcommands whose packages have other names.
const SUBCOMMANDS: &str = "clippy=clippy fmt=rustfmt miri=";

/// The ecosystem.
pub(super) struct Cargo;

impl Ecosystem for Cargo {
    fn name(&self) -> &'static str {
        "cargo"
    }

    fn keeps(&self, argv: &[&str]) -> bool {
        request(argv).is_some()
    }

    fn invocation(&self, invocation: &Invocation, context: &Context) -> Option<Asked> {
        let words = invocation.words()?;
        let mut asked = Asked::default();
        match request(&words)? {
            Request::Install { crates, version, from } => {
                crates.iter().for_each(|word| read(word, version, context.index, &mut asked));
                match from.filter(|_| crates.is_empty()) {
                    Some(place) if is_own(place) => drop(asked.ignored.insert("the project itself")),
                    Some(place) => from_repository(place, context.index, &mut asked),
                    None => {}
                }
            }
            Request::Subcommand(verb) => match find_subcommand(context.index, verb) {
                Some(want) => asked.wants.push(want),
                None if install::by_hand(SUBCOMMANDS, verb).is_some() => {
                    asked.unrecognized.insert(format!("cargo {verb}"));
                }
                None => drop(asked.ignored.insert("the project's own command")),
            },
        }
        Some(asked)
    }

    fn installs(&self, argv: &[&str]) -> bool {
        matches!(request(argv), Some(Request::Install { .. }))
    }

    fn verifies(&self, argv: &[&str]) -> Option<String> {
        let (program, rest) = call(argv)?;
        match program {
            "cargo" if rest.contains(&"--fix") => None,
            "cargo" => {
                let verbs = ["b", "bench", "build", "c", "check", "clippy", "d", "doc", "fmt", "nextest", "t", "test"];
                match verb(program, rest, &verbs)?.as_str() {
                    "cargo-b" => Some("cargo-build".to_owned()),
                    "cargo-c" => Some("cargo-check".to_owned()),
                    "cargo-d" => Some("cargo-doc".to_owned()),
                    "cargo-t" => Some("cargo-test".to_owned()),
                    "cargo-fmt" if !rest.contains(&"--check") => None,
                    name => Some(name.to_owned()),
                }
            }
            "rustfmt" if rest.contains(&"--check") => Some("rustfmt-check".to_owned()),
            _ => None,
        }
    }

    fn need(&self, program: &str, near: &Near) -> Option<Need> {
        const WHY: &str = "its Cargo.lock keeps crates of git or of other registries, whose hashes are not in it";
        (program == "cargo").then(|| near.need(LockKind::Cargo, WHY))?
    }

    fn makes(&self, argv: &[&str], near: &Near) -> Vec<String> {
        match call(argv) {
            Some(("cargo", rest)) if verb("cargo", rest, &["build", "b"]).is_some() => built(rest, near),
            Some(("rustc", rest)) => {
                Line::read(rest, "-o --crate-name --crate-type --edition -C -L -l --emit --out-dir --target --cfg")
                    .values("-o")
                    .map(str::to_owned)
                    .collect()
            }
            _ => Vec::new(),
        }
    }
}

/// Returns the programs that `cargo build` makes with these words (The Cargo Book, "Build Cache"): those it is told, else
/// those of the package. Of a workspace, or for another target, nothing is promised.
fn built(rest: &[&str], near: &Near) -> Vec<String> {
    let line = Line::read(rest, VALUES);
    let others = "-p --package --workspace --all --target --target-dir --manifest-path --config -C --lib --example --examples \
        --tests --test --benches --bench --all-targets --features --no-default-features";
    if line.has(others) || rest.iter().any(|word| word.starts_with("--target") || word.starts_with("--artifact")) {
        return Vec::new();
    }
    let profile = match line.values("--profile").next() {
        Some("dev") | None if !line.has("-r --release") => "debug",
        Some("release") | None => "release",
        Some(profile) => profile,
    };
    let told: Vec<&str> = line.values("--bin").collect();
    let says = || near.beside("Cargo.toml").map(|file| file.says.iter()).into_iter().flatten();
    let own = says().filter_map(|said| said.strip_prefix("bin ")).filter(|_| told.is_empty());
    told.iter().copied().chain(own).map(|name| format!("target/{profile}/{name}")).collect()
}

/// What a command line asks for.
enum Request<'a> {
    /// Crates whose programs are installed, their version, and a place they come from.
    Install { crates: Vec<&'a str>, version: Option<&'a str>, from: Option<&'a str> },
    /// A subcommand that is a program of its own.
    Subcommand(&'a str),
}

fn request<'a>(argv: &[&'a str]) -> Option<Request<'a>> {
    let (program, words) = call(argv)?;
    if program != "cargo" && program != "cargo-binstall" {
        return None;
    }
    let words = if words.first().is_some_and(|word| word.starts_with('+')) { &words[1..] } else { words };
    let verb = Line::read(words, OPTIONS).words.first().copied();
    if program == "cargo-binstall" || verb.is_some_and(|verb| listed(INSTALLS, verb)) {
        let line = Line::read(words, VALUES);
        let own = usize::from(program == "cargo");
        let crates: Vec<&str> = line.words.iter().copied().skip(own).collect();
        let version = line.values("--version --vers").next();
        let from = line.values("--path --git").next();
        let is_one = !line.has("--list") && (from.is_some() || !crates.is_empty());
        return is_one.then_some(Request::Install { crates, version, from });
    }
    verb.filter(|verb| !listed(BUILTIN, verb) && verb.starts_with(|c: char| c.is_ascii_alphabetic()))
        .map(Request::Subcommand)
}

/// Returns whether a place is of the project: a path that does not lead out.
fn is_own(place: &str) -> bool {
    !place.contains(':') && !place.starts_with(['/', '~']) && place.split('/').all(|part| part != "..")
}

/// Notes the program of a repository: that of its name, when the index has one of the very name.
fn from_repository(place: &str, index: &Index, asked: &mut Asked) {
    let name = place.trim_end_matches('/').rsplit('/').next().unwrap_or(place).trim_end_matches(".git");
    let want = install::named(index, NAMES, name, None).filter(|want| want.attr.as_str() == name);
    install::put(place, want, Kind::Tool, asked);
}

/// Reads `crate` or `crate@1.2`.
fn read(word: &str, version: Option<&str>, index: &Index, asked: &mut Asked) {
    let (name, version) = word.split_once('@').map_or((word, version), |(name, version)| (name, Some(version)));
    let seen = version.map(|version| version.trim_start_matches('=')).and_then(versions::upstream);
    let want = install::named(index, NAMES, name, None).map(|want| Want { seen, ..want });
    install::put(word, want, Kind::Tool, asked);
}

fn find_subcommand(index: &Index, verb: &str) -> Option<Want> {
    let attr = match install::by_hand(SUBCOMMANDS, verb) {
        Some(attr) => index.known(attr)?,
        None => index.program(&format!("cargo-{verb}"))?.attr,
    };
    Some(Want::new(attr))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{alone, ask, journal, program, read, with_lines};
    use super::*;

    #[test]
    fn command_lines() {
        for (line, reading) in [
            ("cargo install --locked just ripgrep@14.1.0", "tools just ripgrep=14.1.0"),
            ("cargo install cargo-audit@^0.20 fd-find@=9.0.0", "tools cargo-audit fd=9.0.0"),
            ("cargo install fd-find --version 9.0.0", "tools fd=9.0.0"),
            ("cargo binstall -y cargo-nextest", "tools cargo-nextest"),
            ("cargo install --path .", "ignored the project itself"),
            ("cargo install --git https://x.org/y", "unrecognized https://x.org/y"),
            ("cargo install --git https://github.com/casey/just.git --tag 1.2", "tools just"),
            ("cargo install --git https://github.com/BurntSushi/ripgrep ripgrep", "tools ripgrep"),
            ("cargo install --path crates/x", "ignored the project itself"),
            ("cargo install --path ../x", "unrecognized ../x"),
            ("cargo +stable install -j4 --features=a,b just@1.14.0 --root ~/x", "tools just=1.14.0"),
            ("cargo quickinstall just", "tools just"),
            ("cargo-binstall --no-confirm cargo-deny", "tools cargo-deny"),
            ("cargo miri test", "unrecognized cargo miri"),
            ("cargo +nightly clippy -- -D warnings", "wants clippy"),
            ("cargo nextest run", "wants cargo-nextest"),
            ("cargo xtask ci", "ignored the project's own command"),
        ] {
            assert_eq!(ask(&Cargo, line).as_deref(), Some(reading), "{line}");
        }
        for line in
            ["cargo install", "cargo install --list", "cargo build", "cargo --version", "cargo test install", "cargo"]
        {
            assert_eq!(ask(&Cargo, line), None, "{line}");
        }
    }

    #[test]
    fn programs() {
        assert_eq!(alone(program("~/.cargo/bin/just")), "just [just] 1");
        let installed = with_lines(journal("s", vec![program("~/.cargo/bin/just")]), &["cargo install just fd-find"]);
        assert_eq!(read(&installed), ["just [just] 1", "i1 ignored: installed, but nothing of it ran"]);
    }

    #[test]
    fn checks() {
        for (line, name) in [
            ("cargo test --workspace", Some("cargo-test")),
            ("cargo +nightly clippy -- -D warnings", Some("cargo-clippy")),
            ("cargo t --workspace", Some("cargo-test")),
            ("cargo fmt", None),
            ("cargo fmt --check", Some("cargo-fmt")),
            ("cargo clippy --fix", None),
            ("cargo run", None),
            ("rustfmt --check x.rs", Some("rustfmt-check")),
        ] {
            let words: Vec<&str> = line.split(' ').collect();
            assert_eq!(Cargo.verifies(&words).as_deref(), name, "{line}");
        }
    }
}
