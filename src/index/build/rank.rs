//! Which package is meant by the name of a program, a library, a header: points, the most first.

use super::names::Fields;

/// Packages that bring programs or copies of libraries of many others.
const SINKS: &str = "9base android-studio-tools busybox coreutils-prefixed cope eiwd emscripten freecad heirloom jellyfin-ffmpeg \
    libtorch-bin miktex mkosi-full molly-guard msys2 obase perf-tools plan9port plan9port-wayland sage sageWithDoc sagetex sbase \
    servarr-ffmpeg steam-run tetex texliveBasic texliveBookPub texliveConTeXt texliveGUST texliveTeTeX toybox tt-metal u-root \
    u-root-cmds ubase uutils-acl uutils-coreutils uutils-coreutils-noprefix uutils-diffutils uutils-findutils uutils-hostname \
    uutils-login uutils-procps uutils-sed uutils-tar uutils-util-linux";

/// Packages that stand in for another, or bring copies of its libraries.
const STAND_INS: &str = "angle argp-standalone aws-lc bionic boringssl cef-binary dietlibc elf-header elf-header-real elmerfem eudev evolutionWithPlugins \
    fortify-headers glibc_memusage ieda jellyfin-ffmpeg khronos-ocl-icd-loader klibc klibcShrunk libbfd_2_38 libelf libgccjit libiconv \
    libiodbc libossp_uuid libressl libtinfo libudev-zero libudev0-shim libz mailspring musl musl-fts musl-obstack netbsd.libc nwjs \
    nwjs-ffmpeg-prebuilt olvid onetbb_2021 openpam pdi picolibc polar-bookshelf react-native-debugger relibc servarr-ffmpeg uclibc-ng \
    wolfssl xtf";

/// Packages of every Unix machine: each of their programs means them.
const BASE: &str = "acl attr bash binutils bzip2 coreutils cpio cracklib cryptsetup dbus diffutils dosfstools e2fsprogs ed ethtool \
    file findutils gawk gcc gettext glibc gnugrep gnumake gnupatch gnused gnutar gzip iproute2 iptables iputils kbd keyutils kmod less \
    libcap linux-pam lvm2 man man-db mdadm mtools ncurses net-tools nettools nftables openssh parted pciutils perl procps psmisc shadow \
    smartmontools sudo systemd texinfo tzdata usbutils util-linux wpa_supplicant xz zlib zstd";

/// Packages that are meant before others which have programs of the same names.
const KNOWN: &str = "alsa-utils android-tools apacheHttpd autoconf automake avahi awscli2 babel bazel bc beamPackages.erlang bind bison bluez brotli \
    cabal-install cacert cairo cargo ccache clang clang-tools cmake cmake-format cups curl cyrus_sasl dcmtk dpkg dtc elixir emacs erlang \
    exiftool expat fakeroot ffmpeg flex fontconfig freetype fuse3 gcc-unwrapped gdal gdb gdk-pixbuf ghc ghostscript git glib glibc.bin gnupg go \
    gobject-introspection gradle graphicsmagick graphviz groff gtk3 gtk4 haproxy heimdal hdf5 hunspell icu imagemagick inetutils \
    inkscape jdk kotlin krb5 kubectl lame libarchive libjpeg libreoffice libtiff libtool libwebp libxml2 libxslt lighttpd lld lldb llvm lrzsz \
    lua lz4 mariadb maven mercurial mesa-demos mono moreutils mpi nginx ninja nix nmap nodejs nspr nss ntfs3g ocaml opam openjpeg openldap openresolv openssl \
    opensc pandoc pcsclite php pkg-config podman poppler-utils postgresql protobuf pulseaudio putty python3 qemu qt6.qtbase R rabbitmq-server \
    redis rpm rsync ruby rustc sane-backends samba sbcl scala SDL2 sox sqlite squashfsTools strace subversion swig systemtap tcl tk \
    tcpdump tmux trash-cli unbound unzip valgrind vim wayland wget wine wireshark-cli xfsprogs yarn zfs zip zsh";

/// Libraries that are meant before others which have files of the same names.
const LIBRARIES: &str = "SDL2 abseil-cpp alsa-lib at-spi2-core atk boost bzip2 cjson cmocka db dtc eigen elfutils ffmpeg flac fmt \
    freeglut fribidi gcc-unwrapped gd gdbm giflib glew glfw gloo gmp gnutls google-cloud-cpp gperftools graphene grpc gsl gst_all_1.gstreamer gtest \
    harfbuzz hiredis icu jansson jemalloc jq json_c jsoncpp leveldb lcms2 libGL libGLU libaio libbfd libcap libdrm libedit libelf libev \
    libevent libffi libgcrypt libgit2 libgpg-error libinput libmysqlclient libogg libopus libpcap libpng libpq libpulseaudio \
    librsvg libseccomp libsndfile libsodium libssh libssh2 libunwind libusb1 libuuid libuv libva libvorbis libvpx libx11 \
    libxcb libxkbcommon libyaml llvm mbedtls mpfr nettle nghttp2 nlohmann_json numactl ocl-icd openblas opencv openexr openjpeg \
    pango pcre pcre2 pixman poco poppler popt pugixml qt6.qtbase range-v3 re2 readline rocksdb snappy \
    linuxHeaders nix spdlog speex spirv-tools tbb tinyxml-2 tomlplusplus udev unixodbc unixODBC vulkan-loader xorg.libX11 yaml-cpp zeromq zxing-cpp";

/// Points of a set: what people write less.
const SETS: &[(&str, f64)] = &[
    ("python3Packages", -3.0),
    ("perlPackages", -6.0),
    ("rubyPackages", -5.0),
    ("phpPackages", -4.0),
    ("beamPackages", -4.0),
    ("kdePackages", -4.0),
    ("qt6", -3.0),
    ("libsForQt5", -6.0),
    ("llvmPackages", -4.0),
    ("gst_all_1", -1.0),
    ("xorg", -1.0),
    ("haskellPackages", -9.0),
    ("ocamlPackages", -7.0),
    ("unixtools", -40.0),
    ("texlive", -75.0),
    ("luaPackages", -4.0),
    ("rubyPackages_3_3", -12.0),
    ("haskell", -18.0),
    ("pkgsCross", -40.0),
    ("stdenvNoLibs", -40.0),
    ("azure-sdk-for-cpp", -20.0),
    ("gccNGPackages_15", -40.0),
    ("rocmPackages", -16.0),
];

/// Points of any other set.
const OTHER_SET: f64 = -12.0;

/// Ends of attrs that say which variant it is, with points.
const VARIANTS: &[(&str, f64)] = &[
    ("WithPlugins", -9.0),
    ("-unwrapped", -9.0),
    ("-wrapped", -6.0),
    ("Unwrapped", -9.0),
    ("-full", -6.0),
    ("Full", -6.0),
    ("-minimal", -8.0),
    ("Minimal", -8.0),
    ("-static", -12.0),
    ("Compat", -6.0),
    ("-musl", -14.0),
    ("-git", -9.0),
    ("-unstable", -8.0),
    ("-nightly", -8.0),
    ("-beta", -8.0),
    ("-dev", -8.0),
    ("-legacy", -8.0),
    ("-bin", -5.0),
    ("-headless", -6.0),
    ("_headless", -6.0),
    ("-nox", -5.0),
    ("-gtk", -4.0),
    ("-qt", -4.0),
    ("-rc", -8.0),
    ("-lts", -6.0),
    ("-esr", -5.0),
    ("-fhs", -9.0),
    ("-mpi", -6.0),
    ("Mpi", -6.0),
    ("-cuda", -8.0),
    ("Cuda", -8.0),
    ("-rocm", -8.0),
    ("-vulkan", -6.0),
    ("_x11", -5.0),
    ("-x11", -5.0),
    ("-wayland", -4.0),
    ("-patched", -9.0),
    ("-prefixed", -14.0),
    ("-multi", -9.0),
    ("_multi", -9.0),
    ("-fork", -6.0),
    ("-ng", -2.0),
    ("-rs", -3.0),
    ("-doc", -12.0),
    ("WithDoc", -12.0),
];

/// A package that has a program, or another file by whose name it is looked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Having<'a> {
    /// The attr that people write, without an output.
    pub(super) attr: &'a str,
    /// Its name by its store path.
    pub(super) name: &'a str,
    /// What an evaluation says of it.
    pub(super) fields: Option<&'a Fields>,
    /// How many of the kind it has.
    pub(super) count: usize,
    /// From how many other packages something links to it.
    pub(super) links: u32,
    /// Whether the file is a link into another package.
    pub(super) away: bool,
    /// Whether it is nothing but that link.
    pub(super) alone: bool,
    /// Whether attrs without this one's version exist.
    pub(super) versioned: bool,
    /// Whether it is another package in other clothes.
    pub(super) variant: bool,
    /// Whether the evaluation lacks it, though it lists its set.
    pub(super) gone: bool,
}

impl Having<'_> {
    /// Returns the points for a program of this name.
    pub(super) fn program(&self, program: &str) -> f64 {
        let last = self.attr.rsplit('.').next().unwrap_or(self.attr);
        let main = self.fields.map_or("", |fields| fields.main_program.as_str());
        let is_main = main == program;
        let alike = [(last, 30.0), (self.name, 26.0), (main, 30.0)];
        let exact = alike.iter().filter(|(name, _)| *name == program);
        let best = exact.clone().map(|(_, points)| *points).fold(0.0, f64::max);
        let own = if best > 0.0 {
            best + 3.0 * (exact.count() - 1) as f64
        } else {
            affix(program, last).max(affix(program, self.name))
        };
        let other_main = if !main.is_empty() && !is_main { -1.5 } else { 0.0 };
        let base = among(BASE, self.attr);
        let known = among(KNOWN, self.attr);
        let many = if own >= 26.0 || base || known { 0.0 } else { -2.2 * (self.count as f64).log2() };
        let away = match (self.alone, self.away) {
            (true, _) => -40.0,
            (_, true) => -6.0,
            _ => 0.0,
        };
        let known = if base { 30.0 } else { 16.0 * f64::from(u8::from(known)) };
        own + other_main + many + away + known + self.standing()
    }

    /// Returns the points for a library, header or module with this name, its affixes taken off.
    pub(super) fn file(&self, stem: &str) -> f64 {
        let last = self.attr.rsplit('.').next().unwrap_or(self.attr);
        let own = likeness(stem, last).max(likeness(stem, self.name) - 1.0);
        let many = -1.6 * (self.count as f64).log2() * if own >= 24.0 { 0.3 } else { 1.0 };
        let base = if among(BASE, self.attr) { 16.0 } else { 0.0 };
        let known = if among(KNOWN, self.attr) || among(LIBRARIES, self.attr) { 8.0 } else { 0.0 };
        let stands_in = if among(STAND_INS, self.attr) { -24.0 } else { 0.0 };
        own + many + base + known + stands_in + self.standing()
    }

    /// Returns the points for a file of a library: what is written for Python is not meant.
    pub(super) fn library(&self, stem: &str) -> f64 {
        self.file(stem) - if self.attr.starts_with("python3Packages.") { 8.0 } else { 0.0 }
    }

    /// Returns whether it is called like a file, its affixes taken off.
    pub(super) fn is_like(&self, stem: &str) -> bool {
        let last = self.attr.rsplit('.').next().unwrap_or(self.attr);
        likeness(stem, last).max(likeness(stem, self.name)) >= 12.0
    }

    /// Returns the points that do not depend on the name that is looked for.
    fn standing(&self) -> f64 {
        let set = match self.attr.split_once('.') {
            Some((set, _)) => SETS.iter().find(|(name, _)| *name == set).map_or(OTHER_SET, |(_, points)| *points),
            None => 0.0,
        };
        let name = self.attr.trim_end_matches(|c: char| c.is_ascii_digit() || c == '_' || c == '.');
        let variant = VARIANTS.iter().filter(|(end, _)| name.ends_with(end)).map(|(_, points)| *points);
        let sink = if among(SINKS, self.attr) { -35.0 } else { 0.0 };
        let versioned = if self.versioned { -8.0 } else { 0.0 };
        let gone = if self.gone { -1.0 } else { 0.0 };
        let variant_of = if self.variant { if self.attr.contains('.') { -6.0 } else { -3.0 } } else { 0.0 };
        let popular = 1.6 * f64::from(1 + self.links).log2();
        set + variant.sum::<f64>() + variant_of + sink + versioned + gone + popular - 0.1 * self.attr.len() as f64
    }
}

/// Returns whether an attr is one of a list.
fn among(list: &str, attr: &str) -> bool {
    list.split_ascii_whitespace().any(|item| item == attr)
}

/// Returns the points of a name that is like a program's.
fn affix(program: &str, name: &str) -> f64 {
    const BEFORE: [&str; 4] = ["gnu", "lib", "python-", "go-"];
    const AFTER: [&str; 9] = ["-cli", "-tools", "-utils", "tools", "utils", "-ng", "-bin", "s", "-rs"];
    let before = BEFORE.iter().any(|affix| name.strip_prefix(affix) == Some(program));
    let after = AFTER.iter().any(|affix| name.strip_suffix(affix) == Some(program));
    if before || after {
        14.0
    } else if squash(name) == squash(program) {
        18.0
    } else if starts(program, name) || starts(name, program) {
        7.0
    } else {
        0.0
    }
}

/// Returns whether a name begins with another of at least three letters, in whatever case.
fn starts(name: &str, with: &str) -> bool {
    with.len() >= 3 && name.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with))
}

/// Returns the points of a name that is like a library's.
fn likeness(stem: &str, name: &str) -> f64 {
    let (a, b) = (bare(stem), bare(name));
    if stem == name {
        30.0
    } else if a == b {
        26.0
    } else if a.len() >= 3 && b.len() >= 3 && (a.starts_with(&b) || b.starts_with(&a)) {
        12.0 + 6.0 * a.len().min(b.len()) as f64 / a.len().max(b.len()) as f64
    } else if b.len() >= 4 && a.contains(&b) || a.len() >= 4 && b.contains(&a) {
        8.0
    } else {
        0.0
    }
}

/// Returns a name in lower case, without what is no letter or digit.
fn squash(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// Returns the same without `lib` before it and a version after it.
fn bare(name: &str) -> String {
    let name = squash(name);
    let name = name.strip_prefix("lib").unwrap_or(&name);
    let short = name.trim_end_matches(|c: char| c.is_ascii_digit());
    (if short.is_empty() { name } else { short }).to_owned()
}
