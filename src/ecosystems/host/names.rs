//! Names of programs and folders that say what a program is for.

/// Names that stand for whatever the host has chosen.
pub(super) const ALTERNATIVES: &str = "editor pager pinentry sensible-browser sensible-editor sensible-pager www-browser \
    x-terminal-emulator x-www-browser";

/// What stands before the names of compilers and their tools that are for the host: of Debian, of Fedora, of Arch, of Conda, of
/// those who build their own.
pub(super) const TRIPLES: [&str; 10] = [
    "x86_64-linux-gnu-",
    "aarch64-linux-gnu-",
    "x86_64-redhat-linux-",
    "aarch64-redhat-linux-",
    "x86_64-pc-linux-gnu-",
    "x86_64-conda-linux-gnu-",
    "aarch64-conda-linux-gnu-",
    "x86_64-unknown-linux-gnu-",
    "aarch64-unknown-linux-gnu-",
    "x86_64-alpine-linux-musl-",
];

/// Folders of which there is one for each version, which is what follows, and their tools.
pub(super) const BESIDE: [(&str, &str); 8] = [
    ("/lib/postgresql/", "postgresql"),
    ("/pgsql-", "postgresql"),
    ("/libexec/postgresql", "postgresql"),
    ("/lib/llvm-", "llvm"),
    ("/lib/llvm", "llvm"),
    ("/lib64/llvm", "llvm"),
    ("rew/opt/llvm@", "llvm"),
    ("/opt/rh/gcc-toolset-", "gcc"),
];

/// Packages that have many programs of others, or the runtime of a language: they are no close call. First parts of their names.
pub(super) const SINKS: &str =
    "9base busybox gash jre klibc klibcShrunk plan9port sbase toybox u ubase unixtools uutils zulu";

/// Programs inside a compiler.
pub(super) const COMPILER: &str =
    "as cc1 cc1obj cc1plus collect2 d21 f951 g++-mapper-server gnat1 go1 ld lto-wrapper lto1";

/// Packages of the compiler in the standard environment.
pub(super) const COMPILERS: &str = "binutils bintools bintools-unwrapped binutils-unwrapped gcc gcc-unwrapped";

/// The other packages of the standard environment.
pub(super) const STANDARD: &str = "bash bzip2 coreutils diffutils file findutils gawk gnugrep gnumake gnupatch gnused gnutar gzip \
    patchelf xz";

/// Version managers.
pub(super) const MANAGERS: &str = "asdf chruby conda devbox flox fnm goenv jenv mamba micromamba mise module n nodenv nvm pixi pyenv rbenv rustup rvm sdk spack \
    tfenv volta";

/// Folders of version managers; what they manage is below `versions`, `installs` or `toolchains`.
pub(super) const MANAGED: &str = "/shims/ /.pyenv/ /.rbenv/ /.nodenv/ /.asdf/ /.volta/ /share/mise/ /.cargo/bin/cargo \
    /.cargo/bin/clippy-driver /.cargo/bin/rls /.cargo/bin/rust";

/// Folders in which packages keep programs for themselves.
pub(super) const BUNDLES: &str = "/node_modules/ /site-packages/ /dist-packages/ /lib/rustlib/";

/// Packages that only look after the host.
pub(super) const HOUSE: &str = "debconf init-system-helpers java-common libpam-runtime sgml-base software-properties-common ssl-cert \
    systemd-sysv ucf xml-core";
