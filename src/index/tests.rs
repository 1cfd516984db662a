//! The tables, and look-ups in them.

use super::*;

fn program(name: &str) -> String {
    Index::new().program(name).map_or_else(|| "none".to_owned(), |candidate| candidate.attr.to_string())
}

#[test]
fn tables_are_sorted_and_their_keys_unique() {
    let index = Index::new();
    let tables = [
        index.programs,
        index.sonames,
        index.headers,
        index.pkgconfig,
        index.cmake,
        index.overrides,
        index.stdenv,
        index.attrs,
        index.python,
        index.more,
        index.canon,
        index.renamed,
        index.pnames,
        index.pynames,
        index.pymodules,
        index.debian,
        index.sources,
    ];
    let mut size = 0;
    for table in tables {
        assert!(table.0.ends_with('\n'));
        let keys: Vec<&str> = table.0.lines().map(|line| line.split('\t').next().unwrap_or(line)).collect();
        assert!(keys.is_sorted_by(|a, b| a.as_bytes() < b.as_bytes()), "{}", &table.0[..40]);
        assert!(keys.iter().all(|key| table.get(key).is_some()));
        size += table.0.len();
    }
    assert!(size < 6_000_000, "{size}");
}

#[test]
fn values_are_attrs_that_exist() {
    let index = Index::new();
    for table in [index.overrides, index.pnames, index.debian] {
        for line in table.0.lines() {
            let (_, attr) = line.split_once('\t').expect("two fields");
            assert!(index.known(attr).is_some() || attr == NOTHING, "{line}");
        }
    }
    for line in index.pynames.0.lines() {
        let (_, attr) = line.split_once('\t').expect("two fields");
        assert!(index.known(&format!("python3Packages.{attr}")).is_some(), "{line}");
    }
    for line in [index.programs, index.sonames, index.headers, index.pkgconfig, index.cmake]
        .iter()
        .flat_map(|table| table.0.lines())
    {
        let (key, attrs) = line.split_once('\t').expect("two fields");
        let table = [index.programs, index.sonames, index.headers, index.pkgconfig, index.cmake];
        let known = table.into_iter().any(|table| index.ranked(table, key).count() == attrs.split(',').count());
        assert!(known, "{line}");
    }
    assert!(RULES.lines().all(|line| Regex::new(line.split('\t').next().unwrap_or("(")).is_ok()));
}

#[test]
fn programs() {
    for (name, attr) in [
        ("rg", "ripgrep"),
        ("fdfind", "fd"),
        ("node", "nodejs"),
        ("pytest", "python3Packages.pytest"),
        ("jj", "jujutsu"),
        ("clang-18", "clang_18"),
        ("clang-14", "clang"),
        ("clang-format-14", "clang-tools"),
        ("python3.11", "python311"),
        ("python3.9", "python3"),
        ("php7.4", "php"),
        ("gcc-12", "gcc"),
        ("no-such-program", "none"),
        ("", "none"),
        ("terraform", "terraform"),
        ("dig", "bind.dnsutils"),
        ("java", "jdk"),
        ("sha9999sum", "none"),
        ("go1.20", "go"),
    ] {
        assert_eq!(program(name), attr, "{name}");
    }
    let index = Index::new();
    for (name, attr, called) in [
        ("tini-static", "tini", Some("tini")),
        ("x86_64-linux-gnu-gcc-12", "gcc", Some("gcc")),
        ("stunnel4", "stunnel", Some("stunnel")),
        ("qemu-aarch64-static", "qemu", Some("qemu-aarch64")),
        ("tic-80", "tic-80", None),
    ] {
        let found = index.program(name).expect(name);
        assert_eq!((found.attr.as_str(), index.called(&found.attr, name)), (attr, called), "{name}");
    }
    assert_eq!(program("node-static"), "none");
    let dig = index.program("dig").expect("known");
    assert_eq!((dig.output.as_deref(), dig.source), (Some("dnsutils"), Source::Table));
}

#[test]
fn other_tables() {
    let index = Index::new();
    let shown = |attr: Option<AttrPath>| attr.map_or_else(|| "none".to_owned(), |attr| attr.to_string());
    for (name, attr) in [
        ("PyYAML", "pyyaml"),
        ("yaml", "pyyaml"),
        ("scikit_learn", "scikit-learn"),
        ("zope.interface", "zope-interface"),
        ("cv2", "opencv4"),
        ("Pillow", "pillow"),
    ] {
        assert_eq!(shown(index.python(name)), format!("python3Packages.{attr}"), "{name}");
    }
    assert_eq!(shown(index.python_module("yaml.reader")), "python3Packages.pyyaml");
    // That one package has `google` says nothing of others.
    assert_eq!(index.python_module("google.colab"), None);
    for (name, attr) in [
        ("ripgrep", "ripgrep"),
        ("python3.13-requests", "python3Packages.requests"),
        ("python3", "python3"),
        ("perl5.42.0-Alien-FFI", "perlPackages.AlienFFI"),
        ("0ad", "zeroad-unwrapped"),
        ("lens", "haskellPackages.lens"),
        ("nothing-of-this-name", "none"),
        ("openjdk", "jdk"),
    ] {
        assert_eq!(shown(index.store_name(name)), attr, "{name}");
    }
    for (name, attr) in [
        ("fd-find", "fd"),
        ("libssl-dev", "openssl"),
        ("libgit2-dev", "libgit2"),
        ("libuv1-dev", "libuv"),
        ("jq", "jq"),
        ("python3-yaml", "python3Packages.pyyaml"),
        ("libnothing-dev", "none"),
        ("postgresql-15", "postgresql_15"),
        ("postgresql-15-cron", "postgresqlPackages.pg_cron"),
        ("libnetcdf19", "netcdf"),
        ("libavcodec59", "ffmpeg"),
        ("4ti2", "_4ti2"),
        ("montage", "none"),
    ] {
        assert_eq!(shown(index.debian(name)), attr, "{name}");
    }
    for (module, attr) in
        [("lua5.3-lpeg", "lua53Packages.lpeg"), ("gnuradio-analog", "gnuradio"), ("opencv_apps", "none")]
    {
        assert_eq!(shown(index.pkg_config(module)), attr, "{module}");
    }
    // Another package has a copy of an older version.
    assert_eq!(shown(index.soname("libnetcdf.so.19")), "netcdf");
    assert_eq!(shown(index.known("python313Packages.requests")), "python3Packages.requests");
    assert_eq!(index.stdenv("ls"), Some("coreutils"));
    let python = AttrPath::parse("python311").expect("an attr");
    assert_eq!(index.attr(&python).and_then(|attr| attr.main_program), Some("python3.11"));
    assert_eq!(index.called(&AttrPath::parse("clang").expect("an attr"), "clang-14"), Some("clang"));
    assert_eq!(index.called(&AttrPath::parse("fd").expect("an attr"), "vim.basic"), None);
}

#[test]
fn names_near_to_a_wrong_one() {
    let index = Index::new();
    assert_eq!(index.near("ripgrp").first().map(String::as_str), Some("ripgrep"));
    assert_eq!(index.near("python3Packages.request").first().map(String::as_str), Some("python3Packages.requests"));
}

#[test]
fn an_attr_that_was_renamed_is_the_one_that_it_is_now() {
    let index = Index::new();
    for (once, now) in [
        ("du-dust", "dust"),
        ("gitAndTools.hub", "hub"),
        ("poppler_utils", "poppler-utils"),
        ("pythonPackages.requests", "python3Packages.requests"),
        ("xorg.libX11", "libx11"),
        ("xorg.xrandr", "xrandr"),
    ] {
        assert_eq!(index.known(once).expect(once).as_str(), now);
        assert_eq!(index.near(once).first().map(String::as_str), Some(now));
    }
    // A package that is gone is no other one; what one may take is told.
    assert_eq!(index.known("neofetch"), None);
    assert_eq!(index.near("neofetch").first().map(String::as_str), Some("fastfetch"));
    // An older pin has the old name.
    assert!(index.near("dust").contains(&"du-dust".to_owned()), "{:?}", index.near("dust"));
    assert!(index.near("silver-searcher").contains(&"silver-searcher-ng".to_owned()));
}

#[test]
fn renamed_attrs_are_in_no_evaluation_and_what_they_are_now_is() {
    let index = Index::new();
    for line in index.renamed.0.lines() {
        let (once, now) = line.split_once('\t').expect("two fields");
        assert!(index.attrs.get(once).is_none(), "{line}");
        assert!(now.ends_with('*') || index.known(now.trim_start_matches('?')).is_some(), "{line}");
    }
}

#[test]
fn packages_of_debian_that_nixpkgs_has_not_are_none() {
    let none = [
        "dh-make",
        "gcc-12-hppa64-linux-gnu",
        "code-insiders",
        "git-nothing",
        "golang-github-spf13-cobra-dev",
        "libapache2-mod-nothing",
        "libcommons-codec-java",
        "libnet-nothing-perl",
        "libqt5webkit5-dev",
        "linux-image-amd64",
        "librust-serde-dev",
        "node-lodash",
        "pkg-kde-tools",
        "python3-no-such-module",
        "time-daemon",
        "vim-fugitive",
        // What others add is no part of it.
        "erlang-cowlib",
        "hunspell-af",
        "libreoffice-voikko",
        "mecab-jumandic",
        "php8.2-gearman",
        "plymouth-theme-hamara",
        "python3-luma.lcd",
        "vdr-plugin-epgsearch",
        "gnat-12-aarch64-linux-gnu",
        // Only a program of others is called so.
        "fonts-lobster",
        "qml-module-qtwebkit",
    ];
    for package in none {
        assert_eq!(Index::new().debian(package), None, "{package}");
    }
}

#[test]
fn parts_of_a_package_of_debian_are_of_it() {
    let parts = [
        ("fonts-sil-doulos", "doulos-sil"),
        ("golang-1.21-go", "go"),
        ("hunspell-it", "hunspellDicts.it_IT"),
        ("libkf6coreaddons-dev", "kdePackages.kcoreaddons"),
        ("libsrt1.5-gnutls", "srt"),
        ("libusb-1.0-doc", "libusb1"),
        ("qml6-module-qtquick-controls", "qt6.qtdeclarative"),
        ("squid-openssl", "squid"),
        ("vlc-bin", "vlc"),
        ("fonts-tlwg-purisa", "tlwg"),
        ("g++-12-aarch64-linux-gnu", "pkgsCross.aarch64-multiplatform.buildPackages.gcc"),
        ("binutils-avr", "pkgsCross.avr.buildPackages.binutils"),
        ("gir1.2-pango-1.0", "pango"),
        ("lib32z1-dev", "zlib"),
        ("libapache2-mod-wsgi-py3", "apacheHttpdPackages.mod_wsgi3"),
        ("libqt5qml5", "libsForQt5.qt5.qtdeclarative"),
        ("octave-signal", "octavePackages.signal"),
        ("python-setuptools", "python3Packages.setuptools"),
        ("r-cran-rjava", "rPackages.rJava"),
        ("texlive-lang-french", "texliveMedium"),
        ("texlive-publishers", "texliveFull"),
        ("x11proto-core-dev", "xorgproto"),
        ("xserver-xorg-video-dummy", "xf86-video-dummy"),
        ("cuda-nvtx-12-4", "cudaPackages.cuda_nvtx"),
        ("network-manager-openvpn-gnome", "networkmanager-openvpn"),
        ("python3-flaskext.wtf", "python3Packages.flask-wtf"),
        ("python3-pyqt6.qtwebengine", "python3Packages.pyqt6-webengine"),
        ("python3-pyside2.qtgui", "python3Packages.pyside2"),
        ("fonts-tlwg-mono", "tlwg"),
        ("libqt6core5compat6-dev", "qt6.qt5compat"),
        ("python3-python-socks", "python3Packages.python-socks"),
        ("tesseract-ocr-jpn", "tesseract"),
        // Only their source says it.
        ("erlang-ssl", "erlang"),
        ("uidmap", "shadow"),
        ("libsasl2-modules-db", "cyrus_sasl"),
        ("libpam-sss", "sssd"),
    ];
    for (package, attr) in parts {
        assert_eq!(Index::new().debian(package).expect(package).as_str(), attr, "{package}");
    }
}

#[test]
fn programs_that_no_package_has_are_of_what_is_called_like_them() {
    let index = Index::new();
    for (name, attr, source) in [
        ("espeak-ng", "espeak-ng", Source::Table),
        ("busybox", "busybox", Source::Table),
        ("patch", "gnupatch", Source::Table),
        ("coursier", "coursier", Source::Name),
        ("dstat", "dool", Source::Debian),
        ("elasticsearch-keystore", "elasticsearch", Source::Whole),
    ] {
        let found = index.program(name).expect(name);
        assert_eq!((found.attr.as_str(), found.source), (attr, source), "{name}");
    }
    // A library has none.
    assert_eq!(index.program("zlib"), None);
    assert_eq!(program("openapi-generator"), "openapi-generator-cli");
    let hostile = "-i386".repeat(100_000);
    assert_eq!((index.program(&"x.py".repeat(100_000)), index.debian(&hostile)), (None, None));
}

#[test]
fn a_module_that_only_copies_have_is_that_of_its_library() {
    let index = Index::new();
    for (module, attr) in [("libuv-static", "libuv"), ("UMFPACK", "suitesparse"), ("harfbuzz-cairo", "harfbuzz")] {
        assert_eq!(index.pkg_config(module).expect(module).as_str(), attr);
        assert_eq!(index.which(&format!("pc:{module}"))[0].attr.as_str(), attr);
    }
}

#[test]
fn a_module_may_be_written_a_little_otherwise() {
    let index = Index::new();
    for (module, attr) in [
        ("SDL2_test", "SDL2"),
        ("cpp-httplib", "httplib"),
        ("cublas-12.4", "cudaPackages.libcublas"),
        ("gst-rtsp-server-1.0", "gst_all_1.gst-rtsp-server"),
        ("level_zero", "level-zero"),
        ("msgpack", "msgpack-c"),
    ] {
        assert_eq!(index.pkg_config(module).expect(module).as_str(), attr);
    }
}

#[test]
fn what_people_mean_and_nixpkgs_has_not_is_no_other_of_its_name() {
    let index = Index::new();
    // Tools of Node; `rollup` is of `libcaption`, `ng` of `nailgun`, too.
    for name in ["bower", "ng", "rollup", "sls", "vue"] {
        assert_eq!((index.program(name), index.which(name)), (None, Vec::new()), "{name}");
    }
    assert!(index.candidates("ng").next().is_some());
}

#[test]
fn tools_that_build_for_another_system_are_told_and_not_taken() {
    let index = Index::new();
    for (name, attr) in [
        ("aarch64-linux-gnu-gcc-12", "pkgsCross.aarch64-multiplatform.buildPackages.gcc"),
        ("riscv64-unknown-elf-objdump", "pkgsCross.riscv64-embedded.buildPackages.binutils"),
        ("x86_64-linux-musl-gcc", "pkgsCross.musl64.buildPackages.gcc"),
        ("aarch64-unknown-linux-gnu-gcc", "pkgsCross.aarch64-multiplatform.buildPackages.gcc"),
    ] {
        assert_eq!(index.program(name), None, "{name}");
        assert_eq!(index.which(name)[0].attr.as_str(), attr);
    }
    assert_eq!(index.which("aarch64-linux-gnu-frobnicate"), Vec::new());
}

#[test]
fn a_program_of_which_nothing_says_that_a_package_has_it_is_not_looked_for() {
    let index = Index::new();
    let attr = index.program("tinygo").expect("a package").attr;
    assert_eq!((attr.as_str(), index.called(&attr, "tinygo")), ("tinygo", None));
    assert!(index.which("tinygo")[0].reason.contains("nothing says"), "{:?}", index.which("tinygo"));
}

#[test]
fn every_rule_is_an_expression_over_ascii() {
    for line in RULES.lines() {
        let (expression, _) = line.split_once('\t').expect("two fields");
        assert!(RegexBuilder::new(expression).unicode(false).build().is_ok(), "{line}");
    }
}
